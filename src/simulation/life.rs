//! A life: a queue, functions that run side by side, and time.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::Lived;
use super::account::{Account, before, news, tick};
use super::check::{Check, Violation};
use super::script::{Script, Step, Verdict};
use crate::event::{Home, Malformed};
use crate::handler::{Report, handle};
use crate::incident::IncidentId;
use crate::sandbox::{Fault, NextFault, Sandbox};
use crate::terms::{Allowance, Terms};
use crate::usage::Minute;
use crate::world::{RequestOutcome, RequestStatus, State, after};

/// As deployed: the function's time-out, what of it is for new work, and how long a lease stands.
const TIME_OUT: SignedDuration = SignedDuration::from_secs(60);
const WORKING: SignedDuration = SignedDuration::from_secs(40);
const LEASE: SignedDuration = SignedDuration::from_secs(90);
/// A message that was received is hidden for so long.
const HIDDEN: SignedDuration = SignedDuration::from_mins(6);
/// After so many deliveries a message is a dead letter.
const MOST_RECEIVED: u32 = 10;
const MOST_INVOKED: u32 = 3;
/// Batches that are handled side by side.
const MOST_FUNCTIONS: usize = 5;
/// Rest comes sooner than after so many rounds.
const MOST_ROUNDS: u32 = 3000;

type Checked = Result<(), Violation>;
type Running<'a> = Pin<Box<dyn Future<Output = Result<Report, Malformed>> + 'a>>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In the queue; visible from then on.
    Waiting(Timestamp),
    /// With a function.
    Received,
    /// Acknowledged.
    Gone,
    /// Among the dead letters.
    Dead,
}

struct Message {
    body: String,
    /// The same for every copy of it.
    event: usize,
    /// When what it tells of happened.
    happened: Timestamp,
    problem: Option<usize>,
    is_invoked: bool,
    is_poison: bool,
    place: Place,
    received: u32,
}

struct Function<'a> {
    number: u64,
    running: Running<'a>,
    messages: Vec<usize>,
    ahead: SignedDuration,
    started: Timestamp,
    /// How its next call fails.
    fault: Option<NextFault>,
}

struct Life<'a> {
    account: &'a Account,
    world: &'a Sandbox,
    /// The incident of each problem.
    incidents: BTreeMap<usize, IncidentId>,
    messages: Vec<Message>,
    functions: Vec<Function<'a>>,
    check: Check<'a>,
    lived: Lived,
}

/// Lives `script` in `account`.
pub(super) fn live(account: &Account, script: &Script) -> Result<Lived, Violation> {
    let world = Sandbox::new(account.world.clone(), account.start);
    world.keep_journal();
    let mut life = Life {
        account,
        world: &world,
        incidents: incidents(account),
        messages: Vec::new(),
        functions: Vec::new(),
        check: Check::new(&account.config),
        lived: Lived::default(),
    };
    for step in &script.steps {
        life.step(step)?;
    }
    let mended = life.now();
    life.come_to_rest()?;
    life.check.at_rest(mended)?;
    Ok(life.lived())
}

/// Which incident a problem's errors belong to: asked of a world of its own.
fn incidents(account: &Account) -> BTreeMap<usize, IncidentId> {
    let of = |problem: &super::account::Problem| {
        let world = Sandbox::new(account.world.clone(), account.start);
        let payload = problem.event(account.start);
        let home = Home::default();
        let allowance = Allowance { until: account.start, lease: LEASE };
        let terms = Terms { config: &account.config, home: &home, allowance };
        let mut handling = std::pin::pin!(handle(&world, &terms, payload.as_bytes()));
        let report = to_its_end(handling.as_mut())?.ok()?;
        Some(report.incidents.first()?.incident.id.clone())
    };
    account.problems.iter().enumerate().filter_map(|(n, problem)| Some((n, of(problem)?))).collect()
}

/// Runs `future` alone; `None` if it waits for something that never comes.
fn to_its_end<T>(mut future: Pin<&mut impl Future<Output = T>>) -> Option<T> {
    let mut context = Context::from_waker(Waker::noop());
    (0..1_000_000).find_map(|_| match future.as_mut().poll(&mut context) {
        Poll::Ready(done) => Some(done),
        Poll::Pending => None,
    })
}

fn nth(n: usize, of: usize) -> Option<usize> {
    n.checked_rem(of)
}

impl Life<'_> {
    fn now(&self) -> Timestamp {
        self.world.time()
    }

    fn step(&mut self, step: &Step) -> Checked {
        match *step {
            Step::Send { problem, errors, minutes } => {
                for _ in 0..errors {
                    self.send_problem(problem, minutes, false);
                }
            }
            Step::Invoke { problem } => self.send_problem(problem, 0, true),
            Step::Poison => {
                self.send("{ \"Records\": ".to_owned(), None);
                if let Some(message) = self.messages.last_mut() {
                    message.is_poison = true;
                }
            }
            Step::Tick => self.send(tick(), None),
            Step::News => self.send(news(self.now()), None),
            Step::Duplicate { message } => self.duplicate(message),
            Step::Start { from, most, ahead } => {
                self.start(from, most.into(), SignedDuration::from_secs(ahead.into()));
            }
            Step::Run { function, polls } => {
                let Some(n) = nth(function, self.functions.len()) else { return Ok(()) };
                for _ in 0..polls {
                    if self.poll(n)? {
                        break;
                    }
                }
            }
            Step::Fail { function, call, kind } => {
                if let Some(n) = nth(function, self.functions.len())
                    && let Some(function) = self.functions.get_mut(n)
                {
                    function.fault = Some(NextFault { call, kind });
                }
            }
            Step::Break { call, kind } => {
                self.world.change(|f| f.faults.push(Fault { call, nth: None, kind }));
            }
            Step::Mend => self.world.change(|f| f.faults.clear()),
            Step::Crash { function } => {
                if let Some(n) = nth(function, self.functions.len()) {
                    self.crash(n)?;
                }
            }
            Step::Pass { seconds } => self.pass(SignedDuration::from_secs(seconds.into()))?,
            Step::Decide { request, verdict } => self.decide(request, verdict),
            Step::Throttle { model, throttled } => self.throttle(model, throttled),
            Step::Redrive => {
                let now = self.now();
                for message in self.messages.iter_mut().filter(|m| m.place == Place::Dead) {
                    (message.place, message.received) = (Place::Waiting(now), 0);
                }
            }
        }
        Ok(())
    }

    fn send(&mut self, body: String, problem: Option<usize>) {
        let place = Place::Waiting(self.now());
        let event = self.messages.len();
        self.lived.messages += 1;
        self.messages.push(Message {
            body,
            event,
            happened: self.now(),
            problem,
            is_invoked: false,
            is_poison: false,
            place,
            received: 0,
        });
    }

    fn send_problem(&mut self, problem: usize, minutes: u8, is_invoked: bool) {
        let Some(n) = nth(problem, self.account.problems.len()) else { return };
        let Some(problem) = self.account.problems.get(n) else { return };
        let happened = before(self.now(), minutes);
        self.send(problem.event(happened), Some(n));
        if let Some(message) = self.messages.last_mut() {
            (message.is_invoked, message.happened) = (is_invoked, happened);
        }
    }

    fn duplicate(&mut self, message: usize) {
        let place = Place::Waiting(self.now());
        let Some(n) = nth(message, self.messages.len()) else { return };
        let Some(of) = self.messages.get(n) else { return };
        let copy = Message { body: of.body.clone(), place, received: 0, ..*of };
        self.messages.push(copy);
    }

    /// Starts a function on what waits.
    fn start(&mut self, from: usize, most: usize, ahead: SignedDuration) {
        let now = self.now();
        let mut waiting: Vec<usize> = Vec::new();
        for (n, message) in self.messages.iter_mut().enumerate() {
            let Place::Waiting(visible) = message.place else { continue };
            if visible > now {
                continue;
            }
            let most = if message.is_invoked { MOST_INVOKED } else { MOST_RECEIVED };
            if message.received >= most {
                message.place = Place::Dead;
                continue;
            }
            waiting.push(n);
        }
        let Some(first) = nth(from, waiting.len()) else { return };
        if self.functions.len() == MOST_FUNCTIONS {
            return;
        }
        waiting.rotate_left(first);
        let is_invoked = |n: &usize| self.messages.get(*n).is_some_and(|m| m.is_invoked);
        let taken: Vec<usize> = match waiting.first() {
            Some(only) if is_invoked(only) => vec![*only],
            _ => waiting.into_iter().filter(|n| !is_invoked(n)).take(most).collect(),
        };
        let payload = self.receive(&taken);
        let (world, config) = (self.world, &self.account.config);
        let clock = after(now, ahead);
        let allowance = Allowance { until: after(clock, WORKING), lease: LEASE };
        let home = self.account.world.home();
        let running =
            async move { handle(world, &Terms { config, home: &home, allowance }, payload.as_bytes()).await };
        self.lived.functions += 1;
        self.functions.push(Function {
            number: self.lived.functions,
            running: Box::pin(running),
            messages: taken,
            ahead,
            started: now,
            fault: None,
        });
    }

    /// The payload of a function that gets these messages.
    fn receive(&mut self, taken: &[usize]) -> String {
        let mut records = Vec::new();
        let mut invoked = None;
        for n in taken {
            let Some(message) = self.messages.get_mut(*n) else { continue };
            message.place = Place::Received;
            message.received += 1;
            self.lived.deliveries += 1;
            if let Some((incident, errors)) = message
                .problem
                .and_then(|p| Some((self.incidents.get(&p)?, self.account.problems.get(p)?.errors())))
            {
                self.check.delivered(incident, errors);
            }
            if message.is_invoked {
                invoked = Some(message.body.clone());
            }
            records
                .push(json!({ "messageId": n.to_string(), "eventSource": "aws:sqs", "body": message.body }));
        }
        invoked.unwrap_or_else(|| json!({ "Records": records }).to_string())
    }

    /// Runs a function to its next wait. `true` when it has ended.
    fn poll(&mut self, n: usize) -> Result<bool, Violation> {
        let now = self.now();
        let Some(function) = self.functions.get_mut(n) else { return Ok(true) };
        self.world.set_clock_ahead(function.ahead);
        if let Some(fault) = function.fault {
            self.world.fail_next(fault);
        }
        let polled = function.running.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        function.fault = self.world.spare_next();
        self.world.set_clock_ahead(SignedDuration::ZERO);
        let number = function.number;
        self.check.happened(number, self.world.take_journal(), now)?;
        let Poll::Ready(done) = polled else { return Ok(false) };
        let function = self.functions.remove(n);
        self.check.ended(number)?;
        self.answered(&function, done)?;
        Ok(true)
    }

    /// Lambda has the function's answer.
    fn answered(&mut self, function: &Function<'_>, done: Result<Report, Malformed>) -> Checked {
        let failed: Option<Vec<String>> = done.ok().map(|report| {
            if report.is_batch {
                report.batch_response().batch_item_failures.into_iter().map(|f| f.item_identifier).collect()
            } else if report.items.iter().any(|i| i.failed) || matches!(report.swept, Some(Err(_))) {
                function.messages.iter().map(ToString::to_string).collect()
            } else {
                Vec::new()
            }
        });
        for n in &function.messages {
            let is_gone = failed.as_ref().is_some_and(|failed| !failed.contains(&n.to_string()));
            if is_gone {
                self.acknowledge(*n)?;
            } else {
                self.give_back(*n, function.started);
            }
        }
        Ok(())
    }

    fn acknowledge(&mut self, n: usize) -> Checked {
        let now = self.now();
        let Some(message) = self.messages.get_mut(n) else { return Ok(()) };
        message.place = Place::Gone;
        if message.is_poison {
            return Err(Violation {
                promise: "what cannot be read comes again",
                how: format!("message {n} was acknowledged"),
            });
        }
        let Some(problem) = message.problem else { return Ok(()) };
        let (Some(incident), Some(of)) = (self.incidents.get(&problem), self.account.problems.get(problem))
        else {
            return Ok(());
        };
        let is_known = self.world.incidents().iter().any(|row| row.record.incident.id == *incident);
        self.check.acknowledged(message.event, incident, of.errors(), is_known, message.happened, now)
    }

    fn give_back(&mut self, n: usize, received: Timestamp) {
        if let Some(message) = self.messages.get_mut(n) {
            message.place = Place::Waiting(after(received, HIDDEN));
        }
    }

    /// A function dies where it stands.
    fn crash(&mut self, n: usize) -> Checked {
        let function = self.functions.remove(n);
        self.lived.crashes += 1;
        self.check.excuse(function.number);
        self.check.ended(function.number)?;
        for n in &function.messages {
            self.give_back(*n, function.started);
        }
        Ok(())
    }

    /// Lets time pass. Lambda ends what runs longer than its time-out.
    fn pass(&mut self, time: SignedDuration) -> Checked {
        self.world.pass(time);
        let now = self.now();
        while let Some(n) = self.functions.iter().position(|f| now.duration_since(f.started) >= TIME_OUT) {
            self.crash(n)?;
        }
        Ok(())
    }

    fn decide(&mut self, request: usize, verdict: Verdict) {
        let open: Vec<_> =
            self.world.increase_requests().into_iter().filter(|r| r.status.is_open()).collect();
        let Some(request) = nth(request, open.len()).and_then(|n| open.get(n)) else { return };
        let before = self.world.applied_to(&request.id).unwrap_or(request.desired);
        let most = before * self.account.ceiling;
        let granted = match verdict {
            Verdict::Granted => request.desired.min(most),
            Verdict::PartlyGranted => f64::midpoint(before, request.desired).min(most),
            Verdict::CaseOpened | Verdict::ClosedUnchanged | Verdict::Denied => before,
        };
        let (status, outcome) = match verdict {
            Verdict::CaseOpened => (RequestStatus::CaseOpened, None),
            Verdict::Denied => (RequestStatus::Denied, Some(RequestOutcome::Denied)),
            _ if granted >= request.desired => (RequestStatus::CaseClosed, Some(RequestOutcome::Granted)),
            _ if granted > before => (RequestStatus::CaseClosed, Some(RequestOutcome::PartlyGranted)),
            _ => (RequestStatus::CaseClosed, Some(RequestOutcome::ClosedUnchanged)),
        };
        self.world.decide(&request.id, status, (granted > before).then_some(granted));
        if let Some(outcome) = outcome {
            self.check.decided(&request.id, outcome);
        }
    }

    fn throttle(&self, model: usize, throttled: bool) {
        self.world.change(|file| {
            let Some(n) = nth(model, file.usage.len()) else { return };
            if let Some(last) = file.usage.get_mut(n).and_then(|u| u.last.as_mut()) {
                last.each = Minute { throttles: if throttled { 40.0 } else { 0.0 }, ..last.each };
            }
        });
    }

    /// Nothing fails any more, nothing goes wrong any more, AWS decides what is open, and the schedule
    /// ticks until all is over.
    fn come_to_rest(&mut self) -> Checked {
        self.world.change(|file| {
            file.faults.clear();
            // Nobody calls any more, so that quotas have room and models that end are left alone.
            for usage in &mut file.usage {
                usage.last = None;
            }
        });
        for function in &mut self.functions {
            function.fault = None;
        }
        self.run_all()?;
        for _ in 0..MOST_ROUNDS {
            while self.world.increase_requests().iter().any(|r| r.status.is_open()) {
                self.decide(0, Verdict::Granted);
            }
            self.send(tick(), None);
            while self.is_waiting() {
                self.start(0, 1000, SignedDuration::ZERO);
                self.run_all()?;
            }
            let Some(next) = self.next() else { return self.stays_at_rest() };
            let minute = after(self.now(), SignedDuration::from_mins(1));
            self.world.pass(next.max(minute).duration_since(self.now()));
        }
        let open: Vec<String> = self
            .world
            .incidents()
            .iter()
            .filter(|row| row.record.state != State::Closed)
            .map(|row| format!("{} {} due {:?}", row.record.incident.id, row.record.state, row.record.due_at))
            .collect();
        Err(Violation { promise: "everything comes to an end", how: open.join(", ") })
    }

    fn is_waiting(&self) -> bool {
        let now = self.now();
        self.messages.iter().any(|m| matches!(m.place, Place::Waiting(visible) if visible <= now))
    }

    /// When something is next to be done; `None` at rest.
    fn next(&self) -> Option<Timestamp> {
        let waiting = self.messages.iter().filter_map(|m| match m.place {
            Place::Waiting(visible) => Some(visible),
            _ => None,
        });
        let rows = self.world.incidents();
        let due = rows.iter().filter(|row| row.record.state != State::Closed).map(|row| {
            let due = row.record.due_at.unwrap_or_else(|| self.now());
            row.leased_until.map_or(due, |until| until.max(due))
        });
        waiting.chain(due).min()
    }

    fn run_all(&mut self) -> Checked {
        while !self.functions.is_empty() {
            self.poll(0)?;
        }
        Ok(())
    }

    /// A tick more changes nothing, and nobody holds anything.
    fn stays_at_rest(&mut self) -> Checked {
        let (before, ..) = self.check.notices();
        self.send(tick(), None);
        self.start(0, 1, SignedDuration::ZERO);
        self.run_all()?;
        let (told, ..) = self.check.notices();
        if told > before {
            return Err(Violation { promise: "rest is quiet", how: format!("{} notices", told - before) });
        }
        let held = self.world.incidents().iter().filter(|row| row.leased_until.is_some()).count();
        if held > 0 {
            return Err(Violation { promise: "every lease ends", how: format!("{held} are held") });
        }
        Ok(())
    }

    fn lived(&self) -> Lived {
        let (notices, repeats, outcomes) = self.check.notices();
        let dead_letters = self.messages.iter().filter(|m| m.place == Place::Dead).count();
        Lived {
            faults: self.check.faults,
            incidents: self.check.incidents(),
            notices,
            digests: self.check.digests,
            unanswered: self.check.unanswered,
            repeats,
            requests: self.check.requests(),
            outcomes,
            foreseen: self.check.foreseen(),
            dead_letters: dead_letters as u64,
            ..self.lived
        }
    }
}
