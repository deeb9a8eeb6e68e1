//! Publishes notices to the topic.
//! See <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>.

use aws_sdk_sns::Client;
use aws_sdk_sns::config::http::HttpResponse;
use aws_sdk_sns::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sns::types::MessageAttributeValue;

use crate::aws::clients::Aws;
use crate::aws::error;
use crate::aws::regional::Lazy;
use crate::error::{ServiceError, ServiceResult};
use crate::iam_action::IamAction;
use crate::notice::{Notice, message};
use crate::ports::Topic;

impl Aws {
    fn topic(&self) -> ServiceResult<&(Lazy<Client>, String)> {
        self.own.topic.as_ref().ok_or_else(|| ServiceError::invalid("no topic is configured"))
    }
}

/// A missing topic is an error, unlike a missing answer.
pub(crate) fn failed<E>(action: IamAction, sdk: &SdkError<E, HttpResponse>) -> ServiceError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    if error::is_absent(sdk) {
        return ServiceError::invalid("the topic does not exist");
    }
    error::of_read(action, sdk)
}

impl Topic for Aws {
    async fn publish(&self, notice: &Notice) -> ServiceResult<()> {
        let (client, arn) = self.topic()?;
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
            call = call.message_attributes(name, value.map_err(|e| ServiceError::invalid(e.to_string()))?);
        }
        call.send().await.map(|_| ()).map_err(|e| failed(IamAction::Publish, &e))
    }

    async fn subscribers(&self) -> ServiceResult<u32> {
        let (client, arn) = self.topic()?;
        let answer = client.get_topic_attributes().topic_arn(arn).send().await;
        let answer = answer.map_err(|e| failed(IamAction::GetTopicAttributes, &e))?;
        let confirmed = answer.attributes().and_then(|all| all.get("SubscriptionsConfirmed"));
        confirmed
            .and_then(|number| number.parse().ok())
            .ok_or_else(|| ServiceError::invalid("the topic's attributes do not tell its subscriptions"))
    }
}
