//! `simulate`: whole lives of the function in a world that fails.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write};
use std::ops::Range;
use std::time::Instant;

use bedrock_remediator::simulation::{Broken, Lived, simulate};
use serde_json::json;

use crate::cli::outcome::CommandOutcome;
use crate::cli::{print, years};

/// Simulate whole lives of the function in a world that fails, and check every promise
///
/// Each seed is one life. Errors come late, twice and in storms; functions run side by side and die anywhere;
/// calls fail, lose their answers or never return; indexes and metrics lag; clocks differ; AWS decides as it
/// likes; people act too, and some forge errors. Each life checks notices and requests against what was true
/// of the account. When it has come to rest, every notice was sent, every justified need had a request, nothing
/// was requested twice, and nothing is held. A seed that breaks a promise is printed with its shortest script.
#[derive(clap::Args)]
pub(crate) struct SimulateArgs {
    /// Number of seeds to run, from 0
    #[arg(long, value_name = "N", default_value_t = 1000)]
    seeds: u64,
    /// Run only this seed
    #[arg(long, value_name = "S", conflicts_with = "seeds")]
    seed: Option<u64>,
    /// Simulate N account-years of each family instead: 365 days with AWS's decisions, people and attackers, under
    /// the function and under simpler policies
    #[arg(long, value_name = "N", conflicts_with = "seeds")]
    years: Option<u64>,
    /// Simulate only this family of account-years: growth, growth-closes, growth-ceiling, seasons, loops, no-problem,
    /// attackers, noise, odd
    #[arg(long, value_name = "F", requires = "years")]
    family: Option<String>,
    /// Simulate only these policies: ours (nobody reads the notices), reader (a person acts two working days after
    /// a notice), b1 (a quarter more on each alarm), b2 (a person requests within two working days), b3 (a sensible
    /// operator)
    #[arg(long, value_name = "P", requires = "years", value_delimiter = ',')]
    policy: Vec<String>,
    /// Set a guard rail of account-years; repeat for more
    #[arg(long, value_name = "NAME=VALUE", requires = "years")]
    set: Vec<String>,
    /// Print one line of JSON; with --years, one line for each account-year
    #[arg(long)]
    json: bool,
}

/// Default seed of account-years.
const YEARS_SEED: u64 = 7;

/// Broken lives to print.
const MOST_SHOWN: usize = 5;

pub(crate) fn run(args: &SimulateArgs) -> anyhow::Result<CommandOutcome> {
    if let Some(years) = args.years {
        let args = years::YearsArgs {
            years,
            seed: args.seed.unwrap_or(YEARS_SEED),
            family: args.family.as_deref(),
            policies: &args.policy,
            rails: &args.set,
            json: args.json,
        };
        return years::run(&args, &mut anstream::AutoStream::auto(std::io::stdout()).lock());
    }
    let seeds = args.seed.map_or(0..args.seeds, |seed| seed..seed.saturating_add(1));
    let lives = Lives::of(seeds);
    let mut out = anstream::AutoStream::auto(std::io::stdout()).lock();
    if args.json {
        lives.print_json(&mut out)?;
    } else {
        lives.print_text(&mut out)?;
    }
    Ok(if lives.failed == 0 { CommandOutcome::AllAnswered } else { CommandOutcome::SomeBad })
}

/// What came of the lives of some seeds.
struct Lives {
    /// The number of lives.
    count: u64,
    /// What the lives that kept every promise contained.
    lived: Lived,
    /// How many lives broke a promise.
    failed: u64,
    /// How many lives broke each promise.
    promises: BTreeMap<&'static str, u64>,
    /// The first broken lives, shortened; at most [`MOST_SHOWN`].
    broken: Vec<Broken>,
    seconds: f64,
}

impl Lives {
    /// Simulates the life of each seed.
    fn of(seeds: Range<u64>) -> Self {
        let count = seeds.end - seeds.start;
        let start = Instant::now();
        let mut lived = Lived::default();
        let mut broken: Vec<Broken> = Vec::new();
        let mut failed = 0u64;
        let mut promises: BTreeMap<&str, u64> = BTreeMap::new();
        for seed in seeds {
            match simulate(seed) {
                Ok(life) => lived.add(life),
                Err(life) => {
                    failed += 1;
                    *promises.entry(life.violation.promise).or_default() += 1;
                    if broken.len() < MOST_SHOWN {
                        broken.push(life.shrunk());
                    }
                }
            }
            progress(seed, count);
        }
        Self { count, lived, failed, promises, broken, seconds: start.elapsed().as_secs_f64() }
    }

    /// Prints one line of JSON.
    fn print_json(&self, out: &mut impl Write) -> anyhow::Result<()> {
        let shown = self.broken.iter().map(|b| {
            json!({
                "seed": b.seed,
                "promise": b.violation.promise,
                "how": b.violation.how,
                "script": b.steps(),
            })
        });
        let shown: Vec<_> = shown.collect();
        let Self { count, lived, failed, promises, seconds, .. } = self;
        print::json_line(
            out,
            &json!({ "seeds": count, "broken": failed, "promises": promises, "seconds": seconds, "lived": lived, "shown": shown }),
        )?;
        Ok(())
    }

    /// Prints the broken lives with their scripts, the verdict, and what all lives contained.
    fn print_text(&self, out: &mut impl Write) -> anyhow::Result<()> {
        let Self { count, lived, failed, seconds, .. } = self;
        for life in &self.broken {
            writeln!(out, "{}{life}", print::styled("broken ", print::BAD))?;
        }
        let verdict = match failed {
            0 => print::styled("no promise was broken", print::GOOD),
            _ => print::styled(format!("{failed} broke a promise"), print::BAD),
        };
        let noun = if *count == 1 { "life" } else { "lives" };
        writeln!(out, "{count} {noun} in {seconds:.1} s: {verdict}")?;
        writeln!(
            out,
            "  {} messages in {} deliveries to {} functions; functions that died: {}, calls that failed: {}",
            lived.messages, lived.deliveries, lived.functions, lived.crashes, lived.faults
        )?;
        writeln!(
            out,
            "  incidents: {}, told of: {} times ({} after a fault, {} digests), requests: {} ({} of promised ones, {} on bedrock-mantle, {} for other quotas, {} in members), outcomes: {}, dead letters: {}",
            lived.incidents,
            lived.notices,
            lived.repeats,
            lived.digests,
            lived.requests,
            lived.served,
            lived.of_mantle,
            lived.of_features,
            lived.of_members,
            lived.outcomes,
            lived.dead_letters
        )?;
        Ok(())
    }
}

/// Prints progress on a terminal, every 100 seeds of a long run.
fn progress(seed: u64, count: u64) {
    if count >= 1000 && seed.is_multiple_of(100) && std::io::stderr().is_terminal() {
        anstream::eprint!("\r{seed} of {count}\r");
    }
}
