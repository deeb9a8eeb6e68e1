//! Decides on an increase of a quota that is not of model inference.
//!
//! Invariant: No metric measures the use of such a quota, so an increase is filed only if the operator turned it on, if
//! AWS or an SDK reported the error as a code, and by one step.

use crate::config::{Config, Mode};
use crate::error::Gathered;
use crate::evidence::{Evidence, QuotaEvidence};
use crate::ids::{AccountRegion, QuotaService};
use crate::incident::Incident;
use crate::plan::action::{Action, Increase, Plan, Reason, Withheld, withheld};
use crate::plan::guards::{heard, model_allowed};
use crate::plan::justification;
use crate::plan::remembered::{beyond_budget, closed_unchanged, cooling_down, suspected, with_history};
use crate::plan::size::round_up;
use crate::plan::steps::increase::{by_hand, filed, look_at, open_case};
use crate::plan::steps::which_quota;
use crate::plan::withheld_increase::WithheldIncrease;
use crate::quota::record::{Need, QuotaRecord};
use crate::quota::request::{QuotaValue, TrackedRequest};
use crate::quota::{Quota, Verdict};
use crate::text::number;

/// The advice of the rules is about models.
const ADVICE: [&str; 2] = [
    "This limit is not one of a model's inference. Retry with backoff if it is a rate; if it is a number, delete what is no longer needed or let running jobs and sessions end.",
    "No metric of CloudWatch measures its use, so nothing shows how much more is needed.",
];

/// A quota of an error, with its applied value.
struct FeatureCase<'a> {
    place: &'a AccountRegion,
    quota: &'a Quota,
    value: QuotaValue,
    evidence: &'a QuotaEvidence,
}

/// Adds the decision on an increase to `plan`.
pub(super) fn decide(incident: &Incident, evidence: &Evidence, config: &Config, plan: &mut Plan) {
    let place = incident.place();
    plan.advice = ADVICE.map(str::to_owned).to_vec();
    let case = match known(incident, evidence, place.as_ref()) {
        Ok(case) => case,
        Err(refusal) => {
            plan.steps.extend(which_quota::steps(incident, place.as_ref(), &refusal));
            plan.withheld.push(refusal);
            return;
        }
    };
    let weighed = weigh(&case, incident, evidence, config);
    let desired = weighed.as_ref().map_or_else(|refusal| refusal.desired, |increase| Some(increase.desired));
    plan.justification = Some(justification(&case, incident, desired, config));
    match weighed {
        Ok(increase) => {
            plan.steps.push(filed(&increase, case.place, config));
            plan.actions.push(Action::RequestIncrease(increase));
        }
        Err(refusal) => withhold(plan, &case, *refusal),
    }
}

/// The quota and its value; or why one of them is not known.
fn known<'a>(
    incident: &Incident,
    evidence: &'a Evidence,
    place: Option<&'a AccountRegion>,
) -> Result<FeatureCase<'a>, Withheld> {
    let Some(place) = place else {
        return Err(withheld(Reason::NoEvidence, "the account or the Region of the call is not known"));
    };
    if incident.facts.quotas.is_empty() {
        let of = incident.facts.operation.as_ref().map(|name| format!(" for `{name}`")).unwrap_or_default();
        let reason = format!("no quota of AgentCore is known{of}");
        return Err(withheld(Reason::NoSuchQuota, reason));
    }
    let Some(feature) = &evidence.feature else {
        return Err(withheld(Reason::NoEvidence, "the quota of this operation was not looked up"));
    };
    let Some(quota) = &feature.found.quota else {
        if let Some(error) = evidence.listing.unread() {
            let reason = format!("the account's list of quotas could not be read: {error}");
            return Err(withheld(Reason::NoEvidence, reason));
        }
        let kind = match feature.found.verdict {
            Verdict::UnknownModel => Reason::NoModel,
            Verdict::NoSuchQuota => Reason::NoSuchQuota,
            Verdict::Ambiguous | Verdict::Matched | Verdict::UnresolvedProfile => Reason::Ambiguous,
        };
        let (reason, candidates) = (feature.found.reason.clone(), feature.found.candidates.clone());
        return Err(Withheld { kind, reason, candidates });
    };
    match &feature.applied {
        Gathered::Read(Some(value)) => Ok(FeatureCase { place, quota, value: *value, evidence: feature }),
        Gathered::Read(None) | Gathered::NotAsked => Err(withheld(
            Reason::NoSuchQuota,
            format!(
                "Service Quotas has no quota `{}` ({}) in this account and Region",
                quota.name, quota.code
            ),
        )),
        Gathered::Unread(error) => Err(withheld(
            Reason::NoEvidence,
            format!("Service Quotas could not be asked for the applied value of `{}`: {error}", quota.name),
        )),
    }
}

/// Checks every guard rail. Those that say what is known of the quota come before those that only forbid.
fn weigh(
    case: &FeatureCase<'_>,
    incident: &Incident,
    evidence: &Evidence,
    config: &Config,
) -> Result<Increase, Box<WithheldIncrease>> {
    if !case.value.adjustable {
        let reason = format!("`{}` is not adjustable; only a support case can raise it", case.quota.name);
        return Err(WithheldIncrease::of(Reason::NotAdjustable, reason).with_case());
    }
    open(case)?;
    let increase = sized(case, evidence, config)?;
    allowed(case, &increase, incident, evidence, config).map_err(|mut refusal| {
        refusal.by_hand.get_or_insert_with(|| by_hand(&increase, case.place));
        refusal.desired = Some(increase.desired);
        refusal
    })?;
    Ok(increase)
}

/// Withholds if a request is open.
fn open(case: &FeatureCase<'_>) -> Result<(), Box<WithheldIncrease>> {
    let requests = case.evidence.history.read().map(Vec::as_slice).unwrap_or_default();
    let Some(open) = requests.iter().find(|request| request.status.is_open()) else { return Ok(()) };
    let reason = format!(
        "request {} for {} is open since {}; its outcome is followed",
        open.id,
        number(open.desired),
        open.created.strftime("%F")
    );
    let mut refusal = WithheldIncrease::of(Reason::AlreadyRequested, reason);
    refusal.open = Some(open.clone());
    Err(refusal)
}

/// What the ledger and Service Quotas remember about the quota; withheld if one of them could not be read.
fn remembered(case: &FeatureCase<'_>) -> Result<QuotaRecord, Box<WithheldIncrease>> {
    let (history, record) = (&case.evidence.history, &case.evidence.record);
    if let (Gathered::Read(history), Gathered::Read(record)) = (history, record) {
        return Ok(with_history(record, history));
    }
    let error = history.unread().or_else(|| record.unread());
    let why = error.map_or_else(|| "they were not asked".to_owned(), ToString::to_string);
    let reason = format!("Service Quotas or the ledger could not be asked for earlier requests: {why}");
    Err(WithheldIncrease::of(Reason::NoEvidence, reason))
}

/// The request for one step; withheld if what decides its size could not be read, or if no step is left.
fn sized(
    case: &FeatureCase<'_>,
    evidence: &Evidence,
    config: &Config,
) -> Result<Increase, Box<WithheldIncrease>> {
    let record = remembered(case)?;
    if let Some(error) = case.evidence.default.unread() {
        let reason =
            format!("Service Quotas takes only values above AWS's default, which could not be read: {error}");
        return Err(WithheldIncrease::of(Reason::NoEvidence, reason));
    }
    let now = evidence.now;
    if let Some(suspicion) = &record.suspicion {
        return Err(suspected(suspicion).into());
    }
    let applied = case.value.value;
    let default = case.evidence.default.read().copied().flatten().map(|default| default.value);
    let floor = default.unwrap_or(applied).max(applied);
    if applied < floor {
        let reason = format!(
            "the applied value {} is below AWS's default {}, and Service Quotas takes only values above the default",
            number(applied),
            number(floor)
        );
        return Err(WithheldIncrease::of(Reason::BelowDefault, reason).with_case());
    }
    let limit = record.allowed(floor, &config.budget(), now);
    let Some(desired) = step(floor, config).map(|most| most.min(limit.most)).filter(|most| *most > floor)
    else {
        return Err(match step(floor, config) {
            Some(_) => beyond_budget(&limit).into(),
            None => WithheldIncrease::of(
                Reason::AtCeiling,
                format!("{} is applied, and `MAX_STEP_FACTOR` leaves no value above it", number(floor)),
            ),
        });
    };
    let need = Need { demand: applied, ..Need::default() };
    if let Some(refused) = record.blocking(applied, desired, &need, now) {
        return Err(Box::<WithheldIncrease>::from(closed_unchanged(refused)).with_case());
    }
    if let Some(last) = record.last.as_ref().filter(|last| last.cool_down_until > now) {
        return Err(cooling_down(last).into());
    }
    Ok(Increase {
        quota: case.quota.clone(),
        applied,
        default,
        desired,
        region: case.place.region.clone(),
        request_id: None,
        status: None,
        need,
    })
}

/// One step above `floor`: as much headroom as for any quota that is full, at least the next whole number, and at most
/// the step that the operator allows. `None` if that leaves no value above `floor`.
fn step(floor: f64, config: &Config) -> Option<f64> {
    let wanted = round_up(floor * config.headroom_factor).max(floor.floor() + 1.0);
    let most = (floor * config.max_step_factor).ceil();
    Some(wanted.min(most)).filter(|desired| *desired > floor)
}

/// Withholds what is not proved or what the operator does not allow.
fn allowed(
    case: &FeatureCase<'_>,
    increase: &Increase,
    incident: &Incident,
    evidence: &Evidence,
    config: &Config,
) -> Result<(), Box<WithheldIncrease>> {
    let is_of_code =
        incident.facts.code.as_deref().is_some_and(|code| code.ends_with("ServiceQuotaExceededException"));
    if !incident.is_recorded && !is_of_code {
        let by = if incident.is_metric_only() {
            "only an alarm reports it"
        } else {
            "only the text of a log reports the error"
        };
        let reason = format!(
            "{by}, and no metric measures the use of this limit: CloudTrail or an SDK's code `ServiceQuotaExceededException` would prove it"
        );
        return Err(WithheldIncrease::of(Reason::Unrecorded, reason));
    }
    if incident.by_root {
        let reason = "the account's root user calls, which no application should";
        return Err(WithheldIncrease::of(Reason::UnusualCaller, reason));
    }
    if let Some(model) = &evidence.model {
        model_allowed(model, config)?;
    }
    heard(evidence)?;
    let (mode, variable) = match case.quota.code.service() {
        QuotaService::Bedrock => (config.other_quotas, "OTHER_QUOTAS"),
        QuotaService::AgentCore => (config.agent_core, "AGENTCORE"),
    };
    let why = match (config.mode, mode) {
        (Mode::Observe, _) => "the function only observes".to_owned(),
        (Mode::Request, Mode::Observe) => format!("the function only observes such quotas (`{variable}`)"),
        (Mode::Request, Mode::Request) => return Ok(()),
    };
    let (desired, applied) = (number(increase.desired), number(increase.applied));
    let reason = format!("{why}; it would ask for {desired} instead of {applied}");
    Err(WithheldIncrease::of(Reason::ObserveMode, reason))
}

/// Adds why no request is filed, and what a person can do instead.
fn withhold(plan: &mut Plan, case: &FeatureCase<'_>, refusal: WithheldIncrease) {
    if refusal.needs_a_case {
        let justification = plan.justification.clone().unwrap_or_default();
        let text = justification::support_case(case.quota, &refusal.withheld, &justification);
        plan.actions.push(Action::PrepareSupportCase { quota: Some(case.quota.clone()), text });
        plan.steps.push(open_case(case.place));
    }
    plan.adopted = refusal.open.map(|request| TrackedRequest {
        code: case.quota.code.clone(),
        name: case.quota.name.clone(),
        desired: request.desired,
        value_before: case.value.value,
        request_id: Some(request.id),
        intended: request.created,
    });
    plan.steps.extend(refusal.by_hand);
    plan.steps.push(look_at(case.place, &case.quota.code));
    plan.withheld.push(refusal.withheld);
}

/// What a reviewer at AWS needs to know. Nothing was measured.
fn justification(
    case: &FeatureCase<'_>,
    incident: &Incident,
    desired: Option<f64>,
    config: &Config,
) -> String {
    let asked = desired.map(|value| format!(" Asked for: {}.", number(value))).unwrap_or_default();
    let operation = incident.facts.operation.as_ref().map(|name| format!(" of `{name}`")).unwrap_or_default();
    let refused = match incident.counts.errors {
        0 => format!("CloudWatch counts calls{operation} that were throttled."),
        errors => format!("{errors} calls{operation} were refused."),
    };
    format!(
        "Quota: {} ({}), account {}, Region {}.\nApplied value {}.{asked}\n{refused} No metric of CloudWatch measures the use of this limit.\n{}",
        case.quota.name,
        case.quota.code,
        case.place.account,
        case.place.region,
        number(case.value.value),
        justification::of_people(config, None),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_step_is_a_whole_number_above_the_value_and_within_the_operators_factor() {
        let with = |factor| Config { max_step_factor: factor, ..Config::default() };
        for (floor, factor, desired) in [
            (1.0, 2.0, Some(2.0)),
            (3.0, 2.0, Some(5.0)),
            (20.0, 2.0, Some(30.0)),
            (20.0, 1.2, Some(24.0)),
            (25.0, 1.1, Some(28.0)),
            (0.5, 1.5, Some(1.0)),
            (20.0, 1.0, None),
        ] {
            assert_eq!(step(floor, &with(factor)), desired, "{floor} × {factor}");
        }
    }
}
