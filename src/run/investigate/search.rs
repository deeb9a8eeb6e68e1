//! Searches for the errors behind an alarm of which only the metric is known: cheapest source first, in several
//! looks.
//!
//! Invariant: A look costs at most nine calls (incidents in the ledger, the volume, four pages of CloudTrail, two
//! log searches, whether invocation logging is on). Errors found become their own incidents. If nothing is found,
//! the notice says where we looked.

use futures_util::future::join_all;
use jiff::Timestamp;

use crate::config::Config;
use crate::diagnosis::{Cause, diagnose};
use crate::error::ServiceResult;
use crate::event::{ErrorSignal, Metric};
use crate::evidence::{Evidence, SearchStep};
use crate::ids::{AccountRegion, IncidentId};
use crate::incident::flood::bounded;
use crate::incident::record::{Claim, Lease, Record, Release, State};
use crate::incident::schedule::LATER;
use crate::incident::search::{LogKind, LogQuery, Search};
use crate::incident::{Incident, Symptom, fold};
use crate::ports::{Clock, Ledger, Records, Services, ask};
use crate::run::context::RunContext;
use crate::run::investigate::{explains, known, since};
use crate::time::{Window, after};
use crate::usage::Minute;

/// Number of looks. At one every five minutes, they cover the longest delay of CloudTrail.
const LOOKS: u32 = 6;
/// CloudTrail returns 50 events a call, and allows two calls a second.
const PAGE: usize = 50;
const PAGES: usize = 4;
/// CloudTrail is read only if at least this many errors are expected among the events read.
const HOPE: f64 = 3.0;

/// The result of a look.
#[derive(Debug, Default)]
pub(crate) struct SearchOutcome {
    /// Where we looked, and what was there.
    pub(crate) looked: Vec<SearchStep>,
    /// The state of the search after this look.
    pub(crate) search: Option<Search>,
    /// Whether the incident's own cause became known.
    pub(crate) is_named: bool,
    /// Other incidents that were found behind the alarm and must be driven.
    pub(crate) others: Vec<RelatedIncident>,
    /// The first of these, if it replaces the incident.
    pub(crate) superseded_by: Option<IncidentId>,
    /// Evidence for the plan, if it was just gathered.
    pub(crate) evidence: Option<Evidence>,
}

/// An incident that was found behind another one's alarm. We hold its lease.
#[derive(Debug)]
pub struct RelatedIncident {
    pub(crate) lease: Lease,
    pub(crate) record: Record,
    /// Where it was found.
    pub(crate) looked: Vec<SearchStep>,
}

impl RelatedIncident {
    /// The incident, and what is already known about it.
    pub(crate) fn open(self) -> (Lease, Record, Option<SearchOutcome>) {
        (self.lease, self.record, Some(SearchOutcome { looked: self.looked, ..SearchOutcome::default() }))
    }
}

impl SearchOutcome {
    /// Whether the look found anything new.
    pub(crate) fn is_news(&self) -> bool {
        self.is_named || self.superseded_by.is_some() || !self.others.is_empty()
    }
}

/// Takes the next look for errors behind `record`, if only its metric is known. Errors of its own fingerprint
/// name its cause; all others are claimed as incidents. An error means that the ledger could not be written.
pub(crate) async fn learn<W: Services>(
    world: &W,
    terms: &RunContext<'_>,
    record: &mut Record,
    until: Timestamp,
) -> ServiceResult<SearchOutcome> {
    let now = world.now();
    // The calls of AgentCore's data plane are data events, and its logs are its agents' own.
    let is_searched = record.incident.is_metric_only() && !record.incident.facts.is_of_agent_core();
    let Some(place) = record.incident.place().filter(|_| is_searched) else {
        return Ok(SearchOutcome::default());
    };
    let alarm = record.incident.last_seen.unwrap_or(now).min(now);
    let begun = record.search.take().filter(|search| search.alarm >= alarm);
    let is_first = begun.is_none();
    let mut search = begun.unwrap_or(Search { alarm, looks: LOOKS, queries: Vec::new() });
    if search.looks == 0 {
        return Ok(SearchOutcome { search: Some(search), ..SearchOutcome::default() });
    }
    search.looks -= 1;
    let window = Window { from: since(search.alarm), to: now };
    let metric = metric_of(&record.incident);
    let (seen, trail, logs, logging) = tokio::join!(
        ask(world, until, world.seen(&place, window.from)),
        of_trail(world, &place, metric, window, until),
        of_logs(world, terms.config, &place, window, &search.queries, is_first, until),
        async {
            let is_asked = is_first && may_be_logged(terms.config, metric);
            if is_asked { Some(ask(world, until, world.invocation_logging(&place)).await) } else { None }
        },
    );
    let mut learnt = SearchOutcome::default();
    let relevant = |errors: Vec<ErrorSignal>| symptoms(errors, terms, &record.incident, metric);
    let from_trail = relevant(trail.errors);
    learnt.looked.push(trail.looked.found(from_trail.len()));
    learnt.looked.extend(logs.looked);
    learnt.looked.extend(logging.map(SearchStep::InvocationLogging));
    search.queries = logs.going_on;
    // Several sources have the same error; CloudTrail has the most detail.
    let found = if from_trail.is_empty() { relevant(logs.errors) } else { from_trail };
    for (n, mut incident) in bounded(fold(found)).into_iter().enumerate() {
        incident.items.clear();
        if n == 0 && incident.id != record.incident.id {
            incident.counts.alarms = record.incident.counts.alarms;
        }
        take_in(world, terms, record, incident, &mut learnt).await?;
    }
    explain(seen, &record.incident, metric, &mut learnt);
    if learnt.is_news() {
        search = Search { looks: 0, queries: Vec::new(), ..search };
    }
    // An increase request that was filed on the metric alone is followed to its end.
    if learnt.is_named || record.followed.is_some() {
        learnt.superseded_by = None;
    }
    learnt.search = Some(search);
    Ok(learnt)
}

/// Whether it matters that Bedrock may log invocations to a log group that the operator did not name.
fn may_be_logged(config: &Config, metric: Metric) -> bool {
    config.invocation_log_group.is_none() && metric != Metric::MantleClientErrors
}

/// Looks among the incidents that the ledger has `seen` for one that explains the alarm, unless the errors behind it
/// were found.
fn explain(
    seen: ServiceResult<Vec<Incident>>,
    incident: &Incident,
    metric: Metric,
    learnt: &mut SearchOutcome,
) {
    let mut seen = match seen {
        Ok(seen) => seen,
        Err(error) => {
            learnt.looked.push(SearchStep::LedgerUnread(error));
            return;
        }
    };
    // Errors counted for the incident itself meanwhile are left to the next look.
    seen.retain(|other| other.id != incident.id);
    if let Some(known) = known(&seen, metric, incident.model.as_ref(), None).filter(|_| !learnt.is_news()) {
        learnt.superseded_by = Some(known.id.clone());
    }
}

/// Counts an error that was found, as the incident's own cause or as its own incident.
async fn take_in<W: Ledger + Clock>(
    world: &W,
    terms: &RunContext<'_>,
    record: &mut Record,
    found: Incident,
    learnt: &mut SearchOutcome,
) -> ServiceResult<()> {
    let (id, before) = (found.id.clone(), record.incident.cause.remedy());
    let now = world.now();
    let claim = world.claim(&found, now, terms.allowance.lease).await?;
    if id == record.incident.id {
        record.incident.count(&found);
        learnt.is_named = true;
        return Ok(());
    }
    learnt.superseded_by.get_or_insert(id);
    let Claim::Mine(lease, other) = claim else { return Ok(()) };
    match record.notices.last() {
        // People already know what to do, from a notice under the other incident's name.
        Some(told) if other.incident.cause.remedy() == before && other.notices.is_empty() => {
            let due_at = after(told.at, LATER.min(terms.config.notice_cool_down)).max(now);
            let end = Release {
                silent_until: Some(due_at),
                told: Some(told.clone()),
                ..Release::new(State::Told, due_at, other.incident.counts)
            };
            world.finish(&lease, &end).await
        }
        _ => {
            let looked = learnt.looked.iter().filter(|l| l.is_hit()).cloned().collect();
            learnt.others.push(RelatedIncident { lease, record: *other, looked });
            Ok(())
        }
    }
}

/// The metric that the alarm watched, as far as the incident tells.
fn metric_of(incident: &Incident) -> Metric {
    let named = incident.facts.metric.as_deref().map(Metric::named);
    named.unwrap_or(match incident.cause {
        Cause::RateUnspecified => Metric::Throttles,
        Cause::InternalError => Metric::ServerErrors,
        Cause::LegacyModel => Metric::LegacyInvocations,
        _ => Metric::Other,
    })
}

/// The symptoms of those `errors` that are of the incident's model, can have moved its metric, and are not
/// the function's own.
fn symptoms(
    errors: Vec<ErrorSignal>,
    terms: &RunContext<'_>,
    incident: &Incident,
    metric: Metric,
) -> Vec<Symptom> {
    let is_own = |caller: &String| terms.home.is_own_call(caller, incident.account.as_ref());
    let errors = errors.into_iter().filter(|e| !e.caller.as_ref().is_some_and(is_own));
    let of_model = errors.filter(|e| incident.model.is_none() || e.model == incident.model);
    let read = of_model.map(|mut e| {
        e.account.clone_from(&incident.account);
        e.region.clone_from(&incident.region);
        let found = diagnose(&e.text());
        Symptom::of_error(&e, found, 0)
    });
    read.filter(|s| {
        s.diagnosis.cause != Cause::Unrelated && explains(metric, s.diagnosis.cause, &s.diagnosis.facts)
    })
    .collect()
}

/// The result from CloudTrail.
struct FromTrail {
    looked: SearchStep,
    errors: Vec<ErrorSignal>,
}

/// Reads CloudTrail's event history, unless the window has too many calls: the history cannot be filtered by
/// errors.
/// See <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html>.
async fn of_trail<W: Services>(
    world: &W,
    place: &AccountRegion,
    metric: Metric,
    window: Window,
    until: Timestamp,
) -> FromTrail {
    let most = PAGES * PAGE;
    if metric == Metric::MantleClientErrors {
        return FromTrail { looked: SearchStep::NotInTrail, errors: Vec::new() };
    }
    // If the volume is unknown, read CloudTrail anyway.
    if let Ok(volume) = ask(world, until, world.volume(place, window)).await
        && let Some(calls) = too_many(&volume, metric, most)
    {
        return FromTrail { looked: SearchStep::TrailTooBusy { calls, most }, errors: Vec::new() };
    }
    match ask(world, until, world.recorded(place, window, most)).await {
        Ok(recorded) => FromTrail {
            looked: SearchStep::Trail { read: recorded.read, is_whole: recorded.is_whole, found: 0 },
            errors: recorded.errors,
        },
        Err(error) => FromTrail { looked: SearchStep::TrailUnread(error), errors: Vec::new() },
    }
}

/// The number of calls, if too few errors are expected among the `most` events that are read.
fn too_many(volume: &Minute, metric: Metric, most: usize) -> Option<f64> {
    // AWS describes `Invocations` in two ways: successful calls, or admitted calls including those that failed
    // later. Neither includes throttles. This is a lower bound under both descriptions. Under the first there may
    // be more calls, but at most twice as many, and only if every other call failed; then errors are found at once.
    let calls = volume.invocations.max(volume.client_errors + volume.server_errors) + volume.throttles;
    let failed = match metric {
        Metric::Throttles => volume.throttles,
        Metric::ServerErrors => volume.server_errors,
        Metric::ClientErrors => volume.client_errors,
        // CloudWatch counts the mantle endpoint's calls and AgentCore's in their own namespaces.
        Metric::MantleClientErrors
        | Metric::AgentCoreThrottles
        | Metric::AgentCoreServerErrors
        | Metric::AgentCoreClientErrors => 0.0,
        Metric::LegacyInvocations | Metric::Other => {
            volume.throttles + volume.client_errors + volume.server_errors
        }
    };
    // The number of calls never comes near 2^53.
    #[allow(clippy::cast_precision_loss)]
    let most = most as f64;
    // CloudWatch may not have counted any of the errors yet; then read anyway.
    (calls > most && failed > 0.0 && failed / calls * most < HOPE).then_some(calls)
}

/// The result from logs, and the searches still running.
#[derive(Default)]
struct FromLogs {
    looked: Vec<SearchStep>,
    errors: Vec<ErrorSignal>,
    going_on: Vec<LogQuery>,
}

/// Searches the log groups that the operator named. The first look starts the search, later looks read the results.
async fn of_logs<W: Records + Clock>(
    world: &W,
    config: &Config,
    place: &AccountRegion,
    window: Window,
    queries: &[LogQuery],
    is_first: bool,
    until: Timestamp,
) -> FromLogs {
    let mut from = FromLogs::default();
    if is_first {
        let invocations: Vec<String> = config.invocation_log_group.iter().cloned().collect();
        let begin = async |kind, groups: &[String]| match groups {
            [] => None,
            groups => Some(ask(world, until, world.start_query(place, kind, groups, window)).await),
        };
        let (one, two) = tokio::join!(
            begin(LogKind::Invocation, &invocations),
            begin(LogKind::Application, &config.application_log_groups)
        );
        for (kind, begun) in [(LogKind::Invocation, one), (LogKind::Application, two)] {
            match begun {
                Some(Ok(query)) => {
                    from.looked.push(SearchStep::LogsGoingOn(kind));
                    from.going_on.push(query);
                }
                Some(Err(error)) => from.looked.push(SearchStep::LogsUnread(kind, error)),
                None => from.looked.push(SearchStep::LogsNotNamed(kind)),
            }
        }
        return from;
    }
    let answers = queries.iter().map(|query| ask(world, until, world.query_results(place, query)));
    for (query, answer) in queries.iter().zip(join_all(answers).await) {
        match answer {
            Ok(Some(errors)) => {
                from.looked.push(SearchStep::Logs { kind: query.kind, found: errors.len() });
                from.errors.extend(errors);
            }
            Err(error) if !error.is_passing() => from.looked.push(SearchStep::LogsUnread(query.kind, error)),
            Ok(None) | Err(_) => from.going_on.push(query.clone()),
        }
    }
    from
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_drown_by_either_description_of_what_counts_as_an_invocation() {
        // 10,000 calls with this many failures: `Invocations` without and with the failed calls.
        let volumes = |failed: f64| {
            [10_000.0 - failed, 10_000.0].map(|invocations| Minute {
                invocations,
                client_errors: failed,
                ..Minute::NONE
            })
        };
        for (failed, is_read) in
            [(3.0, false), (100.0, false), (200.0, true), (5_000.0, true), (9_900.0, true)]
        {
            for volume in volumes(failed) {
                let given_up = too_many(&volume, Metric::ClientErrors, 200);
                assert_eq!(given_up.is_none(), is_read, "{volume:?}: {given_up:?}");
            }
        }
        // All of them fail, so by one description there are no invocations at all.
        let all = Minute { client_errors: 500.0, ..Minute::NONE };
        assert_eq!(too_many(&all, Metric::ClientErrors, 200), None);
        // Neither description counts throttles as invocations.
        let throttled = Minute { invocations: 9_900.0, throttles: 100.0, ..Minute::NONE };
        assert_eq!(too_many(&throttled, Metric::Throttles, 200), Some(10_000.0));
    }
}
