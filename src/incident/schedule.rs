//! When an incident is looked at, and when a notice about it is sent.
//!
//! Invariant: This file holds every wait between two looks, two notices or two reminders. It is pure: the record, the
//! configuration and the time decide.
//!
//! | event | when the notice or change comes |
//! |---|---|
//! | nothing new while calls still fail | after the cool-down (4 h), then 8, 16, 32, 64 and 128 h, then every 7 days |
//! | a new reason, action, caller, severity or cause | at once, if the last notice is an hour old |
//! | a request is filed, or it ended | at once |
//! | the incident returns after a notice said it was over | at once |
//! | a person must take a step, or have a quota raised by support | on `REMINDER_DAYS`, then every 7 days |
//! | the same after eight reminders | every 7 days while calls are made; never for a nearly full quota |
//! | AWS leaves a request open | after 7 and 14 days, then every 14 days; every 7 days while calls fail |
//! | AWS does not answer | after a day, then every 7 days, and never within a day after another notice |
//! | AWS does not answer and no error arrives | after 30 days the incident is followed no longer; 90 days with a request |
//! | the incident is over | after `QUIET_HOURS_TO_CLOSE` (24 h) without error; 7 days after three notices or a return |
//! | a nearly full quota is over | after 7 days below the threshold |
//! | the incident returns after it was over | within 7 days the episode goes on; later a new one begins |
//!
//! Claims only count for an hour after a look. This silences notices, not actions: each look decides anew, and a
//! planned request is filed whether or not a notice is sent.

use jiff::{SignedDuration, Timestamp};

use crate::config::Config;
use crate::diagnosis::{Category, Cause};
use crate::incident::Incident;
use crate::incident::notice_kind::Kind;
use crate::incident::notices::{NoticeRecord, Telling};
use crate::incident::record::{Record, State, UnansweredLook};
use crate::time::after;

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Interval between looks at a followed request.
pub(crate) const OUTCOMES: SignedDuration = SignedDuration::from_mins(15);
/// Wait before a notice that could not be sent is tried again.
pub(crate) const UNTOLD: SignedDuration = SignedDuration::from_mins(2);
/// Wait before evidence that may only be late is requested again.
pub(crate) const LATE: SignedDuration = SignedDuration::from_mins(5);
/// If no sweep ran for this long, the next delivery handles an incident that was left to the sweep.
pub(crate) const LEFT: SignedDuration = SignedDuration::from_mins(30);
/// Wait before the next look for the errors behind an alarm.
pub(crate) const LOOK: SignedDuration = SignedDuration::from_mins(5);
/// A request that Service Quotas does not list after this long was not filed.
pub(crate) const UNLISTED: SignedDuration = SignedDuration::from_mins(20);
/// Interval between looks at what fails or could not be read.
pub(crate) const LATER: SignedDuration = HOUR;
/// Interval between checks whether a step is taken, or a person had a quota raised.
pub(crate) const STEPS: SignedDuration = DAY;
/// An error this soon after a step may still stem from before it: access follows within minutes.
pub(crate) const SETTLED: SignedDuration = HOUR;
/// Stop reminding of a step once nobody has called for this long.
pub(crate) const FORGOTTEN: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Claims only count for this long after a look, and news is sent no more often.
const APART: SignedDuration = HOUR;
/// The longest wait before a notice is repeated while calls fail.
const LONGEST: SignedDuration = WEEK;
/// A nearly full quota is over after this long below the threshold. Use that swings around it stays one incident.
const BELOW: SignedDuration = WEEK;
/// An incident with this many notices, or one that returned, is over only after [`LONG_QUIET`].
const OFTEN: u32 = 3;
const LONG_QUIET: SignedDuration = WEEK;
/// An incident that returns within this time after its end continues its episode.
const RETURNS: SignedDuration = WEEK;
/// After this many reminders, people are reminded only while calls are made.
const REMINDERS: u32 = 8;
/// Waits for the first and the second reminder of an open request, counted from the notice about it ...
const OPEN_REQUEST: [SignedDuration; 2] = [WEEK, SignedDuration::from_hours(14 * 24)];
/// ... and the wait for each later one.
const OPEN_REQUEST_EVERY: SignedDuration = SignedDuration::from_hours(14 * 24);
/// Service Quotas lists a request for so long. After that, nothing tells how it ended.
const LISTED: SignedDuration = SignedDuration::from_hours(90 * 24);
/// Waits before AWS's silence is reported for the first time, and again.
const UNANSWERED: SignedDuration = DAY;
const UNANSWERED_AGAIN: SignedDuration = WEEK;

/// The wait before a notice is repeated, after `repeats` notices that said nothing new.
fn back_off(cool_down: SignedDuration, repeats: u32) -> SignedDuration {
    let doubled = 1_i32.checked_shl(repeats.min(16)).and_then(|times| cool_down.checked_mul(times));
    doubled.unwrap_or(LONGEST).min(LONGEST.max(cool_down))
}

/// How long claims only count after a look, and how long news waits for the next notice.
fn apart(config: &Config) -> SignedDuration {
    APART.min(config.notice_cool_down)
}

impl UnansweredLook {
    /// The look failed at `now`; `before` is the earlier failure, if any.
    pub fn at(now: Timestamp, before: Option<Self>) -> Self {
        before.unwrap_or(Self { since: now, told: None })
    }

    /// Whether a notice about it is due at `now`.
    pub fn is_news(&self, now: Timestamp) -> bool {
        match self.told {
            None => after(self.since, UNANSWERED) <= now,
            Some(told) => after(told, UNANSWERED_AGAIN) <= now,
        }
    }
}

/// What a look found, as far as it decides whether a notice is sent.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a finding of its own")]
pub(crate) struct LookFindings {
    /// A request was filed, or the cause behind an alarm needs a different action.
    pub(crate) is_urgent: bool,
    /// The plan says something that people have not heard recently.
    pub(crate) is_new: bool,
    /// The step is known to be missing, or the quota is known to be unchanged.
    pub(crate) is_missing: bool,
    /// The step is known to be taken, or the quota is known to have room.
    pub(crate) is_taken: bool,
}

impl Record {
    /// See [`crate::incident::notices::Notices::last_going_on`].
    pub fn last_told(&self) -> Option<Timestamp> {
        self.notices.last_going_on()
    }

    /// Whether a person must act to end it: an access step, or an increase that only a person can request.
    fn waits_for_a_person(&self) -> bool {
        self.incident.cause.needs_person() || self.awaited.is_some()
    }

    /// When a notice may be repeated; `None` if none was sent, or the last one said that it is over.
    fn next_notice(&self, config: &Config) -> Option<Timestamp> {
        let last = self.last_told()?;
        Some(if let Some(followed) = &self.followed {
            self.next_of_open_request(followed.intended)
        } else if self.waits_for_a_person() {
            self.next_reminder(config, last)
        } else {
            after(last, back_off(config.notice_cool_down, self.repeats()))
        })
    }

    /// Consecutive notices that said nothing new.
    fn repeats(&self) -> u32 {
        self.notices.last().map_or(0, |last| last.repeats)
    }

    /// Until when a notice is not repeated; `None` if that time has passed or never began.
    pub fn muted_until(&self, config: &Config, now: Timestamp) -> Option<Timestamp> {
        self.next_notice(config).filter(|until| *until > now)
    }

    /// Until when a claim only counts after a look at `now`; `None` if the next claim may have to send a notice.
    pub(crate) fn silence(&self, config: &Config, now: Timestamp) -> Option<Timestamp> {
        let until = after(now, apart(config));
        self.muted_until(config, now).map(|quiet| quiet.min(until))
    }

    /// The next reminder after the notice at `last`: on the operator's days, then weekly, and never twice within a day.
    fn next_reminder(&self, config: &Config, last: Timestamp) -> Timestamp {
        let first = self.notices.first().map_or(last, |told| told.at);
        let day = |day: &u32| after(first, DAY * i32::try_from(*day).unwrap_or(i32::MAX));
        let days = config.reminder_days.iter().map(day);
        days.into_iter().find(|at| *at >= after(last, DAY)).unwrap_or_else(|| after(last, LONGEST))
    }

    /// The next reminder of the request filed at `intended`, if AWS leaves it open.
    fn next_of_open_request(&self, intended: Timestamp) -> Timestamp {
        let told = self.notices.first().map_or(intended, |told| told.at.max(intended));
        let of_it = |at: &Timestamp| *at > intended;
        let reminders = self.notices.of(Kind::Reminder);
        let (last, before) = reminders.map_or((None, None), |of| (Some(of.last), of.before));
        let [first, second] = OPEN_REQUEST;
        match (last.filter(of_it), before.filter(of_it)) {
            (None, _) => after(told, first),
            (Some(only), None) => after(told, second).max(after(only, first)),
            (Some(last), Some(_)) => after(last, OPEN_REQUEST_EVERY),
        }
    }

    /// Whether a reminder of an open request is due at `now`. While calls fail, the wait is at most a week; `IfFailing`
    /// lets the caller check that only when it decides.
    pub(crate) fn is_left_open(&self, config: &Config, now: Timestamp) -> LeftOpen {
        let Some(next) = self.next_notice(config) else { return LeftOpen::Yes };
        let last = self.last_told().unwrap_or(now);
        if next <= now && after(last, config.notice_cool_down) <= now {
            LeftOpen::Yes
        } else if after(last, LONGEST) <= now {
            LeftOpen::IfFailing
        } else {
            LeftOpen::No
        }
    }

    /// Whether a notice is due that AWS does not answer. A notice of another kind says so too, so a day passes after it.
    pub(crate) fn is_news_of_silence(&self, unread: UnansweredLook, now: Timestamp) -> bool {
        let is_told = self.notices.last().is_some_and(|told| after(told.at, UNANSWERED) > now);
        unread.is_news(now) && !is_told
    }

    /// Whether nothing is left to ask or to tell: no error has arrived for a month, and AWS has not answered `unread`
    /// either. A request that is followed is asked about for as long as Service Quotas lists it.
    pub(crate) fn is_forgotten(&self, unread: UnansweredLook, now: Timestamp) -> bool {
        let is_past = |since: Timestamp, wait| after(since, wait) <= now;
        is_past(unread.since, FORGOTTEN)
            && self.incident.last_seen.is_none_or(|seen| is_past(seen, FORGOTTEN))
            && self.followed.as_ref().is_none_or(|followed| is_past(followed.intended, LISTED))
    }

    /// Whether an error arrived within the last hour. More may follow, so the next look comes soon.
    pub(crate) fn is_busy(&self, now: Timestamp) -> bool {
        self.incident.last_seen.is_some_and(|seen| after(seen, APART) > now)
    }

    /// Whether errors arrived after the last notice, and either after the time it covers or recently. Late or duplicate
    /// deliveries carry older times and do not count.
    pub fn is_ongoing(&self, config: &Config, now: Timestamp) -> bool {
        let Some(told) = self.last_told() else { return true };
        let covered = if self.waits_for_a_person() || self.followed.is_some() {
            after(told, config.notice_cool_down)
        } else {
            self.next_notice(config).unwrap_or(told)
        };
        // The longer a notice's silence, the longer ago the last error may be.
        let lately = (covered.duration_since(told) / 4).max(HOUR);
        self.incident
            .last_seen
            .is_some_and(|seen| seen > told && (seen > covered || after(seen, lately) > now))
    }

    /// Whether a notice is due at `now`, and why; `None` if it is not.
    pub(crate) fn telling(&self, config: &Config, now: Timestamp, found: LookFindings) -> Option<Telling> {
        let is_ongoing = self.is_ongoing(config, now) || self.incident.last_seen.is_none();
        if found.is_urgent {
            return Some(Telling::News);
        }
        let Some(last) = self.last_told() else {
            // After the end, the same points again are no news.
            let telling =
                if found.is_new || self.notices.is_empty() { Telling::News } else { Telling::Repeat };
            return (is_ongoing || found.is_missing).then_some(telling);
        };
        let is_since = self.incident.last_seen.is_some_and(|seen| seen > last);
        if found.is_new && is_since && self.is_busy(now) && after(last, apart(config)) <= now {
            return Some(Telling::News);
        }
        if self.muted_until(config, now).is_some() {
            return None;
        }
        let is_near = self.incident.cause == Cause::NearQuota;
        let is_open = is_ongoing || found.is_missing;
        let is_open = match self.reminders() {
            _ if is_near && found.is_taken => false,
            few if few < REMINDERS => is_open,
            _ => is_ongoing && !is_near,
        };
        is_open.then_some(Telling::Repeat)
    }

    /// The number of reminders.
    fn reminders(&self) -> u32 {
        self.notices.of(Kind::Reminder).map_or(0, |of| of.count)
    }

    /// When the incident was last seen or last reported, whichever is later; `now` if neither.
    pub(crate) fn last_news(&self, now: Timestamp) -> Timestamp {
        self.incident.last_seen.max(self.last_told()).unwrap_or(now)
    }

    /// The incident is over after this long without an error.
    pub(crate) fn quiet_to_close(&self, config: &Config) -> SignedDuration {
        let has_returned = self.notices.of(Kind::Resolved).is_some();
        let is_long = self.notices.count_going_on() >= OFTEN || has_returned || self.awaited.is_some();
        if is_long { config.quiet_to_close.max(LONG_QUIET) } else { config.quiet_to_close }
    }

    /// When it is over, if nothing more is seen.
    pub(crate) fn closes_at(&self, config: &Config, now: Timestamp) -> Timestamp {
        if self.incident.cause == Cause::NearQuota {
            // A reminder does not count as use of the quota.
            return after(self.incident.last_seen.unwrap_or(now), BELOW);
        }
        after(self.last_news(now), self.quiet_to_close(config))
    }

    /// When the incident counts as over, once the step is known to be taken or the quota has room again.
    pub(crate) fn settles_at(&self, config: &Config, now: Timestamp) -> Timestamp {
        let wait = match self.incident.cause {
            // If the operator switched the forecast off, nothing is waited for.
            Cause::NearQuota if config.headroom_threshold <= 0.0 => return now,
            Cause::NearQuota => BELOW,
            _ => SETTLED,
        };
        self.incident.last_seen.map_or(now, |seen| after(seen, wait))
    }

    /// When to look next after a look at `now`.
    pub(crate) fn next_look(&self, config: &Config, now: Timestamp) -> Timestamp {
        let soon = (is_measured(&self.incident) || self.is_busy(now)).then(|| after(now, apart(config)));
        let step = self.waits_for_a_person().then(|| after(now, STEPS));
        let over = self.closes_at(config, now);
        let waits = [soon, step, self.muted_until(config, now), Some(over)].into_iter().flatten();
        waits.filter(|at| *at > now).min().unwrap_or_else(|| after(now, LATER))
    }

    /// Whether a closed incident that is seen again at `now` continues its episode: a recent notice said that it is
    /// over. One that a person closed, or that another incident superseded, begins a new episode.
    pub(crate) fn returns(&self, now: Timestamp) -> bool {
        self.state == State::Closed && self.notices.last().is_some_and(|last| last.is_of_return(now))
    }
}

impl NoticeRecord {
    /// Whether this notice said that it is over, and `now` still belongs to the same episode.
    pub(crate) fn is_of_return(&self, now: Timestamp) -> bool {
        self.kind == Kind::Resolved.as_str() && after(self.at, RETURNS) > now
    }
}

/// Whether a reminder is due of a request that AWS has left open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LeftOpen {
    Yes,
    IfFailing,
    No,
}

/// Whether a CloudWatch metric counts the incident's errors and no others, so that it shows whether calls still fail.
pub(crate) fn is_measured(incident: &Incident) -> bool {
    let is_of_its_own = incident.cause.is_throttle() || incident.cause.category() == Category::Capacity;
    // CloudWatch's throttles are those of models, and AgentCore's are known by their alarm.
    let is_counted = incident.facts.quotas.is_empty() || incident.is_metric_only();
    !incident.cause.needs_person()
        && is_counted
        && incident.place().is_some()
        && (is_of_its_own || incident.is_metric_only())
}

/// The period before now in which CloudWatch shows whether calls still fail: the hour between two looks, plus slack for
/// a late tick and late metrics.
pub(crate) const STILL: SignedDuration = SignedDuration::from_mins(75);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{AccountRegion, QuotaCode};
    use crate::incident::heard::Heard;
    use crate::incident::notices::Notices;
    use crate::incident::record::AwaitedQuota;
    use crate::incident::{Counts, Symptom, fold};
    use crate::model::ModelId;
    use crate::quota::request::TrackedRequest;

    /// This many hours after the first notice.
    fn at(hours: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + 3600 * hours).unwrap()
    }

    fn record(cause: Cause, told: &[(Kind, i64, u32)], seen: Option<i64>) -> Record {
        let place = AccountRegion {
            account: crate::ids::AccountId::parse("111122223333").unwrap(),
            region: crate::ids::Region::parse("us-east-1").unwrap(),
        };
        let model = ModelId::parse("amazon.nova-lite-v1:0").unwrap();
        let mut incident = fold([Symptom::ahead(&place, &model, cause, at(0))]).remove(0);
        incident.last_seen = seen.map(at);
        incident.counts = Counts { errors: 1, alarms: 0 };
        let told = told.iter().map(|(kind, hours, repeats)| NoticeRecord {
            id: format!("ntc-{hours}"),
            kind: kind.to_string(),
            at: at(*hours),
            errors: 1,
            missing: Vec::new(),
            repeats: *repeats,
            heard: Heard::default(),
        });
        Record {
            incident,
            state: State::Told,
            episode: 1,
            notices: told.collect::<Notices>(),
            followed: None,
            due_at: None,
            silent_until: None,
            search: None,
            unread: None,
            awaited: None,
        }
    }

    const NOTHING: LookFindings =
        LookFindings { is_urgent: false, is_new: false, is_missing: false, is_taken: false };
    const NEW: LookFindings = LookFindings { is_new: true, ..NOTHING };
    const MISSING: LookFindings = LookFindings { is_missing: true, ..NOTHING };

    #[test]
    fn the_wait_doubles_from_the_cool_down_to_a_week() {
        let waits = |minutes: i64| -> Vec<i64> {
            let cool_down = SignedDuration::from_mins(minutes);
            (0..8).map(|repeats| back_off(cool_down, repeats).as_hours()).collect()
        };
        assert_eq!(waits(240), [4, 8, 16, 32, 64, 128, 168, 168]);
        assert_eq!(waits(7 * 24 * 60), [168; 8]);
        assert_eq!(waits(60), [1, 2, 4, 8, 16, 32, 64, 128]);
        assert_eq!(back_off(SignedDuration::from_mins(5), u32::MAX), LONGEST);
    }

    /// Notices sent, hour of the last error, now, and the findings; then whether and why a notice is due, and in how
    /// many hours the next look comes.
    type Row<'a> =
        (&'a str, Cause, &'a [(Kind, i64, u32)], Option<i64>, i64, LookFindings, Option<Telling>, i64);

    #[test]
    fn the_table_of_notices_and_looks() {
        use Cause::{Malformed, NearQuota, TokensPerMinute as Throttle, UseCaseForm as Step};
        use Kind::{Again, Headroom, Opened, Outcome, Reminder, Resolved};
        let (news, again) = (Some(Telling::News), Some(Telling::Repeat));
        let urgent = LookFindings { is_urgent: true, ..NOTHING };
        let taken = LookFindings { is_taken: true, ..NOTHING };
        let reminders: Vec<(Kind, i64, u32)> =
            [(Opened, 0, 0)].into_iter().chain((1..=8).map(|n| (Reminder, 168 * n, 0))).collect();
        let near: Vec<(Kind, i64, u32)> =
            [(Headroom, 0, 0)].into_iter().chain((1..=8).map(|n| (Reminder, 168 * n, 0))).collect();
        let often: &[(Kind, i64, u32)] = &[(Opened, -30, 0), (Again, -20, 1), (Again, 0, 9)];
        let rows: &[Row<'_>] = &[
            ("never told", Throttle, &[], Some(0), 0, NOTHING, news, 1),
            ("within the cool-down", Throttle, &[(Opened, 0, 0)], Some(2), 2, NOTHING, None, 1),
            ("after the cool-down", Throttle, &[(Opened, 0, 0)], Some(4), 4, NOTHING, again, 1),
            (
                "once more, too soon",
                Throttle,
                &[(Opened, 0, 0), (Again, 4, 1)],
                Some(11),
                11,
                NOTHING,
                None,
                1,
            ),
            ("once more", Throttle, &[(Opened, 0, 0), (Again, 4, 1)], Some(12), 12, NOTHING, again, 1),
            ("a week later", Throttle, &[(Opened, 0, 0), (Again, 400, 9)], Some(567), 567, NOTHING, None, 1),
            ("a week", Throttle, &[(Opened, 0, 0), (Again, 400, 9)], Some(568), 568, NOTHING, again, 1),
            ("covered by the notice", Throttle, &[(Opened, 0, 0)], Some(1), 5, NOTHING, None, 1),
            ("lately, for a long silence", Malformed, often, Some(130), 168, NOTHING, again, 130),
            ("long ago, for a long silence", Malformed, often, Some(100), 168, NOTHING, None, 100),
            ("news within the hour", Throttle, &[(Opened, 0, 0)], Some(0), 0, NEW, None, 1),
            ("news", Throttle, &[(Opened, 0, 0)], Some(1), 1, NEW, news, 1),
            ("nothing fails, so it is no news", Throttle, &[(Opened, 0, 0)], Some(0), 2, NEW, None, 1),
            ("a request", Throttle, &[(Opened, 0, 0)], Some(0), 0, urgent, news, 1),
            (
                "after an outcome",
                Throttle,
                &[(Opened, 0, 0), (Outcome, 99, 0)],
                Some(103),
                103,
                NOTHING,
                again,
                1,
            ),
            ("back", Throttle, &[(Opened, 0, 0), (Resolved, 24, 0)], Some(25), 25, NOTHING, again, 1),
            ("nothing since", Malformed, &[(Opened, 0, 0)], Some(0), 5, NOTHING, None, 19),
            (
                "told three times",
                Malformed,
                &[(Opened, 0, 0), (Again, 4, 1), (Again, 12, 2)],
                Some(12),
                30,
                NOTHING,
                None,
                12 + 168 - 30,
            ),
            ("a step, before its day", Step, &[(Opened, 0, 0)], Some(0), 23, MISSING, None, 1),
            ("a step, on its day", Step, &[(Opened, 0, 0)], Some(0), 24, MISSING, again, 24),
            ("a step, after eight reminders", Step, &reminders, Some(0), 168 * 9, MISSING, None, 24),
            ("and calls are made", Step, &reminders, Some(168 * 9), 168 * 9, MISSING, again, 1),
            ("nearly full", NearQuota, &[(Headroom, 0, 0)], Some(24), 24, MISSING, again, 1),
            ("nearly full, and below today", NearQuota, &[(Headroom, 0, 0)], Some(24), 24, taken, None, 1),
            (
                "nearly full, after eight reminders",
                NearQuota,
                &near,
                Some(168 * 9),
                168 * 9,
                MISSING,
                None,
                1,
            ),
        ];
        let config = Config::default();
        for (what, cause, told, seen, now, found, telling, look) in rows {
            let record = record(*cause, told, *seen);
            assert_eq!(record.telling(&config, at(*now), *found), *telling, "{what}");
            let next = record.next_look(&config, at(*now)).duration_since(at(*now));
            assert_eq!(next, SignedDuration::from_hours(*look), "{what}: the next look");
        }
    }

    #[test]
    fn claims_count_in_silence_for_an_hour_at_most() {
        let record = record(Cause::TokensPerMinute, &[(Kind::Again, 0, 9)], Some(0));
        let config = Config::default();
        assert_eq!(record.silence(&config, at(3)), Some(at(4)));
        assert_eq!(record.silence(&config, at(168)), None, "whoever claims it then may have to tell of it");
        let short = Config { notice_cool_down: SignedDuration::from_mins(5), ..config };
        assert_eq!(record.silence(&short, at(1)), Some(after(at(1), SignedDuration::from_mins(5))));
    }

    #[test]
    fn it_is_over_after_a_day_and_what_was_told_three_times_after_a_week() {
        let config = Config::default();
        let over = |record: &Record| record.closes_at(&config, at(0)).duration_since(at(0)).as_hours();
        let twice: &[(Kind, i64, u32)] = &[(Kind::Opened, 0, 0), (Kind::Again, 4, 1)];
        let thrice = [twice, &[(Kind::Again, 12, 2)]].concat();
        assert_eq!(over(&record(Cause::Malformed, twice, Some(10))), 34);
        assert_eq!(over(&record(Cause::Malformed, &thrice, Some(10))), 12 + 168);
        let returned: &[(Kind, i64, u32)] =
            &[(Kind::Opened, 0, 0), (Kind::Resolved, 24, 0), (Kind::Again, 30, 1)];
        assert_eq!(
            over(&record(Cause::Malformed, returned, Some(30))),
            30 + 168,
            "it is not over twice a week"
        );
        // A notice about a request's outcome does not count as a notice about the throttle.
        let ended = [twice, &[(Kind::Outcome, 12, 0)]].concat();
        assert_eq!(over(&record(Cause::TokensPerMinute, &ended, Some(10))), 36);
        assert_eq!(over(&record(Cause::NearQuota, &[(Kind::Headroom, 0, 0)], Some(10))), 178);
        let waits = Record { awaited: Some(awaited()), ..record(Cause::TokensPerMinute, twice, Some(10)) };
        assert_eq!(over(&waits), 178);
    }

    fn awaited() -> AwaitedQuota {
        AwaitedQuota { code: QuotaCode::parse("L-27A15A5E").unwrap(), name: "Tokens".to_owned(), value: 0.0 }
    }

    #[test]
    fn a_quota_that_waits_for_a_person_is_reminded_of_as_a_step() {
        let config = Config::default();
        let told: &[(Kind, i64, u32)] =
            &[(Kind::Opened, 0, 0), (Kind::Reminder, 24, 1), (Kind::Reminder, 72, 2)];
        for (count, next) in [(1, 24), (2, 72), (3, 168)] {
            let record = record(Cause::TokensPerMinute, &told[..count], Some(1));
            let record = Record { awaited: Some(awaited()), ..record };
            let last = told[count - 1].1;
            assert_eq!(record.muted_until(&config, at(last)), Some(at(next)), "{count}");
        }
    }

    #[test]
    fn an_open_request_is_reminded_of_after_one_and_two_weeks_and_then_every_two() {
        use LeftOpen::{IfFailing, No, Yes};
        type OpenRow<'a> = (&'a [(Kind, i64, u32)], i64, LeftOpen);
        let config = Config::default();
        let follows = |told: &[(Kind, i64, u32)]| Record {
            followed: Some(TrackedRequest {
                code: awaited().code,
                name: "Tokens".to_owned(),
                desired: 2.0,
                value_before: 1.0,
                request_id: Some("request-1".to_owned()),
                intended: at(0),
            }),
            ..record(Cause::TokensPerMinute, told, Some(0))
        };
        let (opened, first, second, third) = (
            (Kind::Opened, 0, 0),
            (Kind::Reminder, 168, 0),
            (Kind::Reminder, 336, 0),
            (Kind::Reminder, 672, 0),
        );
        let rows: &[OpenRow<'_>] = &[
            (&[opened], 167, No),
            (&[opened], 168, Yes),
            (&[opened, first], 335, No),
            (&[opened, first], 336, Yes),
            (&[opened, first, second], 503, No),
            (&[opened, first, second], 504, IfFailing),
            (&[opened, first, second], 672, Yes),
            (&[opened, first, second, third], 1007, IfFailing),
        ];
        for (told, now, is) in rows {
            assert_eq!(follows(told).is_left_open(&config, at(*now)), *is, "{now}");
        }
    }

    #[test]
    fn what_returns_within_a_week_of_its_end_is_the_same_episode() {
        let closed = |told: &[(Kind, i64, u32)]| Record {
            state: State::Closed,
            ..record(Cause::TokensPerMinute, told, Some(0))
        };
        let over: &[(Kind, i64, u32)] = &[(Kind::Opened, 0, 0), (Kind::Resolved, 24, 0)];
        assert!(closed(over).returns(at(24 + 167)) && !closed(over).returns(at(24 + 168)));
        assert!(!closed(&over[..1]).returns(at(1)), "a person closed it, who is told anew");
        assert!(!record(Cause::TokensPerMinute, over, Some(0)).returns(at(25)), "it is not closed");
    }
}
