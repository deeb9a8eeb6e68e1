//! Measurements and calls that were fed into the sandbox.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::callers::Origin;
use crate::event::signal::Call;
use crate::event::{ErrorSignal, Source};
use crate::ids::{AccountRegion, Region, caller_of};
use crate::incident::search::LogKind;
use crate::model::ModelId;
use crate::time::Window;
use crate::usage::{Minute, Period, Series};

/// CloudTrail's event history shows a call after this time.
pub(crate) const TRAIL_IS_LATE: SignedDuration = SignedDuration::from_mins(6);

/// Five minutes, in seconds.
pub(crate) const FIVE: i64 = 300;

/// Everything that was fed.
#[derive(Debug, Default)]
pub(crate) struct Feed {
    pub(crate) meters: Vec<Meter>,
    pub(crate) trail: VecDeque<(Timestamp, Arc<Fed>)>,
}

/// The measurements of one `ModelId`.
#[derive(Debug)]
pub(crate) struct Meter {
    pub(crate) region: Region,
    pub(crate) model_id: String,
    pub(crate) minutes: VecDeque<(i64, Minute)>,
    /// The average minute of each five, by the second at which they start.
    pub(crate) fives: VecDeque<(i64, Minute)>,
}

/// A Bedrock call as CloudTrail records it. Identical calls share one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fed {
    /// The Region.
    pub region: Region,
    /// The model as called.
    pub model: ModelId,
    /// ARN of the caller, with the session if there is one.
    pub caller: String,
    /// `sourceIPAddress`.
    pub address: String,
    /// `userAgent`.
    pub agent: String,
    /// Error code and text; `None` for a successful call.
    pub error: Option<(String, String)>,
}

impl Meter {
    pub(crate) fn series(&self, window: Window, shown: Timestamp, period: Period) -> Series {
        let (rows, from, to) = match period {
            Period::Minute => (&self.minutes, window.from.as_second(), shown.as_second()),
            // A point of five minutes is shown once they are over.
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

    pub(crate) fn put(&mut self, at: i64, minute: &Minute) {
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

/// The errors and successful calls among `calls`, as CloudTrail reports them.
pub(crate) fn told(place: &AccountRegion, calls: &[(Timestamp, Arc<Fed>)]) -> (Vec<ErrorSignal>, Vec<Call>) {
    let failed = calls.iter().filter_map(|(at, fed)| {
        let (code, message) = fed.error.clone()?;
        Some(ErrorSignal {
            source: Source::CloudTrail,
            account: Some(place.account.clone()),
            region: Some(place.region.clone()),
            model: Some(fed.model.clone()),
            variant: None,
            max_tokens: None,
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

/// A running log search.
#[derive(Clone, Debug)]
pub(crate) struct RunningQuery {
    pub(crate) kind: LogKind,
    pub(crate) window: Window,
    pub(crate) at: Timestamp,
}

/// How long a search takes.
pub(crate) const SEARCHING: SignedDuration = SignedDuration::from_secs(20);
