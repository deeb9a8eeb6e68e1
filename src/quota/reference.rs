//! Reads AWS's public page of quotas, copied as text.
//!
//! Invariant: A row without a value for every Region has no value. A name gets a code only if exactly one known quota
//! has that name.
//!
//! The page is <https://docs.aws.amazon.com/general/latest/gr/bedrock.html>. Its table has the columns name, default,
//! adjustable and description, and no codes.

use crate::ids::QuotaCode;
use crate::quota::catalog::{Catalog, Quota};
use crate::quota::name::QuotaName;

/// A row of the page's table.
#[derive(Clone, Debug, PartialEq)]
pub struct PageRow {
    /// The quota's name, in the page's wording.
    pub name: String,
    /// The default value; `None` if it differs by Region.
    pub value: Option<f64>,
    /// Whether the page calls it adjustable.
    pub adjustable: bool,
    /// The code in the link behind "Yes". Only a copy as Markdown keeps the link.
    code: Option<QuotaCode>,
}

/// The rows of the page, by whether their code is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PageListing {
    /// The rows with a code, under AWS's names of the catalogue that knew them.
    pub known: Catalog,
    /// The names without a code: quotas that are new, renamed, or of which the catalogue has two.
    pub unknown: Vec<PageRow>,
}

/// The beginnings of a cell with a value, besides a Region's code.
const EVERYWHERE: &str = "Each supported Region:";
const ELSEWHERE: &str = "Each of the other supported Regions:";

impl PageListing {
    /// Finds the codes of `rows` among the quotas of `catalog`.
    pub fn of(rows: Vec<PageRow>, catalog: &Catalog) -> Self {
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        for row in rows {
            let same = match &row.code {
                Some(code) => catalog.get(code),
                None => only(catalog, &row.name),
            };
            match (same, &row.code) {
                (Some(quota), _) => {
                    known.push(Quota { value: row.value, adjustable: row.adjustable, ..quota.clone() });
                }
                (None, Some(code)) => known.push(Quota {
                    code: code.clone(),
                    name: row.name,
                    adjustable: row.adjustable,
                    value: row.value,
                }),
                (None, None) => unknown.push(row),
            }
        }
        Self { known: Catalog::new(known), unknown }
    }
}

/// The one quota of that name; `None` if there is none, or more than one.
fn only<'c>(catalog: &'c Catalog, name: &str) -> Option<&'c Quota> {
    let parsed = QuotaName::parse(name);
    let is_same = |quota: &&Quota| {
        is_equal(&quota.name, name)
            || parsed.as_ref().is_some_and(|wanted| {
                QuotaName::parse(&quota.name).is_some_and(|known| {
                    (known.serves, known.limit, known.variant)
                        == (wanted.serves, wanted.limit, wanted.variant)
                        && is_equal(known.label, wanted.label)
                })
            })
    };
    let mut found = catalog.quotas().iter().filter(is_same);
    found.next().filter(|_| found.next().is_none())
}

/// Whether two names are the same but for case, commas and blanks.
fn is_equal(one: &str, other: &str) -> bool {
    let plain = |text: &str| -> String {
        text.chars().filter(|c| !c.is_whitespace() && *c != ',').flat_map(char::to_lowercase).collect()
    };
    plain(one) == plain(other)
}

/// The rows of the page's table in `text`. The cells may stand in lines of their own, between tabs, between `|`, or
/// one row in a line with blanks between the cells. Empty if the text has no such table.
pub fn rows(text: &str) -> Vec<PageRow> {
    let mut rows = Vec::new();
    let mut name = None;
    // The value, once it is read; inside, `None` if it differs by Region.
    let mut value: Option<Option<f64>> = None;
    for cell in cells(text) {
        let mut rest = cell;
        if let Some(said) = said(cell) {
            let is_one = value.is_none() && cell.starts_with(EVERYWHERE);
            value = Some(number(said).filter(|_| is_one));
            // The same cell may go on with "Yes" or "No" and the description.
            let Some(at) = said.split(' ').find(|word| adjustable(word).is_some()) else { continue };
            rest = at;
        }
        match (value, name, adjustable(rest)) {
            (Some(value), Some(name), Some(is_adjustable)) => rows.push(PageRow {
                name: String::from(name),
                value,
                adjustable: is_adjustable,
                code: code(rest),
            }),
            (None, ..) => {
                name = Some(cell);
                continue;
            }
            _ => {}
        }
        (name, value) = (None, None);
    }
    rows
}

/// The cells of the table, without blank ones. A value that stands behind a name in one cell is a cell of its own.
fn cells(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split(['\n', '\r', '\t', '|']);
    parts
        .flat_map(|part| {
            let at = part.find(EVERYWHERE).unwrap_or(0);
            let (before, rest) = part.split_at_checked(at).unwrap_or((part, ""));
            [before, rest]
        })
        .map(str::trim)
        .filter(|cell| !cell.is_empty())
}

/// What a cell with a value says: `Each supported Region: 10,000` says `10,000`.
fn said(cell: &str) -> Option<&str> {
    let (whose, said) = cell.split_once(": ")?;
    let is_region = |word: &str| {
        word.len() <= 20
            && word.split('-').count() >= 3
            && word.ends_with(|c: char| c.is_ascii_digit())
            && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let is_value = cell.starts_with(EVERYWHERE) || cell.starts_with(ELSEWHERE) || is_region(whose);
    is_value.then(|| said.trim())
}

/// `10,000 per second` is 10000.
fn number(said: &str) -> Option<f64> {
    let word = said.split_whitespace().next()?;
    word.replace(',', "").parse().ok().filter(|value: &f64| value.is_finite())
}

/// Whether the cell says that the quota is adjustable: `Yes`, `No`, or a link under one of these words.
fn adjustable(cell: &str) -> Option<bool> {
    let word = cell.trim_start_matches('[');
    let word = word.split(|c: char| !c.is_ascii_alphabetic()).next()?;
    match word {
        "Yes" => Some(true),
        "No" => Some(false),
        _ => None,
    }
}

/// The code in a link to the quota's page in the console.
fn code(cell: &str) -> Option<QuotaCode> {
    let (_, rest) = cell.rsplit_once("/quotas/")?;
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(rest.len());
    QuotaCode::parse(rest.get(..end)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, value: Option<f64>, adjustable: bool) -> PageRow {
        PageRow { name: name.to_owned(), value, adjustable, code: None }
    }

    #[test]
    fn the_table_reads_however_it_was_copied() {
        let one = "On-demand model inference requests per minute for Amazon Nova Lite";
        let two = "(Guardrails) Guardrails per account";
        let expected = vec![row(one, Some(2000.0), false), row(two, Some(100.0), true)];
        for text in [
            format!(
                "Name\tDefault\tAdjustable\tDescription\n{one}\tEach supported Region: 2,000\tNo\tThe maximum.\n{two}\tEach supported Region: 100\tYes\tThe number.\n"
            ),
            format!(
                "Name\nDefault\nAdjustable\nDescription\n{one}\n\nEach supported Region: 2,000\n\nNo\nThe maximum.\n{two}\nEach supported Region: 100\nYes\nThe number.\n"
            ),
            format!(
                "| Name | Default | Adjustable | Description |\n| --- | --- | --- | --- |\n| {one} | Each supported Region: 2,000 | No | The maximum. |\n| {two} | Each supported Region: 100 |  Yes  | The number. |\n"
            ),
            format!(
                "Name Default Adjustable Description\n{one} Each supported Region: 2,000 No The maximum.\n{two} Each supported Region: 100 Yes The number.\n"
            ),
        ] {
            assert_eq!(rows(&text), expected, "{text}");
        }
    }

    #[test]
    fn a_value_that_differs_by_region_is_none() {
        let text = "Cross-region model inference tokens per minute for Amazon Nova Pro\nus-east-1: 2,000,000\nus-west-2: 2,000,000\nEach of the other supported Regions: 800,000\nYes\nThe maximum.\n";
        assert_eq!(
            rows(text),
            [row("Cross-region model inference tokens per minute for Amazon Nova Pro", None, true)]
        );
    }

    #[test]
    fn a_text_without_the_table_has_no_rows() {
        for text in ["", "Yes\nNo\n", "Each supported Region: 5\nYes", "A quota\nhas no value here\nNo\n"] {
            assert_eq!(rows(text), [], "{text}");
        }
    }

    #[test]
    fn a_name_gets_the_code_of_the_only_quota_of_that_name() {
        let catalog = Catalog::parse(
            "L-00000001\tA\t10\tCross-region model inference tokens per minute for Amazon Nova Lite\n\
             L-00000002\t-\t20\tTwice\nL-00000003\t-\t30\tTwice\n",
        )
        .unwrap();
        let link = "| Cross-region model inference tokens per minute for Amazon Nova Lite | Each supported Region: 7 | [Yes](https://console.aws.amazon.com/servicequotas/home/services/bedrock/quotas/L-00000009) | x |";
        let mut page = rows(link);
        page.extend([
            row("Cross-Region InvokeModel tokens per minute for Amazon Nova Lite", Some(15.0), true),
            row("Twice", Some(1.0), false),
            row("Nobody's", Some(1.0), false),
        ]);
        let found = PageListing::of(page, &catalog);
        let known: Vec<_> = found.known.quotas().iter().map(|q| (q.code.as_str(), q.value)).collect();
        assert_eq!(known, [("L-00000001", Some(15.0)), ("L-00000009", Some(7.0))]);
        let unknown: Vec<_> = found.unknown.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(unknown, ["Twice", "Nobody's"]);
    }
}
