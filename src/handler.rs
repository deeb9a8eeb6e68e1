//! The line: a delivery in, the right thing done once, people told.
//!
//! One law: a delivery is acknowledged when every problem in it is told, or durably in the ledger with
//! a due time. An item fails only when it cannot be read or the ledger cannot be written.

use std::collections::HashMap;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse};
use jiff::SignedDuration;

use crate::diagnosis::{Cause, Diagnosis, diagnose};
use crate::drive::{Driven, drive};
use crate::event::{self, ErrorSignal, Malformed, Signal};
use crate::ids::Place;
use crate::incident::{Incident, Symptom, fold};
use crate::investigate::investigate;
use crate::sweep::{Swept, sweep};
use crate::terms::Terms;
use crate::words::words;
use crate::world::{Answer, Claim, PortError, World};

/// What the handler did with a delivery.
#[derive(Debug)]
pub struct Report {
    /// Whether it was a batch, whose items are acknowledged one by one.
    pub is_batch: bool,
    /// Each item, in order.
    pub items: Vec<ItemReport>,
    /// Each incident, in the order of its first symptom.
    pub incidents: Vec<IncidentReport>,
    /// Why incidents that follow a request could not be made due at once; they are due some minutes later.
    pub unwoken: Vec<PortError>,
    /// What the sweep did, if the delivery called for one; an error when the ledger could not be asked,
    /// and then the next tick does it.
    pub swept: Option<Answer<Swept>>,
}

/// What became of one item.
#[derive(Debug)]
pub struct ItemReport {
    /// The queue's message id.
    pub id: Option<String>,
    /// What it was.
    pub outcome: Outcome,
    /// Why, for a person.
    pub reason: Option<String>,
    /// Whether it has to be delivered again.
    pub failed: bool,
}

words! {
    /// What an item was.
    Outcome {
        /// Nothing to act on.
        Ignored = "ignored",
        /// It could not be read.
        Malformed = "malformed",
        /// It told of a problem.
        Incident = "incident",
    }
}

/// What became of one incident.
#[derive(Debug)]
pub struct IncidentReport {
    /// The incident as this delivery told it.
    pub incident: Incident,
    /// What was decided, done and told; `None` when it was only counted, because somebody else holds
    /// it, people were told a short time ago, or it is left to the next sweep; an error when it stays
    /// due.
    pub driven: Result<Option<Driven>, PortError>,
    /// Whether the ledger holds it. If not, its items have to be delivered again.
    pub recorded: bool,
}

/// Handles one delivery. An error means that nothing of it could be read.
pub async fn handle<W: World>(world: &W, terms: &Terms<'_>, payload: &[u8]) -> Result<Report, Malformed> {
    let delivery = event::read(payload, terms.home)?;
    let mut reading = Reading::default();
    for (n, item) in delivery.items.into_iter().enumerate() {
        reading.item(world, terms, n, item).await;
    }
    let mut incidents = Vec::new();
    let mut is_crowded = false;
    for incident in fold(reading.symptoms) {
        let left = is_crowded || world.now() >= terms.allowance.until;
        for report in claim_and_drive(world, terms, incident, left).await {
            is_crowded |= matches!(&report.driven, Ok(Some(driven)) if driven.is_left);
            incidents.push(report);
        }
    }
    let mut items = reading.items;
    for incident in incidents.iter().filter(|i| !i.recorded) {
        for n in &incident.incident.items {
            if let Some(item) = items.get_mut(*n) {
                item.failed = true;
                item.reason = Some("the ledger could not be written".to_owned());
            }
        }
    }
    let mut unwoken = Vec::new();
    for place in &reading.wake {
        // The sweep's own due times find the followers that could not be woken, some minutes later.
        unwoken.extend(world.wake_followers(place, world.now()).await.err());
    }
    let swept = if reading.tick { Some(Box::pin(sweep(world, terms)).await) } else { None };
    Ok(Report { is_batch: delivery.is_batch, items, incidents, unwoken, swept })
}

/// What has been read of a delivery.
#[derive(Default)]
struct Reading {
    items: Vec<ItemReport>,
    symptoms: Vec<Symptom>,
    /// Texts already diagnosed: a storm says the same thing a thousand times.
    known: HashMap<(Option<String>, String), Diagnosis>,
    tick: bool,
    wake: Vec<Place>,
}

impl Reading {
    async fn item<W: World>(&mut self, world: &W, terms: &Terms<'_>, n: usize, item: event::Item) {
        let mut report = ItemReport { id: item.id, outcome: Outcome::Ignored, reason: None, failed: false };
        let signals = match item.read {
            Ok(signals) => signals,
            Err(malformed) => {
                report.outcome = Outcome::Malformed;
                report.reason = Some(malformed.to_string());
                report.failed = true;
                Vec::new()
            }
        };
        for signal in signals {
            let reason = match signal.within_reason(world.now()) {
                Signal::Error(error) => self.error(&error, n),
                Signal::Alarm(alarm) if world.now() >= terms.allowance.until => {
                    self.symptoms.push(Symptom::of_alarm(
                        &alarm,
                        alarm.metric,
                        alarm.models.first().cloned(),
                        n,
                    ));
                    None
                }
                Signal::Alarm(alarm) => {
                    self.symptoms.extend(Box::pin(investigate(world, &alarm, n, world.now())).await);
                    None
                }
                Signal::QuotaChange(change) => {
                    self.tick = true;
                    self.wake.extend(
                        change.account.zip(change.region).map(|(account, region)| Place { account, region }),
                    );
                    Some(
                        "news of a quota or a support case: the requests it may concern are looked at"
                            .to_owned(),
                    )
                }
                Signal::Tick => {
                    self.tick = true;
                    Some("a tick: whatever is due is looked after".to_owned())
                }
                Signal::Ignored(event::Ignored(reason)) => Some(reason),
            };
            match reason {
                None => report.outcome = Outcome::Incident,
                Some(reason) => report.reason = report.reason.or(Some(reason)),
            }
        }
        if report.outcome == Outcome::Incident {
            report.reason = None;
        }
        self.items.push(report);
    }

    /// Adds an error's symptom; or says why it is none.
    fn error(&mut self, error: &ErrorSignal, n: usize) -> Option<String> {
        let key = (error.code.clone(), error.message.clone());
        let found = self.known.entry(key).or_insert_with(|| diagnose(&error.text()));
        if found.cause == Cause::Unrelated {
            return Some("not about Bedrock inference".to_owned());
        }
        self.symptoms.push(Symptom::of_error(error, found.clone(), n));
        None
    }
}

/// Counts `incident` and drives it, unless somebody else does; or only counts it, and leaves it to the
/// next sweep. What turns out to be behind an alarm is driven as well, and stands in its place.
async fn claim_and_drive<W: World>(
    world: &W,
    terms: &Terms<'_>,
    incident: Incident,
    is_left: bool,
) -> Vec<IncidentReport> {
    let lease = if is_left { SignedDuration::ZERO } else { terms.allowance.lease };
    let (driven, recorded) = match world.claim(&incident, world.now(), lease).await {
        Ok(Claim::Mine(lease, record)) if !is_left => {
            (Box::pin(drive(world, terms, &lease, *record, None)).await.map(Some), true)
        }
        Ok(_) => (Ok(None), true),
        Err(error) => (Err(error), false),
    };
    let mut report = IncidentReport { incident, driven, recorded };
    let (mut others, mut is_superseded) = (Vec::new(), false);
    if let Ok(Some(driven)) = &mut report.driven {
        others = std::mem::take(&mut driven.others);
        is_superseded = driven.superseded_by.is_some();
        report.incident =
            Incident { items: std::mem::take(&mut report.incident.items), ..driven.incident.clone() };
    }
    let items = report.incident.items.clone();
    let mut reports = Vec::new();
    if !is_superseded || others.is_empty() {
        reports.push(report);
    }
    for found in others {
        let (lease, record, learnt) = found.open();
        let incident = Incident { items: items.clone(), ..record.incident.clone() };
        let driven = Box::pin(drive(world, terms, &lease, record, learnt)).await.map(Some);
        reports.push(IncidentReport { incident, driven, recorded: true });
    }
    reports
}

impl Report {
    /// The outcome of the whole: an incident over malformed over ignored.
    pub fn outcome(&self) -> Outcome {
        self.items.iter().map(|i| i.outcome).max().unwrap_or(Outcome::Ignored)
    }

    /// The items a queue has to deliver again. One without an id cannot be named: then an empty id tells the
    /// poller that the whole batch failed.
    /// See <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>.
    pub fn batch_response(&self) -> SqsBatchResponse {
        let mut response = SqsBatchResponse::default();
        let failed = self.items.iter().filter(|i| i.failed).map(|i| i.id.clone().unwrap_or_default());
        response.batch_item_failures = failed
            .map(|id| {
                let mut failure = BatchItemFailure::default();
                failure.item_identifier = id;
                failure
            })
            .collect();
        response
    }
}
