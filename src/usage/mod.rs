//! What CloudWatch measured of a model's use, and what it means for a quota.
//!
//! Invariant: Tokens are counted as the quota counts them. Models that share a quota are added up minute by minute
//! before a peak is taken.
//! See <https://docs.aws.amazon.com/bedrock/latest/userguide/quotas-token-burndown.html>.

mod course;
mod growth;
pub mod headroom;
mod measured;
mod sum;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::quota::Limit;
pub use crate::usage::course::{Hour, course};
pub use crate::usage::measured::{Endpoint, Minute, Period, Series, Weights, burndown};

/// The use of one quota, added up over every model that shares it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Usage {
    /// Admitted requests in the busiest minute.
    pub peak_requests: f64,
    /// Quota tokens in the busiest minute.
    pub peak_tokens: f64,
    /// Admitted requests: 95th percentile of the minutes with use.
    pub p95_requests: f64,
    /// Quota tokens: 95th percentile of the minutes with use.
    pub p95_tokens: f64,
    /// Admitted requests in the busiest minute of the incident's window.
    pub recent_requests: f64,
    /// Quota tokens in the busiest minute of the incident's window.
    pub recent_tokens: f64,
    /// Quota tokens in the busiest day that overlaps the incident's window.
    pub recent_day_tokens: f64,
    /// The minutes in which calls were throttled.
    #[serde(skip)]
    refused: Vec<Refused>,
    /// The same use counted in output tokens, on the bedrock-mantle endpoint; there, all other fields count input tokens.
    #[serde(skip)]
    output: Option<Box<Self>>,
    /// All use in steps of five minutes, oldest first. This is the finest resolution available for every day.
    #[serde(skip)]
    pub(crate) fives: Vec<Five>,
    /// Average quota tokens per admitted request.
    #[serde(skip)]
    average_tokens: f64,
    /// Share of the requests, from 0 to 1, in minutes whose average request is more than twice the overall average.
    pub large_share: f64,
    /// Requests of the last seven days divided by those of the seven days before; `None` without use in those.
    pub trend: Option<f64>,
    /// Quota tokens in the busiest day.
    pub peak_day_tokens: f64,
    /// Throttled requests since the incident began.
    pub recent_throttles: f64,
    /// Throttled requests in the incident's window.
    pub window_throttles: f64,
    /// Requests in the incident's window that were refused for a reason of the caller's. On the bedrock-mantle endpoint,
    /// throttled requests are among them.
    pub window_client_errors: f64,
    /// Throttled requests in the worst minute.
    pub peak_throttles: f64,
    /// Average input tokens per admitted request.
    pub average_input: f64,
    /// Average output tokens per admitted request, before burndown.
    pub average_output: f64,
    /// The first use within the requested window; `None` if there was none.
    pub first_use: Option<Timestamp>,
    /// The last use within the requested window; `None` if there was none.
    pub last_use: Option<Timestamp>,
    /// Whether CloudWatch counted calls of a legacy model.
    pub is_legacy: bool,
    /// The days with use, oldest first. A day is 24 hours, counted back from now.
    pub days: Vec<Day>,
}

/// Measurements older than this prove no need, whatever age an event claims for the incident.
pub const WINDOW: SignedDuration = SignedDuration::from_hours(6);

/// A minute in which calls were throttled.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Refused {
    /// Admitted requests.
    requests: f64,
    /// Their quota tokens.
    tokens: f64,
    /// Throttled requests.
    throttles: f64,
}

/// Five minutes of use, as their average minute.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Five {
    /// The start, in seconds since 1970.
    pub(crate) at: i64,
    /// Admitted requests per minute.
    pub(crate) requests: f64,
    /// Quota tokens of admitted requests per minute.
    pub(crate) tokens: f64,
    /// Throttled requests per minute.
    pub(crate) throttles: f64,
}

impl Five {
    /// Requests attempted per minute, without repetitions. A burst counts whether its calls were throttled or not.
    pub(crate) fn asked(&self) -> f64 {
        self.requests + without_repetitions(self.throttles, self.requests)
    }
}

/// The use admitted in 24 hours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Day {
    /// How many days ago the day ended; 0 is the day that ends now.
    pub ago: u32,
    /// Requests in the busiest measured minute.
    pub peak_requests: f64,
    /// Quota tokens in the busiest measured minute.
    pub peak_tokens: f64,
    /// Total quota tokens.
    pub tokens: f64,
    /// Requests in the average minute of the busiest five minutes, which can be compared between days.
    steady_requests: f64,
    /// Quota tokens in the average minute of the busiest five minutes.
    steady_tokens: f64,
}

impl Day {
    /// The peak of admitted use, in `limit`'s unit.
    pub fn peak(&self, limit: Limit) -> f64 {
        match limit {
            Limit::RequestsPerMinute => self.peak_requests,
            Limit::TokensPerDay => self.tokens,
            _ => self.peak_tokens,
        }
    }

    fn steady(&self, limit: Limit) -> f64 {
        match limit {
            Limit::RequestsPerMinute => self.steady_requests,
            Limit::TokensPerDay => self.tokens,
            _ => self.steady_tokens,
        }
    }
}

impl Usage {
    /// The use in the tokens that `limit` counts.
    pub(crate) fn counted(&self, limit: Limit) -> &Self {
        match limit {
            Limit::OutputTokensPerMinute => self.output.as_deref().unwrap_or(self),
            _ => self,
        }
    }

    /// The peak of admitted use, in `limit`'s unit.
    pub fn peak(&self, limit: Limit) -> f64 {
        match limit {
            Limit::RequestsPerMinute => self.peak_requests,
            Limit::TokensPerDay => self.peak_day_tokens,
            _ => self.counted(limit).peak_tokens,
        }
    }

    /// The peak of admitted use in the incident's window, in `limit`'s unit. It proves that the quota is used.
    pub fn admitted(&self, limit: Limit) -> f64 {
        match limit {
            Limit::RequestsPerMinute => self.recent_requests,
            Limit::TokensPerDay => self.recent_day_tokens,
            _ => self.counted(limit).recent_tokens,
        }
    }

    /// The demand on a quota whose applied value is `applied`, in `limit`'s unit: the admitted use of the busiest
    /// minute, plus throttled calls that stand for requests of their own, each at the average size of admitted
    /// requests. Throttled calls cost their caller nothing, so they add at most as many requests as were admitted. They
    /// may add more only in a minute that used more than [`FULL`] of the quota.
    pub fn demand(&self, limit: Limit, applied: f64) -> f64 {
        self.with_refused(limit, |minute| {
            let used = if limit == Limit::RequestsPerMinute { minute.requests } else { minute.tokens };
            // A quota of 0 is always full.
            if applied <= 0.0 || used > FULL * applied {
                without_repetitions(minute.throttles, minute.requests)
            } else {
                minute.throttles.min(minute.requests)
            }
        })
    }

    /// The demand if every throttled call were a request of its own, in `limit`'s unit.
    pub fn asked(&self, limit: Limit) -> f64 {
        self.with_refused(limit, |minute| minute.throttles)
    }

    fn with_refused(&self, limit: Limit, counted: impl Fn(&Refused) -> f64) -> f64 {
        let of_minute = |minute: &Refused| match limit {
            Limit::RequestsPerMinute => minute.requests + counted(minute),
            // For a daily limit, only admitted use is known.
            Limit::TokensPerDay => 0.0,
            _ => minute.tokens + counted(minute) * self.counted(limit).average_tokens,
        };
        self.counted(limit).refused.iter().map(of_minute).fold(self.peak(limit), f64::max)
    }

    /// The peak of admitted use in the last 24 hours, in `limit`'s unit.
    pub fn last_day(&self, limit: Limit) -> f64 {
        let days = &self.counted(limit).days;
        days.last().filter(|day| day.ago == 0).map_or(0.0, |day| day.peak(limit))
    }

    /// Whether calls in the incident's window were throttled, as far as CloudWatch tells: on the bedrock-mantle endpoint
    /// it counts throttles only among the client errors.
    pub(crate) fn may_be_throttled(&self) -> bool {
        let is_of_mantle = self.output.is_some();
        self.window_throttles > 0.0 || (is_of_mantle && self.window_client_errors > 0.0)
    }

    /// Quota tokens per admitted request in the five minutes whose average request was the largest.
    pub(crate) fn largest_average(&self) -> f64 {
        let used = self.fives.iter().filter(|five| five.requests > 0.0);
        used.map(|five| five.tokens / five.requests).fold(0.0, f64::max)
    }

    /// Average quota tokens per admitted request.
    pub(crate) fn average_tokens(&self) -> f64 {
        self.average_tokens
    }

    /// How long the model has been in use at `now`; `None` if it was not used.
    pub fn history(&self, now: Timestamp) -> Option<SignedDuration> {
        self.first_use.map(|first| now.duration_since(first))
    }
}

/// The number of attempts that AWS's SDKs make in all.
/// See <https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html>.
const ATTEMPTS: f64 = 3.0;

/// A quota is full if more than this share of it is used.
pub const FULL: f64 = 0.8;

/// How many requests `throttles` throttled calls of a full quota stand for. Each counts as a request of its own, up to
/// the number of admitted calls. Beyond that they are mostly repetitions: they then count as many requests as were
/// admitted, or a third of the throttled calls if that is more.
fn without_repetitions(throttles: f64, admitted: f64) -> f64 {
    throttles.min(admitted.max(throttles / ATTEMPTS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ModelId;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minute * 60).unwrap()
    }

    fn minute(invocations: f64, throttles: f64, input: f64, output: f64) -> Minute {
        Minute { invocations, throttles, input_tokens: input, output_tokens: output, ..Minute::default() }
    }

    fn minutes(one: Minute) -> Series {
        Series { points: vec![(at(0), one)], ..Series::unused(Period::Minute) }
    }

    #[test]
    fn five_minutes_weigh_five_times_their_average() {
        let fine = minutes(minute(100.0, 0.0, 1000.0, 0.0));
        let coarse = Series {
            points: vec![(at(-10), minute(40.0, 2.0, 400.0, 0.0))],
            ..Series::unused(Period::FiveMinutes)
        };
        let usage = Usage::of(&[fine, coarse], 1.0, at(-20), at(1));
        assert_eq!((usage.peak_requests, usage.p95_requests), (100.0, 100.0));
        assert_eq!((usage.recent_throttles, usage.peak_day_tokens), (10.0, 3000.0));
    }

    #[test]
    fn siblings_are_added_up_minute_by_minute() {
        let one = Series {
            period: Period::Minute,
            points: vec![(at(0), minute(10.0, 0.0, 1000.0, 0.0)), (at(1), minute(90.0, 0.0, 9000.0, 0.0))],
            first_use: Some(at(0)),
        };
        let two = Series {
            period: Period::Minute,
            points: vec![(at(0), minute(80.0, 0.0, 8000.0, 0.0)), (at(2), minute(20.0, 0.0, 2000.0, 0.0))],
            first_use: Some(at(-9)),
        };
        let usage = Usage::of(&[one, two], 1.0, at(0), at(1));
        assert_eq!((usage.peak_requests, usage.peak_tokens), (90.0, 9000.0));
        assert_eq!((usage.first_use, usage.last_use), (Some(at(-9)), Some(at(2))));
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
        let usage = Usage::of(&[minutes(m)], 5.0, at(0), at(1));
        assert_eq!(usage.peak_tokens, 200.0);
        let estimated = Minute { quota_tokens: Some(400.0), ..m };
        let usage = Usage::of(&[minutes(estimated)], 5.0, at(0), at(1));
        assert_eq!(usage.peak_tokens, 400.0);
    }

    const RPM: Limit = Limit::RequestsPerMinute;
    const TPM: Limit = Limit::TokensPerMinute;

    #[test]
    fn refused_calls_add_at_most_what_was_admitted_unless_the_quota_is_full() {
        let of = |admitted, throttles| {
            let one = minute(admitted, throttles, admitted * 100.0, 0.0);
            Usage::of(&[minutes(one)], 1.0, at(1), at(1))
        };
        let usage = of(100.0, 50.0);
        assert_eq!((usage.demand(RPM, 1e6), usage.demand(TPM, 1e6)), (150.0, 15_000.0));
        assert_eq!((usage.peak_throttles, usage.recent_throttles), (50.0, 0.0));
        let flood = of(100.0, 90_000.0);
        assert_eq!((flood.demand(RPM, 125.0), flood.demand(TPM, 12_500.0)), (200.0, 20_000.0));
        assert_eq!((flood.demand(RPM, 124.0), flood.demand(TPM, 12_400.0)), (30_100.0, 3_010_000.0));
        assert_eq!((flood.asked(RPM), flood.asked(TPM)), (90_100.0, 9_010_000.0));
        assert_eq!(of(0.0, 90_000.0).demand(RPM, 100.0), 0.0, "nothing was admitted");
    }

    #[test]
    fn a_full_minute_does_not_lend_its_share_to_another() {
        let full = (at(0), minute(100.0, 1.0, 10_000.0, 0.0));
        let flooded = (at(1), minute(1.0, 90_000.0, 100.0, 0.0));
        let usage = Usage::of(&[Series::of(Period::Minute, vec![full, flooded])], 1.0, at(0), at(2));
        assert_eq!((usage.demand(RPM, 100.0), usage.demand(TPM, 10_000.0)), (101.0, 10_100.0));
    }

    #[test]
    fn only_what_was_admitted_in_the_window_is_proof() {
        let busy = (at(-30), minute(100.0, 9.0, 10_000.0, 0.0));
        let since = (at(-5), minute(10.0, 9.0, 700.0, 0.0));
        let usage = Usage::of(&[Series::of(Period::Minute, vec![busy, since])], 1.0, at(-10), at(1));
        assert_eq!((usage.admitted(RPM), usage.admitted(TPM)), (10.0, 700.0));
        assert_eq!((usage.peak(RPM), usage.recent_throttles), (100.0, 9.0));
    }

    #[test]
    fn for_a_days_limit_the_days_that_the_window_touches_are_proof() {
        let of = |now: &str, since: &str| {
            let point = |at: &str, tokens| (at.parse().unwrap(), minute(1.0, 0.0, tokens, 0.0));
            let points = vec![
                point("2027-01-12T09:00:00Z", 90_000.0),
                point("2027-01-14T01:00:00Z", 8_000.0),
                point("2027-01-14T20:00:00Z", 500.0),
                point("2027-01-15T02:00:00Z", 700.0),
            ];
            let series = [Series::of(Period::Minute, points)];
            Usage::of(&series, 1.0, since.parse().unwrap(), now.parse().unwrap())
                .admitted(Limit::TokensPerDay)
        };
        assert_eq!(of("2027-01-15T03:00:00Z", "2027-01-15T02:30:00Z"), 1_200.0, "the last 24 hours");
        assert_eq!(of("2027-01-15T03:00:00Z", "2027-01-14T23:30:00Z"), 8_500.0, "a day that it touches");
        assert_eq!(of("2027-01-15T03:00:00Z", "2027-01-12T08:00:00Z"), 8_500.0, "six hours at most");
    }

    #[test]
    fn repetitions_are_not_taken_for_demand() {
        for (admitted, throttles, requests) in
            [(100.0, 60.0, 60.0), (100.0, 250.0, 100.0), (100.0, 900.0, 300.0), (0.0, 90.0, 30.0)]
        {
            assert_eq!(without_repetitions(throttles, admitted), requests, "{admitted} {throttles}");
            assert!(without_repetitions(throttles + 1.0, admitted) >= requests, "never less for more");
        }
    }

    #[test]
    fn trend_and_large_requests_are_told() {
        let day = |n: i64, m: Minute| (at(n * 24 * 60), m);
        let usual = minute(10.0, 0.0, 1000.0, 0.0);
        let large = minute(10.0, 0.0, 9000.0, 0.0);
        let series = |points| Usage::of(&[Series::of(Period::Minute, points)], 1.0, at(0), at(1));
        let usage = series(vec![day(-10, usual), day(-9, usual), day(-3, usual), day(-2, large)]);
        assert_eq!((usage.trend, usage.large_share), (Some(1.0), 0.25));
        let new = series(vec![day(0, usual)]);
        assert_eq!(new.trend, None);
    }

    #[test]
    fn burndown_follows_the_model() {
        let rate = |id| burndown(&ModelId::parse(id).unwrap());
        for (id, expected) in [
            ("us.anthropic.claude-3-7-sonnet-20250219-v1:0", 5.0),
            ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", 5.0),
            ("us.anthropic.claude-opus-4-20250514-v1:0", 5.0),
            ("us.anthropic.claude-opus-4-7", 5.0),
            ("us.anthropic.claude-opus-4-8", 15.0),
            ("us.anthropic.claude-sonnet-5", 10.0),
            ("global.anthropic.claude-opus-5", 10.0),
            ("global.anthropic.claude-opus-5-5", 10.0),
            ("anthropic.claude-3-5-sonnet-20241022-v2:0", 1.0),
            ("anthropic.claude-3-haiku-20240307-v1:0", 1.0),
            ("amazon.nova-lite-v1:0", 1.0),
            ("openai.gpt-5.6-luna", 1.0),
        ] {
            assert_eq!(rate(id), expected, "{id}");
        }
    }
}
