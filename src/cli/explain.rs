//! `explain`: shows what the function would do with events.

use std::borrow::Cow;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
#[cfg(feature = "aws")]
use bedrock_remediator::aws::Aws;
use bedrock_remediator::config::Config;
#[cfg(feature = "aws")]
use bedrock_remediator::config::Mode;
use bedrock_remediator::event::{self, Malformed};
use bedrock_remediator::identity::FunctionIdentity;
use bedrock_remediator::notice::{HEADINGS, Notice, message};
use bedrock_remediator::run::context::RunContext;
use bedrock_remediator::run::handler::{
    DeliveryOutcome as ItemOutcome, DeliveryReport, IncidentReport, ItemReport, handle,
};
use bedrock_remediator::run::respond::Response;
use bedrock_remediator::run::sweep::sweep;
use bedrock_remediator::sandbox::{Sandbox, WorldFile, healthy_for_payload};
use bedrock_remediator::text::Safe;
use jiff::{SignedDuration, Timestamp};
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::{Value, json};

use crate::cli::account::{ALLOWANCE, read, read_world};
#[cfg(feature = "aws")]
use crate::cli::live::Live;
use crate::cli::outcome::CommandOutcome;
use crate::cli::print;

/// Show what the function would do with events, and the mail it would send
///
/// Runs the real handler in a simulated account; nothing leaves this machine. The account is --world, else
/// X.world.json beside X.json, else one that is healthy except for what the event reports. With --live, reads
/// the account of your AWS credentials instead, but files and sends nothing. Start with
/// `explain events/throttle-tokens.json`.
#[derive(clap::Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct ExplainArgs {
    /// Payload as Lambda receives it; `-` is standard input
    #[arg(required_unless_present_any = ["print_world_schema", "print_notice_schema"], value_name = "FILE")]
    files: Vec<PathBuf>,
    /// World file to use for every FILE
    #[arg(long, value_name = "FILE")]
    world: Option<PathBuf>,
    /// Read the account of your AWS credentials, with the guard rails of your environment
    #[cfg(feature = "aws")]
    #[arg(long, conflicts_with = "world")]
    live: bool,
    /// Print JSON, one line for each FILE
    #[arg(long)]
    json: bool,
    /// Print the JSON Schema of world files and exit
    #[arg(long)]
    print_world_schema: bool,
    /// Print the JSON Schema of notices and exit
    #[arg(long, conflicts_with = "print_world_schema")]
    print_notice_schema: bool,
}

pub(crate) fn run(args: &ExplainArgs) -> anyhow::Result<CommandOutcome> {
    let mut out = anstream::AutoStream::auto(std::io::stdout()).lock();
    if args.print_world_schema {
        writeln!(out, "{}", serde_json::to_string_pretty(&WorldFile::json_schema())?)?;
        return Ok(CommandOutcome::AllAnswered);
    }
    if args.print_notice_schema {
        writeln!(out, "{}", serde_json::to_string_pretty(&Notice::json_schema())?)?;
        return Ok(CommandOutcome::AllAnswered);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    #[cfg(feature = "aws")]
    let live = if args.live { Some(runtime.block_on(ExplainAccount::of_credentials())?) } else { None };
    let mut outcome = CommandOutcome::AllAnswered;
    for (n, file) in args.files.iter().enumerate() {
        #[cfg(feature = "aws")]
        let explained = match &live {
            Some(account) => runtime.block_on(account.explain(file)),
            None => runtime.block_on(explain(file, args.world.as_deref())),
        };
        #[cfg(not(feature = "aws"))]
        let explained = runtime.block_on(explain(file, args.world.as_deref()));
        let explained = match explained {
            Ok(explained) => explained,
            Err(error) => {
                outcome = CommandOutcome::SomeBad;
                Explained::of(file, Err(ExplainProblem::Input(format!("{error:#}"))))
            }
        };
        if explained.is_bad() {
            outcome = CommandOutcome::SomeBad;
        }
        if args.json {
            print::json_line(&mut out, &explained.json())?;
        } else {
            if n > 0 {
                writeln!(out)?;
            }
            explained.show(&mut out, args.files.len() > 1)?;
        }
    }
    Ok(outcome)
}

/// Interval of the deployed function's schedule.
const TICK: SignedDuration = SignedDuration::from_mins(5);

/// Why a file has no report.
enum ExplainProblem {
    /// The payload is malformed.
    Malformed(Malformed),
    /// The payload or its world file cannot be read.
    Input(String),
}

struct Explained {
    file: PathBuf,
    read: Result<DeliveryReport, ExplainProblem>,
    /// Notices sent by later ticks, once log searches have ended.
    later: Vec<Notice>,
}

async fn explain(file: &Path, world: Option<&Path>) -> anyhow::Result<Explained> {
    let payload = read(file)?;
    let beside = file.with_extension("world.json");
    let chosen = world.map(Path::to_owned).or_else(|| beside.is_file().then_some(beside));
    // Set the clock two minutes after the last time in the event, so that the output does not depend on
    // the day it is run.
    let now = event::latest(&payload, &FunctionIdentity::default())
        .map_or_else(Timestamp::now, |at| at.saturating_add(SignedDuration::from_mins(2)).unwrap_or(at));
    let world = match &chosen {
        Some(path) => read_world(path)?,
        None => match healthy_for_payload(&payload, &FunctionIdentity::default(), now) {
            Ok(world) => world,
            Err(malformed) => return Ok(Explained::of(file, Err(ExplainProblem::Malformed(malformed)))),
        },
    };
    let home = world.home();
    let config = world.guard_rails().context("the world file's `config` is wrong")?;
    let config = Config { digest_above: u32::MAX, ..config };
    let sandbox = Sandbox::new(world, now);
    let terms = RunContext { config: &config, home: &home, allowance: ALLOWANCE };
    let report = handle(&sandbox, &terms, &payload).await;
    let mut explained = Explained::of(file, report.map_err(ExplainProblem::Malformed));
    // A later tick reads the results of a log search.
    let is_searching = || {
        sandbox.incidents().iter().any(|i| i.record.search.as_ref().is_some_and(|s| !s.queries.is_empty()))
    };
    while is_searching() {
        sandbox.pass(TICK);
        explained.later.extend(sweep(&sandbox, &terms).await?.notices);
    }
    Ok(explained)
}

/// The account of the AWS credentials, read with these guard rails.
#[cfg(feature = "aws")]
struct ExplainAccount {
    aws: Aws,
    config: Config,
}

#[cfg(feature = "aws")]
impl ExplainAccount {
    async fn of_credentials() -> anyhow::Result<Self> {
        let aws = Aws::of_default_chain().await.context("--live cannot ask AWS")?;
        let config = Config::from_vars(|name| std::env::var(name).ok())?;
        Ok(Self { aws, config: Config { mode: Mode::Observe, digest_above: u32::MAX, ..config } })
    }

    async fn explain(&self, file: &Path) -> anyhow::Result<Explained> {
        let payload = read(file)?;
        let home = self.aws.home();
        let live = Live::new(&self.aws);
        let terms = RunContext { config: &self.config, home: &home, allowance: ALLOWANCE };
        let report = Box::pin(handle(&live, &terms, &payload)).await;
        Ok(Explained::of(file, report.map_err(ExplainProblem::Malformed)))
    }
}

/// The JSON form. Serializes items one by one, because there may be a million.
struct Json<'e> {
    file: String,
    outcome: &'static str,
    reason: Option<Cow<'e, str>>,
    /// The report and the later notices; `None` if the input could not be read.
    told: Option<(&'e DeliveryReport, &'e [Notice])>,
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("file", &self.file)?;
        map.serialize_entry("outcome", self.outcome)?;
        map.serialize_entry("reason", &self.reason)?;
        let incidents = self.told.map_or(&[][..], |(report, _)| &report.incidents);
        map.serialize_entry("incidents", &incidents.iter().map(incident).collect::<Vec<_>>())?;
        if let Some((report, later)) = self.told {
            map.serialize_entry("swept", swept(report))?;
            map.serialize_entry("later", later)?;
        }
        let items = self.told.map_or(&[][..], |(report, _)| &report.items);
        map.serialize_entry("items", &ItemsJson(items))?;
        map.end()
    }
}

struct ItemsJson<'e>(&'e [ItemReport]);

impl Serialize for ItemsJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(serde::Serialize)]
        struct Item<'e> {
            id: Option<String>,
            outcome: &'static str,
            reason: Option<&'e str>,
        }
        serializer.collect_seq(self.0.iter().map(|item| Item {
            id: item.id.as_deref().map(|id| print::name(Some(id))),
            outcome: item.outcome.as_str(),
            reason: item.reason.as_deref(),
        }))
    }
}

impl Explained {
    fn of(file: &Path, read: Result<DeliveryReport, ExplainProblem>) -> Self {
        Self { file: file.to_owned(), read, later: Vec::new() }
    }

    fn is_bad(&self) -> bool {
        self.read.as_ref().map_or(true, |r| r.items.iter().any(|i| i.outcome == ItemOutcome::Malformed))
    }

    fn json(&self) -> Json<'_> {
        let file = self.file.display().to_string();
        let malformed =
            |reason| Json { file: file.clone(), outcome: "malformed", reason: Some(reason), told: None };
        match &self.read {
            Err(ExplainProblem::Malformed(why)) => malformed(why.to_string().into()),
            Err(ExplainProblem::Input(why)) => malformed(why.into()),
            Ok(report) => Json {
                outcome: report.outcome().as_str(),
                reason: reason(report).map(Cow::Borrowed),
                told: Some((report, &self.later)),
                file,
            },
        }
    }

    fn show(&self, out: &mut impl std::io::Write, name_file: bool) -> anyhow::Result<()> {
        if name_file {
            writeln!(out, "{}", print::styled(format!("== {}", self.file.display()), print::DIM))?;
        }
        let report = match &self.read {
            Ok(report) => report,
            Err(ExplainProblem::Malformed(why)) => {
                writeln!(out, "{}", print::styled("malformed", print::BAD))?;
                writeln!(out, "{}", print::filled(&why.to_string(), "  "))?;
                return Ok(());
            }
            Err(ExplainProblem::Input(why)) => bail!("{why}"),
        };
        if report.is_batch {
            for item in &report.items {
                let style = match item.outcome {
                    ItemOutcome::Incident => print::WARN,
                    ItemOutcome::Malformed => print::BAD,
                    ItemOutcome::Ignored => print::DIM,
                };
                let id = print::name(item.id.as_deref());
                writeln!(out, "{} {id}", print::styled(item.outcome.as_str(), style))?;
                if let Some(reason) = &item.reason {
                    writeln!(out, "{}", print::filled(reason, "    "))?;
                }
            }
            writeln!(out)?;
        }
        if report.incidents.is_empty() && !report.is_batch {
            writeln!(out, "{}", print::styled(report.outcome().as_str(), print::GOOD))?;
            writeln!(out, "{}", print::filled(reason(report).unwrap_or("nothing to act on"), "  "))?;
        }
        for (n, incident) in report.incidents.iter().enumerate() {
            if n > 0 {
                writeln!(out, "\n{}", print::styled("-".repeat(print::WIDTH), print::DIM))?;
            }
            match &incident.driven {
                Ok(Some(Response { notice: Some(notice), .. })) => mail(out, notice)?,
                Ok(_) => writeln!(out, "{} was only counted", incident.incident.id)?,
                Err(error) => writeln!(
                    out,
                    "{} {}: {error}",
                    print::styled("stays due", print::BAD),
                    incident.incident.id
                )?,
            }
        }
        let swept = swept(report).iter().map(|notice| ("The tick tells:", notice));
        for (when, notice) in swept.chain(self.later.iter().map(|notice| ("Some minutes later:", notice))) {
            writeln!(out, "\n{}", print::styled("-".repeat(print::WIDTH), print::DIM))?;
            writeln!(out, "{}\n", print::styled(when, print::DIM))?;
            mail(out, notice)?;
        }
        Ok(())
    }
}

/// Prints the mail with its subject. On a terminal, the subject, the names of the answers and the headings stand out.
pub(super) fn mail(out: &mut impl std::io::Write, notice: &Notice) -> anyhow::Result<()> {
    writeln!(out, "{}\n", print::styled(format!("Subject: {}", message(notice).subject), print::BOLD))?;
    for line in notice.mail().lines() {
        match line.split_once(": ") {
            Some((name @ ("Since" | "Done" | "When" | "To do"), rest)) => {
                writeln!(out, "{} {rest}", print::styled(format!("{name}:"), print::BOLD))?;
            }
            _ if HEADINGS.contains(&line) => writeln!(out, "{}", print::styled(line, print::BOLD))?,
            _ => writeln!(out, "{line}")?,
        }
    }
    Ok(())
}

/// Notices of the sweep: incidents that were due, and forecasts.
fn swept(report: &DeliveryReport) -> &[Notice] {
    report.swept.as_ref().and_then(|swept| swept.as_ref().ok()).map_or(&[], |swept| &swept.notices)
}

fn reason(report: &DeliveryReport) -> Option<&str> {
    let worst = report.outcome();
    report.items.iter().filter(|i| i.outcome == worst).find_map(|i| i.reason.as_deref())
}

fn incident(report: &IncidentReport) -> Value {
    let i = &report.incident;
    let driven = report.driven.as_ref().ok().and_then(Option::as_ref);
    json!({
        "id": i.id,
        "account": i.account,
        "region": i.region,
        "model_id": i.model,
        "caller": i.caller.as_deref().and_then(Safe::arn),
        "category": i.cause.category(),
        "cause": i.cause,
        "rule": i.rule,
        "remedy": i.cause.remedy(),
        "facts": i.facts,
        "counts": i.counts,
        "actions": driven.map(Response::actions),
        "withheld": driven.map(|d| d.withheld().collect::<Vec<_>>()),
        "advice": driven.map(|d| &d.plan.advice),
        "notice": driven.and_then(|d| d.notice.as_ref()),
        "error": report.driven.as_ref().err().map(ToString::to_string),
    })
}
