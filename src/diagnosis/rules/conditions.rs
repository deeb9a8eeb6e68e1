//! Conditions of rules that phrases cannot express.

use crate::diagnosis::answered::{NamedService, is_of_aws};
use crate::diagnosis::cause::Cause;
use crate::diagnosis::find;
use crate::diagnosis::member;
use crate::diagnosis::plain::Plain;
use crate::ids::Region;

/// Whether somebody else may have answered: neither the envelope nor the SDK names Bedrock, and no model is named in
/// Bedrock's own form, such as `anthropic.claude-opus-5`.
pub(super) fn may_be_elsewhere(plain: &Plain) -> bool {
    plain.service != NamedService::Bedrock && find::model(&plain.message, &[]).is_none()
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
