//! What a plan consists of.

use serde::{Serialize, Serializer};
use serde_json::json;

use crate::access::Reminder;
use crate::ids::{AccountRegion, QuotaCode, Region};
use crate::quota::Quota;
use crate::quota::record::{Need, Suspicion};
use crate::quota::request::{RequestStatus, TrackedRequest};
use crate::wire_enum::wire_enum;

/// A refusal without candidates.
pub(crate) fn withheld(kind: Reason, reason: impl Into<String>) -> Withheld {
    Withheld { kind, reason: reason.into(), candidates: Vec::new() }
}

wire_enum! {
    /// Why something is withheld.
    pub enum Reason {
        /// Two quotas could be meant.
        Ambiguous = "ambiguous",
        /// The model has no such quota.
        NoSuchQuota = "no-such-quota",
        /// The application inference profile could not be resolved.
        UnresolvedProfile = "unresolved-profile",
        /// Nothing tells which model was called.
        NoModel = "no-model",
        /// Service Quotas takes no request for this quota.
        NotAdjustable = "not-adjustable",
        /// Our own requests have raised the quota as far as they may without a person's approval.
        NeedsApproval = "needs-approval",
        /// AWS seems to hold the quota below what is needed.
        AwsCeiling = "aws-ceiling",
        /// A request is open.
        AlreadyRequested = "already-requested",
        /// AWS closed such a request and changed nothing.
        ClosedUnchanged = "closed-unchanged",
        /// Measured use is far below the quota, so the throttle has another cause.
        UsageFarBelowQuota = "usage-far-below-quota",
        /// Too little was admitted around the incident to show that the throttled calls need more.
        UnprovenThrottle = "unproven-throttle",
        /// CloudWatch measured no throttle.
        NotThrottled = "not-throttled",
        /// The applied value is below AWS's default.
        BelowDefault = "below-default",
        /// The operator's ceiling is reached.
        AtCeiling = "at-ceiling",
        /// A request of ours for this quota is too recent.
        CoolingDown = "cooling-down",
        /// The day's requests are used up.
        DailyLimit = "daily-limit",
        /// The model has been in use for too short a time.
        NoHistory = "no-history",
        /// The operator does not allow this model.
        ModelNotAllowed = "model-not-allowed",
        /// Legacy models get no increase.
        LegacyModel = "legacy-model",
        /// The caller is unusual; possibly stolen credentials.
        UnusualCaller = "unusual-caller",
        /// Nobody has confirmed that they want to be told.
        NobodyListens = "nobody-listens",
        /// The function only observes.
        ObserveMode = "observe-mode",
        /// Something that must be known could not be read.
        NoEvidence = "no-evidence",
    }
}

/// Something that is done, or made ready for a person to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// A Service Quotas increase request.
    RequestIncrease(Increase),
    /// A support case, ready to paste.
    PrepareSupportCase {
        /// The quota, if it is one.
        quota: Option<Quota>,
        /// The case.
        text: String,
    },
    /// A reminder of a step that a person has to take.
    RemindAccess(Reminder),
}

/// An increase request, planned or filed.
#[derive(Clone, Debug, PartialEq)]
pub struct Increase {
    /// Which quota.
    pub quota: Quota,
    /// The value that holds now.
    pub applied: f64,
    /// AWS's default, which requests are validated against; `None` if unknown.
    pub default: Option<f64>,
    /// The value asked for.
    pub desired: f64,
    /// The source Region.
    pub region: Region,
    /// Service Quotas' id, once filed.
    pub request_id: Option<String>,
    /// Its status, once filed.
    pub status: Option<RequestStatus>,
    /// What it is justified by.
    pub need: Need,
}

impl Increase {
    /// The value that Service Quotas validates requests against.
    pub(crate) fn floor(&self) -> f64 {
        self.default.unwrap_or(self.applied).max(self.applied)
    }
}

/// Something that is not done, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Withheld {
    /// The reason's word.
    #[serde(rename = "type")]
    pub kind: Reason,
    /// The reason, for a person.
    pub reason: String,
    /// Quotas that could have been meant.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Quota>,
}

/// One thing for a person to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What to do.
    pub text: String,
    /// A command that does it, or shows where it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// A page on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// What to do about an incident.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Done by the function, or made ready.
    pub actions: Vec<Action>,
    /// Not done, and why.
    pub withheld: Vec<Withheld>,
    /// What an experienced engineer would say.
    pub advice: Vec<String>,
    /// What a person does now.
    pub steps: Vec<Step>,
    /// What AWS's reviewers ask for, ready to paste into the case.
    pub justification: Option<String>,
    /// A request of somebody else's to follow.
    pub adopted: Option<TrackedRequest>,
    /// Whether what is missing may only be late: then the same evidence is asked for again in some
    /// minutes.
    pub retry_evidence: bool,
    /// Whether nothing stands against a request but that CloudTrail was not asked who calls.
    pub asks_who_calls: bool,
    /// Why nothing is filed until a person has looked; `None` where nothing is suspected.
    pub suspicion: Option<Suspicion>,
    /// The quotas of which the ledger has to learn that. None where it knows.
    pub to_suspect: Vec<QuotaCode>,
    /// Whether so much of the quota is used that its request may take the last place of the day.
    pub is_full: bool,
    /// AWS's page on the error; `None` when no rule of its cause exists.
    pub reference: Option<&'static str>,
}

impl Increase {
    /// How a person asks for the same.
    pub fn by_hand(&self, place: &AccountRegion) -> Step {
        let command = by_hand(&self.quota, self.desired, &self.region);
        Step {
            text: "Ask for it by hand, if it is still wanted.".to_owned(),
            command: Some(command),
            link: Some(quota_link(place, &self.quota.code)),
        }
    }
}

/// How a person sees where a quota stands.
pub(crate) fn look_at(place: &AccountRegion, code: &QuotaCode) -> Step {
    let command = format!(
        "aws service-quotas list-requested-service-quota-change-history-by-quota --service-code bedrock --quota-code {code} --region {}",
        place.region
    );
    Step {
        text: "Look at the quota and its requests.".to_owned(),
        command: Some(command),
        link: Some(quota_link(place, code)),
    }
}

/// The console's page of a quota.
pub(crate) fn quota_link(place: &AccountRegion, code: &QuotaCode) -> String {
    place.region.regional_console(&format!("servicequotas/home/services/bedrock/quotas/{code}"))
}

impl Serialize for Action {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = match self {
            Self::RequestIncrease(i) => json!({
                "type": "request-increase",
                "quota_code": i.quota.code,
                "quota_name": i.quota.name,
                "applied": i.applied,
                "default": i.default,
                "desired": i.desired,
                "region": i.region,
                "request_id": i.request_id,
                "status": i.status,
            }),
            Self::PrepareSupportCase { quota, text } => json!({
                "type": "prepare-support-case",
                "quota_code": quota.as_ref().map(|q| &q.code),
                "text": text,
            }),
            Self::RemindAccess(r) => json!({
                "type": "remind-access",
                "step": r.step,
                "for": r.audience,
                "text": r.text,
                "commands": r.commands,
                "done": r.done,
                "missing": r.missing,
            }),
        };
        value.serialize(serializer)
    }
}

/// The command that asks for the same.
pub(crate) fn by_hand(quota: &Quota, desired: f64, region: &Region) -> String {
    format!(
        "aws service-quotas request-service-quota-increase --service-code bedrock --quota-code {} --desired-value {desired} --region {region}",
        quota.code
    )
}
