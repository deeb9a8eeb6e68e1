//! The grammar of Bedrock's quota names.
//!
//! Invariant: A name parses completely or not at all. A name that does not parse is not treated as an inference quota.

use crate::model::{ModelId, ModelKind};
use crate::wire_enum::wire_enum;

wire_enum! {
    /// What a quota limits.
    pub enum Limit {
        /// Requests per minute.
        RequestsPerMinute = "requests-per-minute",
        /// Tokens per minute: input, cache writes, and output multiplied by the burndown rate.
        TokensPerMinute = "tokens-per-minute",
        /// Tokens per day.
        TokensPerDay = "tokens-per-day",
        /// Input tokens per minute, on the bedrock-mantle endpoint.
        InputTokensPerMinute = "input-tokens-per-minute",
        /// Output tokens per minute, on the bedrock-mantle endpoint.
        OutputTokensPerMinute = "output-tokens-per-minute",
    }
}

wire_enum! {
    /// The way of calling a model that a quota is for, apart from its scope.
    pub enum Variant {
        /// The standard way.
        Standard = "standard",
        /// Requests with the 1M-token context window, which have quotas of their own.
        LongContext = "1m-context",
        /// Latency-optimized inference.
        LatencyOptimized = "latency-optimized",
        /// The bedrock-mantle endpoint.
        Mantle = "bedrock-mantle",
        /// A reservation, which has a capacity of its own and no quota. What exceeds it goes on to the on-demand quota.
        Reserved = "reserved-tier",
    }
}

impl Variant {
    /// The way of calling whose quotas count it: what exceeds a reservation is an on-demand call.
    #[must_use]
    pub const fn counted_as(self) -> Self {
        match self {
            Self::Reserved => Self::Standard,
            other => other,
        }
    }
}

/// A parsed quota name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaName<'a> {
    /// The kinds of model identifier whose calls count against the quota.
    pub serves: &'static [ModelKind],
    /// What it limits.
    pub limit: Limit,
    /// The way of calling the model.
    pub variant: Variant,
    /// The model in AWS's label, such as `Anthropic Claude 3.5 Sonnet V2`.
    pub label: &'a str,
}

const ON_DEMAND: &[ModelKind] = &[ModelKind::Foundation];
const GEOGRAPHIC: &[ModelKind] = &[ModelKind::Geographic];
const GLOBAL: &[ModelKind] = &[ModelKind::Global];
/// One quota code serves both; cross-Region calls get twice the value.
const ON_DEMAND_AND_GEOGRAPHIC: &[ModelKind] = &[ModelKind::Foundation, ModelKind::Geographic];
/// The quotas of the bedrock-mantle endpoint name no scope.
const ANY: &[ModelKind] = &[ModelKind::Foundation, ModelKind::Geographic, ModelKind::Global];

/// The text before ` for <label>`, in lower case. AWS varies capitals, and one head's comma. This is the wording of
/// Service Quotas' listing; [`WORDINGS`] has the other one.
#[rustfmt::skip]
const HEADS: &[(&str, &[ModelKind], Limit, Variant)] = &[
    ("on-demand model inference requests per minute", ON_DEMAND, Limit::RequestsPerMinute, Variant::Standard),
    ("on-demand model inference tokens per minute", ON_DEMAND, Limit::TokensPerMinute, Variant::Standard),
    ("cross-region model inference requests per minute", GEOGRAPHIC, Limit::RequestsPerMinute, Variant::Standard),
    ("cross-region model inference tokens per minute", GEOGRAPHIC, Limit::TokensPerMinute, Variant::Standard),
    ("global cross-region model inference requests per minute", GLOBAL, Limit::RequestsPerMinute, Variant::Standard),
    ("global cross-region model inference tokens per minute", GLOBAL, Limit::TokensPerMinute, Variant::Standard),
    ("global cross-region model inference tokens per day", GLOBAL, Limit::TokensPerDay, Variant::Standard),
    ("model invocation max tokens per day", ON_DEMAND_AND_GEOGRAPHIC, Limit::TokensPerDay, Variant::Standard),
    ("on-demand latency-optimized model inference requests per minute", ON_DEMAND, Limit::RequestsPerMinute, Variant::LatencyOptimized),
    ("on-demand latency-optimized model inference tokens per minute", ON_DEMAND, Limit::TokensPerMinute, Variant::LatencyOptimized),
    ("model invocation max latency-optimized tokens per day", ON_DEMAND, Limit::TokensPerDay, Variant::LatencyOptimized),
    ("[bedrock-mantle endpoint] requests per minute", ANY, Limit::RequestsPerMinute, Variant::Mantle),
    ("[bedrock-mantle endpoint] tokens per minute", ANY, Limit::TokensPerMinute, Variant::Mantle),
    ("[bedrock-mantle endpoint] input tokens per minute", ANY, Limit::InputTokensPerMinute, Variant::Mantle),
    ("[bedrock-mantle endpoint] output tokens per minute", ANY, Limit::OutputTokensPerMinute, Variant::Mantle),
];

/// AWS words the same quotas in two ways. Each pair holds the User Guide's words and the listing's, in lower case.
///
/// The guide has no words of its own for daily and latency-optimized quotas; they parse with either wording.
/// See <https://docs.aws.amazon.com/bedrock/latest/userguide/quotas-runtime.html>,
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/inference-how.html> for the global ones, and
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/quotas-mantle.html>.
const WORDINGS: &[(&str, &str)] =
    &[("invokemodel", "model inference"), ("bedrock mantle", "[bedrock-mantle endpoint]")];

/// The account's one limit over all models. It replaced the models' daily limits on the bedrock-runtime endpoint. Only
/// AWS Support raises it, not Service Quotas.
pub(crate) const CROSS_MODEL_PER_DAY: &str = "Cross-Model Max Tokens Per Day";

impl<'a> QuotaName<'a> {
    /// Parses `name`; `None` if it is not an inference quota of one model.
    pub fn parse(name: &'a str) -> Option<Self> {
        let at = name.find(" for ")?;
        let head = name.get(..at)?;
        let (_, serves, limit, mut variant) = {
            let wording = WORDINGS.iter().find(|(guide, _)| holds(head, guide));
            HEADS.iter().copied().find(|(known, ..)| match wording {
                None => is_head(head, ["", "", known]),
                Some((guide, listing)) => known
                    .split_once(listing)
                    .is_some_and(|(before, after)| is_head(head, [before, guide, after])),
            })?
        };
        let label = name.get(at + " for ".len()..)?.trim();
        let label = label.strip_suffix("(doubled for cross-region calls)").unwrap_or(label).trim_end();
        let long = label.len().checked_sub("1m context length".len()).filter(|n| label.is_char_boundary(*n));
        let (label, is_long) = match long.map(|n| label.split_at(n)) {
            Some((rest, tail)) if tail.eq_ignore_ascii_case("1m context length") => (rest.trim_end(), true),
            _ => (label, false),
        };
        if is_long && variant == Variant::Standard {
            variant = Variant::LongContext;
        }
        (!label.is_empty()).then_some(Self { serves, limit, variant, label })
    }

    /// Whether calls of `model` count against this quota's scope.
    pub fn serves(&self, model: &ModelId) -> bool {
        self.serves.contains(&model.kind())
    }
}

/// Whether `head` equals the concatenated parts of `known`, ignoring case and commas.
fn is_head(head: &str, known: [&str; 3]) -> bool {
    let letters = head.bytes().filter(|b| *b != b',').map(|b| b.to_ascii_lowercase());
    let length: usize = known.iter().map(|part| part.len()).sum();
    // The ends of most heads differ, the beginnings do not.
    head.len() >= length && letters.rev().eq(known.iter().flat_map(|part| part.bytes()).rev())
}

/// Whether `text` contains `lower`, ignoring case.
fn holds(text: &str, lower: &str) -> bool {
    text.as_bytes().windows(lower.len()).any(|part| part.eq_ignore_ascii_case(lower.as_bytes()))
}

/// Whether `name` looks like an inference quota of one model, even if it does not parse. It mentions tokens or requests
/// per minute or day, and does not begin with another Bedrock feature in parentheses, as in `(Model customization) Sum
/// of …`.
pub(crate) fn looks_like_inference(name: &str) -> bool {
    /// What is counted and per what time, or a short form of both.
    const COUNTED: &[&str] = &["token", "request"];
    const TIMES: &[&str] = &["minute", "day"];
    const SHORT: &[&str] = &["tpm", "rpm", "tpd"];
    let lower = name.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    !lower.trim_start().starts_with('(') && (has(SHORT) || (has(COUNTED) && has(TIMES)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_whole_or_not_at_all() {
        let name = QuotaName::parse(
            "Cross-Region model inference tokens per minute for Anthropic Claude 3.5 Sonnet V2",
        )
        .unwrap();
        assert_eq!(
            (name.limit, name.variant, name.label),
            (Limit::TokensPerMinute, Variant::Standard, "Anthropic Claude 3.5 Sonnet V2")
        );
        assert_eq!(name.serves, GEOGRAPHIC);

        let long = QuotaName::parse("Model invocation max tokens per day for Anthropic Claude Sonnet 4 V1 1M Context Length (doubled for cross-region calls)").unwrap();
        assert_eq!((long.variant, long.label), (Variant::LongContext, "Anthropic Claude Sonnet 4 V1"));

        let with_comma = QuotaName::parse(
            "On-Demand, latency-optimized model inference tokens per minute for Amazon Nova Pro V1",
        )
        .unwrap();
        let without = QuotaName::parse(
            "On-demand latency-optimized model inference tokens per minute for Amazon Nova Pro V1",
        )
        .unwrap();
        assert_eq!(with_comma, without);
    }

    #[test]
    fn both_wordings_of_aws_read_alike() {
        for (guide, listing) in [
            ("On-demand InvokeModel tokens per minute", "On-demand model inference tokens per minute"),
            ("On-demand InvokeModel requests per minute", "On-demand model inference requests per minute"),
            ("Cross-Region InvokeModel tokens per minute", "Cross-region model inference tokens per minute"),
            (
                "Cross-Region InvokeModel requests per minute",
                "Cross-region model inference requests per minute",
            ),
            (
                "Global Cross-Region InvokeModel tokens per minute",
                "Global cross-region model inference tokens per minute",
            ),
            (
                "Global Cross-Region InvokeModel requests per minute",
                "Global cross-region model inference requests per minute",
            ),
            ("Bedrock Mantle input tokens per minute", "[bedrock-mantle endpoint] Input tokens per minute"),
            ("Bedrock Mantle output tokens per minute", "[bedrock-mantle endpoint] Output tokens per minute"),
        ] {
            let [guide, listing] = [guide, listing].map(|head| format!("{head} for Anthropic Claude Opus 5"));
            let read = QuotaName::parse(&guide);
            assert!(read.is_some(), "{guide}");
            assert_eq!(read, QuotaName::parse(&listing), "{guide}");
        }
    }

    #[test]
    fn what_looks_like_inference_is_told_from_other_features() {
        for name in [
            "On-demand InvokeModel tokens per minute for Anthropic Claude Opus 5",
            "Tokens a minute through any profile: Claude Opus 5",
            "Claude Opus 5 cross-Region TPM",
            CROSS_MODEL_PER_DAY,
        ] {
            assert!(looks_like_inference(name), "{name}");
        }
        for name in [
            "(Model customization) Sum of on demand custom model deployment tokens per minute for Amazon Nova Lite",
            "(Guardrails) On-demand ApplyGuardrail requests per second",
            "Records per batch inference job for Claude 3 Haiku",
            "On-demand InvokeModel concurrent requests for Luma Ray V2",
            "Inference profiles per account",
        ] {
            assert!(!looks_like_inference(name), "{name}");
        }
    }

    #[test]
    fn distractors_are_no_inference_quotas() {
        for name in [
            "(Model customization) Sum of on demand custom model deployment tokens per minute for Amazon Nova Lite",
            "Records per batch inference job for Claude 3 Haiku",
            "On-demand model inference concurrent requests for Luma Ray V2",
            "On-demand InvokeModel concurrent requests for Amazon Nova Reel 1.0",
            "On-demand InvokeModel model inference tokens per minute for Amazon Nova Lite",
            "Bedrock Mantle tokens per hour for Amazon Nova Lite",
            CROSS_MODEL_PER_DAY,
            "",
        ] {
            assert_eq!(QuotaName::parse(name), None, "{name}");
        }
    }
}
