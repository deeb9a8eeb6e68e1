//! The identity of a quota: a service of Service Quotas, and a code of that service.
//!
//! Invariant: A code never loses its service, so a call about it goes to that service.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::wire_enum::wire_enum;

wire_enum! {
    /// A service code of Service Quotas whose quotas this program handles.
    /// See <https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_ListServices.html>.
    pub enum QuotaService {
        /// Amazon Bedrock, with both inference endpoints.
        Bedrock = "bedrock",
        /// Amazon Bedrock `AgentCore`.
        AgentCore = "bedrock-agentcore",
    }
}

/// A quota's service and code; the same in every account and Region.
///
/// A code alone, such as `L-E3F10727`, is Bedrock's. Any other is written as at the end of a quota's ARN:
/// `bedrock-agentcore/L-EC8EB7A6`.
/// See <https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_ServiceQuota.html>.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QuotaCode {
    service: QuotaService,
    /// As it is written, with the service unless that is Bedrock.
    text: String,
}

impl QuotaCode {
    /// `None` unless `text` is `L-` and eight upper-case hexadecimal digits, with or without a known service and a slash
    /// before it.
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once('/') {
            Some((service, code)) => Self::of(QuotaService::parse(service)?, code),
            None => Self::of(QuotaService::Bedrock, text),
        }
    }

    /// The quota of `service` with this `code`; `None` unless `code` is `L-` and eight upper-case hexadecimal digits.
    pub fn of(service: QuotaService, code: &str) -> Option<Self> {
        let digits = code.strip_prefix("L-")?;
        let is_code =
            digits.len() == 8 && digits.bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b));
        let text = match service {
            QuotaService::Bedrock => code.to_owned(),
            QuotaService::AgentCore => format!("{service}/{code}"),
        };
        is_code.then_some(Self { service, text })
    }

    /// The service whose quota it is.
    pub fn service(&self) -> QuotaService {
        self.service
    }

    /// The code alone, as Service Quotas takes it beside the service.
    pub fn code(&self) -> &str {
        self.text.rsplit_once('/').map_or(&self.text, |(_, code)| code)
    }

    /// The text that [`QuotaCode::parse`] reads.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for QuotaCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for QuotaCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for QuotaCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'_, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom(format!("`{text}` is not a quota code")))
    }
}

impl JsonSchema for QuotaCode {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("QuotaCode")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "description": "A quota's code, with `<service>/` before it unless the service is `bedrock`.",
            "type": "string",
            "pattern": "^([a-z-]+/)?L-[0-9A-F]{8}$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_alone_is_bedrocks_and_keeps_its_old_spelling() {
        let code = QuotaCode::parse("L-E3F10727").unwrap();
        assert_eq!((code.service(), code.code()), (QuotaService::Bedrock, "L-E3F10727"));
        assert_eq!(code.to_string(), "L-E3F10727");
        assert_eq!(QuotaCode::parse("bedrock/L-E3F10727"), Some(code));
    }

    #[test]
    fn the_same_code_of_two_services_is_two_quotas() {
        let code = QuotaCode::parse("bedrock-agentcore/L-E3F10727").unwrap();
        assert_eq!((code.service(), code.code()), (QuotaService::AgentCore, "L-E3F10727"));
        assert_eq!(code.to_string(), "bedrock-agentcore/L-E3F10727");
        assert_ne!(Some(code), QuotaCode::parse("L-E3F10727"));
    }

    #[test]
    fn what_has_another_shape_or_service_is_no_code() {
        for bad in
            ["L-e3f10727", "E3F10727", "ec2/L-E3F10727", "/L-E3F10727", "bedrock/bedrock/L-E3F10727", ""]
        {
            assert_eq!(QuotaCode::parse(bad), None, "{bad}");
            assert!(serde_json::from_value::<QuotaCode>(bad.into()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_code_reads_back_from_json() {
        for text in ["L-E3F10727", "bedrock-agentcore/L-E3F10727"] {
            let code = QuotaCode::parse(text).unwrap();
            let json = serde_json::to_value(&code).unwrap();
            assert_eq!((&json, serde_json::from_value(json.clone()).ok()), (&text.into(), Some(code)));
        }
    }
}
