//! The guard rails as one table: each variable, what it accepts, what it does, and the field that it sets.
//!
//! Invariant: Reading, printing, the page on configuration and the command `guard-rails` all follow this table. A field of
//! [`Config`] without a row can never be set, and a test compares the rows with the template's parameters.

use jiff::SignedDuration;

use crate::config::accounts::{Accounts, MOST_A_DAY};
use crate::config::mode::Mode;
use crate::config::values::{Config, Patterns};

/// One guard rail.
pub struct GuardRail {
    /// The environment variable. The template's parameter has the same name in another case: `MAX_STEP_FACTOR` is
    /// `MaxStepFactor`.
    pub variable: &'static str,
    /// What it does, in Markdown.
    pub does: &'static str,
    /// Whether it bounds increase requests. A command that is run elsewhere needs these to obey the same bounds.
    pub(crate) bounds_requests: bool,
    field: Field,
}

impl GuardRail {
    /// What the variable accepts, in words.
    pub fn accepts(&self) -> String {
        self.field.accepts()
    }

    /// The value in `config`, as the variable writes it; empty if there is none.
    pub fn value(&self, config: &Config) -> String {
        self.field.write(&mut config.clone())
    }

    /// Sets the value in `config`. If the variable does not accept `text`, this changes nothing and returns the reason.
    pub(super) fn set(&self, config: &mut Config, text: &str) -> Result<(), String> {
        self.field.read(config, text).ok_or_else(|| self.complaint(text))
    }

    /// Why the variable does not accept `text`.
    fn complaint(&self, text: &str) -> String {
        match (&self.field, Accounts::parse(text)) {
            (Field::Accounts(_), Err(why)) => format!("{}: {why}", self.variable),
            _ => format!("{} is `{text}`, expected {}", self.variable, self.accepts()),
        }
    }
}

type Of<T> = fn(&mut Config) -> &mut T;

/// The kind of value, its bounds, and the field that holds it.
enum Field {
    Mode(Of<Mode>),
    Patterns(Of<Patterns>),
    Number(f64, f64, Of<f64>),
    Ceiling(f64, f64, Of<Option<f64>>),
    Count(u32, u32, Of<u32>),
    /// A duration as a whole number of units.
    Time(i64, i64, SignedDuration, Of<SignedDuration>),
    Days(Of<Vec<u32>>),
    LogGroup(Of<Option<String>>),
    Sentence(Of<Option<String>>),
    LogGroups(Of<Vec<String>>),
    Accounts(Of<Accounts>),
}

const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);

impl Field {
    fn accepts(&self) -> String {
        match self {
            Self::Mode(_) => "`request` or `observe`".to_owned(),
            Self::Patterns(_) => "any text".to_owned(),
            Self::Number(least, most, _) | Self::Ceiling(least, most, _) => {
                format!("a number from {least} to {most}")
            }
            Self::Count(least, most, _) => format!("a whole number from {least} to {most}"),
            Self::Time(least, most, ..) => format!("a whole number from {least} to {most}"),
            Self::Days(_) => "ascending days from 1 to 90, comma-separated".to_owned(),
            Self::LogGroup(_) => LOG_GROUP.to_owned(),
            Self::Sentence(_) => format!("one line of at most {LONGEST_SENTENCE} characters"),
            Self::Accounts(_) => {
                "a JSON object of accounts by id, each with `name`, `owner`, `mode` and `max_increases_per_day` as far as they differ".to_owned()
            }
            Self::LogGroups(_) => {
                format!("at most {MOST_GROUPS} log groups, comma-separated; each {LOG_GROUP}")
            }
        }
    }

    fn read(&self, config: &mut Config, text: &str) -> Option<()> {
        match self {
            Self::Mode(field) => *field(config) = Mode::parse(text)?,
            Self::Patterns(field) => *field(config) = Patterns::parse(text),
            Self::Number(least, most, field) => *field(config) = within(text, *least, *most)?,
            Self::Ceiling(least, most, field) => *field(config) = Some(within(text, *least, *most)?),
            Self::Count(least, most, field) => *field(config) = within(text, *least, *most)?,
            Self::Time(least, most, unit, field) => {
                let seconds = within(text, *least, *most)?.checked_mul(unit.as_secs())?;
                *field(config) = SignedDuration::from_secs(seconds);
            }
            Self::Days(field) => *field(config) = days(text)?,
            Self::LogGroup(field) => *field(config) = Some(log_group(text)?),
            Self::Sentence(field) => *field(config) = Some(one_sentence(text)?),
            Self::LogGroups(field) => *field(config) = log_groups(text)?,
            Self::Accounts(field) => *field(config) = Accounts::parse(text).ok()?,
        }
        Some(())
    }

    fn write(&self, config: &mut Config) -> String {
        match self {
            Self::Mode(field) => field(config).to_string(),
            Self::Patterns(field) => field(config).to_string(),
            Self::Number(.., field) => field(config).to_string(),
            Self::Ceiling(.., field) => field(config).map(|value| value.to_string()).unwrap_or_default(),
            Self::Count(.., field) => field(config).to_string(),
            Self::Time(_, _, unit, field) => (field(config).as_secs() / unit.as_secs().max(1)).to_string(),
            Self::Days(field) => field(config).iter().map(u32::to_string).collect::<Vec<_>>().join(","),
            Self::LogGroup(field) | Self::Sentence(field) => field(config).clone().unwrap_or_default(),
            Self::LogGroups(field) => field(config).join(","),
            Self::Accounts(field) => field(config).write(),
        }
    }
}

pub(super) fn within<T: std::str::FromStr + PartialOrd + Copy>(text: &str, least: T, most: T) -> Option<T> {
    text.parse().ok().filter(|n| (&least..=&most).contains(&n))
}

fn days(text: &str) -> Option<Vec<u32>> {
    let days: Vec<u32> = text.split(',').map(|day| within(day.trim(), 1, 90)).collect::<Option<_>>()?;
    days.is_sorted_by(|a, b| a < b).then_some(days)
}

/// The variables of a Lambda function hold 4 KB together.
const LONGEST_SENTENCE: usize = 300;

fn one_sentence(text: &str) -> Option<String> {
    let fits = (1..=LONGEST_SENTENCE).contains(&text.chars().count()) && !text.contains(char::is_control);
    fits.then(|| text.to_owned())
}

const LOG_GROUP: &str = "the name of a log group";
/// The template grants access to no more log groups than this.
const MOST_GROUPS: usize = 5;

/// The name of a log group.
/// See <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html>.
fn log_group(name: &str) -> Option<String> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"_-/.#".contains(&b);
    ((1..=512).contains(&name.len()) && name.bytes().all(fits)).then(|| name.to_owned())
}

fn log_groups(text: &str) -> Option<Vec<String>> {
    let names: Vec<String> = text.split(',').map(|name| log_group(name.trim())).collect::<Option<_>>()?;
    (names.len() <= MOST_GROUPS).then_some(names)
}

/// Every guard rail, in the order in which they are read and printed.
pub const GUARD_RAILS: &[GuardRail] = &[
    GuardRail {
        variable: "MODE",
        does: "`observe` plans and notifies, and files nothing",
        bounds_requests: false,
        field: Field::Mode(|c| &mut c.mode),
    },
    GuardRail {
        variable: "ALLOWED_MODELS",
        does: "comma-separated patterns over model ids for which increases may be filed; `*` stands for any text",
        bounds_requests: true,
        field: Field::Patterns(|c| &mut c.allowed_models),
    },
    GuardRail {
        variable: "DENIED_MODELS",
        does: "comma-separated patterns over model ids for which no increase may be filed. A denied model is denied even if it is also allowed",
        bounds_requests: true,
        field: Field::Patterns(|c| &mut c.denied_models),
    },
    GuardRail {
        variable: "HEADROOM_FACTOR",
        does: "desired value = demand × this",
        bounds_requests: true,
        field: Field::Number(1.0, 10.0, |c| &mut c.headroom_factor),
    },
    GuardRail {
        variable: "MAX_STEP_FACTOR",
        does: "desired value ≤ the larger of applied value and AWS default × this",
        bounds_requests: true,
        field: Field::Number(1.0, 100.0, |c| &mut c.max_step_factor),
    },
    GuardRail {
        variable: "GROWTH_14_DAYS",
        does: "requests of this function raise a quota to at most its value 14 days ago × this. An increase by anybody else starts the measurement again. Beyond the bound a person approves (`needs-approval`)",
        bounds_requests: true,
        field: Field::Number(1.0, 100.0, |c| &mut c.growth_14_days),
    },
    GuardRail {
        variable: "GROWTH_90_DAYS",
        does: "the same for the value 90 days ago",
        bounds_requests: true,
        field: Field::Number(1.0, 1000.0, |c| &mut c.growth_90_days),
    },
    GuardRail {
        variable: "MAX_TOKENS_PER_MINUTE",
        does: "absolute ceiling of every tokens-per-minute quota",
        bounds_requests: true,
        field: Field::Ceiling(1.0, 1e10, |c| &mut c.max_tokens_per_minute),
    },
    GuardRail {
        variable: "MAX_REQUESTS_PER_MINUTE",
        does: "absolute ceiling of every requests-per-minute quota",
        bounds_requests: true,
        field: Field::Ceiling(1.0, 1e10, |c| &mut c.max_requests_per_minute),
    },
    GuardRail {
        variable: "QUOTA_COOL_DOWN_HOURS",
        does: "wait between two requests for one quota",
        bounds_requests: true,
        field: Field::Time(1, 24 * 90, HOUR, |c| &mut c.quota_cool_down),
    },
    GuardRail {
        variable: "MAX_INCREASES_PER_DAY",
        does: "requests for each account and Region in any 24 hours. If it is two or more, the last one is kept for a quota of which more than 80 % is used",
        bounds_requests: true,
        field: Field::Count(0, MOST_A_DAY, |c| &mut c.max_increases_per_day),
    },
    GuardRail {
        variable: "MAX_INCREASES_PER_DAY_ORGANIZATION",
        does: "the same for all accounts of the organization together, in all Regions. It counts only if the stack has an `OrganizationId`",
        bounds_requests: true,
        field: Field::Count(0, 500, |c| &mut c.max_increases_per_day_organization),
    },
    GuardRail {
        variable: "REQUIRE_HISTORY_DAYS",
        does: "the model was first used at least this long ago",
        bounds_requests: true,
        field: Field::Time(0, 14, DAY, |c| &mut c.require_history),
    },
    GuardRail {
        variable: "NOTICE_COOL_DOWN_MINUTES",
        does: "wait before the same notice is repeated. The wait doubles each time, up to 7 days",
        bounds_requests: false,
        field: Field::Time(5, 7 * 24 * 60, MINUTE, |c| &mut c.notice_cool_down),
    },
    GuardRail {
        variable: "REMINDER_DAYS",
        does: "days after the first notice on which people are reminded of an open step; then weekly",
        bounds_requests: false,
        field: Field::Days(|c| &mut c.reminder_days),
    },
    GuardRail {
        variable: "HEADROOM_THRESHOLD",
        does: "the share of a quota from which on its use is reported, once a day. 0 switches the daily check off",
        bounds_requests: false,
        field: Field::Number(0.0, 1.0, |c| &mut c.headroom_threshold),
    },
    GuardRail {
        variable: "HEADROOM_MODE",
        does: "`request` files an increase for a quota that will be full before AWS decides; `observe` only notifies",
        bounds_requests: false,
        field: Field::Mode(|c| &mut c.headroom_mode),
    },
    GuardRail {
        variable: "OTHER_QUOTAS",
        does: "`request` files increases for Bedrock's quotas that are not of model inference, such as those of guardrails, knowledge bases and batch jobs. No metric of CloudWatch proves their need; see [Quota matching](quota-matching.md#other-quotas). `observe` only notifies",
        bounds_requests: true,
        field: Field::Mode(|c| &mut c.other_quotas),
    },
    GuardRail {
        variable: "AGENTCORE",
        does: "the same for quotas of Amazon Bedrock AgentCore",
        bounds_requests: true,
        field: Field::Mode(|c| &mut c.agent_core),
    },
    GuardRail {
        variable: "DIGEST_ABOVE",
        does: "more notices than this within ten minutes become one digest",
        bounds_requests: false,
        field: Field::Count(1, 1000, |c| &mut c.digest_above),
    },
    GuardRail {
        variable: "QUIET_HOURS_TO_CLOSE",
        does: "hours without errors, by CloudWatch's metrics, before an incident is over. It is 7 days if people were notified three times, or if the incident has returned",
        bounds_requests: false,
        field: Field::Time(1, 24 * 30, HOUR, |c| &mut c.quiet_to_close),
    },
    GuardRail {
        variable: "INVOCATION_LOG_GROUP",
        does: "log group of Bedrock's model-invocation log, searched for the errors behind an alarm",
        bounds_requests: false,
        field: Field::LogGroup(|c| &mut c.invocation_log_group),
    },
    GuardRail {
        variable: "APPLICATION_LOG_GROUPS",
        does: "log groups of applications, searched as well",
        bounds_requests: false,
        field: Field::LogGroups(|c| &mut c.application_log_groups),
    },
    GuardRail {
        variable: "USE_CASE",
        does: "what the models are used for. AWS's reviewers ask for it, and it stands in the justification of each request",
        bounds_requests: false,
        field: Field::Sentence(|c| &mut c.use_case),
    },
    GuardRail {
        variable: "EXPECTED_GROWTH",
        does: "how use will grow, such as `doubles by June`; it stands there as well",
        bounds_requests: false,
        field: Field::Sentence(|c| &mut c.expected_growth),
    },
    GuardRail {
        variable: "ACCOUNTS",
        does: "what differs in single accounts; see [An organization](organization.md#settings-of-single-accounts)",
        bounds_requests: false,
        field: Field::Accounts(|c| &mut c.accounts),
    },
];

/// The table of guard rails as Markdown, for the page on configuration.
pub fn markdown() -> String {
    let defaults = Config::default();
    let head = ["| variable | default | accepts | what it does |", "| --- | --- | --- | --- |"];
    let row = |rail: &GuardRail| {
        let default = match rail.value(&defaults) {
            none if none.is_empty() => "none".to_owned(),
            value => format!("`{value}`"),
        };
        format!("| `{}` | {default} | {} | {} |", rail.variable, rail.accepts(), rail.does)
    };
    head.into_iter().map(str::to_owned).chain(GUARD_RAILS.iter().map(row)).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: &str = r#"{"444455556666":{"mode":"observe"}}"#;

    #[test]
    fn each_row_sets_its_own_field_and_writes_what_it_read() {
        for rail in GUARD_RAILS {
            let samples = ["observe", "request", "amazon.*", "7", "0.5", "2,5", "/my/group", ACCOUNT];
            let defaults = Config::default();
            let changed = samples.into_iter().find_map(|sample| {
                let mut config = Config::default();
                (rail.set(&mut config, sample).is_ok() && rail.value(&config) != rail.value(&defaults))
                    .then_some((sample, config))
            });
            let (sample, config) = changed.unwrap_or_else(|| panic!("{} takes no sample", rail.variable));
            assert_eq!(rail.value(&config), sample, "{}", rail.variable);
            let others = GUARD_RAILS.iter().filter(|other| other.variable != rail.variable);
            for other in others {
                assert_eq!(
                    other.value(&config),
                    other.value(&defaults),
                    "{} sets {}",
                    rail.variable,
                    other.variable
                );
            }
        }
    }

    #[test]
    fn a_field_of_the_configuration_without_a_row_is_noticed() {
        // Every field has a name in the debug form, and each row stands for one.
        let fields = format!("{:#?}", Config::default());
        let fields = fields.lines().filter(|line| line.starts_with("    ") && !line.starts_with("     "));
        let fields = fields.filter(|line| line.contains(": ")).count();
        assert_eq!(fields, GUARD_RAILS.len());
    }
}
