//! Finds the quota that a call counts against, or says why none was found.
//!
//! Invariant: A wrong quota is worse than none. Two candidates, or a label that does not match exactly, mean no match.

pub mod difference;
pub mod feature;
pub mod record;
pub mod reference;
pub mod request;
mod catalog;
mod label;
mod name;

use std::collections::{HashMap, HashSet};

use crate::ids::QuotaService;
use crate::model::{ModelId, ModelKind};
pub use crate::quota::catalog::{Catalog, CatalogError, Quota};
use crate::quota::label::{Kinship, LabelIdentity};
pub(crate) use crate::quota::name::CROSS_MODEL_PER_DAY;
use crate::quota::name::looks_like_inference;
pub use crate::quota::name::{Limit, QuotaName, Variant};
use crate::wire_enum::wire_enum;

wire_enum! {
    /// The result of looking for a quota.
    pub enum Verdict {
        /// Exactly one quota fits.
        Matched = "matched",
        /// The model is known but has no quota of this scope, limit and variant.
        NoSuchQuota = "no-such-quota",
        /// More than one quota fits.
        Ambiguous = "ambiguous",
        /// An application inference profile. `GetInferenceProfile` must resolve its model first.
        UnresolvedProfile = "unresolved-profile",
        /// No quota in the catalogue is labelled with this model.
        UnknownModel = "unknown-model",
    }
}

/// The result of [`find`].
#[derive(Clone, Debug, PartialEq)]
pub struct QuotaMatch {
    /// The verdict.
    pub verdict: Verdict,
    /// The quota, if exactly one fits.
    pub quota: Option<Quota>,
    /// If there is no match, up to eight near quotas: the same model in another scope or limit, or all that fit.
    pub candidates: Vec<Quota>,
    /// The reason, as one sentence for a person.
    pub reason: String,
}

const MOST_CANDIDATES: usize = 8;

/// Finds the quota that calls of `model` count against.
///
/// ```
/// use bedrock_remediator::model::ModelId;
/// use bedrock_remediator::quota::{find, Catalog, Limit, Variant};
///
/// let model = ModelId::parse("us.amazon.nova-lite-v1:0").unwrap();
/// let found = find(Catalog::built_in(), &model, Limit::TokensPerMinute, Variant::Standard);
/// assert_eq!(found.quota.unwrap().name, "Cross-region model inference tokens per minute for Amazon Nova Lite");
/// ```
pub fn find(catalog: &Catalog, model: &ModelId, limit: Limit, variant: Variant) -> QuotaMatch {
    if let Some(refusal) = refuse_kind(model) {
        return refusal;
    }
    let mut family = labelled_quotas(catalog, model);
    // Near quotas are listed in this order: the same limit first, then the same scope.
    family.sort_by_key(|(name, _)| (name.limit != limit, !name.serves(model), name.variant != variant));
    let fits = |(name, _): &&(QuotaName<'_>, &Quota)| {
        name.limit == limit && name.variant == variant && name.serves(model)
    };
    let quotas = |list: &[&(QuotaName<'_>, &Quota)]| -> Vec<Quota> {
        list.iter().map(|(_, q)| (*q).clone()).take(MOST_CANDIDATES).collect()
    };
    let fitting: Vec<_> = family.iter().filter(fits).collect();
    let what = format!("{limit} of {}", scope_words(model, variant));
    match fitting.as_slice() {
        [(_, one)] => QuotaMatch {
            verdict: Verdict::Matched,
            quota: Some((*one).clone()),
            candidates: Vec::new(),
            reason: format!("`{model}` counts against `{}`", one.name),
        },
        [] if family.is_empty() => QuotaMatch {
            verdict: Verdict::UnknownModel,
            quota: None,
            candidates: Vec::new(),
            reason: format!("no quota of Bedrock is labelled with the model `{}`", model.base()),
        },
        [] => QuotaMatch {
            verdict: Verdict::NoSuchQuota,
            quota: None,
            candidates: quotas(&family.iter().collect::<Vec<_>>()),
            reason: format!("`{}` has no quota on {what} in Service Quotas", model.base()),
        },
        several => QuotaMatch {
            verdict: Verdict::Ambiguous,
            quota: None,
            candidates: quotas(several),
            reason: format!("{} quotas could be meant by {what} for `{}`", several.len(), model.base()),
        },
    }
}

/// The tokens-per-minute quota of `model`'s geographic profiles; `None` if there is no single match. AWS documents that
/// it raises this quota first, also to raise quotas that are not adjustable themselves.
/// See <https://docs.aws.amazon.com/bedrock/latest/userguide/quotas-increase.html>.
pub fn cross_region_tokens(catalog: &Catalog, model: &ModelId) -> Option<Quota> {
    let profile = ModelId::parse(&format!("us.{}", model.base()))?;
    find(catalog, &profile, Limit::TokensPerMinute, Variant::Standard).quota
}

/// The account's daily limit over all models; `None` if the catalogue does not list it.
pub fn cross_model_per_day(catalog: &Catalog) -> Option<&Quota> {
    catalog.quotas().iter().find(|q| q.name == CROSS_MODEL_PER_DAY)
}

/// How many inference quotas of a listing this crate understands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readable {
    /// The number of names that parse.
    pub read: usize,
    /// Names that seem to be inference quotas, by their wording or their code, but do not parse. Their wording is newer
    /// than this code.
    pub unread: Vec<String>,
}

impl Readable {
    /// Checks `listing`. A quota that does not parse counts as an inference quota if its name mentions tokens or
    /// requests per minute or day, or if its code, which is the same in every account, is an inference quota in the
    /// built-in catalogue.
    pub fn of(listing: &Catalog) -> Self {
        let reads = |name: &str| name == CROSS_MODEL_PER_DAY || QuotaName::parse(name).is_some();
        let known: HashSet<_> =
            Catalog::built_in().quotas().iter().filter(|q| reads(&q.name)).map(|q| &q.code).collect();
        let mut readable = Self::default();
        for quota in listing.quotas() {
            if reads(&quota.name) {
                readable.read += 1;
            } else if looks_like_inference(&quota.name) || known.contains(&quota.code) {
                readable.unread.push(quota.name.clone());
            }
        }
        readable
    }

    /// The number of inference quotas in the listing.
    pub fn all(&self) -> usize {
        self.read + self.unread.len()
    }
}

fn refuse_kind(model: &ModelId) -> Option<QuotaMatch> {
    let (verdict, reason) = match model.kind() {
        ModelKind::Foundation | ModelKind::Geographic | ModelKind::Global => return None,
        ModelKind::ApplicationProfile => (
            Verdict::UnresolvedProfile,
            format!(
                "the application inference profile `{model}` names no model; `bedrock:GetInferenceProfile` tells which it stands for"
            ),
        ),
        ModelKind::Provisioned => (
            Verdict::NoSuchQuota,
            format!("`{model}` is provisioned throughput: its rate is what was bought, not a quota"),
        ),
        ModelKind::Custom | ModelKind::Imported => (
            Verdict::NoSuchQuota,
            format!(
                "`{model}` is a model of the account's own; the inference quotas of foundation models do not apply"
            ),
        ),
        ModelKind::Router => {
            (Verdict::NoSuchQuota, format!("`{model}` is a prompt router; the model it picked has the quota"))
        }
    };
    Some(QuotaMatch { verdict, quota: None, candidates: Vec::new(), reason })
}

/// Every inference quota whose label means `model`, of any scope, limit and variant.
fn labelled_quotas<'c>(catalog: &'c Catalog, model: &ModelId) -> Vec<(QuotaName<'c>, &'c Quota)> {
    let provider = model.provider().unwrap_or_default();
    let known = label::known_labels(model);
    let wanted = LabelIdentity::of_model(model);
    let named = |q: &'c Quota| Some((QuotaName::parse(&q.name)?, q));
    // Another service's quota is never a model's, whatever its name.
    let quotas = catalog.quotas().iter().filter(|q| q.code.service() == QuotaService::Bedrock);

    if !known.is_empty() {
        let is_known = |name: &QuotaName<'_>| known.iter().any(|l| l.eq_ignore_ascii_case(name.label));
        let by_heart: Vec<_> = quotas.clone().filter_map(named).filter(|(name, _)| is_known(name)).collect();
        if !by_heart.is_empty() {
            return by_heart;
        }
    }
    // Several quotas have the same label, so each label is compared once.
    let mut labels: HashMap<&str, (Kinship, LabelIdentity)> = HashMap::new();
    let mut same = Vec::new();
    let mut but_for_size: Vec<(LabelIdentity, (QuotaName<'_>, &Quota))> = Vec::new();
    for (name, quota) in quotas.filter(|q| wanted.may_be_in(&q.name)).filter_map(named) {
        let (kinship, identity) = labels.entry(name.label).or_insert_with(|| {
            let identity = LabelIdentity::of_label(name.label, provider);
            (wanted.kinship(&identity), identity)
        });
        match kinship {
            Kinship::Same => same.push((name, quota)),
            Kinship::SameButForSize => but_for_size.push((identity.clone(), (name, quota))),
            Kinship::Other => {}
        }
    }
    if !same.is_empty() {
        return same;
    }
    // A label that differs only in size counts only if it is the only such label.
    let one_label = but_for_size.windows(2).all(|pair| matches!(pair, [(a, _), (b, _)] if a == b));
    if one_label { but_for_size.into_iter().map(|(_, q)| q).collect() } else { Vec::new() }
}

fn scope_words(model: &ModelId, variant: Variant) -> String {
    let scope = match model.kind() {
        ModelKind::Geographic => "cross-Region inference",
        ModelKind::Global => "global cross-Region inference",
        _ => "on-demand inference",
    };
    match variant {
        Variant::Standard => scope.to_owned(),
        Variant::LongContext => format!("{scope} with 1M context"),
        Variant::LatencyOptimized => format!("latency-optimized {scope}"),
        Variant::Mantle => "the bedrock-mantle endpoint".to_owned(),
        Variant::Reserved => format!("reserved {scope}"),
    }
}

/// The limit's unit.
pub(crate) const fn unit(limit: Limit) -> &'static str {
    match limit {
        Limit::RequestsPerMinute => "requests per minute",
        Limit::TokensPerMinute => "tokens per minute",
        Limit::TokensPerDay => "tokens per day",
        Limit::InputTokensPerMinute => "input tokens per minute",
        Limit::OutputTokensPerMinute => "output tokens per minute",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::ids::QuotaCode;

    fn found(id: &str, limit: Limit) -> QuotaMatch {
        find(Catalog::built_in(), &ModelId::parse(id).unwrap(), limit, Variant::Standard)
    }

    /// `name` in the wording of AWS's User Guide.
    fn in_the_guides_words(name: &str) -> String {
        let name = name.replace("model inference", "InvokeModel").replace("Cross-region", "Cross-Region");
        let name = name.replace("[bedrock-mantle endpoint] Input", "Bedrock Mantle input");
        name.replace("[bedrock-mantle endpoint] Output", "Bedrock Mantle output")
    }

    /// A model for every inference quota of the built-in listing: an id built from the quota's label, or one whose
    /// label is an exception.
    fn resolving() -> Vec<(ModelId, Limit, Variant, QuotaCode)> {
        const PROVIDERS: &[&str] = &[
            "ai21",
            "amazon",
            "anthropic",
            "cohere",
            "deepseek",
            "google",
            "meta",
            "minimax",
            "mistral",
            "moonshotai",
            "nvidia",
            "openai",
            "qwen",
            "stability",
            "twelvelabs",
            "writer",
            "xai",
            "zai",
        ];
        let listing = Catalog::built_in();
        let names = listing.quotas().iter().filter_map(|q| QuotaName::parse(&q.name));
        let labels: BTreeSet<String> = names.map(|name| name.label.to_ascii_lowercase()).collect();
        let made = labels.iter().flat_map(|label| {
            let name = label.replace([' ', '(', ')'], "-");
            let begins = |of: &&&str| label.replace([' ', '.'], "").starts_with(**of);
            let own: Vec<_> = PROVIDERS.iter().filter(begins).collect();
            let of = if own.is_empty() { PROVIDERS.iter().collect() } else { own };
            of.into_iter().map(move |of| format!("{of}.{name}")).collect::<Vec<_>>()
        });
        let ids: Vec<String> = label::stems().map(str::to_owned).chain(made).collect();
        let mut found: BTreeMap<QuotaCode, (ModelId, Limit, Variant, QuotaCode)> = BTreeMap::new();
        for model in ids.iter().filter_map(|id| ModelId::parse(id)) {
            for (name, quota) in labelled_quotas(listing, &model) {
                let scope = ["", "us.", "global."].into_iter().find_map(|scope| {
                    ModelId::parse(&format!("{scope}{model}")).filter(|model| name.serves(model))
                });
                let Some(model) = scope.filter(|_| !found.contains_key(&quota.code)) else { continue };
                if find(listing, &model, name.limit, name.variant).quota.as_ref() == Some(quota) {
                    found.insert(quota.code.clone(), (model, name.limit, name.variant, quota.code.clone()));
                }
            }
        }
        found.into_values().collect()
    }

    #[test]
    fn both_wordings_lead_to_the_same_quotas_alone_and_mixed() {
        let listing = Catalog::built_in();
        let reworded = |q: &Quota| Quota { name: in_the_guides_words(&q.name), ..q.clone() };
        let guide = Catalog::new(listing.quotas().iter().map(reworded));
        let differ = guide.quotas().iter().filter(|q| listing.get(&q.code).unwrap().name != q.name);
        assert!(differ.count() > 300);
        // Rewords every second name, and lists every quota twice under its code.
        let in_turn = listing.quotas().iter().enumerate();
        let mixed = Catalog::new(in_turn.map(|(n, q)| if n % 2 == 0 { q.clone() } else { reworded(q) }));
        let twice = Catalog::new(listing.quotas().iter().flat_map(|q| [q.clone(), reworded(q)]));
        let resolving = resolving();
        for (model, limit, variant, code) in &resolving {
            for other in [&guide, &mixed, &twice] {
                let found = find(other, model, *limit, *variant);
                assert_eq!(found.quota.map(|q| q.code).as_ref(), Some(code), "{model} {limit} {variant}");
            }
        }
        let all = Readable::of(listing).read;
        assert!(resolving.len() * 10 > all * 9, "{} of {all}", resolving.len());
    }

    #[test]
    fn a_listing_tells_how_much_of_it_reads() {
        let all = Readable::of(Catalog::built_in());
        assert!(all.read > 350 && all.unread.is_empty(), "{all:?}");
        // Unknown wording, once for a known code and once for an unknown one.
        let listing = Catalog::parse(
            "L-00000001\tA\t\tTokens per minute through any profile of Claude Opus 9\n\
             L-00000002\tA\t\tAgents per account\n\
             L-F4DDD3EB\tA\t\tThroughput of Amazon Nova Lite\n\
             L-00000003\tA\t\tCross-Region InvokeModel tokens per minute for Claude Opus 9\n",
        )
        .unwrap();
        let some = Readable::of(&listing);
        assert_eq!((some.read, some.all()), (1, 3));
        assert_eq!(
            some.unread,
            ["Throughput of Amazon Nova Lite", "Tokens per minute through any profile of Claude Opus 9"]
        );
    }

    #[test]
    fn each_scope_has_its_own_quota() {
        let name = |id| found(id, Limit::TokensPerMinute).quota.unwrap().name;
        let model = "anthropic.claude-sonnet-4-6";
        assert_eq!(
            name(model),
            "On-demand model inference tokens per minute for Anthropic Claude Sonnet 4.6"
        );
        assert_eq!(
            name("us-gov.anthropic.claude-sonnet-4-6"),
            "Cross-region model inference tokens per minute for Anthropic Claude Sonnet 4.6"
        );
        assert_eq!(
            name("global.anthropic.claude-sonnet-4-6"),
            "Global cross-region model inference tokens per minute for Anthropic Claude Sonnet 4.6"
        );
    }

    #[test]
    fn a_refusal_says_why_and_what_was_near() {
        let no_rpm = found("us.anthropic.claude-opus-5", Limit::RequestsPerMinute);
        assert_eq!(no_rpm.verdict, Verdict::NoSuchQuota);
        assert!(
            no_rpm
                .candidates
                .iter()
                .any(|q| q.name.contains("tokens per minute for Anthropic Claude Opus 5"))
        );

        assert_eq!(
            found("twelvelabs.pegasus-9-9-v1:0", Limit::RequestsPerMinute).verdict,
            Verdict::UnknownModel
        );
        assert_eq!(found("a1b2c3d4e5f6", Limit::RequestsPerMinute).verdict, Verdict::UnresolvedProfile);
    }

    #[test]
    fn a_model_newer_than_the_catalogue_is_found_in_a_newer_listing() {
        let listing = Catalog::parse(
            "L-00000001\tA\t\tCross-region model inference tokens per minute for xAI Grok 9.1\n\
             L-00000002\tA\t\tCross-region model inference tokens per minute for xAI Grok 9\n",
        )
        .unwrap();
        let model = ModelId::parse("us.xai.grok-9.1").unwrap();
        let found = find(&listing, &model, Limit::TokensPerMinute, Variant::Standard);
        assert_eq!(found.quota.unwrap().code.as_str(), "L-00000001");
    }

    #[test]
    fn two_labels_that_differ_only_in_size_are_not_chosen_between() {
        let listing = Catalog::parse(
            "L-00000001\tA\t\tOn-demand model inference tokens per minute for Gemma 9 12B\n\
             L-00000002\tA\t\tOn-demand model inference tokens per minute for Gemma 9 27B\n",
        )
        .unwrap();
        let model = ModelId::parse("google.gemma-9-it").unwrap();
        let found = find(&listing, &model, Limit::TokensPerMinute, Variant::Standard);
        assert_eq!((found.verdict, found.quota), (Verdict::UnknownModel, None));
    }
}
