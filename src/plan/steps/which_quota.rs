//! How a person finds the quota that the function could not.

use crate::ids::AccountRegion;
use crate::incident::Incident;
use crate::plan::action::{Reason, Step, Withheld};
use crate::plan::steps::increase::quota_link;
use crate::plan::steps::visible;

/// More quotas than these are no list of steps. The reason for withholding names them all.
const MOST: usize = 3;

/// Steps to find what `refusal` says is not known; none if a look would not help.
pub(crate) fn steps(incident: &Incident, place: Option<&AccountRegion>, refusal: &Withheld) -> Vec<Step> {
    let Some(place) = place else { return Vec::new() };
    match (refusal.kind, &incident.model) {
        (Reason::Ambiguous, _) => refusal
            .candidates
            .iter()
            .take(MOST)
            .map(|quota| Step {
                text: format!("Look whether it is `{}`, and ask for that one by hand.", quota.name),
                command: None,
                link: Some(quota_link(place, &quota.code)),
            })
            .collect(),
        (Reason::UnresolvedProfile, Some(profile)) => vec![Step {
            text: "See which model the profile stands for.".to_owned(),
            command: Some(format!(
                "aws bedrock get-inference-profile --inference-profile-identifier {profile} --region {}",
                place.region
            )),
            link: None,
        }],
        // For an alarm alone, these steps are added anyway.
        (Reason::NoModel, _) if !incident.is_metric_only() => vec![visible::latest(&place.region)],
        _ => Vec::new(),
    }
}
