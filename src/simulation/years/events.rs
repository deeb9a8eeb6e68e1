//! What EventBridge and SQS deliver in a year: alarms, CloudTrail errors, ticks and news about requests.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::sandbox::Fed;
use crate::simulation::years::setting::ACCOUNT;

/// The Region of all years.
pub(super) const REGION: &str = "us-east-1";

/// An alarm on `metric` of one model goes off.
pub(super) fn alarm(model: &str, metric: &str, at: Timestamp) -> String {
    json!({
        "source": "aws.cloudwatch", "detail-type": "CloudWatch Alarm State Change",
        "account": ACCOUNT, "region": REGION,
        "detail": {
            "alarmName": format!("bedrock-{metric}-{model}"),
            "state": { "value": "ALARM", "timestamp": at.strftime("%FT%T.000+0000").to_string() },
            "configuration": { "metrics": [{ "metricStat": { "metric": {
                "namespace": "AWS/Bedrock", "name": metric, "dimensions": { "ModelId": model },
            } } }] },
        },
    })
    .to_string()
}

/// A failed call, as CloudTrail records it and EventBridge delivers it; `None` for a successful call.
fn error(call: &Fed, at: Timestamp) -> Option<Value> {
    let (code, message) = call.error.as_ref()?;
    let at = at.strftime("%FT%TZ").to_string();
    Some(json!({
        "detail-type": "AWS API Call via CloudTrail", "source": "aws.bedrock",
        "account": ACCOUNT, "region": REGION, "time": at,
        "detail": {
            "userIdentity": identity(&call.caller),
            "eventTime": at, "eventSource": "bedrock.amazonaws.com", "eventName": "Converse", "awsRegion": REGION,
            "sourceIPAddress": call.address, "userAgent": call.agent,
            "errorCode": code, "errorMessage": message,
            "requestParameters": { "modelId": call.model.as_str() },
            "recipientAccountId": ACCOUNT, "eventCategory": "Management",
        },
    }))
}

fn identity(principal: &str) -> Value {
    let role = principal.split_once(":assumed-role/").and_then(|(_, rest)| rest.split('/').next());
    match role {
        Some(role) => json!({
            "type": "AssumedRole", "arn": principal, "accountId": ACCOUNT,
            "sessionContext": { "sessionIssuer": {
                "type": "Role", "arn": format!("arn:aws:iam::{ACCOUNT}:role/{role}"), "accountId": ACCOUNT,
            } },
        }),
        None if principal.ends_with(":root") => {
            json!({ "type": "Root", "arn": principal, "accountId": ACCOUNT })
        }
        None => json!({ "type": "IAMUser", "arn": principal, "accountId": ACCOUNT }),
    }
}

/// A batch of failed calls, as the queue delivers them; `None` if none failed.
pub(super) fn batch<'a>(calls: impl Iterator<Item = &'a Fed>, at: Timestamp) -> Option<String> {
    let bodies = calls.filter_map(|call| error(call, at));
    let record = |(n, body): (usize, Value)| json!({ "messageId": format!("m{n}"), "eventSource": "aws:sqs", "body": body.to_string() });
    let records: Vec<Value> = bodies.enumerate().map(record).collect();
    (!records.is_empty()).then(|| json!({ "Records": records }).to_string())
}
