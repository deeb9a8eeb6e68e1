//! Whole lives of the function in a world that fails, each from a seed.
//!
//! Invariant: A seed is a life. Every random decision is in its script, so that a failure can be reproduced
//! and reduced to a shorter script.

mod lived;
mod step;
mod violation;
mod account;
mod check;
mod course;
mod features;
mod filing;
mod hazards;
mod life;
mod models;
mod problem;
mod script;
mod services;
mod telling;
mod truth;
pub mod years;

use std::fmt;

pub use crate::simulation::account::Account;
pub use crate::simulation::lived::Lived;
pub use crate::simulation::problem::Problem;
pub use crate::simulation::script::Script;
pub use crate::simulation::step::{AwsVerdict, Load, ScriptStep};
pub use crate::simulation::violation::Violation;

/// A life that broke a promise.
#[derive(Clone, Debug)]
pub struct Broken {
    /// The seed of the life.
    pub seed: u64,
    /// The first broken promise.
    pub violation: Violation,
    /// The script that breaks it.
    pub script: Script,
}

/// Simulates the life of `seed`.
pub fn simulate(seed: u64) -> Result<Lived, Box<Broken>> {
    let script = Script::of(seed);
    live(&Account::of(seed), &script)
        .map_err(|violation| Box::new(Broken { seed, violation, script: script.clone() }))
}

/// Simulates `script`. A panic of the function is also a broken promise.
fn live(account: &Account, script: &Script) -> Result<Lived, Violation> {
    let lived = std::panic::catch_unwind(|| life::live(account, script));
    lived.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it does not say why");
        Err(Violation { promise: "nothing panics", how: text.to_owned() })
    })
}

impl Broken {
    /// Finds a script as short as possible that breaks the same promise: first removes large pieces, then
    /// single steps.
    #[must_use]
    pub fn shrunk(mut self) -> Self {
        let account = Account::of(self.seed);
        let mut piece = self.script.steps.len().div_ceil(2);
        while piece > 0 {
            let mut at = 0;
            while at < self.script.steps.len() {
                let mut shorter = self.script.clone();
                shorter.steps.drain(at..(at + piece).min(self.script.steps.len()));
                match live(&account, &shorter) {
                    Err(same) if same.promise == self.violation.promise => {
                        (self.script, self.violation) = (shorter, same);
                    }
                    _ => at += piece,
                }
            }
            piece /= 2;
        }
        self
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}: {}", self.seed, self.violation)?;
        writeln!(f, "  replay: bedrock-remediator simulate --seed {}", self.seed)?;
        writeln!(f, "  the script, as far as it was shortened:")?;
        for step in &self.script.steps {
            writeln!(f, "    {step:?}")?;
        }
        writeln!(f, "  what can go wrong in it, by its number round all of them:")?;
        for (n, problem) in Account::of(self.seed).problems.iter().enumerate() {
            writeln!(f, "    {n}: {problem:?}")?;
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
        for seed in 0..3 {
            assert_eq!(Script::of(seed), Script::of(seed));
            assert_eq!(simulate(seed).unwrap(), simulate(seed).unwrap());
        }
        assert_ne!(Script::of(1), Script::of(2));
    }
}
