//! An error text as it came, and in the one form that rules are written in.

use crate::diagnosis::present::Present;

/// An error as it reached us: the four things the rules look at. Everything but the message may be
/// missing, and is then searched for in the message.
#[derive(Clone, Copy, Debug, Default)]
pub struct ErrorText<'a> {
    /// `ThrottlingException`, in any of AWS's spellings.
    pub code: Option<&'a str>,
    /// The HTTP status.
    pub status: Option<u16>,
    /// `Converse`; as CloudTrail's `eventName` or the SDK names it.
    pub operation: Option<&'a str>,
    /// The sentence, or the whole log line it stands in.
    pub message: &'a str,
}

/// Longer texts are cut: AWS's sentence stands in the first part, what follows is payload.
pub(crate) const LONGEST: usize = 256 * 1024;

/// A code without its `exception`.
pub(crate) fn stem(code: &str) -> &str {
    code.strip_suffix("exception").unwrap_or(code)
}

/// An error text in the one form that rules are written in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plain {
    /// Lower-case error codes, innermost last, without `:http://…` suffix and `com.amazonaws…#` prefix.
    pub codes: Vec<String>,
    /// The HTTP status, if anything tells it.
    pub status: Option<u16>,
    /// The operation, as written.
    pub operation: Option<String>,
    /// Lower-case, one blank between words, straight apostrophes, no escapes and no box drawing.
    pub message: String,
    /// Which of the table's phrases the message holds.
    pub(crate) phrases: Present,
    /// Where numbers begin in the message.
    pub(crate) numbers: Vec<usize>,
}

impl Plain {
    /// Whether one of the codes is `code` (lower-case), with or without its `Exception`.
    pub fn has_code(&self, code: &str) -> bool {
        !self.codes.is_empty() && self.has_code_stem(stem(code))
    }

    /// The same for a code that is known to have no `exception` at its end.
    pub(crate) fn has_code_stem(&self, code: &str) -> bool {
        self.codes.iter().any(|c| stem(c) == code)
    }
}
