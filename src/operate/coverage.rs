//! Which accounts and Regions the hub has heard from.
//!
//! Invariant: It says only what the ledger's incidents say. A Region in which nothing fails sends nothing, so silence is
//! no fault by itself.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::config::Accounts;
use crate::ids::{AccountId, Region};
use crate::incident::record::{Record, State};
use crate::time::after;
use crate::wire_enum::wire_enum;

/// An account and Region without an event for this long is silent.
const SILENT: SignedDuration = SignedDuration::from_hours(7 * 24);

wire_enum! {
    /// What the ledger says of an account and Region.
    pub enum Hearing {
        /// The last event is at most 7 days old.
        Heard = "heard",
        /// The last event is older.
        Silent = "silent",
        /// The account is named in `ACCOUNTS`, and no incident is of it.
        NeverHeard = "never-heard",
    }
}

/// One account and Region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CoveredPlace {
    /// The account.
    pub account: AccountId,
    /// The Region; `None` if nothing was ever heard of the account, or if an error named none.
    pub region: Option<Region>,
    /// The account's name, as the operator configured it.
    pub name: Option<String>,
    /// Who answers for the account, as the operator configured it.
    pub owner: Option<String>,
    /// What the ledger says.
    pub hearing: Hearing,
    /// The time of the last error or alarm; `None` if nothing was ever heard.
    pub last: Option<Timestamp>,
    /// The number of open incidents.
    pub open: usize,
    /// Since when AWS has not answered about one of them; `None` if it answers. The member's role may be missing.
    pub unanswered: Option<Timestamp>,
}

/// The accounts and Regions of `records`, and the accounts of which only the operator has spoken.
pub fn coverage(records: &[Record], accounts: &Accounts, now: Timestamp) -> Vec<CoveredPlace> {
    let mut of_places: BTreeMap<(&AccountId, Option<&Region>), Vec<&Record>> = BTreeMap::new();
    for record in records {
        let incident = &record.incident;
        let Some(account) = &incident.account else { continue };
        of_places.entry((account, incident.region.as_ref())).or_default().push(record);
    }
    for account in accounts.ids() {
        if !of_places.keys().any(|(heard, _)| *heard == account) {
            of_places.insert((account, None), Vec::new());
        }
    }
    let covered =
        |((account, region), of_place): (_, Vec<&Record>)| covered(account, region, &of_place, accounts, now);
    of_places.into_iter().map(covered).collect()
}

fn covered(
    account: &AccountId,
    region: Option<&Region>,
    records: &[&Record],
    accounts: &Accounts,
    now: Timestamp,
) -> CoveredPlace {
    let last = records.iter().filter_map(|record| record.incident.last_seen).max();
    let open = || records.iter().filter(|record| record.state != State::Closed);
    let known = accounts.get(account);
    CoveredPlace {
        account: account.clone(),
        region: region.cloned(),
        name: known.and_then(|known| known.name.clone()),
        owner: known.and_then(|known| known.owner.clone()),
        hearing: match last {
            _ if records.is_empty() => Hearing::NeverHeard,
            Some(last) if after(last, SILENT) >= now => Hearing::Heard,
            Some(_) | None => Hearing::Silent,
        },
        last,
        open: open().count(),
        unanswered: open().filter_map(|record| Some(record.unread?.since)).min(),
    }
}
