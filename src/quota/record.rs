//! What the ledger remembers about a quota: our requests, AWS's refusals and raises, and people's decisions.
//!
//! Invariant: What is remembered only makes the function request less, or later, than it otherwise would. A person's
//! approval is the one exception, and it is recorded as such.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::ids::{AccountRegion, IncidentId};
use crate::quota::request::{RequestOutcome, TrackedRequest};
use crate::time::after;
use crate::wire_enum::wire_enum;

/// How long a refused value is not requested again. Each further refusal doubles the time.
const REFUSED: SignedDuration = SignedDuration::from_hours(30 * 24);
/// The same time where AWS seems to hold the quota below a ceiling.
const CEILING: SignedDuration = SignedDuration::from_hours(90 * 24);
/// Values that differ by less than this share are the same to whoever decides on the request.
const SAME: f64 = 0.05;
/// Demand this many times as high is new evidence ...
const MORE: f64 = 1.1;
/// ... and so are this many more days on which the quota was full.
const MORE_DAYS: u32 = 5;
/// If AWS refuses at most this many times the applied value, there is no smaller step left to try.
const NARROW: f64 = 1.25;
/// The periods over which growth is limited.
const SHORT: SignedDuration = SignedDuration::from_hours(14 * 24);
const LONG: SignedDuration = SignedDuration::from_hours(90 * 24);
/// How many refusals and raises are kept. The oldest are dropped.
const KEPT: usize = 24;

/// What the ledger knows about a quota.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QuotaRecord {
    /// Our most recently reserved request; `None` if there is none.
    pub last: Option<LastRequest>,
    /// Refused values, oldest first.
    pub refused: Vec<Refusal>,
    /// Raises that AWS made at our request, oldest first.
    pub raises: Vec<Raise>,
    /// Why no request is filed until a person has looked; `None` if nothing is suspected.
    pub suspicion: Option<Suspicion>,
    /// The demand that a person approved last; `None` if nobody did.
    pub approved: Option<Approval>,
}

/// The most recently reserved request for a quota.
#[derive(Clone, Debug, PartialEq)]
pub struct LastRequest {
    /// The incident that follows the request; `None` if an earlier version reserved it, or if it is not ours.
    pub incident: Option<IncidentId>,
    /// The desired value.
    pub desired: f64,
    /// When the request was about to be filed.
    pub intended: Timestamp,
    /// How it ended; `None` while it is open.
    pub outcome: Option<RequestOutcome>,
    /// No other request is filed before this time.
    pub cool_down_until: Timestamp,
    /// The evidence for the request; `None` if an earlier version reserved it, or if it is not ours.
    pub need: Option<Need>,
}

/// The evidence that justifies a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Need {
    /// The demand per minute, or per day for a daily quota, in the quota's unit.
    pub demand: f64,
    /// The number of days among the last 14 on which the quota was full.
    pub full_days: u32,
    /// Whether a person approved it.
    pub is_approved: bool,
}

impl Need {
    /// Whether this is evidence that AWS did not have when it refused.
    fn is_more_than(&self, refused: &Refusal) -> bool {
        // Without evidence on record, the desired value shows what the demand was.
        let before = refused.need.map_or(refused.desired / 1.5, |need| need.demand);
        let is_longer = |need: Need| self.full_days >= need.full_days.saturating_add(MORE_DAYS);
        self.demand >= MORE * before || refused.need.is_some_and(is_longer)
    }
}

/// A value that AWS refused.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refusal {
    /// The desired value.
    pub desired: f64,
    /// When it was requested.
    pub asked: Timestamp,
    /// When the refusal became known.
    pub ended: Timestamp,
    /// The evidence for the request; `None` if unknown.
    pub need: Option<Need>,
}

/// A raise that AWS made at our request.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Raise {
    /// When it was requested.
    pub asked: Timestamp,
    /// The desired value.
    pub desired: f64,
    /// When the new value was first seen.
    pub at: Timestamp,
    /// The applied value before.
    pub from: f64,
    /// The applied value after, at most the desired value.
    pub to: f64,
    /// The evidence for the request; `None` if unknown.
    pub need: Option<Need>,
}

wire_enum! {
    /// A reason why a person must look before more is requested.
    pub enum Suspect {
        /// Use jumped within a day.
        Jump = "jump",
        /// Use grows faster from week to week than a service's does.
        Ramp = "ramp",
        /// A model that was hardly ever used fills its quota.
        NewModel = "new-model",
        /// The calls come from callers that were never seen before.
        Stranger = "stranger",
        /// The account's root user makes calls.
        Root = "root",
        /// Demand grows after each raise.
        Loop = "loop",
    }
}

/// Why no request for a quota is filed until a person has looked.
#[derive(Clone, Debug, PartialEq)]
pub struct Suspicion {
    /// The kind of suspicion.
    pub kind: Suspect,
    /// When it was first suspected.
    pub since: Timestamp,
    /// The measurements, for a person.
    pub why: String,
}

/// Demand that a person approved as legitimate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Approval {
    /// When it was approved.
    pub at: Timestamp,
    /// Requests per minute.
    pub requests: f64,
    /// Quota tokens per minute.
    pub tokens: f64,
}

/// A note on a quota that is not a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Remember {
    /// Something is suspected, so nothing is filed until a person has looked. An earlier suspicion is kept.
    Suspect(Suspicion),
    /// A person approved the demand. The suspicion ends.
    Approve(Approval),
    /// A person closed the incident. The suspicion ends, and nothing is approved.
    Forget,
}

/// How far our own requests may raise a quota, as a multiple of its value at the beginning of the period.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GrowthBudget {
    /// Within 14 days.
    pub in_14_days: f64,
    /// Within 90 days.
    pub in_90_days: f64,
}

/// The highest value to which our own requests may raise a quota.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GrowthLimit {
    /// The highest value.
    pub most: f64,
    /// The length of the period, in days.
    pub days: u32,
    /// The value at the beginning of the period, or a later one that others raised it to or a person approved.
    pub base: f64,
    /// The factor: `most` is `base` times this, rounded down.
    pub times: f64,
}

impl QuotaRecord {
    /// Whether `intent` may be reserved at `now`: `None` if it may, otherwise the reason why not.
    pub fn weigh(&self, intent: &Intent, now: Timestamp) -> Option<Reserved> {
        if let Some(last) = self.last.as_ref().filter(|last| last.cool_down_until > now) {
            return Some(Reserved::CoolingDown(last.clone()));
        }
        if intent.need.is_approved {
            return None;
        }
        if let Some(suspicion) = &self.suspicion {
            return Some(Reserved::Suspected(suspicion.clone()));
        }
        let (applied, desired) = (intent.followed.value_before, intent.followed.desired);
        if let Some(refused) = self.blocking(applied, desired, &intent.need, now) {
            return Some(Reserved::ClosedUnchanged(*refused));
        }
        let allowed = self.allowed(intent.floor, &intent.budget, now);
        (desired > allowed.most).then_some(Reserved::BeyondBudget(allowed))
    }

    /// The smallest refusal above `applied` that blocks a request for `desired`; `None` if there is none. A refusal
    /// blocks requests for its value or more until enough time has passed and there is evidence that AWS did not have
    /// then.
    pub fn blocking(&self, applied: f64, desired: f64, need: &Need, now: Timestamp) -> Option<&Refusal> {
        let has_ceiling = self.ceiling(applied).is_some();
        let stands = |refused: &&Refusal| {
            let is_no_larger = refused.desired <= desired || is_same(refused.desired, desired);
            refused.desired > applied && is_no_larger && !self.is_over(refused, has_ceiling, need, now)
        };
        self.refused.iter().filter(stands).min_by(|a, b| a.desired.total_cmp(&b.desired))
    }

    /// Whether the refused value may be requested again.
    fn is_over(&self, refused: &Refusal, has_ceiling: bool, need: &Need, now: Timestamp) -> bool {
        let same = self.refused.iter().filter(|other| is_same(other.desired, refused.desired));
        let (mut times, mut last) = (0u32, refused);
        for other in same {
            times += 1;
            if other.ended > last.ended {
                last = other;
            }
        }
        let first = if has_ceiling { CEILING } else { REFUSED };
        let wait = first.saturating_mul(1 << times.saturating_sub(1).min(6));
        after(last.ended, wait) <= now && need.is_more_than(last)
    }

    /// The ceiling below which AWS seems to hold the quota; `None` if none is known. It is known once AWS refused two
    /// requests above `applied`, one of them for little more than `applied`.
    pub fn ceiling(&self, applied: f64) -> Option<f64> {
        let above: Vec<f64> = self.refused.iter().map(|r| r.desired).filter(|v| *v > applied).collect();
        let lowest = above.iter().copied().min_by(f64::total_cmp)?;
        (above.len() >= 2 && lowest <= applied * NARROW).then_some(lowest)
    }

    /// Whether the same value was requested within 30 days and granted in part.
    pub fn was_granted_in_part(&self, desired: f64, now: Timestamp) -> bool {
        let is_it =
            |r: &Raise| r.to < r.desired && is_same(r.desired, desired) && after(r.asked, REFUSED) > now;
        self.raises.iter().any(is_it)
    }

    /// How far our own requests may raise the quota. `floor` is the value that requests are validated against: the
    /// applied value, or AWS's default if that is larger. A value raised by others, or with a person's approval, is a
    /// new base.
    pub fn allowed(&self, floor: f64, budget: &GrowthBudget, now: Timestamp) -> GrowthLimit {
        let within = |time: SignedDuration, days: u32, times: f64| {
            let base = self.value_before(floor, now.saturating_sub(time).unwrap_or(Timestamp::MIN));
            GrowthLimit { most: (base * times).floor(), days, base, times }
        };
        let short = within(SHORT, 14, budget.in_14_days);
        let long = within(LONG, 90, budget.in_90_days);
        if long.most < short.most { long } else { short }
    }

    /// The quota's value at `since`, without the raises that we requested since then.
    fn value_before(&self, applied: f64, since: Timestamp) -> f64 {
        let mut value = applied;
        for raise in self.raises.iter().rev() {
            // Somebody else raised it after this raise, or a person approved this raise.
            let is_of_others = value > raise.to && !is_same(value, raise.to);
            if is_of_others || raise.at < since || raise.need.is_some_and(|need| need.is_approved) {
                break;
            }
            value = value.min(raise.from);
        }
        value
    }

    /// The median time AWS took to decide the remembered requests; `None` if there are none.
    pub fn answer_time(&self) -> Option<SignedDuration> {
        let raised = self.raises.iter().map(|r| r.at.duration_since(r.asked));
        let mut times: Vec<SignedDuration> =
            raised.chain(self.refused.iter().map(|r| r.ended.duration_since(r.asked))).collect();
        times.sort_unstable();
        times.get(times.len() / 2).copied()
    }

    /// Records that `incident` reserved a request.
    pub(crate) fn reserved(&mut self, incident: &IncidentId, intent: &Intent) {
        self.last = Some(LastRequest {
            incident: Some(incident.clone()),
            desired: intent.followed.desired,
            intended: intent.followed.intended,
            outcome: None,
            cool_down_until: intent.cool_down_until,
            need: Some(intent.need),
        });
    }

    /// Records that the reserved request was not filed.
    pub(crate) fn not_filed(&mut self) {
        self.last = None;
    }

    /// Records how a request ended. A request that somebody else filed is not counted as our raise.
    pub(crate) fn ended(&mut self, ended: &EndedRequest) {
        let EndedRequest { followed, outcome, value, at, .. } = ended;
        let is_it =
            |last: &&mut LastRequest| last.intended == followed.intended && last.desired == followed.desired;
        let ours = self.last.as_mut().filter(is_it);
        let is_ours = ours.is_some();
        let need = ours.and_then(|last| {
            last.outcome = Some(*outcome);
            last.need
        });
        if self.last.is_none() {
            self.last = Some(LastRequest {
                incident: None,
                desired: followed.desired,
                intended: followed.intended,
                outcome: Some(*outcome),
                cool_down_until: followed.intended,
                need: None,
            });
        }
        let (asked, desired, at) = (followed.intended, followed.desired, *at);
        if outcome.is_refusal() {
            self.refused.push(Refusal { desired, asked, ended: at, need });
        } else if let Some(to) = value.filter(|_| is_ours) {
            // We did not request what lies above the desired value.
            let to = to.min(desired);
            self.raises.push(Raise { asked, desired, at, from: followed.value_before, to, need });
        }
        let too_many = |len: usize| len.saturating_sub(KEPT);
        self.refused.drain(..too_many(self.refused.len()));
        self.raises.drain(..too_many(self.raises.len()));
    }

    /// Records a suspicion or a person's decision.
    pub(crate) fn remember(&mut self, what: &Remember) {
        match what {
            Remember::Suspect(suspicion) => {
                self.suspicion.get_or_insert_with(|| suspicion.clone());
            }
            Remember::Approve(approval) => (self.suspicion, self.approved) = (None, Some(*approval)),
            Remember::Forget => self.suspicion = None,
        }
    }
}

/// Whether two values are the same to whoever decides on the request.
fn is_same(one: f64, other: f64) -> bool {
    (one - other).abs() <= SAME * one.max(other)
}

/// An increase request that is about to be filed.
#[derive(Clone, Debug, PartialEq)]
pub struct Intent {
    /// The account and Region of the quota.
    pub place: AccountRegion,
    /// The request to follow.
    pub followed: TrackedRequest,
    /// No other request for this quota is filed before this time.
    pub cool_down_until: Timestamp,
    /// The daily limit: the most requests in 24 hours for this account and Region, including this one.
    pub most_a_day: u32,
    /// The daily limit of the organization; `None` without an organization.
    pub organization: Option<OrganizationLimit>,
    /// The evidence for the request.
    pub need: Need,
    /// The value that Service Quotas validates the request against.
    pub floor: f64,
    /// How far our own requests may raise the quota.
    pub budget: GrowthBudget,
}

/// The daily limit of all accounts of an organization together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganizationLimit {
    /// The organization's id.
    pub organization: String,
    /// The most requests in 24 hours, including the one that is about to be filed.
    pub most_a_day: u32,
}

/// The period of the daily limits.
pub(crate) const A_DAY: SignedDuration = SignedDuration::from_hours(24);

/// Whether fewer than `most` of the requests filed at the times `filed` lie within 24 hours before `now`.
pub(crate) fn has_room(filed: &[Timestamp], most: u32, now: Timestamp) -> bool {
    let count = filed.iter().filter(|at| after(**at, A_DAY) > now).count();
    u32::try_from(count).is_ok_and(|count| count < most)
}

/// The result of a reservation.
#[derive(Clone, Debug, PartialEq)]
pub enum Reserved {
    /// Reserved: file the request.
    Yes,
    /// Our last request for this quota is too recent.
    CoolingDown(LastRequest),
    /// Nothing is filed for this quota until a person has looked.
    Suspected(Suspicion),
    /// AWS refused this value or a lower one.
    ClosedUnchanged(Refusal),
    /// The value is higher than our own requests may raise the quota to.
    BeyondBudget(GrowthLimit),
    /// The account and Region has used up its requests for 24 hours.
    DailyLimit,
    /// The accounts of the organization have together used up their requests for 24 hours.
    OrganizationLimit,
}

/// How an increase request ended.
#[derive(Clone, Debug, PartialEq)]
pub struct EndedRequest {
    /// The account and Region of the quota.
    pub place: AccountRegion,
    /// The request.
    pub followed: TrackedRequest,
    /// The outcome.
    pub outcome: RequestOutcome,
    /// The applied value now; `None` if this account and Region no longer has the quota.
    pub value: Option<f64>,
    /// When the outcome became known.
    pub at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUDGET: GrowthBudget = GrowthBudget { in_14_days: 2.0, in_90_days: 4.0 };

    fn day(n: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + n * 86_400).unwrap()
    }

    fn need(demand: f64, full_days: u32) -> Need {
        Need { demand, full_days, is_approved: false }
    }

    /// Our raises, each as `(day, from, to)`.
    fn raised(raises: &[(i64, f64, f64)]) -> QuotaRecord {
        let raise = |&(n, from, to): &(i64, f64, f64)| Raise {
            asked: day(n),
            desired: to,
            at: day(n),
            from,
            to,
            need: Some(need(to / 1.5, 1)),
        };
        QuotaRecord { raises: raises.iter().map(raise).collect(), ..QuotaRecord::default() }
    }

    /// Our refused requests, each as `(day, value, demand)`.
    fn refused(refusals: &[(i64, f64, f64)]) -> QuotaRecord {
        let refusal = |&(n, desired, demand): &(i64, f64, f64)| Refusal {
            desired,
            asked: day(n),
            ended: day(n),
            need: Some(need(demand, 1)),
        };
        QuotaRecord { refused: refusals.iter().map(refusal).collect(), ..QuotaRecord::default() }
    }

    #[test]
    fn our_own_raises_are_bounded_within_each_window() {
        for (what, raises, applied, now, most) in [
            ("nothing was raised", &[][..], 100.0, 0, 200.0),
            ("in the window", &[(0, 100.0, 150.0)], 150.0, 5, 200.0),
            ("twice in it", &[(0, 100.0, 150.0), (4, 150.0, 200.0)], 200.0, 8, 200.0),
            ("the first has left it", &[(0, 100.0, 150.0), (4, 150.0, 200.0)], 200.0, 15, 300.0),
            ("all have left it", &[(0, 100.0, 150.0), (4, 150.0, 200.0)], 200.0, 19, 400.0),
            (
                "the long window is full",
                &[(0, 100.0, 200.0), (15, 200.0, 400.0), (30, 400.0, 400.0)],
                400.0,
                60,
                400.0,
            ),
            ("a person raised it since", &[(0, 100.0, 150.0)], 300.0, 5, 600.0),
            ("a person raised it between", &[(0, 100.0, 150.0), (5, 300.0, 450.0)], 450.0, 8, 600.0),
            ("AWS lowered it", &[(0, 100.0, 150.0)], 120.0, 5, 200.0),
        ] {
            let allowed = raised(raises).allowed(applied, &BUDGET, day(now));
            assert_eq!(allowed.most, most, "{what}: {allowed:?}");
        }
        let mut record = raised(&[(0, 100.0, 200.0)]);
        record.raises[0].need = Some(Need { is_approved: true, ..need(130.0, 1) });
        assert_eq!(record.allowed(200.0, &BUDGET, day(1)).most, 400.0, "a person approved it");
    }

    #[test]
    fn as_much_as_was_refused_waits_longer_each_time_and_for_a_greater_need() {
        let once = refused(&[(0, 200.0, 130.0)]);
        let twice = refused(&[(0, 200.0, 130.0), (31, 205.0, 150.0)]);
        let stands = |record: &QuotaRecord, desired, now, demand, full_days| {
            record.blocking(100.0, desired, &need(demand, full_days), day(now)).is_some()
        };
        assert!(!stands(&once, 150.0, 1, 130.0, 1), "less");
        assert!(stands(&once, 195.0, 1, 900.0, 14), "about as much");
        assert!(stands(&once, 250.0, 29, 900.0, 14), "more, too early");
        assert!(stands(&once, 200.0, 31, 130.0, 1), "for the same need");
        assert!(!stands(&once, 200.0, 31, 143.0, 1), "for a greater need");
        assert!(!stands(&once, 200.0, 31, 130.0, 6), "full on more days");
        assert!(stands(&twice, 200.0, 31 + 59, 900.0, 14), "twice as long the second time");
        assert!(!stands(&twice, 200.0, 31 + 60, 165.0, 1));
        assert!(!stands(&refused(&[(0, 100.0, 80.0)]), 120.0, 1, 80.0, 1), "it was raised to that since");
    }

    #[test]
    fn two_refusals_close_above_the_applied_value_are_a_ceiling() {
        assert_eq!(
            refused(&[(0, 200.0, 1.0), (4, 150.0, 1.0)]).ceiling(100.0),
            None,
            "a step is left between"
        );
        assert_eq!(refused(&[(0, 120.0, 1.0)]).ceiling(100.0), None, "once");
        let known = refused(&[(0, 200.0, 130.0), (4, 120.0, 130.0)]);
        assert_eq!(known.ceiling(100.0), Some(120.0));
        assert_eq!(known.ceiling(130.0), None, "it was raised above that");
        assert!(known.blocking(100.0, 120.0, &need(900.0, 14), day(90)).is_some(), "longer than a single no");
    }

    #[test]
    fn what_is_kept_is_bounded_and_the_newest() {
        let mut record = QuotaRecord::default();
        for n in 0..100 {
            record.refused.push(Refusal { desired: 1.0, asked: day(n), ended: day(n), need: None });
        }
        let followed = crate::quota::request::TrackedRequest {
            code: crate::ids::QuotaCode::parse("L-27A15A5E").unwrap(),
            name: String::new(),
            desired: 7.0,
            value_before: 5.0,
            request_id: None,
            intended: day(100),
        };
        let place = crate::ids::AccountRegion {
            account: crate::ids::AccountId::parse("111122223333").unwrap(),
            region: crate::ids::Region::parse("us-east-1").unwrap(),
        };
        let (outcome, value, at) = (RequestOutcome::Denied, Some(5.0), day(101));
        record.ended(&EndedRequest { place, followed, outcome, value, at });
        assert_eq!((record.refused.len(), record.refused.last().map(|r| r.desired)), (KEPT, Some(7.0)));
        assert_eq!(record.answer_time(), Some(SignedDuration::ZERO), "most were known at once");
    }
}
