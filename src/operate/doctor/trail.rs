//! Checks the trail: EventBridge passes on only the errors that a trail records.
//!
//! Invariant: A trail that could not be asked is not said to be missing.

use crate::error::ServiceResult;
use crate::installation::{Reads, Trail};
use crate::operate::doctor::check::{Check, Finding};

/// Whether a trail that is logging records management events in this Region, those that only read included.
pub(super) fn of_trails(trails: ServiceResult<Vec<Trail>>) -> Check {
    const NAME: &str = "trail";
    const BLIND: &str = "every error's text: EventBridge passes on only what a trail records. Only alarms are left, and of an alarm the metric and the model";
    let trails = match trails {
        Ok(trails) => trails,
        Err(why) => return Check::unknown(NAME, &why),
    };
    let is_good = |t: &&Trail| t.is_logging == Ok(true) && t.records_reads == Ok(Reads::Recorded);
    if let Some(trail) = trails.iter().find(is_good) {
        return Check::good(NAME, format!("`{}` records management events, reads included", trail.name));
    }
    let open: Vec<(String, Option<String>)> = trails.iter().filter_map(open).collect();
    if !open.is_empty() {
        // One of these trails may be the one that is needed.
        let (seen, asks): (Vec<String>, Vec<Option<String>>) = open.into_iter().unzip();
        let proof = "An inference call that fails and is told of within 15 minutes proves it as well";
        return Check {
            finding: Finding::Unknown,
            mend: asks.into_iter().flatten().next(),
            ..Check::missing(NAME, format!("{}. {proof}", seen.join("; ")), BLIND, "")
        };
    }
    let records = |t: &Trail| t.records_reads == Ok(Reads::Recorded);
    match trails.iter().max_by_key(|t| (records(t), t.is_logging == Ok(true))) {
        Some(trail) if records(trail) => Check::missing(
            NAME,
            format!("`{}` is not logging", trail.name),
            BLIND,
            format!("aws cloudtrail start-logging --name {}", trail.name),
        ),
        Some(Trail { name, records_reads: Ok(Reads::LeftOut), .. }) => Check::missing(
            NAME,
            format!("`{name}` does not record management events that only read, as inference calls do"),
            BLIND,
            format!(
                "aws cloudtrail put-event-selectors --trail-name {name} --event-selectors '[{{\"ReadWriteType\":\"All\",\"IncludeManagementEvents\":true}}]'  # takes the place of the selectors it has"
            ),
        ),
        _ => Check::missing(
            NAME,
            "no trail records this Region",
            BLIND,
            "aws cloudtrail create-trail --name management-events --s3-bucket-name BUCKET --is-multi-region-trail && aws cloudtrail start-logging --name management-events",
        ),
    }
}

/// What is unknown about a trail that may be good, and the command that clarifies it; `None` if nothing is unknown.
fn open(trail: &Trail) -> Option<(String, Option<String>)> {
    let name = &trail.name;
    match (&trail.is_logging, &trail.records_reads) {
        (Ok(false), _) | (_, Ok(Reads::LeftOut)) | (Ok(true), Ok(Reads::Recorded)) => None,
        (logging, Ok(Reads::OfAccount(account))) => {
            let logs = match logging {
                Ok(_) => format!("`{name}` is logging"),
                Err(why) => format!("whether `{name}` is logging could not be asked ({why})"),
            };
            Some((
                format!(
                    "{logs}; it belongs to account {account}, as an organization's trail does: ask the management account whether it records management events that only read"
                ),
                Some(format!(
                    "aws cloudtrail get-event-selectors --trail-name {name}  # with credentials of account {account}, in the trail's home Region"
                )),
            ))
        }
        (Err(why), Ok(Reads::Recorded)) => {
            Some((format!("whether `{name}` is logging could not be asked: {why}"), None))
        }
        (_, Err(why)) => Some((
            format!("whether `{name}` records management events that only read could not be asked: {why}"),
            None,
        )),
    }
}
