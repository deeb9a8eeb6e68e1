//! The calls of the ports, by name: what a world file may let fail.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use crate::wire_enum::wire_enum;

wire_enum! {
    /// One method of a port.
    pub enum PortCall {
        /// An applied value is read.
        Applied = "applied",
        /// AWS's default is read.
        DefaultValue = "default_value",
        /// The increase requests of a quota are read.
        History = "history",
        /// One increase request is read by its id.
        Request = "request",
        /// Every quota of Bedrock is read.
        Listing = "listing",
        /// An increase is requested.
        RequestIncrease = "request_increase",
        /// Metrics of models are read.
        Usage = "usage",
        /// The ids in use are read.
        Used = "used",
        /// The metrics of all models together are read.
        Volume = "volume",
        /// The models whose metric moved are read.
        ModelsBehind = "models_behind",
        /// The contributors of an alarm are read.
        Contributors = "contributors",
        /// Alarms are described.
        Alarms = "alarms",
        /// CloudTrail's event history is read.
        Recorded = "recorded",
        /// CloudTrail's event history is read for calls of the root user.
        CalledByRoot = "called_by_root",
        /// A search through logs is begun.
        StartQuery = "start_query",
        /// The result of a search is read.
        QueryResults = "query_results",
        /// An inference profile is read.
        ProfileModels = "profile_models",
        /// The ids that a Region offers are read.
        Offered = "offered",
        /// The lives of a Region's models are read.
        Lives = "lives",
        /// The state of a model is read.
        ModelState = "model_state",
        /// The agreement offers for a model are read.
        AgreementOffers = "agreement_offers",
        /// Where invocations are logged is read.
        InvocationLogging = "invocation_logging",
        /// IAM's policy simulator is asked about a caller.
        Simulate = "simulate",
        /// The trails are read.
        Trails = "trails",
        /// The stack's rules are read.
        Rules = "rules",
        /// The stack's alarms are read.
        OwnAlarms = "own_alarms",
        /// IAM's policy simulator is asked about the function's role.
        Rights = "rights",
        /// A notice is published.
        Publish = "publish",
        /// The topic's subscriptions are counted.
        Subscribers = "subscribers",
        /// An incident is counted.
        Claim = "claim",
        /// What is due is listed.
        Due = "due",
        /// The lease of what is due is taken.
        TakeOver = "take_over",
        /// The lease of an open incident is taken.
        Seize = "seize",
        /// Every incident is read.
        All = "all",
        /// What follows a request is made due.
        WakeFollowers = "wake_followers",
        /// A request is reserved.
        Reserve = "reserve",
        /// What is remembered of a quota is read.
        Quota = "quota",
        /// Something is written down of a quota.
        Remember = "remember",
        /// A reservation is given back.
        NotFiled = "not_filed",
        /// The end of a drive is recorded.
        Finish = "finish",
        /// An incident that was opened is counted.
        Admit = "admit",
        /// A notice is counted.
        Tally = "tally",
        /// The incidents that were seen lately are read.
        Seen = "seen",
        /// The daily watch is taken.
        Watch = "watch",
        /// One incident is read.
        Incident = "incident",
    }
}

impl PortCall {
    /// The IAM action that it needs most.
    pub(super) const fn action(self) -> &'static str {
        match self {
            Self::Applied => "servicequotas:GetServiceQuota",
            Self::DefaultValue => "servicequotas:GetAWSDefaultServiceQuota",
            Self::History => "servicequotas:ListRequestedServiceQuotaChangeHistoryByQuota",
            Self::Request => "servicequotas:GetRequestedServiceQuotaChange",
            Self::Listing => "servicequotas:ListServiceQuotas",
            Self::RequestIncrease => "servicequotas:RequestServiceQuotaIncrease",
            Self::Usage | Self::ModelsBehind | Self::Volume => "cloudwatch:GetMetricData",
            Self::Used => "cloudwatch:ListMetrics",
            Self::Contributors => "cloudwatch:DescribeAlarmContributors",
            Self::Alarms | Self::OwnAlarms => "cloudwatch:DescribeAlarms",
            Self::Recorded | Self::CalledByRoot => "cloudtrail:LookupEvents",
            Self::StartQuery => "logs:StartQuery",
            Self::QueryResults => "logs:GetQueryResults",
            Self::InvocationLogging => "bedrock:GetModelInvocationLoggingConfiguration",
            Self::ProfileModels => "bedrock:GetInferenceProfile",
            Self::Lives | Self::Offered => "bedrock:ListFoundationModels",
            Self::ModelState => "bedrock:GetFoundationModelAvailability",
            Self::AgreementOffers => "bedrock:ListFoundationModelAgreementOffers",
            Self::Simulate | Self::Rights => "iam:SimulatePrincipalPolicy",
            Self::Trails => "cloudtrail:DescribeTrails",
            Self::Rules => "events:ListRules",
            Self::Publish => "sns:Publish",
            Self::Subscribers => "sns:GetTopicAttributes",
            Self::Due | Self::Seen | Self::All => "dynamodb:Query",
            Self::Incident => "dynamodb:BatchGetItem",
            Self::Quota => "dynamodb:GetItem",
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
            | Self::Watch => "dynamodb:UpdateItem",
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

impl JsonSchema for PortCall {
    fn schema_name() -> Cow<'static, str> {
        "PortCall".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let calls: Vec<&str> = Self::ALL.iter().map(|call| call.as_str()).collect();
        json_schema!({ "type": "string", "description": "One method of a port.", "enum": calls })
    }
}
