//! Stories of an organization: for whom an event may speak, and which calls are the function's own.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use crate::support::story::*;
use bedrock_remediator::event::{Signal, read};
use bedrock_remediator::identity::{FunctionIdentity, Organization};
use bedrock_remediator::ids::{AccountId, Region};
use serde_json::{Value, json};

const HUB: &str = "999988887777";
const MEMBER: &str = "111122223333";
const ANOTHER: &str = "444455556666";
const ROLE: &str = "bedrock-remediator-member";

fn hub() -> FunctionIdentity {
    FunctionIdentity {
        account: AccountId::parse(HUB),
        region: Region::parse("us-east-1"),
        role: Some(format!("arn:aws:iam::{HUB}:role/remediator")),
        organization: Some(Organization {
            id: "o-a1b2c3d4e5".to_owned(),
            member_role: ROLE.to_owned(),
            external_id: None,
        }),
        ..FunctionIdentity::default()
    }
}

/// The account of the payload's only signal, or why the signal is ignored.
fn account(payload: &str, home: &FunctionIdentity) -> Result<String, String> {
    let delivery = read(payload.as_bytes(), home).unwrap();
    let signals = delivery.items[0].read.clone().unwrap();
    let [signal] = &signals[..] else { panic!("{signals:?}") };
    match signal {
        Signal::Error(error) => Ok(error.account.clone().unwrap().to_string()),
        Signal::Alarm(alarm) => Ok(alarm.account.clone().unwrap().to_string()),
        Signal::QuotaChange(change) => Ok(change.account.clone().unwrap().to_string()),
        Signal::Tick { .. } => panic!("a tick"),
        Signal::Ignored(why) => Err(why.0.clone()),
    }
}

/// The sample with another value at `path`.
fn with(name: &str, path: &str, value: &str) -> Value {
    let mut event: Value = serde_json::from_str(&sample(name)).unwrap();
    *event.pointer_mut(path).unwrap() = json!(value);
    event
}

/// As the queue of a rule delivers it.
fn in_queue(event: &Value) -> String {
    json!({ "Records": [{ "messageId": "1", "eventSource": "aws:sqs", "body": event.to_string() }] })
        .to_string()
}

#[test]
fn eventbridge_vouches_for_the_account_in_its_envelope() {
    for name in ["throttle-tokens", "alarm-throttles", "alarm-own-models", "quota-request-closed"] {
        let event: Value = serde_json::from_str(&sample(&format!("{name}.json"))).unwrap();
        assert_eq!(account(&in_queue(&event), &hub()).as_deref(), Ok(MEMBER), "{name}");
    }
}

#[test]
fn a_forged_detail_does_not_speak_for_another_account() {
    let forged = with("throttle-tokens.json", "/detail/recipientAccountId", ANOTHER);
    let why = account(&in_queue(&forged), &hub()).unwrap_err();
    assert!(why.contains(ANOTHER) && why.contains("delivered it from another"), "{why}");
    // Without an organization, nothing is done for another account, and its error is news all the same.
    let alone = FunctionIdentity { organization: None, ..hub() };
    assert_eq!(account(&in_queue(&forged), &alone).as_deref(), Ok(ANOTHER));
}

#[test]
fn what_somebody_published_speaks_for_the_functions_own_account_only() {
    let event: Value = serde_json::from_str(&sample("throttle-tokens.json")).unwrap();
    let published = |event: &Value| {
        in_queue(&json!({ "Type": "Notification", "TopicArn": "arn:aws:sns:us-east-1:999988887777:t",
            "Message": event.to_string() }))
    };
    let why = account(&published(&event), &hub()).unwrap_err();
    assert!(why.contains("only EventBridge vouches"), "{why}");
    assert_eq!(account(&published(&own(&event)), &hub()).as_deref(), Ok(HUB));
    for name in ["alarm-sns.json", "cloudtrail-bare.json"] {
        let why = account(&sample(name), &hub()).unwrap_err();
        assert!(why.contains("only EventBridge vouches"), "{name}: {why}");
    }
}

/// The event as it would be in the hub's own account.
fn own(event: &Value) -> Value {
    serde_json::from_str(&event.to_string().replace(MEMBER, HUB)).unwrap()
}

#[test]
fn the_member_role_is_the_function_in_its_own_account_alone() {
    let called_by = |account: &str, role: &str| {
        let mut event: Value = serde_json::from_str(&sample("throttle-tokens.json")).unwrap();
        event["detail"]["userIdentity"] = json!({ "type": "AssumedRole",
            "arn": format!("arn:aws:sts::{account}:assumed-role/{role}/bedrock-remediator"), "accountId": account });
        in_queue(&event)
    };
    for (account_of_role, role, is_own) in
        [(MEMBER, ROLE, true), (HUB, "remediator", true), (ANOTHER, ROLE, false), (MEMBER, "checkout", false)]
    {
        let found = account(&called_by(account_of_role, role), &hub());
        assert_eq!(found.is_err(), is_own, "{account_of_role} {role}: {found:?}");
    }
}

#[test]
fn bad_settings_of_an_organization_stop_the_start() {
    use bedrock_remediator::config::Settings;
    let settings = |pairs: &[(&str, &str)]| {
        let base = [("TOPIC_ARN", "arn:aws:sns:us-east-1:999988887777:people"), ("TABLE_NAME", "ledger")];
        let all: Vec<(String, String)> =
            base.iter().chain(pairs).map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Settings::from_vars(move |name| all.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone()))
    };
    assert_eq!(settings(&[]).unwrap().organization, None);
    let organization = settings(&[("ORGANIZATION_ID", "o-a1b2c3d4e5")]).unwrap().organization.unwrap();
    assert_eq!((organization.member_role.as_str(), organization.external_id), (ROLE, None));
    for (name, value) in [("ORGANIZATION_ID", "111122223333"), ("MEMBER_ROLE_NAME", "path/role")] {
        let error = settings(&[(name, value)]).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains(value), "{error}");
    }
}
