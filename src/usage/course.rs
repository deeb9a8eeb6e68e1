//! The use of a quota by the hour or by the day, for reports.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::quota::Limit;
use crate::usage::measured::{Series, Weights};

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

/// An hour, in seconds.
const HOUR: i64 = 3600;

/// The use of one quota by the hour, or by the day for a daily limit, oldest first. Series that share the quota are
/// added up.
pub fn course<S: Borrow<Series>>(series: &[S], weights: impl Into<Weights>, limit: Limit) -> Vec<Hour> {
    let weights = weights.into();
    let mut points: BTreeMap<i64, (f64, f64, f64)> = BTreeMap::new();
    for series in series.iter().map(Borrow::borrow) {
        let length = f64::from(series.period.minutes());
        for (at, minute) in &series.points {
            let used = match limit {
                Limit::RequestsPerMinute => minute.invocations,
                _ => minute.tokens(weights),
            };
            let (sum, throttles, of) = points.entry(at.as_second()).or_default();
            *sum += used;
            *throttles += minute.throttles * length;
            *of = length;
        }
    }
    let is_daily = limit == Limit::TokensPerDay;
    let length = if is_daily { 24 * HOUR } else { HOUR };
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
