//! The account of a life: its models, quotas and guard rails, and what goes wrong in it.

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::script::choose;
use crate::config::{Config, Mode};
use crate::diagnosis::Cause;
use crate::ids::{AccountId, Region};
use crate::model::ModelId;
use crate::sandbox::{ModelEntry, QuotaEntry, WorldFile};
use crate::world::{Availability, Lifecycle};

const ACCOUNT: &str = "111122223333";
const REGIONS: [&str; 2] = ["us-east-1", "eu-west-1"];
/// Of every kind: geographies that share a quota, global, on demand without an adjustable quota, one
/// that no catalogue has.
const MODELS: [&str; 8] = [
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "us.amazon.nova-pro-v1:0",
    "us.anthropic.claude-haiku-4-5-20251001-v1:0",
    "us.meta.llama3-3-70b-instruct-v1:0",
    "amazon.nova-lite-v1:0",
    "us.example.model-of-tomorrow-v1:0",
];

/// Where a life takes place.
#[derive(Debug)]
pub struct Account {
    /// The guard rails.
    pub config: Config,
    /// What can go wrong.
    pub problems: Vec<Problem>,
    /// When it begins.
    pub start: Timestamp,
    pub(super) world: WorldFile,
    /// AWS grants no more than this share of what a quota was.
    pub(super) ceiling: f64,
}

/// Something that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Problem {
    what: What,
    region: &'static str,
    model: &'static str,
    role: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Tokens,
    Requests,
    Rate,
    Alarm,
    Form,
    Denied,
    Malformed,
    Overloaded,
    Unknown,
}

impl Account {
    /// The account of `seed`.
    pub fn of(seed: u64) -> Self {
        // Another stream of numbers than the script's.
        let mut rng = Rng::with_seed(!seed);
        let start = Timestamp::from_second(1_790_000_000 + i64::from(rng.u32(0..86_400))).unwrap_or_default();
        let models: Vec<&str> = (0..rng.usize(1..=4)).map(|_| choose(&mut rng, &MODELS)).collect();
        let many = rng.u8(0..4) == 0;
        let problems = (0..rng.usize(if many { 12..40 } else { 1..8 })).map(|_| Problem {
            what: choose(
                &mut rng,
                &[
                    What::Tokens,
                    What::Tokens,
                    What::Tokens,
                    What::Tokens,
                    What::Requests,
                    What::Rate,
                    What::Alarm,
                    What::Form,
                    What::Denied,
                    What::Malformed,
                    What::Overloaded,
                    What::Unknown,
                ],
            ),
            region: choose(&mut rng, &REGIONS),
            model: choose(&mut rng, &models),
            role: choose(&mut rng, &["checkout", "search", "batch", "support", "ops"]),
        });
        let problems: Vec<Problem> = problems.collect();
        let config = Config {
            mode: if rng.u8(0..10) == 0 { Mode::Observe } else { Mode::Request },
            max_increases_per_day: if rng.u8(0..10) == 0 { 0 } else { rng.u32(1..4) },
            digest_above: rng.u32(1..6),
            headroom_mode: choose(&mut rng, &[Mode::Observe, Mode::Observe, Mode::Request]),
            max_tokens_per_minute: (rng.u8(0..4) == 0).then_some(3e6),
            ..Config::default()
        };
        let mut world = world(&models, start);
        for usage in world.usage.iter_mut().filter(|_| rng.u8(0..4) == 0) {
            // Near its quota, and not throttled yet.
            usage.last.iter_mut().for_each(|last| last.each.throttles = 0.0);
        }
        if let Some(model) = models.first().and_then(|m| ModelId::parse(m)).filter(|_| rng.u8(0..4) == 0) {
            world.availability.push(ending(&model));
        }
        Self { config, problems, start, world, ceiling: choose(&mut rng, &[1.0, 1.3, 1e3]) }
    }
}

/// A legacy model.
fn ending(model: &ModelId) -> ModelEntry {
    ModelEntry {
        region: None,
        model_id: model.base().to_owned(),
        lifecycle: Lifecycle::Legacy,
        agreement: Availability::Available,
        authorized: None,
        region_availability: Availability::Available,
        form_submitted: None,
        offers: 1,
        legacy_from: None,
        ends: None,
    }
}

/// Every model in use in every Region, near its quotas and throttled.
fn world(models: &[&str], start: Timestamp) -> WorldFile {
    let regions: Vec<Region> = REGIONS.iter().filter_map(|r| Region::parse(r)).collect();
    let mut file = WorldFile {
        account: AccountId::parse(ACCOUNT),
        // The function watches the Region that it runs in.
        region: regions.first().cloned(),
        ..WorldFile::default()
    };
    for model in models.iter().filter_map(|m| ModelId::parse(m)) {
        for region in &regions {
            file.use_up(region, &model, Cause::TokensPerMinute, start);
        }
    }
    // What AWS grants in one Region it does not grant in another.
    let of = |region: &Region, q: &QuotaEntry| QuotaEntry { region: Some(region.clone()), ..q.clone() };
    file.quotas = file.quotas.iter().flat_map(|q| regions.iter().map(move |r| of(r, q))).collect();
    file
}

impl Problem {
    /// An error of it, as it is sent.
    pub(super) fn event(&self, at: Timestamp) -> String {
        let at = at.strftime("%FT%TZ").to_string();
        let Self { what, region, model, role } = self;
        if *what == What::Alarm {
            let metric = json!({
                "namespace": "AWS/Bedrock", "name": "InvocationThrottles", "dimensions": { "ModelId": model },
            });
            return json!({
                "detail-type": "CloudWatch Alarm State Change", "source": "aws.cloudwatch",
                "account": ACCOUNT, "region": region, "time": at,
                "detail": {
                    "alarmName": "bedrock-throttles", "state": { "value": "ALARM", "timestamp": at },
                    "configuration": { "metrics": [{ "id": "m1", "metricStat": { "metric": metric, "period": 60, "stat": "Sum" }, "returnData": true }] },
                },
            })
            .to_string();
        }
        let session = format!("arn:aws:sts::{ACCOUNT}:assumed-role/{role}/session");
        let (code, text) = match what {
            What::Tokens => ("ThrottlingException", "Too many tokens, please wait before trying again.".to_owned()),
            What::Requests => ("ThrottlingException", "Too many requests, please wait before trying again.".to_owned()),
            What::Rate | What::Alarm => ("ThrottlingException", "Rate exceeded".to_owned()),
            What::Form => (
                "ResourceNotFoundException",
                "Model use case details have not been submitted for this account. Fill out the Anthropic use case details form before using the model.".to_owned(),
            ),
            What::Denied => (
                "AccessDeniedException",
                format!("User: {session} is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:bedrock:{region}::foundation-model/{model} because no identity-based policy allows the bedrock:InvokeModel action"),
            ),
            What::Malformed => ("ValidationException", "Malformed input request: #: required key [messages] not found".to_owned()),
            What::Overloaded => ("ServiceUnavailableException", "Service unavailable. Try again later.".to_owned()),
            What::Unknown => ("SomethingNewException", "the moon is in the wrong house".to_owned()),
        };
        json!({
            "detail-type": "AWS API Call via CloudTrail", "source": "aws.bedrock",
            "account": ACCOUNT, "region": region, "time": at,
            "detail": {
                "eventSource": "bedrock.amazonaws.com", "eventName": "Converse", "awsRegion": region,
                "eventTime": at, "recipientAccountId": ACCOUNT, "errorCode": code, "errorMessage": text,
                "requestParameters": { "modelId": model }, "userIdentity": { "arn": session },
            },
        })
        .to_string()
    }

    /// Whether it is an alarm, whose errors nobody counted.
    pub(super) fn errors(&self) -> u64 {
        u64::from(self.what != What::Alarm)
    }
}

/// A tick of the schedule.
pub(super) fn tick() -> String {
    json!({ "detail-type": "Scheduled Event", "source": "aws.events", "account": ACCOUNT, "region": "us-east-1", "detail": {} })
        .to_string()
}

/// Service Quotas' news of a request.
pub(super) fn news(at: Timestamp) -> String {
    json!({
        "detail-type": "AWS Service Event via CloudTrail", "source": "aws.servicequotas",
        "account": ACCOUNT, "region": "us-east-1", "time": at.strftime("%FT%TZ").to_string(),
        "detail": {
            "eventSource": "servicequotas.amazonaws.com", "eventName": "UpdateServiceQuotaIncreaseRequestStatus",
            "awsRegion": "us-east-1", "recipientAccountId": ACCOUNT,
            "serviceEventDetails": { "newStatus": "CASE_CLOSED", "serviceName": "Amazon Bedrock" },
        },
    })
    .to_string()
}

/// How long ago `minutes` was.
pub(super) fn before(now: Timestamp, minutes: u8) -> Timestamp {
    now.saturating_sub(SignedDuration::from_mins(i64::from(minutes))).unwrap_or(now)
}
