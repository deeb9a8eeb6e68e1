//! The rule table: every known error, top to bottom. The first match wins.
//!
//! Invariant: Specific rows come before general ones. Errors that only look like quota problems come before the quota
//! rows, and rows that match only a code come last. A test checks that every example reaches its own row.

mod model_access;
mod code_only;
mod conditions;
mod constraint;
mod credentials;
mod elsewhere;
mod failure;
mod input_length;
mod model_id;
mod not_a_quota;
mod not_inference;
pub(crate) mod pages;
mod denial;
mod rate_limit;
mod body;

use crate::diagnosis::rule::Rule;

/// The parts of the table, in order.
const PARTS: &[&[Rule]] = &[
    elsewhere::ROWS,
    not_inference::ROWS,
    constraint::ROWS,
    not_a_quota::ROWS,
    input_length::ROWS,
    rate_limit::ROWS,
    credentials::ROWS,
    model_access::ROWS,
    denial::ROWS,
    model_id::ROWS,
    body::ROWS,
    failure::ROWS,
    code_only::ROWS,
];

/// Every rule, in order.
pub const RULES: &[Rule] = &joined::<{ count(PARTS) }>(PARTS);

/// The number of rows in `parts`.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn count(parts: &[&[Rule]]) -> usize {
    let (mut part, mut rows) = (0, 0);
    while part < parts.len() {
        rows += parts[part].len();
        part += 1;
    }
    rows
}

/// The rows of `parts`, one part after the other.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn joined<const N: usize>(parts: &[&[Rule]]) -> [Rule; N] {
    let mut all = [Rule::NONE; N];
    let (mut part, mut to) = (0, 0);
    while part < parts.len() {
        let mut from = 0;
        while from < parts[part].len() {
            all[to] = parts[part][from];
            (from, to) = (from + 1, to + 1);
        }
        part += 1;
    }
    all
}
