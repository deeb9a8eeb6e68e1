//! Groups of notices that are counted together and become a digest if there are many.

use jiff::{SignedDuration, Timestamp};

use crate::wire_enum::wire_enum;

/// Notices are counted per window of this length.
pub const DIGEST_WINDOW: SignedDuration = SignedDuration::from_mins(10);

wire_enum! {
    /// Notices that are counted together. Lanes keep a crowd of notices that anyone can cause from delaying the others.
    pub enum Lane {
        /// AWS recorded a missing access step.
        Access = "access",
        /// AWS recorded a throttle.
        Throttle = "throttle",
        /// Anything else.
        Other = "other",
    }
}

/// The start of the [`DIGEST_WINDOW`] that contains `now`, in seconds since 1970.
pub(crate) fn digest_window_of(now: Timestamp) -> i64 {
    now.as_second() - now.as_second().rem_euclid(DIGEST_WINDOW.as_secs())
}
