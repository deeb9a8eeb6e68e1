//! Folds symptoms into incidents: one incident per fingerprint, however many errors arrived.
//!
//! Invariant: Folding is pure and loses no count. A thousand errors with one fingerprint become one incident that
//! counts a thousand.

use std::collections::{BTreeSet, HashMap};

use crate::callers::{Callers, RecentCallers};
use crate::diagnosis::{Cause, Facts};
use crate::ids::IncidentId;
use crate::incident::fingerprint::Fingerprint;
use crate::incident::symptom::Symptom;
use crate::incident::{Counts, Incident};

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
        let id = incident_of(symptoms.first()?);
        if self.has_room(&id, most) {
            return Some(id);
        }
        for symptom in &mut *symptoms {
            // A denial's fingerprint contains action and resource, which come from the facts.
            (symptom.model, symptom.caller, symptom.diagnosis.facts) = (None, None, Facts::default());
            symptom.known = None;
        }
        let id = incident_of(symptoms.first()?);
        if self.has_room(&id, most + MOST) {
            return Some(id);
        }
        for symptom in &mut *symptoms {
            (symptom.account, symptom.region) = (None, None);
        }
        symptoms.first().map(incident_of)
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

/// The id of the incident that a symptom belongs to.
fn incident_of(symptom: &Symptom) -> IncidentId {
    symptom.known.clone().unwrap_or_else(|| Fingerprint::of(symptom).id())
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
    use crate::callers::Origin;
    use crate::diagnosis::{ErrorText, diagnose};
    use crate::event::{ErrorSignal, Source};
    use crate::ids::{AccountId, Region, short_hash};
    use crate::model::ModelId;

    fn symptom(code: &str, message: &str, caller: &str, item: usize) -> Symptom {
        let error = ErrorSignal {
            source: Source::CloudTrail,
            account: AccountId::parse("111122223333"),
            region: Region::parse("us-east-1"),
            model: ModelId::parse("amazon.nova-lite-v1:0"),
            variant: None,
            max_tokens: None,
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
            IncidentId::from_hash(&short_hash("v1|111122223333|us-east-1|amazon.nova-lite-v1:0|throttle|-"))
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
