//! Storms: many errors, many incidents, and a world that fails meanwhile. All of it ends well.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeSet;

use crate::support::story::*;
use bedrock_remediator::ids::IncidentId;
use bedrock_remediator::incident::record::State;
use bedrock_remediator::notice::{Kind, LARGEST, Message, Notice};
use bedrock_remediator::plan::Reason;
use bedrock_remediator::ports::Ledger;
use bedrock_remediator::quota::request::RequestStatus;
use bedrock_remediator::run::handler::DeliveryReport;
use bedrock_remediator::sandbox::{FaultKind, Sandbox, WorldFile};
use bedrock_remediator::shards::Shards;
use jiff::SignedDuration;

/// Denials of `roles` roles, one error each: as many incidents.
fn denials(roles: usize) -> Vec<String> {
    (0..roles)
        .map(|n| {
            let who = format!("arn:aws:sts::111122223333:assumed-role/app-{n:04}/session");
            let text = format!(
                "User: {who} is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0 because no identity-based policy allows the bedrock:InvokeModel action"
            );
            let event = error("us-east-1", "amazon.nova-lite-v1:0", "AccessDeniedException", &text);
            event.replace("checkout-api", &format!("app-{n:04}"))
        })
        .collect()
}

/// What was told of each incident: by a notice of its own or by a line of a digest.
fn told(world: &Sandbox) -> Vec<(IncidentId, String)> {
    let of = |n: Notice| -> Vec<(IncidentId, String)> {
        let lines = n.incidents.iter().map(|l| (l.incident_id.clone().unwrap(), l.notice_id.clone()));
        match n.incident_id {
            Some(id) => vec![(id, n.notice_id)],
            None => lines.collect(),
        }
    };
    world.published().into_iter().flat_map(of).collect()
}

fn ids(report: &DeliveryReport) -> BTreeSet<IncidentId> {
    report.incidents.iter().map(|i| i.incident.id.clone()).collect()
}

#[test]
fn many_incidents_within_minutes_are_told_in_one_digest() {
    let world = sandbox(WorldFile::default());
    let batch = queue(&denials(60));
    let report = deliver(&world, &batch);
    assert_eq!(report.incidents.len(), 60);
    assert_eq!(kinds(&world), ["opened"; 5]);
    // Whoever waits for the digest is not driven again by each duplicate.
    let before: u32 = world.calls().values().sum();
    deliver(&world, &batch);
    let drives = world.calls().values().sum::<u32>() - before - 60;
    assert!(drives <= 5, "{drives}");
    world.pass(SignedDuration::from_mins(5));
    run_sweep(&world);
    assert_eq!(kinds(&world).len(), 6);
    let digest = world.published().pop().unwrap();
    assert_eq!((digest.kind, digest.incidents.len()), (Kind::Digest, 55));
    let once: BTreeSet<_> = told(&world).into_iter().collect();
    assert_eq!((once.len(), told(&world).len()), (60, 60));
    assert_eq!(once.into_iter().map(|(id, _)| id).collect::<BTreeSet<_>>(), ids(&report));
    insta::assert_snapshot!("digest", digest.mail());
    // Every one is told, and its duplicates are only counted.
    for id in ids(&report) {
        let record = block_on(world.incident(&id)).unwrap().unwrap();
        assert_eq!((record.state, record.incident.counts.errors), (State::Told, 2));
    }
    deliver(&world, &batch);
    run_sweep(&world);
    assert_eq!(kinds(&world).len(), 6);
}

/// Ticks every five minutes, for so long.
fn tick_for(world: &Sandbox, time: SignedDuration) {
    for _ in 0..time.as_mins() / 5 {
        world.pass(SignedDuration::from_mins(5));
        run_sweep(world);
    }
}

fn break_down(world: &Sandbox, calls: &[&str], kind: FaultKind) {
    world.change(|file| file.faults.extend(calls.iter().map(|call| fault(call, None, kind))));
}

fn mend(world: &Sandbox) {
    world.change(|file| file.faults.clear());
}

#[test]
fn the_largest_digest_is_one_that_sns_takes() {
    let world = sandbox(WorldFile::default());
    let long = format!("amazon.{}", "x".repeat(400));
    let denials = denials(200).into_iter().enumerate().map(|(n, denial)| {
        let denial = denial.replace("amazon.nova-lite-v1:0", &format!("{long}{n}"));
        denial.replace(&format!("app-{n:04}"), &format!("{}-{n:04}", "y".repeat(59)))
    });
    deliver(&world, &queue(&denials.collect::<Vec<_>>()));
    tick_for(&world, SignedDuration::from_mins(5));
    let digests = world.published().into_iter().filter(|n| n.kind == Kind::Digest);
    assert_eq!(digests.map(|n| n.incidents.len()).collect::<Vec<_>>(), [100, 95]);
    let largest = world.messages().iter().map(Message::size).max().unwrap();
    assert!((128 * 1024..=LARGEST).contains(&largest), "{largest}");
}

#[test]
fn what_files_a_request_is_told_by_itself_in_any_crowd() {
    let world = sandbox(busy());
    let mut batch = denials(20);
    batch.push(throttle(SONNET));
    deliver(&world, &queue(&batch));
    tick_for(&world, SignedDuration::from_mins(5));
    assert_eq!(world.increase_requests().len(), 1);
    let mut told: Vec<_> = world.published().into_iter().filter(|n| !n.actions.is_empty()).collect();
    let filed = told.pop().unwrap();
    assert_eq!((filed.kind, filed.cause.unwrap().as_str()), (Kind::Opened, "tokens-per-minute"));
    assert_eq!(kinds(&world).iter().filter(|kind| *kind == "digest").count(), 1);
}

/// Requests for models that do not exist, each another.
fn floods(many: usize, message: &str) -> Vec<String> {
    let model = |n| format!("amazon.nova-lite-v1:{}", 100 + n);
    (0..many).map(|n| error("us-east-1", &model(n), "ValidationException", message)).collect()
}

const INVALID: &str = "The provided model identifier is invalid.";
const MALFORMED: &str = "Malformed input request: #: required key [messages] not found";

#[test]
fn a_flood_of_malformed_requests_hides_neither_a_throttle_nor_a_denial() {
    let world = sandbox(busy());
    deliver(&world, &queue(&floods(30, MALFORMED)));
    // Nobody is told one by one any more; what comes last in the next delivery is driven all the same.
    let mut batch = floods(40, MALFORMED);
    batch.extend(denials(1));
    batch.push(throttle(SONNET));
    let report = deliver(&world, &queue(&batch));
    let causes: Vec<_> = report.incidents.iter().take(3).map(|i| i.incident.cause.as_str()).collect();
    assert_eq!(causes, ["identity-policy", "tokens-per-minute", "malformed"]);
    assert_eq!(world.increase_requests().len(), 1);
    let filed = world.published().pop().unwrap();
    assert_eq!(filed.cause.unwrap().as_str(), "tokens-per-minute");
    tick_for(&world, SignedDuration::from_mins(5));
    let digest = world.published().pop().unwrap();
    assert_eq!(digest.incidents[0].cause.unwrap().as_str(), "identity-policy");
    let title = "17 Bedrock incidents at once: 1 x An IAM permission is missing, 15 x Malformed request, 1 more cause";
    assert_eq!((digest.kind, digest.title.as_str()), (Kind::Digest, title));
}

#[test]
fn ten_thousand_invalid_ids_of_one_caller_are_one_incident_that_counts_every_error() {
    let world = sandbox(busy());
    let events: Vec<_> = floods(10_000, INVALID).iter().map(|e| serde_json::from_str(e).unwrap()).collect();
    let report = deliver(&world, &serde_json::Value::Array(events).to_string());
    let errors: u64 = report.incidents.iter().map(|i| i.incident.counts.errors).sum();
    assert_eq!((report.incidents.len(), errors), (1, 10_000));
    assert_eq!(report.incidents[0].incident.model.as_ref().unwrap().as_str(), "amazon.nova-lite-v1:10099");
    assert_eq!(world.calls()["claim"], 1);
}

#[test]
fn denials_of_thousands_of_roles_for_as_many_resources_are_no_more_incidents_than_a_place_opens() {
    let world = sandbox(busy());
    let events = denials(2500).into_iter().enumerate().map(|(n, denial)| {
        let mut event: serde_json::Value = serde_json::from_str(&denial).unwrap();
        event["detail"]["requestParameters"] = serde_json::Value::Null;
        let text = event["detail"]["errorMessage"].as_str().unwrap();
        event["detail"]["errorMessage"] = text.replace("nova-lite-v1:0", &format!("nova-lite-v1:{n}")).into();
        event
    });
    let report = deliver(&world, &serde_json::Value::Array(events.collect()).to_string());
    let errors: u64 = report.incidents.iter().map(|i| i.incident.counts.errors).sum();
    assert_eq!((report.incidents.len(), errors), (201, 2500));
}

#[test]
fn a_digest_of_which_some_was_not_recorded_is_told_again_under_the_same_ids() {
    let world = sandbox(WorldFile::default());
    deliver(&world, &queue(&denials(30)));
    let finished = world.calls()["finish"];
    world.change(|file| {
        for n in 1..=10 {
            file.faults.push(fault("finish", Some(finished + n), FaultKind::Unavailable));
        }
    });
    tick_for(&world, SignedDuration::from_mins(15));
    assert_eq!(kinds(&world).iter().filter(|kind| *kind == "digest").count(), 2);
    let (all, once): (Vec<_>, BTreeSet<_>) = (told(&world), told(&world).into_iter().collect());
    assert_eq!((all.len(), once.len()), (40, 30), "the ten that were not recorded, once more");
}

#[test]
fn a_first_deploy_into_thousands_of_open_incidents_ends_in_a_few_messages() {
    let world = sandbox(WorldFile::default());
    let all = denials(3000);
    for batch in all.chunks(1000) {
        let report = deliver(&world, &queue(batch));
        assert!(report.failed_ids().is_empty());
    }
    tick_for(&world, SignedDuration::from_mins(10));
    let once: BTreeSet<_> = told(&world).into_iter().collect();
    assert_eq!((once.len(), told(&world).len()), (201, 201));
    let rows = world.incidents();
    let open = rows.iter().filter(|row| row.record.state != State::Closed);
    let counted: u64 = open.map(|row| row.record.incident.counts.errors).sum();
    assert_eq!((kinds(&world).len(), counted), (5 + 2, 3000));
    assert!(block_on(world.due(Shards::ALL, now() + SignedDuration::from_mins(30), 10)).unwrap().is_empty());
}

#[test]
fn a_table_that_throttles_lets_the_queue_keep_what_it_has() {
    let world = sandbox(busy());
    break_down(&world, &["claim"], FaultKind::Throttled);
    let mut waiting = denials(10);
    waiting.push(throttle(SONNET));
    for _ in 0..3 {
        let failed = deliver(&world, &queue(&waiting)).failed_ids();
        assert_eq!(failed.len(), waiting.len(), "all of it comes again");
        world.pass(SignedDuration::from_mins(6));
    }
    assert!(world.published().is_empty() && world.increase_requests().is_empty());
    mend(&world);
    deliver(&world, &queue(&waiting));
    tick_for(&world, SignedDuration::from_mins(5));
    assert_eq!((told(&world).len(), world.increase_requests().len()), (11, 1));
}

#[test]
fn a_topic_that_refuses_for_an_hour_is_made_up_for_in_one_digest() {
    let world = sandbox(busy());
    break_down(&world, &["publish"], FaultKind::Denied);
    let mut batch = denials(30);
    batch.insert(0, throttle(SONNET));
    let report = deliver(&world, &queue(&batch));
    assert!(report.failed_ids().is_empty(), "the ledger holds them");
    // A storm goes on meanwhile, and costs one write for each incident and batch.
    let before: u32 = world.calls().values().sum();
    deliver(&world, &queue(&batch));
    let more = world.calls().values().sum::<u32>() - before;
    assert!(more <= 31 + 3, "{more}");
    tick_for(&world, SignedDuration::from_hours(1));
    assert!(world.published().is_empty());
    assert_eq!(world.increase_requests().len(), 1, "acted once all the same");
    mend(&world);
    tick_for(&world, SignedDuration::from_mins(5));
    assert_eq!(kinds(&world), ["opened", "digest"]);
    assert_eq!(told(&world).len(), 31);
    let filed = &world.published()[0];
    assert!(filed.mail().contains("request-0001"), "{}", filed.mail());
}

#[test]
fn service_quotas_down_for_an_hour_ends_in_the_one_request_it_should_have_been() {
    let every = ["applied", "default_value", "history", "request_increase"];
    for (down, kind) in [
        (&every[..], FaultKind::Unavailable),
        (&every[3..], FaultKind::Throttled),
        (&every[..3], FaultKind::LostAnswer),
    ] {
        let world = sandbox(busy());
        break_down(&world, down, kind);
        let report = deliver(&world, &throttle(SONNET));
        assert_eq!(withheld(&report), [Reason::NoEvidence]);
        tick_for(&world, SignedDuration::from_hours(1));
        assert!(world.increase_requests().is_empty());
        assert_eq!(kinds(&world), ["opened"], "and it is not told every five minutes");
        mend(&world);
        tick_for(&world, SignedDuration::from_mins(10));
        assert_eq!(world.increase_requests().len(), 1);
        assert_eq!(kinds(&world), ["opened", "again"], "that it was asked for is news");
    }
}

#[test]
fn dead_letters_that_are_delivered_again_act_no_second_time() {
    let world = sandbox(busy());
    let mut dead = denials(10);
    dead.push(throttle(SONNET));
    deliver(&world, &queue(&dead));
    tick_for(&world, SignedDuration::from_mins(5));
    assert_eq!((told(&world).len(), world.increase_requests().len()), (11, 1));
    // The same hour, and after AWS has said no.
    deliver(&world, &queue(&dead));
    tick_for(&world, SignedDuration::from_mins(5));
    assert_eq!((told(&world).len(), world.increase_requests().len()), (11, 1));
    world.decide("request-0001", RequestStatus::CaseClosed, None);
    tick_for(&world, SignedDuration::from_mins(15));
    world.pass(SignedDuration::from_hours(10 * 24));
    deliver(&world, &queue(&dead));
    tick_for(&world, SignedDuration::from_mins(5));
    let asked: Vec<f64> = world.increase_requests().iter().map(|r| r.desired).collect();
    assert!(asked.is_sorted_by(|one, next| next < one), "after AWS's no only less is asked for: {asked:?}");
    let each = told(&world).len();
    assert!(each <= 11 + 1 + 11, "each once more, ten days later: {each}");
}

/// What the program says in JSON.
fn figures(arguments: &[&str]) -> serde_json::Value {
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_bedrock-remediator"));
    let output = program.args(arguments).output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_storms_figures_add_up() {
    let storm = figures(&["storm", "--events", "5000", "--incidents", "30", "--duplicates", "20", "--json"]);
    let number = |key: &str| storm[key].as_u64().unwrap();
    assert_eq!((number("deliveries"), number("batches"), number("failed")), (6000, 6, 0));
    assert_eq!((number("counted"), number("incidents_told")), (6000, 30));
    // A claim for each incident and batch; to open one takes a few writes more, once.
    let (writes, claims) = (number("ledger_writes"), number("writes_bound"));
    assert!((claims..claims + 5 * 30).contains(&writes), "{writes}");
    // Three models in three Regions are throttled; one of them has no adjustable quota.
    assert_eq!((number("requests"), number("notices")), (6, 15));
}

#[cfg(feature = "simulation")]
#[test]
fn the_simulation_counts_its_lives() {
    let lives = figures(&["simulate", "--seeds", "12", "--json"]);
    assert_eq!((&lives["seeds"], &lives["broken"]), (&12.into(), &0.into()));
    assert!(lives["lived"]["deliveries"].as_u64() > lives["lived"]["messages"].as_u64());
}
