//! What Bedrock and IAM report of access to a model, in sentences.
//!
//! Invariant: A report is a hint and no proof, and each sentence says whose it is.

use jiff::Timestamp;

use crate::access::{Checklist, checklist};
use crate::error::Gathered;
use crate::evidence::Evidence;
use crate::model::access::ModelState;
use crate::permission::{PolicyLayer, PolicyVerdict, Ruling};
use crate::text::{Safe, sentence};

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
