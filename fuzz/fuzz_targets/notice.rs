//! Any error on its whole way: a message that SNS takes, without the canary that stood in the error.

#![no_main]

use std::cell::RefCell;

use bedrock_remediator::config::Config;
use bedrock_remediator::run::context::{RunContext, TimeBudget};
use bedrock_remediator::identity::FunctionIdentity;
use bedrock_remediator::run::handler::handle;
use bedrock_remediator::notice::LARGEST;
use bedrock_remediator::sandbox::Sandbox;
use bedrock_remediator::sandbox::WorldFile;
use jiff::{SignedDuration, Timestamp};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

const CANARY: &str = "zq canary zq";

thread_local! {
    static RUNTIME: RefCell<tokio::runtime::Runtime> =
        RefCell::new(tokio::runtime::Builder::new_current_thread().build().unwrap());
}

fuzz_target!(|input: (&str, &str, &str, &str)| {
    let (code, before, model, caller) = input;
    let event = json!({
        "detail-type": "AWS API Call via CloudTrail", "source": "aws.bedrock", "account": "111122223333", "region": "us-east-1",
        "detail": {
            "eventSource": "bedrock.amazonaws.com", "eventName": "InvokeModel", "awsRegion": "us-east-1",
            "errorCode": code, "errorMessage": format!("{before} \"{CANARY}\" too many tokens"),
            "requestParameters": { "modelId": model }, "userIdentity": { "arn": caller },
        },
    });
    let world = Sandbox::new(WorldFile::default(), Timestamp::UNIX_EPOCH);
    let (config, home) = (Config::default(), FunctionIdentity::default());
    let allowance = TimeBudget { until: Timestamp::MAX, lease: SignedDuration::from_secs(90) };
    let payload = event.to_string();
    RUNTIME.with_borrow(|runtime| runtime.block_on(handle(&world, &RunContext { config: &config, home: &home, allowance }, payload.as_bytes()))).unwrap();
    for message in world.messages() {
        assert!(message.subject.len() < 100 && message.subject.bytes().all(|b| b == b' ' || b.is_ascii_graphic()));
        assert!(message.body.len() <= LARGEST);
        assert!(!message.body.contains(CANARY) && !message.subject.contains(CANARY));
        let forms: Value = serde_json::from_str(&message.body).unwrap();
        let chat: Value = serde_json::from_str(forms["https"].as_str().unwrap()).unwrap();
        assert!(!chat["content"]["description"].as_str().unwrap().contains(['<', '>']));
    }
    assert!(world.increase_requests().is_empty());
});
