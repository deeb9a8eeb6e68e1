//! Increase requests as Service Quotas represents them.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::QuotaCode;
use crate::wire_enum::wire_enum;

/// The status of an increase request.
/// See <https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_RequestedServiceQuotaChange.html>.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs)]
pub enum RequestStatus {
    Pending,
    CaseOpened,
    Approved,
    Denied,
    CaseClosed,
    NotApproved,
    InvalidRequest,
}

impl RequestStatus {
    /// Whether AWS has not decided yet.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::CaseOpened)
    }

    /// The status in AWS's spelling.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::CaseOpened => "CASE_OPENED",
            Self::Approved => "APPROVED",
            Self::Denied => "DENIED",
            Self::CaseClosed => "CASE_CLOSED",
            Self::NotApproved => "NOT_APPROVED",
            Self::InvalidRequest => "INVALID_REQUEST",
        }
    }
}

wire_enum! {
    /// How an increase request ended, from AWS's status and the applied values before and after.
    pub enum RequestOutcome {
        /// The applied value is at least the desired value.
        Granted = "granted",
        /// The applied value rose, but to less than the desired value.
        PartlyGranted = "partly-granted",
        /// The request is closed, and the applied value did not change.
        ClosedUnchanged = "closed-unchanged",
        /// AWS refused it.
        Denied = "denied",
    }
}

impl RequestOutcome {
    /// Whether AWS refused any increase. The same request would end the same way.
    pub fn is_refusal(self) -> bool {
        matches!(self, Self::ClosedUnchanged | Self::Denied)
    }
}

/// An increase request. Service Quotas keeps it for 90 days.
#[derive(Clone, Debug, PartialEq)]
pub struct IncreaseRequest {
    /// The request id of Service Quotas.
    pub id: String,
    /// The quota code.
    pub code: QuotaCode,
    /// The desired value.
    pub desired: f64,
    /// The status. For Bedrock, `CASE_CLOSED` does not say whether the increase was granted.
    pub status: RequestStatus,
    /// When it was filed.
    pub created: Timestamp,
    /// The support case id. It appears late, and often never.
    pub case_id: Option<String>,
}

/// A quota's value in one account and Region, as Service Quotas reports it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QuotaValue {
    /// The value.
    pub value: f64,
    /// Whether increase requests are accepted. It is read each time, because AWS changes it and accounts differ.
    pub adjustable: bool,
}

/// An increase request that an incident follows until it ends.
#[derive(Clone, Debug, PartialEq)]
pub struct TrackedRequest {
    /// The quota code.
    pub code: QuotaCode,
    /// The quota's name, for the notice of the outcome.
    pub name: String,
    /// The desired value.
    pub desired: f64,
    /// The applied value before the request.
    pub value_before: f64,
    /// The request id of Service Quotas; `None` while it is unknown whether the request was filed.
    pub request_id: Option<String>,
    /// When we were about to file it. Any request for this quota since then is ours.
    pub intended: Timestamp,
}
