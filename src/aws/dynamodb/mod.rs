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
mod detail;
mod item;
mod quota_item;
mod table;
mod update;

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use futures_util::future::{join_all, try_join};
use jiff::{SignedDuration, Timestamp};

use crate::aws::clients::Aws;
use crate::aws::dynamodb::detail::IncidentDetail;
use crate::aws::dynamodb::item::{DayItem, IncidentItem, Intended, Slimmed, room, tallied};
use crate::aws::dynamodb::keys::{
    DAY_KEPT, HOME, SILENCE, crowd_key, day_key, filed_key, incident_key, opened_key, quota_key,
    sender_attribute, stamp, watch_key,
};
use crate::aws::dynamodb::quota_item::QuotaItem;
use crate::aws::dynamodb::search_item::SearchAttribute;
use crate::aws::dynamodb::table::{TRIES, Table, Written, is_refused};
use crate::aws::dynamodb::update::{DynamoItem, Update};
use crate::diagnosis::Cause;
use crate::error::{ServiceError, ServiceResult};
use crate::ids::{AccountRegion, IncidentId, QuotaCode};
use crate::incident::band::Band;
use crate::incident::flood::{IN_PLACE, OF_SENDER, Opened, Room};
use crate::incident::lane::Lane;
use crate::incident::record::{Claim, Lease, Record, Release, State};
use crate::incident::{Counts, Incident};
use crate::ports::{Ledger, RANKED, SEEN};
use crate::quota::record::{EndedRequest, Intent, QuotaRecord, Remember, Reserved, has_room};
use crate::quota::request::TrackedRequest;
use crate::shards::Shards;
use crate::time::after;

/// IAM actions that this adapter needs. `TransactWriteItems` is authorised by the actions of its writes.
pub(crate) const ACTIONS: &[&str] =
    &["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem"];

/// Closed incidents are kept this long.
const KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);

/// How far another function's clock may be ahead.
const AHEAD: SignedDuration = SignedDuration::from_mins(15);

impl Aws {
    fn table(&self) -> ServiceResult<Table<'_>> {
        let missing = || ServiceError::invalid("no table is configured");
        let (client, name) = self.own.table.as_ref().ok_or_else(missing)?;
        Ok(Table { client, name })
    }

    /// Takes the lease of an open incident that nobody holds and for which `condition` is true.
    async fn take(
        &self,
        id: &IncidentId,
        now: Timestamp,
        lease: SignedDuration,
        condition: &str,
    ) -> ServiceResult<Option<(Lease, Record)>> {
        let table = self.table()?;
        let (owner, until) = (self.next_owner(), after(now, lease));
        let mut update = Update::default();
        update.set("lease_owner", &*owner);
        update.set("lease_until", stamp(until));
        update.set("due_at", stamp(until));
        update.only_if(&format!(
            "attribute_exists(#open) AND {condition} AND (attribute_not_exists(lease_owner) OR lease_owner = :silence OR lease_until <= :now)"
        ));
        update.name("open");
        update.value(":now", stamp(now));
        update.value(":silence", SILENCE);
        let Written::Yes(Some(old)) = table.update(&incident_key(id), update).await? else { return Ok(None) };
        let old = IncidentItem::read(old)?;
        let lease = Lease { incident: id.clone(), owner };
        let detail = table.detail(&old, &lease, now).await?;
        let mut record = old.record(&detail)?;
        record.due_at = Some(until);
        if record.returns(now) {
            if !table.come_back(id, old.home_or(&record.incident), until, &lease).await? {
                return Ok(None);
            }
            record.come_back(until);
        } else if record.state == State::Closed {
            // Whoever reopened it died before starting the new episode; the counts are of both episodes.
            let episode = old.episode.saturating_add(1);
            let reopened = Reopened { is_read: true, before: Counts::default(), episode, until };
            if !table.reopen(&record.incident, reopened, &lease, now).await? {
                return Ok(None);
            }
            record = item::fresh(&record.incident, episode, until);
        }
        Ok(Some((lease, record)))
    }

    /// A fencing token that no other lease ever has: the process's name and a count.
    fn next_owner(&self) -> String {
        let count = self.own.leases.get() + 1;
        self.own.leases.set(count);
        format!("{}#{count}", self.own.name)
    }
}

/// How a new episode of a closed incident starts.
struct Reopened {
    /// Whether the incident was read from its item and has nothing new to write. Values of another version then stay
    /// as they were written.
    is_read: bool,
    /// Subtracted from the counts, so that claims counted in between stay.
    before: Counts,
    episode: u32,
    until: Timestamp,
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

/// What the end of a drive writes to the incident's item.
fn finished(lease: &Lease, finish: &Release) -> ServiceResult<Update> {
    let id = &lease.incident;
    let closes = finish.state == State::Closed;
    let mut update = Update::default();
    update.set("state", finish.state.as_str());
    update.set("finished_by", &*lease.owner);
    update.set_or_remove("due_at", Some(stamp(finish.due_at)).filter(|_| !closes));
    update.set_or_remove("silent_until", finish.silent_until.map(stamp));
    let searched = finish.search.as_ref().map(|_| AttributeValue::Bool(true));
    update.set_or_remove("searched", searched);
    update.remove("search");
    update.set_or_remove("unread", finish.unread.as_ref().map(item::unread).transpose()?);
    update.set_or_remove("awaited", finish.awaited.as_ref().map(item::awaited).transpose()?);
    if let Some(other) = &finish.superseded_by {
        update.set("superseded_by", other.as_str());
    }
    update.set_or_remove("lease_until", finish.silent_until.map(stamp));
    update.set_or_remove("lease_owner", finish.silent_until.map(|_| SILENCE));
    let followed = finish.followed.as_ref();
    let intended = followed.map(|f| Intended::of(f, id).attribute()).transpose()?;
    update.set_or_remove("intent", intended);
    update.set_or_remove("request_id", followed.and_then(|f| f.request_id.as_deref()));
    if let Some(told) = &finish.told {
        item::tell(&mut update, told)?;
    }
    match finish.state {
        State::Closed => {
            update.remove("open");
            update.set("ttl", expires(finish));
        }
        State::Watching => update.set("open", keys::following(id)),
        // Every item whose lease this version took has a home.
        _ => update.copy_or("open", HOME, keys::home(id, Cause::Unknown)),
    }
    update.under(lease);
    if finish.minds_counts() {
        update.only_if("lease_owner = :owner AND #errors = :errors AND #alarms = :alarms");
        for (name, count) in [("errors", finish.counts.errors), ("alarms", finish.counts.alarms)] {
            update.name(name);
            update.value(&format!(":{name}"), count);
        }
    }
    Ok(update)
}

/// What it writes to `DETAIL#`, in the same transaction; `None` if none of that changes.
fn finished_beside(finish: &Release) -> ServiceResult<Option<Update>> {
    let mut update = Update::default();
    let told = finish.told.as_ref().filter(|told| !told.missing.is_empty());
    let heard = finish.told.as_ref().map(|told| &told.heard).filter(|heard| !heard.is_empty());
    let closes = finish.state == State::Closed;
    if let Some(told) = told {
        detail::missing(&mut update, told);
    }
    if let Some(heard) = heard {
        detail::heard(&mut update, heard);
    }
    if let Some(search) = &finish.search {
        update.set("search", SearchAttribute::of(search).attribute()?);
    }
    if closes {
        update.set("ttl", expires(finish));
    }
    let is_bulky = told.is_some() || heard.is_some() || finish.search.is_some();
    Ok((is_bulky || closes).then_some(update))
}

/// When a closed incident is deleted, in seconds since 1970.
fn expires(finish: &Release) -> i64 {
    after(finish.due_at, KEPT).as_second()
}

impl Table<'_> {
    /// Records how a followed request ended, together with the `incident` and its `bulky` items. Returns `Err` with the
    /// incident's present item if its condition did not hold.
    async fn end(
        &self,
        incident: TransactWriteItem,
        bulky: &[TransactWriteItem],
        lease: &Lease,
        ended: &EndedRequest,
    ) -> ServiceResult<Result<(), Option<DynamoItem>>> {
        let EndedRequest { place, followed, outcome, .. } = ended;
        let key = quota_key(place, &followed.code);
        for _ in 0..TRIES {
            let item = QuotaItem::read(self.item(key.clone()).await?)?;
            let mut record = item.record()?;
            record.ended(ended);
            let mut quota = item.written(&record)?;
            // For someone else's request, only its end is recorded.
            if record.last.as_ref().is_some_and(|last| last.intended == followed.intended) {
                quota.set("intent", Intended::of(followed, &lease.incident).attribute()?);
                quota.set_or_remove("request_id", followed.request_id.as_deref());
                quota.set("last_outcome", outcome.as_str());
                quota.set_if_absent("cool_down_until", stamp(followed.intended));
            }
            let mut writes = vec![incident.clone(), self.write(key.clone(), quota)?];
            writes.extend(bulky.iter().cloned());
            let Err(reasons) = self.transact(writes).await? else { return Ok(Ok(())) };
            match reasons.as_slice() {
                // Someone has written to the quota's item since it was read: try again.
                [incident, quota, ..] if !is_refused(incident) && is_refused(quota) => {}
                [incident, ..] => return Ok(Err(incident.item().cloned())),
                [] => return Ok(Err(None)),
            }
        }
        Err(ServiceError::Throttled)
    }

    /// Reads the large parts of `old`, whose `lease` was just taken. Moves out of `old` what a version before 0.2 kept
    /// there.
    async fn detail(
        &self,
        old: &IncidentItem,
        lease: &Lease,
        now: Timestamp,
    ) -> ServiceResult<IncidentDetail> {
        let id = &lease.incident;
        let detail = IncidentDetail::read(id, &self.items(detail::keys(id)).await?)?;
        if old.is_of_before() {
            let Slimmed { mut incident, detail: bulky, callers } = old.slimmed(&detail, now)?;
            incident.under(lease);
            let bulky = self.write(detail::detail_key(id), bulky)?;
            let mut writes = vec![self.write(incident_key(id), incident)?, bulky];
            for (key, update) in callers {
                writes.push(self.write(key, update)?);
            }
            if self.transact(writes).await?.is_err() {
                return Err(ServiceError::lease_lost());
            }
        }
        Ok(detail)
    }

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

    /// Starts a new episode of a closed incident under its new lease. `false` if the lease is lost.
    async fn reopen(
        &self,
        incident: &Incident,
        reopened: Reopened,
        lease: &Lease,
        now: Timestamp,
    ) -> ServiceResult<bool> {
        let Reopened { is_read, before, episode, until } = reopened;
        let mut update = Update::default();
        update.set("state", State::Seen.as_str());
        update.set("episode", episode);
        update.set("notices", AttributeValue::L(Vec::new()));
        update.set("due_at", stamp(until));
        let mut told = item::told_by(incident);
        let is_told = |name: &str| told.iter().any(|(known, _)| *known == name);
        item::OF_EPISODE.iter().filter(|name| !is_told(name)).for_each(|gone| update.remove(gone));
        item::of_kinds().for_each(|gone| update.remove(&gone));
        // The claim has written it, and someone may have written a later time since.
        told.retain(|(name, _)| !is_read && *name != item::LAST_SEEN);
        update.set_all(told);
        let home = keys::home(&incident.id, incident.cause);
        if is_read {
            update.copy_or("open", HOME, home);
        } else {
            update.set("open", home);
        }
        update.subtract("errors", before.errors);
        update.subtract("alarms", before.alarms);
        update.under(lease);
        let bulky = detail::reopened(incident, is_read, now);
        let writes = vec![
            self.write(incident_key(&incident.id), update)?,
            self.write(detail::detail_key(&incident.id), bulky)?,
        ];
        Ok(self.transact(writes).await?.is_ok())
    }

    /// Continues the episode of an incident that was over, under its new lease. `false` if the lease is lost.
    async fn come_back(
        &self,
        id: &IncidentId,
        home: String,
        due_at: Timestamp,
        lease: &Lease,
    ) -> ServiceResult<bool> {
        let mut update = Update::default();
        update.set("state", State::Seen.as_str());
        update.set("due_at", stamp(due_at));
        update.copy_or("open", HOME, home);
        for gone in item::OF_STAY {
            update.remove(gone);
        }
        update.under(lease);
        let mut bulky = Update::default();
        for gone in ["search", "ttl"] {
            bulky.remove(gone);
        }
        let bulky = self.write(detail::detail_key(id), bulky)?;
        Ok(self.transact(vec![self.write(incident_key(id), update)?, bulky]).await?.is_ok())
    }

    /// The recent requests in `place`, including those that an earlier version counted for the day of `now`.
    async fn filed(&self, place: &AccountRegion, now: Timestamp) -> ServiceResult<DayItem> {
        let (times, of_day) = try_join(self.item(filed_key(place)), self.item(day_key(place, now))).await?;
        DayItem::read(times, of_day, now)
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

impl Ledger for Aws {
    /// Usually one write of the incident's item. It counts the incident and, because `if_not_exists` keeps existing
    /// values, takes the lease only if nobody holds it. An error older than `last_seen` needs a second try. Facts and
    /// callers go to separate items outside the indexes. The old item tells the result. Only an incident that was
    /// closed, released without silence, or left with an expired lease needs one more write.
    async fn claim(
        &self,
        incident: &Incident,
        now: Timestamp,
        lease: SignedDuration,
    ) -> ServiceResult<Claim> {
        let table = self.table()?;
        let key = incident_key(&incident.id);
        let (owner, until) = (self.next_owner(), after(now, lease));
        let incident = &incident.until(now);
        let count = |is_latest: bool| {
            let mut update = Update::default();
            let home = keys::home(&incident.id, incident.cause);
            for (name, value) in [("open", &*home), ("state", State::Seen.as_str()), ("lease_owner", &owner)]
            {
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
                update.only_if(
                    "attribute_not_exists(last_seen) OR last_seen <= :last_seen OR last_seen > :ahead",
                );
                update.value(":ahead", stamp(after(now, AHEAD)));
            }
            update
        };
        let beside = std::iter::once((detail::detail_key(&incident.id), detail::claimed(incident)));
        let models = detail::models(incident).map(|update| (detail::detail_key(&incident.id), update));
        let beside = beside.chain(models).chain(detail::callers(incident, now));
        let beside: Vec<(String, Update)> = beside.collect();
        let beside = beside.into_iter().map(async |(key, update)| table.update(&key, update).await);
        let counted = async {
            match table.update(&key, count(true)).await? {
                Written::No(_) => table.update(&key, count(false)).await,
                written @ Written::Yes(_) => Ok(written),
            }
        };
        let (written, beside) = tokio::join!(counted, join_all(beside));
        let (Written::Yes(old) | Written::No(old)) = written?;
        for written in beside {
            written?;
        }
        let old = old.map(IncidentItem::read).transpose()?;
        let lease = Lease { incident: incident.id.clone(), owner: owner.clone() };
        let mine = |record| Ok(Claim::Mine(lease.clone(), Box::new(record)));

        let Some(old) = old else { return mine(item::fresh(incident, 1, until)) };
        // The SDK repeats a write whose answer was lost; then the existing lease is this one.
        let is_mine = old.lease_owner.as_ref() == Some(&owner);
        if !is_mine && old.is_held(now) {
            if old.learns(incident) {
                table.learn(incident).await?;
            }
            table.put_in_place(&old, incident).await?;
            return Ok(Claim::Counted);
        }
        if old.is_over(now) {
            let episode = if old.is_expired(now) { 1 } else { old.episode.saturating_add(1) };
            let seized = is_mine || old.lease_owner.is_none();
            if !old.is_expired(now) && old.returns(now) {
                let home = old.home_or(incident);
                if !seized || !table.come_back(&incident.id, home, until, &lease).await? {
                    return Ok(Claim::Counted);
                }
                let detail = table.detail(&old, &lease, now).await?;
                let mut record = old.record_with(&detail, incident, until, now)?;
                record.come_back(until);
                return mine(record);
            }
            let reopened = Reopened { is_read: false, before: old.counts(), episode, until };
            if !seized || !table.reopen(incident, reopened, &lease, now).await? {
                return Ok(Claim::Counted);
            }
            let mut record = item::fresh(incident, episode, until);
            record.incident.last_seen = old.latest(incident, now);
            return mine(record);
        }
        match table.update(&key, seized(&old, &owner, until)).await? {
            Written::Yes(_) => {
                if old.learns(incident) {
                    table.learn(incident).await?;
                }
                let detail = table.detail(&old, &lease, now).await?;
                mine(old.record_with(&detail, incident, until, now)?)
            }
            Written::No(_) => Ok(Claim::Counted),
        }
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
        let incident = table.write(incident_key(&lease.incident), incident)?;
        for _ in 0..TRIES {
            let (item, filed) = Box::pin(try_join(table.item(key.clone()), table.filed(place, now))).await?;
            let item = QuotaItem::read(item)?;
            let mut record = item.record()?;
            if let Some(refused) = record.weigh(intent, now) {
                return Ok(refused);
            }
            // Check the daily limit last, after all other reasons.
            if !has_room(&filed.times, intent.most_a_day, now) {
                return Ok(Reserved::DailyLimit);
            }
            record.reserved(&lease.incident, intent);
            let mut quota = item.written(&record)?;
            quota.set("intent", intended.attribute()?);
            quota.set("cool_down_until", stamp(intent.cool_down_until));
            quota.remove("request_id");
            quota.remove("last_outcome");
            let writes = vec![
                incident.clone(),
                table.write(key.clone(), quota)?,
                table.write(filed_key(place), filed.with(intent.followed.intended, now))?,
            ];
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
            if let Some(without) = table.filed(place, followed.intended).await?.without(followed.intended) {
                writes.push(table.write(filed_key(place), without)?);
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
