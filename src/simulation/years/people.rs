//! What people do: readers of the notices, and the policies that the function is compared with.

use crate::simulation::years::daily::Daily;
use crate::simulation::years::demand::DAY;
use crate::simulation::years::pool::{Bound, Pool, PoolQuota};

/// The minute of the second working day after `minute`, in working hours.
pub(super) fn two_working_days_after(minute: i64) -> i64 {
    let mut day = minute.div_euclid(DAY);
    let mut left = 2;
    while left > 0 {
        day += 1;
        left -= i64::from(is_working_day(day));
    }
    day * DAY + minute.rem_euclid(DAY).clamp(9 * 60, 17 * 60)
}

/// The year begins on a Monday.
pub(super) fn is_working_day(day: i64) -> bool {
    day.rem_euclid(7) < 5
}

/// What a person wants for a quota.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Wish {
    /// A request for this value.
    Request(f64),
    /// A support case, because Service Quotas takes no such request.
    Case(f64),
}

/// The wishes for a pool's quotas that serve the busiest minute of the last week `times` over.
pub(super) fn wishes(
    pool_n: usize,
    pool: &Pool,
    quotas: &[PoolQuota],
    daily: &Daily,
    day: i64,
    times: f64,
    from: f64,
) -> Vec<(usize, Wish)> {
    let mut wishes = Vec::new();
    for (n, bound) in [(pool.tokens, Bound::Tokens), (pool.requests, Bound::Requests)] {
        let Some(quota) = quotas.get(n) else { continue };
        let peak = daily.busiest(pool_n, day - 7, day, |d| match bound {
            Bound::Tokens => d.tokens,
            _ => d.requests,
        });
        if peak <= from * quota.applied || peak <= 0.0 {
            continue;
        }
        let desired = (peak * times).ceil();
        let is_below = desired <= quota.default || quota.applied <= 0.0;
        if desired <= quota.applied {
            continue;
        }
        wishes.push((
            n,
            if is_below || !quota.is_adjustable { Wish::Case(desired) } else { Wish::Request(desired) },
        ));
    }
    wishes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_working_days_leave_weekends_out() {
        let day = |minute: i64| minute.div_euclid(DAY);
        // Monday, Thursday, Friday and Saturday noon.
        for (from, to) in [(0, 2), (3, 7), (4, 8), (5, 8)] {
            assert_eq!(day(two_working_days_after(from * DAY + 720)), to, "{from}");
        }
    }
}
