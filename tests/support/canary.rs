//! What must not leave: prompts, secrets and lures, in every source of errors that there is.

use std::io::Write as _;

use base64::Engine as _;
use serde_json::{Value, json};

use super::story::{error, queue};

/// What somebody said to a model, and what opens or lures. None of it is a word of the rules.
pub(crate) const CANARIES: &[&str] = &[
    "zebrafish",
    "quokka",
    "AKIAZZZZZZZZZZZZZZZZ",
    "ABSKenplYnJhZmlzaHF1b2trYQ",
    "eyJ6ZWJyYSI6MX0",
    "narwhal.example",
    "ocelot@",
    "555-0142",
    "<@U777",
    "\u{202e}",
    "\u{1b}",
];

pub(crate) const PROMPT: &str = "zebrafish for quokka, AKIAZZZZZZZZZZZZZZZZ ABSKenplYnJhZmlzaHF1b2trYQ== eyJ6ZWJyYSI6MX0.e30.sig https://narwhal.example/login ocelot@narwhal.example +1-555-0142 <@U777> \u{202e}\u{1b}[31m";

/// A prompt as applications and models quote it.
pub(crate) fn quoted() -> Vec<String> {
    let body = json!({ "messages": [{ "role": "user", "content": [{ "text": PROMPT }] }] }).to_string();
    vec![
        format!("prompt was: {PROMPT}"),
        format!("\"{PROMPT}\""),
        format!("'{PROMPT}'"),
        format!("it's '{PROMPT}' isn't it"),
        format!("\u{ab}{PROMPT}\u{bb} and \u{300c}{PROMPT}\u{300d}"),
        format!("<document><text>{PROMPT}</text></document>"),
        format!("\n\nHuman: {PROMPT}\n\nAssistant: {PROMPT}"),
        format!("request={body}"),
        json!({ "level": "error", "request": body }).to_string(),
        json!({ "outer": json!({ "request": body }).to_string() }).to_string(),
        format!("extraneous key [{}] is not permitted", PROMPT.replace(' ', "-")),
        "Malformed input request: #: extraneous key [zebrafish-for-quokka] is not permitted".to_owned(),
        "Malformed input request: #/messages/zebrafish/quokka: expected type: String".to_owned(),
        "Value at 'messages.1.member.zebrafish-quokka' failed to satisfy constraint".to_owned(),
        "User: arn:aws:iam::111122223333:user/<@U777> is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1:111122223333:guardrail/<https://narwhal.example/> because no identity-based policy allows the bedrock:InvokeModel action".to_owned(),
        "User: arn:aws:iam::111122223333:user/ocelot@narwhal.example is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1:111122223333:guardrail/narwhal.example because no identity-based policy allows the bedrock:InvokeModel action".to_owned(),
    ]
}

pub(crate) fn packed(group: &str, line: &str) -> Value {
    let data = json!({
        "messageType": "DATA_MESSAGE", "owner": "111122223333", "logGroup": group, "logStream": "2026/11/20/[$LATEST]abc",
        "logEvents": [{ "id": "0", "timestamp": 1_795_185_125_000_i64, "message": line }],
    });
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(data.to_string().as_bytes()).unwrap();
    json!(base64::engine::general_purpose::STANDARD.encode(gzip.finish().unwrap()))
}

pub(crate) fn job(text: &str) -> Value {
    json!({
        "detail-type": "Batch Inference Job State Change", "source": "aws.bedrock", "account": "111122223333",
        "region": "us-east-1", "time": "2026-11-20T14:32:05Z",
        "detail": {
            "status": "Failed", "failureMessage": text, "batchModelId": "amazon.nova-lite-v1:0", "batchJobName": text,
            "batchJobArn": "arn:aws:bedrock:us-east-1:111122223333:model-invocation-job/abcdefghwxyz",
        },
    })
}

/// Every source of errors, telling `text`.
pub(crate) fn sources(text: &str) -> Vec<(&'static str, String)> {
    let line = format!("ERROR bedrock call failed with an exception: {text}");
    let structured =
        json!({ "level": "error", "msg": "bedrock call failed with exception", "error": text }).to_string();
    let record = error("us-east-1", "amazon.nova-lite-v1:0", "WeirdException", text);
    let invocation = json!({
        "schemaType": "ModelInvocationLog", "accountId": "111122223333", "region": "us-east-1", "operation": text,
        "modelId": "amazon.nova-lite-v1:0", "errorCode": "WeirdException", "errorMessage": text,
        "input": { "inputBodyJson": { "prompt": text } },
    });
    let health = json!({
        "detail-type": "AWS Health Event", "source": "aws.health", "account": "111122223333", "region": "us-east-1",
        "detail": { "service": "BEDROCK", "eventTypeCode": "AWS_BEDROCK_ODD", "eventDescription": [{ "latestDescription": text }] },
    });
    vec![
        ("plain log", json!({ "awslogs": { "data": packed("/app/x", &line) } }).to_string()),
        ("structured log", json!({ "awslogs": { "data": packed("/app/x", &structured) } }).to_string()),
        (
            "Kinesis",
            json!({ "Records": [{ "eventSource": "aws:kinesis", "eventID": text, "kinesis": { "data": packed("/app/x", &line) } }] })
                .to_string(),
        ),
        ("message", json!({ "Type": "Notification", "Message": line }).to_string()),
        ("CloudTrail", record.clone()),
        ("CloudTrail in a queue", queue(&[record])),
        ("invocation log", invocation.to_string()),
        ("job", job(text).to_string()),
        ("AWS Health", health.to_string()),
    ]
}

pub(crate) fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(list) => list.iter().flat_map(strings).collect(),
        Value::Object(map) => map.iter().flat_map(|(k, v)| [vec![k.clone()], strings(v)].concat()).collect(),
        _ => Vec::new(),
    }
}

pub(crate) fn assert_clean(what: &str, outputs: &[(String, String)]) {
    for (output, text) in outputs {
        for canary in CANARIES {
            assert!(!text.contains(canary), "{what}: `{canary}` in {output}: {text}");
        }
    }
}
