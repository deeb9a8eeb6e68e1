//! Requests in the table: the one that is meant to be filed, in an incident's and in a quota's item, and the times of
//! those that were filed, in `FILED#`.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_dynamo::{from_item, to_attribute_value};

use crate::aws::dynamodb::keys::{DAY_KEPT, stamp, unreadable};
use crate::aws::dynamodb::update::{DynamoItem, Update};
use crate::error::ServiceResult;
use crate::ids::{IncidentId, QuotaCode};
use crate::quota::record::{Intent, LastRequest, Need, Reserved, has_room};
use crate::quota::request::TrackedRequest;
use crate::time::after;

/// The request we mean to file, before and after it is filed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Intended {
    incident: String,
    code: String,
    name: String,
    desired: f64,
    value_before: f64,
    at: String,
}

impl Intended {
    pub(super) fn of(followed: &TrackedRequest, incident: &IncidentId) -> Self {
        Self {
            incident: incident.to_string(),
            code: followed.code.to_string(),
            name: followed.name.clone(),
            desired: followed.desired,
            value_before: followed.value_before,
            at: stamp(followed.intended),
        }
    }

    pub(super) fn attribute(&self) -> ServiceResult<AttributeValue> {
        to_attribute_value(self).map_err(|e| unreadable(&self.code, e))
    }

    /// The last request that was reserved for a quota.
    pub(super) fn last(&self, need: Option<Need>) -> ServiceResult<LastRequest> {
        let at: Timestamp = self.at.parse().map_err(|e| unreadable(&self.code, e))?;
        Ok(LastRequest {
            incident: IncidentId::parse(&self.incident),
            desired: self.desired,
            intended: at,
            outcome: None,
            cool_down_until: at,
            need,
        })
    }

    pub(super) fn followed(&self, request_id: Option<String>) -> ServiceResult<TrackedRequest> {
        let code = QuotaCode::parse(&self.code);
        Ok(TrackedRequest {
            code: code.ok_or_else(|| unreadable(&self.code, "it is no quota code"))?,
            name: self.name.clone(),
            desired: self.desired,
            value_before: self.value_before,
            request_id,
            intended: self.at.parse().map_err(|e| unreadable(&self.code, e))?,
        })
    }
}

/// `FILED#<account>#<region>` and `FILED#<organization>`: the times of filed requests, as one text, so that a write can be conditional on what
/// was read.
#[derive(Debug, Default)]
pub(super) struct DayItem {
    /// The times that count, including those in an earlier version's item for the day.
    pub(super) times: Vec<Timestamp>,
    /// The text in the item; `None` if there is no item.
    text: Option<String>,
}

impl DayItem {
    /// Times are kept this long. No clock is far enough ahead to drop a time that still counts.
    const KEPT: SignedDuration = SignedDuration::from_hours(48);

    pub(super) fn read(
        item: Option<DynamoItem>,
        of_day: Option<DynamoItem>,
        now: Timestamp,
    ) -> ServiceResult<Self> {
        #[derive(Deserialize)]
        struct Times {
            times: String,
        }
        #[derive(Deserialize)]
        struct OfDay {
            #[serde(default)]
            filed: i64,
        }
        let unread = |e| unreadable("of the requests filed", e);
        let text = item.map(from_item).transpose().map_err(unread)?.map(|Times { times }| times);
        let OfDay { filed } = of_day.map_or(Ok(OfDay { filed: 0 }), from_item).map_err(unread)?;
        let mut times = parsed(text.as_deref().unwrap_or_default())?;
        times.extend((0..filed).map(|_| now));
        Ok(Self { times, text })
    }

    /// Adds `at` to the item.
    pub(super) fn with(&self, at: Timestamp, now: Timestamp) -> Update {
        let mut update = self.written(|times| {
            times.retain(|at| after(*at, Self::KEPT) > now);
            times.push(at);
        });
        update.set("ttl", after(now, DAY_KEPT).as_second());
        update
    }

    /// Removes `at` from the item; `None` if it is not there.
    pub(super) fn without(&self, at: Timestamp) -> Option<Update> {
        let texts = self.text.as_deref()?.split_whitespace();
        let held = stamp(at);
        texts.into_iter().any(|text| text == held).then(|| {
            self.written(|times| {
                if let Some(n) = times.iter().position(|time| stamp(*time) == held) {
                    times.remove(n);
                }
            })
        })
    }

    /// Changes the item, if it is still as it was read.
    fn written(&self, change: impl FnOnce(&mut Vec<Timestamp>)) -> Update {
        let mut times = parsed(self.text.as_deref().unwrap_or_default()).unwrap_or_default();
        change(&mut times);
        let times: Vec<String> = times.into_iter().map(stamp).collect();
        let mut update = Update::default();
        update.set("times", times.join(" "));
        match &self.text {
            None => update.only_if("attribute_not_exists(#times)"),
            Some(text) => {
                update.only_if("#times = :before");
                update.value(":before", &**text);
            }
        }
        update
    }
}

/// The requests filed within 24 hours, each item with its key.
#[derive(Debug)]
pub(super) struct FiledRequests {
    /// In the account and Region of the request.
    pub(super) in_place: (String, DayItem),
    /// In all accounts of the organization; `None` without one.
    pub(super) in_all: Option<(String, DayItem)>,
}

impl FiledRequests {
    /// The daily limit that leaves no room for `intent`; `None` if there is room.
    pub(super) fn is_full(&self, intent: &Intent, now: Timestamp) -> Option<Reserved> {
        if !has_room(&self.in_place.1.times, intent.most_a_day, now) {
            return Some(Reserved::DailyLimit);
        }
        let (limit, (_, filed)) = intent.organization.as_ref().zip(self.in_all.as_ref())?;
        (!has_room(&filed.times, limit.most_a_day, now)).then_some(Reserved::OrganizationLimit)
    }

    /// Adds a request to each item.
    pub(super) fn with(&self, at: Timestamp, now: Timestamp) -> impl Iterator<Item = (String, Update)> {
        self.items().map(move |(key, item)| (key.clone(), item.with(at, now)))
    }

    /// Removes a request from each item that has it.
    pub(super) fn without(&self, at: Timestamp) -> impl Iterator<Item = (String, Update)> {
        self.items().filter_map(move |(key, item)| Some((key.clone(), item.without(at)?)))
    }

    fn items(&self) -> impl Iterator<Item = &(String, DayItem)> {
        std::iter::once(&self.in_place).chain(&self.in_all)
    }
}

fn parsed(times: &str) -> ServiceResult<Vec<Timestamp>> {
    let time = |text: &str| text.parse().map_err(|e| unreadable("of the requests filed", e));
    times.split_whitespace().map(time).collect()
}
