//! The commands. JSON goes to standard output, diagnostics to standard error.

mod outcome;
mod account;
mod audit;
mod catalog;
mod classify;
mod coverage;
mod doctor;
mod explain;
mod flood;
mod guard_rails;
#[cfg(feature = "aws")]
mod live;
mod operate;
mod print;
mod quota;
#[cfg(feature = "report")]
mod report;
mod rules;
mod shell;
#[cfg(feature = "simulation")]
mod simulate;
mod storm;
#[cfg(feature = "simulation")]
mod years;

use std::io::ErrorKind;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::cli::outcome::CommandOutcome;

/// Finds out why Amazon Bedrock calls fail, and how to fix them.
///
/// Most commands run without an AWS account, in a simulated one. `explain --live`, `doctor`, `report` and the
/// commands on incidents use your AWS credentials unless you give a world file.
#[derive(Parser)]
#[command(version, max_term_width = 80, propagate_version = true, after_help = EXIT)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT: &str =
    "Exit status: 0 all input answered, 1 some input was bad (the rest is answered), 2 wrong usage.";

#[derive(Subcommand)]
enum Command {
    Explain(explain::ExplainArgs),
    Incidents(operate::IncidentsArgs),
    Show(operate::Show),
    Close(operate::Close),
    Approve(operate::Approve),
    Sweep(operate::Sweep),
    #[cfg(feature = "report")]
    Report(report::ReportArgs),
    Coverage(coverage::CoverageArgs),
    Doctor(doctor::Doctor),
    Audit(audit::AuditArgs),
    Classify(classify::ClassifyArgs),
    Quota(quota::QuotaArgs),
    Rules(rules::RulesArgs),
    GuardRails(guard_rails::GuardRailsArgs),
    Catalog(catalog::CatalogArgs),
    #[cfg(feature = "simulation")]
    Simulate(simulate::SimulateArgs),
    Storm(storm::StormArgs),
    Completions(shell::CompletionsArgs),
    Man(shell::ManArgs),
}

pub(crate) fn run() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Explain(args) => explain::run(&args),
        Command::Incidents(args) => operate::incidents(&args),
        Command::Show(args) => operate::show(&args),
        Command::Close(args) => operate::close(&args),
        Command::Approve(args) => operate::approve(&args),
        Command::Sweep(args) => operate::sweep_now(&args),
        #[cfg(feature = "report")]
        Command::Report(args) => report::run(&args),
        Command::Coverage(args) => coverage::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Audit(args) => audit::run(&args),
        Command::Classify(args) => classify::run(&args),
        Command::Quota(args) => quota::run(&args),
        Command::Rules(args) => rules::run(&args),
        Command::GuardRails(args) => guard_rails::run(&args),
        Command::Catalog(args) => catalog::run(&args),
        #[cfg(feature = "simulation")]
        Command::Simulate(args) => simulate::run(&args),
        Command::Storm(args) => storm::run(&args),
        Command::Completions(args) => shell::completions::<Cli>(&args),
        Command::Man(args) => shell::man::<Cli>(&args),
    };
    match done {
        Ok(CommandOutcome::AllAnswered) => ExitCode::SUCCESS,
        Ok(CommandOutcome::SomeBad) => ExitCode::from(1),
        // A reader that stops early, such as `head`, is not a failure.
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            anstream::eprintln!("bedrock-remediator: {error:#}");
            ExitCode::from(1)
        }
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|e| {
        let direct = e.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        let in_json = e.downcast_ref::<serde_json::Error>().and_then(serde_json::Error::io_error_kind);
        direct.or(in_json) == Some(ErrorKind::BrokenPipe)
    })
}
