//! Stories of the bedrock-mantle endpoint: its alarm counts throttles among client errors, and its metrics and records
//! stand elsewhere than those of the other endpoint.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use crate::support::story::*;
use bedrock_remediator::event::Metric;
use bedrock_remediator::sandbox::Sandbox;
use jiff::SignedDuration;
use serde_json::{Value, json};

const MODEL: &str = "openai.gpt-oss-120b";

/// The alarm of the stack, gone off for [`MODEL`].
fn alarm() -> String {
    sample("alarm-mantle.json")
}

/// A call that failed, as a trail with data events records it.
fn failed(code: &str, message: &str) -> String {
    let mut event: Value = serde_json::from_str(&sample("mantle-access-denied.json")).unwrap();
    event["region"] = json!("us-west-2");
    event["detail"]["awsRegion"] = json!("us-west-2");
    event["detail"]["requestParameters"]["model"] = json!(MODEL);
    event["detail"]["errorCode"] = json!(code);
    event["detail"]["errorMessage"] = json!(message);
    event.to_string()
}

fn world() -> Sandbox {
    sandbox(serde_json::from_value(json!({})).unwrap())
}

fn calls(world: &Sandbox, name: &str) -> u32 {
    world.calls().get(name).copied().unwrap_or(0)
}

#[test]
fn its_alarm_is_told_and_neither_its_calls_nor_its_use_are_looked_for_where_they_are_not() {
    let world = world();
    deliver(&world, &alarm());
    let [notice] = &world.published()[..] else { panic!("{}", world.published().len()) };
    assert_eq!(notice.model_id.as_ref().unwrap().as_str(), MODEL);
    assert_eq!(notice.facts.metric.as_deref(), Metric::MantleClientErrors.name());
    assert!(notice.because.iter().any(|line| line.contains("which are data events")), "{:?}", notice.because);
    assert_eq!(["recorded", "volume", "invocation_logging"].map(|name| calls(&world, name)), [0, 0, 0]);
}

#[test]
fn a_throttle_that_is_known_explains_its_alarm_as_a_denial_does() {
    let throttled = failed("ThrottlingException", "Too many tokens, please wait before trying again.");
    let denied = sample("mantle-access-denied.json")
        .replace("us-east-1", "us-west-2")
        .replace("openai.gpt-5.6-luna", MODEL);
    for error in [throttled, denied] {
        let world = world();
        deliver(&world, &error);
        let told = world.published().len();
        assert_eq!(told, 1);
        deliver(&world, &alarm());
        assert_eq!(world.published().len(), told, "the alarm is about what people know");
        assert_eq!(world.incidents().len(), 1);
        assert_eq!(world.incidents()[0].record.incident.counts.alarms, 1);
    }
}

#[test]
fn an_error_of_the_other_endpoint_does_not_explain_its_alarm() {
    let world = world();
    let mut event: Value = serde_json::from_str(&throttle(MODEL)).unwrap();
    event["region"] = json!("us-west-2");
    event["detail"]["awsRegion"] = json!("us-west-2");
    deliver(&world, &event.to_string());
    deliver(&world, &alarm());
    assert_eq!(world.incidents().len(), 2);
}

#[test]
fn an_error_on_awss_side_does_not_explain_its_alarm() {
    let world = world();
    deliver(&world, &failed("InternalServerException", "The system encountered an internal error."));
    deliver(&world, &alarm());
    assert_eq!(world.incidents().len(), 2);
}

#[test]
fn whether_it_still_fails_is_asked_of_its_own_metric() {
    for event in [
        alarm(),
        failed("AccessDeniedException", "User is not authorized to perform: bedrock-mantle:CreateInference"),
    ] {
        let world = world();
        deliver(&world, &event);
        let before = calls(&world, "behind");
        for _ in 0..13 {
            world.pass(SignedDuration::from_hours(2));
            run_sweep(&world);
        }
        assert!(calls(&world, "behind") > before, "{:?}", world.calls());
    }
}
