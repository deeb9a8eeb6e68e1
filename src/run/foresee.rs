//! The daily forecasts as a part of a sweep: of the function's own account and Region, then of the members of its
//! organization.
//!
//! Invariant: A member that cannot be read, and a lack of time, delay no other account for more than an hour.

use futures_util::stream::{self, StreamExt as _};
use jiff::SignedDuration;

use crate::error::{ServiceError, ServiceResult};
use crate::ids::AccountRegion;
use crate::incident::record::{Claim, Lease};
use crate::ports::Services;
use crate::run::context::{AT_ONCE, RunContext};
use crate::run::forecast::{Forecast, ForecastReport, done, members, watch};
use crate::run::prepared::Prepared;
use crate::run::respond::prepare;

/// What the forecasts found.
#[derive(Default)]
pub(super) struct Foreseen {
    /// The forecast of the function's own account and Region; `None` if it was not due.
    pub(super) own: Option<ServiceResult<ForecastReport>>,
    /// The forecasts of members that were due.
    pub(super) members: Vec<(AccountRegion, ServiceResult<ForecastReport>)>,
    /// Incidents that could not be driven, and why.
    pub(super) failed: Vec<(String, ServiceError)>,
    /// The incidents that were claimed, prepared for their notices.
    pub(super) ready: Vec<(Lease, Prepared)>,
}

/// Makes the forecasts that are due, as far as there is time.
pub(super) async fn foresee<W: Services>(world: &W, terms: &RunContext<'_>) -> Foreseen {
    let mut foreseen = Foreseen::default();
    let Some(home) = terms.home.place().filter(|_| world.now() < terms.allowance.until) else {
        return foreseen;
    };
    let mut own = match Box::pin(watch(world, terms, home)).await {
        Ok(Some(own)) => own,
        Ok(None) => return foreseen,
        Err(error) => {
            foreseen.own = Some(Err(error));
            return foreseen;
        }
    };
    let mut is_whole = foreseen.claim(world, terms, &mut own).await;
    match Box::pin(members(world, terms)).await {
        Ok(members) => is_whole &= foreseen.watch_members(world, terms, members).await,
        Err(error) => own.watched.failed.push(error),
    }
    if is_whole && let Err(error) = done(world, &own).await {
        // The forecast is repeated sooner; nobody is notified twice.
        own.watched.failed.push(error);
    }
    foreseen.own = Some(Ok(own.watched));
    foreseen
}

impl Foreseen {
    /// Makes the forecasts of `members` that are due. `false` if some must be tried again in an hour: there was no time, or a
    /// call failed that may succeed then.
    async fn watch_members<W: Services>(
        &mut self,
        world: &W,
        terms: &RunContext<'_>,
        members: Vec<AccountRegion>,
    ) -> bool {
        let mut is_whole = true;
        let look = async |place: AccountRegion| {
            let is_in_time = world.now() < terms.allowance.until;
            let looked =
                if is_in_time { Box::pin(watch(world, terms, place.clone())).await } else { Ok(None) };
            (place, is_in_time, looked)
        };
        let mut looks = stream::iter(members).map(look).buffered(AT_ONCE);
        while let Some((place, is_in_time, looked)) = looks.next().await {
            is_whole &= is_in_time;
            match looked {
                Ok(Some(mut found)) => {
                    let is_claimed = self.claim(world, terms, &mut found).await;
                    let ended = if is_claimed { done(world, &found).await } else { Ok(()) };
                    found.watched.failed.extend(ended.err());
                    is_whole &= !found.watched.failed.iter().any(ServiceError::is_passing);
                    self.members.push((place, Ok(found.watched)));
                }
                Ok(None) => {}
                Err(error) => {
                    is_whole &= !error.is_passing();
                    self.members.push((place, Err(error)));
                }
            }
        }
        is_whole
    }

    /// Claims the incidents of a forecast, and prepares their notices. `false` if the ledger refused one.
    async fn claim<W: Services>(&mut self, world: &W, terms: &RunContext<'_>, found: &mut Forecast) -> bool {
        let mut is_whole = true;
        for incident in std::mem::take(&mut found.incidents) {
            // Incidents that there is no time for are left to the next sweep.
            let is_left = world.now() >= terms.allowance.until;
            let lease = if is_left { SignedDuration::ZERO } else { terms.allowance.lease };
            let driven = match world.claim(&incident, world.now(), lease).await {
                Ok(Claim::Mine(lease, record)) if !is_left => {
                    let id = lease.incident.to_string();
                    let prepared = Box::pin(prepare(world, terms, &lease, *record, None)).await;
                    prepared.map(|prepared| self.ready.push((lease, prepared))).map_err(|error| (id, error))
                }
                Ok(_) => Ok(()),
                Err(error) => {
                    is_whole = false;
                    Err((incident.id.to_string(), error))
                }
            };
            self.failed.extend(driven.err());
        }
        is_whole
    }
}
