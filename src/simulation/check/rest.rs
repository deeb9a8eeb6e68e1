//! The promises about what must have happened in the end: at rest, after a time without messages, and after a need.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::config::Mode;
use crate::ids::IncidentId;
use crate::incident::notice_kind::Kind;
use crate::simulation::check::observed::{Acknowledged, PublishedNotice};
use crate::simulation::check::{BETWEEN_REMINDERS, Checker};
use crate::simulation::problem::Problem;
use crate::simulation::truth::{Request, Span, earlier};
use crate::simulation::violation::{Checked, TOLERANCE, broken};
use crate::time::after;

/// Longest delay of a notice that is not sent at once, after the last failure: open requests are looked at every
/// 15 minutes, and a clock that had jumped may have set the due time.
const SOON: SignedDuration = SignedDuration::from_mins(21);
/// A request that AWS leaves open has reminders after one week, another week, then every two weeks.
const LEFT_OPEN: SignedDuration = SignedDuration::from_hours(14 * 24 + 7);
/// A question that AWS does not answer is in a notice after a day, and again a week later.
const UNANSWERED: SignedDuration = SignedDuration::from_hours(7 * 24 + 7);

impl Checker<'_> {
    /// Checks the state at rest. `mended`: since when nothing failed and the schedule ticked.
    pub(crate) fn at_rest(&self, mended: Timestamp) -> Checked {
        self.is_all_told(mended)?;
        self.is_repeated_for_a_fault()?;
        self.is_counted()?;
        self.is_forecast_only_told()?;
        self.is_followed()
    }

    /// Checks that each acknowledged error was told of in time.
    fn is_all_told(&self, mended: Timestamp) -> Checked {
        for Acknowledged { incident, action, happened, at } in &self.acknowledgements {
            // A line of a digest names only the incident; then the incident must be about one action.
            let mut actions = self.problems.get(incident).into_iter().flatten().map(|p| p.action());
            let is_of_one_action = actions.all(|other| other == *action);
            // The longest silence while calls fail is a week.
            let since = earlier(earlier(*happened, BETWEEN_REMINDERS), TOLERANCE);
            let by = after((*at).max(mended), SOON);
            let tells = |p: &&PublishedNotice| {
                matches!(p.kind, Kind::Opened | Kind::Again | Kind::Reminder | Kind::Outcome)
                    && p.incident == *incident
                    && (since..=by).contains(&p.at)
                    && (p.action.as_deref() == *action || (p.is_line && is_of_one_action))
            };
            if !self.published.iter().any(|p| tells(&p)) {
                return broken(
                    "what is acknowledged is told",
                    format!("{incident} {}, what happened at {happened}", action.unwrap_or_default()),
                );
            }
        }
        Ok(())
    }

    /// Checks that a notice came again only where a fault left it without a record.
    fn is_repeated_for_a_fault(&self) -> Checked {
        let mut published: BTreeMap<&str, usize> = BTreeMap::new();
        for one in &self.published {
            *published.entry(&one.id).or_default() += 1;
        }
        for (id, times) in published {
            let faults = self.unrecorded.get(id).copied().unwrap_or(0);
            if times > 1 + faults {
                return broken("a repeat has a fault", format!("{id}: {times} times, {faults} faults"));
            }
        }
        Ok(())
    }

    /// Checks that each incident counts no error that was not delivered, and every one that was acknowledged.
    fn is_counted(&self) -> Checked {
        for (incident, counted) in &self.counted {
            let total = counted.before + counted.errors;
            let delivered = if self.problems.contains_key(incident) {
                self.delivered.get(incident).copied().unwrap_or(0)
            } else {
                // It counts many different errors of one sender.
                self.delivered.values().sum()
            };
            let events: u64 = self.acknowledged.get(incident).map_or(0, |events| events.values().sum());
            if total < events || total > delivered {
                return broken(
                    "counts lie between events and deliveries",
                    format!("{incident}: {total} of {events} and {delivered}"),
                );
            }
        }
        Ok(())
    }

    /// Checks that nothing was filed for a nearly full quota, unless the operator says so.
    fn is_forecast_only_told(&self) -> Checked {
        for near in self.published.iter().filter(|p| p.is_near) {
            let asked = self.asked.iter().find(|a| a.incident == near.incident);
            if let Some(asked) = asked.filter(|_| self.account.config.headroom_mode == Mode::Observe) {
                return broken("what is only coming is filed only if the operator says so", asked.id.clone());
            }
        }
        Ok(())
    }

    /// Checks that each request was in a notice, and so was its end.
    fn is_followed(&self) -> Checked {
        for asked in &self.asked {
            let of_it = |p: &&PublishedNotice| p.incident == asked.incident && p.at >= asked.at;
            let news = self.published.iter().filter(of_it);
            let (told, ended) = news
                .fold((false, false), |(told, ended), p| (told || p.asks, ended || p.kind == Kind::Outcome));
            if !told || !ended {
                return broken(
                    "a request is told, and followed to its end",
                    format!("{}: told {told}, outcome {ended}", asked.id),
                );
            }
        }
        Ok(())
    }

    /// Checks, after a `span` without messages, that notices report what AWS leaves open or does not answer.
    pub(crate) fn is_reminded(&self, span: Span, is_unread: bool) -> Checked {
        for asked in &self.asked {
            let is_told =
                self.published.iter().any(|p| p.incident == asked.incident && p.asks && p.at <= span.from);
            let is_open = self.truth.request(&asked.id).is_some_and(|r| r.verdict.is_none());
            if !is_told || !is_open {
                continue;
            }
            let told = |fits: &dyn Fn(&&PublishedNotice) -> bool| {
                let of_it = self.published.iter().filter(|p| p.incident == asked.incident);
                of_it.filter(|p| (span.from..=span.to).contains(&p.at)).any(|p| fits(&p))
            };
            let lasts = |wait| after(span.from, wait) <= span.to;
            if is_unread && lasts(UNANSWERED) && !told(&|p| p.kind == Kind::Unanswered) {
                return broken("what AWS does not answer is told", asked.id.clone());
            }
            let is_reminder = |p: &&PublishedNotice| p.request.as_ref() == Some(&asked.id);
            if !is_unread && lasts(LEFT_OPEN) && !told(&is_reminder) {
                return broken("people are reminded of a request that AWS leaves open", asked.id.clone());
            }
        }
        Ok(())
    }

    /// Checks a problem whose limit was reached all through `span`, with errors and without long failures, for its
    /// request.
    pub(crate) fn is_served(&mut self, problem: &Problem, span: Span, incident: &IncidentId) -> Checked {
        let Some((region, code)) = self.truth.quota_of(problem) else { return Ok(()) };
        let is_asked = |r: &Request| r.is_ours && r.created >= span.from;
        if self.truth.requests_of(&region, &code).any(is_asked) {
            self.promised += 1;
            return Ok(());
        }
        match self.not_promised(problem, span, incident) {
            Some(_) => Ok(()),
            None => broken(
                "a need that deserves a request gets one",
                format!("{code} in {region} from {} to {}; {}", span.from, span.to, self.last_told(incident)),
            ),
        }
    }

    /// What the last notice of an incident said, and why nothing was filed.
    fn last_told(&self, incident: &IncidentId) -> String {
        let of_it = |p: &&PublishedNotice| p.incident == *incident;
        self.published.iter().rfind(of_it).map_or_else(
            || "nothing was told".to_owned(),
            |p| format!("told last, at {}: {} {:?}", p.at, p.kind, p.withheld),
        )
    }
}
