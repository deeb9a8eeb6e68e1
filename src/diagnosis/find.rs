//! Scanners that extract names, Regions and numbers from an error text.
//!
//! Invariant: Each scanner makes one pass without backtracking, so the cost of hostile text is linear in its length.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::diagnosis::fields::{is_known, is_place};
use crate::ids::{Arn, Region, is_of_arn};
use crate::model::ModelId;
use crate::text::Safe;

/// The longest accepted name, in bytes.
const LONGEST_NAME: usize = 512;
/// The most ARNs that are read from one text.
const MOST_ARNS: usize = 16;

/// Providers of Bedrock's models. In free text, a model id must begin with one of them.
#[rustfmt::skip]
fn is_provider(word: &str) -> bool {
    matches!(
        word,
        "ai21" | "amazon" | "anthropic" | "cohere" | "deepseek" | "google" | "luma" | "meta" | "minimax" | "mistral"
            | "moonshot" | "moonshotai" | "nvidia" | "openai" | "qwen" | "stability" | "twelvelabs" | "writer" | "xai" | "zai"
    )
}

/// Other services whose actions occur in denials of Bedrock calls.
const SERVICES: &[&str] =
    &["aws-marketplace", "kms", "sagemaker", "iam", "s3", "lambda", "aoss", "secretsmanager", "sts"];

static ARN: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("arn:aws"));
static EXCEPTION: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("xception"));
static BEDROCK: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("bedrock"));

/// An ARN found in a text, and its parts.
pub(super) struct FoundArn<'t> {
    text: &'t str,
    parts: Arn<'t>,
}

/// Every ARN in `text`, up to [`MOST_ARNS`], without trailing punctuation.
pub(super) fn arns(text: &str) -> Vec<FoundArn<'_>> {
    let starts = ARN.find_iter(text.as_bytes()).take(MOST_ARNS);
    let found = starts.filter_map(|start| {
        let rest = text.get(start..)?;
        let text = without_end(rest.get(..arn_len(rest))?);
        let parts = Arn::parse(text).filter(|_| text.len() <= LONGEST_NAME)?;
        Some(FoundArn { text, parts })
    });
    found.collect()
}

/// The length of the ARN at the start of `rest`.
fn arn_len(rest: &str) -> usize {
    rest.bytes().take(LONGEST_NAME + 1).take_while(|b| is_of_arn(*b)).count()
}

/// Removes the sentence's punctuation from the end of an ARN. A final `/*` or `:*` belongs to the ARN, as a wildcard.
fn without_end(arn: &str) -> &str {
    let bare = arn.trim_end_matches(['.', ',', ':', '*', '-', '/', '=', '+', '@', '_']);
    let rest = arn.get(bare.len()..).unwrap_or_default();
    let is_pattern = rest.starts_with("/*") || rest.starts_with(":*");
    if is_pattern { arn.get(..bare.len() + 2).unwrap_or(bare) } else { bare }
}

/// The model as called: from an ARN, otherwise from an id that begins with a known provider.
pub(super) fn model(text: &str, arns: &[FoundArn<'_>]) -> Option<ModelId> {
    arns.iter().find_map(|a| ModelId::from_arn(&a.parts)).or_else(|| {
        let mut dots = memchr::memchr_iter(b'.', text.as_bytes());
        dots.find_map(|dot| model_at(text, dot))
    })
}

/// The model id whose provider ends at `dot`.
fn model_at(text: &str, dot: usize) -> Option<ModelId> {
    let is_id = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    let before = text.as_bytes().get(..dot)?;
    let provider = text.get(dot - before.iter().rev().take_while(|b| is_id(**b)).count()..dot)?;
    if !is_provider(provider) {
        return None;
    }
    let mut start = dot - provider.len();
    // A geography prefix such as `us.`.
    if let Some(prefix) = text.get(..start).and_then(|t| t.strip_suffix('.')) {
        let geography = prefix.bytes().rev().take_while(|b| b.is_ascii_lowercase() || *b == b'-').count();
        if !(2..=7).contains(&geography) {
            return None;
        }
        start = start - 1 - geography;
    }
    let outside = text.get(..start)?;
    let stands_alone = match outside.bytes().next_back() {
        None => true,
        Some(b'/') => ["/model/", "bedrock/", "foundation-model/", "inference-profile/"]
            .iter()
            .any(|p| outside.ends_with(p)),
        Some(b) => !b.is_ascii_alphanumeric() && !b".@_-".contains(&b),
    };
    let rest = text.get(start..)?;
    let continues = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".:_%-AF".contains(b);
    let length = rest.bytes().take(LONGEST_NAME).take_while(continues).count();
    // A URL writes the colon as `%3A`, or as `%253A` if encoded twice.
    let id = rest.get(..length)?.replace("%253A", ":").replace("%3A", ":");
    let id = id.trim_end_matches(['.', ':', '_', '-', '%', 'A', 'F']);
    let name = id.rsplit('.').next()?;
    let names_a_model = id.bytes().any(|b| b.is_ascii_digit() || b == b'-') && name != "com";
    (stands_alone && names_a_model).then(|| ModelId::parse(id)).flatten()
}

/// The endpoint's Region, where the call was made; otherwise the first Region that the text mentions.
pub(super) fn region(text: &str) -> Option<Region> {
    endpoint_region(text).or_else(|| mentioned_region(text))
}

/// The Region of the Bedrock endpoint that `text` names, where the call was made. The Region in an ARN, by contrast,
/// may be one that a cross-Region profile routes to.
pub(crate) fn endpoint_region(text: &str) -> Option<Region> {
    BEDROCK.find_iter(text.as_bytes()).find_map(|start| {
        let host = text.get(start..)?;
        let service = host.bytes().take_while(|b| b.is_ascii_lowercase() || *b == b'-').count();
        let region = host.get(service..)?.strip_prefix('.')?;
        let (region, _) = cut_at(region, 24).split_once('.')?;
        Region::parse(region)
    })
}

/// The first word that is a Region code: it ends in a hyphen and digits and contains a compass direction, as all codes
/// do.
fn mentioned_region(text: &str) -> Option<Region> {
    const DIRECTIONS: &[&str] = &["north", "south", "east", "west", "central"];
    let bytes = text.as_bytes();
    memchr::memchr_iter(b'-', bytes).find_map(|hyphen| {
        let digits = bytes.get(hyphen + 1..)?.iter().take_while(|b| b.is_ascii_digit()).count();
        let after = bytes.get(hyphen + 1 + digits);
        if digits == 0 || after.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'-') {
            return None;
        }
        let words =
            bytes.get(..hyphen)?.iter().rev().take_while(|b| b.is_ascii_lowercase() || **b == b'-').count();
        let word = text.get(hyphen - words..hyphen + 1 + digits)?;
        let named = words <= 20 && DIRECTIONS.iter().any(|d| word.contains(d));
        named.then(|| Region::parse(word)).flatten()
    })
}

fn cut_at(text: &str, most: usize) -> &str {
    crate::text::cut(text, most)
}

/// The word in `text` that equals `lower`, ignoring case. AWS's names begin with a capital letter, and a traceback may
/// have the client's method, such as `converse`, before the operation.
pub(super) fn word<'t>(text: &'t str, lower: &str) -> Option<&'t str> {
    if let Some(stem) = lower.strip_suffix("exception") {
        // Many words share a code's first letter, so codes are searched by their ending.
        let ends = EXCEPTION.find_iter(text.as_bytes());
        let found = ends.filter_map(|at| text.get(at.checked_sub(stem.len() + 1)?..at + "xception".len()));
        return found.into_iter().find(|word| word.eq_ignore_ascii_case(lower));
    }
    let first = lower.bytes().next()?;
    let starts = memchr::memchr2_iter(first, first.to_ascii_uppercase(), text.as_bytes());
    let mut words = starts.filter_map(|start| {
        let found = text.get(start..start + lower.len())?;
        let outside = |b: Option<&u8>| b.is_none_or(|b| !b.is_ascii_alphanumeric());
        let alone = outside(text.as_bytes().get(start.wrapping_sub(1)))
            && outside(text.as_bytes().get(start + lower.len()));
        (found.eq_ignore_ascii_case(lower) && alone).then_some(found)
    });
    let is_capital = |word: &&str| word.starts_with(|c: char| c.is_ascii_uppercase());
    let first = words.next()?;
    if is_capital(&first) {
        return Some(first);
    }
    Some(words.find(is_capital).unwrap_or(first))
}

/// The first IAM action, such as `bedrock:InvokeModel`.
pub(super) fn action(text: &str) -> Option<Safe> {
    memchr::memchr_iter(b':', text.as_bytes()).find_map(|colon| {
        let after = text.get(colon + 1..)?;
        let name = after.bytes().take_while(u8::is_ascii_alphanumeric).count();
        if !after.starts_with(|c: char| c.is_ascii_uppercase()) || name < 3 {
            return None;
        }
        let before = text.as_bytes().get(..colon)?;
        let length = before
            .iter()
            .rev()
            .take_while(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || **b == b'-')
            .count();
        let service = text.get(colon - length..colon)?;
        let known = service == "bedrock" || service.starts_with("bedrock-") || SERVICES.contains(&service);
        (known && name <= 80)
            .then(|| text.get(colon - length..colon + 1 + name).and_then(Safe::name))
            .flatten()
    })
}

/// The ARN of the caller.
pub(super) fn principal(arns: &[FoundArn<'_>]) -> Option<Safe> {
    first(arns, |a| matches!(a.service, "iam" | "sts") && !a.resource.starts_with("policy/"))
}

/// The ARN of the resource.
pub(super) fn resource(arns: &[FoundArn<'_>]) -> Option<Safe> {
    first(arns, |a| !matches!(a.service, "iam" | "sts" | "organizations"))
}

/// The ARN of the policy that denied the call.
pub(super) fn policy(arns: &[FoundArn<'_>]) -> Option<Safe> {
    first(arns, |a| a.service == "organizations" || (a.service == "iam" && a.resource.starts_with("policy/")))
}

fn first(arns: &[FoundArn<'_>], fits: impl Fn(&Arn<'_>) -> bool) -> Option<Safe> {
    arns.iter().filter(|a| fits(&a.parts)).find_map(|a| Safe::arn(a.text))
}

/// The requested value and the limit, from a plain message in which numbers begin at `starts`.
pub(super) fn numbers(message: &str, starts: &[usize]) -> (Option<u64>, Option<u64>) {
    const COMPARED: &[&str] = &[" > ", " is not less or equal to ", " is not greater or equal to "];
    const LIMIT: &[&str] = &[
        "model limit of ",
        "max input tokens: ",
        "maximum context length is ",
        "expected maxlength: ",
        "expected minlength: ",
        "expected maximum item count: ",
        "a maximum of ",
        "more than ",
    ];
    const ASKED: &[&str] = &[
        "request input token count: ",
        "contains at least ",
        "total of at least ",
        "actual: ",
        "found: ",
        "found ",
        "requested ",
    ];
    let (mut asked, mut limit) = (None, None);
    for at in starts {
        let (before, rest) = message.split_at_checked(*at).unwrap_or((message, ""));
        let number = first_number(rest);
        if let Some(sign) = COMPARED.iter().find(|sign| before.ends_with(**sign))
            && let Some((left, compared)) = before.strip_suffix(sign).and_then(last_number)
        {
            let addend = left.strip_suffix(" + ").and_then(last_number);
            let sum = addend.and_then(|(_, first)| first.checked_add(compared));
            return (Some(sum.unwrap_or(compared)), number);
        }
        if ASKED.iter().any(|words| before.ends_with(words)) {
            // If the text names a sum and its parts, the sum was requested.
            asked = asked.max(number);
        } else if limit.is_none() && LIMIT.iter().any(|words| before.ends_with(words)) {
            limit = number;
        }
    }
    (asked, limit)
}

/// The number that `text` begins with.
fn first_number(text: &str) -> Option<u64> {
    let length = text.bytes().take_while(|b| b.is_ascii_digit() || *b == b',').count();
    text.get(..length)?.replace(',', "").parse().ok()
}

/// The number that `text` ends with, ignoring a unit, and the text before it.
fn last_number(text: &str) -> Option<(&str, u64)> {
    let without_unit = text.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let text = without_unit.strip_suffix(' ').filter(|_| without_unit.len() < text.len()).unwrap_or(text);
    let length = text.bytes().rev().take_while(|b| b.is_ascii_digit() || *b == b',').count();
    let (before, number) = text.split_at_checked(text.len() - length)?;
    Some((before, number.replace(',', "").parse().ok()?))
}

/// The path of the refused field, as far as its names occur in Bedrock's request schemas. Anything else may be a
/// prompt, so it becomes [`UNNAMED_FIELD`] or is cut off.
pub(super) fn field(text: &str) -> Option<Safe> {
    let found = written_field(text)?;
    let parts = || found.split_inclusive(['.', '/', '[', ']']);
    let name = |part: &str| part.trim_end_matches(['.', '/', '[', ']']).to_owned();
    let known = parts().take_while(|part| {
        let name = name(part);
        name.is_empty() || is_known(&name) || is_place(&name)
    });
    let length: usize = known.map(str::len).sum();
    let path = found.get(..length)?.trim_end_matches(['.', '/', '[']);
    let says_something = parts().next().is_some_and(|part| is_known(&name(part)));
    Some(Safe::from(if says_something && !path.is_empty() { path } else { UNNAMED_FIELD }))
}

/// The refused field, as written in the text.
fn written_field(text: &str) -> Option<String> {
    const ROOTS: &[&str] = &[
        "messages",
        "tools",
        "system",
        "toolConfig",
        "inferenceConfig",
        "output_config",
        "thinking",
        "additionalModelRequestFields",
    ];
    static SIGNS: LazyLock<[Finder<'static>; 3]> =
        LazyLock::new(|| [" at '", "#/", "key ["].map(Finder::new));
    let path = |text: &str| {
        let length = text.bytes().take_while(|b| b.is_ascii_alphanumeric() || b"._/[]-".contains(b)).count();
        let path = text.get(..length)?.trim_end_matches(['.', '-']);
        (1..=120).contains(&path.len()).then(|| path.to_owned())
    };
    let behind = |sign: &Finder<'_>| text.get(sign.find(text.as_bytes())? + sign.needle().len()..);
    let [at, hash, key] = &*SIGNS;
    let up_to = |rest: &str, end: char| {
        let found = path(rest)?;
        rest.get(found.len()..)?.starts_with(end).then_some(found)
    };
    let in_brackets = |rest: &str| {
        let (inside, _) = rest.split_once(']')?;
        path(inside).filter(|p| p.len() == inside.len())
    };
    behind(at)
        .and_then(|rest| up_to(rest, '\''))
        .or_else(|| up_to(behind(hash)?, ':'))
        .or_else(|| in_brackets(behind(key)?))
        .or_else(|| {
            // `messages.2.content`, `messages[0]`: a known word before a dot or bracket.
            memchr::memchr2_iter(b'.', b'[', text.as_bytes()).find_map(|end| {
                let before = text.as_bytes().get(..end)?;
                let length =
                    before.iter().rev().take_while(|b| b.is_ascii_alphabetic() || **b == b'_').count();
                let root = text.get(end - length..end)?;
                let begins = !text.get(..end - length)?.ends_with(|c: char| c.is_ascii_digit() || c == '.');
                if !begins || !ROOTS.contains(&root) {
                    return None;
                }
                path(text.get(end - length..)?).filter(|p| p.len() > root.len() + 1)
            })
        })
        .or_else(|| leading_field(text))
}

/// `max_tokens` in `max_tokens: 9 > 8`, also after AWS's own introduction.
fn leading_field(text: &str) -> Option<String> {
    let sentence = text.rsplit("following errors: ").next().unwrap_or(text);
    let (name, _) = sentence.split_once(": ")?;
    let shaped = (3..=40).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_' || b == b'.');
    // Any word may stand before a colon, so only known names count.
    (shaped && is_known(name.split('.').next().unwrap_or(name))).then(|| name.to_owned())
}

/// Stands for a field whose name is not in Bedrock's request schemas, since it may be anything.
pub const UNNAMED_FIELD: &str = "a key of the body";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::diagnosis::{ErrorText, Plain};

    #[test]
    fn numbers_are_what_was_asked_and_what_is_allowed() {
        let cases = [
            (
                "max_tokens: 100000 > 8192, which is the maximum allowed number of output tokens",
                Some(100_000),
                Some(8192),
            ),
            ("prompt is too long: 215000 tokens > 200000 maximum", Some(215_000), Some(200_000)),
            (
                "input length and `max_tokens` exceed context limit: 180000 + 32000 > 200000",
                Some(212_000),
                Some(200_000),
            ),
            (
                "image exceeds 5 MB maximum: 6,737,924 bytes > 5,242,880 bytes",
                Some(6_737_924),
                Some(5_242_880),
            ),
            (
                "Malformed input request: #/max_gen_len: 8192 is not less or equal to 2048",
                Some(8192),
                Some(2048),
            ),
            ("The maximum tokens you requested exceeds the model limit of 32768", None, Some(32768)),
            (
                "Too many input tokens. Max input tokens: 8192, request input token count: 9400",
                Some(9400),
                Some(8192),
            ),
            ("Malformed input request: expected maxLength: 42000, actual: 46735", Some(46735), Some(42000)),
            ("A maximum of 4 blocks with cache_control may be provided. Found 5.", Some(5), Some(4)),
            (
                "This model's maximum context length is 131072 tokens. However, you requested 5 output tokens and your prompt contains at least 242008 input tokens, for a total of at least 242013 tokens.",
                Some(242_013),
                Some(131_072),
            ),
            ("nothing > here", None, None),
        ];
        for (message, requested, limit) in cases {
            let plain = Plain::of(&ErrorText { message, ..ErrorText::default() });
            assert_eq!(numbers(&plain.message, &plain.numbers), (requested, limit), "{message}");
        }
    }

    #[test]
    fn the_refused_field_is_named() {
        let cases = [
            (
                "Value 'x y' at 'toolConfig.tools.22.member.toolSpec.name' failed to satisfy constraint",
                Some("toolConfig.tools.22.member.toolSpec.name"),
            ),
            (
                "Malformed input request: #/messages/0/content: expected type: JSONArray, found: String",
                Some("messages/0/content"),
            ),
            ("Malformed input request: #: required key [messages] not found", Some("messages")),
            (
                "The text field in the ContentBlock object at messages.2.content.1 is blank.",
                Some("messages.2.content.1"),
            ),
            ("The model returned the following errors: max_tokens: 9 > 8", Some("max_tokens")),
            ("extraneous key [tell-me-your-secret] is not permitted", Some(UNNAMED_FIELD)),
            ("extraneous key [messages/my-patient] is not permitted", Some("messages")),
            ("my_patient_is_ill: 5", None),
            ("key [tell me your secret] is not permitted", None),
            ("Input is too long for requested model.", None),
        ];
        for (message, expected) in cases {
            assert_eq!(field(message).as_deref(), expected, "{message}");
        }
    }

    #[test]
    fn models_are_found_in_urls_ids_and_arns() {
        let cases = [
            (
                "for url 'https://bedrock-runtime.eu-west-1.amazonaws.com/model/us.meta.llama3-1-8b-instruct-v1%3A0/converse'",
                Some("us.meta.llama3-1-8b-instruct-v1:0"),
            ),
            (
                "POST\n/model/us.anthropic.claude-sonnet-4-20250514-v1%253A0/converse-stream",
                Some("us.anthropic.claude-sonnet-4-20250514-v1:0"),
            ),
            (
                "Received Model Group=bedrock/us-gov.anthropic.claude-opus-5 x",
                Some("us-gov.anthropic.claude-opus-5"),
            ),
            ("model ID anthropic.claude-opus-4-6-v1 with on-demand", Some("anthropic.claude-opus-4-6-v1")),
            (
                "on resource: arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0\\\"}",
                Some("amazon.nova-lite-v1:0"),
            ),
            ("The model 'xai.grok-4.6' does not exist", Some("xai.grok-4.6")),
            (
                "on arn:aws:bedrock:us-west-2:\u{2026}:inference-profile/global.anthropic.claude-opus-4-8 because",
                Some("global.anthropic.claude-opus-4-8"),
            ),
            ("(openai.gpt-oss-20b-1:0).", Some("openai.gpt-oss-20b-1:0")),
            ("See https://www.anthropic.com/supported-countries", None),
            ("openai.error.RateLimitError: slow down", None),
            ("ann@amazon.nova-lite", None),
        ];
        for (text, id) in cases {
            assert_eq!(model(text, &arns(text)).map(|m| m.to_string()).as_deref(), id, "{text}");
        }
    }

    #[test]
    fn a_region_is_the_endpoints_before_any_other() {
        let of = |text| region(text).map(|r| r.to_string());
        assert_eq!(
            of("eu-central-1 https://bedrock-runtime.us-west-2.amazonaws.com/").as_deref(),
            Some("us-west-2")
        );
        assert_eq!(of("region: us-gov-west-1.").as_deref(), Some("us-gov-west-1"));
        assert_eq!(of("claude-sonnet-4 and gpt-oss-2"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_scanned_without_a_panic(text in "(\\PC|arn:aws:|bedrock|\\.|:[A-Z]| > |#/|key \\[|us\\.amazon\\.){0,60}") {
            let arns = arns(&text);
            let _ = (model(&text, &arns), principal(&arns), resource(&arns), policy(&arns));
            let _ = (region(&text), action(&text), field(&text));
            let plain = Plain::of(&ErrorText { message: &text, ..ErrorText::default() });
            let _ = numbers(&plain.message, &plain.numbers);
        }
    }
}
