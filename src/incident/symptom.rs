//! What one error or one alarm says about an incident.
//!
//! Invariant: A symptom says whether AWS recorded it and who sent it, because an application can write anything to its
//! own log.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::callers::{Origin, hash};
use crate::diagnosis::{Category, Cause, Diagnosis, Facts};
use crate::event::{AlarmSignal, ErrorSignal, Metric, Source};
use crate::ids::{AccountId, AccountRegion, IncidentId, Region, caller_of, is_root};
use crate::incident::sender::{Sender, is_certain};
use crate::incident::{Counts, Incident};
use crate::model::ModelId;
use crate::quota::feature::LimitKind;
use crate::text::Safe;

/// A diagnosed error, or an alarm behind which no error was found.
#[derive(Clone, Debug)]
pub struct Symptom {
    /// The account the error belongs to; `None` if unknown.
    pub account: Option<AccountId>,
    /// The source Region; `None` if unknown.
    pub region: Option<Region>,
    /// The model as called.
    pub model: Option<ModelId>,
    /// Who made the call; see [`ErrorSignal::caller`].
    pub caller: Option<String>,
    /// What the error means.
    pub diagnosis: Diagnosis,
    /// Time of the first occurrence; `None` if unknown.
    pub first: Option<Timestamp>,
    /// Time of the last occurrence; `None` if unknown.
    pub last: Option<Timestamp>,
    /// How many errors and alarms.
    pub counts: Counts,
    /// The address and the client that made the call.
    pub origin: Origin,
    /// Hash of the error's text.
    pub text: u32,
    /// Whether the account's root user called. No application should use the root user.
    pub by_root: bool,
    /// Whether AWS recorded the error. An application can write anything to its own log.
    pub is_recorded: bool,
    /// Who sent the error.
    pub sender: Sender,
    /// The incident it belongs to, if known already; `None` derives the incident from the fingerprint.
    pub known: Option<IncidentId>,
    /// Indices of the delivery's items that it came from.
    pub items: BTreeSet<usize>,
}

impl Symptom {
    /// Builds the symptom of a diagnosed error that came with item `item`.
    pub fn of_error(error: &ErrorSignal, mut diagnosis: Diagnosis, item: usize) -> Self {
        diagnosis.facts.forgeable = error.source == Source::ApplicationLog;
        if diagnosis.rule.is_none() {
            diagnosis.facts.original.clone_from(&error.origin.original);
        }
        if diagnosis.cause.category() == Category::Quota {
            diagnosis.facts.variant = error.variant.or(diagnosis.facts.variant);
            diagnosis.facts.requested = error.max_tokens;
        }
        let principal = diagnosis.facts.principal.as_deref().and_then(caller_of);
        let caller = error.caller.clone().or(principal);
        let model = error.model.clone().or_else(|| diagnosis.facts.model_id.clone());
        if diagnosis.cause.is_of_wrong_id() {
            diagnosis.facts.model_ids.extend(model.clone());
        }
        if diagnosis.cause.is_of_account() {
            diagnosis.facts.models.extend(model.clone());
        }
        Self {
            sender: Sender::of(error, caller.as_deref()),
            known: None,
            origin: error.origin.clone(),
            text: hash(0, &error.message),
            by_root: caller.as_deref().is_some_and(is_root),
            is_recorded: error.source != Source::ApplicationLog,
            account: error.account.clone(),
            region: error.region.clone(),
            model,
            caller,
            diagnosis,
            first: error.at,
            last: error.at,
            counts: Counts { errors: 1, alarms: 0 },
            items: BTreeSet::from([item]),
        }
    }

    /// Builds the symptom of an alarm behind which no error was found: only its metric is known.
    pub fn of_alarm(alarm: &AlarmSignal, metric: Metric, model: Option<ModelId>, item: usize) -> Self {
        let cause = match metric {
            Metric::Throttles | Metric::AgentCoreThrottles => Cause::RateUnspecified,
            Metric::ServerErrors | Metric::AgentCoreServerErrors => Cause::InternalError,
            Metric::LegacyInvocations => Cause::LegacyModel,
            Metric::ClientErrors
            | Metric::MantleClientErrors
            | Metric::AgentCoreClientErrors
            | Metric::Other => Cause::Unknown,
        };
        let facts = match metric.name() {
            Some(name) if metric.is_of_agent_core() => {
                let kind = (metric == Metric::AgentCoreThrottles).then_some(LimitKind::Rate);
                Facts::of_agent_core(name, kind, alarm.operation.as_deref())
            }
            name => Facts { metric: name.map(Safe::from), ..Facts::default() },
        };
        Self {
            account: alarm.account.clone(),
            region: alarm.region.clone(),
            model,
            caller: None,
            diagnosis: Diagnosis { cause, rule: None, facts },
            first: alarm.at,
            last: alarm.at,
            counts: Counts { errors: 0, alarms: 1 },
            origin: Origin::default(),
            text: 0,
            by_root: false,
            is_recorded: false,
            sender: Sender::Alarm(alarm.name.clone()),
            known: None,
            items: BTreeSet::from([item]),
        }
    }
}

impl Symptom {
    /// Whether AWS itself recorded it, so that flood bounds do not apply.
    pub(crate) fn is_certain(&self) -> bool {
        is_certain(self.diagnosis.cause, self.is_recorded, &self.sender)
    }

    /// Builds the symptom of a forecast: no call is known to have failed yet.
    pub(crate) fn ahead(place: &AccountRegion, model: &ModelId, cause: Cause, now: Timestamp) -> Self {
        Self {
            account: Some(place.account.clone()),
            region: Some(place.region.clone()),
            model: Some(model.clone()),
            caller: None,
            diagnosis: Diagnosis { cause, rule: None, facts: Facts::default() },
            first: Some(now),
            last: Some(now),
            counts: Counts::default(),
            origin: Origin::default(),
            text: 0,
            by_root: false,
            is_recorded: false,
            sender: Sender::Unknown,
            known: None,
            items: BTreeSet::new(),
        }
    }

    /// Builds the symptom of an alarm whose error is already known.
    pub fn of_known(alarm: &AlarmSignal, known: &Incident, item: usize) -> Self {
        Self {
            account: known.account.clone(),
            region: known.region.clone(),
            model: known.model.clone(),
            caller: known.caller.clone(),
            diagnosis: Diagnosis { cause: known.cause, rule: known.rule, facts: known.facts.clone() },
            known: Some(known.id.clone()),
            ..Self::of_alarm(alarm, alarm.metric, None, item)
        }
    }
}
