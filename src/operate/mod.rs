//! What a person asks of the ledger: what is open, why, and what to do about it by hand.
//!
//! Invariant: a person stands under the same guard rails as the function; theirs to lift are `observe`, what is suspected,
//! and how far the function may raise a quota by itself.

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
use crate::plan::{codes, demand, remembered_suspicion};
use crate::ports::Services;
use crate::quota::record::Remember;
use crate::run::context::{PATIENCE, RunContext};
use crate::run::gather::gather;
use crate::run::respond::{Response, decided, drive};
use crate::run::still::again_at;
use crate::shards::Shards;
use crate::time::after;

/// An incident, and what would be said of it now.
#[derive(Debug)]
pub struct Shown {
    /// What the ledger knows.
    pub record: Record,
    /// The notice that it would be told in, with the plan as of now; nothing is filed and nothing told.
    pub notice: Notice,
}

/// The whole story of an incident; `None` if the ledger has none of that id.
pub async fn show<W: Services>(
    world: &W,
    terms: &RunContext<'_>,
    id: &IncidentId,
) -> ServiceResult<Option<Shown>> {
    let Some(record) = world.incident(id).await? else { return Ok(None) };
    Ok(Some(Box::pin(look(world, terms, record)).await))
}

/// What is due, and what a sweep would say of each; nothing is filed, told or written.
pub async fn due<W: Services>(world: &W, terms: &RunContext<'_>) -> ServiceResult<Vec<Shown>> {
    const MOST: usize = 100;
    let mut shown = Vec::new();
    for id in world.due(Shards::ALL, world.now(), MOST).await? {
        shown.extend(show(world, terms, &id).await?);
    }
    Ok(shown)
}

pub(crate) async fn look<W: Services>(world: &W, terms: &RunContext<'_>, record: Record) -> Shown {
    let now = world.now();
    let until = after(now, PATIENCE);
    let mut evidence = Box::pin(gather(world, &record.incident, now, until)).await;
    let decided = decided(world, terms, &record.incident, &mut evidence).await;
    let kind = match (record.state, record.notices.is_empty()) {
        (State::Closed, _) => Kind::Resolved,
        (_, true) => Kind::opening(&record.incident),
        _ if record.incident.cause.needs_person() || record.awaited.is_some() => Kind::Reminder,
        _ => Kind::Again,
    };
    let notice = Notice::compose(kind, &record, &decided, &evidence);
    Shown { record, notice }
}

/// Closes an incident, whatever its state: it opens again when it is seen again. One that follows an increase
/// request stays open until AWS has decided, because people have to hear how; the record says which request. What was
/// suspected of its quota is forgotten, and nothing is approved. `None` if it is closed or unknown, or somebody drives it right now.
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

/// A person's word that the demand is legitimate. It is written down as measured now, so that demand up to a quarter
/// more is never suspected; what was suspected is not any more, our own requests may raise the quota further, and what was
/// only observed or waited for it is filed at once, under the other guard rails, and told. `None` if it is closed or
/// unknown, or somebody drives it right now.
pub async fn approve<W: Services>(
    world: &W,
    terms: &RunContext<'_>,
    id: &IncidentId,
) -> ServiceResult<Option<Response>> {
    let now = world.now();
    let Some((lease, record)) = world.acquire(id, now, terms.allowance.lease).await? else { return Ok(None) };
    if record.incident.cause.is_rate() {
        let evidence = Box::pin(gather(world, &record.incident, now, after(now, PATIENCE))).await;
        // Where the demand cannot be measured there is nothing to approve; the plan says so.
        if let Some(demand) = demand(&evidence, now) {
            remember(world, &record, &evidence, &Remember::Approve(demand)).await?;
        }
    }
    let config = Config {
        mode: Mode::Request,
        headroom_mode: Mode::Request,
        digest_above: u32::MAX,
        ..terms.config.clone()
    };
    let terms = RunContext { config: &config, ..*terms };
    Box::pin(drive(world, &terms, &lease, record, None, Lane::Other)).await.map(Some)
}

/// Writes `what` down of every quota that the incident's calls count against.
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
