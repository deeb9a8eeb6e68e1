//! What a diagnosis costs, beside what reading an event costs anyway.
//!
//! `cargo bench --bench diagnosis`

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "benchmark")]

use bedrock_remediator::diagnosis::{ErrorText, diagnose};
use divan::{Bencher, black_box};
use serde::Deserialize;

fn main() {
    divan::main();
}

/// Texts of about 500 bytes: of each kind the costliest wrapping.
const TEXTS: &[(&str, &str)] = &[
    (
        "throttle",
        "2026-11-20 14:32:05,123 ERROR [worker-7] checkout.llm: call failed after 4 attempts, giving up: botocore.errorfactory.ThrottlingException: An error occurred (ThrottlingException) when calling the Converse operation (reached max retries: 4): Too many tokens, please wait before trying again.\nTraceback (most recent call last):\n  File \"/var/task/checkout/llm.py\", line 142, in complete\n    response = client.converse(modelId=\"us.anthropic.claude-sonnet-4-5-20250929-v1:0\", messages=messages)",
    ),
    (
        "denial",
        "User: arn:aws:sts::111122223333:assumed-role/checkout-api/i-0a1b2c3d4e5f is not authorized to perform: bedrock:InvokeModelWithResponseStream on resource: arn:aws:bedrock:us-east-2::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0 because no identity-based policy allows the bedrock:InvokeModelWithResponseStream action (Service: BedrockRuntime, Status Code: 403, Request ID: 916e2ff3-aa4e-4cb3-9948-48de3b369b06) at software.amazon.awssdk.services.bedrockruntime.model.AccessDeniedException.build",
    ),
    (
        "validation",
        "{\"error\":{\"message\":\"litellm.BadRequestError: BedrockException - {\\\"message\\\":\\\"The model returned the following errors: messages.28: `tool_use` ids were found without `tool_result` blocks immediately after: tooluse_luiHRlhIR6y5YXMCGU8hMA. Each `tool_use` block must have a corresponding `tool_result` block in the next message.\\\"}. Received Model Group=bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0\\nAvailable Model Group Fallbacks=None\",\"type\":null,\"param\":null,\"code\":\"400\"}} LiteLLM Retried: 2 times",
    ),
    (
        "unknown",
        "2026-11-20T14:32:05.123Z checkout-api[4711]: WARN the request to the recommendation service took longer than usual, falling back to the cached answer for this customer; the cache holds 18231 entries and was refreshed 312 seconds ago, which is within what we allow, so that nothing has to be done unless this line is seen more than ten times in five minutes. If it is, look at the dashboard of the recommendation service, at its queue in particular, and tell the team that owns it what you have seen. Thank you.",
    ),
];

#[divan::bench(args = TEXTS.iter().map(|(name, _)| *name))]
fn diagnose_500_bytes(bencher: Bencher<'_, '_>, name: &str) {
    let (_, message) = TEXTS.iter().find(|(n, _)| *n == name).unwrap();
    bencher.bench(|| diagnose(&ErrorText { message: black_box(message), ..ErrorText::default() }));
}

/// A CloudTrail error as EventBridge delivers it: 4 KB, compact, with the fields of a call by an assumed
/// role through a VPC endpoint that IAM denied.
const EVENT: &str = include_str!("cloudtrail-4kb.json");

#[derive(Deserialize)]
#[allow(dead_code, reason = "read, not used")]
struct Event<'a> {
    version: &'a str,
    id: &'a str,
    #[serde(rename = "detail-type")]
    detail_type: &'a str,
    source: &'a str,
    account: &'a str,
    time: &'a str,
    region: &'a str,
    resources: Vec<&'a str>,
    #[serde(borrow)]
    detail: Detail<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "read, not used")]
struct Detail<'a> {
    event_version: &'a str,
    #[serde(borrow)]
    user_identity: Identity<'a>,
    event_time: &'a str,
    event_source: &'a str,
    event_name: &'a str,
    aws_region: &'a str,
    #[serde(rename = "sourceIPAddress")]
    source_ip_address: &'a str,
    user_agent: String,
    error_code: &'a str,
    error_message: String,
    #[serde(borrow)]
    request_parameters: Parameters<'a>,
    #[serde(borrow)]
    additional_event_data: Additional<'a>,
    #[serde(rename = "requestID")]
    request_id: &'a str,
    #[serde(rename = "eventID")]
    event_id: &'a str,
    read_only: bool,
    #[serde(borrow)]
    resources: Vec<Resource<'a>>,
    event_type: &'a str,
    management_event: bool,
    recipient_account_id: &'a str,
    vpc_endpoint_id: &'a str,
    vpc_endpoint_account_id: &'a str,
    event_category: &'a str,
    #[serde(borrow)]
    tls_details: Tls<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "read, not used")]
struct Identity<'a> {
    r#type: &'a str,
    principal_id: &'a str,
    arn: &'a str,
    account_id: &'a str,
    access_key_id: &'a str,
    #[serde(borrow)]
    session_context: Session<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "read, not used")]
struct Session<'a> {
    #[serde(borrow)]
    session_issuer: Issuer<'a>,
    #[serde(borrow)]
    attributes: Attributes<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "read, not used")]
struct Issuer<'a> {
    r#type: &'a str,
    principal_id: &'a str,
    arn: &'a str,
    account_id: &'a str,
    user_name: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "read, not used")]
struct Attributes<'a> {
    creation_date: &'a str,
    mfa_authenticated: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "read, not used")]
struct Parameters<'a> {
    model_id: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "read, not used")]
struct Additional<'a> {
    inference_region: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "read, not used")]
struct Resource<'a> {
    account_id: &'a str,
    r#type: &'a str,
    #[serde(rename = "ARN")]
    arn: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "read, not used")]
struct Tls<'a> {
    #[serde(rename = "tlsVersion")]
    version: &'a str,
    cipher_suite: &'a str,
    client_provided_host_header: &'a str,
}

#[divan::bench]
fn parse_an_event_of_4_kb(bencher: Bencher<'_, '_>) {
    assert!((3_900..=4_200).contains(&EVENT.len()), "{}", EVENT.len());
    bencher.bench(|| serde_json::from_str::<Event<'_>>(black_box(EVENT)).unwrap().detail.error_message.len());
}

#[divan::bench(args = [100, 1_000, 10_000, 100_000, 262_144])]
fn diagnose_by_length(bencher: Bencher<'_, '_>, length: usize) {
    let text: String =
        TEXTS.iter().map(|(_, t)| *t).collect::<String>().chars().cycle().take(length).collect();
    bencher.bench(|| diagnose(&ErrorText { message: black_box(&text), ..ErrorText::default() }));
}
