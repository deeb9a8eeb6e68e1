//! How an increase request ended, for a notice.

use crate::quota::request::RequestOutcome;

/// News of an increase request that ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Service Quotas' id of the request.
    pub request_id: Option<String>,
    /// How it ended.
    pub how: RequestOutcome,
    /// The value that holds now; `None` where this account and Region have no such quota any more.
    pub value: Option<f64>,
    /// The whole news in a sentence.
    pub sentence: String,
}
