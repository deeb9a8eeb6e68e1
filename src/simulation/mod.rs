//! Whole lives of the function in a world that fails, each from a seed.
//!
//! One law: a seed is a life. Everything that chance decides stands in its script, so that what went
//! wrong once goes wrong again, and a shorter script that still does can be looked for.

mod account;
mod check;
mod life;
mod script;

use std::fmt;

use serde::Serialize;

pub use self::account::Account;
pub use self::check::Violation;
pub use self::script::{Script, Step};

/// What a life held: that much was put to the test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct Lived {
    pub messages: u64,
    pub deliveries: u64,
    pub functions: u64,
    pub crashes: u64,
    pub faults: u64,
    pub incidents: u64,
    pub notices: u64,
    pub digests: u64,
    pub repeats: u64,
    pub requests: u64,
    pub outcomes: u64,
    pub dead_letters: u64,
}

/// A life in which a promise was broken.
#[derive(Clone, Debug)]
pub struct Broken {
    /// The seed it began with.
    pub seed: u64,
    /// What was broken first.
    pub violation: Violation,
    /// The shortest script found that breaks the same promise.
    pub script: Script,
}

/// Lives the life of `seed`.
pub fn simulate(seed: u64) -> Result<Lived, Box<Broken>> {
    let account = Account::of(seed);
    let script = Script::of(seed);
    life::live(&account, &script).map_err(|violation| {
        let (violation, script) = shrink(&account, script, violation);
        Box::new(Broken { seed, violation, script })
    })
}

/// Leaves out what is not needed to break the same promise: large pieces first, then single steps.
fn shrink(account: &Account, mut script: Script, mut violation: Violation) -> (Violation, Script) {
    let mut piece = script.steps.len().div_ceil(2);
    while piece > 0 {
        let mut at = 0;
        while at < script.steps.len() {
            let mut shorter = script.clone();
            shorter.steps.drain(at..(at + piece).min(script.steps.len()));
            match life::live(account, &shorter) {
                Err(same) if same.promise == violation.promise => (script, violation) = (shorter, same),
                _ => at += piece,
            }
        }
        piece /= 2;
    }
    (violation, script)
}

impl Lived {
    /// Adds another life.
    pub fn add(&mut self, other: Self) {
        self.messages += other.messages;
        self.deliveries += other.deliveries;
        self.functions += other.functions;
        self.crashes += other.crashes;
        self.faults += other.faults;
        self.incidents += other.incidents;
        self.notices += other.notices;
        self.digests += other.digests;
        self.repeats += other.repeats;
        self.requests += other.requests;
        self.outcomes += other.outcomes;
        self.dead_letters += other.dead_letters;
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}: {}", self.seed, self.violation)?;
        writeln!(f, "  replay: bedrock-remediator simulate --seed {}", self.seed)?;
        writeln!(f, "  the shortest script that does it:")?;
        for step in &self.script.steps {
            writeln!(f, "    {step:?}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Broken {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_life() {
        for seed in 0..20 {
            assert_eq!(Script::of(seed), Script::of(seed));
            assert_eq!(simulate(seed).unwrap(), simulate(seed).unwrap());
        }
        assert_ne!(Script::of(1), Script::of(2));
    }
}
