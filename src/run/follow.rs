//! Follows an increase request to its end, and reminds people of a request that AWS leaves open.
//!
//! Invariant: Only an answer from AWS ends a request. A failed call says nothing about it.

use jiff::{SignedDuration, Timestamp};

use crate::error::{ServiceError, ServiceResult};
use crate::evidence::{Evidence, Overdue};
use crate::ids::{AccountRegion, QuotaCode};
use crate::incident::notice_kind::Kind;
use crate::incident::notices::NoticeRecord;
use crate::incident::record::{Lease, Record, Release, State, UnansweredLook};
use crate::incident::schedule::{LATER, LeftOpen, LookFindings, OUTCOMES, UNLISTED, UNTOLD};
use crate::notice::Notice;
use crate::notice::outcome::Outcome;
use crate::notice::points::about;
use crate::plan::action::Plan;
use crate::plan::execution::Execution;
use crate::plan::plan;
use crate::ports::{Quotas, Services};
use crate::quota::record::EndedRequest;
use crate::quota::request::{IncreaseRequest, RequestOutcome, RequestStatus, TrackedRequest};
use crate::run::context::{PATIENCE, RunContext};
use crate::run::gather::gather;
use crate::run::prepared::Prepared;
use crate::run::respond::prepare;
use crate::run::still::{again_at, closed, is_failing, nothing_new};
use crate::text::number;
use crate::time::after;

/// Checks whether a request has ended, by its status and by the applied value compared with the one before.
/// The status alone is not enough, because a closed case does not say how it was closed.
pub(crate) async fn follow<W: Services>(
    world: &W,
    terms: &RunContext<'_>,
    lease: &Lease,
    mut record: Record,
    followed: &TrackedRequest,
    place: &AccountRegion,
    now: Timestamp,
) -> ServiceResult<Prepared> {
    let id = followed.request_id.as_deref().unwrap_or_default();
    let (request, value) = tokio::join!(world.request(place, id), value(world, place, &followed.code));
    let status = request.as_ref().map(|r| r.as_ref().map(|r| r.status)).map_err(Clone::clone);
    let is_news = is_news(&record, terms, now);
    let ended = match outcome(followed, status, value, now) {
        Ok(ended) => {
            record.unread = None;
            ended
        }
        Err(errors) if !is_news => {
            let question = format!("whether AWS granted the increase request {id} of `{}`", followed.name);
            return Ok(unanswered(record, question, errors, after(now, OUTCOMES), now));
        }
        Err(_) => {
            record.unread = Some(UnansweredLook::at(now, record.unread));
            None
        }
    };
    match ended {
        Some(ended) => Ok(tell_outcome(world, terms, record, followed, ended, place, now).await),
        None if is_news => prepare(world, terms, lease, record, None).await,
        None => Ok(still_open(world, terms, record, followed, request, place, now).await),
    }
}

/// Waits for AWS's decision, or reminds people of the request if it is due.
async fn still_open<W: Services>(
    world: &W,
    terms: &RunContext<'_>,
    record: Record,
    followed: &TrackedRequest,
    request: ServiceResult<Option<IncreaseRequest>>,
    place: &AccountRegion,
    now: Timestamp,
) -> Prepared {
    let is_left_open = match record.is_left_open(terms.config, now) {
        LeftOpen::Yes => true,
        LeftOpen::No => false,
        // If CloudWatch does not answer, the reminder comes a week later.
        LeftOpen::IfFailing => {
            record.is_ongoing(terms.config, now)
                || is_failing(world, terms, &record.incident, now).await == Ok(true)
        }
    };
    match request {
        Ok(Some(open)) if is_left_open => left_open(record, followed, &open, place, now),
        _ => nothing_new(record, after(now, OUTCOMES), now),
    }
}

/// Tells people how the request ended, and judges throttling that continues anew.
async fn tell_outcome<W: Services>(
    world: &W,
    terms: &RunContext<'_>,
    mut record: Record,
    followed: &TrackedRequest,
    ended: Outcome,
    place: &AccountRegion,
    now: Timestamp,
) -> Prepared {
    let untold = again_at(&record, after(now, UNTOLD), now);
    record.followed = None;
    let evidence = Box::pin(gather(world, &record.incident, now, after(now, PATIENCE))).await;
    let plan = Plan::of_outcome(ended.how, plan(&record.incident, &evidence, terms.config, terms.home));
    let notice = Notice::of_outcome(&record, &ended, &plan, &evidence);
    let told = Release {
        // Errors that continue after a decision count as new.
        told: Some(NoticeRecord { repeats: 0, ..notice.told(&record, &evidence, now) }),
        ended: Some(EndedRequest {
            place: place.clone(),
            followed: followed.clone(),
            outcome: ended.how,
            value: ended.value,
            at: now,
        }),
        search: record.search.clone(),
        ..Release::new(
            State::Told,
            after(now, LATER.min(terms.config.notice_cool_down)),
            record.incident.counts,
        )
    };
    Prepared {
        plan,
        notice: Some(notice),
        is_told_alone: true,
        untold,
        ..Prepared::silent(record.incident, told)
    }
}

/// The value in effect: the applied value, or AWS's default if the account has none of its own. `None` if
/// this account and Region have no such quota.
async fn value<W: Quotas>(world: &W, place: &AccountRegion, code: &QuotaCode) -> ServiceResult<Option<f64>> {
    let value = match world.applied(place, code).await? {
        Some(applied) => Some(applied),
        None => world.default_value(place, code).await?,
    };
    Ok(value.map(|value| value.value))
}

/// A request that Service Quotas marks as approved takes effect within this time.
const IN_EFFECT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How a request ended, by its `status` and the `value` in effect. Returns `Ok(None)` while it is open, and the
/// errors if AWS did not answer enough to tell. A value of at least the desired one is enough by itself. A
/// status of `None` means that Service Quotas no longer has such a request.
fn outcome(
    followed: &TrackedRequest,
    status: ServiceResult<Option<RequestStatus>>,
    value: ServiceResult<Option<f64>>,
    now: Timestamp,
) -> Result<Option<Outcome>, Vec<ServiceError>> {
    let age = now.duration_since(followed.intended);
    let holding = value.as_ref().ok().copied().flatten();
    let of =
        |(how, sentence)| Outcome { request_id: followed.request_id.clone(), how, value: holding, sentence };
    if let Ok(Some(value)) = value
        && value >= followed.desired
    {
        return Ok(Some(of(raised(followed, value, age))));
    }
    let status = match (status, &value) {
        (Err(status), Err(value)) => return Err(vec![status, value.clone()]),
        (Err(error), Ok(_)) => return Err(vec![error]),
        (Ok(status), _) => status,
    };
    // A request that was just filed may not be listed yet.
    if status.map_or(age < UNLISTED, RequestStatus::is_open) {
        return Ok(None);
    }
    let value = value.map_err(|error| vec![error])?;
    Ok(match value.filter(|value| *value > followed.value_before) {
        Some(value) => Some(of(raised(followed, value, age))),
        None => not_raised(followed, status, value, age).map(of),
    })
}

/// The `age` of a request in words.
fn took(age: SignedDuration) -> String {
    match age.as_hours() {
        ..1 => "less than an hour".to_owned(),
        1 => "an hour".to_owned(),
        hours @ 2..48 => format!("{hours} hours"),
        hours => format!("{} days", hours / 24),
    }
}

/// AWS raised the quota to `value`, as asked or in part.
fn raised(followed: &TrackedRequest, value: f64, age: SignedDuration) -> (RequestOutcome, String) {
    let (name, before, took) = (&followed.name, number(followed.value_before), took(age));
    let (asked, now) = (number(followed.desired), number(value));
    if value >= followed.desired {
        let sentence = format!("AWS raised `{name}` from {before} to {now} as asked; it took {took}.");
        return (RequestOutcome::Granted, sentence);
    }
    let sentence =
        format!("AWS raised `{name}` from {before} to {now}; {asked} was asked for. It took {took}.");
    (RequestOutcome::PartlyGranted, sentence)
}

/// AWS decided without raising the quota; `None` if an approval may still take effect.
fn not_raised(
    followed: &TrackedRequest,
    status: Option<RequestStatus>,
    value: Option<f64>,
    age: SignedDuration,
) -> Option<(RequestOutcome, String)> {
    let (name, before, asked) = (&followed.name, number(followed.value_before), number(followed.desired));
    let took = took(age);
    let holds = match value {
        Some(value) if value < followed.value_before => {
            format!("the value is {}, and was {before}", number(value))
        }
        Some(_) => format!("the value is still {before}"),
        None => "Service Quotas has no such quota here any more".to_owned(),
    };
    Some(match status {
        Some(RequestStatus::Approved) if age < IN_EFFECT => return None,
        Some(RequestStatus::Approved) => (
            RequestOutcome::ClosedUnchanged,
            format!(
                "AWS approved the request for {asked} of `{name}`, and after {took} {holds}. Ask in the support case when it takes effect."
            ),
        ),
        Some(RequestStatus::Denied | RequestStatus::NotApproved | RequestStatus::InvalidRequest) => (
            RequestOutcome::Denied,
            format!(
                "AWS did not grant the request for {asked} of `{name}`; {holds}. Answer in the support case with the use case and the measured demand, or spread the load over other models and Regions."
            ),
        ),
        None => (
            RequestOutcome::ClosedUnchanged,
            format!(
                "Service Quotas has no record of the request for {asked} of `{name}` any more, {took} after it was filed, and {holds}. Answer in the support case, ask for less than {asked}, or spread the load."
            ),
        ),
        Some(_) => (
            RequestOutcome::ClosedUnchanged,
            format!(
                "AWS closed the request for `{name}` after {took} and {holds}. The same request would end the same way: answer in the support case, ask for less than {asked}, or spread the load."
            ),
        ),
    })
}

/// Whether people have not heard something about the errors yet, such as a new caller or cause.
fn is_news(record: &Record, terms: &RunContext<'_>, now: Timestamp) -> bool {
    let is_new = record.notices.heard().lacks(&about(&record.incident), now);
    let found = LookFindings { is_urgent: false, is_new, is_missing: false, is_taken: false };
    is_new && record.telling(terms.config, now, found).is_some()
}

/// Reminds people of a request that AWS has left open.
fn left_open(
    record: Record,
    followed: &TrackedRequest,
    request: &IncreaseRequest,
    place: &AccountRegion,
    now: Timestamp,
) -> Prepared {
    let plan = Plan::of_open_request(followed, request, place);
    let evidence = Evidence::none(record.incident.model.clone(), now);
    let notice = Notice::of_open_request(&record, followed, request, &plan, &evidence);
    let untold = again_at(&record, after(now, UNTOLD), now);
    let told = Release {
        told: Some(notice.told(&record, &evidence, now)),
        ..again_at(&record, after(now, OUTCOMES), now)
    };
    Prepared { plan, notice: Some(notice), untold, ..Prepared::silent(record.incident, told) }
}

/// Handles a `question` that AWS did not answer and on which the incident depends. Asks again at `due_at`, and
/// notifies people after a day.
pub(crate) fn unanswered(
    mut record: Record,
    question: String,
    errors: Vec<ServiceError>,
    due_at: Timestamp,
    now: Timestamp,
) -> Prepared {
    let unread = UnansweredLook::at(now, record.unread);
    record.unread = Some(unread);
    if record.is_forgotten(unread, now) {
        return forgotten(record, Overdue { question, since: unread.since, errors }, now);
    }
    if !record.is_news_of_silence(unread, now) {
        return nothing_new(record, due_at, now);
    }
    let plan = Plan::of_unanswered(&record, &errors);
    let evidence = Evidence {
        overdue: Some(Overdue { question, since: unread.since, errors }),
        ..Evidence::none(record.incident.model.clone(), now)
    };
    let notice = Notice::compose(Kind::Unanswered, &record, &plan, &Execution::Nothing, &evidence);
    let untold = again_at(&record, after(now, UNTOLD), now);
    let told = Release {
        told: Some(notice.told(&record, &evidence, now)),
        unread: Some(UnansweredLook { told: Some(now), ..unread }),
        ..again_at(&record, due_at, now)
    };
    Prepared { plan, notice: Some(notice), untold, ..Prepared::silent(record.incident, told) }
}

/// Closes an incident about which nobody has heard anything for long.
fn forgotten(record: Record, overdue: Overdue, now: Timestamp) -> Prepared {
    let evidence = Evidence { overdue: Some(overdue), ..Evidence::none(record.incident.model.clone(), now) };
    let notice = Notice::of_forgotten(&record, &evidence);
    closed(record, notice, &evidence, now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-20T14:00:00Z".parse().unwrap()
    }

    /// A request from 5 to 10, filed this many hours ago.
    fn followed(hours: i64) -> TrackedRequest {
        TrackedRequest {
            code: QuotaCode::parse("L-27A15A5E").unwrap(),
            name: "Tokens".to_owned(),
            desired: 10.0,
            value_before: 5.0,
            request_id: Some("request-1".to_owned()),
            intended: now() - SignedDuration::from_hours(hours),
        }
    }

    #[test]
    fn a_request_ends_by_awss_own_word_and_by_nothing_else() {
        use RequestOutcome as How;
        use RequestStatus as Is;
        let gone = || Err(ServiceError::Throttled);
        for (what, hours, status, value, ends) in [
            ("open", 99, Ok(Some(Is::Pending)), Ok(Some(5.0)), Ok(None)),
            ("open, its value unread", 99, Ok(Some(Is::CaseOpened)), gone(), Ok(None)),
            ("open, partly raised", 99, Ok(Some(Is::CaseOpened)), Ok(Some(7.0)), Ok(None)),
            ("unread", 99, Err(ServiceError::Throttled), Ok(Some(5.0)), Err(1)),
            ("both unread", 99, Err(ServiceError::Throttled), gone(), Err(2)),
            ("closed, its value unread", 99, Ok(Some(Is::CaseClosed)), gone(), Err(1)),
            (
                "raised, its status unread",
                99,
                Err(ServiceError::Throttled),
                Ok(Some(10.0)),
                Ok(Some(How::Granted)),
            ),
            ("raised", 99, Ok(Some(Is::CaseClosed)), Ok(Some(12.0)), Ok(Some(How::Granted))),
            ("raised in part", 99, Ok(Some(Is::CaseClosed)), Ok(Some(7.0)), Ok(Some(How::PartlyGranted))),
            ("closed", 99, Ok(Some(Is::CaseClosed)), Ok(Some(5.0)), Ok(Some(How::ClosedUnchanged))),
            (
                "closed and lowered",
                99,
                Ok(Some(Is::CaseClosed)),
                Ok(Some(4.0)),
                Ok(Some(How::ClosedUnchanged)),
            ),
            ("the quota is gone", 99, Ok(Some(Is::CaseClosed)), Ok(None), Ok(Some(How::ClosedUnchanged))),
            ("denied", 99, Ok(Some(Is::Denied)), Ok(Some(5.0)), Ok(Some(How::Denied))),
            ("not approved", 99, Ok(Some(Is::NotApproved)), Ok(Some(5.0)), Ok(Some(How::Denied))),
            ("invalid", 99, Ok(Some(Is::InvalidRequest)), Ok(Some(5.0)), Ok(Some(How::Denied))),
            ("not listed yet", 0, Ok(None), Ok(Some(5.0)), Ok(None)),
            ("listed no more", 99, Ok(None), Ok(Some(5.0)), Ok(Some(How::ClosedUnchanged))),
            ("approved, not in effect", 99, Ok(Some(Is::Approved)), Ok(Some(5.0)), Ok(None)),
            ("approved in vain", 999, Ok(Some(Is::Approved)), Ok(Some(5.0)), Ok(Some(How::ClosedUnchanged))),
        ] {
            let found = outcome(&followed(hours), status, value, now());
            let found = found.map(|ended| ended.map(|ended| ended.how)).map_err(|errors| errors.len());
            assert_eq!(found, ends, "{what}");
        }
    }
}
