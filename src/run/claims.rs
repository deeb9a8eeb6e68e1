//! Claims each incident of one delivery in the ledger, and drives it if there is time.
//!
//! Invariant: Every incident in the ledger is due. Urgent incidents are claimed and driven first, one after the
//! other; those that are only counted are claimed concurrently.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap, HashSet};

use futures_util::stream::{self, StreamExt as _};
use jiff::SignedDuration;

use crate::diagnosis::{Category, Rank};
use crate::error::{ServiceError, ServiceResult};
use crate::ids::IncidentId;
use crate::incident::Incident;
use crate::incident::flood::{Doubt, Floods, Opened, Room, bounded};
use crate::incident::lane::Lane;
use crate::incident::record::{Claim, Lease, Release, State};
use crate::ports::Services;
use crate::run::context::{AT_ONCE, RunContext};
use crate::run::gather::Purpose;
use crate::run::respond::{Response, drive};

/// What was done about one incident.
#[derive(Debug)]
pub struct IncidentReport {
    /// The incident as this delivery reported it.
    pub incident: Incident,
    /// What was decided, done and sent. `None` if the incident was only counted: someone else holds its lease, a
    /// notice was sent a short time ago, or it is left to the next sweep. An error if it stays due.
    pub driven: Result<Option<Response>, ServiceError>,
    /// Whether the ledger has it. If not, its items must be delivered again.
    pub recorded: bool,
}

/// The claims of one delivery.
pub(crate) struct Claims<'a, W> {
    world: &'a W,
    terms: &'a RunContext<'a>,
    /// Places and senders that the ledger has no more room for in this hour.
    full: RefCell<Full>,
}

#[derive(Default)]
struct Full {
    senders: HashSet<Opened>,
    places: HashSet<String>,
}

impl Full {
    fn room(&self, opened: &Opened) -> Room {
        if self.places.contains(&opened.place) {
            Room::PlaceFull
        } else if self.senders.contains(opened) {
            Room::SenderFull
        } else {
            Room::Free
        }
    }

    fn put(&mut self, opened: Opened, room: Room) {
        match room {
            Room::Free => {}
            Room::SenderFull => {
                self.senders.insert(opened);
            }
            Room::PlaceFull => {
                self.places.insert(opened.place);
            }
        }
    }
}

/// The result of a claim within the bounds on new incidents.
enum Claimed {
    Done(Claim),
    /// A new incident without room. With a lease, the claim opened it and it must be closed.
    Beyond(Room, Option<Box<(Lease, Release)>>),
}

/// Incidents beyond the bounds.
#[derive(Default)]
struct Beyond {
    floods: Floods,
    /// Incidents that were opened before their bound was known, each with the incident that counts it instead.
    opened: Vec<(Lease, Release, IncidentId)>,
}

impl Beyond {
    /// Counts `incident` in an incident of many different errors, and returns that incident's id.
    fn put(&mut self, incident: Incident, room: Room, opened: Option<Box<(Lease, Release)>>) -> IncidentId {
        let many = self.floods.put(incident, room);
        self.opened.extend(opened.map(|opened| (opened.0, opened.1, many.clone())));
        many
    }
}

impl<'a, W: Services> Claims<'a, W> {
    pub(crate) fn new(world: &'a W, terms: &'a RunContext<'a>) -> Self {
        Self { world, terms, full: RefCell::default() }
    }

    /// Claims and drives `incidents`. The reports are sorted by rank, then in the order of `incidents`.
    pub(crate) async fn all(&self, incidents: Vec<Incident>) -> Vec<IncidentReport> {
        let (floods, mut incidents): (Vec<_>, Vec<_>) =
            bounded(incidents).into_iter().partition(|incident| incident.facts.many.is_some());
        incidents.sort_by_cached_key(|incident| (incident.cause.rank(), Doubt::of(incident)));
        let mut beyond = Beyond::default();
        for flood in floods {
            beyond.floods.join(flood);
        }
        let mut reports = Vec::new();
        let mut crowded = BTreeSet::new();
        let mut left = Vec::new();
        for (n, incident) in incidents.into_iter().enumerate() {
            let rank = incident.cause.rank();
            if self.is_left(&incident, rank, &crowded) {
                left.push((n, incident));
                continue;
            }
            match self.claim(&incident, self.terms.allowance.lease).await {
                Ok(Claimed::Beyond(room, opened)) => {
                    beyond.put(incident, room, opened);
                }
                claimed => {
                    let is_members = self.terms.home.is_of_member(incident.account.as_ref());
                    let purpose = if crowded.contains(&rank) {
                        Purpose::Look
                    } else {
                        Purpose::FirstNotice { in_all_regions: !is_members }
                    };
                    for report in self.driven(incident, claimed, purpose).await {
                        if matches!(&report.driven, Ok(Some(driven)) if driven.is_left) {
                            crowded.insert(rank);
                        }
                        reports.push((n, report));
                    }
                }
            }
        }
        let counted = left.into_iter().map(|(n, incident)| async move {
            let claimed = self.claim(&incident, SignedDuration::ZERO).await;
            (n, incident, claimed)
        });
        let mut counted = stream::iter(counted).buffer_unordered(AT_ONCE);
        while let Some((n, incident, claimed)) = counted.next().await {
            match claimed {
                Ok(Claimed::Beyond(room, opened)) => {
                    beyond.put(incident, room, opened);
                }
                claimed => reports.push((n, counted_only(incident, claimed.map(|_| ())))),
            }
        }
        reports.sort_by_key(|(n, _)| *n);
        let mut reports: Vec<_> = reports.into_iter().map(|(_, report)| report).collect();
        reports.extend(self.together(beyond, &crowded).await);
        reports
    }

    /// Whether the incident is only counted, and left to the next sweep.
    fn is_left(&self, incident: &Incident, rank: Rank, crowded: &BTreeSet<Rank>) -> bool {
        let digest_is_due = crowded.contains(&rank) || (!rank.is_urgent() && !crowded.is_empty());
        let is_full = Opened::of(incident).is_some_and(|o| self.full.borrow().room(&o) != Room::Free);
        // An error that AWS recorded is never crowded out.
        ((digest_is_due || is_full) && !incident.is_certain())
            || self.world.now() >= self.terms.allowance.until
    }

    /// Claims `incident` if it is known or there is room for a new one.
    async fn claim(&self, incident: &Incident, lease: SignedDuration) -> ServiceResult<Claimed> {
        let (world, now) = (self.world, self.world.now());
        let opened = Opened::of(incident);
        let room = opened.as_ref().map_or(Room::Free, |opened| self.full.borrow().room(opened));
        // One read instead of opening, counting and closing. If the read fails, the claim decides.
        if room != Room::Free
            && let Ok(known) = world.incident(&incident.id).await
            && known.is_none_or(|record| record.state == State::Closed)
        {
            return Ok(Claimed::Beyond(room, None));
        }
        let claim = world.claim(incident, now, lease).await?;
        let (Claim::Mine(lease, record), Some(opened)) = (&claim, opened) else {
            return Ok(Claimed::Done(claim));
        };
        if !record.was_opened_by(incident) {
            return Ok(Claimed::Done(claim));
        }
        // If the ledger does not answer, the incident stays open.
        let room = world.admit(&opened, now).await.unwrap_or(Room::Free);
        if room == Room::Free {
            return Ok(Claimed::Done(claim));
        }
        self.full.borrow_mut().put(opened, room);
        let end = Release::new(State::Closed, now, record.incident.counts);
        Ok(Claimed::Beyond(room, Some(Box::new((lease.clone(), end)))))
    }

    /// Drives a claimed incident. Also drives the incidents found behind an alarm, which replace it in the reports.
    /// `purpose`: what evidence is for; a digest has no place for more.
    async fn driven(
        &self,
        incident: Incident,
        claimed: ServiceResult<Claimed>,
        purpose: Purpose,
    ) -> Vec<IncidentReport> {
        let (world, terms) = (self.world, self.terms);
        let lane = match incident.cause.category() {
            _ if !incident.is_certain() => Lane::Other,
            Category::Quota => Lane::Throttle,
            _ => Lane::Access,
        };
        let (lease, record) = match claimed {
            Ok(Claimed::Done(Claim::Mine(lease, record))) => (lease, *record),
            claimed => return vec![counted_only(incident, claimed.map(|_| ()))],
        };
        let driven = Box::pin(drive(world, terms, &lease, record, None, (purpose, lane))).await.map(Some);
        let mut report = IncidentReport { incident, driven, recorded: true };
        let (mut others, mut is_superseded) = (Vec::new(), false);
        if let Ok(Some(driven)) = &mut report.driven {
            others = std::mem::take(&mut driven.others);
            is_superseded = driven.superseded_by.is_some();
            report.incident =
                Incident { items: std::mem::take(&mut report.incident.items), ..driven.incident.clone() };
        }
        let items = report.incident.items.clone();
        let mut reports = Vec::new();
        if !is_superseded || others.is_empty() {
            reports.push(report);
        }
        for found in others {
            let (lease, record, learnt) = found.open();
            let incident = Incident { items: items.clone(), ..record.incident.clone() };
            let driven =
                Box::pin(drive(world, terms, &lease, record, learnt, (purpose, lane))).await.map(Some);
            reports.push(IncidentReport { incident, driven, recorded: true });
        }
        reports
    }

    /// Claims an incident of many different errors, and drives it if there is time.
    async fn flood(&self, flood: Incident, crowded: &BTreeSet<Rank>) -> Result<Vec<IncidentReport>, NoRoom> {
        let is_left = !crowded.is_empty() || self.world.now() >= self.terms.allowance.until;
        let lease = if is_left { SignedDuration::ZERO } else { self.terms.allowance.lease };
        match self.claim(&flood, lease).await {
            Ok(Claimed::Beyond(room, opened)) => Err((flood, room, opened)),
            claimed if is_left => Ok(vec![counted_only(flood, claimed.map(|_| ()))]),
            claimed => Ok(self.driven(flood, claimed, Purpose::Look).await),
        }
    }

    /// Counts everything beyond the bounds in incidents of many different errors, and closes what was opened of it.
    async fn together(&self, beyond: Beyond, crowded: &BTreeSet<Rank>) -> Vec<IncidentReport> {
        let Beyond { floods, opened } = beyond;
        let mut reports = Vec::new();
        let mut counted_in: HashMap<IncidentId, IncidentId> = HashMap::new();
        let mut of_places = Beyond::default();
        for flood in floods.incidents() {
            let id = flood.id.clone();
            match self.flood(flood, crowded).await {
                Ok(told) => reports.extend(told),
                Err((flood, room, opened)) => {
                    counted_in.insert(id, of_places.put(flood, room, opened));
                }
            }
        }
        for flood in of_places.floods.incidents() {
            // No bound applies to a place's own flood incident.
            reports.extend(self.flood(flood, crowded).await.unwrap_or_default());
        }
        let is_recorded =
            |id: &IncidentId| reports.iter().any(|report| report.incident.id == *id && report.recorded);
        let closing = opened.into_iter().chain(of_places.opened).filter_map(|(lease, end, many)| {
            let many = counted_in.get(&many).cloned().unwrap_or(many);
            let end = Release { superseded_by: Some(many.clone()), ..end };
            is_recorded(&many).then_some(async move { self.world.finish(&lease, &end).await })
        });
        // An incident that cannot be closed is due, and gets its own notice.
        stream::iter(closing.collect::<Vec<_>>()).buffer_unordered(AT_ONCE).for_each(|_| async {}).await;
        reports
    }
}

/// An incident without room, why, and what was opened of it.
type NoRoom = (Incident, Room, Option<Box<(Lease, Release)>>);

/// The report of an incident that was not driven.
fn counted_only(incident: Incident, claimed: ServiceResult<()>) -> IncidentReport {
    let recorded = claimed.is_ok();
    IncidentReport { incident, driven: claimed.map(|()| None), recorded }
}
