//! `AgentCore`'s quotas, by the names that accounts list. Their codes are read from the account's listing.
//! See <https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/bedrock-agentcore-limits.html>.

use crate::ids::QuotaService;
use crate::quota::feature::row::FeatureQuota;
use crate::quota::feature::row::LimitKind::Rate;

const AGENT_CORE: FeatureQuota = FeatureQuota { service: QuotaService::AgentCore, ..FeatureQuota::NONE };
const RUNTIME: &[&str] = &["InvokeAgentRuntime", "InvokeAgentRuntimeCommand", "InvokeHarness"];

/// The operations whose rate has a quota of its own: those in the service models of the AWS SDKs that no other service
/// has too, and the memory's, without those that run an agent.
#[rustfmt::skip]
const OPERATIONS: &[&str] = &[
    "AddDatasetExamples", "BatchCreateMemoryRecords", "BatchDeleteMemoryRecords", "BatchPutGatewayRateLimits",
    "BatchUpdateMemoryRecords", "CompleteResourceTokenAuth", "CreateABTest", "CreateAgentRuntime",
    "CreateAgentRuntimeEndpoint", "CreateApiKeyCredentialProvider", "CreateBrowser", "CreateBrowserProfile",
    "CreateCodeInterpreter", "CreateConfigurationBundle", "CreateConsentPortal", "CreateDatasetVersion",
    "CreateEvaluator", "CreateEvent", "CreateGatewayRateLimit", "CreateGatewayRule", "CreateGatewayTarget",
    "CreateHarness", "CreateHarnessEndpoint", "CreateMemory", "CreateOauth2CredentialProvider",
    "CreateOnlineEvaluationConfig", "CreatePaymentConnector", "CreatePaymentCredentialProvider",
    "CreatePaymentInstrument", "CreatePaymentManager", "CreatePaymentSession", "CreatePolicyEngine",
    "CreateWorkloadIdentity", "DeleteABTest", "DeleteAgentRuntime", "DeleteAgentRuntimeEndpoint",
    "DeleteApiKeyCredentialProvider", "DeleteBatchEvaluation", "DeleteBrowser", "DeleteBrowserProfile",
    "DeleteCapacityProviderSession", "DeleteCodeInterpreter", "DeleteConfigurationBundle", "DeleteConsentPortal",
    "DeleteDatasetExamples", "DeleteDatasetGeneration", "DeleteEvaluator", "DeleteEvent", "DeleteGatewayRateLimit",
    "DeleteGatewayRule", "DeleteGatewayTarget", "DeleteHarness", "DeleteHarnessEndpoint", "DeleteMemory",
    "DeleteMemoryRecord", "DeleteOauth2CredentialProvider", "DeleteOnlineEvaluationConfig",
    "DeletePaymentConnector", "DeletePaymentCredentialProvider", "DeletePaymentInstrument", "DeletePaymentManager",
    "DeletePaymentSession", "DeletePolicyEngine", "DeleteRecommendation", "DeleteWorkloadIdentity", "Evaluate",
    "GetABTest", "GetAgentCard", "GetAgentInsight", "GetAgentInsightStore", "GetAgentRuntime",
    "GetAgentRuntimeEndpoint", "GetApiKeyCredentialProvider", "GetBatchEvaluation", "GetBrowser",
    "GetBrowserProfile", "GetBrowserSession", "GetCodeInterpreter", "GetCodeInterpreterSession",
    "GetConfigurationBundle", "GetConfigurationBundleVersion", "GetConsentPortal", "GetDatasetGeneration",
    "GetEvaluator", "GetEvent", "GetGatewayRateLimit", "GetGatewayRule", "GetGatewayTarget", "GetHarness",
    "GetHarnessEndpoint", "GetMemory", "GetMemoryRecord", "GetOauth2CredentialProvider",
    "GetOnlineEvaluationConfig", "GetPaymentConnector", "GetPaymentCredentialProvider",
    "GetPaymentInstrumentBalance", "GetPaymentManager", "GetPaymentSession", "GetPolicyEngine",
    "GetPolicyEngineSummary", "GetPolicyGeneration", "GetPolicyGenerationSummary", "GetPolicySummary",
    "GetResourceApiKey", "GetResourceOauth2Token", "GetResourcePaymentToken", "GetTokenVault",
    "GetWorkloadAccessToken", "GetWorkloadAccessTokenForJWT", "GetWorkloadAccessTokenForUserId",
    "GetWorkloadIdentity", "IngestData", "InvokeBrowser", "InvokeCodeInterpreter", "InvokeWebSearch", "ListABTests",
    "ListActors", "ListAgentInsightStores", "ListAgentInsights", "ListAgentRuntimeEndpoints",
    "ListAgentRuntimeVersions", "ListAgentRuntimeVersionsByCapacityProvider", "ListAgentRuntimes",
    "ListApiKeyCredentialProviders", "ListBatchEvaluations", "ListBrowserProfiles", "ListBrowserSessions",
    "ListBrowsers", "ListCodeInterpreterSessions", "ListCodeInterpreters", "ListConfigurationBundleVersions",
    "ListConfigurationBundles", "ListConsentPortals", "ListDatasetExamples", "ListDatasetGenerations",
    "ListDatasetVersions", "ListEvaluators", "ListEvents", "ListGatewayRateLimits", "ListGatewayRules",
    "ListGatewayTargets", "ListHarnessEndpoints", "ListHarnessVersions", "ListHarnesses", "ListMemories",
    "ListMemoryExtractionJobs", "ListMemoryRecords", "ListOauth2CredentialProviders", "ListOnlineEvaluationConfigs",
    "ListPaymentConnectors", "ListPaymentCredentialProviders", "ListPaymentManagers", "ListPaymentSessions",
    "ListPolicyEngineSummaries", "ListPolicyEngines", "ListPolicyGenerationAssets", "ListPolicyGenerationSummaries",
    "ListPolicySummaries", "ListWorkloadIdentities", "ProcessPayment", "ResetTokenVaultKeyMaterial",
    "RetrieveMemoryRecords", "RotatePaymentConnectorCredentials", "SaveBrowserSessionProfile",
    "SearchRegistryRecords", "SetTokenVaultCMK", "StartBatchEvaluation", "StartBrowserSession",
    "StartCodeInterpreterSession", "StartDatasetGeneration", "StartMemoryExtractionJob", "StartRecommendation",
    "StopBatchEvaluation", "StopBrowserSession", "StopCodeInterpreterSession", "StopRuntimeSession",
    "SynchronizeGatewayTargets", "UpdateABTest", "UpdateAgentInsight", "UpdateAgentInsightStore",
    "UpdateAgentRuntime", "UpdateAgentRuntimeEndpoint", "UpdateApiKeyCredentialProvider", "UpdateBrowserStream",
    "UpdateConfigurationBundle", "UpdateConsentPortal", "UpdateDatasetExamples", "UpdateEvaluator",
    "UpdateGatewayRateLimit", "UpdateGatewayRule", "UpdateGatewayTarget", "UpdateHarness", "UpdateHarnessEndpoint",
    "UpdateMemory", "UpdateOauth2CredentialProvider", "UpdateOnlineEvaluationConfig", "UpdatePaymentConnector",
    "UpdatePaymentCredentialProvider", "UpdatePaymentManager", "UpdatePolicyEngine", "UpdateWorkloadIdentity",
];

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
    FeatureQuota { id: "agent-core-operation-rate", kind: Rate, operations: OPERATIONS,
        names: &["Rate of {operation} requests"], unless: &["actor"], ..AGENT_CORE },
    FeatureQuota { id: "agent-core-actor-events", kind: Rate, operations: &["CreateEvent"],
        names: &["Rate of CreateEvent requests per actor per session not including conversational payloads"],
        says: &[&["actor", "not including"]], unless: &["payloads including"], ..AGENT_CORE },
    FeatureQuota { id: "agent-core-actor-turns", kind: Rate, operations: &["CreateEvent"],
        names: &["Rate of CreateEvent requests per actor per session including conversational payloads"],
        says: &[&["actor", "including"]], unless: &["not including"], ..AGENT_CORE },
];
