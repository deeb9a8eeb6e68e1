//! A life: a queue, concurrent functions, and time.
//!
//! Invariant: Whatever a life changes in the world is recorded in [`crate::simulation::truth`] at the same time.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::config::Config;
use crate::event::envelope::Malformed;
use crate::identity::FunctionIdentity;
use crate::ids::{self, AccountId, IncidentId, QuotaCode, Region};
use crate::incident::record::State;
use crate::quota::request::{RequestOutcome, RequestStatus};
use crate::run::context::{RunContext, TimeBudget};
use crate::run::handler::{DeliveryReport, handle};
use crate::sandbox::state::Sandbox;
use crate::sandbox::{
    CallEntry, Fault, FaultKind, LastMinutes, LedgerRow, MinuteEntry, NextFault, PortCall, WorldFile,
};
use crate::simulation::account::Account;
use crate::simulation::check::Checker;
use crate::simulation::check::observed::HeardNotice;
use crate::simulation::lived::Lived;
use crate::simulation::problem::{Form, Problem, ProblemCaller, news, root, tick};
use crate::simulation::script::Script;
use crate::simulation::step::{AwsVerdict, Load, ScriptStep};
use crate::simulation::truth::{Span, earlier};
use crate::simulation::violation::{Checked, Violation, broken};
use crate::time::after;
use crate::usage::Minute;

/// As deployed: the function's time-out, the part of it for new work, and the length of a lease.
const TIME_OUT: SignedDuration = SignedDuration::from_secs(60);
const WORKING: SignedDuration = SignedDuration::from_secs(40);
const LEASE: SignedDuration = SignedDuration::from_secs(90);
/// The queue's visibility timeout.
const HIDDEN: SignedDuration = SignedDuration::from_mins(6);
/// After this many deliveries, a message becomes a dead letter.
const MOST_RECEIVED: u32 = 10;
const MOST_INVOKED: u32 = 3;
/// Concurrent batches.
const MOST_FUNCTIONS: usize = 5;
/// A life comes to rest in fewer rounds than this.
const MOST_ROUNDS: u32 = 3000;
/// A function that is polled more often waits for an answer that never comes.
const MOST_POLLS: u32 = 40_000;
/// The interval of the schedule.
const QUARTER: SignedDuration = SignedDuration::from_mins(15);
/// Quarters of an hour in which a justified need gets its request; six hours. For four of them errors may only be
/// counted after a recent notice, another tick may be needed for the previous request's outcome, a message is hidden
/// for minutes after a failure, and clocks differ.
const SERVED: u8 = 24;
/// The same for a need without any notice so far, whatever else arrives.
const SERVED_FIRST: u8 = 4;
/// How many minutes CloudWatch shows one by one.
const MINUTES: i64 = 120;
/// For earlier changes: how many last minutes of each are kept, and of how many changes.
const KEPT_MINUTES: i64 = 5;
const KEPT: usize = 60;

type LiveInvocation<'a> = Pin<Box<dyn Future<Output = Result<DeliveryReport, Malformed>> + 'a>>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum MessageState {
    /// In the queue; visible from this time on.
    Waiting(Timestamp),
    /// Received by a function.
    Received,
    /// Deleted from the queue.
    Gone,
    /// In the dead-letter queue.
    Dead,
}

struct LifeMessage {
    body: String,
    /// The same for all copies of a message.
    event: usize,
    /// When its error happened.
    happened: Timestamp,
    problem: Option<usize>,
    is_invoked: bool,
    is_poison: bool,
    place: MessageState,
    received: u32,
}

struct LiveFunction<'a> {
    number: u64,
    running: LiveInvocation<'a>,
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
    messages: Vec<LifeMessage>,
    functions: Vec<LiveFunction<'a>>,
    check: Checker<'a>,
    lived: Lived,
    /// Whether functions are deployed in `observe` mode from now on.
    is_observing: bool,
    /// The time up to which the world's metrics are current.
    measured: Timestamp,
    /// How many forged errors were sent.
    made_up: usize,
    /// How the next such call of any function fails.
    fault: Option<NextFault>,
}

/// Simulates `script` in `account`.
pub(super) fn live(account: &Account, script: &Script) -> Result<Lived, Violation> {
    let world = Sandbox::new(account.world.clone(), account.start);
    world.keep_journal();
    // Other models' names take long to compare, and no life uses them.
    world.list_little();
    let incidents = incidents(account);
    let mut life = Life {
        account,
        world: &world,
        check: Checker::new(account, &incidents),
        incidents,
        messages: Vec::new(),
        functions: Vec::new(),
        lived: Lived::default(),
        is_observing: false,
        measured: account.start,
        made_up: 0,
        fault: None,
    };
    for step in &script.steps {
        life.step(step)?;
    }
    let mended = life.come_to_rest()?;
    life.check.at_rest(mended)?;
    Ok(life.lived())
}

/// The incident that each problem's errors belong to, found in an empty world.
fn incidents(account: &Account) -> BTreeMap<usize, IncidentId> {
    let empty = WorldFile { account: account.world.account.clone(), ..WorldFile::default() };
    let of = |problem: &Problem| {
        let world = Sandbox::new(empty.clone(), account.start);
        let payload = problem.event(account.start);
        let home = FunctionIdentity::default();
        let allowance = TimeBudget { until: account.start, lease: LEASE };
        let terms = RunContext { config: &account.config, home: &home, allowance };
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

/// The time `minutes` before `now`; after `now` if negative.
fn before(now: Timestamp, minutes: i32) -> Timestamp {
    earlier(now, SignedDuration::from_mins(i64::from(minutes)))
}

fn nth(n: usize, of: usize) -> Option<usize> {
    n.checked_rem(of)
}

impl Life<'_> {
    fn now(&self) -> Timestamp {
        self.world.time()
    }

    fn step(&mut self, step: &ScriptStep) -> Checked {
        match *step {
            ScriptStep::Send { problem, errors, minutes } => {
                for _ in 0..errors {
                    self.send_problem(problem, minutes, false);
                }
            }
            ScriptStep::Burst => {
                for problem in 0..self.account.problems.len() {
                    self.send_problem(problem, 0, false);
                }
            }
            ScriptStep::Invoke { problem } => self.send_problem(problem, 0, true),
            ScriptStep::Poison => {
                self.send("{ \"Records\": ".to_owned(), None);
                if let Some(message) = self.messages.last_mut() {
                    message.is_poison = true;
                }
            }
            ScriptStep::Tick => self.tick(),
            ScriptStep::News => self.send(news(self.now()), None),
            ScriptStep::Duplicate { message } => self.duplicate(message),
            ScriptStep::Start { from, most, ahead } => {
                self.start(from, most.into(), SignedDuration::from_secs(ahead.into()));
            }
            ScriptStep::Run { function, polls } => {
                let Some(n) = nth(function, self.functions.len()) else { return Ok(()) };
                for _ in 0..polls {
                    if self.poll(n)? {
                        break;
                    }
                }
            }
            ScriptStep::Fail { function, call, kind } => {
                if let Some(n) = nth(function, self.functions.len())
                    && let Some(function) = self.functions.get_mut(n)
                {
                    function.fault = Some(NextFault { call, kind });
                }
            }
            ScriptStep::Break { call, kind } => {
                self.world.change(|f| f.faults.push(Fault { call, nth: None, kind }));
            }
            ScriptStep::Mend => self.mend(),
            ScriptStep::Crash { function } => {
                if let Some(n) = nth(function, self.functions.len()) {
                    self.crash(n)?;
                }
            }
            ScriptStep::Pass { seconds } => self.pass(SignedDuration::from_secs(seconds.into()))?,
            ScriptStep::Decide { request, verdict } => self.decide(request, verdict),
            ScriptStep::Use { used, load } => self.use_so(used, load),
            ScriptStep::People { used, percent } => self.ask_by_hand(used, percent),
            ScriptStep::Lower { used } => self.lower(used),
            ScriptStep::Listen { listeners } => self.listen(listeners),
            ScriptStep::Lag { seconds } => {
                self.world.set_index_lag(SignedDuration::from_secs(seconds.into()));
            }
            ScriptStep::Metrics { late } => {
                self.world.set_metrics_late(SignedDuration::from_mins(late.into()));
            }
            ScriptStep::Slow { milliseconds } => {
                self.world.set_latency(SignedDuration::from_millis(milliseconds.into()));
            }
            ScriptStep::Deploy { observes } => self.is_observing = observes,
            ScriptStep::Need { problem, quarters, noise, fault } => {
                self.need(problem, quarters, noise, fault)?;
            }
            ScriptStep::Wait { days, broken } => self.wait(days, broken)?,
            ScriptStep::Redrive => {
                let now = self.now();
                for message in self.messages.iter_mut().filter(|m| m.place == MessageState::Dead) {
                    (message.place, message.received) = (MessageState::Waiting(now), 0);
                }
            }
        }
        Ok(())
    }

    fn send(&mut self, body: String, problem: Option<usize>) {
        let place = MessageState::Waiting(self.now());
        let event = self.messages.len();
        self.lived.messages += 1;
        self.messages.push(LifeMessage {
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

    fn tick(&mut self) {
        self.send(tick(), None);
    }

    fn send_problem(&mut self, problem: usize, minutes: i32, is_invoked: bool) {
        let Some(n) = nth(problem, self.account.problems.len()) else { return };
        let Some(problem) = self.account.problems.get(n) else { return };
        let (now, happened) = (self.now(), before(self.now(), minutes));
        self.send(problem.event(happened), Some(n));
        if let Some(message) = self.messages.last_mut() {
            // An error with a time in the future has happened now.
            (message.is_invoked, message.happened) = (is_invoked, happened.min(now));
        }
        if problem.who == (ProblemCaller::Root { shown: true }) && problem.form == Form::Event {
            self.root_calls(problem, happened.min(now));
        }
    }

    /// CloudTrail's event history shows a call of the root user.
    fn root_calls(&mut self, problem: &Problem, time: Timestamp) {
        let Some(region) = Region::parse(problem.region) else { return };
        self.check.truth.root_called(time, region.clone());
        let call = CallEntry {
            region,
            model_id: problem.model.clone(),
            time,
            caller: root(),
            address: None,
            user_agent: None,
        };
        self.world.change(|file| file.calls.push(call));
    }

    fn duplicate(&mut self, message: usize) {
        let place = MessageState::Waiting(self.now());
        let Some(n) = nth(message, self.messages.len()) else { return };
        let Some(of) = self.messages.get(n) else { return };
        let copy = LifeMessage { body: of.body.clone(), place, received: 0, ..*of };
        self.messages.push(copy);
    }

    /// Starts a function on waiting messages.
    fn start(&mut self, from: usize, most: usize, ahead: SignedDuration) {
        let now = self.now();
        let mut waiting: Vec<usize> = Vec::new();
        for (n, message) in self.messages.iter_mut().enumerate() {
            let MessageState::Waiting(visible) = message.place else { continue };
            if visible > now {
                continue;
            }
            let most = if message.is_invoked { MOST_INVOKED } else { MOST_RECEIVED };
            if message.received >= most {
                message.place = MessageState::Dead;
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
        let world = self.world;
        let config: &Config = if self.is_observing { &self.account.observing } else { &self.account.config };
        let clock = after(now, ahead);
        let allowance = TimeBudget { until: after(clock, WORKING), lease: LEASE };
        let home = self.account.world.home();
        let running = async move {
            handle(world, &RunContext { config, home: &home, allowance }, payload.as_bytes()).await
        };
        self.lived.functions += 1;
        let told = self.told_by(&taken);
        self.check.started(self.lived.functions, told, self.is_observing);
        self.functions.push(LiveFunction {
            number: self.lived.functions,
            running: Box::pin(running),
            messages: taken,
            ahead,
            started: now,
            fault: None,
        });
    }

    /// What these messages report about each incident.
    fn told_by(&self, taken: &[usize]) -> BTreeMap<IncidentId, HeardNotice> {
        let mut told: BTreeMap<IncidentId, HeardNotice> = BTreeMap::new();
        for message in taken.iter().filter_map(|n| self.messages.get(*n)) {
            let Some(n) = message.problem else { continue };
            let (Some(incident), Some(problem)) = (self.incidents.get(&n), self.account.problems.get(n))
            else {
                continue;
            };
            let heard = told.entry(incident.clone()).or_default();
            heard.words.push(problem.word());
            // The function takes an older event to be this old.
            let oldest = earlier(self.now(), SignedDuration::from_hours(14 * 24));
            heard.first = [heard.first, Some(message.happened.max(oldest))].into_iter().flatten().min();
            heard.by_root |= matches!(problem.who, ProblemCaller::Root { .. }) && problem.form == Form::Event;
        }
        told
    }

    /// The payload of a function that receives these messages.
    fn receive(&mut self, taken: &[usize]) -> String {
        let mut records = Vec::new();
        let mut invoked = None;
        for n in taken {
            let Some(message) = self.messages.get_mut(*n) else { continue };
            message.place = MessageState::Received;
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

    /// Runs a function to its next wait. `true` if it has ended.
    fn poll(&mut self, n: usize) -> Result<bool, Violation> {
        let now = self.now();
        self.measure();
        let Some(function) = self.functions.get_mut(n) else { return Ok(true) };
        self.world.set_clock_ahead(function.ahead);
        let is_its_own = function.fault.is_some();
        if let Some(fault) = function.fault.or(self.fault) {
            self.world.fail_next(fault);
        }
        let polled = function.running.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let spared = self.world.spare_next();
        if is_its_own {
            function.fault = spared;
        } else {
            self.fault = spared;
        }
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
    fn answered(&mut self, function: &LiveFunction<'_>, done: Result<DeliveryReport, Malformed>) -> Checked {
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
        message.place = MessageState::Gone;
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
        let of_many = |row: &LedgerRow| row.record.incident.facts.many.is_some();
        let is_known = self
            .world
            .look_at(|rows| rows.contains_key(incident) || (of.is_forged() && rows.values().any(of_many)));
        self.check.acknowledged(message.event, incident, of, is_known, message.happened, now)
    }

    fn give_back(&mut self, n: usize, received: Timestamp) {
        if let Some(message) = self.messages.get_mut(n) {
            message.place = MessageState::Waiting(after(received, HIDDEN));
        }
    }

    /// A function dies at its present step.
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

    /// Lets time pass. Lambda ends functions at their time-out.
    fn pass(&mut self, time: SignedDuration) -> Checked {
        self.world.pass(time);
        let now = self.now();
        while let Some(n) = self.functions.iter().position(|f| now.duration_since(f.started) >= TIME_OUT) {
            self.crash(n)?;
        }
        Ok(())
    }

    fn decide(&mut self, request: usize, verdict: AwsVerdict) {
        let open: Vec<_> =
            self.world.increase_requests().into_iter().filter(|r| r.status.is_open()).collect();
        let Some(request) = nth(request, open.len()).and_then(|n| open.get(n)) else { return };
        let before = self.world.applied_to(&request.id).unwrap_or(request.desired);
        let most = before * self.account.ceiling;
        let granted = match verdict {
            AwsVerdict::Granted => request.desired.min(most),
            AwsVerdict::PartlyGranted => f64::midpoint(before, request.desired).min(most),
            AwsVerdict::CaseOpened | AwsVerdict::ClosedUnchanged | AwsVerdict::Denied => before,
        };
        let (status, outcome) = match verdict {
            AwsVerdict::CaseOpened => (RequestStatus::CaseOpened, None),
            AwsVerdict::Denied => (RequestStatus::Denied, Some(RequestOutcome::Denied)),
            _ if granted >= request.desired => (RequestStatus::CaseClosed, Some(RequestOutcome::Granted)),
            _ if granted > before => (RequestStatus::CaseClosed, Some(RequestOutcome::PartlyGranted)),
            _ => (RequestStatus::CaseClosed, Some(RequestOutcome::ClosedUnchanged)),
        };
        self.world.decide(&request.id, status, (granted > before).then_some(granted));
        let now = self.now();
        let truth = &mut self.check.truth;
        let region = truth.request(&request.id).map(|r| r.region.clone());
        if let Some(region) = region.filter(|_| granted > before) {
            truth.set_value(&region, &request.code, granted, now, Some(&request.id));
        }
        if let Some(outcome) = outcome {
            truth.decided(&request.id, outcome, now);
        }
    }

    /// Changes how a model is used from now on. CloudWatch still shows its earlier use.
    fn use_so(&mut self, used: usize, load: Load) {
        let Some(n) = nth(used, self.account.truth.uses.len()) else { return };
        let now = self.now();
        self.measure();
        let truth = &mut self.check.truth;
        let Some(of) = truth.uses.get(n) else { return };
        // As near to the present applied value as to the default at the beginning.
        let key = of.code().map(|code| (of.region.clone(), code));
        let quota = key.as_ref().and_then(|key| truth.quotas.get(key));
        let times = quota.and_then(|q| Some(q.values.last()?.1 / q.default)).unwrap_or(1.0);
        let mut full = Minute::NONE;
        full.add(&of.minute, times);
        let (full, calls) = (full, full.invocations);
        let minute = match load {
            Load::Full => Some(full),
            Load::Heavy => Some(Minute { throttles: (calls * 6.0).ceil(), ..full }),
            Load::Calm => Some(Minute { throttles: 0.0, ..full }),
            Load::Refused => {
                let mut few = Minute::NONE;
                few.add(&full, 0.01);
                Some(Minute { invocations: few.invocations.max(1.0), throttles: 900.0, ..few })
            }
            Load::Idle => None,
        };
        let Some(of) = truth.uses.get_mut(n) else { return };
        let last = of.phases.last().copied();
        of.phases.push((now, minute));
        self.world.change(|file| {
            let Some(usage) = file.usage.get_mut(n) else { return };
            if let Some((since, Some(each))) = last {
                let lasted = now.duration_since(since).as_mins().min(KEPT_MINUTES);
                let at = |n: i64| earlier(now, SignedDuration::from_mins(n + 1));
                usage.series.extend((0..lasted).map(|n| MinuteEntry { at: at(n), values: each }));
                let too_many = usage.series.len().saturating_sub(KEPT);
                usage.series.drain(..too_many);
            }
            usage.last = minute.map(|each| LastMinutes { minutes: 0, each });
        });
    }

    /// Updates CloudWatch with the minutes since the present use began.
    fn measure(&mut self) {
        let now = self.now();
        if self.measured == now {
            return;
        }
        self.measured = now;
        let uses = &self.check.truth.uses;
        self.world.change(|file| {
            for (usage, of) in file.usage.iter_mut().zip(uses) {
                let (Some(last), Some((since, _))) = (&mut usage.last, of.phases.last()) else { continue };
                let minutes = now.duration_since(*since).as_mins().clamp(0, MINUTES);
                last.minutes = u32::try_from(minutes).unwrap_or_default();
            }
        });
    }

    /// A person requests a percentage of the applied value.
    fn ask_by_hand(&mut self, used: usize, percent: u32) {
        let Some((region, code)) =
            nth(used, self.account.truth.uses.len()).and_then(|n| self.account.code(n))
        else {
            return;
        };
        let (Some(value), Some(account)) =
            (self.check.truth.value(&region, &code), AccountId::parse(crate::simulation::problem::ACCOUNT))
        else {
            return;
        };
        let place = ids::AccountRegion { account, region };
        let desired = (value * f64::from(percent) / 100.0).floor();
        if let Ok(request) = self.world.request_by_hand(&place, &code, desired) {
            self.check.requested(request.id, &place, &code, desired, request.created, false);
        }
    }

    /// AWS lowers a quota by a fifth.
    fn lower(&mut self, used: usize) {
        let Some((region, code)) =
            nth(used, self.account.truth.uses.len()).and_then(|n| self.account.code(n))
        else {
            return;
        };
        let Some(value) = self.check.truth.value(&region, &code) else { return };
        let value = (value * 0.8).floor();
        self.apply(&region, &code, value);
        let now = self.now();
        self.check.truth.set_value(&region, &code, value, now, None);
    }

    fn apply(&self, region: &Region, code: &QuotaCode, value: f64) {
        self.world.change(|file| {
            let quota = file.quotas.iter_mut().find(|q| q.code == *code && q.region.as_ref() == Some(region));
            if let Some(quota) = quota {
                quota.applied = Some(value);
            }
        });
    }

    fn listen(&mut self, listeners: u32) {
        let now = self.now();
        self.check.truth.listen(now, listeners);
        self.world.change(|file| file.subscribers = Some(listeners));
    }

    /// Makes everything work again.
    fn mend(&mut self) {
        self.world.change(|file| file.faults.clear());
        self.world.set_index_lag(SignedDuration::ZERO);
        self.world.set_metrics_late(SignedDuration::ZERO);
        self.fault = None;
        for function in &mut self.functions {
            function.fault = None;
        }
    }

    /// A model is fully used and throttled, and its errors arrive; see [`ScriptStep::Need`].
    fn need(
        &mut self,
        problem: usize,
        quarters: u8,
        noise: u8,
        fault: Option<(PortCall, FaultKind)>,
    ) -> Checked {
        let Some(n) = nth(problem, self.account.problems.len()) else { return Ok(()) };
        let Some(problem) = self.account.problems.get(n).filter(|p| p.is_throttle()) else { return Ok(()) };
        let is_of_it = |u: &crate::simulation::truth::TrueUse| {
            u.model.id == problem.model && u.region.as_str() == problem.region
        };
        let Some(used) = self.account.truth.uses.iter().position(is_of_it) else { return Ok(()) };
        let Some(incident) = self.incidents.get(&n).cloned() else { return Ok(()) };
        self.mend();
        self.run_all()?;
        self.is_observing = false;
        self.use_so(used, Load::Full);
        self.fault = fault.map(|(call, kind)| NextFault { call: Some(call), kind });
        let from = self.now();
        let is_open = |row: &LedgerRow| row.record.state != State::Closed;
        let is_known = self.world.look_at(|rows| rows.get(&incident).is_some_and(is_open));
        let waits = |m: &LifeMessage| {
            m.place != MessageState::Gone && m.problem.and_then(|p| self.incidents.get(&p)) == Some(&incident)
        };
        let is_first = !is_known && !self.messages.iter().any(waits);
        for quarter in 1..=quarters {
            for _ in 0..noise {
                self.send_forged();
            }
            self.send_problem(n, 0, false);
            self.quarter()?;
            if quarter == SERVED || (quarter == SERVED_FIRST && is_first && fault.is_none()) {
                let to = self.now();
                self.check.is_served(used, Span { from, to }, &incident)?;
            }
        }
        self.fault = None;
        Ok(())
    }

    /// Sends the next forged error.
    fn send_forged(&mut self) {
        let is_forged = |n: &usize| self.account.problems.get(*n).is_some_and(Problem::is_forged);
        let forged = (0..self.account.problems.len()).filter(is_forged);
        if let Some(n) = forged.cycle().nth(self.made_up) {
            self.made_up += 1;
            self.send_problem(n, 0, false);
        }
    }

    /// Handles what waits, ticks, and lets a quarter of an hour pass.
    fn quarter(&mut self) -> Checked {
        self.handle_all()?;
        self.tick();
        self.handle_all()?;
        self.pass(QUARTER)
    }

    fn handle_all(&mut self) -> Checked {
        while self.is_waiting() {
            let before = self.lived.functions;
            self.start(0, 1000, SignedDuration::ZERO);
            self.run_all()?;
            if self.lived.functions == before {
                break;
            }
        }
        Ok(())
    }

    /// Nobody sends anything, and the schedule ticks; see [`ScriptStep::Wait`].
    fn wait(&mut self, days: u8, broken: Option<(PortCall, FaultKind)>) -> Checked {
        self.mend();
        self.run_all()?;
        self.is_observing = false;
        let (from, listeners) = (self.now(), self.is_heard());
        self.world.change(|file| {
            file.faults.extend(broken.map(|(call, kind)| Fault { call, nth: None, kind }));
        });
        for _ in 0..u32::from(days) * 4 {
            self.tick();
            self.handle_all()?;
            self.pass(SignedDuration::from_hours(6))?;
        }
        let to = self.now();
        let call = broken.map(|(call, _)| call);
        if listeners && matches!(call, None | Some(PortCall::Request)) {
            self.check.is_reminded(Span { from, to }, call.is_some())?;
        }
        self.mend();
        Ok(())
    }

    fn is_heard(&self) -> bool {
        let now = self.now();
        self.check.truth.is_heard(Span { from: now, to: now })
    }

    /// Mends everything, ends all problems, lets AWS decide what is open, and ticks until all is over.
    /// Returns since when nothing fails.
    fn come_to_rest(&mut self) -> Result<Timestamp, Violation> {
        self.mend();
        self.world.set_latency(SignedDuration::ZERO);
        self.is_observing = false;
        // Nobody calls any more, so that quotas have room and ending models are unused.
        for used in 0..self.account.truth.uses.len() {
            self.use_so(used, Load::Idle);
        }
        self.world.change(|file| {
            file.usage.iter_mut().for_each(|usage| (usage.series, usage.days) = (Vec::new(), None));
        });
        self.run_all()?;
        let mended = self.now();
        for _ in 0..MOST_ROUNDS {
            while self.world.increase_requests().iter().any(|r| r.status.is_open()) {
                self.decide(0, AwsVerdict::Granted);
            }
            self.handle_all()?;
            let before = self.now();
            self.tick();
            self.handle_all()?;
            self.is_swept(before)?;
            let Some(next) = self.next() else {
                self.stays_at_rest()?;
                return Ok(mended);
            };
            let minute = after(self.now(), SignedDuration::from_mins(1));
            self.world.pass(next.max(minute).duration_since(self.now()));
        }
        let open: Vec<String> = self.world.look_at(|rows| {
            let open = rows.iter().filter(|(_, row)| row.record.state != State::Closed);
            open.map(|(id, row)| format!("{id} {} due {:?}", row.record.state, row.record.due_at)).collect()
        });
        let how = format!("at {}: {}", self.now(), open.join(", "));
        Err(Violation { promise: "everything comes to an end", how })
    }

    /// Checks that an unhindered sweep leaves nothing that was due before it.
    fn is_swept(&self, before: Timestamp) -> Checked {
        let is_left = |row: &&LedgerRow| {
            let is_free = row.leased_until.is_none_or(|until| until <= before);
            is_free && row.record.due_at.is_some_and(|due| due <= before)
        };
        match self.world.look_at(|rows| rows.values().filter(is_left).count()) {
            0 => Ok(()),
            left => broken("a sweep looks after all that is due", format!("{left} were left")),
        }
    }

    fn is_waiting(&self) -> bool {
        let now = self.now();
        self.messages.iter().any(|m| matches!(m.place, MessageState::Waiting(visible) if visible <= now))
    }

    /// The time of the next work; `None` at rest.
    fn next(&self) -> Option<Timestamp> {
        let waiting = self.messages.iter().filter_map(|m| match m.place {
            MessageState::Waiting(visible) => Some(visible),
            _ => None,
        });
        let now = self.now();
        let due = self.world.look_at(|rows| {
            let open = rows.values().filter(|row| row.record.state != State::Closed);
            let due = open.map(|row| {
                let due = row.record.due_at.unwrap_or(now);
                row.leased_until.map_or(due, |until| until.max(due))
            });
            due.min()
        });
        waiting.chain(due).min()
    }

    /// Runs every function to its end. Lambda's time-out ends those that hang or work too long.
    fn run_all(&mut self) -> Checked {
        let mut polls = 0;
        while !self.functions.is_empty() {
            polls = if self.poll(0)? { 0 } else { polls + 1 };
            self.pass(SignedDuration::ZERO)?;
            if polls > MOST_POLLS {
                self.pass(TIME_OUT)?;
                polls = 0;
            }
        }
        Ok(())
    }

    /// Checks that another tick changes nothing, and nobody holds anything.
    fn stays_at_rest(&mut self) -> Checked {
        let (before, ..) = self.check.notices();
        self.tick();
        self.start(0, 1, SignedDuration::ZERO);
        self.run_all()?;
        let (told, ..) = self.check.notices();
        if told > before {
            return Err(Violation { promise: "rest is quiet", how: format!("{} notices", told - before) });
        }
        let is_held = |row: &&LedgerRow| row.leased_until.is_some();
        let held = self.world.look_at(|rows| rows.values().filter(is_held).count());
        if held > 0 {
            return Err(Violation { promise: "every lease ends", how: format!("{held} are held") });
        }
        Ok(())
    }

    fn lived(&self) -> Lived {
        let (notices, repeats, outcomes) = self.check.notices();
        let dead_letters = self.messages.iter().filter(|m| m.place == MessageState::Dead).count();
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
            served: self.check.promised,
            dead_letters: dead_letters as u64,
            ..self.lived
        }
    }
}
