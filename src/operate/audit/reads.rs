//! What is checked, and what was read for it.

use std::collections::BTreeMap;

use crate::error::ServiceResult;
use crate::ids::{AccountRegion, QuotaCode};
use crate::model::access::ModelState;
use crate::permission::Ruling;
use crate::quota::request::QuotaValue;
use crate::quota::{Limit, QuotaMatch};

/// What is checked.
#[derive(Clone, Copy, Debug)]
pub struct AuditRequest<'a> {
    /// The account, and the Region to call from.
    pub place: &'a AccountRegion,
    /// Quota values of an account in which the models work; empty compares with AWS's defaults only.
    pub like: &'a BTreeMap<QuotaCode, f64>,
    /// The ARN of the role or user that will call; `None` checks no policy.
    pub caller: Option<&'a str>,
}

/// One quota of the model, as it was read.
#[derive(Debug)]
pub(super) struct AuditedQuota {
    pub(super) limit: Limit,
    pub(super) found: QuotaMatch,
    pub(super) applied: ServiceResult<Option<QuotaValue>>,
    pub(super) default: ServiceResult<Option<QuotaValue>>,
}

/// Everything that was read about one model.
#[derive(Debug)]
pub(super) struct AuditReads {
    /// Whether the id can be called in the Region.
    pub(super) is_offered: ServiceResult<bool>,
    /// `None` if Bedrock knows no such model.
    pub(super) state: ServiceResult<Option<ModelState>>,
    pub(super) offers: ServiceResult<Option<usize>>,
    pub(super) quotas: Vec<AuditedQuota>,
    /// `None` if no caller is named, or the account has no such caller.
    pub(super) rulings: ServiceResult<Option<Vec<Ruling>>>,
}
