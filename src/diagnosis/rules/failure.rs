//! Failures on AWS's side, and rate limits that name nothing else.

use crate::diagnosis::cause::Cause;
use crate::diagnosis::rule::{Example, Rule};
use crate::diagnosis::rules::conditions::{is_bedrocks_failure, of_aws};
use crate::diagnosis::rules::pages::{CAPACITY_ADVICE, ERRORS, QUOTAS, THROTTLE_ADVICE, TOOLS};

#[rustfmt::skip]
pub(super) const ROWS: &[Rule] = &[
    Rule { id: "model-timed-out", cause: Cause::ModelTimeout,
        says: &[&["request took too long to process"], &["model has timed out"], &["model timed out"], &["timed out in processing"], &["read timeout on endpoint", "bedrock"]],
        advice: &["Stream the answer, ask for fewer tokens, and give the client a read time-out of at least the model's; then retry.", "A quota increase will not help."],
        reference: ERRORS,
        example: Example { code: Some("ModelTimeoutException"), message: "Model has timed out in processing the request. Try your request again." }, ..Rule::NONE },
    Rule { id: "model-failed", cause: Cause::ModelError,
        says: &[&["error while processing the model"], &["model produced invalid sequence"], &["failed in the model container"], &["model encountered an error"], &["model encountered an unexpected error"], &["model error"]],
        unless: &["internalserverexception"],
        advice: &["The model itself failed on this input: retry once or twice, with simpler tools or a lower temperature if it failed over a tool call.", "A quota increase will not help."],
        reference: TOOLS,
        example: Example { code: Some("ModelErrorException"), message: "Model produced invalid sequence as part of ToolUse. Please refer to the model tool use troubleshooting guide." }, ..Rule::NONE },
    Rule { id: "model-stream-failed", cause: Cause::ModelError,
        codes: &["modelerrorexception", "modelstreamerrorexception"],
        says: &[&["unexpected error during processing"], &["internal error"], &["internal server error"]],
        advice: &["The model itself failed, perhaps in the middle of its answer: discard the part that came and retry once or twice.", "A quota increase will not help."],
        reference: ERRORS,
        example: Example { code: Some("modelStreamErrorException"), message: "The system encountered an unexpected error during processing. Try your request again." }, ..Rule::NONE },
    Rule { id: "internal-error", cause: Cause::InternalError,
        when: Some(is_bedrocks_failure),
        says: &[&["unexpected error during processing"], &["internal server error"], &["server had an error while processing"], &["internal server exception"], &["internal error"], &["internal failure"], &["unexpected internal"], &["internalserverexception"], &["internalserviceexception"]],
        advice: CAPACITY_ADVICE, reference: ERRORS,
        example: Example { code: Some("InternalServerException"), message: "The system encountered an internal error. Try your request again." }, ..Rule::NONE },
    Rule { id: "service-unavailable", cause: Cause::ServiceUnavailable,
        says: &[&["service isn't currently available"], &["service unavailable"], &["temporarily unavailable"], &["service is unavailable"], &["service is currently unavailable"], &["serviceunavailable"], &["could not connect to the endpoint", "bedrock"], &["cannot connect to host bedrock"], &["connection reset", "bedrock"], &["connect timeout", "bedrock"], &["connection refused", "bedrock"]],
        advice: CAPACITY_ADVICE, reference: ERRORS,
        example: Example { code: Some("ServiceUnavailableException"), message: "Service unavailable. Try again later." }, ..Rule::NONE },
    Rule { id: "bad-gateway", cause: Cause::ServiceUnavailable,
        says: &[&["bad gateway"]],
        when: Some(of_aws),
        advice: CAPACITY_ADVICE, reference: ERRORS,
        example: Example { code: None, message: "Bedrock answered: 502 Bad Gateway" }, ..Rule::NONE },
    Rule { id: "health-issue", cause: Cause::ServiceUnavailable,
        codes: &["aws_bedrock_operational_issue", "aws_bedrock_operational_notification"],
        advice: CAPACITY_ADVICE, reference: ERRORS,
        example: Example { code: Some("AWS_BEDROCK_OPERATIONAL_ISSUE"), message: "We are investigating increased error rates in the US-EAST-1 Region." }, ..Rule::NONE },

    Rule { id: "rate-exceeded", cause: Cause::RateUnspecified,
        says: &[&["denied due to exceeding the account quotas"], &["rate exceeded", "bedrock"], &["rate limit", "bedrock"], &["throttled", "bedrock"]],
        advice: THROTTLE_ADVICE, reference: QUOTAS,
        example: Example { code: None, message: "Amazon Bedrock: rate limit exceeded, slow down" }, ..Rule::NONE },
];
