//! The handler: reads a delivery, acts once, and notifies people.
//!
//! Invariant: A delivery is acknowledged when every problem in it has had its notice or is durably in the ledger
//! with a due time. An item fails only if it cannot be read or the ledger cannot be written.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use sha2::{Digest as _, Sha256};

use crate::diagnosis::{Cause, Diagnosis, diagnose};
use crate::error::{ServiceError, ServiceResult};
use crate::event::envelope::Malformed;
use crate::event::{self, AlarmSignal, ErrorSignal, Payload, ReadItem, Signal};
use crate::ids::AccountRegion;
use crate::incident::{Folding, Symptom};
use crate::ports::Services;
use crate::run::claims::Claims;
pub use crate::run::claims::IncidentReport;
use crate::run::context::RunContext;
use crate::run::investigate::investigate;
use crate::run::sweep::{SweepReport, sweep_shards};
use crate::shards::Shards;
use crate::wire_enum::wire_enum;

/// What the handler did with a delivery.
#[derive(Debug)]
pub struct DeliveryReport {
    /// Whether it was a batch, whose items are acknowledged one by one.
    pub is_batch: bool,
    /// Each item, in order.
    pub items: Vec<ItemReport>,
    /// Each incident, by rank, then in the order of its first symptom.
    pub incidents: Vec<IncidentReport>,
    /// Errors of making incidents that follow a request due at once. These are due some minutes later anyway.
    pub unwoken: Vec<ServiceError>,
    /// The sweep's report, if the delivery called for a sweep. An error if the ledger could not be read; the next
    /// tick then sweeps.
    pub swept: Option<ServiceResult<SweepReport>>,
}

/// What was done with one item.
#[derive(Debug)]
pub struct ItemReport {
    /// The queue's message id; `None` if it has none.
    pub id: Option<String>,
    /// What the item was.
    pub outcome: DeliveryOutcome,
    /// Why, in words for a person.
    pub reason: Option<Cow<'static, str>>,
    /// Whether it must be delivered again.
    pub failed: bool,
    /// How much of it names an account for which nobody vouches.
    pub unvouched: usize,
}

wire_enum! {
    /// What an item was.
    pub enum DeliveryOutcome {
        /// Nothing to act on.
        Ignored = "ignored",
        /// It could not be read.
        Malformed = "malformed",
        /// It reported a problem.
        Incident = "incident",
    }
}

/// Handles one delivery. An error means that none of it could be read.
pub async fn handle<W: Services>(
    world: &W,
    terms: &RunContext<'_>,
    payload: &[u8],
) -> Result<DeliveryReport, Malformed> {
    let payload = Payload::of(payload)?;
    let mut delivery = payload.items(terms.home)?;
    let mut reading = Reading { items: Vec::with_capacity(delivery.len()), ..Reading::default() };
    // Fold and drop each item before reading the next.
    loop {
        let mut told = NoticesLater::default();
        let n = reading.items.len();
        let Some(item) = delivery
            .next(&mut |signal| told.take(signal.within_reason(world.now()), n, &mut reading.known))?
        else {
            break;
        };
        reading.item(world, terms, n, item, told).await;
    }
    let is_batch = delivery.is_batch();
    let incidents = Box::pin(Claims::new(world, terms).all(reading.folding.incidents())).await;
    let mut items = reading.items;
    for incident in incidents.iter().filter(|i| !i.recorded) {
        for n in &incident.incident.items {
            if let Some(item) = items.get_mut(*n) {
                item.failed = true;
                item.reason = Some("the ledger could not be written".into());
            }
        }
    }
    let mut unwoken = Vec::new();
    for place in &reading.wake {
        // Followers that could not be woken are due some minutes later anyway.
        unwoken.extend(world.wake_followers(place, world.now()).await.err());
    }
    let swept = if reading.sweep.is_empty() {
        None
    } else {
        Some(Box::pin(sweep_shards(world, terms, reading.sweep)).await)
    };
    Ok(DeliveryReport { is_batch, items, incidents, unwoken, swept })
}

/// At most this many items get their full reason for being unreadable.
const REASONS: usize = 100;
/// At most this many diagnoses are cached. A storm repeats the same text a thousand times; further different
/// texts are diagnosed each time.
const KNOWN: usize = 1000;

/// What has been read of a delivery.
#[derive(Default)]
struct Reading {
    items: Vec<ItemReport>,
    folding: Folding,
    known: KnownDiagnoses,
    malformed: usize,
    /// The shards to sweep.
    sweep: Shards,
    wake: BTreeSet<AccountRegion>,
}

/// Diagnoses by the hash of the text.
#[derive(Default)]
struct KnownDiagnoses(HashMap<[u8; 32], Diagnosis>);

impl KnownDiagnoses {
    fn diagnose(&mut self, error: &ErrorSignal) -> Diagnosis {
        let text = error.text();
        let mut hash = Sha256::new();
        for part in [text.code, text.operation, Some(text.message)] {
            // Hash a length before each part, so that different parts never form the same input.
            hash.update(part.map_or(u64::MAX, |part| part.len() as u64).to_le_bytes());
            hash.update(part.unwrap_or_default());
        }
        hash.update(text.status.unwrap_or_default().to_le_bytes());
        hash.update([u8::from(text.is_of_bedrock)]);
        let key = hash.finalize().into();
        if let Some(known) = self.0.get(&key) {
            return known.clone();
        }
        let found = diagnose(&text);
        if self.0.len() < KNOWN {
            self.0.insert(key, found.clone());
        }
        found
    }
}

/// The contents of one item. They count only if the whole item can be read.
#[derive(Default)]
struct NoticesLater {
    folding: Folding,
    alarms: Vec<AlarmSignal>,
    wake: BTreeSet<AccountRegion>,
    /// The shards to sweep.
    sweep: Shards,
    is_error: bool,
    /// Signals that name an account for which nobody vouches.
    unvouched: usize,
    /// Why the first signal that is not a problem is not one.
    reason: Option<Cow<'static, str>>,
}

impl NoticesLater {
    fn take(&mut self, signal: Signal, n: usize, known: &mut KnownDiagnoses) {
        let reason = match signal {
            Signal::Error(error) => {
                let found = known.diagnose(&error);
                if found.cause != Cause::Unrelated {
                    self.is_error = true;
                    self.folding.put(Symptom::of_error(&error, found, n));
                    return;
                }
                match found.facts.answered_by {
                    Some(other) => format!("not about Bedrock inference: {other} answered").into(),
                    None => "not about Bedrock inference".into(),
                }
            }
            Signal::Alarm(alarm) => {
                self.alarms.push(alarm);
                return;
            }
            Signal::QuotaChange(change) => {
                self.sweep = Shards::ALL;
                self.wake.extend(
                    change
                        .account
                        .zip(change.region)
                        .map(|(account, region)| AccountRegion { account, region }),
                );
                "news of a quota or a support case: the requests it may concern are looked at".into()
            }
            Signal::Tick { shard } => {
                self.sweep = self.sweep.and(shard.map_or(Shards::ALL, Shards::one));
                "a tick: whatever is due is looked after".into()
            }
            Signal::Ignored(event::Ignored { reason, is_unvouched }) => {
                self.unvouched += usize::from(is_unvouched);
                reason.into()
            }
        };
        self.reason.get_or_insert(reason);
    }
}

impl Reading {
    async fn item<W: Services>(
        &mut self,
        world: &W,
        terms: &RunContext<'_>,
        n: usize,
        item: ReadItem,
        mut told: NoticesLater,
    ) {
        let mut report = ItemReport {
            id: item.id,
            outcome: DeliveryOutcome::Ignored,
            reason: None,
            failed: false,
            unvouched: told.unvouched,
        };
        if let Err(malformed) = item.read {
            report.outcome = DeliveryOutcome::Malformed;
            report.failed = true;
            self.malformed += 1;
            report.reason = Some(if self.malformed <= REASONS {
                malformed.to_string().into()
            } else {
                "it cannot be read either; the first hundred reasons are given".into()
            });
            self.items.push(report);
            return;
        }
        for alarm in &told.alarms {
            if world.now() >= terms.allowance.until {
                let model = alarm.models.first().cloned();
                told.folding.put(Symptom::of_alarm(alarm, alarm.metric, model, n));
                continue;
            }
            for symptom in Box::pin(investigate(world, alarm, n, world.now())).await {
                told.folding.put(symptom);
            }
        }
        if told.is_error || !told.alarms.is_empty() {
            report.outcome = DeliveryOutcome::Incident;
        } else {
            report.reason = told.reason;
        }
        self.sweep = self.sweep.and(told.sweep);
        self.wake.extend(told.wake);
        self.folding.join(told.folding);
        self.items.push(report);
    }
}

impl DeliveryReport {
    /// The outcome of the whole delivery: incident over malformed over ignored.
    pub fn outcome(&self) -> DeliveryOutcome {
        self.items.iter().map(|i| i.outcome).max().unwrap_or(DeliveryOutcome::Ignored)
    }

    /// The ids of the items that the queue must deliver again. An item without an id cannot be named: an empty id
    /// then tells the poller that the whole batch failed.
    /// See <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>.
    pub fn failed_ids(&self) -> Vec<String> {
        self.items.iter().filter(|i| i.failed).map(|i| i.id.clone().unwrap_or_default()).collect()
    }
}
