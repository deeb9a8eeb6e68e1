//! How often a notice may repeat: the wait doubles from the cool-down to a week. News is sent after an hour.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::notice::Notice;
use crate::plan::action::Action;
use crate::time::after;

/// The shortest wait between notices with news.
const NEWS: SignedDuration = SignedDuration::from_hours(1);
/// The longest wait.
const LONGEST: SignedDuration = SignedDuration::from_hours(7 * 24);
/// What was last said this long ago counts as new again.
const KEPT: SignedDuration = SignedDuration::from_hours(8 * 24);

/// What `notice` says, without numbers.
pub(super) fn says(notice: &Notice) -> BTreeSet<String> {
    let mut says = BTreeSet::from([format!("{:?} {}", notice.cause, notice.severity)]);
    says.extend(notice.withheld.iter().map(|withheld| format!("not done: {}", withheld.kind)));
    says.extend(notice.callers.iter().map(|caller| format!("called by {:?}", caller.caller)));
    says.extend(notice.actions.iter().map(|action| match action {
        Action::RequestIncrease(increase) => format!("asks for {}", increase.quota.code),
        Action::PrepareSupportCase { quota, .. } => {
            format!("a case for {:?}", quota.as_ref().map(|quota| &quota.code))
        }
        Action::RemindAccess(reminder) => format!("remind of {}", reminder.step),
    }));
    says
}

/// The notices of one episode, in order.
#[derive(Default)]
pub(super) struct NoticeCourse {
    last: Option<Timestamp>,
    /// How many in a row said nothing new.
    repeats: u32,
    /// What was said, and when it was last said.
    said: BTreeMap<String, Timestamp>,
    /// Whether a notice does not show everything that it says.
    is_in_little: bool,
}

impl NoticeCourse {
    /// A notice that the incident goes on. `is_in_little`: it may say more than it shows, or be sent whatever it says.
    pub(super) fn told(&mut self, at: Timestamp, says: BTreeSet<String>, is_in_little: bool) {
        let is_new = self.last.is_none() || is_in_little || self.is_new(at, &says);
        self.repeats = if is_new { 0 } else { self.repeats + 1 };
        self.is_in_little |= is_in_little;
        self.last = Some(at);
        self.said.extend(says.into_iter().map(|word| (word, at)));
    }

    /// The incident was over; its return is sent at once.
    pub(super) fn over(&mut self) {
        self.last = None;
    }

    /// A request ended: whatever goes on counts as news.
    pub(super) fn ended(&mut self) {
        self.repeats = 0;
    }

    fn is_new(&self, at: Timestamp, says: &BTreeSet<String>) -> bool {
        let is_known = |word: &String| self.said.get(word).is_some_and(|said| after(*said, KEPT) > at);
        !says.iter().all(is_known)
    }

    /// The earliest time of a notice that `says` this; `None`: at once. `first`: the wait after news.
    pub(super) fn next(
        &self,
        at: Timestamp,
        says: &BTreeSet<String>,
        is_line: bool,
        cool_down: SignedDuration,
        first: SignedDuration,
    ) -> Option<Timestamp> {
        let is_new = is_line || self.is_in_little || self.is_new(at, says);
        let doubled =
            cool_down.checked_mul(1 << self.repeats.min(16)).unwrap_or(LONGEST).min(LONGEST.max(cool_down));
        let wait = if is_new { NEWS.min(cool_down) } else { doubled };
        // Reminders of steps keep the operator's intervals.
        let wait = if first > cool_down && !is_new { first } else { wait };
        self.last.map(|last| after(last, wait))
    }
}
