//! Calls to the table: single writes, transactions, an incident's items, the index of open incidents.
//!
//! Invariant: A failed call is an error, and an item that does not exist is `None`.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, KeysAndAttributes, ReturnValue, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem,
};
use futures_util::future::join_all;
use jiff::Timestamp;

use crate::aws::dynamodb::keys;
use crate::aws::dynamodb::keys::{BEFORE_SHARDS, SILENCE, open_key, stamp};
use crate::aws::dynamodb::update::{DynamoItem, Update};
use crate::aws::error;
use crate::error::{ServiceError, ServiceResult};
use crate::iam_action::IamAction;
use crate::ids::AccountRegion;
use crate::incident::band::Band;
use crate::incident::record::State;
use crate::shards::{Shard, Shards};

/// The sparse index of open incidents by due time.
const INDEX: &str = "open-due";
/// The index of incidents by place and by when they were last seen.
const SEEN_INDEX: &str = "place-seen";

/// Total attempts of a transaction that conflicts, and of a read with unprocessed keys.
pub(super) const TRIES: u32 = 3;
/// The most keys in one `BatchGetItem`.
const KEYS: usize = 100;

/// The result of a conditional write.
pub(super) enum Written {
    /// It succeeded; the item as it was before, if there was one.
    Yes(Option<DynamoItem>),
    /// Its condition did not hold; the item as it is.
    No(Option<DynamoItem>),
}

/// The table, and its client.
pub(super) struct Table<'a> {
    pub(super) client: &'a Client,
    pub(super) name: &'a str,
}

/// The values of `open` for that band of `shards`. The key of versions before 0.2 is read once, with the urgent
/// band, because its incidents may be of any band.
fn open_keys(shards: Shards, band: Band) -> Vec<String> {
    let is_old_too = band == Band::Urgent && shards.contains(Shard::FIRST);
    let old = is_old_too.then(|| BEFORE_SHARDS.to_owned());
    shards.iter().map(|shard| open_key(band, shard)).chain(old).collect()
}

/// A missing table is an error, unlike a missing item.
fn failed<E>(
    action: IamAction,
    sdk: &SdkError<E, aws_sdk_dynamodb::config::http::HttpResponse>,
) -> ServiceError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    if error::is_absent(sdk) {
        return ServiceError::invalid("the ledger's table does not exist");
    }
    error::of_read(action, sdk)
}

async fn pause(tries: u32) {
    tokio::time::sleep(std::time::Duration::from_millis(100) * tries).await;
}

impl Table<'_> {
    pub(super) async fn update(&self, key: &str, update: Update) -> ServiceResult<Written> {
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
                _ => Err(failed(IamAction::UpdateItem, &sdk)),
            },
        }
    }

    /// Writes all or nothing. Returns `Err` with the reasons, in the order of the writes, if a condition did not
    /// hold.
    pub(super) async fn transact(
        &self,
        writes: Vec<TransactWriteItem>,
    ) -> ServiceResult<Result<(), Vec<CancellationReason>>> {
        let mut tries = 1;
        loop {
            let call = self.client.transact_write_items().set_transact_items(Some(writes.clone()));
            let Err(sdk) = call.send().await else { return Ok(Ok(())) };
            let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
                sdk.as_service_error()
            else {
                return Err(failed(IamAction::UpdateItem, &sdk));
            };
            let reasons = cancelled.cancellation_reasons().to_vec();
            if reasons.iter().any(is_refused) {
                return Ok(Err(reasons));
            }
            // It conflicted with another transaction on the same items, or was throttled.
            if tries == TRIES {
                return Err(ServiceError::Throttled);
            }
            pause(tries).await;
            tries += 1;
        }
    }

    pub(super) fn write(&self, key: String, update: Update) -> ServiceResult<TransactWriteItem> {
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
            .map_err(|e| ServiceError::invalid(e.to_string()))?;
        Ok(TransactWriteItem::builder().update(write).build())
    }

    pub(super) async fn item(&self, key: String) -> ServiceResult<Option<DynamoItem>> {
        let call = self.client.get_item().table_name(self.name).consistent_read(true);
        let answer = call.key("pk", AttributeValue::S(key)).send().await;
        Ok(answer.map_err(|e| failed(IamAction::GetItem, &e))?.item)
    }

    /// The existing items of `keys`, by key; reads a hundred in one call.
    pub(super) async fn items(&self, keys: Vec<String>) -> ServiceResult<HashMap<String, DynamoItem>> {
        let mut found = HashMap::new();
        for some in keys.chunks(KEYS) {
            let mut left: Vec<DynamoItem> = some.iter().map(|key| keys::key(key)).collect();
            let mut tries = 1;
            while !left.is_empty() {
                let keys = KeysAndAttributes::builder().set_keys(Some(left)).consistent_read(true).build();
                let keys = keys.map_err(|e| ServiceError::invalid(e.to_string()))?;
                let call = self.client.batch_get_item().request_items(self.name, keys);
                let answer = call.send().await.map_err(|e| failed(IamAction::BatchGetItem, &e))?;
                let read = answer.responses.unwrap_or_default().into_values().flatten();
                found.extend(read.filter_map(|item| Some((keys::pk(&item)?.to_owned(), item))));
                // Keys that were throttled.
                left =
                    answer.unprocessed_keys.unwrap_or_default().into_values().flat_map(|k| k.keys).collect();
                if !left.is_empty() {
                    if tries == TRIES {
                        return Err(ServiceError::Throttled);
                    }
                    pause(tries).await;
                    tries += 1;
                }
            }
        }
        Ok(found)
    }

    /// Incidents of one band of `shards` that are due by then and not leased, the most overdue first within each
    /// shard, at most `most` for each. Reads only key, cause and due time.
    pub(super) async fn due(
        &self,
        shards: Shards,
        band: Band,
        now: Timestamp,
        most: usize,
    ) -> ServiceResult<Vec<DynamoItem>> {
        let part = async |open: String| {
            let mut pages = self
                .client
                .query()
                .table_name(self.name)
                .index_name(INDEX)
                .key_condition_expression("#open = :open AND due_at <= :now")
                .projection_expression("pk, cause, due_at")
                .filter_expression(
                    "attribute_not_exists(lease_until) OR lease_until <= :now OR lease_owner = :silence",
                )
                .expression_attribute_names("#open", "open")
                .expression_attribute_values(":open", AttributeValue::S(open))
                .expression_attribute_values(":now", AttributeValue::S(stamp(now)))
                .expression_attribute_values(":silence", AttributeValue::S(SILENCE.to_owned()))
                .into_paginator()
                .send();
            let mut found = Vec::new();
            while let Some(page) = pages.next().await {
                let page = page.map_err(|e| failed(IamAction::Query, &e))?;
                found.extend(page.items.unwrap_or_default());
                if found.len() >= most {
                    break;
                }
            }
            found.truncate(most);
            Ok(found)
        };
        side_by_side(open_keys(shards, band), part).await
    }

    /// Every open incident, the most overdue first.
    pub(super) async fn open(&self) -> ServiceResult<Vec<DynamoItem>> {
        let part = async |open: String| {
            let pages = self
                .client
                .query()
                .table_name(self.name)
                .index_name(INDEX)
                .key_condition_expression("#open = :open")
                .expression_attribute_names("#open", "open")
                .expression_attribute_values(":open", AttributeValue::S(open))
                .into_paginator();
            let mut pages = pages.send();
            let mut found = Vec::new();
            while let Some(page) = pages.next().await {
                found.extend(page.map_err(|e| failed(IamAction::Query, &e))?.items.unwrap_or_default());
            }
            Ok(found)
        };
        let keys = Band::ALL.into_iter().flat_map(|band| open_keys(Shards::ALL, band));
        let mut all = side_by_side(keys.collect(), part).await?;
        all.sort_by(|a, b| keys::due_at(a).cmp(&keys::due_at(b)));
        Ok(all)
    }

    /// The keys of incidents that follow a request in `place` and are not due yet. Reads no other incidents, except
    /// those that versions before 0.2 wrote.
    pub(super) async fn followers(
        &self,
        place: &AccountRegion,
        now: Timestamp,
    ) -> ServiceResult<Vec<DynamoItem>> {
        let text = |value: &str| AttributeValue::S(value.to_owned());
        let part = async |open: String| {
            let mut pages = self
                .client
                .query()
                .table_name(self.name)
                .index_name(INDEX)
                .key_condition_expression("#open = :open AND due_at > :now")
                .filter_expression("#state = :watching AND #account = :account AND #region = :region")
                .projection_expression("pk")
                .expression_attribute_names("#open", "open")
                .expression_attribute_names("#state", "state")
                .expression_attribute_names("#account", "account")
                .expression_attribute_names("#region", "region")
                .expression_attribute_values(":open", AttributeValue::S(open))
                .expression_attribute_values(":now", AttributeValue::S(stamp(now)))
                .expression_attribute_values(":watching", text(State::Watching.as_str()))
                .expression_attribute_values(":account", text(place.account.as_str()))
                .expression_attribute_values(":region", text(place.region.as_str()))
                .into_paginator()
                .send();
            let mut found = Vec::new();
            while let Some(page) = pages.next().await {
                found.extend(page.map_err(|e| failed(IamAction::Query, &e))?.items.unwrap_or_default());
            }
            Ok(found)
        };
        let mut keys = open_keys(Shards::ALL, Band::Following);
        keys.push(BEFORE_SHARDS.to_owned());
        side_by_side(keys, part).await
    }

    /// Incidents of `place` that were seen since then, the latest first.
    pub(super) async fn seen(
        &self,
        place: &AccountRegion,
        since: Timestamp,
        most: usize,
    ) -> ServiceResult<Vec<DynamoItem>> {
        let call = self
            .client
            .query()
            .table_name(self.name)
            .index_name(SEEN_INDEX)
            .key_condition_expression("#place = :place AND last_seen >= :since")
            .expression_attribute_names("#place", "place")
            .expression_attribute_values(":place", AttributeValue::S(keys::place_key(place)))
            .expression_attribute_values(":since", AttributeValue::S(stamp(since)))
            .scan_index_forward(false)
            .limit(i32::try_from(most).unwrap_or(i32::MAX));
        let answer = call.send().await.map_err(|e| failed(IamAction::Query, &e))?;
        Ok(answer.items.unwrap_or_default())
    }

    /// Each account and Region with an incident that was last seen since then.
    pub(super) async fn places(&self, since: Timestamp) -> ServiceResult<BTreeSet<AccountRegion>> {
        let mut pages = self
            .client
            .scan()
            .table_name(self.name)
            .index_name(SEEN_INDEX)
            .filter_expression("last_seen >= :since")
            .projection_expression("#place")
            .expression_attribute_names("#place", "place")
            .expression_attribute_values(":since", AttributeValue::S(stamp(since)))
            .into_paginator()
            .send();
        let mut found = BTreeSet::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| failed(IamAction::Scan, &e))?;
            let keys = page.items.unwrap_or_default();
            let keys = keys.iter().filter_map(|item| item.get("place")?.as_s().ok());
            found.extend(keys.filter_map(|key| keys::place_of(key)));
        }
        Ok(found)
    }

    /// Closed incidents that are still kept. Reads the whole table: for commands only, never for the function.
    pub(super) async fn closed(&self) -> ServiceResult<Vec<DynamoItem>> {
        let mut pages = self
            .client
            .scan()
            .table_name(self.name)
            .filter_expression("begins_with(pk, :incident) AND attribute_not_exists(#open)")
            .expression_attribute_names("#open", "open")
            .expression_attribute_values(":incident", AttributeValue::S(keys::INCIDENT.to_owned()))
            .into_paginator()
            .send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| failed(IamAction::Scan, &e))?;
            found.extend(page.items.unwrap_or_default());
        }
        Ok(found)
    }
}

/// Whether the condition of that write did not hold.
pub(super) fn is_refused(reason: &CancellationReason) -> bool {
    reason.code() == Some("ConditionalCheckFailed")
}

/// Queries all parts of the index concurrently. If one part fails, the whole call fails.
async fn side_by_side(
    keys: Vec<String>,
    ask: impl AsyncFn(String) -> ServiceResult<Vec<DynamoItem>>,
) -> ServiceResult<Vec<DynamoItem>> {
    let answers = join_all(keys.into_iter().map(|key| ask(key))).await;
    let mut all = Vec::new();
    for answer in answers {
        all.extend(answer?);
    }
    Ok(all)
}
