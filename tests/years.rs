//! A few account-years, held to what must be true of all of them; `simulate --years` lives more.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use bedrock_remediator::simulation::years::{Family, Figures, LivedYear, Means, Policy, Setting, live};

/// What a figure may be at most, and of what: the mean of the account-years that are lived, or the worst of them.
struct Bound {
    what: &'static str,
    families: &'static [Family],
    of: fn(&Means) -> f64,
    most: f64,
}

fn mean(means: &Means, of: fn(&Figures) -> u32) -> f64 {
    means.mean(|figures| f64::from(of(figures)))
}

fn amplification(means: &Means) -> f64 {
    means.worst(|f| f.attack_amplification.or(f.loop_amplification)).unwrap_or(1.0)
}

/// The longest time until an attack was warned of.
fn warned(means: &Means) -> f64 {
    means.worst(|f| f.warned_after_hours.iter().copied().max_by(f64::total_cmp)).unwrap_or_default()
}

const EVERY: &[Family] = Family::ALL;

/// The bounds. Each is what the function keeps to now; none may be loosened.
const BOUNDS: &[Bound] = &[
    Bound {
        what: "the same value again within 30 days",
        families: EVERY,
        of: |m| mean(m, |f| f.same_value_again),
        most: 0.0,
    },
    Bound { what: "needless requests", families: EVERY, of: |m| mean(m, |f| f.needless), most: 0.1 },
    Bound {
        what: "requests for attackers",
        families: EVERY,
        of: |m| mean(m, |f| f.for_attackers),
        most: 0.1,
    },
    Bound { what: "requests for loops", families: EVERY, of: |m| mean(m, |f| f.for_loops), most: 1.0 },
    Bound {
        what: "amplification by attackers",
        families: &[Family::Attackers],
        of: amplification,
        most: 1.5,
    },
    Bound { what: "amplification by loops", families: &[Family::Loops], of: amplification, most: 2.0 },
    Bound {
        what: "silence while calls fail, in hours",
        families: EVERY,
        of: |m| m.worst(|f| Some(f.silence_hours)).unwrap_or_default(),
        most: 168.5,
    },
    Bound {
        what: "hours until an attack is warned of",
        families: &[Family::Attackers],
        of: warned,
        most: 1.0,
    },
    Bound {
        what: "most notices in a week",
        families: EVERY,
        of: |m| m.worst(|f| Some(f64::from(f.week_most))).unwrap_or_default(),
        most: 12.0,
    },
];

/// What is lived: family, year and days.
const SOME: &[(Family, u64, i64)] = &[
    (Family::Growth, 0, 120),
    (Family::Growth, 1, 40),
    (Family::GrowthCloses, 0, 40),
    (Family::NoProblem, 4, 40),
    (Family::Noise, 0, 100),
    (Family::Odd, 0, 6),
];

/// The same with an attack or a loop that goes on for weeks, and whole years of the rest.
const MORE: &[(Family, u64, i64)] = &[
    (Family::Growth, 0, 365),
    (Family::Growth, 1, 365),
    (Family::GrowthCloses, 0, 365),
    (Family::GrowthCeiling, 0, 365),
    (Family::Seasons, 0, 365),
    (Family::Loops, 0, 365),
    (Family::NoProblem, 0, 365),
    (Family::Attackers, 0, 365),
    (Family::Attackers, 1, 365),
    (Family::Attackers, 5, 365),
    (Family::Noise, 1, 365),
    (Family::Odd, 1, 365),
];

fn lived(lives: &[(Family, u64, i64)]) -> Vec<LivedYear> {
    let (next, all) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((family, year, days)) = lives.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let setting = Setting { days: *days, ..Setting::new(7) };
                    all.lock().unwrap().extend(live(&setting, *family, *year, &[Policy::Ours]));
                }
            });
        }
    });
    all.into_inner().unwrap()
}

/// Whether `all` keep to the bounds of their families.
fn check(all: &[LivedYear]) {
    let mut broken = Vec::new();
    for bound in BOUNDS {
        for family in bound.families {
            let mut means = Means::default();
            all.iter().filter(|l| l.family == *family).for_each(|l| means.add(l.figures.clone()));
            let found = (bound.of)(&means);
            if found > bound.most {
                broken.push(format!("{family}: {} is {found}, at most {}", bound.what, bound.most));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

fn sum(all: &[LivedYear], of: fn(&Figures) -> u32) -> u32 {
    all.iter().map(|lived| of(&lived.figures)).sum()
}

#[test]
fn parts_of_account_years_stay_within_their_bounds() {
    let all = lived(SOME);
    check(&all);
    // What never happened was not tested.
    let found = [sum(&all, |f| f.filed), sum(&all, |f| f.notices), sum(&all, |f| f.throttled_days)];
    assert!(found.iter().zip([4, 20, 5]).all(|(found, least)| *found >= least), "{found:?}");
}

#[test]
#[ignore = "takes a quarter of an hour without optimisation; `cargo test --profile driver --test all years:: -- --ignored`"]
fn account_years_with_attacks_and_loops_stay_within_their_bounds() {
    let all = lived(MORE);
    check(&all);
    let found = [sum(&all, |f| f.attacks), sum(&all, |f| f.filed), sum(&all, |f| f.abused_throttled_days)];
    assert!(found.iter().zip([3, 20, 50]).all(|(found, least)| *found >= least), "{found:?}");
}

#[test]
fn the_same_seed_is_the_same_year() {
    let setting = Setting { days: 30, ..Setting::new(11) };
    let once = || live(&setting, Family::Seasons, 1, Policy::ALL);
    let figures = |lived: Vec<LivedYear>| lived.into_iter().map(|l| l.figures).collect::<Vec<_>>();
    let first = figures(once());
    assert_eq!(first, figures(once()));
    let other = live(&Setting { days: 30, ..Setting::new(12) }, Family::Seasons, 1, Policy::ALL);
    assert_ne!(first, figures(other));
}

/// The figures of `days` of a year in which something is due now and then, with only the ticks that have something to do
/// and with all of them.
fn some_and_every_tick(days: i64) -> (Figures, Figures) {
    let setting = Setting { days, ..Setting::new(5) };
    let of = |setting: &Setting| live(setting, Family::NoProblem, 3, &[Policy::Ours]).remove(0).figures;
    (of(&setting), of(&Setting { every_tick: true, ..setting.clone() }))
}

#[test]
fn ticks_that_find_nothing_to_do_change_no_figure() {
    let (some, every) = some_and_every_tick(60);
    assert!(some.notices > 0);
    assert_eq!(some, every);
}

#[test]
#[ignore = "takes minutes without optimisation"]
fn ticks_that_find_nothing_to_do_change_no_figure_of_a_whole_year() {
    let (some, every) = some_and_every_tick(365);
    assert_eq!(some, every);
}
