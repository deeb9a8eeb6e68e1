//! Detects unusual usage of a quota, so that a person looks before an increase is requested.
//!
//! Invariant: Pure, and based on measured usage only. Refused calls cost their caller nothing, so they count at most as
//! often as admitted calls, except while a quota is full. Once a person approved the demand, later demand is compared
//! with the approved value, and earlier measurements no longer count.

use jiff::{SignedDuration, Timestamp};

use crate::quota::Limit;
use crate::quota::record::{Approval, Raise, Suspect};
use crate::usage::{FULL, Five, Usage};

/// Days of usage compared, each 24 hours counted back from now.
const DAYS: usize = 14;
/// A day is compared with the days before it if there are at least this many.
const DAYS_BEFORE: usize = 5;
/// A jump: the busiest five minutes of a day ask for this many times the peak of any day before.
const JUMP: f64 = 5.0;
/// A ramp: a week asks for this many times the week before ...
const RAMP: f64 = 1.6;
/// ... and its busiest five minutes for this many times as well. A week after a holiday is not a ramp.
const HIGHER: f64 = 1.2;
/// Below this many calls a minute in the busiest five minutes, a model is hardly used.
const HARDLY: f64 = 1.0;
/// A hardly used model counts as new only once it is called at least this many times a minute.
const IN_USE: f64 = 2.0;
/// Floor for the week before: this many minutes a day of hardly any use.
const MINUTES_A_DAY: f64 = 60.0;
/// Demand up to this many times the approved value is covered by the approval.
const COVERED: f64 = 1.25;
/// A loop: demand after a raise is this many times the demand before it ...
const FOLLOWS: f64 = 1.25;
/// ... and fills this share of the raised value within [`A_DAY`].
const REFILLED: f64 = 0.85;
const A_DAY: SignedDuration = SignedDuration::from_hours(24);
/// Demand after a raise is compared with this period before it, so that a Monday is compared with a Monday.
const BEFORE_RAISE: SignedDuration = SignedDuration::from_hours(7 * 24);
/// As a rule, a raise takes effect at most this long before it is noticed.
const SEEN_LATE: SignedDuration = SignedDuration::from_hours(1);

const DAY: i64 = 86_400;

/// A quota that the usage counts against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WatchedQuota<'a> {
    /// What the quota limits.
    pub(crate) limit: Limit,
    /// The applied value; `None` if unknown.
    pub(crate) applied: Option<f64>,
    /// Raises by our own requests, oldest first.
    pub(crate) raises: &'a [Raise],
}

/// Something unusual.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Unusual {
    /// The kind of suspicion.
    pub(crate) kind: Suspect,
    /// What was measured: the start of a sentence, without a full stop.
    pub(crate) why: String,
}

/// The unit that demand is compared in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DemandUnit {
    Requests,
    Tokens,
}

impl DemandUnit {
    const ALL: [Self; 2] = [Self::Requests, Self::Tokens];

    const fn of(limit: Limit) -> Self {
        match limit {
            Limit::RequestsPerMinute => Self::Requests,
            _ => Self::Tokens,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Requests => "calls",
            Self::Tokens => "tokens",
        }
    }

    fn admitted(self, five: &Five) -> f64 {
        match self {
            Self::Requests => five.requests,
            Self::Tokens => five.tokens,
        }
    }

    const fn approved(self, approval: &Approval) -> f64 {
        match self {
            Self::Requests => approval.requests,
            Self::Tokens => approval.tokens,
        }
    }
}

/// Usage, and the quotas that it counts against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured<'a> {
    /// Usage by every model that shares the quotas.
    pub(crate) usage: &'a Usage,
    /// The quotas, as far as known.
    pub(crate) quotas: &'a [WatchedQuota<'a>],
}

impl Measured<'_> {
    /// Demand in the busiest five minutes of all days: what a person approves at `now`.
    pub(crate) fn demand(&self, now: Timestamp) -> Approval {
        let busiest =
            |unit: DemandUnit| self.usage.fives.iter().map(|five| self.asked(unit, five)).fold(0.0, f64::max);
        Approval { at: now, requests: busiest(DemandUnit::Requests), tokens: busiest(DemandUnit::Tokens) }
    }

    /// Whether `approval` covers all demand since it was given.
    pub(crate) fn is_covered_by(&self, approval: &Approval) -> bool {
        let since = approval.at.as_second();
        let later = || self.usage.fives.iter().filter(|five| five.at >= since);
        DemandUnit::ALL.into_iter().all(|unit| {
            let most = COVERED * unit.approved(approval).max(HARDLY * self.one(unit));
            later().all(|five| self.asked(unit, five) <= most)
        })
    }

    /// What is unusual at `now`, given the last approval.
    pub(crate) fn unusual(&self, approved: Option<&Approval>, now: Timestamp) -> Option<Unusual> {
        if approved.is_some_and(|approved| self.is_covered_by(approved)) {
            return None;
        }
        // If nothing was ever admitted, the tokens of a call are unknown.
        let units = || DemandUnit::ALL.into_iter().filter(|unit| self.one(*unit) > 0.0);
        let courses = || units().map(|unit| DemandCourse::of(self, unit, approved, now));
        courses()
            .find_map(|course| course.jump())
            .or_else(|| self.new_model(approved, now))
            .or_else(|| courses().find_map(|course| course.ramp()))
            .or_else(|| self.quotas.iter().find_map(|quota| self.follows(quota, now)))
    }

    /// The size of one call, in `unit`.
    fn one(&self, unit: DemandUnit) -> f64 {
        match unit {
            DemandUnit::Requests => 1.0,
            DemandUnit::Tokens => self.usage.average_tokens(),
        }
    }

    /// Whether a quota was full, judged by its present value. `true` if no value is known.
    fn is_full(&self, five: &Five) -> bool {
        let mut known = self
            .quotas
            .iter()
            .filter_map(|quota| Some((DemandUnit::of(quota.limit), quota.applied?)))
            .peekable();
        known.peek().is_none() || known.any(|(unit, applied)| unit.admitted(five) > FULL * applied)
    }

    /// Demand per minute.
    fn asked(&self, unit: DemandUnit, five: &Five) -> f64 {
        if self.is_full(five) { self.without_repetitions(unit, five) } else { self.steady(unit, five) }
    }

    fn without_repetitions(&self, unit: DemandUnit, five: &Five) -> f64 {
        unit.admitted(five) + (five.asked() - five.requests) * self.one(unit)
    }

    /// Demand in which refused calls count at most as often as admitted ones, so that a retry storm does not inflate a
    /// week.
    fn steady(&self, unit: DemandUnit, five: &Five) -> f64 {
        unit.admitted(five) + five.throttles.min(five.requests) * self.one(unit)
    }

    /// Demand per minute if each refused call was a request of its own: all visible demand.
    fn visible(&self, unit: DemandUnit, five: &Five) -> f64 {
        unit.admitted(five) + five.throttles * self.one(unit)
    }
}

/// Demand per day, in one unit.
struct DemandCourse {
    unit: DemandUnit,
    /// The busiest five minutes of each day, indexed by days ago; 0 for a day without demand.
    peaks: [f64; DAYS],
    /// Total demand of the last seven days, and of the days that count among the seven before.
    weeks: [f64; 2],
    /// How many of those seven days before count, from 0 to 7: those since the first use and since the approval.
    days_before: f64,
    /// Highest demand per minute in the last seven days, and in the seven days before.
    highest: [f64; 2],
    /// The level of hardly any use, or the approved demand if that is higher.
    level: f64,
    is_approved: bool,
    /// Floor for a day's demand.
    least: f64,
    now: Timestamp,
}

impl DemandCourse {
    fn of(measured: &Measured<'_>, unit: DemandUnit, approved: Option<&Approval>, now: Timestamp) -> Self {
        let usage = measured.usage;
        let hardly = HARDLY * measured.one(unit);
        let mut course = Self {
            unit,
            peaks: [0.0; DAYS],
            weeks: [0.0; 2],
            days_before: 0.0,
            highest: [0.0; 2],
            level: approved.map_or(hardly, |approved| unit.approved(approved).max(hardly)),
            is_approved: approved.is_some(),
            least: MINUTES_A_DAY * hardly,
            now,
        };
        let since = approved.map_or(i64::MIN, |approved| approved.at.as_second());
        for five in usage.fives.iter().filter(|five| five.at >= since) {
            let age = (now.as_second() - five.at).max(1) - 1;
            let Ok(ago) = usize::try_from(age / DAY) else { continue };
            let Some(peak) = course.peaks.get_mut(ago) else { continue };
            let asked = measured.asked(unit, five);
            *peak = peak.max(asked);
            let is_before = ago >= DAYS / 2;
            // For the week before, count all visible demand: it is not new once it is admitted.
            let counted = if is_before { measured.visible(unit, five) } else { measured.steady(unit, five) };
            let (Some(week), Some(highest)) = (
                course.weeks.get_mut(usize::from(is_before)),
                course.highest.get_mut(usize::from(is_before)),
            ) else {
                continue;
            };
            *week += counted * 5.0;
            *highest = highest.max(if is_before { counted } else { asked });
        }
        let first = usage.first_use.map_or(i64::MAX, Timestamp::as_second).max(since);
        // No count of days comes near 2^53.
        #[allow(clippy::cast_precision_loss)]
        let days = (now.as_second().saturating_sub(first)).max(0) as f64 / DAY as f64;
        course.days_before = (days - 7.0).clamp(0.0, 7.0);
        course
    }

    /// Finds a day with much more demand than any day before it. A day without use has no demand.
    fn jump(&self) -> Option<Unusual> {
        let before = |ago: usize| self.peaks.iter().skip(ago + 1).copied().fold(0.0, f64::max);
        let has_history = |ago: usize| self.is_approved || DAYS - 1 - ago >= DAYS_BEFORE;
        let is_jump = |ago: usize, peak: f64| has_history(ago) && peak >= JUMP * before(ago).max(self.level);
        // The earliest such day is when it began.
        let (ago, peak) =
            self.peaks.iter().copied().enumerate().rev().find(|(ago, peak)| is_jump(*ago, *peak))?;
        let (unit, most) = (self.unit.name(), before(ago));
        let day = self.day(ago);
        let asked = format!(
            "the busiest five minutes of the 24 hours to {day} asked for {} {unit} a minute",
            number(peak)
        );
        if self.is_approved && most < self.level {
            let why = format!(
                "{asked}, {} times the {} that were approved",
                times(peak / self.level),
                number(self.level)
            );
            return Some(Unusual { kind: Suspect::Jump, why });
        }
        if most < self.level {
            let why = format!(
                "{asked}, where the days before asked for less than {} a minute",
                number(self.level.ceil())
            );
            return Some(Unusual { kind: Suspect::NewModel, why });
        }
        let why = format!(
            "{asked}, {} times what any of the days before did ({})",
            times(peak / most),
            number(most)
        );
        Some(Unusual { kind: Suspect::Jump, why })
    }

    /// Detects a week with much more demand than the week before.
    fn ramp(&self) -> Option<Unusual> {
        let [week, before] = self.weeks;
        let [highest, highest_before] = self.highest;
        if self.days_before < 1.0 {
            // Without a comparable week before, compare with the approved demand.
            let is_ramp = self.is_approved && highest >= RAMP * self.level;
            return is_ramp.then(|| Unusual {
                kind: Suspect::Ramp,
                why: format!(
                    "the busiest five minutes asked for {} {} a minute, {} times the {} that were approved a short time ago",
                    number(highest), self.unit.name(), times(highest / self.level), number(self.level)
                ),
            });
        }
        let (a_day, a_day_before) = (week / 7.0, (before / self.days_before).max(self.least));
        let is_ramp = a_day > 0.0 && a_day >= RAMP * a_day_before && highest >= HIGHER * highest_before;
        is_ramp.then(|| Unusual {
            kind: Suspect::Ramp,
            why: format!(
                "the last seven days asked for {} times the {} of the seven days before ({} a day against {})",
                times(a_day / a_day_before),
                self.unit.name(),
                number(a_day),
                number(a_day_before)
            ),
        })
    }

    /// The end of a day.
    fn day(&self, ago: usize) -> String {
        let back = SignedDuration::from_secs(DAY * i64::try_from(ago).unwrap_or_default());
        let end = self.now.saturating_sub(back).unwrap_or(self.now);
        end.strftime("%F %H:%M UTC").to_string()
    }
}

impl Measured<'_> {
    /// Detects a model that was hardly used and fills one of its quotas within two weeks.
    fn new_model(&self, approved: Option<&Approval>, now: Timestamp) -> Option<Unusual> {
        let usage = self.usage;
        if approved.is_some() {
            return None;
        }
        let course = DemandCourse::of(self, DemandUnit::Requests, None, now);
        let began = course.peaks.iter().rposition(|peak| *peak >= HARDLY).filter(|ago| *ago < DAYS - 1)?;
        let is_used = course.peaks.iter().any(|peak| *peak >= IN_USE);
        let share = |quota: &WatchedQuota<'_>| {
            let applied = quota.applied.filter(|applied| *applied > 0.0)?;
            let admitted = usage.admitted(quota.limit).max(usage.last_day(quota.limit));
            Some(admitted / applied)
        };
        let fullest = self.quotas.iter().filter_map(share).fold(0.0, f64::max);
        (is_used && fullest >= FULL).then(|| Unusual {
        kind: Suspect::NewModel,
        why: format!(
            "the model was hardly used or not at all until the 24 hours to {}, and fills its quota to {:.0} %",
            course.day(began),
            fullest * 100.0
        ),
    })
    }

    /// Detects demand that follows our last raise of `quota`: within a day, demand exceeds that of the week before,
    /// with and without refused calls, and the raised quota fills again. If the quota was only too small, the raise
    /// merely admits what was refused before.
    fn follows(&self, quota: &WatchedQuota<'_>, now: Timestamp) -> Option<Unusual> {
        let raise = quota.raises.last().filter(|raise| raise.to > raise.from && raise.at < now)?;
        let (usage, unit) = (self.usage, DemandUnit::of(quota.limit));
        if quota.limit == Limit::TokensPerDay {
            return None;
        }
        let earlier = |at: Timestamp, wait| at.saturating_sub(wait).unwrap_or(Timestamp::MIN).as_second();
        let (at, end) = (raise.at.as_second(), crate::time::after(raise.at, A_DAY).as_second());
        let start = earlier(raise.at, BEFORE_RAISE);
        // A raise may be noticed some minutes after it took effect.
        let until = raise.asked.as_second().max(earlier(raise.at, SEEN_LATE)).min(at);
        let before = || usage.fives.iter().filter(|five| (start..until).contains(&five.at));
        let later = || usage.fives.iter().filter(|five| (at..end).contains(&five.at));
        let most = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, f64::max);
        let asked = [
            most(&mut before().map(|f| self.without_repetitions(unit, f))),
            most(&mut later().map(|f| self.without_repetitions(unit, f))),
        ];
        let visible = [
            most(&mut before().map(|f| self.visible(unit, f))),
            most(&mut later().map(|f| self.visible(unit, f))),
        ];
        let admitted = most(&mut later().map(|f| unit.admitted(f)));
        let rises = |[before, later]: [f64; 2]| before > 0.0 && later >= FOLLOWS * before;
        (rises(asked) && rises(visible) && admitted >= REFILLED * raise.to).then(|| Unusual {
        kind: Suspect::Loop,
        why: format!(
            "within 24 hours of the raise from {} to {} on {}, {:.0} % of it was used again, and {} {} a minute were asked for, {} times the {} of the week before it, refused calls included",
            number(raise.from),
            number(raise.to),
            raise.at.strftime("%F"),
            admitted / raise.to * 100.0,
            number(visible[1]),
            unit.name(),
            times(visible[1] / visible[0]),
            number(visible[0])
        ),
    })
    }
}

/// `1234567.0` → `1,234,567`. Below 10, one decimal unless it is close to a whole number.
fn number(value: f64) -> String {
    if value < 10.0 && (value - value.round()).abs() > 0.05 { format!("{value:.1}") } else { grouped(value) }
}

fn grouped(value: f64) -> String {
    let whole = format!("{value:.0}");
    let mut out = String::new();
    for (n, digit) in whole.chars().enumerate() {
        if n > 0 && (whole.len() - n).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A ratio: one decimal below 10, else a whole number.
fn times(value: f64) -> String {
    if value < 10.0 { format!("{value:.1}") } else { grouped(value) }
}
