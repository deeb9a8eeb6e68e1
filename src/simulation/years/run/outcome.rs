//! The figures of a year when it is over.

use std::collections::BTreeSet;

use crate::simulation::years::demand::HOUR;
use crate::simulation::years::figures::Figures;
use crate::simulation::years::run::YearLife;

impl YearLife<'_> {
    /// The figures, and the throttled days without abuse by pool and day.
    pub(super) fn figures(self) -> (Figures, BTreeSet<(usize, i64)>) {
        let days = self.setting.days;
        let mut figures = Figures::default();
        self.requests.count(&self.account.pools, &self.account.quotas, &self.daily, &mut figures);
        let (throttled, beside_abuse) = self.daily.throttled(days);
        figures.throttled_days = u32::try_from(throttled.len()).unwrap_or(u32::MAX);
        figures.abused_throttled_days = beside_abuse;
        (figures.idle_days, figures.longest_idle) = self.daily.idle(days);
        figures.unserved = self.daily.unserved(days);
        let grew = |quota: &crate::simulation::years::pool::PoolQuota| {
            if quota.first > 0.0 { quota.applied / quota.first } else { 1.0 }
        };
        figures.quota_grew = self.account.quotas.iter().map(grew).fold(1.0, f64::max);
        for (n, pool) in self.account.pools.iter().enumerate() {
            let ratio = |quota: usize, of: fn(&crate::simulation::years::daily::PoolDay) -> f64| {
                let peak = self.daily.busiest(n, days - 14, days - 1, of);
                let applied = self.account.quotas.get(quota).map_or(0.0, |quota| quota.applied);
                if peak > 0.0 { applied / peak } else { f64::INFINITY }
            };
            let nearest = ratio(pool.tokens, |d| d.tokens).min(ratio(pool.requests, |d| d.requests));
            figures.quota_to_demand.extend(Some(nearest).filter(|ratio| ratio.is_finite()));
        }
        let abuses = || self.account.pools.iter().flat_map(|p| &p.services).filter_map(|s| s.abuse.as_ref());
        let amplification = Some(self.abuse.0 / self.abuse.1).filter(|ratio| ratio.is_finite());
        if abuses().any(|abuse| abuse.is_loop) {
            figures.loop_amplification = amplification;
        } else if abuses().next().is_some() {
            figures.attack_amplification = amplification;
        }
        figures.abuse_tokens = self.abuse.0 - self.abuse.1;
        figures.notices = self.telling.notices;
        figures.repeating = self.telling.repeats;
        (figures.week_median, figures.week_most) = self.telling.by_week();
        let longest = self.silences.iter().map(|silence| silence.longest).max().unwrap_or_default();
        figures.silence_hours = if self.is_ours() { longest as f64 / HOUR as f64 } else { 0.0 };
        for (seen, warned) in self.attacks.values() {
            let Some(seen) = seen else { continue };
            figures.attacks += 1;
            figures
                .warned_after_hours
                .extend(warned.map(|warned| (warned - seen).max(0) as f64 / HOUR as f64));
        }
        if self.is_ours() {
            let (aws, writes) = self.spent();
            let (of_aws, of_writes) = self.idle_tick.unwrap_or_default();
            let a_day = |spent: u64, idle: u64| (spent + idle * self.left_out) as f64 / days as f64;
            (figures.aws_calls_a_day, figures.ledger_writes_a_day) =
                (a_day(aws, of_aws), a_day(writes, of_writes));
        }
        (figures, throttled)
    }
}
