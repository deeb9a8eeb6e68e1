//! The order in which a sweep takes incidents.

use crate::diagnosis::Cause;

/// Priority within a shard.
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
    /// Every band, highest priority first.
    pub const ALL: [Self; 3] = [Self::Urgent, Self::Following, Self::Other];

    /// The band of an incident with that cause that follows no request.
    pub const fn of(cause: Cause) -> Self {
        if cause.rank().is_urgent() { Self::Urgent } else { Self::Other }
    }
}
