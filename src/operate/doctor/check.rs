//! The result of a check: what was seen, what the function is blind to without it, and the command that mends it.
//!
//! Invariant: What could not be asked is unknown, never good.

use serde::Serialize;

use crate::error::{ServiceError, ServiceResult};
use crate::iam_action::IamAction;
use crate::wire_enum::wire_enum;

wire_enum! {
    /// The result of a check.
    pub enum Finding {
        /// It is in place.
        Good = "good",
        /// It is not in place, and the function works without it.
        Optional = "optional",
        /// It is not in place, and the function needs it.
        Missing = "missing",
        /// It could not be checked.
        Unknown = "unknown",
    }
}

/// One thing that the function depends on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    /// The name of the check.
    pub name: &'static str,
    /// The result.
    pub finding: Finding,
    /// What was seen.
    pub seen: String,
    /// What the function cannot see without it; `None` if it is in place or nothing is known about it.
    pub blind_to: Option<String>,
    /// The command that fixes it; `None` if it is in place or no command is known.
    pub mend: Option<String>,
}

impl Check {
    pub(super) fn good(name: &'static str, seen: impl Into<String>) -> Self {
        Self { name, finding: Finding::Good, seen: seen.into(), blind_to: None, mend: None }
    }

    pub(super) fn missing(
        name: &'static str,
        seen: impl Into<String>,
        blind_to: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self {
            name,
            finding: Finding::Missing,
            seen: seen.into(),
            blind_to: Some(blind_to.into()),
            mend: Some(mend.into()),
        }
    }

    pub(super) fn unknown(name: &'static str, why: &ServiceError) -> Self {
        let seen = format!("it could not be asked: {why}");
        Self { name, finding: Finding::Unknown, seen, blind_to: None, mend: None }
    }
}

/// A check that consists of one call.
pub(super) fn of_answer(
    name: &'static str,
    answer: ServiceResult<String>,
    blind_to: &'static str,
    right: IamAction,
) -> Check {
    match answer {
        Ok(seen) => Check::good(name, seen),
        Err(why @ ServiceError::Denied(_)) => Check::missing(
            name,
            format!("your credentials may not ask: {why}"),
            format!("if the function's role lacks it too: {blind_to}"),
            format!("allow {right}, for yourself and for the function's role"),
        ),
        Err(why) => Check::unknown(name, &why),
    }
}
