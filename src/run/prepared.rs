//! A response that is decided and carried out, but not told yet.

use crate::incident::Incident;
use crate::incident::record::Release;
use crate::notice::Notice;
use crate::plan::action::Plan;
use crate::run::investigate::RelatedIncident;

/// An incident that is decided and acted on. What is left is to tell and to record.
pub(crate) struct Prepared {
    pub(crate) incident: Incident,
    pub(crate) plan: Plan,
    /// `None` when there is nothing new.
    pub(crate) notice: Option<Notice>,
    /// Whether it is told by itself however many others there are: news of a request is.
    pub(crate) is_told_alone: bool,
    /// What is recorded once it is told.
    pub(crate) told: Release,
    /// What is recorded as long as it could not be.
    pub(crate) untold: Release,
    /// Incidents that were found on the way, still to be driven.
    pub(crate) others: Vec<RelatedIncident>,
}

impl Prepared {
    /// Nothing is told, and `end` is recorded.
    pub(crate) fn silent(incident: Incident, end: Release) -> Self {
        Self {
            incident,
            plan: Plan::default(),
            notice: None,
            is_told_alone: false,
            told: end.clone(),
            untold: end,
            others: Vec::new(),
        }
    }
}
