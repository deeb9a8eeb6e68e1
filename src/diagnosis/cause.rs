//! The causes of Bedrock errors, their categories, and their remedies.
//!
//! Invariant: The cause alone decides the kind of remedy.

use crate::wire_enum::wire_enum;

wire_enum! {
    /// Who or what can fix the error: the account's quota, AWS, the account's access, its IAM, the caller's
    /// credentials, the model id, the request body, or nobody known.
    pub enum Category {
        /// A rate or volume limit that an increase could lift.
        Quota = "quota",
        /// A problem on AWS's side. A quota increase does not help.
        Capacity = "capacity",
        /// The account has no access to the model yet. A person must act in the account.
        ModelAccess = "model-access",
        /// IAM, or another policy, denies the call.
        Permission = "permission",
        /// The caller's credentials are not valid.
        Credentials = "credentials",
        /// The model id or the Region is wrong.
        ModelId = "model-id",
        /// The caller's request is wrong.
        Request = "request",
        /// Not about Bedrock, or too little information.
        Other = "other",
    }
}

wire_enum! {
    /// Why a call failed.
    pub enum Cause {
        /// Too many requests per minute.
        RequestsPerMinute = "requests-per-minute",
        /// Too many tokens per minute.
        TokensPerMinute = "tokens-per-minute",
        /// Too many tokens per day.
        TokensPerDay = "tokens-per-day",
        /// Throttled, but the message does not say by which limit.
        RateUnspecified = "rate-unspecified",
        /// Nothing fails yet, but use is near the quota.
        NearQuota = "near-quota",
        /// A limit on a number of jobs, resources or bytes, not on a rate.
        ResourceLimit = "resource-limit",
        /// The model is being loaded.
        ModelNotReady = "model-not-ready",
        /// Overload or outage at AWS.
        ServiceUnavailable = "service-unavailable",
        /// A fault inside AWS.
        InternalError = "internal-error",
        /// The model took too long.
        ModelTimeout = "model-timeout",
        /// The model itself failed.
        ModelError = "model-error",
        /// The account has no access to the model.
        NotGranted = "not-granted",
        /// Anthropic's use-case form was not submitted.
        UseCaseForm = "use-case-form",
        /// The AWS Marketplace subscription or its permission is missing.
        Marketplace = "marketplace",
        /// No valid payment instrument.
        Payment = "payment",
        /// The model is legacy or at its end of life.
        LegacyModel = "legacy-model",
        /// The provider does not serve this country.
        Location = "location",
        /// AWS restricts the whole account.
        AccountRestricted = "account-restricted",
        /// No identity-based policy allows the action.
        IdentityPolicy = "identity-policy",
        /// An explicit deny, in an identity-based or an unnamed policy.
        ExplicitDeny = "explicit-deny",
        /// A service control policy, or a resource control policy beside it.
        ServiceControlPolicy = "service-control-policy",
        /// The permissions boundary.
        PermissionsBoundary = "permissions-boundary",
        /// The session policy.
        SessionPolicy = "session-policy",
        /// A resource-based policy: VPC endpoint, KMS key, guardrail.
        ResourcePolicy = "resource-policy",
        /// Not authorised, and the message does not say by which policy.
        IamUnspecified = "iam-unspecified",
        /// The credentials have expired.
        ExpiredToken = "expired-token",
        /// The credentials are not known to AWS.
        InvalidToken = "invalid-token",
        /// The request signature does not match.
        Signature = "signature",
        /// No credentials were found.
        Missing = "missing",
        /// No such model identifier.
        InvalidIdentifier = "invalid-identifier",
        /// The model answers only through an inference profile.
        InferenceProfileRequired = "inference-profile-required",
        /// The model is not offered in this Region.
        NotInRegion = "not-in-region",
        /// The model does not support this API or feature.
        UnsupportedOperation = "unsupported-operation",
        /// Invalid JSON, or JSON that does not fit the schema.
        Malformed = "malformed",
        /// The input is too long.
        ContextLength = "context-length",
        /// More output tokens requested than the model allows.
        MaxTokens = "max-tokens",
        /// Another parameter out of range or in a wrong combination.
        Parameter = "parameter",
        /// Wrong order, roles or emptiness of messages and tool blocks.
        Messages = "messages",
        /// Wrong size, number or format of images, documents, video or sound.
        Media = "media",
        /// Wrong guardrail id, version or configuration.
        Guardrail = "guardrail",
        /// Not about Bedrock inference.
        Unrelated = "unrelated",
        /// The message does not say enough.
        Unknown = "unknown",
    }
}

wire_enum! {
    /// The kind of action that fixes a cause.
    pub enum Remedy {
        /// File a Service Quotas increase, under the guard rails.
        IncreaseQuota = "increase-quota",
        /// A person completes the missing step of model access.
        CompleteAccess = "complete-access",
        /// A person changes a policy, or asks its owner to.
        ChangePermission = "change-permission",
        /// The caller changes the request.
        CorrectRequest = "correct-request",
        /// The caller uses another model, profile or Region.
        ChangeModel = "change-model",
        /// The caller gets new credentials.
        RenewCredentials = "renew-credentials",
        /// Wait and retry with backoff; AWS recovers.
        Retry = "retry",
        /// Only AWS can fix it.
        ContactAws = "contact-aws",
        /// A person must investigate.
        Investigate = "investigate",
    }
}

/// The order of importance; see [`Cause::rank`]. A sender controls what is in a request or a log line, but hardly what
/// AWS reports about access and quotas. The rank keeps a flood of the former from hiding the latter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rank {
    /// Calls fail until somebody acts: access, permission, credentials.
    Blocked,
    /// A quota refuses calls, and an increase may be filed.
    Rate,
    /// AWS fails, and recovers by itself.
    Aws,
    /// The caller's request or model id is wrong.
    Caller,
    /// The cause is unknown, or not about Bedrock.
    Unclear,
}

impl Rank {
    /// Whether the incident is handled even if an incident of another rank was left to the sweep.
    pub const fn is_urgent(self) -> bool {
        matches!(self, Self::Blocked | Self::Rate)
    }
}

impl Cause {
    /// How soon the incident is handled if there are more than can be handled. Deliveries and sweeps handle incidents
    /// in this order, and a digest lists them in it.
    pub const fn rank(self) -> Rank {
        match self.category() {
            Category::ModelAccess | Category::Permission | Category::Credentials => Rank::Blocked,
            Category::Quota => Rank::Rate,
            Category::Capacity => Rank::Aws,
            Category::ModelId | Category::Request => Rank::Caller,
            Category::Other => Rank::Unclear,
        }
    }

    /// Causes of one family are one need, and so one incident. The per-minute limits form a family, because an
    /// application that exceeds its tokens quota exceeds its requests quota a moment later. A limit per day is a
    /// separate need: it does not end with the minute, and a per-minute quota does not meet it.
    pub const fn family(self) -> &'static str {
        match self {
            Self::RequestsPerMinute | Self::TokensPerMinute | Self::RateUnspecified => "throttle",
            other => other.as_str(),
        }
    }

    /// Whether one caller's error says nothing about another's. Each caller then has an incident of its own.
    pub const fn is_per_caller(self) -> bool {
        let is_of_callers = matches!(
            self.category(),
            Category::Permission | Category::Credentials | Category::Request | Category::ModelId
        );
        is_of_callers && !self.is_of_account()
    }

    /// Whether one step for the whole account fixes it: a form, a payment method, a restriction that AWS lifts, a
    /// policy of the organization. All models and callers that fail for this reason are one incident of the account and
    /// Region.
    pub const fn is_of_account(self) -> bool {
        matches!(
            self,
            Self::UseCaseForm | Self::Payment | Self::AccountRestricted | Self::ServiceControlPolicy
        )
    }

    /// Whether the called id names no model here. A caller can call any number of such ids but has one problem, so they
    /// are one incident of that caller.
    pub const fn is_of_wrong_id(self) -> bool {
        matches!(self, Self::InvalidIdentifier | Self::NotInRegion)
    }

    /// Whether a person must act. People are reminded until they do.
    pub const fn needs_person(self) -> bool {
        matches!(self.category(), Category::ModelAccess | Category::Permission)
            || matches!(self, Self::NearQuota)
    }

    /// Whether a rate limit throttled calls.
    pub fn is_throttle(self) -> bool {
        self.family() == "throttle" || self == Self::TokensPerDay
    }

    /// Whether it concerns a rate limit. Increase requests are filed only for these.
    pub fn is_rate(self) -> bool {
        self.is_throttle() || self == Self::NearQuota
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quota_but_a_number_of_resources_is_a_rate() {
        for cause in Cause::ALL.iter().copied().filter(|cause| cause.category() == Category::Quota) {
            assert_eq!(cause.is_rate(), cause != Cause::ResourceLimit, "{cause}");
        }
    }

    #[test]
    fn only_quota_causes_are_cured_by_an_increase() {
        for cause in Cause::ALL {
            assert_eq!(
                cause.remedy() == Remedy::IncreaseQuota,
                cause.category() == Category::Quota,
                "{cause}"
            );
        }
    }

    #[test]
    fn words_read_back() {
        for cause in Cause::ALL {
            assert_eq!(Cause::parse(cause.as_str()), Some(*cause));
        }
        assert_eq!(Cause::parse("no-such-cause"), None);
    }

    #[test]
    fn the_causes_of_a_minutes_limit_share_one_family_and_a_days_limit_has_its_own() {
        assert_eq!(Cause::RequestsPerMinute.family(), Cause::TokensPerMinute.family());
        assert_eq!(Cause::RateUnspecified.family(), Cause::TokensPerMinute.family());
        assert_ne!(Cause::TokensPerDay.family(), Cause::TokensPerMinute.family());
    }
}
