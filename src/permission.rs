//! What IAM's policy simulator says about an action.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// IAM's verdict on an action on a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyVerdict {
    /// The caller's own policies allow it.
    Allowed,
    /// No policy allows it.
    ImplicitDeny,
    /// A policy explicitly denies it.
    ExplicitDeny,
    /// Context is missing, or the caller belongs to another account.
    Undetermined,
}

/// The policy outside the caller's own that withholds an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyLayer {
    /// The role's permissions boundary.
    PermissionsBoundary,
    /// A service control policy.
    Organization,
}

/// A resource that a call needs, with the context in which IAM evaluates it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needed {
    /// The resource's ARN.
    pub arn: String,
    /// The value of `aws:RequestedRegion`. It is `unspecified` for calls of a global inference profile, which have no
    /// Region.
    pub requested_region: String,
    /// The value of `bedrock:InferenceProfileArn`; `None` unless the model is called through a profile.
    pub profile: Option<String>,
}

/// The policy simulator's verdict on one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// The resource's ARN.
    pub resource: String,
    /// The verdict.
    pub verdict: PolicyVerdict,
    /// The outside policy that withholds the action; `None` if the caller's own policies withhold it, or nothing does.
    pub layer: Option<PolicyLayer>,
    /// Context keys that the policies use and whose values are unknown.
    pub missing_context: Vec<String>,
}
