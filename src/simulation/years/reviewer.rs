//! How AWS decides increase requests and support cases.
//!
//! Invariant: The same request at the same place in a quota's history gets the same decision, whoever filed it, so that
//! policies can be compared.

use crate::simulation::years::demand::{DAY, chance, swing};
use crate::simulation::years::pool::{Manner, PoolQuota};

/// AWS's decision, and when it becomes known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Decision {
    /// Minutes after the request.
    pub(super) after: i64,
    /// The applied value from then on; `None` if it was closed without a change.
    pub(super) value: Option<f64>,
    /// Whether it was closed only because the same was refused before.
    pub(super) is_same: bool,
}

/// What AWS considers besides the request.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct History {
    /// The number of earlier requests for the quota.
    pub(super) before: i64,
    /// The highest use of the last two weeks, in the quota's unit.
    pub(super) used: f64,
    /// Whether a request for the same was refused on its merits within the last 30 days.
    pub(super) was_refused: bool,
}

/// Median days until a support case is decided.
const CASE: f64 = 3.0;

/// Days of a decision whose median is `median`; three quarters take less than twice the median.
fn days(median: f64, seed: u64, n: i64) -> f64 {
    median * f64::exp(1.2 * swing(seed ^ 0x0d, n))
}

fn minutes(days: f64) -> i64 {
    ((days * DAY as f64) as i64).max(10)
}

/// Decides a request for `desired`.
pub(super) fn decide(quota: &PoolQuota, desired: f64, history: History, seed: u64) -> Decision {
    let n = history.before;
    let luck = chance(seed ^ 0x5e, n);
    let (median, value) = match quota.manner {
        Manner::Grants(median) => (median, Some(desired)),
        Manner::Partly(median) => {
            let part = 0.5 + 0.4 * luck;
            (median, Some((quota.applied + (desired - quota.applied) * part).round()))
        }
        Manner::Closes(share) => (3.0, (luck >= share).then_some(desired)),
    };
    // Beyond its hidden ceiling, AWS grants what is left below it, or nothing.
    let value = value.and_then(|value| {
        let is_partly = chance(seed ^ 0xce, n) < 0.3;
        if value <= quota.ceiling {
            return Some(value);
        }
        (is_partly && quota.ceiling > quota.applied * 1.01).then_some(quota.ceiling)
    });
    // The same request again ends the same way, and a quota that is hardly used is often not raised.
    let is_used = history.used >= 0.5 * quota.applied || chance(seed ^ 0xad, n) < 0.5;
    let value = value.filter(|value| is_used && !history.was_refused && *value > quota.applied);
    Decision { after: minutes(days(median, seed, n)), value, is_same: history.was_refused }
}

/// Whether AWS would grant a sensible request for more than the applied value.
pub(super) fn would_grant(quota: &PoolQuota) -> bool {
    quota.applied.max(1.0) * 1.1 <= quota.ceiling
}

/// The result of a support case that asks for `needed`: AWS restores its default, and raises fixed quotas.
pub(super) fn case(quota: &PoolQuota, needed: f64, n: i64, seed: u64) -> Decision {
    let value = needed.max(quota.default).min(quota.ceiling).round();
    Decision { after: minutes(days(CASE, seed ^ 0xca5e, n)), value: Some(value), is_same: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::QuotaCode;

    fn quota(manner: Manner, ceiling: f64) -> PoolQuota {
        PoolQuota {
            code: QuotaCode::parse("L-F4DDD3EB").unwrap(),
            is_tokens: true,
            default: 100.0,
            applied: 100.0,
            first: 100.0,
            is_adjustable: true,
            manner,
            ceiling,
        }
    }

    #[test]
    fn decisions_follow_manner_ceiling_and_history() {
        let used = History { before: 0, used: 90.0, was_refused: false };
        let granting = quota(Manner::Grants(1.0), f64::INFINITY);
        assert_eq!(decide(&granting, 200.0, used, 7).value, Some(200.0));
        assert_eq!(decide(&granting, 200.0, History { was_refused: true, ..used }, 7).value, None);
        let partly = decide(&quota(Manner::Partly(1.0), f64::INFINITY), 200.0, used, 7).value.unwrap();
        assert!((150.0..=190.0).contains(&partly), "{partly}");
        let closes = (0..1000).filter(|n| {
            let history = History { before: *n, ..used };
            decide(&quota(Manner::Closes(0.6), f64::INFINITY), 200.0, history, 7).value.is_none()
        });
        assert!((550..650).contains(&closes.count()));
        for n in 0..50 {
            let history = History { before: n, ..used };
            let value = decide(&quota(Manner::Grants(1.0), 150.0), 200.0, history, 7).value;
            assert!(value.is_none() || value == Some(150.0));
        }
    }
}
