//! What CloudWatch measured of a model's use, and what it means for a quota.
//!
//! Invariant: Tokens are counted as the quota counts them. Models that share a quota are added up minute by minute
//! before a peak is taken.
//! See <https://docs.aws.amazon.com/bedrock/latest/userguide/quotas-token-burndown.html>.

pub mod headroom;

use std::borrow::Borrow;
use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::ModelId;
use crate::quota::Limit;

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

    fn tokens(&self, burndown: f64) -> f64 {
        let counted = self.input_tokens + self.cache_write_tokens + self.output_tokens * burndown;
        self.quota_tokens.unwrap_or(0.0).max(counted)
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
    /// Throttled requests in the worst minute.
    pub peak_throttles: f64,
    /// Average input tokens per admitted request.
    pub average_input: f64,
    /// Average output tokens per admitted request, before burndown.
    pub average_output: f64,
    /// The first use within the requested window; `None` if there was none.
    pub first_use: Option<Timestamp>,
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
    /// Adds up the `series` of models that share a quota, as of `now`. The incident began at `since`. Its window is the
    /// part of it within the last [`WINDOW`].
    pub fn of<S: Borrow<Series>>(series: &[S], burndown: f64, since: Timestamp, now: Timestamp) -> Self {
        let window = since.max(now.saturating_sub(WINDOW).unwrap_or(since));
        let all = series.iter().map(Borrow::borrow);
        let mut points: Vec<(Timestamp, u32, &Minute)> = all
            .flat_map(|one| one.points.iter().map(|(at, minute)| (*at, one.period.minutes(), minute)))
            .collect();
        // This is already the order, except where one series ends and the next begins.
        points.sort_by_key(|(at, length, _)| (*at, *length));
        let mut usage =
            Self { first_use: series.iter().filter_map(|s| s.borrow().first_use).min(), ..Self::default() };
        let (mut invocations, mut input, mut output, mut tokens_in_all) = (0.0, 0.0, 0.0, 0.0);
        for (_, length, minute) in &points {
            let length = f64::from(*length);
            invocations += minute.invocations * length;
            input += minute.input_tokens * length;
            output += minute.output_tokens * length;
            tokens_in_all += minute.tokens(burndown) * length;
            usage.is_legacy |= minute.legacy_invocations > 0.0;
        }
        let per_request = |total: f64| if invocations > 0.0 { total / invocations } else { 0.0 };
        (usage.average_input, usage.average_output) = (per_request(input), per_request(output));
        let average_tokens = per_request(tokens_in_all);
        usage.average_tokens = average_tokens;

        let last = points.last().map_or(0, |(at, ..)| at.as_second());
        let (mut this_week, mut week_before) = (0.0f64, 0.0f64);
        // Both periods are compared as five-minute averages, because an average hides what a minute shows.
        let mut fives: Vec<Five> = Vec::new();
        let mut back = DailyUse::new(now);
        let mut large = 0.0;
        let (mut requests_used, mut tokens_used) = (Vec::new(), Vec::new());
        let mut days: BTreeMap<i64, f64> = BTreeMap::new();
        for together in points.chunk_by(|(a, of_a, _), (b, of_b, _)| (a, of_a) == (b, of_b)) {
            let Some((at, length, _)) = together.first() else { continue };
            let sum = |f: fn(&Minute) -> f64| together.iter().map(|(.., m)| f(m)).sum::<f64>();
            let requests = sum(|m| m.invocations);
            let throttles = sum(|m| m.throttles);
            let tokens: f64 = together.iter().map(|(.., m)| m.tokens(burndown)).sum();
            usage.peak_throttles = usage.peak_throttles.max(throttles);
            if throttles > 0.0 {
                usage.refused.push(Refused { requests, tokens, throttles });
            }
            let age = last - at.as_second();
            *if age < 7 * DAY { &mut this_week } else { &mut week_before } += requests * f64::from(*length);
            let share = f64::from(*length) / f64::from(Period::FiveMinutes.minutes());
            let start = at.as_second().div_euclid(FIVE) * FIVE;
            if fives.last().is_none_or(|five| five.at != start) {
                fives.push(Five { at: start, ..Five::default() });
            }
            if let Some(five) = fives.last_mut() {
                five.requests += requests * share;
                five.tokens += tokens * share;
                five.throttles += throttles * share;
            }
            if requests > 0.0 && tokens > 2.0 * average_tokens * requests {
                large += requests * f64::from(*length);
            }
            if *at >= since {
                usage.recent_throttles += throttles * f64::from(*length);
            }
            if *at >= window {
                // CloudWatch counts whole calls. Less than one per minute is only a trace of an average.
                usage.window_throttles += throttles.floor() * f64::from(*length);
                usage.recent_requests = usage.recent_requests.max(requests);
                usage.recent_tokens = usage.recent_tokens.max(tokens);
            }
            if requests > 0.0 {
                requests_used.push((requests, *length));
                tokens_used.push((tokens, *length));
            }
            *days.entry(at.as_second().div_euclid(DAY)).or_default() += tokens * f64::from(*length);
            back.put(*at, *length, requests, tokens);
        }
        usage.days = back.done();
        (usage.peak_requests, usage.p95_requests) = peak_and_p95(requests_used);
        (usage.peak_tokens, usage.p95_tokens) = peak_and_p95(tokens_used);
        usage.peak_day_tokens = days.values().copied().fold(0.0, f64::max);
        // AWS does not say whether its day is a UTC day or any 24 hours.
        let touched = days.range(window.as_second().div_euclid(DAY)..).map(|(_, tokens)| *tokens);
        let last_24_hours = usage.days.last().filter(|day| day.ago == 0).map(|day| day.tokens);
        usage.recent_day_tokens = touched.chain(last_24_hours).fold(0.0, f64::max);
        usage.large_share = per_request(large);
        usage.fives = fives;
        usage.trend = (week_before >= 1.0).then(|| this_week / week_before);
        usage
    }

    /// The peak of admitted use, in `limit`'s unit.
    pub fn peak(&self, limit: Limit) -> f64 {
        match limit {
            Limit::RequestsPerMinute => self.peak_requests,
            Limit::TokensPerDay => self.peak_day_tokens,
            _ => self.peak_tokens,
        }
    }

    /// The peak of admitted use in the incident's window, in `limit`'s unit. It proves that the quota is used.
    pub fn admitted(&self, limit: Limit) -> f64 {
        match limit {
            Limit::RequestsPerMinute => self.recent_requests,
            Limit::TokensPerDay => self.recent_day_tokens,
            _ => self.recent_tokens,
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
            _ => minute.tokens + counted(minute) * self.average_tokens,
        };
        self.refused.iter().map(of_minute).fold(self.peak(limit), f64::max)
    }

    /// The peak of admitted use in the last 24 hours, in `limit`'s unit.
    pub fn last_day(&self, limit: Limit) -> f64 {
        self.days.last().filter(|day| day.ago == 0).map_or(0.0, |day| day.peak(limit))
    }

    /// How much the daily peaks grow per day, in `limit`'s unit. If most pairs of days rise, it is the median slope
    /// over all pairs, which one outlier does not change. Otherwise it compares the busy days of two weeks. `None` if
    /// the peaks do not grow, or if too few days are known.
    pub fn growth(&self, limit: Limit) -> Option<f64> {
        self.daily_growth(limit).or_else(|| self.weekly_growth(limit))
    }

    /// The growth between the second busiest days of the last two weeks. Weekends do not hide it, and one outlier does
    /// not cause it.
    fn weekly_growth(&self, limit: Limit) -> Option<f64> {
        const FEWEST: usize = 5;
        const LEAST: f64 = 1.05;
        let busy = |week: std::ops::Range<u32>| {
            let mut peaks: Vec<f64> =
                self.days.iter().filter(|day| week.contains(&day.ago)).map(|day| day.steady(limit)).collect();
            peaks.sort_by(f64::total_cmp);
            peaks.iter().rev().nth(1).copied().filter(|_| peaks.len() >= FEWEST)
        };
        let (last, before) = (busy(0..7)?, busy(7..14)?);
        (last >= before * LEAST).then_some((last - before) / 7.0)
    }

    /// See <https://en.wikipedia.org/wiki/Theil%E2%80%93Sen_estimator>.
    fn daily_growth(&self, limit: Limit) -> Option<f64> {
        const FEWEST: usize = 5;
        /// The share of all pairs of days that must rise.
        const STEADY: f64 = 0.7;
        let days: Vec<(f64, f64)> =
            self.days.iter().map(|day| (-f64::from(day.ago), day.steady(limit))).collect();
        if days.len() < FEWEST {
            return None;
        }
        let pairs =
            days.iter().enumerate().flat_map(|(n, one)| days.iter().skip(n + 1).map(move |two| (one, two)));
        let mut slopes: Vec<f64> = pairs.map(|(one, two)| (two.1 - one.1) / (two.0 - one.0)).collect();
        slopes.sort_by(f64::total_cmp);
        let rising = slopes.iter().rev().take_while(|slope| **slope > 0.0).count();
        let slope = *slopes.get(slopes.len() / 2)?;
        // The number of pairs stays far below 2^53.
        #[allow(clippy::cast_precision_loss)]
        let is_steady = rising as f64 >= STEADY * slopes.len() as f64;
        // A minute's peak exceeds the five-minute peak by the same share every day.
        let steady = days.iter().map(|(_, peak)| *peak).fold(0.0, f64::max);
        let share = if steady > 0.0 { (self.last_day(limit) / steady).max(1.0) } else { 1.0 };
        (is_steady && slope > 0.0).then_some(slope * share)
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

/// The use admitted in one hour, or in one day for a daily limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hour {
    /// The start.
    pub at: Timestamp,
    /// The busiest measured minute of the hour, or the whole day, in the limit's unit.
    pub peak: f64,
    /// Throttled calls.
    pub throttles: f64,
}

/// The use of one quota by the hour, or by the day for a daily limit, oldest first. Series that share the quota are
/// added up.
pub fn course<S: Borrow<Series>>(series: &[S], burndown: f64, limit: Limit) -> Vec<Hour> {
    let mut points: BTreeMap<i64, (f64, f64, f64)> = BTreeMap::new();
    for series in series.iter().map(Borrow::borrow) {
        let length = f64::from(series.period.minutes());
        for (at, minute) in &series.points {
            let used = match limit {
                Limit::RequestsPerMinute => minute.invocations,
                _ => minute.tokens(burndown),
            };
            let (sum, throttles, of) = points.entry(at.as_second()).or_default();
            *sum += used;
            *throttles += minute.throttles * length;
            *of = length;
        }
    }
    let is_daily = limit == Limit::TokensPerDay;
    let length = if is_daily { DAY } else { 3600 };
    let mut hours: BTreeMap<i64, (f64, f64)> = BTreeMap::new();
    for (at, (sum, throttled, minutes)) in points {
        let (peak, throttles) = hours.entry(at.div_euclid(length) * length).or_default();
        *peak = if is_daily { *peak + sum * minutes } else { peak.max(sum) };
        *throttles += throttled;
    }
    let hour = |(at, (peak, throttles)): (i64, (f64, f64))| {
        Some(Hour { at: Timestamp::from_second(at).ok()?, peak, throttles })
    };
    hours.into_iter().filter_map(hour).collect()
}

const DAY: i64 = 86_400;
/// Five minutes, in seconds.
const FIVE: i64 = 300;

/// Adds up [`Usage::days`] from points in order of time.
struct DailyUse {
    now: Timestamp,
    by_age: BTreeMap<u32, Day>,
    /// The current five minutes, and their average minute so far.
    five: i64,
    requests: f64,
    tokens: f64,
}

impl DailyUse {
    fn new(now: Timestamp) -> Self {
        Self { now, by_age: BTreeMap::new(), five: i64::MIN, requests: 0.0, tokens: 0.0 }
    }

    fn put(&mut self, at: Timestamp, length: u32, requests: f64, tokens: f64) {
        let age = (self.now.as_second() - at.as_second()).max(1) - 1;
        let ago = u32::try_from(age / DAY).unwrap_or(u32::MAX);
        let five = at.as_second().div_euclid(300);
        if five != self.five {
            (self.five, self.requests, self.tokens) = (five, 0.0, 0.0);
        }
        let share = f64::from(length) / f64::from(Period::FiveMinutes.minutes());
        self.requests += requests * share;
        self.tokens += tokens * share;
        if requests <= 0.0 {
            return;
        }
        let day = self.by_age.entry(ago).or_insert_with(|| Day { ago, ..Day::default() });
        day.peak_requests = day.peak_requests.max(requests);
        day.peak_tokens = day.peak_tokens.max(tokens);
        day.tokens += tokens * f64::from(length);
        day.steady_requests = day.steady_requests.max(self.requests);
        day.steady_tokens = day.steady_tokens.max(self.tokens);
    }

    fn done(self) -> Vec<Day> {
        self.by_age.into_values().rev().collect()
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

/// The peak and 95th percentile of values that each hold for a number of minutes.
fn peak_and_p95(mut values: Vec<(f64, u32)>) -> (f64, f64) {
    values.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let minutes: u32 = values.iter().map(|(_, minutes)| minutes).sum();
    let wanted = (minutes * 95).div_ceil(100);
    let mut passed = 0;
    let p95 = values.iter().find(|(_, minutes)| {
        passed += minutes;
        passed >= wanted
    });
    let value = |found: Option<&(f64, u32)>| found.map_or(0.0, |(value, _)| *value);
    (value(values.last()), value(p95))
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
        assert_eq!(rate("us.anthropic.claude-sonnet-4-5-20250929-v1:0"), 5.0);
        assert_eq!(rate("us.anthropic.claude-opus-4-8"), 15.0);
        assert_eq!(rate("global.anthropic.claude-opus-5-5"), 10.0);
        assert_eq!(rate("amazon.nova-lite-v1:0"), 1.0);
    }
}
