//! The world file: a small AWS account in JSON.
//!
//! Invariant: All parts are optional. An unknown key is an error, so that a misspelt key is not silently
//! ignored.

pub(super) mod calls;
pub(super) mod usage;

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::guard_rails::GUARD_RAILS;
use crate::config::{BadConfig, Config, Mode};
use crate::identity::FunctionIdentity;
use crate::ids::{AccountId, QuotaCode, Region};
use crate::installation::RuleState;
use crate::model::access::Availability;
use crate::model::lifecycle::Lifecycle;
use crate::permission::{PolicyLayer, PolicyVerdict};
use crate::quota::request::RequestStatus;
use crate::sandbox::PortCall;
use crate::sandbox::file::calls::{CallEntry, ErrorEntry, IncidentEntry};
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

/// One quota in one Region.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuotaEntry {
    /// The Region. Default: every Region.
    pub region: Option<Region>,
    /// The quota code.
    pub code: QuotaCode,
    /// Its name. Required only if the catalogue does not have the quota.
    pub name: Option<String>,
    /// The applied value. Without it, the account has no value of its own and the default applies.
    pub applied: Option<f64>,
    /// AWS's default value. Default: the catalogue's.
    pub default: Option<f64>,
    /// Whether Service Quotas takes increase requests for it. Default: as in the catalogue.
    pub adjustable: Option<bool>,
}

/// One increase request.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestEntry {
    /// The Region.
    pub region: Region,
    /// The quota code.
    pub code: QuotaCode,
    /// The desired value.
    pub desired: f64,
    /// Its status.
    pub status: RequestStatus,
    /// When it was filed.
    #[schemars(with = "String")]
    pub created: Timestamp,
    /// The support case id, if there is a case.
    pub case_id: Option<String>,
    /// When Service Quotas begins to list it. Default: at once. Until then only a further request of the same quota
    /// shows that it is there, because AWS refuses that one.
    #[schemars(with = "Option<String>")]
    pub listed_from: Option<Timestamp>,
}

fn one_offer() -> usize {
    1
}

/// One alarm.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlarmEntry {
    /// The Region.
    pub region: Region,
    /// Its name.
    pub name: String,
    /// The metric that it watches, such as `InvocationThrottles`.
    pub metric: String,
    /// The model, or operation of `AgentCore`, that it watches. Default: all of them.
    pub model_id: Option<String>,
    /// The models or operations that set it off, if it watches each of them separately.
    #[serde(default)]
    pub contributors: Vec<String>,
}

/// Model invocation logging in one Region.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoggingEntry {
    /// The Region.
    pub region: Region,
    /// The log group.
    pub log_group: String,
}

/// The state of one model in Bedrock.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelEntry {
    /// The Region. Default: every Region.
    pub region: Option<Region>,
    /// The base model id.
    pub model_id: String,
    /// `ACTIVE` or `LEGACY`.
    #[serde(default)]
    pub lifecycle: Lifecycle,
    /// The state of the agreement with the provider.
    #[serde(default)]
    pub agreement: Availability,
    /// Whether the account is authorised to use it. Default: true.
    pub authorized: Option<bool>,
    /// Whether the Region offers it.
    #[serde(default)]
    pub region_availability: Availability,
    /// Whether Anthropic's use-case form was submitted.
    pub form_submitted: Option<bool>,
    /// The number of agreement offers from its provider.
    #[serde(default = "one_offer")]
    pub offers: usize,
    /// When it was first offered.
    #[schemars(with = "Option<String>")]
    pub launched: Option<Timestamp>,
    /// When it became or will become legacy.
    #[schemars(with = "Option<String>")]
    pub legacy_from: Option<Timestamp>,
    /// When its extended access begins, for which the provider may charge more.
    #[schemars(with = "Option<String>")]
    pub extended_from: Option<Timestamp>,
    /// When it reaches its end of life.
    #[schemars(with = "Option<String>")]
    pub ends: Option<Timestamp>,
}

/// The model ids that can be called in one Region.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OfferedEntry {
    /// The Region.
    pub region: Region,
    /// On-demand foundation models, and AWS-defined inference profiles.
    pub model_ids: Vec<String>,
}

/// One application inference profile.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileEntry {
    /// Its short id.
    pub id: String,
    /// ARNs of the models that it routes to.
    pub models: Vec<String>,
}

/// One ruling of IAM.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyEntry {
    /// ARN of the role or user.
    pub caller: String,
    /// The action. Default: every action.
    pub action: Option<String>,
    /// Wildcard pattern for resource ARNs. Default: every resource.
    pub resource: Option<String>,
    /// IAM's decision.
    pub verdict: PolicyVerdict,
    /// The policy layer that denies it, if it is not the caller's own policies.
    pub layer: Option<PolicyLayer>,
    /// Context keys whose values are not known.
    #[serde(default)]
    pub missing_context: Vec<String>,
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
            ..FunctionIdentity::default()
        }
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
