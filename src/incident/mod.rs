//! One incident: all errors of one account, Region, model and family of causes.
//!
//! Invariant: A later delivery of the same incident loses no count, and the newest word of AWS gives its cause and
//! facts.

pub mod band;
mod fingerprint;
pub mod flood;
mod fold;
pub mod heard;
pub mod lane;
pub mod notice_kind;
pub mod notices;
pub mod record;
pub(crate) mod schedule;
pub mod search;
pub mod sender;
mod symptom;

use std::collections::BTreeSet;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::callers::RecentCallers;
use crate::diagnosis::{Cause, Facts};
use crate::ids::{AccountId, AccountRegion, IncidentId, Region};
pub use crate::incident::fingerprint::Fingerprint;
pub use crate::incident::fold::{Folding, fold};
use crate::incident::sender::{Sender, is_certain};
pub use crate::incident::symptom::Symptom;
use crate::model::ModelId;

/// How many errors and alarms were counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Counts {
    /// Errors read. A duplicate delivery counts again.
    pub errors: u64,
    /// Alarms that entered the ALARM state.
    pub alarms: u64,
}

impl Counts {
    /// Adds `other`. The counts saturate instead of wrapping.
    pub fn add(&mut self, other: Self) {
        self.errors = self.errors.saturating_add(other.errors);
        self.alarms = self.alarms.saturating_add(other.alarms);
    }
}

/// All symptoms with one fingerprint.
#[derive(Clone, Debug)]
pub struct Incident {
    /// Derived from the fingerprint, so it is stable.
    pub id: IncidentId,
    /// See [`Symptom::account`].
    pub account: Option<AccountId>,
    /// See [`Symptom::region`].
    pub region: Option<Region>,
    /// See [`Symptom::model`].
    pub model: Option<ModelId>,
    /// The caller, for causes that concern one caller; else `None`.
    pub caller: Option<String>,
    /// The most frequent cause. A named limit takes precedence over an unnamed one.
    pub cause: Cause,
    /// The rule that found the cause; `None` if only a metric did.
    pub rule: Option<&'static str>,
    /// Facts of the last error of that cause that AWS recorded; if AWS recorded none, of the first error.
    pub facts: Facts,
    /// Counts of all symptoms.
    pub counts: Counts,
    /// Time of the first symptom; `None` if unknown.
    pub first_seen: Option<Timestamp>,
    /// Time of the last symptom; `None` if unknown.
    pub last_seen: Option<Timestamp>,
    /// Who made the calls, per minute.
    pub callers: RecentCallers,
    /// Whether [`Symptom::by_root`] holds for any symptom.
    pub by_root: bool,
    /// [`Symptom::is_recorded`] of the symptom that gave the cause.
    pub is_recorded: bool,
    /// [`Symptom::sender`] of the symptom that gave the cause.
    pub sender: Sender,
    /// Indices of the delivery's items; see [`Symptom::items`].
    pub items: BTreeSet<usize>,
}

impl Incident {
    /// Whether an alarm's metric is the only evidence of it.
    pub fn is_metric_only(&self) -> bool {
        self.rule.is_none() && self.counts.errors == 0 && self.counts.alarms > 0
    }

    /// Whether it is a forecast: no call is known to have failed.
    pub fn is_forecast(&self) -> bool {
        matches!(self.cause, Cause::NearQuota | Cause::LegacyModel) && self.counts.errors == 0
    }

    /// Whether AWS itself recorded it, so that flood bounds do not apply.
    pub fn is_certain(&self) -> bool {
        is_certain(self.cause, self.is_recorded, &self.sender)
    }

    /// Whether it concerns calls of `model`.
    pub fn is_about(&self, model: &ModelId) -> bool {
        let is_named = self.facts.model_ids.contains(model) || self.facts.models.contains(model);
        self.model.as_ref() == Some(model) || is_named
    }

    /// Its account and Region; `None` if either is unknown, and then AWS cannot be queried.
    pub fn place(&self) -> Option<AccountRegion> {
        Some(AccountRegion { account: self.account.clone()?, region: self.region.clone()? })
    }

    /// Whether its cause and facts replace those known before: AWS recorded it, and it names a cause. An unnamed limit
    /// says less than a named one.
    pub(crate) fn is_the_latest_word(&self) -> bool {
        self.is_recorded && self.rule.is_some() && self.cause != Cause::RateUnspecified
    }

    /// A copy with its times capped at `now`, because another clock may be ahead.
    #[must_use]
    pub(crate) fn until(&self, now: Timestamp) -> Self {
        let until = |at: Option<Timestamp>| at.map(|at| at.min(now));
        Self { first_seen: until(self.first_seen), last_seen: until(self.last_seen), ..self.clone() }
    }

    /// Adds a later delivery of the same incident.
    pub(crate) fn count(&mut self, later: &Self) {
        self.counts.add(later.counts);
        self.by_root |= later.by_root;
        self.callers.put(&later.callers);
        self.last_seen = self.last_seen.max(later.last_seen);
        self.first_seen = [self.first_seen, later.first_seen].into_iter().flatten().min();
        if (self.rule.is_none() && later.rule.is_some()) || later.is_the_latest_word() {
            self.cause = later.cause;
            self.rule = later.rule;
            self.facts.replace_by(later.facts.clone());
        }
        self.facts.add_examples(&later.facts);
        self.call_the_newest();
    }

    /// If several wrong ids were called, the newest becomes the incident's model.
    pub(crate) fn call_the_newest(&mut self) {
        let newest = self.facts.model_ids.last().filter(|_| self.cause.is_of_wrong_id());
        // The facts do not keep the kind of an id, so compare the text.
        if let Some(newest) =
            newest.filter(|id| self.model.as_ref().map(ModelId::as_str) != Some(id.as_str()))
        {
            self.model = Some(newest.clone());
        }
    }
}
