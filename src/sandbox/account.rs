//! The facts of one member account.

use std::collections::BTreeMap;

use crate::ids::{AccountId, Region};
use crate::sandbox::file::member::{MemberEntry, RoleWord};
use crate::sandbox::filed::{self, FiledRequest, PastListing};
use crate::sandbox::meter::{Feed, RunningQuery};
use crate::sandbox::{FaultKind, WorldFile};

/// What AWS keeps of one member account.
#[derive(Debug)]
pub(crate) struct MemberAccount {
    pub(crate) role: RoleWord,
    pub(crate) regions_off: Vec<Region>,
    /// How its services refuse every call.
    pub(crate) refuses: Option<FaultKind>,
    pub(crate) file: WorldFile,
    pub(crate) feed: Feed,
    pub(crate) requests: Vec<FiledRequest>,
    pub(crate) listings: Vec<PastListing>,
    pub(crate) queries: Vec<RunningQuery>,
}

/// The members that `file` describes.
pub(crate) fn members_of(file: &WorldFile) -> BTreeMap<AccountId, MemberAccount> {
    let member = |(account, entry): (&AccountId, &MemberEntry)| {
        let file = entry.world(account);
        let requests = filed::filed_before(&file);
        let facts = MemberAccount {
            role: entry.role,
            regions_off: entry.regions_off.clone(),
            refuses: None,
            file,
            feed: Feed::default(),
            requests,
            listings: Vec::new(),
            queries: Vec::new(),
        };
        (account.clone(), facts)
    };
    file.accounts.iter().map(member).collect()
}

impl MemberEntry {
    /// The account as a world of its own.
    fn world(&self, account: &AccountId) -> WorldFile {
        let member = self.clone();
        WorldFile {
            account: Some(account.clone()),
            quotas: member.quotas,
            requests: member.requests,
            usage: member.usage,
            agent_core_usage: member.agent_core_usage,
            calls: member.calls,
            errors: member.errors,
            alarms: member.alarms,
            logging: member.logging,
            availability: member.availability,
            offered: member.offered,
            profiles: member.profiles,
            policies: member.policies,
            ..WorldFile::default()
        }
    }
}
