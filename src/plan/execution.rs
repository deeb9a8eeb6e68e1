//! The result of carrying out a plan: whether its request was filed, adopted or refused.
//!
//! Invariant: Nothing edits a plan. Notices and logs report the plan and its execution together.

use std::slice;

use crate::evidence::{Evidence, LimitEvidence};
use crate::ids::AccountRegion;
use crate::plan::action::{Action, Increase, Plan, Reason, Step, Withheld};
use crate::quota::Quota;
use crate::quota::record::Need;
use crate::quota::request::TrackedRequest;

/// What happened to the increase request of a plan.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Execution {
    /// The plan has no request to carry out.
    #[default]
    Nothing,
    /// The request was filed. Its id is `None` if the outcome of the call is unknown.
    Filed(Box<OwnRequest>),
    /// The incident already has a request of ours, which an earlier invocation reserved or filed. The plan is about
    /// the same need, so its own request and support case are not reported.
    FiledBefore(Box<OwnRequest>),
    /// The incident follows a request that somebody else filed.
    Adopted(TrackedRequest),
    /// The ledger or Service Quotas refused the request.
    Refused(RefusedFiling),
}

/// A request of ours.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnRequest {
    /// The request as notices report it.
    pub increase: Increase,
    /// The request as the ledger tracks it.
    pub followed: TrackedRequest,
}

impl OwnRequest {
    /// The request that `followed` tracks in `place`, with what `evidence` knows about its quota.
    pub(crate) fn earlier(followed: TrackedRequest, place: &AccountRegion, evidence: &Evidence) -> Self {
        let is_of_it = |limit: &&LimitEvidence| {
            limit.found.quota.as_ref().is_some_and(|quota| quota.code == followed.code)
        };
        let known = evidence.limits.iter().find(is_of_it);
        let feature = evidence.feature.as_ref();
        let feature = feature.filter(|f| f.found.quota.as_ref().is_some_and(|q| q.code == followed.code));
        let found = known.map(|limit| &limit.found).or_else(|| feature.map(|feature| &feature.found));
        let quota = found.and_then(|found| found.quota.clone()).unwrap_or_else(|| Quota {
            code: followed.code.clone(),
            name: followed.name.clone(),
            adjustable: true,
            value: None,
        });
        let default = known.map(|limit| &limit.default).or_else(|| feature.map(|feature| &feature.default));
        let default = default.and_then(|read| read.read().copied().flatten()).map(|default| default.value);
        let increase = Increase {
            quota,
            applied: followed.value_before,
            default,
            desired: followed.desired,
            region: place.region.clone(),
            request_id: followed.request_id.clone(),
            status: None,
            need: Need::default(),
        };
        Self { increase, followed }
    }
}

/// A refused request.
#[derive(Clone, Debug, PartialEq)]
pub struct RefusedFiling {
    /// The reason.
    pub withheld: Withheld,
    /// Whether the same request may be filed a few minutes later.
    pub may_be_retried: bool,
    /// Steps for a person: to file the request, or to look at the open one.
    pub steps: Vec<Step>,
    /// Somebody else's request that is open instead, to follow.
    pub open: Option<TrackedRequest>,
}

impl Execution {
    /// The request to follow from now on; `None` if there is none.
    pub fn followed(&self) -> Option<&TrackedRequest> {
        match self {
            Self::Filed(filed) | Self::FiledBefore(filed) => Some(&filed.followed),
            Self::Adopted(followed) => Some(followed),
            Self::Refused(refusal) => refusal.open.as_ref(),
            Self::Nothing => None,
        }
    }

    /// Whether the request to follow is our own.
    pub fn is_ours(&self) -> bool {
        matches!(self, Self::Filed(_) | Self::FiledBefore(_))
    }

    /// The actions of `plan` that were taken or prepared.
    pub fn actions(&self, plan: &Plan) -> Vec<Action> {
        let is_request = |action: &Action| matches!(action, Action::RequestIncrease(_));
        let is_case = |action: &Action| matches!(action, Action::PrepareSupportCase { .. });
        let planned = plan.actions.iter();
        match self {
            Self::Nothing | Self::Adopted(_) => plan.actions.clone(),
            Self::Filed(filed) => planned
                .map(|action| match action {
                    Action::RequestIncrease(_) => Action::RequestIncrease(filed.increase.clone()),
                    other => other.clone(),
                })
                .collect(),
            Self::FiledBefore(filed) => planned
                .filter(|action| !is_request(action) && !is_case(action))
                .cloned()
                .chain([Action::RequestIncrease(filed.increase.clone())])
                .collect(),
            Self::Refused(_) => planned.filter(|action| !is_request(action)).cloned().collect(),
        }
    }

    /// The actions that were not taken, and why.
    pub fn withheld<'a>(&'a self, plan: &'a Plan) -> impl Iterator<Item = &'a Withheld> {
        let refused = match self {
            Self::Refused(refusal) => slice::from_ref(&refusal.withheld),
            _ => &[],
        };
        // A request that is already filed cannot be withheld. A suspicion that arose since still applies.
        let is_reported = move |withheld: &&Withheld| {
            !matches!(self, Self::FiledBefore(_)) || withheld.kind == Reason::UnusualCaller
        };
        plan.withheld.iter().filter(is_reported).chain(refused)
    }

    /// The steps for a person.
    pub fn steps<'a>(&'a self, plan: &'a Plan) -> &'a [Step] {
        match self {
            Self::Refused(refusal) => &refusal.steps,
            _ => &plan.steps,
        }
    }

    /// Whether evidence or a call that failed for now must be retried in some minutes.
    pub fn is_retried(&self, plan: &Plan) -> bool {
        match self {
            Self::Refused(refusal) => refusal.may_be_retried,
            _ => plan.retry_evidence,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{QuotaCode, Region};
    use crate::plan::action::withheld;

    fn increase(id: Option<&str>) -> Increase {
        Increase {
            quota: Quota {
                code: QuotaCode::parse("L-27A15A5E").unwrap(),
                name: "Tokens".to_owned(),
                adjustable: true,
                value: None,
            },
            applied: 5.0,
            default: None,
            desired: 10.0,
            region: Region::parse("us-east-1").unwrap(),
            request_id: id.map(str::to_owned),
            status: None,
            need: Need::default(),
        }
    }

    fn filed() -> Box<OwnRequest> {
        let followed = TrackedRequest {
            code: QuotaCode::parse("L-27A15A5E").unwrap(),
            name: "Tokens".to_owned(),
            desired: 10.0,
            value_before: 5.0,
            request_id: Some("request-1".to_owned()),
            intended: "2026-11-20T14:00:00Z".parse().unwrap(),
        };
        Box::new(OwnRequest { increase: increase(Some("request-1")), followed })
    }

    #[test]
    fn what_is_reported_follows_from_the_plan_and_its_execution() {
        use Reason::{CoolingDown, DailyLimit, UnusualCaller};
        let case = Action::PrepareSupportCase { quota: None, text: "text".to_owned() };
        let step = |text: &str| Step { text: text.to_owned(), command: None, link: None };
        let plan = Plan {
            actions: vec![case.clone(), Action::RequestIncrease(increase(None))],
            withheld: vec![
                withheld(Reason::UnusualCaller, "a stranger calls"),
                withheld(Reason::CoolingDown, "too recent"),
            ],
            steps: vec![step("planned")],
            retry_evidence: true,
            ..Plan::default()
        };
        let refusal = RefusedFiling {
            withheld: withheld(Reason::DailyLimit, "enough"),
            may_be_retried: false,
            steps: vec![step("by hand")],
            open: None,
        };
        let request = |id| Action::RequestIncrease(increase(id));
        for (execution, actions, reasons, first_step, is_retried) in [
            (
                Execution::Nothing,
                vec![case.clone(), request(None)],
                vec![UnusualCaller, CoolingDown],
                "planned",
                true,
            ),
            (
                Execution::Filed(filed()),
                vec![case.clone(), request(Some("request-1"))],
                vec![UnusualCaller, CoolingDown],
                "planned",
                true,
            ),
            (
                Execution::FiledBefore(filed()),
                vec![request(Some("request-1"))],
                vec![UnusualCaller],
                "planned",
                true,
            ),
            (
                Execution::Refused(refusal),
                vec![case],
                vec![UnusualCaller, CoolingDown, DailyLimit],
                "by hand",
                false,
            ),
        ] {
            assert_eq!(execution.actions(&plan), actions, "{execution:?}");
            let kinds: Vec<Reason> = execution.withheld(&plan).map(|withheld| withheld.kind).collect();
            assert_eq!(kinds, reasons, "{execution:?}");
            assert_eq!(execution.steps(&plan)[0].text, first_step, "{execution:?}");
            assert_eq!(execution.is_retried(&plan), is_retried, "{execution:?}");
        }
    }
}
