//! `audit`: checks models before a launch.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use bedrock_remediator::ids::{QuotaCode, Region};
use bedrock_remediator::model::ModelId;
use bedrock_remediator::operate::audit::{AuditRequest, Mend, MendForm, ModelAudit, audit};
use bedrock_remediator::ports::Services;
use bedrock_remediator::run::context::RunContext;
use bedrock_remediator::sandbox::WorldFile;
use serde::Deserialize;

use crate::cli::account::{Where, on, places, read, region};
use crate::cli::outcome::CommandOutcome;
use crate::cli::print;

/// Check before a launch whether an account can call the given models
///
/// For each model and Region: is it offered, which step of access is missing, does AWS retire it soon, is a quota zero,
/// below AWS's default or below another account's, and does a policy deny the caller a resource. Prints what removes
/// each obstacle: commands, Terraform, policy statements. Needs no ledger. Reads only. Exits with status 1 if something
/// blocks calls or could not be read.
#[derive(clap::Args)]
pub(crate) struct AuditArgs {
    #[command(flatten)]
    at: Where,
    /// Model ids or inference profile ids, as they will be called, separated by commas
    #[arg(long, required = true, value_name = "ID", value_delimiter = ',', value_parser = model)]
    models: Vec<ModelId>,
    /// Region to call from; repeat for more (default: the Region of your credentials)
    #[arg(long = "region", value_name = "REGION", value_parser = region)]
    regions: Vec<Region>,
    /// Quotas to compare with: a world file, or the output of
    /// `aws service-quotas list-service-quotas --service-code bedrock --output json` in another account
    #[arg(long, value_name = "FILE")]
    like: Option<PathBuf>,
    /// ARN of the role or user that will call; without it, no policy is checked
    #[arg(long, value_name = "ARN")]
    caller: Option<String>,
}

fn model(text: &str) -> Result<ModelId, String> {
    let model = ModelId::parse(text).filter(ModelId::names_a_model);
    model.ok_or_else(|| "a model is an id such as us.anthropic.claude-sonnet-4-6".to_owned())
}

pub(crate) fn run(args: &AuditArgs) -> anyhow::Result<CommandOutcome> {
    let like = args.like.as_deref().map(reference).transpose()?.unwrap_or_default();
    on!(args.at, |world, terms| look(world, terms, args, &like))
}

/// The quota values of the account to compare with.
fn reference(path: &Path) -> anyhow::Result<BTreeMap<QuotaCode, f64>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Listed {
        quota_code: String,
        value: Option<f64>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Listing {
        quotas: Vec<Listed>,
    }
    let name = path.display();
    let text = String::from_utf8(read(path)?).with_context(|| format!("`{name}` is not text"))?;
    if let Ok(listing) = serde_json::from_str::<Listing>(&text) {
        let values =
            listing.quotas.into_iter().filter_map(|q| Some((QuotaCode::parse(&q.quota_code)?, q.value?)));
        let values: BTreeMap<QuotaCode, f64> = values.collect();
        ensure!(!values.is_empty(), "`{name}` lists no quota with a value");
        return Ok(values);
    }
    let file = WorldFile::parse(&text)
        .with_context(|| format!("`{name}` is neither a listing of quotas nor a world file"))?;
    let values = file.quotas.into_iter().filter_map(|q| Some((q.code, q.applied?)));
    Ok(values.collect())
}

async fn look<W: Services>(
    world: &W,
    terms: &RunContext<'_>,
    args: &AuditArgs,
    like: &BTreeMap<QuotaCode, f64>,
) -> anyhow::Result<CommandOutcome> {
    let places = places(terms.home, &args.regions)?;
    let mut out = anstream::AutoStream::auto(std::io::stdout()).lock();
    let mut outcome = CommandOutcome::AllAnswered;
    for place in places {
        let request = AuditRequest { place: &place, like, caller: args.caller.as_deref() };
        for model in &args.models {
            let audited = Box::pin(audit(world, model, &request)).await;
            if !audited.is_ready() {
                outcome = CommandOutcome::SomeBad;
            }
            if args.at.json {
                print::json_line(&mut out, &audited)?;
            } else {
                human(&mut out, &audited, args.caller.is_some())?;
            }
        }
    }
    Ok(outcome)
}

fn human(out: &mut impl std::io::Write, audited: &ModelAudit, has_caller: bool) -> anyhow::Result<()> {
    writeln!(out, "{}", print::styled(format!("{} in {}", audited.model_id, audited.region), print::BOLD))?;
    if audited.findings.is_empty() && audited.unread.is_empty() {
        writeln!(out, "  {}", print::styled("nothing stands in the way", print::GOOD))?;
    }
    for finding in &audited.findings {
        let (word, style) = if finding.blocks { ("blocks", print::BAD) } else { ("note", print::WARN) };
        let told = print::filled(&format!("{}: {}", finding.kind, finding.text), "          ");
        writeln!(out, "{}{}", print::styled(format!("  {word:<8}"), style), told.trim_start())?;
        for mend in &finding.mend {
            remedy(out, mend)?;
        }
    }
    for unread in &audited.unread {
        let told = print::filled(&format!("{unread}."), "          ");
        writeln!(out, "{}{}", print::styled("  unread  ", print::WARN), told.trim_start())?;
    }
    let blocking = audited.findings.iter().filter(|finding| finding.blocks).count();
    let policies = if has_caller { "" } else { "; no policy was checked, because no --caller is named" };
    writeln!(out, "  {blocking} block calls, {} could not be read{policies}", audited.unread.len())?;
    Ok(())
}

/// A step is wrapped; anything to copy stands unbroken on its own lines.
fn remedy(out: &mut impl std::io::Write, mend: &Mend) -> anyhow::Result<()> {
    if mend.form == MendForm::Step {
        writeln!(out, "{}", print::filled(&mend.text, "          "))?;
        return Ok(());
    }
    writeln!(out, "          {}", print::styled(mend.form, print::DIM))?;
    for line in mend.text.lines() {
        writeln!(out, "            {line}")?;
    }
    Ok(())
}
