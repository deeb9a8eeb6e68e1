//! What the ledger keeps about an incident, and the changes to it.

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
        /// Counted; nothing is decided yet.
        Seen = "seen",
        /// A request is reserved and may have been filed.
        Planned = "planned",
        /// A request is filed; no notice is sent yet.
        Filed = "filed",
        /// A notice was sent; nothing is left to follow.
        Told = "told",
        /// A notice was sent; an increase request is followed.
        Watching = "watching",
        /// Over.
        Closed = "closed",
    }
}

/// The exclusive right to handle an incident, until it expires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The incident.
    pub incident: IncidentId,
    /// The fencing token of this lease. Once another holder has taken over, a write with it is refused.
    pub owner: String,
}

/// An incident as the ledger stores it.
#[derive(Clone, Debug)]
pub struct Record {
    /// The incident as last folded, with the counts of its whole episode.
    pub incident: Incident,
    /// Where it stands.
    pub state: State,
    /// 1 at first, and one more each time it comes back as a new episode.
    pub episode: u32,
    /// Notices published in this episode.
    pub notices: Notices,
    /// The increase request it follows; `None` if it follows none.
    pub followed: Option<TrackedRequest>,
    /// When it must be looked at next; `None` once closed.
    pub due_at: Option<Timestamp>,
    /// Until when a claim only counts, because a notice was sent shortly before or is about to be; `None` if a claim
    /// may take the lease.
    pub silent_until: Option<Timestamp>,
    /// The search for the errors behind its alarm, running or done; `None` if none was started.
    pub search: Option<Search>,
    /// A look that AWS has not answered; `None` if the last look was answered.
    pub unread: Option<UnansweredLook>,
    /// The quota that only a person can have raised; `None` if there is another way.
    pub awaited: Option<AwaitedQuota>,
}

/// A quota that only a person can have raised, by a support case. The incident is over when its value changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AwaitedQuota {
    /// The quota.
    pub code: QuotaCode,
    /// Its name, for the final notice.
    pub name: String,
    /// The applied value when it was first looked at.
    pub value: f64,
}

/// Repeated looks at an open incident that AWS has not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnansweredLook {
    /// The first look without an answer.
    pub since: Timestamp,
    /// When the last notice about this was sent; `None` if none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<Timestamp>,
}

impl Record {
    /// Whether a notice was sent at or after `then`.
    pub(crate) fn was_told_since(&self, then: Timestamp) -> bool {
        self.notices.last().is_some_and(|told| told.at >= then)
    }

    /// Whether the claim of `incident` that returned this record opened it: nothing else was counted.
    pub fn was_opened_by(&self, incident: &Incident) -> bool {
        self.state == State::Seen && self.notices.is_empty() && self.incident.counts == incident.counts
    }

    /// Continues the episode, due at `due_at`. Earlier decisions are dropped; counts and notices stay.
    pub(crate) fn come_back(&mut self, due_at: Timestamp) {
        self.state = State::Seen;
        self.due_at = Some(due_at);
        (self.followed, self.silent_until, self.search) = (None, None, None);
        (self.unread, self.awaited) = (None, None);
    }
}

/// The result of a claim.
#[derive(Clone, Debug)]
pub enum Claim {
    /// The caller holds the lease and handles the incident.
    Mine(Lease, Box<Record>),
    /// The incident was only counted: another caller holds it, or a notice was sent shortly before.
    Counted,
}

/// The end of handling an incident: what is recorded before the lease is returned.
#[derive(Clone, Debug, PartialEq)]
pub struct Release {
    /// Where the incident stands now.
    pub state: State,
    /// The request it follows from now on; `None` if it follows none.
    pub followed: Option<TrackedRequest>,
    /// When it must be looked at next.
    pub due_at: Timestamp,
    /// Until when a claim only counts.
    pub silent_until: Option<Timestamp>,
    /// The notice that was published; `None` if none was.
    pub told: Option<NoticeRecord>,
    /// A followed request that ended, for the quota's record.
    pub ended: Option<EndedRequest>,
    /// The state of the search.
    pub search: Option<Search>,
    /// What AWS has not answered; `None` if it answered.
    pub unread: Option<UnansweredLook>,
    /// See [`Record::awaited`].
    pub awaited: Option<AwaitedQuota>,
    /// The incident found to be behind this one, if it is closed for that reason.
    pub superseded_by: Option<IncidentId>,
    /// The counts that the decision was based on. If they changed meanwhile, [`Release::counted_meanwhile`] is
    /// recorded.
    pub counts: Counts,
    /// Due time if the counts changed while the lease was held; `None` keeps `due_at`.
    pub due_if_counted: Option<Timestamp>,
}

impl Release {
    /// For an incident that follows nothing and about which no notice was sent.
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

    /// Whether a change of the counts matters.
    pub fn minds_counts(&self) -> bool {
        self.state == State::Closed || self.due_if_counted.is_some()
    }

    /// The release to record if the counts changed meanwhile: the incident stays open.
    #[must_use]
    pub fn counted_meanwhile(&self) -> Self {
        let state = if self.state == State::Closed { State::Told } else { self.state };
        let due_at = self.due_if_counted.unwrap_or(self.due_at);
        Self { state, due_at, due_if_counted: None, ..self.clone() }
    }
}
