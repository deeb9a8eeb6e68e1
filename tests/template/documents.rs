//! What AWS's documents say, as data in `tests/facts`, judges the template.

use std::collections::BTreeSet;

use bedrock_remediator::event::Metric;
use bedrock_remediator::metrics::{DIMENSION, NAMESPACE, OwnMetric};
use serde_json::Value;

use super::read::{facts, of_type, template, text, texts};

/// One metric as something names it: who, its namespace, its name and its dimensions.
type Named = (String, String, String, Vec<String>);

fn documented() -> Value {
    serde_json::from_str(include_str!("../facts/metrics.json")).unwrap()
}

/// The parts of `SELECT SUM(name) FROM SCHEMA("namespace", dimension, …) …`, and what follows it.
fn query(expression: &str) -> Option<(String, String, Vec<String>, &str)> {
    let (_, selected) = expression.split_once("SELECT ")?;
    let name = selected.split_once('(')?.1.split_once(')')?.0;
    let from = selected.split_once("FROM ")?.1;
    let Some(schema) = from.strip_prefix("SCHEMA(") else {
        // Every series of the namespace that has the dimension by which it is grouped.
        let (namespace, rest) = from.strip_prefix('"')?.split_once('"')?;
        let grouped = rest.split_whitespace().nth(2)?.to_owned();
        return Some((namespace.to_owned(), name.to_owned(), vec![grouped], rest));
    };
    let (schema, rest) = schema.split_once(')')?;
    let mut parts = schema.split(',').map(|part| part.trim().trim_matches('"').to_owned());
    Some((parts.next()?, name.to_owned(), parts.collect(), rest))
}

fn of_alarms(template: &Value) -> Vec<Named> {
    let mut found = Vec::new();
    for (id, alarm) in of_type(template, "AWS::CloudWatch::Alarm") {
        let alarm = &alarm["Properties"];
        if let Some(expression) = alarm["Metrics"][0]["Expression"].as_str() {
            let (namespace, name, dimensions, _) = query(expression).unwrap();
            found.push((id.to_owned(), namespace, name, dimensions));
        } else {
            let word = |key: &str| alarm[key].as_str().unwrap().to_owned();
            let dimensions =
                alarm["Dimensions"].as_array().unwrap().iter().map(|d| text(template, &d["Name"]));
            found.push((id.to_owned(), word("Namespace"), word("MetricName"), dimensions.collect()));
        }
    }
    found
}

fn of_dashboard(template: &Value) -> Vec<Named> {
    let body = template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"].as_str().unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    let widgets = body["widgets"].as_array().unwrap().iter();
    let metrics = widgets.filter_map(|w| w["properties"]["metrics"].as_array()).flatten();
    let named = metrics.map(|metric| {
        if let Some(expression) = metric[0]["expression"].as_str() {
            let (namespace, name, dimensions, _) = query(expression).unwrap();
            return ("dashboard".to_owned(), namespace, name, dimensions);
        }
        let word = |at: usize| metric[at].as_str().unwrap().to_owned();
        ("dashboard".to_owned(), word(0), word(1), vec![word(2)])
    });
    named.collect()
}

/// Metrics that the worlds of the samples name.
fn of_worlds() -> Vec<Named> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/events")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !name.ends_with(".world.json") {
            continue;
        }
        let world: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        for alarm in world["alarms"].as_array().into_iter().flatten() {
            let metric = alarm["metric"].as_str().unwrap().to_owned();
            let (namespace, dimension) = Metric::named(&metric).series();
            found.push((name.clone(), namespace.to_owned(), metric, vec![dimension.to_owned()]));
        }
    }
    found
}

fn of_reader() -> Vec<Named> {
    let named = Metric::NAMED.into_iter().map(|metric| {
        let (namespace, dimension) = metric.series();
        let name = metric.name().unwrap().to_owned();
        ("reader".to_owned(), namespace.to_owned(), name, vec![dimension.to_owned()])
    });
    named.collect()
}

#[cfg(feature = "aws")]
fn of_adapters() -> Vec<Named> {
    let named = bedrock_remediator::aws::metrics().map(|(namespace, name, dimension)| {
        ("adapters".to_owned(), namespace.to_owned(), name.to_owned(), vec![dimension.to_owned()])
    });
    named.collect()
}

#[cfg(not(feature = "aws"))]
fn of_adapters() -> Vec<Named> {
    Vec::new()
}

#[test]
fn every_metric_that_is_named_is_documented_or_our_own() {
    let (documented, template) = (documented(), template());
    let sources = [of_alarms(&template), of_dashboard(&template), of_worlds(), of_reader(), of_adapters()];
    for (who, namespace, name, dimensions) in sources.iter().flatten() {
        if namespace == NAMESPACE {
            assert!(OwnMetric::parse(name).is_some(), "{who}: {name}");
            assert_eq!(dimensions, &[DIMENSION], "{who}: {name}");
            continue;
        }
        let facts = documented.get(namespace).unwrap_or_else(|| panic!("{who}: {namespace}"));
        assert!(texts(&facts["metrics"]).contains(name), "{who}: {namespace} has no {name}");
        let known = texts(&facts["dimensions"]);
        assert!(dimensions.iter().all(|d| known.contains(d)), "{who}: {name} by {dimensions:?}");
        assert!(facts["page"].as_str().unwrap().starts_with("https://docs.aws.amazon.com/"), "{namespace}");
    }
    let counts = sources.each_ref().map(Vec::len);
    assert!(counts[0] >= 13 && counts[1] >= 12 && counts[2] >= 1 && counts[3] == 8, "{counts:?}");
    // Reads of the cache count against no quota: https://docs.aws.amazon.com/bedrock/latest/userguide/quotas-token-burndown.html
    assert!(sources[4].iter().all(|(_, _, name, _)| name != "CacheReadInputTokens"));
    assert!(counts[4] >= 14 || cfg!(not(feature = "aws")), "{counts:?}");
    let used: BTreeSet<&String> = sources.iter().flatten().map(|(_, namespace, ..)| namespace).collect();
    let known: BTreeSet<&String> = documented.as_object().unwrap().keys().collect();
    assert!(known.is_subset(&used), "documented and used by nobody: {:?}", known.difference(&used));
}

/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Create_Metrics_Insights_Alarm.html>
#[test]
fn an_alarm_over_many_series_groups_and_orders_them_and_leaves_none_out() {
    let template = template();
    let mut seen = 0;
    for (id, alarm) in of_type(&template, "AWS::CloudWatch::Alarm") {
        let Some(expression) = alarm["Properties"]["Metrics"][0]["Expression"].as_str() else { continue };
        let (_, _, dimensions, rest) = query(expression).unwrap();
        assert_eq!(dimensions.len(), 1, "{id}");
        assert_eq!(rest, format!(" GROUP BY {} ORDER BY SUM() DESC", dimensions[0]), "{id}");
        seen += 1;
    }
    assert_eq!(seen, 6);
}

#[test]
fn a_name_that_is_unique_in_an_account_carries_the_region() {
    let (facts, template) = (facts(), template());
    let mut named = Vec::new();
    for (kind, fact) in facts["unique_in_an_account"].as_object().unwrap() {
        for (id, resource) in of_type(&template, kind) {
            if let Some(name) = resource["Properties"].get(fact["name"].as_str().unwrap()) {
                let name = text(&template, name);
                assert!(name.contains("us-east-1"), "{id} is called {name} in every Region");
                named.push(id);
            }
        }
    }
    assert_eq!(named, ["Dashboard", "MembersDashboard"]);
}

#[test]
fn the_queue_waits_as_long_and_as_often_as_lambda_asks() {
    let (facts, template) = (facts(), template());
    let resources = &template["Resources"];
    let number = |value: &Value| value.as_i64().unwrap_or_else(|| panic!("{value}"));
    let function = &resources["Function"]["Properties"];
    let source = &function["Events"]["Queue"]["Properties"];
    let (queue, dead) = (&resources["EventQueue"]["Properties"], &resources["DeadLetterQueue"]["Properties"]);
    let (timeout, window) = (number(&function["Timeout"]), number(&source["MaximumBatchingWindowInSeconds"]));

    let rule = &facts["queue_of_a_function"];
    let least = number(&rule["visibility_in_function_timeouts"]) * timeout + window;
    assert!(number(&queue["VisibilityTimeout"]) >= least, "at least {least}");
    let receives = number(&queue["RedrivePolicy"]["maxReceiveCount"]);
    assert!(receives >= number(&rule["least_receive_count"]));

    let batch = &facts["batch_of_a_queue"];
    assert!(number(&source["BatchSize"]) <= number(&batch["largest"]));
    assert!(number(&source["BatchSize"]) <= number(&batch["largest_without_a_window"]) || window >= 1);

    // What is moved to the dead letters keeps the time at which it was sent.
    let (kept, kept_dead) =
        (number(&queue["MessageRetentionPeriod"]), number(&dead["MessageRetentionPeriod"]));
    assert!(kept_dead >= kept && kept_dead <= number(&facts["retention_of_a_queue"]["largest"]));
    let seconds = receives * number(&queue["VisibilityTimeout"]);
    assert!(seconds < kept, "it is tried so often before it expires");
    assert!(seconds >= 10 * 3600, "an outage of hours moves nothing to the dead letters");
}
