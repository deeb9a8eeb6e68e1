//! What the stories are told with: a busy account, errors in it, and a clock.

use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use bedrock_remediator::config::Config;
use bedrock_remediator::identity::FunctionIdentity;
use bedrock_remediator::ids::{QuotaCode, Region};
use bedrock_remediator::plan::Reason;
use bedrock_remediator::quota::request::RequestStatus;
use bedrock_remediator::run::context::{RunContext, TimeBudget};
use bedrock_remediator::run::handler::{DeliveryReport, handle};
use bedrock_remediator::run::sweep::{SweepReport, sweep};
use bedrock_remediator::sandbox::{
    Fault, FaultKind, PortCall, QuotaEntry, RequestEntry, Sandbox, UsageEntry, WorldFile,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

pub(crate) const ALLOWANCE: TimeBudget =
    TimeBudget { until: Timestamp::MAX, lease: SignedDuration::from_secs(90) };
pub(crate) const SONNET: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

pub(crate) fn now() -> Timestamp {
    "2026-11-20T14:34:05Z".parse().unwrap()
}

pub(crate) fn sample(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("events").join(name)).unwrap()
}

/// The names of the samples that are payloads, in order.
pub(crate) fn samples() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("events");
    let names = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let is_payload = |name: &String| name.strip_suffix(".json").is_some_and(|stem| !stem.contains(".world"));
    let mut names: Vec<_> = names.filter(is_payload).collect();
    names.sort();
    names
}

/// The world of a sample: busy, throttled, adjustable.
pub(crate) fn busy() -> WorldFile {
    WorldFile::parse(&sample("throttle-tokens.world.json")).unwrap()
}

pub(crate) fn sandbox(file: WorldFile) -> Sandbox {
    Sandbox::new(file, now())
}

pub(crate) fn deliver(world: &Sandbox, payload: &str) -> DeliveryReport {
    deliver_with(world, &Config::default(), payload)
}

pub(crate) fn deliver_with(world: &Sandbox, config: &Config, payload: &str) -> DeliveryReport {
    block_on(handle(
        world,
        &RunContext { config, home: &FunctionIdentity::default(), allowance: ALLOWANCE },
        payload.as_bytes(),
    ))
    .unwrap()
}

pub(crate) fn run_sweep(world: &Sandbox) -> SweepReport {
    run_sweep_with(world, &Config::default())
}

pub(crate) fn run_sweep_with(world: &Sandbox, config: &Config) -> SweepReport {
    block_on(sweep(world, &RunContext { config, home: &FunctionIdentity::default(), allowance: ALLOWANCE }))
        .unwrap()
}

/// A CloudTrail error of an inference call, as EventBridge delivers it.
pub(crate) fn error(region: &str, model: &str, code: &str, message: &str) -> String {
    let mut event: Value = serde_json::from_str(&sample("throttle-tokens.json")).unwrap();
    event["region"] = json!(region);
    event["detail"]["awsRegion"] = json!(region);
    event["detail"]["requestParameters"]["modelId"] = json!(model);
    event["detail"]["errorCode"] = json!(code);
    event["detail"]["errorMessage"] = json!(message);
    event.to_string()
}

pub(crate) fn throttle(model: &str) -> String {
    error("us-east-1", model, "ThrottlingException", "Too many tokens, please wait before trying again.")
}

pub(crate) fn queue(bodies: &[String]) -> String {
    let record = |(n, body): (usize, &String)| json!({ "messageId": format!("m{n}"), "eventSource": "aws:sqs", "body": body });
    json!({ "Records": bodies.iter().enumerate().map(record).collect::<Vec<_>>() }).to_string()
}

pub(crate) fn withheld(report: &DeliveryReport) -> Vec<Reason> {
    let driven = report.incidents.iter().filter_map(|i| i.driven.as_ref().ok()?.as_ref());
    driven.flat_map(|d| d.withheld().map(|w| w.kind)).collect()
}

pub(crate) fn kinds(world: &Sandbox) -> Vec<String> {
    world.published().iter().map(|n| n.kind.to_string()).collect()
}

pub(crate) fn fault(call: &str, nth: Option<u32>, kind: FaultKind) -> Fault {
    Fault { call: PortCall::parse(call).unwrap(), nth, kind }
}

/// Somebody's request of two days ago that AWS has not decided.
pub(crate) fn open_request(code: &str) -> RequestEntry {
    RequestEntry {
        region: Region::parse("us-east-1").unwrap(),
        code: QuotaCode::parse(code).unwrap(),
        desired: 9e6,
        status: RequestStatus::CaseOpened,
        created: "2026-11-18T09:00:00Z".parse().unwrap(),
        case_id: None,
        listed_from: None,
    }
}

/// Quotas and use of `model`, as of the sample's model.
pub(crate) fn also_busy(file: &mut WorldFile, model: &str, code: &str) {
    file.usage.push(UsageEntry { model_id: model.to_owned(), ..file.usage[0].clone() });
    let quota = QuotaEntry {
        region: None,
        code: QuotaCode::parse(code).unwrap(),
        name: None,
        applied: Some(5e6),
        default: Some(5e6),
        adjustable: None,
    };
    file.quotas.push(quota);
}

/// Whether a future that waits for calls can go on.
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs `future` in a world whose calls take `latency`; what came of it, and how long it took.
pub(crate) fn in_time<T>(
    world: &Sandbox,
    latency: SignedDuration,
    future: impl Future<Output = T>,
) -> (T, SignedDuration) {
    world.slow_down(latency);
    let (start, woken) = (world.time(), Arc::new(Woken(AtomicBool::new(true))));
    let waker = Waker::from(Arc::clone(&woken));
    let mut future = pin!(future);
    loop {
        if !woken.0.swap(false, Ordering::Relaxed) {
            assert!(world.pass_to_next(Timestamp::MAX), "nothing is waited for");
            continue;
        }
        if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            world.slow_down(SignedDuration::ZERO);
            return (done, world.time().duration_since(start));
        }
    }
}

/// Polls `future` at most `times` times and then drops it: a function that died there.
pub(crate) fn crash_after(times: usize, future: impl Future) -> bool {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    (0..times).any(|_| matches!(future.as_mut().poll(&mut context), Poll::Ready(_)))
}
