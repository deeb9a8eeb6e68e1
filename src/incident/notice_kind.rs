//! What a notice is about, and how soon somebody should look.

use crate::diagnosis::{Category, Cause};
use crate::incident::Incident;
use crate::wire_enum::wire_enum;

wire_enum! {
    /// What a notice is about.
    pub enum Kind {
        /// An incident began.
        Opened = "opened",
        /// It still goes on.
        Again = "again",
        /// An increase request ended.
        Outcome = "outcome",
        /// An access step is still missing.
        Reminder = "reminder",
        /// It is over.
        Resolved = "resolved",
        /// For a day AWS has not answered what has to be known about it.
        Unanswered = "unanswered",
        /// A quota will soon be full.
        Headroom = "headroom",
        /// A model in use will end.
        Lifecycle = "lifecycle",
        /// Many incidents at once.
        Digest = "digest",
    }
}

impl Kind {
    /// Of the first notice of an incident.
    pub fn opening(incident: &Incident) -> Self {
        match incident.cause {
            Cause::NearQuota => Self::Headroom,
            _ if incident.is_forecast() => Self::Lifecycle,
            _ => Self::Opened,
        }
    }
}

wire_enum! {
    /// How soon somebody should look.
    pub enum Severity {
        /// Calls fail until somebody acts.
        Critical = "critical",
        /// Calls fail now and then, or will.
        Warning = "warning",
        /// For the record.
        Info = "info",
    }
}

pub(crate) fn severity(incident: &Incident, kind: Kind) -> Severity {
    match (kind, incident.cause.category()) {
        (Kind::Resolved | Kind::Outcome, _) => Severity::Info,
        _ if incident.is_forecast() => Severity::Warning,
        (_, Category::ModelAccess | Category::Permission | Category::Credentials) => Severity::Critical,
        _ => Severity::Warning,
    }
}
