//! Reads how the function is set up: trails, rules, alarms and its role's permissions. Only commands use it.

use std::collections::HashMap;

use aws_sdk_cloudtrail::types::{AdvancedEventSelector, EventSelector, ReadWriteType, Trail as SdkTrail};
use aws_sdk_eventbridge::types::{Rule, RuleState as SdkState};
use serde_json::Value;

use crate::aws::clients::Aws;
use crate::aws::error;
use crate::aws::iam::verdict;
use crate::aws::regional::Regional;
use crate::error::{ServiceError, ServiceResult};
use crate::iam_action::IamAction;
use crate::ids::{AccountId, AccountRegion, Arn, Region};
use crate::installation::{EventRule, Reads, RuleState, RuleTrigger, Subscriptions, Trail};
use crate::permission::PolicyVerdict;
use crate::ports::Setup;

/// Whether a trail records read-only management events.
/// See <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-management-events-with-cloudtrail.html>.
fn records_reads(basic: &[EventSelector], advanced: &[AdvancedEventSelector]) -> bool {
    let reads = |s: &EventSelector| {
        s.include_management_events() != Some(false)
            && !matches!(s.read_write_type(), Some(ReadWriteType::WriteOnly))
    };
    let field = |s: &AdvancedEventSelector, name: &str, value: &str| {
        s.field_selectors().iter().any(|f| f.field() == name && f.equals().iter().any(|v| v == value))
    };
    let reads_too =
        |s: &AdvancedEventSelector| field(s, "eventCategory", "Management") && !field(s, "readOnly", "false");
    basic.iter().any(reads) || advanced.iter().any(reads_too)
}

/// What a rule reacts to.
fn trigger(rule: &Rule) -> RuleTrigger {
    if rule.schedule_expression().is_some() {
        return RuleTrigger::Schedule;
    }
    // A pattern that is not JSON matches no event.
    let pattern = serde_json::from_str::<Value>(rule.event_pattern().unwrap_or_default());
    RuleTrigger::of_pattern(&pattern.unwrap_or_default())
}

impl Aws {
    /// Reads a trail in its home Region. A failed call does not affect other results.
    async fn trail(&self, place: &AccountRegion, trail: &SdkTrail) -> ServiceResult<Trail> {
        let home = trail.home_region().and_then(Region::parse);
        let region = home.unwrap_or_else(|| place.region.clone());
        let there = self.at(&AccountRegion { account: place.account.clone(), region }).await?;
        let arn = trail.trail_arn().unwrap_or_default();
        let (status, selectors) = tokio::join!(
            there.trail.get_trail_status().name(arn).send(),
            there.trail.get_event_selectors().trail_name(arn).send(),
        );
        let status = status.map_err(|e| error::of_read(IamAction::GetTrailStatus, &e));
        let selectors = selectors.map_err(|e| error::of_read(IamAction::GetEventSelectors, &e));
        let owner = Arn::parse(arn).and_then(|arn| AccountId::parse(arn.account));
        let records_reads = match (selectors, owner.filter(|owner| *owner != place.account)) {
            (Ok(found), _) if records_reads(found.event_selectors(), found.advanced_event_selectors()) => {
                Ok(Reads::Recorded)
            }
            (Ok(_), _) => Ok(Reads::LeftOut),
            // A member account sees its organization's trail, but AWS refuses its selectors in several ways.
            (Err(why), Some(owner)) if !why.is_passing() => Ok(Reads::OfAccount(owner)),
            (Err(why), _) => Err(why),
        };
        Ok(Trail {
            name: trail.name().unwrap_or(arn).to_owned(),
            is_logging: status.map(|status| status.is_logging().unwrap_or(false)),
            records_reads,
        })
    }
}

impl Setup for Aws {
    async fn trails(&self, place: &AccountRegion) -> ServiceResult<Vec<Trail>> {
        let region = self.at(place).await?;
        let all = region.trail.describe_trails().include_shadow_trails(true).send().await;
        let all = all.map_err(|e| error::of_read(IamAction::DescribeTrails, &e))?;
        let mut trails = Vec::new();
        for trail in all.trail_list() {
            trails.push(Box::pin(self.trail(place, trail)).await?);
        }
        Ok(trails)
    }

    async fn rules(&self, place: &AccountRegion, prefix: &str) -> ServiceResult<Vec<EventRule>> {
        // Refuse another account's Region before making a client.
        let _: std::rc::Rc<Regional> = self.at(place).await?;
        let events = aws_sdk_eventbridge::Client::new(&self.config_in(&place.region));
        let (mut rules, mut next) = (Vec::new(), None);
        loop {
            let page = events.list_rules().name_prefix(prefix).set_next_token(next).send().await;
            let page = page.map_err(|e| error::of_read(IamAction::ListRules, &e))?;
            rules.extend(page.rules().iter().filter_map(|rule| {
                let state = match rule.state()? {
                    SdkState::Disabled => RuleState::Disabled,
                    SdkState::EnabledWithAllCloudtrailManagementEvents => RuleState::EnabledWithReads,
                    _ => RuleState::Enabled,
                };
                Some(EventRule { name: rule.name()?.to_owned(), state, trigger: trigger(rule) })
            }));
            next = page.next_token;
            if next.is_none() {
                return Ok(rules);
            }
        }
    }

    async fn subscriptions(&self, topic: &str) -> ServiceResult<Subscriptions> {
        let region = Arn::parse(topic).and_then(|arn| Region::parse(arn.region));
        let region =
            region.ok_or_else(|| ServiceError::invalid(format!("`{topic}` is not a topic's ARN")))?;
        let sns = aws_sdk_sns::Client::new(&self.config_in(&region));
        let answer = sns.get_topic_attributes().topic_arn(topic).send().await;
        let answer = answer.map_err(|e| crate::aws::sns::failed(IamAction::GetTopicAttributes, &e))?;
        let number = |name: &str| {
            let attribute = answer.attributes().and_then(|all| all.get(name));
            let number = attribute.and_then(|number| number.parse().ok());
            number
                .ok_or_else(|| ServiceError::invalid("the topic's attributes do not tell its subscriptions"))
        };
        Ok(Subscriptions {
            confirmed: number("SubscriptionsConfirmed")?,
            pending: number("SubscriptionsPending")?,
        })
    }

    async fn own_alarms(&self, place: &AccountRegion, prefix: &str) -> ServiceResult<Vec<(String, bool)>> {
        let call = self.at(place).await?.metrics.describe_alarms().alarm_name_prefix(prefix);
        let mut pages = call.into_paginator().send();
        let mut alarms = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| error::of_read(IamAction::DescribeAlarms, &e))?;
            alarms.extend(page.metric_alarms().iter().filter_map(|alarm| {
                Some((alarm.alarm_name()?.to_owned(), alarm.actions_enabled().unwrap_or(true)))
            }));
        }
        Ok(alarms)
    }

    async fn rights(
        &self,
        place: &AccountRegion,
        role: &str,
        actions: &[&str],
        resource: &str,
    ) -> ServiceResult<Option<Vec<PolicyVerdict>>> {
        let iam = &self.at(place).await?.iam;
        let call = iam.simulate_principal_policy().policy_source_arn(role).resource_arns(resource);
        let actions_asked = actions.iter().map(|a| (*a).to_owned()).collect();
        let mut pages = call.set_action_names(Some(actions_asked)).into_paginator().send();
        let mut verdicts: HashMap<String, PolicyVerdict> = HashMap::new();
        while let Some(page) = pages.next().await {
            let Some(page) = error::of_lookup(IamAction::SimulatePrincipalPolicy, page)? else {
                return Ok(None);
            };
            let results = page.evaluation_results().iter();
            verdicts.extend(results.map(|r| (r.eval_action_name().to_owned(), verdict(r.eval_decision()))));
        }
        let undecided = |action: &str| ServiceError::invalid(format!("IAM decided nothing about {action}"));
        let of = |action: &&str| verdicts.get(*action).copied().ok_or_else(|| undecided(action));
        actions.iter().map(of).collect::<ServiceResult<_>>().map(Some)
    }
}
