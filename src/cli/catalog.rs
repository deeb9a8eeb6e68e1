//! `catalog`: lists and refreshes the built-in quotas.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use bedrock_remediator::quota::Catalog;
use clap::Subcommand;

use crate::cli::outcome::CommandOutcome;
use crate::cli::print;

/// List or refresh the built-in catalogue of quotas
#[derive(clap::Args)]
pub(crate) struct CatalogArgs {
    #[command(subcommand)]
    command: CatalogCommand,
}

#[derive(Subcommand)]
enum CatalogCommand {
    /// Merge a newer quota listing into the built-in catalogue and write the result
    ///
    /// Keeps quotas and values that the listing lacks, because no account lists every quota. Rebuild the
    /// program afterwards.
    Import {
        /// Output of `aws service-quotas list-service-quotas --service-code bedrock --output json`
        #[arg(value_name = "FILE")]
        listing: PathBuf,
        /// File to write; `-` is standard output
        #[arg(long, value_name = "FILE", default_value = "src/quota/catalog.tsv")]
        output: PathBuf,
    },
    /// List the quotas whose name or code contains TEXT
    List {
        /// Text to look for, in any case; without it, every quota is listed
        #[arg(default_value = "")]
        text: String,
    },
}

pub(crate) fn run(args: &CatalogArgs) -> anyhow::Result<CommandOutcome> {
    match &args.command {
        CatalogCommand::Import { listing, output } => import(listing, output),
        CatalogCommand::List { text } => list(text),
    }
}

fn import(listing: &PathBuf, output: &PathBuf) -> anyhow::Result<CommandOutcome> {
    let name = listing.display();
    let text = std::fs::read_to_string(listing).with_context(|| format!("cannot read `{name}`"))?;
    let newer = Catalog::from_listing(&text).with_context(|| format!("cannot use `{name}`"))?;
    let before = Catalog::built_in();
    let after = before.updated_by(&newer);
    if output.as_os_str() == "-" {
        std::io::stdout().write_all(after.to_text().as_bytes())?;
    } else {
        let target = output.display();
        std::fs::write(output, after.to_text()).with_context(|| {
            format!("cannot write `{target}`; run this in a checkout, or name a file with --output")
        })?;
        let new = after.quotas().len() - before.quotas().len();
        anstream::eprintln!(
            "{} quotas in `{target}`, {new} of them new; build again to use them",
            after.quotas().len()
        );
    }
    Ok(CommandOutcome::AllAnswered)
}

fn list(text: &str) -> anyhow::Result<CommandOutcome> {
    let mut out = anstream::AutoStream::auto(std::io::stdout()).lock();
    let wanted = text.to_lowercase();
    let mut found = false;
    for quota in Catalog::built_in().quotas() {
        if quota.name.to_lowercase().contains(&wanted) || quota.code.as_str().to_lowercase().contains(&wanted)
        {
            found = true;
            let adjustable = if quota.adjustable { "adjustable" } else { "-" };
            writeln!(out, "{}  {:<10}  {}", print::styled(&quota.code, print::BOLD), adjustable, quota.name)?;
        }
    }
    Ok(if found { CommandOutcome::AllAnswered } else { CommandOutcome::SomeBad })
}
