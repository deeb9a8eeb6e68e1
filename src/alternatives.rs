//! Other ways to call a throttled model at once, whose calls count against quotas of their own.
//!
//! Invariant: A way is named only if the catalogue matches its quota with certainty, CloudWatch and Service Quotas were
//! read, and no incident shows that a policy denies it.

use jiff::SignedDuration;

use crate::diagnosis::{Category, Cause};
use crate::ids::{AccountRegion, Region};
use crate::incident::Incident;
use crate::model::{ModelId, ModelKind};
use crate::quota::{Catalog, Limit, Quota, Variant, Verdict, find};
use crate::usage::Endpoint;

/// Calls of AWS and of the ledger that reading the alternatives of one incident may take.
pub const MOST_CALLS: usize = 6;
/// A notice names at most this many.
pub const MOST: usize = 5;
/// Permission errors of this time show what a policy denies.
pub(crate) const DENIALS: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Regions where AWS offers most models.
const WELL_STOCKED: [&str; 6] =
    ["us-east-1", "us-west-2", "eu-central-1", "eu-west-1", "ap-northeast-1", "ap-southeast-2"];

/// Another way to call a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Alternative {
    /// The id to call.
    pub model: ModelId,
    /// The account, and the Region to call from.
    pub place: AccountRegion,
    /// The endpoint to call.
    pub endpoint: Endpoint,
    /// What the quota limits.
    pub limit: Limit,
    /// The quota that counts such calls.
    pub quota: Quota,
}

/// An alternative with room.
#[derive(Clone, Debug, PartialEq)]
pub struct MeasuredAlternative {
    /// The way to call.
    pub alternative: Alternative,
    /// The applied value of its quota.
    pub applied: f64,
    /// The peak of the last hour, or for a daily limit the use of the last 24 hours, in the limit's unit.
    pub used: f64,
}

impl MeasuredAlternative {
    /// What is left of the quota, in the limit's unit.
    pub fn left(&self) -> f64 {
        (self.applied - self.used).max(0.0)
    }
}

/// Other ways to call `model` from `place`, the most useful first, as many as [`MOST_CALLS`] can read: wider profiles, other
/// ids in the same Region, the same profile from another Region, the bedrock-mantle endpoint. None if the quota of
/// `model` itself is not certain.
pub(crate) fn alternatives(
    model: &ModelId,
    endpoint: Endpoint,
    limit: Limit,
    place: &AccountRegion,
) -> Vec<Alternative> {
    let Some(own) = of(model, endpoint, limit, place) else { return Vec::new() };
    let others = elsewhere(model, place).into_iter().map(|there| (model.clone(), Endpoint::Runtime, there));
    let runtime = model.routes_from(&place.region).into_iter();
    let runtime = runtime.map(|id| (id, Endpoint::Runtime, place.clone()));
    let mantle = ModelId::parse(model.base()).map(|id| (id, Endpoint::Mantle, place.clone()));
    let mut found: Vec<Alternative> = Vec::new();
    // The ledger is read once.
    let mut calls = 1;
    for (id, endpoint, place) in runtime.chain(others).chain(mantle) {
        let limit = counted_by(endpoint, limit);
        let Some(other) = limit.and_then(|limit| of(&id, endpoint, limit, &place)) else { continue };
        let is_own = |known: &Alternative| known.quota.code == other.quota.code && known.place == other.place;
        if is_own(&own) || found.iter().any(is_own) {
            continue;
        }
        let is_measured = found.iter().any(|known| known.endpoint == endpoint && known.place == other.place);
        let cost = if is_measured { 1 } else { 2 };
        if calls + cost <= MOST_CALLS && found.len() < MOST {
            calls += cost;
            found.push(other);
        }
    }
    found
}

/// The way to call `model` on `endpoint` from `place`; `None` unless exactly one quota counts it.
fn of(model: &ModelId, endpoint: Endpoint, limit: Limit, place: &AccountRegion) -> Option<Alternative> {
    let variant = match endpoint {
        Endpoint::Runtime => Variant::Standard,
        Endpoint::Mantle => Variant::Mantle,
    };
    let found = find(Catalog::built_in(), model, limit, variant);
    let quota = found.quota.filter(|_| found.verdict == Verdict::Matched)?;
    Some(Alternative { model: model.clone(), place: place.clone(), endpoint, limit, quota })
}

/// What `endpoint` counts where the other one counts `limit`; `None` if it counts nothing like it.
fn counted_by(endpoint: Endpoint, limit: Limit) -> Option<Limit> {
    match (endpoint, limit) {
        (Endpoint::Runtime, Limit::InputTokensPerMinute | Limit::OutputTokensPerMinute) => {
            Some(Limit::TokensPerMinute)
        }
        (Endpoint::Mantle, Limit::TokensPerMinute | Limit::RequestsPerMinute) => {
            Some(Limit::InputTokensPerMinute)
        }
        (Endpoint::Mantle, Limit::TokensPerDay) => None,
        (_, limit) => Some(limit),
    }
}

/// Another Region of the same part of the world, from which the same profile can be called. Quotas count by source
/// Region.
/// See <https://docs.aws.amazon.com/bedrock/latest/userguide/cross-region-inference.html>.
fn elsewhere(model: &ModelId, place: &AccountRegion) -> Option<AccountRegion> {
    model.geography()?;
    let part = |region: &Region| region.as_str().split('-').next().map(str::to_owned);
    let others = WELL_STOCKED.iter().filter_map(|name| Region::parse(name));
    let region = others.into_iter().find(|region| {
        *region != place.region
            && region.partition() == place.region.partition()
            && part(region) == part(&place.region)
            && model.may_be_called_from(region)
    })?;
    Some(AccountRegion { account: place.account.clone(), region })
}

/// Whether one of the permission errors in `seen` shows that a policy denies `alternative`.
pub(crate) fn is_denied(alternative: &Alternative, seen: &[Incident]) -> bool {
    let Alternative { model, .. } = alternative;
    seen.iter().filter(|incident| incident.cause.category() == Category::Permission).any(|incident| {
        let resource = incident.facts.resource.as_deref().and_then(|arn| arn.rsplit('/').next());
        let resource = resource.and_then(ModelId::parse);
        let denied = || incident.model.iter().chain(&incident.facts.models).chain(&resource);
        if denied().any(|id| id == model) {
            return true;
        }
        // A policy of the organization usually denies Regions, and a wider profile needs more of them.
        let is_of_regions = model.is_cross_region() && incident.cause == Cause::ServiceControlPolicy;
        is_of_regions && (model.kind() == ModelKind::Global || denied().any(|id| id.base() == model.base()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::AccountId;

    fn place(region: &str) -> AccountRegion {
        AccountRegion {
            account: AccountId::parse("111122223333").unwrap(),
            region: Region::parse(region).unwrap(),
        }
    }

    fn named(id: &str, limit: Limit, region: &str) -> Vec<String> {
        let model = ModelId::parse(id).unwrap();
        let found = alternatives(&model, Endpoint::Runtime, limit, &place(region));
        found.iter().map(|a| format!("{} {} {:?}", a.model, a.place.region, a.endpoint)).collect()
    }

    #[test]
    fn wider_profiles_come_first_and_no_two_share_a_quota() {
        assert_eq!(
            named("us.anthropic.claude-sonnet-4-5-20250929-v1:0", Limit::TokensPerMinute, "us-east-1"),
            [
                "global.anthropic.claude-sonnet-4-5-20250929-v1:0 us-east-1 Runtime",
                "us.anthropic.claude-sonnet-4-5-20250929-v1:0 us-west-2 Runtime",
            ]
        );
        assert_eq!(
            named("global.anthropic.claude-sonnet-4-5-20250929-v1:0", Limit::TokensPerMinute, "eu-west-1"),
            [
                "eu.anthropic.claude-sonnet-4-5-20250929-v1:0 eu-west-1 Runtime",
                "global.anthropic.claude-sonnet-4-5-20250929-v1:0 eu-central-1 Runtime",
            ]
        );
    }

    #[test]
    fn a_model_of_unknown_quota_has_no_alternative() {
        assert!(named("example.no-such-model-v1:0", Limit::TokensPerMinute, "us-east-1").is_empty());
    }

    #[test]
    fn reading_them_never_takes_more_calls_than_allowed() {
        for model in [
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "us.amazon.nova-pro-v1:0",
            "amazon.nova-pro-v1:0",
        ] {
            let model = ModelId::parse(model).unwrap();
            for region in ["us-east-1", "eu-west-1", "ap-northeast-1", "us-gov-west-1"] {
                let found = alternatives(&model, Endpoint::Runtime, Limit::TokensPerMinute, &place(region));
                let mut groups: Vec<_> = found.iter().map(|a| (a.endpoint, a.place.clone())).collect();
                groups.dedup();
                assert!(1 + found.len() + groups.len() <= MOST_CALLS, "{model} {region}");
            }
        }
    }
}
