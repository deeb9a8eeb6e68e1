//! The ledger, in one DynamoDB table.
//!
//! Invariant: Every write is conditional on its lease, and DynamoDB refuses it under any other. Clocks do not decide
//! who holds a lease; they only tell when a lease may be taken over.
//! See <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ConditionExpressions.html>.
//!
//! Both indexes project whole items, so an incident's item has only what conditions and indexes need, at most 2 KB.
//! Large parts are in separate items outside all indexes; see [`detail`]. An index's projection cannot be changed, and
//! CloudFormation creates or deletes only one index of a table per update, so the items changed instead of the indexes.

mod keys;
mod search_item;
mod claim;
mod detail;
mod episode;
mod finish;
mod intended;
mod item;
mod notice_attributes;
mod quota_item;
mod table;
mod update;

use futures_util::future::{try_join, try_join3};
use jiff::{SignedDuration, Timestamp};

use crate::aws::clients::Aws;
use crate::aws::dynamodb::detail::IncidentDetail;
use crate::aws::dynamodb::finish::{finished, finished_beside};
use crate::aws::dynamodb::intended::{DayItem, FiledRequests, Intended};
use crate::aws::dynamodb::item::{IncidentItem, room, tallied};
use crate::aws::dynamodb::keys::{
    DAY_KEPT, crowd_key, day_key, filed_in_all_key, filed_key, incident_key, opened_key, quota_key,
    sender_attribute, stamp, watch_key,
};
use crate::aws::dynamodb::quota_item::QuotaItem;
use crate::aws::dynamodb::table::{TRIES, Table, Written, is_refused};
use crate::aws::dynamodb::update::{DynamoItem, Update};
use crate::error::{ServiceError, ServiceResult};
use crate::ids::{AccountRegion, IncidentId, QuotaCode};
use crate::incident::Incident;
use crate::incident::band::Band;
use crate::incident::flood::{IN_PLACE, OF_SENDER, Opened, Room};
use crate::incident::lane::Lane;
use crate::incident::record::{Claim, Lease, Record, Release, State};
use crate::ports::{Ledger, RANKED, SEEN};
use crate::quota::record::{Intent, QuotaRecord, Remember, Reserved};
use crate::quota::request::TrackedRequest;
use crate::shards::Shards;
use crate::time::after;

impl Aws {
    fn table(&self) -> ServiceResult<Table<'_>> {
        let missing = || ServiceError::invalid("no table is configured");
        let (client, name) = self.own.table.as_ref().ok_or_else(missing)?;
        Ok(Table { client, name })
    }

    /// A fencing token that no other lease ever has: the process's name and a count.
    fn next_owner(&self) -> String {
        let count = self.own.leases.get() + 1;
        self.own.leases.set(count);
        format!("{}#{count}", self.own.name)
    }
}

impl Table<'_> {
    /// The records of these items with their details, without callers. An unreadable item is an error in its own place.
    async fn records(&self, items: Vec<DynamoItem>) -> ServiceResult<Vec<ServiceResult<Record>>> {
        let keys = items.iter().filter_map(keys::id).map(|id| detail::detail_key(&id));
        let found = self.items(keys.collect()).await?;
        let record = |item: DynamoItem| {
            let item = IncidentItem::read(item)?;
            item.record(&IncidentDetail::read(&item.id()?, &found)?)
        };
        Ok(items.into_iter().map(record).collect())
    }

    /// The recent requests in `place`, including those that an earlier version counted for the day of `now`, and those in
    /// all accounts of `organization`. Without an organization, it is not read.
    async fn filed(
        &self,
        place: &AccountRegion,
        organization: Option<&str>,
        now: Timestamp,
    ) -> ServiceResult<FiledRequests> {
        let in_all = async {
            match organization.map(filed_in_all_key) {
                Some(key) => Ok(Some((self.item(key.clone()).await?, key))),
                None => Ok(None),
            }
        };
        let (key, of_day) = (filed_key(place), day_key(place, now));
        let reads = Box::pin(try_join3(self.item(key.clone()), self.item(of_day), in_all));
        let (times, of_day, in_all) = reads.await?;
        let in_all = in_all.map(|(item, key)| Ok((key, DayItem::read(item, None, now)?))).transpose()?;
        Ok(FiledRequests { in_place: (key, DayItem::read(times, of_day, now)?), in_all })
    }
}

impl Ledger for Aws {
    async fn claim(
        &self,
        incident: &Incident,
        now: Timestamp,
        lease: SignedDuration,
    ) -> ServiceResult<Claim> {
        self.count_and_take(incident, now, lease).await
    }

    /// Reads a band only if the bands before it are not enough.
    async fn due(&self, shards: Shards, now: Timestamp, most: usize) -> ServiceResult<Vec<IncidentId>> {
        let table = self.table()?;
        let mut all = Vec::new();
        for band in Band::ALL {
            let mut due = table.due(shards, band, now, RANKED.max(most)).await?;
            due.sort_by(|a, b| {
                keys::rank(a).cmp(&keys::rank(b)).then_with(|| keys::due_at(a).cmp(&keys::due_at(b)))
            });
            // Only the key is used. The function that takes over an unreadable item reports it.
            all.extend(due.iter().filter_map(keys::id));
            if all.len() >= most {
                break;
            }
        }
        all.truncate(most);
        Ok(all)
    }

    async fn acquire_due(
        &self,
        id: &IncidentId,
        now: Timestamp,
        lease: SignedDuration,
    ) -> ServiceResult<Option<(Lease, Record)>> {
        self.take(id, now, lease, "due_at <= :now").await
    }

    async fn acquire(
        &self,
        id: &IncidentId,
        now: Timestamp,
        lease: SignedDuration,
    ) -> ServiceResult<Option<(Lease, Record)>> {
        self.take(id, now, lease, "attribute_exists(due_at)").await
    }

    async fn all(&self, is_open: bool) -> ServiceResult<Vec<Record>> {
        let table = self.table()?;
        let mut items = table.open().await?;
        if !is_open {
            items.extend(table.closed().await?);
        }
        table.records(items).await?.into_iter().collect()
    }

    async fn wake_followers(&self, place: &AccountRegion, now: Timestamp) -> ServiceResult<()> {
        let table = self.table()?;
        for id in table.followers(place, now).await?.iter().filter_map(keys::id) {
            let mut update = Update::default();
            update.set("due_at", stamp(now));
            update.only_if("#state = :watching AND due_at > :due_at");
            update.name("state");
            update.value(":watching", State::Watching.as_str());
            table.update(&incident_key(&id), update).await?;
        }
        Ok(())
    }

    async fn reserve(&self, lease: &Lease, intent: &Intent, now: Timestamp) -> ServiceResult<Reserved> {
        let table = self.table()?;
        let place = &intent.place;
        let intended = Intended::of(&intent.followed, &lease.incident);

        let mut incident = Update::default();
        incident.set("state", State::Planned.as_str());
        incident.set("intent", intended.attribute()?);
        incident.remove("request_id");
        incident.under(lease);

        let key = quota_key(place, &intent.followed.code);
        let organization = intent.organization.as_ref().map(|of| of.organization.as_str());
        let incident = table.write(incident_key(&lease.incident), incident)?;
        for _ in 0..TRIES {
            let filed = table.filed(place, organization, now);
            let (item, filed) = Box::pin(try_join(table.item(key.clone()), filed)).await?;
            let item = QuotaItem::read(item)?;
            let mut record = item.record()?;
            if let Some(refused) = record.weigh(intent, now) {
                return Ok(refused);
            }
            // Check the daily limits last, after all other reasons.
            if let Some(full) = filed.is_full(intent, now) {
                return Ok(full);
            }
            record.reserved(&lease.incident, intent);
            let mut quota = item.written(&record)?;
            quota.set("intent", intended.attribute()?);
            quota.set("cool_down_until", stamp(intent.cool_down_until));
            quota.remove("request_id");
            quota.remove("last_outcome");
            let mut writes = vec![incident.clone(), table.write(key.clone(), quota)?];
            for (key, counted) in filed.with(intent.followed.intended, now) {
                writes.push(table.write(key, counted)?);
            }
            let Err(reasons) = table.transact(writes).await? else { return Ok(Reserved::Yes) };
            if reasons.first().is_some_and(is_refused) {
                return Err(ServiceError::lease_lost());
            }
            // Another request was reserved since the read; the next attempt counts it.
        }
        Err(ServiceError::Throttled)
    }

    async fn quota(&self, place: &AccountRegion, code: &QuotaCode) -> ServiceResult<QuotaRecord> {
        QuotaItem::read(self.table()?.item(quota_key(place, code)).await?)?.record()
    }

    async fn remember(&self, place: &AccountRegion, code: &QuotaCode, what: &Remember) -> ServiceResult<()> {
        let table = self.table()?;
        let key = quota_key(place, code);
        for _ in 0..TRIES {
            let item = QuotaItem::read(table.item(key.clone()).await?)?;
            let mut record = item.record()?;
            record.remember(what);
            if let Written::Yes(_) = table.update(&key, item.written(&record)?).await? {
                return Ok(());
            }
        }
        Err(ServiceError::Throttled)
    }

    async fn not_filed(
        &self,
        lease: &Lease,
        place: &AccountRegion,
        organization: Option<&str>,
        followed: &TrackedRequest,
    ) -> ServiceResult<()> {
        let table = self.table()?;
        let mut incident = Update::default();
        incident.set("state", State::Seen.as_str());
        incident.remove("intent");
        incident.remove("request_id");
        incident.under(lease);
        // Keep what AWS refused before.
        let mut quota = Update::default();
        for gone in ["intent", "request_id", "last_outcome", "cool_down_until"] {
            quota.remove(gone);
        }
        let quota = table.write(quota_key(place, &followed.code), quota)?;
        let incident = table.write(incident_key(&lease.incident), incident)?;
        for _ in 0..TRIES {
            let mut writes = vec![incident.clone(), quota.clone()];
            // A reservation of an earlier version stays counted until its day is over.
            let filed = table.filed(place, organization, followed.intended).await?;
            for (key, freed) in filed.without(followed.intended) {
                writes.push(table.write(key, freed)?);
            }
            let Err(reasons) = table.transact(writes).await? else { return Ok(()) };
            if reasons.first().is_some_and(is_refused) {
                return Err(ServiceError::lease_lost());
            }
        }
        Err(ServiceError::Throttled)
    }

    async fn finish(&self, lease: &Lease, finish: &Release) -> ServiceResult<()> {
        let table = self.table()?;
        let key = incident_key(&lease.incident);
        let incident = finished(lease, finish)?;
        let mut bulky = Vec::new();
        if let Some(update) = finished_beside(finish)? {
            bulky.push(table.write(detail::detail_key(&lease.incident), update)?);
        }
        let refused = match (&finish.ended, bulky.is_empty()) {
            (None, true) => match table.update(&key, incident).await? {
                Written::Yes(_) => return Ok(()),
                Written::No(now) => now,
            },
            (None, false) => {
                let writes = std::iter::once(table.write(key, incident)?).chain(bulky);
                match table.transact(writes.collect()).await? {
                    Ok(()) => return Ok(()),
                    Err(reasons) => reasons.first().and_then(|reason| reason.item().cloned()),
                }
            }
            (Some(ended), _) => match table.end(table.write(key, incident)?, &bulky, lease, ended).await? {
                Ok(()) => return Ok(()),
                Err(now) => now,
            },
        };
        // A first attempt of this write may have succeeded.
        let now = refused.map(IncidentItem::read).transpose()?;
        let is_mine = |item: &IncidentItem| item.lease_owner.as_ref() == Some(&lease.owner);
        if finish.minds_counts() && now.as_ref().is_some_and(is_mine) {
            return Box::pin(self.finish(lease, &finish.counted_meanwhile())).await;
        }
        if now.is_some_and(|item| item.was_finished_by(lease)) {
            Ok(())
        } else {
            Err(ServiceError::lease_lost())
        }
    }

    async fn admit(&self, opened: &Opened, now: Timestamp) -> ServiceResult<Room> {
        let mut update = Update::default();
        update.add("opened", 1);
        let mut condition = "(attribute_not_exists(#opened) OR #opened < :in_place)".to_owned();
        update.value(":in_place", IN_PLACE);
        if let Some(sender) = &opened.sender {
            let name = sender_attribute(sender);
            update.add(&name, 1);
            condition = format!("{condition} AND (attribute_not_exists(#{name}) OR #{name} < :of_sender)");
            update.value(":of_sender", OF_SENDER);
        }
        update.only_if(&condition);
        update.set("ttl", after(now, DAY_KEPT).as_second());
        match self.table()?.update(&opened_key(opened, now), update).await? {
            Written::Yes(_) => Ok(Room::Free),
            Written::No(item) => Ok(room(&item.unwrap_or_default(), opened)),
        }
    }

    async fn count_notice(&self, lane: Lane, now: Timestamp) -> ServiceResult<u32> {
        let mut update = Update::default();
        update.add("notices", 1);
        update.set("ttl", after(now, DAY_KEPT).as_second());
        let (Written::Yes(before) | Written::No(before)) =
            self.table()?.update(&crowd_key(lane, now), update).await?;
        Ok(before.map_or(Ok(0), tallied)?.saturating_add(1))
    }

    async fn places(&self, since: Timestamp) -> ServiceResult<Vec<AccountRegion>> {
        Ok(self.table()?.places(since).await?.into_iter().collect())
    }

    async fn watch(&self, place: &AccountRegion, due_by: Timestamp, next: Timestamp) -> ServiceResult<bool> {
        let mut update = Update::default();
        update.set("next_at", stamp(next));
        update.only_if("attribute_not_exists(pk) OR #next_at <= :due_by");
        update.value(":due_by", stamp(due_by));
        Ok(matches!(self.table()?.update(&watch_key(place), update).await?, Written::Yes(_)))
    }

    async fn seen(&self, place: &AccountRegion, since: Timestamp) -> ServiceResult<Vec<Incident>> {
        let table = self.table()?;
        let items = table.seen(place, since, SEEN).await?;
        // Whoever drives an unreadable item reports it.
        let records = table.records(items).await?.into_iter().filter_map(Result::ok);
        Ok(records.map(|record| record.incident).collect())
    }

    async fn incident(&self, id: &IncidentId) -> ServiceResult<Option<Record>> {
        let mut found = self.table()?.items(detail::all_keys(id)).await?;
        let Some(item) = found.remove(&incident_key(id)) else { return Ok(None) };
        let item = IncidentItem::read(item)?;
        if item.is_expired(Timestamp::now()) {
            return Ok(None);
        }
        item.record(&IncidentDetail::read(id, &found)?).map(Some)
    }
}
