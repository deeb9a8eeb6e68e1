//! Keys and simple attributes of the ledger's items.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};

use crate::aws::dynamodb::update::DynamoItem;
use crate::diagnosis::{Cause, Rank};
use crate::error::{ServiceError, ServiceResult};
use crate::ids::{AccountId, AccountRegion, IncidentId, QuotaCode, Region};
use crate::incident::band::Band;
use crate::incident::flood::{Opened, hour_of};
use crate::incident::lane::{Lane, digest_window_of};
use crate::shards::Shard;

/// How long a counter is kept after its time, for inspection.
pub(crate) const DAY_KEPT: SignedDuration = SignedDuration::from_hours(8 * 24);

/// Lease owner of an incident after a notice: until the lease ends, claims only count.
pub(crate) const SILENCE: &str = "silence";

/// Rule id of an incident of which only a metric is known.
pub(crate) const NO_RULE: &str = "-";

pub(crate) const INCIDENT: &str = "INCIDENT#";

pub(crate) fn incident_key(id: &IncidentId) -> String {
    format!("{INCIDENT}{id}")
}

pub(crate) fn id_of(key: &str) -> Option<IncidentId> {
    IncidentId::parse(key.strip_prefix(INCIDENT)?)
}

/// The incident's id; `None` if the key is not an incident's.
pub(crate) fn id(item: &DynamoItem) -> Option<IncidentId> {
    id_of(pk(item)?)
}

/// The key of an item.
pub(crate) fn pk(item: &DynamoItem) -> Option<&str> {
    Some(item.get("pk")?.as_s().ok()?)
}

/// The key attribute, as requests use it to name an item.
pub(crate) fn key(pk: &str) -> DynamoItem {
    DynamoItem::from([("pk".to_owned(), AttributeValue::S(pk.to_owned()))])
}

/// The due time as text; `None` once closed.
pub(crate) fn due_at(item: &DynamoItem) -> Option<&str> {
    Some(item.get("due_at")?.as_s().ok()?)
}

/// The rank of its cause; an unknown cause has the last rank.
pub(crate) fn rank(item: &DynamoItem) -> Rank {
    let cause = item.get("cause").and_then(|cause| Cause::parse(cause.as_s().ok()?));
    cause.unwrap_or(Cause::Unknown).rank()
}

pub(crate) fn quota_key(place: &AccountRegion, code: &QuotaCode) -> String {
    format!("QUOTA#{}#{}#{code}", place.account, place.region)
}

pub(crate) fn day_key(place: &AccountRegion, now: Timestamp) -> String {
    format!("DAY#{}#{}#{}", place.account, place.region, now.strftime("%F"))
}

/// Earlier versions counted requests by UTC day under [`day_key`].
pub(crate) fn filed_key(place: &AccountRegion) -> String {
    format!("FILED#{}", place_key(place))
}

/// The requests of all accounts of an organization. An organization's id begins with `o-`, unlike an account's.
pub(crate) fn filed_in_all_key(organization: &str) -> String {
    format!("FILED#{organization}")
}

pub(crate) fn watch_key(place: &AccountRegion) -> String {
    format!("WATCH#{}", place_key(place))
}

/// The key of the `place-seen` index.
pub(crate) fn place_key(place: &AccountRegion) -> String {
    format!("{}#{}", place.account, place.region)
}

/// The account and Region of such a key; `None` if it is none.
pub(crate) fn place_of(key: &str) -> Option<AccountRegion> {
    let (account, region) = key.split_once('#')?;
    Some(AccountRegion { account: AccountId::parse(account)?, region: Region::parse(region)? })
}

pub(crate) fn crowd_key(lane: Lane, now: Timestamp) -> String {
    let since = stamp(Timestamp::from_second(digest_window_of(now)).unwrap_or(now));
    match lane {
        // Earlier versions counted all notices under this key.
        Lane::Other => format!("CROWD#{since}"),
        Lane::Access | Lane::Throttle => format!("CROWD#{since}#{lane}"),
    }
}

/// Incidents that were opened in an hour: `opened` counts all of a place, and each sender has its own attribute.
pub(crate) fn opened_key(opened: &Opened, now: Timestamp) -> String {
    format!("NEW#{}#{}", opened.place, stamp(hour_of(now)))
}

/// The attribute that counts a sender's incidents in a `NEW#` item.
pub(crate) fn sender_attribute(sender: &str) -> String {
    format!("of_{sender}")
}

/// RFC 3339 in whole seconds, so that times compare as their texts do.
pub(crate) fn stamp(time: Timestamp) -> String {
    time.strftime("%FT%TZ").to_string()
}

pub(crate) fn unreadable(what: &str, why: impl std::fmt::Display) -> ServiceError {
    ServiceError::invalid(format!("the ledger's item {what} cannot be read: {why}"))
}

pub(crate) fn time(item: &str, text: Option<&str>) -> ServiceResult<Option<Timestamp>> {
    text.map(|t| t.parse().map_err(|e| unreadable(item, e))).transpose()
}

/// The attribute with the value of `open` while the incident follows no request.
pub(crate) const HOME: &str = "home";

pub(crate) fn home(id: &IncidentId, cause: Cause) -> String {
    open_key(Band::of(cause), Shard::of(id))
}

/// The value of `open` while it follows a request.
pub(crate) fn following(id: &IncidentId) -> String {
    open_key(Band::Following, Shard::of(id))
}

/// The value of `open` in versions before 0.2, for every shard and band.
pub(crate) const BEFORE_SHARDS: &str = "1";

/// The value of `open` in one part of the index.
pub(crate) fn open_key(band: Band, shard: Shard) -> String {
    let band = match band {
        Band::Urgent => 'u',
        Band::Following => 'f',
        Band::Other => 'o',
    };
    format!("{band}{}", shard.number())
}
