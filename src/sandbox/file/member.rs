//! Further accounts of an organization in the world file.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::error::RoleRefusal;
use crate::ids::Region;
use crate::sandbox::file::calls::{CallEntry, ErrorEntry};
use crate::sandbox::file::entries::{
    AlarmEntry, LoggingEntry, ModelEntry, OfferedEntry, PolicyEntry, ProfileEntry, QuotaEntry, RequestEntry,
};
use crate::sandbox::file::usage::{OperationUsage, UsageEntry};

/// A member account, and what AWS would answer in it. Each part means the same as at the top of the file.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MemberEntry {
    /// What STS answers when the function assumes the member's role.
    pub role: RoleWord,
    /// Opt-in Regions that the account has not enabled. No service answers there.
    pub regions_off: Vec<Region>,
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
    /// Log groups for model invocation logging.
    pub logging: Vec<LoggingEntry>,
    /// The state of models in Bedrock.
    pub availability: Vec<ModelEntry>,
    /// Model ids that can be called.
    pub offered: Vec<OfferedEntry>,
    /// Application inference profiles.
    pub profiles: Vec<ProfileEntry>,
    /// IAM's rulings.
    pub policies: Vec<PolicyEntry>,
}

/// What STS answers when the function assumes a member's role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RoleWord {
    /// Credentials.
    #[default]
    Assumable,
    /// There is no such role, or it does not trust the function.
    Missing,
    /// A service control policy denies the call.
    DeniedByScp,
    /// A resource control policy denies the call.
    DeniedByRcp,
    /// STS is not activated in the function's Region for this account.
    RegionOff,
}

impl RoleWord {
    pub(crate) fn refusal(self) -> Option<RoleRefusal> {
        match self {
            Self::Assumable => None,
            Self::Missing => Some(RoleRefusal::Missing),
            Self::DeniedByScp => Some(RoleRefusal::ServiceControlPolicy),
            Self::DeniedByRcp => Some(RoleRefusal::ResourceControlPolicy),
            Self::RegionOff => Some(RoleRefusal::RegionOff),
        }
    }
}
