//! The ports: everything the remediator reads or changes outside itself, in its own terms.
//!
//! Invariant: Every call names the account and Region it is about, and every failure is one of a few errors that a plan
//! can act on. The implementation of a port handles time-outs and retries itself.

use jiff::{SignedDuration, Timestamp};

use crate::error::{ServiceError, ServiceResult};
use crate::event::signal::Recorded;
use crate::event::{AlarmSignal, ErrorSignal, Metric};
use crate::ids::{AccountRegion, IncidentId, QuotaCode, QuotaService};
use crate::incident::Incident;
use crate::incident::flood::{Opened, Room};
use crate::incident::lane::Lane;
pub use crate::incident::notices::{NoticeRecord, Notices, OfKind};
use crate::incident::record::{Claim, Lease, Record, Release};
use crate::incident::search::{LogKind, LogQuery};
use crate::installation::{EventRule, Subscriptions, Trail};
use crate::model::ModelId;
use crate::model::access::ModelState;
use crate::model::lifecycle::ModelLife;
use crate::notice::Notice;
use crate::permission::{Needed, PolicyVerdict, Ruling};
use crate::quota::Catalog;
use crate::quota::record::{Intent, QuotaRecord, Remember, Reserved};
use crate::quota::request::{IncreaseRequest, QuotaValue, TrackedRequest};
use crate::shards::Shards;
use crate::time::Window;
use crate::usage::{Endpoint, Minute, Period, Series};

/// Service Quotas.
pub trait Quotas {
    /// The applied value; `None` if the account has none of its own, in which case the default applies.
    async fn applied(&self, place: &AccountRegion, code: &QuotaCode) -> ServiceResult<Option<QuotaValue>>;
    /// The AWS default; `None` if this account and Region have no such quota.
    async fn default_value(
        &self,
        place: &AccountRegion,
        code: &QuotaCode,
    ) -> ServiceResult<Option<QuotaValue>>;
    /// Increase requests of the last 90 days, newest first.
    async fn history(&self, place: &AccountRegion, code: &QuotaCode) -> ServiceResult<Vec<IncreaseRequest>>;
    /// One request by its id; `None` if Service Quotas has no request with that id.
    /// See <https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_GetRequestedServiceQuotaChange.html>.
    async fn request(&self, place: &AccountRegion, id: &str) -> ServiceResult<Option<IncreaseRequest>>;
    /// Every quota of `service` in that account and Region.
    async fn listing(&self, place: &AccountRegion, service: QuotaService) -> ServiceResult<Catalog>;
    /// Requests an increase. Not idempotent: if a request for the same quota is open, the error is
    /// [`Rejection::AlreadyOpen`](crate::error::Rejection::AlreadyOpen).
    async fn request_increase(
        &self,
        place: &AccountRegion,
        code: &QuotaCode,
        desired: f64,
    ) -> ServiceResult<IncreaseRequest>;
}

/// CloudWatch metrics and alarms.
pub trait Telemetry {
    /// The metrics of each of `models` on `endpoint`, per `period` of `window`, in the order of `models`.
    async fn usage(
        &self,
        place: &AccountRegion,
        endpoint: Endpoint,
        models: &[ModelId],
        window: Window,
        period: Period,
    ) -> ServiceResult<Vec<Series>>;
    /// The model ids called on `endpoint` in the last two weeks, according to CloudWatch.
    async fn used(&self, place: &AccountRegion, endpoint: Endpoint) -> ServiceResult<Vec<ModelId>>;
    /// Calls and errors of all models together over `window`.
    async fn volume(&self, place: &AccountRegion, window: Window) -> ServiceResult<Minute>;
    /// The models, or operations of `AgentCore`, for which `metric` was above zero in `window`, highest first: the values
    /// of the dimension that [`Metric::series`] names.
    async fn behind(
        &self,
        place: &AccountRegion,
        metric: Metric,
        window: Window,
    ) -> ServiceResult<Vec<String>>;
    /// The models, or operations of `AgentCore`, that put an alarm over many of them into ALARM; `None` if there is no such
    /// alarm.
    async fn contributors(&self, place: &AccountRegion, alarm: &str) -> ServiceResult<Option<Vec<String>>>;
    /// Those of the alarms `names` that are in ALARM and watch Bedrock.
    async fn alarms(&self, place: &AccountRegion, names: &[String]) -> ServiceResult<Vec<AlarmSignal>>;
}

/// Records of single calls: CloudTrail event history and logs.
pub trait Records {
    /// Whether CloudTrail event history shows an inference call by the account's root user in `window`.
    async fn called_by_root(&self, place: &AccountRegion, window: Window) -> ServiceResult<bool>;
    /// The inference calls in `window` among the newest `most` Bedrock events in CloudTrail event history.
    async fn recorded(&self, place: &AccountRegion, window: Window, most: usize) -> ServiceResult<Recorded>;
    /// Starts a search of log groups for errors in `window`. It reads only code, model, request id and identity,
    /// because log records hold prompts.
    async fn start_query(
        &self,
        place: &AccountRegion,
        kind: LogKind,
        groups: &[String],
        window: Window,
    ) -> ServiceResult<LogQuery>;
    /// The result of a search; `None` while it is running.
    async fn query_results(
        &self,
        place: &AccountRegion,
        query: &LogQuery,
    ) -> ServiceResult<Option<Vec<ErrorSignal>>>;
}

/// Bedrock's model and profile descriptions.
pub trait Models {
    /// The ARNs of the models behind an inference profile, in every Region it routes to; see
    /// [`ModelId::behind_profile`]. `None` if there is no such profile.
    async fn profile_models(
        &self,
        place: &AccountRegion,
        profile: &ModelId,
    ) -> ServiceResult<Option<Vec<String>>>;
    /// Every id that can be called in a Region: on-demand models and AWS-defined inference profiles.
    async fn offered(&self, place: &AccountRegion) -> ServiceResult<Vec<ModelId>>;
    /// Every foundation model of a Region, with its lifecycle. Models that have ended are not listed.
    async fn lives(&self, place: &AccountRegion) -> ServiceResult<Vec<(ModelId, ModelLife)>>;
    /// The state of a foundation model, by its base id; `None` if Bedrock knows no such model.
    async fn model_state(&self, place: &AccountRegion, model: &ModelId) -> ServiceResult<Option<ModelState>>;
    /// How many agreements the provider of a foundation model offers to the account; `None` if Bedrock knows no such
    /// model.
    async fn agreement_offers(&self, place: &AccountRegion, model: &ModelId) -> ServiceResult<Option<usize>>;
    /// The log group that receives model invocations; `None` if they are not logged to CloudWatch Logs.
    async fn invocation_logging(&self, place: &AccountRegion) -> ServiceResult<Option<String>>;
}

/// IAM.
pub trait Permissions {
    /// The IAM policy simulator's ruling on each of `needed` for `caller`, a role or user of the account, in order;
    /// `None` if the account has no such role or user. It ignores session, endpoint and resource policies.
    /// See <https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html>.
    async fn simulate(
        &self,
        place: &AccountRegion,
        caller: &str,
        action: &str,
        needed: &[Needed],
    ) -> ServiceResult<Option<Vec<Ruling>>>;
}

/// At most this many recent incidents are read; see [`Ledger::seen`].
pub(crate) const SEEN: usize = 100;

/// At most this many due incidents per band are ranked by cause; see [`Ledger::due`].
pub(crate) const RANKED: usize = 1000;

/// The durable store that outlives every invocation.
///
/// A write with a lease that another holder has taken over fails with
/// [`Rejection::LeaseLost`](crate::error::Rejection::LeaseLost) and changes nothing.
pub trait Ledger {
    /// Counts `incident`. Opens an episode if it is new or closed; an incident that returns soon after its end
    /// continues its episode. Takes the lease if nobody holds it and no notice was sent shortly before. The incident is
    /// then due when the lease ends, so that another invocation takes over if the holder dies. A lease of zero length
    /// hands the incident to the next sweep. The last-seen time never moves back, and never into the future. A new or
    /// held incident costs one round trip; an error older than those counted costs one more.
    async fn claim(&self, incident: &Incident, now: Timestamp, lease: SignedDuration)
    -> ServiceResult<Claim>;
    /// At most `most` incidents of `shards` that are due and not leased, by [`Band`](crate::incident::band::Band):
    /// urgent causes, then those that follow a request, then the rest. Within a band, the thousand most overdue are
    /// ordered by rank of cause, then by how overdue they are.
    async fn due(&self, shards: Shards, now: Timestamp, most: usize) -> ServiceResult<Vec<IncidentId>>;
    /// Takes the lease of a due incident; `None` if another caller was faster.
    async fn acquire_due(
        &self,
        id: &IncidentId,
        now: Timestamp,
        lease: SignedDuration,
    ) -> ServiceResult<Option<(Lease, Record)>>;
    /// Takes the lease of an open incident that nobody holds, due or not, so that a person's command does not wait.
    /// `None` if it is held, closed or unknown.
    async fn acquire(
        &self,
        id: &IncidentId,
        now: Timestamp,
        lease: SignedDuration,
    ) -> ServiceResult<Option<(Lease, Record)>>;
    /// Every incident, or only the open ones, most overdue first and closed ones last. Callers are left out;
    /// [`Ledger::incident`] includes them.
    async fn all(&self, is_open: bool) -> ServiceResult<Vec<Record>>;
    /// Makes every open incident that follows a request in `place` due now. Reads no other incident.
    async fn wake_followers(&self, place: &AccountRegion, now: Timestamp) -> ServiceResult<()>;
    /// Reserves a request in one transaction over the incident, the quota and the requests of 24 hours, those of the
    /// organization included if there is one: intent, lock and breakers are all written, or nothing is.
    async fn reserve(&self, lease: &Lease, intent: &Intent, now: Timestamp) -> ServiceResult<Reserved>;
    /// What is remembered about a quota; an empty record if it is unknown.
    async fn quota(&self, place: &AccountRegion, code: &QuotaCode) -> ServiceResult<QuotaRecord>;
    /// Records a finding about a quota, or a person's decision.
    async fn remember(&self, place: &AccountRegion, code: &QuotaCode, what: &Remember) -> ServiceResult<()>;
    /// Records that the reserved request for `followed` was not filed. The incident follows nothing, and the quota's
    /// lock and its place among the requests of 24 hours are released, also among those of `organization`. Earlier
    /// refusals and grants stay.
    async fn not_filed(
        &self,
        lease: &Lease,
        place: &AccountRegion,
        organization: Option<&str>,
        followed: &TrackedRequest,
    ) -> ServiceResult<()>;
    /// Records the end of handling and returns the lease. An incident that was counted meanwhile is not closed.
    async fn finish(&self, lease: &Lease, finish: &Release) -> ServiceResult<()>;
    /// Counts one more notice of `lane` in the current [`DIGEST_WINDOW`](crate::incident::lane::DIGEST_WINDOW). Returns
    /// the count including it.
    async fn count_notice(&self, lane: Lane, now: Timestamp) -> ServiceResult<u32>;
    /// Counts a newly opened incident for its place and sender in the hour of `now`. If there is no room, nothing is
    /// counted. Costs one write.
    async fn admit(&self, opened: &Opened, now: Timestamp) -> ServiceResult<Room>;
    /// Incidents of `place` seen since `since`, the latest first, at most a hundred. Very recent counts may be missing.
    /// Callers are left out.
    async fn seen(&self, place: &AccountRegion, since: Timestamp) -> ServiceResult<Vec<Incident>>;
    /// Every account and Region with an incident that was last seen at or after `since`. Reads the whole index of
    /// places, so only the daily forecasts of an organization ask for it.
    async fn places(&self, since: Timestamp) -> ServiceResult<Vec<AccountRegion>>;
    /// Atomically claims the daily forecast of `place` if it is due by `due_by`, and postpones it to `next`. Returns
    /// `true` to exactly one caller.
    async fn watch(&self, place: &AccountRegion, due_by: Timestamp, next: Timestamp) -> ServiceResult<bool>;
    /// One incident; `None` if the ledger has none with that id.
    async fn incident(&self, id: &IncidentId) -> ServiceResult<Option<Record>>;
}

/// The SNS topic for notices.
pub trait Topic {
    /// Publishes `notice` in every form, at least once.
    async fn publish(&self, notice: &Notice) -> ServiceResult<()>;
    /// The number of confirmed subscriptions.
    async fn subscribers(&self) -> ServiceResult<u32>;
}

/// Time.
pub trait Clock {
    /// Now.
    fn now(&self) -> Timestamp;
    /// Waits for `duration`.
    async fn sleep(&self, duration: SignedDuration);
    /// Runs `work`; `None` if it takes longer than `limit`.
    async fn within<T>(&self, limit: SignedDuration, work: impl Future<Output = T>) -> Option<T>;
}

/// Awaits `call` until `until`; a late answer becomes [`ServiceError::Unavailable`].
pub(crate) async fn ask<T>(
    world: &impl Clock,
    until: Timestamp,
    call: impl Future<Output = ServiceResult<T>>,
) -> ServiceResult<T> {
    let left = until.duration_since(world.now()).max(SignedDuration::ZERO);
    let late = || Err(ServiceError::Unavailable("there was no answer in time".to_owned()));
    world.within(left, call).await.unwrap_or_else(late)
}

/// The function's installation, read only on a person's request.
pub trait Setup {
    /// The trails that record `place`, including those that cannot be read.
    async fn trails(&self, place: &AccountRegion) -> ServiceResult<Vec<Trail>>;
    /// The EventBridge rules whose names begin with `prefix`.
    async fn rules(&self, place: &AccountRegion, prefix: &str) -> ServiceResult<Vec<EventRule>>;
    /// The subscriptions of the topic with that ARN, in the topic's own Region.
    async fn subscriptions(&self, topic: &str) -> ServiceResult<Subscriptions>;
    /// The alarms whose names begin with `prefix`, and whether their actions are enabled.
    async fn own_alarms(&self, place: &AccountRegion, prefix: &str) -> ServiceResult<Vec<(String, bool)>>;
    /// The IAM policy simulator's verdict on each of `actions` of `role` on `resource`, in order; `None` if the account
    /// has no such role.
    async fn rights(
        &self,
        place: &AccountRegion,
        role: &str,
        actions: &[&str],
        resource: &str,
    ) -> ServiceResult<Option<Vec<PolicyVerdict>>>;
}

/// All runtime ports.
pub trait Services: Quotas + Telemetry + Records + Models + Permissions + Ledger + Topic + Clock {}

impl<T: Quotas + Telemetry + Records + Models + Permissions + Ledger + Topic + Clock> Services for T {}
