//! Asks for everything that a plan needs, at once.
//!
//! Invariant: gathering never fails and never decides. What could not be read stands in the evidence as unread,
//! with the reason; it is never taken for something that does not exist.

use jiff::{SignedDuration, Timestamp};

use crate::access::AccessEvidence;
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
use crate::quota::{Limit, QuotaMatch, Verdict};
use crate::usage::Usage;
use crate::usage::headroom::{QuotaUse, lead};

/// What is known of one quota that could be the one.
#[derive(Debug)]
pub struct LimitEvidence {
    /// What it limits.
    pub limit: Limit,
    /// The quota, or why there is none.
    pub found: QuotaMatch,
    /// The applied value; the default where the account has none of its own. `None` where this account and
    /// Region have no such quota.
    pub applied: Gathered<Option<QuotaValue>>,
    /// AWS's default; `None` where this account and Region have no such quota.
    pub default: Gathered<Option<QuotaValue>>,
    /// Requests of the last 90 days, newest first.
    pub history: Gathered<Vec<IncreaseRequest>>,
    /// What the ledger remembers of it.
    pub record: Gathered<QuotaRecord>,
}

impl LimitEvidence {
    /// Whether `usage` is far below the quota; `None` where its value is not known.
    pub(crate) fn is_far_below(&self, usage: &Usage) -> Option<bool> {
        let applied = self.applied.read().copied().flatten()?;
        Some(usage.admitted(self.limit) < applied.value * FAR_BELOW)
    }
}

/// Where the errors behind an alarm were looked for.
#[derive(Clone, Debug, PartialEq)]
pub enum SearchStep {
    /// CloudTrail's event history.
    Trail {
        /// How many recorded calls were read, failed or not.
        read: usize,
        /// Whether these were all of the time around the alarm.
        is_whole: bool,
        /// How many errors of this kind were among them.
        found: usize,
    },
    /// Not in CloudTrail's event history: so many calls hide the errors among them.
    TrailTooBusy {
        /// How many there were.
        calls: f64,
        /// How many could have been read.
        most: usize,
    },
    /// CloudTrail did not answer.
    TrailUnread(ServiceError),
    /// Not in CloudTrail's event history: it holds no data events, and the bedrock-mantle endpoint's calls
    /// are data events.
    NotInTrail,
    /// A search through logs was begun; a later look reads it.
    LogsGoingOn(LogKind),
    /// A search through logs ended.
    Logs {
        /// Which.
        kind: LogKind,
        /// How many errors it found, of any model.
        found: usize,
    },
    /// No log group of that kind was named by the operator.
    LogsNotNamed(LogKind),
    /// Logs could not be searched.
    LogsUnread(LogKind, ServiceError),
    /// The log group that model invocations are written to, which the operator did not name; `None` where
    /// they are not logged.
    InvocationLogging(ServiceResult<Option<String>>),
    /// The ledger could not be read for incidents that explain the alarm.
    LedgerUnread(ServiceError),
}

impl SearchStep {
    /// Whether errors were found there.
    pub(crate) fn is_hit(&self) -> bool {
        matches!(self, Self::Trail { found: 1.., .. } | Self::Logs { found: 1.., .. })
    }

    /// The same, with so many errors found.
    pub(crate) fn found(self, count: usize) -> Self {
        match self {
            Self::Trail { read, is_whole, .. } => Self::Trail { read, is_whole, found: count },
            other => other,
        }
    }
}

/// Everything a plan may look at.
#[derive(Debug)]
pub struct Evidence {
    /// When it was gathered.
    pub now: Timestamp,
    /// The model behind an application inference profile; else the model as called. `None` when no
    /// model is known or the profile could not be resolved.
    pub model: Option<ModelId>,
    /// The ARNs of the models that an inference profile stands for, where that matters; `None` where there is no
    /// such profile.
    pub profile: Gathered<Option<Vec<String>>>,
    /// Whether the account's own listing of quotas could be read, where the built-in catalogue lacks the model.
    pub listing: Gathered<()>,
    /// The quotas that could be meant; empty unless calls were throttled.
    pub limits: Vec<LimitEvidence>,
    /// Use of the quota by every model that shares it.
    pub usage: Gathered<Usage>,
    /// How many have confirmed that they want to be told, where a request may be filed.
    pub listeners: Gathered<u32>,
    /// Whether CloudTrail shows calls of the root user, where a request depends on it.
    pub root: Gathered<bool>,
    /// Who calls now and who called a week ago, as far as CloudTrail shows it, where a request depends on it.
    pub callers: Gathered<Samples>,
    /// Bedrock's own word on the model; `None` where it knows no such model.
    pub model_state: Gathered<Option<ModelState>>,
    /// The ids that can be called in the Region, where the one that was called cannot.
    pub offered: Gathered<Vec<ModelId>>,
    /// Every model of the Region with its life, where the one that is called ends.
    pub lives: Gathered<Vec<(ModelId, ModelLife)>>,
    /// How many agreements the model's provider offers, where none is in force; `None` where Bedrock knows no
    /// such model.
    pub offers: Gathered<Option<usize>>,
    /// What other Regions offer, where this one has no such model.
    pub elsewhere: Vec<(Region, ServiceResult<Vec<ModelId>>)>,
    /// What IAM's policy simulator says of everything the call needs, where a policy of the caller's own may
    /// be what is missing; `None` where the account has no such caller.
    pub rulings: Gathered<Option<Vec<Ruling>>>,
    /// Where the errors behind an alarm were looked for, of which only the metric was known.
    pub looked: Vec<SearchStep>,
    /// A look at the open incident that AWS has not answered for so long that people are told.
    pub overdue: Option<Overdue>,
}

/// What AWS has not answered for a day or longer.
#[derive(Clone, Debug, PartialEq)]
pub struct Overdue {
    /// What is not known because of it: the end of "it is not known …".
    pub question: String,
    /// The first look without an answer.
    pub since: Timestamp,
    /// Why the last looks were not answered.
    pub errors: Vec<ServiceError>,
}

impl Evidence {
    /// Evidence of which nothing was asked yet.
    pub(crate) fn none(model: Option<ModelId>, now: Timestamp) -> Self {
        Self {
            now,
            model,
            profile: Gathered::NotAsked,
            listing: Gathered::NotAsked,
            limits: Vec::new(),
            usage: Gathered::NotAsked,
            listeners: Gathered::NotAsked,
            root: Gathered::NotAsked,
            callers: Gathered::NotAsked,
            model_state: Gathered::NotAsked,
            offered: Gathered::NotAsked,
            lives: Gathered::NotAsked,
            offers: Gathered::NotAsked,
            elsewhere: Vec::new(),
            rulings: Gathered::NotAsked,
            looked: Vec::new(),
            overdue: None,
        }
    }

    /// Whether something about the quotas could not be read that may be readable a little later.
    pub fn is_missing_for_now(&self) -> bool {
        let of_callers = self.root.unread().into_iter().chain(self.callers.unread());
        self.unread_of_quotas().chain(of_callers).any(ServiceError::is_passing)
    }

    fn unread_of_quotas(&self) -> impl Iterator<Item = &ServiceError> {
        let limits = self
            .limits
            .iter()
            .flat_map(|l| [l.applied.unread(), l.default.unread(), l.history.unread(), l.record.unread()]);
        [self.profile.unread(), self.listing.unread(), self.usage.unread()]
            .into_iter()
            .chain(limits)
            .flatten()
    }

    /// Whether use is known to fill a quota.
    pub(crate) fn is_filled(&self) -> bool {
        let Some(usage) = self.usage.read() else { return false };
        let is_full = |l: &LimitEvidence| {
            let applied = l.applied.read().copied().flatten();
            applied.is_some_and(|applied| usage.admitted(l.limit) >= applied.value * FILLED)
        };
        self.limits.iter().any(is_full)
    }

    /// Whether use is known to be far below every quota of which something is known.
    pub(crate) fn is_far_below(&self) -> bool {
        let Some(usage) = self.usage.read() else { return false };
        !self.limits.is_empty() && self.limits.iter().all(|l| l.is_far_below(usage) == Some(true))
    }

    /// Whatever was asked about access and permission, and was not answered.
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

    /// Whatever was asked and not answered.
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

/// CloudWatch's minutes begin before the first error that was reported to us.
const BEFORE_FIRST: SignedDuration = SignedDuration::from_mins(15);

/// From when on measurements are the incident's.
pub(crate) fn since(incident: &Incident, now: Timestamp) -> Timestamp {
    let first = incident.first_seen.unwrap_or(now).min(now);
    first.saturating_sub(BEFORE_FIRST).unwrap_or(first)
}

/// Admitted use below this share of a quota cannot be what filled it.
pub(crate) const FAR_BELOW: f64 = 0.5;

/// The limit that throttles is the one up to which calls are admitted: this part of it at least.
pub(crate) const FILLED: f64 = 0.9;

/// Every quota of `evidence` whose use is known, the fullest first.
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

/// Whether there is room again: no quota is due at `threshold`. `None` where use or a quota's value is not known.
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
