//! The operations of Amazon Bedrock and its neighbours: which are of the control plane, and which no other AWS service
//! has.
//!
//! Invariant: The lists are AWS's own. [`OPERATIONS`] has the operations in the service models of the AWS SDKs whose
//! service begins with `bedrock`, without those that another service has too, such as `CreateAgent` or `TagResource`.
//! See <https://docs.aws.amazon.com/bedrock/latest/APIReference/welcome.html>.

/// How the names of the control plane's operations begin. Every other operation of Bedrock is taken for inference: AWS
/// does not document all event names of the newer APIs on the bedrock-runtime endpoint (Responses, Chat Completions,
/// Messages), and adds operations without notice.
///
/// The template's rule leaves out the same names. Whatever else begins with `Create`, `Start` or `Invoke` may be
/// inference, so these verbs stand with what they act on. The names are those of the AWS SDKs and of
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_bedrock-mantle.html>.
pub const CONTROL_PLANE: &[&str] = &[
    "Archive",
    "Associate",
    "Batch",
    "Cancel",
    "Copy",
    "CreateAdvancedPromptOptimization",
    "CreateAgent",
    "CreateAutomatedReasoning",
    "CreateBlueprint",
    "CreateCustom",
    "CreateData",
    "CreateEvaluationJob",
    "CreateFile",
    "CreateFineTuningJob",
    "CreateFlow",
    "CreateFoundationModelAgreement",
    "CreateGuardrail",
    "CreateInferenceProfile",
    "CreateInvocation",
    "CreateKnowledgeBase",
    "CreateMarketplaceModelEndpoint",
    "CreateModelCopyJob",
    "CreateModelCustomizationJob",
    "CreateModelEvaluationJob",
    "CreateModelImportJob",
    "CreateModelInvocationJob",
    "CreateProject",
    "CreatePrompt",
    "CreateProvisionedModelThroughput",
    "CreateReservation",
    "CreateRetrievalInstruction",
    "CreateSession",
    "CreateVpcConfiguration",
    "Delete",
    "Deregister",
    "Disassociate",
    "EndSession",
    "Export",
    "Get",
    "Ingest",
    "InvokeBlueprintOptimization",
    "InvokeDataAutomationLibrary",
    "List",
    "Prepare",
    "Put",
    "Register",
    "StartAutomatedReasoning",
    "StartIngestionJob",
    "StartTrustedAccessProgram",
    "Stop",
    "Tag",
    "Untag",
    "Update",
    "Validate",
];

/// Whether `name` has the form of an operation's name. Nothing else is a call of AWS, whatever a record says.
pub(crate) fn is_operation(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.len() <= 100
        && name.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// Whether `name`, an operation of Bedrock, is one of the control plane.
pub(crate) fn is_control_plane(name: &str) -> bool {
    // A log may have changed the case.
    let begins = |start: &&str| name.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start));
    CONTROL_PLANE.iter().any(begins)
}

/// Sorted for binary search, without regard to case.
#[rustfmt::skip]
const OPERATIONS: &[&str] = &[
    "AddDatasetExamples", "AgenticRetrieveStream", "ApplyGuardrail", "ArchiveProject",
    "AssociateAgentCollaborator", "AssociateAgentKnowledgeBase", "BatchCreateMemoryRecords",
    "BatchDeleteAdvancedPromptOptimizationJob", "BatchDeleteEvaluationJob", "BatchDeleteMemoryRecords",
    "BatchPutGatewayRateLimits", "BatchUpdateMemoryRecords", "CancelAutomatedReasoningPolicyBuildWorkflow",
    "CheckIngestedDocumentAcl", "CompleteResourceTokenAuth", "Converse", "ConverseStream", "CopyBlueprintStage",
    "CountTokens", "CreateABTest", "CreateAdvancedPromptOptimizationJob", "CreateAgentActionGroup",
    "CreateAgentAlias", "CreateAgentRuntime", "CreateAgentRuntimeEndpoint", "CreateApiKeyCredentialProvider",
    "CreateAutomatedReasoningPolicy", "CreateAutomatedReasoningPolicyTestCase",
    "CreateAutomatedReasoningPolicyVersion", "CreateBrowser", "CreateBrowserProfile", "CreateCodeInterpreter",
    "CreateConfigurationBundle", "CreateConsentPortal", "CreateCustomModel", "CreateCustomModelDeployment",
    "CreateDataAutomationLibrary", "CreateDataAutomationProject", "CreateDatasetVersion", "CreateEvaluationJob",
    "CreateEvaluator", "CreateFlowAlias", "CreateFlowVersion", "CreateFoundationModelAgreement",
    "CreateGatewayRateLimit", "CreateGatewayRule", "CreateGatewayTarget", "CreateGuardrail",
    "CreateGuardrailVersion", "CreateHarness", "CreateHarnessEndpoint", "CreateInference",
    "CreateInferenceProfile", "CreateInvocation", "CreateMarketplaceModelEndpoint", "CreateModelCopyJob",
    "CreateModelCustomizationJob", "CreateModelImportJob", "CreateModelInvocationJob",
    "CreateOauth2CredentialProvider", "CreateOnlineEvaluationConfig", "CreatePaymentConnector",
    "CreatePaymentCredentialProvider", "CreatePaymentInstrument", "CreatePaymentManager", "CreatePaymentSession",
    "CreatePolicyEngine", "CreatePromptRouter", "CreatePromptVersion", "CreateProvisionedModelThroughput",
    "CreateRetrievalInstruction", "CreateRetrievalInstructionVersion", "CreateVpcConfiguration",
    "CreateWorkloadIdentity", "DeleteABTest", "DeleteAccountDataRetentionStorage", "DeleteAgentActionGroup",
    "DeleteAgentAlias", "DeleteAgentMemory", "DeleteAgentRuntime", "DeleteAgentRuntimeEndpoint",
    "DeleteAgentVersion", "DeleteApiKeyCredentialProvider", "DeleteAutomatedReasoningPolicy",
    "DeleteAutomatedReasoningPolicyBuildWorkflow", "DeleteAutomatedReasoningPolicyTestCase",
    "DeleteBatchEvaluation", "DeleteBrowser", "DeleteBrowserProfile", "DeleteCapacityProviderSession",
    "DeleteCodeInterpreter", "DeleteConfigurationBundle", "DeleteConsentPortal", "DeleteCustomModel",
    "DeleteCustomModelDeployment", "DeleteDataAutomationLibrary", "DeleteDataAutomationProject",
    "DeleteDatasetExamples", "DeleteDatasetGeneration", "DeleteEnforcedGuardrailConfiguration", "DeleteEvaluator",
    "DeleteFlowAlias", "DeleteFlowVersion", "DeleteFoundationModelAgreement", "DeleteGatewayRateLimit",
    "DeleteGatewayRule", "DeleteGatewayTarget", "DeleteGuardrail", "DeleteHarness", "DeleteHarnessEndpoint",
    "DeleteImportedModel", "DeleteInferenceProfile", "DeleteKnowledgeBaseDocuments",
    "DeleteMarketplaceModelEndpoint", "DeleteMemoryRecord", "DeleteModelInvocationLoggingConfiguration",
    "DeleteOauth2CredentialProvider", "DeleteOnlineEvaluationConfig", "DeleteOrganizationDataRetentionStorage",
    "DeletePaymentConnector", "DeletePaymentCredentialProvider", "DeletePaymentInstrument", "DeletePaymentManager",
    "DeletePaymentSession", "DeletePolicyEngine", "DeleteProjectDataRetentionStorage", "DeletePromptRouter",
    "DeleteProvisionedModelThroughput", "DeleteRecommendation", "DeleteRetrievalInstruction",
    "DeleteVpcConfiguration", "DeleteWorkloadIdentity", "DeregisterMarketplaceModelEndpoint",
    "DisassociateAgentCollaborator", "DisassociateAgentKnowledgeBase", "EndSession", "Evaluate",
    "ExportAutomatedReasoningPolicyVersion", "GetABTest", "GetAccountDataRetention",
    "GetAccountDataRetentionStorage", "GetAdvancedPromptOptimizationJob", "GetAgent", "GetAgentActionGroup",
    "GetAgentAlias", "GetAgentCard", "GetAgentCollaborator", "GetAgentInsight", "GetAgentInsightStore",
    "GetAgentKnowledgeBase", "GetAgentMemory", "GetAgentRuntime", "GetAgentRuntimeEndpoint", "GetAgentVersion",
    "GetApiKeyCredentialProvider", "GetAsyncInvoke", "GetAutomatedReasoningPolicy",
    "GetAutomatedReasoningPolicyAnnotations", "GetAutomatedReasoningPolicyBuildWorkflow",
    "GetAutomatedReasoningPolicyBuildWorkflowResultAssets", "GetAutomatedReasoningPolicyNextScenario",
    "GetAutomatedReasoningPolicyTestCase", "GetAutomatedReasoningPolicyTestResult", "GetBatchEvaluation",
    "GetBlueprintOptimizationStatus", "GetBrowser", "GetBrowserProfile", "GetBrowserSession", "GetCodeInterpreter",
    "GetCodeInterpreterSession", "GetConfigurationBundle", "GetConfigurationBundleVersion", "GetConsentPortal",
    "GetCustomModel", "GetCustomModelDeployment", "GetDataAutomationLibrary", "GetDataAutomationLibraryEntity",
    "GetDataAutomationLibraryIngestionJob", "GetDataAutomationProject", "GetDataAutomationStatus",
    "GetDatasetGeneration", "GetEvaluationJob", "GetEvaluator", "GetExecutionFlowSnapshot", "GetFlow",
    "GetFlowAlias", "GetFlowExecution", "GetFlowVersion", "GetFoundationModel", "GetFoundationModelAvailability",
    "GetGatewayRateLimit", "GetGatewayRule", "GetGatewayTarget", "GetGuardrail", "GetHarness",
    "GetHarnessEndpoint", "GetImportedModel", "GetInferenceProfile", "GetIngestedDocumentAcl", "GetInvocationStep",
    "GetKnowledgeBaseDocuments", "GetMarketplaceModelEndpoint", "GetMemoryRecord", "GetModelCopyJob",
    "GetModelCustomizationJob", "GetModelImportJob", "GetModelInvocationJob",
    "GetModelInvocationLoggingConfiguration", "GetOauth2CredentialProvider", "GetOnlineEvaluationConfig",
    "GetOrganizationDataRetentionStorage", "GetPaymentConnector", "GetPaymentCredentialProvider",
    "GetPaymentInstrumentBalance", "GetPaymentManager", "GetPaymentSession", "GetPolicyEngine",
    "GetPolicyEngineSummary", "GetPolicyGeneration", "GetPolicyGenerationSummary", "GetPolicySummary",
    "GetProjectDataRetentionStorage", "GetPrompt", "GetPromptRouter", "GetProvisionedModelThroughput",
    "GetResourceApiKey", "GetResourceOauth2Token", "GetResourcePaymentToken", "GetRetrievalInstruction",
    "GetTokenVault", "GetTrustedAccessProgram", "GetTrustedAccessProgramAccountEnrollment",
    "GetTrustedAccessProgramOrganizationEnrollment", "GetTrustedAccessProgramProjectEnrollment",
    "GetUseCaseForModelAccess", "GetVpcConfiguration", "GetWorkloadAccessToken", "GetWorkloadAccessTokenForJWT",
    "GetWorkloadAccessTokenForUserId", "GetWorkloadIdentity", "IngestData", "IngestKnowledgeBaseDocuments",
    "InvokeAgent", "InvokeAgentRuntime", "InvokeAgentRuntimeCommand", "InvokeBlueprintOptimizationAsync",
    "InvokeBrowser", "InvokeCodeInterpreter", "InvokeDataAutomation", "InvokeDataAutomationAsync",
    "InvokeDataAutomationLibraryIngestionJob", "InvokeFlow", "InvokeGuardrailChecks", "InvokeHarness",
    "InvokeInlineAgent", "InvokeModel", "InvokeModelWithBidirectionalStream", "InvokeModelWithResponseStream",
    "InvokeWebSearch", "ListABTests", "ListActors", "ListAdvancedPromptOptimizationJobs", "ListAgentActionGroups",
    "ListAgentAliases", "ListAgentCollaborators", "ListAgentInsights", "ListAgentInsightStores",
    "ListAgentKnowledgeBases", "ListAgentRuntimeEndpoints", "ListAgentRuntimes", "ListAgentRuntimeVersions",
    "ListAgentRuntimeVersionsByCapacityProvider", "ListAgentVersions", "ListApiKeyCredentialProviders",
    "ListAsyncInvokes", "ListAutomatedReasoningPolicies", "ListAutomatedReasoningPolicyBuildWorkflows",
    "ListAutomatedReasoningPolicyTestCases", "ListAutomatedReasoningPolicyTestResults", "ListBatchEvaluations",
    "ListBrowserProfiles", "ListBrowsers", "ListBrowserSessions", "ListCodeInterpreters",
    "ListCodeInterpreterSessions", "ListConfigurationBundles", "ListConfigurationBundleVersions",
    "ListConsentPortals", "ListCustomModelDeployments", "ListCustomModels", "ListDataAutomationLibraries",
    "ListDataAutomationLibraryEntities", "ListDataAutomationLibraryIngestionJobs", "ListDataAutomationProjects",
    "ListDatasetExamples", "ListDatasetGenerations", "ListDatasetVersions", "ListEnforcedGuardrailsConfiguration",
    "ListEvaluationJobs", "ListEvaluators", "ListFlowAliases", "ListFlowExecutionEvents", "ListFlowExecutions",
    "ListFlowVersions", "ListFoundationModelAgreementOffers", "ListFoundationModels", "ListGatewayRateLimits",
    "ListGatewayRules", "ListGatewayTargets", "ListGuardrails", "ListHarnessEndpoints", "ListHarnesses",
    "ListHarnessVersions", "ListImportedModels", "ListInferenceProfiles", "ListInvocations", "ListInvocationSteps",
    "ListKnowledgeBaseDocuments", "ListMarketplaceModelEndpoints", "ListMemoryExtractionJobs", "ListMemoryRecords",
    "ListModelCopyJobs", "ListModelCustomizationJobs", "ListModelImportJobs", "ListModelInvocationJobs",
    "ListOauth2CredentialProviders", "ListOnlineEvaluationConfigs", "ListPaymentConnectors",
    "ListPaymentCredentialProviders", "ListPaymentManagers", "ListPaymentSessions", "ListPolicyEngines",
    "ListPolicyEngineSummaries", "ListPolicyGenerationAssets", "ListPolicyGenerationSummaries",
    "ListPolicySummaries", "ListPromptRouters", "ListProvisionedModelThroughputs", "ListRetrievalInstructions",
    "ListRetrievalInstructionVersions", "ListTrustedAccessPrograms", "ListVpcConfigurations",
    "ListWorkloadIdentities", "OptimizePrompt", "PrepareAgent", "PrepareFlow", "ProcessPayment",
    "PutAccountDataRetention", "PutAccountDataRetentionStorage", "PutEnforcedGuardrailConfiguration",
    "PutInvocationStep", "PutModelInvocationLoggingConfiguration", "PutOrganizationDataRetentionStorage",
    "PutProjectDataRetentionStorage", "PutTrustedAccessProgramAccountEnrollment",
    "PutTrustedAccessProgramOrganizationEnrollment", "PutTrustedAccessProgramProjectEnrollment",
    "PutUseCaseForModelAccess", "RegisterMarketplaceModelEndpoint", "Rerank", "ResetTokenVaultKeyMaterial",
    "RetrieveAndGenerate", "RetrieveAndGenerateStream", "RetrieveMemoryRecords",
    "RotatePaymentConnectorCredentials", "SaveBrowserSessionProfile", "SearchRegistryRecords", "SetTokenVaultCMK",
    "StartAsyncInvoke", "StartAutomatedReasoningPolicyBuildWorkflow", "StartAutomatedReasoningPolicyTestWorkflow",
    "StartBatchEvaluation", "StartBrowserSession", "StartCodeInterpreterSession", "StartDatasetGeneration",
    "StartFlowExecution", "StartIngestionJob", "StartMemoryExtractionJob", "StartRecommendation",
    "StartTrustedAccessProgramAccountApplication", "StartTrustedAccessProgramOrganizationApplication",
    "StartTrustedAccessProgramProjectApplication", "StopAdvancedPromptOptimizationJob", "StopBatchEvaluation",
    "StopBrowserSession", "StopCodeInterpreterSession", "StopEvaluationJob", "StopFlowExecution",
    "StopIngestionJob", "StopModelCustomizationJob", "StopModelInvocationJob", "StopRuntimeSession",
    "SynchronizeGatewayTargets", "UpdateABTest", "UpdateAgentActionGroup", "UpdateAgentAlias",
    "UpdateAgentCollaborator", "UpdateAgentInsight", "UpdateAgentInsightStore", "UpdateAgentKnowledgeBase",
    "UpdateAgentRuntime", "UpdateAgentRuntimeEndpoint", "UpdateApiKeyCredentialProvider",
    "UpdateAutomatedReasoningPolicy", "UpdateAutomatedReasoningPolicyAnnotations",
    "UpdateAutomatedReasoningPolicyTestCase", "UpdateBrowserStream", "UpdateConfigurationBundle",
    "UpdateConsentPortal", "UpdateCustomModelDeployment", "UpdateDataAutomationLibrary",
    "UpdateDataAutomationProject", "UpdateDatasetExamples", "UpdateEvaluator", "UpdateFlowAlias",
    "UpdateGatewayRateLimit", "UpdateGatewayRule", "UpdateGatewayTarget", "UpdateGuardrail", "UpdateHarness",
    "UpdateHarnessEndpoint", "UpdateMarketplaceModelEndpoint", "UpdateOauth2CredentialProvider",
    "UpdateOnlineEvaluationConfig", "UpdatePaymentConnector", "UpdatePaymentCredentialProvider",
    "UpdatePaymentManager", "UpdatePolicyEngine", "UpdateProvisionedModelThroughput", "UpdateRetrievalInstruction",
    "UpdateWorkloadIdentity", "ValidateFlowDefinition",
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

/// Words in the names of operations that have one of [`WORDS`] in them and are other services': machine learning,
/// contact centres and devices have models and agents too.
#[rustfmt::skip]
const WORDS_OF_OTHERS: &[&str] = &[
    "agentcontext", "agentgoal", "agentorganizational", "agentprofile", "agentspace", "agentstatus", "aiagent",
    "aiguardrail", "aiprompt", "assetmodel", "audiencemodel", "computationmodel", "dataingestionjob", "externalmodel",
    "globalinference", "inferencecomponent", "inferenceexperiment", "inferencegateway", "inferencerecommendations",
    "inferencerouter", "inferencescheduler", "ingestiondestination", "ingestionstream", "languagemodel",
    "metadatamodel", "mlmodel", "modelalgorithm", "modelbias", "modelcard", "modelexplainability", "modelmanifest",
    "modelpackage", "modelquality", "modelversion", "rcsagent", "threatmodel", "trainedmodel",
];

/// Whole names of the same kind. No operation of Bedrock begins with `Describe`.
const NAMES_OF_OTHERS: &[&str] = &[
    "createingestion",
    "createmodel",
    "deletemodel",
    "getmodel",
    "getmodels",
    "importmodel",
    "startingestion",
    "updatemodel",
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
    let is_of_others = name.starts_with("describe")
        || NAMES_OF_OTHERS.contains(&name)
        || WORDS_OF_OTHERS.iter().any(|word| name.contains(word));
    if is_of_others {
        return OwnerOfOperation::AnotherService;
    }
    let is_shared = SHARED.iter().any(|known| known.eq_ignore_ascii_case(name))
        || WORDS.iter().any(|word| name.contains(word));
    if is_shared { OwnerOfOperation::Unclear } else { OwnerOfOperation::AnotherService }
}

/// Operations that Bedrock or a neighbour shares with another service, as far as no word shows it.
const SHARED: &[&str] = &[
    "CreateBlueprint",
    "CreateBlueprintVersion",
    "CreateCapacityProvider",
    "CreateDataSource",
    "CreateDataset",
    "CreateEvent",
    "CreateFlow",
    "CreateGateway",
    "CreateMemory",
    "CreatePolicy",
    "CreateProject",
    "CreateRegistry",
    "CreateRegistryRecord",
    "CreateSession",
    "DeleteBlueprint",
    "DeleteCapacityProvider",
    "DeleteDataSource",
    "DeleteDataset",
    "DeleteEvent",
    "DeleteFlow",
    "DeleteGateway",
    "DeleteMemory",
    "DeletePolicy",
    "DeleteRegistry",
    "DeleteRegistryRecord",
    "DeleteResourcePolicy",
    "DeleteSession",
    "GenerateQuery",
    "GetBlueprint",
    "GetCapacityProvider",
    "GetDataSource",
    "GetDataset",
    "GetDocumentContent",
    "GetEvent",
    "GetGateway",
    "GetMemory",
    "GetPaymentInstrument",
    "GetPolicy",
    "GetProject",
    "GetRecommendation",
    "GetRegistry",
    "GetRegistryRecord",
    "GetResourcePolicy",
    "GetSession",
    "ListBlueprints",
    "ListCapacityProviders",
    "ListDataSources",
    "ListDatasets",
    "ListEvents",
    "ListFlows",
    "ListGateways",
    "ListMemories",
    "ListPaymentInstruments",
    "ListPolicies",
    "ListPolicyGenerations",
    "ListProjects",
    "ListRecommendations",
    "ListRegistries",
    "ListRegistryRecords",
    "ListSessions",
    "ListTagsForResource",
    "PutResourcePolicy",
    "Retrieve",
    "StartPolicyGeneration",
    "SubmitRegistryRecordForApproval",
    "TagResource",
    "UntagResource",
    "UpdateBlueprint",
    "UpdateCapacityProvider",
    "UpdateDataSource",
    "UpdateDataset",
    "UpdateFlow",
    "UpdateGateway",
    "UpdateMemory",
    "UpdatePolicy",
    "UpdateProject",
    "UpdateRegistry",
    "UpdateRegistryRecord",
    "UpdateRegistryRecordStatus",
    "UpdateSession",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_operation_of_bedrock_is_taken_for_anothers() {
        for name in OPERATIONS.iter().chain(SHARED) {
            assert_ne!(owner(name), OwnerOfOperation::AnotherService, "{name}");
        }
    }

    #[test]
    fn operations_are_sorted_and_stand_once() {
        assert!(OPERATIONS.is_sorted_by(|a, b| a.to_ascii_lowercase() < b.to_ascii_lowercase()));
    }

    /// The operations of Bedrock's endpoints that are no control plane, and names that nobody has seen yet.
    const DATA_PLANE: &[&str] = &[
        "AgenticRetrieveStream",
        "ApplyGuardrail",
        "ChatCompletions",
        "Converse",
        "ConverseStream",
        "CountTokens",
        "CreateChatCompletion",
        "CreateInference",
        "CreateMessage",
        "CreateModelResponse",
        "CreateResponse",
        "GenerateQuery",
        "InvokeAgent",
        "InvokeDataAutomation",
        "InvokeDataAutomationAsync",
        "InvokeFlow",
        "InvokeGuardrailChecks",
        "InvokeInlineAgent",
        "InvokeModel",
        "InvokeModelWithBidirectionalStream",
        "InvokeModelWithResponseStream",
        "Messages",
        "OptimizePrompt",
        "Rerank",
        "Responses",
        "Retrieve",
        "RetrieveAndGenerate",
        "RetrieveAndGenerateStream",
        "StartAsyncInvoke",
        "StartFlowExecution",
    ];

    #[test]
    fn nothing_of_the_data_plane_is_left_out() {
        for name in DATA_PLANE {
            assert!(!is_control_plane(name), "{name}");
        }
    }

    #[test]
    fn every_beginning_leaves_out_an_operation_of_bedrock() {
        // Operations that only the bedrock-mantle endpoint has, that only IAM names, or that are newer than the list.
        let others = [
            "ArchiveProject",
            "CreateFile",
            "CreateFineTuningJob",
            "CreateKnowledgeBase",
            "CreateModelEvaluationJob",
            "CreateProject",
            "CreateReservation",
            "CreateRetrievalInstruction",
            "CreateVpcConfiguration",
            "StartTrustedAccessProgramAccountApplication",
        ];
        assert!(CONTROL_PLANE.is_sorted());
        for begins in CONTROL_PLANE {
            let mut known = OPERATIONS.iter().chain(SHARED).chain(&others);
            assert!(known.any(|name| name.starts_with(begins)), "{begins}");
            let shorter = CONTROL_PLANE.iter().find(|other| begins != *other && begins.starts_with(**other));
            assert_eq!(shorter, None, "{begins}");
        }
    }

    #[test]
    fn what_has_no_form_of_a_name_is_no_operation() {
        for name in ["Converse", "CreateInference", "ChatCompletions2"] {
            assert!(is_operation(name), "{name}");
        }
        for name in ["", "converse", "Converse now", "\u{1b}[31mConverse", "Converse<b>", "Convers\u{e9}"] {
            assert!(!is_operation(name), "{name}");
        }
    }

    #[test]
    fn an_operation_of_another_service_is_known_by_its_name() {
        for (name, expected) in [
            ("Converse", OwnerOfOperation::Bedrock),
            ("converse", OwnerOfOperation::Bedrock),
            ("InvokeModelCommand", OwnerOfOperation::Bedrock),
            ("CreateEvent", OwnerOfOperation::Unclear),
            ("CreateAgent", OwnerOfOperation::Unclear),
            ("ListFoundationModelsOfTomorrow", OwnerOfOperation::Unclear),
            ("PutLogEvents", OwnerOfOperation::AnotherService),
            ("AssumeRole", OwnerOfOperation::AnotherService),
            ("CreateModel", OwnerOfOperation::AnotherService),
            ("CreateModelPackageGroup", OwnerOfOperation::AnotherService),
            ("DescribeAgent", OwnerOfOperation::AnotherService),
        ] {
            assert_eq!(owner(name), expected, "{name}");
        }
    }
}
