//! The context of one invocation: guard rails, the function's identity, and the deadline.

use jiff::{SignedDuration, Timestamp};

use crate::config::Config;
use crate::identity::FunctionIdentity;

/// How long an invocation may work.
#[derive(Clone, Copy, Debug)]
pub struct TimeBudget {
    /// No new work starts after this time. The rest is recorded in the ledger, due at once.
    pub until: Timestamp,
    /// Length of a lease, longer than any invocation.
    pub lease: SignedDuration,
}

/// What every step of an invocation needs to know.
#[derive(Clone, Copy, Debug)]
pub struct RunContext<'a> {
    /// The guard rails.
    pub config: &'a Config,
    /// The function's own account, Region, role and resources.
    pub home: &'a FunctionIdentity,
    /// How long it may work.
    pub allowance: TimeBudget,
}

/// Total time for gathering evidence about one incident.
pub(crate) const PATIENCE: SignedDuration = SignedDuration::from_secs(6);

/// Concurrent ledger calls. More do not help where the same item is written again and again.
pub(crate) const AT_ONCE: usize = 8;
