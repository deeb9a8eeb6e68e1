//! `doctor`: checks an installation, Region by Region.

use std::fmt::Display;
use std::io::Write;

use anyhow::{Context as _, ensure};
use bedrock_remediator::ids::{AccountRegion, Arn, Region};
use bedrock_remediator::operate::doctor::{Check, Finding, Installation, examine, examine_member};
use bedrock_remediator::ports::{Services, Setup};
use bedrock_remediator::run::context::RunContext;
use bedrock_remediator::run::forecast::members;
use serde_json::json;

use crate::cli::account::{Where, on, places, region};
use crate::cli::outcome::CommandOutcome;
use crate::cli::print;

/// Check an installation and print the command that fixes each problem
///
/// Reads the stack in each Region with your AWS credentials and changes nothing. Exits with status 1 if
/// something is missing or could not be checked.
#[derive(clap::Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    at: Where,
    /// CloudFormation stack name
    #[arg(long, value_name = "NAME", default_value = "bedrock-remediator")]
    stack: String,
    /// Region to check; repeat for more (default: the Region of your credentials)
    #[arg(long = "region", value_name = "REGION", value_parser = region)]
    regions: Vec<Region>,
    /// ARN of the function's role (default: the variable ROLE_ARN)
    #[arg(long, value_name = "ARN")]
    role: Option<String>,
    /// ARN of the topic for the function's own health, the stack's output `OperatorTopicArn`; without it, that
    /// topic is not checked
    #[arg(long, value_name = "ARN")]
    operator_topic: Option<String>,
    /// Check the members of the organization instead: whether the function can work in each account and Region that
    /// sent an error or an alarm within 30 days, and in each account of the variable ACCOUNTS
    #[arg(long, conflicts_with_all = ["regions", "role", "operator_topic"])]
    organization: bool,
}

pub(crate) fn run(args: &Doctor) -> anyhow::Result<CommandOutcome> {
    if args.organization {
        args.at.has_ledger()?;
        return on!(args.at, |world, terms| look_at_members(world, terms, args));
    }
    on!(args.at, |world, terms| look(world, terms, args))
}

async fn look<W: Services + Setup>(
    world: &W,
    terms: &RunContext<'_>,
    args: &Doctor,
) -> anyhow::Result<CommandOutcome> {
    let places = places(terms.home, &args.regions)?;
    let role = args.role.clone().or_else(|| std::env::var("ROLE_ARN").ok());
    let mut out = anstream::AutoStream::auto(std::io::stdout()).lock();
    let mut outcome = CommandOutcome::AllAnswered;
    for place in places {
        let checks = one(world, terms, args, &place, role.as_deref()).await;
        if checks.iter().any(|c| matches!(c.finding, Finding::Missing | Finding::Unknown)) {
            outcome = CommandOutcome::SomeBad;
        }
        if args.at.json {
            print::json_line(&mut out, &json!({ "region": place.region, "checks": checks }))?;
        } else {
            table(&mut out, place.region, &checks)?;
        }
    }
    Ok(outcome)
}

async fn look_at_members<W: Services>(
    world: &W,
    terms: &RunContext<'_>,
    args: &Doctor,
) -> anyhow::Result<CommandOutcome> {
    ensure!(
        terms.home.organization.is_some(),
        "which organization? name it with the variable ORGANIZATION_ID"
    );
    let mut members = members(world, terms).await?;
    let home = terms.home.region.as_ref().context("the Region of your credentials is not known")?;
    for account in terms.config.accounts.ids() {
        if !members.iter().any(|place| place.account == *account) {
            members.push(AccountRegion { account: account.clone(), region: home.clone() });
        }
    }
    members.retain(|place| Some(&place.account) != terms.home.account.as_ref());
    let mut out = anstream::AutoStream::auto(std::io::stdout()).lock();
    if members.is_empty() && !args.at.json {
        writeln!(out, "no member was heard from yet, and ACCOUNTS names none")?;
    }
    let mut outcome = CommandOutcome::AllAnswered;
    for place in members {
        let checks = Box::pin(examine_member(world, &place)).await;
        if checks.iter().any(|c| matches!(c.finding, Finding::Missing | Finding::Unknown)) {
            outcome = CommandOutcome::SomeBad;
        }
        let AccountRegion { account, region } = &place;
        if args.at.json {
            print::json_line(&mut out, &json!({ "account": account, "region": region, "checks": checks }))?;
        } else {
            table(&mut out, format!("{account} {region}"), &checks)?;
        }
    }
    Ok(outcome)
}

async fn one<W: Services + Setup>(
    world: &W,
    terms: &RunContext<'_>,
    args: &Doctor,
    place: &AccountRegion,
    role: Option<&str>,
) -> Vec<Check> {
    let topic = args.at.topic();
    let is_of_here = |arn: &str| Arn::parse(arn).is_none_or(|arn| arn.region == place.region.as_str());
    // The topic's ARN names its Region; the table is in the same Region.
    let is_here = topic.as_deref().is_none_or(is_of_here);
    let table = args.at.table();
    let patient = Installation {
        stack: &args.stack,
        place,
        role,
        topic: topic.as_deref().filter(|_| is_here),
        operator_topic: args.operator_topic.as_deref().filter(|arn| is_of_here(arn)),
        table: table.as_deref().filter(|_| is_here),
        config: terms.config,
    };
    Box::pin(examine(world, &patient)).await
}

fn table(out: &mut impl Write, of: impl Display, checks: &[Check]) -> anyhow::Result<()> {
    writeln!(out, "{}", print::styled(of, print::BOLD))?;
    for check in checks {
        let style = match check.finding {
            Finding::Good => print::GOOD,
            Finding::Optional => print::DIM,
            Finding::Missing => print::BAD,
            Finding::Unknown => print::WARN,
        };
        let head = format!("  {:<9}", check.finding.as_str());
        let told = print::filled(&format!("{:<15} {}", check.name, check.seen), "           ");
        writeln!(out, "{}{}", print::styled(head, style), told.trim_start())?;
        if let Some(blind) = &check.blind_to {
            writeln!(out, "{}", print::filled(&format!("blind to {blind}"), "           "))?;
        }
        // Print a command unbroken on its own line, so that it can be copied.
        if let Some(mend) = &check.mend {
            writeln!(out, "           {mend}")?;
        }
    }
    Ok(())
}
