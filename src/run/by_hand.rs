//! Quotas that only a person can have raised: zero, below AWS's default, or not adjustable.
//!
//! Invariant: Such an incident ends when the quota's value rises. Nothing else about a quota ends it.

use jiff::Timestamp;

use crate::error::ServiceResult;
use crate::evidence::Evidence;
use crate::ids::{AccountRegion, QuotaCode};
use crate::incident::notice_kind::Kind;
use crate::incident::record::{AwaitedQuota, Record};
use crate::notice::Notice;
use crate::plan::action::{Action, Plan, Reason};
use crate::plan::execution::Execution;
use crate::ports::Quotas;
use crate::run::prepared::Prepared;
use crate::run::still::closed;
use crate::text::number;

/// The quota that `plan` leaves to a person, if only a person can have it raised. `before` is the quota that was
/// left to a person until now. If it is the same quota, its value is kept, so that the notice can say where the
/// value moved from.
pub(crate) fn awaited(
    plan: &Plan,
    execution: &Execution,
    evidence: &Evidence,
    before: Option<AwaitedQuota>,
) -> Option<AwaitedQuota> {
    let is_by_hand = |kind: Reason| matches!(kind, Reason::BelowDefault | Reason::NotAdjustable);
    execution.withheld(plan).find(|withheld| is_by_hand(withheld.kind))?;
    let quota = execution.actions(plan).into_iter().find_map(|action| match action {
        Action::PrepareSupportCase { quota, .. } => quota,
        Action::RequestIncrease(_) | Action::RemindAccess(_) => None,
    })?;
    let now = AwaitedQuota { value: value_of(evidence, &quota.code)?, code: quota.code, name: quota.name };
    // If the value was lowered since, a raise starts from the lower value.
    Some(before.filter(|before| before.code == now.code && before.value <= now.value).unwrap_or(now))
}

/// The applied value of a quota in `evidence`; `None` if it could not be read or does not exist.
fn value_of(evidence: &Evidence, code: &QuotaCode) -> Option<f64> {
    let is_it = |quota: &crate::quota::Quota| quota.code == *code;
    let limits = evidence.limits.iter().map(|limit| (&limit.found, &limit.applied));
    let feature = evidence.feature.iter().map(|feature| (&feature.found, &feature.applied));
    let (_, applied) = limits.chain(feature).find(|(found, _)| found.quota.as_ref().is_some_and(is_it))?;
    Some(applied.read().copied().flatten()?.value)
}

/// The new value of the quota that `record` waits for; `None` if it has not risen or is not known.
pub(crate) fn moved(record: &Record, evidence: &Evidence) -> Option<f64> {
    let awaited = record.awaited.as_ref()?;
    value_of(evidence, &awaited.code).filter(|value| *value > awaited.value)
}

/// Reads the value of the quota that `record` waits for from Service Quotas; see [`moved`].
pub(crate) async fn look<W: Quotas>(
    world: &W,
    record: &mut Record,
    place: &AccountRegion,
) -> ServiceResult<Option<f64>> {
    let Some(awaited) = &mut record.awaited else { return Ok(None) };
    let applied = match world.applied(place, &awaited.code).await? {
        Some(applied) => Some(applied),
        None => world.default_value(place, &awaited.code).await?,
    };
    let Some(applied) = applied else { return Ok(None) };
    if applied.value > awaited.value {
        return Ok(Some(applied.value));
    }
    awaited.value = applied.value;
    Ok(None)
}

/// Closes the incident, because the quota moved to `value`.
pub(crate) fn over(record: Record, value: f64, evidence: &Evidence, now: Timestamp) -> Prepared {
    let said = record.awaited.as_ref().map(|awaited| {
        format!(
            "The quota `{}` moved from {} to {}. If calls are still throttled, the new value is looked at as any other.",
            awaited.name,
            number(awaited.value),
            number(value)
        )
    });
    let plan = Plan::default();
    let mut notice = Notice::compose(Kind::Resolved, &record, &plan, &Execution::Nothing, evidence);
    notice.summary = said.unwrap_or(notice.summary);
    Prepared { is_told_alone: true, ..closed(record, notice, evidence, now) }
}
