//! Applies what is remembered about a quota: how far it may grow, and what AWS refused.

use jiff::{SignedDuration, Timestamp};

use crate::config::Config;
use crate::plan::action::{Reason, Withheld, withheld};
use crate::plan::choose_quota::QuotaCase;
use crate::plan::size::{Bounds, size};
use crate::quota::record::{GrowthLimit, LastRequest, Need, QuotaRecord, Refusal, Suspicion};
use crate::quota::request::IncreaseRequest;
use crate::text::number;
use crate::time::after;

/// How long a person's approval applies to requests.
const APPROVED_FOR: SignedDuration = SignedDuration::from_hours(24);
/// A day counts as full if this share of the quota was admitted.
const FULL_DAY: f64 = 0.9;
/// A smaller step than this factor is not worth a request.
const SMALLEST: f64 = 1.1;
/// After a refusal, ask for at most this share of the refused value.
const LESS: f64 = 0.9;

/// The need that justifies a request for more of the case's quota.
pub(super) fn need(case: &QuotaCase<'_>, record: &QuotaRecord, now: Timestamp) -> Need {
    let limit = case.limit.limit;
    let full = case.usage.counted(limit).days.iter().filter(|day| day.peak(limit) >= FULL_DAY * case.applied);
    Need {
        demand: case.demand(),
        full_days: u32::try_from(full.count()).unwrap_or(u32::MAX),
        is_approved: record.approved.is_some_and(|approved| after(approved.at, APPROVED_FOR) > now),
    }
}

/// `record` plus requests that only Service Quotas remembers: those that people filed, and those of a deleted ledger.
/// A closed request that the ledger does not know counts as refused.
pub(super) fn with_history(record: &QuotaRecord, history: &[IncreaseRequest]) -> QuotaRecord {
    const NEAR: SignedDuration = SignedDuration::from_hours(1);
    let mut record = record.clone();
    let is_near = |a: Timestamp, b: Timestamp| a.duration_since(b).abs() <= NEAR;
    for request in history.iter().rev().filter(|request| !request.status.is_open()) {
        let is_known =
            |desired: f64, asked: Timestamp| desired == request.desired && is_near(asked, request.created);
        let is_remembered = record.refused.iter().any(|r| is_known(r.desired, r.asked))
            || record.raises.iter().any(|r| is_known(r.desired, r.asked));
        if !is_remembered {
            let (desired, asked) = (request.desired, request.created);
            record.refused.push(Refusal { desired, asked, ended: asked, need: None });
        }
    }
    record
}

/// The value to request: what is wanted, within the growth limit and below what AWS refused.
pub(super) fn value(
    case: &QuotaCase<'_>,
    floor: f64,
    wanted: f64,
    record: &QuotaRecord,
    need: &Need,
    config: &Config,
    now: Timestamp,
) -> Result<f64, Withheld> {
    let limit = case.limit.limit;
    if need.is_approved {
        return size(limit, floor, wanted, &Bounds { most: None, config });
    }
    let allowed = record.allowed(floor, &config.budget(), now);
    if allowed.most < floor * SMALLEST {
        return Err(beyond_budget(&allowed));
    }
    let within = |wanted: f64, most: f64| size(limit, floor, wanted, &Bounds { most: Some(most), config });
    let desired = within(wanted, allowed.most)?;
    if let Some(refused) = record.blocking(case.applied, desired, need, now) {
        let most = (refused.desired * LESS).min(allowed.most);
        // Halfway to the refused value, or the measured need if that is more.
        let half = f64::midpoint(floor, refused.desired);
        let less = within(half.max(need.demand * SMALLEST).min(most), most);
        return less
            .ok()
            .filter(|less| *less >= floor * SMALLEST)
            .ok_or_else(|| refused_before(case, record, refused));
    }
    if record.was_granted_in_part(desired, now) {
        let less = within(desired * LESS, desired * LESS).ok().filter(|less| *less >= floor * SMALLEST);
        return less
            .or_else(|| {
                within(desired * SMALLEST, allowed.most)
                    .ok()
                    .filter(|more| !record.was_granted_in_part(*more, now))
            })
            .ok_or_else(|| asked_in_part(desired));
    }
    Ok(desired)
}

/// The reason when our own requests have already raised the quota as far as they may.
pub(crate) fn beyond_budget(allowed: &GrowthLimit) -> Withheld {
    withheld(
        Reason::NeedsApproval,
        format!(
            "requests of this function have raised the quota from {} within {} days, and may raise it to {} times that ({}) without a person's approval",
            number(allowed.base),
            allowed.days,
            allowed.times,
            number(allowed.most)
        ),
    )
}

/// The reason for not repeating a value that AWS did not grant.
fn refused_before(case: &QuotaCase<'_>, record: &QuotaRecord, refused: &Refusal) -> Withheld {
    if let Some(ceiling) = record.ceiling(case.applied) {
        return withheld(
            Reason::AwsCeiling,
            format!(
                "AWS refused {} and more while {} is applied, time after time, so it seems to hold this quota below that: what else helps is another model, another Region, or a profile of wider reach, which has a quota of its own",
                number(ceiling),
                number(case.applied)
            ),
        );
    }
    closed_unchanged(refused)
}

/// The reason for not repeating a value that AWS did not grant.
pub(crate) fn closed_unchanged(refused: &Refusal) -> Withheld {
    withheld(
        Reason::ClosedUnchanged,
        format!(
            "AWS did not grant {} when it was asked for on {}, and no smaller step is left: as much is asked for again after 30 days at the earliest, and only if more is needed than then",
            number(refused.desired),
            refused.asked.strftime("%F")
        ),
    )
}

fn asked_in_part(desired: f64) -> Withheld {
    withheld(
        Reason::ClosedUnchanged,
        format!("AWS granted a request for {} in part less than 30 days ago", number(desired)),
    )
}

/// The reason for requesting nothing while something is suspected.
pub(crate) fn suspected(suspicion: &Suspicion) -> Withheld {
    withheld(
        Reason::UnusualCaller,
        format!(
            "{} (since {}): no increase is filed until a person has looked at who calls",
            suspicion.why,
            suspicion.since.strftime("%F %H:%M UTC")
        ),
    )
}

/// The reason for requesting nothing soon after a request.
pub(crate) fn cooling_down(last: &LastRequest) -> Withheld {
    withheld(
        Reason::CoolingDown,
        format!(
            "a request for {} was filed on {}; the next may follow on {}",
            number(last.desired),
            last.intended.strftime("%F"),
            last.cool_down_until.strftime("%F")
        ),
    )
}
