//! Conditions of rules that phrases cannot express.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::diagnosis::answered::{NamedService, is_of_aws};
use crate::diagnosis::cause::Cause;
use crate::diagnosis::find;
use crate::diagnosis::member;
use crate::diagnosis::operations::{self, OwnerOfOperation, is_control_plane};
use crate::diagnosis::plain::Plain;
use crate::ids::Region;

/// Whether somebody else may have answered: neither the envelope nor the SDK names Bedrock, and no model is named in
/// Bedrock's own form, such as `anthropic.claude-opus-5`.
pub(super) fn may_be_elsewhere(plain: &Plain) -> bool {
    plain.service != NamedService::Bedrock && find::model(&plain.message, &[]).is_none()
}

/// Whether `LiteLLM` names another provider as the one that answered: `litellm.RateLimitError: Together_aiException - …`.
/// An application's own `ClientError: ThrottlingException - …` has the same form.
pub(super) fn has_provider_of_litellm(plain: &Plain) -> bool {
    static ENDING: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("exception - "));
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let names_another = |at: usize| {
        let before = plain.message.get(..at).unwrap_or_default();
        let provider = before.get(before.trim_end_matches(is_name).len()..).unwrap_or_default();
        !provider.is_empty() && !provider.starts_with("bedrock") && !EXCEPTIONS.contains(&provider)
    };
    may_be_elsewhere(plain)
        && names_a_class_of_litellm(&plain.message)
        && ENDING.find_iter(plain.message.as_bytes()).any(names_another)
}

/// Whether the message has the name of one of `LiteLLM`'s exceptions, such as `BadRequestError`.
fn names_a_class_of_litellm(message: &str) -> bool {
    const CLASSES: [&str; 10] = [
        "litellm",
        "ratelimiterror: ",
        "badrequesterror: ",
        "notfounderror: ",
        "authenticationerror: ",
        "permissiondeniederror: ",
        "apiconnectionerror: ",
        "serviceunavailableerror: ",
        "internalservererror: ",
        "contextwindowexceedederror: ",
    ];
    CLASSES.iter().any(|class| message.contains(class))
}

/// The exceptions of Bedrock and those that all AWS services share, without `exception`.
const EXCEPTIONS: [&str; 20] = [
    "accessdenied",
    "badgateway",
    "conflict",
    "dependencyfailed",
    "expiredtoken",
    "internalserver",
    "invalidsignature",
    "modelerror",
    "modelnotready",
    "modelstreamerror",
    "modeltimeout",
    "resourcenotfound",
    "runtime",
    "servicequotaexceeded",
    "serviceunavailable",
    "throttled",
    "throttling",
    "unknownoperation",
    "unrecognizedclient",
    "validation",
];

/// Whether the body has the status of Google's APIs, such as `"status": "RESOURCE_EXHAUSTED"`. AWS has no such words.
/// See <https://google.aip.dev/193>.
pub(super) fn has_status_of_google(plain: &Plain) -> bool {
    const STATUSES: [&str; 8] = [
        "deadline_exceeded",
        "failed_precondition",
        "invalid_argument",
        "not_found",
        "permission_denied",
        "resource_exhausted",
        "unauthenticated",
        "unavailable",
    ];
    static KEY: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("status"));
    let is_google = |at: usize| {
        let rest = plain.message.get(at + "status".len()..).unwrap_or_default();
        let value = rest.trim_start_matches(['"', '\'']).strip_prefix(':').unwrap_or_default();
        let value = value.trim_start_matches([' ', '"', '\'']);
        STATUSES.iter().any(|status| value.starts_with(status))
    };
    may_be_elsewhere(plain) && KEY.find_iter(plain.message.as_bytes()).any(is_google)
}

/// Whether the text names another AWS service as the one that answered.
pub(super) fn of_another_service(plain: &Plain) -> bool {
    matches!(plain.service, NamedService::Another(_))
}

/// Whether AWS answered, as far as the text shows. A quota of AWS has nothing to do with any other answer.
pub(super) fn of_aws(plain: &Plain) -> bool {
    plain.operation.is_some() || is_of_aws(&plain.message, &plain.codes)
}

/// Whether the parameter that an SDK refused is none of Bedrock's inference operations.
pub(super) fn names_no_member_of_bedrock(plain: &Plain) -> bool {
    may_be_elsewhere(plain) && !member::is_named(&plain.message)
}

/// Whether a rate limit is Bedrock's: AWS answered, or the sentence is Bedrock's own.
pub(super) fn is_bedrocks_limit(plain: &Plain) -> bool {
    const OWN: [&str; 3] = ["please wait before trying again", "too many tokens per day", "model inference"];
    of_aws(plain) || OWN.iter().any(|words| plain.message.contains(words))
}

/// Whether a failure inside a service is Bedrock's: AWS answered, or the sentence is one of Bedrock's own.
pub(super) fn is_bedrocks_failure(plain: &Plain) -> bool {
    const OWN: [&str; 5] = [
        "error during processing",
        "internal server e",
        "internalserver",
        "system encountered an internal error",
        "server had an error while processing",
    ];
    of_aws(plain) || OWN.iter().any(|words| plain.message.contains(words))
}

/// Whether a used up number of resources is Bedrock's: many services have the same exception, and only Bedrock has
/// model units, of provisioned throughput.
pub(super) fn is_bedrocks_resource(plain: &Plain) -> bool {
    plain.service == NamedService::Bedrock
        || ["bedrock", "model units"].iter().any(|w| plain.message.contains(w))
}

/// Whether a resource of Bedrock was refused, such as an agent or a job, rather than a call of a model: by the
/// operation, if the text names it.
pub(super) fn about_a_resource(plain: &Plain) -> bool {
    let Some(operation) = plain.operation.as_deref() else { return false };
    is_control_plane(operation) && operations::owner(operation) != OwnerOfOperation::AnotherService
}

/// Whether an SDK's wrapper names Bedrock as the service and `status`, and no exception.
fn is_refused_with(plain: &Plain, statuses: &[u16]) -> bool {
    plain.service == NamedService::Bedrock
        && plain.status.is_some_and(|status| statuses.contains(&status))
        && plain.codes.is_empty()
        && says_something(plain)
}

/// Whether the bedrock-runtime endpoint refused a call, by status only.
pub(super) fn is_refused_by_runtime(plain: &Plain) -> bool {
    is_of_runtime(plain) && is_refused_with(plain, &[400])
}

/// Whether another endpoint of Bedrock refused a call, by status only.
pub(super) fn is_refused_by_another_endpoint(plain: &Plain) -> bool {
    !is_of_runtime(plain) && is_refused_with(plain, &[400, 404])
}

fn is_of_runtime(plain: &Plain) -> bool {
    ["bedrockruntime", "bedrock runtime"].iter().any(|name| plain.message.contains(name))
}

/// Whether Bedrock answered, as far as the wrapper or the operation shows.
pub(super) fn of_bedrock(plain: &Plain) -> bool {
    plain.service == NamedService::Bedrock
}

/// Whether the message contains a Region code.
pub(super) fn names_a_region(plain: &Plain) -> bool {
    plain.message.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').any(|w| Region::parse(w).is_some())
}

/// Whether the message contains a sentence, not only codes and field names.
pub(super) fn says_something(plain: &Plain) -> bool {
    let is_field = |w: &str| w.starts_with('"') || w.ends_with('"') || w.ends_with("\",");
    plain
        .message
        .split(' ')
        .filter(|w| !is_field(w) && !plain.codes.iter().any(|c| w.contains(c.as_str())))
        .count()
        >= 3
}

/// Whether the member that a validation error names points to `cause`.
fn points_to(plain: &Plain, cause: Cause) -> bool {
    member::path(&plain.message).and_then(member::cause) == Some(cause)
}

/// Whether the member that a validation error names holds media.
pub(super) fn about_media(plain: &Plain) -> bool {
    points_to(plain, Cause::Media)
}

/// Whether the member that a validation error names is one of the messages.
pub(super) fn about_messages(plain: &Plain) -> bool {
    points_to(plain, Cause::Messages)
}

/// Whether the member that a validation error names configures a guardrail.
pub(super) fn about_guardrail(plain: &Plain) -> bool {
    points_to(plain, Cause::Guardrail)
}

/// Whether the member that a validation error names sets how the model answers.
pub(super) fn about_parameter(plain: &Plain) -> bool {
    points_to(plain, Cause::Parameter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::ErrorText;

    fn plain(message: &str) -> Plain {
        Plain::of(&ErrorText { message, ..ErrorText::default() })
    }

    #[test]
    fn litellm_names_the_provider_that_answered() {
        for (message, expected) in [
            ("litellm.RateLimitError: Together_aiException - Too many requests", true),
            ("NotFoundError: XaiException - no such model", true),
            ("litellm.RateLimitError: BedrockException - Too many tokens", false),
            ("litellm.NotFoundError: Bedrock_mantleException - no such model", false),
            ("NotFoundError: ThrottlingException - Too many tokens", false),
            ("litellm.RateLimitError: slow down", false),
            ("Error: CohereException - slow down", false),
        ] {
            assert_eq!(has_provider_of_litellm(&plain(message)), expected, "{message}");
        }
    }

    #[test]
    fn a_status_of_google_stands_behind_its_key() {
        for (message, expected) in [
            (r#"{"error":{"code":503,"message":"Try again later.","status":"UNAVAILABLE"}}"#, true),
            ("404 {'error': {'message': 'models/x is not found', 'status': 'NOT_FOUND'}}", true),
            ("got status: RESOURCE_EXHAUSTED. slow down", true),
            ("status code: 503, the service is unavailable", false),
            (r#"{"status":"ACTIVE","error":"PERMISSION_DENIED"}"#, false),
            (r#"(Service: BedrockRuntime, Status Code: 503) {"status":"UNAVAILABLE"}"#, false),
        ] {
            assert_eq!(has_status_of_google(&plain(message)), expected, "{message}");
        }
    }

    #[test]
    fn the_operation_shows_that_a_resource_was_refused() {
        for (operation, expected) in [
            (Some("CreateAgentRuntime"), true),
            (Some("UpdateMemory"), true),
            (Some("Converse"), false),
            (Some("CreateModelPackage"), false),
            (None, false),
        ] {
            let plain = Plain::of(&ErrorText { operation, message: "no", ..ErrorText::default() });
            assert_eq!(about_a_resource(&plain), expected, "{operation:?}");
        }
    }
}
