//! Whether measured use shows that a quota is too small, and which value would be enough.
//!
//! Invariant: Only admitted use proves a need. Refused calls cost their caller nothing, so they prove nothing, however
//! many there are.

use crate::config::Config;
use crate::evidence::FAR_BELOW;
use crate::incident::Incident;
use crate::plan::action::Reason;
use crate::plan::choose_quota::QuotaCase;
use crate::plan::justification;
use crate::plan::withheld_increase::WithheldIncrease;
use crate::quota::{Limit, Quota, Variant, unit};
use crate::text::number;
use crate::usage::FULL;

/// The wanted value, in the quota's unit; or why the present value is enough.
pub(crate) fn wanted(
    case: &QuotaCase<'_>,
    incident: &Incident,
    config: &Config,
) -> Result<f64, Box<WithheldIncrease>> {
    if case.usage.is_legacy {
        return Err(WithheldIncrease::of(
            Reason::LegacyModel,
            format!("`{}` is a legacy model; AWS raises no quota for it", case.model),
        ));
    }
    let is_forecast = incident.is_forecast();
    if incident.facts.variant == Some(Variant::Reserved) {
        return Err(WithheldIncrease::of(Reason::UnprovenThrottle, reserved(case)));
    }
    if let Some(variant @ (Variant::LongContext | Variant::LatencyOptimized)) = incident.facts.variant {
        return Err(WithheldIncrease::of(
            Reason::UnprovenThrottle,
            format!(
                "the call was one of the kind `{variant}`, which has a quota of its own, and CloudWatch counts it together with all other calls of `{}`: how much of this quota is used is not known",
                case.model
            ),
        )
        .with_case());
    }
    if !is_forecast {
        throttled(case, incident)?;
    }
    if case.applied <= 0.0 {
        let default = justification::number_or_unknown(case.default);
        return Err(WithheldIncrease::of(Reason::BelowDefault, format!("the applied value is 0 (AWS's default: {default}): every call is throttled until AWS restores it, and Service Quotas takes only values above the default")).with_case());
    }
    let wanted = case.demand() * config.headroom_factor;
    if is_forecast {
        near(case, wanted, incident, config)?;
    } else {
        full(case, wanted, incident)?;
    }
    Ok(wanted)
}

fn reserved(case: &QuotaCase<'_>) -> String {
    format!(
        "the call used the reserved tier, whose capacity is bought and is no quota; CloudWatch counts it together with all other calls of `{}`, so how full the on-demand quota is, to which it goes on, is not known",
        case.model
    )
}

/// Withholds unless CloudWatch measured a throttled call around the incident.
fn throttled(case: &QuotaCase<'_>, incident: &Incident) -> Result<(), Box<WithheldIncrease>> {
    if case.usage.may_be_throttled() {
        return Ok(());
    }
    let late =
        if case.is_fresh { "; its metrics are minutes late, so it is asked again shortly" } else { "" };
    // A model that bedrock-mantle serves counts so when it is called through bedrock-runtime.
    if incident.is_recorded && case.usage.window_client_errors > 0.0 {
        return Err(WithheldIncrease::of(
            Reason::NotThrottled,
            format!(
                "around this incident CloudWatch counted {} refused calls of `{}` and none of them as throttled, so how many exceeded the quota is not known{late}",
                number(case.usage.window_client_errors),
                case.model
            ),
        ));
    }
    // The notice also shows throttles from when the incident began, but those do not prove today's need.
    let when =
        if case.usage.recent_throttles > 0.0 { "in the last six hours" } else { "around this incident" };
    Err(WithheldIncrease::of(
        Reason::NotThrottled,
        format!(
            "CloudWatch measured no throttled call of `{}` in {} {when}, and text alone never files{late}",
            case.model, case.place.region
        ),
    ))
}

/// Withholds unless the demand comes near the quota of a forecast.
fn near(
    case: &QuotaCase<'_>,
    wanted: f64,
    incident: &Incident,
    config: &Config,
) -> Result<(), Box<WithheldIncrease>> {
    let demand = case.demand();
    if wanted <= case.applied {
        return Err(WithheldIncrease::of(
            Reason::UsageFarBelowQuota,
            format!(
                "at most {} of {} {} were asked for, and {} times that is no more than is applied",
                number(demand),
                number(case.applied),
                unit(case.limit.limit),
                config.headroom_factor
            ),
        ));
    }
    if demand < case.applied * FAR_BELOW {
        return Err(WithheldIncrease::of(
            Reason::UsageFarBelowQuota,
            used_too_little(case, demand, incident),
        ));
    }
    Ok(())
}

/// Withholds unless the throttled use filled the quota.
fn full(case: &QuotaCase<'_>, wanted: f64, incident: &Incident) -> Result<(), Box<WithheldIncrease>> {
    let asked = case.usage.asked(case.limit.limit);
    if asked < case.applied * FAR_BELOW {
        return Err(WithheldIncrease::of(Reason::UsageFarBelowQuota, used_too_little(case, asked, incident)));
    }
    proven(case, incident)?;
    // The wanted headroom already exists.
    if wanted <= case.applied {
        return Err(WithheldIncrease::of(
            Reason::UsageFarBelowQuota,
            used_too_little(case, case.demand(), incident),
        ));
    }
    without_rival(case)
}

/// Withholds if a quota of another way of calling the model may be the full one. Nothing says which way was called, and
/// CloudWatch counts all ways together, so use decides only if it fills the standard quota by itself. The long context
/// is ruled out if no five minutes of two weeks had requests that were large on average.
fn without_rival(case: &QuotaCase<'_>) -> Result<(), Box<WithheldIncrease>> {
    let is_plausible = |variant: Variant| match variant {
        Variant::LongContext => case.usage.largest_average() >= LONG_CONTEXT / 2.0,
        _ => true,
    };
    let rivals = case.limit.rivals.iter().filter(|(variant, _)| is_plausible(*variant));
    let rivals: Vec<&Quota> = rivals.map(|(_, quota)| quota).collect();
    let share = case.share_of(case.usage.admitted(case.limit.limit));
    let Some(first) = rivals.first().filter(|_| share < FULL) else { return Ok(()) };
    let reason = format!(
        "nothing says in which way the model was called: the calls count against `{}` ({:.0} % used) or against `{}`, and CloudWatch does not count them apart",
        case.quota.name,
        share * 100.0,
        first.name
    );
    let mut refusal = WithheldIncrease::of(Reason::Ambiguous, reason);
    refusal.withheld.candidates.extend(std::iter::once(case.quota).chain(rivals).cloned());
    Err(refusal)
}

/// Requests with more input tokens than this count against the quotas of the 1M-token context window.
/// See <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html>.
const LONG_CONTEXT: f64 = 200_000.0;

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

/// By how much use stays below the quota.
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
