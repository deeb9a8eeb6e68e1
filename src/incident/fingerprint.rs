//! Which incident an error belongs to.
//!
//! Invariant: The same account, Region, model, family of causes and caller give the same id, in every version of this
//! program. The ledger keeps incidents under it.

use crate::diagnosis::Category;
use crate::ids::{AccountId, IncidentId, Region, short_hash};
use crate::incident::sender::Sender;
use crate::incident::symptom::Symptom;
use crate::model::ModelId;
use crate::quota::Variant;
use crate::text::Safe;

/// The identity of an incident: `v1|account|region|model_id|family|caller`. Two errors with the same fingerprint belong
/// to the same incident. For a wrong model id the model is left out, and the caller, or else the sender, is always part
/// of it. An error about a quota that is not of model inference is kept apart by that quota, and by the operation if every
/// operation has a quota of its own. A cause that one step fixes for the whole account has neither model nor caller; see
/// [`Cause::is_of_account`](crate::diagnosis::Cause::is_of_account).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// The identity of the incident that `symptom` belongs to.
    pub(crate) fn of(symptom: &Symptom) -> Self {
        let dash = "-";
        let cause = symptom.diagnosis.cause;
        let caller = symptom.caller.clone().filter(|_| cause.is_per_caller());
        // For wrong model ids, the caller distinguishes incidents.
        let (model, caller) = if cause.is_of_wrong_id() {
            (None, caller.or_else(|| Some(symptom.sender.to_string())))
        } else if cause.is_of_account() {
            (None, None)
        } else {
            (symptom.model.as_ref(), caller)
        };
        Self(format!(
            "v1|{}|{}|{}|{}{}{}|{}",
            symptom.account.as_ref().map_or(dash, AccountId::as_str),
            symptom.region.as_ref().map_or(dash, Region::as_str),
            model.map_or(dash, ModelId::as_str),
            cause.family(),
            variant(symptom),
            part_of(symptom),
            caller.as_deref().unwrap_or(dash),
        ))
    }

    /// The incident that collects what exceeds a bound: that of `sender`, or, for `None`, that of the account and
    /// Region.
    pub(crate) fn of_many(
        account: Option<&AccountId>,
        region: Option<&Region>,
        sender: Option<&Sender>,
    ) -> Self {
        Self(format!(
            "v1|{}|{}|-|many|{}",
            account.map_or("-", AccountId::as_str),
            region.map_or("-", Region::as_str),
            sender.map_or_else(|| "-".to_owned(), ToString::to_string),
        ))
    }

    /// The id of this fingerprint's incident.
    pub fn id(&self) -> IncidentId {
        IncidentId::from_hash(&short_hash(&self.0))
    }
}

/// What distinguishes incidents of one family.
fn part_of(symptom: &Symptom) -> String {
    let facts = &symptom.diagnosis.facts;
    match facts.quotas.as_slice() {
        [] if facts.is_of_agent_core() => {
            format!(":agentcore:{}", facts.operation.as_deref().unwrap_or("-"))
        }
        [] => denied(symptom),
        quotas => {
            let is_per_operation = facts.feature_quotas().iter().any(|row| row.is_per_operation());
            let operation = facts.operation.as_deref().filter(|_| is_per_operation);
            let operation = operation.map_or_else(String::new, |name| format!("/{name}"));
            format!(":{}{operation}", quotas.iter().map(Safe::as_str).collect::<Vec<_>>().join("+"))
        }
    }
}

/// The variant that a quota error is about, if it is known and not the standard one: it has quotas of its own.
fn variant(symptom: &Symptom) -> String {
    let variant = symptom.diagnosis.facts.variant.filter(|variant| *variant != Variant::Standard);
    variant
        .filter(|_| symptom.diagnosis.cause.category() == Category::Quota)
        .map_or_else(String::new, |v| format!("/{v}"))
}

/// What was denied, for permission causes: a role that lacks three permissions has three problems. If the model is
/// known, the action is enough, because the calls of an inference profile are denied in varying Regions.
fn denied(symptom: &Symptom) -> String {
    let facts = &symptom.diagnosis.facts;
    if symptom.diagnosis.cause.category() != Category::Permission {
        return String::new();
    }
    let action = facts.action.as_deref().or(facts.operation.as_deref());
    // An organization policy denies an action in the whole account.
    let is_of_account = symptom.diagnosis.cause.is_of_account();
    let resource = facts.resource.as_deref().filter(|_| symptom.model.is_none() && !is_of_account);
    let parts: Vec<&str> = [""].into_iter().chain(action).chain(resource).collect();
    parts.join(":")
}
