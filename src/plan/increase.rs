//! Decides whether to request an increase.
//!
//! Invariant: An increase passes every check or is withheld, and then the plan names the check that failed.

use jiff::SignedDuration;

use crate::config::{Config, Mode};
use crate::diagnosis::Cause;
use crate::error::Gathered;
use crate::evidence::Evidence;
use crate::incident::Incident;
use crate::plan::action::{Action, Increase, Plan, Reason};
use crate::plan::choose_quota::{QuotaCase, choose, fullest};
use crate::plan::feature;
use crate::plan::guards::{heard, model_allowed};
use crate::plan::justification;
use crate::plan::proof::wanted;
use crate::plan::remembered::{need, suspected, value, with_history};
use crate::plan::size::round_up;
use crate::plan::steps::increase::{by_hand, filed, look_at, open_case};
use crate::plan::steps::{siblings, which_quota};
use crate::plan::suspect::{self, CallerFinding};
use crate::plan::withheld_increase::WithheldIncrease;
use crate::quota::record::QuotaRecord;
use crate::quota::request::{IncreaseRequest, TrackedRequest};
use crate::quota::{Catalog, Limit, cross_model_per_day, cross_region_tokens, unit};
use crate::text::number;
use crate::time::after;
use crate::usage::FULL;

/// A cool-down that ends within this time may be over when the request is reserved.
const SOON: SignedDuration = SignedDuration::from_hours(1);
/// Missing evidence is requested again while the incident is younger than this.
const WORTH_ASKING: SignedDuration = SignedDuration::from_hours(6);

/// Adds the decision on an increase to `plan`.
pub(super) fn decide(incident: &Incident, evidence: &Evidence, config: &Config, plan: &mut Plan) {
    decide_now(incident, evidence, config, plan);
    let is_young = incident.first_seen.is_some_and(|first| evidence.now.duration_since(first) < WORTH_ASKING);
    let is_withheld_for_it = plan.withheld.iter().any(|w| w.kind == Reason::NoEvidence);
    plan.retry_evidence |= is_withheld_for_it && is_young && evidence.is_missing_for_now();
}

fn decide_now(incident: &Incident, evidence: &Evidence, config: &Config, plan: &mut Plan) {
    if !incident.facts.quotas.is_empty() || incident.facts.is_of_agent_core() {
        feature::decide(incident, evidence, config, plan);
        return;
    }
    if let Some(suspicion) = suspect::open(incident, evidence) {
        suspect::withhold(plan, suspicion, incident, evidence);
        return;
    }
    let place = incident.place();
    let chosen = match incident.cause {
        Cause::NearQuota => fullest(incident, evidence, place.as_ref()),
        _ => choose(incident, evidence, place.as_ref()),
    };
    match chosen {
        Ok(case) => {
            plan.advice.extend(other_than_named(&case, incident));
            let weighed = weigh(&case, incident, evidence, config);
            let desired = match &weighed {
                Ok(increase) => Some(increase.desired),
                Err(refusal) => refusal.desired,
            };
            plan.justification = Some(justification::justification(&case, desired, config));
            plan.is_full = case.usage.admitted(case.limit.limit) > FULL * case.applied;
            match weighed {
                Ok(increase) => file(plan, &case, increase, config),
                Err(refusal) => match refusal.suspicion.clone() {
                    Some(suspicion) => suspect::withhold(plan, suspicion, incident, evidence),
                    None => withhold(plan, &case, *refusal, incident, evidence),
                },
            }
        }
        Err(refusal) => {
            if let Some(quota) =
                cross_model_per_day(Catalog::built_in()).filter(|_| incident.cause == Cause::TokensPerDay)
            {
                plan.actions.push(Action::PrepareSupportCase {
                    quota: Some(quota.clone()),
                    text: justification::daily_case(incident, evidence.model.as_ref(), quota, config),
                });
            }
            plan.steps.extend(which_quota::steps(incident, place.as_ref(), &refusal));
            plan.withheld.push(refusal);
        }
    }
}

/// A remark if usage fills a different limit than the error named.
fn other_than_named(case: &QuotaCase<'_>, incident: &Incident) -> Option<String> {
    let (named, other) = match (incident.cause, case.limit.limit) {
        (Cause::RequestsPerMinute, Limit::TokensPerMinute) => ("requests", "tokens"),
        (Cause::TokensPerMinute, Limit::RequestsPerMinute) => ("tokens", "requests"),
        _ => return None,
    };
    Some(format!(
        "The error names {named} per minute, of which use is far below the quota. CloudWatch shows that {other} per minute come nearer to theirs, so the decision is about that quota."
    ))
}

/// Adds the request, and what is left to do about it.
fn file(plan: &mut Plan, case: &QuotaCase<'_>, increase: Increase, config: &Config) {
    plan.steps.push(filed(&increase, case.place, config));
    plan.actions.push(Action::RequestIncrease(increase));
}

/// Adds why no request is filed for a known quota, and what a person can do instead.
fn withhold(
    plan: &mut Plan,
    case: &QuotaCase<'_>,
    refusal: WithheldIncrease,
    incident: &Incident,
    evidence: &Evidence,
) {
    if refusal.needs_a_case {
        let justification = plan.justification.clone().unwrap_or_default();
        let text = justification::support_case(case.quota, &refusal.withheld, &justification);
        plan.actions.push(Action::PrepareSupportCase { quota: Some(case.quota.clone()), text });
        plan.steps.push(open_case(case.place));
        // While waiting for a person, another id of the model may help.
        let is_for_long = matches!(refusal.withheld.kind, Reason::BelowDefault | Reason::NotAdjustable);
        if is_for_long && evidence.room.is_empty() {
            let (limit, code) = (case.limit.limit, &case.quota.code);
            plan.steps.extend(siblings::meanwhile(case.model, limit, code, case.place));
        }
    }
    plan.asks_who_calls = refusal.asks_who_calls;
    // For a forecast, the incident that made the request reports on it.
    if let Some(request) = refusal.open.filter(|_| !incident.is_forecast()) {
        plan.adopted = Some(TrackedRequest {
            code: case.quota.code.clone(),
            name: case.quota.name.clone(),
            desired: request.desired,
            value_before: case.applied,
            request_id: Some(request.id),
            intended: request.created,
        });
    }
    let is_late = refusal.is_late || refusal.withheld.kind == Reason::NotThrottled;
    plan.retry_evidence = is_late && case.is_fresh;
    plan.steps.extend(refusal.by_hand);
    plan.steps.push(look_at(case.place, &case.quota.code));
    plan.withheld.push(refusal.withheld);
}

/// Checks every guard rail. Those that explain the throttle come before those that only forbid.
fn weigh(
    case: &QuotaCase<'_>,
    incident: &Incident,
    evidence: &Evidence,
    config: &Config,
) -> Result<Increase, Box<WithheldIncrease>> {
    let wanted = wanted(case, incident, config)?;
    let floor = floor(case, wanted)?;
    adjustable(case)?;
    history(case, incident)?;
    guards(case, evidence, config)?;
    let record = remembered(case)?;
    let need = need(case, &record, evidence.now);
    if let Some(suspicion) = record.suspicion.as_ref().filter(|_| !need.is_approved) {
        return Err(suspected(suspicion).into());
    }
    let desired = match value(case, floor, wanted, &record, &need, config, evidence.now) {
        Ok(desired) => desired,
        Err(refused) => {
            let is_of_aws = matches!(refused.kind, Reason::ClosedUnchanged | Reason::AwsCeiling);
            let refusal = Box::<WithheldIncrease>::from(refused);
            return Err(if is_of_aws { refusal.with_case() } else { refusal });
        }
    };
    heard(evidence)?;
    // Callers do not matter for an increase that is only announced, or that waits for a cool-down.
    let is_only_told = incident.is_forecast() && config.headroom_mode == Mode::Observe;
    let rests = record.last.as_ref().is_some_and(|last| last.cool_down_until > after(evidence.now, SOON));
    if !is_only_told && !rests {
        known_callers(case, incident, evidence)?;
    }
    let increase = Increase {
        quota: case.quota.clone(),
        applied: case.applied,
        default: case.default,
        desired,
        region: case.place.region.clone(),
        request_id: None,
        status: None,
        need,
    };
    permitted(case, &increase, incident, config)?;
    Ok(increase)
}

/// The value that Service Quotas validates requests against; withheld if it could not be read, or if `wanted` is no
/// more than AWS's default.
fn floor(case: &QuotaCase<'_>, wanted: f64) -> Result<f64, Box<WithheldIncrease>> {
    if let Some(error) = case.limit.default.unread() {
        return Err(WithheldIncrease::of(
            Reason::NoEvidence,
            format!("Service Quotas takes only values above AWS's default, which could not be read: {error}"),
        ));
    }
    let floor = case.default.unwrap_or(case.applied).max(case.applied);
    if case.applied < floor && wanted <= floor {
        return Err(WithheldIncrease::of(
            Reason::BelowDefault,
            format!(
                "the applied value {} is below AWS's default {}, and Service Quotas takes only values above the default; {} would do",
                number(case.applied), number(floor), number(round_up(wanted))
            ),
        )
        .with_case());
    }
    Ok(floor)
}

/// Withholds if Service Quotas takes no request for the quota.
fn adjustable(case: &QuotaCase<'_>) -> Result<(), Box<WithheldIncrease>> {
    if case.adjustable {
        return Ok(());
    }
    let quota = case.quota;
    let route = cross_region_tokens(Catalog::built_in(), case.model).filter(|q| q.code != quota.code);
    let reason = match &route {
        Some(route) => format!(
            "`{}` is not adjustable; AWS's route is to ask for `{}` ({}) and let support raise this one with it{}",
            quota.name,
            route.name,
            route.code,
            // This quota was not looked up in the account.
            if route.adjustable {
                ""
            } else {
                ", if your account may: the public listing calls that one not adjustable too"
            }
        ),
        None => format!("`{}` is not adjustable; only a support case can raise it", quota.name),
    };
    let mut refusal = WithheldIncrease::of(Reason::NotAdjustable, reason).with_case();
    refusal.withheld.candidates.extend(route);
    Err(refusal)
}

/// Withholds if the function only observes, and says what it would ask for.
fn permitted(
    case: &QuotaCase<'_>,
    increase: &Increase,
    incident: &Incident,
    config: &Config,
) -> Result<(), Box<WithheldIncrease>> {
    let why = match (config.mode, config.headroom_mode) {
        (Mode::Observe, _) => "the function only observes",
        (_, Mode::Observe) if incident.is_forecast() => {
            "the function only tells of what is coming (`HEADROOM_MODE`)"
        }
        _ => return Ok(()),
    };
    let mut refusal = WithheldIncrease::of(
        Reason::ObserveMode,
        format!(
            "{why}; it would ask for {} {} instead of {}",
            number(increase.desired),
            unit(case.limit.limit),
            number(case.applied)
        ),
    );
    refusal.by_hand = Some(by_hand(increase, case.place));
    refusal.desired = Some(increase.desired);
    Err(refusal)
}

/// Earlier requests, newest first; withheld if they could not be read.
fn earlier<'a>(case: &QuotaCase<'a>) -> Result<&'a [IncreaseRequest], Box<WithheldIncrease>> {
    let why = match &case.limit.history {
        Gathered::Read(requests) => return Ok(requests),
        Gathered::Unread(error) => error.to_string(),
        Gathered::NotAsked => "it was not asked".to_owned(),
    };
    let reason = format!("Service Quotas could not be asked for earlier requests: {why}");
    Err(WithheldIncrease::of(Reason::NoEvidence, reason))
}

/// What the ledger and Service Quotas remember about the quota.
fn remembered(case: &QuotaCase<'_>) -> Result<QuotaRecord, Box<WithheldIncrease>> {
    let why = match &case.limit.record {
        Gathered::Read(record) => return Ok(with_history(record, earlier(case)?)),
        Gathered::Unread(error) => error.to_string(),
        Gathered::NotAsked => "it was not asked".to_owned(),
    };
    let reason = format!("the ledger could not be asked what it remembers of this quota: {why}");
    Err(WithheldIncrease::of(Reason::NoEvidence, reason))
}

/// Withholds if a request is open.
fn history(case: &QuotaCase<'_>, incident: &Incident) -> Result<(), Box<WithheldIncrease>> {
    let requests = earlier(case)?;
    let Some(open) = requests.iter().find(|r| r.status.is_open()) else { return Ok(()) };
    let last = case.limit.record.read().and_then(|record| record.last.as_ref());
    let follower = last.filter(|last| last.outcome.is_none() && last.desired == open.desired);
    let follower = follower.and_then(|last| last.incident.as_ref()).filter(|id| **id != incident.id);
    let who = match follower {
        Some(id) => format!("incident {id} follows it, and tells its outcome"),
        None => "its outcome is followed".to_owned(),
    };
    let mut refusal = WithheldIncrease::of(
        Reason::AlreadyRequested,
        format!(
            "request {} for {} is open since {}; {who}",
            open.id,
            number(open.desired),
            open.created.strftime("%F")
        ),
    );
    // One incident follows a request. Other incidents that need the same quota do not report its outcome too.
    refusal.open = Some(open.clone()).filter(|_| follower.is_none());
    Err(refusal)
}

/// Withholds unless the callers are known and not unusual.
fn known_callers(
    case: &QuotaCase<'_>,
    incident: &Incident,
    evidence: &Evidence,
) -> Result<(), Box<WithheldIncrease>> {
    let why = match suspect::callers(incident, evidence, case.is_fresh) {
        CallerFinding::Fine => return Ok(()),
        CallerFinding::Unusual(found) => {
            let suspicion = suspect::since_now(found, evidence);
            let mut refusal = Box::<WithheldIncrease>::from(suspected(&suspicion));
            refusal.suspicion = Some(suspicion);
            return Err(refusal);
        }
        CallerFinding::NotAsked => {
            let mut refusal =
                WithheldIncrease::of(Reason::NoEvidence, "CloudTrail was not asked who makes these calls");
            refusal.asks_who_calls = true;
            return Err(refusal);
        }
        CallerFinding::Late(why) => {
            let mut refusal = WithheldIncrease::of(Reason::NoEvidence, why);
            refusal.is_late = true;
            return Err(refusal);
        }
        CallerFinding::Unknown(why) => why,
    };
    Err(WithheldIncrease::of(Reason::NoEvidence, why))
}

/// Withholds what the operator does not allow.
fn guards(case: &QuotaCase<'_>, evidence: &Evidence, config: &Config) -> Result<(), Box<WithheldIncrease>> {
    model_allowed(case.model, config)?;
    let used = case.usage.history(evidence.now);
    if used.is_none_or(|used| used < config.require_history) {
        let days = match used.map(|u| u.as_hours()) {
            None => "not at all".to_owned(),
            Some(hours) if hours < 48 => format!("for {hours} hours"),
            Some(hours) => format!("for {} days", hours / 24),
        };
        return Err(WithheldIncrease::of(
            Reason::NoHistory,
            format!(
                "`{}` has been used {days}; an increase needs {} days of history, so that a sudden or stolen use is never raised",
                case.model,
                config.require_history.as_hours() / 24
            ),
        ));
    }
    Ok(())
}
