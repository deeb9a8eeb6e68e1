//! What `quota` says on the command line, and whose word it is.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

/// What the program answers, given `lines` on its standard input.
fn asked(args: &[&str], lines: &str) -> String {
    let mut program = Command::new(env!("CARGO_BIN_EXE_bedrock-remediator"))
        .arg("quota")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    program.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    String::from_utf8(program.wait_with_output().unwrap().stdout).unwrap()
}

#[test]
fn what_no_account_was_asked_about_is_said_to_be_the_listings_word() {
    let listing = json!({ "Quotas": [{
        "ServiceCode": "bedrock", "QuotaCode": "L-A4430697", "Adjustable": true,
        "QuotaName": "Cross-Region InvokeModel tokens per minute for Anthropic Claude Opus 5.5",
    }]});
    let saved = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("quota-listing.json");
    std::fs::write(&saved, listing.to_string()).unwrap();
    let saved = saved.to_str().unwrap();
    let model = "us.anthropic.claude-opus-5-5";
    let query = json!({ "id": 7, "model_id": model, "limit": "tokens-per-minute" }).to_string();
    for (args, adjustable, source, said) in [
        (&[][..], false, "public-listing", "L-A4430697, not adjustable by the public listing"),
        (&["--catalog", saved], true, "catalog-file", "L-A4430697, adjustable by the catalog file"),
    ] {
        let answer: Value = serde_json::from_str(&asked(args, &query)).unwrap();
        assert_eq!(answer["quota_code"], "L-A4430697");
        assert_eq!((&answer["adjustable"], &answer["source"]), (&json!(adjustable), &json!(source)));
        let told = asked(&[args, &[model]].concat(), "");
        assert!(told.contains(said), "{told}");
    }
}
