//! The course of a life. Most lives are random. The others produce what chance rarely does: requests at the
//! edges of the cool-down, a single guard rail that blocks a request, a crowd, someone who forges errors.
//!
//! Invariant: A course only chooses the account and the steps. All courses are checked for the same promises.

use fastrand::Rng;

use crate::sandbox::{FaultKind, PortCall};
use crate::simulation::step::{AwsVerdict, Load, ScriptStep, choose};

/// The course of a life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Course {
    /// Anything may happen.
    Broad,
    /// One quota, which needs more every 60 to 80 hours, with AWS's decisions in between.
    CoolDown,
    /// One guard rail blocks requests, sometimes or always.
    Rail(Rail),
    /// A need, and a call that fails on the way to the request.
    Need,
    /// A request that AWS leaves open for weeks, or does not answer about.
    Silence,
    /// A refusal by AWS, and a request months later.
    Months,
    /// More than a hundred incidents at once.
    Crowd,
    /// Someone forges errors, alongside a real need.
    Attack,
    /// Someone forges more errors than can be looked at, alongside real needs, while AWS is slow.
    Flood,
}

/// What blocks a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rail {
    /// The ceiling of the quota that is full.
    Ceiling,
    /// The step factor.
    Step,
    /// The model is on the deny list.
    Denied,
    /// Only another model is on the allow list.
    Allowed,
    /// The model is new.
    History,
    /// Its use is sudden.
    Sudden,
    /// One request a day.
    Day,
    /// No requests per day.
    NoneADay,
    /// Nothing is filed.
    Observe,
    /// The topic has no subscribers.
    Listeners,
    /// The root user calls.
    Root,
    /// An event says that the root user calls.
    ForgedRoot,
    /// Nearly all calls are refused, so hardly any use is admitted.
    Refused,
    /// Calls were refused before, but no longer are.
    Before,
    /// People requested the same value in vain.
    Vain,
}

const RAILS: [Rail; 15] = [
    Rail::Ceiling,
    Rail::Step,
    Rail::Denied,
    Rail::Allowed,
    Rail::History,
    Rail::Sudden,
    Rail::Day,
    Rail::NoneADay,
    Rail::Observe,
    Rail::Listeners,
    Rail::Root,
    Rail::ForgedRoot,
    Rail::Refused,
    Rail::Before,
    Rail::Vain,
];

/// The kinds of lives repeat after this many seeds.
const CYCLE: u64 = 20;

/// Whether the life of `seed` is one of an organization.
pub(super) fn is_of_organization(seed: u64) -> bool {
    seed % CYCLE == 15
}

/// The guard rails that matter most to models on the bedrock-mantle endpoint, and to other quotas than a model's.
const ON_MANTLE: [Rail; 7] =
    [Rail::Sudden, Rail::Refused, Rail::Root, Rail::History, Rail::Before, Rail::Ceiling, Rail::Day];
const OF_FEATURES: [Rail; 7] =
    [Rail::Root, Rail::Step, Rail::Day, Rail::Observe, Rail::Listeners, Rail::NoneADay, Rail::Vain];

/// What the calls of a life go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scene {
    /// Models on the bedrock-runtime endpoint.
    Runtime,
    /// Models on the bedrock-mantle endpoint, one of them on both.
    Mantle,
    /// Operations that are not model inference, of Bedrock and of `AgentCore`.
    Features,
    /// All of these.
    All,
}

impl Scene {
    /// The scene of `seed`.
    pub(super) fn of(seed: u64) -> Self {
        match seed % CYCLE {
            12 => Self::Mantle,
            13 => Self::Features,
            16 => Self::All,
            _ => Self::Runtime,
        }
    }

    pub(super) fn has_features(self) -> bool {
        matches!(self, Self::Features | Self::All)
    }

    /// The course of the `round`th life of a scene that has courses of its own.
    fn course(self, round: usize) -> Course {
        let rails = if self == Self::Mantle { ON_MANTLE } else { OF_FEATURES };
        match round % 8 {
            0 => Course::CoolDown,
            1 => Course::Need,
            3 => Course::Silence,
            5 => Course::Months,
            7 => Course::Broad,
            _ => rails.get(round / 2 % rails.len()).map_or(Course::Broad, |rail| Course::Rail(*rail)),
        }
    }
}

impl Course {
    /// The course of `seed`.
    pub(super) fn of(seed: u64) -> Self {
        let round = usize::try_from(seed / CYCLE).unwrap_or_default();
        match seed % CYCLE {
            0 | 10 => Self::CoolDown,
            1 | 6 | 11 => RAILS
                .get((round * 3 + usize::try_from(seed % CYCLE / 5).unwrap_or_default()) % RAILS.len())
                .map_or(Self::Broad, |rail| Self::Rail(*rail)),
            2 => Self::Need,
            3 => Self::Silence,
            4 => Self::Months,
            5 if round % 5 == 1 => Self::Crowd,
            7 if round % 32 == 25 => Self::Flood,
            7 => Self::Attack,
            12 | 13 => Scene::of(seed).course(round),
            _ => Self::Broad,
        }
    }

    /// Its steps; `None` if they are random.
    pub(super) fn steps(self, rng: &mut Rng) -> Option<Vec<ScriptStep>> {
        let steps = match self {
            Self::Broad => return None,
            Self::CoolDown => cool_down(rng),
            Self::Rail(rail) => held_by(rail, rng),
            Self::Need => need(rng),
            Self::Silence => silence(rng),
            Self::Months => months(rng),
            Self::Crowd => crowd(rng),
            Self::Attack => attack(rng),
            Self::Flood => flood(rng),
        };
        Some(steps)
    }
}

/// The calls on the way to a request.
const ON_THE_WAY: [PortCall; 9] = [
    PortCall::Applied,
    PortCall::DefaultValue,
    PortCall::History,
    PortCall::Usage,
    PortCall::Subscribers,
    PortCall::Reserve,
    PortCall::RequestIncrease,
    PortCall::RequestIncrease,
    PortCall::Finish,
];

/// The first model is fully used and throttled for this many quarters of an hour; see [`ScriptStep::Need`].
fn calm(quarters: u8) -> ScriptStep {
    ScriptStep::Need { problem: 0, quarters, noise: 0, fault: None }
}

/// Long enough for any allowed request to be filed; see [`crate::simulation::life`].
const LONG: u8 = 24;

fn hours(hours: u32) -> ScriptStep {
    ScriptStep::Pass { seconds: hours * 3600 }
}

fn decide(rng: &mut Rng) -> ScriptStep {
    let verdict = choose(
        rng,
        &[
            AwsVerdict::Granted,
            AwsVerdict::Granted,
            AwsVerdict::PartlyGranted,
            AwsVerdict::ClosedUnchanged,
            AwsVerdict::Denied,
        ],
    );
    ScriptStep::Decide { request: 0, verdict }
}

fn cool_down(rng: &mut Rng) -> Vec<ScriptStep> {
    let mut steps = Vec::new();
    for _ in 0..rng.u8(2..5) {
        steps.push(calm(3));
        if rng.u8(0..4) > 0 {
            steps.push(decide(rng));
        }
        steps.push(calm(1));
        steps.push(ScriptStep::Pass { seconds: rng.u32(60 * 3600..80 * 3600) });
    }
    steps.push(calm(if rng.bool() { LONG } else { 3 }));
    steps
}

fn held_by(rail: Rail, rng: &mut Rng) -> Vec<ScriptStep> {
    let send = |problem, minutes| ScriptStep::Send { problem, errors: 1, minutes };
    let mut steps = match rail {
        Rail::Listeners => {
            vec![
                ScriptStep::Listen { listeners: 0 },
                hours(1),
                calm(LONG),
                ScriptStep::Listen { listeners: 1 },
            ]
        }
        // The root user calls second, after the notice about the throttle.
        Rail::Root | Rail::ForgedRoot => {
            let problem = if rail == Rail::Root { 1 } else { 2 };
            let mut steps = vec![ScriptStep::Use { used: 0, load: Load::Calm }, hours(7)];
            steps.extend(turn(0));
            steps.extend(turn(problem));
            steps
        }
        Rail::Refused => {
            let mut steps = vec![ScriptStep::Use { used: 0, load: Load::Refused }, hours(7)];
            steps.extend((0..3).flat_map(|_| turn(0)));
            steps
        }
        Rail::Before => {
            let mut steps = vec![ScriptStep::Use { used: 0, load: Load::Calm }];
            steps.push(hours(rng.u32(7..9 * 24)));
            steps.push(send(0, 0));
            steps.push(send(0, rng.i32(1..13 * 24 * 60)));
            steps.extend(turn(0));
            steps
        }
        // As much as one step allows, while more is needed.
        Rail::Vain => {
            let percent = choose(rng, &[200, 200, 250, 180]);
            let verdict = choose(rng, &[AwsVerdict::Denied, AwsVerdict::ClosedUnchanged]);
            let load = choose(rng, &[Load::Heavy, Load::Heavy, Load::Full]);
            let mut steps = vec![
                ScriptStep::People { used: 0, percent },
                ScriptStep::Decide { request: 0, verdict },
                ScriptStep::Use { used: 0, load },
            ];
            steps.extend((0..3).flat_map(|_| turn(0)));
            steps.push(hours(rng.u32(1..70 * 24)));
            steps
        }
        Rail::Day => {
            let second = ScriptStep::Need { problem: 3, quarters: 3, noise: 0, fault: None };
            vec![calm(3), ScriptStep::Pass { seconds: rng.u32(18 * 3600..24 * 3600) }, second]
        }
        _ => Vec::new(),
    };
    steps.push(calm(LONG));
    steps.push(decide(rng));
    steps.push(calm(2));
    steps
}

/// An error and a tick, each handled separately.
fn turn(problem: usize) -> Vec<ScriptStep> {
    vec![
        ScriptStep::Send { problem, errors: 1, minutes: 0 },
        ScriptStep::Start { from: 0, most: 9, ahead: 0 },
        ScriptStep::Run { function: 0, polls: 255 },
        ScriptStep::Pass { seconds: 400 },
        ScriptStep::Tick,
        ScriptStep::Start { from: 0, most: 9, ahead: 0 },
        ScriptStep::Run { function: 0, polls: 255 },
        ScriptStep::Pass { seconds: 500 },
    ]
}

fn need(rng: &mut Rng) -> Vec<ScriptStep> {
    let mut steps = Vec::new();
    for _ in 0..rng.u8(1..3) {
        let kind = choose(
            rng,
            &[
                FaultKind::Unavailable,
                FaultKind::Throttled,
                FaultKind::Denied,
                FaultKind::LostAnswer,
                FaultKind::Hangs,
            ],
        );
        let fault = Some((choose(rng, &ON_THE_WAY), kind)).filter(|_| rng.u8(0..5) > 0);
        steps.push(ScriptStep::Need { problem: choose(rng, &[0, 0, 3]), quarters: LONG, noise: 0, fault });
        if rng.bool() {
            steps.push(decide(rng));
        }
        steps.push(ScriptStep::Pass { seconds: rng.u32(3600..90 * 3600) });
    }
    steps
}

fn silence(rng: &mut Rng) -> Vec<ScriptStep> {
    let mut steps = vec![calm(4)];
    if rng.bool() {
        steps.push(ScriptStep::Decide { request: 0, verdict: AwsVerdict::CaseOpened });
    }
    let broken = [PortCall::Request, PortCall::Applied, PortCall::Usage];
    let call = Some(choose(rng, &broken)).filter(|_| rng.bool());
    let kind = choose(rng, &[FaultKind::Denied, FaultKind::Throttled, FaultKind::Unavailable]);
    steps.push(ScriptStep::Wait { days: rng.u8(10..40), broken: call.map(|call| (call, kind)) });
    steps.push(decide(rng));
    steps.push(ScriptStep::Wait { days: 2, broken: None });
    steps
}

fn months(rng: &mut Rng) -> Vec<ScriptStep> {
    let refuse = |rng: &mut Rng| ScriptStep::Decide {
        request: 0,
        verdict: choose(rng, &[AwsVerdict::Denied, AwsVerdict::ClosedUnchanged]),
    };
    let mut steps = vec![calm(3), refuse(rng), calm(1), hours(24 * rng.u32(91..100))];
    if rng.u8(0..4) > 0 {
        // For some hours more is needed, and every request fails. Service Quotas no longer lists the first request.
        let kind = choose(rng, &[FaultKind::Throttled, FaultKind::Unavailable, FaultKind::Denied]);
        steps.push(ScriptStep::Use { used: 0, load: Load::Heavy });
        steps.push(ScriptStep::Break { call: PortCall::RequestIncrease, kind });
        steps.push(ScriptStep::Pass { seconds: 1800 });
        steps.extend(turn(0));
        steps.push(ScriptStep::Use { used: 0, load: Load::Calm });
        // The use measured then no longer counts as demand.
        steps.push(hours(24 * rng.u32(16..30)));
    }
    steps.push(calm(LONG));
    steps.push(hours(24 * rng.u32(4..100)));
    steps.push(calm(3));
    steps
}

fn crowd(rng: &mut Rng) -> Vec<ScriptStep> {
    let mut steps = vec![ScriptStep::Burst];
    for _ in 0..rng.u8(1..3) {
        steps.push(ScriptStep::Start { from: 0, most: 255, ahead: 0 });
        steps.extend((0..8).map(|_| ScriptStep::Run { function: 0, polls: 255 }));
        steps.push(ScriptStep::Pass { seconds: rng.u32(1..600) });
        steps.push(ScriptStep::Tick);
        steps.push(ScriptStep::Start { from: 0, most: 255, ahead: 0 });
        steps.extend((0..rng.u8(4..12)).map(|_| ScriptStep::Run { function: 0, polls: 255 }));
        if rng.bool() {
            steps.push(ScriptStep::Crash { function: 0 });
        }
        steps.push(ScriptStep::Pass { seconds: rng.u32(60..6 * 3600) });
        if rng.bool() {
            steps.push(ScriptStep::Burst);
        }
    }
    steps
}

/// At a quarter of a second for each call, a sweep looks at fewer incidents than arrive meanwhile.
fn flood(rng: &mut Rng) -> Vec<ScriptStep> {
    let need = |problem| ScriptStep::Need { problem, quarters: 5, noise: 120, fault: None };
    vec![ScriptStep::Slow { milliseconds: rng.u8(235..=255) }, need(3), need(0)]
}

fn attack(rng: &mut Rng) -> Vec<ScriptStep> {
    let mut steps: Vec<ScriptStep> = Vec::new();
    for _ in 0..rng.u8(5..20) {
        steps.push(ScriptStep::Send {
            problem: rng.usize(6..36),
            errors: rng.u8(1..5),
            minutes: rng.i32(-180..600),
        });
    }
    steps.push(ScriptStep::Start { from: 0, most: 255, ahead: 0 });
    steps.push(ScriptStep::Run { function: 0, polls: 255 });
    steps.push(ScriptStep::Need { problem: 0, quarters: LONG, noise: rng.u8(1..4), fault: None });
    steps.push(decide(rng));
    steps.push(hours(24));
    steps
}
