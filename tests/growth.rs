//! Stories of how far a quota is raised, and of what is asked for after AWS has said no.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use crate::support::story::*;
use bedrock_remediator::plan::{Reason, Withheld};
use bedrock_remediator::quota::request::RequestStatus;
use bedrock_remediator::sandbox::{Sandbox, UsageEntry};
use jiff::SignedDuration;

/// AWS decides the newest request. Returns what is asked for after the cool-down; `None` where it is withheld, and why.
fn after(world: &Sandbox, status: RequestStatus, applied: Option<f64>) -> (Option<f64>, Vec<Withheld>) {
    let before = world.increase_requests();
    world.decide(&before.last().unwrap().id, status, applied);
    world.pass(SignedDuration::from_hours(73));
    run_sweep(world);
    let report = deliver(world, &throttle(SONNET));
    let asked = world.increase_requests();
    let new = asked.get(before.len()).map(|r| r.desired);
    let driven = report.incidents.iter().filter_map(|i| i.driven.as_ref().ok()?.as_ref());
    (new, driven.flat_map(|d| d.withheld().cloned()).collect())
}

/// Admitted requests and tokens, and refused requests, of each minute from now on.
fn use_so(world: &Sandbox, requests: f64, tokens: f64, refused: f64) {
    world.change(|file| {
        let each = &mut file.usage[0].last.as_mut().unwrap().each;
        (each.invocations, each.quota_tokens, each.throttles) = (requests, Some(tokens), refused);
    });
}

#[test]
fn after_each_no_less_is_asked_for_until_no_step_is_left() {
    let world = sandbox(busy());
    deliver(&world, &throttle(SONNET));
    assert_eq!(world.increase_requests()[0].desired, 8.5e6);
    // Halfway between what is applied and what was refused; at least what is needed, which is 5.6 million.
    assert_eq!(after(&world, RequestStatus::CaseClosed, None), (Some(6.8e6), vec![]));
    assert_eq!(after(&world, RequestStatus::Denied, None), (Some(6.1e6), vec![]));
    let (asked, why) = after(&world, RequestStatus::CaseClosed, None);
    assert_eq!((asked, why[0].kind), (None, Reason::AwsCeiling));
    let reason = &why[0].reason;
    assert!(reason.contains("6,100,000") && reason.contains("another Region"), "{reason}");
}

#[test]
fn a_part_of_what_was_asked_for_is_gone_on_from_with_another_value() {
    let world = sandbox(busy());
    deliver(&world, &throttle(SONNET));
    use_so(&world, 500.0, 5.75e6, 20.0);
    let (asked, _) = after(&world, RequestStatus::CaseClosed, Some(6e6));
    let asked = asked.unwrap();
    assert!(asked > 6e6 && (asked - 8.5e6).abs() > 0.05 * 8.5e6, "{asked}");
}

#[test]
fn what_aws_refused_is_remembered_when_its_history_is_gone() {
    let world = sandbox(busy());
    deliver(&world, &throttle(SONNET));
    let mut last = after(&world, RequestStatus::CaseClosed, None).0;
    while last.is_some() {
        last = after(&world, RequestStatus::CaseClosed, None).0;
    }
    let asked = world.increase_requests().len();
    // Service Quotas lists requests for 90 days.
    world.pass(SignedDuration::from_hours(100 * 24));
    let report = deliver(&world, &throttle(SONNET));
    assert_eq!((withheld(&report), world.increase_requests().len()), (vec![Reason::AwsCeiling], asked));
    // A greater need is evidence that those requests did not have.
    use_so(&world, 420.0, 4.95e6, 300.0);
    world.pass(SignedDuration::from_hours(8 * 24));
    run_sweep(&world);
    deliver(&world, &throttle(SONNET));
    assert_eq!(world.increase_requests().len(), asked + 1);
}

#[test]
fn our_own_raises_stop_at_the_budget_until_its_window_has_passed() {
    let world = sandbox(busy());
    deliver(&world, &throttle(SONNET));
    // Demand grows with each day, not with each raise.
    use_so(&world, 700.0, 8.4e6, 40.0);
    let (asked, _) = after(&world, RequestStatus::Approved, Some(8.5e6));
    assert_eq!(asked, Some(1e7), "clipped to twice the 5 million of the first day");
    use_so(&world, 830.0, 9.9e6, 50.0);
    let (asked, why) = after(&world, RequestStatus::Approved, Some(1e7));
    assert_eq!((asked, why[0].kind), (None, Reason::NeedsApproval));
    world.pass(SignedDuration::from_hours(12 * 24));
    run_sweep(&world);
    deliver(&world, &throttle(SONNET));
    let asked = world.increase_requests().last().unwrap().desired;
    assert!(asked > 1e7 && asked <= 1.7e7, "twice the 8.5 million of 14 days ago: {asked}");
}

#[test]
fn a_persons_raise_begins_the_budget_anew() {
    let world = sandbox(busy());
    deliver(&world, &throttle(SONNET));
    use_so(&world, 1600.0, 1.95e7, 100.0);
    // A person had it raised to 20 million while our request for 8.5 million was open.
    let (asked, _) = after(&world, RequestStatus::Approved, Some(2e7));
    let asked = asked.unwrap();
    assert!(asked > 2e7 && asked <= 4e7, "{asked}");
}

#[test]
fn every_application_profile_of_a_throttled_model_counts_against_its_quota() {
    let mut file = busy();
    let used = |usage: &mut UsageEntry, requests: f64, tokens: f64| {
        let each = &mut usage.last.as_mut().unwrap().each;
        (each.invocations, each.input_tokens, each.output_tokens) = (requests, tokens, 0.0);
        each.quota_tokens = Some(tokens);
    };
    used(&mut file.usage[0], 150.0, 1.9e6);
    let mut other = file.usage[0].clone();
    other.model_id = "a1b2c3d4e5f6".to_owned();
    used(&mut other, 230.0, 2.9e6);
    let routes = serde_json::json!({ "id": "a1b2c3d4e5f6", "models": [
        "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0",
        "arn:aws:bedrock:us-west-2::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0",
    ] });
    file.profiles.push(serde_json::from_value(routes).unwrap());
    let alone = sandbox(file.clone());
    deliver(&alone, &throttle(SONNET));
    assert!(alone.increase_requests().is_empty(), "38 % of the quota alone");
    file.usage.push(other);
    let together = sandbox(file);
    deliver(&together, &throttle(SONNET));
    assert_eq!(together.increase_requests().len(), 1, "96 % of it together");
}
