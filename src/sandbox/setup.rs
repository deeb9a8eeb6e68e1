//! How the function is set up, as the world file has it.

use super::Sandbox;
use crate::ids::Place;
use crate::world::{Answer, PolicyVerdict, PortError, RuleState, Setup, Trail};

impl Setup for Sandbox {
    async fn trails(&self, _: &Place) -> Answer<Vec<Trail>> {
        self.call("trails", |state| Ok(state.file.trails.clone())).await
    }

    async fn rules(&self, _: &Place, prefix: &str) -> Answer<Vec<(String, RuleState)>> {
        self.call("rules", |state| {
            let named = state.file.rules.iter().filter(|rule| rule.name.starts_with(prefix));
            Ok(named.map(|rule| (rule.name.clone(), rule.state)).collect())
        })
        .await
    }

    async fn own_alarms(&self, _: &Place, prefix: &str) -> Answer<Vec<(String, bool)>> {
        self.call("own_alarms", |state| {
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
    ) -> Answer<Vec<PolicyVerdict>> {
        self.call("rights", |state| {
            let of_role = || state.file.policies.iter().filter(|p| p.caller == role);
            if of_role().next().is_none() {
                return Err(PortError::Missing);
            }
            let verdict = |action: &&str| {
                let fits = of_role().find(|p| p.fits(action, resource));
                fits.map_or(PolicyVerdict::Undetermined, |p| p.verdict)
            };
            Ok(actions.iter().map(verdict).collect())
        })
        .await
    }
}
