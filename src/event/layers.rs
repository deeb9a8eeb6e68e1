//! Opens the layers around an event: Lambda batches, SNS, SQS, Kinesis, EventBridge.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::event::envelope::{Envelope, Malformed, shown};
use crate::event::opener::Opener;
use crate::event::signal::Signal;
use crate::event::value::{Maybe, Text, object};
use crate::event::{alarm, cloudtrail, logs, service};
use crate::identity::FunctionIdentity;
use crate::shards::Shard;

/// The deepest nesting that is opened. Real payloads are shallower.
const DEEPEST: usize = 8;

/// The keys that distinguish one layer from another.
#[derive(Deserialize)]
pub(crate) struct Layer<'a> {
    #[serde(borrow, rename = "Records")]
    pub(crate) records: Option<&'a RawValue>,
    #[serde(borrow)]
    awslogs: Option<&'a RawValue>,
    #[serde(borrow, rename = "logEvents")]
    log_events: Option<&'a RawValue>,
    #[serde(borrow, rename = "messageType", default)]
    message_type: Text<'a>,
    #[serde(borrow, rename = "Type", default)]
    sns_type: Text<'a>,
    #[serde(borrow, rename = "Message", default)]
    sns_message: Text<'a>,
    #[serde(borrow, rename = "AlarmName", default)]
    alarm_name: Text<'a>,
    #[serde(borrow, rename = "NewStateValue", default)]
    new_state: Text<'a>,
    #[serde(borrow, rename = "alarmData")]
    alarm_data: Option<&'a RawValue>,
    #[serde(borrow, rename = "detail-type", default)]
    detail_type: Text<'a>,
    #[serde(borrow, rename = "detailType", default)]
    detail_type_in_camel_case: Text<'a>,
    #[serde(borrow, default)]
    source: Text<'a>,
    #[serde(borrow)]
    detail: Option<&'a RawValue>,
    #[serde(borrow, default)]
    account: Text<'a>,
    #[serde(borrow, default)]
    region: Text<'a>,
    #[serde(borrow, default)]
    time: Text<'a>,
    #[serde(borrow, rename = "eventSource", default)]
    event_source: Text<'a>,
    #[serde(borrow, rename = "eventName", default)]
    event_name: Text<'a>,
    #[serde(borrow, rename = "CloudTrailEvent", default)]
    cloudtrail_event: Text<'a>,
    #[serde(borrow, rename = "schemaType", default)]
    schema_type: Text<'a>,
}

/// One record of a batch, in the spelling of any service that delivers batches.
#[derive(Deserialize)]
pub(crate) struct BatchRecord<'a> {
    #[serde(borrow, rename = "messageId", default)]
    message_id: Text<'a>,
    #[serde(borrow, rename = "eventID", default)]
    event_id: Text<'a>,
    #[serde(borrow, default)]
    pub(crate) body: Text<'a>,
    #[serde(borrow, rename = "Sns", default)]
    sns: Maybe<Sns<'a>>,
    #[serde(borrow, default)]
    kinesis: Maybe<Data<'a>>,
    #[serde(borrow, rename = "eventSource", default)]
    event_source: Text<'a>,
    /// The same key in SNS's spelling.
    #[serde(borrow, rename = "EventSource", default)]
    source_of_topic: Text<'a>,
}

#[derive(Deserialize)]
struct Sns<'a> {
    #[serde(borrow, rename = "MessageId", default)]
    message_id: Text<'a>,
    #[serde(borrow, rename = "Message", default)]
    message: Text<'a>,
}

/// The field in which Kinesis and CloudWatch Logs pack their data.
#[derive(Deserialize)]
pub(crate) struct Data<'a> {
    #[serde(borrow, default)]
    data: Text<'a>,
}

impl Data<'_> {
    fn read(&self, to: &mut Opener<'_>, at: &str) -> Result<(), Malformed> {
        let at = format!("{at}.data");
        let data = self.data.even_empty().ok_or_else(|| Malformed::new(&at, "expected a string"))?;
        logs::read_packed(data, to, &at)
    }
}

impl BatchRecord<'_> {
    /// The message's id, in the words of whichever service delivers it.
    pub(crate) fn id(&self) -> Option<String> {
        let sns = self.sns.get().and_then(|s| s.message_id.owned());
        self.message_id.owned().or(sns).or_else(|| self.event_id.owned())
    }
}

/// The elements of a list.
pub(crate) fn split<'a>(raw: &'a RawValue, at: &str) -> Result<Vec<&'a RawValue>, Malformed> {
    serde_json::from_str(raw.get()).map_err(|_| Malformed::new(at, "expected a list"))
}

/// Reads the keys of one layer. Anything but a JSON object is malformed.
pub(crate) fn layer<'a>(text: &'a str, at: &str) -> Result<Layer<'a>, Malformed> {
    let start = text.trim_start();
    if start.starts_with('{') {
        return object(text, at);
    }
    let found = match start.chars().next() {
        None => "nothing",
        Some('[') => "a list",
        Some('"') => "a string",
        Some('0'..='9' | '-') => "a number",
        Some(_) if matches!(start.trim_end(), "null" | "true" | "false") => "no object",
        Some(_) => "text that is no JSON",
    };
    Err(Malformed::new(at, format!("expected a JSON object, found {found}")))
}

/// Opens one record of a batch and whatever is inside.
pub(crate) fn open_record(
    record: &BatchRecord<'_>,
    raw: &RawValue,
    to: &mut Opener<'_>,
    at: &str,
    depth: usize,
) -> Result<(), Malformed> {
    if let Some(body) = record.body.even_empty() {
        let at = format!("{at}.body");
        let layer = layer(body, &at)?;
        return open(body, &layer, to, &at, depth + 1);
    }
    if let Some(message) = record.sns.get().and_then(|s| s.message.even_empty()) {
        return open_message(message, to, &format!("{at}.Sns.Message"), depth + 1);
    }
    if let Some(kinesis) = record.kinesis.get() {
        return kinesis.read(to, &format!("{at}.kinesis"));
    }
    match record.event_source.get().or_else(|| record.source_of_topic.get()) {
        // CloudTrail's own files contain `Records` too.
        Some(source) if source.ends_with(".amazonaws.com") => {
            to.put(cloudtrail::read(raw.get(), Envelope::default(), to.home, at)?);
        }
        Some(source) => to.put(Signal::ignored(format!("a record of {}", shown(source)))),
        None => return Err(Malformed::new(at, "a record with neither `body`, `Sns` nor `kinesis`")),
    }
    Ok(())
}

/// Reads an SNS message: an event, or text that somebody published.
fn open_message(message: &str, to: &mut Opener<'_>, at: &str, depth: usize) -> Result<(), Malformed> {
    if message.trim_start().starts_with('{') {
        let layer = layer(message, at)?;
        to.is_published = true;
        return open(message, &layer, to, at, depth);
    }
    let signal = logs::line(message, to.home);
    to.put(signal.unwrap_or_else(|| Signal::ignored("a text message that is no Bedrock error")));
    Ok(())
}

/// Opens one layer and whatever is inside.
pub(crate) fn open(
    text: &str,
    layer: &Layer<'_>,
    to: &mut Opener<'_>,
    at: &str,
    depth: usize,
) -> Result<(), Malformed> {
    if depth > DEEPEST {
        return Err(Malformed::new(at, "envelopes nested too deep"));
    }
    if let Some(records) = layer.records {
        let at = format!("{at}.Records");
        for (n, raw) in split(records, &at)?.into_iter().enumerate() {
            let at = format!("{at}[{n}]");
            let record: BatchRecord<'_> = object(raw.get(), &at)?;
            open_record(&record, raw, to, &at, depth + 1)?;
        }
        return Ok(());
    }
    if let Some(awslogs) = layer.awslogs {
        let at = format!("{at}.awslogs");
        return object::<Data<'_>>(awslogs.get(), &at)?.read(to, &at);
    }
    if layer.log_events.is_some() || layer.message_type.get() == Some("CONTROL_MESSAGE") {
        return logs::read(text, to, at);
    }
    if let Some(signal) = single(text, layer, to, at, depth)? {
        to.put(signal);
    }
    Ok(())
}

/// Opens a layer with a single signal; `None` if the signal was passed on already.
fn single(
    text: &str,
    layer: &Layer<'_>,
    to: &mut Opener<'_>,
    at: &str,
    depth: usize,
) -> Result<Option<Signal>, Malformed> {
    let home = to.home;
    if let Some(inner) = layer.cloudtrail_event.get() {
        return cloudtrail::read(inner, Envelope::default(), home, &format!("{at}.CloudTrailEvent"))
            .map(Some);
    }
    match layer.sns_type.get() {
        Some("Notification") if layer.sns_message.get().is_some() => {
            let message = layer.sns_message.get().unwrap_or_default();
            open_message(message, to, &format!("{at}.Message"), depth + 1)?;
            return Ok(None);
        }
        Some("SubscriptionConfirmation" | "UnsubscribeConfirmation") => {
            return Ok(Some(Signal::ignored(
                "a confirmation of an SNS subscription; its link is never fetched",
            )));
        }
        _ => {}
    }
    if layer.alarm_name.get().is_some() && layer.new_state.get().is_some() {
        return alarm::read_sns(text, home, at).map(Some);
    }
    let envelope =
        Envelope { account: layer.account.get(), region: layer.region.get(), time: layer.time.get() };
    if let Some(kind) = layer.detail_type.get().or_else(|| layer.detail_type_in_camel_case.get()) {
        // One published form puts an EventBridge envelope around a direct alarm action's body.
        let Some(detail) = layer.detail.or(layer.alarm_data) else {
            return Err(Malformed::new(at, "an EventBridge event without `detail`"));
        };
        let source = layer.source.get().unwrap_or_default();
        let signal = open_event(kind, source, detail, text, envelope, home, at)?;
        to.put_from(envelope.account, signal);
        return Ok(None);
    }
    if layer.alarm_data.is_some() {
        return alarm::read_direct(text, home, at).map(Some);
    }
    if layer.event_source.get().is_some_and(|s| s.ends_with(".amazonaws.com"))
        && layer.event_name.get().is_some()
    {
        return cloudtrail::read(text, envelope, home, at).map(Some);
    }
    if layer.schema_type.get() == Some("ModelInvocationLog") {
        return logs::invocation(text, home, at).map(Some);
    }
    let signal = logs::line(text, home);
    Ok(signal.or_else(|| Some(Signal::ignored("no event of a kind known here, and no Bedrock error in it"))))
}

/// The reader for an event that EventBridge delivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DetailReader {
    Alarm,
    CloudTrail,
    Health,
    Job,
    SupportCase,
    Tick,
}

/// A form of EventBridge event that the function reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventForm {
    /// The `detail-type`.
    pub detail_type: &'static str,
    /// The logical id of the template's rule that delivers it.
    pub rule: &'static str,
    reader: DetailReader,
}

const fn form(detail_type: &'static str, rule: &'static str, reader: DetailReader) -> EventForm {
    EventForm { detail_type, rule, reader }
}

/// Every form of EventBridge event that the function reads. Jobs have further kinds: any other event from `aws.bedrock`
/// is read as a job.
pub const EVENTS: &[EventForm] = &[
    form("AWS API Call via CloudTrail", "InferenceErrorsRule", DetailReader::CloudTrail),
    form("AWS Health Event", "HealthRule", DetailReader::Health),
    form("AWS Service Event via CloudTrail", "QuotaNewsRule", DetailReader::CloudTrail),
    form("Batch Inference Job State Change", "JobsRule", DetailReader::Job),
    form("Bedrock Data Automation Job Failed With Client Error", "JobsRule", DetailReader::Job),
    form("Bedrock Data Automation Job Failed With Service Error", "JobsRule", DetailReader::Job),
    form("CloudWatch Alarm Contributor State Change", "AlarmContributorsRule", DetailReader::Alarm),
    form("CloudWatch Alarm State Change", "YourAlarmsRule", DetailReader::Alarm),
    form("Model Customization Job State Change", "JobsRule", DetailReader::Job),
    form("Scheduled Event", "LaterTickRule", DetailReader::Tick),
    form("Scheduled Event", "TickRule", DetailReader::Tick),
    form("Support Case Update", "SupportNewsRule", DetailReader::SupportCase),
];

/// Payloads that are read but that no rule of the template delivers: what it is, how it gets to the function, and its
/// samples in `events/`.
pub const DIRECT: &[(&str, &str, &[&str])] = &[
    ("an alarm's direct action", "name the function as an action of the alarm", &["alarm-direct"]),
    ("an alarm's message to a topic", "subscribe the function to the topic", &["alarm-sns"]),
    ("another event in a topic's message", "subscribe the function to the topic", &["eventbridge-in-sns"]),
    (
        "a topic's message in a queue of yours",
        "an event source mapping; the function's role needs the rights to read the queue",
        &["alarm-sns-in-sqs"],
    ),
    (
        "a contributor of an alarm that is not the stack's own",
        "a rule of yours with the function as its target",
        &["alarm-contributor"],
    ),
    (
        "an application's log",
        "a subscription of the log group",
        &["logs-application", "logs-credentials-expired", "logs-forged-throttle"],
    ),
    (
        "an application's log in a Kinesis stream",
        "an event source mapping; the function's role needs the rights to read the stream",
        &["logs-kinesis"],
    ),
    ("the model-invocation log", "a subscription of its log group", &["logs-invocation"]),
    ("a tick of every shard", "invoke the function with it", &["tick"]),
    ("a record of CloudTrail without EventBridge", "invoke the function with it", &["cloudtrail-bare"]),
];

/// Reads an EventBridge event.
fn open_event(
    kind: &str,
    source: &str,
    detail: &RawValue,
    whole: &str,
    envelope: Envelope<'_>,
    home: &FunctionIdentity,
    at: &str,
) -> Result<Signal, Malformed> {
    let inner = format!("{at}.detail");
    let known = EVENTS.iter().find(|form| form.detail_type == kind).map(|form| form.reader);
    match known.or((source == "aws.bedrock").then_some(DetailReader::Job)) {
        Some(DetailReader::Alarm) => alarm::read_event(detail.get(), envelope, home, &inner),
        Some(DetailReader::CloudTrail) => cloudtrail::read(detail.get(), envelope, home, &inner),
        Some(DetailReader::Health) => service::read_health(detail.get(), whole, envelope, home, &inner),
        Some(DetailReader::Job) => service::read_job(kind, detail.get(), envelope, home, &inner),
        Some(DetailReader::SupportCase) => service::read_support_case(detail.get(), envelope, home, &inner),
        Some(DetailReader::Tick) => Ok(Signal::Tick { shard: shard(detail.get()) }),
        None => Ok(Signal::ignored(format!("an event of another kind, from {}", shown(source)))),
    }
}

/// The shard that a tick is for. A tick that names no shard, or an unknown one, is for all shards, so that none stays
/// unswept.
fn shard(detail: &str) -> Option<Shard> {
    #[derive(Deserialize)]
    struct Detail {
        shard: u64,
    }
    serde_json::from_str(detail).ok().and_then(|Detail { shard }| Shard::new(shard))
}
