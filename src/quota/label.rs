//! Decides whether a model identifier and a quota's label mean the same model.
//!
//! Invariant: Family, size, version and variant must all be equal once spelling is normalised. A label that is merely
//! similar means another model.

use crate::model::{ModelId, is_date};

/// Labels that the grammar cannot derive, by the model's stem. Each is a fact of AWS's listing.
#[rustfmt::skip]
const EXCEPTIONS: &[(&str, &[&str])] = &[
    ("ai21.j2-mid", &["AI21 Labs Jurassic-2 Mid"]),
    ("ai21.j2-ultra", &["AI21 Labs Jurassic-2 Ultra"]),
    ("amazon.rerank", &["Amazon Rerank 1.0"]),
    ("amazon.titan-embed-image", &["Amazon Titan Multimodal Embeddings G1"]),
    ("amazon.titan-image-generator", &["Amazon Titan Image Generator G1"]),
    ("amazon.titan-image-generator-v2", &["Amazon Titan Image Generator G1 V2"]),
    ("cohere.command-text-v14", &["Cohere Command"]),
    ("cohere.command-light-text-v14", &["Cohere Command Light"]),
    ("cohere.embed-english-v3", &["Cohere Embed English"]),
    ("cohere.embed-multilingual-v3", &["Cohere Embed Multilingual"]),
    ("cohere.rerank-v3-5", &["Cohere Rerank 3.5"]),
    // AWS spells one model in two ways, in two quotas.
    ("mistral.mistral-large-2402", &["Mistral Large", "Mistral AI Mistral Large"]),
    ("mistral.mistral-small-2402", &["Mistral AI Mistral Small"]),
    // The label is the marketing name.
    ("mistral.magistral-small-2509", &["Magistral Small 1.2"]),
    ("mistral.voxtral-mini-3b-2507", &["Voxtral Mini 1.0"]),
    ("mistral.voxtral-small-24b-2507", &["Voxtral Small 1.0"]),
    ("nvidia.nemotron-nano-9b-v2", &["NVIDIA Nemotron Nano 2"]),
    ("nvidia.nemotron-nano-12b-v2", &["NVIDIA Nemotron Nano 2 VL"]),
    ("twelvelabs.marengo-embed-2-7", &["Twelve Labs Marengo"]),
    ("twelvelabs.pegasus-1-2", &["Twelve Labs Pegasus"]),
];

/// Words that labels and ids contain or omit without meaning, for every provider …
const FILLERS: &[&str] = &["v0", "v1", "instruct", "it", "and"];
/// … and for one provider.
const PROVIDER_FILLERS: &[(&str, &str)] = &[("stability", "image")];

/// Misspellings in AWS's listing, and words that AWS varies.
const RESPELLED: &[(&str, &str)] = &[("8x7bb", "8x7b"), ("embeddings", "embed")];

/// What a name says about a model, with spelling normalised.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LabelIdentity {
    /// Family, version and variant words, sorted because their order differs between ids and labels.
    words: Vec<String>,
    /// Parameter counts such as `70b`, `a22b`, `8x7b`, sorted.
    sizes: Vec<String>,
}

/// How a label relates to a model's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kinship {
    /// The same model.
    Same,
    /// The same family, version and variant, but one of the two omits sizes.
    SameButForSize,
    /// Anything else.
    Other,
}

impl LabelIdentity {
    /// The identity that `model`'s id expresses.
    pub(super) fn of_model(model: &ModelId) -> Self {
        let provider = model.provider().unwrap_or_default();
        let stem = model.stem();
        let name = stem.split_once('.').map_or(stem.as_str(), |(_, name)| name);
        let words = name.split(['-', '_']).filter(|w| !is_date(w)).flat_map(split_word);
        let mut joined: Vec<String> = Vec::new();
        for word in words {
            // `3-5` becomes 3.5, and `v3-5` becomes v3.5.
            let number = |w: &str| !w.is_empty() && w.len() <= 2 && w.bytes().all(|b| b.is_ascii_digit());
            match joined.last_mut() {
                Some(last) if number(&word) && number(last.trim_start_matches('v')) => {
                    last.push('.');
                    last.push_str(&word);
                }
                _ => joined.push(word),
            }
        }
        Self::new(joined, provider)
    }

    /// The identity that `label` expresses, for a model of `provider`.
    pub(super) fn of_label(label: &str, provider: &str) -> Self {
        Self::new(
            label.to_ascii_lowercase().split([' ', '-', '_', '(', ')', ',']).flat_map(split_word).collect(),
            provider,
        )
    }

    fn new(mut words: Vec<String>, provider: &str) -> Self {
        strip_provider(&mut words, provider);
        let filler =
            |w: &String| FILLERS.contains(&w.as_str()) || PROVIDER_FILLERS.contains(&(provider, w.as_str()));
        words.retain(|w| !w.is_empty() && !filler(w));
        for word in &mut words {
            *word = even(word);
        }
        words.sort_unstable();
        let (sizes, words) = words.into_iter().partition(|w| is_size(w));
        Self { words, sizes }
    }

    /// A quick check that rules out most labels: whether `text` contains every word of letters. A matching label
    /// contains them unchanged.
    pub(super) fn may_be_in(&self, text: &str) -> bool {
        let is_of_letters = |word: &&String| word.bytes().all(|b| b.is_ascii_lowercase());
        self.words.iter().filter(is_of_letters).all(|word| holds(text, word))
    }

    pub(super) fn kinship(&self, other: &Self) -> Kinship {
        if self.words != other.words {
            return Kinship::Other;
        }
        let within = |a: &Vec<String>, b: &Vec<String>| a.iter().all(|s| b.contains(s));
        if self.sizes == other.sizes {
            if self == &Self::default() { Kinship::Other } else { Kinship::Same }
        } else if self.words.is_empty() {
            // The whole identity of `Mistral 7B` is its size.
            Kinship::Other
        } else if within(&self.sizes, &other.sizes) || within(&other.sizes, &self.sizes) {
            Kinship::SameButForSize
        } else {
            Kinship::Other
        }
    }
}

/// Whether `text` contains `lower`, ignoring case.
fn holds(text: &str, lower: &str) -> bool {
    let Some(first) = lower.bytes().next() else { return true };
    let text = text.as_bytes();
    let is_it =
        |at: usize| text.get(at..at + lower.len()).is_some_and(|t| t.eq_ignore_ascii_case(lower.as_bytes()));
    memchr::memchr2_iter(first, first.to_ascii_uppercase(), text).any(is_it)
}

/// The exceptional labels of `model`; empty for most models.
pub(super) fn known_labels(model: &ModelId) -> &'static [&'static str] {
    let stem = model.stem();
    EXCEPTIONS.iter().find(|(s, _)| *s == stem).map_or(&[], |(_, labels)| labels)
}

/// The stems with exceptional labels.
#[cfg(test)]
pub(super) fn stems() -> impl Iterator<Item = &'static str> {
    EXCEPTIONS.iter().map(|(stem, _)| *stem)
}

/// `llama3` → `llama`, `3`. Sizes and versions stay whole.
fn split_word(word: &str) -> Vec<String> {
    let letters = word.bytes().take_while(u8::is_ascii_lowercase).count();
    let (head, tail) = word.split_at_checked(letters).unwrap_or((word, ""));
    let is_number = tail.starts_with(|c: char| c.is_ascii_digit())
        && tail.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if letters > 0 && head != "v" && is_number {
        vec![head.to_owned(), tail.to_owned()]
    } else {
        vec![word.to_owned()]
    }
}

/// Removes the provider's name from the front, in any spelling: `Twelve Labs`, `Moonshot AI`, `Z.ai`, or twice as in
/// `Mistral AI Mistral Large`.
fn strip_provider(words: &mut Vec<String>, provider: &str) {
    let squashed = |w: &[String]| w.concat().replace('.', "");
    let named = |text: &str| {
        text == provider || text.strip_prefix(provider).is_some_and(|rest| rest == "ai" || rest == "labs")
    };
    while let Some(count) =
        (1..=3.min(words.len())).rev().find(|n| words.get(..*n).is_some_and(|w| named(&squashed(w))))
    {
        if count == words.len() {
            return;
        }
        words.drain(..count);
    }
}

/// `3.0` → `3`, `25.02` → `2502`, and known misspellings corrected.
fn even(word: &str) -> String {
    if let Some((_, right)) = RESPELLED.iter().find(|(wrong, _)| *wrong == word) {
        return (*right).to_owned();
    }
    let two_digits = |n: &str| n.len() == 2 && n.bytes().all(|b| b.is_ascii_digit());
    match word.split_once('.') {
        Some((major, "0")) => major.to_owned(),
        Some((year, month)) if two_digits(year) && two_digits(month) => format!("{year}{month}"),
        _ => word.to_owned(),
    }
}

/// Whether `word` is a size: `70b`, `a22b`, `e2b`, `8x7b`, `1.5b`.
fn is_size(word: &str) -> bool {
    let Some(count) = word.strip_suffix('b') else { return false };
    let count = count.strip_prefix(['a', 'e']).unwrap_or(count);
    count.starts_with(|c: char| c.is_ascii_digit())
        && count.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b'x')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinship(id: &str, label: &str) -> Kinship {
        let model = ModelId::parse(id).unwrap();
        let provider = model.provider().unwrap().to_owned();
        let wanted = LabelIdentity::of_model(&model);
        let kinship = wanted.kinship(&LabelIdentity::of_label(label, &provider));
        assert!(kinship == Kinship::Other || wanted.may_be_in(label), "a quick no to {label}");
        kinship
    }

    #[test]
    fn spelling_is_evened_out() {
        for (id, label) in [
            ("us.anthropic.claude-3-5-sonnet-20241022-v2:0", "Anthropic Claude 3.5 Sonnet V2"),
            ("anthropic.claude-opus-4-6-v1", "Anthropic Claude Opus 4.6 V1"),
            ("anthropic.claude-haiku-4-5-20251001-v1:0:200k", "Anthropic Claude Haiku 4.5"),
            ("meta.llama3-1-70b-instruct-v1:0", "Meta Llama 3.1 70B Instruct"),
            ("mistral.mixtral-8x7b-instruct-v0:1", "Mistral AI Mixtral 8X7BB Instruct"),
            ("mistral.pixtral-large-2502-v1:0", "Mistral Pixtral Large 25.02 V1"),
            ("mistral.ministral-3-8b-instruct", "Ministral 8B 3.0"),
            ("twelvelabs.marengo-embed-3-0-v1:0", "TwelveLabs Marengo Embed 3.0"),
            ("stability.stable-creative-upscale-v1:0", "Stable Image Creative Upscale"),
            ("zai.glm-4.7-flash", "Z.ai GLM-4.7 Flash"),
            ("moonshotai.kimi-k2.5", "Moonshot AI Kimi K2.5"),
            ("deepseek.v3.2", "DeepSeek V3.2"),
            ("minimax.minimax-m2.1", "Minimax M2.1"),
            ("xai.grok-4.7", "xAI Grok 4.7"),
            ("mistral.mistral-7b-instruct-v0:2", "Mistral AI Mistral 7B Instruct"),
        ] {
            assert_eq!(kinship(id, label), Kinship::Same, "{id} / {label}");
        }
    }

    #[test]
    fn what_is_respelled_stands_in_what_is_written() {
        for (wrong, right) in RESPELLED {
            assert!(wrong.contains(right), "{wrong}: `may_be_in` would pass over it");
        }
    }

    #[test]
    fn near_neighbours_are_other_models() {
        for (id, label) in [
            ("anthropic.claude-3-5-sonnet-20240620-v1:0", "Anthropic Claude 3.5 Sonnet V2"),
            ("anthropic.claude-3-5-sonnet-20241022-v2:0", "Anthropic Claude 3.5 Sonnet"),
            ("anthropic.claude-opus-5", "Anthropic Claude Opus 5.5"),
            ("cohere.command-r-v1:0", "Cohere Command R Plus"),
            ("minimax.minimax-m2", "Minimax M2.1"),
            ("zai.glm-4.7", "Z.ai GLM-4.7 Flash"),
            ("twelvelabs.pegasus-1-5-v1:0", "Twelve Labs Pegasus"),
            ("meta.llama3-70b-instruct-v1:0", "Meta Llama 3 8B Instruct"),
            ("mistral.mistral-large-2407-v1:0", "Mistral Large"),
        ] {
            assert_eq!(kinship(id, label), Kinship::Other, "{id} / {label}");
        }
    }

    #[test]
    fn a_size_left_out_is_told_apart_from_a_size_that_differs() {
        assert_eq!(
            kinship("meta.llama4-scout-17b-instruct-v1:0", "Meta Llama 4 Scout V1"),
            Kinship::SameButForSize
        );
        assert_eq!(
            kinship("nvidia.nemotron-super-3-120b", "NVIDIA Nemotron 3 Super 120B A12B"),
            Kinship::SameButForSize
        );
        assert_eq!(kinship("google.gemma-3-12b-it", "Gemma 3 27B"), Kinship::Other);
    }
}
