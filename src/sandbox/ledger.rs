//! The ledger's tables in memory, with the conditions that the real table enforces.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::error::ServiceResult;
use crate::ids::{AccountRegion, IncidentId, QuotaCode};
use crate::incident::Incident;
use crate::incident::band::Band;
use crate::incident::flood::{Opened, Room, hour_of};
use crate::incident::lane::{Lane, digest_window_of};
use crate::incident::record::{Claim, Lease, Record, Release, State};
use crate::ports::{Ledger, SEEN};
use crate::quota::record::{Intent, QuotaRecord, Remember, Reserved};
use crate::quota::request::TrackedRequest;
use crate::sandbox::state::Sandbox;
use crate::sandbox::tables::{Incidents, LedgerRow};
use crate::sandbox::{Happened, PortCall};
use crate::shards::Shards;

impl crate::sandbox::state::SandboxState {
    /// Takes the lease of an incident that nobody holds and for which `fits` is true.
    fn take(
        &mut self,
        id: &IncidentId,
        now: Timestamp,
        lease: SignedDuration,
        fits: impl Fn(&Record) -> bool,
    ) -> Option<(Lease, Record)> {
        let before = self.ledger.leased_until(id);
        let taken = self.ledger.incidents.change(id, |row| {
            let is_free = !row.is_leased(now) && fits(&row.record);
            is_free.then(|| (row.lease(now, lease), row.record.clone()))
        })??;
        self.note(|| Happened::Leased { incident: id.clone(), before, now });
        Some(taken)
    }
}

impl Sandbox {
    /// Gives `look` all incidents in the ledger, without copying any.
    pub fn look_at<T>(&self, look: impl FnOnce(&BTreeMap<IncidentId, LedgerRow>) -> T) -> T {
        look(&self.state.borrow().ledger.incidents.rows)
    }

    /// Every incident in the ledger.
    pub fn incidents(&self) -> Vec<LedgerRow> {
        self.state.borrow().ledger.incidents.rows.values().cloned().collect()
    }
}

impl Ledger for Sandbox {
    async fn claim(
        &self,
        incident: &Incident,
        now: Timestamp,
        lease: SignedDuration,
    ) -> ServiceResult<Claim> {
        self.call(PortCall::Claim, |state| {
            let before = state.ledger.leased_until(&incident.id);
            let (claim, episode, errors) = state.ledger.claim(incident, now, lease);
            state.note(|| Happened::Claimed { incident: incident.id.clone(), episode, errors });
            if matches!(claim, Claim::Mine(..)) {
                state.note(|| Happened::Leased { incident: incident.id.clone(), before, now });
            }
            Ok(claim)
        })
        .await
    }

    async fn due(&self, shards: Shards, now: Timestamp, most: usize) -> ServiceResult<Vec<IncidentId>> {
        self.call(PortCall::Due, |state| {
            let mut due = Vec::new();
            for band in Band::ALL {
                due.extend(state.ledger.incidents.due(shards, band, now, most));
                if due.len() >= most {
                    break;
                }
            }
            due.truncate(most);
            Ok(due)
        })
        .await
    }

    async fn acquire_due(
        &self,
        id: &IncidentId,
        now: Timestamp,
        lease: SignedDuration,
    ) -> ServiceResult<Option<(Lease, Record)>> {
        self.call(PortCall::TakeOver, |state| {
            let is_due = |record: &Record| record.due_at.is_some_and(|at| at <= now);
            Ok(state.take(id, now, lease, is_due))
        })
        .await
    }

    async fn acquire(
        &self,
        id: &IncidentId,
        now: Timestamp,
        lease: SignedDuration,
    ) -> ServiceResult<Option<(Lease, Record)>> {
        self.call(PortCall::Seize, |state| {
            Ok(state.take(id, now, lease, |record| record.state != State::Closed))
        })
        .await
    }

    async fn all(&self, is_open: bool) -> ServiceResult<Vec<Record>> {
        self.call(PortCall::All, |state| {
            let records = state.ledger.incidents.rows.values().map(|row| row.record.clone());
            let mut all: Vec<Record> = records.filter(|r| !is_open || r.state != State::Closed).collect();
            all.sort_by_key(|r| (r.state == State::Closed, r.due_at));
            Ok(all)
        })
        .await
    }

    async fn wake_followers(&self, place: &AccountRegion, now: Timestamp) -> ServiceResult<()> {
        self.call(PortCall::WakeFollowers, |state| {
            let Incidents { rows, indexes } = &mut state.ledger.incidents;
            let here = indexes.watching.iter().filter(|(at, _)| at == place).map(|(_, id)| id.clone());
            for id in here.filter(|id| indexes.shows(id)).collect::<Vec<_>>() {
                let Some(row) = rows.get_mut(&id) else { continue };
                indexes.keep(row, |row| row.record.due_at = row.record.due_at.map(|at| at.min(now)));
            }
            Ok(())
        })
        .await
    }

    async fn reserve(&self, lease: &Lease, intent: &Intent, now: Timestamp) -> ServiceResult<Reserved> {
        self.call(PortCall::Reserve, |state| {
            let reserved = state.ledger.reserve(lease, intent, now)?;
            if reserved == Reserved::Yes {
                state.note(|| Happened::Reserved {
                    incident: lease.incident.clone(),
                    place: intent.place.clone(),
                    code: intent.followed.code.clone(),
                    at: intent.followed.intended,
                });
            }
            Ok(reserved)
        })
        .await
    }

    async fn quota(&self, place: &AccountRegion, code: &QuotaCode) -> ServiceResult<QuotaRecord> {
        self.call(PortCall::Quota, |state| {
            Ok(state.ledger.quotas.get(&(place.clone(), code.clone())).cloned().unwrap_or_default())
        })
        .await
    }

    async fn remember(&self, place: &AccountRegion, code: &QuotaCode, what: &Remember) -> ServiceResult<()> {
        self.call(PortCall::Remember, |state| {
            state.ledger.quotas.entry((place.clone(), code.clone())).or_default().remember(what);
            Ok(())
        })
        .await
    }

    async fn not_filed(
        &self,
        lease: &Lease,
        place: &AccountRegion,
        organization: Option<&str>,
        followed: &TrackedRequest,
    ) -> ServiceResult<()> {
        self.call(PortCall::NotFiled, |state| {
            state.ledger.incidents.change_held(lease, |row| {
                row.record.state = State::Seen;
                row.record.followed = None;
            })?;
            if let Some(quota) = state.ledger.quotas.get_mut(&(place.clone(), followed.code.clone())) {
                quota.not_filed();
            }
            let in_all = organization.and_then(|of| state.ledger.filed_in_all.get_mut(of));
            for filed in state.ledger.filed.get_mut(place).into_iter().chain(in_all) {
                if let Some(n) = filed.iter().position(|at| *at == followed.intended) {
                    filed.remove(n);
                }
            }
            Ok(())
        })
        .await
    }

    async fn finish(&self, lease: &Lease, finish: &Release) -> ServiceResult<()> {
        self.call(PortCall::Finish, |state| {
            state.ledger.incidents.change_held(lease, |row| {
                let is_ongoing = row.record.incident.counts != finish.counts;
                let finish = &if is_ongoing { finish.counted_meanwhile() } else { finish.clone() };
                row.leased_until = None;
                row.record.state = finish.state;
                row.record.followed.clone_from(&finish.followed);
                row.record.due_at = Some(finish.due_at).filter(|_| row.record.state != State::Closed);
                row.record.silent_until = finish.silent_until;
                row.record.search.clone_from(&finish.search);
                row.record.unread = finish.unread;
                row.record.awaited.clone_from(&finish.awaited);
                row.superseded_by.clone_from(&finish.superseded_by);
                finish.told.iter().for_each(|told| row.record.notices.push(told.clone()));
            })?;
            if let Some(ended) = &finish.ended {
                let key = (ended.place.clone(), ended.followed.code.clone());
                state.ledger.quotas.entry(key).or_default().ended(ended);
            }
            state.note(|| Happened::Finished { incident: lease.incident.clone(), told: finish.told.clone() });
            Ok(())
        })
        .await
    }

    async fn admit(&self, opened: &Opened, now: Timestamp) -> ServiceResult<Room> {
        self.call(PortCall::Admit, |state| {
            let key = (opened.place.clone(), hour_of(now));
            let (in_place, senders) = state.ledger.opened.entry(key).or_default();
            let of_sender = opened.sender.as_ref().and_then(|sender| senders.get(sender));
            let room = Room::after(*in_place, of_sender.copied().unwrap_or_default());
            if room == Room::Free {
                *in_place += 1;
                opened.sender.iter().for_each(|sender| *senders.entry(sender.clone()).or_default() += 1);
            }
            Ok(room)
        })
        .await
    }

    async fn count_notice(&self, lane: Lane, now: Timestamp) -> ServiceResult<u32> {
        self.call(PortCall::Tally, |state| {
            let told = state.ledger.crowds.entry((lane, digest_window_of(now))).or_default();
            *told += 1;
            Ok(*told)
        })
        .await
    }

    async fn seen(&self, place: &AccountRegion, since: Timestamp) -> ServiceResult<Vec<Incident>> {
        self.call(PortCall::Seen, |state| {
            let rows = state.ledger.incidents.rows.values().map(|row| &row.record.incident);
            let shown = |i: &&Incident| state.ledger.incidents.indexes.shows(&i.id);
            let here = rows.filter(|i| i.place().as_ref() == Some(place)).filter(shown);
            let mut seen: Vec<Incident> = here.filter(|i| i.last_seen >= Some(since)).cloned().collect();
            seen.sort_by_key(|i| std::cmp::Reverse(i.last_seen));
            seen.truncate(SEEN);
            Ok(seen)
        })
        .await
    }

    async fn places(&self, since: Timestamp) -> ServiceResult<Vec<AccountRegion>> {
        self.call(PortCall::Places, |state| {
            let rows = state.ledger.incidents.rows.values().map(|row| &row.record.incident);
            let recent = rows.filter(|i| i.last_seen >= Some(since));
            let shown = recent.filter(|i| state.ledger.incidents.indexes.shows(&i.id));
            let places: BTreeSet<AccountRegion> = shown.filter_map(Incident::place).collect();
            Ok(places.into_iter().collect())
        })
        .await
    }

    async fn watch(&self, place: &AccountRegion, due_by: Timestamp, next: Timestamp) -> ServiceResult<bool> {
        self.call(PortCall::Watch, |state| {
            let at = state.ledger.watches.entry(place.clone()).or_insert(Timestamp::MIN);
            let is_due = *at <= due_by;
            if is_due {
                *at = next;
            }
            Ok(is_due)
        })
        .await
    }

    async fn incident(&self, id: &IncidentId) -> ServiceResult<Option<Record>> {
        self.call(PortCall::Incident, |state| {
            Ok(state.ledger.incidents.rows.get(id).map(|row| row.record.clone()))
        })
        .await
    }
}
