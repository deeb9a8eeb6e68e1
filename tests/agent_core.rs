//! Stories of alarms on Amazon Bedrock `AgentCore`: they name operations instead of models, and its quotas are those of
//! another service.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use crate::support::story::*;
use bedrock_remediator::incident::record::State;
use bedrock_remediator::notice::Notice;
use bedrock_remediator::plan::Reason;
use bedrock_remediator::sandbox::{Sandbox, WorldFile};
use jiff::SignedDuration;
use serde_json::{Value, json};

const OPERATION: &str = "InvokeAgentRuntime";

fn world() -> Sandbox {
    sandbox(WorldFile::parse(&sample("alarm-agent-core.world.json")).unwrap())
}

/// The stack's alarm over `metric`, gone off for `operation`.
fn alarm(metric: &str, operation: &str) -> String {
    let text = sample("alarm-agent-core.json");
    text.replace("SUM(Throttles)", &format!("SUM({metric})")).replace(OPERATION, operation)
}

/// An alarm of an operator on one series.
fn on_one_series(name: &str) -> String {
    let mut event: Value = serde_json::from_str(&sample("alarm-throttles.json")).unwrap();
    event["detail"]["configuration"]["metrics"] = json!([{ "id": "m1", "returnData": true, "metricStat": {
        "metric": { "namespace": "AWS/Bedrock-AgentCore", "name": name, "dimensions": {
            "Operation": OPERATION,
            "Name": "crate::support::DEFAULT",
            "Resource": "arn:aws:bedrock-agentcore:us-east-1:111122223333:runtime/support-1a2b3c4d5e",
        } },
        "period": 60, "stat": "Sum",
    } }]);
    event.to_string()
}

/// A call that CloudTrail recorded as throttled.
fn throttled() -> String {
    let text = sample("limit-agent-core-sessions.json");
    text.replace("ServiceQuotaExceededException", "ThrottlingException")
        .replace("maxVms limit exceeded for account 111122223333", "Rate exceeded")
}

/// The last notice.
fn told(world: &Sandbox) -> Notice {
    world.published().last().unwrap().clone()
}

#[test]
fn a_throttle_names_the_operations_own_limits_and_files_nothing() {
    let world = world();
    let report = deliver(&world, &alarm("Throttles", OPERATION));
    assert_eq!(withheld(&report), [Reason::Ambiguous]);
    assert_eq!(world.increase_requests().len(), 0);
    let mail = told(&world).mail();
    for name in ["Rate of new Runtime session creation", "Rate of Runtime data plane APIs"] {
        assert!(mail.contains(name), "{mail}");
    }
    assert!(mail.contains("/services/bedrock-agentcore/quotas/L-0000A6C2"), "{mail}");
    assert!(!mail.contains("bedrock.amazonaws.com"), "Bedrock's calls tell nothing of it: {mail}");
}

#[test]
fn an_alarm_alone_proves_no_need_even_if_one_quota_is_left() {
    let file = json!({ "config": { "AGENTCORE": "request" }, "quotas": [
        { "code": "bedrock-agentcore/L-0000A6C4", "name": "Rate of GetBrowserSession requests", "applied": 30, "default": 30 },
    ]});
    let world = sandbox(WorldFile::parse(&file.to_string()).unwrap());
    let report = deliver(&world, &alarm("Throttles", "GetBrowserSession"));
    assert_eq!(withheld(&report), [Reason::Unrecorded]);
    assert!(told(&world).mail().contains("--service-code bedrock-agentcore --quota-code L-0000A6C4"));
}

#[test]
fn an_operation_without_a_known_quota_is_told_and_taken_for_no_model() {
    let world = world();
    let report = deliver(&world, &alarm("Throttles", "tools/call"));
    assert_eq!(withheld(&report), [Reason::NoSuchQuota]);
    assert!(told(&world).title.contains("tools/call"), "{}", told(&world).title);
    // A throttle of a model that is not known is another incident.
    let mut of_models: Value = serde_json::from_str(&sample("alarm-all-models.json")).unwrap();
    of_models["region"] = json!("us-east-1");
    deliver(&world, &of_models.to_string());
    assert_eq!(world.incidents().len(), 2);
}

#[test]
fn each_of_its_error_metrics_is_read_and_no_other() {
    for (name, cause) in [
        ("Throttles", Some("rate-unspecified")),
        ("SystemErrors", Some("internal-error")),
        ("UserErrors", Some("unknown")),
        ("Latency", None),
    ] {
        let world = world();
        deliver(&world, &on_one_series(name));
        let found = world.incidents().first().map(|i| i.record.incident.cause.as_str());
        assert_eq!(found, cause, "{name}");
        if cause.is_some() {
            let incident = &world.incidents()[0].record.incident;
            assert_eq!(incident.facts.operation.as_deref(), Some(OPERATION), "{name}");
            assert_eq!(incident.model, None, "{name}");
        }
    }
}

#[test]
fn a_known_throttle_explains_its_alarm_and_bedrocks_does_not() {
    let world = world();
    deliver(&world, &throttled());
    assert_eq!(world.incidents().len(), 1);
    deliver(&world, &alarm("Throttles", OPERATION));
    assert_eq!(world.incidents().len(), 1);
    assert_eq!(world.incidents()[0].record.incident.counts.alarms, 1);
    deliver(&world, &sample("throttle-tokens.json"));
    assert_eq!(world.incidents().len(), 2);
    deliver(&world, &alarm("SystemErrors", OPERATION));
    deliver(&world, &alarm("Throttles", "CreateEvent"));
    assert_eq!(world.incidents().len(), 4, "neither an error on AWS's side nor another operation");
}

#[test]
fn whether_it_still_fails_is_asked_of_its_own_metric() {
    let failing = world();
    let mut file: Value = serde_json::from_str(&sample("alarm-agent-core.world.json")).unwrap();
    file["agent_core_usage"] = json!([]);
    let recovered = sandbox(WorldFile::parse(&file.to_string()).unwrap());
    for (world, is_over) in [(failing, false), (recovered, true)] {
        deliver(&world, &alarm("Throttles", OPERATION));
        for _ in 0..30 {
            world.pass(SignedDuration::from_hours(1));
            run_sweep(&world);
        }
        let state = world.incidents()[0].record.state;
        assert_eq!(state == State::Closed, is_over, "{state:?}");
    }
}
