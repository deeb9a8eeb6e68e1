//! What may file: only a need that CloudWatch shows, while somebody listens.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use crate::support::story::*;
use bedrock_remediator::config::Config;
use bedrock_remediator::plan::Reason;
use bedrock_remediator::quota::request::RequestStatus;
use bedrock_remediator::sandbox::{FaultKind, Sandbox, WorldFile};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

const REGION: &str = "us-east-1";
const MODEL: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";

/// An account with a quota of 5,000,000 tokens a minute, and `usage` of the model.
fn account(usage: &Value) -> WorldFile {
    let mut usage = usage.clone();
    usage["region"] = REGION.into();
    usage["model_id"] = MODEL.into();
    usage["first_use"] = "2026-01-01T00:00:00Z".into();
    let quotas = json!([{ "code": "L-F4DDD3EB", "applied": 5_000_000, "default": 5_000_000 }]);
    WorldFile::parse(&json!({ "quotas": quotas, "usage": [usage] }).to_string()).unwrap()
}

/// So much was admitted and refused in each of the last `minutes`.
fn steady(minutes: u32, calls: u32, refused: u32, tokens: u32) -> Value {
    json!({ "last": { "minutes": minutes, "each": {
        "invocations": calls, "throttles": refused, "input_tokens": tokens, "quota_tokens": tokens,
    } } })
}

/// Why nothing was filed for `event`; `None` where something was.
fn withheld(world: &Sandbox, event: &str) -> Option<Reason> {
    let driven = deliver_with(world, &Config::default(), event);
    let response = driven.incidents[0].driven.as_ref().unwrap().as_ref().unwrap();
    let reason = response.withheld().next().map(|w| w.kind);
    assert_eq!(reason.is_none(), world.increase_requests().len() == 1);
    reason
}

#[test]
fn refused_calls_prove_no_need_however_many_they_are() {
    for (calls, refused, tokens, expected) in [
        (6, 1_200, 70_000, Some(Reason::UnprovenThrottle)),
        (6, 90_000, 70_000, Some(Reason::UnprovenThrottle)),
        (240, 600, 2_400_000, Some(Reason::UnprovenThrottle)),
        (260, 600, 2_600_000, None),
        // Not even if each refused call were a request of its own.
        (6, 12, 70_000, Some(Reason::UsageFarBelowQuota)),
    ] {
        let world = sandbox(account(&steady(60, calls, refused, tokens)));
        assert_eq!(withheld(&world, &throttle(MODEL)), expected, "{calls} {refused} {tokens}");
    }
}

#[test]
fn use_before_the_window_does_not_prove_what_is_refused_in_it() {
    let now = now();
    let ago = |minutes: i64, calls: u32, refused: u32| {
        let tokens = 10_000 * calls;
        let values = json!({ "invocations": calls, "throttles": refused, "input_tokens": tokens });
        json!({ "at": now - SignedDuration::from_mins(minutes), "values": values })
    };
    let noon = json!({ "invocations": 400, "input_tokens": 4_000_000 });
    let before = json!({ "days": 14, "first": noon, "last": noon });
    let series = json!({ "days": before, "series": [ago(20, 480, 0), ago(4, 9, 500)] });
    assert_eq!(withheld(&sandbox(account(&series)), &throttle(MODEL)), Some(Reason::UnprovenThrottle));
    let series = json!({ "days": before, "series": [ago(20, 480, 0), ago(4, 480, 500)] });
    assert_eq!(withheld(&sandbox(account(&series)), &throttle(MODEL)), None);
}

/// The same error, as a record that says it was the root user's call.
fn by_root() -> String {
    let mut event: Value = serde_json::from_str(&throttle(MODEL)).unwrap();
    event["detail"]["userIdentity"] =
        json!({ "type": "Root", "arn": "arn:aws:iam::111122223333:root", "accountId": "111122223333" });
    event.to_string()
}

fn needed() -> WorldFile {
    account(&steady(60, 420, 60, 4_900_000))
}

/// What a delivery of an ordinary error and one of the root user's came to, and how often CloudTrail was asked.
fn with_root(world: &Sandbox) -> (Vec<Reason>, u32) {
    let report = deliver(world, &queue(&[throttle(MODEL), by_root(), throttle(MODEL)]));
    (crate::support::story::withheld(&report), asked_for_root(world))
}

fn asked_for_root(world: &Sandbox) -> u32 {
    world.calls().get("called_by_root").copied().unwrap_or_default()
}

fn sweep_for(world: &Sandbox, minutes: i64) {
    for _ in 0..minutes / 5 {
        world.pass(SignedDuration::from_mins(5));
        run_sweep(world);
    }
}

#[test]
fn what_cloudtrail_shows_the_root_user_to_call_is_not_raised() {
    let mut file = needed();
    file.errors = WorldFile::parse(
        &json!({ "errors": [{
        "region": REGION, "model_id": MODEL, "time": "2026-11-20T14:32:05Z",
        "code": "ThrottlingException", "message": "Too many tokens, please wait before trying again.",
        "caller": "arn:aws:iam::111122223333:root",
    }] })
        .to_string(),
    )
    .unwrap()
    .errors;
    let world = sandbox(file);
    assert_eq!(with_root(&world), (vec![Reason::UnusualCaller], 1));
    sweep_for(&world, 60);
    assert!(world.increase_requests().is_empty());
}

#[test]
fn a_record_of_the_root_user_that_cloudtrail_does_not_show_only_delays() {
    let world = sandbox(needed());
    // CloudTrail is minutes late.
    assert_eq!(with_root(&world), (vec![Reason::NoEvidence], 1));
    sweep_for(&world, 10);
    assert!(world.increase_requests().is_empty());
    sweep_for(&world, 10);
    assert_eq!(world.increase_requests().len(), 1);
}

#[test]
fn where_cloudtrail_does_not_answer_about_the_root_user_it_is_asked_again() {
    for kind in [FaultKind::Throttled, FaultKind::Unavailable, FaultKind::Denied] {
        let mut file = needed();
        file.faults.push(fault("called_by_root", None, kind));
        let world = sandbox(file);
        assert_eq!(with_root(&world), (vec![Reason::NoEvidence], 1), "{kind:?}");
        sweep_for(&world, 30);
        assert!(world.increase_requests().is_empty());
        world.change(|file| file.faults.clear());
        sweep_for(&world, 10);
        let is_passing = kind != FaultKind::Denied;
        assert_eq!(world.increase_requests().len(), usize::from(is_passing), "{kind:?}");
    }
}

#[test]
fn cloudtrail_is_asked_who_calls_only_if_a_request_depends_on_it() {
    let world = sandbox(account(&steady(60, 6, 1_200, 70_000)));
    assert_eq!(with_root(&world), (vec![Reason::UnprovenThrottle], 0));
    let world = sandbox(needed());
    deliver(&world, &throttle(MODEL));
    assert_eq!((world.increase_requests().len(), asked_for_root(&world)), (1, 1));
    deliver(&world, &throttle(MODEL));
    assert_eq!(asked_for_root(&world), 1);
}

#[test]
fn nothing_is_filed_while_nobody_listens() {
    let mut file = needed();
    file.subscribers = Some(0);
    let world = sandbox(file);
    assert_eq!(withheld(&world, &throttle(MODEL)), Some(Reason::NobodyListens));
}

#[test]
fn a_topic_that_does_not_say_who_listens_keeps_nothing_from_being_filed() {
    for kind in [FaultKind::Throttled, FaultKind::Denied, FaultKind::Unavailable] {
        let mut file = needed();
        file.faults.push(fault("subscribers", None, kind));
        assert_eq!(withheld(&sandbox(file), &throttle(MODEL)), None, "{kind:?}");
    }
}

#[test]
fn a_time_that_an_event_tells_is_not_believed_beyond_reason() {
    let told = |time: Timestamp| {
        let world = sandbox(needed());
        let event = throttle(MODEL).replace("2026-11-20T14:32:05Z", &time.to_string());
        deliver(&world, &event);
        let seen = world.incidents()[0].record.incident.clone();
        (seen.first_seen.unwrap(), seen.last_seen.unwrap())
    };
    let oldest = now() - SignedDuration::from_hours(14 * 24);
    for years in [1, 100] {
        let ahead = SignedDuration::from_hours(years * 8766);
        assert_eq!(told(now() + ahead), (now(), now()));
        assert_eq!(told(now() - ahead), (oldest, oldest));
    }
    let hour = now() - SignedDuration::from_hours(1);
    assert_eq!(told(hour), (hour, hour));
}

#[test]
fn an_event_of_the_future_is_not_told_of_for_ever() {
    let world = sandbox(needed());
    deliver(&world, &throttle(MODEL).replace("2026-11-20T14:32:05Z", "2099-01-01T00:00:00Z"));
    world.decide("request-0001", RequestStatus::CaseClosed, Some(1e7));
    world.change(|file| file.usage.clear());
    for _ in 0..7 * 24 {
        world.pass(SignedDuration::from_hours(1));
        run_sweep(&world);
    }
    assert_eq!(kinds(&world), ["opened", "outcome", "resolved"]);
}

#[test]
fn an_old_event_does_not_file_on_throttles_of_its_day() {
    for hours in [7, 30, 13 * 24] {
        let then = now() - SignedDuration::from_hours(hours);
        let values = json!({ "invocations": 420, "throttles": 60, "input_tokens": 4_900_000 });
        let world = sandbox(account(&json!({ "series": [{ "at": then, "values": values }] })));
        let event = throttle(MODEL).replace("2026-11-20T14:32:05Z", &then.to_string());
        assert_eq!(withheld(&world, &event), Some(Reason::NotThrottled), "{hours} hours");
    }
    // Fewer from day to day, and none in the end.
    let noon = |throttles| json!({ "invocations": 420, "throttles": throttles, "quota_tokens": 4_900_000 });
    let fewer = json!({ "days": { "days": 14, "first": noon(60), "last": noon(0) } });
    let event = throttle(MODEL).replace("2026-11-20T14:32:05Z", "2026-11-08T12:00:00Z");
    assert_eq!(withheld(&sandbox(account(&fewer)), &event), Some(Reason::NotThrottled));
}

/// One model for each quota, busy to this share of it.
fn several(models: &[(&str, &str, u32)]) -> Sandbox {
    let mut file = json!({ "quotas": [], "usage": [] });
    for (model, code, share) in models {
        let of_model = steady(60, 420, 60, 50_000 * share);
        let usage = json!({
            "region": REGION, "model_id": model, "first_use": "2026-01-01T00:00:00Z", "last": of_model["last"],
        });
        file["usage"].as_array_mut().unwrap().push(usage);
        let quota = json!({ "code": code, "applied": 5_000_000, "default": 5_000_000 });
        file["quotas"].as_array_mut().unwrap().push(quota);
    }
    sandbox(WorldFile::parse(&file.to_string()).unwrap())
}

#[test]
fn the_last_place_of_a_day_is_kept_for_a_quota_that_is_nearly_full() {
    let models = [
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "L-F4DDD3EB"),
        ("us.anthropic.claude-haiku-4-5-20251001-v1:0", "L-6BF13C7C"),
    ];
    let config = Config { max_increases_per_day: 2, ..Config::default() };
    for (share, filed) in [(70, 1), (85, 2)] {
        let world = several(&models.map(|(model, code)| (model, code, share)));
        for (model, _) in models {
            deliver_with(&world, &config, &throttle(model));
        }
        assert_eq!(world.increase_requests().len(), filed, "{share} %");
    }
}

#[test]
fn an_item_without_an_id_that_fails_lets_the_whole_batch_come_again() {
    let mut batch: Value = serde_json::from_str(&queue(&[throttle(MODEL), "no event".to_owned()])).unwrap();
    batch["Records"][1].as_object_mut().unwrap().remove("messageId");
    let failed = deliver(&sandbox(needed()), &batch.to_string()).failed_ids();
    assert_eq!(failed, [""]);
}

#[test]
fn a_request_that_aws_has_but_does_not_list_yet_is_followed_once_it_is_listed() {
    let mut file = needed();
    let code = file.quotas[0].code.clone();
    let mut hidden = open_request(code.as_str());
    (hidden.created, hidden.listed_from) = (now(), Some(now() + SignedDuration::from_mins(30)));
    file.requests.push(hidden);
    let world = sandbox(file);
    deliver(&world, &throttle(MODEL));
    let reason = world.published()[0].withheld[0].reason.clone();
    assert!(reason.contains("which Service Quotas does not list yet"), "{reason}");
    sweep_for(&world, 90);
    deliver(&world, &throttle(MODEL));
    world.decide("request-0001", RequestStatus::Approved, Some(9e6));
    sweep_for(&world, 90);
    let outcomes = kinds(&world).iter().filter(|kind| *kind == "outcome").count();
    assert_eq!((outcomes, world.calls()["request_increase"], world.increase_requests().len()), (1, 1, 1));
}

#[test]
fn the_operators_words_fill_the_blanks_of_a_justification() {
    let told = |config: &[(&str, &str)]| {
        let mut file: Value = serde_json::from_str(&sample("throttle-tokens.world.json")).unwrap();
        let config = config.iter().map(|(name, value)| ((*name).to_owned(), json!(value)));
        file["config"] = Value::Object(config.collect());
        let file = WorldFile::parse(&file.to_string()).unwrap();
        let config = file.guard_rails().unwrap();
        let world = sandbox(file);
        deliver_with(&world, &config, &sample("throttle-tokens.json"));
        let notice = world.published().pop().unwrap();
        let paste =
            notice.next_steps.iter().find(|step| step.text.starts_with("Paste")).unwrap().text.clone();
        (notice.justification.unwrap(), paste)
    };
    let (blank, paste) = told(&[]);
    assert!(blank.contains("Use case: (add one sentence)."), "{blank}");
    assert!(blank.ends_with("Expected growth: (add one sentence)."), "{blank}");
    assert!(paste.contains("with the sentences in brackets filled in"), "{paste}");
    let (whole, paste) =
        told(&[("USE_CASE", "Answers customers' questions"), ("EXPECTED_GROWTH", "doubles by June.")]);
    assert!(whole.contains("Use case: Answers customers' questions. "), "{whole}");
    assert!(whole.ends_with("Expected growth: doubles by June.") && !whole.contains("(add"), "{whole}");
    assert!(!paste.contains("brackets"), "{paste}");
}
