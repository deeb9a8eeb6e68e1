//! Takes one incident, whose lease we hold, from evidence to a notice that is told and recorded.
//!
//! One law: whatever fails on the way, the ledger says when somebody looks again.

use jiff::{SignedDuration, Timestamp};

use crate::act::{act, since};
use crate::config::Config;
use crate::evidence::{Evidence, gather};
use crate::ids::Place;
use crate::notice::{Kind, Notice};
use crate::plan::{Action, Increase, Plan, plan};
use crate::quota::Quota;
use crate::world::{Answer, Finish, Followed, Lease, Record, State, Told, World};

/// Outcomes of requests are looked for this often.
pub(crate) const OUTCOMES: SignedDuration = SignedDuration::from_mins(15);
/// What could not be told is tried again after this long.
const UNTOLD: SignedDuration = SignedDuration::from_mins(2);
/// Evidence that may only be late is asked for again after this long.
const LATE: SignedDuration = SignedDuration::from_mins(5);
/// A request that Service Quotas does not list after this long was not filed.
const UNLISTED: SignedDuration = SignedDuration::from_mins(10);

/// What came of driving an incident.
#[derive(Debug)]
pub struct Driven {
    /// What was decided and done.
    pub plan: Plan,
    /// What was told; `None` when nothing new was to be told.
    pub notice: Option<Notice>,
}

pub(crate) fn after(now: Timestamp, wait: SignedDuration) -> Timestamp {
    now.saturating_add(wait).unwrap_or(Timestamp::MAX)
}

/// Drives `record` to its end. An error means that the ledger or the topic failed; then the incident
/// stays in the ledger, due.
pub async fn drive<W: World>(
    world: &W,
    config: &Config,
    lease: &Lease,
    mut record: Record,
) -> Answer<Driven> {
    let now = world.now();
    let place = record.incident.place();
    // First of all: what an earlier drive left in doubt also decides what the evidence will say.
    let resumed = match (record.followed.take(), &place) {
        (Some(followed), Some(place)) => resume(world, lease, place, followed, now).await?,
        _ => None,
    };
    let evidence = gather(world, &record.incident, now).await;
    let mut plan = plan(&record.incident, &evidence, config);
    let filed_now = resumed.is_none();
    let followed = match (resumed, &place) {
        (Some(followed), Some(place)) => {
            tell_of(&mut plan, &followed, place, &evidence);
            Some(followed)
        }
        (None, Some(place)) => act(world, config, lease, place, &mut plan, now).await?,
        (_, None) => None,
    };
    let news = record.notices.is_empty() || (filed_now && followed.is_some());
    let kind = if record.notices.is_empty() { Kind::Opened } else { Kind::Again };
    let quiet_until = record.notices.last().map(|t| after(t.at, config.notice_cool_down));
    let told_lately = quiet_until.is_some_and(|until| until > now);
    let (state, due_at) = if followed.is_some() {
        (State::Watching, after(now, OUTCOMES))
    } else if plan.look_again {
        (State::Seen, after(now, LATE))
    } else {
        (State::Told, after(now, config.notice_cool_down))
    };
    if told_lately && !news {
        finish(world, lease, state, due_at, quiet_until, None).await?;
        return Ok(Driven { plan, notice: None });
    }
    let notice = Notice::compose(kind, &record, &plan, &evidence);
    if let Err(error) = world.publish(&notice).await {
        let state = if followed.is_some() { State::Filed } else { State::Seen };
        finish(world, lease, state, after(now, UNTOLD), None, None).await?;
        return Err(error);
    }
    let told = Told { id: notice.notice_id.clone(), kind: kind.as_str().to_owned(), at: now };
    finish(world, lease, state, due_at, Some(after(now, config.notice_cool_down)), Some(told)).await?;
    Ok(Driven { plan, notice: Some(notice) })
}

async fn finish<W: World>(
    world: &W,
    lease: &Lease,
    state: State,
    due_at: Timestamp,
    silent_until: Option<Timestamp>,
    told: Option<Told>,
) -> Answer<()> {
    world.finish(lease, &Finish { state, due_at: Some(due_at), silent_until, told, outcome: None }).await
}

/// A drive that began elsewhere and did not end: finds out whether its request was filed.
async fn resume<W: World>(
    world: &W,
    lease: &Lease,
    place: &Place,
    mut followed: Followed,
    now: Timestamp,
) -> Answer<Option<Followed>> {
    if followed.request_id.is_some() {
        return Ok(Some(followed));
    }
    if let Some(request) = since(world, place, &followed).await {
        world.filed(lease, place, &followed.code, &request.id).await?;
        followed.request_id = Some(request.id);
        return Ok(Some(followed));
    }
    if after(followed.intended, UNLISTED) > now {
        return Ok(Some(followed));
    }
    world.not_filed(lease, place, &followed.code).await?;
    Ok(None)
}

/// Puts a request that was filed in an earlier drive into the plan, in place of what a fresh look at
/// the quota would say about our own open request.
fn tell_of(plan: &mut Plan, followed: &Followed, place: &Place, evidence: &Evidence) {
    let known =
        evidence.limits.iter().find(|l| l.found.quota.as_ref().is_some_and(|q| q.code == followed.code));
    let quota = known.and_then(|l| l.found.quota.clone()).unwrap_or_else(|| Quota {
        code: followed.code.clone(),
        name: followed.name.clone(),
        adjustable: true,
        value: None,
    });
    let default = known.and_then(|l| l.default.as_ref().ok().map(|d| d.value));
    plan.withheld.clear();
    plan.adopted = None;
    plan.actions.retain(|a| !matches!(a, Action::RequestIncrease(_) | Action::PrepareSupportCase { .. }));
    plan.actions.push(Action::RequestIncrease(Increase {
        quota,
        applied: followed.value_before,
        default,
        desired: followed.desired,
        region: place.region.clone(),
        request_id: followed.request_id.clone(),
        status: None,
    }));
}
