//! The account of a life: its models, quotas and guard rails, and what goes wrong in it.

use std::collections::BTreeMap;
use std::sync::Mutex;

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};

use crate::config::{Config, Mode};
use crate::diagnosis::Cause;
use crate::ids::{AccountId, QuotaCode, Region};
use crate::model::ModelId;
use crate::model::access::Availability;
use crate::model::lifecycle::Lifecycle;
use crate::sandbox::{Days, MinuteEntry, ModelEntry, QuotaEntry, UsageEntry, WorldFile};
use crate::simulation::course::{Course, Rail};
use crate::simulation::hazards;
use crate::simulation::problem::{ACCOUNT, Problem, REGIONS};
use crate::simulation::step::choose;
use crate::simulation::truth::{TrueModel, TrueQuota, TrueUse, Truth, Unit};
use crate::time::after;
use crate::usage::Minute;

/// Models of every kind, with AWS's quota codes: with a quota shared across geographies, global, on demand without an
/// adjustable quota, and one that no catalogue has.
static MODELS: [TrueModel; 8] = [
    TrueModel {
        id: "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        tokens: Some("L-F4DDD3EB"),
        requests: Some("L-4A6BFAB1"),
    },
    TrueModel {
        id: "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
        tokens: Some("L-27C57EE8"),
        requests: Some("L-DB84CE56"),
    },
    TrueModel { id: "us.amazon.nova-pro-v1:0", tokens: Some("L-C0326783"), requests: Some("L-ED46B8C5") },
    TrueModel {
        id: "us.anthropic.claude-haiku-4-5-20251001-v1:0",
        tokens: Some("L-58BE175A"),
        requests: Some("L-CCA5DF70"),
    },
    TrueModel {
        id: "us.meta.llama3-3-70b-instruct-v1:0",
        tokens: Some("L-0E7AA8B7"),
        requests: Some("L-DEDE703C"),
    },
    TrueModel {
        id: "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
        tokens: Some("L-F4DDD3EB"),
        requests: Some("L-4A6BFAB1"),
    },
    TrueModel { id: "amazon.nova-lite-v1:0", tokens: Some("L-70423BF8"), requests: Some("L-E386A278") },
    TrueModel { id: "us.example.model-of-tomorrow-v1:0", tokens: None, requests: None },
];
/// How many of [`MODELS`], from the first, have quotas that can be increased.
const RAISED: usize = 5;

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
        let course = Course::of(seed);
        let models: Vec<&'static TrueModel> = match course {
            Course::Broad | Course::Crowd | Course::Attack => {
                (0..rng.usize(1..=4)).filter_map(|_| MODELS.get(rng.usize(0..MODELS.len()))).collect()
            }
            _ => {
                (0..RAISED).cycle().skip(rng.usize(0..RAISED)).take(2).filter_map(|n| MODELS.get(n)).collect()
            }
        };
        let full = if rng.u8(0..3) == 0 { Unit::Requests } else { Unit::Tokens };
        let problems = hazards::of(course, &mut rng, &models, full);
        let config = match course {
            Course::Broad | Course::Crowd => of_chance(&mut rng),
            _ => Config {
                quota_cool_down: SignedDuration::from_hours(choose(&mut rng, &[72, 72, 24, 120])),
                ..Config::default()
            },
        };
        let mut account = Self::with(&models, full, problems, config, start);
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
    fn with(
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
            account.use_in(&regions, model, full);
        }
        account.divide_quotas(&regions, models);
        account
    }

    /// Uses `model` in each of `regions`, so that its quota of `full` is nearly full, and adds its quotas.
    fn use_in(&mut self, regions: &[Region], model: &'static TrueModel, full: Unit) {
        let Self { start, world, truth, .. } = self;
        let Some((usage, quotas)) = in_use(model, full) else { return };
        for region in regions {
            let is_it = |u: &UsageEntry| u.region == *region && u.model_id == model.id;
            let Some(last) = usage.last.filter(|_| !world.usage.iter().any(is_it)) else { continue };
            let first_use = Some(after(*start, HISTORY));
            let mut before = Minute::NONE;
            before.add(&Minute { throttles: 0.0, ..last.each }, USUAL);
            let days = Some(Days { days: 14, first: before, last: before, until: Some(*start) });
            let entry = UsageEntry { region: region.clone(), first_use, days, ..usage.clone() };
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
        let Self { world, truth, .. } = self;
        // Request quotas are adjustable here.
        let of = |region: &Region, quota: &QuotaEntry| {
            let is_cross_region = |m: &&&TrueModel| m.id.starts_with("us.") || m.id.starts_with("global.");
            let mut raised = models.iter().filter(is_cross_region);
            let is_raised = raised.any(|m| m.unit(&quota.code).is_some());
            QuotaEntry { region: Some(region.clone()), adjustable: Some(is_raised), ..quota.clone() }
        };
        world.quotas = world.quotas.iter().flat_map(|q| regions.iter().map(move |r| of(r, q))).collect();
        for quota in &world.quotas {
            let (Some(region), Some(default)) = (quota.region.clone(), quota.default) else { continue };
            let known = TrueQuota {
                default,
                is_adjustable: quota.adjustable == Some(true),
                values: vec![(Timestamp::MIN, default)],
                given: Vec::new(),
            };
            truth.quotas.insert((region, quota.code.clone()), known);
        }
    }

    /// Random additions to a broad life.
    fn of_chance(&mut self, rng: &mut Rng, models: &[&'static TrueModel]) {
        for n in 0..self.truth.uses.len() {
            if rng.u8(0..4) == 0 {
                // Near its quota, and not throttled yet.
                self.use_first(n, |minute| minute.throttles = 0.0);
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
        let Some(first) = ids.first().cloned() else { return };
        let full = self.truth.uses.first().map_or(Unit::Tokens, |u| u.full);
        let value = |unit: Unit, truth: &Truth| {
            let used = truth.uses.first()?;
            truth.value(&used.region, &used.model.code(unit)?)
        };
        let ceiling = |unit: Unit, times: f64, truth: &Truth| value(unit, truth).map(|v| (v * times).floor());
        match rail {
            Rail::Ceiling => {
                // A tight ceiling for the quota that is full, a far one for the other.
                let (tokens, requests) = if full == Unit::Tokens { (1.3, 90.0) } else { (90.0, 1.3) };
                config.max_tokens_per_minute = ceiling(Unit::Tokens, tokens, &self.truth);
                config.max_requests_per_minute = ceiling(Unit::Requests, requests, &self.truth);
            }
            Rail::Step => config.max_step_factor = 1.2,
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

    /// The code of the quota that the `n`th use fills.
    pub(super) fn code(&self, n: usize) -> Option<(Region, QuotaCode)> {
        let used = self.truth.uses.get(n)?;
        Some((used.region.clone(), used.code()?))
    }
}

/// A model's use on each day before a life, as a share of its use at the beginning.
const USUAL: f64 = 0.7;
/// How long a model has been in use when a life begins.
const HISTORY: SignedDuration = SignedDuration::from_hours(-60 * 24);

/// The use of a model that fills its quota of `full`, and the quotas that its calls count against. It is the same in
/// every Region, and computed once. `None` if the id is not a model's.
fn in_use(model: &'static TrueModel, full: Unit) -> Option<(UsageEntry, Vec<QuotaEntry>)> {
    type Known = BTreeMap<(&'static str, bool), (UsageEntry, Vec<QuotaEntry>)>;
    static KNOWN: Mutex<Known> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().ok()?;
    if let Some(found) = known.get(&(model.id, full == Unit::Requests)) {
        return Some(found.clone());
    }
    let cause = if full == Unit::Requests { Cause::RequestsPerMinute } else { Cause::TokensPerMinute };
    let mut world = WorldFile::default();
    world.use_up(&Region::parse(REGIONS.first()?)?, &ModelId::parse(model.id)?, cause, Timestamp::UNIX_EPOCH);
    let found = (world.usage.pop()?, world.quotas);
    known.insert((model.id, full == Unit::Requests), found.clone());
    Some(found)
}

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
