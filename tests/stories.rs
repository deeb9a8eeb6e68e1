//! Stories of the handler on the embedded world: what an operator would tell of it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};

use crate::support::story::*;
use bedrock_remediator::config::{Config, Mode};
use bedrock_remediator::diagnosis::{Category, Cause, RULES};
use bedrock_remediator::identity::FunctionIdentity;
use bedrock_remediator::ids::{AccountId, AccountRegion, QuotaCode, Region};
use bedrock_remediator::notice::{Kind, Severity};
use bedrock_remediator::plan::{Action, Reason};
use bedrock_remediator::ports::{Ledger, Quotas};
use bedrock_remediator::quota::request::{IncreaseRequest, RequestStatus};
use bedrock_remediator::run::context::{RunContext, TimeBudget};
use bedrock_remediator::run::handler::{DeliveryOutcome, handle};
use bedrock_remediator::run::sweep::sweep;
use bedrock_remediator::sandbox::{FaultKind, LastMinutes, MinuteEntry, Sandbox, WorldFile};
use bedrock_remediator::usage::Minute;
use jiff::SignedDuration;

#[test]
fn a_measured_throttle_ends_in_one_increase_and_one_notice() {
    let world = sandbox(busy());
    let report = deliver(&world, &throttle(SONNET));
    assert_eq!(report.outcome(), DeliveryOutcome::Incident);
    let requests = world.increase_requests();
    assert_eq!(requests.len(), 1);
    assert_eq!((requests[0].code.as_str(), requests[0].desired), ("L-F4DDD3EB", 8_500_000.0));
    let notices = world.published();
    assert_eq!(notices.len(), 1);
    assert!(notices[0].mail().contains("from 5,000,000 to 8,500,000"), "{}", notices[0].mail());
    assert!(notices[0].justification.as_ref().unwrap().contains("peak 420 requests"));
}

#[test]
fn a_duplicate_costs_one_ledger_write_and_tells_nobody() {
    let world = sandbox(busy());
    deliver(&world, &throttle(SONNET));
    let before: u32 = world.calls().values().sum();
    let report = deliver(&world, &queue(&vec![throttle(SONNET); 50]));
    assert_eq!(world.calls().values().sum::<u32>() - before, 1);
    assert_eq!(world.calls()["claim"], 2);
    assert_eq!(world.published().len(), 1);
    assert!(report.failed_ids().is_empty());
    let id = report.incidents[0].incident.id.clone();
    assert_eq!(block_on(world.incident(&id)).unwrap().unwrap().incident.counts.errors, 51);
}

/// How many calls follow one another, given that each waits twice and that what runs side by side waits
/// together.
fn round_trips(future: impl Future) -> usize {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    let mut waits = 0;
    while future.as_mut().poll(&mut context).is_pending() {
        waits += 1;
    }
    waits / 2
}

#[test]
fn a_new_throttle_of_a_known_model_costs_twenty_three_calls_in_seven_round_trips_and_a_duplicate_one() {
    let world = sandbox(busy());
    let (config, home, payload) = (Config::default(), FunctionIdentity::default(), throttle(SONNET));
    let terms = RunContext { config: &config, home: &home, allowance: ALLOWANCE };
    let deliver = || handle(&world, &terms, payload.as_bytes());
    assert_eq!(round_trips(deliver()), 7);
    // `usage` is asked by the minute and by five, and each is a request to CloudWatch.
    let expected = [
        // Two other ways to call the model, each with a quota of its own.
        ("applied", 1 + 2),
        ("called_by_root", 1),
        ("claim", 1),
        ("default_value", 1),
        ("finish", 1),
        ("history", 1),
        ("publish", 1),
        ("quota", 1),
        // Who calls now, and at four times of a day a week ago.
        ("recorded", 5),
        ("request_increase", 1),
        ("reserve", 1),
        // Whether an incident shows that a policy denies one of them.
        ("seen", 1),
        ("subscribers", 1),
        ("usage", 2 + 2),
    ];
    assert_eq!(world.calls(), expected.into());
    assert_eq!(round_trips(deliver()), 1);
    assert_eq!((world.calls()["claim"], world.calls().values().sum::<u32>()), (2, 24));
}

#[test]
fn a_missing_form_costs_seven_calls_in_five_round_trips() {
    let world = sandbox(WorldFile::parse(&sample("access-form-not-submitted.world.json")).unwrap());
    let (config, home, payload) =
        (Config::default(), FunctionIdentity::default(), sample("access-form-not-submitted.json"));
    let terms = RunContext { config: &config, home: &home, allowance: ALLOWANCE };
    assert_eq!(round_trips(handle(&world, &terms, payload.as_bytes())), 5);
    let mut calls = world.calls();
    // The state of an Anthropic model is three requests to Bedrock at once.
    *calls.get_mut("model_state").unwrap() *= 3;
    assert_eq!(calls, [("claim", 1), ("finish", 1), ("model_state", 3), ("publish", 1), ("tally", 1)].into());
}

#[test]
fn an_alarm_and_the_errors_it_stands_for_are_one_incident() {
    let world = sandbox(busy());
    let alarm = sample("alarm-throttles.json");
    deliver(&world, &queue(&[alarm, throttle(SONNET)]));
    assert_eq!(world.published().len(), 1);
    assert_eq!(world.published()[0].cause.unwrap().as_str(), "tokens-per-minute");
    assert_eq!(world.increase_requests().len(), 1);
}

#[test]
fn an_access_error_ends_in_one_reminder_and_no_increase() {
    let world = sandbox(busy());
    let report = deliver(&world, &sample("access-use-case-form.json"));
    let plan = &report.incidents[0].driven.as_ref().unwrap().as_ref().unwrap().plan;
    assert!(
        matches!(plan.actions.as_slice(), [Action::RemindAccess(r)] if r.step == "use-case-form"),
        "{:?}",
        plan.actions
    );
    assert_eq!((world.increase_requests().len(), world.published().len()), (0, 1));
}

#[test]
fn only_throttles_ever_lead_to_an_increase() {
    for rule in RULES.iter().filter(|r| r.cause != Cause::Unrelated) {
        let world = sandbox(busy());
        deliver(
            &world,
            &error("us-east-1", SONNET, rule.example.code.unwrap_or("Exception"), rule.example.message),
        );
        let filed = world.increase_requests().len();
        assert!(filed == 0 || rule.cause.category() == Category::Quota, "{}", rule.id);
        assert_eq!(world.published().len(), 1, "{}", rule.id);
    }
}

#[test]
fn text_alone_never_files() {
    let world = sandbox(busy());
    world.change(|file| file.usage[0].last.as_mut().unwrap().each.throttles = 0.0);
    let report = deliver(&world, &throttle(SONNET));
    assert_eq!(withheld(&report), [Reason::NotThrottled]);
    assert!(world.increase_requests().is_empty());
}

#[test]
fn throttles_of_another_region_model_or_time_do_not_count() {
    let elsewhere = error("us-west-2", SONNET, "ThrottlingException", "Too many tokens, please wait");
    let another = throttle("us.amazon.nova-pro-v1:0");
    for payload in [elsewhere, another] {
        let world = sandbox(busy());
        let report = deliver(&world, &payload);
        assert_eq!(withheld(&report), [Reason::NotThrottled]);
        assert!(world.increase_requests().is_empty());
    }
    let world = sandbox(busy());
    world.change(|file| {
        let usage = &mut file.usage[0];
        let before = usage.last.take().unwrap().each;
        let quiet = Minute { throttles: 0.0, ..before };
        usage.last = Some(LastMinutes { minutes: 90, each: quiet });
        usage.series = vec![MinuteEntry { at: "2026-11-20T12:00:00Z".parse().unwrap(), values: before }];
    });
    let report = deliver(&world, &throttle(SONNET));
    assert_eq!(withheld(&report), [Reason::NotThrottled], "it was throttled, but hours before");
}

#[test]
fn requests_have_a_ceiling_of_their_own() {
    let mut file = busy();
    also_busy(&mut file, SONNET, "L-4A6BFAB1");
    let requests_quota = file.quotas.last_mut().unwrap();
    requests_quota.applied = Some(450.0);
    requests_quota.default = Some(450.0);
    requests_quota.adjustable = Some(true);
    let requests = "Too many requests, please wait before trying again.";
    for (ceiling, desired) in [(None, vec![730.0]), (Some(500.0), vec![500.0]), (Some(450.0), vec![])] {
        let world = sandbox(file.clone());
        let config = Config { max_requests_per_minute: ceiling, ..Config::default() };
        deliver_with(&world, &config, &error("us-east-1", SONNET, "ThrottlingException", requests));
        let asked: Vec<f64> = world.increase_requests().iter().map(|r| r.desired).collect();
        assert_eq!(asked, desired, "{ceiling:?}");
    }
}

#[test]
fn throttles_that_cloudwatch_learns_of_late_are_looked_at_again() {
    let throttles = |world: &Sandbox, n: f64| {
        world.change(|file| file.usage[0].last.as_mut().unwrap().each.throttles = n);
    };
    let world = sandbox(busy());
    throttles(&world, 0.0);
    deliver(&world, &throttle(SONNET));
    for _ in 0..2 {
        world.pass(SignedDuration::from_mins(6));
        run_sweep(&world);
        throttles(&world, 63.0);
    }
    assert_eq!(world.increase_requests().len(), 1);
    assert_eq!(kinds(&world), ["opened", "again"], "told again because a request was filed");
}

#[test]
fn two_profiles_of_one_quota_file_once() {
    let mut file = busy();
    also_busy(&mut file, "au.anthropic.claude-sonnet-4-5-20250929-v1:0", "L-F4DDD3EB");
    let world = sandbox(file);
    let other = throttle("au.anthropic.claude-sonnet-4-5-20250929-v1:0");
    let report = deliver(&world, &queue(&[throttle(SONNET), other]));
    assert_eq!(report.incidents.len(), 2);
    assert_eq!(world.increase_requests().len(), 1);
    assert_eq!(withheld(&report), [Reason::AlreadyRequested]);
}

#[test]
fn the_breaker_stops_the_next_request_of_a_day() {
    let other = "us.amazon.nova-pro-v1:0";
    let config = Config { max_increases_per_day: 1, ..Config::default() };
    let mut file = busy();
    also_busy(&mut file, other, "L-C0326783");
    let world = sandbox(file);
    deliver_with(&world, &config, &throttle(SONNET));
    let report = deliver_with(&world, &config, &throttle(other));
    assert_eq!(withheld(&report), [Reason::DailyLimit]);
    assert_eq!(world.increase_requests().len(), 1);
}

#[test]
fn the_operators_limits_hold() {
    let cases: [(&str, Config, Reason); 5] = [
        (
            "not allowed",
            Config::from_vars(|v| (v == "ALLOWED_MODELS").then(|| "amazon.*".to_owned())).unwrap(),
            Reason::ModelNotAllowed,
        ),
        ("observe", Config { mode: Mode::Observe, ..Config::default() }, Reason::ObserveMode),
        (
            "denied",
            Config::from_vars(|v| (v == "DENIED_MODELS").then(|| "anthropic.*".to_owned())).unwrap(),
            Reason::ModelNotAllowed,
        ),
        ("ceiling", Config { max_tokens_per_minute: Some(5e6), ..Config::default() }, Reason::AtCeiling),
        (
            "history",
            Config { require_history: SignedDuration::from_hours(24 * 400), ..Config::default() },
            Reason::NoHistory,
        ),
    ];
    for (name, config, reason) in cases {
        let world = sandbox(busy());
        let report = deliver_with(&world, &config, &throttle(SONNET));
        assert_eq!(withheld(&report), [reason], "{name}");
        assert!(world.increase_requests().is_empty(), "{name}");
        assert_eq!(world.published().len(), 1, "{name}: withheld is told too");
    }
}

#[test]
fn a_step_and_a_ceiling_bound_the_value() {
    for (config, desired) in [
        (Config { max_step_factor: 1.2, ..Config::default() }, 6e6),
        (Config { max_tokens_per_minute: Some(5.5e6), ..Config::default() }, 5.5e6),
        (Config { headroom_factor: 3.0, ..Config::default() }, 1e7),
    ] {
        let world = sandbox(busy());
        deliver_with(&world, &config, &throttle(SONNET));
        assert_eq!(world.increase_requests()[0].desired, desired);
    }
}

#[test]
fn when_the_ledger_cannot_be_written_the_item_fails_and_nothing_else_happens() {
    let mut file = busy();
    // The access error is claimed first, the throttle second.
    file.faults.push(fault("claim", Some(2), FaultKind::Unavailable));
    let world = sandbox(file);
    let access = sample("access-use-case-form.json");
    let report = deliver(&world, &queue(&[throttle(SONNET), access, sample("tick.json")]));
    assert_eq!(report.failed_ids(), ["m0"]);
    assert!(world.increase_requests().is_empty());
    assert_eq!(world.published().len(), 1);
}

#[test]
fn when_the_topic_refuses_the_sweep_tells_it_later() {
    let mut file = busy();
    file.faults.push(fault("publish", Some(1), FaultKind::Unavailable));
    let world = sandbox(file);
    let report = deliver(&world, &queue(&[throttle(SONNET)]));
    assert!(report.failed_ids().is_empty(), "the ledger holds it");
    assert_eq!((world.published().len(), world.increase_requests().len()), (0, 1));
    world.pass(SignedDuration::from_mins(3));
    let swept = run_sweep(&world);
    assert!(swept.failed.is_empty());
    assert_eq!((world.published().len(), world.increase_requests().len()), (1, 1));
    assert!(world.published()[0].mail().contains("request-0001"));
}

#[test]
fn a_lost_answer_is_looked_up_and_never_asked_twice() {
    let mut file = busy();
    file.faults.push(fault("request_increase", Some(1), FaultKind::LostAnswer));
    file.faults.push(fault("history", Some(2), FaultKind::Unavailable));
    let world = sandbox(file);
    deliver(&world, &throttle(SONNET));
    assert!(world.published()[0].mail().contains("answer was not received"));
    world.pass(SignedDuration::from_mins(16));
    run_sweep(&world);
    assert_eq!(world.increase_requests().len(), 1);
    world.decide("request-0001", RequestStatus::CaseClosed, Some(8_500_000.0));
    world.pass(SignedDuration::from_mins(16));
    run_sweep(&world);
    assert_eq!(kinds(&world), ["opened", "outcome"]);
}

#[test]
fn a_request_that_never_reached_aws_is_asked_again_after_a_while() {
    let mut file = busy();
    file.faults.push(fault("request_increase", Some(1), FaultKind::Throttled));
    let world = sandbox(file);
    let report = deliver(&world, &throttle(SONNET));
    assert_eq!(withheld(&report), [Reason::NoEvidence]);
    assert!(world.increase_requests().is_empty());
    world.pass(SignedDuration::from_mins(241));
    deliver(&world, &throttle(SONNET));
    assert_eq!(world.increase_requests().len(), 1, "the reservation was given back");
}

#[test]
fn somebody_elses_open_request_is_followed_to_its_end() {
    let mut file = busy();
    file.requests.push(open_request("L-F4DDD3EB"));
    let world = sandbox(file);
    let report = deliver(&world, &throttle(SONNET));
    assert_eq!(withheld(&report), [Reason::AlreadyRequested]);
    world.decide("request-0001", RequestStatus::CaseClosed, Some(9e6));
    world.pass(SignedDuration::from_mins(16));
    run_sweep(&world);
    let last = world.published().pop().unwrap();
    assert_eq!(last.title, format!("Quota increase granted: {SONNET} in us-east-1"));
    assert!(last.summary.contains("it took 2 days"), "{}", last.summary);
}

#[test]
fn the_outcome_is_what_the_applied_value_says() {
    let cases = [
        (RequestStatus::CaseClosed, Some(8_500_000.0), "granted"),
        (RequestStatus::CaseClosed, Some(6_000_000.0), "partly granted"),
        (RequestStatus::CaseClosed, None, "closed unchanged"),
        (RequestStatus::Denied, None, "denied"),
    ];
    for (status, applied, word) in cases {
        let world = sandbox(busy());
        deliver(&world, &throttle(SONNET));
        world.pass(SignedDuration::from_mins(16));
        assert!(run_sweep(&world).notices.is_empty(), "still open");
        world.decide("request-0001", status, applied);
        world.pass(SignedDuration::from_mins(16));
        run_sweep(&world);
        let last = world.published().pop().unwrap();
        assert!(last.title.starts_with(&format!("Quota increase {word}")), "{word}: {}", last.title);
    }
}

#[test]
fn service_quotas_own_limit_on_open_requests_is_told() {
    let mut file = busy();
    for code in ["L-C0326783", "L-7C42E72A"] {
        file.requests.push(open_request(code));
    }
    let world = sandbox(file);
    let report = deliver(&world, &throttle(SONNET));
    assert_eq!(withheld(&report), [Reason::AlreadyRequested]);
    let reason = &world.published()[0].withheld[0].reason;
    assert!(reason.contains("until one of the open ones is decided"), "{reason}");
    assert_eq!(world.increase_requests().len(), 2);
}

#[test]
fn a_sudden_use_is_never_raised_by_itself() {
    let file = WorldFile::parse(&sample("throttle-sudden-use.world.json")).unwrap();
    let world = sandbox(file);
    let report = deliver(&world, &throttle(SONNET));
    assert_eq!(withheld(&report), [Reason::UnusualCaller]);
    assert!(world.increase_requests().is_empty());
    let told = &world.published()[0];
    assert_eq!(told.severity, Severity::Critical);
    assert!(told.summary.contains("which may be stolen credentials"), "{}", told.summary);
}

#[test]
fn service_quotas_own_news_ends_the_waiting_at_once() {
    let world = sandbox(busy());
    deliver(&world, &throttle(SONNET));
    world.decide("request-0001", RequestStatus::CaseClosed, Some(8_500_000.0));
    world.pass(SignedDuration::from_mins(1));
    deliver(&world, &sample("quota-request-closed.json"));
    assert_eq!(kinds(&world), ["opened", "outcome"]);
}

#[test]
fn an_incident_that_goes_on_is_told_again_only_after_the_cool_down() {
    let world = sandbox(busy());
    let refused = sample("request-context-length.json");
    let of_now = || refused.replace("2026-11-20T14:32:05Z", &world.time().to_string());
    for _ in 0..5 {
        deliver(&world, &of_now());
        world.pass(SignedDuration::from_mins(40));
    }
    assert_eq!(kinds(&world), ["opened"]);
    world.pass(SignedDuration::from_mins(60));
    deliver(&world, &of_now());
    assert_eq!(kinds(&world), ["opened", "again"]);
    let notices = world.published();
    assert_eq!(notices[1].counts.errors, 6);
    assert_ne!(notices[0].notice_id, notices[1].notice_id);
}

#[test]
fn what_comes_late_or_twice_does_not_say_that_an_incident_goes_on() {
    let world = sandbox(busy());
    let refused = sample("request-context-length.json");
    deliver(&world, &refused);
    world.pass(SignedDuration::from_mins(300));
    deliver(&world, &refused);
    assert_eq!(kinds(&world), ["opened"]);
    world.pass(SignedDuration::from_mins(6));
    deliver(&world, &refused.replace("2026-11-20T14:32:05Z", &world.time().to_string()));
    assert_eq!(kinds(&world), ["opened", "again"]);
}

#[test]
fn an_incident_closes_when_the_metrics_are_quiet_and_not_before() {
    let mut file = busy();
    file.usage[0].last.as_mut().unwrap().each.client_errors = 3.0;
    let world = sandbox(file);
    let denied =
        error("us-east-1", SONNET, "ValidationException", "The provided model identifier is invalid.");
    deliver(&world, &denied);
    for _ in 0..6 {
        world.pass(SignedDuration::from_hours(25));
        run_sweep(&world);
    }
    assert_eq!(kinds(&world), ["opened"], "CloudWatch still counts client errors");
    world.change(|f| f.usage[0].last.as_mut().unwrap().each.client_errors = 0.0);
    world.pass(SignedDuration::from_hours(25));
    run_sweep(&world);
    assert_eq!(kinds(&world), ["opened", "resolved"]);
    deliver(&world, &denied);
    assert_eq!(kinds(&world), ["opened", "resolved", "again"], "within a week it is the same episode");
    assert_eq!(world.published()[2].episode, Some(1));
    assert!(world.published()[2].title.starts_with("Again: "), "{}", world.published()[2].title);
    for _ in 0..16 {
        world.pass(SignedDuration::from_hours(24));
        run_sweep(&world);
    }
    deliver(&world, &denied.replace("2026-11-20T14:32:05Z", &world.time().to_string()));
    assert_eq!(kinds(&world), ["opened", "resolved", "again", "resolved", "opened"]);
    assert_eq!(world.published()[4].episode, Some(2), "after more than a week it is another one");
}

#[test]
fn two_functions_with_the_same_news_act_once() {
    let world = sandbox(busy());
    let (config, home, payload) = (Config::default(), FunctionIdentity::default(), throttle(SONNET));
    let terms = RunContext { config: &config, home: &home, allowance: ALLOWANCE };
    block_on(async {
        let one = handle(&world, &terms, payload.as_bytes());
        let two = handle(&world, &terms, payload.as_bytes());
        let (one, two) = tokio::join!(one, two);
        assert!(one.is_ok() && two.is_ok());
    });
    assert_eq!((world.increase_requests().len(), world.published().len()), (1, 1));
}

#[test]
fn a_function_that_dies_anywhere_is_made_up_for() {
    let (config, home, payload) = (Config::default(), FunctionIdentity::default(), throttle(SONNET));
    let terms = RunContext { config: &config, home: &home, allowance: ALLOWANCE };
    let mut died = 0;
    for times in 1..200 {
        let world = sandbox(busy());
        if crash_after(times, handle(&world, &terms, payload.as_bytes())) {
            break;
        }
        died += 1;
        // The queue delivers again while the dead function's lease still stands, and the ticks go on.
        deliver(&world, &payload);
        for _ in 0..6 {
            world.pass(SignedDuration::from_mins(5));
            run_sweep(&world);
        }
        assert_eq!(world.increase_requests().len(), 1, "died after {times} polls");
        // Told once, and once more under the same id if it died between telling and recording; a request
        // that turned out never to have been filed is news of its own.
        let told = |kind: Kind| -> Vec<String> {
            world.published().into_iter().filter(|n| n.kind == kind).map(|n| n.notice_id).collect()
        };
        let (opened, again) = (told(Kind::Opened), told(Kind::Again));
        assert!(
            (1..=2).contains(&opened.len()) && opened.iter().all(|id| *id == opened[0]),
            "{times}: {opened:?}"
        );
        assert!(again.len() <= 1, "{times}: {again:?}");
    }
    assert!(died >= 12, "before and after each call that changes something: {died}");
}

#[test]
fn what_there_is_no_time_for_is_handed_to_the_next_sweep() {
    let world = sandbox(busy());
    let late = TimeBudget { until: now(), ..ALLOWANCE };
    let terms =
        RunContext { config: &Config::default(), home: &FunctionIdentity::default(), allowance: late };
    let payload =
        queue(&[throttle(SONNET), sample("access-use-case-form.json"), sample("alarm-throttles.json")]);
    let report = block_on(handle(&world, &terms, payload.as_bytes())).unwrap();
    assert!(report.failed_ids().is_empty(), "the ledger holds them");
    assert!(report.incidents.iter().all(|i| i.recorded && matches!(i.driven, Ok(None))));
    assert_eq!(world.calls(), [("claim", 2)].into());
    let out_of_time = block_on(sweep(&world, &terms)).unwrap();
    assert!(out_of_time.out_of_time && world.published().is_empty());
    run_sweep(&world);
    assert_eq!((world.published().len(), world.increase_requests().len()), (2, 1));
}

#[test]
fn the_functions_own_calls_are_no_news() {
    let home = FunctionIdentity {
        role: Some("arn:aws:iam::111122223333:role/checkout-api".to_owned()),
        ..FunctionIdentity::default()
    };
    let world = sandbox(busy());
    let terms = RunContext { config: &Config::default(), home: &home, allowance: ALLOWANCE };
    let report = block_on(handle(&world, &terms, throttle(SONNET).as_bytes())).unwrap();
    assert_eq!(report.outcome(), DeliveryOutcome::Ignored);
    assert_eq!(report.items[0].reason.as_deref(), Some("a call of this function's own role"));
    assert!(world.calls().is_empty());
}

#[test]
fn a_quota_of_a_model_newer_than_the_catalogue_is_found_in_the_accounts_listing() {
    let model = "us.xai.grok-9.1";
    let mut file = busy();
    also_busy(&mut file, model, "L-0000AAAA");
    file.quotas.last_mut().unwrap().name =
        Some("Cross-region model inference tokens per minute for xAI Grok 9.1".to_owned());
    let world = sandbox(file);
    deliver(&world, &throttle(model));
    let requests: Vec<IncreaseRequest> = world.increase_requests();
    assert_eq!(requests[0].code.as_str(), "L-0000AAAA");
    assert_eq!(world.calls()["listing"], 1);
}

#[test]
fn what_cannot_be_read_is_withheld_with_the_reason() {
    for call in ["usage", "applied", "default_value", "history"] {
        let mut file = busy();
        file.faults.push(fault(call, None, FaultKind::Denied));
        let world = sandbox(file);
        let report = deliver(&world, &throttle(SONNET));
        assert_eq!(withheld(&report), [Reason::NoEvidence], "{call}");
        assert!(world.increase_requests().is_empty(), "{call}");
        let reason = &world.published()[0].withheld[0].reason;
        assert!(reason.contains("the function's role lacks `"), "{call}: {reason}");
    }
}

#[test]
fn the_sandbox_keeps_service_quotas_rules() {
    let world = sandbox(WorldFile::default());
    let place = AccountRegion {
        account: AccountId::parse("111122223333").unwrap(),
        region: Region::parse("us-east-1").unwrap(),
    };
    let ask =
        |code: &str, value| block_on(world.request_increase(&place, &QuotaCode::parse(code).unwrap(), value));
    assert!(ask("L-F4DDD3EB", 1.0).unwrap_err().to_string().contains("greater than the default"));
    assert!(ask("L-F4DDD3EB", 1e11).unwrap_err().to_string().contains("too large"));
    assert_eq!(ask("L-F4DDD3EB", 1e9).unwrap().status, RequestStatus::Pending);
    assert!(ask("L-F4DDD3EB", 2e9).unwrap_err().to_string().contains("only one open"));
    assert!(ask("L-99999999", 2e9).is_err());
    let on_demand = "L-CE33604C";
    assert!(ask(on_demand, 1e9).unwrap_err().to_string().contains("not adjustable"));
}

#[test]
fn what_the_function_may_not_ask_is_said_and_does_not_stop_it() {
    let file = || WorldFile::parse(&sample("model-id-misspelt.world.json")).unwrap();
    let nearest = "The nearest that it offers: `eu.anthropic.claude-sonnet-4-5-20250929-v1:0`";
    for (call, right, knows) in [
        (None, None, true),
        (Some("offered"), Some("bedrock:ListFoundationModels"), false),
        (Some("model_state"), Some("bedrock:GetFoundationModelAvailability"), true),
    ] {
        let mut file = file();
        file.faults.extend(call.map(|call| fault(call, None, FaultKind::Denied)));
        let world = sandbox(file);
        deliver(&world, &sample("model-id-misspelt.json"));
        let notice = world.published().remove(0);
        assert_eq!(notice.next_steps[0].text.contains(nearest), knows, "{:?}", notice.next_steps);
        let lacks = notice
            .because
            .iter()
            .find(|b| b.contains("did not answer everything: the function's role lacks"));
        assert_eq!(lacks.is_some(), right.is_some());
        assert!(lacks.is_none_or(|said| said.contains(right.unwrap())), "{lacks:?}");
    }
}
