//! The command-line program, as its tests run it.

use std::process::{Command, Output};

/// Runs it in the repository's root, without the variables that name a ledger.
pub(crate) fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bedrock-remediator"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("TABLE_NAME")
        .env_remove("TOPIC_ARN")
        .args(arguments)
        .output()
        .unwrap()
}
