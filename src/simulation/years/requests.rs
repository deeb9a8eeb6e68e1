//! Every increase request of a year, whoever filed it, and AWS's decision on it.

use crate::simulation::years::daily::{Daily, PoolDay};
use crate::simulation::years::demand::DAY;
use crate::simulation::years::figures::Figures;
use crate::simulation::years::pool::{Pool, PoolQuota};
use crate::simulation::years::reviewer::{Decision, History, decide};

/// An increase request.
#[derive(Clone, Debug)]
pub(super) struct OpenRequest {
    /// Service Quotas' id.
    pub(super) id: String,
    /// The quota's index.
    pub(super) quota: usize,
    /// The minute of the year.
    pub(super) at: i64,
    pub(super) desired: f64,
    /// The applied value at that time.
    pub(super) applied: f64,
    /// AWS's decision, known to the world `after` minutes later than `at`.
    pub(super) decision: Decision,
    pub(super) is_decided: bool,
}

impl OpenRequest {
    pub(super) fn due(&self) -> i64 {
        self.at + self.decision.after
    }

    /// Whether AWS has refused it by then.
    fn was_refused(&self, minute: i64) -> bool {
        self.decision.value.is_none() && self.due() <= minute
    }
}

/// A request that Service Quotas has just accepted.
#[derive(Clone, Debug)]
pub(super) struct RequestEnd {
    pub(super) id: String,
    pub(super) quota: usize,
    pub(super) at: i64,
    pub(super) desired: f64,
}

/// All requests of a year.
#[derive(Debug, Default)]
pub(super) struct Requests {
    pub(super) all: Vec<OpenRequest>,
}

/// Two weeks, in days.
const TWO_WEEKS: i64 = 14;

impl Requests {
    pub(super) fn of(&self, quota: usize) -> impl DoubleEndedIterator<Item = &OpenRequest> {
        self.all.iter().filter(move |asked| asked.quota == quota)
    }

    pub(super) fn is_open(&self, quota: usize) -> bool {
        self.of(quota).any(|asked| !asked.is_decided)
    }

    /// Adds a request, and lets AWS decide it. `used` is the highest use of the last two weeks.
    pub(super) fn file(&mut self, quota: &PoolQuota, filed: RequestEnd, used: f64, seed: u64) {
        let RequestEnd { id, quota: n, at, desired } = filed;
        let same =
            |asked: &OpenRequest| (asked.desired / desired - 1.0).abs() < 0.02 && at - asked.due() < 30 * DAY;
        let was_refused =
            |asked: &OpenRequest| asked.was_refused(at) && !asked.decision.is_same && same(asked);
        let history = History {
            before: i64::try_from(self.of(n).count()).unwrap_or_default(),
            used,
            was_refused: self.of(n).any(was_refused),
        };
        let decision = decide(quota, desired, history, seed ^ ((n as u64) << 32));
        self.all.push(OpenRequest {
            id,
            quota: n,
            at,
            desired,
            applied: quota.applied,
            decision,
            is_decided: false,
        });
    }

    /// Counts every request of the year by its purpose.
    pub(super) fn count(&self, pools: &[Pool], quotas: &[PoolQuota], daily: &Daily, figures: &mut Figures) {
        for (n, asked) in self.all.iter().enumerate() {
            let Some(quota) = quotas.get(asked.quota) else { continue };
            let Some((pool_n, pool)) =
                pools.iter().enumerate().find(|(_, p)| p.tokens == asked.quota || p.requests == asked.quota)
            else {
                continue;
            };
            let day = asked.at.div_euclid(DAY);
            let of: fn(&PoolDay) -> f64 = if quota.is_tokens { |d| d.tokens } else { |d| d.requests };
            let peak = daily.busiest(pool_n, day - TWO_WEEKS, day + TWO_WEEKS, of);
            figures.filed += 1;
            let is_right = peak * 1.5 > asked.applied && asked.desired <= 3.0 * peak;
            let is_loop = pool.services.iter().any(|s| s.abuse.as_ref().is_some_and(|a| a.is_loop));
            match (is_right, daily.was_abused(pool_n, day - TWO_WEEKS, day)) {
                (true, _) => figures.right += 1,
                (false, false) => figures.needless += 1,
                (false, true) if is_loop => figures.for_loops += 1,
                (false, true) => figures.for_attackers += 1,
            }
            figures.in_vain += u32::from(asked.is_decided && asked.decision.value.is_none());
            let before = || self.all.iter().take(n).filter(|other| other.quota == asked.quota);
            let is_same =
                |other: &OpenRequest| other.desired == asked.desired && asked.at - other.at < 30 * DAY;
            figures.same_value_again += u32::from(before().any(is_same));
            let noes = before().filter(|other| other.desired > quota.ceiling && other.was_refused(asked.at));
            figures.beyond_ceiling += u32::from(asked.desired > quota.ceiling && noes.count() >= 2);
        }
    }
}
