//! How the cost grows: with the batch, the catalogue, the open ledger and the length of a message.
//!
//! `cargo bench --no-default-features --features report --bench growth` measures on the embedded world and draws
//! `benches/growth/*.svg`; what a plot says in words stands in `docs/performance.md`.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    clippy::print_stdout,
    reason = "a benchmark"
)]

mod plot;

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use bedrock_remediator::config::Config;
use bedrock_remediator::diagnosis::{ErrorText, diagnose};
use bedrock_remediator::event::{self};
use bedrock_remediator::identity::FunctionIdentity;
use bedrock_remediator::ids::{AccountId, QuotaCode, Region};
use bedrock_remediator::model::ModelId;
use bedrock_remediator::quota::{Catalog, Limit, Quota, Variant, find};
use bedrock_remediator::run::context::{RunContext, TimeBudget};
use bedrock_remediator::run::handler::handle;
use bedrock_remediator::sandbox::{IncidentEntry, Sandbox, WorldFile, healthy_for};
use jiff::{SignedDuration, Timestamp};
use plot::{Line, Plot};
use serde_json::{Value, json};

/// Each point is the fastest of as many runs as fit into this, and of five at least.
const TIME: Duration = Duration::from_millis(200);
const INCIDENTS: usize = 20;
const ALLOWANCE: TimeBudget = TimeBudget { until: Timestamp::MAX, lease: SignedDuration::from_secs(90) };
const A_TICK: &str = r#"{"detail-type":"Scheduled Event","source":"aws.events","detail":{}}"#;
const NEWS: &str = r#"{"detail-type":"AWS Service Event via CloudTrail","source":"aws.servicequotas","account":"111122223333","region":"us-east-1","detail":{"eventSource":"servicequotas.amazonaws.com","eventName":"UpdateServiceQuotaIncreaseRequestStatus","awsRegion":"us-east-1","recipientAccountId":"111122223333","serviceEventDetails":{"newRequestStatus":"CASE_CLOSED","serviceCode":"bedrock"}}}"#;
const THROTTLED: &str = "Too many tokens, please wait before trying again.";

fn main() {
    for plot in [batch(), catalogue(), ledger(), message()] {
        plot.show();
        plot.draw();
    }
}

/// Microseconds of the fastest run.
fn fastest(mut run: impl FnMut()) -> f64 {
    let begun = Instant::now();
    let mut best = Duration::MAX;
    let mut runs = 0;
    while runs < 5 || begun.elapsed() < TIME {
        let start = Instant::now();
        run();
        best = best.min(start.elapsed());
        runs += 1;
    }
    best.as_secs_f64() * 1e6
}

fn now() -> Timestamp {
    "2026-11-20T14:32:05Z".parse().unwrap()
}

/// The handler, waited for.
fn deliver(world: &Sandbox, payload: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (config, home) = (Config::default(), FunctionIdentity::default());
    let terms = RunContext { config: &config, home: &home, allowance: ALLOWANCE };
    let report = runtime.block_on(handle(world, &terms, payload.as_bytes())).unwrap();
    assert!(report.failed_ids().is_empty() && !matches!(report.swept, Some(Err(_))));
}

/// An error of incident `n`, as EventBridge delivers it.
fn error(n: usize, code: &str, text: &str) -> Value {
    let role = format!("arn:aws:sts::111122223333:assumed-role/service-{n}/i-0a1b2c3d4e5f");
    json!({
        "version": "0", "id": "e", "detail-type": "AWS API Call via CloudTrail", "source": "aws.bedrock",
        "account": "111122223333", "time": now(), "region": "us-east-1", "resources": [],
        "detail": {
            "eventVersion": "1.11", "userIdentity": { "type": "AssumedRole", "arn": role },
            "eventTime": now(), "eventSource": "bedrock.amazonaws.com", "eventName": "Converse",
            "awsRegion": "us-east-1", "sourceIPAddress": "10.0.12.7", "userAgent": "Boto3/1.42.0",
            "errorCode": code, "errorMessage": text,
            "requestParameters": { "modelId": "us.anthropic.claude-sonnet-4-5-20250929-v1:0" },
            "recipientAccountId": "111122223333",
        },
    })
}

fn denied(n: usize) -> String {
    format!(
        "User: arn:aws:sts::111122223333:assumed-role/service-{n}/i-0a1b2c3d4e5f is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0 because no identity-based policy allows the bedrock:InvokeModel action"
    )
}

fn world(payload: &str) -> Sandbox {
    let delivery = event::read(payload.as_bytes(), &FunctionIdentity::default()).unwrap();
    Sandbox::new(healthy_for(&delivery, now()), now())
}

/// Errors of incidents that are known, from a queue.
fn batch() -> Plot {
    let payload = |items: usize| {
        let record = |n: usize| {
            let body = error(n % INCIDENTS, "AccessDenied", &denied(n % INCIDENTS)).to_string();
            json!({ "messageId": format!("m-{n}"), "eventSource": "aws:sqs", "body": body })
        };
        json!({ "Records": (0..items).map(record).collect::<Vec<_>>() }).to_string()
    };
    let world = world(&payload(INCIDENTS));
    deliver(&world, &payload(INCIDENTS));
    let points = [1, 10, 100, 1_000, 10_000].map(|items| {
        let payload = payload(items);
        (items as f64, fastest(|| deliver(&world, &payload)))
    });
    Plot {
        name: "batch",
        title: "A batch of errors of twenty known incidents",
        along: "items in the batch",
        lines: vec![Line { name: "handled", points: points.to_vec() }],
    }
}

/// The built-in catalogue, and quotas of models that do not exist.
fn catalogue() -> Plot {
    let text = |size: usize| {
        let mut text = Catalog::built_in().to_text();
        for n in Catalog::built_in().quotas().len()..size {
            let name = format!("Cross-region model inference tokens per minute for Vendor Model {n}");
            writeln!(text, "L-{n:08X}\tA\t1000\t{name}").unwrap();
        }
        text
    };
    let model = ModelId::parse("us.anthropic.claude-sonnet-4-5-20250929-v1:0").unwrap();
    let code = QuotaCode::parse("L-F4DDD3EB").unwrap();
    let (mut reading, mut finding) = (Vec::new(), Vec::new());
    for size in [677, 1_000, 2_000, 5_000, 10_000] {
        let text = text(size);
        let catalog = Catalog::parse(&text).unwrap();
        assert_eq!(catalog.quotas().len(), size);
        let found = || find(&catalog, &model, Limit::TokensPerMinute, Variant::Standard);
        let is_it = |quota: Option<Quota>| quota.is_some_and(|quota| quota.code == code);
        reading.push((size as f64, fastest(|| drop(black_box(Catalog::parse(&text))))));
        finding.push((size as f64, fastest(|| assert!(is_it(found().quota)))));
    }
    Plot {
        name: "catalogue",
        title: "A catalogue read, and a model's quota found in it",
        along: "quotas in the catalogue",
        lines: vec![Line { name: "read", points: reading }, Line { name: "found", points: finding }],
    }
}

/// Other incidents that are open.
fn ledger() -> Plot {
    let another = error(0, "ThrottlingException", THROTTLED).to_string();
    let (mut counting, mut ticking, mut waking) = (Vec::new(), Vec::new(), Vec::new());
    for open in [10, 100, 1_000, 10_000, 100_000] {
        let entry = |n: usize| IncidentEntry {
            account: AccountId::parse("111122223333").unwrap(),
            region: Region::parse("us-east-1").unwrap(),
            model_id: Some("us.anthropic.claude-sonnet-4-5-20250929-v1:0".to_owned()),
            code: Some("AccessDenied".to_owned()),
            message: denied(n + 1),
            caller: Some(format!("arn:aws:iam::111122223333:role/service-{}", n + 1)),
            time: now(),
            errors: 1,
            closed: false,
        };
        let delivery = event::read(another.as_bytes(), &FunctionIdentity::default()).unwrap();
        let file = WorldFile { incidents: (0..open).map(entry).collect(), ..healthy_for(&delivery, now()) };
        let world = Sandbox::new(file, now());
        assert_eq!(world.incidents().len(), open);
        // The first opens it; then it is counted, as a duplicate of any incident is.
        deliver(&world, &another);
        assert_eq!(world.incidents().len(), open + 1);
        // The first tick has its daily watch.
        deliver(&world, A_TICK);
        counting.push((open as f64, fastest(|| deliver(&world, &another))));
        ticking.push((open as f64, fastest(|| deliver(&world, A_TICK))));
        waking.push((open as f64, fastest(|| deliver(&world, NEWS))));
    }
    Plot {
        name: "ledger",
        title: "A duplicate, a tick with nothing due, and news of a quota",
        along: "incidents that are open",
        lines: vec![
            Line { name: "duplicate", points: counting },
            Line { name: "tick", points: ticking },
            Line { name: "news", points: waking },
        ],
    }
}

/// A throttle's text in a longer and longer log line.
fn message() -> Plot {
    let (mut diagnosing, mut handling) = (Vec::new(), Vec::new());
    for length in [100, 1_000, 10_000, 100_000, 262_144] {
        let filler = "the cache holds 18231 entries and was refreshed 312 seconds ago; ";
        let text: String = THROTTLED.chars().chain(filler.chars().cycle()).take(length).collect();
        let payload = error(0, "ThrottlingException", &text).to_string();
        let world = world(&payload);
        deliver(&world, &payload);
        let diagnosed = || diagnose(&ErrorText { message: black_box(&text), ..ErrorText::default() });
        diagnosing.push((length as f64, fastest(|| drop(black_box(diagnosed())))));
        handling.push((length as f64, fastest(|| deliver(&world, &payload))));
    }
    Plot {
        name: "message",
        title: "An error's text diagnosed, and its event handled",
        along: "bytes of the text",
        lines: vec![
            Line { name: "diagnosed", points: diagnosing },
            Line { name: "handled", points: handling },
        ],
    }
}
