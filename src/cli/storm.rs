//! `storm`: the handler under a storm of errors, and what it costs.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use bedrock_remediator::config::Config;
use bedrock_remediator::event::{self};
use bedrock_remediator::identity::FunctionIdentity;
use bedrock_remediator::run::context::{RunContext, TimeBudget};
use bedrock_remediator::run::handler::{DeliveryReport, handle};
use bedrock_remediator::sandbox::{PortCall, Sandbox, healthy_for};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cli::flood::{self, FloodRun};
use crate::cli::outcome::CommandOutcome;
use crate::cli::print;

/// Run the real handler through a storm of errors and measure its cost
///
/// Errors of many incidents arrive from a queue in batches of 1,000, some of them twice, as fast as they
/// can be handled. The schedule ticks every 300 batches. For comparison, the same run measures how long
/// serde_json takes to parse the same bytes into typed structs.
#[derive(clap::Args)]
pub(crate) struct StormArgs {
    /// Number of errors
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    events: u64,
    /// Number of incidents that the errors belong to
    #[arg(long, value_name = "K", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    incidents: u64,
    /// Percentage of errors that are delivered twice
    #[arg(long, value_name = "P", default_value_t = 20, value_parser = clap::value_parser!(u64).range(0..=100))]
    duplicates: u64,
    /// Hide a real throttle and a missing use-case form among false errors, and report when they are found; every AWS
    /// call takes time, and a tick comes every 15 minutes
    #[arg(long, value_name = "SENDER", value_enum, conflicts_with_all = ["events", "incidents", "duplicates"])]
    flood: Option<FloodRun>,
    /// Number of false errors in a flood
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..), requires = "flood")]
    false_errors: u64,
    /// Milliseconds that each call takes in a flood
    #[arg(long, value_name = "MS", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..), requires = "flood")]
    latency: u16,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

/// Messages in a batch, as an event source mapping delivers them.
const BATCH: usize = 1000;
/// Batches between two ticks; a second passes with each batch.
const TICK: u64 = 300;
/// Ledger calls that write to the table.
const WRITES: [PortCall; 8] = [
    PortCall::Admit,
    PortCall::Claim,
    PortCall::Finish,
    PortCall::NotFiled,
    PortCall::Reserve,
    PortCall::TakeOver,
    PortCall::Tally,
    PortCall::WakeFollowers,
];

pub(crate) fn run(args: &StormArgs) -> anyhow::Result<CommandOutcome> {
    if let Some(flood) = args.flood {
        let latency = SignedDuration::from_millis(args.latency.into());
        flood::run(flood, args.false_errors, latency, args.json)?;
        return Ok(CommandOutcome::AllAnswered);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let start: Timestamp = "2026-11-20T14:00:00Z".parse()?;
    let errors: Vec<Error> = (0..args.incidents).map(|n| Error::of_incident(n, start)).collect();
    let home = FunctionIdentity::default();
    // One error of each incident, so that the world knows their models and quotas.
    let mut payload = String::new();
    batch(&errors, 0..args.incidents, &mut payload);
    let world = Sandbox::new(healthy_for(&event::read(payload.as_bytes(), &home)?, start), start);
    let storm = Storm { world: &world, config: Config::default(), home, runtime };

    let mut cost = Cost::default();
    // The original of a duplicate came up to 600 events before, or just now.
    let twice = |event: u64| (event % 100 < args.duplicates).then(|| event.saturating_sub(event % 7 * 100));
    let deliveries = (0..args.events).flat_map(|event| [Some(event), twice(event)]).flatten();
    let mut deliveries = deliveries.peekable();
    while deliveries.peek().is_some() {
        payload.clear();
        let messages = batch(&errors, deliveries.by_ref().take(BATCH), &mut payload);
        cost.add_batch(&storm, &payload, messages)?;
    }
    storm.tick(&mut cost)?;
    let figures = cost.figures(args, &world);
    let mut out = anstream::AutoStream::auto(std::io::stdout()).lock();
    if args.json {
        print::json_line(&mut out, &figures)?;
    } else {
        show(&mut out, &figures)?;
    }
    Ok(CommandOutcome::AllAnswered)
}

/// An incident's error as EventBridge delivers it, split around the event's id.
struct Error {
    before_id: String,
    after_id: String,
}

/// Placeholder for an event's id.
const ID: &str = "EVENT-ID";

impl Error {
    fn of_incident(n: u64, at: Timestamp) -> Self {
        let at = at.to_string();
        let region = match n % 3 {
            0 => "us-east-1",
            1 => "eu-west-1",
            _ => "ap-northeast-1",
        };
        let role = format!("service-{n:05}");
        let session = format!("arn:aws:sts::111122223333:assumed-role/{role}/i-0a1b2c3d4e5f");
        let models = [
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "us.amazon.nova-pro-v1:0",
            "amazon.nova-lite-v1:0",
        ];
        // The first few incidents are throttled models; all others are roles without a permission.
        let (model, code, text) = match models.get(usize::try_from(n / 3).unwrap_or(usize::MAX)) {
            Some(model) => (
                *model,
                "ThrottlingException",
                "Too many tokens, please wait before trying again.".to_owned(),
            ),
            None => (
                "us.anthropic.claude-haiku-4-5-20251001-v1:0",
                "AccessDenied",
                format!(
                    "User: {session} is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:bedrock:{region}:111122223333:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0 because no identity-based policy allows the bedrock:InvokeModel action"
                ),
            ),
        };
        let event = json!({
            "version": "0", "id": ID, "detail-type": "AWS API Call via CloudTrail", "source": "aws.bedrock",
            "account": "111122223333", "time": at, "region": region, "resources": [],
            "detail": {
                "eventVersion": "1.11",
                "userIdentity": {
                    "type": "AssumedRole", "principalId": "AROAEXAMPLEID:i-0", "arn": session, "accountId": "111122223333",
                    "accessKeyId": "ASIAEXAMPLE",
                    "sessionContext": {
                        "sessionIssuer": {
                            "type": "Role", "principalId": "AROAEXAMPLEID",
                            "arn": format!("arn:aws:iam::111122223333:role/services/{role}"),
                            "accountId": "111122223333", "userName": role,
                        },
                        "attributes": { "creationDate": at, "mfaAuthenticated": "false" },
                    },
                },
                "eventTime": at, "eventSource": "bedrock.amazonaws.com", "eventName": "Converse", "awsRegion": region,
                "sourceIPAddress": "10.0.12.7", "userAgent": "Boto3/1.42.0 md/Botocore#1.42.0 lang/python#3.13",
                "errorCode": code, "errorMessage": text, "requestParameters": { "modelId": model },
                "responseElements": null, "requestID": "23d3de6f-601c-4327-81c3-5b811025909d",
                "readOnly": true, "eventType": "AwsApiCall", "managementEvent": true,
                "recipientAccountId": "111122223333", "eventCategory": "Management",
                "tlsDetails": { "tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_128_GCM_SHA256", "clientProvidedHostHeader": "bedrock-runtime.us-east-1.amazonaws.com" },
            },
        });
        // The JSON string of a message's body, with its quotes escaped.
        let body = Value::String(event.to_string()).to_string();
        let (before, after) = body.split_once(ID).unwrap_or((&body, ""));
        Self { before_id: before.to_owned(), after_id: after.to_owned() }
    }
}

/// Writes the payload of a batch of these events; returns the number of messages.
fn batch(errors: &[Error], events: impl IntoIterator<Item = u64>, payload: &mut String) -> u64 {
    payload.push_str("{\"Records\":[");
    let mut messages = 0;
    for event in events {
        let of = usize::try_from(event).unwrap_or(0).checked_rem(errors.len()).unwrap_or(0);
        let Some(error) = errors.get(of) else { continue };
        let comma = if messages == 0 { "" } else { "," };
        messages += 1;
        // Writing to a string cannot fail.
        let _ = write!(
            payload,
            "{comma}{{\"messageId\":\"059f36b4-87a3-44ab-83d2-{event:012}\",\"receiptHandle\":\"AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a\",\"body\":{}{event:032}{},\"attributes\":{{\"ApproximateReceiveCount\":\"1\"}},\"messageAttributes\":{{}},\"eventSource\":\"aws:sqs\",\"eventSourceARN\":\"arn:aws:sqs:us-east-1:111122223333:events\",\"awsRegion\":\"us-east-1\"}}",
            error.before_id, error.after_id
        );
    }
    payload.push_str("]}");
    messages
}

struct Storm<'a> {
    world: &'a Sandbox,
    config: Config,
    home: FunctionIdentity,
    runtime: tokio::runtime::Runtime,
}

const ALLOWANCE: TimeBudget = TimeBudget { until: Timestamp::MAX, lease: SignedDuration::from_secs(90) };
const A_TICK: &str = r#"{"detail-type":"Scheduled Event","source":"aws.events","detail":{}}"#;

impl Storm<'_> {
    fn deliver(&self, payload: &str, cost: &mut Cost) -> anyhow::Result<DeliveryReport> {
        let start = Instant::now();
        let terms = RunContext { config: &self.config, home: &self.home, allowance: ALLOWANCE };
        let handling = handle(self.world, &terms, payload.as_bytes());
        let report = self.runtime.block_on(handling)?;
        cost.handling += start.elapsed();
        Ok(report)
    }

    fn tick(&self, cost: &mut Cost) -> anyhow::Result<()> {
        self.world.pass(SignedDuration::from_mins(5));
        self.deliver(A_TICK, cost).map(|_| ())
    }
}

/// The cost of a storm.
#[derive(Default)]
struct Cost {
    bytes: u64,
    batches: u64,
    deliveries: u64,
    failed: u64,
    handling: Duration,
    parsing: Duration,
}

impl Cost {
    fn add_batch(&mut self, storm: &Storm<'_>, payload: &str, messages: u64) -> anyhow::Result<()> {
        self.bytes += payload.len() as u64;
        self.deliveries += messages;
        self.batches += 1;
        self.parse(payload)?;
        let report = storm.deliver(payload, self)?;
        self.failed += report.failed_ids().len() as u64;
        storm.world.pass(SignedDuration::from_secs(1));
        if self.batches.is_multiple_of(TICK) {
            storm.tick(self)?;
        }
        Ok(())
    }

    /// Parses the same bytes as a program would that only reads them.
    fn parse(&mut self, payload: &str) -> anyhow::Result<()> {
        let start = Instant::now();
        let batch: Batch = serde_json::from_str(payload)?;
        for record in &batch.records {
            std::hint::black_box((&record.message_id, serde_json::from_str::<Event>(&record.body)?));
        }
        self.parsing += start.elapsed();
        Ok(())
    }

    fn figures(&self, args: &StormArgs, world: &Sandbox) -> Value {
        let calls = world.calls();
        let writes: u32 = WRITES.iter().filter_map(|call| calls.get(call.as_str())).sum();
        let counted: u64 = world.incidents().iter().map(|row| row.record.incident.counts.errors).sum();
        let published = world.published();
        let told: usize = published.iter().map(|n| n.incidents.len().max(1)).sum();
        let seconds = self.handling.as_secs_f64();
        #[allow(clippy::cast_precision_loss, reason = "figures for a reader")]
        let rate = self.deliveries as f64 / seconds;
        json!({
            "events": args.events,
            "incidents": args.incidents,
            "deliveries": self.deliveries,
            "batches": self.batches,
            "failed": self.failed,
            "bytes": self.bytes,
            "seconds": seconds,
            "events_per_second": rate.round(),
            "parse_seconds": self.parsing.as_secs_f64(),
            "ratio": seconds / self.parsing.as_secs_f64(),
            "ledger_writes": writes,
            "writes_bound": args.incidents * self.batches,
            "requests": world.increase_requests().len(),
            "notices": published.len(),
            "incidents_told": told,
            "counted": counted,
            "peak_memory_bytes": peak_memory(),
        })
    }
}

#[derive(Deserialize)]
struct Batch {
    #[serde(rename = "Records")]
    records: Vec<QueueMessage>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct QueueMessage {
    message_id: String,
    body: String,
}

/// The fields that a reader of CloudTrail events needs.
#[derive(Deserialize)]
#[allow(dead_code, reason = "parsed for the time it takes")]
struct Event {
    #[serde(rename = "detail-type")]
    detail_type: String,
    source: String,
    account: String,
    region: String,
    time: String,
    detail: EventDetail,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "parsed for the time it takes")]
struct EventDetail {
    event_source: String,
    event_name: String,
    event_time: String,
    aws_region: String,
    error_code: String,
    error_message: String,
    recipient_account_id: String,
    user_identity: EventIdentity,
    request_parameters: Parameters,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "parsed for the time it takes")]
struct EventIdentity {
    arn: String,
    account_id: String,
    session_context: Session,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "parsed for the time it takes")]
struct Session {
    session_issuer: SessionIssuer,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "parsed for the time it takes")]
struct SessionIssuer {
    arn: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "parsed for the time it takes")]
struct Parameters {
    model_id: String,
}

/// This process's peak memory in bytes; `None` where `/proc/self/status` does not report it, as Linux does.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

fn show(out: &mut impl std::io::Write, figures: &Value) -> anyhow::Result<()> {
    let number = |key: &str| figures[key].as_f64().unwrap_or_default();
    let whole = |key: &str| {
        let digits = format!("{:.0}", number(key));
        let groups: Vec<&str> =
            digits.as_bytes().rchunks(3).rev().filter_map(|g| std::str::from_utf8(g).ok()).collect();
        groups.join(",")
    };
    let head = format!("{} events a second", whole("events_per_second"));
    writeln!(out, "{}", print::styled(head, print::BOLD))?;
    let memory = figures["peak_memory_bytes"]
        .as_f64()
        .map_or_else(|| "unknown here".to_owned(), |bytes| format!("{:.1} MiB", bytes / 1024.0 / 1024.0));
    for (what, value) in [
        ("events of incidents", format!("{} of {}", whole("events"), whole("incidents"))),
        (
            "deliveries in batches",
            format!("{} in {}, {:.1} MB", whole("deliveries"), whole("batches"), number("bytes") / 1e6),
        ),
        ("items failed", whole("failed")),
        ("handled in", format!("{:.3} s", number("seconds"))),
        ("serde_json parses the same in", format!("{:.3} s", number("parse_seconds"))),
        ("the handler needs", format!("{:.2} times that", number("ratio"))),
        (
            "ledger writes",
            format!("{}; incidents x batches is {}", whole("ledger_writes"), whole("writes_bound")),
        ),
        ("errors counted", whole("counted")),
        ("increases requested", whole("requests")),
        ("notices", format!("{}, telling of {} incidents", whole("notices"), whole("incidents_told"))),
        ("peak memory", memory),
    ] {
        writeln!(out, "  {what:<30}{value}")?;
    }
    Ok(())
}
