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
mod organization;
mod problem;
mod script;
mod services;
mod telling;
mod truth;
pub mod years;

use std::fmt;

pub use crate::simulation::account::Account;
use crate::simulation::course::is_of_organization;
pub use crate::simulation::lived::Lived;
pub use crate::simulation::organization::HubStep;
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
    script: LifeScript,
}

/// The script of a life of either kind.
#[derive(Clone, Debug)]
enum LifeScript {
    /// One account.
    Account(Vec<ScriptStep>),
    /// A hub and its members.
    Organization(Vec<HubStep>),
}

impl LifeScript {
    fn of(seed: u64) -> Self {
        if is_of_organization(seed) {
            Self::Organization(organization::steps(seed))
        } else {
            Self::Account(Script::of(seed).steps)
        }
    }

    /// Simulates it. A panic of the function is also a broken promise.
    fn live(&self, seed: u64) -> Result<Lived, Violation> {
        let lived = std::panic::catch_unwind(|| match self {
            Self::Account(steps) => life::live(&Account::of(seed), steps),
            Self::Organization(steps) => organization::live(seed, steps),
        });
        lived.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text =
                text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it does not say why");
            Err(Violation { promise: "nothing panics", how: text.to_owned() })
        })
    }

    fn len(&self) -> usize {
        match self {
            Self::Account(steps) => steps.len(),
            Self::Organization(steps) => steps.len(),
        }
    }

    /// The same without `piece` steps from the `at`th on.
    fn without(&self, at: usize, piece: usize) -> Self {
        let rest = at..(at + piece).min(self.len());
        let mut shorter = self.clone();
        match &mut shorter {
            Self::Account(steps) => drop(steps.drain(rest)),
            Self::Organization(steps) => drop(steps.drain(rest)),
        }
        shorter
    }
}

/// Simulates the life of `seed`.
pub fn simulate(seed: u64) -> Result<Lived, Box<Broken>> {
    let script = LifeScript::of(seed);
    script.live(seed).map_err(|violation| Box::new(Broken { seed, violation, script }))
}

impl Broken {
    /// Finds a script as short as possible that breaks the same promise: first removes large pieces, then
    /// single steps.
    #[must_use]
    pub fn shrunk(mut self) -> Self {
        let mut piece = self.script.len().div_ceil(2);
        while piece > 0 {
            let mut at = 0;
            while at < self.script.len() {
                let shorter = self.script.without(at, piece);
                match shorter.live(self.seed) {
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

    /// The script that breaks the promise, a line for each step.
    pub fn steps(&self) -> Vec<String> {
        match &self.script {
            LifeScript::Account(steps) => steps.iter().map(|step| format!("{step:?}")).collect(),
            LifeScript::Organization(steps) => steps.iter().map(|step| format!("{step:?}")).collect(),
        }
    }

    /// What can go wrong in the life, or who takes part in it, in the order of the script's numbers.
    fn cast(&self) -> Vec<String> {
        match &self.script {
            LifeScript::Account(_) => {
                Account::of(self.seed).problems.iter().map(|problem| format!("{problem:?}")).collect()
            }
            LifeScript::Organization(_) => organization::describe(self.seed),
        }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}: {}", self.seed, self.violation)?;
        writeln!(f, "  replay: bedrock-remediator simulate --seed {}", self.seed)?;
        writeln!(f, "  the script, as far as it was shortened:")?;
        for step in self.steps() {
            writeln!(f, "    {step}")?;
        }
        writeln!(f, "  what its numbers mean, counted round all of them:")?;
        for (n, part) in self.cast().iter().enumerate() {
            writeln!(f, "    {n}: {part}")?;
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
