//! What CloudWatch measures of one model, minute by minute.
//!
//! Invariant: Tokens are counted as the quota counts them.
//! See <https://docs.aws.amazon.com/bedrock/latest/userguide/quotas-token-burndown.html>.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::ModelId;

/// Quota tokens per output token, by the start of the model's id; 1 for all other models.
#[rustfmt::skip]
const BURNDOWN: &[(&str, f64)] = &[
    ("anthropic.claude-3-7-", 5.0),
    ("anthropic.claude-opus-4-8", 15.0), ("anthropic.claude-sonnet-4-8", 15.0), ("anthropic.claude-haiku-4-8", 15.0),
    ("anthropic.claude-opus-4", 5.0), ("anthropic.claude-sonnet-4", 5.0), ("anthropic.claude-haiku-4", 5.0),
    ("anthropic.claude-sonnet-5", 10.0), ("anthropic.claude-opus-5", 10.0), ("anthropic.claude-fable-5-1", 10.0),
];

/// Quota tokens per output token of `model`.
pub fn burndown(model: &ModelId) -> f64 {
    BURNDOWN.iter().find(|(start, _)| model.base().starts_with(start)).map_or(1.0, |(_, rate)| *rate)
}

/// One minute of one model, from CloudWatch's namespace `AWS/Bedrock`. Throttled calls count neither as invocations nor
/// as errors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Minute {
    /// `Invocations`: admitted calls.
    pub invocations: f64,
    /// `InvocationThrottles`.
    pub throttles: f64,
    /// `InvocationClientErrors`.
    pub client_errors: f64,
    /// `InvocationServerErrors`.
    pub server_errors: f64,
    /// `InputTokenCount`.
    pub input_tokens: f64,
    /// `OutputTokenCount`, before burndown.
    pub output_tokens: f64,
    /// `CacheWriteInputTokens`. Cache reads do not count.
    pub cache_write_tokens: f64,
    /// `EstimatedTPMQuotaUsage`: quota tokens including burndown; `None` if CloudWatch has no value.
    pub quota_tokens: Option<f64>,
    /// `LegacyModelInvocations`: calls of a model that its provider has marked as legacy.
    pub legacy_invocations: f64,
}

impl Minute {
    /// A minute without measurements.
    pub const NONE: Self = Self {
        invocations: 0.0,
        throttles: 0.0,
        client_errors: 0.0,
        server_errors: 0.0,
        input_tokens: 0.0,
        output_tokens: 0.0,
        cache_write_tokens: 0.0,
        quota_tokens: None,
        legacy_invocations: 0.0,
    };

    /// Whether any calls were made, admitted or throttled.
    pub fn is_used(&self) -> bool {
        self.invocations + self.throttles > 0.0
    }

    /// Adds `share` of another minute's counts.
    pub fn add(&mut self, other: &Self, share: f64) {
        self.invocations += other.invocations * share;
        self.throttles += other.throttles * share;
        self.client_errors += other.client_errors * share;
        self.server_errors += other.server_errors * share;
        self.input_tokens += other.input_tokens * share;
        self.output_tokens += other.output_tokens * share;
        self.cache_write_tokens += other.cache_write_tokens * share;
        self.legacy_invocations += other.legacy_invocations * share;
        if let Some(tokens) = other.quota_tokens {
            *self.quota_tokens.get_or_insert(0.0) += tokens * share;
        }
    }

    /// Quota tokens, as `weights` counts them.
    pub(crate) fn tokens(&self, weights: Weights) -> f64 {
        let Weights { input, output } = weights;
        let counted = (self.input_tokens + self.cache_write_tokens) * input + self.output_tokens * output;
        self.quota_tokens.unwrap_or(0.0).max(counted)
    }
}

/// The endpoint whose calls are measured. Each has metrics and quotas of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Endpoint {
    /// bedrock-runtime.
    #[default]
    Runtime,
    /// bedrock-mantle. It counts no throttles; they are among the client errors.
    /// See <https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-mantle-metrics.html>.
    Mantle,
}

impl Endpoint {
    /// The service's name in host names.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Runtime => "bedrock-runtime",
            Self::Mantle => "bedrock-mantle",
        }
    }
}

/// How many quota tokens one token counts for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weights {
    /// An input token, or one written to the cache.
    pub input: f64,
    /// An output token.
    pub output: f64,
}

impl Weights {
    /// A quota of input tokens, on the bedrock-mantle endpoint.
    pub(crate) const INPUT: Self = Self { input: 1.0, output: 0.0 };
    /// A quota of output tokens, on the bedrock-mantle endpoint.
    pub(crate) const OUTPUT: Self = Self { input: 0.0, output: 1.0 };
}

/// A quota of all tokens, with this burndown of output tokens.
impl From<f64> for Weights {
    fn from(burndown: f64) -> Self {
        Self { input: 1.0, output: burndown }
    }
}

/// The resolution at which CloudWatch is read. It keeps minutes for 15 days, and a request has size limits.
/// See <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// One minute, which is what rate quotas count.
    Minute,
    /// Five minutes.
    FiveMinutes,
}

impl Period {
    /// The length in minutes.
    pub const fn minutes(self) -> u32 {
        match self {
            Self::Minute => 1,
            Self::FiveMinutes => 5,
        }
    }
}

/// One model's use as far as CloudWatch has data, oldest first. A point of a longer period holds that period's
/// *average* minute.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// The length of each point.
    pub period: Period,
    /// The points, each with its start.
    pub points: Vec<(Timestamp, Minute)>,
    /// The first use within the requested window; `None` if there was none.
    pub first_use: Option<Timestamp>,
}

impl Series {
    /// A series of `points`, oldest first.
    pub fn of(period: Period, points: Vec<(Timestamp, Minute)>) -> Self {
        let used = |(at, minute): &(Timestamp, Minute)| minute.is_used().then_some(*at);
        Self { period, first_use: points.iter().find_map(used), points }
    }

    /// A series without use.
    pub fn unused(period: Period) -> Self {
        Self::of(period, Vec::new())
    }
}
