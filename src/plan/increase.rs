//! Decides whether to request an increase.
//!
//! Invariant: An increase passes every check or is withheld, and then the plan names the check that failed.

use jiff::SignedDuration;

use crate::config::{Config, Mode};
use crate::diagnosis::Cause;
use crate::error::Gathered;
use crate::evidence::{Evidence, FAR_BELOW};
use crate::ids::AccountRegion;
use crate::incident::Incident;
use crate::plan::action::{
    Action, Increase, Plan, Reason, Step, Withheld, by_hand, look_at, quota_link, withheld,
};
use crate::plan::choose_quota::{QuotaCase, choose, fullest};
use crate::plan::remembered::{need, suspected, value, with_history};
use crate::plan::size::round_up;
use crate::plan::steps::visible;
use crate::plan::suspect::{self, CallerFinding};
use crate::plan::{justification, siblings};
use crate::quota::record::{QuotaRecord, Suspicion};
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
            plan.justification = Some(justification::justification(&case, desired));
            plan.is_full = case.usage.admitted(case.limit.limit) > FULL * case.applied;
            match weighed {
                Ok(increase) => file(plan, &case, increase),
                Err(refusal) => match refusal.suspicion.clone() {
                    Some(suspicion) => suspect::withhold(plan, suspicion, incident, evidence),
                    None => withhold(plan, &case, *refusal, incident.is_forecast()),
                },
            }
        }
        Err(refusal) => {
            if let Some(quota) =
                cross_model_per_day(Catalog::built_in()).filter(|_| incident.cause == Cause::TokensPerDay)
            {
                plan.actions.push(Action::PrepareSupportCase {
                    quota: Some(quota.clone()),
                    text: justification::daily_case(incident, evidence.model.as_ref(), quota),
                });
            }
            plan.steps.extend(what_to_look_at(incident, place.as_ref(), &refusal));
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

/// How a person finds the quota that the function could not.
fn what_to_look_at(incident: &Incident, place: Option<&AccountRegion>, refusal: &Withheld) -> Vec<Step> {
    let Some(place) = place else { return Vec::new() };
    match (refusal.kind, &incident.model) {
        (Reason::Ambiguous, _) => refusal
            .candidates
            .iter()
            .map(|quota| Step {
                text: format!("Look whether it is `{}`, and ask for that one by hand.", quota.name),
                command: None,
                link: Some(quota_link(place, &quota.code)),
            })
            .collect(),
        (Reason::UnresolvedProfile, Some(profile)) => vec![Step {
            text: "See which model the profile stands for.".to_owned(),
            command: Some(format!(
                "aws bedrock get-inference-profile --inference-profile-identifier {profile} --region {}",
                place.region
            )),
            link: None,
        }],
        // For an alarm alone, these steps are added anyway.
        (Reason::NoModel, _) if !incident.is_metric_only() => vec![visible::latest(&place.region)],
        _ => Vec::new(),
    }
}

fn file(plan: &mut Plan, case: &QuotaCase<'_>, increase: Increase) {
    plan.steps.push(Step {
        text: "Paste the justification below into the support case as soon as its id appears; the request itself cannot carry it.".to_owned(),
        command: None,
        link: Some(quota_link(case.place, &case.quota.code)),
    });
    plan.steps.push(Step {
        text: "For the record, the command that files the same request. It is filed already: do not run it again.".to_owned(),
        command: Some(by_hand(case.quota, increase.desired, &increase.region)),
        link: None,
    });
    plan.actions.push(Action::RequestIncrease(increase));
}

fn withhold(plan: &mut Plan, case: &QuotaCase<'_>, refusal: WithheldIncrease, is_forecast: bool) {
    if refusal.needs_a_case {
        let justification = plan.justification.clone().unwrap_or_default();
        let text = justification::support_case(case.quota, &refusal.withheld, &justification);
        plan.actions.push(Action::PrepareSupportCase { quota: Some(case.quota.clone()), text });
        plan.steps.push(Step {
            text: "Open a support case of type service limit increase with the text below.".to_owned(),
            command: None,
            link: Some(
                case.place.region.console("support/home#/case/create?issueType=service-limit-increase"),
            ),
        });
        // While waiting for a person, another id of the model may help.
        if matches!(refusal.withheld.kind, Reason::BelowDefault | Reason::NotAdjustable) {
            let (limit, code) = (case.limit.limit, &case.quota.code);
            plan.steps.extend(siblings::meanwhile(case.model, limit, code, case.place));
        }
    }
    plan.asks_who_calls = refusal.asks_who_calls;
    // For a forecast, the incident that made the request reports on it.
    if let Some(request) = refusal.open.filter(|_| !is_forecast) {
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

/// A known quota for which no request is filed, and why.
struct WithheldIncrease {
    withheld: Withheld,
    /// Whether only a support case can help.
    needs_a_case: bool,
    /// Somebody's open request; `None` if there is none to follow.
    open: Option<IncreaseRequest>,
    /// How a person does it instead.
    by_hand: Option<Step>,
    /// The value that would have been requested.
    desired: Option<f64>,
    /// Whether only CloudTrail's answer about the callers is missing.
    asks_who_calls: bool,
    /// The suspicion that holds the request, if there is one.
    suspicion: Option<Suspicion>,
    /// Whether the missing evidence may only be late.
    is_late: bool,
}

impl From<Withheld> for Box<WithheldIncrease> {
    fn from(withheld: Withheld) -> Self {
        Self::new(WithheldIncrease {
            withheld,
            needs_a_case: false,
            open: None,
            by_hand: None,
            desired: None,
            asks_who_calls: false,
            suspicion: None,
            is_late: false,
        })
    }
}

impl WithheldIncrease {
    fn of(kind: Reason, reason: impl Into<String>) -> Box<Self> {
        withheld(kind, reason).into()
    }

    fn with_case(mut self: Box<Self>) -> Box<Self> {
        self.needs_a_case = true;
        self
    }
}

fn used_too_little(case: &QuotaCase<'_>, asked: f64, incident: &Incident) -> String {
    format!(
        "the busiest {} asked for {} of {} {} ({:.0} %): {}",
        if case.limit.limit == Limit::TokensPerDay { "day" } else { "minute" },
        number(asked),
        number(case.applied),
        unit(case.limit.limit),
        asked / case.applied * 100.0,
        justification::far_below(case, incident.facts.requested)
    )
}

/// Whether admitted usage shows that the quota ran full. Refused calls alone prove nothing, however many there are,
/// because they cost their caller nothing.
fn proven(case: &QuotaCase<'_>, incident: &Incident) -> Result<(), Box<WithheldIncrease>> {
    let limit = case.limit.limit;
    let admitted = case.usage.admitted(limit);
    if admitted >= case.applied * FAR_BELOW {
        return Ok(());
    }
    Err(WithheldIncrease::of(
        Reason::UnprovenThrottle,
        format!(
            "around this incident at most {} of {} {} were admitted ({:.0} %), and {} calls were refused: refused calls alone do not show that more is needed, and AWS denies requests for quotas that are used so little; {}",
            number(admitted),
            number(case.applied),
            unit(limit),
            admitted / case.applied * 100.0,
            number(case.usage.window_throttles),
            justification::far_below(case, incident.facts.requested),
        ),
    ))
}

/// The wanted value, in the quota's unit; or why the present value is enough.
fn wanted(case: &QuotaCase<'_>, incident: &Incident, config: &Config) -> Result<f64, Box<WithheldIncrease>> {
    let limit = case.limit.limit;
    let demand = case.demand();
    let unit = unit(limit);
    if case.usage.is_legacy {
        return Err(WithheldIncrease::of(
            Reason::LegacyModel,
            format!("`{}` is a legacy model; AWS raises no quota for it", case.model),
        ));
    }
    let is_forecast = incident.is_forecast();
    if case.usage.window_throttles <= 0.0 && !is_forecast {
        let late =
            if case.is_fresh { "; its metrics are minutes late, so it is asked again shortly" } else { "" };
        // The notice also shows throttles from when the incident began, but those do not prove today's need.
        let when =
            if case.usage.recent_throttles > 0.0 { "in the last six hours" } else { "around this incident" };
        return Err(WithheldIncrease::of(
            Reason::NotThrottled,
            format!(
                "CloudWatch measured no throttled call of `{}` in {} {when}, and text alone never files{late}",
                case.model, case.place.region
            ),
        ));
    }
    if case.applied <= 0.0 {
        let default = justification::number_or_unknown(case.default);
        return Err(WithheldIncrease::of(Reason::BelowDefault, format!("the applied value is 0 (AWS's default: {default}): every call is throttled until AWS restores it, and Service Quotas takes only values above the default")).with_case());
    }
    let wanted = demand * config.headroom_factor;
    if is_forecast && wanted <= case.applied {
        return Err(WithheldIncrease::of(
            Reason::UsageFarBelowQuota,
            format!(
                "at most {} of {} {unit} were asked for, and {} times that is no more than is applied",
                number(demand),
                number(case.applied),
                config.headroom_factor
            ),
        ));
    }
    let asked = case.usage.asked(limit);
    let (is_far_below, shown) = if is_forecast {
        (demand < case.applied * FAR_BELOW, demand)
    } else {
        (asked < case.applied * FAR_BELOW, asked)
    };
    if is_far_below {
        return Err(WithheldIncrease::of(Reason::UsageFarBelowQuota, used_too_little(case, shown, incident)));
    }
    if !is_forecast {
        proven(case, incident)?;
    }
    // The wanted headroom already exists.
    if wanted <= case.applied {
        return Err(WithheldIncrease::of(
            Reason::UsageFarBelowQuota,
            used_too_little(case, demand, incident),
        ));
    }
    Ok(wanted)
}

/// Checks every guard rail. Those that explain the throttle come before those that only forbid.
fn weigh(
    case: &QuotaCase<'_>,
    incident: &Incident,
    evidence: &Evidence,
    config: &Config,
) -> Result<Increase, Box<WithheldIncrease>> {
    let wanted = wanted(case, incident, config)?;
    let quota = case.quota;
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
    if !case.adjustable {
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
        return Err(refusal);
    }
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
        quota: quota.clone(),
        applied: case.applied,
        default: case.default,
        desired,
        region: case.place.region.clone(),
        request_id: None,
        status: None,
        need,
    };
    let only_observes = match (config.mode, config.headroom_mode) {
        (Mode::Observe, _) => Some("the function only observes"),
        (_, Mode::Observe) if incident.is_forecast() => {
            Some("the function only tells of what is coming (`HEADROOM_MODE`)")
        }
        _ => None,
    };
    if let Some(why) = only_observes {
        let mut refusal = WithheldIncrease::of(
            Reason::ObserveMode,
            format!(
                "{why}; it would ask for {} {} instead of {}",
                number(desired),
                unit(case.limit.limit),
                number(case.applied)
            ),
        );
        refusal.by_hand = Some(increase.by_hand(case.place));
        refusal.desired = Some(desired);
        return Err(refusal);
    }
    Ok(increase)
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

/// Withholds if nobody would receive the notice. An unreadable topic does not count as nobody.
fn heard(evidence: &Evidence) -> Result<(), Box<WithheldIncrease>> {
    if evidence.listeners != Gathered::Read(0) {
        return Ok(());
    }
    let mut refusal = WithheldIncrease::of(
        Reason::NobodyListens,
        "nobody has confirmed a subscription to the topic, and nothing is filed that nobody hears of",
    );
    refusal.by_hand = Some(Step {
        text: "Subscribe to the topic that people are told through, and confirm the subscription.".to_owned(),
        command: None,
        link: Some(
            "https://docs.aws.amazon.com/sns/latest/dg/sns-create-subscribe-endpoint-to-topic.html"
                .to_owned(),
        ),
    });
    Err(refusal)
}

/// Withholds what the operator does not allow.
fn guards(case: &QuotaCase<'_>, evidence: &Evidence, config: &Config) -> Result<(), Box<WithheldIncrease>> {
    if config.denied_models.fit(case.model) || !config.allowed_models.fit(case.model) {
        return Err(WithheldIncrease::of(
            Reason::ModelNotAllowed,
            format!("increases for `{}` are not allowed by configuration", case.model),
        ));
    }
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
