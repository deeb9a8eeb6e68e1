//! What CloudWatch measured of a model's use, and what it means for a quota.
//!
//! One law: tokens are counted as the quota counts them, and models that share a quota are added up
//! minute by minute before any peak is taken.
//! See <https://docs.aws.amazon.com/bedrock/latest/userguide/quotas-token-burndown.html>.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::ModelId;
use crate::quota::Limit;

/// How many quota tokens an output token costs, by what the model's id begins with; 1 for all others.
#[rustfmt::skip]
const BURNDOWN: &[(&str, f64)] = &[
    ("anthropic.claude-3-7-", 5.0),
    ("anthropic.claude-opus-4-8", 15.0), ("anthropic.claude-sonnet-4-8", 15.0), ("anthropic.claude-haiku-4-8", 15.0),
    ("anthropic.claude-opus-4", 5.0), ("anthropic.claude-sonnet-4", 5.0), ("anthropic.claude-haiku-4", 5.0),
    ("anthropic.claude-sonnet-5", 10.0), ("anthropic.claude-opus-5", 10.0), ("anthropic.claude-fable-5-1", 10.0),
];

/// Quota tokens for one output token of `model`.
pub fn burndown(model: &ModelId) -> f64 {
    BURNDOWN.iter().find(|(start, _)| model.base().starts_with(start)).map_or(1.0, |(_, rate)| *rate)
}

/// One minute of one model, as CloudWatch's metrics of the namespace `AWS/Bedrock` have it. Throttled
/// calls count neither as invocations nor as errors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Minute {
    /// `Invocations`: calls that were admitted.
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
    /// `EstimatedTPMQuotaUsage`: quota tokens with burndown; `None` where CloudWatch has none.
    pub quota_tokens: Option<f64>,
}

impl Minute {
    fn tokens(&self, burndown: f64) -> f64 {
        let counted = self.input_tokens + self.cache_write_tokens + self.output_tokens * burndown;
        self.quota_tokens.unwrap_or(0.0).max(counted)
    }
}

/// The minutes of one model that CloudWatch has data for, oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// Each minute by its start.
    pub minutes: Vec<(Timestamp, Minute)>,
    /// The first use within what CloudWatch keeps and was asked for; `None`: never used.
    pub first_use: Option<Timestamp>,
}

/// The use of one quota: every model that shares it, added up.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Usage {
    /// Admitted requests in the busiest minute.
    pub peak_requests: f64,
    /// Quota tokens in the busiest minute.
    pub peak_tokens: f64,
    /// 95th percentile of the minutes with use.
    pub p95_requests: f64,
    /// 95th percentile of the minutes with use.
    pub p95_tokens: f64,
    /// Admitted *and* throttled requests in the worst minute.
    pub demand_requests: f64,
    /// Quota tokens of these, throttled requests taken at the average size of admitted ones.
    pub demand_tokens: f64,
    /// Quota tokens in the busiest day.
    pub peak_day_tokens: f64,
    /// Throttled requests in the window of the incident.
    pub recent_throttles: f64,
    /// Throttled requests in the worst minute.
    pub peak_throttles: f64,
    /// Input tokens of an admitted request, on average.
    pub average_input: f64,
    /// Output tokens of an admitted request, on average, before burndown.
    pub average_output: f64,
    /// `None`: never used within what was asked for.
    pub first_use: Option<Timestamp>,
}

impl Usage {
    /// Adds up `series` of models that share a quota. Throttles since `since` are the incident's.
    pub fn of(series: &[Series], burndown: f64, since: Timestamp) -> Self {
        let mut minutes: BTreeMap<Timestamp, Vec<Minute>> = BTreeMap::new();
        for (at, minute) in series.iter().flat_map(|s| &s.minutes) {
            minutes.entry(*at).or_default().push(*minute);
        }
        let mut usage =
            Self { first_use: series.iter().filter_map(|s| s.first_use).min(), ..Self::default() };
        let (mut invocations, mut input, mut output, mut tokens_in_all) = (0.0, 0.0, 0.0, 0.0);
        for minute in minutes.values().flatten() {
            invocations += minute.invocations;
            input += minute.input_tokens;
            output += minute.output_tokens;
            tokens_in_all += minute.tokens(burndown);
        }
        let per_request = |total: f64| if invocations > 0.0 { total / invocations } else { 0.0 };
        (usage.average_input, usage.average_output) = (per_request(input), per_request(output));
        let average_tokens = per_request(tokens_in_all);

        let (mut requests_used, mut tokens_used) = (Vec::new(), Vec::new());
        let mut days: BTreeMap<i64, f64> = BTreeMap::new();
        for (at, together) in &minutes {
            let sum = |f: fn(&Minute) -> f64| together.iter().map(f).sum::<f64>();
            let requests = sum(|m| m.invocations);
            let throttles = sum(|m| m.throttles);
            let tokens: f64 = together.iter().map(|m| m.tokens(burndown)).sum();
            usage.peak_throttles = usage.peak_throttles.max(throttles);
            usage.demand_requests = usage.demand_requests.max(requests + throttles);
            usage.demand_tokens = usage.demand_tokens.max(tokens + throttles * average_tokens);
            if *at >= since {
                usage.recent_throttles += throttles;
            }
            if requests > 0.0 {
                requests_used.push(requests);
                tokens_used.push(tokens);
            }
            *days.entry(at.as_second().div_euclid(86_400)).or_default() += tokens;
        }
        (usage.peak_requests, usage.p95_requests) = peak_and_p95(requests_used);
        (usage.peak_tokens, usage.p95_tokens) = peak_and_p95(tokens_used);
        usage.peak_day_tokens = days.into_values().fold(0.0, f64::max);
        usage
    }

    /// What was admitted at most, in `limit`'s unit.
    pub fn peak(&self, limit: Limit) -> f64 {
        match limit {
            Limit::RequestsPerMinute => self.peak_requests,
            Limit::TokensPerDay => self.peak_day_tokens,
            _ => self.peak_tokens,
        }
    }

    /// What was asked for at most, admitted or not, in `limit`'s unit.
    pub fn demand(&self, limit: Limit) -> f64 {
        match limit {
            Limit::RequestsPerMinute => self.demand_requests,
            Limit::TokensPerDay => self.peak_day_tokens,
            _ => self.demand_tokens,
        }
    }

    /// How long the model has been in use at `now`.
    pub fn history(&self, now: Timestamp) -> Option<SignedDuration> {
        self.first_use.map(|first| now.duration_since(first))
    }
}

fn peak_and_p95(mut values: Vec<f64>) -> (f64, f64) {
    values.sort_by(f64::total_cmp);
    let at = (values.len() * 95).div_ceil(100).saturating_sub(1);
    (values.last().copied().unwrap_or(0.0), values.get(at).copied().unwrap_or(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minute * 60).unwrap()
    }

    fn minute(invocations: f64, throttles: f64, input: f64, output: f64) -> Minute {
        Minute { invocations, throttles, input_tokens: input, output_tokens: output, ..Minute::default() }
    }

    #[test]
    fn siblings_are_added_up_minute_by_minute() {
        let one = Series {
            minutes: vec![(at(0), minute(10.0, 0.0, 1000.0, 0.0)), (at(1), minute(90.0, 0.0, 9000.0, 0.0))],
            first_use: Some(at(0)),
        };
        let two = Series {
            minutes: vec![(at(0), minute(80.0, 0.0, 8000.0, 0.0)), (at(2), minute(20.0, 0.0, 2000.0, 0.0))],
            first_use: Some(at(-9)),
        };
        let usage = Usage::of(&[one, two], 1.0, at(0));
        assert_eq!((usage.peak_requests, usage.peak_tokens), (90.0, 9000.0));
        assert_eq!(usage.first_use, Some(at(-9)));
    }

    #[test]
    fn output_counts_with_burndown_and_cache_writes_count_once() {
        let m = Minute {
            invocations: 1.0,
            input_tokens: 100.0,
            output_tokens: 10.0,
            cache_write_tokens: 50.0,
            ..Minute::default()
        };
        let usage = Usage::of(&[Series { minutes: vec![(at(0), m)], first_use: None }], 5.0, at(0));
        assert_eq!(usage.peak_tokens, 200.0);
        let estimated = Minute { quota_tokens: Some(400.0), ..m };
        let usage = Usage::of(&[Series { minutes: vec![(at(0), estimated)], first_use: None }], 5.0, at(0));
        assert_eq!(usage.peak_tokens, 400.0);
    }

    #[test]
    fn demand_holds_what_was_throttled() {
        let series = Series { minutes: vec![(at(0), minute(100.0, 50.0, 10_000.0, 0.0))], first_use: None };
        let usage = Usage::of(&[series], 1.0, at(1));
        assert_eq!((usage.demand_requests, usage.demand_tokens), (150.0, 15_000.0));
        assert_eq!((usage.peak_throttles, usage.recent_throttles), (50.0, 0.0));
    }

    #[test]
    fn burndown_follows_the_model() {
        let rate = |id| burndown(&ModelId::parse(id).unwrap());
        assert_eq!(rate("us.anthropic.claude-sonnet-4-5-20250929-v1:0"), 5.0);
        assert_eq!(rate("us.anthropic.claude-opus-4-8"), 15.0);
        assert_eq!(rate("global.anthropic.claude-opus-5-5"), 10.0);
        assert_eq!(rate("amazon.nova-lite-v1:0"), 1.0);
    }
}
