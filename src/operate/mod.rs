//! Manual commands: what is open, why, and what a person can do about it.
//!
//! Invariant: Manual commands obey the same guard rails as the function. A person can override only `observe`, a
//! suspicion, and how far the function may raise a quota by itself.

pub mod audit;
pub mod coverage;
pub mod doctor;
pub mod report;

use crate::config::{Config, Mode};
use crate::error::ServiceResult;
use crate::evidence::Evidence;
use crate::ids::IncidentId;
use crate::incident::lane::Lane;
use crate::incident::notice_kind::Kind;
use crate::incident::record::{Record, Release, State};
use crate::notice::Notice;
use crate::plan::execution::Execution;
use crate::plan::{codes, demand, remembered_suspicion};
use crate::ports::Services;
use crate::quota::record::Remember;
use crate::run::context::{PATIENCE, RunContext};
use crate::run::gather::{Purpose, gather};
use crate::run::respond::{Response, decide, drive};
use crate::run::still::again_at;
use crate::shards::Shards;
use crate::time::after;

/// An incident, and the notice that would be sent about it now.
#[derive(Debug)]
pub struct Shown {
    /// The ledger's record.
    pub record: Record,
    /// The notice with the present plan. Nothing is filed or sent.
    pub notice: Notice,
}

/// One incident in full; `None` if the ledger has none with that id.
pub async fn show<W: Services>(
    world: &W,
    terms: &RunContext<'_>,
    id: &IncidentId,
) -> ServiceResult<Option<Shown>> {
    let Some(record) = world.incident(id).await? else { return Ok(None) };
    Ok(Some(Box::pin(look(world, terms, record)).await))
}

/// The due incidents, with the notice that a sweep would send. Nothing is filed, sent or written.
pub async fn due<W: Services>(world: &W, terms: &RunContext<'_>) -> ServiceResult<Vec<Shown>> {
    const MOST: usize = 100;
    let mut shown = Vec::new();
    for id in world.due(Shards::ALL, world.now(), MOST).await? {
        shown.extend(show(world, terms, &id).await?);
    }
    Ok(shown)
}

pub(crate) async fn look<W: Services>(world: &W, terms: &RunContext<'_>, record: Record) -> Shown {
    let config = terms.config.for_account(record.incident.account.as_ref());
    let terms = &RunContext { config: &config, ..*terms };
    let now = world.now();
    let until = after(now, PATIENCE);
    let evidence = Box::pin(gather(world, &record.incident, now, until)).await;
    let (plan, evidence) = decide(world, terms, &record.incident, evidence).await;
    let kind = match (record.state, record.notices.is_empty()) {
        (State::Closed, _) => Kind::Resolved,
        (_, true) => Kind::opening(&record.incident),
        _ if record.incident.cause.needs_person() || record.awaited.is_some() => Kind::Reminder,
        _ => Kind::Again,
    };
    let notice = Notice::compose(kind, &record, &plan, &Execution::Nothing, &evidence);
    Shown { record, notice: notice.with_account(&config.accounts) }
}

/// Closes an incident in any state. It opens again when it is seen again. An incident that follows an increase request
/// stays open until AWS has decided, because its outcome must be reported; the returned record names the request. Any
/// suspicion about its quota is forgotten; nothing is approved. `None` if the incident is closed, unknown or being
/// handled.
pub async fn close<W: Services>(
    world: &W,
    terms: &RunContext<'_>,
    id: &IncidentId,
) -> ServiceResult<Option<Record>> {
    let now = world.now();
    let Some((lease, record)) = world.acquire(id, now, terms.allowance.lease).await? else { return Ok(None) };
    if record.incident.cause.is_rate() {
        let evidence = Box::pin(gather(world, &record.incident, now, after(now, PATIENCE))).await;
        if remembered_suspicion(&evidence).is_some() {
            remember(world, &record, &evidence, &Remember::Forget).await?;
        }
    }
    let end = match &record.followed {
        Some(_) => again_at(&record, now, now),
        None => Release::new(State::Closed, now, record.incident.counts),
    };
    world.finish(&lease, &end).await?;
    world.incident(id).await
}

/// Approves the measured demand as legitimate. Demand up to a quarter higher is not suspected from then on, the
/// suspicion ends, and our own requests may raise the quota further. A request that was only observed or waited for
/// approval is filed at once, under the other guard rails, and reported. `None` if the incident is closed, unknown or
/// being handled.
pub async fn approve<W: Services>(
    world: &W,
    terms: &RunContext<'_>,
    id: &IncidentId,
) -> ServiceResult<Option<Response>> {
    let now = world.now();
    let Some((lease, record)) = world.acquire(id, now, terms.allowance.lease).await? else { return Ok(None) };
    if record.incident.cause.is_rate() {
        let evidence = Box::pin(gather(world, &record.incident, now, after(now, PATIENCE))).await;
        // If the demand cannot be measured, there is nothing to approve; the plan says so.
        if let Some(demand) = demand(&evidence, now) {
            remember(world, &record, &evidence, &Remember::Approve(demand)).await?;
        }
    }
    let config = Config {
        mode: Mode::Request,
        headroom_mode: Mode::Request,
        digest_above: u32::MAX,
        accounts: terms.config.accounts.without_modes(),
        ..terms.config.clone()
    };
    let terms = RunContext { config: &config, ..*terms };
    Box::pin(drive(world, &terms, &lease, record, None, (Purpose::Look, Lane::Other))).await.map(Some)
}

/// Records `what` for every quota that the incident's calls count against.
async fn remember<W: Services>(
    world: &W,
    record: &Record,
    evidence: &Evidence,
    what: &Remember,
) -> ServiceResult<()> {
    let Some(place) = record.incident.place() else { return Ok(()) };
    for code in codes(evidence) {
        world.remember(&place, &code, what).await?;
    }
    Ok(())
}
