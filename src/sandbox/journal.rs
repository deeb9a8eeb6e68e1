//! Records what happens in the world, in order, for checkers.

use jiff::Timestamp;

use crate::sandbox::happened::{Happened, NextFault};
use crate::sandbox::state::Sandbox;

impl Sandbox {
    /// Starts recording what happens.
    pub fn keep_journal(&self) {
        self.state.borrow_mut().journal = Some(Vec::new());
    }

    /// What happened since the last call; empty unless [`Sandbox::keep_journal`] was called.
    pub fn take_journal(&self) -> Vec<Happened> {
        self.state.borrow_mut().journal.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Makes the next call, or the next call of one port method, fail this way.
    pub fn fail_next(&self, fault: NextFault) {
        self.state.borrow_mut().next_fault = Some(fault);
    }

    /// Removes and returns a fault that no call has met yet.
    pub fn spare_next(&self) -> Option<NextFault> {
        self.state.borrow_mut().next_fault.take()
    }

    /// Sets how far the clock that functions read is ahead of AWS's.
    pub fn set_clock_ahead(&self, by: jiff::SignedDuration) {
        self.state.borrow_mut().ahead = by;
    }

    /// Sets how late CloudWatch shows its measurements from now on.
    pub fn set_metrics_late(&self, by: jiff::SignedDuration) {
        self.state.borrow_mut().metrics_late = by;
    }

    /// Sets how long each call takes from now on. Concurrent calls take this time one after the other.
    pub fn set_latency(&self, latency: jiff::SignedDuration) {
        self.state.borrow_mut().latency = latency;
    }

    /// Sets how late the ledger's indexes show a write from now on. Reads of the items themselves are always
    /// current.
    pub fn set_index_lag(&self, lag: jiff::SignedDuration) {
        self.state.borrow_mut().ledger.set_lag(lag);
    }

    /// AWS's own time.
    pub fn time(&self) -> Timestamp {
        self.state.borrow().now
    }
}
