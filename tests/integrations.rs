//! The page about other systems: what it says of the event, and its input templates, filled in with the samples' notices.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::path::Path;
use std::process::Command;

use bedrock_remediator::notice::Kind;
use serde_json::Value;

const PAGE: &str = include_str!("../docs/integrations.md");

/// Every sample's notices, as machines get them.
fn notices() -> Vec<Value> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let samples = std::fs::read_dir(root.join("events")).unwrap().map(|entry| entry.unwrap().path());
    let samples = samples.filter(|path| {
        let name = path.to_string_lossy();
        name.ends_with(".json") && !name.ends_with(".world.json")
    });
    let mut command = Command::new(env!("CARGO_BIN_EXE_bedrock-remediator"));
    let output = command.args(["explain", "--json"]).args(samples).output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    let explained: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let incidents = explained.iter().flat_map(|of| of["incidents"].as_array().unwrap());
    incidents.map(|incident| incident["notice"].clone()).filter(Value::is_object).collect()
}

/// The page's input templates.
fn templates() -> Vec<&'static str> {
    let blocks = PAGE.split("```json\n").skip(1).map(|block| block.split("\n```").next().unwrap());
    blocks.filter(|block| block.contains('<')).collect()
}

/// The template as EventBridge fills it in: a placeholder that stands alone becomes the value as JSON.
fn filled(template: &str, notice: &Value) -> String {
    let paths = PAGE.split("InputPathsMap:\n").nth(1).unwrap().lines();
    let paths = paths.take_while(|line| line.contains(": $.detail."));
    let mut text = template.to_owned();
    for line in paths {
        let (name, path) = line.trim().split_once(": $.detail.").unwrap();
        text = text.replace(&format!("<{name}>"), &notice[path].to_string());
    }
    text
}

#[test]
fn each_template_filled_in_with_each_notice_is_json_that_names_its_incident() {
    let (notices, templates) = (notices(), templates());
    assert!(notices.len() > 80 && templates.len() == 4);
    for template in templates {
        for notice in &notices {
            let text = filled(template, notice);
            let json: Value = serde_json::from_str(&text).unwrap_or_else(|why| panic!("{why}: {text}"));
            let id = notice["incident_id"].as_str().unwrap();
            assert!(json.to_string().contains(id) && !text.contains("null"), "{text}");
        }
    }
}

#[test]
fn the_page_lists_every_kind_of_notice() {
    let row = PAGE.lines().find(|line| line.starts_with("| `detail-type` |")).unwrap();
    let missing: Vec<_> = Kind::ALL.iter().filter(|kind| !row.contains(&format!("`{kind}`"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
