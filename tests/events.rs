//! Every sample in `events/`, explained by the program, as a reviewer reads it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::path::{Path, PathBuf};
use std::process::Command;

use bedrock_remediator::sandbox::WorldFile;
use serde_json::Value;

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

/// Samples whose whole mail is a snapshot: one of each kind of notice and of each way to act.
const MAILS: [&str; 12] = [
    "access-use-case-form",
    "alarm-three-causes",
    "batch-mixed",
    "capacity-overloaded",
    "health-model-ends",
    "model-id-misspelt",
    "permission-identity-policy",
    "request-max-tokens",
    "throttle-below-default",
    "throttle-sudden-use",
    "throttle-tokens",
    "unknown-error",
];

/// Names of the samples, without their worlds.
fn names() -> Vec<(String, PathBuf)> {
    let named = |file: PathBuf| (file.file_stem().unwrap().to_string_lossy().into_owned(), file);
    samples().into_iter().filter(|file| !is_world(file)).map(named).collect()
}

fn snapshots(folder: &str) -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(format!("snapshots/{folder}"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings
}

/// What was decided about a sample, in some lines: the cause, what was done and withheld, why, and the first step. The
/// advice, further steps and the justification have tests where they are made.
fn decision(explained: &Value) -> String {
    let mut lines = vec![explained["outcome"].as_str().unwrap().to_owned()];
    lines.extend(explained["reason"].as_str().map(str::to_owned));
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    for incident in explained["incidents"].as_array().unwrap() {
        let notice = &incident["notice"];
        lines.push(String::new());
        lines.push(format!(
            "{}/{} by {}",
            text(&incident["category"]),
            text(&incident["cause"]),
            text(&incident["rule"])
        ));
        lines.push(format!("title: {}", text(&notice["title"])));
        for action in incident["actions"].as_array().unwrap() {
            let of = ["quota_code", "applied", "desired", "step", "for"];
            let parts = of.iter().filter(|key| !action[**key].is_null()).map(|key| text(&action[*key]));
            lines.push(format!("done: {} {}", text(&action["type"]), parts.collect::<Vec<_>>().join(" ")));
        }
        for withheld in incident["withheld"].as_array().unwrap() {
            lines.push(format!("withheld: {}: {}", text(&withheld["type"]), text(&withheld["reason"])));
        }
        lines.extend(notice["because"].as_array().unwrap().iter().map(|why| format!("why: {}", text(why))));
        let first = &notice["next_steps"][0];
        lines.extend(first["text"].as_str().map(|step| format!("first step: {step}")));
        lines.extend(first["command"].as_str().map(|command| format!("by: {command}")));
    }
    lines.join("\n")
}

#[test]
fn each_sample_is_decided_as_its_snapshot_shows() {
    let names = names();
    assert!(names.len() >= 30);
    snapshots("events").bind(|| {
        for (name, file) in names {
            let explained = serde_json::from_str(&explain(&file, true)).unwrap();
            insta::assert_snapshot!(name, decision(&explained));
        }
    });
}

/// The first screen of a mail: 12 lines of 76 characters.
const SCREEN: usize = 12;

#[test]
fn the_first_screen_of_each_mail_says_what_fails_since_when_what_was_done_and_what_to_do() {
    let mut lengths = Vec::new();
    for (name, file) in names() {
        let explained: Value = serde_json::from_str(&explain(&file, true)).unwrap();
        let text = explain(&file, false);
        let mails = text.split("Subject: ").skip(1).map(|mail| {
            let (_, body) = mail.split_once("\n\n").unwrap();
            body.split("\n-----").next().unwrap()
        });
        let notices = explained["incidents"].as_array().unwrap().iter().map(|incident| &incident["notice"]);
        for (notice, mail) in notices.filter(|notice| !notice.is_null()).zip(mails) {
            lengths.push(mail.lines().count());
            let screen: Vec<&str> = mail.lines().take(SCREEN).collect();
            let answer = |of: &str| {
                let of = format!("{of}:");
                let line = screen.iter().position(|line| line.starts_with(&of));
                line.unwrap_or_else(|| panic!("{name}: {of} is not among {screen:#?}"))
            };
            let summary = notice["summary"].as_str().unwrap();
            assert!(screen.join(" ").contains(summary), "{name}: {screen:#?}");
            let order = [answer("Since"), answer("Done"), answer("When"), answer("To do")];
            assert!(order.is_sorted(), "{name}: {screen:#?}");
            assert!(!mail.contains("\n        4. "), "{name}: more than three steps");
            // What can be copied stands on lines of its own.
            for step in notice["next_steps"].as_array().unwrap().iter().take(3) {
                for copied in ["command", "link"].iter().filter_map(|part| step[*part].as_str()) {
                    let whole = copied.lines().all(|line| mail.lines().any(|of| of.trim() == line.trim()));
                    assert!(whole, "{name}: {copied}");
                }
            }
        }
    }
    lengths.sort_unstable();
    assert!(lengths.len() > 90 && lengths[lengths.len() / 2] <= 30, "{lengths:?}");
}

#[test]
fn a_dozen_mails_read_as_their_snapshots_show() {
    let names = names();
    snapshots("mails").bind(|| {
        for name in MAILS {
            let (_, file) = names.iter().find(|(known, _)| known == name).unwrap();
            insta::assert_snapshot!(name, explain(file, false));
        }
    });
}

#[test]
fn the_json_form_has_the_promised_shape() {
    for file in samples().iter().filter(|f| !is_world(f)) {
        let text = explain(file, true);
        let line: Value = serde_json::from_str(&text).unwrap();
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
