//! A row of the rule table, and how it matches.
//!
//! Invariant: A row matches by AWS's words (`says`), by the error code (`codes`), or by both. It never considers who
//! called.

use crate::diagnosis::cause::Cause;
use crate::diagnosis::plain::Plain;

/// One row of the rule table.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// In kebab-case; names the symptom.
    pub id: &'static str,
    /// The cause it stands for.
    pub cause: Cause,
    /// Alternative groups of phrases; all phrases of one group must occur. Lower-case, as in [`Plain::message`], and
    /// each begins with a word. Empty: any message matches.
    pub says: &'static [&'static [&'static str]],
    /// Phrases that must not occur.
    pub unless: &'static [&'static str],
    /// Alternative codes, lower-case. Empty: any code matches.
    pub codes: &'static [&'static str],
    /// Who answered, for an answer that is not Bedrock's; else `None`.
    pub answered_by: Option<&'static str>,
    /// A further condition that phrases cannot express.
    pub when: Option<fn(&Plain) -> bool>,
    /// What an experienced engineer would tell the caller, one sentence per entry.
    pub advice: &'static [&'static str],
    /// The AWS page about it.
    pub reference: &'static str,
    /// An error text that reaches this row.
    pub example: Example,
}

/// An AWS error text that the rule was made for.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// The code; `None` if the row needs no code.
    pub code: Option<&'static str>,
    /// The message.
    pub message: &'static str,
}

impl Rule {
    /// The defaults of a row. The table writes only what differs.
    pub(super) const NONE: Self = Self {
        id: "",
        cause: Cause::Unknown,
        says: &[],
        unless: &[],
        codes: &[],
        answered_by: None,
        when: None,
        advice: &[],
        reference: "",
        example: Example { code: None, message: "" },
    };
}
