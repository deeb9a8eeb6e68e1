//! What a person does if AWS does not answer the function.

use crate::error::{Rejection, ServiceError};
use crate::ids::{AccountRegion, QuotaCode};
use crate::plan::action::Step;
use crate::plan::steps::increase::look_at;

/// The step if the function cannot enter the account, which is a member of the organization; `None` if it can.
pub(crate) fn entry<'e>(errors: impl IntoIterator<Item = &'e ServiceError>) -> Option<Step> {
    let text = errors.into_iter().find_map(|error| match error {
        ServiceError::Rejected(Rejection::Unreachable, why) => Some(format!(
            "Let the function enter the account: {why}. A stack of `member.yaml` makes the role with its trust. The function tries again at its next look."
        )),
        ServiceError::Rejected(Rejection::NotAccepted, _) => Some(
            "Check that the account has enabled the Region: no service there accepts the function's credentials. The function tries again at its next look."
                .to_owned(),
        ),
        _ => None,
    })?;
    Some(Step { text, command: None, link: None })
}

/// Steps about `errors`, the answers for a day. `followed` is the quota of a request that the incident follows.
pub(crate) fn steps(errors: &[ServiceError], followed: Option<(&AccountRegion, &QuotaCode)>) -> Vec<Step> {
    let mut steps: Vec<Step> = entry(errors).into_iter().collect();
    let denied =
        errors.iter().filter_map(|e| if let ServiceError::Denied(action) = e { Some(action) } else { None });
    for action in denied {
        steps.push(Step {
            text: format!(
                "Give the function's role the right `{action}`. The stack's template grants it: look for a permissions boundary or a policy of the organization that takes it away."
            ),
            command: None,
            link: None,
        });
    }
    if let Some((place, code)) = followed {
        steps.push(look_at(place, code));
    }
    if steps.is_empty() {
        steps.push(Step {
            text: "Look at AWS Health and at the function's log. The function keeps asking AWS.".to_owned(),
            command: None,
            link: Some("https://health.aws.amazon.com/health/status".to_owned()),
        });
    }
    steps
}
