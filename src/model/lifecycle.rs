//! Models that are ending, and their successors.
//!
//! Invariant: A replacement is of the same provider and family and active in the same Region, or none is named.
//! See <https://docs.aws.amazon.com/bedrock/latest/userguide/model-lifecycle.html>, and for models launched before
//! September 7, 2026 <https://docs.aws.amazon.com/bedrock/latest/userguide/model-lifecycle-legacy.html>.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{ModelId, is_date};
use crate::time::after;

/// How long before an announced end people are notified.
const AHEAD: SignedDuration = SignedDuration::from_hours(180 * 24);

/// From this day on, AWS launches models that may be legacy for 45 days only: 2026-09-07.
const SHORT_NOTICE_SINCE: Timestamp = Timestamp::constant(1_788_739_200, 0);
const SHORT_NOTICE_DAYS: i64 = 45;
/// Other models are legacy for at least this long.
const NOTICE_MONTHS: i32 = 6;

/// Bedrock takes a legacy model away from an account that does not call it for this long: 15 days for some models, 30
/// for others. It does not say which; the texts of its errors name both.
pub(crate) const IDLE: [SignedDuration; 2] =
    [SignedDuration::from_hours(15 * 24), SignedDuration::from_hours(30 * 24)];

impl ModelLife {
    /// Whether callers should move to another model: this one is legacy, or its end may be near.
    pub fn is_ending(&self, now: Timestamp) -> bool {
        self.lifecycle == Lifecycle::Legacy
            || self.earliest_end().is_some_and(|ends| ends <= after(now, AHEAD))
    }

    /// When calls may end at the earliest: AWS's date, else the shortest time that AWS promises for a model of this age
    /// after the day on which it becomes legacy. `None` if that day or its launch is not known.
    pub fn earliest_end(&self) -> Option<Timestamp> {
        self.ends.or_else(|| {
            let from = self.legacy_from?.to_zoned(TimeZone::UTC);
            let promised =
                if self.has_short_notice()? { SHORT_NOTICE_DAYS.days() } else { NOTICE_MONTHS.months() };
            from.checked_add(promised).ok().map(|end| end.timestamp())
        })
    }

    /// Whether AWS may end the model 45 days after it becomes legacy; `None` if its launch is not known.
    pub fn has_short_notice(&self) -> Option<bool> {
        self.launched.map(|launched| launched >= SHORT_NOTICE_SINCE)
    }
}

/// The newest active model of `model`'s provider and family among `lives`; `None` if there is no newer one, or if two
/// are equally new.
pub fn successor<'l>(
    model: &ModelId,
    lives: &'l [(ModelId, ModelLife)],
    now: Timestamp,
) -> Option<&'l ModelId> {
    let (family, version) = family(model)?;
    let is_other = |other: &ModelId| other.provider() == model.provider() && other.base() != model.base();
    let others = lives.iter().filter(|(other, life)| !life.is_ending(now) && is_other(other));
    let mut newer: Vec<(Version, &ModelId)> = others
        .filter_map(|(other, _)| {
            let (of, number) = self::family(other)?;
            (of == family && number > version).then_some((number, other))
        })
        .collect();
    newer.sort_by(|(a, _), (b, _)| b.cmp(a));
    match newer.as_slice() {
        [(newest, one), (next, two), ..] if newest == next && one.base() != two.base() => None,
        [(_, one), ..] => Some(one),
        [] => None,
    }
}

/// The words of a model's name without its numbers, sorted: `claude-3-haiku` and `claude-haiku-4-5` are one family.
type NameParts = Vec<String>;
/// The numbers of a model's name, then its release date, which orders models of the same version.
type Version = (Vec<u32>, u32);

fn family(model: &ModelId) -> Option<(NameParts, Version)> {
    let name = model.base().strip_prefix(model.provider()?)?.strip_prefix('.')?;
    let (mut words, mut version, mut day) = (Vec::new(), Vec::new(), 0);
    for part in name.split(['-', '.', ':']) {
        let letters = part.trim_end_matches(|c: char| c.is_ascii_digit());
        let digits = part.get(letters.len()..).unwrap_or_default();
        match digits.parse() {
            Ok(number) if is_date(part) => day = number,
            // `v1`, `v2`: AWS's own revision of the model.
            Ok(_) if letters == "v" => {}
            Ok(number) => {
                version.push(number);
                words.extend((!letters.is_empty()).then(|| letters.to_owned()));
            }
            Err(_) => words.push(part.to_owned()),
        }
    }
    // The number after the colon is a revision.
    if model.base().contains(':') {
        version.pop();
    }
    words.sort_unstable();
    Some((words, (version, day)))
}

/// A model's lifecycle status.
/// See <https://docs.aws.amazon.com/bedrock/latest/userguide/model-lifecycle.html>.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs)]
pub enum Lifecycle {
    #[default]
    Active,
    Legacy,
}

/// A model's lifecycle, as its provider plans it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModelLife {
    /// The status.
    pub lifecycle: Lifecycle,
    /// When it was first offered (`startOfLifeTime`); `None` if AWS names no date.
    pub launched: Option<Timestamp>,
    /// When its extended access begins or began, for which the provider may charge more
    /// (`publicExtendedAccessTime`); `None` if AWS names no date. See
    /// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_FoundationModelLifecycle.html>.
    pub extended_from: Option<Timestamp>,
    /// When the model became or becomes legacy; `None` if AWS names no date.
    pub legacy_from: Option<Timestamp>,
    /// When calls of the model end; `None` if AWS names no date.
    pub ends: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-20T00:00:00Z".parse().unwrap()
    }

    fn lives(ids: &[(&str, ModelLife)]) -> Vec<(ModelId, ModelLife)> {
        ids.iter().map(|(id, life)| (ModelId::parse(id).unwrap(), *life)).collect()
    }

    #[test]
    fn the_newest_of_the_family_takes_its_place() {
        let active = ModelLife::default();
        let legacy = ModelLife { lifecycle: Lifecycle::Legacy, ..active };
        let ends = ModelLife { ends: Some("2027-01-15T00:00:00Z".parse().unwrap()), ..active };
        let all = lives(&[
            ("anthropic.claude-3-haiku-20240307-v1:0", legacy),
            ("anthropic.claude-3-5-haiku-20241022-v1:0", ends),
            ("anthropic.claude-haiku-4-5-20251001-v1:0", active),
            ("anthropic.claude-sonnet-4-5-20250929-v1:0", active),
            ("anthropic.claude-3-5-sonnet-20240620-v1:0", legacy),
            ("anthropic.claude-3-5-sonnet-20241022-v2:0", active),
            ("meta.llama3-1-70b-instruct-v1:0", legacy),
            ("meta.llama3-3-70b-instruct-v1:0", active),
            ("meta.llama3-2-90b-instruct-v1:0", active),
            ("amazon.titan-text-lite-v1", legacy),
            ("cohere.embed-1-v1", legacy),
            ("cohere.embed-2-v1", active),
            ("cohere.embed-2-v2", active),
            ("writer.palmyra-1", legacy),
            ("other.palmyra-2", active),
        ]);
        for (old, new) in [
            ("us.anthropic.claude-3-haiku-20240307-v1:0", Some("anthropic.claude-haiku-4-5-20251001-v1:0")),
            ("anthropic.claude-3-5-sonnet-20240620-v1:0", Some("anthropic.claude-sonnet-4-5-20250929-v1:0")),
            ("meta.llama3-1-70b-instruct-v1:0", Some("meta.llama3-3-70b-instruct-v1:0")),
            ("anthropic.claude-haiku-4-5-20251001-v1:0", None),
            ("amazon.titan-text-lite-v1", None),
            ("mistral.mistral-large-2402-v1:0", None),
            // Two are equally new.
            ("cohere.embed-1-v1", None),
            // Another provider's model of the same name.
            ("writer.palmyra-1", None),
        ] {
            let found = successor(&ModelId::parse(old).unwrap(), &all, now());
            assert_eq!(found.map(ModelId::as_str), new, "{old}");
        }
    }

    #[test]
    fn a_model_without_a_last_day_ends_no_earlier_than_aws_promises() {
        let day = |day: &str| Some(day.parse::<Timestamp>().unwrap());
        let life = |launched, legacy_from| ModelLife { launched, legacy_from, ..ModelLife::default() };
        for (launched, legacy_from, earliest) in [
            (day("2026-09-06T23:59:59Z"), day("2026-12-01T00:00:00Z"), day("2027-06-01T00:00:00Z")),
            (day("2026-09-07T00:00:00Z"), day("2026-12-01T00:00:00Z"), day("2027-01-15T00:00:00Z")),
            (None, day("2026-12-01T00:00:00Z"), None),
            (day("2026-10-01T00:00:00Z"), None, None),
        ] {
            assert_eq!(life(launched, legacy_from).earliest_end(), earliest);
        }
        let announced = ModelLife {
            ends: day("2027-03-01T00:00:00Z"),
            ..life(day("2026-10-01T00:00:00Z"), day("2026-12-01T00:00:00Z"))
        };
        assert_eq!(announced.earliest_end(), announced.ends);
        assert!(life(day("2026-10-01T00:00:00Z"), day("2027-02-01T00:00:00Z")).is_ending(now()));
        assert!(!life(day("2026-01-01T00:00:00Z"), day("2027-02-01T00:00:00Z")).is_ending(now()));
    }

    #[test]
    fn an_end_is_told_of_half_a_year_before() {
        let on = |day: &str| ModelLife { ends: Some(day.parse().unwrap()), ..ModelLife::default() };
        assert!(on("2027-03-01T00:00:00Z").is_ending(now()) && on("2026-01-01T00:00:00Z").is_ending(now()));
        assert!(!on("2027-09-01T00:00:00Z").is_ending(now()) && !ModelLife::default().is_ending(now()));
    }
}
