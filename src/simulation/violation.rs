//! A promise that a life breaks.

use std::fmt;

use jiff::SignedDuration;

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub promise: &'static str,
    /// How.
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

/// Clocks differ by less than this, with what a drive takes.
pub(crate) const TOLERANCE: SignedDuration = SignedDuration::from_mins(12);
