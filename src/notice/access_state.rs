//! What Bedrock and IAM report of access to a model, in sentences.
//!
//! Invariant: A report is a hint and no proof, and each sentence says whose it is.

use jiff::Timestamp;

use crate::access::{Checklist, checklist};
use crate::error::Gathered;
use crate::evidence::Evidence;
use crate::model::access::ModelState;
use crate::model::lifecycle::{IDLE, Lifecycle, ModelLife};
use crate::permission::{PolicyLayer, PolicyVerdict, Ruling};
use crate::text::{Safe, sentence};
use crate::time::after;

/// The state of the model, the offers of its provider, and the caller's permissions, as far as they were asked for.
pub(super) fn sentences(evidence: &Evidence) -> Vec<String> {
    let mut said = Vec::new();
    if let Gathered::Read(None) = evidence.model_state {
        said.push("Bedrock knows no such model in this Region.".to_owned());
    }
    if let Some(state) = evidence.asked().state {
        let Checklist { done, missing, .. } = checklist(state);
        let done = done.iter().map(|step| format!("{}.", sentence(step)));
        let steps: Vec<String> = done.chain(missing.iter().map(|step| opposite(step))).collect();
        said.push(format!(
            "Bedrock reports for this model and Region (a hint, not proof): {}",
            steps.join(" ")
        ));
        said.extend(life(state));
        said.extend(idle(state, evidence));
    }
    if evidence.asked().offers == Some(0) {
        said.push(
            "The provider offers this account no agreement for the model: only AWS or the provider can change that."
                .to_owned(),
        );
    }
    said.extend(simulated(evidence.asked().rulings));
    said
}

/// A sentence that an access step is not done. The ledger stores the steps in the words of [`checklist`].
pub(super) fn opposite(step: &str) -> String {
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
    let life = match &state.life {
        Ok(Some(life)) => life,
        Ok(None) => {
            let ended =
                "Bedrock describes no such model in this Region: it has ended, or was never offered here.";
            return Some(ended.to_owned());
        }
        Err(_) => return None,
    };
    let dates = [
        life.legacy_from.map(|at| format!("legacy from {}", day(at))),
        life.extended_from
            .map(|at| format!("extended access, at a price that may be higher, from {}", day(at))),
        life.ends.map(|at| format!("no more calls from {}", day(at))),
    ];
    let dates: Vec<String> = dates.into_iter().flatten().collect();
    let named = match dates.as_slice() {
        [] => None,
        [one] => Some(format!("AWS names the day: {one}.")),
        several => Some(format!("AWS names the days: {}.", several.join("; "))),
    };
    let said: Vec<String> = named.into_iter().chain(no_last_day(life)).collect();
    (!said.is_empty()).then(|| said.join(" "))
}

/// How soon a model may end for which AWS names no last day.
fn no_last_day(life: &ModelLife) -> Option<String> {
    let is_legacy = life.lifecycle == Lifecycle::Legacy || life.legacy_from.is_some();
    if life.ends.is_some() || !is_legacy {
        return None;
    }
    let of_launch = if life.has_short_notice()? {
        "Models launched since 2026-09-07 may end 45 days after they become legacy"
    } else {
        "Models launched before 2026-09-07 stay legacy for at least six months"
    };
    let this = life
        .earliest_end()
        .map(|end| format!(", so calls of this one may end from {} on", day(end)))
        .unwrap_or_default();
    Some(format!("AWS names no last day yet. {of_launch}{this}."))
}

/// When the account loses a legacy model that it does not call. Only calls that CloudWatch shows count.
fn idle(state: &ModelState, evidence: &Evidence) -> Option<String> {
    let is_legacy = matches!(&state.life, Ok(Some(life)) if life.lifecycle == Lifecycle::Legacy);
    let usage = evidence.usage.read().filter(|_| is_legacy)?;
    let why = "Bedrock takes a legacy model away from an account that does not call it for 15 days, or 30 for some models";
    let Some(last) = usage.last_use else {
        return Some(format!("{why}. CloudWatch shows no call in the last 14 days."));
    };
    let [first, latest] = IDLE.map(|wait| day(after(last, wait)));
    Some(format!(
        "{why}. CloudWatch shows the last call at {} UTC: this account may lose the model if nobody calls it until {first}, or {latest} at the latest.",
        last.strftime("%F %H:%M")
    ))
}

fn day(at: Timestamp) -> String {
    at.strftime("%F").to_string()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::access::{Availability, UseCaseForm};

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
