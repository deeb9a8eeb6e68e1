//! The ledger, in one DynamoDB table.
//!
//! One law: every write says under which lease it is made, and DynamoDB refuses it under any other. No
//! clock decides who holds a lease; clocks only say when one may be taken over.
//! See <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ConditionExpressions.html>.

mod item;
mod update;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};
use jiff::{SignedDuration, Timestamp};

use self::item::{
    Filed, IncidentItem, Intended, QuotaItem, Searched, crowd_key, day_key, filed_key, incident_key,
    opened_key, quota_key, room, sender_attribute, stamp, tallied, watch_key,
};
use self::update::{Item, Update};
use super::{Aws, error};
use crate::flood::{IN_PLACE, OF_SENDER, Opened, Room};
use crate::ids::Place;
use crate::incident::{Counts, Incident, IncidentId};
use crate::world::{
    Answer, Claim, Ended, Finish, Followed, Intent, Lane, Lease, Ledger, PortError, RANKED, Record, Refusal,
    RequestOutcome, Reserved, SEEN, State, after, has_room,
};

/// What this adapter calls. `TransactWriteItems` is authorised as the writes it holds.
pub(super) const ACTIONS: &[&str] = &["dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem"];

/// The sparse index of open incidents by due time.
const INDEX: &str = "open-due";
/// The index of incidents by place and the time they were seen last.
const SEEN_INDEX: &str = "place-seen";
/// In place of a lease's owner, after people were told: until then claims only count.
const SILENCE: &str = "silence";
/// Closed incidents are kept this long.
const KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);
/// A counter is of no use after its time; kept for whoever looks.
const DAY_KEPT: SignedDuration = SignedDuration::from_hours(8 * 24);
/// Another function's clock may be ahead by so much.
const AHEAD: SignedDuration = SignedDuration::from_mins(15);
/// A transaction that met another is tried so often in all.
const TRIES: u32 = 3;

/// Whether the quota's item has no refusal that an earlier version kept as the last outcome alone. Its values are
/// bound by [`not_hidden`].
const NO_HIDDEN_REFUSAL: &str = "attribute_exists(refused_desired) OR attribute_not_exists(last_outcome) OR (last_outcome <> :closed AND last_outcome <> :denied)";

fn not_hidden(quota: &mut Update) {
    quota.value(":closed", RequestOutcome::ClosedUnchanged.as_str());
    quota.value(":denied", RequestOutcome::Denied.as_str());
}

/// What a conditional write came to.
enum Written {
    /// It happened; the item as it was before, if there was one.
    Yes(Option<Item>),
    /// Its condition did not hold; the item as it is.
    No(Option<Item>),
}

/// The table, and who writes to it.
struct Table<'a> {
    client: &'a Client,
    name: &'a str,
}

impl Aws {
    fn table(&self) -> Answer<Table<'_>> {
        let missing = || PortError::invalid("no table is configured");
        let (client, name) = self.own.table.as_ref().ok_or_else(missing)?;
        Ok(Table { client, name })
    }

    /// Takes the lease of an open incident that nobody holds and for which `condition` holds.
    async fn take(
        &self,
        id: &IncidentId,
        now: Timestamp,
        lease: SignedDuration,
        condition: &str,
    ) -> Answer<Option<(Lease, Record)>> {
        let table = self.table()?;
        let (owner, until) = (self.next_owner(), after(now, lease));
        let mut update = Update::default();
        update.set("lease_owner", &*owner);
        update.set("lease_until", stamp(until));
        update.set("due_at", stamp(until));
        update.only_if(&format!(
            "#open = :one AND {condition} AND (attribute_not_exists(lease_owner) OR lease_owner = :silence OR lease_until <= :now)"
        ));
        update.name("open");
        update.value(":one", "1");
        update.value(":now", stamp(now));
        update.value(":silence", SILENCE);
        let Written::Yes(Some(old)) = table.update(&incident_key(id), update).await? else { return Ok(None) };
        let old = IncidentItem::read(old)?;
        let lease = Lease { incident: id.clone(), owner };
        let mut record = old.record()?;
        record.due_at = Some(until);
        if record.state == State::Closed {
            // Whoever reopened it died before it had begun the new episode; the counts are of both.
            let episode = old.episode.saturating_add(1);
            if !table.reopen(&record.incident, true, Counts::default(), episode, &lease.owner, until).await? {
                return Ok(None);
            }
            record = item::fresh(&record.incident, episode, until);
        }
        Ok(Some((lease, record)))
    }

    /// A fencing token that no other lease ever had: process and count.
    fn next_owner(&self) -> String {
        let count = self.own.leases.get() + 1;
        self.own.leases.set(count);
        format!("{}#{count}", self.own.name)
    }
}

/// A missing table is no missing item.
fn failed<E>(action: &str, sdk: &SdkError<E, aws_sdk_dynamodb::config::http::HttpResponse>) -> PortError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    if error::is_absent(sdk) {
        return PortError::invalid("the ledger's table does not exist");
    }
    error::of_read(action, sdk)
}

impl Table<'_> {
    async fn update(&self, key: &str, update: Update) -> Answer<Written> {
        let parts = update.into_parts();
        let call = self
            .client
            .update_item()
            .table_name(self.name)
            .key("pk", AttributeValue::S(key.to_owned()))
            .update_expression(parts.expression)
            .set_condition_expression(parts.condition)
            .set_expression_attribute_names(parts.names)
            .set_expression_attribute_values(parts.values)
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match call.send().await {
            Ok(done) => Ok(Written::Yes(done.attributes)),
            Err(sdk) => match sdk.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(e)) => Ok(Written::No(e.item.clone())),
                _ => Err(failed("dynamodb:UpdateItem", &sdk)),
            },
        }
    }

    /// Every write or none. `Err` with the reasons, in the order of the writes, when a condition did not
    /// hold.
    async fn transact(&self, writes: Vec<TransactWriteItem>) -> Answer<Result<(), Vec<CancellationReason>>> {
        let mut tries = 1;
        loop {
            let call = self.client.transact_write_items().set_transact_items(Some(writes.clone()));
            let Err(sdk) = call.send().await else { return Ok(Ok(())) };
            let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
                sdk.as_service_error()
            else {
                return Err(failed("dynamodb:UpdateItem", &sdk));
            };
            let reasons = cancelled.cancellation_reasons().to_vec();
            if reasons.iter().any(|r| r.code() == Some("ConditionalCheckFailed")) {
                return Ok(Err(reasons));
            }
            // It met another transaction on the same items, or the table's limits.
            if tries == TRIES {
                return Err(PortError::Throttled);
            }
            tokio::time::sleep(std::time::Duration::from_millis(100) * tries).await;
            tries += 1;
        }
    }

    fn write(&self, key: String, update: Update) -> Answer<TransactWriteItem> {
        let parts = update.into_parts();
        let write = aws_sdk_dynamodb::types::Update::builder()
            .table_name(self.name)
            .key("pk", AttributeValue::S(key))
            .update_expression(parts.expression)
            .set_condition_expression(parts.condition)
            .set_expression_attribute_names(parts.names)
            .set_expression_attribute_values(parts.values)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(|e| PortError::invalid(e.to_string()))?;
        Ok(TransactWriteItem::builder().update(write).build())
    }

    /// Open incidents that are due by then and not leased, or all of them, most overdue first.
    async fn open(&self, due_by: Option<Timestamp>, most: usize) -> Answer<Vec<Item>> {
        let one = AttributeValue::S("1".to_owned());
        let mut call = self.client.query().table_name(self.name).index_name(INDEX);
        call = call.expression_attribute_names("#open", "open").expression_attribute_values(":open", one);
        call = match due_by {
            None => call.key_condition_expression("#open = :open"),
            Some(now) => call
                .key_condition_expression("#open = :open AND due_at <= :now")
                .projection_expression("pk, cause")
                .filter_expression(
                    "attribute_not_exists(lease_until) OR lease_until <= :now OR lease_owner = :silence",
                )
                .expression_attribute_values(":now", AttributeValue::S(stamp(now)))
                .expression_attribute_values(":silence", AttributeValue::S(SILENCE.to_owned())),
        };
        let mut pages = call.into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| failed("dynamodb:Query", &e))?;
            found.extend(page.items.unwrap_or_default());
            if found.len() >= most {
                break;
            }
        }
        found.truncate(most);
        Ok(found)
    }

    /// Closed incidents that are still kept. Reads the whole table: for a person, never for the function.
    async fn closed(&self) -> Answer<Vec<Item>> {
        let mut pages = self
            .client
            .scan()
            .table_name(self.name)
            .filter_expression("begins_with(pk, :incident) AND attribute_not_exists(#open)")
            .expression_attribute_names("#open", "open")
            .expression_attribute_values(":incident", AttributeValue::S(item::INCIDENT.to_owned()))
            .into_paginator()
            .send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| failed("dynamodb:Scan", &e))?;
            found.extend(page.items.unwrap_or_default());
        }
        Ok(found)
    }

    /// Begins a new episode of a closed incident, under the lease that `owner` has taken. Of the counts
    /// only those `before` it are taken off: claims that came in between stay. An incident that `is_read` from
    /// its item tells nothing new: words of another version stay as they were written.
    async fn reopen(
        &self,
        incident: &Incident,
        is_read: bool,
        before: Counts,
        episode: u32,
        owner: &str,
        until: Timestamp,
    ) -> Answer<bool> {
        let mut update = Update::default();
        update.set("state", State::Seen.as_str());
        update.set("episode", episode);
        update.set("open", "1");
        update.set("notices", AttributeValue::L(Vec::new()));
        update.set("due_at", stamp(until));
        let mut told = item::told_by(incident);
        let is_told = |name: &str| told.iter().any(|(known, _)| *known == name);
        item::OF_EPISODE.iter().filter(|name| !is_told(name)).for_each(|gone| update.remove(gone));
        // The claim has written it, and another may have written a later one since.
        told.retain(|(name, _)| !is_read && *name != item::LAST_SEEN);
        update.set_all(told);
        update.subtract("errors", before.errors);
        update.subtract("alarms", before.alarms);
        update.only_if("lease_owner = :owner");
        update.value(":owner", owner);
        Ok(matches!(self.update(&incident_key(&incident.id), update).await?, Written::Yes(_)))
    }

    async fn item(&self, key: String) -> Answer<Option<Item>> {
        let call = self.client.get_item().table_name(self.name).consistent_read(true);
        let answer = call.key("pk", AttributeValue::S(key)).send().await;
        Ok(answer.map_err(|e| failed("dynamodb:GetItem", &e))?.item)
    }

    /// The requests that were filed in `place` lately, those among them that an earlier version counted by the
    /// day `now` is in.
    async fn filed(&self, place: &Place, now: Timestamp) -> Answer<Filed> {
        let (times, of_day) = (self.item(filed_key(place)).await?, self.item(day_key(place, now)).await?);
        Filed::read(times, of_day, now)
    }

    /// Writes the refusal that an earlier version kept as the last outcome alone into attributes of its own, before
    /// the last outcome is overwritten.
    async fn keep_refusal(&self, key: &str, refused: Option<Refusal>) -> Answer<()> {
        let Some(Refusal { desired, asked }) = refused else { return Ok(()) };
        let mut update = Update::default();
        update.set_if_absent("refused_desired", desired);
        update.set_if_absent("refused_at", stamp(asked));
        self.update(key, update).await.map(|_| ())
    }

    /// Writes down the cause that `incident` knows, where there was none.
    async fn learn(&self, key: &str, incident: &Incident) -> Answer<()> {
        let mut update = Update::default();
        update.set_all(item::diagnosed(incident));
        update.only_if("#rule = :unknown");
        update.value(":unknown", item::NO_RULE);
        self.update(key, update).await.map(|_| ())
    }
}

impl Ledger for Aws {
    /// One write, which only errors older than what is known keep from being the whole, counts and, because `if_not_exists` keeps what stands, takes the lease
    /// only of an item that nobody holds. The item as it was says what came of it; only an incident that
    /// was closed, given back without silence, or left behind needs a second write.
    async fn claim(&self, incident: &Incident, now: Timestamp, lease: SignedDuration) -> Answer<Claim> {
        let table = self.table()?;
        let key = incident_key(&incident.id);
        let (owner, until) = (self.next_owner(), after(now, lease));
        let incident = &incident.until(now);
        let count = |is_latest: bool| {
            let mut update = Update::default();
            for (name, value) in [("open", "1"), ("state", State::Seen.as_str()), ("lease_owner", &owner)] {
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
                // A time in the future, which an earlier version believed, gives way.
                update.only_if(
                    "attribute_not_exists(last_seen) OR last_seen <= :last_seen OR last_seen > :ahead",
                );
                update.value(":ahead", stamp(after(now, AHEAD)));
            }
            update
        };
        let written = match table.update(&key, count(true)).await? {
            Written::No(_) => table.update(&key, count(false)).await?,
            written @ Written::Yes(_) => written,
        };
        let (Written::Yes(old) | Written::No(old)) = written;
        let old = old.map(IncidentItem::read).transpose()?;
        let mine = |record| {
            let lease = Lease { incident: incident.id.clone(), owner: owner.clone() };
            Ok(Claim::Mine(lease, Box::new(record)))
        };

        let Some(old) = old else { return mine(item::fresh(incident, 1, until)) };
        // The SDK repeats a write whose answer was lost; then the lease that stands is this one.
        let is_mine = old.lease_owner.as_ref() == Some(&owner);
        if !is_mine && old.is_held(now) {
            if old.learns(incident) {
                table.learn(&key, incident).await?;
            }
            return Ok(Claim::Counted);
        }
        if old.is_over(now) {
            let episode = if old.is_expired(now) { 1 } else { old.episode.saturating_add(1) };
            let seized = is_mine || old.lease_owner.is_none();
            if !seized || !table.reopen(incident, false, old.counts(), episode, &owner, until).await? {
                return Ok(Claim::Counted);
            }
            let mut record = item::fresh(incident, episode, until);
            record.incident.last_seen = old.latest(incident, now);
            return mine(record);
        }
        let mut seize = Update::default();
        seize.set("lease_owner", &*owner);
        seize.set("lease_until", stamp(until));
        seize.set("due_at", stamp(until));
        if old.learns(incident) {
            seize.set_all(item::diagnosed(incident));
        }
        if let (Some(left), Some(since)) = (&old.lease_owner, &old.lease_until) {
            seize.only_if("lease_owner = :left AND lease_until = :since");
            seize.value(":left", &**left);
            seize.value(":since", &**since);
        } else {
            seize.only_if("lease_owner = :mine");
            seize.value(":mine", &*owner);
        }
        match table.update(&key, seize).await? {
            Written::Yes(_) => mine(old.record_with(incident, until, now)?),
            Written::No(_) => Ok(Claim::Counted),
        }
    }

    async fn due(&self, now: Timestamp, most: usize) -> Answer<Vec<IncidentId>> {
        // By the key alone: whoever takes over an item that cannot be read will say so.
        let mut due = self.table()?.open(Some(now), RANKED.max(most)).await?;
        due.sort_by_key(item::rank);
        Ok(due.iter().filter_map(item::id).take(most).collect())
    }

    async fn take_over(
        &self,
        id: &IncidentId,
        now: Timestamp,
        lease: SignedDuration,
    ) -> Answer<Option<(Lease, Record)>> {
        self.take(id, now, lease, "due_at <= :now").await
    }

    async fn seize(
        &self,
        id: &IncidentId,
        now: Timestamp,
        lease: SignedDuration,
    ) -> Answer<Option<(Lease, Record)>> {
        self.take(id, now, lease, "attribute_exists(due_at)").await
    }

    async fn all(&self, is_open: bool) -> Answer<Vec<Record>> {
        let table = self.table()?;
        let mut items = table.open(None, usize::MAX).await?;
        if !is_open {
            items.extend(table.closed().await?);
        }
        items.into_iter().map(|item| IncidentItem::read(item)?.record()).collect()
    }

    /// A page at a time, and of incidents that do not wait for a request here not even the key travels: the
    /// open ones may be many.
    async fn wake_followers(&self, place: &Place, now: Timestamp) -> Answer<()> {
        let table = self.table()?;
        let text = |value: &str| AttributeValue::S(value.to_owned());
        let mut pages = table
            .client
            .query()
            .table_name(table.name)
            .index_name(INDEX)
            .key_condition_expression("#open = :open")
            .filter_expression("#state = :watching AND #account = :account AND #region = :region")
            .projection_expression("pk")
            .expression_attribute_names("#open", "open")
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#account", "account")
            .expression_attribute_names("#region", "region")
            .expression_attribute_values(":open", text("1"))
            .expression_attribute_values(":watching", text(State::Watching.as_str()))
            .expression_attribute_values(":account", text(place.account.as_str()))
            .expression_attribute_values(":region", text(place.region.as_str()))
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| failed("dynamodb:Query", &e))?;
            for id in page.items().iter().filter_map(item::id) {
                let mut update = Update::default();
                update.set("due_at", stamp(now));
                update.only_if("#state = :watching AND due_at > :due_at");
                update.name("state");
                update.value(":watching", State::Watching.as_str());
                table.update(&incident_key(&id), update).await?;
            }
        }
        Ok(())
    }

    async fn reserve(&self, lease: &Lease, intent: &Intent, now: Timestamp) -> Answer<Reserved> {
        let table = self.table()?;
        let place = &intent.place;
        let intended = Intended::of(&intent.followed, &lease.incident);

        let mut incident = Update::default();
        incident.set("state", State::Planned.as_str());
        incident.set("intent", intended.attribute()?);
        incident.remove("request_id");
        incident.under(lease);

        let mut quota = Update::default();
        quota.set("intent", intended.attribute()?);
        quota.set("cool_down_until", stamp(intent.cool_down_until));
        quota.remove("request_id");
        quota.remove("last_outcome");
        quota.only_if(&format!(
            "(attribute_not_exists(cool_down_until) OR cool_down_until <= :now) AND (attribute_not_exists(refused_desired) OR refused_desired < :desired) AND ({NO_HIDDEN_REFUSAL})"
        ));
        quota.value(":now", stamp(now));
        quota.value(":desired", intent.followed.desired);
        not_hidden(&mut quota);

        let key = quota_key(place, &intent.followed.code);
        let incident = table.write(incident_key(&lease.incident), incident)?;
        let quota = table.write(key.clone(), quota)?;
        for _ in 0..TRIES {
            let filed = table.filed(place, now).await?;
            let is_full = !has_room(&filed.times, intent.most_a_day, now);
            let writes = vec![
                incident.clone(),
                quota.clone(),
                // A full day is refused last, after what else stands in the way.
                table.write(filed_key(place), filed.with(intent.followed.intended, is_full, now))?,
            ];
            let Err(reasons) = table.transact(writes).await? else { return Ok(Reserved::Yes) };
            let refused = |r: &CancellationReason| r.code() == Some("ConditionalCheckFailed");
            match reasons.as_slice() {
                [incident, ..] if refused(incident) => return Err(PortError::lease_lost()),
                [_, quota, ..] if refused(quota) => {
                    let item = QuotaItem::read(quota.item().cloned().unwrap_or_default())?;
                    let record = item.record()?;
                    if let Some(refused) = record.weigh(intent, now) {
                        return Ok(refused);
                    }
                    if item.hides_a_refusal() {
                        table.keep_refusal(&key, record.refused).await?;
                        return Box::pin(self.reserve(lease, intent, now)).await;
                    }
                    // It is free within this second, which the table's times leave out.
                    return record.last.map(Reserved::CoolingDown).ok_or(PortError::Throttled);
                }
                _ if is_full => return Ok(Reserved::DailyLimit),
                // Another request was reserved since; the next look counts it.
                _ => {}
            }
        }
        Err(PortError::Throttled)
    }

    async fn not_filed(&self, lease: &Lease, place: &Place, followed: &Followed) -> Answer<()> {
        let table = self.table()?;
        let mut incident = Update::default();
        incident.set("state", State::Seen.as_str());
        incident.remove("intent");
        incident.remove("request_id");
        incident.under(lease);
        // What AWS refused before stays.
        let mut quota = Update::default();
        for gone in ["intent", "request_id", "last_outcome", "cool_down_until"] {
            quota.remove(gone);
        }
        let quota = table.write(quota_key(place, &followed.code), quota)?;
        let incident = table.write(incident_key(&lease.incident), incident)?;
        for _ in 0..TRIES {
            let mut writes = vec![incident.clone(), quota.clone()];
            // What an earlier version reserved stays counted until its day is over.
            if let Some(without) = table.filed(place, followed.intended).await?.without(followed.intended) {
                writes.push(table.write(filed_key(place), without)?);
            }
            let Err(reasons) = table.transact(writes).await? else { return Ok(()) };
            if reasons.first().is_some_and(|r| r.code() == Some("ConditionalCheckFailed")) {
                return Err(PortError::lease_lost());
            }
        }
        Err(PortError::Throttled)
    }

    async fn finish(&self, lease: &Lease, finish: &Finish) -> Answer<()> {
        let closes = finish.state == State::Closed;
        let table = self.table()?;
        let mut update = Update::default();
        update.set("state", finish.state.as_str());
        update.set("finished_by", &*lease.owner);
        update.set_or_remove("due_at", Some(stamp(finish.due_at)).filter(|_| !closes));
        update.set_or_remove("silent_until", finish.silent_until.map(stamp));
        let search = finish.search.as_ref().map(Searched::of);
        update.set_or_remove("search", search.map(|s| s.attribute()).transpose()?);
        update.set_or_remove("unread", finish.unread.as_ref().map(item::unread).transpose()?);
        if let Some(other) = &finish.superseded_by {
            update.set("superseded_by", other.as_str());
        }
        update.set_or_remove("lease_until", finish.silent_until.map(stamp));
        update.set_or_remove("lease_owner", finish.silent_until.map(|_| SILENCE));
        let followed = finish.followed.as_ref();
        let intended = followed.map(|f| Intended::of(f, &lease.incident).attribute()).transpose()?;
        update.set_or_remove("intent", intended);
        update.set_or_remove("request_id", followed.and_then(|f| f.request_id.as_deref()));
        if let Some(told) = &finish.told {
            update.append("notices", item::notice(told)?);
        }
        update.under(lease);
        if closes {
            update.remove("open");
            update.set("ttl", after(finish.due_at, KEPT).as_second());
        }
        if finish.minds_counts() {
            update.only_if("lease_owner = :owner AND #errors = :errors AND #alarms = :alarms");
            for (name, count) in [("errors", finish.counts.errors), ("alarms", finish.counts.alarms)] {
                update.name(name);
                update.value(&format!(":{name}"), count);
            }
        }
        let key = incident_key(&lease.incident);
        let Some(Ended { place, followed, outcome }) = &finish.ended else {
            let Written::No(now) = table.update(&key, update).await? else { return Ok(()) };
            // Its first attempt may have been the one that happened.
            let now = now.map(IncidentItem::read).transpose()?;
            let is_mine = |item: &IncidentItem| item.lease_owner.as_ref() == Some(&lease.owner);
            if finish.minds_counts() && now.as_ref().is_some_and(is_mine) {
                return Box::pin(self.finish(lease, &finish.counted_meanwhile())).await;
            }
            return if now.is_some_and(|item| item.was_finished_by(lease)) {
                Ok(())
            } else {
                Err(PortError::lease_lost())
            };
        };
        let incident = table.write(key, update)?;
        let key = quota_key(place, &followed.code);
        let mut is_largest = outcome.is_refusal();
        for _ in 0..TRIES {
            let mut quota = Update::default();
            quota.set("intent", Intended::of(followed, &lease.incident).attribute()?);
            quota.set_or_remove("request_id", followed.request_id.as_deref());
            quota.set("last_outcome", outcome.as_str());
            quota.set_if_absent("cool_down_until", stamp(followed.intended));
            let mut condition = NO_HIDDEN_REFUSAL.to_owned();
            if is_largest {
                quota.set("refused_desired", followed.desired);
                quota.set("refused_at", stamp(followed.intended));
                condition = format!(
                    "({condition}) AND (attribute_not_exists(refused_desired) OR refused_desired <= :refused_desired)"
                );
            }
            quota.only_if(&condition);
            not_hidden(&mut quota);
            let writes = vec![incident.clone(), table.write(key.clone(), quota)?];
            let Err(reasons) = table.transact(writes).await? else { return Ok(()) };
            let refused = |r: &CancellationReason| r.code() == Some("ConditionalCheckFailed");
            let quota = match reasons.as_slice() {
                [incident, quota] if !refused(incident) && refused(quota) => quota,
                _ => return Err(PortError::lease_lost()),
            };
            let item = QuotaItem::read(quota.item().cloned().unwrap_or_default())?;
            if item.hides_a_refusal() {
                table.keep_refusal(&key, item.record()?.refused).await?;
            } else {
                // A larger value was refused before.
                is_largest = false;
            }
        }
        Err(PortError::Throttled)
    }

    async fn admit(&self, opened: &Opened, now: Timestamp) -> Answer<Room> {
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

    async fn tally(&self, lane: Lane, now: Timestamp) -> Answer<u32> {
        let mut update = Update::default();
        update.add("notices", 1);
        update.set("ttl", after(now, DAY_KEPT).as_second());
        let (Written::Yes(before) | Written::No(before)) =
            self.table()?.update(&crowd_key(lane, now), update).await?;
        Ok(before.map_or(Ok(0), tallied)?.saturating_add(1))
    }

    async fn watch(&self, place: &Place, due_by: Timestamp, next: Timestamp) -> Answer<bool> {
        let mut update = Update::default();
        update.set("next_at", stamp(next));
        update.only_if("attribute_not_exists(pk) OR #next_at <= :due_by");
        update.value(":due_by", stamp(due_by));
        Ok(matches!(self.table()?.update(&watch_key(place), update).await?, Written::Yes(_)))
    }

    async fn seen(&self, place: &Place, since: Timestamp) -> Answer<Vec<Incident>> {
        let table = self.table()?;
        let call = table
            .client
            .query()
            .table_name(table.name)
            .index_name(SEEN_INDEX)
            .key_condition_expression("#place = :place AND last_seen >= :since")
            .expression_attribute_names("#place", "place")
            .expression_attribute_values(":place", AttributeValue::S(item::place_key(place)))
            .expression_attribute_values(":since", AttributeValue::S(stamp(since)))
            .scan_index_forward(false)
            .limit(i32::try_from(SEEN).unwrap_or(i32::MAX));
        let answer = call.send().await.map_err(|e| failed("dynamodb:Query", &e))?;
        let read = |item: Item| IncidentItem::read(item).and_then(|item| item.record());
        // An item that cannot be read is told of by whoever drives it.
        let records = answer.items.unwrap_or_default().into_iter().filter_map(|item| read(item).ok());
        Ok(records.map(|record| record.incident).collect())
    }

    async fn incident(&self, id: &IncidentId) -> Answer<Option<Record>> {
        let table = self.table()?;
        let item = table.item(incident_key(id)).await?;
        let Some(item) = item.map(IncidentItem::read).transpose()? else { return Ok(None) };
        if item.is_expired(Timestamp::now()) {
            return Ok(None);
        }
        item.record().map(Some)
    }
}
