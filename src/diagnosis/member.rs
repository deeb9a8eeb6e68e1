//! The request member that a validation error names, and the cause that follows from it.
//!
//! Invariant: The path of the member decides, not the sentence around it. The members are those of Bedrock's request
//! schemas. See <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::diagnosis::cause::Cause;

/// Members of a message that hold media.
const MEDIA: [&str; 6] = ["image", "document", "video", "audio", "media_type", "input_image"];

/// Members that configure a guardrail, also when it is created.
const GUARDRAIL: [&str; 8] = [
    "guardrailconfig",
    "guardrailidentifier",
    "guardrailversion",
    "topicpolicyconfig",
    "contentpolicyconfig",
    "wordpolicyconfig",
    "sensitiveinformationpolicyconfig",
    "contextualgroundingpolicyconfig",
];

/// Members that hold a model's id.
const MODEL_ID: [&str; 4] = ["modelid", "modelarn", "modelidentifier", "foundationmodel"];

/// Members that set how a model answers.
const PARAMETERS: [&str; 8] = [
    "inferenceconfig",
    "additionalmodelrequestfields",
    "thinking",
    "output_config",
    "cache_control",
    "performanceconfig",
    "servicetier",
    "service_tier",
];

/// The cause of an error about the member at `path`, in lower case, such as `messages.1.member.content.0.image.source`;
/// `None` if the path does not decide it.
pub(super) fn cause(path: &str) -> Option<Cause> {
    let parts: Vec<&str> = path.split(['.', '/', '[', ']']).filter(|part| !part.is_empty()).collect();
    let (first, last) = (*parts.first()?, *parts.last()?);
    let any = |names: &[&str]| parts.iter().any(|part| names.contains(part));
    if MODEL_ID.contains(&last) {
        Some(Cause::InvalidIdentifier)
    } else if any(&GUARDRAIL) {
        Some(Cause::Guardrail)
    } else if any(&["tools", "toolspec", "toolconfig", "tool_choice"]) || last == "name" {
        Some(Cause::Malformed)
    } else if any(&MEDIA) || (first == "messages" && any(&["source"])) {
        Some(Cause::Media)
    } else if any(&PARAMETERS) && last != "signature" {
        Some(Cause::Parameter)
    } else if first == "messages" {
        Some(Cause::Messages)
    } else {
        None
    }
}

/// Whether `message`, a plain message, names a member of a Bedrock inference request.
pub(super) fn is_named(message: &str) -> bool {
    /// Members that no other service's requests are known to have, and words of Bedrock.
    const NAMES: [&str; 11] = [
        "modelid",
        "messages",
        "toolconfig",
        "inferenceconfig",
        "guardrail",
        "inputtext",
        "promptrouter",
        "agentid",
        "knowledgebase",
        "sessionid",
        "bedrock",
    ];
    static FINDERS: LazyLock<Vec<Finder<'static>>> =
        LazyLock::new(|| NAMES.iter().map(|name| Finder::new(*name)).collect());
    FINDERS.iter().any(|finder| finder.find(message.as_bytes()).is_some())
}

/// The path of the member that `message`, a plain message, names: in AWS's form (`value at 'path' failed to satisfy
/// constraint`), in that of a JSON schema (`#/path: …`), or in a provider's (`messages.1.content.0: …`).
pub(super) fn path(message: &str) -> Option<&str> {
    /// What stands before a path, whether it belongs to the path, and what ends the path.
    const SIGNS: [(&str, bool, Option<char>); 10] = [
        (" at '", false, Some('\'')),
        ("#/", false, Some(':')),
        ("messages.", true, None),
        ("messages[", true, None),
        ("system.", true, None),
        ("tools.", true, None),
        ("toolconfig.", true, None),
        ("inferenceconfig.", true, None),
        ("output_config.", true, None),
        ("thinking.", true, None),
    ];
    static FINDERS: LazyLock<Vec<Finder<'static>>> =
        LazyLock::new(|| SIGNS.iter().map(|(sign, ..)| Finder::new(*sign)).collect());
    SIGNS.iter().zip(&*FINDERS).find_map(|((sign, is_of_path, end), finder)| {
        let at = finder.find(message.as_bytes())?;
        let rest = message.get(if *is_of_path { at } else { at + sign.len() }..)?;
        let is_path = |b: &u8| b.is_ascii_alphanumeric() || b"._/[]".contains(b);
        let path = rest.get(..rest.bytes().take_while(is_path).count().min(LONGEST))?;
        let is_ended =
            end.is_none_or(|end| rest.get(path.len()..).is_some_and(|after| after.starts_with(end)));
        (is_ended && path.len() > 2).then(|| path.trim_end_matches(['.', '/']))
    })
}

/// The longest path.
const LONGEST: usize = 120;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_decides() {
        for (path, expected) in [
            ("modelid", Some(Cause::InvalidIdentifier)),
            (
                "retrieveAndGenerateConfiguration.knowledgeBaseConfiguration.modelArn",
                Some(Cause::InvalidIdentifier),
            ),
            ("messages.1.member.role", Some(Cause::Messages)),
            ("messages.1.content.0.thinking.signature", Some(Cause::Messages)),
            ("messages.0.content.1.image.source.bytes", Some(Cause::Media)),
            ("messages/0/content/0/source/media_type", Some(Cause::Media)),
            ("messages[3].content[0].cache_control.ttl", Some(Cause::Parameter)),
            ("toolConfig.tools.3.member.toolSpec.name", Some(Cause::Malformed)),
            ("messages.7.member.content.2.member.toolUse.name", Some(Cause::Malformed)),
            ("inferenceConfig.temperature", Some(Cause::Parameter)),
            ("topicPolicyConfig.topicsConfig.1.member.definition", Some(Cause::Guardrail)),
            ("prompt", None),
            ("", None),
        ] {
            assert_eq!(cause(&path.to_ascii_lowercase()), expected, "{path}");
        }
    }

    #[test]
    fn a_path_is_found_in_each_form() {
        for (message, expected) in [
            ("value 'x' at 'messages.1.member.role' failed to satisfy", Some("messages.1.member.role")),
            ("malformed input request: #/messages/0/content: expected type", Some("messages/0/content")),
            ("the model returned the following errors: messages.2.content: no", Some("messages.2.content")),
            ("add text at messages[2].content[1], and try again", Some("messages[2].content[1]")),
            ("we met at 'noon' in the office", Some("noon")),
            ("nothing is named", None),
        ] {
            assert_eq!(path(message), expected, "{message}");
        }
    }
}
