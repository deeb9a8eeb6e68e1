//! The entries of the sandbox's journal.

use jiff::Timestamp;

use crate::ids::{AccountRegion, IncidentId, QuotaCode};
use crate::incident::notices::NoticeRecord;
use crate::notice::Notice;
use crate::sandbox::{FaultKind, PortCall};

/// A change that a call made, or a failed call.
#[derive(Clone, Debug)]
pub enum Happened {
    /// A call failed, before or after it changed something.
    Failed {
        /// The call.
        call: PortCall,
    },
    /// An incident was counted.
    Claimed {
        /// The incident.
        incident: IncidentId,
        /// Its episode from now on.
        episode: u32,
        /// Its errors in this episode, including the new ones.
        errors: u64,
    },
    /// The lease of an incident was taken.
    Leased {
        /// The incident.
        incident: IncidentId,
        /// When the previous lease ended or ends; `None` if there was none.
        before: Option<Timestamp>,
        /// The time on the clock of whoever took it.
        now: Timestamp,
    },
    /// An increase request was reserved.
    Reserved {
        /// The incident.
        incident: IncidentId,
        /// Account and Region of the quota.
        place: AccountRegion,
        /// The quota.
        code: QuotaCode,
        /// When it was meant to be filed.
        at: Timestamp,
    },
    /// An increase was requested.
    Asked {
        /// Account and Region of the quota.
        place: AccountRegion,
        /// The quota.
        code: QuotaCode,
        /// The desired value.
        desired: f64,
        /// The request's id; `None` if Service Quotas refused it.
        request_id: Option<String>,
    },
    /// A notice was published.
    Published(Box<Notice>),
    /// A drive ended.
    Finished {
        /// The incident.
        incident: IncidentId,
        /// The notice that was recorded; `None` if there was none.
        told: Option<NoticeRecord>,
    },
}

/// How the next call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextFault {
    /// The port method; `None` for any.
    pub call: Option<PortCall>,
    /// How it fails.
    pub kind: FaultKind,
}
