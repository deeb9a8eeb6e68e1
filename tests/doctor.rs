//! What `doctor` says of an account that lacks something, and of one that lacks nothing.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use crate::support::story::*;
use bedrock_remediator::config::Config;
use bedrock_remediator::ids::{AccountId, AccountRegion, Region};
use bedrock_remediator::operate::doctor::{ALARMS, Check, Finding, Installation, RULES, TRIGGERS, examine};
use bedrock_remediator::quota::{Catalog, Readable};
use bedrock_remediator::sandbox::{FaultKind, Sandbox, WorldFile};
use serde_json::{Value, json};

const ROLE: &str = "arn:aws:iam::111122223333:role/bedrock-remediator-FunctionRole-1A2B3C";

const OPERATORS: &str = "arn:aws:sns:us-east-1:111122223333:operators";

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
        "topics": { OPERATORS: { "confirmed": 1 } },
    })
}

fn examined(account: &Value) -> Vec<Check> {
    examined_in(&sandbox(WorldFile::parse(&account.to_string()).unwrap()), Some(ROLE))
}

fn examined_in(world: &Sandbox, role: Option<&str>) -> Vec<Check> {
    let config = Config { invocation_log_group: Some("bedrock-calls".to_owned()), ..Config::default() };
    let place = AccountRegion {
        account: AccountId::parse("111122223333").unwrap(),
        region: Region::parse("us-east-1").unwrap(),
    };
    let patient = Installation {
        stack: "bedrock-remediator",
        place: &place,
        role,
        topic: Some("arn:aws:sns:us-east-1:111122223333:people"),
        operator_topic: Some(OPERATORS),
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
            "catalogue",
            "quotas",
            "metrics",
            "subscriptions",
            "operators",
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
    let cases: [(Check, &str, &str, &str); 13] = [
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
        (
            with(&|a| a["topics"][OPERATORS] = json!({ "confirmed": 0, "pending": 1 })),
            "operators",
            "no subscription of the operators' topic is confirmed, 1 not confirmed yet",
            "aws sns subscribe --topic-arn arn:aws:sns:us-east-1:111122223333:operators",
        ),
        (
            with(&|a| a["topics"][OPERATORS] = json!({ "confirmed": 0 })),
            "operators",
            "no subscription of the operators' topic is confirmed",
            "then confirm the mail",
        ),
        (
            with(&|a| a["quotas"] = reworded(60)),
            "quotas",
            "inference quotas are readable; one that is not: `Tokens per minute through",
            "sam deploy",
        ),
    ];
    for (check, name, seen, mend) in cases {
        assert_eq!(check.name, name);
        assert!(check.seen.contains(seen), "{check:?}");
        assert!(check.mend.as_ref().unwrap().contains(mend), "{check:?}");
        assert!(!check.blind_to.as_ref().unwrap().is_empty());
    }
}

/// So many inference quotas in a wording that nobody has seen.
fn reworded(count: usize) -> Value {
    let quota = |n: usize| json!({ "code": format!("L-{n:08}"), "name": format!("Tokens per minute through any profile: model {n}") });
    (0..count).map(quota).collect()
}

#[test]
fn a_few_quotas_that_do_not_read_are_named_and_no_lack() {
    let mut account = in_order();
    account["quotas"] = reworded(3);
    let checks = examined(&account);
    let quotas = checks.iter().find(|c| c.name == "quotas").unwrap();
    assert_eq!(quotas.finding, Finding::Good);
    let read = Readable::of(Catalog::built_in()).read;
    let seen = format!(
        "{read} of {} inference quotas are readable; one that is not: `Tokens per minute through",
        read + 3
    );
    assert!(quotas.seen.starts_with(&seen), "{}", quotas.seen);
}

#[test]
fn a_catalogue_that_lacks_some_quotas_is_no_lack_and_one_that_lacks_most_is() {
    let known = Readable::of(Catalog::built_in()).read;
    let newer = |count: usize| -> Value {
        let name = |n: usize| format!("Cross-region model inference tokens per minute for Nobody Model {n}");
        (0..count).map(|n| json!({ "code": format!("L-{n:08}"), "name": name(n) })).collect()
    };
    for (count, finding) in [(3, Finding::Good), (known + 9, Finding::Missing)] {
        let mut account = in_order();
        account["quotas"] = newer(count);
        let checks = examined(&account);
        let check = checks.iter().find(|c| c.name == "catalogue").unwrap();
        assert_eq!(check.finding, finding, "{check:?}");
        let day = Catalog::built_in().as_of().unwrap();
        assert!(check.seen.starts_with(&format!("the built-in one is of {day}, ")), "{check:?}");
        assert!(check.seen.contains(&format!("it lacks {count} of the account's ")), "{check:?}");
    }
}

#[test]
fn a_trail_that_cannot_be_read_spoils_no_other() {
    let organization = json!({ "name": "organization", "account": "444455556666", "is_logging": true });
    let unread = json!({ "name": "unread", "is_logging": true });
    let good = in_order()["trails"][0].clone();
    let mut account = in_order();
    account["trails"] = json!([organization, unread, good]);
    assert!(examined(&account).iter().all(|c| c.finding == Finding::Good));

    let silent = json!({ "name": "silent", "is_logging": false, "records_reads": true });
    account["trails"] = json!([silent, organization]);
    let check = ill(&account);
    assert_eq!((check.name, check.finding), ("trail", Finding::Unknown));
    assert!(
        check.seen.contains("`organization` is logging; it belongs to account 444455556666"),
        "{check:?}"
    );
    assert!(check.seen.contains("ask the management account") && check.seen.contains("proves it as well"));
    assert!(check.mend.unwrap().starts_with("aws cloudtrail get-event-selectors --trail-name organization"));

    account["trails"] = json!([silent, unread]);
    let check = ill(&account);
    assert_eq!(check.finding, Finding::Unknown);
    assert!(check.seen.contains("lacks `cloudtrail:GetEventSelectors`"), "{check:?}");

    // What is known to be no use leaves nothing open.
    let dumb = json!({ "name": "dumb", "account": "444455556666", "is_logging": false });
    account["trails"] = json!([silent, dumb]);
    let check = ill(&account);
    assert_eq!((check.finding, check.seen.as_str()), (Finding::Missing, "`silent` is not logging"));
}

/// The rules of a stack by the names that CloudFormation generates.
fn rules_of(name: impl Fn(&str) -> String) -> Vec<Value> {
    let rule = |(id, on): &(&str, Option<&str>)| {
        let state = if *id == "InferenceErrorsRule" { "enabled-with-reads" } else { "enabled" };
        let types: Vec<&str> = on.iter().copied().collect();
        json!({ "name": name(id), "state": state, "detail_types": types, "is_scheduled": on.is_none() })
    };
    TRIGGERS.iter().map(rule).collect()
}

/// What is said of the rules of the stack `name` in an account that has `rules`.
fn rules_seen(name: &str, rules: &[Value]) -> Check {
    let mut account = in_order();
    account["rules"] = json!(rules);
    let world = sandbox(WorldFile::parse(&account.to_string()).unwrap());
    let config = Config::default();
    let place = AccountRegion {
        account: AccountId::parse("111122223333").unwrap(),
        region: Region::parse("us-east-1").unwrap(),
    };
    let patient = Installation {
        stack: name,
        place: &place,
        role: None,
        topic: None,
        operator_topic: None,
        table: None,
        config: &config,
    };
    let checks = block_on(examine(&world, &patient));
    checks.into_iter().find(|c| c.name == "rules").unwrap()
}

#[test]
fn a_sibling_stacks_rules_are_never_taken_for_this_ones() {
    let sibling = rules_of(|id| format!("bedrock-remediator-dev-{id}-1A2B3C4D5E6F"));
    let check = rules_seen("bedrock-remediator", &sibling);
    assert_eq!(
        (check.finding, check.seen.as_str()),
        (Finding::Missing, "no rule of a stack `bedrock-remediator` is here")
    );
    let mut both = rules_of(|id| format!("bedrock-remediator-{id}-A1B2C3D4E5F6"));
    both.last_mut().unwrap()["state"] = json!("disabled");
    both.splice(0..0, sibling);
    let check = rules_seen("bedrock-remediator", &both);
    assert_eq!(check.seen, "YourAlarmsRule is disabled");
    assert!(check.mend.unwrap().contains("--name bedrock-remediator-YourAlarmsRule-A1B2C3D4E5F6 "));
}

#[test]
fn a_rule_whose_name_was_cut_is_known_by_what_it_reacts_to() {
    let stack = "platform-production-eu-west-1-bedrock-remediator";
    let cut = |id: &str| format!("{}-{id}-1A2B3C4D5E6F", stack.get(..50 - id.len()).unwrap());
    assert!(rules_of(cut).iter().all(|rule| rule["name"].as_str().unwrap().len() <= 64));
    assert_eq!(rules_seen(stack, &rules_of(cut)).finding, Finding::Good);
    // Not by its name alone.
    let mut other = rules_of(cut);
    other[1]["detail_types"] = json!(["Something Else"]);
    assert_eq!(rules_seen(stack, &other).seen, "HealthRule is missing");
    // Another stack's name goes on in another way, or the same as far as it goes.
    let sibling = rules_of(|id| format!("platform-production-eu-west-2-{id}-1A2B3C4D5E6F"));
    assert!(rules_seen(stack, &sibling).seen.starts_with("no rule of a stack"));
    let mut twice = rules_of(cut);
    twice.extend(rules_of(|id| cut(id).replace("1A2B3C", "9Z8Y7X")));
    let check = rules_seen(stack, &twice);
    assert_eq!((check.finding, check.mend), (Finding::Unknown, None));
    assert!(check.seen.contains("HealthRule is one of"), "{}", check.seen);
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
        let concerned = if matches!(call, "subscribers" | "listing") { 2 } else { 1 };
        assert_eq!(unknown, concerned, "{call}: {checks:?}");
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
