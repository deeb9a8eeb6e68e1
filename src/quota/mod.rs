//! Which quota a call counts against: the one that fits, or a refusal that says why.
//!
//! One law: a wrong quota is worse than none. Two candidates, or a label that does not match
//! exactly, is a refusal.

mod catalog;
mod label;
mod name;

use std::collections::HashMap;

pub use catalog::{Catalog, CatalogError, Quota};
use label::{Identity, Kinship};
pub(crate) use name::CROSS_MODEL_PER_DAY;
pub use name::{Limit, QuotaName, Variant};

use crate::model::{ModelId, ModelKind};
use crate::words::words;

words! {
    /// What came of looking for a quota.
    Verdict {
        /// Exactly one quota fits.
        Matched = "matched",
        /// The model is known, but has no quota of this scope, limit and variant.
        NoSuchQuota = "no-such-quota",
        /// More than one quota could be meant.
        Ambiguous = "ambiguous",
        /// An application inference profile: ask `GetInferenceProfile` for its model first.
        UnresolvedProfile = "unresolved-profile",
        /// No quota of the catalogue is labelled with this model.
        UnknownModel = "unknown-model",
    }
}

/// The answer of [`find`].
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// What came of it.
    pub verdict: Verdict,
    /// The quota, when exactly one fits.
    pub quota: Option<Quota>,
    /// On a refusal, quotas that were near: the same model in another scope or limit, or the several
    /// that fit. At most eight.
    pub candidates: Vec<Quota>,
    /// One sentence for a person.
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
pub fn find(catalog: &Catalog, model: &ModelId, limit: Limit, variant: Variant) -> Found {
    if let Some(refusal) = refuse_kind(model) {
        return refusal;
    }
    let mut family = labelled_quotas(catalog, model);
    // On a refusal the nearest come first: the same limit, then the same scope.
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
        [(_, one)] => Found {
            verdict: Verdict::Matched,
            quota: Some((*one).clone()),
            candidates: Vec::new(),
            reason: format!("`{model}` counts against `{}`", one.name),
        },
        [] if family.is_empty() => Found {
            verdict: Verdict::UnknownModel,
            quota: None,
            candidates: Vec::new(),
            reason: format!("no quota of Bedrock is labelled with the model `{}`", model.base()),
        },
        [] => Found {
            verdict: Verdict::NoSuchQuota,
            quota: None,
            candidates: quotas(&family.iter().collect::<Vec<_>>()),
            reason: format!("`{}` has no quota on {what} in Service Quotas", model.base()),
        },
        several => Found {
            verdict: Verdict::Ambiguous,
            quota: None,
            candidates: quotas(several),
            reason: format!("{} quotas could be meant by {what} for `{}`", several.len(), model.base()),
        },
    }
}

/// The tokens-per-minute quota of `model`'s geographic profiles, which AWS raises first: the documented
/// route for quotas that are not adjustable themselves.
/// See <https://docs.aws.amazon.com/bedrock/latest/userguide/quotas-increase.html>.
pub fn cross_region_tokens(catalog: &Catalog, model: &ModelId) -> Option<Quota> {
    let profile = ModelId::parse(&format!("us.{}", model.base()))?;
    find(catalog, &profile, Limit::TokensPerMinute, Variant::Standard).quota
}

/// The account's one daily limit over all models, if the catalogue lists it.
pub fn cross_model_per_day(catalog: &Catalog) -> Option<&Quota> {
    catalog.quotas().iter().find(|q| q.name == CROSS_MODEL_PER_DAY)
}

fn refuse_kind(model: &ModelId) -> Option<Found> {
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
    Some(Found { verdict, quota: None, candidates: Vec::new(), reason })
}

/// Every inference quota whose label means `model`, in any scope, limit and variant.
fn labelled_quotas<'c>(catalog: &'c Catalog, model: &ModelId) -> Vec<(QuotaName<'c>, &'c Quota)> {
    let provider = model.provider().unwrap_or_default();
    let known = label::known_labels(model);
    let wanted = Identity::of_model(model);
    let named = |q: &'c Quota| Some((QuotaName::parse(&q.name)?, q));
    let quotas = catalog.quotas().iter();

    if !known.is_empty() {
        let is_known = |name: &QuotaName<'_>| known.iter().any(|l| l.eq_ignore_ascii_case(name.label));
        let by_heart: Vec<_> = quotas.clone().filter_map(named).filter(|(name, _)| is_known(name)).collect();
        if !by_heart.is_empty() {
            return by_heart;
        }
    }
    // A model's label stands in the names of several quotas.
    let mut labels: HashMap<&str, (Kinship, Identity)> = HashMap::new();
    let mut same = Vec::new();
    let mut but_for_size: Vec<(Identity, (QuotaName<'_>, &Quota))> = Vec::new();
    for (name, quota) in quotas.filter(|q| wanted.may_be_in(&q.name)).filter_map(named) {
        let (kinship, identity) = labels.entry(name.label).or_insert_with(|| {
            let identity = Identity::of_label(name.label, provider);
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
    // A size may be left out only where that leaves one label to choose from.
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
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(id: &str, limit: Limit) -> Found {
        find(Catalog::built_in(), &ModelId::parse(id).unwrap(), limit, Variant::Standard)
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
