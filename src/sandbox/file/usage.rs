//! Use in the world file, as CloudWatch measured it: single minutes, the last minutes, and whole days.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::ids::Region;
use crate::usage::Minute;

/// What CloudWatch measured for one `ModelId`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UsageEntry {
    /// The Region.
    pub region: Region,
    /// The id as CloudWatch shows it: base model id, profile id, or short application inference profile id.
    pub model_id: String,
    /// Whether the calls went to the bedrock-mantle endpoint, whose metrics stand in a namespace of their own. Its
    /// throttles are among `client_errors`.
    #[serde(default)]
    pub of_mantle: bool,
    /// The first use. Default: the earliest minute given. If neither `days` nor `series` has other use, each day since
    /// then had the minutes of `last`, without refused calls.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub first_use: Option<Timestamp>,
    /// Identical minutes just before `now`.
    #[serde(default)]
    pub last: Option<LastMinutes>,
    /// Days before `now`, interpolated from the first noon to the last.
    #[serde(default)]
    pub days: Option<Days>,
    /// Single minutes.
    #[serde(default)]
    pub series: Vec<MinuteEntry>,
}

/// What CloudWatch measured for one operation of `AgentCore`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OperationUsage {
    /// The Region.
    pub region: Region,
    /// The operation, such as `InvokeAgentRuntime`.
    pub operation: String,
    /// Identical minutes just before `now`.
    pub last: LastMinutes,
}

/// A number of days up to `until`, with five minutes of use in each hour: most at noon UTC, some at night. The last
/// two hours are left to `last` and `series`.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Days {
    /// The number of days.
    pub days: u32,
    /// The minute at noon of the first day.
    pub first: Minute,
    /// The minute at noon of the last day. The days between are interpolated.
    pub last: Minute,
    /// Their end. Default: `now`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub until: Option<Timestamp>,
}

impl Days {
    /// Every minute of it, as of `now`.
    pub(crate) fn minutes(self, now: Timestamp) -> impl Iterator<Item = (Timestamp, Minute)> {
        /// The share of noon's use at each hour's distance from noon.
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

/// A number of identical minutes up to `now`.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LastMinutes {
    /// The number of minutes.
    pub minutes: u32,
    /// The measurements of each minute.
    pub each: Minute,
}

/// One minute.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MinuteEntry {
    /// The start of the minute.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// Its measurements.
    pub values: Minute,
}
