//! What an error text tells beside its cause: names, places, numbers.
//!
//! One law: a fact is copied out of the text, and only in a shape that carries no prose, so that no
//! prompt can travel in it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cause::{Category, Cause};
use super::find;
use super::text::{ErrorText, LONGEST, Plain, cut};
use crate::ids::Region;
use crate::model::ModelId;

/// Which kind of policy refused a call, as AWS's access-denied messages name it.
/// See <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum PolicyKind {
    IdentityBased,
    ResourceBased,
    PermissionsBoundary,
    Session,
    ServiceControl,
    ResourceControl,
    VpcEndpoint,
}

/// Whose calls a limit counts, where a text says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LimitScope {
    /// On-demand inference in one Region.
    OnDemand,
    /// Geographic cross-Region inference.
    CrossRegion,
    /// Global cross-Region inference.
    Global,
}

/// Facts of one error. Each is `None` when the text does not tell it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// The error code, as it was spelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The HTTP status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The API operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The model, its ARN stripped to the id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_id: Option<ModelId>,
    /// The Region the text names: of an endpoint, an ARN, or by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// The IAM action that was denied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// The ARN on which it was denied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The ARN of who was denied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// Which kind of policy denied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyKind>,
    /// The ARN of the policy that denied, where AWS names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_arn: Option<String>,
    /// Whether the denial was an explicit deny rather than the lack of an allow.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub explicit_deny: bool,
    /// What the caller asked for, in the limit's unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested: Option<u64>,
    /// What is allowed at most, or at least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// The field of the request that was refused, as a path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The metric that an alarm watched, where nothing but the alarm told of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// Why CloudWatch did not tell which models an alarm is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub models_unread: Option<String>,
    /// Whose calls the limit counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<LimitScope>,
}

/// Facts of `error`, whose cause is `cause`.
pub(super) fn extract(cause: Cause, error: &ErrorText<'_>, plain: &Plain) -> Facts {
    let raw = cut(error.message, LONGEST);
    let arns = find::arns(raw);
    let mut facts = Facts {
        code: code(raw, error, plain),
        status: plain.status,
        operation: plain.operation.clone(),
        model_id: find::model(raw, &arns),
        region: find::region(raw),
        ..Facts::default()
    };
    match cause.category() {
        Category::Permission => denial(cause, raw, &arns, plain, &mut facts),
        Category::ModelAccess => {
            facts.action = find::action(raw);
            facts.principal = find::principal(&arns);
        }
        Category::Request | Category::ModelId => {
            (facts.requested, facts.limit) = find::numbers(&plain.message, &plain.numbers);
            facts.field = find::field(raw);
        }
        Category::Quota => facts.scope = scope(&plain.message),
        _ => {}
    }
    facts
}

/// The code as it was spelled.
fn code(raw: &str, error: &ErrorText<'_>, plain: &Plain) -> Option<String> {
    let lower = plain.codes.last()?;
    let spelled = match error.code {
        Some(code) => find::word(code, lower),
        None => find::word(raw, lower),
    };
    Some(cut(spelled.unwrap_or(lower), 80).to_owned())
}

fn scope(message: &str) -> Option<LimitScope> {
    const SAID: &[(&str, LimitScope)] = &[
        ("global cross-region", LimitScope::Global),
        ("cross-region", LimitScope::CrossRegion),
        ("on-demand model inference", LimitScope::OnDemand),
    ];
    SAID.iter().find(|(words, _)| message.contains(words)).map(|(_, scope)| *scope)
}

fn denial(cause: Cause, raw: &str, arns: &[find::FoundArn<'_>], plain: &Plain, facts: &mut Facts) {
    facts.action = find::action(raw);
    facts.principal = find::principal(arns);
    facts.resource = find::resource(arns);
    facts.policy_arn = find::policy(arns);
    facts.explicit_deny = plain.says("explicit deny");
    facts.policy = match cause {
        Cause::ServiceControlPolicy if plain.says("resource control policy") => {
            Some(PolicyKind::ResourceControl)
        }
        Cause::ServiceControlPolicy => Some(PolicyKind::ServiceControl),
        Cause::PermissionsBoundary => Some(PolicyKind::PermissionsBoundary),
        Cause::SessionPolicy => Some(PolicyKind::Session),
        Cause::ResourcePolicy if plain.says("vpc endpoint policy") => Some(PolicyKind::VpcEndpoint),
        Cause::ResourcePolicy => Some(PolicyKind::ResourceBased),
        Cause::IdentityPolicy => Some(PolicyKind::IdentityBased),
        Cause::ExplicitDeny => plain.says("identity-based policy").then_some(PolicyKind::IdentityBased),
        _ => None,
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::diagnose;

    fn facts(message: &str) -> Facts {
        diagnose(&ErrorText { message, ..ErrorText::default() }).facts
    }

    #[test]
    fn a_denial_tells_who_what_and_by_which_policy() {
        let f = facts(
            "User: arn:aws:sts::111122223333:assumed-role/app/session is not \nauthorized to perform: bedrock:InvokeModel on resource: \narn:aws:bedrock:us-east-2::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0 \nbecause no identity-based policy allows the bedrock:InvokeModel action",
        );
        assert_eq!(f.action.as_deref(), Some("bedrock:InvokeModel"));
        assert_eq!(f.principal.as_deref(), Some("arn:aws:sts::111122223333:assumed-role/app/session"));
        assert_eq!(
            f.resource.as_deref(),
            Some("arn:aws:bedrock:us-east-2::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0")
        );
        assert_eq!(f.policy, Some(PolicyKind::IdentityBased));
        assert_eq!(f.region.unwrap().as_str(), "us-east-2");
        assert_eq!(f.model_id.unwrap().as_str(), "anthropic.claude-sonnet-4-5-20250929-v1:0");
        assert!(!f.explicit_deny);
    }

    #[test]
    fn an_organizations_policy_is_named_and_is_not_the_resource() {
        let f = facts(
            r#"{\"Message\":\"User: arn:aws:sts::111122223333:assumed-role/app/s is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:bedrock:::foundation-model/amazon.nova-2-lite-v1:0 with an explicit deny in a service control policy: arn:aws:organizations::444455556666:policy/o-1/service_control_policy/p-1\"}"#,
        );
        assert_eq!(f.resource.as_deref(), Some("arn:aws:bedrock:::foundation-model/amazon.nova-2-lite-v1:0"));
        assert_eq!(
            f.policy_arn.as_deref(),
            Some("arn:aws:organizations::444455556666:policy/o-1/service_control_policy/p-1")
        );
        assert!(f.explicit_deny);
    }

    #[test]
    fn the_scope_is_told_where_the_text_names_the_quota() {
        let f = facts(
            "Too many tokens: Global cross-region model inference tokens per minute for Anthropic Claude Opus 5",
        );
        assert_eq!(f.scope, Some(LimitScope::Global));
        assert_eq!(facts("Too many tokens, please wait").scope, None);
    }
}
