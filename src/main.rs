//! The command-line program: try, explain and operate the remediator without deploying it.

#![allow(clippy::doc_markdown, reason = "the doc comments of arguments are help texts")]

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
