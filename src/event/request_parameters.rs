//! The parameters of a call, as far as they say which quota counts it.
//!
//! Invariant: Only named members are read, never the text of a prompt.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::event::value::{Maybe, Text};
use crate::model::ModelId;
use crate::quota::Variant;

/// CloudTrail's `requestParameters`, or the request body in Bedrock's model-invocation log.
/// See <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RequestParameters<'a> {
    #[serde(borrow, default)]
    model_id: Text<'a>,
    /// The model on the bedrock-mantle endpoint.
    #[serde(borrow, default)]
    model: Text<'a>,
    #[serde(borrow, default)]
    pub(super) service_code: Text<'a>,
    #[serde(borrow, default)]
    performance_config: Maybe<PerformanceConfig<'a>>,
    /// The same as a header of `InvokeModel`.
    #[serde(borrow, default)]
    performance_config_latency: Text<'a>,
    #[serde(borrow, default)]
    service_tier: Maybe<ServiceTier<'a>>,
    /// The beta features of Anthropic's models, at the top of a body for `InvokeModel`.
    #[serde(borrow, default, rename = "anthropic_beta")]
    beta: Option<&'a RawValue>,
    #[serde(borrow, default)]
    additional_model_request_fields: Maybe<ModelFields<'a>>,
    #[serde(borrow, default)]
    inference_config: Maybe<InferenceConfig<'a>>,
    /// The same in bodies for `InvokeModel`, of Anthropic's and of OpenAI's models.
    #[serde(borrow, default, rename = "max_tokens")]
    max_tokens: Text<'a>,
    #[serde(borrow, default, rename = "max_completion_tokens")]
    max_completion_tokens: Text<'a>,
}

/// See <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InferenceConfiguration.html>.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InferenceConfig<'a> {
    #[serde(borrow, default)]
    max_tokens: Text<'a>,
}

#[derive(Deserialize)]
struct PerformanceConfig<'a> {
    #[serde(borrow, default)]
    latency: Text<'a>,
}

/// See <https://docs.aws.amazon.com/bedrock/latest/userguide/service-tiers-inference.html>.
#[derive(Deserialize)]
struct ServiceTier<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Text<'a>,
}

#[derive(Deserialize)]
struct ModelFields<'a> {
    #[serde(borrow, default, rename = "anthropic_beta")]
    beta: Option<&'a RawValue>,
}

impl RequestParameters<'_> {
    /// The model that was called; `None` if no id is there.
    pub(super) fn model(&self) -> Option<ModelId> {
        ModelId::parse(self.model_id.get().or(self.model.get())?)
    }

    /// The output tokens that the call reserved; `None` if it named no limit, which reserves the model's maximum, or if
    /// the body is not there.
    pub(super) fn max_tokens(&self) -> Option<u64> {
        let config = self.inference_config.get().and_then(|config| config.max_tokens.get());
        config.or(self.max_tokens.get()).or(self.max_completion_tokens.get())?.parse().ok()
    }

    /// The way of calling that the parameters name; `None` if they name none. That does not mean the standard way:
    /// CloudTrail leaves bodies out.
    pub(super) fn variant(&self) -> Option<Variant> {
        let latency = self.performance_config.get().and_then(|config| config.latency.get());
        if latency.or(self.performance_config_latency.get()) == Some("optimized") {
            return Some(Variant::LatencyOptimized);
        }
        if self.service_tier.get().and_then(|tier| tier.kind.get()) == Some("reserved") {
            return Some(Variant::Reserved);
        }
        let fields = self.additional_model_request_fields.get().and_then(|fields| fields.beta);
        let is_long = |beta: &RawValue| beta.get().contains("\"context-1m-");
        self.beta.into_iter().chain(fields).any(is_long).then_some(Variant::LongContext)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::value::object;

    #[test]
    fn the_reserved_output_is_read_from_each_form_of_a_body() {
        for (json, expected) in [
            (r#"{"inferenceConfig":{"maxTokens":64000,"temperature":0.2}}"#, Some(64_000)),
            (r#"{"max_tokens":32000,"anthropic_version":"bedrock-2023-05-31"}"#, Some(32_000)),
            (r#"{"max_completion_tokens":16000}"#, Some(16_000)),
            (r#"{"messages":[{"content":"{\"max_tokens\":5}"}]}"#, None),
            (r#"{"max_tokens":-1}"#, None),
            (r#"{"inferenceConfig":[],"max_tokens":{"of":7}}"#, None),
        ] {
            let read: RequestParameters<'_> = object(json, "x").unwrap();
            assert_eq!(read.max_tokens(), expected, "{json}");
        }
    }

    #[test]
    fn the_variant_is_read_from_named_members_only() {
        for (json, expected) in [
            (
                r#"{"modelId":"amazon.nova-pro-v1:0","performanceConfig":{"latency":"optimized"}}"#,
                Some(Variant::LatencyOptimized),
            ),
            (r#"{"performanceConfigLatency":"optimized"}"#, Some(Variant::LatencyOptimized)),
            (r#"{"performanceConfig":{"latency":"standard"}}"#, None),
            (r#"{"serviceTier":{"type":"reserved"}}"#, Some(Variant::Reserved)),
            (r#"{"serviceTier":{"type":"priority"}}"#, None),
            (r#"{"anthropic_beta":["context-1m-2025-08-07"]}"#, Some(Variant::LongContext)),
            (
                r#"{"additionalModelRequestFields":{"anthropic_beta":["context-1m-2025-08-07"]}}"#,
                Some(Variant::LongContext),
            ),
            (r#"{"additionalModelRequestFields":{"anthropic_beta":"fine-grained"}}"#, None),
            (r#"{"messages":[{"content":"\"context-1m-2025-08-07\""}]}"#, None),
            (r#"{"performanceConfig":7,"anthropic_beta":null,"additionalModelRequestFields":[]}"#, None),
        ] {
            let read: RequestParameters<'_> = object(json, "x").unwrap();
            assert_eq!(read.variant(), expected, "{json}");
        }
    }
}
