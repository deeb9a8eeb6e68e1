//! Makes text from outside harmless before it is stored or shown.
//!
//! Invariant: Text from outside is shown only as a [`Safe`], and only this module makes one. A name keeps its own shape
//! or is left out.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::ids::is_of_arn;

/// Text from outside that may be shown: one line of printable ASCII without markup, mentions, links, addresses,
/// telephone numbers or secrets. Only this module makes one, so no other text from outside gets into a notice.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Safe(String);

/// The longest text that is kept, in bytes. No ARN in IAM is longer.
const LONGEST: usize = 512;
/// Replaces what must not be shown.
const LEFT_OUT: &str = "[...]";

impl Safe {
    /// The words of `text` that may be shown, on one line of at most `most` bytes. Each run of other words becomes
    /// `[...]`.
    pub fn line(text: &str, most: usize) -> Self {
        let ascii = line(cut(text, 4 * LONGEST), usize::MAX);
        let words: Vec<&str> = ascii.split(' ').collect();
        let mut shown: Vec<&str> = Vec::with_capacity(words.len());
        let mut at = 0;
        while let Some(word) = words.get(at) {
            // A telephone number may contain blanks.
            let numbers = words.get(at..).unwrap_or_default().iter().take_while(|w| is_dialled(w)).count();
            let run = words.get(at..at + numbers).unwrap_or_default();
            if is_telephone(run) {
                shown.push(LEFT_OUT);
                at += numbers;
                continue;
            }
            shown.push(if may_be_shown(word) { word } else { LEFT_OUT });
            at += 1;
        }
        shown.dedup_by(|a, b| *a == LEFT_OUT && *b == LEFT_OUT);
        Self(line(&shown.join(" "), most))
    }

    /// An ARN in its own shape. In its resource, a part that reads like an address or a domain is written so that
    /// nothing makes a link of it; a telephone number or a secret becomes `[...]`. `None` if `text` is not an ARN.
    pub fn arn(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.len() > LONGEST || !text.bytes().all(is_of_arn) {
            return None;
        }
        let parsed = crate::ids::Arn::parse(text)?;
        let head = text.strip_suffix(parsed.resource)?;
        let shown: String = parsed.resource.split_inclusive(['/', ':']).map(part).collect();
        Some(Self(format!("{head}{shown}")))
    }

    /// A name of 1 to 80 letters, digits and `._:/#-`, such as an operation or a source. `None` for anything else.
    pub fn name(text: &str) -> Option<Self> {
        const LONGEST_NAME: usize = 80;
        let fits = (1..=LONGEST_NAME).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:/#-".contains(&b))
            && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/')
            && may_be_shown(text);
        fits.then(|| Self(text.to_owned()))
    }

    /// An error code: at most 64 letters, digits, `_` and dots, beginning with a letter. `None` for anything else.
    pub fn code(text: &str) -> Option<Self> {
        let fits = text.len() <= 64
            && text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.');
        if fits { Self::name(text) } else { None }
    }

    /// A word of this program. It is `'static`, so it does not come from outside.
    pub(crate) fn ours(text: &'static str) -> Self {
        Self(text.to_owned())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Safe {
    fn from(text: &str) -> Self {
        Self::line(text, LONGEST)
    }
}

impl From<String> for Safe {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl<'de> Deserialize<'de> for Safe {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

impl Deref for Safe {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Safe {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Safe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One part of an ARN's resource, made harmless. `part` includes the separator that ends it.
fn part(part: &str) -> String {
    let name = part.trim_end_matches(['/', ':']);
    let end = part.strip_prefix(name).unwrap_or_default();
    // A telephone number has separators between its digits; an account or another id does not.
    let has_signs = name.bytes().any(|b| !b.is_ascii_digit());
    if is_secret(name) || (has_signs && is_telephone(&[name])) {
        return format!("{LEFT_OUT}{end}");
    }
    if name.contains('@') || is_domain(name) {
        return format!("{}{end}", name.replace('@', "(at)").replace('.', "(dot)"));
    }
    part.to_owned()
}

/// Whether this word from outside may be shown.
pub(crate) fn may_be_shown(word: &str) -> bool {
    let core = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    let begins_with = |start: &&str| core.get(..start.len()).is_some_and(|s| s.eq_ignore_ascii_case(start));
    let is_link = word.contains("//") || ["www.", "mailto:", "tel:", "javascript:"].iter().any(begins_with);
    !is_link && !word.contains(['@', '\\']) && !is_domain(core) && !is_secret(core)
}

/// Endings of more than two letters of which mail programs and chats make links.
#[rustfmt::skip]
const ENDINGS: &[&str] = &[
    "academy", "agency", "app", "arpa", "biz", "blog", "cash", "center", "chat", "click", "cloud", "club",
    "com", "company", "dev", "digital", "edu", "email", "example", "finance", "fun", "gov", "group", "help",
    "host", "info", "int", "invalid", "life", "link", "live", "local", "localhost", "ltd", "media", "mil",
    "mobi", "money", "net", "network", "news", "one", "online", "onion", "org", "page", "pay", "pro", "pub",
    "rocks", "run", "security", "services", "shop", "site", "social", "software", "solutions", "space",
    "support", "systems", "team", "tech", "test", "today", "top", "vip", "website", "wiki", "work", "works",
    "world", "xyz", "zip", "zone",
];

/// Whether part of `word` is an internet host name. Two-letter endings always count, because they may be a country's.
/// Longer endings count only if they are among [`ENDINGS`].
pub(crate) fn is_domain(word: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    // Most words have no dot.
    word.contains('.')
        && word.split(|c: char| !c.is_ascii_alphanumeric() && !"._-".contains(c)).any(|host| {
            let Some((before, ending)) = host.trim_matches('.').rsplit_once('.') else { return false };
            let ending = ending.to_ascii_lowercase();
            let is_country = ending.len() == 2 && ending.bytes().all(|b| b.is_ascii_lowercase());
            (is_country || ENDINGS.contains(&ending.as_str())) && before.split('.').all(is_label)
        })
}

/// Prefixes of well-known credentials, each with the least number of characters that follow.
#[rustfmt::skip]
const CREDENTIALS: &[(&str, usize)] = &[
    ("ABSK", 16), ("AIza", 20), ("AKIA", 16), ("ASIA", 16), ("bedrock-api-key-", 8), ("eyJ", 10), ("ghp_", 16),
    ("github_pat_", 16), ("glpat-", 16), ("sk-", 16), ("sk_", 16), ("xoxb-", 10), ("xoxp-", 10),
];
/// The length of the shortest of them.
const SHORTEST_CREDENTIAL: usize = 13;

/// Whether `word` contains a credential: an access key, a secret key or a token.
pub(crate) fn is_secret(word: &str) -> bool {
    if word.len() < SHORTEST_CREDENTIAL {
        return false;
    }
    let is_of_token = |b: &u8| b.is_ascii_alphanumeric() || b"+/=_-".contains(b);
    // Whether a credential begins at `at`. One pass over the word serves all prefixes.
    let begins = |(at, first): (usize, u8)| {
        let Some((before, here)) = word.split_at_checked(at) else { return false };
        let of_this_letter = CREDENTIALS.iter().filter(|(start, _)| start.as_bytes().first() == Some(&first));
        of_this_letter.filter_map(|(start, least)| Some((start, least, here.strip_prefix(start)?))).any(
            |(start, least, rest)| {
                // A prefix in capitals counts even inside a word.
                let is_in_capitals = start.bytes().all(|b| b.is_ascii_uppercase());
                (is_in_capitals || !before.ends_with(|c: char| c.is_ascii_alphanumeric()))
                    && rest.bytes().take_while(is_of_token).count() >= *least
            },
        )
    };
    // An AWS secret key has forty characters of base64; other keys are longer.
    let is_mixed = |run: &str| {
        run.bytes().any(|b| b.is_ascii_digit())
            && run.bytes().any(|b| b.is_ascii_uppercase())
            && run.bytes().any(|b| b.is_ascii_lowercase())
    };
    let keys = word.split(|c: char| !c.is_ascii_alphanumeric() && c != '+');
    let with_strokes = word.split(|c: char| !c.is_ascii_alphanumeric() && c != '+' && c != '/');
    word.bytes().enumerate().any(begins)
        || keys.into_iter().any(|run| run.len() >= 32 && is_mixed(run))
        || with_strokes.into_iter().any(|run| run.len() == 40 && is_mixed(run))
}

/// Whether `word` consists only of characters used in telephone numbers.
fn is_dialled(word: &str) -> bool {
    word.bytes().any(|b| b.is_ascii_digit() || b == b'+')
        && word.bytes().all(|b| b.is_ascii_digit() || b"+-().,;:/".contains(&b))
}

/// Whether adjacent words form a telephone number.
fn is_telephone(run: &[&str]) -> bool {
    let digits: usize = run.iter().map(|w| w.bytes().filter(u8::is_ascii_digit).count()).sum();
    // Commas separate thousands.
    let is_number = matches!(run, [one] if one.contains(',') || one.bytes().all(|b| b.is_ascii_digit()));
    digits >= 7 && !is_number && run.iter().all(|w| is_dialled(w))
}

/// One line of printable ASCII, at most `most` bytes, without characters that end a code span or begin a mention in a
/// chat.
pub(crate) fn line(text: &str, most: usize) -> String {
    let harmless = |c: char| c.is_ascii_graphic() && !"`<>|".contains(c);
    let ascii: String = text.chars().map(|c| if harmless(c) { c } else { ' ' }).collect();
    let joined = ascii.split_whitespace().collect::<Vec<_>>().join(" ");
    if joined.len() <= most {
        return joined;
    }
    format!("{}...", cut(&joined, most.saturating_sub(3)).trim_end())
}

/// `text` for a terminal, without control characters (except line feeds) and without characters that change the writing
/// direction.
pub fn printable(text: &str) -> String {
    let steers = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    text.chars().filter(|c| !steers(*c)).collect()
}

/// The first `most` bytes of `text`, or fewer so that no character is split.
pub(crate) fn cut(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or(text)
}

/// Cuts `text` to at most `most` bytes.
pub(crate) fn bound(text: &mut String, most: usize) {
    let kept = cut(text, most).len();
    text.truncate(kept);
}

pub(crate) fn cut_to(mut text: String, most: usize) -> String {
    bound(&mut text, most);
    text
}

/// `text` with a capital first letter.
pub(crate) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
}

/// `1234567.0` → `1,234,567`.
pub fn number(value: f64) -> String {
    grouped(&format!("{:.0}", value.abs()))
}

/// `1234567` → `1,234,567`.
pub(crate) fn whole(value: u64) -> String {
    grouped(&value.to_string())
}

pub(crate) fn grouped(whole: &str) -> String {
    let mut grouped = String::new();
    for (n, digit) in whole.chars().enumerate() {
        if n > 0 && (whole.len() - n).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn no_credential_is_shorter_than_what_is_searched() {
        let shortest = CREDENTIALS.iter().map(|(start, least)| start.len() + least).min();
        assert_eq!(shortest, Some(SHORTEST_CREDENTIAL));
    }

    #[test]
    fn what_could_lure_or_open_something_is_left_out_of_a_line() {
        let cases = [
            ("see https://evil.example/aws-login now", "see [...] now"),
            ("see evil.example, or www.evil.test/x", "see [...] or [...]"),
            ("mail help@evil.example", "mail [...]"),
            ("call +1-555-0100 now", "call [...] now"),
            ("call (555) 010 0100 now", "call [...] now"),
            ("key AKIAIOSFODNN7EXAMPLE of", "key [...] of"),
            ("AWS_BEARER_TOKEN_BEDROCK=ABSKQmVkcm9ja0FQSUtleS1hYmNk", "[...]"),
            ("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "[...]"),
            ("token eyJhbGciOiJIUzI1NiJ9.e30.x", "token [...]"),
            ("<!channel> `code` \u{202e}x\u{1b}[31m", "!channel code x [31m"),
            ("limit 8,500,000 of 5000000", "limit 8,500,000 of 5000000"),
        ];
        for (text, shown) in cases {
            assert_eq!(Safe::from(text).as_str(), shown, "{text}");
        }
    }

    #[test]
    fn an_arn_keeps_its_shape_and_nothing_in_it_is_a_link() {
        let shown = |text: &str| Safe::arn(text).map(|s| s.to_string());
        for same in [
            "arn:aws:iam::111122223333:role/app",
            "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/ann",
            "arn:aws:bedrock:us-east-1::foundation-model/us.amazon.nova-lite-v1:0",
            "arn:aws:bedrock:us-east-1:111122223333:inference-profile/global.anthropic.claude-opus-4-8",
            "arn:aws:bedrock:us-east-1:111122223333:guardrail/*",
            "arn:aws:organizations::444455556666:policy/o-1/service_control_policy/p-1",
        ] {
            assert_eq!(shown(same).as_deref(), Some(same));
        }
        let user = |name: &str| shown(&format!("arn:aws:iam::111122223333:user/{name}"));
        let of = |name: &str| Some(format!("arn:aws:iam::111122223333:user/{name}"));
        assert_eq!(user("ann@evil.example"), of("ann(at)evil(dot)example"));
        assert_eq!(user("evil.com"), of("evil(dot)com"));
        assert_eq!(user("+1-555-0100"), of("[...]"));
        assert_eq!(user("AKIAIOSFODNN7EXAMPLE"), of("[...]"));
        assert_eq!(user("<@U1>"), None);
        assert_eq!(user("a b"), None);
    }

    proptest! {
        #[test]
        fn a_safe_text_is_short_and_harmless(text in "(\\PC|https://|www\\.|@|\\.com|AKIAIOSFODNN7EXAMPLE| |<|`){0,80}") {
            let shown = Safe::from(text.as_str());
            prop_assert!(shown.len() <= LONGEST && shown.bytes().all(|b| b == b' ' || b.is_ascii_graphic()));
            prop_assert!(!shown.contains(['<', '>', '`', '|', '@']) && !shown.contains("://"));
            prop_assert!(!shown.contains("AKIA") || !text.contains("AKIAIOSFODNN7EXAMPLE"));
            prop_assert_eq!(Safe::from(shown.as_str()), shown);
        }

        #[test]
        fn a_line_is_one_line(text in ".{0,300}", most in 10usize..120) {
            let line = line(&text, most);
            prop_assert!(line.len() <= most && line.is_ascii() && !line.contains('\n'));
        }
    }
}
