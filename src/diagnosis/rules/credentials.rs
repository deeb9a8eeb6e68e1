//! The caller's credentials.

use crate::diagnosis::cause::Cause;
use crate::diagnosis::rule::{Example, Rule};
use crate::diagnosis::rules::pages::{API_KEYS, CREDENTIALS, SIGNATURES};

#[rustfmt::skip]
pub(super) const ROWS: &[Rule] = &[
    Rule { id: "credentials-expired", cause: Cause::ExpiredToken,
        says: &[&["security token included in the request is expired"], &["token has expired"], &["token is expired"], &["credentials have expired"], &["session associated with this profile has expired"], &["session has expired"], &["api key has expired"], &["api key is expired"], &["bearer token", "expired"], &["expiredtoken"]],
        advice: &["Refresh the credentials: sign in again, or let the SDK refresh them by giving it the role and not copied keys.", "Long-running processes must not keep a client whose credentials cannot be refreshed."],
        reference: CREDENTIALS,
        example: Example { code: Some("ExpiredTokenException"), message: "The security token included in the request is expired" }, ..Rule::NONE },
    Rule { id: "request-signature", cause: Cause::Signature,
        says: &[&["request signature we calculated"], &["signature expired"], &["signature not yet current"], &["credential should be scoped"], &["authorization header requires"], &["invalidsignature"], &["incompletesignature"], &["signature version"], &["signature does not match"]],
        advice: &["Check the clock of the caller, the secret key, and that nothing between caller and AWS changes path, host or headers.", "Sign for the Region of the endpoint, service name `bedrock`."],
        reference: SIGNATURES,
        example: Example { code: Some("InvalidSignatureException"), message: "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method." }, ..Rule::NONE },
    Rule { id: "credentials-unknown", cause: Cause::InvalidToken,
        says: &[&["security token included in the request is invalid"], &["make sure your api key is valid"], &["access key id provided does not exist"], &["access key id", "does not exist in our records"], &["invalid api key"], &["api key is invalid"], &["api key is not valid"], &["invalid bearer token"], &["bearer token is invalid"], &["unrecognizedclient"], &["invalidclienttokenid"], &["invalid authentication token"]],
        advice: &["The key or token is unknown to AWS: a deleted key, a key of another partition, a session token left out, or a Bedrock API key cut short.", "Check with `aws sts get-caller-identity` which identity the process really uses."],
        reference: API_KEYS,
        example: Example { code: Some("UnrecognizedClientException"), message: "The security token included in the request is invalid." }, ..Rule::NONE },
    Rule { id: "credentials-missing", cause: Cause::Missing,
        says: &[&["unable to locate credentials"], &["credentials could not be sourced"], &["could not load credentials"], &["unable to load credentials"], &["could not be found", "credentials"], &["missing authentication token"], &["missingauthenticationtoken"], &["no credentials"], &["no api key", "bedrock"], &["credential refresh failed"], &["retrieving credentials"], &["could not resolve credentials"], &["resolve credentials"], &["nocredentialproviders"], &["no valid credential"], &["credentials not found"], &["no aws credentials"], &["credentials are not set"], &["failed to refresh cached credentials"], &["unable to find credentials"], &["cannot find credentials"], &["could not find credentials"], &["no credential provider"], &["missing credentials"], &["partial credentials"], &["config profile", "could not be found"], &["aws credentials", "required"]],
        advice: &["The process found no credentials: give its role to the container, instance or function, and check what the SDK's default chain sees there."],
        reference: CREDENTIALS,
        example: Example { code: None, message: "botocore.exceptions.NoCredentialsError: Unable to locate credentials" }, ..Rule::NONE },
];
