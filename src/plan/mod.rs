//! Decides what to do about an incident. The plan is data.
//!
//! Invariant: Pure. Every action that was possible but is not taken is listed with its reason.

pub mod action;
mod choose_quota;
mod feature;
mod guards;
pub mod execution;
mod justification;
pub(crate) mod steps;
mod follow;
mod increase;
mod proof;
mod remembered;
mod size;
mod suspect;
mod withheld_increase;

use crate::access;
use crate::config::Config;
use crate::diagnosis::{Category, Cause, RULES, WIDER_PROFILE};
use crate::evidence::Evidence;
use crate::identity::FunctionIdentity;
use crate::incident::Incident;
pub use crate::plan::action::{Action, Increase, Plan, Reason, Step, Withheld};
pub(crate) use crate::plan::remembered::{beyond_budget, closed_unchanged, cooling_down, suspected};
pub use crate::plan::size::round_up;
use crate::plan::steps::{agent_core, approve, model_id, request_body, retry, room, unanswered, visible};
pub(crate) use crate::plan::suspect::{codes, demand, remembered_suspicion};

/// Builds the plan. `identity` names the function in the commands for a person.
pub fn plan(incident: &Incident, evidence: &Evidence, config: &Config, identity: &FunctionIdentity) -> Plan {
    let mut plan = Plan::default();
    let row = incident.rule.and_then(|id| RULES.iter().find(|r| r.id == id));
    // Without a rule, only a metric is known. The last rule of the cause, the most general, fits then.
    let row = row.or_else(|| RULES.iter().rfind(|r| r.cause == incident.cause));
    plan.advice = row.map(|r| r.advice.iter().map(|a| (*a).to_owned()).collect()).unwrap_or_default();
    plan.reference = row.map(|r| r.reference);
    match incident.cause.category() {
        Category::Quota => increase::decide(incident, evidence, config, &mut plan),
        Category::ModelAccess | Category::Permission => remind(incident, evidence, &mut plan),
        Category::Request => plan.steps = request_body::correction(incident),
        Category::ModelId => {
            plan.steps = request_body::correction(incident);
            if incident.cause != Cause::UnsupportedOperation {
                plan.steps.extend(model_id::steps(incident, evidence));
            }
        }
        Category::Capacity | Category::Credentials => {}
        Category::Other if incident.facts.is_of_agent_core() => {}
        Category::Other => plan.steps = visible::steps(incident, evidence),
    }
    if incident.facts.many.is_some() {
        plan.advice = MANY.map(str::to_owned).to_vec();
    }
    if incident.cause == Cause::NearQuota {
        plan.reference = Some("https://docs.aws.amazon.com/bedrock/latest/userguide/quotas-increase.html");
        if plan.suspicion.is_none() {
            plan.advice = NEAR.map(str::to_owned).to_vec();
        }
    }
    if incident.facts.is_of_agent_core() {
        plan.reference = Some(agent_core::LIMITS);
        if incident.cause.category() != Category::Quota {
            plan.advice = vec![agent_core::RETRY.to_owned()];
        }
    }
    if let Some(step) = room::first_step(&evidence.room).filter(|_| plan.suspicion.is_none()) {
        plan.steps.insert(0, step);
        plan.advice.retain(|advice| advice != WIDER_PROFILE);
    }
    plan.steps.extend(retry::steps(incident));
    if incident.is_metric_only() && incident.facts.is_of_agent_core() {
        plan.steps.extend(agent_core::resources(incident));
    } else if incident.is_metric_only() && incident.cause.category() != Category::Other {
        plan.steps.extend(visible::steps(incident, evidence));
    }
    // Without an entry, nothing else about the account is known.
    plan.steps.splice(0..0, unanswered::entry(evidence.unread()));
    if plan.waits_for_a_person() {
        plan.steps.extend(approve::steps(incident, config, identity));
    }
    plan
}

/// Advice before calls are throttled.
const NEAR: [&str; 2] = [
    "A request reserves its input and `max_tokens` when it is admitted: `max_tokens` no larger than the answers need leaves room in the same quota.",
    "AWS takes days to decide on an increase. A profile of wider reach, cross-Region or global, has a quota of its own and needs no waiting.",
];

/// Advice if many errors are counted together.
const MANY: [&str; 2] = [
    "A client that makes up model ids or resources causes this, and so does whoever can write to a log that is subscribed. Find who sends the errors before you look at single ones.",
    "Throttles and missing steps of access that AWS recorded are told by themselves meanwhile, and so is every incident that was open before.",
];

/// Adds the missing step, addressed to the person who can take it.
pub(crate) fn remind(incident: &Incident, evidence: &Evidence, plan: &mut Plan) {
    let asked = evidence.asked();
    let (model, place) = (evidence.model.as_ref(), incident.place());
    let reminder = access::reminder(incident.cause, model, place.as_ref(), &incident.facts, &asked);
    if let Some(reminder) = reminder {
        plan.steps = steps::access::steps(&reminder);
        plan.actions.push(Action::RemindAccess(reminder));
    }
    // If the Region lacks the model, no access step helps, but another id may.
    if evidence.offered.read().is_some() {
        plan.steps.extend(model_id::steps(incident, evidence));
    }
    if let Some(successor) = &evidence.successor {
        plan.steps.insert(0, steps::access::replace_by(successor));
    }
    let missing = access::missing(incident.cause, &asked);
    if let Some(row) = RULES.iter().rfind(|r| r.cause == missing && r.cause != incident.cause) {
        plan.advice = row.advice.iter().map(|a| (*a).to_owned()).collect();
        plan.reference = Some(row.reference);
    }
}
