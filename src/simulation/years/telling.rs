//! Measures a year's notices: how many repeat, how many come in a week, how long failures had no notice.

use std::collections::BTreeMap;

use crate::ids::IncidentId;
use crate::incident::notice_kind::Kind;
use crate::notice::Notice;
use crate::plan::action::Action;
use crate::simulation::years::demand::DAY;

/// Minutes of a week.
const WEEK: i64 = 7 * DAY;
/// Reminders of one episode beyond this number count as repeats.
const REMINDERS: u32 = 8;

/// Counts of all notices of a year.
#[derive(Debug, Default)]
pub(super) struct NoticeTally {
    pub(super) notices: u32,
    pub(super) repeats: u32,
    weeks: BTreeMap<i64, u32>,
    /// When each incident last had a notice with the same reasons.
    told: BTreeMap<(String, String), i64>,
    reminders: BTreeMap<(String, Option<u32>), u32>,
}

/// The reasons and actions of a notice; the same for repeats.
fn reasons(notice: &Notice) -> String {
    let mut parts: Vec<String> = notice.withheld.iter().map(|w| w.kind.to_string()).collect();
    parts.extend(notice.actions.iter().map(|action| match action {
        Action::RequestIncrease(increase) => format!("asks {} {}", increase.quota.code, increase.desired),
        Action::PrepareSupportCase { .. } => "case".to_owned(),
        Action::RemindAccess(reminder) => format!("step {:?}", reminder.step),
    }));
    parts.sort();
    let over = if notice.kind == Kind::Resolved { "over " } else { "" };
    let caller = notice.caller.as_deref().unwrap_or_default();
    format!("{over}{:?} {} {caller} {}", notice.cause, notice.severity, parts.join(","))
}

impl NoticeTally {
    /// Counts a notice that was published in that minute of the year.
    pub(super) fn hear(&mut self, notice: &Notice, minute: i64) {
        self.notices += 1;
        *self.weeks.entry(minute.div_euclid(WEEK)).or_default() += 1;
        let lines: Vec<(String, String, Kind, Option<u32>)> = if notice.kind == Kind::Digest {
            let reasons = |line: &crate::notice::Line| {
                let mut parts: Vec<String> = line.withheld.iter().map(ToString::to_string).collect();
                parts.sort();
                let over = if line.kind == Kind::Resolved { "over " } else { "" };
                format!("{over}{:?} {} {}", line.cause, line.severity, parts.join(","))
            };
            let id = |line: &crate::notice::Line| line.incident_id.as_ref().map(IncidentId::to_string);
            let lines = notice.incidents.iter();
            lines.map(|l| (id(l).unwrap_or_default(), reasons(l), l.kind, l.episode)).collect()
        } else {
            let id = notice.incident_id.as_ref().map(IncidentId::to_string).unwrap_or_default();
            vec![(id, reasons(notice), notice.kind, notice.episode)]
        };
        let mut is_repeat = !lines.is_empty();
        for (id, reasons, kind, episode) in lines {
            let last = self.told.insert((id.clone(), reasons), minute);
            let is_again = last.is_some_and(|last| minute - last < WEEK);
            let is_many = kind == Kind::Reminder && {
                let count = self.reminders.entry((id, episode)).or_default();
                *count += 1;
                *count > REMINDERS
            };
            is_repeat &= (is_again || is_many) && kind != Kind::Outcome;
        }
        self.repeats += u32::from(is_repeat);
    }

    /// Notices a week: the median of the year, and the most.
    pub(super) fn by_week(&self) -> (f64, u32) {
        let mut weeks: Vec<u32> = (0..52).map(|w| self.weeks.get(&w).copied().unwrap_or_default()).collect();
        weeks.sort_unstable();
        let middle = |n: usize| f64::from(weeks.get(n).copied().unwrap_or_default());
        let median = f64::midpoint(middle(25), middle(26));
        (median, self.weeks.values().copied().max().unwrap_or_default())
    }
}

/// How long calls fail without a notice.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Silence {
    /// The first minute of the failures; they recur within a day.
    began: Option<i64>,
    failed: i64,
    told: Option<i64>,
    /// In minutes.
    pub(super) longest: i64,
}

impl Silence {
    /// Calls failed in that minute.
    pub(super) fn fail(&mut self, minute: i64) {
        if self.began.is_none() || minute - self.failed > DAY {
            self.began = Some(minute);
        }
        self.failed = minute;
        let since = self.began.max(self.told).unwrap_or(minute);
        self.longest = self.longest.max(minute - since);
    }

    /// A notice was sent.
    pub(super) fn tell(&mut self, minute: i64) {
        self.told = Some(minute);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_counted_from_the_first_failure_or_the_last_notice_while_calls_fail() {
        let mut silence = Silence::default();
        for minute in 0..100 {
            silence.fail(minute);
        }
        assert_eq!(silence.longest, 99);
        silence.tell(100);
        (101..150).for_each(|minute| silence.fail(minute));
        assert_eq!(silence.longest, 99);
        // A pause of more than a day starts a new series.
        silence.fail(5 * DAY);
        assert_eq!(silence.longest, 99);
        (5 * DAY..5 * DAY + 300).for_each(|minute| silence.fail(minute));
        assert_eq!(silence.longest, 299);
    }
}
