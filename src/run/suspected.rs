//! Keeps an incident open while its quota is under suspicion: a quiet day says nothing about earlier callers.
//!
//! Invariant: It closes when a person approves or closes it, or after a month without calls. Until then, people get
//! reminders.

use jiff::Timestamp;

use crate::error::ServiceResult;
use crate::evidence::Evidence;
use crate::incident::record::{Lease, Record};
use crate::incident::schedule::{FORGOTTEN, STEPS};
use crate::plan::remembered_suspicion;
use crate::ports::Services;
use crate::run::context::RunContext;
use crate::run::investigate::SearchOutcome;
use crate::run::prepared::Prepared;
use crate::run::respond::prepare;
use crate::run::still::nothing_new;
use crate::time::after;

/// Whether it stays open although nothing fails any more.
pub(crate) fn stays_open(record: &Record, evidence: &Evidence, now: Timestamp) -> bool {
    let is_forgotten = record.incident.last_seen.is_some_and(|seen| after(seen, FORGOTTEN) <= now);
    remembered_suspicion(evidence).is_some() && !is_forgotten
}

/// Sends a reminder if one is due. If not, the incident is due again within a day.
pub(crate) async fn keep_open<W: Services>(
    world: &W,
    terms: &RunContext<'_>,
    lease: &Lease,
    mut record: Record,
    evidence: Evidence,
    now: Timestamp,
) -> ServiceResult<Prepared> {
    record.unread = None;
    if let Some(reminder) = record.muted_until(terms.config, now) {
        return Ok(nothing_new(record, reminder.min(after(now, STEPS)), now));
    }
    let search = record.search.clone();
    let learnt = SearchOutcome { search, evidence: Some(evidence), ..SearchOutcome::default() };
    let mut ready = prepare(world, terms, lease, record, Some(learnt)).await?;
    if ready.notice.is_none() {
        ready.told.due_at = after(now, STEPS);
    }
    Ok(ready)
}
