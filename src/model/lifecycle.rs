//! Models that are ending, and their successors.
//!
//! Invariant: A replacement is of the same family and active in the same Region, or none is named.
//! See <https://docs.aws.amazon.com/bedrock/latest/userguide/model-lifecycle.html>.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{ModelId, is_date};
use crate::time::after;

/// How long before an announced end people are notified.
const AHEAD: SignedDuration = SignedDuration::from_hours(180 * 24);

impl ModelLife {
    /// Whether callers should move to another model: this one is legacy, or its end is near.
    pub fn is_ending(&self, now: Timestamp) -> bool {
        self.lifecycle == Lifecycle::Legacy || self.ends.is_some_and(|ends| ends <= after(now, AHEAD))
    }
}

/// The newest active model of `model`'s family among `lives`; `None` if there is no newer one.
pub fn successor<'l>(
    model: &ModelId,
    lives: &'l [(ModelId, ModelLife)],
    now: Timestamp,
) -> Option<&'l ModelId> {
    let (family, version) = family(model)?;
    let others = lives.iter().filter(|(other, life)| !life.is_ending(now) && other.base() != model.base());
    let newer = others.filter_map(|(other, _)| {
        let (of, number) = self::family(other)?;
        (of == family && number > version).then_some((number, other))
    });
    newer.max_by(|(a, one), (b, two)| a.cmp(b).then_with(|| one.as_str().cmp(two.as_str()))).map(|(_, m)| m)
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
        ]);
        for (old, new) in [
            ("us.anthropic.claude-3-haiku-20240307-v1:0", Some("anthropic.claude-haiku-4-5-20251001-v1:0")),
            ("anthropic.claude-3-5-sonnet-20240620-v1:0", Some("anthropic.claude-sonnet-4-5-20250929-v1:0")),
            ("meta.llama3-1-70b-instruct-v1:0", Some("meta.llama3-3-70b-instruct-v1:0")),
            ("anthropic.claude-haiku-4-5-20251001-v1:0", None),
            ("amazon.titan-text-lite-v1", None),
            ("mistral.mistral-large-2402-v1:0", None),
        ] {
            let found = successor(&ModelId::parse(old).unwrap(), &all, now());
            assert_eq!(found.map(ModelId::as_str), new, "{old}");
        }
    }

    #[test]
    fn an_end_is_told_of_half_a_year_before() {
        let on = |day: &str| ModelLife { ends: Some(day.parse().unwrap()), ..ModelLife::default() };
        assert!(on("2027-03-01T00:00:00Z").is_ending(now()) && on("2026-01-01T00:00:00Z").is_ending(now()));
        assert!(!on("2027-09-01T00:00:00Z").is_ending(now()) && !ModelLife::default().is_ending(now()));
    }
}
