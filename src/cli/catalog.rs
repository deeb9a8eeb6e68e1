//! `catalog`: lists the built-in quotas, and compares and merges newer listings.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use bedrock_remediator::quota::difference::Difference;
use bedrock_remediator::quota::reference::{PageListing, PageRow, rows};
use bedrock_remediator::quota::{Catalog, Quota};
use clap::Subcommand;
use jiff::civil::Date;

use crate::cli::outcome::CommandOutcome;
use crate::cli::print;

/// List the built-in catalogue of quotas, or compare it with a newer listing
#[derive(clap::Args)]
pub(crate) struct CatalogArgs {
    #[command(subcommand)]
    command: CatalogCommand,
}

#[derive(Subcommand)]
enum CatalogCommand {
    /// Print what a newer quota listing has that the built-in catalogue lacks, and the other way round
    ///
    /// With --write, also write both together in the catalogue's own form. Quotas and values that the listing
    /// lacks stay, because no account lists every quota. Values are taken only from defaults: an account's own
    /// listing has the values that apply to this account.
    Import {
        /// JSON of `aws service-quotas list-aws-default-service-quotas --service-code bedrock`, or of
        /// `list-service-quotas`; or the table of the page
        /// `https://docs.aws.amazon.com/general/latest/gr/bedrock.html`, copied as text or Markdown
        #[arg(value_name = "FILE")]
        listing: PathBuf,
        /// File to write, such as src/quota/catalog.tsv in a checkout; `-` is standard output
        #[arg(long, value_name = "FILE", alias = "output")]
        write: Option<PathBuf>,
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
        CatalogCommand::Import { listing, write } => {
            import(listing, write.as_deref(), jiff::Zoned::now().date())
        }
        CatalogCommand::List { text } => list(text),
    }
}

/// A listing in JSON, or the page as text. Only the page has names without a code.
fn listed(text: &str, catalog: &Catalog) -> anyhow::Result<(Catalog, Vec<PageRow>)> {
    if text.trim_start().starts_with(['{', '[']) {
        return Ok((Catalog::from_listing(text)?, Vec::new()));
    }
    let rows = rows(text);
    if rows.is_empty() {
        bail!("neither JSON nor the page's table, with a name, a default value, and `Yes` or `No`");
    }
    let PageListing { known, unknown } = PageListing::of(rows, catalog);
    Ok((known, unknown))
}

fn import(listing: &Path, target: Option<&Path>, today: Date) -> anyhow::Result<CommandOutcome> {
    let name = listing.display();
    let text = std::fs::read_to_string(listing).with_context(|| format!("cannot read `{name}`"))?;
    let before = Catalog::built_in();
    let (newer, unknown) = listed(&text, before).with_context(|| format!("cannot use `{name}`"))?;
    let difference = Difference::between(before, &newer);
    let merged = before.updated_by(&newer, today);
    if target.is_some_and(|target| target.as_os_str() == "-") {
        // Standard output is the catalogue.
        tell(&mut anstream::stderr().lock(), &difference, &unknown)?;
        std::io::stdout().write_all(merged.to_text().as_bytes())?;
        return Ok(CommandOutcome::AllAnswered);
    }
    tell(&mut anstream::stdout().lock(), &difference, &unknown)?;
    if let Some(target) = target {
        let shown = target.display();
        std::fs::write(target, merged.to_text()).with_context(|| format!("cannot write `{shown}`"))?;
        anstream::eprintln!("{} quotas in `{shown}`; build again to use them", merged.quotas().len());
    }
    Ok(CommandOutcome::AllAnswered)
}

/// Prints one line for each difference, and their numbers.
fn tell(out: &mut impl Write, difference: &Difference, unknown: &[PageRow]) -> anyhow::Result<()> {
    for quota in &difference.new {
        writeln!(out, "new      {}", shown(quota))?;
    }
    for quota in &difference.gone {
        writeln!(out, "gone     {}", shown(quota))?;
    }
    for changed in &difference.changed {
        writeln!(out, "changed  {}", shown(&changed.before))?;
        writeln!(out, "     to  {}", shown(&changed.after))?;
    }
    for row in unknown {
        writeln!(
            out,
            "no code  {:<10}  {:<10}  {:>12}  {}",
            "",
            adjustable(row.adjustable),
            value(row.value),
            row.name
        )?;
    }
    let Difference { new, gone, changed } = difference;
    writeln!(
        out,
        "{}: {} new, {} not in the listing, {} changed, {} without a code",
        built_in(),
        new.len(),
        gone.len(),
        changed.len(),
        unknown.len()
    )?;
    Ok(())
}

fn shown(quota: &Quota) -> String {
    let Quota { code, name, adjustable: is_adjustable, value: known } = quota;
    format!("{code}  {:<10}  {:>12}  {name}", adjustable(*is_adjustable), value(*known))
}

fn adjustable(is_adjustable: bool) -> &'static str {
    if is_adjustable { "adjustable" } else { "-" }
}

fn value(known: Option<f64>) -> String {
    known.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// The size and the date of the built-in catalogue.
fn built_in() -> String {
    let catalog = Catalog::built_in();
    let day = catalog.as_of().map_or_else(|| "an unknown day".to_owned(), |day| day.to_string());
    format!("built-in catalogue of {day}, {} quotas", catalog.quotas().len())
}

fn list(text: &str) -> anyhow::Result<CommandOutcome> {
    let mut out = anstream::AutoStream::auto(std::io::stdout()).lock();
    let wanted = text.to_lowercase();
    let mut found = false;
    for quota in Catalog::built_in().quotas() {
        if quota.name.to_lowercase().contains(&wanted) || quota.code.as_str().to_lowercase().contains(&wanted)
        {
            found = true;
            let adjustable = adjustable(quota.adjustable);
            writeln!(out, "{}  {:<10}  {}", print::styled(&quota.code, print::BOLD), adjustable, quota.name)?;
        }
    }
    anstream::eprintln!("{}", built_in());
    Ok(if found { CommandOutcome::AllAnswered } else { CommandOutcome::SomeBad })
}
