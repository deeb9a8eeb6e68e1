//! Floods: errors cost their sender nothing, and none of them hides a real problem.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeSet;

use crate::support::story::*;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bedrock_remediator::config::Config;
use bedrock_remediator::identity::FunctionIdentity;
use bedrock_remediator::ids::{AccountId, Region};
use bedrock_remediator::incident::Incident;
use bedrock_remediator::incident::flood::{IN_PLACE, OF_SENDER};
use bedrock_remediator::incident::record::State;
use bedrock_remediator::model::ModelId;
use bedrock_remediator::notice::{Kind, Notice};
use bedrock_remediator::ports::{Clock as _, Ledger as _};
use bedrock_remediator::run::context::{RunContext, TimeBudget};
use bedrock_remediator::run::handler::{DeliveryReport, handle};
use bedrock_remediator::run::sweep::sweep;
use bedrock_remediator::sandbox::{FaultKind, Sandbox, WorldFile};
use bedrock_remediator::shards::Shards;
use jiff::SignedDuration;
use serde_json::{Value, json};

const SENDER: usize = OF_SENDER as usize;
const PLACE: usize = IN_PLACE as usize;
const INVALID: &str = "The provided model identifier is invalid.";

fn by(role: &str, event: &str) -> String {
    event.replace("checkout-api", role)
}

/// A call of `role` that was denied `model`.
fn denied(role: &str, model: &str) -> String {
    let text = format!(
        "User: arn:aws:sts::111122223333:assumed-role/{role}/session is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1::foundation-model/{model} because no identity-based policy allows the bedrock:InvokeModel action"
    );
    by(role, &error("us-east-1", model, "AccessDeniedException", &text))
}

fn invented(n: usize) -> String {
    format!("amazon.nova-lite-v1:{}", 100 + n)
}

/// Denials of `role` for models that do not exist.
fn denials(role: &str, models: std::ops::Range<usize>) -> Vec<String> {
    models.map(|n| denied(role, &invented(n))).collect()
}

/// Lines of an application's log, as CloudWatch Logs delivers them.
fn log(group: &str, lines: impl Iterator<Item = String>) -> String {
    let line = |text| json!({ "id": "1", "timestamp": now().as_millisecond(), "message": text });
    let data = json!({
        "messageType": "DATA_MESSAGE", "owner": "111122223333", "logGroup": group, "logStream": "i-0",
        "logEvents": lines.map(line).collect::<Vec<Value>>(),
    });
    json!({ "awslogs": { "data": STANDARD.encode(data.to_string()) } }).to_string()
}

fn deliver_at_home(world: &Sandbox, payload: &str) -> DeliveryReport {
    // Each is told by itself.
    let config = Config { digest_above: 1000, ..Config::default() };
    let home = FunctionIdentity {
        account: AccountId::parse("111122223333"),
        region: Region::parse("us-east-1"),
        ..FunctionIdentity::default()
    };
    let terms = RunContext { config: &config, home: &home, allowance: ALLOWANCE };
    block_on(handle(world, &terms, payload.as_bytes())).unwrap()
}

fn open(world: &Sandbox) -> Vec<Incident> {
    let open = world.incidents().into_iter().filter(|row| row.record.state != State::Closed);
    open.map(|row| row.record.incident).collect()
}

fn many(world: &Sandbox) -> Vec<Incident> {
    open(world).into_iter().filter(|incident| incident.facts.many.is_some()).collect()
}

fn calls(world: &Sandbox, name: &str) -> u32 {
    world.calls().get(name).copied().unwrap_or_default()
}

fn ids_of(incident: &Incident) -> Vec<&str> {
    incident.facts.model_ids.iter().map(ModelId::as_str).collect()
}

#[test]
fn wrong_ids_are_one_incident_of_their_caller_with_the_newest_as_examples() {
    let world = sandbox(WorldFile::default());
    let wrong = |role: &str, id: &str| by(role, &error("us-east-1", id, "ValidationException", INVALID));
    let calls: Vec<String> = (0..8).chain([6]).map(|n| wrong("tester", &invented(n))).collect();
    deliver(&world, &queue(&calls));
    deliver(&world, &wrong("other", &invented(0)));
    let mut open = open(&world);
    open.sort_by_key(|incident| incident.counts.errors);
    let [other, tester] = open.as_slice() else { panic!("{open:?}") };
    assert_eq!((other.counts.errors, tester.counts.errors), (1, 9));
    assert_eq!(
        ids_of(tester),
        ["103", "104", "105", "107", "106"].map(|n| format!("amazon.nova-lite-v1:{n}"))
    );
    assert_eq!(tester.model.as_ref().unwrap().as_str(), "amazon.nova-lite-v1:106");
    // A later delivery brings a newer one, and no second incident.
    deliver(&world, &wrong("tester", "us.amazon.nova-lite-v9:0"));
    let tester = block_on(world.incident(&tester.id)).unwrap().unwrap().incident;
    assert_eq!(tester.model.as_ref().unwrap().as_str(), "us.amazon.nova-lite-v9:0");
    assert_eq!(ids_of(&tester).len(), 5);
    let notice = &world.published()[0];
    assert!(notice.mail().contains("Ids that were called, the newest last"), "{}", notice.mail());
    assert!(notice.title.ends_with("amazon.nova-lite-v1:106 in us-east-1"), "{}", notice.title);
}

#[test]
fn wrong_ids_without_a_caller_are_one_incident_of_their_log_group() {
    let world = sandbox(WorldFile::default());
    let lines = |n: usize| format!("bedrock ValidationException: {INVALID} (model {})", invented(n));
    for group in ["/app/one", "/app/two"] {
        deliver_at_home(&world, &log(group, (0..30).map(lines)));
    }
    assert_eq!(open(&world).iter().map(|i| i.counts.errors).collect::<Vec<_>>(), [30, 30]);
}

#[test]
fn an_alarm_over_any_of_the_wrong_ids_finds_their_incident() {
    let world = sandbox(WorldFile::default());
    let wrong: Vec<String> =
        (0..3).map(|n| error("us-east-1", &invented(n), "ValidationException", INVALID)).collect();
    deliver(&world, &queue(&wrong));
    let metric = json!({ "namespace": "AWS/Bedrock", "name": "InvocationClientErrors", "dimensions": { "ModelId": invented(1) } });
    let alarm = json!({
        "source": "aws.cloudwatch", "detail-type": "CloudWatch Alarm State Change",
        "account": "111122223333", "region": "us-east-1",
        "detail": {
            "alarmName": "errors", "state": { "value": "ALARM", "timestamp": "2026-11-20T14:33:05.000+0000" },
            "configuration": { "metrics": [{ "metricStat": { "metric": metric } }] },
        },
    });
    deliver(&world, &alarm.to_string());
    let open = open(&world);
    assert_eq!(open.iter().map(|i| (i.counts.errors, i.counts.alarms)).collect::<Vec<_>>(), [(3, 1)]);
}

#[test]
fn one_sender_opens_no_more_than_its_bound_in_one_delivery() {
    let world = sandbox(WorldFile::default());
    // What comes again and again is no flood: it is among those that are opened.
    let mut batch = denials("tester", 0..100);
    batch.extend((0..5).map(|_| denied("tester", "amazon.nova-pro-v1:0")));
    batch.extend(denials("other", 0..1));
    deliver(&world, &queue(&batch));
    assert_eq!(open(&world).len(), SENDER + 1 + 1);
    let [many] = &many(&world)[..] else { panic!("{:?}", many(&world)) };
    assert!(many.caller.as_deref().unwrap().ends_with("role/tester"), "{:?}", many.caller);
    let told = many.facts.many.as_ref().unwrap();
    assert_eq!((many.counts.errors, told.kinds, told.causes[0].as_str()), (81, 81, "identity-policy"));
    assert!(open(&world).iter().any(|i| i.counts.errors == 5), "the one that comes again");
    assert_eq!(calls(&world, "admit") as usize, SENDER + 2, "the ledger is not asked of the others");
    assert_eq!(open(&world).iter().map(|i| i.counts.errors).sum::<u64>(), 106);
}

#[test]
fn one_sender_opens_no_more_than_its_bound_in_an_hour() {
    let world = sandbox(WorldFile::default());
    for n in 0..10 {
        deliver(&world, &queue(&denials("tester", 10 * n..10 * n + 10)));
        world.pass(SignedDuration::from_mins(1));
    }
    assert_eq!(open(&world).len(), SENDER + 1);
    assert_eq!(many(&world)[0].counts.errors, 80);
    // Each delivery opens one before it knows, and only reads of the others.
    assert_eq!((world.incidents().len() - open(&world).len(), calls(&world, "claim")), (8, 20 + 2 * 8));
    // What was opened is still counted by itself, in one write and one read.
    let (before, claims) = (world.calls(), calls(&world, "claim"));
    deliver(&world, &denied("tester", &invented(0)));
    assert_eq!((calls(&world, "claim") - claims, many(&world)[0].counts.errors), (1, 80));
    assert!(world.calls().values().sum::<u32>() <= before.values().sum::<u32>() + 2);
    // Another hour has room again.
    world.pass(SignedDuration::from_hours(1));
    deliver(&world, &denied("tester", &invented(500)));
    assert_eq!(open(&world).len(), SENDER + 2);
}

#[test]
fn one_place_opens_no_more_than_its_bound_in_an_hour() {
    let world = sandbox(WorldFile::default());
    for n in 0..6 {
        let batch: Vec<String> = (0..50).map(|m| denied(&format!("app-{n}-{m}"), &invented(m))).collect();
        deliver(&world, &queue(&batch));
    }
    assert_eq!(open(&world).len(), PLACE + 1);
    let [many] = &many(&world)[..] else { panic!("{:?}", many(&world)) };
    assert_eq!((many.counts.errors, &many.caller), (100, &None));
    // Another Region has room.
    deliver(&world, &denied("tester", &invented(0)).replace("us-east-1", "eu-west-1"));
    assert_eq!(open(&world).len(), PLACE + 2);
}

#[test]
fn what_aws_recorded_of_throttles_and_access_is_never_counted_together() {
    let world = sandbox(WorldFile::default());
    let no_access = "You don't have access to the model with the specified model ID.";
    let mut batch = denials("checkout-api", 0..SENDER + 1);
    for n in 0..SENDER + 5 {
        batch.push(throttle(&format!("us.meta.llama{n}-70b-instruct-v1:0")));
        let model = format!("us.anthropic.claude-{n}-v1:0");
        batch.push(error("us-east-1", &model, "AccessDeniedException", no_access));
    }
    for event in &batch {
        deliver(&world, event);
    }
    assert_eq!(open(&world).len(), SENDER + 1 + 2 * (SENDER + 5));
    assert_eq!(many(&world).iter().map(|i| i.counts.errors).collect::<Vec<_>>(), [1]);
}

#[test]
fn the_lines_of_a_log_group_are_bounded_whoever_and_wherever_they_name() {
    let world = sandbox(busy());
    let line = |n: usize| {
        let denial = denied(&format!("app-{n}"), &invented(n));
        let text = serde_json::from_str::<Value>(&denial).unwrap()["detail"]["errorMessage"].clone();
        let region = ["us-east-1", "eu-west-1", "ap-northeast-1"][n % 3];
        format!(
            "AccessDeniedException at https://bedrock-runtime.{region}.amazonaws.com: {}",
            text.as_str().unwrap()
        )
    };
    let throttled = |n: usize| format!("ThrottlingException: Too many tokens for {}", invented(n));
    deliver_at_home(&world, &log("/app/forged", (0..60).map(line)));
    deliver_at_home(&world, &log("/app/forged", (0..60).map(throttled)));
    assert_eq!(open(&world).len(), SENDER + 1);
    assert_eq!(many(&world)[0].counts.errors, 120 - u64::from(OF_SENDER));
    // Another group has room, and so has what AWS recorded.
    deliver_at_home(&world, &log("/app/other", (500..501).map(throttled)));
    deliver(&world, &throttle(SONNET));
    assert_eq!((open(&world).len(), world.increase_requests().len()), (SENDER + 3, 1));
}

#[test]
fn a_new_incident_costs_one_write_more_and_a_duplicate_none() {
    let world = sandbox(WorldFile::default());
    let event = denied("tester", &invented(0));
    deliver(&world, &event);
    assert_eq!((calls(&world, "claim"), calls(&world, "admit")), (1, 1));
    let before: u32 = world.calls().values().sum();
    deliver(&world, &event);
    assert_eq!((calls(&world, "claim"), calls(&world, "admit")), (2, 1));
    assert_eq!(world.calls().values().sum::<u32>(), before + 1);
    // What AWS recorded of a throttle is not counted.
    deliver(&world, &throttle(SONNET));
    assert_eq!(calls(&world, "admit"), 1);
}

#[test]
fn what_is_opened_beyond_the_bound_is_closed_in_favour_of_the_incident_that_counts_it() {
    let world = sandbox(WorldFile::default());
    deliver(&world, &queue(&denials("tester", 0..SENDER)));
    deliver(&world, &denied("tester", &invented(900)));
    let closed: Vec<_> =
        world.incidents().into_iter().filter(|row| row.record.state == State::Closed).collect();
    assert_eq!(closed.len(), 1);
    assert_eq!(closed[0].superseded_by, Some(many(&world)[0].id.clone()));
}

#[test]
fn an_error_that_has_no_room_is_not_acknowledged_until_it_is_counted() {
    let world = sandbox(WorldFile::default());
    deliver(&world, &queue(&denials("tester", 0..SENDER)));
    let claimed = calls(&world, "claim");
    // The first claim finds that there is no room; the next is the one that counts all of them.
    world.change(|file| file.faults.push(fault("claim", Some(claimed + 2), FaultKind::Unavailable)));
    let batch = queue(&denials("tester", 900..910));
    let failed = deliver(&world, &batch).failed_ids().len();
    assert_eq!((failed, many(&world).len()), (10, 0));
    deliver(&world, &batch);
    let counted: u64 = open(&world).iter().map(|i| i.counts.errors).sum();
    assert!(counted >= u64::from(OF_SENDER) + 10, "{counted}");
}

#[test]
fn the_notice_of_many_errors_says_what_they_are_and_who_sends_them() {
    let world = sandbox(WorldFile::default());
    let malformed = "Malformed input request: #: required key [messages] not found";
    let mut batch = denials("tester", 0..SENDER + 30);
    batch.extend(
        (0..10).map(|n| by("tester", &error("us-east-1", &invented(n), "ValidationException", malformed))),
    );
    let config = Config { digest_above: 100, ..Config::default() };
    deliver_with(&world, &config, &queue(&batch));
    let told: Vec<Notice> = world.published().into_iter().filter(|n| n.facts.many.is_some()).collect();
    assert_eq!(told.len(), 1);
    insta::assert_snapshot!("many-different-errors", told[0].mail());
}

#[test]
fn the_notice_of_many_lines_of_a_log_names_the_log_group() {
    let world = sandbox(WorldFile::default());
    let throttled = |n: usize| format!("ThrottlingException: Too many tokens for {}", invented(n));
    deliver_at_home(&world, &log("/app/forged", (0..60).map(throttled)));
    let told = world.published().pop().unwrap();
    assert_eq!((told.facts.many.as_ref().unwrap().kinds, told.counts.errors), (40, 40), "and it comes last");
    assert!(told.mail().contains("--log-group-name '/app/forged'"), "{}", told.mail());
}

#[test]
fn what_only_counts_is_claimed_side_by_side() {
    let world = sandbox(WorldFile::default());
    let batch: Vec<String> = (0..160).map(|n| denied(&format!("app-{n}"), &invented(0))).collect();
    let payload = queue(&batch);
    let config = Config::default();
    let home = FunctionIdentity::default();
    // No time is left for anything but to count.
    let allowance = TimeBudget { until: world.now(), lease: SignedDuration::from_secs(90) };
    let terms = RunContext { config: &config, home: &home, allowance };
    let latency = SignedDuration::from_millis(100);
    let (report, took) = in_time(&world, latency, handle(&world, &terms, payload.as_bytes()));
    assert!(report.unwrap().incidents.iter().all(|report| report.recorded));
    assert_eq!((calls(&world, "claim"), calls(&world, "admit")), (160, 160));
    // 320 writes, eight at a time.
    assert!(took <= latency * 40, "{took}");
    assert_eq!(world.published().len(), 0);
}

#[test]
fn a_sweep_looks_after_eight_at_a_time() {
    let world = sandbox(WorldFile::default());
    let mut batch = denials("tester", 0..SENDER);
    batch.extend((0..60).map(|n| denied(&format!("app-{n}"), &invented(0))));
    let payload = queue(&batch);
    let config = Config::default();
    let home = FunctionIdentity::default();
    let allowance = TimeBudget { until: world.now(), lease: SignedDuration::from_secs(90) };
    let terms = RunContext { config: &config, home: &home, allowance };
    block_on(handle(&world, &terms, payload.as_bytes()))
        .unwrap()
        .incidents
        .iter()
        .for_each(|r| assert!(r.recorded));
    world.pass(SignedDuration::from_mins(5));
    let before = calls(&world, "take_over");
    let latency = SignedDuration::from_millis(100);
    let allowance = TimeBudget { until: world.now() + SignedDuration::from_secs(40), ..allowance };
    let (swept, took) = in_time(&world, latency, sweep(&world, &RunContext { allowance, ..terms }));
    let swept = swept.unwrap();
    assert_eq!((calls(&world, "take_over") - before, swept.failed.len()), (80, 0));
    // Each takes a lease and asks IAM, two calls one after the other: ten rounds. Then 80 records are written.
    assert!(took < latency * (2 * 80), "{took}");
    assert_eq!(swept.notices[0].incidents.len(), 80);
}

#[test]
fn a_sweep_tells_in_the_order_of_rank() {
    let world = sandbox(WorldFile::default());
    let malformed = "Malformed input request: #: required key [messages] not found";
    // IAM is asked about a denial, and nobody about a malformed request, which is ready sooner.
    let mut batch: Vec<String> = (0..10)
        .map(|n| by(&format!("app-{n}"), &error("us-east-1", &invented(0), "ValidationException", malformed)))
        .collect();
    batch.extend((0..10).map(|n| denied(&format!("app-{n}"), &invented(0))));
    let config = Config { digest_above: 100, ..Config::default() };
    let home = FunctionIdentity::default();
    let allowance = TimeBudget { until: world.now(), lease: SignedDuration::from_secs(90) };
    let terms = RunContext { config: &config, home: &home, allowance };
    block_on(handle(&world, &terms, queue(&batch).as_bytes())).unwrap();
    world.pass(SignedDuration::from_mins(5));
    let allowance = TimeBudget { until: world.now() + SignedDuration::from_secs(40), ..allowance };
    let latency = SignedDuration::from_millis(100);
    in_time(&world, latency, sweep(&world, &RunContext { allowance, ..terms })).0.unwrap();
    let causes: Vec<String> = world.published().iter().map(|n| n.cause.unwrap().to_string()).collect();
    assert_eq!((causes.len(), causes.iter().position(|cause| cause == "malformed")), (20, Some(10)));
}

#[test]
fn a_sweep_takes_no_lease_for_what_it_has_no_time_for() {
    let world = sandbox(WorldFile::default());
    let batch: Vec<String> = (0..80).map(|n| denied(&format!("app-{n}"), &invented(0))).collect();
    let payload = queue(&batch);
    let config = Config::default();
    let home = FunctionIdentity::default();
    let allowance = TimeBudget { until: world.now(), lease: SignedDuration::from_secs(90) };
    let terms = RunContext { config: &config, home: &home, allowance };
    block_on(handle(&world, &terms, payload.as_bytes())).unwrap();
    world.pass(SignedDuration::from_mins(5));
    let allowance = TimeBudget { until: world.now() + SignedDuration::from_secs(1), ..allowance };
    let latency = SignedDuration::from_millis(300);
    let (swept, _) = in_time(&world, latency, sweep(&world, &RunContext { allowance, ..terms }));
    assert!(swept.unwrap().out_of_time);
    let taken = calls(&world, "take_over") as usize;
    assert!((8..=16).contains(&taken), "{taken}");
    let due = block_on(world.due(Shards::ALL, world.now(), 100)).unwrap();
    assert_eq!(due.len(), 80 - taken, "what was not looked at is due and free");
}

#[test]
fn one_incident_that_fails_in_a_sweep_keeps_no_other_waiting() {
    let world = sandbox(WorldFile::default());
    let batch: Vec<String> = (0..20).map(|n| denied(&format!("app-{n}"), &invented(0))).collect();
    let payload = queue(&batch);
    let config = Config::default();
    let home = FunctionIdentity::default();
    let allowance = TimeBudget { until: world.now(), lease: SignedDuration::from_secs(90) };
    let terms = RunContext { config: &config, home: &home, allowance };
    block_on(handle(&world, &terms, payload.as_bytes())).unwrap();
    world.pass(SignedDuration::from_mins(5));
    world.change(|file| file.faults.push(fault("take_over", Some(3), FaultKind::Unavailable)));
    let swept = run_sweep(&world);
    assert_eq!((swept.failed.len(), swept.notices[0].incidents.len()), (1, 19));
}

#[test]
fn what_aws_recorded_is_told_while_a_flood_is_left_to_the_sweep() {
    let world = sandbox(busy());
    let roles: Vec<String> = (0..30).map(|n| denied(&format!("app-{n}"), &invented(0))).collect();
    deliver(&world, &queue(&roles));
    assert_eq!(kinds(&world).len(), 5, "the others are left to the sweep");
    let no_form = "Model use case details have not been submitted for this account. Fill out the Anthropic use case details form before using the model.";
    let mut batch: Vec<String> = (30..60).map(|n| denied(&format!("app-{n}"), &invented(0))).collect();
    let haiku = "us.anthropic.claude-haiku-4-5-20251001-v1:0";
    batch.push(error("us-east-1", haiku, "ResourceNotFoundException", no_form));
    deliver(&world, &queue(&batch));
    let told = world.published().pop().unwrap();
    assert_eq!((told.cause.unwrap().as_str(), told.model_id.unwrap().as_str()), ("use-case-form", haiku));
}

#[test]
fn a_throttle_is_looked_at_although_others_are_left_to_the_sweep() {
    let world = sandbox(busy());
    let too_many = "Too many tokens, please wait before trying again.";
    let mut batch = Vec::new();
    for region in ["us-east-1", "us-east-2", "us-west-2"] {
        for model in [
            "us.amazon.nova-pro-v1:0",
            "us.amazon.nova-lite-v1:0",
            "us.anthropic.claude-haiku-4-5-20251001-v1:0",
        ] {
            batch.push(error(region, model, "ThrottlingException", too_many));
        }
    }
    batch.push(throttle(SONNET));
    let report = deliver(&world, &queue(&batch));
    let left = |r: &&bedrock_remediator::run::handler::IncidentReport| {
        r.driven.as_ref().unwrap().as_ref().unwrap().is_left
    };
    assert_eq!(report.incidents.iter().filter(left).count(), 4);
    assert_eq!(world.increase_requests().len(), 1);
}

#[test]
fn throttles_of_models_that_nobody_knows_do_not_delay_one_of_a_model_with_a_quota() {
    let world = sandbox(busy());
    let mut batch: Vec<String> = (0..200).map(|n| throttle(&format!("us.example.model-{n}-v1:0"))).collect();
    batch.push(throttle(SONNET));
    let payload = queue(&batch);
    let (config, home) = (Config::default(), FunctionIdentity::default());
    // Time for a few of them.
    let allowance = TimeBudget {
        until: world.now() + SignedDuration::from_secs(2),
        lease: SignedDuration::from_secs(90),
    };
    let terms = RunContext { config: &config, home: &home, allowance };
    let latency = SignedDuration::from_millis(100);
    let (report, _) = in_time(&world, latency, handle(&world, &terms, payload.as_bytes()));
    assert!(report.unwrap().incidents.iter().all(|report| report.recorded));
    assert_eq!((open(&world).len(), world.increase_requests().len()), (201, 1));
}

#[test]
fn the_first_lines_of_a_digest_in_chat_are_the_most_urgent() {
    let world = sandbox(WorldFile::default());
    let malformed = "Malformed input request: #: required key [messages] not found";
    let mut batch: Vec<String> = (0..60)
        .map(|n| by(&format!("app-{n}"), &error("us-east-1", &invented(0), "ValidationException", malformed)))
        .collect();
    batch.extend((0..10).map(|n| denied(&format!("late-{n}"), &invented(0))));
    deliver(&world, &queue(&batch));
    world.pass(SignedDuration::from_mins(5));
    run_sweep(&world);
    let digest = world.published().into_iter().find(|n| n.kind == Kind::Digest).unwrap();
    let message = bedrock_remediator::notice::message(&digest);
    let body: Value = serde_json::from_str(&message.body).unwrap();
    let chat: Value = serde_json::from_str(body["https"].as_str().unwrap_or("null")).unwrap_or(Value::Null);
    let text = chat["content"]["description"].as_str().unwrap_or_default().to_owned();
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("- ")).collect();
    assert_eq!(lines.len(), 20);
    let urgent = digest.incidents.iter().filter(|l| l.cause.unwrap().as_str() == "identity-policy").count();
    assert!(urgent > 0 && lines[..urgent].iter().all(|line| line.contains("permission")), "{text}");
}

#[test]
fn in_every_flood_the_real_problems_are_found_within_ten_minutes() {
    for flood in ["one-caller", "many-callers", "log-group", "invented-ids"] {
        let figures = storm(&["--flood", flood, "--false-errors", "3000", "--latency", "30"]);
        for real in ["minutes_to_increase", "minutes_to_form"] {
            assert!(figures[real].as_f64().is_some_and(|minutes| minutes <= 10.0), "{figures}");
        }
        let number = |key: &str| figures[key].as_u64().unwrap();
        assert_eq!(
            (number("requests"), number("time_outs"), number("delivered_again")),
            (1, 0, 0),
            "{flood}"
        );
        assert!(number("mails") <= 20, "{figures}");
        // An incident is looked at with eight calls at most, when it is opened and at each of four ticks.
        assert!(number("aws_calls") <= 8 * 5 * number("incidents"), "{figures}");
        assert!(number("incidents") <= 2 * (u64::from(IN_PLACE) + 2), "{figures}");
    }
}

fn storm(arguments: &[&str]) -> Value {
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_bedrock-remediator"));
    let output = program.arg("storm").args(arguments).arg("--json").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The ids of what is open, so that two worlds can be compared.
fn names(world: &Sandbox) -> BTreeSet<String> {
    open(world).iter().map(|incident| incident.id.to_string()).collect()
}

#[test]
fn what_a_flood_opens_does_not_depend_on_how_it_is_cut_into_deliveries() {
    let whole = sandbox(WorldFile::default());
    deliver(&whole, &queue(&denials("tester", 0..60)));
    let cut = sandbox(WorldFile::default());
    for event in denials("tester", 0..60) {
        deliver(&cut, &event);
    }
    assert_eq!(names(&whole), names(&cut));
}
