//! Chooses the quota that ran full and collects all evidence about it, or says why there is none.
//!
//! Invariant: The result is exactly one quota, or none.

use jiff::SignedDuration;

use crate::error::{Gathered, ServiceError};
use crate::evidence::{Evidence, FAR_BELOW, FILLED, LimitEvidence};
use crate::ids::AccountRegion;
use crate::incident::Incident;
use crate::model::ModelId;
use crate::plan::action::{Reason, Withheld, withheld};
use crate::quota::{Quota, Verdict};
use crate::usage::Usage;

/// If the second quota's usage is at least this share of the first's, demand cannot tell them apart.
const AS_NEAR: f64 = 0.8;
/// The filled limit is ahead of every other by at least this share of admitted usage.
const APART: f64 = 0.04;
/// CloudWatch's Bedrock metrics arrive within this time.
const METRICS_ARE_LATE: SignedDuration = SignedDuration::from_mins(15);

/// All evidence about a chosen quota.
pub(crate) struct QuotaCase<'a> {
    pub(crate) place: &'a AccountRegion,
    pub(crate) model: &'a ModelId,
    pub(crate) limit: &'a LimitEvidence,
    pub(crate) quota: &'a Quota,
    pub(crate) usage: &'a Usage,
    pub(crate) applied: f64,
    pub(crate) adjustable: bool,
    pub(crate) default: Option<f64>,
    /// Whether the incident is too recent for CloudWatch to show it.
    pub(crate) is_fresh: bool,
}

impl QuotaCase<'_> {
    /// The demand, in the quota's unit.
    pub(crate) fn demand(&self) -> f64 {
        self.usage.demand(self.limit.limit, self.applied)
    }

    /// `value` as a share of the applied value.
    pub(crate) fn share_of(&self, value: f64) -> f64 {
        if self.applied > 0.0 { value / self.applied } else { f64::INFINITY }
    }
}

/// Finds the quota closest to being full.
pub(crate) fn fullest<'a>(
    incident: &Incident,
    evidence: &'a Evidence,
    place: Option<&'a AccountRegion>,
) -> Result<QuotaCase<'a>, Withheld> {
    let share = |c: &QuotaCase<'_>| c.share_of(c.usage.last_day(c.limit.limit));
    let candidates = candidates(incident, evidence, place)?.into_iter();
    candidates.max_by(|a, b| share(a).total_cmp(&share(b))).ok_or_else(|| no_quota(evidence))
}

/// Finds the one quota that caused the throttle.
pub(crate) fn choose<'a>(
    incident: &Incident,
    evidence: &'a Evidence,
    place: Option<&'a AccountRegion>,
) -> Result<QuotaCase<'a>, Withheld> {
    let mut candidates = candidates(incident, evidence, place)?;
    let share = |c: &QuotaCase<'_>| c.share_of(c.demand());
    candidates.sort_by(|a, b| share(b).total_cmp(&share(a)));
    // A quota of zero refuses every call, whatever the other quotas allow.
    let decided = candidates.iter().position(|c| c.applied <= 0.0).or_else(|| filled(&candidates));
    if let Some(n) = decided {
        return Ok(candidates.swap_remove(n));
    }
    if let [first, second, ..] = candidates.as_slice()
        && share(first) >= FAR_BELOW
        && share(second) >= share(first) * AS_NEAR
    {
        return Err(Withheld {
            kind: Reason::Ambiguous,
            reason: format!(
                "the throttle does not say by which limit, and use is as near to `{}` ({:.0} %) as to `{}` ({:.0} %)",
                first.quota.name,
                share(first) * 100.0,
                second.quota.name,
                share(second) * 100.0
            ),
            candidates: candidates.iter().map(|c| c.quota.clone()).collect(),
        });
    }
    candidates.into_iter().next().ok_or_else(|| no_quota(evidence))
}

/// The one quota that admitted usage filled; `None` if there is none, or another is almost as full.
fn filled(candidates: &[QuotaCase<'_>]) -> Option<usize> {
    let admitted = |case: &QuotaCase<'_>| case.share_of(case.usage.admitted(case.limit.limit));
    let mut shares: Vec<(usize, f64)> = candidates.iter().map(admitted).enumerate().collect();
    shares.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    let (first, second) = (shares.first()?, shares.get(1));
    let is_apart = second.is_none_or(|second| first.1 - second.1 >= APART);
    (first.1 >= FILLED && is_apart).then_some(first.0)
}

/// All candidate quotas; never an empty list.
pub(crate) fn candidates<'a>(
    incident: &Incident,
    evidence: &'a Evidence,
    place: Option<&'a AccountRegion>,
) -> Result<Vec<QuotaCase<'a>>, Withheld> {
    let (place, model, usage) = known(incident, evidence, place)?;
    let is_fresh =
        incident.first_seen.is_some_and(|first| evidence.now.duration_since(first) < METRICS_ARE_LATE);
    let mut candidates = Vec::new();
    let mut absent = None;
    for limit in &evidence.limits {
        let Some(quota) = limit.found.quota.as_ref().filter(|_| limit.found.verdict == Verdict::Matched)
        else {
            continue;
        };
        let applied = match &limit.applied {
            Gathered::Read(Some(applied)) => applied,
            // The quota is in the catalogue but not in this account, so it limits nothing here.
            Gathered::Read(None) | Gathered::NotAsked => {
                absent = Some(quota);
                continue;
            }
            Gathered::Unread(error) => {
                let what =
                    format!("Service Quotas could not be asked for the applied value of `{}`", quota.name);
                return Err(unread(&what, error));
            }
        };
        candidates.push(QuotaCase {
            place,
            model,
            limit,
            quota,
            usage,
            applied: applied.value,
            is_fresh,
            adjustable: applied.adjustable,
            default: limit.default.read().copied().flatten().map(|d| d.value),
        });
    }
    match (candidates.as_slice(), absent) {
        ([], Some(quota)) => Err(withheld(
            Reason::NoSuchQuota,
            format!(
                "Service Quotas has no quota `{}` ({}) in this account and Region",
                quota.name, quota.code
            ),
        )),
        ([], None) => Err(no_quota(evidence)),
        _ => Ok(candidates),
    }
}

/// What must be known before a quota is looked for: where the call was made, the model, and how much it is used.
fn known<'a>(
    incident: &Incident,
    evidence: &'a Evidence,
    place: Option<&'a AccountRegion>,
) -> Result<(&'a AccountRegion, &'a ModelId, &'a Usage), Withheld> {
    if !incident.cause.is_rate() {
        return Err(withheld(
            Reason::NoSuchQuota,
            "the error names a number of resources, not a rate, and not which: look it up under Service Quotas, service `bedrock`",
        ));
    }
    let Some(called) = &incident.model else {
        return Err(withheld(
            Reason::NoModel,
            "nothing tells which model was called, and every model has quotas of its own",
        ));
    };
    let Some(place) = place else {
        return Err(withheld(Reason::NoEvidence, "the account or the Region of the call is not known"));
    };
    let Some(model) = &evidence.model else { return Err(unresolved(called, &evidence.profile)) };
    let usage = match &evidence.usage {
        Gathered::Read(usage) => usage,
        Gathered::Unread(error) => {
            return Err(unread(&format!("CloudWatch could not be asked how much `{model}` is used"), error));
        }
        Gathered::NotAsked => {
            return Err(withheld(
                Reason::NoEvidence,
                format!("nothing was read of how much `{model}` is used"),
            ));
        }
    };
    if let Some(error) = evidence.listing.unread() {
        let what = format!(
            "the built-in catalogue has no quota of `{model}`, and the account's list could not be read"
        );
        return Err(unread(&what, error));
    }
    Ok((place, model, usage))
}

/// Evidence that could not be read.
fn unread(what: &str, error: &ServiceError) -> Withheld {
    withheld(Reason::NoEvidence, format!("{what}: {error}"))
}

/// Why the model behind an application inference profile is unknown.
fn unresolved(called: &ModelId, profile: &Gathered<Option<Vec<String>>>) -> Withheld {
    let (kind, why) = match profile {
        Gathered::Unread(error) => (Reason::NoEvidence, format!("Bedrock could not be asked which: {error}")),
        Gathered::Read(None) => (Reason::UnresolvedProfile, "Bedrock has no such profile now".to_owned()),
        Gathered::Read(Some(_)) | Gathered::NotAsked => {
            (Reason::UnresolvedProfile, "Bedrock does not say which".to_owned())
        }
    };
    withheld(
        kind,
        format!("`{called}` is an application inference profile, which stands for a model, and {why}"),
    )
}

fn no_quota(evidence: &Evidence) -> Withheld {
    let Some(limit) = evidence.limits.first() else {
        return withheld(Reason::NoEvidence, "no quota could be looked up");
    };
    let kind = match limit.found.verdict {
        Verdict::Ambiguous => Reason::Ambiguous,
        Verdict::UnresolvedProfile => Reason::UnresolvedProfile,
        Verdict::Matched | Verdict::NoSuchQuota | Verdict::UnknownModel => Reason::NoSuchQuota,
    };
    Withheld { kind, reason: limit.found.reason.clone(), candidates: limit.found.candidates.clone() }
}
