//! What to change if the calling pattern does harm.
//!
//! Invariant: Advice is given only with numbers, and only about behavior beyond an SDK's own retries.
//! See <https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html>.

use crate::callers::{Callers, Client, named};
use crate::diagnosis::Category;
use crate::incident::Incident;
use crate::plan::action::Step;
use crate::text::whole;

/// Steps for the callers.
pub(crate) fn steps(incident: &Incident) -> Vec<Step> {
    // A forecast is about calls that did not fail.
    if incident.is_forecast() {
        return Vec::new();
    }
    let callers = incident.callers.all();
    let category = incident.cause.category();
    let mut said = Vec::new();
    if category == Category::Quota {
        said.extend(shared(&callers));
    }
    if matches!(category, Category::Quota | Category::Capacity) {
        said.extend(callers.hurries().map(hurried));
    } else {
        said.extend(callers.repeats().map(repeated));
    }
    said.into_iter().map(|text| Step { text, command: None, link: None }).collect()
}

fn shared(callers: &Callers) -> Option<String> {
    let number = callers.principals();
    (number > 1).then(|| {
        format!(
            "{number} callers share this quota: agree who may use how much of it. An application inference profile for each shows their use apart and costs nothing; it does not divide the quota. Move what can wait to batch inference or to quieter hours."
        )
    })
}

fn hurried(client: &Client) -> String {
    let (row, all) = (client.calls.row, client.calls.errors);
    let in_all = if row == all { String::new() } else { format!(", {} times in all", whole(all)) };
    format!(
        "Let the client of {} back off exponentially with jitter, three attempts at most, and limit how many calls it makes side by side. It failed {} times in a row, each time within a second of the one before{in_all}: it retries without waiting, or calls with many threads at once.",
        named(client.caller.as_deref(), client.agent.as_deref()),
        whole(row)
    )
}

fn repeated(client: &Client) -> String {
    let seconds = client.calls.last.duration_since(client.calls.first).as_secs().max(1).unsigned_abs();
    let within =
        if seconds < 120 { format!("{seconds} seconds") } else { format!("{} minutes", seconds / 60) };
    format!(
        "Let the client of {} give up on this error at once: no retry can succeed. It was refused {} times in the same words within {within}, and seems to send the same request again and again.",
        named(client.caller.as_deref(), client.agent.as_deref()),
        whole(client.calls.same + 1)
    )
}
