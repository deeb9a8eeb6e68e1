//! Lets a test driver add measurements and recorded calls to the world, minute by minute.
//!
//! Invariant: Rows are sorted by time, so that a window takes two binary searches however long the world has run. A
//! minute without use has no row, as CloudWatch has no data for it.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::Timestamp;

use crate::ids::{AccountRegion, Region, is_root};
use crate::sandbox::meter::{Fed, Meter, TRAIL_IS_LATE};
use crate::sandbox::state::{Sandbox, SandboxState};
use crate::time::Window;
use crate::usage::{Minute, Period, Series};

impl SandboxState {
    /// The fed series of a model, as far as CloudWatch shows it by now; `None` if the model was never fed.
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

    /// The fed calls in `window` that CloudTrail shows by now, the latest first.
    fn fed_rows(
        &self,
        place: &AccountRegion,
        window: Window,
    ) -> impl Iterator<Item = &(Timestamp, Arc<Fed>)> {
        let shown = self.now.saturating_sub(TRAIL_IS_LATE).unwrap_or(Timestamp::MIN).min(window.to);
        let trail = &self.feed.trail;
        let begin = trail.partition_point(|(at, _)| *at < window.from);
        let end = trail.partition_point(|(at, _)| *at <= shown).max(begin);
        trail.range(begin..end).rev().filter(move |(_, call)| call.region == place.region)
    }

    /// The latest `most` of these calls.
    pub(super) fn fed_calls(
        &self,
        place: &AccountRegion,
        window: Window,
        most: usize,
    ) -> Vec<(Timestamp, Arc<Fed>)> {
        self.fed_rows(place, window).take(most).cloned().collect()
    }

    pub(super) fn fed_root(&self, place: &AccountRegion, window: Window) -> bool {
        self.fed_rows(place, window).any(|(_, call)| is_root(&call.caller))
    }
}

impl Sandbox {
    /// Makes [`Sandbox::measure`] the only source of a model's measurements from now on. CloudWatch lists the model
    /// once it is used. The model needs an entry in `usage` of the world file.
    pub fn feed(&self, region: &Region, model_id: &str) {
        let meter = Meter {
            region: region.clone(),
            model_id: model_id.to_owned(),
            minutes: VecDeque::new(),
            fives: VecDeque::new(),
        };
        self.state.borrow_mut().feed.meters.push(meter);
    }

    /// Adds one minute of the `n`th fed model, from 0. Minutes must come in order of time. A minute without calls is
    /// left out.
    pub fn measure(&self, n: usize, at: Timestamp, minute: &Minute) {
        let is_silent =
            minute.invocations + minute.throttles + minute.client_errors + minute.server_errors <= 0.0;
        if let Some(meter) = self.state.borrow_mut().feed.meters.get_mut(n).filter(|_| !is_silent) {
            meter.put(at.as_second(), minute);
        }
    }

    /// Adds a call to CloudTrail's event history. Calls must come in order of time.
    pub fn record(&self, at: Timestamp, call: &Arc<Fed>) {
        self.state.borrow_mut().feed.trail.push_back((at, Arc::clone(call)));
    }

    /// Drops what was fed for the time before `at`, which nothing reads any more.
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
