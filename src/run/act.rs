//! Carries out a plan's increase request: reserves it in the ledger, then files it.
//!
//! Invariant: Nothing is decided here, and nothing is filed without a reservation in the ledger. A refusal
//! is an outcome, not an error.

use jiff::{SignedDuration, Timestamp};

use crate::config::Config;
use crate::error::{Rejection, ServiceError, ServiceResult};
use crate::ids::AccountRegion;
use crate::incident::record::Lease;
use crate::plan::action::{self, Action, Increase, Plan, Reason, Withheld, look_at};
use crate::plan::{beyond_budget, closed_unchanged, cooling_down, suspected};
use crate::ports::{Ledger, Quotas};
use crate::quota::record::{Intent, Reserved};
use crate::quota::request::{IncreaseRequest, TrackedRequest};
use crate::time::after;

/// Files the increase request of `plan` and writes the result into the plan. Returns the request to follow
/// from now on. An error means that the lease was lost or the ledger could not be written; the caller must
/// then stop working on this incident.
pub async fn act<W: Quotas + Ledger>(
    world: &W,
    config: &Config,
    lease: &Lease,
    place: &AccountRegion,
    plan: &mut Plan,
    now: Timestamp,
) -> ServiceResult<Option<TrackedRequest>> {
    if let Some(adopted) = &plan.adopted {
        return Ok(Some(adopted.clone()));
    }
    let asked =
        plan.actions.iter().position(|a| matches!(a, Action::RequestIncrease(i) if i.request_id.is_none()));
    let Some(at) = asked else { return Ok(None) };
    let Some(Action::RequestIncrease(increase)) = plan.actions.get(at).cloned() else { return Ok(None) };
    let by_hand = vec![increase.by_hand(place), look_at(place, &increase.quota.code)];
    let done = reserve_and_file(world, config, lease, place, increase, plan.is_full, now).await?;
    match done {
        Done::Filed(filed) => {
            let (increase, followed) = *filed;
            if let Some(action) = plan.actions.get_mut(at) {
                *action = Action::RequestIncrease(increase);
            }
            Ok(Some(followed))
        }
        Done::Withheld(withheld, for_now) => {
            plan.retry_evidence = for_now;
            plan.actions.remove(at);
            plan.withheld.push(withheld);
            plan.steps = by_hand;
            Ok(None)
        }
    }
}

enum Done {
    Filed(Box<(Increase, TrackedRequest)>),
    /// Why nothing was filed, and whether the same request may be filed a little later.
    Withheld(Withheld, bool),
}

fn withheld(kind: Reason, reason: impl Into<String>) -> Done {
    Done::Withheld(action::withheld(kind, reason), false)
}

/// The most requests in 24 hours, this one included. The last place is reserved for a nearly full quota, so that
/// less pressing requests cannot use up the day. With a limit of one, the first request gets it.
fn most_a_day(config: &Config, is_full: bool) -> u32 {
    match config.max_increases_per_day {
        most @ 2.. if !is_full => most - 1,
        most => most,
    }
}

async fn reserve_and_file<W: Quotas + Ledger>(
    world: &W,
    config: &Config,
    lease: &Lease,
    place: &AccountRegion,
    mut increase: Increase,
    is_full: bool,
    now: Timestamp,
) -> ServiceResult<Done> {
    let mut followed = TrackedRequest {
        code: increase.quota.code.clone(),
        name: increase.quota.name.clone(),
        desired: increase.desired,
        value_before: increase.applied,
        request_id: None,
        intended: now,
    };
    let intent = Intent {
        place: place.clone(),
        followed: followed.clone(),
        cool_down_until: after(now, config.quota_cool_down),
        most_a_day: most_a_day(config, is_full),
        need: increase.need,
        floor: increase.floor(),
        budget: config.budget(),
    };
    match world.reserve(lease, &intent, now).await? {
        Reserved::Yes => {}
        Reserved::CoolingDown(last) => return Ok(Done::Withheld(cooling_down(&last), false)),
        Reserved::Suspected(suspicion) => return Ok(Done::Withheld(suspected(&suspicion), false)),
        Reserved::ClosedUnchanged(refused) => return Ok(Done::Withheld(closed_unchanged(&refused), false)),
        Reserved::BeyondBudget(allowed) => return Ok(Done::Withheld(beyond_budget(&allowed), false)),
        Reserved::DailyLimit => {
            let most = intent.most_a_day;
            let kept = if most < config.max_increases_per_day {
                ": the last place is kept for a quota of which more than 80 % is used"
            } else {
                ""
            };
            let reason = format!(
                "{most} requests were filed in this account and Region within 24 hours, which is the limit{kept}"
            );
            return Ok(withheld(Reason::DailyLimit, reason));
        }
    }
    let code = &increase.quota.code;
    let request = match world.request_increase(place, code, increase.desired).await {
        Ok(request) => request,
        Err(ServiceError::UnknownOutcome) => match since(world, place, &followed).await {
            Ok(Some(request)) => request,
            // It may be filed but not listed yet. The intent stays, and the sweep checks again.
            Ok(None) | Err(_) => return Ok(Done::Filed(Box::new((increase, followed)))),
        },
        Err(error) => {
            world.not_filed(lease, place, &followed).await?;
            return Ok(refused(world, place, &followed, &error).await);
        }
    };
    followed.request_id = Some(request.id.clone());
    increase.request_id = Some(request.id);
    increase.status = Some(request.status);
    Ok(Done::Filed(Box::new((increase, followed))))
}

/// How far Service Quotas' clock, or that of whoever resumes the incident, may be behind ours.
const SKEW: SignedDuration = SignedDuration::from_mins(15);

/// Finds the request that our call of unknown outcome filed: one for this quota since the intent, with the same
/// desired value. The reservation kept all our other drives from filing. Someone else in the account may have
/// filed another request meanwhile.
pub(crate) async fn since(
    world: &impl Quotas,
    place: &AccountRegion,
    followed: &TrackedRequest,
) -> ServiceResult<Option<IncreaseRequest>> {
    let history = world.history(place, &followed.code).await?;
    let since = followed.intended.saturating_sub(SKEW).unwrap_or(followed.intended);
    Ok(history.into_iter().find(|r| r.created >= since && r.desired == followed.desired))
}

/// Turns an error of the request into the plan's reason.
async fn refused(
    world: &impl Quotas,
    place: &AccountRegion,
    followed: &TrackedRequest,
    error: &ServiceError,
) -> Done {
    let ServiceError::Rejected(rejection, reason) = error else {
        let reason = format!("the request could not be filed: {error}");
        return Done::Withheld(action::withheld(Reason::NoEvidence, reason), error.is_passing());
    };
    let kind = match rejection {
        Rejection::AlreadyOpen => {
            let reason = match world.history(place, &followed.code).await {
                Ok(history) => match history.iter().find(|r| r.status.is_open()) {
                    Some(open) => format!("request {} of this quota is open", open.id),
                    None => {
                        "a request of this quota is open, which Service Quotas does not list yet".to_owned()
                    }
                },
                Err(error) => {
                    format!("a request of this quota is open; which one could not be read: {error}")
                }
            };
            return withheld(Reason::AlreadyRequested, reason);
        }
        Rejection::TooManyOpen => {
            let reason =
                format!("AWS takes no further request until one of the open ones is decided: {reason}");
            return withheld(Reason::AlreadyRequested, reason);
        }
        Rejection::TooLow => Reason::BelowDefault,
        Rejection::LeaseLost | Rejection::Invalid => Reason::NotAdjustable,
    };
    withheld(kind, format!("Service Quotas refused the request: {reason}"))
}
