//! Gathers what a plan needs about a quota that is not of model inference.

use jiff::Timestamp;

use crate::error::Gathered;
use crate::evidence::Evidence;
use crate::ids::AccountRegion;
use crate::incident::Incident;
use crate::ports::{Clock, Ledger, Quotas, Topic, ask};
use crate::quota::Catalog;
use crate::quota::Verdict;
use crate::quota::feature::resolve;
use crate::run::gather_quota::values;

/// Finds the quota that the error names, in the built-in catalogue or else in the account's own listing of that
/// service, and reads its values.
pub(crate) async fn gather<W: Quotas + Ledger + Topic + Clock>(
    world: &W,
    place: &AccountRegion,
    incident: &Incident,
    evidence: &mut Evidence,
    until: Timestamp,
) {
    let rows = incident.facts.feature_quotas();
    let Some(first) = rows.first() else { return };
    let operation = incident.facts.operation.as_deref();
    let among = |catalog: &Catalog| resolve(&rows, operation, evidence.model.as_ref(), catalog);
    let mut found = among(Catalog::built_in());
    // Quotas that the built-in catalogue lacks may be in the account's listing. Which of several is meant, no listing
    // tells.
    if found.verdict != Verdict::Matched && found.candidates.is_empty() {
        let listing: Gathered<Catalog> = ask(world, until, world.listing(place, first.service)).await.into();
        found = listing.read().map_or(found, among);
        evidence.listing = listing.map(|_| ());
    }
    let is_found = found.quota.is_some();
    let listeners = async {
        if is_found { ask(world, until, world.subscribers()).await.into() } else { Gathered::NotAsked }
    };
    let (feature, listeners) = tokio::join!(values(world, place, found, until), listeners);
    evidence.feature = Some(Box::new(feature));
    evidence.listeners = listeners;
}
