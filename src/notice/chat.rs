//! The custom notification of Amazon Q Developer in chat applications.
//! See <https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html>.

use serde_json::{Map, Value, json};

use super::{Notice, clean};
use crate::plan::{Action, number};

/// The schema's document. Messages of one incident share a thread.
pub(super) fn chat(notice: &Notice) -> Value {
    let mut lines = vec![clean::plain(&notice.summary)];
    lines.extend(notice.because.iter().map(|b| clean::plain(b)));
    for action in &notice.actions {
        lines.push(match action {
            Action::RequestIncrease(i) => clean::plain(&format!(
                "Requested: {} ({}) from {} to {}.",
                i.quota.name,
                i.quota.code,
                number(i.applied),
                number(i.desired)
            )),
            Action::PrepareSupportCase { .. } => "A support case is ready to paste; see the mail.".to_owned(),
            Action::RemindAccess(r) => clean::plain(&format!("Reminder for {}: {}", r.audience, r.text)),
        });
    }
    lines.extend(
        notice.withheld.iter().map(|w| {
            clean::plain(&format!("No increase was requested: {}.", w.reason.trim_end_matches('.')))
        }),
    );
    let steps = notice.next_steps.iter().take(5).map(|s| match (&s.command, &s.link) {
        (Some(command), _) if !command.contains('\n') => {
            format!("{} `{}`", clean::plain(&s.text), command.replace('`', "'"))
        }
        (_, Some(link)) => format!("{} {link}", clean::plain(&s.text)),
        _ => clean::plain(&s.text),
    });
    let mut context = Map::new();
    let mut put = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            context.insert(key.to_owned(), Value::String(clean::cut_to(value, 256)));
        }
    };
    put("notice_id", Some(notice.notice_id.clone()));
    put("incident_id", Some(notice.incident_id.to_string()));
    put("severity", Some(notice.severity.to_string()));
    put("cause", Some(format!("{}/{}", notice.category, notice.cause)));
    put("account", notice.account.as_ref().map(ToString::to_string));
    put("region", notice.region.as_ref().map(ToString::to_string));
    put("model_id", notice.model_id.as_ref().map(ToString::to_string));
    put("caller", notice.caller.clone());
    let resources: Vec<&str> = notice.facts.resource.as_deref().into_iter().collect();
    json!({
        "version": "1.0",
        "source": "custom",
        "id": notice.notice_id,
        "content": {
            "textType": "client-markdown",
            "title": clean::line(&clean::plain(&notice.title), 250),
            "description": clean::cut_to(lines.join("\n"), 8000),
            "nextSteps": steps.map(|s| clean::cut_to(s, 1500)).collect::<Vec<_>>(),
            "keywords": [notice.category.as_str(), notice.cause.as_str()],
        },
        "metadata": {
            "threadId": notice.incident_id,
            "summary": clean::line(&clean::plain(&notice.title), 250),
            "eventType": format!("bedrock-remediator.{}", notice.kind),
            "relatedResources": resources,
            "additionalContext": context,
        },
    })
}
