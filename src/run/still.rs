//! Checks whether calls still fail, and postpones an incident with nothing new.

use jiff::Timestamp;

use crate::diagnosis::{Category, Cause};
use crate::error::ServiceResult;
use crate::event::Metric;
use crate::evidence::Evidence;
use crate::incident::Incident;
use crate::incident::record::{Record, Release, State};
use crate::incident::schedule::{LOOK, STILL, UNTOLD, is_measured};
use crate::incident::search::Search;
use crate::notice::Notice;
use crate::ports::Services;
use crate::run::context::RunContext;
use crate::run::prepared::Prepared;
use crate::time::{Window, after};
use crate::usage::{Endpoint, Period};

/// The end of "it is unknown …" in a notice, when CloudWatch does not answer.
pub(crate) const STILL_FAILING: &str = "whether calls still fail";

/// Whether CloudWatch counted errors of this incident in the last hour. `false` without a metric of only these errors.
pub(crate) async fn is_failing<W: Services>(
    world: &W,
    terms: &RunContext<'_>,
    incident: &Incident,
    now: Timestamp,
) -> ServiceResult<bool> {
    if is_of_another_account(terms, incident) || !is_measured(incident) {
        return Ok(false);
    }
    let window = Window { from: now.saturating_sub(STILL).unwrap_or(now), to: now };
    still_failing(world, incident, window).await
}

/// Whether the incident is of another account, whose metrics this function cannot read. Only the absence of new
/// errors then tells that it is over.
pub(crate) fn is_of_another_account(terms: &RunContext<'_>, incident: &Incident) -> bool {
    let (home, account) = (terms.home, incident.account.as_ref());
    home.account.is_some() && account.is_some_and(|account| !home.reaches(account))
}

/// The record unchanged, due at `due_at`. An expired silence is dropped: a clock that is behind would still see
/// it as running and only count new errors.
pub(crate) fn again_at(record: &Record, due_at: Timestamp, now: Timestamp) -> Release {
    Release {
        followed: record.followed.clone(),
        silent_until: record.silent_until.filter(|until| *until > now),
        search: record.search.clone(),
        unread: record.unread,
        awaited: record.awaited.clone(),
        ..Release::new(record.state, due_at, record.incident.counts)
    }
}

/// Closes the incident with `notice`.
pub(crate) fn closed(record: Record, notice: Notice, evidence: &Evidence, now: Timestamp) -> Prepared {
    let told = Release {
        told: Some(notice.told(&record, evidence, now)),
        ..Release::new(State::Closed, now, record.incident.counts)
    };
    let untold = again_at(&record, after(now, UNTOLD), now);
    Prepared { notice: Some(notice), untold, ..Prepared::silent(record.incident, told) }
}

pub(crate) fn nothing_new(record: Record, due_at: Timestamp, now: Timestamp) -> Prepared {
    let due_at = if is_searched(&record) { due_at.min(after(now, LOOK)) } else { due_at };
    let mut end = again_at(&record, due_at, now);
    // Without a silence, errors counted during this look would otherwise go unnoticed.
    end.due_if_counted = Some(now).filter(|_| end.silent_until.is_none());
    Prepared::silent(record.incident, end)
}

/// Whether CloudWatch still counts errors of this kind. `false` for an incident without account and Region,
/// which has no metrics.
pub(crate) async fn still_failing<W: Services>(
    world: &W,
    incident: &Incident,
    window: Window,
) -> ServiceResult<bool> {
    let Some(place) = incident.place() else { return Ok(false) };
    let watched = incident.facts.metric.as_deref().map(Metric::named);
    if let Some(metric) = watched.filter(|metric| metric.is_of_agent_core()) {
        let behind = world.behind(&place, metric, window).await?;
        let operation = incident.facts.operation.as_deref();
        return Ok(behind.iter().any(|name| operation.is_none_or(|operation| operation == name)));
    }
    let is_mantle = incident.facts.is_of_mantle()
        || incident.facts.metric.as_deref() == Metric::MantleClientErrors.name();
    let metric = match incident.cause.category() {
        _ if is_mantle => Metric::MantleClientErrors,
        Category::Quota => Metric::Throttles,
        Category::Capacity => Metric::ServerErrors,
        _ if incident.cause == Cause::LegacyModel => Metric::LegacyInvocations,
        _ => Metric::ClientErrors,
    };
    let Some(model) = &incident.model else {
        return Ok(!world.behind(&place, metric, window).await?.is_empty());
    };
    if is_mantle {
        let behind = world.behind(&place, metric, window).await?;
        return Ok(behind.iter().any(|id| id == model.as_str()));
    }
    let models = std::slice::from_ref(model);
    let series = world.usage(&place, Endpoint::Runtime, models, window, Period::FiveMinutes).await?;
    Ok(series.iter().flat_map(|s| &s.points).any(|(_, m)| match metric {
        Metric::Throttles => m.throttles > 0.0,
        Metric::ServerErrors => m.server_errors > 0.0,
        // Until the model's end is near, CloudWatch does not count its calls as legacy.
        Metric::LegacyInvocations => m.is_used() || m.client_errors > 0.0,
        _ => m.client_errors > 0.0,
    }))
}

/// Whether the search for the errors behind an alarm goes on, or the alarm went off again.
pub(crate) fn is_searched(record: &Record) -> bool {
    let went_off = |search: &Search| {
        let last = record.incident.last_seen;
        record.incident.is_metric_only() && last.is_some_and(|last| last > search.alarm)
    };
    record.search.as_ref().is_some_and(|search| search.is_on() || went_off(search))
}
