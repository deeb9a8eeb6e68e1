//! Notices that are counted together, so that a crowd of them becomes a digest.

use jiff::{SignedDuration, Timestamp};

use crate::wire_enum::wire_enum;

/// Notices are tallied over so long.
pub const DIGEST_WINDOW: SignedDuration = SignedDuration::from_mins(10);

wire_enum! {
    /// Notices that are tallied together: a crowd of those that anybody can cause does not delay the others.
    pub enum Lane {
        /// AWS recorded a missing step of access.
        Access = "access",
        /// AWS recorded a throttle.
        Throttle = "throttle",
        /// Anything else.
        Other = "other",
    }
}

/// The beginning of the [`DIGEST_WINDOW`] that `now` is in, in seconds since 1970.
pub(crate) fn digest_window_of(now: Timestamp) -> i64 {
    now.as_second() - now.as_second().rem_euclid(DIGEST_WINDOW.as_secs())
}
