//! The table of causes: the category and remedy of each, its words in notices, and the step that a person must take.
//!
//! Invariant: One row holds all of a cause. A new cause without a row does not compile.

use crate::diagnosis::cause::{Category, Cause, Remedy};

/// What there is to say about one cause.
#[derive(Clone, Copy)]
struct CauseRow {
    cause: Cause,
    category: Category,
    remedy: Remedy,
    /// See [`Cause::title`].
    title: &'static str,
    /// See [`Cause::meaning`].
    meaning: &'static str,
    /// See [`Cause::step`].
    step: Option<AccessStep>,
}

/// A step of access or permission that a person must take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AccessStep {
    /// The step's name, in kebab-case.
    pub(crate) name: &'static str,
    /// Who can take it.
    pub(crate) audience: &'static str,
    pub(crate) text: &'static str,
    /// Placeholders: `{model}`, `{provider}`, `{region}`, `{account}`. A command with an unknown value is left out.
    pub(crate) commands: &'static [&'static str],
    /// The console page; `None` if there is none.
    pub(crate) console: Option<&'static str>,
}

const CATALOG_PAGE: &str = "bedrock/home?region={region}#/model-catalog";

const fn row(
    cause: Cause,
    category: Category,
    remedy: Remedy,
    title: &'static str,
    meaning: &'static str,
) -> CauseRow {
    CauseRow { cause, category, remedy, title, meaning, step: None }
}

impl CauseRow {
    const fn step(self, step: AccessStep) -> Self {
        Self { step: Some(step), ..self }
    }
}

/// The row of each cause, in the order of [`Cause`].
#[rustfmt::skip]
const ROWS: [CauseRow; Cause::ALL.len()] = {
    use Category::{Capacity, Credentials, ModelAccess, ModelId, Other, Permission, Quota, Request};
    use Cause::{
        AccountRestricted, ContextLength, ExpiredToken, ExplicitDeny, Guardrail, IamUnspecified, IdentityPolicy,
        InferenceProfileRequired, InternalError, InvalidIdentifier, InvalidToken, LegacyModel, Location, Malformed,
        Marketplace, MaxTokens, Media, Messages, Missing, ModelError, ModelNotReady, ModelTimeout, NearQuota, NotGranted,
        NotInRegion, Parameter, Payment, PermissionsBoundary, RateUnspecified, RequestsPerMinute, ResourceLimit,
        ResourcePolicy, ServiceControlPolicy, ServiceUnavailable, SessionPolicy, Signature, TokensPerDay,
        TokensPerMinute, Unknown, Unrelated, UnsupportedOperation, UseCaseForm,
    };
    use Remedy::{
        ChangeModel, ChangePermission, CompleteAccess, ContactAws, CorrectRequest, IncreaseQuota,
        Investigate, RenewCredentials, Retry,
    };
    [
        row(RequestsPerMinute, Quota, IncreaseQuota,
            "Throttled: too many requests per minute",
            "were throttled: more requests in a minute than the quota allows"),
        row(TokensPerMinute, Quota, IncreaseQuota,
            "Throttled: too many tokens per minute",
            "were throttled: more tokens in a minute than the quota allows"),
        row(TokensPerDay, Quota, IncreaseQuota,
            "Throttled: the day's tokens are used up",
            "were throttled: the day's tokens are used up"),
        row(RateUnspecified, Quota, IncreaseQuota,
            "Throttled",
            "were throttled; the error does not say by which limit"),
        row(NearQuota, Quota, IncreaseQuota,
            "Near its quota",
            "use nearly all that the quota allows; no call is known to have failed because of it"),
        row(ResourceLimit, Quota, IncreaseQuota,
            "A resource limit is reached",
            "were refused: a number of resources or jobs is used up"),
        row(ModelNotReady, Capacity, Retry,
            "Model not ready",
            "failed because the model is still being loaded"),
        row(ServiceUnavailable, Capacity, Retry,
            "Bedrock is overloaded or unavailable",
            "failed because Bedrock or the model is overloaded or unavailable"),
        row(InternalError, Capacity, Retry,
            "A fault inside AWS",
            "failed because of a fault inside AWS"),
        row(ModelTimeout, Capacity, Retry,
            "The model timed out",
            "failed because the model took too long"),
        row(ModelError, Capacity, Retry,
            "The model failed",
            "failed inside the model"),
        row(NotGranted, ModelAccess, CompleteAccess,
            "No access to the model",
            "were refused: the account has no access to the model")
        .step(AccessStep {
            name: "model-access",
            audience: "an administrator of the account",
            text: "Give the account access to the model: open it once in the model catalog's playground as somebody with AWS Marketplace rights, which subscribes the account in the background. For Anthropic models the use-case form must be submitted first. Allow up to 15 minutes. If it fails then as well, the caller's own IAM policy is what is missing.",
            commands: &[
                "aws bedrock get-foundation-model-availability --model-id {model} --region {region}",
            ],
            console: Some(CATALOG_PAGE),
        }),
        row(UseCaseForm, ModelAccess, CompleteAccess,
            "Anthropic's use-case form is missing",
            "were refused: Anthropic's use-case form was not submitted for the account")
        .step(AccessStep {
            name: "use-case-form",
            audience: "somebody who may sign for the organization",
            text: "Submit Anthropic's use-case form: once for the account, or once in the organization's management account for all members. It is a legal statement and so a person's task. Access follows within 15 minutes.",
            commands: &[
                "aws bedrock get-use-case-for-model-access --region {region}",
            ],
            console: Some(CATALOG_PAGE),
        }),
        row(Marketplace, ModelAccess, CompleteAccess,
            "The AWS Marketplace subscription is missing",
            "were refused: the account is not subscribed to the model in AWS Marketplace, or the caller may not subscribe it")
        .step(AccessStep {
            name: "marketplace-subscription",
            audience: "an administrator with AWS Marketplace rights",
            text: "Subscribe the account to the model once: open it in the model catalog, or accept its agreement by command. Do it as an administrator; do not leave `aws-marketplace:Subscribe` on the application's role. If a provisioning role must have it, add the condition `aws:CalledViaLast` = `bedrock.amazonaws.com`.",
            commands: &[
                "aws bedrock list-foundation-model-agreement-offers --model-id {model} --region {region}",
                "aws bedrock create-foundation-model-agreement --model-id {model} --region {region} --offer-token \"$(aws bedrock list-foundation-model-agreement-offers --model-id {model} --region {region} --query 'offers[0].offerToken' --output text)\"",
            ],
            console: Some(CATALOG_PAGE),
        }),
        row(Payment, ModelAccess, CompleteAccess,
            "No valid payment method for the model",
            "were refused: the account has no valid payment method for this model")
        .step(AccessStep {
            name: "payment-method",
            audience: "whoever pays for the account",
            text: "Add a valid payment method to the account that pays; in an organization, to the management account. AWS India accounts need another method than a stored card. Then open the model once in the catalog; allow two minutes.",
            commands: &[],
            console: Some("billing/home#/paymentmethods"),
        }),
        row(LegacyModel, ModelAccess, ChangeModel,
            "The model is legacy or has ended",
            "were refused or will be: the model is legacy or at the end of its life")
        .step(AccessStep {
            name: "replace-model",
            audience: "the owner of the application",
            text: "Move to an active model: this one is legacy or has ended, and access to it does not come back. Its replacement is on Bedrock's model-lifecycle page, most often the newest model of the same family.",
            commands: &[
                "aws bedrock list-foundation-models --by-provider {provider} --region {region} --query 'modelSummaries[?modelLifecycle.status==`ACTIVE`].modelId'",
            ],
            console: Some(CATALOG_PAGE),
        }),
        row(Location, ModelAccess, ContactAws,
            "The provider does not serve this country",
            "were refused: the model's provider does not serve this country")
        .step(AccessStep {
            name: "supported-location",
            audience: "the AWS account team",
            text: "Call a model of another provider meanwhile, and ask the AWS account team. The provider does not serve the country that the account or the caller is in, and only AWS and the provider can change that.",
            commands: &[],
            console: None,
        }),
        row(AccountRestricted, ModelAccess, ContactAws,
            "AWS restricts the account",
            "were refused: AWS restricts the account, or does not offer the model to it")
        .step(AccessStep {
            name: "account-restriction",
            audience: "an administrator who may open support cases",
            text: "Open a support case of type account and ask what is needed. AWS restricts this account or offers the model to others only; no policy and no quota of the account lifts that.",
            commands: &[],
            console: Some("support/home#/case/create?issueType=customer-service"),
        }),
        row(IdentityPolicy, Permission, ChangePermission,
            "An IAM permission is missing",
            "were denied: no identity-based policy allows the action")
        .step(AccessStep {
            name: "iam-policy",
            audience: "whoever owns the role's policies",
            text: "Give the role exactly the action that was denied, on exactly the resources that it needs. No identity-based policy allows the call.",
            commands: &[],
            console: None,
        }),
        row(ExplicitDeny, Permission, ChangePermission,
            "A policy denies the call",
            "were denied explicitly by a policy")
        .step(AccessStep {
            name: "explicit-deny",
            audience: "the owner of the policy that denies",
            text: "Decide whether this call is meant to be denied. The policy denies it explicitly, and nothing that the application's owner adds changes that.",
            commands: &[],
            console: None,
        }),
        row(ServiceControlPolicy, Permission, ChangePermission,
            "The organization's policy blocks the call",
            "were denied by a policy of the organization")
        .step(AccessStep {
            name: "organization-policy",
            audience: "the organization's administrators",
            text: "Ask the policy's owners whether this model and these Regions are meant to be blocked. A policy of the organization blocks the call. For a cross-Region profile every Region it routes to must be allowed, for a global profile also the ARN without a Region.",
            commands: &[],
            console: None,
        }),
        row(PermissionsBoundary, Permission, ChangePermission,
            "The permissions boundary blocks the call",
            "were denied: the role's permissions boundary leaves the action out")
        .step(AccessStep {
            name: "permissions-boundary",
            audience: "whoever set the permissions boundary",
            text: "Ask the boundary's owner whether the role should have this action. The role's permissions boundary leaves it out; a policy on the role alone does not help.",
            commands: &[],
            console: None,
        }),
        row(SessionPolicy, Permission, ChangePermission,
            "The session policy blocks the call",
            "were denied: the session's policy leaves the action out")
        .step(AccessStep {
            name: "session-policy",
            audience: "the owner of the code that assumes the role",
            text: "Add this action to the session's policy, which leaves it out. The policy is set where `AssumeRole` is called, or by the product that hands out the session.",
            commands: &[],
            console: None,
        }),
        row(ResourcePolicy, Permission, ChangePermission,
            "A resource's policy blocks the call",
            "were denied by the policy of a resource: VPC endpoint, KMS key or guardrail")
        .step(AccessStep {
            name: "resource-policy",
            audience: "the owner of the VPC endpoint, key or guardrail",
            text: "Decide whether the resource's policy should let the caller in. The policy of a resource on the way does not.",
            commands: &[],
            console: None,
        }),
        row(IamUnspecified, Permission, ChangePermission,
            "Access denied",
            "were denied; the error does not say by which policy")
        .step(AccessStep {
            name: "iam-policy",
            audience: "whoever owns the role's policies",
            text: "Give the role exactly the action that was denied, on exactly that resource, if its own policies lack it. Otherwise look at its permissions boundary, the organization's policies and the VPC endpoint: the message does not say which policy denied the call.",
            commands: &[],
            console: None,
        }),
        row(ExpiredToken, Credentials, RenewCredentials,
            "Expired credentials",
            "were refused: the caller's credentials have expired"),
        row(InvalidToken, Credentials, RenewCredentials,
            "Invalid credentials",
            "were refused: AWS does not know the caller's credentials"),
        row(Signature, Credentials, RenewCredentials,
            "Wrong request signature",
            "were refused: the request's signature does not match"),
        row(Missing, Credentials, RenewCredentials,
            "No credentials",
            "could not be made: the process found no credentials"),
        row(InvalidIdentifier, ModelId, ChangeModel,
            "Invalid model identifier",
            "were refused: there is no such model identifier here"),
        row(InferenceProfileRequired, ModelId, ChangeModel,
            "An inference profile is required",
            "were refused: the model answers only through an inference profile"),
        row(NotInRegion, ModelId, ChangeModel,
            "Not offered in this Region",
            "failed: the model or endpoint is not offered in this Region"),
        row(UnsupportedOperation, ModelId, CorrectRequest,
            "The model lacks this feature",
            "were refused: the model does not support this API or feature"),
        row(Malformed, Request, CorrectRequest,
            "Malformed request",
            "were refused: the request body does not follow the schema"),
        row(ContextLength, Request, CorrectRequest,
            "The input is too long",
            "were refused: the input is longer than the model reads"),
        row(MaxTokens, Request, CorrectRequest,
            "Too many output tokens asked for",
            "were refused: more output tokens were asked for than the model allows"),
        row(Parameter, Request, CorrectRequest,
            "A parameter is out of range",
            "were refused: a parameter is out of range or in a wrong combination"),
        row(Messages, Request, CorrectRequest,
            "Messages in a wrong order",
            "were refused: order, roles or content of the messages"),
        row(Media, Request, CorrectRequest,
            "An image or document was refused",
            "were refused: size, number or format of an image, document or video"),
        row(Guardrail, Request, CorrectRequest,
            "The guardrail's configuration is wrong",
            "were refused: guardrail id, version or configuration"),
        row(Unrelated, Other, Investigate,
            "Bedrock calls fail",
            "failed; the reason is not known"),
        row(Unknown, Other, Investigate,
            "Bedrock calls fail",
            "failed; the reason is not known"),
    ]
};

/// Each row stands at the place of its cause.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const _: () = {
    let mut at = 0;
    while at < ROWS.len() {
        assert!(ROWS[at].cause as usize == at, "a row is not at the place of its cause");
        at += 1;
    }
};

/// The row of `cause`.
#[expect(clippy::indexing_slicing, reason = "the compiler checks that each cause has its row at its place")]
const fn of(cause: Cause) -> CauseRow {
    ROWS[cause as usize]
}

impl Cause {
    /// The category this cause belongs to.
    pub const fn category(self) -> Category {
        of(self).category
    }

    /// The remedy for this cause.
    pub const fn remedy(self) -> Remedy {
        of(self).remedy
    }

    /// The name for titles.
    pub(crate) const fn title(self) -> &'static str {
        of(self).title
    }

    /// What happened to the calls: completes the sentence "Calls of … …".
    pub(crate) const fn meaning(self) -> &'static str {
        of(self).meaning
    }

    /// The step that a person must take; `None` if the function or the caller acts.
    pub(crate) const fn step(self) -> Option<AccessStep> {
        of(self).step
    }
}
