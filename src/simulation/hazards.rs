//! What can go wrong in a life, by its course: one problem of each kind, many of chance, a crowd, or someone's lies.

use fastrand::Rng;

use crate::simulation::course::{Course, Scene};
use crate::simulation::features;
use crate::simulation::models::{TrueModel, Unit};
use crate::simulation::problem::{Form, Problem, ProblemCaller, REGIONS, What};
use crate::simulation::step::choose;
use crate::usage::Endpoint;

/// The roles that call.
const ROLES: [&str; 5] = ["checkout", "search", "batch", "support", "ops"];
/// The actions that a role can lack for a model, and the Regions that its calls are routed to.
const ACTIONS: [&str; 3] =
    ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream", "bedrock:GetInferenceProfile"];
const ROUTES: [&str; 2] = ["us-east-2", "us-west-2"];

/// The problems of a life of `course` and `scene` that uses `models`.
pub(super) fn of(
    course: Course,
    scene: Scene,
    rng: &mut Rng,
    models: &[&'static TrueModel],
    full: Unit,
) -> Vec<Problem> {
    match course {
        _ if scene == Scene::Features => of_features(rng),
        Course::Broad if scene == Scene::All => {
            let mut problems = broad(rng, models);
            problems.extend((0..rng.usize(1..5)).map(|_| feature(rng, false)));
            problems
        }
        Course::Broad => broad(rng, models),
        Course::Crowd => crowd(rng, models),
        Course::Attack => {
            let mut problems = one(models, full);
            problems.extend(attack(rng, models));
            problems
        }
        Course::Flood => {
            let mut problems = one(models, full);
            problems.extend(flood());
            problems
        }
        _ => one(models, full),
    }
}

fn role(name: &str) -> ProblemCaller {
    ProblemCaller::Role(name.to_owned())
}

/// The problems of the first of `models` in the first Region, one for each kind; see [`crate::simulation::course`].
fn one(models: &[&'static TrueModel], full: Unit) -> Vec<Problem> {
    let of = |n: usize, what, who, form| {
        let model = models.get(n).copied();
        Problem {
            what,
            region: REGIONS.first().copied().unwrap_or_default(),
            model: model.map_or("", |m| m.id).to_owned(),
            endpoint: model.map(|m| m.endpoint).unwrap_or_default(),
            who,
            form,
        }
    };
    let full = models.first().map_or(full, |m| m.full(full));
    // The bedrock-mantle endpoint has no quotas of requests.
    let what = if full == Unit::Requests { What::Requests } else { What::Tokens };
    let first = |what, who, form| of(0, what, who, form);
    let mut problems = vec![
        first(what, role("checkout"), Form::Event),
        first(what, ProblemCaller::Root { shown: true }, Form::Event),
        first(what, ProblemCaller::Root { shown: false }, Form::Event),
        of(1, What::Rate, role("search"), Form::Topic),
    ];
    if models.iter().any(|m| m.is_on_mantle()) {
        problems.push(first(what, role("checkout"), Form::Line));
        problems.push(of(2, What::Tokens, role("checkout"), Form::Event));
        return problems;
    }
    problems.extend([
        first(What::Denied("bedrock:InvokeModel", "us-east-2"), role("batch"), Form::Event),
        first(What::Denied("bedrock:InvokeModelWithResponseStream", "us-east-2"), role("batch"), Form::Event),
    ]);
    problems
}

/// Problems with quotas that are not of model inference, in the order of [`one`]: two of them say which quota they mean.
fn of_features(rng: &mut Rng) -> Vec<Problem> {
    let first = Problem { form: Form::Event, who: role("checkout"), ..feature(rng, true) };
    let by_root = |shown| Problem { who: ProblemCaller::Root { shown }, ..first.clone() };
    let roots = [by_root(true), by_root(false)];
    let line = Problem { form: Form::Line, ..first.clone() };
    let second =
        Problem { region: first.region, form: Form::Topic, who: role("search"), ..feature(rng, true) };
    let mut problems = vec![first];
    problems.extend(roots);
    problems.extend([second, line]);
    problems.extend((0..rng.usize(1..4)).map(|_| feature(rng, false)));
    problems
}

/// A random problem with such a quota.
fn feature(rng: &mut Rng, is_named: bool) -> Problem {
    let feature = features::any(rng, is_named);
    Problem {
        what: What::Feature(feature),
        region: choose(rng, &REGIONS),
        model: feature.model.unwrap_or_default().to_owned(),
        endpoint: Endpoint::Runtime,
        who: role(choose(rng, &ROLES)),
        form: choose(rng, &[Form::Event, Form::Event, Form::Topic, Form::Line]),
    }
}

/// Random problems of any kind, anywhere.
fn broad(rng: &mut Rng, models: &[&'static TrueModel]) -> Vec<Problem> {
    let how_many = if rng.u8(0..4) == 0 { 12..40 } else { 1..8 };
    (0..rng.usize(how_many)).map(|_| problem(rng, models)).collect()
}

fn problem(rng: &mut Rng, models: &[&'static TrueModel]) -> Problem {
    let what = match rng.u8(0..12) {
        0..=3 => What::Tokens,
        4 => What::Requests,
        5 => What::Rate,
        6 => What::Alarm,
        7 => What::Form,
        8 => What::Denied(choose(rng, &ACTIONS), choose(rng, &ROUTES)),
        9 => What::Malformed,
        10 => What::Overloaded,
        _ => What::Unknown,
    };
    let mut form = match rng.u8(0..10) {
        0 => Form::Topic,
        1 if what != What::Alarm => Form::Line,
        2 if what != What::Alarm => Form::Record,
        _ => Form::Event,
    };
    let who = match rng.u8(0..30) {
        // Nobody calls for an alarm.
        0 if what != What::Alarm => ProblemCaller::Root { shown: true },
        1 if what != What::Alarm => ProblemCaller::Root { shown: false },
        _ => role(choose(rng, &ROLES)),
    };
    let model = models.get(rng.usize(0..models.len().max(1))).copied();
    let endpoint = model.map(|m| m.endpoint).unwrap_or_default();
    let mut what = what;
    if endpoint == Endpoint::Mantle {
        (what, form) = on_mantle(what, form);
    }
    let model = model.map_or("", |m| m.id).to_owned();
    Problem { what, region: choose(rng, &REGIONS), model, endpoint, who, form }
}

/// The same on the bedrock-mantle endpoint, as far as it happens there.
fn on_mantle(what: What, form: Form) -> (What, Form) {
    let what = match what {
        What::Tokens | What::Rate | What::Malformed | What::Overloaded | What::Unknown => what,
        _ => What::Tokens,
    };
    (what, if form == Form::Record { Form::Event } else { form })
}

/// More problems than one digest holds.
fn crowd(rng: &mut Rng, models: &[&'static TrueModel]) -> Vec<Problem> {
    let how_many = rng.usize(105..140);
    let of = |n: usize| {
        let what = if n.is_multiple_of(7) { What::Denied(ACTIONS[0], ROUTES[0]) } else { What::Malformed };
        Problem { what, who: role(&format!("worker-{n}")), form: Form::Event, ..problem(rng, models) }
    };
    (0..how_many).map(of).collect()
}

/// Errors of as many models as someone can invent.
fn flood() -> Vec<Problem> {
    let of = |n: usize| Problem {
        what: What::Malformed,
        region: REGIONS.first().copied().unwrap_or_default(),
        model: format!("amazon.nova-lite-v1:{n}"),
        endpoint: Endpoint::Runtime,
        who: role("made-up"),
        form: Form::Forged { other_account: false, ahead: false },
    };
    (1000..2200).map(of).collect()
}

/// Lies of someone who can write to one log: a daily limit, models that nobody calls, times in another century, another
/// account, and the root user.
fn attack(rng: &mut Rng, models: &[&'static TrueModel]) -> Vec<Problem> {
    let real = models.first().map_or("", |m| m.id);
    let of = |n: usize, rng: &mut Rng| {
        let what =
            choose(rng, &[What::PerDay, What::Tokens, What::Requests, What::Denied(ACTIONS[0], ROUTES[0])]);
        let model = if rng.bool() { real.to_owned() } else { format!("amazon.nova-lite-v1:{n}") };
        let who =
            if rng.bool() { ProblemCaller::Root { shown: false } } else { role(&format!("made-up-{n}")) };
        let form = Form::Forged { other_account: rng.u8(0..4) == 0, ahead: rng.u8(0..3) == 0 };
        Problem { what, region: choose(rng, &REGIONS), model, endpoint: Endpoint::Runtime, who, form }
    };
    (0..rng.usize(5..30)).map(|n| of(n, rng)).collect()
}
