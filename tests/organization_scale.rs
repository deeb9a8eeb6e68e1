//! Many accounts with four Regions each: what one account costs, and whether it delays the others.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use crate::organization::{HUB, at_hub, in_queue};
use crate::support::story::*;
use bedrock_remediator::config::Config;
use bedrock_remediator::ids::AccountId;
use bedrock_remediator::run::handler::handle;
use bedrock_remediator::run::sweep::sweep;
use bedrock_remediator::sandbox::{LedgerRow, Sandbox, WorldFile};
use jiff::SignedDuration;
use serde_json::{Map, Value, json};

const REGIONS: [&str; 4] = ["us-east-1", "us-west-2", "eu-central-1", "ap-northeast-1"];
/// Each fails in a way of its own, and needs other evidence.
const WAYS: [&str; 7] = [
    "throttle-tokens.json",
    "access-use-case-form.json",
    "permission-identity-policy.json",
    "model-id-misspelt.json",
    "request-max-tokens.json",
    "capacity-overloaded.json",
    "access-legacy-model.json",
];
/// The number of messages of a batch, as a stack has it.
const BATCH: usize = 10;

fn account(n: usize) -> String {
    format!("2{n:011}")
}

/// An organization of `accounts`, each with a full quota in each Region.
fn organization_of(accounts: usize) -> Sandbox {
    let busy: Value = serde_json::from_str(&sample("throttle-tokens.world.json")).unwrap();
    let usage = REGIONS.map(|region| {
        let mut usage = busy["usage"][0].clone();
        usage["region"] = json!(region);
        usage
    });
    let member = json!({ "quotas": busy["quotas"], "usage": usage });
    let members: Map<String, Value> = (0..accounts).map(|n| (account(n), member.clone())).collect();
    let file = json!({ "account": HUB, "region": "us-east-1", "accounts": members });
    sandbox(WorldFile::parse(&file.to_string()).unwrap())
}

/// The sample as it happens in the nth account, in that Region.
fn event_in(way: &str, n: usize, region: &str) -> Value {
    let text = sample(way).replace("111122223333", &account(n)).replace("us-east-1", region);
    serde_json::from_str(&text).unwrap()
}

/// Delivers `events` in batches, one a second.
fn deliver_all(world: &Sandbox, events: &[Value]) {
    for batch in events.chunks(BATCH) {
        let records: Vec<Value> = batch
            .iter()
            .map(|event| serde_json::from_str::<Value>(&in_queue(event)).unwrap()["Records"][0].clone())
            .collect();
        let payload = json!({ "Records": records }).to_string();
        at_hub(async |terms| handle(world, terms, payload.as_bytes()).await.unwrap());
        world.pass(SignedDuration::from_secs(1));
    }
}

/// Delivers `events`, then sweeps every five minutes for an hour.
fn live_an_hour(world: &Sandbox, events: &[Value]) {
    deliver_all(world, events);
    for _ in 0..12 {
        world.pass(SignedDuration::from_mins(5));
        at_hub(async |terms| sweep(world, terms).await.unwrap());
    }
}

/// The calls that each member answered, in all its Regions.
fn calls_by_account(world: &Sandbox) -> BTreeMap<String, u32> {
    let mut calls = BTreeMap::new();
    for (place, count) in world.answered() {
        if place.account.as_str() != HUB {
            *calls.entry(place.account.to_string()).or_default() += count;
        }
    }
    calls
}

/// Accounts of whose incidents people have heard in every Region.
fn told(world: &Sandbox) -> BTreeSet<String> {
    let untold = |row: &&LedgerRow| row.record.notices.is_empty();
    let rows = world.incidents();
    let of = |row: &bedrock_remediator::sandbox::LedgerRow| {
        row.record.incident.account.as_ref().unwrap().to_string()
    };
    let missing: BTreeSet<String> = rows.iter().filter(untold).map(of).collect();
    rows.iter().map(of).filter(|account| !missing.contains(account)).collect()
}

/// What an hour cost.
struct Cost {
    /// The calls in the member that answered most.
    most: u32,
    /// The calls in all members.
    all: u32,
    /// The calls of the ledger, the topic and the hub's own account.
    others: u32,
    incidents: usize,
    notices: usize,
    requests: usize,
}

fn cost(world: &Sandbox) -> Cost {
    let calls = calls_by_account(world);
    let requests = |account: &String| {
        world.in_member(&AccountId::parse(account).unwrap(), |member| member.increase_requests().len())
    };
    let all = calls.values().sum();
    Cost {
        most: calls.values().copied().max().unwrap(),
        all,
        others: world.calls().values().sum::<u32>() - all,
        incidents: world.incidents().len(),
        notices: world.published().len(),
        requests: calls.keys().map(requests).sum(),
    }
}

/// The nth account fails in ways of its own, in each Region another.
fn each_in_its_own_way(accounts: usize) -> Sandbox {
    let world = organization_of(accounts);
    let places = 0..accounts * REGIONS.len();
    let event = |n: usize| event_in(WAYS[n % WAYS.len()], n / REGIONS.len(), REGIONS[n % REGIONS.len()]);
    live_an_hour(&world, &places.map(event).collect::<Vec<_>>());
    world
}

/// All accounts are throttled at once, in each Region.
fn all_at_once(accounts: usize) -> Sandbox {
    let world = organization_of(accounts);
    let places = 0..accounts * REGIONS.len();
    let event = |n: usize| event_in(WAYS[0], n / REGIONS.len(), REGIONS[n % REGIONS.len()]);
    live_an_hour(&world, &places.map(event).collect::<Vec<_>>());
    world
}

/// At most this many calls for each Region of an account in which one problem goes on for an hour, the daily watch included.
const CALLS: u32 = 32;

fn is_bounded(world: &Sandbox, accounts: usize) -> Cost {
    let (cost, places) = (cost(world), accounts * REGIONS.len());
    assert_eq!((cost.incidents, told(world).len()), (places, accounts));
    assert!(cost.most <= CALLS * 4, "{} calls in one account", cost.most);
    // Digests, and what is told alone: the requests.
    assert!(cost.notices <= places / 25 + 40, "{} notices", cost.notices);
    let limit = Config::default().max_increases_per_day_organization;
    assert!(cost.requests <= limit as usize, "{} requests", cost.requests);
    cost
}

#[test]
fn each_account_that_fails_in_its_own_way_is_told_of_with_a_bounded_number_of_calls() {
    let cost = is_bounded(&each_in_its_own_way(50), 50);
    assert!(cost.requests > 0);
}

#[test]
fn all_accounts_that_are_throttled_at_once_are_told_of_with_a_bounded_number_of_calls() {
    let cost = is_bounded(&all_at_once(50), 50);
    assert!(cost.requests > 10, "the organization's limit, not each account's: {}", cost.requests);
}

#[test]
#[ignore = "takes some minutes; prints the figures of docs/performance.md"]
fn a_thousand_accounts_cost_what_is_written() {
    for (what, world) in
        [("each in its own way", each_in_its_own_way(1000)), ("all at once", all_at_once(1000))]
    {
        let cost = is_bounded(&world, 1000);
        println!(
            "{what}: {} incidents, {} notices, {} requests, {} calls in members, {} at most in one, {} others",
            cost.incidents, cost.notices, cost.requests, cost.all, cost.most, cost.others
        );
    }
}

#[test]
fn an_account_with_a_thousand_errors_does_not_delay_the_others() {
    let world = organization_of(51);
    let noisy = |n: usize| {
        let mut event = event_in(WAYS[2], 50, REGIONS[n % REGIONS.len()]);
        let model = format!("us.amazon.nova-made-up-{n}-v1:0");
        event["detail"]["requestParameters"]["modelId"] = json!(model);
        event
    };
    let mut events: Vec<Value> = (0..1000).map(noisy).collect();
    events.extend((0..50).map(|n| event_in(WAYS[0], n, REGIONS[0])));
    deliver_all(&world, &events);
    world.pass(SignedDuration::from_mins(5));
    at_hub(async |terms| sweep(&world, terms).await.unwrap());
    let told = told(&world);
    assert!((0..50).all(|n| told.contains(&account(n))), "{told:?}");
    let calls = calls_by_account(&world);
    assert!((0..50).all(|n| calls[&account(n)] <= 2 * CALLS), "{calls:?}");
}
