//! What an error text tells beside its cause: names, places, numbers.
//!
//! One law: a fact is copied out of the text, and only in a shape that carries no prose, so that no
//! prompt can travel in it.

use std::sync::LazyLock;

use regex_lite::{Captures, Regex};
use schemars::JsonSchema;
use serde::Serialize;

use super::cause::{Category, Cause};
use super::text::{ErrorText, Plain, cut};
use crate::ids::{Arn, Region};
use crate::model::ModelId;

/// Which kind of policy refused a call, as AWS's access-denied messages name it.
/// See <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum PolicyKind {
    IdentityBased,
    ResourceBased,
    PermissionsBoundary,
    Session,
    ServiceControl,
    ResourceControl,
    VpcEndpoint,
}

/// Facts of one error. Each is `None` when the text does not tell it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(default)]
pub struct Facts {
    /// The error code, as it was spelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The HTTP status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The API operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The model, its ARN stripped to the id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_id: Option<ModelId>,
    /// The Region the text names: of an endpoint, an ARN, or by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// The IAM action that was denied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// The ARN on which it was denied, `*` for none in particular.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The ARN of who was denied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// Which kind of policy denied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyKind>,
    /// Whether the denial was an explicit deny rather than the lack of an allow.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub explicit_deny: bool,
    /// What the caller asked for, in the limit's unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested: Option<u64>,
    /// What is allowed at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// The field of the request that was refused, as a path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

type Pattern = LazyLock<Option<Regex>>;

macro_rules! patterns {
    ($($name:ident = $text:expr;)*) => {
        $(static $name: Pattern = LazyLock::new(|| Regex::new($text).ok());)*
    };
}

patterns! {
    ARN = r"arn:aws[a-z-]*:bedrock(?:-mantle)?:[a-z0-9-]*:[0-9]*:[a-z-]+/[A-Za-z0-9.:_-]*[A-Za-z0-9]";
    MODEL = r"(?:^|[^A-Za-z0-9./_@-]|/model/|bedrock/|model:)((?:[a-z]{2,6}(?:-gov)?\.)?(?:ai21|amazon|anthropic|cohere|deepseek|google|luma|meta|minimax|mistral|moonshot|moonshotai|nvidia|openai|qwen|stability|twelvelabs|writer|xai|zai)\.[a-z0-9][a-z0-9.:_-]*[a-z0-9])";
    REGION = r"\b([a-z]{2,4}(?:-gov|-iso[a-z]?|-de)?-(?:north|south|east|west|central|northeast|southeast|northwest|southwest)-[0-9])\b";
    ACTION = r"\b((?:bedrock(?:-[a-z]+)*|aws-marketplace|kms|sagemaker|iam|s3|lambda|aoss|secretsmanager):[A-Z][A-Za-z]+)";
    PRINCIPAL = r"(arn:aws[a-z-]*:(?:iam|sts)::[0-9A-Za-z*_<> -]*:(?:assumed-role|role|user|federated-user|root)[A-Za-z0-9+=,.@_/-]*)";
    RESOURCE = r"(?i)on\s+(?:resource:\s*)?(arn:[A-Za-z0-9:/._*<>-]*[A-Za-z0-9*>])";
    COMPARED = r"([0-9][0-9,]*)(?: [a-z]+)? > ([0-9][0-9,]*)";
    SUM_COMPARED = r"([0-9][0-9,]*) \+ ([0-9][0-9,]*) > ([0-9][0-9,]*)";
    NOT_LESS = r"([0-9]+) is not (?:less|greater) or equal to ([0-9]+)";
    LIMIT = r"(?:model limit of|max input tokens:|maximum context length is|expected maxlength:|maximum of|more than) ([0-9][0-9,]*)";
    ASKED = r"(?:request input token count:|contains at least|actual:|found|requested) ([0-9][0-9,]*)";
    FIELD = r"(?i)at '([A-Za-z0-9_.\[\]-]{1,120})' failed|#/([A-Za-z0-9_/.-]{1,120}):|key \[([A-Za-z0-9_.-]{1,60})\]|\b((?:messages|tools|system|toolconfig|inferenceconfig|output_config|thinking)[.\[][A-Za-z0-9_.\[\]-]{1,120}[A-Za-z0-9\]])|^(?:[^:]{0,80}: )?([a-z_]{3,30}): ";
}

/// Facts of `error`, whose cause is `cause`.
pub(super) fn extract(cause: Cause, error: &ErrorText<'_>, plain: &Plain) -> Facts {
    let raw = cut(error.message, 64 * 1024);
    let decoded = if raw.contains("%3A") || raw.contains("%253A") {
        raw.replace("%253A", ":").replace("%3A", ":")
    } else {
        raw.to_owned()
    };
    let raw = decoded.as_str();
    let mut facts = Facts {
        code: code(raw, error, plain),
        status: plain.status,
        operation: plain.operation.clone(),
        model_id: model(raw),
        region: region(raw),
        ..Facts::default()
    };
    match cause.category() {
        Category::Permission => denial(raw, plain, &mut facts),
        Category::ModelAccess => {
            facts.action = group(&ACTION, raw);
            facts.principal = group(&PRINCIPAL, raw);
        }
        Category::Request | Category::ModelId => {
            (facts.requested, facts.limit) = numbers(&plain.message);
            facts.field = FIELD.as_ref().and_then(|re| re.captures(raw)).and_then(|c| first(&c));
        }
        _ => {}
    }
    facts
}

/// The first group that matched; a text of absurd length is no name.
fn first(captures: &Captures<'_>) -> Option<String> {
    let found = captures.iter().skip(1).flatten().next()?.as_str();
    (found.len() <= 512).then(|| found.to_owned())
}

/// The code as it was spelled.
fn code(raw: &str, error: &ErrorText<'_>, plain: &Plain) -> Option<String> {
    let lower = plain.codes.last()?;
    let spelled = error.code.unwrap_or(raw).split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    Some(spelled.into_iter().find(|w| w.eq_ignore_ascii_case(lower)).unwrap_or(lower).to_owned())
}

fn group(pattern: &Pattern, text: &str) -> Option<String> {
    first(&pattern.as_ref()?.captures(text)?)
}

fn model(raw: &str) -> Option<ModelId> {
    let arn = ARN.as_ref().and_then(|re| re.find_iter(raw).find_map(|m| ModelId::parse(m.as_str())));
    arn.or_else(|| {
        MODEL.as_ref()?.captures_iter(raw).find_map(|c| {
            let id = c.get(1)?.as_str();
            let name = id.split('.').next_back()?;
            let names_a_model = id.bytes().any(|b| b.is_ascii_digit() || b == b'-') && name != "com";
            names_a_model.then(|| ModelId::parse(id)).flatten()
        })
    })
}

/// An endpoint's Region is where the call went; any other mention comes second.
fn region(raw: &str) -> Option<Region> {
    endpoint_region(raw).or_else(|| Region::parse(REGION.as_ref()?.captures(raw)?.get(1)?.as_str()))
}

/// The Region of the Bedrock endpoint that `text` names: where the call was made. An ARN's Region, by
/// contrast, may be one that a cross-Region profile routes to.
pub(crate) fn endpoint_region(text: &str) -> Option<Region> {
    const HOSTS: &[&str] = &[
        "bedrock-runtime.",
        "bedrock-agent-runtime.",
        "bedrock-mantle.",
        "bedrock.",
        "bedrock-runtime-fips.",
    ];
    let of_host = |c: Captures<'_>| {
        let region = c.get(1)?;
        let before = text.get(..region.start())?;
        HOSTS.iter().any(|host| before.ends_with(host)).then(|| Region::parse(region.as_str())).flatten()
    };
    REGION.as_ref()?.captures_iter(text).find_map(of_host)
}

fn denial(raw: &str, plain: &Plain, facts: &mut Facts) {
    const KINDS: &[(&str, PolicyKind)] = &[
        ("service control polic", PolicyKind::ServiceControl),
        ("resource control polic", PolicyKind::ResourceControl),
        ("permissions boundary", PolicyKind::PermissionsBoundary),
        ("session polic", PolicyKind::Session),
        ("vpc endpoint polic", PolicyKind::VpcEndpoint),
        ("resource-based polic", PolicyKind::ResourceBased),
        ("key policy", PolicyKind::ResourceBased),
        ("identity-based polic", PolicyKind::IdentityBased),
    ];
    facts.action = group(&ACTION, raw);
    facts.principal = group(&PRINCIPAL, raw);
    facts.resource = group(&RESOURCE, raw);
    facts.explicit_deny = plain.message.contains("explicit deny");
    facts.policy = KINDS.iter().find(|(words, _)| plain.message.contains(words)).map(|(_, kind)| *kind);
    if let Some(arn) = facts.resource.as_deref().and_then(Arn::parse) {
        facts.region = facts.region.take().or_else(|| Region::parse(arn.region));
    }
}

/// What was asked for and what is allowed.
fn numbers(message: &str) -> (Option<u64>, Option<u64>) {
    let number = |m: Option<regex_lite::Match<'_>>| m?.as_str().replace(',', "").parse().ok();
    if let Some(c) = SUM_COMPARED.as_ref().and_then(|re| re.captures(message)) {
        let (a, b): (Option<u64>, Option<u64>) = (number(c.get(1)), number(c.get(2)));
        return (a.zip(b).and_then(|(a, b)| a.checked_add(b)), number(c.get(3)));
    }
    for pattern in [&COMPARED, &NOT_LESS] {
        if let Some(c) = pattern.as_ref().and_then(|re| re.captures(message)) {
            return (number(c.get(1)), number(c.get(2)));
        }
    }
    let one = |p: &Pattern| number(p.as_ref()?.captures(message)?.get(1));
    (one(&ASKED), one(&LIMIT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::diagnose;

    fn facts(message: &str) -> Facts {
        diagnose(&ErrorText { message, ..ErrorText::default() }).facts
    }

    #[test]
    fn a_denial_tells_who_what_and_by_which_policy() {
        let f = facts(
            "User: arn:aws:sts::111122223333:assumed-role/app/session is not \nauthorized to perform: bedrock:InvokeModel on resource: \narn:aws:bedrock:us-east-2::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0 \nbecause no identity-based policy allows the bedrock:InvokeModel action",
        );
        assert_eq!(f.action.as_deref(), Some("bedrock:InvokeModel"));
        assert_eq!(f.principal.as_deref(), Some("arn:aws:sts::111122223333:assumed-role/app/session"));
        assert_eq!(
            f.resource.as_deref(),
            Some("arn:aws:bedrock:us-east-2::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0")
        );
        assert_eq!(f.policy, Some(PolicyKind::IdentityBased));
        assert_eq!(f.region.unwrap().as_str(), "us-east-2");
        assert_eq!(f.model_id.unwrap().as_str(), "anthropic.claude-sonnet-4-5-20250929-v1:0");
        assert!(!f.explicit_deny);
    }

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
        ];
        for (message, requested, limit) in cases {
            let f = facts(message);
            assert_eq!((f.requested, f.limit), (requested, limit), "{message}");
        }
    }

    #[test]
    fn the_refused_field_is_named() {
        let cases = [
            (
                "Value 'x y' at 'toolConfig.tools.22.member.toolSpec.name' failed to satisfy constraint",
                "toolConfig.tools.22.member.toolSpec.name",
            ),
            (
                "Malformed input request: #/messages/0/content: expected type: JSONArray, found: String",
                "messages/0/content",
            ),
            ("Malformed input request: #: required key [messages] not found", "messages"),
            (
                "The text field in the ContentBlock object at messages.2.content.1 is blank.",
                "messages.2.content.1",
            ),
        ];
        for (message, field) in cases {
            assert_eq!(facts(message).field.as_deref(), Some(field), "{message}");
        }
    }

    #[test]
    fn models_and_regions_are_found_in_urls_ids_and_arns() {
        let f = facts(
            "403 for url 'https://bedrock-runtime.eu-west-1.amazonaws.com/model/us.meta.llama3-1-8b-instruct-v1%3A0/converse' Too many tokens",
        );
        assert_eq!(f.model_id.unwrap().as_str(), "us.meta.llama3-1-8b-instruct-v1:0");
        assert_eq!(f.region.unwrap().as_str(), "eu-west-1");
        assert_eq!(facts("See https://www.anthropic.com/supported-countries").model_id, None);
        assert_eq!(facts("openai.error.RateLimitError: slow down").model_id, None);
    }
}
