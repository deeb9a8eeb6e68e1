//! What people are told is what is the case: each permission that is missing, the limit that is full, the cause that
//! AWS recorded.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use crate::support::story::*;
use bedrock_remediator::config::Config;
use bedrock_remediator::diagnosis::Cause;
use bedrock_remediator::identity::FunctionIdentity;
use bedrock_remediator::ids::{AccountId, AccountRegion, Region};
use bedrock_remediator::plan::Reason;
use bedrock_remediator::quota::request::RequestStatus;
use bedrock_remediator::run::context::RunContext;
use bedrock_remediator::run::handler::handle;
use bedrock_remediator::run::sweep::sweep;
use bedrock_remediator::sandbox::{Sandbox, WorldFile};
use jiff::SignedDuration;
use serde_json::{Value, json};

const ROLE: &str = "arn:aws:sts::111122223333:assumed-role/assistant/i-0";

/// A call of an operation without a model that was denied.
fn denied(operation: &str, action: &str, resource: &str) -> String {
    let mut event: Value = serde_json::from_str(&sample("permission-identity-policy.json")).unwrap();
    let detail = &mut event["detail"];
    detail["eventName"] = json!(operation);
    detail["requestParameters"] = json!({});
    detail["userIdentity"]["arn"] = json!(ROLE);
    detail["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"] =
        json!("arn:aws:iam::111122223333:role/assistant");
    detail["errorMessage"] = json!(format!(
        "User: {ROLE} is not authorized to perform: {action} on resource: {resource} because no identity-based policy allows the {action} action"
    ));
    event.to_string()
}

fn actions(world: &Sandbox) -> Vec<String> {
    let told = world.published().into_iter();
    let mut actions: Vec<String> = told.filter_map(|n| n.facts.action.map(|a| a.to_string())).collect();
    actions.sort();
    actions
}

#[test]
fn three_permissions_that_one_role_lacks_are_three_incidents() {
    let bodies = [
        denied(
            "ApplyGuardrail",
            "bedrock:ApplyGuardrail",
            "arn:aws:bedrock:us-east-1:111122223333:guardrail/a1b2",
        ),
        denied("Retrieve", "bedrock:Retrieve", "arn:aws:bedrock:us-east-1:111122223333:knowledge-base/KB1"),
        denied(
            "InvokeAgent",
            "bedrock:InvokeAgent",
            "arn:aws:bedrock:us-east-1:111122223333:agent-alias/A/B",
        ),
    ];
    let named = ["bedrock:ApplyGuardrail", "bedrock:InvokeAgent", "bedrock:Retrieve"];
    // At once, or one after the other while the first is muted.
    let world = sandbox(busy());
    deliver(&world, &queue(&bodies));
    assert_eq!(actions(&world), named);
    let world = sandbox(busy());
    for body in &bodies {
        deliver(&world, body);
        world.pass(SignedDuration::from_mins(20));
    }
    assert_eq!(actions(&world), named);
    // Again and again, they stay three.
    deliver(&world, &queue(&bodies));
    assert_eq!(actions(&world), named);
}

#[test]
fn another_resource_of_the_same_action_is_another_incident() {
    let guardrail = |id: &str| {
        let arn = format!("arn:aws:bedrock:us-east-1:111122223333:guardrail/{id}");
        denied("ApplyGuardrail", "bedrock:ApplyGuardrail", &arn)
    };
    let world = sandbox(busy());
    deliver(&world, &guardrail("a1b2"));
    deliver(&world, &guardrail("c3d4"));
    let told: Vec<String> =
        world.published().into_iter().filter_map(|n| n.facts.resource.map(|r| r.to_string())).collect();
    assert_eq!(told.len(), 2);
    assert!(told[1].ends_with("guardrail/c3d4"), "{told:?}");
}

#[test]
fn a_profiles_model_that_is_denied_in_one_region_and_another_is_one_incident() {
    let arn = |region: &str| format!("arn:aws:bedrock:{region}::foundation-model/amazon.nova-lite-v1:0");
    let call = |region: &str| {
        let mut event: Value =
            serde_json::from_str(&denied("Converse", "bedrock:InvokeModel", &arn(region))).unwrap();
        event["detail"]["requestParameters"] = json!({ "modelId": "us.amazon.nova-lite-v1:0" });
        event.to_string()
    };
    let world = sandbox(busy());
    deliver(&world, &call("us-east-2"));
    deliver(&world, &call("us-west-2"));
    assert_eq!(world.incidents().len(), 1);
}

const PER_DAY: &str = "Too many tokens per day, please wait before trying again.";

#[test]
fn a_days_limit_pins_no_minutes_limit() {
    let daily = error("us-east-1", SONNET, "ThrottlingException", PER_DAY);
    for bodies in [[daily.clone(), throttle(SONNET)], [throttle(SONNET), daily]] {
        let world = sandbox(busy());
        deliver(&world, &queue(&bodies));
        let mut causes: Vec<Cause> = world.published().iter().filter_map(|n| n.cause).collect();
        causes.sort();
        assert_eq!(causes, [Cause::TokensPerMinute, Cause::TokensPerDay]);
        let filed: Vec<String> = world.increase_requests().iter().map(|r| r.code.to_string()).collect();
        assert_eq!(filed, ["L-F4DDD3EB"], "the minute's need is served");
    }
}

#[test]
fn the_limit_that_is_full_is_planned_for_whatever_the_error_named() {
    // The requests have room; the tokens are full.
    let world = sandbox(busy());
    let requests = error(
        "us-east-1",
        SONNET,
        "ThrottlingException",
        "Too many requests, please wait before trying again.",
    );
    deliver(&world, &requests);
    let notice = world.published().remove(0);
    assert_eq!(notice.cause, Some(Cause::RequestsPerMinute));
    let filed: Vec<String> = world.increase_requests().iter().map(|r| r.code.to_string()).collect();
    assert_eq!(filed, ["L-F4DDD3EB"], "{:?}", notice.withheld);
    assert!(notice.advice.iter().any(|a| a.contains("tokens per minute come nearer")), "{:?}", notice.advice);
}

#[test]
fn an_error_that_names_no_limit_is_about_the_one_up_to_which_calls_are_admitted() {
    // Of 5,000,000 tokens and 500 requests a minute.
    for (tokens, requests, expected) in [
        (4_900_000, 460, Some("L-F4DDD3EB")),
        (4_500_000, 490, Some("L-4A6BFAB1")),
        (4_900_000, 485, None),
        (4_200_000, 420, None),
    ] {
        let mut file = busy();
        file.quotas.push(
            serde_json::from_value(json!({ "code": "L-4A6BFAB1", "applied": 500, "default": 500 })).unwrap(),
        );
        file.usage = serde_json::from_value(json!([{
            "region": "us-east-1", "model_id": SONNET, "first_use": "2026-01-01T00:00:00Z",
            "last": { "minutes": 60, "each": {
                "invocations": requests, "throttles": 100, "input_tokens": tokens, "quota_tokens": tokens,
            } },
        }]))
        .unwrap();
        let world = sandbox(file);
        deliver(&world, &error("us-east-1", SONNET, "ThrottlingException", "Rate exceeded"));
        let filed: Vec<_> = world.increase_requests().iter().map(|r| r.code.to_string()).collect();
        assert_eq!(
            filed,
            Vec::from_iter(expected),
            "{tokens} {requests}: {:?}",
            world.published()[0].withheld
        );
    }
}

#[test]
fn a_quota_of_nothing_is_the_one_that_refuses() {
    let mut file = busy();
    file.quotas.push(serde_json::from_value(json!({ "code": "L-4A6BFAB1", "applied": 0 })).unwrap());
    for quota in &mut file.quotas {
        quota.applied = Some(0.0);
    }
    let world = sandbox(file);
    deliver(&world, &error("us-east-1", SONNET, "ThrottlingException", "Rate exceeded"));
    let withheld = world.published().remove(0).withheld;
    assert_eq!(withheld.iter().map(|w| w.kind).collect::<Vec<_>>(), [Reason::BelowDefault]);
}

#[test]
fn the_newest_named_limit_that_aws_recorded_is_the_incidents_cause() {
    let world = sandbox(busy());
    deliver(&world, &throttle(SONNET));
    let cause = |world: &Sandbox| world.incidents()[0].record.incident.cause;
    assert_eq!(cause(&world), Cause::TokensPerMinute);
    let requests = error(
        "us-east-1",
        SONNET,
        "ThrottlingException",
        "Too many requests, please wait before trying again.",
    );
    deliver(&world, &requests);
    assert_eq!(cause(&world), Cause::RequestsPerMinute);
    // One that names no limit says less.
    deliver(&world, &error("us-east-1", SONNET, "ThrottlingException", "Rate exceeded"));
    assert_eq!(cause(&world), Cause::RequestsPerMinute);
    assert_eq!(world.incidents().len(), 1);
}

/// What an application wrote, as its log's subscription delivers it.
fn logged(line: &str) -> String {
    use std::io::Write as _;

    use base64::Engine as _;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let data = json!({
        "messageType": "DATA_MESSAGE", "owner": "111122223333", "logGroup": "/ecs/app", "logStream": "s",
        "subscriptionFilters": ["f"],
        "logEvents": [{ "id": "1", "timestamp": now().as_millisecond(), "message": line }],
    });
    packed.write_all(data.to_string().as_bytes()).unwrap();
    let data = base64::engine::general_purpose::STANDARD.encode(packed.finish().unwrap());
    json!({ "awslogs": { "data": data } }).to_string()
}

#[test]
fn no_line_of_a_log_outranks_what_cloudtrail_recorded() {
    let line = format!(
        "botocore.errorfactory.ThrottlingException: An error occurred (ThrottlingException) when calling the Converse operation: Too many requests, please wait before trying again. modelId={SONNET} region=us-east-1"
    );
    let world = sandbox(busy());
    deliver(&world, &throttle(SONNET));
    for _ in 0..5 {
        deliver(&world, &logged(&line));
    }
    let causes: Vec<Cause> = world.incidents().iter().map(|row| row.record.incident.cause).collect();
    assert!(causes.contains(&Cause::TokensPerMinute), "{causes:?}");
}

#[test]
fn a_request_that_somebody_else_filed_meanwhile_is_not_taken_for_ours() {
    let world = sandbox(busy());
    let config = Config::default();
    let terms = RunContext { config: &config, home: &FunctionIdentity::default(), allowance: ALLOWANCE };
    let event = throttle(SONNET);
    // The function dies between reserving and filing.
    let planned = (1..200).find(|polls| {
        let world = sandbox(busy());
        crash_after(*polls, handle(&world, &terms, event.as_bytes()));
        world.incidents().iter().any(|row| row.record.followed.is_some())
    });
    assert!(!crash_after(planned.unwrap(), handle(&world, &terms, event.as_bytes())));
    assert!(world.increase_requests().is_empty());
    // Somebody asks for more, and gets a part of it: more than the function would have asked for.
    let followed = world.incidents()[0].record.followed.clone().unwrap();
    let place = AccountRegion {
        account: AccountId::parse("111122223333").unwrap(),
        region: Region::parse("us-east-1").unwrap(),
    };
    let asked = followed.desired * 3.0;
    let request = world.request_by_hand(&place, &followed.code, asked).unwrap();
    world.decide(&request.id, RequestStatus::CaseClosed, Some(followed.desired + 1.0));
    for _ in 0..8 {
        world.pass(SignedDuration::from_mins(15));
        run_sweep(&world);
    }
    let told = world.published();
    assert!(!told.is_empty());
    assert!(told.iter().all(|notice| notice.outcome.is_none()), "{told:?}");
}

#[test]
fn what_another_account_does_is_over_when_nothing_more_is_heard_of_it() {
    let own = AccountId::parse("111122223333");
    let world = sandbox(WorldFile { account: own.clone(), ..busy() });
    let home =
        FunctionIdentity { account: own, region: Region::parse("us-east-1"), ..FunctionIdentity::default() };
    let config = Config::default();
    let terms = RunContext { config: &config, home: &home, allowance: ALLOWANCE };
    let event = throttle(SONNET).replace("111122223333", "999988887777");
    block_on(handle(&world, &terms, event.as_bytes())).unwrap();
    assert_eq!(kinds(&world), ["opened"]);
    for _ in 0..30 {
        world.pass(SignedDuration::from_hours(1));
        block_on(sweep(&world, &terms)).unwrap();
    }
    assert_eq!(kinds(&world), ["opened", "resolved"]);
    assert!(world.increase_requests().is_empty());
}
