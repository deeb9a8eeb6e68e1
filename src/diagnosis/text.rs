//! Takes the wrapping off an error text: what SDKs, proxies, agents and log formats put around the
//! sentence that AWS wrote.
//!
//! One law: nothing here decides a cause. It only makes the same sentence look the same.

use std::sync::LazyLock;

use regex_lite::Regex;

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
const LONGEST: usize = 256 * 1024;

static CODE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\b([a-z]*(?:exception|clienttokenid|servicelimitexceeded|accessdenied))\b").ok()
});
static OCCURRED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)error occurred \(([A-Za-z0-9]+)\)").ok());
static STATUS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"(?i)(?:status[_ ]?code|http status code|error code|api error|http|status|"code")["']?\s*[:=(]*\s*["']?([45][0-9]{2})\b|^\W{0,3}([45][0-9]{2})[ :]"#,
    )
    .ok()
});
static OPERATION: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"(?i)when calling the ([A-Za-z]+) ?operation|(?:operation error )?bedrock[a-z ]* runtime: ([A-Za-z]+),|"(?:operation|eventname)":\s*"([A-Za-z]+)""#,
    )
    .ok()
});

impl Plain {
    /// Unwraps `error`.
    pub fn of(error: &ErrorText<'_>) -> Self {
        let raw = cut(error.message, LONGEST);
        let message = plain(raw);
        let operation = error
            .operation
            .map(str::to_owned)
            .or_else(|| last_group(&OPERATION, &message).and_then(|o| as_written(raw, &o)));
        let mut codes: Vec<String> = Vec::new();
        let mut push = |code: &str| {
            let code = code.to_ascii_lowercase();
            if !codes.contains(&code) {
                codes.push(code);
            }
        };
        if let Some(re) = CODE.as_ref() {
            re.captures_iter(&message).filter_map(|c| c.get(1)).for_each(|m| push(m.as_str()));
        }
        if let Some(re) = OCCURRED.as_ref() {
            re.captures_iter(&message).filter_map(|c| c.get(1)).for_each(|m| push(m.as_str()));
        }
        if let Some(code) = error.code {
            codes.retain(|c| *c != bare_code(code));
            codes.push(bare_code(code));
        }
        let status = error.status.or_else(|| last_group(&STATUS, &message)?.parse().ok());
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

fn last_group(regex: &LazyLock<Option<Regex>>, text: &str) -> Option<String> {
    let captures = regex.as_ref()?.captures_iter(text).last()?;
    let group = captures.iter().skip(1).flatten().next()?;
    Some(group.as_str().to_owned())
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
    let mut out = String::with_capacity(raw.len());
    let mut line_start = true;
    let mut chars = raw.chars().peekable();
    let mut push = |c: char| match c {
        ' ' => {
            if !out.is_empty() && !out.ends_with(' ') {
                out.push(' ');
            }
        }
        c => out.push(c.to_ascii_lowercase()),
    };
    while let Some(c) = chars.next() {
        let c = match c {
            // JSON in a string, however often: `\"`, `\\n`, `\\\"`.
            '\\' => {
                while chars.peek() == Some(&'\\') {
                    chars.next();
                }
                match chars.peek() {
                    Some('n' | 'r' | 't') => {
                        chars.next();
                        '\n'
                    }
                    Some('u') => unicode_escape(&mut chars).unwrap_or(' '),
                    Some('"' | '\'' | '/') => continue,
                    _ => ' ',
                }
            }
            other => other,
        };
        match c {
            '\n' | '\r' => {
                line_start = true;
                push(' ');
                continue;
            }
            // The margin of a quoted or commented line.
            '*' | '|' | '>' if line_start => push(' '),
            '\u{2018}' | '\u{2019}' | '\u{02bc}' | '\u{00b4}' => push('\''),
            '\u{201c}' | '\u{201d}' => push('"'),
            '\u{2026}' => (0..3).for_each(|_| push('.')),
            '\u{2010}' | '\u{2011}' | '\u{2012}' | '\u{2013}' => push('-'),
            '`' => {}
            c if c.is_control() || c.is_whitespace() || !c.is_ascii() => push(' '),
            c => push(c),
        }
        if !c.is_whitespace() && !"*|>".contains(c) {
            line_start = false;
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// `u2019` after a backslash.
fn unicode_escape(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<char> {
    let mut ahead = chars.clone();
    ahead.next();
    let hex: String = ahead.by_ref().take(4).collect();
    let decoded =
        (hex.len() == 4).then(|| u32::from_str_radix(&hex, 16).ok()).flatten().and_then(char::from_u32)?;
    *chars = ahead;
    Some(decoded)
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
