//! An error text as received, and in the normal form that rules are written in.

use crate::diagnosis::answered::NamedService;
use crate::diagnosis::present::Present;

/// An error as received. All but the message may be missing; code, status and operation are then searched for in the
/// message.
#[derive(Clone, Copy, Debug, Default)]
pub struct ErrorText<'a> {
    /// The error code, such as `ThrottlingException`, in any of AWS's spellings.
    pub code: Option<&'a str>,
    /// The HTTP status.
    pub status: Option<u16>,
    /// The operation, such as `Converse`, as CloudTrail's `eventName` or the SDK names it.
    pub operation: Option<&'a str>,
    /// AWS's sentence, or the whole log line that contains it.
    pub message: &'a str,
    /// Whether Bedrock recorded the error under its own name: in CloudTrail, in the model-invocation log or as the state
    /// of a job. Then Bedrock answered, whatever the operation is called.
    pub is_of_bedrock: bool,
}

/// The longest text that is read, in bytes. AWS's sentence is in the first part; the rest is payload.
pub(crate) const LONGEST: usize = 256 * 1024;

/// A lower-case code without its final `exception`.
pub(crate) fn stem(code: &str) -> &str {
    code.strip_suffix("exception").unwrap_or(code)
}

/// An error text in the normal form that rules are written in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plain {
    /// Lower-case error codes, innermost last, without a `:http://…` suffix or a `com.amazonaws…#` prefix.
    pub codes: Vec<String>,
    /// The HTTP status; `None` if it is unknown.
    pub status: Option<u16>,
    /// The operation in its original spelling; `None` if it is unknown.
    pub operation: Option<String>,
    /// Lower case, single blanks between words, straight apostrophes, no escapes and no box drawing.
    pub message: String,
    /// The AWS service that the text names as the one that answered.
    pub(crate) service: NamedService,
    /// The table's phrases that the message contains.
    pub(crate) phrases: Present,
    /// The positions in the message where numbers begin.
    pub(crate) numbers: Vec<usize>,
}

impl Plain {
    /// Whether one of the codes is `code` (lower-case), ignoring a final `exception`.
    pub fn has_code(&self, code: &str) -> bool {
        !self.codes.is_empty() && self.has_code_stem(stem(code))
    }

    /// The same, for a code that is known not to end in `exception`.
    pub(crate) fn has_code_stem(&self, code: &str) -> bool {
        self.codes.iter().any(|c| stem(c) == code)
    }
}
