//! What to do about an incident: a plan that is data.
//!
//! One law: pure. Everything that could have been done and is not stands in it with its reason.

mod callers;
mod case;
mod findable;
mod follow;
mod ids;
mod increase;
mod person;
mod remembered;
mod siblings;
mod size;
mod suspect;
mod words;

use serde::{Serialize, Serializer};
use serde_json::json;

use crate::access::{self, Reminder};
use crate::config::Config;
use crate::diagnosis::{Category, Cause, RULES};
use crate::evidence::Evidence;
use crate::ids::{Place, QuotaCode, Region};
use crate::incident::Incident;
use crate::lifecycle::successor;
use crate::quota::Quota;
use crate::quota_record::{Need, Suspicion};
use crate::words::words as word_enum;
use crate::world::{Followed, RequestStatus};

pub(crate) use person::ask;
pub(crate) use remembered::{beyond_budget, closed_unchanged, cooling_down, suspected};
pub use size::round_up;
pub(crate) use suspect::{codes, demand, remembered_suspicion};
pub use words::number;
pub(crate) use words::{unit, whole};

word_enum! {
    /// Why something is withheld.
    Reason {
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
    pub adopted: Option<Followed>,
    /// Whether what is missing may only be late: then the same evidence is asked for again in some
    /// minutes.
    pub look_again: bool,
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

/// Decides what to do.
pub fn plan(incident: &Incident, evidence: &Evidence, config: &Config) -> Plan {
    let mut plan = Plan::default();
    let row = incident.rule.and_then(|id| RULES.iter().find(|r| r.id == id));
    // Without a row only a metric spoke; the last row of its cause, the most general, knows as much.
    let row = row.or_else(|| RULES.iter().rfind(|r| r.cause == incident.cause));
    plan.advice = row.map(|r| r.advice.iter().map(|a| (*a).to_owned()).collect()).unwrap_or_default();
    plan.reference = row.map(|r| r.reference);
    match incident.cause.category() {
        Category::Quota => increase::decide(incident, evidence, config, &mut plan),
        Category::ModelAccess | Category::Permission => remind(incident, evidence, &mut plan),
        Category::Request => plan.steps = words::correction(incident),
        Category::ModelId => {
            plan.steps = words::correction(incident);
            if incident.cause != Cause::UnsupportedOperation {
                plan.steps.extend(ids::steps(incident, evidence));
            }
        }
        Category::Capacity | Category::Credentials => {}
        Category::Other => plan.steps = findable::steps(incident, evidence),
    }
    if incident.facts.many.is_some() {
        plan.advice = MANY.map(str::to_owned).to_vec();
    }
    if incident.cause == Cause::NearQuota {
        plan.reference = Some("https://docs.aws.amazon.com/bedrock/latest/userguide/quotas-increase.html");
        if plan.suspicion.is_none() {
            plan.advice = NEAR.map(str::to_owned).to_vec();
        }
    }
    plan.steps.extend(callers::steps(incident));
    if incident.is_metric_only() && incident.cause.category() != Category::Other {
        plan.steps.extend(findable::steps(incident, evidence));
    }
    plan
}

/// What helps before calls are throttled.
const NEAR: [&str; 2] = [
    "A request reserves its input and `max_tokens` when it is admitted: `max_tokens` no larger than the answers need leaves room in the same quota.",
    "AWS takes days to decide on an increase. A profile of wider reach, cross-Region or global, has a quota of its own and needs no waiting.",
];

/// What is known where errors are counted together.
const MANY: [&str; 2] = [
    "A client that makes up model ids or resources causes this, and so does whoever can write to a log that is subscribed. Find who sends the errors before you look at single ones.",
    "Throttles and missing steps of access that AWS recorded are told by themselves meanwhile, and so is every incident that was open before.",
];

/// Names the step that is missing, for the person who can take it.
fn remind(incident: &Incident, evidence: &Evidence, plan: &mut Plan) {
    let asked = evidence.asked();
    let (model, place) = (evidence.model.as_ref(), incident.place());
    let reminder = access::reminder(incident.cause, model, place.as_ref(), &incident.facts, &asked);
    if let Some(reminder) = reminder {
        plan.steps = steps_of(&reminder);
        plan.actions.push(Action::RemindAccess(reminder));
    }
    // Where the Region lacks the model, no step of access helps; another id may.
    if evidence.offered.read().is_some() {
        plan.steps.extend(ids::steps(incident, evidence));
    }
    if let (Some(model), Some(lives)) = (model, evidence.lives.read())
        && let Some(newest) = successor(model, lives, evidence.now)
    {
        let text = format!(
            "The newest active model of its family here is `{newest}`. Where it answers only through an inference profile, call the profile of that model."
        );
        plan.steps.insert(0, Step { text, command: None, link: None });
    }
    let missing = access::missing(incident.cause, &asked);
    if let Some(row) = RULES.iter().rfind(|r| r.cause == missing && r.cause != incident.cause) {
        plan.advice = row.advice.iter().map(|a| (*a).to_owned()).collect();
        plan.reference = Some(row.reference);
    }
}

fn steps_of(reminder: &Reminder) -> Vec<Step> {
    let mut steps = vec![Step {
        text: format!("For {}: {}", reminder.audience, reminder.text),
        command: None,
        link: reminder.link.clone(),
    }];
    for command in &reminder.commands {
        let looks = [" get-", " list-", " lookup-"].iter().any(|verb| command.contains(verb));
        let text = match command.starts_with('{') {
            true => "The least statement that allows it.",
            false if looks => "See where it stands.",
            false => "Or do it by command.",
        };
        steps.push(Step { text: text.to_owned(), command: Some(command.clone()), link: None });
    }
    steps
}

impl Increase {
    /// How a person asks for the same.
    pub fn by_hand(&self, place: &Place) -> Step {
        let command = words::by_hand(&self.quota, self.desired, &self.region);
        Step {
            text: "Ask for it by hand, if it is still wanted.".to_owned(),
            command: Some(command),
            link: Some(quota_link(place, &self.quota.code)),
        }
    }
}

/// How a person sees where a quota stands.
pub(crate) fn look_at(place: &Place, code: &QuotaCode) -> Step {
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
pub(crate) fn quota_link(place: &Place, code: &QuotaCode) -> String {
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
