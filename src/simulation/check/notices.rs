//! The promises about a notice when it is published: it is true and the last word, it does not come too soon, and it is
//! recorded once.

use jiff::{SignedDuration, Timestamp};

use crate::diagnosis::Cause;
use crate::ids::IncidentId;
use crate::incident::notice_kind::Kind;
use crate::notice::Notice;
use crate::plan::action::Reason;
use crate::simulation::check::observed::PublishedNotice;
use crate::simulation::check::{BETWEEN_REMINDERS, Checker};
use crate::simulation::problem::Word;
use crate::simulation::telling;
use crate::simulation::truth::earlier;
use crate::simulation::violation::{Checked, TOLERANCE, broken};
use crate::time::after;

/// Interval from the notice of a step to its first reminder: no sooner and no later.
const FIRST_REMINDER: SignedDuration = SignedDuration::from_hours(24);

impl Checker<'_> {
    pub(super) fn told(&mut self, function: u64, notice: &Notice, at: Timestamp) -> Checked {
        self.digests += u64::from(notice.kind == Kind::Digest);
        self.unanswered += u64::from(notice.kind == Kind::Unanswered);
        self.is_true(notice)?;
        self.is_the_last_word(function, notice)?;
        let asks = notice.is_of_request();
        let published =
            |incident: &Option<IncidentId>, episode, id: &str, kind, cause: Option<Cause>, warns: bool| {
                let (id, needs_person) = (id.to_owned(), cause.is_some_and(Cause::needs_person));
                let is_near = cause == Some(Cause::NearQuota);
                Some(PublishedNotice {
                    incident: incident.clone()?,
                    episode,
                    id,
                    kind,
                    needs_person,
                    at,
                    asks,
                    is_near,
                    is_line: notice.kind == Kind::Digest,
                    action: notice.facts.action.as_deref().map(str::to_owned),
                    request: notice.request_id.clone(),
                    withheld: notice.withheld.iter().map(|w| w.reason.clone()).collect(),
                    warns,
                    says: telling::says(notice),
                    function,
                    is_recorded: false,
                })
            };
        let warns = notice.withheld.iter().any(|withheld| withheld.kind == Reason::UnusualCaller);
        let (id, kind, cause) = (&notice.notice_id, notice.kind, notice.cause);
        let own = published(&notice.incident_id, notice.episode, id, kind, cause, warns);
        let lines = notice.incidents.iter().filter_map(|l| {
            let warns = l.withheld.contains(&Reason::UnusualCaller);
            published(&l.incident_id, l.episode, &l.notice_id, l.kind, l.cause, warns)
        });
        for published in own.into_iter().chain(lines) {
            let running = self.running.entry(function).or_default();
            running.unrecorded.push((published.incident.clone(), published.id.clone()));
            self.is_not_too_soon(&published)?;
            self.published.push(published);
        }
        Ok(())
    }

    /// Checks that a notice of a request's end says what AWS decided.
    fn is_true(&self, notice: &Notice) -> Checked {
        let Some(outcome) = notice.outcome else { return Ok(()) };
        let request = notice.request_id.as_ref().and_then(|id| self.truth.request(id));
        let Some(request) = request else {
            return broken("a told outcome is of a request", format!("{:?}", notice.request_id));
        };
        let verdict = request.verdict.map(|(how, _)| how);
        // If the value also changed for another reason, only the end can be known, not how it ended.
        if verdict == Some(outcome) || request.is_muddled {
            return Ok(());
        }
        broken("a told outcome is AWS's own", format!("{}: {outcome} was told of {verdict:?}", request.id))
    }

    /// Checks that a notice's cause, action and resource are the last that were reported.
    fn is_the_last_word(&self, function: u64, notice: &Notice) -> Checked {
        let running = self.running.get(&function);
        let of_it = |id: &Option<IncidentId>| Some(&running?.leased.get(id.as_ref()?)?.words);
        let is_word =
            |words: &[Word], fits: &dyn Fn(&Word) -> bool| words.is_empty() || words.iter().any(fits);
        if matches!(notice.kind, Kind::Opened | Kind::Again | Kind::Reminder)
            && let Some(words) = of_it(&notice.incident_id)
        {
            let (action, resource) = (notice.facts.action.as_deref(), notice.facts.resource.as_deref());
            let fits = |word: &Word| {
                Some(word.cause) == notice.cause
                    && word.action.as_deref() == action
                    && word.resource.as_deref() == resource
            };
            if !is_word(words, &fits) {
                let told = format!("{:?} {action:?} {resource:?}", notice.cause);
                let how = format!("{:?}: {told} of {words:?}", notice.incident_id);
                return broken("a told cause, action and resource is the last that was heard", how);
            }
        }
        for line in &notice.incidents {
            let Some(words) = of_it(&line.incident_id) else { continue };
            let is_open = matches!(line.kind, Kind::Opened | Kind::Again | Kind::Reminder);
            if is_open && !is_word(words, &|word| Some(word.cause) == line.cause) {
                let how = format!("{:?}: {:?} of {words:?}", line.incident_id, line.cause);
                return broken("a told cause, action and resource is the last that was heard", how);
            }
        }
        Ok(())
    }

    /// Checks that the same notice does not come again and again.
    fn is_not_too_soon(&self, new: &PublishedNotice) -> Checked {
        if new.kind == Kind::Unanswered {
            let of_it =
                |p: &&PublishedNotice| p.kind == new.kind && p.incident == new.incident && p.id != new.id;
            let before = self.published.iter().rev().filter(of_it).find(|p| p.episode == new.episode);
            let is_early =
                before.is_some_and(|p| new.at < earlier(after(p.at, BETWEEN_REMINDERS), TOLERANCE));
            let how = format!("{}: {} at {}", new.incident, new.id, new.at);
            return if is_early {
                broken("what AWS does not answer is told once a week", how)
            } else {
                Ok(())
            };
        }
        let counts = |kind| {
            matches!(kind, Kind::Opened | Kind::Again | Kind::Reminder | Kind::Headroom | Kind::Lifecycle)
        };
        if !counts(new.kind) || new.asks || self.published.iter().any(|p| p.id == new.id) {
            return Ok(());
        }
        let of_it = self.published.iter().filter(|p| p.incident == new.incident && p.episode == new.episode);
        let cool_down = self.account.config.notice_cool_down;
        let mut course = telling::NoticeCourse::default();
        let mut before = Vec::new();
        // What a function published before it died is repeated with what is found then, and only that is known later.
        for told in of_it.filter(|p| p.is_recorded) {
            before.push(format!("{} at {}", told.kind, told.at));
            match told.kind {
                Kind::Resolved => course.over(),
                Kind::Outcome => course.ended(),
                kind if counts(kind) => course.told(told.at, told.says.clone(), told.is_line || told.asks),
                _ => {}
            }
        }
        let first = if new.needs_person { FIRST_REMINDER } else { cool_down };
        match course.next(new.at, &new.says, new.is_line, cool_down, first) {
            // A warning of misuse does not wait.
            Some(next) if new.at < earlier(next, TOLERANCE) && !new.warns => broken(
                "not told again before the cool-down is over",
                format!(
                    "{}: {} {} at {}, and not before {next}; it was told of: {}",
                    new.incident,
                    new.kind,
                    new.id,
                    new.at,
                    before.join(", ")
                ),
            ),
            _ => Ok(()),
        }
    }

    pub(super) fn finished(&mut self, function: u64, incident: &IncidentId, told: Option<String>) -> Checked {
        let Some(id) = told else { return Ok(()) };
        let unrecorded = &mut self.running.entry(function).or_default().unrecorded;
        let Some(n) = unrecorded.iter().position(|(i, n)| i == incident && *n == id) else {
            return broken(
                "recorded is told",
                format!("{id} of {incident} was recorded and never published"),
            );
        };
        unrecorded.remove(n);
        let is_it =
            |p: &&mut PublishedNotice| p.function == function && p.incident == *incident && p.id == id;
        if let Some(published) = self.published.iter_mut().rev().find(is_it) {
            published.is_recorded = true;
        }
        if !self.recorded.insert(id.clone()) {
            return broken("one notice is recorded once", format!("{id} of {incident}"));
        }
        Ok(())
    }
}
