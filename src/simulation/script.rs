//! The random decisions of a life, step by step.

use fastrand::Rng;

use crate::sandbox::{FaultKind, PortCall};
use crate::simulation::course::Course;
use crate::simulation::step::{AwsVerdict, Load, ScriptStep, choose, weighted};

/// A life's steps, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// The steps. An index of a step wraps around the existing items; if there are none, nothing happens. So any
    /// part of a script is a script.
    pub steps: Vec<ScriptStep>,
}

/// Calls that only commands make.
const OF_PEOPLE: [PortCall; 6] = [
    PortCall::All,
    PortCall::OwnAlarms,
    PortCall::Rights,
    PortCall::Rules,
    PortCall::Seize,
    PortCall::Trails,
];

/// A random call of the function, to break for a while.
fn breaking(rng: &mut Rng) -> PortCall {
    loop {
        let call = choose(rng, PortCall::ALL);
        if !OF_PEOPLE.contains(&call) {
            return call;
        }
    }
}

/// Calls that change something, and calls that tell whether a change happened or how it ended.
const ACTS: [PortCall; 9] = [
    PortCall::Applied,
    PortCall::Claim,
    PortCall::Finish,
    PortCall::History,
    PortCall::NotFiled,
    PortCall::Publish,
    PortCall::Request,
    PortCall::RequestIncrease,
    PortCall::Reserve,
];

impl Script {
    /// The script of `seed`.
    pub fn of(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        if let Some(steps) = Course::of(seed).steps(&mut rng) {
            return Self { steps };
        }
        let length = rng.usize(20..300);
        // Some lives are calm, some are stormy, some run their functions one after the other.
        let temper = Temper { faults: rng.u32(0..8), crashes: rng.u32(0..6), hurry: rng.bool() };
        Self { steps: (0..length).map(|_| temper.step(&mut rng)).collect() }
    }
}

struct Temper {
    faults: u32,
    crashes: u32,
    hurry: bool,
}

impl Temper {
    fn step(&self, rng: &mut Rng) -> ScriptStep {
        let nth = |rng: &mut Rng| rng.usize(0..64);
        let run = if self.hurry { 60 } else { 30 };
        let weights =
            [20, 2, 1, 6, 1, 4, 22, run, 3 * self.faults, self.faults / 3, 3, self.crashes, 12, 4, 3, 1, 4];
        match weighted(rng, &weights) {
            0 => ScriptStep::Send {
                problem: nth(rng),
                errors: if rng.u8(0..10) == 0 { rng.u8(10..40) } else { rng.u8(1..4) },
                minutes: minutes(rng),
            },
            1 => ScriptStep::Invoke { problem: nth(rng) },
            2 => ScriptStep::Poison,
            3 => ScriptStep::Tick,
            4 => ScriptStep::News,
            5 => ScriptStep::Duplicate { message: rng.usize(0..4096) },
            6 => ScriptStep::Start { from: nth(rng), most: rng.u8(1..60), ahead: ahead(rng) },
            7 => ScriptStep::Run {
                function: nth(rng),
                polls: if self.hurry { rng.u8(8..80) } else { rng.u8(1..12) },
            },
            8 => ScriptStep::Fail {
                function: nth(rng),
                call: rng.bool().then(|| choose(rng, &ACTS)),
                kind: fault(rng),
            },
            9 => ScriptStep::Break { call: breaking(rng), kind: fault(rng) },
            10 => ScriptStep::Mend,
            11 => ScriptStep::Crash { function: nth(rng) },
            12 => ScriptStep::Pass { seconds: time(rng) },
            13 => ScriptStep::Decide {
                request: nth(rng),
                verdict: choose(
                    rng,
                    &[
                        AwsVerdict::CaseOpened,
                        AwsVerdict::Granted,
                        AwsVerdict::PartlyGranted,
                        AwsVerdict::ClosedUnchanged,
                        AwsVerdict::Denied,
                    ],
                ),
            },
            14 => ScriptStep::Use { used: nth(rng), load: load(rng) },
            15 => ScriptStep::Redrive,
            _ => rare(rng),
        }
    }
}

/// Rare events in an account.
fn rare(rng: &mut Rng) -> ScriptStep {
    let nth = |rng: &mut Rng| rng.usize(0..64);
    match rng.u8(0..16) {
        0..=1 => ScriptStep::People { used: nth(rng), percent: rng.u32(110..250) },
        2 => ScriptStep::Lower { used: nth(rng) },
        3..=4 => ScriptStep::Listen { listeners: rng.u32(0..3) },
        5..=6 => ScriptStep::Lag { seconds: rng.u8(0..30) },
        7..=8 => ScriptStep::Metrics { late: rng.u8(0..12) },
        9..=10 => ScriptStep::Deploy { observes: rng.bool() },
        11 => ScriptStep::Wait { days: rng.u8(1..4), broken: None },
        _ => {
            let fault = rng.bool().then(|| (choose(rng, &ACTS), fault(rng)));
            ScriptStep::Need { problem: nth(rng), quarters: choose(rng, &[1, 1, 4, 26]), noise: 0, fault }
        }
    }
}

/// Delay of an error in minutes: mostly none or up to an hour, rarely much longer, sometimes negative.
pub(crate) fn minutes(rng: &mut Rng) -> i32 {
    match rng.u8(0..40) {
        0..=19 => 0,
        20..=37 => rng.i32(0..60),
        38 => rng.i32(60..13 * 24 * 60),
        _ => choose(rng, &[-5, -120, -52_560_000]),
    }
}

pub(crate) fn load(rng: &mut Rng) -> Load {
    choose(
        rng,
        &[Load::Full, Load::Full, Load::Full, Load::Heavy, Load::Calm, Load::Calm, Load::Refused, Load::Idle],
    )
}

/// Mostly seconds, else minutes, hours or days.
pub(crate) fn time(rng: &mut Rng) -> u32 {
    match rng.u8(0..10) {
        0..=3 => rng.u32(1..20),
        4..=6 => rng.u32(20..400),
        7..=8 => rng.u32(400..6 * 3600),
        _ => rng.u32(6 * 3600..5 * 86_400),
    }
}

/// How far a clock is ahead: mostly seconds, sometimes minutes.
pub(crate) fn ahead(rng: &mut Rng) -> i16 {
    if rng.u8(0..5) == 0 { rng.i16(-300..=300) } else { rng.i16(-20..=20) }
}

pub(crate) fn fault(rng: &mut Rng) -> FaultKind {
    choose(
        rng,
        &[
            FaultKind::LostAnswer,
            FaultKind::LostAnswer,
            FaultKind::Unavailable,
            FaultKind::Throttled,
            FaultKind::Denied,
            FaultKind::Hangs,
        ],
    )
}
