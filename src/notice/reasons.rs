//! The evidence for the cause, in sentences: what was seen, read and searched, with each result.

use std::fmt::Write as _;

use jiff::Timestamp;

use crate::access::{Checklist, checklist};
use crate::callers::{Address, CallerShare, named};
use crate::diagnosis::{Cause, Many, PolicyKind, SHOWN};
use crate::error::Gathered;
use crate::evidence::{Evidence, Overdue, SearchStep, nearest};
use crate::incident::Incident;
use crate::incident::notice_kind::Kind;
use crate::incident::notices::NoticeRecord;
use crate::incident::record::Record;
use crate::incident::search::LogKind;
use crate::model::access::ModelState;
use crate::notice::who::who;
use crate::permission::{PolicyLayer, PolicyVerdict, Ruling};
use crate::quota::{Limit, unit};
use crate::text::{Safe, number, whole};
use crate::usage::headroom::QuotaUse;

/// All evidence, in the order in which a notice lists it.
pub(crate) fn because(kind: Kind, record: &Record, evidence: &Evidence) -> Vec<String> {
    let incident = &record.incident;
    let mut because = Vec::new();
    if matches!(kind, Kind::Reminder | Kind::Again) {
        because.extend(record.notices.last().map(|told| since(told, incident, evidence)));
    }
    because.extend(reported(incident));
    because.extend(incident.facts.many.as_ref().map_or_else(|| Some(told_by(incident)), many));
    because.extend(examples(incident));
    because.extend(models(incident));
    if let Some(why) = &incident.facts.models_unread {
        because.push(format!("Which models the alarm is about could not be read: {why}."));
    }
    if let Some(operation) = &incident.facts.operation {
        because.push(format!("The operation was `{operation}`."));
    }
    because.extend(unknown(incident));
    because.extend(denial(incident));
    because.extend(callers(incident));
    if let (Some(called), Some(model)) = (&incident.model, &evidence.model)
        && called != model
    {
        because.push(format!("The application inference profile `{called}` stands for `{model}`."));
    }
    if let Some(usage) = evidence.usage.read() {
        let throttled = if incident.is_forecast() {
            String::new()
        } else {
            format!(", and {} throttled calls around this incident", number(usage.recent_throttles))
        };
        because.push(format!(
            "CloudWatch measured at most {} requests and {} tokens in a minute{throttled}.",
            number(usage.peak_requests),
            number(usage.peak_tokens)
        ));
    }
    if incident.cause == Cause::NearQuota {
        let near = nearest(evidence);
        let full = near.iter().enumerate().filter(|(n, near)| *n == 0 || near.share() >= ALSO_NEAR);
        because.extend(full.map(|(_, near)| of_near(near, evidence.now)));
    }
    if let Gathered::Read(None) = evidence.model_state {
        because.push("Bedrock knows no such model in this Region.".to_owned());
    }
    if let Some(state) = evidence.asked().state {
        let Checklist { done, missing, .. } = checklist(state);
        let done = done.iter().map(|step| format!("{}.", sentence(step)));
        let said: Vec<String> = done.chain(missing.iter().map(|step| opposite(step))).collect();
        because.push(format!(
            "Bedrock reports for this model and Region (a hint, not proof): {}",
            said.join(" ")
        ));
        because.extend(life(state));
    }
    if evidence.asked().offers == Some(0) {
        because.push(
            "The provider offers this account no agreement for the model: only AWS or the provider can change that."
                .to_owned(),
        );
    }
    because.extend(simulated(evidence.asked().rulings));
    if let Gathered::Read(None) = evidence.profile {
        because.push("Bedrock has no such inference profile in this Region now.".to_owned());
    }
    because.extend(evidence.looked.iter().filter_map(looked));
    because.extend(who(evidence));
    because.extend(unanswered(evidence));
    because
}

/// How many, and when.
fn reported(incident: &Incident) -> Option<String> {
    let counts = incident.counts;
    let plural = |n: u64| if n == 1 { "" } else { "s" };
    let mut seen = Vec::new();
    if counts.errors > 0 {
        seen.push(format!("{} error{}", whole(counts.errors), plural(counts.errors)));
    }
    if counts.alarms > 0 {
        seen.push(format!("{} alarm{}", whole(counts.alarms), plural(counts.alarms)));
    }
    let minute = |at: Timestamp| at.strftime("%F %H:%M").to_string();
    let span = match (incident.first_seen.map(minute), incident.last_seen.map(minute)) {
        (Some(first), Some(last)) if first != last => format!(" from {first} to {last} UTC"),
        (Some(first), _) => format!(" at {first} UTC"),
        _ => String::new(),
    };
    (!seen.is_empty()).then(|| format!("{} reported{span}.", seen.join(" and ")))
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
    match (incident.rule, &incident.facts.code) {
        (Some(rule), Some(code)) if code.starts_with("AWS_") => {
            format!("AWS Health announced it as `{code}`; it fits the rule `{rule}`.")
        }
        (Some(rule), Some(code)) => {
            format!("The error text fits the rule `{rule}`; its code was `{code}`.")
        }
        (Some(rule), None) => format!("The error text fits the rule `{rule}`."),
        (None, _) if incident.is_forecast() && incident.counts.alarms == 0 => {
            "The daily watch saw it coming.".to_owned()
        }
        (None, _) if incident.counts.errors == 0 => {
            let metric = incident.facts.metric.as_deref().map(|m| format!(", `{m}`,"));
            format!(
                "Only the alarm's metric{} reports it; no error message was found.",
                metric.unwrap_or_default()
            )
        }
        (None, Some(code)) => format!("No rule knows this error text; its code was `{code}`."),
        (None, None) => "No rule knows this error text.".to_owned(),
    }
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

/// A sentence that an access step is not done. The ledger stores the steps in the words of [`checklist`].
fn opposite(step: &str) -> String {
    const OPPOSITES: &[(&str, &str)] = &[
        ("the model is active", "The model is not active."),
        ("the Region has the model", "The Region does not have the model."),
        ("the account is authorized", "The account is not authorized."),
        ("the agreement with the provider is in force", "The agreement with the provider is not in force."),
        ("Anthropic's use-case form was submitted", "Anthropic's use-case form was not submitted."),
    ];
    let known = OPPOSITES.iter().find(|(done, _)| *done == step);
    // A step that another version of this program recorded.
    known.map_or_else(|| format!("This is not done: {step}."), |(_, not)| (*not).to_owned())
}

/// When the model's lifecycle changes, if AWS gives the date.
fn life(state: &ModelState) -> Option<String> {
    let day = |at: Timestamp| at.strftime("%F").to_string();
    let life = match &state.life {
        Ok(Some(life)) => life,
        Ok(None) => {
            let ended =
                "Bedrock describes no such model in this Region: it has ended, or was never offered here.";
            return Some(ended.to_owned());
        }
        Err(_) => return None,
    };
    match (life.legacy_from, life.ends) {
        (Some(legacy), Some(ends)) => Some(format!(
            "AWS names the days: legacy from {}, no more calls from {}.",
            day(legacy),
            day(ends)
        )),
        (None, Some(ends)) => Some(format!("AWS names the day: no more calls from {}.", day(ends))),
        (Some(legacy), None) => Some(format!("AWS names the day: legacy from {}.", day(legacy))),
        (None, None) => None,
    }
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

/// The IAM policy simulator's rulings.
fn simulated(rulings: &[Ruling]) -> Option<String> {
    let mut missing: Vec<&str> =
        rulings.iter().flat_map(|r| &r.missing_context).map(String::as_str).collect();
    missing.sort_unstable();
    missing.dedup();
    let is_open = |r: &Ruling| r.verdict == PolicyVerdict::Undetermined;
    if rulings.is_empty() || (missing.is_empty() && rulings.iter().all(is_open)) {
        let why = "What the caller's policies allow is undetermined: another account's decide too.";
        return (!rulings.is_empty()).then(|| why.to_owned());
    }
    let mut groups: Vec<(&'static str, Vec<&str>)> = Vec::new();
    for ruling in rulings {
        let said = match (ruling.verdict, ruling.layer) {
            (PolicyVerdict::Allowed, _) => "allowed",
            (PolicyVerdict::ExplicitDeny, Some(PolicyLayer::Organization)) => {
                "denied explicitly by the organization"
            }
            (PolicyVerdict::ExplicitDeny, _) => "denied explicitly",
            (PolicyVerdict::ImplicitDeny, Some(PolicyLayer::Organization)) => {
                "not allowed by the organization"
            }
            (PolicyVerdict::ImplicitDeny, Some(PolicyLayer::PermissionsBoundary)) => {
                "not allowed by the permissions boundary"
            }
            (PolicyVerdict::ImplicitDeny, None) => "allowed by no policy",
            (PolicyVerdict::Undetermined, _) => "undetermined",
        };
        match groups.iter_mut().find(|(known, _)| *known == said) {
            Some((_, resources)) => resources.push(&ruling.resource),
            None => groups.push((said, vec![&ruling.resource])),
        }
    }
    let all = rulings.len();
    let parts = groups.into_iter().map(|(said, resources)| match resources.len() {
        1 if all == 1 => format!("the one resource that the call needs is {said}"),
        n if n == all => format!("all {n} resources that the call needs are {said}"),
        n if said == "allowed" => format!("{n} of the {all} resources that the call needs are {said}"),
        _ => {
            let named = resources.iter().map(|r| format!("`{}`", Safe::line(r, 256)));
            let verb = if resources.len() == 1 { "is" } else { "are" };
            format!("{} {verb} {said}", named.collect::<Vec<_>>().join(", "))
        }
    });
    let parts = parts.collect::<Vec<_>>().join("; ");
    let keys: Vec<String> = missing.iter().map(|key| format!("`{}`", Safe::line(key, 128))).collect();
    let unknown = match keys.as_slice() {
        [] => String::new(),
        keys => format!("; policies need {}, which the function does not know", keys.join(", ")),
    };
    Some(format!(
        "IAM's policy simulator, which does not know session, endpoint and resource policies, says: {parts}{unknown}."
    ))
}

/// Where the errors behind an alarm were searched for.
fn looked(looked: &SearchStep) -> Option<String> {
    let log = |kind: &LogKind| match kind {
        LogKind::Invocation => "the model-invocation log",
        LogKind::Application => "the applications' logs",
    };
    let calls = |n: usize| whole(n as u64);
    Some(match looked {
        SearchStep::Trail { read, is_whole, found } => {
            let all = if *is_whole { "all" } else { "the latest" };
            let what = match found {
                0 => "none of them is an error of this kind".to_owned(),
                1 => "one of them is an error of this kind".to_owned(),
                n => format!("{} of them are errors of this kind", calls(*n)),
            };
            match read {
                0 => "CloudTrail's event history shows no failed call around the alarm. It may be late by minutes, and not every throttle is recorded: the function reads it again for half an hour, and sends a notice if that changes what to do.".to_owned(),
                n => format!("CloudTrail's event history was read, {all} {} events around the alarm: {what}.", calls(*n)),
            }
        }
        SearchStep::TrailTooBusy { calls, most } => format!(
            "CloudTrail's event history was not searched: it shows the latest {} events at most, and at least {} calls around the alarm hide the few errors among them.",
            whole(*most as u64),
            number(*calls)
        ),
        SearchStep::LedgerUnread(error) => format!(
            "The ledger could not be read for incidents that explain the alarm: {error}. You may have a notice of one of them already."
        ),
        SearchStep::NotInTrail => "CloudTrail's event history was not searched: it holds no calls of the bedrock-mantle endpoint, which are data events.".to_owned(),
        SearchStep::TrailUnread(error) => format!("CloudTrail's event history could not be read: {error}."),
        SearchStep::LogsGoingOn(kind) => {
            format!(
                "A search through {} has begun. You will get a notice if what it finds changes what to do.",
                log(kind)
            )
        }
        SearchStep::Logs { kind, found: 0 } => format!("A search through {} found no error.", log(kind)),
        SearchStep::Logs { kind, found } => {
            format!("A search through {} found {} errors.", log(kind), calls(*found))
        }
        SearchStep::LogsNotNamed(_) => return None,
        SearchStep::LogsUnread(kind, error) => format!("{} could not be searched: {error}.", sentence(log(kind))),
        SearchStep::InvocationLogging(Ok(Some(group))) => format!(
            "Model invocations are logged to `{}`, which the function is not configured to search.",
            Safe::line(group, 256)
        ),
        SearchStep::InvocationLogging(Ok(None)) => "Model invocations are not logged in this Region.".to_owned(),
        SearchStep::InvocationLogging(Err(error)) => {
            format!("The function could not read whether model invocations are logged: {error}.")
        }
    })
}

/// `text` with a capital first letter.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
}

/// The callers of the failed calls, by share.
fn callers(incident: &Incident) -> Option<String> {
    const MOST: usize = 4;
    let callers = incident.callers.all();
    let of = |share: &CallerShare| {
        let from = match share.address {
            Some(Address::Private) => " from a private address",
            Some(Address::Public) => " from the internet",
            Some(Address::AwsService) => " through an AWS service",
            None => "",
        };
        format!("{}{from}", named(share.caller.as_deref(), share.agent.as_deref()))
    };
    match callers.shares().as_slice() {
        [] => None,
        // The summary names this caller already.
        [(only, _)] if incident.caller.is_some() && only.agent.is_none() && only.address.is_none() => None,
        [(only, share)] if *share > 0.99 => Some(format!("The calls were made by {}.", of(only))),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::access::{Availability, UseCaseForm};
    use crate::model::lifecycle::{Lifecycle, ModelLife};

    #[test]
    fn each_step_that_is_missing_is_a_sentence_that_says_so() {
        let shut = ModelState {
            life: Ok(Some(ModelLife { lifecycle: Lifecycle::Legacy, ..ModelLife::default() })),
            agreement: Availability::Pending,
            authorized: false,
            region: Availability::NotAvailable,
            form: UseCaseForm::Missing,
        };
        let Checklist { done, missing, .. } = checklist(&shut);
        assert_eq!((done.len(), missing.len()), (0, 5));
        for step in missing {
            let said = opposite(step);
            assert!(said.contains(" not ") && !said.contains("This is"), "{said}");
            assert!(!sentence(step).contains(" not "), "{step}");
        }
    }

    #[test]
    fn a_step_that_nobody_knows_any_more_is_told_as_not_done() {
        assert_eq!(opposite("the moon is full"), "This is not done: the moon is full.");
    }
}
