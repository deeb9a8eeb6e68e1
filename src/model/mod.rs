//! Model identifiers in all of Bedrock's forms, parsed.
//!
//! Invariant: The grammar of the identifier decides, never a list of known models, so that models newer than this code
//! are understood too.
//! See <https://docs.aws.amazon.com/bedrock/latest/userguide/models-supported.html>.

pub mod access;
pub mod lifecycle;

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ids::{Arn, Region};
use crate::text::is_domain;
use crate::wire_enum::wire_enum;

wire_enum! {
    /// What a model identifier refers to.
    pub enum ModelKind {
        /// A bare foundation-model id: on-demand inference in the source Region.
        Foundation = "foundation",
        /// A geographic cross-Region profile (`us.`, `eu.`, `us-gov.` …).
        Geographic = "geographic",
        /// The `global.` cross-Region profile.
        Global = "global",
        /// An application inference profile. Its id says nothing about the model;
        /// `GetInferenceProfile` does.
        ApplicationProfile = "application-profile",
        /// Provisioned throughput: purchased capacity, to which no on-demand quota applies.
        Provisioned = "provisioned",
        /// A fine-tuned or distilled model, or its deployment.
        Custom = "custom",
        /// A model imported by the account.
        Imported = "imported",
        /// A prompt router, which chooses the model itself.
        Router = "router",
    }
}

/// A model identifier as called: an ARN is reduced to its id, and the geography prefix is kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ModelId {
    text: String,
    kind: ModelKind,
    /// Length of the geography prefix including its dot; 0 without one.
    prefix: usize,
}

/// The longest identifier AWS uses, in bytes.
const LONGEST: usize = 256;

/// Known geographies. Others are recognised by their shape.
const GEOGRAPHIES: &[&str] =
    &["us", "eu", "apac", "jp", "au", "ca", "in", "us-gov", "global", "sa", "me", "af", "uk", "kr"];

/// Providers whose names are as short as a geography's. A first segment found here is never a geography.
const SHORT_PROVIDERS: &[&str] = &["ai21", "meta", "luma", "qwen", "xai", "zai"];

impl ModelId {
    /// Parses any form: a bare id, a geography prefix, profile and foundation-model ARNs with or without account and
    /// Region, a short application-profile id, and context and version suffixes. `None` if `text` is not a model
    /// identifier.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_prefix("bedrock/").unwrap_or(text);
        if let Some(arn) = Arn::parse(text) {
            return Self::from_arn(&arn);
        }
        if !is_plain(text) || text.contains('/') {
            return None;
        }
        if is_short_profile_id(text) {
            return Some(Self::plain(text, ModelKind::ApplicationProfile));
        }
        let (provider, name) = text.split_once('.')?;
        if provider.is_empty() || !name.bytes().any(|b| b.is_ascii_alphanumeric()) {
            return None;
        }
        let prefix = geography_len(text);
        let kind = match text.get(..prefix) {
            None | Some("") => ModelKind::Foundation,
            Some("global.") => ModelKind::Global,
            Some(_) => ModelKind::Geographic,
        };
        Some(Self { text: text.to_owned(), kind, prefix })
    }

    /// Parses the parts of a Bedrock ARN; see [`ModelId::parse`].
    pub fn from_arn(arn: &Arn<'_>) -> Option<Self> {
        if arn.service != "bedrock" && arn.service != "bedrock-mantle" {
            return None;
        }
        let (kind, id) = arn.resource.split_once('/').filter(|(_, id)| is_plain(id))?;
        let plain = |kind| Some(Self::plain(id, kind));
        match kind {
            "foundation-model" | "inference-profile" => Self::parse(id),
            "application-inference-profile" => plain(ModelKind::ApplicationProfile),
            "provisioned-model" | "provisioned-model-v2" => plain(ModelKind::Provisioned),
            "custom-model" | "custom-model-deployment" => plain(ModelKind::Custom),
            "imported-model" => plain(ModelKind::Imported),
            "prompt-router" | "default-prompt-router" => plain(ModelKind::Router),
            _ => None,
        }
    }

    /// An id of a known kind, as taken from an ARN. `None` if it cannot be of that kind.
    pub fn of_kind(kind: ModelKind, id: &str) -> Option<Self> {
        match kind {
            ModelKind::Foundation | ModelKind::Geographic | ModelKind::Global => {
                Self::parse(id).filter(|m| m.kind == kind)
            }
            _ => is_plain(id).then(|| Self::plain(id, kind)),
        }
    }

    fn plain(text: &str, kind: ModelKind) -> Self {
        Self { text: text.to_owned(), kind, prefix: 0 }
    }

    /// The id as called, without its ARN: `us.anthropic.claude-opus-5`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The kind of identifier.
    pub fn kind(&self) -> ModelKind {
        self.kind
    }

    /// The geography prefix without its dot; `None` for a bare id.
    pub fn geography(&self) -> Option<&str> {
        self.text.get(..self.prefix)?.strip_suffix('.')
    }

    /// The foundation-model id, without the geography. For kinds that name no foundation model, the id itself.
    pub fn base(&self) -> &str {
        self.text.get(self.prefix..).unwrap_or(&self.text)
    }

    /// Whether the id itself names a foundation model.
    pub fn names_a_model(&self) -> bool {
        matches!(self.kind, ModelKind::Foundation | ModelKind::Geographic | ModelKind::Global)
    }

    /// Whether calls go through one of AWS's cross-Region inference profiles.
    pub fn is_cross_region(&self) -> bool {
        matches!(self.kind, ModelKind::Geographic | ModelKind::Global)
    }

    /// The provider segment, such as `anthropic`; `None` for kinds that name no foundation model.
    pub fn provider(&self) -> Option<&str> {
        self.names_a_model().then(|| self.base().split('.').next()).flatten()
    }

    /// The base id without context suffix, release date and first version: `anthropic.claude-sonnet-4-5` for
    /// `us.anthropic.claude-sonnet-4-5-20250929-v1:0:200k`. Later versions stay, because they are other models.
    pub fn stem(&self) -> String {
        let base = self.base();
        let (stem, minor) = base.split_once(':').map_or((base, false), |(stem, _)| (stem, true));
        let mut words: Vec<&str> = stem.split('-').filter(|w| !is_date(w)).collect();
        let is_number = |w: &&&str| w.trim_start_matches('v').bytes().all(|b| b.is_ascii_digit());
        match words.as_slice() {
            [_, .., "v0" | "v1"] => drop(words.pop()),
            // In `gpt-oss-120b-1:0` the digit is a version; in `rerank-v3-5:0` it belongs to the name.
            [.., before, "0" | "1"] if minor && !is_number(&before) => drop(words.pop()),
            _ => {}
        }
        words.join("-")
    }

    /// The model behind an application inference profile in `source`, from the model ARNs that `GetInferenceProfile`
    /// lists. One Region means on-demand inference, several Regions a geographic profile, and an ARN without a Region
    /// the global profile. `None` if the ARNs are not of one model.
    /// See <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_GetInferenceProfile.html>.
    pub fn behind_profile<S: AsRef<str>>(arns: &[S], source: &Region) -> Option<Self> {
        let models: Vec<Self> = arns.iter().filter_map(|a| Self::parse(a.as_ref())).collect();
        let first = models.first()?;
        if models.iter().any(|m| m.base() != first.base()) {
            return None;
        }
        if let Some(profile) = models.iter().find(|m| m.is_cross_region()) {
            return Some(profile.clone());
        }
        let mut regions: Vec<&str> =
            arns.iter().filter_map(|a| Arn::parse(a.as_ref())).map(|a| a.region).collect();
        regions.sort_unstable();
        regions.dedup();
        match regions.as_slice() {
            ["", ..] => Self::parse(&format!("global.{}", first.base())),
            [_, _, ..] => Self::parse(&format!("{}.{}", geography_of(source), first.base())),
            _ => Some(first.clone()),
        }
    }

    /// Every id whose calls count against the same quotas as this one's. For a geographic profile these are the model's
    /// profiles in all geographies, otherwise only this id.
    pub fn sharing_a_quota(&self) -> Vec<Self> {
        if self.kind != ModelKind::Geographic {
            return vec![self.clone()];
        }
        let others = GEOGRAPHIES.iter().filter(|g| **g != "global" && Some(**g) != self.geography());
        let named = others.filter_map(|g| Self::parse(&format!("{g}.{}", self.base())));
        std::iter::once(self.clone()).chain(named).collect()
    }

    /// The ids under which the same model may be called from `source`, widest reach first. The Region may not offer all
    /// of them.
    pub fn routes_from(&self, source: &Region) -> Vec<Self> {
        let profiles =
            std::iter::once("global").chain(GEOGRAPHIES.iter().copied().filter(|g| *g != "global"));
        let profiles = profiles.filter_map(|g| Self::parse(&format!("{g}.{}", self.base())));
        let routes = profiles.chain(Self::parse(self.base()));
        routes.filter(|id| id.may_be_called_from(source)).collect()
    }

    /// Whether a call from `source` can use this id. AWS offers geographic profiles in the Regions of their part of the
    /// world. For a Region in an unknown part, every id is accepted.
    /// See <https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html>.
    pub fn may_be_called_from(&self, source: &Region) -> bool {
        let (Some(geography), Some(offered)) = (self.geography(), geographies_of(source)) else {
            return true;
        };
        geography == "global" || offered.contains(&geography)
    }

    /// The ARNs that IAM checks for a call of this identifier from `region` in `account`. For a profile: the profile
    /// itself *and* the foundation model in every Region it may route to; for `global.` also the Region-less ARN.
    /// `None` for kinds whose ARN does not follow from the id.
    pub fn arns(&self, region: &Region, account: &str) -> Option<Vec<String>> {
        let partition = region.partition();
        let model =
            |place: &str| format!("arn:{partition}:bedrock:{place}::foundation-model/{}", self.base());
        let profile = format!("arn:{partition}:bedrock:{region}:{account}:inference-profile/{}", self.text);
        match self.kind {
            ModelKind::Foundation => Some(vec![model(region.as_str())]),
            ModelKind::Geographic => Some(vec![profile, model("*")]),
            ModelKind::Global => Some(vec![profile, model(region.as_str()), model("")]),
            _ => None,
        }
    }
}

/// The prefixes of the profiles offered in this Region's part of the world. The first is offered in all its Regions.
/// `None` for an unknown part.
fn geographies_of(region: &Region) -> Option<&'static [&'static str]> {
    const OFFERED: &[(&str, &[&str])] = &[
        ("us-gov-", &["us-gov"]),
        ("us-", &["us"]),
        ("ca-", &["ca", "us"]),
        ("eu-", &["eu", "uk"]),
        ("ap-", &["apac", "au", "in", "jp", "kr"]),
    ];
    OFFERED.iter().find(|(start, _)| region.as_str().starts_with(start)).map(|(_, offered)| *offered)
}

/// The prefix of the profiles that every Region in this part of the world offers; `us` for an unknown part.
pub(crate) fn geography_of(region: &Region) -> &'static str {
    geographies_of(region).and_then(<[_]>::first).map_or("us", |geography| geography)
}

/// Whether `id` is at most [`LONGEST`] bytes, has only an identifier's characters, and is nothing that mail programs
/// make a link of.
fn is_plain(id: &str) -> bool {
    id.len() <= LONGEST
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b".:-_/".contains(&b))
        && !is_domain(id)
}

/// `20240620`: a release date inside an id.
pub(crate) fn is_date(word: &str) -> bool {
    word.len() == 8 && word.starts_with("20") && word.bytes().all(|b| b.is_ascii_digit())
}

/// Whether `text` is twelve lower-case letters and digits. CloudWatch's `ModelId` dimension names an application
/// profile this way.
fn is_short_profile_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

fn geography_len(text: &str) -> usize {
    let mut segments = text.split('.');
    let (Some(first), Some(second), Some(_third)) = (segments.next(), segments.next(), segments.next())
    else {
        return 0;
    };
    let provider_like = second.len() > 1
        && second.bytes().all(|b| b.is_ascii_alphanumeric())
        && !starts_like_a_version(second);
    let stem = first.strip_suffix("-gov").unwrap_or(first);
    let short = (2..=4).contains(&stem.len()) && stem.bytes().all(|b| b.is_ascii_lowercase());
    let geography =
        GEOGRAPHIES.contains(&first) || (short && provider_like && !SHORT_PROVIDERS.contains(&first));
    if geography && provider_like { first.len() + 1 } else { 0 }
}

/// In `deepseek.v3.2`, `v3` is a version, not a provider.
fn starts_like_a_version(segment: &str) -> bool {
    segment.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

impl fmt::Display for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl JsonSchema for ModelId {
    fn schema_name() -> Cow<'static, str> {
        "ModelId".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        String::json_schema(generator)
    }
}

impl Serialize for ModelId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for ModelId {
    /// Parses the id alone, so a custom or provisioned model keeps only its text.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let id = Self::parse(&text).or_else(|| Self::of_kind(ModelKind::Custom, &text));
        id.ok_or_else(|| serde::de::Error::custom(format!("`{text}` is no model id")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> ModelId {
        ModelId::parse(text).unwrap()
    }

    #[test]
    fn a_geographic_profile_is_called_from_its_own_part_of_the_world() {
        let callable = |region: &str| {
            let region = Region::parse(region).unwrap();
            let all = id("us.amazon.nova-pro-v1:0").sharing_a_quota().into_iter();
            let callable = all.filter(|m| m.may_be_called_from(&region));
            callable.map(|m| m.geography().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(callable("us-east-1"), "us");
        assert_eq!(callable("us-gov-west-1"), "us-gov");
        assert_eq!(callable("ca-central-1"), "us ca");
        assert_eq!(callable("ap-northeast-1"), "apac jp au in kr");
        // It is unknown what this Region offers.
        assert_eq!(callable("xx-north-1").split(' ').count(), 13);
        let region = Region::parse("us-east-1").unwrap();
        for anywhere in ["global.amazon.nova-pro-v1:0", "amazon.nova-pro-v1:0", "a1b2c3d4e5f6"] {
            assert!(id(anywhere).may_be_called_from(&region), "{anywhere}");
        }
    }

    #[test]
    fn every_form_of_an_identifier_is_understood() {
        let forms = [
            ("amazon.nova-lite-v1:0", ModelKind::Foundation, "amazon.nova-lite-v1:0"),
            ("us.amazon.nova-lite-v1:0", ModelKind::Geographic, "amazon.nova-lite-v1:0"),
            ("us-gov.xai.grok-4.6", ModelKind::Geographic, "xai.grok-4.6"),
            ("mx.openai.gpt-6.1-sol", ModelKind::Geographic, "openai.gpt-6.1-sol"),
            ("global.anthropic.claude-opus-5", ModelKind::Global, "anthropic.claude-opus-5"),
            ("openai.gpt-5.6-luna", ModelKind::Foundation, "openai.gpt-5.6-luna"),
            ("deepseek.v3.2", ModelKind::Foundation, "deepseek.v3.2"),
            ("us.deepseek.v3.2", ModelKind::Geographic, "deepseek.v3.2"),
            ("zai.glm-4.7", ModelKind::Foundation, "zai.glm-4.7"),
            (
                "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0",
                ModelKind::Foundation,
                "amazon.nova-lite-v1:0",
            ),
            (
                "arn:aws:bedrock:::foundation-model/amazon.nova-lite-v1:0",
                ModelKind::Foundation,
                "amazon.nova-lite-v1:0",
            ),
            (
                "arn:aws:bedrock:eu-west-1::inference-profile/eu.amazon.nova-pro-v1:0",
                ModelKind::Geographic,
                "amazon.nova-pro-v1:0",
            ),
            (
                "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abcdefghijkl",
                ModelKind::ApplicationProfile,
                "abcdefghijkl",
            ),
            ("a1b2c3d4e5f6", ModelKind::ApplicationProfile, "a1b2c3d4e5f6"),
            ("arn:aws:bedrock:us-east-1:111122223333:provisioned-model/abc", ModelKind::Provisioned, "abc"),
            ("arn:aws:bedrock:us-east-1:111122223333:imported-model/abc", ModelKind::Imported, "abc"),
        ];
        for (text, kind, base) in forms {
            assert_eq!((id(text).kind(), id(text).base()), (kind, base), "{text}");
        }
    }

    #[test]
    fn text_that_is_no_identifier_is_refused() {
        for text in ["", "claude", "hello world.txt ok", "arn:aws:s3:::bucket/key", ".", "a."] {
            assert!(ModelId::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn the_stem_drops_date_context_length_and_first_version() {
        let stems = [
            ("us.anthropic.claude-sonnet-4-5-20250929-v1:0:200k", "anthropic.claude-sonnet-4-5"),
            ("anthropic.claude-3-5-sonnet-20241022-v2:0", "anthropic.claude-3-5-sonnet-v2"),
            ("anthropic.claude-opus-4-6-v1", "anthropic.claude-opus-4-6"),
            ("anthropic.claude-opus-5", "anthropic.claude-opus-5"),
            ("openai.gpt-oss-120b-1:0", "openai.gpt-oss-120b"),
            ("cohere.rerank-v3-5:0", "cohere.rerank-v3-5"),
            ("twelvelabs.marengo-embed-3-0-v1:0", "twelvelabs.marengo-embed-3-0"),
        ];
        for (text, stem) in stems {
            assert_eq!(id(text).stem(), stem, "{text}");
        }
    }

    #[test]
    fn an_application_profile_is_what_its_models_arns_say() {
        let region = Region::parse("us-east-1").unwrap();
        let arn = |r: &str| format!("arn:aws:bedrock:{r}::foundation-model/amazon.nova-lite-v1:0");
        let behind = |arns: &[String]| ModelId::behind_profile(arns, &region).map(|m| m.to_string());
        assert_eq!(behind(&[arn("us-east-1")]).as_deref(), Some("amazon.nova-lite-v1:0"));
        assert_eq!(
            behind(&[arn("us-east-1"), arn("us-west-2")]).as_deref(),
            Some("us.amazon.nova-lite-v1:0")
        );
        assert_eq!(behind(&[arn("us-east-1"), arn("")]).as_deref(), Some("global.amazon.nova-lite-v1:0"));
        let other = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0".to_owned();
        assert_eq!(behind(&[arn("us-east-1"), other]), None);
        assert_eq!(behind(&[]), None);
    }

    #[test]
    fn a_global_profile_needs_three_arns() {
        let region = Region::parse("eu-west-1").unwrap();
        let arns = id("global.amazon.nova-2-lite-v1:0").arns(&region, "111122223333").unwrap();
        assert_eq!(
            arns,
            [
                "arn:aws:bedrock:eu-west-1:111122223333:inference-profile/global.amazon.nova-2-lite-v1:0",
                "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-2-lite-v1:0",
                "arn:aws:bedrock:::foundation-model/amazon.nova-2-lite-v1:0",
            ]
        );
    }
}
