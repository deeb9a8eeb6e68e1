//! What changes in the account of a life: AWS's decisions, its use, its people, and what fails.
//!
//! Invariant: Each change is recorded in [`crate::simulation::truth`] at the same time.

use jiff::{SignedDuration, Timestamp};

use crate::ids::{self, AccountId, QuotaCode, Region};
use crate::quota::request::{RequestOutcome, RequestStatus};
use crate::sandbox::{CallEntry, LastMinutes, MinuteEntry};
use crate::simulation::life::state::{Life, nth};
use crate::simulation::problem::{Problem, root};
use crate::simulation::step::{AwsVerdict, Load};
use crate::simulation::truth::earlier;
use crate::usage::Minute;

/// How many minutes CloudWatch shows one by one.
const MINUTES: i64 = 120;
/// For earlier changes: how many last minutes of each are kept, and of how many changes.
const KEPT_MINUTES: i64 = 5;
const KEPT: usize = 60;

impl Life<'_> {
    pub(super) fn decide(&mut self, request: usize, verdict: AwsVerdict) {
        let open: Vec<_> =
            self.world.increase_requests().into_iter().filter(|r| r.status.is_open()).collect();
        let Some(request) = nth(request, open.len()).and_then(|n| open.get(n)) else { return };
        let before = self.world.applied_to(&request.id).unwrap_or(request.desired);
        let most = before * self.account.ceiling;
        let granted = match verdict {
            AwsVerdict::Granted => request.desired.min(most),
            AwsVerdict::PartlyGranted => f64::midpoint(before, request.desired).min(most),
            AwsVerdict::CaseOpened | AwsVerdict::ClosedUnchanged | AwsVerdict::Denied => before,
        };
        let (status, outcome) = match verdict {
            AwsVerdict::CaseOpened => (RequestStatus::CaseOpened, None),
            AwsVerdict::Denied => (RequestStatus::Denied, Some(RequestOutcome::Denied)),
            _ if granted >= request.desired => (RequestStatus::CaseClosed, Some(RequestOutcome::Granted)),
            _ if granted > before => (RequestStatus::CaseClosed, Some(RequestOutcome::PartlyGranted)),
            _ => (RequestStatus::CaseClosed, Some(RequestOutcome::ClosedUnchanged)),
        };
        self.world.decide(&request.id, status, (granted > before).then_some(granted));
        let now = self.now();
        let truth = &mut self.check.truth;
        let region = truth.request(&request.id).map(|r| r.region.clone());
        if let Some(region) = region.filter(|_| granted > before) {
            truth.set_value(&region, &request.code, granted, now, Some(&request.id));
        }
        if let Some(outcome) = outcome {
            truth.decided(&request.id, outcome, now);
        }
    }

    /// Changes how a model is used from now on. CloudWatch still shows its earlier use.
    pub(super) fn use_so(&mut self, used: usize, load: Load) {
        let Some(n) = nth(used, self.account.truth.uses.len()) else { return };
        let now = self.now();
        self.measure();
        let truth = &mut self.check.truth;
        let Some(of) = truth.uses.get(n) else { return };
        // As near to the present applied value as to the default at the beginning.
        let key = of.code().map(|code| (of.region.clone(), code));
        let quota = key.as_ref().and_then(|key| truth.quotas.get(key));
        let times = quota.and_then(|q| Some(q.values.last()?.1 / q.default)).unwrap_or(1.0);
        let mut full = Minute::NONE;
        full.add(&of.minute, times);
        let (full, calls) = (full, full.invocations);
        let minute = match load {
            Load::Full => Some(full),
            Load::Heavy => Some(Minute { throttles: (calls * 6.0).ceil(), ..full }),
            Load::Calm => Some(Minute { throttles: 0.0, ..full }),
            Load::Refused => {
                let mut few = Minute::NONE;
                few.add(&full, 0.01);
                Some(Minute { invocations: few.invocations.max(1.0), throttles: 900.0, ..few })
            }
            Load::Idle => None,
        };
        let Some(of) = truth.uses.get_mut(n) else { return };
        let model = of.model;
        let last = of.phases.last().copied();
        of.phases.push((now, minute));
        self.world.change(|file| {
            let Some(usage) = file.usage.get_mut(n) else { return };
            if let Some((since, Some(each))) = last {
                let lasted = now.duration_since(since).as_mins().min(KEPT_MINUTES);
                let at = |n: i64| earlier(now, SignedDuration::from_mins(n + 1));
                usage
                    .series
                    .extend((0..lasted).map(|n| MinuteEntry { at: at(n), values: model.shown(each) }));
                let too_many = usage.series.len().saturating_sub(KEPT);
                usage.series.drain(..too_many);
            }
            usage.last = minute.map(|each| LastMinutes { minutes: 0, each: model.shown(each) });
        });
    }

    /// Updates CloudWatch with the minutes since the present use began.
    pub(super) fn measure(&mut self) {
        let now = self.now();
        if self.measured == now {
            return;
        }
        self.measured = now;
        let uses = &self.check.truth.uses;
        self.world.change(|file| {
            for (usage, of) in file.usage.iter_mut().zip(uses) {
                let (Some(last), Some((since, _))) = (&mut usage.last, of.phases.last()) else { continue };
                let minutes = now.duration_since(*since).as_mins().clamp(0, MINUTES);
                last.minutes = u32::try_from(minutes).unwrap_or_default();
            }
        });
    }

    /// CloudTrail's event history shows a call of the root user.
    pub(super) fn root_calls(&mut self, problem: &Problem, time: Timestamp) {
        let Some(region) = problem.place().filter(|_| problem.is_in_history()) else { return };
        self.check.truth.root_called(time, region.clone());
        let call = CallEntry {
            region,
            model_id: problem.model.clone(),
            time,
            caller: root(),
            address: None,
            user_agent: None,
        };
        self.world.change(|file| file.calls.push(call));
    }

    /// A person requests a percentage of the applied value.
    pub(super) fn ask_by_hand(&mut self, used: usize, percent: u32) {
        let Some((region, code)) = nth(used, self.account.codes()).and_then(|n| self.account.code(n)) else {
            return;
        };
        let (Some(value), Some(account)) =
            (self.check.truth.value(&region, &code), AccountId::parse(crate::simulation::problem::ACCOUNT))
        else {
            return;
        };
        let place = ids::AccountRegion { account, region };
        let desired = (value * f64::from(percent) / 100.0).floor();
        if let Ok(request) = self.world.request_by_hand(&place, &code, desired) {
            self.check.requested(request.id, &place, &code, desired, request.created, false);
        }
    }

    /// AWS lowers a quota by a fifth.
    pub(super) fn lower(&mut self, used: usize) {
        let Some((region, code)) = nth(used, self.account.codes()).and_then(|n| self.account.code(n)) else {
            return;
        };
        let Some(value) = self.check.truth.value(&region, &code) else { return };
        let value = (value * 0.8).floor();
        self.apply(&region, &code, value);
        let now = self.now();
        self.check.truth.set_value(&region, &code, value, now, None);
    }

    fn apply(&self, region: &Region, code: &QuotaCode, value: f64) {
        self.world.change(|file| {
            let quota = file.quotas.iter_mut().find(|q| q.code == *code && q.region.as_ref() == Some(region));
            if let Some(quota) = quota {
                quota.applied = Some(value);
            }
        });
    }

    pub(super) fn listen(&mut self, listeners: u32) {
        let now = self.now();
        self.check.truth.listen(now, listeners);
        self.world.change(|file| file.subscribers = Some(listeners));
    }

    /// Makes everything work again.
    pub(super) fn mend(&mut self) {
        self.world.change(|file| file.faults.clear());
        self.world.set_index_lag(SignedDuration::ZERO);
        self.world.set_metrics_late(SignedDuration::ZERO);
        self.fault = None;
        for function in &mut self.functions {
            function.fault = None;
        }
    }
}
