//! Which quota counts a call: the standard one, that of a variant, or one of the bedrock-mantle endpoint.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeSet;

use crate::support::story::*;
use bedrock_remediator::model::ModelId;
use bedrock_remediator::plan::Reason;
use bedrock_remediator::quota::{Catalog, QuotaName, Variant};
use bedrock_remediator::sandbox::{Sandbox, WorldFile};
use jiff::SignedDuration;
use serde_json::{Value, json};

const LUNA: &str = "openai.gpt-5.6-luna";
const LUNA_INPUT: &str = "L-31615887";
const LUNA_OUTPUT: &str = "L-D44E1D4E";
const STANDARD: &str = "L-F4DDD3EB";
const LONG: &str = "L-8EA73537";

/// A throttled call of the service `service`, with these parameters.
fn throttled(service: &str, parameters: &Value) -> String {
    let mut event: Value = serde_json::from_str(&throttle(SONNET)).unwrap();
    event["source"] = json!(format!("aws.{service}"));
    event["detail"]["eventSource"] = json!(format!("{service}.amazonaws.com"));
    event["detail"]["eventName"] = json!(if service == "bedrock" { "Converse" } else { "CreateInference" });
    event["detail"]["requestParameters"] = parameters.clone();
    event.to_string()
}

fn on_runtime(options: Value) -> String {
    let mut parameters = options;
    parameters["modelId"] = json!(SONNET);
    throttled("bedrock", &parameters)
}

fn on_mantle() -> String {
    throttled("bedrock-mantle", &json!({ "model": LUNA }))
}

/// A world in which each minute of a busy hour used this much of two quotas of 1,000,000 tokens on bedrock-mantle.
fn mantle_world(input: f64, output: f64) -> WorldFile {
    let quota = |code| json!({ "code": code, "applied": 1e6, "default": 1e6, "adjustable": true });
    serde_json::from_value(json!({
        "quotas": [quota(LUNA_INPUT), quota(LUNA_OUTPUT)],
        "usage": [{
            "region": "us-east-1", "model_id": LUNA, "of_mantle": true, "first_use": "2026-08-01T00:00:00Z",
            "last": { "minutes": 90, "each": {
                "invocations": 300, "client_errors": 20, "input_tokens": input, "output_tokens": output,
            } },
        }],
    }))
    .unwrap()
}

fn filed(world: &Sandbox) -> Vec<(String, f64)> {
    world.increase_requests().iter().map(|r| (r.code.to_string(), r.desired)).collect()
}

/// The world of [`busy`] with this minute of use, and with the quota of the long context.
fn with_long_context(requests: f64, tokens: f64) -> WorldFile {
    let mut file = busy();
    let each = &mut file.usage[0].last.as_mut().unwrap().each;
    (each.invocations, each.quota_tokens, each.throttles) = (requests, Some(tokens), 40.0);
    (each.input_tokens, each.output_tokens) = (tokens, 0.0);
    file.quotas
        .push(serde_json::from_value(json!({ "code": LONG, "applied": 1e6, "default": 1e6 })).unwrap());
    file
}

#[test]
fn on_mantle_the_quota_that_is_full_is_raised_and_the_other_is_not() {
    for (input, output, code) in [(980_000.0, 100_000.0, LUNA_INPUT), (200_000.0, 980_000.0, LUNA_OUTPUT)] {
        let world = sandbox(mantle_world(input, output));
        deliver(&world, &on_mantle());
        let [(filed, desired)] = &filed(&world)[..] else { panic!("{:?}", filed(&world)) };
        assert_eq!(filed, code);
        assert!((1.4e6..=2e6).contains(desired), "{desired}");
    }
}

#[test]
fn on_mantle_nothing_is_filed_without_a_refused_call_or_far_below_the_quota() {
    let mut quiet = mantle_world(980_000.0, 100_000.0);
    quiet.usage[0].last.as_mut().unwrap().each.client_errors = 0.0;
    let world = sandbox(quiet);
    assert_eq!(withheld(&deliver(&world, &on_mantle())), [Reason::NotThrottled]);
    let world = sandbox(mantle_world(300_000.0, 100_000.0));
    assert_eq!(withheld(&deliver(&world, &on_mantle())), [Reason::UsageFarBelowQuota]);
    assert!(filed(&world).is_empty());
}

#[test]
fn use_of_one_endpoint_proves_nothing_for_the_other() {
    let mut runtime = mantle_world(980_000.0, 980_000.0);
    runtime.usage[0].of_mantle = false;
    let world = sandbox(runtime);
    assert_eq!(withheld(&deliver(&world, &on_mantle())), [Reason::NotThrottled]);
    let mut mantle = busy();
    mantle.usage[0].of_mantle = true;
    let world = sandbox(mantle);
    assert_eq!(withheld(&deliver(&world, &throttle(SONNET))), [Reason::NotThrottled]);
}

#[test]
fn sudden_use_of_mantle_waits_for_a_person() {
    let mut sudden = mantle_world(980_000.0, 100_000.0);
    let minute = |n: i32| {
        let at = now() - SignedDuration::from_hours(48) + SignedDuration::from_mins(1) * n;
        json!({ "at": at, "values": { "invocations": 1, "input_tokens": 100 } })
    };
    sudden.usage[0].series = (0..10).map(|n| serde_json::from_value(minute(n)).unwrap()).collect();
    let world = sandbox(sudden);
    assert_eq!(withheld(&deliver(&world, &on_mantle())), [Reason::UnusualCaller]);
    assert!(filed(&world).is_empty());
}

#[test]
fn a_call_of_the_root_user_on_mantle_which_no_event_history_can_show_is_not_raised() {
    let world = sandbox(mantle_world(980_000.0, 100_000.0));
    let mut event: Value = serde_json::from_str(&on_mantle()).unwrap();
    event["detail"]["userIdentity"] = json!({ "type": "Root", "arn": "arn:aws:iam::111122223333:root" });
    assert_eq!(withheld(&deliver(&world, &event.to_string())), [Reason::NoEvidence]);
    assert!(filed(&world).is_empty());
}

#[test]
fn an_error_of_mantle_does_not_explain_an_alarm_of_the_other_endpoint() {
    let world = sandbox(mantle_world(980_000.0, 100_000.0));
    deliver(&world, &on_mantle());
    let alarm = sample("alarm-throttles.json").replace(SONNET, LUNA);
    assert!(alarm.contains(LUNA));
    deliver(&world, &alarm);
    assert_eq!(world.incidents().len(), 2);
}

#[test]
fn the_daily_forecast_finds_a_quota_of_mantle_that_is_nearly_full() {
    let mut file = mantle_world(900_000.0, 100_000.0);
    file.usage[0].last.as_mut().unwrap().each.client_errors = 0.0;
    let quota = |code: &str| json!({ "code": code, "applied": 1e6, "default": 1e6, "adjustable": true });
    file.quotas = vec![
        serde_json::from_value(quota(LUNA_INPUT)).unwrap(),
        serde_json::from_value(quota(LUNA_OUTPUT)).unwrap(),
    ];
    let world = sandbox(file);
    let home = bedrock_remediator::identity::FunctionIdentity {
        account: bedrock_remediator::ids::AccountId::parse("111122223333"),
        region: bedrock_remediator::ids::Region::parse("us-east-1"),
        ..Default::default()
    };
    let config = bedrock_remediator::config::Config::default();
    let context =
        bedrock_remediator::run::context::RunContext { config: &config, home: &home, allowance: ALLOWANCE };
    block_on(bedrock_remediator::run::sweep::sweep(&world, &context)).unwrap();
    assert_eq!(filed(&world).iter().map(|(code, _)| code.as_str()).collect::<Vec<_>>(), [LUNA_INPUT]);
    let notice = &world.published()[0];
    assert_eq!(notice.facts.variant, Some(Variant::Mantle));
}

#[test]
fn a_call_of_the_long_context_is_about_its_own_quota_which_use_does_not_show() {
    let options = json!({ "additionalModelRequestFields": { "anthropic_beta": ["context-1m-2025-08-07"] } });
    let world = sandbox(with_long_context(420.0, 4_900_000.0));
    let report = deliver(&world, &on_runtime(options));
    assert_eq!(withheld(&report), [Reason::UnprovenThrottle]);
    let case = serde_json::to_value(&world.published()[0].actions).unwrap();
    assert_eq!(case[0]["quota_code"], LONG, "{case}");
    assert!(filed(&world).is_empty());
}

#[test]
fn where_nothing_names_the_variant_use_decides_or_it_is_ambiguous() {
    // (requests and tokens a minute of a quota of 5,000,000; what is withheld)
    for (requests, tokens, expected) in [
        (420.0, 4_900_000.0, None),
        // Small requests rule the long context out.
        (420.0, 3_600_000.0, None),
        (20.0, 3_600_000.0, Some(Reason::Ambiguous)),
        // The standard quota is full by itself.
        (20.0, 4_900_000.0, None),
    ] {
        let world = sandbox(with_long_context(requests, tokens));
        let found = withheld(&deliver(&world, &on_runtime(json!({}))));
        assert_eq!(found.first().copied(), expected, "{requests} {tokens}");
        let codes: Vec<String> = filed(&world).into_iter().map(|(code, _)| code).collect();
        let wanted: Vec<&str> = if expected.is_none() { vec![STANDARD] } else { Vec::new() };
        assert_eq!(codes, wanted, "{requests} {tokens}");
    }
}

#[test]
fn variants_of_one_model_are_incidents_of_their_own() {
    let world = sandbox(with_long_context(420.0, 4_900_000.0));
    let long = json!({ "additionalModelRequestFields": { "anthropic_beta": ["context-1m-2025-08-07"] } });
    deliver(&world, &on_runtime(json!({})));
    deliver(&world, &on_runtime(long));
    assert_eq!(world.incidents().len(), 2);
    world.pass(SignedDuration::from_mins(1));
    deliver(&world, &on_runtime(json!({})));
    assert_eq!(world.incidents().len(), 2);
}

/// Every variant in the listing has an error that leads to it: the model's id from the label of its quota, and the form
/// in which the variant is named.
#[test]
fn every_variant_of_the_listing_is_reached() {
    let listing = Catalog::built_in();
    let variants: BTreeSet<&str> = listing
        .quotas()
        .iter()
        .filter_map(|q| QuotaName::parse(&q.name))
        .map(|n| n.variant.as_str())
        .collect();
    let reached: BTreeSet<&str> = [
        (on_runtime(json!({})), SONNET),
        (on_runtime(json!({ "performanceConfig": { "latency": "optimized" } })), SONNET),
        (
            on_runtime(
                json!({ "additionalModelRequestFields": { "anthropic_beta": ["context-1m-2025-08-07"] } }),
            ),
            SONNET,
        ),
        (on_mantle(), LUNA),
    ]
    .into_iter()
    .map(|(payload, model)| {
        let world = sandbox(with_long_context(420.0, 4_900_000.0));
        deliver(&world, &payload);
        let incident = &world.incidents()[0].record.incident;
        assert_eq!(incident.model, ModelId::parse(model));
        incident.facts.variant.unwrap_or(Variant::Standard).as_str()
    })
    .collect();
    assert_eq!(reached, variants);
}
