//! How the function is set up, as the world file has it.

use super::{PortCall, Sandbox};
use crate::ids::Place;
use crate::world::{Answer, PolicyVerdict, RuleState, Setup, Trail};

impl Setup for Sandbox {
    async fn trails(&self, _: &Place) -> Answer<Vec<Trail>> {
        self.call(PortCall::Trails, |state| Ok(state.file.trails.clone())).await
    }

    async fn rules(&self, _: &Place, prefix: &str) -> Answer<Vec<(String, RuleState)>> {
        self.call(PortCall::Rules, |state| {
            let named = state.file.rules.iter().filter(|rule| rule.name.starts_with(prefix));
            Ok(named.map(|rule| (rule.name.clone(), rule.state)).collect())
        })
        .await
    }

    async fn own_alarms(&self, _: &Place, prefix: &str) -> Answer<Vec<(String, bool)>> {
        self.call(PortCall::OwnAlarms, |state| {
            let named = state.file.own_alarms.iter().filter(|(name, _)| name.starts_with(prefix));
            Ok(named.map(|(name, acts)| (name.clone(), *acts)).collect())
        })
        .await
    }

    /// By the same entries as of any caller.
    async fn rights(
        &self,
        _: &Place,
        role: &str,
        actions: &[&str],
        resource: &str,
    ) -> Answer<Option<Vec<PolicyVerdict>>> {
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
