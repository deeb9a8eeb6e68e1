//! What the function knows about itself.

use crate::ids::{AccountId, AccountRegion, Region};

/// The function's own location and resources. Readers use it to ignore the function's own traces.
#[derive(Clone, Debug, Default)]
pub struct FunctionIdentity {
    /// The account the function runs in; `None` outside AWS.
    pub account: Option<AccountId>,
    /// The Region the function runs in; `None` outside AWS. Events are regional, so an event that names no Region comes
    /// from this one.
    pub region: Option<Region>,
    /// ARN of the function's role, without path. Calls made by this role are never signals.
    pub role: Option<String>,
    /// The function's log group. Lines of this log are never signals.
    pub log_group: Option<String>,
    /// The name of the ledger's table, for commands shown in notices; `None` outside AWS.
    pub table: Option<String>,
    /// ARN of the notice topic, for commands shown in notices; `None` outside AWS.
    pub topic: Option<String>,
}

impl FunctionIdentity {
    /// The account and Region the function runs in; `None` outside AWS.
    pub fn place(&self) -> Option<AccountRegion> {
        Some(AccountRegion { account: self.account.clone()?, region: self.region.clone()? })
    }

    /// The first of `named` that parses as a Region, otherwise the Region the function runs in.
    pub(crate) fn region_or<'a>(&self, named: impl IntoIterator<Item = &'a str>) -> Option<Region> {
        named.into_iter().find_map(Region::parse).or_else(|| self.region.clone())
    }
}
