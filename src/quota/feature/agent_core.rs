//! `AgentCore`'s quotas, by the names that accounts list. Their codes are read from the account's listing.
//! See <https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/bedrock-agentcore-limits.html>.

use crate::ids::QuotaService;
use crate::quota::feature::row::FeatureQuota;
use crate::quota::feature::row::LimitKind::Rate;

const AGENT_CORE: FeatureQuota = FeatureQuota { service: QuotaService::AgentCore, ..FeatureQuota::NONE };
const RUNTIME: &[&str] = &["InvokeAgentRuntime", "InvokeAgentRuntimeCommand", "InvokeHarness"];

#[rustfmt::skip]
pub(super) const ROWS: &[FeatureQuota] = &[
    // The service calls a session's machine a VM.
    FeatureQuota { id: "agent-core-sessions", operations: RUNTIME, names: &["Active Session Workloads per Account"],
        says: &[&["maxvms"], &["session workload"]], ..AGENT_CORE },
    FeatureQuota { id: "agent-core-agents", operations: &["CreateAgentRuntime"], names: &["Total Agents per Account"], ..AGENT_CORE },
    FeatureQuota { id: "agent-core-endpoints", operations: &["CreateAgentRuntimeEndpoint"], names: &["Endpoints per Agent"], ..AGENT_CORE },
    FeatureQuota { id: "agent-core-new-sessions", kind: Rate, operations: RUNTIME,
        names: &["Rate of new Runtime session creation"], says: &[&["new session"], &["session creation"]], ..AGENT_CORE },
    FeatureQuota { id: "agent-core-runtime-rate", kind: Rate, operations: RUNTIME,
        names: &["Rate of Runtime data plane APIs"], says: &[&["data plane"]], ..AGENT_CORE },
    FeatureQuota { id: "agent-core-memory-rate", kind: Rate, names: &["Rate of {operation} requests"],
        operations: &["GetEvent", "DeleteEvent", "DeleteMemory", "CreateEvent", "GetMemoryRecord", "UpdateMemory",
            "BatchDeleteMemoryRecords", "ListMemoryRecords", "ListMemories", "BatchCreateMemoryRecords", "CreateMemory",
            "BatchUpdateMemoryRecords", "DeleteMemoryRecord", "ListActors", "ListEvents",
            "RetrieveMemoryRecords", "GetMemory"],
        unless: &["actor"], ..AGENT_CORE },
    FeatureQuota { id: "agent-core-actor-events", kind: Rate, operations: &["CreateEvent"],
        names: &["Rate of CreateEvent requests per actor per session not including conversational payloads"],
        says: &[&["actor", "not including"]], unless: &["payloads including"], ..AGENT_CORE },
    FeatureQuota { id: "agent-core-actor-turns", kind: Rate, operations: &["CreateEvent"],
        names: &["Rate of CreateEvent requests per actor per session including conversational payloads"],
        says: &[&["actor", "including"]], unless: &["not including"], ..AGENT_CORE },
];
