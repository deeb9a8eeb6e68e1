//! `QUOTA#<account>#<region>#<code>`: what the ledger remembers about a quota.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_dynamo::from_item;

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

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Memory {
    #[serde(skip_serializing_if = "Option::is_none")]
    need: Option<Need>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refused: Vec<Refusal>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    raises: Vec<Raise>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suspicion: Option<Suspected>,
    #[serde(skip_serializing_if = "Option::is_none")]
    approved: Option<Approval>,
}

#[derive(Serialize, Deserialize)]
struct Suspected {
    kind: String,
    since: Timestamp,
    why: String,
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
        let Memory { need, mut refused, raises, suspicion, approved } = self.memory()?;
        let outcome = self.last_outcome.as_deref();
        let outcome = outcome
            .map(|word| {
                RequestOutcome::parse(word)
                    .ok_or_else(|| unreadable(&self.pk, format!("`{word}` is no outcome")))
            })
            .transpose()?;
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
        let suspicion = suspicion.map(|Suspected { kind, since, why }| {
            // A kind of suspicion of a later version is a suspicion here too.
            Suspicion { kind: Suspect::parse(&kind).unwrap_or(Suspect::Stranger), since, why }
        });
        Ok(QuotaRecord { last, refused, raises, suspicion, approved })
    }

    /// Records everything but the last request, if the item is still the one that was read.
    pub(super) fn written(&self, record: &QuotaRecord) -> ServiceResult<Update> {
        let suspected =
            |s: &Suspicion| Suspected { kind: s.kind.to_string(), since: s.since, why: s.why.clone() };
        let memory = Memory {
            need: record.last.as_ref().and_then(|last| last.need),
            refused: record.refused.clone(),
            raises: record.raises.clone(),
            suspicion: record.suspicion.as_ref().map(suspected),
            approved: record.approved,
        };
        let text = serde_json::to_string(&memory).map_err(|e| unreadable(&self.pk, e))?;
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
