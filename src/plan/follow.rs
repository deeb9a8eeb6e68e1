//! Steps for a person when AWS leaves an increase request undecided, or does not answer.
//!
//! Invariant: A command here only reads, or asks AWS to decide. None files the increase again.

use crate::error::ServiceError;
use crate::ids::AccountRegion;
use crate::incident::record::Record;
use crate::plan::action::{Plan, Step, look_at};
use crate::quota::request::{IncreaseRequest, RequestOutcome, RequestStatus, TrackedRequest};
use crate::text::number;

impl Plan {
    /// What `today`'s plan says to a person after a request ended in `outcome`. The outcome is the news, so it has no
    /// actions; the next look decides on them.
    pub(crate) fn of_outcome(outcome: RequestOutcome, today: Self) -> Self {
        let Self { justification, advice, steps, suspicion, reference, .. } = today;
        let justification = justification.filter(|_| outcome != RequestOutcome::Granted);
        Self { advice, steps, justification, suspicion, reference, ..Self::default() }
    }

    /// Steps about `request`, which `followed` tracks and AWS has left open for a week or longer.
    pub(crate) fn of_open_request(
        followed: &TrackedRequest,
        request: &IncreaseRequest,
        place: &AccountRegion,
    ) -> Self {
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
        steps.push(look_at(place, &followed.code));
        let advice = format!(
            "Until AWS has decided, {} holds. Other profiles, Regions and models have quotas of their own.",
            number(followed.value_before)
        );
        Self { steps, advice: vec![advice], ..Self::default() }
    }

    /// Steps about an incident for which AWS has answered with `errors` for a day.
    pub(crate) fn of_unanswered(record: &Record, errors: &[ServiceError]) -> Self {
        let mut plan = Self::default();
        let denied = errors
            .iter()
            .filter_map(|e| if let ServiceError::Denied(action) = e { Some(action) } else { None });
        for action in denied {
            plan.steps.push(Step {
                text: format!(
                    "Give the function's role the right `{action}`. The stack's template grants it: look for a permissions boundary or a policy of the organization that takes it away."
                ),
                command: None,
                link: None,
            });
        }
        if let (Some(followed), Some(place)) = (&record.followed, record.incident.place()) {
            plan.steps.push(look_at(&place, &followed.code));
        }
        if plan.steps.is_empty() {
            plan.steps.push(Step {
                text: "Look at AWS Health and at the function's log. The function keeps asking AWS."
                    .to_owned(),
                command: None,
                link: Some("https://health.aws.amazon.com/health/status".to_owned()),
            });
        }
        plan
    }
}
