//! A year, in steps of five minutes.
//!
//! Invariant: The world is the same under every policy. Only the requests to AWS, and what people do about a notice,
//! differ.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use jiff::{SignedDuration, Timestamp};

use crate::identity::FunctionIdentity;
use crate::ids::{AccountId, AccountRegion, IncidentId, Region};
use crate::model::ModelId;
use crate::notice::Notice;
use crate::operate;
use crate::plan::action::{Action, Reason};
use crate::quota::request::RequestStatus;
use crate::run::context::{RunContext, TimeBudget};
use crate::run::handler::handle;
use crate::sandbox::state::Sandbox;
use crate::sandbox::{Happened, QuotaEntry, UsageEntry, WorldFile};
use crate::simulation::years::account::YearAccount;
use crate::simulation::years::daily::Daily;
use crate::simulation::years::demand::{DAY, FROM, HOUR};
use crate::simulation::years::events::{REGION, alarm};
use crate::simulation::years::figures::Figures;
use crate::simulation::years::people::{Wish, is_working_day, two_working_days_after, wishes};
use crate::simulation::years::pool::{Admitted, Bound};
use crate::simulation::years::requests::{RequestEnd, Requests};
use crate::simulation::years::reviewer;
use crate::simulation::years::setting::{ACCOUNT, LATE, Mail, Policy, STEP, Setting};
use crate::simulation::years::sight::Sight;
use crate::simulation::years::telling::{NoticeTally, Silence};
use crate::time::after;

/// Days that measurements are kept.
const KEPT: i64 = 17;
/// The length of a lease, as in the deployed function.
const LEASE: SignedDuration = SignedDuration::from_secs(90);
/// Ports that write to the ledger, and ports that only read it.
const WRITES: [&str; 11] = [
    "claim",
    "take_over",
    "seize",
    "wake_followers",
    "reserve",
    "not_filed",
    "finish",
    "admit",
    "tally",
    "watch",
    "remember",
];
const READS: [&str; 5] = ["due", "all", "seen", "incident", "quota"];

/// One action of a person.
#[derive(Clone, Debug, PartialEq)]
enum Act {
    /// Judges an incident for which the function waits: approves legitimate demand, ends the rest.
    Judge { incident: IncidentId, pool: usize },
    /// Opens the support case that a notice asks for.
    Open { pool: usize },
    /// Takes the missing access step.
    Step { trouble: usize },
    /// Files what a throttled pool needs.
    File { pool: usize },
}

/// A year in progress.
pub(super) struct YearLife<'a> {
    setting: &'a Setting,
    account: YearAccount,
    policy: Policy,
    seed: u64,
    world: Sandbox,
    home: FunctionIdentity,
    start: Timestamp,
    place: Option<AccountRegion>,
    sight: Sight,
    requests: Requests,
    /// When support cases are decided: quota, minute and value.
    cases: Vec<(usize, i64, f64)>,
    cases_before: BTreeMap<usize, i64>,
    acts: Vec<(i64, Act)>,
    judged: BTreeMap<IncidentId, i64>,
    daily: Daily,
    telling: NoticeTally,
    mails: Vec<Mail>,
    /// For each pool, then for each trouble.
    silences: Vec<Silence>,
    /// When something in the ledger is due; `None` if nothing is.
    due: Option<i64>,
    /// The cost of a tick without work, in AWS calls and ledger writes; and the number of ticks left out.
    idle_tick: Option<(u64, u64)>,
    left_out: u64,
    abuse: (f64, f64),
    /// When the attack on each pool could first be seen, and when a warning was sent.
    attacks: BTreeMap<usize, (Option<i64>, Option<i64>)>,
}

/// The time of a minute of the year.
fn time(start: Timestamp, minute: i64) -> Timestamp {
    after(start, SignedDuration::from_mins(minute))
}

/// Runs `future`, which waits for nothing but the sandbox.
fn done<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    (0..10_000_000).find_map(|_| match future.as_mut().poll(&mut context) {
        Poll::Ready(done) => Some(done),
        Poll::Pending => None,
    })
}

impl<'a> YearLife<'a> {
    pub(super) fn new(setting: &'a Setting, account: &YearAccount, year: u64, policy: Policy) -> Self {
        // A Monday.
        let start = "2026-01-05T00:00:00Z".parse().unwrap_or_default();
        let region = Region::parse(REGION);
        let entry = |id: &ModelId| {
            Some(UsageEntry {
                region: region.clone()?,
                model_id: id.as_str().to_owned(),
                first_use: None,
                last: None,
                days: None,
                series: Vec::new(),
            })
        };
        let mut ids: Vec<(usize, &ModelId)> = Vec::new();
        for pool in &account.pools {
            ids.extend(pool.services.iter().map(|service| (service.meter, &service.id)));
        }
        for trouble in &account.troubles {
            ids.extend(trouble.models.iter().enumerate().map(|(n, id)| (trouble.meter + n, id)));
        }
        ids.sort_by_key(|(meter, _)| *meter);
        let quotas = account.quotas.iter().map(|quota| QuotaEntry {
            region: None,
            code: quota.code.clone(),
            name: None,
            applied: Some(quota.applied),
            default: Some(quota.default),
            adjustable: Some(quota.is_adjustable),
        });
        let file = WorldFile {
            account: AccountId::parse(ACCOUNT),
            region: region.clone(),
            quotas: quotas.collect(),
            usage: ids.iter().filter_map(|(_, id)| entry(id)).collect(),
            availability: account.availability.clone(),
            profiles: account.profiles.clone(),
            ..WorldFile::default()
        };
        let home = file.home();
        let place = home.place();
        let world = Sandbox::new(file, time(start, FROM * DAY));
        world.list_little();
        world.keep_journal();
        world.set_metrics_late(SignedDuration::from_mins(LATE));
        if let Some(region) = &region {
            for (_, id) in &ids {
                world.feed(region, id.as_str());
            }
        }
        let pools = account.pools.len();
        let attacked = account.pools.iter().enumerate().filter(|(_, pool)| {
            pool.services.iter().any(|s| s.abuse.as_ref().is_some_and(|abuse| !abuse.is_loop))
        });
        Self {
            setting,
            policy,
            seed: setting.seed ^ year.rotate_left(40),
            world,
            home,
            start,
            place,
            sight: Sight::new(account, ids.len()),
            requests: Requests::default(),
            cases: Vec::new(),
            cases_before: BTreeMap::new(),
            acts: Vec::new(),
            judged: BTreeMap::new(),
            daily: Daily::new(pools, setting.days),
            telling: NoticeTally::default(),
            mails: Vec::new(),
            silences: vec![Silence::default(); pools + account.troubles.len()],
            due: None,
            idle_tick: None,
            left_out: 0,
            abuse: (0.0, 0.0),
            attacks: attacked.map(|(n, _)| (n, (None, None))).collect(),
            account: account.clone(),
        }
    }

    fn is_ours(&self) -> bool {
        matches!(self.policy, Policy::Ours | Policy::Reader)
    }

    /// Runs the year. Returns the figures, and the throttled days without abuse by pool and day.
    pub(super) fn live(mut self) -> (Figures, BTreeSet<(usize, i64)>) {
        self.live_through();
        self.figures()
    }

    /// Runs the year. Returns the notices, in order.
    pub(super) fn mails(mut self) -> Vec<Mail> {
        self.live_through();
        self.mails
    }

    fn live_through(&mut self) {
        let mut minute = FROM * DAY;
        while minute < self.setting.days * DAY {
            self.step(minute);
            minute += STEP;
        }
    }

    /// Runs the five minutes from `from` on.
    fn step(&mut self, from: i64) {
        for minute in from..from + STEP {
            self.minute(minute);
        }
        self.world.pass(SignedDuration::from_mins(STEP));
        let now = from + STEP;
        if now.rem_euclid(DAY) == 0 {
            self.world.forget_before(time(self.start, now - KEPT * DAY));
        }
        if from < 0 {
            return;
        }
        let alarms = self.sight.alarms(&self.account);
        self.decide(now);
        if self.is_ours() {
            if self.account.has_alarms {
                for (model, metric) in &alarms {
                    let payload = alarm(model, metric, time(self.start, now));
                    self.deliver(&payload, now);
                }
            }
            if self.account.has_errors
                && let Some(payload) = self.sight.errors(&self.account, now, time(self.start, now - LATE))
            {
                self.deliver(&payload, now);
            }
            self.tick(now);
        }
        self.act(now);
        match self.policy {
            Policy::QuarterMore => self.a_quarter_more(&alarms, now),
            Policy::Operator if now.rem_euclid(DAY) == 9 * HOUR => self.operate(now),
            _ => {}
        }
        if now.rem_euclid(DAY) == 0 {
            self.end_day(now.div_euclid(DAY) - 1, now);
        }
    }

    fn minute(&mut self, minute: i64) {
        let at = time(self.start, minute);
        for n in 0..self.account.pools.len() {
            let Some(pool) = self.account.pools.get(n) else { continue };
            let Some(admitted) = pool.admit(minute, &self.account.quotas) else { continue };
            for (service, served) in pool.services.iter().zip(&admitted.services) {
                self.world.measure(service.meter, at, &served.measured);
                self.sight.see(&self.world, service, served, admitted.bound, minute, at);
            }
            self.daily.add(n, minute, &admitted, pool, &self.account.quotas);
            if minute < 0 {
                continue;
            }
            if admitted.refused > 0.02
                && admitted.requests > 0.0
                && let Some(silence) = self.silences.get_mut(n)
            {
                silence.fail(minute);
            }
            self.abuse.0 += admitted.abuse;
            self.abuse.1 += admitted.abuse_at_first;
            self.notice_attack(n, minute, &admitted);
        }
        if minute >= 0 {
            self.trouble(minute, at);
        }
    }

    /// Records when an attack first fills its quota, or jumps.
    fn notice_attack(&mut self, n: usize, minute: i64, admitted: &Admitted) {
        let Some((seen @ None, _)) = self.attacks.get_mut(&n) else { return };
        let asked: f64 = admitted.services.iter().map(|s| s.legitimate + s.abuse_asked).sum();
        if admitted.abuse_part < 0.2 {
            return;
        }
        let day = minute.div_euclid(DAY);
        let is_jump = || asked >= 5.0 * self.daily.busiest(n, day - 14, day - 1, |d| d.asked).max(1.0);
        if admitted.filled >= 1.0 || is_jump() {
            *seen = Some(minute);
        }
    }

    /// Calls that fail for a reason other than a quota.
    fn trouble(&mut self, minute: i64, at: Timestamp) {
        let first = self.account.pools.len();
        for (n, trouble) in self.account.troubles.iter().enumerate() {
            if minute < trouble.from || minute >= trouble.until {
                continue;
            }
            for (nth, model) in trouble.models.iter().enumerate() {
                // Each model fails at its own minute.
                let own = i64::try_from(nth).unwrap_or_default() * 7;
                if (minute + own).rem_euclid(trouble.every) != 0 {
                    continue;
                }
                self.sight.fail(&self.world, trouble, trouble.meter + nth, model, at);
                if let Some(silence) = self.silences.get_mut(first + n) {
                    silence.fail(minute);
                }
            }
        }
    }

    /// AWS decides the requests that are due.
    fn decide(&mut self, now: i64) {
        let mut decided = false;
        for asked in self.requests.all.iter_mut().filter(|asked| !asked.is_decided && asked.due() <= now) {
            asked.is_decided = true;
            decided = true;
            let status = match asked.decision.value {
                Some(_) if asked.quota % 2 == 0 => RequestStatus::CaseClosed,
                Some(_) => RequestStatus::Approved,
                None => RequestStatus::CaseClosed,
            };
            self.world.decide(&asked.id, status, asked.decision.value);
            if let (Some(quota), Some(value)) =
                (self.account.quotas.get_mut(asked.quota), asked.decision.value)
            {
                quota.applied = value;
            }
        }
        let (over, open) = std::mem::take(&mut self.cases).into_iter().partition(|(_, at, _)| *at <= now);
        self.cases = open;
        for (n, _, value) in over {
            decided = true;
            let Some(quota) = self.account.quotas.get_mut(n).filter(|quota| quota.applied < value) else {
                continue;
            };
            quota.applied = value;
            let code = quota.code.clone();
            self.world.change(|file| {
                let entry = file.quotas.iter_mut().find(|entry| entry.code == code);
                if let Some(entry) = entry {
                    entry.applied = Some(value);
                }
            });
        }
        if decided && self.is_ours() {
            let news = crate::simulation::problem::news(time(self.start, now));
            self.deliver(&news, now);
        }
    }

    fn terms<'t>(&self, home: &'t FunctionIdentity) -> RunContext<'t>
    where
        'a: 't,
    {
        let allowance = TimeBudget { until: Timestamp::MAX, lease: LEASE };
        RunContext { config: &self.setting.config, home, allowance }
    }

    /// One delivery to the function.
    fn deliver(&mut self, payload: &str, now: i64) {
        let home = self.home.clone();
        let terms = self.terms(&home);
        done(handle(&self.world, &terms, payload.as_bytes()));
        self.see_what_happened(now);
    }

    /// Records the requests and notices that the world's journal reports.
    fn see_what_happened(&mut self, now: i64) {
        for happened in self.world.take_journal() {
            match happened {
                Happened::Asked { code, desired, request_id: Some(id), .. } => {
                    let n = self.account.quotas.iter().position(|quota| quota.code == code);
                    if let Some(n) = n {
                        self.filed(id, n, desired, now);
                    }
                }
                Happened::Published(notice) => self.told(&notice, now),
                _ => {}
            }
        }
        self.due =
            self.world.look_at(|rows| rows.values().filter_map(|row| row.record.due_at).min()).map(|at| {
                let seconds = at.duration_since(self.start).as_secs();
                seconds.div_euclid(60) + i64::from(seconds.rem_euclid(60) > 0)
            });
    }

    fn filed(&mut self, id: String, n: usize, desired: f64, now: i64) {
        let day = now.div_euclid(DAY);
        let Some(quota) = self.account.quotas.get(n) else { return };
        let pool =
            self.account.pools.iter().position(|p| p.tokens == n || p.requests == n).unwrap_or_default();
        let used = self
            .daily
            .busiest(pool, day - 14, day, |d| if quota.is_tokens { d.used_tokens } else { d.used_requests });
        self.requests.file(quota, RequestEnd { id, quota: n, at: now, desired }, used, self.seed);
    }

    /// Ticks, if something is due or it is a full hour.
    fn tick(&mut self, now: i64) {
        let is_due = self.due.is_some_and(|due| due <= now);
        if !is_due && now.rem_euclid(HOUR) != 0 && !self.setting.every_tick {
            self.left_out += 1;
            return;
        }
        let before = self.spent();
        self.deliver(&crate::simulation::problem::tick(), now);
        if !is_due {
            let spent = self.spent();
            let cost = (spent.0 - before.0, spent.1 - before.1);
            self.idle_tick = Some(self.idle_tick.map_or(cost, |least| least.min(cost)));
        }
    }

    /// AWS calls and ledger writes so far.
    fn spent(&self) -> (u64, u64) {
        let (mut aws, mut writes) = (0, 0);
        for (call, count) in self.world.calls() {
            if WRITES.contains(&call) {
                writes += u64::from(count);
            } else if !READS.contains(&call) {
                aws += u64::from(count);
            }
        }
        (aws, writes)
    }

    /// A notice was published.
    fn told(&mut self, notice: &Notice, now: i64) {
        self.telling.hear(notice, now);
        if self.setting.keeps_mails {
            self.mails.push(Mail { at: time(self.start, now), notice: notice.clone() });
        }
        let mut models: Vec<(String, Vec<Reason>, Option<IncidentId>)> = Vec::new();
        let withheld = notice.withheld.iter().map(|w| w.kind).collect();
        if let Some(model) = &notice.model_id {
            models.push((model.as_str().to_owned(), withheld, notice.incident_id.clone()));
        }
        for line in &notice.incidents {
            if let Some(model) = &line.model_id {
                models.push((model.to_string(), line.withheld.clone(), line.incident_id.clone()));
            }
        }
        for (model, withheld, incident) in models {
            self.told_of(&model, &withheld, incident, notice, now);
        }
        let first = self.account.pools.len();
        for (n, trouble) in self.account.troubles.iter().enumerate() {
            let is_of = |id: Option<&str>| trouble.models.iter().any(|model| Some(model.as_str()) == id);
            let in_line = notice.incidents.iter().any(|line| is_of(line.model_id.as_deref()));
            // An account-wide incident has no model.
            let is_told =
                in_line || notice.model_id.is_none() || is_of(notice.model_id.as_ref().map(ModelId::as_str));
            if is_told && let Some(silence) = self.silences.get_mut(first + n) {
                silence.tell(now);
                if trouble.needs_person && self.policy == Policy::Reader {
                    let act = Act::Step { trouble: n };
                    if !self.acts.iter().any(|(_, planned)| *planned == act) {
                        self.acts.push((two_working_days_after(now), act));
                    }
                }
            }
        }
    }

    /// The same for one model.
    fn told_of(
        &mut self,
        model: &str,
        withheld: &[Reason],
        incident: Option<IncidentId>,
        notice: &Notice,
        now: i64,
    ) {
        let is_of = |pool: &crate::simulation::years::pool::Pool| {
            pool.services.iter().any(|service| service.id.as_str() == model)
        };
        let Some(pool) = self.account.pools.iter().position(is_of) else { return };
        if let Some(silence) = self.silences.get_mut(pool) {
            silence.tell(now);
        }
        let is_warning = withheld.contains(&Reason::UnusualCaller);
        let has_begun = self.account.pools.get(pool).is_some_and(|pool| {
            pool.services.iter().any(|s| s.abuse.as_ref().is_some_and(|abuse| abuse.from <= now))
        });
        if is_warning
            && has_begun
            && let Some((_, warned @ None)) = self.attacks.get_mut(&pool)
        {
            *warned = Some(now);
        }
        if self.policy != Policy::Reader {
            return;
        }
        let waits = |kind: &Reason| ["unusual-caller", "needs-approval"].contains(&kind.as_str());
        let at = two_working_days_after(now);
        if withheld.iter().any(waits)
            && let Some(incident) = incident
            && self.judged.get(&incident).is_none_or(|before| now - before > 7 * DAY)
        {
            self.judged.insert(incident.clone(), now);
            self.acts.push((at, Act::Judge { incident, pool }));
        }
        let has_case =
            notice.actions.iter().any(|action| matches!(action, Action::PrepareSupportCase { .. }));
        let act = Act::Open { pool };
        if has_case && !self.acts.iter().any(|(_, planned)| *planned == act) {
            self.acts.push((at, act));
        }
    }

    /// What people do now.
    fn act(&mut self, now: i64) {
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
    fn a_quarter_more(&mut self, alarms: &[(String, &'static str)], now: i64) {
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
    fn operate(&mut self, now: i64) {
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

    fn end_day(&mut self, day: i64, now: i64) {
        for n in 0..self.account.pools.len() {
            let Some(pool) = self.account.pools.get(n) else { continue };
            if self.policy == Policy::Person && self.daily.is_throttled(n, day) {
                let act = Act::File { pool: n };
                if !self.acts.iter().any(|(_, planned)| *planned == act) {
                    self.acts.push((two_working_days_after(now - 1), act));
                }
            }
            let Some(bound) = self.daily.needed(n, day) else { continue };
            let quota_n = if bound == Bound::Tokens { pool.tokens } else { pool.requests };
            let is_granting = self.account.quotas.get(quota_n).is_some_and(reviewer::would_grant);
            let was_open = self.requests.of(quota_n).any(|asked| asked.at < now && asked.due() >= now - DAY)
                || self.cases.iter().any(|(open, ..)| *open == quota_n);
            if let Some(day) = self.daily.day(n, day) {
                day.is_in_need = is_granting;
                day.is_idle = is_granting && !was_open;
            }
        }
    }

    fn figures(self) -> (Figures, BTreeSet<(usize, i64)>) {
        let days = self.setting.days;
        let mut figures = Figures::default();
        self.requests.count(&self.account.pools, &self.account.quotas, &self.daily, &mut figures);
        let (throttled, beside_abuse) = self.daily.throttled(days);
        figures.throttled_days = u32::try_from(throttled.len()).unwrap_or(u32::MAX);
        figures.abused_throttled_days = beside_abuse;
        (figures.idle_days, figures.longest_idle) = self.daily.idle(days);
        figures.unserved = self.daily.unserved(days);
        let grew = |quota: &crate::simulation::years::pool::PoolQuota| {
            if quota.first > 0.0 { quota.applied / quota.first } else { 1.0 }
        };
        figures.quota_grew = self.account.quotas.iter().map(grew).fold(1.0, f64::max);
        for (n, pool) in self.account.pools.iter().enumerate() {
            let ratio = |quota: usize, of: fn(&crate::simulation::years::daily::PoolDay) -> f64| {
                let peak = self.daily.busiest(n, days - 14, days - 1, of);
                let applied = self.account.quotas.get(quota).map_or(0.0, |quota| quota.applied);
                if peak > 0.0 { applied / peak } else { f64::INFINITY }
            };
            let nearest = ratio(pool.tokens, |d| d.tokens).min(ratio(pool.requests, |d| d.requests));
            figures.quota_to_demand.extend(Some(nearest).filter(|ratio| ratio.is_finite()));
        }
        let abuses = || self.account.pools.iter().flat_map(|p| &p.services).filter_map(|s| s.abuse.as_ref());
        let amplification = Some(self.abuse.0 / self.abuse.1).filter(|ratio| ratio.is_finite());
        if abuses().any(|abuse| abuse.is_loop) {
            figures.loop_amplification = amplification;
        } else if abuses().next().is_some() {
            figures.attack_amplification = amplification;
        }
        figures.abuse_tokens = self.abuse.0 - self.abuse.1;
        figures.notices = self.telling.notices;
        figures.repeating = self.telling.repeats;
        (figures.week_median, figures.week_most) = self.telling.by_week();
        let longest = self.silences.iter().map(|silence| silence.longest).max().unwrap_or_default();
        figures.silence_hours = if self.is_ours() { longest as f64 / HOUR as f64 } else { 0.0 };
        for (seen, warned) in self.attacks.values() {
            let Some(seen) = seen else { continue };
            figures.attacks += 1;
            figures
                .warned_after_hours
                .extend(warned.map(|warned| (warned - seen).max(0) as f64 / HOUR as f64));
        }
        if self.is_ours() {
            let (aws, writes) = self.spent();
            let (of_aws, of_writes) = self.idle_tick.unwrap_or_default();
            let a_day = |spent: u64, idle: u64| (spent + idle * self.left_out) as f64 / days as f64;
            (figures.aws_calls_a_day, figures.ledger_writes_a_day) =
                (a_day(aws, of_aws), a_day(writes, of_writes));
        }
        (figures, throttled)
    }
}
