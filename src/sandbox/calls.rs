//! The port methods by name, so that a world file can make them fail.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, de};

use crate::iam_action::IamAction;
use crate::wire_enum::wire_enum;

wire_enum! {
    /// One method of a port.
    pub enum PortCall {
        /// Reads an applied quota value.
        Applied = "applied",
        /// Reads AWS's default quota value.
        DefaultValue = "default_value",
        /// Reads the increase requests of a quota.
        History = "history",
        /// Reads one increase request by its id.
        Request = "request",
        /// Lists all of Bedrock's quotas.
        Listing = "listing",
        /// Files an increase request.
        RequestIncrease = "request_increase",
        /// Reads metrics of models.
        Usage = "usage",
        /// Lists the model ids in use.
        Used = "used",
        /// Reads the metrics of all models together.
        Volume = "volume",
        /// Lists the models whose metric moved.
        Behind = "behind",
        /// Lists the contributors of an alarm.
        Contributors = "contributors",
        /// Describes alarms.
        Alarms = "alarms",
        /// Reads CloudTrail's event history.
        Recorded = "recorded",
        /// Looks for calls of the root user in CloudTrail's event history.
        CalledByRoot = "called_by_root",
        /// Starts a log search.
        StartQuery = "start_query",
        /// Reads the results of a log search.
        QueryResults = "query_results",
        /// Reads an inference profile.
        ProfileModels = "profile_models",
        /// Lists the model ids that a Region offers.
        Offered = "offered",
        /// Reads the lifecycle of a Region's models.
        Lives = "lives",
        /// Reads the state of a model.
        ModelState = "model_state",
        /// Lists the agreement offers for a model.
        AgreementOffers = "agreement_offers",
        /// Reads where model invocations are logged.
        InvocationLogging = "invocation_logging",
        /// Runs IAM's policy simulator for a caller.
        Simulate = "simulate",
        /// Reads the trails.
        Trails = "trails",
        /// Reads the stack's rules.
        Rules = "rules",
        /// Reads the stack's alarms.
        OwnAlarms = "own_alarms",
        /// Runs IAM's policy simulator for the function's role.
        Rights = "rights",
        /// Publishes a notice.
        Publish = "publish",
        /// Counts the topic's subscriptions.
        Subscribers = "subscribers",
        /// Counts an incident, and takes its lease if it is free.
        Claim = "claim",
        /// Lists due incidents.
        Due = "due",
        /// Takes the lease of a due incident.
        TakeOver = "take_over",
        /// Takes the lease of an open incident.
        Seize = "seize",
        /// Reads all incidents.
        All = "all",
        /// Makes the incidents that follow a request due.
        WakeFollowers = "wake_followers",
        /// Reserves an increase request.
        Reserve = "reserve",
        /// Reads what the ledger remembers about a quota.
        Quota = "quota",
        /// Records something about a quota.
        Remember = "remember",
        /// Cancels a reservation.
        NotFiled = "not_filed",
        /// Records the end of a drive.
        Finish = "finish",
        /// Counts a newly opened incident.
        Admit = "admit",
        /// Counts a notice.
        Tally = "tally",
        /// Reads the incidents that were seen recently.
        Seen = "seen",
        /// Claims the daily forecast.
        Watch = "watch",
        /// Lists the accounts and Regions of recent incidents.
        Places = "places",
        /// Reads one incident.
        Incident = "incident",
    }
}

impl PortCall {
    /// The main IAM action that it needs.
    pub(super) const fn action(self) -> IamAction {
        match self {
            Self::Applied => IamAction::GetServiceQuota,
            Self::DefaultValue => IamAction::GetAwsDefaultServiceQuota,
            Self::History => IamAction::ListRequestedServiceQuotaChangeHistoryByQuota,
            Self::Request => IamAction::GetRequestedServiceQuotaChange,
            Self::Listing => IamAction::ListServiceQuotas,
            Self::RequestIncrease => IamAction::RequestServiceQuotaIncrease,
            Self::Usage | Self::Behind | Self::Volume => IamAction::GetMetricData,
            Self::Used => IamAction::ListMetrics,
            Self::Contributors => IamAction::DescribeAlarmContributors,
            Self::Alarms | Self::OwnAlarms => IamAction::DescribeAlarms,
            Self::Recorded | Self::CalledByRoot => IamAction::LookupEvents,
            Self::StartQuery => IamAction::StartQuery,
            Self::QueryResults => IamAction::GetQueryResults,
            Self::InvocationLogging => IamAction::GetModelInvocationLoggingConfiguration,
            Self::ProfileModels => IamAction::GetInferenceProfile,
            Self::Lives | Self::Offered => IamAction::ListFoundationModels,
            Self::ModelState => IamAction::GetFoundationModelAvailability,
            Self::AgreementOffers => IamAction::ListFoundationModelAgreementOffers,
            Self::Simulate | Self::Rights => IamAction::SimulatePrincipalPolicy,
            Self::Trails => IamAction::DescribeTrails,
            Self::Rules => IamAction::ListRules,
            Self::Publish => IamAction::Publish,
            Self::Subscribers => IamAction::GetTopicAttributes,
            Self::Due | Self::Seen | Self::All => IamAction::Query,
            Self::Places => IamAction::Scan,
            Self::Incident => IamAction::BatchGetItem,
            Self::Quota => IamAction::GetItem,
            Self::Claim
            | Self::TakeOver
            | Self::Seize
            | Self::WakeFollowers
            | Self::Reserve
            | Self::NotFiled
            | Self::Remember
            | Self::Finish
            | Self::Admit
            | Self::Tally
            | Self::Watch => IamAction::UpdateItem,
        }
    }
}

impl<'de> Deserialize<'de> for PortCall {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            let known = Self::ALL.iter().map(|call| call.as_str()).collect::<Vec<_>>().join(", ");
            de::Error::custom(format!("no port has a call `{text}`; the calls are {known}"))
        })
    }
}
