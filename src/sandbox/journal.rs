//! What happened in the world, in order, for whoever checks it.

use jiff::Timestamp;

use crate::sandbox::happened::{Happened, NextFault};
use crate::sandbox::state::Sandbox;

impl Sandbox {
    /// From now on what happens is written down.
    pub fn keep_journal(&self) {
        self.state.borrow_mut().journal = Some(Vec::new());
    }

    /// What happened since it was asked last; nothing unless [`Sandbox::keep_journal`] was called.
    pub fn take_journal(&self) -> Vec<Happened> {
        self.state.borrow_mut().journal.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// The next call fails so, or the next of one port's method.
    pub fn fail_next(&self, fault: NextFault) {
        self.state.borrow_mut().next_fault = Some(fault);
    }

    /// The fault that no call has met yet is taken back, if there is one.
    pub fn spare_next(&self) -> Option<NextFault> {
        self.state.borrow_mut().next_fault.take()
    }

    /// The clock that functions read is so far ahead of AWS's.
    pub fn set_clock_ahead(&self, by: jiff::SignedDuration) {
        self.state.borrow_mut().ahead = by;
    }

    /// From now on CloudWatch shows what it measured only after so long.
    pub fn set_metrics_late(&self, by: jiff::SignedDuration) {
        self.state.borrow_mut().metrics_late = by;
    }

    /// From now on each call takes so long. Calls that are made together take it one after the other.
    pub fn set_latency(&self, latency: jiff::SignedDuration) {
        self.state.borrow_mut().latency = latency;
    }

    /// From now on the ledger's indexes show a write only after so long. The items themselves are always
    /// read as they are.
    pub fn set_index_lag(&self, lag: jiff::SignedDuration) {
        self.state.borrow_mut().ledger.set_lag(lag);
    }

    /// AWS's own time.
    pub fn time(&self) -> Timestamp {
        self.state.borrow().now
    }
}
