//! What `quota` says on the command line, and whose word it is.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
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

/// Models and the ends of their quotas' names.
const LABELS: [(&str, &[&str]); 14] = [
    ("amazon.nova-2-lite-v1:0", &["Amazon Nova 2 Lite"]),
    ("amazon.nova-lite-v1:0", &["Amazon Nova Lite"]),
    ("amazon.nova-pro-v1:0", &["Amazon Nova Pro", "Amazon Nova Pro V1"]),
    ("anthropic.claude-3-5-sonnet-20240620-v1:0", &["Anthropic Claude 3.5 Sonnet"]),
    ("anthropic.claude-3-5-sonnet-20241022-v2:0", &["Anthropic Claude 3.5 Sonnet V2"]),
    ("anthropic.claude-haiku-4-5-20251001-v1:0", &["Anthropic Claude Haiku 4.5"]),
    ("anthropic.claude-opus-4-6-v1", &["Anthropic Claude Opus 4.6 V1"]),
    ("anthropic.claude-opus-5-5", &["Anthropic Claude Opus 5.5"]),
    ("anthropic.claude-sonnet-4-20250514-v1:0", &["Anthropic Claude Sonnet 4 V1"]),
    ("anthropic.claude-sonnet-4-5-20250929-v1:0", &["Anthropic Claude Sonnet 4.5 V1"]),
    ("cohere.command-r-plus-v1:0", &["Cohere Command R Plus"]),
    ("meta.llama3-1-405b-instruct-v1:0", &["Meta Llama 3.1 405B Instruct"]),
    ("openai.gpt-5.6-luna", &["GPT-5.6 Luna"]),
    ("qwen.qwen3-32b-v1:0", &["Qwen3 32B V1"]),
];
const LIMITS: [&str; 5] = [
    "requests-per-minute",
    "tokens-per-minute",
    "tokens-per-day",
    "input-tokens-per-minute",
    "output-tokens-per-minute",
];
const VARIANTS: [&str; 4] = ["standard", "1m-context", "latency-optimized", "bedrock-mantle"];
const SCOPES: [(&str, &str); 3] = [("", "on-demand"), ("us.", "cross-region"), ("global.", "global")];

/// What the words of a quota's name say: the limit, the variant, the scope and the label. `any` is the scope of a quota
/// that on-demand calls and those of a geography share, and of bedrock-mantle.
fn said(name: &str) -> (String, &'static str, &'static str, String) {
    let lower = name.to_ascii_lowercase();
    let limit = LIMITS.iter().rev().find(|limit| lower.contains(&limit.replace('-', " ")));
    let variant = [("mantle", 3), ("latency-optimized", 2), ("1m context", 1)];
    let variant = variant.iter().find(|(word, _)| lower.contains(word)).map_or(0, |(_, at)| *at);
    let scope = ["global", "cross-region", "on-demand"].into_iter().find(|scope| lower.starts_with(scope));
    let label = name.split_once(" for ").map_or("", |(_, label)| label);
    let label = label.replace(" (doubled for cross-region calls)", "").replace(" 1M Context Length", "");
    let limit = limit.map(|limit| (*limit).to_owned()).unwrap_or_default();
    (limit, VARIANTS.get(variant).unwrap(), scope.unwrap_or("any"), label)
}

#[test]
fn each_variant_of_each_model_and_limit_has_its_own_quota_or_none() {
    let listing = bedrock_remediator::quota::Catalog::built_in();
    let mut counts: BTreeMap<&str, [u32; 3]> = BTreeMap::new();
    let mut refused = Vec::new();
    for (model, labels) in LABELS {
        let mut lines = String::new();
        let mut wanted = Vec::new();
        for (prefix, scope) in SCOPES {
            for (limit, variant) in LIMITS.iter().flat_map(|l| VARIANTS.map(|v| (*l, v))) {
                let (id, model) = (wanted.len(), format!("{prefix}{model}"));
                let query = json!({ "id": id, "model_id": model, "limit": limit, "variant": variant });
                writeln!(lines, "{query}").unwrap();
                let fits = |name: &&str| {
                    let (of_limit, of_variant, of_scope, label) = said(name);
                    // A global profile has a daily limit of its own.
                    let is_shared = of_scope == "any" && (scope, limit) != ("global", "tokens-per-day");
                    (of_limit.as_str(), of_variant) == (limit, variant)
                        && labels.contains(&label.as_str())
                        && (of_scope == scope || is_shared)
                        && !name.starts_with('(')
                };
                let names = listing.quotas().iter().map(|quota| quota.name.as_str());
                wanted.push((variant, format!("{model} {limit}"), names.filter(fits).collect::<Vec<_>>()));
            }
        }
        for answer in asked(&[], &lines).lines() {
            let answer: Value = serde_json::from_str(answer).unwrap();
            let at = usize::try_from(answer["id"].as_u64().unwrap()).unwrap();
            let (variant, of, names) = wanted.get(at).unwrap();
            let [right, none, missed] = counts.entry(variant).or_default();
            match answer["quota_name"].as_str() {
                Some(name) => {
                    assert!(names.contains(&name), "{of} {variant}: {name}");
                    *right += 1;
                }
                None if names.is_empty() => *none += 1,
                None => {
                    *missed += 1;
                    refused.push(format!("{of} {variant}"));
                }
            }
        }
    }
    // Right, refused because none is listed, refused although one is; a wrong one would have failed above.
    let expected = [
        ("1m-context", [15, 195, 0]),
        ("bedrock-mantle", [6, 204, 0]),
        ("latency-optimized", [3, 206, 1]),
        ("standard", [69, 141, 0]),
    ];
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), expected);
    // Its name does not say whether calls of a geography count against it.
    assert_eq!(refused, ["us.amazon.nova-pro-v1:0 tokens-per-day latency-optimized"]);
}
