//! Gathers what a plan needs, concurrently. A failed call is recorded as a value of the evidence.

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};

use crate::diagnosis::{Category, Cause};
use crate::error::{Gathered, ServiceResult};
use crate::evidence::{Evidence, LimitEvidence, QuotaEvidence, Successor, since};
use crate::ids::{AccountRegion, QuotaService, Region};
use crate::incident::Incident;
use crate::model::access::Availability;
use crate::model::lifecycle::successor;
use crate::model::{ModelId, ModelKind};
use crate::ports::{Clock, Ledger, Models, Permissions, Quotas, Telemetry, Topic, ask};
use crate::quota::{Catalog, Limit, Quota, QuotaMatch, Variant, Verdict, find};
use crate::run::gather_permission::{is_of_own_policies, rulings};
use crate::run::gather_quota::values;
use crate::run::gather_room::{Throttled, room};
use crate::run::{forecast, gather_feature};
use crate::time::Window;
use crate::usage::headroom::{FORECAST_LIMITS, MANTLE_LIMITS};
use crate::usage::{Endpoint, Period, Usage, burndown};

/// How far back usage is read. Only the last [`BY_THE_MINUTE`] is read by the minute.
pub(crate) const LOOK_BACK: SignedDuration = SignedDuration::from_hours(14 * 24);

pub(crate) const BY_THE_MINUTE: SignedDuration = SignedDuration::from_hours(24);

/// If at most this many ids may share a quota, all are read at once. In a Region of unknown geography, the ids of
/// every geography may share it, and two weeks of their metrics take more CloudWatch pages than there is time for.
pub(crate) const MANY: usize = 6;

/// Gathers the evidence for `incident`. Calls without an answer at `until` count as failed.
pub async fn gather<W>(world: &W, incident: &Incident, now: Timestamp, until: Timestamp) -> Evidence
where
    W: Quotas + Telemetry + Models + Permissions + Ledger + Topic + Clock,
{
    Box::pin(gather_for(world, incident, Purpose::Look, now, until)).await
}

/// What evidence is gathered for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The first notice of an incident, which says where a throttled application finds room: in every Region, or only in
    /// the incident's own.
    FirstNotice {
        /// Whether other Regions may be asked.
        in_all_regions: bool,
    },
    /// Anything later, or many incidents at once.
    Look,
}

/// Gathers the evidence for `incident`, as far as `purpose` needs it.
pub(crate) async fn gather_for<W>(
    world: &W,
    incident: &Incident,
    purpose: Purpose,
    now: Timestamp,
    until: Timestamp,
) -> Evidence
where
    W: Quotas + Telemetry + Models + Permissions + Ledger + Topic + Clock,
{
    let mut evidence = Evidence::none(incident.model.clone(), now);
    let Some(place) = incident.place() else { return evidence };
    let called = incident.model.clone();
    // The models of a profile tell which model is meant, and in which Regions.
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
    match (incident.cause.category(), model) {
        (Category::Quota, _) if !incident.facts.quotas.is_empty() => {
            Box::pin(gather_feature::gather(world, &place, incident, &mut evidence, until)).await;
        }
        (Category::Quota, Some(model)) if incident.cause.is_rate() => {
            of_quotas(world, &place, &model, incident, purpose, &mut evidence, until).await;
        }
        (Category::ModelAccess, Some(model)) => {
            of_access(world, &place, &model, incident, &mut evidence, until).await;
        }
        (Category::ModelId, Some(model)) => of_id(world, &place, &model, &mut evidence, until).await,
        (Category::Permission, _) if is_permission => {
            evidence.rulings = rulings(world, &place, incident, &evidence.profile, until).await;
        }
        _ => {}
    }
    evidence
}

/// Gathers the quotas that an error may be about, and the use that counts against them.
async fn of_quotas<W>(
    world: &W,
    place: &AccountRegion,
    model: &ModelId,
    incident: &Incident,
    purpose: Purpose,
    evidence: &mut Evidence,
    until: Timestamp,
) where
    W: Quotas + Telemetry + Models + Ledger + Topic + Clock,
{
    let now = evidence.now;
    let may_ask = !incident.is_forecast() && incident.facts.many.is_none();
    let full = match (purpose, wanted(incident).first()) {
        (Purpose::FirstNotice { in_all_regions }, Some(limit)) if may_ask => {
            Some(Throttled { endpoint: endpoint_of(incident), limit: *limit, in_all_regions })
        }
        _ => None,
    };
    ((evidence.limits, evidence.listing), evidence.usage, evidence.listeners, evidence.room) = tokio::join!(
        limits(world, place, model, wanted(incident), incident.facts.variant, until),
        gathered(world, until, usage(world, place, model, incident, now, until)),
        gathered(world, until, world.subscribers()),
        async {
            match full {
                Some(full) => room(world, place, model, full, now, until).await,
                None => Vec::new(),
            }
        },
    );
    // Calls through other application profiles count as well. Look for them if the use found so far does not fill the
    // quota.
    if !incident.is_forecast() && endpoint_of(incident) == Endpoint::Runtime && !evidence.is_filled() {
        evidence.usage = match std::mem::take(&mut evidence.usage) {
            Gathered::Read(usage) => {
                let all = usage_of_all(world, place, model, incident, usage, now, until);
                gathered(world, until, all).await
            }
            other => other,
        };
    }
    // Measured use decides which limit is full, whatever the error says.
    if let Some(other) = other_limit(incident).filter(|_| evidence.is_far_below()) {
        let (others, _) = limits(world, place, model, &[other], incident.facts.variant, until).await;
        let usage = evidence.usage.read();
        let is_near = |l: &LimitEvidence| usage.is_some_and(|usage| l.is_far_below(usage) == Some(false));
        evidence.limits.extend(others.into_iter().filter(is_near));
    }
}

/// Gathers which step of access to the model is missing.
async fn of_access<W>(
    world: &W,
    place: &AccountRegion,
    model: &ModelId,
    incident: &Incident,
    evidence: &mut Evidence,
    until: Timestamp,
) where
    W: Telemetry + Models + Clock,
{
    let is_legacy = incident.cause == Cause::LegacyModel;
    // Asked together with the model's state, which tells whether the answer matters.
    let may_lack_agreement = matches!(incident.cause, Cause::NotGranted | Cause::Marketplace);
    let usage = usage(world, place, model, incident, evidence.now, until);
    (evidence.model_state, evidence.offers, evidence.lives, evidence.usage) = tokio::join!(
        gathered(world, until, world.model_state(place, model)),
        gather_if(may_lack_agreement, world, until, world.agreement_offers(place, model)),
        gather_if(is_legacy, world, until, world.lives(place)),
        gather_if(incident.is_forecast(), world, until, usage),
    );
    if let Some(newest) = evidence.lives.read().and_then(|lives| successor(model, lives, evidence.now)) {
        let state = gathered(world, until, world.model_state(place, newest)).await;
        evidence.successor = Some(Successor { model: newest.clone(), state });
    }
    let state = evidence.model_state.read().and_then(Option::as_ref);
    if state.is_none_or(|s| s.agreement == Availability::Available) {
        evidence.offers = Gathered::NotAsked;
    }
    let is_known_absent = matches!(&evidence.model_state, Gathered::Read(None))
        || state.is_some_and(|s| s.region != Availability::Available || s.life == Ok(None));
    if is_known_absent {
        evidence.offered = gathered(world, until, world.offered(place)).await;
    }
}

/// Gathers under which ids Bedrock offers the model, here and elsewhere.
async fn of_id(
    world: &(impl Models + Clock),
    place: &AccountRegion,
    model: &ModelId,
    evidence: &mut Evidence,
    until: Timestamp,
) {
    (evidence.model_state, evidence.offered) = tokio::join!(
        gathered(world, until, world.model_state(place, model)),
        gathered(world, until, world.offered(place)),
    );
    let is_here = |offered: &Vec<ModelId>| offered.iter().any(|o| o.base() == model.base());
    if evidence.offered.read().is_some_and(|offered| !is_here(offered)) {
        evidence.elsewhere = elsewhere(world, place, until).await;
    }
}

pub(crate) async fn gathered<T>(
    world: &impl Clock,
    until: Timestamp,
    call: impl Future<Output = ServiceResult<T>>,
) -> Gathered<T> {
    ask(world, until, call).await.into()
}

pub(crate) async fn gather_if<T>(
    is_asked: bool,
    world: &impl Clock,
    until: Timestamp,
    call: impl Future<Output = ServiceResult<T>>,
) -> Gathered<T> {
    if is_asked { gathered(world, until, call).await } else { Gathered::NotAsked }
}

/// Regions where most models are offered first, for each partition.
pub(crate) const WELL_STOCKED: &[&str] =
    &["us-east-1", "us-west-2", "eu-central-1", "ap-northeast-1", "us-gov-west-1", "us-gov-east-1"];

/// At most this many other Regions are asked.
pub(crate) const MOST_REGIONS: usize = 3;

pub(crate) async fn elsewhere(
    world: &(impl Models + Clock),
    place: &AccountRegion,
    until: Timestamp,
) -> Vec<(Region, ServiceResult<Vec<ModelId>>)> {
    let regions = WELL_STOCKED.iter().filter_map(|r| Region::parse(r));
    let others = regions.filter(|r| *r != place.region && r.partition() == place.region.partition());
    let asked = others.take(MOST_REGIONS).map(async |region| {
        let there = AccountRegion { account: place.account.clone(), region };
        let offered = ask(world, until, world.offered(&there)).await;
        (there.region, offered)
    });
    join_all(asked).await
}

/// The endpoint whose quotas and metrics `incident` is about.
pub(crate) fn endpoint_of(incident: &Incident) -> Endpoint {
    if incident.facts.variant == Some(Variant::Mantle) { Endpoint::Mantle } else { Endpoint::Runtime }
}

/// The limits that an error like `incident` can mean. The bedrock-mantle endpoint counts input and output tokens apart,
/// and no requests: <https://docs.aws.amazon.com/bedrock/latest/userguide/quotas-mantle.html>.
pub(crate) fn wanted(incident: &Incident) -> &'static [Limit] {
    match (endpoint_of(incident), incident.cause) {
        (_, Cause::TokensPerDay) => &[Limit::TokensPerDay],
        (Endpoint::Mantle, _) => &MANTLE_LIMITS,
        (Endpoint::Runtime, Cause::RequestsPerMinute) => &[Limit::RequestsPerMinute],
        (Endpoint::Runtime, Cause::TokensPerMinute) => &[Limit::TokensPerMinute],
        (Endpoint::Runtime, Cause::NearQuota) => &FORECAST_LIMITS,
        (Endpoint::Runtime, _) => &[Limit::TokensPerMinute, Limit::RequestsPerMinute],
    }
}

/// The other limit per minute, if the cause of `incident` names one.
pub(crate) fn other_limit(incident: &Incident) -> Option<Limit> {
    match (endpoint_of(incident), incident.cause) {
        (Endpoint::Runtime, Cause::RequestsPerMinute) => Some(Limit::TokensPerMinute),
        (Endpoint::Runtime, Cause::TokensPerMinute) => Some(Limit::RequestsPerMinute),
        _ => None,
    }
}

/// A limit, its quota, and the quotas of other ways of calling.
type Candidate = (Limit, QuotaMatch, Vec<(Variant, Quota)>);

/// The evidence on each quota of `wanted`, and whether the account's quota listing could be read, if needed.
pub(crate) async fn limits(
    world: &(impl Quotas + Ledger + Clock),
    place: &AccountRegion,
    model: &ModelId,
    wanted: &[Limit],
    variant: Option<Variant>,
    until: Timestamp,
) -> (Vec<LimitEvidence>, Gathered<()>) {
    let among = |catalog: &Catalog| -> Vec<Candidate> {
        let of = |limit: &Limit| {
            let found = find(catalog, model, *limit, variant.map_or(Variant::Standard, Variant::counted_as));
            (*limit, found, rivals(catalog, model, *limit, variant))
        };
        wanted.iter().map(of).collect()
    };
    let built_in = among(Catalog::built_in());
    // The account's own listing may have a model that is newer than the built-in catalogue.
    let known = built_in.iter().any(|(_, f, _)| f.verdict == Verdict::Matched);
    let listing = gather_if(!known, world, until, world.listing(place, QuotaService::Bedrock)).await;
    let found = listing.read().map_or(built_in, among);
    let asked = found.into_iter().map(async |(of, found, rivals)| LimitEvidence {
        rivals,
        ..limit(world, place, of, found, until).await
    });
    (join_all(asked).await, listing.map(|_| ()))
}

/// The quotas of other ways of calling that count the same limit, if nothing says which way was called.
fn rivals(
    catalog: &Catalog,
    model: &ModelId,
    limit: Limit,
    variant: Option<Variant>,
) -> Vec<(Variant, Quota)> {
    if variant.is_some() {
        return Vec::new();
    }
    let others = [Variant::LongContext, Variant::LatencyOptimized];
    others.into_iter().filter_map(|other| Some((other, find(catalog, model, limit, other).quota?))).collect()
}

pub(crate) async fn limit(
    world: &(impl Quotas + Ledger + Clock),
    place: &AccountRegion,
    limit: Limit,
    found: QuotaMatch,
    until: Timestamp,
) -> LimitEvidence {
    let QuotaEvidence { found, applied, default, history, record } = values(world, place, found, until).await;
    LimitEvidence { limit, found, applied, default, history, record, rivals: Vec::new() }
}

/// Removes ids that were not called from `sharing`, except those the incident is about.
pub(crate) fn narrow(sharing: &mut Vec<ModelId>, about: &[Option<&ModelId>], used: &[ModelId]) {
    sharing.retain(|id| about.contains(&Some(id)) || used.contains(id));
}

/// `usage` plus all other calls that count against the quota, including those through application profiles.
pub(crate) async fn usage_of_all<W: Telemetry + Models + Clock>(
    world: &W,
    place: &AccountRegion,
    model: &ModelId,
    incident: &Incident,
    usage: Usage,
    now: Timestamp,
    until: Timestamp,
) -> ServiceResult<Usage> {
    let (used, unread) = forecast::used(world, place, endpoint_of(incident), until).await?;
    let all = forecast::sharing(&used, model);
    let is_other =
        |id: &ModelId| id.kind() == ModelKind::ApplicationProfile && incident.model.as_ref() != Some(id);
    if !all.iter().any(is_other) {
        // A profile that could not be resolved may be of this model.
        return unread.into_iter().next().map_or(Ok(usage), Err);
    }
    measured(world, place, model, &all, incident, now).await
}

pub(crate) async fn usage<W: Telemetry + Models + Clock>(
    world: &W,
    place: &AccountRegion,
    model: &ModelId,
    incident: &Incident,
    now: Timestamp,
    until: Timestamp,
) -> ServiceResult<Usage> {
    let sharing = if endpoint_of(incident) == Endpoint::Mantle {
        // The endpoint's metrics and quotas name no scope.
        ModelId::parse(model.base()).into_iter().collect()
    } else if incident.is_forecast() {
        // There is no hurry, and other application profiles of the model also use the quota. If one could not be
        // resolved, the sum is not known.
        let (used, unread) = forecast::used(world, place, endpoint_of(incident), until).await?;
        if let Some(error) = unread.into_iter().next() {
            return Err(error);
        }
        forecast::sharing(&used, model)
    } else {
        let mut sharing = model.sharing_a_quota();
        // Calls made here are counted here, even if the Region's geography is not known.
        sharing.retain(|id| id == model || id.may_be_called_from(&place.region));
        // CloudWatch counts an application profile's calls under the profile's own id.
        let profile = incident.model.as_ref().filter(|m| m.kind() == ModelKind::ApplicationProfile);
        sharing.extend(profile.cloned());
        if sharing.len() > MANY
            // An id that was not called has no metrics. If the called ids cannot be read, all are measured.
            && let Ok(used) = ask(world, until, world.used(place, Endpoint::Runtime)).await
        {
            narrow(&mut sharing, &[Some(model), incident.model.as_ref()], &used);
        }
        sharing
    };
    measured(world, place, model, &sharing, incident, now).await
}

/// CloudWatch's measurements of `sharing`, which count against one quota.
pub(crate) async fn measured<W: Telemetry>(
    world: &W,
    place: &AccountRegion,
    model: &ModelId,
    sharing: &[ModelId],
    incident: &Incident,
    now: Timestamp,
) -> ServiceResult<Usage> {
    let before = |wait| now.saturating_sub(wait).unwrap_or(now);
    // Both windows meet at a multiple of five minutes, so that nothing is counted twice.
    let meet = before(BY_THE_MINUTE);
    let meet = Timestamp::from_second(meet.as_second().div_euclid(300) * 300).unwrap_or(meet);
    let (fine, coarse) = (Window { from: meet, to: now }, Window { from: before(LOOK_BACK), to: meet });
    let endpoint = endpoint_of(incident);
    let (fine, coarse) = tokio::join!(
        world.usage(place, endpoint, sharing, fine, Period::Minute),
        world.usage(place, endpoint, sharing, coarse, Period::FiveMinutes),
    );
    let mut series = fine?;
    series.extend(coarse?);
    Ok(match endpoint {
        Endpoint::Runtime => Usage::of(&series, burndown(model), since(incident, now), now),
        Endpoint::Mantle => Usage::of_mantle(&series, since(incident, now), now),
    })
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
