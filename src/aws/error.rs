//! Translates SDK errors by their meaning.
//!
//! Invariant: An error says that the call had no effect only if that is certain.
//! See <https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_RequestServiceQuotaIncrease.html#API_RequestServiceQuotaIncrease_Errors>.

use aws_sdk_servicequotas::config::http::HttpResponse;
use aws_sdk_servicequotas::error::{ProvideErrorMetadata, SdkError};

use crate::error::{Rejection, ServiceError, ServiceResult};
use crate::iam_action::IamAction;

/// The error of a call that may be repeated. `action` is the IAM action it needs.
pub(super) fn of_read<E>(action: IamAction, error: &SdkError<E, HttpResponse>) -> ServiceError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match error {
        SdkError::ServiceError(service) => {
            let status = service.raw().status().as_u16();
            of_service(action, service.err().code(), service.err().message(), status)
        }
        SdkError::TimeoutError(_) => ServiceError::Unavailable("no answer in time".to_owned()),
        _ => ServiceError::Unavailable(brief(error)),
    }
}

/// Whether AWS says that the requested resource does not exist.
pub(super) fn is_absent<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or_default();
    matches!(
        code.trim_end_matches("Exception"),
        "NoSuchResource" | "NoSuchEntity" | "ResourceNotFound" | "NotFound"
    )
}

/// The answer of a call that may be repeated. `None` if AWS says that the resource does not exist.
pub(super) fn of_lookup<T, E>(
    action: IamAction,
    answer: Result<T, SdkError<E, HttpResponse>>,
) -> ServiceResult<Option<T>>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(of_read(action, &error)),
    }
}

/// The error of a call that must not be repeated blindly. If the call may have taken effect, the outcome is
/// unknown.
pub(super) fn of_write<E>(action: IamAction, error: &SdkError<E, HttpResponse>) -> ServiceError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let certain = match error {
        SdkError::ConstructionFailure(_) => true,
        SdkError::DispatchFailure(failure) => failure.is_user(),
        // The SDK also reports an unreadable answer as a service error.
        SdkError::ServiceError(service) => (400..500).contains(&service.raw().status().as_u16()),
        _ => false,
    };
    if certain { of_read(action, error) } else { ServiceError::UnknownOutcome }
}

fn of_service(action: IamAction, code: Option<&str>, message: Option<&str>, status: u16) -> ServiceError {
    let code = code.unwrap_or_default();
    let message = match message.filter(|m| !m.is_empty()).unwrap_or(code) {
        "" => format!("HTTP status {status} without a reason"),
        known => known.to_owned(),
    };
    let rejected = |kind| ServiceError::Rejected(kind, message.clone());
    match code.trim_end_matches("Exception") {
        "AccessDenied" | "AuthorizationError" | "UnauthorizedOperation" | "NotAuthorized" => {
            ServiceError::denied(action)
        }
        "UnrecognizedClient" | "InvalidClientTokenId" => ServiceError::not_accepted(),
        "KMSAccessDenied" => ServiceError::Denied("kms:GenerateDataKey".to_owned()),
        "DependencyAccessDenied" => ServiceError::Denied("iam:CreateServiceLinkedRole".to_owned()),
        "TooManyRequests"
        | "Throttling"
        | "Throttled"
        | "ThrottlingError"
        | "RequestLimitExceeded"
        | "ProvisionedThroughputExceeded"
        | "LimitExceeded"
        | "KMSThrottling"
        | "TransactionConflict"
        | "TransactionInProgress" => ServiceError::Throttled,
        "ResourceAlreadyExists" => rejected(Rejection::AlreadyOpen),
        "QuotaExceeded" => rejected(Rejection::TooManyOpen),
        "IllegalArgument" if message.contains("greater than") => rejected(Rejection::TooLow),
        _ if status == 429 => ServiceError::Throttled,
        _ if status < 400 => ServiceError::Unavailable("the answer could not be read".to_owned()),
        _ if status >= 500 => ServiceError::Unavailable(message),
        _ => rejected(Rejection::Invalid),
    }
}

/// What went wrong below the service, in one line.
fn brief(error: &dyn std::error::Error) -> String {
    let chain = std::iter::successors(error.source(), |e| e.source()).map(ToString::to_string);
    let text = chain.collect::<Vec<_>>().join(": ");
    text.lines().next().unwrap_or("it could not be reached").chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_of_service_quotas_is_mapped_by_its_meaning() {
        let of = |code: &str, message: &str, status| {
            of_service(IamAction::RequestServiceQuotaIncrease, Some(code), Some(message), status)
        };
        let rejected = |kind, text: &str| ServiceError::Rejected(kind, text.to_owned());
        let too_low = "You must provide a quota value greater than the default quota value of 5000000.0";
        for (code, message, status, meaning) in [
            ("ResourceAlreadyExistsException", "open", 400, rejected(Rejection::AlreadyOpen, "open")),
            ("QuotaExceededException", "too many", 400, rejected(Rejection::TooManyOpen, "too many")),
            (
                "DependencyAccessDeniedException",
                "role",
                400,
                ServiceError::Denied("iam:CreateServiceLinkedRole".to_owned()),
            ),
            ("IllegalArgumentException", too_low, 400, rejected(Rejection::TooLow, too_low)),
            ("IllegalArgumentException", "no", 400, rejected(Rejection::Invalid, "no")),
            ("NoSuchResourceException", "none", 400, rejected(Rejection::Invalid, "none")),
            ("InvalidResourceStateException", "state", 400, rejected(Rejection::Invalid, "state")),
            ("TooManyRequestsException", "slow", 400, ServiceError::Throttled),
            ("UnrecognizedClientException", "invalid", 403, ServiceError::not_accepted()),
            (
                "AccessDeniedException",
                "no",
                400,
                ServiceError::Denied("servicequotas:RequestServiceQuotaIncrease".to_owned()),
            ),
            ("ServiceException", "oops", 500, ServiceError::Unavailable("oops".to_owned())),
        ] {
            assert_eq!(of(code, message, status), meaning, "{code}");
        }
    }
}
