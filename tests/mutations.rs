//! Every rule's example, wrapped and worn the way real errors reach us, still has its cause.

#![allow(clippy::unwrap_used, reason = "tests")]

use bedrock_remediator::diagnosis::{Category, Cause, ErrorText, RULES, Rule, diagnose};
use proptest::prelude::*;

/// What an SDK knows of an error.
struct Sdk<'a> {
    code: &'a str,
    status: u16,
    message: &'a str,
}

/// The HTTP status that goes with a code; most of Bedrock's are 400.
fn status(code: &str) -> u16 {
    let lower = code.to_ascii_lowercase();
    let of = |word: &str| lower.contains(word);
    match () {
        () if of("throttl") || of("notready") => 429,
        () if of("denied") || of("token") || of("unrecognized") || of("unauthorized") => 403,
        () if of("notfound") => 404,
        () if of("timeout") => 408,
        () if of("modelerror") || of("streamerror") => 424,
        () if of("internal") => 500,
        () if of("unavailable") => 503,
        () => 400,
    }
}

fn json(text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap();
    quoted.trim_matches('"').to_owned()
}

type Wrap = fn(&Sdk<'_>) -> String;
type Worn = fn(&str) -> String;

/// How SDKs, proxies, agents and log formats write an error.
const WRAPPERS: &[(&str, Wrap)] = &[
    ("boto3", |e| {
        format!(
            "botocore.errorfactory.{0}: An error occurred ({0}) when calling the Converse operation (reached max retries: 4): {1}",
            e.code, e.message
        )
    }),
    ("boto3 event stream", |e| {
        format!(
            "botocore.exceptions.EventStreamError: An error occurred ({}) when calling the ConverseStream operation: {}",
            e.code, e.message
        )
    }),
    ("javascript", |e| {
        format!(
            "{0}: {1}\n    at de_{0}Res (/app/node_modules/@aws-sdk/client-bedrock-runtime/dist-cjs/index.js:1690:21)\n    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)",
            e.code, e.message
        )
    }),
    ("java", |e| {
        format!(
            "software.amazon.awssdk.services.bedrockruntime.model.{}: {} (Service: BedrockRuntime, Status Code: {}, Request ID: 916e2ff3-aa4e-4cb3-9948-48de3b369b06) (SDK Attempt Count: 4)",
            e.code, e.message, e.status
        )
    }),
    ("go", |e| {
        format!(
            "operation error Bedrock Runtime: InvokeModel, https response error StatusCode: {}, RequestID: 0e4b, {}: {}",
            e.status, e.code, e.message
        )
    }),
    ("rust", |e| {
        format!(
            "service error: unhandled error: Unhandled({0} {{ message: Some(\"{1}\"), meta: ErrorMetadata {{ code: Some(\"{0}\"), message: Some(\"{1}\") }} }})",
            e.code, e.message
        )
    }),
    ("dotnet", |e| {
        format!(
            "Amazon.BedrockRuntime.Model.{}: {}\n ---> Amazon.Runtime.Internal.HttpErrorResponseException: the response was not successful\n   at Amazon.Runtime.HttpWebRequestMessage.ProcessHttpResponseMessage",
            e.code, e.message
        )
    }),
    ("ruby", |e| format!("Aws::BedrockRuntime::Errors::{}: {}", e.code, e.message)),
    ("swift", |e| {
        format!(
            "{0}(properties: AWSBedrockRuntime.{0}.Properties(message: Optional(\"{1}\")), httpResponse: Status Code: HTTP status code: {2}",
            e.code, e.message, e.status
        )
    }),
    ("litellm", |e| {
        format!(
            "litellm.BadRequestError: BedrockException - {{\"message\":\"{}\"}}. Received Model Group=my-model\nAvailable Model Group Fallbacks=None LiteLLM Retried: 2 times",
            e.message
        )
    }),
    ("proxy, JSON in a string", |e| {
        let inner = format!("{{\"message\":\"{}\"}}", json(e.message));
        format!(
            "{{\"error\":{{\"message\":\"{}\",\"type\":\"{}\",\"param\":\"None\",\"code\":\"{}\"}}}}",
            json(&inner),
            e.code,
            e.status
        )
    }),
    ("wire", |e| {
        format!("{{\"__type\":\"com.amazon.coral.service#{}\",\"message\":\"{}\"}}", e.code, json(e.message))
    }),
    ("log line", |e| {
        format!(
            "2026-11-20 14:32:05,123 ERROR [worker-7] checkout.llm - call failed: {}: {}\nretrying in 3.2 s, attempt 2",
            e.code, e.message
        )
    }),
    ("table", |e| format!("| `my-model` | `{}: {}` |", e.code, e.message)),
];

/// What log formats, editors and people do to a text.
const WEAR: &[(&str, Worn)] = &[
    ("as it is", str::to_owned),
    ("upper case", str::to_uppercase),
    ("typographic apostrophes", |t| t.replace('\'', "\u{2019}")),
    ("escaped apostrophes", |t| t.replace('\'', "\\u2019")),
    ("line breaks", |t| t.replace(' ', "\n  ")),
    ("comment margin", |t| t.replace(": ", ":\n * ")),
    ("twice escaped", |t| json(&json(t))),
    ("box drawing", |t| format!("\u{2502} {} \u{2502}", t.replace(' ', "  \u{2588}  "))),
    ("colour", |t| format!("\u{1b}[31m{t}\u{1b}[0m")),
];

fn cause(message: &str) -> Cause {
    diagnose(&ErrorText { message, ..ErrorText::default() }).cause
}

/// The example as an SDK would have it. Texts that are a client's own have no code.
fn sdk(rule: &'static Rule) -> Sdk<'static> {
    let code = rule.example.code.unwrap_or("ClientError");
    Sdk { code, status: status(code), message: rule.example.message }
}

/// Health's announcements and rows about the operation or the status are not written by SDKs, and an SDK of Bedrock
/// never wraps another's answer.
fn comes_from_an_sdk(rule: &Rule) -> bool {
    !matches!(rule.id, "health-issue" | "another-aws-service" | "status-throttled" | "status-unavailable")
        && rule.answered_by.is_none()
}

/// Whether an SDK or a gateway has wrapped the text already, whose words the row is about. No other wraps it again.
fn is_wrapped(text: &str) -> bool {
    ["An error occurred (", "(Service: ", "litellm."].iter().any(|sign| text.contains(sign))
}

#[test]
fn wrapped_and_worn_an_example_keeps_its_cause() {
    let mut wrong = Vec::new();
    let mut tried = 0;
    for rule in RULES.iter().filter(|r| comes_from_an_sdk(r)) {
        for (wrapper, wrap) in WRAPPERS {
            for (wear, worn) in WEAR {
                // What a code says needs the code; this proxy leaves it out.
                if *wrapper == "litellm" && !rule.codes.is_empty() {
                    continue;
                }
                let text = if is_wrapped(rule.example.message) {
                    worn(rule.example.message)
                } else {
                    worn(&wrap(&sdk(rule)))
                };
                tried += 1;
                let found = cause(&text);
                if found != rule.cause {
                    wrong.push(format!("{} / {wrapper} / {wear}: {found}: {text}", rule.id));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {tried}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn other_models_numbers_and_accounts_change_nothing() {
    let replaced = |text: &str| {
        text.replace("111122223333", "999988887777")
            .replace("amazon.nova-lite-v1:0", "global.xai.grok-9.9")
            .replace("anthropic.claude-opus-4-6-v1", "mistral.mistral-huge-9-v1:0")
            .replace("8192", "131072")
            .replace("215000", "1000001")
            .replace("us-east-1", "mx-central-1")
    };
    for rule in RULES {
        let message = replaced(rule.example.message);
        let found =
            diagnose(&ErrorText { code: rule.example.code, message: &message, ..ErrorText::default() });
        assert_eq!(found.cause, rule.cause, "{}: {message}", rule.id);
    }
}

proptest! {
    #[test]
    fn noise_around_an_example_changes_nothing(row in 0..RULES.len(), before in "[a-z]{2,9}( [a-z]{2,9}){0,12}", after in "[a-z]{2,9}( [a-z]{2,9}){0,12}") {
        let rule = &RULES[row];
        prop_assume!(cause(&before) == Cause::Unknown && cause(&after) == Cause::Unknown);
        let message = format!("{before}\n{} - {after}", rule.example.message);
        let found = diagnose(&ErrorText { code: rule.example.code, message: &message, ..ErrorText::default() });
        prop_assert_eq!(found.cause, rule.cause, "{}", rule.id);
    }
}

#[test]
fn only_quota_causes_have_a_quota_remedy_in_any_wrapping() {
    for rule in RULES.iter().filter(|r| r.cause.category() != Category::Quota && comes_from_an_sdk(r)) {
        for (wrapper, wrap) in WRAPPERS {
            let found = cause(&wrap(&sdk(rule)));
            assert_ne!(found.category(), Category::Quota, "{} / {wrapper}", rule.id);
        }
    }
}
