//! The role and every other policy against what the code calls and against the service authorization reference.

use std::collections::BTreeSet;

use bedrock_remediator::iam_action::IamAction;
use serde_json::Value;

use super::read::{statements, template, text, texts};

/// Rights that no adapter uses itself, and who does.
const USED_BY_OTHERS: &[(&str, &str)] = &[
    ("iam:CreateServiceLinkedRole", "Service Quotas, at the first increase request of an account"),
    ("logs:CreateLogStream", "Lambda, for the function's log"),
    ("logs:PutLogEvents", "Lambda, for the function's log"),
    ("sqs:DeleteMessage", "Lambda, for what was handled"),
    ("sqs:GetQueueAttributes", "Lambda, to scale"),
    ("sqs:ReceiveMessage", "Lambda, to fetch batches"),
    ("sqs:SendMessage", "Lambda, to keep asynchronous invocations that failed"),
];

/// The statements of the function's role.
fn of_role(template: &Value) -> Vec<Value> {
    statements(template).into_iter().filter(|(id, _)| id == "FunctionPolicy").map(|(_, s)| s).collect()
}

fn reference() -> Value {
    serde_json::from_str(include_str!("../facts/iam.json")).unwrap()
}

/// What the reference says of `service:Action`; an asterisk at the end stands for the action without it.
fn action<'r>(reference: &'r Value, name: &str) -> Option<&'r Value> {
    let (service, action) = name.split_once(':')?;
    reference["services"][service]["actions"].get(action.trim_end_matches('*'))
}

/// Whether some text fits both patterns, in which an asterisk stands for any text.
fn both_fit(one: &[u8], other: &[u8]) -> bool {
    match (one.split_first(), other.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) if both_fit(rest, other) => true,
        (_, Some((b'*', rest))) if both_fit(one, rest) => true,
        (Some((b'*', _)), Some((_, rest))) => both_fit(one, rest),
        (Some((_, rest)), Some((b'*', _))) => both_fit(rest, other),
        (Some((a, one)), Some((b, other))) => a == b && both_fit(one, other),
        _ => false,
    }
}

/// Whether some ARN fits both: each of the six parts by itself, since no asterisk reaches beyond a colon there.
fn overlap(one: &str, other: &str) -> bool {
    let (mut one, mut other) = (one.splitn(6, ':'), other.splitn(6, ':'));
    (0..6).all(|_| match (one.next(), other.next()) {
        (Some(one), Some(other)) => both_fit(one.as_bytes(), other.as_bytes()),
        _ => false,
    })
}

/// A form of ARN as a pattern: `${Region}` is an asterisk.
fn pattern(form: &str) -> String {
    let mut parts = form.split("${");
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |all, part| all + "*" + part.split_once('}').unwrap().1)
}

#[test]
fn the_role_may_do_what_the_adapters_call_and_nothing_else() {
    let template = template();
    let granted: BTreeSet<String> = of_role(&template).iter().flat_map(|s| texts(&s["Action"])).collect();
    let called = IamAction::of_the_function().map(IamAction::as_str);
    let wanted: BTreeSet<String> =
        called.chain(USED_BY_OTHERS.iter().map(|(action, _)| *action)).map(str::to_owned).collect();
    assert_eq!(granted, wanted);
    let role = &template["Resources"]["FunctionRole"]["Properties"];
    assert!(role.get("ManagedPolicyArns").is_none() && role.get("Policies").is_none());
}

#[test]
fn what_changes_something_is_granted_on_named_resources_only() {
    for statement in of_role(&template()) {
        let reads = texts(&statement["Action"]).iter().all(|action| {
            let name = action.split(':').nth(1).unwrap();
            ["Describe", "Get", "List", "Lookup"].iter().any(|verb| name.starts_with(verb))
        });
        assert!(statement["Resource"] != "*" || reads, "{statement}");
        assert!(!statement["Action"].to_string().contains('*'), "{statement}");
    }
}

#[test]
fn every_action_that_is_granted_or_called_is_in_the_reference() {
    let reference = reference();
    let template = template();
    let granted = statements(&template).into_iter().flat_map(|(_, s)| texts(&s["Action"]));
    let called = IamAction::ALL.iter().map(ToString::to_string);
    let mut known = 0;
    for name in granted.chain(called) {
        // All of a service: the account administers its key, and nobody uses a queue without encryption.
        if ["kms:*", "sqs:*"].contains(&name.as_str()) {
            continue;
        }
        assert!(action(&reference, &name).is_some(), "{name}");
        known += 1;
    }
    assert!(known > 80, "{known}");
    for (service, facts) in reference["services"].as_object().unwrap() {
        let page = facts["page"].as_str().unwrap();
        assert!(page.starts_with("https://docs.aws.amazon.com/service-authorization/"), "{service}");
    }
}

#[test]
fn what_an_action_is_granted_on_is_what_it_can_be_granted_on() {
    let (reference, template) = (reference(), template());
    let mut checked = 0;
    for (id, statement) in statements(&template) {
        // A key's policy speaks of its key, and a role's trust of its role.
        if statement.get("Resource").is_none_or(|r| r == "*" && id == "TopicKey") {
            continue;
        }
        let resources: Vec<String> = match &statement["Resource"] {
            Value::Array(many) => many.iter().map(|r| text(&template, r)).collect(),
            one => vec![text(&template, one)],
        };
        for name in texts(&statement["Action"]).iter().filter(|name| *name != "sqs:*") {
            let facts = action(&reference, name).unwrap();
            let service = &reference["services"][name.split(':').next().unwrap()];
            let types = texts(&facts["resources"]);
            let reads = ["Read", "List"].contains(&facts["access"].as_str().unwrap());
            if resources == ["*"] {
                assert!(types.is_empty() || reads, "{id}: {name} changes something, on everything");
                checked += 1;
                continue;
            }
            let forms = types.iter().map(|t| pattern(service["resources"][t].as_str().unwrap()));
            let forms: Vec<String> = forms.collect();
            let fits = |resource: &String| forms.iter().any(|f| overlap(f, resource));
            assert!(resources.iter().any(fits), "{id}: {name} on {resources:?}, which takes {forms:?}");
            checked += 1;
        }
        // And nothing is named on which none of the actions works.
        for resource in resources.iter().filter(|r| *r != "*") {
            let fits = texts(&statement["Action"]).iter().any(|name| {
                let Some(facts) = action(&reference, name) else { return name == "sqs:*" };
                let service = &reference["services"][name.split(':').next().unwrap()];
                texts(&facts["resources"])
                    .iter()
                    .any(|t| overlap(&pattern(service["resources"][t].as_str().unwrap()), resource))
            });
            assert!(fits, "{id}: {resource}");
        }
    }
    assert!(checked > 50, "{checked}");
}

#[test]
fn arns_of_another_service_or_form_do_not_overlap() {
    let table = pattern("arn:${Partition}:dynamodb:${Region}:${Account}:table/${TableName}");
    let fits = |arn: &str| overlap(&table, arn);
    assert!(fits("arn:aws:dynamodb:us-east-1:111122223333:table/ledger"));
    assert!(fits("arn:*:dynamodb:*:*:table/*"));
    assert!(!fits("arn:aws:dynamodb:us-east-1:111122223333:stream/ledger"));
    assert!(!fits("arn:aws:sqs:us-east-1:111122223333:ledger"));
    assert!(!fits("arn:aws:dynamodb:us-east-1:111122223333:subtable/ledger:table/*"));
    assert!(!fits("arn:aws:dynamodb"));
}

#[test]
fn every_condition_key_is_one_that_the_action_knows() {
    let (reference, template) = (reference(), template());
    let global = texts(&reference["global"]["conditions"]);
    let mut checked = 0;
    for (id, statement) in statements(&template) {
        for keys in statement["Condition"].as_object().into_iter().flatten().map(|(_, keys)| keys) {
            for key in keys.as_object().unwrap().keys() {
                checked += 1;
                if global.contains(key) {
                    continue;
                }
                for name in texts(&statement["Action"]) {
                    let facts = action(&reference, &name).unwrap();
                    assert!(texts(&facts["conditions"]).contains(key), "{id}: {key} of {name}");
                }
            }
        }
    }
    assert!(checked >= 10, "{checked}");
}
