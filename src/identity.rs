//! What the function knows about itself.

use crate::ids::{AccountId, AccountRegion, Arn, Region};

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
    /// The organization whose accounts it looks after; `None`: its own account only.
    pub organization: Option<Organization>,
}

/// An organization of which the function is the hub.
/// See <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_introduction.html>.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// Its id, such as `o-a1b2c3d4e5`.
    pub id: String,
    /// The name of the role that the function assumes in each member account.
    pub member_role: String,
    /// The external id that the members' roles ask for, if they do.
    pub external_id: Option<String>,
}

impl Organization {
    /// The name of the members' role, unless the operator chose another.
    pub(crate) const MEMBER_ROLE: &str = "bedrock-remediator-member";

    /// ARN of the role that is assumed for calls in `place`. Nothing but the account decides which role it is.
    pub(crate) fn role_in(&self, place: &AccountRegion) -> String {
        format!("arn:{}:iam::{}:role/{}", place.region.partition(), place.account, self.member_role)
    }
}

impl FunctionIdentity {
    /// Whether `account` is another account of the organization; `false` without an organization.
    pub(crate) fn is_of_member(&self, account: Option<&AccountId>) -> bool {
        self.organization.is_some() && account != self.account.as_ref()
    }

    /// The account and Region the function runs in; `None` outside AWS.
    pub fn place(&self) -> Option<AccountRegion> {
        Some(AccountRegion { account: self.account.clone()?, region: self.region.clone()? })
    }

    /// Whether `caller`, as returned by [`caller_of`](crate::ids::caller_of), is the function itself, whose calls are
    /// never signals: its own role, or in `account` the role that it assumes there.
    pub(crate) fn is_own_call(&self, caller: &str, account: Option<&AccountId>) -> bool {
        let is_member_role = || {
            let member = self.organization.as_ref()?;
            let role = Arn::parse(caller)?;
            let is_of_account = account.is_some_and(|account| account.as_str() == role.account);
            Some(is_of_account && role.resource.strip_prefix("role/") == Some(member.member_role.as_str()))
        };
        self.role.as_deref() == Some(caller) || is_member_role() == Some(true)
    }

    /// Whether the function may act in `account`: its own, and those of its organization that vouch for themselves.
    pub(crate) fn reaches(&self, account: &AccountId) -> bool {
        self.account.as_ref() == Some(account) || self.organization.is_some()
    }

    /// The first of `named` that parses as a Region, otherwise the Region the function runs in.
    pub(crate) fn region_or<'a>(&self, named: impl IntoIterator<Item = &'a str>) -> Option<Region> {
        named.into_iter().find_map(Region::parse).or_else(|| self.region.clone())
    }
}
