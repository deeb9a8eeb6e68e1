//! `simulate --years`: account-years of the function, compared with people and simpler policies.

use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context as _, anyhow};
use bedrock_remediator::config::Config;
use bedrock_remediator::simulation::years::{Family, Figures, LivedYear, Means, Policy, Setting, live};
use serde_json::json;

use crate::cli::outcome::CommandOutcome;
use crate::cli::print;

/// Which account-years to simulate.
pub(crate) struct YearsArgs<'a> {
    /// Number for each family.
    pub(crate) years: u64,
    /// Seed of all chance.
    pub(crate) seed: u64,
    /// Only this family; `None` for all.
    pub(crate) family: Option<&'a str>,
    /// Only these policies; empty for all.
    pub(crate) policies: &'a [String],
    /// Guard rails that differ from their defaults, each `NAME=VALUE`.
    pub(crate) rails: &'a [String],
    /// Print one line of JSON for each account-year.
    pub(crate) json: bool,
}

pub(crate) fn run(args: &YearsArgs<'_>, out: &mut impl Write) -> anyhow::Result<CommandOutcome> {
    let setting = Setting { config: guard_rails(args.rails)?, ..Setting::new(args.seed) };
    let families = match args.family {
        None => Family::ALL.to_vec(),
        Some(word) => {
            let all = Family::ALL.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            vec![Family::parse(word).ok_or_else(|| anyhow!("no family `{word}`; there are {all}"))?]
        }
    };
    let mut policies = Vec::new();
    for word in args.policies {
        let all = Policy::ALL.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        policies.push(Policy::parse(word).ok_or_else(|| anyhow!("no policy `{word}`; there are {all}"))?);
    }
    if policies.is_empty() {
        policies = Policy::ALL.to_vec();
    }
    let start = Instant::now();
    let all = live_all(&setting, &families, args.years, &policies);
    if args.json {
        for lived in &all {
            print::json_line(out, &line(lived, args.seed))?;
        }
        return Ok(CommandOutcome::AllAnswered);
    }
    writeln!(out, "{}", table(&all, &families, &policies, REQUESTS))?;
    writeln!(out, "{}", table(&all, &families, &policies, NOTICES))?;
    let seconds = start.elapsed().as_secs_f64();
    writeln!(
        out,
        "{} account-years of each row, seed {}, in {seconds:.0} s. Means of a year; a/b: mean or median/worst.",
        args.years, args.seed
    )?;
    Ok(CommandOutcome::AllAnswered)
}

/// The defaults with `rails` laid over them. Unknown names are errors.
fn guard_rails(rails: &[String]) -> anyhow::Result<Config> {
    let mut file = bedrock_remediator::sandbox::WorldFile::default();
    for rail in rails {
        let (name, value) = rail.split_once('=').with_context(|| format!("`{rail}` is not NAME=VALUE"))?;
        file.config.insert(name.to_owned(), value.to_owned());
    }
    Ok(file.guard_rails()?)
}

/// Simulates independent years in parallel, and returns them in the order of families and years.
fn live_all(setting: &Setting, families: &[Family], years: u64, policies: &[Policy]) -> Vec<LivedYear> {
    let jobs: Vec<(Family, u64)> =
        families.iter().flat_map(|family| (0..years).map(move |year| (*family, year))).collect();
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((n, (family, year))) = {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    jobs.get(n).map(|job| (n, *job))
                } {
                    let lived = live(setting, family, year, policies);
                    if let Ok(mut done) = done.lock() {
                        done.push((n, lived));
                    }
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_default();
    done.sort_by_key(|(n, _)| *n);
    done.into_iter().flat_map(|(_, lived)| lived).collect()
}

fn line(lived: &LivedYear, seed: u64) -> serde_json::Value {
    json!({
        "family": lived.family,
        "year": lived.year,
        "policy": lived.policy,
        "seed": seed,
        "figures": lived.figures,
    })
}

/// A column: its title, and the value it shows.
type Column = (&'static str, fn(&Means) -> String);

fn of(value: f64) -> String {
    if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.1}") }
}

fn count(of_one: fn(&Figures) -> u32) -> impl Fn(&Means) -> String {
    move |means| of(means.mean(|figures| f64::from(of_one(figures))))
}

fn some(mean: Option<f64>, worst: Option<f64>) -> String {
    match (mean, worst) {
        (Some(mean), Some(worst)) => format!("{}/{}", of(mean), of(worst)),
        _ => "-".to_owned(),
    }
}

fn longest(figures: &Figures) -> Option<f64> {
    figures.unserved.iter().max().map(|days| f64::from(*days))
}

fn most_room(figures: &Figures) -> Option<f64> {
    figures.quota_to_demand.iter().copied().max_by(f64::total_cmp)
}

const REQUESTS: &[Column] = &[
    ("filed", |m| count(|f| f.filed)(m)),
    ("right", |m| count(|f| f.right)(m)),
    ("needless", |m| count(|f| f.needless)(m)),
    ("attackers", |m| count(|f| f.for_attackers)(m)),
    ("loops", |m| count(|f| f.for_loops)(m)),
    ("in vain", |m| count(|f| f.in_vain)(m)),
    ("same again", |m| count(|f| f.same_value_again)(m)),
    ("past ceiling", |m| count(|f| f.beyond_ceiling)(m)),
    ("throttled", |m| count(|f| f.throttled_days)(m)),
    ("avoidable", |m| count(|f| f.avoidable_days)(m)),
    ("idle", |m| {
        let worst = m.worst(|f| Some(f64::from(f.longest_idle)));
        some(Some(m.mean(|f| f64::from(f.idle_days))), worst)
    }),
    ("served after", |m| {
        let days = |f: &Figures| {
            let all = f64::from(u32::try_from(f.unserved.len()).unwrap_or(u32::MAX));
            (all > 0.0).then(|| f.unserved.iter().map(|d| f64::from(*d)).sum::<f64>() / all)
        };
        some(m.mean_of_some(days), m.worst(longest))
    }),
    ("quota/demand", |m| some(m.median(|f| &f.quota_to_demand), m.worst(most_room))),
    ("amplified", |m| {
        let either = |f: &Figures| f.attack_amplification.or(f.loop_amplification);
        some(m.mean_of_some(either), m.worst(either))
    }),
    ("abuse, 10^9", |m| of(m.mean(|f| f.abuse_tokens / 1e9))),
    ("grew", |m| some(Some(m.mean(|f| f.quota_grew)), m.worst(|f| Some(f.quota_grew)))),
];

const NOTICES: &[Column] = &[
    ("notices", |m| count(|f| f.notices)(m)),
    ("repeating", |m| count(|f| f.repeating)(m)),
    ("a week", |m| some(Some(m.mean(|f| f.week_median)), m.worst(|f| Some(f64::from(f.week_most))))),
    ("silence, h", |m| some(Some(m.mean(|f| f.silence_hours)), m.worst(|f| Some(f.silence_hours)))),
    ("attacks warned of", |m| {
        let years = f64::from(u32::try_from(m.years()).unwrap_or(u32::MAX));
        let attacks = m.mean(|f| f64::from(f.attacks)) * years;
        let warned = m.mean(|f| f64::from(u32::try_from(f.warned_after_hours.len()).unwrap_or(u32::MAX)));
        if attacks > 0.0 { format!("{:.0} of {attacks:.0}", warned * years) } else { "-".to_owned() }
    }),
    ("after hours", |m| {
        let worst = |f: &Figures| f.warned_after_hours.iter().copied().max_by(f64::total_cmp);
        some(m.median(|f| &f.warned_after_hours), m.worst(worst))
    }),
    ("calls a day", |m| of(m.mean(|f| f.aws_calls_a_day))),
    ("writes a day", |m| of(m.mean(|f| f.ledger_writes_a_day))),
];

/// Rows by family and policy. Only the function sends notices and has costs, so other policies have no such row.
fn table(all: &[LivedYear], families: &[Family], policies: &[Policy], columns: &[Column]) -> String {
    let tells = columns.first().is_some_and(|(title, _)| *title == "notices");
    let mut rows: Vec<Vec<String>> = vec![vec!["family".to_owned(), "policy".to_owned()]];
    if let Some(head) = rows.first_mut() {
        head.extend(columns.iter().map(|(title, _)| (*title).to_owned()));
    }
    for family in families {
        for policy in policies.iter().filter(|p| !tells || matches!(p, Policy::Ours | Policy::Reader)) {
            let mut means = Means::default();
            let of_row = all.iter().filter(|lived| lived.family == *family && lived.policy == *policy);
            of_row.for_each(|lived| means.add(lived.figures.clone()));
            let mut row = vec![family.to_string(), policy.to_string()];
            row.extend(columns.iter().map(|(_, shown)| shown(&means)));
            rows.push(row);
        }
    }
    let width = |n: usize| rows.iter().filter_map(|row| row.get(n)).map(String::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns.len() + 2).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate().map(|(n, (cell, width))| match n {
            0 | 1 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}
