//! Checks before a launch what stands in the way of calls of a model in one account and Region, and what removes it.
//!
//! Invariant: It only reads. What could not be read is listed as such, and never counts as in order.

mod findings;
mod mend;
mod reads;

use serde::Serialize;

use crate::access::needed;
use crate::error::{ServiceError, ServiceResult};
use crate::ids::Region;
use crate::model::ModelId;
pub use crate::operate::audit::findings::{AuditFinding, AuditKind};
pub use crate::operate::audit::mend::{Mend, MendForm};
pub use crate::operate::audit::reads::AuditRequest;
use crate::operate::audit::reads::{AuditReads, AuditedQuota};
use crate::permission::Ruling;
use crate::ports::Services;
use crate::quota::{Catalog, Limit, Variant, find, unit};

/// What stands in the way of calls of one model.
#[derive(Clone, Debug, Serialize)]
pub struct ModelAudit {
    /// The Region to call from.
    pub region: Region,
    /// The model as it is to be called.
    pub model_id: ModelId,
    /// What was found, what blocks calls first.
    pub findings: Vec<AuditFinding>,
    /// What could not be read, and why.
    pub unread: Vec<String>,
}

impl ModelAudit {
    /// Whether nothing blocks calls, as far as everything could be read.
    pub fn is_ready(&self) -> bool {
        self.unread.is_empty() && !self.findings.iter().any(|finding| finding.blocks)
    }
}

/// The quotas that a model's calls count against on the bedrock-runtime endpoint.
const LIMITS: [Limit; 3] = [Limit::TokensPerMinute, Limit::RequestsPerMinute, Limit::TokensPerDay];

/// Checks `model`.
pub async fn audit<W: Services>(world: &W, model: &ModelId, request: &AuditRequest<'_>) -> ModelAudit {
    let place = request.place;
    let quotas = LIMITS.map(async |limit| {
        let found = find(Catalog::built_in(), model, limit, Variant::Standard);
        let Some(code) = found.quota.as_ref().map(|quota| quota.code.clone()) else {
            return AuditedQuota { limit, found, applied: Ok(None), default: Ok(None) };
        };
        let (applied, default) = tokio::join!(world.applied(place, &code), world.default_value(place, &code));
        AuditedQuota { limit, found, applied, default }
    });
    let (offered, state, offers, quotas, rulings) = tokio::join!(
        world.offered(place),
        world.model_state(place, model),
        world.agreement_offers(place, model),
        futures_util::future::join_all(quotas),
        rulings(world, model, request),
    );
    let reads = AuditReads {
        is_offered: offered.map(|offered| offered.contains(model)),
        state,
        offers,
        quotas,
        rulings,
    };
    ModelAudit {
        region: place.region.clone(),
        model_id: model.clone(),
        findings: findings::findings(model, request, &reads, world.now()),
        unread: unread(&reads),
    }
}

/// What IAM's policy simulator says about the caller and every resource that a call of `model` needs.
async fn rulings<W: Services>(
    world: &W,
    model: &ModelId,
    request: &AuditRequest<'_>,
) -> ServiceResult<Option<Vec<Ruling>>> {
    let Some(caller) = request.caller else { return Ok(None) };
    let routes = if model.is_cross_region() {
        world.profile_models(request.place, model).await?.unwrap_or_default()
    } else {
        Vec::new()
    };
    let needed = needed(Some(model), request.place, None, &routes);
    let ruled = world.simulate(request.place, caller, "bedrock:InvokeModel", &needed).await?;
    ruled.map(Some).ok_or_else(|| ServiceError::invalid("the account has no such role or user"))
}

fn unread(reads: &AuditReads) -> Vec<String> {
    let quotas = reads.quotas.iter().flat_map(|quota| {
        [("the applied value", quota.applied.as_ref().err()), ("AWS's default", quota.default.as_ref().err())]
            .map(|(what, error)| (format!("{what} of {}", unit(quota.limit)), error))
    });
    let others = [
        ("which ids the Region offers", reads.is_offered.as_ref().err()),
        ("the model's state", reads.state.as_ref().err()),
        ("the provider's agreements", reads.offers.as_ref().err()),
        ("what IAM allows the caller", reads.rulings.as_ref().err()),
    ];
    let others = others.map(|(what, error)| (what.to_owned(), error));
    let all = others.into_iter().chain(quotas);
    let why = |error: &ServiceError| match error {
        ServiceError::Denied(action) => format!("the credentials lack `{action}`"),
        other => other.to_string(),
    };
    all.filter_map(|(what, error)| Some(format!("{what}: {}", why(error?)))).collect()
}
