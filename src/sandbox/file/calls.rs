//! Calls in the world file: those that succeeded, those that failed, and the incidents that failed ones have become.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::ids::{AccountId, Region};

/// A successful call.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CallEntry {
    /// The Region.
    pub region: Region,
    /// The model as called.
    pub model_id: String,
    /// The time of the call.
    #[schemars(with = "String")]
    pub time: Timestamp,
    /// ARN of the caller, with the session if there is one.
    pub caller: String,
    /// `sourceIPAddress`, as CloudTrail has it.
    pub address: Option<String>,
    /// `userAgent`, as CloudTrail has it.
    pub user_agent: Option<String>,
}

/// An error behind an alarm.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ErrorEntry {
    /// The Region.
    pub region: Region,
    /// The model as called.
    pub model_id: Option<String>,
    /// The time of the error.
    #[schemars(with = "String")]
    pub time: Timestamp,
    /// The error code.
    pub code: Option<String>,
    /// The error text.
    pub message: String,
    /// ARN of the caller, with the session if there is one.
    pub caller: Option<String>,
    /// The operation, as CloudTrail has it. Default: `Converse`.
    #[serde(default = "converse")]
    pub operation: String,
    /// Where the error is recorded.
    #[serde(default)]
    pub source: SourceWord,
    /// `sourceIPAddress`, as CloudTrail has it.
    pub address: Option<String>,
    /// `userAgent`, as CloudTrail has it.
    pub user_agent: Option<String>,
    /// The number of such errors, `every_seconds` apart.
    #[serde(default = "one")]
    pub times: u32,
    /// Seconds between the errors; see `times`.
    #[serde(default)]
    pub every_seconds: u32,
}

/// Where an error is recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SourceWord {
    /// In CloudTrail's event history.
    #[default]
    Cloudtrail,
    /// In Bedrock's model invocation log.
    InvocationLog,
    /// In an application's log.
    ApplicationLog,
}

/// An earlier incident that has had its notice.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IncidentEntry {
    /// The account.
    pub account: AccountId,
    /// The Region.
    pub region: Region,
    /// The model as called.
    pub model_id: Option<String>,
    /// The error code.
    pub code: Option<String>,
    /// The error text.
    pub message: String,
    /// ARN of the caller.
    pub caller: Option<String>,
    /// When it was last seen and had its notice.
    #[schemars(with = "String")]
    pub time: Timestamp,
    /// The number of errors.
    #[serde(default = "one")]
    pub errors: u32,
    /// Whether it is closed.
    #[serde(default)]
    pub closed: bool,
}

fn one() -> u32 {
    1
}

fn converse() -> String {
    "Converse".to_owned()
}
