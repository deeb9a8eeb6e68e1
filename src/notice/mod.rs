//! Notices: the texts for people and the JSON for machines.
//!
//! Invariant: A notice consists of the rules' texts and of facts without prose. Text from outside enters only as a
//! [`Safe`]: a name in its own format, never a sentence.

pub mod channel;
pub mod outcome;
pub mod points;
mod reasons;
mod access_state;
mod brief;
mod digest;
mod headline;
mod searched;
mod who;

use jiff::Timestamp;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::Serialize;

use crate::access::checklist;
use crate::alternatives::MeasuredAlternative;
use crate::callers::{Address, CallerShare};
use crate::config::Accounts;
use crate::diagnosis::{Category, Cause, Facts};
use crate::evidence::Evidence;
use crate::ids::{AccountId, IncidentId, QuotaCode, Region, short_hash};
use crate::incident::notice_kind::severity;
pub use crate::incident::notice_kind::{Kind, Severity};
use crate::incident::notices::NoticeRecord;
use crate::incident::record::Record;
use crate::incident::{Counts, Incident};
use crate::model::ModelId;
pub use crate::notice::channel::email::HEADINGS;
pub use crate::notice::channel::message::{LARGEST, Message, message};
pub use crate::notice::digest::Line;
pub use crate::notice::outcome::Outcome;
use crate::plan::action::{Action, Plan, Step, Withheld};
use crate::plan::execution::Execution;
use crate::plan::steps::visible;
use crate::quota::request::{IncreaseRequest, RequestOutcome, TrackedRequest};
use crate::quota::unit;
use crate::text::{self, Safe, number, whole};

/// A notice, serialized as machine-readable JSON of version 1.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Notice {
    /// `1`.
    pub version: &'static str,
    /// Identifies the news: the same however often it is published.
    pub notice_id: String,
    /// What the notice is about.
    pub kind: Kind,
    /// The incident; `None` in a digest.
    pub incident_id: Option<IncidentId>,
    /// The incident's episode, counted from 1; `None` in a digest.
    pub episode: Option<u32>,
    /// How soon somebody should look.
    pub severity: Severity,
    /// The account of the calls; `None` if unknown.
    pub account: Option<AccountId>,
    /// The account's name, as the operator configured it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_name: Option<String>,
    /// Who answers for the account, as the operator configured it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_owner: Option<String>,
    /// The source Region; `None` if unknown.
    pub region: Option<Region>,
    /// The model as called; `None` if unknown.
    pub model_id: Option<ModelId>,
    /// The model behind an application inference profile; `None` if there is none or it could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolved_model_id: Option<ModelId>,
    /// The caller, for causes that concern one caller; else `None`.
    pub caller: Option<Safe>,
    /// A sample of the failed calls by caller, most errors first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub callers: Vec<Caller>,
    /// The cause's category; `None` in a digest of several.
    pub category: Option<Category>,
    /// The cause; `None` in a digest of several.
    pub cause: Option<Cause>,
    /// The rule that found the cause; `None` if only a metric did.
    pub rule: Option<&'static str>,
    /// The title, in one line.
    pub title: String,
    /// What happened, in a sentence or two.
    pub summary: String,
    /// The evidence for the cause, in sentences.
    pub because: Vec<String>,
    /// See [`Facts`].
    pub facts: Facts,
    /// How many errors and alarms.
    pub counts: Counts,
    /// Actions of the function, done or prepared.
    pub actions: Vec<Action>,
    /// Actions not taken, and why.
    pub withheld: Vec<Withheld>,
    /// Other ways to call the model that have room now, most room first; empty unless they were measured.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub room: Vec<RoomRow>,
    /// Steps for a person.
    pub next_steps: Vec<Step>,
    /// Advice as an experienced engineer would give it.
    pub advice: Vec<String>,
    /// How the increase request ended; `None` unless the notice is about that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<RequestOutcome>,
    /// The Service Quotas id of the request that ended or is still open; `None` if the notice is not about a request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The justification for AWS's reviewers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub justification: Option<String>,
    /// AWS pages about the cause.
    pub references: Vec<String>,
    /// When it was first seen.
    #[schemars(with = "Option<String>")]
    pub first_seen: Option<Timestamp>,
    /// When it was last seen.
    #[schemars(with = "Option<String>")]
    pub last_seen: Option<Timestamp>,
    /// The incidents of a digest, one line each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub incidents: Vec<Line>,
}

/// Some of the failed calls, grouped by caller.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Caller {
    /// ARN of the role without path and session, or of the user; `None` if unknown.
    pub caller: Option<Safe>,
    /// The kind of source address; `None` if unknown.
    pub address: Option<Address>,
    /// Product and version of the caller's SDK; `None` if unknown.
    pub user_agent: Option<Safe>,
    /// Number of errors.
    pub errors: u64,
    /// Share of the sampled errors, from 0 to 1.
    pub share: f64,
}

/// Another way to call the model, and how much room its quota has.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RoomRow {
    /// The id to call.
    pub model_id: ModelId,
    /// The Region to call from.
    pub region: Region,
    /// `bedrock-runtime` or `bedrock-mantle`.
    pub endpoint: &'static str,
    /// The quota that counts such calls.
    pub quota_code: QuotaCode,
    /// The quota's name.
    pub quota_name: String,
    /// What it limits, such as `tokens per minute`.
    pub unit: &'static str,
    /// The applied value.
    pub applied: f64,
    /// The peak of the last hour, or for a daily limit the use of the last 24 hours, in the quota's unit.
    pub used: f64,
    /// Whether Service Quotas takes increase requests for it, by the public listing.
    pub adjustable: bool,
}

impl RoomRow {
    fn of(room: &MeasuredAlternative) -> Self {
        let way = &room.alternative;
        Self {
            model_id: way.model.clone(),
            region: way.place.region.clone(),
            endpoint: way.endpoint.as_str(),
            quota_code: way.quota.code.clone(),
            quota_name: way.quota.name.clone(),
            unit: unit(way.limit),
            applied: room.applied,
            used: room.used,
            adjustable: way.quota.adjustable,
        }
    }
}

impl Caller {
    fn all(incident: &Incident) -> Vec<Self> {
        let callers = incident.callers.all();
        let of = |(share, part): (&CallerShare, f64)| Self {
            caller: share.caller.as_deref().and_then(Safe::arn),
            address: share.address,
            user_agent: share.agent.as_deref().and_then(Safe::name),
            errors: share.errors,
            share: (part * 1000.0).round() / 1000.0,
        };
        callers.shares().into_iter().map(of).collect()
    }
}

impl Notice {
    /// The JSON Schema of a notice of this version. A later program may add members.
    pub fn json_schema() -> Schema {
        SchemaSettings::default().for_serialize().into_generator().into_root_schema_for::<Self>()
    }

    /// Composes a notice about `record`'s incident from its `plan`, what came of it, and `evidence`.
    pub fn compose(
        kind: Kind,
        record: &Record,
        plan: &Plan,
        execution: &Execution,
        evidence: &Evidence,
    ) -> Self {
        let incident = &record.incident;
        let resolved = evidence.model.clone().filter(|m| Some(m) != incident.model.as_ref());
        let mut notice = Self {
            version: "1",
            notice_id: notice_id(record, kind),
            kind,
            incident_id: Some(incident.id.clone()),
            episode: Some(record.episode),
            severity: severity(incident, kind),
            account: incident.account.clone(),
            account_name: None,
            account_owner: None,
            region: incident.region.clone(),
            model_id: incident.model.clone(),
            resolved_model_id: resolved,
            caller: incident.caller.as_deref().and_then(Safe::arn),
            callers: Caller::all(incident),
            category: Some(incident.cause.category()),
            cause: Some(incident.cause),
            rule: incident.rule,
            title: headline::title(incident, kind, record.notices.is_over()),
            summary: headline::summary(incident),
            because: reasons::because(kind, record, evidence),
            facts: incident.facts.shown(),
            counts: incident.counts,
            actions: execution.actions(plan),
            withheld: execution.withheld(plan).cloned().collect(),
            references: plan.reference.iter().map(|r| (*r).to_owned()).collect(),
            next_steps: execution.steps(plan).iter().cloned().chain(visible::original(incident)).collect(),
            advice: plan.advice.clone(),
            outcome: None,
            request_id: None,
            room: evidence.room.iter().filter(|_| plan.suspicion.is_none()).map(RoomRow::of).collect(),
            justification: plan.justification.clone(),
            first_seen: incident.first_seen,
            last_seen: incident.last_seen,
            incidents: Vec::new(),
        };
        if let Some(suspicion) = plan.suspicion.as_ref().filter(|_| kind != Kind::Resolved) {
            notice.severity = Severity::Critical;
            let is_news = !record.was_told_since(suspicion.since);
            notice.title = headline::suspicious_title(incident, kind, suspicion.kind, is_news);
            notice.summary = format!("{} {}", headline::suspicious(suspicion), notice.summary);
        }
        notice.bound();
        notice
    }

    /// Whether the function has filed an increase request for it.
    pub(crate) fn is_of_request(&self) -> bool {
        self.actions.iter().any(|action| matches!(action, Action::RequestIncrease(_)))
    }

    /// The notice with the name and the owner of its account.
    #[must_use]
    pub(crate) fn with_account(mut self, accounts: &Accounts) -> Self {
        if let Some(known) = self.account.as_ref().and_then(|account| accounts.get(account)) {
            self.account_name.clone_from(&known.name);
            self.account_owner.clone_from(&known.owner);
        }
        self
    }

    /// Composes a notice about how the request that `record` followed ended.
    pub fn of_outcome(record: &Record, outcome: &Outcome, plan: &Plan, evidence: &Evidence) -> Self {
        let mut notice = Self::compose(Kind::Outcome, record, plan, &Execution::Nothing, evidence);
        notice.title = headline::outcome_title(&record.incident, outcome);
        notice.summary.clone_from(&outcome.sentence);
        notice.outcome = Some(outcome.how);
        notice.request_id.clone_from(&outcome.request_id);
        notice.severity =
            if outcome.how == RequestOutcome::Granted { Severity::Info } else { Severity::Warning };
        notice
    }

    /// Composes the last notice about an incident of which neither errors nor AWS have told anything for long.
    pub(crate) fn of_forgotten(record: &Record, evidence: &Evidence) -> Self {
        let nothing = Execution::Nothing;
        let mut notice = Self::compose(Kind::Resolved, record, &Plan::default(), &nothing, evidence);
        notice.title = headline::forgotten_title(&record.incident);
        let last = record.incident.last_seen.map(|seen| format!(" since {}", seen.strftime("%F")));
        notice.summary = format!(
            "The function stops looking at this incident: no error has arrived{}, and AWS does not answer about it. The next error opens the incident again.",
            last.unwrap_or_default()
        );
        notice
    }

    /// Composes a reminder about `request`, which the incident follows and AWS has left open.
    pub(crate) fn of_open_request(
        record: &Record,
        followed: &TrackedRequest,
        request: &IncreaseRequest,
        plan: &Plan,
        evidence: &Evidence,
    ) -> Self {
        let mut notice = Self::compose(Kind::Reminder, record, plan, &Execution::Nothing, evidence);
        notice.title = headline::open_request_title(&record.incident);
        notice.summary = format!(
            "AWS has not decided the increase request {} of `{}` from {} to {} since {}. Its status is {}.",
            request.id,
            followed.name,
            number(followed.value_before),
            number(followed.desired),
            request.created.strftime("%F"),
            request.status.word()
        );
        notice.request_id = Some(request.id.clone());
        notice.severity = Severity::Warning;
        notice
    }

    /// The record of this notice, sent at `now` about `record` with `evidence`. It adds no news to what people have
    /// heard.
    pub(crate) fn told(&self, record: &Record, evidence: &Evidence, now: Timestamp) -> NoticeRecord {
        let last = record.notices.last();
        let missing = evidence.asked().state.map(|state| checklist(state).missing).unwrap_or_default();
        NoticeRecord {
            id: self.notice_id.clone(),
            kind: self.kind.to_string(),
            at: now,
            errors: self.counts.errors,
            missing: missing.into_iter().map(str::to_owned).collect(),
            repeats: last.map_or(0, |last| last.repeats),
            heard: record.notices.heard().as_of(now),
        }
    }

    /// Limits the size of every part, so that all forms together stay far below the SNS limit.
    fn bound(&mut self) {
        const TEXT: usize = 6 * 1024;
        const MANY: usize = 16;
        self.actions.truncate(MANY);
        self.withheld.truncate(MANY);
        self.next_steps.truncate(MANY);
        self.advice.truncate(MANY);
        self.references.truncate(MANY);
        for step in &mut self.next_steps {
            text::bound(&mut step.text, TEXT);
            step.command.iter_mut().chain(step.link.iter_mut()).for_each(|t| text::bound(t, TEXT));
        }
        for withheld in &mut self.withheld {
            text::bound(&mut withheld.reason, TEXT);
            withheld.candidates.truncate(MANY);
        }
        for action in &mut self.actions {
            match action {
                Action::PrepareSupportCase { text, .. } => text::bound(text, TEXT),
                Action::RemindAccess(reminder) => {
                    reminder.commands.iter_mut().for_each(|c| text::bound(c, TEXT));
                }
                Action::RequestIncrease(_) => {}
            }
        }
        self.because.iter_mut().for_each(|b| text::bound(b, TEXT));
        self.justification.iter_mut().for_each(|j| text::bound(j, TEXT));
    }
}

/// The counts in words.
pub fn counted(counts: Counts) -> String {
    match (counts.errors, counts.alarms) {
        (0, 0) => "no call failed yet".to_owned(),
        (0, 1) => "1 alarm".to_owned(),
        (0, alarms) => format!("{} alarms", whole(alarms)),
        (1, _) => "1 error".to_owned(),
        (errors, _) => format!("{} errors", whole(errors)),
    }
}

/// A deterministic id from the incident, the episode, the kind, and how many notices of the kind came before.
///
/// All kinds that say that an incident goes on count as one here. What a look finds decides between them, so a notice
/// that was published and not recorded can be repeated as another kind. It must keep its id.
fn notice_id(record: &Record, kind: Kind) -> String {
    let (kind, before) = match kind {
        Kind::Opened | Kind::Again | Kind::Reminder | Kind::Headroom | Kind::Lifecycle => {
            (Kind::Opened, record.notices.count_going_on())
        }
        Kind::Outcome | Kind::Resolved | Kind::Unanswered | Kind::Digest => {
            (kind, record.notices.of(kind).map_or(0, |of| of.count))
        }
    };
    format!("ntc-{}", short_hash(&format!("{}|{}|{kind}|{before}", record.incident.id, record.episode)))
}
