//! How the function is set up, as the world file describes it.

use crate::error::{ServiceError, ServiceResult};
use crate::iam_action::IamAction;
use crate::ids::AccountRegion;
use crate::installation::{EventRule, Reads, RuleTrigger, Subscriptions, Trail};
use crate::permission::PolicyVerdict;
use crate::ports::Setup;
use crate::sandbox::PortCall;
use crate::sandbox::file::{RuleEntry, TrailEntry};
use crate::sandbox::state::Sandbox;

impl Setup for Sandbox {
    async fn trails(&self, _: &AccountRegion) -> ServiceResult<Vec<Trail>> {
        self.call(PortCall::Trails, |state| {
            let trail = |entry: &TrailEntry| Trail {
                name: entry.name.clone(),
                is_logging: entry.is_logging.ok_or_else(|| ServiceError::denied(IamAction::GetTrailStatus)),
                records_reads: match (&entry.account, entry.records_reads) {
                    (Some(account), _) => Ok(Reads::OfAccount(account.clone())),
                    (None, Some(true)) => Ok(Reads::Recorded),
                    (None, Some(false)) => Ok(Reads::LeftOut),
                    (None, None) => Err(ServiceError::denied(IamAction::GetEventSelectors)),
                },
            };
            Ok(state.file.trails.iter().map(trail).collect())
        })
        .await
    }

    async fn rules(&self, _: &AccountRegion, prefix: &str) -> ServiceResult<Vec<EventRule>> {
        self.call(PortCall::Rules, |state| {
            let named = state.file.rules.iter().filter(|rule| rule.name.starts_with(prefix));
            let rule = |entry: &RuleEntry| EventRule {
                name: entry.name.clone(),
                state: entry.state,
                trigger: if entry.is_scheduled {
                    RuleTrigger::Schedule
                } else {
                    RuleTrigger::Events(entry.detail_types.clone())
                },
            };
            Ok(named.map(rule).collect())
        })
        .await
    }

    /// Passes the same gate as the notices' topic.
    async fn subscriptions(&self, topic: &str) -> ServiceResult<Subscriptions> {
        self.call(PortCall::Subscribers, |state| {
            let people = (state.file.subscribers.unwrap_or(1), 0);
            let entry = state.file.topics.get(topic);
            let (confirmed, pending) = entry.map_or(people, |entry| (entry.confirmed, entry.pending));
            Ok(Subscriptions { confirmed, pending })
        })
        .await
    }

    async fn own_alarms(&self, _: &AccountRegion, prefix: &str) -> ServiceResult<Vec<(String, bool)>> {
        self.call(PortCall::OwnAlarms, |state| {
            let named = state.file.own_alarms.iter().filter(|(name, _)| name.starts_with(prefix));
            Ok(named.map(|(name, acts)| (name.clone(), *acts)).collect())
        })
        .await
    }

    /// Uses the same entries as for any caller.
    async fn rights(
        &self,
        _: &AccountRegion,
        role: &str,
        actions: &[&str],
        resource: &str,
    ) -> ServiceResult<Option<Vec<PolicyVerdict>>> {
        self.call(PortCall::Rights, |state| {
            let of_role = || state.file.policies.iter().filter(|p| p.caller == role);
            if of_role().next().is_none() {
                return Ok(None);
            }
            let verdict = |action: &&str| {
                let fits = of_role().find(|p| p.fits(action, resource));
                fits.map_or(PolicyVerdict::Undetermined, |p| p.verdict)
            };
            Ok(Some(actions.iter().map(verdict).collect()))
        })
        .await
    }
}
