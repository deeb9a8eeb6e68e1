//! The guard rails as values, with their defaults.

use std::borrow::Cow;
use std::fmt;

use jiff::SignedDuration;
use wildmatch::WildMatch;

use crate::config::accounts::Accounts;
use crate::config::mode::Mode;
use crate::ids::AccountId;
use crate::model::ModelId;
use crate::quota::record::GrowthBudget;

/// The guard rails. Each field has a row in
/// [`GUARD_RAILS`](crate::config::guard_rails::GUARD_RAILS), which says how its variable is read.
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
    /// `MAX_INCREASES_PER_DAY_ORGANIZATION`: the most requests in 24 hours, for all accounts of the organization together.
    pub max_increases_per_day_organization: u32,
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
    /// `OTHER_QUOTAS`: whether an increase is filed for Bedrock's quotas that are not of model inference.
    pub other_quotas: Mode,
    /// `AGENTCORE`: whether an increase is filed for quotas of `AgentCore`.
    pub agent_core: Mode,
    /// `REMINDER_DAYS`: days after the first notice on which people are reminded of an open step: of access, or for a
    /// quota that only a person can have raised. After the last of them, reminders are weekly.
    pub reminder_days: Vec<u32>,
    /// `INVOCATION_LOG_GROUP`: Bedrock's model-invocation log, searched for the errors behind an alarm.
    pub invocation_log_group: Option<String>,
    /// `APPLICATION_LOG_GROUPS`: application logs, searched for the same.
    pub application_log_groups: Vec<String>,
    /// `USE_CASE`: what the models are used for, in one sentence of a request's justification.
    pub use_case: Option<String>,
    /// `EXPECTED_GROWTH`: how use will grow, in another.
    pub expected_growth: Option<String>,
    /// `ACCOUNTS`: what differs in single accounts. [`Config::for_account`] applies it.
    pub accounts: Accounts,
}

/// Comma-separated patterns; `*` matches any text.
#[derive(Clone, Debug, Default)]
pub struct Patterns(Vec<WildMatch>);

impl Patterns {
    pub(super) fn parse(text: &str) -> Self {
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
            max_increases_per_day_organization: 20,
            require_history: SignedDuration::from_hours(3 * 24),
            notice_cool_down: SignedDuration::from_mins(240),
            digest_above: 5,
            quiet_to_close: SignedDuration::from_hours(24),
            headroom_threshold: 0.8,
            headroom_mode: Mode::Request,
            other_quotas: Mode::Observe,
            agent_core: Mode::Observe,
            reminder_days: vec![1, 3, 7],
            invocation_log_group: None,
            application_log_groups: Vec::new(),
            use_case: None,
            expected_growth: None,
            accounts: Accounts::default(),
        }
    }
}

impl Config {
    /// The guard rails in `account`: these, with the account's own settings in place of the common ones.
    pub fn for_account(&self, account: Option<&AccountId>) -> Cow<'_, Self> {
        let Some(settings) = account.and_then(|account| self.accounts.get(account)) else {
            return Cow::Borrowed(self);
        };
        Cow::Owned(Self {
            mode: settings.mode.unwrap_or(self.mode),
            max_increases_per_day: settings.max_increases_per_day.unwrap_or(self.max_increases_per_day),
            ..self.clone()
        })
    }

    /// How far our own requests may raise a quota.
    pub(crate) fn budget(&self) -> GrowthBudget {
        GrowthBudget { in_14_days: self.growth_14_days, in_90_days: self.growth_90_days }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_the_id_as_called_and_its_model() {
        let patterns = Patterns::parse("anthropic.*, eu.meta.*");
        let fits = |id| patterns.fit(&ModelId::parse(id).unwrap());
        assert!(fits("us.anthropic.claude-opus-5") && fits("eu.meta.llama3-2-1b-instruct-v1:0"));
        assert!(!fits("meta.llama3-2-1b-instruct-v1:0") && !fits("amazon.nova-lite-v1:0"));
    }
}
