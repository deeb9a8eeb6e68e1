//! The plans that follow a request: it has ended, AWS leaves it open, or AWS does not answer.
//!
//! Invariant: They have no actions. What happens next is decided by the next look.

use crate::error::ServiceError;
use crate::ids::AccountRegion;
use crate::incident::record::Record;
use crate::plan::action::Plan;
use crate::plan::steps::{open_request, unanswered};
use crate::quota::request::{IncreaseRequest, RequestOutcome, TrackedRequest};
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
        let steps = open_request::steps(request, &followed.code, place);
        let advice = format!(
            "Until AWS has decided, {} holds. Other profiles, Regions and models have quotas of their own.",
            number(followed.value_before)
        );
        Self { steps, advice: vec![advice], ..Self::default() }
    }

    /// Steps about an incident for which AWS has answered with `errors` for a day.
    pub(crate) fn of_unanswered(record: &Record, errors: &[ServiceError]) -> Self {
        let followed = record.followed.as_ref().zip(record.incident.place());
        let steps = unanswered::steps(errors, followed.as_ref().map(|(of, place)| (place, &of.code)));
        Self { steps, ..Self::default() }
    }
}
