//! The account as it is, asked and never changed: reads go to AWS, the ledger and the topic are the
//! sandbox's, and no increase is ever filed.

use bedrock_remediator::aws::Aws;
use bedrock_remediator::event::Metric;
use bedrock_remediator::ids::{Place, QuotaCode};
use bedrock_remediator::incident::{Incident, IncidentId};
use bedrock_remediator::model::ModelId;
use bedrock_remediator::notice::Notice;
use bedrock_remediator::quota::Catalog;
use bedrock_remediator::sandbox::{Sandbox, WorldFile};
use bedrock_remediator::usage::{Period, Series};
use bedrock_remediator::world::{
    Answer, Claim, Clock, Finish, Followed, FoundError, IncreaseRequest, Intent, Lease, Ledger, ModelState,
    Models, Permissions, PolicyVerdict, PortError, QuotaValue, Quotas, Record, Rejection, Reserved,
    Telemetry, Topic, Window,
};
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
    async fn applied(&self, place: &Place, code: &QuotaCode) -> Answer<QuotaValue> {
        self.aws.applied(place, code).await
    }

    async fn default_value(&self, place: &Place, code: &QuotaCode) -> Answer<QuotaValue> {
        self.aws.default_value(place, code).await
    }

    async fn history(&self, place: &Place, code: &QuotaCode) -> Answer<Vec<IncreaseRequest>> {
        self.aws.history(place, code).await
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

    async fn models_behind(&self, place: &Place, metric: Metric, window: Window) -> Answer<Vec<ModelId>> {
        self.aws.models_behind(place, metric, window).await
    }

    async fn errors(
        &self,
        place: &Place,
        model: Option<&ModelId>,
        window: Window,
    ) -> Answer<Vec<FoundError>> {
        self.aws.errors(place, model, window).await
    }
}

impl Models for Live<'_> {
    async fn profile_models(&self, place: &Place, profile: &ModelId) -> Answer<Vec<String>> {
        self.aws.profile_models(place, profile).await
    }

    async fn offered(&self, place: &Place) -> Answer<Vec<ModelId>> {
        self.aws.offered(place).await
    }

    async fn model_state(&self, place: &Place, model: &ModelId) -> Answer<ModelState> {
        self.aws.model_state(place, model).await
    }
}

impl Permissions for Live<'_> {
    async fn verdict(
        &self,
        place: &Place,
        caller: &str,
        action: &str,
        resource: &str,
    ) -> Answer<PolicyVerdict> {
        self.aws.verdict(place, caller, action, resource).await
    }
}

impl Clock for Live<'_> {
    fn now(&self) -> Timestamp {
        self.aws.now()
    }

    async fn sleep(&self, duration: SignedDuration) {
        self.aws.sleep(duration).await;
    }
}

impl Topic for Live<'_> {
    async fn publish(&self, notice: &Notice) -> Answer<()> {
        self.kept.publish(notice).await
    }
}

impl Ledger for Live<'_> {
    async fn claim(&self, incident: &Incident, now: Timestamp, lease: SignedDuration) -> Answer<Claim> {
        self.kept.claim(incident, now, lease).await
    }

    async fn due(&self, now: Timestamp, most: usize) -> Answer<Vec<IncidentId>> {
        self.kept.due(now, most).await
    }

    async fn take_over(
        &self,
        id: &IncidentId,
        now: Timestamp,
        lease: SignedDuration,
    ) -> Answer<Option<(Lease, Record)>> {
        self.kept.take_over(id, now, lease).await
    }

    async fn wake_followers(&self, place: &Place, now: Timestamp) -> Answer<()> {
        self.kept.wake_followers(place, now).await
    }

    async fn reserve(&self, lease: &Lease, intent: &Intent, now: Timestamp) -> Answer<Reserved> {
        self.kept.reserve(lease, intent, now).await
    }

    async fn not_filed(&self, lease: &Lease, place: &Place, followed: &Followed) -> Answer<()> {
        self.kept.not_filed(lease, place, followed).await
    }

    async fn finish(&self, lease: &Lease, finish: &Finish) -> Answer<()> {
        self.kept.finish(lease, finish).await
    }

    async fn tally(&self, now: Timestamp) -> Answer<u32> {
        self.kept.tally(now).await
    }

    async fn incident(&self, id: &IncidentId) -> Answer<Option<Record>> {
        self.kept.incident(id).await
    }
}
