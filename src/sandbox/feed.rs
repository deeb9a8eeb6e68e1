//! Measurements and records of calls that whoever drives the world feeds into it minute by minute.
//!
//! Invariant: rows stand in the order of their times, so that a window is two binary searches, however long the
//! world has lived. What was never used has no row, as CloudWatch has no data of it.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{Sandbox, State};
use crate::callers::Origin;
use crate::event::{ErrorSignal, Source};
use crate::ids::{Place, Region, caller_of, is_root};
use crate::model::ModelId;
use crate::usage::{Minute, Period, Series};
use crate::world::{Call, Window};

/// CloudTrail's event history shows a call after this time.
const TRAIL_IS_LATE: SignedDuration = SignedDuration::from_mins(6);
/// Five minutes, in seconds.
const FIVE: i64 = 300;

/// Everything that was fed.
#[derive(Debug, Default)]
pub(super) struct Feed {
    meters: Vec<Meter>,
    trail: VecDeque<(Timestamp, Arc<Fed>)>,
}

/// The measurements of one `ModelId`.
#[derive(Debug)]
struct Meter {
    region: Region,
    model_id: String,
    minutes: VecDeque<(i64, Minute)>,
    /// The average minute of each five, by the second at which they begin.
    fives: VecDeque<(i64, Minute)>,
}

/// A call of Bedrock as CloudTrail records it. One value stands for every call that is alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fed {
    /// The Region.
    pub region: Region,
    /// The model as called.
    pub model: ModelId,
    /// ARN of who called, with its session if it is one.
    pub caller: String,
    /// `sourceIPAddress`.
    pub address: String,
    /// `userAgent`.
    pub agent: String,
    /// Error code and text; `None` of a call that succeeded.
    pub error: Option<(String, String)>,
}

impl Meter {
    fn series(&self, window: Window, shown: Timestamp, period: Period) -> Series {
        let (rows, from, to) = match period {
            Period::Minute => (&self.minutes, window.from.as_second(), shown.as_second()),
            // Five minutes are shown once they are over.
            Period::FiveMinutes => (
                &self.fives,
                window.from.as_second().div_euclid(FIVE) * FIVE,
                shown.as_second().saturating_sub(FIVE - 1),
            ),
        };
        let begin = rows.partition_point(|(at, _)| *at < from);
        let end = rows.partition_point(|(at, _)| *at < to).max(begin);
        let points = rows.range(begin..end);
        let points = points.filter_map(|(at, minute)| Some((Timestamp::from_second(*at).ok()?, *minute)));
        Series::of(period, points.collect())
    }

    fn put(&mut self, at: i64, minute: &Minute) {
        self.minutes.push_back((at, *minute));
        let five = at.div_euclid(FIVE) * FIVE;
        if self.fives.back().is_none_or(|(begins, _)| *begins != five) {
            self.fives.push_back((five, Minute::NONE));
        }
        if let Some((_, sum)) = self.fives.back_mut() {
            sum.add(minute, 1.0 / f64::from(Period::FiveMinutes.minutes()));
        }
    }
}

impl Fed {
    fn caller(&self) -> Option<String> {
        caller_of(&self.caller)
    }

    fn origin(&self) -> Origin {
        Origin::of(Some(&self.caller), Some(&self.address), Some(&self.agent))
    }
}

impl State {
    /// What was fed of a model, as far as CloudWatch shows it by now; `None` where nothing was ever fed.
    pub(super) fn fed(
        &self,
        region: &Region,
        model_id: &str,
        window: Window,
        period: Period,
    ) -> Option<Series> {
        let meter = self.feed.meters.iter().find(|m| m.model_id == model_id && m.region == *region)?;
        let shown = self.now.saturating_sub(self.metrics_late).unwrap_or(Timestamp::MIN).min(window.to);
        Some(meter.series(window, shown, period))
    }

    /// The calls of `window` that were fed and that CloudTrail shows by now, the latest first, at most `most`.
    pub(super) fn fed_calls(&self, place: &Place, window: Window, most: usize) -> Vec<(Timestamp, Arc<Fed>)> {
        let shown = self.now.saturating_sub(TRAIL_IS_LATE).unwrap_or(Timestamp::MIN).min(window.to);
        let trail = &self.feed.trail;
        let begin = trail.partition_point(|(at, _)| *at < window.from);
        let end = trail.partition_point(|(at, _)| *at <= shown).max(begin);
        let rows = trail.range(begin..end).rev().filter(|(_, call)| call.region == place.region);
        rows.take(most).cloned().collect()
    }

    pub(super) fn fed_root(&self, place: &Place, window: Window) -> bool {
        let calls = self.fed_calls(place, window, usize::MAX);
        calls.iter().any(|(_, call)| call.caller().as_deref().is_some_and(is_root))
    }
}

/// What CloudTrail tells of calls that were fed: errors, and calls that succeeded.
pub(super) fn told(place: &Place, calls: &[(Timestamp, Arc<Fed>)]) -> (Vec<ErrorSignal>, Vec<Call>) {
    let failed = calls.iter().filter_map(|(at, fed)| {
        let (code, message) = fed.error.clone()?;
        Some(ErrorSignal {
            source: Source::CloudTrail,
            account: Some(place.account.clone()),
            region: Some(place.region.clone()),
            model: Some(fed.model.clone()),
            operation: Some("Converse".to_owned()),
            code: Some(code),
            status: None,
            message,
            caller: fed.caller(),
            origin: fed.origin(),
            at: Some(*at),
        })
    });
    let succeeded = calls.iter().filter(|(_, fed)| fed.error.is_none()).map(|(at, fed)| Call {
        model: Some(fed.model.clone()),
        caller: fed.caller(),
        origin: fed.origin(),
        at: Some(*at),
    });
    (failed.collect(), succeeded.collect())
}

impl Sandbox {
    /// From now on the measurements of a model are those that [`Sandbox::measure`] adds, and it is among the ids
    /// that CloudWatch knows once it is used. A model that is fed needs an entry in `usage` of the world file.
    pub fn feed(&self, region: &Region, model_id: &str) {
        let meter = Meter {
            region: region.clone(),
            model_id: model_id.to_owned(),
            minutes: VecDeque::new(),
            fives: VecDeque::new(),
        };
        self.state.borrow_mut().feed.meters.push(meter);
    }

    /// Adds one minute of the model that was fed as the `n`th, from 0. Minutes come in the order of their times; one
    /// without any call is left out.
    pub fn measure(&self, n: usize, at: Timestamp, minute: &Minute) {
        let is_silent =
            minute.invocations + minute.throttles + minute.client_errors + minute.server_errors <= 0.0;
        if let Some(meter) = self.state.borrow_mut().feed.meters.get_mut(n).filter(|_| !is_silent) {
            meter.put(at.as_second(), minute);
        }
    }

    /// Adds a call to CloudTrail's event history. Calls come in the order of their times.
    pub fn record(&self, at: Timestamp, call: &Arc<Fed>) {
        self.state.borrow_mut().feed.trail.push_back((at, Arc::clone(call)));
    }

    /// Drops what was fed of the time before `at`: nothing looks back that far.
    pub fn forget_before(&self, at: Timestamp) {
        let mut state = self.state.borrow_mut();
        let second = at.as_second();
        for meter in &mut state.feed.meters {
            for rows in [&mut meter.minutes, &mut meter.fives] {
                let old = rows.partition_point(|(at, _)| *at < second);
                rows.drain(..old);
            }
        }
        let old = state.feed.trail.partition_point(|(time, _)| *time < at);
        state.feed.trail.drain(..old);
    }
}
