//! Lives of an organization: a hub, a few members, and what only an organization can get wrong.
//!
//! Invariant: As in a life of one account, a seed is a life, and every random decision is in its members and its steps.

mod check;
mod life;
mod members;
mod step;

use fastrand::Rng;

use crate::simulation::lived::Lived;
use crate::simulation::organization::members::HubMembers;
pub use crate::simulation::organization::step::HubStep;
use crate::simulation::violation::Violation;

/// The random steps of `seed`.
pub(super) fn steps(seed: u64) -> Vec<HubStep> {
    step::steps(&mut Rng::with_seed(seed))
}

/// Simulates `steps` with the members of `seed`.
pub(super) fn live(seed: u64, steps: &[HubStep]) -> Result<Lived, Violation> {
    let none = || Violation { promise: "a seed is a life", how: "it has no members".to_owned() };
    life::live(&HubMembers::of(seed).ok_or_else(none)?, steps)
}

/// The members of `seed`, in a line each.
pub(super) fn describe(seed: u64) -> Vec<String> {
    HubMembers::of(seed).iter().flat_map(|members| &members.all).map(ToString::to_string).collect()
}
