//! What one row of the rule table is, and how it matches.
//!
//! Invariant: a row matches by what AWS says (`says`), by its code (`codes`), or by both; it never
//! looks at who called.

use crate::diagnosis::cause::Cause;
use crate::diagnosis::plain::Plain;

/// One row of the rule table.
#[derive(Debug)]
pub struct Rule {
    /// Kebab-case, names the symptom.
    pub id: &'static str,
    /// What it means.
    pub cause: Cause,
    /// Any of these groups, all phrases of a group; lower-case, as [`Plain::message`] has them, and
    /// each beginning with a word. Empty: the message does not matter.
    pub says: &'static [&'static [&'static str]],
    /// None of these phrases.
    pub unless: &'static [&'static str],
    /// Any of these codes, lower-case. Empty: the code does not matter.
    pub codes: &'static [&'static str],
    /// What no phrase can say.
    pub when: Option<fn(&Plain) -> bool>,
    /// What an experienced engineer would tell the caller, one sentence an entry.
    pub advice: &'static [&'static str],
    /// AWS's page on it.
    pub reference: &'static str,
    /// A text that reaches this row.
    pub example: Example,
}

/// An error text of AWS's that a rule was made for.
#[derive(Debug)]
pub struct Example {
    /// `None`: the row needs no code.
    pub code: Option<&'static str>,
    /// The sentence.
    pub message: &'static str,
}

impl Rule {
    /// What a row is when it says nothing else; the table spells out only what differs.
    pub(super) const NONE: Self = Self {
        id: "",
        cause: Cause::Unknown,
        says: &[],
        unless: &[],
        codes: &[],
        when: None,
        advice: &[],
        reference: "",
        example: Example { code: None, message: "" },
    };
}
