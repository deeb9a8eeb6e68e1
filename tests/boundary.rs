//! The architecture, held by tests: who may import what, and what a deciding module may not do.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::path::{Path, PathBuf};

/// What decides. A module that is not named here may wait and ask; these may not.
const PURE: &[&str] = &[
    "access.rs",
    "callers.rs",
    "clean.rs",
    "config.rs",
    "diagnosis",
    "event",
    "headroom.rs",
    "ids.rs",
    "incident.rs",
    "lifecycle.rs",
    "model.rs",
    "notice",
    "plan",
    "quota",
    "strangers.rs",
    "suspicion.rs",
    "terms.rs",
    "usage.rs",
    "words.rs",
];

/// Where the program waits, prints or starts things.
const PROGRAM: &[&str] = &["main.rs", "cli", "bin"];

fn sources() -> Vec<(String, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    walk(&root, &mut found);
    let name = |p: &Path| p.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
    found.iter().map(|p| (name(p), std::fs::read_to_string(p).unwrap())).collect()
}

fn is_in(file: &str, modules: &[&str]) -> bool {
    modules.iter().any(|m| file == *m || file.starts_with(&format!("{m}/")))
}

/// Code only: comments and documentation may speak of anything.
fn code(source: &str) -> impl Iterator<Item = (usize, &str)> {
    source.lines().enumerate().filter(|(_, l)| !l.trim_start().starts_with("//"))
}

fn offenders(files: &[(String, String)], forbidden: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (name, source) in files {
        for (number, line) in code(source) {
            if let Some(word) = forbidden.iter().find(|word| line.contains(*word)) {
                found.push(format!("{name}:{}: {word}", number + 1));
            }
        }
    }
    found
}

#[test]
fn every_pure_module_exists() {
    let files = sources();
    for module in PURE {
        assert!(files.iter().any(|(name, _)| is_in(name, &[module])), "{module}");
    }
}

#[test]
fn what_decides_neither_waits_nor_reads_a_clock_nor_rolls_dice() {
    let pure: Vec<_> = sources().into_iter().filter(|(name, _)| is_in(name, PURE)).collect();
    let forbidden = [
        "async ",
        ".await",
        "Timestamp::now",
        "SystemTime",
        "Instant::now",
        "rand::",
        "std::env",
        "std::fs",
        "std::net",
        "tokio",
    ];
    assert_eq!(offenders(&pure, &forbidden), [""; 0]);
}

#[test]
fn only_the_aws_module_knows_an_sdk() {
    let others: Vec<_> = sources().into_iter().filter(|(name, _)| !is_in(name, &["aws"])).collect();
    assert_eq!(offenders(&others, &["aws_sdk_", "aws_config", "aws_smithy", "aws_types"]), [""; 0]);
}

#[test]
fn the_library_spawns_nothing_and_waits_only_through_the_clock() {
    let library: Vec<_> =
        sources().into_iter().filter(|(name, _)| !is_in(name, PROGRAM) && !is_in(name, &["aws"])).collect();
    let forbidden = [
        "tokio::spawn",
        "tokio::time",
        "select!",
        "thread::spawn",
        "thread::sleep",
        "println!",
        "Timestamp::now",
    ];
    assert_eq!(offenders(&library, &forbidden), [""; 0]);
}

#[test]
fn imports_run_one_way_down_the_line() {
    // Each module may use the modules below it in this list, and none above.
    let order = ["handler", "sweep", "drive", "act", "investigate", "notice", "plan", "evidence"];
    for (name, source) in sources() {
        let module = name.trim_end_matches(".rs").split('/').next().unwrap_or_default().to_owned();
        let Some(at) = order.iter().position(|m| *m == module) else { continue };
        for above in &order[..at] {
            let import = format!("use crate::{above}");
            assert!(!code(&source).any(|(_, l)| l.contains(&import)), "{name} imports {above}");
        }
    }
}
