//! What IAM says of a call: verdicts of its policy simulator.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What IAM says of an action on a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyVerdict {
    /// Allowed, as far as the caller's own policies go.
    Allowed,
    /// No policy allows it.
    ImplicitDeny,
    /// A policy denies it.
    ExplicitDeny,
    /// Context is missing, or the caller is of another account.
    Undetermined,
}

/// Whose policies withhold an action, where it is not the caller's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyLayer {
    /// The role's permissions boundary.
    PermissionsBoundary,
    /// A service control policy.
    Organization,
}

/// A resource that a call needs, and the context in which IAM is asked about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needed {
    /// Its ARN.
    pub arn: String,
    /// `aws:RequestedRegion`; a global inference profile's calls are of no Region, and then it is
    /// `unspecified`.
    pub requested_region: String,
    /// `bedrock:InferenceProfileArn`, for a model that is called through a profile.
    pub profile: Option<String>,
}

/// What IAM's policy simulator says of one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// Its ARN.
    pub resource: String,
    /// What it says.
    pub verdict: PolicyVerdict,
    /// Whose policies withhold it; `None`: the caller's own do, or nobody's.
    pub layer: Option<PolicyLayer>,
    /// Context keys that policies ask for and nobody knows.
    pub missing_context: Vec<String>,
}
