//! The queue of a life: what is sent, what a function receives, and what comes back.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::ids::IncidentId;
use crate::sandbox::LedgerRow;
use crate::simulation::check::observed::HeardNotice;
use crate::simulation::life::state::{Life, LifeMessage, MessageState, nth};
use crate::simulation::problem::{Form, Problem, ProblemCaller, tick};
use crate::simulation::truth::earlier;
use crate::simulation::violation::{Checked, Violation};
use crate::time::after;

/// The queue's visibility timeout.
const HIDDEN: SignedDuration = SignedDuration::from_mins(6);

/// The time `minutes` before `now`; after `now` if negative.
fn before(now: Timestamp, minutes: i32) -> Timestamp {
    earlier(now, SignedDuration::from_mins(i64::from(minutes)))
}

impl Life<'_> {
    pub(super) fn send(&mut self, body: String, problem: Option<usize>) {
        let place = MessageState::Waiting(self.now());
        let event = self.messages.len();
        self.lived.messages += 1;
        self.messages.push(LifeMessage {
            body,
            event,
            happened: self.now(),
            problem,
            is_invoked: false,
            is_poison: false,
            place,
            received: 0,
        });
    }

    pub(super) fn tick(&mut self) {
        self.send(tick(), None);
    }

    pub(super) fn send_problem(&mut self, problem: usize, minutes: i32, is_invoked: bool) {
        let Some(n) = nth(problem, self.account.problems.len()) else { return };
        let Some(problem) = self.account.problems.get(n) else { return };
        let (now, happened) = (self.now(), before(self.now(), minutes));
        self.send(problem.event(happened), Some(n));
        if let Some(message) = self.messages.last_mut() {
            // An error with a time in the future has happened now.
            (message.is_invoked, message.happened) = (is_invoked, happened.min(now));
        }
        if problem.who == (ProblemCaller::Root { shown: true }) && problem.form == Form::Event {
            self.root_calls(problem, happened.min(now));
        }
    }

    /// Sends an error of each problem.
    pub(super) fn burst(&mut self) {
        for problem in 0..self.account.problems.len() {
            self.send_problem(problem, 0, false);
        }
    }

    /// Sends the next forged error.
    pub(super) fn send_forged(&mut self) {
        let is_forged = |n: &usize| self.account.problems.get(*n).is_some_and(Problem::is_forged);
        let forged = (0..self.account.problems.len()).filter(is_forged);
        if let Some(n) = forged.cycle().nth(self.made_up) {
            self.made_up += 1;
            self.send_problem(n, 0, false);
        }
    }

    /// Sends something that cannot be read.
    pub(super) fn poison(&mut self) {
        self.send("{ \"Records\": ".to_owned(), None);
        if let Some(message) = self.messages.last_mut() {
            message.is_poison = true;
        }
    }

    pub(super) fn duplicate(&mut self, message: usize) {
        let place = MessageState::Waiting(self.now());
        let Some(n) = nth(message, self.messages.len()) else { return };
        let Some(of) = self.messages.get(n) else { return };
        let copy = LifeMessage { body: of.body.clone(), place, received: 0, ..*of };
        self.messages.push(copy);
    }

    /// Moves every dead letter back to the queue.
    pub(super) fn redrive(&mut self) {
        let now = self.now();
        for message in self.messages.iter_mut().filter(|m| m.place == MessageState::Dead) {
            (message.place, message.received) = (MessageState::Waiting(now), 0);
        }
    }

    pub(super) fn is_waiting(&self) -> bool {
        let now = self.now();
        self.messages.iter().any(|m| matches!(m.place, MessageState::Waiting(visible) if visible <= now))
    }

    /// What these messages report about each incident.
    pub(super) fn told_by(&self, taken: &[usize]) -> BTreeMap<IncidentId, HeardNotice> {
        let mut told: BTreeMap<IncidentId, HeardNotice> = BTreeMap::new();
        for message in taken.iter().filter_map(|n| self.messages.get(*n)) {
            let Some(n) = message.problem else { continue };
            let (Some(incident), Some(problem)) = (self.incidents.get(&n), self.account.problems.get(n))
            else {
                continue;
            };
            let heard = told.entry(incident.clone()).or_default();
            heard.words.push(problem.word());
            // The function takes an older event to be this old.
            let oldest = earlier(self.now(), SignedDuration::from_hours(14 * 24));
            heard.first = [heard.first, Some(message.happened.max(oldest))].into_iter().flatten().min();
            heard.by_root |= matches!(problem.who, ProblemCaller::Root { .. }) && problem.form == Form::Event;
        }
        told
    }

    /// The payload of a function that receives these messages.
    pub(super) fn receive(&mut self, taken: &[usize]) -> String {
        let mut records = Vec::new();
        let mut invoked = None;
        for n in taken {
            let Some(message) = self.messages.get_mut(*n) else { continue };
            message.place = MessageState::Received;
            message.received += 1;
            self.lived.deliveries += 1;
            if let Some((incident, errors)) = message
                .problem
                .and_then(|p| Some((self.incidents.get(&p)?, self.account.problems.get(p)?.errors())))
            {
                self.check.delivered(incident, errors);
            }
            if message.is_invoked {
                invoked = Some(message.body.clone());
            }
            records
                .push(json!({ "messageId": n.to_string(), "eventSource": "aws:sqs", "body": message.body }));
        }
        invoked.unwrap_or_else(|| json!({ "Records": records }).to_string())
    }

    pub(super) fn acknowledge(&mut self, n: usize) -> Checked {
        let now = self.now();
        let Some(message) = self.messages.get_mut(n) else { return Ok(()) };
        message.place = MessageState::Gone;
        if message.is_poison {
            return Err(Violation {
                promise: "what cannot be read comes again",
                how: format!("message {n} was acknowledged"),
            });
        }
        let Some(problem) = message.problem else { return Ok(()) };
        let (Some(incident), Some(of)) = (self.incidents.get(&problem), self.account.problems.get(problem))
        else {
            return Ok(());
        };
        let of_many = |row: &LedgerRow| row.record.incident.facts.many.is_some();
        let is_known = self
            .world
            .look_at(|rows| rows.contains_key(incident) || (of.is_forged() && rows.values().any(of_many)));
        self.check.acknowledged(message.event, incident, of, is_known, message.happened, now)
    }

    pub(super) fn give_back(&mut self, n: usize, received: Timestamp) {
        if let Some(message) = self.messages.get_mut(n) {
            message.place = MessageState::Waiting(after(received, HIDDEN));
        }
    }
}
