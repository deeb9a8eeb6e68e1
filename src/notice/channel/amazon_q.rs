//! The custom notification of Amazon Q Developer in chat applications.
//! See <https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html>.

use serde_json::{Map, Value, json};

use crate::diagnosis::{Category, Cause};
use crate::ids::IncidentId;
use crate::notice::brief::Brief;
use crate::notice::channel::email;
use crate::notice::{Notice, brief, digest};
use crate::text;

/// A chat message has fewer lines than a mail.
const MOST_LINES: usize = 20;

/// Builds the notification. Messages of one incident share a thread. Facts stand in code spans, which no fact can end;
/// see [`text::line`].
pub(crate) fn chat(notice: &Notice) -> Value {
    let keywords: Vec<&str> = [notice.category.map(Category::as_str), notice.cause.map(Cause::as_str)]
        .into_iter()
        .flatten()
        .collect();
    let resources: Vec<&str> = notice.facts.resource.as_deref().into_iter().collect();
    json!({
        "version": "1.0",
        "source": "custom",
        "id": notice.notice_id,
        "content": {
            "textType": "client-markdown",
            "title": text::line(&notice.title, 250),
            "description": text::cut_to(description(notice).join("\n"), 8000),
            "nextSteps": next_steps(notice),
            "keywords": keywords,
        },
        "metadata": {
            "threadId": notice.incident_id.as_ref().map_or(notice.notice_id.as_str(), IncidentId::as_str),
            "summary": text::line(&notice.title, 250),
            "eventType": format!("bedrock-remediator.{}", notice.kind),
            "relatedResources": resources,
            "additionalContext": context(notice),
        },
    })
}

/// What happened, the answers that matter first, the incidents of a digest, and the details, in lines.
fn description(notice: &Notice) -> Vec<String> {
    let mut lines = vec![notice.summary.clone()];
    lines.extend(email::known_account(notice));
    lines.extend(Brief::of(notice).answers().map(|(name, answer)| format!("{name}: {answer}")));
    let names_account = digest::has_several_accounts(&notice.incidents);
    lines.extend(
        notice
            .incidents
            .iter()
            .take(MOST_LINES)
            .map(|l| format!("- {}: {}", digest::name(l.cause), email::of_line(l, names_account))),
    );
    if notice.incidents.len() > MOST_LINES {
        lines.push("The others are in the mail.".to_owned());
    }
    lines.extend(notice.because.iter().cloned());
    let reasons = notice.withheld.iter().map(|w| w.reason.trim_end_matches('.'));
    lines.extend(reasons.map(|reason| format!("No increase was requested: {reason}.")));
    lines
}

/// The first steps for a person, each with its command or its link.
fn next_steps(notice: &Notice) -> Vec<String> {
    let steps = brief::steps(notice).into_iter().map(|s| match (&s.command, &s.link) {
        (Some(command), _) if command.contains('\n') => format!("{} It is in the mail.", s.text),
        (Some(command), _) => format!("{} `{}`", s.text, command.replace('`', "'")),
        (None, Some(link)) => format!("{} {link}", s.text),
        (None, None) => s.text,
    });
    steps.map(|s| text::cut_to(s, 1500)).collect()
}

/// What the notice is about, by name, for rules that route or filter notifications.
fn context(notice: &Notice) -> Map<String, Value> {
    let mut context = Map::new();
    let mut put = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            context.insert(key.to_owned(), Value::String(text::cut_to(value, 256)));
        }
    };
    put("notice_id", Some(notice.notice_id.clone()));
    put("incident_id", notice.incident_id.as_ref().map(ToString::to_string));
    put("severity", Some(notice.severity.to_string()));
    put("cause", notice.category.zip(notice.cause).map(|(category, cause)| format!("{category}/{cause}")));
    put("account", notice.account.as_ref().map(ToString::to_string));
    put("region", notice.region.as_ref().map(ToString::to_string));
    put("model_id", notice.model_id.as_ref().map(ToString::to_string));
    put("caller", notice.caller.as_ref().map(ToString::to_string));
    context
}
