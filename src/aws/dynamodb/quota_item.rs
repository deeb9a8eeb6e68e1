//! `QUOTA#<account>#<region>#<code>`: what the ledger remembers about a quota.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_dynamo::from_item;
use serde_json::{Map, Value};

use crate::aws::dynamodb::intended::Intended;
use crate::aws::dynamodb::keys::{stamp, unreadable};
use crate::aws::dynamodb::update::{DynamoItem, Update};
use crate::error::ServiceResult;
use crate::quota::record::{Approval, LastRequest, Need, QuotaRecord, Raise, Refusal, Suspect, Suspicion};
use crate::quota::request::RequestOutcome;

/// The item.
///
/// The last reserved request has its own attributes; everything else is in `memory`, as JSON. `revision` counts the
/// writes, and a write succeeds only on the revision that it was based on. Earlier versions know neither attribute.
/// They keep the largest value that AWS refused in `refused_desired`, and before that only as the last request's
/// outcome.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct QuotaItem {
    pk: String,
    intent: Option<Intended>,
    last_outcome: Option<String>,
    cool_down_until: Option<String>,
    refused_desired: Option<f64>,
    refused_at: Option<String>,
    memory: Option<String>,
    revision: Option<u64>,
}

/// The attribute `memory`. What a later version wrote beside or into an entry stays there: an entry that this version
/// does not change is written as it was read.
#[derive(Default, Deserialize)]
#[serde(transparent)]
struct Memory(Map<String, Value>);

impl Memory {
    fn read<T: DeserializeOwned + Default>(&self, name: &str) -> serde_json::Result<T> {
        self.0.get(name).map_or_else(|| Ok(T::default()), T::deserialize)
    }

    /// `value` as it stands in `before`, or as this version writes it.
    fn kept<T>(value: &T, before: &[Value]) -> serde_json::Result<Value>
    where
        T: Serialize + DeserializeOwned + PartialEq,
    {
        let is_same = |known: &&Value| T::deserialize(*known).is_ok_and(|known| known == *value);
        before.iter().find(is_same).map_or_else(|| serde_json::to_value(value), |known| Ok(known.clone()))
    }

    fn set<T>(&mut self, name: &str, value: Option<&T>) -> serde_json::Result<()>
    where
        T: Serialize + DeserializeOwned + PartialEq,
    {
        let before = self.0.remove(name);
        if let Some(value) = value {
            let kept = Self::kept(value, before.as_slice())?;
            self.0.insert(name.to_owned(), kept);
        }
        Ok(())
    }

    fn set_all<T>(&mut self, name: &str, values: &[T]) -> serde_json::Result<()>
    where
        T: Serialize + DeserializeOwned + PartialEq,
    {
        let before = self.0.remove(name);
        let before = before.as_ref().and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let kept: Vec<Value> =
            values.iter().map(|value| Self::kept(value, before)).collect::<Result<_, _>>()?;
        if !kept.is_empty() {
            self.0.insert(name.to_owned(), Value::Array(kept));
        }
        Ok(())
    }

    /// Everything of `record` but the last request.
    fn remember(&mut self, record: &QuotaRecord) -> serde_json::Result<()> {
        self.set("need", record.last.as_ref().and_then(|last| last.need).as_ref())?;
        self.set_all("refused", &record.refused)?;
        self.set_all("raises", &record.raises)?;
        self.set("suspicion", record.suspicion.as_ref().map(Suspected::of).as_ref())?;
        self.set("approved", record.approved.as_ref())
    }
}

#[derive(Serialize, Deserialize)]
struct Suspected {
    kind: String,
    since: Timestamp,
    why: String,
}

impl Suspected {
    fn of(suspicion: &Suspicion) -> Self {
        Self { kind: suspicion.kind.to_string(), since: suspicion.since, why: suspicion.why.clone() }
    }

    fn suspicion(self) -> Suspicion {
        let Self { kind, since, why } = self;
        // A kind of suspicion of a later version is a suspicion here too.
        Suspicion { kind: Suspect::parse(&kind).unwrap_or(Suspect::Stranger), since, why }
    }
}

impl PartialEq for Suspected {
    /// A kind of a later version equals the one that it is read as.
    fn eq(&self, other: &Self) -> bool {
        let kind = |kind: &str| Suspect::parse(kind).unwrap_or(Suspect::Stranger);
        (kind(&self.kind), self.since, &self.why) == (kind(&other.kind), other.since, &other.why)
    }
}

impl QuotaItem {
    pub(super) fn read(item: Option<DynamoItem>) -> ServiceResult<Self> {
        item.map_or_else(
            || Ok(Self::default()),
            |item| from_item(item).map_err(|e| unreadable("of a quota", e)),
        )
    }

    fn memory(&self) -> ServiceResult<Memory> {
        let text = self.memory.as_deref();
        let read = text.map(|text| serde_json::from_str(text).map_err(|e| unreadable(&self.pk, e)));
        read.unwrap_or_else(|| Ok(Memory::default()))
    }

    pub(super) fn record(&self) -> ServiceResult<QuotaRecord> {
        let time = |text: &str| text.parse::<Timestamp>().map_err(|e| unreadable(&self.pk, e));
        let memory = self.memory()?;
        let unread = |e| unreadable(&self.pk, e);
        let need: Option<Need> = memory.read("need").map_err(unread)?;
        let mut refused: Vec<Refusal> = memory.read("refused").map_err(unread)?;
        let raises: Vec<Raise> = memory.read("raises").map_err(unread)?;
        let suspicion: Option<Suspected> = memory.read("suspicion").map_err(unread)?;
        let approved: Option<Approval> = memory.read("approved").map_err(unread)?;
        // An outcome of a later version stays in the item. Here the request counts as open until its cool-down ends.
        let outcome = self.last_outcome.as_deref().and_then(RequestOutcome::parse);
        let last = match (&self.intent, &self.cool_down_until) {
            (Some(intent), Some(until)) => {
                Some(LastRequest { outcome, cool_down_until: time(until)?, ..intent.last(need)? })
            }
            _ => None,
        };
        let of_before = match (self.refused_desired, &self.refused_at) {
            (Some(desired), Some(at)) => Some((desired, time(at)?)),
            _ => last
                .as_ref()
                .filter(|last| last.outcome.is_some_and(RequestOutcome::is_refusal))
                .map(|last| (last.desired, last.intended)),
        };
        let is_known = |desired: f64| refused.iter().any(|r| r.desired >= desired);
        if let Some((desired, asked)) = of_before.filter(|(desired, _)| !is_known(*desired)) {
            refused.insert(0, Refusal { desired, asked, ended: asked, need: None });
        }
        let suspicion = suspicion.map(Suspected::suspicion);
        Ok(QuotaRecord { last, refused, raises, suspicion, approved })
    }

    /// Records everything but the last request, if the item is still the one that was read.
    pub(super) fn written(&self, record: &QuotaRecord) -> ServiceResult<Update> {
        let mut memory = self.memory()?;
        memory.remember(record).map_err(|e| unreadable(&self.pk, e))?;
        let text = serde_json::to_string(&memory.0).map_err(|e| unreadable(&self.pk, e))?;
        let mut update = Update::default();
        update.set("memory", text);
        update.set("revision", self.revision.unwrap_or_default().saturating_add(1));
        // For versions that read nothing else.
        if let Some(largest) = record.refused.iter().max_by(|a, b| a.desired.total_cmp(&b.desired)) {
            update.set("refused_desired", largest.desired);
            update.set("refused_at", stamp(largest.asked));
        }
        match self.revision {
            None => update.only_if("attribute_not_exists(revision)"),
            Some(revision) => {
                update.only_if("#revision = :read");
                update.value(":read", AttributeValue::N(revision.to_string()));
            }
        }
        Ok(update)
    }
}
