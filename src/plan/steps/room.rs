//! Where a throttled application finds room at once.

use crate::alternatives::MeasuredAlternative;
use crate::model::ModelKind;
use crate::plan::action::Step;
use crate::quota::{Limit, unit};
use crate::text::number;
use crate::usage::Endpoint;

/// The step that helps before AWS decides on an increase: the way to call with the most room. `None` if none was
/// measured.
pub(crate) fn first_step(room: &[MeasuredAlternative]) -> Option<Step> {
    let best = room.first()?;
    let way = &best.alternative;
    let endpoint = match way.endpoint {
        Endpoint::Runtime => "",
        Endpoint::Mantle => " on the bedrock-mantle endpoint",
    };
    let reach = match way.model.kind() {
        ModelKind::Global => {
            " A global profile may answer from any commercial Region: check that your data may leave its geography."
        }
        _ => "",
    };
    Some(Step {
        text: format!(
            "Meanwhile, send a part of the calls to `{}` from {}{endpoint}. At most {} of {} {} are left there, by the use {}; a call reserves its `max_tokens` when it is admitted. The caller needs the same permission on this id and on the models behind it.{reach}",
            way.model,
            way.place.region,
            number(best.left()),
            number(best.applied),
            unit(way.limit),
            when(way.limit),
        ),
        command: None,
        link: None,
    })
}

/// The time of which [`MeasuredAlternative::used`] speaks.
pub(crate) fn when(limit: Limit) -> &'static str {
    match limit {
        Limit::TokensPerDay => "in the last 24 hours",
        _ => "in the busiest minute of the last hour",
    }
}
