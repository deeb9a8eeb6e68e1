//! The parts of a plan.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, Serializer};

use crate::access::Reminder;
use crate::ids::{QuotaCode, Region};
use crate::quota::Quota;
use crate::quota::record::{Need, Suspicion};
use crate::quota::request::{RequestStatus, TrackedRequest};
use crate::wire_enum::wire_enum;

/// A withheld action without candidate quotas.
pub(crate) fn withheld(kind: Reason, reason: impl Into<String>) -> Withheld {
    Withheld { kind, reason: reason.into(), candidates: Vec::new() }
}

wire_enum! {
    /// Why an action is withheld.
    pub enum Reason {
        /// Several quotas could be meant.
        Ambiguous = "ambiguous",
        /// The model has no such quota.
        NoSuchQuota = "no-such-quota",
        /// The application inference profile could not be resolved.
        UnresolvedProfile = "unresolved-profile",
        /// The called model is unknown.
        NoModel = "no-model",
        /// Service Quotas accepts no request for this quota.
        NotAdjustable = "not-adjustable",
        /// Our own requests raised the quota as far as they may without a person's approval.
        NeedsApproval = "needs-approval",
        /// AWS seems to hold the quota below the demand.
        AwsCeiling = "aws-ceiling",
        /// A request is open.
        AlreadyRequested = "already-requested",
        /// AWS closed such a request without a change.
        ClosedUnchanged = "closed-unchanged",
        /// Measured usage is far below the quota, so the throttle has another cause.
        UsageFarBelowQuota = "usage-far-below-quota",
        /// Too little was admitted around the incident to prove that the throttled calls need more.
        UnprovenThrottle = "unproven-throttle",
        /// CloudWatch measured no throttle.
        NotThrottled = "not-throttled",
        /// The applied value is below AWS's default.
        BelowDefault = "below-default",
        /// The operator's ceiling is reached.
        AtCeiling = "at-ceiling",
        /// Our last request for this quota is too recent.
        CoolingDown = "cooling-down",
        /// The daily number of requests is used up.
        DailyLimit = "daily-limit",
        /// The model has not been in use long enough.
        NoHistory = "no-history",
        /// The operator does not allow this model.
        ModelNotAllowed = "model-not-allowed",
        /// Legacy models get no increase.
        LegacyModel = "legacy-model",
        /// The caller is unusual; possibly stolen credentials.
        UnusualCaller = "unusual-caller",
        /// Nobody has confirmed a subscription to notices.
        NobodyListens = "nobody-listens",
        /// Only the text of a log reports the error: neither CloudTrail nor an SDK's code.
        Unrecorded = "unrecorded",
        /// The function only observes.
        ObserveMode = "observe-mode",
        /// Required evidence could not be read.
        NoEvidence = "no-evidence",
    }
}

impl Reason {
    /// The reason in some words: completes "No increase was requested: …".
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::Ambiguous => "several quotas could be meant",
            Self::NoSuchQuota => "the model has no such quota",
            Self::UnresolvedProfile => "the application inference profile could not be resolved",
            Self::NoModel => "the error names no model",
            Self::NotAdjustable => "Service Quotas takes no such request",
            Self::NeedsApproval => "a further increase needs a person's approval",
            Self::AwsCeiling => "AWS seems to hold the quota below the demand",
            Self::AlreadyRequested => "a request is open already",
            Self::ClosedUnchanged => "AWS closed such a request without a change",
            Self::UsageFarBelowQuota => "the measured use is far below the quota",
            Self::UnprovenThrottle => "too little was admitted to prove the need",
            Self::NotThrottled => "CloudWatch measured no throttled call",
            Self::BelowDefault => "the quota is below AWS's default",
            Self::AtCeiling => "your ceiling is reached",
            Self::CoolingDown => "the last request for this quota is too recent",
            Self::DailyLimit => "the daily number of requests is used up",
            Self::NoHistory => "the model has not been in use long enough",
            Self::ModelNotAllowed => "your settings do not allow this model",
            Self::LegacyModel => "legacy models get no increase",
            Self::UnusualCaller => "somebody has to look at the callers first",
            Self::NobodyListens => "nobody is subscribed to the notices",
            Self::Unrecorded => "only the text of a log reports the error",
            Self::ObserveMode => "the function only observes",
            Self::NoEvidence => "evidence for it is still missing",
        }
    }
}

/// Something that the function does, or prepares for a person.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// A Service Quotas increase request.
    RequestIncrease(Increase),
    /// A support case, ready to paste.
    PrepareSupportCase {
        /// The quota; `None` if the case is not about one.
        quota: Option<Quota>,
        /// The case.
        text: String,
    },
    /// A reminder of a step that a person must take.
    RemindAccess(Reminder),
}

/// An increase request, planned or filed.
#[derive(Clone, Debug, PartialEq)]
pub struct Increase {
    /// Which quota.
    pub quota: Quota,
    /// The applied value.
    pub applied: f64,
    /// The AWS default, which Service Quotas validates requests against; `None` if unknown.
    pub default: Option<f64>,
    /// The desired value.
    pub desired: f64,
    /// The source Region.
    pub region: Region,
    /// The Service Quotas request id; `None` before filing.
    pub request_id: Option<String>,
    /// The request's status; `None` before filing.
    pub status: Option<RequestStatus>,
    /// The need that justifies the request.
    pub need: Need,
}

impl Increase {
    /// The value that Service Quotas validates requests against.
    pub(crate) fn floor(&self) -> f64 {
        self.default.unwrap_or(self.applied).max(self.applied)
    }
}

/// An action that is not taken, and why.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Withheld {
    /// The reason as a code.
    #[serde(rename = "type")]
    pub kind: Reason,
    /// The reason as text.
    pub reason: String,
    /// Quotas that could have been meant.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Quota>,
}

/// One step for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Step {
    /// What to do.
    pub text: String,
    /// A command that takes the step or shows its status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// A page about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// What to do about an incident.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Actions of the function, done or prepared.
    pub actions: Vec<Action>,
    /// Actions not taken, and why.
    pub withheld: Vec<Withheld>,
    /// Advice as an experienced engineer would give it.
    pub advice: Vec<String>,
    /// Steps for a person.
    pub steps: Vec<Step>,
    /// The justification that AWS's reviewers ask for, ready to paste into the case.
    pub justification: Option<String>,
    /// Somebody else's request to follow.
    pub adopted: Option<TrackedRequest>,
    /// Whether missing evidence may only be late. If so, it is requested again in some minutes.
    pub retry_evidence: bool,
    /// Whether the only obstacle to a request is that CloudTrail was not asked who calls.
    pub asks_who_calls: bool,
    /// Why nothing is filed until a person has looked; `None` if nothing is suspected.
    pub suspicion: Option<Suspicion>,
    /// Quotas whose suspicion the ledger must record; empty if it already does.
    pub to_suspect: Vec<QuotaCode>,
    /// Whether usage is high enough that this quota's request may take the last one of the day.
    pub is_full: bool,
    /// The AWS page about the error; `None` if no rule has its cause.
    pub reference: Option<&'static str>,
}

impl Plan {
    /// Whether a request waits for a person's decision.
    pub(crate) fn waits_for_a_person(&self) -> bool {
        let waits = |kind| matches!(kind, Reason::UnusualCaller | Reason::NeedsApproval);
        self.withheld.iter().any(|withheld| waits(withheld.kind))
    }

    /// The increase request to file; `None` if there is none.
    pub fn request(&self) -> Option<&Increase> {
        self.actions.iter().find_map(|action| match action {
            Action::RequestIncrease(increase) => Some(increase),
            Action::PrepareSupportCase { .. } | Action::RemindAccess(_) => None,
        })
    }
}

/// An action as it is written.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
enum ActionView<'a> {
    /// A Service Quotas increase request, filed or being filed.
    RequestIncrease {
        quota_code: &'a QuotaCode,
        quota_name: &'a str,
        applied: f64,
        default: Option<f64>,
        desired: f64,
        region: &'a Region,
        request_id: Option<&'a str>,
        status: Option<RequestStatus>,
    },
    /// A support case, ready to paste.
    PrepareSupportCase { quota_code: Option<&'a QuotaCode>, text: &'a str },
    /// A reminder of a step that a person must take.
    RemindAccess {
        step: &'static str,
        /// Who can take it.
        r#for: &'static str,
        text: &'a str,
        commands: &'a [String],
        done: &'a [&'static str],
        missing: &'a [&'static str],
    },
}

impl Serialize for Action {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let view = match self {
            Self::RequestIncrease(i) => ActionView::RequestIncrease {
                quota_code: &i.quota.code,
                quota_name: &i.quota.name,
                applied: i.applied,
                default: i.default,
                desired: i.desired,
                region: &i.region,
                request_id: i.request_id.as_deref(),
                status: i.status,
            },
            Self::PrepareSupportCase { quota, text } => {
                ActionView::PrepareSupportCase { quota_code: quota.as_ref().map(|q| &q.code), text }
            }
            Self::RemindAccess(r) => ActionView::RemindAccess {
                step: r.step,
                r#for: r.audience,
                text: &r.text,
                commands: &r.commands,
                done: &r.done,
                missing: &r.missing,
            },
        };
        view.serialize(serializer)
    }
}

impl JsonSchema for Action {
    fn schema_name() -> Cow<'static, str> {
        "Action".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        ActionView::json_schema(generator)
    }
}
