//! Bedrock's descriptions and IAM, as the world file has them.

use super::{ModelEntry, Sandbox, State};
use crate::ids::Place;
use crate::model::ModelId;
use crate::world::{Answer, ModelState, Models, Needed, Permissions, PolicyVerdict, PortError, Ruling};

impl State {
    fn described(&self, place: &Place, model: &ModelId) -> Option<&ModelEntry> {
        let of = |m: &&ModelEntry| {
            m.model_id == model.base() && m.region.as_ref().is_none_or(|r| *r == place.region)
        };
        self.file.availability.iter().find(of)
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

    async fn model_state(&self, place: &Place, model: &ModelId) -> Answer<ModelState> {
        self.call("model_state", |state| {
            let entry = state.described(place, model);
            let available = ModelState { authorized: true, ..ModelState::default() };
            Ok(entry.map_or(available, |m| ModelState {
                lifecycle: m.lifecycle,
                agreement: m.agreement,
                authorized: m.authorized.unwrap_or(true),
                region: m.region_availability,
                form_submitted: m.form_submitted,
                legacy_from: m.legacy_from,
                ends: m.ends,
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
                let fits = state.file.policies.iter().find(|p| {
                    p.caller == caller
                        && p.action.as_deref().is_none_or(|a| a == action)
                        && p.resource
                            .as_deref()
                            .is_none_or(|r| wildmatch::WildMatch::new(r).matches(&needed.arn))
                });
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
