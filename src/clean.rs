//! Makes text that others wrote harmless, before it is kept or shown.

use crate::diagnosis::cut;

/// What is shown of an error text that no rule knows: quoted spans left out, for they may hold
/// prompts; printable ASCII only; no markup; at most 200 characters.
pub(crate) fn sample(text: &str) -> String {
    const LONGEST: usize = 200;
    let mut shown = String::new();
    let mut quote: Option<char> = None;
    let mut word_before = false;
    for c in text.chars() {
        let c = match c {
            '\u{2018}' | '\u{2019}' => '\'',
            '\u{201c}' | '\u{201d}' => '"',
            c => c,
        };
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            // An apostrophe inside a word opens nothing.
            None if c == '"' || c == '`' || (c == '\'' && !word_before) => {
                quote = Some(c);
                shown.push_str("[...]");
            }
            None if c.is_ascii_alphanumeric() || " .,:;()/=+-_'%[]".contains(c) => shown.push(c),
            None => shown.push(' '),
        }
        word_before = c.is_ascii_alphanumeric();
    }
    let words: Vec<&str> = shown.split_whitespace().collect();
    cut(&words.join(" "), LONGEST).to_owned()
}

/// One line of printable ASCII, at most `most` characters, without what could end a code span or begin
/// a mention in a chat.
pub(crate) fn line(text: &str, most: usize) -> String {
    let harmless = |c: char| c.is_ascii_graphic() && !"`<>|".contains(c);
    let ascii: String = text.chars().map(|c| if harmless(c) { c } else { ' ' }).collect();
    let joined = ascii.split_whitespace().collect::<Vec<_>>().join(" ");
    if joined.len() <= most {
        return joined;
    }
    format!("{}...", cut(&joined, most.saturating_sub(3)).trim_end())
}

/// Cuts `text` to `most` bytes.
pub(crate) fn bound(text: &mut String, most: usize) {
    let kept = cut(text, most).len();
    text.truncate(kept);
}

pub(crate) fn cut_to(mut text: String, most: usize) -> String {
    bound(&mut text, most);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quoted_spans_are_left_out() {
        let text = "Weird failure near \"tell me a secret\" and 'another secret', isn't it?\u{1b}[31m";
        assert_eq!(sample(text), "Weird failure near [...] and [...], isn't it [31m");
    }

    #[test]
    fn an_open_quote_hides_the_rest() {
        assert_eq!(sample("boom: \"my prompt without end"), "boom: [...]");
    }

    proptest! {
        #[test]
        fn a_sample_is_short_and_harmless(text in "\\PC{0,600}") {
            let shown = sample(&text);
            prop_assert!(shown.len() <= 200 && shown.is_ascii());
            let markup = "<>*@`\"#|~{}";
            prop_assert!(!shown.chars().any(|c| c.is_control() || markup.contains(c)));
        }

        #[test]
        fn a_line_is_one_line(text in ".{0,300}", most in 10usize..120) {
            let line = line(&text, most);
            prop_assert!(line.len() <= most && line.is_ascii() && !line.contains('\n'));
        }
    }
}
