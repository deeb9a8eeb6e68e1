//! What becomes visible of a year: alarms on transitions, and a sample of what CloudTrail records.

use std::sync::Arc;

use jiff::Timestamp;

use crate::ids::Region;
use crate::model::ModelId;
use crate::sandbox::Fed;
use crate::sandbox::state::Sandbox;
use crate::simulation::years::abuse::AbuseCaller;
use crate::simulation::years::account::{Trouble, YearAccount};
use crate::simulation::years::demand::chance;
use crate::simulation::years::events::{REGION, batch};
use crate::simulation::years::pool::{Bound, Served, Service};
use crate::simulation::years::setting::LATE;
use crate::usage::Minute;

/// Minutes between forwarded errors of one model, and their number.
const FORWARDED: i64 = 30;
const SAMPLE: i64 = 3;
/// Minutes without a throttle until an alarm is over.
const OVER: u32 = 15;

/// A caller's calls of one model, by their result.
#[derive(Debug)]
struct CallMix {
    ok: Arc<Fed>,
    tokens: Arc<Fed>,
    requests: Arc<Fed>,
    capacity: Arc<Fed>,
}

/// One `ModelId`.
#[derive(Debug, Default)]
struct Eye {
    /// Calls of each legitimate caller.
    legitimate: Vec<CallMix>,
    /// Calls of the abuser.
    abuse: Option<CallMix>,
    /// The last minutes with throttles, and with server errors, one bit each; the lowest bit is the latest minute.
    throttles: u64,
    server_errors: u64,
    is_in_alarm: [bool; 2],
    /// What last refused calls, and when.
    failed: Option<(i64, Bound)>,
    /// The share of abuse in the failed calls.
    abuse_part: f64,
    forwarded: Option<i64>,
}

/// All ids, by index.
#[derive(Debug)]
pub(super) struct Sight {
    eyes: Vec<Eye>,
    /// Failed calls of troubles that were not forwarded yet.
    waiting: Vec<Arc<Fed>>,
}

fn fed(model: &ModelId, who: &AbuseCaller, error: Option<(&str, String)>) -> Option<Arc<Fed>> {
    Some(Arc::new(Fed {
        region: Region::parse(REGION)?,
        model: model.clone(),
        caller: who.principal.clone(),
        address: who.address.clone(),
        agent: who.agent.clone(),
        error: error.map(|(code, message)| (code.to_owned(), message)),
    }))
}

impl CallMix {
    fn of(model: &ModelId, who: &AbuseCaller, names_limit: bool) -> Option<Self> {
        let throttled = |named: &str| {
            let text = if names_limit {
                format!("Too many {named}, please wait before trying again.")
            } else {
                "Your request was throttled, please wait before trying again.".to_owned()
            };
            fed(model, who, Some(("ThrottlingException", text)))
        };
        let busy = format!("Model {} is currently overloaded. Please try again later.", model.base());
        Some(Self {
            ok: fed(model, who, None)?,
            tokens: throttled("tokens")?,
            requests: throttled("requests")?,
            capacity: fed(model, who, Some(("ThrottlingException", busy)))?,
        })
    }

    fn refused(&self, bound: Bound) -> &Arc<Fed> {
        match bound {
            Bound::Tokens => &self.tokens,
            Bound::Requests => &self.requests,
            Bound::Capacity => &self.capacity,
        }
    }
}

impl Eye {
    /// The caller of a call, chosen by `luck`; the share `abuse` of calls is abuse.
    fn caller(&self, abuse: f64, luck: f64) -> Option<&CallMix> {
        if luck < abuse {
            return self.abuse.as_ref();
        }
        let rest = (luck - abuse) / (1.0 - abuse).max(1e-9);
        let n = (rest * self.legitimate.len() as f64) as usize;
        self.legitimate.get(n.min(self.legitimate.len().saturating_sub(1)))
    }
}

impl Sight {
    pub(super) fn new(account: &YearAccount, meters: usize) -> Self {
        let mut eyes: Vec<Eye> = (0..meters).map(|_| Eye::default()).collect();
        for service in account.pools.iter().flat_map(|pool| &pool.services) {
            let Some(eye) = eyes.get_mut(service.meter) else { continue };
            let of = |who: &AbuseCaller| CallMix::of(&service.id, who, account.names_limit);
            eye.legitimate = service.callers.iter().filter_map(of).collect();
            eye.abuse = service.abuse.as_ref().and_then(|abuse| of(&abuse.who));
        }
        Self { eyes, waiting: Vec::new() }
    }

    /// Records the result of one minute of a service.
    pub(super) fn see(
        &mut self,
        world: &Sandbox,
        service: &Service,
        served: &Served,
        bound: Option<Bound>,
        minute: i64,
        at: Timestamp,
    ) {
        let Some(eye) = self.eyes.get_mut(service.meter) else { return };
        let measured = &served.measured;
        eye.throttles = (eye.throttles << 1) | u64::from(measured.throttles > 0.0);
        eye.server_errors = (eye.server_errors << 1) | u64::from(measured.server_errors > 0.0);
        let asked = served.abuse_asked + served.legitimate;
        let abuse = if asked > 0.0 { served.abuse_asked / asked } else { 0.0 };
        let luck = |n: u64| chance(service.seed ^ n, minute);
        if measured.invocations >= 1.0
            && let Some(calls) = eye.caller(abuse, luck(0xa1))
        {
            world.record(at, &calls.ok);
        }
        if let Some(bound) = bound.filter(|_| measured.throttles + measured.server_errors > 0.0) {
            (eye.failed, eye.abuse_part) = (Some((minute, bound)), abuse);
            if let Some(calls) = eye.caller(abuse, luck(0xe4)) {
                world.record(at, calls.refused(bound));
            }
        }
    }

    /// Records a failed call of a trouble.
    pub(super) fn fail(
        &mut self,
        world: &Sandbox,
        trouble: &Trouble,
        meter: usize,
        model: &ModelId,
        at: Timestamp,
    ) {
        let one = f64::from(u8::from(trouble.is_server_error));
        let minute = Minute { server_errors: one, client_errors: 1.0 - one, ..Minute::NONE };
        world.measure(meter, at, &minute);
        if let Some(call) = fed(model, &trouble.who, Some((trouble.code, trouble.message.to_owned()))) {
            world.record(at, &call);
            self.waiting.push(call);
        }
    }

    /// The alarms that go off now, on throttles and on server errors: model and metric.
    pub(super) fn alarms(&mut self, account: &YearAccount) -> Vec<(String, &'static str)> {
        let mut off = Vec::new();
        for service in account.pools.iter().flat_map(|pool| &pool.services) {
            let Some(eye) = self.eyes.get_mut(service.meter) else { continue };
            let metrics =
                [(eye.throttles, "InvocationThrottles"), (eye.server_errors, "InvocationServerErrors")];
            for ((minutes, metric), is_in_alarm) in metrics.into_iter().zip(&mut eye.is_in_alarm) {
                // Measurements are shown late.
                let shown = minutes >> LATE;
                if shown & 0b1_1111 != 0 {
                    if !*is_in_alarm {
                        off.push((service.id.as_str().to_owned(), metric));
                    }
                    *is_in_alarm = true;
                } else if shown & ((1 << OVER) - 1) == 0 {
                    *is_in_alarm = false;
                }
            }
        }
        off
    }

    /// A batch of errors that CloudTrail recorded, if some must be forwarded now.
    pub(super) fn errors(&mut self, account: &YearAccount, now: i64, at: Timestamp) -> Option<String> {
        let mut calls: Vec<Arc<Fed>> = std::mem::take(&mut self.waiting);
        for service in account.pools.iter().flat_map(|pool| &pool.services) {
            let Some(eye) = self.eyes.get_mut(service.meter) else { continue };
            let Some((_, bound)) = eye.failed.filter(|(minute, _)| now - minute <= 10) else { continue };
            if eye.forwarded.is_some_and(|last| now - last < FORWARDED) {
                continue;
            }
            eye.forwarded = Some(now);
            let luck = (0..SAMPLE).map(|n| chance(service.seed ^ 0xf0, now * SAMPLE + n));
            let sample = luck.filter_map(|luck| eye.caller(eye.abuse_part, luck));
            calls.extend(sample.map(|of| Arc::clone(of.refused(bound))));
        }
        batch(calls.iter().map(AsRef::as_ref), at)
    }
}
