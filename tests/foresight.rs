//! Stories of what is seen coming: quotas that fill up, and models that end.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use crate::support::story::*;
use bedrock_remediator::config::{Config, Mode};
use bedrock_remediator::identity::FunctionIdentity;
use bedrock_remediator::ids::{AccountId, QuotaCode, Region};
use bedrock_remediator::model::access::Availability;
use bedrock_remediator::notice::{Kind, Severity};
use bedrock_remediator::plan::Reason;
use bedrock_remediator::quota::request::RequestStatus;
use bedrock_remediator::run::context::RunContext;
use bedrock_remediator::run::forecast::ForecastReport;
use bedrock_remediator::run::sweep::{SweepReport, sweep};
use bedrock_remediator::sandbox::{FaultKind, LastMinutes, MinuteEntry, Sandbox, UsageEntry, WorldFile};
use bedrock_remediator::usage::Minute;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

const HAIKU: &str = "us.anthropic.claude-haiku-4-5-20251001-v1:0";
const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// Tokens a minute for Claude Sonnet 4.5 through geographic profiles.
const TOKENS: &str = "L-F4DDD3EB";

fn home() -> FunctionIdentity {
    FunctionIdentity {
        account: AccountId::parse("111122223333"),
        region: Region::parse("us-east-1"),
        ..FunctionIdentity::default()
    }
}

fn tick_with(world: &Sandbox, config: &Config) -> SweepReport {
    let home = home();
    block_on(sweep(world, &RunContext { config, home: &home, allowance: ALLOWANCE })).unwrap()
}

/// Of what is only coming, it tells.
fn tick(world: &Sandbox) -> SweepReport {
    tick_with(world, &Config { headroom_mode: Mode::Observe, ..Config::default() })
}

fn watched(swept: SweepReport) -> ForecastReport {
    swept.watched.unwrap().unwrap()
}

/// Use of one model: the busiest minute of each day, for as many days as there are peaks.
fn used(model: &str, peaks: &[f64]) -> UsageEntry {
    let day = |n: usize| DAY * i32::try_from(peaks.len() - n).unwrap() - HOUR * 12;
    let minute = |(n, tokens): (usize, &f64)| MinuteEntry {
        at: now() - day(n),
        values: Minute { invocations: 40.0, input_tokens: *tokens, ..Minute::NONE },
    };
    UsageEntry {
        of_mantle: false,
        region: Region::parse("us-east-1").unwrap(),
        model_id: model.to_owned(),
        first_use: None,
        last: None,
        days: None,
        series: peaks.iter().enumerate().map(minute).collect(),
    }
}

/// An account that uses Claude Sonnet 4.5 with these peaks of 5,000,000 tokens a minute.
fn account(peaks: &[f64]) -> WorldFile {
    let mut file = WorldFile::parse(
        &json!({ "quotas": [{ "code": TOKENS, "applied": 5e6, "default": 5e6 }] }).to_string(),
    )
    .unwrap();
    file.usage.push(used(SONNET, peaks));
    file
}

fn growing() -> Vec<f64> {
    (0..14).map(|n| 3.6e6 + 5e4 * f64::from(n)).collect()
}

fn said(notice: &bedrock_remediator::notice::Notice) -> String {
    notice.mail().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_quota_that_fills_up_is_told_of_with_the_day_it_is_full() {
    let world = sandbox(account(&growing()));
    let seen = watched(tick(&world));
    assert_eq!(seen.models, 1);
    assert_eq!((seen.quotas[0].quota.code.as_str(), seen.quotas[0].share()), (TOKENS, 0.85));
    let told = world.published().pop().unwrap();
    assert_eq!((told.kind, told.severity), (Kind::Headroom, Severity::Warning));
    assert_eq!(told.title, format!("Near its quota: {SONNET} in us-east-1"));
    let said = said(&told);
    assert!(said.contains("used 85 % of `Cross-region model inference tokens per minute for Anthropic Claude Sonnet 4.5 V1`: 4,250,000 of 5,000,000"), "{said}");
    assert!(
        said.contains("The days' peaks grow by about 50,000 a day: at that pace it is full on 2026-12-05."),
        "{said}"
    );
    assert!(
        said.contains(
            "the function only tells of what is coming (`HEADROOM_MODE`); it would ask for 6,400,000"
        ),
        "{said}"
    );
    assert!(said.contains("--desired-value 6400000 --region us-east-1"), "{said}");
    assert!(said.contains("The justification, ready to paste"), "{said}");
    assert!(world.increase_requests().is_empty());
}

#[test]
fn the_watch_is_daily_and_tells_of_the_same_as_of_any_open_step() {
    let world = sandbox(account(&[4.2e6]));
    let mut watches = 0;
    for _ in 0..24 * 9 {
        // The same peak every day.
        world.change(|file| {
            let at = world_now(file);
            file.usage[0].series[0].at = at - HOUR;
        });
        watches += i32::from(tick(&world).watched.is_some());
        world.pass(HOUR);
        world.change(|file| file.now = Some(world_now(file) + HOUR));
    }
    assert_eq!(watches, 9);
    assert_eq!(
        kinds(&world),
        ["headroom", "reminder", "reminder", "reminder"],
        "at once, and on days 1, 3 and 7"
    );
    let ids: std::collections::BTreeSet<_> = world.published().into_iter().map(|n| n.notice_id).collect();
    assert_eq!(ids.len(), 4);
}

fn world_now(file: &WorldFile) -> Timestamp {
    file.now.unwrap_or_else(now)
}

#[test]
fn it_is_over_when_there_has_been_room_for_a_week() {
    let world = sandbox(account(&growing()));
    tick(&world);
    world.change(|file| file.quotas[0].applied = Some(1e7));
    for _ in 0..6 * 24 {
        world.pass(HOUR);
        tick(&world);
    }
    assert_eq!(kinds(&world), ["headroom"], "use may come near again");
    for _ in 0..2 * 24 {
        world.pass(HOUR);
        tick(&world);
    }
    assert_eq!(kinds(&world), ["headroom", "resolved"]);
    assert_eq!(world.published()[1].title, format!("Over: Near its quota: {SONNET} in us-east-1"));
}

#[test]
fn it_files_only_if_a_parameter_says_so_and_under_the_same_guard_rails() {
    let files = Config { headroom_mode: Mode::Request, ..Config::default() };
    let world = sandbox(account(&growing()));
    tick_with(&world, &files);
    let request = world.increase_requests().pop().unwrap();
    assert_eq!((request.code.as_str(), request.desired), (TOKENS, 6.4e6));
    assert_eq!(kinds(&world), ["headroom"]);
    world.decide(&request.id, RequestStatus::CaseClosed, Some(6.4e6));
    for _ in 0..8 * 24 {
        world.pass(HOUR);
        tick_with(&world, &files);
    }
    assert_eq!(kinds(&world), ["headroom", "outcome", "resolved"]);
    assert_eq!(world.increase_requests().len(), 1);

    for (rail, reason) in [
        (Config { mode: Mode::Observe, ..files.clone() }, Reason::ObserveMode),
        (Config { max_increases_per_day: 0, ..files.clone() }, Reason::DailyLimit),
        (Config { max_tokens_per_minute: Some(5e6), ..files.clone() }, Reason::AtCeiling),
        (Config { headroom_factor: 1.0, ..files.clone() }, Reason::UsageFarBelowQuota),
    ] {
        let world = sandbox(account(&growing()));
        tick_with(&world, &rail);
        assert_eq!(world.published()[0].withheld[0].kind, reason);
        assert!(world.increase_requests().is_empty());
    }
}

#[test]
fn somebodys_open_request_is_said_and_not_followed_twice() {
    let mut file = account(&growing());
    file.requests.push(open_request(TOKENS));
    let world = sandbox(file);
    tick_with(&world, &Config { headroom_mode: Mode::Request, ..Config::default() });
    assert_eq!(world.published()[0].withheld[0].kind, Reason::AlreadyRequested);
    assert_eq!(world.incidents()[0].record.followed, None);
}

#[test]
fn growth_that_fills_a_quota_before_aws_decides_is_asked_for_below_the_threshold() {
    let config = Config { headroom_mode: Mode::Request, ..Config::default() };
    // 70 % of the quota on the last day, and as much more each day as makes it full in so many days.
    let with = |days: f64| {
        let step = 1.5e6 / days;
        let peaks: Vec<f64> = (0..14).map(|n| 3.5e6 - step * f64::from(13 - n)).collect();
        let world = sandbox(account(&peaks));
        tick_with(&world, &config);
        world.increase_requests().iter().map(|r| r.desired).collect::<Vec<_>>()
    };
    assert_eq!(with(8.0), [5.3e6], "half as much again as is used");
    assert!(with(30.0).is_empty(), "there is time");
}

#[test]
fn what_shares_a_quota_is_added_up_application_profiles_too() {
    let mut file = account(&[2.2e6]);
    file.usage[0].series[0].values.invocations = 100.0;
    file.usage.push(used("abc123def456", &[1.2e6]));
    file.usage.push(used("eu.anthropic.claude-sonnet-4-5-20250929-v1:0", &[0.9e6]));
    // Another quota's use does not count.
    file.usage.push(used("global.anthropic.claude-sonnet-4-5-20250929-v1:0", &[0.9e6]));
    let arn = |region: &str| {
        format!("arn:aws:bedrock:{region}::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0")
    };
    file.profiles.push(
        serde_json::from_value(
            json!({ "id": "abc123def456", "models": [arn("us-east-1"), arn("us-west-2")] }),
        )
        .unwrap(),
    );
    let world = sandbox(file);
    let seen = watched(tick(&world));
    assert_eq!(seen.models, 4);
    assert_eq!(seen.quotas[0].peak, 4.3e6);
    let told = world.published().pop().unwrap();
    assert_eq!(told.model_id.as_ref().unwrap().as_str(), SONNET, "the one with most calls");
    assert!(said(&told).contains("4,300,000 of 5,000,000"), "what is told is what was seen");
    // A day later nothing has changed, so that it is not over.
    world.pass(DAY - HOUR * 13);
    tick(&world);
    assert_eq!(kinds(&world), ["headroom"]);
}

#[test]
fn what_is_throttled_already_is_told_of_by_its_own_incident() {
    let mut file = account(&growing());
    file.usage[0].series.last_mut().unwrap().values.throttles = 20.0;
    let world = sandbox(file);
    assert_eq!(watched(tick(&world)).quotas[0].share(), 0.85);
    assert!(world.published().is_empty());
}

#[test]
fn many_at_once_are_told_in_a_digest_that_counts_no_failures() {
    let mut file = legacy();
    file.quotas = account(&[]).quotas;
    file.usage.push(used(SONNET, &[4.2e6; 14]));
    let world = sandbox(file);
    tick_with(&world, &Config { digest_above: 1, headroom_mode: Mode::Observe, ..Config::default() });
    assert_eq!(kinds(&world), ["digest"]);
    let said = said(&world.published()[0]);
    assert_eq!(said.matches("no call failed yet").count(), 2, "{said}");
}

#[test]
fn a_threshold_of_zero_switches_the_watch_off() {
    let world = sandbox(account(&growing()));
    let off = Config { headroom_threshold: 0.0, ..Config::default() };
    assert!(tick_with(&world, &off).watched.is_none());
    assert_eq!(world.calls().get("used"), None);
    tick(&world);
    for _ in 0..60 {
        world.pass(HOUR);
        tick_with(&world, &off);
    }
    assert_eq!(kinds(&world), ["headroom", "resolved"], "and ends what it began");
}

#[test]
fn sixty_models_cost_less_than_seventy_calls() {
    let mut file = account(&growing());
    let quotas = bedrock_remediator::quota::Catalog::built_in();
    let ids: Vec<String> = (0..59).map(|n| format!("us.example.model-{n}-v1:0")).collect();
    for (n, id) in ids.iter().enumerate() {
        file.usage.push(used(id, &[1e5; 14]));
        file.quotas.push(
            serde_json::from_value(json!({
                "code": format!("L-{:08X}", 0xA000_0000_usize + n), "applied": if n < 3 { 1.1e5 } else { 1e6 },
                "name": format!("Cross-region model inference tokens per minute for Example Model {n}"),
            }))
            .unwrap(),
        );
    }
    assert!(quotas.quotas().len() > 600);
    let world = sandbox(file);
    let seen = watched(tick(&world));
    assert_eq!(seen.models, 60);
    let calls: u32 = world.calls().values().sum();
    let kinds = kinds(&world);
    assert_eq!(kinds.len(), 4, "{kinds:?}");
    assert!(calls < 70, "{calls} calls: {:?}", world.calls());
}

#[test]
fn what_aws_does_not_answer_about_a_quota_that_stays_nearly_full_is_told_once_a_week() {
    let mut file = account(&[]);
    let each = Minute { invocations: 40.0, input_tokens: 4.6e6, ..Minute::NONE };
    file.usage[0].last = Some(LastMinutes { minutes: 60, each });
    file.faults.push(fault("applied", None, FaultKind::Denied));
    let (world, mut times) = (sandbox(file), Vec::new());
    for hour in 0..20 * 24 {
        tick(&world);
        times.resize(world.published().len(), hour);
        world.pass(HOUR);
    }
    let told = world.published().into_iter().zip(times).filter(|(notice, _)| notice.kind == Kind::Unanswered);
    let times: Vec<i32> = told.map(|(_, hour)| hour).collect();
    assert!(times.len() > 1, "{times:?}");
    assert!(times.windows(2).all(|two| two[1] - two[0] >= 7 * 24), "{times:?}");
}

#[test]
fn a_watch_that_fails_is_taken_up_again_within_the_hour_and_says_why() {
    for call in ["used", "usage", "listing", "lives"] {
        let mut file = account(&growing());
        file.faults.push(fault(call, Some(1), FaultKind::Denied));
        let world = sandbox(file);
        let failed = match tick(&world).watched.unwrap() {
            Ok(seen) => seen.failed,
            Err(error) => vec![error],
        };
        assert_eq!(failed.len(), 1, "{call}: {failed:?}");
        assert!(failed[0].to_string().contains("lacks `"), "{}", failed[0]);
        world.pass(SignedDuration::from_mins(61));
        assert!(watched(tick(&world)).failed.is_empty(), "{call}");
        assert_eq!(kinds(&world), ["headroom"], "{call}");
        world.pass(HOUR * 2);
        assert!(tick(&world).watched.is_none(), "then it is daily");
    }
}

#[test]
fn a_watch_that_dies_anywhere_loses_nothing() {
    for headroom_mode in [Mode::Observe, Mode::Request] {
        dies_anywhere(&Config { headroom_mode, ..Config::default() });
    }
}

fn dies_anywhere(config: &Config) {
    let home = home();
    let mut died = 0;
    for times in 1.. {
        let world = sandbox(account(&growing()));
        let terms = RunContext { config, home: &home, allowance: ALLOWANCE };
        if crash_after(times, sweep(&world, &terms)) {
            break;
        }
        died += 1;
        for _ in 0..24 {
            world.pass(SignedDuration::from_mins(5));
            tick_with(&world, config);
        }
        let ids: std::collections::BTreeSet<_> = world.published().into_iter().map(|n| n.notice_id).collect();
        let files = config.headroom_mode == Mode::Request;
        // That a request whose answer was lost was filed after all is told as well.
        let most = if files { 2 } else { 1 };
        assert!((1..=most).contains(&ids.len()), "died at poll {times}: {:?}", kinds(&world));
        assert_eq!(world.increase_requests().len(), usize::from(files), "died at poll {times}");
    }
    assert!(died > 20, "{died}");
}

/// Claude 3 Haiku is legacy and still called.
fn legacy() -> WorldFile {
    let old = "anthropic.claude-3-haiku-20240307-v1:0";
    let at = (now() - HOUR).to_string();
    let call = |role: &str| {
        json!({
            "region": "us-east-1", "model_id": old, "time": at, "address": "10.0.0.7", "user_agent": "Boto3/1.42.0",
            "caller": format!("arn:aws:sts::111122223333:assumed-role/{role}/i-1"),
        })
    };
    let mut file = WorldFile::parse(
        &json!({
            "availability": [{ "model_id": old, "lifecycle": "LEGACY", "legacy_from": "2026-07-30T00:00:00Z", "ends": "2027-01-30T00:00:00Z" }],
            "offered": [{ "region": "us-east-1", "model_ids": ["anthropic.claude-haiku-4-5-20251001-v1:0", HAIKU] }],
            "calls": [call("reports"), call("reports"), call("reports"), call("search")],
        })
        .to_string(),
    )
    .unwrap();
    file.usage.push(used(old, &[1000.0]));
    file
}

#[test]
fn a_legacy_model_that_is_still_called_is_told_of_with_dates_callers_and_replacement() {
    let world = sandbox(legacy());
    let seen = watched(tick(&world));
    assert_eq!(seen.ending.len(), 1);
    let told = world.published().pop().unwrap();
    assert_eq!((told.kind, told.severity), (Kind::Lifecycle, Severity::Warning));
    let said = said(&told);
    assert!(said.contains("legacy from 2026-07-30; no more calls from 2027-01-30"), "{said}");
    assert!(said.contains("Of 4 calls that were looked at: 75 % by `reports` with Boto3/1.42.0 from a private address; 25 % by `search`"), "{said}");
    assert!(!said.contains("No retry can succeed"), "nothing was refused: {said}");
    assert!(
        said.contains(
            "The newest active model of its family here is `anthropic.claude-haiku-4-5-20251001-v1:0`"
        ),
        "{said}"
    );
}

#[test]
fn a_legacy_model_s_price_rise_its_loss_and_access_to_its_replacement_are_told() {
    let mut file = legacy();
    file.availability[0].extended_from = Some("2026-10-30T00:00:00Z".parse().unwrap());
    let lacking = json!({ "model_id": "anthropic.claude-haiku-4-5-20251001-v1:0", "form_submitted": false });
    file.availability.push(serde_json::from_value(lacking).unwrap());
    let world = sandbox(file);
    tick(&world);
    let said = said(&world.published()[0]);
    for part in [
        "legacy from 2026-07-30; extended access, at a price that may be higher, from 2026-10-30; no more calls from 2027-01-30.",
        "CloudWatch shows the last call at 2026-11-20 02:34 UTC: this account may lose the model if nobody calls it until 2026-12-05, or 2026-12-20 at the latest.",
        "Bedrock does not report yet that Anthropic's use-case form was submitted: do this first.",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn a_model_with_45_days_of_notice_is_told_of_before_aws_names_its_end() {
    let mut file = legacy();
    let state = &mut file.availability[0];
    state.lifecycle = bedrock_remediator::model::lifecycle::Lifecycle::Active;
    state.legacy_from = Some("2027-01-10T00:00:00Z".parse().unwrap());
    state.ends = None;
    let old = sandbox(file.clone());
    tick(&old);
    assert!(old.published().is_empty(), "its launch is not known");
    file.availability[0].launched = Some("2026-09-20T00:00:00Z".parse().unwrap());
    let world = sandbox(file);
    tick(&world);
    let said = said(&world.published()[0]);
    let end = "Models launched since 2026-09-07 may end 45 days after they become legacy, so calls of this one may end from 2027-02-24 on.";
    assert!(said.contains(end), "{said}");
    assert!(!said.contains("takes a legacy model away"), "it is not legacy yet: {said}");
}

#[test]
fn who_stops_calling_a_legacy_model_is_told_until_when_the_account_keeps_it() {
    let world = sandbox(legacy());
    for _ in 0..24 * 3 {
        tick(&world);
        world.pass(HOUR);
    }
    assert_eq!(kinds(&world), ["lifecycle", "resolved"]);
    let said = said(world.published().last().unwrap());
    assert!(said.contains("if nobody calls it until 2026-12-05"), "{said}");
}

#[test]
fn an_announced_end_is_told_of_before_the_model_is_legacy() {
    let mut file = legacy();
    let state = &mut file.availability[0];
    (state.lifecycle, state.legacy_from) = (bedrock_remediator::model::lifecycle::Lifecycle::Active, None);
    let world = sandbox(file);
    tick(&world);
    assert_eq!(kinds(&world), ["lifecycle"]);
    assert!(said(&world.published()[0]).contains("no more calls from 2027-01-30"));
}

#[test]
fn a_legacy_model_that_is_called_every_day_is_reminded_of() {
    let mut file = legacy();
    file.usage[0].last = Some(LastMinutes {
        minutes: 60,
        each: Minute { invocations: 1.0, input_tokens: 10.0, ..Minute::NONE },
    });
    let world = sandbox(file);
    for _ in 0..24 * 8 {
        tick(&world);
        world.pass(HOUR);
    }
    assert_eq!(kinds(&world), ["lifecycle", "reminder", "reminder", "reminder"], "though no call fails");
}

#[test]
fn a_model_that_nobody_calls_any_more_is_over() {
    let world = sandbox(legacy());
    for _ in 0..24 * 3 {
        tick(&world);
        world.pass(HOUR);
    }
    assert_eq!(kinds(&world), ["lifecycle", "resolved"]);
}

#[test]
fn an_account_in_order_is_left_alone() {
    let mut file = account(&[2e6; 14]);
    file.availability.push(
        serde_json::from_value::<Value>(json!({ "model_id": "anthropic.claude-sonnet-4-5-20250929-v1:0" }))
            .and_then(serde_json::from_value)
            .unwrap(),
    );
    assert_eq!(file.availability[0].agreement, Availability::Available);
    file.quotas.push(
        serde_json::from_value(json!({ "code": QuotaCode::parse("L-4A6BFAB1").unwrap(), "applied": 0.0 }))
            .unwrap(),
    );
    let world = sandbox(file);
    let seen = watched(tick(&world));
    assert!(seen.failed.is_empty() && seen.ending.is_empty() && !seen.quotas.is_empty());
    assert!(world.published().is_empty());
}
