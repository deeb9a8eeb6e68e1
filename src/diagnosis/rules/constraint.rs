//! Validation errors in AWS's own form: "Value at 'path' failed to satisfy constraint".
//!
//! Invariant: The member at the path decides. The words of the constraint may be anybody's.

use crate::diagnosis::cause::Cause;
use crate::diagnosis::rule::{Example, Rule};
use crate::diagnosis::rules::conditions::{about_guardrail, about_media, about_messages, about_parameter};
use crate::diagnosis::rules::pages::{CONVERSE, ENFORCED_GUARDRAIL, GUARDRAILS, MODELS, PARAMETERS};

const FAILED: &[&[&str]] = &[&["failed to satisfy"]];

#[rustfmt::skip]
pub(super) const ROWS: &[Rule] = &[
    Rule { id: "constraint-on-model-id", cause: Cause::InvalidIdentifier,
        says: &[&["validation error detected: value 'arn:aws:bedrock"], &["validation error detected: value 'arn:aws-us-gov:bedrock"], &["at 'modelid' failed to satisfy"], &["modelarn' failed to satisfy"], &["modelidentifier' failed to satisfy"], &["foundationmodel' failed to satisfy"]],
        advice: &["The id does not have the form of a model id, a profile id or an ARN of Bedrock: compare it with `aws bedrock list-foundation-models` and `aws bedrock list-inference-profiles`."],
        reference: MODELS,
        example: Example { code: Some("ValidationException"), message: "1 validation error detected: Value 'a b' at 'modelId' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-z]+" }, ..Rule::NONE },
    Rule { id: "constraint-on-media", cause: Cause::Media,
        says: FAILED, when: Some(about_media),
        advice: &["Send an image, document or video in one of the formats and sizes that the message names."],
        reference: CONVERSE,
        example: Example { code: Some("ValidationException"), message: "1 validation error detected: Value at 'messages.1.member.content.2.member.image.format' failed to satisfy constraint: Member must satisfy enum value set: [png, jpeg, gif, webp]" }, ..Rule::NONE },
    Rule { id: "constraint-on-messages", cause: Cause::Messages,
        says: FAILED, when: Some(about_messages),
        advice: &["Correct the message that the path names: its role is `user` or `assistant`, and its content follows the Converse API."],
        reference: CONVERSE,
        example: Example { code: Some("ValidationException"), message: "1 validation error detected: Value 'system' at 'messages.1.member.role' failed to satisfy constraint: Member must satisfy enum value set: [user, assistant]" }, ..Rule::NONE },
    Rule { id: "constraint-on-guardrail", cause: Cause::Guardrail,
        says: FAILED, when: Some(about_guardrail),
        advice: &["Correct the guardrail's member that the path names.", ENFORCED_GUARDRAIL],
        reference: GUARDRAILS,
        example: Example { code: Some("ValidationException"), message: "1 validation error detected: Value at 'guardrailConfig.guardrailVersion' failed to satisfy constraint: Member must satisfy regular expression pattern: (([1-9][0-9]{0,7})|(DRAFT))" }, ..Rule::NONE },
    Rule { id: "constraint-on-parameter", cause: Cause::Parameter,
        says: FAILED, when: Some(about_parameter),
        advice: &["Change the parameter that the path names to a value that the message allows."],
        reference: PARAMETERS,
        example: Example { code: Some("ValidationException"), message: "1 validation error detected: Value '2.0' at 'inferenceConfig.temperature' failed to satisfy constraint: Member must have value less than or equal to 1" }, ..Rule::NONE },
];
