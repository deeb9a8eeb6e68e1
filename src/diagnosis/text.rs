//! Removes what SDKs, proxies, agents and log formats put around AWS's sentence.
//!
//! Invariant: Nothing here decides a cause. The same sentence is only made to look the same.

use crate::diagnosis::answered::{self, NamedService};
use crate::diagnosis::find;
use crate::diagnosis::plain::{ErrorText, LONGEST, Plain};
use crate::diagnosis::words::Words;
use crate::text::cut;

impl Plain {
    /// The normal form of `error`.
    pub fn of(error: &ErrorText<'_>) -> Self {
        let raw = cut(error.message, LONGEST);
        let message = plain(raw);
        let found = Words::of(&message);
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
        let operation = operation.or_else(|| find::word(raw, found.operation?).map(str::to_owned));
        let status = error.status.or(found.status);
        let (phrases, numbers) = (found.phrases, found.numbers);
        let service = if error.is_of_bedrock {
            NamedService::Bedrock
        } else {
            answered::named(&message, operation.as_deref(), error.operation.is_some())
        };
        Self { codes, status, operation, message, service, phrases, numbers }
    }
}

/// `com.amazon.coral#ThrottlingException:http://…` → `throttlingexception`.
fn bare_code(code: &str) -> String {
    let code = code.rsplit('#').next().unwrap_or(code);
    code.split(':').next().unwrap_or(code).trim().to_ascii_lowercase()
}

/// What a byte of the text becomes: its lower case, or 0 if it needs special treatment.
#[allow(clippy::indexing_slicing, reason = "the compiler evaluates it")]
const PLAIN: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        if !matches!(byte, b'\\' | b'`' | b'*' | b'|' | b'>') {
            table[byte as usize] = byte.to_ascii_lowercase();
        }
        byte += 1;
    }
    table
};

/// The message in its normal form; see [`Plain::message`].
fn plain(raw: &str) -> String {
    let bytes = raw.as_bytes();
    let mut out: Vec<u8> = Vec::with_capacity(bytes.len());
    let mut line_start = true;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        let same = PLAIN.get(usize::from(byte)).copied().unwrap_or(0);
        if same != 0 {
            out.push(same);
            line_start = false;
            while let Some(lower) = bytes.get(at..).and_then(|rest| rest.first_chunk()).and_then(simple_chunk)
            {
                out.extend_from_slice(&lower);
                at += lower.len();
            }
            continue;
        }
        match byte {
            b'\n' | b'\r' => {
                line_start = true;
                push_blank(&mut out);
            }
            b'\\' => at = escape(raw, at, &mut out, &mut line_start),
            0x1b => {
                at += colour(bytes.get(at..).unwrap_or_default());
                push_blank(&mut out);
            }
            // The margin of a quoted or commented line.
            b'*' | b'|' | b'>' if line_start => push_blank(&mut out),
            b'*' | b'|' | b'>' => out.push(byte),
            b'`' => {}
            0x80.. => {
                let c = raw.get(at - 1..).and_then(|rest| rest.chars().next());
                at += c.map_or(1, char::len_utf8) - 1;
                push_char(&mut out, c.unwrap_or(' '));
            }
            _ => push_blank(&mut out),
        }
    }
    if out.last() == Some(&b' ') {
        out.pop();
    }
    // Only ASCII was pushed.
    String::from_utf8(out).unwrap_or_default()
}

/// Reads an escape of JSON in a string, at any depth: `\\"`, `\\\\n`, `\\\\\\"`. Its first backslash stands before `at`. Returns
/// where the text goes on.
fn escape(raw: &str, at: usize, out: &mut Vec<u8>, line_start: &mut bool) -> usize {
    let rest = raw.as_bytes().get(at..).unwrap_or_default();
    let at = at + rest.iter().take_while(|b| **b == b'\\').count();
    match raw.as_bytes().get(at) {
        Some(b'n' | b'r' | b't') => {
            *line_start = true;
            push_blank(out);
            at + 1
        }
        Some(b'u') => {
            let Some(decoded) = unicode_escape(raw.get(at..).unwrap_or_default()) else {
                push_blank(out);
                return at;
            };
            push_char(out, decoded);
            at + "u0000".len()
        }
        Some(b'"' | b'\'' | b'/') => at,
        _ => {
            push_blank(out);
            at
        }
    }
}

/// The length of a terminal colour sequence, `ESC [ 31 m`, of which `rest` follows the `ESC`.
fn colour(rest: &[u8]) -> usize {
    let Some(parameters) = rest.strip_prefix(b"[") else { return 0 };
    "[".len() + parameters.iter().take_while(|b| (0x20..0x40).contains(*b)).count() + "m".len()
}

/// Sixteen bytes in lower case; `None` if any needs special treatment. Most of a text takes this fast path, which the
/// compiler can vectorise.
#[allow(clippy::needless_bitwise_bool, reason = "no branch may stand between the sixteen")]
fn simple_chunk(chunk: &[u8; 16]) -> Option<[u8; 16]> {
    let mut lower = *chunk;
    let mut special = false;
    let mut last = b' ';
    for byte in &mut lower {
        let b = *byte;
        let printable = b.wrapping_sub(b' ') < 0x5f;
        let signs = (b == b'\\') | (b == b'`') | (b == b'*') | (b == b'|') | (b == b'>');
        special |= !printable | signs | ((b == b' ') & (last == b' '));
        last = b;
        *byte = b | (u8::from(b.wrapping_sub(b'A') < 26) << 5);
    }
    (!special).then_some(lower)
}

fn push_blank(out: &mut Vec<u8>) {
    if !last_is_blank(out) {
        out.push(b' ');
    }
}

/// Whether the output is empty or ends in a blank, so that no blank may follow.
fn last_is_blank(out: &[u8]) -> bool {
    out.last().is_none_or(|b| *b == b' ')
}

/// Adds a typographic character in its ASCII form. Any other character outside ASCII becomes a blank.
fn push_char(out: &mut Vec<u8>, c: char) {
    match c {
        '\u{2018}' | '\u{2019}' | '\u{02bc}' | '\u{00b4}' => out.push(b'\''),
        '\u{201c}' | '\u{201d}' => out.push(b'"'),
        '\u{2026}' => out.extend_from_slice(b"..."),
        '\u{2010}'..='\u{2013}' => out.push(b'-'),
        c if c.is_ascii_graphic() && c != '`' => out.push(c.to_ascii_lowercase() as u8),
        _ => push_blank(out),
    }
}

/// The character of an escape such as `u2019`, which follows a backslash.
fn unicode_escape(text: &str) -> Option<char> {
    let hex = text.get(1..5).filter(|h| h.bytes().all(|b| b.is_ascii_hexdigit()))?;
    char::from_u32(u32::from_str_radix(hex, 16).ok()?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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

        let control =
            of("operation error Bedrock AgentCore Control: UpdateMemory, , ValidationException: no");
        assert_eq!(control.operation.as_deref(), Some("UpdateMemory"));

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
