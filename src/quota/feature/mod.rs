//! Quotas that are not about a model's inference: of guardrails, knowledge bases, flows, agents, jobs, provisioned
//! throughput, custom models, and of `AgentCore`.
//!
//! Invariant: An error means one row of the tables or several, and never the nearest. Several rows are ambiguous.

mod agent_core;
mod bedrock;
mod row;

use std::borrow::Cow;

use crate::model::ModelId;
use crate::quota::catalog::{Catalog, Quota};
pub use crate::quota::feature::row::{FeatureQuota, LimitKind};
use crate::quota::label::{self, Kinship, LabelIdentity};
use crate::quota::{MOST_CANDIDATES, QuotaMatch, Verdict};

/// Every row.
pub fn rows() -> impl Iterator<Item = &'static FeatureQuota> {
    bedrock::ROWS.iter().chain(agent_core::ROWS)
}

/// The row with this id; `None` if this version has none.
pub fn row(id: &str) -> Option<&'static FeatureQuota> {
    rows().find(|row| row.id == id)
}

impl FeatureQuota {
    fn has_operation(&self, operation: &str) -> bool {
        self.operations.iter().any(|known| known.eq_ignore_ascii_case(operation))
    }

    /// Whether every operation of this row has a quota of its own.
    pub(crate) fn is_per_operation(&self) -> bool {
        self.names.iter().any(|name| name.contains(OPERATION))
    }

    fn is_said(&self, message: &str) -> bool {
        self.says.iter().any(|group| group.iter().all(|phrase| message.contains(phrase)))
    }

    /// The quotas of this row in `catalog`.
    fn among<'c>(
        &self,
        catalog: &'c Catalog,
        operation: Option<&str>,
        model: Option<&ModelId>,
    ) -> Vec<&'c Quota> {
        let quotas = catalog.quotas().iter().filter(|quota| quota.code.service() == self.service);
        if !self.is_per_model {
            let names: Vec<Cow<'_, str>> = self.names.iter().map(|name| spelled(name, operation)).collect();
            return quotas.filter(|q| names.iter().any(|name| name.eq_ignore_ascii_case(&q.name))).collect();
        }
        let labelled =
            quotas.filter_map(|q| Some((self.names.iter().find_map(|n| label_in(&q.name, n))?, q)));
        model.map(|model| of_model(labelled.collect(), model)).unwrap_or_default()
    }
}

/// `name` with the operation in it, if it has a place for one.
fn spelled<'n>(name: &'n str, operation: Option<&str>) -> Cow<'n, str> {
    match operation {
        Some(operation) if name.contains(OPERATION) => Cow::Owned(name.replace(OPERATION, operation)),
        _ => Cow::Borrowed(name),
    }
}

const OPERATION: &str = "{operation}";

/// The model's label in `name`, which begins with `head`.
fn label_in<'n>(name: &'n str, head: &str) -> Option<&'n str> {
    let rest = name.get(head.len()..).filter(|_| name.is_char_boundary(head.len()))?;
    let begins = name.get(..head.len())?.eq_ignore_ascii_case(head);
    rest.strip_prefix(" for ").map(|label| label.trim_end_matches('.')).filter(|_| begins)
}

/// Labels that the model's id does not show, in the names of these quotas alone.
const LABELS: &[(&str, &str)] = &[
    ("amazon.nova-reel-v1:0", "Amazon Nova Reel1.0"),
    ("amazon.nova-reel-v1:1", "Amazon Nova Reel1.1"),
    ("anthropic.claude-sonnet-4-5-20250929-v1:0", "Sonnet 4.5"),
    ("mistral.mistral-large-2407-v1:0", "Mistral Large 2 (24.07)"),
];

/// The quotas among `labelled` whose label means `model`. A label that differs only in size counts if it is the only
/// one.
fn of_model<'c>(labelled: Vec<(&'c str, &'c Quota)>, model: &ModelId) -> Vec<&'c Quota> {
    let exceptions = LABELS.iter().filter(|(id, _)| *id == model.base()).map(|(_, label)| *label);
    let known: Vec<&str> = label::known_labels(model).iter().copied().chain(exceptions).collect();
    let is_known = |label: &str| known.iter().any(|known| known.eq_ignore_ascii_case(label));
    let by_heart: Vec<&Quota> = labelled.iter().filter(|(l, _)| is_known(l)).map(|(_, q)| *q).collect();
    if !by_heart.is_empty() {
        return by_heart;
    }
    let wanted = LabelIdentity::of_model(model);
    let provider = model.provider().unwrap_or_default();
    let (mut same, mut but_for_size) = (Vec::new(), Vec::new());
    for (label, quota) in labelled {
        let (label, size) = without_context(label);
        // A provisioned model of another context size has a quota of its own.
        if size.is_some_and(|size| !is_of_context(model, size)) {
            continue;
        }
        match wanted.kinship(&LabelIdentity::of_label(label, provider)) {
            Kinship::Same => same.push(quota),
            Kinship::SameButForSize => but_for_size.push(quota),
            Kinship::Other => {}
        }
    }
    if same.is_empty() { but_for_size } else { same }
}

/// A label without the context size at its end, and that size: `Anthropic Claude 3 Haiku 200K`.
fn without_context(label: &str) -> (&str, Option<&str>) {
    let is_size = |word: &&str| {
        word.strip_suffix(['K', 'M']).is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    };
    match label.rsplit_once(' ').filter(|(_, last)| is_size(last)) {
        Some((rest, size)) => (rest, Some(size)),
        None => (label, None),
    }
}

/// Whether `model` may have this context size. An id without a size may have any:
/// `anthropic.claude-3-haiku-20240307-v1:0:200k`.
fn is_of_context(model: &ModelId, size: &str) -> bool {
    let last = model.base().rsplit(':').next().unwrap_or_default();
    let has_size = last.ends_with(['k', 'm']) && last.starts_with(|c: char| c.is_ascii_digit());
    !has_size || last.eq_ignore_ascii_case(size)
}

/// Operations whose throttle is a model's, unless the text names another quota.
const OF_MODELS: &[&str] =
    &["StartAsyncInvoke", "InvokeModel", "RetrieveAndGenerate", "RetrieveAndGenerateStream"];

/// The codes of an error about a limit. Of calls that are not inference, only these matter, and only if the operation
/// has a row.
pub const LIMIT_CODES: [&str; 3] =
    ["ServiceQuotaExceededException", "ThrottledException", "ThrottlingException"];

/// Whether `operation` has a row, so that its errors about a limit matter.
pub fn has_limit(operation: &str) -> bool {
    rows().any(|row| row.has_operation(operation))
}

/// The rows that an error may mean: none if it is about something else. `message` is in lower case.
pub fn of_error(kind: LimitKind, operation: Option<&str>, message: &str) -> Vec<&'static FeatureQuota> {
    let by_name = named(message);
    if !by_name.is_empty() {
        return by_name;
    }
    let operation = operation.map(|name| name.strip_suffix("Command").unwrap_or(name));
    let of = |wanted| -> Vec<&'static FeatureQuota> {
        let fits = |row: &&FeatureQuota| {
            row.kind == wanted
                && operation.is_some_and(|operation| row.has_operation(operation))
                && !row.unless.iter().any(|phrase| message.contains(phrase))
        };
        rows().filter(fits).collect()
    };
    let mut rows = of(kind);
    if rows.is_empty() && kind == LimitKind::Number {
        // A used up rate is reported as an exceeded quota as well.
        rows = of(LimitKind::Rate);
    }
    let (said, rest): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.is_said(message));
    if !said.is_empty() {
        return said;
    }
    let (usual, others): (Vec<_>, Vec<_>) = rest.into_iter().partition(|row| row.says.is_empty());
    let is_models = operation.is_some_and(|o| OF_MODELS.iter().any(|known| known.eq_ignore_ascii_case(o)));
    match usual.is_empty() {
        false => usual,
        true if is_models && kind == LimitKind::Rate => Vec::new(),
        true => others,
    }
}

/// The rows whose name the message spells out. A name that is part of a longer one in the message is not meant.
fn named(message: &str) -> Vec<&'static FeatureQuota> {
    let plain = |name: &str| {
        let name = name.split_once(") ").filter(|_| name.starts_with('(')).map_or(name, |(_, name)| name);
        name.to_ascii_lowercase()
    };
    let names = rows().flat_map(|row| row.names.iter().map(move |name| (row, plain(name))));
    let spelled: Vec<(&FeatureQuota, String)> =
        names.filter(|(_, name)| message.contains(name.as_str())).collect();
    let is_whole =
        |name: &str| !spelled.iter().any(|(_, other)| other.len() > name.len() && other.contains(name));
    spelled.iter().filter(|(_, name)| is_whole(name)).map(|(row, _)| *row).collect()
}

/// The quota that `rows` stand for in `catalog`. More than one row is ambiguous, whatever the catalogue lists.
pub fn resolve(
    rows: &[&FeatureQuota],
    operation: Option<&str>,
    model: Option<&ModelId>,
    catalog: &Catalog,
) -> QuotaMatch {
    let found: Vec<&Quota> = rows.iter().flat_map(|row| row.among(catalog, operation, model)).collect();
    let names: Vec<String> =
        rows.iter().flat_map(|row| row.names).map(|name| format!("`{}`", spelled(name, operation))).collect();
    let names = names.join(", ");
    let refused = |verdict, reason| QuotaMatch {
        verdict,
        quota: None,
        candidates: found.iter().take(MOST_CANDIDATES).map(|quota| (*quota).clone()).collect(),
        reason,
    };
    match (rows, found.as_slice()) {
        ([_], [one]) => QuotaMatch {
            verdict: Verdict::Matched,
            quota: Some((*one).clone()),
            candidates: Vec::new(),
            reason: format!("the error counts against `{}`", one.name),
        },
        ([row], []) if row.is_per_model && model.is_none() => refused(
            Verdict::UnknownModel,
            format!("every model has its own quota {names}, and no model is known"),
        ),
        ([_], []) => refused(Verdict::NoSuchQuota, format!("Service Quotas lists no quota {names}")),
        _ => refused(Verdict::Ambiguous, format!("the error does not say which limit it means: {names}")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::ids::{QuotaCode, QuotaService};
    use crate::quota::QuotaName;

    fn ids(kind: LimitKind, operation: &str, message: &str) -> Vec<&'static str> {
        of_error(kind, Some(operation), message).into_iter().map(|row| row.id).collect()
    }

    /// An account that lists every row's names, one quota for each.
    fn everything() -> Catalog {
        let names: BTreeSet<String> = rows()
            .filter(|row| !row.is_per_model)
            .flat_map(|row| row.operations.iter().map(move |operation| (row, *operation)))
            .flat_map(|(row, operation)| {
                row.names.iter().map(move |name| (row, spelled(name, Some(operation))))
            })
            .map(|(row, name)| format!("{}|{name}", row.service))
            .collect();
        Catalog::new(names.iter().enumerate().map(|(n, name)| {
            let (service, name) = name.split_once('|').unwrap();
            let code = QuotaCode::of(QuotaService::parse(service).unwrap(), &format!("L-{n:08X}")).unwrap();
            Quota { code, name: name.to_owned(), adjustable: true, value: None }
        }))
    }

    #[test]
    fn every_row_of_bedrock_is_one_quota_of_the_built_in_listing_or_is_known_to_be_missing() {
        // AWS's reference names these, and the public listing behind the catalogue does not have them.
        const UNLISTED: [&str; 6] = [
            "knowledge-base-retrieve",
            "knowledge-base-retrieve-and-generate",
            "ingestion-requests",
            "ingestion-jobs-per-account",
            "ingestion-jobs-per-knowledge-base",
            "ingestion-jobs-per-data-source",
        ];
        for row in rows().filter(|row| row.service == QuotaService::Bedrock && !row.is_per_model) {
            let found = resolve(&[row], None, None, Catalog::built_in());
            let expected = if UNLISTED.contains(&row.id) { Verdict::NoSuchQuota } else { Verdict::Matched };
            assert_eq!(found.verdict, expected, "{}: {}", row.id, found.reason);
        }
    }

    #[test]
    fn every_row_is_one_quota_of_an_account_that_lists_all() {
        let listing = everything();
        for row in rows().filter(|row| !row.is_per_model) {
            for operation in row.operations {
                let found = resolve(&[row], Some(operation), None, &listing);
                assert_eq!(found.verdict, Verdict::Matched, "{} {operation}: {}", row.id, found.reason);
                assert_eq!(found.quota.unwrap().code.service(), row.service, "{}", row.id);
            }
        }
    }

    #[test]
    fn a_row_for_each_model_finds_the_models_own_quota_and_no_other() {
        for (id, model, name) in [
            (
                "batch-jobs",
                "amazon.nova-premier-v1:0",
                "Sum of in-progress and submitted batch inference jobs using a base model for Amazon Nova Premier",
            ),
            (
                "batch-jobs",
                "us.amazon.nova-lite-v1:0",
                "Sum of in-progress and submitted batch inference jobs using a base model for Nova Lite V1",
            ),
            (
                "batch-jobs",
                "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
                "Sum of in-progress and submitted batch inference jobs using a base model for Sonnet 4.5.",
            ),
            (
                "batch-jobs",
                "anthropic.claude-3-5-sonnet-20241022-v2:0",
                "Sum of in-progress and submitted batch inference jobs using a base model for Claude 3.5 Sonnet v2",
            ),
            (
                "batch-jobs",
                "anthropic.claude-3-5-sonnet-20240620-v1:0",
                "Sum of in-progress and submitted batch inference jobs using a base model for Claude 3.5 Sonnet",
            ),
            (
                "batch-jobs",
                "mistral.mistral-large-2407-v1:0",
                "Sum of in-progress and submitted batch inference jobs using a base model for Mistral Large 2 (24.07)",
            ),
            (
                "batch-records",
                "anthropic.claude-3-haiku-20240307-v1:0",
                "Records per batch inference job for Claude 3 Haiku",
            ),
            (
                "async-jobs",
                "amazon.nova-reel-v1:1",
                "On-demand InvokeModel concurrent requests for Amazon Nova Reel1.1",
            ),
            (
                "async-jobs",
                "twelvelabs.marengo-embed-3-0-v1:0",
                "On-demand InvokeModel async\u{20}concurrent requests for TwelveLabs Marengo Embed 3.0",
            ),
            (
                "model-units",
                "anthropic.claude-3-haiku-20240307-v1:0:48k",
                "Model units per provisioned model for Anthropic Claude 3 Haiku 48K",
            ),
            (
                "model-units",
                "cohere.command-r-plus-v1:0",
                "Model units per provisioned model for Cohere Command R Plus",
            ),
        ] {
            let (row, model) = (super::row(id).unwrap(), ModelId::parse(model).unwrap());
            let found = resolve(&[row], None, Some(&model), Catalog::built_in());
            assert_eq!(
                found.quota.map(|quota| quota.name).as_deref(),
                Some(name),
                "{model}: {}",
                found.reason
            );
        }
        // Two context sizes are two quotas, and an unknown model or none has no quota.
        for (model, verdict) in [
            (Some("anthropic.claude-3-haiku-20240307-v1:0"), Verdict::Ambiguous),
            (Some("anthropic.claude-9-haiku-v1:0"), Verdict::NoSuchQuota),
            (None, Verdict::UnknownModel),
        ] {
            let model = model.map(|id| ModelId::parse(id).unwrap());
            let row = super::row("model-units").unwrap();
            assert_eq!(
                resolve(&[row], None, model.as_ref(), Catalog::built_in()).verdict,
                verdict,
                "{model:?}"
            );
        }
    }

    #[test]
    fn no_row_takes_a_quota_of_model_inference_or_of_another_row() {
        let mut seen = BTreeSet::new();
        for row in rows() {
            let others = rows().filter(|other| other.service != row.service);
            let shared = others.flat_map(|other| other.operations).find(|name| row.has_operation(name));
            assert_eq!(shared, None, "an operation of two services");
            assert!(!row.id.is_empty() && !row.operations.is_empty(), "{row:?}");
            assert!(seen.insert(row.id), "{} stands twice", row.id);
            let phrases = row.says.iter().copied().flatten().chain(row.unless);
            assert!(phrases.into_iter().all(|phrase| *phrase == phrase.to_ascii_lowercase()), "{}", row.id);
            for quota in Catalog::built_in().quotas().iter().filter(|q| QuotaName::parse(&q.name).is_some()) {
                assert!(row.names.iter().all(|name| label_in(&quota.name, name).is_none()), "{}", quota.name);
            }
        }
    }

    #[test]
    fn an_error_means_the_row_that_its_operation_and_words_name() {
        use LimitKind::{Number, Rate};
        let units = "guardrail-content-units";
        for (kind, operation, message, expected) in [
            (Rate, "ApplyGuardrail", "too many requests, please wait", &["guardrail-requests"][..]),
            (
                Rate,
                "ApplyGuardrail",
                "text units per second of the content filter policy exceeded",
                &[units, "guardrail-content-units-standard"],
            ),
            (
                Rate,
                "ApplyGuardrail",
                "on-demand applyguardrail content filter policy text units per second (standard)",
                &["guardrail-content-units-standard"],
            ),
            (Rate, "ApplyGuardrail", "word filter text units", &["guardrail-word-units"]),
            (Rate, "Retrieve", "rate exceeded", &["knowledge-base-retrieve"]),
            (Rate, "Retrieve", "the embedding model was throttled", &[]),
            (Rate, "RetrieveAndGenerate", "rate exceeded", &[]),
            (Rate, "Converse", "rate exceeded", &[]),
            (Rate, "StartAsyncInvoke", "too many requests", &[]),
            (Rate, "StartAsyncInvoke", "too many concurrent requests", &["async-jobs-throttled"]),
            (Number, "StartAsyncInvoke", "limit reached", &["async-jobs"]),
            (
                Number,
                "CreateModelInvocationJob",
                "you have reached the maximum number of jobs",
                &["batch-jobs"],
            ),
            (Number, "CreateModelInvocationJob", "fewer records than the minimum number of records", &[]),
            (Rate, "CreateAgent", "rate exceeded", &[]),
            (Number, "CreateAgent", "exceeded", &["agents"]),
            (
                Number,
                "CreateProvisionedModelThroughput",
                "no-commitment units across base models",
                &["no-commitment-base"],
            ),
            (
                Number,
                "StartIngestionJob",
                "too many jobs for the data source",
                &["ingestion-jobs-per-data-source"],
            ),
            (
                Number,
                "InvokeAgentRuntime",
                "maxvms limit exceeded for account 111122223333",
                &["agent-core-sessions"],
            ),
            (Rate, "RetrieveMemoryRecords", "rate exceeded", &["agent-core-operation-rate"]),
            (Rate, "StartBrowserSession", "rate exceeded", &["agent-core-operation-rate"]),
            (Rate, "GetResourceOauth2Token", "rate exceeded", &["agent-core-operation-rate"]),
        ] {
            assert_eq!(ids(kind, operation, message), expected, "{operation}: {message}");
        }
        assert_eq!(ids(Rate, "ApplyGuardrail", "rate exceeded").len(), 8, "which of all is not said");
        assert_eq!(ids(Number, "StartIngestionJob", "exceeded").len(), 3);
        // Without an operation, only a spelled out name tells.
        let spelled = of_error(Number, None, "the quota imported models per account is used up");
        assert_eq!(spelled.first().map(|row| row.id), Some("imported-models"));
        assert!(of_error(Number, None, "maximum number of agents").is_empty());
    }
}
