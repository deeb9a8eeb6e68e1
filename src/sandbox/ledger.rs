//! The ledger's tables in memory, with the conditions that the real table enforces.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::{Happened, IncidentEntry, PortCall, Sandbox, WorldFile};
use crate::callers::Origin;
use crate::diagnosis::diagnose;
use crate::event::{ErrorSignal, Source};
use crate::flood::{Opened, Room, hour_of};
use crate::ids::{Place, QuotaCode, caller_of};
use crate::incident::{Incident, IncidentId, Symptom, fold, short_hash};
use crate::model::ModelId;
use crate::news::Heard;
use crate::notice::Kind;
use crate::quota_record::{LastRequest, QuotaRecord, Remember};
use crate::shards::{Band, Shard, Shards};
use crate::world::{
    Answer, Claim, Finish, Followed, Intent, Lane, Lease, Ledger, Notices, PortError, RANKED, Record,
    Reserved, SEEN, State, Told, after, crowd_of, has_room,
};

/// What a world file tells of is due after so long.
const TOLD: SignedDuration = SignedDuration::from_hours(4);

#[derive(Debug, Default)]
pub(super) struct Tables {
    incidents: Incidents,
    quotas: BTreeMap<(Place, QuotaCode), QuotaRecord>,
    /// When requests were filed.
    filed: BTreeMap<Place, Vec<Timestamp>>,
    /// When each place is watched next.
    watches: BTreeMap<Place, Timestamp>,
    /// Notices told, by the beginning of their crowd.
    crowds: BTreeMap<(Lane, i64), u32>,
    /// Incidents that were opened, by place and hour: all of them, and those of each sender.
    opened: BTreeMap<(String, Timestamp), (u32, BTreeMap<String, u32>)>,
}

/// Incidents. Their indexes keep what is asked for from growing with what is not.
#[derive(Debug, Default)]
struct Incidents {
    rows: BTreeMap<IncidentId, Row>,
    indexes: Indexes,
}

#[derive(Debug, Default)]
struct Indexes {
    /// Open incidents by shard, band and the time they are due, as the table's `open-due`.
    due: BTreeMap<(Shard, Band), BTreeSet<(Timestamp, IncidentId)>>,
    /// Incidents that wait for a request.
    watching: BTreeSet<(Place, IncidentId)>,
    /// A write is shown so long after it was made.
    lag: SignedDuration,
    /// When each incident was written last, as far as a lag makes that matter.
    written: BTreeMap<IncidentId, Timestamp>,
    now: Timestamp,
}

/// An incident in the ledger.
#[derive(Clone, Debug)]
pub struct Row {
    /// What is known of it.
    pub record: Record,
    /// How many leases there were; the last one's number is its token.
    leases: u64,
    /// Until when somebody holds it.
    pub leased_until: Option<Timestamp>,
    /// The incident that took its place.
    pub superseded_by: Option<IncidentId>,
}

impl Indexes {
    /// The only way to change a row.
    fn keep<T>(&mut self, row: &mut Row, change: impl FnOnce(&mut Row) -> T) -> T {
        let (due, watches) = (row.due(), row.watches());
        let done = change(row);
        let id = &row.record.incident.id;
        let now_due = row.due();
        if now_due != due {
            if let Some((part, at)) = due {
                self.due.entry(part).or_default().remove(&(at, id.clone()));
            }
            if let Some((part, at)) = now_due {
                self.due.entry(part).or_default().insert((at, id.clone()));
            }
        }
        moved(&mut self.watching, id, watches, row.watches());
        if self.lag > SignedDuration::ZERO {
            self.written.insert(id.clone(), self.now);
        }
        done
    }

    /// Whether the last write of an incident is shown yet.
    fn shows(&self, id: &IncidentId) -> bool {
        self.written.get(id).is_none_or(|at| after(*at, self.lag) <= self.now)
    }
}

/// Puts `id` under another key of `index`; `None` is not in it.
fn moved<K: Ord>(index: &mut BTreeSet<(K, IncidentId)>, id: &IncidentId, from: Option<K>, to: Option<K>) {
    if from == to {
        return;
    }
    if let Some(from) = from {
        index.remove(&(from, id.clone()));
    }
    index.extend(to.map(|to| (to, id.clone())));
}

impl Incidents {
    /// `None` where there is no such incident.
    fn change<T>(&mut self, id: &IncidentId, change: impl FnOnce(&mut Row) -> T) -> Option<T> {
        Some(self.indexes.keep(self.rows.get_mut(id)?, change))
    }

    /// The same under `lease`, which must still hold it.
    fn change_held(&mut self, lease: &Lease, change: impl FnOnce(&mut Row)) -> Answer<()> {
        self.held(lease)?;
        self.change(&lease.incident, change).ok_or_else(PortError::lease_lost)
    }

    /// What is due in one band of `shards` and nobody holds.
    fn due(&self, shards: Shards, band: Band, now: Timestamp, most: usize) -> Vec<IncidentId> {
        let mut free = Vec::new();
        for shard in shards.iter() {
            let Some(part) = self.indexes.due.get(&(shard, band)) else { continue };
            let due = part.iter().take_while(|(at, _)| *at <= now).filter(|(_, id)| self.indexes.shows(id));
            let row = |id| self.rows.get(id).filter(|row| !row.is_leased(now));
            free.extend(due.filter_map(|(at, id)| Some((*at, row(id)?))).take(RANKED.max(most)));
        }
        free.sort_by_key(|(at, row)| (row.record.incident.cause.rank(), *at));
        free.into_iter().take(most).map(|(_, row)| row.record.incident.id.clone()).collect()
    }

    fn held(&self, lease: &Lease) -> Answer<()> {
        let holds = |row: &Row| row.leased_until.is_some() && row.leases.to_string() == lease.owner;
        let is_held = self.rows.get(&lease.incident).is_some_and(holds);
        if is_held { Ok(()) } else { Err(PortError::lease_lost()) }
    }
}

impl Tables {
    pub(super) fn of(file: &WorldFile) -> Self {
        let quotas = file.ledger.iter().map(|e| {
            let place = Place { account: e.account.clone(), region: e.region.clone() };
            let last = LastRequest {
                incident: None,
                desired: e.desired,
                intended: e.at,
                outcome: None,
                cool_down_until: e.cool_down_until,
                need: None,
            };
            ((place, e.code.clone()), QuotaRecord { last: Some(last), ..QuotaRecord::default() })
        });
        let mut tables = Self { quotas: quotas.collect(), ..Self::default() };
        file.incidents.iter().for_each(|entry| tables.put(entry));
        tables
    }

    /// The time of the next writes and reads.
    pub(super) fn look_at(&mut self, now: Timestamp) {
        self.incidents.indexes.now = now;
    }

    /// How long the indexes take to show a write.
    pub(super) fn set_lag(&mut self, lag: SignedDuration) {
        self.incidents.indexes.lag = lag;
        self.incidents.indexes.written.clear();
    }

    /// An incident of which people were told, and which nobody holds.
    fn put(&mut self, entry: &IncidentEntry) {
        let error = ErrorSignal {
            source: Source::CloudTrail,
            account: Some(entry.account.clone()),
            region: Some(entry.region.clone()),
            model: entry.model_id.as_deref().and_then(ModelId::parse),
            operation: None,
            code: entry.code.clone(),
            status: None,
            message: entry.message.clone(),
            caller: entry.caller.as_deref().and_then(caller_of),
            origin: Origin::default(),
            at: Some(entry.time),
        };
        let found = diagnose(&error.text());
        let symptoms = (0..entry.errors.max(1)).map(|_| Symptom::of_error(&error, found.clone(), 0));
        for incident in fold(symptoms) {
            self.claim(&incident, entry.time, SignedDuration::ZERO);
            self.incidents.change(&incident.id, |row| {
                row.leased_until = None;
                row.record.state = if entry.closed { State::Closed } else { State::Told };
                row.record.due_at = Some(after(entry.time, TOLD)).filter(|_| !entry.closed);
                row.record.notices.push(Told {
                    id: format!("ntc-{}", short_hash(incident.id.as_str())),
                    kind: Kind::Opened.to_string(),
                    at: entry.time,
                    errors: incident.counts.errors,
                    missing: Vec::new(),
                    repeats: 0,
                    heard: Heard::default(),
                });
            });
        }
    }

    /// What came of it, and the episode and errors that the incident has now.
    fn claim(&mut self, incident: &Incident, now: Timestamp, lease: SignedDuration) -> (Claim, u32, u64) {
        let incident = &incident.until(now);
        let fresh = |episode| Record {
            incident: incident.clone(),
            state: State::Seen,
            episode,
            notices: Notices::default(),
            followed: None,
            due_at: Some(now),
            silent_until: None,
            search: None,
            unread: None,
            awaited: None,
        };
        let Incidents { rows, indexes } = &mut self.incidents;
        let row = rows.entry(incident.id.clone()).or_insert_with(|| Row {
            // Of no episode yet, and in no index.
            record: Record { due_at: None, ..fresh(0) },
            leases: 0,
            leased_until: None,
            superseded_by: None,
        });
        indexes.keep(row, |row| {
            if row.record.returns(now) {
                row.record.come_back(now);
                row.superseded_by = None;
                row.record.incident.count(incident);
            } else if row.record.state == State::Closed || row.record.episode == 0 {
                let seen = row.record.incident.last_seen;
                row.record = fresh(row.record.episode + 1);
                // Not even a new episode is seen before the one before it.
                let last = &mut row.record.incident.last_seen;
                *last = last.map(|last| seen.map_or(last, |seen| seen.max(last)));
                row.superseded_by = None;
            } else {
                row.record.incident.count(incident);
            }
            let silent = row.record.silent_until.is_some_and(|until| until > now);
            let (episode, errors) = (row.record.episode, row.record.incident.counts.errors);
            if silent || row.is_leased(now) {
                return (Claim::Counted, episode, errors);
            }
            let lease = row.lease(now, lease);
            (Claim::Mine(lease, Box::new(row.record.clone())), episode, errors)
        })
    }

    fn reserve(&mut self, lease: &Lease, intent: &Intent, now: Timestamp) -> Answer<Reserved> {
        let filed = self.filed.entry(intent.place.clone()).or_default();
        let is_full = !has_room(filed, intent.most_a_day, now);
        let key = (intent.place.clone(), intent.followed.code.clone());
        let refused = self.quotas.get(&key).cloned().unwrap_or_default().weigh(intent, now);
        self.incidents.held(lease)?;
        if let Some(refused) = refused {
            return Ok(refused);
        }
        if is_full {
            return Ok(Reserved::DailyLimit);
        }
        self.incidents.change_held(lease, |row| {
            row.record.state = State::Planned;
            row.record.followed = Some(intent.followed.clone());
        })?;
        self.quotas.entry(key).or_default().reserved(&lease.incident, intent);
        self.filed.entry(intent.place.clone()).or_default().push(intent.followed.intended);
        Ok(Reserved::Yes)
    }

    fn leased_until(&self, id: &IncidentId) -> Option<Timestamp> {
        self.incidents.rows.get(id)?.leased_until
    }
}

impl Row {
    /// Where it waits for a request.
    fn watches(&self) -> Option<Place> {
        if self.record.state == State::Watching { self.record.incident.place() } else { None }
    }

    /// Its place in the index of open incidents; `None` once closed.
    fn due(&self) -> Option<((Shard, Band), Timestamp)> {
        let Record { incident, state, due_at, .. } = &self.record;
        let band = if *state == State::Watching { Band::Following } else { Band::of(incident.cause) };
        Some(((Shard::of(&incident.id), band), (*due_at)?))
    }

    fn is_leased(&self, now: Timestamp) -> bool {
        self.leased_until.is_some_and(|until| until > now)
    }

    fn lease(&mut self, now: Timestamp, lease: SignedDuration) -> Lease {
        self.leases += 1;
        let until = after(now, lease);
        self.leased_until = Some(until);
        self.record.due_at = Some(until);
        Lease { incident: self.record.incident.id.clone(), owner: self.leases.to_string() }
    }
}

impl super::State {
    /// Takes the lease of an incident that nobody holds and that `fits`.
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
    /// Looks at every incident in the ledger, without copying any.
    pub fn look_at<T>(&self, look: impl FnOnce(&BTreeMap<IncidentId, Row>) -> T) -> T {
        look(&self.state.borrow().ledger.incidents.rows)
    }

    /// Every incident in the ledger.
    pub fn incidents(&self) -> Vec<Row> {
        self.state.borrow().ledger.incidents.rows.values().cloned().collect()
    }
}

impl Ledger for Sandbox {
    async fn claim(&self, incident: &Incident, now: Timestamp, lease: SignedDuration) -> Answer<Claim> {
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

    async fn due(&self, shards: Shards, now: Timestamp, most: usize) -> Answer<Vec<IncidentId>> {
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

    async fn take_over(
        &self,
        id: &IncidentId,
        now: Timestamp,
        lease: SignedDuration,
    ) -> Answer<Option<(Lease, Record)>> {
        self.call(PortCall::TakeOver, |state| {
            let is_due = |record: &Record| record.due_at.is_some_and(|at| at <= now);
            Ok(state.take(id, now, lease, is_due))
        })
        .await
    }

    async fn seize(
        &self,
        id: &IncidentId,
        now: Timestamp,
        lease: SignedDuration,
    ) -> Answer<Option<(Lease, Record)>> {
        self.call(PortCall::Seize, |state| {
            Ok(state.take(id, now, lease, |record| record.state != State::Closed))
        })
        .await
    }

    async fn all(&self, is_open: bool) -> Answer<Vec<Record>> {
        self.call(PortCall::All, |state| {
            let records = state.ledger.incidents.rows.values().map(|row| row.record.clone());
            let mut all: Vec<Record> = records.filter(|r| !is_open || r.state != State::Closed).collect();
            all.sort_by_key(|r| (r.state == State::Closed, r.due_at));
            Ok(all)
        })
        .await
    }

    async fn wake_followers(&self, place: &Place, now: Timestamp) -> Answer<()> {
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

    async fn reserve(&self, lease: &Lease, intent: &Intent, now: Timestamp) -> Answer<Reserved> {
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

    async fn quota(&self, place: &Place, code: &QuotaCode) -> Answer<QuotaRecord> {
        self.call(PortCall::Quota, |state| {
            Ok(state.ledger.quotas.get(&(place.clone(), code.clone())).cloned().unwrap_or_default())
        })
        .await
    }

    async fn remember(&self, place: &Place, code: &QuotaCode, what: &Remember) -> Answer<()> {
        self.call(PortCall::Remember, |state| {
            state.ledger.quotas.entry((place.clone(), code.clone())).or_default().remember(what);
            Ok(())
        })
        .await
    }

    async fn not_filed(&self, lease: &Lease, place: &Place, followed: &Followed) -> Answer<()> {
        self.call(PortCall::NotFiled, |state| {
            state.ledger.incidents.change_held(lease, |row| {
                row.record.state = State::Seen;
                row.record.followed = None;
            })?;
            if let Some(quota) = state.ledger.quotas.get_mut(&(place.clone(), followed.code.clone())) {
                quota.not_filed();
            }
            let filed = state.ledger.filed.entry(place.clone()).or_default();
            if let Some(n) = filed.iter().position(|at| *at == followed.intended) {
                filed.remove(n);
            }
            Ok(())
        })
        .await
    }

    async fn finish(&self, lease: &Lease, finish: &Finish) -> Answer<()> {
        self.call(PortCall::Finish, |state| {
            state.ledger.incidents.change_held(lease, |row| {
                let goes_on = row.record.incident.counts != finish.counts;
                let finish = &if goes_on { finish.counted_meanwhile() } else { finish.clone() };
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

    async fn admit(&self, opened: &Opened, now: Timestamp) -> Answer<Room> {
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

    async fn tally(&self, lane: Lane, now: Timestamp) -> Answer<u32> {
        self.call(PortCall::Tally, |state| {
            let told = state.ledger.crowds.entry((lane, crowd_of(now))).or_default();
            *told += 1;
            Ok(*told)
        })
        .await
    }

    async fn seen(&self, place: &Place, since: Timestamp) -> Answer<Vec<Incident>> {
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

    async fn watch(&self, place: &Place, due_by: Timestamp, next: Timestamp) -> Answer<bool> {
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

    async fn incident(&self, id: &IncidentId) -> Answer<Option<Record>> {
        self.call(PortCall::Incident, |state| {
            Ok(state.ledger.incidents.rows.get(id).map(|row| row.record.clone()))
        })
        .await
    }
}
