//! Missing access to a model: a step that a person takes in the account.

use crate::diagnosis::cause::Cause;
use crate::diagnosis::rule::{Example, Rule};
use crate::diagnosis::rules::pages::{ACCESS, LIFECYCLE, MODELS};

#[rustfmt::skip]
pub(super) const ROWS: &[Rule] = &[
    Rule { id: "use-case-form", cause: Cause::UseCaseForm,
        says: &[&["use case details have not been submitted"], &["use case details form"], &["use case form"], &["use-case form"], &["submit", "use case details"], &["filled out the request form"]],
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
        unless: &["in a service control policy"],
        advice: &["Somebody with AWS Marketplace rights subscribes the account once; the first call by such a person does it, or `CreateFoundationModelAgreement`.",
            "Do not leave `aws-marketplace:Subscribe` on a runtime role: provision once, with the condition `aws:CalledViaLast` = `bedrock.amazonaws.com`."],
        reference: ACCESS,
        example: Example { code: Some("AccessDeniedException"), message: "Model access is denied due to IAM user or service role is not authorized to perform the required AWS Marketplace actions (aws-marketplace:ViewSubscriptions, aws-marketplace:Subscribe)" }, ..Rule::NONE },
    Rule { id: "legacy-model", cause: Cause::LegacyModel,
        says: &[&["marked by provider as legacy"], &["reached the end of its life"], &["end of life"], &["end-of-life"], &["model", "has been retired"], &["model is retired"], &["model", "has been deprecated"], &["model is deprecated"], &["model version is no longer"], &["model is no longer"], &["model", "is no longer available"], &["model", "is no longer supported"], &["legacy and you have not been actively using"], &["upgrade to an active model"]],
        advice: &["Move to the model's replacement: legacy models lock out accounts that were idle, get no quota increase, may cost more in their extended access, and end on a published date."],
        reference: LIFECYCLE,
        example: Example { code: Some("ResourceNotFoundException"), message: "Access denied. This Model is marked by provider as Legacy and you have not been actively using the model in the last 30 days. Please upgrade to an active model on Amazon Bedrock" }, ..Rule::NONE },
    Rule { id: "unsupported-country", cause: Cause::Location,
        says: &[&["unsupported countries"], &["supported countries"], &["unsupported country"], &["country, region, or territory"], &["countries, regions, or territories"], &["not available in your country"]],
        advice: &["The provider does not serve the country of this account or caller; neither quota nor policy changes that.", "Talk to the AWS account team, or use a model of another provider."],
        reference: MODELS,
        example: Example { code: Some("ValidationException"), message: "Access to Anthropic models is not allowed from unsupported countries, regions, or territories." }, ..Rule::NONE },
    Rule { id: "account-restricted", cause: Cause::AccountRestricted,
        says: &[&["not allowed for this account"], &["operation not allowed"], &["account is not authorized"], &["account is unauthorized"], &["account isn't authorized"], &["not available for this account"], &["not available for your account"], &["not enabled for this account"], &["maintenance mode"], &["account", "suspended"], &["account is currently being verified"], &["account is blocked"], &["data retention mode"], &["account", "is not authorized to access"], &["channel program"], &["not available for", "accounts"]],
        unless: &["not authorized to perform:"],
        advice: &["AWS restricts the account, often a new one, or an offer it has no part in; no policy or quota of yours lifts that.", "Open a support case of type account, or ask the AWS account team; the reply takes days, so plan for another model meanwhile."],
        reference: ACCESS,
        example: Example { code: Some("ValidationException"), message: "Error 002: Access to Bedrock models is not allowed for this account" }, ..Rule::NONE },
    Rule { id: "model-not-granted", cause: Cause::NotGranted,
        says: &[&["don't have access to the model"], &["do not have access to the model"], &["dont have access to the model"], &["doesn't have access to the model"], &["does not have access to the model"], &["no access to the model"], &["model access is not enabled"], &["not been granted access"], &["access denied when calling bedrock"], &["don't have access to this model"], &["do not have access to this model"], &["request access to the model"], &["access to the model", "has not been enabled"], &["model access has not been enabled"], &["not enabled in this account"], &["model is not enabled"]],
        advice: &["The account has not got this model in this Region yet: for third-party models the first call subscribes in the background, if the caller has AWS Marketplace rights, within 15 minutes.",
            "Check each step: use-case form (Anthropic), AWS Marketplace subscription, payment method, and IAM for the exact model or profile."],
        reference: ACCESS,
        example: Example { code: Some("AccessDeniedException"), message: "You don't have access to the model with the specified model ID." }, ..Rule::NONE },
];
