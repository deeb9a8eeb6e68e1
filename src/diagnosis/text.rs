//! Takes the wrapping off an error text: what SDKs, proxies, agents and log formats put around the
//! sentence that AWS wrote.
//!
//! One law: nothing here decides a cause. It only makes the same sentence look the same.

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
}

/// Longer texts are cut: AWS's sentence stands in the first part, what follows is payload.
pub(super) const LONGEST: usize = 256 * 1024;

/// Error codes that do not end in `Exception`.
const OTHER_CODES: &[&str] = &[
    "accessdenied",
    "expiredtoken",
    "incompletesignature",
    "invalidclienttokenid",
    "optinrequired",
    "requestexpired",
    "servicelimitexceeded",
    "signaturedoesnotmatch",
];

/// Names of a proxy's own that look like codes and say nothing.
const NO_CODES: &[&str] = &["exception", "bedrockexception", "apiexception", "runtimeexception"];

impl Plain {
    /// Unwraps `error`.
    pub fn of(error: &ErrorText<'_>) -> Self {
        let raw = cut(error.message, LONGEST);
        let message = plain(raw);
        let found = scan(&message);
        let mut codes: Vec<String> = Vec::new();
        for code in found.codes {
            if !codes.iter().any(|c| c == code) {
                codes.push(code.to_owned());
            }
        }
        if let Some(code) = error.code {
            let code = bare_code(code);
            codes.retain(|c| *c != code);
            codes.push(code);
        }
        let operation = error.operation.map(str::to_owned);
        let operation = operation.or_else(|| as_written(raw, found.operation?));
        let status = error.status.or(found.status);
        Self { codes, status, operation, message }
    }

    /// Whether one of the codes is `code` (lower-case), with or without its `Exception`.
    pub fn has_code(&self, code: &str) -> bool {
        let stem = |c: &str| c.strip_suffix("exception").unwrap_or(c).len();
        self.codes.iter().any(|c| c.get(..stem(c)) == code.get(..stem(code)))
    }
}

/// `com.amazon.coral#ThrottlingException:http://…` → `throttlingexception`.
fn bare_code(code: &str) -> String {
    let code = code.rsplit('#').next().unwrap_or(code);
    code.split(':').next().unwrap_or(code).trim().to_ascii_lowercase()
}

/// What the words of a plain message tell beside its sentence.
#[derive(Default)]
struct Scanned<'m> {
    /// In the order of the text; in nested errors the innermost stands last.
    codes: Vec<&'m str>,
    status: Option<u16>,
    operation: Option<&'m str>,
}

/// Letters, digits and `_` make a word.
pub(super) const fn is_word(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'
}

/// The words of `text`, each with where it begins.
pub(super) fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        at += bytes.get(at..)?.iter().position(|b| is_word(*b))?;
        let start = at;
        at += bytes.get(at..)?.iter().position(|b| !is_word(*b)).unwrap_or(bytes.len() - at);
        Some((start, text.get(start..at)?))
    })
}

/// One pass over the words: codes, the HTTP status, the operation.
fn scan(message: &str) -> Scanned<'_> {
    let mut found = Scanned::default();
    // The three words before this one, nearest first, and where the nearest ends.
    let mut before = ["", "", ""];
    let mut end_before = 0;
    let mut maybe_operation = None;
    for (start, word) in words(message) {
        let end = start + word.len();
        let between = message.get(end_before..start).unwrap_or_default();
        let follows = message.as_bytes().get(end).copied();
        let last = word.rsplit('_').next().unwrap_or(word);
        let in_brackets = before[0] == "occurred" && between.ends_with('(');
        if (last.ends_with("exception") && !NO_CODES.contains(&last)) || OTHER_CODES.contains(&last) {
            found.codes.push(last);
        } else if in_brackets {
            found.codes.push(word);
        }
        if word == "operation" && maybe_operation.is_some() {
            found.operation = maybe_operation;
        }
        let quoted = between.ends_with('"') && between.contains(':');
        let is_operation = (before[0] == "runtime" && between == ": " && follows == Some(b','))
            || (matches!(before[0], "operation" | "eventname") && quoted && follows == Some(b'"'));
        if is_operation {
            found.operation = Some(word);
        }
        maybe_operation = (before[0] == "the" && before[1] == "calling").then_some(word);
        if let Some(status) = status(word) {
            let named = matches!(before[0], "code" | "statuscode" | "status_code" | "status" | "http")
                || (before[0] == "error" && before[1] == "api")
                || before == ["1", "1", "http"];
            if named || end_before == 0 {
                found.status = Some(status);
            }
        }
        before = [word, before[0], before[1]];
        end_before = end;
    }
    found
}

/// `429`: an HTTP status that is an error.
fn status(word: &str) -> Option<u16> {
    let is_error = word.len() == 3 && (word.starts_with('4') || word.starts_with('5'));
    is_error.then(|| word.parse().ok()).flatten()
}

/// The word of `raw` that equals `lower` but for its case.
fn as_written(raw: &str, lower: &str) -> Option<String> {
    raw.split(|c: char| !c.is_ascii_alphanumeric()).find(|w| w.eq_ignore_ascii_case(lower)).map(str::to_owned)
}

/// At most `most` bytes of `text`, at a character boundary.
pub(crate) fn cut(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or(text)
}

/// The message in one form: see [`Plain::message`].
fn plain(raw: &str) -> String {
    let bytes = raw.as_bytes();
    let mut out: Vec<u8> = Vec::with_capacity(bytes.len());
    let space = |out: &mut Vec<u8>| {
        if out.last().is_some_and(|b| *b != b' ') {
            out.push(b' ');
        }
    };
    let mut line_start = true;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'a'..=b'z' | b'0'..=b'9' => out.push(byte),
            b'A'..=b'Z' => out.push(byte.to_ascii_lowercase()),
            b' ' | b'\t' => {
                space(&mut out);
                continue;
            }
            b'\n' | b'\r' => {
                line_start = true;
                space(&mut out);
                continue;
            }
            // JSON in a string, however often: `\"`, `\\n`, `\\\"`.
            b'\\' => {
                at += bytes.get(at..).unwrap_or_default().iter().take_while(|b| **b == b'\\').count();
                match bytes.get(at) {
                    Some(b'n' | b'r' | b't') => {
                        at += 1;
                        line_start = true;
                        space(&mut out);
                    }
                    Some(b'u') => match unicode_escape(raw.get(at..).unwrap_or_default()) {
                        Some(decoded) => {
                            at += "u0000".len();
                            push_char(&mut out, decoded, space);
                        }
                        None => space(&mut out),
                    },
                    Some(b'"' | b'\'' | b'/') => {}
                    _ => space(&mut out),
                }
                continue;
            }
            // The margin of a quoted or commented line.
            b'*' | b'|' | b'>' if line_start => {
                space(&mut out);
                continue;
            }
            b'`' => continue,
            0x80.. => {
                let c = raw.get(at - 1..).and_then(|rest| rest.chars().next());
                at += c.map_or(1, char::len_utf8) - 1;
                push_char(&mut out, c.unwrap_or(' '), space);
                continue;
            }
            0..=0x1f | 0x7f => {
                space(&mut out);
                continue;
            }
            punctuation => out.push(punctuation),
        }
        line_start = false;
    }
    if out.last() == Some(&b' ') {
        out.pop();
    }
    // Only ASCII was pushed.
    String::from_utf8(out).unwrap_or_default()
}

/// Typographic signs as ASCII writes them; anything else that is not ASCII is a blank.
fn push_char(out: &mut Vec<u8>, c: char, space: impl Fn(&mut Vec<u8>)) {
    match c {
        '\u{2018}' | '\u{2019}' | '\u{02bc}' | '\u{00b4}' => out.push(b'\''),
        '\u{201c}' | '\u{201d}' => out.push(b'"'),
        '\u{2026}' => out.extend_from_slice(b"..."),
        '\u{2010}'..='\u{2013}' => out.push(b'-'),
        c if c.is_ascii_graphic() && c != '`' => out.push(c.to_ascii_lowercase() as u8),
        _ => space(out),
    }
}

/// `u2019` after a backslash.
fn unicode_escape(text: &str) -> Option<char> {
    let hex = text.get(1..5).filter(|h| h.bytes().all(|b| b.is_ascii_hexdigit()))?;
    char::from_u32(u32::from_str_radix(hex, 16).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(message: &str) -> Plain {
        Plain::of(&ErrorText { message, ..ErrorText::default() })
    }

    #[test]
    fn wrappings_of_one_sentence_look_the_same() {
        let sentence = "on-demand throughput isn't supported";
        for wrapped in [
            "on-demand throughput isn\u{2019}t supported",
            "on-demand\n   throughput `isn't`   supported",
            r"on-demand throughput isn\u2019t supported",
            "on-demand\n * throughput isn't\n * supported",
            r#"{\"message\":\"on-demand throughput isn\\u2019t supported\"}"#,
            "on-demand throughput      \u{2588}\u{2580}\u{2588}   isn't supported",
        ] {
            assert!(of(wrapped).message.contains(sentence), "{wrapped}: {}", of(wrapped).message);
        }
    }

    #[test]
    fn codes_status_and_operation_are_found_in_sdk_texts() {
        let boto = of(
            "An error occurred (ThrottlingException) when calling the Converse operation (reached max retries: 4): Too many tokens",
        );
        assert!(boto.has_code("throttlingexception"));
        assert_eq!(boto.operation.as_deref(), Some("Converse"));

        let go = of(
            "operation error Bedrock Runtime: InvokeModel, https response error StatusCode: 400, RequestID: x, ValidationException: no",
        );
        assert_eq!((go.status, go.operation.as_deref()), (Some(400), Some("InvokeModel")));

        let java = of("Nope (Service: BedrockRuntime, Status Code: 429, Request ID: 916e)");
        assert_eq!(java.status, Some(429));
        assert_eq!(of("API Error (503 Model is getting throttled)").status, Some(503));
        assert_eq!(of(r#"{"error":{"message":"x","code":"403"}}"#).status, Some(403));
        assert_eq!(of("200049 tokens > 200000 maximum").status, None);
    }

    #[test]
    fn codes_lose_their_wrapping() {
        let coral = ErrorText {
            code: Some("AccessDeniedException:http://internal.amazon.com/coral/"),
            ..Default::default()
        };
        assert!(Plain::of(&coral).has_code("accessdenied"));
        let typed =
            ErrorText { code: Some("com.amazonaws.bedrock#ThrottlingException"), ..Default::default() };
        assert!(Plain::of(&typed).has_code("throttlingexception"));
        assert!(!Plain::of(&typed).has_code("throttled"));
    }

    proptest! {
        #[test]
        fn any_text_is_unwrapped_to_lower_case_ascii(text in "\\PC{0,300}") {
            let plain = of(&text);
            prop_assert!(plain.message.is_ascii());
            prop_assert!(!plain.message.contains("  "));
            prop_assert!(!plain.message.bytes().any(|b| b.is_ascii_uppercase()));
        }
    }
}
