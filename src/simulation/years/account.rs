//! The account of a year: its models, quotas and callers, AWS's decisions, and what goes wrong, by family and seed.

use fastrand::Rng;

use crate::ids::QuotaCode;
use crate::model::ModelId;
use crate::model::access::Availability;
use crate::model::lifecycle::Lifecycle;
use crate::sandbox::{ModelEntry, ProfileEntry};
use crate::simulation::step::choose;
use crate::simulation::years::abuse::{Abuse, AbuseCaller, AbusePlan};
use crate::simulation::years::demand::{DAY, Hours, Shape};
use crate::simulation::years::pool::{Manner, Pool, PoolQuota, Service, Strain};
use crate::simulation::years::setting::Family;

/// A model with the codes of its two quotas, as AWS lists them.
type ModelRow = (&'static str, &'static str, &'static str);
const MODELS: [ModelRow; 8] = [
    ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "L-F4DDD3EB", "L-4A6BFAB1"),
    ("us.amazon.nova-pro-v1:0", "L-C0326783", "L-ED46B8C5"),
    ("us.anthropic.claude-haiku-4-5-20251001-v1:0", "L-58BE175A", "L-CCA5DF70"),
    ("us.amazon.nova-lite-v1:0", "L-7C42E72A", "L-89F8391A"),
    ("us.meta.llama3-3-70b-instruct-v1:0", "L-0E7AA8B7", "L-DEDE703C"),
    ("us.amazon.nova-micro-v1:0", "L-DC7FF66C", "L-3F110E0F"),
    ("us.amazon.nova-premier-v1:0", "L-AA7FE948", "L-9AD981E7"),
    ("us.anthropic.claude-sonnet-4-20250514-v1:0", "L-59759B4A", "L-559DCC33"),
];
const ROLES: [&str; 5] = ["checkout", "search", "batch", "support", "assistant"];
/// Initial values of token quotas.
const TOKENS: [f64; 4] = [4e5, 1e6, 2e6, 5e6];
/// Days that an attack or a loop lasts if nobody ends it.
const ATTACKS: i64 = 120;
const LOOPS: i64 = 150;
/// The request quota as a multiple of the requests that the token quota is enough for.
const SLACK: [f64; 5] = [1.1, 2.0, 4.0, 0.9, 1.5];

/// Calls that fail for a reason other than a quota.
#[derive(Clone, Debug)]
pub(super) struct Trouble {
    /// The models that are called.
    pub(super) models: Vec<ModelId>,
    /// The index of the first of them among all measured ids.
    pub(super) meter: usize,
    /// Minutes of the year.
    pub(super) from: i64,
    pub(super) until: i64,
    /// Minutes between failed calls of each model.
    pub(super) every: i64,
    pub(super) code: &'static str,
    pub(super) message: &'static str,
    /// Whether a person of the account can take the step that ends it.
    pub(super) needs_person: bool,
    pub(super) is_server_error: bool,
    pub(super) who: AbuseCaller,
}

/// Where a year takes place.
#[derive(Clone, Debug, Default)]
pub(super) struct YearAccount {
    pub(super) quotas: Vec<PoolQuota>,
    pub(super) pools: Vec<Pool>,
    pub(super) troubles: Vec<Trouble>,
    pub(super) availability: Vec<ModelEntry>,
    pub(super) profiles: Vec<ProfileEntry>,
    /// Whether throttle alarms are set up, and whether CloudTrail's errors are forwarded.
    pub(super) has_alarms: bool,
    pub(super) has_errors: bool,
    /// Whether throttles name the limit.
    pub(super) names_limit: bool,
}

/// One of the account's own roles.
pub(super) fn role(name: &str) -> AbuseCaller {
    AbuseCaller {
        principal: format!(
            "arn:aws:sts::{}:assumed-role/{name}/i-0a1b2c3d",
            crate::simulation::years::setting::ACCOUNT
        ),
        address: "10.0.12.7".to_owned(),
        agent: "Boto3/1.42.0 md/Botocore#1.42.0 lang/python#3.13".to_owned(),
    }
}

/// A stranger to the account, with its own user or with a stolen role.
fn stranger(role: Option<&AbuseCaller>, is_alike: bool) -> AbuseCaller {
    let user = || format!("arn:aws:iam::{}:user/old-ci", crate::simulation::years::setting::ACCOUNT);
    AbuseCaller {
        principal: role.map_or_else(user, |who| who.principal.clone()),
        address: "203.0.113.77".to_owned(),
        agent: role.filter(|_| is_alike).map_or("python-requests/2.32.3".to_owned(), |who| who.agent.clone()),
    }
}

fn root() -> AbuseCaller {
    AbuseCaller {
        principal: crate::simulation::problem::root(),
        address: "203.0.113.9".to_owned(),
        agent: "aws-cli/2.28.0".to_owned(),
    }
}

impl YearAccount {
    /// The account of the `n`th year of `family`.
    pub(super) fn of(family: Family, seed: u64, n: u64) -> Self {
        let mut rng = Rng::with_seed(seed ^ (n << 8) ^ (family as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        rng = Rng::with_seed(rng.u64(..));
        let mut account = Self {
            has_alarms: n % 3 != 2,
            has_errors: n % 3 != 1,
            names_limit: n.is_multiple_of(2),
            ..Self::default()
        };
        match family {
            Family::Growth | Family::GrowthCloses | Family::GrowthCeiling => {
                account.grow(family, n, &mut rng);
            }
            Family::Seasons => account.seasons(&mut rng),
            Family::Loops => account.loops(n, &mut rng),
            Family::NoProblem => account.no_problem(n, &mut rng),
            Family::Attackers => account.attacked(n, &mut rng),
            Family::Noise => account.noise(n, &mut rng),
            Family::Odd => account.odd(n, &mut rng),
        }
        account
    }

    /// Adds a model with quotas, of which the busiest minute of the first days uses the share `used`.
    fn model(
        &mut self,
        nth: usize,
        used: f64,
        course: &[(f64, f64)],
        manner: Manner,
        rng: &mut Rng,
    ) -> usize {
        self.model_at(nth, used, course, manner, None, rng)
    }

    fn model_at(
        &mut self,
        nth: usize,
        used: f64,
        course: &[(f64, f64)],
        manner: Manner,
        hours: Option<Hours>,
        rng: &mut Rng,
    ) -> usize {
        let (id, tokens, requests) = MODELS.get(nth % MODELS.len()).copied().unwrap_or_default();
        let size = 500.0 + 4500.0 * rng.f64();
        let value = choose(rng, &TOKENS);
        let slack = choose(rng, &SLACK);
        // `used` is a share of the tighter limit.
        let takes = (value / size).min(value / size * slack);
        let hours = hours.unwrap_or_else(|| choose(rng, &[Hours::Office, Hours::Evening, Hours::Office]));
        let weekend = if hours == Hours::Office { 0.35 } else { 1.1 };
        let seed = rng.u64(..);
        let shape = Shape::new(takes * used, course, hours, weekend, seed);
        let callers = (0..rng.usize(1..=2)).map(|_| role(choose(rng, &ROLES))).collect();
        let (first, meter) = (self.quotas.len(), self.meters());
        for (code, is_tokens, value) in
            [(tokens, true, value), (requests, false, (value / size * slack).round())]
        {
            let Some(code) = QuotaCode::parse(code) else { continue };
            self.quotas.push(PoolQuota {
                code,
                is_tokens,
                default: value,
                applied: value,
                first: value,
                is_adjustable: true,
                manner,
                ceiling: f64::INFINITY,
            });
        }
        let service = ModelId::parse(id).map(|id| Service::new(id, meter, shape, size, callers, seed));
        self.pools.push(Pool {
            tokens: first,
            requests: first + 1,
            services: service.into_iter().collect(),
            strain: Strain::None,
        });
        self.pools.len() - 1
    }

    /// The number of measured ids so far.
    pub(super) fn meters(&self) -> usize {
        let services: usize = self.pools.iter().map(|pool| pool.services.len()).sum();
        services + self.troubles.iter().map(|trouble| trouble.models.len()).sum::<usize>()
    }

    fn abuse(&mut self, pool: usize, from: f64, plan: AbusePlan, who: AbuseCaller, is_loop: bool) {
        let service = self.pools.get_mut(pool).and_then(|pool| pool.services.first_mut());
        if let Some(service) = service {
            let from = (from * DAY as f64) as i64;
            let until = from + DAY * if is_loop { LOOPS } else { ATTACKS };
            service.abuse = Some(Abuse { plan, from, until, who, is_loop });
        }
    }

    fn caller(&self, pool: usize) -> Option<AbuseCaller> {
        self.pools.get(pool)?.services.first()?.callers.first().cloned()
    }

    /// Sets what else refuses the calls of a pool.
    fn strain(&mut self, pool: usize, strain: Strain) {
        if let Some(pool) = self.pools.get_mut(pool) {
            pool.strain = strain;
        }
    }

    /// Changes both quotas of a pool.
    fn quotas_of(&mut self, pool: usize, mut change: impl FnMut(&mut PoolQuota)) {
        let Some(pool) = self.pools.get(pool) else { return };
        for n in [pool.tokens, pool.requests] {
            self.quotas.get_mut(n).into_iter().for_each(&mut change);
        }
    }

    fn grow(&mut self, family: Family, n: u64, rng: &mut Rng) {
        let models = pick_nth(&[1, 2, 4, 8, 3, 5], n);
        let manner = match family {
            Family::GrowthCloses => Manner::Closes(0.6),
            Family::GrowthCeiling => Manner::Grants(1.5),
            _ => pick_nth(
                &[
                    Manner::Grants(0.02),
                    Manner::Grants(2.0),
                    Manner::Partly(3.0),
                    Manner::Grants(5.0),
                    Manner::Grants(14.0),
                    Manner::Closes(0.2),
                ],
                n,
            ),
        };
        for nth in 0..models {
            let a_month = 1.05 * f64::powf(1.6 / 1.05, rng.f64());
            // Growth ends.
            let days = (120.0 + 240.0 * rng.f64()).min(30.0 * f64::ln(40.0) / f64::ln(a_month));
            let course = [(-16.0, f64::powf(a_month, -0.5)), (days, f64::powf(a_month, days / 30.0))];
            let pool = self.model(nth, 0.2 + 0.5 * rng.f64(), &course, manner, rng);
            if family == Family::GrowthCeiling {
                let times = 1.4 + 2.6 * rng.f64();
                self.quotas_of(pool, |quota| quota.ceiling = (quota.default * times).round());
            }
        }
    }

    fn seasons(&mut self, rng: &mut Rng) {
        for nth in 0..rng.usize(1..=3) {
            let at = 30.0 + 220.0 * rng.f64();
            let times = 2.0 + 4.0 * rng.f64();
            let course = match rng.u8(0..3) {
                // A launch, part of which stays.
                0 => vec![(at, 1.0), (at + 0.5, times), (at + 20.0, times), (at + 35.0, 1.0 + times / 4.0)],
                // A season.
                1 => vec![(at, 1.0), (at + 10.0, times), (at + 25.0, times), (at + 32.0, 1.0)],
                // A decline after a little growth.
                _ => vec![(0.0, 1.0), (at, 1.6), (at + 40.0, 0.4)],
            };
            let manner = Manner::Grants(choose(rng, &[0.1, 1.0, 3.0]));
            self.model(nth, 0.3 + 0.2 * rng.f64(), &course, manner, rng);
        }
    }

    fn loops(&mut self, n: u64, rng: &mut Rng) {
        let manner = Manner::Grants(choose(rng, &[0.1, 1.0, 3.0]));
        let pool =
            self.model(usize::try_from(n).unwrap_or_default(), 0.2 + 0.2 * rng.f64(), &[], manner, rng);
        let from = 40.0 + 80.0 * rng.f64();
        let plan = match n % 6 {
            0 => AbusePlan::Follow(1.3),
            1 => AbusePlan::Follow(1.1),
            2 => AbusePlan::Storm { every: 17.0, hours: 3.0, times: 3.0 },
            3 => AbusePlan::Follow(2.0),
            4 => AbusePlan::Follow(1.6),
            _ => AbusePlan::Storm { every: 9.0, hours: 8.0, times: 1.5 },
        };
        if matches!(plan, AbusePlan::Storm { .. })
            && let Some(service) = self.pools.get_mut(pool).and_then(|pool| pool.services.first_mut())
        {
            service.attempts = 8.0;
        }
        let who = self.caller(pool).unwrap_or_else(|| role("batch"));
        self.abuse(pool, from, plan, who, true);
        self.model(usize::try_from(n + 1).unwrap_or_default(), 0.4, &[], manner, rng);
    }

    fn no_problem(&mut self, n: u64, rng: &mut Rng) {
        let manner = Manner::Grants(choose(rng, &[0.1, 2.0]));
        let used = |part: f64, times: f64| part * times;
        let part = 0.33 + 0.12 * rng.f64();
        let (used, course, strain) = match n % 6 {
            0 => (used(part, 1.2), vec![], Strain::Reserved(part)),
            1 => (used(part, 0.8), vec![(0.0, 1.0), (300.0, 1.6)], Strain::Reserved(part)),
            2 => (0.3, vec![], Strain::Bursts(0.06)),
            3 => (0.5, vec![], Strain::Capacity { every: 11.0, hours: 9.0, part: 0.25, is_throttle: true }),
            4 => (0.4, vec![], Strain::Capacity { every: 6.0, hours: 4.0, part: 0.15, is_throttle: false }),
            _ => (0.55, vec![(0.0, 1.0), (360.0, 1.15)], Strain::Bursts(0.12)),
        };
        let pool = self.model(usize::try_from(n).unwrap_or_default(), used, &course, manner, rng);
        // Only the token quota is near.
        let requests = self.pools.get(pool).map(|pool| pool.requests);
        if let Some(quota) = requests.and_then(|n| self.quotas.get_mut(n)) {
            quota.applied *= 3.0;
            (quota.first, quota.default) = (quota.applied, quota.applied);
        }
        self.strain(pool, strain);
    }

    fn attacked(&mut self, n: u64, rng: &mut Rng) {
        let manner = Manner::Grants(choose(rng, &[0.02, 0.5, 2.0]));
        let first = usize::try_from(n).unwrap_or_default();
        let from = 30.0 + 60.0 * rng.f64();
        let kind = n % 9;
        // A model that nobody uses, or only now and then.
        let pool = match kind {
            5 => self.model_at(first, 0.0, &[], manner, Some(Hours::Steady), rng),
            6 => {
                let pool = self.model_at(first, 0.0, &[], manner, Some(Hours::Steady), rng);
                let service = self.pools.get_mut(pool).and_then(|pool| pool.services.first_mut());
                if let Some(service) = service {
                    service.shape = Shape::new(0.3, &[], Hours::Steady, 1.0, service.seed);
                    service.scale = 1.0;
                }
                pool
            }
            _ => self.model(first, 0.25 + 0.3 * rng.f64(), &[(0.0, 1.0), (365.0, 1.1)], manner, rng),
        };
        let plan = match kind {
            0 => AbusePlan::Sudden(100.0),
            1 => AbusePlan::Ramp { first: 0.3, factor: 2.0, days: 7.0 },
            2 => AbusePlan::Ramp { first: 0.1, factor: 1.3, days: 1.0 },
            3 => AbusePlan::Steps { first: 0.2, factor: 7.0, days: 15.0 },
            4 => AbusePlan::Ramp { first: 0.3, factor: 1.5, days: 7.0 },
            5 | 6 => AbusePlan::Fill(1.2),
            7 => AbusePlan::Sudden(2.0),
            _ => AbusePlan::Steps { first: 0.2, factor: 4.5, days: 9.0 },
        };
        let own = self.caller(pool);
        let who = match kind {
            7 => root(),
            // The service's own role, used from elsewhere.
            1 | 3 | 4 | 6 => stranger(own.as_ref(), n.is_multiple_of(2)),
            _ => stranger(None, false),
        };
        self.abuse(pool, from, plan, who, false);
        self.model(first + 1, 0.4, &[(0.0, 1.0), (365.0, 1.2)], manner, rng);
    }

    fn trouble(
        &mut self,
        models: Vec<ModelId>,
        days: (f64, f64),
        every: i64,
        says: (&'static str, &'static str),
    ) {
        let meter = self.meters();
        let minute = |day: f64| (day * DAY as f64) as i64;
        self.troubles.push(Trouble {
            models,
            meter,
            from: minute(days.0),
            until: minute(days.1),
            every,
            code: says.0,
            message: says.1,
            needs_person: false,
            is_server_error: false,
            who: role("support"),
        });
    }

    fn noise(&mut self, n: u64, rng: &mut Rng) {
        const FORM: &str = "Model use case details have not been submitted for this account. Fill out the Anthropic use case details form before using the model.";
        const POLICY: &str = "User: arn:aws:sts::111122223333:assumed-role/support/i-0 is not authorized to perform: bedrock:InvokeModel with an explicit deny in a service control policy";
        const BUSY: &str = "Bedrock is unable to process your request.";
        const PAYMENT: &str = "Model access is denied due to INVALID_PAYMENT_INSTRUMENT: A valid payment instrument must be provided.";
        let manner = Manner::Grants(1.0);
        let at = 30.0 + 100.0 * rng.f64();
        let many = || (1..=200).filter_map(|n| ModelId::parse(&format!("example.model-{n}-v1:0"))).collect();
        let anthropic = [
            "anthropic.claude-haiku-4-5-20251001-v1:0",
            "anthropic.claude-sonnet-4-20250514-v1:0",
            "anthropic.claude-3-haiku-20240307-v1:0",
        ];
        match n % 6 {
            0 => {
                let models = anthropic.iter().filter_map(|id| ModelId::parse(id)).collect();
                self.trouble(models, (at, at + 120.0), 137, ("ResourceNotFoundException", FORM));
                self.availability = anthropic.iter().map(|id| without_form(id)).collect();
            }
            1 => {
                let pool = self.model(0, 0.3, &[], manner, rng);
                self.strain(pool, Strain::Odd { every: 1440, calls: 3.0 });
            }
            2 => self.trouble(many(), (at, at + 5.0), 47, ("AccessDeniedException", POLICY)),
            3 => self.trouble(many(), (at, at + 3.0), 60, ("ServiceUnavailableException", BUSY)),
            4 => {
                let models = anthropic.iter().take(1).filter_map(|id| ModelId::parse(id)).collect();
                self.trouble(models, (0.0, 366.0), 311, ("ServiceUnavailableException", BUSY));
                let models = anthropic.iter().skip(1).filter_map(|id| ModelId::parse(id)).collect();
                self.trouble(models, (at, at + 60.0), 131, ("AccessDeniedException", PAYMENT));
            }
            _ => {
                let pool = self.model(0, 0.3, &[], manner, rng);
                self.strain(pool, Strain::Odd { every: 1800, calls: 5.0 });
                let pool = self.model(1, 0.5, &[], manner, rng);
                self.strain(pool, Strain::Odd { every: 9 * 60, calls: 2.0 });
            }
        }
        for trouble in &mut self.troubles {
            trouble.is_server_error = trouble.code.starts_with("Service");
            trouble.needs_person = !trouble.is_server_error;
        }
        // Only the errors themselves show them.
        self.has_errors |= !self.troubles.is_empty();
    }

    fn odd(&mut self, n: u64, rng: &mut Rng) {
        let manner = Manner::Grants(choose(rng, &[0.5, 2.0]));
        let first = usize::try_from(n).unwrap_or_default();
        let month = f64::powf(1.12, 12.0);
        match n % 6 {
            0 | 3 => {
                let pool = self.model(first, 0.4, &[], manner, rng);
                self.quotas_of(pool, |quota| (quota.applied, quota.first) = (0.0, 0.0));
            }
            1 | 4 => {
                let course = if n % 6 == 4 { vec![(0.0, 1.0), (365.0, 4.0)] } else { vec![] };
                let pool = self.model(first, 0.4, &course, manner, rng);
                self.quotas_of(pool, |quota| {
                    quota.applied = (quota.default * 0.2).round();
                    quota.first = quota.applied;
                });
            }
            2 => {
                let pool = self.model(first, 0.5, &[(0.0, 1.0), (365.0, month)], manner, rng);
                self.quotas_of(pool, |quota| quota.is_adjustable = quota.is_tokens);
            }
            _ => self.shared(first, month, manner, rng),
        }
    }

    /// Three application profiles of one model, whose calls share its quotas.
    fn shared(&mut self, nth: usize, times: f64, manner: Manner, rng: &mut Rng) {
        let pool = self.model(nth, 0.15, &[(0.0, 1.0), (365.0, times)], manner, rng);
        let (id, ..) = MODELS.get(nth % MODELS.len()).copied().unwrap_or_default();
        let base = id.trim_start_matches("us.");
        for n in 0..3u32 {
            let short = format!("a1b2c3d4e5f{n}");
            let meter = self.meters();
            let Some(pool) = self.pools.get_mut(pool) else { return };
            let Some(first) = pool.services.first() else { return };
            let Some(id) = ModelId::parse(&short) else { return };
            let seed = rng.u64(..);
            let takes = first.scale / 0.15 * 0.2;
            let shape = Shape::new(
                takes,
                &[(0.0, 1.0), (365.0, times * (0.7 + 0.2 * f64::from(n)))],
                Hours::Office,
                0.3,
                seed,
            );
            let mut service =
                Service::new(id, meter, shape, first.size, vec![role(choose(rng, &ROLES))], seed);
            service.burndown = first.burndown;
            pool.services.push(service);
            let arn = |region: &str| format!("arn:aws:bedrock:{region}::foundation-model/{base}");
            self.profiles.push(ProfileEntry {
                id: short,
                models: ["us-east-1", "us-east-2", "us-west-2"].map(arn).to_vec(),
            });
        }
    }
}

/// A model whose provider's form is missing.
fn without_form(id: &str) -> ModelEntry {
    ModelEntry {
        region: None,
        model_id: id.to_owned(),
        lifecycle: Lifecycle::Active,
        agreement: Availability::NotAvailable,
        authorized: Some(false),
        region_availability: Availability::Available,
        form_submitted: Some(false),
        offers: 1,
        legacy_from: None,
        ends: None,
    }
}

/// The `n`th of `of`, wrapping around.
fn pick_nth<T: Copy>(of: &[T], n: u64) -> T {
    #[allow(clippy::indexing_slicing, reason = "within the length")]
    of[usize::try_from(n).unwrap_or_default() % of.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quota::{Catalog, Limit, Variant, find};

    #[test]
    fn the_models_have_the_quotas_that_are_named() {
        for (id, tokens, requests) in MODELS {
            let model = ModelId::parse(id).unwrap();
            for (limit, code) in [(Limit::TokensPerMinute, tokens), (Limit::RequestsPerMinute, requests)] {
                let found = find(Catalog::built_in(), &model, limit, Variant::Standard).quota.unwrap();
                assert_eq!(found.code.as_str(), code, "{id}");
            }
        }
    }
}
