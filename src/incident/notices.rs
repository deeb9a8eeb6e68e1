//! The notices sent about an incident in its current episode.
//!
//! Invariant: Storage does not grow with the number of notices. It holds the first and the last notice, and for each
//! kind the count and the last two times.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::incident::heard::{Heard, Point};
use crate::incident::notice_kind::Kind;

/// A published notice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeRecord {
    /// Its `notice_id`.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// When it was published.
    pub at: Timestamp,
    /// Errors counted by then.
    #[serde(default)]
    pub errors: u64,
    /// Access steps that were missing then, as far as Bedrock reported. Kept for the last notice only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// Consecutive notices, up to and including this one, that said nothing new. Each doubles the wait for the next.
    #[serde(default, skip_serializing_if = "is_none")]
    pub repeats: u32,
    /// What people have heard about the incident up to this notice. Kept for the last notice only.
    #[serde(default, skip_serializing_if = "Heard::is_empty")]
    pub heard: Heard,
}

impl NoticeRecord {
    /// A copy for a notice that says `points` and was sent because of `telling`. `before` is what people had heard
    /// until then.
    #[must_use]
    pub(crate) fn saying(
        self,
        before: &Heard,
        telling: Telling,
        points: &BTreeSet<Point>,
        now: Timestamp,
    ) -> Self {
        let repeats = match telling {
            Telling::News => 0,
            Telling::Repeat => self.repeats.saturating_add(1),
        };
        Self { repeats, heard: before.with(points, now), ..self }
    }
}

/// Whether the count is zero.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_none(repeats: &u32) -> bool {
    *repeats == 0
}

impl NoticeRecord {
    /// A copy without the fields that are kept for the last notice only.
    #[must_use]
    pub fn in_short(&self) -> Self {
        Self { missing: Vec::new(), heard: Heard::default(), ..self.clone() }
    }
}

/// Notices of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct OfKind {
    /// How many.
    pub count: u32,
    /// When the last one was published.
    pub last: Timestamp,
    /// When the one before it was published; `None` if there is only one.
    pub before: Option<Timestamp>,
}

/// A summary of every notice of an episode.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notices {
    first: Option<NoticeRecord>,
    last: Option<NoticeRecord>,
    kinds: BTreeMap<String, OfKind>,
    had_missing: bool,
}

impl Notices {
    /// Adds a notice that was published after all others.
    pub fn push(&mut self, told: NoticeRecord) {
        self.count(&told.kind, told.at);
        self.had_missing |= !told.missing.is_empty();
        self.first.get_or_insert_with(|| told.in_short());
        self.last = Some(told);
    }

    fn count(&mut self, kind: &str, at: Timestamp) {
        match self.kinds.get_mut(kind) {
            Some(known) => {
                *known = OfKind { count: known.count.saturating_add(1), last: at, before: Some(known.last) };
            }
            None => {
                self.kinds.insert(kind.to_owned(), OfKind { count: 1, last: at, before: None });
            }
        }
    }

    /// Restores what a ledger kept. For `had_missing`, see [`Notices::had_missing`].
    #[cfg(feature = "aws")]
    pub(crate) fn kept(
        first: Option<NoticeRecord>,
        last: Option<NoticeRecord>,
        kinds: BTreeMap<String, OfKind>,
        had_missing: bool,
    ) -> Self {
        Self { first, last, kinds, had_missing }
    }

    /// A copy whose last notice is known in full.
    #[cfg(feature = "aws")]
    pub(crate) fn ending_with(self, last: NoticeRecord) -> Self {
        Self { last: Some(last), ..self }
    }

    /// Whether no notice was sent.
    pub fn is_empty(&self) -> bool {
        self.last.is_none()
    }

    /// The number of notices.
    pub fn count_all(&self) -> u32 {
        self.kinds.values().fold(0, |sum, kind| sum.saturating_add(kind.count))
    }

    /// The first notice of the episode, without its missing steps.
    pub fn first(&self) -> Option<&NoticeRecord> {
        self.first.as_ref()
    }

    /// The last notice.
    pub fn last(&self) -> Option<&NoticeRecord> {
        self.last.as_ref()
    }

    /// The notices whose content is known: the first and the last, or the only one.
    pub fn whole(&self) -> impl Iterator<Item = &NoticeRecord> {
        let is_only = self.count_all() < 2;
        self.first.iter().filter(move |_| !is_only).chain(&self.last)
    }

    /// The notices of one kind; `None` if there were none.
    pub fn of(&self, kind: Kind) -> Option<OfKind> {
        self.kinds.get(kind.as_str()).copied()
    }

    /// Each kind that was sent.
    pub fn kinds(&self) -> &BTreeMap<String, OfKind> {
        &self.kinds
    }

    /// How many notices said that the incident goes on, rather than that it is over or how a request ended.
    pub fn count_going_on(&self) -> u32 {
        const OTHERS: [Kind; 4] = [Kind::Resolved, Kind::Outcome, Kind::Unanswered, Kind::Digest];
        let is_other = |kind: &str| OTHERS.iter().any(|other| other.as_str() == kind);
        let going_on = self.kinds.iter().filter(|(kind, _)| !is_other(kind));
        going_on.fold(0, |sum, (_, of)| sum.saturating_add(of.count))
    }

    /// Whether the last notice said that it is over.
    pub fn is_over(&self) -> bool {
        self.last.as_ref().is_some_and(|last| last.kind == Kind::Resolved.as_str())
    }

    /// What people have heard recently in this episode.
    pub fn heard(&self) -> &Heard {
        static NOTHING: Heard = Heard::NOTHING;
        self.last.as_ref().map_or(&NOTHING, |last| &last.heard)
    }

    /// Whether an access step was missing at any notice.
    pub fn had_missing(&self) -> bool {
        self.had_missing
    }

    /// When a notice last said that the incident goes on; `None` if there was none, or if the incident was reported
    /// over since. An `Unanswered` notice counts as neither.
    pub fn last_going_on(&self) -> Option<Timestamp> {
        let at = |(_, kind): (&String, &OfKind)| kind.last;
        let is = |name: &String, kind: Kind| name == kind.as_str();
        let last = &self.last.as_ref()?.kind;
        if is(last, Kind::Resolved) {
            return None;
        }
        // The clocks of two functions may differ, so the order of the stored notices decides which one was last.
        let over = self.of(Kind::Resolved).filter(|_| is(last, Kind::Unanswered)).map(|kind| kind.last);
        let others = self.kinds.iter().filter(|(k, _)| !is(k, Kind::Unanswered) && !is(k, Kind::Resolved));
        others.map(at).max().filter(|last| over.is_none_or(|over| *last > over))
    }
}

impl FromIterator<NoticeRecord> for Notices {
    fn from_iter<I: IntoIterator<Item = NoticeRecord>>(all: I) -> Self {
        let mut notices = Self::default();
        all.into_iter().for_each(|told| notices.push(told));
        notices
    }
}

/// Why a notice is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Telling {
    /// There is something new.
    News,
    /// Nothing is new, but the last notice is old enough.
    Repeat,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(kind: Kind, minute: i64) -> NoticeRecord {
        let at = Timestamp::from_second(1_800_000_000 + 60 * minute).unwrap();
        NoticeRecord {
            id: format!("ntc-{minute}"),
            kind: kind.to_string(),
            at,
            errors: 1,
            missing: Vec::new(),
            repeats: 0,
            heard: Heard::default(),
        }
    }

    #[test]
    fn the_first_the_last_and_the_counts_are_kept() {
        let kinds = [Kind::Opened, Kind::Reminder, Kind::Reminder, Kind::Reminder, Kind::Again];
        let all: Vec<NoticeRecord> = kinds.into_iter().zip(0..).map(|(kind, n)| told(kind, n)).collect();
        let notices: Notices = all.iter().cloned().collect();
        assert_eq!((notices.first(), notices.last()), (all.first(), all.last()));
        let reminders = notices.of(Kind::Reminder).unwrap();
        assert_eq!((reminders.count, reminders.last, reminders.before), (3, all[3].at, Some(all[2].at)));
        assert_eq!((notices.count_all(), notices.whole().count()), (5, 2));
        let only: Notices = all.iter().take(1).cloned().collect();
        assert_eq!(only.whole().collect::<Vec<_>>(), [&all[0]]);
    }

    #[test]
    fn what_is_over_or_unanswered_does_not_go_on() {
        let mut notices = Notices::default();
        assert_eq!(notices.last_going_on(), None);
        for (kind, minute, is_ongoing) in [
            (Kind::Unanswered, 0, None),
            (Kind::Opened, 1, Some(1)),
            (Kind::Unanswered, 2, Some(1)),
            (Kind::Resolved, 3, None),
            (Kind::Unanswered, 4, None),
            (Kind::Again, 5, Some(5)),
            (Kind::Resolved, 7, None),
            // Published by a clock that runs behind the previous one.
            (Kind::Again, 6, Some(6)),
        ] {
            notices.push(told(kind, minute));
            let at = is_ongoing.map(|minute| told(kind, minute).at);
            assert_eq!(notices.last_going_on(), at, "after {kind}");
        }
    }
}
