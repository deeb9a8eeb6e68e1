//! The steps that a life is made of.

use fastrand::Rng;

use crate::sandbox::{FaultKind, PortCall};

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScriptStep {
    /// Errors of a problem are sent.
    Send {
        /// Which of the account's problems.
        problem: usize,
        /// How many errors.
        errors: u8,
        /// So many minutes after they happened; below 0 where their time lies ahead.
        minutes: i32,
    },
    /// An error of each problem is sent.
    Burst,
    /// The function is invoked with an error or alarm, past the queue.
    Invoke {
        /// Which of the account's problems.
        problem: usize,
    },
    /// Something that cannot be read is sent.
    Poison,
    /// The schedule ticks.
    Tick,
    /// Service Quotas announces something.
    News,
    /// A message that was sent before is delivered once more.
    Duplicate {
        /// Which message.
        message: usize,
    },
    /// A function starts on waiting messages, from the nth on.
    Start {
        /// The first message.
        from: usize,
        /// At most so many.
        most: u8,
        /// How far its clock is ahead, in seconds.
        ahead: i16,
    },
    /// A function runs up to so many calls further.
    Run {
        /// Which function.
        function: usize,
        /// How far: each call waits twice.
        polls: u8,
    },
    /// The next call of a function fails.
    Fail {
        /// Which function.
        function: usize,
        /// Which call of it; `None`: any.
        call: Option<PortCall>,
        /// How.
        kind: FaultKind,
    },
    /// Every call of one kind fails from now on.
    Break {
        /// Which call.
        call: PortCall,
        /// How.
        kind: FaultKind,
    },
    /// Everything works again.
    Mend,
    /// A function dies.
    Crash {
        /// Which function.
        function: usize,
    },
    /// Time passes.
    Pass {
        /// How much.
        seconds: u32,
    },
    /// AWS decides an open request.
    Decide {
        /// Which request.
        request: usize,
        /// How.
        verdict: AwsVerdict,
    },
    /// A model is used in another way from now on.
    Use {
        /// Which of the uses of the account's models.
        used: usize,
        /// How.
        load: Load,
    },
    /// Somebody asks by hand for so many percent of the quota that a use fills.
    People {
        /// Which use.
        used: usize,
        /// How much.
        percent: u32,
    },
    /// AWS lowers the quota that a use fills by a fifth.
    Lower {
        /// Which use.
        used: usize,
    },
    /// So many listen to the topic from now on.
    Listen {
        /// How many.
        listeners: u32,
    },
    /// The ledger's indexes show a write only after so long from now on.
    Lag {
        /// How many seconds.
        seconds: u8,
    },
    /// CloudWatch shows a minute only after so long from now on.
    Metrics {
        /// How many minutes.
        late: u8,
    },
    /// Each call takes so long from now on.
    Slow {
        /// How many milliseconds.
        milliseconds: u8,
    },
    /// The function is deployed anew, or the deployment before it is again.
    Deploy {
        /// Whether it only observes from now on.
        observes: bool,
    },
    /// Everything works again, and one model is used to the full and throttled. Every quarter of an hour an
    /// error of it is sent, and the schedule ticks.
    Need {
        /// Which problem.
        problem: usize,
        /// For so many quarters of an hour.
        quarters: u8,
        /// So much of what somebody makes up is sent together with each error.
        noise: u8,
        /// The first such call fails like this.
        fault: Option<(PortCall, FaultKind)>,
    },
    /// Nobody sends anything, and the schedule ticks every six hours.
    Wait {
        /// For so many days.
        days: u8,
        /// This call fails all the time; everything else works.
        broken: Option<(PortCall, FaultKind)>,
    },
    /// The dead letters are put back into the queue.
    Redrive,
}

/// How a model is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// Near its quota, and calls are refused.
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
    // A choice from nothing has no answer, and nobody asks for one.
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
