//! What a person asks AWS about an increase request that it leaves open.
//!
//! Invariant: A command here only reads, or asks AWS to decide. None files the increase again.

use crate::ids::{AccountRegion, QuotaCode};
use crate::plan::action::Step;
use crate::plan::steps::increase::look_at;
use crate::quota::request::{IncreaseRequest, RequestStatus};

/// Steps about `request` for the quota `code`, which AWS has left open for a week or longer.
pub(crate) fn steps(request: &IncreaseRequest, code: &QuotaCode, place: &AccountRegion) -> Vec<Step> {
    let mut steps = Vec::new();
    match (&request.case_id, request.status) {
        (Some(case), _) => steps.push(Step {
            text: format!(
                "Answer in the support case {case} with the use case and the measured demand, and ask when it is decided."
            ),
            command: None,
            link: Some(place.region.console(&format!("support/home#/case/?displayId={case}"))),
        }),
        (None, RequestStatus::Pending) => steps.push(Step {
            text: "AWS has opened no support case for the request. Ask for one; this does not file the request again.".to_owned(),
            command: Some(format!(
                "aws service-quotas create-support-case --request-id {} --region {}",
                request.id, place.region
            )),
            link: None,
        }),
        (None, _) => {}
    }
    steps.push(look_at(place, code));
    steps
}
