//! `rules`: prints the rule table as text, JSON, or Markdown for `docs/rules.md`.

use std::io::Write as _;

use bedrock_remediator::diagnosis::{RULES, Rule, markdown};
use serde_json::{Value, json};

use crate::cli::outcome::CommandOutcome;
use crate::cli::print;

/// Print the rule table: every error this program knows, in order; the first match wins
#[derive(clap::Args)]
pub(crate) struct RulesArgs {
    /// Print one JSON document
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Print the Markdown page docs/rules.md
    #[arg(long)]
    markdown: bool,
}

pub(crate) fn run(args: &RulesArgs) -> anyhow::Result<CommandOutcome> {
    let mut out = anstream::AutoStream::auto(std::io::stdout()).lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&RULES.iter().map(rule).collect::<Vec<_>>())?)?;
    } else if args.markdown {
        write!(out, "{}", markdown())?;
    } else {
        for rule in RULES {
            writeln!(
                out,
                "{} {}",
                print::styled(rule.id, print::BOLD),
                print::styled(format!("{}/{}", rule.cause.category(), rule.cause), print::WARN)
            )?;
            writeln!(out, "{}", print::filled(rule.example.message, "    "))?;
            for advice in rule.advice {
                writeln!(out, "{}", print::styled(print::filled(advice, "  "), print::DIM))?;
            }
            writeln!(out, "  {}", print::styled(rule.reference, print::DIM))?;
        }
    }
    Ok(CommandOutcome::AllAnswered)
}

fn rule(rule: &Rule) -> Value {
    json!({
        "id": rule.id,
        "category": rule.cause.category(),
        "cause": rule.cause,
        "remedy": rule.cause.remedy(),
        "says": rule.says,
        "unless": rule.unless,
        "codes": rule.codes,
        "advice": rule.advice,
        "reference": rule.reference,
        "example": { "code": rule.example.code, "message": rule.example.message },
    })
}
