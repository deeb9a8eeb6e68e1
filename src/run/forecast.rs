//! The daily forecast for one Region: quotas that are nearly full, and models in use that will end.
//!
//! Invariant: A forecast only observes. Its findings are ordinary incidents and go through the same stages.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};

use crate::callers::{Callers, RecentCallers};
use crate::diagnosis::Cause;
use crate::error::{ServiceError, ServiceResult};
use crate::event::signal::Call;
use crate::ids::{AccountRegion, QuotaCode, QuotaService};
use crate::incident::{Incident, Symptom, fold};
use crate::model::{ModelId, ModelKind};
use crate::ports::{Clock, Models, Services, Telemetry, ask};
use crate::quota::{Catalog, Limit, Quota, Variant, find};
use crate::run::context::RunContext;
use crate::time::{Window, after};
use crate::usage::headroom::{FORECAST_LIMITS, FROM, MANTLE_LIMITS, QuotaUse, lead};
use crate::usage::{Endpoint, Period, Series, Usage, Weights, burndown};

/// Interval between forecasts.
const EVERY: SignedDuration = SignedDuration::from_hours(24);
/// A forecast that fails or dies is repeated after this time.
const AGAIN: SignedDuration = SignedDuration::from_hours(1);
/// A member's account and Region has forecasts for so long after its last error or alarm.
const HEARD: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Total time for all questions of a forecast.
const PATIENCE: SignedDuration = SignedDuration::from_secs(20);
pub(crate) const DAY: SignedDuration = SignedDuration::from_hours(24);
/// How far back growth is read.
const LOOK_BACK: SignedDuration = SignedDuration::from_hours(14 * 24);
/// How many of the latest calls are read to find the callers of models that end.
const CALLS: usize = 200;
/// At most this many application inference profiles are resolved.
const PROFILES: usize = 20;

/// The results of a forecast.
#[derive(Debug, Default)]
pub struct ForecastReport {
    /// How many model ids were called in the last two weeks.
    pub models: usize,
    /// Every quota that these calls count against, the fullest first.
    pub quotas: Vec<QuotaUse>,
    /// Models in use that have ended or will.
    pub ending: Vec<ModelId>,
    /// Calls that failed.
    pub failed: Vec<ServiceError>,
}

/// The errors of a forecast: its own, or those of its calls.
pub fn unread(made: &ServiceResult<ForecastReport>) -> &[ServiceError] {
    made.as_ref().map_or_else(std::slice::from_ref, |made| made.failed.as_slice())
}

/// A forecast, and the incidents that it found.
pub(crate) struct Forecast {
    pub(crate) place: AccountRegion,
    /// The due time in the ledger while this forecast runs.
    pub(crate) again: Timestamp,
    pub(crate) watched: ForecastReport,
    pub(crate) incidents: Vec<Incident>,
}

/// Makes the forecast of `place`, if it is due. `None` if it is not due. An error means that the ledger or the list of
/// models in use could not be read.
pub(crate) async fn watch<W: Services>(
    world: &W,
    terms: &RunContext<'_>,
    place: AccountRegion,
) -> ServiceResult<Option<Forecast>> {
    let now = world.now();
    let again = after(now, AGAIN);
    if terms.config.headroom_threshold <= 0.0 || !world.watch(&place, now, again).await? {
        return Ok(None);
    }
    let until = after(now, PATIENCE).min(terms.allowance.until);
    let (runtime, mantle) = tokio::join!(
        used(world, &place, Endpoint::Runtime, until),
        used(world, &place, Endpoint::Mantle, until),
    );
    let (runtime, unread) = runtime?;
    let mut found = Forecast { place, again, watched: ForecastReport::default(), incidents: Vec::new() };
    found.watched.failed = unread;
    let (mantle, unread) = mantle.unwrap_or_else(|error| (Vec::new(), vec![error]));
    found.watched.failed.extend(unread);
    found.watched.models = runtime.len() + mantle.len();
    for (endpoint, used) in [(Endpoint::Runtime, runtime), (Endpoint::Mantle, mantle)] {
        if !used.is_empty() {
            found.look(world, endpoint, &used, terms.config.headroom_threshold, now, until).await;
        }
    }
    Ok(Some(found))
}

/// The members' accounts and Regions that have sent errors or alarms lately; none without an organization.
pub async fn members<W: Services>(world: &W, terms: &RunContext<'_>) -> ServiceResult<Vec<AccountRegion>> {
    if terms.home.organization.is_none() {
        return Ok(Vec::new());
    }
    let now = world.now();
    let mut places = world.places(now.saturating_sub(HEARD).unwrap_or(now)).await?;
    places.retain(|place| terms.home.is_of_member(Some(&place.account)));
    Ok(places)
}

impl Forecast {
    /// Finds quotas that will be full before AWS has decided a request, although the last day is below `threshold`.
    /// Returns the most used id of each. Reads two weeks of every quota that is near enough.
    async fn filling_up<'a, W: Services>(
        &mut self,
        world: &W,
        shared: &[Shared<'a, '_>],
        threshold: f64,
        now: Timestamp,
        until: Timestamp,
    ) -> Vec<&'a ModelId> {
        let place = &self.place;
        let before = |time| now.saturating_sub(time).unwrap_or(now);
        let (window, earlier) = (before(LOOK_BACK), Window { from: before(LOOK_BACK), to: before(DAY) });
        let is_candidate = |one: &&Shared<'_, '_>| {
            let of_it = self.watched.quotas.iter().find(|near| near.quota.code == one.quota.code);
            of_it.is_some_and(|near| (threshold * FROM..threshold).contains(&near.share()))
        };
        let asked = shared.iter().filter(is_candidate).map(async |one| {
            let members: Vec<ModelId> = one.members.iter().map(|(used, _)| used.called.clone()).collect();
            let (series, record) = tokio::join!(
                ask(world, until, world.usage(place, one.endpoint, &members, earlier, Period::FiveMinutes)),
                ask(world, until, world.quota(place, &one.quota.code)),
            );
            let earlier = series?;
            let series: Vec<&Series> = one.members.iter().map(|(_, day)| *day).chain(&earlier).collect();
            let usage = one.added_up(&series, window, now);
            let lead = lead(&record?);
            let near = one.near(&usage).filter(|near| near.is_due(threshold, lead, now));
            ServiceResult::Ok(near.and_then(|_| one.busiest()))
        });
        let answers = join_all(asked).await;
        let mut models = Vec::new();
        for answer in answers {
            match answer {
                Ok(model) => models.extend(model),
                Err(error) => self.watched.failed.push(error),
            }
        }
        models
    }

    /// Reads one day of everything that is used.
    async fn look<W: Services>(
        &mut self,
        world: &W,
        endpoint: Endpoint,
        used: &[Used],
        threshold: f64,
        now: Timestamp,
        until: Timestamp,
    ) {
        let place = &self.place.clone();
        let called: Vec<ModelId> = used.iter().map(|u| u.called.clone()).collect();
        let window = Window { from: now.saturating_sub(DAY).unwrap_or(now), to: now };
        let (series, listing, lives) = tokio::join!(
            ask(world, until, world.usage(place, endpoint, &called, window, Period::Minute)),
            ask(world, until, world.listing(place, QuotaService::Bedrock)),
            ask(world, until, world.lives(place)),
        );
        let measured: Vec<(&Used, &Series)> = used.iter().zip(series.iter().flatten()).collect();
        if let Ok(listing) = &listing {
            let shared = by_quota(listing, endpoint, &measured);
            let mut models = nearly_full(&shared, threshold, window, &mut self.watched.quotas);
            models.extend(self.filling_up(world, &shared, threshold, now, until).await);
            models.sort_by_key(|model| measured.iter().position(|(used, _)| used.called == **model));
            models.dedup();
            let full =
                models.iter().filter_map(|model| incident(place, endpoint, model, Cause::NearQuota, now));
            self.incidents.extend(full);
        }
        if let Ok(lives) = &lives {
            let ends =
                |m: &ModelId| lives.iter().any(|(l, life)| l.base() == m.base() && life.is_ending(now));
            let ending = measured
                .iter()
                .filter(|(used, series)| series.first_use.is_some() && used.model.as_ref().is_some_and(ends));
            let ending: Vec<ModelId> = ending.map(|(used, _)| used.called.clone()).collect();
            self.report_ending(world, endpoint, ending, window, until).await;
        }
        let failed = [series.err(), listing.err(), lives.err()];
        self.watched.failed.extend(failed.into_iter().flatten());
    }

    /// Records the models in use that end, with who calls them.
    async fn report_ending<W: Services>(
        &mut self,
        world: &W,
        endpoint: Endpoint,
        ending: Vec<ModelId>,
        window: Window,
        until: Timestamp,
    ) {
        let (place, now) = (&self.place.clone(), window.to);
        if !ending.is_empty() {
            // Callers are optional: the notice is sent without them, and the failure is recorded.
            let recorded = ask(world, until, world.recorded(place, window, CALLS)).await;
            let calls = recorded.map_or_else(
                |error| {
                    self.watched.failed.push(error);
                    Vec::new()
                },
                |recorded| recorded.calls,
            );
            let found = ending.iter().filter_map(|model| {
                let mut found = incident(place, endpoint, model, Cause::LegacyModel, now)?;
                found.callers = RecentCallers::of(Some(now), callers_of(model, &calls));
                Some(found)
            });
            self.incidents.extend(found);
        }
        self.watched.ending.extend(ending);
    }
}

/// Sets the time of the next forecast, once the findings of this one are in the ledger.
pub(crate) async fn done<W: Services>(world: &W, watch: &Forecast) -> ServiceResult<()> {
    if watch.watched.failed.is_empty() {
        world.watch(&watch.place, watch.again, after(watch.again, EVERY.saturating_sub(AGAIN))).await?;
    }
    Ok(())
}

/// A called id, as CloudWatch counts it, and the model behind it.
#[derive(Clone, Debug)]
pub(crate) struct Used {
    pub(crate) called: ModelId,
    /// `None` for an application inference profile that could not be resolved.
    pub(crate) model: Option<ModelId>,
}

/// The ids that are called in `place` on `endpoint`, with application inference profiles resolved, and the errors of those
/// that could not be resolved.
pub(crate) async fn used<W: Telemetry + Models + Clock>(
    world: &W,
    place: &AccountRegion,
    endpoint: Endpoint,
    until: Timestamp,
) -> ServiceResult<(Vec<Used>, Vec<ServiceError>)> {
    let called = ask(world, until, world.used(place, endpoint)).await?;
    let is_profile = |id: &&ModelId| id.kind() == ModelKind::ApplicationProfile;
    let profiles: Vec<&ModelId> = called.iter().filter(is_profile).take(PROFILES).collect();
    let asked = profiles.iter().map(|profile| ask(world, until, world.profile_models(place, profile)));
    let mut routes: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut unread = Vec::new();
    for (answer, profile) in join_all(asked).await.into_iter().zip(&profiles) {
        match answer {
            Ok(Some(arns)) => {
                routes.insert(profile.as_str(), arns);
            }
            // The profile was deleted after it was called.
            Ok(None) => {}
            Err(error) => unread.push(error),
        }
    }
    let resolve = |id: &ModelId| match id.kind() {
        ModelKind::ApplicationProfile => {
            routes.get(id.as_str()).and_then(|routes| ModelId::behind_profile(routes, &place.region))
        }
        _ => Some(id.clone()),
    };
    Ok((called.iter().map(|id| Used { called: id.clone(), model: resolve(id) }).collect(), unread))
}

/// Those of `used` whose calls count against the same quotas as `model`'s.
pub(crate) fn sharing(used: &[Used], model: &ModelId) -> Vec<ModelId> {
    let family = model.sharing_a_quota();
    let same = used.iter().filter(|u| u.model.as_ref().is_some_and(|m| family.contains(m)));
    same.map(|u| u.called.clone()).collect()
}

/// All ids that count against one quota.
pub(crate) struct Shared<'a, 's> {
    pub(crate) endpoint: Endpoint,
    quota: Quota,
    limit: Limit,
    /// The model behind the first of them.
    pub(crate) model: &'a ModelId,
    pub(crate) members: Vec<(&'a Used, &'s Series)>,
}

impl<'a> Shared<'a, '_> {
    /// The id with the most admitted calls.
    fn busiest(&self) -> Option<&'a ModelId> {
        let calls = |series: &Series| series.points.iter().map(|(_, m)| m.invocations).sum::<f64>();
        let busiest = self.members.iter().max_by(|(_, a), (_, b)| calls(a).total_cmp(&calls(b)));
        busiest.map(|(used, _)| &used.called)
    }

    /// The use of all members together in `window`.
    pub(crate) fn usage(&self, window: Window) -> Usage {
        let series: Vec<&Series> = self.members.iter().map(|(_, series)| *series).collect();
        self.added_up(&series, window.from, window.to)
    }

    /// How the endpoint's quotas count tokens for `limit`.
    pub(crate) fn weights(&self, limit: Limit) -> Weights {
        match (self.endpoint, limit) {
            (Endpoint::Runtime, _) => burndown(self.model).into(),
            (Endpoint::Mantle, Limit::OutputTokensPerMinute) => Weights::OUTPUT,
            (Endpoint::Mantle, _) => Weights::INPUT,
        }
    }

    /// The use of `series`, counted as the endpoint's quotas count it.
    pub(crate) fn added_up<S: Borrow<Series>>(
        &self,
        series: &[S],
        since: Timestamp,
        now: Timestamp,
    ) -> Usage {
        match self.endpoint {
            Endpoint::Runtime => Usage::of(series, burndown(self.model), since, now),
            Endpoint::Mantle => Usage::of_mantle(series, since, now),
        }
    }

    /// How near `usage` comes to the quota; `None` if the quota's value is 0 or not known.
    pub(crate) fn near(&self, usage: &Usage) -> Option<QuotaUse> {
        QuotaUse::of(&self.quota, self.limit, self.quota.value.unwrap_or_default(), usage)
    }
}

/// The most used id of each quota that reaches `threshold` in `window`. Adds every quota to `quotas`, the fullest
/// first.
fn nearly_full<'a>(
    shared: &[Shared<'a, '_>],
    threshold: f64,
    window: Window,
    quotas: &mut Vec<QuotaUse>,
) -> Vec<&'a ModelId> {
    let mut models = Vec::new();
    for one in shared {
        let usage = one.usage(window);
        let Some(near) = one.near(&usage) else { continue };
        // If calls are throttled already, the throttle's own incident covers it.
        let is_told = near.share() >= threshold && usage.recent_throttles <= 0.0;
        models.extend(one.busiest().filter(|_| is_told));
        quotas.push(near);
    }
    quotas.sort_by(|a: &QuotaUse, b: &QuotaUse| b.share().total_cmp(&a.share()));
    models
}

/// The quotas of `listing` that the measured ids count against.
pub(crate) fn by_quota<'a, 's>(
    listing: &Catalog,
    endpoint: Endpoint,
    measured: &[(&'a Used, &'s Series)],
) -> Vec<Shared<'a, 's>> {
    let (limits, variant) = match endpoint {
        Endpoint::Runtime => (&FORECAST_LIMITS[..], Variant::Standard),
        Endpoint::Mantle => (&MANTLE_LIMITS[..], Variant::Mantle),
    };
    let mut shared: BTreeMap<QuotaCode, Shared<'a, 's>> = BTreeMap::new();
    for (used, series) in measured {
        let Some(model) = &used.model else { continue };
        for limit in limits.iter().copied() {
            let Some(quota) = find(listing, model, limit, variant).quota else { continue };
            let one = shared.entry(quota.code.clone()).or_insert_with(|| Shared {
                endpoint,
                quota,
                limit,
                model,
                members: Vec::new(),
            });
            one.members.push((used, series));
        }
    }
    shared.into_values().collect()
}

/// The callers of `model` among `calls`.
fn callers_of(model: &ModelId, calls: &[Call]) -> Callers {
    let mut callers = Callers::default();
    for call in calls.iter().filter(|call| call.model.as_ref() == Some(model)) {
        callers.see(call.caller.as_deref(), &call.origin, call.at, 0);
    }
    callers
}

fn incident(
    place: &AccountRegion,
    endpoint: Endpoint,
    model: &ModelId,
    cause: Cause,
    now: Timestamp,
) -> Option<Incident> {
    let mut ahead = Symptom::ahead(place, model, cause, now);
    ahead.diagnosis.facts.variant = (endpoint == Endpoint::Mantle).then_some(Variant::Mantle);
    fold([ahead]).pop()
}
