//! EventBridge's envelope, and the error for an unreadable payload.

use serde_json::error::Category;

use crate::text::Safe;

/// Why and where a payload or an item cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {what}")]
pub struct Malformed {
    /// The path from the payload's root, such as `event.Records[2].body`.
    pub at: String,
    /// What is wrong there.
    pub what: String,
}

impl Malformed {
    pub(crate) fn new(at: &str, what: impl Into<String>) -> Self {
        Self { at: at.to_owned(), what: what.into() }
    }

    /// Leaves out the error's own text, because it quotes the payload.
    pub(crate) fn json(at: &str, error: &serde_json::Error) -> Self {
        let what = match error.classify() {
            Category::Eof => "the JSON ends too early",
            Category::Data => "not the JSON we know",
            Category::Syntax | Category::Io => "not JSON",
        };
        Self::new(at, format!("{what}: line {}, column {}", error.line(), error.column()))
    }
}

/// The fields that EventBridge puts around a detail.
#[derive(Clone, Copy, Default)]
pub(crate) struct Envelope<'a> {
    pub(crate) account: Option<&'a str>,
    pub(crate) region: Option<&'a str>,
    pub(crate) time: Option<&'a str>,
}

/// A name from outside, in a form that may be shown.
pub(crate) fn shown(name: &str) -> String {
    Safe::name(name)
        .map_or_else(|| "something without a name that can be shown".to_owned(), |n| format!("`{n}`"))
}
