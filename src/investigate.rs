//! An alarm says that something is wrong, not what: finds the errors behind it.
//!
//! One law: never fails. Where nothing is found, the alarm's own metric is the symptom.

use jiff::SignedDuration;
use jiff::Timestamp;

use crate::diagnosis::diagnose;
use crate::event::{AlarmSignal, ErrorSignal, Home, Metric, Source};
use crate::ids::Place;
use crate::incident::Symptom;
use crate::model::ModelId;
use crate::world::{Telemetry, Window};

/// An alarm over all models is looked into for at most so many of them.
const MOST_MODELS: usize = 8;
/// Alarms look at a period that has passed, and CloudTrail is minutes late.
const BEFORE: SignedDuration = SignedDuration::from_mins(15);

/// The symptoms behind `alarm`, which came with item `item`.
pub async fn investigate(
    world: &impl Telemetry,
    home: &Home,
    alarm: &AlarmSignal,
    item: usize,
    now: Timestamp,
) -> Vec<Symptom> {
    let place =
        alarm.account.clone().zip(alarm.region.clone()).map(|(account, region)| Place { account, region });
    let Some(place) = place else { return vec![Symptom::of_alarm(alarm, None, item)] };
    let from = alarm.at.unwrap_or(now).min(now);
    let window = Window { from: from.saturating_sub(BEFORE).unwrap_or(from), to: now };
    let models = match &alarm.model {
        Some(model) => vec![model.clone()],
        None => world.models_behind(&place, alarm.metric, window).await.unwrap_or_default(),
    };
    let mut models: Vec<Option<ModelId>> = models.into_iter().take(MOST_MODELS).map(Some).collect();
    if models.is_empty() {
        models.push(None);
    }
    let mut symptoms = Vec::new();
    for model in models {
        symptoms.extend(behind(world, home, alarm, &place, model, window, item).await);
    }
    symptoms
}

async fn behind(
    world: &impl Telemetry,
    home: &Home,
    alarm: &AlarmSignal,
    place: &Place,
    model: Option<ModelId>,
    window: Window,
    item: usize,
) -> Vec<Symptom> {
    let errors = world.errors(place, model.as_ref(), window).await.unwrap_or_default();
    let mut symptoms: Vec<Symptom> = errors
        .into_iter()
        .filter(|e| home.role.is_none() || e.caller != home.role)
        .map(|found| {
            let error = ErrorSignal {
                source: Source::CloudTrail,
                account: Some(place.account.clone()),
                region: Some(place.region.clone()),
                model: found.model,
                operation: None,
                code: found.code,
                status: None,
                message: found.message,
                caller: found.caller,
                at: Some(found.at),
            };
            Symptom::of_error(&error, diagnose(&error.text()), item)
        })
        .filter(|s| explains(alarm.metric, s))
        .collect();
    match symptoms.first_mut() {
        Some(first) => first.counts.alarms += 1,
        None => symptoms.push(Symptom::of_alarm(alarm, model, item)),
    }
    symptoms
}

/// Whether an error can have moved the metric: CloudWatch counts throttles by themselves.
fn explains(metric: Metric, symptom: &Symptom) -> bool {
    use crate::diagnosis::Category;
    let category = symptom.diagnosis.cause.category();
    match metric {
        Metric::Throttles => symptom.diagnosis.cause.is_throttle() || category == Category::Capacity,
        Metric::ServerErrors => category == Category::Capacity,
        Metric::ClientErrors => {
            !matches!(category, Category::Capacity) && !symptom.diagnosis.cause.is_throttle()
        }
        Metric::LegacyInvocations | Metric::Other => true,
    }
}
