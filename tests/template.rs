//! The template against the code: what the role may do, what the function reads, what wakes it.

#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeSet;

use bedrock_remediator::aws::ACTIONS;
use bedrock_remediator::config::{Config, Settings};
use bedrock_remediator::diagnosis::INFERENCE_OPERATIONS;
use bedrock_remediator::doctor;
use saphyr::{LoadableYamlNode as _, Scalar, Yaml};
use serde_json::{Value, json};

const TEMPLATE: &str = include_str!("../template.yaml");

/// Rights that no adapter uses itself, and who does.
const USED_BY_OTHERS: &[(&str, &str)] = &[
    ("iam:CreateServiceLinkedRole", "Service Quotas, at the first increase request of an account"),
    ("logs:CreateLogStream", "Lambda, for the function's log"),
    ("logs:PutLogEvents", "Lambda, for the function's log"),
    ("sqs:DeleteMessage", "Lambda, for what was handled"),
    ("sqs:GetQueueAttributes", "Lambda, to scale"),
    ("sqs:ReceiveMessage", "Lambda, to fetch batches"),
    ("sqs:SendMessage", "Lambda, to keep asynchronous invocations that failed"),
];

/// YAML as the JSON that it is short for.
fn long_form(node: &Yaml<'_>) -> Value {
    match node {
        Yaml::Value(Scalar::Null) | Yaml::BadValue | Yaml::Alias(_) => Value::Null,
        Yaml::Value(Scalar::Boolean(b)) => json!(b),
        Yaml::Value(Scalar::Integer(n)) => json!(n),
        Yaml::Value(Scalar::FloatingPoint(n)) => json!(n.into_inner()),
        Yaml::Value(Scalar::String(text)) | Yaml::Representation(text, ..) => json!(text),
        Yaml::Sequence(items) => items.iter().map(long_form).collect(),
        Yaml::Mapping(pairs) => {
            pairs.iter().map(|(k, v)| (k.as_str().unwrap().to_owned(), long_form(v))).collect()
        }
        Yaml::Tagged(tag, inner) => {
            let name = if tag.suffix == "Ref" { "Ref".to_owned() } else { format!("Fn::{}", tag.suffix) };
            json!({ name: long_form(inner) })
        }
    }
}

fn template() -> Value {
    long_form(&Yaml::load_from_str(TEMPLATE).unwrap()[0])
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(one) => vec![one.clone()],
        Value::Array(many) => many.iter().map(|t| t.as_str().unwrap().to_owned()).collect(),
        other => panic!("{other} is neither a text nor a list"),
    }
}

fn statements(template: &Value) -> Vec<Value> {
    let policy = &template["Resources"]["FunctionPolicy"]["Properties"]["PolicyDocument"];
    // What depends on a condition counts as granted.
    let granted = |s: &Value| s.get("Fn::If").map_or_else(|| s.clone(), |either| either[1].clone());
    policy["Statement"].as_array().unwrap().iter().map(granted).collect()
}

#[test]
fn the_role_may_do_what_the_adapters_call_and_nothing_else() {
    let template = template();
    let granted: BTreeSet<String> = statements(&template).iter().flat_map(|s| texts(&s["Action"])).collect();
    let called = ACTIONS.iter().flat_map(|(_, actions)| actions.iter().copied());
    let wanted: BTreeSet<String> =
        called.chain(USED_BY_OTHERS.iter().map(|(action, _)| *action)).map(str::to_owned).collect();
    assert_eq!(granted, wanted);
    let role = &template["Resources"]["FunctionRole"]["Properties"];
    assert!(role.get("ManagedPolicyArns").is_none() && role.get("Policies").is_none());
}

#[test]
fn what_changes_something_is_granted_on_named_resources_only() {
    for statement in statements(&template()) {
        let reads = texts(&statement["Action"]).iter().all(|action| {
            let name = action.split(':').nth(1).unwrap();
            ["Describe", "Get", "List", "Lookup"].iter().any(|verb| name.starts_with(verb))
        });
        assert!(statement["Resource"] != "*" || reads, "{statement}");
        assert!(!statement["Action"].to_string().contains('*'), "{statement}");
    }
}

#[test]
fn every_guard_rail_is_a_parameter_with_the_codes_default() {
    let template = template();
    let (parameters, function) = (&template["Parameters"], &template["Resources"]["Function"]["Properties"]);
    let variables = function["Environment"]["Variables"].as_object().unwrap();
    let value = |name: &str| -> Option<String> {
        match &variables.get(name)?["Ref"] {
            Value::String(parameter) => match parameters.get(parameter).map(|p| &p["Default"]) {
                Some(Value::String(text)) => Some(text.clone()),
                Some(number @ Value::Number(_)) => Some(number.to_string()),
                Some(other) => panic!("{other}"),
                None if name == "TOPIC_ARN" => Some("arn:aws:sns:us-east-1:111122223333:people".to_owned()),
                None => Some(parameter.clone()),
            },
            _ => None,
        }
    };
    let asked = std::cell::RefCell::new(BTreeSet::new());
    let settings = Settings::from_vars(|name| {
        asked.borrow_mut().insert(name.to_owned());
        value(name)
    });
    let deployed = format!("{:?}", settings.unwrap().config);
    assert_eq!(deployed, format!("{:?}", Config::default()), "as deployed without a choice");
    let given: BTreeSet<String> = variables.keys().cloned().collect();
    assert_eq!(given, asked.into_inner(), "each variable that is read is given, and none is given in vain");
}

#[test]
fn the_rule_on_calls_matches_the_inference_operations() {
    let template = template();
    let rule = &template["Resources"]["InferenceErrorsRule"]["Properties"];
    let named: BTreeSet<String> = texts(&rule["EventPattern"]["detail"]["eventName"]).into_iter().collect();
    let known: BTreeSet<String> = INFERENCE_OPERATIONS.iter().map(|o| (*o).to_owned()).collect();
    assert_eq!(named, known);
    assert_eq!(rule["State"], "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS");
    assert_eq!(rule["EventPattern"]["detail"]["errorCode"], json!([{ "exists": true }]));
}

#[test]
fn nothing_that_wakes_it_is_lost_on_the_way() {
    let template = template();
    let resources = template["Resources"].as_object().unwrap();
    let kind = |kind: &'static str| resources.iter().filter(move |(_, r)| r["Type"] == kind);
    let queue = json!({ "Fn::GetAtt": "EventQueue.Arn" });
    let dead = json!({ "Fn::GetAtt": "DeadLetterQueue.Arn" });
    let senders = &resources["QueuePolicy"]["Properties"]["PolicyDocument"]["Statement"][0]["Condition"];
    let senders = senders["ArnEquals"]["aws:SourceArn"].as_array().unwrap();
    assert_eq!(kind("AWS::Events::Rule").count(), senders.len());
    for (name, rule) in kind("AWS::Events::Rule") {
        let target = &rule["Properties"]["Targets"][0];
        assert_eq!((&target["Arn"], &target["DeadLetterConfig"]["Arn"]), (&queue, &dead), "{name}");
        assert!(senders.contains(&json!({ "Fn::GetAtt": format!("{name}.Arn") })), "{name}");
    }
    let function = &resources["Function"]["Properties"];
    let source = &function["Events"]["Queue"]["Properties"];
    assert_eq!(source["FunctionResponseTypes"], json!(["ReportBatchItemFailures"]));
    assert_eq!((&source["BatchSize"], &source["MaximumBatchingWindowInSeconds"]), (&json!(1000), &json!(5)));
    assert_eq!(function["DeadLetterQueue"]["TargetArn"], dead);
    let queue = &resources["EventQueue"]["Properties"];
    let visible = queue["VisibilityTimeout"].as_i64().unwrap();
    assert_eq!((visible, &function["Timeout"]), (6 * 60, &json!(60)));
    assert_eq!(queue["RedrivePolicy"]["maxReceiveCount"], 10);
    assert_eq!(queue["MessageRetentionPeriod"], 14 * 86_400);
}

#[test]
fn alarms_over_models_speak_through_rules_and_health_only_to_operators() {
    let template = template();
    let resources = template["Resources"].as_object().unwrap();
    let alarms = resources.iter().filter(|(_, r)| r["Type"] == "AWS::CloudWatch::Alarm");
    let (mut models, mut health) = (0, 0);
    for (name, alarm) in alarms {
        let alarm = &alarm["Properties"];
        let called = alarm["AlarmName"]["Fn::Sub"].as_str().unwrap();
        if called.starts_with("${AWS::StackName}-models-") {
            models += 1;
            assert!(alarm.get("AlarmActions").is_none(), "{name}");
            assert_eq!(alarm["TreatMissingData"], "notBreaching", "{name}");
            let query = alarm["Metrics"][0]["Expression"].as_str().unwrap();
            assert!(query.contains("GROUP BY Model"), "{name}");
        } else {
            health += 1;
            assert!(called.starts_with("${AWS::StackName}-health-"), "{name}");
            assert_eq!(alarm["AlarmActions"], json!([{ "Ref": "OperatorTopic" }]), "{name}");
        }
    }
    assert_eq!((models, health), (6, 9));
    assert_eq!(resources["TicksMissingAlarm"]["Properties"]["TreatMissingData"], "breaching");
    assert_eq!(resources["NobodyToldAlarm"]["Properties"]["MetricName"], "NobodyTold");
}

#[test]
fn the_doctor_looks_at_what_the_stack_has() {
    let template = template();
    let resources = template["Resources"].as_object().unwrap();
    let of = |kind: &'static str| resources.iter().filter(move |(_, r)| r["Type"] == kind);
    let rules: BTreeSet<&str> = of("AWS::Events::Rule").map(|(id, _)| id.as_str()).collect();
    assert_eq!(doctor::RULES.iter().map(|(id, _)| *id).collect::<BTreeSet<_>>(), rules);
    // What each reacts to tells it where its generated name had to be cut.
    for (id, on) in doctor::TRIGGERS {
        let rule = &template["Resources"][*id]["Properties"];
        let types = rule["EventPattern"].get("detail-type").map(texts).unwrap_or_default();
        assert_eq!(types, on.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>(), "{id}");
        assert_eq!(rule.get("ScheduleExpression").is_some(), on.is_none(), "{id}");
    }
    let name = |alarm: &Value| {
        let name = alarm["Properties"]["AlarmName"]["Fn::Sub"].as_str().unwrap();
        name.strip_prefix("${AWS::StackName}-").unwrap().to_owned()
    };
    // Those of the mantle's models are there only if they are asked for.
    let always = of("AWS::CloudWatch::Alarm").filter(|(_, alarm)| alarm.get("Condition").is_none());
    let alarms: BTreeSet<String> = always.map(|(_, alarm)| name(alarm)).collect();
    assert_eq!(doctor::ALARMS.iter().map(|(end, _)| (*end).to_owned()).collect::<BTreeSet<_>>(), alarms);
    let asked: BTreeSet<&str> =
        doctor::RIGHTS.iter().flat_map(|(_, actions)| actions.iter().copied()).collect();
    let called: BTreeSet<&str> = ACTIONS.iter().flat_map(|(_, actions)| actions.iter().copied()).collect();
    assert_eq!(asked, called);
}

#[test]
fn the_dashboard_shows_what_is_measured() {
    let template = template();
    let body = template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"].as_str().unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    let log = include_str!("../src/bin/bootstrap/log.rs");
    let mut ends = Vec::new();
    for widget in body["widgets"].as_array().unwrap() {
        let at = |side: &str| widget[side].as_i64().unwrap();
        assert!(at("x") + at("width") <= 24, "{widget}");
        ends.push(at("y") + at("height"));
        if let Some(query) = widget["properties"]["query"].as_str() {
            assert!(query.starts_with("SOURCE '${LogGroup}' | filter ispresent(percent)"), "{query}");
            for field in ["percent = percent(near)", "peak = near.peak", "applied = near.applied"] {
                assert!(log.contains(field), "{field}");
            }
        }
        for metric in widget["properties"]["metrics"].as_array().into_iter().flatten() {
            // What the function itself measures stands there by the names that it writes.
            if let Some(namespace) = metric[0].as_str() {
                let of = (namespace, &metric[2], &metric[3]);
                assert_eq!(of, ("BedrockRemediator", &json!("FunctionName"), &json!("${Function}")));
                assert!(log.contains(&format!("({}, ", metric[1])), "{metric}");
            } else {
                let query = metric[0]["expression"].as_str().unwrap();
                assert!(query.contains("SCHEMA(\"AWS/Bedrock\", ModelId) GROUP BY ModelId"), "{query}");
            }
        }
    }
    assert_eq!(ends.len(), 13);
}

#[test]
fn it_deploys_in_every_partition_and_keeps_the_ledger() {
    assert!(!TEMPLATE.contains("arn:aws:"), "AWS::Partition everywhere");
    let template = template();
    let table = &template["Resources"]["Table"];
    assert_eq!(
        (&table["DeletionPolicy"], &table["UpdateReplacePolicy"]),
        (&json!("Retain"), &json!("Retain"))
    );
    let table = &table["Properties"];
    assert_eq!(table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"], true);
    assert_eq!(table["TimeToLiveSpecification"]["AttributeName"], "ttl");
    let key = template["Resources"]["TopicKey"]["Properties"]["KeyPolicy"].to_string();
    assert!(key.contains("cloudwatch.amazonaws.com") && key.contains("FunctionRole.Arn"));
    for topic in ["PeopleTopic", "OperatorTopic"] {
        assert_eq!(
            template["Resources"][topic]["Properties"]["KmsMasterKeyId"],
            json!({ "Ref": "TopicKey" })
        );
    }
}
