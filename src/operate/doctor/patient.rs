//! The installation that is checked, as its stack names it.

use crate::config::Config;
use crate::ids::AccountRegion;

/// The installation to check.
#[derive(Clone, Copy, Debug)]
pub struct Installation<'a> {
    /// The stack name, with which its rules and alarms begin.
    pub stack: &'a str,
    /// The account and Region of the stack.
    pub place: &'a AccountRegion,
    /// The function's role; `None` if unknown, and then its permissions are not checked.
    pub role: Option<&'a str>,
    /// The topic for notices; `None` if it is not in this Region.
    pub topic: Option<&'a str>,
    /// The topic for the function's operators; `None` if it is not in this Region.
    pub operator_topic: Option<&'a str>,
    /// The ledger's table; `None` if it is not in this Region.
    pub table: Option<&'a str>,
    /// The guard rails.
    pub config: &'a Config,
}

impl Installation<'_> {
    /// The command that deploys the stack again.
    pub(super) fn redeploy(&self) -> String {
        format!(
            "sam deploy --stack-name {} --region {} --resolve-s3 --capabilities CAPABILITY_IAM",
            self.stack, self.place.region
        )
    }
}
