//! The IAM actions behind this program's calls to AWS, as one table.
//!
//! Invariant: The adapters, the embedded world and `doctor` name an action by this enum only. A test compares what the
//! function calls with what the template grants, and with what the real program was seen to send.
//! See <https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>.

use crate::wire_enum::wire_enum;

wire_enum! {
    /// An action, named as IAM names it.
    pub enum IamAction {
        /// Reads a model's lifecycle.
        GetFoundationModel = "bedrock:GetFoundationModel",
        /// Reads the state of a model's access.
        GetFoundationModelAvailability = "bedrock:GetFoundationModelAvailability",
        /// Reads the models of an inference profile.
        GetInferenceProfile = "bedrock:GetInferenceProfile",
        /// Reads where model invocations are logged.
        GetModelInvocationLoggingConfiguration = "bedrock:GetModelInvocationLoggingConfiguration",
        /// Reads whether Anthropic's use-case form was sent.
        GetUseCaseForModelAccess = "bedrock:GetUseCaseForModelAccess",
        /// Lists the agreements that a model offers.
        ListFoundationModelAgreementOffers = "bedrock:ListFoundationModelAgreementOffers",
        /// Lists the models of a Region.
        ListFoundationModels = "bedrock:ListFoundationModels",
        /// Lists the inference profiles of a Region.
        ListInferenceProfiles = "bedrock:ListInferenceProfiles",
        /// Reads CloudTrail's event history.
        LookupEvents = "cloudtrail:LookupEvents",
        /// Lists the trails.
        DescribeTrails = "cloudtrail:DescribeTrails",
        /// Reads what a trail records.
        GetEventSelectors = "cloudtrail:GetEventSelectors",
        /// Reads whether a trail records.
        GetTrailStatus = "cloudtrail:GetTrailStatus",
        /// Lists what contributes to an alarm.
        DescribeAlarmContributors = "cloudwatch:DescribeAlarmContributors",
        /// Describes alarms.
        DescribeAlarms = "cloudwatch:DescribeAlarms",
        /// Reads metrics.
        GetMetricData = "cloudwatch:GetMetricData",
        /// Lists metrics.
        ListMetrics = "cloudwatch:ListMetrics",
        /// Reads several items of the ledger.
        BatchGetItem = "dynamodb:BatchGetItem",
        /// Reads one item of the ledger.
        GetItem = "dynamodb:GetItem",
        /// Reads an index of the ledger.
        Query = "dynamodb:Query",
        /// Reads the whole ledger.
        Scan = "dynamodb:Scan",
        /// Writes to the ledger.
        UpdateItem = "dynamodb:UpdateItem",
        /// Lists EventBridge's rules.
        ListRules = "events:ListRules",
        /// Reads a role and its permissions boundary.
        GetRole = "iam:GetRole",
        /// Runs IAM's policy simulator.
        SimulatePrincipalPolicy = "iam:SimulatePrincipalPolicy",
        /// Reads the results of a log search.
        GetQueryResults = "logs:GetQueryResults",
        /// Starts a log search.
        StartQuery = "logs:StartQuery",
        /// Reads AWS's default value of a quota.
        GetAwsDefaultServiceQuota = "servicequotas:GetAWSDefaultServiceQuota",
        /// Reads one increase request.
        GetRequestedServiceQuotaChange = "servicequotas:GetRequestedServiceQuotaChange",
        /// Reads the applied value of a quota.
        GetServiceQuota = "servicequotas:GetServiceQuota",
        /// Lists AWS's default values.
        ListAwsDefaultServiceQuotas = "servicequotas:ListAWSDefaultServiceQuotas",
        /// Lists the increase requests of a quota.
        ListRequestedServiceQuotaChangeHistoryByQuota = "servicequotas:ListRequestedServiceQuotaChangeHistoryByQuota",
        /// Lists the applied values.
        ListServiceQuotas = "servicequotas:ListServiceQuotas",
        /// Files an increase request.
        RequestServiceQuotaIncrease = "servicequotas:RequestServiceQuotaIncrease",
        /// Reads the subscriptions of a topic.
        GetTopicAttributes = "sns:GetTopicAttributes",
        /// Publishes a notice.
        Publish = "sns:Publish",
        /// Takes the role of a member of the organization.
        AssumeRole = "sts:AssumeRole",
        /// Asks whose credentials these are.
        GetCallerIdentity = "sts:GetCallerIdentity",
    }
}

/// What the function's role holds an action on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldOn {
    /// `*`.
    Anything,
    /// Bedrock's quotas of the stack's account and Region.
    Quotas,
    /// The account's roles.
    Roles,
    /// The log groups that are searched.
    Logs,
    /// `*`, if log groups are searched.
    Searches,
    /// The ledger's table.
    Table,
    /// The topic of the notices.
    Topic,
    /// The role of each member, if there is an organization.
    Members,
    /// The index of places of the ledger's table, if there is an organization.
    Places,
}

impl HeldOn {
    /// Every kind of resource.
    pub const ALL: [Self; 9] = [
        Self::Anything,
        Self::Quotas,
        Self::Roles,
        Self::Logs,
        Self::Searches,
        Self::Table,
        Self::Topic,
        Self::Members,
        Self::Places,
    ];

    /// The resource in words, in Markdown.
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Anything => "`*`",
            Self::Quotas => "`bedrock/*` and `bedrock-agentcore/*` of the stack's Region",
            Self::Roles => "roles and users of the account; not held with `SimulatePolicies=false`",
            Self::Logs => "the log groups you name, in the stack's Region; not held if you name none",
            Self::Searches => "`*`; not held if you name no log group",
            Self::Table => "its own table",
            Self::Topic => "its own topic",
            Self::Members => {
                "the role `MemberRoleName` of accounts of the organization; not held without `OrganizationId`"
            }
            Self::Places => "the index `place-seen` of its own table; not held without `OrganizationId`",
        }
    }
}

/// The actions as two tables in Markdown, for the page on permissions: those of the function's role, and those of the
/// person who runs a command.
pub fn markdown() -> (String, String) {
    let mut held = vec!["| right | on | why |".to_owned(), "| --- | --- | --- |".to_owned()];
    let mut of_commands = vec!["| right | why |".to_owned(), "| --- | --- |".to_owned()];
    for action in IamAction::ALL {
        match action.held_on() {
            Some(on) => held.push(format!("| `{action}` | {} | {} |", on.in_words(), action.why())),
            None => of_commands.push(format!("| `{action}` | {} |", action.why())),
        }
    }
    (held.join("\n"), of_commands.join("\n"))
}

impl IamAction {
    /// What the function's role holds it on; `None` if only commands call it, with the rights of the person who runs
    /// them.
    pub const fn held_on(self) -> Option<HeldOn> {
        Some(match self {
            Self::GetFoundationModel
            | Self::GetFoundationModelAvailability
            | Self::GetInferenceProfile
            | Self::GetModelInvocationLoggingConfiguration
            | Self::GetUseCaseForModelAccess
            | Self::ListFoundationModelAgreementOffers
            | Self::ListFoundationModels
            | Self::ListInferenceProfiles
            | Self::LookupEvents
            | Self::DescribeAlarmContributors
            | Self::DescribeAlarms
            | Self::GetMetricData
            | Self::ListMetrics
            | Self::GetAwsDefaultServiceQuota
            | Self::GetRequestedServiceQuotaChange
            | Self::GetServiceQuota
            | Self::ListAwsDefaultServiceQuotas
            | Self::ListRequestedServiceQuotaChangeHistoryByQuota
            | Self::ListServiceQuotas => HeldOn::Anything,
            Self::RequestServiceQuotaIncrease => HeldOn::Quotas,
            Self::GetRole | Self::SimulatePrincipalPolicy => HeldOn::Roles,
            Self::StartQuery => HeldOn::Logs,
            Self::GetQueryResults => HeldOn::Searches,
            Self::BatchGetItem | Self::GetItem | Self::Query | Self::UpdateItem => HeldOn::Table,
            Self::GetTopicAttributes | Self::Publish => HeldOn::Topic,
            Self::AssumeRole => HeldOn::Members,
            Self::Scan => HeldOn::Places,
            Self::DescribeTrails
            | Self::GetEventSelectors
            | Self::GetTrailStatus
            | Self::ListRules
            | Self::GetCallerIdentity => return None,
        })
    }

    /// What it is needed for, in Markdown.
    pub const fn why(self) -> &'static str {
        match self {
            Self::GetFoundationModel => "a model's lifecycle: its Legacy and end-of-life dates",
            Self::GetFoundationModelAvailability => "which step of model access is missing",
            Self::GetInferenceProfile => "what an application inference profile stands for",
            Self::GetModelInvocationLoggingConfiguration => {
                "where the errors behind an alarm can be searched"
            }
            Self::GetUseCaseForModelAccess => "whether Anthropic's use-case form was submitted",
            Self::ListFoundationModelAgreementOffers => "which agreement a person has to accept",
            Self::ListFoundationModels => "which ids the Region offers, and their lifecycle",
            Self::ListInferenceProfiles => "which id to call instead",
            Self::LookupEvents => {
                "which errors are behind an alarm, and who calls, before an increase is filed"
            }
            Self::DescribeAlarmContributors | Self::DescribeAlarms => "which models an alarm is about",
            Self::GetMetricData => {
                "no request is filed without measured throttles; how near use is to its quotas"
            }
            Self::ListMetrics => "which models are in use",
            Self::GetAwsDefaultServiceQuota => "AWS's default value, which a request has to exceed",
            Self::GetRequestedServiceQuotaChange => "how a request ended",
            Self::GetServiceQuota => "the present value of a quota",
            Self::ListAwsDefaultServiceQuotas => "quotas to which an account has no value of its own",
            Self::ListRequestedServiceQuotaChangeHistoryByQuota => {
                "earlier requests for a quota, and how they ended"
            }
            Self::ListServiceQuotas => "which quota applies",
            Self::RequestServiceQuotaIncrease => "to file an increase request",
            Self::GetRole => "the path of a caller's role, and its permissions boundary",
            Self::SimulatePrincipalPolicy => "which permission a caller lacks",
            Self::GetQueryResults | Self::StartQuery => "the errors behind an alarm",
            Self::BatchGetItem | Self::GetItem | Self::Query | Self::UpdateItem => {
                "the ledger, which ensures that everything is done once"
            }
            Self::GetTopicAttributes => "whether anybody is subscribed",
            Self::Publish => "to notify people",
            Self::DescribeTrails => "`doctor`: whether a trail records, so that EventBridge gets events",
            Self::GetEventSelectors => "`doctor`: whether a trail records reads",
            Self::GetTrailStatus => "`doctor`: whether a trail records",
            Self::ListRules => "`doctor`: whether the stack's rules are enabled",
            Self::Scan => {
                "which members the daily watch looks at; on the table, `incidents`, `report` and `coverage`: incidents that are closed"
            }
            Self::AssumeRole => "to look after another account of the organization",
            Self::GetCallerIdentity => "every command with your credentials: in which account they work",
        }
    }

    /// The actions that the function's role holds.
    pub fn of_the_function() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|action| action.held_on().is_some())
    }
}
