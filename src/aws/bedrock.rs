//! Reads Bedrock's descriptions of models and inference profiles.

use aws_sdk_bedrock::types::{
    AgreementStatus, AuthorizationStatus, FoundationModelDetails, FoundationModelLifecycle,
    FoundationModelLifecycleStatus, InferenceProfileType, InferenceType, RegionAvailability,
};

use crate::aws::clients::{Aws, timestamp};
use crate::aws::error;
use crate::error::ServiceResult;
use crate::iam_action::IamAction;
use crate::ids::AccountRegion;
use crate::model::ModelId;
use crate::model::access::{Availability, ModelState, UseCaseForm};
use crate::model::lifecycle::{Lifecycle, ModelLife};
use crate::ports::Models;

fn life(known: Option<&FoundationModelLifecycle>) -> ModelLife {
    let Some(known) = known else { return ModelLife::default() };
    ModelLife {
        lifecycle: match known.status {
            FoundationModelLifecycleStatus::Legacy => Lifecycle::Legacy,
            _ => Lifecycle::Active,
        },
        launched: known.start_of_life_time.as_ref().and_then(timestamp),
        legacy_from: known.legacy_time.as_ref().and_then(timestamp),
        extended_from: known.public_extended_access_time.as_ref().and_then(timestamp),
        ends: known.end_of_life_time.as_ref().and_then(timestamp),
    }
}

impl Models for Aws {
    async fn profile_models(
        &self,
        place: &AccountRegion,
        profile: &ModelId,
    ) -> ServiceResult<Option<Vec<String>>> {
        let call = self.at(place).await?.bedrock.get_inference_profile();
        let answer = call.inference_profile_identifier(profile.as_str()).send().await;
        let found = error::of_lookup(IamAction::GetInferenceProfile, answer)?;
        Ok(found.map(|p| p.models().iter().filter_map(|m| m.model_arn()).map(str::to_owned).collect()))
    }

    async fn offered(&self, place: &AccountRegion) -> ServiceResult<Vec<ModelId>> {
        let bedrock = &self.at(place).await?.bedrock;
        let models = bedrock.list_foundation_models().by_inference_type(InferenceType::OnDemand).send();
        let profiles = bedrock.list_inference_profiles().type_equals(InferenceProfileType::SystemDefined);
        let profiles = profiles.into_paginator().items().send().try_collect();
        let (models, profiles) = tokio::join!(models, profiles);
        let models = models.map_err(|e| error::of_read(IamAction::ListFoundationModels, &e))?;
        let profiles = profiles.map_err(|e| error::of_read(IamAction::ListInferenceProfiles, &e))?;
        let models = models.model_summaries().iter().filter_map(|m| ModelId::parse(m.model_id()));
        let profiles = profiles.iter().filter_map(|p| ModelId::parse(p.inference_profile_id()));
        Ok(models.chain(profiles).collect())
    }

    async fn lives(&self, place: &AccountRegion) -> ServiceResult<Vec<(ModelId, ModelLife)>> {
        let answer = self.at(place).await?.bedrock.list_foundation_models().send().await;
        let answer = answer.map_err(|e| error::of_read(IamAction::ListFoundationModels, &e))?;
        let models = answer.model_summaries().iter();
        Ok(models.filter_map(|m| Some((ModelId::parse(m.model_id())?, life(m.model_lifecycle())))).collect())
    }

    async fn model_state(&self, place: &AccountRegion, model: &ModelId) -> ServiceResult<Option<ModelState>> {
        let bedrock = &self.at(place).await?.bedrock;
        let form = async {
            if model.provider() != Some("anthropic") {
                return UseCaseForm::NotNeeded;
            }
            let answer = bedrock.get_use_case_for_model_access().send().await;
            match error::of_lookup(IamAction::GetUseCaseForModelAccess, answer) {
                // The contents of the form are the organization's own business.
                Ok(Some(_)) => UseCaseForm::Submitted,
                Ok(None) => UseCaseForm::Missing,
                Err(error) => UseCaseForm::Unread(error),
            }
        };
        let (availability, described, form) = tokio::join!(
            Box::pin(bedrock.get_foundation_model_availability().model_id(model.base()).send()),
            Box::pin(bedrock.get_foundation_model().model_identifier(model.base()).send()),
            Box::pin(form),
        );
        let availability = error::of_lookup(IamAction::GetFoundationModelAvailability, availability)?;
        let Some(availability) = availability else { return Ok(None) };
        // Bedrock no longer describes a model that has ended; the rest of its state still counts.
        let described = error::of_lookup(IamAction::GetFoundationModel, described);
        let life =
            |model: Option<FoundationModelDetails>| life(model.and_then(|m| m.model_lifecycle).as_ref());
        Ok(Some(ModelState {
            life: described.map(|known| known.map(|answer| life(answer.model_details))),
            agreement: match availability.agreement_availability().map(|a| &a.status) {
                Some(AgreementStatus::Available) => Availability::Available,
                Some(AgreementStatus::Pending) => Availability::Pending,
                Some(AgreementStatus::NotAvailable) => Availability::NotAvailable,
                Some(AgreementStatus::Error) => Availability::Error,
                _ => Availability::Unknown,
            },
            authorized: *availability.authorization_status() == AuthorizationStatus::Authorized,
            region: match availability.region_availability() {
                RegionAvailability::Available => Availability::Available,
                _ => Availability::NotAvailable,
            },
            form,
        }))
    }

    async fn agreement_offers(&self, place: &AccountRegion, model: &ModelId) -> ServiceResult<Option<usize>> {
        let call =
            self.at(place).await?.bedrock.list_foundation_model_agreement_offers().model_id(model.base());
        let offers = error::of_lookup(IamAction::ListFoundationModelAgreementOffers, call.send().await)?;
        Ok(offers.map(|answer| answer.offers().len()))
    }

    async fn invocation_logging(&self, place: &AccountRegion) -> ServiceResult<Option<String>> {
        let call = self.at(place).await?.bedrock.get_model_invocation_logging_configuration();
        let answer = call.send().await;
        let answer =
            answer.map_err(|e| error::of_read(IamAction::GetModelInvocationLoggingConfiguration, &e))?;
        Ok(answer.logging_config.and_then(|c| c.cloud_watch_config).map(|c| c.log_group_name))
    }
}
