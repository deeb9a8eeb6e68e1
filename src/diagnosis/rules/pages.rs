//! The AWS pages and the pieces of advice that several rules share.

pub(super) const ERRORS: &str =
    "https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html";
pub(super) const QUOTAS: &str = "https://docs.aws.amazon.com/bedrock/latest/userguide/quotas.html";
pub(super) const TOKENS: &str =
    "https://docs.aws.amazon.com/bedrock/latest/userguide/quotas-token-burndown.html";
pub(super) const PROFILES: &str =
    "https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html";
pub(super) const MODELS: &str = "https://docs.aws.amazon.com/bedrock/latest/userguide/models-supported.html";
pub(super) const REGIONS: &str = "https://docs.aws.amazon.com/bedrock/latest/userguide/models-regions.html";
pub(super) const ACCESS: &str = "https://docs.aws.amazon.com/bedrock/latest/userguide/model-access.html";
pub(super) const LIFECYCLE: &str =
    "https://docs.aws.amazon.com/bedrock/latest/userguide/model-lifecycle.html";
pub(super) const FEATURES: &str = "https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-supported-models-features.html";
pub(super) const CONVERSE: &str =
    "https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference.html";
pub(super) const TOOLS: &str = "https://docs.aws.amazon.com/bedrock/latest/userguide/tool-use.html";
pub(super) const PARAMETERS: &str =
    "https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html";
pub(super) const ANTHROPIC: &str =
    "https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html";
pub(super) const THINKING: &str =
    "https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-extended-thinking.html";
pub(super) const CACHING: &str = "https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html";
/// A guardrail may be enforced from outside the request.
pub(super) const ENFORCED_GUARDRAIL: &str = "If the request names no guardrail, the account or an organization's Bedrock policy enforces one, and one wrong identifier there fails every call: see `aws bedrock list-enforced-guardrails-configuration` and `aws organizations describe-effective-policy --policy-type BEDROCK_POLICY`.";
pub(super) const GUARDRAILS: &str = "https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails.html";
pub(super) const TIERS: &str =
    "https://docs.aws.amazon.com/bedrock/latest/userguide/service-tiers-inference.html";
pub(super) const API_KEYS: &str = "https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys.html";
pub(super) const IAM_BEDROCK: &str =
    "https://docs.aws.amazon.com/bedrock/latest/userguide/security_iam_id-based-policy-examples.html";
pub(super) const IAM_DENIED: &str =
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html";
pub(super) const SIGNATURES: &str =
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html";
pub(super) const SCPS: &str =
    "https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html";
pub(super) const BOUNDARIES: &str =
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html";
pub(super) const ENDPOINT_POLICIES: &str =
    "https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html";
pub(super) const CREDENTIALS: &str =
    "https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html";
pub(super) const SERVICE_QUOTAS: &str =
    "https://docs.aws.amazon.com/servicequotas/latest/userguide/request-quota-increase.html";

/// Advice without figures, for readers of whom nothing is measured.
pub(crate) const WIDER_PROFILE: &str = "On the bedrock-runtime endpoint, call through a cross-Region or global inference profile, which has a larger quota of its own.";
pub(super) const THROTTLE_ADVICE: &[&str] = &[
    "Set `max_tokens` to what the answer needs: at admission Bedrock reserves input plus `max_tokens`, and the model's maximum when it is unset.",
    "Retry with exponential backoff and jitter, with a budget for retries; retries count against the quota too.",
    WIDER_PROFILE,
    "Cache long prompt prefixes, and move what can wait to batch inference: neither cache reads nor batch jobs count.",
];

pub(super) const CAPACITY_ADVICE: &[&str] = &[
    "Retry with exponential backoff and jitter: nothing in the account is wrong, and a quota increase does not help.",
    "Call through a cross-Region or global inference profile so that another Region can answer.",
];

pub(super) const NEVER_WORK_ROUND: &str =
    "Somebody decided this. Ask whoever owns that policy; do not try another role or Region to get round it.";
