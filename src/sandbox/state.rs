//! The sandbox's state, and the one gate that every call passes.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::task::Poll;

use jiff::{SignedDuration, Timestamp};

use crate::error::{ServiceError, ServiceResult};
use crate::ids::{AccountId, AccountRegion};
use crate::notice::{Message, Notice, message};
use crate::ports::{Clock, Topic};
use crate::sandbox::account::{MemberAccount, members_of};
use crate::sandbox::calls::PortCall;
use crate::sandbox::file::{FaultKind, WorldFile};
use crate::sandbox::filed::{self, FiledRequest, PastListing};
use crate::sandbox::happened::{Happened, NextFault};
use crate::sandbox::meter::{Feed, RunningQuery};
use crate::sandbox::tables::{Slow, Tables};
use crate::time::after;

/// A simulated AWS account. Its methods take `&self`, so several handlers can share it.
#[derive(Debug)]
pub struct Sandbox {
    pub(crate) state: RefCell<SandboxState>,
}

#[derive(Debug)]
pub(crate) struct SandboxState {
    pub(crate) now: Timestamp,
    /// How far the clock that functions read is ahead.
    pub(crate) ahead: SignedDuration,
    pub(crate) file: WorldFile,
    pub(crate) feed: Feed,
    pub(crate) requests: Vec<FiledRequest>,
    pub(crate) listings: Vec<PastListing>,
    /// Whether Service Quotas lists only the quotas of the world file.
    pub(crate) lists_little: bool,
    pub(crate) ledger: Tables,
    /// The other accounts of the organization.
    pub(crate) members: BTreeMap<AccountId, MemberAccount>,
    /// How many calls each account and Region has answered.
    pub(crate) answered: BTreeMap<AccountRegion, u32>,
    published: Vec<(Notice, Message)>,
    calls: BTreeMap<PortCall, u32>,
    /// How the next call fails.
    pub(crate) next_fault: Option<NextFault>,
    pub(crate) journal: Option<Vec<Happened>>,
    /// Whether some call waits for an answer that never comes.
    hangs: bool,
    /// Log searches that were started.
    pub(crate) queries: Vec<RunningQuery>,
    pub(crate) slow: Slow,
    /// How late CloudWatch shows its measurements.
    pub(crate) metrics_late: SignedDuration,
    /// How far each call moves the clock; unlike [`Slow`], where the test driver moves it.
    pub(crate) latency: SignedDuration,
}

impl Sandbox {
    /// Makes the world that `file` describes. Its clock shows `file.now`, or `now` if the file has none.
    pub fn new(file: WorldFile, now: Timestamp) -> Self {
        let state = SandboxState {
            now: file.now.unwrap_or(now),
            ahead: SignedDuration::ZERO,
            feed: Feed::default(),
            requests: filed::filed_before(&file),
            listings: Vec::new(),
            lists_little: false,
            ledger: Tables::of(&file),
            members: members_of(&file),
            answered: BTreeMap::new(),
            published: Vec::new(),
            calls: BTreeMap::new(),
            next_fault: None,
            journal: None,
            hangs: false,
            queries: Vec::new(),
            slow: Slow::default(),
            metrics_late: SignedDuration::ZERO,
            latency: SignedDuration::ZERO,
            file,
        };
        Self { state: RefCell::new(state) }
    }

    /// How often each call was made, by name.
    pub fn calls(&self) -> BTreeMap<&'static str, u32> {
        self.state.borrow().calls.iter().map(|(call, count)| (call.as_str(), *count)).collect()
    }

    /// The published notices, oldest first.
    pub fn published(&self) -> Vec<Notice> {
        self.state.borrow().published.iter().map(|(notice, _)| notice.clone()).collect()
    }

    /// The published messages, in the form that SNS gets.
    pub fn messages(&self) -> Vec<Message> {
        self.state.borrow().published.iter().map(|(_, message)| message.clone()).collect()
    }

    /// Changes the world, as AWS or people of the account would meanwhile.
    pub fn change(&self, change: impl FnOnce(&mut WorldFile)) {
        change(&mut self.state.borrow_mut().file);
    }

    /// Lets time pass.
    pub fn pass(&self, time: SignedDuration) {
        let mut state = self.state.borrow_mut();
        state.now = after(state.now, time);
    }

    /// The gate.
    pub(crate) async fn call<T>(
        &self,
        call: PortCall,
        happen: impl FnOnce(&mut SandboxState) -> ServiceResult<T>,
    ) -> ServiceResult<T> {
        let fault = self.state.borrow_mut().count(call);
        if fault.is_some() {
            self.state.borrow_mut().note(|| Happened::Failed { call });
        }
        yield_now().await;
        self.take_time().await;
        self.state.borrow_mut().wait_for_an_answer();
        if let Some(refusal) = fault.and_then(|fault| fault.refusal(call)) {
            return Err(refusal);
        }
        if fault == Some(FaultKind::Hangs) {
            self.state.borrow_mut().hangs = true;
            return std::future::pending().await;
        }
        let answer = happen(&mut self.state.borrow_mut());
        yield_now().await;
        if fault == Some(FaultKind::LostAnswer) { Err(ServiceError::UnknownOutcome) } else { answer }
    }

    /// The gate for calls to one account and Region.
    pub(crate) async fn call_at<T>(
        &self,
        place: &AccountRegion,
        call: PortCall,
        happen: impl FnOnce(&mut SandboxState) -> ServiceResult<T>,
    ) -> ServiceResult<T> {
        self.call(call, |state| state.answer_at(place, call, happen)).await
    }
}

impl SandboxState {
    /// Moves the clock by the time that a call takes.
    fn wait_for_an_answer(&mut self) {
        self.now = after(self.now, self.latency);
        self.ledger.look_at(self.now);
    }

    /// Counts a call; returns how it fails, if it does.
    fn count(&mut self, call: PortCall) -> Option<FaultKind> {
        let count = self.calls.entry(call).or_default();
        *count += 1;
        let nth = *count;
        if let Some(fault) = self.next_fault.take_if(|f| f.call.is_none_or(|of| of == call)) {
            return Some(fault.kind);
        }
        self.file.faults.iter().find(|f| f.call == call && f.nth.is_none_or(|n| n == nth)).map(|f| f.kind)
    }

    /// Records what happened, if a journal is kept.
    pub(crate) fn note(&mut self, happened: impl FnOnce() -> Happened) {
        if let Some(journal) = &mut self.journal {
            journal.push(happened());
        }
    }
}

impl FaultKind {
    /// How AWS refuses `call`, without effect; `None` if the answer is lost or never comes.
    pub(super) fn refusal(self, call: PortCall) -> Option<ServiceError> {
        match self {
            Self::Denied => Some(ServiceError::denied(call.action())),
            Self::Throttled => Some(ServiceError::Throttled),
            Self::Unavailable => Some(ServiceError::Unavailable("fault".to_owned())),
            Self::LostAnswer | Self::Hangs => None,
        }
    }
}

/// Lets every other ready task run first; works on any executor.
pub(crate) async fn yield_now() {
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

    /// Unless calls take time, the limit passes only for a call that hangs, once nothing else makes progress.
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

/// A call that does not hang is answered after fewer waits than this.
pub(crate) const WAITS: u32 = 64;

impl Topic for Sandbox {
    /// Refuses what SNS refuses.
    async fn publish(&self, notice: &Notice) -> ServiceResult<()> {
        self.call(PortCall::Publish, |state| {
            let message = message(notice);
            let refused = |why: &str| Err(ServiceError::invalid(format!("InvalidParameter: {why}")));
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

    async fn subscribers(&self) -> ServiceResult<u32> {
        self.call(PortCall::Subscribers, |state| Ok(state.file.subscribers.unwrap_or(1))).await
    }
}
