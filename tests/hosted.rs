//! The workflows of the hosted CI: what they run exists, and they run no action that may change.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::template::read::read;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Each workflow: its file, its text, and the text as data.
fn workflows() -> Vec<(PathBuf, String, Value)> {
    let files =
        std::fs::read_dir(root().join(".github/workflows")).unwrap().map(|entry| entry.unwrap().path());
    let workflows: Vec<_> = files
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            let parsed = read(&text);
            (path, text, parsed)
        })
        .collect();
    assert!(workflows.len() >= 3, "ci, nightly and release");
    workflows
}

fn steps(workflow: &Value) -> Vec<&Value> {
    let jobs = workflow["jobs"].as_object().unwrap().values();
    jobs.flat_map(|job| job["steps"].as_array().unwrap()).collect()
}

/// <https://docs.github.com/en/actions/reference/security/secure-use#using-third-party-actions>
#[test]
fn every_action_is_pinned_to_a_commit_with_its_version() {
    let mut actions = 0;
    for (path, text, parsed) in workflows() {
        for step in steps(&parsed).into_iter().filter(|step| step.get("uses").is_some()) {
            let (_, commit) = step["uses"].as_str().unwrap().split_once('@').unwrap();
            assert!(commit.len() == 40 && commit.bytes().all(|b| b.is_ascii_hexdigit()), "{path:?}: {step}");
            let (_, version) =
                text.split_once(&format!("{commit} # v")).unwrap_or_else(|| panic!("{path:?}: {step}"));
            assert!(version.starts_with(|c: char| c.is_ascii_digit()), "{path:?}: {step}");
            actions += 1;
        }
    }
    assert!(actions >= 10, "{actions}");
}

#[test]
fn every_workflow_has_few_rights_and_every_job_an_end() {
    for (path, _, parsed) in workflows() {
        assert_eq!(parsed["permissions"], serde_json::json!({ "contents": "read" }), "{path:?}");
        for (name, job) in parsed["jobs"].as_object().unwrap() {
            assert!(
                job["timeout-minutes"].as_u64().is_some_and(|minutes| minutes <= 180),
                "{path:?}: {name}"
            );
            assert!(
                job["runs-on"].as_str().is_some_and(|runner| !runner.ends_with("latest")),
                "{path:?}: {name}"
            );
        }
    }
}

#[test]
fn what_a_step_runs_exists() {
    let mut run = Vec::new();
    for (path, _, parsed) in workflows() {
        for step in steps(&parsed) {
            let Some(script) = step["run"].as_str() else { continue };
            for word in script.split_whitespace().map(|word| word.trim_start_matches("$(")) {
                if ["release/", ".ci/", "tests/"].iter().any(|folder| word.starts_with(folder)) {
                    assert!(root().join(word).exists(), "{path:?}: {word}");
                    run.push(word.to_owned());
                }
            }
            // A text from outside in a script would be run.
            assert!(!script.contains("${{ github"), "{path:?}: {script}");
        }
    }
    for script in [".ci/run", "release/build", "release/check"] {
        assert!(run.iter().any(|found| found == script), "{script}");
    }
}

#[test]
fn every_fuzz_target_has_its_night() {
    let (.., nightly) = workflows().into_iter().find(|(path, ..)| path.ends_with("nightly.yml")).unwrap();
    let targets = nightly["jobs"]["fuzz"]["strategy"]["matrix"]["target"].as_array().unwrap();
    let mut targets: Vec<&str> = targets.iter().map(|target| target.as_str().unwrap()).collect();
    targets.sort_unstable();
    let files = std::fs::read_dir(root().join("fuzz/fuzz_targets")).unwrap();
    let mut kept: Vec<String> =
        files.map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    kept.sort_unstable();
    assert_eq!(targets, kept);
}

#[test]
fn updates_are_looked_for_where_dependencies_are() {
    let text = std::fs::read_to_string(root().join(".github/dependabot.yml")).unwrap();
    let updates = read(&text);
    let mut ecosystems = Vec::new();
    for update in updates["updates"].as_array().unwrap() {
        let kind = update["package-ecosystem"].as_str().unwrap();
        ecosystems.push(kind);
        let file = match kind {
            "cargo" => "Cargo.toml",
            "pip" => "requirements.txt",
            "github-actions" => ".github/workflows",
            "npm" => "package.json",
            other => panic!("{other}"),
        };
        let folders: Vec<&str> = match update["directories"].as_array() {
            Some(folders) => folders.iter().map(|folder| folder.as_str().unwrap()).collect(),
            None => vec![update["directory"].as_str().unwrap()],
        };
        for folder in folders {
            assert!(root().join(folder.trim_start_matches('/')).join(file).exists(), "{kind}: {folder}");
        }
    }
    assert_eq!(ecosystems, ["cargo", "github-actions", "npm", "pip"]);
}
