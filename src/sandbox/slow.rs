//! Calls that take simulated time, which passes as soon as every function waits.

use std::task::Poll;

use jiff::{SignedDuration, Timestamp};

use crate::sandbox::state::Sandbox;
use crate::time::after;

impl Sandbox {
    /// Sets how long every call takes from now on. Only [`Sandbox::pass_to_next`] then answers calls.
    pub fn slow_down(&self, latency: SignedDuration) {
        self.state.borrow_mut().slow.latency = latency;
    }

    /// Lets time pass until the next call is answered, at most to `until`. `false` if no call is answered by then.
    pub fn pass_to_next(&self, until: Timestamp) -> bool {
        let mut state = self.state.borrow_mut();
        let next = state.slow.waiting.iter().map(|(at, _)| *at).min().filter(|at| *at <= until);
        state.now = state.now.max(next.unwrap_or(until));
        let now = state.now;
        let waiting = std::mem::take(&mut state.slow.waiting);
        let (answered, waiting): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|(at, _)| *at <= now);
        state.slow.waiting = waiting;
        drop(state);
        for (_, waker) in answered {
            waker.wake();
        }
        next.is_some()
    }

    pub(super) fn is_slow(&self) -> bool {
        self.state.borrow().slow.is_on()
    }

    /// Waits as long as a call takes.
    pub(super) async fn take_time(&self) {
        let latency = self.state.borrow().slow.latency;
        if latency > SignedDuration::ZERO {
            self.wait_for(latency).await;
        }
    }

    pub(super) async fn wait_for(&self, time: SignedDuration) {
        let until = after(self.state.borrow().now, time);
        std::future::poll_fn(|context| {
            let mut state = self.state.borrow_mut();
            if state.now >= until {
                return Poll::Ready(());
            }
            state.slow.waiting.push((until, context.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}
