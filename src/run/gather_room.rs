//! Reads how much room there is for other ways to call a throttled model.

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};

use crate::alternatives::{Alternative, DENIALS, MeasuredAlternative, alternatives, is_denied};
use crate::error::ServiceResult;
use crate::ids::AccountRegion;
use crate::model::ModelId;
use crate::ports::{Clock, Ledger, Quotas, Telemetry, ask};
use crate::quota::Limit;
use crate::time::Window;
use crate::usage::{Endpoint, Period, Series, Usage, burndown};

/// What a throttled application called.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Throttled {
    /// The endpoint that throttled it.
    pub(crate) endpoint: Endpoint,
    /// What ran full.
    pub(crate) limit: Limit,
    /// Whether other Regions may be asked. A member of an organization is asked only where the event comes from.
    pub(crate) in_all_regions: bool,
}

/// The ways to call `model` at once beside the throttled one, with the most room first. One that could not be read, that
/// a policy denies or that has no room is left out.
pub(crate) async fn room(
    world: &(impl Quotas + Telemetry + Ledger + Clock),
    place: &AccountRegion,
    model: &ModelId,
    full: Throttled,
    now: Timestamp,
    until: Timestamp,
) -> Vec<MeasuredAlternative> {
    let mut ways = alternatives(model, full.endpoint, full.limit, place);
    ways.retain(|way| full.in_all_regions || way.place == *place);
    if ways.is_empty() {
        return Vec::new();
    }
    let since = now.saturating_sub(DENIALS).unwrap_or(now);
    let (seen, applied, used) = tokio::join!(
        ask(world, until, world.seen(place, since)),
        join_all(ways.iter().map(|way| ask(world, until, world.applied(&way.place, &way.quota.code)))),
        used(world, &ways, now, until),
    );
    // What the ledger does not tell may be a denial.
    let Ok(seen) = seen else { return Vec::new() };
    let read = ways.into_iter().zip(applied).zip(used);
    let known = read.filter_map(|((way, applied), used)| {
        // A quota without an applied value may be one that the Region does not have.
        let applied = applied.ok()??.value;
        let room = MeasuredAlternative { applied, used: used.ok()?, alternative: way };
        (room.left() > 0.0 && !is_denied(&room.alternative, &seen)).then_some(room)
    });
    let mut known: Vec<MeasuredAlternative> = known.collect();
    known.sort_by(|a, b| b.left().total_cmp(&a.left()));
    known
}

/// What each of `ways` used of its quota lately. Those of one Region and endpoint are read at once.
async fn used(
    world: &(impl Telemetry + Clock),
    ways: &[Alternative],
    now: Timestamp,
    until: Timestamp,
) -> Vec<ServiceResult<f64>> {
    let groups = ways.chunk_by(|one, next| one.place == next.place && one.endpoint == next.endpoint);
    let read = groups.map(async |group| {
        let [first, ..] = group else { return Vec::new() };
        let ids: Vec<Vec<ModelId>> = group.iter().map(sharing).collect();
        let all = ids.concat();
        let (window, period) = window(first.limit, now);
        let read = world.usage(&first.place, first.endpoint, &all, window, period);
        match ask(world, until, read).await {
            Ok(series) => {
                let mut series = series.into_iter();
                let each = group.iter().zip(&ids).map(|(way, ids)| {
                    let own: Vec<Series> = series.by_ref().take(ids.len()).collect();
                    Ok(peak(way, &own, window.from, now))
                });
                each.collect()
            }
            Err(error) => group.iter().map(|_| Err(error.clone())).collect(),
        }
    });
    join_all(read).await.concat()
}

/// The ids whose calls count against the same quota. Calls through application profiles have ids of their own.
fn sharing(way: &Alternative) -> Vec<ModelId> {
    let mut ids = way.model.sharing_a_quota();
    ids.retain(|id| *id == way.model || id.may_be_called_from(&way.place.region));
    ids
}

/// The last hour, or for a daily limit the last day.
fn window(limit: Limit, now: Timestamp) -> (Window, Period) {
    let (hours, period) =
        if limit == Limit::TokensPerDay { (24, Period::FiveMinutes) } else { (1, Period::Minute) };
    let from = now.saturating_sub(SignedDuration::from_hours(hours)).unwrap_or(now);
    (Window { from, to: now }, period)
}

fn peak(way: &Alternative, series: &[Series], from: Timestamp, now: Timestamp) -> f64 {
    let usage = match way.endpoint {
        Endpoint::Runtime => Usage::of(series, burndown(&way.model), from, now),
        Endpoint::Mantle => Usage::of_mantle(series, from, now),
    };
    usage.peak(way.limit)
}
