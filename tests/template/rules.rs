//! The rules against the samples and against the reader: what is read is delivered, and nothing else is.

use std::collections::{BTreeMap, BTreeSet};

use bedrock_remediator::event::{DIRECT, EVENTS, FAILED_JOB, Signal, read};
use bedrock_remediator::identity::FunctionIdentity;
use serde_json::{Map, Value, json};

use super::read::{of_type, template, text, texts};

/// The patterns of the rules as they are in a stack; the schedule as the pattern of what it sends.
pub(crate) fn patterns() -> BTreeMap<String, Value> {
    patterns_of(&template())
}

/// The same of another template.
pub(crate) fn patterns_of(template: &Value) -> BTreeMap<String, Value> {
    let mut patterns = BTreeMap::new();
    for (id, rule) in of_type(template, "AWS::Events::Rule") {
        // On a bus of its own, and tested with what the members send.
        if id == "MembersRule" {
            continue;
        }
        let pattern = match rule["Properties"].get("EventPattern") {
            Some(pattern) => resolved(template, pattern),
            None => json!({
                "source": ["aws.events"], "detail-type": ["Scheduled Event"], "detail": { "shard": shards(rule) },
            }),
        };
        patterns.insert(id.to_owned(), pattern);
    }
    patterns
}

/// The shards that a rule of the schedule sends ticks for, in the order of its targets.
pub(crate) fn shards(rule: &Value) -> Vec<u64> {
    let targets = rule["Properties"]["Targets"].as_array().unwrap();
    let inputs = targets.iter().map(|target| target["Input"].as_str().unwrap());
    inputs
        .map(|input| serde_json::from_str::<Value>(input).unwrap()["detail"]["shard"].as_u64().unwrap())
        .collect()
}

fn resolved(template: &Value, value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|item| resolved(template, item)).collect(),
        Value::Object(map) if map.contains_key("Ref") || map.contains_key("Fn::Sub") => {
            Value::from(text(template, value))
        }
        Value::Object(map) => {
            map.iter().map(|(k, v)| (k.clone(), resolved(template, v))).collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}

/// Whether EventBridge would let `event` through, as far as the template's patterns go.
/// See <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html>.
pub(crate) fn lets_through(pattern: &Value, event: &Value) -> bool {
    pattern.as_object().unwrap().iter().all(|(key, wanted)| match wanted {
        Value::Array(either) if key == "$or" => either.iter().any(|one| lets_through(one, event)),
        Value::Array(wanted) => wanted.iter().any(|one| match event.get(key) {
            Some(Value::Array(values)) => values.iter().any(|value| fits(one, Some(value))),
            value => fits(one, value),
        }),
        nested => event.get(key).is_some_and(|value| lets_through(nested, value)),
    })
}

fn fits(wanted: &Value, value: Option<&Value>) -> bool {
    let Some((operator, operand)) = wanted.as_object().and_then(|o| o.iter().next()) else {
        return Some(wanted) == value;
    };
    let text = value.and_then(Value::as_str);
    let is = |test: fn(&str, &str) -> bool| {
        text.is_some_and(|text| texts(operand).iter().any(|operand| test(text, operand)))
    };
    match operator.as_str() {
        "exists" => value.is_some() == operand.as_bool().unwrap(),
        "prefix" => is(|text, operand| text.starts_with(operand)),
        "suffix" => is(|text, operand| text.ends_with(operand)),
        "anything-but" => value.is_some() && !fits(operand, value),
        other => panic!("{other}"),
    }
}

/// Every sample that is JSON, by its name; of a batch of the queue each event by itself.
pub(crate) fn samples() -> BTreeMap<String, Value> {
    let mut samples = BTreeMap::new();
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/events")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let Some(name) = name.strip_suffix(".json").filter(|n| !n.contains('.')) else { continue };
        let Ok(event) = serde_json::from_str::<Value>(&std::fs::read_to_string(&path).unwrap()) else {
            continue;
        };
        let bodies = event["Records"].as_array().into_iter().flatten().filter_map(|r| r["body"].as_str());
        let events = bodies.filter_map(|body| serde_json::from_str::<Value>(body).ok());
        let events: Vec<Value> = events.filter(|e| e.get("detail-type").is_some()).collect();
        if events.is_empty() {
            samples.insert(name.to_owned(), event);
        }
        samples.extend(events.into_iter().enumerate().map(|(n, event)| (format!("{name} {n}"), event)));
    }
    samples
}

/// Whether the reader finds something to act on.
fn is_understood(event: &Value) -> bool {
    read(event.to_string().as_bytes(), &FunctionIdentity::default()).is_ok_and(|delivery| {
        let signals = delivery.items.iter().filter_map(|item| item.read.as_ref().ok()).flatten();
        signals.into_iter().any(|signal| !matches!(signal, Signal::Ignored(_)))
    })
}

fn delivered_by(patterns: &BTreeMap<String, Value>, event: &Value) -> Vec<String> {
    patterns.iter().filter(|(_, pattern)| lets_through(pattern, event)).map(|(id, _)| id.clone()).collect()
}

#[test]
fn each_sample_that_is_understood_comes_by_the_rule_of_its_form_or_stands_in_the_list_of_the_others() {
    let patterns = patterns();
    let others: BTreeSet<&str> = DIRECT.iter().flat_map(|(_, _, samples)| samples.iter().copied()).collect();
    let mut delivered = BTreeSet::new();
    for (name, event) in samples() {
        let rules = delivered_by(&patterns, &event);
        if others.contains(name.as_str()) {
            assert!(is_understood(&event) && rules.is_empty(), "{name}: {rules:?}");
        } else if is_understood(&event) {
            let kind = event["detail-type"].as_str().unwrap_or_else(|| panic!("{name} has no rule"));
            let forms = EVENTS.iter().filter(|form| form.detail_type == kind);
            let [rule] = rules.as_slice() else { panic!("{name}: {rules:?}") };
            assert!(forms.into_iter().any(|form| form.rule == rule), "{name}: {rule}");
            delivered.extend(rules);
        }
    }
    let rules: BTreeSet<String> = patterns.into_keys().collect();
    assert_eq!(delivered, rules, "every rule delivers a sample");
}

#[test]
fn what_the_reader_ignores_is_not_delivered() {
    let patterns = patterns();
    let mut ignored = 0;
    for (name, event) in samples() {
        if is_understood(&event) || event.get("detail-type").is_none() {
            continue;
        }
        let rules = delivered_by(&patterns, &event);
        assert!(rules.is_empty(), "{name}: {rules:?}");
        ignored += 1;
    }
    assert!(ignored >= 4, "{ignored}");
}

#[test]
fn the_table_of_forms_names_every_rule_and_every_rule_takes_its_forms() {
    let patterns = patterns();
    let named: BTreeSet<&str> = EVENTS.iter().map(|form| form.rule).collect();
    assert_eq!(named, patterns.keys().map(String::as_str).collect::<BTreeSet<_>>());
    for form in EVENTS {
        let event = json!({ "detail-type": form.detail_type });
        let kinds = kinds(&patterns[form.rule]);
        assert!(!kinds.is_empty(), "{}", form.rule);
        let takes = kinds.iter().any(|kind| lets_through(&json!({ "detail-type": kind }), &event));
        assert!(takes, "{} does not take {}", form.rule, form.detail_type);
    }
}

/// What a pattern asks of the detail-type, in each of its alternatives.
fn kinds(pattern: &Value) -> Vec<Value> {
    let either = pattern["$or"].as_array().into_iter().flatten();
    either.chain([pattern]).filter_map(|one| one.get("detail-type").cloned()).collect()
}

#[test]
fn the_rule_on_jobs_takes_the_states_that_the_reader_takes_for_failures() {
    let patterns = patterns();
    let alternatives = patterns["JobsRule"]["$or"].as_array().unwrap();
    let states = |field: &str| {
        let lists: Vec<_> = alternatives.iter().filter_map(|a| a["detail"].get(field)).collect();
        assert_eq!(lists.len(), 1, "{field}");
        texts(lists[0])
    };
    assert_eq!(states("status"), FAILED_JOB);
    assert_eq!(states("jobStatus"), FAILED_JOB);
}

/// Each condition of a pattern: the way to it, and what it asks for.
fn conditions<'p>(pattern: &'p Value, at: &[&'p str], found: &mut Vec<(Vec<&'p str>, &'p Value)>) {
    for (key, wanted) in pattern.as_object().unwrap() {
        match wanted {
            Value::Array(either) if key == "$or" => {
                for one in either {
                    conditions(one, at, found);
                }
            }
            Value::Array(_) => found.push(([at, &[key]].concat(), wanted)),
            nested => conditions(nested, &[at, &[key]].concat(), found),
        }
    }
}

/// The same event with something else at `way`; `None` if nothing is there.
fn neighbour(event: &Value, way: &[&str], wanted: &Value) -> Option<Value> {
    let mut event = event.clone();
    let (last, above) = way.split_last()?;
    let parent = above.iter().try_fold(&mut event, |at, key| at.get_mut(*key))?.as_object_mut()?;
    parent.get(*last)?;
    match wanted[0].get("anything-but") {
        Some(but) => parent.insert((*last).to_owned(), json!([format!("{}x", but["prefix"][0].as_str()?)])),
        None if wanted[0].get("exists").is_some() => parent.remove(*last),
        None => parent.insert((*last).to_owned(), json!("something else")),
    };
    Some(event)
}

#[test]
fn no_condition_of_a_rule_is_there_in_vain() {
    let samples = samples();
    for (id, pattern) in patterns() {
        let passed: Vec<&Value> = samples.values().filter(|event| lets_through(&pattern, event)).collect();
        let mut all = Vec::new();
        conditions(&pattern, &[], &mut all);
        assert!(!passed.is_empty() && all.len() >= 2, "{id}");
        for (way, wanted) in all {
            let stops = passed.iter().any(|event| {
                neighbour(event, &way, wanted).is_some_and(|changed| !lets_through(&pattern, &changed))
            });
            assert!(stops, "{id}: no sample shows what {way:?} keeps out");
        }
    }
}

#[test]
fn the_page_on_deployment_lists_what_comes_by_no_rule() {
    let page = include_str!("../../docs/deploy.md");
    for (form, way, samples) in DIRECT {
        let samples: Vec<String> = samples.iter().map(|name| format!("`{name}`")).collect();
        let row = format!("| {form} | {way} | {} |", samples.join(", "));
        assert!(page.lines().any(|line| line == row), "the page lacks: {row}");
    }
}
