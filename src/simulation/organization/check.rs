//! The promises about an organization: where the function asks, files and tells, and that no member holds up another.
//!
//! Invariant: Nothing here is computed as the function computes it. The inputs are what members sent, what the function
//! received and acknowledged, and what the world saw.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::ids::{AccountId, AccountRegion, IncidentId, QuotaCode};
use crate::incident::notice_kind::Kind;
use crate::incident::record::State;
use crate::notice::Notice;
use crate::sandbox::Happened;
use crate::sandbox::state::Sandbox;
use crate::simulation::organization::members::{HubMembers, Member};
use crate::simulation::truth::earlier;
use crate::simulation::violation::{Checked, TOLERANCE, broken};
use crate::time::after;

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// A request that Service Quotas accepted.
struct FiledThere {
    place: AccountRegion,
    code: QuotaCode,
    at: Timestamp,
}

/// What was seen of a life.
pub(super) struct HubChecker<'a> {
    members: &'a HubMembers,
    /// Where errors come from that a function received and that their account vouches for.
    heard: BTreeSet<AccountRegion>,
    /// The same, of throttles.
    throttled: BTreeSet<AccountRegion>,
    /// The incidents of errors that were acknowledged.
    acknowledged: BTreeSet<IncidentId>,
    filed: Vec<FiledThere>,
    /// The id, the kind and the time of each incident's last notice.
    told: BTreeMap<IncidentId, (String, Kind, Timestamp)>,
    /// Since when each account cannot be entered.
    shut: BTreeMap<AccountId, Timestamp>,
    pub(super) notices: u64,
    pub(super) digests: u64,
    pub(super) faults: u64,
    /// Promised requests.
    pub(super) served: u64,
}

impl<'a> HubChecker<'a> {
    pub(super) fn new(members: &'a HubMembers) -> Self {
        Self {
            members,
            heard: BTreeSet::new(),
            throttled: BTreeSet::new(),
            acknowledged: BTreeSet::new(),
            filed: Vec::new(),
            told: BTreeMap::new(),
            shut: BTreeMap::new(),
            notices: 0,
            digests: 0,
            faults: 0,
            served: 0,
        }
    }

    /// A function receives an error that its account vouches for.
    pub(super) fn received(&mut self, place: &AccountRegion, is_throttle: bool) {
        self.heard.insert(place.clone());
        if is_throttle {
            self.throttled.insert(place.clone());
        }
    }

    /// An error was deleted from its queue.
    pub(super) fn acknowledged(&mut self, incident: &IncidentId) {
        self.acknowledged.insert(incident.clone());
    }

    /// STS refuses the role of `account` from now on.
    pub(super) fn is_shut(&mut self, account: &AccountId, at: Timestamp) {
        self.shut.entry(account.clone()).or_insert(at);
    }

    pub(super) fn is_open(&mut self, account: &AccountId) {
        self.shut.remove(account);
    }

    pub(super) fn requests(&self) -> u64 {
        self.filed.len() as u64
    }

    pub(super) fn incidents(&self) -> u64 {
        self.told.len() as u64
    }

    /// Checks what happened in the world by `at`.
    pub(super) fn happened(&mut self, journal: Vec<Happened>, at: Timestamp) -> Checked {
        for happened in journal {
            match happened {
                Happened::Asked { place, code, request_id: Some(_), .. } => self.filed(place, code, at)?,
                Happened::Published(notice) => self.published(&notice, at)?,
                Happened::Failed { .. } => self.faults += 1,
                _ => {}
            }
        }
        Ok(())
    }

    fn filed(&mut self, place: AccountRegion, code: QuotaCode, at: Timestamp) -> Checked {
        let how = format!("{code} in {} {} at {at}", place.account, place.region);
        let Some(member) = self.members.get(&place.account).filter(|_| self.throttled.contains(&place))
        else {
            return broken("a request is for an account and Region whose calls were throttled", how);
        };
        if member.code().as_ref() != Some(&code) {
            return broken("a request is for the quota that the account's calls fill", how);
        }
        if !member.may_file() {
            return broken("an account's own guard rails hold", how);
        }
        let lately = |filed: &&FiledThere| filed.at > earlier(at, DAY);
        let in_place = self.filed.iter().filter(lately).filter(|filed| filed.place == place).count();
        if in_place >= member.most_a_day as usize {
            return broken("an account's own daily limit holds", how);
        }
        let most = self.members.config.max_increases_per_day_organization;
        if self.filed.iter().filter(lately).count() >= most as usize {
            return broken("the organization's daily limit holds", how);
        }
        let apart = self.members.config.quota_cool_down.saturating_sub(TOLERANCE);
        let again =
            |filed: &FiledThere| filed.place == place && filed.code == code && after(filed.at, apart) > at;
        if self.filed.iter().any(again) {
            return broken("one request for each need and account", how);
        }
        self.filed.push(FiledThere { place, code, at });
        Ok(())
    }

    fn published(&mut self, notice: &Notice, at: Timestamp) -> Checked {
        self.notices += 1;
        self.digests += u64::from(!notice.incidents.is_empty());
        let is_heard = |account: &AccountId| {
            self.members.home.account.as_ref() == Some(account)
                || self.heard.iter().any(|place| place.account == *account)
        };
        let lines = notice.incidents.iter().filter_map(|line| line.account.as_ref());
        if let Some(account) = notice.account.iter().chain(lines).find(|account| !is_heard(account)) {
            return broken(
                "a notice is about an account that sent errors",
                format!("{} names {account}", notice.notice_id),
            );
        }
        let alone = notice.incident_id.iter().map(|id| (id, &notice.notice_id, notice.kind));
        let lines = notice
            .incidents
            .iter()
            .filter_map(|line| Some((line.incident_id.as_ref()?, &line.notice_id, line.kind)));
        let account = notice.account.as_ref();
        for (incident, id, kind) in alone.chain(lines) {
            self.is_not_told_at_every_event(account, incident, id, at)?;
            self.told.insert(incident.clone(), (id.clone(), kind, at));
        }
        Ok(())
    }

    /// Checks that an account that cannot be entered is not told of again before the cool-down.
    fn is_not_told_at_every_event(
        &self,
        account: Option<&AccountId>,
        incident: &IncidentId,
        id: &str,
        at: Timestamp,
    ) -> Checked {
        let Some(since) = account.and_then(|account| self.shut.get(account)) else { return Ok(()) };
        // A notice whose record was lost is published again, and a new error is news after AWS's silence.
        let is_other = |same: &String, kind: &Kind| same != id && *kind != Kind::Unanswered;
        let last = self.told.get(incident).filter(|(same, kind, last)| is_other(same, kind) && last > since);
        let apart = self.members.config.notice_cool_down.saturating_sub(TOLERANCE);
        match last {
            Some((.., last)) if after(*last, apart) > at => broken(
                "an account that cannot be entered is not told of at every event",
                format!("{id} at {last} and at {at}"),
            ),
            _ => Ok(()),
        }
    }

    /// Checks where calls were answered, and of which accounts there are incidents.
    pub(super) fn is_in_its_place(&self, world: &Sandbox) -> Checked {
        let home = self.members.home.account.as_ref();
        for place in world.answered().keys() {
            let is_of_account = self.heard.iter().any(|heard| heard.account == place.account);
            if home != Some(&place.account) && !is_of_account {
                return broken(
                    "an account for which nobody vouched is not asked",
                    format!("{} {}", place.account, place.region),
                );
            }
        }
        let places: Vec<AccountRegion> =
            world.look_at(|rows| rows.values().filter_map(|row| row.record.incident.place()).collect());
        let stray = places.iter().find(|place| home != Some(&place.account) && !self.heard.contains(*place));
        match stray {
            None => Ok(()),
            Some(place) => broken(
                "an incident is of an account and Region that sent errors",
                format!("{} {}", place.account, place.region),
            ),
        }
    }

    /// Checks that `member`, whose calls are throttled at `place` since `since`, has its request, if no limit forbids it.
    pub(super) fn is_served(
        &mut self,
        member: &Member,
        place: Option<&AccountRegion>,
        since: Timestamp,
    ) -> Checked {
        let lately = self.filed.iter().filter(|filed| filed.at > earlier(since, DAY)).count();
        let Some(place) = place.filter(|_| member.may_file()) else { return Ok(()) };
        if self.filed.iter().any(|filed| filed.place == *place) {
            self.served += 1;
            return Ok(());
        }
        if lately >= self.members.config.max_increases_per_day_organization as usize {
            return Ok(());
        }
        broken(
            "a member that answers is served whatever the others do",
            format!("{} {}", place.account, place.region),
        )
    }

    /// Checks the state at rest.
    pub(super) fn at_rest(&self, world: &Sandbox) -> Checked {
        self.is_in_its_place(world)?;
        if let Some(untold) = self.acknowledged.iter().find(|id| !self.told.contains_key(*id)) {
            return broken("what is acknowledged is told", untold.to_string());
        }
        let held = world.look_at(|rows| rows.values().filter(|row| row.leased_until.is_some()).count());
        if held > 0 {
            return broken("every lease ends", format!("{held} are held"));
        }
        let open: Vec<IncidentId> = world.look_at(|rows| {
            let open = rows.iter().filter(|(_, row)| row.record.state != State::Closed);
            open.map(|(id, _)| id.clone()).collect()
        });
        match open.first() {
            None => Ok(()),
            Some(open) => broken("everything comes to an end", open.to_string()),
        }
    }
}
