//! Where the original text of an error can be read, by a person with the permission to do so.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::Region;
use crate::text::Safe;

/// The place that holds an error's original text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "in", rename_all = "kebab-case")]
pub enum Original {
    /// A record of CloudTrail's event history.
    Cloudtrail {
        /// The record's `eventID`.
        event_id: Safe,
    },
    /// A log line.
    Log {
        /// The log group.
        group: Safe,
        /// The log stream; `None` if its name is unknown or cannot be shown.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stream: Option<Safe>,
        /// When the line was written, in milliseconds since 1970; `None` if unknown.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<i64>,
    },
    /// A batch inference job.
    Job {
        /// Its ARN.
        arn: Safe,
    },
    /// An AWS Health event.
    Health {
        /// Its ARN.
        arn: Safe,
    },
}

impl Original {
    /// The CloudTrail record with this `eventID`; `None` if that is not an event id.
    pub(crate) fn in_trail(event_id: &str) -> Option<Self> {
        let is_id = (8..=64).contains(&event_id.len())
            && event_id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
        is_id.then(|| Safe::name(event_id).map(|event_id| Self::Cloudtrail { event_id })).flatten()
    }

    /// The log line in this group and stream. `None` unless `group` has the shape of a log group's name. The stream is
    /// left out unless a shell accepts its name between single quotes and it passes [`Safe::line`] unchanged.
    /// See <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html>.
    pub(crate) fn in_log(group: &str, stream: Option<&str>, at: Option<i64>) -> Option<Self> {
        let is_of = |name: &str, signs: &[u8]| {
            (1..=256).contains(&name.len())
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || signs.contains(&b))
        };
        let shown = |name: &str| Some(Safe::line(name, 256)).filter(|shown| shown.as_str() == name);
        let group = Some(group).filter(|g| is_of(g, b"._-/#")).and_then(shown)?;
        let stream = stream.filter(|s| is_of(s, b"._-/#$[]=,")).and_then(shown);
        Some(Self::Log { group, stream, at })
    }

    /// The batch inference job with this ARN; `None` if the ARN is not one.
    pub(crate) fn job(arn: &str) -> Option<Self> {
        let is_job = arn.contains(":bedrock:") && arn.contains(":model-invocation-job/");
        is_job.then(|| Safe::arn(arn).map(|arn| Self::Job { arn })).flatten()
    }

    /// The AWS Health event with this ARN; `None` if the ARN is not one.
    pub(crate) fn health(arn: &str) -> Option<Self> {
        let is_event = arn.contains(":health:");
        is_event.then(|| Safe::arn(arn).map(|arn| Self::Health { arn })).flatten()
    }

    /// The AWS CLI command that shows the original.
    pub fn command(&self, region: Option<&Region>) -> String {
        let region = region.map(|r| format!(" --region {r}")).unwrap_or_default();
        match self {
            Self::Cloudtrail { event_id } => format!(
                "aws cloudtrail lookup-events --lookup-attributes AttributeKey=EventId,AttributeValue={event_id}{region}"
            ),
            Self::Log { group, stream, at } => {
                let time = at.map(|at| format!(" --start-time {at} --end-time {}", at.saturating_add(1)));
                let time = time.unwrap_or_default();
                match stream {
                    Some(stream) => format!(
                        "aws logs get-log-events --log-group-name '{group}' --log-stream-name '{stream}'{time}{region}"
                    ),
                    None => format!("aws logs filter-log-events --log-group-name '{group}'{time}{region}"),
                }
            }
            Self::Job { arn } => {
                format!("aws bedrock get-model-invocation-job --job-identifier '{arn}'{region}")
            }
            // AWS Health has one active endpoint.
            // See <https://docs.aws.amazon.com/health/latest/ug/health-api.html>.
            Self::Health { arn } => {
                format!("aws health describe-event-details --event-arns '{arn}' --region us-east-1")
            }
        }
    }
}
