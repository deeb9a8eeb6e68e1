//! Checks that hold for an increase of any quota.

use crate::config::Config;
use crate::error::Gathered;
use crate::evidence::Evidence;
use crate::model::ModelId;
use crate::plan::action::Reason;
use crate::plan::steps::increase::subscribe;
use crate::plan::withheld_increase::WithheldIncrease;

/// Withholds if nobody would receive the notice. An unreadable topic does not count as nobody.
pub(super) fn heard(evidence: &Evidence) -> Result<(), Box<WithheldIncrease>> {
    if evidence.listeners != Gathered::Read(0) {
        return Ok(());
    }
    let mut refusal = WithheldIncrease::of(
        Reason::NobodyListens,
        "nobody has confirmed a subscription to the topic, and nothing is filed that nobody hears of",
    );
    refusal.by_hand = Some(subscribe());
    Err(refusal)
}

/// Withholds if the operator allows no increase for `model`.
pub(super) fn model_allowed(model: &ModelId, config: &Config) -> Result<(), Box<WithheldIncrease>> {
    if !config.denied_models.fit(model) && config.allowed_models.fit(model) {
        return Ok(());
    }
    Err(WithheldIncrease::of(
        Reason::ModelNotAllowed,
        format!("increases for `{model}` are not allowed by configuration"),
    ))
}
