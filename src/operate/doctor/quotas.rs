//! Whether the program knows the account's quotas: their names, and the age of the built-in catalogue.
//!
//! Invariant: A catalogue is judged by what it lacks, not by its age.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::error::{ServiceError, ServiceResult};
use crate::iam_action::IamAction;
use crate::operate::doctor::check::{Check, Finding, of_answer};
use crate::operate::doctor::patient::Installation;
use crate::quota::difference::Lack;
use crate::quota::{Catalog, Readable};

/// How old the built-in catalogue is, and how much of `listing`, the account's own, it lacks. It fails if it lacks more
/// than half of the inference quotas: see [`Lack::is_much`].
pub(super) fn of_catalogue(
    patient: &Installation<'_>,
    listing: Result<&Catalog, &ServiceError>,
    now: Timestamp,
) -> Check {
    const NAME: &str = "catalogue";
    let built_in = Catalog::built_in();
    let mut seen = match built_in.as_of() {
        Some(day) => {
            let today = now.to_zoned(TimeZone::UTC).date();
            let age = day.until(today).map_or(0, |age| age.get_days()).max(0);
            let days = if age == 1 { "day" } else { "days" };
            format!("the built-in one is of {day}, {age} {days} old")
        }
        None => "the built-in one is of an unknown day".to_owned(),
    };
    let listing = match listing {
        Ok(listing) => listing,
        Err(why) => return Check::unknown(NAME, why),
    };
    let lack = Lack::of(built_in, listing);
    // Writing to a string cannot fail.
    let _ = write!(seen, "; it lacks {} of the account's {} inference quotas", lack.lacking, lack.all);
    if !lack.is_much() {
        return Check::good(NAME, seen);
    }
    Check::missing(
        NAME,
        seen,
        "for the models that it lacks: which quota a throttle is about while the account's own list cannot be read, and which throttles count in a flood of errors",
        format!(
            "aws service-quotas list-aws-default-service-quotas --service-code bedrock --region {} --output json > quotas.json && bedrock-remediator catalog import quotas.json --write src/quota/catalog.tsv && sam build --beta-features && {}",
            patient.place.region,
            patient.redeploy()
        ),
    )
}

/// How many of the account's inference quotas this program can read. It fails if more than one in ten is unreadable,
/// because then AWS has reworded them.
pub(super) fn of_quotas(listing: ServiceResult<Catalog>) -> Check {
    const NAME: &str = "quotas";
    const BLIND: &str = "which quota a throttle is about, and what holds: no increase is ever filed";
    let listing = match listing {
        Ok(listing) => listing,
        Err(why) => return of_answer(NAME, Err(why), BLIND, IamAction::ListServiceQuotas),
    };
    let Readable { read, unread } = Readable::of(&listing);
    let all = read + unread.len();
    let mut seen = format!("{read} of {all} inference quotas are readable");
    if all == 0 {
        // Either the listing lacks inference quotas, or it names them in an unknown way.
        return Check {
            finding: Finding::Unknown,
            ..Check::missing(
                NAME,
                format!("none of {} quotas looks like an inference quota", listing.quotas().len()),
                BLIND,
                UPDATE,
            )
        };
    }
    if let Some(first) = unread.first() {
        // Writing to a string cannot fail.
        let _ = write!(seen, "; one that is not: `{first}`");
    }
    if unread.len() * 10 > all {
        return Check::missing(NAME, seen, format!("for the others: {BLIND}"), UPDATE);
    }
    Check::good(NAME, seen)
}

/// The fix if AWS's quota names are newer than this program.
const UPDATE: &str =
    "git pull && sam build --beta-features && sam deploy  # a newer version reads newer names";
