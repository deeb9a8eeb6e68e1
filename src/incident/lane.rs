//! Notices that are counted together, so that a crowd of them becomes a digest.

use jiff::{SignedDuration, Timestamp};

use crate::wire_enum::words;

/// Notices are tallied over so long.
pub const CROWD: SignedDuration = SignedDuration::from_mins(10);

words! {
    /// Notices that are tallied together: a crowd of those that anybody can cause does not delay the others.
    Lane {
        /// AWS recorded a missing step of access.
        Access = "access",
        /// AWS recorded a throttle.
        Throttle = "throttle",
        /// Anything else.
        Other = "other",
    }
}

/// The beginning of the [`CROWD`] that `now` is in, in seconds since 1970.
pub(crate) fn crowd_of(now: Timestamp) -> i64 {
    now.as_second() - now.as_second().rem_euclid(CROWD.as_secs())
}
