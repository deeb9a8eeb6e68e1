//! The world file: a small account in JSON.
//!
//! Invariant: all parts are optional, and a key nobody knows is an error, so that a misspelt one is not
//! silently ignored.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{BadConfig, Config, Mode};
use crate::identity::FunctionIdentity;
use crate::ids::{AccountId, QuotaCode, Region};
use crate::installation::RuleState;
use crate::model::access::Availability;
use crate::model::lifecycle::Lifecycle;
use crate::permission::{PolicyLayer, PolicyVerdict};
use crate::quota::request::RequestStatus;
use crate::sandbox::PortCall;
use crate::usage::Minute;

/// An account and what AWS would answer in it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "World file of bedrock-remediator")]
pub struct WorldFile {
    /// What the clock shows; without it, shortly after the event.
    #[schemars(with = "Option<String>")]
    pub now: Option<Timestamp>,
    /// The account the function runs in, for events that name none.
    pub account: Option<AccountId>,
    /// The Region the function runs in, which its daily watch is about.
    pub region: Option<Region>,
    /// `request` or `observe`.
    pub mode: ModeWord,
    /// Guard rails that differ from their defaults, by the name of their variable.
    pub config: BTreeMap<String, String>,
    /// Quotas whose values differ from the built-in catalogue's, or that it lacks.
    pub quotas: Vec<QuotaEntry>,
    /// Increase requests of the last 90 days.
    pub requests: Vec<RequestEntry>,
    /// What CloudWatch measured.
    pub usage: Vec<UsageEntry>,
    /// Calls that succeeded, as CloudTrail shows them.
    pub calls: Vec<CallEntry>,
    /// Errors behind alarms, as CloudTrail or logs would show them.
    pub errors: Vec<ErrorEntry>,
    /// Alarms as CloudWatch describes them, all of them in ALARM.
    pub alarms: Vec<AlarmEntry>,
    /// The log groups that model invocations are written to; a Region without an entry logs none.
    pub logging: Vec<LoggingEntry>,
    /// Bedrock's word on models; a model without an entry is active and available.
    pub availability: Vec<ModelEntry>,
    /// The ids that can be called; a Region without an entry does not say.
    pub offered: Vec<OfferedEntry>,
    /// Application inference profiles.
    pub profiles: Vec<ProfileEntry>,
    /// IAM's verdicts; of a caller without any entry IAM knows nothing, and what none of its entries fits is
    /// undetermined.
    pub policies: Vec<PolicyEntry>,
    /// Incidents that the ledger already holds.
    pub incidents: Vec<IncidentEntry>,
    /// CloudTrail's trails.
    pub trails: Vec<TrailEntry>,
    /// EventBridge's rules.
    pub rules: Vec<RuleEntry>,
    /// The alarms of the function's own stack, and whether their actions are on.
    pub own_alarms: BTreeMap<String, bool>,
    /// How many have confirmed that they want to be told; one without it.
    pub subscribers: Option<u32>,
    /// Who listens to a topic, by its ARN; of one without an entry `subscribers` tells.
    pub topics: BTreeMap<String, TopicEntry>,
    /// What fails.
    pub faults: Vec<Fault>,
    /// What the ledger already holds of quotas.
    pub ledger: Vec<LedgerEntry>,
}

/// `MODE`, as the world file spells it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum ModeWord {
    #[default]
    Request,
    Observe,
}

/// One quota in one Region.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuotaEntry {
    /// The Region; every Region without it.
    pub region: Option<Region>,
    /// The quota's code.
    pub code: QuotaCode,
    /// Its name; needed only for a quota that the catalogue lacks.
    pub name: Option<String>,
    /// The applied value; without it the account has none of its own and the default holds.
    pub applied: Option<f64>,
    /// AWS's default; without it the catalogue's.
    pub default: Option<f64>,
    /// Whether Service Quotas takes requests; without it what the catalogue says.
    pub adjustable: Option<bool>,
}

/// One increase request.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestEntry {
    /// The Region.
    pub region: Region,
    /// The quota's code.
    pub code: QuotaCode,
    /// The value asked for.
    pub desired: f64,
    /// Where it stands.
    pub status: RequestStatus,
    /// When it was filed.
    #[schemars(with = "String")]
    pub created: Timestamp,
    /// The support case, if there is one.
    pub case_id: Option<String>,
}

/// What CloudWatch measured of one `ModelId`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UsageEntry {
    /// The Region.
    pub region: Region,
    /// The id as CloudWatch shows it: base id, profile id, or short application-profile id.
    pub model_id: String,
    /// The first use; without it the earliest minute given. Where neither `days` nor `series` tells of other use,
    /// every day since then had the minutes of `last`, and no refused calls.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub first_use: Option<Timestamp>,
    /// The last minutes before `now`, all alike.
    #[serde(default)]
    pub last: Option<LastMinutes>,
    /// Days before `now`, from one minute of noon to another.
    #[serde(default)]
    pub days: Option<Days>,
    /// Single minutes.
    #[serde(default)]
    pub series: Vec<MinuteEntry>,
}

/// So many days up to `until`, with five minutes of use in each hour: most of it at noon UTC, some at night. Of
/// the last two hours `last` and `series` tell.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Days {
    /// How many.
    pub days: u32,
    /// What was measured at noon of the first day.
    pub first: Minute,
    /// What was measured at noon of the last; the days between stand between.
    pub last: Minute,
    /// Their end; `now` without it.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub until: Option<Timestamp>,
}

impl Days {
    /// Every minute of it, as of `now`.
    pub(super) fn minutes(self, now: Timestamp) -> impl Iterator<Item = (Timestamp, Minute)> {
        /// The part of noon's use at each hour from noon on, there and back.
        const HOURS: [f64; 13] = [1.0, 0.98, 0.94, 0.88, 0.8, 0.7, 0.58, 0.46, 0.36, 0.28, 0.22, 0.18, 0.16];
        let (hours, now) = (24 * self.days, self.until.unwrap_or(now));
        (3..=hours).flat_map(move |back| {
            let at = now.as_second() - i64::from(back) * 3600;
            let from_noon = usize::try_from((at.rem_euclid(86_400) / 3600 - 12).abs()).unwrap_or_default();
            let noon = HOURS.get(from_noon).copied().unwrap_or_default();
            let passed = 1.0 - f64::from(back) / f64::from(hours);
            let mut minute = Minute::NONE;
            minute.add(&self.first, noon * (1.0 - passed));
            minute.add(&self.last, noon * passed);
            let five = (0..5).map(move |n| at.div_euclid(3600) * 3600 + n * 60);
            five.filter_map(move |at| Some((Timestamp::from_second(at).ok()?, minute)))
        })
    }
}

/// So many minutes up to `now`, each like `each`.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LastMinutes {
    /// How many.
    pub minutes: u32,
    /// What was measured in each.
    pub each: Minute,
}

/// One minute.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MinuteEntry {
    /// Its start.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// What was measured.
    pub values: Minute,
}

/// A call that succeeded.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CallEntry {
    /// The Region.
    pub region: Region,
    /// The model as called.
    pub model_id: String,
    /// When.
    #[schemars(with = "String")]
    pub time: Timestamp,
    /// ARN of who called, with its session if it is one.
    pub caller: String,
    /// `sourceIPAddress`, as CloudTrail has it.
    pub address: Option<String>,
    /// `userAgent`, as CloudTrail has it.
    pub user_agent: Option<String>,
}

/// An error behind an alarm.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ErrorEntry {
    /// The Region.
    pub region: Region,
    /// The model as called.
    pub model_id: Option<String>,
    /// When.
    #[schemars(with = "String")]
    pub time: Timestamp,
    /// The error code.
    pub code: Option<String>,
    /// The error text.
    pub message: String,
    /// ARN of who called, with its session if it is one.
    pub caller: Option<String>,
    /// The operation, as CloudTrail has it; `Converse` without it.
    #[serde(default = "converse")]
    pub operation: String,
    /// Where it stands.
    #[serde(default)]
    pub source: SourceWord,
    /// `sourceIPAddress`, as CloudTrail has it.
    pub address: Option<String>,
    /// `userAgent`, as CloudTrail has it.
    pub user_agent: Option<String>,
    /// So many of them, `every_seconds` apart.
    #[serde(default = "one")]
    pub times: u32,
    /// See `times`.
    #[serde(default)]
    pub every_seconds: u32,
}

fn one() -> u32 {
    1
}

fn converse() -> String {
    "Converse".to_owned()
}

fn one_offer() -> usize {
    1
}

/// Where an error stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SourceWord {
    /// In CloudTrail's event history.
    #[default]
    Cloudtrail,
    /// In Bedrock's model-invocation log.
    InvocationLog,
    /// In the log of an application.
    ApplicationLog,
}

/// One alarm.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlarmEntry {
    /// The Region.
    pub region: Region,
    /// Its name.
    pub name: String,
    /// The metric of `AWS/Bedrock` that it watches.
    pub metric: String,
    /// The model it watches; all of them without it.
    pub model_id: Option<String>,
    /// The models that made it go off, where it watches each by itself.
    #[serde(default)]
    pub contributors: Vec<String>,
}

/// Model-invocation logging of one Region.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoggingEntry {
    /// The Region.
    pub region: Region,
    /// The log group.
    pub log_group: String,
}

/// Bedrock's word on one model.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelEntry {
    /// The Region; every Region without it.
    pub region: Option<Region>,
    /// The base model id.
    pub model_id: String,
    /// `ACTIVE` or `LEGACY`.
    #[serde(default)]
    pub lifecycle: Lifecycle,
    /// The agreement with the provider.
    #[serde(default)]
    pub agreement: Availability,
    /// Whether the account is authorised; true without it.
    pub authorized: Option<bool>,
    /// Whether the Region has it.
    #[serde(default)]
    pub region_availability: Availability,
    /// Whether Anthropic's use-case form was submitted.
    pub form_submitted: Option<bool>,
    /// How many agreements its provider offers.
    #[serde(default = "one_offer")]
    pub offers: usize,
    /// When it became legacy or will.
    #[schemars(with = "Option<String>")]
    pub legacy_from: Option<Timestamp>,
    /// When calls of it end.
    #[schemars(with = "Option<String>")]
    pub ends: Option<Timestamp>,
}

/// The ids that can be called in one Region.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OfferedEntry {
    /// The Region.
    pub region: Region,
    /// Foundation models on demand, and inference profiles that AWS defines.
    pub model_ids: Vec<String>,
}

/// One application inference profile.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileEntry {
    /// Its short id.
    pub id: String,
    /// ARNs of the models it stands for.
    pub models: Vec<String>,
}

/// One verdict of IAM's.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyEntry {
    /// ARN of the role or user.
    pub caller: String,
    /// The action; every action without it.
    pub action: Option<String>,
    /// Pattern over the resources' ARNs; every resource without it.
    pub resource: Option<String>,
    /// What IAM says.
    pub verdict: PolicyVerdict,
    /// Whose policies withhold it, where it is not the caller's own.
    pub layer: Option<PolicyLayer>,
    /// Context keys that nobody knows.
    #[serde(default)]
    pub missing_context: Vec<String>,
}

/// A call that fails.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Which call: `request_increase`, `publish`, `claim` …
    pub call: PortCall,
    /// Which call of it, from 1; every call without it.
    pub nth: Option<u32>,
    /// How it fails.
    pub kind: FaultKind,
}

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// The role may not; nothing happens.
    Denied,
    /// Too many calls; nothing happens.
    Throttled,
    /// The service is down; nothing happens.
    Unavailable,
    /// It happens, but the answer is lost.
    LostAnswer,
    /// Nothing happens, and no answer ever comes.
    Hangs,
}

/// One trail.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrailEntry {
    /// Its name.
    pub name: String,
    /// The account it belongs to, where it is another one's, as an organization's trail is.
    pub account: Option<AccountId>,
    /// Whether it records now; without it that cannot be read.
    pub is_logging: Option<bool>,
    /// Whether it records management events that only read; without it that cannot be read.
    pub records_reads: Option<bool>,
}

/// Who listens to a topic.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TopicEntry {
    /// How many have confirmed.
    pub confirmed: u32,
    /// How many were asked and have not.
    #[serde(default)]
    pub pending: u32,
}

/// One rule.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleEntry {
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: RuleState,
    /// The `detail-type`s of the events it reacts to.
    #[serde(default)]
    pub detail_types: Vec<String>,
    /// Whether it is the clock that it reacts to.
    #[serde(default)]
    pub is_scheduled: bool,
}

/// An incident of before, of which people were told.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IncidentEntry {
    /// The account.
    pub account: AccountId,
    /// The Region.
    pub region: Region,
    /// The model as called.
    pub model_id: Option<String>,
    /// The error code.
    pub code: Option<String>,
    /// The error text.
    pub message: String,
    /// ARN of who called.
    pub caller: Option<String>,
    /// When it was seen last, and people were told.
    #[schemars(with = "String")]
    pub time: Timestamp,
    /// How many errors.
    #[serde(default = "one")]
    pub errors: u32,
    /// Whether it is over.
    #[serde(default)]
    pub closed: bool,
}

/// An earlier request of ours.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LedgerEntry {
    /// The account.
    pub account: AccountId,
    /// The Region.
    pub region: Region,
    /// The quota's code.
    pub code: QuotaCode,
    /// The value asked for.
    pub desired: f64,
    /// The applied value before.
    pub value_before: f64,
    /// When it was filed.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// Until when no other is filed.
    #[schemars(with = "String")]
    pub cool_down_until: Timestamp,
}

impl WorldFile {
    /// Where the function runs in it.
    pub fn home(&self) -> FunctionIdentity {
        FunctionIdentity {
            account: self.account.clone(),
            region: self.region.clone(),
            ..FunctionIdentity::default()
        }
    }

    /// Reads a world file; an error names what is wrong and where.
    pub fn parse(json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json)
    }

    /// The guard rails of this world; an error names what is wrong, unknown variables too.
    pub fn guard_rails(&self) -> Result<Config, BadConfig> {
        let asked = RefCell::new(BTreeSet::new());
        let read = Config::from_vars(|name| {
            asked.borrow_mut().insert(name.to_owned());
            self.config.get(name).cloned()
        })?;
        let asked = asked.into_inner();
        let unknown = self.config.keys().filter(|name| !asked.contains(*name));
        let unknown: Vec<_> = unknown.map(|name| format!("{name} is no guard rail")).collect();
        if !unknown.is_empty() {
            return Err(BadConfig(unknown));
        }
        let mode = if self.mode == ModeWord::Observe { Mode::Observe } else { read.mode };
        Ok(Config { mode, ..read })
    }

    /// The JSON Schema of world files.
    pub fn json_schema() -> schemars::Schema {
        schemars::schema_for!(Self)
    }
}
