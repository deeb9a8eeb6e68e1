//! Every sample in `events/`, explained by the program, as a reviewer reads it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::path::{Path, PathBuf};
use std::process::Command;

use bedrock_remediator::sandbox::WorldFile;

fn samples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("events");
    let entries = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    let mut files: Vec<_> = entries.filter(|p| p.extension().is_some_and(|e| e == "json")).collect();
    files.sort();
    files
}

fn is_world(path: &Path) -> bool {
    path.to_string_lossy().ends_with(".world.json")
}

fn explain(file: &Path, json: bool) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bedrock-remediator"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).arg("explain");
    if json {
        command.arg("--json");
    }
    let relative = Path::new("events").join(file.file_name().unwrap());
    let output = command.arg(relative).output().unwrap();
    assert!(output.stderr.is_empty(), "{}: {}", file.display(), String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn each_sample_is_explained_as_its_snapshot_shows() {
    let files = samples();
    assert!(files.iter().filter(|f| !is_world(f)).count() >= 30);
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots/events");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for file in files.iter().filter(|f| !is_world(f)) {
            let name = file.file_stem().unwrap().to_string_lossy().into_owned();
            insta::assert_snapshot!(name, explain(file, false));
        }
    });
}

#[test]
fn the_json_form_has_the_promised_shape() {
    for file in samples().iter().filter(|f| !is_world(f)) {
        let text = explain(file, true);
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(text.lines().count(), 1, "{}", file.display());
        assert!(["incident", "ignored", "malformed"].contains(&line["outcome"].as_str().unwrap()));
        for incident in line["incidents"].as_array().unwrap() {
            for key in
                ["id", "category", "cause", "remedy", "facts", "counts", "actions", "withheld", "advice"]
            {
                assert!(!incident[key].is_null(), "{}: {key}", file.display());
            }
            let is_quota = incident["category"] == "quota";
            let increases =
                incident["actions"].as_array().unwrap().iter().filter(|a| a["type"] == "request-increase");
            assert!(increases.count() <= usize::from(is_quota), "{}", file.display());
            assert_eq!(incident["notice"]["version"], "1", "{}", file.display());
        }
    }
}

#[test]
fn no_prompt_of_a_sample_reaches_any_output() {
    for file in samples().iter().filter(|f| !is_world(f)) {
        for json in [false, true] {
            let text = explain(file, json);
            assert!(!text.contains("CANARY") && !text.contains("secret prompt"), "{}", file.display());
        }
    }
}

#[test]
fn every_world_file_belongs_to_a_sample_and_reads() {
    for file in samples().iter().filter(|f| is_world(f)) {
        let text = std::fs::read_to_string(file).unwrap();
        if let Err(error) = WorldFile::parse(&text) {
            panic!("{}: {error}", file.display());
        }
        let sample = file.to_string_lossy().replace(".world.json", ".json");
        // One is there to try the commands on incidents.
        assert!(Path::new(&sample).is_file() || sample.ends_with("/ledger.json"), "{sample}");
    }
}
