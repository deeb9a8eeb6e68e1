//! What an event says, in our words: the vocabulary between AWS's many payloads and one incident.
//!
//! Invariant: a signal carries only what its payload said. What is missing is `None`, and is asked for
//! later.

use jiff::Timestamp;

use crate::callers::Origin;
use crate::diagnosis::{self, ErrorText, diagnose};
use crate::ids::{AccountId, Region};
use crate::model::ModelId;
use crate::shards::Shard;

/// One thing that a payload says.
#[derive(Clone, Debug, PartialEq)]
pub enum Signal {
    /// A call failed, and this is its error.
    Error(ErrorSignal),
    /// An alarm went off; the errors behind it are still to be found.
    Alarm(AlarmSignal),
    /// Something happened to a quota or to a request for more of it.
    QuotaChange(QuotaChange),
    /// The schedule: look after what is due.
    Tick {
        /// In this shard; `None`: in all of them.
        shard: Option<Shard>,
    },
    /// Nothing to do, and why.
    Ignored(Ignored),
}

/// Why a signal asks for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored(pub String);

impl Signal {
    /// An [`Ignored`] with that reason.
    pub(crate) fn ignored(reason: impl Into<String>) -> Self {
        Self::Ignored(Ignored(reason.into()))
    }
}

/// Where an error was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// A CloudTrail record.
    CloudTrail,
    /// A line of an application's log. Anybody who can write the log can forge it.
    ApplicationLog,
    /// A record of the model-invocation log.
    InvocationLog,
    /// A Bedrock job that failed.
    Job,
    /// AWS Health.
    Health,
}

/// A call that failed.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorSignal {
    /// Where it was read.
    pub source: Source,
    /// Whose call it was.
    pub account: Option<AccountId>,
    /// The source Region, where the call was made; never the one that served it.
    pub region: Option<Region>,
    /// The model as called.
    pub model: Option<ModelId>,
    /// `Converse` …
    pub operation: Option<String>,
    /// The error code.
    pub code: Option<String>,
    /// The HTTP status.
    pub status: Option<u16>,
    /// The error text. May hold other people's words; never shown whole.
    pub message: String,
    /// ARN of the role without path and session, or of the user.
    pub caller: Option<String>,
    /// From where and with what it was made.
    pub origin: Origin,
    /// When the call failed.
    pub at: Option<Timestamp>,
}

/// A message of a signal has at most so many bytes: however many are kept, they are small.
const LONGEST: usize = 16 * 1024;

impl ErrorSignal {
    /// Cuts a long message to the first part of it that means the same: the sentence that decides may stand
    /// anywhere in a stack trace.
    pub(super) fn shorten(&mut self) {
        if self.message.len() <= LONGEST {
            return;
        }
        let rule = diagnose(&self.text()).rule;
        let part = |from: usize| {
            let from = self.message.floor_char_boundary(from);
            let to = self.message.floor_char_boundary(from.saturating_add(LONGEST));
            self.message.get(from..to).unwrap_or_default()
        };
        let starts = (0..self.message.len()).step_by(LONGEST / 2);
        let mut parts = starts.take_while(|from| *from < diagnosis::LONGEST).map(part);
        let means_the_same = |part: &&str| diagnose(&ErrorText { message: part, ..self.text() }).rule == rule;
        let message = parts.find(means_the_same).unwrap_or_else(|| part(0)).to_owned();
        self.message = message;
    }

    /// What a diagnosis looks at.
    pub fn text(&self) -> ErrorText<'_> {
        ErrorText {
            code: self.code.as_deref(),
            status: self.status,
            operation: self.operation.as_deref(),
            message: &self.message,
        }
    }
}

/// Which of Bedrock's metrics an alarm watches.
/// See <https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-runtime-metrics.html>; for the
/// bedrock-mantle endpoint
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-mantle-metrics.html>.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Metric {
    /// `InvocationThrottles`.
    Throttles,
    /// `InvocationServerErrors`.
    ServerErrors,
    /// `InvocationClientErrors`.
    ClientErrors,
    /// `InferenceClientErrors` of the bedrock-mantle endpoint: every 4xx, throttles among them.
    MantleClientErrors,
    /// `LegacyModelInvocations`.
    LegacyInvocations,
    /// Any other, or one that the alarm does not name.
    Other,
}

impl Metric {
    /// Every metric that has a name.
    pub const NAMED: [Self; 5] = [
        Self::Throttles,
        Self::ServerErrors,
        Self::ClientErrors,
        Self::MantleClientErrors,
        Self::LegacyInvocations,
    ];

    /// The metric with AWS's name `name`.
    pub fn named(name: &str) -> Self {
        match name {
            "InvocationThrottles" => Self::Throttles,
            "InvocationServerErrors" => Self::ServerErrors,
            "InvocationClientErrors" => Self::ClientErrors,
            "InferenceClientErrors" => Self::MantleClientErrors,
            "LegacyModelInvocations" => Self::LegacyInvocations,
            _ => Self::Other,
        }
    }

    /// AWS's name; `None` for [`Metric::Other`].
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::Throttles => Some("InvocationThrottles"),
            Self::ServerErrors => Some("InvocationServerErrors"),
            Self::ClientErrors => Some("InvocationClientErrors"),
            Self::MantleClientErrors => Some("InferenceClientErrors"),
            Self::LegacyInvocations => Some("LegacyModelInvocations"),
            Self::Other => None,
        }
    }

    /// The namespace it is published in, and the dimension that names the model there.
    pub const fn series(self) -> (&'static str, &'static str) {
        match self {
            Self::MantleClientErrors => ("AWS/BedrockMantle", "Model"),
            _ => ("AWS/Bedrock", "ModelId"),
        }
    }
}

/// An alarm about Bedrock that is in ALARM and not muted.
#[derive(Clone, Debug, PartialEq)]
pub struct AlarmSignal {
    /// The account the alarm is in.
    pub account: Option<AccountId>,
    /// The Region the alarm is in.
    pub region: Option<Region>,
    /// The alarm's name.
    pub name: String,
    /// What it watches.
    pub metric: Metric,
    /// The models it watches: several of a metric-math alarm, any of which may be meant; none when it
    /// watches all of them, or is composite.
    pub models: Vec<ModelId>,
    /// Whether CloudWatch can name the models that made it go off: it watches each by itself.
    pub has_contributors: bool,
    /// Names of the alarms that a composite one is made of; only those that set it off, where it tells.
    pub children: Vec<String>,
    /// When it went off.
    pub at: Option<Timestamp>,
}

/// News about a quota.
#[derive(Clone, Debug, PartialEq)]
pub struct QuotaChange {
    /// Whose quota.
    pub account: Option<AccountId>,
    /// Where.
    pub region: Option<Region>,
    /// The increase request, if the event names it.
    pub request_id: Option<String>,
    /// The quota's name; these events carry no codes.
    pub quota_name: Option<String>,
    /// The request's or case's new status, as AWS words it.
    pub status: Option<String>,
}

/// An inference call that succeeded.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The model as called; `None` where the record does not tell.
    pub model: Option<ModelId>,
    /// See [`ErrorSignal::caller`].
    pub caller: Option<String>,
    /// From where and with what it was made.
    pub origin: Origin,
    /// When.
    pub at: Option<Timestamp>,
}

/// What CloudTrail's event history shows of the inference calls of a window.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recorded {
    /// The errors in what was read, the latest first.
    pub errors: Vec<ErrorSignal>,
    /// The calls that succeeded, the latest first.
    pub calls: Vec<Call>,
    /// How many recorded calls were read, failed or not.
    pub read: usize,
    /// Whether nothing of the window is left unread.
    pub is_whole: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_keeps_the_part_that_decides() {
        let sentence =
            "botocore.errorfactory.ThrottlingException: Too many tokens, please wait before trying again.";
        for before in [0, 10_000, 16_380, 20_000, 100_000] {
            let message =
                format!("{}{sentence}{}", "at ä.frame ".repeat(before / 11), " more".repeat(40_000));
            let mut error = ErrorSignal {
                source: Source::ApplicationLog,
                account: None,
                region: None,
                model: None,
                operation: None,
                code: None,
                status: None,
                message,
                caller: None,
                origin: Origin::default(),
                at: None,
            };
            let rule = diagnose(&error.text()).rule;
            error.shorten();
            assert!(error.message.len() <= LONGEST, "{before}");
            assert_eq!((diagnose(&error.text()).rule, rule), (Some("too-many-tokens"), rule), "{before}");
        }
    }
}
