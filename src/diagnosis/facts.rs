//! What an error text says besides its cause: names, Regions, numbers.
//!
//! Invariant: A fact is copied from the text only in a shape that cannot hold prose, so no prompt is copied. Every text
//! in it is a [`Safe`].

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::diagnosis::cause::{Category, Cause};
use crate::diagnosis::find;
use crate::diagnosis::phrases::{INDEX, vocabulary};
use crate::diagnosis::plain::{ErrorText, LONGEST, Plain};
use crate::ids::{QuotaService, Region};
use crate::model::ModelId;
use crate::original::Original;
use crate::quota::Variant;
use crate::quota::feature::{self, FeatureQuota, LimitKind};
use crate::text::{Safe, cut};

/// The kind of policy that denied a call, as AWS's access-denied messages name it.
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

/// Which calls a limit counts, if the text says so.
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

/// The facts of one error. A field is `None` if the text does not say it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Facts {
    /// The error code, in its original spelling.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Safe>,
    /// The HTTP status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The API operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<Safe>,
    /// Who answered, if it was not Bedrock: another AWS service, a provider, a gateway, an agent or the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered_by: Option<Safe>,
    /// The quotas that the error may be about, if it is about none of model inference, as ids of the rows of
    /// [`FeatureQuota`]. Several mean that the error does not say which.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub quotas: Vec<Safe>,
    /// The service tier that the text names: `priority`, `default`, `flex` or `reserved`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_tier: Option<Safe>,
    /// The way of calling that the limit counts, for a quota error: where it was read, in the call's parameters, the
    /// endpoint or the text. `None` if nothing says it, which does not mean the standard way.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "known")]
    pub variant: Option<Variant>,
    /// The model; an ARN is reduced to its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_id: Option<ModelId>,
    /// Ids that were called but name no model here, newest last. At most [`EXAMPLES`] of those counted in one incident.
    /// In an incident that counts many different errors: models that some of them name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub model_ids: Vec<ModelId>,
    /// In an incident of the whole account: the models whose calls failed, first ones first. At most [`MODELS`], and in
    /// a notice at most [`SHOWN`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<ModelId>,
    /// In a notice, the number of models in `models` before it was cut; `None` elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_count: Option<usize>,
    /// What an incident of many different errors counts; `None` for any other incident.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub many: Option<Many>,
    /// The Region that the text names: in an endpoint, in an ARN, or as a word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// The denied IAM action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<Safe>,
    /// The ARN of the resource on which it was denied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<Safe>,
    /// The ARN of the denied principal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<Safe>,
    /// The kind of policy that denied the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyKind>,
    /// The ARN of the policy that denied the call, if AWS names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_arn: Option<Safe>,
    /// Whether the call was explicitly denied, rather than not allowed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub explicit_deny: bool,
    /// The value that the caller requested, in the limit's unit. For a quota error: the output tokens that the call
    /// reserved at admission.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested: Option<u64>,
    /// The limit: the highest or lowest allowed value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// The path of the refused request field, in names of Bedrock's request schemas;
    /// [`UNNAMED_FIELD`](crate::diagnosis::UNNAMED_FIELD) if the text names another field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<Safe>,
    /// The metric that an alarm watches, if only the alarm reported the problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<Safe>,
    /// Why CloudWatch could not name the models behind an alarm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub models_unread: Option<Safe>,
    /// Which calls the limit counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<LimitScope>,
    /// For an error that no rule matches: the words of the rules' phrases in its text, sorted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<Safe>,
    /// For an error that no rule matches: the first 16 hexadecimal digits of the SHA-256 of its text, which distinguish
    /// it from other texts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_hash: Option<Safe>,
    /// For an error that no rule matches: where its text can be read, with the permission to do so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original: Option<Original>,
    /// Whether it came from an application's log, which anybody with write access can forge.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub forgeable: bool,
}

/// Many different errors of one sender, counted in one incident.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Many {
    /// The least number of separate incidents they would have been.
    pub kinds: u64,
    /// Their causes, most frequent first; at most [`EXAMPLES`].
    pub causes: Vec<Safe>,
}

/// The most examples kept of what is counted together.
pub const EXAMPLES: usize = 5;
/// The most models kept for an incident of the whole account. A Region offers fewer.
pub const MODELS: usize = 300;
/// The most of these models that a notice names.
pub const SHOWN: usize = 16;

/// The name of the service whose quotas are not Bedrock's own.
const AGENT_CORE: &str = "Amazon Bedrock AgentCore";

impl Facts {
    /// The facts of calls of `AgentCore` that its `metric` counts: of one `operation`, if the alarm names it.
    pub(crate) fn of_agent_core(
        metric: &'static str,
        kind: Option<LimitKind>,
        operation: Option<&str>,
    ) -> Self {
        let rows = kind.map(|kind| feature::of_error(kind, operation, "")).unwrap_or_default();
        Self {
            metric: Some(Safe::from(metric)),
            operation: operation.and_then(Safe::name),
            quotas: rows
                .iter()
                .filter(|row| row.service == QuotaService::AgentCore)
                .map(|row| Safe::from(row.id))
                .collect(),
            answered_by: Some(Safe::from(AGENT_CORE)),
            ..Self::default()
        }
    }

    /// Names `AgentCore` as who answered if the error is about a quota of it.
    pub(super) fn name_agent_core(&mut self) {
        if self.feature_quotas().iter().any(|quota| quota.service == QuotaService::AgentCore) {
            self.answered_by = Some(Safe::from(AGENT_CORE));
        }
    }

    /// The rows of [`Facts::quotas`] that this version knows.
    pub(crate) fn feature_quotas(&self) -> Vec<&'static FeatureQuota> {
        self.quotas.iter().filter_map(|id| feature::row(id)).collect()
    }

    /// Whether AWS Health announced it. The code is then the type of its event.
    /// See <https://docs.aws.amazon.com/health/latest/ug/aws-health-concepts-and-terms.html>.
    pub(crate) fn is_announced(&self) -> bool {
        self.code.as_ref().is_some_and(|code| code.starts_with("AWS_"))
    }

    /// Whether the error is known to be of the bedrock-mantle endpoint, which has metrics and quotas of its own.
    pub(crate) fn is_of_mantle(&self) -> bool {
        self.variant == Some(Variant::Mantle) || self.operation.as_deref() == Some("CreateInference")
    }

    /// Whether Amazon Bedrock `AgentCore` answered, whose quotas are those of another service.
    pub(crate) fn is_of_agent_core(&self) -> bool {
        self.answered_by.as_deref() == Some(AGENT_CORE)
    }

    /// Adds `later` ids without duplicates.
    pub(crate) fn add_model_ids(&mut self, later: &[ModelId]) {
        for id in later {
            self.model_ids.retain(|known| known != id);
            self.model_ids.push(id.clone());
        }
        self.model_ids.drain(..self.model_ids.len().saturating_sub(EXAMPLES));
    }

    /// Adds `later` models to an incident of the whole account.
    pub(crate) fn add_models(&mut self, later: &[ModelId]) {
        for model in later {
            if self.models.len() < MODELS && !self.models.contains(model) {
                self.models.push(model.clone());
            }
        }
    }

    /// Replaces the facts of an earlier error of the same incident with `later`, but keeps the earlier ids and models.
    pub(crate) fn replace_by(&mut self, later: Self) {
        let before = std::mem::replace(self, later);
        let later = (std::mem::take(&mut self.model_ids), std::mem::take(&mut self.models));
        (self.model_ids, self.models) = (before.model_ids, before.models);
        self.add_model_ids(&later.0);
        self.add_models(&later.1);
    }

    /// The facts for a notice, which names at most [`SHOWN`] models and gives their number.
    #[must_use]
    pub(crate) fn shown(&self) -> Self {
        let mut shown = self.clone();
        shown.model_count = Some(shown.models.len()).filter(|count| *count > 0);
        shown.models.truncate(SHOWN);
        shown
    }

    /// Adds the examples that a later delivery contributes to the same incident.
    pub(crate) fn add_examples(&mut self, later: &Self) {
        self.add_model_ids(&later.model_ids);
        self.add_models(&later.models);
        let (Some(many), Some(later)) = (&mut self.many, &later.many) else { return };
        many.kinds = many.kinds.max(later.kinds);
        let new: Vec<Safe> = later.causes.iter().filter(|c| !many.causes.contains(c)).cloned().collect();
        many.causes.extend(new);
        many.causes.truncate(EXAMPLES);
    }
}

/// Extracts the facts of `error`, whose cause is `cause`. `is_known`: whether a rule matched.
pub(super) fn extract(cause: Cause, is_known: bool, error: &ErrorText<'_>, plain: &Plain) -> Facts {
    let raw = cut(error.message, LONGEST);
    let arns = find::arns(raw);
    let mut facts = Facts {
        code: code(raw, error, plain),
        status: plain.status,
        operation: plain.operation.as_deref().and_then(operation),
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
            facts.service_tier = tier(&plain.message);
        }
        Category::Quota => {
            facts.scope = scope(&plain.message);
            facts.quotas = quotas(cause, plain);
            facts.variant = variant(&plain.message);
        }
        _ => {}
    }
    if !is_known && !raw.is_empty() {
        facts.words = vocabulary(&plain.message).into_iter().map(Safe::ours).collect();
        facts.text_hash = Some(Safe::from(crate::ids::short_hash(error.message)));
    }
    facts
}

/// The rows of quotas that the error may mean, unless it is about a model's inference.
fn quotas(cause: Cause, plain: &Plain) -> Vec<Safe> {
    let kind = match cause {
        Cause::RequestsPerMinute | Cause::RateUnspecified => LimitKind::Rate,
        Cause::ResourceLimit => LimitKind::Number,
        _ => return Vec::new(),
    };
    let rows = feature::of_error(kind, plain.operation.as_deref(), &plain.message);
    rows.into_iter().map(|row| Safe::from(row.id)).collect()
}

/// An operation's name, or the kind of a job event, which consists of a few fixed words.
fn operation(text: &str) -> Option<Safe> {
    #[rustfmt::skip]
    const OF_JOBS: &[&str] = &[
        "Advanced", "Automation", "Batch", "Bedrock", "Change", "Client", "Copy", "Customization", "Data", "Error",
        "Evaluation", "Expired", "Failed", "Import", "Inference", "Job", "Model", "Optimization", "PartiallyCompleted",
        "Prompt", "Service", "State", "With",
    ];
    let is_job = text.contains(' ') && text.split(' ').all(|w| OF_JOBS.contains(&w.trim_end_matches(':')));
    if is_job { Some(Safe::line(text, 80)) } else { Safe::code(text) }
}

/// The code in its original spelling.
fn code(raw: &str, error: &ErrorText<'_>, plain: &Plain) -> Option<Safe> {
    let lower = plain.codes.last()?;
    let spelled = match error.code {
        Some(code) => find::word(code, lower),
        None => find::word(raw, lower),
    };
    Safe::code(spelled.unwrap_or(lower))
}

/// The service tier, in a message about tiers.
fn tier(message: &str) -> Option<Safe> {
    const TIERS: [&str; 4] = ["priority", "default", "flex", "reserved"];
    let is_about_tiers =
        ["service tier", "service_tier", "servicetier"].iter().any(|words| message.contains(words));
    let mut words = message.split(|c: char| !c.is_ascii_alphabetic());
    let named = words.find_map(|word| TIERS.into_iter().find(|tier| *tier == word));
    named.filter(|_| is_about_tiers).map(Safe::from)
}

/// The way of calling that a plain message names.
fn variant(message: &str) -> Option<Variant> {
    const SAID: &[(&str, Variant)] = &[
        ("bedrock-mantle", Variant::Mantle),
        ("latency-optimized", Variant::LatencyOptimized),
        ("latency optimized", Variant::LatencyOptimized),
        ("1m context", Variant::LongContext),
        ("context-1m-", Variant::LongContext),
    ];
    SAID.iter().find(|(words, _)| message.contains(words)).map(|(_, variant)| *variant)
}

/// A variant in a stored item; `None` for one that a newer version wrote.
fn known<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Variant>, D::Error> {
    let word = Option::<std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
    Ok(word.and_then(|word| Variant::parse(&word)))
}

fn scope(message: &str) -> Option<LimitScope> {
    const SAID: &[(&str, LimitScope)] = &[
        ("global cross-region", LimitScope::Global),
        ("cross-region", LimitScope::CrossRegion),
        ("on-demand model inference", LimitScope::OnDemand),
    ];
    SAID.iter().find(|(words, _)| message.contains(words)).map(|(_, scope)| *scope)
}

/// Whether the message of `plain` contains `phrase`, which must be one of the table's.
fn says(plain: &Plain, phrase: &'static str) -> bool {
    INDEX.says(&plain.phrases, phrase)
}

fn denial(cause: Cause, raw: &str, arns: &[find::FoundArn<'_>], plain: &Plain, facts: &mut Facts) {
    facts.action = find::action(raw);
    facts.principal = find::principal(arns);
    facts.resource = find::resource(arns);
    facts.policy_arn = find::policy(arns);
    facts.explicit_deny = says(plain, "explicit deny");
    facts.policy = match cause {
        Cause::ServiceControlPolicy if says(plain, "resource control policy") => {
            Some(PolicyKind::ResourceControl)
        }
        Cause::ServiceControlPolicy => Some(PolicyKind::ServiceControl),
        Cause::PermissionsBoundary => Some(PolicyKind::PermissionsBoundary),
        Cause::SessionPolicy => Some(PolicyKind::Session),
        Cause::ResourcePolicy if says(plain, "vpc endpoint policy") => Some(PolicyKind::VpcEndpoint),
        Cause::ResourcePolicy => Some(PolicyKind::ResourceBased),
        Cause::IdentityPolicy => Some(PolicyKind::IdentityBased),
        Cause::ExplicitDeny => says(plain, "identity-based policy").then_some(PolicyKind::IdentityBased),
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
    fn the_service_tier_is_told_where_the_text_is_about_tiers() {
        let f = facts("ValidationException: The service tier 'flex' is not supported for this model");
        assert_eq!(f.service_tier.as_deref(), Some("flex"));
        assert_eq!(facts("temperature: leave the default").service_tier, None);
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
