//! The account of a year: its models, quotas and callers, AWS's decisions, and what goes wrong, by family and seed.

mod families;

use fastrand::Rng;

use crate::ids::QuotaCode;
use crate::model::ModelId;
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
