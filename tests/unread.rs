//! What AWS does not answer is never taken for an answer, and what it does not answer for a day is told.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use crate::support::story::*;
use bedrock_remediator::config::Config;
use bedrock_remediator::identity::FunctionIdentity;
use bedrock_remediator::incident::record::State;
use bedrock_remediator::notice::Notice;
use bedrock_remediator::plan::Reason;
use bedrock_remediator::quota::request::{RequestOutcome, RequestStatus};
use bedrock_remediator::run::context::RunContext;
use bedrock_remediator::run::handler::handle;
use bedrock_remediator::sandbox::{FaultKind, MinuteEntry, Sandbox, WorldFile};
use bedrock_remediator::usage::Minute;
use jiff::SignedDuration;
use serde_json::json;

const QUARTER: SignedDuration = SignedDuration::from_mins(15);
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// Lets so many times 15 minutes pass, with a tick after each.
fn tick(world: &Sandbox, times: u32) {
    for _ in 0..times {
        world.pass(QUARTER);
        run_sweep(world);
    }
}

fn mend(world: &Sandbox) {
    world.change(|file| file.faults.clear());
}

fn breaks(world: &Sandbox, call: &str, kind: FaultKind) {
    world.change(|file| file.faults.push(fault(call, None, kind)));
}

fn outcomes(world: &Sandbox) -> Vec<RequestOutcome> {
    world.published().iter().filter_map(|n| n.outcome).collect()
}

fn unanswered(world: &Sandbox) -> Vec<Notice> {
    world.published().into_iter().filter(|n| n.kind.as_str() == "unanswered").collect()
}

fn because(notice: &Notice) -> String {
    notice.because.join(" ")
}

/// Files an increase for the throttled model.
fn filed() -> Sandbox {
    let world = sandbox(busy());
    deliver(&world, &throttle(SONNET));
    assert_eq!(world.increase_requests().len(), 1);
    world
}

const FAILURES: [FaultKind; 5] = [
    FaultKind::Throttled,
    FaultKind::Unavailable,
    FaultKind::Denied,
    FaultKind::LostAnswer,
    FaultKind::Hangs,
];

#[test]
fn no_read_that_fails_beside_news_of_a_quota_ends_the_request() {
    let bodies = [throttle(SONNET), sample("quota-request-closed.json")];
    for call in ["history", "request", "applied", "default_value"] {
        for kind in FAILURES.into_iter().filter(|kind| *kind != FaultKind::Hangs) {
            for nth in 1..=3 {
                let mut file = busy();
                file.faults.push(fault(call, Some(nth), kind));
                let world = sandbox(file);
                deliver(&world, &queue(&bodies));
                let case = format!("{call} {kind:?} {nth}: {:?}", kinds(&world));
                assert_eq!(outcomes(&world), [], "{case}");
                // Where it was filed, AWS's decision is still told.
                if let Some(request) = world.increase_requests().pop() {
                    mend(&world);
                    world.decide(&request.id, RequestStatus::CaseClosed, Some(request.desired));
                    tick(&world, 3);
                    assert_eq!(outcomes(&world), [RequestOutcome::Granted], "{case}");
                }
            }
        }
    }
}

#[test]
fn the_same_on_the_command_lines_world_file() {
    let world = json!({ "faults": [{ "call": "history", "nth": 2, "kind": "throttled" }] });
    let file = WorldFile { faults: WorldFile::parse(&world.to_string()).unwrap().faults, ..busy() };
    let world = sandbox(file);
    deliver(&world, &queue(&[throttle(SONNET), sample("quota-request-closed.json")]));
    assert_eq!(kinds(&world), ["opened"]);
}

#[test]
fn a_fault_of_a_call_that_no_port_has_is_an_error_that_names_it() {
    let file = json!({ "faults": [{ "call": "histroy", "kind": "throttled" }] });
    let error = WorldFile::parse(&file.to_string()).unwrap_err().to_string();
    assert!(error.contains("`histroy`") && error.contains("history"), "{error}");
}

#[test]
fn a_request_that_cannot_be_read_is_told_after_a_day_and_then_once_a_week() {
    for (call, right) in [
        ("request", "servicequotas:GetRequestedServiceQuotaChange"),
        ("applied", "servicequotas:GetServiceQuota"),
    ] {
        let world = filed();
        // AWS has decided; only the function cannot see it.
        let id = world.increase_requests()[0].id.clone();
        world.decide(&id, RequestStatus::CaseClosed, None);
        breaks(&world, call, FaultKind::Denied);
        tick(&world, 4 * 23);
        assert_eq!(unanswered(&world).len(), 0, "{call}: within a day");
        tick(&world, 4 * 3);
        let told = unanswered(&world);
        assert_eq!(told.len(), 1, "{call}: after a day");
        let said = because(&told[0]);
        assert!(said.contains(&format!("whether AWS granted the increase request {id}")), "{said}");
        assert!(said.contains(right), "{said}");
        assert!(told[0].next_steps[0].text.contains(right), "{:?}", told[0].next_steps);
        assert_eq!(outcomes(&world), [], "{call}");
        tick(&world, 4 * 24 * 6);
        assert_eq!(unanswered(&world).len(), 1, "{call}: not every day");
        tick(&world, 4 * 24 * 2);
        assert_eq!(unanswered(&world).len(), 2, "{call}: after a week");
        mend(&world);
        tick(&world, 2);
        assert_eq!(outcomes(&world), [RequestOutcome::ClosedUnchanged], "{call}: as soon as it can be read");
        // A new failure has a day of its own.
        assert_eq!(world.incidents()[0].record.unread, None, "{call}");
    }
}

#[test]
fn an_answer_in_between_begins_the_day_anew() {
    let world = filed();
    for _ in 0..4 {
        breaks(&world, "request", FaultKind::Unavailable);
        tick(&world, 4 * 20);
        mend(&world);
        tick(&world, 2);
    }
    assert_eq!(unanswered(&world).len(), 0);
}

#[test]
fn a_value_as_asked_for_is_a_grant_whatever_else_cannot_be_read() {
    let world = filed();
    let request = world.increase_requests().remove(0);
    breaks(&world, "request", FaultKind::Throttled);
    world.decide(&request.id, RequestStatus::CaseClosed, Some(request.desired));
    tick(&world, 2);
    assert_eq!(outcomes(&world), [RequestOutcome::Granted]);
}

#[test]
fn an_approval_that_has_not_taken_effect_yet_is_followed() {
    let world = filed();
    let request = world.increase_requests().remove(0);
    world.decide(&request.id, RequestStatus::Approved, None);
    tick(&world, 4 * 24);
    assert_eq!(outcomes(&world), []);
    world.decide(&request.id, RequestStatus::Approved, Some(request.desired));
    tick(&world, 2);
    assert_eq!(outcomes(&world), [RequestOutcome::Granted]);
}

#[test]
fn an_incident_is_not_over_because_cloudwatch_does_not_answer() {
    let world = sandbox(busy());
    let overloaded = error(
        "us-east-1",
        SONNET,
        "ServiceUnavailableException",
        "Bedrock is unable to process your request.",
    );
    deliver(&world, &overloaded);
    breaks(&world, "usage", FaultKind::Denied);
    tick(&world, 4 * 40);
    assert!(!kinds(&world).contains(&"resolved".to_owned()), "{:?}", kinds(&world));
    tick(&world, 4 * 24);
    let told = unanswered(&world);
    assert_eq!(told.len(), 1, "{:?}", kinds(&world));
    assert!(because(&told[0]).contains("it is unknown whether calls still fail"), "{:?}", told[0].because);
    assert!(told[0].next_steps[0].text.contains("cloudwatch:GetMetricData"), "{:?}", told[0].next_steps);
    mend(&world);
    tick(&world, 8);
    assert_eq!(kinds(&world).last().unwrap(), "resolved");
}

#[test]
fn a_step_is_not_taken_because_bedrock_does_not_answer() {
    let world = sandbox(WorldFile::parse(&sample("access-form-not-submitted.world.json")).unwrap());
    deliver(&world, &sample("access-form-not-submitted.json"));
    assert_eq!(kinds(&world), ["opened"]);
    breaks(&world, "model_state", FaultKind::Unavailable);
    for _ in 0..3 {
        world.pass(SignedDuration::from_hours(24));
        run_sweep(&world);
    }
    assert_eq!(world.incidents()[0].record.state, State::Told, "{:?}", kinds(&world));
    assert_eq!(unanswered(&world).len(), 1, "{:?}", kinds(&world));
    mend(&world);
    world.pass(HOUR);
    run_sweep(&world);
    assert_eq!(kinds(&world).last().unwrap(), "reminder", "the form is still missing");
}

#[test]
fn a_profile_that_could_not_be_read_is_asked_again_and_one_that_is_gone_is_not() {
    let profile = "a1b2c3d4e5f6";
    let world = sandbox(busy());
    breaks(&world, "profile_models", FaultKind::Throttled);
    assert_eq!(withheld(&deliver(&world, &throttle(profile))), [Reason::NoEvidence]);
    assert_eq!(world.incidents()[0].record.state, State::Seen, "it is looked at again");
    let reason = &world.published()[0].withheld[0].reason;
    assert!(reason.contains("Bedrock could not be asked which: throttled"), "{reason}");

    let world = sandbox(busy());
    assert_eq!(withheld(&deliver(&world, &throttle(profile))), [Reason::UnresolvedProfile]);
    assert_eq!(world.incidents()[0].record.state, State::Told);
}

#[test]
fn a_listing_that_could_not_be_read_is_no_missing_quota() {
    let world = sandbox(busy());
    breaks(&world, "listing", FaultKind::Unavailable);
    let report = deliver(&world, &throttle("us.example.model-of-tomorrow-v1:0"));
    assert_eq!(withheld(&report), [Reason::NoEvidence]);
    let world = sandbox(busy());
    let report = deliver(&world, &throttle("us.example.model-of-tomorrow-v1:0"));
    assert_eq!(withheld(&report), [Reason::NoSuchQuota]);
}

#[test]
fn a_verdict_on_a_part_of_what_a_call_needs_is_not_told_as_one_on_all_of_it() {
    let file = || WorldFile::parse(&sample("permission-one-region-missing.world.json")).unwrap();
    let world = sandbox(file());
    breaks(&world, "profile_models", FaultKind::Throttled);
    deliver(&world, &sample("permission-one-region-missing.json"));
    let said = because(&world.published()[0]);
    assert!(!said.contains("policy simulator"), "{said}");
    assert!(said.contains("AWS did not answer everything: throttled"), "{said}");
}

#[test]
fn an_alarm_whose_models_could_not_be_read_says_so() {
    let mut file = WorldFile::parse(&sample("alarm-all-models.world.json")).unwrap();
    file.faults.push(fault("contributors", None, FaultKind::Throttled));
    file.faults.push(fault("behind", None, FaultKind::Denied));
    let world = sandbox(file);
    deliver(&world, &sample("alarm-all-models.json"));
    let said = because(&world.published()[0]);
    assert!(said.contains("Which models the alarm is about could not be read: "), "{said}");
}

#[test]
fn a_ledger_that_could_not_be_read_for_an_alarm_is_named() {
    let mut file = WorldFile::parse(&sample("alarm-throttles.world.json")).unwrap();
    file.faults.push(fault("seen", None, FaultKind::Throttled));
    let world = sandbox(file);
    deliver(&world, &sample("alarm-throttles.json"));
    let said = because(&world.published()[0]);
    assert!(said.contains("The ledger could not be read for incidents that explain the alarm"), "{said}");
}

#[test]
fn followers_that_could_not_be_woken_are_reported_and_found_by_the_next_ticks() {
    let world = filed();
    let request = world.increase_requests().remove(0);
    world.decide(&request.id, RequestStatus::CaseClosed, Some(request.desired));
    breaks(&world, "wake_followers", FaultKind::Throttled);
    let (config, home) = (Config::default(), FunctionIdentity::default());
    let terms = RunContext { config: &config, home: &home, allowance: ALLOWANCE };
    let news = sample("quota-request-closed.json");
    let report = block_on(handle(&world, &terms, news.as_bytes())).unwrap();
    assert_eq!(report.unwoken.len(), 1);
    assert_eq!(outcomes(&world), []);
    tick(&world, 1);
    assert_eq!(outcomes(&world), [RequestOutcome::Granted]);
}

#[test]
fn a_quota_below_the_watch_is_not_called_free_while_another_could_not_be_read() {
    // The tokens are full; the requests have room.
    let mut file = busy();
    let usage = &mut file.usage[0];
    usage.last = None;
    let at = now() - SignedDuration::from_mins(30);
    usage.series.push(MinuteEntry {
        at,
        values: Minute { invocations: 10.0, input_tokens: 4.9e6, ..Minute::default() },
    });
    file.region = bedrock_remediator::ids::Region::parse("us-east-1");
    let world = sandbox(file);
    let home = world_home();
    let terms = |config| RunContext { config, home: &home, allowance: ALLOWANCE };
    let config = Config::default();
    block_on(bedrock_remediator::run::sweep::sweep(&world, &terms(&config))).unwrap();
    assert_eq!(kinds(&world), ["headroom"]);
    breaks(&world, "applied", FaultKind::Denied);
    for _ in 0..3 {
        world.pass(SignedDuration::from_hours(25));
        block_on(bedrock_remediator::run::sweep::sweep(&world, &terms(&config))).unwrap();
    }
    assert!(!kinds(&world).contains(&"resolved".to_owned()), "{:?}", kinds(&world));
}

fn world_home() -> FunctionIdentity {
    FunctionIdentity {
        account: bedrock_remediator::ids::AccountId::parse("111122223333"),
        region: bedrock_remediator::ids::Region::parse("us-east-1"),
        ..FunctionIdentity::default()
    }
}
