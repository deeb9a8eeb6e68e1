//! Adds up the use of one quota over every model that shares it.
//!
//! Invariant: Models that share a quota are added up minute by minute before a peak is taken.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::usage::measured::{Minute, Period, Series, Weights};
use crate::usage::{Day, Five, Refused, Usage, WINDOW};

/// A measurement of one model: its start, its length in minutes, and its average minute.
type OfModel<'a> = (Timestamp, u32, &'a Minute);

impl Usage {
    /// Adds up the `series` of models that share a quota, as of `now`. The incident began at `since`. Its window is the
    /// part of it within the last [`WINDOW`].
    pub fn of<S: Borrow<Series>>(
        series: &[S],
        weights: impl Into<Weights>,
        since: Timestamp,
        now: Timestamp,
    ) -> Self {
        let weights = weights.into();
        let all = series.iter().map(Borrow::borrow);
        let mut points: Vec<OfModel<'_>> = all
            .flat_map(|one| one.points.iter().map(|(at, minute)| (*at, one.period.minutes(), minute)))
            .collect();
        // This is already the order, except where one series ends and the next begins.
        points.sort_by_key(|(at, length, _)| (*at, *length));
        let totals = Totals::of(&points, weights);
        let usage = Self {
            first_use: series.iter().filter_map(|s| s.borrow().first_use).min(),
            last_use: points.iter().rfind(|(.., minute)| minute.is_used()).map(|(at, ..)| *at),
            is_legacy: points.iter().any(|(.., minute)| minute.legacy_invocations > 0.0),
            average_input: totals.per_request(totals.input),
            average_output: totals.per_request(totals.output),
            average_tokens: totals.per_request(totals.tokens),
            ..Self::default()
        };
        let last = points.last().map_or(0, |(at, ..)| at.as_second());
        let mut sum = UsageSum::new(usage, since, last, now);
        for together in points.chunk_by(|(a, of_a, _), (b, of_b, _)| (a, of_a) == (b, of_b)) {
            together.first().iter().for_each(|(at, length, _)| {
                sum.put(&PeriodUse::of(*at, *length, together, weights));
            });
        }
        sum.done(&totals)
    }

    /// Adds up the `series` of a model on the bedrock-mantle endpoint, whose input and output tokens have quotas of
    /// their own.
    pub fn of_mantle<S: Borrow<Series>>(series: &[S], since: Timestamp, now: Timestamp) -> Self {
        let output = Self::of(series, Weights::OUTPUT, since, now);
        Self { output: Some(Box::new(output)), ..Self::of(series, Weights::INPUT, since, now) }
    }
}

/// Sums over the whole time, from which averages are taken.
struct Totals {
    invocations: f64,
    input: f64,
    output: f64,
    /// Quota tokens.
    tokens: f64,
}

impl Totals {
    fn of(points: &[OfModel<'_>], weights: Weights) -> Self {
        let mut totals = Self { invocations: 0.0, input: 0.0, output: 0.0, tokens: 0.0 };
        for (_, length, minute) in points {
            let length = f64::from(*length);
            totals.invocations += minute.invocations * length;
            totals.input += minute.input_tokens * length;
            totals.output += minute.output_tokens * length;
            totals.tokens += minute.tokens(weights) * length;
        }
        totals
    }

    fn per_request(&self, total: f64) -> f64 {
        if self.invocations > 0.0 { total / self.invocations } else { 0.0 }
    }
}

/// The average minute of one period, over every model.
struct PeriodUse {
    at: Timestamp,
    /// The period's length in minutes.
    length: u32,
    /// Admitted requests.
    requests: f64,
    /// Their quota tokens.
    tokens: f64,
    /// Throttled requests.
    throttles: f64,
    /// Requests that were refused for any reason of the caller's.
    client_errors: f64,
}

impl PeriodUse {
    /// The sum of measurements `together` of the same period.
    fn of(at: Timestamp, length: u32, together: &[OfModel<'_>], weights: Weights) -> Self {
        let sum = |f: fn(&Minute) -> f64| together.iter().map(|(.., m)| f(m)).sum::<f64>();
        Self {
            at,
            length,
            requests: sum(|m| m.invocations),
            tokens: together.iter().map(|(.., m)| m.tokens(weights)).sum(),
            throttles: sum(|m| m.throttles),
            client_errors: sum(|m| m.client_errors),
        }
    }

    fn minutes(&self) -> f64 {
        f64::from(self.length)
    }

    /// The period as a share of five minutes.
    fn of_five(&self) -> f64 {
        self.minutes() / f64::from(Period::FiveMinutes.minutes())
    }
}

/// The usage as far as it is added up, from periods in order of time.
struct UsageSum {
    usage: Usage,
    /// When the incident began.
    since: Timestamp,
    /// When its window begins.
    window: Timestamp,
    /// The start of the last period, in seconds.
    last: i64,
    /// Requests of the seven days before `last`, and of those before them.
    this_week: f64,
    week_before: f64,
    /// Requests in minutes of large requests.
    large: f64,
    /// Requests and tokens of the periods with use, each with its length.
    requests: Vec<(f64, u32)>,
    tokens: Vec<(f64, u32)>,
    /// Tokens by the day in UTC.
    utc_days: BTreeMap<i64, f64>,
    days: DailyUse,
}

impl UsageSum {
    /// Nothing but the averages in `usage`.
    fn new(usage: Usage, since: Timestamp, last: i64, now: Timestamp) -> Self {
        Self {
            usage,
            since,
            window: since.max(now.saturating_sub(WINDOW).unwrap_or(since)),
            last,
            this_week: 0.0,
            week_before: 0.0,
            large: 0.0,
            requests: Vec::new(),
            tokens: Vec::new(),
            utc_days: BTreeMap::new(),
            days: DailyUse::new(now),
        }
    }

    fn put(&mut self, period: &PeriodUse) {
        self.put_throttles(period);
        self.put_five(period);
        let PeriodUse { at, length, requests, tokens, .. } = *period;
        let minutes = period.minutes();
        let age = self.last - at.as_second();
        *if age < 7 * DAY { &mut self.this_week } else { &mut self.week_before } += requests * minutes;
        if requests > 0.0 && tokens > 2.0 * self.usage.average_tokens * requests {
            self.large += requests * minutes;
        }
        if at >= self.window {
            self.usage.recent_requests = self.usage.recent_requests.max(requests);
            self.usage.recent_tokens = self.usage.recent_tokens.max(tokens);
        }
        if requests > 0.0 {
            self.requests.push((requests, length));
            self.tokens.push((tokens, length));
        }
        *self.utc_days.entry(at.as_second().div_euclid(DAY)).or_default() += tokens * minutes;
        self.days.put(period);
    }

    fn put_throttles(&mut self, period: &PeriodUse) {
        let PeriodUse { requests, tokens, throttles, .. } = *period;
        let usage = &mut self.usage;
        usage.peak_throttles = usage.peak_throttles.max(throttles);
        if throttles > 0.0 {
            usage.refused.push(Refused { requests, tokens, throttles });
        }
        if period.at >= self.since {
            usage.recent_throttles += throttles * period.minutes();
        }
        if period.at >= self.window {
            // CloudWatch counts whole calls. Less than one per minute is only a trace of an average.
            usage.window_throttles += throttles.floor() * period.minutes();
            usage.window_client_errors += period.client_errors.floor() * period.minutes();
        }
    }

    /// Both kinds of period are compared as five-minute averages, because an average hides what a minute shows.
    fn put_five(&mut self, period: &PeriodUse) {
        let fives = &mut self.usage.fives;
        let share = period.of_five();
        let start = period.at.as_second().div_euclid(FIVE) * FIVE;
        if fives.last().is_none_or(|five| five.at != start) {
            fives.push(Five { at: start, ..Five::default() });
        }
        if let Some(five) = fives.last_mut() {
            five.requests += period.requests * share;
            five.tokens += period.tokens * share;
            five.throttles += period.throttles * share;
        }
    }

    fn done(self, totals: &Totals) -> Usage {
        let mut usage = self.usage;
        usage.days = self.days.done();
        (usage.peak_requests, usage.p95_requests) = peak_and_p95(self.requests);
        (usage.peak_tokens, usage.p95_tokens) = peak_and_p95(self.tokens);
        usage.peak_day_tokens = self.utc_days.values().copied().fold(0.0, f64::max);
        // AWS does not say whether its day is a UTC day or any 24 hours.
        let touched =
            self.utc_days.range(self.window.as_second().div_euclid(DAY)..).map(|(_, tokens)| *tokens);
        let last_24_hours = usage.days.last().filter(|day| day.ago == 0).map(|day| day.tokens);
        usage.recent_day_tokens = touched.chain(last_24_hours).fold(0.0, f64::max);
        usage.large_share = totals.per_request(self.large);
        usage.trend = (self.week_before >= 1.0).then(|| self.this_week / self.week_before);
        usage
    }
}

/// A day, in seconds.
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

    fn put(&mut self, period: &PeriodUse) {
        let PeriodUse { at, requests, tokens, .. } = *period;
        let age = (self.now.as_second() - at.as_second()).max(1) - 1;
        let ago = u32::try_from(age / DAY).unwrap_or(u32::MAX);
        let five = at.as_second().div_euclid(FIVE);
        if five != self.five {
            (self.five, self.requests, self.tokens) = (five, 0.0, 0.0);
        }
        let share = period.of_five();
        self.requests += requests * share;
        self.tokens += tokens * share;
        if requests <= 0.0 {
            return;
        }
        let day = self.by_age.entry(ago).or_insert_with(|| Day { ago, ..Day::default() });
        day.peak_requests = day.peak_requests.max(requests);
        day.peak_tokens = day.peak_tokens.max(tokens);
        day.tokens += tokens * period.minutes();
        day.steady_requests = day.steady_requests.max(self.requests);
        day.steady_tokens = day.steady_tokens.max(self.tokens);
    }

    fn done(self) -> Vec<Day> {
        self.by_age.into_values().rev().collect()
    }
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
