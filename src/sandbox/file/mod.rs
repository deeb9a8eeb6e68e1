//! The world file: a small AWS account in JSON.
//!
//! Invariant: All parts are optional. An unknown key is an error, so that a misspelt key is not silently
//! ignored.

pub(super) mod calls;
pub(super) mod entries;
pub(super) mod member;
pub(super) mod usage;

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::guard_rails::GUARD_RAILS;
use crate::config::{BadConfig, Config, Mode};
use crate::identity::{FunctionIdentity, Organization};
use crate::ids::{AccountId, QuotaCode, Region};
use crate::installation::RuleState;
use crate::sandbox::PortCall;
use crate::sandbox::file::calls::{CallEntry, ErrorEntry, IncidentEntry};
use crate::sandbox::file::entries::{
    AlarmEntry, LoggingEntry, ModelEntry, OfferedEntry, PolicyEntry, ProfileEntry, QuotaEntry, RequestEntry,
};
use crate::sandbox::file::member::MemberEntry;
use crate::sandbox::file::usage::{OperationUsage, UsageEntry};

/// A simulated account, and what AWS would answer in it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "World file of bedrock-remediator")]
pub struct WorldFile {
    /// The present time. Default: shortly after the event.
    #[schemars(with = "Option<String>")]
    pub now: Option<Timestamp>,
    /// The account that the function runs in, for events that name none.
    pub account: Option<AccountId>,
    /// The Region that the function runs in, which its daily forecast covers.
    pub region: Option<Region>,
    /// Further accounts of the organization of which `account` is the hub. Without any, there is no organization. An event
    /// of an account that stands nowhere in the file is of an account outside the organization.
    pub accounts: BTreeMap<AccountId, MemberEntry>,
    /// `request` or `observe`.
    pub mode: ModeWord,
    /// Guard rails that differ from their defaults, by the name of their environment variable.
    pub config: BTreeMap<String, String>,
    /// Quotas that differ from the built-in catalogue or are not in it.
    pub quotas: Vec<QuotaEntry>,
    /// Increase requests of the last 90 days.
    pub requests: Vec<RequestEntry>,
    /// Use, as CloudWatch measured it.
    pub usage: Vec<UsageEntry>,
    /// Use of `AgentCore`, as CloudWatch measured it.
    pub agent_core_usage: Vec<OperationUsage>,
    /// Successful calls, as CloudTrail shows them.
    pub calls: Vec<CallEntry>,
    /// Errors behind alarms, as CloudTrail or logs would show them.
    pub errors: Vec<ErrorEntry>,
    /// Alarms as CloudWatch describes them, all in state ALARM.
    pub alarms: Vec<AlarmEntry>,
    /// Log groups for model invocation logging. A Region without an entry has no logging.
    pub logging: Vec<LoggingEntry>,
    /// The state of models in Bedrock. A model without an entry is active and available.
    pub availability: Vec<ModelEntry>,
    /// Model ids that can be called. A Region without an entry does not say.
    pub offered: Vec<OfferedEntry>,
    /// Application inference profiles.
    pub profiles: Vec<ProfileEntry>,
    /// IAM's rulings. A caller without any entry is unknown to IAM. For other callers, whatever no entry matches is
    /// undetermined.
    pub policies: Vec<PolicyEntry>,
    /// Incidents that the ledger already has.
    pub incidents: Vec<IncidentEntry>,
    /// CloudTrail trails.
    pub trails: Vec<TrailEntry>,
    /// EventBridge rules.
    pub rules: Vec<RuleEntry>,
    /// The alarms of the function's own stack, by name; true if their actions are enabled.
    pub own_alarms: BTreeMap<String, bool>,
    /// The number of confirmed subscribers of the topic. Default: one.
    pub subscribers: Option<u32>,
    /// Subscribers of topics, by the topic's ARN. A topic without an entry has `subscribers`.
    pub topics: BTreeMap<String, TopicEntry>,
    /// Calls that fail.
    pub faults: Vec<Fault>,
    /// Earlier requests that the ledger already has.
    pub ledger: Vec<LedgerEntry>,
}

/// `MODE`, as the world file spells it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum ModeWord {
    #[default]
    Request,
    Observe,
}

/// A call that fails.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The port method that fails, such as `request_increase`, `publish` or `claim`.
    pub call: PortCall,
    /// The number of the failing call of that method, from 1. Default: every call.
    pub nth: Option<u32>,
    /// How it fails.
    pub kind: FaultKind,
}

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// Access is denied; the call has no effect.
    Denied,
    /// The call is throttled and has no effect.
    Throttled,
    /// The service is unavailable; the call has no effect.
    Unavailable,
    /// The call takes effect, but its answer is lost.
    LostAnswer,
    /// The call has no effect, and its answer never comes.
    Hangs,
}

/// One trail.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrailEntry {
    /// Its name.
    pub name: String,
    /// The account that owns it, if it is another one, as for an organization trail.
    pub account: Option<AccountId>,
    /// Whether it is logging now. Without it, that cannot be read.
    pub is_logging: Option<bool>,
    /// Whether it records read-only management events. Without it, that cannot be read.
    pub records_reads: Option<bool>,
}

/// The subscribers of a topic.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TopicEntry {
    /// The number of confirmed subscriptions.
    pub confirmed: u32,
    /// The number of subscriptions that are not confirmed yet.
    #[serde(default)]
    pub pending: u32,
}

/// One rule.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleEntry {
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: RuleState,
    /// The `detail-type`s of the events that it matches.
    #[serde(default)]
    pub detail_types: Vec<String>,
    /// Whether it runs on a schedule.
    #[serde(default)]
    pub is_scheduled: bool,
}

/// An earlier request of the function.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LedgerEntry {
    /// The account.
    pub account: AccountId,
    /// The Region.
    pub region: Region,
    /// The quota code.
    pub code: QuotaCode,
    /// The desired value.
    pub desired: f64,
    /// The applied value before.
    pub value_before: f64,
    /// When it was filed.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// When its cool-down ends. Until then, no other request is filed for the quota.
    #[schemars(with = "String")]
    pub cool_down_until: Timestamp,
}

impl WorldFile {
    /// The function's identity in this world.
    pub fn home(&self) -> FunctionIdentity {
        FunctionIdentity {
            account: self.account.clone(),
            region: self.region.clone(),
            organization: self.organization(),
            ..FunctionIdentity::default()
        }
    }

    /// The organization of this world; `None` if the file has no further accounts.
    pub(crate) fn organization(&self) -> Option<Organization> {
        let of_members = || Organization {
            id: "o-sandbox0000".to_owned(),
            member_role: Organization::MEMBER_ROLE.to_owned(),
            external_id: None,
        };
        (!self.accounts.is_empty()).then(of_members)
    }

    /// Parses a world file. The error says what is wrong and where.
    pub fn parse(json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json)
    }

    /// The guard rails of this world. The error says what is wrong, including unknown variables.
    pub fn guard_rails(&self) -> Result<Config, BadConfig> {
        let read = Config::from_vars(|name| self.config.get(name).cloned())?;
        let is_known = |name: &str| GUARD_RAILS.iter().any(|rail| rail.variable == name);
        let unknown = self.config.keys().filter(|name| !is_known(name));
        let unknown: Vec<_> = unknown.map(|name| format!("{name} is no guard rail")).collect();
        if !unknown.is_empty() {
            return Err(BadConfig(unknown));
        }
        let mode = if self.mode == ModeWord::Observe { Mode::Observe } else { read.mode };
        Ok(Config { mode, ..read })
    }

    /// The JSON Schema of world files.
    pub fn json_schema() -> schemars::Schema {
        schemars::schema_for!(Self)
    }
}
