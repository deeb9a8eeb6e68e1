//! Reads a real account and never changes it: reads go to AWS, the ledger and the topic are the
//! sandbox's, and no increase request is ever filed.

use bedrock_remediator::aws::Aws;
use bedrock_remediator::error::{Rejection, ServiceError, ServiceResult};
use bedrock_remediator::event::{AlarmSignal, ErrorSignal, Metric, Recorded};
use bedrock_remediator::ids::{AccountRegion, IncidentId, QuotaCode, QuotaService};
use bedrock_remediator::incident::Incident;
use bedrock_remediator::incident::flood::{Opened, Room};
use bedrock_remediator::incident::lane::Lane;
use bedrock_remediator::incident::record::{Claim, Lease, Record, Release};
use bedrock_remediator::incident::search::{LogKind, LogQuery};
use bedrock_remediator::model::ModelId;
use bedrock_remediator::model::access::ModelState;
use bedrock_remediator::model::lifecycle::ModelLife;
use bedrock_remediator::notice::Notice;
use bedrock_remediator::permission::{Needed, Ruling};
use bedrock_remediator::ports::{Clock, Ledger, Models, Permissions, Quotas, Records, Telemetry, Topic};
use bedrock_remediator::quota::Catalog;
use bedrock_remediator::quota::record::{Intent, QuotaRecord, Remember, Reserved};
use bedrock_remediator::quota::request::{IncreaseRequest, QuotaValue, TrackedRequest};
use bedrock_remediator::sandbox::{Sandbox, WorldFile};
use bedrock_remediator::shards::Shards;
use bedrock_remediator::time::Window;
use bedrock_remediator::usage::{Endpoint, Minute, Period, Series};
use jiff::{SignedDuration, Timestamp};

/// AWS for reads, a sandbox for writes.
pub(crate) struct Live<'a> {
    aws: &'a Aws,
    kept: Sandbox,
}

impl<'a> Live<'a> {
    pub(crate) fn new(aws: &'a Aws) -> Self {
        Self { aws, kept: Sandbox::new(WorldFile::default(), Timestamp::now()) }
    }
}

impl Quotas for Live<'_> {
    async fn applied(&self, place: &AccountRegion, code: &QuotaCode) -> ServiceResult<Option<QuotaValue>> {
        self.aws.applied(place, code).await
    }

    async fn default_value(
        &self,
        place: &AccountRegion,
        code: &QuotaCode,
    ) -> ServiceResult<Option<QuotaValue>> {
        self.aws.default_value(place, code).await
    }

    async fn history(&self, place: &AccountRegion, code: &QuotaCode) -> ServiceResult<Vec<IncreaseRequest>> {
        self.aws.history(place, code).await
    }

    async fn request(&self, place: &AccountRegion, id: &str) -> ServiceResult<Option<IncreaseRequest>> {
        self.aws.request(place, id).await
    }

    async fn listing(&self, place: &AccountRegion, service: QuotaService) -> ServiceResult<Catalog> {
        self.aws.listing(place, service).await
    }

    async fn request_increase(
        &self,
        _: &AccountRegion,
        _: &QuotaCode,
        _: f64,
    ) -> ServiceResult<IncreaseRequest> {
        Err(ServiceError::Rejected(Rejection::Invalid, "nothing is filed from here".to_owned()))
    }
}

impl Telemetry for Live<'_> {
    async fn usage(
        &self,
        place: &AccountRegion,
        endpoint: Endpoint,
        models: &[ModelId],
        window: Window,
        period: Period,
    ) -> ServiceResult<Vec<Series>> {
        self.aws.usage(place, endpoint, models, window, period).await
    }

    async fn used(&self, place: &AccountRegion, endpoint: Endpoint) -> ServiceResult<Vec<ModelId>> {
        self.aws.used(place, endpoint).await
    }

    async fn behind(
        &self,
        place: &AccountRegion,
        metric: Metric,
        window: Window,
    ) -> ServiceResult<Vec<String>> {
        self.aws.behind(place, metric, window).await
    }

    async fn volume(&self, place: &AccountRegion, window: Window) -> ServiceResult<Minute> {
        self.aws.volume(place, window).await
    }

    async fn contributors(&self, place: &AccountRegion, alarm: &str) -> ServiceResult<Option<Vec<String>>> {
        self.aws.contributors(place, alarm).await
    }

    async fn alarms(&self, place: &AccountRegion, names: &[String]) -> ServiceResult<Vec<AlarmSignal>> {
        self.aws.alarms(place, names).await
    }
}

impl Records for Live<'_> {
    async fn called_by_root(&self, place: &AccountRegion, window: Window) -> ServiceResult<bool> {
        self.aws.called_by_root(place, window).await
    }

    async fn recorded(&self, place: &AccountRegion, window: Window, most: usize) -> ServiceResult<Recorded> {
        self.aws.recorded(place, window, most).await
    }

    async fn start_query(
        &self,
        place: &AccountRegion,
        kind: LogKind,
        groups: &[String],
        window: Window,
    ) -> ServiceResult<LogQuery> {
        self.aws.start_query(place, kind, groups, window).await
    }

    async fn query_results(
        &self,
        place: &AccountRegion,
        query: &LogQuery,
    ) -> ServiceResult<Option<Vec<ErrorSignal>>> {
        self.aws.query_results(place, query).await
    }
}

impl Models for Live<'_> {
    async fn profile_models(
        &self,
        place: &AccountRegion,
        profile: &ModelId,
    ) -> ServiceResult<Option<Vec<String>>> {
        self.aws.profile_models(place, profile).await
    }

    async fn offered(&self, place: &AccountRegion) -> ServiceResult<Vec<ModelId>> {
        self.aws.offered(place).await
    }

    async fn lives(&self, place: &AccountRegion) -> ServiceResult<Vec<(ModelId, ModelLife)>> {
        self.aws.lives(place).await
    }

    async fn model_state(&self, place: &AccountRegion, model: &ModelId) -> ServiceResult<Option<ModelState>> {
        self.aws.model_state(place, model).await
    }

    async fn agreement_offers(&self, place: &AccountRegion, model: &ModelId) -> ServiceResult<Option<usize>> {
        self.aws.agreement_offers(place, model).await
    }

    async fn invocation_logging(&self, place: &AccountRegion) -> ServiceResult<Option<String>> {
        self.aws.invocation_logging(place).await
    }
}

impl Permissions for Live<'_> {
    async fn simulate(
        &self,
        place: &AccountRegion,
        caller: &str,
        action: &str,
        needed: &[Needed],
    ) -> ServiceResult<Option<Vec<Ruling>>> {
        self.aws.simulate(place, caller, action, needed).await
    }
}

impl Clock for Live<'_> {
    fn now(&self) -> Timestamp {
        self.aws.now()
    }

    async fn sleep(&self, duration: SignedDuration) {
        self.aws.sleep(duration).await;
    }

    async fn within<T>(&self, limit: SignedDuration, work: impl Future<Output = T>) -> Option<T> {
        self.aws.within(limit, work).await
    }
}

impl Topic for Live<'_> {
    async fn publish(&self, notice: &Notice) -> ServiceResult<()> {
        self.kept.publish(notice).await
    }

    async fn subscribers(&self) -> ServiceResult<u32> {
        self.kept.subscribers().await
    }
}

impl Ledger for Live<'_> {
    async fn claim(
        &self,
        incident: &Incident,
        now: Timestamp,
        lease: SignedDuration,
    ) -> ServiceResult<Claim> {
        self.kept.claim(incident, now, lease).await
    }

    async fn due(&self, shards: Shards, now: Timestamp, most: usize) -> ServiceResult<Vec<IncidentId>> {
        self.kept.due(shards, now, most).await
    }

    async fn acquire_due(
        &self,
        id: &IncidentId,
        now: Timestamp,
        lease: SignedDuration,
    ) -> ServiceResult<Option<(Lease, Record)>> {
        self.kept.acquire_due(id, now, lease).await
    }

    async fn acquire(
        &self,
        id: &IncidentId,
        now: Timestamp,
        lease: SignedDuration,
    ) -> ServiceResult<Option<(Lease, Record)>> {
        self.kept.acquire(id, now, lease).await
    }

    async fn all(&self, is_open: bool) -> ServiceResult<Vec<Record>> {
        self.kept.all(is_open).await
    }

    async fn wake_followers(&self, place: &AccountRegion, now: Timestamp) -> ServiceResult<()> {
        self.kept.wake_followers(place, now).await
    }

    async fn reserve(&self, lease: &Lease, intent: &Intent, now: Timestamp) -> ServiceResult<Reserved> {
        self.kept.reserve(lease, intent, now).await
    }

    async fn quota(&self, place: &AccountRegion, code: &QuotaCode) -> ServiceResult<QuotaRecord> {
        self.kept.quota(place, code).await
    }

    async fn remember(&self, place: &AccountRegion, code: &QuotaCode, what: &Remember) -> ServiceResult<()> {
        self.kept.remember(place, code, what).await
    }

    async fn not_filed(
        &self,
        lease: &Lease,
        place: &AccountRegion,
        organization: Option<&str>,
        followed: &TrackedRequest,
    ) -> ServiceResult<()> {
        self.kept.not_filed(lease, place, organization, followed).await
    }

    async fn finish(&self, lease: &Lease, finish: &Release) -> ServiceResult<()> {
        self.kept.finish(lease, finish).await
    }

    async fn count_notice(&self, lane: Lane, now: Timestamp) -> ServiceResult<u32> {
        self.kept.count_notice(lane, now).await
    }

    async fn admit(&self, opened: &Opened, now: Timestamp) -> ServiceResult<Room> {
        self.kept.admit(opened, now).await
    }

    async fn seen(&self, place: &AccountRegion, since: Timestamp) -> ServiceResult<Vec<Incident>> {
        self.kept.seen(place, since).await
    }

    async fn places(&self, since: Timestamp) -> ServiceResult<Vec<AccountRegion>> {
        self.kept.places(since).await
    }

    async fn watch(&self, place: &AccountRegion, due_by: Timestamp, next: Timestamp) -> ServiceResult<bool> {
        self.kept.watch(place, due_by, next).await
    }

    async fn incident(&self, id: &IncidentId) -> ServiceResult<Option<Record>> {
        self.kept.incident(id).await
    }
}
