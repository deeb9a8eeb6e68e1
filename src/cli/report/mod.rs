//! `report`: one page of open incidents, past incidents, and use against the quotas.

mod chart;
mod page;

use std::path::PathBuf;

use anyhow::Context as _;
use bedrock_remediator::operate::report::report;

use crate::cli::account::{Where, on};
use crate::cli::outcome::CommandOutcome;
use crate::cli::print;

/// Write an HTML page: open and past incidents, and use against the quotas
///
/// Covers the Region of your credentials and changes nothing. The page is one self-contained file: mail it,
/// print it, or read it on a phone.
#[derive(clap::Args)]
pub(crate) struct ReportArgs {
    #[command(flatten)]
    at: Where,
    /// File to write; `-` is standard output
    #[arg(long, value_name = "FILE")]
    html: PathBuf,
}

pub(crate) fn run(args: &ReportArgs) -> anyhow::Result<CommandOutcome> {
    args.at.has_ledger()?;
    on!(args.at, |world, terms| async {
        let report = report(world, terms).await?;
        let page = page::page(&report).into_string();
        if args.html.as_os_str() == "-" {
            let mut out = std::io::stdout().lock();
            std::io::Write::write_all(&mut out, page.as_bytes())?;
        } else {
            std::fs::write(&args.html, page)
                .with_context(|| format!("cannot write `{}`", args.html.display()))?;
        }
        if args.at.json {
            let counts = serde_json::json!({
                "html": args.html, "open": report.open.len() + report.more.len(),
                "past": report.past.len(), "quotas": report.uses.len(),
            });
            print::json_line(&mut std::io::stderr(), &counts)?;
        }
        for why in &report.unread {
            anstream::eprintln!("use could not be asked: {why}");
        }
        Ok(if report.unread.is_empty() { CommandOutcome::AllAnswered } else { CommandOutcome::SomeBad })
    })
}
