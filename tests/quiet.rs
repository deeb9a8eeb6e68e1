//! Stories of weeks: the same is told less and less often, what is new at once, and nothing that fails is silent.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use crate::support::story::*;
use bedrock_remediator::config::{Config, Mode};
use bedrock_remediator::identity::FunctionIdentity;
use bedrock_remediator::ids::{AccountId, Region};
use bedrock_remediator::notice::Kind;
use bedrock_remediator::plan::{Action, Reason};
use bedrock_remediator::quota::request::RequestStatus;
use bedrock_remediator::run::context::RunContext;
use bedrock_remediator::run::sweep::sweep;
use bedrock_remediator::sandbox::{
    Days, FaultKind, LastMinutes, MinuteEntry, Sandbox, UsageEntry, WorldFile,
};
use bedrock_remediator::usage::Minute;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

fn world(parts: Value) -> Sandbox {
    sandbox(serde_json::from_value::<WorldFile>(parts).unwrap())
}

/// An event of now.
fn of_now(event: &str, world: &Sandbox) -> String {
    event.replace("2026-11-20T14:32:05Z", &world.time().to_string())
}

fn by(event: &str, role: &str) -> String {
    event.replace("checkout-api", role)
}

fn overloaded() -> String {
    error("us-east-1", SONNET, "ServiceUnavailableException", "Service unavailable. Try again later.")
}

/// A busy account that was nearly as busy in the two weeks before, so that nothing of it is unusual.
fn steady() -> WorldFile {
    let mut file = busy();
    let usage = &mut file.usage[0];
    let before = Minute { throttles: 0.0, ..usage.last.unwrap().each };
    usage.days = Some(Days { days: 14, first: before, last: before, until: None });
    file
}

fn hours(world: &Sandbox) -> i64 {
    world.time().duration_since(now()).as_hours()
}

/// Lives on for so many hours: `each_hour` happens, then a tick. Returns each notice that was published meanwhile, by its
/// kind and the hours since the story began.
fn live_with(
    world: &Sandbox,
    config: &Config,
    lasting: i64,
    mut each_hour: impl FnMut(&Sandbox, i64),
) -> Vec<(i64, Kind)> {
    let mut told = Vec::new();
    let mut known = world.published().len();
    for hour in 1..=lasting {
        world.pass(HOUR / 4);
        run_sweep_with(world, config);
        world.pass(HOUR * 3 / 4);
        each_hour(world, hour);
        run_sweep_with(world, config);
        let published = world.published();
        told.extend(published.iter().skip(known).map(|notice| (hours(world), notice.kind)));
        known = published.len();
    }
    told
}

fn live(world: &Sandbox, lasting: i64, each_hour: impl FnMut(&Sandbox, i64)) -> Vec<(i64, Kind)> {
    live_with(world, &Config::default(), lasting, each_hour)
}

/// An error every so many hours.
fn every(hours: i64, event: String) -> impl FnMut(&Sandbox, i64) {
    move |world, hour| {
        if hour % hours == 0 {
            deliver(world, &of_now(&event, world));
        }
    }
}

/// The most notices in seven days, from that hour on.
fn most_in_a_week(told: &[(i64, Kind)], from: i64) -> usize {
    let in_a_week = |start: i64| told.iter().filter(|(at, _)| (start..start + 168).contains(at)).count();
    told.iter().filter(|(at, _)| *at >= from).map(|(at, _)| in_a_week(*at)).max().unwrap_or(0)
}

#[test]
fn the_same_is_told_after_twice_the_time_and_at_last_once_a_week() {
    let world = world(json!({}));
    deliver(&world, &overloaded());
    let told = live(&world, 800, every(1, overloaded()));
    let again = [4, 12, 28, 60, 124, 252, 420, 588, 756].map(|at| (at, Kind::Again));
    assert_eq!(told, again);
    let third = world.published().remove(2).mail().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(third.contains("Since the notice of 2026-11-20 18:34 UTC: 8 more errors."), "{third}");
}

#[test]
fn what_comes_and_goes_is_told_once_a_week_after_the_first_few() {
    // AWS's own overload every few hours, and one odd minute a day.
    for (every_hours, most) in [(5, 14), (7, 14), (23, 14), (26, 14), (30, 14)] {
        let world = world(json!({}));
        deliver(&world, &overloaded());
        let told = live(&world, 60 * 24, every(every_hours, overloaded()));
        assert!(told.len() <= most, "every {every_hours} hours: {told:?}");
        assert!(most_in_a_week(&told, 21 * 24) <= 1, "every {every_hours} hours: {told:?}");
        let opened = world.published().iter().filter(|notice| notice.kind == Kind::Opened).count();
        assert_eq!(opened, 1, "every {every_hours} hours: it is one episode");
        let gaps = told.iter().zip(told.iter().skip(1)).map(|((one, _), (two, _))| two - one);
        assert!(gaps.max().unwrap() <= 8 * 24, "every {every_hours} hours: {told:?}");
        // Seven quiet days end it.
        let end = live(&world, 8 * 24, |_, _| ());
        assert_eq!(end.last().map(|(_, kind)| *kind), Some(Kind::Resolved), "every {every_hours} hours");
    }
}

/// A throttled account for which the operator allows no increase, and then only observes.
fn reasons() -> [Config; 2] {
    let denied = Config::from_vars(|name| (name == "DENIED_MODELS").then(|| "*".to_owned())).unwrap();
    [denied, Config { mode: Mode::Observe, ..Config::default() }]
}

#[test]
fn another_reason_is_news_within_the_hour_and_one_that_comes_and_goes_is_not() {
    let (world, [denied, observes]) = (sandbox(steady()), reasons());
    deliver_with(&world, &denied, &throttle(SONNET));
    let of = |world: &Sandbox, config: &Config| {
        deliver_with(world, config, &of_now(&throttle(SONNET), world));
    };
    let first = live_with(&world, &observes, 1, |world, _| of(world, &observes));
    assert_eq!(first, [(1, Kind::Again)], "another reason");
    let notice = world.published().pop().unwrap();
    assert_eq!(notice.withheld.iter().map(|w| w.kind).collect::<Vec<_>>(), [Reason::ObserveMode]);
    let mut told = Vec::new();
    for n in 0..30 {
        let config = if n % 2 == 0 { &denied } else { &observes };
        told.extend(live_with(&world, config, 1, |world, _| of(world, config)));
    }
    assert_eq!(
        told.iter().map(|(at, _)| *at).collect::<Vec<_>>(),
        [5, 13, 29],
        "both are known, and back off"
    );
}

#[test]
fn another_caller_is_news_within_the_hour_and_many_callers_are_not() {
    let world = world(json!({}));
    deliver(&world, &overloaded());
    let storm = |role: &str| {
        let event = by(&overloaded(), role);
        move |world: &Sandbox, _| drop(deliver(world, &queue(&vec![of_now(&event, world); 20])))
    };
    assert_eq!(live(&world, 1, storm("checkout-api")), [], "the same caller");
    assert_eq!(live(&world, 1, storm("somebody-else")), [(2, Kind::Again)]);
    assert_eq!(live(&world, 1, storm("checkout-api")), [], "it is known");
    let told = live(&world, 40, |world, hour| storm(&format!("worker-{hour}"))(world, hour));
    let times: Vec<i64> = told.iter().map(|(at, _)| *at).collect();
    assert_eq!(times, [4, 5, 6, 7, 8, 9, 13, 21, 37], "six are told one by one, and then the same backs off");
}

fn alarm(world: &Sandbox) -> String {
    json!({
        "source": "aws.cloudwatch", "detail-type": "CloudWatch Alarm State Change",
        "account": "111122223333", "region": "us-east-1",
        "detail": {
            "alarmName": "bedrock-throttles",
            "state": { "value": "ALARM", "timestamp": world.time().strftime("%FT%T.000+0000").to_string() },
            "configuration": { "metrics": [{ "metricStat": { "metric": {
                "namespace": "AWS/Bedrock", "name": "InvocationThrottles", "dimensions": { "ModelId": SONNET },
            } } }] },
        },
    })
    .to_string()
}

#[test]
fn what_cloudwatch_says_still_fails_is_told_again_though_no_error_arrives() {
    let (world, [_, observes]) = (sandbox(steady()), reasons());
    deliver_with(&world, &observes, &alarm(&world));
    assert_eq!(kinds(&world), ["opened"]);
    let told = live_with(&world, &observes, 60 * 24, |_, _| ());
    assert!(told.iter().all(|(_, kind)| *kind == Kind::Again), "{told:?}");
    let times: Vec<i64> = std::iter::once(0).chain(told.iter().map(|(at, _)| *at)).collect();
    let longest = times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    assert!(longest <= 7 * 24 && times.len() <= 16, "{times:?}");
    let said = world.published().pop().unwrap().mail().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("no more errors arrived, and CloudWatch counts throttled calls."), "{said}");
    // When it is quiet, it is over.
    world.change(|file| file.usage[0].last = None);
    let end = live_with(&world, &observes, 9 * 24, |_, _| ());
    assert_eq!(end.iter().map(|(_, kind)| *kind).collect::<Vec<_>>(), [Kind::Resolved]);
}

#[test]
fn what_goes_on_in_silence_is_asked_for_again_when_the_cool_down_ends() {
    let world = sandbox(steady());
    deliver(&world, &alarm(&world));
    // Before it is filed, CloudTrail is asked who calls.
    live(&world, 1, |_, _| ());
    let first = world.increase_requests().remove(0);
    // AWS grants a part, calls are still throttled, and no error arrives.
    world.decide(&first.id, RequestStatus::CaseClosed, Some(5.2e6));
    let told = live(&world, 70, |_, _| ());
    assert_eq!(world.increase_requests().len(), 1, "within the cool-down: {:?}", world.increase_requests());
    assert_eq!(told[0].1, Kind::Outcome);
    let told = live(&world, 4, |_, _| ());
    assert_eq!(world.increase_requests().len(), 2, "{told:?}");
    let asked = world.published().pop().unwrap();
    assert!(
        asked.actions.iter().any(|action| matches!(action, Action::RequestIncrease(_))),
        "and it is told"
    );
}

#[test]
fn an_open_request_is_not_told_again_as_a_request() {
    let world = sandbox(steady());
    deliver(&world, &throttle(SONNET));
    assert_eq!(world.increase_requests().len(), 1);
    let told = live(&world, 40 * 24, every(1, throttle(SONNET)));
    let days: Vec<(i64, Kind)> = told.iter().map(|(at, kind)| (at / 24, *kind)).collect();
    // While calls fail nobody waits for longer than a week.
    assert_eq!(days, [7, 14, 21, 28, 35].map(|day| (day, Kind::Reminder)));
    assert!(world.published()[1].title.starts_with("Reminder: AWS has not decided the quota increase"));
}

#[test]
fn one_missing_form_is_one_incident_of_the_account() {
    let models: Vec<String> = (1..=20).map(|n| format!("anthropic.claude-{n}-20260101-v1:0")).collect();
    let entry = |id: &String| json!({ "model_id": id, "form_submitted": false, "authorized": false });
    let world = world(json!({ "availability": models.iter().map(entry).collect::<Vec<_>>() }));
    let text = "Model use case details have not been submitted for this account. Fill out the Anthropic use case details form before using the model.";
    let form = |model: &str| error("us-east-1", model, "ResourceNotFoundException", text);
    for model in &models {
        deliver(&world, &of_now(&by(&form(model), &format!("app-of-{model}")), &world));
    }
    assert_eq!((kinds(&world), world.incidents().len()), (vec!["opened".to_owned()], 1));
    let told = live(&world, 22 * 24, every(5, form(&models[7])));
    assert_eq!(
        told.iter().map(|(at, kind)| (at / 24, *kind)).collect::<Vec<_>>(),
        [1, 3, 7, 14, 21].map(|day| (day, Kind::Reminder))
    );
    let last = world.published().pop().unwrap();
    assert_eq!(last.title, "Reminder: Anthropic's use-case form is missing: 20 models in us-east-1");
    assert_eq!((last.facts.models.len(), last.facts.model_count), (16, Some(20)));
    let listed = last.because.iter().find(|line| line.starts_with("One step ends it")).unwrap();
    assert!(listed.contains(&models[0]) && listed.ends_with("and 4 more."), "{listed}");
    assert!(!listed.contains(&models[19]), "{listed}");
    world.change(|file| {
        for state in &mut file.availability {
            (state.form_submitted, state.authorized) = (Some(true), Some(true));
        }
    });
    let end = live(&world, 48, |_, _| ());
    assert_eq!(end.iter().map(|(_, kind)| *kind).collect::<Vec<_>>(), [Kind::Resolved]);
}

#[test]
fn a_policy_of_the_organization_is_one_incident_for_each_action() {
    let world = world(json!({}));
    let denied = sample("permission-service-control-policy.json");
    for role in ["one", "two"] {
        for model in ["global.amazon.nova-2-lite-v1:0", "amazon.nova-pro-v1:0", "eu.amazon.nova-micro-v1:0"] {
            let event = denied.replace("\"global.amazon.nova-2-lite-v1:0\"", &format!("\"{model}\""));
            deliver(&world, &by(&event, role));
        }
    }
    assert_eq!(world.incidents().len(), 1, "{:?}", kinds(&world));
    assert_eq!(world.incidents()[0].record.incident.facts.models.len(), 3);
    let other = denied.replace("bedrock:InvokeModel", "bedrock:CountTokens");
    deliver(&world, &other);
    assert_eq!(world.incidents().len(), 2, "another action is another incident");
}

/// A quota of nothing: each call is throttled.
fn shut() -> Sandbox {
    let mut file = steady();
    file.quotas[0].applied = Some(0.0);
    let each = Minute { throttles: 30.0, ..Minute::NONE };
    file.usage[0].last = Some(LastMinutes { minutes: 90, each });
    sandbox(file)
}

#[test]
fn a_quota_of_zero_is_reminded_of_as_a_step_and_ends_when_its_value_moves() {
    let world = shut();
    deliver(&world, &alarm(&world));
    let first = world.published().remove(0);
    assert_eq!(first.withheld.iter().map(|w| w.kind).collect::<Vec<_>>(), [Reason::BelowDefault]);
    let told = live(&world, 30 * 24, |_, _| ());
    let days: Vec<(i64, Kind)> = told.iter().map(|(at, kind)| (at / 24, *kind)).collect();
    assert_eq!(days, [1, 3, 7, 14, 21, 28].map(|day| (day, Kind::Reminder)));
    assert_eq!(world.increase_requests().len(), 0);
    world.change(|file| file.quotas[0].applied = Some(200_000.0));
    let told = live(&world, 1, |_, _| ());
    assert_eq!(told.iter().map(|(_, kind)| *kind).collect::<Vec<_>>(), [Kind::Resolved]);
    let over = world.published().pop().unwrap();
    assert!(over.summary.contains("moved from 0 to 200,000"), "{}", over.summary);
    // What is still throttled is the same episode.
    deliver(&world, &of_now(&throttle(SONNET), &world));
    let back = world.published().pop().unwrap();
    assert_eq!((back.kind, back.episode), (Kind::Again, Some(1)));
    assert!(back.title.starts_with("Again: "), "{}", back.title);
}

#[test]
fn a_notice_that_was_not_recorded_keeps_its_id_though_its_repeat_is_of_another_kind() {
    let world = shut();
    deliver(&world, &alarm(&world));
    world.pass(HOUR * 25);
    world.change(|file| file.faults.push(fault("finish", None, FaultKind::Unavailable)));
    deliver(&world, &of_now(&throttle(SONNET), &world));
    // CloudWatch shows no throttled call any more, so nobody has to raise the quota for this one.
    world.change(|file| {
        file.faults.clear();
        file.usage[0].last = Some(LastMinutes { minutes: 90, each: Minute::NONE });
    });
    world.pass(HOUR / 30);
    deliver(&world, &of_now(&throttle(SONNET), &world));
    let notices = world.published();
    assert_eq!(kinds(&world), ["opened", "reminder", "again"]);
    assert_eq!(notices[1].notice_id, notices[2].notice_id);
    assert_ne!(notices[0].notice_id, notices[1].notice_id);
    let told = &world.incidents()[0].record.notices;
    assert_eq!((told.count_all(), &told.last().unwrap().id), (2, &notices[2].notice_id));
}

#[test]
fn where_only_a_person_can_raise_a_quota_another_that_is_free_is_named() {
    for applied in [0.0, 200_000.0] {
        let world = shut();
        world.change(|file| {
            file.quotas[0].applied = Some(applied);
            if applied > 0.0 {
                let each = Minute {
                    quota_tokens: Some(190_000.0),
                    invocations: 22.0,
                    throttles: 9.0,
                    ..Minute::NONE
                };
                let before = Minute { throttles: 0.0, ..each };
                file.usage[0].days = Some(Days { days: 14, first: before, last: before, until: None });
                file.usage[0].last = Some(LastMinutes { minutes: 90, each });
            }
        });
        deliver(&world, &throttle(SONNET));
        let notice = world.published().pop().unwrap();
        assert_eq!(notice.withheld[0].kind, Reason::BelowDefault, "{applied}");
        let steps = format!("{:?}", notice.next_steps);
        assert!(steps.contains("global.anthropic.claude-sonnet-4-5"), "{applied}: {steps}");
    }
}

fn tick(world: &Sandbox) {
    let home = FunctionIdentity {
        account: AccountId::parse("111122223333"),
        region: Region::parse("us-east-1"),
        ..FunctionIdentity::default()
    };
    let config = Config { headroom_mode: Mode::Observe, ..Config::default() };
    block_on(sweep(world, &RunContext { config: &config, home: &home, allowance: ALLOWANCE })).unwrap();
}

#[test]
fn a_quota_that_is_nearly_full_now_and_then_is_over_after_a_week_below() {
    let mut file = busy();
    let peak = |at: Timestamp, tokens: f64| MinuteEntry {
        at,
        values: Minute { invocations: 40.0, input_tokens: tokens, ..Minute::NONE },
    };
    file.usage[0] = UsageEntry {
        of_mantle: false,
        last: None,
        series: (1..14).map(|day| peak(now() - HOUR * (24 * day), 3e6)).collect(),
        ..file.usage[0].clone()
    };
    let world = sandbox(file);
    let mut told = Vec::new();
    let mut day_of = |tokens: f64| {
        let at = world.time() + HOUR;
        world.change(|file| file.usage[0].series.push(peak(at, tokens)));
        for _ in 0..24 {
            world.pass(HOUR);
            tick(&world);
        }
        told.resize(world.published().len(), hours(&world) / 24);
    };
    // Above the threshold on weekdays, below it at weekends; every other day of the last week.
    for _ in 0..4 {
        (0..5).for_each(|_| day_of(4.3e6));
        (0..2).for_each(|_| day_of(2e6));
    }
    (0..4).for_each(|n| day_of(if n % 2 == 0 { 4.3e6 } else { 3.9e6 }));
    let kinds = kinds(&world);
    assert_eq!(kinds[0], "headroom");
    assert!(kinds[1..].iter().all(|kind| kind == "reminder"), "{kinds:?}");
    assert!(kinds.len() <= 9, "{kinds:?}: {told:?}");
    (0..9).for_each(|_| day_of(2e6));
    assert_eq!(crate::support::story::kinds(&world).last().unwrap(), "resolved");
    assert_eq!(world.incidents().len(), 1);
}
