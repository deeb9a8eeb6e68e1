//! Bedrock's descriptions and IAM, as the world file has them.

use super::{ModelEntry, PolicyEntry, Sandbox, State};
use crate::ids::Place;
use crate::model::{ModelId, ModelKind};
use crate::world::{Answer, Life, ModelState, Models, Needed, Permissions, PolicyVerdict, PortError, Ruling};

impl State {
    fn described(&self, place: &Place, model: &ModelId) -> Option<&ModelEntry> {
        let of = |m: &&ModelEntry| {
            m.model_id == model.base() && m.region.as_ref().is_none_or(|r| *r == place.region)
        };
        self.file.availability.iter().find(of)
    }
}

impl ModelEntry {
    fn life(&self) -> Life {
        Life { lifecycle: self.lifecycle, legacy_from: self.legacy_from, ends: self.ends }
    }
}

impl PolicyEntry {
    /// Whether it is about that action on that resource.
    pub(super) fn fits(&self, action: &str, resource: &str) -> bool {
        self.action.as_deref().is_none_or(|a| a == action)
            && self.resource.as_deref().is_none_or(|r| wildmatch::WildMatch::new(r).matches(resource))
    }
}

impl Models for Sandbox {
    async fn profile_models(&self, _: &Place, profile: &ModelId) -> Answer<Vec<String>> {
        self.call("profile_models", |state| {
            let entry =
                state.file.profiles.iter().find(|p| p.id == profile.as_str()).ok_or(PortError::Missing)?;
            Ok(entry.models.clone())
        })
        .await
    }

    async fn offered(&self, place: &Place) -> Answer<Vec<ModelId>> {
        self.call("offered", |state| {
            let entry =
                state.file.offered.iter().find(|o| o.region == place.region).ok_or(PortError::Missing)?;
            Ok(entry.model_ids.iter().filter_map(|id| ModelId::parse(id)).collect())
        })
        .await
    }

    /// The models that the file tells of by themselves, and those that it says are offered.
    async fn lives(&self, place: &Place) -> Answer<Vec<(ModelId, Life)>> {
        self.call("lives", |state| {
            let told = state.file.availability.iter();
            let told = told.filter(|m| m.region.as_ref().is_none_or(|r| *r == place.region));
            let told = told.filter_map(|m| Some((ModelId::parse(&m.model_id)?, m.life())));
            let offered = state.file.offered.iter().filter(|o| o.region == place.region);
            let offered = offered.flat_map(|o| &o.model_ids).filter_map(|id| ModelId::parse(id));
            let offered = offered.filter(|m| m.kind() == ModelKind::Foundation);
            let mut lives: Vec<(ModelId, Life)> = told.collect();
            for model in offered {
                if !lives.iter().any(|(known, _)| *known == model) {
                    lives.push((model, Life::default()));
                }
            }
            Ok(lives)
        })
        .await
    }

    async fn model_state(&self, place: &Place, model: &ModelId) -> Answer<ModelState> {
        self.call("model_state", |state| {
            let entry = state.described(place, model);
            let available = ModelState { authorized: true, ..ModelState::default() };
            Ok(entry.map_or(available, |m| ModelState {
                life: m.life(),
                agreement: m.agreement,
                authorized: m.authorized.unwrap_or(true),
                region: m.region_availability,
                form_submitted: m.form_submitted,
            }))
        })
        .await
    }

    async fn agreement_offers(&self, place: &Place, model: &ModelId) -> Answer<usize> {
        self.call("agreement_offers", |state| Ok(state.described(place, model).map_or(1, |m| m.offers))).await
    }

    async fn invocation_logging(&self, place: &Place) -> Answer<Option<String>> {
        self.call("invocation_logging", |state| {
            let entry = state.file.logging.iter().find(|l| l.region == place.region);
            Ok(entry.map(|l| l.log_group.clone()))
        })
        .await
    }
}

impl Permissions for Sandbox {
    async fn simulate(
        &self,
        _: &Place,
        caller: &str,
        action: &str,
        needed: &[Needed],
    ) -> Answer<Vec<Ruling>> {
        self.call("simulate", |state| {
            if !state.file.policies.iter().any(|p| p.caller == caller) {
                return Err(PortError::Missing);
            }
            let of = |needed: &Needed| {
                let mut of_caller = state.file.policies.iter().filter(|p| p.caller == caller);
                let fits = of_caller.find(|p| p.fits(action, &needed.arn));
                Ruling {
                    resource: needed.arn.clone(),
                    verdict: fits.map_or(PolicyVerdict::Undetermined, |p| p.verdict),
                    layer: fits.and_then(|p| p.layer),
                    missing_context: fits.map(|p| p.missing_context.clone()).unwrap_or_default(),
                }
            };
            Ok(needed.iter().map(of).collect())
        })
        .await
    }
}
