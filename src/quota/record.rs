//! What the ledger remembers of a quota: the requests of ours, what AWS refused and granted, and what people said.
//!
//! Invariant: what is remembered only ever makes the function ask for less, or later, than it otherwise would. A person's
//! approval is the one exception, and it is written down as such.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::ids::{AccountRegion, IncidentId};
use crate::quota::request::{RequestOutcome, TrackedRequest};
use crate::time::after;
use crate::wire_enum::wire_enum;

/// As much as AWS refused is asked for again after this long, and after twice as long each further time.
const REFUSED: SignedDuration = SignedDuration::from_hours(30 * 24);
/// The same, where AWS is known to hold a ceiling.
const CEILING: SignedDuration = SignedDuration::from_hours(90 * 24);
/// Two values that differ by less than this part are the same request to whoever decides it.
const SAME: f64 = 0.05;
/// Demand that is so many times as high is new evidence ...
const MORE: f64 = 1.1;
/// ... and so are so many more days on which the quota was full.
const MORE_DAYS: u32 = 5;
/// Where AWS refuses a value that is no more than so many times the applied one, no smaller step is left to try.
const NARROW: f64 = 1.25;
/// The times that growth is bounded over.
const SHORT: SignedDuration = SignedDuration::from_hours(14 * 24);
const LONG: SignedDuration = SignedDuration::from_hours(90 * 24);
/// So many refusals and raises are kept, the newest.
const KEPT: usize = 24;

/// What the ledger knows of a quota.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QuotaRecord {
    /// The request of ours that was reserved last; `None` where none was filed.
    pub last: Option<LastRequest>,
    /// What AWS did not grant at all, oldest first.
    pub refused: Vec<Refusal>,
    /// What AWS raised at our request, oldest first.
    pub raises: Vec<Raise>,
    /// Why no request is filed until a person has looked; `None` where nothing is suspected.
    pub suspicion: Option<Suspicion>,
    /// The demand that a person called legitimate last; `None` where nobody did.
    pub approved: Option<Approval>,
}

/// The request for a quota that was reserved last.
#[derive(Clone, Debug, PartialEq)]
pub struct LastRequest {
    /// The incident that follows it; `None` where an earlier version reserved it.
    pub incident: Option<IncidentId>,
    /// The value that was asked for.
    pub desired: f64,
    /// When we meant to file it.
    pub intended: Timestamp,
    /// How it ended; `None` while it is open.
    pub outcome: Option<RequestOutcome>,
    /// Until when no other is filed.
    pub cool_down_until: Timestamp,
    /// What it was justified by; `None` where an earlier version reserved it.
    pub need: Option<Need>,
}

/// What a request is justified by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Need {
    /// What is needed a minute, or a day where the quota is a day's, in the quota's unit.
    pub demand: f64,
    /// On how many of the last 14 days the quota was full.
    pub full_days: u32,
    /// Whether a person approved it.
    pub is_approved: bool,
}

impl Need {
    /// Whether it is evidence that `refused` did not have.
    fn is_more_than(&self, refused: &Refusal) -> bool {
        // Of a request that nobody here made, the value tells what it was asked for.
        let before = refused.need.map_or(refused.desired / 1.5, |need| need.demand);
        let is_longer = |need: Need| self.full_days >= need.full_days.saturating_add(MORE_DAYS);
        self.demand >= MORE * before || refused.need.is_some_and(is_longer)
    }
}

/// A value that AWS did not grant.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refusal {
    /// The value that was asked for.
    pub desired: f64,
    /// When it was asked for.
    pub asked: Timestamp,
    /// When that was known.
    pub ended: Timestamp,
    /// What it was justified by; `None` where that is not known.
    pub need: Option<Need>,
}

/// A raise that AWS made at our request.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Raise {
    /// When it was asked for.
    pub asked: Timestamp,
    /// The value that was asked for.
    pub desired: f64,
    /// When it was first seen to have taken effect.
    pub at: Timestamp,
    /// The value before.
    pub from: f64,
    /// The value after, at most what was asked for.
    pub to: f64,
    /// What it was justified by; `None` where that is not known.
    pub need: Option<Need>,
}

wire_enum! {
    /// What makes a person look before more is asked for.
    pub enum Suspect {
        /// Use jumped within a day.
        Jump = "jump",
        /// Use grows faster each week than a service does.
        Ramp = "ramp",
        /// A model that was hardly or never used fills its quota.
        NewModel = "new-model",
        /// Callers that were never seen before make the calls.
        Stranger = "stranger",
        /// The account's root user calls.
        Root = "root",
        /// Demand follows each raise.
        Loop = "loop",
    }
}

/// Why no request for a quota is filed until a person has looked.
#[derive(Clone, Debug, PartialEq)]
pub struct Suspicion {
    /// What is suspected.
    pub kind: Suspect,
    /// Since when.
    pub since: Timestamp,
    /// What was measured, for a person.
    pub why: String,
}

/// Demand that a person called legitimate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Approval {
    /// When.
    pub at: Timestamp,
    /// Requests a minute.
    pub requests: f64,
    /// Quota tokens a minute.
    pub tokens: f64,
}

/// What is written down of a quota beside requests.
#[derive(Clone, Debug, PartialEq)]
pub enum Remember {
    /// Nothing is filed until a person has looked. The first suspicion stays.
    Suspect(Suspicion),
    /// A person called the demand legitimate: nothing is suspected any more.
    Approve(Approval),
    /// A person closed the incident: nothing is suspected any more, and nothing is approved.
    Forget,
}

/// How much a quota may grow at our own requests, as a multiple of its value at the beginning of that time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GrowthBudget {
    /// Within 14 days.
    pub in_14_days: f64,
    /// Within 90 days.
    pub in_90_days: f64,
}

/// The most that our own requests may raise a quota to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GrowthLimit {
    /// The value.
    pub most: f64,
    /// So many days are looked back over.
    pub days: u32,
    /// The value at their beginning, or what a person or AWS raised it to since.
    pub base: f64,
    /// How many times that is the most.
    pub times: f64,
}

impl QuotaRecord {
    /// Whether `intent` may follow it at `now`; else what came of the reservation.
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

    /// The smallest refused value above `applied` that stands in the way of asking for `desired`: it is no larger, too
    /// little time has passed since, or nothing is known that AWS did not know then. `None` where nothing does.
    pub fn blocking(&self, applied: f64, desired: f64, need: &Need, now: Timestamp) -> Option<&Refusal> {
        let has_ceiling = self.ceiling(applied).is_some();
        let stands = |refused: &&Refusal| {
            let is_no_larger = refused.desired <= desired || is_same(refused.desired, desired);
            refused.desired > applied && is_no_larger && !self.is_over(refused, has_ceiling, need, now)
        };
        self.refused.iter().filter(stands).min_by(|a, b| a.desired.total_cmp(&b.desired))
    }

    /// Whether as much as `refused` may be asked for again.
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

    /// The value that AWS seems to hold the quota below: it refused two requests above `applied`, one of them for
    /// little more. `None` where that is not known.
    pub fn ceiling(&self, applied: f64) -> Option<f64> {
        let above: Vec<f64> = self.refused.iter().map(|r| r.desired).filter(|v| *v > applied).collect();
        let lowest = above.iter().copied().min_by(f64::total_cmp)?;
        (above.len() >= 2 && lowest <= applied * NARROW).then_some(lowest)
    }

    /// Whether the same value was asked for within 30 days, and granted in part.
    pub fn was_granted_in_part(&self, desired: f64, now: Timestamp) -> bool {
        let is_it =
            |r: &Raise| r.to < r.desired && is_same(r.desired, desired) && after(r.asked, REFUSED) > now;
        self.raises.iter().any(is_it)
    }

    /// How far our own requests may raise the quota, of which `floor` is the value that requests are validated against:
    /// the applied one, or AWS's default if that is larger. What a person or AWS raised begins anew.
    pub fn allowed(&self, floor: f64, budget: &GrowthBudget, now: Timestamp) -> GrowthLimit {
        let within = |time: SignedDuration, days: u32, times: f64| {
            let base = self.value_before(floor, now.saturating_sub(time).unwrap_or(Timestamp::MIN));
            GrowthLimit { most: (base * times).floor(), days, base, times }
        };
        let short = within(SHORT, 14, budget.in_14_days);
        let long = within(LONG, 90, budget.in_90_days);
        if long.most < short.most { long } else { short }
    }

    /// What the quota was at `since`, as far as it was raised by us since then.
    fn value_before(&self, applied: f64, since: Timestamp) -> f64 {
        let mut value = applied;
        for raise in self.raises.iter().rev() {
            // Somebody else raised it after that, or a person approved it.
            let is_of_others = value > raise.to && !is_same(value, raise.to);
            if is_of_others || raise.at < since || raise.need.is_some_and(|need| need.is_approved) {
                break;
            }
            value = value.min(raise.from);
        }
        value
    }

    /// How long AWS took to decide the requests that are remembered: the median; `None` where there was none.
    pub fn answer_time(&self) -> Option<SignedDuration> {
        let raised = self.raises.iter().map(|r| r.at.duration_since(r.asked));
        let mut times: Vec<SignedDuration> =
            raised.chain(self.refused.iter().map(|r| r.ended.duration_since(r.asked))).collect();
        times.sort_unstable();
        times.get(times.len() / 2).copied()
    }

    /// Records that a request was reserved for `incident`.
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

    /// Records that what was reserved last was not filed.
    pub(crate) fn not_filed(&mut self) {
        self.last = None;
    }

    /// Records how a request ended. One that somebody else filed is no raise of ours.
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
            // What lies above it is not of our asking.
            let to = to.min(desired);
            self.raises.push(Raise { asked, desired, at, from: followed.value_before, to, need });
        }
        let too_many = |len: usize| len.saturating_sub(KEPT);
        self.refused.drain(..too_many(self.refused.len()));
        self.raises.drain(..too_many(self.raises.len()));
    }

    /// Records what was found or said.
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

/// Whether two values are the same to whoever decides on them.
fn is_same(one: f64, other: f64) -> bool {
    (one - other).abs() <= SAME * one.max(other)
}

/// An increase that is about to be filed.
#[derive(Clone, Debug, PartialEq)]
pub struct Intent {
    /// Whose quota.
    pub place: AccountRegion,
    /// What will be followed.
    pub followed: TrackedRequest,
    /// From when on another request for this quota may be filed.
    pub cool_down_until: Timestamp,
    /// The breaker: with this one at most so many requests of this account and Region in 24 hours.
    pub most_a_day: u32,
    /// What it is justified by.
    pub need: Need,
    /// The value that requests are validated against.
    pub floor: f64,
    /// How far our own requests may raise the quota.
    pub budget: GrowthBudget,
}

/// The breaker counts the requests of so long.
pub(crate) const A_DAY: SignedDuration = SignedDuration::from_hours(24);

/// Whether another request may follow those of the times `filed` at `now`, of `most` in any 24 hours.
pub(crate) fn has_room(filed: &[Timestamp], most: u32, now: Timestamp) -> bool {
    let count = filed.iter().filter(|at| after(**at, A_DAY) > now).count();
    u32::try_from(count).is_ok_and(|count| count < most)
}

/// What came of a reservation.
#[derive(Clone, Debug, PartialEq)]
pub enum Reserved {
    /// File it.
    Yes,
    /// Another request of ours for this quota is too recent.
    CoolingDown(LastRequest),
    /// Nothing is filed for this quota until a person has looked.
    Suspected(Suspicion),
    /// AWS did not grant this much, or less.
    ClosedUnchanged(Refusal),
    /// It is more than our own requests may raise the quota to.
    BeyondBudget(GrowthLimit),
    /// The requests of 24 hours are used up.
    DailyLimit,
}

/// The end of an increase request.
#[derive(Clone, Debug, PartialEq)]
pub struct EndedRequest {
    /// Whose quota.
    pub place: AccountRegion,
    /// The request.
    pub followed: TrackedRequest,
    /// How.
    pub outcome: RequestOutcome,
    /// The value that holds now; `None` where this account and Region have no such quota any more.
    pub value: Option<f64>,
    /// When that was known.
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

    /// Raises of ours, each `(day, from, to)`.
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

    /// Refusals of ours, each `(day, value, demand)`.
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
