//! How a command ends.

/// How a command ended that did not fail as a whole.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum CommandOutcome {
    /// Every piece of input was answered.
    AllAnswered,
    /// Some input was bad; the rest is answered.
    SomeBad,
}
