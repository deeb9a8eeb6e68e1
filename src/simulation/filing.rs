//! The promises about increase requests: which may be filed, and which must be.
//!
//! Invariant: Each request is judged by what was true of the account; see [`crate::simulation::truth`].

use jiff::{SignedDuration, Timestamp};

use crate::config::Mode;
use crate::diagnosis::Cause;
use crate::ids::{IncidentId, QuotaCode, Region};
use crate::sandbox::PortCall;
use crate::simulation::check::Checker;
use crate::simulation::check::observed::Filing;
use crate::simulation::models::Unit;
use crate::simulation::problem::{ACCOUNT, Problem};
use crate::simulation::truth::{Request, Span, TrueUse, earlier};
use crate::simulation::violation::{Checked, TOLERANCE, broken};
use crate::time::after;

/// Older measurements do not show a need.
const WINDOW: SignedDuration = SignedDuration::from_hours(6);
/// CloudWatch's minutes count from this long before the first error.
const BEFORE_FIRST: SignedDuration = SignedDuration::from_mins(15);
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// A request is filed only if at least this share of a quota was used.
const USED: f64 = 0.5;
/// The last request of a day is reserved for a quota of which at least this share is used.
const FULL: f64 = 0.8;
/// A sudden start of use counts as sudden for at least this long.
const SUDDEN: SignedDuration = SignedDuration::from_hours(5 * 24);
/// The use before a life is known to be usual for this long.
const USUAL: SignedDuration = SignedDuration::from_hours(5 * 24);

impl Checker<'_> {
    /// Whether the request may be filed, whether or not Service Quotas accepts it.
    pub(super) fn may_file(&self, filing: &Filing<'_>) -> Checked {
        self.is_wanted(filing)?;
        self.is_of_its_service(filing)?;
        if let Some(feature) = self.feature(filing.incident) {
            self.may_file_feature(feature, filing)?;
        } else {
            self.is_right(filing)?;
            self.is_of_its_endpoint(filing)?;
            self.is_needed(filing)?;
            self.is_of_its_tokens(filing)?;
            self.is_usual(filing)?;
        }
        self.is_within_a_step(filing)?;
        self.is_not_of_root(filing)?;
        self.is_not_again(filing)
    }

    /// Checks the operator's guard rails.
    fn is_wanted(&self, filing: &Filing<'_>) -> Checked {
        let Filing { place, code, desired, .. } = filing;
        let config = self.account.config.clone();
        if config.mode == Mode::Observe || self.is_observing(filing.function) {
            return broken("observe files nothing", format!("{code} in {}", place.region));
        }
        let unit = self.truth.unit(&place.region, code);
        let ceiling = match unit {
            Some(Unit::Requests) => config.max_requests_per_minute,
            Some(_) => config.max_tokens_per_minute,
            None => None,
        };
        if ceiling.is_some_and(|most| *desired > most) {
            return broken("the ceiling holds", format!("{desired} for {code}"));
        }
        let filed = self.filed.get(place).into_iter().flatten();
        let others = filed.filter(|other| after(**other, DAY) > filing.intended).count();
        let most = config.max_increases_per_day;
        if !u32::try_from(others).is_ok_and(|others| others < most) {
            return broken("24 hours have their limit", format!("{others} before in {}", place.region));
        }
        let is_last = most > 1 && u32::try_from(others).is_ok_and(|others| others + 1 == most);
        if is_last && self.share(filing) <= FULL {
            return broken("the last place of a day is kept for a full quota", format!("{code}"));
        }
        if !self.truth.is_heard(self.since_leased(filing))
            && !self.failed(filing.function, PortCall::Subscribers)
        {
            return broken("nothing is filed that nobody hears of", format!("{code} in {}", place.region));
        }
        Ok(())
    }

    /// Checks that the quota is the incident's.
    fn is_right(&self, filing: &Filing<'_>) -> Checked {
        let Filing { place, code, desired, incident, .. } = filing;
        let how = || format!("{desired} for {code} in {} of {}, for {incident}", place.region, place.account);
        if place.account.as_str() != ACCOUNT || self.truth.unit(&place.region, code).is_none() {
            return broken("a request is for a quota that the account uses", how());
        }
        if let Some(problem) = self.problem(incident) {
            let models = self.truth.uses.iter().filter(|u| u.model.id == problem.model);
            let is_of_it = |u: &TrueUse| u.model.unit(code).is_some() && u.region == place.region;
            if place.region.as_str() != problem.region || !models.into_iter().any(is_of_it) {
                return broken("a request is for the incident's own quota", how());
            }
            if self.account.forbidden.contains(&problem.model) {
                return broken("a model that is not allowed gets no request", how());
            }
        }
        Ok(())
    }

    /// Checks that the value is within one step and the quota's budget.
    fn is_within_a_step(&self, filing: &Filing<'_>) -> Checked {
        let Filing { place, code, desired, incident, .. } = filing;
        let how = || format!("{desired} for {code} in {} of {}, for {incident}", place.region, place.account);
        let span = self.since_leased(filing);
        let default = self.truth.quotas.get(&(place.region.clone(), (*code).clone())).map(|q| q.default);
        let (Some((_, most)), Some(default)) = (self.truth.values(&place.region, code, span), default) else {
            return broken("a request is for a quota that the account has", how());
        };
        let step = default.max(most) * self.account.config.max_step_factor;
        // A number of resources is whole.
        let step = if self.feature(incident).is_some() { step.ceil() } else { step };
        if *desired > step * (1.0 + 1e-9) {
            return broken("a request stays within one step", format!("{} from {most}", how()));
        }
        let budget = self.budget(&place.region, code, filing.at);
        if *desired > budget * (1.0 + 1e-9) {
            return broken("a quota grows within its budget", format!("{}, and {budget} is the most", how()));
        }
        Ok(())
    }

    /// The most that our own requests may raise a quota to at `now`, or more.
    fn budget(&self, region: &Region, code: &QuotaCode, now: Timestamp) -> f64 {
        let config = &self.account.config;
        let within = |days: i64, times: f64| {
            let since = earlier(now, SignedDuration::from_hours(24 * days));
            self.truth.base(region, code, since).unwrap_or_default() * times
        };
        within(14, config.growth_14_days).min(within(90, config.growth_90_days))
    }

    /// Checks that calls were refused and the quota was used around the incident.
    fn is_needed(&self, filing: &Filing<'_>) -> Checked {
        let Filing { place, code, .. } = filing;
        let share = self.share(filing);
        if share < USED {
            let how = format!("{code} in {}: {:.0} %", place.region, share * 100.0);
            return broken("a request needs admitted use near the quota", how);
        }
        if self.problem(filing.incident).is_none() {
            // It is a forecast.
            return Ok(());
        }
        if !self.truth.is_throttled(&place.region, code, self.window(filing)) {
            let how = format!("{code} in {} for {}", place.region, filing.incident);
            return broken("a request needs calls that were refused around the incident", how);
        }
        Ok(())
    }

    /// Checks that the use is usual.
    fn is_usual(&self, filing: &Filing<'_>) -> Checked {
        let Filing { place, code, incident, at, .. } = filing;
        let how = || format!("{code} in {} for {incident}", place.region);
        let first_use = self.truth.first_use(&place.region, code);
        let history = self.account.config.require_history;
        if first_use.is_none_or(|first| after(first, history) > after(*at, TOLERANCE)) {
            return broken("a model needs a history of use", how());
        }
        if self.truth.is_sudden(&place.region, code) && *at < after(self.account.start, SUDDEN) {
            return broken("sudden use is not raised", how());
        }
        Ok(())
    }

    /// Checks that the root user does not call. Where CloudTrail's event history cannot hold the calls, an event that
    /// tells of it is enough.
    fn is_not_of_root(&self, filing: &Filing<'_>) -> Checked {
        let Filing { place, code, incident, at, .. } = filing;
        let seen = self.leased_by(filing.function, incident);
        let since = seen.and_then(|seen| seen.first).map_or(*at, |first| earlier(first, BEFORE_FIRST));
        // A function whose clock is behind does not ask for later calls.
        let until = earlier(seen.map_or(*at, |seen| seen.at), TOLERANCE);
        let told = seen.is_some_and(|seen| seen.by_root);
        let is_provable = self.problem(incident).is_none_or(Problem::is_in_history);
        if told && (!is_provable || self.truth.is_root(&place.region, Span { from: since, to: until })) {
            let how = format!("{code} in {} for {incident}", place.region);
            return broken("what the root user does is not raised", how);
        }
        Ok(())
    }

    /// Checks that the request was not filed recently, and AWS did not refuse it.
    fn is_not_again(&self, filing: &Filing<'_>) -> Checked {
        let Filing { place, code, desired, at, .. } = filing;
        let ours = self.truth.requests_of(&place.region, code).filter(|r| r.is_ours);
        if let Some(before) = ours.last() {
            let next = after(before.created, self.account.config.quota_cool_down);
            if *at < earlier(next, TOLERANCE) {
                let how =
                    format!("{code} in {}: {} at {}, and at {at}", place.region, before.id, before.created);
                return broken("one request for each need", how);
            }
        }
        let leased = self.since_leased(filing).from;
        if let Some(refused) = self.truth.was_refused(place, code, *desired, leased, *at) {
            return broken(
                "what was in vain is not asked again",
                format!("{code}: {desired} after {refused}"),
            );
        }
        Ok(())
    }

    /// The time since the function took the incident: whatever it saw was true at some time in it. It begins a second
    /// earlier: what changed in the second of the lease may have been seen as it was before.
    pub(super) fn since_leased(&self, filing: &Filing<'_>) -> Span {
        let leased = self.leased_by(filing.function, filing.incident);
        let from = leased.map_or(filing.at, |leased| leased.at);
        Span { from: earlier(from, SignedDuration::from_secs(1)), to: filing.at }
    }

    /// The time whose measurements belong to the incident.
    fn window(&self, filing: &Filing<'_>) -> Span {
        let to = filing.at;
        let seen = self.leased_by(filing.function, filing.incident);
        let leased = seen.map_or(to, |seen| seen.at);
        let is_forecast = self.problem(filing.incident).is_none();
        let longest = earlier(leased, if is_forecast { DAY } else { WINDOW });
        let first = seen.and_then(|seen| seen.first).filter(|_| !is_forecast);
        let first = first.map_or(longest, |first| earlier(first, BEFORE_FIRST));
        Span { from: earlier(longest.max(first), TOLERANCE), to }
    }

    /// The share of the quota that was used around the incident.
    fn share(&self, filing: &Filing<'_>) -> f64 {
        let Filing { place, code, .. } = filing;
        let applied =
            self.truth.values(&place.region, code, self.since_leased(filing)).map_or(0.0, |(l, _)| l);
        let admitted = self.truth.admitted(&place.region, code, self.window(filing));
        if applied > 0.0 { admitted / applied } else { f64::INFINITY }
    }

    /// Whether the errors of `incident` name the quota that is not full, but is used enough to be meant.
    fn is_misnamed(&self, used: &TrueUse, incident: &IncidentId, span: Span) -> bool {
        let named = |problem: &Problem| match problem.word().cause {
            Cause::TokensPerMinute => Some(Unit::Tokens),
            Cause::RequestsPerMinute => Some(Unit::Requests),
            _ => None,
        };
        let mut named = self.problems_of(incident).filter_map(named).filter(|unit| *unit != used.full);
        named.any(|unit| {
            let share = used.model.code(unit).and_then(|code| {
                let (least, _) = self.truth.values(&used.region, &code, span)?;
                Some(self.truth.admitted(&used.region, &code, span) / least)
            });
            share.is_some_and(|share| share > 0.4)
        })
    }

    /// Why no request is promised for `problem`, whose limit has been reached since `span.from`; `None` if one is
    /// promised. Every condition checked here is true for all of `span`.
    pub(super) fn not_promised(
        &self,
        problem: &Problem,
        span: Span,
        incident: &IncidentId,
    ) -> Option<&'static str> {
        let Some(key) = self.truth.quota_of(problem) else { return Some("there is no such quota") };
        let Some(quota) = self.truth.quotas.get(&key) else { return Some("the account has no such quota") };
        let value = self.truth.value(&key.0, &key.1).unwrap_or_default();
        let config = &self.account.config;
        [
            (config.mode == Mode::Observe, "the function only observes"),
            (self.account.forbidden.contains(&problem.model), "the model is not allowed"),
            (!quota.is_adjustable, "the quota is not adjustable"),
            (value < quota.default, "the value is below the default"),
            (self.budget(&key.0, &key.1, span.to) < value * 1.2, "it has grown enough"),
            (!self.truth.is_always_heard(span), "nobody listens"),
        ]
        .into_iter()
        .find_map(|(holds, why)| holds.then_some(why))
        .or_else(|| self.is_asked_before(&key, value, span, incident))
        .or_else(|| match problem.feature() {
            Some(feature) => self.feature_not_promised(feature, problem, incident),
            None => self.use_not_promised(self.truth.used_by(problem)?, value, quota.default, span, incident),
        })
    }

    /// Why earlier requests stand against another one for the quota `key`.
    fn is_asked_before(
        &self,
        key: &(Region, QuotaCode),
        value: f64,
        span: Span,
        incident: &IncidentId,
    ) -> Option<&'static str> {
        let config = &self.account.config;
        let here = |r: &&Request| r.region == key.0;
        let all = || self.truth.requests.iter();
        let of_it = || self.truth.requests_of(&key.0, &key.1);
        let is_open = |r: &Request| r.verdict.is_none_or(|(_, at)| at > span.from);
        let is_of_it = |r: &&Request| self.asked.iter().any(|a| a.id == r.id && a.incident == *incident);
        let a_day_before = earlier(earlier(span.from, DAY), TOLERANCE);
        let of_day = all().filter(here).filter(|r| r.is_ours && r.created > a_day_before).count();
        let is_near =
            |r: &Request| r.is_ours && after(after(r.created, config.quota_cool_down), TOLERANCE) > span.from;
        // Nothing shows that a quota without measured use is full, so the last place of a day is not for it.
        let kept = u32::from(self.feature(incident).is_some() && config.max_increases_per_day > 1);
        [
            (of_it().any(is_open), "a request for it is open"),
            (all().filter(is_of_it).any(is_open), "the incident follows another request"),
            (all().filter(here).filter(|r| is_open(r)).count() > 1, "two requests are open in the Region"),
            (of_it().any(is_near), "the last request is too near"),
            (of_it().any(|r| r.desired > value), "AWS did not grant as much"),
            (
                u32::try_from(of_day).is_ok_and(|n| n + kept >= config.max_increases_per_day),
                "the day's requests are used up",
            ),
        ]
        .into_iter()
        .find_map(|(holds, why)| holds.then_some(why))
    }

    /// Why no request is promised for the `n`th use, of a quota with this `value`.
    fn use_not_promised(
        &self,
        n: usize,
        value: f64,
        default: f64,
        span: Span,
        incident: &IncidentId,
    ) -> Option<&'static str> {
        let config = &self.account.config;
        let used = self.truth.uses.get(n)?;
        let ceiling = if used.full == Unit::Requests {
            config.max_requests_per_minute
        } else {
            config.max_tokens_per_minute
        };
        let most = (value * config.max_step_factor).min(ceiling.unwrap_or(1e10));
        let two_weeks = Span { from: earlier(span.from, SignedDuration::from_hours(16 * 24)), to: span.to };
        [
            (
                self.account.world.availability.iter().any(|m| used.model.id.ends_with(&m.model_id)),
                "the model ends",
            ),
            (value * 1.1 > most, "the ceiling is near"),
            (after(used.began, config.require_history) > earlier(span.from, TOLERANCE), "the model is new"),
            (used.is_sudden, "its use is sudden"),
            (after(self.account.start, USUAL) < span.to, "nothing is known of what is usual"),
            (value > default * 1.2, "its use grows with each raise, as a loop's does"),
            (self.is_misnamed(used, incident, span), "the errors name another limit, which is near as well"),
            (self.truth.is_root(&used.region, two_weeks), "the root user calls"),
            (used.model.is_on_mantle() && self.is_of_root(incident), "an event tells of the root user"),
        ]
        .into_iter()
        .find_map(|(holds, why)| holds.then_some(why))
    }
}
