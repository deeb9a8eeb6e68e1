//! Limits the times in a payload to what is possible.
//!
//! Invariant: Whoever writes an event chooses its times. No time is accepted that lies in the future, or further back
//! than CloudWatch Logs accepts lines.

use jiff::{SignedDuration, Timestamp};

use crate::event::Signal;

/// `PutLogEvents` accepts lines of the last 14 days, and a queue keeps its messages as long.
/// See <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html>.
const OLDEST: SignedDuration = SignedDuration::from_hours(14 * 24);

impl Signal {
    /// The same signal, with its time clamped to the 14 days before `now`.
    #[must_use]
    pub fn within_reason(mut self, now: Timestamp) -> Self {
        let oldest = now.saturating_sub(OLDEST).unwrap_or(Timestamp::MIN);
        let at = match &mut self {
            Self::Error(error) => &mut error.at,
            Self::Alarm(alarm) => &mut alarm.at,
            Self::QuotaChange(_) | Self::Tick { .. } | Self::Ignored(_) => return self,
        };
        *at = at.map(|at| at.clamp(oldest, now));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{AlarmSignal, Metric};

    fn held(at: Option<&str>) -> Option<String> {
        let alarm = AlarmSignal {
            account: None,
            region: None,
            name: String::new(),
            metric: Metric::Other,
            models: Vec::new(),
            operation: None,
            has_contributors: false,
            children: Vec::new(),
            at: at.map(|at| at.parse().unwrap()),
        };
        let now = "2026-11-20T14:34:05Z".parse().unwrap();
        match Signal::Alarm(alarm).within_reason(now) {
            Signal::Alarm(alarm) => alarm.at.map(|at| at.to_string()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn no_time_lies_in_the_future_or_over_14_days_back() {
        for (told, believed) in [
            ("2126-11-20T14:34:05Z", "2026-11-20T14:34:05Z"),
            ("2026-11-20T14:34:06Z", "2026-11-20T14:34:05Z"),
            ("2026-11-20T14:30:00Z", "2026-11-20T14:30:00Z"),
            ("2026-11-07T00:00:00Z", "2026-11-07T00:00:00Z"),
            ("1970-01-01T00:00:00Z", "2026-11-06T14:34:05Z"),
        ] {
            assert_eq!(held(Some(told)).as_deref(), Some(believed), "{told}");
        }
        assert_eq!(held(None), None, "unknown stays unknown");
    }
}
