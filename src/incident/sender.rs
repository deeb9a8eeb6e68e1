//! Who sent an error, and whether AWS itself recorded it.

use std::fmt;

use crate::diagnosis::{Category, Cause};
use crate::event::{ErrorSignal, Source};
use crate::original::Original;

/// Who sends errors. New incidents are bounded by it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Sender {
    /// Whose call it was, as AWS recorded it: the ARN of a role or user.
    Caller(String),
    /// Whose call it was, as a record of the model-invocation log says. Whoever may write to a log that is
    /// subscribed can write such a record.
    LoggedCaller(String),
    /// A log group, by its name; `-` where that is not known. Whoever is named in the lines of an application's log is
    /// not known to have sent them.
    LogGroup(String),
    /// An alarm, by its name.
    Alarm(String),
    /// An AWS service that names no caller.
    Service,
    /// Not known: the ledger does not keep it.
    #[default]
    Unknown,
}

impl Sender {
    /// Of an error whose call was `caller`'s, as far as it tells.
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

    /// Whether a log told it, which others than AWS can write to.
    pub(crate) fn is_log(&self) -> bool {
        matches!(self, Self::LoggedCaller(_) | Self::LogGroup(_))
    }

    /// Who called, where the sender is a caller.
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

/// Whether no bound applies: AWS recorded a throttle or a missing step of access. AWS says either only of models that
/// exist, so that there are few of them, and each needs somebody or something to act.
pub(crate) fn is_certain(cause: Cause, is_recorded: bool, sender: &Sender) -> bool {
    is_recorded && !sender.is_log() && matches!(cause.category(), Category::Quota | Category::ModelAccess)
}
