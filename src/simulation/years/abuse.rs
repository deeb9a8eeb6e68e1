//! Demand that no increase may serve: of stolen credentials, and of loops.
//!
//! Invariant: It is kept apart from the legitimate demand of the same service, so that the served amount of each is
//! known, whatever the function believes.

use crate::simulation::years::demand::DAY;

/// A caller, as CloudTrail shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AbuseCaller {
    /// ARN, with the session if there is one.
    pub(super) principal: String,
    pub(super) address: String,
    pub(super) agent: String,
}

/// How abusive demand develops.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum AbusePlan {
    /// This multiple of the legitimate demand from the first minute on.
    Sudden(f64),
    /// Starts with the multiple `first`, and grows by `factor` every `days` days.
    Ramp { first: f64, factor: f64, days: f64 },
    /// The same in steps.
    Steps { first: f64, factor: f64, days: f64 },
    /// This multiple of the first day's quota.
    Fill(f64),
    /// This multiple of whatever is granted: a service that reads its limit and sends as much.
    Follow(f64),
    /// Every `every` days, for some hours, a multiple of the first day's quota: clients that retry without end.
    Storm { every: f64, hours: f64, times: f64 },
}

/// Abusive demand of one service.
#[derive(Clone, Debug)]
pub(super) struct Abuse {
    pub(super) plan: AbusePlan,
    /// The minute of the year in which it begins.
    pub(super) from: i64,
    /// The minute in which it ends, by a person or by itself.
    pub(super) until: i64,
    pub(super) who: AbuseCaller,
    /// Whether it is the account's own software, not a stranger.
    pub(super) is_loop: bool,
}

/// No plan demands more than this multiple of the first day's quota.
const MOST: f64 = 300.0;

impl Abuse {
    /// Abusive requests in a minute, for a service with a legitimate demand of `scale` requests in its busiest minute.
    /// Its quota takes `granted` requests a minute now, and took `first` on the first day.
    pub(super) fn at(&self, minute: i64, scale: f64, first: f64, granted: f64) -> f64 {
        if !self.is_on(minute) {
            return 0.0;
        }
        let days = (minute - self.from) as f64 / DAY as f64;
        let asked = match self.plan {
            AbusePlan::Sudden(times) => scale * times,
            AbusePlan::Ramp { first, factor, days: each } => scale * first * f64::powf(factor, days / each),
            AbusePlan::Steps { first, factor, days: each } => {
                scale * first * f64::powf(factor, (days / each).floor())
            }
            AbusePlan::Fill(times) => first * times,
            AbusePlan::Follow(times) => granted * times,
            AbusePlan::Storm { every, hours, times } => {
                let is_on = days.rem_euclid(every) * 24.0 < hours;
                if is_on { first * times } else { 0.0 }
            }
        };
        asked.min(first * MOST)
    }

    /// Whether it is active in that minute.
    pub(super) fn is_on(&self, minute: i64) -> bool {
        (self.from..self.until).contains(&minute)
    }
}
