//! Converts the table's items to and from the domain's types.
//!
//! Invariant: What is written here can be read here, by this version and the next. An unreadable item is an error
//! that names it, never a guess.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::Deserialize;
use serde_dynamo::{from_item, to_attribute_value};

use crate::aws::dynamodb::detail::{self, Diagnosed, IncidentDetail};
use crate::aws::dynamodb::intended::Intended;
use crate::aws::dynamodb::keys::{
    HOME, NO_RULE, SILENCE, following, home, id_of, pk, place_key, sender_attribute, stamp, time, unreadable,
};
use crate::aws::dynamodb::notice_attributes::{notice, notices, of_kind};
use crate::aws::dynamodb::search_item::SearchAttribute;
use crate::aws::dynamodb::update::{DynamoItem, Update};
use crate::callers::{CallerMinute, RecentCallers};
use crate::diagnosis::{Cause, RULES};
use crate::error::ServiceResult;
use crate::ids::{AccountId, IncidentId, Region};
use crate::incident::flood::{Opened, Room};
use crate::incident::notices::{NoticeRecord, Notices, OfKind};
use crate::incident::record::{AwaitedQuota, Lease, Record, State, UnansweredLook};
use crate::incident::sender::Sender;
use crate::incident::{Counts, Incident};
use crate::model::{ModelId, ModelKind};

/// Whether a `NEW#` item has room.
pub(super) fn room(item: &DynamoItem, opened: &Opened) -> Room {
    let count = |name: &str| item.get(name).and_then(|n| n.as_n().ok()?.parse().ok()).unwrap_or_default();
    let of_sender = opened.sender.as_deref().map(|sender| count(&sender_attribute(sender)));
    Room::after(count("opened"), of_sender.unwrap_or_default())
}

/// The number of notices that a `DIGEST_WINDOW#` item counts.
pub(super) fn tallied(item: DynamoItem) -> ServiceResult<u32> {
    #[derive(Deserialize)]
    struct Crowd {
        notices: u32,
    }
    from_item(item).map(|crowd: Crowd| crowd.notices).map_err(|e| unreadable("CROWD#", e))
}

/// The attributes of an incident itself; unknown ones are left out.
pub(super) fn told_by(incident: &Incident) -> Vec<(&'static str, AttributeValue)> {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let mut told = diagnosed(incident);
    let known = [
        ("account", incident.account.as_ref().map(AccountId::as_str)),
        ("region", incident.region.as_ref().map(Region::as_str)),
        ("model", incident.model.as_ref().map(ModelId::as_str)),
        ("model_kind", incident.model.as_ref().map(|m| m.kind().as_str())),
        ("caller", incident.caller.as_deref()),
    ];
    told.extend(known.into_iter().filter_map(|(name, value)| Some((name, text(value?)))));
    if let Some(place) = incident.place() {
        told.push(("place", AttributeValue::S(place_key(&place))));
    }
    if incident.by_root {
        told.push(("by_root", AttributeValue::Bool(true)));
    }
    let times = [("first_seen", incident.first_seen), ("last_seen", incident.last_seen)];
    told.extend(times.into_iter().filter_map(|(name, at)| Some((name, text(&stamp(at?))))));
    told
}

/// Placeholder for the facts, which are in [`IncidentDetail`]. Versions before 0.2 cannot read an item without it.
const NO_FACTS: &str = "{}";

/// Where versions before 0.2 keep callers: one attribute for each minute, in the incident's item.
const CALLERS: [&str; RecentCallers::PLACES] =
    ["callers_0", "callers_1", "callers_2", "callers_3", "callers_4", "callers_5", "callers_6", "callers_7"];

/// Attributes that an incident has only until it is over. If its episode continues later, they are gone.
pub(super) const OF_STAY: &[&str] = &[
    "awaited",
    "intent",
    "request_id",
    "searched",
    "search",
    "silent_until",
    "superseded_by",
    "ttl",
    "unread",
];

/// Attributes that only some episodes have. A new episode drops those that its incident does not set.
pub(super) const OF_EPISODE: &[&str] = &[
    "account",
    "awaited",
    "by_root",
    "caller",
    "callers_0",
    "callers_1",
    "callers_2",
    "callers_3",
    "callers_4",
    "callers_5",
    "callers_6",
    "callers_7",
    "first_notice",
    "first_seen",
    "intent",
    "last_seen",
    "model",
    "model_kind",
    "place",
    "region",
    "request_id",
    "searched",
    // Earlier versions kept words of the error text here; nothing reads them any more.
    "sample",
    "search",
    "silent_until",
    "superseded_by",
    "ttl",
    "unread",
];

pub(super) const LAST_SEEN: &str = "last_seen";

/// Whether a claim of `incident` overwrites this attribute. [`LAST_SEEN`] is overwritten only with a later time.
pub(super) fn is_overwritten(incident: &Incident, name: &str) -> bool {
    let is_diagnosis = ["cause", "rule", "facts", HOME].contains(&name);
    name == LAST_SEEN || (is_diagnosis && incident.is_the_latest_word())
}

/// The callers kept by versions before 0.2. Minutes that cannot be read are left out.
fn callers(item: &DynamoItem) -> Vec<CallerMinute> {
    let kept = CALLERS.iter().filter_map(|name| item.get(*name)?.as_s().ok());
    kept.filter_map(|minute| serde_json::from_str(minute).ok()).collect()
}

/// The attributes that a later delivery may correct. The facts are in [`IncidentDetail`].
pub(super) fn diagnosed(incident: &Incident) -> Vec<(&'static str, AttributeValue)> {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    vec![
        ("cause", text(incident.cause.as_str())),
        ("rule", text(incident.rule.unwrap_or(NO_RULE))),
        ("facts", text(NO_FACTS)),
        (HOME, AttributeValue::S(home(&incident.id, incident.cause))),
    ]
}

pub(super) fn awaited(awaited: &AwaitedQuota) -> ServiceResult<AttributeValue> {
    to_attribute_value(awaited).map_err(|e| unreadable("of a quota that is waited for", e))
}

pub(super) fn unread(unread: &UnansweredLook) -> ServiceResult<AttributeValue> {
    to_attribute_value(unread).map_err(|e| unreadable("of a look", e))
}

/// The record of a new episode.
pub(super) fn fresh(incident: &Incident, episode: u32, due_at: Timestamp) -> Record {
    Record {
        incident: incident.clone(),
        state: State::Seen,
        episode,
        notices: Notices::default(),
        followed: None,
        due_at: Some(due_at),
        silent_until: None,
        search: None,
        unread: None,
        awaited: None,
    }
}

/// The updates that move the large parts of an item of a version before 0.2 into separate items.
pub(super) struct Slimmed {
    /// Update of the incident's item.
    pub(super) incident: Update,
    /// Update of its `DETAIL#` item.
    pub(super) detail: Update,
    /// Updates of its `CALLERS#` items, by key.
    pub(super) callers: Vec<(String, Update)>,
}

/// `INCIDENT#<id>`.
#[derive(Debug, Deserialize)]
pub(super) struct IncidentItem {
    pk: String,
    state: String,
    pub(super) episode: u32,
    #[serde(default)]
    errors: u64,
    #[serde(default)]
    alarms: u64,
    account: Option<String>,
    region: Option<String>,
    model: Option<String>,
    model_kind: Option<String>,
    caller: Option<String>,
    cause: String,
    rule: String,
    facts: Option<String>,
    #[serde(default)]
    by_root: bool,
    first_seen: Option<String>,
    last_seen: Option<String>,
    #[serde(default, rename = "notices")]
    list: Vec<NoticeRecord>,
    first_notice: Option<NoticeRecord>,
    intent: Option<Intended>,
    request_id: Option<String>,
    due_at: Option<String>,
    silent_until: Option<String>,
    search: Option<SearchAttribute>,
    unread: Option<UnansweredLook>,
    awaited: Option<AwaitedQuota>,
    pub(super) lease_owner: Option<String>,
    pub(super) lease_until: Option<String>,
    finished_by: Option<String>,
    ttl: Option<i64>,
    /// See [`HOME`]; `None` if a version before 0.2 wrote the item last.
    home: Option<String>,
    pub(super) open: Option<String>,
    /// Whether [`IncidentDetail`] has a search.
    #[serde(default)]
    searched: bool,
    /// The raw item, for attributes without a field here.
    #[serde(skip)]
    item: DynamoItem,
}

impl IncidentItem {
    pub(super) fn read(item: DynamoItem) -> ServiceResult<Self> {
        let name = pk(&item).unwrap_or("without a key").to_owned();
        let read: Self = from_item(item.clone()).map_err(|e| unreadable(&name, e))?;
        Ok(Self { item, ..read })
    }

    pub(super) fn id(&self) -> ServiceResult<IncidentId> {
        id_of(&self.pk).ok_or_else(|| unreadable(&self.pk, "its key is no incident's"))
    }

    /// Facts that a version before 0.2 wrote, together with callers, cause and rule. They are newer than those of
    /// [`IncidentDetail`], if it has any.
    fn facts_inside(&self) -> Option<&str> {
        self.facts.as_deref().filter(|facts| !facts.is_empty() && *facts != NO_FACTS)
    }

    /// Whether a version before 0.2 wrote the item, and it has large parts.
    pub(super) fn is_of_before(&self) -> bool {
        let has_callers = CALLERS.iter().any(|name| self.item.contains_key(*name));
        self.home.is_none()
            || self.facts_inside().is_some()
            || self.search.is_some()
            || self.list.len() > 1
            || has_callers
    }

    /// The value that `open` should have while the incident is open.
    pub(super) fn place_of_open(&self, id: &IncidentId) -> String {
        let home = || self.home.clone().unwrap_or_else(|| home(id, self.cause()));
        if self.state == State::Watching.as_str() { following(id) } else { home() }
    }

    /// See [`Record::returns`].
    pub(super) fn returns(&self, now: Timestamp) -> bool {
        let is_over = self.state == State::Closed.as_str();
        is_over && self.list.last().is_some_and(|last| last.is_of_return(now))
    }

    /// Its `home`, computed from `incident` if the item has none.
    pub(super) fn home_or(&self, incident: &Incident) -> String {
        self.home.clone().unwrap_or_else(|| home(&incident.id, incident.cause))
    }

    fn cause(&self) -> Cause {
        Cause::parse(&self.cause).unwrap_or(Cause::Unknown)
    }

    pub(super) fn counts(&self) -> Counts {
        Counts { errors: self.errors, alarms: self.alarms }
    }

    /// Whether someone holds its lease, or it is silenced after a recent notice.
    pub(super) fn is_held(&self, now: Timestamp) -> bool {
        let held = self.lease_until.as_deref().is_some_and(|until| *until > *stamp(now));
        self.lease_owner.is_some() && held
    }

    /// Whether it has expired. DynamoDB deletes expired items within days, not at once.
    pub(super) fn is_expired(&self, now: Timestamp) -> bool {
        self.ttl.is_some_and(|ttl| ttl <= now.as_second())
    }

    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.state == State::Closed.as_str() || self.is_expired(now)
    }

    pub(super) fn was_finished_by(&self, lease: &Lease) -> bool {
        let taken = self.lease_owner.as_deref().is_some_and(|owner| owner != SILENCE);
        !taken && self.finished_by.as_deref() == Some(&lease.owner)
    }

    /// Whether `incident` knows a cause where this item has only a metric or an unknown error.
    pub(super) fn learns(&self, incident: &Incident) -> bool {
        self.rule == NO_RULE && incident.rule.is_some()
    }

    /// The updates that move the large parts into separate items.
    pub(super) fn slimmed(&self, detail: &IncidentDetail, now: Timestamp) -> ServiceResult<Slimmed> {
        let id = self.id()?;
        let (mut slim, mut bulky) = (Update::default(), Update::default());
        slim.set("facts", NO_FACTS);
        slim.set_if_absent(HOME, home(&id, self.cause()));
        if self.open.is_some() {
            slim.set("open", self.place_of_open(&id));
        }
        let inside: Vec<&str> =
            CALLERS.iter().copied().filter(|name| self.item.contains_key(*name)).collect();
        for name in &inside {
            slim.remove(name);
        }
        for gone in ["search", "sample"] {
            slim.remove(gone);
        }
        if let Some(facts) = self.facts_inside() {
            let words = [("cause", &*self.cause), ("rule", &*self.rule), ("facts", facts)];
            for (name, word) in words {
                bulky.set(name, word);
            }
        }
        if let Some(search) = &self.search {
            slim.set("searched", AttributeValue::Bool(true));
            bulky.set("search", search.attribute()?);
        }
        let notices = notices(&self.item, self.first_notice.clone(), self.list.clone(), detail)?;
        if let (Some(first), Some(last)) = (notices.first(), notices.last()) {
            slim.set("notices", AttributeValue::L(vec![notice(last)?]));
            slim.set("first_notice", notice(first)?);
            if !last.missing.is_empty() {
                detail::missing(&mut bulky, last);
            }
            if notices.had_missing() {
                bulky.set("had_missing", AttributeValue::Bool(true));
            }
        }
        for (kind, OfKind { count, last, before }) in notices.kinds() {
            let [n, at, previous] = of_kind(kind);
            slim.set(&n, *count);
            slim.set(&at, last.to_string());
            slim.set(&previous, before.unwrap_or(*last).to_string());
        }
        bulky.remove("ttl");
        let minutes = self.minutes(detail).into_iter();
        let callers = minutes.filter(|_| !inside.is_empty());
        let callers = callers.filter_map(|minute| {
            Some((detail::callers_key(&id, minute.place()), detail::kept(&minute, now)?))
        });
        Ok(Slimmed { incident: slim, detail: bulky, callers: callers.collect() })
    }

    /// The callers of both places. If two minutes share a place in the ring, the later one wins.
    fn minutes(&self, detail: &IncidentDetail) -> Vec<CallerMinute> {
        let mut ring = BTreeMap::<usize, CallerMinute>::new();
        for minute in callers(&self.item).into_iter().chain(detail.callers.clone()) {
            let place = minute.place();
            if ring.get(&place).is_none_or(|known| known.number() <= minute.number()) {
                ring.insert(place, minute);
            }
        }
        ring.into_values().collect()
    }

    /// The record of this item and its other items.
    pub(super) fn record(&self, detail: &IncidentDetail) -> ServiceResult<Record> {
        let inside = self.facts_inside().map(|facts| Diagnosed::new(&self.cause, &self.rule, facts));
        let told = inside.or_else(|| detail.diagnosis.clone());
        let told = told.unwrap_or_else(|| Diagnosed::new(&self.cause, &self.rule, NO_FACTS));
        let mut facts = told.facts();
        facts.add_models(&detail.models);
        let search = self.search.as_ref().or(detail.search.as_ref().filter(|_| self.searched));
        let kind = self.model_kind.as_deref().and_then(ModelKind::parse).unwrap_or(ModelKind::Foundation);
        let incident = Incident {
            id: self.id()?,
            account: self.account.as_deref().and_then(AccountId::parse),
            region: self.region.as_deref().and_then(Region::parse),
            model: self.model.as_deref().and_then(|id| ModelId::of_kind(kind, id)),
            caller: self.caller.clone(),
            // A cause of a later version stays in the item, and is unknown here.
            cause: Cause::parse(&told.cause).unwrap_or(Cause::Unknown),
            rule: RULES.iter().map(|r| r.id).find(|id| *id == told.rule),
            facts,
            counts: self.counts(),
            callers: self.minutes(detail).into_iter().collect(),
            first_seen: time(&self.pk, self.first_seen.as_deref())?,
            last_seen: time(&self.pk, self.last_seen.as_deref())?,
            by_root: self.by_root,
            is_recorded: false,
            sender: Sender::Unknown,
            items: std::collections::BTreeSet::new(),
        };
        Ok(Record {
            incident,
            // A state of a later version: the incident is looked at anew. The quota's item prevents a second request.
            state: State::parse(&self.state).unwrap_or(State::Seen),
            episode: self.episode,
            notices: notices(&self.item, self.first_notice.clone(), self.list.clone(), detail)?,
            followed: self.intent.as_ref().map(|i| i.followed(self.request_id.clone())).transpose()?,
            due_at: time(&self.pk, self.due_at.as_deref())?,
            silent_until: time(&self.pk, self.silent_until.as_deref())?,
            search: search.map(SearchAttribute::search).transpose()?,
            unread: self.unread,
            awaited: self.awaited.clone(),
        })
    }

    /// The last time it was seen, including `incident`; `None` if `incident` has no time.
    pub(super) fn latest(&self, incident: &Incident, now: Timestamp) -> Option<Timestamp> {
        let known = self.last_seen.as_deref().and_then(|text| text.parse().ok());
        Some(incident.last_seen?.max(known.filter(|at| *at <= now).unwrap_or(Timestamp::MIN)))
    }

    /// The record with `incident`, which was counted after the item was read.
    pub(super) fn record_with(
        &self,
        detail: &IncidentDetail,
        incident: &Incident,
        due_at: Timestamp,
        now: Timestamp,
    ) -> ServiceResult<Record> {
        let mut record = self.record(detail)?;
        record.incident.count(incident);
        record.incident = record.incident.until(now);
        record.due_at = Some(due_at);
        Ok(record)
    }
}
