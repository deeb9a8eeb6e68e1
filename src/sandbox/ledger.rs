//! The ledger's tables in memory, with the conditions that the real table enforces.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{Sandbox, WorldFile};
use crate::ids::{Place, QuotaCode};
use crate::incident::{Incident, IncidentId};
use crate::world::{
    Answer, Claim, Finish, Followed, Intent, Lease, Ledger, PortError, QuotaRecord, Record, Reserved, State,
};

#[derive(Debug, Default)]
pub(super) struct Tables {
    incidents: BTreeMap<IncidentId, Row>,
    quotas: BTreeMap<(Place, QuotaCode), QuotaRecord>,
    /// Requests filed, by place and day.
    days: BTreeMap<(Place, i64), u32>,
}

#[derive(Debug)]
struct Row {
    record: Record,
    version: u64,
    leased_until: Option<Timestamp>,
}

fn day(now: Timestamp) -> i64 {
    now.as_second().div_euclid(86_400)
}

fn lost() -> PortError {
    PortError::Rejected("the lease on the incident was lost".to_owned())
}

impl Tables {
    pub(super) fn of(file: &WorldFile) -> Self {
        let quotas = file.ledger.iter().map(|e| {
            let followed = Followed {
                code: e.code.clone(),
                name: String::new(),
                desired: e.desired,
                value_before: e.value_before,
                request_id: None,
                intended: e.at,
            };
            let place = Place { account: e.account.clone(), region: e.region.clone() };
            (
                (place, e.code.clone()),
                QuotaRecord { followed, last_outcome: None, cool_down_until: e.cool_down_until },
            )
        });
        Self { quotas: quotas.collect(), ..Self::default() }
    }

    fn claim(&mut self, incident: &Incident, now: Timestamp, lease: SignedDuration) -> Claim {
        let fresh = |episode| Record {
            incident: incident.clone(),
            state: State::Seen,
            episode,
            notices: Vec::new(),
            followed: None,
            due_at: Some(now),
            silent_until: None,
        };
        let row = self.incidents.entry(incident.id.clone()).or_insert_with(|| Row {
            record: fresh(0),
            version: 0,
            leased_until: None,
        });
        if row.record.state == State::Closed || row.record.episode == 0 {
            row.record = fresh(row.record.episode + 1);
        } else {
            row.count(incident);
        }
        let record = &row.record;
        let held = row.leased_until.is_some_and(|until| until > now);
        if held || record.silent_until.is_some_and(|until| until > now) {
            return Claim::Counted(Box::new(record.clone()));
        }
        let lease = row.lease(now, lease);
        Claim::Mine(lease, Box::new(row.record.clone()))
    }

    fn reserve(&mut self, lease: &Lease, intent: &Intent, now: Timestamp) -> Reserved {
        let today = (intent.place.clone(), day(now));
        let filed = self.days.get(&today).copied().unwrap_or(0);
        let key = (intent.place.clone(), intent.followed.code.clone());
        let cooling = self.quotas.get(&key).is_some_and(|q| q.cool_down_until > now);
        let Ok(row) = self.held(lease) else { return Reserved::LeaseLost };
        if cooling {
            return Reserved::CoolingDown;
        }
        if filed >= intent.most_today {
            return Reserved::DailyLimit;
        }
        row.record.state = State::Planned;
        row.record.followed = Some(intent.followed.clone());
        let record = QuotaRecord {
            followed: intent.followed.clone(),
            last_outcome: None,
            cool_down_until: intent.cool_down_until,
        };
        self.quotas.insert(key, record);
        self.days.insert(today, filed + 1);
        Reserved::Yes
    }

    /// The incident's row, if `lease` still holds it.
    fn held(&mut self, lease: &Lease) -> Answer<&mut Row> {
        let row = self.incidents.get_mut(&lease.incident).ok_or(PortError::Missing)?;
        if row.version == lease.version { Ok(row) } else { Err(lost()) }
    }
}

impl Row {
    fn count(&mut self, incident: &Incident) {
        let known = &mut self.record.incident;
        known.counts.add(incident.counts);
        known.last_seen = known.last_seen.max(incident.last_seen);
        known.first_seen = [known.first_seen, incident.first_seen].into_iter().flatten().min();
        // What is learnt later is more than an unnamed limit or an unknown error.
        if known.rule.is_none() && incident.rule.is_some() {
            known.cause = incident.cause;
            known.rule = incident.rule;
            known.facts = incident.facts.clone();
        }
    }

    fn lease(&mut self, now: Timestamp, lease: SignedDuration) -> Lease {
        self.version += 1;
        self.leased_until = now.checked_add(lease).ok();
        Lease { incident: self.record.incident.id.clone(), version: self.version }
    }
}

impl Ledger for Sandbox {
    async fn claim(&self, incident: &Incident, now: Timestamp, lease: SignedDuration) -> Answer<Claim> {
        self.call("claim", |state| Ok(state.ledger.claim(incident, now, lease))).await
    }

    async fn due(&self, now: Timestamp, most: usize) -> Answer<Vec<IncidentId>> {
        self.call("due", |state| {
            let rows = state.ledger.incidents.iter();
            let free = rows.filter(|(_, row)| row.leased_until.is_none_or(|until| until <= now));
            let mut due: Vec<_> = free
                .filter_map(|(id, row)| Some((row.record.due_at.filter(|at| *at <= now)?, id.clone())))
                .collect();
            due.sort();
            Ok(due.into_iter().map(|(_, id)| id).take(most).collect())
        })
        .await
    }

    async fn take_over(
        &self,
        id: &IncidentId,
        now: Timestamp,
        lease: SignedDuration,
    ) -> Answer<Option<(Lease, Record)>> {
        self.call("take_over", |state| {
            let row = state.ledger.incidents.get_mut(id).ok_or(PortError::Missing)?;
            let free = row.leased_until.is_none_or(|until| until <= now);
            if !free || row.record.due_at.is_none_or(|at| at > now) {
                return Ok(None);
            }
            let lease = row.lease(now, lease);
            Ok(Some((lease, row.record.clone())))
        })
        .await
    }

    async fn wake_followers(&self, place: &Place, now: Timestamp) -> Answer<()> {
        self.call("wake_followers", |state| {
            for row in state.ledger.incidents.values_mut() {
                if row.record.state == State::Watching && row.record.incident.place().as_ref() == Some(place)
                {
                    row.record.due_at = row.record.due_at.map(|at| at.min(now));
                }
            }
            Ok(())
        })
        .await
    }

    async fn reserve(&self, lease: &Lease, intent: &Intent, now: Timestamp) -> Answer<Reserved> {
        self.call("reserve", |state| Ok(state.ledger.reserve(lease, intent, now))).await
    }

    async fn filed(&self, lease: &Lease, place: &Place, code: &QuotaCode, request_id: &str) -> Answer<()> {
        self.call("filed", |state| {
            let row = state.ledger.held(lease)?;
            row.record.state = State::Filed;
            if let Some(followed) = &mut row.record.followed {
                followed.request_id = Some(request_id.to_owned());
            }
            if let Some(quota) = state.ledger.quotas.get_mut(&(place.clone(), code.clone())) {
                quota.followed.request_id = Some(request_id.to_owned());
            }
            Ok(())
        })
        .await
    }

    async fn not_filed(&self, lease: &Lease, place: &Place, code: &QuotaCode) -> Answer<()> {
        self.call("not_filed", |state| {
            let row = state.ledger.held(lease)?;
            row.record.state = State::Seen;
            row.record.followed = None;
            state.ledger.quotas.remove(&(place.clone(), code.clone()));
            Ok(())
        })
        .await
    }

    async fn adopt(&self, lease: &Lease, followed: &Followed) -> Answer<()> {
        self.call("adopt", |state| {
            state.ledger.held(lease)?.record.followed = Some(followed.clone());
            Ok(())
        })
        .await
    }

    async fn finish(&self, lease: &Lease, finish: &Finish) -> Answer<()> {
        self.call("finish", |state| {
            let row = state.ledger.held(lease)?;
            row.leased_until = None;
            row.record.state = finish.state;
            row.record.due_at = finish.due_at;
            row.record.silent_until = finish.silent_until;
            row.record.notices.extend(finish.told.clone());
            let ended = finish.outcome.clone().and_then(|outcome| {
                Some((outcome, row.record.followed.take()?, row.record.incident.place()?))
            });
            if let Some((outcome, followed, place)) = ended
                && let Some(quota) = state.ledger.quotas.get_mut(&(place, followed.code))
            {
                quota.last_outcome = Some(outcome);
            }
            Ok(())
        })
        .await
    }

    async fn quota(&self, place: &Place, code: &QuotaCode) -> Answer<Option<QuotaRecord>> {
        self.call("quota", |state| Ok(state.ledger.quotas.get(&(place.clone(), code.clone())).cloned())).await
    }

    async fn filed_today(&self, place: &Place, now: Timestamp) -> Answer<u32> {
        self.call("filed_today", |state| {
            Ok(state.ledger.days.get(&(place.clone(), day(now))).copied().unwrap_or(0))
        })
        .await
    }

    async fn incident(&self, id: &IncidentId) -> Answer<Option<Record>> {
        self.call("incident", |state| Ok(state.ledger.incidents.get(id).map(|row| row.record.clone()))).await
    }
}
