//! The models of a life, the quotas that their calls count against, and how much a full minute uses.

use std::collections::BTreeMap;
use std::sync::Mutex;

use fastrand::Rng;
use jiff::Timestamp;

use crate::diagnosis::Cause;
use crate::ids::{QuotaCode, Region};
use crate::model::ModelId;
use crate::sandbox::{LastMinutes, QuotaEntry, UsageEntry, WorldFile};
use crate::simulation::problem::REGIONS;
use crate::usage::{Endpoint, Minute};

/// What a quota counts per minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Unit {
    /// Input and output together.
    Tokens,
    Requests,
    /// Input tokens, on the bedrock-mantle endpoint.
    Input,
    /// Output tokens, on the bedrock-mantle endpoint.
    Output,
}

impl Unit {
    pub(super) fn of(self, minute: &Minute) -> f64 {
        match self {
            Self::Requests => minute.invocations,
            Self::Tokens => minute.quota_tokens.unwrap_or_default(),
            Self::Input => minute.input_tokens,
            Self::Output => minute.output_tokens,
        }
    }
}

/// A model on one endpoint, and the quotas that AWS counts its calls there against.
#[derive(Debug)]
pub(super) struct TrueModel {
    pub(super) id: &'static str,
    pub(super) endpoint: Endpoint,
    quotas: &'static [(Unit, &'static str)],
    /// The names and defaults of the quotas, as an account lists them that has the model on both endpoints. Empty if
    /// the built-in catalogue says enough.
    listed: &'static [(&'static str, f64)],
}

/// Models of every kind, with AWS's quota codes: with a quota shared across geographies, global, on demand without an
/// adjustable quota, and one that no catalogue has.
static MODELS: [TrueModel; 8] = [
    TrueModel::of(
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        &[(Unit::Tokens, "L-F4DDD3EB"), (Unit::Requests, "L-4A6BFAB1")],
    ),
    TrueModel::of(
        "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
        &[(Unit::Tokens, "L-27C57EE8"), (Unit::Requests, "L-DB84CE56")],
    ),
    TrueModel::of("us.amazon.nova-pro-v1:0", &[(Unit::Tokens, "L-C0326783"), (Unit::Requests, "L-ED46B8C5")]),
    TrueModel::of(
        "us.anthropic.claude-haiku-4-5-20251001-v1:0",
        &[(Unit::Tokens, "L-58BE175A"), (Unit::Requests, "L-CCA5DF70")],
    ),
    TrueModel::of(
        "us.meta.llama3-3-70b-instruct-v1:0",
        &[(Unit::Tokens, "L-0E7AA8B7"), (Unit::Requests, "L-DEDE703C")],
    ),
    TrueModel::of(
        "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
        &[(Unit::Tokens, "L-F4DDD3EB"), (Unit::Requests, "L-4A6BFAB1")],
    ),
    TrueModel::of("amazon.nova-lite-v1:0", &[(Unit::Tokens, "L-70423BF8"), (Unit::Requests, "L-E386A278")]),
    TrueModel::of("us.example.model-of-tomorrow-v1:0", &[]),
];
/// How many of [`MODELS`], from the first, have quotas that can be increased.
const RAISED: usize = 5;

/// Models on the bedrock-mantle endpoint.
static ON_MANTLE: [TrueModel; 3] = [
    TrueModel {
        id: LUNA,
        endpoint: Endpoint::Mantle,
        quotas: &[(Unit::Input, "L-31615887"), (Unit::Output, "L-D44E1D4E")],
        listed: &[
            ("[bedrock-mantle endpoint] Input tokens per minute for GPT-5.6 Luna", 1_000_000.0),
            ("[bedrock-mantle endpoint] Output tokens per minute for GPT-5.6 Luna", 200_000.0),
        ],
    },
    TrueModel {
        id: "openai.gpt-5.6-sol",
        endpoint: Endpoint::Mantle,
        quotas: &[(Unit::Input, "L-137DD3C2"), (Unit::Output, "L-C2E494BA")],
        listed: &[
            ("[bedrock-mantle endpoint] Input tokens per minute for GPT-5.6 Sol", 400_000.0),
            ("[bedrock-mantle endpoint] Output tokens per minute for GPT-5.6 Sol", 400_000.0),
        ],
    },
    TrueModel {
        id: "openai.gpt-5.6-terra",
        endpoint: Endpoint::Mantle,
        quotas: &[(Unit::Input, "L-87594EB7"), (Unit::Output, "L-574688BD")],
        listed: &[
            ("[bedrock-mantle endpoint] Input tokens per minute for GPT-5.6 Terra", 500_000.0),
            ("[bedrock-mantle endpoint] Output tokens per minute for GPT-5.6 Terra", 700_000.0),
        ],
    },
];
const LUNA: &str = "openai.gpt-5.6-luna";

/// The first of [`ON_MANTLE`] on the runtime endpoint. The codes are invented.
static BOTH: TrueModel = TrueModel {
    id: LUNA,
    endpoint: Endpoint::Runtime,
    quotas: &[(Unit::Tokens, "L-00005601"), (Unit::Requests, "L-00005602")],
    listed: &[
        ("On-demand model inference tokens per minute for GPT-5.6 Luna", 800_000.0),
        ("On-demand model inference requests per minute for GPT-5.6 Luna", 600.0),
    ],
};

/// Up to four random models on the runtime endpoint.
pub(super) fn any(rng: &mut Rng) -> Vec<&'static TrueModel> {
    (0..rng.usize(1..=4)).filter_map(|_| MODELS.get(rng.usize(0..MODELS.len()))).collect()
}

/// Two models on the runtime endpoint whose quotas can be increased.
pub(super) fn raised(rng: &mut Rng) -> Vec<&'static TrueModel> {
    (0..RAISED).cycle().skip(rng.usize(0..RAISED)).take(2).filter_map(|n| MODELS.get(n)).collect()
}

/// Two models on the bedrock-mantle endpoint, and the model that both endpoints have on the other one.
pub(super) fn on_mantle(rng: &mut Rng) -> Vec<&'static TrueModel> {
    let two = ON_MANTLE.iter().cycle().skip(rng.usize(0..ON_MANTLE.len())).take(2);
    two.chain([&BOTH]).collect()
}

impl TrueModel {
    const fn of(id: &'static str, quotas: &'static [(Unit, &'static str)]) -> Self {
        Self { id, endpoint: Endpoint::Runtime, quotas, listed: &[] }
    }

    /// The quota that counts `unit`; `None` if there is none.
    pub(super) fn code(&self, unit: Unit) -> Option<QuotaCode> {
        let (_, code) = self.quotas.iter().find(|(counted, _)| *counted == unit)?;
        QuotaCode::parse(code)
    }

    /// What the quota `code` counts of its calls; `None` if nothing.
    pub(super) fn unit(&self, code: &QuotaCode) -> Option<Unit> {
        self.quotas.iter().find(|(_, known)| *known == code.as_str()).map(|(unit, _)| *unit)
    }

    pub(super) fn is_on_mantle(&self) -> bool {
        self.endpoint == Endpoint::Mantle
    }

    /// Whether AWS takes requests for its quotas.
    pub(super) fn is_raised(&self) -> bool {
        self.id.starts_with("us.") || self.id.starts_with("global.") || !self.listed.is_empty()
    }

    /// What is full of its quotas if `full` is meant. Each endpoint counts other tokens.
    pub(super) fn full(&self, full: Unit) -> Unit {
        match (self.endpoint, full) {
            (Endpoint::Runtime, Unit::Input | Unit::Output) => Unit::Tokens,
            (Endpoint::Mantle, Unit::Tokens) => Unit::Input,
            (Endpoint::Mantle, Unit::Requests) => Unit::Output,
            (_, full) => full,
        }
    }

    /// `minute` as CloudWatch shows it: the bedrock-mantle endpoint counts throttles among the client errors.
    pub(super) fn shown(&self, minute: Minute) -> Minute {
        if self.is_on_mantle() {
            Minute { throttles: 0.0, client_errors: minute.throttles, ..minute }
        } else {
            minute
        }
    }

    /// The use that fills its quota of `full`, and the quotas that its calls count against. It is the same in every
    /// Region, and computed once. `None` if the id is not a model's.
    pub(super) fn in_use(&'static self, full: Unit) -> Option<(UsageEntry, Vec<QuotaEntry>)> {
        type Known = BTreeMap<(&'static str, Unit), (UsageEntry, Vec<QuotaEntry>)>;
        static KNOWN: Mutex<Known> = Mutex::new(BTreeMap::new());
        let region = Region::parse(REGIONS.first()?)?;
        if !self.listed.is_empty() {
            return Some(self.as_listed(full, region));
        }
        let mut known = KNOWN.lock().ok()?;
        if let Some(found) = known.get(&(self.id, full)) {
            return Some(found.clone());
        }
        let cause = if full == Unit::Requests { Cause::RequestsPerMinute } else { Cause::TokensPerMinute };
        let mut world = WorldFile::default();
        world.use_up(&region, &ModelId::parse(self.id)?, cause, Timestamp::UNIX_EPOCH);
        let found = (world.usage.pop()?, world.quotas);
        known.insert((self.id, full), found.clone());
        Some(found)
    }

    /// The same for a model whose quotas are listed.
    fn as_listed(&self, full: Unit, region: Region) -> (UsageEntry, Vec<QuotaEntry>) {
        let of = |unit: Unit| {
            let share = if unit == full { NEAR } else { FAR };
            let default = self.quotas.iter().zip(self.listed).find(|((counted, _), _)| *counted == unit);
            default.map(|(_, (_, default))| (default * share).floor())
        };
        let calls = of(Unit::Requests).unwrap_or(CALLS);
        let tokens = of(Unit::Tokens);
        let each = Minute {
            invocations: calls,
            throttles: (calls * THROTTLED).ceil(),
            input_tokens: of(Unit::Input).or(tokens).unwrap_or_default(),
            output_tokens: of(Unit::Output).unwrap_or_default(),
            quota_tokens: tokens,
            ..Minute::NONE
        };
        let usage = UsageEntry {
            region,
            model_id: self.id.to_owned(),
            of_mantle: self.is_on_mantle(),
            first_use: None,
            last: Some(LastMinutes { minutes: 120, each }),
            days: None,
            series: Vec::new(),
        };
        let quotas = self.quotas.iter().zip(self.listed).filter_map(|((_, code), (name, default))| {
            Some(QuotaEntry {
                region: None,
                code: QuotaCode::parse(code)?,
                name: Some((*name).to_owned()),
                applied: None,
                default: Some(*default),
                adjustable: None,
            })
        });
        (usage, quotas.collect())
    }
}

/// The share of a quota in use: of the one that is full, and of the other.
const NEAR: f64 = 0.95;
const FAR: f64 = 0.3;
/// Throttled calls as a share of admitted calls.
const THROTTLED: f64 = 0.2;
/// Calls in a minute of a model without a quota of requests.
const CALLS: f64 = 300.0;
