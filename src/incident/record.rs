//! What the ledger keeps of an incident, and what changes it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{IncidentId, QuotaCode};
use crate::incident::notices::{NoticeRecord, Notices};
use crate::incident::search::Search;
use crate::incident::{Counts, Incident};
use crate::quota::record::EndedRequest;
use crate::quota::request::TrackedRequest;
use crate::wire_enum::wire_enum;

wire_enum! {
    /// Where an incident stands.
    pub enum State {
        /// Counted; nothing decided yet.
        Seen = "seen",
        /// A request is reserved and may have been filed.
        Planned = "planned",
        /// A request is filed; nobody is told yet.
        Filed = "filed",
        /// People are told; nothing is left to follow.
        Told = "told",
        /// People are told; an increase request is followed.
        Watching = "watching",
        /// Over.
        Closed = "closed",
    }
}

/// The exclusive right to drive an incident, until it ends by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The incident.
    pub incident: IncidentId,
    /// The fencing token, of this lease alone: once another has taken over, a write under it is refused.
    pub owner: String,
}

/// What the ledger knows of an incident.
#[derive(Clone, Debug)]
pub struct Record {
    /// The incident as it was folded last, with the counts of its whole episode.
    pub incident: Incident,
    /// Where it stands.
    pub state: State,
    /// 1, and one more each time it comes back after it was closed.
    pub episode: u32,
    /// What was published in this episode.
    pub notices: Notices,
    /// The request it follows.
    pub followed: Option<TrackedRequest>,
    /// When somebody has to look again; `None` once closed.
    pub due_at: Option<Timestamp>,
    /// Until when a claim only counts, because people were told a short time ago or are about to be.
    pub silent_until: Option<Timestamp>,
    /// The search for the errors behind its alarm, on or over; `None` where none was begun.
    pub search: Option<Search>,
    /// What AWS has not answered about it; `None` where the last look was answered.
    pub unread: Option<UnansweredLook>,
    /// The quota that only a person can have raised; `None` where another way is open.
    pub awaited: Option<AwaitedQuota>,
}

/// A quota that only a person can have raised, by a support case. The incident is over when its value moves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AwaitedQuota {
    /// The quota.
    pub code: QuotaCode,
    /// Its name, for the notice of the end.
    pub name: String,
    /// The value that held when it was looked at first.
    pub value: f64,
}

/// A look at an open incident that AWS has not answered, time after time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnansweredLook {
    /// The first look without an answer.
    pub since: Timestamp,
    /// When people were told of it last; `None` where they were not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<Timestamp>,
}

impl Record {
    /// Whether people were told something of the incident since `then`.
    pub(crate) fn was_told_since(&self, then: Timestamp) -> bool {
        self.notices.last().is_some_and(|told| told.at >= then)
    }

    /// Whether the claim of `incident` that returned it has opened it: nothing else was counted.
    pub fn was_opened_by(&self, incident: &Incident) -> bool {
        self.state == State::Seen && self.notices.is_empty() && self.incident.counts == incident.counts
    }

    /// The episode goes on, due at `due_at`: nothing was decided on what is seen now. What was counted and told in it
    /// stays.
    pub(crate) fn come_back(&mut self, due_at: Timestamp) {
        self.state = State::Seen;
        self.due_at = Some(due_at);
        (self.followed, self.silent_until, self.search) = (None, None, None);
        (self.unread, self.awaited) = (None, None);
    }
}

/// What came of a claim.
#[derive(Clone, Debug)]
pub enum Claim {
    /// It is ours to drive.
    Mine(Lease, Box<Record>),
    /// It is counted; another holds it, or it was told a short time ago.
    Counted,
}

/// How a drive ends: what is recorded before the lease is given back.
#[derive(Clone, Debug, PartialEq)]
pub struct Release {
    /// Where the incident stands now.
    pub state: State,
    /// The request it follows from now on; `None`: none, or no longer.
    pub followed: Option<TrackedRequest>,
    /// When somebody has to look again.
    pub due_at: Timestamp,
    /// Until when a claim only counts.
    pub silent_until: Option<Timestamp>,
    /// What was published.
    pub told: Option<NoticeRecord>,
    /// A followed request that has ended, for the quota's record.
    pub ended: Option<EndedRequest>,
    /// The search as it stands now.
    pub search: Option<Search>,
    /// What AWS has not answered; `None` where it has.
    pub unread: Option<UnansweredLook>,
    /// See [`Record::awaited`].
    pub awaited: Option<AwaitedQuota>,
    /// The incident that turned out to be behind it, where it is closed for that.
    pub superseded_by: Option<IncidentId>,
    /// The counts it was decided on. If more was counted meanwhile, [`Release::counted_meanwhile`] is recorded.
    pub counts: Counts,
    /// When somebody has to look again if more was counted meanwhile; `None`: no sooner than else.
    pub due_if_counted: Option<Timestamp>,
}

impl Release {
    /// Of an incident that follows nothing and of which nothing was told.
    pub fn new(state: State, due_at: Timestamp, counts: Counts) -> Self {
        Self {
            state,
            followed: None,
            due_at,
            silent_until: None,
            told: None,
            ended: None,
            search: None,
            unread: None,
            awaited: None,
            superseded_by: None,
            counts,
            due_if_counted: None,
        }
    }

    /// Whether it matters if more was counted meanwhile.
    pub fn minds_counts(&self) -> bool {
        self.state == State::Closed || self.due_if_counted.is_some()
    }

    /// The same where more was counted meanwhile: it goes on.
    #[must_use]
    pub fn counted_meanwhile(&self) -> Self {
        let state = if self.state == State::Closed { State::Told } else { self.state };
        let due_at = self.due_if_counted.unwrap_or(self.due_at);
        Self { state, due_at, due_if_counted: None, ..self.clone() }
    }
}
