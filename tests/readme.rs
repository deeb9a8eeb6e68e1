//! The README says what is.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::process::Command;

use bedrock_remediator::config::Config;
use bedrock_remediator::diagnosis::markdown;

const README: &str = include_str!("../README.md");

fn between<'t>(text: &'t str, from: &str, to: &str) -> &'t str {
    let (_, rest) = text.split_once(from).unwrap();
    rest.split_once(to).unwrap().0
}

#[test]
fn its_rule_table_is_the_programs() {
    let marked = between(README, "a test compares -->\n", "\n<!-- end of rules -->");
    assert_eq!(marked, markdown().trim_end(), "put `rules --markdown` between the markers");
}

#[test]
fn its_notice_is_the_programs() {
    let shown = between(README, "```text\n", "\n```");
    let mut program = Command::new(env!("CARGO_BIN_EXE_bedrock-remediator"));
    let output = program
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["explain", "events/throttle-tokens.json"])
        .output();
    assert_eq!(shown, String::from_utf8(output.unwrap().stdout).unwrap().trim_end());
}

#[test]
fn its_commands_exist() {
    for line in README.lines().filter(|l| l.starts_with("cargo run -- ")) {
        let command = line.split_whitespace().nth(3).unwrap();
        let help = Command::new(env!("CARGO_BIN_EXE_bedrock-remediator"))
            .args([command, "--help"])
            .output()
            .unwrap();
        assert!(help.status.success(), "{command}");
    }
}

#[test]
fn its_variables_are_read_and_have_its_defaults() {
    let rows = README.lines().map(str::trim).filter(|l| l.starts_with("| `") && l.matches('|').count() == 4);
    let mut read = 0;
    for row in rows.filter(|r| !r.contains("](")) {
        let names = row.split('|').nth(1).unwrap();
        for name in names.split(',').map(|n| n.trim().trim_matches('`')) {
            // A value that no variable takes shows whether the variable is read at all.
            let refused = Config::from_vars(|asked| (asked == name).then(|| "\u{0}".to_owned())).is_err();
            let takes_anything = name.ends_with("_MODELS");
            assert!(refused || takes_anything, "{name}");
            read += 1;
        }
    }
    assert!(read >= 12, "{read}");
}

#[test]
fn its_promises_name_tests_and_laws_that_exist() {
    let promises = between(README, "## What it promises\n", "\n## ");
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let entries = std::fs::read_dir(root.join("src/simulation")).unwrap();
    let files = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    let simulation: String = files.map(|file| std::fs::read_to_string(file).unwrap()).collect();
    let rows: Vec<_> = promises.lines().filter(|l| l.starts_with("| ") && l.contains('`')).collect();
    for row in &rows {
        let held_by = row.rsplit('|').nth(1).unwrap();
        let tests: Vec<_> = held_by.split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "{row}");
        for test in tests {
            let (file, name) = test.split_once("::").unwrap();
            let text = std::fs::read_to_string(root.join("tests").join(file).with_extension("rs")).unwrap();
            assert!(text.contains(&format!("#[test]\nfn {name}()")), "{test}");
        }
        for law in held_by.split('"').skip(1).step_by(2) {
            assert!(simulation.contains(&format!("\"{law}\"")), "{law}");
        }
    }
    assert!(rows.len() >= 9, "{}", rows.len());
}
