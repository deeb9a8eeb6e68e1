//! The end of a drive: what it writes to the incident's items, and to the quota's item if a followed request has ended.
//!
//! Invariant: All of it is one write or one transaction, under the lease.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use jiff::SignedDuration;

use crate::aws::dynamodb::intended::Intended;
use crate::aws::dynamodb::keys::{HOME, SILENCE, quota_key, stamp};
use crate::aws::dynamodb::quota_item::QuotaItem;
use crate::aws::dynamodb::search_item::SearchAttribute;
use crate::aws::dynamodb::table::{TRIES, Table, is_refused};
use crate::aws::dynamodb::update::{DynamoItem, Update};
use crate::aws::dynamodb::{detail, item, keys, notice_attributes};
use crate::diagnosis::Cause;
use crate::error::{ServiceError, ServiceResult};
use crate::incident::record::{Lease, Release, State};
use crate::quota::record::EndedRequest;
use crate::time::after;

/// Closed incidents are kept this long.
const KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);

/// What the end of a drive writes to the incident's item.
pub(super) fn finished(lease: &Lease, finish: &Release) -> ServiceResult<Update> {
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
        notice_attributes::tell(&mut update, told)?;
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
pub(super) fn finished_beside(finish: &Release) -> ServiceResult<Option<Update>> {
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
    pub(super) async fn end(
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
}
