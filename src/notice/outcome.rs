//! The outcome of an increase request, for a notice.

use crate::quota::request::RequestOutcome;

/// The news that an increase request ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The Service Quotas request id; `None` if unknown.
    pub request_id: Option<String>,
    /// How it ended.
    pub how: RequestOutcome,
    /// The present value; `None` if this account and Region no longer have the quota.
    pub value: Option<f64>,
    /// The whole news in one sentence.
    pub sentence: String,
}
