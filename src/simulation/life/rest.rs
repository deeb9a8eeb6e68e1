//! The end of a life: everything is mended, and it comes to rest and stays there.

use jiff::{SignedDuration, Timestamp};

use crate::incident::record::State;
use crate::sandbox::LedgerRow;
use crate::simulation::life::state::{Life, MessageState};
use crate::simulation::step::{AwsVerdict, Load};
use crate::simulation::violation::{Checked, Violation, broken};
use crate::time::after;

/// A life comes to rest in less time than this: what nobody calls is forgotten after 30 days and over at most a week
/// later. The rounds do not count: each incident may be looked at every hour.
const LONGEST: SignedDuration = SignedDuration::from_hours(6 * 7 * 24);

impl Life<'_> {
    /// Mends everything, ends all problems, lets AWS decide what is open, and ticks until all is over.
    /// Returns since when nothing fails.
    pub(super) fn come_to_rest(&mut self) -> Result<Timestamp, Violation> {
        self.mend();
        self.world.set_latency(SignedDuration::ZERO);
        self.is_observing = false;
        // Nobody calls any more, so that quotas have room and ending models are unused.
        for used in 0..self.account.truth.uses.len() {
            self.use_so(used, Load::Idle);
        }
        self.world.change(|file| {
            file.usage.iter_mut().for_each(|usage| (usage.series, usage.days) = (Vec::new(), None));
        });
        self.run_all()?;
        let mended = self.now();
        while self.now().duration_since(mended) < LONGEST {
            while self.world.increase_requests().iter().any(|r| r.status.is_open()) {
                self.decide(0, AwsVerdict::Granted);
            }
            self.handle_all()?;
            let before = self.now();
            self.tick();
            self.handle_all()?;
            self.is_swept(before)?;
            let Some(next) = self.next() else {
                self.stays_at_rest()?;
                return Ok(mended);
            };
            let minute = after(self.now(), SignedDuration::from_mins(1));
            self.world.pass(next.max(minute).duration_since(self.now()));
        }
        let open: Vec<String> = self.world.look_at(|rows| {
            let open = rows.iter().filter(|(_, row)| row.record.state != State::Closed);
            open.map(|(id, row)| format!("{id} {} due {:?}", row.record.state, row.record.due_at)).collect()
        });
        let how = format!("at {}: {}", self.now(), open.join(", "));
        Err(Violation { promise: "everything comes to an end", how })
    }

    /// Checks that an unhindered sweep leaves nothing that was due before it.
    fn is_swept(&self, before: Timestamp) -> Checked {
        let is_left = |row: &&LedgerRow| {
            let is_free = row.leased_until.is_none_or(|until| until <= before);
            is_free && row.record.due_at.is_some_and(|due| due <= before)
        };
        match self.world.look_at(|rows| rows.values().filter(is_left).count()) {
            0 => Ok(()),
            left => broken("a sweep looks after all that is due", format!("{left} were left")),
        }
    }

    /// The time of the next work; `None` at rest.
    fn next(&self) -> Option<Timestamp> {
        let waiting = self.messages.iter().filter_map(|m| match m.place {
            MessageState::Waiting(visible) => Some(visible),
            _ => None,
        });
        let now = self.now();
        let due = self.world.look_at(|rows| {
            let open = rows.values().filter(|row| row.record.state != State::Closed);
            let due = open.map(|row| {
                let due = row.record.due_at.unwrap_or(now);
                row.leased_until.map_or(due, |until| until.max(due))
            });
            due.min()
        });
        waiting.chain(due).min()
    }

    /// Checks that another tick changes nothing, and nobody holds anything.
    fn stays_at_rest(&mut self) -> Checked {
        let (before, ..) = self.check.notices();
        self.tick();
        self.start(0, 1, SignedDuration::ZERO);
        self.run_all()?;
        let (told, ..) = self.check.notices();
        if told > before {
            return Err(Violation { promise: "rest is quiet", how: format!("{} notices", told - before) });
        }
        let is_held = |row: &&LedgerRow| row.leased_until.is_some();
        let held = self.world.look_at(|rows| rows.values().filter(is_held).count());
        if held > 0 {
            return Err(Violation { promise: "every lease ends", how: format!("{held} are held") });
        }
        Ok(())
    }
}
