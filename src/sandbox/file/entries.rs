//! What AWS would answer in one account: quotas, requests, alarms, models and IAM's rulings.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::ids::{QuotaCode, Region};
use crate::model::access::Availability;
use crate::model::lifecycle::Lifecycle;
use crate::permission::{PolicyLayer, PolicyVerdict};
use crate::quota::request::RequestStatus;

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
