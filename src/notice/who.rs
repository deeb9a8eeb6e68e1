//! Compares current callers with those of a week ago, as CloudTrail shows them.

use crate::error::Gathered;
use crate::evidence::Evidence;
use crate::incident::Incident;
use crate::quota::Variant;
use crate::text::whole;

/// The comparison in a sentence; `None` if CloudTrail was not asked.
pub(super) fn who(incident: &Incident, evidence: &Evidence) -> Option<String> {
    if incident.facts.variant == Some(Variant::Mantle) && evidence.callers != Gathered::NotAsked {
        return Some(
            "CloudTrail's event history does not hold calls of the bedrock-mantle endpoint, which are data events: whether the callers are new is not known. Only the measured use was checked."
                .to_owned(),
        );
    }
    let samples = match &evidence.callers {
        Gathered::NotAsked => return None,
        Gathered::Unread(error) => {
            return Some(format!(
                "Whether the callers are new could not be read from CloudTrail's event history: {error}."
            ));
        }
        Gathered::Read(samples) => samples,
    };
    let calls = |n: usize| match n {
        0 => "no call".to_owned(),
        1 => "one call".to_owned(),
        n => format!("{} calls", whole(n as u64)),
    };
    let shown = format!(
        "A look for earlier calls of the model in CloudTrail's event history found {} in the last three hours and {} on a day a week ago",
        calls(samples.now.len()),
        calls(samples.earlier.len())
    );
    Some(if !samples.is_telling() {
        format!("{shown}: too few to say whether the callers are new. Only the measured use was checked.")
    } else if samples.strangers().is_some() {
        format!("{shown}.")
    } else {
        format!("{shown}: no caller, client or kind of address that makes a third of them is new.")
    })
}
