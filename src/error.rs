//! The result of a call to AWS: a value, one of a few kinds of error, or nothing because the call was not made.
//!
//! Invariant: "Could not be read" and "does not exist" are two different values.

use crate::iam_action::IamAction;

/// Why a call has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServiceError {
    /// The function's role lacks this permission.
    #[error("the function's role lacks `{0}`")]
    Denied(String),
    /// AWS throttled the call. A later call may succeed.
    #[error("throttled")]
    Throttled,
    /// AWS refused the call, with the reason it gave.
    #[error("refused: {1}")]
    Rejected(Rejection, String),
    /// The service or the network failed before the call took effect.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// The call may have taken effect, but its answer was lost.
    #[error("the answer was lost")]
    UnknownOutcome,
}

impl ServiceError {
    /// Whether the same call may succeed a little later.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Throttled | Self::Unavailable(_) | Self::UnknownOutcome)
    }

    /// The refusal of a call for which the role lacks the right.
    pub(crate) fn denied(action: IamAction) -> Self {
        Self::Denied(action.to_string())
    }

    /// A refusal whose reason is known only as text.
    pub(crate) fn invalid(why: impl Into<String>) -> Self {
        Self::Rejected(Rejection::Invalid, why.into())
    }

    /// The refusal of a call in a member of the organization, because `role` cannot be assumed.
    pub(crate) fn unreachable(role: &str, why: RoleRefusal) -> Self {
        Self::Rejected(Rejection::Unreachable, format!("`{role}` cannot be assumed: {why}"))
    }

    /// The refusal of a call because the service does not accept the credentials. Every service of an opt-in Region
    /// answers so to an account that has not enabled the Region.
    /// See <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_enable-regions.html>.
    pub(crate) fn not_accepted() -> Self {
        let why = "the service does not accept the function's credentials there: the account may not have enabled the Region";
        Self::Rejected(Rejection::NotAccepted, why.to_owned())
    }

    /// The refusal of a write because another invocation took the lease.
    pub(crate) fn lease_lost() -> Self {
        Self::Rejected(Rejection::LeaseLost, "the lease on the incident was lost".to_owned())
    }
}

/// Why the role of a member of the organization cannot be assumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RoleRefusal {
    /// STS does not tell these apart.
    #[error("it does not exist, does not trust this function, or is outside the organization")]
    Missing,
    /// A service control policy denies the call.
    #[error("a service control policy denies `sts:AssumeRole`")]
    ServiceControlPolicy,
    /// A resource control policy denies the call.
    #[error("a resource control policy denies `sts:AssumeRole`")]
    ResourceControlPolicy,
    /// The account has not activated STS in the Region of the call.
    #[error("STS is switched off for that account in this Region")]
    RegionOff,
}

/// What a refusal means to this crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// A request for this quota is already open.
    AlreadyOpen,
    /// The account or Region has reached AWS's limit of open requests.
    TooManyOpen,
    /// The desired value is not above the value that Service Quotas validates against.
    TooLow,
    /// The lease on the incident has ended, or another invocation took it.
    LeaseLost,
    /// The account of the organization cannot be entered: its role could not be assumed.
    Unreachable,
    /// The service does not accept the credentials: the account may not have enabled the Region.
    NotAccepted,
    /// Anything else; the text gives the reason.
    Invalid,
}

/// The answer to a call. If the thing asked for may not exist, `T` is an `Option`, and `None` means that AWS said so.
/// An error means only that there was no answer.
pub type ServiceResult<T> = Result<T, ServiceError>;

/// The result of a call that may not have been made.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Gathered<T> {
    /// The call was not made, because nothing depends on it.
    #[default]
    NotAsked,
    /// AWS answered.
    Read(T),
    /// The call failed.
    Unread(ServiceError),
}

impl<T> Gathered<T> {
    /// AWS's answer. `None` says nothing about AWS.
    pub fn read(&self) -> Option<&T> {
        match self {
            Self::Read(answer) => Some(answer),
            Self::NotAsked | Self::Unread(_) => None,
        }
    }

    /// The error, if the call was made and failed.
    pub fn unread(&self) -> Option<&ServiceError> {
        match self {
            Self::Unread(error) => Some(error),
            Self::NotAsked | Self::Read(_) => None,
        }
    }

    /// Applies `change` to the answer, if there is one.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Gathered<U> {
        match self {
            Self::NotAsked => Gathered::NotAsked,
            Self::Read(answer) => Gathered::Read(change(answer)),
            Self::Unread(error) => Gathered::Unread(error),
        }
    }
}

impl<T> From<ServiceResult<T>> for Gathered<T> {
    fn from(answer: ServiceResult<T>) -> Self {
        answer.map_or_else(Self::Unread, Self::Read)
    }
}
