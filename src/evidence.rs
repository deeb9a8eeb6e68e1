//! Asks for everything that a plan needs, at once.
//!
//! Invariant: gathering never fails and never decides. What could not be read stands in the evidence as unread,
//! with the reason; it is never taken for something that does not exist.

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};

use crate::access::{self, Asked};
use crate::diagnosis::{Category, Cause};
use crate::headroom::WATCHED;
use crate::ids::{Arn, Place, Region, caller_of, is_root};
use crate::incident::Incident;
use crate::model::{ModelId, ModelKind};
use crate::quota::{Catalog, Found, Limit, Quota, Variant, Verdict, find};
use crate::quota_record::QuotaRecord;
use crate::strangers::Samples;
use crate::usage::{Period, Usage, burndown};
use crate::watch;
use crate::world::{
    Answer, Availability, Clock, Gathered, IncreaseRequest, Ledger, Life, LogKind, ModelState, Models,
    Needed, Permissions, PolicyVerdict, PortError, QuotaValue, Quotas, Ruling, Telemetry, Topic, UseCaseForm,
    Window, ask,
};

/// What is known of one quota that could be the one.
#[derive(Debug)]
pub struct LimitEvidence {
    /// What it limits.
    pub limit: Limit,
    /// The quota, or why there is none.
    pub found: Found,
    /// The applied value; the default where the account has none of its own. `None` where this account and
    /// Region have no such quota.
    pub applied: Gathered<Option<QuotaValue>>,
    /// AWS's default; `None` where this account and Region have no such quota.
    pub default: Gathered<Option<QuotaValue>>,
    /// Requests of the last 90 days, newest first.
    pub history: Gathered<Vec<IncreaseRequest>>,
    /// What the ledger remembers of it.
    pub record: Gathered<QuotaRecord>,
}

impl LimitEvidence {
    /// Whether `usage` is far below the quota; `None` where its value is not known.
    fn is_far_below(&self, usage: &Usage) -> Option<bool> {
        let applied = self.applied.read().copied().flatten()?;
        Some(usage.admitted(self.limit) < applied.value * FAR_BELOW)
    }
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
    /// Not in CloudTrail's event history: it holds no data events, and the bedrock-mantle endpoint's calls
    /// are data events.
    NotInTrail,
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
    /// The ledger could not be read for incidents that explain the alarm.
    LedgerUnread(PortError),
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
    /// The ARNs of the models that an inference profile stands for, where that matters; `None` where there is no
    /// such profile.
    pub profile: Gathered<Option<Vec<String>>>,
    /// Whether the account's own listing of quotas could be read, where the built-in catalogue lacks the model.
    pub listing: Gathered<()>,
    /// The quotas that could be meant; empty unless calls were throttled.
    pub limits: Vec<LimitEvidence>,
    /// Use of the quota by every model that shares it.
    pub usage: Gathered<Usage>,
    /// How many have confirmed that they want to be told, where a request may be filed.
    pub listeners: Gathered<u32>,
    /// Whether CloudTrail shows calls of the root user, where a request depends on it.
    pub root: Gathered<bool>,
    /// Who calls now and who called a week ago, as far as CloudTrail shows it, where a request depends on it.
    pub callers: Gathered<Samples>,
    /// Bedrock's own word on the model; `None` where it knows no such model.
    pub model_state: Gathered<Option<ModelState>>,
    /// The ids that can be called in the Region, where the one that was called cannot.
    pub offered: Gathered<Vec<ModelId>>,
    /// Every model of the Region with its life, where the one that is called ends.
    pub lives: Gathered<Vec<(ModelId, Life)>>,
    /// How many agreements the model's provider offers, where none is in force; `None` where Bedrock knows no
    /// such model.
    pub offers: Gathered<Option<usize>>,
    /// What other Regions offer, where this one has no such model.
    pub elsewhere: Vec<(Region, Answer<Vec<ModelId>>)>,
    /// What IAM's policy simulator says of everything the call needs, where a policy of the caller's own may
    /// be what is missing; `None` where the account has no such caller.
    pub rulings: Gathered<Option<Vec<Ruling>>>,
    /// Where the errors behind an alarm were looked for, of which only the metric was known.
    pub looked: Vec<Looked>,
    /// A look at the open incident that AWS has not answered for so long that people are told.
    pub overdue: Option<Overdue>,
}

/// What AWS has not answered for a day or longer.
#[derive(Clone, Debug, PartialEq)]
pub struct Overdue {
    /// What is not known because of it: the end of "it is not known …".
    pub question: String,
    /// The first look without an answer.
    pub since: Timestamp,
    /// Why the last looks were not answered.
    pub errors: Vec<PortError>,
}

impl Evidence {
    /// Evidence of which nothing was asked yet.
    pub(crate) fn none(model: Option<ModelId>, now: Timestamp) -> Self {
        Self {
            now,
            model,
            profile: Gathered::NotAsked,
            listing: Gathered::NotAsked,
            limits: Vec::new(),
            usage: Gathered::NotAsked,
            listeners: Gathered::NotAsked,
            root: Gathered::NotAsked,
            callers: Gathered::NotAsked,
            model_state: Gathered::NotAsked,
            offered: Gathered::NotAsked,
            lives: Gathered::NotAsked,
            offers: Gathered::NotAsked,
            elsewhere: Vec::new(),
            rulings: Gathered::NotAsked,
            looked: Vec::new(),
            overdue: None,
        }
    }

    /// Whether something about the quotas could not be read that may be readable a little later.
    pub fn is_missing_for_now(&self) -> bool {
        let of_callers = self.root.unread().into_iter().chain(self.callers.unread());
        self.unread_of_quotas().chain(of_callers).any(PortError::is_passing)
    }

    fn unread_of_quotas(&self) -> impl Iterator<Item = &PortError> {
        let limits = self
            .limits
            .iter()
            .flat_map(|l| [l.applied.unread(), l.default.unread(), l.history.unread(), l.record.unread()]);
        [self.profile.unread(), self.listing.unread(), self.usage.unread()]
            .into_iter()
            .chain(limits)
            .flatten()
    }

    /// Whether use is known to fill a quota.
    fn is_filled(&self) -> bool {
        let Some(usage) = self.usage.read() else { return false };
        let is_full = |l: &LimitEvidence| {
            let applied = l.applied.read().copied().flatten();
            applied.is_some_and(|applied| usage.admitted(l.limit) >= applied.value * FILLED)
        };
        self.limits.iter().any(is_full)
    }

    /// Whether use is known to be far below every quota of which something is known.
    pub(crate) fn is_far_below(&self) -> bool {
        let Some(usage) = self.usage.read() else { return false };
        !self.limits.is_empty() && self.limits.iter().all(|l| l.is_far_below(usage) == Some(true))
    }

    /// Whatever was asked about access and permission, and was not answered.
    pub(crate) fn unread_of_access(&self) -> Vec<&PortError> {
        let of_state = self.model_state.read().and_then(Option::as_ref).map(|state| {
            let form = if let UseCaseForm::Unread(error) = &state.form { Some(error) } else { None };
            [state.life.as_ref().err(), form]
        });
        let elsewhere = self.elsewhere.iter().map(|(_, offered)| offered.as_ref().err());
        let asked = [
            self.profile.unread(),
            self.model_state.unread(),
            self.offered.unread(),
            self.lives.unread(),
            self.offers.unread(),
            self.rulings.unread(),
        ];
        asked.into_iter().chain(of_state.into_iter().flatten()).chain(elsewhere).flatten().collect()
    }

    /// Whatever was asked and not answered.
    pub(crate) fn unread(&self) -> impl Iterator<Item = &PortError> {
        self.unread_of_quotas().chain(self.unread_of_access())
    }

    /// What Bedrock and IAM answered about access and permission.
    pub fn asked(&self) -> Asked<'_> {
        Asked {
            state: self.model_state.read().and_then(Option::as_ref),
            offers: self.offers.read().copied().flatten(),
            rulings: self.rulings.read().and_then(Option::as_deref).unwrap_or_default(),
        }
    }
}

/// How far back usage is read, and how much of it by the minute.
const LOOK_BACK: SignedDuration = SignedDuration::from_hours(14 * 24);
const BY_THE_MINUTE: SignedDuration = SignedDuration::from_hours(24);
/// CloudWatch's minutes begin before the first error that was reported to us.
const BEFORE_FIRST: SignedDuration = SignedDuration::from_mins(15);

/// From when on measurements are the incident's.
pub(crate) fn since(incident: &Incident, now: Timestamp) -> Timestamp {
    let first = incident.first_seen.unwrap_or(now).min(now);
    first.saturating_sub(BEFORE_FIRST).unwrap_or(first)
}

/// Where so many ids or fewer may share a quota, all are read at once. In a Region whose geography is not known
/// it is every geography's, and two weeks of them take more pages of CloudWatch than there is time.
const MANY: usize = 6;

/// Gathers what a plan for `incident` needs, as far as it is answered until then.
pub async fn gather<W>(world: &W, incident: &Incident, now: Timestamp, until: Timestamp) -> Evidence
where
    W: Quotas + Telemetry + Models + Permissions + Ledger + Topic + Clock,
{
    let mut evidence = Evidence::none(incident.model.clone(), now);
    let Some(place) = incident.place() else { return evidence };
    let called = incident.model.clone();
    // What a profile stands for tells which model is meant, and in which Regions.
    let is_permission = is_of_own_policies(incident.cause);
    let profile = called
        .as_ref()
        .filter(|m| m.kind() == ModelKind::ApplicationProfile || (is_permission && m.is_cross_region()));
    if let Some(profile) = profile {
        evidence.profile = ask(world, until, world.profile_models(&place, profile)).await.into();
        if profile.kind() == ModelKind::ApplicationProfile {
            let routes = evidence.profile.read().and_then(Option::as_deref);
            evidence.model = routes.and_then(|routes| ModelId::behind_profile(routes, &place.region));
        }
    }
    let model = evidence.model.clone();
    match incident.cause.category() {
        Category::Quota if incident.cause.is_rate() => {
            let Some(model) = model else { return evidence };
            ((evidence.limits, evidence.listing), evidence.usage, evidence.listeners) = tokio::join!(
                limits(world, &place, &model, wanted(incident.cause), until),
                gathered(world, until, usage(world, &place, &model, incident, now, until)),
                gathered(world, until, world.subscribers()),
            );
            // Calls through other application profiles count as well. They are looked for where what is known of does
            // not fill the quota.
            if !incident.is_ahead() && !evidence.is_filled() {
                evidence.usage = match evidence.usage {
                    Gathered::Read(usage) => {
                        gathered(
                            world,
                            until,
                            usage_of_all(world, &place, &model, incident, usage, now, until),
                        )
                        .await
                    }
                    other => other,
                };
            }
            // Use decides which limit is full, whatever the error named.
            if let Some(other) = other_limit(incident.cause).filter(|_| evidence.is_far_below()) {
                let (others, _) = limits(world, &place, &model, &[other], until).await;
                let usage = evidence.usage.read();
                let is_near =
                    |l: &LimitEvidence| usage.is_some_and(|usage| l.is_far_below(usage) == Some(false));
                evidence.limits.extend(others.into_iter().filter(is_near));
            }
        }
        Category::ModelAccess => {
            let Some(model) = model else { return evidence };
            let is_legacy = incident.cause == Cause::LegacyModel;
            // Asked at once with the state, which tells whether the answer matters.
            let may_lack_agreement = matches!(incident.cause, Cause::NotGranted | Cause::Marketplace);
            (evidence.model_state, evidence.offers, evidence.lives, evidence.usage) = tokio::join!(
                gathered(world, until, world.model_state(&place, &model)),
                gather_if(may_lack_agreement, world, until, world.agreement_offers(&place, &model)),
                gather_if(is_legacy, world, until, world.lives(&place)),
                gather_if(
                    incident.is_ahead(),
                    world,
                    until,
                    usage(world, &place, &model, incident, now, until)
                ),
            );
            let state = evidence.model_state.read().and_then(Option::as_ref);
            if state.is_none_or(|s| s.agreement == Availability::Available) {
                evidence.offers = Gathered::NotAsked;
            }
            let is_known_absent = matches!(&evidence.model_state, Gathered::Read(None))
                || state.is_some_and(|s| s.region != Availability::Available || s.life == Ok(None));
            if is_known_absent {
                evidence.offered = gathered(world, until, world.offered(&place)).await;
            }
        }
        Category::ModelId => {
            let Some(model) = model else { return evidence };
            (evidence.model_state, evidence.offered) = tokio::join!(
                gathered(world, until, world.model_state(&place, &model)),
                gathered(world, until, world.offered(&place)),
            );
            let is_here = |offered: &Vec<ModelId>| offered.iter().any(|o| o.base() == model.base());
            if evidence.offered.read().is_some_and(|offered| !is_here(offered)) {
                evidence.elsewhere = elsewhere(world, &place, until).await;
            }
        }
        Category::Permission if is_permission => {
            evidence.rulings = rulings(world, &place, incident, &evidence.profile, until).await;
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

async fn gathered<T>(
    world: &impl Clock,
    until: Timestamp,
    call: impl Future<Output = Answer<T>>,
) -> Gathered<T> {
    ask(world, until, call).await.into()
}

async fn gather_if<T>(
    is_asked: bool,
    world: &impl Clock,
    until: Timestamp,
    call: impl Future<Output = Answer<T>>,
) -> Gathered<T> {
    if is_asked { gathered(world, until, call).await } else { Gathered::NotAsked }
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

/// What IAM says of the caller, the action and every resource of the call, which `profile` routes to several
/// models if it is one.
async fn rulings(
    world: &(impl Permissions + Clock),
    place: &Place,
    incident: &Incident,
    profile: &Gathered<Option<Vec<String>>>,
    until: Timestamp,
) -> Gathered<Option<Vec<Ruling>>> {
    let facts = &incident.facts;
    let caller = incident.caller.as_deref().or(facts.principal.as_deref());
    let (Some(caller), Some(action)) = (caller.and_then(caller_of), access::action_of(facts)) else {
        return Gathered::NotAsked;
    };
    let routes = match profile {
        Gathered::NotAsked => &[][..],
        Gathered::Read(Some(routes)) => routes,
        // Without the profile's models only a part of what the call needs is known, and a verdict on a part
        // would read as one on the whole. The evidence says why the profile is not known.
        Gathered::Read(None) | Gathered::Unread(_) => return Gathered::NotAsked,
    };
    let needed = access::needed(incident.model.as_ref(), place, facts.resource.as_deref(), routes);
    let is_own = Arn::parse(&caller).is_some_and(|arn| arn.account == place.account.as_str());
    if needed.is_empty() || is_root(&caller) {
        return Gathered::NotAsked;
    }
    if !is_own {
        // Both accounts' policies decide, and only one can be asked.
        let open = |needed: Needed| Ruling {
            resource: needed.arn,
            verdict: PolicyVerdict::Undetermined,
            layer: None,
            missing_context: Vec::new(),
        };
        return Gathered::Read(Some(needed.into_iter().map(open).collect()));
    }
    gathered(world, until, world.simulate(place, &caller, action, &needed)).await
}

/// Admitted use below this share of a quota cannot be what filled it.
pub(crate) const FAR_BELOW: f64 = 0.5;

/// The limit that throttles is the one up to which calls are admitted: this part of it at least.
pub(crate) const FILLED: f64 = 0.9;

/// The limits that an error of `cause` can mean.
fn wanted(cause: Cause) -> &'static [Limit] {
    match cause {
        Cause::RequestsPerMinute => &[Limit::RequestsPerMinute],
        Cause::TokensPerMinute => &[Limit::TokensPerMinute],
        Cause::TokensPerDay => &[Limit::TokensPerDay],
        Cause::NearQuota => &WATCHED,
        _ => &[Limit::TokensPerMinute, Limit::RequestsPerMinute],
    }
}

/// The minute's other limit, where `cause` names one.
fn other_limit(cause: Cause) -> Option<Limit> {
    match cause {
        Cause::RequestsPerMinute => Some(Limit::TokensPerMinute),
        Cause::TokensPerMinute => Some(Limit::RequestsPerMinute),
        _ => None,
    }
}

/// What is known of each quota of `wanted`, and whether the account's listing could be read, if it had to be.
async fn limits(
    world: &(impl Quotas + Ledger + Clock),
    place: &Place,
    model: &ModelId,
    wanted: &[Limit],
    until: Timestamp,
) -> (Vec<LimitEvidence>, Gathered<()>) {
    let among = |catalog: &Catalog| -> Vec<(Limit, Found)> {
        wanted.iter().map(|l| (*l, find(catalog, model, *l, Variant::Standard))).collect()
    };
    let built_in = among(Catalog::built_in());
    // A model newer than the catalogue: the account's own listing may know it.
    let known = built_in.iter().any(|(_, f)| f.verdict == Verdict::Matched);
    let listing = gather_if(!known, world, until, world.listing(place)).await;
    let found = listing.read().map_or(built_in, among);
    let limits = join_all(found.into_iter().map(|(l, found)| limit(world, place, l, found, until))).await;
    (limits, listing.map(|_| ()))
}

async fn limit(
    world: &(impl Quotas + Ledger + Clock),
    place: &Place,
    limit: Limit,
    found: Found,
    until: Timestamp,
) -> LimitEvidence {
    let Some(Quota { code, .. }) = found.quota.clone() else {
        return LimitEvidence {
            limit,
            found,
            applied: Gathered::NotAsked,
            default: Gathered::NotAsked,
            history: Gathered::NotAsked,
            record: Gathered::NotAsked,
        };
    };
    let (applied, default, history, record) = tokio::join!(
        gathered(world, until, world.applied(place, &code)),
        gathered(world, until, world.default_value(place, &code)),
        gathered(world, until, world.history(place, &code)),
        gathered(world, until, world.quota(place, &code)),
    );
    let applied = match applied {
        Gathered::Read(None) => default.clone(),
        other => other,
    };
    LimitEvidence { limit, found, applied, default, history, record }
}

/// Leaves out of `sharing` what was not called, and keeps what the incident is about.
fn narrow(sharing: &mut Vec<ModelId>, about: &[Option<&ModelId>], used: &[ModelId]) {
    sharing.retain(|id| about.contains(&Some(id)) || used.contains(id));
}

/// The same `usage` with everything else that is called and counts against the quota, application profiles among it.
async fn usage_of_all<W: Telemetry + Models + Clock>(
    world: &W,
    place: &Place,
    model: &ModelId,
    incident: &Incident,
    usage: Usage,
    now: Timestamp,
    until: Timestamp,
) -> Answer<Usage> {
    let (used, unread) = watch::used(world, place, until).await?;
    let all = watch::sharing(&used, model);
    let is_other =
        |id: &ModelId| id.kind() == ModelKind::ApplicationProfile && incident.model.as_ref() != Some(id);
    if !all.iter().any(is_other) {
        // One that could not be resolved may be of this model.
        return unread.into_iter().next().map_or(Ok(usage), Err);
    }
    measured(world, place, model, &all, incident, now).await
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
        // Nobody waits, and other application profiles of the model fill the quota as well. Where one of them
        // could not be resolved, the sum is not known.
        let (used, unread) = watch::used(world, place, until).await?;
        if let Some(error) = unread.into_iter().next() {
            return Err(error);
        }
        watch::sharing(&used, model)
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
    measured(world, place, model, &sharing, incident, now).await
}

/// What CloudWatch measured of `sharing`, which count against one quota.
async fn measured<W: Telemetry>(
    world: &W,
    place: &Place,
    model: &ModelId,
    sharing: &[ModelId],
    incident: &Incident,
    now: Timestamp,
) -> Answer<Usage> {
    let before = |wait| now.saturating_sub(wait).unwrap_or(now);
    // Where the two meet, both periods begin anew, so that nothing is counted twice.
    let meet = before(BY_THE_MINUTE);
    let meet = Timestamp::from_second(meet.as_second().div_euclid(300) * 300).unwrap_or(meet);
    let (fine, coarse) = (Window { from: meet, to: now }, Window { from: before(LOOK_BACK), to: meet });
    let (fine, coarse) = tokio::join!(
        world.usage(place, sharing, fine, Period::Minute),
        world.usage(place, sharing, coarse, Period::FiveMinutes),
    );
    let mut series = fine?;
    series.extend(coarse?);
    Ok(Usage::of(&series, burndown(model), since(incident, now), now))
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
