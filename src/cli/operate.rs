//! `incidents`, `show`, `close`, `approve`, `sweep`: manual work on the ledger.

use std::io::Write as _;

use anyhow::anyhow;
use bedrock_remediator::ids::{AccountId, IncidentId, Region};
use bedrock_remediator::incident::record::{Record, State};
use bedrock_remediator::model::ModelId;
use bedrock_remediator::notice::points::warned;
use bedrock_remediator::operate::report::has_several_accounts;
use bedrock_remediator::operate::{self, Shown};
use bedrock_remediator::plan::Action;
use bedrock_remediator::ports::{Ledger as _, Services};
use bedrock_remediator::run::forecast::{ForecastReport, unread};
use bedrock_remediator::run::sweep::{SweepReport, sweep};
use bedrock_remediator::text::{Safe, number};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::cli::account::{Where, on};
use crate::cli::outcome::CommandOutcome;
use crate::cli::print;

/// List incidents: possible misuse that waits for a person first, then the most overdue
#[derive(clap::Args)]
pub(crate) struct IncidentsArgs {
    #[command(flatten)]
    at: Where,
    /// List only open incidents
    #[arg(long)]
    open: bool,
    /// List only incidents of this account of the organization
    #[arg(long, value_name = "ID", value_parser = account)]
    account: Option<AccountId>,
}

/// Show an incident's history and the notice it would get now
///
/// If a quota increase would help, the notice ends with a justification ready to paste.
#[derive(clap::Args)]
pub(crate) struct Show {
    #[command(flatten)]
    at: Where,
    /// Incident id: `inc-` and 16 hexadecimal digits
    #[arg(value_parser = id)]
    id: IncidentId,
}

/// Close an incident; it reopens if its error is seen again
///
/// Clears the suspicion of misuse of its quota, and approves nothing.
#[derive(clap::Args)]
pub(crate) struct Close {
    #[command(flatten)]
    at: Where,
    /// Incident id: `inc-` and 16 hexadecimal digits
    #[arg(value_parser = id)]
    id: IncidentId,
}

/// Confirm that the demand is legitimate, and file the increase request that waited for it
///
/// Also files what MODE=observe withheld. Clears the suspicion of the quota: demand up to a quarter above
/// today's is not suspected again. For one day, the function's own requests may exceed GROWTH_14_DAYS and
/// GROWTH_90_DAYS. All other guard rails apply, as the variables of your environment set them.
#[derive(clap::Args)]
pub(crate) struct Approve {
    #[command(flatten)]
    at: Where,
    /// Incident id: `inc-` and 16 hexadecimal digits
    #[arg(value_parser = id)]
    id: IncidentId,
}

/// Handle all due incidents now, as a scheduled tick does
#[derive(clap::Args)]
pub(crate) struct Sweep {
    #[command(flatten)]
    at: Where,
    /// Print what is due and what would be sent; change nothing
    #[arg(long)]
    dry_run: bool,
}

fn id(text: &str) -> Result<IncidentId, String> {
    IncidentId::parse(text)
        .ok_or_else(|| "an incident's id is `inc-` and sixteen digits of 0-9 and a-f".to_owned())
}

fn account(text: &str) -> Result<AccountId, String> {
    AccountId::parse(text).ok_or_else(|| "an account's id is twelve digits".to_owned())
}

pub(crate) fn incidents(args: &IncidentsArgs) -> anyhow::Result<CommandOutcome> {
    args.at.has_ledger()?;
    on!(args.at, |world, _terms| async {
        let mut all = world.all(args.open).await?;
        all.retain(|record| args.account.is_none() || args.account == record.incident.account);
        // Possible misuse comes first.
        all.sort_by_key(|record| !warns(record));
        let mut out = anstream::AutoStream::auto(std::io::stdout()).lock();
        if args.at.json {
            for record in &all {
                print::json_line(&mut out, &machine(record))?;
            }
        } else {
            table(&mut out, &all)?;
        }
        Ok(CommandOutcome::AllAnswered)
    })
}

pub(crate) fn show(args: &Show) -> anyhow::Result<CommandOutcome> {
    args.at.has_ledger()?;
    on!(args.at, |world, terms| async {
        let shown = operate::show(world, terms, &args.id).await?.ok_or_else(|| unknown(&args.id))?;
        let mut out = anstream::AutoStream::auto(std::io::stdout()).lock();
        if args.at.json {
            let mut value = machine(&shown.record);
            if let Value::Object(fields) = &mut value {
                fields.insert("notice".to_owned(), serde_json::to_value(&shown.notice)?);
            }
            print::json_line(&mut out, &value)?;
        } else {
            story(&mut out, &shown)?;
        }
        Ok(CommandOutcome::AllAnswered)
    })
}

pub(crate) fn close(args: &Close) -> anyhow::Result<CommandOutcome> {
    args.at.has_ledger()?;
    on!(args.at, |world, terms| async {
        let closed = operate::close(world, terms, &args.id).await?.ok_or_else(|| not_free(&args.id))?;
        let what = match closed.followed.as_ref().and_then(|f| f.request_id.as_deref()) {
            Some(request) => format!(
                "its increase request {request} is followed until AWS has decided, because the outcome has to be told"
            ),
            None if closed.followed.is_some() => {
                "an increase request of it is in doubt, and is followed until that is known".to_owned()
            }
            None => "it opens again when it is seen again".to_owned(),
        };
        say(&args.at, &closed, &what)
    })
}

pub(crate) fn approve(args: &Approve) -> anyhow::Result<CommandOutcome> {
    args.at.has_ledger()?;
    on!(args.at, |world, terms| async {
        let driven = operate::approve(world, terms, &args.id).await?.ok_or_else(|| not_free(&args.id))?;
        let filed = driven.actions().into_iter().find_map(|action| match action {
            Action::RequestIncrease(i) => i.request_id.clone().map(|id| (i, id)),
            _ => None,
        });
        let what = match (filed, driven.withheld().next()) {
            (Some((i, id)), _) => {
                format!(
                    "{} from {} to {} was requested, {id}; people are told",
                    i.quota.name,
                    number(i.applied),
                    number(i.desired)
                )
            }
            (None, Some(withheld)) => format!("nothing was filed ({}): {}", withheld.kind, withheld.reason),
            (None, None) => "nothing was filed: no increase helps here".to_owned(),
        };
        let record = record_of(world, &args.id).await?;
        say(&args.at, &record, &what)
    })
}

pub(crate) fn sweep_now(args: &Sweep) -> anyhow::Result<CommandOutcome> {
    args.at.has_ledger()?;
    on!(args.at, |world, terms| async {
        let mut out = anstream::AutoStream::auto(std::io::stdout()).lock();
        if args.dry_run {
            let due = operate::due(world, terms).await?;
            for shown in &due {
                if args.at.json {
                    print::json_line(&mut out, &machine(&shown.record))?;
                } else {
                    writeln!(
                        out,
                        "{}  {}",
                        shown.record.incident.id,
                        print::styled(shown.record.state, print::WARN)
                    )?;
                    writeln!(out, "{}", print::filled(&format!("due: {}", shown.notice.title), "    "))?;
                }
            }
            if due.is_empty() && !args.at.json {
                writeln!(out, "nothing is due")?;
            }
            return Ok(CommandOutcome::AllAnswered);
        }
        let swept = Box::pin(sweep(world, terms)).await?;
        for notice in &swept.notices {
            if args.at.json {
                print::json_line(&mut out, notice)?;
            } else {
                writeln!(out, "told: {}", notice.title)?;
            }
        }
        if let Some(Ok(seen)) = swept.watched.as_ref().filter(|_| !args.at.json) {
            writeln!(out, "{}", watched(seen))?;
        }
        for (id, why) in &swept.failed {
            anstream::eprintln!("{id} stays due: {why}");
        }
        let unread = unread_by_the_watch(&swept);
        for why in &unread {
            anstream::eprintln!("the daily watch could not look{why}");
        }
        Ok(if swept.failed.is_empty() && unread.is_empty() {
            CommandOutcome::AllAnswered
        } else {
            CommandOutcome::SomeBad
        })
    })
}

/// What the daily forecasts could not read, and why.
fn unread_by_the_watch(swept: &SweepReport) -> Vec<String> {
    let own = swept.watched.iter().flat_map(unread).map(|why| format!(": {why}"));
    let of_members = swept.members.iter().flat_map(|(place, seen)| {
        unread(seen).iter().map(move |why| format!(" into {} in {}: {why}", place.account, place.region))
    });
    own.chain(of_members).collect()
}

/// The daily forecast in one line.
fn watched(seen: &ForecastReport) -> String {
    let fullest = seen.quotas.first().map_or_else(String::new, |near| {
        format!("; the fullest quota, {}, is {:.0} % used", near.quota.code, near.share() * 100.0)
    });
    format!("watched: {} models in use, {} of them end{fullest}", seen.models, seen.ending.len())
}

/// Whether the incident is open and waits for a person, because it may be misuse or a loop.
fn warns(record: &Record) -> bool {
    record.state != State::Closed && warned(record.notices.heard())
}

async fn record_of(world: &impl Services, id: &IncidentId) -> anyhow::Result<Record> {
    world.incident(id).await?.ok_or_else(|| unknown(id))
}

fn unknown(id: &IncidentId) -> anyhow::Error {
    anyhow!("the ledger has no incident {id}; `bedrock-remediator incidents` lists them")
}

fn not_free(id: &IncidentId) -> anyhow::Error {
    anyhow!("incident {id} is closed or unknown, or somebody drives it right now; try again in two minutes")
}

fn say(at: &Where, record: &Record, what: &str) -> anyhow::Result<CommandOutcome> {
    let mut out = anstream::AutoStream::auto(std::io::stdout()).lock();
    if at.json {
        print::json_line(&mut out, &machine(record))?;
    } else {
        let state = print::styled(record.state, print::GOOD);
        writeln!(out, "{} is {state}", record.incident.id)?;
        writeln!(out, "{}", print::filled(what, "  "))?;
    }
    Ok(CommandOutcome::AllAnswered)
}

/// An incident in its JSON form.
fn machine(record: &Record) -> Value {
    let i = &record.incident;
    json!({
        "id": i.id, "state": record.state, "episode": record.episode, "account": i.account, "region": i.region,
        "model_id": i.model, "caller": i.caller.as_deref().and_then(Safe::arn), "category": i.cause.category(), "cause": i.cause, "rule": i.rule,
        "remedy": i.cause.remedy(), "facts": i.facts, "counts": i.counts, "first_seen": i.first_seen,
        "last_seen": i.last_seen, "due_at": record.due_at, "silent_until": record.silent_until,
        "notices": record.notices.whole().collect::<Vec<_>>(),
        "told": record.notices.kinds(),
        "request": record.followed.as_ref().map(|f| json!({
            "quota_code": f.code, "quota_name": f.name, "desired": f.desired, "value_before": f.value_before,
            "request_id": f.request_id, "at": f.intended,
        })),
    })
}

/// Prints two lines for each incident, 80 columns wide. Names accounts only if there are several.
fn table(out: &mut impl std::io::Write, all: &[Record]) -> anyhow::Result<()> {
    if all.is_empty() {
        return Ok(writeln!(out, "no incidents")?);
    }
    let head = format!("{:<20} {:<8} {:<16} {:>6} cause", "incident", "state", "last seen", "errors");
    writeln!(out, "{}", print::styled(head, print::BOLD))?;
    let are_several = has_several_accounts(all);
    for record in all {
        let i = &record.incident;
        let seen = i.last_seen.map_or_else(|| "-".to_owned(), |at| at.strftime("%F %H:%M").to_string());
        let (id, state, errors) = (i.id.as_str(), record.state.as_str(), i.counts.errors);
        let cause = if warns(record) { format!("possible misuse, {}", i.cause) } else { i.cause.to_string() };
        writeln!(out, "{id:<20} {state:<8} {seen:<16} {errors:>6} {}", fit(&cause, print::WIDTH - 54))?;
        let region = i.region.as_ref().map_or("an unknown Region", Region::as_str);
        let model = i.model.as_ref().map_or("any model", ModelId::as_str);
        let account = i.account.as_ref().filter(|_| are_several);
        let account = account.map(|account| format!("{account}  ")).unwrap_or_default();
        let which = format!("  {account}{region}  {model}");
        writeln!(out, "{}", print::styled(fit(&which, print::WIDTH), print::DIM))?;
    }
    Ok(())
}

/// The first `most` characters; identifiers are ASCII.
fn fit(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

/// Prints what the ledger holds, then the notice as it would be now.
fn story(out: &mut impl std::io::Write, shown: &Shown) -> anyhow::Result<()> {
    let record = &shown.record;
    let i = &record.incident;
    let time = |at: Timestamp| at.strftime("%F %H:%M UTC").to_string();
    writeln!(
        out,
        "{}",
        print::styled(format!("{} is {}, episode {}", i.id, record.state, record.episode), print::BOLD)
    )?;
    let whole: Vec<_> = record.notices.whole().collect();
    for (n, told) in whole.iter().enumerate() {
        let (at, kind) = (time(told.at), &told.kind);
        writeln!(out, "  {at}  told as `{kind}`, {} errors by then ({})", told.errors, told.id)?;
        let others = record.notices.count_all().saturating_sub(2);
        if n == 0 && others > 0 {
            writeln!(out, "  and told {others} times more until the last notice:")?;
        }
    }
    if let Some(f) = &record.followed {
        let what = format!(
            "{} from {} to {}: {}",
            f.name,
            number(f.value_before),
            number(f.desired),
            f.request_id.as_deref().unwrap_or("the answer is in doubt")
        );
        writeln!(out, "  {}  requested", time(f.intended))?;
        writeln!(out, "{}", print::filled(&what, "    "))?;
    }
    if let Some(search) = record.search.as_ref().filter(|s| s.is_on()) {
        writeln!(out, "  errors behind its alarm are looked for, {} times more", search.looks)?;
    }
    if let Some(due) = record.due_at {
        writeln!(out, "  {}  looked after next", time(due))?;
    }
    writeln!(out, "\n{}\n", print::styled("As it would be told now:", print::DIM))?;
    crate::cli::explain::mail(out, &shown.notice)
}
