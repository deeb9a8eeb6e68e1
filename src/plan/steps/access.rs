//! Who takes the missing step of model access or permission, and how.
//!
//! Invariant: The texts and commands of a reminder come from [`crate::access`]. Here they become steps.

use crate::access::{Checklist, Reminder, checklist};
use crate::error::Gathered;
use crate::evidence::Successor;
use crate::model::access::ModelState;
use crate::plan::action::Step;

/// The reminder's step for its audience, with the statement that it needs, and one step for each of its commands.
pub(crate) fn steps(reminder: &Reminder) -> Vec<Step> {
    let (statements, commands): (Vec<&String>, Vec<&String>) =
        reminder.commands.iter().partition(|command| command.starts_with('{'));
    let statement = statements.first().map(|statement| (*statement).clone());
    let least = if statement.is_some() { " This is the least statement that allows it:" } else { "" };
    let mut steps = vec![Step {
        text: format!("For {}: {}{least}", reminder.audience, reminder.text),
        command: statement,
        link: reminder.link.clone(),
    }];
    for command in commands {
        // A command that changes something may read a value of it with a second one, in `$(…)`.
        let outer = command.split("$(").next().unwrap_or(command);
        let looks = [" get-", " list-", " lookup-"].iter().any(|verb| outer.contains(verb));
        let text = match looks {
            true if outer.contains(OFFERS) => "Read the offers and their terms.",
            true => "See the present state.",
            false if outer.contains(AGREE) => {
                "Or accept the first offer by command, once its terms are read."
            }
            false => "Or do it by command.",
        };
        steps.push(Step { text: text.to_owned(), command: Some(command.clone()), link: None });
    }
    steps
}

const OFFERS: &str = "list-foundation-model-agreement-offers";
const AGREE: &str = "create-foundation-model-agreement";

/// Which model to call instead of a legacy one, and whether the account may call it.
pub(crate) fn replace_by(successor: &Successor) -> Step {
    let Successor { model, state } = successor;
    Step {
        text: format!(
            "The newest active model of its family here is `{model}`. Where it answers only through an inference profile, call the profile of that model. {}",
            granted(state)
        ),
        command: None,
        link: None,
    }
}

/// Whether the account has access to a model, as far as Bedrock reports.
fn granted(state: &Gathered<Option<ModelState>>) -> String {
    let unknown = "Whether this account has access to it could not be read.";
    let Some(Some(state)) = state.read() else { return unknown.to_owned() };
    let Checklist { missing, unread, .. } = checklist(state);
    match (missing.as_slice(), unread.as_slice()) {
        ([], []) => "Bedrock reports that this account has access to it (a hint, not proof).".to_owned(),
        ([], _) => unknown.to_owned(),
        (missing, _) => {
            format!("Bedrock does not report yet that {}: do this first.", missing.join(", and that "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ServiceError;
    use crate::model::ModelId;
    use crate::model::access::{Availability, UseCaseForm};

    #[test]
    fn the_step_says_whether_the_account_has_access_to_the_successor() {
        let model = ModelId::parse("anthropic.claude-haiku-4-5-20251001-v1:0").unwrap();
        let unread = || ServiceError::Unavailable("no answer".to_owned());
        let lacking = ModelState {
            agreement: Availability::NotAvailable,
            form: UseCaseForm::Missing,
            ..ModelState::default()
        };
        let half_read = ModelState { form: UseCaseForm::Unread(unread()), ..ModelState::default() };
        for (state, said) in [
            (Gathered::Read(Some(ModelState::default())), "reports that this account has access to it"),
            (
                Gathered::Read(Some(lacking)),
                "does not report yet that the agreement with the provider is in force, and that Anthropic's use-case form was submitted: do this first.",
            ),
            (Gathered::Read(Some(half_read)), "could not be read"),
            (Gathered::Read(None), "could not be read"),
            (Gathered::Unread(unread()), "could not be read"),
        ] {
            let step = replace_by(&Successor { model: model.clone(), state });
            assert!(step.text.contains(said), "{}", step.text);
        }
    }
}
