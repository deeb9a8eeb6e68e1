//! The README and the other pages say what is: tables, commands, paths and links are compared with the code.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use bedrock_remediator::config::guard_rails;
use bedrock_remediator::diagnosis::markdown;
use bedrock_remediator::iam_action;
use serde_json::Value;

const README: &str = include_str!("../README.md");
const RULES: &str = include_str!("../docs/rules.md");
const PERMISSIONS: &str = include_str!("../docs/permissions.md");
const CONFIGURATION: &str = include_str!("../docs/configuration.md");
const ARCHITECTURE: &str = include_str!("../docs/architecture.md");
/// What stands in place of left-out parts of a notice.
const LEFT_OUT: &str = "[...]";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every page that people read: its path from the root, and its text.
fn pages() -> Vec<(PathBuf, String)> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for folder in ["", "docs", "benches", ".github", "terraform", "examples/cdk"] {
        let entries = std::fs::read_dir(root().join(folder)).unwrap();
        let names = entries.map(|entry| Path::new(folder).join(entry.unwrap().file_name()));
        paths.extend(names.filter(|path| path.extension().is_some_and(|e| e == "md")));
    }
    assert!(paths.len() >= 15, "{paths:?}");
    paths.sort();
    paths
        .into_iter()
        .map(|path| (path.clone(), std::fs::read_to_string(root().join(&path)).unwrap()))
        .collect()
}

fn between<'t>(text: &'t str, from: &str, to: &str) -> &'t str {
    let (_, rest) = text.split_once(from).unwrap_or_else(|| panic!("`{from}` is missing"));
    rest.split_once(to).map_or(rest, |(found, _)| found)
}

/// The cells of each row of the table under a heading.
fn rows<'t>(page: &'t str, heading: &str) -> Vec<Vec<&'t str>> {
    let section = between(page, &format!("{heading}\n"), "\n## ");
    let table =
        section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    table.skip(2).map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

/// The texts between backticks outside of blocks of code.
fn quoted(page: &str) -> Vec<&str> {
    let prose = page.split("```").step_by(2);
    prose.flat_map(|part| part.split('`').skip(1).step_by(2)).collect()
}

/// The command lines of the blocks of shell code, without comments, broken lines put together.
fn commands(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    for block in page.split("```sh\n").skip(1) {
        let block = block.split("```").next().unwrap().replace("\\\n", " ");
        for line in block.lines() {
            let line = line.split(" # ").next().unwrap();
            found.extend(line.split(['|', '&', ';']).map(|part| part.trim().to_owned()));
        }
    }
    // And those in running text.
    found.extend(quoted(page).into_iter().map(|text| text.split_whitespace().collect::<Vec<_>>().join(" ")));
    found
}

fn program(args: &[&str]) -> String {
    let mut program = Command::new(env!("CARGO_BIN_EXE_bedrock-remediator"));
    let output = program.current_dir(root()).args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_rule_table_is_the_programs() {
    let marked = between(RULES, "a test compares -->\n", "\n<!-- end of rules -->");
    assert_eq!(marked, markdown().trim_end(), "put `rules --markdown` between the markers");
}

#[test]
fn the_notice_is_the_programs_with_parts_left_out() {
    let shown: Vec<&str> = between(README, "```text\n", "\n```").lines().collect();
    let whole = program(&["explain", "events/throttle-tokens.json"]);
    let whole: Vec<&str> = whole.trim_end().lines().collect();
    let mut rest = whole.as_slice();
    for (n, part) in shown.split(|line| line.trim() == LEFT_OUT).enumerate() {
        // An empty line beside a mark only sets it apart.
        let part = part.join("\n");
        let part: Vec<&str> = part.trim_matches('\n').lines().collect();
        let at = (0..=rest.len() - part.len()).find(|at| rest.get(*at..*at + part.len()) == Some(&part));
        let at = at.unwrap_or_else(|| panic!("the notice does not go on with {part:#?}"));
        assert!(n > 0 || at == 0, "the title comes first");
        rest = rest.get(at + part.len()..).unwrap();
    }
    assert!(rest.is_empty(), "the notice goes on: {rest:#?}");
}

#[test]
fn the_event_is_the_sample_with_parts_left_out() {
    fn is_part(part: &Value, whole: &Value) -> bool {
        match (part, whole) {
            (Value::Object(part), Value::Object(whole)) => {
                part.iter().all(|(key, value)| whole.get(key).is_some_and(|whole| is_part(value, whole)))
            }
            _ => part == whole,
        }
    }
    let shown: Value = serde_json::from_str(between(README, "```json\n", "\n```")).unwrap();
    let sample = std::fs::read_to_string(root().join("events/throttle-tokens.json")).unwrap();
    assert!(is_part(&shown, &serde_json::from_str(&sample).unwrap()));
}

/// What is given to cargo and what to the program; `None` where the program is not run.
fn run(command: &str) -> Option<(Vec<&str>, Vec<&str>)> {
    let words: Vec<&str> = command.strip_prefix("cargo run ")?.split_whitespace().collect();
    let at =
        words.iter().position(|word| *word == "--").unwrap_or_else(|| panic!("`{command}` runs nothing"));
    let (cargo, program) = words.split_at(at);
    Some((cargo.to_vec(), program.get(1..).unwrap().to_vec()))
}

#[test]
fn the_commands_exist() {
    let manifest = include_str!("../Cargo.toml");
    let mut helps: BTreeMap<String, String> = BTreeMap::new();
    let mut checked = 0;
    for (page, text) in pages() {
        for command in commands(&text) {
            let Some((cargo, args)) = run(&command) else { continue };
            let mut cargo = cargo.into_iter();
            while let Some(flag) = cargo.next() {
                match flag {
                    "--no-default-features" | "--release" => {}
                    "--features" => {
                        let feature = format!("\n{} = [", cargo.next().unwrap());
                        assert!(manifest.contains(&feature), "{}: {command}", page.display());
                    }
                    "--profile" => {
                        let profile = format!("[profile.{}]", cargo.next().unwrap());
                        assert!(manifest.contains(&profile), "{}: {command}", page.display());
                    }
                    _ => panic!("{}: {command}: {flag}", page.display()),
                }
            }
            let Some(name) = args.first() else { panic!("{}: {command}", page.display()) };
            let is_left_out = match *name {
                "report" => !cfg!(feature = "report"),
                "simulate" => !cfg!(feature = "simulation"),
                _ => false,
            };
            if is_left_out {
                continue;
            }
            // `catalog` has commands of its own.
            let words = if *name == "catalog" { args.get(..2).unwrap() } else { &args[..1] };
            let help =
                helps.entry(words.join(" ")).or_insert_with(|| program(&[words, &["--help"]].concat()));
            // Without the SDK the program lacks options of those that need it.
            let is_built = cfg!(feature = "aws") || command.contains("--no-default-features");
            for flag in args.iter().filter(|arg| arg.starts_with("--") && is_built) {
                assert!(help.contains(flag), "{}: {command}: {flag}", page.display());
            }
            for file in args.iter().filter(|arg| arg.starts_with("events/") && !arg.contains('*')) {
                assert!(root().join(file).exists(), "{}: {command}: {file}", page.display());
            }
            checked += 1;
        }
    }
    assert!(checked >= 25, "{checked}");
}

#[test]
fn the_tests_benchmarks_and_fuzz_targets_that_are_run_exist() {
    let mut checked = 0;
    for (page, text) in pages() {
        for command in commands(&text) {
            let words: Vec<&str> = command.split_whitespace().collect();
            // Modules of the one test program.
            for module in words.iter().filter_map(|word| word.strip_suffix("::")) {
                assert!(root().join(format!("tests/{module}.rs")).exists(), "{}: {command}", page.display());
                checked += 1;
            }
            for pair in words.windows(2) {
                let places: &[String] = match *pair {
                    ["--test", "all"] => &["tests/main.rs".to_owned()],
                    ["--test", _] => &[],
                    ["--bench", name] => &[format!("benches/{name}.rs"), format!("benches/{name}/main.rs")],
                    ["run", name] if command.contains("fuzz run") => {
                        &[format!("fuzz/fuzz_targets/{name}.rs")]
                    }
                    _ => continue,
                };
                assert!(
                    places.iter().any(|place| root().join(place).exists()),
                    "{}: {command}",
                    page.display()
                );
                checked += 1;
            }
        }
    }
    assert!(checked >= 8, "{checked}");
}

#[test]
fn the_paths_exist() {
    let folders = [
        "src/",
        "tests/",
        "benches/",
        "docs/",
        "fuzz/",
        ".github/",
        ".ci/",
        "release/",
        "terraform/",
        "examples/",
    ];
    let mut checked = 0;
    for (page, text) in pages() {
        // The changelog tells of what was.
        for path in quoted(&text).into_iter().filter(|_| page != Path::new("CHANGELOG.md")) {
            if folders.iter().any(|folder| path.starts_with(folder)) && !path.contains(['*', ' ', 'X']) {
                assert!(root().join(path).exists(), "{}: {path}", page.display());
                checked += 1;
            }
        }
    }
    assert!(checked >= 40, "{checked}");
}

/// The anchor that GitHub makes of a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[test]
fn the_links_lead_somewhere() {
    let pages = pages();
    let mut checked = 0;
    for (page, text) in &pages {
        for target in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            if target.contains("://") || target.contains(['\n', ' ']) {
                continue;
            }
            let (file, heading) = target.split_once('#').map_or((target, None), |(f, h)| (f, Some(h)));
            let path = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            let path = root().join(path);
            let linked = path.canonicalize().unwrap_or_else(|_| panic!("{}: {target}", page.display()));
            if let Some(heading) = heading {
                let linked = std::fs::read_to_string(linked).unwrap();
                let mut headings = linked.lines().filter(|line| line.starts_with('#'));
                let is_there = headings.any(|line| anchor(line.trim_start_matches('#').trim()) == heading);
                assert!(is_there, "{}: {target}", page.display());
            }
            checked += 1;
        }
    }
    assert!(checked >= 60, "{checked}");
}

#[test]
fn the_page_on_configuration_has_the_table_of_guard_rails() {
    let marked = between(CONFIGURATION, "a test compares -->\n", "\n<!-- end of guard rails -->");
    assert_eq!(marked, guard_rails::markdown(), "put `guard-rails --markdown` between the markers");
}

#[test]
fn the_page_on_permissions_has_every_right() {
    let (held, of_commands) = iam_action::markdown();
    let marked = |name: &str, end: &str| {
        let start = format!("rights of {name}: generated from src/iam_action.rs; a test compares -->\n");
        between(PERMISSIONS, &start, &format!("\n<!-- {end} -->"))
    };
    assert_eq!(marked("the function", "end of rights"), held, "put this table between the markers");
    assert_eq!(marked("commands", "end of rights of commands"), of_commands, "put this between the markers");
}

/// The text of every file in `folder` and in the folders below it.
fn sources(folder: &Path) -> String {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths
        .map(|path| if path.is_dir() { sources(&path) } else { std::fs::read_to_string(path).unwrap() })
        .collect()
}

#[test]
fn the_promises_name_tests_and_laws_that_exist() {
    let simulation = sources(&root().join("src/simulation"));
    let promises = rows(ARCHITECTURE, "## Promises");
    for row in &promises {
        let [_, _, held_by] = row.as_slice() else { panic!("{row:?}") };
        let tests: Vec<_> = held_by.split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "{row:?}");
        for test in tests {
            let (file, name) = test.split_once("::").unwrap();
            let text = std::fs::read_to_string(root().join("tests").join(file).with_extension("rs")).unwrap();
            assert!(text.contains(&format!("#[test]\nfn {name}()")), "{test}");
        }
        for law in held_by.split('"').skip(1).step_by(2) {
            assert!(simulation.contains(&format!("\"{law}\"")), "{law}");
        }
        // The README has each in short.
        let name = row.first().unwrap();
        assert!(README.contains(&format!("- **{name}.**")), "{name}");
    }
    assert!(promises.len() >= 9, "{}", promises.len());
    assert_eq!(README.lines().filter(|line| line.starts_with("- **Never ")).count(), 5);
}

#[test]
fn the_readme_is_short() {
    assert!(README.lines().count() <= 250);
}

/// What AWS does otherwise than a reader expects, and what an operator does about it.
#[test]
fn the_pages_warn_of_what_does_harm() {
    for (page, warnings) in [
        // Amazon Q Developer's channel guardrail defaults to `AdministratorAccess`.
        ("docs/deploy.md", vec!["Set its channel guardrail", "AdministratorAccess"]),
        // A reserved concurrency of 0 sends the queue's messages to the dead letters.
        ("docs/operate.md", vec!["Do not set the reserved concurrency to 0 while the mapping is enabled"]),
    ] {
        let text = std::fs::read_to_string(root().join(page)).unwrap();
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for warning in warnings {
            assert!(words.contains(warning), "{page}: {warning}");
        }
    }
}
