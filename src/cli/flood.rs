//! `storm --flood`: hides real problems among false errors, in simulated time.

use std::collections::{BTreeMap, VecDeque};
use std::io::Write as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bedrock_remediator::config::Config;
use bedrock_remediator::diagnosis::Cause;
use bedrock_remediator::event::{self, Malformed};
use bedrock_remediator::identity::FunctionIdentity;
use bedrock_remediator::ids::{AccountId, Region};
use bedrock_remediator::ports::Clock as _;
use bedrock_remediator::run::context::{RunContext, TimeBudget};
use bedrock_remediator::run::handler::{DeliveryReport, handle};
use bedrock_remediator::sandbox::{Sandbox, healthy_for};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::cli::print;

/// Who sends the false errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum FloodRun {
    /// One caller who is denied models that do not exist, a different one each time
    OneCaller,
    /// 500 callers who are denied models that do not exist
    ManyCallers,
    /// An application's log lines that report throttles of models that do not exist
    LogGroup,
    /// One caller who calls model ids that do not exist, as CloudTrail records it
    InventedIds,
    /// Throttles of models that do not exist, forged in CloudTrail's form; a forger needs permission to invoke the
    /// function or write to its queue
    ForgedThrottles,
}

impl FloodRun {
    fn word(self) -> &'static str {
        match self {
            Self::OneCaller => "one-caller",
            Self::ManyCallers => "many-callers",
            Self::LogGroup => "log-group",
            Self::InventedIds => "invented-ids",
            Self::ForgedThrottles => "forged-throttles",
        }
    }
}

/// Messages in a batch, time between batches, time between ticks, and the function's concurrency.
const BATCH: u64 = 1000;
const BETWEEN: SignedDuration = SignedDuration::from_secs(5);
const TICK: SignedDuration = SignedDuration::from_mins(15);
const MOST_FUNCTIONS: usize = 5;
/// As deployed: the function's time-out, the part of it for new work, and the length of a lease.
const TIME_OUT: SignedDuration = SignedDuration::from_secs(60);
const WORKING: SignedDuration = SignedDuration::from_secs(40);
const LEASE: SignedDuration = SignedDuration::from_secs(90);
/// The queue's visibility timeout: a message that is not deleted is delivered again after this time.
const HIDDEN: SignedDuration = SignedDuration::from_mins(6);
/// Length of the run, from the first error.
const FORECAST_LIMITS: SignedDuration = SignedDuration::from_mins(60);

const THROTTLED: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
const WITHOUT_FORM: &str = "us.anthropic.claude-haiku-4-5-20251001-v1:0";
/// Calls of the ledger and the topic; every other call, except the clock's, goes to another AWS service.
const OF_LEDGER: [&str; 17] = [
    "admit",
    "all",
    "claim",
    "due",
    "finish",
    "incident",
    "not_filed",
    "quota",
    "remember",
    "reserve",
    "seen",
    "seize",
    "take_over",
    "tally",
    "wake_followers",
    "watch",
    "publish",
];

type FloodInvocation<'a> = Pin<Box<dyn Future<Output = Result<DeliveryReport, Malformed>> + 'a>>;

/// A payload to deliver at `at`.
struct Waiting {
    at: Timestamp,
    payload: String,
    is_tick: bool,
}

struct FloodFunction<'a> {
    running: FloodInvocation<'a>,
    started: Timestamp,
    payload: String,
    is_tick: bool,
    woken: Arc<Woken>,
}

/// Whether a function can make progress.
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Results of a flood.
#[derive(Default)]
struct FloodSeen {
    filed: Option<Timestamp>,
    told: Option<Timestamp>,
    again: u64,
    time_outs: u64,
}

/// Delivers `errors` false errors with a real throttle and a missing form among them; each call takes `latency`.
pub(crate) fn run(flood: FloodRun, errors: u64, latency: SignedDuration, json: bool) -> anyhow::Result<()> {
    let start: Timestamp = "2026-11-20T14:01:00Z".parse()?;
    let home = FunctionIdentity {
        account: AccountId::parse(ACCOUNT),
        region: Region::parse("us-east-1"),
        ..FunctionIdentity::default()
    };
    let config = Config::default();
    let throttle = event(0, "checkout", THROTTLED, "ThrottlingException", TOO_MANY, start);
    let world =
        Sandbox::new(healthy_for(&event::read(throttle.to_string().as_bytes(), &home)?, start), start);
    world.slow_down(latency);
    let mut waiting = sent(flood, errors, start);
    let end = start + FORECAST_LIMITS;
    let mut seen = FloodSeen::default();
    let mut functions: Vec<FloodFunction<'_>> = Vec::new();
    while world.now() < end {
        let now = world.now();
        while functions.len() < MOST_FUNCTIONS && waiting.front().is_some_and(|w| w.at <= now) {
            let Some(Waiting { payload, is_tick, .. }) = waiting.pop_front() else { break };
            let allowance = TimeBudget { until: now + WORKING, lease: LEASE };
            let (world, config, home, bytes) = (&world, &config, &home, payload.clone());
            let running =
                async move { handle(world, &RunContext { config, home, allowance }, bytes.as_bytes()).await };
            let woken = Arc::new(Woken(AtomicBool::new(true)));
            functions.push(FloodFunction {
                running: Box::pin(running),
                started: now,
                payload,
                is_tick,
                woken,
            });
        }
        run_on(&mut functions, &mut waiting, now, &mut seen);
        if seen.filed.is_none() && !world.increase_requests().is_empty() {
            seen.filed = Some(now);
        }
        if seen.told.is_none() && is_form_told(&world) {
            seen.told = Some(now);
        }
        let next = waiting.front().filter(|_| functions.len() < MOST_FUNCTIONS).map_or(end, |w| w.at);
        let dies = functions.iter().map(|f| f.started + TIME_OUT).min().unwrap_or(end);
        world.pass_to_next(next.min(dies).min(end));
        // Lambda ends a function at its time-out, and the queue delivers the batch again.
        let now = world.now();
        for dead in functions.extract_if(.., |f| now >= f.started + TIME_OUT) {
            seen.time_outs += 1;
            put_back(&mut waiting, dead.payload, dead.is_tick, dead.started);
        }
    }
    show(flood, errors, latency, &world, real_at(errors, start), &seen, json)
}

/// Runs every function until it waits for an answer.
fn run_on(
    functions: &mut Vec<FloodFunction<'_>>,
    waiting: &mut VecDeque<Waiting>,
    now: Timestamp,
    seen: &mut FloodSeen,
) {
    loop {
        let ready = |f: &FloodFunction<'_>| f.woken.0.swap(false, Ordering::Relaxed);
        let Some(n) = functions.iter().position(ready) else { return };
        let Some(function) = functions.get_mut(n) else { return };
        let waker = Waker::from(Arc::clone(&function.woken));
        let Poll::Ready(done) = function.running.as_mut().poll(&mut Context::from_waker(&waker)) else {
            continue;
        };
        let function = functions.remove(n);
        let is_whole = done.is_ok_and(|report| report.items.iter().all(|item| !item.failed));
        if !is_whole {
            seen.again += 1;
            put_back(waiting, function.payload, function.is_tick, now);
        }
    }
}

fn put_back(waiting: &mut VecDeque<Waiting>, payload: String, is_tick: bool, received: Timestamp) {
    if is_tick {
        return;
    }
    let at = received + HIDDEN;
    let n = waiting.iter().position(|w| w.at > at).unwrap_or(waiting.len());
    waiting.insert(n, Waiting { at, payload, is_tick });
}

fn is_form_told(world: &Sandbox) -> bool {
    let form = Some(Cause::UseCaseForm);
    world.published().iter().any(|n| n.cause == form || n.incidents.iter().any(|line| line.cause == form))
}

const TOO_MANY: &str = "Too many tokens, please wait before trying again.";
const NO_FORM: &str = "Model use case details have not been submitted for this account. Fill out the Anthropic use case details form before using the model.";

/// When the real errors arrive.
fn real_at(errors: u64, start: Timestamp) -> Timestamp {
    let batch = i32::try_from(errors.div_ceil(BATCH) / 2).unwrap_or(i32::MAX);
    start + BETWEEN * batch
}

/// Every payload, in order of delivery.
fn sent(flood: FloodRun, errors: u64, start: Timestamp) -> VecDeque<Waiting> {
    let batches = errors.div_ceil(BATCH).max(1);
    let mut at = start;
    let mut waiting = VecDeque::new();
    for batch in 0..batches {
        let mut events: Vec<Value> = Vec::new();
        let false_ones = batch * BATCH..((batch + 1) * BATCH).min(errors);
        if flood == FloodRun::LogGroup {
            let line =
                |n: u64| format!("ThrottlingException: Too many tokens for {} in bedrock", invented(n));
            let lines = false_ones.map(
                |n| json!({ "id": n.to_string(), "timestamp": at.as_millisecond(), "message": line(n) }),
            );
            let data = json!({
                "messageType": "DATA_MESSAGE", "owner": ACCOUNT, "logGroup": "/app/checkout",
                "logStream": "i-0", "logEvents": lines.collect::<Vec<_>>(),
            });
            let packed = STANDARD.encode(data.to_string());
            waiting.push_back(Waiting {
                at,
                payload: json!({ "awslogs": { "data": packed } }).to_string(),
                is_tick: false,
            });
        } else {
            events.extend(false_ones.map(|n| false_event(flood, n, at)));
        }
        // The real errors come last in the middle batch.
        if at == real_at(errors, start) {
            events.push(event(errors, "checkout", THROTTLED, "ThrottlingException", TOO_MANY, at));
            events.push(event(errors + 1, "search", WITHOUT_FORM, "ResourceNotFoundException", NO_FORM, at));
        }
        if !events.is_empty() {
            let records = events.iter().enumerate().map(|(n, event)| {
                json!({ "messageId": n.to_string(), "eventSource": "aws:sqs", "body": event.to_string() })
            });
            let payload = json!({ "Records": records.collect::<Vec<_>>() }).to_string();
            waiting.push_back(Waiting { at, payload, is_tick: false });
        }
        at += BETWEEN;
    }
    // The flood begins one minute after a tick.
    let mut tick = start + TICK - SignedDuration::from_mins(1);
    while tick < start + FORECAST_LIMITS {
        let n = waiting.iter().position(|w: &Waiting| w.at > tick).unwrap_or(waiting.len());
        let payload = r#"{"detail-type":"Scheduled Event","source":"aws.events","detail":{}}"#.to_owned();
        waiting.insert(n, Waiting { at: tick, payload, is_tick: true });
        tick += TICK;
    }
    waiting
}

const ACCOUNT: &str = "111122223333";

/// A model that does not exist.
fn invented(n: u64) -> String {
    format!("amazon.nova-lite-v1:{}", 100 + n)
}

fn false_event(flood: FloodRun, n: u64, at: Timestamp) -> Value {
    let model = invented(n);
    if flood == FloodRun::InventedIds {
        let text = "The provided model identifier is invalid.";
        return event(n, "tester", &model, "ValidationException", text, at);
    }
    if flood == FloodRun::ForgedThrottles {
        return event(n, "tester", &model, "ThrottlingException", TOO_MANY, at);
    }
    let role =
        if flood == FloodRun::ManyCallers { format!("app-{:03}", n % 500) } else { "tester".to_owned() };
    let text = format!(
        "User: arn:aws:sts::{ACCOUNT}:assumed-role/{role}/s is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1::foundation-model/{model} because no identity-based policy allows the bedrock:InvokeModel action"
    );
    event(n, &role, &model, "AccessDeniedException", &text, at)
}

/// An error in CloudTrail's form.
fn event(n: u64, role: &str, model: &str, code: &str, text: &str, at: Timestamp) -> Value {
    let at = at.strftime("%FT%TZ").to_string();
    json!({
        "id": n.to_string(), "detail-type": "AWS API Call via CloudTrail", "source": "aws.bedrock",
        "account": ACCOUNT, "region": "us-east-1", "time": at,
        "detail": {
            "eventSource": "bedrock.amazonaws.com", "eventName": "Converse", "awsRegion": "us-east-1",
            "eventTime": at, "recipientAccountId": ACCOUNT, "errorCode": code, "errorMessage": text,
            "requestParameters": { "modelId": model },
            "userIdentity": { "arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/{role}/s") },
        },
    })
}

fn show(
    flood: FloodRun,
    errors: u64,
    latency: SignedDuration,
    world: &Sandbox,
    happened: Timestamp,
    seen: &FloodSeen,
    json: bool,
) -> anyhow::Result<()> {
    let minutes = |at: Option<Timestamp>| at.map(|at| at.duration_since(happened).as_secs_f64() / 60.0);
    let calls: BTreeMap<&str, u32> = world.calls();
    let (ledger, aws): (Vec<_>, Vec<_>) = calls.iter().partition(|(name, _)| OF_LEDGER.contains(*name));
    let sum = |calls: &[(&&str, &u32)]| calls.iter().map(|(_, n)| u64::from(**n)).sum::<u64>();
    let figures = json!({
        "flood": flood.word(),
        "false_errors": errors,
        "latency_ms": latency.as_millis(),
        "minutes_to_increase": minutes(seen.filed),
        "minutes_to_form": minutes(seen.told),
        "mails": world.published().len(),
        "incidents": world.incidents().len(),
        "requests": world.increase_requests().len(),
        "ledger_calls": sum(&ledger),
        "aws_calls": sum(&aws),
        "delivered_again": seen.again,
        "time_outs": seen.time_outs,
        "calls": calls,
    });
    let mut out = anstream::AutoStream::auto(std::io::stdout()).lock();
    if json {
        return print::json_line(&mut out, &figures);
    }
    let text = |key: &str| match figures.get(key) {
        Some(Value::Number(n)) if n.is_f64() => format!("{:.1}", n.as_f64().unwrap_or_default()),
        Some(Value::Null) | None => "never".to_owned(),
        Some(value) => value.to_string().replace('"', ""),
    };
    for (what, key) in [
        ("flood", "flood"),
        ("false errors", "false_errors"),
        ("milliseconds a call", "latency_ms"),
        ("minutes until the increase is filed", "minutes_to_increase"),
        ("minutes until the form is told", "minutes_to_form"),
        ("mails within an hour", "mails"),
        ("incidents", "incidents"),
        ("ledger calls and mails", "ledger_calls"),
        ("calls of other AWS services", "aws_calls"),
        ("deliveries that came again", "delivered_again"),
        ("time-outs", "time_outs"),
    ] {
        writeln!(out, "{what:<38}{}", text(key))?;
    }
    for (name, count) in &calls {
        writeln!(out, "  {name:<36}{count}")?;
    }
    Ok(())
}
