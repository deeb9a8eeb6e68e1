//! One pass over the words of a plain message. It finds the codes, status and operation that SDKs write around AWS's
//! sentence, and the table's phrases.
//!
//! Invariant: Each word is examined once.

use crate::diagnosis::phrases::INDEX;
use crate::diagnosis::present::Present;

/// What the words of a message say.
#[derive(Default)]
pub(super) struct Words<'m> {
    /// Error codes in order of the text. In nested errors the innermost comes last.
    pub(super) codes: Vec<&'m str>,
    /// The last HTTP status in the text.
    pub(super) status: Option<u16>,
    /// The last operation in the text.
    pub(super) operation: Option<&'m str>,
    /// The table's phrases in the text.
    pub(super) phrases: Present,
    /// The positions where numbers begin; at most [`MOST_NUMBERS`].
    pub(super) numbers: Vec<usize>,
}

const MOST_NUMBERS: usize = 256;
/// The longest name of a service, with blanks and signs around it.
const LONGEST_SERVICE: usize = 48;

/// Whether a byte belongs to a word: letters, digits and `_`.
#[allow(clippy::indexing_slicing, reason = "the compiler evaluates it")]
const IS_WORD: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0u8;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        byte += 1;
    }
    table
};

/// Error codes that do not end in `Exception`.
fn is_other_code(word: &str) -> bool {
    matches!(
        word,
        "accessdenied"
            | "expiredtoken"
            | "incompletesignature"
            | "invalidclienttokenid"
            | "optinrequired"
            | "requestexpired"
            | "servicelimitexceeded"
            | "signaturedoesnotmatch"
    )
}

/// Whether the code is a proxy's or a language's generic name, which carries no information.
fn says_nothing(word: &str) -> bool {
    matches!(word, "exception" | "bedrockexception" | "apiexception" | "runtimeexception")
}

impl<'m> Words<'m> {
    /// Reads `message`, which is plain.
    pub(super) fn of(message: &'m str) -> Self {
        let bytes = message.as_bytes();
        let is_word = |at: usize| bytes.get(at).is_some_and(|b| IS_WORD.get(usize::from(*b)) == Some(&true));
        let index = &*INDEX;
        let phrases = Present::with_room();
        let mut found = Self { numbers: Vec::with_capacity(16), phrases, ..Self::default() };
        // The three words before this one, nearest first, and where the nearest one ends.
        let mut before = ["", "", ""];
        let mut end_before = 0;
        // Where the last `operation error`, of the SDK for Go, ends.
        let mut error_of_go = None;
        let mut at = 0;
        while at < bytes.len() {
            if !is_word(at) {
                at += 1;
                continue;
            }
            let start = at;
            while is_word(at) {
                at += 1;
            }
            let (Some(word), Some(rest)) = (message.get(start..at), bytes.get(start..)) else { break };
            index.find_at(rest, &mut found.phrases);
            if matches!(rest, [b'0'..=b'9', ..]) && found.numbers.len() < MOST_NUMBERS {
                found.numbers.push(start);
            }
            let between = || message.get(end_before..start).unwrap_or_default();
            found.word(word, before, end_before == 0);
            match before[0].len() {
                9 if before[0] == "operation" && word == "error" && between() == " " => {
                    error_of_go = Some(at);
                }
                9 if matches!(before[0], "operation" | "eventname") && is_value(between(), bytes.get(at)) => {
                    found.operation = Some(word);
                }
                8 if before[0] == "occurred"
                    && between().ends_with('(')
                    && found.codes.last() != Some(&word) =>
                {
                    found.codes.push(word);
                }
                _ => {}
            }
            // `operation error Bedrock Runtime: Converse, …`: the name of the service is short.
            let is_of_go = error_of_go.is_some_and(|end| start >= end && start - end <= LONGEST_SERVICE);
            if (is_of_go || before[0] == "runtime") && between() == ": " && bytes.get(at) == Some(&b',') {
                found.operation = Some(word);
            }
            before = [word, before[0], before[1]];
            end_before = at;
        }
        found
    }

    /// Takes in what `word` says after the words `before` it.
    fn word(&mut self, word: &'m str, before: [&'m str; 3], is_first: bool) {
        match word.len() {
            3 if word.starts_with(['4', '5']) && (is_first || names_a_status(before)) => {
                self.status = word.parse().ok().or(self.status);
            }
            9 if word == "operation" && before[1] == "the" && before[2] == "calling" => {
                self.operation = Some(before[0]);
            }
            // AWS's C and C++ clients: `PutLogEvents API responded with error=…`.
            9 if word == "responded" && before[0] == "api" => self.operation = Some(before[1]),
            9.. => self.code(word),
            _ => {}
        }
    }

    fn code(&mut self, word: &'m str) {
        if word.ends_with("exception") || is_other_code(word) {
            let last = word.rsplit('_').next().unwrap_or(word);
            if !says_nothing(last) {
                self.codes.push(last);
            }
        }
    }
}

/// Whether the words before a number show that it is an HTTP status.
fn names_a_status(before: [&str; 3]) -> bool {
    matches!(before[0], "code" | "statuscode" | "status_code" | "status" | "http")
        || (before[0] == "error" && before[1] == "api")
        || before == ["1", "1", "http"]
}

/// Whether a word stands alone in quotes after a JSON key.
fn is_value(between: &str, after: Option<&u8>) -> bool {
    between.ends_with('"') && between.contains(':') && after == Some(&b'"')
}
