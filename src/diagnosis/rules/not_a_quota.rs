//! Failures on AWS's side that are worded like a quota or an access error.
//!
//! Invariant: They come before the quota rows: a quota increase does not help.

use crate::diagnosis::cause::Cause;
use crate::diagnosis::rule::{Example, Rule};
use crate::diagnosis::rules::conditions::of_aws;
use crate::diagnosis::rules::pages::{ACCESS, CAPACITY_ADVICE, ERRORS};

#[rustfmt::skip]
pub(super) const ROWS: &[Rule] = &[
    Rule { id: "access-check-failed", cause: Cause::InternalError,
        says: &[&["model access is denied due to", "internal_service_error"], &["model access is denied due to", "internal service error"]],
        unless: &["marketplace subscription"],
        advice: &["The check of model access failed inside AWS; access itself may be in order. Retry, and open a support case if it lasts longer than 15 minutes."],
        reference: ACCESS,
        example: Example { code: Some("AccessDeniedException"), message: "Model access is denied due to INTERNAL_SERVICE_ERROR" }, ..Rule::NONE },
    Rule { id: "model-overloaded", cause: Cause::ServiceUnavailable,
        says: &[&["currently overloaded"], &["model is getting throttled"], &["overloaded_error"], &["model is overloaded"], &["server is overloaded"], &["experiencing high demand"], &["experiencing high load"]],
        advice: CAPACITY_ADVICE, reference: ERRORS,
        example: Example { code: Some("ThrottlingException"), message: "Model anthropic.claude-opus-5 is currently overloaded. Please try again later." }, ..Rule::NONE },
    Rule { id: "at-capacity", cause: Cause::ServiceUnavailable,
        says: &[&["is at capacity"], &["currently at capacity"], &["insufficient capacity"], &["capacity is temporarily"]],
        when: Some(of_aws),
        advice: CAPACITY_ADVICE, reference: ERRORS,
        example: Example { code: Some("ServiceUnavailableException"), message: "The model is currently at capacity." }, ..Rule::NONE },
    Rule { id: "too-many-connections", cause: Cause::ServiceUnavailable,
        says: &[&["system instability detected"], &["too many connections"], &["too many concurrent connections"], &["unable to process your request"]],
        advice: CAPACITY_ADVICE, reference: ERRORS,
        example: Example { code: Some("ServiceUnavailableException"), message: "Too many connections, please wait before trying again." }, ..Rule::NONE },
    Rule { id: "model-not-ready", cause: Cause::ModelNotReady,
        says: &[&["model is not ready"], &["not ready to serve"], &["not ready for inference"], &["model is being loaded"], &["model is still loading"], &["model is warming up"]],
        advice: &["The model is being loaded: retry with backoff for a few minutes; the SDK's own retries do so up to five times.", "A quota increase will not help."],
        reference: ERRORS,
        example: Example { code: Some("ModelNotReadyException"), message: "Model is not ready for inference. Wait and try your request again." }, ..Rule::NONE },
];
