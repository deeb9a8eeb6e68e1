//! The operations of Amazon Bedrock and its neighbours that no other AWS service has.
//!
//! Invariant: The list is AWS's own: the operations in the service models of the AWS SDKs whose service begins with
//! `bedrock`, without those that another service has too, such as `CreateAgent` or `TagResource`.
//! See <https://docs.aws.amazon.com/bedrock/latest/APIReference/welcome.html>.

/// The operations for inference and for what belongs to it.
pub const INFERENCE_OPERATIONS: &[&str] = &[
    "InvokeModel",
    "InvokeModelWithResponseStream",
    "InvokeModelWithBidirectionalStream",
    "Converse",
    "ConverseStream",
    "CountTokens",
    "StartAsyncInvoke",
    "ApplyGuardrail",
    "InvokeAgent",
    "InvokeInlineAgent",
    "InvokeFlow",
    "Retrieve",
    "RetrieveAndGenerate",
    "RetrieveAndGenerateStream",
    "Rerank",
    "CreateInference",
    "InvokeGuardrailChecks",
    "OptimizePrompt",
    "GenerateQuery",
];

/// Sorted for binary search, without regard to case.
#[rustfmt::skip]
const OPERATIONS: &[&str] = &[
    "ApplyGuardrail", "AssociateAgentCollaborator", "AssociateAgentKnowledgeBase", "BatchCreateMemoryRecords",
    "BatchDeleteAdvancedPromptOptimizationJob", "BatchDeleteEvaluationJob", "BatchDeleteMemoryRecords",
    "BatchUpdateMemoryRecords", "CancelAutomatedReasoningPolicyBuildWorkflow", "CompleteResourceTokenAuth",
    "Converse", "ConverseStream", "CopyBlueprintStage", "CountTokens", "CreateABTest",
    "CreateAdvancedPromptOptimizationJob", "CreateAgentActionGroup", "CreateAgentAlias", "CreateAgentRuntime",
    "CreateAgentRuntimeEndpoint", "CreateApiKeyCredentialProvider", "CreateAutomatedReasoningPolicy",
    "CreateAutomatedReasoningPolicyTestCase", "CreateAutomatedReasoningPolicyVersion", "CreateBlueprintVersion",
    "CreateBrowser", "CreateBrowserProfile", "CreateCodeInterpreter", "CreateConfigurationBundle",
    "CreateCustomModel", "CreateCustomModelDeployment", "CreateDataAutomationLibrary",
    "CreateDataAutomationProject", "CreateEvaluationJob", "CreateEvaluator", "CreateEvent", "CreateFlowAlias",
    "CreateFlowVersion", "CreateFoundationModelAgreement", "CreateGatewayRule", "CreateGatewayTarget",
    "CreateGuardrail", "CreateGuardrailVersion", "CreateHarness", "CreateInference", "CreateInferenceProfile",
    "CreateInvocation", "CreateMarketplaceModelEndpoint", "CreateMemory", "CreateModelCopyJob",
    "CreateModelCustomizationJob", "CreateModelImportJob", "CreateModelInvocationJob",
    "CreateOauth2CredentialProvider", "CreateOnlineEvaluationConfig", "CreatePaymentConnector",
    "CreatePaymentCredentialProvider", "CreatePaymentInstrument", "CreatePaymentManager", "CreatePaymentSession",
    "CreatePolicyEngine", "CreatePromptRouter", "CreatePromptVersion", "CreateProvisionedModelThroughput",
    "CreateRegistryRecord", "CreateWorkloadIdentity", "DeleteABTest", "DeleteAgentActionGroup", "DeleteAgentAlias",
    "DeleteAgentMemory", "DeleteAgentRuntime", "DeleteAgentRuntimeEndpoint", "DeleteAgentVersion",
    "DeleteApiKeyCredentialProvider", "DeleteAutomatedReasoningPolicy",
    "DeleteAutomatedReasoningPolicyBuildWorkflow", "DeleteAutomatedReasoningPolicyTestCase",
    "DeleteBatchEvaluation", "DeleteBrowser", "DeleteBrowserProfile", "DeleteCodeInterpreter",
    "DeleteConfigurationBundle", "DeleteCustomModel", "DeleteCustomModelDeployment", "DeleteDataAutomationLibrary",
    "DeleteDataAutomationProject", "DeleteEnforcedGuardrailConfiguration", "DeleteEvaluator", "DeleteFlowAlias",
    "DeleteFlowVersion", "DeleteFoundationModelAgreement", "DeleteGatewayRule", "DeleteGatewayTarget",
    "DeleteGuardrail", "DeleteHarness", "DeleteImportedModel", "DeleteInferenceProfile",
    "DeleteKnowledgeBaseDocuments", "DeleteMarketplaceModelEndpoint", "DeleteMemory", "DeleteMemoryRecord",
    "DeleteModelInvocationLoggingConfiguration", "DeleteOauth2CredentialProvider", "DeleteOnlineEvaluationConfig",
    "DeletePaymentConnector", "DeletePaymentCredentialProvider", "DeletePaymentInstrument", "DeletePaymentManager",
    "DeletePaymentSession", "DeletePolicyEngine", "DeletePromptRouter", "DeleteProvisionedModelThroughput",
    "DeleteRecommendation", "DeleteRegistryRecord", "DeleteWorkloadIdentity", "DeregisterMarketplaceModelEndpoint",
    "DisassociateAgentCollaborator", "DisassociateAgentKnowledgeBase", "EndSession", "Evaluate",
    "ExportAutomatedReasoningPolicyVersion", "GetABTest", "GetAdvancedPromptOptimizationJob", "GetAgent",
    "GetAgentActionGroup", "GetAgentAlias", "GetAgentCard", "GetAgentCollaborator", "GetAgentKnowledgeBase",
    "GetAgentMemory", "GetAgentRuntime", "GetAgentRuntimeEndpoint", "GetAgentVersion",
    "GetApiKeyCredentialProvider", "GetAsyncInvoke", "GetAutomatedReasoningPolicy",
    "GetAutomatedReasoningPolicyAnnotations", "GetAutomatedReasoningPolicyBuildWorkflow",
    "GetAutomatedReasoningPolicyBuildWorkflowResultAssets", "GetAutomatedReasoningPolicyNextScenario",
    "GetAutomatedReasoningPolicyTestCase", "GetAutomatedReasoningPolicyTestResult", "GetBatchEvaluation",
    "GetBlueprintOptimizationStatus", "GetBrowser", "GetBrowserProfile", "GetBrowserSession", "GetCodeInterpreter",
    "GetCodeInterpreterSession", "GetConfigurationBundle", "GetConfigurationBundleVersion", "GetCustomModel",
    "GetCustomModelDeployment", "GetDataAutomationLibrary", "GetDataAutomationLibraryEntity",
    "GetDataAutomationLibraryIngestionJob", "GetDataAutomationProject", "GetDataAutomationStatus",
    "GetEvaluationJob", "GetEvaluator", "GetExecutionFlowSnapshot", "GetFlow", "GetFlowAlias", "GetFlowExecution",
    "GetFlowVersion", "GetFoundationModel", "GetFoundationModelAvailability", "GetGatewayRule", "GetGatewayTarget",
    "GetGuardrail", "GetHarness", "GetImportedModel", "GetInferenceProfile", "GetIngestionJob",
    "GetInvocationStep", "GetKnowledgeBaseDocuments", "GetMarketplaceModelEndpoint", "GetMemory",
    "GetMemoryRecord", "GetModelCopyJob", "GetModelCustomizationJob", "GetModelImportJob", "GetModelInvocationJob",
    "GetModelInvocationLoggingConfiguration", "GetOauth2CredentialProvider", "GetOnlineEvaluationConfig",
    "GetPaymentConnector", "GetPaymentCredentialProvider", "GetPaymentInstrument", "GetPaymentInstrumentBalance",
    "GetPaymentManager", "GetPaymentSession", "GetPolicyEngine", "GetPolicyEngineSummary", "GetPolicyGeneration",
    "GetPolicyGenerationSummary", "GetPolicySummary", "GetPrompt", "GetPromptRouter",
    "GetProvisionedModelThroughput", "GetRegistryRecord", "GetResourceApiKey", "GetResourceOauth2Token",
    "GetResourcePaymentToken", "GetTokenVault", "GetUseCaseForModelAccess", "GetWorkloadAccessToken",
    "GetWorkloadAccessTokenForJWT", "GetWorkloadAccessTokenForUserId", "GetWorkloadIdentity",
    "IngestKnowledgeBaseDocuments", "InvokeAgent", "InvokeAgentRuntime", "InvokeAgentRuntimeCommand",
    "InvokeBlueprintOptimizationAsync", "InvokeBrowser", "InvokeCodeInterpreter", "InvokeDataAutomation",
    "InvokeDataAutomationAsync", "InvokeDataAutomationLibraryIngestionJob", "InvokeFlow", "InvokeGuardrailChecks",
    "InvokeHarness", "InvokeInlineAgent", "InvokeModel", "InvokeModelWithBidirectionalStream",
    "InvokeModelWithResponseStream", "ListABTests", "ListActors", "ListAdvancedPromptOptimizationJobs",
    "ListAgentActionGroups", "ListAgentAliases", "ListAgentCollaborators", "ListAgentKnowledgeBases",
    "ListAgentRuntimeEndpoints", "ListAgentRuntimes", "ListAgentRuntimeVersions", "ListAgentVersions",
    "ListApiKeyCredentialProviders", "ListAsyncInvokes", "ListAutomatedReasoningPolicies",
    "ListAutomatedReasoningPolicyBuildWorkflows", "ListAutomatedReasoningPolicyTestCases",
    "ListAutomatedReasoningPolicyTestResults", "ListBatchEvaluations", "ListBrowserProfiles", "ListBrowsers",
    "ListBrowserSessions", "ListCodeInterpreters", "ListCodeInterpreterSessions", "ListConfigurationBundles",
    "ListConfigurationBundleVersions", "ListCustomModelDeployments", "ListCustomModels",
    "ListDataAutomationLibraries", "ListDataAutomationLibraryEntities", "ListDataAutomationLibraryIngestionJobs",
    "ListDataAutomationProjects", "ListEnforcedGuardrailsConfiguration", "ListEvaluationJobs", "ListEvaluators",
    "ListFlowAliases", "ListFlowExecutionEvents", "ListFlowExecutions", "ListFlowVersions",
    "ListFoundationModelAgreementOffers", "ListFoundationModels", "ListGatewayRules", "ListGatewayTargets",
    "ListGuardrails", "ListHarnesses", "ListImportedModels", "ListInferenceProfiles", "ListIngestionJobs",
    "ListInvocations", "ListInvocationSteps", "ListKnowledgeBaseDocuments", "ListMarketplaceModelEndpoints",
    "ListMemories", "ListMemoryExtractionJobs", "ListMemoryRecords", "ListModelCopyJobs",
    "ListModelCustomizationJobs", "ListModelImportJobs", "ListModelInvocationJobs",
    "ListOauth2CredentialProviders", "ListOnlineEvaluationConfigs", "ListPaymentConnectors",
    "ListPaymentCredentialProviders", "ListPaymentInstruments", "ListPaymentManagers", "ListPaymentSessions",
    "ListPolicyEngines", "ListPolicyEngineSummaries", "ListPolicyGenerationAssets",
    "ListPolicyGenerationSummaries", "ListPolicySummaries", "ListPromptRouters", "ListProvisionedModelThroughputs",
    "ListRegistryRecords", "ListWorkloadIdentities", "OptimizePrompt", "PrepareAgent", "PrepareFlow",
    "ProcessPayment", "PutEnforcedGuardrailConfiguration", "PutInvocationStep",
    "PutModelInvocationLoggingConfiguration", "PutUseCaseForModelAccess", "RegisterMarketplaceModelEndpoint",
    "Rerank", "RetrieveAndGenerate", "RetrieveAndGenerateStream", "RetrieveMemoryRecords",
    "SaveBrowserSessionProfile", "SearchRegistryRecords", "SetTokenVaultCMK", "StartAsyncInvoke",
    "StartAutomatedReasoningPolicyBuildWorkflow", "StartAutomatedReasoningPolicyTestWorkflow",
    "StartBatchEvaluation", "StartBrowserSession", "StartCodeInterpreterSession", "StartFlowExecution",
    "StartIngestionJob", "StartMemoryExtractionJob", "StartRecommendation", "StopAdvancedPromptOptimizationJob",
    "StopBatchEvaluation", "StopBrowserSession", "StopCodeInterpreterSession", "StopEvaluationJob",
    "StopFlowExecution", "StopIngestionJob", "StopModelCustomizationJob", "StopModelInvocationJob",
    "StopRuntimeSession", "SubmitRegistryRecordForApproval", "SynchronizeGatewayTargets", "UpdateABTest",
    "UpdateAgentActionGroup", "UpdateAgentAlias", "UpdateAgentCollaborator", "UpdateAgentKnowledgeBase",
    "UpdateAgentRuntime", "UpdateAgentRuntimeEndpoint", "UpdateApiKeyCredentialProvider",
    "UpdateAutomatedReasoningPolicy", "UpdateAutomatedReasoningPolicyAnnotations",
    "UpdateAutomatedReasoningPolicyTestCase", "UpdateBrowserStream", "UpdateConfigurationBundle",
    "UpdateCustomModelDeployment", "UpdateDataAutomationLibrary", "UpdateDataAutomationProject", "UpdateEvaluator",
    "UpdateFlowAlias", "UpdateGatewayRule", "UpdateGatewayTarget", "UpdateGuardrail", "UpdateHarness",
    "UpdateKnowledgeBase", "UpdateMarketplaceModelEndpoint", "UpdateMemory", "UpdateOauth2CredentialProvider",
    "UpdateOnlineEvaluationConfig", "UpdatePaymentConnector", "UpdatePaymentCredentialProvider",
    "UpdatePaymentManager", "UpdatePolicyEngine", "UpdateProvisionedModelThroughput", "UpdateRegistryRecord",
    "UpdateRegistryRecordStatus", "UpdateWorkloadIdentity", "ValidateFlowDefinition",
];

/// Words in the names of Bedrock's operations, in lower case. An operation with such a word may be new, or another service's.
const WORDS: &[&str] = &[
    "agent",
    "bedrock",
    "converse",
    "guardrail",
    "inference",
    "ingestion",
    "knowledgebase",
    "model",
    "prompt",
];

/// Whose operation it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OwnerOfOperation {
    /// Only Bedrock or a neighbour has it.
    Bedrock,
    /// Its name does not decide it.
    Unclear,
    /// Its name has nothing of Bedrock's.
    AnotherService,
}

/// Whose operation `name` is, in any case. The spelling of the SDK for JavaScript, `ConverseCommand`, counts as well.
pub(super) fn owner(name: &str) -> OwnerOfOperation {
    let name = name.to_ascii_lowercase();
    let name = name.strip_suffix("command").unwrap_or(&name);
    if OPERATIONS.binary_search_by(|known| known.to_ascii_lowercase().as_str().cmp(name)).is_ok() {
        return OwnerOfOperation::Bedrock;
    }
    let is_shared = SHARED.iter().any(|known| known.eq_ignore_ascii_case(name))
        || WORDS.iter().any(|word| name.contains(word));
    if is_shared { OwnerOfOperation::Unclear } else { OwnerOfOperation::AnotherService }
}

/// Operations that Bedrock or a neighbour shares with another service, as far as no word shows it.
const SHARED: &[&str] = &[
    "CreateBlueprint",
    "CreateDataSource",
    "CreateFlow",
    "CreateGateway",
    "CreatePolicy",
    "CreateRegistry",
    "CreateSession",
    "DeleteBlueprint",
    "DeleteDataSource",
    "DeleteEvent",
    "DeleteFlow",
    "DeleteGateway",
    "DeletePolicy",
    "DeleteRegistry",
    "DeleteResourcePolicy",
    "DeleteSession",
    "GenerateQuery",
    "GetBlueprint",
    "GetDataSource",
    "GetEvent",
    "GetGateway",
    "GetPolicy",
    "GetRecommendation",
    "GetRegistry",
    "GetResourcePolicy",
    "GetSession",
    "ListBlueprints",
    "ListDataSources",
    "ListEvents",
    "ListFlows",
    "ListGateways",
    "ListPolicies",
    "ListRecommendations",
    "ListRegistries",
    "ListSessions",
    "ListTagsForResource",
    "PutResourcePolicy",
    "Retrieve",
    "StartPolicyGeneration",
    "TagResource",
    "UntagResource",
    "UpdateBlueprint",
    "UpdateDataSource",
    "UpdateFlow",
    "UpdateGateway",
    "UpdatePolicy",
    "UpdateRegistry",
    "UpdateSession",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_sorted_and_stand_once() {
        assert!(OPERATIONS.is_sorted_by(|a, b| a.to_ascii_lowercase() < b.to_ascii_lowercase()));
    }

    #[test]
    fn an_operation_of_another_service_is_known_by_its_name() {
        for (name, expected) in [
            ("Converse", OwnerOfOperation::Bedrock),
            ("converse", OwnerOfOperation::Bedrock),
            ("InvokeModelCommand", OwnerOfOperation::Bedrock),
            ("CreateEvent", OwnerOfOperation::Bedrock),
            ("CreateAgent", OwnerOfOperation::Unclear),
            ("ListFoundationModelsOfTomorrow", OwnerOfOperation::Unclear),
            ("PutLogEvents", OwnerOfOperation::AnotherService),
            ("AssumeRole", OwnerOfOperation::AnotherService),
        ] {
            assert_eq!(owner(name), expected, "{name}");
        }
    }
}
