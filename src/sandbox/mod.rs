//! The embedded world: a small AWS account that keeps the real rules, filled from a world file.
//!
//! One law: every call passes one gate, which counts it, lets others run, and may fail it before or
//! after it happened. What runs here cannot tell it from AWS.

mod aws;
mod calls;
mod feed;
mod file;
mod healthy;
mod journal;
mod ledger;
mod quotas;
mod setup;
mod slow;
mod telemetry;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::task::Poll;

use jiff::{SignedDuration, Timestamp};

pub use calls::PortCall;
pub use feed::Fed;
pub use file::{
    AlarmEntry, CallEntry, Days, ErrorEntry, Fault, FaultKind, IncidentEntry, LastMinutes, LedgerEntry,
    LoggingEntry, MinuteEntry, ModeWord, ModelEntry, OfferedEntry, PolicyEntry, ProfileEntry, QuotaEntry,
    RequestEntry, RuleEntry, SourceWord, UsageEntry, WorldFile,
};
pub use healthy::{healthy_for, healthy_for_payload};
pub use journal::{Happened, NextFault};
pub use ledger::Row;

use crate::ids::Place;
use crate::notice::{Message, Notice, message};
use crate::world::{Answer, Clock, PortError, Topic, after};

/// An embedded world. Its methods take `&self`: several handlers can share one.
#[derive(Debug)]
pub struct Sandbox {
    state: RefCell<State>,
}

#[derive(Debug)]
struct State {
    now: Timestamp,
    /// How far the clock that functions read is ahead.
    ahead: SignedDuration,
    file: WorldFile,
    feed: feed::Feed,
    requests: Vec<quotas::Filed>,
    listings: Vec<quotas::Listing>,
    /// Whether Service Quotas lists only the quotas of the world file.
    lists_little: bool,
    ledger: ledger::Tables,
    published: Vec<(Notice, Message)>,
    calls: BTreeMap<PortCall, u32>,
    /// How the next call fails.
    next_fault: Option<NextFault>,
    journal: Option<Vec<Happened>>,
    /// Whether some call waits for an answer that never comes.
    hangs: bool,
    /// Searches through logs that were begun.
    queries: Vec<telemetry::Begun>,
    slow: slow::Slow,
    /// CloudWatch does not show what is younger than this yet.
    metrics_late: SignedDuration,
    /// Each call moves the clock by so much; unlike [`slow::Slow`], where whoever drives the world moves it.
    latency: SignedDuration,
}

impl Sandbox {
    /// A world as `file` describes it. Its clock shows `file.now`, else `now`.
    pub fn new(file: WorldFile, now: Timestamp) -> Self {
        let state = State {
            now: file.now.unwrap_or(now),
            ahead: SignedDuration::ZERO,
            feed: feed::Feed::default(),
            requests: quotas::filed_before(&file),
            listings: Vec::new(),
            lists_little: false,
            ledger: ledger::Tables::of(&file),
            published: Vec::new(),
            calls: BTreeMap::new(),
            next_fault: None,
            journal: None,
            hangs: false,
            queries: Vec::new(),
            slow: slow::Slow::default(),
            metrics_late: SignedDuration::ZERO,
            latency: SignedDuration::ZERO,
            file,
        };
        Self { state: RefCell::new(state) }
    }

    /// How often each call was made, by its name.
    pub fn calls(&self) -> BTreeMap<&'static str, u32> {
        self.state.borrow().calls.iter().map(|(call, count)| (call.as_str(), *count)).collect()
    }

    /// What was published, oldest first.
    pub fn published(&self) -> Vec<Notice> {
        self.state.borrow().published.iter().map(|(notice, _)| notice.clone()).collect()
    }

    /// The messages that were published, as SNS would have got them.
    pub fn messages(&self) -> Vec<Message> {
        self.state.borrow().published.iter().map(|(_, message)| message.clone()).collect()
    }

    /// Changes the world: what AWS's people or the account's would do meanwhile.
    pub fn change(&self, change: impl FnOnce(&mut WorldFile)) {
        change(&mut self.state.borrow_mut().file);
    }

    /// Lets time pass.
    pub fn pass(&self, time: SignedDuration) {
        let mut state = self.state.borrow_mut();
        state.now = after(state.now, time);
    }

    /// The gate.
    async fn call<T>(&self, call: PortCall, happen: impl FnOnce(&mut State) -> Answer<T>) -> Answer<T> {
        let fault = self.state.borrow_mut().count(call);
        if fault.is_some() {
            self.state.borrow_mut().note(|| Happened::Failed { call });
        }
        yield_now().await;
        self.take_time().await;
        self.state.borrow_mut().wait_for_an_answer();
        match fault {
            Some(FaultKind::Denied) => return Err(PortError::Denied(call.action().to_owned())),
            Some(FaultKind::Throttled) => return Err(PortError::Throttled),
            Some(FaultKind::Unavailable) => return Err(PortError::Unavailable("fault".to_owned())),
            Some(FaultKind::Hangs) => {
                self.state.borrow_mut().hangs = true;
                return std::future::pending().await;
            }
            Some(FaultKind::LostAnswer) | None => {}
        }
        let answer = happen(&mut self.state.borrow_mut());
        yield_now().await;
        if fault == Some(FaultKind::LostAnswer) { Err(PortError::UnknownOutcome) } else { answer }
    }

    /// The gate to what is asked of one account and Region. One account's credentials ask about no other.
    async fn call_at<T>(
        &self,
        place: &Place,
        call: PortCall,
        happen: impl FnOnce(&mut State) -> Answer<T>,
    ) -> Answer<T> {
        self.call(call, |state| match &state.file.account {
            Some(own) if *own != place.account => Err(PortError::invalid(format!(
                "account {} cannot be asked from account {own}",
                place.account
            ))),
            _ => happen(state),
        })
        .await
    }
}

impl State {
    /// The time that a call takes passes.
    fn wait_for_an_answer(&mut self) {
        self.now = after(self.now, self.latency);
        self.ledger.look_at(self.now);
    }

    /// Counts a call and says how it fails, if it does.
    fn count(&mut self, call: PortCall) -> Option<FaultKind> {
        let count = self.calls.entry(call).or_default();
        *count += 1;
        let nth = *count;
        if let Some(fault) = self.next_fault.take_if(|f| f.call.is_none_or(|of| of == call)) {
            return Some(fault.kind);
        }
        self.file.faults.iter().find(|f| f.call == call && f.nth.is_none_or(|n| n == nth)).map(|f| f.kind)
    }

    /// Writes down what happened, if a journal is kept.
    fn note(&mut self, happened: impl FnOnce() -> Happened) {
        if let Some(journal) = &mut self.journal {
            journal.push(happened());
        }
    }
}

/// Lets whatever else is ready run first; needs no particular executor.
async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|context| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl Clock for Sandbox {
    fn now(&self) -> Timestamp {
        let state = self.state.borrow();
        after(state.now, state.ahead)
    }

    async fn sleep(&self, duration: SignedDuration) {
        yield_now().await;
        if self.is_slow() {
            self.wait_for(duration).await;
        } else {
            self.pass(duration);
        }
    }

    /// Unless calls take time, it passes only for one that hangs: then, once nothing else goes on, the limit is over.
    async fn within<T>(&self, limit: SignedDuration, work: impl Future<Output = T>) -> Option<T> {
        let until = after(self.state.borrow().now, limit);
        let mut work = std::pin::pin!(work);
        let mut waits = 0;
        std::future::poll_fn(|context| {
            if let Poll::Ready(done) = work.as_mut().poll(context) {
                return Poll::Ready(Some(done));
            }
            let mut state = self.state.borrow_mut();
            waits += u32::from(state.hangs);
            let is_over = state.slow.is_on() && state.now >= until;
            if is_over || waits > WAITS || limit <= SignedDuration::ZERO {
                state.now = state.now.max(until);
                return Poll::Ready(None);
            }
            if state.hangs {
                context.waker().wake_by_ref();
            }
            Poll::Pending
        })
        .await
    }
}

/// What does not hang is answered after fewer waits than this.
const WAITS: u32 = 64;

impl Topic for Sandbox {
    /// Refuses what SNS refuses.
    async fn publish(&self, notice: &Notice) -> Answer<()> {
        self.call(PortCall::Publish, |state| {
            let message = message(notice);
            let refused = |why: &str| Err(PortError::invalid(format!("InvalidParameter: {why}")));
            if message.subject.is_empty()
                || message.subject.len() >= 100
                || !message.subject.chars().all(|c| c == ' ' || c.is_ascii_graphic())
            {
                return refused("Subject");
            }
            if message.size() > crate::notice::LARGEST {
                return refused("Message too long");
            }
            if message.attributes.values().any(|v| v.is_empty() || v.iter().any(String::is_empty)) {
                return refused("empty attribute");
            }
            state.note(|| Happened::Published(Box::new(notice.clone())));
            state.published.push((notice.clone(), message));
            Ok(())
        })
        .await
    }

    async fn subscribers(&self) -> Answer<u32> {
        self.call(PortCall::Subscribers, |state| Ok(state.file.subscribers.unwrap_or(1))).await
    }
}
