//! What is unusual in the measured use of a quota, so that a person looks before more is asked for.
//!
//! Invariant: pure, and about measured use alone. Refused calls cost their caller nothing, so that only while a quota
//! is full they are more than as many again as the admitted ones. Once a person has called demand legitimate, it is what
//! later demand is compared with, and what was measured before that is not.

use jiff::{SignedDuration, Timestamp};

use crate::quota::Limit;
use crate::quota::record::{Approval, Raise, Suspect};
use crate::usage::{FULL, Five, Usage};

/// Use is compared over so many days, each of 24 hours counted back from now.
const DAYS: usize = 14;
/// A day is compared with the days before it if there are at least so many of them.
const DAYS_BEFORE: usize = 5;
/// The busiest five minutes of a day that ask for so many times what any day before asked for are a jump.
const JUMP: f64 = 5.0;
/// A week that asks for so many times what the week before asked for is a ramp ...
const RAMP: f64 = 1.6;
/// ... if its busiest five minutes ask for so many times as much as well. A week after a holiday is no ramp.
const HIGHER: f64 = 1.2;
/// Less than so many calls a minute in the busiest five minutes is hardly any use.
const HARDLY: f64 = 1.0;
/// A model that was hardly used is called so many times a minute at least before it counts as new.
const IN_USE: f64 = 2.0;
/// A week with less than so many minutes of hardly any use is compared as if it had that.
const MINUTES_A_DAY: f64 = 60.0;
/// Demand of so many times what a person approved is no news.
const COVERED: f64 = 1.25;
/// A loop asks for so many times as much after a raise as before it ...
const FOLLOWS: f64 = 1.25;
/// ... and fills so much of the raised value again, within [`A_DAY`].
const REFILLED: f64 = 0.85;
const A_DAY: SignedDuration = SignedDuration::from_hours(24);
/// Demand after a raise is compared with so long before it: a Monday's with the Monday before.
const BEFORE_RAISE: SignedDuration = SignedDuration::from_hours(7 * 24);
/// A raise took effect at most so long before it was seen, as a rule.
const SEEN_LATE: SignedDuration = SignedDuration::from_hours(1);

const DAY: i64 = 86_400;

/// A quota that the use counts against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WatchedQuota<'a> {
    /// What it limits.
    pub(crate) limit: Limit,
    /// The applied value; `None` where it is not known.
    pub(crate) applied: Option<f64>,
    /// What our own requests raised, oldest first.
    pub(crate) raises: &'a [Raise],
}

/// What is unusual.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Unusual {
    /// What it looks like.
    pub(crate) kind: Suspect,
    /// What was measured: the beginning of a sentence, without a full stop.
    pub(crate) why: String,
}

/// What is compared.
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

/// Use, and the quotas that it counts against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured<'a> {
    /// The use of every model that shares the quotas.
    pub(crate) usage: &'a Usage,
    /// The quotas, as far as they are known.
    pub(crate) quotas: &'a [WatchedQuota<'a>],
}

impl Measured<'_> {
    /// The demand in the busiest five minutes of all days: what a person approves at `now`.
    pub(crate) fn demand(&self, now: Timestamp) -> Approval {
        let busiest =
            |unit: DemandUnit| self.usage.fives.iter().map(|five| self.asked(unit, five)).fold(0.0, f64::max);
        Approval { at: now, requests: busiest(DemandUnit::Requests), tokens: busiest(DemandUnit::Tokens) }
    }

    /// Whether `approval` is for as much as has been asked for since.
    pub(crate) fn is_covered_by(&self, approval: &Approval) -> bool {
        let since = approval.at.as_second();
        let later = || self.usage.fives.iter().filter(|five| five.at >= since);
        DemandUnit::ALL.into_iter().all(|unit| {
            let most = COVERED * unit.approved(approval).max(HARDLY * self.one(unit));
            later().all(|five| self.asked(unit, five) <= most)
        })
    }

    /// What is unusual as of `now`, where a person approved `approved` last.
    pub(crate) fn unusual(&self, approved: Option<&Approval>, now: Timestamp) -> Option<Unusual> {
        if approved.is_some_and(|approved| self.is_covered_by(approved)) {
            return None;
        }
        // Where nothing was ever admitted, nobody knows what a call costs.
        let units = || DemandUnit::ALL.into_iter().filter(|unit| self.one(*unit) > 0.0);
        let courses = || units().map(|unit| DemandCourse::of(self, unit, approved, now));
        courses()
            .find_map(|course| course.jump())
            .or_else(|| self.new_model(approved, now))
            .or_else(|| courses().find_map(|course| course.ramp()))
            .or_else(|| self.quotas.iter().find_map(|quota| self.follows(quota, now)))
    }

    /// One call, in `unit`.
    fn one(&self, unit: DemandUnit) -> f64 {
        match unit {
            DemandUnit::Requests => 1.0,
            DemandUnit::Tokens => self.usage.average_tokens(),
        }
    }

    /// Whether a quota was full by its present value. Where none is known, any may have been.
    fn is_full(&self, five: &Five) -> bool {
        let mut known = self
            .quotas
            .iter()
            .filter_map(|quota| Some((DemandUnit::of(quota.limit), quota.applied?)))
            .peekable();
        known.peek().is_none() || known.any(|(unit, applied)| unit.admitted(five) > FULL * applied)
    }

    /// What was asked for a minute.
    fn asked(&self, unit: DemandUnit, five: &Five) -> f64 {
        if self.is_full(five) { self.without_repetitions(unit, five) } else { self.steady(unit, five) }
    }

    fn without_repetitions(&self, unit: DemandUnit, five: &Five) -> f64 {
        unit.admitted(five) + (five.asked() - five.requests) * self.one(unit)
    }

    /// The same, of which refused calls are at most as many as admitted ones: a storm of repetitions does not make a
    /// week of it.
    fn steady(&self, unit: DemandUnit, five: &Five) -> f64 {
        unit.admitted(five) + five.throttles.min(five.requests) * self.one(unit)
    }

    /// What was asked for a minute if each refused call was a request of its own: all demand that could be seen.
    fn visible(&self, unit: DemandUnit, five: &Five) -> f64 {
        unit.admitted(five) + five.throttles * self.one(unit)
    }
}

/// The days of a use, in one unit.
struct DemandCourse {
    unit: DemandUnit,
    /// The busiest five minutes of each day, by how many days ago it ended; 0 where nothing was asked for.
    peaks: [f64; DAYS],
    /// What was asked for in the last seven days, and in those before them as far as they count.
    weeks: [f64; 2],
    /// How many of the seven days before count, from 0 to 7: those since the first use, and since the approval.
    days_before: f64,
    /// What was asked for a minute at most in the last seven days, and in those before them.
    highest: [f64; 2],
    /// What is hardly any use, or what a person approved if that is more.
    level: f64,
    is_approved: bool,
    /// A day of hardly any use.
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
            // All that could be seen of demand a week ago counts: it is no new demand once it is admitted.
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

    /// A day that asks for much more than any day before it. A day without use asked for nothing.
    fn jump(&self) -> Option<Unusual> {
        let before = |ago: usize| self.peaks.iter().skip(ago + 1).copied().fold(0.0, f64::max);
        let has_history = |ago: usize| self.is_approved || DAYS - 1 - ago >= DAYS_BEFORE;
        let is_jump = |ago: usize, peak: f64| has_history(ago) && peak >= JUMP * before(ago).max(self.level);
        // The first day of it: that is when it began.
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

    /// A week that asks for much more than the week before it.
    fn ramp(&self) -> Option<Unusual> {
        let [week, before] = self.weeks;
        let [highest, highest_before] = self.highest;
        if self.days_before < 1.0 {
            // Of a week before it nothing is to be compared: then it is what was approved.
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
    /// A model that was hardly used, and fills one of its quotas within two weeks.
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

    /// Demand that follows our last raise of `quota`: within a day more is asked for than ever before, and as much is
    /// refused again. Where a quota was only too small, what a raise admits is what was refused before it.
    fn follows(&self, quota: &WatchedQuota<'_>, now: Timestamp) -> Option<Unusual> {
        let raise = quota.raises.last().filter(|raise| raise.to > raise.from && raise.at < now)?;
        let (usage, unit) = (self.usage, DemandUnit::of(quota.limit));
        if quota.limit == Limit::TokensPerDay {
            return None;
        }
        let earlier = |at: Timestamp, wait| at.saturating_sub(wait).unwrap_or(Timestamp::MIN).as_second();
        let (at, end) = (raise.at.as_second(), crate::time::after(raise.at, A_DAY).as_second());
        let start = earlier(raise.at, BEFORE_RAISE);
        // What took effect was seen up to some minutes later.
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

/// `1234567.0` → `1,234,567`; a small number with one digit after the point.
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

/// How many times: two digits.
fn times(value: f64) -> String {
    if value < 10.0 { format!("{value:.1}") } else { grouped(value) }
}
