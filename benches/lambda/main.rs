//! How fast the function starts and answers, beside a handler that does nothing and the same job in Python and
//! Node: each under a Runtime API and AWS's endpoints on loopback, over TLS with a private authority.
//!
//! `benches/lambda/run` prepares all of them and starts it.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark"
)]

#[path = "../../tests/support/mod.rs"]
mod support;

mod process;
mod tls;

use std::path::PathBuf;
use std::time::Duration;

use bedrock_remediator::sandbox::WorldFile;
use process::{Kind, Runtime, Sample};
use support::cloud::Cloud;

/// One of those that are compared.
struct Candidate {
    name: &'static str,
    command: Vec<PathBuf>,
    /// Whether it asks AWS anything.
    works: bool,
}

/// What happens to it.
struct Scenario {
    name: &'static str,
    event: &'static str,
    world: &'static str,
    delay: Duration,
    tls: bool,
}

const THROTTLE: (&str, &str) = (
    include_str!("../../events/throttle-tokens.json"),
    include_str!("../../events/throttle-tokens.world.json"),
);
const ACCESS: (&str, &str) = (
    include_str!("../../events/access-form-not-submitted.json"),
    include_str!("../../events/access-form-not-submitted.world.json"),
);

fn scenarios() -> Vec<Scenario> {
    let of = |name, (event, world), delay, tls| Scenario {
        name,
        event,
        world,
        delay: Duration::from_millis(delay),
        tls,
    };
    vec![
        of("a new throttle", THROTTLE, 0, true),
        of("a new throttle, 20 ms for each answer", THROTTLE, 20, true),
        of("a new throttle, without TLS", THROTTLE, 0, false),
        of("a missing form", ACCESS, 0, true),
    ]
}

fn candidates() -> Vec<Candidate> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let prepared = root.join("target/bench");
    let ours = PathBuf::from(env!("CARGO_BIN_EXE_bootstrap"));
    let empty = ours.parent().unwrap().join("examples/empty");
    vec![
        Candidate { name: "an empty handler", command: vec![empty], works: false },
        Candidate { name: "this function", command: vec![ours], works: true },
        Candidate {
            name: "Python, boto3",
            command: vec![prepared.join("venv/bin/python"), root.join("benches/lambda/peer.py")],
            works: true,
        },
        Candidate {
            name: "Node, SDK v3",
            command: vec!["node".into(), prepared.join("peer.mjs")],
            works: true,
        },
    ]
}

fn main() {
    let runs = std::env::args().skip_while(|a| a != "--runs").nth(1).map_or(30, |n| n.parse().unwrap());
    let wanted = std::env::args().skip_while(|a| a != "--only").nth(1);
    let tls = tls::Authority::new();
    let runtime = Runtime::new();
    for scenario in scenarios() {
        let file = || {
            let mut file = WorldFile::parse(scenario.world).unwrap();
            file.now = None;
            file
        };
        let cloud = if scenario.tls { tls.cloud(file()) } else { Cloud::new(file()) };
        cloud.state().delay = scenario.delay;
        let mut all: Vec<(&str, Vec<Sample>)> = Vec::new();
        let candidates = candidates();
        let taken = candidates.iter().filter(|c| wanted.as_ref().is_none_or(|w| c.name.contains(w.as_str())));
        let taken: Vec<&Candidate> = taken.collect();
        for run in 0..=runs {
            for candidate in &taken {
                cloud.reset(file());
                let mut variables = cloud.variables();
                variables.extend(tls.variables());
                let sample = runtime.measure(&candidate.command, &variables, scenario.event);
                assert!(!candidate.works || !cloud.published().is_empty(), "{} told nobody", candidate.name);
                // The first brings everything into the machine's caches.
                if run > 0 {
                    match all.iter_mut().find(|(name, _)| *name == candidate.name) {
                        Some((_, samples)) => samples.push(sample),
                        None => all.push((candidate.name, vec![sample])),
                    }
                }
            }
        }
        show(&scenario, runs, &all);
    }
}

/// Medians and 90th percentiles, a line for each candidate.
fn show(scenario: &Scenario, runs: usize, all: &[(&str, Vec<Sample>)]) {
    let row = |cells: Vec<String>| println!("| {} |", cells.join(" | "));
    println!("\n{}, {runs} runs each: median (90th percentile)\n", scenario.name);
    let titles = Kind::ALL.iter().map(|kind| kind.title().to_owned());
    row(std::iter::once(String::new()).chain(titles).collect());
    row(vec!["---".to_owned(); Kind::ALL.len() + 1]);
    for (name, samples) in all {
        let cell = |kind: &Kind| {
            let mut values: Vec<f64> = samples.iter().map(|s| s.of(*kind)).collect();
            values.sort_by(f64::total_cmp);
            let at = |part: usize| values[(values.len() * part / 100).min(values.len() - 1)];
            format!("{} ({})", kind.shown(at(50)), kind.shown(at(90)))
        };
        row(std::iter::once((*name).to_owned()).chain(Kind::ALL.iter().map(cell)).collect());
    }
}
