//! The functions of a life: they start, run side by side, fail, die and end.

use std::task::{Context, Poll, Waker};

use jiff::SignedDuration;

use crate::config::Config;
use crate::event::envelope::Malformed;
use crate::run::context::{RunContext, TimeBudget};
use crate::run::handler::{DeliveryReport, handle};
use crate::sandbox::{FaultKind, NextFault, PortCall};
use crate::simulation::life::LEASE;
use crate::simulation::life::state::{Life, LiveFunction, MessageState, nth};
use crate::simulation::violation::{Checked, Violation};
use crate::time::after;

/// As deployed: the function's time-out, and the part of it for new work.
const TIME_OUT: SignedDuration = SignedDuration::from_secs(60);
const WORKING: SignedDuration = SignedDuration::from_secs(40);
/// After this many deliveries, a message becomes a dead letter.
const MOST_RECEIVED: u32 = 10;
const MOST_INVOKED: u32 = 3;
/// Concurrent batches.
const MOST_FUNCTIONS: usize = 5;
/// A function that is polled more often waits for an answer that never comes.
const MOST_POLLS: u32 = 40_000;

impl Life<'_> {
    /// Starts a function on waiting messages.
    pub(super) fn start(&mut self, from: usize, most: usize, ahead: SignedDuration) {
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

    /// Runs a function for up to this number of calls.
    pub(super) fn run(&mut self, function: usize, polls: u8) -> Checked {
        let Some(n) = nth(function, self.functions.len()) else { return Ok(()) };
        for _ in 0..polls {
            if self.poll(n)? {
                break;
            }
        }
        Ok(())
    }

    /// Makes the next such call of a function fail.
    pub(super) fn fail(&mut self, function: usize, call: Option<PortCall>, kind: FaultKind) {
        if let Some(n) = nth(function, self.functions.len())
            && let Some(function) = self.functions.get_mut(n)
        {
            function.fault = Some(NextFault { call, kind });
        }
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
                report.failed_ids()
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

    /// A function dies at its present step.
    pub(super) fn crash(&mut self, n: usize) -> Checked {
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
    pub(super) fn pass(&mut self, time: SignedDuration) -> Checked {
        self.world.pass(time);
        let now = self.now();
        while let Some(n) = self.functions.iter().position(|f| now.duration_since(f.started) >= TIME_OUT) {
            self.crash(n)?;
        }
        Ok(())
    }

    pub(super) fn handle_all(&mut self) -> Checked {
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

    /// Runs every function to its end. Lambda's time-out ends those that hang or work too long.
    pub(super) fn run_all(&mut self) -> Checked {
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
}
