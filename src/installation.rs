//! What a deployment consists of, as far as `doctor` looks at it.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::error::ServiceResult;
use crate::ids::AccountId;

/// A CloudTrail trail, with an answer of its own to each question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trail {
    /// Its name.
    pub name: String,
    /// Whether it records now.
    pub is_logging: ServiceResult<bool>,
    /// Whether it records management events that only read, as inference calls do.
    pub records_reads: ServiceResult<Reads>,
}

/// Whether a trail records management events that only read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reads {
    /// It does.
    Recorded,
    /// It does not.
    LeftOut,
    /// The trail belongs to that account, as an organization's trail does, and only there its selectors can be
    /// read.
    OfAccount(AccountId),
}

/// Which events an EventBridge rule gets.
/// See <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_Rule.html>.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RuleState {
    /// None.
    Disabled,
    /// All but CloudTrail's management events that only read.
    Enabled,
    /// All.
    EnabledWithReads,
}

/// An EventBridge rule of the default event bus.
/// See <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_Rule.html>.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRule {
    /// Its name.
    pub name: String,
    /// Which events it gets.
    pub state: RuleState,
    /// What it reacts to.
    pub trigger: RuleTrigger,
}

/// What an EventBridge rule reacts to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleTrigger {
    /// Events of these `detail-type`s; a `*` stands for what the pattern leaves open at the end or the beginning.
    Events(Vec<String>),
    /// The clock.
    Schedule,
}

impl RuleTrigger {
    /// What a rule with this event pattern reacts to.
    /// See <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html>.
    pub fn of_pattern(pattern: &serde_json::Value) -> Self {
        let branches = pattern.get("$or").and_then(serde_json::Value::as_array).into_iter().flatten();
        let types = std::iter::once(pattern).chain(branches).filter_map(|p| p.get("detail-type")?.as_array());
        let mut named = Vec::new();
        for wanted in types.flatten() {
            let part = |operator: &str| wanted.get(operator)?.as_str();
            let name = wanted
                .as_str()
                .map(str::to_owned)
                .or_else(|| part("prefix").map(|text| format!("{text}*")))
                .or_else(|| part("suffix").map(|text| format!("*{text}")));
            named.extend(name.filter(|name| !named.contains(name)));
        }
        Self::Events(named)
    }
}

/// How many listen to a topic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Subscriptions {
    /// Those who have confirmed that they want to be told.
    pub confirmed: u32,
    /// Those who were asked and have not confirmed.
    pub pending: u32,
}
