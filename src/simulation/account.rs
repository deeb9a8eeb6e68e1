//! The account of a life: its models, quotas and guard rails, and what goes wrong in it.

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};

use crate::config::{Config, Mode};
use crate::ids::{AccountId, QuotaCode, Region};
use crate::model::ModelId;
use crate::model::access::Availability;
use crate::model::lifecycle::Lifecycle;
use crate::sandbox::{Days, LastMinutes, MinuteEntry, ModelEntry, QuotaEntry, UsageEntry, WorldFile};
use crate::simulation::course::{Course, Rail, Scene};
use crate::simulation::models::{self, TrueModel, Unit};
use crate::simulation::problem::{ACCOUNT, Problem, REGIONS};
use crate::simulation::step::choose;
use crate::simulation::truth::{TrueQuota, TrueUse, Truth};
use crate::simulation::{features, hazards};
use crate::time::after;
use crate::usage::Minute;

/// Where a life takes place.
#[derive(Debug)]
pub struct Account {
    /// The guard rails.
    pub config: Config,
    /// What can go wrong.
    pub problems: Vec<Problem>,
    /// When the life begins.
    pub start: Timestamp,
    pub(super) world: WorldFile,
    /// What is true of it at the beginning.
    pub(super) truth: Truth,
    /// Models for which no increase may be filed.
    pub(super) forbidden: Vec<String>,
    /// The same guard rails in `observe` mode, as deployed by an operator who wants nothing filed for a while.
    pub(super) observing: Config,
    /// AWS raises a quota to at most this multiple of its original value.
    pub(super) ceiling: f64,
}

impl Account {
    /// The account of `seed`.
    pub fn of(seed: u64) -> Self {
        // A different stream of random numbers than the script's.
        let mut rng = Rng::with_seed(!seed);
        let start = Timestamp::from_second(1_790_000_000 + i64::from(rng.u32(0..86_400))).unwrap_or_default();
        let (course, scene) = (Course::of(seed), Scene::of(seed));
        let models = match (scene, course) {
            (Scene::Mantle, _) => models::on_mantle(&mut rng),
            (Scene::Features, _) => Vec::new(),
            (Scene::All, _) => [models::on_mantle(&mut rng), models::any(&mut rng)].concat(),
            (Scene::Runtime, Course::Broad | Course::Crowd | Course::Attack) => models::any(&mut rng),
            (Scene::Runtime, _) => models::raised(&mut rng),
        };
        let full = if rng.u8(0..3) == 0 { Unit::Requests } else { Unit::Tokens };
        let problems = hazards::of(course, scene, &mut rng, &models, full);
        let mut config = match course {
            Course::Broad | Course::Crowd => of_chance(&mut rng),
            _ => Config {
                quota_cool_down: SignedDuration::from_hours(choose(&mut rng, &[72, 72, 24, 120])),
                ..Config::default()
            },
        };
        let mut listed = Vec::new();
        if scene.has_features() {
            listed = features::quotas(&mut rng);
            config.other_quotas = choose(&mut rng, &SWITCH);
            config.agent_core = choose(&mut rng, &SWITCH);
        }
        let mut account = Self::with(&models, full, problems, config, start);
        account.list(&listed);
        account.ceiling = choose(&mut rng, &[1.0, 1.3, 1e3, 1e3]);
        if course == Course::Broad {
            account.of_chance(&mut rng, &models);
        }
        if let Course::Rail(rail) = course {
            account.hold_to(rail);
        }
        account.observing = Config { mode: Mode::Observe, ..account.config.clone() };
        account
    }

    /// An account that uses every model in every Region, near a quota and throttled.
    pub(super) fn with(
        models: &[&'static TrueModel],
        full: Unit,
        problems: Vec<Problem>,
        config: Config,
        start: Timestamp,
    ) -> Self {
        let regions: Vec<Region> = REGIONS.iter().filter_map(|r| Region::parse(r)).collect();
        let world = WorldFile {
            account: AccountId::parse(ACCOUNT),
            // The forecast covers the Region that the function runs in.
            region: regions.first().cloned(),
            ..WorldFile::default()
        };
        let (observing, truth) = (config.clone(), Truth::default());
        let mut account =
            Self { config, problems, start, world, truth, forbidden: Vec::new(), observing, ceiling: 1e3 };
        for model in models {
            account.use_in(&regions, model, model.full(full));
        }
        account.divide_quotas(&regions, models);
        account
    }

    /// Uses `model` in each of `regions`, so that its quota of `full` is nearly full, and adds its quotas.
    fn use_in(&mut self, regions: &[Region], model: &'static TrueModel, full: Unit) {
        let Self { start, world, truth, .. } = self;
        let Some((usage, quotas)) = model.in_use(full) else { return };
        for region in regions {
            let is_it = |u: &UsageEntry| {
                u.region == *region && u.model_id == model.id && u.of_mantle == model.is_on_mantle()
            };
            let Some(last) = usage.last.filter(|_| !world.usage.iter().any(is_it)) else { continue };
            let first_use = Some(after(*start, HISTORY));
            let mut before = Minute::NONE;
            before.add(&Minute { throttles: 0.0, ..last.each }, USUAL);
            let days = Some(Days { days: 14, first: before, last: before, until: Some(*start) });
            let shown = usage.last.map(|last| LastMinutes { each: model.shown(last.each), ..last });
            let entry = UsageEntry { region: region.clone(), first_use, last: shown, days, ..usage.clone() };
            for quota in &quotas {
                if !world.quotas.iter().any(|q| q.code == quota.code) {
                    world.quotas.push(quota.clone());
                }
            }
            let since = after(*start, SignedDuration::from_hours(-2));
            truth.uses.push(TrueUse {
                model,
                region: region.clone(),
                full,
                minute: last.each,
                began: entry.first_use.unwrap_or(*start),
                phases: vec![(since, Some(last.each))],
                is_sudden: false,
            });
            world.usage.push(entry);
        }
    }

    /// Makes each quota one of each Region: an increase in one Region does not apply to another.
    fn divide_quotas(&mut self, regions: &[Region], models: &[&'static TrueModel]) {
        // Request quotas are adjustable here.
        let of = |region: &Region, quota: &QuotaEntry| {
            let mut raised = models.iter().filter(|m| m.is_raised());
            let is_raised = raised.any(|m| m.unit(&quota.code).is_some());
            QuotaEntry { region: Some(region.clone()), adjustable: Some(is_raised), ..quota.clone() }
        };
        let quotas = std::mem::take(&mut self.world.quotas);
        self.add(quotas.iter().flat_map(|q| regions.iter().map(move |r| of(r, q))).collect());
    }

    /// Lists quotas that are not of model inference, in each Region.
    fn list(&mut self, quotas: &[QuotaEntry]) {
        let regions = REGIONS.iter().filter_map(|r| Region::parse(r));
        let of = |region: Region| {
            quotas.iter().map(move |q| QuotaEntry { region: Some(region.clone()), ..q.clone() })
        };
        self.add(regions.flat_map(of).collect());
        let named = self.problems.iter().filter_map(|p| Some((p.place()?, p.feature()?.quota()?)));
        for key in named.collect::<Vec<_>>() {
            if !self.truth.features.contains(&key) {
                self.truth.features.push(key);
            }
        }
    }

    /// Adds quotas of one Region each to the world and to the truth.
    fn add(&mut self, quotas: Vec<QuotaEntry>) {
        for quota in &quotas {
            let (Some(region), Some(default)) = (quota.region.clone(), quota.default) else { continue };
            let known = TrueQuota {
                default,
                is_adjustable: quota.adjustable == Some(true),
                values: vec![(Timestamp::MIN, default)],
                given: Vec::new(),
            };
            self.truth.quotas.insert((region, quota.code.clone()), known);
        }
        self.world.quotas.extend(quotas);
    }

    /// Random additions to a broad life.
    fn of_chance(&mut self, rng: &mut Rng, models: &[&'static TrueModel]) {
        for n in 0..self.truth.uses.len() {
            if rng.u8(0..4) == 0 {
                // Near its quota, and not throttled yet.
                self.use_first(n, |minute| (minute.throttles, minute.client_errors) = (0.0, 0.0));
            }
        }
        let Some(model) = models.first().filter(|_| rng.u8(0..4) == 0) else { return };
        if let Some(id) = ModelId::parse(model.id) {
            self.world.availability.push(ending(&id));
        }
    }

    /// Changes the use at the beginning.
    fn use_first(&mut self, n: usize, change: impl Fn(&mut Minute)) {
        let last = self.world.usage.get_mut(n).and_then(|u| u.last.as_mut());
        if let Some(last) = last {
            change(&mut last.each);
        }
        let first = self.truth.uses.get_mut(n).and_then(|u| u.phases.first_mut());
        first.into_iter().filter_map(|(_, minute)| minute.as_mut()).for_each(change);
    }

    /// Sets one guard rail so that it matters to the first model.
    fn hold_to(&mut self, rail: Rail) {
        let config = &mut self.config;
        let ids: Vec<String> = self.truth.uses.iter().map(|u| u.model.id.to_owned()).collect();
        let first = ids.first().cloned().unwrap_or_default();
        let full = self.truth.uses.first().map_or(Unit::Tokens, |u| u.full);
        let value = |unit: Unit, truth: &Truth| {
            let used = truth.uses.first()?;
            truth.value(&used.region, &used.model.code(unit)?)
        };
        let ceiling = |unit: Unit, times: f64, truth: &Truth| value(unit, truth).map(|v| (v * times).floor());
        match rail {
            Rail::Ceiling => {
                // A tight ceiling for the quota that is full, a far one for the other.
                let (tokens, requests) = if full == Unit::Requests { (90.0, 1.3) } else { (1.3, 90.0) };
                let counted = if full == Unit::Requests { Unit::Tokens } else { full };
                config.max_tokens_per_minute = ceiling(counted, tokens, &self.truth);
                config.max_requests_per_minute = ceiling(Unit::Requests, requests, &self.truth);
            }
            Rail::Step => config.max_step_factor = 1.2,
            Rail::Denied | Rail::Allowed if ids.is_empty() => {}
            Rail::Denied => {
                let vars = |name: &str| (name == "DENIED_MODELS").then(|| first.clone());
                config.denied_models = Config::from_vars(vars).map(|c| c.denied_models).unwrap_or_default();
                self.forbidden.push(first);
            }
            Rail::Allowed => {
                let other = ids.iter().find(|id| **id != first).cloned().unwrap_or_default();
                let vars = |name: &str| (name == "ALLOWED_MODELS").then(|| other.clone());
                config.allowed_models = Config::from_vars(vars).map(|c| c.allowed_models).unwrap_or_default();
                self.forbidden.extend(ids.iter().filter(|id| **id != other).cloned());
            }
            Rail::History => {
                let first_use = after(self.start, SignedDuration::from_hours(-20));
                for entry in &mut self.world.usage {
                    (entry.first_use, entry.days) = (Some(first_use), None);
                }
                for used in &mut self.truth.uses {
                    used.began = first_use;
                }
            }
            Rail::Sudden => {
                let each = Minute { invocations: 1.0, input_tokens: 100.0, ..Minute::NONE };
                for entry in &mut self.world.usage {
                    let minutes =
                        (0..10).map(|n| SignedDuration::from_hours(-48) + SignedDuration::from_mins(n));
                    let at = minutes.map(|wait| MinuteEntry { at: after(self.start, wait), values: each });
                    entry.series.extend(at);
                    entry.days = None;
                }
                for used in &mut self.truth.uses {
                    used.is_sudden = true;
                }
            }
            Rail::Day => config.max_increases_per_day = 1,
            Rail::NoneADay => config.max_increases_per_day = 0,
            Rail::Observe => config.mode = Mode::Observe,
            Rail::Listeners | Rail::Root | Rail::ForgedRoot | Rail::Refused | Rail::Before | Rail::Vain => {}
        }
    }

    /// The code of the quota that the `n`th use fills. After the uses come the quotas that are not of model inference.
    pub(super) fn code(&self, n: usize) -> Option<(Region, QuotaCode)> {
        let Truth { uses, features, .. } = &self.truth;
        match uses.get(n) {
            Some(of) => Some((of.region.clone(), of.code()?)),
            None => features.get(n - uses.len()).cloned(),
        }
    }

    /// How many quotas [`Self::code`] knows.
    pub(super) fn codes(&self) -> usize {
        self.truth.uses.len() + self.truth.features.len()
    }
}

/// The operator's switch of quotas that are not of model inference.
const SWITCH: [Mode; 3] = [Mode::Request, Mode::Request, Mode::Observe];
/// A model's use on each day before a life, as a share of its use at the beginning.
const USUAL: f64 = 0.7;
/// How long a model has been in use when a life begins.
const HISTORY: SignedDuration = SignedDuration::from_hours(-60 * 24);

/// A legacy model.
fn ending(model: &ModelId) -> ModelEntry {
    ModelEntry {
        region: None,
        model_id: model.base().to_owned(),
        lifecycle: Lifecycle::Legacy,
        agreement: Availability::Available,
        authorized: None,
        region_availability: Availability::Available,
        form_submitted: None,
        offers: 1,
        launched: None,
        legacy_from: None,
        extended_from: None,
        ends: None,
    }
}

/// Random guard rails.
fn of_chance(rng: &mut Rng) -> Config {
    let rare = |rng: &mut Rng| rng.u8(0..10) == 0;
    Config {
        mode: if rare(rng) { Mode::Observe } else { Mode::Request },
        max_increases_per_day: if rare(rng) { 0 } else { rng.u32(1..4) },
        digest_above: rng.u32(1..6),
        headroom_mode: choose(rng, &[Mode::Observe, Mode::Observe, Mode::Request]),
        max_tokens_per_minute: (rng.u8(0..4) == 0).then_some(3e6),
        max_requests_per_minute: (rng.u8(0..4) == 0).then_some(1200.0),
        max_step_factor: choose(rng, &[2.0, 2.0, 1.5, 3.0]),
        ..Config::default()
    }
}
