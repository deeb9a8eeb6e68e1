//! Nothing of what somebody else wrote leaves: every source of errors against every output.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::cell::Cell;

use crate::support::canary::{PROMPT, assert_clean, job, packed, quoted, sources, strings};
use crate::support::story::*;
use bedrock_remediator::config::Config;
use bedrock_remediator::event::read;
use bedrock_remediator::identity::FunctionIdentity;
use bedrock_remediator::run::context::RunContext;
use bedrock_remediator::run::handler::{DeliveryReport, handle};
use bedrock_remediator::sandbox::{Sandbox, WorldFile};
use serde_json::{Value, json};

/// Everything that leaves: the forms of the messages, what the ledger keeps, what is logged and printed.
fn outputs(world: &Sandbox, report: &DeliveryReport) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for message in world.messages() {
        all.push(("subject".to_owned(), message.subject.clone()));
        all.push(("attributes".to_owned(), format!("{:?}", message.attributes)));
        let forms: Value = serde_json::from_str(&message.body).unwrap();
        for (name, form) in forms.as_object().unwrap() {
            // Of a form that is JSON the strings count as they are once it is read.
            let text = form.as_str().unwrap();
            let read: Option<Value> = serde_json::from_str(text).ok();
            let strings = read.as_ref().map(strings).unwrap_or_default();
            all.push((name.clone(), format!("{text}\n{}", strings.join("\n"))));
        }
    }
    for row in world.incidents() {
        let facts = serde_json::to_value(&row.record.incident.facts).unwrap();
        all.push(("facts in the ledger".to_owned(), strings(&facts).join("\n")));
    }
    for item in &report.items {
        all.push(("reason in the log".to_owned(), item.reason.clone().unwrap_or_default().into_owned()));
    }
    all
}

/// All that the ledger keeps. Names of callers are kept as they are, for IAM is asked about them.
fn kept(world: &Sandbox) -> Vec<(String, String)> {
    world.incidents().iter().map(|row| ("the ledger".to_owned(), format!("{:?}", row.record))).collect()
}

#[test]
fn no_text_of_an_error_is_in_any_output_whatever_its_source() {
    let mut told = 0;
    for quoted in quoted() {
        for (source, payload) in sources(&quoted) {
            let world = sandbox(WorldFile::default());
            let report = deliver(&world, &payload);
            let outputs = outputs(&world, &report);
            told += world.messages().len();
            assert_clean(&format!("{source}: {quoted}"), &outputs);
            let is_name = quoted.starts_with("User: ");
            assert_clean(source, &if is_name { Vec::new() } else { kept(&world) });
        }
    }
    // A source that tells nothing would prove nothing.
    assert!(told >= quoted().len() * 8, "{told}");
}

/// Each string of `value` changed by itself.
fn with_each_string(value: &Value, change: &dyn Fn(&str) -> String) -> Vec<Value> {
    match value {
        Value::String(text) => vec![json!(change(text))],
        Value::Array(list) => {
            let inner = list.iter().enumerate().map(|(n, v)| (n, with_each_string(v, change)));
            let one = |n: usize, other: Value| {
                let mut list = list.clone();
                list[n] = other;
                Value::Array(list)
            };
            inner.flat_map(|(n, others)| others.into_iter().map(move |other| one(n, other))).collect()
        }
        Value::Object(map) => {
            let inner = map.iter().map(|(key, v)| (key, with_each_string(v, change)));
            let one = |key: &String, other: Value| {
                let mut map = map.clone();
                map.insert(key.clone(), other);
                Value::Object(map)
            };
            inner.flat_map(|(key, others)| others.into_iter().map(move |other| one(key, other))).collect()
        }
        _ => Vec::new(),
    }
}

#[test]
fn a_prompt_or_a_lure_in_half_the_strings_of_every_sample_is_in_no_output() {
    // One string gets prose, the next a lure that has the shape of a name.
    let is_prose = Cell::new(false);
    let change = |text: &str| {
        let is_next = !is_prose.get();
        if is_prose.replace(is_next) {
            format!("{text} {PROMPT}")
        } else {
            format!("{text}-narwhal.example/<@U777>")
        }
    };
    let mut told = 0;
    for (k, name) in samples().iter().enumerate() {
        let event: Value = serde_json::from_str(&sample(name)).unwrap_or_default();
        // Two strings are tried and two are not; in the next sample it is the other way round.
        let tried =
            with_each_string(&event, &change).into_iter().enumerate().filter(|(n, _)| (n / 2 + k) % 2 == 0);
        for (_, payload) in tried {
            let world = sandbox(WorldFile::default());
            let terms = RunContext {
                config: &Config::default(),
                home: &FunctionIdentity::default(),
                allowance: ALLOWANCE,
            };
            match block_on(handle(&world, &terms, payload.to_string().as_bytes())) {
                Ok(report) => {
                    told += world.messages().len();
                    assert_clean(&format!("{name}: {payload}"), &outputs(&world, &report));
                }
                Err(malformed) => assert_clean(name, &[("error".to_owned(), malformed.to_string())]),
            }
        }
    }
    assert!(told > 500, "{told}");
}

#[test]
fn names_that_callers_choose_are_no_links_and_no_mentions() {
    for name in
        ["<@U777>", "ocelot@narwhal.example", "narwhal.example", "+1-555-0142", "AKIAZZZZZZZZZZZZZZZZ"]
    {
        for (of, arn) in [
            ("user", format!("arn:aws:iam::111122223333:user/{name}")),
            ("role", format!("arn:aws:sts::111122223333:assumed-role/{name}/session")),
            ("session", format!("arn:aws:sts::111122223333:assumed-role/app/{name}")),
        ] {
            let mut event: Value =
                serde_json::from_str(&error("us-east-1", "amazon.nova-lite-v1:0", "AccessDeniedException", &format!("User: {arn} is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0 because no identity-based policy allows the bedrock:InvokeModel action"))).unwrap();
            event["detail"]["userIdentity"] = json!({ "arn": arn });
            event["detail"]["userAgent"] = json!(format!("{name}/1.0"));
            let world = sandbox(WorldFile::default());
            let report = deliver(&world, &event.to_string());
            assert!(!world.messages().is_empty(), "{arn}");
            assert_clean(of, &outputs(&world, &report));
        }
    }
}

#[test]
fn an_unknown_error_says_where_its_text_can_be_read() {
    let told = |payload: &str| {
        let world = sandbox(WorldFile::default());
        deliver(&world, payload);
        let steps = world.published().pop().unwrap().next_steps;
        steps.into_iter().filter_map(|s| s.command).collect::<Vec<_>>().join("\n")
    };
    let line = json!({ "awslogs": { "data": packed("/app/x", "bedrock error: what is that") } });
    assert!(told(&line.to_string()).contains("aws logs get-log-events --log-group-name '/app/x' --log-stream-name '2026/11/20/[$LATEST]abc' --start-time 1795185125000 --end-time 1795185125001"));
    let odd = json!({ "awslogs": { "data": packed("'; rm -rf /", "bedrock error: what is that") } });
    assert!(!told(&odd.to_string()).contains("rm -rf"));
    let mut record: Value =
        serde_json::from_str(&error("us-east-1", "amazon.nova-lite-v1:0", "WeirdException", "odd")).unwrap();
    record["detail"]["eventID"] = json!("48db6a7a-b967-4607-867a-e6a7a7fcfb89");
    assert!(told(&record.to_string()).contains(
        "AttributeKey=EventId,AttributeValue=48db6a7a-b967-4607-867a-e6a7a7fcfb89 --region us-east-1"
    ));
    record["detail"]["eventID"] = json!("$(reboot)");
    assert!(!told(&record.to_string()).contains("reboot"));
    assert!(told(&job("odd").to_string()).contains("aws bedrock get-model-invocation-job --job-identifier 'arn:aws:bedrock:us-east-1:111122223333:model-invocation-job/abcdefghwxyz'"));
}

/// Every way of one value for another in `value`.
fn changed(value: &Value, by: &Value) -> Vec<Value> {
    let mut all = vec![by.clone()];
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                for other in changed(inner, by) {
                    let mut map = map.clone();
                    map.insert(key.clone(), other);
                    all.push(Value::Object(map));
                }
            }
        }
        Value::Array(list) => {
            for (n, inner) in list.iter().enumerate() {
                for other in changed(inner, by) {
                    let mut list = list.clone();
                    list[n] = other;
                    all.push(Value::Array(list));
                }
            }
        }
        _ => {}
    }
    all
}

#[test]
fn why_something_is_malformed_or_ignored_quotes_nothing_of_it() {
    let samples = [
        "throttle-tokens",
        "alarm-sns",
        "alarm-direct",
        "alarm-math",
        "health-issue",
        "job-failed",
        "logs-invocation",
        "batch-mixed",
        "logs-kinesis",
    ];
    let odd = [json!(PROMPT), json!([PROMPT]), json!({ PROMPT: PROMPT }), json!({ "zebrafish": 1 })];
    for name in samples {
        let event: Value = serde_json::from_str(&sample(&format!("{name}.json"))).unwrap();
        for payload in odd.iter().flat_map(|odd| changed(&event, odd)) {
            let said = match read(payload.to_string().as_bytes(), &FunctionIdentity::default()) {
                Ok(delivery) => delivery
                    .items
                    .iter()
                    .filter_map(|i| i.read.as_ref().err().map(ToString::to_string))
                    .collect(),
                Err(malformed) => vec![malformed.to_string()],
            };
            for said in said {
                assert!(said.len() < 200, "{name}: {said}");
                assert_clean(name, &[("reason".to_owned(), said)]);
            }
        }
        for payload in changed(&event, &json!(PROMPT)) {
            let text = payload.to_string();
            for end in [text.len() / 3, text.len() / 2, text.len() - 1] {
                let cut = text.as_bytes().get(..end).unwrap();
                let said =
                    read(cut, &FunctionIdentity::default()).err().map(|m| m.to_string()).unwrap_or_default();
                assert_clean(name, &[("reason".to_owned(), said)]);
            }
        }
    }
}

#[test]
fn an_odd_field_beside_an_error_hides_no_error() {
    let event: Value = serde_json::from_str(&sample("throttle-tokens.json")).unwrap();
    let kept = ["eventSource", "eventName", "errorCode", "errorMessage"];
    let odd = [
        json!(null),
        json!(7),
        json!(-1.5),
        json!(true),
        json!("x"),
        json!([]),
        json!([{}]),
        json!({}),
        json!({ "a": [1] }),
    ];
    let detail = event["detail"].as_object().unwrap();
    for key in detail.keys().filter(|key| !kept.contains(&key.as_str())) {
        for odd in odd.iter().flat_map(|odd| changed(&detail[key], odd)) {
            let mut payload = event.clone();
            payload["detail"][key] = odd.clone();
            let delivery = read(payload.to_string().as_bytes(), &FunctionIdentity::default()).unwrap();
            let signals = delivery.items[0].read.as_ref().unwrap();
            assert!(format!("{:?}", signals[0]).starts_with("Error("), "{key}: {odd}: {signals:?}");
        }
    }
}

#[test]
fn half_a_surrogate_and_a_double_key_hide_no_error() {
    let event = error(
        "us-east-1",
        "amazon.nova-lite-v1:0",
        "ThrottlingException",
        "Too many tokens, please wait before trying again.",
    );
    let is_error = |payload: &str| {
        let delivery = read(payload.as_bytes(), &FunctionIdentity::default()).unwrap();
        format!("{:?}", delivery.items[0].read.as_ref().unwrap()[0]).starts_with("Error(")
    };
    assert!(is_error(&event));
    let halved = event.replace("trying again.", r"trying again. \ud83d");
    let doubled = event.replacen(
        "\"eventName\":",
        "\"errorCode\":\"ThrottlingException\",\"eventName\":\"Converse\",\"eventName\":",
        1,
    );
    for odd in [halved, doubled] {
        assert_ne!(odd, event);
        assert!(is_error(&odd), "{odd}");
        assert!(is_error(&queue(std::slice::from_ref(&odd))), "in a queue: {odd}");
    }
}
