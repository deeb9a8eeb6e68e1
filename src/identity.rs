//! What the function knows of itself.

use crate::ids::{AccountId, AccountRegion, Region};

/// What the reader knows of the function itself: where it runs, and how to tell its own traces.
#[derive(Clone, Debug, Default)]
pub struct FunctionIdentity {
    /// The account it runs in; `None` outside AWS.
    pub account: Option<AccountId>,
    /// The Region it runs in. Events are regional, so this is where an event that names no Region
    /// comes from. `None` outside AWS.
    pub region: Option<Region>,
    /// ARN of its own role, without path: what this role did is never a signal.
    pub role: Option<String>,
    /// Its own log group: what stands there is never a signal.
    pub log_group: Option<String>,
    /// The table that its ledger is, for the commands that people are shown; `None` outside AWS.
    pub table: Option<String>,
    /// ARN of the topic that people are told through, for the same; `None` outside AWS.
    pub topic: Option<String>,
}

impl FunctionIdentity {
    /// Where it runs; `None` outside AWS.
    pub fn place(&self) -> Option<AccountRegion> {
        Some(AccountRegion { account: self.account.clone()?, region: self.region.clone()? })
    }

    /// The first of `named` that is a Region; else the one it runs in.
    pub(crate) fn region_or<'a>(&self, named: impl IntoIterator<Item = &'a str>) -> Option<Region> {
        named.into_iter().find_map(Region::parse).or_else(|| self.region.clone())
    }
}
