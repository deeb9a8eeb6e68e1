//! Whatever an error says, SNS takes the notice and nothing of another's words travels in it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use bedrock_remediator::config::Config;
use bedrock_remediator::identity::FunctionIdentity;
use bedrock_remediator::notice::{LARGEST, Message};
use bedrock_remediator::run::context::{RunContext, TimeBudget};
use bedrock_remediator::run::handler::handle;
use bedrock_remediator::sandbox::{Sandbox, WorldFile};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

/// The message that an error with these parts leads to; `None` when it led to none.
fn message(code: &str, text: &str, model: &str, caller: &str) -> Option<Message> {
    let event = json!({
        "detail-type": "AWS API Call via CloudTrail", "source": "aws.bedrock", "account": "111122223333", "region": "us-east-1",
        "detail": {
            "eventSource": "bedrock.amazonaws.com", "eventName": "InvokeModel", "awsRegion": "us-east-1",
            "eventTime": "2026-11-20T14:32:05Z", "recipientAccountId": "111122223333",
            "errorCode": code, "errorMessage": text, "requestParameters": { "modelId": model },
            "userIdentity": { "arn": caller },
        },
    });
    let world = Sandbox::new(WorldFile::default(), "2026-11-20T14:34:05Z".parse().unwrap());
    let (config, home) = (Config::default(), FunctionIdentity::default());
    let allowance = TimeBudget { until: Timestamp::MAX, lease: SignedDuration::from_secs(90) };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime
        .block_on(handle(
            &world,
            &RunContext { config: &config, home: &home, allowance },
            event.to_string().as_bytes(),
        ))
        .unwrap();
    world.messages().pop()
}

fn holds(message: &Message) {
    let form: Value = serde_json::from_str(&message.body).unwrap();
    let form = form.as_object().unwrap();
    assert!(form.values().all(Value::is_string) && form.contains_key("default"));
    assert!(message.size() <= LARGEST, "{}", message.size());
    assert!(!message.subject.is_empty() && message.subject.len() < 100);
    assert!(message.subject.bytes().all(|b| b == b' ' || b.is_ascii_graphic()));
    assert!(message.attributes.values().all(|v| !v.is_empty() && v.iter().all(|v| !v.is_empty())));
    assert!(form["sms"].as_str().unwrap().len() <= 140);
    let chat: Value = serde_json::from_str(form["https"].as_str().unwrap()).unwrap();
    assert_eq!((chat["version"].as_str(), chat["source"].as_str()), (Some("1.0"), Some("custom")));
    assert!(chat["content"]["title"].as_str().unwrap().len() <= 250);
    let machine: Value = serde_json::from_str(form["sqs"].as_str().unwrap()).unwrap();
    assert_eq!(machine["version"], "1");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_error_text_makes_a_message_that_sns_takes(
        code in "[A-Za-z:#/. ]{0,40}",
        text in "\\PC{0,400}",
        model in "[a-z.:/ -]{0,60}",
        caller in "(arn:aws:sts::111122223333:assumed-role/[a-zA-Z0-9/+=,.@_-]{0,200}|\\PC{0,60})",
    ) {
        if let Some(message) = message(&code, &text, &model, &caller) {
            holds(&message);
        }
    }

    #[test]
    fn hostile_words_around_a_known_error_travel_nowhere(before in "\\PC{0,60}", after in "\\PC{0,60}") {
        let text = format!("{before} CANARY-7F3A Too many tokens, please wait CANARY-7F3A <script>*_`| {after}");
        let message = message("ThrottlingException", &text, "amazon.nova-lite-v1:0", "").unwrap();
        holds(&message);
        prop_assert!(!message.body.contains("CANARY-7F3A"));
        prop_assert!(!message.body.contains("<script>"));
    }
}

#[test]
fn a_megabyte_of_text_makes_a_message_that_sns_takes() {
    for piece in [
        "Too many tokens ",
        "is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1:1:inference-profile/",
        "\"a\" ",
        "x",
    ] {
        let text = piece.repeat(1024 * 1024 / piece.len());
        holds(&message("AccessDeniedException", &text, "amazon.nova-lite-v1:0", "").unwrap());
    }
}

#[test]
fn subscribers_can_filter_by_what_the_attributes_say() {
    let message = message(
        "AccessDeniedException",
        "no identity-based policy allows the bedrock:InvokeModel action",
        "amazon.nova-lite-v1:0",
        "arn:aws:iam::111122223333:role/app",
    )
    .unwrap();
    let expected = [
        ("account", "111122223333"),
        ("action", "remind-access"),
        ("category", "permission"),
        ("cause", "identity-policy"),
        ("kind", "opened"),
        ("model_id", "amazon.nova-lite-v1:0"),
        ("region", "us-east-1"),
        ("severity", "critical"),
    ];
    assert_eq!(
        message.attributes.into_iter().collect::<Vec<_>>(),
        expected.map(|(k, v)| (k, vec![v.to_owned()]))
    );
}

#[test]
fn the_forms_of_one_notice_read_well() {
    let text = "User: arn:aws:sts::111122223333:assumed-role/app/s is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0 because no identity-based policy allows the bedrock:InvokeModel action";
    let message = message(
        "AccessDeniedException",
        text,
        "amazon.nova-lite-v1:0",
        "arn:aws:sts::111122223333:assumed-role/app/s",
    )
    .unwrap();
    let form: Value = serde_json::from_str(&message.body).unwrap();
    let parsed = |key: &str| serde_json::from_str::<Value>(form[key].as_str().unwrap()).unwrap();
    insta::assert_snapshot!("subject", message.subject);
    insta::assert_snapshot!("sms", form["sms"].as_str().unwrap());
    insta::assert_json_snapshot!("chat", parsed("https"));
    insta::assert_json_snapshot!("machine", parsed("sqs"));
}
