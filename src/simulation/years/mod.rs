//! Account-years: the function with AWS's decisions, people and attackers for 365 days, and the results.
//!
//! The real handler and the real sweep run in the sandbox. Every minute of the year is simulated: services call, their
//! model's quotas admit, CloudWatch and CloudTrail show it minutes late, alarms and errors are delivered. AWS decides
//! requests by manner, ceiling and history; people act two working days after a notice, or never. Three simple
//! policies run the same year for comparison. Invariant: The same seed gives the same year, figure for figure.
//!
//! # How days pass
//!
//! The world moves in steps of five minutes. The function ticks when something in its ledger is due, and once an hour.
//! Ticks between them would find nothing to do, but their AWS calls and ledger writes are added to the figures.
//! [`Setting::every_tick`] runs all 105,120 ticks instead.
//!
//! # What the figures mean
//!
//! *True demand* is what legitimate callers demanded, admitted or not. A request is *right* if 1.5 times the busiest
//! legitimate minute of the two weeks before and after it exceeds the applied value, and the request is for at most
//! three times that minute. A request that is not right is *for attackers* or *for loops* if such demand occurred
//! within the two weeks before it, else *needless*. It is *in vain* if AWS closes it without a change. It asks for the
//! *same value again* if a request for the quota asked for as much within 30 days before. It is *beyond the ceiling* if
//! AWS had already closed two requests above its hidden ceiling. *Amplification* is what abusive demand was served,
//! divided by what the first day's quota would have served of it.
//!
//! A *throttled day* is a quota on a day with ten minutes or more in which over 2 % of the calls were refused; days
//! with abuse are counted separately. It is *avoidable* if the sensible operator has none on that day. It is *idle* if
//! legitimate demand alone exceeded the quota, AWS would grant a request, and none was open that day. A need is
//! *served* when such days end for three days or more.
//!
//! A notice *repeats* if a notice of the same incident had the same cause, severity, caller, withheld reasons and
//! actions within the seven days before, or if it is a reminder after the eighth of its episode; news of how a request
//! ended never does. *Silence* lasts from the first failed call, or the last notice about that model, to the last
//! failed call of a series without a pause of a day. An attack is *warned of* when a notice about its model withholds a
//! request for an unusual caller; hours count from the minute in which the attack first fills the quota or demands five
//! times what any of the 14 days before did.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "minutes, calls and tokens of a year are far below 2^53"
)]

mod setting;
mod abuse;
mod account;
mod daily;
mod demand;
mod events;
mod figures;
mod people;
mod pool;
mod requests;
mod reviewer;
mod run;
mod sight;
mod telling;

use crate::simulation::years::account::YearAccount;
pub use crate::simulation::years::figures::{Figures, Means};
use crate::simulation::years::run::YearLife;
pub use crate::simulation::years::setting::{Family, Mail, Policy, Setting};

/// One account-year of one policy.
#[derive(Clone, Debug)]
pub struct LivedYear {
    /// The family.
    pub family: Family,
    /// Index of the year in the family, from 0.
    pub year: u64,
    /// The policy.
    pub policy: Policy,
    /// Its figures.
    pub figures: Figures,
}

/// All notices of the `year`th account-year of `family` under `policy`, in order.
pub fn mails(setting: &Setting, family: Family, year: u64, policy: Policy) -> Vec<Mail> {
    let setting = Setting { keeps_mails: true, ..setting.clone() };
    YearLife::new(&setting, &YearAccount::of(family, setting.seed, year), year, policy).mails()
}

/// Simulates the `year`th account-year of `family` under each of `policies`, in their order.
pub fn live(setting: &Setting, family: Family, year: u64, policies: &[Policy]) -> Vec<LivedYear> {
    let account = YearAccount::of(family, setting.seed, year);
    let of = |policy| YearLife::new(setting, &account, year, policy).live();
    let (of_operator, unavoidable) = of(Policy::Operator);
    let lived = policies.iter().map(|policy| {
        let (mut figures, throttled) = match policy {
            Policy::Operator => (of_operator.clone(), unavoidable.clone()),
            other => of(*other),
        };
        let avoidable = throttled.difference(&unavoidable).count();
        figures.avoidable_days = u32::try_from(avoidable).unwrap_or(u32::MAX);
        LivedYear { family, year, policy: *policy, figures }
    });
    lived.collect()
}
