//! Rules for answers that are not Bedrock's: another provider's, a gateway's, an agent's, or the client's own failure.
//!
//! Invariant: These rows come before all others. They hold names and words that Bedrock never uses, so that nobody is
//! told to raise a quota of AWS for them. An answer that names Bedrock as the service is never taken for another's.

use crate::diagnosis::cause::Cause;
use crate::diagnosis::rule::{Example, Rule};
use crate::diagnosis::rules::conditions::may_be_elsewhere;
use crate::diagnosis::rules::pages::{CREDENTIALS, ERRORS};

const ANTHROPIC_ERRORS: &str = "https://docs.claude.com/en/api/errors";
const OPENAI_ERRORS: &str = "https://platform.openai.com/docs/guides/error-codes";
const AZURE_ERRORS: &str = "https://learn.microsoft.com/azure/ai-services/openai/how-to/quota";
const GOOGLE_ERRORS: &str = "https://ai.google.dev/gemini-api/docs/troubleshooting";

/// Words of Bedrock and of its SDKs. A text with one of them counts as Bedrock's answer, even if it also names somebody
/// else: an application may have a provider's name, and a gateway quotes what Bedrock answered.
const OF_BEDROCK: &[&str] = &[
    "bedrockexception",
    "bedrock-runtime",
    "bedrock-mantle",
    "throttlingexception",
    "accessdeniedexception",
    "validationexception",
    "serviceunavailableexception",
    "modelerrorexception",
    "please wait before trying again",
    "on-demand throughput",
];

#[rustfmt::skip]
pub(super) const ROWS: &[Rule] = &[
    Rule { id: "anthropic-api", cause: Cause::Unrelated, answered_by: Some("Anthropic's own API"),
        says: &[&["req_01"], &["oauth authentication is currently"], &["api.anthropic.com"], &["anthropicexception"], &["console.anthropic.com"], &["platform.claude.com"], &["your organization's rate limit"], &["credit balance is too low"], &["anthropic-ratelimit"], &["extra usage is required"], &["claude.ai"], &["access the anthropic api"], &["rate_limit_error", "request_id"], &["rate limit", "anthropic.com"], &["overloaded_error", "request_id"]],
        unless: OF_BEDROCK,
        when: Some(may_be_elsewhere),
        advice: &["Anthropic's own API answered, not Amazon Bedrock: its own account, plan and limits apply, and no quota of AWS bears on it."],
        reference: ANTHROPIC_ERRORS,
        example: Example { code: None, message: "Your credit balance is too low to access the Anthropic API" }, ..Rule::NONE },
    Rule { id: "azure-openai", cause: Cause::Unrelated, answered_by: Some("Azure OpenAI"),
        says: &[&["azureexception"], &["azureopenai"], &["azure openai"], &["azure_ai"], &["openai.azure.com"], &["cognitiveservices.azure.com"], &["services.ai.azure.com"], &["exceeded call rate limit"], &["exceeded token rate limit"], &["azure.core.exceptions"]],
        unless: OF_BEDROCK,
        when: Some(may_be_elsewhere),
        advice: &["Azure answered, not Amazon Bedrock: its own account, plan and limits apply, and no quota of AWS bears on it."],
        reference: AZURE_ERRORS,
        example: Example { code: None, message: "Requests to the ChatCompletions_Create Operation under Azure OpenAI API have exceeded token rate limit" }, ..Rule::NONE },
    Rule { id: "openai-api", cause: Cause::Unrelated, answered_by: Some("OpenAI's own API"),
        says: &[&["unsupported_country_region_territory"], &["does not exist or you do not have access to it"], &["organization must be verified"], &["api.openai.com"], &["platform.openai.com"], &["openaiexception"], &["insufficient_quota"], &["check your plan and billing details"], &["in organization org-"], &["context_length_exceeded"], &["missing scopes"]],
        unless: OF_BEDROCK,
        when: Some(may_be_elsewhere),
        advice: &["OpenAI's own API answered, not Amazon Bedrock: its own account, plan and limits apply, and no quota of AWS bears on it."],
        reference: OPENAI_ERRORS,
        example: Example { code: Some("insufficient_quota"), message: "You exceeded your current quota, please check your plan and billing details." }, ..Rule::NONE },
    Rule { id: "google-gemini", cause: Cause::Unrelated, answered_by: Some("Google Vertex AI or the Gemini API"),
        says: &[&["generativelanguage.googleapis.com"], &["aiplatform.googleapis.com"], &["googleapis.com"], &["vertexaiexception"], &["vertex_ai"], &["vertexai"], &["geminiexception"], &["googlegenerativeai"], &["gaxioserror"], &["resource_exhausted"], &["resource has been exhausted"], &["resource exhausted"], &["publisher model"], &["failed_precondition"], &["invalid_argument", "status"], &["aiplatform.endpoints"]],
        unless: OF_BEDROCK,
        when: Some(may_be_elsewhere),
        advice: &["Google answered, not Amazon Bedrock: its own account, plan and limits apply, and no quota of AWS bears on it."],
        reference: GOOGLE_ERRORS,
        example: Example { code: Some("RESOURCE_EXHAUSTED"), message: "Resource has been exhausted (e.g. check quota)." }, ..Rule::NONE },
    Rule { id: "another-provider", cause: Cause::Unrelated, answered_by: Some("another provider of models"),
        says: &[&["requests throttling triggered"], &["cerebras"], &["copilot"], &["available neurons"], &["free credits"], &["sambanova"], &["deepinfra"], &["novita"], &["lm studio"], &["lmstudio"], &["vllm"], &["litellm.exceptions.ratelimiterror: ratelimiterror: openai"], &["openrouter"], &["openrouterexception"], &["api.groq.com"], &["console.groq.com"], &["groqexception"], &["api.mistral.ai"], &["mistralexception"], &["api.cohere"], &["cohereexception"], &["trial key"], &["api.deepseek.com"], &["deepseekexception"], &["api.x.ai"], &["console.x.ai"], &["xaiexception"], &["for team", "rate limit"], &["your team", "credits"], &["huggingface.co"], &["huggingfaceexception"], &["api.together"], &["together ai"], &["togetherai"], &["api.fireworks.ai"], &["fireworks_ai"], &["perplexity.ai"], &["ollama"], &["dashscope"], &["aliyun"], &["throttling.allocationquota"], &["models.github.ai"], &["models.inference.ai"], &["github models"], &["githubcopilot"], &["userbymodelby"], &["integrate.api.nvidia.com"], &["nvidia_nim"], &["api.cerebras.ai"], &["cerebrasexception"], &["api.replicate.com"], &["sambanova"], &["databricks"], &["watsonx"], &["moonshot"], &["bigmodel.cn"], &["siliconflow"], &["engine_overloaded_error"], &["insufficient credits"], &["no credits remaining"], &["credits remaining"], &["free-models-per"], &["credit_balance"], &["rate-limited upstream"], &["rate limit reached for"]],
        unless: OF_BEDROCK,
        when: Some(may_be_elsewhere),
        advice: &["Another provider answered, not Amazon Bedrock: its own account, plan and limits apply, and no quota of AWS bears on it."],
        reference: ERRORS,
        example: Example { code: None, message: "Rate limit reached for model x in organization y on tokens per minute; see console.groq.com" }, ..Rule::NONE },
    Rule { id: "gateway-limit", cause: Cause::Unrelated, answered_by: Some("a gateway's own limit"),
        says: &[&["exceededtokenbudget"], &["max budget for token"], &["gatewayratelimiterror"], &["budgetexceedederror"], &["budget has been exceeded"], &["exceededbudget"], &["crossed budget"], &["over budget"], &["no deployments available"], &["max parallel request limit"], &["deployment over user-defined"], &["tpm limit="], &["rpm limit="], &["portkey"], &["team not allowed to access model"], &["key not allowed to access model"], &["not allowed to access model"], &["team can only access"], &["key can only access"], &["virtual key"], &["ai gateway"], &["kong"], &["api rate limit exceeded"], &["monthly token limit"], &["helicone"], &["cf-ray"], &["check your inference gateway"], &["request was rejected by the gateway"]],
        unless: OF_BEDROCK,
        when: Some(may_be_elsewhere),
        advice: &["A gateway between the application and Bedrock refused the call by a limit of its own: its budget, key or model list decides. No quota of AWS bears on it."],
        reference: ERRORS,
        example: Example { code: None, message: "Budget has been exceeded! Current cost: 12.5, Max budget: 10.0" }, ..Rule::NONE },
    Rule { id: "agent-limit", cause: Cause::Unrelated, answered_by: Some("an agent's own limit"),
        says: &[&["recursion limit of"], &["graphrecursionerror"], &["graph_recursion_limit"], &["maxturnsexceeded"], &["max turns"], &["maximum iteration"], &["max iterations"], &["maximum number of iterations"], &["reached max iteration"], &["usagelimitexceeded"], &["usage limit reached"], &["hit your session limit"], &["hit your usage limit"], &["hit your limit"], &["rate_limit_event"], &["claude_code_max_output_tokens"], &["output token maximum"], &["agent stopped due to"], &["would exceed the request_limit"], &["iteration limit"], &["max_iterations"]],
        unless: OF_BEDROCK,
        when: Some(may_be_elsewhere),
        advice: &["The agent or its framework stopped by a limit of its own: raise that limit, or let the agent take fewer steps. No quota of AWS bears on it."],
        reference: ERRORS,
        example: Example { code: None, message: "GraphRecursionError: Recursion limit of 25 reached without hitting a stop condition." }, ..Rule::NONE },
    Rule { id: "client-setup", cause: Cause::Unrelated, answered_by: Some("the client itself"),
        says: &[&["cannot import name"], &["errors.pydantic.dev"], &["nosuchendpointerror"], &["sockettimeoutexception"], &["runtime exited with error"], &["signal: killed"], &["unable to convert openai tool calls"], &["missing boto3"], &["modulenotfounderror"], &["no module named"], &["cannot find module"], &["importerror"], &["unknownserviceerror"], &["unknown service:"], &["has no attribute"], &["region not set"], &["must specify a region"], &["noregionerror"], &["no regionendpoint"], &["region is missing"], &["certificate_verify_failed"], &["certificate verify failed"], &["ssl validation failed"], &["self-signed certificate"], &["self signed certificate"], &["unable to get local issuer"], &["econnrefused"], &["connection refused"], &["could not resolve host"], &["name or service not known"], &["nodename nor servname"], &["temporary failure in name resolution"], &["task timed out after"], &["execution timed out"], &["failed to connect to localhost"], &["undefined.amazonaws.com"], &["econnreset"], &["etimedout"], &["connection was closed before we received"], &["jsondecodeerror"], &["context canceled"], &["out of memory"], &["oomkilled"]],
        unless: &["throttlingexception", "accessdeniedexception", "validationexception", "serviceunavailableexception", "unable to locate credentials", "expiredtoken", "could not load credentials"],
        when: Some(may_be_elsewhere),
        advice: &["The call failed in the client, before AWS answered: mend its installation, settings or network."],
        reference: CREDENTIALS,
        example: Example { code: None, message: "Unknown service: 'bedrock-runtime'. Valid service names are: acm, s3" }, ..Rule::NONE },
    Rule { id: "another-providers-code", cause: Cause::Unrelated, answered_by: Some("another provider of models"),
        codes: &["insufficient_quota", "resource_exhausted", "invalid_argument", "failed_precondition", "engine_overloaded_error", "context_length_exceeded", "deploymentnotfound"],
        unless: &["bedrock"],
        when: Some(may_be_elsewhere),
        advice: &["The error's code is another provider's, not Amazon Bedrock's: its own account, plan and limits apply."],
        reference: ERRORS,
        example: Example { code: Some("RESOURCE_EXHAUSTED"), message: "quota" }, ..Rule::NONE },
    Rule { id: "another-services-code", cause: Cause::Unrelated, answered_by: Some("another AWS service"),
        codes: &["provisionedthroughputexceeded", "requestlimitexceeded", "slowdown", "limitexceeded", "ec2throttled", "vcpulimitexceeded", "insufficientinstancecapacity", "textsizelimitexceeded", "states.datalimitexceeded", "lambda:executiontimeout"],
        unless: &["bedrock"],
        when: Some(may_be_elsewhere),
        advice: &["Bedrock has no exception of this name: another AWS service answered, and its own limits apply."],
        reference: ERRORS,
        example: Example { code: Some("ProvisionedThroughputExceededException"), message: "Provisioned rate exceeded" }, ..Rule::NONE },
    Rule { id: "openai-compatible-api", cause: Cause::Unrelated, answered_by: Some("an API of OpenAI's form"),
        says: &[&["openai.badrequesterror"], &["openai.ratelimiterror"], &["openai.notfounderror"], &["openai.permissiondeniederror"], &["openai.authenticationerror"], &["openai.internalservererror"], &["openai.apistatuserror"], &["openai.apierror"]],
        unless: &["bedrock", "amazon", "litellm", "throttlingexception", "validationexception", "accessdeniedexception"],
        when: Some(may_be_elsewhere),
        advice: &["The OpenAI SDK received this answer, and nothing in it is Bedrock's: look at the base URL that the client uses."],
        reference: ERRORS,
        example: Example { code: None, message: "openai.RateLimitError: Error code: 429 - {'error': {'code': '1113'}}" }, ..Rule::NONE },
    Rule { id: "sagemaker", cause: Cause::Unrelated, answered_by: Some("Amazon SageMaker"),
        says: &[&["sagemakerexception"], &["account-level service limit"], &["for endpoint usage"], &["ec2insufficientcapacity"], &["runtime.sagemaker"]],
        unless: OF_BEDROCK,
        when: Some(may_be_elsewhere),
        advice: &["Amazon SageMaker answered, not Bedrock: its own endpoints, instances and quotas apply."],
        reference: ERRORS,
        example: Example { code: Some("ResourceLimitExceeded"), message: "The account-level service limit 'ml.m5.large for endpoint usage' is 0 Instances" }, ..Rule::NONE },
];
