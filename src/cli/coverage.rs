//! `coverage`: which accounts and Regions of an organization the hub has heard from.

use std::io::Write;

use bedrock_remediator::operate::coverage::{CoveredPlace, Hearing, coverage};
use bedrock_remediator::ports::{Clock as _, Ledger as _};

use crate::cli::account::{Where, on};
use crate::cli::outcome::CommandOutcome;
use crate::cli::print;

/// List accounts and Regions, and when each last sent an error or an alarm
///
/// Reads the ledger's incidents, open and closed, and the variable ACCOUNTS. A Region in which nothing fails sends
/// nothing, so a silent one is not necessarily broken. Changes nothing.
#[derive(clap::Args)]
pub(crate) struct CoverageArgs {
    #[command(flatten)]
    at: Where,
}

pub(crate) fn run(args: &CoverageArgs) -> anyhow::Result<CommandOutcome> {
    args.at.has_ledger()?;
    on!(args.at, |world, terms| async {
        let places = coverage(&world.all(false).await?, &terms.config.accounts, world.now());
        let mut out = anstream::AutoStream::auto(std::io::stdout()).lock();
        if args.at.json {
            for place in &places {
                print::json_line(&mut out, place)?;
            }
        } else {
            table(&mut out, &places)?;
        }
        Ok(CommandOutcome::AllAnswered)
    })
}

fn table(out: &mut impl Write, places: &[CoveredPlace]) -> anyhow::Result<()> {
    if places.is_empty() {
        return Ok(writeln!(out, "nothing was heard yet")?);
    }
    let head =
        format!("{:<12} {:<14} {:<11} {:<16} {:>5}", "account", "Region", "state", "last (UTC)", "open");
    writeln!(out, "{}", print::styled(head, print::BOLD))?;
    for place in places {
        let style = match place.hearing {
            Hearing::Heard => print::GOOD,
            Hearing::Silent => print::WARN,
            Hearing::NeverHeard => print::BAD,
        };
        let region = place.region.as_ref().map_or("-", |region| region.as_str());
        let hearing = print::styled(format!("{:<11}", place.hearing.as_str()), style);
        let last = place.last.map_or_else(|| "-".to_owned(), |at| at.strftime("%F %H:%M").to_string());
        writeln!(out, "{:<12} {region:<14} {hearing} {last:<16} {:>5}", place.account.as_str(), place.open)?;
        let known = [("", &place.name), ("owner: ", &place.owner)];
        let known = known.iter().filter_map(|(what, text)| Some(format!("{what}{}", text.as_ref()?)));
        let silent =
            place.unanswered.map(|since| format!("AWS has not answered since {}", since.strftime("%F")));
        let more = known.chain(silent).collect::<Vec<_>>().join(", ");
        if !more.is_empty() {
            writeln!(out, "{}", print::styled(print::filled(&more, "  "), print::DIM))?;
        }
    }
    Ok(())
}
