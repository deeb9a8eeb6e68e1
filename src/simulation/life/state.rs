//! The state of a life: its messages, its functions, and what the next call meets.

use std::collections::BTreeMap;
use std::pin::Pin;

use jiff::{SignedDuration, Timestamp};

use crate::event::envelope::Malformed;
use crate::ids::IncidentId;
use crate::run::handler::DeliveryReport;
use crate::sandbox::NextFault;
use crate::sandbox::state::Sandbox;
use crate::simulation::account::Account;
use crate::simulation::check::Checker;
use crate::simulation::lived::Lived;

pub(super) type LiveInvocation<'a> = Pin<Box<dyn Future<Output = Result<DeliveryReport, Malformed>> + 'a>>;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum MessageState {
    /// In the queue; visible from this time on.
    Waiting(Timestamp),
    /// Received by a function.
    Received,
    /// Deleted from the queue.
    Gone,
    /// In the dead-letter queue.
    Dead,
}

pub(super) struct LifeMessage {
    pub(super) body: String,
    /// The same for all copies of a message.
    pub(super) event: usize,
    /// When its error happened.
    pub(super) happened: Timestamp,
    pub(super) problem: Option<usize>,
    pub(super) is_invoked: bool,
    pub(super) is_poison: bool,
    pub(super) place: MessageState,
    pub(super) received: u32,
}

pub(super) struct LiveFunction<'a> {
    pub(super) number: u64,
    pub(super) running: LiveInvocation<'a>,
    pub(super) messages: Vec<usize>,
    pub(super) ahead: SignedDuration,
    pub(super) started: Timestamp,
    /// How its next call fails.
    pub(super) fault: Option<NextFault>,
}

pub(super) struct Life<'a> {
    pub(super) account: &'a Account,
    pub(super) world: &'a Sandbox,
    /// The incident of each problem.
    pub(super) incidents: BTreeMap<usize, IncidentId>,
    pub(super) messages: Vec<LifeMessage>,
    pub(super) functions: Vec<LiveFunction<'a>>,
    pub(super) check: Checker<'a>,
    pub(super) lived: Lived,
    /// Whether functions are deployed in `observe` mode from now on.
    pub(super) is_observing: bool,
    /// The time up to which the world's metrics are current.
    pub(super) measured: Timestamp,
    /// How many forged errors were sent.
    pub(super) made_up: usize,
    /// How the next such call of any function fails.
    pub(super) fault: Option<NextFault>,
}

impl Life<'_> {
    pub(super) fn now(&self) -> Timestamp {
        self.world.time()
    }
}

/// The index of what a step names by any number, in a list of `of`; `None` if the list is empty.
pub(super) fn nth(n: usize, of: usize) -> Option<usize> {
    n.checked_rem(of)
}
