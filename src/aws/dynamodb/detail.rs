//! The large parts of an incident, in separate items outside all indexes.
//!
//! Invariant: These items are read only under a lease or for a command. A claim writes them together with the
//! incident's item and does not read them.
//!
//! - `DETAIL#<id>`: cause, rule and facts of the same report, the search, the missing steps, what people have heard,
//!   and the models of an account-wide incident.
//! - `CALLERS#<id>#<0..7>`: the callers of one minute; see [`RecentCallers`].

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_dynamo::from_item;

use crate::aws::dynamodb::keys::{NO_RULE, incident_key, unreadable};
use crate::aws::dynamodb::search_item::SearchAttribute;
use crate::aws::dynamodb::update::{DynamoItem, Update};
use crate::callers::{CallerMinute, RecentCallers};
use crate::diagnosis::{Facts, MODELS};
use crate::error::ServiceResult;
use crate::ids::IncidentId;
use crate::incident::Incident;
use crate::incident::heard::Heard;
use crate::incident::notices::NoticeRecord;
use crate::model::ModelId;
use crate::time::after;

/// How long a minute's callers are kept. Notices use only the newest minutes.
const CALLERS_KEPT: SignedDuration = SignedDuration::from_hours(24);

pub(super) fn detail_key(id: &IncidentId) -> String {
    format!("DETAIL#{id}")
}

pub(super) fn callers_key(id: &IncidentId, place: usize) -> String {
    format!("CALLERS#{id}#{place}")
}

/// The keys of all large items of `id`.
pub(super) fn keys(id: &IncidentId) -> Vec<String> {
    let callers = (0..RecentCallers::PLACES).map(|place| callers_key(id, place));
    std::iter::once(detail_key(id)).chain(callers).collect()
}

/// These keys and that of the incident's own item, few enough for one call.
pub(super) fn all_keys(id: &IncidentId) -> Vec<String> {
    let mut all = keys(id);
    all.push(incident_key(id));
    all
}

/// The contents of the items of [`keys`].
#[derive(Debug, Default)]
pub(super) struct IncidentDetail {
    /// `None` until the first claim has written it.
    pub(super) diagnosis: Option<Diagnosed>,
    pub(super) search: Option<SearchAttribute>,
    missing: Vec<String>,
    /// The id of the notice that reported these steps as missing.
    missing_of: Option<String>,
    pub(super) had_missing: bool,
    /// What people have heard, up to the last notice.
    pub(super) heard: Heard,
    /// The models of an account-wide incident.
    pub(super) models: Vec<ModelId>,
    pub(super) callers: Vec<CallerMinute>,
}

/// Cause, rule and facts of the same report.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Diagnosed {
    pub(super) cause: String,
    pub(super) rule: String,
    facts: String,
}

impl Diagnosed {
    /// The facts. Facts of another version that this one does not know are left out.
    pub(super) fn facts(&self) -> Facts {
        facts(&self.facts)
    }

    pub(super) fn new(cause: &str, rule: &str, facts: &str) -> Self {
        Self { cause: cause.to_owned(), rule: rule.to_owned(), facts: facts.to_owned() }
    }
}

pub(super) fn facts(text: &str) -> Facts {
    serde_json::from_str(text).unwrap_or_default()
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct DetailItem {
    cause: Option<String>,
    rule: Option<String>,
    facts: Option<String>,
    search: Option<SearchAttribute>,
    missing: Vec<String>,
    missing_of: Option<String>,
    had_missing: bool,
    heard: Heard,
    models: std::collections::BTreeSet<String>,
    callers_from: Option<i64>,
}

impl IncidentDetail {
    /// Reads the items of `id` among `items`. Absent attributes are empty.
    pub(super) fn read(id: &IncidentId, items: &HashMap<String, DynamoItem>) -> ServiceResult<Self> {
        let key = detail_key(id);
        let item = items.get(&key).cloned();
        let read = item.map(from_item).transpose().map_err(|e| unreadable(&key, e))?;
        let read: DetailItem = read.unwrap_or_default();
        let callers =
            (0..RecentCallers::PLACES).filter_map(|place| minute(items.get(&callers_key(id, place))?));
        let from = read.callers_from.unwrap_or(i64::MIN);
        Ok(Self {
            diagnosis: read.cause.zip(read.rule).zip(read.facts).map(|((cause, rule), facts)| Diagnosed {
                cause,
                rule,
                facts,
            }),
            search: read.search,
            missing: read.missing,
            missing_of: read.missing_of,
            had_missing: read.had_missing,
            heard: read.heard,
            models: read.models.iter().filter_map(|id| ModelId::parse(id)).collect(),
            callers: callers.filter(|minute| minute.number() >= from).collect(),
        })
    }

    /// The steps that were missing at the notice `id`.
    pub(super) fn missing_at(&self, id: &str) -> Vec<String> {
        if self.missing_of.as_deref() == Some(id) { self.missing.clone() } else { Vec::new() }
    }
}

/// A minute of callers; `None` if it cannot be read. Callers are only a sample.
fn minute(item: &DynamoItem) -> Option<CallerMinute> {
    serde_json::from_str(item.get("callers")?.as_s().ok()?).ok()
}

/// Cause, rule and facts as attributes, as both items keep them.
pub(super) fn diagnosis(incident: &Incident) -> [(&'static str, AttributeValue); 3] {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let facts = serde_json::to_string(&incident.facts).unwrap_or_default();
    [
        ("cause", text(incident.cause.as_str())),
        ("rule", text(incident.rule.unwrap_or(NO_RULE))),
        ("facts", AttributeValue::S(facts)),
    ]
}

/// What a claim writes to `DETAIL#`: its diagnosis, if it is the latest or the first.
pub(super) fn claimed(incident: &Incident) -> Update {
    let mut update = Update::default();
    for (name, value) in diagnosis(incident) {
        if incident.is_the_latest_word() {
            update.set(name, value);
        } else {
            update.set_if_absent(name, value);
        }
    }
    update.remove("ttl");
    update
}

/// Adds the models of a claim; `None` if it names none. Adds nothing once the limit of kept models is reached.
pub(super) fn models(incident: &Incident) -> Option<Update> {
    let models = named(incident)?;
    let mut update = Update::default();
    update.add("models", models);
    update.only_if("attribute_not_exists(#models) OR size(#models) < :most");
    update.value(":most", u64::try_from(MODELS).unwrap_or(u64::MAX));
    Some(update)
}

/// The models as a string set; `None` if empty, because DynamoDB has no empty sets.
fn named(incident: &Incident) -> Option<AttributeValue> {
    let models: Vec<String> = incident.facts.models.iter().map(ToString::to_string).collect();
    (!models.is_empty()).then_some(AttributeValue::Ss(models))
}

/// The diagnosis, for an incident that knows a cause where the ledger had none.
pub(super) fn learnt(incident: &Incident) -> Update {
    let mut update = Update::default();
    update.set_all(diagnosis(incident));
    update
}

/// Starts a new episode. An incident that `is_read` from its item has nothing new to write.
pub(super) fn reopened(incident: &Incident, is_read: bool, now: Timestamp) -> Update {
    let mut update = Update::default();
    if !is_read {
        update.set_all(diagnosis(incident));
        update.set_or_remove("models", named(incident));
        let first = incident.callers.kept().map(|minute| minute.number()).min();
        update.set("callers_from", first.unwrap_or_else(|| now.as_second().div_euclid(60)));
    }
    for gone in ["search", "missing", "missing_of", "had_missing", "heard", "ttl"] {
        update.remove(gone);
    }
    update
}

/// Records the steps that were missing at a notice.
pub(super) fn missing(update: &mut Update, told: &NoticeRecord) {
    let steps = told.missing.iter().cloned().map(AttributeValue::S).collect();
    update.set("missing", AttributeValue::L(steps));
    update.set("missing_of", &*told.id);
    update.set("had_missing", AttributeValue::Bool(true));
}

/// Records what people have heard, including a new notice.
pub(super) fn heard(update: &mut Update, heard: &Heard) {
    update.set("heard", String::from(heard.clone()));
}

/// The callers of each minute of `incident`, by the key of their item.
pub(super) fn callers(incident: &Incident, now: Timestamp) -> Vec<(String, Update)> {
    let minutes = incident.callers.kept();
    minutes
        .filter_map(|minute| Some((callers_key(&incident.id, minute.place()), kept(&minute, now)?)))
        .collect()
}

pub(super) fn kept(minute: &CallerMinute, now: Timestamp) -> Option<Update> {
    let mut update = Update::default();
    update.set("callers", serde_json::to_string(minute).ok()?);
    update.set("ttl", after(now, CALLERS_KEPT).as_second());
    Some(update)
}
