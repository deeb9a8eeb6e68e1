//! A response that is decided and carried out, but whose notice is not sent yet.

use crate::config::Config;
use crate::incident::Incident;
use crate::incident::record::Release;
use crate::notice::Notice;
use crate::plan::action::Plan;
use crate::plan::execution::Execution;
use crate::run::investigate::RelatedIncident;

/// An incident whose plan is decided and carried out. The notice and the record are still to be written.
pub(crate) struct Prepared {
    pub(crate) incident: Incident,
    pub(crate) plan: Plan,
    pub(crate) execution: Execution,
    /// `None` if there is nothing new to say.
    pub(crate) notice: Option<Notice>,
    /// Whether it gets its own notice, never part of a digest. True for news about a request.
    pub(crate) is_told_alone: bool,
    /// Recorded once the notice is published.
    pub(crate) told: Release,
    /// Recorded if the notice could not be published.
    pub(crate) untold: Release,
    /// Incidents that were found on the way and must still be driven.
    pub(crate) others: Vec<RelatedIncident>,
}

impl Prepared {
    /// The same, with the name and the owner of the account in the notice.
    pub(crate) fn with_account(mut self, config: &Config) -> Self {
        self.notice = self.notice.map(|notice| notice.with_account(&config.accounts));
        self
    }

    /// Sends no notice, and records `end`.
    pub(crate) fn silent(incident: Incident, end: Release) -> Self {
        Self {
            incident,
            plan: Plan::default(),
            execution: Execution::Nothing,
            notice: None,
            is_told_alone: false,
            told: end.clone(),
            untold: end,
            others: Vec::new(),
        }
    }
}
