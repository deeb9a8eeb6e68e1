//! Reasons to hold a request until a person has looked: unusual usage and unknown callers.
//!
//! Invariant: A suspicion in the ledger outranks current measurements. Only a person ends it.

use jiff::{SignedDuration, Timestamp};

use crate::error::{Gathered, ServiceError};
use crate::evidence::{Evidence, LimitEvidence};
use crate::ids::QuotaCode;
use crate::incident::Incident;
use crate::misuse::demand::{Measured, Unusual, WatchedQuota};
use crate::misuse::strangers::Samples;
use crate::plan::action::Plan;
use crate::plan::remembered;
use crate::plan::steps::callers;
use crate::quota::record::{Approval, QuotaRecord, Suspect, Suspicion};
use crate::quota::{Catalog, Variant, Verdict, find};
use crate::time::after;
use crate::usage::headroom::{FORECAST_LIMITS, MANTLE_LIMITS};

/// How long an approval also means that a person has checked the callers.
const APPROVED_CALLERS: SignedDuration = SignedDuration::from_hours(14 * 24);
/// A failed CloudTrail call is repeated while the incident is younger than this.
const WORTH_ASKING: SignedDuration = SignedDuration::from_hours(6);

/// The quotas in the evidence whose AWS name is certain.
fn matched(evidence: &Evidence) -> impl Iterator<Item = &LimitEvidence> {
    evidence.limits.iter().filter(|limit| limit.found.verdict == Verdict::Matched)
}

fn records(evidence: &Evidence) -> impl Iterator<Item = &QuotaRecord> {
    matched(evidence).filter_map(|limit| limit.record.read())
}

/// The latest approval by a person.
fn approved(evidence: &Evidence) -> Option<&Approval> {
    records(evidence).filter_map(|record| record.approved.as_ref()).max_by_key(|approved| approved.at)
}

/// The oldest suspicion that the ledger holds about the quotas.
pub(crate) fn remembered_suspicion(evidence: &Evidence) -> Option<&Suspicion> {
    records(evidence).filter_map(|record| record.suspicion.as_ref()).min_by_key(|suspicion| suspicion.since)
}

/// All quotas that calls of the model count against, whichever of them the evidence covers: stolen credentials can fill
/// either per-minute limit.
pub(crate) fn codes(evidence: &Evidence) -> Vec<QuotaCode> {
    let mut codes: Vec<QuotaCode> =
        matched(evidence).filter_map(|limit| Some(limit.found.quota.as_ref()?.code.clone())).collect();
    let quota = |model, limit, variant| find(Catalog::built_in(), model, limit, variant).quota;
    let runtime = FORECAST_LIMITS.map(|limit| (limit, Variant::Standard));
    let mantle = MANTLE_LIMITS.map(|limit| (limit, Variant::Mantle));
    let all = || runtime.into_iter().chain(mantle);
    let siblings =
        evidence.model.iter().flat_map(|model| all().map(|(limit, variant)| quota(model, limit, variant)));
    codes.extend(siblings.flatten().map(|quota| quota.code));
    codes.sort_unstable();
    codes.dedup();
    codes
}

/// What holds back every request for these quotas: the ledger's suspicion, or a current one.
pub(super) fn open(incident: &Incident, evidence: &Evidence) -> Option<Suspicion> {
    if let Some(suspicion) = remembered_suspicion(evidence) {
        return Some(suspicion.clone());
    }
    let usage = evidence.usage.read()?;
    // If an approval may exist that could not be read, report nothing new. Nothing is filed then either.
    let is_unread = matched(evidence).any(|limit| limit.record.unread().is_some());
    let matters = incident.is_forecast() || (usage.may_be_throttled() && !evidence.is_far_below());
    if is_unread || usage.is_legacy || !matters {
        return None;
    }
    let quotas = counted(evidence);
    let found = Measured { usage, quotas: &quotas }.unusual(approved(evidence), evidence.now);
    found.map(|found| since_now(found, evidence))
}

/// The quotas that the usage counts against.
fn counted(evidence: &Evidence) -> Vec<WatchedQuota<'_>> {
    let applied =
        |limit: &LimitEvidence| limit.applied.read().copied().flatten().map(|applied| applied.value);
    let mut counted = Vec::new();
    for limit in matched(evidence) {
        counted.push(WatchedQuota {
            limit: limit.limit,
            applied: applied(limit),
            raises: limit.record.read().map(|record| record.raises.as_slice()).unwrap_or_default(),
        });
    }
    counted
}

/// The demand that a person approves at `now`; `None` if usage could not be read.
pub(crate) fn demand(evidence: &Evidence, now: Timestamp) -> Option<Approval> {
    let (usage, quotas) = (evidence.usage.read()?, counted(evidence));
    Some(Measured { usage, quotas: &quotas }.demand(now))
}

/// Whether `approval` is known to cover all demand since it was given.
fn is_covered(evidence: &Evidence, approval: &Approval) -> bool {
    let quotas = counted(evidence);
    evidence.usage.read().is_some_and(|usage| Measured { usage, quotas: &quotas }.is_covered_by(approval))
}

/// A new suspicion, dated now.
pub(super) fn since_now(found: Unusual, evidence: &Evidence) -> Suspicion {
    Suspicion { kind: found.kind, since: evidence.now, why: found.why }
}

/// Withholds every request because of the suspicion.
pub(super) fn withhold(plan: &mut Plan, suspicion: Suspicion, incident: &Incident, evidence: &Evidence) {
    plan.justification = None;
    plan.withheld.push(remembered::suspected(&suspicion));
    plan.advice = advice(suspicion.kind).map(str::to_owned).to_vec();
    if let Some(region) = &incident.region {
        plan.steps.push(callers::check(suspicion.kind, evidence.model.as_ref(), region));
    }
    if remembered_suspicion(evidence).is_none() {
        plan.to_suspect = codes(evidence);
    }
    plan.suspicion = Some(suspicion);
}

const fn advice(kind: Suspect) -> [&'static str; 2] {
    match kind {
        Suspect::Loop => [
            "A loop asks again because it was answered: an agent without a stop, a queue that puts back what was handled, a function that calls itself. The same caller sends requests of the same size around the clock, and calls are refused again as soon as more of them are admitted.",
            "A service that was only throttled asks for no more after a raise than it asked for before: its refused calls become fewer, and its use follows the day. What hid behind a limit of its own, such as a pool of workers that was sized for the quota, looks like a loop: then approve it.",
        ],
        _ => [
            "It may be a launch, a new job or a new caller that somebody of yours knows of: then approve it. Demand up to a quarter more than now is no news from then on.",
            "It may be stolen credentials: the quota is what limits their cost. Nothing is raised until a person approves, however long it lasts, and all incidents of this quota wait for the same approval.",
        ],
    }
}

/// What is known about the callers.
#[derive(Debug, PartialEq)]
pub(super) enum CallerFinding {
    /// Nothing holds a request back.
    Fine,
    /// A person must look.
    Unusual(Unusual),
    /// CloudTrail must be asked.
    NotAsked,
    /// Unknown for now, and why: CloudTrail is only late.
    Late(String),
    /// Unknown, and why.
    Unknown(String),
}

/// Checks the callers. An event alone is a reason to look but no proof, because anyone who can send events can forge
/// one. CloudTrail event history is proof, but it is minutes late. `is_fresh`: the incident is too recent for
/// CloudTrail to show its calls.
pub(super) fn callers(incident: &Incident, evidence: &Evidence, is_fresh: bool) -> CallerFinding {
    let looked = approved(evidence).filter(|approved| after(approved.at, APPROVED_CALLERS) > evidence.now);
    if looked.is_some_and(|approved| is_covered(evidence, approved)) {
        return CallerFinding::Fine;
    }
    // A forecast has no calls that began just now.
    let are_told = incident.callers.all().errors > 0;
    if !are_told && is_fresh && !incident.is_forecast() {
        return CallerFinding::Late(
            "only a metric tells of these calls so far. CloudTrail, which is minutes late, is asked who makes them a quarter of an hour after they began, and the request is filed then if nothing stands against it".to_owned(),
        );
    }
    let root = "the account's root user makes these calls, which no application should";
    let is_root =
        evidence.root == Gathered::Read(true) || evidence.callers.read().is_some_and(Samples::has_root);
    if is_root {
        return CallerFinding::Unusual(Unusual { kind: Suspect::Root, why: root.to_owned() });
    }
    if let Some(strangers) = evidence.callers.read().and_then(Samples::strangers) {
        return CallerFinding::Unusual(strangers);
    }
    let unread = evidence.root.unread().or(evidence.callers.unread());
    let of_root =
        |why: String| format!("a record says that the account's root user makes these calls, and {why}");
    match (&evidence.root, unread) {
        (Gathered::NotAsked, _) => CallerFinding::NotAsked,
        (_, Some(error)) if incident.by_root => {
            CallerFinding::Unknown(of_root(format!("CloudTrail could not be asked whether it did: {error}")))
        }
        (_, Some(error)) => unread_callers(incident, evidence, error, are_told),
        (_, None) if incident.by_root && incident.facts.is_of_mantle() => CallerFinding::Unknown(of_root(
            "CloudTrail's event history does not hold calls of the bedrock-mantle endpoint, so nothing shows whether it did".to_owned(),
        )),
        (_, None) if incident.by_root && is_fresh => CallerFinding::Late(of_root(
            "CloudTrail's event history, which is minutes late, does not show it yet: it is asked again shortly".to_owned(),
        )),
        (_, None) => CallerFinding::Fine,
    }
}

/// Handles a failed CloudTrail call: wait if it may still succeed, else rely on the callers in the events.
fn unread_callers(
    incident: &Incident,
    evidence: &Evidence,
    error: &ServiceError,
    are_told: bool,
) -> CallerFinding {
    let is_young = incident.first_seen.is_some_and(|first| after(first, WORTH_ASKING) > evidence.now);
    if are_told && !(error.is_passing() && is_young) {
        return CallerFinding::Fine;
    }
    CallerFinding::Unknown(format!(
        "CloudTrail's event history could not be asked who makes these calls: {error}"
    ))
}
