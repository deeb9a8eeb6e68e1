//! Who sent an error, and whether AWS itself recorded it.

use std::fmt;

use crate::diagnosis::{Category, Cause};
use crate::event::{ErrorSignal, Source};
use crate::original::Original;

/// Who sends errors. New incidents are bounded per sender.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Sender {
    /// The caller that AWS recorded: the ARN of a role or user.
    Caller(String),
    /// The caller named in a record of the model-invocation log. Anyone who can write to a subscribed log can forge
    /// such a record.
    LoggedCaller(String),
    /// A log group, by name; `-` if unknown. The callers named in an application's log did not necessarily write it.
    LogGroup(String),
    /// An alarm, by name.
    Alarm(String),
    /// An AWS service that names no caller.
    Service,
    /// Unknown: the ledger does not store the sender.
    #[default]
    Unknown,
}

impl Sender {
    /// The sender of `error`, whose caller, as far as known, is `caller`.
    pub(crate) fn of(error: &ErrorSignal, caller: Option<&str>) -> Self {
        let group = || match &error.origin.original {
            Some(Original::Log { group, .. }) => Self::LogGroup(group.to_string()),
            _ => Self::LogGroup("-".to_owned()),
        };
        match (error.source, caller) {
            (Source::ApplicationLog, _) | (Source::InvocationLog, None) => group(),
            (Source::InvocationLog, Some(caller)) => Self::LoggedCaller(caller.to_owned()),
            (Source::CloudTrail | Source::Job | Source::Health, Some(caller)) => {
                Self::Caller(caller.to_owned())
            }
            (Source::CloudTrail | Source::Job | Source::Health, None) => Self::Service,
        }
    }

    /// Whether the error came from a log, which others than AWS can write to.
    pub(crate) fn is_log(&self) -> bool {
        matches!(self, Self::LoggedCaller(_) | Self::LogGroup(_))
    }

    /// The caller's ARN, if the sender is a caller.
    pub(crate) fn caller(&self) -> Option<&str> {
        match self {
            Self::Caller(arn) | Self::LoggedCaller(arn) => Some(arn),
            Self::LogGroup(_) | Self::Alarm(_) | Self::Service | Self::Unknown => None,
        }
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Caller(arn) => f.write_str(arn),
            Self::LoggedCaller(arn) => write!(f, "logged:{arn}"),
            Self::LogGroup(group) => write!(f, "log:{group}"),
            Self::Alarm(name) => write!(f, "alarm:{name}"),
            Self::Service => f.write_str("service"),
            Self::Unknown => f.write_str("-"),
        }
    }
}

/// Whether flood bounds do not apply: AWS recorded a throttle or a missing access step. AWS reports these only for
/// models that exist, so there are few of them, and each one needs action.
pub(crate) fn is_certain(cause: Cause, is_recorded: bool, sender: &Sender) -> bool {
    is_recorded && !sender.is_log() && matches!(cause.category(), Category::Quota | Category::ModelAccess)
}
