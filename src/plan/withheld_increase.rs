//! An increase that is not requested although its quota is known.
//!
//! Invariant: It carries everything that the plan says instead of the request.

use crate::plan::action::{Reason, Step, Withheld, withheld};
use crate::quota::record::Suspicion;
use crate::quota::request::IncreaseRequest;

/// A known quota for which no request is filed, and why.
pub(crate) struct WithheldIncrease {
    pub(crate) withheld: Withheld,
    /// Whether only a support case can help.
    pub(crate) needs_a_case: bool,
    /// Somebody's open request; `None` if there is none to follow.
    pub(crate) open: Option<IncreaseRequest>,
    /// How a person does it instead.
    pub(crate) by_hand: Option<Step>,
    /// The value that would have been requested.
    pub(crate) desired: Option<f64>,
    /// Whether only CloudTrail's answer about the callers is missing.
    pub(crate) asks_who_calls: bool,
    /// The suspicion that holds the request, if there is one.
    pub(crate) suspicion: Option<Suspicion>,
    /// Whether the missing evidence may only be late.
    pub(crate) is_late: bool,
}

impl From<Withheld> for Box<WithheldIncrease> {
    fn from(withheld: Withheld) -> Self {
        Self::new(WithheldIncrease {
            withheld,
            needs_a_case: false,
            open: None,
            by_hand: None,
            desired: None,
            asks_who_calls: false,
            suspicion: None,
            is_late: false,
        })
    }
}

impl WithheldIncrease {
    /// A refusal for this reason alone.
    pub(crate) fn of(kind: Reason, reason: impl Into<String>) -> Box<Self> {
        withheld(kind, reason).into()
    }

    /// The same, and only a support case can help.
    pub(crate) fn with_case(mut self: Box<Self>) -> Box<Self> {
        self.needs_a_case = true;
        self
    }
}
