//! Reads log lines: CloudWatch Logs subscriptions, model-invocation logs, and applications' own text.
//!
//! Invariant: A line is an error only if the diagnosis recognises it. Of a model-invocation record, only fields that
//! hold no prompt are read.

use serde::Deserialize;
use serde::de::{Deserializer as _, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::callers::Origin;
use crate::diagnosis::{Cause, ErrorText, LONGEST, diagnose, endpoint_region};
use crate::event::envelope::Malformed;
use crate::event::opener::Opener;
use crate::event::request_parameters::RequestParameters;
use crate::event::signal::{ErrorSignal, Signal, Source};
use crate::event::value::{Maybe, Text, object, time, whole};
use crate::identity::FunctionIdentity;
use crate::ids::{AccountId, caller_of};
use crate::model::ModelId;
use crate::original::Original;
use crate::text::cut;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogData<'a> {
    #[serde(borrow, default)]
    message_type: Text<'a>,
    #[serde(borrow, default)]
    owner: Text<'a>,
    #[serde(borrow, default)]
    log_group: Text<'a>,
    #[serde(borrow, default)]
    log_stream: Text<'a>,
    /// Read line by line, because a delivery can contain a million lines.
    #[serde(borrow, default)]
    log_events: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct LogEvent<'a> {
    #[serde(default, deserialize_with = "whole")]
    timestamp: Option<i64>,
    #[serde(borrow, default)]
    message: Text<'a>,
}

/// A record of the model-invocation log. `input` and `output` contain prompts and completions;
/// only the members of the body that say which quota counts the call are read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Invocation<'a> {
    #[serde(borrow, default)]
    account_id: Text<'a>,
    #[serde(borrow, default)]
    region: Text<'a>,
    #[serde(borrow, default)]
    model_id: Text<'a>,
    #[serde(borrow, default)]
    operation: Text<'a>,
    #[serde(borrow, default)]
    error_code: Text<'a>,
    #[serde(borrow, default)]
    error_message: Text<'a>,
    #[serde(borrow, default)]
    timestamp: Text<'a>,
    #[serde(borrow, default)]
    identity: Maybe<CallerIdentity<'a>>,
    #[serde(borrow, default)]
    input: Maybe<InvocationInput<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InvocationInput<'a> {
    #[serde(borrow, default)]
    input_body_json: Maybe<RequestParameters<'a>>,
}

#[derive(Deserialize)]
struct CallerIdentity<'a> {
    #[serde(borrow, default)]
    arn: Text<'a>,
}

/// Reads subscription data in the packed form that CloudWatch Logs sends.
pub(super) fn read_packed(data: &str, to: &mut Opener<'_>, at: &str) -> Result<(), Malformed> {
    let text = to.unpack(data, at)?;
    read(&text, to, at)
}

/// Reads subscription data.
pub(super) fn read(text: &str, to: &mut Opener<'_>, at: &str) -> Result<(), Malformed> {
    #[derive(Deserialize)]
    struct Kind<'a> {
        #[serde(borrow, rename = "messageType", default)]
        message_type: Text<'a>,
    }
    let kind: Kind<'_> = object(text, at)?;
    if kind.message_type.get() == Some("CONTROL_MESSAGE") {
        to.put(Signal::ignored("CloudWatch Logs checks whether the destination can be reached"));
        return Ok(());
    }
    let data: LogData<'_> = object(text, at)?;
    if data.message_type.get() != Some("DATA_MESSAGE") {
        return Err(Malformed::new(at, "log data without a `messageType` we know"));
    }
    if data.log_group.get().is_some() && data.log_group.get() == to.home.log_group.as_deref() {
        to.put(Signal::ignored("this function's own log"));
        return Ok(());
    }
    let owner = data.owner.get().and_then(AccountId::parse);
    let mut lines = Lines { to, data: &data, owner, errors: 0 };
    if let Some(events) = data.log_events.map(RawValue::get).filter(|events| events.starts_with('[')) {
        serde_json::Deserializer::from_str(events)
            .deserialize_seq(&mut lines)
            .map_err(|e| Malformed::json(at, &e))?;
    }
    if lines.errors == 0 {
        to.put(Signal::ignored("no Bedrock error in these log lines"));
    }
    Ok(())
}

/// Reads the lines of a delivery one after another and keeps none.
struct Lines<'l, 'o> {
    to: &'l mut Opener<'o>,
    data: &'l LogData<'l>,
    owner: Option<AccountId>,
    errors: usize,
}

impl<'de> Visitor<'de> for &mut Lines<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of log events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut events: A) -> Result<(), A::Error> {
        while let Some(event) = events.next_element::<Maybe<LogEvent<'de>>>()? {
            let Some(event) = event.into() else { continue };
            let Some(mut signal) = event.message.get().and_then(|text| line(text, self.to.home)) else {
                continue;
            };
            if let Signal::Error(error) = &mut signal {
                error.account = error.account.take().or_else(|| self.owner.clone());
                let group = self.data.log_group.get();
                error.origin.original =
                    group.and_then(|g| Original::in_log(g, self.data.log_stream.get(), event.timestamp));
                let time = || jiff::Timestamp::from_millisecond(event.timestamp?).ok();
                error.at = error.at.or_else(time);
            }
            self.errors += 1;
            self.to.put(signal);
        }
        Ok(())
    }
}

/// Reads one line, or any text that an application wrote; `None` if it is not a Bedrock error.
pub(super) fn line(text: &str, home: &FunctionIdentity) -> Option<Signal> {
    #[derive(Deserialize)]
    struct Schema<'a> {
        #[serde(borrow, rename = "schemaType", default)]
        schema_type: Text<'a>,
    }
    let is_json = text.trim_start().starts_with('{');
    if is_json
        && object::<Schema<'_>>(text, "line").is_ok_and(|s| s.schema_type.get() == Some("ModelInvocationLog"))
    {
        return invocation(text, home, "line").ok();
    }
    // The diagnosis reads no more than this, so no more is copied.
    let text = cut(text, LONGEST);
    let found = diagnose(&ErrorText { message: text, ..ErrorText::default() });
    let lower = text.to_ascii_lowercase();
    let names_bedrock = lower.contains("bedrock");
    let is_error = match found.row() {
        None => names_bedrock && (lower.contains("exception") || lower.contains("error")),
        // Only a status code matched, and any service can return that.
        Some(row) if row.says.is_empty() && found.facts.code.is_none() => names_bedrock,
        Some(_) => found.cause != Cause::Unrelated,
    };
    if !is_error {
        return None;
    }
    Some(Signal::Error(ErrorSignal {
        source: Source::ApplicationLog,
        account: None,
        region: endpoint_region(text).or_else(|| home.region.clone()).or(found.facts.region),
        model: found.facts.model_id,
        variant: None,
        max_tokens: None,
        operation: found.facts.operation.map(|o| o.to_string()),
        code: None,
        status: None,
        message: text.to_owned(),
        caller: found.facts.principal.as_deref().and_then(caller_of),
        origin: Origin::default(),
        at: None,
    }))
}

impl Invocation<'_> {
    /// The request body; `None` if bodies are not logged, or this one is in S3 because of its size.
    fn body(&self) -> Option<&RequestParameters<'_>> {
        self.input.get()?.input_body_json.get()
    }
}

/// Reads one model-invocation record.
pub(super) fn invocation(text: &str, home: &FunctionIdentity, at: &str) -> Result<Signal, Malformed> {
    let record: Invocation<'_> = object(text, at)?;
    let Some(code) = record.error_code.get() else {
        return Ok(Signal::ignored("a model invocation that succeeded"));
    };
    let principal = record.identity.get().and_then(|i| i.arn.get());
    let (caller, account) =
        (principal.and_then(caller_of), record.account_id.get().and_then(AccountId::parse));
    if caller.as_deref().is_some_and(|caller| home.is_own_call(caller, account.as_ref())) {
        return Ok(Signal::ignored("a call of this function's own role"));
    }
    Ok(Signal::Error(ErrorSignal {
        source: Source::InvocationLog,
        account,
        region: home.region_or(record.region.get()),
        model: record.model_id.get().and_then(ModelId::parse),
        variant: record.body().and_then(RequestParameters::variant),
        max_tokens: record.body().and_then(RequestParameters::max_tokens),
        operation: record.operation.owned(),
        code: Some(code.to_owned()),
        status: None,
        message: record.error_message.owned().unwrap_or_default(),
        caller,
        origin: Origin::of(principal, None, None),
        at: record.timestamp.get().and_then(time),
    }))
}
