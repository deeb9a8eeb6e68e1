//! The guard rails that an operator sets, read from environment variables.
//!
//! Invariant: A bad value stops the start, and one message names all bad values. The function never runs on a value
//! that nobody chose.

pub mod guard_rails;
mod accounts;
mod mode;
mod values;

pub use crate::config::accounts::{AccountSettings, Accounts};
use crate::config::guard_rails::{GUARD_RAILS, within};
pub use crate::config::mode::Mode;
pub use crate::config::values::{Config, Patterns};
use crate::identity::Organization;
use crate::ids::Arn;
use crate::wire_enum::wire_enum;

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
    /// `ORGANIZATION_ID`, `MEMBER_ROLE_NAME` and `MEMBER_EXTERNAL_ID`: the organization of which the function is the
    /// hub; `None` without the first.
    pub organization: Option<Organization>,
}

/// Every variable with a bad value, each with what is wrong.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("bad configuration: {}", .0.join("; "))]
pub struct BadConfig(pub Vec<String>);

impl Config {
    /// The guard rails for increase requests that differ from their defaults, as variables with their values. A command
    /// that is run elsewhere needs them to obey the same guard rails.
    pub(crate) fn of_requests(&self) -> Vec<(&'static str, String)> {
        let default = Self::default();
        let own = GUARD_RAILS.iter().filter(|rail| rail.bounds_requests);
        own.map(|rail| (rail, rail.value(self)))
            .filter(|(rail, value)| *value != rail.value(&default))
            .map(|(rail, value)| (rail.variable, value))
            .collect()
    }

    /// Reads the variables through `var`. Unset and empty ones keep their default. The error names every bad value.
    pub fn from_vars(var: impl Fn(&str) -> Option<String>) -> Result<Self, BadConfig> {
        let mut read = VariableReader { var, bad: Vec::new() };
        let config = Self::read(&mut read);
        read.result(config)
    }

    fn read<F: Fn(&str) -> Option<String>>(read: &mut VariableReader<F>) -> Self {
        let mut config = Self::default();
        for rail in GUARD_RAILS {
            let refused = read.text(rail.variable).and_then(|text| rail.set(&mut config, &text).err());
            read.bad.extend(refused);
        }
        config
    }
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
            maximum_concurrency: read
                .word("MAXIMUM_CONCURRENCY", "a whole number from 2 to 1000", |t| within(t, 2, 1000))
                .unwrap_or(5),
            role_arn: read.word("ROLE_ARN", "the ARN of a role", arn_of("iam")),
            organization: read.organization(),
        };
        read.result(settings)
    }
}

/// Reads the organization through `var`; `None` without `ORGANIZATION_ID`. The error names every bad value.
pub fn organization_from_vars(
    var: impl Fn(&str) -> Option<String>,
) -> Result<Option<Organization>, BadConfig> {
    let mut read = VariableReader { var, bad: Vec::new() };
    let organization = read.organization();
    read.result(organization)
}

/// See <https://docs.aws.amazon.com/organizations/latest/APIReference/API_Organization.html>.
fn organization_id(text: &str) -> Option<String> {
    let rest = text.strip_prefix("o-")?;
    let fits =
        (10..=32).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    fits.then(|| text.to_owned())
}

/// See <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html>.
fn role_name(text: &str) -> Option<String> {
    let fits = (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b));
    fits.then(|| text.to_owned())
}

struct VariableReader<F> {
    var: F,
    bad: Vec<String>,
}

impl<F: Fn(&str) -> Option<String>> VariableReader<F> {
    fn text(&self, name: &str) -> Option<String> {
        (self.var)(name).map(|t| t.trim().to_owned()).filter(|t| !t.is_empty())
    }

    fn word<T>(&mut self, name: &str, expected: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let text = self.text(name)?;
        let value = parse(&text);
        if value.is_none() {
            self.bad.push(format!("{name} is `{text}`, expected {expected}"));
        }
        value
    }

    fn organization(&mut self) -> Option<Organization> {
        let id =
            self.word("ORGANIZATION_ID", "an organization's id, such as `o-a1b2c3d4e5`", organization_id);
        let role = self.word("MEMBER_ROLE_NAME", "a role's name without path", role_name);
        let external_id = self.text("MEMBER_EXTERNAL_ID");
        let member_role = role.unwrap_or_else(|| Organization::MEMBER_ROLE.to_owned());
        Some(Organization { id: id?, member_role, external_id })
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
    fn unset_variables_keep_the_defaults() {
        let config = Config::from_vars(|_| Some(String::new())).unwrap();
        assert_eq!((config.mode, config.max_increases_per_day), (Mode::Request, 3));
    }
}
