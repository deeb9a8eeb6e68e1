//! The promises, checked against what happened.
//!
//! One law: nothing here is computed as the function computes it. What was sent, what was acknowledged
//! and what the world saw is all there is to go by.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::{SignedDuration, Timestamp};

use crate::config::{Config, Mode};
use crate::diagnosis::Cause;
use crate::ids::{Place, QuotaCode};
use crate::incident::IncidentId;
use crate::notice::{Kind, Notice};
use crate::plan::Action;
use crate::quota::Catalog;
use crate::sandbox::{Happened, PortCall};
use crate::world::{RequestOutcome, after};

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub promise: &'static str,
    /// How.
    pub how: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.promise, self.how)
    }
}

type Checked = Result<(), Violation>;

fn broken(promise: &'static str, how: impl Into<String>) -> Checked {
    Err(Violation { promise, how: how.into() })
}

/// What is not told at once is told in this time, once nothing fails: open requests are looked after every
/// 15 minutes, and a clock that had jumped may have recorded when.
const SOON: SignedDuration = SignedDuration::from_mins(21);
/// Of a step that a person has to take people are told again no sooner, and no later.
const FIRST_REMINDER: SignedDuration = SignedDuration::from_hours(24);
const BETWEEN_REMINDERS: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Clocks differ by less than this, with what a drive takes.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(12);

fn earlier(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_sub(by).unwrap_or(Timestamp::MIN)
}

/// A notice, or an incident's line in a digest.
struct Published {
    incident: IncidentId,
    episode: Option<u32>,
    id: String,
    kind: Kind,
    /// Whether a person has to take a step, of which people are reminded.
    is_step: bool,
    at: Timestamp,
    /// The request it tells of.
    asks: bool,
    /// Whether nothing fails yet, and a quota is only nearly full.
    is_near: bool,
}

/// A request that Service Quotas took.
struct Asked {
    incident: IncidentId,
    place: Place,
    code: QuotaCode,
    desired: f64,
    id: String,
    at: Timestamp,
    /// How AWS decided it; `None` while it is open.
    verdict: Option<RequestOutcome>,
}

/// An error that is gone from its queue.
struct Acknowledged {
    incident: IncidentId,
    happened: Timestamp,
    at: Timestamp,
}

/// What a function that runs has done and not ended.
#[derive(Default)]
struct Running {
    reserved: Vec<(IncidentId, Place, QuotaCode, Timestamp)>,
    /// Told, and not yet recorded.
    unrecorded: Vec<(IncidentId, String)>,
    /// Whether something happened to it that excuses what it told and did not record.
    is_excused: bool,
}

/// The errors of an incident: those of earlier episodes, and the present one's.
#[derive(Default)]
struct Counted {
    before: u64,
    episode: u32,
    errors: u64,
}

/// Everything that was seen of a life.
pub(super) struct Check<'a> {
    config: &'a Config,
    running: BTreeMap<u64, Running>,
    /// Which function has an incident's lease.
    holders: BTreeMap<IncidentId, u64>,
    published: Vec<Published>,
    recorded: BTreeSet<String>,
    unrecorded: BTreeMap<String, usize>,
    asked: Vec<Asked>,
    filed: BTreeMap<Place, Vec<Timestamp>>,
    counted: BTreeMap<IncidentId, Counted>,
    delivered: BTreeMap<IncidentId, u64>,
    acknowledged: BTreeMap<IncidentId, BTreeMap<usize, u64>>,
    acknowledgements: Vec<Acknowledged>,
    pub(super) faults: u64,
    pub(super) digests: u64,
    pub(super) unanswered: u64,
}

impl<'a> Check<'a> {
    pub(super) fn new(config: &'a Config) -> Self {
        Self {
            config,
            running: BTreeMap::new(),
            holders: BTreeMap::new(),
            published: Vec::new(),
            recorded: BTreeSet::new(),
            unrecorded: BTreeMap::new(),
            asked: Vec::new(),
            filed: BTreeMap::new(),
            counted: BTreeMap::new(),
            delivered: BTreeMap::new(),
            acknowledged: BTreeMap::new(),
            acknowledgements: Vec::new(),
            faults: 0,
            digests: 0,
            unanswered: 0,
        }
    }

    /// A function got a message with `errors` errors of `incident`.
    pub(super) fn delivered(&mut self, incident: &IncidentId, errors: u64) {
        *self.delivered.entry(incident.clone()).or_default() += errors;
    }

    /// What `function` made happen up to `at`.
    pub(super) fn happened(&mut self, function: u64, all: Vec<Happened>, at: Timestamp) -> Checked {
        for happened in all {
            match happened {
                Happened::Failed { call } => {
                    self.faults += 1;
                    if matches!(call, PortCall::Publish | PortCall::Finish) {
                        self.excuse(function);
                    }
                }
                Happened::Claimed { incident, episode, errors } => self.claimed(incident, episode, errors),
                Happened::Leased { incident, before, now } => self.leased(function, incident, before, now)?,
                Happened::Reserved { incident, place, code, at } => {
                    self.holds(function, &incident)?;
                    let running = self.running.entry(function).or_default();
                    running.reserved.push((incident, place, code, at));
                }
                Happened::Asked { place, code, desired, request_id } => {
                    self.asked(function, place, code, desired, request_id, at)?;
                }
                Happened::Published(notice) => self.told(function, &notice, at)?,
                Happened::Finished { incident, told } => {
                    self.holds(function, &incident)?;
                    self.holders.remove(&incident);
                    self.finished(function, &incident, told.map(|told| told.id))?;
                }
            }
        }
        Ok(())
    }

    fn leased(
        &mut self,
        function: u64,
        incident: IncidentId,
        before: Option<Timestamp>,
        now: Timestamp,
    ) -> Checked {
        if before.is_some_and(|until| until > now) {
            return broken("a lease that stands is nobody else's", format!("{incident} at {now}"));
        }
        if let Some(loser) = self.holders.insert(incident, function).filter(|f| *f != function) {
            self.excuse(loser);
        }
        Ok(())
    }

    /// Who lost the lease writes nothing.
    fn holds(&self, function: u64, incident: &IncidentId) -> Checked {
        match self.holders.get(incident) {
            Some(holder) if *holder == function => Ok(()),
            _ => broken("who lost the lease writes nothing", incident.to_string()),
        }
    }

    /// `function` may have told what it did not record: it died, or lost its lease.
    pub(super) fn excuse(&mut self, function: u64) {
        self.running.entry(function).or_default().is_excused = true;
    }

    /// `function` has ended, in whatever way.
    pub(super) fn ended(&mut self, function: u64) -> Checked {
        let Some(running) = self.running.remove(&function) else { return Ok(()) };
        if let Some((incident, id)) = running.unrecorded.first().filter(|_| !running.is_excused) {
            return broken("told is recorded", format!("{id} of {incident} was not, and nothing had failed"));
        }
        for (_, id) in running.unrecorded {
            *self.unrecorded.entry(id).or_default() += 1;
        }
        Ok(())
    }

    fn claimed(&mut self, incident: IncidentId, episode: u32, errors: u64) {
        let counted = self.counted.entry(incident).or_default();
        if counted.episode != episode {
            counted.before += counted.errors;
            counted.episode = episode;
        }
        counted.errors = errors;
    }

    fn asked(
        &mut self,
        function: u64,
        place: Place,
        code: QuotaCode,
        desired: f64,
        request_id: Option<String>,
        at: Timestamp,
    ) -> Checked {
        let reserved = &mut self.running.entry(function).or_default().reserved;
        let Some(n) = reserved.iter().position(|(_, p, c, _)| *p == place && *c == code) else {
            return broken("nothing is filed without a reservation", format!("{code} in {}", place.region));
        };
        let (incident, _, _, intended) = reserved.remove(n);
        if self.config.mode == Mode::Observe {
            return broken("observe files nothing", format!("{code} in {}", place.region));
        }
        let is_tokens = Catalog::built_in().get(&code).is_some_and(|q| q.name.contains("tokens per minute"));
        if self.config.max_tokens_per_minute.is_some_and(|most| is_tokens && desired > most) {
            return broken("the ceiling holds", format!("{desired} for {code}"));
        }
        let Some(id) = request_id else { return Ok(()) };
        let before = self.asked.iter().rev().find(|a| a.place == place && a.code == code);
        if let Some(before) = before {
            let next = after(before.at, self.config.quota_cool_down);
            if at < earlier(next, TOLERANCE) {
                return broken(
                    "one request for each need",
                    format!("{code} in {}: {} at {} and {id} at {at}", place.region, before.id, before.at),
                );
            }
            if before.verdict.is_some_and(RequestOutcome::is_refusal) && desired <= before.desired {
                return broken(
                    "what was in vain is not asked again",
                    format!("{code}: {desired} after {}", before.desired),
                );
            }
        }
        let filed = self.filed.entry(place.clone()).or_default();
        let day = SignedDuration::from_hours(24);
        let others = filed.iter().filter(|other| after(**other, day) > intended).count();
        if !u32::try_from(others).is_ok_and(|others| others < self.config.max_increases_per_day) {
            return broken("24 hours have their limit", format!("{others} before in {}", place.region));
        }
        filed.push(intended);
        self.asked.push(Asked { incident, place, code, desired, id, at, verdict: None });
        Ok(())
    }

    /// AWS has decided a request.
    pub(super) fn decided(&mut self, id: &str, verdict: RequestOutcome) {
        if let Some(asked) = self.asked.iter_mut().find(|a| a.id == id) {
            asked.verdict = Some(verdict);
        }
    }

    /// What people are told of a request's end is what AWS decided.
    fn is_true(&self, notice: &Notice) -> Checked {
        let Some(outcome) = notice.outcome else { return Ok(()) };
        let asked = notice.request_id.as_ref().and_then(|id| self.asked.iter().find(|a| a.id == *id));
        match asked.map(|asked| asked.verdict) {
            // Somebody else's request of before is not ours to know.
            None => Ok(()),
            Some(verdict) if verdict == Some(outcome) => Ok(()),
            Some(verdict) => {
                let how = format!("{:?}: {outcome} was told of {verdict:?}", notice.request_id);
                broken("a told outcome is AWS's own", how)
            }
        }
    }

    fn told(&mut self, function: u64, notice: &Notice, at: Timestamp) -> Checked {
        self.digests += u64::from(notice.kind == Kind::Digest);
        self.unanswered += u64::from(notice.kind == Kind::Unanswered);
        self.is_true(notice)?;
        let asks = notice.actions.iter().any(|a| matches!(a, Action::RequestIncrease(_)));
        let published = |incident: &Option<IncidentId>, episode, id: &str, kind, cause: Option<Cause>| {
            let (id, is_step) = (id.to_owned(), cause.is_some_and(Cause::is_step));
            let is_near = cause == Some(Cause::NearQuota);
            Some(Published { incident: incident.clone()?, episode, id, kind, is_step, at, asks, is_near })
        };
        let own =
            published(&notice.incident_id, notice.episode, &notice.notice_id, notice.kind, notice.cause);
        let lines = notice.incidents.iter();
        let lines = lines.filter_map(|l| published(&l.incident_id, l.episode, &l.notice_id, l.kind, l.cause));
        for published in own.into_iter().chain(lines) {
            let running = self.running.entry(function).or_default();
            running.unrecorded.push((published.incident.clone(), published.id.clone()));
            self.is_not_too_soon(&published)?;
            self.published.push(published);
        }
        Ok(())
    }

    /// Not the same alert again and again.
    fn is_not_too_soon(&self, new: &Published) -> Checked {
        if new.kind == Kind::Unanswered {
            let of_it = |p: &&Published| p.kind == new.kind && p.incident == new.incident && p.id != new.id;
            let before = self.published.iter().rev().filter(of_it).find(|p| p.episode == new.episode);
            let is_early =
                before.is_some_and(|p| new.at < earlier(after(p.at, BETWEEN_REMINDERS), TOLERANCE));
            let how = format!("{}: {} at {}", new.incident, new.id, new.at);
            return if is_early {
                broken("what AWS does not answer is told once a week", how)
            } else {
                Ok(())
            };
        }
        let counts = |kind| {
            matches!(kind, Kind::Opened | Kind::Again | Kind::Reminder | Kind::Headroom | Kind::Lifecycle)
        };
        if !counts(new.kind) || new.asks || self.published.iter().any(|p| p.id == new.id) {
            return Ok(());
        }
        let of_it = self.published.iter().rev();
        let before = of_it.filter(|p| p.incident == new.incident && p.episode == new.episode);
        let Some(before) = before.into_iter().find(|p| counts(p.kind)) else { return Ok(()) };
        let first = self.published.iter().find(|p| p.id == before.id).map_or(before.at, |p| p.at);
        let next = after(first, if new.is_step { FIRST_REMINDER } else { self.config.notice_cool_down });
        if new.at >= earlier(next, TOLERANCE) {
            return Ok(());
        }
        broken(
            "not told again before the cool-down is over",
            format!("{}: {} {first}, {} {}", new.incident, before.id, new.id, new.at),
        )
    }

    fn finished(&mut self, function: u64, incident: &IncidentId, told: Option<String>) -> Checked {
        let Some(id) = told else { return Ok(()) };
        let unrecorded = &mut self.running.entry(function).or_default().unrecorded;
        let Some(n) = unrecorded.iter().position(|(i, n)| i == incident && *n == id) else {
            return broken(
                "recorded is told",
                format!("{id} of {incident} was recorded and never published"),
            );
        };
        unrecorded.remove(n);
        if !self.recorded.insert(id.clone()) {
            return broken("one notice is recorded once", format!("{id} of {incident}"));
        }
        Ok(())
    }

    /// A message is gone from its queue, with `errors` errors of `incident` that happened then.
    /// `is_known`: whether the ledger has the incident.
    pub(super) fn acknowledged(
        &mut self,
        event: usize,
        incident: &IncidentId,
        errors: u64,
        is_known: bool,
        happened: Timestamp,
        at: Timestamp,
    ) -> Checked {
        if !is_known {
            return broken("what is acknowledged is recorded", incident.to_string());
        }
        self.acknowledged.entry(incident.clone()).or_default().insert(event, errors);
        self.acknowledgements.push(Acknowledged { incident: incident.clone(), happened, at });
        Ok(())
    }

    /// Everything has come to rest. `mended`: since when nothing failed and the schedule ticked.
    pub(super) fn at_rest(&self, mended: Timestamp) -> Checked {
        for Acknowledged { incident, happened, at } in &self.acknowledgements {
            let is_step = self.published.iter().any(|p| p.incident == *incident && p.is_step);
            let quiet = if is_step { BETWEEN_REMINDERS } else { self.config.notice_cool_down };
            let since = earlier(earlier(*happened, quiet), TOLERANCE);
            let by = after((*at).max(mended), SOON);
            let tells = |p: &&Published| {
                matches!(p.kind, Kind::Opened | Kind::Again | Kind::Reminder | Kind::Outcome)
                    && p.incident == *incident
                    && (since..=by).contains(&p.at)
            };
            if !self.published.iter().any(|p| tells(&p)) {
                return broken(
                    "what is acknowledged is told",
                    format!("{incident}, what happened at {happened}"),
                );
            }
        }
        let mut published: BTreeMap<&str, usize> = BTreeMap::new();
        for one in &self.published {
            *published.entry(&one.id).or_default() += 1;
        }
        for (id, times) in published {
            let faults = self.unrecorded.get(id).copied().unwrap_or(0);
            if times > 1 + faults {
                return broken("a repeat has a fault", format!("{id}: {times} times, {faults} faults"));
            }
        }
        for (incident, counted) in &self.counted {
            let total = counted.before + counted.errors;
            let delivered = self.delivered.get(incident).copied().unwrap_or(0);
            let events: u64 = self.acknowledged.get(incident).map_or(0, |events| events.values().sum());
            if total < events || total > delivered {
                return broken(
                    "counts lie between events and deliveries",
                    format!("{incident}: {total} of {events} and {delivered}"),
                );
            }
        }
        for near in self.published.iter().filter(|p| p.is_near) {
            let asked = self.asked.iter().find(|a| a.incident == near.incident);
            if let Some(asked) = asked.filter(|_| self.config.headroom_mode == Mode::Observe) {
                return broken("what is only coming is filed only if the operator says so", asked.id.clone());
            }
        }
        for asked in &self.asked {
            let of_it = |p: &&Published| p.incident == asked.incident && p.at >= asked.at;
            let news = self.published.iter().filter(of_it);
            let (told, ended) = news
                .fold((false, false), |(told, ended), p| (told || p.asks, ended || p.kind == Kind::Outcome));
            if !told || !ended {
                return broken(
                    "a request is told, and followed to its end",
                    format!("{}: told {told}, outcome {ended}", asked.id),
                );
            }
        }
        Ok(())
    }

    /// How many notices were published, lines of digests among them; how many were repeats; how many told
    /// of outcomes.
    pub(super) fn notices(&self) -> (u64, u64, u64) {
        let once: BTreeSet<&str> = self.published.iter().map(|p| p.id.as_str()).collect();
        let outcomes = self.published.iter().filter(|p| p.kind == Kind::Outcome).count();
        let all = self.published.len();
        (all as u64, (all - once.len()) as u64, outcomes as u64)
    }

    /// How many notices told of what was coming.
    pub(super) fn foreseen(&self) -> u64 {
        let is_ahead = |p: &&Published| matches!(p.kind, Kind::Headroom | Kind::Lifecycle);
        self.published.iter().filter(is_ahead).count() as u64
    }

    pub(super) fn requests(&self) -> u64 {
        self.asked.len() as u64
    }

    pub(super) fn incidents(&self) -> u64 {
        self.counted.len() as u64
    }
}
