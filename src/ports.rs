//! What we ask of the world: the ports, in our own words.
//!
//! Invariant: every call names the account and Region it is about, and a failure is one of a few words
//! that a plan can act on. Whoever implements a port keeps time-outs and retries to itself.

use jiff::{SignedDuration, Timestamp};

use crate::error::{ServiceError, ServiceResult};
use crate::event::signal::Recorded;
use crate::event::{AlarmSignal, ErrorSignal, Metric};
use crate::ids::{AccountRegion, IncidentId, QuotaCode};
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
use crate::usage::{Minute, Period, Series};

/// Service Quotas.
pub trait Quotas {
    /// The applied value; `None` where the account has none of its own, and then the default holds.
    async fn applied(&self, place: &AccountRegion, code: &QuotaCode) -> ServiceResult<Option<QuotaValue>>;
    /// AWS's default; `None` where this account and Region have no such quota.
    async fn default_value(
        &self,
        place: &AccountRegion,
        code: &QuotaCode,
    ) -> ServiceResult<Option<QuotaValue>>;
    /// Requests of the last 90 days, newest first.
    async fn history(&self, place: &AccountRegion, code: &QuotaCode) -> ServiceResult<Vec<IncreaseRequest>>;
    /// One request by its id; `None` where Service Quotas has none of that id.
    /// See <https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_GetRequestedServiceQuotaChange.html>.
    async fn request(&self, place: &AccountRegion, id: &str) -> ServiceResult<Option<IncreaseRequest>>;
    /// Every quota of Bedrock in that account and Region.
    async fn listing(&self, place: &AccountRegion) -> ServiceResult<Catalog>;
    /// Asks for more. Not idempotent: an open request for the same quota is
    /// [`Rejection::AlreadyOpen`](crate::error::Rejection::AlreadyOpen).
    async fn request_increase(
        &self,
        place: &AccountRegion,
        code: &QuotaCode,
        desired: f64,
    ) -> ServiceResult<IncreaseRequest>;
}

/// CloudWatch's metrics and alarms.
pub trait Telemetry {
    /// What was measured of each of `models` in each `period` of `window`, in the order of `models`.
    async fn usage(
        &self,
        place: &AccountRegion,
        models: &[ModelId],
        window: Window,
        period: Period,
    ) -> ServiceResult<Vec<Series>>;
    /// The ids that were called in the last two weeks, as CloudWatch counts them.
    async fn used(&self, place: &AccountRegion) -> ServiceResult<Vec<ModelId>>;
    /// Calls and errors of all models together, in all of `window`.
    async fn volume(&self, place: &AccountRegion, window: Window) -> ServiceResult<Minute>;
    /// The models for which `metric` was above zero in `window`, the one with most of it first.
    async fn models_behind(
        &self,
        place: &AccountRegion,
        metric: Metric,
        window: Window,
    ) -> ServiceResult<Vec<ModelId>>;
    /// The models that made an alarm over many of them go off; `None` where there is no such alarm.
    async fn contributors(&self, place: &AccountRegion, alarm: &str) -> ServiceResult<Option<Vec<ModelId>>>;
    /// Those of the alarms `names` that are in ALARM and watch Bedrock.
    async fn alarms(&self, place: &AccountRegion, names: &[String]) -> ServiceResult<Vec<AlarmSignal>>;
}

/// What is written down of single calls: CloudTrail's event history, and logs.
pub trait Records {
    /// Whether CloudTrail's event history shows an inference call of the account's root user in `window`.
    async fn called_by_root(&self, place: &AccountRegion, window: Window) -> ServiceResult<bool>;
    /// The inference calls that CloudTrail recorded in `window`, as far as its newest `most` events of
    /// Bedrock show them.
    async fn recorded(&self, place: &AccountRegion, window: Window, most: usize) -> ServiceResult<Recorded>;
    /// Begins to search log groups for errors of `window`. Only code, model, request id and identity are
    /// asked for: a record holds prompts.
    async fn start_query(
        &self,
        place: &AccountRegion,
        kind: LogKind,
        groups: &[String],
        window: Window,
    ) -> ServiceResult<LogQuery>;
    /// What a search found; `None` while it goes on.
    async fn query_results(
        &self,
        place: &AccountRegion,
        query: &LogQuery,
    ) -> ServiceResult<Option<Vec<ErrorSignal>>>;
}

/// Bedrock's own descriptions.
pub trait Models {
    /// The ARNs of the models that an inference profile stands for, in every Region it routes to; see
    /// [`ModelId::behind_profile`]. `None` where there is no such profile.
    async fn profile_models(
        &self,
        place: &AccountRegion,
        profile: &ModelId,
    ) -> ServiceResult<Option<Vec<String>>>;
    /// Every id that can be called in a Region: models on demand, and the inference profiles AWS defines.
    async fn offered(&self, place: &AccountRegion) -> ServiceResult<Vec<ModelId>>;
    /// Every foundation model of a Region, with its life. What has ended is not among them.
    async fn lives(&self, place: &AccountRegion) -> ServiceResult<Vec<(ModelId, ModelLife)>>;
    /// The state of a foundation model, by its base id; `None` where Bedrock knows no such model.
    async fn model_state(&self, place: &AccountRegion, model: &ModelId) -> ServiceResult<Option<ModelState>>;
    /// How many agreements a foundation model's provider offers to the account; `None` where Bedrock knows no
    /// such model.
    async fn agreement_offers(&self, place: &AccountRegion, model: &ModelId) -> ServiceResult<Option<usize>>;
    /// The log group that model invocations are written to; `None` where they are not.
    async fn invocation_logging(&self, place: &AccountRegion) -> ServiceResult<Option<String>>;
}

/// IAM.
pub trait Permissions {
    /// What IAM's policy simulator says of `caller`, a role or user of that account, for each of `needed`, in
    /// their order; `None` where the account has no such role or user. It knows no session, endpoint and
    /// resource policies.
    /// See <https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html>.
    async fn simulate(
        &self,
        place: &AccountRegion,
        caller: &str,
        action: &str,
        needed: &[Needed],
    ) -> ServiceResult<Option<Vec<Ruling>>>;
}

/// Of incidents that were seen lately so many are looked at.
pub(crate) const SEEN: usize = 100;

/// Of so many incidents of a band that are due at once, those that matter most come first; see [`Ledger::due`].
pub(crate) const RANKED: usize = 1000;

/// The memory that outlives every invocation.
///
/// A write under a lease that was overtaken is [`Rejection::LeaseLost`](crate::error::Rejection::LeaseLost), and nothing of it happens.
pub trait Ledger {
    /// Counts `incident`, opens a new episode if it was closed or is new, and takes the lease if nobody
    /// holds it and people were not told a short time ago. With the lease the incident is due when the
    /// lease ends, so that whoever dies over it is made up for. A lease of no length only hands it to the
    /// next sweep. When it was seen last never goes back, and never into the future. A new incident and one
    /// that is held cost one round trip; errors that come after later ones cost one more.
    async fn claim(&self, incident: &Incident, now: Timestamp, lease: SignedDuration)
    -> ServiceResult<Claim>;
    /// Incidents of `shards` that are due and not leased, at most `most`: those of an urgent cause, then those that
    /// follow a request, then the rest. Of each [`Band`](crate::incident::band::Band), of the thousand most overdue by the
    /// rank of their cause, and of one rank the most overdue first.
    async fn due(&self, shards: Shards, now: Timestamp, most: usize) -> ServiceResult<Vec<IncidentId>>;
    /// Takes the lease of an incident that is due. `None` when another was faster.
    async fn acquire_due(
        &self,
        id: &IncidentId,
        now: Timestamp,
        lease: SignedDuration,
    ) -> ServiceResult<Option<(Lease, Record)>>;
    /// Takes the lease of an open incident that nobody holds, whether it is due or not: what a person wants
    /// of it does not wait. `None` when it is held, closed or unknown.
    async fn acquire(
        &self,
        id: &IncidentId,
        now: Timestamp,
        lease: SignedDuration,
    ) -> ServiceResult<Option<(Lease, Record)>>;
    /// Every incident, or the open ones alone, the most overdue first and closed ones last. Who called is left out;
    /// [`Ledger::incident`] has it.
    async fn all(&self, is_open: bool) -> ServiceResult<Vec<Record>>;
    /// Makes every open incident due now that follows a request in `place`. Reads none that follows no request.
    async fn wake_followers(&self, place: &AccountRegion, now: Timestamp) -> ServiceResult<()>;
    /// One transaction over incident, quota and the requests of 24 hours: intent, lock and breaker, or nothing.
    async fn reserve(&self, lease: &Lease, intent: &Intent, now: Timestamp) -> ServiceResult<Reserved>;
    /// What is remembered of a quota; nothing of one that is not known.
    async fn quota(&self, place: &AccountRegion, code: &QuotaCode) -> ServiceResult<QuotaRecord>;
    /// Writes down what was found of a quota, or what a person said of it.
    async fn remember(&self, place: &AccountRegion, code: &QuotaCode, what: &Remember) -> ServiceResult<()>;
    /// Records that the reserved request for `followed` was not filed: nothing is followed, the quota and its
    /// place among the requests of 24 hours are given back. What AWS refused and granted before stays.
    async fn not_filed(
        &self,
        lease: &Lease,
        place: &AccountRegion,
        followed: &TrackedRequest,
    ) -> ServiceResult<()>;
    /// Records how a drive ended and gives the lease back. Nothing that was counted since is closed.
    async fn finish(&self, lease: &Lease, finish: &Release) -> ServiceResult<()>;
    /// Counts one more notice of `lane` in the present [`DIGEST_WINDOW`](crate::incident::lane::DIGEST_WINDOW). Returns how many there were, with it.
    async fn count_notice(&self, lane: Lane, now: Timestamp) -> ServiceResult<u32>;
    /// Counts an incident that a claim has opened among those of its place and sender in the hour of `now`. Where
    /// there is no room nothing is counted. One write.
    async fn admit(&self, opened: &Opened, now: Timestamp) -> ServiceResult<Room>;
    /// Incidents of `place` that were seen since then, the latest first, at most a hundred. What was
    /// counted a moment ago may be missing. Who called is left out.
    async fn seen(&self, place: &AccountRegion, since: Timestamp) -> ServiceResult<Vec<Incident>>;
    /// Puts the watch over `place` off until `next`, if it is due by `due_by`, and says whether it was: of
    /// all who ask at once one is told so.
    async fn watch(&self, place: &AccountRegion, due_by: Timestamp, next: Timestamp) -> ServiceResult<bool>;
    /// One incident; `None` when the ledger has none of that id.
    async fn incident(&self, id: &IncidentId) -> ServiceResult<Option<Record>>;
}

/// The topic people are told through.
pub trait Topic {
    /// Publishes `notice` in every form. At least once.
    async fn publish(&self, notice: &Notice) -> ServiceResult<()>;
    /// How many have confirmed that they want to be told.
    async fn subscribers(&self) -> ServiceResult<u32>;
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
    call: impl Future<Output = ServiceResult<T>>,
) -> ServiceResult<T> {
    let left = until.duration_since(world.now()).max(SignedDuration::ZERO);
    let late = || Err(ServiceError::Unavailable("there was no answer in time".to_owned()));
    world.within(left, call).await.unwrap_or_else(late)
}

/// How the function is set up, which only people ask.
pub trait Setup {
    /// The trails that record `place`. One that cannot be read is among them.
    async fn trails(&self, place: &AccountRegion) -> ServiceResult<Vec<Trail>>;
    /// The rules whose names begin with `prefix`.
    async fn rules(&self, place: &AccountRegion, prefix: &str) -> ServiceResult<Vec<EventRule>>;
    /// How many listen to the topic with that ARN, in the topic's own Region.
    async fn subscriptions(&self, topic: &str) -> ServiceResult<Subscriptions>;
    /// The alarms whose names begin with `prefix`, and whether their actions are on.
    async fn own_alarms(&self, place: &AccountRegion, prefix: &str) -> ServiceResult<Vec<(String, bool)>>;
    /// What IAM's policy simulator says of each of `actions` of `role` on `resource`, in their order; `None` where
    /// the account has no such role.
    async fn rights(
        &self,
        place: &AccountRegion,
        role: &str,
        actions: &[&str],
        resource: &str,
    ) -> ServiceResult<Option<Vec<PolicyVerdict>>>;
}

/// Everything at once.
pub trait Services: Quotas + Telemetry + Records + Models + Permissions + Ledger + Topic + Clock {}

impl<T: Quotas + Telemetry + Records + Models + Permissions + Ledger + Topic + Clock> Services for T {}
