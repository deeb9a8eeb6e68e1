//! The promises about which service, endpoint and quota a request is for.
//!
//! Invariant: As in [`crate::simulation::filing`], each request is judged by what was true of the account.

use crate::config::Mode;
use crate::ids::{IncidentId, QuotaService};
use crate::quota::request::RequestOutcome;
use crate::simulation::check::Checker;
use crate::simulation::check::observed::Filing;
use crate::simulation::features::TrueFeature;
use crate::simulation::models::Unit;
use crate::simulation::problem::Problem;
use crate::simulation::truth::{Request, Span, TrueUse};
use crate::simulation::violation::{Checked, broken};

/// Rounding to two digits adds at most a tenth.
const ROUNDED: f64 = 1.1;

impl Checker<'_> {
    /// The limit that `incident` is about, if it is not of model inference.
    pub(super) fn feature(&self, incident: &IncidentId) -> Option<&'static TrueFeature> {
        self.problem(incident).and_then(Problem::feature)
    }

    /// Checks that the request goes to the service whose call failed.
    pub(super) fn is_of_its_service(&self, filing: &Filing<'_>) -> Checked {
        let Filing { place, code, incident, .. } = filing;
        let of_error = self.feature(incident).map_or(QuotaService::Bedrock, |feature| feature.service);
        if code.service() == of_error {
            return Ok(());
        }
        broken(
            "a request goes to the service of the failed call",
            format!("{code} in {} for {incident}, which is of {of_error}", place.region),
        )
    }

    /// Checks that the quota counts calls of the endpoint that refused them.
    pub(super) fn is_of_its_endpoint(&self, filing: &Filing<'_>) -> Checked {
        let Filing { place, code, incident, .. } = filing;
        let Some(problem) = self.problem(incident) else { return Ok(()) };
        let is_of_it = |u: &TrueUse| u.region == place.region && u.model.unit(code).is_some();
        let mut uses = self.truth.uses.iter().filter(|u| is_of_it(u));
        if uses.any(|u| u.model.endpoint == problem.endpoint) {
            return Ok(());
        }
        broken(
            "a request is for the endpoint that refused the calls",
            format!("{code} in {} for {incident}, on {:?}", place.region, problem.endpoint),
        )
    }

    /// Checks that a quota of the bedrock-mantle endpoint is sized by the tokens that it counts. No measurement there
    /// says how many calls were throttled, so the demand is what was admitted.
    pub(super) fn is_of_its_tokens(&self, filing: &Filing<'_>) -> Checked {
        let Filing { place, code, desired, .. } = filing;
        let unit = self.truth.unit(&place.region, code);
        if !matches!(unit, Some(Unit::Input | Unit::Output)) {
            return Ok(());
        }
        let always = Span { from: jiff::Timestamp::MIN, to: filing.at };
        let demand = self.truth.admitted(&place.region, code, always);
        let applied =
            self.truth.values(&place.region, code, self.since_leased(filing)).map_or(0.0, |(_, most)| most);
        let wanted = demand * self.account.config.headroom_factor;
        // What AWS granted in part is asked for again as a little more.
        let is_in_part = |r: &Request| r.verdict.is_some_and(|(how, _)| how == RequestOutcome::PartlyGranted);
        let was_in_part = self.truth.requests_of(&place.region, code).any(is_in_part);
        let more = if was_in_part { ROUNDED * ROUNDED } else { 1.0 };
        if *desired <= wanted.max(applied * ROUNDED) * ROUNDED * more {
            return Ok(());
        }
        broken(
            "a request counts the tokens that its quota counts",
            format!("{desired} for {code} in {}, of which {demand} were asked for", place.region),
        )
    }

    /// Checks a request for a quota that is not of model inference.
    pub(super) fn may_file_feature(&self, feature: &TrueFeature, filing: &Filing<'_>) -> Checked {
        let Filing { place, code, incident, .. } = filing;
        let how = || format!("{code} in {} for {incident}, which is of {}", place.region, feature.operation);
        if self.switch(feature) == Mode::Observe {
            return broken("other quotas are filed only if the operator says so", how());
        }
        let Some(quota) = feature.quota() else {
            return broken("an error that may mean several quotas files nothing", how());
        };
        let is_here = |p: &Problem| p.place().as_ref() == Some(&place.region);
        if quota != **code || !self.problem(incident).is_some_and(is_here) {
            return broken("a request is for the quota that the failed operation counts against", how());
        }
        let words = self.leased_by(filing.function, incident).map(|seen| seen.words.as_slice());
        let is_recorded = words.unwrap_or_default().iter().any(|word| word.is_recorded);
        if !is_recorded && !feature.is_of_code() {
            return broken("the text of a log files no quota that nothing measures", how());
        }
        Ok(())
    }

    /// The number of requests for quotas of the bedrock-mantle endpoint.
    pub(super) fn of_mantle(&self) -> u64 {
        let is_of_it =
            |r: &&Request| matches!(self.truth.unit(&r.region, &r.code), Some(Unit::Input | Unit::Output));
        self.truth.requests.iter().filter(|r| r.is_ours).filter(is_of_it).count() as u64
    }

    /// The number of requests for quotas that are not of model inference.
    pub(super) fn of_features(&self) -> u64 {
        self.asked.iter().filter(|asked| self.feature(&asked.incident).is_some()).count() as u64
    }

    /// The operator's switch of `feature`'s service.
    fn switch(&self, feature: &TrueFeature) -> Mode {
        match feature.service {
            QuotaService::Bedrock => self.account.config.other_quotas,
            QuotaService::AgentCore => self.account.config.agent_core,
        }
    }

    /// Why no request is promised for `problem` with the limit of `feature`.
    pub(super) fn feature_not_promised(
        &self,
        feature: &TrueFeature,
        problem: &Problem,
        incident: &IncidentId,
    ) -> Option<&'static str> {
        [
            (self.switch(feature) == Mode::Observe, "such quotas are only observed"),
            (problem.is_written() && !feature.is_of_code(), "only the text of a log tells of it"),
            (self.is_of_root(incident), "an event tells of the root user"),
        ]
        .into_iter()
        .find_map(|(holds, why)| holds.then_some(why))
    }
}
