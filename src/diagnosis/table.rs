//! The rule table: every known error, top to bottom. The first match wins.
//!
//! Invariant: Specific rows come before general ones. Errors that only look like quota problems come before the quota
//! rows, and rows that match only a code come last. A test checks that every example reaches its own row.

use crate::diagnosis::answered::{NamedService, is_of_aws};
use crate::diagnosis::cause::Cause;
use crate::diagnosis::elsewhere;
use crate::diagnosis::plain::Plain;
use crate::diagnosis::rule::{Example, Rule};
use crate::ids::Region;

macro_rules! docs {
    ($($name:ident = $page:literal;)*) => {
        $(const $name: &str = concat!("https://docs.aws.amazon.com/", $page);)*
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

const THROTTLE_ADVICE: &[&str] = &[
    "Set `max_tokens` to what the answer needs: at admission Bedrock reserves input plus `max_tokens`, and the model's maximum when it is unset.",
    "Retry with exponential backoff and jitter, with a budget for retries; retries count against the quota too.",
    "Call through a cross-Region or global inference profile, which has a larger quota of its own.",
    "Cache long prompt prefixes, and move what can wait to batch inference: neither cache reads nor batch jobs count.",
];

const CAPACITY_ADVICE: &[&str] = &[
    "Nothing in the account is wrong and a quota increase will not help: retry with exponential backoff and jitter.",
    "Call through a cross-Region or global inference profile so that another Region can answer.",
];

const NEVER_WORK_ROUND: &str =
    "Somebody decided this. Ask whoever owns that policy; do not try another role or Region to get round it.";

/// The operations for inference and for what belongs to it.
pub const INFERENCE_OPERATIONS: &[&str] = &[
    "InvokeModel",
    "InvokeModelWithResponseStream",
    "InvokeModelWithBidirectionalStream",
    "Converse",
    "ConverseStream",
    "CountTokens",
    "StartAsyncInvoke",
    "ApplyGuardrail",
    "InvokeAgent",
    "InvokeInlineAgent",
    "InvokeFlow",
    "Retrieve",
    "RetrieveAndGenerate",
    "RetrieveAndGenerateStream",
    "Rerank",
    "CreateInference",
    "InvokeGuardrailChecks",
    "OptimizePrompt",
    "GenerateQuery",
];

/// Whether the text names another AWS service as the one that answered.
fn of_another_service(plain: &Plain) -> bool {
    matches!(plain.service, NamedService::Another(_))
}

/// Whether AWS answered, as far as the text shows. A quota of AWS has nothing to do with any other answer.
fn of_aws(plain: &Plain) -> bool {
    plain.operation.is_some() || is_of_aws(&plain.message, &plain.codes)
}

/// Whether a rate limit is Bedrock's: AWS answered, or the sentence is Bedrock's own.
fn is_bedrocks_limit(plain: &Plain) -> bool {
    of_aws(plain) || plain.message.contains("please wait before trying again")
}

/// Whether the message contains a Region code.
fn names_a_region(plain: &Plain) -> bool {
    plain.message.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').any(|w| Region::parse(w).is_some())
}

/// Whether the message contains a sentence, not only codes and field names.
fn says_something(plain: &Plain) -> bool {
    let is_field = |w: &str| w.starts_with('"') || w.ends_with('"') || w.ends_with("\",");
    plain
        .message
        .split(' ')
        .filter(|w| !is_field(w) && !plain.codes.iter().any(|c| w.contains(c.as_str())))
        .count()
        >= 3
}

/// Every rule, in order. The first match wins.
pub const RULES: &[Rule] = &joined::<{ elsewhere::ROWS.len() + ROWS.len() }>([elsewhere::ROWS, ROWS]);

/// The rows of `parts`, one part after the other.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn joined<const N: usize>(parts: [&[Rule]; 2]) -> [Rule; N] {
    let mut all = [Rule::NONE; N];
    let (mut part, mut to) = (0, 0);
    while part < parts.len() {
        let mut from = 0;
        while from < parts[part].len() {
            all[to] = parts[part][from];
            (from, to) = (from + 1, to + 1);
        }
        part += 1;
    }
    all
}

#[rustfmt::skip]
const ROWS: &[Rule] = &[
    // ---- Not Bedrock inference, though the wording is similar --------------------------------
    Rule { id: "quota-request-answer", cause: Cause::Unrelated,
        says: &[&["open service quota increase request"], &["must provide a quota value greater than"], &["applied value for the specified"], &["too many open quota increase requests"]],
        advice: &["This is Service Quotas' answer to a request for an increase, not an inference error."],
        reference: SERVICE_QUOTAS,
        example: Example { code: Some("IllegalArgumentException"), message: "You must provide a quota value greater than the default quota value of 5000000.0" }, ..Rule::NONE },
    Rule { id: "iam-rate-limit", cause: Cause::Unrelated,
        says: &[&["rate limit exceeded from iam"], &["failed creating service linked role"]],
        advice: &["IAM limited the call while a role was made; try the deployment again in a minute."],
        reference: IAM_DENIED,
        example: Example { code: Some("ServiceLimitExceeded"), message: "Failed creating service linked role. Rate limit exceeded from IAM" }, ..Rule::NONE },
    Rule { id: "another-aws-service", cause: Cause::Unrelated,
        when: Some(of_another_service),
        advice: &["Another AWS service answered this call, not Bedrock: its own quotas, policies and limits apply."],
        reference: ERRORS,
        example: Example { code: None, message: "An error occurred (ThrottlingException) when calling the DescribeLogGroups operation: Rate exceeded" }, ..Rule::NONE },

    // ---- AWS's side, worded like a quota or access error --------------------------------------
    Rule { id: "access-check-failed", cause: Cause::InternalError,
        says: &[&["model access is denied due to", "internal_service_error"], &["model access is denied due to", "internal service error"]],
        advice: &["The check of model access failed inside AWS; access itself may be in order. Retry, and open a support case if it lasts longer than 15 minutes."],
        reference: ACCESS,
        example: Example { code: Some("AccessDeniedException"), message: "Model access is denied due to INTERNAL_SERVICE_ERROR" }, ..Rule::NONE },
    Rule { id: "model-overloaded", cause: Cause::ServiceUnavailable,
        says: &[&["currently overloaded"], &["model is getting throttled"], &["overloaded_error"], &["model is overloaded"], &["server is overloaded"], &["experiencing high demand"], &["experiencing high load"]],
        advice: CAPACITY_ADVICE, reference: ERRORS,
        example: Example { code: Some("ThrottlingException"), message: "Model anthropic.claude-opus-5 is currently overloaded. Please try again later." }, ..Rule::NONE },
    Rule { id: "too-many-connections", cause: Cause::ServiceUnavailable,
        says: &[&["too many connections"], &["too many concurrent connections"], &["unable to process your request"], &["insufficient capacity"], &["capacity is temporarily"]],
        advice: CAPACITY_ADVICE, reference: ERRORS,
        example: Example { code: Some("ServiceUnavailableException"), message: "Too many connections, please wait before trying again." }, ..Rule::NONE },
    Rule { id: "model-not-ready", cause: Cause::ModelNotReady,
        says: &[&["model is not ready"], &["not ready for inference"], &["model is being loaded"], &["model is still loading"], &["model is warming up"]],
        advice: &["The model is being loaded: retry with backoff for a few minutes; the SDK's own retries do so up to five times.", "A quota increase will not help."],
        reference: ERRORS,
        example: Example { code: Some("ModelNotReadyException"), message: "Model is not ready for inference. Wait and try your request again." }, ..Rule::NONE },

    // ---- Context length, worded like a quota error --------------------------------------------
    Rule { id: "too-many-input-tokens", cause: Cause::ContextLength,
        says: &[&["too many input tokens"], &["max input tokens"], &["input tokens exceeded"], &["maximum number of input tokens"], &["total number of tokens", "cannot exceed"], &["too many tokens", "prompt"], &["too many tokens", "context"]],
        unless: &["per day", "per minute"],
        advice: &["The input is longer than the model reads: shorten it, split it, or call a model with a longer context.", "This limit belongs to the model; no quota raises it."],
        reference: MODELS,
        example: Example { code: Some("ValidationException"), message: "Too many input tokens. Max input tokens: 8192, request input token count: 9400" }, ..Rule::NONE },

    // ---- Quotas -------------------------------------------------------------------------------
    Rule { id: "too-many-tokens-per-day", cause: Cause::TokensPerDay,
        says: &[&["tokens per day"], &["daily token"], &["token limit per day"], &["tokens", "daily limit"]],
        when: Some(is_bedrocks_limit),
        advice: &["The day's tokens are used up until midnight UTC; AWS raises this limit through a support case, seldom through Service Quotas.",
            "Spread the load over models or Regions, and set `max_tokens` to what the answer needs.",
            "Accounts that are new or were idle start far below the default: ask AWS to restore it."],
        reference: QUOTAS,
        example: Example { code: Some("ThrottlingException"), message: "Too many tokens per day, please wait before trying again." }, ..Rule::NONE },
    Rule { id: "too-many-tokens", cause: Cause::TokensPerMinute,
        says: &[&["too many tokens"], &["tokens per minute"], &["token rate"], &["tokens-per-minute"]],
        when: Some(is_bedrocks_limit),
        advice: THROTTLE_ADVICE, reference: TOKENS,
        example: Example { code: Some("ThrottlingException"), message: "Too many tokens, please wait before trying again." }, ..Rule::NONE },
    Rule { id: "too-many-requests", cause: Cause::RequestsPerMinute,
        says: &[&["too many requests"], &["requests per minute"], &["requests-per-minute"]],
        when: Some(is_bedrocks_limit),
        advice: THROTTLE_ADVICE, reference: QUOTAS,
        example: Example { code: Some("ThrottlingException"), message: "Too many requests, please wait before trying again." }, ..Rule::NONE },
    Rule { id: "request-rate-too-high", cause: Cause::RequestsPerMinute,
        says: &[&["request rate is too high"], &["rate of requests"], &["reduce the frequency of requests"]],
        when: Some(is_bedrocks_limit),
        advice: THROTTLE_ADVICE, reference: QUOTAS,
        example: Example { code: Some("throttlingException"), message: "Your request rate is too high. Reduce the frequency of requests. Check your Bedrock model invocation quotas to find the acceptable frequency." }, ..Rule::NONE },
    Rule { id: "service-quota-exceeded", cause: Cause::ResourceLimit,
        says: &[&["exceeds the service quota"], &["exceeded the service quota"], &["exceed the service quota"], &["limit exceeded for account"], &["maximum number of", "jobs"], &["concurrent", "jobs", "limit"], &["number of", "exceeds the quota"], &["already reached the maximum"]],
        advice: &["A number of resources or jobs is used up, not a rate: delete what is no longer needed or let running jobs end.",
            "Find the quota by the resource's name under Service Quotas, service `bedrock`, and ask for an increase of that one."],
        reference: QUOTAS,
        example: Example { code: Some("ServiceQuotaExceededException"), message: "Your request exceeds the service quota for your account." }, ..Rule::NONE },

    // ---- Credentials --------------------------------------------------------------------------
    Rule { id: "credentials-expired", cause: Cause::ExpiredToken,
        says: &[&["security token included in the request is expired"], &["token has expired"], &["token is expired"], &["credentials have expired"], &["session associated with this profile has expired"], &["session has expired"], &["api key has expired"], &["api key is expired"], &["bearer token", "expired"], &["expiredtoken"]],
        advice: &["Refresh the credentials: sign in again, or let the SDK refresh them by giving it the role and not copied keys.", "Long-running processes must not keep a client whose credentials cannot be refreshed."],
        reference: CREDENTIALS,
        example: Example { code: Some("ExpiredTokenException"), message: "The security token included in the request is expired" }, ..Rule::NONE },
    Rule { id: "request-signature", cause: Cause::Signature,
        says: &[&["request signature we calculated"], &["signature expired"], &["signature not yet current"], &["credential should be scoped"], &["authorization header requires"], &["invalidsignature"], &["incompletesignature"], &["signature version"], &["signature does not match"]],
        advice: &["Check the clock of the caller, the secret key, and that nothing between caller and AWS changes path, host or headers.", "Sign for the Region of the endpoint, service name `bedrock`."],
        reference: SIGNATURES,
        example: Example { code: Some("InvalidSignatureException"), message: "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method." }, ..Rule::NONE },
    Rule { id: "credentials-unknown", cause: Cause::InvalidToken,
        says: &[&["security token included in the request is invalid"], &["make sure your api key is valid"], &["access key id provided does not exist"], &["access key id", "does not exist in our records"], &["invalid api key"], &["api key is invalid"], &["api key is not valid"], &["invalid bearer token"], &["bearer token is invalid"], &["unrecognizedclient"], &["invalidclienttokenid"], &["invalid authentication token"]],
        advice: &["The key or token is unknown to AWS: a deleted key, a key of another partition, a session token left out, or a Bedrock API key cut short.", "Check with `aws sts get-caller-identity` which identity the process really uses."],
        reference: API_KEYS,
        example: Example { code: Some("UnrecognizedClientException"), message: "The security token included in the request is invalid." }, ..Rule::NONE },
    Rule { id: "credentials-missing", cause: Cause::Missing,
        says: &[&["unable to locate credentials"], &["could not load credentials"], &["unable to load credentials"], &["could not be found", "credentials"], &["missing authentication token"], &["missingauthenticationtoken"], &["no credentials"], &["credential refresh failed"], &["retrieving credentials"], &["could not resolve credentials"], &["resolve credentials"], &["nocredentialproviders"], &["no valid credential"], &["credentials not found"], &["no aws credentials"], &["credentials are not set"], &["failed to refresh cached credentials"], &["unable to find credentials"], &["cannot find credentials"], &["could not find credentials"], &["no credential provider"], &["missing credentials"], &["partial credentials"], &["config profile", "could not be found"], &["aws credentials", "required"]],
        advice: &["The process found no credentials: give its role to the container, instance or function, and check what the SDK's default chain sees there."],
        reference: CREDENTIALS,
        example: Example { code: None, message: "botocore.exceptions.NoCredentialsError: Unable to locate credentials" }, ..Rule::NONE },

    // ---- Model access -------------------------------------------------------------------------
    Rule { id: "use-case-form", cause: Cause::UseCaseForm,
        says: &[&["use case details have not been submitted"], &["use case details form"], &["use case form"], &["submit", "use case details"]],
        advice: &["Anthropic's use-case form is filled in once per account, by a person: it is a legal statement.", "A management account's form is inherited by its members. Allow 15 minutes before calling again."],
        reference: ACCESS,
        example: Example { code: Some("ResourceNotFoundException"), message: "Model use case details have not been submitted for this account. Fill out the Anthropic use case details form before using the model." }, ..Rule::NONE },
    Rule { id: "payment-instrument", cause: Cause::Payment,
        says: &[&["invalid_payment_instrument"], &["payment instrument"], &["payment method"]],
        advice: &["Third-party models are sold through AWS Marketplace, which needs a valid payment method of the account that pays.", "Accounts of AWS India cannot use a stored card. Allow two minutes after the change."],
        reference: ACCESS,
        example: Example { code: Some("AccessDeniedException"), message: "Model access is denied due to INVALID_PAYMENT_INSTRUMENT: A valid payment instrument must be provided." }, ..Rule::NONE },
    Rule { id: "marketplace-subscription", cause: Cause::Marketplace,
        says: &[&["aws-marketplace:"], &["aws marketplace"], &["subscription to the model"], &["create agreement"], &["agreement", "model", "not available"], &["model access is denied due to"], &["model agreement"], &["agreement to this model"], &["agreement for this model"], &["agreement for the model"], &["marketplace subscription"]],
        advice: &["Somebody with AWS Marketplace rights subscribes the account once; the first call by such a person does it, or `CreateFoundationModelAgreement`.",
            "Do not leave `aws-marketplace:Subscribe` on a runtime role: provision once, with the condition `aws:CalledViaLast` = `bedrock.amazonaws.com`."],
        reference: ACCESS,
        example: Example { code: Some("AccessDeniedException"), message: "Model access is denied due to IAM user or service role is not authorized to perform the required AWS Marketplace actions (aws-marketplace:ViewSubscriptions, aws-marketplace:Subscribe)" }, ..Rule::NONE },
    Rule { id: "legacy-model", cause: Cause::LegacyModel,
        says: &[&["marked by provider as legacy"], &["reached the end of its life"], &["end of life"], &["end-of-life"], &["model", "has been retired"], &["model is retired"], &["model", "has been deprecated"], &["model is deprecated"], &["model version is no longer"], &["model is no longer"], &["model", "is no longer available"], &["model", "is no longer supported"], &["legacy and you have not been actively using"], &["upgrade to an active model"]],
        advice: &["Move to the model's replacement: legacy models lock out accounts that were idle, get no quota increase, and end on a published date."],
        reference: LIFECYCLE,
        example: Example { code: Some("ResourceNotFoundException"), message: "Access denied. This Model is marked by provider as Legacy and you have not been actively using the model in the last 30 days. Please upgrade to an active model on Amazon Bedrock" }, ..Rule::NONE },
    Rule { id: "unsupported-country", cause: Cause::Location,
        says: &[&["unsupported countries"], &["supported countries"], &["unsupported country"], &["country, region, or territory"], &["countries, regions, or territories"], &["not available in your country"]],
        advice: &["The provider does not serve the country of this account or caller; neither quota nor policy changes that.", "Talk to the AWS account team, or use a model of another provider."],
        reference: MODELS,
        example: Example { code: Some("ValidationException"), message: "Access to Anthropic models is not allowed from unsupported countries, regions, or territories." }, ..Rule::NONE },
    Rule { id: "account-restricted", cause: Cause::AccountRestricted,
        says: &[&["not allowed for this account"], &["operation not allowed"], &["account is not authorized"], &["account is unauthorized"], &["account isn't authorized"], &["not available for this account"], &["not available for your account"], &["not enabled for this account"], &["maintenance mode"], &["account", "suspended"], &["account is currently being verified"], &["account is blocked"], &["data retention mode"], &["account", "is not authorized to access"], &["channel program"], &["not available for", "accounts"]],
        unless: &["not authorized to perform"],
        advice: &["AWS restricts the account, often a new one, or an offer it has no part in; no policy or quota of yours lifts that.", "Open a support case of type account, or ask the AWS account team; the reply takes days, so plan for another model meanwhile."],
        reference: ACCESS,
        example: Example { code: Some("ValidationException"), message: "Error 002: Access to Bedrock models is not allowed for this account" }, ..Rule::NONE },
    Rule { id: "model-not-granted", cause: Cause::NotGranted,
        says: &[&["don't have access to the model"], &["do not have access to the model"], &["dont have access to the model"], &["doesn't have access to the model"], &["does not have access to the model"], &["no access to the model"], &["model access is not enabled"], &["not been granted access"], &["access denied when calling bedrock"], &["don't have access to this model"], &["do not have access to this model"], &["request access to the model"], &["access to the model", "has not been enabled"], &["model access has not been enabled"], &["not enabled in this account"], &["model is not enabled"]],
        advice: &["The account has not got this model in this Region yet: for third-party models the first call subscribes in the background, if the caller has AWS Marketplace rights, within 15 minutes.",
            "Check each step: use-case form (Anthropic), AWS Marketplace subscription, payment method, and IAM for the exact model or profile."],
        reference: ACCESS,
        example: Example { code: Some("AccessDeniedException"), message: "You don't have access to the model with the specified model ID." }, ..Rule::NONE },

    // ---- Permission ---------------------------------------------------------------------------
    Rule { id: "service-control-policy", cause: Cause::ServiceControlPolicy,
        says: &[&["service control policy"], &["service control policies"], &["resource control policy"], &["resource control policies"]],
        advice: &[NEVER_WORK_ROUND, "The organization's administrators own it. Cross-Region profiles fail when a Region-deny policy blocks one of their Regions; global profiles also use an ARN without a Region."],
        reference: SCPS,
        example: Example { code: Some("AccessDeniedException"), message: "User: arn:aws:sts::111122223333:assumed-role/app/s is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:bedrock:::foundation-model/amazon.nova-2-lite-v1:0 with an explicit deny in a service control policy" }, ..Rule::NONE },
    Rule { id: "permissions-boundary", cause: Cause::PermissionsBoundary,
        says: &[&["permissions boundary"], &["permission boundary"]],
        advice: &["The role's permissions boundary does not cover the action; a policy on the role alone will not help.", NEVER_WORK_ROUND],
        reference: BOUNDARIES,
        example: Example { code: Some("AccessDeniedException"), message: "User: arn:aws:sts::111122223333:assumed-role/app/s is not authorized to perform: bedrock:InvokeModel because no permissions boundary allows the bedrock:InvokeModel action" }, ..Rule::NONE },
    Rule { id: "session-policy", cause: Cause::SessionPolicy,
        says: &[&["session policy"], &["session policies"]],
        advice: &["Whoever assumed the role passed a session policy that leaves the action out: change it where `AssumeRole` is called, not on the role."],
        reference: IAM_DENIED,
        example: Example { code: Some("AccessDeniedException"), message: "not authorized to perform: bedrock:InvokeModel because no session policy allows the bedrock:InvokeModel action" }, ..Rule::NONE },
    Rule { id: "resource-policy", cause: Cause::ResourcePolicy,
        says: &[&["vpc endpoint policy"], &["vpc endpoint policies"], &["resource-based policy"], &["resource-based policies"], &["key policy"], &["not authorized to perform: kms:"], &["guardrail", "enforcement", "policy"]],
        unless: &["because no identity-based policy"],
        advice: &["The policy of the resource does not let the caller in: the VPC endpoint, the KMS key or the guardrail. Its owner changes it there."],
        reference: ENDPOINT_POLICIES,
        example: Example { code: Some("AccessDeniedException"), message: "User is not authorized to perform: bedrock:InvokeModel on resource: x because no VPC endpoint policy allows the bedrock:InvokeModel action" }, ..Rule::NONE },
    Rule { id: "explicit-deny", cause: Cause::ExplicitDeny,
        says: &[&["explicit deny"], &["explicitly denied"], &["explicitly denies"]],
        advice: &[NEVER_WORK_ROUND], reference: IAM_DENIED,
        example: Example { code: Some("AccessDeniedException"), message: "User: arn:aws:iam::111122223333:user/app is not authorized to perform: bedrock:InvokeModel on resource: x with an explicit deny in an identity-based policy" }, ..Rule::NONE },
    Rule { id: "identity-policy", cause: Cause::IdentityPolicy,
        says: &[&["no identity-based policy allows"], &["identity-based policy"]],
        advice: &["Give the role the action on exactly the resource that was denied; for an inference profile that means the profile *and* the foundation model in every Region it routes to.",
            "`Converse` is authorised as `bedrock:InvokeModel`, `ConverseStream` as `bedrock:InvokeModelWithResponseStream`."],
        reference: IAM_BEDROCK,
        example: Example { code: Some("AccessDeniedException"), message: "User: arn:aws:sts::111122223333:assumed-role/app/s is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0 because no identity-based policy allows the bedrock:InvokeModel action" }, ..Rule::NONE },
    Rule { id: "not-authorized", cause: Cause::IamUnspecified,
        says: &[&["not authorized to perform"], &["isn't authorized to perform"], &["not authorised to perform"], &["is not authorized to call"], &["not authorized to invoke"], &["not authorized to access"], &["unable to assume", "role"], &["cannot assume role"]],
        advice: &["The denial does not say which policy: look at the role's policies, its boundary, the organization's policies and the VPC endpoint, in this order."],
        reference: IAM_DENIED,
        example: Example { code: Some("AccessDeniedException"), message: "User is not authorized to perform: bedrock:InvokeModel" }, ..Rule::NONE },

    // ---- Model id -----------------------------------------------------------------------------
    Rule { id: "inference-profile-required", cause: Cause::InferenceProfileRequired,
        says: &[&["with on-demand throughput"], &["on-demand throughput isn't supported"], &["on-demand throughput is not supported"], &["support on-demand throughput"], &["inference profile that contains this model"]],
        advice: &["Call the model through an inference profile: put the geography of the source Region before the id (`us.`, `eu.`, `apac.` …) or `global.`.",
            "IAM must then allow the profile and the foundation model in every Region of the profile."],
        reference: PROFILES,
        example: Example { code: Some("ValidationException"), message: "Invocation of model ID anthropic.claude-opus-4-6-v1 with on-demand throughput isn't supported. Retry your request with the ID or ARN of an inference profile that contains this model." }, ..Rule::NONE },
    Rule { id: "not-in-region", cause: Cause::NotInRegion,
        says: &[&["does not support cross-region"], &["doesn't support cross-region"], &["not supported in this region"], &["isn't supported in this region"], &["not available in this region"], &["isn't available in this region"], &["not available in your region"], &["not supported in your region"], &["not available in the region"], &["not supported in the region"], &["not available in region"], &["not supported in region"], &["getaddrinfo enotfound", "bedrock"], &["could not resolve host", "bedrock"], &["name or service not known", "bedrock"], &["nodename nor servname", "bedrock"], &["no such host", "bedrock"]],
        advice: &["The model or endpoint is not offered in this Region: call a Region that has it, or an inference profile that reaches one."],
        reference: REGIONS,
        example: Example { code: Some("ValidationException"), message: "The model is not supported in this Region." }, ..Rule::NONE },
    Rule { id: "region-lacks-it", cause: Cause::NotInRegion,
        says: &[&["not available in"], &["not supported in"], &["isn't available in"], &["isn't supported in"], &["does not exist in"]],
        when: Some(names_a_region),
        advice: &["The model or profile is not offered in the Region the message names: call a Region that has it, or an inference profile that reaches one."],
        reference: REGIONS,
        example: Example { code: Some("ValidationException"), message: "The inference profile is not available in eu-west-3" }, ..Rule::NONE },
    Rule { id: "model-identifier-invalid", cause: Cause::InvalidIdentifier,
        says: &[&["model identifier is invalid"], &["could not resolve the foundation model"], &["at 'modelid' failed to satisfy"], &["model", "does not exist"], &["model", "doesn't exist"], &["model not found"], &["model id is invalid"], &["invalid model id"], &["invalid model identifier"], &["model identifier", "not valid"], &["no such model"], &["unknown model"], &["inference profile", "does not exist"], &["inference profile", "is invalid"], &["model arn", "is invalid"], &["invalid model arn"], &["inference profile", "not found"], &["unable to find model"], &["model id", "not found"], &["could not find", "model"]],
        unless: &["guardrail"],
        advice: &["The id is misspelt, has a geography prefix that does not fit the source Region, or is not offered there. List what is: `aws bedrock list-foundation-models` and `aws bedrock list-inference-profiles`."],
        reference: MODELS,
        example: Example { code: Some("ValidationException"), message: "The provided model identifier is invalid." }, ..Rule::NONE },
    Rule { id: "geography-taken-for-provider", cause: Cause::InvalidIdentifier,
        says: &[&["unsupported model provider"], &["model does not support chat"], &["provider", "is not supported", "bedrock"], &["unknown provider"]],
        advice: &["A client library took the geography prefix of an inference profile for the provider: name the provider in its settings, or update it."],
        reference: PROFILES,
        example: Example { code: None, message: "Unsupported model provider: us" }, ..Rule::NONE },
    Rule { id: "prefill-unsupported", cause: Cause::Messages,
        says: &[&["assistant message prefill"], &["does not support", "prefill"], &["conversation must end with a user message"]],
        advice: &["End the conversation with a user message; this model does not continue an assistant message."],
        reference: ANTHROPIC,
        example: Example { code: Some("ValidationException"), message: "This model does not support assistant message prefill. The conversation must end with a user message." }, ..Rule::NONE },
    Rule { id: "tool-schema-unsupported", cause: Cause::Malformed,
        says: &[&["input_schema does not support"], &["schema", "does not support", "top level"], &["json schema is invalid"]],
        advice: &["Write the tool's input schema as one JSON Schema object (draft 2020-12), without `oneOf`, `allOf` or `anyOf` at the top."],
        reference: TOOLS,
        example: Example { code: Some("ValidationException"), message: "tools.0.custom.input_schema: input_schema does not support oneOf, allOf, or anyOf at the top level" }, ..Rule::NONE },
    Rule { id: "feature-unsupported", cause: Cause::UnsupportedOperation,
        says: &[&["model doesn't support"], &["model does not support"], &["model isn't supported"], &["not supported on this api"], &["unsupported model or your request did not allow prompt caching"], &["unsupported model", "prompt caching"], &["is not supported for this model"], &["isn't supported for this model"], &["not supported by this model"], &["is not supported by the model"], &["you are using doesn't support"], &["does not support streaming"], &["streaming is not supported"], &["does not support tool use"], &["operation is not supported"], &["this api is not supported"], &["does not match any of the expected tags"], &["not supported for the model"], &["doesn't support the model"], &["does not support the model"], &["does not support this"], &["not compatible with", "model"], &["is not supported for model"], &["not supported for this operation"], &["not supported with this model"], &["model that you provided", "support"], &["unsupported model"]],
        unless: &["temperature", "top_p", "top_k", "topp", "topk"],
        advice: &["The model does not support this API or feature: take it out of the request, or call a model that supports it."],
        reference: FEATURES,
        example: Example { code: Some("ValidationException"), message: "This model doesn't support tool use in streaming mode." }, ..Rule::NONE },
    Rule { id: "operation-unknown", cause: Cause::UnsupportedOperation,
        says: &[&["unknownoperationexception"], &["endpoint not found"], &["unknown operation"]],
        advice: &["The endpoint does not know this operation: a wrong service endpoint (`bedrock`, `bedrock-runtime`, `bedrock-agent-runtime`, `bedrock-mantle`), or an SDK too old for it."],
        reference: ERRORS,
        example: Example { code: Some("UnknownOperationException"), message: "<UnknownOperationException/>" }, ..Rule::NONE },

    // ---- The request body ---------------------------------------------------------------------
    Rule { id: "guardrail", cause: Cause::Guardrail,
        says: &[&["guardrail identifier"], &["guardrail version"], &["guardrail", "does not exist"], &["guardrail", "not found"], &["guardrail", "incorrect format"], &["grounding source"], &["guardrailconfig"], &["guardrail", "is not in a"], &["guardrail configuration"], &["guardrail", "invalid"]],
        advice: &["Check the guardrail's id, its version (`DRAFT` or a number) and that it stands in the same Region; grounding checks also need the source, the query and the content, each tagged."],
        reference: GUARDRAILS,
        example: Example { code: Some("ValidationException"), message: "The guardrail identifier or version provided in the request does not exist." }, ..Rule::NONE },
    Rule { id: "input-too-long", cause: Cause::ContextLength,
        says: &[&["input is too long"], &["prompt is too long"], &["maximum context length"], &["exceed context limit"], &["exceeds context limit"], &["context limit"], &["context window"], &["expected maxlength"], &["input length", "exceed"], &["input tokens exceeds"], &["exceeds the maximum number of tokens"], &["exceeds maximum length"], &["request body is too large"], &["too long for requested model"], &["exceeds the model's maximum"], &["maximum input length"], &["longer than the maximum"]],
        unless: &["image", "document"],
        advice: &["Input and `max_tokens` together must fit the model's context: shorten the input, split it, or ask for fewer output tokens.", "This limit belongs to the model; no quota raises it."],
        reference: MODELS,
        example: Example { code: Some("ValidationException"), message: "The model returned the following errors: prompt is too long: 215000 tokens > 200000 maximum" }, ..Rule::NONE },
    Rule { id: "max-tokens-above-limit", cause: Cause::MaxTokens,
        says: &[&["maximum tokens you requested exceeds"], &["max_tokens", "maximum allowed"], &["max_tokens", "which is the maximum"], &["max_gen_len", "is not less or equal"], &["max_tokens", "is not less or equal"], &["maxtokens", "is not less or equal"], &["maxtokencount", "is not less or equal"], &["max_new_tokens", "is not less or equal"], &["max_tokens_to_sample"], &["inferenceconfig.maxtokens"], &["max_tokens is too large"], &["max_tokens", "exceeds"], &["max_tokens", "must be less than or equal"], &["maxtokens", "exceeds"], &["maximum output tokens"], &["number of output tokens"]],
        unless: &["budget_tokens"],
        advice: &["Ask for no more output tokens than the model allows; a lower value also reserves less of the tokens quota."],
        reference: PARAMETERS,
        example: Example { code: Some("ValidationException"), message: "The maximum tokens you requested exceeds the model limit of 8192. Try again with a maximum tokens value that is lower than 8192." }, ..Rule::NONE },
    Rule { id: "media", cause: Cause::Media,
        says: &[&["image exceeds"], &["could not process image"], &["media type"], &["media_type"], &["image.format"], &["image.source"], &["max pixels"], &["image dimensions"], &["too many images"], &["documents in a request"], &["images in a request"], &["videos in a request"], &["pdf specified"], &["pdf pages"], &["document.format"], &["document.name"], &["document file name"], &["document name"], &["file name can only contain"], &["video", "exceeds"], &["document", "exceeds"], &["invalid image"], &["image", "too large"], &["unable to decode image"], &["unable to process provided image"], &["image", "not supported", "format"], &["could not decode image"], &["image width"], &["image height"], &["image size"], &["document size"], &["document", "password"], &["s3location"], &["audio", "exceeds"], &["unsupported image"], &["unsupported document"], &["video.format"], &["image bytes"], &["images", "exceed"], &["image", "exceed"], &["documents", "exceed"], &["format value", "image"], &["format value", "document"], &["format value", "video"], &["password protected"], &["password-protected"], &["corrupt", "image"], &["image data"]],
        unless: &["does not match any of the expected tags"],
        advice: &["Check number, size, dimensions and format of the images, documents or videos, and that the declared media type is the real one."],
        reference: CONVERSE,
        example: Example { code: Some("ValidationException"), message: "messages.0.content.1.image.source: image exceeds 5 MB maximum: 6737924 bytes > 5242880 bytes" }, ..Rule::NONE },
    Rule { id: "cache-control", cause: Cause::Parameter,
        says: &[&["cache_control"], &["cachepoint"], &["cache point"]],
        unless: &["malformed input request", "extra inputs are not permitted"],
        advice: &["Check the cache points: at most four, longer lifetimes before shorter ones, and only where the model supports them."],
        reference: CACHING,
        example: Example { code: Some("ValidationException"), message: "messages.3.content.0.cache_control.ttl: a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block." }, ..Rule::NONE },
    Rule { id: "roles-must-alternate", cause: Cause::Messages,
        says: &[&["must alternate between"], &["must start with a user message"], &["first message must use"], &["roles must alternate"], &["at least one message is required"], &["unexpected role"], &["conversation must start"], &["last turn"], &["final turn"], &["previous turn"], &["same turn"]],
        advice: &["Order the messages user, assistant, user …, beginning with the user; join neighbours of the same role."],
        reference: CONVERSE,
        example: Example { code: Some("ValidationException"), message: "A conversation must start with a user message. Try again with a conversation that starts with a user message." }, ..Rule::NONE },
    Rule { id: "tool-blocks", cause: Cause::Messages,
        says: &[&["tool_use ids"], &["tool_result block"], &["tool_use block"], &["tool_use_id"], &["toolresult blocks"], &["tooluse blocks"], &["tool result block"], &["content.0.toolresult cannot be empty"], &["toolresult", "cannot be empty"], &["not found in provided tools"], &["tool_call_id"], &["tool calls", "tool messages"]],
        advice: &["Answer every tool-use block with its tool result, same id, in the very next user message, and send the tool configuration with every call of the conversation."],
        reference: TOOLS,
        example: Example { code: Some("ValidationException"), message: "messages.28: `tool_use` ids were found without `tool_result` blocks immediately after: tooluse_x. Each `tool_use` block must have a corresponding `tool_result` block in the next message." }, ..Rule::NONE },
    Rule { id: "thinking-blocks", cause: Cause::Messages,
        says: &[&["thinking block"], &["in thinking block"], &["thinking.signature"], &["expected thinking"], &["redacted_thinking"], &["signature in thinking"], &["thinking blocks"]],
        advice: &["Send thinking blocks back exactly as they came, with their signature, and only within the conversation they belong to."],
        reference: THINKING,
        example: Example { code: Some("ValidationException"), message: "messages.1.content.0: Invalid `signature` in `thinking` block" }, ..Rule::NONE },
    Rule { id: "empty-content", cause: Cause::Messages,
        says: &[&["must be non-empty"], &["must have non-empty"], &["is blank"], &["content field", "is empty"], &["must contain non-whitespace"], &["message object", "is empty"], &["content", "cannot be empty"], &["messages", "cannot be empty"], &["trailing whitespace"], &["text field", "is empty"], &["must not be blank"], &["cannot be blank"], &["must not be empty", "content"]],
        unless: &["stop_sequences", "stopsequences", "malformed input request"],
        advice: &["Leave empty text out: every content block needs text that is not only white space."],
        reference: CONVERSE,
        example: Example { code: Some("ValidationException"), message: "The text field in the ContentBlock object at messages.2.content.1 is blank. Add text to the text field, and try again." }, ..Rule::NONE },
    Rule { id: "body-malformed", cause: Cause::Malformed,
        says: &[&["extraneous key"], &["required key"], &["expected type"], &["subschema"], &["subject must not be valid"], &["parameter validation failed"], &["unknown parameter in"], &["invalid number of parameters"], &["missing required parameter"], &["invalid type for parameter"]],
        advice: &["The body does not follow the model's schema: compare its keys with the model's request format, or use Converse, whose format is the same for all models."],
        reference: PARAMETERS,
        example: Example { code: Some("ValidationException"), message: "Malformed input request: #: extraneous key [textGenerationConfig] is not permitted, please reformat your input and try again." }, ..Rule::NONE },
    Rule { id: "sampling-parameter", cause: Cause::Parameter,
        says: &[&["temperature"], &["top_p"], &["top_k"], &["topp"], &["topk"], &["stop_sequences"], &["stopsequences"], &["budget_tokens"], &["thinking.type"], &["thinking may not be enabled"], &["thinking is not supported"], &["thinking", "is enabled"], &["cannot both be specified"], &["output_config.effort: input"], &["is deprecated for this model"], &["tool_choice"], &["reasoning_effort"], &["seed"]],
        unless: &["malformed input request", "extra inputs are not permitted", "field required"],
        advice: &["Change or leave out the parameter the message names: newer models fix some sampling parameters, and thinking excludes others."],
        reference: PARAMETERS,
        example: Example { code: Some("ValidationException"), message: "The model returned the following errors: `temperature` and `top_p` cannot both be specified for this model. Please use only one." }, ..Rule::NONE },
    Rule { id: "value-out-of-range", cause: Cause::Parameter,
        says: &[&["is not less or equal to"], &["is not greater or equal to"], &["must be greater than"], &["must be less than"], &["must be between"], &["should be less than or equal"], &["should be greater than or equal"], &["out of range"], &["outside the range"], &["input should be '"], &["invalid value for"], &["is not a valid enum value"]],
        unless: &["malformed input request: #:"],
        advice: &["A value lies outside what the model accepts: the message names the field and the limit."],
        reference: PARAMETERS,
        example: Example { code: Some("ValidationException"), message: "Malformed input request: 8192 is not less or equal to 8191, please reformat your input and try again." }, ..Rule::NONE },
    Rule { id: "constraint-violated", cause: Cause::Malformed,
        says: &[&["malformed input request"], &["failed to satisfy constraint"], &["failed to satisfy"], &["validation error detected"], &["validation errors detected"], &["extra inputs are not permitted"], &["field required"], &["must be one of the following"], &["input should be"], &["field must be defined"], &["should match pattern"], &["supplied request is invalid"], &["unable to parse"], &["could not parse"], &["not valid json"], &["invalid json"], &["json", "parse error"], &["unexpected token"], &["unexpected character"], &["cannot be deserialized"], &["unexpected field type"], &["tool names must be unique"], &["must have length"], &["input_schema"], &["inputschema"], &["invalid request body"]],
        advice: &["Correct the field that the message names; names of tools take letters, digits, `_` and `-` only."],
        reference: CONVERSE,
        example: Example { code: Some("ValidationException"), message: "1 validation error detected: Value at 'toolConfig.tools' failed to satisfy constraint: Member must have length greater than or equal to 1" }, ..Rule::NONE },

    // ---- AWS's side ---------------------------------------------------------------------------
    Rule { id: "model-timed-out", cause: Cause::ModelTimeout,
        says: &[&["model has timed out"], &["model timed out"], &["timed out in processing"], &["read timeout on endpoint", "bedrock"]],
        advice: &["Stream the answer, ask for fewer tokens, and give the client a read time-out of at least the model's; then retry.", "A quota increase will not help."],
        reference: ERRORS,
        example: Example { code: Some("ModelTimeoutException"), message: "Model has timed out in processing the request. Try your request again." }, ..Rule::NONE },
    Rule { id: "model-failed", cause: Cause::ModelError,
        says: &[&["model produced invalid sequence"], &["failed in the model container"], &["model encountered an error"], &["model encountered an unexpected error"], &["model error"]],
        unless: &["internalserverexception"],
        advice: &["The model itself failed on this input: retry once or twice, with simpler tools or a lower temperature if it failed over a tool call.", "A quota increase will not help."],
        reference: TOOLS,
        example: Example { code: Some("ModelErrorException"), message: "Model produced invalid sequence as part of ToolUse. Please refer to the model tool use troubleshooting guide." }, ..Rule::NONE },
    Rule { id: "model-stream-failed", cause: Cause::ModelError,
        codes: &["modelerrorexception", "modelstreamerrorexception"],
        says: &[&["unexpected error during processing"], &["internal error"], &["internal server error"]],
        advice: &["The model itself failed, perhaps in the middle of its answer: discard the part that came and retry once or twice.", "A quota increase will not help."],
        reference: ERRORS,
        example: Example { code: Some("modelStreamErrorException"), message: "The system encountered an unexpected error during processing. Try your request again." }, ..Rule::NONE },
    Rule { id: "internal-error", cause: Cause::InternalError,
        says: &[&["unexpected error during processing"], &["internal server error"], &["internal server exception"], &["internal error"], &["internal failure"], &["unexpected internal"], &["internalserverexception"], &["internalserviceexception"]],
        advice: CAPACITY_ADVICE, reference: ERRORS,
        example: Example { code: Some("InternalServerException"), message: "The system encountered an internal error. Try your request again." }, ..Rule::NONE },
    Rule { id: "service-unavailable", cause: Cause::ServiceUnavailable,
        says: &[&["service unavailable"], &["temporarily unavailable"], &["service is unavailable"], &["service is currently unavailable"], &["serviceunavailable"], &["bad gateway"], &["could not connect to the endpoint"], &["cannot connect to host bedrock"], &["connection reset", "bedrock"], &["connect timeout", "bedrock"], &["connection refused", "bedrock"]],
        advice: CAPACITY_ADVICE, reference: ERRORS,
        example: Example { code: Some("ServiceUnavailableException"), message: "Service unavailable. Try again later." }, ..Rule::NONE },
    Rule { id: "health-issue", cause: Cause::ServiceUnavailable,
        codes: &["aws_bedrock_operational_issue", "aws_bedrock_operational_notification"],
        advice: CAPACITY_ADVICE, reference: ERRORS,
        example: Example { code: Some("AWS_BEDROCK_OPERATIONAL_ISSUE"), message: "We are investigating increased error rates in the US-EAST-1 Region." }, ..Rule::NONE },

    Rule { id: "rate-exceeded", cause: Cause::RateUnspecified,
        says: &[&["rate exceeded", "bedrock"], &["rate limit", "bedrock"], &["throttled", "bedrock"], &["would exceed", "rate limit"]],
        advice: THROTTLE_ADVICE, reference: QUOTAS,
        example: Example { code: None, message: "Amazon Bedrock: rate limit exceeded, slow down" }, ..Rule::NONE },

    // ---- Matched only by the code or the status -----------------------------------------------
    Rule { id: "code-model-not-ready", cause: Cause::ModelNotReady,
        codes: &["modelnotreadyexception"],
        advice: &["The model is being loaded: retry with backoff for a few minutes.", "A quota increase will not help."], reference: ERRORS,
        example: Example { code: Some("ModelNotReadyException"), message: "Try again later" }, ..Rule::NONE },
    Rule { id: "code-service-quota", cause: Cause::ResourceLimit,
        codes: &["servicequotaexceededexception"],
        advice: &["A number of resources or jobs is used up, not a rate; Service Quotas names the limit under service `bedrock`."], reference: QUOTAS,
        example: Example { code: Some("ServiceQuotaExceededException"), message: "maxImageSizeMb reached" }, ..Rule::NONE },
    Rule { id: "code-throttling", cause: Cause::RateUnspecified,
        codes: &["throttlingexception", "throttledexception", "throttling"],
        advice: THROTTLE_ADVICE, reference: QUOTAS,
        example: Example { code: Some("ThrottlingException"), message: "Rate exceeded" }, ..Rule::NONE },
    Rule { id: "code-expired-token", cause: Cause::ExpiredToken,
        codes: &["expiredtokenexception", "expiredtoken", "requestexpired"],
        advice: &["Refresh the credentials."], reference: CREDENTIALS,
        example: Example { code: Some("ExpiredTokenException"), message: "expired" }, ..Rule::NONE },
    Rule { id: "code-invalid-token", cause: Cause::InvalidToken,
        codes: &["unrecognizedclientexception", "invalidclienttokenid", "unauthorizedexception", "notauthorized"],
        advice: &["The key or token is unknown to AWS; check the identity with `aws sts get-caller-identity`."], reference: CREDENTIALS,
        example: Example { code: Some("UnrecognizedClientException"), message: "invalid" }, ..Rule::NONE },
    Rule { id: "code-signature", cause: Cause::Signature,
        codes: &["invalidsignatureexception", "incompletesignature", "signaturedoesnotmatch"],
        advice: &["Check the caller's clock, secret key, and the Region it signs for."], reference: SIGNATURES,
        example: Example { code: Some("InvalidSignatureException"), message: "signature" }, ..Rule::NONE },
    Rule { id: "code-opt-in", cause: Cause::AccountRestricted,
        codes: &["optinrequired", "optinrequiredexception"],
        advice: &["The account has not signed up for the service or Region: enable the Region, or ask AWS."], reference: ACCESS,
        example: Example { code: Some("OptInRequired"), message: "You are not subscribed to this service" }, ..Rule::NONE },
    Rule { id: "code-model-timeout", cause: Cause::ModelTimeout,
        codes: &["modeltimeoutexception"],
        advice: &["Stream the answer or ask for fewer tokens, then retry."], reference: ERRORS,
        example: Example { code: Some("ModelTimeoutException"), message: "timeout" }, ..Rule::NONE },
    Rule { id: "code-model-error", cause: Cause::ModelError,
        codes: &["modelerrorexception", "modelstreamerrorexception"],
        advice: &["The model itself failed: retry once or twice."], reference: ERRORS,
        example: Example { code: Some("modelStreamErrorException"), message: "The stream ended" }, ..Rule::NONE },
    Rule { id: "code-internal", cause: Cause::InternalError,
        codes: &["internalserverexception", "internalfailure", "internalserviceexception"],
        advice: CAPACITY_ADVICE, reference: ERRORS,
        example: Example { code: Some("InternalServerException"), message: "try again" }, ..Rule::NONE },
    Rule { id: "code-unavailable", cause: Cause::ServiceUnavailable,
        codes: &["serviceunavailableexception", "serviceunavailable", "badgatewayexception"],
        advice: CAPACITY_ADVICE, reference: ERRORS,
        example: Example { code: Some("ServiceUnavailableException"), message: "try again" }, ..Rule::NONE },
    Rule { id: "code-access-denied", cause: Cause::IamUnspecified,
        codes: &["accessdeniedexception", "accessdenied"],
        advice: &["The denial does not say which policy: look at the role's policies, its boundary, the organization's policies and the VPC endpoint, in this order."], reference: IAM_DENIED,
        example: Example { code: Some("AccessDenied"), message: "denied" }, ..Rule::NONE },
    Rule { id: "status-throttled", cause: Cause::RateUnspecified,
        when: Some(|p| p.status == Some(429) && of_aws(p)),
        advice: THROTTLE_ADVICE, reference: QUOTAS,
        example: Example { code: None, message: "Error code: 429 - {'error': {'message': 'Rate limit'}}" }, ..Rule::NONE },
    Rule { id: "status-unavailable", cause: Cause::ServiceUnavailable,
        when: Some(|p| matches!(p.status, Some(502 | 503))),
        advice: CAPACITY_ADVICE, reference: ERRORS,
        example: Example { code: None, message: "Bedrock call failed, status code: 503" }, ..Rule::NONE },
    Rule { id: "code-not-found", cause: Cause::InvalidIdentifier,
        codes: &["resourcenotfoundexception"],
        says: &[&["model"], &["inference-profile"], &["inference profile"]],
        advice: &["The model or profile does not exist in this Region: list what does with `aws bedrock list-foundation-models` and `aws bedrock list-inference-profiles`."], reference: MODELS,
        example: Example { code: Some("ResourceNotFoundException"), message: "The requested model could not be located" }, ..Rule::NONE },
    Rule { id: "code-validation", cause: Cause::Malformed,
        codes: &["validationexception", "serializationexception", "badrequestexception"],
        when: Some(says_something),
        advice: &["The request was refused before the model saw it; the message names what to change."], reference: CONVERSE,
        example: Example { code: Some("ValidationException"), message: "Something about the body was refused" }, ..Rule::NONE },
];
