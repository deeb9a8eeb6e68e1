//! How a person finds out who calls, and what to do if nobody knows the calls.

use crate::ids::Region;
use crate::model::ModelId;
use crate::plan::action::Step;
use crate::quota::record::Suspect;

/// The step that shows who calls a model.
pub(crate) fn who_calls(model: Option<&ModelId>, region: &Region) -> Step {
    let model = model.map_or_else(|| "the model".to_owned(), |model| format!("`{model}`"));
    Step {
        text: format!("See who calls {model}, from where, and since when."),
        command: Some(format!(
            "aws cloudtrail lookup-events --lookup-attributes AttributeKey=EventSource,AttributeValue=bedrock.amazonaws.com --max-results 50 --region {region} --query 'Events[].[EventTime,Username,AccessKeyId,EventName,CloudTrailEvent]'"
        )),
        link: None,
    }
}

/// How to check the callers because of a suspicion of this kind.
pub(crate) fn check(kind: Suspect, model: Option<&ModelId>, region: &Region) -> Step {
    let mut look = who_calls(model, region);
    if kind == Suspect::Loop {
        look.text
            .push_str(" If it is a loop, stop the caller: the quota ends nothing, it only sets the pace.");
        return look;
    }
    look.text.push_str(
        " If nobody knows these calls, disable the access key or revoke the role's sessions at once.",
    );
    look.link =
        Some("https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html".to_owned());
    look
}
