//! The function's logs: JSON lines for people who search, and metrics in CloudWatch's embedded metric
//! format.
//!
//! Invariant: A message is readable alone, identifiers are fields, and nothing of a payload is ever logged.
//! See <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>.

use std::io::Write as _;

use bedrock_remediator::config::LogLevel;
use bedrock_remediator::error::ServiceResult;
use bedrock_remediator::event::Malformed;
use bedrock_remediator::ids::AccountRegion;
use bedrock_remediator::metrics::{DIMENSION, NAMESPACE, OwnMetric};
use bedrock_remediator::notice::Notice;
use bedrock_remediator::plan::Action;
use bedrock_remediator::run::forecast::{ForecastReport, unread};
use bedrock_remediator::run::handler::{DeliveryOutcome, DeliveryReport, IncidentReport};
use bedrock_remediator::run::respond::Response;
use bedrock_remediator::run::sweep::SweepReport;
use bedrock_remediator::shards::Shards;
use bedrock_remediator::text::Safe;
use bedrock_remediator::usage::headroom::QuotaUse;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tracing::level_filters::LevelFilter;
use tracing::{debug, error, info, warn};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    }
}

/// Starts logging. Libraries log only warnings: the SDK's finer levels would print requests and responses.
pub(crate) fn start(level: LogLevel) {
    let json = tracing_subscriber::fmt::layer().json().flatten_event(true).with_current_span(false);
    let json = json.with_span_list(false).with_target(false);
    let level = filter(level);
    let targets = Targets::new()
        .with_target("bootstrap", level)
        // It would repeat what we log about a failed delivery.
        .with_target("lambda_runtime::layers::api_response", LevelFilter::OFF)
        .with_default(level.min(LevelFilter::WARN));
    // Only tests start it twice; the first one stays.
    let _ = tracing_subscriber::registry().with(json).with(targets).try_init();
}

/// Logs why the function cannot start.
pub(crate) fn failed_to_start(why: &dyn std::error::Error) {
    start(LogLevel::Error);
    error!("the function cannot start: {why}");
}

/// Logs that nothing of a delivery could be read.
pub(crate) fn malformed(why: &Malformed) {
    error!("a delivery could not be read: {why}");
    emit(&[(OwnMetric::FailedItems, 1)]);
}

/// Logs that a delivery ran out of time and must be delivered again.
pub(crate) fn out_of_time() {
    error!("the time was up before a delivery was handled; it has to be delivered again");
    emit(&[(OwnMetric::OutOfTime, 1)]);
}

/// Logs the result of a delivery.
pub(crate) fn report(report: &DeliveryReport) {
    for item in report.items.iter().filter(|i| i.failed) {
        let reason = item.reason.as_deref().unwrap_or("it could not be handled");
        let id = item.id.as_deref().and_then(Safe::name);
        error!(item = id.as_deref(), "an item has to be delivered again: {reason}");
    }
    for item in report.items.iter().filter(|i| i.outcome == DeliveryOutcome::Ignored) {
        let id = item.id.as_deref().and_then(Safe::name);
        debug!(item = id.as_deref(), "ignored: {}", item.reason.as_deref().unwrap_or("nothing to act on"));
    }
    report.incidents.iter().for_each(incident);
    for why in &report.unwoken {
        warn!("incidents that follow a request are looked at some minutes later: {why}");
    }
    match &report.swept {
        Some(Ok(swept)) => {
            swept.notices.iter().for_each(told);
            for (id, why) in &swept.failed {
                error!(incident = id, "an incident stays due: {why}");
            }
            match &swept.watched {
                Some(Ok(seen)) => watched(seen),
                Some(Err(why)) => error!("the daily watch could not look: {why}"),
                None => {}
            }
            swept.members.iter().for_each(watched_member);
            match &swept.subscribers {
                Some(Ok(0)) => error!("nobody is told: no subscription of the topic is confirmed"),
                Some(Err(why)) => warn!("whether anybody is told could not be read: {why}"),
                _ => {}
            }
            if swept.out_of_time {
                warn!("the time was up before everything due was looked at; the next tick goes on");
            }
        }
        Some(Err(why)) => error!("the ledger could not be asked for what is due: {why}"),
        None => {}
    }
    emit(&counts(report));
}

/// Logs the quotas that are at least half full, which the dashboard lists.
fn watched(seen: &ForecastReport) {
    for near in seen.quotas.iter().filter(|near| near.share() >= 0.5) {
        let (quota, code) = (near.quota.name.as_str(), near.quota.code.as_str());
        info!(
            quota,
            code,
            percent = percent(near),
            peak = near.peak,
            applied = near.applied,
            "a quota's use"
        );
    }
    for why in &seen.failed {
        error!("the daily watch could not look at everything: {why}");
    }
    info!(
        models = seen.models,
        quotas = seen.quotas.len(),
        ending = seen.ending.len(),
        "the daily watch is done"
    );
}

/// Logs what the daily watch could not read in a member.
fn watched_member((place, seen): &(AccountRegion, ServiceResult<ForecastReport>)) {
    let (account, region) = (place.account.as_str(), place.region.as_str());
    for why in unread(seen) {
        error!(account, region, "the daily watch could not look into a member: {why}");
    }
    if let Ok(seen) = seen {
        let (models, quotas) = (seen.models, seen.quotas.len());
        info!(account, region, models, quotas, "the daily watch of a member is done");
    }
}

/// The use in whole percent, at most 1000.
fn percent(near: &QuotaUse) -> usize {
    // The cast of a number between 0 and 1000 loses only its fraction.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let percent = (near.share() * 100.0).clamp(0.0, 1000.0) as usize;
    percent
}

fn incident(report: &IncidentReport) {
    let incident = &report.incident;
    let id = incident.id.as_str();
    match &report.driven {
        Ok(Some(driven)) => {
            decided(id, driven);
            driven.notice.iter().for_each(told);
        }
        Ok(None) => info!(incident = id, errors = incident.counts.errors, "counted; nothing new to tell"),
        Err(why) if report.recorded => error!(incident = id, "an incident stays due: {why}"),
        Err(why) => error!(incident = id, "the ledger could not be written: {why}"),
    }
}

fn decided(incident: &str, driven: &Response) {
    for action in driven.actions() {
        if let Action::RequestIncrease(i) = action {
            let (code, request) = (i.quota.code.as_str(), i.request_id.as_deref());
            info!(incident, quota = code, request, desired = i.desired, "an increase is requested");
        }
    }
    for withheld in driven.withheld() {
        info!(incident, withheld = withheld.kind.as_str(), "withheld: {}", withheld.reason);
    }
}

fn told(notice: &Notice) {
    info!(
        incident = notice.incident_id.as_ref().map(bedrock_remediator::ids::IncidentId::as_str),
        notice = notice.notice_id,
        kind = notice.kind.as_str(),
        cause = notice.cause.map(bedrock_remediator::diagnosis::Cause::as_str),
        account = notice.account.as_ref().map(bedrock_remediator::ids::AccountId::as_str),
        region = notice.region.as_ref().map(bedrock_remediator::ids::Region::as_str),
        model = notice.model_id.as_ref().map(bedrock_remediator::model::ModelId::as_str),
        "told: {}",
        notice.title
    );
}

fn counts(report: &DeliveryReport) -> Vec<(OwnMetric, usize)> {
    let driven = || report.incidents.iter().filter_map(|i| i.driven.as_ref().ok()?.as_ref());
    let swept = report.swept.as_ref().and_then(|s| s.as_ref().ok());
    let watched = swept.and_then(|s| s.watched.as_ref());
    let fullest = watched.and_then(|w| w.as_ref().ok()?.quotas.first());
    let is_filed =
        |a: &Action| matches!(a, Action::RequestIncrease(i) if i.request_id.is_some() && i.status.is_some());
    let due = report.incidents.iter().filter(|i| i.driven.is_err()).count();
    let notices = driven().filter(|d| d.notice.is_some()).count();
    vec![
        (OwnMetric::Items, report.items.len()),
        (OwnMetric::FailedItems, report.items.iter().filter(|i| i.failed).count()),
        (OwnMetric::Unvouched, report.items.iter().map(|i| i.unvouched).sum()),
        (OwnMetric::Incidents, report.incidents.len()),
        (OwnMetric::Notices, notices + swept.map_or(0, |s| s.notices.len())),
        (OwnMetric::IncreasesRequested, driven().flat_map(Response::actions).filter(is_filed).count()),
        (OwnMetric::Withheld, driven().flat_map(Response::withheld).count()),
        (OwnMetric::StaysDue, due + swept.map_or(0, |s| s.failed.len())),
        (OwnMetric::Ticks, swept.map_or(0, |s| s.shards.among(Shards::FIRST_HALF))),
        (OwnMetric::LaterTicks, swept.map_or(0, |s| s.shards.among(Shards::SECOND_HALF))),
        (OwnMetric::FullestQuota, fullest.map_or(0, percent)),
        (OwnMetric::WatchFailed, usize::from(watched.is_some_and(|watched| !unread(watched).is_empty()))),
        (OwnMetric::MembersUnread, swept.map_or(0, members_unread)),
        (OwnMetric::NobodyTold, usize::from(swept.is_some_and(|s| matches!(s.subscribers, Some(Ok(0)))))),
    ]
}

/// The members of which something could not be read.
fn members_unread(swept: &SweepReport) -> usize {
    swept.members.iter().filter(|(_, seen)| !unread(seen).is_empty()).count()
}

/// Writes one line in the embedded metric format, which CloudWatch Logs turns into metrics. Leaves out zeros:
/// a metric is charged for the hours in which it has data.
fn emit(counts: &[(OwnMetric, usize)]) {
    let counts: Vec<_> = counts.iter().filter(|(_, count)| *count > 0).collect();
    if counts.is_empty() {
        return;
    }
    let function = std::env::var("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default();
    let metrics: Vec<Value> =
        counts.iter().map(|(metric, _)| json!({ "Name": metric, "Unit": metric.unit() })).collect();
    let directive = json!({ "Namespace": NAMESPACE, "Dimensions": [[DIMENSION]], "Metrics": metrics });
    let mut line = Map::new();
    line.insert(
        "_aws".to_owned(),
        json!({ "Timestamp": Timestamp::now().as_millisecond(), "CloudWatchMetrics": [directive] }),
    );
    line.insert(DIMENSION.to_owned(), function.into());
    line.extend(counts.iter().map(|(metric, count)| (metric.as_str().to_owned(), (*count).into())));
    // A failed write of metrics must not fail the delivery.
    let _ = writeln!(std::io::stdout(), "{}", Value::Object(line));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::sync::{Arc, Mutex};

    use bedrock_remediator::quota::{Catalog, Limit, Quota, Variant, find};
    use tracing_subscriber::fmt::MakeWriter;

    use super::*;

    /// Keeps what is logged.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Kept {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    fn quota() -> Quota {
        let model = bedrock_remediator::model::ModelId::parse("us.amazon.nova-lite-v1:0").unwrap();
        find(Catalog::built_in(), &model, Limit::TokensPerMinute, Variant::Standard).quota.unwrap().clone()
    }

    #[test]
    fn the_dashboards_query_asks_for_fields_that_are_written() {
        let kept = Kept::default();
        let json = tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(kept.clone());
        let near = QuotaUse {
            quota: quota(),
            limit: Limit::TokensPerMinute,
            applied: 100.0,
            peak: 80.0,
            growth: None,
        };
        let seen = ForecastReport { quotas: vec![near], ..ForecastReport::default() };
        tracing::subscriber::with_default(tracing_subscriber::registry().with(json), || watched(&seen));
        let log = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        let line: Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();

        let template = include_str!("../../../template.yaml");
        let query = template.split_once("SOURCE '${LogGroup}' | ").unwrap().1.split_once('"').unwrap().0;
        let latest = query.split("latest(").skip(1).map(|rest| rest.split(')').next().unwrap());
        let by = query.split(" by ").nth(1).unwrap().split(' ').next().unwrap();
        let present = query.split("ispresent(").nth(1).unwrap().split(')').next().unwrap();
        let asked: Vec<&str> = latest.chain([by, present]).collect();
        assert_eq!(asked, ["percent", "peak", "applied", "quota", "percent"]);
        for field in asked {
            assert!(line.get(field).is_some(), "{field} in {line}");
        }
    }
}
