//! Asks for everything a plan needs, at once, and takes a missing answer for an answer.
//!
//! One law: gathering never fails and never decides. What could not be read is in the evidence as
//! such, with the reason.

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};

use crate::access::{self, Asked};
use crate::diagnosis::{Category, Cause};
use crate::headroom::WATCHED;
use crate::ids::{Arn, Place, Region, caller_of};
use crate::incident::Incident;
use crate::model::{ModelId, ModelKind};
use crate::quota::{Catalog, Found, Limit, Quota, Variant, Verdict, find};
use crate::usage::{Period, Usage, burndown};
use crate::watch;
use crate::world::{
    Answer, Availability, Clock, IncreaseRequest, Life, LogKind, ModelState, Models, Needed, Permissions,
    PolicyVerdict, PortError, QuotaValue, Quotas, Ruling, Telemetry, Window, ask,
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

/// Where the errors behind an alarm were looked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Looked {
    /// CloudTrail's event history.
    Trail {
        /// How many recorded calls were read, failed or not.
        read: usize,
        /// Whether these were all of the time around the alarm.
        is_whole: bool,
        /// How many errors of this kind were among them.
        found: usize,
    },
    /// Not in CloudTrail's event history: so many calls hide the errors among them.
    TrailTooBusy {
        /// How many there were.
        calls: f64,
        /// How many could have been read.
        most: usize,
    },
    /// CloudTrail did not answer.
    TrailUnread(PortError),
    /// A search through logs was begun; a later look reads it.
    LogsGoingOn(LogKind),
    /// A search through logs ended.
    Logs {
        /// Which.
        kind: LogKind,
        /// How many errors it found, of any model.
        found: usize,
    },
    /// No log group of that kind was named by the operator.
    LogsNotNamed(LogKind),
    /// Logs could not be searched.
    LogsUnread(LogKind, PortError),
    /// The log group that model invocations are written to, which the operator did not name; `None` where
    /// they are not logged.
    InvocationLogging(Answer<Option<String>>),
}

impl Looked {
    /// Whether errors were found there.
    pub(crate) fn is_hit(&self) -> bool {
        matches!(self, Self::Trail { found: 1.., .. } | Self::Logs { found: 1.., .. })
    }

    /// The same, with so many errors found.
    pub(crate) fn found(self, count: usize) -> Self {
        match self {
            Self::Trail { read, is_whole, .. } => Self::Trail { read, is_whole, found: count },
            other => other,
        }
    }
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
    /// Every model of the Region with its life, where the one that is called ends.
    pub lives: Answer<Vec<(ModelId, Life)>>,
    /// How many agreements the model's provider offers, where none is in force.
    pub offers: Answer<usize>,
    /// What other Regions offer, where this one has no such model.
    pub elsewhere: Vec<(Region, Answer<Vec<ModelId>>)>,
    /// What IAM's policy simulator says of everything the call needs, where a policy of the caller's own may
    /// be what is missing.
    pub rulings: Answer<Vec<Ruling>>,
    /// Where the errors behind an alarm were looked for, of which only the metric was known.
    pub looked: Vec<Looked>,
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

impl Evidence {
    /// What was asked about access and permission.
    pub fn asked(&self) -> Asked<'_> {
        Asked {
            state: self.model_state.as_ref().ok(),
            offers: self.offers.as_ref().ok().copied(),
            rulings: self.rulings.as_deref().unwrap_or_default(),
        }
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

/// Where so many ids or fewer may share a quota, all are read at once. In a Region whose geography is not known
/// it is every geography's, and two weeks of them take more pages of CloudWatch than there is time.
const MANY: usize = 6;

/// Gathers what a plan for `incident` needs, as far as it is answered until then.
pub async fn gather<W>(world: &W, incident: &Incident, now: Timestamp, until: Timestamp) -> Evidence
where
    W: Quotas + Telemetry + Models + Permissions + Clock,
{
    let mut evidence = Evidence {
        now,
        model: incident.model.clone(),
        limits: Vec::new(),
        usage: not_asked(),
        model_state: not_asked(),
        offered: not_asked(),
        lives: not_asked(),
        offers: not_asked(),
        elsewhere: Vec::new(),
        rulings: not_asked(),
        looked: Vec::new(),
    };
    let Some(place) = incident.place() else { return evidence };
    let called = incident.model.clone();
    // What a profile stands for tells which model is meant, and in which Regions.
    let is_permission = is_of_own_policies(incident.cause);
    let profile = called
        .as_ref()
        .filter(|m| m.kind() == ModelKind::ApplicationProfile || (is_permission && m.is_cross_region()));
    let mut routes = Vec::new();
    if let Some(profile) = profile {
        routes = ask(world, until, world.profile_models(&place, profile)).await.unwrap_or_default();
        if profile.kind() == ModelKind::ApplicationProfile {
            evidence.model = ModelId::behind_profile(&routes, &place.region);
        }
    }
    let model = evidence.model.clone();
    match incident.cause.category() {
        Category::Quota if incident.cause.is_rate() => {
            let Some(model) = model else { return evidence };
            (evidence.limits, evidence.usage) = tokio::join!(
                limits(world, &place, &model, incident.cause, until),
                ask(world, until, usage(world, &place, &model, incident, now, until)),
            );
        }
        Category::ModelAccess => {
            let Some(model) = model else { return evidence };
            let is_legacy = incident.cause == Cause::LegacyModel;
            // Asked at once with the state, which tells whether the answer matters.
            let may_lack_agreement = matches!(incident.cause, Cause::NotGranted | Cause::Marketplace);
            (evidence.model_state, evidence.offers, evidence.lives, evidence.usage) = tokio::join!(
                ask(world, until, world.model_state(&place, &model)),
                ask_if(may_lack_agreement, world, until, world.agreement_offers(&place, &model)),
                ask_if(is_legacy, world, until, world.lives(&place)),
                ask_if(incident.is_ahead(), world, until, usage(world, &place, &model, incident, now, until)),
            );
            let state = evidence.model_state.as_ref().ok();
            if state.is_none_or(|s| s.agreement == Availability::Available) {
                evidence.offers = not_asked();
            }
            if state.is_some_and(|s| s.region != Availability::Available) {
                evidence.offered = ask(world, until, world.offered(&place)).await;
            }
        }
        Category::ModelId => {
            let Some(model) = model else { return evidence };
            (evidence.model_state, evidence.offered) = tokio::join!(
                ask(world, until, world.model_state(&place, &model)),
                ask(world, until, world.offered(&place)),
            );
            let is_here = |offered: &Vec<ModelId>| offered.iter().any(|o| o.base() == model.base());
            if evidence.offered.as_ref().is_ok_and(|offered| !is_here(offered)) {
                evidence.elsewhere = elsewhere(world, &place, until).await;
            }
        }
        Category::Permission if is_permission => {
            evidence.rulings = rulings(world, &place, incident, &routes, until).await;
        }
        _ => {}
    }
    evidence
}

/// Whether a policy that the caller's owner can change may be what is missing. A denial that names another
/// layer outranks whatever could be asked.
fn is_of_own_policies(cause: Cause) -> bool {
    matches!(cause, Cause::IamUnspecified | Cause::IdentityPolicy)
}

async fn ask_if<T>(
    is_asked: bool,
    world: &impl Clock,
    until: Timestamp,
    call: impl Future<Output = Answer<T>>,
) -> Answer<T> {
    if is_asked { ask(world, until, call).await } else { not_asked() }
}

/// Where most models are offered first, by partition.
const WELL_STOCKED: &[&str] =
    &["us-east-1", "us-west-2", "eu-central-1", "ap-northeast-1", "us-gov-west-1", "us-gov-east-1"];
/// So many other Regions are asked.
const MOST_REGIONS: usize = 3;

async fn elsewhere(
    world: &(impl Models + Clock),
    place: &Place,
    until: Timestamp,
) -> Vec<(Region, Answer<Vec<ModelId>>)> {
    let regions = WELL_STOCKED.iter().filter_map(|r| Region::parse(r));
    let others = regions.filter(|r| *r != place.region && r.partition() == place.region.partition());
    let asked = others.take(MOST_REGIONS).map(async |region| {
        let there = Place { account: place.account.clone(), region };
        let offered = ask(world, until, world.offered(&there)).await;
        (there.region, offered)
    });
    join_all(asked).await
}

/// What IAM says of the caller, the action and every resource of the call.
async fn rulings(
    world: &(impl Permissions + Clock),
    place: &Place,
    incident: &Incident,
    routes: &[String],
    until: Timestamp,
) -> Answer<Vec<Ruling>> {
    let facts = &incident.facts;
    let caller = incident.caller.as_deref().or(facts.principal.as_deref());
    let (Some(caller), Some(action)) = (caller.and_then(caller_of), access::action_of(facts)) else {
        return not_asked();
    };
    let needed = access::needed(incident.model.as_ref(), place, facts.resource.as_deref(), routes);
    let is_own = Arn::parse(&caller).is_some_and(|arn| arn.account == place.account.as_str());
    if needed.is_empty() || caller.ends_with(":root") {
        return not_asked();
    }
    if !is_own {
        // Both accounts' policies decide, and only one can be asked.
        let open = |needed: Needed| Ruling {
            resource: needed.arn,
            verdict: PolicyVerdict::Undetermined,
            layer: None,
            missing_context: Vec::new(),
        };
        return Ok(needed.into_iter().map(open).collect());
    }
    ask(world, until, world.simulate(place, &caller, action, &needed)).await
}

async fn limits(
    world: &(impl Quotas + Clock),
    place: &Place,
    model: &ModelId,
    cause: Cause,
    until: Timestamp,
) -> Vec<LimitEvidence> {
    let wanted: &[Limit] = match cause {
        Cause::RequestsPerMinute => &[Limit::RequestsPerMinute],
        Cause::TokensPerMinute => &[Limit::TokensPerMinute],
        Cause::TokensPerDay => &[Limit::TokensPerDay],
        Cause::NearQuota => &WATCHED,
        _ => &[Limit::TokensPerMinute, Limit::RequestsPerMinute],
    };
    let built_in: Vec<_> =
        wanted.iter().map(|l| (*l, find(Catalog::built_in(), model, *l, Variant::Standard))).collect();
    // A model newer than the catalogue: the account's own listing may know it.
    let known = built_in.iter().any(|(_, f)| f.verdict == Verdict::Matched);
    let listing = ask_if(!known, world, until, world.listing(place)).await;
    let found = match listing {
        Ok(catalog) => {
            wanted.iter().map(|l| (*l, find(&catalog, model, *l, Variant::Standard))).collect::<Vec<_>>()
        }
        Err(_) => built_in,
    };
    join_all(found.into_iter().map(|(l, found)| limit(world, place, l, found, until))).await
}

async fn limit(
    world: &(impl Quotas + Clock),
    place: &Place,
    limit: Limit,
    found: Found,
    until: Timestamp,
) -> LimitEvidence {
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
        ask(world, until, world.applied(place, &code)),
        ask(world, until, world.default_value(place, &code)),
        ask(world, until, world.history(place, &code)),
    );
    let applied = match applied {
        Err(PortError::Missing) => default.clone(),
        other => other,
    };
    LimitEvidence { limit, found, applied, default, history }
}

/// Leaves out of `sharing` what was not called, and keeps what the incident is about.
fn narrow(sharing: &mut Vec<ModelId>, about: &[Option<&ModelId>], used: &[ModelId]) {
    sharing.retain(|id| about.contains(&Some(id)) || used.contains(id));
}

async fn usage<W: Telemetry + Models + Clock>(
    world: &W,
    place: &Place,
    model: &ModelId,
    incident: &Incident,
    now: Timestamp,
    until: Timestamp,
) -> Answer<Usage> {
    let sharing = if incident.is_ahead() {
        // Nobody waits, and other application profiles of the model fill the quota as well.
        watch::sharing(&watch::used(world, place, until).await?, model)
    } else {
        let mut sharing = model.sharing_a_quota();
        // What was called here is counted here, whatever is known of its part of the world.
        sharing.retain(|id| id == model || id.may_be_called_from(&place.region));
        // CloudWatch counts an application profile's calls under the profile's own id.
        let profile = incident.model.as_ref().filter(|m| m.kind() == ModelKind::ApplicationProfile);
        sharing.extend(profile.cloned());
        if sharing.len() > MANY
            // What was not called has no metrics. Where that cannot be read, all are asked about.
            && let Ok(used) = ask(world, until, world.used(place)).await
        {
            narrow(&mut sharing, &[Some(model), incident.model.as_ref()], &used);
        }
        sharing
    };
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
    let since = first.saturating_sub(BEFORE_FIRST).unwrap_or(first);
    Ok(Usage::of(&series, burndown(model), since, now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_ids_those_in_use_are_read_and_always_the_one_that_was_called() {
        let id = |text: &str| ModelId::parse(text).unwrap();
        let (called, profile) = (id("us.amazon.nova-lite-v1:0"), id("a1b2c3d4e5f6"));
        let mut sharing = called.sharing_a_quota();
        sharing.push(profile.clone());
        assert!(sharing.len() > MANY);
        let used = [id("eu.amazon.nova-lite-v1:0"), id("us.amazon.nova-pro-v1:0")];
        narrow(&mut sharing, &[Some(&called), Some(&profile)], &used);
        assert_eq!(sharing, [called, used[0].clone(), profile]);
    }
}
