//! What stands in the way of calls of a model, from everything that was read.

use jiff::Timestamp;
use serde::Serialize;

use crate::access::least_statement;
use crate::diagnosis::Facts;
use crate::ids::Arn;
use crate::model::ModelId;
use crate::model::access::{Availability, ModelState, UseCaseForm};
use crate::model::lifecycle::Lifecycle;
use crate::operate::audit::mend::{Mend, agreement, raise, use_case_form};
use crate::operate::audit::reads::{AuditReads, AuditRequest, AuditedQuota};
use crate::permission::{PolicyLayer, PolicyVerdict, Ruling};
use crate::quota::{Limit, Quota, Verdict, unit};
use crate::text::{Safe, number};
use crate::wire_enum::wire_enum;

wire_enum! {
    /// What was found.
    pub enum AuditKind {
        /// The Region does not offer the id.
        NotOffered = "not-offered",
        /// Anthropic's use-case form is missing.
        UseCaseForm = "use-case-form",
        /// The agreement with the provider is not in force.
        Agreement = "agreement",
        /// The account is not authorized for the model.
        NotAuthorized = "not-authorized",
        /// The model is legacy, or its end is near.
        Ending = "ending",
        /// The catalogue does not know which quota counts the calls.
        QuotaUnknown = "quota-unknown",
        /// The applied value is 0: every call is throttled.
        QuotaIsZero = "quota-is-zero",
        /// The applied value is below AWS's default.
        QuotaBelowDefault = "quota-below-default",
        /// The applied value is below that of the account to compare with.
        QuotaBelowReference = "quota-below-reference",
        /// A policy denies a resource that the call needs.
        Denied = "denied",
        /// IAM's policy simulator cannot decide.
        Undetermined = "undetermined",
    }
}

/// One obstacle, and what removes it.
#[derive(Clone, Debug, Serialize)]
pub struct AuditFinding {
    /// What was found.
    pub kind: AuditKind,
    /// Whether calls fail because of it, or will fail.
    pub blocks: bool,
    /// The finding in a sentence or two.
    pub text: String,
    /// What removes it; empty if nobody in the account can.
    pub mend: Vec<Mend>,
}

impl AuditFinding {
    fn new(kind: AuditKind, blocks: bool, text: impl Into<String>, mend: Vec<Mend>) -> Self {
        Self { kind, blocks, text: text.into(), mend }
    }
}

/// Everything that was found about `model`, what blocks calls first.
pub(super) fn findings(
    model: &ModelId,
    request: &AuditRequest<'_>,
    reads: &AuditReads,
    now: Timestamp,
) -> Vec<AuditFinding> {
    let mut found = Vec::new();
    if matches!(reads.is_offered, Ok(false)) {
        found.push(not_offered(model, request));
    }
    if let Ok(Some(state)) = &reads.state {
        found.extend(of_access(model, request, state, reads.offers.as_ref().ok().copied().flatten()));
        found.extend(of_life(state, now));
    }
    for quota in &reads.quotas {
        found.extend(of_quota(request, quota));
    }
    if reads.quotas.iter().all(|quota| quota.found.verdict != Verdict::Matched) {
        let reason = reads.quotas.first().map(|quota| quota.found.reason.clone()).unwrap_or_default();
        let mend = vec![Mend::command(
            "aws service-quotas list-service-quotas --service-code bedrock --output json > quotas.json && bedrock-remediator catalog import quotas.json",
        )];
        found.push(AuditFinding::new(AuditKind::QuotaUnknown, false, format!("{reason}."), mend));
    }
    if let Ok(Some(rulings)) = &reads.rulings {
        found.extend(of_rulings(model, request, rulings));
    }
    found.sort_by_key(|finding| !finding.blocks);
    found
}

fn not_offered(model: &ModelId, request: &AuditRequest<'_>) -> AuditFinding {
    let region = &request.place.region;
    AuditFinding::new(
        AuditKind::NotOffered,
        true,
        format!(
            "Bedrock does not offer `{model}` in {region}: neither as a model on demand nor as a profile."
        ),
        vec![Mend::command(format!(
            "aws bedrock list-inference-profiles --type-equals SYSTEM_DEFINED --region {region} --query \"inferenceProfileSummaries[?contains(inferenceProfileId, '{}')].inferenceProfileId\"",
            model.base()
        ))],
    )
}

/// The steps of access that Bedrock reports as missing. It is a hint, not proof.
fn of_access(
    model: &ModelId,
    request: &AuditRequest<'_>,
    state: &ModelState,
    offers: Option<usize>,
) -> Vec<AuditFinding> {
    let region = &request.place.region;
    let mut found = Vec::new();
    if state.region == Availability::NotAvailable {
        let text = format!("Bedrock reports that {region} does not have the model.");
        found.push(AuditFinding::new(AuditKind::NotOffered, true, text, Vec::new()));
    }
    if state.form == UseCaseForm::Missing {
        found.push(AuditFinding::new(
            AuditKind::UseCaseForm,
            true,
            "Anthropic's use-case form was not submitted. One form serves the whole account.",
            use_case_form(region),
        ));
    }
    let is_missing = state.agreement.is_in_force() == Some(false);
    if is_missing && offers == Some(0) {
        let text = "The provider offers this account no agreement: AWS restricts the account or the country.";
        let mend = vec![Mend::step("Contact AWS Support or AWS Sales.")];
        found.push(AuditFinding::new(AuditKind::Agreement, true, text, mend));
    } else if is_missing {
        let text = "The agreement with the model's provider is not in force.";
        found.push(AuditFinding::new(AuditKind::Agreement, true, text, agreement(model, request.place)));
    }
    if !state.authorized {
        let text = "Bedrock reports that the account is not authorized for the model.";
        let mend = vec![Mend::step("Take the other steps of access first; then contact AWS Support.")];
        found.push(AuditFinding::new(AuditKind::NotAuthorized, true, text, mend));
    }
    found
}

fn of_life(state: &ModelState, now: Timestamp) -> Option<AuditFinding> {
    let life = state.life.as_ref().ok()?.as_ref()?;
    if !life.is_ending(now) {
        return None;
    }
    let legacy =
        if life.lifecycle == Lifecycle::Legacy { "The model is legacy" } else { "The model is active" };
    let end = life.earliest_end().map_or_else(
        || "AWS names no end".to_owned(),
        |end| format!("it may end on {} at the earliest", end.strftime("%F")),
    );
    let mend = vec![Mend::step("Launch with a newer model of its family.")];
    Some(AuditFinding::new(AuditKind::Ending, false, format!("{legacy}; {end}."), mend))
}

fn of_quota(request: &AuditRequest<'_>, quota: &AuditedQuota) -> Option<AuditFinding> {
    let AuditedQuota { limit, found, applied, default } = quota;
    let known = found.quota.as_ref().filter(|_| found.verdict == Verdict::Matched)?;
    let default = default.as_ref().ok().copied().flatten().map(|default| default.value);
    let applied = applied.as_ref().ok()?.map(|applied| applied.value).or(default)?;
    let reference = request.like.get(&known.code).copied();
    let (kind, desired) = if applied <= 0.0 {
        (AuditKind::QuotaIsZero, reference.or(default.filter(|default| *default > 0.0)))
    } else if let Some(reference) = reference.filter(|reference| applied < *reference) {
        (AuditKind::QuotaBelowReference, Some(reference))
    } else if let Some(default) = default.filter(|default| applied < *default) {
        (AuditKind::QuotaBelowDefault, Some(default))
    } else {
        return None;
    };
    let text = quota_text(known, *limit, applied, reference, default);
    let mend = match desired {
        Some(desired) => raise(known, desired, default, request.place),
        None => vec![Mend::step("Open a support case with the value that the launch needs.")],
    };
    Some(AuditFinding::new(kind, kind == AuditKind::QuotaIsZero, text, mend))
}

fn quota_text(
    quota: &Quota,
    limit: Limit,
    applied: f64,
    reference: Option<f64>,
    default: Option<f64>,
) -> String {
    let or_unknown = |value: Option<f64>| value.map_or_else(|| "unknown".to_owned(), number);
    let like = reference.map(|value| format!(", the account to compare with has {}", number(value)));
    format!(
        "`{}` ({}) is {} {}. AWS's default is {}{}.",
        quota.name,
        quota.code,
        number(applied),
        unit(limit),
        or_unknown(default),
        like.unwrap_or_default()
    )
}

/// What IAM's policy simulator denies or cannot decide.
fn of_rulings(model: &ModelId, request: &AuditRequest<'_>, rulings: &[Ruling]) -> Vec<AuditFinding> {
    let of = |fits: &dyn Fn(&Ruling) -> bool| -> Vec<&str> {
        rulings.iter().filter(|ruling| fits(ruling)).map(|ruling| ruling.resource.as_str()).collect()
    };
    let is_organizations = |ruling: &Ruling| ruling.layer == Some(PolicyLayer::Organization);
    let is_denied =
        |ruling: &Ruling| matches!(ruling.verdict, PolicyVerdict::ImplicitDeny | PolicyVerdict::ExplicitDeny);
    let mut found = Vec::new();
    let organizations = of(&is_organizations);
    if !organizations.is_empty() {
        let regions = regions(&organizations);
        found.push(AuditFinding::new(
            AuditKind::Denied,
            true,
            format!("A service control policy denies the call in: {regions}."),
            vec![Mend::policy(format!(
                "\"Condition\": {{\n  \"ArnNotLike\": {{\n    \"bedrock:InferenceProfileArn\": \"arn:aws:bedrock:*:*:inference-profile/{model}\"\n  }}\n}}"
            )), Mend::step("The organization's administrators add this condition to the statement that denies these Regions.")],
        ));
    }
    let own = of(&|ruling| is_denied(ruling) && !is_organizations(ruling));
    if !own.is_empty() {
        let action = Some(Safe::ours("bedrock:InvokeModel"));
        let facts = Facts { action, ..Facts::default() };
        let statement = least_statement(Some(model), Some(request.place), &facts);
        let mend = statement.map(Mend::policy).into_iter().collect();
        let text =
            format!("The caller's policies or its permissions boundary do not allow: {}.", own.join(", "));
        found.push(AuditFinding::new(AuditKind::Denied, true, text, mend));
    }
    let open = of(&|ruling| ruling.verdict == PolicyVerdict::Undetermined);
    if !open.is_empty() {
        let text = format!("IAM's policy simulator cannot decide about: {}.", open.join(", "));
        found.push(AuditFinding::new(AuditKind::Undetermined, false, text, Vec::new()));
    }
    found
}

/// The Regions of `arns`. A global profile has one without.
fn regions(arns: &[&str]) -> String {
    let named = arns.iter().filter_map(|arn| Arn::parse(arn)).map(|arn| match arn.region {
        "" => "no Region (a global profile)".to_owned(),
        region => region.to_owned(),
    });
    let mut named: Vec<String> = named.collect();
    named.sort_unstable();
    named.dedup();
    named.join(", ")
}
