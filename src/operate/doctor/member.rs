//! Checks whether the function can work in a member of its organization.

use crate::error::{Rejection, ServiceError};
use crate::iam_action::IamAction;
use crate::ids::{AccountRegion, QuotaService};
use crate::operate::doctor::check::{Check, of_answer};
use crate::ports::Services;
use crate::usage::Endpoint;

const ENTRY: &str = "entry";
const BLIND: &str = "everything of this account and Region but the errors that its rules forward";

/// Runs the checks of a member's account and Region with the member role. If the account cannot be entered, that is the
/// only check.
pub async fn examine_member<W: Services>(world: &W, place: &AccountRegion) -> Vec<Check> {
    let (used, quotas, lives) = tokio::join!(
        world.used(place, Endpoint::Runtime),
        world.listing(place, QuotaService::Bedrock),
        world.lives(place),
    );
    if let Some(closed) = used.as_ref().err().and_then(|error| closed(place, error)) {
        return vec![closed];
    }
    vec![
        Check::good(ENTRY, "the member role can be assumed"),
        of_answer(
            "metrics",
            used.map(|used| format!("{} models were called in the last two weeks", used.len())),
            "how much of a quota is used: no increase is ever filed, and nothing is seen coming",
            IamAction::ListMetrics,
        ),
        of_answer(
            "quotas",
            quotas.map(|listing| format!("{} quotas of Bedrock are listed", listing.quotas().len())),
            "which quota a throttle is about",
            IamAction::ListServiceQuotas,
        ),
        of_answer(
            "models",
            lives.map(|lives| format!("{} models are listed", lives.len())),
            "which models end",
            IamAction::ListFoundationModels,
        ),
    ]
}

/// Why the account cannot be entered; `None` if it can.
fn closed(place: &AccountRegion, error: &ServiceError) -> Option<Check> {
    let AccountRegion { account, region } = place;
    let (why, mend) = match error {
        ServiceError::Rejected(Rejection::Unreachable, why) => (
            why,
            format!(
                "aws cloudformation create-stack-instances --stack-set-name bedrock-remediator-member --accounts {account} --regions {region}"
            ),
        ),
        ServiceError::Rejected(Rejection::NotAccepted, why) => {
            (why, format!("aws account enable-region --account-id {account} --region-name {region}"))
        }
        _ => return None,
    };
    Some(Check::missing(ENTRY, why.clone(), BLIND, mend))
}
