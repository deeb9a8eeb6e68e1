//! Stories of misuse and of what looks like it, over days: who is served, who waits for a person, and who is told when.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::cast_precision_loss, reason = "tests")]

use crate::support::story::*;
use bedrock_remediator::config::{Config, Mode};
use bedrock_remediator::identity::FunctionIdentity;
use bedrock_remediator::ids::{AccountId, AccountRegion, IncidentId, QuotaCode, Region};
use bedrock_remediator::incident::record::State;
use bedrock_remediator::notice::points::warned;
use bedrock_remediator::notice::{Kind, Notice, Severity};
use bedrock_remediator::operate;
use bedrock_remediator::plan::Reason;
use bedrock_remediator::ports::Ledger as _;
use bedrock_remediator::quota::record::{QuotaRecord, Suspect};
use bedrock_remediator::quota::request::RequestStatus;
use bedrock_remediator::run::context::RunContext;
use bedrock_remediator::sandbox::{CallEntry, FaultKind, MinuteEntry, Sandbox, WorldFile};
use bedrock_remediator::usage::Minute;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: i32 = 24;
/// Tokens a minute for Claude Sonnet 4.5 through geographic profiles, and its requests a minute.
const TOKENS: &str = "L-F4DDD3EB";
const REQUESTS: &str = "L-4A6BFAB1";
const TOKENS_A_CALL: f64 = 10_000.0;

/// An account that calls one model, hour by hour, five minutes of each.
struct Account {
    world: Sandbox,
    config: Config,
    home: FunctionIdentity,
    /// Whether failed calls come as CloudTrail's events; else an alarm goes off.
    has_events: bool,
}

impl Account {
    /// With a quota of 500 calls a minute, after two weeks in which `demand` says how many calls a minute were made,
    /// by the hour from -336 to -1.
    fn after(demand: impl Fn(i32) -> f64) -> Self {
        let file = json!({
            "account": "111122223333", "region": "us-east-1",
            "quotas": [
                { "code": TOKENS, "applied": 5e6, "default": 5e6 },
                { "code": REQUESTS, "applied": 1e6, "default": 1e6 },
            ],
            "usage": [{ "region": "us-east-1", "model_id": SONNET }],
        });
        let account = Self {
            world: sandbox(WorldFile::parse(&file.to_string()).unwrap()),
            config: Config::default(),
            home: FunctionIdentity {
                account: AccountId::parse("111122223333"),
                region: Region::parse("us-east-1"),
                table: Some("ledger".to_owned()),
                topic: Some("arn:aws:sns:us-east-1:111122223333:people".to_owned()),
                ..FunctionIdentity::default()
            },
            has_events: true,
        };
        for hour in -14 * DAY..0 {
            let calls = demand(hour);
            account.measure(now() + HOUR * hour, calls.min(500.0), (calls - 500.0).max(0.0));
        }
        account
    }

    fn measure(&self, hour: Timestamp, admitted: f64, refused: f64) {
        if admitted + refused <= 0.0 {
            return;
        }
        let values = Minute {
            invocations: admitted,
            throttles: refused,
            input_tokens: admitted * TOKENS_A_CALL,
            ..Minute::NONE
        };
        let start = hour.as_second().div_euclid(300) * 300 + 300;
        let each =
            (0..5).map(|n| MinuteEntry { at: Timestamp::from_second(start + n * 60).unwrap(), values });
        self.world.change(|file| file.usage[0].series.extend(each));
    }

    fn terms(&self) -> RunContext<'_> {
        RunContext { config: &self.config, home: &self.home, allowance: ALLOWANCE }
    }

    fn quota(&self) -> f64 {
        let mut value = 0.0;
        self.world.change(|file| {
            value = file.quotas.iter().find(|q| q.code.as_str() == TOKENS).unwrap().applied.unwrap();
        });
        value / TOKENS_A_CALL
    }

    /// An hour in which so many calls a minute are asked for, of which those above the quota are refused; twelve ticks.
    /// AWS grants what is open. Returns what was told.
    fn hour(&self, demand: f64) -> Vec<Notice> {
        let before = self.world.published().len();
        let quota = self.quota();
        let refused = (demand - quota).max(0.0);
        self.measure(self.world.time(), demand.min(quota), refused);
        for n in 0..12 {
            self.world.pass(SignedDuration::from_mins(5));
            if refused > 0.0 && n == 2 {
                let event = if self.has_events { self.event() } else { self.alarm() };
                block_on(bedrock_remediator::run::handler::handle(
                    &self.world,
                    &self.terms(),
                    event.as_bytes(),
                ))
                .unwrap();
            }
            block_on(bedrock_remediator::run::sweep::sweep(&self.world, &self.terms())).unwrap();
        }
        for request in self.world.increase_requests().iter().filter(|request| request.status.is_open()) {
            self.world.decide(&request.id, RequestStatus::CaseClosed, Some(request.desired));
        }
        self.world.published().split_off(before)
    }

    fn hours(&self, hours: i32, demand: impl Fn(i32) -> f64) -> Vec<Notice> {
        (0..hours).flat_map(|hour| self.hour(demand(hour))).collect()
    }

    fn event(&self) -> String {
        throttle(SONNET).replace("2026-11-20T14:32:05Z", &self.world.time().to_string())
    }

    fn alarm(&self) -> String {
        let mut event: Value = serde_json::from_str(&sample("alarm-throttles.json")).unwrap();
        event["time"] = json!(self.world.time().to_string());
        event["detail"]["state"]["timestamp"] = json!(self.world.time().to_string());
        event.to_string()
    }

    fn filed(&self) -> usize {
        self.world.increase_requests().len()
    }

    fn record(&self) -> QuotaRecord {
        let place = AccountRegion {
            account: AccountId::parse("111122223333").unwrap(),
            region: Region::parse("us-east-1").unwrap(),
        };
        block_on(self.world.quota(&place, &QuotaCode::parse(TOKENS).unwrap())).unwrap()
    }

    fn suspects(&self) -> Option<Suspect> {
        self.record().suspicion.map(|suspicion| suspicion.kind)
    }

    fn id(&self) -> IncidentId {
        let open = self.world.incidents().into_iter().filter(|row| row.record.state != State::Closed);
        open.map(|row| row.record.incident.id).next().unwrap()
    }

    fn approve(&self) {
        block_on(operate::approve(&self.world, &self.terms(), &self.id())).unwrap().unwrap();
    }

    /// Successful calls, as CloudTrail shows them: `times`, a minute apart, up to `last`.
    fn calls(&self, who: (&str, &str, &str), times: i32, last: Timestamp) {
        let (caller, address, agent) = who;
        let call = |n: i32| CallEntry {
            region: Region::parse("us-east-1").unwrap(),
            model_id: SONNET.to_owned(),
            time: last - SignedDuration::from_mins(1) * n,
            caller: caller.to_owned(),
            address: Some(address.to_owned()),
            user_agent: Some(agent.to_owned()),
        };
        self.world.change(|file| file.calls.extend((0..times).map(call)));
    }
}

/// Most of `peak` by day, a fifth of it by night. 14:34 UTC is by day.
fn daily(hour: i32, peak: f64) -> f64 {
    let of_day = (hour + 14).rem_euclid(24);
    if (8..20).contains(&of_day) { peak } else { peak * 0.2 }
}

fn said(notice: &Notice) -> String {
    notice.mail().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_warning(notice: &Notice) -> bool {
    notice.severity == Severity::Critical && notice.withheld.iter().any(|w| w.kind == Reason::UnusualCaller)
}

#[test]
fn sudden_use_waits_for_a_person_however_long_it_lasts() {
    let account = Account::after(|hour| daily(hour, 20.0));
    let first = account.hour(2_000.0);
    assert!(first.iter().any(is_warning), "within the hour: {first:?}");
    assert_eq!(account.suspects(), Some(Suspect::Jump));
    for day in [1, 2, 3, 10] {
        while account.world.time() < now() + HOUR * DAY * day {
            account.hour(2_000.0);
        }
        assert_eq!(account.filed(), 0, "day {day}");
    }
    account.approve();
    assert_eq!((account.filed(), account.suspects()), (1, None));
    assert!(account.record().approved.unwrap().requests >= 900.0);
}

#[test]
fn steps_and_ramps_wait_for_a_person() {
    type Pattern = (&'static str, Box<dyn Fn(i32) -> f64>, i32);
    let week = 7 * DAY;
    let patterns: [Pattern; 4] = [
        ("2 times a week", Box::new(|hour| 60.0 * 2f64.powf(f64::from(hour) / f64::from(7 * DAY))), 5 * week),
        ("1.3 times a day", Box::new(|hour| 60.0 * 1.3f64.powf(f64::from(hour) / 24.0)), 2 * week),
        ("9 times", Box::new(|hour| if hour < DAY { 60.0 } else { 540.0 }), week),
        ("5 times, again and again", Box::new(|hour| 25.0 * 5f64.powi(hour / (4 * DAY))), 2 * week),
    ];
    for (name, attack, hours) in patterns {
        let account = Account::after(|hour| daily(hour, 60.0));
        let mut warned = None;
        for hour in 0..hours {
            let told = account.hour(daily(hour, 60.0) + attack(hour));
            if told.iter().any(is_warning) {
                warned.get_or_insert(hour);
            }
        }
        assert_eq!(account.filed(), 0, "{name}: {:?}", account.suspects());
        assert!(warned.is_some() && account.suspects().is_some(), "{name}");
    }
}

#[test]
fn a_model_that_was_hardly_or_never_used_waits_for_a_person() {
    for usual in [0.0, 0.2] {
        let account = Account::after(|hour| daily(hour, usual));
        let told = account.hour(800.0);
        assert!(told.iter().any(is_warning), "{usual}");
        assert_eq!(account.suspects(), Some(Suspect::NewModel), "{usual}");
        account.hours(6 * DAY, |_| 800.0);
        assert_eq!(account.filed(), 0, "{usual}");
    }
}

#[test]
fn growth_seasons_and_what_was_seen_to_be_refused_are_no_suspicion() {
    let week = 7 * DAY;
    let month = |hour: i32, times: f64| times.powf(f64::from(hour) / f64::from(30 * DAY));
    // 60 % a month, which passes the quota on the third day.
    let account = Account::after(|hour| daily(hour, 490.0 * month(hour, 1.6)));
    account.hours(3 * week, |hour| daily(hour, 490.0 * month(hour, 1.6)));
    assert_eq!(account.suspects(), None);
    assert!(account.filed() >= 1);
    // Busy from Monday to Friday; 2026-11-20 is a Friday.
    let weekly = |hour: i32, peak: f64| {
        let weekday = ((hour + 14).div_euclid(DAY) + 4).rem_euclid(7);
        daily(hour, if weekday < 5 { peak } else { peak * 0.1 })
    };
    let account = Account::after(|hour| weekly(hour, 480.0));
    account.hours(2 * week, |hour| weekly(hour, 520.0));
    assert_eq!(account.suspects(), None);
    assert_eq!(account.filed(), 1);
}

#[test]
fn demand_that_was_seen_to_be_refused_is_served_step_by_step() {
    // Three times the quota, which nobody asked to raise.
    let account = Account::after(|hour| daily(hour, 1_500.0));
    account.hours(7 * DAY, |hour| daily(hour, 1_500.0));
    assert_eq!(account.suspects(), None);
    assert!(account.filed() >= 1, "{}", account.filed());
}

#[test]
fn a_loop_gets_one_raise_and_no_second() {
    let account = Account::after(|_| 480.0);
    let mut told = Vec::new();
    for _ in 0..10 * DAY {
        told.extend(account.hour(account.quota() * 1.4));
    }
    assert_eq!((account.filed(), account.suspects()), (1, Some(Suspect::Loop)));
    let warning = told.iter().find(|notice| is_warning(notice)).unwrap();
    let said = said(warning);
    assert!(warning.title.contains("Possible loop") && said.contains("checkout-api"), "{said}");
    assert!(said.contains("If it is a loop, stop the caller"), "{said}");
    let advice = warning.advice.join(" ");
    assert!(advice.contains("A service that was only throttled asks for no more after a raise"), "{advice}");
}

const APP: (&str, &str, &str) = (
    "arn:aws:sts::111122223333:assumed-role/checkout-api/i-1",
    "10.0.0.7",
    "Boto3/1.42.0 md/Botocore#1.42.0",
);
const STRANGER: (&str, &str, &str) =
    ("arn:aws:sts::111122223333:assumed-role/ci-runner/x", "203.0.113.7", "python-requests/2.32.0");
const ROOT: (&str, &str, &str) = ("arn:aws:iam::111122223333:root", "203.0.113.7", "aws-cli/2.31.0");

fn a_week_ago() -> Timestamp {
    now() - HOUR * 7 * DAY
}

#[test]
fn strangers_with_the_volume_of_before_wait_for_a_person() {
    let account = Account::after(|hour| daily(hour, 480.0));
    account.calls(APP, 40, a_week_ago());
    account.calls(STRANGER, 30, now());
    account.calls(APP, 20, now() - HOUR);
    let told = account.hour(560.0);
    assert_eq!((account.filed(), account.suspects()), (0, Some(Suspect::Stranger)));
    let said = said(told.iter().find(|notice| is_warning(notice)).unwrap());
    assert!(said.contains("role/ci-runner` made 60 % of 50 calls"), "{said}");
    // The same calls by who made them a week ago are no reason to wait.
    let account = Account::after(|hour| daily(hour, 480.0));
    account.calls(APP, 40, a_week_ago());
    account.calls(APP, 50, now());
    account.hour(560.0);
    assert_eq!((account.filed(), account.suspects()), (1, None));
}

#[test]
fn the_root_user_behind_an_alarm_is_found_before_anything_is_filed() {
    let mut account = Account::after(|hour| daily(hour, 480.0));
    account.has_events = false;
    account.calls(ROOT, 30, now() + SignedDuration::from_mins(30));
    let told = account.hours(2, |_| 560.0);
    assert_eq!((account.filed(), account.suspects()), (0, Some(Suspect::Root)));
    assert!(told.iter().any(is_warning));
}

#[test]
fn a_metric_alone_waits_for_a_look_at_cloudtrail() {
    let mut account = Account::after(|hour| daily(hour, 480.0));
    account.has_events = false;
    account.measure(account.world.time(), 500.0, 60.0);
    account.world.pass(SignedDuration::from_mins(10));
    let alarm = account.alarm();
    let report = block_on(bedrock_remediator::run::handler::handle(
        &account.world,
        &account.terms(),
        alarm.as_bytes(),
    ))
    .unwrap();
    assert_eq!(withheld(&report), [Reason::NoEvidence]);
    assert_eq!(account.world.calls().get("called_by_root"), None);
    let mut waited = 0;
    while account.filed() == 0 && waited < 60 {
        account.world.pass(SignedDuration::from_mins(5));
        waited += 5;
        block_on(bedrock_remediator::run::sweep::sweep(&account.world, &account.terms())).unwrap();
    }
    assert!((15..=25).contains(&waited), "{waited} minutes");
    assert_eq!(account.world.calls()["called_by_root"], 1);
}

#[test]
fn where_cloudtrail_may_not_be_read_only_a_metric_alone_waits() {
    for (has_events, filed) in [(true, 1), (false, 0)] {
        let mut account = Account::after(|hour| daily(hour, 480.0));
        account.has_events = has_events;
        for call in ["recorded", "called_by_root"] {
            account.world.change(|file| file.faults.push(fault(call, None, FaultKind::Denied)));
        }
        let told = account.hours(8, |_| 560.0);
        assert_eq!((account.filed(), account.suspects()), (filed, None), "{has_events}");
        if !has_events {
            let said = said(told.last().unwrap());
            assert!(said.contains("the function's role lacks `cloudtrail:LookupEvents`"), "{said}");
        }
    }
}

#[test]
fn a_launch_is_approved_by_one_command_and_served_from_then_on() {
    let account = Account::after(|hour| daily(hour, 30.0));
    let launch = |hour: i32| daily(hour, 900.0);
    let told = account.hours(3, launch);
    assert_eq!(account.filed(), 0);
    let warning = told.iter().find(|notice| is_warning(notice)).unwrap();
    let commands: Vec<&str> = warning.next_steps.iter().filter_map(|step| step.command.as_deref()).collect();
    let [.., approve, close] = commands.as_slice() else { panic!("{commands:?}") };
    let id = account.id();
    let place = "--table ledger --topic arn:aws:sns:us-east-1:111122223333:people";
    assert_eq!(*approve, format!("AWS_REGION=us-east-1 bedrock-remediator approve {id} {place}"));
    assert_eq!(*close, format!("AWS_REGION=us-east-1 bedrock-remediator close {id} {place}"));
    account.approve();
    assert_eq!(account.filed(), 1);
    let told = account.hours(14 * DAY, |hour| launch(hour + 3));
    assert!(account.quota() > 900.0, "{}", account.quota());
    assert!(!told.iter().any(is_warning));
    assert_eq!(account.suspects(), None);
}

#[test]
fn what_was_approved_is_the_measure_of_what_comes_later() {
    for (later, is_suspected) in [(1_050.0, false), (20_000.0, true)] {
        let account = Account::after(|hour| daily(hour, 30.0));
        account.hours(2, |_| 900.0);
        account.approve();
        account.hours(20 * DAY, |hour| daily(hour, 900.0));
        let filed = account.filed();
        account.hours(2 * DAY, |_| later);
        assert_eq!(account.suspects().is_some(), is_suspected, "{later}");
        assert!(!is_suspected || account.filed() == filed, "{later}");
    }
}

#[test]
fn a_quiet_day_neither_ends_nor_forgets_a_suspicion() {
    let account = Account::after(|hour| daily(hour, 20.0));
    account.hours(3, |_| 2_000.0);
    let mut told = account.hours(29 * DAY, |hour| daily(hour, 20.0));
    assert!(account.world.incidents().iter().all(|row| warned(row.record.notices.heard())));
    assert!(told.iter().all(|notice| notice.kind != Kind::Resolved), "{told:?}");
    let reminders = told.iter().filter(|notice| notice.kind == Kind::Reminder && is_warning(notice)).count();
    assert!((3..=8).contains(&reminders), "{reminders}");
    // It has become its own past, and is not served all the same.
    told = account.hours(DAY, |_| 2_000.0);
    assert!(told.iter().all(|notice| notice.actions.is_empty()));
    assert_eq!(account.filed(), 0);
}

#[test]
fn a_suspicion_of_what_nobody_calls_ends_after_a_month() {
    let account = Account::after(|hour| daily(hour, 20.0));
    account.hours(3, |_| 2_000.0);
    let told = account.hours(32 * DAY, |_| 0.0);
    let over = told.iter().position(|notice| notice.kind == Kind::Resolved);
    assert_eq!(over, Some(told.len() - 1));
}

#[test]
fn who_closes_the_incident_ends_the_suspicion_and_approves_nothing() {
    let account = Account::after(|hour| daily(hour, 20.0));
    account.hours(3, |_| 2_000.0);
    block_on(operate::close(&account.world, &account.terms(), &account.id())).unwrap().unwrap();
    let record = account.record();
    assert_eq!((record.suspicion, record.approved), (None, None));
    // The same again is suspected again.
    account.hour(2_000.0);
    assert_eq!((account.filed(), account.suspects()), (0, Some(Suspect::Jump)));
}

#[test]
fn a_suspicion_keeps_back_what_is_only_foreseen_as_well() {
    let mut account = Account::after(|hour| daily(hour, 20.0));
    account.config.headroom_mode = Mode::Request;
    account.hours(3, |_| 2_000.0);
    account.hours(12 * DAY, |_| 450.0);
    assert_eq!(account.filed(), 0);
}

#[test]
fn misuse_that_begins_while_an_incident_is_open_is_told_within_the_hour() {
    // Throttled a little, told, and waiting for AWS.
    let account = Account::after(|hour| daily(hour, 480.0));
    account.hour(560.0);
    for request in account.world.increase_requests() {
        account.world.decide(&request.id, RequestStatus::CaseOpened, None);
    }
    account.hour(560.0);
    let told = [account.hour(60_000.0), account.hour(60_000.0)].concat();
    assert!(told.iter().any(is_warning), "{told:?}");
}
