//! Where the errors behind an alarm were searched for, in sentences.

use crate::evidence::SearchStep;
use crate::incident::search::LogKind;
use crate::text::{Safe, number, sentence, whole};

/// One step of the search, with its result; `None` if there is nothing to say of it.
pub(super) fn searched(looked: &SearchStep) -> Option<String> {
    let log = |kind: &LogKind| match kind {
        LogKind::Invocation => "the model-invocation log",
        LogKind::Application => "the applications' logs",
    };
    let calls = |n: usize| whole(n as u64);
    Some(match looked {
        SearchStep::Trail { read, is_whole, found } => {
            let all = if *is_whole { "all" } else { "the latest" };
            let what = match found {
                0 => "none of them is an error that the alarm counts".to_owned(),
                1 => "one of them is an error that the alarm counts".to_owned(),
                n => format!("{} of them are errors that the alarm counts", calls(*n)),
            };
            match read {
                0 => "CloudTrail's event history shows no failed call around the alarm. It may be late by minutes, and not every throttle is recorded: the function reads it again for half an hour, and sends a notice if that changes what to do.".to_owned(),
                n => format!("CloudTrail's event history was read, {all} {} events around the alarm: {what}.", calls(*n)),
            }
        }
        SearchStep::TrailTooBusy { calls, most } => format!(
            "CloudTrail's event history was not searched: it shows the latest {} events at most, and at least {} calls around the alarm hide the few errors among them.",
            whole(*most as u64),
            number(*calls)
        ),
        SearchStep::LedgerUnread(error) => format!(
            "The ledger could not be read for incidents that explain the alarm: {error}. You may have a notice of one of them already."
        ),
        SearchStep::NotInTrail => "CloudTrail's event history was not searched: it holds no calls of the bedrock-mantle endpoint, which are data events.".to_owned(),
        SearchStep::TrailUnread(error) => format!("CloudTrail's event history could not be read: {error}."),
        SearchStep::LogsGoingOn(kind) => {
            format!(
                "A search through {} has begun. You will get a notice if what it finds changes what to do.",
                log(kind)
            )
        }
        SearchStep::Logs { kind, found: 0 } => format!("A search through {} found no error.", log(kind)),
        SearchStep::Logs { kind, found } => {
            format!("A search through {} found {} errors.", log(kind), calls(*found))
        }
        SearchStep::LogsNotNamed(_) => return None,
        SearchStep::LogsUnread(kind, error) => format!("{} could not be searched: {error}.", sentence(log(kind))),
        SearchStep::InvocationLogging(Ok(Some(group))) => format!(
            "Model invocations are logged to `{}`, which the function is not configured to search.",
            Safe::line(group, 256)
        ),
        SearchStep::InvocationLogging(Ok(None)) => "Model invocations are not logged in this Region.".to_owned(),
        SearchStep::InvocationLogging(Err(error)) => {
            format!("The function could not read whether model invocations are logged: {error}.")
        }
    })
}
