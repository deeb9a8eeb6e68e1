//! A broken promise.

use std::fmt;

use jiff::SignedDuration;

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The promise.
    pub promise: &'static str,
    /// How it was broken.
    pub how: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.promise, self.how)
    }
}

pub(crate) type Checked = Result<(), Violation>;

pub(crate) fn broken(promise: &'static str, how: impl Into<String>) -> Checked {
    Err(Violation { promise, how: how.into() })
}

/// Upper bound of the difference between clocks, including the time of a drive.
pub(crate) const TOLERANCE: SignedDuration = SignedDuration::from_mins(12);
