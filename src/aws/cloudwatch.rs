//! Reads CloudWatch's metrics and alarms.
//! See <https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-runtime-metrics.html>.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{
    AlarmType, Dimension, DimensionFilter, Metric as SdkMetric, MetricAlarm, MetricDataQuery,
    MetricDataResult, MetricStat, ScanBy, StateValue, StatusCode,
};
use jiff::Timestamp;

use crate::aws::clients::{Aws, timestamp};
use crate::aws::error;
use crate::aws::regional::Regional;
use crate::error::{ServiceError, ServiceResult};
use crate::event::{AlarmSignal, Described, Metric};
use crate::iam_action::IamAction;
use crate::ids::AccountRegion;
use crate::model::ModelId;
use crate::ports::Telemetry;
use crate::time::Window;
use crate::usage::{Endpoint, Minute, Period, Series};

/// Models in one request. CloudWatch takes 500 metrics in one request. One day by the minute of this many models
/// is three pages of results, and never more than that is held at a time.
const MOST_MODELS: usize = 20;

type Put = fn(&mut Minute, f64);

/// Each metric that is read, and the field it sets.
#[rustfmt::skip]
const METRICS: &[(&str, Put)] = &[
    ("Invocations", |m, v| m.invocations = v),
    ("InvocationThrottles", |m, v| m.throttles = v),
    ("InvocationClientErrors", |m, v| m.client_errors = v),
    ("InvocationServerErrors", |m, v| m.server_errors = v),
    ("InputTokenCount", |m, v| m.input_tokens = v),
    ("OutputTokenCount", |m, v| m.output_tokens = v),
    ("CacheWriteInputTokens", |m, v| m.cache_write_tokens = v),
    ("EstimatedTPMQuotaUsage", |m, v| m.quota_tokens = Some(v)),
    ("LegacyModelInvocations", |m, v| m.legacy_invocations = v),
];

/// The same for the bedrock-mantle endpoint, which counts throttles among the client errors.
#[rustfmt::skip]
const MANTLE_METRICS: &[(&str, Put)] = &[
    ("Inferences", |m, v| m.invocations = v),
    ("InferenceClientErrors", |m, v| m.client_errors = v),
    ("TotalInputTokens", |m, v| m.input_tokens = v),
    ("TotalOutputTokens", |m, v| m.output_tokens = v),
];

/// Where the metrics of one endpoint stand.
struct Namespace {
    name: &'static str,
    /// The dimension that names the model.
    dimension: &'static str,
    metrics: &'static [(&'static str, Put)],
    /// The metric that every model in use has.
    calls: &'static str,
}

const RUNTIME: Namespace =
    Namespace { name: "AWS/Bedrock", dimension: "ModelId", metrics: METRICS, calls: "Invocations" };
const MANTLE: Namespace =
    Namespace { name: "AWS/BedrockMantle", dimension: "Model", metrics: MANTLE_METRICS, calls: "Inferences" };

const fn namespace(endpoint: Endpoint) -> &'static Namespace {
    match endpoint {
        Endpoint::Runtime => &RUNTIME,
        Endpoint::Mantle => &MANTLE,
    }
}

/// The metrics that count calls.
const COUNTS: &[&str] =
    &["Invocations", "InvocationThrottles", "InvocationClientErrors", "InvocationServerErrors"];

/// Every metric that is read: its namespace, its name and the dimension that names the model.
pub(crate) fn metrics() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let read = [RUNTIME, MANTLE]
        .into_iter()
        .flat_map(|of| of.metrics.iter().map(move |(name, _)| (of.name, *name, of.dimension)));
    let watched = Metric::NAMED.into_iter().filter_map(|metric| {
        let (namespace, dimension) = metric.series();
        Some((namespace, metric.name()?, dimension))
    });
    read.chain(watched)
}

/// The dimensions by which alarms over many series name the contributors; see [`Metric::series`].
const DIMENSIONS: [&str; 3] = ["ModelId", "Model", "Operation"];

/// The query for `metric` by model or operation, highest sum first; `None` for a metric without a name.
fn by_series(metric: Metric) -> Option<String> {
    let (name, (namespace, dimension)) = (metric.name()?, metric.series());
    // The series of AgentCore have further dimensions, which differ between its parts.
    let from = if metric.is_of_agent_core() {
        format!("\"{namespace}\"")
    } else {
        format!("SCHEMA(\"{namespace}\", {dimension})")
    };
    Some(format!("SELECT SUM({name}) FROM {from} GROUP BY {dimension} ORDER BY SUM() DESC LIMIT 100"))
}

fn date(time: Timestamp) -> DateTime {
    DateTime::from_secs(time.as_second())
}

/// The period of a query over all models, in seconds: the finest at which 100 series fit one result of 100,800
/// points, and no finer than CloudWatch evaluates.
fn period_over(window: Window) -> i32 {
    match window.to.duration_since(window.from).as_hours() {
        ..3 => 60,
        3..72 => 300,
        _ => 3600,
    }
}

/// The query for the metric `name`, at index `metric` of its namespace, of the model at index `model`.
fn query(
    of: &Namespace,
    (model, id): (usize, &ModelId),
    (metric, name): (usize, &str),
    period: Period,
) -> MetricDataQuery {
    let dimension = Dimension::builder().name(of.dimension).value(id.as_str()).build();
    let measured = SdkMetric::builder().namespace(of.name).metric_name(name).dimensions(dimension).build();
    let stat = MetricStat::builder()
        .metric(measured)
        .period(60 * period.minutes().cast_signed())
        .stat("Sum")
        .build();
    MetricDataQuery::builder().id(format!("m{model}_{metric}")).metric_stat(stat).build()
}

/// The indexes of the model and the metric in a result's id; see [`query`].
fn which(id: &str) -> Option<(usize, usize)> {
    let (model, metric) = id.strip_prefix('m')?.split_once('_')?;
    Some((model.parse().ok()?, metric.parse().ok()?))
}

impl Regional {
    /// Reads all pages of a result.
    async fn metric_data(
        &self,
        queries: Vec<MetricDataQuery>,
        window: Window,
    ) -> ServiceResult<Vec<MetricDataResult>> {
        let call = self
            .metrics
            .get_metric_data()
            .set_metric_data_queries(Some(queries))
            .start_time(date(window.from))
            .end_time(date(window.to))
            .scan_by(ScanBy::TimestampAscending);
        let mut pages = call.into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| error::of_read(IamAction::GetMetricData, &e))?;
            found.extend(page.metric_data_results.unwrap_or_default());
        }
        whole(&found)?;
        Ok(found)
    }
}

/// Returns an error if the last page of a series says that data is missing, because partial data would look like
/// lower use. A series that spans pages is partial until its last page.
/// See <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataResult.html>.
fn whole(results: &[MetricDataResult]) -> ServiceResult<()> {
    let last: BTreeMap<_, _> =
        results.iter().map(|result| ((result.id(), result.label()), result.status_code())).collect();
    let missing = last.into_values().flatten().find(|status| **status != StatusCode::Complete);
    match missing {
        None => Ok(()),
        Some(StatusCode::Forbidden) => Err(ServiceError::denied(IamAction::GetMetricData)),
        Some(status) => {
            Err(ServiceError::Unavailable(format!("CloudWatch's answer is not whole: {}", status.as_str())))
        }
    }
}

/// One series for each of `models` models, in their order.
fn series(
    of: &Namespace,
    results: &[MetricDataResult],
    models: usize,
    period: Period,
) -> impl Iterator<Item = Series> {
    let mut points: Vec<BTreeMap<Timestamp, Minute>> = vec![BTreeMap::new(); models];
    let length = f64::from(period.minutes());
    for result in results {
        let Some((model, metric)) = result.id().and_then(which) else { continue };
        let (Some(points), Some((_, put))) = (points.get_mut(model), of.metrics.get(metric)) else {
            continue;
        };
        for (at, value) in result.timestamps().iter().zip(result.values()) {
            let Some(at) = timestamp(at) else { continue };
            put(points.entry(at).or_default(), value / length);
        }
    }
    points.into_iter().map(move |points| Series::of(period, points.into_iter().collect()))
}

impl Telemetry for Aws {
    async fn usage(
        &self,
        place: &AccountRegion,
        endpoint: Endpoint,
        models: &[ModelId],
        window: Window,
        period: Period,
    ) -> ServiceResult<Vec<Series>> {
        let (region, of) = (self.at(place).await?, namespace(endpoint));
        let mut all = Vec::new();
        for models in models.chunks(MOST_MODELS) {
            let queries = models.iter().enumerate().flat_map(|(n, model)| {
                let metrics = of.metrics.iter().enumerate();
                metrics.map(move |(m, (name, _))| query(of, (n, model), (m, name), period))
            });
            let results = region.metric_data(queries.collect(), window).await?;
            all.extend(series(of, &results, models.len(), period));
        }
        Ok(all)
    }

    async fn used(&self, place: &AccountRegion, endpoint: Endpoint) -> ServiceResult<Vec<ModelId>> {
        let of = namespace(endpoint);
        let by_model = DimensionFilter::builder().name(of.dimension).build();
        let call = self.at(place).await?.metrics.list_metrics().namespace(of.name).metric_name(of.calls);
        let mut pages = call.dimensions(by_model).into_paginator().send();
        let mut used: Vec<ModelId> = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| error::of_read(IamAction::ListMetrics, &e))?;
            for metric in page.metrics() {
                // Metrics with further dimensions count the same calls again.
                if let [dimension] = metric.dimensions() {
                    used.extend(dimension.value().and_then(ModelId::parse).filter(|id| !used.contains(id)));
                }
            }
        }
        Ok(used)
    }

    /// Uses one Metrics Insights query, which returns the highest sum first.
    async fn behind(
        &self,
        place: &AccountRegion,
        metric: Metric,
        window: Window,
    ) -> ServiceResult<Vec<String>> {
        let expression =
            by_series(metric).ok_or_else(|| ServiceError::invalid("the metric has no name to ask by"))?;
        let region = self.at(place).await?;
        let query = MetricDataQuery::builder().id("models").expression(expression);
        let query = query.period(period_over(window)).build();
        let results = region.metric_data(vec![query], window).await?;
        let moved = results.iter().filter(|r| r.values().iter().any(|v| *v > 0.0));
        let mut labels: Vec<String> = Vec::new();
        // A result that spans pages appears once on each page.
        for label in moved.filter_map(MetricDataResult::label) {
            if !labels.iter().any(|known| known == label) {
                labels.push(label.to_owned());
            }
        }
        Ok(labels)
    }

    async fn volume(&self, place: &AccountRegion, window: Window) -> ServiceResult<Minute> {
        let queries = METRICS.iter().enumerate().filter(|(_, (name, _))| COUNTS.contains(name));
        let queries = queries.map(|(metric, (name, _))| {
            let all = format!("SUM(SEARCH('{{AWS/Bedrock,ModelId}} MetricName=\"{name}\"', 'Sum', 60))");
            MetricDataQuery::builder().id(format!("m0_{metric}")).expression(all).build()
        });
        let results = self.at(place).await?.metric_data(queries.collect(), window).await?;
        let mut all = Minute::default();
        for result in &results {
            if let Some((_, put)) = result.id().and_then(which).and_then(|(_, m)| METRICS.get(m)) {
                put(&mut all, result.values().iter().sum());
            }
        }
        Ok(all)
    }

    async fn contributors(&self, place: &AccountRegion, alarm: &str) -> ServiceResult<Option<Vec<String>>> {
        let region = self.at(place).await?;
        let (mut series, mut next): (Vec<String>, Option<String>) = (Vec::new(), None);
        loop {
            let call = region.metrics.describe_alarm_contributors().alarm_name(alarm);
            let page = call.set_next_token(next).send().await;
            let Some(page) = error::of_lookup(IamAction::DescribeAlarmContributors, page)? else {
                return Ok(None);
            };
            let attributes = page.alarm_contributors().iter().map(|c| c.contributor_attributes());
            let of = |named: &HashMap<String, String>| {
                DIMENSIONS.iter().find_map(|dimension| named.get(*dimension)).cloned()
            };
            series.extend(attributes.flatten().filter_map(of));
            next = page.next_token;
            if next.is_none() {
                return Ok(Some(series));
            }
        }
    }

    async fn alarms(&self, place: &AccountRegion, names: &[String]) -> ServiceResult<Vec<AlarmSignal>> {
        let call = self.at(place).await?.metrics.describe_alarms().set_alarm_names(Some(names.to_vec()));
        let answer = call.alarm_types(AlarmType::MetricAlarm).state_value(StateValue::Alarm).send().await;
        let answer = answer.map_err(|e| error::of_read(IamAction::DescribeAlarms, &e))?;
        let described = answer.metric_alarms().iter().filter_map(|alarm| {
            let at = alarm.state_updated_timestamp().and_then(timestamp);
            AlarmSignal::described(place, alarm.alarm_name()?, at, &described(alarm))
        });
        Ok(described.collect())
    }
}

/// What an alarm watches: one metric, or several with expressions over them.
fn described(alarm: &MetricAlarm) -> Vec<Described> {
    let of = |namespace: Option<&str>, name: Option<&str>, dimensions: &[Dimension]| Described {
        namespace: namespace.map(str::to_owned),
        metric: name.map(str::to_owned),
        dimensions: dimensions
            .iter()
            .filter_map(|d| Some((d.name()?.to_owned(), d.value()?.to_owned())))
            .collect(),
        expression: None,
    };
    let one = of(alarm.namespace(), alarm.metric_name(), alarm.dimensions());
    let many = alarm.metrics().iter().map(|query| {
        let metric = query.metric_stat().and_then(|stat| stat.metric());
        let named = metric.map(|m| of(m.namespace(), m.metric_name(), m.dimensions()));
        Described { expression: query.expression().map(str::to_owned), ..named.unwrap_or_default() }
    });
    std::iter::once(one).chain(many).collect()
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn each_endpoints_metric_is_asked_for_in_its_own_namespace() {
        let query = |metric| by_series(metric).unwrap_or_default();
        assert_eq!(
            query(Metric::Throttles),
            "SELECT SUM(InvocationThrottles) FROM SCHEMA(\"AWS/Bedrock\", ModelId) GROUP BY ModelId ORDER BY SUM() DESC LIMIT 100"
        );
        assert_eq!(
            query(Metric::MantleClientErrors),
            "SELECT SUM(InferenceClientErrors) FROM SCHEMA(\"AWS/BedrockMantle\", Model) GROUP BY Model ORDER BY SUM() DESC LIMIT 100"
        );
        assert_eq!(
            query(Metric::AgentCoreThrottles),
            "SELECT SUM(Throttles) FROM \"AWS/Bedrock-AgentCore\" GROUP BY Operation ORDER BY SUM() DESC LIMIT 100"
        );
        assert_eq!(by_series(Metric::Other), None);
    }

    #[test]
    fn half_an_answer_is_none() {
        let answer = |statuses: &[StatusCode]| {
            let result = |status: &StatusCode| {
                MetricDataResult::builder().id("m0_0").label("calls").status_code(status.clone()).build()
            };
            whole(&statuses.iter().map(result).collect::<Vec<_>>())
        };
        let (complete, partial) = (StatusCode::Complete, StatusCode::PartialData);
        assert_eq!(answer(&[]), Ok(()));
        assert_eq!(
            answer(&[partial.clone(), complete.clone()]),
            Ok(()),
            "all pages but the last are partial"
        );
        for statuses in [&[partial.clone()][..], &[StatusCode::InternalError], &[complete, partial]] {
            assert!(matches!(answer(statuses), Err(ServiceError::Unavailable(_))), "{statuses:?}");
        }
        let denied = ServiceError::denied(IamAction::GetMetricData);
        assert_eq!(answer(&[StatusCode::Forbidden]), Err(denied));
    }

    #[test]
    fn a_hundred_series_of_any_window_fit_one_answer() {
        let from: Timestamp = "2026-11-20T00:00:00Z".parse().unwrap();
        for (minutes, period) in
            [(15, 60), (179, 60), (180, 300), (24 * 60, 300), (72 * 60, 3600), (15 * 24 * 60, 3600)]
        {
            let window = Window { from, to: from + SignedDuration::from_mins(minutes) };
            assert_eq!(period_over(window), period, "{minutes}");
            assert!(minutes * 60 / i64::from(period) * 100 <= 100_800, "{minutes}");
        }
    }
}
