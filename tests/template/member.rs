//! The template of an organization's members against the hub's: they send what the hub reads, and grant what it calls.

use std::collections::BTreeSet;

use bedrock_remediator::iam_action::{HeldOn, IamAction};
use serde_json::{Value, json};

use super::read::{of_type, read, statements, template, text, texts};
use super::rules::{lets_through, patterns, patterns_of, samples};

const MEMBER: &str = include_str!("../../member.yaml");

fn member() -> Value {
    read(MEMBER)
}

/// The statements of the member's role.
fn of_role(member: &Value) -> Vec<Value> {
    statements(member).into_iter().filter(|(id, _)| id == "MemberPolicy").map(|(_, s)| s).collect()
}

#[test]
fn it_is_plain_and_holds_no_code() {
    let member = member();
    assert!(member.get("Transform").is_none(), "service-managed StackSets take no transforms");
    for (id, resource) in member["Resources"].as_object().unwrap() {
        let kind = resource["Type"].as_str().unwrap();
        assert!(!kind.starts_with("AWS::Serverless") && kind != "AWS::Lambda::Function", "{id}");
    }
    assert!(!MEMBER.contains("arn:aws:"), "AWS::Partition everywhere");
}

#[test]
fn it_sends_what_the_hub_takes_and_by_a_role() {
    let (member, hub) = (member(), template());
    let mut own = patterns();
    // The schedule is the hub's.
    own.retain(|id, _| !id.ends_with("TickRule"));
    assert_eq!(patterns_of(&member), own);
    let rules = of_type(&member, "AWS::Events::Rule");
    for (id, rule) in &rules {
        let [target] = &rule["Properties"]["Targets"].as_array().unwrap()[..] else { panic!("{id}") };
        assert_eq!(target["Arn"], json!({ "Ref": "HubBusArn" }), "{id}");
        assert_eq!(target["RoleArn"], json!({ "Fn::GetAtt": "SendingRole.Arn" }), "{id}");
        assert_eq!(target["DeadLetterConfig"]["Arn"], json!({ "Fn::GetAtt": "DeadLetterQueue.Arn" }), "{id}");
        let state = &hub["Resources"][id]["Properties"]["State"];
        assert_eq!(&rule["Properties"]["State"], state, "{id}");
    }
    let taken = &hub["Resources"]["MembersRule"]["Properties"]["EventPattern"];
    let mut sent = 0;
    for (name, event) in samples() {
        if own.values().any(|pattern| lets_through(pattern, &event)) {
            assert!(lets_through(taken, &event), "{name}");
            sent += 1;
        }
    }
    assert!(sent >= 60, "{sent}");
    // Whoever may put events on the bus can choose any other source.
    assert!(texts(&taken["source"]).iter().all(|source| source.starts_with("aws.")), "{taken}");
}

#[test]
fn its_alarms_are_the_hubs() {
    let (member, hub) = (member(), template());
    let models = |template: &Value| -> Vec<(String, Value)> {
        let alarms = of_type(template, "AWS::CloudWatch::Alarm").into_iter();
        let named = alarms.map(|(id, alarm)| (id.to_owned(), alarm.clone()));
        named.filter(|(_, alarm)| alarm["Properties"]["AlarmName"].to_string().contains("-models-")).collect()
    };
    assert_eq!(models(&member), models(&hub));
    assert_eq!(models(&member).len(), of_type(&member, "AWS::CloudWatch::Alarm").len());
}

#[test]
fn its_role_grants_what_is_called_in_an_account_and_trusts_the_function_and_the_role_that_the_owner_names() {
    let member = member();
    let granted: BTreeSet<String> = of_role(&member).iter().flat_map(|s| texts(&s["Action"])).collect();
    let of_members = IamAction::of_the_function().filter(|action| {
        !matches!(
            action.held_on(),
            Some(HeldOn::Table | HeldOn::Topic | HeldOn::Members | HeldOn::Places) | None
        )
    });
    let mut wanted: BTreeSet<String> = of_members.map(|action| action.to_string()).collect();
    // Of Service Quotas, at the first request of an account.
    wanted.insert("iam:CreateServiceLinkedRole".to_owned());
    assert_eq!(granted, wanted);
    let trust = &member["Resources"]["MemberRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"];
    let [hub, people] = &trust.as_array().unwrap()[..] else { panic!("{trust}") };
    let no_value = json!({ "Ref": "AWS::NoValue" });
    let [condition, people, otherwise] = &people["Fn::If"].as_array().unwrap()[..] else {
        panic!("{people}")
    };
    assert_eq!((condition, otherwise), (&json!("HasPeopleRole"), &no_value));
    assert_eq!(member["Parameters"]["PeopleRoleArn"]["Default"], json!(""));
    for (trusted, role) in [(hub, "HubRoleArn"), (people, "PeopleRoleArn")] {
        assert_eq!(trusted["Principal"], json!({ "AWS": { "Ref": role } }));
        assert_eq!(trusted["Action"], json!("sts:AssumeRole"));
        let held = &trusted["Condition"]["StringEquals"];
        assert_eq!(held["aws:PrincipalOrgID"], json!({ "Ref": "OrganizationId" }));
        let external = json!({ "Fn::If": ["HasExternalId", { "Ref": "ExternalId" }, no_value] });
        assert_eq!(held["sts:ExternalId"], external);
    }
}

#[test]
fn an_owner_can_take_the_right_to_request_from_the_hub() {
    let member = member();
    let statements = &member["Resources"]["MemberPolicy"]["Properties"]["PolicyDocument"]["Statement"];
    let mut vetoed = 0;
    for statement in statements.as_array().unwrap() {
        let changes = ["RequestServiceQuotaIncrease", "CreateServiceLinkedRole"];
        let changes = changes.iter().any(|action| statement.to_string().contains(action));
        assert_eq!(changes, statement["Fn::If"][0] == "MayRequest", "{statement}");
        vetoed += usize::from(changes);
    }
    assert_eq!(vetoed, 2);
    assert_eq!(member["Conditions"]["MayRequest"], json!({ "Fn::Equals": [{ "Ref": "Mode" }, "request"] }));
}

#[test]
fn the_bus_takes_events_of_the_organization_alone_and_the_role_enters_no_other_account() {
    let hub = template();
    let bus = &hub["Resources"]["MembersBusPolicy"]["Properties"]["Statement"];
    assert_eq!(
        bus["Condition"],
        json!({ "StringEquals": { "aws:PrincipalOrgID": { "Ref": "OrganizationId" } } })
    );
    let of_function = statements(&hub).into_iter().filter(|(id, _)| id == "FunctionPolicy");
    let enters = of_function.map(|(_, s)| s).find(|s| s["Action"] == "sts:AssumeRole").unwrap();
    assert_eq!(
        enters["Condition"],
        json!({ "StringEquals": { "aws:ResourceOrgID": { "Ref": "OrganizationId" } } })
    );
    assert!(text(&hub, &enters["Resource"]).ends_with(":iam::*:role/bedrock-remediator-member"));
    for (id, resource) in hub["Resources"].as_object().unwrap() {
        if id.starts_with("Members") {
            assert_eq!(resource["Condition"], "HasOrganization", "{id}");
        }
    }
}
