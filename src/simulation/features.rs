//! Quotas that are not of model inference: what their errors say, and how an account lists them.

use fastrand::Rng;

use crate::diagnosis::Cause;
use crate::ids::{QuotaCode, QuotaService};
use crate::sandbox::QuotaEntry;
use crate::simulation::step::choose;

/// An error about a quota that is not of model inference.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TrueFeature {
    pub(super) service: QuotaService,
    pub(super) operation: &'static str,
    /// The model in the call's parameters; `None` if the operation has none.
    pub(super) model: Option<&'static str>,
    /// The error's code and text.
    pub(super) code: &'static str,
    pub(super) text: &'static str,
    pub(super) cause: Cause,
    /// The quota that the error counts against; `None` if the error does not say which of several.
    quota: Option<&'static str>,
}

impl TrueFeature {
    /// The quota that the error counts against; `None` if the error does not say which of several.
    pub(super) fn quota(&self) -> Option<QuotaCode> {
        self.quota.and_then(QuotaCode::parse)
    }

    /// Whether its code proves the error even in an application's log.
    pub(super) fn is_of_code(&self) -> bool {
        self.code == EXCEEDED
    }
}

const EXCEEDED: &str = "ServiceQuotaExceededException";
const THROTTLED: &str = "ThrottlingException";
/// The code of `AgentCore`'s throttles.
const OF_AGENT_CORE: &str = "ThrottledException";

const BEDROCK: TrueFeature = TrueFeature {
    service: QuotaService::Bedrock,
    operation: "",
    model: None,
    code: EXCEEDED,
    text: "",
    cause: Cause::ResourceLimit,
    quota: None,
};
const AGENT_CORE: TrueFeature = TrueFeature { service: QuotaService::AgentCore, ..BEDROCK };

/// Rates and numbers of both services, and of each service an error that several quotas may mean.
#[rustfmt::skip]
static FEATURES: [TrueFeature; 12] = [
    TrueFeature { operation: "ApplyGuardrail", code: THROTTLED, text: "Too many requests, please wait before trying again.",
        cause: Cause::RequestsPerMinute, quota: Some("L-9072D6F0"), ..BEDROCK },
    TrueFeature { operation: "ApplyGuardrail", code: THROTTLED, text: "Rate exceeded",
        cause: Cause::RateUnspecified, ..BEDROCK },
    TrueFeature { operation: "CreateModelInvocationJob", model: Some("amazon.nova-lite-v1:0"),
        text: "You have reached the maximum number of batch inference jobs for this model.", quota: Some("L-E2ED42E6"), ..BEDROCK },
    TrueFeature { operation: "CreateAgent", text: "The number of agents in your account is at its limit.",
        quota: Some("L-97D79C54"), ..BEDROCK },
    TrueFeature { operation: "Retrieve", code: THROTTLED, text: "Rate exceeded",
        cause: Cause::RateUnspecified, quota: Some("L-0000B501"), ..BEDROCK },
    TrueFeature { operation: "StartIngestionJob", text: "The number of ongoing ingestion jobs for the data source is at its limit.",
        quota: Some("L-0000B503"), ..BEDROCK },
    TrueFeature { operation: "InvokeAgentRuntime", text: "maxVms limit exceeded for account 111122223333",
        quota: Some("bedrock-agentcore/L-0000A6C1"), ..AGENT_CORE },
    TrueFeature { operation: "InvokeAgentRuntime", code: OF_AGENT_CORE, text: "The rate of new session creation is exceeded.",
        cause: Cause::RateUnspecified, quota: Some("bedrock-agentcore/L-0000A6C2"), ..AGENT_CORE },
    TrueFeature { operation: "InvokeAgentRuntime", code: OF_AGENT_CORE, text: "Rate exceeded",
        cause: Cause::RateUnspecified, ..AGENT_CORE },
    TrueFeature { operation: "CreateEvent", code: OF_AGENT_CORE, text: "Rate exceeded",
        cause: Cause::RateUnspecified, quota: Some("bedrock-agentcore/L-0000A6C4"), ..AGENT_CORE },
    TrueFeature { operation: "GetMemory", code: OF_AGENT_CORE, text: "Rate exceeded",
        cause: Cause::RateUnspecified, quota: Some("bedrock-agentcore/L-0000A6C5"), ..AGENT_CORE },
    TrueFeature { operation: "CreateAgentRuntime", text: "The number of agents in your account is at its limit.",
        quota: Some("bedrock-agentcore/L-0000A6C6"), ..AGENT_CORE },
];

/// How accounts list the quotas of [`FEATURES`] and others of the same operations: code, name and default. The codes of
/// what the built-in catalogue does not have are invented.
#[rustfmt::skip]
const LISTED: &[(&str, &str, f64)] = &[
    ("L-9072D6F0", "(Guardrails) On-demand ApplyGuardrail requests per second", 50.0),
    ("L-01F3CD81", "(Guardrails) On-demand ApplyGuardrail Content filter policy text units per second", 200.0),
    ("L-E2ED42E6", "Sum of in-progress and submitted batch inference jobs using a base model for Nova Lite V1", 20.0),
    ("L-97D79C54", "Agents per account", 1000.0),
    ("L-0000B501", "(Knowledge Bases) Retrieve requests per second", 20.0),
    ("L-0000B502", "(Knowledge Bases) Concurrent ingestion jobs per account", 5.0),
    ("L-0000B503", "(Knowledge Bases) Concurrent ingestion jobs per data source", 1.0),
    ("L-0000B504", "(Knowledge Bases) Concurrent ingestion jobs per knowledge base", 1.0),
    ("bedrock-agentcore/L-0000A6C1", "Active Session Workloads per Account", 500.0),
    ("bedrock-agentcore/L-0000A6C2", "Rate of new Runtime session creation", 25.0),
    ("bedrock-agentcore/L-0000A6C3", "Rate of Runtime data plane APIs", 25.0),
    ("bedrock-agentcore/L-0000A6C4", "Rate of CreateEvent requests", 10.0),
    ("bedrock-agentcore/L-0000A6C5", "Rate of GetMemory requests", 5.0),
    ("bedrock-agentcore/L-0000A6C6", "Total Agents per Account", 100.0),
];

/// A random error; `is_named`: one that says which quota it means.
pub(super) fn any(rng: &mut Rng, is_named: bool) -> &'static TrueFeature {
    let all: Vec<&TrueFeature> = FEATURES.iter().filter(|f| !is_named || f.quota.is_some()).collect();
    choose(rng, &all)
}

/// The quotas that an account lists. Some accounts lack some, some quotas are not adjustable, and in some accounts the
/// other service lists a quota of the same name and code.
pub(super) fn quotas(rng: &mut Rng) -> Vec<QuotaEntry> {
    let (has_twins, lacks) = (rng.bool(), rng.u8(0..4) == 0);
    let mut quotas = Vec::new();
    for (code, name, default) in LISTED {
        let Some(code) = QuotaCode::parse(code) else { continue };
        let other = match code.service() {
            QuotaService::Bedrock => QuotaService::AgentCore,
            QuotaService::AgentCore => QuotaService::Bedrock,
        };
        let entry = |code, adjustable| QuotaEntry {
            region: None,
            code,
            name: Some((*name).to_owned()),
            applied: None,
            default: Some(*default),
            adjustable: Some(adjustable),
        };
        let twin = QuotaCode::of(other, code.code()).filter(|_| has_twins);
        let is_adjustable = rng.u8(0..6) > 0;
        let own = Some(code).filter(|_| !(lacks && rng.bool()));
        quotas.extend(own.map(|code| entry(code, is_adjustable)));
        quotas.extend(twin.map(|code| entry(code, true)));
    }
    quotas
}
