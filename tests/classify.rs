//! `classify`, as people and pipes call it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use crate::support::program::run;
use serde_json::{Value, json};

/// Pipes `input`, which must fit the pipe's buffer, into the program.
fn piped(input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_bedrock-remediator"))
        .arg("classify")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn answers(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

const THROTTLE: &str = "botocore.errorfactory.ThrottlingException: An error occurred (ThrottlingException) when calling the Converse operation: Too many tokens, please wait before trying again.";

#[test]
fn a_text_is_an_argument_a_line_or_a_whole_traceback() {
    let traceback = format!(
        "Traceback (most recent call last):\n  File \"app.py\", line 7, in ask\n    client.converse(**body)\n{THROTTLE}\n"
    );
    for output in [run(&["classify", THROTTLE]), piped(THROTTLE), piped(&traceback)] {
        let answered = answers(&output);
        assert_eq!(answered.len(), 1);
        let [one] = &answered[..] else { unreachable!() };
        assert_eq!(
            (&one["answered_by"], &one["cause"]),
            (&json!("Amazon Bedrock"), &json!("tokens-per-minute"))
        );
        assert_eq!(
            (&one["remedy"], &one["facts"]["operation"]),
            (&json!("increase-quota"), &json!("Converse"))
        );
        assert!(one["advice"].is_string() && output.status.success());
    }
}

#[test]
fn anothers_limit_is_named_as_anothers() {
    let text = "anthropic.RateLimitError: Error code: 429 - {'type': 'error', 'error': {'type': 'rate_limit_error', 'message': 'This request would exceed your organization\u{2019}s rate limit'}} (https://api.anthropic.com/v1/messages)";
    let answered = answers(&run(&["classify", text]));
    assert_eq!(answered[0]["cause"], "unrelated");
    assert_eq!(answered[0]["answered_by"], "Anthropic's own API");
}

#[test]
fn each_query_has_an_answer_under_its_id_and_a_bad_one_is_named_by_its_line() {
    let queries = [
        json!({ "id": "a", "message": "Too many requests, please wait before trying again.", "error_code": "ThrottlingException" }),
        json!({ "id": "b" }),
        json!({ "id": 3, "error_code": "ModelTimeoutException", "http_status": 408 }),
    ];
    let output = piped(&queries.map(|query| query.to_string()).join("\n"));
    let answered = answers(&output);
    let ids: Vec<&Value> =
        answered.iter().filter(|one| one.get("cause").is_some()).map(|one| &one["id"]).collect();
    assert_eq!(ids, [&json!("a"), &json!(3)]);
    assert_eq!(output.status.code(), Some(1));
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    assert!(said.contains("line 2") && said.contains("expected `message` or `error_code`"), "{said}");
}

#[test]
fn an_empty_text_is_named() {
    for text in ["", " \n"] {
        let output = run(&["classify", text]);
        assert_eq!(output.status.code(), Some(1));
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains("TEXT is empty"), "{error}");
    }
}
