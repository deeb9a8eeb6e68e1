//! Checks the promises against what happened: what is held and acknowledged here, what is told in `notices`, and what
//! must have happened in the end in `rest`. The promises about requests are in [`crate::simulation::filing`].
//!
//! Invariant: Nothing here is computed as the function computes it. The only inputs are what was sent, what was
//! acknowledged, what the world saw, and what was true of it.

pub(super) mod observed;
mod notices;
mod rest;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::ids::{AccountRegion, IncidentId, QuotaCode};
use crate::incident::notice_kind::Kind;
use crate::sandbox::{Happened, PortCall};
use crate::simulation::account::Account;
use crate::simulation::check::observed::{
    Acknowledged, AskedRequest, CountedErrors, Filing, HeardNotice, Leased, OpenInvocation, PublishedNotice,
    SeenIncident,
};
use crate::simulation::problem::Problem;
use crate::simulation::truth::{Request, Truth};
use crate::simulation::violation::{Checked, broken};

/// Interval of the reminders of a step after the first one: no sooner and no later. It is also the longest silence
/// while calls fail.
const BETWEEN_REMINDERS: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Everything that was observed of a life.
pub(super) struct Checker<'a> {
    pub(super) account: &'a Account,
    /// The problems of each incident.
    problems: BTreeMap<IncidentId, Vec<&'a Problem>>,
    pub(super) truth: Truth,
    seen: BTreeMap<IncidentId, SeenIncident>,
    running: BTreeMap<u64, OpenInvocation>,
    /// The function that has an incident's lease.
    holders: BTreeMap<IncidentId, u64>,
    published: Vec<PublishedNotice>,
    recorded: BTreeSet<String>,
    unrecorded: BTreeMap<String, usize>,
    pub(super) asked: Vec<AskedRequest>,
    pub(super) filed: BTreeMap<AccountRegion, Vec<Timestamp>>,
    counted: BTreeMap<IncidentId, CountedErrors>,
    delivered: BTreeMap<IncidentId, u64>,
    acknowledged: BTreeMap<IncidentId, BTreeMap<usize, u64>>,
    acknowledgements: Vec<Acknowledged>,
    pub(super) faults: u64,
    pub(super) digests: u64,
    pub(super) unanswered: u64,
    pub(super) promised: u64,
}

impl<'a> Checker<'a> {
    pub(super) fn new(account: &'a Account, incidents: &BTreeMap<usize, IncidentId>) -> Self {
        let mut problems: BTreeMap<IncidentId, Vec<&Problem>> = BTreeMap::new();
        for (n, incident) in incidents {
            problems.entry(incident.clone()).or_default().extend(account.problems.get(*n));
        }
        Self {
            account,
            problems,
            truth: account.truth.clone(),
            seen: BTreeMap::new(),
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
            promised: 0,
        }
    }

    /// A function starts with what its delivery reports.
    pub(super) fn started(
        &mut self,
        function: u64,
        told: BTreeMap<IncidentId, HeardNotice>,
        is_observing: bool,
    ) {
        self.running.insert(function, OpenInvocation { told, is_observing, ..OpenInvocation::default() });
    }

    /// Every problem that `incident` is about.
    pub(super) fn problems_of(&self, incident: &IncidentId) -> impl Iterator<Item = &'a Problem> {
        self.problems.get(incident).into_iter().flatten().copied()
    }

    /// A problem of `incident`; `None` for a forecast.
    pub(super) fn problem(&self, incident: &IncidentId) -> Option<&'a Problem> {
        let all = self.problems.get(incident)?;
        all.iter().find(|problem| problem.is_throttle()).or_else(|| all.first()).copied()
    }

    /// Whether an event told that the root user caused `incident`.
    pub(super) fn is_of_root(&self, incident: &IncidentId) -> bool {
        self.seen.get(incident).is_some_and(|seen| seen.by_root)
    }

    pub(super) fn is_observing(&self, function: u64) -> bool {
        self.running.get(&function).is_some_and(|running| running.is_observing)
    }

    /// Whether such a call of `function` failed.
    pub(super) fn failed(&self, function: u64, call: PortCall) -> bool {
        self.running.get(&function).is_some_and(|running| running.failed.contains(&call))
    }

    /// A function received a message with `errors` errors of `incident`.
    pub(super) fn delivered(&mut self, incident: &IncidentId, errors: u64) {
        *self.delivered.entry(incident.clone()).or_default() += errors;
    }

    /// Checks what `function` caused up to `at`.
    pub(super) fn happened(&mut self, function: u64, all: Vec<Happened>, at: Timestamp) -> Checked {
        for happened in all {
            match happened {
                Happened::Failed { call } => {
                    self.faults += 1;
                    self.running.entry(function).or_default().failed.insert(call);
                    if matches!(call, PortCall::Publish | PortCall::Finish) {
                        self.excuse(function);
                    }
                }
                Happened::Claimed { incident, episode, errors } => {
                    self.heard(function, &incident, episode);
                    self.claimed(incident, episode, errors);
                }
                Happened::Leased { incident, before, now } => {
                    if let Some(seen) = self.seen.get_mut(&incident) {
                        let SeenIncident { first, by_root, .. } = *seen;
                        let leased = Leased { at, first, by_root, words: seen.words.clone() };
                        let running = self.running.entry(function).or_default();
                        running.leased.insert(incident.clone(), leased);
                    }
                    self.leased(function, incident, before, now)?;
                }
                Happened::Reserved { incident, place, code, at } => {
                    self.holds(function, &incident)?;
                    let running = self.running.entry(function).or_default();
                    running.reserved.push((incident, place, code, at));
                }
                Happened::Asked { place, code, desired, request_id } => {
                    self.asked(function, &place, &code, desired, request_id, at)?;
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

    /// Checks that a function without the lease writes nothing.
    fn holds(&self, function: u64, incident: &IncidentId) -> Checked {
        match self.holders.get(incident) {
            Some(holder) if *holder == function => Ok(()),
            _ => broken("who lost the lease writes nothing", incident.to_string()),
        }
    }

    /// Excuses a published notice that `function` did not record: it died, or lost its lease.
    pub(super) fn excuse(&mut self, function: u64) {
        self.running.entry(function).or_default().is_excused = true;
    }

    /// `function` has ended in some way.
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

    /// What `function` knows about an incident whose lease it took.
    pub(super) fn leased_by(&self, function: u64, incident: &IncidentId) -> Option<&Leased> {
        self.running.get(&function)?.leased.get(incident)
    }

    /// A delivery's part of an incident is in the ledger.
    fn heard(&mut self, function: u64, incident: &IncidentId, episode: u32) {
        let heard = self.running.get(&function).and_then(|running| running.told.get(incident));
        let fresh =
            || SeenIncident { episode, first: None, by_root: false, words: Vec::new(), past: Vec::new() };
        let seen = self.seen.entry(incident.clone()).or_insert_with(fresh);
        if seen.episode != episode {
            let past = seen.past.iter().chain(&seen.words).cloned().collect();
            *seen = SeenIncident { past, ..fresh() };
        }
        if let Some(heard) = heard {
            seen.hear(heard);
        }
        for leased in self.running.values_mut().filter_map(|running| running.leased.get_mut(incident)) {
            leased.words.extend(seen.words.iter().cloned());
        }
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
        place: &AccountRegion,
        code: &QuotaCode,
        desired: f64,
        request_id: Option<String>,
        at: Timestamp,
    ) -> Checked {
        let reserved = &mut self.running.entry(function).or_default().reserved;
        // A reservation that was undone may stand before it.
        let Some(n) = reserved.iter().rposition(|(_, p, c, _)| p == place && c == code) else {
            return broken("nothing is filed without a reservation", format!("{code} in {}", place.region));
        };
        let (incident, _, _, intended) = reserved.remove(n);
        let filing = Filing { function, incident: &incident, place, code, desired, intended, at };
        self.may_file(&filing)?;
        let Some(id) = request_id else { return Ok(()) };
        let seen = self.since_leased(&filing);
        self.filed.entry(place.clone()).or_default().push(intended);
        self.requested(id.clone(), place, code, desired, at, true);
        // Against the value that the function read before a change, even a refused request looks granted.
        if self.truth.values(&place.region, code, seen).is_some_and(|(least, most)| least < most) {
            self.truth.muddle(&id);
        }
        self.asked.push(AskedRequest { incident, id, at });
        Ok(())
    }

    /// Service Quotas accepted a request, from the function or from someone else.
    pub(super) fn requested(
        &mut self,
        id: String,
        place: &AccountRegion,
        code: &QuotaCode,
        desired: f64,
        created: Timestamp,
        is_ours: bool,
    ) {
        self.truth.requested(Request {
            id,
            region: place.region.clone(),
            code: code.clone(),
            desired,
            created,
            is_ours,
            verdict: None,
            is_muddled: false,
        });
    }

    /// A message with an error of `incident`, or an alarm, of that time was deleted from the queue.
    /// `is_known`: whether the ledger has the incident, or the one that counts its sender's many different errors
    /// when there were too many.
    pub(super) fn acknowledged(
        &mut self,
        event: usize,
        incident: &IncidentId,
        problem: &Problem,
        is_known: bool,
        happened: Timestamp,
        at: Timestamp,
    ) -> Checked {
        if !is_known {
            return broken("what is acknowledged is recorded", incident.to_string());
        }
        // A forged error may be counted elsewhere.
        if !problem.is_forged() {
            self.acknowledged.entry(incident.clone()).or_default().insert(event, problem.errors());
            let action = problem.action();
            self.acknowledgements.push(Acknowledged { incident: incident.clone(), action, happened, at });
        }
        Ok(())
    }

    /// The number of published notices, including lines of digests; how many were repeats; how many reported
    /// outcomes.
    pub(super) fn notices(&self) -> (u64, u64, u64) {
        let once: BTreeSet<&str> = self.published.iter().map(|p| p.id.as_str()).collect();
        let outcomes = self.published.iter().filter(|p| p.kind == Kind::Outcome).count();
        let all = self.published.len();
        (all as u64, (all - once.len()) as u64, outcomes as u64)
    }

    /// The number of forecast notices.
    pub(super) fn foreseen(&self) -> u64 {
        let is_forecast = |p: &&PublishedNotice| matches!(p.kind, Kind::Headroom | Kind::Lifecycle);
        self.published.iter().filter(is_forecast).count() as u64
    }

    pub(super) fn requests(&self) -> u64 {
        self.asked.len() as u64
    }

    pub(super) fn incidents(&self) -> u64 {
        self.counted.len() as u64
    }
}
