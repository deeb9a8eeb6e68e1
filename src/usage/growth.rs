//! How the daily peaks of use grow.
//!
//! Invariant: One day alone neither makes growth nor hides it.

use crate::quota::Limit;
use crate::usage::Usage;

impl Usage {
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
            let mut peaks: Vec<f64> = self
                .counted(limit)
                .days
                .iter()
                .filter(|day| week.contains(&day.ago))
                .map(|day| day.steady(limit))
                .collect();
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
            self.counted(limit).days.iter().map(|day| (-f64::from(day.ago), day.steady(limit))).collect();
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
}
