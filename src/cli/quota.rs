//! `quota`: finds the quotas of models.

use std::path::PathBuf;

use anyhow::Context as _;
use bedrock_remediator::model::ModelId;
use bedrock_remediator::quota::{
    Catalog, Limit, Quota, QuotaMatch, Variant, Verdict, cross_model_per_day, find,
};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cli::outcome::CommandOutcome;
use crate::cli::print;

/// Find the quota that a model's calls count against
///
/// With MODEL_ID, prints the quotas that apply. Without it, reads {"id", "model_id", "limit", "variant"} from
/// standard input, one object a line, and writes {"id", "quota_code", "quota_name", "adjustable", "verdict",
/// "candidates", "reason", "source"}. A null quota_code is a refusal. "source" says where "adjustable" comes
/// from: "public-listing" or "catalog-file". Calls no AWS account.
#[derive(clap::Args)]
pub(crate) struct QuotaArgs {
    /// Model id, inference profile id or ARN
    model_id: Option<String>,
    /// Show only this limit
    #[arg(long, requires = "model_id", value_parser = words(Limit::ALL, Limit::as_str))]
    limit: Option<Limit>,
    /// Show only this variant of inference
    #[arg(long, requires = "model_id", value_parser = words(Variant::ALL, Variant::as_str))]
    variant: Option<Variant>,
    /// Output of `aws service-quotas list-service-quotas --service-code bedrock --output json`
    /// (default: the built-in catalogue)
    #[arg(long, value_name = "FILE")]
    catalog: Option<PathBuf>,
}

/// Where quotas are looked up. An account may have other values, and may be able to raise a quota that the
/// public listing calls not adjustable.
#[derive(Clone, Copy)]
enum OriginArg {
    /// The built-in catalogue, made from AWS's public listing.
    PublicListing,
    /// A listing that the user saved.
    CatalogFile,
}

impl OriginArg {
    /// The word in JSON.
    const fn as_str(self) -> &'static str {
        match self {
            Self::PublicListing => "public-listing",
            Self::CatalogFile => "catalog-file",
        }
    }

    /// The phrase in human-readable output.
    const fn by(self) -> &'static str {
        match self {
            Self::PublicListing => "by the public listing",
            Self::CatalogFile => "by the catalog file",
        }
    }
}

/// Parses one of `all` by its word.
fn words<T: Copy + Send + Sync>(
    all: &'static [T],
    word: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T> {
    let possible = PossibleValuesParser::new(all.iter().map(|v| word(*v)));
    possible.try_map(move |text| all.iter().copied().find(|v| word(*v) == text).ok_or("no such word"))
}

#[derive(Deserialize)]
struct QuotaQuery {
    #[serde(default)]
    id: Value,
    model_id: String,
    limit: String,
    #[serde(default)]
    variant: Option<String>,
}

pub(crate) fn run(args: &QuotaArgs) -> anyhow::Result<CommandOutcome> {
    let read;
    let (catalog, origin) = match &args.catalog {
        None => (Catalog::built_in(), OriginArg::PublicListing),
        Some(path) => {
            let name = path.display();
            let text = std::fs::read_to_string(path).with_context(|| format!("cannot read `{name}`"))?;
            read = Catalog::from_listing(&text).with_context(|| format!("cannot use `{name}`"))?;
            (&read, OriginArg::CatalogFile)
        }
    };
    match &args.model_id {
        Some(model) => Ok(for_a_person(catalog, origin, model, args.limit, args.variant)),
        None => print::answer_lines(std::io::stdin().lock(), |line| answer(catalog, origin, line)),
    }
}

fn answer(catalog: &Catalog, origin: OriginArg, line: Value) -> Result<Value, String> {
    let query: QuotaQuery = serde_json::from_value(line).map_err(|e| e.to_string())?;
    let limit = Limit::parse(&query.limit).ok_or_else(|| format!("no such limit: `{}`", query.limit))?;
    let word = query.variant.as_deref().unwrap_or("standard");
    let variant = Variant::parse(word).ok_or_else(|| format!("no such variant: `{word}`"))?;
    let found = look(catalog, &query.model_id, limit, variant);
    Ok(json!({
        "id": query.id,
        "quota_code": found.quota.as_ref().map(|q| &q.code),
        "quota_name": found.quota.as_ref().map(|q| &q.name),
        "adjustable": found.quota.as_ref().map(|q| q.adjustable),
        "verdict": found.verdict,
        "candidates": found.candidates,
        "reason": found.reason,
        "source": origin.as_str(),
    }))
}

/// Finds the quota. `*` means the one limit across all models; text that is no model identifier is an unknown
/// model.
fn look(catalog: &Catalog, model_id: &str, limit: Limit, variant: Variant) -> QuotaMatch {
    let refusal = |verdict, reason| QuotaMatch { verdict, quota: None, candidates: Vec::new(), reason };
    if model_id == "*" {
        return match cross_model_per_day(catalog).filter(|_| limit == Limit::TokensPerDay) {
            Some(quota) => QuotaMatch {
                quota: Some(quota.clone()),
                ..refusal(Verdict::Matched, "the one daily limit over all models".to_owned())
            },
            None => refusal(Verdict::NoSuchQuota, format!("no quota on {limit} spans all models")),
        };
    }
    match ModelId::parse(model_id) {
        Some(model) => find(catalog, &model, limit, variant),
        None => refusal(Verdict::UnknownModel, format!("`{model_id}` is not a model identifier")),
    }
}

fn for_a_person(
    catalog: &Catalog,
    origin: OriginArg,
    model_id: &str,
    limit: Option<Limit>,
    variant: Option<Variant>,
) -> CommandOutcome {
    let limits = limit.map_or_else(|| Limit::ALL.to_vec(), |l| vec![l]);
    let variants = variant.map_or_else(|| Variant::ALL.to_vec(), |v| vec![v]);
    let mut matched = Vec::new();
    let mut refused = None;
    for variant in &variants {
        for limit in &limits {
            let found = look(catalog, model_id, *limit, *variant);
            match found.quota.clone() {
                Some(quota) => matched.push((*limit, *variant, quota)),
                None => refused = refused.or(Some(found)),
            }
        }
    }
    for (limit, variant, quota) in &matched {
        let way = if *variant == Variant::Standard { String::new() } else { format!(", {variant}") };
        anstream::println!("{}{way}", print::styled(limit, print::BOLD));
        describe(quota, origin);
    }
    let Some(refusal) = refused.filter(|_| matched.is_empty()) else { return CommandOutcome::AllAnswered };
    anstream::println!("{}", print::styled(refusal.verdict.as_str(), print::WARN));
    anstream::println!("{}", print::filled(&refusal.reason, "  "));
    for quota in &refusal.candidates {
        describe(quota, origin);
    }
    CommandOutcome::SomeBad
}

fn describe(quota: &Quota, origin: OriginArg) {
    anstream::println!("{}", print::filled(&quota.name, "  "));
    let adjustable = if quota.adjustable { "adjustable" } else { "not adjustable" };
    let value = quota.value.map(|v| format!(", {v}")).unwrap_or_default();
    let said = format!("{}, {adjustable}{value} {}", quota.code, origin.by());
    anstream::println!("  {}", print::styled(said, print::DIM));
}
