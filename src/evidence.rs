//! Asks for everything a plan needs, at once, and takes a missing answer for an answer.
//!
//! One law: gathering never fails and never decides. What could not be read is in the evidence as
//! such, with the reason.

use jiff::{SignedDuration, Timestamp};

use crate::diagnosis::{Category, Cause};
use crate::ids::Place;
use crate::incident::Incident;
use crate::model::{ModelId, ModelKind};
use crate::quota::{Catalog, Found, Limit, Quota, Variant, Verdict, find};
use crate::usage::{Period, Usage, burndown};
use crate::world::{
    Answer, IncreaseRequest, ModelState, Models, Permissions, PolicyVerdict, PortError, QuotaValue, Quotas,
    Telemetry, Window,
};

/// What is known of one quota that could be the one.
#[derive(Debug)]
pub struct LimitEvidence {
    /// What it limits.
    pub limit: Limit,
    /// The quota, or why there is none.
    pub found: Found,
    /// The applied value; the default where the account has none of its own.
    pub applied: Answer<QuotaValue>,
    /// AWS's default.
    pub default: Answer<QuotaValue>,
    /// Requests of the last 90 days, newest first.
    pub history: Answer<Vec<IncreaseRequest>>,
}

/// Everything a plan may look at.
#[derive(Debug)]
pub struct Evidence {
    /// When it was gathered.
    pub now: Timestamp,
    /// The model behind an application inference profile; else the model as called. `None` when no
    /// model is known or the profile could not be resolved.
    pub model: Option<ModelId>,
    /// The quotas that could be meant; empty unless calls were throttled.
    pub limits: Vec<LimitEvidence>,
    /// Use of the quota by every model that shares it.
    pub usage: Answer<Usage>,
    /// Bedrock's own word on the model.
    pub model_state: Answer<ModelState>,
    /// The ids that can be called in the Region, where the one that was called cannot.
    pub offered: Answer<Vec<ModelId>>,
    /// IAM's word, where the denial's own text left it open.
    pub verdict: Answer<PolicyVerdict>,
}

impl Evidence {
    /// Whether something about the quotas could not be read that may be readable a little later.
    pub fn is_missing_for_now(&self) -> bool {
        fn passing<T>(answer: &Answer<T>) -> bool {
            answer.as_ref().is_err_and(PortError::is_passing)
        }
        let of = |l: &LimitEvidence| passing(&l.applied) || passing(&l.default) || passing(&l.history);
        passing(&self.usage) || self.limits.iter().any(of)
    }
}

fn not_asked<T>() -> Answer<T> {
    Err(PortError::Missing)
}

/// How far back usage is read, and how much of it by the minute.
const LOOK_BACK: SignedDuration = SignedDuration::from_hours(14 * 24);
const BY_THE_MINUTE: SignedDuration = SignedDuration::from_hours(24);
/// CloudWatch's minutes begin before the first error that was reported to us.
const BEFORE_FIRST: SignedDuration = SignedDuration::from_mins(15);

/// Gathers what a plan for `incident` needs.
pub async fn gather<W>(world: &W, incident: &Incident, now: Timestamp) -> Evidence
where
    W: Quotas + Telemetry + Models + Permissions,
{
    let mut evidence = Evidence {
        now,
        model: incident.model.clone(),
        limits: Vec::new(),
        usage: not_asked(),
        model_state: not_asked(),
        offered: not_asked(),
        verdict: not_asked(),
    };
    let Some(place) = incident.place() else { return evidence };
    let called = incident.model.clone();
    if let Some(profile) = called.as_ref().filter(|m| m.kind() == ModelKind::ApplicationProfile) {
        evidence.model = resolve(world, &place, profile).await;
    }
    let model = evidence.model.clone();
    match incident.cause.category() {
        Category::Quota if incident.cause.is_throttle() => {
            let Some(model) = model else { return evidence };
            (evidence.limits, evidence.usage) = tokio::join!(
                limits(world, &place, &model, incident.cause),
                usage(world, &place, called.as_ref(), &model, incident, now),
            );
        }
        Category::ModelAccess => {
            if let Some(model) = model {
                evidence.model_state = world.model_state(&place, &model).await;
            }
        }
        Category::ModelId => {
            if let Some(model) = model {
                (evidence.model_state, evidence.offered) =
                    tokio::join!(world.model_state(&place, &model), world.offered(&place));
            }
        }
        Category::Permission if incident.cause == Cause::IamUnspecified => {
            let facts = &incident.facts;
            let denied = facts.action.as_deref().zip(facts.resource.as_deref());
            if let (Some(caller), Some((action, resource))) = (incident.caller.as_deref(), denied) {
                evidence.verdict = world.verdict(&place, caller, action, resource).await;
            }
        }
        _ => {}
    }
    evidence
}

async fn resolve(world: &impl Models, place: &Place, profile: &ModelId) -> Option<ModelId> {
    let arns = world.profile_models(place, profile).await.ok()?;
    ModelId::behind_profile(&arns, &place.region)
}

async fn limits(world: &impl Quotas, place: &Place, model: &ModelId, cause: Cause) -> Vec<LimitEvidence> {
    let wanted: &[Limit] = match cause {
        Cause::RequestsPerMinute => &[Limit::RequestsPerMinute],
        Cause::TokensPerMinute => &[Limit::TokensPerMinute],
        Cause::TokensPerDay => &[Limit::TokensPerDay],
        _ => &[Limit::TokensPerMinute, Limit::RequestsPerMinute],
    };
    let built_in: Vec<_> =
        wanted.iter().map(|l| (*l, find(Catalog::built_in(), model, *l, Variant::Standard))).collect();
    // A model newer than the catalogue: the account's own listing may know it.
    let known = built_in.iter().any(|(_, f)| f.verdict == Verdict::Matched);
    let listing = if known { not_asked() } else { world.listing(place).await };
    let found = match listing {
        Ok(catalog) => wanted.iter().map(|l| (*l, find(&catalog, model, *l, Variant::Standard))).collect(),
        Err(_) => built_in,
    };
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (Some((l1, f1)), Some((l2, f2))) => {
            let (one, two) = tokio::join!(limit(world, place, l1, f1), limit(world, place, l2, f2));
            vec![one, two]
        }
        (Some((l, f)), None) => vec![limit(world, place, l, f).await],
        _ => Vec::new(),
    }
}

async fn limit(world: &impl Quotas, place: &Place, limit: Limit, found: Found) -> LimitEvidence {
    let Some(Quota { code, .. }) = found.quota.clone() else {
        return LimitEvidence {
            limit,
            found,
            applied: not_asked(),
            default: not_asked(),
            history: not_asked(),
        };
    };
    let (applied, default, history) = tokio::join!(
        world.applied(place, &code),
        world.default_value(place, &code),
        world.history(place, &code),
    );
    let applied = match applied {
        Err(PortError::Missing) => default.clone(),
        other => other,
    };
    LimitEvidence { limit, found, applied, default, history }
}

async fn usage(
    world: &impl Telemetry,
    place: &Place,
    called: Option<&ModelId>,
    model: &ModelId,
    incident: &Incident,
    now: Timestamp,
) -> Answer<Usage> {
    let mut sharing = model.sharing_a_quota();
    // CloudWatch counts an application profile's calls under the profile's own id.
    sharing.extend(called.filter(|m| m.kind() == ModelKind::ApplicationProfile).cloned());
    let before = |wait| now.saturating_sub(wait).unwrap_or(now);
    // Where the two meet, both periods begin anew, so that nothing is counted twice.
    let meet = before(BY_THE_MINUTE);
    let meet = Timestamp::from_second(meet.as_second().div_euclid(300) * 300).unwrap_or(meet);
    let (fine, coarse) = (Window { from: meet, to: now }, Window { from: before(LOOK_BACK), to: meet });
    let (fine, coarse) = tokio::join!(
        world.usage(place, &sharing, fine, Period::Minute),
        world.usage(place, &sharing, coarse, Period::FiveMinutes),
    );
    let mut series = fine?;
    series.extend(coarse?);
    let first = incident.first_seen.unwrap_or(now).min(now);
    Ok(Usage::of(&series, burndown(model), first.saturating_sub(BEFORE_FIRST).unwrap_or(first)))
}
