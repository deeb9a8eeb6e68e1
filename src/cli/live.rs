//! The account as it is, asked and never changed: reads go to AWS, the ledger and the topic are the
//! sandbox's, and no increase is ever filed.

use bedrock_remediator::answer::{Answer, PortError, Rejection};
use bedrock_remediator::aws::Aws;
use bedrock_remediator::event::{AlarmSignal, ErrorSignal, Metric, Recorded};
use bedrock_remediator::ids::{IncidentId, Place, QuotaCode};
use bedrock_remediator::incident::Incident;
use bedrock_remediator::incident::flood::{Opened, Room};
use bedrock_remediator::incident::lane::Lane;
use bedrock_remediator::incident::record::{Claim, Finish, Lease, Record};
use bedrock_remediator::incident::search::{LogKind, LogQuery};
use bedrock_remediator::model::ModelId;
use bedrock_remediator::model::access::ModelState;
use bedrock_remediator::model::lifecycle::Life;
use bedrock_remediator::notice::Notice;
use bedrock_remediator::permission::{Needed, Ruling};
use bedrock_remediator::ports::{Clock, Ledger, Models, Permissions, Quotas, Records, Telemetry, Topic};
use bedrock_remediator::quota::Catalog;
use bedrock_remediator::quota::record::{Intent, QuotaRecord, Remember, Reserved};
use bedrock_remediator::quota::request::{Followed, IncreaseRequest, QuotaValue};
use bedrock_remediator::sandbox::{Sandbox, WorldFile};
use bedrock_remediator::shards::Shards;
use bedrock_remediator::time::Window;
use bedrock_remediator::usage::{Minute, Period, Series};
use jiff::{SignedDuration, Timestamp};

/// AWS to ask, and a sandbox for what would be written.
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
    async fn applied(&self, place: &Place, code: &QuotaCode) -> Answer<Option<QuotaValue>> {
        self.aws.applied(place, code).await
    }

    async fn default_value(&self, place: &Place, code: &QuotaCode) -> Answer<Option<QuotaValue>> {
        self.aws.default_value(place, code).await
    }

    async fn history(&self, place: &Place, code: &QuotaCode) -> Answer<Vec<IncreaseRequest>> {
        self.aws.history(place, code).await
    }

    async fn request(&self, place: &Place, id: &str) -> Answer<Option<IncreaseRequest>> {
        self.aws.request(place, id).await
    }

    async fn listing(&self, place: &Place) -> Answer<Catalog> {
        self.aws.listing(place).await
    }

    async fn request_increase(&self, _: &Place, _: &QuotaCode, _: f64) -> Answer<IncreaseRequest> {
        Err(PortError::Rejected(Rejection::Invalid, "nothing is filed from here".to_owned()))
    }
}

impl Telemetry for Live<'_> {
    async fn usage(
        &self,
        place: &Place,
        models: &[ModelId],
        window: Window,
        period: Period,
    ) -> Answer<Vec<Series>> {
        self.aws.usage(place, models, window, period).await
    }

    async fn used(&self, place: &Place) -> Answer<Vec<ModelId>> {
        self.aws.used(place).await
    }

    async fn models_behind(&self, place: &Place, metric: Metric, window: Window) -> Answer<Vec<ModelId>> {
        self.aws.models_behind(place, metric, window).await
    }

    async fn volume(&self, place: &Place, window: Window) -> Answer<Minute> {
        self.aws.volume(place, window).await
    }

    async fn contributors(&self, place: &Place, alarm: &str) -> Answer<Option<Vec<ModelId>>> {
        self.aws.contributors(place, alarm).await
    }

    async fn alarms(&self, place: &Place, names: &[String]) -> Answer<Vec<AlarmSignal>> {
        self.aws.alarms(place, names).await
    }
}

impl Records for Live<'_> {
    async fn called_by_root(&self, place: &Place, window: Window) -> Answer<bool> {
        self.aws.called_by_root(place, window).await
    }

    async fn recorded(&self, place: &Place, window: Window, most: usize) -> Answer<Recorded> {
        self.aws.recorded(place, window, most).await
    }

    async fn start_query(
        &self,
        place: &Place,
        kind: LogKind,
        groups: &[String],
        window: Window,
    ) -> Answer<LogQuery> {
        self.aws.start_query(place, kind, groups, window).await
    }

    async fn query_results(&self, place: &Place, query: &LogQuery) -> Answer<Option<Vec<ErrorSignal>>> {
        self.aws.query_results(place, query).await
    }
}

impl Models for Live<'_> {
    async fn profile_models(&self, place: &Place, profile: &ModelId) -> Answer<Option<Vec<String>>> {
        self.aws.profile_models(place, profile).await
    }

    async fn offered(&self, place: &Place) -> Answer<Vec<ModelId>> {
        self.aws.offered(place).await
    }

    async fn lives(&self, place: &Place) -> Answer<Vec<(ModelId, Life)>> {
        self.aws.lives(place).await
    }

    async fn model_state(&self, place: &Place, model: &ModelId) -> Answer<Option<ModelState>> {
        self.aws.model_state(place, model).await
    }

    async fn agreement_offers(&self, place: &Place, model: &ModelId) -> Answer<Option<usize>> {
        self.aws.agreement_offers(place, model).await
    }

    async fn invocation_logging(&self, place: &Place) -> Answer<Option<String>> {
        self.aws.invocation_logging(place).await
    }
}

impl Permissions for Live<'_> {
    async fn simulate(
        &self,
        place: &Place,
        caller: &str,
        action: &str,
        needed: &[Needed],
    ) -> Answer<Option<Vec<Ruling>>> {
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
    async fn publish(&self, notice: &Notice) -> Answer<()> {
        self.kept.publish(notice).await
    }

    async fn subscribers(&self) -> Answer<u32> {
        self.kept.subscribers().await
    }
}

impl Ledger for Live<'_> {
    async fn claim(&self, incident: &Incident, now: Timestamp, lease: SignedDuration) -> Answer<Claim> {
        self.kept.claim(incident, now, lease).await
    }

    async fn due(&self, shards: Shards, now: Timestamp, most: usize) -> Answer<Vec<IncidentId>> {
        self.kept.due(shards, now, most).await
    }

    async fn take_over(
        &self,
        id: &IncidentId,
        now: Timestamp,
        lease: SignedDuration,
    ) -> Answer<Option<(Lease, Record)>> {
        self.kept.take_over(id, now, lease).await
    }

    async fn seize(
        &self,
        id: &IncidentId,
        now: Timestamp,
        lease: SignedDuration,
    ) -> Answer<Option<(Lease, Record)>> {
        self.kept.seize(id, now, lease).await
    }

    async fn all(&self, is_open: bool) -> Answer<Vec<Record>> {
        self.kept.all(is_open).await
    }

    async fn wake_followers(&self, place: &Place, now: Timestamp) -> Answer<()> {
        self.kept.wake_followers(place, now).await
    }

    async fn reserve(&self, lease: &Lease, intent: &Intent, now: Timestamp) -> Answer<Reserved> {
        self.kept.reserve(lease, intent, now).await
    }

    async fn quota(&self, place: &Place, code: &QuotaCode) -> Answer<QuotaRecord> {
        self.kept.quota(place, code).await
    }

    async fn remember(&self, place: &Place, code: &QuotaCode, what: &Remember) -> Answer<()> {
        self.kept.remember(place, code, what).await
    }

    async fn not_filed(&self, lease: &Lease, place: &Place, followed: &Followed) -> Answer<()> {
        self.kept.not_filed(lease, place, followed).await
    }

    async fn finish(&self, lease: &Lease, finish: &Finish) -> Answer<()> {
        self.kept.finish(lease, finish).await
    }

    async fn tally(&self, lane: Lane, now: Timestamp) -> Answer<u32> {
        self.kept.tally(lane, now).await
    }

    async fn admit(&self, opened: &Opened, now: Timestamp) -> Answer<Room> {
        self.kept.admit(opened, now).await
    }

    async fn seen(&self, place: &Place, since: Timestamp) -> Answer<Vec<Incident>> {
        self.kept.seen(place, since).await
    }

    async fn watch(&self, place: &Place, due_by: Timestamp, next: Timestamp) -> Answer<bool> {
        self.kept.watch(place, due_by, next).await
    }

    async fn incident(&self, id: &IncidentId) -> Answer<Option<Record>> {
        self.kept.incident(id).await
    }
}
