//! Who answered a call: Bedrock, another AWS service, another provider, a gateway, an agent or the client itself.
//!
//! Invariant: Only what names the answering service counts: the SDK's wrapper, the operation, the denied action. A
//! service that is only mentioned has not answered.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::diagnosis::operations::{OwnerOfOperation, owner};
use crate::text::{Safe, cut};

/// What a text names as the AWS service that answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum NamedService {
    /// Bedrock or a neighbour, such as `AgentCore` or the AWS Marketplace.
    Bedrock,
    /// Another AWS service, in the spelling of the text in lower case; an operation if only that is known.
    Another(String),
    /// The text names no service.
    #[default]
    None,
}

/// Before the name of a service, and the characters that end the name.
const SIGNS: [(&str, &[char]); 13] = [
    // The command line in a terminal: `$ aws sso-admin create-instance`.
    ("$ aws ", &[' ']),
    // Java and Kotlin: `(Service: BedrockRuntime, Status Code: 400, …)`.
    ("(service: ", &[',', ';', ')']),
    // Go: `operation error Bedrock Runtime: InvokeModel, …`.
    ("operation error ", &[':']),
    // Namespaces of exceptions: Java, .NET, Ruby; and CloudFormation's resource types.
    ("awssdk.services.", &['.']),
    ("amazonaws.services.", &['.']),
    ("aws::", &[':', '\'', '"', ' ']),
    // JavaScript's packages.
    ("@aws-sdk/client-", &['/', '@', '"', '\'', ' ', ')']),
    ("aws-sdk-client-", &['/', '@', '"', '\'', ' ', ')']),
    // The type of an exception in AWS's JSON protocols: `com.amazonaws.sagemaker#ValidationException`.
    ("com.amazonaws.", &['#']),
    ("com.amazon.aws.", &['#']),
    // The endpoint that an SDK could not reach: `endpoint URL: "https://sts.eu-west-1.amazonaws.com/"`.
    ("endpoint url: \"https://", &['.']),
    // IAM's denial: `is not authorized to perform: s3:GetObject`.
    (DENIED, &[':', ' ', '*']),
    // STS's own: `Not authorized to perform sts:AssumeRoleWithWebIdentity`.
    (DENIED_BARELY, &[':']),
];
/// Before the action that IAM denied.
const DENIED: &str = "not authorized to perform: ";
const DENIED_BARELY: &str = "not authorized to perform ";

/// The longest name of a service.
const LONGEST: usize = 40;
/// So many bytes are searched at the beginning and at the end of a message. What lies between is payload.
const SEARCHED: usize = 16 * 1024;

/// The service that `message`, a plain message, names. `operation` is the one that failed, if it is known; `is_told`:
/// whether an envelope of Bedrock's names it, rather than the message. What fails at another service on the way, such
/// as a job's read of a bucket, is Bedrock's answer then.
pub(super) fn named(message: &str, operation: Option<&str>, is_told: bool) -> NamedService {
    static FINDERS: LazyLock<Vec<(Finder<'static>, &'static [char])>> =
        LazyLock::new(|| SIGNS.iter().map(|(sign, ends)| (Finder::new(*sign), *ends)).collect());
    let owner = operation.map(owner);
    if let Some(name) = operation.and_then(|operation| denied_service(message, operation)) {
        return if is_bedrocks(name) {
            NamedService::Bedrock
        } else {
            NamedService::Another(name.to_owned())
        };
    }
    if owner == Some(OwnerOfOperation::Bedrock) || (is_told && owner == Some(OwnerOfOperation::Unclear)) {
        return NamedService::Bedrock;
    }
    let mut another = None;
    for part in [cut(message, SEARCHED), end(message)] {
        for (sign, ends) in &*FINDERS {
            for at in sign.find_iter(part.as_bytes()) {
                let rest = part.get(at + sign.needle().len()..).unwrap_or_default();
                // Prose goes on with words: `not authorized to perform this action: …`.
                let is_prose = |name: &str| sign.needle() == DENIED_BARELY.as_bytes() && name.contains(' ');
                let Some(name) = name(rest, ends).filter(|name| !is_prose(name)) else { continue };
                if is_bedrocks(name) {
                    return NamedService::Bedrock;
                }
                if !is_on_the_way(name, rest) {
                    another = Some(name);
                }
            }
        }
    }
    if let Some(name) = another {
        return NamedService::Another(name.to_owned());
    }
    match operation {
        Some(operation) if owner == Some(OwnerOfOperation::AnotherService) => {
            NamedService::Another(operation.to_ascii_lowercase())
        }
        _ => NamedService::None,
    }
}

/// The service of the denied action, if the action has the operation's name. That service answered, although others may
/// have an operation of the same name.
fn denied_service<'m>(message: &'m str, operation: &str) -> Option<&'m str> {
    static FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(DENIED));
    let at = FINDER.find(cut(message, SEARCHED).as_bytes())?;
    let rest = message.get(at + DENIED.len()..)?;
    let name = name(rest, &[':'])?;
    let action = rest.get(name.len() + 1..)?;
    let length = action.bytes().take_while(u8::is_ascii_alphanumeric).count();
    action.get(..length).filter(|action| action.eq_ignore_ascii_case(operation)).map(|_| name)
}

/// The last [`SEARCHED`] bytes of a longer message.
fn end(message: &str) -> &str {
    let from = message.len().saturating_sub(SEARCHED).max(SEARCHED.min(message.len()));
    // A plain message is ASCII.
    message.get(from..).unwrap_or_default()
}

/// The name that `rest` begins with, up to one of `ends`.
fn name<'m>(rest: &'m str, ends: &[char]) -> Option<&'m str> {
    // A name ends soon, or it is none; the rest of a long text is not searched.
    let (name, _) = cut(rest, LONGEST + 1).split_once(ends)?;
    let is_name = |b: u8| b.is_ascii_alphanumeric() || b"-_ ".contains(&b);
    ((2..=LONGEST).contains(&name.len()) && name.bytes().all(is_name)).then_some(name)
}

/// Whether the name is Bedrock's or a neighbour's.
fn is_bedrocks(name: &str) -> bool {
    name.contains("bedrock") || name.contains("marketplace")
}

/// Whether a call of Bedrock may fail at this service: a key of a custom model, a guardrail or a job's data. `rest`
/// begins with the name; in a denial, the use of the key follows.
fn is_on_the_way(name: &str, rest: &str) -> bool {
    const USES: [&str; 6] =
        ["encrypt", "decrypt", "reencrypt", "generatedatakey", "describekey", "creategrant"];
    let used = rest.strip_prefix(name).and_then(|rest| rest.strip_prefix(':'));
    name == "kms" && used.is_some_and(|used| USES.iter().any(|action| used.starts_with(action)))
}

/// Whether `message`, a plain message, shows that AWS answered: it names Bedrock or AWS, or has the codes of AWS's
/// exceptions. A bare 429 or "quota exceeded" may come from anybody.
pub(super) fn is_of_aws(message: &str, codes: &[String]) -> bool {
    const WORDS: [&str; 4] = ["bedrock", "amazon", "aws", "boto"];
    static FINDERS: LazyLock<Vec<Finder<'static>>> =
        LazyLock::new(|| WORDS.iter().map(|word| Finder::new(*word)).collect());
    let bytes = message.as_bytes();
    // `aws` ends many words.
    let begins = |at: usize| {
        at.checked_sub(1).and_then(|before| bytes.get(before)).is_none_or(|b| !b.is_ascii_alphabetic())
    };
    codes.iter().any(|code| code.ends_with("exception"))
        || FINDERS.iter().any(|finder| finder.find_iter(bytes).any(begins))
}

/// The name of who answered, for the facts.
pub(super) fn shown(service: &NamedService, by_rule: Option<&'static str>) -> Option<Safe> {
    match (by_rule, service) {
        (Some(name), _) => Some(Safe::from(name)),
        (None, NamedService::Another(name)) => Safe::name(name),
        (None, NamedService::Bedrock | NamedService::None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_is_read_from_the_wrapper_and_from_the_denied_action() {
        let another = |name: &str| NamedService::Another(name.to_owned());
        for (message, operation, expected) in [
            ("slow down (service: bedrockruntime, status code: 429)", None, NamedService::Bedrock),
            ("slow down (service: amazonsqs; status code: 403; error code: x)", None, another("amazonsqs")),
            ("operation error sso: listaccountroles, exceeded", None, another("sso")),
            ("an error occurred", Some("PutLogEvents"), another("putlogevents")),
            ("an error occurred", Some("ConverseStream"), NamedService::Bedrock),
            (
                "user: x is not authorized to perform: secretsmanager:listsecrets because",
                None,
                another("secretsmanager"),
            ),
            ("user: x is not authorized to perform: kms:decrypt on resource", None, NamedService::None),
            ("user: x is not authorized to perform: kms:createkey because", None, another("kms")),
            ("operation error kms: decrypt, https response error statuscode: 400", None, another("kms")),
            (
                "x is not authorized to perform: codebuild:createproject on resource",
                Some("CreateProject"),
                another("codebuild"),
            ),
            // The agent's role lacks a right of another service; Bedrock answered.
            (
                "x is not authorized to perform: iam:passrole on",
                Some("CreateAgentAlias"),
                NamedService::Bedrock,
            ),
            ("a bucket of s3 was read", None, NamedService::None),
            ("not authorized to perform sts:assumerolewithwebidentity", None, another("sts")),
            ("not authorized to perform this action: ask your administrator", None, NamedService::None),
            ("not authorized to perform bedrock:invokemodel", None, NamedService::Bedrock),
        ] {
            assert_eq!(named(message, operation, false), expected, "{message}");
        }
    }

    #[test]
    fn only_a_word_of_aws_or_an_exception_shows_that_aws_answered() {
        for (message, codes, expected) in [
            ("amazon bedrock: slow down", &[][..], true),
            ("see docs.aws.amazon.com", &[], true),
            ("slow down", &["throttlingexception"], true),
            ("too many requests", &[], false),
            ("the laws of draws", &["rate_limit_error"], false),
        ] {
            let codes: Vec<String> = codes.iter().map(|code| (*code).to_owned()).collect();
            assert_eq!(is_of_aws(message, &codes), expected, "{message}");
        }
    }

    #[test]
    fn a_job_that_may_not_read_its_bucket_is_bedrocks() {
        let message = "x is not authorized to perform: s3:getobject on resource";
        assert_eq!(named(message, Some("Model Customization Job State Change"), true), NamedService::Bedrock);
        assert_eq!(named(message, None, false), NamedService::Another("s3".to_owned()));
        let message = "x is not authorized to perform: codebuild:createproject on resource";
        assert_eq!(
            named(message, Some("CreateProject"), true),
            NamedService::Another("codebuild".to_owned())
        );
    }
}
