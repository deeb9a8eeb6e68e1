//! Bedrock and IAM, as the world file describes them.

use crate::error::{ServiceError, ServiceResult};
use crate::ids::AccountRegion;
use crate::model::access::{ModelState, UseCaseForm};
use crate::model::lifecycle::ModelLife;
use crate::model::{ModelId, ModelKind};
use crate::permission::{Needed, PolicyVerdict, Ruling};
use crate::ports::{Models, Permissions};
use crate::sandbox::state::{Sandbox, SandboxState};
use crate::sandbox::{ModelEntry, PolicyEntry, PortCall};

impl SandboxState {
    fn described(&self, place: &AccountRegion, model: &ModelId) -> Option<&ModelEntry> {
        let of = |m: &&ModelEntry| {
            m.model_id == model.base() && m.region.as_ref().is_none_or(|r| *r == place.region)
        };
        self.file.availability.iter().find(of)
    }
}

impl ModelEntry {
    fn life(&self) -> ModelLife {
        ModelLife {
            lifecycle: self.lifecycle,
            launched: self.launched,
            legacy_from: self.legacy_from,
            extended_from: self.extended_from,
            ends: self.ends,
        }
    }
}

impl PolicyEntry {
    /// Whether the entry applies to that action on that resource.
    pub(crate) fn fits(&self, action: &str, resource: &str) -> bool {
        self.action.as_deref().is_none_or(|a| a == action)
            && self.resource.as_deref().is_none_or(|r| wildmatch::WildMatch::new(r).matches(resource))
    }
}

impl Models for Sandbox {
    /// An AWS-defined profile needs no entry, and routes to at least its source Region.
    async fn profile_models(
        &self,
        place: &AccountRegion,
        profile: &ModelId,
    ) -> ServiceResult<Option<Vec<String>>> {
        self.call_at(place, PortCall::ProfileModels, |state| {
            let entry = state.file.profiles.iter().find(|p| p.id == profile.as_str());
            let region = &place.region;
            let here = || {
                let partition = region.partition();
                vec![format!("arn:{partition}:bedrock:{region}::foundation-model/{}", profile.base())]
            };
            Ok(entry.map(|entry| entry.models.clone()).or_else(|| profile.is_cross_region().then(here)))
        })
        .await
    }

    async fn offered(&self, place: &AccountRegion) -> ServiceResult<Vec<ModelId>> {
        self.call_at(place, PortCall::Offered, |state| {
            // Without an entry, the world file does not say what the Region offers.
            let entry = state.file.offered.iter().find(|o| o.region == place.region);
            let why = || format!("the world file does not name the ids that {} offers", place.region);
            let entry = entry.ok_or_else(|| ServiceError::invalid(why()))?;
            Ok(entry.model_ids.iter().filter_map(|id| ModelId::parse(id)).collect())
        })
        .await
    }

    /// Returns the models with an entry in the file, and those that it lists as offered.
    async fn lives(&self, place: &AccountRegion) -> ServiceResult<Vec<(ModelId, ModelLife)>> {
        self.call_at(place, PortCall::Lives, |state| {
            let told = state.file.availability.iter();
            let told = told.filter(|m| m.region.as_ref().is_none_or(|r| *r == place.region));
            let told = told.filter_map(|m| Some((ModelId::parse(&m.model_id)?, m.life())));
            let offered = state.file.offered.iter().filter(|o| o.region == place.region);
            let offered = offered.flat_map(|o| &o.model_ids).filter_map(|id| ModelId::parse(id));
            let offered = offered.filter(|m| m.kind() == ModelKind::Foundation);
            let mut lives: Vec<(ModelId, ModelLife)> = told.collect();
            for model in offered {
                if !lives.iter().any(|(known, _)| *known == model) {
                    lives.push((model, ModelLife::default()));
                }
            }
            Ok(lives)
        })
        .await
    }

    async fn model_state(&self, place: &AccountRegion, model: &ModelId) -> ServiceResult<Option<ModelState>> {
        self.call_at(place, PortCall::ModelState, |state| {
            let entry = state.described(place, model);
            Ok(Some(entry.map_or_else(ModelState::default, |m| ModelState {
                life: Ok(Some(m.life())),
                agreement: m.agreement,
                authorized: m.authorized.unwrap_or(true),
                region: m.region_availability,
                form: match m.form_submitted {
                    None => UseCaseForm::NotNeeded,
                    Some(true) => UseCaseForm::Submitted,
                    Some(false) => UseCaseForm::Missing,
                },
            })))
        })
        .await
    }

    async fn agreement_offers(&self, place: &AccountRegion, model: &ModelId) -> ServiceResult<Option<usize>> {
        self.call_at(place, PortCall::AgreementOffers, |state| {
            Ok(Some(state.described(place, model).map_or(1, |m| m.offers)))
        })
        .await
    }

    async fn invocation_logging(&self, place: &AccountRegion) -> ServiceResult<Option<String>> {
        self.call_at(place, PortCall::InvocationLogging, |state| {
            let entry = state.file.logging.iter().find(|l| l.region == place.region);
            Ok(entry.map(|l| l.log_group.clone()))
        })
        .await
    }
}

impl Permissions for Sandbox {
    async fn simulate(
        &self,
        place: &AccountRegion,
        caller: &str,
        action: &str,
        needed: &[Needed],
    ) -> ServiceResult<Option<Vec<Ruling>>> {
        self.call_at(place, PortCall::Simulate, |state| {
            if !state.file.policies.iter().any(|p| p.caller == caller) {
                return Ok(None);
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
            Ok(Some(needed.iter().map(of).collect()))
        })
        .await
    }
}
