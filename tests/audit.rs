//! `audit`: what stands in the way of calls of a model before its launch.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::path::PathBuf;

use crate::support::program::run;
use serde_json::{Value, json};

const SONNET: &str = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0";
const BASE: &str = "anthropic.claude-sonnet-4-5-20250929-v1:0";
const APP: &str = "arn:aws:iam::111122223333:role/app";

/// An account in which the model can be called, and nothing is low.
fn ready() -> Value {
    let routes: Vec<String> = ["eu-west-1", "eu-north-1"]
        .map(|region| format!("arn:aws:bedrock:{region}::foundation-model/{BASE}"))
        .into();
    json!({
        "account": "111122223333", "region": "eu-west-1",
        "quotas": [{ "code": "L-F4DDD3EB", "applied": 6e6, "default": 5e6 }],
        "offered": [{ "region": "eu-west-1", "model_ids": [SONNET] }],
        "availability": [{ "model_id": BASE, "form_submitted": true }],
        "profiles": [{ "id": SONNET, "models": routes }],
        "policies": [{ "caller": APP, "verdict": "allowed" }],
    })
}

fn write(name: &str, file: &Value) -> PathBuf {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("audit-{name}.json"));
    std::fs::write(&path, file.to_string()).unwrap();
    path
}

/// The answer about one model, and the exit status.
fn audited(name: &str, file: &Value, more: &[&str]) -> (Value, i32) {
    let path = write(name, file);
    let common = ["audit", "--json", "--models", SONNET, "--world", path.to_str().unwrap()];
    let output = run(&[&common, more].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    (serde_json::from_str(&text).unwrap(), output.status.code().unwrap())
}

fn kinds(audit: &Value) -> Vec<&str> {
    audit["findings"].as_array().unwrap().iter().map(|f| f["kind"].as_str().unwrap()).collect()
}

/// The remedies of the first finding, as JSON text.
fn mend(audit: &Value) -> String {
    audit["findings"][0]["mend"].to_string()
}

#[test]
fn a_model_that_is_ready_has_no_findings_and_status_zero() {
    let (audit, status) = audited("ready", &ready(), &["--caller", APP]);
    assert_eq!((kinds(&audit), &audit["unread"], status), (vec![], &json!([]), 0));
    let path = write("ready", &ready());
    let shown = run(&["audit", "--models", SONNET, "--world", path.to_str().unwrap()]);
    assert!(String::from_utf8(shown.stdout).unwrap().contains("nothing stands in the way"));
}

#[test]
fn each_obstacle_is_found_and_has_what_removes_it() {
    let with = |change: &dyn Fn(&mut Value)| {
        let mut file = ready();
        change(&mut file);
        file
    };
    for (name, file, kind, removes, status) in [
        (
            "form",
            with(&|file| file["availability"][0]["form_submitted"] = json!(false)),
            "use-case-form",
            vec!["put-use-case-for-model-access", "aws_bedrock_use_case_for_model_access"],
            1,
        ),
        (
            "agreement",
            with(&|file| file["availability"][0]["agreement"] = json!("NOT_AVAILABLE")),
            "agreement",
            vec!["create-foundation-model-agreement", "aws_bedrock_foundation_model_agreement"],
            1,
        ),
        (
            "restricted",
            with(&|file| {
                file["availability"][0]["agreement"] = json!("NOT_AVAILABLE");
                file["availability"][0]["offers"] = json!(0);
            }),
            "agreement",
            vec!["AWS Support"],
            1,
        ),
        (
            "unauthorized",
            with(&|file| file["availability"][0]["authorized"] = json!(false)),
            "not-authorized",
            vec!["AWS Support"],
            1,
        ),
        (
            "elsewhere",
            with(&|file| file["offered"][0]["model_ids"] = json!(["eu.amazon.nova-lite-v1:0"])),
            "not-offered",
            vec!["list-inference-profiles"],
            1,
        ),
        (
            "legacy",
            with(&|file| file["availability"][0]["lifecycle"] = json!("LEGACY")),
            "ending",
            vec!["newer model"],
            0,
        ),
        (
            "zero",
            with(&|file| file["quotas"][0]["applied"] = json!(0)),
            "quota-is-zero",
            vec!["support case"],
            1,
        ),
        // Service Quotas takes no value up to AWS's default.
        (
            "below-default",
            with(&|file| file["quotas"][0]["applied"] = json!(1e6)),
            "quota-below-default",
            vec!["takes only values above AWS's default", "support case"],
            0,
        ),
    ] {
        let (audit, exit) = audited(name, &file, &[]);
        assert_eq!((kinds(&audit), exit), (vec![kind], status), "{name}: {audit}");
        for removes in removes {
            assert!(mend(&audit).contains(removes), "{name}: {audit}");
        }
    }
}

#[test]
fn a_quota_is_compared_with_a_world_file_or_with_another_accounts_listing() {
    let mut other = ready();
    other["quotas"][0]["applied"] = json!(9e6);
    let listing = json!({ "Quotas": [
        { "QuotaCode": "L-F4DDD3EB", "QuotaName": "x", "Adjustable": true, "Value": 9e6 },
    ] });
    for (name, like) in [("like-world", other), ("like-listing", listing)] {
        let path = write(name, &like);
        let (audit, status) = audited("low", &ready(), &["--like", path.to_str().unwrap()]);
        assert_eq!((kinds(&audit), status), (vec!["quota-below-reference"], 0), "{audit}");
        for removes in ["--desired-value 9000000", "aws_servicequotas_service_quota", "request-into-template"]
        {
            assert!(mend(&audit).contains(removes), "{audit}");
        }
    }
    let path = write("ready", &ready());
    let neither = ["audit", "--models", SONNET, "--world", path.to_str().unwrap(), "--like", "README.md"];
    let output = run(&neither);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("`README.md` is neither a listing of quotas nor a world file"), "{error}");
}

#[test]
fn a_policy_that_denies_a_region_of_the_profile_is_named_with_its_owner() {
    let denied = format!("arn:aws:bedrock:eu-north-1::foundation-model/{BASE}");
    let layered = |layer: Value| {
        let mut file = ready();
        let rule = json!({ "caller": APP, "resource": denied, "verdict": "implicit-deny", "layer": layer });
        file["policies"].as_array_mut().unwrap().insert(0, rule);
        audited("denied", &file, &["--caller", APP])
    };
    let (organizations, status) = layered(json!("organization"));
    assert_eq!((kinds(&organizations), status), (vec!["denied"], 1));
    let text = organizations["findings"][0]["text"].as_str().unwrap();
    assert_eq!(text, "A service control policy denies the call in: eu-north-1.");
    assert!(mend(&organizations).contains("bedrock:InferenceProfileArn"));
    let (own, status) = layered(Value::Null);
    assert_eq!((kinds(&own), status), (vec!["denied"], 1));
    assert!(mend(&own).contains("bedrock:InvokeModel") && !mend(&own).contains("Condition"), "{own}");
    // Without a caller nobody is asked.
    assert_eq!(audited("uncalled", &ready(), &[]).1, 0);
}

#[test]
fn what_could_not_be_read_is_never_in_order() {
    for (call, said) in [
        ("offered", "which ids the Region offers"),
        ("model_state", "the model's state"),
        ("agreement_offers", "the provider's agreements"),
        ("applied", "the applied value of tokens per minute"),
        ("simulate", "what IAM allows the caller"),
    ] {
        let mut file = ready();
        file["faults"] = json!([{ "call": call, "kind": "denied" }]);
        let (audit, status) = audited("unread", &file, &["--caller", APP]);
        let unread = audit["unread"].to_string();
        assert_eq!(status, 1, "{call}");
        assert!(unread.contains(said), "{call}: {unread}");
    }
    let mut file = ready();
    file["policies"] = json!([]);
    let (audit, status) = audited("nobody", &file, &["--caller", "arn:aws:iam::111122223333:role/nobody"]);
    assert_eq!((status, kinds(&audit).is_empty()), (1, true), "{audit}");
}
