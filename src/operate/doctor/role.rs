//! Checks the function's role: the permissions that it needs, and which of them IAM's policy simulator denies.

use crate::iam_action::{HeldOn, IamAction};
use crate::ids::Arn;
use crate::operate::doctor::check::{Check, Finding};
use crate::operate::doctor::patient::Installation;
use crate::permission::PolicyVerdict;
use crate::ports::Setup;

/// Checks the function's role with the IAM policy simulator.
pub(super) async fn rights<W: Setup>(world: &W, patient: &Installation<'_>) -> Check {
    const NAME: &str = "role";
    let Some(role) = patient.role else {
        let seen = "which role? name it with --role or the variable ROLE_ARN".to_owned();
        return Check { name: NAME, finding: Finding::Unknown, seen, blind_to: None, mend: None };
    };
    let (mut lacking, mut asked) = (Vec::new(), 0);
    for on in HeldOn::ALL {
        let Some(resource) = resource(patient, on, role) else { continue };
        let held = IamAction::of_the_function().filter(|action| action.held_on() == Some(on));
        let actions: Vec<&'static str> = held.map(IamAction::as_str).collect();
        let verdicts = match world.rights(patient.place, role, &actions, &resource).await {
            Ok(Some(verdicts)) => verdicts,
            Ok(None) => {
                return Check::missing(
                    NAME,
                    format!("this account has no role `{role}`"),
                    "everything that the role would let the function do",
                    "name the function's role with --role or the variable ROLE_ARN".to_owned(),
                );
            }
            Err(why) => return Check::unknown(NAME, &why),
        };
        asked += actions.len();
        let denied = actions.iter().zip(verdicts).filter(|(_, verdict)| *verdict != PolicyVerdict::Allowed);
        lacking.extend(denied.map(|(action, _)| *action));
    }
    if lacking.is_empty() {
        return Check::good(NAME, format!("all {asked} rights that were asked about"));
    }
    Check::missing(
        NAME,
        format!("lacks {}", lacking.join(", ")),
        "what these answer; each notice says what it could not ask",
        format!(
            "{}  # or ask the owner of its boundary, or of the organization's policies",
            patient.redeploy()
        ),
    )
}

/// The resource that a permission is checked on; `None` if it is not granted or the resource is unknown.
fn resource(patient: &Installation<'_>, on: HeldOn, role: &str) -> Option<String> {
    let (region, account) = (&patient.place.region, &patient.place.account);
    let partition = region.partition();
    let groups = patient.config.invocation_log_group.iter().chain(&patient.config.application_log_groups);
    match on {
        HeldOn::Anything => Some("*".to_owned()),
        HeldOn::Quotas => {
            Some(format!("arn:{partition}:servicequotas:{region}:{account}:bedrock/L-00000000"))
        }
        HeldOn::Roles => Arn::parse(role).map(|_| role.to_owned()),
        HeldOn::Logs => {
            groups.last().map(|group| format!("arn:{partition}:logs:{region}:{account}:log-group:{group}:*"))
        }
        HeldOn::Searches => groups.last().map(|_| "*".to_owned()),
        HeldOn::Table => {
            patient.table.map(|table| format!("arn:{partition}:dynamodb:{region}:{account}:table/{table}"))
        }
        HeldOn::Topic => patient.topic.map(str::to_owned),
        // A member's role is in another account, whose policies the simulator does not know.
        HeldOn::Members | HeldOn::Places => None,
    }
}
