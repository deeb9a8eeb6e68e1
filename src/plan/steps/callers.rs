//! How a person finds out who calls.

use crate::ids::Region;
use crate::model::ModelId;
use crate::plan::action::Step;

/// The step that shows who calls a model.
pub(crate) fn who_calls(model: Option<&ModelId>, region: &Region) -> Step {
    let model = model.map_or_else(|| "the model".to_owned(), |model| format!("`{model}`"));
    Step {
        text: format!("See who calls {model}, from where, and since when."),
        command: Some(format!(
            "aws cloudtrail lookup-events --lookup-attributes AttributeKey=EventSource,AttributeValue=bedrock.amazonaws.com --max-results 50 --region {region} --query 'Events[].[EventTime,Username,EventName]'"
        )),
        link: None,
    }
}
