//! The ledger's tables, as maps.

use std::collections::{BTreeMap, BTreeSet};
use std::task::Waker;

use jiff::{SignedDuration, Timestamp};

use crate::callers::Origin;
use crate::diagnosis::diagnose;
use crate::error::{ServiceError, ServiceResult};
use crate::event::{ErrorSignal, Source};
use crate::ids::{AccountRegion, IncidentId, QuotaCode, caller_of, short_hash};
use crate::incident::band::Band;
use crate::incident::heard::Heard;
use crate::incident::lane::Lane;
use crate::incident::notice_kind::Kind;
use crate::incident::notices::{NoticeRecord, Notices};
use crate::incident::record::{Claim, Lease, Record, State};
use crate::incident::{Incident, Symptom, fold};
use crate::model::ModelId;
use crate::ports::RANKED;
use crate::quota::record::{Intent, LastRequest, QuotaRecord, Reserved, has_room};
use crate::sandbox::{IncidentEntry, WorldFile};
use crate::shards::{Shard, Shards};
use crate::time::after;

/// Incidents of a world file are due after this time.
pub(crate) const TOLD: SignedDuration = SignedDuration::from_hours(4);

#[derive(Debug, Default)]
pub(crate) struct Tables {
    pub(crate) incidents: Incidents,
    pub(crate) quotas: BTreeMap<(AccountRegion, QuotaCode), QuotaRecord>,
    /// When requests were filed.
    pub(crate) filed: BTreeMap<AccountRegion, Vec<Timestamp>>,
    /// The same for all accounts of an organization.
    pub(crate) filed_in_all: BTreeMap<String, Vec<Timestamp>>,
    /// When the next forecast of each place is due.
    pub(crate) watches: BTreeMap<AccountRegion, Timestamp>,
    /// Counts of notices, by the start of their digest window.
    pub(crate) crowds: BTreeMap<(Lane, i64), u32>,
    /// Counts of opened incidents, by place and hour: of all, and of each sender.
    pub(crate) opened: BTreeMap<(String, Timestamp), (u32, BTreeMap<String, u32>)>,
}

/// Incidents, with indexes so that a query does not scan them all.
#[derive(Debug, Default)]
pub(crate) struct Incidents {
    pub(crate) rows: BTreeMap<IncidentId, LedgerRow>,
    pub(crate) indexes: Indexes,
}

#[derive(Debug, Default)]
pub(crate) struct Indexes {
    /// Open incidents by shard, band and due time, like the table's `open-due` index.
    due: BTreeMap<(Shard, Band), BTreeSet<(Timestamp, IncidentId)>>,
    /// Incidents that wait for a request.
    pub(crate) watching: BTreeSet<(AccountRegion, IncidentId)>,
    /// How late a write is shown.
    lag: SignedDuration,
    /// When each incident was last written, as far as the lag makes it matter.
    written: BTreeMap<IncidentId, Timestamp>,
    now: Timestamp,
}

/// An incident in the ledger.
#[derive(Clone, Debug)]
pub struct LedgerRow {
    /// Its record.
    pub record: Record,
    /// How many leases there were; the last one's number is its token.
    leases: u64,
    /// When the present lease ends; `None` if nobody holds it.
    pub leased_until: Option<Timestamp>,
    /// The incident that replaced it.
    pub superseded_by: Option<IncidentId>,
}

impl Indexes {
    /// Changes a row and its indexes. Nothing else may change a row.
    pub(crate) fn keep<T>(&mut self, row: &mut LedgerRow, change: impl FnOnce(&mut LedgerRow) -> T) -> T {
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
    pub(crate) fn shows(&self, id: &IncidentId) -> bool {
        self.written.get(id).is_none_or(|at| after(*at, self.lag) <= self.now)
    }
}

/// Moves `id` to another key of `index`; a key of `None` is not in it.
pub(crate) fn moved<K: Ord>(
    index: &mut BTreeSet<(K, IncidentId)>,
    id: &IncidentId,
    from: Option<K>,
    to: Option<K>,
) {
    if from == to {
        return;
    }
    if let Some(from) = from {
        index.remove(&(from, id.clone()));
    }
    index.extend(to.map(|to| (to, id.clone())));
}

impl Incidents {
    /// Changes an incident; `None` if it does not exist.
    pub(crate) fn change<T>(
        &mut self,
        id: &IncidentId,
        change: impl FnOnce(&mut LedgerRow) -> T,
    ) -> Option<T> {
        Some(self.indexes.keep(self.rows.get_mut(id)?, change))
    }

    /// Changes an incident under `lease`, which must still hold it.
    pub(crate) fn change_held(
        &mut self,
        lease: &Lease,
        change: impl FnOnce(&mut LedgerRow),
    ) -> ServiceResult<()> {
        self.held(lease)?;
        self.change(&lease.incident, change).ok_or_else(ServiceError::lease_lost)
    }

    /// Due incidents in one band of `shards` that nobody holds.
    pub(crate) fn due(&self, shards: Shards, band: Band, now: Timestamp, most: usize) -> Vec<IncidentId> {
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

    fn held(&self, lease: &Lease) -> ServiceResult<()> {
        let holds = |row: &LedgerRow| row.leased_until.is_some() && row.leases.to_string() == lease.owner;
        let is_held = self.rows.get(&lease.incident).is_some_and(holds);
        if is_held { Ok(()) } else { Err(ServiceError::lease_lost()) }
    }
}

impl Tables {
    pub(crate) fn of(file: &WorldFile) -> Self {
        let quotas = file.ledger.iter().map(|e| {
            let place = AccountRegion { account: e.account.clone(), region: e.region.clone() };
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

    /// Sets the time of the next writes and reads.
    pub(crate) fn look_at(&mut self, now: Timestamp) {
        self.incidents.indexes.now = now;
    }

    /// Sets how late the indexes show a write.
    pub(crate) fn set_lag(&mut self, lag: SignedDuration) {
        self.incidents.indexes.lag = lag;
        self.incidents.indexes.written.clear();
    }

    /// Adds an incident that has had its notice and that nobody holds.
    fn put(&mut self, entry: &IncidentEntry) {
        let error = ErrorSignal {
            source: Source::CloudTrail,
            account: Some(entry.account.clone()),
            region: Some(entry.region.clone()),
            model: entry.model_id.as_deref().and_then(ModelId::parse),
            variant: None,
            max_tokens: None,
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
                row.record.notices.push(NoticeRecord {
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

    /// The result of the claim, and the incident's present episode and errors.
    pub(crate) fn claim(
        &mut self,
        incident: &Incident,
        now: Timestamp,
        lease: SignedDuration,
    ) -> (Claim, u32, u64) {
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
        let row = rows.entry(incident.id.clone()).or_insert_with(|| LedgerRow {
            // It has no episode yet, and is in no index.
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
                // A new episode is also never seen earlier than the one before it.
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

    pub(crate) fn reserve(
        &mut self,
        lease: &Lease,
        intent: &Intent,
        now: Timestamp,
    ) -> ServiceResult<Reserved> {
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
        if let Some(of) = &intent.organization {
            let filed = self.filed_in_all.entry(of.organization.clone()).or_default();
            if !has_room(filed, of.most_a_day, now) {
                return Ok(Reserved::OrganizationLimit);
            }
        }
        self.incidents.change_held(lease, |row| {
            row.record.state = State::Planned;
            row.record.followed = Some(intent.followed.clone());
        })?;
        self.quotas.entry(key).or_default().reserved(&lease.incident, intent);
        self.filed.entry(intent.place.clone()).or_default().push(intent.followed.intended);
        if let Some(of) = &intent.organization {
            self.filed_in_all.entry(of.organization.clone()).or_default().push(intent.followed.intended);
        }
        Ok(Reserved::Yes)
    }

    pub(crate) fn leased_until(&self, id: &IncidentId) -> Option<Timestamp> {
        self.incidents.rows.get(id)?.leased_until
    }
}

impl LedgerRow {
    /// Where it waits for a request.
    fn watches(&self) -> Option<AccountRegion> {
        if self.record.state == State::Watching { self.record.incident.place() } else { None }
    }

    /// Its place in the index of open incidents; `None` once closed.
    fn due(&self) -> Option<((Shard, Band), Timestamp)> {
        let Record { incident, state, due_at, .. } = &self.record;
        let band = if *state == State::Watching { Band::Following } else { Band::of(incident.cause) };
        Some(((Shard::of(&incident.id), band), (*due_at)?))
    }

    pub(crate) fn is_leased(&self, now: Timestamp) -> bool {
        self.leased_until.is_some_and(|until| until > now)
    }

    pub(crate) fn lease(&mut self, now: Timestamp, lease: SignedDuration) -> Lease {
        self.leases += 1;
        let until = after(now, lease);
        self.leased_until = Some(until);
        self.record.due_at = Some(until);
        Lease { incident: self.record.incident.id.clone(), owner: self.leases.to_string() }
    }
}

/// How long calls take, and the tasks that wait for one.
#[derive(Debug, Default)]
pub(crate) struct Slow {
    pub(crate) latency: SignedDuration,
    pub(crate) waiting: Vec<(Timestamp, Waker)>,
}

impl Slow {
    pub(crate) fn is_on(&self) -> bool {
        self.latency > SignedDuration::ZERO
    }
}
