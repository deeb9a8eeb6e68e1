//! The default world: a healthy account that uses its models. A model that was throttled shows
//! throttles.

use jiff::{SignedDuration, Timestamp};

use crate::diagnosis::{Cause, diagnose};
use crate::event::envelope::Malformed;
use crate::event::{Delivery, Metric, Payload, Signal};
use crate::identity::FunctionIdentity;
use crate::ids::Region;
use crate::model::ModelId;
use crate::quota::{Catalog, Limit, Variant, find};
use crate::sandbox::{LastMinutes, QuotaEntry, UsageEntry, WorldFile};
use crate::usage::{Minute, burndown};

/// Values of quotas that have none in the catalogue.
const TOKENS_PER_MINUTE: f64 = 2_000_000.0;
const REQUESTS_PER_MINUTE: f64 = 200.0;
/// The share of the quota used: of the one that throttles, and of the other.
const NEAR: f64 = 0.95;
const FAR: f64 = 0.3;
/// Throttled calls as a share of admitted calls.
const THROTTLED: f64 = 0.2;

/// The default world for `delivery`.
pub fn healthy_for(delivery: &Delivery, now: Timestamp) -> WorldFile {
    let mut file = WorldFile::default();
    for signal in delivery.items.iter().filter_map(|i| i.read.as_ref().ok()).flatten() {
        file.see(signal, now);
    }
    file
}

/// The default world for a payload; the payload is not kept.
pub fn healthy_for_payload(
    payload: &[u8],
    home: &FunctionIdentity,
    now: Timestamp,
) -> Result<WorldFile, Malformed> {
    let mut file = WorldFile::default();
    let payload = Payload::of(payload)?;
    let mut items = payload.items(home)?;
    while items.next(&mut |signal| file.see(&signal, now))?.is_some() {}
    Ok(file)
}

impl WorldFile {
    /// Makes what `signal` reports true in this world.
    fn see(&mut self, signal: &Signal, now: Timestamp) {
        let throttled = match signal {
            Signal::Error(e) => {
                let found = diagnose(&e.text());
                found
                    .cause
                    .is_throttle()
                    .then(|| (e.region.clone(), e.model.clone().or(found.facts.model_id), found.cause))
            }
            Signal::Alarm(a) => (a.metric == Metric::Throttles)
                .then(|| (a.region.clone(), a.models.first().cloned(), Cause::RateUnspecified)),
            _ => None,
        };
        if let Some((Some(region), Some(model), cause)) = throttled {
            self.use_up(&region, &model, cause, now);
        }
    }

    /// Adds the use of an account whose calls of `model` reached the quota that `cause` names.
    pub(crate) fn use_up(&mut self, region: &Region, model: &ModelId, cause: Cause, now: Timestamp) {
        if self.usage.iter().any(|u| u.region == *region && u.model_id == model.as_str()) {
            return;
        }
        let tokens = self.value(model, Limit::TokensPerMinute, TOKENS_PER_MINUTE);
        let requests = self.value(model, Limit::RequestsPerMinute, REQUESTS_PER_MINUTE);
        let (of_requests, of_tokens) =
            if cause == Cause::RequestsPerMinute { (NEAR, FAR) } else { (FAR, NEAR) };
        let invocations = (requests * of_requests).max(1.0).floor();
        let counted = tokens * of_tokens;
        let each = Minute {
            invocations,
            throttles: (invocations * THROTTLED).ceil(),
            input_tokens: (counted * 0.8).floor(),
            quota_tokens: Some(counted.floor()),
            output_tokens: (counted * 0.2 / burndown(model)).floor(),
            ..Minute::default()
        };
        self.usage.push(UsageEntry {
            of_mantle: false,
            region: region.clone(),
            model_id: model.as_str().to_owned(),
            first_use: now.saturating_sub(SignedDuration::from_hours(60 * 24)).ok(),
            last: Some(LastMinutes { minutes: 120, each }),
            days: None,
            series: Vec::new(),
        });
    }

    /// The default value of `model`'s quota; a quota without one gets one. AWS takes requests for all
    /// tokens-per-minute quotas of cross-Region inference, whatever an old listing says.
    fn value(&mut self, model: &ModelId, limit: Limit, otherwise: f64) -> f64 {
        let Some(quota) = find(Catalog::built_in(), model, limit, Variant::Standard).quota else {
            return otherwise;
        };
        let default = quota.value.filter(|v| *v > 0.0).unwrap_or(otherwise);
        let cross_region_tokens = model.is_cross_region() && limit == Limit::TokensPerMinute;
        if !self.quotas.iter().any(|q| q.code == quota.code) {
            self.quotas.push(QuotaEntry {
                region: None,
                code: quota.code,
                name: None,
                applied: None,
                default: Some(default),
                adjustable: cross_region_tokens.then_some(true),
            });
        }
        default
    }
}
