//! Reads from CloudTrail's event history who calls a model, now and a week ago.
//!
//! Invariant: It is read only if nothing else stands against a request, with a bounded number of calls. It
//! decides nothing.

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};

use crate::error::ServiceResult;
use crate::event::signal::Recorded;
use crate::evidence::{Evidence, since};
use crate::ids::AccountRegion;
use crate::incident::Incident;
use crate::misuse::strangers::{Sample, Samples};
use crate::model::ModelId;
use crate::ports::{Clock, Records, ask};
use crate::time::Window;

/// How far back the present callers are read.
const HOURS: SignedDuration = SignedDuration::from_hours(3);
/// The newest events read for the present. The event history cannot be filtered by model.
const MOST: usize = 200;
/// Events read for each quarter of the day a week ago. Quarters make sure that night jobs are seen as well.
const MOST_OF_QUARTER: usize = 50;
const QUARTERS: i32 = 4;
const QUARTER: SignedDuration = SignedDuration::from_hours(6);
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Adds to `evidence` who calls the incident's model, and whether the account's root user does.
pub(crate) async fn look<W: Records + Clock>(
    world: &W,
    incident: &Incident,
    evidence: Evidence,
    until: Timestamp,
) -> Evidence {
    let Some(place) = incident.place() else { return evidence };
    let now = evidence.now;
    let mut models: Vec<ModelId> = evidence.model.iter().flat_map(ModelId::sharing_a_quota).collect();
    models.extend(incident.model.clone());
    let root = Window { from: since(incident, now), to: now };
    let (root, callers) = tokio::join!(
        ask(world, until, world.called_by_root(&place, root)),
        callers(world, &place, &models, now, until),
    );
    Evidence { root: root.into(), callers: callers.into(), ..evidence }
}

async fn callers<W: Records + Clock>(
    world: &W,
    place: &AccountRegion,
    models: &[ModelId],
    now: Timestamp,
    until: Timestamp,
) -> ServiceResult<Samples> {
    let back = |wait: SignedDuration| now.saturating_sub(wait).unwrap_or(now);
    let quarter = |n: i32| {
        let to = back(WEEK.saturating_add(QUARTER * n));
        Window { from: to.saturating_sub(QUARTER).unwrap_or(to), to }
    };
    let earlier =
        (0..QUARTERS).map(|n| ask(world, until, world.recorded(place, quarter(n), MOST_OF_QUARTER)));
    let last = Window { from: back(HOURS), to: now };
    let (last, earlier) =
        tokio::join!(ask(world, until, world.recorded(place, last, MOST)), join_all(earlier));
    let earlier: Vec<Recorded> = earlier.into_iter().collect::<ServiceResult<_>>()?;
    Ok(Samples { now: Sample::of(&[last?], models), earlier: Sample::of(&earlier, models) })
}
