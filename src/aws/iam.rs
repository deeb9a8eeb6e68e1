//! Runs IAM's policy simulator.
//!
//! Invariant: What the simulator cannot know is undetermined, never allowed.
//! See <https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html>.

use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum, EvaluationResult, PolicyEvaluationDecisionType};
use futures_util::future::join_all;

use crate::aws::clients::Aws;
use crate::aws::error;
use crate::error::{ServiceError, ServiceResult};
use crate::iam_action::IamAction;
use crate::ids::{AccountRegion, Arn};
use crate::permission::{Needed, PolicyLayer, PolicyVerdict, Ruling};
use crate::ports::Permissions;

impl Permissions for Aws {
    /// Looks the role up first: the simulator needs the role's path, which the caller's ARN does not have.
    async fn simulate(
        &self,
        place: &AccountRegion,
        caller: &str,
        action: &str,
        needed: &[Needed],
    ) -> ServiceResult<Option<Vec<Ruling>>> {
        let iam = &self.at(place).await?.iam;
        let role = Arn::parse(caller).and_then(|arn| arn.resource.strip_prefix("role/"));
        let source = match role {
            None => caller.to_owned(),
            Some(role) => {
                let role = role.rsplit('/').next().unwrap_or(role);
                let found =
                    error::of_lookup(IamAction::GetRole, iam.get_role().role_name(role).send().await)?;
                match found.and_then(|answer| answer.role) {
                    Some(role) => role.arn,
                    None => return Ok(None),
                }
            }
        };
        let asked = needed.iter().map(|needed| {
            let call = iam
                .simulate_principal_policy()
                .policy_source_arn(&source)
                .action_names(action)
                .resource_arns(&needed.arn)
                .set_context_entries(Some(context(needed)));
            async move {
                let Some(answer) = error::of_lookup(IamAction::SimulatePrincipalPolicy, call.send().await)?
                else {
                    return Ok(None);
                };
                let result = answer.evaluation_results().first();
                let result = result.ok_or_else(|| ServiceError::invalid("IAM decided nothing"))?;
                Ok(Some(ruling(needed, result)))
            }
        });
        join_all(asked).await.into_iter().collect()
    }
}

fn context(needed: &Needed) -> Vec<ContextEntry> {
    let entry = |name: &str, kind, value: &str| {
        ContextEntry::builder()
            .context_key_name(name)
            .context_key_type(kind)
            .context_key_values(value)
            .build()
    };
    let profile = needed.profile.iter();
    let region = entry("aws:RequestedRegion", ContextKeyTypeEnum::String, &needed.requested_region);
    // The SDK has no ARN type; conditions on ARNs take strings.
    let profile = profile.map(|p| entry("bedrock:InferenceProfileArn", ContextKeyTypeEnum::String, p));
    std::iter::once(region).chain(profile).collect()
}

/// The simulator's decision as a verdict.
pub(crate) fn verdict(decision: &PolicyEvaluationDecisionType) -> PolicyVerdict {
    match decision {
        PolicyEvaluationDecisionType::Allowed => PolicyVerdict::Allowed,
        PolicyEvaluationDecisionType::ExplicitDeny => PolicyVerdict::ExplicitDeny,
        PolicyEvaluationDecisionType::ImplicitDeny => PolicyVerdict::ImplicitDeny,
        _ => PolicyVerdict::Undetermined,
    }
}

fn ruling(needed: &Needed, result: &EvaluationResult) -> Ruling {
    // A named resource's own result is more precise than the overall result.
    let own = result.resource_specific_results().iter().find(|r| r.eval_resource_name == needed.arn);
    let decision = own.map_or(&result.eval_decision, |r| &r.eval_resource_decision);
    let mut missing: Vec<String> = result.missing_context_values().to_vec();
    missing.extend(own.iter().flat_map(|r| r.missing_context_values().iter().cloned()));
    missing.sort_unstable();
    missing.dedup();
    let boundary = own
        .and_then(|r| r.permissions_boundary_decision_detail())
        .or_else(|| result.permissions_boundary_decision_detail());
    let layer = if result.organizations_decision_detail().is_some_and(|d| !d.allowed_by_organizations) {
        Some(PolicyLayer::Organization)
    } else if boundary.is_some_and(|d| !d.allowed_by_permissions_boundary) {
        Some(PolicyLayer::PermissionsBoundary)
    } else {
        None
    };
    let verdict = match verdict(decision) {
        // An explicit deny stands even if context is missing.
        PolicyVerdict::ExplicitDeny => PolicyVerdict::ExplicitDeny,
        _ if !missing.is_empty() => PolicyVerdict::Undetermined,
        decided => decided,
    };
    Ruling {
        resource: needed.arn.clone(),
        layer: layer.filter(|_| verdict != PolicyVerdict::Allowed),
        verdict,
        missing_context: missing,
    }
}
