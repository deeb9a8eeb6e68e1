//! What an account has done to get access to a model.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{ServiceError, ServiceResult};
use crate::model::lifecycle::ModelLife;

/// An answer of `GetFoundationModelAvailability`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs)]
pub enum Availability {
    #[default]
    Available,
    Pending,
    NotAvailable,
    /// Bedrock reports an error.
    Error,
    /// Bedrock's answer does not say.
    Unknown,
}

impl Availability {
    /// Whether it is available; `None` if Bedrock's answer does not say.
    pub(crate) fn is_in_force(self) -> Option<bool> {
        (self != Self::Unknown).then_some(self == Self::Available)
    }
}

/// Anthropic's use-case form. An account submits it once, before its first call of an Anthropic model.
/// See <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_GetUseCaseForModelAccess.html>.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum UseCaseForm {
    /// The provider requires no form.
    #[default]
    NotNeeded,
    /// The account has submitted it.
    Submitted,
    /// The account has not submitted it.
    Missing,
    /// Bedrock did not answer.
    Unread(ServiceError),
}

/// What Bedrock reports about a model in an account. It is a hint, not proof.
/// See <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_GetFoundationModelAvailability.html>.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelState {
    /// The model's lifecycle. `Ok(None)`: Bedrock knows no such model, because it has ended or was never offered here.
    pub life: ServiceResult<Option<ModelLife>>,
    /// Whether the account accepted the provider's terms.
    pub agreement: Availability,
    /// Whether the account is authorized for the model.
    pub authorized: bool,
    /// Whether the model is offered in the Region.
    pub region: Availability,
    /// Whether the account submitted the provider's form.
    pub form: UseCaseForm,
}

impl Default for ModelState {
    /// A model that everybody may call.
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
