//! Folds symptoms into incidents: one incident per fingerprint, however many errors arrived.
//!
//! Invariant: Folding is pure and loses no count. A thousand errors with one fingerprint become one incident that
//! counts a thousand.

pub mod band;
pub mod flood;
pub mod heard;
pub mod lane;
pub mod notice_kind;
pub mod notices;
pub mod record;
pub(crate) mod schedule;
pub mod search;
pub mod sender;

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::callers::{Callers, Origin, RecentCallers, hash};
use crate::diagnosis::{Category, Cause, Diagnosis, Facts};
use crate::event::{AlarmSignal, ErrorSignal, Metric, Source};
use crate::ids::{AccountId, AccountRegion, IncidentId, Region, caller_of, is_root, short_hash};
use crate::incident::sender::{Sender, is_certain};
use crate::model::ModelId;
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

/// The identity of an incident: `v1|account|region|model_id|family|caller`. Two errors with the same fingerprint belong
/// to the same incident. For a wrong model id the model is left out, and the caller, or else the sender, is always part
/// of it. A cause that one step fixes for the whole account has neither model nor caller; see [`Cause::is_of_account`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(String);

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

impl Fingerprint {
    fn of(symptom: &Symptom) -> Self {
        let dash = "-";
        let cause = symptom.diagnosis.cause;
        let caller = symptom.caller.clone().filter(|_| cause.is_per_caller());
        // For wrong model ids, the caller distinguishes incidents.
        let (model, caller) = if cause.is_of_wrong_id() {
            (None, caller.or_else(|| Some(symptom.sender.to_string())))
        } else if cause.is_of_account() {
            (None, None)
        } else {
            (symptom.model.as_ref(), caller)
        };
        Self(format!(
            "v1|{}|{}|{}|{}{}|{}",
            symptom.account.as_ref().map_or(dash, AccountId::as_str),
            symptom.region.as_ref().map_or(dash, Region::as_str),
            model.map_or(dash, ModelId::as_str),
            cause.family(),
            denied(symptom),
            caller.as_deref().unwrap_or(dash),
        ))
    }

    /// The incident that collects what exceeds a bound: that of `sender`, or, for `None`, that of the account and
    /// Region.
    pub(crate) fn of_many(
        account: Option<&AccountId>,
        region: Option<&Region>,
        sender: Option<&Sender>,
    ) -> Self {
        Self(format!(
            "v1|{}|{}|-|many|{}",
            account.map_or("-", AccountId::as_str),
            region.map_or("-", Region::as_str),
            sender.map_or_else(|| "-".to_owned(), ToString::to_string),
        ))
    }

    /// The id of this fingerprint's incident.
    pub fn id(&self) -> IncidentId {
        IncidentId::from_hash(&short_hash(&self.0))
    }
}

/// What was denied, for permission causes: a role that lacks three permissions has three problems. If the model is
/// known, the action is enough, because the calls of an inference profile are denied in varying Regions.
fn denied(symptom: &Symptom) -> String {
    let facts = &symptom.diagnosis.facts;
    if symptom.diagnosis.cause.category() != Category::Permission {
        return String::new();
    }
    let action = facts.action.as_deref().or(facts.operation.as_deref());
    // An organization policy denies an action in the whole account.
    let is_of_account = symptom.diagnosis.cause.is_of_account();
    let resource = facts.resource.as_deref().filter(|_| symptom.model.is_none() && !is_of_account);
    let parts: Vec<&str> = [""].into_iter().chain(action).chain(resource).collect();
    parts.join(":")
}

impl Symptom {
    /// Builds the symptom of a diagnosed error that came with item `item`.
    pub fn of_error(error: &ErrorSignal, mut diagnosis: Diagnosis, item: usize) -> Self {
        diagnosis.facts.forgeable = error.source == Source::ApplicationLog;
        if diagnosis.rule.is_none() {
            diagnosis.facts.original.clone_from(&error.origin.original);
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
            Metric::Throttles => Cause::RateUnspecified,
            Metric::ServerErrors => Cause::InternalError,
            Metric::LegacyInvocations => Cause::LegacyModel,
            Metric::ClientErrors | Metric::MantleClientErrors | Metric::Other => Cause::Unknown,
        };
        Self {
            account: alarm.account.clone(),
            region: alarm.region.clone(),
            model,
            caller: None,
            diagnosis: Diagnosis {
                cause,
                rule: None,
                facts: Facts { metric: metric.name().map(Safe::from), ..Facts::default() },
            },
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
    /// The id of the incident it belongs to.
    fn incident(&self) -> IncidentId {
        self.known.clone().unwrap_or_else(|| Fingerprint::of(self).id())
    }

    /// Whether AWS itself recorded it, so that flood bounds do not apply.
    fn is_certain(&self) -> bool {
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

/// Folds symptoms into one incident per fingerprint, in the order of first appearance.
pub fn fold(symptoms: impl IntoIterator<Item = Symptom>) -> Vec<Incident> {
    let mut folding = Folding::default();
    for symptom in symptoms {
        folding.put(symptom);
    }
    folding.incidents()
}

/// Builds incidents symptom by symptom. Memory is bounded, however much is put in.
#[derive(Default)]
pub struct Folding {
    groups: Vec<(IncidentId, Group)>,
    places: HashMap<IncidentId, usize>,
}

/// At most this many incidents are kept apart, plus as many again for symptoms that flood bounds do not apply to; see
/// [`Symptom::is_certain`]. Beyond that, model, caller and facts are dropped; after as many again, account and Region
/// too. The bound exists because new fingerprints cost a sender nothing.
const MOST: usize = 1000;

impl Folding {
    /// Adds one symptom.
    pub fn put(&mut self, mut symptom: Symptom) {
        let id = self.room(std::slice::from_mut(&mut symptom));
        if let Some(group) = id.and_then(|id| self.group(id)) {
            group.see(&symptom);
            group.put(symptom);
        }
    }

    /// Adds another folding.
    pub fn join(&mut self, other: Self) {
        for (_, mut group) in other.groups {
            let id = self.room(&mut group.symptoms);
            if let Some(known) = id.and_then(|id| self.group(id)) {
                known.callers.add(group.callers);
                for symptom in group.symptoms {
                    known.put(symptom);
                }
            }
        }
    }

    /// The incidents, in the order of their first symptoms.
    pub fn incidents(self) -> Vec<Incident> {
        self.groups.into_iter().filter_map(|(id, group)| group.incident(id)).collect()
    }

    /// The incident of `symptoms`, which share one fingerprint. Drops their details where the bound requires it. `None`
    /// if `symptoms` is empty.
    fn room(&self, symptoms: &mut [Symptom]) -> Option<IncidentId> {
        let most = if symptoms.iter().any(Symptom::is_certain) { 2 * MOST } else { MOST };
        let id = symptoms.first()?.incident();
        if self.has_room(&id, most) {
            return Some(id);
        }
        for symptom in &mut *symptoms {
            // A denial's fingerprint contains action and resource, which come from the facts.
            (symptom.model, symptom.caller, symptom.diagnosis.facts) = (None, None, Facts::default());
            symptom.known = None;
        }
        let id = symptoms.first()?.incident();
        if self.has_room(&id, most + MOST) {
            return Some(id);
        }
        for symptom in &mut *symptoms {
            (symptom.account, symptom.region) = (None, None);
        }
        symptoms.first().map(Symptom::incident)
    }

    fn has_room(&self, id: &IncidentId, most: usize) -> bool {
        self.groups.len() < most || self.places.contains_key(id)
    }

    fn group(&mut self, id: IncidentId) -> Option<&mut Group> {
        let groups = &mut self.groups;
        let at = *self.places.entry(id.clone()).or_insert_with(|| {
            groups.push((id, Group::default()));
            groups.len() - 1
        });
        self.groups.get_mut(at).map(|(_, group)| group)
    }
}

/// The symptoms of one fingerprint. Symptoms with the same cause, rule and `is_recorded` share one entry, so a group's
/// size does not depend on the batch.
#[derive(Default)]
struct Group {
    symptoms: Vec<Symptom>,
    callers: Callers,
}

impl Group {
    fn see(&mut self, symptom: &Symptom) {
        // An alarm has no caller.
        if symptom.counts.errors > 0 {
            self.callers.see(symptom.caller.as_deref(), &symptom.origin, symptom.last, symptom.text);
        }
    }

    fn put(&mut self, symptom: Symptom) {
        let same = |s: &&mut Symptom| {
            s.diagnosis.cause == symptom.diagnosis.cause
                && s.diagnosis.rule == symptom.diagnosis.rule
                && s.is_recorded == symptom.is_recorded
        };
        let Some(known) = self.symptoms.iter_mut().find(same) else {
            self.symptoms.push(symptom);
            return;
        };
        known.counts.add(symptom.counts);
        let later = symptom.diagnosis.facts;
        if symptom.is_recorded {
            known.diagnosis.facts.replace_by(later);
        } else {
            known.diagnosis.facts.add_model_ids(&later.model_ids);
            known.diagnosis.facts.add_models(&later.models);
        }
        known.items.extend(symptom.items);
        known.by_root |= symptom.by_root;
        known.first = [known.first, symptom.first].into_iter().flatten().min();
        known.last = known.last.max(symptom.last);
    }

    fn incident(self, id: IncidentId) -> Option<Incident> {
        // What AWS recorded outranks any application log, and a named limit outranks any number of errors that name
        // none.
        let rank = |s: &Symptom| {
            let named = !matches!(s.diagnosis.cause, Cause::RateUnspecified | Cause::Unknown)
                || s.diagnosis.rule.is_some();
            (s.is_recorded, s.diagnosis.cause != Cause::RateUnspecified, named, s.counts.errors)
        };
        let group = &self.symptoms;
        let leading = group.iter().max_by_key(|s| rank(s))?.clone();
        let mut counts = Counts::default();
        let mut items = BTreeSet::new();
        for symptom in group {
            counts.add(symptom.counts);
            items.extend(symptom.items.iter().copied());
        }
        let last_seen = group.iter().filter_map(|s| s.last).max();
        let mut incident = Incident {
            id,
            caller: leading.caller.clone().filter(|_| leading.diagnosis.cause.is_per_caller()),
            account: leading.account,
            region: leading.region,
            model: leading.model,
            cause: leading.diagnosis.cause,
            rule: leading.diagnosis.rule,
            facts: leading.diagnosis.facts,
            counts,
            first_seen: group.iter().filter_map(|s| s.first).min(),
            last_seen,
            callers: RecentCallers::of(last_seen, self.callers),
            by_root: group.iter().any(|s| s.by_root),
            is_recorded: leading.is_recorded,
            sender: leading.sender,
            items,
        };
        for symptom in group {
            incident.facts.add_model_ids(&symptom.diagnosis.facts.model_ids);
            incident.facts.add_models(&symptom.diagnosis.facts.models);
        }
        incident.call_the_newest();
        Some(incident)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::diagnosis::{ErrorText, diagnose};

    fn symptom(code: &str, message: &str, caller: &str, item: usize) -> Symptom {
        let error = ErrorSignal {
            source: Source::CloudTrail,
            account: AccountId::parse("111122223333"),
            region: Region::parse("us-east-1"),
            model: ModelId::parse("amazon.nova-lite-v1:0"),
            operation: None,
            code: Some(code.to_owned()),
            status: None,
            message: message.to_owned(),
            caller: Some(caller.to_owned()),
            origin: Origin::default(),
            at: None,
        };
        let found = diagnose(&ErrorText { code: Some(code), message, ..ErrorText::default() });
        Symptom::of_error(&error, found, item)
    }

    #[test]
    fn one_throttle_incident_holds_every_rate_cause_and_caller() {
        let incidents = fold([
            symptom("ThrottlingException", "Rate exceeded", "a", 0),
            symptom("ThrottlingException", "Rate exceeded", "b", 1),
            symptom("ThrottlingException", "Too many tokens, please wait before trying again.", "b", 2),
        ]);
        assert_eq!(incidents.len(), 1);
        assert_eq!((incidents[0].cause, incidents[0].counts.errors), (Cause::TokensPerMinute, 3));
        assert_eq!((incidents[0].caller.as_deref(), incidents[0].items.len()), (None, 3));
    }

    #[test]
    fn what_is_one_callers_is_kept_apart_by_caller() {
        let incidents = fold([
            symptom(
                "ValidationException",
                "Malformed input request: #: required key [messages] not found",
                "a",
                0,
            ),
            symptom(
                "ValidationException",
                "Malformed input request: #: required key [messages] not found",
                "b",
                1,
            ),
        ]);
        assert_eq!(incidents.iter().map(|i| i.caller.as_deref()).collect::<Vec<_>>(), [Some("a"), Some("b")]);
        assert_ne!(incidents[0].id, incidents[1].id);
    }

    #[test]
    fn the_id_is_the_fingerprints_hash() {
        let incidents = fold([symptom("ThrottlingException", "Rate exceeded", "a", 0)]);
        assert_eq!(
            incidents[0].id,
            Fingerprint("v1|111122223333|us-east-1|amazon.nova-lite-v1:0|throttle|-".to_owned()).id()
        );
        assert_eq!(IncidentId::parse(incidents[0].id.as_str()).as_ref(), Some(&incidents[0].id));
        assert_eq!(IncidentId::parse("inc-xyz"), None);
    }

    proptest! {
        #[test]
        fn folding_keeps_every_count_and_item(kinds in proptest::collection::vec((0..4usize, 0..3usize), 0..60)) {
            let texts = ["Rate exceeded", "Too many tokens, please wait", "Model is not ready for inference.", "Too many requests"];
            let symptoms: Vec<_> = kinds.iter().enumerate()
                .map(|(n, (text, caller))| symptom("ThrottlingException", texts[*text], ["a", "b", "c"][*caller], n)).collect();
            let folded = fold(symptoms);
            prop_assert_eq!(folded.iter().map(|i| i.counts.errors).sum::<u64>(), kinds.len() as u64);
            prop_assert_eq!(folded.iter().map(|i| i.items.len()).sum::<usize>(), kinds.len());
            let ids: BTreeSet<_> = folded.iter().map(|i| i.id.clone()).collect();
            prop_assert_eq!(ids.len(), folded.len());
        }
    }
}
