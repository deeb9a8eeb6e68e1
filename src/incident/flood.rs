//! Bounds on new incidents, so that a flood of false errors cannot hide a real one.
//!
//! Invariant: The number of incidents that one sender can open is bounded, because an error costs its sender nothing.
//! No error is dropped: the excess is counted in one incident of its sender.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::callers::RecentCallers;
use crate::diagnosis::{Cause, EXAMPLES, Facts, Many};
use crate::ids::{AccountId, IncidentId, Region, short_hash};
use crate::incident::sender::Sender;
use crate::incident::{Counts, Fingerprint, Incident};
use crate::model::ModelId;
use crate::original::Original;
use crate::quota::{Catalog, Limit, Variant, find};
use crate::text::Safe;

/// Incidents that one sender may open per hour. No application has that many different problems at once, and a person
/// still reads a digest of that length.
pub const OF_SENDER: u32 = 20;
/// Incidents that may be opened per hour in one account and Region, whoever sends them. One sweep can handle this many,
/// and two digests list them.
pub const IN_PLACE: u32 = 200;

/// How doubtful it is that an incident is real. Within one rank, the least doubtful is handled first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Doubt {
    /// AWS recorded it, for a model that has a quota in the built-in catalogue.
    None,
    /// AWS recorded it, for a model not known here: a new one, or an application inference profile. Anyone who can
    /// write to the function's queue can forge such a record.
    Little,
    /// Anyone may have caused it.
    Some,
}

impl Doubt {
    pub(crate) fn of(incident: &Incident) -> Self {
        let has_quota = |model: &ModelId| {
            [Limit::TokensPerMinute, Limit::RequestsPerMinute]
                .into_iter()
                .any(|limit| find(Catalog::built_in(), model, limit, Variant::Standard).quota.is_some())
        };
        match &incident.model {
            _ if !incident.is_certain() => Self::Some,
            Some(model) if has_quota(model) => Self::None,
            _ => Self::Little,
        }
    }
}

/// The account and Region whose bound applies. A log's writer can name any Region, so all log errors of an account
/// share one bucket without a Region and take no room from what AWS recorded.
type Bucket = (Option<AccountId>, Option<Region>);

fn bucket(incident: &Incident) -> Bucket {
    let region = incident.region.clone().filter(|_| !incident.sender.is_log());
    (incident.account.clone(), region)
}

impl Opened {
    /// How `incident` counts as a new incident; `None` if no bound applies.
    pub(crate) fn of(incident: &Incident) -> Option<Self> {
        let (account, region) = bucket(incident);
        let of_place = Fingerprint::of_many(account.as_ref(), region.as_ref(), None).id();
        if incident.is_certain() || incident.id == of_place {
            return None;
        }
        let place = format!(
            "{}#{}",
            account.as_ref().map_or("-", AccountId::as_str),
            region.as_ref().map_or("-", Region::as_str)
        );
        let is_many = incident.facts.many.is_some();
        Some(Self { place, sender: (!is_many).then(|| short_hash(&incident.sender.to_string())) })
    }
}

/// Applies the bounds to the incidents of one delivery and keeps their order. For each sender and each place, the most
/// urgent and then the most frequent incidents stay. The rest is counted in incidents of many different errors, which
/// come last.
pub fn bounded(incidents: Vec<Incident>) -> Vec<Incident> {
    let mut order: Vec<usize> = (0..incidents.len()).collect();
    let urgency = |n: &usize| incidents.get(*n).map(|i| (i.cause.rank(), std::cmp::Reverse(i.counts.errors)));
    order.sort_by_key(urgency);
    let mut of_sender: HashMap<(Bucket, Sender), u32> = HashMap::new();
    let mut in_place: HashMap<Bucket, u32> = HashMap::new();
    let mut rooms = vec![Room::Free; incidents.len()];
    for n in order {
        let (Some(incident), Some(room)) = (incidents.get(n), rooms.get_mut(n)) else { continue };
        if incident.is_certain() {
            continue;
        }
        let bucket = bucket(incident);
        let of_sender = of_sender.entry((bucket.clone(), incident.sender.clone())).or_default();
        let in_place = in_place.entry(bucket).or_default();
        *room = Room::after(*in_place, *of_sender);
        // The sender's first incident beyond its bound opens the incident that collects the rest.
        let is_first = *room == Room::SenderFull && *of_sender == OF_SENDER;
        *of_sender += u32::from(*room == Room::Free || is_first);
        *in_place += u32::from(*room == Room::Free || is_first);
    }
    let (mut kept, mut floods) = (Vec::new(), Floods::default());
    for (incident, room) in incidents.into_iter().zip(rooms) {
        match room {
            Room::Free => kept.push(incident),
            full => {
                floods.put(incident, full);
            }
        }
    }
    kept.extend(floods.incidents());
    kept
}

/// Builds incidents of many different errors.
#[derive(Default)]
pub(crate) struct Floods(Vec<Flood>);

struct Flood {
    incident: Incident,
    kinds: u64,
    causes: HashMap<Cause, u64>,
}

impl Floods {
    /// Counts `incident`, whose sender or place is full, in an incident of many errors. Returns the id of that
    /// incident.
    pub(crate) fn put(&mut self, incident: Incident, full: Room) -> IncidentId {
        let (account, region) = bucket(&incident);
        let sender = Some(&incident.sender).filter(|_| full == Room::SenderFull);
        // A place's incident collects all senders; logs and AWS are kept apart by the bucket.
        let id = Fingerprint::of_many(account.as_ref(), region.as_ref(), sender).id();
        self.add(id.clone(), incident, full == Room::SenderFull);
        id
    }

    /// Adds an incident of many different errors.
    pub(crate) fn join(&mut self, flood: Incident) {
        self.add(flood.id.clone(), flood, true);
    }

    fn add(&mut self, id: IncidentId, incident: Incident, is_of_sender: bool) {
        match self.0.iter_mut().find(|flood| flood.incident.id == id) {
            Some(flood) => flood.add(incident),
            None => self.0.push(Flood::of(id, incident, is_of_sender)),
        }
    }

    /// The incidents, in the order in which they were begun.
    pub(crate) fn incidents(self) -> impl Iterator<Item = Incident> {
        self.0.into_iter().map(Flood::incident)
    }
}

impl Flood {
    fn of(id: IncidentId, first: Incident, is_of_sender: bool) -> Self {
        let log = match &first.sender {
            _ if first.facts.many.is_some() && is_of_sender => first.facts.original.clone(),
            Sender::LogGroup(group) if is_of_sender => Original::in_log(group, None, None),
            _ => None,
        };
        let caller = match first.facts.many {
            Some(_) => first.caller.clone().filter(|_| is_of_sender),
            None => first.sender.caller().filter(|_| is_of_sender).map(str::to_owned),
        };
        let incident = Incident {
            id,
            model: None,
            caller,
            cause: Cause::Unknown,
            rule: None,
            facts: Facts { original: log, ..Facts::default() },
            counts: Counts::default(),
            callers: RecentCallers::default(),
            by_root: false,
            is_recorded: false,
            items: std::collections::BTreeSet::new(),
            ..first.clone()
        };
        let mut flood = Self { incident, kinds: 0, causes: HashMap::new() };
        flood.add(first);
        flood
    }

    fn add(&mut self, other: Incident) {
        let models = other.model.as_slice().iter().chain(&other.facts.model_ids).cloned().collect::<Vec<_>>();
        self.incident.facts.add_model_ids(&models);
        let errors = other.counts.errors.max(1);
        if let Some(many) = &other.facts.many {
            self.kinds += many.kinds;
            for cause in many.causes.iter().filter_map(|word| Cause::parse(word)) {
                *self.causes.entry(cause).or_default() += errors;
            }
        } else {
            self.kinds += 1;
            *self.causes.entry(other.cause).or_default() += errors;
        }
        self.incident.items.extend(&other.items);
        // Its cause and facts are not taken over: the collecting incident has no rule.
        self.incident.count(&Incident { rule: None, facts: Facts::default(), ..other });
    }

    fn incident(self) -> Incident {
        let Self { mut incident, kinds, causes } = self;
        let mut causes: Vec<(Cause, u64)> = causes.into_iter().collect();
        causes.sort_by_key(|(cause, errors)| (std::cmp::Reverse(*errors), *cause));
        let words = causes.into_iter().take(EXAMPLES).map(|(cause, _)| Safe::from(cause.as_str())).collect();
        incident.facts.many = Some(Many { kinds, causes: words });
        incident
    }
}

/// The start of the hour that contains `now`. The ledger counts per hour.
pub(crate) fn hour_of(now: Timestamp) -> Timestamp {
    let seconds = now.as_second();
    Timestamp::from_second(seconds - seconds.rem_euclid(3600)).unwrap_or(now)
}

/// A newly opened incident, as the ledger counts it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Opened {
    /// `account#region`; `-` stands for an unknown part.
    pub place: String,
    /// A hash of its sender, in hexadecimal digits; `None` if only the place's bound applies.
    pub sender: Option<String>,
}

/// Whether another incident may be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// Yes, and it is counted.
    Free,
    /// No: its sender has opened [`OF_SENDER`] incidents in this hour.
    SenderFull,
    /// No: [`IN_PLACE`] incidents were opened in its place in this hour.
    PlaceFull,
}

impl Room {
    /// Whether there is room after this many incidents in the place and of the sender.
    pub(crate) fn after(in_place: u32, of_sender: u32) -> Self {
        if in_place >= IN_PLACE {
            Self::PlaceFull
        } else if of_sender >= OF_SENDER {
            Self::SenderFull
        } else {
            Self::Free
        }
    }
}
