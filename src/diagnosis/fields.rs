//! The field names in the request schemas of Bedrock's models.
//!
//! Invariant: A name that is not listed here is the caller's own and may be anything, so it is not shown.
//! See <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html> and, for the bodies
//! of `InvokeModel`, <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html>.

/// Sorted for binary search.
#[rustfmt::skip]
const NAMES: &[&str] = &[
    "accept", "additionalModelRequestFields", "additionalModelResponseFieldPaths", "additionalProperties",
    "agentAliasId", "agentId", "allOf", "anthropic_beta", "anthropic_version", "any", "anyOf", "api_version",
    "arguments", "aspect_ratio", "audio", "audioConfig", "auto", "backgroundRemovalParams", "base64String", "blob",
    "block", "blocks", "body", "bucketOwner", "budget_tokens", "bytes", "cachePoint", "cache_control", "cfgScale",
    "cfg_scale", "chat_history", "citations", "clear_at_least", "clientRequestToken", "clip_guidance_preset",
    "colorGuidedGenerationParams", "colors", "conditionImage", "connectors", "const", "container", "content",
    "contentType", "contents", "context_management", "controlMode", "controlStrength", "countPenalty", "custom",
    "data", "default", "definitions", "description", "detail", "dimension", "dimensions",
    "disable_parallel_tool_use", "document", "documents", "durationSeconds", "edits", "effort", "embeddingConfig",
    "embeddingTypes", "embedding_types", "enableTrace", "enabled", "encrypted_content", "endSession", "end_time",
    "enum", "file", "file_data", "file_id", "filter", "flowAliasIdentifier", "flowIdentifier", "format", "fps",
    "frequencyPenalty", "frequency_penalty", "function", "function_call", "functions", "generationConfiguration",
    "guardContent", "guardrailConfig", "guardrailIdentifier", "guardrailVersion", "height", "image",
    "imageGenerationConfig", "imageVariationParams", "image_url", "images", "inPaintingParams", "include",
    "include_usage", "index", "inferenceConfig", "init_image", "input", "inputAudio", "inputImage", "inputSchema",
    "inputText", "inputType", "input_audio", "input_image", "input_schema", "input_text", "input_type", "inputs",
    "instructions", "item", "items", "json", "json_schema", "k", "keep", "knowledgeBaseConfiguration",
    "knowledgeBaseId", "latency", "logit_bias", "logprobs", "maskImage", "maskPrompt", "maxItems", "maxLength",
    "maxTokenCount", "maxTokens", "maxTokensToSample", "max_completion_tokens", "max_gen_len", "max_new_tokens",
    "max_output_tokens", "max_tokens", "max_tokens_to_sample", "maximum", "mcp_servers", "mediaSource", "media_type",
    "message", "messages", "metadata", "minItems", "minLength", "minTokens", "min_tokens", "minimum", "mode",
    "model", "modelArn", "modelId", "modelInput", "modelInputText", "n", "name", "negativeText", "negative_prompt",
    "nodeName", "nodeOutputName", "normalize", "numResults", "num_generations", "numberOfImages", "numberOfResults",
    "oneOf", "outPaintingMode", "outPaintingParams", "output", "outputDataConfig", "outputEmbeddingLength",
    "output_config", "output_format", "output_text", "overrideSearchType", "p", "parallel_tool_calls", "parameters",
    "parts", "pattern", "performanceConfig", "preamble", "presencePenalty", "presence_penalty", "preset_type",
    "previous_response_id", "prompt", "promptRouterArn", "promptTemplate", "promptVariables", "properties",
    "qualifiers", "quality", "queries", "query", "rank_fields", "reasoning", "reasoningContent", "reasoningText",
    "reasoning_config", "reasoning_effort", "redactedContent", "requestMetadata", "required", "response_format",
    "retrieval", "retrievalConfiguration", "retrievalQuery", "retrieveAndGenerateConfiguration",
    "return_likelihoods", "role", "s3", "s3Location", "s3OutputDataConfig", "s3Uri", "sampler", "samples", "schema",
    "schemaVersion", "search_queries_only", "seed", "segmentation", "serviceTier", "service_tier", "sessionId",
    "sessionState", "signature", "similarityStrength", "source", "speech", "start_time", "status", "steps", "stop",
    "stopSequences", "stop_sequences", "store", "stream", "streamProcessingMode", "stream_options", "strength",
    "strict", "style_preset", "summary", "system", "taskType", "temperature", "text", "textGenerationConfig",
    "textPromptTemplate", "textToImageParams", "textToVideoParams", "text_prompts", "texts", "thinking", "title",
    "tool", "toolChoice", "toolConfig", "toolResult", "toolSpec", "toolUse", "toolUseId", "tool_calls",
    "tool_choice", "tool_result", "tool_use", "tool_use_id", "tools", "topK", "topP", "top_k", "top_logprobs",
    "top_n", "top_p", "trace", "trigger", "truncate", "ttl", "type", "uploadId", "uri", "url", "user", "user_id",
    "value", "vectorSearchConfiguration", "video", "videoConfig", "videoGenerationConfig", "weight", "width",
];

/// Whether a request schema has a field of this name.
pub(super) fn is_known(name: &str) -> bool {
    NAMES.binary_search(&name).is_ok()
}

/// Whether `name` is an index in a list. `member` is how AWS's validation announces one.
pub(super) fn is_place(name: &str) -> bool {
    name == "member" || ((1..=4).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_stand_once() {
        assert!(NAMES.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn a_path_of_known_names_passes_the_gate_as_it_is() {
        for name in NAMES {
            let path = format!("messages.0.{name}");
            assert_eq!(crate::text::Safe::from(path.as_str()).as_str(), path);
        }
    }

    #[test]
    fn a_place_is_a_short_number() {
        assert!(is_place("0") && is_place("22") && is_place("member"));
        assert!(!is_place("") && !is_place("15550100") && !is_place("x"));
    }
}
