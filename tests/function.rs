//! The real binary, between a Runtime API and AWS's endpoints on loopback: what it does must be what the
//! handler does on the embedded world.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::Duration;

use crate::support::canary::{assert_clean, quoted, sources};
use crate::support::cloud::{ACCOUNT, Cloud, REGION};
use crate::support::lambda::{Lambda, Reply};
use crate::support::tls::Authority;
use bedrock_remediator::aws::batch_response;
use bedrock_remediator::config::{Config, Mode};
use bedrock_remediator::iam_action::IamAction;
use bedrock_remediator::identity::FunctionIdentity;
use bedrock_remediator::ids::{AccountId, Region};
use bedrock_remediator::model::access::Availability;
use bedrock_remediator::operate::doctor::{ALARMS, RULES};
use bedrock_remediator::quota::request::RequestStatus;
use bedrock_remediator::run::context::{RunContext, TimeBudget};
use bedrock_remediator::run::handler::{DeliveryReport, handle};
use bedrock_remediator::sandbox::{PortCall, Sandbox, WorldFile, healthy_for};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// Functions that the samples are shared among.
const SIDE_BY_SIDE: usize = 12;

const ALLOWANCE: TimeBudget = TimeBudget { until: Timestamp::MAX, lease: SignedDuration::from_secs(90) };

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn home() -> FunctionIdentity {
    FunctionIdentity {
        account: AccountId::parse(ACCOUNT),
        region: Region::parse(REGION),
        role: None,
        log_group: Some("/aws/lambda/remediator".to_owned()),
        ..FunctionIdentity::default()
    }
}

fn samples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("events");
    let entries = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    let mut files: Vec<_> = entries.filter(|p| p.to_string_lossy().ends_with(".json")).collect();
    files.retain(|p| !p.to_string_lossy().ends_with(".world.json"));
    files.sort();
    files
}

fn sample(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("events").join(name)).unwrap()
}

/// The sample's world as the function can see it today: its clock is the real one.
fn world(sample: &Path, payload: &[u8]) -> WorldFile {
    let beside = sample.with_extension("world.json");
    let mut file = match std::fs::read_to_string(beside) {
        Ok(text) => WorldFile::parse(&text).unwrap(),
        Err(_) => bedrock_remediator::event::read(payload, &home())
            .map_or_else(|_| WorldFile::default(), |delivery| healthy_for(&delivery, Timestamp::now())),
    };
    file.now = None;
    // Ledgers keep their own kind of memory; one that is full is the ledger suite's matter.
    file.ledger.clear();
    // A port's fault has no wire form where the ledger and the topic are real.
    file.faults.retain(|f| {
        [PortCall::Applied, PortCall::DefaultValue, PortCall::History, PortCall::RequestIncrease]
            .contains(&f.call)
    });
    file
}

fn told(notice: &Value) -> Value {
    // Times differ by the run; numbers measured up to the minute may.
    let actions: Vec<Value> = notice["actions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| {
            json!([
                a["type"],
                a["quota_code"],
                a["desired"],
                a["applied"],
                a["default"],
                a["status"],
                a["step"],
                a["commands"]
            ])
        })
        .collect();
    let withheld: Vec<&Value> = notice["withheld"].as_array().unwrap().iter().map(|w| &w["type"]).collect();
    json!([
        notice["notice_id"],
        notice["kind"],
        notice["incident_id"],
        notice["title"],
        notice["cause"],
        notice["rule"],
        notice["facts"],
        notice["counts"],
        notice["caller"],
        actions,
        withheld,
        notice["advice"],
        notice["references"],
        notice["model_id"],
        notice["resolved_model_id"],
        notice["next_steps"].as_array().unwrap().iter().map(|s| &s["text"]).collect::<Vec<_>>(),
    ])
}

fn expected(file: WorldFile, payload: &[u8]) -> (Sandbox, Option<DeliveryReport>) {
    let sandbox = Sandbox::new(file, Timestamp::now());
    let report = block_on(handle(
        &sandbox,
        &RunContext { config: &searching(), home: &home(), allowance: ALLOWANCE },
        payload,
    ))
    .ok();
    (sandbox, report)
}

/// Where the function of the samples may search.
const LOGS: [(&str, &str); 2] =
    [("INVOCATION_LOG_GROUP", "/bedrock/invocations"), ("APPLICATION_LOG_GROUPS", "/app/one,/app/two")];

fn searching() -> Config {
    Config::from_vars(|name| LOGS.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()))
        .unwrap()
}

fn variables_of_searching(cloud: &Cloud) -> Vec<(String, String)> {
    let mut variables = cloud.variables();
    variables.extend(LOGS.map(|(name, value)| (name.to_owned(), value.to_owned())));
    variables
}

fn reply_of(report: Option<&DeliveryReport>) -> Result<Value, ()> {
    let report = report.ok_or(())?;
    if report.is_batch {
        return Ok(serde_json::to_value(batch_response(report.failed_ids())).unwrap());
    }
    if report.items.iter().any(|i| i.failed) {
        return Err(());
    }
    let ids: Vec<_> = report.incidents.iter().map(|i| &i.incident.id).collect();
    Ok(json!({ "outcome": report.outcome().as_str(), "incidents": ids }))
}

fn notices(cloud: &Cloud) -> Vec<Value> {
    let forms = cloud.published();
    forms
        .iter()
        .map(|form| {
            assert_eq!(form["MessageStructure"], "json");
            let forms: Value = serde_json::from_str(&form["Message"]).unwrap();
            serde_json::from_str(forms["sqs"].as_str().unwrap()).unwrap()
        })
        .collect()
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..600 {
        if holds() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("not within 12 s: {what}");
}

/// What one function did with its share of the samples.
struct Answered {
    /// Calls of AWS, by IAM action.
    seen: BTreeSet<String>,
    lines: Vec<String>,
}

/// Runs `work` beside the test, under the test's name: the record of exchanges goes by it.
fn beside<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> ScopedJoinHandle<'scope, T> {
    let test = std::thread::current().name().unwrap().to_owned();
    std::thread::Builder::new().name(test).spawn_scoped(scope, work).unwrap()
}

#[test]
fn every_sample_is_answered_as_the_embedded_world_answers_it() {
    // CloudTrail takes two calls a second, which the function waits for: many functions wait at the same time.
    let samples = samples();
    let shares: Vec<Vec<&PathBuf>> =
        (0..SIDE_BY_SIDE).map(|n| samples.iter().skip(n).step_by(SIDE_BY_SIDE).collect()).collect();
    let answered: Vec<Answered> = std::thread::scope(|scope| {
        let threads: Vec<_> = shares.iter().map(|share| beside(scope, || are_answered(share))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let seen: BTreeSet<&str> = answered.iter().flat_map(|a| a.seen.iter().map(String::as_str)).collect();
    let missing: Vec<_> = allowed().into_iter().filter(|action| !seen.contains(action)).collect();
    // Writes inside of transactions, the read that only a person's question needs, what a later tick reads,
    // what is asked where no log is named, and what only an organization needs.
    let known = [
        "bedrock:GetModelInvocationLoggingConfiguration",
        "dynamodb:BatchGetItem",
        "dynamodb:GetItem",
        "dynamodb:Scan",
        "logs:GetQueryResults",
        "servicequotas:GetRequestedServiceQuotaChange",
        "sts:AssumeRole",
    ];
    assert!(missing.iter().all(|a| known.contains(a)), "never called: {missing:?}");
    let lines: Vec<String> = answered.into_iter().flat_map(|a| a.lines).collect();
    no_log_tells_a_payload(&lines);
}

fn allowed() -> Vec<&'static str> {
    IamAction::of_the_function().map(IamAction::as_str).collect()
}

fn are_answered(samples: &[&PathBuf]) -> Answered {
    let (cloud, allowed) = (Cloud::new(WorldFile::default()), allowed());
    let mut answered = Answered { seen: BTreeSet::new(), lines: Vec::new() };
    for file in samples {
        // Each is a function's first event: what an earlier one asked of CloudTrail is not waited for.
        let lambda = Lambda::new();
        let function = lambda.start(&variables_of_searching(&cloud));
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let payload = std::fs::read(file).unwrap();
        let text = String::from_utf8(payload.clone()).unwrap();
        cloud.reset(world(file, &payload));
        let (sandbox, report) = expected(world(file, &payload), &payload);
        let reply = lambda.invoke(&text);
        assert_eq!(reply.clone().map_err(|_| ()), reply_of(report.as_ref()), "{name}: {reply:?}");
        assert!(
            report.is_some() || cloud.calls().is_empty(),
            "{name}: nothing is asked about what cannot be read"
        );
        let wanted: Vec<_> =
            sandbox.published().iter().map(|n| told(&serde_json::to_value(n).unwrap())).collect();
        let got: Vec<_> = notices(&cloud).iter().map(told).collect();
        assert_eq!(got, wanted, "{name}");
        let filed: Vec<_> = sandbox.increase_requests().iter().map(|r| (r.code.clone(), r.desired)).collect();
        let state = cloud.state();
        let asked: Vec<_> =
            state.world.increase_requests().iter().map(|r| (r.code.clone(), r.desired)).collect();
        assert_eq!(asked, filed, "{name}");
        for call in &state.calls {
            // A transaction is authorised as the writes it holds.
            assert!(call == "dynamodb:TransactWriteItems" || allowed.contains(&&**call), "{name}: {call}");
            answered.seen.insert(call.clone());
        }
        for body in &state.bodies {
            assert!(!body.contains("CANARY") && !body.contains("secret prompt"), "{name}");
        }
        answered.lines.extend(function.lines.lock().unwrap().clone());
    }
    answered
}

#[test]
fn what_a_search_finds_later_is_told_and_no_prompt_travels() {
    let found = json!({
        "account": ACCOUNT,
        "errors": [{
            "region": REGION, "model_id": "us.amazon.nova-pro-v1:0", "time": (Timestamp::now() - SignedDuration::from_secs(60)).to_string(),
            "code": "AccessDeniedException", "message": "CANARY", "source": "invocation-log",
            "caller": "arn:aws:sts::111122223333:assumed-role/checkout-api/i-0",
        }],
    });
    let cloud = Cloud::new(WorldFile::parse(&found.to_string()).unwrap());
    let lambda = Lambda::new();
    let function = lambda.start(&variables_of_searching(&cloud));
    let at = Timestamp::now().strftime("%FT%T.000+0000").to_string();
    let alarm = json!({
        "source": "aws.cloudwatch", "detail-type": "CloudWatch Alarm State Change", "account": ACCOUNT, "region": REGION,
        "detail": {
            "alarmName": "bedrock-client-errors", "state": { "value": "ALARM", "timestamp": at },
            "configuration": { "metrics": [{ "metricStat": { "metric": {
                "namespace": "AWS/Bedrock", "name": "InvocationClientErrors",
                "dimensions": { "ModelId": "us.amazon.nova-pro-v1:0" },
            } } }] },
        },
    });
    lambda.invoke(&alarm.to_string()).unwrap();
    let causes =
        || notices(&cloud).iter().map(|n| n["cause"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(causes(), ["unknown"]);
    assert_eq!(cloud.calls().iter().filter(|c| *c == "logs:StartQuery").count(), 2);
    // Minutes later: CloudWatch Logs has the answer, and the incident is due.
    cloud.state().world.pass(SignedDuration::from_mins(5));
    for item in cloud.state().table.items.values_mut() {
        item.insert("due_at".to_owned(), json!({ "S": "2026-01-01T00:00:00Z" }));
    }
    lambda.invoke(&sample("tick.json")).unwrap();
    assert_eq!(causes(), ["unknown", "iam-unspecified"]);
    assert!(cloud.calls().iter().any(|c| c == "logs:GetQueryResults"));
    let state = cloud.state();
    let superseded = state.table.items.values().filter(|i| i.contains_key("superseded_by")).count();
    assert_eq!(superseded, 1);
    let canary = "CANARY";
    assert!(state.bodies.iter().all(|body| !body.contains(canary)));
    assert!(!serde_json::to_string(&state.table.items).unwrap().contains(canary));
    assert!(!format!("{:?}", state.published).contains(canary));
    assert!(function.lines.lock().unwrap().iter().all(|line| !line.contains(canary)));
}

#[test]
fn no_text_of_an_error_is_sent_stored_or_logged_by_the_function() {
    let (cloud, lambda) = (Cloud::new(WorldFile::default()), Lambda::new());
    let function = lambda.start(&cloud.variables());
    let mut told = 0;
    for quoted in quoted() {
        for (source, payload) in sources(&quoted) {
            cloud.reset(WorldFile::default());
            let _ = lambda.invoke(&payload);
            told += cloud.published().len();
            let state = cloud.state();
            let mut sent: Vec<_> =
                state.bodies.iter().map(|body| ("a request".to_owned(), body.clone())).collect();
            for form in &state.published {
                sent.extend(form.iter().map(|(name, value)| (name.clone(), value.clone())));
            }
            // IAM is asked about a caller by its name, which the ledger keeps for that.
            let is_name = quoted.starts_with("User: ");
            assert_clean(&format!("{source}: {quoted}"), if is_name { &[] } else { &sent });
        }
    }
    assert!(told >= quoted().len() * 8, "{told}");
    let lines = function.lines.lock().unwrap().join("\n");
    assert_clean("all sources", &[("the log".to_owned(), lines)]);
}

fn no_log_tells_a_payload(lines: &[String]) {
    assert!(lines.len() > 60);
    for line in lines {
        let entry: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        assert!(entry.get("_aws").is_some() || entry["message"].is_string(), "{line}");
        assert!(!line.contains("CANARY") && !line.contains("secret prompt") && line.len() < 2_000, "{line}");
    }
    let told: Vec<&String> = lines.iter().filter(|l| l.contains("\"told: ")).collect();
    assert!(told.iter().all(|l| l.contains("\"incident\":\"inc-") && l.contains("\"notice\":\"ntc-")));
}

/// Calls of AWS for a throttle that is news: three claims, what Service Quotas, CloudWatch and the topic say (six), what
/// the ledger holds of the quota (four), where there is room (five), six of CloudTrail for who calls, and what is reserved,
/// filed, told and finished.
const OF_A_NEW_THROTTLE: usize = 3 + 6 + 4 + 5 + 6 + 4;

#[test]
fn a_new_throttle_costs_28_calls_and_its_duplicate_three_at_once() {
    let cloud = Cloud::new(WorldFile::parse(&sample("throttle-tokens.world.json")).unwrap());
    cloud.reset(world(Path::new("events/throttle-tokens.json"), b""));
    let lambda = Lambda::new();
    let function = lambda.start(&cloud.variables());
    let payload = sample("throttle-tokens.json");
    lambda.invoke(&payload).unwrap();
    assert_eq!(cloud.calls().len(), OF_A_NEW_THROTTLE, "{:?}", cloud.calls());
    lambda.invoke(&payload).unwrap();
    assert_eq!(cloud.calls().len(), OF_A_NEW_THROTTLE + 3);
    assert!(cloud.calls()[OF_A_NEW_THROTTLE..].iter().all(|call| call == "dynamodb:UpdateItem"));
    let metrics = || {
        let lines = function.lines.lock().unwrap().clone();
        let entries = lines.iter().filter_map(|l| serde_json::from_str::<Value>(l).ok());
        entries.filter(|e| e.get("_aws").is_some()).collect::<Vec<_>>()
    };
    wait_until("both invocations are counted", || metrics().len() == 2);
    let first = &metrics()[0];
    assert_eq!(
        (&first["Incidents"], &first["Notices"], &first["IncreasesRequested"]),
        (&json!(1), &json!(1), &json!(1))
    );
    let declared = first["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap();
    assert!(declared.iter().all(|m| first[m["Name"].as_str().unwrap()].is_u64()), "{first}");
}

#[test]
fn it_trusts_the_authorities_that_are_named_and_no_others() {
    let authority = Authority::new();
    let cloud = authority.cloud(world(Path::new("events/throttle-tokens.json"), b""));
    let lambda = Lambda::new();
    let payload = sample("throttle-tokens.json");
    let mut variables = cloud.variables();
    let stranger = lambda.start(&variables);
    lambda.invoke(&payload).unwrap_err();
    assert!(cloud.calls().is_empty());
    drop(stranger);
    variables.extend(authority.variables());
    let _function = lambda.start(&variables);
    lambda.invoke(&payload).unwrap();
    assert_eq!(cloud.calls().len(), OF_A_NEW_THROTTLE, "{:?}", cloud.calls());
}

#[test]
fn killed_anywhere_and_fed_again_it_files_and_tells_once() {
    std::thread::scope(|scope| {
        for calls in 1..=OF_A_NEW_THROTTLE {
            beside(scope, move || is_killed_at(calls));
        }
    });
}

/// The function dies when so many calls of AWS were made.
fn is_killed_at(calls: usize) {
    let throttle = Path::new("events/throttle-tokens.json");
    let payload = json!({ "Records": [
        { "messageId": "m0", "eventSource": "aws:sqs", "body": sample("throttle-tokens.json") },
    ]})
    .to_string();
    let lambda = Lambda::new();
    let cloud = Cloud::new(world(throttle, b""));
    cloud.state().ends_after = Some(calls);
    {
        let _dies = lambda.start(&cloud.variables());
        lambda.deliver(&payload, Duration::from_mins(1));
        wait_until("it is in the middle", || cloud.calls().len() == calls);
    }
    // The queue delivers again when the dead one's lease has ended and Service Quotas would list its
    // request; time cannot be passed here, so both are moved into the past.
    cloud.state().ends_after = None;
    let past = json!({ "S": "2026-01-01T00:00:00Z" });
    for item in cloud.state().table.items.values_mut() {
        if item.get("lease_owner").is_some_and(|owner| owner["S"] != "silence") {
            item.insert("lease_until".to_owned(), past.clone());
            item.insert("due_at".to_owned(), past.clone());
            if let Some(intent) = item.get_mut("intent") {
                intent["M"]["at"] = past.clone();
            }
        }
    }
    let lambda = Lambda::new();
    let _lives = lambda.start(&cloud.variables());
    assert_eq!(lambda.invoke(&payload), Ok(json!({ "batchItemFailures": [] })), "killed at call {calls}");
    lambda.invoke(&sample("tick.json")).unwrap();
    let ids: BTreeSet<String> =
        notices(&cloud).iter().map(|n| n["notice_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(cloud.state().world.increase_requests().len(), 1, "killed at call {calls}");
    assert_eq!(ids.len(), 1, "killed at call {calls}");
}

#[test]
fn what_fails_is_an_error_or_a_failed_item_and_never_a_success() {
    let (cloud, lambda) = (Cloud::new(WorldFile::default()), Lambda::new());
    let _function = lambda.start(&cloud.variables());
    let down = || {
        ("dynamodb:UpdateItem".to_owned(), 400, json!({ "__type": "x#AccessDeniedException" }).to_string())
    };
    let denied = sample("permission-identity-policy.json");
    let batch = json!({ "Records": [
        { "messageId": "m0", "eventSource": "aws:sqs", "body": denied },
        { "messageId": "m1", "eventSource": "aws:sqs", "body": "{" },
        { "messageId": "m2", "eventSource": "aws:sqs", "body": sample("ignored-success.json") },
    ]})
    .to_string();
    cloud.state().instead.push(down());
    let failures = |reply: Reply| -> Vec<String> {
        let reply = reply.unwrap();
        let failures = reply["batchItemFailures"].as_array().unwrap();
        failures.iter().map(|f| f["itemIdentifier"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(failures(lambda.invoke(&batch)), ["m0", "m1"]);
    assert_eq!(failures(lambda.invoke(&batch)), ["m1"], "the ledger is back");
    cloud.state().instead.push(down());
    let error = lambda.invoke(&denied.replace("InvokeModel", "Converse")).unwrap_err();
    assert!(error["errorMessage"].as_str().unwrap().contains("ledger"), "{error}");
    assert!(lambda.invoke("[]").is_err() || lambda.invoke("{}").is_err(), "nothing that can be read");
}

#[test]
fn with_no_time_left_it_says_so_and_lives_on() {
    let cloud = Cloud::new(world(Path::new("events/throttle-tokens.json"), b""));
    let lambda = Lambda::new();
    let _function = lambda.start(&cloud.variables());
    let late = lambda.invoke_within(&sample("throttle-tokens.json"), Duration::ZERO).unwrap_err();
    assert_eq!(late["errorType"], "OutOfTime");
    assert!(lambda.invoke(&sample("ignored-success.json")).is_ok());
}

#[test]
fn a_bad_configuration_stops_the_start_and_names_all_of_it() {
    let (cloud, lambda) = (Cloud::new(WorldFile::default()), Lambda::new());
    let mut variables = cloud.variables();
    for (name, value) in [("MODE", "dry-run"), ("TOPIC_ARN", "people"), ("HEADROOM_FACTOR", "0")] {
        variables.push((name.to_owned(), value.to_owned()));
    }
    let mut function = lambda.start(&variables);
    assert!(!function.ended().success());
    wait_until("it says why", || !function.lines.lock().unwrap().is_empty());
    let said = function.lines.lock().unwrap().concat();
    assert!(["MODE", "TOPIC_ARN", "HEADROOM_FACTOR"].iter().all(|name| said.contains(name)), "{said}");
}

#[test]
fn a_topic_that_nobody_subscribed_to_is_a_matter_for_operators() {
    for (subscribers, counted) in [(0, json!(1)), (2, Value::Null)] {
        let file = json!({ "account": ACCOUNT, "subscribers": subscribers });
        let cloud = Cloud::new(WorldFile::parse(&file.to_string()).unwrap());
        let lambda = Lambda::new();
        let function = lambda.start(&cloud.variables());
        lambda.invoke(&sample("tick.json")).unwrap();
        let metrics = || -> Option<Value> {
            let lines = function.lines.lock().unwrap().clone();
            lines
                .iter()
                .filter_map(|l| serde_json::from_str::<Value>(l).ok())
                .find(|e| e.get("_aws").is_some())
        };
        wait_until("the tick is counted", || metrics().is_some());
        assert_eq!(metrics().unwrap()["NobodyTold"], counted);
        assert!(cloud.calls().iter().any(|c| c == "sns:GetTopicAttributes"));
    }
}

#[test]
fn a_members_throttle_is_handled_in_its_account_with_one_session() {
    const MEMBER: &str = "444455556666";
    let cloud = Cloud::new(world(Path::new("events/throttle-tokens.json"), b""));
    let lambda = Lambda::new();
    let mut variables = cloud.variables();
    variables.push(("ORGANIZATION_ID".to_owned(), "o-a1b2c3d4e5".to_owned()));
    let _function = lambda.start(&variables);
    lambda.invoke(&sample("throttle-tokens.json").replace("111122223333", MEMBER)).unwrap();
    let state = cloud.state();
    // The session, and what all accounts have requested in 24 hours; but another Region is not asked.
    assert_eq!(state.calls.len(), OF_A_NEW_THROTTLE + 2 - 2, "{:?}", state.calls);
    assert_eq!(state.calls.iter().filter(|call| *call == "sts:AssumeRole").count(), 1);
    for (call, account) in state.calls.iter().zip(&state.callers) {
        let is_own = ["dynamodb:", "sns:", "sts:"].iter().any(|service| call.starts_with(service));
        assert_eq!(account.as_str() == MEMBER, !is_own, "{call}");
    }
    assert_eq!(state.world.increase_requests().len(), 1);
}

#[test]
fn observing_files_nothing() {
    assert_eq!(Mode::parse("observe"), Some(Mode::Observe));
    let cloud = Cloud::new(world(Path::new("events/throttle-tokens.json"), b""));
    let lambda = Lambda::new();
    let mut variables = cloud.variables();
    variables.push(("MODE".to_owned(), "observe".to_owned()));
    let _function = lambda.start(&variables);
    lambda.invoke(&sample("throttle-tokens.json")).unwrap();
    assert!(cloud.state().world.increase_requests().is_empty());
    assert_eq!(notices(&cloud)[0]["withheld"][0]["type"], "observe-mode");
}

#[test]
fn a_person_operates_the_ledger_that_the_function_keeps() {
    let mut file = world(Path::new("events/throttle-tokens.json"), b"");
    file.account = AccountId::parse(ACCOUNT);
    let cloud = Cloud::new(file);
    let lambda = Lambda::new();
    let mut variables = cloud.variables();
    variables.push(("MODE".to_owned(), "observe".to_owned()));
    {
        let _function = lambda.start(&variables);
        lambda.invoke(&sample("throttle-tokens.json")).unwrap();
    }
    let run = |arguments: &[&str]| -> Value {
        let done = std::process::Command::new(env!("CARGO_BIN_EXE_bedrock-remediator"))
            .env_clear()
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .envs(variables.clone())
            .args(arguments)
            .args(["--json", "--table", "ledger", "--topic", crate::support::cloud::TOPIC])
            .output()
            .unwrap();
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        serde_json::from_slice(&done.stdout).unwrap()
    };
    let open = run(&["incidents", "--open"]);
    let id = open["id"].as_str().unwrap();
    assert_eq!((&open["state"], &open["cause"]), (&json!("told"), &json!("tokens-per-minute")));
    let shown = run(&["show", id]);
    assert_eq!(shown["notice"]["withheld"][0]["type"], "observe-mode");
    assert!(cloud.state().world.increase_requests().is_empty(), "to look files nothing");
    assert_eq!(run(&["approve", id])["state"], "watching");
    assert_eq!(cloud.state().world.increase_requests().len(), 1);
    let kinds: Vec<Value> = notices(&cloud).iter().map(|n| n["kind"].clone()).collect();
    assert_eq!(kinds, ["opened", "again"]);
    // It follows a request, whose outcome has to be told.
    assert_eq!(run(&["close", id])["state"], "watching");
    let request = cloud.state().world.increase_requests().remove(0);
    cloud.state().world.decide(&request.id, RequestStatus::CaseClosed, Some(request.desired));
    run(&["sweep"]);
    assert_eq!(run(&["close", id])["state"], "closed");
    assert_eq!(run(&["incidents"])["state"], "closed");
}

#[test]
fn explain_live_reads_the_account_and_changes_nothing() {
    let cloud = Cloud::new(world(Path::new("events/throttle-tokens.json"), b""));
    let explain = |arguments: &[&str], variables: Vec<(String, String)>| {
        std::process::Command::new(env!("CARGO_BIN_EXE_bedrock-remediator"))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env_clear()
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .envs(variables)
            .args(["explain", "--live"])
            .args(arguments)
            .output()
            .unwrap()
    };
    let done = explain(&["--json", "events/throttle-tokens.json"], cloud.variables());
    assert!(done.status.success() && done.stderr.is_empty(), "{}", String::from_utf8_lossy(&done.stderr));
    let line: Value = serde_json::from_slice(&done.stdout).unwrap();
    let incident = &line["incidents"][0];
    assert_eq!(incident["withheld"][0]["type"], "observe-mode");
    let would = incident["withheld"][0]["reason"].as_str().unwrap();
    assert!(would.contains("8,500,000") && would.contains("5,000,000"), "{would}");
    for call in cloud.calls() {
        let name = call.split(':').nth(1).unwrap();
        assert!(["Get", "List", "Lookup"].iter().any(|verb| name.starts_with(verb)), "{call}");
    }
    let before = cloud.calls().len();
    let without = cloud.variables().into_iter().filter(|(name, _)| name != "AWS_REGION").collect();
    let done = explain(&["events/throttle-tokens.json"], without);
    assert_eq!((done.status.code(), cloud.calls().len()), (Some(1), before));
    assert!(String::from_utf8_lossy(&done.stderr).contains("AWS_REGION"));
}

/// Makes every open incident due, and ticks.
fn tick_when_due(cloud: &Cloud, lambda: &Lambda) {
    for item in cloud.state().table.items.values_mut().filter(|item| item.contains_key("due_at")) {
        item.insert("due_at".to_owned(), json!({ "S": "2026-01-01T00:00:00Z" }));
    }
    lambda.invoke(&sample("tick.json")).unwrap();
}

fn kinds_and_causes(cloud: &Cloud) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    notices(cloud).iter().map(|n| (text(&n["kind"]), text(&n["cause"]))).collect()
}

#[test]
fn a_request_that_aws_grants_is_told_of_twice() {
    let cloud = Cloud::new(world(Path::new("events/throttle-tokens.json"), b""));
    let lambda = Lambda::new();
    let _function = lambda.start(&cloud.variables());
    lambda.invoke(&sample("throttle-tokens.json")).unwrap();
    let [filed] = cloud.state().world.increase_requests().try_into().unwrap();
    let told = |kind: &str| (kind.to_owned(), "tokens-per-minute".to_owned());
    for status in [RequestStatus::Pending, RequestStatus::CaseOpened] {
        cloud.state().world.decide(&filed.id, status, None);
        tick_when_due(&cloud, &lambda);
        assert_eq!(kinds_and_causes(&cloud), [told("opened")], "{status:?} is no news");
        // The first tick watches both endpoints of the Region; the next one does not.
        assert_eq!(cloud.calls().iter().filter(|call| *call == "cloudwatch:ListMetrics").count(), 2);
    }
    cloud.state().world.decide(&filed.id, RequestStatus::CaseClosed, Some(filed.desired));
    tick_when_due(&cloud, &lambda);
    assert_eq!(kinds_and_causes(&cloud), [told("opened"), told("outcome")]);
    let news = notices(&cloud).pop().unwrap();
    assert!(news["summary"].as_str().unwrap().contains("to 8,500,000 as asked"), "{news}");
}

#[test]
fn a_step_that_a_person_takes_ends_the_incident() {
    let event = Path::new("events/access-form-not-submitted.json");
    let cloud = Cloud::new(world(event, b""));
    let lambda = Lambda::new();
    let _function = lambda.start(&cloud.variables());
    lambda.invoke(&sample("access-form-not-submitted.json")).unwrap();
    let told = |kind: &str| (kind.to_owned(), "use-case-form".to_owned());
    tick_when_due(&cloud, &lambda);
    assert_eq!(kinds_and_causes(&cloud), [told("opened")]);
    cloud.state().world.change(|file| {
        let state = &mut file.availability[0];
        (state.form_submitted, state.authorized) = (Some(true), Some(true));
        state.agreement = Availability::Available;
    });
    tick_when_due(&cloud, &lambda);
    assert_eq!(kinds_and_causes(&cloud), [told("opened"), told("resolved")]);
}

#[test]
fn the_doctor_finds_an_account_in_order() {
    const ROLE: &str = "arn:aws:iam::111122223333:role/bedrock-remediator-FunctionRole-1A2B3C";
    let rule = |(id, _): &(&str, &str)| {
        let state = if *id == "InferenceErrorsRule" { "enabled-with-reads" } else { "enabled" };
        json!({ "name": format!("bedrock-remediator-{id}-1A2B3C"), "state": state })
    };
    let alarm = |(end, _): &(&str, &str)| (format!("bedrock-remediator-{end}"), json!(true));
    let file = json!({
        "account": ACCOUNT,
        "trails": [{ "name": "audit", "is_logging": true, "records_reads": true }],
        "rules": RULES.iter().map(rule).collect::<Vec<_>>(),
        "own_alarms": ALARMS.iter().map(alarm).collect::<serde_json::Map<_, _>>(),
        "logging": [{ "region": REGION, "log_group": "/bedrock/invocations" }],
        "policies": [{ "caller": ROLE, "verdict": "allowed" }],
    });
    let cloud = Cloud::new(WorldFile::parse(&file.to_string()).unwrap());
    let done = std::process::Command::new(env!("CARGO_BIN_EXE_bedrock-remediator"))
        .env_clear()
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(variables_of_searching(&cloud))
        .args([
            "doctor",
            "--json",
            "--role",
            ROLE,
            "--table",
            "ledger",
            "--topic",
            crate::support::cloud::TOPIC,
        ])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{said} {}", String::from_utf8_lossy(&done.stderr));
    let region: Value = serde_json::from_str(&said).unwrap();
    let checks = region["checks"].as_array().unwrap();
    assert!(checks.len() == 10 && checks.iter().all(|check| check["finding"] == "good"), "{said}");
}
