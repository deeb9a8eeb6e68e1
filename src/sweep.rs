//! On ticks: whatever is due goes through the same stages, until it is over.
//!
//! One law: one incident that cannot be driven does not keep the others waiting, and stays due.

use jiff::{SignedDuration, Timestamp};

use crate::config::Config;
use crate::diagnosis::Category;
use crate::drive::{Allowance, OUTCOMES, after, drive};
use crate::event::Metric;
use crate::evidence::gather;
use crate::ids::Place;
use crate::incident::Incident;
use crate::notice::{Kind, Notice, Outcome};
use crate::plan::{number, plan};
use crate::usage::Period;
use crate::world::{
    Answer, Ended, Finish, Followed, Lease, PortError, Record, RequestStatus, State, Told, Window, World,
};

/// At most so many incidents are looked at in one sweep; the rest is due at the next.
const MOST: usize = 100;
/// What could not be measured is looked at again after this long.
const LATER: SignedDuration = SignedDuration::from_hours(1);

/// What a sweep did.
#[derive(Debug, Default)]
pub struct Swept {
    /// Notices told.
    pub notices: Vec<Notice>,
    /// Incidents that could not be driven, and why; they stay due.
    pub failed: Vec<(String, PortError)>,
    /// Whether time ran out before all that was due was looked at.
    pub out_of_time: bool,
}

/// Drives everything that is due, as far as the time allows; the rest is due at the next sweep. An error
/// means that the ledger could not be asked.
pub async fn sweep<W: World>(world: &W, config: &Config, allowance: Allowance) -> Answer<Swept> {
    let mut swept = Swept::default();
    for id in world.due(world.now(), MOST).await? {
        if world.now() >= allowance.until {
            swept.out_of_time = true;
            break;
        }
        let taken = match world.take_over(&id, world.now(), allowance.lease).await {
            Ok(Some(taken)) => taken,
            Ok(None) => continue,
            Err(error) => {
                swept.failed.push((id.to_string(), error));
                continue;
            }
        };
        let (lease, record) = taken;
        match one(world, config, &lease, record).await {
            Ok(notice) => swept.notices.extend(notice),
            Err(error) => swept.failed.push((id.to_string(), error)),
        }
    }
    Ok(swept)
}

async fn one<W: World>(world: &W, config: &Config, lease: &Lease, record: Record) -> Answer<Option<Notice>> {
    let now = world.now();
    match (record.state, record.followed.clone(), record.incident.place()) {
        (State::Watching, Some(followed), Some(place)) if followed.request_id.is_some() => {
            watch(world, config, lease, record, &followed, &place, now).await
        }
        (State::Told, ..) => quiet(world, config, lease, record, now).await,
        _ => Ok(drive(world, config, lease, record).await?.notice),
    }
}

/// Looks whether a request has ended: by its status, and by the applied value against the one before,
/// because a closed case does not say how it was closed.
async fn watch<W: World>(
    world: &W,
    config: &Config,
    lease: &Lease,
    mut record: Record,
    followed: &Followed,
    place: &Place,
    now: Timestamp,
) -> Answer<Option<Notice>> {
    let (history, applied) =
        tokio::join!(world.history(place, &followed.code), world.applied(place, &followed.code));
    let applied = match applied {
        Err(PortError::Missing) => world.default_value(place, &followed.code).await,
        other => other,
    };
    let request =
        history.ok().and_then(|h| h.into_iter().find(|r| Some(&r.id) == followed.request_id.as_ref()));
    let ended =
        applied.ok().and_then(|applied| outcome(followed, request.map(|r| r.status), applied.value, now));
    let Some(ended) = ended else {
        let due_at = after(now, OUTCOMES);
        return again_at(world, lease, &record, due_at).await;
    };
    record.followed = None;
    let evidence = gather(world, &record.incident, now).await;
    let mut told = plan(&record.incident, &evidence, config);
    // The outcome is the news; what would be decided today is the next drive's.
    told.actions.clear();
    told.withheld.clear();
    told.adopted = None;
    let notice = Notice::of_outcome(&record, &ended, &told, &evidence);
    world.publish(&notice).await?;
    let finish = Finish {
        state: State::Told,
        followed: None,
        due_at: Some(after(now, config.notice_cool_down)),
        // Throttling that goes on after a decision is judged anew.
        silent_until: None,
        told: Some(Told { id: notice.notice_id.clone(), kind: Kind::Outcome.as_str().to_owned(), at: now }),
        ended: Some(Ended { place: place.clone(), followed: followed.clone(), outcome: ended.word }),
    };
    world.finish(lease, &finish).await?;
    Ok(Some(notice))
}

/// How a request ended; `None` while it has not. A request that Service Quotas no longer lists has
/// ended too.
fn outcome(
    followed: &Followed,
    status: Option<RequestStatus>,
    applied: f64,
    now: Timestamp,
) -> Option<Outcome> {
    let raised = applied > followed.value_before;
    if status.is_some_and(RequestStatus::is_open) && applied < followed.desired {
        return None;
    }
    let took = now.duration_since(followed.intended).as_hours();
    let took = if took < 48 { format!("{took} hours") } else { format!("{} days", took / 24) };
    let (name, before, after, asked) =
        (&followed.name, number(followed.value_before), number(applied), number(followed.desired));
    let (word, sentence) = if applied >= followed.desired {
        ("granted", format!("AWS raised `{name}` from {before} to {after} as asked; it took {took}."))
    } else if raised {
        (
            "partly-granted",
            format!("AWS raised `{name}` from {before} to {after}; {asked} was asked for. It took {took}."),
        )
    } else if matches!(
        status,
        Some(RequestStatus::Denied | RequestStatus::NotApproved | RequestStatus::InvalidRequest)
    ) {
        (
            "denied",
            format!(
                "AWS did not raise `{name}`; it stays at {before}. Answer in the support case with the use case and the measured demand, or spread the load over other models and Regions."
            ),
        )
    } else {
        (
            "closed-unchanged",
            format!(
                "AWS closed the request for `{name}` after {took} and the value is still {before}. The same request would end the same way: answer in the support case, ask for less than {asked}, or spread the load."
            ),
        )
    };
    Some(Outcome { word, sentence })
}

/// An incident with nothing to follow: told again when it goes on, closed when CloudWatch has been
/// quiet for long enough.
async fn quiet<W: World>(
    world: &W,
    config: &Config,
    lease: &Lease,
    record: Record,
    now: Timestamp,
) -> Answer<Option<Notice>> {
    let last_told = record.notices.last().map(|t| t.at);
    let last_seen = record.incident.last_seen.or(last_told).unwrap_or(now);
    if last_told.is_some_and(|told| last_seen > told) {
        return Ok(drive(world, config, lease, record).await?.notice);
    }
    let quiet_at = after(last_seen.max(last_told.unwrap_or(last_seen)), config.quiet_to_close);
    if quiet_at > now {
        return again_at(world, lease, &record, quiet_at).await;
    }
    match still_failing(
        world,
        &record.incident,
        Window { from: now.saturating_sub(config.quiet_to_close).unwrap_or(now), to: now },
    )
    .await
    {
        Ok(false) => {}
        Ok(true) | Err(_) => return again_at(world, lease, &record, after(now, LATER)).await,
    }
    let evidence = gather(world, &record.incident, now).await;
    let notice = Notice::compose(Kind::Resolved, &record, &crate::plan::Plan::default(), &evidence);
    world.publish(&notice).await?;
    let told = Told { id: notice.notice_id.clone(), kind: Kind::Resolved.as_str().to_owned(), at: now };
    world
        .finish(
            lease,
            &Finish {
                state: State::Closed,
                followed: None,
                due_at: None,
                silent_until: None,
                told: Some(told),
                ended: None,
            },
        )
        .await?;
    Ok(Some(notice))
}

async fn again_at<W: World>(
    world: &W,
    lease: &Lease,
    record: &Record,
    due_at: Timestamp,
) -> Answer<Option<Notice>> {
    world
        .finish(
            lease,
            &Finish {
                state: record.state,
                followed: record.followed.clone(),
                due_at: Some(due_at),
                silent_until: record.silent_until,
                told: None,
                ended: None,
            },
        )
        .await?;
    Ok(None)
}

/// Whether CloudWatch still counts errors of this kind. An incident without a place has no metrics;
/// then nothing is known to fail.
async fn still_failing<W: World>(world: &W, incident: &Incident, window: Window) -> Answer<bool> {
    let Some(place) = incident.place() else { return Ok(false) };
    let metric = match incident.cause.category() {
        Category::Quota => Metric::Throttles,
        Category::Capacity => Metric::ServerErrors,
        _ => Metric::ClientErrors,
    };
    let Some(model) = &incident.model else {
        return Ok(!world.models_behind(&place, metric, window).await?.is_empty());
    };
    let models = std::slice::from_ref(model);
    let series = world.usage(&place, models, window, Period::FiveMinutes).await?;
    Ok(series.iter().flat_map(|s| &s.points).any(|(_, m)| match metric {
        Metric::Throttles => m.throttles > 0.0,
        Metric::ServerErrors => m.server_errors > 0.0,
        _ => m.client_errors > 0.0,
    }))
}
