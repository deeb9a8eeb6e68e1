//! The evidence that a plan needs.
//!
//! Invariant: Gathering never fails and never decides. A failed read is recorded with its error, and never taken for
//! something that does not exist.

use jiff::{SignedDuration, Timestamp};

use crate::access::AccessEvidence;
use crate::alternatives::MeasuredAlternative;
use crate::error::{Gathered, ServiceError, ServiceResult};
use crate::ids::Region;
use crate::incident::Incident;
use crate::incident::search::LogKind;
use crate::misuse::strangers::Samples;
use crate::model::ModelId;
use crate::model::access::{ModelState, UseCaseForm};
use crate::model::lifecycle::ModelLife;
use crate::permission::Ruling;
use crate::quota::record::QuotaRecord;
use crate::quota::request::{IncreaseRequest, QuotaValue};
use crate::quota::{Limit, Quota, QuotaMatch, Variant, Verdict};
use crate::usage::Usage;
use crate::usage::headroom::{QuotaUse, lead};

/// Evidence about one candidate quota.
#[derive(Debug)]
pub struct LimitEvidence {
    /// What the quota limits.
    pub limit: Limit,
    /// The quota, or why none was found.
    pub found: QuotaMatch,
    /// The applied value, or the default if the account has no value of its own. `None` if this account and Region have
    /// no such quota.
    pub applied: Gathered<Option<QuotaValue>>,
    /// The AWS default; `None` if this account and Region have no such quota.
    pub default: Gathered<Option<QuotaValue>>,
    /// Increase requests of the last 90 days, newest first.
    pub history: Gathered<Vec<IncreaseRequest>>,
    /// What the ledger stores about the quota.
    pub record: Gathered<QuotaRecord>,
    /// Quotas of other ways of calling the model that the error may be about, because nothing says which was called.
    pub rivals: Vec<(Variant, Quota)>,
}

impl LimitEvidence {
    /// Whether `usage` is far below the quota; `None` if the quota's value is unknown.
    pub(crate) fn is_far_below(&self, usage: &Usage) -> Option<bool> {
        let applied = self.applied.read().copied().flatten()?;
        Some(usage.admitted(self.limit) < applied.value * FAR_BELOW)
    }
}

/// Evidence about one quota.
#[derive(Clone, Debug)]
pub struct QuotaEvidence {
    /// The quota, or why none was found.
    pub found: QuotaMatch,
    /// See [`LimitEvidence::applied`].
    pub applied: Gathered<Option<QuotaValue>>,
    /// See [`LimitEvidence::default`].
    pub default: Gathered<Option<QuotaValue>>,
    /// See [`LimitEvidence::history`].
    pub history: Gathered<Vec<IncreaseRequest>>,
    /// See [`LimitEvidence::record`].
    pub record: Gathered<QuotaRecord>,
}

impl QuotaEvidence {
    /// The evidence before the quota's values are read.
    pub(crate) fn of(found: QuotaMatch) -> Self {
        Self {
            found,
            applied: Gathered::NotAsked,
            default: Gathered::NotAsked,
            history: Gathered::NotAsked,
            record: Gathered::NotAsked,
        }
    }
}

/// A place where the errors behind an alarm were searched for, or why it was not searched.
#[derive(Clone, Debug, PartialEq)]
pub enum SearchStep {
    /// CloudTrail event history was read.
    Trail {
        /// Recorded calls that were read, failed or not.
        read: usize,
        /// Whether these were all calls around the time of the alarm.
        is_whole: bool,
        /// Errors among them that the metric counts.
        found: usize,
    },
    /// CloudTrail event history was skipped: it holds too many calls to find the errors among them.
    TrailTooBusy {
        /// The number of calls.
        calls: f64,
        /// The number that could have been read.
        most: usize,
    },
    /// CloudTrail could not be read.
    TrailUnread(ServiceError),
    /// CloudTrail event history was skipped: calls of the bedrock-mantle endpoint are data events, which it does not
    /// hold.
    NotInTrail,
    /// A log query was started; a later look reads it.
    LogsGoingOn(LogKind),
    /// A log query ended.
    Logs {
        /// Which logs were searched.
        kind: LogKind,
        /// Errors found, of any model.
        found: usize,
    },
    /// The operator named no log group of this kind.
    LogsNotNamed(LogKind),
    /// The logs could not be searched.
    LogsUnread(LogKind, ServiceError),
    /// The log group that receives model invocations but that the operator did not name; `None` if invocations are not
    /// logged.
    InvocationLogging(ServiceResult<Option<String>>),
    /// The ledger could not be searched for incidents that explain the alarm.
    LedgerUnread(ServiceError),
}

impl SearchStep {
    /// Whether errors were found there.
    pub(crate) fn is_hit(&self) -> bool {
        matches!(self, Self::Trail { found: 1.., .. } | Self::Logs { found: 1.., .. })
    }

    /// A copy with `count` as the number of errors found in CloudTrail.
    pub(crate) fn found(self, count: usize) -> Self {
        match self {
            Self::Trail { read, is_whole, .. } => Self::Trail { read, is_whole, found: count },
            other => other,
        }
    }
}

/// All evidence that a plan may use.
#[derive(Debug)]
pub struct Evidence {
    /// When it was gathered.
    pub now: Timestamp,
    /// The model behind an application inference profile, else the model as called. `None` if no model is known or the
    /// profile could not be resolved.
    pub model: Option<ModelId>,
    /// ARNs of the models behind an inference profile, if needed; `None` if there is no such profile.
    pub profile: Gathered<Option<Vec<String>>>,
    /// Whether the account's quota listing could be read. Asked if the built-in catalogue lacks the model.
    pub listing: Gathered<()>,
    /// Candidate quotas; empty unless calls were throttled.
    pub limits: Vec<LimitEvidence>,
    /// The quota that is not of model inference; `None` unless the error is about one.
    pub feature: Option<Box<QuotaEvidence>>,
    /// Usage of the quota by every model that shares it.
    pub usage: Gathered<Usage>,
    /// Where there is room for other ways to call the model, most room first. Read for the first notice of a throttle.
    pub room: Vec<MeasuredAlternative>,
    /// Confirmed subscribers to notices. Asked if a request may be filed.
    pub listeners: Gathered<u32>,
    /// Whether CloudTrail shows calls by the root user. Asked if a request depends on it.
    pub root: Gathered<bool>,
    /// Who calls now and who called a week ago, from CloudTrail. Asked if a request depends on it.
    pub callers: Gathered<Samples>,
    /// The model's state as Bedrock reports it; `None` if Bedrock knows no such model.
    pub model_state: Gathered<Option<ModelState>>,
    /// The ids that can be called in the Region. Asked if the called id cannot be.
    pub offered: Gathered<Vec<ModelId>>,
    /// Every model of the Region with its lifecycle. Asked if the called model ends.
    pub lives: Gathered<Vec<(ModelId, ModelLife)>>,
    /// The model that replaces the called one in the Region; `None` if none is known, or if the called model
    /// does not end.
    pub successor: Option<Successor>,
    /// How many agreements the model's provider offers. Asked if none is in force; `None` if Bedrock knows no such
    /// model.
    pub offers: Gathered<Option<usize>>,
    /// What other Regions offer. Filled if this Region has no such model.
    pub elsewhere: Vec<(Region, ServiceResult<Vec<ModelId>>)>,
    /// IAM policy simulator rulings on everything the call needs. Asked if the caller's own policy may be the cause;
    /// `None` if the account has no such caller.
    pub rulings: Gathered<Option<Vec<Ruling>>>,
    /// Where the errors behind an alarm were searched for; empty unless only its metric was known.
    pub looked: Vec<SearchStep>,
    /// A look at the open incident that AWS has left unanswered so long that a notice is due.
    pub overdue: Option<Overdue>,
}

/// A model that replaces one that ends.
#[derive(Clone, Debug, PartialEq)]
pub struct Successor {
    /// The model.
    pub model: ModelId,
    /// Its state in the account, as Bedrock reports it; `None` if Bedrock reports none.
    pub state: Gathered<Option<ModelState>>,
}

/// What AWS has not answered for a day or longer.
#[derive(Clone, Debug, PartialEq)]
pub struct Overdue {
    /// What is unknown as a result: completes the phrase "it is not known …".
    pub question: String,
    /// The first look without an answer.
    pub since: Timestamp,
    /// Why the latest calls were not answered.
    pub errors: Vec<ServiceError>,
}

impl Evidence {
    /// Evidence before anything is gathered.
    pub(crate) fn none(model: Option<ModelId>, now: Timestamp) -> Self {
        Self {
            now,
            model,
            profile: Gathered::NotAsked,
            listing: Gathered::NotAsked,
            limits: Vec::new(),
            feature: None,
            usage: Gathered::NotAsked,
            room: Vec::new(),
            listeners: Gathered::NotAsked,
            root: Gathered::NotAsked,
            callers: Gathered::NotAsked,
            model_state: Gathered::NotAsked,
            offered: Gathered::NotAsked,
            lives: Gathered::NotAsked,
            successor: None,
            offers: Gathered::NotAsked,
            elsewhere: Vec::new(),
            rulings: Gathered::NotAsked,
            looked: Vec::new(),
            overdue: None,
        }
    }

    /// Whether quota or caller evidence is missing that may be readable soon.
    pub fn is_missing_for_now(&self) -> bool {
        let of_callers = self.root.unread().into_iter().chain(self.callers.unread());
        self.unread_of_quotas().chain(of_callers).any(ServiceError::is_passing)
    }

    fn unread_of_quotas(&self) -> impl Iterator<Item = &ServiceError> {
        let limits = self
            .limits
            .iter()
            .flat_map(|l| [l.applied.unread(), l.default.unread(), l.history.unread(), l.record.unread()]);
        let feature = self
            .feature
            .iter()
            .flat_map(|f| [f.applied.unread(), f.default.unread(), f.history.unread(), f.record.unread()]);
        [self.profile.unread(), self.listing.unread(), self.usage.unread()]
            .into_iter()
            .chain(limits)
            .chain(feature)
            .flatten()
    }

    /// Whether usage is known to fill a quota.
    pub(crate) fn is_filled(&self) -> bool {
        let Some(usage) = self.usage.read() else { return false };
        let is_full = |l: &LimitEvidence| {
            let applied = l.applied.read().copied().flatten();
            applied.is_some_and(|applied| usage.admitted(l.limit) >= applied.value * FILLED)
        };
        self.limits.iter().any(is_full)
    }

    /// Whether usage is known to be far below every candidate quota.
    pub(crate) fn is_far_below(&self) -> bool {
        let Some(usage) = self.usage.read() else { return false };
        !self.limits.is_empty() && self.limits.iter().all(|l| l.is_far_below(usage) == Some(true))
    }

    /// Errors of calls about access and permission.
    pub(crate) fn unread_of_access(&self) -> Vec<&ServiceError> {
        let of_state = self.model_state.read().and_then(Option::as_ref).map(|state| {
            let form = if let UseCaseForm::Unread(error) = &state.form { Some(error) } else { None };
            [state.life.as_ref().err(), form]
        });
        let elsewhere = self.elsewhere.iter().map(|(_, offered)| offered.as_ref().err());
        let asked = [
            self.profile.unread(),
            self.model_state.unread(),
            self.offered.unread(),
            self.lives.unread(),
            self.offers.unread(),
            self.rulings.unread(),
        ];
        asked.into_iter().chain(of_state.into_iter().flatten()).chain(elsewhere).flatten().collect()
    }

    /// Errors of calls about quotas, access and permission.
    pub(crate) fn unread(&self) -> impl Iterator<Item = &ServiceError> {
        self.unread_of_quotas().chain(self.unread_of_access())
    }

    /// What Bedrock and IAM answered about access and permission.
    pub fn asked(&self) -> AccessEvidence<'_> {
        AccessEvidence {
            state: self.model_state.read().and_then(Option::as_ref),
            offers: self.offers.read().copied().flatten(),
            rulings: self.rulings.read().and_then(Option::as_deref).unwrap_or_default(),
        }
    }
}

/// CloudWatch's data can begin this long before the first error reported to us.
const BEFORE_FIRST: SignedDuration = SignedDuration::from_mins(15);

/// The start of the measurements that belong to the incident.
pub(crate) fn since(incident: &Incident, now: Timestamp) -> Timestamp {
    let first = incident.first_seen.unwrap_or(now).min(now);
    first.saturating_sub(BEFORE_FIRST).unwrap_or(first)
}

/// Admitted usage below this share of a quota cannot have filled it.
pub(crate) const FAR_BELOW: f64 = 0.5;

/// A quota counts as filled if admitted usage reached at least this share of it.
pub(crate) const FILLED: f64 = 0.9;

/// Every quota in `evidence` whose usage is known, the fullest first.
pub fn nearest(evidence: &Evidence) -> Vec<QuotaUse> {
    let Some(usage) = evidence.usage.read() else { return Vec::new() };
    let known = evidence.limits.iter().filter_map(|l| {
        let quota = l.found.quota.as_ref().filter(|_| l.found.verdict == Verdict::Matched)?;
        QuotaUse::of(quota, l.limit, l.applied.read().copied().flatten()?.value, usage)
    });
    let mut near: Vec<QuotaUse> = known.collect();
    near.sort_by(|a, b| b.share().total_cmp(&a.share()));
    near
}

/// Whether there is room again: no quota is due at `threshold`. `None` if usage or a quota's value is unknown.
pub fn has_room(evidence: &Evidence, threshold: f64) -> Option<bool> {
    let near = nearest(evidence);
    if near.is_empty() {
        return None;
    }
    let record = |near: &QuotaUse| {
        let known = evidence.limits.iter().filter(|l| l.found.quota.as_ref() == Some(&near.quota));
        known.into_iter().find_map(|l| l.record.read()).cloned().unwrap_or_default()
    };
    let is_due = |near: &QuotaUse| near.is_due(threshold, lead(&record(near)), evidence.now);
    let has_room = threshold <= 0.0 || !near.iter().any(is_due);
    // A quota that could not be read may be the full one.
    let is_known = evidence.limits.iter().all(|l| l.applied.unread().is_none());
    (is_known || !has_room).then_some(has_room)
}
