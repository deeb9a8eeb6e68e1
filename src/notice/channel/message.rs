//! The SNS message: all forms in one publication.
//!
//! Invariant: SNS accepts every message built here, whatever the notice contains.
//! See <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>.

use std::collections::BTreeMap;

use serde_json::json;

use crate::notice::Notice;
use crate::notice::channel::{amazon_q, email};
use crate::plan::action::Action;
use crate::text;

/// Input of SNS `Publish`, with `MessageStructure` = `json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// ASCII, one line, under 100 characters.
    pub subject: String,
    /// A JSON object with one string per protocol, including `default`.
    pub body: String,
    /// Message attributes for subscription filters; none is empty. If a digest has several values of one attribute, a
    /// filter matches on any of them.
    pub attributes: BTreeMap<&'static str, Vec<String>>,
}

/// The largest message that SNS accepts, attributes included, in bytes.
pub const LARGEST: usize = 256 * 1024;

/// At most this many values per attribute of a digest.
const MOST_VALUES: usize = 50;

impl Message {
    /// The size that counts towards [`LARGEST`]. Several values of an attribute are sent as a list.
    pub fn size(&self) -> usize {
        let values = |v: &[String]| v.iter().map(|v| v.len() + r#""","#.len()).sum::<usize>();
        self.body.len() + self.attributes.iter().map(|(k, v)| k.len() + values(v)).sum::<usize>()
    }
}

/// Builds the message of `notice`: mail text for people, the chat schema for `https` (the protocol of Amazon Q
/// Developer), and machine-readable JSON for queues and functions.
pub fn message(notice: &Notice) -> Message {
    let machine = serde_json::to_string(notice).unwrap_or_default();
    let text = email::mail(notice);
    let body = json!({
        "default": text,
        "email": text,
        "email-json": machine,
        "sms": email::sms(notice),
        "https": amazon_q::chat(notice).to_string(),
        "sqs": machine,
        "lambda": machine,
    });
    Message {
        subject: text::line(&format!("[bedrock] {}", notice.title), 99),
        body: body.to_string(),
        attributes: attributes(notice),
    }
}

fn attributes(notice: &Notice) -> BTreeMap<&'static str, Vec<String>> {
    let action = notice.actions.first().map_or("none", |a| match a {
        Action::RequestIncrease(_) => "request-increase",
        Action::PrepareSupportCase { .. } => "prepare-support-case",
        Action::RemindAccess(_) => "remind-access",
    });
    let mut all: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    let mut put = |name, value: Option<String>| {
        if let Some(value) = value.filter(|v| !v.is_empty()) {
            let values = all.entry(name).or_default();
            if values.len() < MOST_VALUES && !values.contains(&value) {
                values.push(value);
            }
        }
    };
    put("kind", Some(notice.kind.to_string()));
    put("action", Some(action.to_owned()));
    put("category", notice.category.map(|c| c.to_string()));
    put("cause", notice.cause.map(|c| c.to_string()));
    put("severity", Some(notice.severity.to_string()));
    put("account", notice.account.as_ref().map(ToString::to_string));
    put("account_name", notice.account_name.clone());
    put("account_owner", notice.account_owner.clone());
    put("region", notice.region.as_ref().map(ToString::to_string));
    put("model_id", notice.model_id.as_ref().map(|m| text::line(m.as_str(), 256)));
    for line in &notice.incidents {
        put("category", line.category.map(|c| c.to_string()));
        put("cause", line.cause.map(|c| c.to_string()));
        put("severity", Some(line.severity.to_string()));
        put("account", line.account.as_ref().map(ToString::to_string));
        put("account_name", line.account_name.clone());
        put("account_owner", line.account_owner.clone());
        put("region", line.region.as_ref().map(ToString::to_string));
        put("model_id", line.model_id.as_ref().map(ToString::to_string));
    }
    all
}

impl Notice {
    /// The mail text.
    pub fn mail(&self) -> String {
        email::mail(self)
    }
}
