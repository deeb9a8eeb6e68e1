//! Checks the promises against what happened: what is acknowledged, sent, held and followed. The promises about
//! requests are in [`crate::simulation::filing`].
//!
//! Invariant: Nothing here is computed as the function computes it. The only inputs are what was sent, what was
//! acknowledged, what the world saw, and what was true of it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::config::Mode;
use crate::diagnosis::Cause;
use crate::ids::{AccountRegion, IncidentId, QuotaCode};
use crate::incident::notice_kind::Kind;
use crate::notice::Notice;
use crate::plan::action::{Action, Reason};
use crate::sandbox::{Happened, PortCall};
use crate::simulation::account::Account;
use crate::simulation::problem::{Problem, Word};
use crate::simulation::telling;
use crate::simulation::truth::{Request, Span, Truth, earlier};
use crate::simulation::violation::{Checked, TOLERANCE, broken};
use crate::time::after;

/// Longest delay of a notice that is not sent at once, after the last failure: open requests are looked at every
/// 15 minutes, and a clock that had jumped may have set the due time.
const SOON: SignedDuration = SignedDuration::from_mins(21);
/// Intervals of the reminders of a step: no sooner and no later.
const FIRST_REMINDER: SignedDuration = SignedDuration::from_hours(24);
const BETWEEN_REMINDERS: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A request that AWS leaves open has reminders after one week, another week, then every two weeks.
const LEFT_OPEN: SignedDuration = SignedDuration::from_hours(14 * 24 + 7);
/// A question that AWS does not answer is in a notice after a day, and again a week later.
const UNANSWERED: SignedDuration = SignedDuration::from_hours(7 * 24 + 7);

/// A notice, or an incident's line in a digest.
#[expect(clippy::struct_excessive_bools, reason = "each says something of its own")]
struct PublishedNotice {
    incident: IncidentId,
    episode: Option<u32>,
    id: String,
    kind: Kind,
    /// Whether a person must take a step, which has reminders.
    needs_person: bool,
    at: Timestamp,
    /// Whether it reports a request.
    asks: bool,
    /// Whether nothing fails yet and a quota is only nearly full.
    is_near: bool,
    /// Whether it is a line of a digest, which does not name the denied action.
    is_line: bool,
    /// The denied action that it names.
    action: Option<String>,
    /// The request whose end or waiting it reports.
    request: Option<String>,
    /// Why nothing was filed.
    withheld: Vec<String>,
    /// Whether it warns of misuse.
    warns: bool,
    /// What it says, without numbers.
    says: BTreeSet<String>,
}

/// A request that Service Quotas accepted from the function.
pub(super) struct AskedRequest {
    pub(super) incident: IncidentId,
    pub(super) id: String,
    pub(super) at: Timestamp,
}

/// An error that was deleted from its queue.
struct Acknowledged {
    incident: IncidentId,
    /// The denied action that it names.
    action: Option<&'static str>,
    happened: Timestamp,
    at: Timestamp,
}

/// What a running function has done and not finished.
#[derive(Default)]
struct OpenInvocation {
    /// What its delivery reports about each incident.
    told: BTreeMap<IncidentId, HeardNotice>,
    /// What it knows about each incident whose lease it took.
    leased: BTreeMap<IncidentId, Leased>,
    /// Whether it was deployed in `observe` mode.
    is_observing: bool,
    /// Its calls that failed.
    failed: BTreeSet<PortCall>,
    reserved: Vec<(IncidentId, AccountRegion, QuotaCode, Timestamp)>,
    /// Notices that were published and not yet recorded.
    unrecorded: Vec<(IncidentId, String)>,
    /// Whether something happened to it that excuses notices without a record.
    is_excused: bool,
}

/// What was known about an incident when a function took its lease. The function does not see later errors, and may
/// still carry out its decision when another function has the lease.
pub(super) struct Leased {
    pub(super) at: Timestamp,
    /// When its first error happened.
    pub(super) first: Option<Timestamp>,
    pub(super) by_root: bool,
    /// All values of [`SeenIncident::words`] since then.
    words: Vec<Word>,
}

/// The errors of an incident: those of earlier episodes, and those of the present one.
#[derive(Default)]
struct CountedErrors {
    before: u64,
    episode: u32,
    errors: u64,
}

/// What one delivery reports about an incident.
#[derive(Clone, Default)]
pub(super) struct HeardNotice {
    pub(super) words: Vec<Word>,
    /// When its first error happened.
    pub(super) first: Option<Timestamp>,
    /// Whether it says that the root user called.
    pub(super) by_root: bool,
}

/// What the ledger was told about an incident in its present episode.
struct SeenIncident {
    episode: u32,
    /// When it first happened.
    first: Option<Timestamp>,
    by_root: bool,
    /// The last word; if AWS recorded an error with a named cause, the last of those.
    words: Vec<Word>,
    /// The words of earlier episodes.
    past: Vec<Word>,
}

impl SeenIncident {
    fn hear(&mut self, heard: &HeardNotice) {
        self.first = [self.first, heard.first].into_iter().flatten().min();
        self.by_root |= heard.by_root;
        let named: Vec<Word> = heard.words.iter().filter(|word| word.is_named()).cloned().collect();
        if !named.is_empty() {
            self.words = named;
        } else if !self.words.iter().any(Word::is_named) {
            self.words.extend(heard.words.iter().cloned());
            if heard.words.iter().any(|word| word.is_alarm) {
                self.words.append(&mut self.past);
            }
        }
    }
}

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
        let Some(n) = reserved.iter().position(|(_, p, c, _)| p == place && c == code) else {
            return broken("nothing is filed without a reservation", format!("{code} in {}", place.region));
        };
        let (incident, _, _, intended) = reserved.remove(n);
        let filing = Filing { function, incident: &incident, place, code, desired, intended, at };
        self.may_file(&filing)?;
        let Some(id) = request_id else { return Ok(()) };
        self.filed.entry(place.clone()).or_default().push(intended);
        self.requested(id.clone(), place, code, desired, at, true);
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

    /// Checks that a notice of a request's end says what AWS decided.
    fn is_true(&self, notice: &Notice) -> Checked {
        let Some(outcome) = notice.outcome else { return Ok(()) };
        let request = notice.request_id.as_ref().and_then(|id| self.truth.request(id));
        let Some(request) = request else {
            return broken("a told outcome is of a request", format!("{:?}", notice.request_id));
        };
        let verdict = request.verdict.map(|(how, _)| how);
        // If the value also changed for another reason, only the end can be known, not how it ended.
        if verdict == Some(outcome) || request.is_muddled {
            return Ok(());
        }
        broken("a told outcome is AWS's own", format!("{}: {outcome} was told of {verdict:?}", request.id))
    }

    /// Checks that a notice's cause, action and resource are the last that were reported.
    fn is_the_last_word(&self, function: u64, notice: &Notice) -> Checked {
        let running = self.running.get(&function);
        let of_it = |id: &Option<IncidentId>| Some(&running?.leased.get(id.as_ref()?)?.words);
        let is_word =
            |words: &[Word], fits: &dyn Fn(&Word) -> bool| words.is_empty() || words.iter().any(fits);
        if matches!(notice.kind, Kind::Opened | Kind::Again | Kind::Reminder)
            && let Some(words) = of_it(&notice.incident_id)
        {
            let (action, resource) = (notice.facts.action.as_deref(), notice.facts.resource.as_deref());
            let fits = |word: &Word| {
                Some(word.cause) == notice.cause
                    && word.action.as_deref() == action
                    && word.resource.as_deref() == resource
            };
            if !is_word(words, &fits) {
                let told = format!("{:?} {action:?} {resource:?}", notice.cause);
                let how = format!("{:?}: {told} of {words:?}", notice.incident_id);
                return broken("a told cause, action and resource is the last that was heard", how);
            }
        }
        for line in &notice.incidents {
            let Some(words) = of_it(&line.incident_id) else { continue };
            let is_open = matches!(line.kind, Kind::Opened | Kind::Again | Kind::Reminder);
            if is_open && !is_word(words, &|word| Some(word.cause) == line.cause) {
                let how = format!("{:?}: {:?} of {words:?}", line.incident_id, line.cause);
                return broken("a told cause, action and resource is the last that was heard", how);
            }
        }
        Ok(())
    }

    fn told(&mut self, function: u64, notice: &Notice, at: Timestamp) -> Checked {
        self.digests += u64::from(notice.kind == Kind::Digest);
        self.unanswered += u64::from(notice.kind == Kind::Unanswered);
        self.is_true(notice)?;
        self.is_the_last_word(function, notice)?;
        let asks = notice.actions.iter().any(|a| matches!(a, Action::RequestIncrease(_)));
        let published =
            |incident: &Option<IncidentId>, episode, id: &str, kind, cause: Option<Cause>, warns: bool| {
                let (id, needs_person) = (id.to_owned(), cause.is_some_and(Cause::needs_person));
                let is_near = cause == Some(Cause::NearQuota);
                Some(PublishedNotice {
                    incident: incident.clone()?,
                    episode,
                    id,
                    kind,
                    needs_person,
                    at,
                    asks,
                    is_near,
                    is_line: notice.kind == Kind::Digest,
                    action: notice.facts.action.as_deref().map(str::to_owned),
                    request: notice.request_id.clone(),
                    withheld: notice.withheld.iter().map(|w| w.reason.clone()).collect(),
                    warns,
                    says: telling::says(notice),
                })
            };
        let warns = notice.withheld.iter().any(|withheld| withheld.kind == Reason::UnusualCaller);
        let (id, kind, cause) = (&notice.notice_id, notice.kind, notice.cause);
        let own = published(&notice.incident_id, notice.episode, id, kind, cause, warns);
        let lines = notice.incidents.iter().filter_map(|l| {
            let warns = l.withheld.contains(&Reason::UnusualCaller);
            published(&l.incident_id, l.episode, &l.notice_id, l.kind, l.cause, warns)
        });
        for published in own.into_iter().chain(lines) {
            let running = self.running.entry(function).or_default();
            running.unrecorded.push((published.incident.clone(), published.id.clone()));
            self.is_not_too_soon(&published)?;
            self.published.push(published);
        }
        Ok(())
    }

    /// Checks that the same notice does not come again and again.
    fn is_not_too_soon(&self, new: &PublishedNotice) -> Checked {
        if new.kind == Kind::Unanswered {
            let of_it =
                |p: &&PublishedNotice| p.kind == new.kind && p.incident == new.incident && p.id != new.id;
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
        let of_it = self.published.iter().filter(|p| p.incident == new.incident && p.episode == new.episode);
        let cool_down = self.account.config.notice_cool_down;
        let mut course = telling::NoticeCourse::default();
        let mut ids = BTreeSet::new();
        for told in of_it.filter(|p| ids.insert(&p.id)) {
            match told.kind {
                Kind::Resolved => course.over(),
                Kind::Outcome => course.ended(),
                kind if counts(kind) => course.told(told.at, told.says.clone(), told.is_line || told.asks),
                _ => {}
            }
        }
        let first = if new.needs_person { FIRST_REMINDER } else { cool_down };
        match course.next(new.at, &new.says, new.is_line, cool_down, first) {
            // A warning of misuse does not wait.
            Some(next) if new.at < earlier(next, TOLERANCE) && !new.warns => broken(
                "not told again before the cool-down is over",
                format!("{}: {} at {}, and not before {next}", new.incident, new.id, new.at),
            ),
            _ => Ok(()),
        }
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

    /// Checks the state at rest. `mended`: since when nothing failed and the schedule ticked.
    pub(super) fn at_rest(&self, mended: Timestamp) -> Checked {
        for Acknowledged { incident, action, happened, at } in &self.acknowledgements {
            // A line of a digest names only the incident; then the incident must be about one action.
            let mut actions = self.problems.get(incident).into_iter().flatten().map(|p| p.action());
            let is_of_one_action = actions.all(|other| other == *action);
            // The longest silence while calls fail is a week.
            let since = earlier(earlier(*happened, BETWEEN_REMINDERS), TOLERANCE);
            let by = after((*at).max(mended), SOON);
            let tells = |p: &&PublishedNotice| {
                matches!(p.kind, Kind::Opened | Kind::Again | Kind::Reminder | Kind::Outcome)
                    && p.incident == *incident
                    && (since..=by).contains(&p.at)
                    && (p.action.as_deref() == *action || (p.is_line && is_of_one_action))
            };
            if !self.published.iter().any(|p| tells(&p)) {
                return broken(
                    "what is acknowledged is told",
                    format!("{incident} {}, what happened at {happened}", action.unwrap_or_default()),
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
            let delivered = if self.problems.contains_key(incident) {
                self.delivered.get(incident).copied().unwrap_or(0)
            } else {
                // It counts many different errors of one sender.
                self.delivered.values().sum()
            };
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
            if let Some(asked) = asked.filter(|_| self.account.config.headroom_mode == Mode::Observe) {
                return broken("what is only coming is filed only if the operator says so", asked.id.clone());
            }
        }
        for asked in &self.asked {
            let of_it = |p: &&PublishedNotice| p.incident == asked.incident && p.at >= asked.at;
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

    /// Checks, after a `span` without messages, that notices report what AWS leaves open or does not answer.
    pub(super) fn is_reminded(&self, span: Span, is_unread: bool) -> Checked {
        for asked in &self.asked {
            let is_told =
                self.published.iter().any(|p| p.incident == asked.incident && p.asks && p.at <= span.from);
            let is_open = self.truth.request(&asked.id).is_some_and(|r| r.verdict.is_none());
            if !is_told || !is_open {
                continue;
            }
            let told = |fits: &dyn Fn(&&PublishedNotice) -> bool| {
                let of_it = self.published.iter().filter(|p| p.incident == asked.incident);
                of_it.filter(|p| (span.from..=span.to).contains(&p.at)).any(|p| fits(&p))
            };
            let lasts = |wait| after(span.from, wait) <= span.to;
            if is_unread && lasts(UNANSWERED) && !told(&|p| p.kind == Kind::Unanswered) {
                return broken("what AWS does not answer is told", asked.id.clone());
            }
            let is_reminder = |p: &&PublishedNotice| p.request.as_ref() == Some(&asked.id);
            if !is_unread && lasts(LEFT_OPEN) && !told(&is_reminder) {
                return broken("people are reminded of a request that AWS leaves open", asked.id.clone());
            }
        }
        Ok(())
    }

    /// What the last notice of an incident said, and why nothing was filed.
    fn last_told(&self, incident: &IncidentId) -> String {
        let of_it = |p: &&PublishedNotice| p.incident == *incident;
        self.published.iter().rfind(of_it).map_or_else(
            || "nothing was told".to_owned(),
            |p| format!("told last, at {}: {} {:?}", p.at, p.kind, p.withheld),
        )
    }

    /// Checks a model that was fully used all through `span`, with errors and without long failures, for its request.
    pub(super) fn is_served(&mut self, used: usize, span: Span, incident: &IncidentId) -> Checked {
        let Some((region, code)) = self.account.code(used) else { return Ok(()) };
        let is_asked = |r: &Request| r.is_ours && r.created >= span.from;
        if self.truth.requests_of(&region, &code).any(is_asked) {
            self.promised += 1;
            return Ok(());
        }
        match self.not_promised(used, span, incident) {
            Some(_) => Ok(()),
            None => broken(
                "a need that deserves a request gets one",
                format!("{code} in {region} from {} to {}; {}", span.from, span.to, self.last_told(incident)),
            ),
        }
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

/// A request that the function filed with Service Quotas.
pub(crate) struct Filing<'f> {
    pub(crate) function: u64,
    pub(crate) incident: &'f IncidentId,
    pub(crate) place: &'f AccountRegion,
    pub(crate) code: &'f QuotaCode,
    pub(crate) desired: f64,
    /// When it was meant to be filed.
    pub(crate) intended: Timestamp,
    pub(crate) at: Timestamp,
}
