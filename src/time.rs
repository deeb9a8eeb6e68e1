//! A window of time, and arithmetic on times that does not overflow.

use jiff::{SignedDuration, Timestamp};

/// A span of time, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The start.
    pub from: Timestamp,
    /// The end.
    pub to: Timestamp,
}

/// `now` plus `wait`, or the latest possible time if the sum overflows.
pub(crate) fn after(now: Timestamp, wait: SignedDuration) -> Timestamp {
    now.saturating_add(wait).unwrap_or(Timestamp::MAX)
}
