//! The ledger operated by a person: the library's promises, and the program as it is typed.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::process::Output;

use crate::support::program::run;
use crate::support::story::*;
use bedrock_remediator::config::{Config, Mode};
use bedrock_remediator::identity::FunctionIdentity;
use bedrock_remediator::ids::IncidentId;
use bedrock_remediator::incident::record::State;
use bedrock_remediator::operate;
use bedrock_remediator::plan::Reason;
use bedrock_remediator::ports::Ledger as _;
use bedrock_remediator::quota::request::RequestStatus;
use bedrock_remediator::run::context::RunContext;
use jiff::SignedDuration;
use serde_json::Value;

const WORLD: &str = "events/ledger.world.json";
const THROTTLED: &str = "inc-4564e2cd0093cd13";

fn observing() -> Config {
    Config { mode: Mode::Observe, ..Config::default() }
}

fn terms<'a>(config: &'a Config, home: &'a FunctionIdentity) -> RunContext<'a> {
    RunContext { config, home, allowance: ALLOWANCE }
}

#[test]
fn what_was_only_observed_is_filed_once_a_person_approves() {
    let (config, home) = (observing(), FunctionIdentity::default());
    let terms = terms(&config, &home);
    let world = sandbox(busy());
    let report = deliver_with(&world, &config, &throttle(SONNET));
    assert_eq!(withheld(&report), [Reason::ObserveMode]);
    let id = report.incidents[0].incident.id.clone();
    let driven = block_on(operate::approve(&world, &terms, &id)).unwrap().unwrap();
    assert_eq!(driven.withheld().count(), 0, "{:?}", driven.plan);
    assert_eq!(world.increase_requests().len(), 1);
    assert_eq!(kinds(&world), ["opened", "again"], "that it was filed is news");
    // Approved twice, it is one request; and the function follows it.
    world.pass(SignedDuration::from_mins(1));
    block_on(operate::approve(&world, &terms, &id)).unwrap();
    assert_eq!((world.increase_requests().len(), world.published().len()), (1, 2));
    assert_eq!(world.incidents()[0].record.state, State::Watching);
}

#[test]
fn a_person_stands_under_the_guard_rails() {
    for (rail, reason) in [
        (Config { max_increases_per_day: 0, ..observing() }, Reason::DailyLimit),
        (Config { max_tokens_per_minute: Some(1e6), ..observing() }, Reason::AtCeiling),
    ] {
        let home = FunctionIdentity::default();
        let world = sandbox(busy());
        let report = deliver_with(&world, &rail, &throttle(SONNET));
        let id = report.incidents[0].incident.id.clone();
        let driven = block_on(operate::approve(&world, &terms(&rail, &home), &id)).unwrap().unwrap();
        assert_eq!(driven.withheld().next().unwrap().kind, reason);
        assert!(world.increase_requests().is_empty());
    }
}

#[test]
fn what_is_closed_by_hand_opens_again_when_it_is_seen_again() {
    let (config, home) = (Config::default(), FunctionIdentity::default());
    let terms = terms(&config, &home);
    let world = sandbox(busy());
    let report = deliver(&world, &sample("request-context-length.json"));
    let id = report.incidents[0].incident.id.clone();
    let closed = block_on(operate::close(&world, &terms, &id)).unwrap().unwrap();
    assert_eq!(closed.state, State::Closed);
    assert!(block_on(operate::close(&world, &terms, &id)).unwrap().is_none(), "it is closed");
    assert_eq!(block_on(world.all(true)).unwrap().len(), 0);
    assert_eq!(block_on(world.all(false)).unwrap().len(), 1);
    world.pass(SignedDuration::from_mins(1));
    deliver(&world, &sample("request-context-length.json"));
    assert_eq!(kinds(&world), ["opened", "opened"]);
    assert_eq!(world.published()[1].episode, Some(2));
}

#[test]
fn a_request_of_an_incident_that_is_closed_by_hand_is_followed_to_its_end() {
    let (config, home) = (Config::default(), FunctionIdentity::default());
    let terms = terms(&config, &home);
    let world = sandbox(busy());
    let report = deliver(&world, &throttle(SONNET));
    let id = report.incidents[0].incident.id.clone();
    let kept = block_on(operate::close(&world, &terms, &id)).unwrap().unwrap();
    let request = world.increase_requests().remove(0);
    assert_eq!(kept.state, State::Watching);
    assert_eq!(kept.followed.unwrap().request_id.as_ref(), Some(&request.id));
    world.decide(&request.id, RequestStatus::CaseClosed, Some(request.desired));
    run_sweep(&world);
    assert_eq!(kinds(&world), ["opened", "outcome"]);
    let closed = block_on(operate::close(&world, &terms, &id)).unwrap().unwrap();
    assert_eq!(closed.state, State::Closed, "nothing is left to follow");
}

#[test]
fn to_look_changes_nothing() {
    let (config, home) = (Config::default(), FunctionIdentity::default());
    let terms = terms(&config, &home);
    let world = sandbox(busy());
    let report = deliver(&world, &throttle(SONNET));
    let id = report.incidents[0].incident.id.clone();
    let before = format!("{:?}", world.incidents());
    let shown = block_on(operate::show(&world, &terms, &id)).unwrap().unwrap();
    assert!(shown.notice.justification.unwrap().contains("Applied value 5,000,000"));
    world.pass(SignedDuration::from_hours(5));
    let due = block_on(operate::due(&world, &terms)).unwrap();
    assert_eq!(due.iter().map(|d| &d.record.incident.id).collect::<Vec<_>>(), [&id]);
    assert_eq!(format!("{:?}", world.incidents()), before);
    assert_eq!((world.published().len(), world.increase_requests().len()), (1, 1));
    let unknown = IncidentId::parse("inc-0000000000000000").unwrap();
    assert!(block_on(operate::show(&world, &terms, &unknown)).unwrap().is_none());
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn the_programs_tables_fit_a_terminal() {
    let listed = run(&["incidents", "--world", WORLD]);
    insta::assert_snapshot!("incidents", text(&listed));
    assert!(text(&listed).lines().all(|l| l.chars().count() <= 80));
    let approved = run(&["approve", THROTTLED, "--world", WORLD]);
    insta::assert_snapshot!("approve", text(&approved));
    let due = run(&["sweep", "--dry-run", "--world", WORLD]);
    insta::assert_snapshot!("due", text(&due));
    let swept = text(&run(&["sweep", "--world", WORLD]));
    assert!(
        swept.ends_with(
            "watched: 2 models in use, 0 of them end; the fullest quota, L-F4DDD3EB, is 99 % used\n"
        ),
        "{swept}"
    );
    let shown = text(&run(&["show", THROTTLED, "--world", WORLD]));
    assert!(shown.starts_with("inc-4564e2cd0093cd13 is told, episode 1\n"), "{shown}");
    assert!(shown.contains("The justification, ready to paste"), "{shown}");
}

#[test]
fn the_programs_json_is_one_line_for_each() {
    let listed = text(&run(&["incidents", "--open", "--json", "--world", WORLD]));
    let all: Vec<Value> = listed.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(all.len(), 3);
    let known = all.iter().find(|i| i["id"] == THROTTLED).unwrap();
    assert_eq!(
        (known["cause"].as_str(), known["counts"]["errors"].as_u64()),
        (Some("tokens-per-minute"), Some(412))
    );
    let closed = text(&run(&["close", THROTTLED, "--json", "--world", WORLD]));
    assert_eq!(serde_json::from_str::<Value>(&closed).unwrap()["state"], "closed");
    let shown = text(&run(&["show", THROTTLED, "--json", "--world", WORLD]));
    assert_eq!(serde_json::from_str::<Value>(&shown).unwrap()["notice"]["incident_id"], THROTTLED);
}

#[test]
fn accounts_are_named_and_chosen_where_there_are_several() {
    let mut file: Value = serde_json::from_str(&sample("ledger.world.json")).unwrap();
    file["incidents"][2]["account"] = "444455556666".into();
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("accounts.world.json");
    std::fs::write(&path, file.to_string()).unwrap();
    let world = path.to_str().unwrap();
    let listed = text(&run(&["incidents", "--world", world]));
    assert_eq!(listed.matches("\n  444455556666  eu-central-1").count(), 1, "{listed}");
    assert_eq!(listed.matches("\n  111122223333  us-east-1").count(), 4, "{listed}");
    assert!(listed.lines().all(|l| l.chars().count() <= 80), "{listed}");
    let chosen = text(&run(&["incidents", "--account", "444455556666", "--json", "--world", world]));
    let accounts: Vec<Value> = chosen.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert!(accounts.len() == 1 && accounts[0]["account"] == "444455556666", "{chosen}");
    let none = text(&run(&["incidents", "--account", "222233334444", "--world", world]));
    assert_eq!(none, "no incidents\n");
    let page = text(&run(&["report", "--world", world, "--html", "-"]));
    assert!(page.contains("account 444455556666, inc-"), "an open incident");
    assert!(page.contains("<th>account</th>") && page.contains("<td>111122223333</td>"), "the past ones");
    let page = text(&run(&["report", "--world", WORLD, "--html", "-"]));
    assert!(!page.contains("<th>account</th>") && !page.contains("account 111122223333, inc-"));
}

#[test]
fn coverage_tells_who_was_heard_who_is_silent_and_who_was_never_heard() {
    let mut file: Value = serde_json::from_str(&sample("ledger.world.json")).unwrap();
    // Of an own account each: an open incident of the same day, and a closed one of eight days ago.
    file["incidents"][2]["account"] = "444455556666".into();
    file["incidents"][3]["account"] = "222233334444".into();
    let accounts = r#"{"444455556666":{"name":"payments-prod","owner":"team-pay"},"333344445555":{}}"#;
    file["config"] = serde_json::json!({ "ACCOUNTS": accounts });
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("coverage.world.json");
    std::fs::write(&path, file.to_string()).unwrap();
    let world = path.to_str().unwrap();
    let listed = text(&run(&["coverage", "--json", "--world", world]));
    let places: Vec<Value> = listed.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let of = |account: &str, region: Option<&str>| {
        let is_it = |p: &&Value| p["account"] == account && p["region"].as_str() == region;
        let place = places.iter().find(is_it).unwrap();
        (place["hearing"].as_str().unwrap(), place["open"].as_u64().unwrap())
    };
    assert_eq!(of("111122223333", Some("us-east-1")), ("heard", 2));
    assert_eq!(of("444455556666", Some("eu-central-1")), ("heard", 1));
    assert_eq!(of("222233334444", Some("us-east-1")), ("silent", 0));
    assert_eq!(of("333344445555", None), ("never-heard", 0));
    assert_eq!(places.len(), 4);
    let shown = text(&run(&["coverage", "--world", world]));
    assert!(shown.contains("  payments-prod, owner: team-pay\n"), "{shown}");
    assert!(shown.lines().all(|l| l.chars().count() <= 80), "{shown}");
}

#[test]
fn bad_input_is_named() {
    for (arguments, status, says) in [
        (&["show", "inc-0000000000000000", "--world", WORLD][..], 1, "the ledger has no incident"),
        (&["close", "inc-0000000000000000", "--world", WORLD], 1, "closed or unknown"),
        (&["show", "incident 7", "--world", WORLD], 2, "sixteen digits"),
        (&["incidents", "--world", "nowhere.json"], 1, "nowhere.json"),
        (&["incidents", "--account", "everybody", "--world", WORLD], 2, "twelve digits"),
        (&["incidents"], 1, if cfg!(feature = "aws") { "--table" } else { "--world" }),
    ] {
        let done = run(arguments);
        let error = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(status), "{arguments:?}: {error}");
        assert!(error.contains(says) && done.stdout.is_empty(), "{arguments:?}: {error}");
    }
}
