//! Reads what a plan needs about one quota.

use jiff::Timestamp;

use crate::error::Gathered;
use crate::evidence::QuotaEvidence;
use crate::ids::AccountRegion;
use crate::ports::{Clock, Ledger, Quotas, ask};
use crate::quota::{Quota, QuotaMatch};

/// Reads the values, requests and ledger record of the quota that was found, if one was.
pub(crate) async fn values(
    world: &(impl Quotas + Ledger + Clock),
    place: &AccountRegion,
    found: QuotaMatch,
    until: Timestamp,
) -> QuotaEvidence {
    let Some(Quota { code, .. }) = found.quota.clone() else { return QuotaEvidence::of(found) };
    let (applied, default, history, record) = tokio::join!(
        ask(world, until, world.applied(place, &code)),
        ask(world, until, world.default_value(place, &code)),
        ask(world, until, world.history(place, &code)),
        ask(world, until, world.quota(place, &code)),
    );
    let default = Gathered::from(default);
    let applied = match applied.into() {
        Gathered::Read(None) => default.clone(),
        other => other,
    };
    QuotaEvidence { found, applied, default, history: history.into(), record: record.into() }
}
