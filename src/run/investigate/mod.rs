//! An alarm says that something is wrong, but not what. Finds the models it is about and the errors behind it.
//!
//! Invariant: It never fails. If nothing is found, the alarm's metric is the symptom, and the notice says where we
//! looked and what could not be read.

mod search;

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};

use crate::diagnosis::{Category, Cause, Facts};
use crate::error::{ServiceError, ServiceResult};
use crate::event::{AlarmSignal, Metric};
use crate::ids::AccountRegion;
use crate::incident::{Incident, Symptom};
use crate::model::ModelId;
use crate::ports::{Clock, Ledger, Telemetry, ask};
pub use crate::run::investigate::search::RelatedIncident;
pub(crate) use crate::run::investigate::search::{SearchOutcome, learn};
use crate::text::Safe;
use crate::time::{Window, after};

/// At most this many models are investigated for an alarm over all models.
const MOST_MODELS: usize = 8;
/// At most this many child alarms are investigated for a composite alarm.
const MOST_CHILDREN: usize = 8;
/// How far before an alarm errors are read: alarms evaluate a past period, and CloudTrail is minutes late.
const BEFORE: SignedDuration = SignedDuration::from_mins(15);
/// Time limit for finding the models. It is short, because no notice has been sent yet.
const PATIENCE: SignedDuration = SignedDuration::from_secs(2);

/// The symptoms behind `alarm`, which came with item `item`. Each model gets an incident that the ledger
/// already has, or else only the alarm's metric.
pub async fn investigate<W>(world: &W, alarm: &AlarmSignal, item: usize, now: Timestamp) -> Vec<Symptom>
where
    W: Telemetry + Ledger + Clock,
{
    let place = alarm
        .account
        .clone()
        .zip(alarm.region.clone())
        .map(|(account, region)| AccountRegion { account, region });
    let Some(place) = place else {
        return vec![Symptom::of_alarm(alarm, alarm.metric, alarm.models.first().cloned(), item)];
    };
    let window = Window { from: since(alarm.at.unwrap_or(now).min(now)), to: now };
    let until = after(now, PATIENCE);
    let (concerned, seen) = tokio::join!(
        concerned(world, &place, alarm, window, until),
        ask(world, until, world.seen(&place, window.from)),
    );
    // If the ledger could not be read, the later search reads it again and reports that.
    let seen = seen.unwrap_or_default();
    let behind = |Subject { metric, model, operation }: Subject| {
        if let Some(incident) = known(&seen, metric, model.as_ref(), operation.as_deref()) {
            return Symptom::of_known(alarm, incident, item);
        }
        let alarm = AlarmSignal { operation, ..alarm.clone() };
        let mut symptom = Symptom::of_alarm(&alarm, metric, model, item);
        symptom.diagnosis.facts.models_unread = concerned.unread.as_deref().map(|why| Safe::line(why, 120));
        symptom
    };
    concerned.about.into_iter().map(behind).collect()
}

/// One thing that an alarm is about.
#[derive(PartialEq)]
struct Subject {
    metric: Metric,
    /// `None` if the model is not known, and of `AgentCore`.
    model: Option<ModelId>,
    /// The operation of `AgentCore`, if it is known.
    operation: Option<String>,
}

impl Subject {
    /// What the `metric` counts under the value `series` of its dimension; `None` if that is no model.
    fn of(metric: Metric, series: &str) -> Option<Self> {
        if metric.is_of_agent_core() {
            return Some(Self { metric, model: None, operation: Some(series.to_owned()) });
        }
        Some(Self { metric, model: Some(ModelId::parse(series)?), operation: None })
    }
}

/// What an alarm is about.
#[derive(Default)]
struct Concerned {
    about: Vec<Subject>,
    /// Why no model is known, if CloudWatch did not answer.
    unread: Option<String>,
}

/// The earliest time of errors behind an alarm.
fn since(alarm: Timestamp) -> Timestamp {
    alarm.saturating_sub(BEFORE).unwrap_or(alarm)
}

/// Finds the metrics and models that the alarm is about.
async fn concerned(
    world: &(impl Telemetry + Clock),
    place: &AccountRegion,
    alarm: &AlarmSignal,
    window: Window,
    until: Timestamp,
) -> Concerned {
    let mut unread = Vec::new();
    let names = alarm.children.get(..MOST_CHILDREN).unwrap_or(&alarm.children);
    let children = match names {
        [] => Vec::new(),
        names => or_unread(ask(world, until, world.alarms(place, names)).await, &mut unread),
    };
    let alarms = if children.is_empty() { std::slice::from_ref(alarm) } else { &children[..] };
    let of_each = alarms.iter().map(|alarm| subjects(world, place, alarm, window, until));
    let mut about: Vec<Subject> = Vec::new();
    for (subjects, errors) in join_all(of_each).await {
        about.extend(subjects.into_iter().filter(|one| !about.contains(one)).collect::<Vec<_>>());
        unread.extend(errors);
    }
    about.truncate(MOST_MODELS);
    if !about.is_empty() {
        return Concerned { about, unread: None };
    }
    let metric = alarms.first().map_or(alarm.metric, |a| a.metric);
    about.push(Subject { metric, model: None, operation: None });
    Concerned { about, unread: unread.first().map(ToString::to_string) }
}

/// The answer, or an empty list; the error is added to `unread`.
fn or_unread<T>(answer: ServiceResult<Vec<T>>, unread: &mut Vec<ServiceError>) -> Vec<T> {
    answer.unwrap_or_else(|error| {
        unread.push(error);
        Vec::new()
    })
}

/// What set off an alarm: the models or the operation that it names, those that CloudWatch names as contributors, or
/// those whose metric moved. Also returns CloudWatch's errors.
async fn subjects(
    world: &(impl Telemetry + Clock),
    place: &AccountRegion,
    alarm: &AlarmSignal,
    window: Window,
    until: Timestamp,
) -> (Vec<Subject>, Vec<ServiceError>) {
    let metric = alarm.metric;
    let of_model = |model: &ModelId| Subject { metric, model: Some(model.clone()), operation: None };
    let mut unread = Vec::new();
    match (alarm.models.as_slice(), &alarm.operation) {
        ([model], _) => return (vec![of_model(model)], unread),
        (_, Some(operation)) => return (Subject::of(metric, operation).into_iter().collect(), unread),
        _ => {}
    }
    let mut moved = Vec::new();
    if alarm.has_contributors {
        // An alarm that no longer exists in CloudWatch has no contributors.
        let contributors = ask(world, until, world.contributors(place, &alarm.name)).await;
        moved = or_unread(contributors.map(Option::unwrap_or_default), &mut unread);
    }
    if moved.is_empty() && metric.name().is_some() {
        let behind = ask(world, until, world.behind(place, metric, window)).await;
        moved = or_unread(behind, &mut unread);
    }
    let mut moved: Vec<Subject> = moved.iter().filter_map(|series| Subject::of(metric, series)).collect();
    if alarm.models.is_empty() {
        return (moved, unread);
    }
    moved.retain(|subject| subject.model.as_ref().is_some_and(|model| alarm.models.contains(model)));
    (if moved.is_empty() { alarm.models.iter().map(of_model).collect() } else { moved }, unread)
}

/// The incident in `seen` whose errors best explain `metric`: of known errors first, then with the most errors.
fn known<'i>(
    seen: &'i [Incident],
    metric: Metric,
    model: Option<&ModelId>,
    operation: Option<&str>,
) -> Option<&'i Incident> {
    let of_model = seen.iter().filter(|i| model.is_none_or(|model| i.is_about(model)));
    let of_operation =
        of_model.filter(|i| operation.is_none_or(|name| i.facts.operation.as_deref() == Some(name)));
    of_operation.filter(|i| i.counts.errors > 0 && explains(metric, i.cause, &i.facts)).max_by_key(|i| {
        // An unknown error explains less than a known one.
        (i.rule.is_some(), i.counts.errors)
    })
}

/// Whether an error can have moved the metric. CloudWatch counts throttles separately, and some throttles mean
/// that capacity is short.
/// See <https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-runtime-metrics.html>.
fn explains(metric: Metric, cause: Cause, facts: &Facts) -> bool {
    if metric.is_of_agent_core() != facts.is_of_agent_core() {
        return false;
    }
    let category = cause.category();
    let is_refused = facts.status == Some(429)
        || facts.code.as_deref().is_some_and(|c| c.contains("hrottl") || c.contains("NotReady"));
    match metric {
        Metric::Other => true,
        // An operation of the other endpoint is not counted here.
        Metric::MantleClientErrors if !facts.is_of_mantle() && facts.operation.is_some() => false,
        // This endpoint counts every 4xx, so throttles and refusals both explain it.
        Metric::MantleClientErrors => category != Category::Capacity || is_refused,
        // The bedrock-mantle endpoint has a metric of its own.
        _ if facts.is_of_mantle() => false,
        Metric::Throttles | Metric::AgentCoreThrottles => {
            cause.is_throttle() || (category == Category::Capacity && is_refused)
        }
        Metric::ServerErrors | Metric::AgentCoreServerErrors => category == Category::Capacity,
        Metric::ClientErrors | Metric::AgentCoreClientErrors => {
            category != Category::Capacity && !cause.is_throttle()
        }
        Metric::LegacyInvocations => true,
    }
}
