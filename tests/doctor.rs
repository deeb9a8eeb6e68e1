//! What `doctor` says of an account that lacks something, and of one that lacks nothing.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod support;

use bedrock_remediator::config::Config;
use bedrock_remediator::doctor::{ALARMS, Check, Finding, Patient, RULES, examine};
use bedrock_remediator::ids::{AccountId, Place, Region};
use bedrock_remediator::sandbox::{FaultKind, Sandbox, WorldFile};
use serde_json::{Value, json};
use support::story::*;

const ROLE: &str = "arn:aws:iam::111122223333:role/bedrock-remediator-FunctionRole-1A2B3C";

/// An account in which everything is in place.
fn in_order() -> Value {
    let rule = |(id, _): &(&str, &str)| {
        let state = if *id == "InferenceErrorsRule" { "enabled-with-reads" } else { "enabled" };
        json!({ "name": format!("bedrock-remediator-{id}-1A2B3C"), "state": state })
    };
    let alarm = |(end, _): &(&str, &str)| (format!("bedrock-remediator-{end}"), json!(true));
    json!({
        "trails": [{ "name": "audit", "is_logging": true, "records_reads": true }],
        "rules": RULES.iter().map(rule).collect::<Vec<_>>(),
        "own_alarms": ALARMS.iter().map(alarm).collect::<serde_json::Map<_, _>>(),
        "logging": [{ "region": "us-east-1", "log_group": "bedrock-calls" }],
        "policies": [{ "caller": ROLE, "verdict": "allowed" }],
    })
}

fn examined(account: &Value) -> Vec<Check> {
    examined_in(&sandbox(WorldFile::parse(&account.to_string()).unwrap()), Some(ROLE))
}

fn examined_in(world: &Sandbox, role: Option<&str>) -> Vec<Check> {
    let config = Config { invocation_log_group: Some("bedrock-calls".to_owned()), ..Config::default() };
    let place = Place {
        account: AccountId::parse("111122223333").unwrap(),
        region: Region::parse("us-east-1").unwrap(),
    };
    let patient = Patient {
        stack: "bedrock-remediator",
        place: &place,
        role,
        topic: Some("arn:aws:sns:us-east-1:111122223333:people"),
        table: Some("ledger"),
        config: &config,
    };
    block_on(examine(world, &patient))
}

/// The one check that is not good.
fn ill(account: &Value) -> Check {
    let mut ill = examined(account);
    ill.retain(|check| check.finding != Finding::Good);
    assert_eq!(ill.len(), 1, "{ill:?}");
    ill.remove(0)
}

#[test]
fn an_account_in_order_lacks_nothing() {
    let checks = examined(&in_order());
    let names: Vec<_> = checks.iter().map(|c| c.name).collect();
    assert_eq!(
        names,
        [
            "trail",
            "rules",
            "alarms",
            "invocation log",
            "role",
            "quotas",
            "metrics",
            "subscriptions",
            "ledger"
        ]
    );
    assert!(checks.iter().all(|c| c.finding == Finding::Good && c.mend.is_none()), "{checks:?}");
}

#[test]
fn each_lack_is_named_with_what_it_hides_and_what_mends_it() {
    let with = |change: &dyn Fn(&mut Value)| {
        let mut account = in_order();
        change(&mut account);
        ill(&account)
    };
    let cases: [(Check, &str, &str, &str); 10] = [
        (
            with(&|a| a["trails"] = json!([])),
            "trail",
            "no trail records this Region",
            "aws cloudtrail create-trail",
        ),
        (
            with(&|a| a["trails"][0]["is_logging"] = json!(false)),
            "trail",
            "`audit` is not logging",
            "aws cloudtrail start-logging --name audit",
        ),
        (
            with(&|a| a["trails"][0]["records_reads"] = json!(false)),
            "trail",
            "does not record management events that only read",
            "put-event-selectors --trail-name audit",
        ),
        (
            with(&|a| a["rules"][0]["state"] = json!("disabled")),
            "rules",
            "AlarmContributorsRule is disabled",
            "aws events enable-rule --name bedrock-remediator-AlarmContributorsRule-1A2B3C --region us-east-1",
        ),
        (
            with(&|a| a["rules"][2]["state"] = json!("enabled")),
            "rules",
            "InferenceErrorsRule gets no events that only read",
            "sam deploy --stack-name bedrock-remediator --region us-east-1",
        ),
        (with(&|a| a["rules"] = json!([])), "rules", "no rule of a stack `bedrock-remediator`", "sam deploy"),
        (
            with(&|a| a["own_alarms"]["bedrock-remediator-health-ticks"] = json!(false)),
            "alarms",
            "`health-ticks` tells nobody",
            "aws cloudwatch enable-alarm-actions --alarm-names bedrock-remediator-health-ticks",
        ),
        (
            with(&|a| a["logging"] = json!([])),
            "invocation log",
            "model invocations are not logged",
            "put-model-invocation-logging-configuration",
        ),
        (
            with(&|a| {
                let denied = json!({ "caller": ROLE, "action": "sns:Publish", "verdict": "explicit-deny" });
                a["policies"].as_array_mut().unwrap().insert(0, denied);
            }),
            "role",
            "lacks sns:Publish",
            "sam deploy",
        ),
        (
            with(&|a| a["subscribers"] = json!(0)),
            "subscriptions",
            "no subscription",
            "aws sns subscribe --topic-arn arn:aws:sns:us-east-1:111122223333:people",
        ),
    ];
    for (check, name, seen, mend) in cases {
        assert_eq!(check.name, name);
        assert!(check.seen.contains(seen), "{check:?}");
        assert!(check.mend.as_ref().unwrap().contains(mend), "{check:?}");
        assert!(!check.blind_to.as_ref().unwrap().is_empty());
    }
}

#[test]
fn a_models_alarm_needs_no_action_because_a_rule_hears_it() {
    let mut account = in_order();
    account["own_alarms"]["bedrock-remediator-models-throttles"] = json!(false);
    assert!(examined(&account).iter().all(|c| c.finding == Finding::Good));
}

#[test]
fn what_could_not_be_asked_is_never_good() {
    for call in [
        "trails",
        "rules",
        "own_alarms",
        "invocation_logging",
        "rights",
        "listing",
        "used",
        "subscribers",
        "due",
    ] {
        let mut file = WorldFile::parse(&in_order().to_string()).unwrap();
        file.faults.push(fault(call, None, FaultKind::Unavailable));
        let checks = examined_in(&sandbox(file), Some(ROLE));
        let unknown = checks.iter().filter(|c| c.finding == Finding::Unknown).count();
        assert_eq!(unknown, 1, "{call}: {checks:?}");
    }
    let world = sandbox(WorldFile::parse(&in_order().to_string()).unwrap());
    let checks = examined_in(&world, None);
    let role = checks.iter().find(|c| c.name == "role").unwrap();
    assert!(role.finding == Finding::Unknown && role.seen.contains("--role"), "{role:?}");
}

#[test]
fn nothing_is_changed_by_looking() {
    let world = sandbox(WorldFile::parse(&in_order().to_string()).unwrap());
    examined_in(&world, Some(ROLE));
    let calls = world.calls();
    for call in ["claim", "finish", "publish", "request_increase", "watch", "reserve"] {
        assert_eq!(calls.get(call), None, "{call}");
    }
}
