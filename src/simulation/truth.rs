//! What is true of the account, and when: its use, its quotas, AWS's decisions, and its subscribers.
//!
//! Invariant: It is recorded where a life changes the world. Nothing is read from the function or computed as the
//! function computes it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::ids::{AccountRegion, QuotaCode, Region};
use crate::quota::request::RequestOutcome;
use crate::simulation::models::{TrueModel, Unit};
use crate::simulation::problem::Problem;
use crate::time::after;
use crate::usage::Minute;

/// The calls of one model in one Region.
#[derive(Clone, Debug)]
pub(super) struct TrueUse {
    pub(super) model: &'static TrueModel,
    pub(super) region: Region,
    /// Which of its quotas is full when it is fully used.
    pub(super) full: Unit,
    /// A minute near that quota's default, with refused calls.
    pub(super) minute: Minute,
    pub(super) began: Timestamp,
    /// Each phase of use and its start. Nobody calls in a phase without a minute.
    pub(super) phases: Vec<(Timestamp, Option<Minute>)>,
    /// Whether it grew so suddenly that a person must look before more is requested.
    pub(super) is_sudden: bool,
}

/// One quota in one Region.
#[derive(Clone, Debug)]
pub(super) struct TrueQuota {
    pub(super) default: f64,
    pub(super) is_adjustable: bool,
    /// The applied values, each from its time on.
    pub(super) values: Vec<(Timestamp, f64)>,
    /// Values set by anyone but the function, and when.
    pub(super) given: Vec<(Timestamp, f64)>,
}

/// A value that AWS refused is not requested again for this long.
const NOT_AGAIN: SignedDuration = SignedDuration::from_hours(30 * 24);

/// An increase request.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) id: String,
    pub(super) region: Region,
    pub(super) code: QuotaCode,
    pub(super) desired: f64,
    pub(super) created: Timestamp,
    /// Whether the function filed it.
    pub(super) is_ours: bool,
    /// AWS's decision and its time; `None` while it is open.
    pub(super) verdict: Option<(RequestOutcome, Timestamp)>,
    /// Whether the value also changed for another reason, so that Service Quotas' answers do not tell how it ended.
    pub(super) is_muddled: bool,
}

/// A span of time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
}

/// Everything that is true.
#[derive(Clone, Debug, Default)]
pub(super) struct Truth {
    pub(super) uses: Vec<TrueUse>,
    /// The quotas apart from model inference that calls count against.
    pub(super) features: Vec<(Region, QuotaCode)>,
    pub(super) quotas: BTreeMap<(Region, QuotaCode), TrueQuota>,
    pub(super) requests: Vec<Request>,
    /// The number of subscribers from each time on; one at the beginning.
    listeners: Vec<(Timestamp, u32)>,
    /// The root user's calls that CloudTrail's event history shows.
    root: Vec<(Timestamp, Region)>,
}

/// The values of `all`, each from its time on, that applied at some time in `span`.
fn held<T>(all: &[(Timestamp, T)], span: Span) -> impl Iterator<Item = &T> {
    let until = all.iter().skip(1).map(|(at, _)| *at).chain([Timestamp::MAX]);
    let is_of_it = move |from: Timestamp, until: Timestamp| from <= span.to && until > span.from;
    all.iter().zip(until).filter(move |((from, _), until)| is_of_it(*from, *until)).map(|((_, what), _)| what)
}

pub(super) fn earlier(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_sub(by).unwrap_or(Timestamp::MIN)
}

impl TrueUse {
    /// The quota that is full when it is fully used.
    pub(super) fn code(&self) -> Option<QuotaCode> {
        self.model.code(self.full)
    }
}

impl Truth {
    /// The uses that count against a quota.
    fn sharing(&self, region: &Region, code: &QuotaCode) -> impl Iterator<Item = (&TrueUse, Unit)> {
        let here = self.uses.iter().filter(move |u| u.region == *region);
        here.filter_map(move |u| Some((u, u.model.unit(code)?)))
    }

    /// The unit of a quota that the account's calls in a Region count against; `None` if none do.
    pub(super) fn unit(&self, region: &Region, code: &QuotaCode) -> Option<Unit> {
        self.sharing(region, code).map(|(_, unit)| unit).next()
    }

    /// The most that a quota admitted in one minute of `span`.
    pub(super) fn admitted(&self, region: &Region, code: &QuotaCode, span: Span) -> f64 {
        let most = |(used, unit): (&TrueUse, Unit)| {
            let minutes = held(&used.phases, span).flatten();
            minutes.map(|minute| unit.of(minute)).fold(0.0, f64::max)
        };
        self.sharing(region, code).map(most).sum()
    }

    /// Whether CloudWatch counted refused calls in `span`.
    pub(super) fn is_throttled(&self, region: &Region, code: &QuotaCode, span: Span) -> bool {
        let refused = |minute: &Option<Minute>| minute.is_some_and(|m| m.throttles > 0.0);
        self.sharing(region, code).any(|(used, _)| held(&used.phases, span).any(refused))
    }

    /// When the models of a quota were first used; `None` if never.
    pub(super) fn first_use(&self, region: &Region, code: &QuotaCode) -> Option<Timestamp> {
        self.sharing(region, code).map(|(used, _)| used.began).min()
    }

    /// The use of `problem`'s model, on its endpoint and in its Region; `None` if it is not about one in use.
    pub(super) fn used_by(&self, problem: &Problem) -> Option<usize> {
        let is_of_it = |u: &TrueUse| {
            u.model.id == problem.model
                && u.model.endpoint == problem.endpoint
                && u.region.as_str() == problem.region
        };
        self.uses.iter().position(is_of_it)
    }

    /// The quota that `problem`'s errors count against; `None` if there is none, or if they do not say which.
    pub(super) fn quota_of(&self, problem: &Problem) -> Option<(Region, QuotaCode)> {
        match problem.feature() {
            Some(feature) => Some((problem.place()?, feature.quota()?)),
            None => self.uses.get(self.used_by(problem)?).and_then(|u| Some((u.region.clone(), u.code()?))),
        }
    }

    /// Whether a model of a quota grew so suddenly that a person must look.
    pub(super) fn is_sudden(&self, region: &Region, code: &QuotaCode) -> bool {
        self.sharing(region, code).any(|(used, _)| used.is_sudden)
    }

    /// The lowest and the highest value that was applied in `span`.
    pub(super) fn values(&self, region: &Region, code: &QuotaCode, span: Span) -> Option<(f64, f64)> {
        let quota = self.quotas.get(&(region.clone(), code.clone()))?;
        let values: Vec<f64> = held(&quota.values, span).copied().collect();
        let least = values.iter().copied().reduce(f64::min)?;
        Some((least, values.iter().copied().fold(least, f64::max)))
    }

    /// The present applied value.
    pub(super) fn value(&self, region: &Region, code: &QuotaCode) -> Option<f64> {
        self.quotas.get(&(region.clone(), code.clone()))?.values.last().map(|(_, value)| *value)
    }

    /// Changes a quota's value; `by` is the request that changed it.
    pub(super) fn set_value(
        &mut self,
        region: &Region,
        code: &QuotaCode,
        value: f64,
        at: Timestamp,
        by: Option<&str>,
    ) {
        let is_ours = by.and_then(|id| self.request(id)).is_some_and(|r| r.is_ours);
        if let Some(quota) = self.quotas.get_mut(&(region.clone(), code.clone())) {
            quota.values.push((at, value));
            if !is_ours {
                quota.given.push((at, value));
            }
        }
        let others = self.requests.iter_mut().filter(|r| r.region == *region && r.code == *code);
        for other in others.filter(|r| by != Some(r.id.as_str())) {
            other.is_muddled = true;
        }
    }

    /// AWS accepted a request.
    pub(super) fn requested(&mut self, request: Request) {
        self.requests.push(request);
    }

    /// AWS decided a request.
    pub(super) fn decided(&mut self, id: &str, verdict: RequestOutcome, at: Timestamp) {
        if let Some(request) = self.requests.iter_mut().find(|r| r.id == id) {
            request.verdict = Some((verdict, at));
        }
    }

    /// The value changed for another reason while the request was decided on.
    pub(super) fn muddle(&mut self, id: &str) {
        self.requests.iter_mut().filter(|r| r.id == id).for_each(|r| r.is_muddled = true);
    }

    pub(super) fn request(&self, id: &str) -> Option<&Request> {
        self.requests.iter().find(|r| r.id == id)
    }

    /// The requests for a quota, oldest first.
    pub(super) fn requests_of(&self, region: &Region, code: &QuotaCode) -> impl Iterator<Item = &Request> {
        self.requests.iter().filter(move |r| r.region == *region && r.code == *code)
    }

    /// Whether AWS refused about this value, or less, shortly before `by`, with no change since.
    pub(super) fn was_refused(
        &self,
        place: &AccountRegion,
        code: &QuotaCode,
        desired: f64,
        by: Timestamp,
        now: Timestamp,
    ) -> Option<f64> {
        const SAME: f64 = 0.95;
        let value = self.value(&place.region, code).unwrap_or_default();
        let is_known = |r: &&Request| {
            let refused = r.verdict.filter(|(how, at)| how.is_refusal() && *at <= by);
            let is_new = refused.is_some_and(|(_, at)| after(at, NOT_AGAIN) > now);
            is_new && !r.is_muddled && r.desired > value && desired >= r.desired * SAME
        };
        self.requests_of(&place.region, code).filter(is_known).map(|r| r.desired).reduce(f64::min)
    }

    /// The highest of the value at `since` and the values that others set later.
    pub(super) fn base(&self, region: &Region, code: &QuotaCode, since: Timestamp) -> Option<f64> {
        let quota = self.quotas.get(&(region.clone(), code.clone()))?;
        let then = held(&quota.values, Span { from: since, to: since }).copied();
        let given = quota.given.iter().filter(|(at, _)| *at >= since).map(|(_, value)| *value);
        Some(then.chain(given).fold(quota.default, f64::max))
    }

    /// Sets the number of subscribers from now on.
    pub(super) fn listen(&mut self, at: Timestamp, how_many: u32) {
        if self.listeners.is_empty() {
            self.listeners.push((Timestamp::MIN, 1));
        }
        self.listeners.push((at, how_many));
    }

    /// Whether there was a subscriber at some time in `span`.
    pub(super) fn is_heard(&self, span: Span) -> bool {
        self.listeners.is_empty() || held(&self.listeners, span).any(|listeners| *listeners > 0)
    }

    /// Whether there was a subscriber all through `span`.
    pub(super) fn is_always_heard(&self, span: Span) -> bool {
        held(&self.listeners, span).all(|listeners| *listeners > 0)
    }

    /// CloudTrail shows a call of the root user.
    pub(super) fn root_called(&mut self, at: Timestamp, region: Region) {
        self.root.push((at, region));
    }

    /// Whether CloudTrail shows a call of the root user in `span`.
    pub(super) fn is_root(&self, region: &Region, span: Span) -> bool {
        self.root.iter().any(|(at, of)| of == region && (span.from..=span.to).contains(at))
    }
}
