//! AWS's identifiers for accounts, Regions, quotas and ARNs, each as a type of its own.
//!
//! Invariant: Only text of the right shape becomes an identifier. Anything else parses to `None`, never to an empty or
//! invented one.

mod quota_code;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};
use sha2::{Digest, Sha256};

pub use crate::ids::quota_code::{QuotaCode, QuotaService};

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
        )]
        #[serde(transparent)]
        pub struct $type(String);

        impl $type {
            /// The text as AWS writes it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// An AWS account id of digits: twelve today, ten in some older records.
    AccountId
}

name! {
    /// A Region code such as `eu-central-1` or `us-gov-west-1`.
    Region
}

impl AccountId {
    /// `None` unless `text` is 10 to 12 digits. Masked accounts (`************`) and placeholders in AWS's own samples
    /// are rejected.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = (10..=12).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| Self(text.to_owned()))
    }
}

impl Region {
    /// `None` unless `text` has the shape of a Region code: two to four words and a number, joined by hyphens. SNS
    /// alarm messages carry Region *display names*, which are not codes.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.rsplit('-');
        let number = parts.next()?;
        let words: Vec<&str> = parts.collect();
        let word = |w: &str| (2..=12).contains(&w.len()) && w.bytes().all(|b| b.is_ascii_lowercase());
        let is_region = (1..=2).contains(&number.len())
            && number.bytes().all(|b| b.is_ascii_digit())
            && (2..=4).contains(&words.len())
            && words.iter().all(|w| word(w));
        is_region.then(|| Self(text.to_owned()))
    }

    /// The partition whose ARNs this Region uses: `aws`, `aws-us-gov`, `aws-cn` or an isolated one.
    pub fn partition(&self) -> &'static str {
        const STARTS: &[(&str, &str)] = &[
            ("us-gov-", "aws-us-gov"),
            ("cn-", "aws-cn"),
            ("us-isob-", "aws-iso-b"),
            ("us-iso-", "aws-iso"),
            ("eusc-", "aws-eusc"),
        ];
        STARTS.iter().find(|(start, _)| self.0.starts_with(start)).map_or("aws", |(_, partition)| partition)
    }

    /// The URL of the global console page `page` in this Region's partition, such as `support/home#/case/create`.
    pub fn console(&self, page: &str) -> String {
        format!("https://{}/{page}", console_host(self.partition()))
    }

    /// The URL of this Region's own console page `page`.
    pub fn regional_console(&self, page: &str) -> String {
        format!("https://{self}.{}/{page}", console_host(self.partition()))
    }
}

/// The console host of a partition; the host of `aws` for an unknown one. AWS documents the Regions of `aws`
/// (<https://docs.aws.amazon.com/general/latest/gr/mgmt-console.html>), and links to the other two in the same form, as
/// in <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/retrieve-ecs-optimized_AMI.html>.
pub(crate) fn console_host(partition: &str) -> &'static str {
    const HOSTS: &[(&str, &str)] =
        &[("aws-us-gov", "console.amazonaws-us-gov.com"), ("aws-cn", "console.amazonaws.cn")];
    HOSTS.iter().find(|(of, _)| *of == partition).map_or("console.aws.amazon.com", |(_, host)| host)
}

/// The first 16 hex digits of the SHA-256 of `text`.
pub(crate) fn short_hash(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    let first = digest.iter().take(8).fold(0u64, |number, byte| (number << 8) | u64::from(*byte));
    format!("{first:016x}")
}

/// An account and a Region. Bedrock's quotas and access are per account and Region, so every call to AWS names both.
/// For cross-Region inference the Region is the *source* Region, where the call was made.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct AccountRegion {
    /// The account whose call failed and whose quotas count.
    pub account: AccountId,
    /// The source Region.
    pub region: Region,
}

/// The parts of an ARN: `arn:partition:service:region:account:resource`. The partition is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arn<'a> {
    /// Such as `bedrock` or `iam`.
    pub service: &'a str,
    /// Empty for global services and for the Region-less ARNs of global cross-Region inference.
    pub region: &'a str,
    /// Empty for foundation models, which belong to no account.
    pub account: &'a str,
    /// The rest, such as `foundation-model/anthropic.claude-3-haiku-20240307-v1:0`.
    pub resource: &'a str,
}

impl<'a> Arn<'a> {
    /// `None` unless `text` has the six parts of an ARN. Blanks around the parts are ignored, because published event
    /// samples contain them.
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.trim().splitn(6, ':');
        if parts.next()? != "arn" {
            return None;
        }
        let _partition = parts.next()?;
        let mut next = || parts.next().map(str::trim);
        let (service, region, account) = (next()?, next()?, next()?);
        let resource = next().filter(|r| !r.is_empty())?;
        Some(Self { service, region, account, resource })
    }
}

/// The principal behind an ARN, without its session: the role's ARN without its path for a role or an assumed role, the
/// ARN itself for a user, a federated user or the root user. `None` if `arn` is not one of these principals.
pub fn caller_of(arn: &str) -> Option<String> {
    let parsed = Arn::parse(arn)?;
    let partition = arn.trim().split(':').nth(1)?;
    let (kind, rest) = parsed.resource.split_once('/').unwrap_or((parsed.resource, ""));
    // The characters that IAM allows in names; see
    // <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>.
    let is_name = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-/".contains(&b))
    };
    if !arn.trim().bytes().all(crate::ids::is_of_arn) {
        return None;
    }
    let role = match (parsed.service, kind) {
        ("sts", "assumed-role") => rest.split('/').next()?,
        ("iam", "role") => rest.rsplit('/').next()?,
        ("iam", "root") if rest.is_empty() => return Some(arn.trim().to_owned()),
        ("iam", "user") | ("sts", "federated-user") => {
            return is_name(rest).then(|| arn.trim().to_owned());
        }
        _ => return None,
    };
    if !is_name(role) {
        return None;
    }
    Some(format!("arn:{partition}:iam::{}:role/{role}", parsed.account))
}

/// Whether `caller`, as returned by [`caller_of`], is the account's root user.
pub fn is_root(caller: &str) -> bool {
    caller.ends_with(":root")
}

/// Whether `byte` may occur in an ARN. This includes the characters that IAM allows in names.
/// See <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>.
pub(crate) fn is_of_arn(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b":/-_.*+=,@".contains(&byte)
}

/// An incident's id: `inc-` and sixteen lower-case hex digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, JsonSchema)]
#[schemars(transparent)]
pub struct IncidentId(String);

impl IncidentId {
    /// `hash` is sixteen hexadecimal digits.
    pub(crate) fn from_hash(hash: &str) -> Self {
        Self(format!("inc-{hash}"))
    }

    /// The id as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `None` unless `text` is an incident id.
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.strip_prefix("inc-")?;
        let fits = hex.len() == 16 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        fits.then(|| Self(text.to_owned()))
    }
}

impl fmt::Display for IncidentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for IncidentId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_a_code_and_never_a_display_name() {
        for good in ["us-east-1", "ap-northeast-3", "us-gov-west-1", "mx-central-1", "eusc-de-east-1"] {
            assert!(Region::parse(good).is_some(), "{good}");
        }
        for bad in ["", "EU (Ireland)", "US East (N. Virginia)", "us-east", "EXAMPLE", "us-east-1a"] {
            assert!(Region::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_region_tells_its_partition() {
        let of = |region| Region::parse(region).unwrap().partition();
        assert_eq!((of("us-east-1"), of("us-gov-west-1"), of("cn-north-1")), ("aws", "aws-us-gov", "aws-cn"));
    }

    #[test]
    fn a_region_tells_where_its_console_is() {
        let links = |region| {
            let region = Region::parse(region).unwrap();
            (region.console("support/home"), region.regional_console("servicequotas/home"))
        };
        let both = |one: &str, two: &str| (one.to_owned(), two.to_owned());
        assert_eq!(
            links("eu-west-1"),
            both(
                "https://console.aws.amazon.com/support/home",
                "https://eu-west-1.console.aws.amazon.com/servicequotas/home"
            )
        );
        assert_eq!(
            links("us-gov-west-1"),
            both(
                "https://console.amazonaws-us-gov.com/support/home",
                "https://us-gov-west-1.console.amazonaws-us-gov.com/servicequotas/home"
            )
        );
        assert_eq!(
            links("cn-north-1"),
            both(
                "https://console.amazonaws.cn/support/home",
                "https://cn-north-1.console.amazonaws.cn/servicequotas/home"
            )
        );
    }

    #[test]
    fn masked_accounts_are_no_accounts() {
        assert!(AccountId::parse("111122223333").is_some());
        assert!(AccountId::parse("************").is_none());
        assert!(AccountId::parse("EXAMPLE").is_none());
    }

    #[test]
    fn an_arn_keeps_colons_in_its_resource() {
        let arn = Arn::parse("arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0").unwrap();
        assert_eq!((arn.region, arn.account), ("us-east-1", ""));
        assert_eq!(arn.resource, "foundation-model/amazon.nova-lite-v1:0");
        assert!(Arn::parse("arn:aws:bedrock").is_none());
    }

    #[test]
    fn a_caller_is_a_role_or_a_user_and_never_a_session() {
        let role = Some("arn:aws:iam::111122223333:role/app".to_owned());
        assert_eq!(caller_of("arn:aws:sts::111122223333:assumed-role/app/session-1"), role);
        assert_eq!(caller_of("arn:aws:iam::111122223333:role/service/app"), role);
        let user = "arn:aws:iam::111122223333:user/ann";
        assert_eq!(caller_of(user).as_deref(), Some(user));
        assert_eq!(caller_of("arn:aws:s3:::bucket"), None);
    }
}
