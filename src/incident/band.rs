//! Which incidents a sweep takes first.

use crate::diagnosis::Cause;

/// What is looked after first within a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Band {
    /// Causes of an urgent rank; see [`Rank::is_urgent`](crate::diagnosis::Rank::is_urgent).
    Urgent,
    /// Incidents that follow an increase request, whatever their cause.
    Following,
    /// All others.
    Other,
}

impl Band {
    /// Every band, the one that is looked after first before the others.
    pub const ALL: [Self; 3] = [Self::Urgent, Self::Following, Self::Other];

    /// The band of an incident of that cause that follows no request.
    pub const fn of(cause: Cause) -> Self {
        if cause.rank().is_urgent() { Self::Urgent } else { Self::Other }
    }
}
