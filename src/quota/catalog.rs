//! Quotas of Service Quotas: built in, imported, or as listed by an account.
//!
//! Invariant: A catalogue is data. Codes and names are AWS's, and nothing is derived from a code.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{Arn, QuotaCode, QuotaService};

/// One quota of Service Quotas.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Quota {
    /// The service and the code, the same in every account and Region.
    pub code: QuotaCode,
    /// The name in AWS's wording.
    pub name: String,
    /// Whether Service Quotas accepts increase requests for it.
    pub adjustable: bool,
    /// The listed value; `None` if the listing shows none. In the built-in catalogue it is the default value, in an
    /// account's own listing the applied value.
    pub value: Option<f64>,
}

/// A set of quotas.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalog {
    quotas: Vec<Quota>,
    /// The day on which AWS listed them; `None` if it is not known, and of an account's own listing.
    as_of: Option<Date>,
}

/// Why a catalogue cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The text is not the output of `list-service-quotas` or `list-aws-default-service-quotas`.
    #[error(
        "not the output of `aws service-quotas list-service-quotas --output json` or `list-aws-default-service-quotas`"
    )]
    Listing(#[source] serde_json::Error),
    /// A quota in the listing has no valid quota code.
    #[error("`{0}` is not a quota code")]
    Code(String),
    /// The listing contains no quota of a service that this program handles.
    #[error("no quota of the services `bedrock` and `bedrock-agentcore` in it")]
    Empty,
    /// A line in the catalogue's own format is damaged.
    #[error("line {0}: expected code, `A` or `-`, value, name, separated by tabs")]
    Line(usize),
}

#[derive(Deserialize)]
struct Listing {
    #[serde(rename = "Quotas")]
    quotas: Vec<Listed>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    #[serde(default)]
    service_code: Option<String>,
    #[serde(default)]
    quota_arn: Option<String>,
    quota_code: String,
    quota_name: String,
    #[serde(default)]
    adjustable: bool,
    #[serde(default)]
    value: Option<f64>,
}

// The file is sorted, and a test checks that, so a cold start does not sort it.
static BUILT_IN: LazyLock<Catalog> = LazyLock::new(|| {
    let text = include_str!("catalog.tsv");
    Catalog { quotas: read(text).unwrap_or_default(), as_of: date(text) }
});

/// Before the date in the catalogue's own format.
const AS_OF: &str = "# As of ";

impl Catalog {
    /// The catalogue that was compiled into this program.
    pub fn built_in() -> &'static Self {
        &BUILT_IN
    }

    /// A catalogue of `quotas`, with one entry per code. A later entry replaces an earlier one.
    pub fn new(quotas: impl IntoIterator<Item = Quota>) -> Self {
        let by_code: BTreeMap<_, _> = quotas.into_iter().map(|q| (q.code.clone(), q)).collect();
        let mut quotas: Vec<_> = by_code.into_values().collect();
        quotas.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| a.code.cmp(&b.code)));
        Self { quotas, as_of: None }
    }

    /// Reads the output of `aws service-quotas list-service-quotas --service-code bedrock --output json`, or of
    /// `list-aws-default-service-quotas`, of `bedrock` or `bedrock-agentcore`. Quotas of other services are left out. Fails if the text is no such output, a
    /// code is invalid, or no quota is left.
    ///
    /// Only defaults have values here: those in whose ARN no account stands. The values of an account's listing are what
    /// applies to that account. See
    /// <https://docs.aws.amazon.com/cli/latest/reference/service-quotas/list-aws-default-service-quotas.html>.
    pub fn from_listing(json: &str) -> Result<Self, CatalogError> {
        let listing: Listing = serde_json::from_str(json).map_err(CatalogError::Listing)?;
        let service = |q: &Listed| match q.service_code.as_deref() {
            Some(code) => QuotaService::parse(code),
            None => Some(QuotaService::Bedrock),
        };
        let ours = listing.quotas.into_iter().filter_map(|q| Some((service(&q)?, q)));
        let quotas = ours
            .map(|(service, q)| {
                let code = QuotaCode::of(service, &q.quota_code).ok_or(CatalogError::Code(q.quota_code))?;
                let is_default =
                    q.quota_arn.as_deref().and_then(Arn::parse).is_some_and(|arn| arn.account.is_empty());
                let value = q.value.filter(|_| is_default);
                Ok(Quota { code, name: q.quota_name, adjustable: q.adjustable, value })
            })
            .collect::<Result<Vec<_>, CatalogError>>()?;
        if quotas.is_empty() {
            return Err(CatalogError::Empty);
        }
        Ok(Self::new(quotas))
    }

    /// Reads the catalogue's own format: one line per quota, with code, `A` if adjustable or `-`, value or nothing, and
    /// name, separated by tabs. Lines that begin with `#` are comments, and one of them has the date. The error names the
    /// first damaged line.
    pub fn parse(text: &str) -> Result<Self, CatalogError> {
        Ok(Self { as_of: date(text), ..Self::new(read(text)?) })
    }

    /// Writes the catalogue's own format; see [`Catalog::parse`].
    pub fn to_text(&self) -> String {
        let mut text = String::from(
            "# Quotas of Amazon Bedrock: code, A if adjustable, default value if known, name.\n\
             # Refreshed by `bedrock-remediator catalog import FILE --write src/quota/catalog.tsv`.\n",
        );
        if let Some(day) = self.as_of {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{AS_OF}{day}.");
        }
        for quota in &self.quotas {
            let adjustable = if quota.adjustable { 'A' } else { '-' };
            let value = quota.value.map(|v| v.to_string()).unwrap_or_default();
            let _ = writeln!(text, "{}\t{adjustable}\t{value}\t{}", quota.code, quota.name);
        }
        text
    }

    /// This catalogue, updated on the day `today` with `newer`. Codes that `newer` lacks stay, because no account lists
    /// every quota. Values that it lacks stay too.
    #[must_use]
    pub fn updated_by(&self, newer: &Self, today: Date) -> Self {
        let kept = newer.quotas.iter().map(|q| {
            let value = q.value.or_else(|| self.get(&q.code)?.value);
            Quota { value, ..q.clone() }
        });
        Self { as_of: Some(today), ..Self::new(self.quotas.iter().cloned().chain(kept)) }
    }

    /// The day of the listing; `None` if it is not known.
    pub fn as_of(&self) -> Option<Date> {
        self.as_of
    }

    /// Every quota, sorted by name.
    pub fn quotas(&self) -> &[Quota] {
        &self.quotas
    }

    /// The quota with this code; `None` if the catalogue has none.
    pub fn get(&self, code: &QuotaCode) -> Option<&Quota> {
        self.quotas.iter().find(|q| q.code == *code)
    }
}

/// The date in the catalogue's own format. Comments stand first.
fn date(text: &str) -> Option<Date> {
    let mut comments = text.lines().take_while(|line| line.starts_with('#'));
    comments.find_map(|line| line.strip_prefix(AS_OF)?.trim_end_matches('.').parse().ok())
}

/// Reads the quotas from the catalogue's own format.
fn read(text: &str) -> Result<Vec<Quota>, CatalogError> {
    let lines = text.lines().enumerate().filter(|(_, l)| !l.is_empty() && !l.starts_with('#'));
    let quota = |(number, line): (usize, &str)| {
        let damaged = || CatalogError::Line(number + 1);
        let mut fields = line.splitn(4, '\t');
        let mut field = || fields.next().ok_or_else(damaged);
        let (code, adjustable, value, name) = (field()?, field()?, field()?, field()?);
        Ok(Quota {
            code: QuotaCode::parse(code).ok_or_else(damaged)?,
            name: name.to_owned(),
            adjustable: adjustable == "A",
            value: (!value.is_empty()).then(|| value.parse()).transpose().map_err(|_| damaged())?,
        })
    };
    lines.map(quota).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_catalogue_reads_and_writes_back() {
        let catalog = Catalog::built_in();
        assert!(catalog.quotas().len() > 600);
        assert!(catalog.as_of().is_some());
        assert_eq!(Catalog::parse(&catalog.to_text()).unwrap(), *catalog);
        assert_eq!(include_str!("catalog.tsv"), catalog.to_text());
    }

    #[test]
    fn an_import_keeps_what_the_listing_does_not_show() {
        let old = Catalog::parse("L-00000001\tA\t10\tfirst\nL-00000002\t-\t20\tsecond\n").unwrap();
        let new = Catalog::from_listing(
            r#"{"Quotas":[{"ServiceCode":"bedrock","QuotaCode":"L-00000002","QuotaName":"second, renamed","Adjustable":true},
               {"ServiceCode":"ec2","QuotaCode":"L-00000003","QuotaName":"not ours","Adjustable":true}]}"#,
        )
        .unwrap();
        let both = old.updated_by(&new, jiff::civil::date(2026, 11, 27));
        assert_eq!(both.quotas().len(), 2);
        let second = both.get(&QuotaCode::parse("L-00000002").unwrap()).unwrap();
        assert_eq!(
            (second.name.as_str(), second.adjustable, second.value),
            ("second, renamed", true, Some(20.0))
        );
        assert!(both.to_text().contains("# As of 2026-11-27.\n"));
        assert_eq!(Catalog::parse(&both.to_text()).unwrap(), both);
    }

    #[test]
    fn only_defaults_have_values_in_a_listing() {
        for (account, value) in [("", Some(7.0)), ("111122223333", None)] {
            let listing = format!(
                r#"{{"Quotas":[{{"QuotaCode":"L-00000001","QuotaName":"x","Adjustable":true,"Value":7.0,
                   "QuotaArn":"arn:aws:servicequotas:us-east-1:{account}:bedrock/L-00000001"}}]}}"#
            );
            assert_eq!(Catalog::from_listing(&listing).unwrap().quotas()[0].value, value, "{account}");
        }
    }

    #[test]
    fn damage_is_named() {
        assert_eq!(
            Catalog::parse("L-1\tA\t\tx").unwrap_err().to_string(),
            "line 1: expected code, `A` or `-`, value, name, separated by tabs"
        );
        assert!(matches!(Catalog::from_listing("[]"), Err(CatalogError::Listing(_))));
        assert!(matches!(Catalog::from_listing(r#"{"Quotas":[]}"#), Err(CatalogError::Empty)));
    }
}
