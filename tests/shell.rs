//! What a shell completes, and the manual pages.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

fn program(args: &[&str]) -> Vec<u8> {
    let output = Command::new(env!("CARGO_BIN_EXE_bedrock-remediator")).args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// The names of the commands, as the program's help lists them.
fn commands() -> Vec<String> {
    let help = String::from_utf8(program(&["--help"])).unwrap();
    let listed = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap().to_owned();
    let names = listed.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = names.map(|line| line.split_whitespace().next().unwrap().to_owned());
    // `help` has no page; the others do.
    names.filter(|name| name != "help").collect()
}

#[test]
fn bash_reads_its_completions_and_they_know_every_command() {
    let script = program(&["completions", "bash"]);
    let mut bash = Command::new("bash").arg("-n").stdin(Stdio::piped()).spawn().unwrap();
    bash.stdin.take().unwrap().write_all(&script).unwrap();
    assert!(bash.wait().unwrap().success());
    let script = String::from_utf8(script).unwrap();
    let missing: Vec<_> = commands().into_iter().filter(|name| !script.contains(name.as_str())).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn each_command_has_a_manual_page() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("man");
    program(&["man", folder.to_str().unwrap()]);
    let commands = commands();
    assert!(commands.len() > 10, "{commands:?}");
    for name in commands {
        let page = std::fs::read_to_string(folder.join(format!("bedrock-remediator-{name}.1"))).unwrap();
        assert!(page.contains(".SH NAME") && page.contains(".SH SYNOPSIS"), "{name}");
    }
}
