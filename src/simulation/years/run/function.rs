//! The function in a year: what is delivered to it, and what it files and says.

use jiff::{SignedDuration, Timestamp};

use crate::identity::FunctionIdentity;
use crate::ids::IncidentId;
use crate::model::ModelId;
use crate::notice::Notice;
use crate::plan::action::{Action, Reason};
use crate::run::context::{RunContext, TimeBudget};
use crate::run::handler::handle;
use crate::sandbox::Happened;
use crate::simulation::years::demand::{DAY, HOUR};
use crate::simulation::years::people::two_working_days_after;
use crate::simulation::years::requests::RequestEnd;
use crate::simulation::years::run::{Act, YearLife, done, time};
use crate::simulation::years::setting::{Mail, Policy};

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

impl<'a> YearLife<'a> {
    pub(super) fn terms<'t>(&self, home: &'t FunctionIdentity) -> RunContext<'t>
    where
        'a: 't,
    {
        let allowance = TimeBudget { until: Timestamp::MAX, lease: LEASE };
        RunContext { config: &self.setting.config, home, allowance }
    }

    /// One delivery to the function.
    pub(super) fn deliver(&mut self, payload: &str, now: i64) {
        let home = self.home.clone();
        let terms = self.terms(&home);
        done(handle(&self.world, &terms, payload.as_bytes()));
        self.see_what_happened(now);
    }

    /// Records the requests and notices that the world's journal reports.
    pub(super) fn see_what_happened(&mut self, now: i64) {
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

    pub(super) fn filed(&mut self, id: String, n: usize, desired: f64, now: i64) {
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
    pub(super) fn tick(&mut self, now: i64) {
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
    pub(super) fn spent(&self) -> (u64, u64) {
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
}
