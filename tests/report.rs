//! The report: what it gathers, and the page it writes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use crate::support::program::run;
use crate::support::story::*;
use bedrock_remediator::config::Config;
use bedrock_remediator::incident::record::State;
use bedrock_remediator::operate::report::{AccountReport, report};
use bedrock_remediator::quota::Limit;
use bedrock_remediator::run::context::RunContext;
use bedrock_remediator::sandbox::{FaultKind, Sandbox, WorldFile};
use bedrock_remediator::usage::{Minute, Period, Series, course};
use jiff::SignedDuration;

const WORLD: &str = "events/ledger.world.json";

fn ledger() -> WorldFile {
    WorldFile::parse(&sample("ledger.world.json")).unwrap()
}

fn reported(world: &Sandbox, file: &WorldFile) -> AccountReport {
    let config = Config::default();
    block_on(report(world, &RunContext { config: &config, home: &file.home(), allowance: ALLOWANCE }))
        .unwrap()
}

#[test]
fn it_has_what_is_open_what_is_over_and_the_fullest_quotas_first() {
    let file = ledger();
    let world = sandbox(file.clone());
    let report = reported(&world, &file);
    assert_eq!((report.open.len(), report.more.len(), report.past.len()), (3, 0, 2));
    assert!(report.open.is_sorted_by_key(|s| std::cmp::Reverse(s.record.incident.last_seen)));
    assert!(report.past.iter().all(|r| r.state == State::Closed));
    let shares: Vec<f64> = report.uses.iter().map(|u| u.near.share()).collect();
    assert!(shares.len() >= 4 && shares.is_sorted_by(|a, b| a >= b), "{shares:?}");
    let first = &report.uses[0];
    assert_eq!((first.near.quota.code.as_str(), first.models[0].as_str()), ("L-F4DDD3EB", SONNET));
    assert!(first.near.growth.is_some(), "it grows in the sample");
    assert!(first.course.len() > 13 * 24, "two weeks by the hour: {}", first.course.len());
    assert!(first.course.iter().any(|hour| hour.throttles > 0.0));
    assert!(report.unread.is_empty());
    let calls = world.calls();
    for call in ["claim", "finish", "publish", "request_increase", "watch"] {
        assert_eq!(calls.get(call), None, "a report changes nothing: {call}");
    }
}

#[test]
fn what_cannot_be_asked_is_said_and_the_incidents_are_shown_all_the_same() {
    for call in ["used", "listing"] {
        let mut file = ledger();
        file.faults.push(fault(call, None, FaultKind::Denied));
        let report = reported(&sandbox(file.clone()), &file);
        assert_eq!((report.open.len(), report.uses.len(), report.unread.len()), (3, 0, 1), "{call}");
    }
    let nowhere = WorldFile { region: None, ..ledger() };
    let report = reported(&sandbox(nowhere.clone()), &nowhere);
    assert!(report.place.is_none() && report.uses.is_empty() && report.open.len() == 3);
}

#[test]
fn an_hour_shows_its_busiest_minute_and_a_day_its_sum() {
    let at = |minute: i64| now() - SignedDuration::from_mins(minute);
    let minute = |tokens: f64, throttles: f64| Minute {
        invocations: 2.0,
        input_tokens: tokens,
        output_tokens: 10.0,
        throttles,
        ..Minute::NONE
    };
    // 14:34 and 14:31 are of one hour, 13:34 of another.
    let one = Series::of(
        Period::Minute,
        vec![(at(60), minute(50.0, 0.0)), (at(3), minute(100.0, 1.0)), (at(0), minute(70.0, 0.0))],
    );
    let sibling = Series::of(Period::Minute, vec![(at(3), minute(30.0, 4.0))]);
    let tokens = course(&[&one, &sibling], 5.0, Limit::TokensPerMinute);
    assert_eq!(
        tokens.iter().map(|h| (h.peak, h.throttles)).collect::<Vec<_>>(),
        [(100.0, 0.0), (230.0, 5.0)]
    );
    let requests = course(&[&one, &sibling], 5.0, Limit::RequestsPerMinute);
    assert_eq!(requests.iter().map(|h| h.peak).collect::<Vec<_>>(), [2.0, 4.0]);
    let day = course(&[&one, &sibling], 5.0, Limit::TokensPerDay);
    assert_eq!(day.iter().map(|h| h.peak).collect::<Vec<_>>(), [450.0]);
}

#[test]
fn the_page_is_one_file_with_a_chart_for_each_quota() {
    let written = run(&["report", "--world", WORLD, "--html", "-"]);
    let page = String::from_utf8(written.stdout).unwrap();
    let file = ledger();
    let report = reported(&sandbox(file.clone()), &file);
    assert!(written.status.success() && page.starts_with("<!DOCTYPE html>"));
    assert_eq!(page.matches("<svg ").count(), report.uses.len());
    assert_eq!(page.matches("<article").count(), report.open.len());
    for said in
        ["quota 5,000,000", "inc-4564e2cd0093cd13", "The justification, ready to paste", "2026-11-20 20:00"]
    {
        assert!(page.contains(said), "{said}");
    }
    for drawn in ["NaN", ",inf", ",-inf", "<script", "<link", "<img"] {
        assert!(!page.contains(drawn), "{drawn}");
    }
}

#[test]
fn a_caller_is_on_the_page_only_by_a_name_that_iam_allows() {
    let mut file: serde_json::Value = serde_json::from_str(&sample("ledger.world.json")).unwrap();
    let mut page_of = |name: &str| {
        file["incidents"][2]["caller"] = format!("arn:aws:iam::111122223333:user/{name}").into();
        let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("named.world.json");
        std::fs::write(&path, file.to_string()).unwrap();
        let page = run(&["report", "--world", path.to_str().unwrap(), "--html", "-"]);
        assert!(page.status.success());
        String::from_utf8(page.stdout).unwrap()
    };
    assert!(page_of("somebody-new").contains("user/somebody-new"));
    let page = page_of("<script>alert(1)</script>");
    assert!(!page.contains("alert(1)") && !page.contains("<script"));
}

#[test]
fn an_empty_account_has_a_page_that_says_so() {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("empty.world.json");
    std::fs::write(&path, r#"{ "account": "111122223333", "region": "eu-west-1" }"#).unwrap();
    let page = run(&["report", "--world", path.to_str().unwrap(), "--html", "-"]);
    let page = String::from_utf8(page.stdout).unwrap();
    for said in
        ["Nothing is open.", "No model was called in the last two weeks.", "None is remembered.", "eu-west-1"]
    {
        assert!(page.contains(said), "{said}");
    }
}

#[test]
fn a_page_that_cannot_be_written_is_named() {
    let done = run(&["report", "--world", WORLD, "--html", "no/such/folder/page.html"]);
    let error = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(1));
    assert!(error.contains("cannot write `no/such/folder/page.html`"), "{error}");
}
