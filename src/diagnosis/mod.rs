//! Diagnoses an error text: its cause, the rule that matched, and the facts in it.
//!
//! Invariant: The diagnosis is pure. The message decides before the code. An error that no rule matches is `unknown`,
//! never a guess.

mod answered;
mod member;
mod operations;
mod plain;
mod present;
mod cause;
mod causes;
mod facts;
mod fields;
mod find;
mod phrases;
mod rule;
mod rules;
mod text;
mod words;

use std::fmt::Write as _;

pub use crate::diagnosis::cause::{Category, Cause, Rank, Remedy};
pub use crate::diagnosis::facts::{EXAMPLES, Facts, LimitScope, MODELS, Many, PolicyKind, SHOWN};
pub use crate::diagnosis::find::UNNAMED_FIELD;
pub(crate) use crate::diagnosis::find::endpoint_region;
pub use crate::diagnosis::operations::CONTROL_PLANE;
pub(crate) use crate::diagnosis::operations::{is_control_plane, is_operation};
pub(crate) use crate::diagnosis::plain::LONGEST;
pub use crate::diagnosis::plain::{ErrorText, Plain};
pub use crate::diagnosis::rule::{Example, Rule};
pub use crate::diagnosis::rules::RULES;
pub(crate) use crate::diagnosis::rules::pages::WIDER_PROFILE;
pub use crate::original::Original;
use crate::text::cut;

/// What an error means.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnosis {
    /// Why the call failed.
    pub cause: Cause,
    /// The id of the rule that matched; `None` if none did, and then the cause is `unknown`.
    pub rule: Option<&'static str>,
    /// What else the text says.
    pub facts: Facts,
}

impl Diagnosis {
    /// The rule that matched.
    pub fn row(&self) -> Option<&'static Rule> {
        let id = self.rule?;
        RULES.iter().find(|r| r.id == id)
    }
}

/// Diagnoses `error`.
///
/// ```
/// use bedrock_remediator::diagnosis::{diagnose, Cause, ErrorText};
///
/// let found = diagnose(&ErrorText {
///     code: Some("ThrottlingException"),
///     message: "Too many tokens, please wait before trying again.",
///     ..ErrorText::default()
/// });
/// assert_eq!(found.cause, Cause::TokensPerMinute);
/// assert_eq!(found.rule, Some("too-many-tokens"));
/// ```
pub fn diagnose(error: &ErrorText<'_>) -> Diagnosis {
    let plain = Plain::of(error);
    let row = phrases::first_row(&plain);
    let cause = row.map_or(Cause::Unknown, |r| r.cause);
    let mut facts = facts::extract(cause, row.is_some(), error, &plain);
    if cause == Cause::Unrelated {
        facts.answered_by = answered::shown(&plain.service, row.and_then(|r| r.answered_by));
    }
    facts.name_agent_core();
    Diagnosis { cause, rule: row.map(|r| r.id), facts }
}

/// The rule table as Markdown, for `docs/rules.md`.
pub fn markdown() -> String {
    let mut text =
        String::from("| rule | cause | remedy | an error that fits it |\n| --- | --- | --- | --- |\n");
    for rule in RULES {
        let mut example = cut(rule.example.message, 110).replace('|', "\\|").replace('`', "'");
        if example.len() < rule.example.message.len() {
            example.push('…');
        }
        let code = rule.example.code.map(|c| format!("{c}: ")).unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| [{}]({}) | {}/{} | {} | `{code}{example}` |",
            rule.id,
            rule.reference,
            rule.cause.category(),
            rule.cause,
            rule.cause.remedy()
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn of(code: Option<&str>, message: &str) -> Diagnosis {
        diagnose(&ErrorText { code, message, ..ErrorText::default() })
    }

    #[test]
    fn every_example_reaches_its_own_row() {
        for rule in RULES {
            let found = of(rule.example.code, rule.example.message);
            assert_eq!(found.rule, Some(rule.id), "{:?}", rule.example);
        }
    }

    #[test]
    fn ids_are_unique_and_phrases_are_in_plain_form() {
        let ids: HashSet<_> = RULES.iter().map(|r| r.id).collect();
        assert_eq!(ids.len(), RULES.len());
        for rule in RULES {
            let narrow = !rule.says.is_empty() || !rule.codes.is_empty() || rule.when.is_some();
            assert!(narrow, "{} matches everything", rule.id);
            assert!(!rule.advice.is_empty() && rule.reference.starts_with("https://"), "{}", rule.id);
            for phrase in rule.says.iter().copied().flatten().chain(rule.unless) {
                let plain = Plain::of(&ErrorText { message: phrase, ..ErrorText::default() });
                assert_eq!(plain.message, *phrase, "{}", rule.id);
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_has_a_cause_and_its_row_says_the_same(code in "[A-Za-z:#]{0,30}", message in "\\PC{0,300}") {
            let found = of(Some(&code), &message);
            prop_assert_eq!(found.cause, found.row().map_or(Cause::Unknown, |r| r.cause));
            prop_assert_eq!(found.clone(), of(Some(&code), &message));
        }
    }

    #[test]
    fn a_mention_of_somebody_else_hides_no_answer_of_bedrocks() {
        for by_the_way in ["copilot-service:", "via kong,", "(fallback of ollama)", "after max iterations:"] {
            let found = of(
                Some("ThrottlingException"),
                &format!(
                    "{by_the_way} ThrottlingException: Too many tokens, please wait before trying again."
                ),
            );
            assert_eq!(found.cause, Cause::TokensPerMinute, "{by_the_way}");
        }
        let other =
            of(None, "litellm.RateLimitError: AzureException RateLimitError - exceeded token rate limit");
        assert_eq!(other.cause, Cause::Unrelated);
        assert_eq!(other.facts.answered_by.as_deref(), Some("Azure OpenAI"));
    }

    #[test]
    fn what_no_rule_knows_is_unknown() {
        let found = of(None, "the cat sat on the mat");
        assert_eq!((found.cause, found.rule), (Cause::Unknown, None));
    }

    #[test]
    fn the_message_decides_before_the_code() {
        let overloaded =
            of(Some("ThrottlingException"), "Model x.y is currently overloaded. Please try again later.");
        assert_eq!(overloaded.cause, Cause::ServiceUnavailable);
        let legacy = of(
            Some("ResourceNotFoundException"),
            "Access denied. This Model is marked by provider as Legacy",
        );
        assert_eq!(legacy.cause, Cause::LegacyModel);
    }
}
