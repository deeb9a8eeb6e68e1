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
    clippy::cast_precision_loss,
    reason = "a benchmark"
)]

#[allow(dead_code, reason = "most of it serves only the tests")]
#[path = "../../tests/support/mod.rs"]
mod support;

mod process;

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use bedrock_remediator::sandbox::WorldFile;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use process::{Kind, Runtime, Sample};
use support::cloud::{Cloud, serve};
use support::tls::Authority;

/// One of those that are compared.
struct Candidate {
    name: String,
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

const EMPTY: &str = "an empty handler";
const OURS: &str = "this function";
const PYTHON: &str = "Python, boto3";

/// What is compared; `--beside NAME=PATH` adds another build of the function.
fn candidates() -> Vec<Candidate> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let prepared = root.join("target/bench");
    let of = |name: &str, command: Vec<PathBuf>, works| Candidate { name: name.to_owned(), command, works };
    let mut all = vec![
        of(EMPTY, vec![prepared.join("empty/release/empty")], false),
        of(OURS, vec![root.join("target/release/bootstrap")], true),
        of(PYTHON, vec![prepared.join("venv/bin/python"), root.join("benches/lambda/peer.py")], true),
        of("Node, SDK v3", vec!["node".into(), prepared.join("peer.mjs")], true),
    ];
    for other in arguments("--beside") {
        let (name, path) = other.split_once('=').expect("--beside NAME=PATH");
        all.push(of(name, vec![path.into()], true));
    }
    let wanted = arguments("--only");
    all.retain(|c| wanted.is_empty() || wanted.iter().any(|w| c.name.contains(w.as_str())));
    all
}

/// The values of every `name` on the command line.
fn arguments(name: &str) -> Vec<String> {
    let given: Vec<String> = std::env::args().collect();
    given.windows(2).filter(|pair| pair[0] == name).map(|pair| pair[1].clone()).collect()
}

fn main() {
    let runs = arguments("--runs").first().map_or(30, |n| n.parse().unwrap());
    let authority = Authority::new();
    let runtime = Runtime::new();
    let candidates = candidates();
    for scenario in scenarios() {
        let file = || {
            let mut file = WorldFile::parse(scenario.world).unwrap();
            file.now = None;
            file
        };
        // One thread here too: the candidate has the other core.
        let plain = || Cloud::served(file(), "http", 1, serve);
        let cloud = if scenario.tls { authority.cloud(file()) } else { plain() };
        cloud.state().delay = scenario.delay;
        let mut all: Vec<(&str, Vec<Sample>)> =
            candidates.iter().map(|c| (c.name.as_str(), Vec::new())).collect();
        // The first run brings everything into the machine's caches.
        for run in 0..=runs {
            for (candidate, (name, samples)) in candidates.iter().zip(&mut all) {
                cloud.reset(file());
                let mut variables = cloud.variables();
                variables.extend(authority.variables());
                let sample = runtime.measure(&candidate.command, &variables, scenario.event);
                assert!(!candidate.works || !cloud.published().is_empty(), "{name} told nobody");
                samples.extend((run > 0).then_some(sample));
            }
        }
        show(&scenario, runs, &all);
    }
    packages(&candidates);
}

/// Medians and 90th percentiles, a line for each candidate; below, how the medians compare.
fn show(scenario: &Scenario, runs: usize, all: &[(&str, Vec<Sample>)]) {
    println!("\n{}, {runs} runs each: median (90th percentile)\n", scenario.name);
    titles(Kind::ALL.iter().map(|kind| kind.title()));
    let at = |samples: &[Sample], kind: Kind, part: usize| {
        let mut values: Vec<f64> = samples.iter().map(|s| s.of(kind)).collect();
        values.sort_by(f64::total_cmp);
        values[(values.len() * part / 100).min(values.len() - 1)]
    };
    for (name, samples) in all {
        let cell = |kind: &Kind| {
            let (median, most) = (at(samples, *kind, 50), at(samples, *kind, 90));
            format!("{} ({})", kind.shown(median), kind.shown(most))
        };
        row(std::iter::once((*name).to_owned()).chain(Kind::ALL.iter().map(cell)));
    }
    let found = |wanted| all.iter().find(|(name, _)| *name == wanted);
    let Some((_, ours)) = found(OURS) else { return };
    for (name, others) in [EMPTY, PYTHON].into_iter().filter_map(found) {
        let ratio = |kind: &Kind| format!("× {:.3}", at(ours, *kind, 50) / at(others, *kind, 50));
        row(std::iter::once(format!("{OURS}, of {name}")).chain(Kind::ALL.iter().map(ratio)));
    }
}

/// What is uploaded: the last file of each command, as a zip holds it. The SDKs of Python and Node come
/// with Lambda's runtimes.
fn packages(candidates: &[Candidate]) {
    println!("\npackages\n");
    titles(["file, MiB", "deflated, MiB"].into_iter());
    for candidate in candidates {
        let content = std::fs::read(candidate.command.last().unwrap()).unwrap();
        let mut deflated = DeflateEncoder::new(Vec::new(), Compression::best());
        deflated.write_all(&content).unwrap();
        let sizes = [content.len(), deflated.finish().unwrap().len()];
        let mib = sizes.map(|bytes| format!("{:.2}", bytes as f64 / 1024.0 / 1024.0));
        row(std::iter::once(candidate.name.clone()).chain(mib));
    }
}

fn titles<'a>(columns: impl Iterator<Item = &'a str>) {
    let columns: Vec<String> = std::iter::once("").chain(columns).map(str::to_owned).collect();
    let rule = vec!["---".to_owned(); columns.len()];
    row(columns.into_iter());
    row(rule.into_iter());
}

fn row(cells: impl Iterator<Item = String>) {
    println!("| {} |", cells.collect::<Vec<_>>().join(" | "));
}
