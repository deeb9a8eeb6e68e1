//! Stories of an organization: for whom an event may speak, and which calls are the function's own.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use crate::investigation::{DENIED, LITE, alarm_of, found};
use crate::support::story::*;
use bedrock_remediator::error::ServiceResult;
use bedrock_remediator::event::{Signal, read};
use std::process::Command;

use bedrock_remediator::config::{Config, Mode};
use bedrock_remediator::identity::{FunctionIdentity, Organization};
use bedrock_remediator::ids::{AccountId, Region};
use bedrock_remediator::incident::record::State;
use bedrock_remediator::notice::Notice;
use bedrock_remediator::operate;
use bedrock_remediator::plan::Reason;
use bedrock_remediator::quota::request::RequestStatus;
use bedrock_remediator::run::context::{RunContext, TimeBudget};
use bedrock_remediator::run::forecast::ForecastReport;
use bedrock_remediator::run::handler::{DeliveryReport, handle};
use bedrock_remediator::run::sweep::sweep;
use bedrock_remediator::sandbox::{RoleWord, Sandbox, WorldFile};
use jiff::SignedDuration;
use serde_json::{Value, json};

pub(crate) const HUB: &str = "999988887777";
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
        Signal::Ignored(why) => Err(why.reason.clone()),
    }
}

/// The sample with another value at `path`.
fn with(name: &str, path: &str, value: &str) -> Value {
    let mut event: Value = serde_json::from_str(&sample(name)).unwrap();
    *event.pointer_mut(path).unwrap() = json!(value);
    event
}

/// As the queue of a rule delivers it.
pub(crate) fn in_queue(event: &Value) -> String {
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

/// The sample's account, whose quota is full, as the file describes a member.
fn busy_member() -> Value {
    serde_json::from_str(&sample("throttle-tokens.world.json")).unwrap()
}

/// A hub with the members `accounts`. Nothing is described in the hub's own account.
fn organization(accounts: &Value) -> Sandbox {
    let file = json!({ "account": HUB, "region": "us-east-1", "accounts": accounts });
    sandbox(WorldFile::parse(&file.to_string()).unwrap())
}

pub(crate) fn at_hub<T>(work: impl AsyncFnOnce(&RunContext<'_>) -> T) -> T {
    at_hub_with(&Config::default(), &hub(), work)
}

fn at_hub_with<T>(
    config: &Config,
    home: &FunctionIdentity,
    work: impl AsyncFnOnce(&RunContext<'_>) -> T,
) -> T {
    block_on(work(&RunContext { config, home, allowance: ALLOWANCE }))
}

fn deliver_to_hub(world: &Sandbox, event: &Value) -> DeliveryReport {
    at_hub(async |terms| handle(world, terms, in_queue(event).as_bytes()).await.unwrap())
}

fn throttled() -> Value {
    serde_json::from_str(&sample("throttle-tokens.json")).unwrap()
}

/// The accounts and Regions that answered a call.
fn answered(world: &Sandbox) -> Vec<String> {
    world.answered().keys().map(|place| format!("{} {}", place.account, place.region)).collect()
}

/// The first mail, as one line.
fn first_mail(world: &Sandbox) -> String {
    mail(world, 0)
}

/// The nth mail, from 0, as one line.
fn mail(world: &Sandbox, n: usize) -> String {
    world.published()[n].mail().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn requests_in(world: &Sandbox, account: &str) -> usize {
    world.in_member(&AccountId::parse(account).unwrap(), |member| member.increase_requests().len())
}

#[test]
fn a_members_throttle_is_looked_into_filed_and_followed_in_its_account_and_region() {
    let world = organization(&json!({ MEMBER: busy_member(), ANOTHER: busy_member() }));
    let report = deliver_to_hub(&world, &throttled());
    assert_eq!(withheld(&report), []);
    assert_eq!((requests_in(&world, MEMBER), requests_in(&world, ANOTHER)), (1, 0));
    assert_eq!(world.increase_requests().len(), 0, "the hub's own account");
    world.in_member(&AccountId::parse(MEMBER).unwrap(), |member| {
        member.decide(&member.increase_requests()[0].id, RequestStatus::Approved, Some(8e6));
    });
    world.pass(SignedDuration::from_hours(1));
    at_hub(async |terms| sweep(&world, terms).await.unwrap());
    assert_eq!(kinds(&world), ["opened", "outcome"]);
    assert!(world.published().iter().all(|notice| notice.account == AccountId::parse(MEMBER)));
    // The sweep's daily look at use is the hub's own.
    assert_eq!(answered(&world), [format!("{MEMBER} us-east-1"), format!("{HUB} us-east-1")]);
}

#[test]
fn each_region_of_a_member_is_asked_for_itself() {
    let world = organization(&json!({ MEMBER: busy_member() }));
    let mut event = with("throttle-tokens.json", "/region", "us-west-2");
    event["detail"]["awsRegion"] = json!("us-west-2");
    let report = deliver_to_hub(&world, &event);
    assert_eq!(answered(&world), [format!("{MEMBER} us-west-2")]);
    // The file describes no use there.
    assert_eq!((withheld(&report).len(), requests_in(&world, MEMBER)), (1, 0));
}

#[test]
fn a_forged_detail_a_published_event_and_the_functions_own_call_cause_no_call_and_no_notice() {
    let forged = with("throttle-tokens.json", "/detail/recipientAccountId", ANOTHER);
    let published = json!({ "Type": "Notification", "TopicArn": "arn:aws:sns:us-east-1:999988887777:t",
        "Message": throttled().to_string() });
    let mut own_call = throttled();
    own_call["detail"]["userIdentity"] = json!({ "type": "AssumedRole", "accountId": MEMBER,
        "arn": format!("arn:aws:sts::{MEMBER}:assumed-role/{ROLE}/bedrock-remediator") });
    for (name, event, unvouched) in
        [("forged", forged, 1), ("published", published, 1), ("own call", own_call, 0)]
    {
        let world = organization(&json!({ MEMBER: busy_member(), ANOTHER: busy_member() }));
        let report = deliver_to_hub(&world, &event);
        assert_eq!((report.incidents.len(), report.items[0].unvouched), (0, unvouched), "{name}");
        assert_eq!((answered(&world), world.calls().len()), (vec![], 0), "{name}");
    }
}

#[test]
fn the_member_roles_own_errors_are_not_behind_a_members_alarm() {
    let alarm: Value = serde_json::from_str(&alarm_of("InvocationClientErrors", LITE)).unwrap();
    for (role, is_found) in [(ROLE, false), ("checkout-api", true)] {
        let error = found(LITE, "14:31:00", "AccessDeniedException", DENIED, role);
        let world = organization(&json!({ MEMBER: { "errors": [error] }, ANOTHER: { "errors": [] } }));
        deliver_to_hub(&world, &alarm);
        let named = world.published().iter().any(|notice| notice.cause.unwrap().as_str() != "unknown");
        assert_eq!((named, answered(&world)), (is_found, vec![format!("{MEMBER} us-east-1")]), "{role}");
    }
}

#[test]
fn a_role_that_an_event_names_opens_no_other_account() {
    // The caller came from another account, and is named with all its ARNs.
    let text = sample("permission-identity-policy.json");
    let mut event: Value = serde_json::from_str(&text).unwrap();
    let foreign = event["detail"]["userIdentity"].to_string().replace(MEMBER, ANOTHER);
    event["detail"]["userIdentity"] = serde_json::from_str(&foreign).unwrap();
    event["detail"]["resources"] =
        json!([{ "accountId": ANOTHER, "ARN": format!("arn:aws:iam::{ANOTHER}:role/admin") }]);
    let world = organization(&json!({ MEMBER: {}, ANOTHER: {} }));
    let report = deliver_to_hub(&world, &event);
    assert_eq!(report.incidents.len(), 1);
    assert_eq!(answered(&world), [format!("{MEMBER} us-east-1")]);
}

#[test]
fn a_member_that_cannot_be_entered_answers_nothing_and_the_notice_says_why() {
    for (role, said) in [
        ("missing", "it does not exist, does not trust this function, or is outside the organization"),
        ("denied-by-scp", "a service control policy denies `sts:AssumeRole`"),
        ("denied-by-rcp", "a resource control policy denies `sts:AssumeRole`"),
        ("region-off", "STS is switched off for that account in this Region"),
    ] {
        let mut member = busy_member();
        member["role"] = json!(role);
        let world = organization(&json!({ MEMBER: member, ANOTHER: busy_member() }));
        let report = deliver_to_hub(&world, &throttled());
        assert_eq!(withheld(&report), [Reason::NoEvidence], "{role}");
        assert_eq!((answered(&world), requests_in(&world, MEMBER)), (vec![], 0), "{role}");
        let mail = first_mail(&world);
        let named = format!("arn:aws:iam::{MEMBER}:role/{ROLE}` cannot be assumed: {said}");
        assert!(mail.contains(&named), "{role}: {mail}");
        let step = &world.published()[0].next_steps[0].text;
        assert!(step.starts_with("Let the function enter the account") && step.contains(said), "{step}");
    }
}

#[test]
fn an_opt_in_region_that_a_member_has_not_enabled_answers_nothing_and_the_notice_says_why() {
    let mut member = busy_member();
    member["regions_off"] = json!(["eu-south-1"]);
    let world = organization(&json!({ MEMBER: member }));
    let event: Value =
        serde_json::from_str(&throttled().to_string().replace("us-east-1", "eu-south-1")).unwrap();
    let report = deliver_to_hub(&world, &event);
    assert_eq!((withheld(&report), answered(&world)), (vec![Reason::NoEvidence], vec![]));
    assert!(first_mail(&world).contains("the account may not have enabled the Region"));
    let step = &world.published()[0].next_steps[0].text;
    assert!(step.starts_with("Check that the account has enabled the Region"), "{step}");
    // Its other Regions answer.
    deliver_to_hub(&world, &throttled());
    assert_eq!((answered(&world), requests_in(&world, MEMBER)), (vec![format!("{MEMBER} us-east-1")], 1));
}

#[test]
fn an_account_that_has_left_is_followed_for_a_month_and_not_for_ever() {
    let world = organization(&json!({ MEMBER: busy_member() }));
    deliver_to_hub(&world, &throttled());
    let account = AccountId::parse(MEMBER).unwrap();
    world.in_member(&account, |member| {
        member.decide(&member.increase_requests()[0].id, RequestStatus::Approved, Some(8e6));
    });
    world.pass(SignedDuration::from_hours(1));
    at_hub(async |terms| sweep(&world, terms).await.unwrap());
    world.set_role(&account, RoleWord::Missing);
    for _ in 0..45 {
        world.pass(SignedDuration::from_hours(24));
        at_hub(async |terms| sweep(&world, terms).await.unwrap());
    }
    let told = world.published();
    let days = |notice: &Notice| notice.title.starts_with("AWS does not answer");
    assert_eq!(told.iter().filter(|notice| days(notice)).count(), 5, "{:?}", kinds(&world));
    let last = told.last().unwrap();
    assert!(last.title.starts_with("No longer followed: "), "{}", last.title);
    assert!(last.summary.contains("no error has arrived since 2026-"), "{}", last.summary);
    assert!(world.incidents().iter().all(|row| row.record.state == State::Closed));
    // The next error opens it again.
    world.mend_member(&account);
    let before = world.published().len();
    deliver_to_hub(&world, &throttled());
    assert!(world.published().len() > before);
}

#[test]
fn an_account_outside_the_organization_is_not_entered() {
    // The bus takes no events of such an account, so this one comes after the account has left.
    let mut event: Value =
        serde_json::from_str(&throttled().to_string().replace(MEMBER, "222233334444")).unwrap();
    event["account"] = json!("222233334444");
    let world = organization(&json!({ MEMBER: busy_member() }));
    let report = deliver_to_hub(&world, &event);
    assert_eq!((withheld(&report), answered(&world)), (vec![Reason::NoEvidence], vec![]));
    let mail = first_mail(&world);
    assert!(mail.contains("222233334444:role/bedrock-remediator-member` cannot be assumed"), "{mail}");
}

#[test]
fn explain_answers_a_members_event_from_the_members_facts() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("organization");
    std::fs::create_dir_all(&folder).unwrap();
    let explained = |name: &str, accounts: &Value| -> Value {
        let world = folder.join(format!("{name}.json"));
        std::fs::write(&world, json!({ "account": HUB, "accounts": accounts }).to_string()).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_bedrock-remediator"));
        command.args(["explain", "--json", "--world"]).arg(&world);
        let event = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("events/throttle-tokens.json");
        let output = command.arg(event).output().unwrap();
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let filed = explained("filed", &json!({ MEMBER: busy_member() }));
    assert_eq!(filed["incidents"][0]["account"], json!(MEMBER));
    assert_eq!(filed["incidents"][0]["actions"][0]["type"], json!("request-increase"));
    let mut refused = busy_member();
    refused["role"] = json!("denied-by-scp");
    let refused = explained("refused", &json!({ MEMBER: refused }));
    let reason = refused["incidents"][0]["withheld"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("a service control policy denies `sts:AssumeRole`"), "{reason}");
}

/// The throttle of another account.
fn throttled_in(account: &str) -> Value {
    serde_json::from_str(&throttled().to_string().replace(MEMBER, account)).unwrap()
}

#[test]
fn all_accounts_of_an_organization_share_a_daily_limit() {
    let accounts = [MEMBER, ANOTHER, "222233334444"];
    let members: serde_json::Map<String, Value> =
        accounts.iter().map(|account| ((*account).to_owned(), busy_member())).collect();
    let filed = |config: &Config, home: &FunctionIdentity| {
        let world = organization(&Value::Object(members.clone()));
        let reports = accounts.map(|account| {
            let payload = in_queue(&throttled_in(account));
            let handled =
                at_hub_with(config, home, async |terms| handle(&world, terms, payload.as_bytes()).await);
            handled.unwrap()
        });
        (accounts.map(|account| requests_in(&world, account)), world, reports)
    };
    let config = Config { max_increases_per_day_organization: 2, ..Config::default() };
    let (requests, world, reports) = filed(&config, &hub());
    assert_eq!((requests, withheld(&reports[2])), ([1, 1, 0], vec![Reason::DailyLimit]));
    let mail = mail(&world, 2);
    let said = "2 requests were filed in all accounts of the organization together within 24 hours";
    assert!(mail.contains(said), "{mail}");
    // Without an organization the limit counts nothing.
    let config = Config { max_increases_per_day_organization: 0, ..Config::default() };
    let alone = FunctionIdentity { organization: None, ..hub() };
    assert_eq!(filed(&config, &alone).0, [1, 1, 1]);
}

#[test]
fn a_request_that_is_refused_leaves_its_place_to_another_account() {
    let mut world = json!({ "account": HUB, "region": "us-east-1",
        "accounts": { MEMBER: busy_member(), ANOTHER: busy_member() } });
    world["faults"] = json!([{ "call": "request_increase", "nth": 1, "kind": "denied" }]);
    let world = sandbox(WorldFile::parse(&world.to_string()).unwrap());
    let config = Config { max_increases_per_day_organization: 1, ..Config::default() };
    deliver_under(&world, &config, MEMBER);
    deliver_under(&world, &config, ANOTHER);
    assert_eq!((requests_in(&world, MEMBER), requests_in(&world, ANOTHER)), (0, 1));
}

#[test]
fn a_request_that_a_function_died_before_filing_is_counted_once() {
    let config = Config { max_increases_per_day_organization: 2, ..Config::default() };
    let home = hub();
    let terms = RunContext { config: &config, home: &home, allowance: ALLOWANCE };
    let payload = in_queue(&throttled());
    let died = (1..300).find_map(|polls| {
        let world = organization(&json!({ MEMBER: busy_member(), ANOTHER: busy_member() }));
        crash_after(polls, handle(&world, &terms, payload.as_bytes()));
        let is_reserved = world.incidents().iter().any(|row| row.record.followed.is_some());
        (is_reserved && requests_in(&world, MEMBER) == 0).then_some(world)
    });
    let world = died.unwrap();
    world.pass(SignedDuration::from_mins(30));
    block_on(sweep(&world, &terms)).unwrap();
    assert_eq!(requests_in(&world, MEMBER), 1, "it is filed by the next function");
    deliver_under(&world, &config, ANOTHER);
    assert_eq!(requests_in(&world, ANOTHER), 1, "the second place is free");
}

/// The guard rails with these settings of single accounts.
fn with_accounts(accounts: &Value) -> Config {
    Config::from_vars(|name| (name == "ACCOUNTS").then(|| accounts.to_string())).unwrap()
}

fn deliver_under(world: &Sandbox, config: &Config, account: &str) -> DeliveryReport {
    let payload = in_queue(&throttled_in(account));
    at_hub_with(config, &hub(), async |terms| handle(world, terms, payload.as_bytes()).await.unwrap())
}

#[test]
fn an_accounts_own_guard_rails_hold_in_that_account_alone() {
    for (settings, reason) in [
        (json!({ "mode": "observe" }), Reason::ObserveMode),
        (json!({ "max_increases_per_day": 0 }), Reason::DailyLimit),
    ] {
        let world = organization(&json!({ MEMBER: busy_member(), ANOTHER: busy_member() }));
        let config = with_accounts(&json!({ MEMBER: settings }));
        assert_eq!(withheld(&deliver_under(&world, &config, MEMBER)), [reason]);
        assert_eq!(withheld(&deliver_under(&world, &config, ANOTHER)), []);
        assert_eq!((requests_in(&world, MEMBER), requests_in(&world, ANOTHER)), (0, 1), "{reason}");
        // The hub's mode may be the stricter one.
        let world = organization(&json!({ MEMBER: busy_member(), ANOTHER: busy_member() }));
        let config =
            Config { mode: Mode::Observe, ..with_accounts(&json!({ ANOTHER: { "mode": "request" } })) };
        assert_eq!(withheld(&deliver_under(&world, &config, MEMBER)), [Reason::ObserveMode]);
        assert_eq!(withheld(&deliver_under(&world, &config, ANOTHER)), []);
    }
}

#[test]
fn a_person_lifts_the_observe_mode_of_an_account_and_not_its_daily_limit() {
    for (settings, filed) in
        [(json!({ "mode": "observe" }), 1), (json!({ "mode": "observe", "max_increases_per_day": 0 }), 0)]
    {
        let world = organization(&json!({ MEMBER: busy_member() }));
        let config = with_accounts(&json!({ MEMBER: settings }));
        let id = deliver_under(&world, &config, MEMBER).incidents[0].incident.id.clone();
        at_hub_with(&config, &hub(), async |terms| operate::approve(&world, terms, &id).await.unwrap());
        assert_eq!(requests_in(&world, MEMBER), filed, "{settings}");
    }
}

#[test]
fn the_name_and_the_owner_of_an_account_are_in_its_notices() {
    let world = organization(&json!({ MEMBER: busy_member(), ANOTHER: busy_member() }));
    let config = with_accounts(&json!({ MEMBER: { "name": "payments-prod", "owner": "team-pay" } }));
    deliver_under(&world, &config, MEMBER);
    deliver_under(&world, &config, ANOTHER);
    let said = "Account 111122223333 is payments-prod. Its owner is team-pay.";
    assert!(mail(&world, 0).contains(said) && !mail(&world, 1).contains("owner"), "{}", mail(&world, 0));
    let of = |n: usize, name: &str| world.messages()[n].attributes.get(name).cloned();
    assert_eq!(of(0, "account_name"), Some(vec!["payments-prod".to_owned()]));
    assert_eq!(of(0, "account_owner"), Some(vec!["team-pay".to_owned()]));
    assert_eq!((of(1, "account_name"), of(1, "account_owner")), (None, None));
    let machine: Value = serde_json::to_value(&world.published()[0]).unwrap();
    assert_eq!(machine["account_owner"], json!("team-pay"));
    // A later look says it as well.
    world.in_member(&AccountId::parse(MEMBER).unwrap(), |member| {
        member.decide(&member.increase_requests()[0].id, RequestStatus::Approved, Some(8e6));
    });
    world.pass(SignedDuration::from_hours(1));
    at_hub_with(&config, &hub(), async |terms| sweep(&world, terms).await.unwrap());
    let outcome = world.published().into_iter().find(|notice| notice.kind.to_string() == "outcome").unwrap();
    assert_eq!(outcome.account_name.as_deref(), Some("payments-prod"));
}

#[test]
fn a_digest_of_several_accounts_names_the_account_of_each_incident() {
    let accounts: Vec<String> = (0..12).map(|n| format!("2222333300{n:02}")).collect();
    let members: serde_json::Map<String, Value> =
        accounts.iter().map(|account| (account.clone(), busy_member())).collect();
    let world = organization(&Value::Object(members));
    let named = json!({ "222233330011": { "name": "payments-prod", "owner": "team-pay" } });
    // The news of a request is never part of a digest.
    let config = Config { mode: Mode::Observe, ..with_accounts(&named) };
    for account in &accounts {
        deliver_under(&world, &config, account);
    }
    at_hub_with(&config, &hub(), async |terms| sweep(&world, terms).await.unwrap());
    let digest = world.published().into_iter().find(|notice| notice.kind.to_string() == "digest").unwrap();
    let mail = digest.mail().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(mail.contains(", account 222233330010"), "{mail}");
    assert!(mail.contains(", account 222233330011 (payments-prod)"), "{mail}");
    assert_eq!((digest.account_name, digest.account), (None, None));
    let sent = world.messages().pop().unwrap();
    assert_eq!(sent.attributes["account_owner"], ["team-pay"]);
}

#[test]
fn bad_settings_of_accounts_are_all_named_at_the_start() {
    let bad = json!({ "4444": {}, MEMBER: { "mode": "dry-run" }, ANOTHER: { "name": "fine" } }).to_string();
    let bad = Config::from_vars(|name| (name == "ACCOUNTS").then(|| bad.clone())).unwrap_err().to_string();
    assert!(bad.contains("ACCOUNTS: account 111122223333: `mode` is `dry-run`"), "{bad}");
    assert!(bad.contains("`4444` is no account id") && !bad.contains(ANOTHER), "{bad}");
}

/// A member that uses 98 % of its quota. AWS refuses none of its calls.
fn member_near_a_quota() -> Value {
    let mut member = busy_member();
    for usage in member["usage"].as_array_mut().unwrap() {
        usage["last"]["each"]["throttles"] = json!(0);
    }
    member
}

#[test]
fn the_daily_watch_looks_into_members_that_were_heard_and_into_no_others() {
    let world = organization(&json!({ MEMBER: member_near_a_quota(), ANOTHER: member_near_a_quota() }));
    // A denial is no reason to look at quotas, and the account is heard.
    let denied: Value = serde_json::from_str(&sample("permission-identity-policy.json")).unwrap();
    deliver_to_hub(&world, &denied);
    let swept = at_hub(async |terms| sweep(&world, terms).await.unwrap());
    let looked: Vec<_> = swept.members.iter().map(|(place, _)| place.account.as_str()).collect();
    assert_eq!(looked, [MEMBER]);
    let seen = swept.members[0].1.as_ref().unwrap();
    assert!(seen.failed.is_empty() && !seen.quotas.is_empty(), "{seen:?}");
    assert!(!answered(&world).contains(&format!("{ANOTHER} us-east-1")));
    // Once a day.
    for (hours, members) in [(1, 0), (22, 0), (2, 1)] {
        world.pass(SignedDuration::from_hours(hours));
        let swept = at_hub(async |terms| sweep(&world, terms).await.unwrap());
        assert_eq!(swept.members.len(), members, "{hours} hours later");
    }
}

#[test]
fn a_member_that_the_watch_cannot_enter_does_not_keep_it_from_the_others() {
    let mut shut = busy_member();
    shut["role"] = json!("missing");
    let world = organization(&json!({ MEMBER: shut, ANOTHER: busy_member() }));
    for account in [MEMBER, ANOTHER] {
        let denied = sample("permission-identity-policy.json").replace(MEMBER, account);
        deliver_to_hub(&world, &serde_json::from_str(&denied).unwrap());
    }
    let swept = at_hub(async |terms| sweep(&world, terms).await.unwrap());
    let read: Vec<_> =
        swept.members.iter().map(|(place, seen)| (place.account.as_str(), seen.is_ok())).collect();
    assert_eq!(read, [(MEMBER, false), (ANOTHER, true)]);
}

#[test]
fn the_watch_of_members_goes_on_in_an_hour_if_the_time_is_up() {
    let accounts: Vec<String> = (0..30).map(|n| format!("2222333300{n:02}")).collect();
    let members: serde_json::Map<String, Value> =
        accounts.iter().map(|account| (account.clone(), busy_member())).collect();
    let world = organization(&Value::Object(members));
    for account in &accounts {
        let denied = sample("permission-identity-policy.json").replace(MEMBER, account);
        deliver_to_hub(&world, &serde_json::from_str(&denied).unwrap());
    }
    world.set_latency(SignedDuration::from_millis(200));
    let mut looked = Vec::new();
    for _ in 0..12 {
        let until = world.time() + SignedDuration::from_secs(40);
        let allowance = TimeBudget { until, ..ALLOWANCE };
        let (config, home) = (Config::default(), hub());
        let terms = RunContext { config: &config, home: &home, allowance };
        let swept = block_on(sweep(&world, &terms)).unwrap();
        let is_whole =
            |seen: &ServiceResult<ForecastReport>| seen.as_ref().is_ok_and(|seen| seen.failed.is_empty());
        looked.push(swept.members.iter().filter(|(_, seen)| is_whole(seen)).count());
        world.pass(SignedDuration::from_hours(1));
    }
    assert!(looked[0] < 30 && looked[1] > 0, "{looked:?}");
    assert_eq!(looked.iter().sum::<usize>(), 30, "each once: {looked:?}");
}

#[test]
fn doctor_says_into_which_members_the_function_can_look_and_what_lets_it_in() {
    let mut off = busy_member();
    off["regions_off"] = json!(["us-east-1"]);
    let mut shut = busy_member();
    shut["role"] = json!("denied-by-scp");
    let named = json!({ "222233334444": { "name": "sandbox" }, MEMBER: {}, ANOTHER: {} }).to_string();
    let world = json!({ "account": HUB, "region": "us-east-1", "config": { "ACCOUNTS": named },
        "accounts": { MEMBER: busy_member(), ANOTHER: shut, "222233334444": off } });
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("doctor-organization.json");
    std::fs::write(&file, world.to_string()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_bedrock-remediator"));
    let output = command.args(["doctor", "--organization", "--json", "--world"]).arg(&file).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let entry = |account: &str| {
        let of_it = lines.iter().find(|line| line["account"] == json!(account)).unwrap();
        of_it["checks"][0].clone()
    };
    assert_eq!(entry(MEMBER)["finding"], json!("good"));
    let denied = entry(ANOTHER);
    assert!(denied["seen"].as_str().unwrap().contains("a service control policy denies `sts:AssumeRole`"));
    assert!(denied["mend"].as_str().unwrap().contains("create-stack-instances"));
    let off = entry("222233334444");
    assert_eq!(off["finding"], json!("missing"));
    assert!(off["mend"].as_str().unwrap().starts_with("aws account enable-region --account-id 222233334444"));
}
