//! What an account has done to be allowed to call a model.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{ServiceError, ServiceResult};
use crate::model::lifecycle::ModelLife;

/// One of the four answers of `GetFoundationModelAvailability`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs)]
pub enum Availability {
    #[default]
    Available,
    Pending,
    NotAvailable,
    Error,
}

/// Anthropic's use-case form, which an account submits once before its first call of one of Anthropic's models.
/// See <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_GetUseCaseForModelAccess.html>.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum UseCaseForm {
    /// The provider asks for none.
    #[default]
    NotNeeded,
    /// It was submitted.
    Submitted,
    /// It was not submitted.
    Missing,
    /// Bedrock did not say.
    Unread(ServiceError),
}

/// What Bedrock says of a model in an account: a clue, not proof.
/// See <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_GetFoundationModelAvailability.html>.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelState {
    /// Its life; `Ok(None)` where Bedrock describes no such model: it has ended, or was never here.
    pub life: ServiceResult<Option<ModelLife>>,
    /// Whether the account agreed to the provider's terms.
    pub agreement: Availability,
    /// Whether the account is authorised.
    pub authorized: bool,
    /// Whether the model is offered in the Region.
    pub region: Availability,
    /// Whether the provider's form was submitted.
    pub form: UseCaseForm,
}

impl Default for ModelState {
    /// A model that is there for everybody.
    fn default() -> Self {
        Self {
            life: Ok(Some(ModelLife::default())),
            agreement: Availability::Available,
            authorized: true,
            region: Availability::Available,
            form: UseCaseForm::NotNeeded,
        }
    }
}
