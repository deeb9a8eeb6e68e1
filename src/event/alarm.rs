//! Reads CloudWatch alarms in their four forms: EventBridge, contributor, direct action, SNS.
//!
//! Invariant: An alarm contains no error message, only a metric, an account and Region, and perhaps a model. Only an
//! alarm about Bedrock that is in ALARM state, and neither muted nor suppressed, is a signal.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::event::envelope::{Envelope, Malformed, shown};
use crate::event::signal::{AlarmSignal, Metric, Signal};
use crate::event::value::{Maybe, OneOrMany, Text, object, text, time};
use crate::identity::FunctionIdentity;
use crate::ids::{AccountId, AccountRegion, Arn, Region};
use crate::model::ModelId;

/// `detail` of an EventBridge event, and `alarmData` of a direct action.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AlarmDetail<'a> {
    #[serde(borrow, default)]
    alarm_name: Text<'a>,
    #[serde(borrow, default)]
    state: Maybe<AlarmState<'a>>,
    #[serde(borrow, default)]
    configuration: Maybe<Configuration<'a>>,
    #[serde(default)]
    alarm_contributor: Maybe<Contributor>,
    #[serde(borrow, default, rename = "muteDetail")]
    muted: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct AlarmState<'a> {
    #[serde(borrow, default)]
    value: Text<'a>,
    #[serde(borrow, default)]
    timestamp: Text<'a>,
    #[serde(borrow, default)]
    reason_data: Text<'a>,
    #[serde(borrow, default)]
    actions_suppressed_by: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Configuration<'a> {
    #[serde(default)]
    metrics: OneOrMany<MetricQuery>,
    #[serde(borrow, default)]
    alarm_rule: Text<'a>,
}

#[derive(Deserialize)]
struct Contributor {
    #[serde(default)]
    attributes: Value,
}

/// One entry of an alarm's metrics, in EventBridge's or SNS's spelling.
#[derive(Deserialize)]
struct MetricQuery {
    #[serde(rename = "metricStat", alias = "MetricStat", default)]
    stat: Maybe<Stat>,
    #[serde(rename = "expression", alias = "Expression", default, deserialize_with = "text")]
    expression: Option<String>,
}

#[derive(Deserialize)]
struct Stat {
    #[serde(rename = "metric", alias = "Metric", default)]
    metric: Maybe<MetricRef>,
}

/// A metric with its dimensions: an object in EventBridge, a list in SNS.
#[derive(Deserialize, Default, Clone)]
struct MetricRef {
    #[serde(rename = "namespace", alias = "Namespace", default, deserialize_with = "text")]
    namespace: Option<String>,
    #[serde(rename = "name", alias = "MetricName", default, deserialize_with = "text")]
    name: Option<String>,
    #[serde(rename = "dimensions", alias = "Dimensions", default)]
    dimensions: Value,
}

/// A direct action. EventBridge's envelope keys have different names here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Direct<'a> {
    #[serde(borrow, default)]
    alarm_arn: Text<'a>,
    #[serde(borrow, default)]
    account_id: Text<'a>,
    #[serde(borrow, default)]
    region: Text<'a>,
    #[serde(borrow, default)]
    time: Text<'a>,
    #[serde(borrow)]
    alarm_data: &'a RawValue,
}

/// The message that CloudWatch publishes to a topic.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SnsAlarm<'a> {
    #[serde(borrow, default)]
    alarm_name: Text<'a>,
    #[serde(borrow, default)]
    alarm_arn: Text<'a>,
    #[serde(borrow, default, rename = "AWSAccountId")]
    account: Text<'a>,
    #[serde(borrow, default)]
    new_state_value: Text<'a>,
    #[serde(borrow, default)]
    state_change_time: Text<'a>,
    #[serde(borrow, default)]
    alarm_rule: Text<'a>,
    #[serde(default)]
    triggering_children: OneOrMany<Child>,
    #[serde(default)]
    trigger: Maybe<AlarmTrigger>,
}

/// A child of a composite alarm, in EventBridge's or SNS's spelling.
#[derive(Deserialize)]
struct Child {
    #[serde(rename = "arn", alias = "Arn", default, deserialize_with = "text")]
    arn: Option<String>,
    #[serde(rename = "state", alias = "State", default)]
    state: Maybe<ChildState>,
}

#[derive(Deserialize, Default)]
struct ChildState {
    #[serde(rename = "value", alias = "Value", default, deserialize_with = "text")]
    value: Option<String>,
}

/// `reasonData` of a composite alarm.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct ReasonData {
    #[serde(default)]
    triggering_alarms: OneOrMany<Child>,
}

#[derive(Deserialize)]
struct AlarmTrigger {
    #[serde(flatten)]
    single: MetricRef,
    #[serde(rename = "Metrics", default)]
    metrics: OneOrMany<MetricQuery>,
}

/// What the four forms have in common.
struct Alarm<'a> {
    name: &'a str,
    state: &'a str,
    account: Option<AccountId>,
    region: Option<Region>,
    at: Option<&'a str>,
    watched: Vec<MetricRef>,
    expressions: Vec<&'a str>,
    contributor: Option<&'a Value>,
    /// The rule of a composite alarm.
    rule: Option<&'a str>,
    /// The children that set the composite alarm off, as far as the event says.
    triggering: Vec<Child>,
}

/// Reads `detail` of an EventBridge event.
pub(super) fn read_event(
    detail: &str,
    envelope: Envelope<'_>,
    home: &FunctionIdentity,
    at: &str,
) -> Result<Signal, Malformed> {
    let detail: AlarmDetail<'_> = object(detail, at)?;
    Ok(detail.signal(envelope.account, envelope.region, envelope.time, home))
}

/// Reads the payload of a direct action.
pub(super) fn read_direct(text: &str, home: &FunctionIdentity, at: &str) -> Result<Signal, Malformed> {
    let direct: Direct<'_> = object(text, at)?;
    let at = format!("{at}.alarmData");
    let detail: AlarmDetail<'_> = object(direct.alarm_data.get(), &at)?;
    let arn = direct.alarm_arn.get().and_then(Arn::parse);
    let account = direct.account_id.get().or(arn.map(|a| a.account));
    let region = direct.region.get().or(arn.map(|a| a.region));
    Ok(detail.signal(account, region, direct.time.get(), home))
}

/// Reads a message that CloudWatch published to a topic.
pub(super) fn read_sns(text: &str, home: &FunctionIdentity, at: &str) -> Result<Signal, Malformed> {
    let published: SnsAlarm<'_> = object(text, at)?;
    let arn = published.alarm_arn.get().and_then(Arn::parse);
    let account =
        [published.account.get(), arn.map(|a| a.account)].into_iter().flatten().find_map(AccountId::parse);
    // `Region` is a display name here; only the ARN has the code.
    let region = home.region_or(arn.map(|a| a.region));
    let trigger = published.trigger.get();
    let queries = trigger.map_or(&[][..], |t| &*t.metrics);
    let single = trigger.map(|t| t.single.clone()).filter(|w| w.namespace.is_some());
    Ok(Alarm {
        name: published.alarm_name.get().unwrap_or_default(),
        state: published.new_state_value.get().unwrap_or_default(),
        account,
        region,
        at: published.state_change_time.get(),
        watched: single.into_iter().chain(watched(queries)).collect(),
        expressions: expressions(queries),
        contributor: None,
        rule: published.alarm_rule.get(),
        triggering: published.triggering_children.into(),
    }
    .signal())
}

impl AlarmDetail<'_> {
    fn signal(
        &self,
        account: Option<&str>,
        region: Option<&str>,
        at: Option<&str>,
        home: &FunctionIdentity,
    ) -> Signal {
        if self.muted.is_some() {
            return Signal::ignored("the alarm is muted");
        }
        let state = self.state.get();
        if let Some(by) = state.and_then(|s| s.actions_suppressed_by.get()) {
            return Signal::ignored(format!("the alarm's actions are suppressed by {}", shown(by)));
        }
        let reason = state.and_then(|s| s.reason_data.get());
        let reason: ReasonData = reason.and_then(|r| object(r, "reasonData").ok()).unwrap_or_default();
        let configuration = self.configuration.get();
        let queries = configuration.map_or(&[][..], |c| &*c.metrics);
        Alarm {
            name: self.alarm_name.get().unwrap_or_default(),
            state: state.and_then(|s| s.value.get()).unwrap_or_default(),
            account: account.and_then(AccountId::parse),
            region: home.region_or(region),
            at: state.and_then(|s| s.timestamp.get()).or(at),
            watched: watched(queries),
            expressions: expressions(queries),
            contributor: self.alarm_contributor.get().map(|c| &c.attributes),
            rule: configuration.and_then(|c| c.alarm_rule.get()),
            triggering: reason.triggering_alarms.into(),
        }
        .signal()
    }
}

fn watched(queries: &[MetricQuery]) -> Vec<MetricRef> {
    queries.iter().filter_map(|q| q.stat.get()?.metric.get().cloned()).collect()
}

fn expressions(queries: &[MetricQuery]) -> Vec<&str> {
    queries.iter().filter_map(|q| q.expression.as_deref()).collect()
}

impl MetricRef {
    fn metric(&self) -> Option<Metric> {
        Metric::of(self.namespace.as_deref()?, self.name.as_deref().unwrap_or_default())
    }

    /// The dimension `ModelId` of `AWS/Bedrock`, or `Model` of `AWS/BedrockMantle`.
    fn model(&self) -> Option<ModelId> {
        dimension(&self.dimensions, "ModelId")
            .or_else(|| dimension(&self.dimensions, "Model"))
            .and_then(ModelId::parse)
    }
}

fn dimension<'v>(dimensions: &'v Value, name: &str) -> Option<&'v str> {
    match dimensions {
        Value::Object(map) => map.get(name)?.as_str(),
        Value::Array(list) => {
            let key = |d: &Value, key: &str| d.get(key).and_then(Value::as_str).map(str::to_owned);
            let named = |d: &&Value| key(d, "name").or_else(|| key(d, "Name")).as_deref() == Some(name);
            let entry = list.iter().find(named)?;
            entry.get("value").or_else(|| entry.get("Value"))?.as_str()
        }
        _ => None,
    }
}

impl Child {
    fn is_in_alarm(&self) -> bool {
        self.state.get().and_then(|s| s.value.as_deref()) == Some("ALARM")
    }
}

impl Alarm<'_> {
    fn signal(&self) -> Signal {
        if self.state != "ALARM" {
            return Signal::ignored(match self.state {
                "OK" => "the alarm recovered".to_owned(),
                "INSUFFICIENT_DATA" => "the alarm has too little data".to_owned(),
                other => format!("the alarm is in state {}", shown(other)),
            });
        }
        let Some(metric) = self.metric() else {
            return Signal::ignored("an alarm that does not watch Amazon Bedrock");
        };
        let attribute = |name| self.contributor.and_then(|attributes| dimension(attributes, name));
        let contributor = attribute("ModelId").or_else(|| attribute("Model")).and_then(ModelId::parse);
        let mut models: Vec<_> = self.watched.iter().filter_map(MetricRef::model).collect();
        if let Some(contributor) = contributor {
            models = vec![contributor];
        }
        let mut known = std::collections::HashSet::new();
        models.retain(|model| known.insert(model.clone()));
        let operation = attribute("Operation").map(str::to_owned).or_else(|| self.operation());
        let by_model = |e: &&str| e.to_ascii_uppercase().contains("GROUP BY");
        Signal::Alarm(AlarmSignal {
            account: self.account.clone(),
            region: self.region.clone(),
            name: self.name.to_owned(),
            metric,
            has_contributors: models.is_empty() && self.expressions.iter().any(by_model),
            models,
            operation: operation.filter(|_| metric.is_of_agent_core()),
            children: self.children(),
            at: self.at.and_then(time),
        })
    }

    /// The dimension `Operation` of what the alarm watches, if there is only one.
    fn operation(&self) -> Option<String> {
        let mut named: Vec<&str> =
            self.watched.iter().filter_map(|w| dimension(&w.dimensions, "Operation")).collect();
        named.dedup();
        <[&str; 1]>::try_from(named).ok().map(|[one]| one.to_owned())
    }

    /// The children that set a composite alarm off if the alarm says so, otherwise all that its rule names.
    fn children(&self) -> Vec<String> {
        let Some(rule) = self.rule else { return Vec::new() };
        let off = self.triggering.iter().filter(|c| c.is_in_alarm());
        let off: Vec<String> = off.filter_map(|c| name_of(c.arn.as_deref()?)).collect();
        if !off.is_empty() {
            return off;
        }
        let named = rule.split("ALARM(").skip(1).filter_map(|rest| rest.split(')').next());
        named.filter_map(|child| name_of(child.trim().trim_matches(['"', '\'']))).collect()
    }

    /// The most specific metric; `None` if nothing says that the alarm is about Bedrock.
    fn metric(&self) -> Option<Metric> {
        let of_stats = self.watched.iter().filter_map(MetricRef::metric);
        let of_queries = self.expressions.iter().filter_map(|e| selected(e));
        if let Some(metric) = of_stats.chain(of_queries).min() {
            return Some(metric);
        }
        // Of a composite alarm, or an alarm on the account's own metric, only names are known.
        let own_metric =
            self.watched.iter().any(|w| w.namespace.as_deref().is_some_and(|n| !n.starts_with("AWS/")));
        let children = self.children().join(" ");
        let names =
            format!("{} {} {children}", self.name, self.rule.unwrap_or_default()).to_ascii_lowercase();
        ((own_metric || self.rule.is_some()) && names.contains("bedrock")).then(|| {
            let words = [
                ("throttl", Metric::Throttles),
                ("server", Metric::ServerErrors),
                ("client", Metric::ClientErrors),
            ];
            words.iter().find(|(word, _)| names.contains(word)).map_or(Metric::Other, |(_, metric)| *metric)
        })
    }
}

/// An alarm's name, taken from its ARN or as given. Names may contain colons.
fn name_of(alarm: &str) -> Option<String> {
    let name = Arn::parse(alarm).map_or(alarm, |arn| arn.resource.strip_prefix("alarm:").unwrap_or_default());
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// One metric of an alarm, as returned by `DescribeAlarms`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Described {
    /// The namespace, such as `AWS/Bedrock`.
    pub namespace: Option<String>,
    /// The metric name, such as `InvocationThrottles`.
    pub metric: Option<String>,
    /// Name and value of each dimension.
    pub dimensions: Vec<(String, String)>,
    /// A Metrics Insights query or a metric-math expression.
    pub expression: Option<String>,
}

impl AlarmSignal {
    /// The signal of the alarm `name`, which is in ALARM state; `None` unless it watches Bedrock.
    pub fn described(
        place: &AccountRegion,
        name: &str,
        at: Option<Timestamp>,
        metrics: &[Described],
    ) -> Option<Self> {
        let watched = metrics.iter().map(|m| MetricRef {
            namespace: m.namespace.clone(),
            name: m.metric.clone(),
            dimensions: m.dimensions.iter().map(|(n, v)| (n.clone(), Value::from(v.as_str()))).collect(),
        });
        let alarm = Alarm {
            name,
            state: "ALARM",
            account: Some(place.account.clone()),
            region: Some(place.region.clone()),
            at: None,
            watched: watched.collect(),
            expressions: metrics.iter().filter_map(|m| m.expression.as_deref()).collect(),
            contributor: None,
            rule: None,
            triggering: Vec::new(),
        };
        match alarm.signal() {
            Signal::Alarm(alarm) => Some(Self { at, ..alarm }),
            _ => None,
        }
    }
}

/// The metric in `SELECT SUM(InvocationThrottles) FROM …`; `None` unless the query reads a namespace of Bedrock's.
fn selected(expression: &str) -> Option<Metric> {
    let name =
        expression.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map_or("", |(name, _)| name);
    let mut quoted = expression.split('"').skip(1).step_by(2);
    quoted.find_map(|namespace| Metric::of(namespace, name.trim().trim_matches('"')))
}
