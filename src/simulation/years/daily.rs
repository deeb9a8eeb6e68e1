//! The days of each quota.

use std::collections::BTreeSet;

use crate::simulation::years::demand::{DAY, FROM};
use crate::simulation::years::pool::{Admitted, Bound, Pool, PoolQuota};

/// Share of refused calls above which a minute is throttled.
const REFUSED: f64 = 0.02;
/// Throttled minutes from which a day is throttled.
const MINUTES: u32 = 10;

/// One day of one pool.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PoolDay {
    /// The busiest legitimate minute.
    pub(super) tokens: f64,
    pub(super) requests: f64,
    /// The busiest minute of all demand, in requests.
    pub(super) asked: f64,
    /// The busiest minute of admitted use.
    pub(super) used_tokens: f64,
    pub(super) used_requests: f64,
    /// Minutes with refused calls, minutes in which legitimate demand alone exceeded each limit, and minutes of abuse.
    pub(super) throttled: u32,
    pub(super) over_tokens: u32,
    pub(super) over_requests: u32,
    pub(super) abused: u32,
    /// Whether it is idle; see [`super`].
    pub(super) is_idle: bool,
    /// Whether legitimate demand needs more, which AWS would grant.
    pub(super) is_in_need: bool,
}

impl PoolDay {
    fn is_throttled(&self) -> bool {
        self.throttled >= MINUTES
    }
}

/// All days of all pools.
#[derive(Debug)]
pub(super) struct Daily {
    pools: Vec<Vec<PoolDay>>,
}

fn index(day: i64) -> Option<usize> {
    usize::try_from(day - FROM).ok()
}

impl Daily {
    pub(super) fn new(pools: usize, days: i64) -> Self {
        let days = index(days + 1).unwrap_or_default();
        Self { pools: vec![vec![PoolDay::default(); days]; pools] }
    }

    pub(super) fn day(&mut self, pool: usize, day: i64) -> Option<&mut PoolDay> {
        self.pools.get_mut(pool)?.get_mut(index(day)?)
    }

    /// Adds one minute of a pool.
    pub(super) fn add(
        &mut self,
        n: usize,
        minute: i64,
        admitted: &Admitted,
        pool: &Pool,
        quotas: &[PoolQuota],
    ) {
        let Some(day) = self.day(n, minute.div_euclid(DAY)) else { return };
        let calls = |f: fn(&crate::simulation::years::pool::Served) -> f64| {
            admitted.services.iter().map(f).sum::<f64>()
        };
        let abuse = calls(|s| s.abuse_asked);
        let applied = |n: usize| quotas.get(n).map_or(0.0, |quota| quota.applied);
        day.tokens = day.tokens.max(admitted.tokens);
        day.requests = day.requests.max(admitted.requests);
        day.asked = day.asked.max(calls(|s| s.legitimate) + abuse);
        day.used_tokens = day.used_tokens.max(calls(|s| s.measured.quota_tokens.unwrap_or_default()));
        day.used_requests = day.used_requests.max(calls(|s| s.measured.invocations));
        let is_refused = admitted.refused > REFUSED && admitted.requests > 0.0;
        day.throttled += u32::from(is_refused && admitted.bound != Some(Bound::Capacity));
        day.over_tokens += u32::from(admitted.tokens > applied(pool.tokens));
        day.over_requests += u32::from(admitted.requests > applied(pool.requests));
        day.abused += u32::from(abuse > 0.0);
    }

    fn some(&self, pool: usize, from: i64, to: i64) -> impl Iterator<Item = &PoolDay> {
        let days = self.pools.get(pool).map_or(&[][..], Vec::as_slice);
        let first = index(from).unwrap_or_default().min(days.len());
        let last = index(to).map_or(0, |last| last + 1).clamp(first, days.len());
        days.get(first..last).unwrap_or_default().iter()
    }

    /// The highest value of `of` on the days `from` to `to`, both included.
    pub(super) fn busiest(&self, pool: usize, from: i64, to: i64, of: impl Fn(&PoolDay) -> f64) -> f64 {
        self.some(pool, from, to).map(of).fold(0.0, f64::max)
    }

    /// Whether there was abuse on the days `from` to `to`.
    pub(super) fn was_abused(&self, pool: usize, from: i64, to: i64) -> bool {
        self.some(pool, from, to).any(|day| day.abused > 0)
    }

    /// The limit that legitimate demand alone exceeded longest on a throttled day; `None` if that was less than
    /// [`MINUTES`], or the day had as much abuse.
    pub(super) fn needed(&self, pool: usize, day: i64) -> Option<Bound> {
        let day =
            self.some(pool, day, day).next().filter(|day| day.is_throttled() && day.abused < MINUTES)?;
        let bound = if day.over_tokens >= day.over_requests { Bound::Tokens } else { Bound::Requests };
        (day.over_tokens.max(day.over_requests) >= MINUTES).then_some(bound)
    }

    /// Whether a day was throttled, with or without abuse.
    pub(super) fn is_throttled(&self, pool: usize, day: i64) -> bool {
        self.some(pool, day, day).any(PoolDay::is_throttled)
    }

    /// The throttled days of the year without abuse, by pool and day, and the number of those with abuse.
    pub(super) fn throttled(&self, days: i64) -> (BTreeSet<(usize, i64)>, u32) {
        let mut clean = BTreeSet::new();
        let mut abused = 0;
        for pool in 0..self.pools.len() {
            for day in 0..days {
                let Some(of) = self.some(pool, day, day).next().filter(|d| d.is_throttled()) else {
                    continue;
                };
                if of.abused >= MINUTES {
                    abused += 1;
                } else {
                    clean.insert((pool, day));
                }
            }
        }
        (clean, abused)
    }

    /// The number of idle days of the year, and the longest run of them.
    pub(super) fn idle(&self, days: i64) -> (u32, u32) {
        let (mut all, mut longest) = (0, 0);
        for pool in 0..self.pools.len() {
            let mut row = 0;
            for day in self.some(pool, 0, days - 1) {
                row = if day.is_idle { row + 1 } else { 0 };
                all += u32::from(day.is_idle);
                longest = longest.max(row);
            }
        }
        (all, longest)
    }

    /// For each need that AWS would grant, the days until three days were without it.
    pub(super) fn unserved(&self, days: i64) -> Vec<u32> {
        const OVER: i64 = 3;
        let mut all = Vec::new();
        for pool in 0..self.pools.len() {
            let mut need: Option<(i64, i64)> = None;
            for (day, of) in (0..days).zip(self.some(pool, 0, days - 1)) {
                need = match need {
                    None => of.is_in_need.then_some((day, day)),
                    Some((first, _)) if of.is_in_need => Some((first, day)),
                    Some((first, last)) if day - last >= OVER => {
                        all.push(u32::try_from(last - first + 1).unwrap_or_default());
                        None
                    }
                    open => open,
                };
            }
            all.extend(need.and_then(|(first, last)| u32::try_from(last - first + 1).ok()));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_need_is_served_when_it_is_gone_for_three_days() {
        let mut daily = Daily::new(1, 20);
        for day in [2, 3, 5, 10] {
            daily.day(0, day).unwrap().is_in_need = true;
            daily.day(0, day).unwrap().is_idle = day != 5;
        }
        assert_eq!(daily.unserved(20), [4, 1]);
        assert_eq!(daily.idle(20), (3, 2));
    }
}
