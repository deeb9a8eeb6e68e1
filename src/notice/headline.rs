//! Titles and first sentences: what happened.

use crate::diagnosis::Cause;
use crate::incident::Incident;
use crate::incident::notice_kind::Kind;
use crate::notice::outcome::Outcome;
use crate::quota::record::{Suspect, Suspicion};
use crate::text::Safe;

/// Calls of a model that will end soon are not refused yet.
fn of(incident: &Incident) -> (&'static str, &'static str) {
    match incident.cause {
        Cause::LegacyModel if incident.is_forecast() => (
            "A model in use ends",
            "are answered for now and will be refused: the model is legacy, or AWS has named its end",
        ),
        _ if incident.facts.many.is_some() => (
            "Many different errors",
            "fail with many different errors: more new kinds in an hour than one notice each can cover, so this notice covers them together",
        ),
        cause if cause.is_throttle() && !incident.facts.quotas.is_empty() => {
            ("Throttled", "were throttled: more in a second than the quota of the operation allows")
        }
        cause => (cause.title(), cause.meaning()),
    }
}

/// One line: what, which model, where. `was_over`: the last notice said that the incident is over.
pub(super) fn title(incident: &Incident, kind: Kind, was_over: bool) -> String {
    let (what, _) = of(incident);
    format!("{}{what}{}", still(kind, was_over), of_where(incident))
}

/// The title of the last notice of an incident. No error has arrived for long, and AWS does not answer.
pub(super) fn forgotten_title(incident: &Incident) -> String {
    let (what, _) = of(incident);
    format!("No longer followed: {what}{}", of_where(incident))
}

const fn still(kind: Kind, was_over: bool) -> &'static str {
    match kind {
        Kind::Again if was_over => "Again: ",
        Kind::Again => "Still: ",
        Kind::Reminder => "Reminder: ",
        Kind::Resolved => "Over: ",
        Kind::Unanswered => "AWS does not answer about: ",
        _ => "",
    }
}

/// The title if a person must check the callers. `is_news`: no notice was sent since the suspicion began.
pub(super) fn suspicious_title(incident: &Incident, kind: Kind, suspect: Suspect, is_news: bool) -> String {
    let what = if suspect == Suspect::Loop { "Possible loop" } else { "Possible misuse" };
    let still = if is_news { "" } else { still(kind, false) };
    format!("{still}{what}{}", of_where(incident))
}

/// What is suspected, in one or two sentences.
pub(super) fn suspicious(suspicion: &Suspicion) -> String {
    let what = match suspicion.kind {
        Suspect::Jump => "Use has jumped",
        Suspect::Ramp => "Use grows faster than a service usually does",
        Suspect::NewModel => "A model that was hardly used fills its quota",
        Suspect::Stranger => "Callers that were not seen before use the quota",
        Suspect::Root => "The account's root user calls",
        Suspect::Loop => "Demand follows each raise of the quota, as in a loop",
    };
    let may_be = if suspicion.kind == Suspect::Loop { "" } else { ", which may be stolen credentials" };
    format!(
        "{what}{may_be}: somebody has to look who calls, and no increase is filed until a person approves it."
    )
}

pub(super) fn outcome_title(incident: &Incident, outcome: &Outcome) -> String {
    format!("Quota increase {}{}", outcome.how.as_str().replace('-', " "), of_where(incident))
}

pub(super) fn open_request_title(incident: &Incident) -> String {
    format!("Reminder: AWS has not decided the quota increase{}", of_where(incident))
}

fn of_where(incident: &Incident) -> String {
    let model = match (incident.facts.models.len(), &incident.model) {
        (many @ 2.., _) => format!(": {many} models"),
        (_, Some(model)) => format!(": {model}"),
        // Without a model, the operation tells which limit it is.
        (_, None) if !incident.facts.quotas.is_empty() || incident.facts.is_of_agent_core() => {
            incident.facts.operation.as_ref().map(|name| format!(": {name}")).unwrap_or_default()
        }
        (_, None) => String::new(),
    };
    let region = incident.region.as_ref().map(|r| format!(" in {r}")).unwrap_or_default();
    format!("{model}{region}")
}

/// What happened.
pub(super) fn summary(incident: &Incident) -> String {
    let (_, meaning) = of(incident);
    let model = match (incident.facts.models.len(), &incident.model) {
        (many @ 2.., _) => format!("{many} models"),
        (_, Some(model)) => format!("`{model}`"),
        (_, None) => incident.facts.answered_by.as_deref().unwrap_or("Bedrock").to_owned(),
    };
    let region = incident.region.as_ref().map_or_else(|| "an unknown Region".to_owned(), ToString::to_string);
    let account =
        incident.account.as_ref().map_or_else(|| "an unknown account".to_owned(), |a| format!("account {a}"));
    let caller =
        incident.caller.as_deref().and_then(Safe::arn).map(|c| format!(" by `{c}`")).unwrap_or_default();
    format!("Calls of {model}{caller} from {region}, {account}, {meaning}.")
}
