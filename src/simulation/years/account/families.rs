//! The families of account-years: what grows, what attacks, and what goes wrong in each.

use fastrand::Rng;

use crate::model::ModelId;
use crate::model::access::Availability;
use crate::model::lifecycle::Lifecycle;
use crate::sandbox::{ModelEntry, ProfileEntry};
use crate::simulation::step::choose;
use crate::simulation::years::abuse::{AbuseCaller, AbusePlan};
use crate::simulation::years::account::{MODELS, ROLES, Trouble, YearAccount, role};
use crate::simulation::years::demand::{DAY, Hours, Shape};
use crate::simulation::years::pool::{Manner, Service, Strain};
use crate::simulation::years::setting::Family;

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
    /// Models that grow each month, until their growth ends.
    pub(super) fn grow(&mut self, family: Family, n: u64, rng: &mut Rng) {
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

    /// Models with a launch, a season or a decline.
    pub(super) fn seasons(&mut self, rng: &mut Rng) {
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

    /// A model that a loop or a storm of retries calls, beside one of steady use.
    pub(super) fn loops(&mut self, n: u64, rng: &mut Rng) {
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

    /// A model whose calls are refused for a reason other than a full quota.
    pub(super) fn no_problem(&mut self, n: u64, rng: &mut Rng) {
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

    /// A model that an attacker calls, beside one of slow growth.
    pub(super) fn attacked(&mut self, n: u64, rng: &mut Rng) {
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

    /// Adds calls that fail for a reason other than a quota.
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

    /// Errors that no quota has to do with.
    pub(super) fn noise(&mut self, n: u64, rng: &mut Rng) {
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

    /// Quotas of zero, quotas below their default, one that is not adjustable, and one that profiles share.
    pub(super) fn odd(&mut self, n: u64, rng: &mut Rng) {
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
        launched: None,
        legacy_from: None,
        extended_from: None,
        ends: None,
    }
}

/// The `n`th of `of`, wrapping around.
fn pick_nth<T: Copy>(of: &[T], n: u64) -> T {
    #[allow(clippy::indexing_slicing, reason = "within the length")]
    of[usize::try_from(n).unwrap_or_default() % of.len()]
}
