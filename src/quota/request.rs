//! An increase request, as Service Quotas has it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::QuotaCode;
use crate::wire_enum::wire_enum;

/// Status of an increase request.
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
    /// Whether AWS is still at it.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::CaseOpened)
    }

    /// AWS's own word.
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
    /// How an increase request ended, by AWS's status and by the applied value before and after.
    pub enum RequestOutcome {
        /// The applied value is what was asked for, or more.
        Granted = "granted",
        /// The applied value was raised to less than what was asked for.
        PartlyGranted = "partly-granted",
        /// The request is closed, and the applied value is what it was.
        ClosedUnchanged = "closed-unchanged",
        /// AWS refused it.
        Denied = "denied",
    }
}

impl RequestOutcome {
    /// Whether AWS answered with no more: the same request would end the same way.
    pub fn is_refusal(self) -> bool {
        matches!(self, Self::ClosedUnchanged | Self::Denied)
    }
}

/// An increase request, as Service Quotas remembers it for 90 days.
#[derive(Clone, Debug, PartialEq)]
pub struct IncreaseRequest {
    /// Service Quotas' id.
    pub id: String,
    /// The quota.
    pub code: QuotaCode,
    /// The value asked for.
    pub desired: f64,
    /// Where it stands. For Bedrock, `CASE_CLOSED` does not tell whether it was granted.
    pub status: RequestStatus,
    /// When it was filed.
    pub created: Timestamp,
    /// The support case; arrives late, often never.
    pub case_id: Option<String>,
}

/// A quota's value, as Service Quotas has it in one account and Region.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QuotaValue {
    /// The value.
    pub value: f64,
    /// Whether increase requests are taken. Asked for each time: AWS changes it, and listings of other
    /// accounts differ.
    pub adjustable: bool,
}

/// An increase request that an incident follows.
#[derive(Clone, Debug, PartialEq)]
pub struct TrackedRequest {
    /// The quota.
    pub code: QuotaCode,
    /// Its name, for the notice of the outcome.
    pub name: String,
    /// The value asked for.
    pub desired: f64,
    /// The applied value before.
    pub value_before: f64,
    /// Service Quotas' id; `None` while the answer to our request is in doubt.
    pub request_id: Option<String>,
    /// When we meant to file it: any request of this quota since then is ours.
    pub intended: Timestamp,
}
