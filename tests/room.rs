//! Where a throttled application finds room at once: other ways to call the model, measured.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use crate::support::story::*;
use bedrock_remediator::config::Config;
use bedrock_remediator::notice::Notice;
use bedrock_remediator::sandbox::{FaultKind, Sandbox, WorldFile};
use serde_json::{Value, json};

const GLOBAL: &str = "global.anthropic.claude-sonnet-4-5-20250929-v1:0";

/// The sample's account: the global profile has room in us-east-1, the geographic one in us-west-2 as well.
fn account(in_oregon: Value) -> WorldFile {
    let mut file: Value = serde_json::from_str(&sample("throttle-tokens.world.json")).unwrap();
    file["quotas"].as_array_mut().unwrap().push(in_oregon);
    WorldFile::parse(&file.to_string()).unwrap()
}

fn oregon() -> Value {
    json!({ "code": "L-F4DDD3EB", "region": "us-west-2", "applied": 9e6, "default": 5e6 })
}

fn first(world: &Sandbox) -> Notice {
    deliver(world, &throttle(SONNET));
    world.published()[0].clone()
}

/// The rows of a notice: what to call, from where, and what is left.
fn rows(notice: &Notice) -> Vec<(&str, &str, f64)> {
    notice
        .room
        .iter()
        .map(|row| (row.model_id.as_str(), row.region.as_str(), row.applied - row.used))
        .collect()
}

#[test]
fn every_way_with_room_is_named_with_what_is_left_and_the_most_comes_first() {
    let world = sandbox(account(oregon()));
    let notice = first(&world);
    assert_eq!(rows(&notice), [(SONNET, "us-west-2", 9e6), (GLOBAL, "us-east-1", 5_200_000.0)]);
    let step = &notice.next_steps[0].text;
    assert!(
        step.starts_with(&format!("Meanwhile, send a part of the calls to `{SONNET}` from us-west-2")),
        "{step}"
    );
    assert!(step.contains("At most 9,000,000 of 9,000,000 tokens per minute are left there"), "{step}");
    let mail = notice.mail().split_whitespace().collect::<Vec<_>>().join(" ");
    let row = format!(
        "`{GLOBAL}` from us-east-1: 800,000 of 6,000,000 tokens per minute used, 5,200,000 left (L-27C57EE8;"
    );
    assert!(mail.contains(&row), "{mail}");
    // Advice without figures is left out where there are figures.
    let advice = notice.advice.join(" ");
    assert!(!advice.contains("has a larger quota of its own"), "{advice}");
}

#[test]
fn a_way_that_is_full_or_could_not_be_read_is_not_named() {
    let full = json!({ "region": "us-west-2", "model_id": SONNET, "last": {
        "minutes": 30, "each": { "invocations": 100, "input_tokens": 9e6, "quota_tokens": 9e6 },
    } });
    let mut file = account(oregon());
    file.usage.push(serde_json::from_value(full).unwrap());
    assert_eq!(rows(&first(&sandbox(file))), [(GLOBAL, "us-east-1", 5_200_000.0)]);
    // Nothing shows that the Region has the quota.
    let mut file = account(oregon());
    file.quotas.pop();
    assert_eq!(rows(&first(&sandbox(file))), [(GLOBAL, "us-east-1", 5_200_000.0)]);
    for kind in [FaultKind::Denied, FaultKind::Throttled] {
        let mut file = account(oregon());
        file.faults.push(fault("seen", None, kind));
        let notice = first(&sandbox(file));
        assert_eq!(rows(&notice), [], "what the ledger does not tell may be a denial");
        assert!(notice.advice.join(" ").contains("has a larger quota of its own"));
    }
}

#[test]
fn what_a_policy_denies_is_never_proposed() {
    let denied = |message: &str, model: &str| {
        let event = error("us-east-1", model, "AccessDeniedException", message);
        let world = sandbox(account(oregon()));
        deliver(&world, &event);
        deliver(&world, &throttle(SONNET));
        world.published().last().unwrap().clone()
    };
    let caller = "User: arn:aws:sts::111122223333:assumed-role/checkout-api/s is not authorized to perform: bedrock:InvokeModel on resource";
    let profile = format!("arn:aws:bedrock:us-east-1:111122223333:inference-profile/{GLOBAL}");
    for why in [
        "because no identity-based policy allows the bedrock:InvokeModel action",
        "with an explicit deny in an identity-based policy",
    ] {
        let notice = denied(&format!("{caller}: {profile} {why}"), GLOBAL);
        assert_eq!(rows(&notice), [(SONNET, "us-west-2", 9e6)], "{why}");
    }
    // A policy of the organization that denies one model usually denies Regions, so every wider profile may need them.
    let base = "anthropic.claude-sonnet-4-5-20250929-v1:0";
    let model = format!("arn:aws:bedrock:eu-west-1::foundation-model/{base}");
    let organizations = "with an explicit deny in a service control policy";
    assert_eq!(rows(&denied(&format!("{caller}: {model} {organizations}"), GLOBAL)), []);
}

#[test]
fn only_the_first_notice_of_an_incident_asks_and_a_storm_does_not() {
    let world = sandbox(account(oregon()));
    first(&world);
    let asked = |world: &Sandbox| world.calls().get("seen").copied().unwrap_or_default();
    assert_eq!(asked(&world), 1);
    for _ in 0..3 {
        world.pass(jiff::SignedDuration::from_hours(7));
        deliver(&world, &throttle(SONNET));
        run_sweep(&world);
    }
    assert_eq!(asked(&world), 1, "{:?}", kinds(&world));
    // Many models at once: those beyond the digest's bound are only counted, and the sweep asks nothing for them.
    let world = sandbox(account(oregon()));
    let models = ["us.amazon.nova-lite-v1:0", "us.amazon.nova-micro-v1:0", "us.amazon.nova-pro-v1:0", SONNET];
    let regions = ["us-east-1", "us-east-2", "us-west-2", "us-west-1"];
    let too_many = "Too many tokens, please wait before trying again.";
    let all = models
        .iter()
        .flat_map(|model| regions.map(|region| error(region, model, "ThrottlingException", too_many)));
    let all: Vec<String> = all.collect();
    assert!(all.len() > 2 * usize::try_from(Config::default().digest_above).unwrap());
    deliver(&world, &queue(&all));
    let before = asked(&world);
    assert!(before <= Config::default().digest_above + 1, "{before}");
    for _ in 0..5 {
        world.pass(jiff::SignedDuration::from_mins(6));
        run_sweep(&world);
    }
    assert_eq!(asked(&world), before);
}

#[test]
fn a_suspected_caller_is_not_shown_where_to_go_on() {
    let mut file = account(oregon());
    let usage = &mut file.usage[0];
    usage.first_use = Some(now() - jiff::SignedDuration::from_hours(2));
    let world = sandbox(file);
    let notice = first(&world);
    assert!(world.increase_requests().is_empty());
    assert_eq!(notice.severity.to_string(), "critical", "{}", notice.mail());
    assert_eq!(rows(&notice), []);
    assert!(!notice.mail().contains("Meanwhile, send"));
}
