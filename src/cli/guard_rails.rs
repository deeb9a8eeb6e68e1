//! `guard-rails`: prints the guard rails with the values of the environment.

use std::io::Write as _;

use bedrock_remediator::config::Config;
use bedrock_remediator::config::guard_rails::{GUARD_RAILS, GuardRail, markdown};
use serde_json::{Value, json};

use crate::cli::outcome::CommandOutcome;
use crate::cli::print;

/// Print every guard rail: its variable, what it does, and its value in your environment
#[derive(clap::Args)]
pub(crate) struct GuardRailsArgs {
    /// Print one JSON document
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Print the table of docs/configuration.md
    #[arg(long)]
    markdown: bool,
}

pub(crate) fn run(args: &GuardRailsArgs) -> anyhow::Result<CommandOutcome> {
    let mut out = anstream::AutoStream::auto(std::io::stdout()).lock();
    if args.markdown {
        writeln!(out, "{}", markdown())?;
        return Ok(CommandOutcome::AllAnswered);
    }
    let (config, default) = (Config::from_vars(|name| std::env::var(name).ok())?, Config::default());
    if args.json {
        let rails: Vec<_> = GUARD_RAILS.iter().map(|rail| row(rail, &config, &default)).collect();
        writeln!(out, "{}", serde_json::to_string_pretty(&rails)?)?;
        return Ok(CommandOutcome::AllAnswered);
    }
    for rail in GUARD_RAILS {
        let (value, default) = (rail.value(&config), rail.value(&default));
        let shown = if value.is_empty() { "none" } else { &value };
        let origin = if value == default { "default" } else { "from your environment" };
        writeln!(
            out,
            "{} {} {}",
            print::styled(rail.variable, print::BOLD),
            print::styled(shown, print::WARN),
            print::styled(format!("({origin})"), print::DIM)
        )?;
        writeln!(out, "{}", print::filled(&rail.does.replace('`', ""), "    "))?;
        let accepts = format!("accepts {}", rail.accepts().replace('`', ""));
        writeln!(out, "{}", print::styled(print::filled(&accepts, "    "), print::DIM))?;
    }
    Ok(CommandOutcome::AllAnswered)
}

fn row(rail: &GuardRail, config: &Config, default: &Config) -> Value {
    json!({
        "variable": rail.variable,
        "value": rail.value(config),
        "default": rail.value(default),
        "accepts": rail.accepts(),
        "does": rail.does,
    })
}
