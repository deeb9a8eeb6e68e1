//! On each tick, takes every due incident through the same stages until it is over.
//!
//! Invariant: An incident that fails stays due and does not hold up the others.

use std::collections::HashSet;

use futures_util::stream::{self, StreamExt as _};
use jiff::Timestamp;

use crate::diagnosis::Cause;
use crate::error::{ServiceError, ServiceResult};
use crate::evidence::Evidence;
use crate::ids::{AccountRegion, IncidentId};
use crate::incident::notice_kind::Kind;
use crate::incident::record::{Lease, Record, State};
use crate::incident::schedule::{FORGOTTEN, LATER, is_measured};
use crate::notice::Notice;
use crate::plan::action::Plan;
use crate::plan::execution::Execution;
use crate::ports::Services;
use crate::run::by_hand;
use crate::run::context::{AT_ONCE, PATIENCE, RunContext};
use crate::run::follow::{follow, unanswered};
use crate::run::forecast::ForecastReport;
use crate::run::foresee::foresee;
use crate::run::gather::gather;
use crate::run::investigate::{SearchOutcome, learn};
use crate::run::prepared::Prepared;
use crate::run::respond::{is_done, prepare, tell};
use crate::run::still::{
    STILL_FAILING, closed, is_failing, is_of_another_account, is_searched, nothing_new, still_failing,
};
use crate::run::suspected::{keep_open, stays_open};
use crate::shards::{Shard, Shards};
use crate::time::{Window, after};

/// Due incidents read from the ledger at a time.
const PAGE: usize = 100;
/// At most this many incidents are in one digest, so that it fits an SNS message in every form; more make another.
const MOST: usize = 100;

/// What a sweep did.
#[derive(Debug, Default)]
pub struct SweepReport {
    /// The shards that were swept.
    pub shards: Shards,
    /// Notices that were sent.
    pub notices: Vec<Notice>,
    /// Incidents that could not be driven, and why; they stay due.
    pub failed: Vec<(String, ServiceError)>,
    /// Whether time ran out before every due incident was looked at.
    pub out_of_time: bool,
    /// The forecast's results, if it was due. An error if it could not be made; it is then tried again.
    pub watched: Option<ServiceResult<ForecastReport>>,
    /// The forecasts of members of the organization that were due. An error as above.
    pub members: Vec<(AccountRegion, ServiceResult<ForecastReport>)>,
    /// The topic's confirmed subscribers. An error if the topic did not answer; `None` if it was not asked.
    pub subscribers: Option<ServiceResult<u32>>,
}

/// Drives every due incident in every shard; see [`sweep_shards`].
pub async fn sweep<W: Services>(world: &W, terms: &RunContext<'_>) -> ServiceResult<SweepReport> {
    sweep_shards(world, terms, Shards::ALL).await
}

/// Drives every due incident in `shards`, as far as time allows; the rest is due at the next sweep. The forecast and
/// the check of the topic run once for all shards, with [`Shard::FIRST`]. An error means that the ledger could not
/// be read.
pub async fn sweep_shards<W: Services>(
    world: &W,
    terms: &RunContext<'_>,
    shards: Shards,
) -> ServiceResult<SweepReport> {
    let mut swept = SweepReport { shards, ..SweepReport::default() };
    let mut waiting = Vec::new();
    let mut looked_at = HashSet::new();
    // Repeat until a page has nothing new: failed incidents stay due and are listed again.
    loop {
        let mut due = match world.due(shards, world.now(), PAGE).await {
            Ok(due) => due,
            Err(error) if looked_at.is_empty() => return Err(error),
            Err(error) => {
                swept.failed.push(("the list of what is due".to_owned(), error));
                break;
            }
        };
        due.retain(|id| looked_at.insert(id.clone()));
        if due.is_empty() {
            break;
        }
        // Look concurrently, and send notices in the order of the list, which is by rank.
        let mut looks = stream::iter(due).map(|id| look(world, terms, id)).buffered(AT_ONCE);
        while let Some(look) = looks.next().await {
            swept.out_of_time |= look.is_too_late;
            swept.failed.extend(look.failed);
            wait(world, look.ready, &mut waiting, &mut swept).await;
        }
        if swept.out_of_time {
            break;
        }
    }
    let is_first = shards.contains(Shard::FIRST);
    if is_first {
        let foreseen = Box::pin(foresee(world, terms)).await;
        (swept.watched, swept.members) = (foreseen.own, foreseen.members);
        swept.failed.extend(foreseen.failed);
        wait(world, foreseen.ready, &mut waiting, &mut swept).await;
    }
    if waiting.len() > terms.config.digest_above as usize {
        together(world, waiting, &mut swept).await;
    } else {
        one_by_one(world, waiting, &mut swept).await;
    }
    if is_first {
        swept.subscribers = Some(world.subscribers().await);
    }
    Ok(swept)
}

/// The result of the look at one due incident.
#[derive(Default)]
struct Look {
    /// What must be sent or recorded: the incident, and those found behind its alarm.
    ready: Vec<(Lease, Prepared)>,
    failed: Vec<(String, ServiceError)>,
    /// Whether there was no time left; then no lease was taken.
    is_too_late: bool,
}

/// Handles one incident. A result without a notice is recorded at once.
async fn look<W: Services>(world: &W, terms: &RunContext<'_>, id: IncidentId) -> Look {
    let mut look = Look::default();
    if world.now() >= terms.allowance.until {
        look.is_too_late = true;
        return look;
    }
    let (lease, mut ready) = match Box::pin(look_after(world, terms, &id)).await {
        Ok(Some(ready)) => ready,
        Ok(None) => return look,
        Err(error) => {
            look.failed.push((id.to_string(), error));
            return look;
        }
    };
    let others = std::mem::take(&mut ready.others);
    look.put(world, lease, ready).await;
    // Incidents found behind an alarm are driven together with it.
    for found in others {
        let (lease, record, learnt) = found.open();
        match Box::pin(prepare(world, terms, &lease, record, learnt)).await {
            Ok(other) => look.put(world, lease, other).await,
            Err(error) => look.failed.push((lease.incident.to_string(), error)),
        }
    }
    look
}

impl Look {
    async fn put<W: Services>(&mut self, world: &W, lease: Lease, ready: Prepared) {
        if ready.notice.is_some() {
            self.ready.push((lease, ready));
        } else if let Err(error) = world.finish(&lease, &ready.told).await {
            self.failed.push((lease.incident.to_string(), error));
        }
    }
}

/// Takes the lease of a due incident and prepares its notice. `None` if someone else took it first.
async fn look_after<W: Services>(
    world: &W,
    terms: &RunContext<'_>,
    id: &IncidentId,
) -> ServiceResult<Option<(Lease, Prepared)>> {
    let Some((lease, mut record)) = world.acquire_due(id, world.now(), terms.allowance.lease).await? else {
        return Ok(None);
    };
    let config = terms.config.for_account(record.incident.account.as_ref());
    let terms = &RunContext { config: &config, ..*terms };
    let now = world.now();
    if is_searched(&record) {
        let learnt = Box::pin(learn(world, terms, &mut record, after(now, PATIENCE))).await?;
        if learnt.is_news() || !matches!(record.state, State::Watching | State::Told) {
            return Ok(Some((lease.clone(), prepare(world, terms, &lease, record, Some(learnt)).await?)));
        }
        record.search = learnt.search;
    }
    let ready = match (record.state, record.followed.clone(), record.incident.place()) {
        (State::Watching, Some(followed), Some(place)) if followed.request_id.is_some() => {
            follow(world, terms, &lease, record, &followed, &place, now).await?
        }
        (State::Told, ..) => quiet(world, terms, &lease, record, now).await?,
        _ => prepare(world, terms, &lease, record, None).await?,
    };
    Ok(Some((lease, ready.with_account(&config))))
}

/// Finishes results that get their own notice or none. The rest waits for a digest; a full digest is sent at once.
async fn wait<W: Services>(
    world: &W,
    ready: Vec<(Lease, Prepared)>,
    waiting: &mut Vec<(Lease, Prepared)>,
    swept: &mut SweepReport,
) {
    let (alone, others): (Vec<_>, Vec<_>) =
        ready.into_iter().partition(|(_, ready)| ready.is_told_alone || ready.notice.is_none());
    one_by_one(world, alone, swept).await;
    waiting.extend(others);
    while waiting.len() >= MOST {
        let later = waiting.split_off(MOST);
        together(world, std::mem::replace(waiting, later), swept).await;
    }
}

/// Sends each notice by itself.
async fn one_by_one<W: Services>(world: &W, all: Vec<(Lease, Prepared)>, swept: &mut SweepReport) {
    for (lease, ready) in all {
        match tell(world, &lease, ready.notice.as_ref(), &ready.told, &ready.untold).await {
            Ok(()) => swept.notices.extend(ready.notice),
            Err(error) => swept.failed.push((lease.incident.to_string(), error)),
        }
    }
}

/// Sends all notices in one digest.
async fn together<W: Services>(world: &W, all: Vec<(Lease, Prepared)>, swept: &mut SweepReport) {
    let notices: Vec<&Notice> = all.iter().filter_map(|(_, ready)| ready.notice.as_ref()).collect();
    let digest = Notice::digest(&notices);
    let published = world.publish(&digest).await;
    for (lease, ready) in all {
        let end = if published.is_ok() { ready.told } else { ready.untold };
        let recorded = world.finish(&lease, &end).await;
        if let Err(error) = published.clone().and(recorded) {
            swept.failed.push((lease.incident.to_string(), error));
        }
    }
    if published.is_ok() {
        swept.notices.push(digest);
    }
}

/// Looks at an incident with no request to follow. While it goes on, decides anew and may notify again. Closes it
/// once CloudWatch has been quiet for long enough.
async fn quiet<W: Services>(
    world: &W,
    terms: &RunContext<'_>,
    lease: &Lease,
    mut record: Record,
    now: Timestamp,
) -> ServiceResult<Prepared> {
    let mut unread = Vec::new();
    if let Some(place) = record.incident.place() {
        match by_hand::look(world, &mut record, &place).await {
            Ok(Some(value)) => {
                let evidence = Evidence::none(record.incident.model.clone(), now);
                return Ok(by_hand::over(record, value, &evidence, now));
            }
            Ok(None) => {}
            Err(error) => unread.push(error),
        }
    }
    if record.incident.cause.needs_person() {
        return step(world, terms, lease, record, now).await;
    }
    match is_failing(world, terms, &record.incident, now).await {
        Ok(true) => {
            // CloudWatch shows that calls fail, whether or not their errors arrive. The alarm did not go off again.
            let search = record.search.clone();
            record.incident.last_seen = Some(now);
            record.unread = None;
            let learnt = SearchOutcome { search, ..SearchOutcome::default() };
            return prepare(world, terms, lease, record, Some(learnt)).await;
        }
        Ok(false) => {}
        Err(error) => unread.push(error),
    }
    if record.is_ongoing(terms.config, now) || record.is_busy(now) {
        record.unread = None;
        return prepare(world, terms, lease, record, None).await;
    }
    let next = record.next_look(terms.config, now);
    if !unread.is_empty() {
        return Ok(unanswered(record, STILL_FAILING.to_owned(), unread, next.min(after(now, LATER)), now));
    }
    if record.closes_at(terms.config, now) > now {
        record.unread = None;
        return Ok(nothing_new(record, next, now));
    }
    match is_quiet(world, terms, &record, now).await {
        Ok(true) => {}
        Ok(false) => {
            record.unread = None;
            return Ok(nothing_new(record, after(now, LATER), now));
        }
        Err(error) => {
            return Ok(unanswered(record, STILL_FAILING.to_owned(), vec![error], after(now, LATER), now));
        }
    }
    let evidence = Box::pin(gather(world, &record.incident, now, after(now, PATIENCE))).await;
    ended(world, terms, lease, record, evidence, now).await
}

/// Looks at an incident whose step a person must take, and sends reminders until it is done. If nothing tells
/// whether it is done, the incident ends once CloudWatch has been quiet for long enough. If the step is known to
/// be missing, it ends after a month without calls.
async fn step<W: Services>(
    world: &W,
    terms: &RunContext<'_>,
    lease: &Lease,
    mut record: Record,
    now: Timestamp,
) -> ServiceResult<Prepared> {
    let evidence = Box::pin(gather(world, &record.incident, now, after(now, PATIENCE))).await;
    let done = is_done(&record, &evidence, terms.config);
    if done == Some(true) && record.settles_at(terms.config, now) <= now {
        return ended(world, terms, lease, record, evidence, now).await;
    }
    let is_near = record.incident.cause == Cause::NearQuota;
    // A reminder does not count as a call.
    let over = match done {
        Some(false) => after(record.incident.last_seen.unwrap_or(record.last_news(now)), FORGOTTEN),
        _ => record.closes_at(terms.config, now),
    };
    let is_ongoing = record.is_ongoing(terms.config, now);
    let mut unread: Vec<ServiceError> =
        if done.is_none() { evidence.unread().cloned().collect() } else { Vec::new() };
    // Something that could not be read for now may be the missing step, so quiet alone does not end the incident.
    // Quiet also does not show that a quota has room again.
    let is_open = match record.incident.cause {
        Cause::NearQuota => !unread.is_empty(),
        _ => unread.iter().any(ServiceError::is_passing),
    };
    if !is_ongoing && over <= now && !is_open {
        match is_quiet(world, terms, &record, now).await {
            Ok(true) => return ended(world, terms, lease, record, evidence, now).await,
            Ok(false) => {}
            Err(error) => unread.push(error),
        }
    }
    let is_due = record.muted_until(terms.config, now).is_none();
    let is_reminded_of = is_due && (is_ongoing || done == Some(false));
    match done {
        // For a nearly full quota, decide every day what to do, whether or not a notice is due.
        _ if is_reminded_of || record.is_busy(now) || (is_near && done == Some(false)) => {
            record.unread = record.unread.filter(|_| !unread.is_empty());
            let search = record.search.clone();
            let learnt = SearchOutcome { search, evidence: Some(evidence), ..SearchOutcome::default() };
            prepare(world, terms, lease, record, Some(learnt)).await
        }
        _ if !unread.is_empty() => {
            let question = "whether the step is taken, and whether calls still fail";
            Ok(unanswered(record, question.to_owned(), unread, after(now, LATER), now))
        }
        _ => {
            record.unread = None;
            let next = record.next_look(terms.config, now);
            Ok(nothing_new(record, next, now))
        }
    }
}

/// Closes the incident, unless its quota is under suspicion.
async fn ended<W: Services>(
    world: &W,
    terms: &RunContext<'_>,
    lease: &Lease,
    record: Record,
    evidence: Evidence,
    now: Timestamp,
) -> ServiceResult<Prepared> {
    if stays_open(&record, &evidence, now) {
        return Box::pin(keep_open(world, terms, lease, record, evidence, now)).await;
    }
    Ok(resolved(record, &evidence, now))
}

/// Closes the incident with a notice.
fn resolved(record: Record, evidence: &Evidence, now: Timestamp) -> Prepared {
    let plan = Plan::default();
    let notice = Notice::compose(Kind::Resolved, &record, &plan, &Execution::Nothing, evidence);
    closed(record, notice, evidence, now)
}

/// Whether CloudWatch has been quiet for long enough.
async fn is_quiet<W: Services>(
    world: &W,
    terms: &RunContext<'_>,
    record: &Record,
    now: Timestamp,
) -> ServiceResult<bool> {
    if is_of_another_account(terms, &record.incident) {
        return Ok(true);
    }
    // A metric that also counts other errors says little about a whole week.
    let is_measured = is_measured(&record.incident);
    let config = terms.config;
    let wait = if is_measured { record.quiet_to_close(config) } else { config.quiet_to_close };
    let window = Window { from: now.saturating_sub(wait).unwrap_or(now), to: now };
    Ok(!still_failing(world, &record.incident, window).await?)
}
