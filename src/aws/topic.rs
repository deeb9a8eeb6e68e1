//! The topic people are told through.
//! See <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>.

use aws_sdk_sns::types::MessageAttributeValue;

use super::{Aws, error};
use crate::notice::{Notice, message};
use crate::world::{Answer, PortError, Topic};

/// What this adapter calls.
pub(super) const ACTIONS: &[&str] = &["sns:Publish"];

impl Topic for Aws {
    async fn publish(&self, notice: &Notice) -> Answer<()> {
        let (client, arn) =
            self.own.topic.as_ref().ok_or_else(|| PortError::invalid("no topic is configured"))?;
        let message = message(notice);
        let mut call = client
            .publish()
            .topic_arn(arn)
            .subject(message.subject)
            .message(message.body)
            .message_structure("json");
        for (name, values) in message.attributes {
            let (kind, value) = match values.as_slice() {
                [one] => ("String", one.clone()),
                several => ("String.Array", serde_json::json!(several).to_string()),
            };
            let value = MessageAttributeValue::builder().data_type(kind).string_value(value).build();
            call = call.message_attributes(name, value.map_err(|e| PortError::invalid(e.to_string()))?);
        }
        match call.send().await.map_err(|e| error::of_read("sns:Publish", &e)) {
            Ok(_) => Ok(()),
            Err(PortError::Missing) => Err(PortError::invalid("the topic does not exist")),
            Err(other) => Err(other),
        }
    }
}
