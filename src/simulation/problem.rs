//! What goes wrong in a life, and how it is reported: as an event, in a topic's message, or as a log line.

use std::io::Write as _;

use base64::Engine as _;
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::diagnosis::Cause;
use crate::ids::Region;
use crate::simulation::features::TrueFeature;
use crate::usage::Endpoint;

/// Something that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub(super) what: What,
    pub(super) region: &'static str,
    /// The model; empty if the call has none.
    pub(super) model: String,
    /// The endpoint that was called, if it is about model inference.
    pub(super) endpoint: Endpoint,
    pub(super) who: ProblemCaller,
    pub(super) form: Form,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Tokens,
    Requests,
    Rate,
    /// A line that names a daily limit, which nobody has reached.
    PerDay,
    Alarm,
    Form,
    /// An action is denied on a resource of the model, in one of the Regions that the call is routed to.
    Denied(&'static str, &'static str),
    Malformed,
    Overloaded,
    Unknown,
    /// A limit that is not of model inference.
    Feature(&'static TrueFeature),
}

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ProblemCaller {
    Role(String),
    /// The root user; `shown` if CloudTrail's event history has the call, not only the event.
    Root {
        shown: bool,
    },
}

/// How it is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A CloudTrail record or an alarm, through EventBridge.
    Event,
    /// The same in a topic's message.
    Topic,
    /// A line of an application's log.
    Line,
    /// A record of the model invocation log, in a stream.
    Record,
    /// A forged line, with any time and account.
    Forged { other_account: bool, ahead: bool },
}

/// What a problem's error says, as far as a notice must say the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) cause: Cause,
    pub(super) action: Option<String>,
    pub(super) resource: Option<String>,
    /// Whether AWS recorded it, not an application.
    pub(super) is_recorded: bool,
    /// Whether only a metric says so. What was known of the incident before may explain it.
    pub(super) is_alarm: bool,
}

impl Word {
    /// Whether AWS recorded it, and it names a cause rather than only a throttle.
    pub(super) fn is_named(&self) -> bool {
        self.is_recorded && !matches!(self.cause, Cause::RateUnspecified | Cause::Unknown)
    }
}

impl Problem {
    /// The event for one of its errors that happened at `at`.
    pub(super) fn event(&self, at: Timestamp) -> String {
        match self.form {
            Form::Event => self.by_event_bridge(at).to_string(),
            Form::Topic => json!({
                "Type": "Notification",
                "MessageId": "b0d5c4b4-5a3c-5c9e-8f0e-1d2c3b4a5f60",
                "TopicArn": format!("arn:aws:sns:{}:{ACCOUNT}:errors", self.region),
                "Message": self.by_event_bridge(at).to_string(),
            })
            .to_string(),
            Form::Line => subscription(ACCOUNT, at, &self.line()),
            Form::Forged { other_account, ahead } => {
                let at = if ahead { Timestamp::from_second(4_930_000_000).unwrap_or(at) } else { at };
                subscription(if other_account { OTHER_ACCOUNT } else { ACCOUNT }, at, &self.line())
            }
            Form::Record => {
                let record =
                    json!({ "kinesis": { "data": packed(&log_data(ACCOUNT, at, &self.record(at))) } });
                json!({ "Records": [record] }).to_string()
            }
        }
    }

    fn by_event_bridge(&self, at: Timestamp) -> Value {
        let time = at.strftime("%FT%TZ").to_string();
        let Self { region, model, .. } = self;
        if self.what == What::Alarm {
            let metric = json!({
                "namespace": "AWS/Bedrock", "name": "InvocationThrottles", "dimensions": { "ModelId": model },
            });
            return json!({
                "detail-type": "CloudWatch Alarm State Change", "source": "aws.cloudwatch",
                "account": ACCOUNT, "region": region, "time": time,
                "detail": {
                    "alarmName": "bedrock-throttles", "state": { "value": "ALARM", "timestamp": time },
                    "configuration": { "metrics": [{ "id": "m1", "metricStat": { "metric": metric, "period": 60, "stat": "Sum" }, "returnData": true }] },
                },
            });
        }
        let (code, text) = self.error();
        let service = self.service();
        let parameters = match self.endpoint {
            Endpoint::Mantle => json!({ "model": model }),
            Endpoint::Runtime if model.is_empty() => json!({}),
            Endpoint::Runtime => json!({ "modelId": model }),
        };
        json!({
            "detail-type": "AWS API Call via CloudTrail", "source": format!("aws.{service}"),
            "account": ACCOUNT, "region": region, "time": time,
            "detail": {
                "eventSource": format!("{service}.amazonaws.com"), "eventName": self.operation(),
                "awsRegion": region, "eventTime": time, "recipientAccountId": ACCOUNT, "errorCode": code,
                "errorMessage": text, "requestParameters": parameters, "userIdentity": { "arn": self.principal() },
            },
        })
    }

    /// The service that records its calls.
    fn service(&self) -> &'static str {
        match (self.feature(), self.endpoint) {
            (Some(feature), _) => feature.service.as_str(),
            (None, Endpoint::Mantle) => "bedrock-mantle",
            (None, Endpoint::Runtime) => "bedrock",
        }
    }

    fn operation(&self) -> &'static str {
        match (self.feature(), self.endpoint) {
            (Some(feature), _) => feature.operation,
            (None, Endpoint::Mantle) => "CreateInference",
            (None, Endpoint::Runtime) => "Converse",
        }
    }

    /// The model invocation log record.
    fn record(&self, at: Timestamp) -> String {
        let (code, text) = self.error();
        json!({
            "schemaType": "ModelInvocationLog", "schemaVersion": "1.0", "timestamp": at.strftime("%FT%TZ").to_string(),
            "accountId": ACCOUNT, "region": self.region, "operation": "Converse", "modelId": self.model,
            "errorCode": code, "errorMessage": text, "identity": { "arn": self.principal() },
        })
        .to_string()
    }

    /// The line that an application writes.
    fn line(&self) -> String {
        let (code, text) = self.error();
        let Self { region, model, .. } = self;
        let url = match (self.feature(), self.endpoint) {
            (Some(feature), _) => format!("https://{}.{region}.amazonaws.com/", feature.service),
            (None, Endpoint::Mantle) => {
                format!("https://bedrock-mantle.{region}.api.aws/v1/responses modelId={model}")
            }
            (None, Endpoint::Runtime) => {
                format!("https://bedrock-runtime.{region}.amazonaws.com/model/{model}/converse")
            }
        };
        let operation = self.operation();
        format!(
            "ERROR An error occurred ({code}) when calling the {operation} operation (reached max retries: 4): {text} [{url}]"
        )
    }

    fn principal(&self) -> String {
        match &self.who {
            ProblemCaller::Role(role) => format!("arn:aws:sts::{ACCOUNT}:assumed-role/{role}/session"),
            ProblemCaller::Root { .. } => root(),
        }
    }

    fn error(&self) -> (&'static str, String) {
        let (code, text) = match self.what {
            What::Tokens => {
                ("ThrottlingException", "Too many tokens, please wait before trying again.".to_owned())
            }
            What::Requests => {
                ("ThrottlingException", "Too many requests, please wait before trying again.".to_owned())
            }
            What::PerDay => (
                "ThrottlingException",
                "Too many tokens per day, please wait before trying again.".to_owned(),
            ),
            What::Rate | What::Alarm => ("ThrottlingException", "Rate exceeded".to_owned()),
            What::Form => (
                "ResourceNotFoundException",
                "Model use case details have not been submitted for this account. Fill out the Anthropic use case details form before using the model.".to_owned(),
            ),
            What::Denied(action, _) => (
                "AccessDeniedException",
                format!(
                    "User: {} is not authorized to perform: {action} on resource: {} because no identity-based policy allows the {action} action",
                    self.principal(),
                    self.resource().unwrap_or_default()
                ),
            ),
            What::Malformed => (
                "ValidationException",
                "Malformed input request: #: required key [messages] not found".to_owned(),
            ),
            What::Overloaded => {
                ("ServiceUnavailableException", "Service unavailable. Try again later.".to_owned())
            }
            What::Unknown => ("SomethingNewException", "the moon is in the wrong house".to_owned()),
            What::Feature(feature) => (feature.code, feature.text.to_owned()),
        };
        (code, text)
    }

    fn resource(&self) -> Option<String> {
        let What::Denied(_, to) = self.what else { return None };
        Some(format!("arn:aws:bedrock:{to}::foundation-model/{}", self.model))
    }

    /// The action that was denied.
    pub(super) fn action(&self) -> Option<&'static str> {
        if let What::Denied(action, _) = self.what { Some(action) } else { None }
    }

    /// What a notice must say about it.
    pub(super) fn word(&self) -> Word {
        let cause = match self.what {
            What::Tokens => Cause::TokensPerMinute,
            What::Requests => Cause::RequestsPerMinute,
            What::PerDay => Cause::TokensPerDay,
            What::Rate | What::Alarm => Cause::RateUnspecified,
            What::Form => Cause::UseCaseForm,
            What::Denied(..) => Cause::IdentityPolicy,
            What::Malformed => Cause::Malformed,
            What::Overloaded => Cause::ServiceUnavailable,
            What::Unknown => Cause::Unknown,
            What::Feature(feature) => feature.cause,
        };
        Word {
            cause,
            action: self.action().map(str::to_owned),
            resource: self.resource(),
            is_recorded: self.what != What::Alarm && !self.is_written(),
            is_alarm: self.what == What::Alarm,
        }
    }

    /// Whether a per-minute limit refuses calls of its model.
    pub(super) fn is_throttle(&self) -> bool {
        matches!(self.what, What::Tokens | What::Requests | What::Rate) && !self.is_forged()
    }

    /// The error, if it is about a quota that is not of model inference.
    pub(super) fn feature(&self) -> Option<&'static TrueFeature> {
        if let What::Feature(feature) = self.what { Some(feature) } else { None }
    }

    /// Whether CloudTrail's event history can hold its calls. Those of the bedrock-mantle endpoint are data events.
    pub(super) fn is_in_history(&self) -> bool {
        self.endpoint == Endpoint::Runtime && self.feature().is_none()
    }

    /// Its Region.
    pub(super) fn place(&self) -> Option<Region> {
        Region::parse(self.region)
    }

    /// Whether it is in a line that an application wrote.
    pub(super) fn is_written(&self) -> bool {
        matches!(self.form, Form::Line | Form::Forged { .. })
    }

    /// Whether nothing of it is true.
    pub(super) fn is_forged(&self) -> bool {
        matches!(self.form, Form::Forged { .. })
    }

    /// The errors it counts as: none for an alarm, else one.
    pub(super) fn errors(&self) -> u64 {
        u64::from(self.what != What::Alarm)
    }
}

/// The account's root user.
pub(super) fn root() -> String {
    format!("arn:aws:iam::{ACCOUNT}:root")
}

/// What CloudWatch Logs delivers to a subscription.
fn log_data(owner: &str, at: Timestamp, line: &str) -> String {
    json!({
        "messageType": "DATA_MESSAGE", "owner": owner, "logGroup": "/aws/lambda/shop", "logStream": "2026/11/20/[$LATEST]1",
        "subscriptionFilters": ["bedrock-errors"],
        "logEvents": [{ "id": "1", "timestamp": at.as_millisecond(), "message": line }],
    })
    .to_string()
}

fn subscription(owner: &str, at: Timestamp, line: &str) -> String {
    json!({ "awslogs": { "data": packed(&log_data(owner, at, line)) } }).to_string()
}

/// Gzip in Base64.
fn packed(text: &str) -> String {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // Writing to memory does not fail; otherwise the message would be unreadable, and the life would report it.
    let bytes = encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish()).unwrap_or_default();
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// A tick of the schedule.
pub(super) fn tick() -> String {
    json!({ "detail-type": "Scheduled Event", "source": "aws.events", "account": ACCOUNT, "region": "us-east-1", "detail": {} })
        .to_string()
}

/// Service Quotas' event about a request.
pub(super) fn news(at: Timestamp) -> String {
    json!({
        "detail-type": "AWS Service Event via CloudTrail", "source": "aws.servicequotas",
        "account": ACCOUNT, "region": "us-east-1", "time": at.strftime("%FT%TZ").to_string(),
        "detail": {
            "eventSource": "servicequotas.amazonaws.com", "eventName": "UpdateServiceQuotaIncreaseRequestStatus",
            "awsRegion": "us-east-1", "recipientAccountId": ACCOUNT,
            "serviceEventDetails": { "newStatus": "CASE_CLOSED", "serviceName": "Amazon Bedrock" },
        },
    })
    .to_string()
}

pub(crate) const ACCOUNT: &str = "111122223333";

pub(crate) const OTHER_ACCOUNT: &str = "999988887777";

pub(crate) const REGIONS: [&str; 2] = ["us-east-1", "eu-west-1"];
