//! What a call to AWS answers: a value, an error in one of few words, or nothing because it was not asked.
//!
//! Invariant: "could not be read" and "is not there" are two values.

/// Why a call was not answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServiceError {
    /// The function's own role may not.
    #[error("the function's role lacks `{0}`")]
    Denied(String),
    /// Too many calls; later perhaps.
    #[error("throttled")]
    Throttled,
    /// AWS refused for a reason it gave.
    #[error("refused: {1}")]
    Rejected(Rejection, String),
    /// The service or the network failed before anything happened.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// The call may have happened; the answer was lost.
    #[error("the answer was lost")]
    UnknownOutcome,
}

impl ServiceError {
    /// Whether the same call may be answered a little later.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Throttled | Self::Unavailable(_) | Self::UnknownOutcome)
    }

    /// Refused for a reason that only its text tells.
    pub(crate) fn invalid(why: impl Into<String>) -> Self {
        Self::Rejected(Rejection::Invalid, why.into())
    }

    /// A write under a lease that was overtaken.
    pub(crate) fn lease_lost() -> Self {
        Self::Rejected(Rejection::LeaseLost, "the lease on the incident was lost".to_owned())
    }
}

/// What a refusal means to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// A request for this quota is open already.
    AlreadyOpen,
    /// The account or Region has as many open requests as AWS takes.
    TooManyOpen,
    /// The value is not above the one that Service Quotas validates against.
    TooLow,
    /// The lease on the incident has ended or was overtaken.
    LeaseLost,
    /// Anything else; the text says what.
    Invalid,
}

/// An answer. Where what was asked for may not exist, it is an `Option`, and `None` is AWS's own word: an error
/// only says that there was no answer.
pub type ServiceResult<T> = Result<T, ServiceError>;

/// What came of a question that may not have been asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Gathered<T> {
    /// It was not asked: nothing depends on it.
    #[default]
    NotAsked,
    /// AWS answered.
    Read(T),
    /// AWS was asked and did not answer.
    Unread(ServiceError),
}

impl<T> Gathered<T> {
    /// What AWS answered; `None` says nothing about AWS.
    pub fn read(&self) -> Option<&T> {
        match self {
            Self::Read(answer) => Some(answer),
            Self::NotAsked | Self::Unread(_) => None,
        }
    }

    /// Why there is no answer, where one was asked for.
    pub fn unread(&self) -> Option<&ServiceError> {
        match self {
            Self::Unread(error) => Some(error),
            Self::NotAsked | Self::Read(_) => None,
        }
    }

    /// The answer, changed.
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
