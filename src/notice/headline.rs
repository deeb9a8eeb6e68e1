//! Titles and first sentences: what happened.

use crate::diagnosis::Cause;
use crate::incident::Incident;
use crate::incident::notice_kind::Kind;
use crate::notice::outcome::Outcome;
use crate::quota::record::{Suspect, Suspicion};
use crate::text::Safe;

/// The name of a cause for titles, and its meaning for sentences.
#[rustfmt::skip]
const fn words(cause: Cause) -> (&'static str, &'static str) {
    match cause {
        Cause::RequestsPerMinute => ("Throttled: too many requests per minute", "were throttled: more requests in a minute than the quota allows"),
        Cause::TokensPerMinute => ("Throttled: too many tokens per minute", "were throttled: more tokens in a minute than the quota allows"),
        Cause::TokensPerDay => ("Throttled: the day's tokens are used up", "were throttled: the day's tokens are used up"),
        Cause::RateUnspecified => ("Throttled", "were throttled; the error does not say by which limit"),
        Cause::NearQuota => ("Near its quota", "use nearly all that the quota allows; no call is known to have failed because of it"),
        Cause::ResourceLimit => ("A resource limit is reached", "were refused: a number of resources or jobs is used up"),
        Cause::ModelNotReady => ("Model not ready", "failed because the model is still being loaded"),
        Cause::ServiceUnavailable => ("Bedrock is overloaded or unavailable", "failed because Bedrock or the model is overloaded or unavailable"),
        Cause::InternalError => ("A fault inside AWS", "failed because of a fault inside AWS"),
        Cause::ModelTimeout => ("The model timed out", "failed because the model took too long"),
        Cause::ModelError => ("The model failed", "failed inside the model"),
        Cause::NotGranted => ("No access to the model", "were refused: the account has no access to the model"),
        Cause::UseCaseForm => ("Anthropic's use-case form is missing", "were refused: Anthropic's use-case form was not submitted for the account"),
        Cause::Marketplace => ("The AWS Marketplace subscription is missing", "were refused: the account is not subscribed to the model in AWS Marketplace, or the caller may not subscribe it"),
        Cause::Payment => ("No valid payment method for the model", "were refused: the account has no valid payment method for this model"),
        Cause::LegacyModel => ("The model is legacy or has ended", "were refused or will be: the model is legacy or at the end of its life"),
        Cause::Location => ("The provider does not serve this country", "were refused: the model's provider does not serve this country"),
        Cause::AccountRestricted => ("AWS restricts the account", "were refused: AWS restricts the account, or does not offer the model to it"),
        Cause::IdentityPolicy => ("An IAM permission is missing", "were denied: no identity-based policy allows the action"),
        Cause::ExplicitDeny => ("A policy denies the call", "were denied explicitly by a policy"),
        Cause::ServiceControlPolicy => ("The organization's policy blocks the call", "were denied by a policy of the organization"),
        Cause::PermissionsBoundary => ("The permissions boundary blocks the call", "were denied: the role's permissions boundary leaves the action out"),
        Cause::SessionPolicy => ("The session policy blocks the call", "were denied: the session's policy leaves the action out"),
        Cause::ResourcePolicy => ("A resource's policy blocks the call", "were denied by the policy of a resource: VPC endpoint, KMS key or guardrail"),
        Cause::IamUnspecified => ("Access denied", "were denied; the error does not say by which policy"),
        Cause::ExpiredToken => ("Expired credentials", "were refused: the caller's credentials have expired"),
        Cause::InvalidToken => ("Invalid credentials", "were refused: AWS does not know the caller's credentials"),
        Cause::Signature => ("Wrong request signature", "were refused: the request's signature does not match"),
        Cause::Missing => ("No credentials", "could not be made: the process found no credentials"),
        Cause::InvalidIdentifier => ("Invalid model identifier", "were refused: there is no such model identifier here"),
        Cause::InferenceProfileRequired => ("An inference profile is required", "were refused: the model answers only through an inference profile"),
        Cause::NotInRegion => ("Not offered in this Region", "failed: the model or endpoint is not offered in this Region"),
        Cause::UnsupportedOperation => ("The model lacks this feature", "were refused: the model does not support this API or feature"),
        Cause::Malformed => ("Malformed request", "were refused: the request body does not follow the schema"),
        Cause::ContextLength => ("The input is too long", "were refused: the input is longer than the model reads"),
        Cause::MaxTokens => ("Too many output tokens asked for", "were refused: more output tokens were asked for than the model allows"),
        Cause::Parameter => ("A parameter is out of range", "were refused: a parameter is out of range or in a wrong combination"),
        Cause::Messages => ("Messages in a wrong order", "were refused: order, roles or content of the messages"),
        Cause::Media => ("An image or document was refused", "were refused: size, number or format of an image, document or video"),
        Cause::Guardrail => ("The guardrail's configuration is wrong", "were refused: guardrail id, version or configuration"),
        Cause::Unrelated | Cause::Unknown => ("Bedrock calls fail", "failed; the reason is not known"),
    }
}

/// Calls of a model that will end soon are not refused yet.
fn of(incident: &Incident) -> (&'static str, &'static str) {
    match incident.cause {
        Cause::LegacyModel if incident.is_forecast() => (
            "A model in use ends",
            "are answered for now and will be refused: the model is legacy, or AWS has named its end",
        ),
        _ if incident.facts.many.is_some() => (
            "Many different errors",
            "fail with many different errors: more new kinds in an hour than one notice each can cover, so this notice covers them together",
        ),
        cause => words(cause),
    }
}

/// The name of a cause for titles.
pub(super) const fn name(cause: Cause) -> &'static str {
    words(cause).0
}

/// One line: what, which model, where. `was_over`: the last notice said that the incident is over.
pub(super) fn title(incident: &Incident, kind: Kind, was_over: bool) -> String {
    let (what, _) = of(incident);
    format!("{}{what}{}", still(kind, was_over), of_where(incident))
}

const fn still(kind: Kind, was_over: bool) -> &'static str {
    match kind {
        Kind::Again if was_over => "Again: ",
        Kind::Again => "Still: ",
        Kind::Reminder => "Reminder: ",
        Kind::Resolved => "Over: ",
        Kind::Unanswered => "AWS does not answer about: ",
        _ => "",
    }
}

/// The title if a person must check the callers. `is_news`: no notice was sent since the suspicion began.
pub(super) fn suspicious_title(incident: &Incident, kind: Kind, suspect: Suspect, is_news: bool) -> String {
    let what = if suspect == Suspect::Loop { "Possible loop" } else { "Possible misuse" };
    let still = if is_news { "" } else { still(kind, false) };
    format!("{still}{what}{}", of_where(incident))
}

/// What is suspected, in one or two sentences.
pub(super) fn suspicious(suspicion: &Suspicion) -> String {
    let what = match suspicion.kind {
        Suspect::Jump => "Use has jumped",
        Suspect::Ramp => "Use grows faster than a service usually does",
        Suspect::NewModel => "A model that was hardly used fills its quota",
        Suspect::Stranger => "Callers that were not seen before use the quota",
        Suspect::Root => "The account's root user calls",
        Suspect::Loop => "Demand follows each raise of the quota, as in a loop",
    };
    let may_be = if suspicion.kind == Suspect::Loop { "" } else { ", which may be stolen credentials" };
    format!(
        "{what}{may_be}: somebody has to look who calls, and no increase is filed until a person approves it."
    )
}

pub(super) fn outcome_title(incident: &Incident, outcome: &Outcome) -> String {
    format!("Quota increase {}{}", outcome.how.as_str().replace('-', " "), of_where(incident))
}

pub(super) fn open_request_title(incident: &Incident) -> String {
    format!("Reminder: AWS has not decided the quota increase{}", of_where(incident))
}

fn of_where(incident: &Incident) -> String {
    let model = match (incident.facts.models.len(), &incident.model) {
        (many @ 2.., _) => format!(": {many} models"),
        (_, model) => model.as_ref().map(|m| format!(": {m}")).unwrap_or_default(),
    };
    let region = incident.region.as_ref().map(|r| format!(" in {r}")).unwrap_or_default();
    format!("{model}{region}")
}

/// What happened.
pub(super) fn summary(incident: &Incident) -> String {
    let (_, meaning) = of(incident);
    let model = match (incident.facts.models.len(), &incident.model) {
        (many @ 2.., _) => format!("{many} models"),
        (_, model) => model.as_ref().map_or_else(|| "Bedrock".to_owned(), |m| format!("`{m}`")),
    };
    let region = incident.region.as_ref().map_or_else(|| "an unknown Region".to_owned(), ToString::to_string);
    let account =
        incident.account.as_ref().map_or_else(|| "an unknown account".to_owned(), |a| format!("account {a}"));
    let caller =
        incident.caller.as_deref().and_then(Safe::arn).map(|c| format!(" by `{c}`")).unwrap_or_default();
    format!("Calls of {model}{caller} from {region}, {account}, {meaning}.")
}
