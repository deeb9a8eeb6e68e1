//! The form of a row in the tables of quotas that are not of model inference.

use crate::ids::QuotaService;

/// What a quota bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitKind {
    /// Requests or text units a second. Calls beyond it are throttled.
    Rate,
    /// A number of resources, jobs or sessions at once. Calls beyond it are refused until some end.
    Number,
}

/// One quota, or one for each model, and the errors that mean it.
#[derive(Clone, Copy, Debug)]
pub struct FeatureQuota {
    /// The row's own name, in kebab-case. The ledger keeps it.
    pub id: &'static str,
    /// The service of Service Quotas that lists it.
    pub service: QuotaService,
    /// Its names in Service Quotas, of which an account lists one. `{operation}` stands for the operation that failed.
    pub names: &'static [&'static str],
    /// Whether every model has its own: the name goes on with ` for ` and the model's label.
    pub is_per_model: bool,
    /// What it bounds.
    pub kind: LimitKind,
    /// The operations that count against it.
    pub operations: &'static [&'static str],
    /// Groups of phrases in lower case. The error means this row if all phrases of one group occur. Without groups, the
    /// row is what the operation's errors mean if no other row of it is meant.
    pub(super) says: &'static [&'static [&'static str]],
    /// Phrases with which the error never means this row.
    pub(super) unless: &'static [&'static str],
}

impl FeatureQuota {
    pub(super) const NONE: Self = Self {
        id: "",
        service: QuotaService::Bedrock,
        names: &[],
        is_per_model: false,
        kind: LimitKind::Number,
        operations: &[],
        says: &[],
        unless: &[],
    };
}
