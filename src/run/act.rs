//! Carries out a plan's increase request: reserves it in the ledger, then files it.
//!
//! Invariant: Nothing is decided here, the plan stays as it is, and nothing is filed without a reservation in the
//! ledger. A refusal is a result, not an error.

use jiff::{SignedDuration, Timestamp};

use crate::config::Config;
use crate::error::{Rejection, ServiceError, ServiceResult};
use crate::identity::FunctionIdentity;
use crate::ids::AccountRegion;
use crate::incident::record::Lease;
use crate::incident::schedule::UNLISTED;
use crate::plan::action::{Increase, Plan, Reason, Withheld, withheld};
use crate::plan::execution::{Execution, OwnRequest, RefusedFiling};
use crate::plan::steps::increase::{by_hand, look_at};
use crate::plan::{beyond_budget, closed_unchanged, cooling_down, suspected};
use crate::ports::{Ledger, Quotas};
use crate::quota::record::{Intent, OrganizationLimit, Reserved};
use crate::quota::request::{IncreaseRequest, TrackedRequest};
use crate::run::context::RunContext;
use crate::time::after;

/// Carries out `plan`: files its increase request, or follows the request it adopts. `earlier` is a request that an
/// earlier invocation reserved or filed for the incident; nothing is filed beside it. An error means that the lease
/// was lost or the ledger could not be written; the caller must then stop working on this incident.
pub(crate) async fn carry_out<W: Quotas + Ledger>(
    world: &W,
    terms: &RunContext<'_>,
    lease: &Lease,
    place: &AccountRegion,
    plan: &Plan,
    earlier: Option<OwnRequest>,
    now: Timestamp,
) -> ServiceResult<Execution> {
    if let Some(earlier) = earlier {
        return Ok(Execution::FiledBefore(Box::new(earlier)));
    }
    if let Some(adopted) = &plan.adopted {
        return Ok(Execution::Adopted(adopted.clone()));
    }
    match plan.request() {
        Some(increase) => reserve_and_file(world, terms, lease, place, increase, plan.is_full, now).await,
        None => Ok(Execution::Nothing),
    }
}

/// Finds out whether `followed`, which an earlier invocation reserved, was filed. `None` if it was not; then its
/// reservation is undone. An unanswered question leaves it in doubt.
pub(crate) async fn resume<W: Quotas + Ledger>(
    world: &W,
    home: &FunctionIdentity,
    lease: &Lease,
    place: &AccountRegion,
    mut followed: TrackedRequest,
    now: Timestamp,
) -> ServiceResult<Option<TrackedRequest>> {
    if followed.request_id.is_some() {
        return Ok(Some(followed));
    }
    match since(world, place, &followed).await {
        Ok(Some(request)) => {
            followed.request_id = Some(request.id);
            return Ok(Some(followed));
        }
        // Only Service Quotas can say that it was not filed.
        Err(_) => return Ok(Some(followed)),
        Ok(None) if after(followed.intended, UNLISTED) > now => return Ok(Some(followed)),
        Ok(None) => {}
    }
    world.not_filed(lease, place, organization_of(home), &followed).await?;
    Ok(None)
}

fn organization_of(home: &FunctionIdentity) -> Option<&str> {
    home.organization.as_ref().map(|organization| organization.id.as_str())
}

/// The most requests in 24 hours, this one included. The last place is reserved for a nearly full quota, so that
/// less pressing requests cannot use up the day. With a limit of one, the first request gets it.
fn most_a_day(limit: u32, is_full: bool) -> u32 {
    match limit {
        most @ 2.. if !is_full => most - 1,
        most => most,
    }
}

async fn reserve_and_file<W: Quotas + Ledger>(
    world: &W,
    terms: &RunContext<'_>,
    lease: &Lease,
    place: &AccountRegion,
    increase: &Increase,
    is_full: bool,
    now: Timestamp,
) -> ServiceResult<Execution> {
    let (config, organization) = (terms.config, organization_of(terms.home));
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
        most_a_day: most_a_day(config.max_increases_per_day, is_full),
        organization: organization.map(|id| OrganizationLimit {
            organization: id.to_owned(),
            most_a_day: most_a_day(config.max_increases_per_day_organization, is_full),
        }),
        need: increase.need,
        floor: increase.floor(),
        budget: config.budget(),
    };
    if let Some(why) = withheld_by(&world.reserve(lease, &intent, now).await?, &intent, config) {
        return Ok(refusal(why, false, increase, place));
    }
    let mut increase = increase.clone();
    let code = &increase.quota.code;
    let request = match world.request_increase(place, code, increase.desired).await {
        Ok(request) => Some(request),
        // It may be filed but not listed yet. The intent stays, and the sweep checks again.
        Err(ServiceError::UnknownOutcome) => since(world, place, &followed).await.unwrap_or_default(),
        Err(error) => {
            world.not_filed(lease, place, organization, &followed).await?;
            return Ok(match error {
                ServiceError::Rejected(Rejection::AlreadyOpen, _) => {
                    already_open(world, place, &followed, &increase).await
                }
                error => refusal(refused(&error), error.is_passing(), &increase, place),
            });
        }
    };
    if let Some(request) = request {
        followed.request_id = Some(request.id.clone());
        increase.request_id = Some(request.id);
        increase.status = Some(request.status);
    }
    Ok(Execution::Filed(Box::new(OwnRequest { increase, followed })))
}

/// A refused request, with the steps to file it by hand.
fn refusal(
    withheld: Withheld,
    may_be_retried: bool,
    increase: &Increase,
    place: &AccountRegion,
) -> Execution {
    let steps = vec![by_hand(increase, place), look_at(place, &increase.quota.code)];
    Execution::Refused(RefusedFiling { withheld, may_be_retried, steps, open: None })
}

/// Why the ledger did not reserve the request; `None` if it did. `intent` has the limits that applied.
fn withheld_by(reserved: &Reserved, intent: &Intent, config: &Config) -> Option<Withheld> {
    Some(match reserved {
        Reserved::Yes => return None,
        Reserved::CoolingDown(last) => cooling_down(last),
        Reserved::Suspected(suspicion) => suspected(suspicion),
        Reserved::ClosedUnchanged(refused) => closed_unchanged(refused),
        Reserved::BeyondBudget(allowed) => beyond_budget(allowed),
        Reserved::DailyLimit => {
            daily_limit("in this account and Region", intent.most_a_day, config.max_increases_per_day)
        }
        Reserved::OrganizationLimit => daily_limit(
            "in all accounts of the organization together",
            intent.organization.as_ref().map_or(0, |of| of.most_a_day),
            config.max_increases_per_day_organization,
        ),
    })
}

/// `most` requests were filed `there`; `limit` counts the last place too, which is kept.
fn daily_limit(there: &str, most: u32, limit: u32) -> Withheld {
    let kept = if most < limit {
        ": the last place is kept for a quota of which more than 80 % is used"
    } else {
        ""
    };
    let reason = format!("{most} requests were filed {there} within 24 hours, which is the limit{kept}");
    withheld(Reason::DailyLimit, reason)
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

/// Why Service Quotas did not take the request, unless one is open.
fn refused(error: &ServiceError) -> Withheld {
    let ServiceError::Rejected(rejection, reason) = error else {
        return withheld(Reason::NoEvidence, format!("the request could not be filed: {error}"));
    };
    let kind = match rejection {
        Rejection::TooManyOpen => {
            let why = format!("AWS takes no further request until one of the open ones is decided: {reason}");
            return withheld(Reason::AlreadyRequested, why);
        }
        Rejection::AlreadyOpen => Reason::AlreadyRequested,
        Rejection::TooLow => Reason::BelowDefault,
        Rejection::Unreachable | Rejection::NotAccepted => Reason::NoEvidence,
        Rejection::LeaseLost | Rejection::Invalid => Reason::NotAdjustable,
    };
    withheld(kind, format!("Service Quotas refused the request: {reason}"))
}

/// Somebody's request of this quota is open, which the account's history did not list when it was read. It serves the
/// same need, so it is followed. If it is still not listed, the next look at the incident finds it.
async fn already_open(
    world: &impl Quotas,
    place: &AccountRegion,
    followed: &TrackedRequest,
    increase: &Increase,
) -> Execution {
    let history = world.history(place, &followed.code).await;
    let open =
        history.as_ref().ok().and_then(|history| history.iter().find(|request| request.status.is_open()));
    let reason = match (open, &history) {
        (Some(open), _) => {
            format!("request {} of this quota is open; its outcome is followed", open.id)
        }
        (None, Ok(_)) => "a request of this quota is open, which Service Quotas does not list yet".to_owned(),
        (None, Err(error)) => {
            format!("a request of this quota is open; which one could not be read: {error}")
        }
    };
    Execution::Refused(RefusedFiling {
        withheld: withheld(Reason::AlreadyRequested, reason),
        may_be_retried: false,
        steps: vec![look_at(place, &increase.quota.code)],
        open: open.map(|open| TrackedRequest {
            desired: open.desired,
            request_id: Some(open.id.clone()),
            intended: open.created,
            ..followed.clone()
        }),
    })
}
