//! Answers of other AWS services, though the wording is similar.

use crate::diagnosis::cause::Cause;
use crate::diagnosis::rule::{Example, Rule};
use crate::diagnosis::rules::conditions::{may_be_elsewhere, of_another_service};
use crate::diagnosis::rules::pages::{ERRORS, IAM_DENIED, SERVICE_QUOTAS};

#[rustfmt::skip]
pub(super) const ROWS: &[Rule] = &[
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
    Rule { id: "agent-runtime-failed", cause: Cause::Unrelated, answered_by: Some("the agent's own code, in AgentCore"),
        says: &[&["received error (", "from runtime"]],
        advice: &["The agent's own code answered with an error: its logs in CloudWatch say why."],
        reference: "https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/runtime-troubleshooting.html",
        example: Example { code: Some("RuntimeClientError"), message: "Received error (500) from runtime. Please check your CloudWatch logs for more information." }, ..Rule::NONE },
    Rule { id: "words-of-another-service", cause: Cause::Unrelated, answered_by: Some("another AWS service"),
        says: &[&["querytext"], &["ramp up your traffic gradually"], &["ciphertext refers to"], &["access to kms is not allowed"], &["provided key element does not match the schema"]],
        unless: &["bedrock"],
        when: Some(may_be_elsewhere),
        advice: &["The sentence is one of Amazon DynamoDB, Amazon Kendra, Amazon Textract, AWS KMS or AWS Secrets Manager, not of Bedrock: its own limits and policies apply."],
        reference: ERRORS,
        example: Example { code: Some("ThrottlingException"), message: "Slow down; sudden increase in rate of requests. Please ramp up your traffic gradually." }, ..Rule::NONE },
    Rule { id: "vector-store", cause: Cause::Unrelated, answered_by: Some("the vector store of a knowledge base"),
        says: &[&["knowledge base", "storage configuration"]],
        advice: &["The vector store of the knowledge base is not as Bedrock needs it: its index, its engine, its fields and its access policy."],
        reference: "https://docs.aws.amazon.com/bedrock/latest/userguide/knowledge-base-setup.html",
        example: Example { code: Some("ValidationException"), message: "The knowledge base storage configuration provided is invalid" }, ..Rule::NONE },
    Rule { id: "another-aws-service", cause: Cause::Unrelated,
        when: Some(of_another_service),
        advice: &["Another AWS service answered this call, not Bedrock: its own quotas, policies and limits apply."],
        reference: ERRORS,
        example: Example { code: None, message: "An error occurred (ThrottlingException) when calling the DescribeLogGroups operation: Rate exceeded" }, ..Rule::NONE },
];
