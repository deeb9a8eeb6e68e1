//! Which id to call instead of one that is not available.
//!
//! Invariant: An id is named only if Bedrock offers it in that Region. Without Bedrock's list, the id's grammar
//! suggests one, and the text says so.

use crate::diagnosis::Cause;
use crate::error::{Gathered, ServiceResult};
use crate::evidence::Evidence;
use crate::ids::Region;
use crate::incident::Incident;
use crate::model::{ModelId, geography_of};
use crate::plan::action::Step;

/// Ids less similar than this are not suggested for each other.
const ALIKE: f64 = 0.8;
/// At most this many ids are suggested.
const MOST: usize = 3;

/// Steps for the caller about the id.
pub(crate) fn steps(incident: &Incident, evidence: &Evidence) -> Vec<Step> {
    let Some(region) = &incident.region else { return Vec::new() };
    let model = evidence.model.as_ref().filter(|m| m.names_a_model());
    let provider = model.and_then(ModelId::provider).unwrap_or_default();
    let list = Step {
        text: format!("List the profiles that {region} offers and call one of them."),
        command: Some(format!(
            "aws bedrock list-inference-profiles --region {region} --query \"inferenceProfileSummaries[?contains(inferenceProfileId, '{provider}')].inferenceProfileId\""
        )),
        link: None,
    };
    let text = match (model, &evidence.offered) {
        (Some(model), Gathered::Read(offered)) => {
            let here = from_the_list(model, offered, region);
            Some(match elsewhere(model, &evidence.elsewhere) {
                Some(there) => format!("{here} {there}"),
                None => here,
            })
        }
        (Some(model), Gathered::NotAsked | Gathered::Unread(_)) => by_grammar(model, region, incident.cause),
        (None, _) => None,
    };
    let said = text.map(|text| Step { text, command: None, link: None });
    said.into_iter().chain([list]).collect()
}

/// What Bedrock's list for the Region shows.
fn from_the_list(model: &ModelId, offered: &[ModelId], region: &Region) -> String {
    let quoted = |ids: &[&ModelId]| ids.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(" or ");
    if offered.contains(model) {
        return format!(
            "Bedrock lists `{model}` in {region} now, so the id is right there: look which Region and endpoint the client really calls."
        );
    }
    let same: Vec<&ModelId> = offered.iter().filter(|o| o.base() == model.base()).take(MOST).collect();
    if !same.is_empty() {
        let so = if same.len() == 1 { "under that id only" } else { "under these ids" };
        return format!("Call {} instead: {region} offers this model {so}.", quoted(&same));
    }
    let nearest = nearest(model, offered);
    if nearest.is_empty() {
        return format!("Check the id: {region} offers no model of it, and none whose id is near it.");
    }
    format!("Check the id: {region} offers no model of it. The nearest that it offers: {}.", quoted(&nearest))
}

/// Which of the other Regions offer the model; `None` if no other Region was read.
fn elsewhere(model: &ModelId, regions: &[(Region, ServiceResult<Vec<ModelId>>)]) -> Option<String> {
    let (mut there, mut not) = (Vec::new(), Vec::new());
    for (region, offered) in regions {
        // The notice lists failed reads separately.
        let Ok(offered) = offered else { continue };
        match offered.iter().find(|o| o.base() == model.base()) {
            Some(id) => there.push(format!("{region} offers it as `{id}`")),
            None => not.push(region.to_string()),
        }
    }
    match (there.as_slice(), not.as_slice()) {
        ([], []) => None,
        ([], not) => Some(format!("Neither do {}.", not.join(" and "))),
        (there, _) => Some(format!("{}.", there.join("; "))),
    }
}

/// The offered ids that are most similar. There can be several, because the same model may be offered in several
/// geographies.
fn nearest<'o>(model: &ModelId, offered: &'o [ModelId]) -> Vec<&'o ModelId> {
    let likeness = |id: &ModelId| strsim::normalized_damerau_levenshtein(id.base(), model.base());
    let mut alike: Vec<(f64, &ModelId)> = offered.iter().map(|id| (likeness(id), id)).collect();
    alike.retain(|(likeness, _)| *likeness >= ALIKE);
    alike.sort_by(|(a, one), (b, two)| b.total_cmp(a).then_with(|| one.as_str().cmp(two.as_str())));
    let best = alike.first().map(|(likeness, _)| *likeness);
    alike
        .into_iter()
        .take_while(|(likeness, _)| Some(*likeness) == best)
        .map(|(_, id)| id)
        .take(MOST)
        .collect()
}

/// A suggestion from the grammar of ids, if Bedrock's list is not available.
fn by_grammar(model: &ModelId, region: &Region, cause: Cause) -> Option<String> {
    let here = format!("{}.{}", geography_of(region), model.base());
    match model.geography() {
        None if cause == Cause::InferenceProfileRequired => Some(format!(
            "Call most likely `{here}` from {region}, or `global.{}` if the model has a global profile.",
            model.base()
        )),
        Some(prefix) if prefix != "global" && !here.starts_with(prefix) => Some(format!(
            "Call most likely `{here}` instead: the prefix `{prefix}.` does not belong to {region}."
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(called: &str, offered: &[&str]) -> String {
        let offered: Vec<ModelId> = offered.iter().map(|id| ModelId::parse(id).unwrap()).collect();
        from_the_list(&ModelId::parse(called).unwrap(), &offered, &Region::parse("eu-west-3").unwrap())
    }

    const OFFERED: &[&str] = &[
        "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "eu.amazon.nova-lite-v1:0",
        "amazon.titan-embed-text-v2:0",
    ];

    #[test]
    fn the_same_model_under_another_id_comes_first() {
        let said_of = |called| said(called, OFFERED);
        assert_eq!(
            said_of("us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
            "Call `eu.anthropic.claude-sonnet-4-5-20250929-v1:0` or `global.anthropic.claude-sonnet-4-5-20250929-v1:0` instead: eu-west-3 offers this model under these ids."
        );
        assert!(said_of("amazon.nova-lite-v1:0").starts_with("Call `eu.amazon.nova-lite-v1:0` instead"));
        assert!(said_of("amazon.titan-embed-text-v2:0").contains("lists `amazon.titan-embed-text-v2:0`"));
    }

    #[test]
    fn a_misspelt_id_is_answered_with_the_nearest_and_another_with_none() {
        let misspelt = said("eu.anthropic.claude-sonet-4-5-20250929-v1:0", OFFERED);
        assert!(
            misspelt.contains("The nearest that it offers: `eu.anthropic.claude-sonnet-4-5"),
            "{misspelt}"
        );
        let far = said("meta.llama3-3-70b-instruct-v1:0", OFFERED);
        assert!(far.ends_with("none whose id is near it."), "{far}");
        assert!(said("amazon.nova-lite-v1:0", &[]).ends_with("none whose id is near it."));
    }
}
