//! The template against the code and against AWS's documents: what the role may do, what the function reads, what
//! wakes it, and whether AWS has what it names.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod documents;
mod member;
#[cfg(feature = "aws")]
mod permissions;
pub(crate) mod read;
mod rules;

use std::collections::BTreeSet;

use bedrock_remediator::config::guard_rails::GUARD_RAILS;
use bedrock_remediator::config::{Config, Settings};
use bedrock_remediator::diagnosis::CONTROL_PLANE;
use bedrock_remediator::event::{self, Signal};
use bedrock_remediator::identity::FunctionIdentity;
use bedrock_remediator::installation::RuleTrigger;
use bedrock_remediator::metrics::OwnMetric;
use bedrock_remediator::operate::doctor;
use bedrock_remediator::quota::feature::LIMIT_CODES;
use bedrock_remediator::shards::Shards;
use read::{TEMPLATE, template, text, texts};
use serde_json::{Value, json};

#[test]
fn every_guard_rail_is_a_parameter_with_the_codes_default() {
    let template = template();
    let function = &template["Resources"]["Function"]["Properties"];
    let variables = function["Environment"]["Variables"].as_object().unwrap();
    let value = |name: &str| variables.get(name).map(|value| text(&template, value));
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

/// A variable's name as a parameter: `GROWTH_14_DAYS` is `Growth14Days`.
fn parameter_of(variable: &str) -> String {
    let word = |word: &str| {
        let (first, rest) = word.split_at(1);
        format!("{first}{}", rest.to_ascii_lowercase())
    };
    variable.split('_').map(word).collect()
}

#[test]
fn the_page_on_configuration_has_every_parameter_and_its_default() {
    let page = include_str!("../../docs/configuration.md");
    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.trim_matches('|').split(" | ").map(|cell| cell.trim().trim_matches('`')).collect())
        .collect();
    let template = template();
    let parameters = template["Parameters"].as_object().unwrap();
    let documented: BTreeSet<String> = rows
        .iter()
        .map(|row| if row.len() == 4 { parameter_of(row[0]) } else { row[0].to_owned() })
        .collect();
    assert_eq!(documented, parameters.keys().cloned().collect(), "the page's parameters");
    for rail in GUARD_RAILS {
        assert!(parameters.contains_key(&parameter_of(rail.variable)), "{} has no parameter", rail.variable);
    }
    for row in rows.iter().filter(|row| row.len() == 3) {
        let default = match &parameters[row[0]]["Default"] {
            Value::String(none) if none.is_empty() => "none".to_owned(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        assert_eq!(row[1], default, "{}", row[0]);
    }
}

#[test]
fn the_rule_on_calls_leaves_out_the_control_plane_that_the_reader_leaves_out_unless_a_quota_is_exceeded() {
    let template = template();
    let rule = &template["Resources"]["InferenceErrorsRule"]["Properties"];
    assert_eq!(rule["State"], "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS");
    let calls = rule["EventPattern"]["detail"]["$or"].as_array().unwrap();
    assert_eq!(
        *calls,
        [
            json!({
                "eventSource": ["bedrock.amazonaws.com", "bedrock-mantle.amazonaws.com"],
                "eventName": [{ "anything-but": { "prefix": CONTROL_PLANE } }],
                "errorCode": [{ "exists": true }],
            }),
            json!({ "eventSource": ["bedrock.amazonaws.com"], "errorCode": ["ServiceQuotaExceededException"] }),
            json!({ "eventSource": ["bedrock-agentcore.amazonaws.com"], "errorCode": LIMIT_CODES }),
        ]
    );
}

/// See <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html>.
#[test]
fn no_pattern_is_longer_than_eventbridge_takes_by_default() {
    for (id, rule) in read::of_type(&template(), "AWS::Events::Rule") {
        let pattern = rule["Properties"].get("EventPattern").map(Value::to_string);
        assert!(pattern.is_none_or(|pattern| pattern.len() <= 2048), "{id}");
    }
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
        let targets = rule["Properties"]["Targets"].as_array().unwrap();
        assert!((1..=5).contains(&targets.len()), "{name}: EventBridge takes five at most");
        for target in targets {
            assert_eq!((&target["Arn"], &target["DeadLetterConfig"]["Arn"]), (&queue, &dead), "{name}");
        }
        let sender = json!({ "Fn::GetAtt": format!("{name}.Arn") });
        let sender = match rule.get("Condition") {
            Some(condition) => json!({ "Fn::If": [condition, sender, { "Ref": "AWS::NoValue" }] }),
            None => sender,
        };
        assert!(senders.contains(&sender), "{name}");
    }
    let function = &resources["Function"]["Properties"];
    let source = &function["Events"]["Queue"]["Properties"];
    assert_eq!(source["FunctionResponseTypes"], json!(["ReportBatchItemFailures"]));
    assert_eq!(function["DeadLetterQueue"]["TargetArn"], dead);
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
            // As many as a contributor is told of, and none is left out.
            let query = alarm["Metrics"][0]["Expression"].as_str().unwrap();
            let by = if query.contains("AgentCore") { " GROUP BY Operation " } else { " GROUP BY Model" };
            assert!(query.contains(by), "{name}");
        } else {
            health += 1;
            assert!(called.starts_with("${AWS::StackName}-health-"), "{name}");
            assert_eq!(alarm["AlarmActions"], json!([{ "Ref": "OperatorTopic" }]), "{name}");
        }
    }
    assert_eq!((models, health), (6, 14));
    for (alarm, metric) in
        [("TicksMissingAlarm", OwnMetric::Ticks), ("LaterTicksMissingAlarm", OwnMetric::LaterTicks)]
    {
        let alarm = &resources[alarm]["Properties"];
        assert_eq!((&alarm["TreatMissingData"], &alarm["MetricName"]), (&json!("breaching"), &json!(metric)));
    }
}

/// CloudFormation makes or deletes one index of a table in an update, and changes none: a stack of an earlier version
/// could not be updated.
#[test]
fn the_table_has_the_indexes_of_earlier_versions() {
    let before: Value = serde_json::from_str(include_str!("indexes.json")).unwrap();
    let template = template();
    let table = &template["Resources"]["Table"]["Properties"];
    let now = json!({
        "KeySchema": table["KeySchema"], "AttributeDefinitions": table["AttributeDefinitions"],
        "GlobalSecondaryIndexes": table["GlobalSecondaryIndexes"],
    });
    assert_eq!(now, before);
}

#[test]
fn two_rules_send_a_tick_for_each_shard() {
    let template = template();
    let ticks = |rule: &str, half: Shards| {
        let rule = &template["Resources"][rule];
        assert_eq!(rule["Properties"]["ScheduleExpression"]["Fn::Sub"], "rate(${TickMinutes} minutes)");
        let mut read = Vec::new();
        for target in rule["Properties"]["Targets"].as_array().unwrap() {
            let input = target["Input"].as_str().unwrap();
            let delivery = event::read(input.as_bytes(), &FunctionIdentity::default()).unwrap();
            let [item] = delivery.items.as_slice() else { panic!("{input}") };
            let [Signal::Tick { shard: Some(shard) }] = item.read.as_ref().unwrap().as_slice() else {
                panic!("{input}")
            };
            assert!(half.contains(*shard), "{input}");
            read.push(*shard);
        }
        read
    };
    let both = [ticks("TickRule", Shards::FIRST_HALF), ticks("LaterTickRule", Shards::SECOND_HALF)].concat();
    assert_eq!(both, Shards::ALL.iter().collect::<Vec<_>>(), "each shard has one");
}

#[test]
fn the_doctor_looks_at_what_the_stack_has() {
    let template = template();
    let resources = template["Resources"].as_object().unwrap();
    let of = |kind: &'static str| resources.iter().filter(move |(_, r)| r["Type"] == kind);
    let always = of("AWS::Events::Rule").filter(|(_, rule)| rule.get("Condition").is_none());
    let rules: BTreeSet<&str> = always.map(|(id, _)| id.as_str()).collect();
    assert_eq!(doctor::RULES.iter().map(|(id, _)| *id).collect::<BTreeSet<_>>(), rules);
    // What each reacts to tells it where its generated name had to be cut.
    assert_eq!(doctor::TRIGGERS.iter().map(|(id, _)| *id).collect::<BTreeSet<_>>(), rules);
    for (id, on) in doctor::TRIGGERS {
        let rule = &template["Resources"][*id]["Properties"];
        let RuleTrigger::Events(types) = RuleTrigger::of_pattern(&rule["EventPattern"]) else {
            panic!("{id}")
        };
        assert!(on.is_none_or(|on| types.iter().any(|known| known == on)), "{id}: {types:?}");
        assert_eq!(rule.get("ScheduleExpression").is_some(), on.is_none(), "{id}");
    }
    assert!(doctor::TRIGGERS.iter().map(|(id, _)| id).eq(doctor::RULES.iter().map(|(id, _)| id)));
    let name = |alarm: &Value| {
        let name = alarm["Properties"]["AlarmName"]["Fn::Sub"].as_str().unwrap();
        name.strip_prefix("${AWS::StackName}-").unwrap().to_owned()
    };
    // Those of the mantle's models are there only if they are asked for.
    let always = of("AWS::CloudWatch::Alarm").filter(|(_, alarm)| alarm.get("Condition").is_none());
    let alarms: BTreeSet<String> = always.map(|(_, alarm)| name(alarm)).collect();
    assert_eq!(doctor::ALARMS.iter().map(|(end, _)| (*end).to_owned()).collect::<BTreeSet<_>>(), alarms);
}

#[test]
fn the_dashboard_shows_what_is_measured() {
    let template = template();
    let body = template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"].as_str().unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    let mut ends = Vec::new();
    for widget in body["widgets"].as_array().unwrap() {
        let at = |side: &str| widget[side].as_i64().unwrap();
        assert!(at("x") + at("width") <= 24, "{widget}");
        ends.push(at("y") + at("height"));
        for metric in widget["properties"]["metrics"].as_array().into_iter().flatten() {
            // What the function itself measures stands there by the names that it writes.
            if let Some(namespace) = metric[0].as_str() {
                let of = (namespace, &metric[2], &metric[3]);
                assert_eq!(of, ("BedrockRemediator", &json!("FunctionName"), &json!("${Function}")));
                assert!(OwnMetric::parse(metric[1].as_str().unwrap()).is_some(), "{metric}");
            } else {
                let query = metric[0]["expression"].as_str().unwrap();
                assert!(query.contains("SCHEMA(\"AWS/Bedrock\", ModelId) GROUP BY ModelId"), "{query}");
            }
        }
    }
    assert_eq!(ends.len(), 13);
}

#[test]
fn the_members_dashboard_searches_the_log_for_what_the_function_writes() {
    let template = template();
    let dashboard = &template["Resources"]["MembersDashboard"];
    assert_eq!(dashboard["Condition"], "HasOrganization");
    let body = dashboard["Properties"]["DashboardBody"]["Fn::Sub"].as_str().unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    let queries: Vec<&str> = body["widgets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|w| w["properties"]["query"].as_str().unwrap())
        .collect();
    assert!(queries.len() == 3 && queries.iter().all(|query| query.starts_with("SOURCE '${LogGroup}' | ")));
    let log = include_str!("../../src/bin/bootstrap/log.rs");
    for text in ["could not look into a member", "the daily watch of a member is done"] {
        assert!(log.contains(text) && queries.iter().any(|query| query.contains(text)), "{text}");
    }
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
    assert_eq!(table["DeletionProtectionEnabled"], true);
    assert_eq!(table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"], true);
    assert_eq!(table["TimeToLiveSpecification"]["AttributeName"], "ttl");
    // Without one of the two rights neither notices nor the alarms of the function's health arrive:
    // https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
    let key = template["Resources"]["TopicKey"]["Properties"]["KeyPolicy"]["Statement"].as_array().unwrap();
    let rights = json!(["kms:Decrypt", "kms:GenerateDataKey*"]);
    for principal in [
        json!({ "AWS": { "Fn::GetAtt": "FunctionRole.Arn" } }),
        json!({ "Service": "cloudwatch.amazonaws.com" }),
    ] {
        let statement = key.iter().find(|s| s["Principal"] == principal).unwrap();
        assert_eq!(statement["Action"], rights, "{principal}");
    }
    // EventBridge may not use a key of KMS without a right of its own; it needs none for the queues' own encryption.
    for queue in ["EventQueue", "DeadLetterQueue"] {
        let queue = &template["Resources"][queue]["Properties"];
        assert_eq!((&queue["SqsManagedSseEnabled"], queue.get("KmsMasterKeyId")), (&json!(true), None));
    }
    for topic in ["PeopleTopic", "OperatorTopic"] {
        assert_eq!(
            template["Resources"][topic]["Properties"]["KmsMasterKeyId"],
            json!({ "Ref": "TopicKey" })
        );
    }
}

/// The statement `sid` of the resource `id`, and the condition that it depends on.
fn statement<'t>(template: &'t Value, id: &str, sid: &str) -> (&'t Value, Option<&'t str>) {
    let all = template["Resources"][id]["Properties"]["PolicyDocument"]["Statement"].as_array().unwrap();
    let found = all.iter().find_map(|one| match one.get("Fn::If") {
        Some(either) if either[1]["Sid"] == sid => {
            assert_eq!(either[2], json!({ "Ref": "AWS::NoValue" }), "{sid}");
            Some((&either[1], either[0].as_str()))
        }
        None if one["Sid"] == sid => Some((one, None)),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("{id} has no {sid}"))
}

fn is_not_empty(template: &Value, condition: &str, parameter: &str) {
    let condition = &template["Conditions"][condition]["Fn::Not"][0]["Fn::Equals"];
    assert_eq!(condition, &json!([{ "Ref": parameter }, ""]));
    assert_eq!(template["Parameters"][parameter]["Default"], "");
}

#[test]
fn only_what_you_name_may_invoke_the_function_besides_its_queue() {
    let template = template();
    let wanted = [
        ("AlarmsMayInvoke", "HasInvokingAlarm", "InvokingAlarmArn"),
        ("TopicsMayInvoke", "HasInvokingTopic", "InvokingTopicArn"),
    ];
    let permissions = read::of_type(&template, "AWS::Lambda::Permission");
    assert_eq!(permissions.len(), wanted.len());
    for (id, condition, parameter) in wanted {
        let permission = &template["Resources"][id];
        assert_eq!(permission["Condition"], condition);
        assert_eq!(permission["Properties"]["SourceArn"], json!({ "Ref": parameter }), "{id}");
        is_not_empty(&template, condition, parameter);
    }
}

#[test]
fn a_topic_takes_messages_of_its_one_publisher_only() {
    let template = template();
    let health = "arn:aws:cloudwatch:us-east-1:111122223333:alarm:remediator-health-*";
    let (denied, _) = statement(&template, "PeopleTopicPolicy", "NobodyElsePublishes");
    let role = json!({ "ArnNotEquals": { "aws:PrincipalArn": { "Fn::GetAtt": "FunctionRole.Arn" } } });
    assert_eq!((&denied["Effect"], &denied["Condition"]), (&json!("Deny"), &role));
    let (denied, _) = statement(&template, "OperatorTopicPolicy", "NobodyElsePublishes");
    let alarms = &denied["Condition"]["ArnNotLike"]["aws:SourceArn"];
    assert_eq!((&denied["Effect"], text(&template, alarms).as_str()), (&json!("Deny"), health));
    let (allowed, _) = statement(&template, "OperatorTopicPolicy", "AlarmsPublish");
    assert_eq!(text(&template, &allowed["Condition"]["ArnLike"]["aws:SourceArn"]), health);
    let key = template["Resources"]["TopicKey"]["Properties"]["KeyPolicy"]["Statement"].as_array().unwrap();
    let alarms = key.iter().find(|s| s["Sid"] == "AlarmsPublish").unwrap();
    assert_eq!(text(&template, &alarms["Condition"]["ArnLike"]["aws:SourceArn"]), health);
}

#[test]
fn the_queue_takes_messages_of_rules_that_are_named_and_of_people_by_one_role() {
    let template = template();
    let (yours, condition) = statement(&template, "QueuePolicy", "RulesOfYoursDeliver");
    assert_eq!(condition, Some("HasSendingRules"));
    assert_eq!(yours["Principal"], json!({ "Service": "events.amazonaws.com" }));
    assert_eq!(yours["Condition"], json!({ "ArnLike": { "aws:SourceArn": { "Ref": "SendingRuleArns" } } }));
    assert_eq!(template["Parameters"]["SendingRuleArns"]["Default"], "");
    let (denied, condition) = statement(&template, "QueuePolicy", "NobodyElseSends");
    assert_eq!((condition, &denied["Effect"]), (Some("HasRedriveRole"), &json!("Deny")));
    let but = json!({
        "ArnNotLike": { "aws:PrincipalArn": { "Ref": "RedriveRoleArn" } },
        "Bool": { "aws:PrincipalIsAWSService": "false" },
    });
    assert_eq!(denied["Condition"], but);
    is_not_empty(&template, "HasRedriveRole", "RedriveRoleArn");
}

#[test]
fn what_changes_something_and_what_is_searched_lies_in_the_stacks_region() {
    let template = template();
    let mut seen = 0;
    for (id, statement) in read::statements(&template) {
        let actions = texts(&statement["Action"]);
        let is_regional = |action: &String| {
            ["servicequotas:RequestServiceQuotaIncrease", "logs:StartQuery"].contains(&action.as_str())
        };
        if id == "FunctionPolicy" && actions.iter().any(is_regional) {
            let resources = match &statement["Resource"] {
                Value::Array(many) => many.clone(),
                one => vec![one.clone()],
            };
            for resource in &resources {
                assert_eq!(text(&template, resource).split(':').nth(3), Some("us-east-1"), "{resource}");
                seen += 1;
            }
        }
    }
    assert_eq!(seen, 8);
}

#[test]
fn somebody_hears_of_the_functions_health_if_anybody_is_told_at_all() {
    let template = template();
    let subscription = &template["Resources"]["OperatorSubscription"];
    assert_eq!(subscription["Condition"], "HasSomeEmail");
    let either =
        json!([{ "Fn::Condition": "HasNotificationEmail" }, { "Fn::Condition": "HasOperatorEmail" }]);
    assert_eq!(template["Conditions"]["HasSomeEmail"]["Fn::Or"], either);
    let endpoint =
        json!({ "Fn::If": ["HasOperatorEmail", { "Ref": "OperatorEmail" }, { "Ref": "NotificationEmail" }] });
    assert_eq!(subscription["Properties"]["Endpoint"], endpoint);
    // And one alarm rests on what Lambda counts, which nobody else can write.
    let alarm = &template["Resources"]["InvocationsMissingAlarm"]["Properties"];
    assert_eq!((&alarm["Namespace"], &alarm["MetricName"]), (&json!("AWS/Lambda"), &json!("Invocations")));
    assert_eq!((&alarm["TreatMissingData"], &alarm["Threshold"]), (&json!("breaching"), &json!(1)));
}

#[test]
fn the_rights_of_the_policy_simulator_can_be_left_out() {
    let template = template();
    let (simulates, condition) = statement(&template, "FunctionPolicy", "AskWhatPoliciesAllow");
    assert_eq!(condition, Some("SimulatesPolicies"));
    assert_eq!(texts(&simulates["Action"]), ["iam:GetRole", "iam:SimulatePrincipalPolicy"]);
    let chosen = json!({ "Fn::Equals": [{ "Ref": "SimulatePolicies" }, "true"] });
    assert_eq!(template["Conditions"]["SimulatesPolicies"], chosen);
}

#[test]
fn a_ledger_that_exists_takes_the_place_of_a_new_one() {
    let template = template();
    let table = &template["Resources"]["Table"];
    let condition = json!({ "Fn::Equals": [{ "Ref": "ExistingTableName" }, ""] });
    assert_eq!(template["Conditions"][table["Condition"].as_str().unwrap()], condition);
    let function = &template["Resources"]["Function"]["Properties"]["Environment"]["Variables"];
    let either =
        json!({ "Fn::If": [table["Condition"], { "Ref": "Table" }, { "Ref": "ExistingTableName" }] });
    assert_eq!(function["TABLE_NAME"], either);
    assert_eq!(template["Outputs"]["TableName"]["Value"], either);
    let (_, ledger) = read::statements(&template).into_iter().find(|(_, s)| s["Sid"] == "Ledger").unwrap();
    let resources = ledger["Resource"].as_array().unwrap();
    let indexes = table["Properties"]["GlobalSecondaryIndexes"].as_array().unwrap();
    let ends = indexes.iter().map(|i| format!("/index/{}", i["IndexName"].as_str().unwrap()));
    let wanted: Vec<String> = std::iter::once(String::new()).chain(ends).collect();
    for (resource, end) in resources.iter().zip(&wanted) {
        assert_eq!(resource["Fn::Sub"][1]["Name"], either);
        let arn = text(&template, resource);
        assert_eq!(arn, format!("arn:aws:dynamodb:us-east-1:111122223333:table/Table{end}"));
    }
    assert_eq!(resources.len(), wanted.len());
    // Nothing else asks for the table that may not be there.
    let asks = TEMPLATE.lines().filter(|l| l.contains("!Ref Table") || l.contains("Table.Arn"));
    assert!(asks.clone().all(|line| line.contains("!If [MakesTable, ")), "{:?}", asks.collect::<Vec<_>>());
}

#[test]
fn a_notice_goes_from_the_topic_to_the_bus_as_the_machine_reads_it() {
    let template = template();
    let resources = template["Resources"].as_object().unwrap();
    let of = |name: &str| {
        assert_eq!(resources[name]["Condition"], "HasNoticeBus", "{name}");
        &resources[name]["Properties"]
    };
    // The form for queues is the notice as JSON; raw delivery adds no envelope around it.
    let subscription = of("NoticeQueueSubscription");
    assert_eq!(
        (&subscription["Protocol"], &subscription["RawMessageDelivery"]),
        (&json!("sqs"), &json!(true))
    );
    let pipe = of("NoticePipe");
    let target = &pipe["TargetParameters"];
    assert_eq!(target["InputTemplate"], "<$.body>");
    let bus = &target["EventBridgeEventBusParameters"];
    assert_eq!((&bus["Source"], &bus["DetailType"]), (&json!("bedrock-remediator"), &json!("$.body.kind")));
    // One at a time: a notice that the bus refuses holds up no other, and the role reaches this bus alone.
    assert_eq!(pipe["SourceParameters"]["SqsQueueParameters"]["BatchSize"], json!(1));
    let statements = &of("NoticePipeRole")["Policies"][0]["PolicyDocument"]["Statement"];
    assert_eq!(statements[1]["Action"], "events:PutEvents");
    assert_eq!(statements[1]["Resource"], pipe["Target"]);
    assert_eq!(of("NoticeQueue")["RedrivePolicy"]["maxReceiveCount"], json!(10));
    of("NoticeDeadLettersAlarm");
}
