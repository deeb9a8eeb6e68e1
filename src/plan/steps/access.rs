//! Who takes the missing step of model access or permission, and how.
//!
//! Invariant: The texts and commands of a reminder come from [`crate::access`]. Here they become steps.

use crate::access::Reminder;
use crate::model::ModelId;
use crate::plan::action::Step;

/// The reminder's step for its audience, and one step for each of its commands.
pub(crate) fn steps(reminder: &Reminder) -> Vec<Step> {
    let mut steps = vec![Step {
        text: format!("For {}: {}", reminder.audience, reminder.text),
        command: None,
        link: reminder.link.clone(),
    }];
    for command in &reminder.commands {
        let looks = [" get-", " list-", " lookup-"].iter().any(|verb| command.contains(verb));
        let text = match command.starts_with('{') {
            true => "The least statement that allows it.",
            false if looks => "See the present state.",
            false => "Or do it by command.",
        };
        steps.push(Step { text: text.to_owned(), command: Some(command.clone()), link: None });
    }
    steps
}

/// Which model to call instead of a legacy one.
pub(crate) fn replace_by(newest: &ModelId) -> Step {
    Step {
        text: format!(
            "The newest active model of its family here is `{newest}`. Where it answers only through an inference profile, call the profile of that model."
        ),
        command: None,
        link: None,
    }
}
