//! An alarm says that something is wrong, not what: finds the models it is about and the errors behind it.
//!
//! One law: never fails. Where nothing is found, the alarm's own metric is the symptom, and what was
//! looked at is said.

mod search;

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};

pub use search::Found;
pub(crate) use search::{Learnt, learn};

use crate::diagnosis::{Category, Cause, Facts};
use crate::event::{AlarmSignal, Metric};
use crate::ids::Place;
use crate::incident::{Incident, Symptom};
use crate::model::ModelId;
use crate::world::{Clock, Ledger, Telemetry, Window, after, ask};

/// An alarm over all models is looked into for at most so many of them.
const MOST_MODELS: usize = 8;
/// A composite alarm is looked into for at most so many that set it off.
const MOST_CHILDREN: usize = 8;
/// Alarms look at a period that has passed, and CloudTrail is minutes late.
const BEFORE: SignedDuration = SignedDuration::from_mins(15);
/// Nothing is told yet, so that models are looked for only so long.
const PATIENCE: SignedDuration = SignedDuration::from_secs(2);

/// The symptoms that `alarm`, which came with item `item`, stands for: for each model one that the ledger
/// knows already, or else only the alarm's metric.
pub async fn investigate<W>(world: &W, alarm: &AlarmSignal, item: usize, now: Timestamp) -> Vec<Symptom>
where
    W: Telemetry + Ledger + Clock,
{
    let place =
        alarm.account.clone().zip(alarm.region.clone()).map(|(account, region)| Place { account, region });
    let Some(place) = place else {
        return vec![Symptom::of_alarm(alarm, alarm.metric, alarm.models.first().cloned(), item)];
    };
    let window = Window { from: since(alarm.at.unwrap_or(now).min(now)), to: now };
    let until = after(now, PATIENCE);
    let (about, seen) = tokio::join!(
        concerned(world, &place, alarm, window, until),
        ask(world, until, world.seen(&place, window.from)),
    );
    let seen = seen.unwrap_or_default();
    let behind = |(metric, model): (Metric, Option<ModelId>)| match known(&seen, metric, model.as_ref()) {
        Some(incident) => Symptom::of_known(alarm, incident, item),
        None => Symptom::of_alarm(alarm, metric, model, item),
    };
    about.into_iter().map(behind).collect()
}

/// From when on errors may be behind an alarm of that time.
fn since(alarm: Timestamp) -> Timestamp {
    alarm.saturating_sub(BEFORE).unwrap_or(alarm)
}

/// Which metric of which models it is about; `None` for a model that nothing tells.
async fn concerned(
    world: &(impl Telemetry + Clock),
    place: &Place,
    alarm: &AlarmSignal,
    window: Window,
    until: Timestamp,
) -> Vec<(Metric, Option<ModelId>)> {
    let names = alarm.children.get(..MOST_CHILDREN).unwrap_or(&alarm.children);
    let children = match names {
        [] => Vec::new(),
        names => ask(world, until, world.alarms(place, names)).await.unwrap_or_default(),
    };
    let alarms = if children.is_empty() { std::slice::from_ref(alarm) } else { &children[..] };
    let of_each = alarms.iter().map(|alarm| models(world, place, alarm, window, until));
    let mut about: Vec<(Metric, Option<ModelId>)> = Vec::new();
    for (alarm, models) in alarms.iter().zip(join_all(of_each).await) {
        let models = models.into_iter().map(|model| (alarm.metric, Some(model)));
        about.extend(models.filter(|one| !about.contains(one)).collect::<Vec<_>>());
    }
    about.truncate(MOST_MODELS);
    if about.is_empty() {
        about.push((alarms.first().map_or(alarm.metric, |a| a.metric), None));
    }
    about
}

/// The models that made an alarm go off: those it names, those that CloudWatch names for it, or those
/// whose metric moved.
async fn models(
    world: &(impl Telemetry + Clock),
    place: &Place,
    alarm: &AlarmSignal,
    window: Window,
    until: Timestamp,
) -> Vec<ModelId> {
    if let [model] = alarm.models.as_slice() {
        return vec![model.clone()];
    }
    let mut moved = Vec::new();
    if alarm.has_contributors {
        moved = ask(world, until, world.contributors(place, &alarm.name)).await.unwrap_or_default();
    }
    if moved.is_empty() {
        let behind = world.models_behind(place, alarm.metric, window);
        moved = ask(world, until, behind).await.unwrap_or_default();
    }
    if alarm.models.is_empty() {
        return moved;
    }
    moved.retain(|model| alarm.models.contains(model));
    if moved.is_empty() { alarm.models.clone() } else { moved }
}

/// The incident, of those that were seen, whose errors explain `metric`: one that was seen most.
fn known<'i>(seen: &'i [Incident], metric: Metric, model: Option<&ModelId>) -> Option<&'i Incident> {
    let of_model = seen.iter().filter(|i| model.is_none() || i.model.as_ref() == model);
    of_model.filter(|i| i.counts.errors > 0 && explains(metric, i.cause, &i.facts)).max_by_key(|i| {
        // An unknown error explains less than a known one.
        (i.rule.is_some(), i.counts.errors)
    })
}

/// Whether an error can have moved the metric: CloudWatch counts throttles by themselves, and some say
/// that capacity is short.
/// See <https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-runtime-metrics.html>.
fn explains(metric: Metric, cause: Cause, facts: &Facts) -> bool {
    let category = cause.category();
    let is_refused = facts.status == Some(429)
        || facts.code.as_deref().is_some_and(|c| c.contains("hrottl") || c.contains("NotReady"));
    match metric {
        Metric::Throttles => cause.is_throttle() || (category == Category::Capacity && is_refused),
        // This endpoint counts every 4xx, so a throttle explains it as well as a refusal.
        Metric::MantleClientErrors => category != Category::Capacity || is_refused,
        Metric::ServerErrors => category == Category::Capacity,
        Metric::ClientErrors => category != Category::Capacity && !cause.is_throttle(),
        Metric::LegacyInvocations | Metric::Other => true,
    }
}
