//! Inputs that are too long, worded like a quota error.

use crate::diagnosis::cause::Cause;
use crate::diagnosis::rule::{Example, Rule};
use crate::diagnosis::rules::pages::MODELS;

#[rustfmt::skip]
pub(super) const ROWS: &[Rule] = &[
    Rule { id: "too-many-input-tokens", cause: Cause::ContextLength,
        says: &[&["too many input tokens"], &["max input tokens"], &["input tokens exceeded"], &["maximum number of input tokens"], &["total number of tokens", "cannot exceed"], &["too many tokens", "prompt"], &["too many tokens", "context"], &["request body", "length limit exceeded"], &["request entity is too large"], &["requestentitytoolarge"]],
        unless: &["per day", "per minute"],
        advice: &["The input is longer than the model reads: shorten it, split it, or call a model with a longer context.", "This limit belongs to the model; no quota raises it."],
        reference: MODELS,
        example: Example { code: Some("ValidationException"), message: "Too many input tokens. Max input tokens: 8192, request input token count: 9400" }, ..Rule::NONE },
];
