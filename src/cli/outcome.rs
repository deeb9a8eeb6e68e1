//! The outcome of a command.

/// How a command ended, unless it failed as a whole.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum CommandOutcome {
    /// All input was answered.
    AllAnswered,
    /// Some input was bad; the rest was answered.
    SomeBad,
}
