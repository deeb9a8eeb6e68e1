//! Throttles and used up limits.
//!
//! Invariant: A row here needs proof that AWS answered.

use crate::diagnosis::cause::Cause;
use crate::diagnosis::rule::{Example, Rule};
use crate::diagnosis::rules::conditions::is_bedrocks_limit;
use crate::diagnosis::rules::pages::{QUOTAS, THROTTLE_ADVICE, TOKENS};

#[rustfmt::skip]
pub(super) const ROWS: &[Rule] = &[
    Rule { id: "too-many-tokens-per-day", cause: Cause::TokensPerDay,
        says: &[&["tokens per day"], &["daily token"], &["token limit per day"], &["tokens", "daily limit"]],
        when: Some(is_bedrocks_limit),
        advice: &["Ask AWS for more tokens a day in a support case, or wait until midnight UTC: AWS seldom raises this limit through Service Quotas.",
            "Spread the load over models or Regions, and set `max_tokens` to what the answer needs.",
            "Accounts that are new or were idle start far below the default: ask AWS to restore it."],
        reference: QUOTAS,
        example: Example { code: Some("ThrottlingException"), message: "Too many tokens per day, please wait before trying again." }, ..Rule::NONE },
    Rule { id: "too-many-tokens", cause: Cause::TokensPerMinute,
        says: &[&["too many tokens"], &["tokens per minute"], &["token rate"], &["tokens-per-minute"]],
        when: Some(is_bedrocks_limit),
        advice: THROTTLE_ADVICE, reference: TOKENS,
        example: Example { code: Some("ThrottlingException"), message: "Too many tokens, please wait before trying again." }, ..Rule::NONE },
    Rule { id: "too-many-requests", cause: Cause::RequestsPerMinute,
        says: &[&["too many requests"], &["requests per minute"], &["requests-per-minute"]],
        when: Some(is_bedrocks_limit),
        advice: THROTTLE_ADVICE, reference: QUOTAS,
        example: Example { code: Some("ThrottlingException"), message: "Too many requests, please wait before trying again." }, ..Rule::NONE },
    Rule { id: "request-rate-too-high", cause: Cause::RequestsPerMinute,
        says: &[&["request rate is too high"], &["reduce the frequency of requests"]],
        when: Some(is_bedrocks_limit),
        advice: THROTTLE_ADVICE, reference: QUOTAS,
        example: Example { code: Some("throttlingException"), message: "Your request rate is too high. Reduce the frequency of requests. Check your Bedrock model invocation quotas to find the acceptable frequency." }, ..Rule::NONE },
    Rule { id: "service-quota-exceeded", cause: Cause::ResourceLimit,
        says: &[&["validation failed for quota"], &["exceeds the service quota"], &["exceeded the service quota"], &["exceeded the default service quota"], &["exceed the service quota"], &["limit exceeded for account"], &["limit", "reached. please reduce"], &["exceeds the limit of", "per account"], &["reached the limit", "account"], &["maximum number of", "jobs"], &["concurrent", "jobs", "limit"], &["number of", "exceeds the quota"], &["number of", "exceeds quota limit"], &["already reached the maximum"]],
        advice: &["A number of resources or jobs is used up, not a rate: delete what is no longer needed or let running jobs end.",
            "Find the quota by the resource's name under Service Quotas, service `bedrock`, and ask for an increase of that one."],
        reference: QUOTAS,
        example: Example { code: Some("ServiceQuotaExceededException"), message: "Your request exceeds the service quota for your account." }, ..Rule::NONE },
];
