//! A few account-years, held to what must be true of all of them; `simulate --years` lives more.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use bedrock_remediator::simulation::years::{Family, Figures, Lived, Means, Policy, Setting, live};

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

const EVERY: &[Family] = Family::ALL;
const ABUSED: &[Family] = &[Family::Attackers, Family::Loops];

/// The bounds. Each is what the function keeps to now; none may be loosened.
const BOUNDS: &[Bound] = &[
    Bound {
        what: "the same value again within 30 days",
        families: EVERY,
        of: |m| mean(m, |f| f.same_value_again),
        most: 0.0,
    },
    Bound { what: "amplification", families: ABUSED, of: amplification, most: 50.0 },
];

/// So many years of each family.
const YEARS: u64 = 1;

fn lived() -> Vec<Lived> {
    let jobs: Vec<(Family, u64)> =
        EVERY.iter().flat_map(|family| (0..YEARS).map(move |year| (*family, year))).collect();
    let (next, all) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((family, year)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let lived = live(&Setting::new(7), *family, *year, &[Policy::Ours]);
                    all.lock().unwrap().extend(lived);
                }
            });
        }
    });
    all.into_inner().unwrap()
}

#[test]
fn account_years_stay_within_their_bounds() {
    let all = lived();
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
    // What never happened was not tested.
    let sum = |of: fn(&Figures) -> u32| all.iter().map(|l| of(&l.figures)).sum::<u32>();
    assert!(sum(|f| f.filed) > 5 && sum(|f| f.notices) > 50 && sum(|f| f.throttled_days) > 20);
}

#[test]
fn the_same_seed_is_the_same_year() {
    let setting = Setting { days: 60, ..Setting::new(11) };
    let once = || live(&setting, Family::Growth, 1, Policy::ALL);
    let figures = |lived: Vec<Lived>| lived.into_iter().map(|l| l.figures).collect::<Vec<_>>();
    let (first, second) = (figures(once()), figures(once()));
    assert_eq!(first, second);
    let other = live(&Setting { days: 60, ..Setting::new(12) }, Family::Growth, 1, Policy::ALL);
    assert_ne!(first, figures(other));
}

#[test]
fn ticks_that_find_nothing_to_do_change_no_figure() {
    let setting = Setting::new(5);
    let of = |setting: &Setting| live(setting, Family::NoProblem, 3, &[Policy::Ours]).remove(0).figures;
    let (some, every) = (of(&setting), of(&Setting { every_tick: true, ..setting.clone() }));
    assert!(some.notices > 0);
    assert_eq!(some, every);
}
