//! The steps of an organization's life.

use fastrand::Rng;

use crate::sandbox::{FaultKind, RoleWord};
use crate::simulation::problem::REGIONS;
use crate::simulation::step::{choose, weighted};

/// One step. A number of a member or Region wraps around those that exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HubStep {
    /// Calls in a member are throttled; EventBridge of that account forwards the errors.
    Throttled {
        /// Index of the member.
        member: usize,
        /// Index of the Region.
        region: usize,
        /// Number of errors.
        errors: u8,
    },
    /// A call in a member is denied.
    Denied {
        /// Index of the member.
        member: usize,
        /// Index of the Region.
        region: usize,
    },
    /// The detail of an event names a member, and EventBridge forwards it from another account.
    Forged {
        /// Index of the member that the detail names.
        member: usize,
        /// Index of the member from which it comes.
        from: usize,
    },
    /// Somebody publishes a member's event to a topic of the hub.
    Published {
        /// Index of the member.
        member: usize,
    },
    /// The function's own call in a member fails, and that account's trail records it.
    OwnCall {
        /// Index of the member.
        member: usize,
        /// Index of the Region.
        region: usize,
    },
    /// An account that has left the organization sends an error.
    Foreign,
    /// What STS answers for a member from now on.
    Role {
        /// Index of the member.
        member: usize,
        /// The answer.
        role: RoleWord,
    },
    /// A member switches an opt-in Region off.
    Off {
        /// Index of the member.
        member: usize,
        /// Index of the Region.
        region: usize,
    },
    /// A member's services refuse every call from now on: its request rates are used up, or it has an outage.
    Refuse {
        /// Index of the member.
        member: usize,
        /// How.
        kind: FaultKind,
    },
    /// A member is as it was at first.
    Mend {
        /// Index of the member.
        member: usize,
    },
    /// AWS decides the open requests of a member.
    Decide {
        /// Index of the member.
        member: usize,
        /// Whether it grants them.
        is_granted: bool,
    },
    /// The schedule ticks.
    Tick,
    /// A function handles what waits.
    Handle {
        /// After so many polls it dies; `None` if it does not. Each call waits twice.
        dies_after: Option<u16>,
        /// How its next call fails.
        fault: Option<FaultKind>,
    },
    /// Time passes.
    Pass {
        /// Number of seconds.
        seconds: u32,
    },
}

/// Answers of STS other than credentials.
const REFUSALS: [RoleWord; 4] =
    [RoleWord::Missing, RoleWord::DeniedByScp, RoleWord::DeniedByRcp, RoleWord::RegionOff];
/// How a member refuses calls that change nothing.
const KINDS: [FaultKind; 3] = [FaultKind::Throttled, FaultKind::Unavailable, FaultKind::Denied];

/// Random steps.
pub(super) fn steps(rng: &mut Rng) -> Vec<HubStep> {
    (0..rng.usize(30..160)).map(|_| step(rng)).collect()
}

fn step(rng: &mut Rng) -> HubStep {
    let member = rng.usize(0..64);
    let region = rng.usize(0..REGIONS.len());
    match weighted(rng, &[16, 4, 4, 2, 3, 2, 3, 2, 3, 5, 4, 14, 26, 14]) {
        0 => HubStep::Throttled { member, region, errors: rng.u8(1..4) },
        1 => HubStep::Denied { member, region },
        2 => HubStep::Forged { member, from: rng.usize(0..64) },
        3 => HubStep::Published { member },
        4 => HubStep::OwnCall { member, region },
        5 => HubStep::Foreign,
        6 => HubStep::Role { member, role: choose(rng, &REFUSALS) },
        7 => HubStep::Off { member, region },
        8 => HubStep::Refuse { member, kind: choose(rng, &KINDS) },
        9 => HubStep::Mend { member },
        10 => HubStep::Decide { member, is_granted: rng.bool() },
        11 => HubStep::Tick,
        12 => {
            let lost = [FaultKind::LostAnswer, FaultKind::Throttled, FaultKind::Unavailable];
            HubStep::Handle {
                dies_after: (rng.u8(0..5) == 0).then(|| rng.u16(1..200)),
                fault: (rng.u8(0..5) == 0).then(|| choose(rng, &lost)),
            }
        }
        _ => HubStep::Pass { seconds: choose(rng, &[30, 400, 900, 3600, 6 * 3600, 86_400, 3 * 86_400]) },
    }
}
