//! What removes an obstacle: a command, Terraform, a policy statement, or a step in a console.

use serde::Serialize;

use crate::access::{AccessEvidence, reminder};
use crate::diagnosis::{Cause, Facts};
use crate::ids::{AccountRegion, Region};
use crate::model::ModelId;
use crate::plan::steps::increase::{command, open_case};
use crate::quota::Quota;
use crate::text::number;
use crate::wire_enum::wire_enum;

wire_enum! {
    /// The form of a remedy.
    pub enum MendForm {
        /// A command of the AWS CLI.
        Command = "command",
        /// A Terraform resource of the provider `hashicorp/aws`.
        Terraform = "terraform",
        /// A statement of an IAM policy or of a service control policy.
        Policy = "policy",
        /// What a person does.
        Step = "step",
        /// The page on which a person does it.
        Link = "link",
    }
}

/// One way to remove an obstacle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mend {
    /// Its form.
    pub form: MendForm,
    /// The command, resource, statement or step.
    pub text: String,
}

impl Mend {
    pub(super) fn command(text: impl Into<String>) -> Self {
        Self { form: MendForm::Command, text: text.into() }
    }

    pub(super) fn terraform(text: impl Into<String>) -> Self {
        Self { form: MendForm::Terraform, text: text.into() }
    }

    pub(super) fn policy(text: impl Into<String>) -> Self {
        Self { form: MendForm::Policy, text: text.into() }
    }

    pub(super) fn step(text: impl Into<String>) -> Self {
        Self { form: MendForm::Step, text: text.into() }
    }
}

/// How `quota` is raised to `desired` in this account and, by the organization's quota template, in new ones. `default`:
/// AWS's default, which Service Quotas validates requests against.
/// See <https://docs.aws.amazon.com/servicequotas/latest/userguide/organization-templates.html>.
pub(super) fn raise(quota: &Quota, desired: f64, default: Option<f64>, place: &AccountRegion) -> Vec<Mend> {
    let is_below_default = default.is_some_and(|default| desired <= default);
    if is_below_default || !quota.adjustable {
        let why = if is_below_default {
            "Service Quotas takes only values above AWS's default."
        } else {
            "By the public listing the quota is not adjustable."
        };
        let step = format!(
            "{why} Open a support case for `{}` ({}) with the value {}.",
            quota.name,
            quota.code,
            number(desired)
        );
        let page = open_case(place).link.map(|text| Mend { form: MendForm::Link, text });
        return std::iter::once(Mend::step(step)).chain(page).collect();
    }
    let (service, code, region) = (quota.code.service(), quota.code.code(), &place.region);
    vec![
        Mend::command(command(quota, desired, region)),
        Mend::terraform(format!(
            "resource \"aws_servicequotas_service_quota\" \"{}\" {{\n  service_code = \"{service}\"\n  quota_code   = \"{code}\"\n  value        = {desired}\n}}",
            label("quota", code)
        )),
        Mend::command(format!(
            "aws service-quotas put-service-quota-increase-request-into-template --service-code {service} --quota-code {code} --desired-value {desired} --aws-region {region} --region us-east-1"
        )),
    ]
}

/// How the account accepts the provider's agreement.
/// See <https://docs.aws.amazon.com/bedrock/latest/userguide/model-access.html>.
pub(super) fn agreement(model: &ModelId, place: &AccountRegion) -> Vec<Mend> {
    let base = model.base();
    let (facts, asked) = (Facts::default(), AccessEvidence::default());
    let reminder = reminder(Cause::Marketplace, Some(model), Some(place), &facts, &asked);
    let commands = reminder.map(|reminder| reminder.commands).unwrap_or_default();
    let create = commands.into_iter().find(|command| command.contains(" create-")).map(Mend::command);
    let declared = Mend::terraform(format!(
        "data \"aws_bedrock_foundation_model_agreement_offers\" \"{name}\" {{\n  model_id   = \"{base}\"\n  offer_type = \"PUBLIC\"\n}}\n\nresource \"aws_bedrock_foundation_model_agreement\" \"{name}\" {{\n  model_id    = \"{base}\"\n  offer_token = data.aws_bedrock_foundation_model_agreement_offers.{name}.offers[0].offer_token\n\n  lifecycle {{\n    ignore_changes = [offer_token]\n  }}\n}}",
        name = label("model", base)
    ));
    create.into_iter().chain([declared]).collect()
}

/// How the account submits Anthropic's use-case form, once for all its models and Regions.
/// See <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_PutUseCaseForModelAccess.html>.
pub(super) fn use_case_form(region: &Region) -> Vec<Mend> {
    vec![
        Mend::command(format!(
            "aws bedrock put-use-case-for-model-access --form-data fileb://use-case.json --region {region}"
        )),
        Mend::terraform(
            "resource \"aws_bedrock_use_case_for_model_access\" \"this\" {\n  form_data = jsonencode({\n    companyName         = \"\"\n    companyWebsite      = \"\"\n    intendedUsers       = \"0\"\n    industryOption      = \"\"\n    otherIndustryOption = \"\"\n    useCases            = \"\"\n  })\n}",
        ),
    ]
}

/// A name that Terraform accepts.
fn label(kind: &str, text: &str) -> String {
    let word: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect();
    format!("{kind}_{word}")
}
