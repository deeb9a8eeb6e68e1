//! The guard rails that an operator sets, read from environment variables.
//!
//! Invariant: A bad value stops the start, and one message names all bad values. The function never runs on a value
//! that nobody chose.

use std::fmt;
use std::str::FromStr;

use jiff::SignedDuration;
use wildmatch::WildMatch;

use crate::ids::Arn;
use crate::model::ModelId;
use crate::quota::record::GrowthBudget;
use crate::wire_enum::wire_enum;

wire_enum! {
    /// Whether increase requests are filed.
    pub enum Mode {
        /// Files increase requests, under the guard rails.
        Request = "request",
        /// Plans and notifies, but files nothing.
        Observe = "observe",
    }
}

/// The guard rails. Each field has the name and the default of its template parameter.
#[derive(Clone, Debug)]
pub struct Config {
    /// `MODE`.
    pub mode: Mode,
    /// `ALLOWED_MODELS`: patterns over model ids for which increases may be filed.
    pub allowed_models: Patterns,
    /// `DENIED_MODELS`: patterns over model ids for which none may be filed. They win over `ALLOWED_MODELS`.
    pub denied_models: Patterns,
    /// `HEADROOM_FACTOR`: desired value = demand × this.
    pub headroom_factor: f64,
    /// `MAX_STEP_FACTOR`: desired value ≤ the value AWS validates against × this.
    pub max_step_factor: f64,
    /// `GROWTH_14_DAYS`: how far our own requests may raise a quota, as a multiple of its value 14 days ago.
    pub growth_14_days: f64,
    /// `GROWTH_90_DAYS`: the same limit, relative to its value 90 days ago.
    pub growth_90_days: f64,
    /// `MAX_TOKENS_PER_MINUTE`: the highest value requested for a tokens quota; `None` for no ceiling.
    pub max_tokens_per_minute: Option<f64>,
    /// `MAX_REQUESTS_PER_MINUTE`: the highest value requested for a requests quota; `None` for no ceiling.
    pub max_requests_per_minute: Option<f64>,
    /// `QUOTA_COOL_DOWN_HOURS`: the time between two of our requests for one quota.
    pub quota_cool_down: SignedDuration,
    /// `MAX_INCREASES_PER_DAY`: the most requests in 24 hours, for each account and Region.
    pub max_increases_per_day: u32,
    /// `REQUIRE_HISTORY_DAYS`: how long ago the model must first have been used.
    pub require_history: SignedDuration,
    /// `NOTICE_COOL_DOWN_MINUTES`: the time before the same content is sent again. It grows; see
    /// [`crate::incident::record::Record::muted_until`].
    pub notice_cool_down: SignedDuration,
    /// `DIGEST_ABOVE`: more notices than this within [`crate::incident::lane::DIGEST_WINDOW`] become one digest.
    pub digest_above: u32,
    /// `QUIET_HOURS_TO_CLOSE`: how long CloudWatch must show no errors before an incident closes. At least 7 days once
    /// three notices were sent for it.
    pub quiet_to_close: SignedDuration,
    /// `HEADROOM_THRESHOLD`: the share of a quota, from 0 to 1, whose use causes a forecast notice; 0 turns forecasts
    /// off.
    pub headroom_threshold: f64,
    /// `HEADROOM_MODE`: whether an increase is filed for a quota that is only nearly full.
    pub headroom_mode: Mode,
    /// `REMINDER_DAYS`: days after the first notice on which people are reminded of an open step: of access, or for a
    /// quota that only a person can have raised. After the last of them, reminders are weekly.
    pub reminder_days: Vec<u32>,
    /// `INVOCATION_LOG_GROUP`: Bedrock's model-invocation log, searched for the errors behind an alarm.
    pub invocation_log_group: Option<String>,
    /// `APPLICATION_LOG_GROUPS`: application logs, searched for the same.
    pub application_log_groups: Vec<String>,
}

wire_enum! {
    /// How much is logged. Each level includes the levels before it.
    pub enum LogLevel {
        /// Failures.
        Error = "error",
        /// Unexpected events.
        Warn = "warn",
        /// Actions taken.
        Info = "info",
        /// Everything that was examined.
        Debug = "debug",
    }
}

/// Everything the deployed function reads from its environment.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The guard rails.
    pub config: Config,
    /// `TOPIC_ARN`: the SNS topic for notices.
    pub topic_arn: String,
    /// `TABLE_NAME`: the DynamoDB table of the ledger.
    pub table_name: String,
    /// `LOG_LEVEL`.
    pub log_level: LogLevel,
    /// `MAXIMUM_CONCURRENCY`: the most batches handled at once, each in a process of its own.
    pub maximum_concurrency: u32,
    /// `ROLE_ARN`: the function's own role, whose calls are ignored; `None`: its calls cannot be recognised.
    pub role_arn: Option<String>,
}

/// Comma-separated patterns; `*` matches any text.
#[derive(Clone, Debug, Default)]
pub struct Patterns(Vec<WildMatch>);

impl Patterns {
    fn parse(text: &str) -> Self {
        Self(text.split(',').map(str::trim).filter(|p| !p.is_empty()).map(WildMatch::new).collect())
    }

    /// Whether a pattern matches the id as called or its foundation model's id.
    pub fn fit(&self, model: &ModelId) -> bool {
        self.0.iter().any(|p| p.matches(model.as_str()) || p.matches(model.base()))
    }
}

impl fmt::Display for Patterns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let patterns: Vec<String> = self.0.iter().map(WildMatch::pattern).collect();
        f.write_str(&patterns.join(","))
    }
}

/// Every variable with a bad value, each with what is wrong.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("bad configuration: {}", .0.join("; "))]
pub struct BadConfig(pub Vec<String>);

impl Default for Config {
    fn default() -> Self {
        Self {
            mode: Mode::Request,
            allowed_models: Patterns::parse("*"),
            denied_models: Patterns::default(),
            headroom_factor: 1.5,
            max_step_factor: 2.0,
            growth_14_days: 2.0,
            growth_90_days: 4.0,
            max_tokens_per_minute: None,
            max_requests_per_minute: None,
            quota_cool_down: SignedDuration::from_hours(72),
            max_increases_per_day: 3,
            require_history: SignedDuration::from_hours(3 * 24),
            notice_cool_down: SignedDuration::from_mins(240),
            digest_above: 5,
            quiet_to_close: SignedDuration::from_hours(24),
            headroom_threshold: 0.8,
            headroom_mode: Mode::Request,
            reminder_days: vec![1, 3, 7],
            invocation_log_group: None,
            application_log_groups: Vec::new(),
        }
    }
}

impl Config {
    /// The guard rails for increase requests that differ from their defaults, as variables with their values. A command
    /// that is run elsewhere needs them to obey the same guard rails.
    pub(crate) fn of_requests(&self) -> Vec<(&'static str, String)> {
        let d = Self::default();
        let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
        let hours = |time: SignedDuration, hours: i64| (time.as_hours() / hours).to_string();
        let all = |config: &Self| {
            [
                ("ALLOWED_MODELS", config.allowed_models.to_string()),
                ("DENIED_MODELS", config.denied_models.to_string()),
                ("HEADROOM_FACTOR", config.headroom_factor.to_string()),
                ("MAX_STEP_FACTOR", config.max_step_factor.to_string()),
                ("MAX_TOKENS_PER_MINUTE", number(config.max_tokens_per_minute)),
                ("MAX_REQUESTS_PER_MINUTE", number(config.max_requests_per_minute)),
                ("QUOTA_COOL_DOWN_HOURS", hours(config.quota_cool_down, 1)),
                ("MAX_INCREASES_PER_DAY", config.max_increases_per_day.to_string()),
                ("REQUIRE_HISTORY_DAYS", hours(config.require_history, 24)),
                ("GROWTH_14_DAYS", config.growth_14_days.to_string()),
                ("GROWTH_90_DAYS", config.growth_90_days.to_string()),
            ]
        };
        all(self)
            .into_iter()
            .zip(all(&d))
            .filter(|(own, default)| own != default)
            .map(|(own, _)| own)
            .collect()
    }

    /// How far our own requests may raise a quota.
    pub(crate) fn budget(&self) -> GrowthBudget {
        GrowthBudget { in_14_days: self.growth_14_days, in_90_days: self.growth_90_days }
    }

    /// Reads the variables through `var`. Unset and empty ones keep their default. The error names every bad value.
    pub fn from_vars(var: impl Fn(&str) -> Option<String>) -> Result<Self, BadConfig> {
        let mut read = VariableReader { var, bad: Vec::new() };
        let config = Self::read(&mut read);
        read.result(config)
    }

    fn read<F: Fn(&str) -> Option<String>>(read: &mut VariableReader<F>) -> Self {
        let d = Self::default();
        Self {
            mode: read.word("MODE", MODE, Mode::parse).unwrap_or(d.mode),
            allowed_models: read.text("ALLOWED_MODELS").map_or(d.allowed_models, |t| Patterns::parse(&t)),
            denied_models: read.text("DENIED_MODELS").map_or(d.denied_models, |t| Patterns::parse(&t)),
            headroom_factor: read.number("HEADROOM_FACTOR", 1.0, 10.0).unwrap_or(d.headroom_factor),
            max_step_factor: read.number("MAX_STEP_FACTOR", 1.0, 100.0).unwrap_or(d.max_step_factor),
            growth_14_days: read.number("GROWTH_14_DAYS", 1.0, 100.0).unwrap_or(d.growth_14_days),
            growth_90_days: read.number("GROWTH_90_DAYS", 1.0, 1000.0).unwrap_or(d.growth_90_days),
            max_tokens_per_minute: read.number("MAX_TOKENS_PER_MINUTE", 1.0, 1e10),
            max_requests_per_minute: read.number("MAX_REQUESTS_PER_MINUTE", 1.0, 1e10),
            quota_cool_down: read
                .whole("QUOTA_COOL_DOWN_HOURS", 1, 24 * 90)
                .map_or(d.quota_cool_down, SignedDuration::from_hours),
            max_increases_per_day: read
                .whole("MAX_INCREASES_PER_DAY", 0, 20)
                .map_or(d.max_increases_per_day, |n: u32| n),
            require_history: read
                .whole("REQUIRE_HISTORY_DAYS", 0, 14)
                .map_or(d.require_history, |n: i64| SignedDuration::from_hours(n * 24)),
            notice_cool_down: read
                .whole("NOTICE_COOL_DOWN_MINUTES", 5, 7 * 24 * 60)
                .map_or(d.notice_cool_down, SignedDuration::from_mins),
            digest_above: read.whole("DIGEST_ABOVE", 1, 1000).unwrap_or(d.digest_above),
            quiet_to_close: read
                .whole("QUIET_HOURS_TO_CLOSE", 1, 24 * 30)
                .map_or(d.quiet_to_close, SignedDuration::from_hours),
            headroom_threshold: read.number("HEADROOM_THRESHOLD", 0.0, 1.0).unwrap_or(d.headroom_threshold),
            headroom_mode: read.word("HEADROOM_MODE", MODE, Mode::parse).unwrap_or(d.headroom_mode),
            reminder_days: read
                .word("REMINDER_DAYS", "ascending days from 1 to 90, comma-separated", days)
                .unwrap_or(d.reminder_days),
            invocation_log_group: read
                .word("INVOCATION_LOG_GROUP", LOG_GROUP, |t| is_log_group(t).then(|| t.to_owned())),
            application_log_groups: read
                .word(
                    "APPLICATION_LOG_GROUPS",
                    &format!("at most {MOST_GROUPS} log groups, comma-separated; each {LOG_GROUP}"),
                    log_groups,
                )
                .unwrap_or_default(),
        }
    }
}

fn days(text: &str) -> Option<Vec<u32>> {
    let days: Vec<u32> = text.split(',').map(|day| day.trim().parse().ok()).collect::<Option<_>>()?;
    let fits = days.iter().all(|day| (1..=90).contains(day)) && days.is_sorted_by(|a, b| a < b);
    fits.then_some(days)
}

const MODE: &str = "`request` or `observe`";
const LOG_GROUP: &str = "the name of a log group";
/// The template grants access to no more log groups than this.
const MOST_GROUPS: usize = 5;

/// See <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html>.
fn is_log_group(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"_-/.#".contains(&b);
    (1..=512).contains(&name.len()) && name.bytes().all(fits)
}

fn log_groups(text: &str) -> Option<Vec<String>> {
    let names: Vec<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
    (names.len() <= MOST_GROUPS && names.iter().all(|name| is_log_group(name))).then_some(names)
}

impl Settings {
    /// Reads the variables through `var`. Those of [`Config`] keep their default when unset or empty. The error names
    /// every bad value.
    pub fn from_vars(var: impl Fn(&str) -> Option<String>) -> Result<Self, BadConfig> {
        let mut read = VariableReader { var, bad: Vec::new() };
        let arn_of = |service: &'static str| {
            move |text: &str| Arn::parse(text).filter(|a| a.service == service).map(|_| text.to_owned())
        };
        let settings = Self {
            config: Config::read(&mut read),
            topic_arn: read.required("TOPIC_ARN", "the ARN of an SNS topic", arn_of("sns")),
            table_name: read.required("TABLE_NAME", "a table's name", |t| Some(t.to_owned())),
            log_level: read
                .word("LOG_LEVEL", "`error`, `warn`, `info` or `debug`", |t| {
                    LogLevel::parse(&t.to_ascii_lowercase())
                })
                .unwrap_or(LogLevel::Info),
            maximum_concurrency: read.whole("MAXIMUM_CONCURRENCY", 2, 1000).unwrap_or(5),
            role_arn: read.word("ROLE_ARN", "the ARN of a role", arn_of("iam")),
        };
        read.result(settings)
    }
}

struct VariableReader<F> {
    var: F,
    bad: Vec<String>,
}

impl<F: Fn(&str) -> Option<String>> VariableReader<F> {
    fn text(&self, name: &str) -> Option<String> {
        (self.var)(name).map(|t| t.trim().to_owned()).filter(|t| !t.is_empty())
    }

    fn word<T>(&mut self, name: &str, expected: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let text = self.text(name)?;
        let value = parse(&text);
        if value.is_none() {
            self.bad.push(format!("{name} is `{text}`, expected {expected}"));
        }
        value
    }

    /// The variable's value. If it is missing, this returns an empty string and records the error.
    fn required(&mut self, name: &str, expected: &str, parse: impl Fn(&str) -> Option<String>) -> String {
        if self.text(name).is_none() {
            self.bad.push(format!("{name} is not set, expected {expected}"));
        }
        self.word(name, expected, parse).unwrap_or_default()
    }

    fn result<T>(self, read: T) -> Result<T, BadConfig> {
        if self.bad.is_empty() { Ok(read) } else { Err(BadConfig(self.bad)) }
    }

    fn number(&mut self, name: &str, least: f64, most: f64) -> Option<f64> {
        self.word(name, &format!("a number from {least} to {most}"), |t| {
            t.parse().ok().filter(|n| (least..=most).contains(n))
        })
    }

    fn whole<T: FromStr + PartialOrd + Copy + std::fmt::Display>(
        &mut self,
        name: &str,
        least: T,
        most: T,
    ) -> Option<T> {
        self.word(name, &format!("a whole number from {least} to {most}"), |t| {
            t.parse().ok().filter(|n| (&least..=&most).contains(&n))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_message_names_every_bad_value() {
        let vars = |name: &str| match name {
            "MODE" => Some("dry-run".to_owned()),
            "HEADROOM_FACTOR" => Some("0.5".to_owned()),
            "REMINDER_DAYS" => Some("3,1".to_owned()),
            "MAX_INCREASES_PER_DAY" => Some("many".to_owned()),
            "NOTICE_COOL_DOWN_MINUTES" => Some("60".to_owned()),
            _ => None,
        };
        let bad = Config::from_vars(vars).unwrap_err().to_string();
        assert_eq!(
            bad,
            "bad configuration: MODE is `dry-run`, expected `request` or `observe`; HEADROOM_FACTOR is `0.5`, expected a number from 1 to 10; MAX_INCREASES_PER_DAY is `many`, expected a whole number from 0 to 20; REMINDER_DAYS is `3,1`, expected ascending days from 1 to 90, comma-separated"
        );
    }

    #[test]
    fn what_the_function_needs_is_named_together_with_bad_guard_rails() {
        let vars = |name: &str| match name {
            "MODE" => Some("dry-run".to_owned()),
            "TOPIC_ARN" => Some("my-topic".to_owned()),
            "LOG_LEVEL" => Some("loud".to_owned()),
            "MAXIMUM_CONCURRENCY" => Some("1".to_owned()),
            _ => None,
        };
        let BadConfig(bad) = Settings::from_vars(vars).unwrap_err();
        let names: Vec<_> = bad.iter().map(|b| b.split(' ').next().unwrap()).collect();
        assert_eq!(names, ["MODE", "TOPIC_ARN", "TABLE_NAME", "LOG_LEVEL", "MAXIMUM_CONCURRENCY"]);
        let good = |name: &str| match name {
            "TOPIC_ARN" => Some("arn:aws:sns:eu-west-1:111122223333:people".to_owned()),
            "TABLE_NAME" => Some("ledger".to_owned()),
            "LOG_LEVEL" => Some("WARN".to_owned()),
            _ => None,
        };
        let settings = Settings::from_vars(good).unwrap();
        assert_eq!((settings.table_name.as_str(), settings.log_level), ("ledger", LogLevel::Warn));
        assert_eq!(settings.maximum_concurrency, 5);
    }

    #[test]
    fn patterns_fit_the_id_as_called_and_its_model() {
        let patterns = Patterns::parse("anthropic.*, eu.meta.*");
        let fits = |id| patterns.fit(&ModelId::parse(id).unwrap());
        assert!(fits("us.anthropic.claude-opus-5") && fits("eu.meta.llama3-2-1b-instruct-v1:0"));
        assert!(!fits("meta.llama3-2-1b-instruct-v1:0") && !fits("amazon.nova-lite-v1:0"));
    }

    #[test]
    fn unset_variables_keep_the_defaults() {
        let config = Config::from_vars(|_| Some(String::new())).unwrap();
        assert_eq!((config.mode, config.max_increases_per_day), (Mode::Request, 3));
    }
}
