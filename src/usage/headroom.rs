//! How near use comes to a quota, and when it will fill the quota.
//!
//! Invariant: Use is counted as the quota counts it, over everything that shares the quota.

use jiff::{SignedDuration, Timestamp};

use crate::quota::record::QuotaRecord;
use crate::quota::{Limit, Quota};
use crate::time::after;
use crate::usage::Usage;

/// The limits of the bedrock-mantle endpoint.
pub const MANTLE_LIMITS: [Limit; 2] = [Limit::InputTokensPerMinute, Limit::OutputTokensPerMinute];
/// The limits with forecasts on the bedrock-runtime endpoint.
pub const FORECAST_LIMITS: [Limit; 3] =
    [Limit::TokensPerMinute, Limit::RequestsPerMinute, Limit::TokensPerDay];
/// Below the threshold, a quota is due only from this share of the threshold on, and only if growth will fill it in
/// time.
pub const FROM: f64 = 0.8;
/// The assumed time AWS takes to decide a request, if no earlier request is known.
const USUAL_ANSWER: SignedDuration = SignedDuration::from_hours(7 * 24);
/// A forecast date further ahead than this is not given.
const FORESEEABLE: SignedDuration = SignedDuration::from_hours(90 * 24);

/// A quota, and how near use came to it in the last 24 hours.
#[derive(Clone, Debug, PartialEq)]
pub struct QuotaUse {
    /// The quota.
    pub quota: Quota,
    /// What it limits.
    pub limit: Limit,
    /// The applied value, above 0.
    pub applied: f64,
    /// The peak in the last 24 hours: the busiest minute, or the whole day for a daily limit, in the limit's unit.
    pub peak: f64,
    /// How much the daily peaks grow per day; `None` if they do not grow steadily.
    pub growth: Option<f64>,
}

impl QuotaUse {
    /// `None` if the applied value is 0: such a quota is closed, not nearly full.
    pub fn of(quota: &Quota, limit: Limit, applied: f64, usage: &Usage) -> Option<Self> {
        let (peak, growth) = (usage.last_day(limit), usage.growth(limit));
        (applied > 0.0).then(|| Self { quota: quota.clone(), limit, applied, peak, growth })
    }

    /// The used share of the quota. Above 1 if the value was lowered.
    pub fn share(&self) -> f64 {
        self.peak / self.applied
    }

    /// Whether it is time to request more: the share reached `threshold`, or growth will fill the quota within `lead`.
    pub fn is_due(&self, threshold: f64, lead: SignedDuration, now: Timestamp) -> bool {
        let is_in_time = || self.full_on(now).is_some_and(|full| full <= after(now, lead));
        self.share() >= threshold || (self.share() >= threshold * FROM && is_in_time())
    }

    /// When the peak will reach the quota if growth continues; `None` if use does not grow steadily, or if the date is
    /// more than 90 days ahead.
    pub fn full_on(&self, now: Timestamp) -> Option<Timestamp> {
        let left = (self.applied - self.peak).max(0.0) / self.growth?;
        // The cast saturates.
        #[allow(clippy::cast_possible_truncation)]
        let days = left.ceil() as i64;
        (days <= FORESEEABLE.as_hours() / 24).then(|| after(now, SignedDuration::from_hours(24 * days)))
    }
}

/// How long before a quota fills up an increase is requested: one and a half times the median time AWS took to decide
/// earlier requests for this quota, plus two days, and at most 30 days.
pub fn lead(record: &QuotaRecord) -> SignedDuration {
    const DAYS: i64 = 24;
    let answer = record.answer_time().unwrap_or(USUAL_ANSWER);
    let lead = SignedDuration::from_secs(answer.as_secs() / 2 * 3) + SignedDuration::from_hours(2 * DAYS);
    lead.min(SignedDuration::from_hours(30 * DAYS))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ids::QuotaCode;
    use crate::usage::{Minute, Period, Series};

    fn now() -> Timestamp {
        "2026-11-20T00:00:00Z".parse().unwrap()
    }

    /// One busy minute on each of the days before now.
    fn usage(peaks: &[f64]) -> Usage {
        let day = |n: usize| SignedDuration::from_hours(24 * i64::try_from(peaks.len() - n).unwrap() - 12);
        let minute = |n: usize, tokens: f64| {
            (now() - day(n), Minute { invocations: 10.0, input_tokens: tokens, ..Minute::NONE })
        };
        let points = peaks.iter().enumerate().map(|(n, tokens)| minute(n, *tokens)).collect();
        Usage::of(&[Series::of(Period::Minute, points)], 1.0, now(), now())
    }

    fn near(peaks: &[f64], applied: f64) -> QuotaUse {
        let quota = Quota {
            code: QuotaCode::parse("L-27A15A5E").unwrap(),
            name: "tokens".to_owned(),
            adjustable: true,
            value: None,
        };
        QuotaUse::of(&quota, Limit::TokensPerMinute, applied, &usage(peaks)).unwrap()
    }

    #[test]
    fn steady_growth_names_the_day() {
        let growing: Vec<f64> = (0..14).map(|n| 700.0 + 10.0 * f64::from(n)).collect();
        let near = near(&growing, 1000.0);
        assert_eq!((near.peak, near.share()), (830.0, 0.83));
        let growth = near.growth.unwrap();
        assert!((growth - 10.0).abs() < 1e-6, "{growth}");
        assert_eq!(near.full_on(now()).unwrap().strftime("%F").to_string(), "2026-12-07");
    }

    #[test]
    fn no_day_is_named_without_steady_growth() {
        for peaks in [
            &[800.0; 14][..],
            // It falls, it swings, it jumped once, it is too young.
            &[900.0, 890.0, 880.0, 870.0, 860.0, 850.0, 840.0],
            &[500.0, 900.0, 400.0, 850.0, 500.0, 900.0, 450.0, 830.0],
            &[400.0, 400.0, 400.0, 400.0, 400.0, 400.0, 400.0, 850.0],
            &[600.0, 700.0, 850.0],
        ] {
            assert_eq!(near(peaks, 1000.0).full_on(now()), None, "{peaks:?}");
        }
        let slow: Vec<f64> = (0..14).map(|n| 800.0 + 0.1 * f64::from(n)).collect();
        assert_eq!(near(&slow, 1000.0).full_on(now()), None, "years are not foreseen");
    }

    #[test]
    fn a_day_without_use_is_no_use() {
        let idle = Usage::of(
            &[Series::of(
                Period::Minute,
                vec![(now() - SignedDuration::from_hours(50), Minute { invocations: 9.0, ..Minute::NONE })],
            )],
            1.0,
            now(),
            now(),
        );
        assert_eq!(idle.last_day(Limit::RequestsPerMinute), 0.0);
        assert_eq!(idle.days.iter().map(|d| (d.ago, d.peak_requests)).collect::<Vec<_>>(), [(2, 9.0)]);
    }

    proptest! {
        #[test]
        fn one_odd_day_does_not_change_the_growth_much(step in 1.0f64..20.0, odd in 1usize..13, height in 0.0f64..1e6) {
            let mut peaks: Vec<f64> = (0..14).map(|n| 500.0 + step * f64::from(n)).collect();
            let plain = usage(&peaks).growth(Limit::TokensPerMinute).unwrap();
            if let Some(peak) = peaks.get_mut(odd) {
                *peak = height;
            }
            // Scaled by how far the last day's peak stands above steady use, an outlier can only shrink it.
            if let Some(growth) = usage(&peaks).growth(Limit::TokensPerMinute) {
                prop_assert!(growth <= plain * 1.5, "{growth} for {plain}");
            }
        }
    }
}
