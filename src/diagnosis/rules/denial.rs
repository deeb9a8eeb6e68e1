//! Denials by IAM and other policies.

use crate::diagnosis::cause::Cause;
use crate::diagnosis::rule::{Example, Rule};
use crate::diagnosis::rules::conditions::of_aws;
use crate::diagnosis::rules::pages::{
    BOUNDARIES, ENDPOINT_POLICIES, IAM_BEDROCK, IAM_DENIED, NEVER_WORK_ROUND, SCPS,
};

#[rustfmt::skip]
pub(super) const ROWS: &[Rule] = &[
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
        says: &[&["failed to validate permissions"], &["role validation failed"], &["could not validate", "permissions"], &["not authorized to perform"], &["isn't authorized to perform"], &["not authorised to perform"], &["is not authorized to call"], &["not authorized to invoke"], &["not authorized to access"], &["access denied while"], &["role requires permissions"], &["unable to assume", "role"], &["cannot assume role"]],
        advice: &["The denial does not say which policy: look at the role's policies, its boundary, the organization's policies and the VPC endpoint, in this order."],
        reference: IAM_DENIED,
        example: Example { code: Some("AccessDeniedException"), message: "User is not authorized to perform: bedrock:InvokeModel" }, ..Rule::NONE },
    Rule { id: "lacks-permission", cause: Cause::IamUnspecified,
        says: &[&["does not have permissions to"], &["does not have permission to"], &["doesn't have permission"], &["do not have sufficient permissions"]],
        when: Some(of_aws),
        advice: &["The denial does not say which policy: look at the role's policies, its boundary, the organization's policies and the VPC endpoint, in this order."],
        reference: IAM_DENIED,
        example: Example { code: Some("AccessDeniedException"), message: "The role does not have permissions to call this operation" }, ..Rule::NONE },
];
