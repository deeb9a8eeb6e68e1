//! The kinds and severities of notices.

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
        /// The incident is over.
        Resolved = "resolved",
        /// AWS has not answered a needed call for a day.
        Unanswered = "unanswered",
        /// A quota will soon be full.
        Headroom = "headroom",
        /// A model in use will reach its end of life.
        Lifecycle = "lifecycle",
        /// Many incidents at once.
        Digest = "digest",
    }
}

impl Kind {
    /// The kind of the first notice about an incident.
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
        /// Calls fail sometimes, or soon will.
        Warning = "warning",
        /// For information only.
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
