//! The evidence for the cause, in sentences: what was seen, read and searched, with each result.

use std::fmt::Write as _;

use jiff::Timestamp;

use crate::access::checklist;
use crate::callers::{CallerShare, named_from};
use crate::diagnosis::{Cause, Many, PolicyKind, SHOWN};
use crate::error::Gathered;
use crate::evidence::{Evidence, Overdue, nearest};
use crate::incident::Incident;
use crate::incident::notice_kind::Kind;
use crate::incident::notices::NoticeRecord;
use crate::incident::record::Record;
use crate::notice::access_state;
use crate::notice::access_state::opposite;
use crate::notice::searched::searched;
use crate::notice::who::who;
use crate::quota::{Limit, Variant, unit};
use crate::text::{number, sentence, whole};
use crate::usage::Usage;
use crate::usage::headroom::QuotaUse;

/// All evidence, in the order in which a notice lists it.
pub(crate) fn because(kind: Kind, record: &Record, evidence: &Evidence) -> Vec<String> {
    let incident = &record.incident;
    let mut because = Vec::new();
    if matches!(kind, Kind::Reminder | Kind::Again) {
        because.extend(record.notices.last().map(|told| since(told, incident, evidence)));
    }
    because.extend(incident.facts.many.as_ref().map_or_else(|| Some(told_by(incident)), many));
    because.extend(examples(incident));
    because.extend(models(incident));
    if let Some(why) = &incident.facts.models_unread {
        because.push(format!("Which models the alarm is about could not be read: {why}."));
    }
    because.extend(feature(incident, evidence));
    because.extend(unknown(incident));
    because.extend(denial(incident));
    because.extend(callers(incident));
    because.extend(behind_profile(incident, evidence));
    because.extend(measured(incident, evidence));
    because.extend(near_quotas(incident, evidence));
    because.extend(access_state::sentences(evidence));
    if let Gathered::Read(None) = evidence.profile {
        because.push("Bedrock has no such inference profile in this Region now.".to_owned());
    }
    because.extend(evidence.looked.iter().filter_map(searched));
    because.extend(who(incident, evidence));
    because.extend(unanswered(evidence));
    because
}

/// What is counted together.
fn many(many: &Many) -> Option<String> {
    let causes: Vec<&str> =
        many.causes.iter().filter_map(|word| Cause::parse(word)).map(Cause::title).collect();
    let most =
        if causes.is_empty() { String::new() } else { format!(" Most of them: {}.", causes.join("; ")) };
    (many.kinds > 0)
        .then(|| format!("They are at least {} different kinds of error.{most}", whole(many.kinds)))
}

/// The ids that were called, if several are counted together.
fn examples(incident: &Incident) -> Option<String> {
    let ids: Vec<String> = incident.facts.model_ids.iter().map(|id| format!("`{id}`")).collect();
    let what =
        if incident.facts.many.is_some() { "Models that some of them name" } else { "Ids that were called" };
    (ids.len() > 1).then(|| format!("{what}, the newest last: {}.", ids.join(", ")))
}

/// The models of an account-wide incident.
fn models(incident: &Incident) -> Option<String> {
    let all = &incident.facts.models;
    let named: Vec<String> = all.iter().take(SHOWN).map(|model| format!("`{model}`")).collect();
    let more = match all.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {} more", whole(more as u64)),
    };
    (all.len() > 1).then(|| format!("One step ends it for all of these models: {}{more}.", named.join(", ")))
}

/// What the cause was found by.
fn told_by(incident: &Incident) -> String {
    let facts = &incident.facts;
    let of = facts.operation.as_ref().map(|operation| format!(" of `{operation}`")).unwrap_or_default();
    match (incident.rule, &facts.code) {
        (Some(rule), Some(code)) if facts.is_announced() => {
            format!("AWS Health announced it as `{code}`; it fits the rule `{rule}`.")
        }
        (Some(rule), Some(code)) => format!("Rule `{rule}`, error `{code}`{of}."),
        (Some(rule), None) => format!("Rule `{rule}`, an error{of}."),
        (None, _) if incident.is_forecast() && incident.counts.alarms == 0 => {
            "The daily watch saw it coming.".to_owned()
        }
        (None, _) if incident.counts.errors == 0 => {
            let metric = facts.metric.as_deref().map(|metric| format!(" `{metric}`"));
            let metric = metric.unwrap_or_default();
            format!("Only the alarm's metric{metric} reports it{of}; no error message was found.")
        }
        (None, Some(code)) => format!("No rule knows the text of the error `{code}`{of}."),
        (None, None) => format!("No rule knows the text of the error{of}."),
    }
}

/// The quota of an error that is not about a model's inference, and the service that answered if it is not Bedrock.
fn feature(incident: &Incident, evidence: &Evidence) -> Vec<String> {
    let service = incident.facts.answered_by.iter().map(|service| format!("{service} answered."));
    let quota = evidence.feature.as_ref().and_then(|feature| {
        let (quota, applied) = (feature.found.quota.as_ref()?, feature.applied.read().copied().flatten()?);
        Some(format!("It counts against `{}`, of which {} is applied.", quota.name, number(applied.value)))
    });
    service.chain(quota).collect()
}

/// What may be shown of an error text that no rule knows. The text itself may be a prompt.
fn unknown(incident: &Incident) -> Option<String> {
    let facts = &incident.facts;
    let hash = facts.text_hash.as_ref()?;
    let words: Vec<String> = facts.words.iter().map(|w| format!("`{w}`")).collect();
    let words = match words.as_slice() {
        [] => "Words that the rules know are not in it.".to_owned(),
        some => format!("Words in it that the rules know: {}.", some.join(", ")),
    };
    Some(format!("The text itself is not shown, for it may hold a prompt. {words} Its hash is `{hash}`."))
}

/// The model behind the application inference profile that was called.
fn behind_profile(incident: &Incident, evidence: &Evidence) -> Option<String> {
    let (called, model) = incident.model.as_ref().zip(evidence.model.as_ref())?;
    (called != model).then(|| format!("The application inference profile `{called}` stands for `{model}`."))
}

/// What CloudWatch measured.
fn measured(incident: &Incident, evidence: &Evidence) -> Option<String> {
    let usage = evidence.usage.read()?;
    if incident.facts.variant == Some(Variant::Mantle) {
        return Some(measured_on_mantle(incident, usage));
    }
    let throttled = if incident.is_forecast() {
        String::new()
    } else {
        format!(", and {} throttled calls around this incident", number(usage.recent_throttles))
    };
    Some(format!(
        "CloudWatch measured at most {} requests and {} tokens in a minute{throttled}.",
        number(usage.peak_requests),
        number(usage.peak_tokens)
    ))
}

/// What CloudWatch measured on the bedrock-mantle endpoint, which counts throttled calls among all refused ones.
fn measured_on_mantle(incident: &Incident, usage: &Usage) -> String {
    let refused = if incident.is_forecast() {
        String::new()
    } else {
        format!(
            ", and {} refused calls around this incident, throttled ones among them",
            number(usage.window_client_errors)
        )
    };
    format!(
        "CloudWatch measured at most {} requests, {} input tokens and {} output tokens in a minute on the bedrock-mantle endpoint{refused}.",
        number(usage.peak_requests),
        number(usage.peak(Limit::InputTokensPerMinute)),
        number(usage.peak(Limit::OutputTokensPerMinute))
    )
}

/// The quotas that a forecast is about, the fullest first.
fn near_quotas(incident: &Incident, evidence: &Evidence) -> Vec<String> {
    if incident.cause != Cause::NearQuota {
        return Vec::new();
    }
    let near = nearest(evidence);
    let full = near.iter().enumerate().filter(|(n, near)| *n == 0 || near.share() >= ALSO_NEAR);
    full.map(|(_, near)| of_near(near, evidence.now)).collect()
}

/// A further quota with at least this share in use is listed after the fullest.
const ALSO_NEAR: f64 = 0.5;

/// How close usage came to a quota, and when it will be full.
fn of_near(near: &QuotaUse, now: Timestamp) -> String {
    let span = if near.limit == Limit::TokensPerDay {
        "The last 24 hours"
    } else {
        "The busiest minute of the last 24 hours"
    };
    let used = format!(
        "{span} used {:.0} % of `{}`: {} of {} {}",
        near.share() * 100.0,
        near.quota.name,
        number(near.peak),
        number(near.applied),
        unit(near.limit)
    );
    if near.share() >= 1.0 {
        return format!("{used}.");
    }
    let Some(growth) = near.growth else {
        return format!(
            "{used}. The days' peaks do not grow steadily, so no day is named on which it is full."
        );
    };
    match near.full_on(now) {
        Some(day) => format!(
            "{used}. The days' peaks grow by about {} a day: at that pace it is full on {}.",
            number(growth),
            day.strftime("%F")
        ),
        None => format!(
            "{used}. The days' peaks grow by about {} a day, which fills it in no less than three months.",
            number(growth)
        ),
    }
}

/// What changed since the last notice.
fn since(told: &NoticeRecord, incident: &Incident, evidence: &Evidence) -> String {
    let more = match incident.counts.errors.saturating_sub(told.errors) {
        0 => "no more errors".to_owned(),
        1 => "one more error".to_owned(),
        n => format!("{} more errors", whole(n)),
    };
    let mut said = format!("Since the notice of {}: {more}", told.at.strftime("%F %H:%M UTC"));
    let is_silent = incident.counts.errors <= told.errors && incident.cause.is_throttle();
    if is_silent && evidence.usage.read().is_some_and(|usage| usage.window_throttles > 0.0) {
        said.push_str(" arrived, and CloudWatch counts throttled calls");
    }
    let Some(state) = evidence.asked().state else { return format!("{said}.") };
    let now = checklist(state);
    let of = |steps: &[&str]| told.missing.iter().filter(|s| steps.contains(&s.as_str())).collect::<Vec<_>>();
    let (still, done) = (of(&now.missing), of(&now.done));
    said.push('.');
    for step in done {
        let _ = write!(said, " Now: {}.", sentence(step));
    }
    for step in still {
        let _ = write!(said, " Still: {}", opposite(step));
    }
    said
}

/// Calls that failed, because the function lacks a permission or time ran out.
fn unanswered(evidence: &Evidence) -> Vec<String> {
    let mut said: Vec<String> = evidence.overdue.iter().map(overdue).collect();
    for error in evidence.unread_of_access() {
        let why = format!("AWS did not answer everything: {error}.");
        if !said.contains(&why) {
            said.push(why);
        }
    }
    said
}

/// What is unknown because AWS has not answered for a day.
fn overdue(overdue: &Overdue) -> String {
    let mut errors: Vec<String> = overdue.errors.iter().map(ToString::to_string).collect();
    errors.dedup();
    format!(
        "Since {} it is unknown {}, because AWS did not answer: {}.",
        overdue.since.strftime("%F %H:%M UTC"),
        overdue.question,
        errors.join("; ")
    )
}

/// The callers of the failed calls, by share.
fn callers(incident: &Incident) -> Option<String> {
    const MOST: usize = 4;
    let callers = incident.callers.all();
    let of = |share: &CallerShare| named_from(share.caller.as_deref(), share.agent.as_deref(), share.address);
    match callers.shares().as_slice() {
        // The time of the errors stands beside a single caller.
        [] | [_] => None,
        many => {
            let listed =
                many.iter().take(MOST).map(|(s, share)| format!("{:.0} % by {}", share * 100.0, of(s)));
            let calls = if incident.is_forecast() { "calls" } else { "failed calls" };
            Some(format!(
                "Of {} {calls} that were looked at: {}.",
                whole(callers.errors),
                listed.collect::<Vec<_>>().join("; ")
            ))
        }
    }
}

fn denial(incident: &Incident) -> Option<String> {
    let facts = &incident.facts;
    let action = facts.action.as_ref()?;
    let on = facts.resource.as_ref().map(|r| format!(" on `{r}`")).unwrap_or_default();
    let by = facts.policy.map(|kind| {
        let policy = match kind {
            PolicyKind::IdentityBased => "identity-based policies",
            PolicyKind::ResourceBased => "a resource-based policy",
            PolicyKind::PermissionsBoundary => "the permissions boundary",
            PolicyKind::Session => "the session policy",
            PolicyKind::ServiceControl => "a service control policy",
            PolicyKind::ResourceControl => "a resource control policy",
            PolicyKind::VpcEndpoint => "the VPC endpoint's policy",
        };
        let how = if facts.explicit_deny { "an explicit deny in" } else { "a missing allow in" };
        format!(", by {how} {policy}")
    });
    Some(format!("The denied action was `{action}`{on}{}.", by.unwrap_or_default()))
}
