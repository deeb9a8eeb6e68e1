//! The accounts of the sandbox: the function's own, and the members of its organization.
//!
//! Invariant: A call is answered from the facts of the account that it names. An account whose role cannot be assumed
//! answers nothing.

use std::collections::BTreeMap;
use std::mem::swap;

use crate::error::{RoleRefusal, ServiceError, ServiceResult};
use crate::ids::{AccountId, AccountRegion, Region};
use crate::sandbox::account::MemberAccount;
use crate::sandbox::calls::PortCall;
use crate::sandbox::state::{Sandbox, SandboxState};
use crate::sandbox::{FaultKind, RoleWord};

impl SandboxState {
    /// Answers a call for `place` from its account, if the function's credentials reach it.
    pub(super) fn answer_at<T>(
        &mut self,
        place: &AccountRegion,
        call: PortCall,
        answer: impl FnOnce(&mut Self) -> ServiceResult<T>,
    ) -> ServiceResult<T> {
        let is_named = self.file.account.as_ref() == Some(&place.account);
        let Some(member) = self.members.get(&place.account).filter(|_| !is_named) else {
            self.reaches(place)?;
            self.count_at(place);
            return answer(self);
        };
        if let Some(refusal) = member.role.refusal() {
            return Err(self.unreachable(place, refusal));
        }
        if member.regions_off.contains(&place.region) {
            return Err(ServiceError::not_accepted());
        }
        if let Some(refusal) = member.refuses.and_then(|fault| fault.refusal(call)) {
            return Err(refusal);
        }
        self.count_at(place);
        self.swap_with(&place.account);
        let answered = answer(self);
        self.swap_with(&place.account);
        answered
    }

    /// An error if `place`, which is in no member, is not in the function's own account either. A file that does not
    /// name that account stands for any.
    fn reaches(&self, place: &AccountRegion) -> ServiceResult<()> {
        let Some(own) = self.file.account.as_ref().filter(|own| **own != place.account) else {
            return Ok(());
        };
        let why = format!("account {} cannot be asked from account {own}", place.account);
        let is_alone = self.file.accounts.is_empty();
        Err(if is_alone { ServiceError::invalid(why) } else { self.unreachable(place, RoleRefusal::Missing) })
    }

    fn unreachable(&self, place: &AccountRegion, why: RoleRefusal) -> ServiceError {
        let role = self.file.organization().map(|of| of.role_in(place)).unwrap_or_default();
        ServiceError::unreachable(&role, why)
    }

    fn count_at(&mut self, place: &AccountRegion) {
        match self.answered.get_mut(place) {
            Some(count) => *count += 1,
            None => drop(self.answered.insert(place.clone(), 1)),
        }
    }

    fn change_member(&mut self, account: &AccountId, change: impl FnOnce(&mut MemberAccount)) {
        if let Some(member) = self.members.get_mut(account) {
            change(member);
        }
    }

    /// Exchanges the present account's facts with those of a member. A second exchange ends the visit.
    fn swap_with(&mut self, account: &AccountId) {
        let Some(member) = self.members.get_mut(account) else { return };
        swap(&mut self.file, &mut member.file);
        swap(&mut self.feed, &mut member.feed);
        swap(&mut self.requests, &mut member.requests);
        swap(&mut self.listings, &mut member.listings);
        swap(&mut self.queries, &mut member.queries);
    }
}

impl Sandbox {
    /// How many calls each account and Region has answered. A call that was refused because the account cannot be entered
    /// is not among them.
    pub fn answered(&self) -> BTreeMap<AccountRegion, u32> {
        self.state.borrow().answered.clone()
    }

    /// Sets what STS answers for a member from now on.
    pub fn set_role(&self, account: &AccountId, role: RoleWord) {
        self.state.borrow_mut().change_member(account, |member| member.role = role);
    }

    /// Makes a member switch an opt-in Region off.
    pub fn switch_off(&self, account: &AccountId, region: &Region) {
        self.state.borrow_mut().change_member(account, |member| member.regions_off.push(region.clone()));
    }

    /// Makes a member's services refuse every call from now on, without effect.
    pub fn refuse_in(&self, account: &AccountId, kind: FaultKind) {
        self.state.borrow_mut().change_member(account, |member| member.refuses = Some(kind));
    }

    /// Makes a member answer every call again.
    pub fn mend_member(&self, account: &AccountId) {
        self.state.borrow_mut().change_member(account, |member| {
            member.role = RoleWord::Assumable;
            member.regions_off.clear();
            member.refuses = None;
        });
    }

    /// Looks at a member account, or changes it, with the methods that otherwise work on the function's own.
    pub fn in_member<T>(&self, account: &AccountId, work: impl FnOnce(&Self) -> T) -> T {
        self.state.borrow_mut().swap_with(account);
        let done = work(self);
        self.state.borrow_mut().swap_with(account);
        done
    }
}
