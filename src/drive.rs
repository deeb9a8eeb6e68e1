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

/// How long an invocation may work.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    /// Nothing new is begun after this; what is left is handed to the ledger, due at once.
    pub until: Timestamp,
    /// How long a lease stands: longer than any invocation lives.
    pub lease: SignedDuration,
}

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
    let mut end =
        Finish { state, followed, due_at: Some(due_at), silent_until: None, told: None, ended: None };
    if told_lately && !news {
        end.silent_until = quiet_until;
        world.finish(lease, &end).await?;
        return Ok(Driven { plan, notice: None });
    }
    let notice = Notice::compose(kind, &record, &plan, &evidence);
    if let Err(error) = world.publish(&notice).await {
        end.state = if end.followed.is_some() { State::Filed } else { State::Seen };
        end.due_at = Some(after(now, UNTOLD));
        world.finish(lease, &end).await?;
        return Err(error);
    }
    end.silent_until = Some(after(now, config.notice_cool_down));
    end.told = Some(Told { id: notice.notice_id.clone(), kind: kind.as_str().to_owned(), at: now });
    world.finish(lease, &end).await?;
    Ok(Driven { plan, notice: Some(notice) })
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
