//! Reads CloudTrail records, the one source that says who called what and how it failed.
//!
//! Invariant: Only failed inference calls are errors, and calls that exceed a quota of their operation. Other calls of
//! Bedrock's control plane, and all calls of the function itself, need no action. An operation that nobody has heard of is
//! taken for inference.

use serde::Deserialize;

use crate::callers::Origin;
use crate::diagnosis::{is_control_plane, is_operation};
use crate::event::envelope::{Envelope, Malformed, shown};
use crate::event::request_parameters::RequestParameters;
use crate::event::signal::{Call, ErrorSignal, QuotaChange, Signal, Source};
use crate::event::value::{Maybe, Text, object, time};
use crate::identity::FunctionIdentity;
use crate::ids::{AccountId, QuotaService, Region, caller_of};
use crate::model::ModelId;
use crate::original::Original;
use crate::quota::Variant;
use crate::quota::feature::{LIMIT_CODES, has_limit};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TrailRecord<'a> {
    #[serde(borrow, default)]
    event_source: Text<'a>,
    #[serde(borrow, default)]
    event_name: Text<'a>,
    #[serde(borrow, default)]
    event_time: Text<'a>,
    #[serde(borrow, default)]
    aws_region: Text<'a>,
    #[serde(borrow, default)]
    error_code: Text<'a>,
    #[serde(borrow, default)]
    error_message: Text<'a>,
    #[serde(borrow, default, rename = "sourceIPAddress")]
    source_address: Text<'a>,
    #[serde(borrow, default)]
    user_agent: Text<'a>,
    #[serde(borrow, default, rename = "eventID")]
    event_id: Text<'a>,
    #[serde(borrow, default)]
    recipient_account_id: Text<'a>,
    #[serde(borrow, default)]
    user_identity: Maybe<UserIdentity<'a>>,
    #[serde(borrow, default)]
    request_parameters: Maybe<RequestParameters<'a>>,
    #[serde(borrow, default)]
    service_event_details: Maybe<ServiceEvent<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UserIdentity<'a> {
    #[serde(borrow, default)]
    arn: Text<'a>,
    #[serde(borrow, default)]
    account_id: Text<'a>,
    #[serde(borrow, default)]
    session_context: Maybe<SessionContext<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SessionContext<'a> {
    #[serde(borrow, default)]
    session_issuer: Maybe<Issuer<'a>>,
}

#[derive(Deserialize)]
struct Issuer<'a> {
    #[serde(borrow, default)]
    arn: Text<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServiceEvent<'a> {
    #[serde(borrow, default)]
    request_id: Text<'a>,
    #[serde(borrow, default)]
    new_status: Text<'a>,
    #[serde(borrow, default)]
    service_name: Text<'a>,
    #[serde(borrow, default)]
    service_code: Text<'a>,
    #[serde(borrow, default)]
    quota_name: Text<'a>,
}

/// Reads one record, on its own or from EventBridge.
pub(super) fn read(
    text: &str,
    envelope: Envelope<'_>,
    home: &FunctionIdentity,
    at: &str,
) -> Result<Signal, Malformed> {
    let record: TrailRecord<'_> = object(text, at)?;
    let Some(source) = record.event_source.get() else {
        return Ok(Signal::ignored("a CloudTrail record without `eventSource`"));
    };
    let service = source.strip_suffix(AWS).unwrap_or(source);
    if service == "servicequotas" {
        return Ok(record.quota_change(envelope, home));
    }
    let is_agent_core = service == QuotaService::AgentCore.as_str();
    if !is_bedrock(service) && !is_agent_core {
        return Ok(Signal::ignored(format!("a call of another service, {}", shown(service))));
    }
    let Some(name) = record.event_name.get() else {
        return Ok(Signal::ignored("a CloudTrail record without `eventName`"));
    };
    if !is_operation(name) {
        return Ok(Signal::ignored("a CloudTrail record whose `eventName` is no name of an operation"));
    }
    let is_limit = record.error_code.get().is_some_and(|code| LIMIT_CODES.contains(&code)) && has_limit(name);
    if is_agent_core && !is_limit {
        return Ok(Signal::ignored(format!("{} of AgentCore exceeds no quota that is known", shown(name))));
    }
    if is_control_plane(name) && !is_limit {
        return Ok(Signal::ignored(format!("{} is a control-plane call, not inference", shown(name))));
    }
    let Some(code) = record.error_code.get() else {
        return Ok(Signal::ignored(format!("`{name}` succeeded")));
    };
    let (caller, account) = (record.caller(), record.account(envelope));
    if caller.as_deref().is_some_and(|caller| home.is_own_call(caller, account.as_ref())) {
        return Ok(Signal::ignored("a call of this function's own role"));
    }
    Ok(Signal::Error(ErrorSignal {
        source: Source::CloudTrail,
        account,
        region: record.region(envelope, home),
        model: record.model(),
        variant: record.variant(service),
        max_tokens: record.request_parameters.get().and_then(RequestParameters::max_tokens),
        operation: Some(name.to_owned()),
        code: Some(code.to_owned()),
        status: None,
        message: record.error_message.owned().unwrap_or_default(),
        caller,
        origin: record.origin(),
        at: record.event_time.get().or(envelope.time).and_then(time),
    }))
}

/// The inference call in a record; `None` if it failed or is another call.
pub(super) fn succeeded(text: &str) -> Option<Call> {
    let record: TrailRecord<'_> = object(text, "record").ok()?;
    let source = record.event_source.get()?;
    let is_inference = is_bedrock(source.strip_suffix(AWS).unwrap_or(source))
        && record.event_name.get().is_some_and(|name| is_operation(name) && !is_control_plane(name));
    (is_inference && record.error_code.get().is_none()).then(|| Call {
        model: record.model(),
        caller: record.caller(),
        origin: record.origin(),
        at: record.event_time.get().and_then(time),
    })
}

const AWS: &str = ".amazonaws.com";

/// Whether the service's calls are Bedrock's. `AgentCore` is a service of its own, whose operations are no inference.
fn is_bedrock(service: &str) -> bool {
    (service == "bedrock" || service.starts_with("bedrock-")) && service != QuotaService::AgentCore.as_str()
}

impl TrailRecord<'_> {
    fn model(&self) -> Option<ModelId> {
        self.request_parameters.get()?.model()
    }

    /// The way of calling. The endpoint is the service that recorded the call.
    fn variant(&self, service: &str) -> Option<Variant> {
        if service == "bedrock-mantle" {
            return Some(Variant::Mantle);
        }
        self.request_parameters.get()?.variant()
    }

    fn caller(&self) -> Option<String> {
        let identity = self.user_identity.get()?;
        let issuer = identity.session_context.get().and_then(|c| c.session_issuer.get());
        caller_of(issuer.and_then(|i| i.arn.get()).or_else(|| identity.arn.get())?)
    }

    fn origin(&self) -> Origin {
        let principal = self.user_identity.get().and_then(|u| u.arn.get());
        Origin {
            original: self.event_id.get().and_then(Original::in_trail),
            ..Origin::of(principal, self.source_address.get(), self.user_agent.get())
        }
    }

    fn account(&self, envelope: Envelope<'_>) -> Option<AccountId> {
        let identity = self.user_identity.get().and_then(|u| u.account_id.get());
        let all = [self.recipient_account_id.get(), envelope.account, identity];
        all.into_iter().flatten().find_map(AccountId::parse)
    }

    fn region(&self, envelope: Envelope<'_>, home: &FunctionIdentity) -> Option<Region> {
        home.region_or([self.aws_region.get(), envelope.region].into_iter().flatten())
    }

    /// Reads a Service Quotas event. It contains the service's display name, but no quota codes.
    fn quota_change(&self, envelope: Envelope<'_>, home: &FunctionIdentity) -> Signal {
        let details = self.service_event_details.get();
        let ours = |t: &Text<'_>| {
            t.get().is_some_and(|s| QuotaService::parse(s).is_some() || s.contains("Amazon Bedrock"))
        };
        let is_bedrock = details.is_some_and(|d| ours(&d.service_name) || ours(&d.service_code));
        let requested = self.request_parameters.get().is_some_and(|p| ours(&p.service_code));
        match details {
            Some(d) if is_bedrock => Signal::QuotaChange(QuotaChange {
                account: self.account(envelope),
                region: self.region(envelope, home),
                request_id: d.request_id.owned(),
                quota_name: d.quota_name.owned(),
                status: d.new_status.owned(),
            }),
            _ if requested => {
                Signal::ignored("a request to Service Quotas; its outcome is followed by status")
            }
            _ => Signal::ignored("a quota of another service"),
        }
    }
}
