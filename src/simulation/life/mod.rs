//! A life: a queue, concurrent functions, and time. Here are its beginning, its steps and its counts.
//!
//! Invariant: Whatever a life changes in the world is recorded in [`crate::simulation::truth`] at the same time.

mod changes;
mod functions;
mod queue;
mod rest;
mod spans;
mod state;

use std::collections::BTreeMap;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use jiff::SignedDuration;

use crate::identity::FunctionIdentity;
use crate::ids::IncidentId;
use crate::run::context::{RunContext, TimeBudget};
use crate::run::handler::handle;
use crate::sandbox::state::Sandbox;
use crate::sandbox::{Fault, WorldFile};
use crate::simulation::account::Account;
use crate::simulation::check::Checker;
use crate::simulation::life::state::{Life, MessageState, nth};
use crate::simulation::lived::Lived;
use crate::simulation::problem::{Problem, news};
use crate::simulation::step::ScriptStep;
use crate::simulation::violation::{Checked, Violation};

/// The length of a lease, as deployed.
pub(super) const LEASE: SignedDuration = SignedDuration::from_secs(90);

/// Simulates the steps of `script` in `account`.
pub(super) fn live(account: &Account, script: &[ScriptStep]) -> Result<Lived, Violation> {
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
    for step in script {
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
pub(super) fn to_its_end<T>(mut future: Pin<&mut impl Future<Output = T>>) -> Option<T> {
    let mut context = Context::from_waker(Waker::noop());
    (0..1_000_000).find_map(|_| match future.as_mut().poll(&mut context) {
        Poll::Ready(done) => Some(done),
        Poll::Pending => None,
    })
}

impl Life<'_> {
    fn step(&mut self, step: &ScriptStep) -> Checked {
        match *step {
            ScriptStep::Send { problem, errors, minutes } => {
                for _ in 0..errors {
                    self.send_problem(problem, minutes, false);
                }
            }
            ScriptStep::Burst => self.burst(),
            ScriptStep::Invoke { problem } => self.send_problem(problem, 0, true),
            ScriptStep::Poison => self.poison(),
            ScriptStep::Tick => self.tick(),
            ScriptStep::News => self.send(news(self.now()), None),
            ScriptStep::Duplicate { message } => self.duplicate(message),
            ScriptStep::Start { from, most, ahead } => {
                self.start(from, most.into(), SignedDuration::from_secs(ahead.into()));
            }
            ScriptStep::Run { function, polls } => self.run(function, polls)?,
            ScriptStep::Fail { function, call, kind } => self.fail(function, call, kind),
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
            ScriptStep::Redrive => self.redrive(),
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
            of_mantle: self.check.of_mantle(),
            of_features: self.check.of_features(),
            outcomes,
            foreseen: self.check.foreseen(),
            served: self.check.promised,
            dead_letters: dead_letters as u64,
            ..self.lived
        }
    }
}
