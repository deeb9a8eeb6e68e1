//! Hundreds of lives of the function in a world that fails; `simulate` lives more.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use bedrock_remediator::simulation::{Lived, simulate};

const SEEDS: u64 = 200;

#[test]
fn no_life_breaks_a_promise() {
    let (next, all) = (AtomicU64::new(0), Mutex::new(Lived::default()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= SEEDS {
                        return;
                    }
                    match simulate(seed) {
                        Ok(lived) => all.lock().unwrap().add(lived),
                        Err(broken) => panic!("{}", broken.shrunk()),
                    }
                }
            });
        }
    });
    // What never happened was not tested.
    let lived = *all.lock().unwrap();
    for (what, least) in [
        (lived.crashes, 100),
        (lived.faults, 100),
        (lived.digests, 50),
        (lived.repeats, 20),
        (lived.requests, 50),
        (lived.outcomes, 50),
        (lived.dead_letters, 10),
        (lived.foreseen, 30),
        (lived.served, 20),
        (lived.of_mantle, 10),
        (lived.of_features, 10),
        (lived.of_members, 10),
        (lived.deliveries - lived.messages, 1000),
    ] {
        assert!(what >= least, "{lived:?}");
    }
}
