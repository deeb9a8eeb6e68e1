//! What the journal of the embedded world tells.

use jiff::Timestamp;

use crate::ids::{AccountRegion, IncidentId, QuotaCode};
use crate::incident::notices::NoticeRecord;
use crate::notice::Notice;
use crate::sandbox::{FaultKind, PortCall};

/// A change that a call made, or that one failed.
#[derive(Clone, Debug)]
pub enum Happened {
    /// A call failed, before or after it changed something.
    Failed {
        /// Which.
        call: PortCall,
    },
    /// An incident was counted.
    Claimed {
        /// Which.
        incident: IncidentId,
        /// Its episode from now on.
        episode: u32,
        /// Its errors in this episode, with these.
        errors: u64,
    },
    /// Somebody took the lease of an incident.
    Leased {
        /// Which incident.
        incident: IncidentId,
        /// Until when the lease before it stood; `None` where there was none.
        before: Option<Timestamp>,
        /// What the clock of whoever took it showed.
        now: Timestamp,
    },
    /// An increase was reserved.
    Reserved {
        /// For which incident.
        incident: IncidentId,
        /// Whose quota.
        place: AccountRegion,
        /// Which quota.
        code: QuotaCode,
        /// When it was meant to be filed.
        at: Timestamp,
    },
    /// An increase was asked for.
    Asked {
        /// Whose quota.
        place: AccountRegion,
        /// Which quota.
        code: QuotaCode,
        /// The value.
        desired: f64,
        /// The request's id, if Service Quotas took it.
        request_id: Option<String>,
    },
    /// People were told.
    Published(Box<Notice>),
    /// A drive ended.
    Finished {
        /// Which incident.
        incident: IncidentId,
        /// What was recorded as told.
        told: Option<NoticeRecord>,
    },
}

/// How the next call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextFault {
    /// The port's method; any without it.
    pub call: Option<PortCall>,
    /// How.
    pub kind: FaultKind,
}
