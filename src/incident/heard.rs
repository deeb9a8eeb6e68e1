//! What people have heard about an incident recently.
//!
//! Invariant: Its size is bounded.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::ids::short_hash;

/// One thing that a notice says: a letter for its kind, and eight hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Point(String);

/// The letter of a point about a caller.
pub(crate) const CALLER: char = 'c';

impl Point {
    pub(crate) fn of(kind: char, text: &str) -> Self {
        let hash = short_hash(text);
        Self(format!("{kind}{}", hash.get(..8).unwrap_or(&hash)))
    }

    fn is_caller(&self) -> bool {
        self.0.starts_with(CALLER)
    }
}

/// At most this many callers are reported one by one. More callers show that no single caller is the cause.
pub(crate) const CALLERS: usize = 8;

/// What people have heard about an incident recently, and the hour since 1970 in which they last heard it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Heard(BTreeMap<Point, i64>);

impl Heard {
    /// After this time a point counts as new again: a week, plus a day for a notice that comes late.
    const KEPT: SignedDuration = SignedDuration::from_hours(8 * 24);
    /// At most this many points are kept, the latest first.
    const MOST: usize = 32;

    /// Nothing is known.
    pub const NOTHING: Self = Self(BTreeMap::new());

    /// Whether nothing is known about what people have heard.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the last notice said `point`.
    pub(crate) fn was_last(&self, point: &Point) -> bool {
        self.0.get(point).is_some_and(|hour| Some(hour) == self.0.values().max())
    }

    /// Whether one of `points` is new at `now`. If nothing is known about what people have heard, as after a notice of
    /// an earlier version, nothing is new.
    pub(crate) fn lacks(&self, points: &BTreeSet<Point>, now: Timestamp) -> bool {
        let is_known = |point: &Point| self.0.get(point).is_some_and(|hour| is_kept(*hour, now));
        let callers = self.0.keys().filter(|point| point.is_caller()).count();
        let is_told = |point: &&Point| !point.is_caller() || (1..CALLERS).contains(&callers);
        !self.is_empty() && points.iter().filter(is_told).any(|point| !is_known(point))
    }

    /// A copy after a notice at `now` that says nothing about reasons and actions: the points stay.
    #[must_use]
    pub(crate) fn as_of(&self, now: Timestamp) -> Self {
        let kept = self.0.iter().filter(|(_, hour)| is_kept(**hour, now));
        Self(kept.map(|(point, _)| (point.clone(), hour(now))).collect())
    }

    /// A copy after a notice at `now` that says `points`.
    #[must_use]
    pub(crate) fn with(&self, points: &BTreeSet<Point>, now: Timestamp) -> Self {
        let mut all: Vec<(Point, i64)> = self.0.clone().into_iter().collect();
        all.retain(|(point, hour)| is_kept(*hour, now) && !points.contains(point));
        all.sort_by_key(|(_, hour)| std::cmp::Reverse(*hour));
        all.truncate(Self::MOST.saturating_sub(points.len()));
        all.extend(points.iter().take(Self::MOST).map(|point| (point.clone(), hour(now))));
        Self(all.into_iter().collect())
    }
}

pub(crate) fn hour(at: Timestamp) -> i64 {
    at.as_second().div_euclid(3600)
}

pub(crate) fn is_kept(heard: i64, now: Timestamp) -> bool {
    hour(now) - heard <= Heard::KEPT.as_hours()
}

/// Words in another version's format are skipped.
impl From<String> for Heard {
    fn from(text: String) -> Self {
        let one = |word: &str| {
            let (point, hour) = word.split_once('@')?;
            Some((Point(point.to_owned()), hour.parse().ok()?))
        };
        Self(text.split_whitespace().filter_map(one).collect())
    }
}

impl From<Heard> for String {
    fn from(heard: Heard) -> Self {
        let words: Vec<Self> = heard.0.iter().map(|(Point(point), hour)| format!("{point}@{hour}")).collect();
        words.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(n: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + 86_400 * n).unwrap()
    }

    fn said(words: &[&str]) -> BTreeSet<Point> {
        words.iter().map(|word| Point::of(word.chars().next().unwrap(), word)).collect()
    }

    #[test]
    fn what_was_heard_within_a_week_is_no_news_and_a_reason_that_comes_and_goes_is_not() {
        let (one, other) = (said(&["w-low"]), said(&["w-sudden"]));
        let heard = Heard::default().with(&one, day(0));
        assert!(!heard.lacks(&one, day(1)) && heard.lacks(&other, day(1)));
        let heard = heard.with(&other, day(1));
        assert!(!heard.lacks(&one, day(7)) && !heard.lacks(&other, day(7)));
        assert!(heard.lacks(&one, day(9)), "it was not heard for more than a week");
    }

    #[test]
    fn of_many_callers_a_few_are_heard_one_by_one() {
        let named = |n: usize| -> BTreeSet<Point> {
            (0..n).map(|n| Point::of(CALLER, &format!("role {n}"))).collect()
        };
        let of = |n: usize| Heard::default().with(&named(n), day(0));
        let another = said(&["c-another"]);
        assert!(of(1).lacks(&another, day(1)) && of(CALLERS - 1).lacks(&another, day(1)));
        assert!(!of(CALLERS).lacks(&another, day(1)));
        let nobody = Heard::default().with(&said(&["w-low"]), day(0));
        assert!(!nobody.lacks(&another, day(1)), "who calls became known, and nothing changed");
    }

    #[test]
    fn nothing_is_news_where_it_is_not_known_what_was_heard() {
        assert!(!Heard::default().lacks(&said(&["w-low"]), day(0)));
    }

    #[test]
    fn what_was_heard_reads_back_and_is_bounded() {
        let many: Vec<String> = (0..200).map(|n| format!("w-{n}")).collect();
        let heard = many.iter().fold(Heard::default(), |heard, word| heard.with(&said(&[word]), day(1)));
        assert_eq!(heard.0.len(), Heard::MOST);
        let text = String::from(heard.clone());
        assert!(text.len() < 600, "{}", text.len());
        assert_eq!(Heard::from(text), heard);
        assert_eq!(Heard::from("not of this version".to_owned()), Heard::default());
    }
}
