//! Claims: the errors of a delivery are counted, and the incident's lease is taken if nobody holds it.

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};

use crate::aws::clients::Aws;
use crate::aws::dynamodb::episode::Reopened;
use crate::aws::dynamodb::item::IncidentItem;
use crate::aws::dynamodb::keys::{SILENCE, incident_key, stamp};
use crate::aws::dynamodb::table::{Table, Written};
use crate::aws::dynamodb::update::Update;
use crate::aws::dynamodb::{detail, item, keys};
use crate::error::ServiceResult;
use crate::incident::Incident;
use crate::incident::record::{Claim, Lease, Record, State};
use crate::time::after;

/// How far another function's clock may be ahead.
const AHEAD: SignedDuration = SignedDuration::from_mins(15);

/// What is claimed, and under which lease.
#[derive(Clone, Copy)]
struct ClaimAttempt<'c> {
    incident: &'c Incident,
    lease: &'c Lease,
    now: Timestamp,
    /// When the lease ends.
    until: Timestamp,
}

impl Aws {
    /// Usually one write of the incident's item. It counts the incident and, because `if_not_exists` keeps existing
    /// values, takes the lease only if nobody holds it. An error older than `last_seen` needs a second try. Facts and
    /// callers go to separate items outside the indexes. The old item tells the result. Only an incident that was
    /// closed, released without silence, or left with an expired lease needs one more write.
    pub(super) async fn count_and_take(
        &self,
        incident: &Incident,
        now: Timestamp,
        lease: SignedDuration,
    ) -> ServiceResult<Claim> {
        let table = self.table()?;
        let until = after(now, lease);
        let lease = Lease { incident: incident.id.clone(), owner: self.next_owner() };
        let incident = &incident.until(now);
        let claim = ClaimAttempt { incident, lease: &lease, now, until };
        let record = match table.count(claim).await? {
            None => Some(item::fresh(incident, 1, until)),
            Some(old) => table.take_counted(&old, claim).await?,
        };
        Ok(record.map_or(Claim::Counted, |record| Claim::Mine(lease.clone(), Box::new(record))))
    }
}

/// Counts the incident, and takes the lease if the item has none. `is_latest`: only if no later error was counted.
fn counted(claim: ClaimAttempt<'_>, is_latest: bool) -> Update {
    let ClaimAttempt { incident, lease, now, until } = claim;
    let mut update = Update::default();
    let home = keys::home(&incident.id, incident.cause);
    for (name, value) in [("open", &*home), ("state", State::Seen.as_str()), ("lease_owner", &lease.owner)] {
        update.set_if_absent(name, value);
    }
    update.set_if_absent("episode", 1);
    update.set_if_absent("lease_until", stamp(until));
    update.set_if_absent("due_at", stamp(until));
    for (name, value) in item::told_by(incident) {
        if item::is_overwritten(incident, name) && (is_latest || name != item::LAST_SEEN) {
            update.set(name, value);
        } else {
            update.set_if_absent(name, value);
        }
    }
    update.add("errors", incident.counts.errors);
    update.add("alarms", incident.counts.alarms);
    update.remove("ttl");
    if is_latest && incident.last_seen.is_some() {
        // Overwrite a time in the future, which an earlier version accepted.
        update.only_if("attribute_not_exists(last_seen) OR last_seen <= :last_seen OR last_seen > :ahead");
        update.value(":ahead", stamp(after(now, AHEAD)));
    }
    update
}

/// Takes the lease of an open incident whose item is still as in `old`.
fn seized(old: &IncidentItem, owner: &str, until: Timestamp) -> Update {
    let mut acquire = Update::default();
    acquire.set("lease_owner", owner);
    acquire.set("lease_until", stamp(until));
    acquire.set("due_at", stamp(until));
    if let (Some(left), Some(since)) = (&old.lease_owner, &old.lease_until) {
        acquire.only_if("lease_owner = :left AND lease_until = :since");
        acquire.value(":left", &**left);
        acquire.value(":since", &**since);
    } else {
        acquire.only_if("lease_owner = :mine");
        acquire.value(":mine", owner);
    }
    acquire
}

impl Table<'_> {
    /// Counts the incident. Returns its item as it was before; `None` if there was none.
    async fn count(&self, claim: ClaimAttempt<'_>) -> ServiceResult<Option<IncidentItem>> {
        let ClaimAttempt { incident, now, .. } = claim;
        let key = incident_key(&incident.id);
        let beside = std::iter::once((detail::detail_key(&incident.id), detail::claimed(incident)));
        let models = detail::models(incident).map(|update| (detail::detail_key(&incident.id), update));
        let beside = beside.chain(models).chain(detail::callers(incident, now));
        let beside: Vec<(String, Update)> = beside.collect();
        let beside = beside.into_iter().map(async |(key, update)| self.update(&key, update).await);
        let written = async {
            match self.update(&key, counted(claim, true)).await? {
                Written::No(_) => self.update(&key, counted(claim, false)).await,
                written @ Written::Yes(_) => Ok(written),
            }
        };
        let (written, beside) = tokio::join!(written, join_all(beside));
        let (Written::Yes(old) | Written::No(old)) = written?;
        for written in beside {
            written?;
        }
        old.map(IncidentItem::read).transpose()
    }

    /// The record of an incident that was counted in `old`, under its new lease; `None` if someone else holds it.
    async fn take_counted(
        &self,
        old: &IncidentItem,
        claim: ClaimAttempt<'_>,
    ) -> ServiceResult<Option<Record>> {
        let ClaimAttempt { incident, lease, now, until } = claim;
        // The SDK repeats a write whose answer was lost; then the existing lease is this one.
        let is_mine = old.lease_owner.as_ref() == Some(&lease.owner);
        if !is_mine && old.is_held(now) {
            if old.learns(incident) {
                self.learn(incident).await?;
            }
            self.put_in_place(old, incident).await?;
            return Ok(None);
        }
        if old.is_over(now) {
            let is_taken = is_mine || old.lease_owner.is_none();
            return if is_taken { self.begin_again(old, claim).await } else { Ok(None) };
        }
        match self.update(&incident_key(&incident.id), seized(old, &lease.owner, until)).await? {
            Written::Yes(_) => {
                if old.learns(incident) {
                    self.learn(incident).await?;
                }
                let detail = self.detail(old, lease, now).await?;
                old.record_with(&detail, incident, until, now).map(Some)
            }
            Written::No(_) => Ok(None),
        }
    }

    /// Continues or restarts an incident that was over, whose lease was just taken; `None` if the lease is lost.
    async fn begin_again(
        &self,
        old: &IncidentItem,
        claim: ClaimAttempt<'_>,
    ) -> ServiceResult<Option<Record>> {
        let ClaimAttempt { incident, lease, now, until } = claim;
        if !old.is_expired(now) && old.returns(now) {
            if !self.come_back(&incident.id, old.home_or(incident), until, lease).await? {
                return Ok(None);
            }
            let detail = self.detail(old, lease, now).await?;
            let mut record = old.record_with(&detail, incident, until, now)?;
            record.come_back(until);
            return Ok(Some(record));
        }
        let episode = if old.is_expired(now) { 1 } else { old.episode.saturating_add(1) };
        let reopened = Reopened { is_read: false, before: old.counts(), episode, until };
        if !self.reopen(incident, reopened, lease, now).await? {
            return Ok(None);
        }
        let mut record = item::fresh(incident, episode, until);
        record.incident.last_seen = old.latest(incident, now);
        Ok(Some(record))
    }

    /// Records the cause that `incident` knows, if there was none.
    async fn learn(&self, incident: &Incident) -> ServiceResult<()> {
        let mut update = Update::default();
        update.set_all(item::diagnosed(incident));
        update.only_if("#rule = :unknown");
        update.value(":unknown", keys::NO_RULE);
        let writes = vec![
            self.write(incident_key(&incident.id), update)?,
            self.write(detail::detail_key(&incident.id), detail::learnt(incident))?,
        ];
        // If the condition does not hold, someone else has recorded a cause meanwhile.
        self.transact(writes).await.map(|_| ())
    }

    /// Moves an incident that was only counted to its part of the index: a version before 0.2 put it elsewhere, or its
    /// cause is now of another band.
    async fn put_in_place(&self, old: &IncidentItem, incident: &Incident) -> ServiceResult<()> {
        let Some(open) = &old.open else { return Ok(()) };
        let is_new = incident.is_the_latest_word() || old.learns(incident);
        let place = match old.place_of_open(&incident.id) {
            place if !is_new || place == keys::following(&incident.id) => place,
            _ => keys::home(&incident.id, incident.cause),
        };
        if *open == place {
            return Ok(());
        }
        let mut update = Update::default();
        update.set("open", place);
        // Whoever has driven it meanwhile has put it in its place.
        update.only_if("#open = :was AND lease_owner = :silence");
        update.value(":was", &**open);
        update.value(":silence", SILENCE);
        self.update(&incident_key(&incident.id), update).await.map(|_| ())
    }
}
