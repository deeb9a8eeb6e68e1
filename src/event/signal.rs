//! What an event says, in this crate's vocabulary. It stands between AWS's many payloads and an incident.
//!
//! Invariant: A signal contains only what its payload said. Anything else is `None`, and is looked up later.

use jiff::Timestamp;

use crate::callers::Origin;
use crate::diagnosis::{self, ErrorText, diagnose};
use crate::ids::{AccountId, Region};
use crate::model::ModelId;
use crate::quota::Variant;
use crate::shards::Shard;

/// One statement of a payload.
#[derive(Clone, Debug, PartialEq)]
pub enum Signal {
    /// A call failed, and this is its error.
    Error(ErrorSignal),
    /// An alarm went off. The errors behind it must still be found.
    Alarm(AlarmSignal),
    /// A quota, or a request to increase it, has changed.
    QuotaChange(QuotaChange),
    /// A scheduled tick: sweep what is due.
    Tick {
        /// The shard to sweep; `None`: all shards.
        shard: Option<Shard>,
    },
    /// There is nothing to do, with the reason.
    Ignored(Ignored),
}

/// Why a signal needs no action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// The reason, in words for a person.
    pub reason: String,
    /// Whether the signal names an account for which nobody vouches. A sender that does so may be forging events.
    pub is_unvouched: bool,
}

impl Signal {
    /// An [`Ignored`] with this reason.
    pub(crate) fn ignored(reason: impl Into<String>) -> Self {
        Self::Ignored(Ignored { reason: reason.into(), is_unvouched: false })
    }

    /// An [`Ignored`] that names an account for which nobody vouches.
    pub(super) fn unvouched(reason: impl Into<String>) -> Self {
        Self::Ignored(Ignored { reason: reason.into(), is_unvouched: true })
    }
}

/// Where an error came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// A CloudTrail record.
    CloudTrail,
    /// A line of an application's log. Anybody who can write to the log can forge it.
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
    /// Where the error came from.
    pub source: Source,
    /// The account that made the call.
    pub account: Option<AccountId>,
    /// The source Region, where the call was made. It is never the Region that served the call.
    pub region: Option<Region>,
    /// The model as called.
    pub model: Option<ModelId>,
    /// The way of calling, where the source of the error says it; `None` if it does not.
    pub variant: Option<Variant>,
    /// The output tokens that the call reserved, where the source of the error has the request; `None` if it has not.
    pub max_tokens: Option<u64>,
    /// The API operation, such as `Converse`.
    pub operation: Option<String>,
    /// The error code.
    pub code: Option<String>,
    /// The HTTP status.
    pub status: Option<u16>,
    /// The error text. It may contain customer content, so it is never shown as it is.
    pub message: String,
    /// ARN of the role without path and session, or of the user.
    pub caller: Option<String>,
    /// Where the call came from and with what client.
    pub origin: Origin,
    /// When the call failed.
    pub at: Option<Timestamp>,
}

/// The longest message that a signal keeps, in bytes.
const LONGEST: usize = 16 * 1024;

impl ErrorSignal {
    /// Cuts a long message to its first part with the same diagnosis. The decisive sentence can be anywhere in a stack
    /// trace.
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

    /// The input of the diagnosis.
    pub fn text(&self) -> ErrorText<'_> {
        ErrorText {
            code: self.code.as_deref(),
            status: self.status,
            operation: self.operation.as_deref(),
            message: &self.message,
            is_of_bedrock: match self.source {
                Source::CloudTrail | Source::InvocationLog | Source::Job => true,
                Source::ApplicationLog | Source::Health => false,
            },
        }
    }
}

/// The Bedrock metric that an alarm watches.
/// See <https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-runtime-metrics.html>; for the
/// bedrock-mantle endpoint
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-mantle-metrics.html>; for `AgentCore`
/// <https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/observability-runtime-metrics.html>.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Metric {
    /// `InvocationThrottles`.
    Throttles,
    /// `InvocationServerErrors`.
    ServerErrors,
    /// `InvocationClientErrors`.
    ClientErrors,
    /// `InferenceClientErrors` of the bedrock-mantle endpoint: every 4xx, including throttles.
    MantleClientErrors,
    /// `Throttles` of `AgentCore`.
    AgentCoreThrottles,
    /// `SystemErrors` of `AgentCore`: every 5xx.
    AgentCoreServerErrors,
    /// `UserErrors` of `AgentCore`: every 4xx except throttles.
    AgentCoreClientErrors,
    /// `LegacyModelInvocations`.
    LegacyInvocations,
    /// Any other metric, or none that the alarm names.
    Other,
}

impl Metric {
    /// Every metric that has a name.
    pub const NAMED: [Self; 8] = [
        Self::Throttles,
        Self::ServerErrors,
        Self::ClientErrors,
        Self::MantleClientErrors,
        Self::AgentCoreThrottles,
        Self::AgentCoreServerErrors,
        Self::AgentCoreClientErrors,
        Self::LegacyInvocations,
    ];

    /// The metric with this AWS name.
    pub fn named(name: &str) -> Self {
        match name {
            "InvocationThrottles" => Self::Throttles,
            "InvocationServerErrors" => Self::ServerErrors,
            "InvocationClientErrors" => Self::ClientErrors,
            "InferenceClientErrors" => Self::MantleClientErrors,
            "Throttles" => Self::AgentCoreThrottles,
            "SystemErrors" => Self::AgentCoreServerErrors,
            "UserErrors" => Self::AgentCoreClientErrors,
            "LegacyModelInvocations" => Self::LegacyInvocations,
            _ => Self::Other,
        }
    }

    /// The AWS name; `None` for [`Metric::Other`].
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::Throttles => Some("InvocationThrottles"),
            Self::ServerErrors => Some("InvocationServerErrors"),
            Self::ClientErrors => Some("InvocationClientErrors"),
            Self::MantleClientErrors => Some("InferenceClientErrors"),
            Self::AgentCoreThrottles => Some("Throttles"),
            Self::AgentCoreServerErrors => Some("SystemErrors"),
            Self::AgentCoreClientErrors => Some("UserErrors"),
            Self::LegacyInvocations => Some("LegacyModelInvocations"),
            Self::Other => None,
        }
    }

    /// The metric `name` of `namespace`; `None` if no alarm about it concerns Bedrock. An agent's calls of a model have
    /// metrics of their own, which count what the model's metrics count as well
    /// (<https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-agents-cw-metrics.html>).
    pub fn of(namespace: &str, name: &str) -> Option<Self> {
        if namespace == "AWS/Bedrock/Agents" {
            return Self::of("AWS/Bedrock", name.strip_prefix("Model").unwrap_or(name));
        }
        let known = Self::named(name);
        let is_of_models = namespace == "AWS/Bedrock" || namespace == "AWS/BedrockMantle";
        if known.series().0 == namespace { Some(known) } else { is_of_models.then_some(Self::Other) }
    }

    /// Whether it counts calls of `AgentCore`, which are calls of no model.
    pub const fn is_of_agent_core(self) -> bool {
        matches!(self, Self::AgentCoreThrottles | Self::AgentCoreServerErrors | Self::AgentCoreClientErrors)
    }

    /// The metric's namespace, and the dimension that names the model there; of `AgentCore`, the operation.
    pub const fn series(self) -> (&'static str, &'static str) {
        match self {
            _ if self.is_of_agent_core() => ("AWS/Bedrock-AgentCore", "Operation"),
            Self::MantleClientErrors => ("AWS/BedrockMantle", "Model"),
            _ => ("AWS/Bedrock", "ModelId"),
        }
    }
}

/// An alarm about Bedrock that is in ALARM state and is not muted.
#[derive(Clone, Debug, PartialEq)]
pub struct AlarmSignal {
    /// The account the alarm is in.
    pub account: Option<AccountId>,
    /// The Region the alarm is in.
    pub region: Option<Region>,
    /// The alarm's name.
    pub name: String,
    /// The metric it watches.
    pub metric: Metric,
    /// The models it watches. A metric-math alarm may have several, any of which may be the cause. Empty if it watches
    /// all models or is a composite alarm.
    pub models: Vec<ModelId>,
    /// The operation of `AgentCore` that it watches; `None` if it watches several or a model.
    pub operation: Option<String>,
    /// Whether the alarm watches each model by itself, so that CloudWatch can name the models that set it off.
    pub has_contributors: bool,
    /// Names of a composite alarm's children: those that set it off if the alarm says so, otherwise all of them.
    pub children: Vec<String>,
    /// When the alarm went off.
    pub at: Option<Timestamp>,
}

/// A change of a quota or of an increase request.
#[derive(Clone, Debug, PartialEq)]
pub struct QuotaChange {
    /// The account of the quota.
    pub account: Option<AccountId>,
    /// The Region of the quota.
    pub region: Option<Region>,
    /// The id of the increase request; `None` if the event does not name it.
    pub request_id: Option<String>,
    /// The quota's name. These events contain no quota codes.
    pub quota_name: Option<String>,
    /// The new status of the request or support case, in AWS's words.
    pub status: Option<String>,
}

/// An inference call that succeeded.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The model as called; `None` if the record does not say.
    pub model: Option<ModelId>,
    /// See [`ErrorSignal::caller`].
    pub caller: Option<String>,
    /// Where the call came from and with what client.
    pub origin: Origin,
    /// When the call was made.
    pub at: Option<Timestamp>,
}

/// The inference calls of a time window in CloudTrail's event history.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recorded {
    /// The errors among the calls that were read, latest first.
    pub errors: Vec<ErrorSignal>,
    /// The successful calls, latest first.
    pub calls: Vec<Call>,
    /// The number of calls that were read, failed or not.
    pub read: usize,
    /// Whether the whole window was read.
    pub is_whole: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarms_metric_is_known_by_its_namespace_and_name() {
        for (namespace, name, expected) in [
            ("AWS/Bedrock", "InvocationThrottles", Some(Metric::Throttles)),
            ("AWS/Bedrock", "InvocationLatency", Some(Metric::Other)),
            ("AWS/Bedrock", "InferenceClientErrors", Some(Metric::Other)),
            ("AWS/BedrockMantle", "InferenceClientErrors", Some(Metric::MantleClientErrors)),
            ("AWS/Bedrock/Agents", "ModelInvocationThrottles", Some(Metric::Throttles)),
            ("AWS/Bedrock/Agents", "InvocationServerErrors", Some(Metric::ServerErrors)),
            ("AWS/Bedrock/Agents", "TTFT", Some(Metric::Other)),
            ("AWS/Bedrock-AgentCore", "Throttles", Some(Metric::AgentCoreThrottles)),
            ("AWS/Bedrock-AgentCore", "Latency", None),
            ("AWS/Lambda", "Throttles", None),
        ] {
            assert_eq!(Metric::of(namespace, name), expected, "{namespace} {name}");
        }
    }

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
                variant: None,
                max_tokens: None,
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
