//! On what terms an invocation works: guard rails, where it runs, and how long it may.

use jiff::{SignedDuration, Timestamp};

use crate::config::Config;
use crate::identity::FunctionIdentity;

/// How long an invocation may work.
#[derive(Clone, Copy, Debug)]
pub struct TimeBudget {
    /// Nothing new is begun after this; what is left is handed to the ledger, due at once.
    pub until: Timestamp,
    /// How long a lease stands: longer than any invocation lives.
    pub lease: SignedDuration,
}

/// What holds for a whole invocation.
#[derive(Clone, Copy, Debug)]
pub struct RunContext<'a> {
    /// The guard rails.
    pub config: &'a Config,
    /// What the function knows of itself.
    pub home: &'a FunctionIdentity,
    /// How long it may work.
    pub allowance: TimeBudget,
}

/// Total time for gathering evidence about one incident.
pub(crate) const PATIENCE: SignedDuration = SignedDuration::from_secs(6);

/// So many ledger calls go side by side: more do not help where one item is written again and again.
pub(crate) const AT_ONCE: usize = 8;
