//! Other ids of the same model, whose calls count against separate quotas.
//!
//! Invariant: Only quotas that the catalogue matches with certainty are named. This account's values are unknown here.

use crate::ids::{AccountRegion, QuotaCode};
use crate::model::ModelId;
use crate::plan::action::Step;
use crate::quota::{Catalog, Limit, Quota, Variant, Verdict, find};

/// The other ids of `model`, each with the quota that takes the place of `code`.
fn siblings(model: &ModelId, limit: Limit, code: &QuotaCode, place: &AccountRegion) -> Vec<(ModelId, Quota)> {
    let mut named: Vec<(ModelId, Quota)> = Vec::new();
    for route in model.routes_from(&place.region) {
        let found = find(Catalog::built_in(), &route, limit, Variant::Standard);
        let quota = found.quota.filter(|_| found.verdict == Verdict::Matched);
        let is_new =
            |quota: &Quota| quota.code != *code && named.iter().all(|(_, known)| known.code != quota.code);
        if let Some(quota) = quota.filter(is_new) {
            named.push((route, quota));
        }
    }
    // Adjustable quotas come first.
    named.sort_by_key(|(_, quota)| !quota.adjustable);
    named
}

/// What a person can do meanwhile if only a support case can raise the quota `code` of `model`; `None` if the model has
/// no other quota.
pub(crate) fn meanwhile(
    model: &ModelId,
    limit: Limit,
    code: &QuotaCode,
    place: &AccountRegion,
) -> Option<Step> {
    let siblings = siblings(model, limit, code, place);
    let named = siblings.iter().map(|(route, quota)| {
        let raise =
            if quota.adjustable { "an increase of it can be requested" } else { "it is not adjustable" };
        format!(
            "calls of `{route}` count against `{}` ({}); by the public listing {raise}",
            quota.name, quota.code
        )
    });
    let named: Vec<String> = named.collect();
    (!named.is_empty()).then(|| Step {
        text: format!(
            "Meanwhile, call the model under an id with a quota of its own, if the Region offers it: {}.",
            named.join("; ")
        ),
        command: None,
        link: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{AccountId, Region};

    /// A model's quotas are not adjustable alike.
    #[test]
    fn each_quota_says_for_itself_whether_it_is_adjustable() {
        let place = AccountRegion {
            account: AccountId::parse("111122223333").unwrap(),
            region: Region::parse("us-east-1").unwrap(),
        };
        for (id, own, other, raise) in [
            (
                "us.anthropic.claude-opus-4-7",
                "L-5DB28B7B",
                "L-34152C1D",
                "an increase of it can be requested",
            ),
            ("global.anthropic.claude-opus-4-7", "L-34152C1D", "L-5DB28B7B", "it is not adjustable"),
        ] {
            let (model, code) = (ModelId::parse(id).unwrap(), QuotaCode::parse(own).unwrap());
            let text = meanwhile(&model, Limit::TokensPerMinute, &code, &place).unwrap().text;
            assert!(text.contains(&format!("({other}); by the public listing {raise}")), "{id}: {text}");
            assert!(!text.contains(own), "{id}: {text}");
        }
    }

    #[test]
    fn the_other_quotas_of_a_model_are_named_and_never_its_own() {
        let place = |region: &str| AccountRegion {
            account: AccountId::parse("111122223333").unwrap(),
            region: Region::parse(region).unwrap(),
        };
        for (id, region, others) in [
            ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "us-east-1", vec!["global"]),
            ("global.anthropic.claude-sonnet-4-5-20250929-v1:0", "eu-west-1", vec!["eu"]),
            ("example.no-such-model-v1:0", "us-east-1", vec![]),
        ] {
            let model = ModelId::parse(id).unwrap();
            let own = find(Catalog::built_in(), &model, Limit::TokensPerMinute, Variant::Standard).quota;
            let code = own.map_or_else(|| QuotaCode::parse("L-00000000").unwrap(), |quota| quota.code);
            let found = siblings(&model, Limit::TokensPerMinute, &code, &place(region));
            let routes: Vec<&str> =
                found.iter().map(|(route, _)| route.geography().unwrap_or("none")).collect();
            assert_eq!(routes, others, "{id}");
            assert!(found.iter().all(|(_, quota)| quota.code != code), "{id}");
        }
    }
}
