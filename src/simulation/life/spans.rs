//! Steps that last: a need with its errors, and days on which nobody sends anything.

use jiff::SignedDuration;

use crate::incident::record::State;
use crate::sandbox::{Fault, FaultKind, LedgerRow, NextFault, PortCall};
use crate::simulation::life::state::{Life, LifeMessage, MessageState, nth};
use crate::simulation::step::Load;
use crate::simulation::truth::Span;
use crate::simulation::violation::Checked;

/// The interval of the schedule.
const QUARTER: SignedDuration = SignedDuration::from_mins(15);
/// Quarters of an hour in which a justified need gets its request; six hours. For four of them errors may only be
/// counted after a recent notice, another tick may be needed for the previous request's outcome, a message is hidden
/// for minutes after a failure, and clocks differ.
const SERVED: u8 = 24;
/// The same for a need without any notice so far, whatever else arrives.
const SERVED_FIRST: u8 = 4;

impl Life<'_> {
    /// A model is fully used and throttled, or another limit is reached, and its errors arrive; see [`crate::simulation::step::ScriptStep::Need`].
    pub(super) fn need(
        &mut self,
        problem: usize,
        quarters: u8,
        noise: u8,
        fault: Option<(PortCall, FaultKind)>,
    ) -> Checked {
        let Some(n) = nth(problem, self.account.problems.len()) else { return Ok(()) };
        let Some(problem) = self.account.problems.get(n) else { return Ok(()) };
        let used = self.account.truth.used_by(problem).filter(|_| problem.is_throttle());
        if used.is_none() && problem.feature().is_none() {
            return Ok(());
        }
        let Some(incident) = self.incidents.get(&n).cloned() else { return Ok(()) };
        self.mend();
        self.run_all()?;
        self.is_observing = false;
        if let Some(used) = used {
            self.use_so(used, Load::Full);
        }
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
                self.check.is_served(problem, Span { from, to }, &incident)?;
            }
        }
        self.fault = None;
        Ok(())
    }

    /// Handles what waits, ticks, and lets a quarter of an hour pass.
    fn quarter(&mut self) -> Checked {
        self.handle_all()?;
        self.tick();
        self.handle_all()?;
        self.pass(QUARTER)
    }

    /// Nobody sends anything, and the schedule ticks; see [`crate::simulation::step::ScriptStep::Wait`].
    pub(super) fn wait(&mut self, days: u8, broken: Option<(PortCall, FaultKind)>) -> Checked {
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
}
