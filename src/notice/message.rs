//! The SNS message: every form in one publication.
//!
//! One law: what is made here SNS accepts, whatever the notice holds.
//! See <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>.

use std::collections::BTreeMap;

use serde_json::json;

use super::{Notice, chat, mail};
use crate::clean;
use crate::plan::Action;

/// What is handed to SNS `Publish`, with `MessageStructure` = `json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// ASCII, one line, under 100 characters.
    pub subject: String,
    /// A JSON object with a string for each protocol, `default` among them.
    pub body: String,
    /// Attributes, all strings, none empty: what subscribers filter by.
    pub attributes: BTreeMap<&'static str, String>,
}

/// The largest message SNS carries, attributes included.
pub const LARGEST: usize = 256 * 1024;

/// Makes the message of `notice`: mail text for people, chat schema for `https` (how Amazon Q Developer
/// subscribes), machine form for queues and functions.
pub fn message(notice: &Notice) -> Message {
    let machine = serde_json::to_string(notice).unwrap_or_default();
    let text = mail::mail(notice);
    let body = json!({
        "default": text,
        "email": text,
        "email-json": machine,
        "sms": mail::sms(notice),
        "https": chat::chat(notice).to_string(),
        "sqs": machine,
        "lambda": machine,
    });
    Message {
        subject: clean::line(&format!("[bedrock] {}", notice.title), 99),
        body: body.to_string(),
        attributes: attributes(notice),
    }
}

fn attributes(notice: &Notice) -> BTreeMap<&'static str, String> {
    let action = notice.actions.first().map_or("none", |a| match a {
        Action::RequestIncrease(_) => "request-increase",
        Action::PrepareSupportCase { .. } => "prepare-support-case",
        Action::RemindAccess(_) => "remind-access",
    });
    let all = [
        ("kind", Some(notice.kind.to_string())),
        ("category", Some(notice.category.to_string())),
        ("cause", Some(notice.cause.to_string())),
        ("severity", Some(notice.severity.to_string())),
        ("account", notice.account.as_ref().map(ToString::to_string)),
        ("region", notice.region.as_ref().map(ToString::to_string)),
        ("model_id", notice.model_id.as_ref().map(|m| clean::line(m.as_str(), 256))),
        ("action", Some(action.to_owned())),
    ];
    all.into_iter().filter_map(|(key, value)| Some((key, value.filter(|v| !v.is_empty())?))).collect()
}

impl Notice {
    /// The mail text.
    pub fn mail(&self) -> String {
        mail::mail(self)
    }
}
