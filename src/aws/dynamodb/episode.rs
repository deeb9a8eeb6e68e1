//! Episodes under a new lease: one that is taken over, one that continues after it was over, and a new one.
//!
//! Invariant: Whoever has lost the lease starts no episode.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};

use crate::aws::clients::Aws;
use crate::aws::dynamodb::detail::IncidentDetail;
use crate::aws::dynamodb::item::{IncidentItem, Slimmed};
use crate::aws::dynamodb::keys::{HOME, SILENCE, incident_key, stamp};
use crate::aws::dynamodb::table::{Table, Written};
use crate::aws::dynamodb::update::Update;
use crate::aws::dynamodb::{detail, item, keys, notice_attributes};
use crate::error::{ServiceError, ServiceResult};
use crate::ids::IncidentId;
use crate::incident::record::{Lease, Record, State};
use crate::incident::{Counts, Incident};
use crate::time::after;

/// How a new episode of a closed incident starts.
pub(super) struct Reopened {
    /// Whether the incident was read from its item and has nothing new to write. Values of another version then stay
    /// as they were written.
    pub(super) is_read: bool,
    /// Subtracted from the counts, so that claims counted in between stay.
    pub(super) before: Counts,
    pub(super) episode: u32,
    pub(super) until: Timestamp,
}

impl Aws {
    /// Takes the lease of an open incident that nobody holds and for which `condition` is true.
    pub(super) async fn take(
        &self,
        id: &IncidentId,
        now: Timestamp,
        lease: SignedDuration,
        condition: &str,
    ) -> ServiceResult<Option<(Lease, Record)>> {
        let table = self.table()?;
        let (owner, until) = (self.next_owner(), after(now, lease));
        let mut update = Update::default();
        update.set("lease_owner", &*owner);
        update.set("lease_until", stamp(until));
        update.set("due_at", stamp(until));
        update.only_if(&format!(
            "attribute_exists(#open) AND {condition} AND (attribute_not_exists(lease_owner) OR lease_owner = :silence OR lease_until <= :now)"
        ));
        update.name("open");
        update.value(":now", stamp(now));
        update.value(":silence", SILENCE);
        let Written::Yes(Some(old)) = table.update(&incident_key(id), update).await? else { return Ok(None) };
        let old = IncidentItem::read(old)?;
        let lease = Lease { incident: id.clone(), owner };
        let detail = table.detail(&old, &lease, now).await?;
        let mut record = old.record(&detail)?;
        record.due_at = Some(until);
        if record.returns(now) {
            if !table.come_back(id, old.home_or(&record.incident), until, &lease).await? {
                return Ok(None);
            }
            record.come_back(until);
        } else if record.state == State::Closed {
            // Whoever reopened it died before starting the new episode; the counts are of both episodes.
            let episode = old.episode.saturating_add(1);
            let reopened = Reopened { is_read: true, before: Counts::default(), episode, until };
            if !table.reopen(&record.incident, reopened, &lease, now).await? {
                return Ok(None);
            }
            record = item::fresh(&record.incident, episode, until);
        }
        Ok(Some((lease, record)))
    }
}

impl Table<'_> {
    /// Reads the large parts of `old`, whose `lease` was just taken. Moves out of `old` what a version before 0.2 kept
    /// there.
    pub(super) async fn detail(
        &self,
        old: &IncidentItem,
        lease: &Lease,
        now: Timestamp,
    ) -> ServiceResult<IncidentDetail> {
        let id = &lease.incident;
        let detail = IncidentDetail::read(id, &self.items(detail::keys(id)).await?)?;
        if old.is_of_before() {
            let Slimmed { mut incident, detail: bulky, callers } = old.slimmed(&detail, now)?;
            incident.under(lease);
            let bulky = self.write(detail::detail_key(id), bulky)?;
            let mut writes = vec![self.write(incident_key(id), incident)?, bulky];
            for (key, update) in callers {
                writes.push(self.write(key, update)?);
            }
            if self.transact(writes).await?.is_err() {
                return Err(ServiceError::lease_lost());
            }
        }
        Ok(detail)
    }

    /// Starts a new episode of a closed incident under its new lease. `false` if the lease is lost.
    pub(super) async fn reopen(
        &self,
        incident: &Incident,
        reopened: Reopened,
        lease: &Lease,
        now: Timestamp,
    ) -> ServiceResult<bool> {
        let Reopened { is_read, before, episode, until } = reopened;
        let mut update = Update::default();
        update.set("state", State::Seen.as_str());
        update.set("episode", episode);
        update.set("notices", AttributeValue::L(Vec::new()));
        update.set("due_at", stamp(until));
        let mut told = item::told_by(incident);
        let is_told = |name: &str| told.iter().any(|(known, _)| *known == name);
        item::OF_EPISODE.iter().filter(|name| !is_told(name)).for_each(|gone| update.remove(gone));
        notice_attributes::of_kinds().for_each(|gone| update.remove(&gone));
        // The claim has written it, and someone may have written a later time since.
        told.retain(|(name, _)| !is_read && *name != item::LAST_SEEN);
        update.set_all(told);
        let home = keys::home(&incident.id, incident.cause);
        if is_read {
            update.copy_or("open", HOME, home);
        } else {
            update.set("open", home);
        }
        update.subtract("errors", before.errors);
        update.subtract("alarms", before.alarms);
        update.under(lease);
        let bulky = detail::reopened(incident, is_read, now);
        let writes = vec![
            self.write(incident_key(&incident.id), update)?,
            self.write(detail::detail_key(&incident.id), bulky)?,
        ];
        Ok(self.transact(writes).await?.is_ok())
    }

    /// Continues the episode of an incident that was over, under its new lease. `false` if the lease is lost.
    pub(super) async fn come_back(
        &self,
        id: &IncidentId,
        home: String,
        due_at: Timestamp,
        lease: &Lease,
    ) -> ServiceResult<bool> {
        let mut update = Update::default();
        update.set("state", State::Seen.as_str());
        update.set("due_at", stamp(due_at));
        update.copy_or("open", HOME, home);
        for gone in item::OF_STAY {
            update.remove(gone);
        }
        update.under(lease);
        let mut bulky = Update::default();
        for gone in ["search", "ttl"] {
            bulky.remove(gone);
        }
        let bulky = self.write(detail::detail_key(id), bulky)?;
        Ok(self.transact(vec![self.write(incident_key(id), update)?, bulky]).await?.is_ok())
    }
}
