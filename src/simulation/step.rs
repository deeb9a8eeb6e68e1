//! The steps of a life.

use fastrand::Rng;

use crate::sandbox::{FaultKind, PortCall};

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScriptStep {
    /// Sends errors of a problem.
    Send {
        /// Index of the problem in the account.
        problem: usize,
        /// Number of errors.
        errors: u8,
        /// Minutes since the errors happened; negative if their time is in the future.
        minutes: i32,
    },
    /// Sends an error of each problem.
    Burst,
    /// Invokes the function with an error or alarm, without the queue.
    Invoke {
        /// Index of the problem in the account.
        problem: usize,
    },
    /// Sends something that cannot be read.
    Poison,
    /// The schedule ticks.
    Tick,
    /// Service Quotas sends an event.
    News,
    /// Delivers an earlier message again.
    Duplicate {
        /// Index of the message.
        message: usize,
    },
    /// Starts a function on waiting messages, from the nth on.
    Start {
        /// Index of the first message.
        from: usize,
        /// The most messages.
        most: u8,
        /// How far its clock is ahead, in seconds.
        ahead: i16,
    },
    /// Runs a function for up to a number of calls.
    Run {
        /// Index of the function.
        function: usize,
        /// Number of polls; each call waits twice.
        polls: u8,
    },
    /// Makes the next call of a function fail.
    Fail {
        /// Index of the function.
        function: usize,
        /// The call; `None` for any.
        call: Option<PortCall>,
        /// How it fails.
        kind: FaultKind,
    },
    /// Makes every call of one kind fail from now on.
    Break {
        /// The call.
        call: PortCall,
        /// How it fails.
        kind: FaultKind,
    },
    /// Makes everything work again.
    Mend,
    /// A function dies.
    Crash {
        /// Index of the function.
        function: usize,
    },
    /// Time passes.
    Pass {
        /// Number of seconds.
        seconds: u32,
    },
    /// AWS decides an open request.
    Decide {
        /// Index of the request.
        request: usize,
        /// The decision.
        verdict: AwsVerdict,
    },
    /// Changes how a model is used from now on.
    Use {
        /// Index of the use in the account.
        used: usize,
        /// The new use.
        load: Load,
    },
    /// A person requests a percentage of the applied value of the quota that a use fills.
    People {
        /// Index of the use; after the uses come the quotas that are not of model inference.
        used: usize,
        /// The percentage.
        percent: u32,
    },
    /// AWS lowers the quota that a use fills by a fifth.
    Lower {
        /// Index of the use.
        used: usize,
    },
    /// Sets the number of the topic's subscribers.
    Listen {
        /// Number of subscribers.
        listeners: u32,
    },
    /// Sets how late the ledger's indexes show a write.
    Lag {
        /// Number of seconds.
        seconds: u8,
    },
    /// Sets how late CloudWatch shows a minute.
    Metrics {
        /// Number of minutes.
        late: u8,
    },
    /// Sets how long each call takes.
    Slow {
        /// Number of milliseconds.
        milliseconds: u8,
    },
    /// Deploys the function anew, or its previous deployment again.
    Deploy {
        /// Whether it runs in `observe` mode from now on.
        observes: bool,
    },
    /// Everything works again, and one model is fully used and throttled, or another limit is reached. Every quarter of
    /// an hour one of its errors is sent and the schedule ticks.
    Need {
        /// Index of the problem.
        problem: usize,
        /// Number of quarters of an hour.
        quarters: u8,
        /// Number of forged errors sent with each error.
        noise: u8,
        /// How the first such call fails.
        fault: Option<(PortCall, FaultKind)>,
    },
    /// Nobody sends anything, and the schedule ticks every six hours.
    Wait {
        /// Number of days.
        days: u8,
        /// The call that fails all the time; everything else works.
        broken: Option<(PortCall, FaultKind)>,
    },
    /// Moves the dead letters back to the queue.
    Redrive,
}

/// How a model is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// Near its quota, and some calls are refused.
    Full,
    /// Near its quota, and far more calls are refused than admitted.
    Heavy,
    /// Near its quota, and no call is refused.
    Calm,
    /// Hardly at all, and very many calls are refused.
    Refused,
    /// Not at all.
    Idle,
}

/// AWS's decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum AwsVerdict {
    CaseOpened,
    Granted,
    PartlyGranted,
    ClosedUnchanged,
    Denied,
}

pub(crate) fn choose<T: Copy>(rng: &mut Rng, from: &[T]) -> T {
    // A choice from nothing has no answer, and no caller makes one.
    #[allow(clippy::indexing_slicing, reason = "within the length")]
    from[rng.usize(0..from.len())]
}

pub(crate) fn weighted(rng: &mut Rng, weights: &[u32]) -> usize {
    let mut at = rng.u32(0..weights.iter().sum());
    for (n, weight) in weights.iter().enumerate() {
        match at.checked_sub(*weight) {
            Some(left) => at = left,
            None => return n,
        }
    }
    weights.len()
}
