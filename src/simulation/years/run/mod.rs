//! A year, in steps of five minutes.
//!
//! Invariant: The world is the same under every policy. Only the requests to AWS, and what people do about a notice,
//! differ.

mod acts;
mod function;
mod outcome;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use jiff::{SignedDuration, Timestamp};

use crate::identity::FunctionIdentity;
use crate::ids::{AccountRegion, IncidentId};
use crate::quota::request::RequestStatus;
use crate::sandbox::state::Sandbox;
use crate::simulation::years::account::YearAccount;
use crate::simulation::years::daily::Daily;
use crate::simulation::years::demand::{DAY, FROM, HOUR};
use crate::simulation::years::events::alarm;
use crate::simulation::years::figures::Figures;
use crate::simulation::years::people::two_working_days_after;
use crate::simulation::years::pool::{Admitted, Bound};
use crate::simulation::years::requests::Requests;
use crate::simulation::years::reviewer;
use crate::simulation::years::setting::{LATE, Mail, Policy, STEP, Setting};
use crate::simulation::years::sight::Sight;
use crate::simulation::years::telling::{NoticeTally, Silence};
use crate::time::after;

/// Days that measurements are kept.
const KEPT: i64 = 17;

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
        let file = world::file(account);
        let measured = world::measured(account);
        let home = file.home();
        let place = home.place();
        let world = world::open(file, time(start, FROM * DAY), &measured);
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
            sight: Sight::new(account, measured.len()),
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
}
