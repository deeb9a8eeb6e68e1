//! The parts of a deployment that `doctor` checks.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::error::ServiceResult;
use crate::ids::AccountId;

/// A CloudTrail trail. Each question about it has its own answer, because each call may fail by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trail {
    /// The trail's name.
    pub name: String,
    /// Whether it is recording now.
    pub is_logging: ServiceResult<bool>,
    /// Whether it records read-only management events, such as inference calls.
    pub records_reads: ServiceResult<Reads>,
}

/// Whether a trail records read-only management events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reads {
    /// It records them.
    Recorded,
    /// It does not record them.
    LeftOut,
    /// The trail belongs to this other account, as an organization's trail does. Its event selectors can be read only
    /// there.
    OfAccount(AccountId),
}

/// Which events an EventBridge rule receives.
/// See <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_Rule.html>.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RuleState {
    /// No events.
    Disabled,
    /// All events except CloudTrail's read-only management events.
    Enabled,
    /// All events.
    EnabledWithReads,
}

/// A rule on the default EventBridge event bus.
/// See <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_Rule.html>.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRule {
    /// The rule's name.
    pub name: String,
    /// Which events it receives.
    pub state: RuleState,
    /// What triggers it.
    pub trigger: RuleTrigger,
}

/// What triggers an EventBridge rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleTrigger {
    /// Events with these `detail-type`s. A `*` at the start or end stands for what the pattern leaves open.
    Events(Vec<String>),
    /// A schedule.
    Schedule,
}

impl RuleTrigger {
    /// The trigger of a rule with this event pattern.
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

/// The number of subscriptions of a topic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Subscriptions {
    /// Confirmed subscriptions.
    pub confirmed: u32,
    /// Subscriptions that await confirmation.
    pub pending: u32,
}
