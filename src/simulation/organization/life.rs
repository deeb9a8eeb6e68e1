//! A life of a hub: its queue, its functions one after the other, and time.

use std::collections::BTreeMap;
use std::task::{Context, Poll, Waker};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::ids::{AccountRegion, IncidentId};
use crate::incident::record::State;
use crate::quota::request::RequestStatus;
use crate::run::context::{RunContext, TimeBudget};
use crate::run::handler::{DeliveryReport, handle};
use crate::sandbox::state::Sandbox;
use crate::sandbox::{FaultKind, NextFault, RoleWord};
use crate::simulation::life::{LEASE, to_its_end};
use crate::simulation::lived::Lived;
use crate::simulation::organization::check::HubChecker;
use crate::simulation::organization::members::{DENIED, HubMembers, Member, foreign};
use crate::simulation::organization::step::HubStep;
use crate::simulation::problem::{ACCOUNT, OTHER_ACCOUNT, REGIONS, tick};
use crate::simulation::violation::{Checked, Violation, broken};
use crate::time::after;

/// The part of a function's time for new work.
const WORKING: SignedDuration = SignedDuration::from_secs(40);
/// The queue's visibility timeout, and the most messages of a batch.
const HIDDEN: SignedDuration = SignedDuration::from_mins(6);
const BATCH: usize = 10;
/// A function that is polled more often waits for an answer that never comes.
const MOST_POLLS: u32 = 400_000;
const QUARTER: SignedDuration = SignedDuration::from_mins(15);
/// Long enough for any allowed request to be filed.
const NEED_QUARTERS: u8 = 24;
/// What nobody calls is forgotten after 30 days; a request in an account that cannot be entered, after 90.
const LONGEST: SignedDuration = SignedDuration::from_hours(14 * 7 * 24);

/// A message in the hub's queue.
struct Letter {
    body: String,
    /// What its account vouches for; `None` if the function must ignore it.
    error: Option<VouchedError>,
    visible: Timestamp,
}

/// An error that comes from the account that it names.
#[derive(Clone)]
struct VouchedError {
    place: AccountRegion,
    incident: IncidentId,
    is_throttle: bool,
}

struct HubLife<'a> {
    members: &'a HubMembers,
    world: &'a Sandbox,
    queue: Vec<Letter>,
    check: HubChecker<'a>,
    lived: Lived,
    /// The incidents by what opens them: the account, the Region, and whether it is a throttle.
    incidents: BTreeMap<(AccountRegion, bool), IncidentId>,
}

/// Simulates `steps`.
pub(super) fn live(members: &HubMembers, steps: &[HubStep]) -> Result<Lived, Violation> {
    let world = Sandbox::new(members.world(), members.start);
    world.keep_journal();
    // Other models' names take long to compare, and no life uses them.
    world.list_little();
    let mut life = HubLife {
        members,
        world: &world,
        queue: Vec::new(),
        check: HubChecker::new(members),
        lived: Lived::default(),
        incidents: incidents(members),
    };
    for step in steps {
        life.step(*step)?;
    }
    life.need()?;
    life.come_to_rest()?;
    life.check.at_rest(&world)?;
    Ok(life.lived())
}

/// The incident of each error, found in a world where nothing has happened.
fn incidents(members: &HubMembers) -> BTreeMap<(AccountRegion, bool), IncidentId> {
    let of = |body: &str| {
        let world = Sandbox::new(members.world(), members.start);
        let payload = batch(&[(0, body)]);
        let allowance = TimeBudget { until: members.start, lease: LEASE };
        let terms = RunContext { config: &members.config, home: &members.home, allowance };
        let mut handling = std::pin::pin!(handle(&world, &terms, payload.as_bytes()));
        let report = to_its_end(handling.as_mut())?.ok()?;
        Some(report.incidents.first()?.incident.id.clone())
    };
    let mut found = BTreeMap::new();
    for (member, region) in members.all.iter().flat_map(|m| (0..REGIONS.len()).map(move |r| (m, r))) {
        let Some(place) = member.place(region) else { continue };
        let throttle = of(&member.throttle(region, members.start));
        let denial = of(&member.error(DENIED, region, members.start));
        found.extend(throttle.map(|id| ((place.clone(), true), id)));
        found.extend(denial.map(|id| ((place.clone(), false), id)));
    }
    if let (Some(place), Some(member)) = (foreign(), members.all.first()) {
        found.extend(of(&member.foreign(members.start)).map(|id| ((place, true), id)));
    }
    found
}

/// A batch of the hub's queue.
fn batch(letters: &[(usize, &str)]) -> String {
    let record = |(n, body): &(usize, &str)| json!({ "messageId": n.to_string(), "eventSource": "aws:sqs", "body": body });
    json!({ "Records": letters.iter().map(record).collect::<Vec<_>>() }).to_string()
}

impl<'a> HubLife<'a> {
    fn now(&self) -> Timestamp {
        self.world.time()
    }

    /// The member that a step names by any number. Nothing happens to the last member before [`Self::need`].
    fn member(&self, n: usize) -> Option<&'a Member> {
        let (_, others) = self.members.all.split_last()?;
        others.get(n.checked_rem(others.len())?)
    }

    fn step(&mut self, step: HubStep) -> Checked {
        let now = self.now();
        match step {
            HubStep::Throttled { member, region, errors } => {
                for _ in 0..errors {
                    self.throttled(member, region);
                }
            }
            HubStep::Denied { member, region } => {
                if let Some(member) = self.member(member) {
                    self.send(member.error(DENIED, region, now), member.place(region), false);
                }
            }
            HubStep::Forged { member, from } => {
                if let (Some(member), Some(from)) = (self.member(member), self.member(from))
                    && member.account != from.account
                {
                    self.send(member.forged(from, now), None, false);
                }
            }
            HubStep::Published { member } => {
                if let Some(member) = self.member(member) {
                    self.send(member.published(now), None, false);
                }
            }
            HubStep::OwnCall { member, region } => {
                if let Some(member) = self.member(member) {
                    self.send(member.own_call(region, now), None, false);
                }
            }
            HubStep::Foreign => {
                if let Some(member) = self.member(0) {
                    self.send(member.foreign(now), foreign(), true);
                }
            }
            HubStep::Tick => self.send(tick().replace(ACCOUNT, OTHER_ACCOUNT), None, false),
            HubStep::Handle { dies_after, fault } => self.handle(dies_after, fault)?,
            HubStep::Pass { seconds } => self.world.pass(SignedDuration::from_secs(seconds.into())),
            HubStep::Role { member, .. }
            | HubStep::Off { member, .. }
            | HubStep::Refuse { member, .. }
            | HubStep::Mend { member }
            | HubStep::Decide { member, .. } => {
                if let Some(member) = self.member(member) {
                    self.change(member, step);
                }
            }
        }
        Ok(())
    }

    /// Changes what AWS answers in a member.
    fn change(&mut self, member: &Member, step: HubStep) {
        let account = &member.account;
        match step {
            HubStep::Role { role, .. } => {
                self.world.set_role(account, role);
                if role != RoleWord::Assumable {
                    self.check.is_shut(account, self.now());
                }
            }
            HubStep::Off { region, .. } => {
                if let Some(place) = member.place(region) {
                    self.world.switch_off(account, &place.region);
                }
            }
            HubStep::Refuse { kind, .. } => self.world.refuse_in(account, kind),
            HubStep::Mend { .. } => self.mend(member),
            HubStep::Decide { is_granted, .. } => self.decide(member, is_granted),
            _ => {}
        }
    }

    fn mend(&mut self, member: &Member) {
        self.world.mend_member(&member.account);
        self.check.is_open(&member.account);
    }

    fn decide(&mut self, member: &Member, is_granted: bool) {
        let closed = self.world.in_member(&member.account, |world| {
            let open = world.increase_requests().into_iter().filter(|r| r.status.is_open());
            open.map(|request| {
                let (status, value) = if is_granted {
                    (RequestStatus::CaseClosed, Some(request.desired))
                } else {
                    (RequestStatus::Denied, None)
                };
                world.decide(&request.id, status, value);
            })
            .count()
        });
        self.lived.outcomes += closed as u64;
    }

    fn throttled(&mut self, member: usize, region: usize) {
        let now = self.now();
        if let Some(member) = self.member(member) {
            self.send(member.throttle(region, now), member.place(region), true);
        }
    }

    fn send(&mut self, body: String, place: Option<AccountRegion>, is_throttle: bool) {
        self.lived.messages += 1;
        let error = place.and_then(|place| {
            let incident = self.incidents.get(&(place.clone(), is_throttle))?.clone();
            Some(VouchedError { place, incident, is_throttle })
        });
        self.queue.push(Letter { body, error, visible: self.now() });
    }

    /// Runs a function on the messages that wait.
    fn handle(&mut self, dies_after: Option<u16>, fault: Option<FaultKind>) -> Checked {
        let now = self.now();
        let waiting = self.queue.iter().enumerate().filter(|(_, letter)| letter.visible <= now);
        let taken: Vec<usize> = waiting.map(|(n, _)| n).take(BATCH).collect();
        if taken.is_empty() {
            return Ok(());
        }
        self.lived.functions += 1;
        self.lived.deliveries += taken.len() as u64;
        for letter in taken.iter().filter_map(|n| self.queue.get(*n)) {
            if let Some(error) = &letter.error {
                self.check.received(&error.place, error.is_throttle);
            }
        }
        let letters: Vec<(usize, &str)> =
            taken.iter().filter_map(|n| Some((*n, self.queue.get(*n)?.body.as_str()))).collect();
        let payload = batch(&letters);
        if let Some(kind) = fault {
            self.world.fail_next(NextFault { call: None, kind });
        }
        let report = self.run(&payload, dies_after)?;
        self.world.spare_next();
        self.lived.crashes += u64::from(report.is_none());
        let failed = report.as_ref().map(DeliveryReport::failed_ids);
        let is_done = |n: usize| failed.as_ref().is_some_and(|failed| !failed.contains(&n.to_string()));
        for n in &taken {
            let Some(letter) = self.queue.get_mut(*n) else { continue };
            match &letter.error {
                Some(error) if is_done(*n) => self.check.acknowledged(&error.incident),
                _ => {}
            }
            letter.visible = after(now, HIDDEN);
        }
        let mut n = 0;
        self.queue.retain(|_| {
            n += 1;
            !(taken.contains(&(n - 1)) && is_done(n - 1))
        });
        self.check.is_in_its_place(self.world)
    }

    /// Runs a function to its end; `None` if it dies.
    fn run(&mut self, payload: &str, dies_after: Option<u16>) -> Result<Option<DeliveryReport>, Violation> {
        let now = self.now();
        let allowance = TimeBudget { until: after(now, WORKING), lease: LEASE };
        let terms = RunContext { config: &self.members.config, home: &self.members.home, allowance };
        let mut running = std::pin::pin!(handle(self.world, &terms, payload.as_bytes()));
        let mut context = Context::from_waker(Waker::noop());
        for polls in 0..MOST_POLLS {
            if dies_after.is_some_and(|most| polls >= u32::from(most)) {
                return Ok(None);
            }
            let polled = running.as_mut().poll(&mut context);
            self.check.happened(self.world.take_journal(), self.world.time())?;
            if let Poll::Ready(done) = polled {
                return Ok(done.ok());
            }
        }
        Err(Violation { promise: "a function ends", how: format!("it was polled {MOST_POLLS} times") })
    }

    /// Handles everything that waits.
    fn handle_all(&mut self) -> Checked {
        let now = self.now();
        while self.queue.iter().any(|letter| letter.visible <= now) {
            self.handle(None, None)?;
        }
        Ok(())
    }

    /// For hours the calls of every member are throttled, the first time for the last one, which answers every call. The
    /// others are as the steps left them.
    fn need(&mut self) -> Checked {
        let since = self.now();
        for member in &self.members.all {
            // Its use went on while time passed.
            self.world.in_member(&member.account, |world| {
                world.change(|file| {
                    file.usage.iter_mut().filter_map(|usage| usage.days.as_mut()).for_each(|days| {
                        days.until = Some(since);
                    });
                });
            });
        }
        for _ in 0..NEED_QUARTERS {
            for member in &self.members.all {
                self.send(member.throttle(0, self.now()), member.place(0), true);
            }
            self.sweep()?;
            self.world.pass(QUARTER);
        }
        match self.members.all.last() {
            Some(member) => self.check.is_served(member, member.place(0).as_ref(), since),
            None => Ok(()),
        }
    }

    fn sweep(&mut self) -> Checked {
        self.step(HubStep::Tick)?;
        self.handle_all()
    }

    /// Nobody calls any more, and most members answer again. Ticks until everything is over.
    fn come_to_rest(&mut self) -> Checked {
        for member in &self.members.all {
            if !member.stays_shut {
                self.mend(member);
            }
            self.world.in_member(&member.account, |world| world.change(|file| file.usage.clear()));
        }
        let since = self.now();
        while self.now().duration_since(since) < LONGEST {
            for member in &self.members.all {
                self.decide(member, true);
            }
            self.sweep()?;
            let now = self.now();
            let next = self.world.look_at(|rows| {
                let open = rows.values().filter(|row| row.record.state != State::Closed);
                open.map(|row| row.record.due_at.unwrap_or(now).max(row.leased_until.unwrap_or(now))).min()
            });
            let hidden = self.queue.iter().map(|letter| letter.visible).min();
            let Some(next) = [next, hidden].into_iter().flatten().min() else { return Ok(()) };
            self.world.pass(next.max(after(now, SignedDuration::from_mins(1))).duration_since(now));
        }
        broken("everything comes to an end", format!("something is open at {}", self.now()))
    }

    fn lived(&self) -> Lived {
        Lived {
            faults: self.check.faults,
            incidents: self.check.incidents(),
            notices: self.check.notices,
            digests: self.check.digests,
            requests: self.check.requests(),
            of_members: self.check.requests(),
            served: self.check.served,
            ..self.lived
        }
    }
}
