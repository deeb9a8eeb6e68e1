//! The AWS pages and the pieces of advice that several rules share.

macro_rules! docs {
    ($($name:ident = $page:literal;)*) => {
        $(pub(super) const $name: &str = concat!("https://docs.aws.amazon.com/", $page);)*
    };
}

docs! {
    ERRORS = "bedrock/latest/userguide/troubleshooting-api-error-codes.html";
    QUOTAS = "bedrock/latest/userguide/quotas.html";
    TOKENS = "bedrock/latest/userguide/quotas-token-burndown.html";
    PROFILES = "bedrock/latest/userguide/inference-profiles-support.html";
    MODELS = "bedrock/latest/userguide/models-supported.html";
    REGIONS = "bedrock/latest/userguide/models-regions.html";
    ACCESS = "bedrock/latest/userguide/model-access.html";
    LIFECYCLE = "bedrock/latest/userguide/model-lifecycle.html";
    FEATURES = "bedrock/latest/userguide/conversation-inference-supported-models-features.html";
    CONVERSE = "bedrock/latest/userguide/conversation-inference.html";
    TOOLS = "bedrock/latest/userguide/tool-use.html";
    PARAMETERS = "bedrock/latest/userguide/model-parameters.html";
    ANTHROPIC = "bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html";
    THINKING = "bedrock/latest/userguide/claude-messages-extended-thinking.html";
    CACHING = "bedrock/latest/userguide/prompt-caching.html";
    GUARDRAILS = "bedrock/latest/userguide/guardrails.html";
    API_KEYS = "bedrock/latest/userguide/api-keys.html";
    IAM_BEDROCK = "bedrock/latest/userguide/security_iam_id-based-policy-examples.html";
    IAM_DENIED = "IAM/latest/UserGuide/troubleshoot_access-denied.html";
    SIGNATURES = "IAM/latest/UserGuide/reference_sigv-troubleshooting.html";
    SCPS = "organizations/latest/userguide/orgs_manage_policies_scps.html";
    BOUNDARIES = "IAM/latest/UserGuide/access_policies_boundaries.html";
    ENDPOINT_POLICIES = "vpc/latest/privatelink/vpc-endpoints-access.html";
    CREDENTIALS = "sdkref/latest/guide/standardized-credentials.html";
    SERVICE_QUOTAS = "servicequotas/latest/userguide/request-quota-increase.html";
}

pub(super) const THROTTLE_ADVICE: &[&str] = &[
    "Set `max_tokens` to what the answer needs: at admission Bedrock reserves input plus `max_tokens`, and the model's maximum when it is unset.",
    "Retry with exponential backoff and jitter, with a budget for retries; retries count against the quota too.",
    "Call through a cross-Region or global inference profile, which has a larger quota of its own.",
    "Cache long prompt prefixes, and move what can wait to batch inference: neither cache reads nor batch jobs count.",
];

pub(super) const CAPACITY_ADVICE: &[&str] = &[
    "Nothing in the account is wrong and a quota increase will not help: retry with exponential backoff and jitter.",
    "Call through a cross-Region or global inference profile so that another Region can answer.",
];

pub(super) const NEVER_WORK_ROUND: &str =
    "Somebody decided this. Ask whoever owns that policy; do not try another role or Region to get round it.";
