//! What we ask of the world: the ports, in our own words.
//!
//! One law: every call names the account and Region it is about, and a failure is one of a few words
//! that a plan can act on. Whoever implements a port keeps time-outs and retries to itself.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::callers::Origin;
use crate::event::{AlarmSignal, ErrorSignal, Metric};
use crate::flood::{Opened, Room};
use crate::ids::{AccountId, Place, QuotaCode};
use crate::incident::{Counts, Incident, IncidentId};
use crate::model::ModelId;
use crate::notice::Notice;
use crate::quota::Catalog;
use crate::quota_record::{Allowed, Budget, LastRequest, Need, QuotaRecord, Refusal, Remember, Suspicion};
use crate::shards::Shards;
pub use crate::told::{Notices, OfKind, Told};
use crate::usage::{Minute, Period, Series};
use crate::words::words;

/// Why a call was not answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    /// The function's own role may not.
    #[error("the function's role lacks `{0}`")]
    Denied(String),
    /// Too many calls; later perhaps.
    #[error("throttled")]
    Throttled,
    /// AWS refused for a reason it gave.
    #[error("refused: {1}")]
    Rejected(Rejection, String),
    /// The service or the network failed before anything happened.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// The call may have happened; the answer was lost.
    #[error("the answer was lost")]
    UnknownOutcome,
}

impl PortError {
    /// Whether the same call may be answered a little later.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Throttled | Self::Unavailable(_) | Self::UnknownOutcome)
    }

    /// Refused for a reason that only its text tells.
    pub(crate) fn invalid(why: impl Into<String>) -> Self {
        Self::Rejected(Rejection::Invalid, why.into())
    }

    /// A write under a lease that was overtaken.
    pub(crate) fn lease_lost() -> Self {
        Self::Rejected(Rejection::LeaseLost, "the lease on the incident was lost".to_owned())
    }
}

/// What a refusal means to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// A request for this quota is open already.
    AlreadyOpen,
    /// The account or Region has as many open requests as AWS takes.
    TooManyOpen,
    /// The value is not above the one that Service Quotas validates against.
    TooLow,
    /// The lease on the incident has ended or was overtaken.
    LeaseLost,
    /// Anything else; the text says what.
    Invalid,
}

/// An answer. Where what was asked for may not exist, it is an `Option`, and `None` is AWS's own word: an error
/// only says that there was no answer.
pub type Answer<T> = Result<T, PortError>;

/// What came of a question that may not have been asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Gathered<T> {
    /// It was not asked: nothing depends on it.
    #[default]
    NotAsked,
    /// AWS answered.
    Read(T),
    /// AWS was asked and did not answer.
    Unread(PortError),
}

impl<T> Gathered<T> {
    /// What AWS answered; `None` says nothing about AWS.
    pub fn read(&self) -> Option<&T> {
        match self {
            Self::Read(answer) => Some(answer),
            Self::NotAsked | Self::Unread(_) => None,
        }
    }

    /// Why there is no answer, where one was asked for.
    pub fn unread(&self) -> Option<&PortError> {
        match self {
            Self::Unread(error) => Some(error),
            Self::NotAsked | Self::Read(_) => None,
        }
    }

    /// The answer, changed.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Gathered<U> {
        match self {
            Self::NotAsked => Gathered::NotAsked,
            Self::Read(answer) => Gathered::Read(change(answer)),
            Self::Unread(error) => Gathered::Unread(error),
        }
    }
}

impl<T> From<Answer<T>> for Gathered<T> {
    fn from(answer: Answer<T>) -> Self {
        answer.map_or_else(Self::Unread, Self::Read)
    }
}

/// Status of an increase request.
/// See <https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_RequestedServiceQuotaChange.html>.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs)]
pub enum RequestStatus {
    Pending,
    CaseOpened,
    Approved,
    Denied,
    CaseClosed,
    NotApproved,
    InvalidRequest,
}

impl RequestStatus {
    /// Whether AWS is still at it.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::CaseOpened)
    }

    /// AWS's own word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::CaseOpened => "CASE_OPENED",
            Self::Approved => "APPROVED",
            Self::Denied => "DENIED",
            Self::CaseClosed => "CASE_CLOSED",
            Self::NotApproved => "NOT_APPROVED",
            Self::InvalidRequest => "INVALID_REQUEST",
        }
    }
}

words! {
    /// How an increase request ended, by AWS's status and by the applied value before and after.
    RequestOutcome {
        /// The applied value is what was asked for, or more.
        Granted = "granted",
        /// The applied value was raised to less than what was asked for.
        PartlyGranted = "partly-granted",
        /// The request is closed, and the applied value is what it was.
        ClosedUnchanged = "closed-unchanged",
        /// AWS refused it.
        Denied = "denied",
    }
}

impl RequestOutcome {
    /// Whether AWS answered with no more: the same request would end the same way.
    pub fn is_refusal(self) -> bool {
        matches!(self, Self::ClosedUnchanged | Self::Denied)
    }
}

/// An increase request, as Service Quotas remembers it for 90 days.
#[derive(Clone, Debug, PartialEq)]
pub struct IncreaseRequest {
    /// Service Quotas' id.
    pub id: String,
    /// The quota.
    pub code: QuotaCode,
    /// The value asked for.
    pub desired: f64,
    /// Where it stands. For Bedrock, `CASE_CLOSED` does not tell whether it was granted.
    pub status: RequestStatus,
    /// When it was filed.
    pub created: Timestamp,
    /// The support case; arrives late, often never.
    pub case_id: Option<String>,
}

/// A quota's value, as Service Quotas has it in one account and Region.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QuotaValue {
    /// The value.
    pub value: f64,
    /// Whether increase requests are taken. Asked for each time: AWS changes it, and listings of other
    /// accounts differ.
    pub adjustable: bool,
}

/// Service Quotas.
pub trait Quotas {
    /// The applied value; `None` where the account has none of its own, and then the default holds.
    async fn applied(&self, place: &Place, code: &QuotaCode) -> Answer<Option<QuotaValue>>;
    /// AWS's default; `None` where this account and Region have no such quota.
    async fn default_value(&self, place: &Place, code: &QuotaCode) -> Answer<Option<QuotaValue>>;
    /// Requests of the last 90 days, newest first.
    async fn history(&self, place: &Place, code: &QuotaCode) -> Answer<Vec<IncreaseRequest>>;
    /// One request by its id; `None` where Service Quotas has none of that id.
    /// See <https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_GetRequestedServiceQuotaChange.html>.
    async fn request(&self, place: &Place, id: &str) -> Answer<Option<IncreaseRequest>>;
    /// Every quota of Bedrock in that account and Region.
    async fn listing(&self, place: &Place) -> Answer<Catalog>;
    /// Asks for more. Not idempotent: an open request for the same quota is
    /// [`Rejection::AlreadyOpen`].
    async fn request_increase(
        &self,
        place: &Place,
        code: &QuotaCode,
        desired: f64,
    ) -> Answer<IncreaseRequest>;
}

/// A span of time, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its beginning.
    pub from: Timestamp,
    /// Its end.
    pub to: Timestamp,
}

/// An inference call that succeeded.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The model as called; `None` where the record does not tell.
    pub model: Option<ModelId>,
    /// See [`ErrorSignal::caller`].
    pub caller: Option<String>,
    /// From where and with what it was made.
    pub origin: Origin,
    /// When.
    pub at: Option<Timestamp>,
}

/// What CloudTrail's event history shows of the inference calls of a window.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recorded {
    /// The errors in what was read, the latest first.
    pub errors: Vec<ErrorSignal>,
    /// The calls that succeeded, the latest first.
    pub calls: Vec<Call>,
    /// How many recorded calls were read, failed or not.
    pub read: usize,
    /// Whether nothing of the window is left unread.
    pub is_whole: bool,
}

words! {
    /// Logs that hold errors, and prompts.
    LogKind {
        /// Bedrock's model-invocation log.
        Invocation = "invocation-log",
        /// Logs that applications write.
        Application = "application-log",
    }
}

/// A search through logs that was begun. Its answer is there some seconds or minutes later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogQuery {
    /// Which logs.
    pub kind: LogKind,
    /// CloudWatch Logs' id of it.
    pub id: String,
}

/// CloudWatch's metrics and alarms.
pub trait Telemetry {
    /// What was measured of each of `models` in each `period` of `window`, in the order of `models`.
    async fn usage(
        &self,
        place: &Place,
        models: &[ModelId],
        window: Window,
        period: Period,
    ) -> Answer<Vec<Series>>;
    /// The ids that were called in the last two weeks, as CloudWatch counts them.
    async fn used(&self, place: &Place) -> Answer<Vec<ModelId>>;
    /// Calls and errors of all models together, in all of `window`.
    async fn volume(&self, place: &Place, window: Window) -> Answer<Minute>;
    /// The models for which `metric` was above zero in `window`, the one with most of it first.
    async fn models_behind(&self, place: &Place, metric: Metric, window: Window) -> Answer<Vec<ModelId>>;
    /// The models that made an alarm over many of them go off; `None` where there is no such alarm.
    async fn contributors(&self, place: &Place, alarm: &str) -> Answer<Option<Vec<ModelId>>>;
    /// Those of the alarms `names` that are in ALARM and watch Bedrock.
    async fn alarms(&self, place: &Place, names: &[String]) -> Answer<Vec<AlarmSignal>>;
}

/// What is written down of single calls: CloudTrail's event history, and logs.
pub trait Records {
    /// Whether CloudTrail's event history shows an inference call of the account's root user in `window`.
    async fn called_by_root(&self, place: &Place, window: Window) -> Answer<bool>;
    /// The inference calls that CloudTrail recorded in `window`, as far as its newest `most` events of
    /// Bedrock show them.
    async fn recorded(&self, place: &Place, window: Window, most: usize) -> Answer<Recorded>;
    /// Begins to search log groups for errors of `window`. Only code, model, request id and identity are
    /// asked for: a record holds prompts.
    async fn start_query(
        &self,
        place: &Place,
        kind: LogKind,
        groups: &[String],
        window: Window,
    ) -> Answer<LogQuery>;
    /// What a search found; `None` while it goes on.
    async fn query_results(&self, place: &Place, query: &LogQuery) -> Answer<Option<Vec<ErrorSignal>>>;
}

/// Where a model stands in its life.
/// See <https://docs.aws.amazon.com/bedrock/latest/userguide/model-lifecycle.html>.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs)]
pub enum Lifecycle {
    #[default]
    Active,
    Legacy,
}

/// One of the four answers of `GetFoundationModelAvailability`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs)]
pub enum Availability {
    #[default]
    Available,
    Pending,
    NotAvailable,
    Error,
}

/// A model's life, as its provider plans it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Life {
    /// Where it stands.
    pub lifecycle: Lifecycle,
    /// When it became legacy or will; `None` if AWS names no day.
    pub legacy_from: Option<Timestamp>,
    /// When calls of it end; `None` if AWS names no day.
    pub ends: Option<Timestamp>,
}

/// Anthropic's use-case form, which an account submits once before its first call of one of Anthropic's models.
/// See <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_GetUseCaseForModelAccess.html>.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum UseCaseForm {
    /// The provider asks for none.
    #[default]
    NotNeeded,
    /// It was submitted.
    Submitted,
    /// It was not submitted.
    Missing,
    /// Bedrock did not say.
    Unread(PortError),
}

/// What Bedrock says of a model in an account: a clue, not proof.
/// See <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_GetFoundationModelAvailability.html>.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelState {
    /// Its life; `Ok(None)` where Bedrock describes no such model: it has ended, or was never here.
    pub life: Answer<Option<Life>>,
    /// Whether the account agreed to the provider's terms.
    pub agreement: Availability,
    /// Whether the account is authorised.
    pub authorized: bool,
    /// Whether the model is offered in the Region.
    pub region: Availability,
    /// Whether the provider's form was submitted.
    pub form: UseCaseForm,
}

impl Default for ModelState {
    /// A model that is there for everybody.
    fn default() -> Self {
        Self {
            life: Ok(Some(Life::default())),
            agreement: Availability::Available,
            authorized: true,
            region: Availability::Available,
            form: UseCaseForm::NotNeeded,
        }
    }
}

/// Bedrock's own descriptions.
pub trait Models {
    /// The ARNs of the models that an inference profile stands for, in every Region it routes to; see
    /// [`ModelId::behind_profile`]. `None` where there is no such profile.
    async fn profile_models(&self, place: &Place, profile: &ModelId) -> Answer<Option<Vec<String>>>;
    /// Every id that can be called in a Region: models on demand, and the inference profiles AWS defines.
    async fn offered(&self, place: &Place) -> Answer<Vec<ModelId>>;
    /// Every foundation model of a Region, with its life. What has ended is not among them.
    async fn lives(&self, place: &Place) -> Answer<Vec<(ModelId, Life)>>;
    /// The state of a foundation model, by its base id; `None` where Bedrock knows no such model.
    async fn model_state(&self, place: &Place, model: &ModelId) -> Answer<Option<ModelState>>;
    /// How many agreements a foundation model's provider offers to the account; `None` where Bedrock knows no
    /// such model.
    async fn agreement_offers(&self, place: &Place, model: &ModelId) -> Answer<Option<usize>>;
    /// The log group that model invocations are written to; `None` where they are not.
    async fn invocation_logging(&self, place: &Place) -> Answer<Option<String>>;
}

/// What IAM says of an action on a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyVerdict {
    /// Allowed, as far as the caller's own policies go.
    Allowed,
    /// No policy allows it.
    ImplicitDeny,
    /// A policy denies it.
    ExplicitDeny,
    /// Context is missing, or the caller is of another account.
    Undetermined,
}

/// Whose policies withhold an action, where it is not the caller's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyLayer {
    /// The role's permissions boundary.
    PermissionsBoundary,
    /// A service control policy.
    Organization,
}

/// A resource that a call needs, and the context in which IAM is asked about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needed {
    /// Its ARN.
    pub arn: String,
    /// `aws:RequestedRegion`; a global inference profile's calls are of no Region, and then it is
    /// `unspecified`.
    pub requested_region: String,
    /// `bedrock:InferenceProfileArn`, for a model that is called through a profile.
    pub profile: Option<String>,
}

/// What IAM's policy simulator says of one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// Its ARN.
    pub resource: String,
    /// What it says.
    pub verdict: PolicyVerdict,
    /// Whose policies withhold it; `None`: the caller's own do, or nobody's.
    pub layer: Option<PolicyLayer>,
    /// Context keys that policies ask for and nobody knows.
    pub missing_context: Vec<String>,
}

/// IAM.
pub trait Permissions {
    /// What IAM's policy simulator says of `caller`, a role or user of that account, for each of `needed`, in
    /// their order; `None` where the account has no such role or user. It knows no session, endpoint and
    /// resource policies.
    /// See <https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html>.
    async fn simulate(
        &self,
        place: &Place,
        caller: &str,
        action: &str,
        needed: &[Needed],
    ) -> Answer<Option<Vec<Ruling>>>;
}

words! {
    /// Where an incident stands.
    State {
        /// Counted; nothing decided yet.
        Seen = "seen",
        /// A request is reserved and may have been filed.
        Planned = "planned",
        /// A request is filed; nobody is told yet.
        Filed = "filed",
        /// People are told; nothing is left to follow.
        Told = "told",
        /// People are told; an increase request is followed.
        Watching = "watching",
        /// Over.
        Closed = "closed",
    }
}

/// The exclusive right to drive an incident, until it ends by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The incident.
    pub incident: IncidentId,
    /// The fencing token, of this lease alone: once another has taken over, a write under it is refused.
    pub owner: String,
}

/// An increase request that an incident follows.
#[derive(Clone, Debug, PartialEq)]
pub struct Followed {
    /// The quota.
    pub code: QuotaCode,
    /// Its name, for the notice of the outcome.
    pub name: String,
    /// The value asked for.
    pub desired: f64,
    /// The applied value before.
    pub value_before: f64,
    /// Service Quotas' id; `None` while the answer to our request is in doubt.
    pub request_id: Option<String>,
    /// When we meant to file it: any request of this quota since then is ours.
    pub intended: Timestamp,
}

/// What the ledger knows of an incident.
#[derive(Clone, Debug)]
pub struct Record {
    /// The incident as it was folded last, with the counts of its whole episode.
    pub incident: Incident,
    /// Where it stands.
    pub state: State,
    /// 1, and one more each time it comes back after it was closed.
    pub episode: u32,
    /// What was published in this episode.
    pub notices: Notices,
    /// The request it follows.
    pub followed: Option<Followed>,
    /// When somebody has to look again; `None` once closed.
    pub due_at: Option<Timestamp>,
    /// Until when a claim only counts, because people were told a short time ago or are about to be.
    pub silent_until: Option<Timestamp>,
    /// The search for the errors behind its alarm, on or over; `None` where none was begun.
    pub search: Option<Search>,
    /// What AWS has not answered about it; `None` where the last look was answered.
    pub unread: Option<Unread>,
    /// The quota that only a person can have raised; `None` where another way is open.
    pub awaited: Option<Awaited>,
}

/// A quota that only a person can have raised, by a support case. The incident is over when its value moves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Awaited {
    /// The quota.
    pub code: QuotaCode,
    /// Its name, for the notice of the end.
    pub name: String,
    /// The value that held when it was looked at first.
    pub value: f64,
}

/// A look at an open incident that AWS has not answered, time after time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// The first look without an answer.
    pub since: Timestamp,
    /// When people were told of it last; `None` where they were not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<Timestamp>,
}

/// A search for the errors behind an alarm. CloudTrail is minutes late, and logs are searched while nobody
/// waits, so it takes several looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// The alarm that it is about: one that goes off later begins another.
    pub alarm: Timestamp,
    /// So many looks are left.
    pub looks: u32,
    /// What was begun in logs and not read yet.
    pub queries: Vec<LogQuery>,
}

impl Search {
    /// Whether there are looks left.
    pub fn is_on(&self) -> bool {
        self.looks > 0
    }
}

impl Record {
    /// Whether the claim of `incident` that returned it has opened it: nothing else was counted.
    pub fn was_opened_by(&self, incident: &Incident) -> bool {
        self.state == State::Seen && self.notices.is_empty() && self.incident.counts == incident.counts
    }

    /// The episode goes on, due at `due_at`: nothing was decided on what is seen now. What was counted and told in it
    /// stays.
    pub(crate) fn come_back(&mut self, due_at: Timestamp) {
        self.state = State::Seen;
        self.due_at = Some(due_at);
        (self.followed, self.silent_until, self.search) = (None, None, None);
        (self.unread, self.awaited) = (None, None);
    }
}

/// Of incidents that were seen lately so many are looked at.
pub(crate) const SEEN: usize = 100;

/// Notices are tallied over so long.
pub const CROWD: SignedDuration = SignedDuration::from_mins(10);

words! {
    /// Notices that are tallied together: a crowd of those that anybody can cause does not delay the others.
    Lane {
        /// AWS recorded a missing step of access.
        Access = "access",
        /// AWS recorded a throttle.
        Throttle = "throttle",
        /// Anything else.
        Other = "other",
    }
}

/// The beginning of the [`CROWD`] that `now` is in, in seconds since 1970.
pub(crate) fn crowd_of(now: Timestamp) -> i64 {
    now.as_second() - now.as_second().rem_euclid(CROWD.as_secs())
}

/// `wait` later; the end of time rather than beyond it.
pub(crate) fn after(now: Timestamp, wait: SignedDuration) -> Timestamp {
    now.saturating_add(wait).unwrap_or(Timestamp::MAX)
}

/// What came of a claim.
#[derive(Clone, Debug)]
pub enum Claim {
    /// It is ours to drive.
    Mine(Lease, Box<Record>),
    /// It is counted; another holds it, or it was told a short time ago.
    Counted,
}

/// An increase that is about to be filed.
#[derive(Clone, Debug, PartialEq)]
pub struct Intent {
    /// Whose quota.
    pub place: Place,
    /// What will be followed.
    pub followed: Followed,
    /// From when on another request for this quota may be filed.
    pub cool_down_until: Timestamp,
    /// The breaker: with this one at most so many requests of this account and Region in 24 hours.
    pub most_a_day: u32,
    /// What it is justified by.
    pub need: Need,
    /// The value that requests are validated against.
    pub floor: f64,
    /// How far our own requests may raise the quota.
    pub budget: Budget,
}

/// The breaker counts the requests of so long.
const A_DAY: SignedDuration = SignedDuration::from_hours(24);

/// Whether another request may follow those of the times `filed` at `now`, of `most` in any 24 hours.
pub(crate) fn has_room(filed: &[Timestamp], most: u32, now: Timestamp) -> bool {
    let count = filed.iter().filter(|at| after(**at, A_DAY) > now).count();
    u32::try_from(count).is_ok_and(|count| count < most)
}

/// What came of a reservation.
#[derive(Clone, Debug, PartialEq)]
pub enum Reserved {
    /// File it.
    Yes,
    /// Another request of ours for this quota is too recent.
    CoolingDown(LastRequest),
    /// Nothing is filed for this quota until a person has looked.
    Suspected(Suspicion),
    /// AWS did not grant this much, or less.
    ClosedUnchanged(Refusal),
    /// It is more than our own requests may raise the quota to.
    BeyondBudget(Allowed),
    /// The requests of 24 hours are used up.
    DailyLimit,
}

/// How a drive ends: what is recorded before the lease is given back.
#[derive(Clone, Debug, PartialEq)]
pub struct Finish {
    /// Where the incident stands now.
    pub state: State,
    /// The request it follows from now on; `None`: none, or no longer.
    pub followed: Option<Followed>,
    /// When somebody has to look again.
    pub due_at: Timestamp,
    /// Until when a claim only counts.
    pub silent_until: Option<Timestamp>,
    /// What was published.
    pub told: Option<Told>,
    /// A followed request that has ended, for the quota's record.
    pub ended: Option<Ended>,
    /// The search as it stands now.
    pub search: Option<Search>,
    /// What AWS has not answered; `None` where it has.
    pub unread: Option<Unread>,
    /// See [`Record::awaited`].
    pub awaited: Option<Awaited>,
    /// The incident that turned out to be behind it, where it is closed for that.
    pub superseded_by: Option<IncidentId>,
    /// The counts it was decided on. If more was counted meanwhile, [`Finish::counted_meanwhile`] is recorded.
    pub counts: Counts,
    /// When somebody has to look again if more was counted meanwhile; `None`: no sooner than else.
    pub due_if_counted: Option<Timestamp>,
}

impl Finish {
    /// Of an incident that follows nothing and of which nothing was told.
    pub fn new(state: State, due_at: Timestamp, counts: Counts) -> Self {
        Self {
            state,
            followed: None,
            due_at,
            silent_until: None,
            told: None,
            ended: None,
            search: None,
            unread: None,
            awaited: None,
            superseded_by: None,
            counts,
            due_if_counted: None,
        }
    }

    /// Whether it matters if more was counted meanwhile.
    pub fn minds_counts(&self) -> bool {
        self.state == State::Closed || self.due_if_counted.is_some()
    }

    /// The same where more was counted meanwhile: it goes on.
    #[must_use]
    pub fn counted_meanwhile(&self) -> Self {
        let state = if self.state == State::Closed { State::Told } else { self.state };
        let due_at = self.due_if_counted.unwrap_or(self.due_at);
        Self { state, due_at, due_if_counted: None, ..self.clone() }
    }
}

/// The end of an increase request.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    /// Whose quota.
    pub place: Place,
    /// The request.
    pub followed: Followed,
    /// How.
    pub outcome: RequestOutcome,
    /// The value that holds now; `None` where this account and Region have no such quota any more.
    pub value: Option<f64>,
    /// When that was known.
    pub at: Timestamp,
}

/// Of so many incidents of a band that are due at once, those that matter most come first; see [`Ledger::due`].
pub(crate) const RANKED: usize = 1000;

/// The memory that outlives every invocation.
///
/// A write under a lease that was overtaken is [`Rejection::LeaseLost`], and nothing of it happens.
pub trait Ledger {
    /// Counts `incident`, opens a new episode if it was closed or is new, and takes the lease if nobody
    /// holds it and people were not told a short time ago. With the lease the incident is due when the
    /// lease ends, so that whoever dies over it is made up for. A lease of no length only hands it to the
    /// next sweep. When it was seen last never goes back, and never into the future. A new incident and one
    /// that is held cost one round trip; errors that come after later ones cost one more.
    async fn claim(&self, incident: &Incident, now: Timestamp, lease: SignedDuration) -> Answer<Claim>;
    /// Incidents of `shards` that are due and not leased, at most `most`: those of an urgent cause, then those that
    /// follow a request, then the rest. Of each [`Band`](crate::shards::Band), of the thousand most overdue by the
    /// rank of their cause, and of one rank the most overdue first.
    async fn due(&self, shards: Shards, now: Timestamp, most: usize) -> Answer<Vec<IncidentId>>;
    /// Takes the lease of an incident that is due. `None` when another was faster.
    async fn take_over(
        &self,
        id: &IncidentId,
        now: Timestamp,
        lease: SignedDuration,
    ) -> Answer<Option<(Lease, Record)>>;
    /// Takes the lease of an open incident that nobody holds, whether it is due or not: what a person wants
    /// of it does not wait. `None` when it is held, closed or unknown.
    async fn seize(
        &self,
        id: &IncidentId,
        now: Timestamp,
        lease: SignedDuration,
    ) -> Answer<Option<(Lease, Record)>>;
    /// Every incident, or the open ones alone, the most overdue first and closed ones last. Who called is left out;
    /// [`Ledger::incident`] has it.
    async fn all(&self, is_open: bool) -> Answer<Vec<Record>>;
    /// Makes every open incident due now that follows a request in `place`. Reads none that follows no request.
    async fn wake_followers(&self, place: &Place, now: Timestamp) -> Answer<()>;
    /// One transaction over incident, quota and the requests of 24 hours: intent, lock and breaker, or nothing.
    async fn reserve(&self, lease: &Lease, intent: &Intent, now: Timestamp) -> Answer<Reserved>;
    /// What is remembered of a quota; nothing of one that is not known.
    async fn quota(&self, place: &Place, code: &QuotaCode) -> Answer<QuotaRecord>;
    /// Writes down what was found of a quota, or what a person said of it.
    async fn remember(&self, place: &Place, code: &QuotaCode, what: &Remember) -> Answer<()>;
    /// Records that the reserved request for `followed` was not filed: nothing is followed, the quota and its
    /// place among the requests of 24 hours are given back. What AWS refused and granted before stays.
    async fn not_filed(&self, lease: &Lease, place: &Place, followed: &Followed) -> Answer<()>;
    /// Records how a drive ended and gives the lease back. Nothing that was counted since is closed.
    async fn finish(&self, lease: &Lease, finish: &Finish) -> Answer<()>;
    /// Counts one more notice of `lane` in the present [`CROWD`]. Returns how many there were, with it.
    async fn tally(&self, lane: Lane, now: Timestamp) -> Answer<u32>;
    /// Counts an incident that a claim has opened among those of its place and sender in the hour of `now`. Where
    /// there is no room nothing is counted. One write.
    async fn admit(&self, opened: &Opened, now: Timestamp) -> Answer<Room>;
    /// Incidents of `place` that were seen since then, the latest first, at most a hundred. What was
    /// counted a moment ago may be missing. Who called is left out.
    async fn seen(&self, place: &Place, since: Timestamp) -> Answer<Vec<Incident>>;
    /// Puts the watch over `place` off until `next`, if it is due by `due_by`, and says whether it was: of
    /// all who ask at once one is told so.
    async fn watch(&self, place: &Place, due_by: Timestamp, next: Timestamp) -> Answer<bool>;
    /// One incident; `None` when the ledger has none of that id.
    async fn incident(&self, id: &IncidentId) -> Answer<Option<Record>>;
}

/// The topic people are told through.
pub trait Topic {
    /// Publishes `notice` in every form. At least once.
    async fn publish(&self, notice: &Notice) -> Answer<()>;
    /// How many have confirmed that they want to be told.
    async fn subscribers(&self) -> Answer<u32>;
}

/// Time.
pub trait Clock {
    /// Now.
    fn now(&self) -> Timestamp;
    /// Waits.
    async fn sleep(&self, duration: SignedDuration);
    /// Does `work`, or gives up on it after `limit`.
    async fn within<T>(&self, limit: SignedDuration, work: impl Future<Output = T>) -> Option<T>;
}

/// Asks, and takes no answer until then for an answer.
pub(crate) async fn ask<T>(
    world: &impl Clock,
    until: Timestamp,
    call: impl Future<Output = Answer<T>>,
) -> Answer<T> {
    let left = until.duration_since(world.now()).max(SignedDuration::ZERO);
    let late = || Err(PortError::Unavailable("there was no answer in time".to_owned()));
    world.within(left, call).await.unwrap_or_else(late)
}

/// A CloudTrail trail, with an answer of its own to each question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trail {
    /// Its name.
    pub name: String,
    /// Whether it records now.
    pub is_logging: Answer<bool>,
    /// Whether it records management events that only read, as inference calls do.
    pub records_reads: Answer<Reads>,
}

/// Whether a trail records management events that only read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reads {
    /// It does.
    Recorded,
    /// It does not.
    LeftOut,
    /// The trail belongs to that account, as an organization's trail does, and only there its selectors can be
    /// read.
    OfAccount(AccountId),
}

/// Which events an EventBridge rule gets.
/// See <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_Rule.html>.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RuleState {
    /// None.
    Disabled,
    /// All but CloudTrail's management events that only read.
    Enabled,
    /// All.
    EnabledWithReads,
}

/// An EventBridge rule of the default event bus.
/// See <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_Rule.html>.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRule {
    /// Its name.
    pub name: String,
    /// Which events it gets.
    pub state: RuleState,
    /// What it reacts to.
    pub trigger: Trigger,
}

/// What an EventBridge rule reacts to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// Events of these `detail-type`s; a `*` stands for what the pattern leaves open at the end or the beginning.
    Events(Vec<String>),
    /// The clock.
    Schedule,
}

impl Trigger {
    /// What a rule with this event pattern reacts to.
    /// See <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html>.
    pub fn of_pattern(pattern: &serde_json::Value) -> Self {
        let branches = pattern.get("$or").and_then(serde_json::Value::as_array).into_iter().flatten();
        let types = std::iter::once(pattern).chain(branches).filter_map(|p| p.get("detail-type")?.as_array());
        let mut named = Vec::new();
        for wanted in types.flatten() {
            let part = |operator: &str| wanted.get(operator)?.as_str();
            let name = wanted
                .as_str()
                .map(str::to_owned)
                .or_else(|| part("prefix").map(|text| format!("{text}*")))
                .or_else(|| part("suffix").map(|text| format!("*{text}")));
            named.extend(name.filter(|name| !named.contains(name)));
        }
        Self::Events(named)
    }
}

/// How many listen to a topic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Subscriptions {
    /// Those who have confirmed that they want to be told.
    pub confirmed: u32,
    /// Those who were asked and have not confirmed.
    pub pending: u32,
}

/// How the function is set up, which only people ask.
pub trait Setup {
    /// The trails that record `place`. One that cannot be read is among them.
    async fn trails(&self, place: &Place) -> Answer<Vec<Trail>>;
    /// The rules whose names begin with `prefix`.
    async fn rules(&self, place: &Place, prefix: &str) -> Answer<Vec<EventRule>>;
    /// How many listen to the topic with that ARN, in the topic's own Region.
    async fn subscriptions(&self, topic: &str) -> Answer<Subscriptions>;
    /// The alarms whose names begin with `prefix`, and whether their actions are on.
    async fn own_alarms(&self, place: &Place, prefix: &str) -> Answer<Vec<(String, bool)>>;
    /// What IAM's policy simulator says of each of `actions` of `role` on `resource`, in their order; `None` where
    /// the account has no such role.
    async fn rights(
        &self,
        place: &Place,
        role: &str,
        actions: &[&str],
        resource: &str,
    ) -> Answer<Option<Vec<PolicyVerdict>>>;
}

/// Everything at once.
pub trait World: Quotas + Telemetry + Records + Models + Permissions + Ledger + Topic + Clock {}

impl<T: Quotas + Telemetry + Records + Models + Permissions + Ledger + Topic + Clock> World for T {}
