//! What to change in the body of a request.

use crate::diagnosis::{Cause, UNNAMED_FIELD};
use crate::incident::Incident;
use crate::plan::action::Step;
use crate::text::whole;

/// What to change in a request or an id, as specifically as the error allows.
pub(crate) fn correction(incident: &Incident) -> Vec<Step> {
    let facts = &incident.facts;
    let mut steps = Vec::new();
    let mut say = |text: String, command: Option<String>| steps.push(Step { text, command, link: None });
    match (incident.cause, facts.requested, facts.limit) {
        (Cause::MaxTokens, Some(asked), Some(limit)) => {
            say(
                format!(
                    "You asked for {} output tokens; this model allows {}: lower `max_tokens`.",
                    whole(asked),
                    whole(limit)
                ),
                None,
            );
        }
        (Cause::MaxTokens, None, Some(limit)) => {
            say(format!("This model allows {} output tokens: lower `max_tokens`.", whole(limit)), None);
        }
        (Cause::ContextLength, Some(asked), Some(limit)) => {
            say(
                format!(
                    "The request needs room for {} tokens where the model has {}: shorten the input or lower `max_tokens`.",
                    whole(asked),
                    whole(limit)
                ),
                None,
            );
        }
        (_, Some(asked), Some(limit)) if incident.cause.is_per_caller() => {
            say(format!("The value was {} and the limit is {}.", whole(asked), whole(limit)), None);
        }
        _ => {}
    }
    if let Some(field) = facts.field.as_ref().filter(|_| incident.cause != Cause::MaxTokens) {
        let what = match field.as_str() {
            UNNAMED_FIELD => {
                "Look at the keys of the request's body: one of them is not of the model's request schema."
                    .to_owned()
            }
            named => format!("Look at the field `{named}` of the request."),
        };
        say(what, None);
    }
    steps
}
