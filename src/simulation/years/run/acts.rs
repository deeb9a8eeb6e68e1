//! What people do in a year: they act on notices, and request what a policy says.

use crate::ids::IncidentId;
use crate::operate;
use crate::simulation::years::demand::DAY;
use crate::simulation::years::people::{Wish, is_working_day, wishes};
use crate::simulation::years::reviewer;
use crate::simulation::years::run::{Act, YearLife, done};

impl YearLife<'_> {
    /// What people do now.
    pub(super) fn act(&mut self, now: i64) {
        let (due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.acts).into_iter().partition(|(at, _)| *at <= now);
        self.acts = later;
        for (_, act) in due {
            match act {
                Act::Judge { incident, pool } => self.judge(&incident, pool, now),
                Act::Open { pool } => self.wish(pool, 1.5, 0.0, true, now),
                Act::File { pool } => self.wish(pool, 1.5, 0.67, false, now),
                Act::Step { trouble } => self.take_step(trouble, now),
            }
        }
    }

    fn take_step(&mut self, n: usize, now: i64) {
        let Some(trouble) = self.account.troubles.get_mut(n) else { return };
        trouble.until = trouble.until.min(now);
        let models: Vec<String> = trouble.models.iter().map(|m| m.base().to_owned()).collect();
        self.world.change(|file| {
            for state in file.availability.iter_mut().filter(|state| models.contains(&state.model_id)) {
                (state.form_submitted, state.authorized) = (Some(true), Some(true));
                state.agreement = crate::model::access::Availability::Available;
            }
        });
    }

    /// A person looks at who calls: ends what is not legitimate, and approves the rest.
    fn judge(&mut self, incident: &IncidentId, pool: usize, now: i64) {
        let services = self.account.pools.get_mut(pool).map(|pool| pool.services.iter_mut());
        let mut is_abuse = false;
        for abuse in services.into_iter().flatten().filter_map(|service| service.abuse.as_mut()) {
            if abuse.is_on(now) {
                abuse.until = now;
                is_abuse = true;
            }
        }
        let home = self.home.clone();
        let terms = self.terms(&home);
        if is_abuse {
            done(operate::close(&self.world, &terms, incident));
        } else {
            done(operate::approve(&self.world, &terms, incident));
        }
        self.see_what_happened(now);
    }

    /// A person requests what a pool needs: `times` the busiest minute of the last week, if that is more than the share
    /// `from` of the applied value. With `only_cases`, only by support case.
    fn wish(&mut self, n: usize, times: f64, from: f64, only_cases: bool, now: i64) {
        let day = now.div_euclid(DAY);
        let Some(pool) = self.account.pools.get(n) else { return };
        for (quota_n, wish) in wishes(n, pool, &self.account.quotas, &self.daily, day, times, from) {
            if self.requests.is_open(quota_n) || self.cases.iter().any(|(open, ..)| *open == quota_n) {
                continue;
            }
            match wish {
                Wish::Request(desired) | Wish::Case(desired) if only_cases => {
                    self.open_case(quota_n, desired, now);
                }
                Wish::Case(desired) => self.open_case(quota_n, desired, now),
                Wish::Request(desired) => self.request(quota_n, desired, now),
            }
        }
    }

    fn open_case(&mut self, n: usize, needed: f64, now: i64) {
        let Some(quota) = self.account.quotas.get(n) else { return };
        let before = self.cases_before.entry(n).or_default();
        *before += 1;
        let decision = reviewer::case(quota, needed, *before, self.seed);
        if let Some(value) = decision.value.filter(|value| *value > quota.applied) {
            self.cases.push((n, now + decision.after, value));
        }
    }

    fn request(&mut self, n: usize, desired: f64, now: i64) {
        let (Some(place), Some(quota)) = (&self.place, self.account.quotas.get(n)) else { return };
        if let Ok(request) = self.world.request_by_hand(place, &quota.code, desired) {
            self.filed(request.id, n, desired, now);
        }
    }

    /// A quarter more tokens for each alarm.
    pub(super) fn a_quarter_more(&mut self, alarms: &[(String, &'static str)], now: i64) {
        for (model, _) in alarms {
            let is_of = |pool: &&crate::simulation::years::pool::Pool| {
                pool.services.iter().any(|s| s.id.as_str() == model)
            };
            let Some(pool) = self.account.pools.iter().find(is_of) else { continue };
            let Some(quota) = self.account.quotas.get(pool.tokens) else { continue };
            let desired = (quota.applied * 1.25).round();
            self.request(pool.tokens, desired, now);
        }
    }

    /// The sensible operator's morning.
    pub(super) fn operate(&mut self, now: i64) {
        if !is_working_day(now.div_euclid(DAY)) {
            return;
        }
        for n in 0..self.account.pools.len() {
            let Some(pool) = self.account.pools.get(n) else { continue };
            let refused = |quota: usize| {
                self.requests.of(quota).next_back().is_some_and(|asked| {
                    asked.is_decided && asked.decision.value.is_none() && now - asked.due() < 7 * DAY
                })
            };
            if !refused(pool.tokens) && !refused(pool.requests) {
                self.wish(n, 2.0, 0.75, false, now);
            }
        }
    }
}
