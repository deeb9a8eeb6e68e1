//! `doctor`: checks an installation, Region by Region.

use bedrock_remediator::ids::{AccountRegion, Arn, Region};
use bedrock_remediator::operate::doctor::{Check, Finding, Installation, examine};
use bedrock_remediator::ports::{Services, Setup};
use bedrock_remediator::run::context::RunContext;
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
}

pub(crate) fn run(args: &Doctor) -> anyhow::Result<CommandOutcome> {
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
            table(&mut out, &place.region, &checks)?;
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

fn table(out: &mut impl std::io::Write, region: &Region, checks: &[Check]) -> anyhow::Result<()> {
    writeln!(out, "{}", print::styled(region, print::BOLD))?;
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
