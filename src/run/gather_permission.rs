//! Asks IAM which permission of a call is missing.

use jiff::Timestamp;

use crate::access;
use crate::diagnosis::Cause;
use crate::error::Gathered;
use crate::ids::{AccountRegion, Arn, caller_of, is_root};
use crate::incident::Incident;
use crate::permission::{Needed, PolicyVerdict, Ruling};
use crate::ports::{Clock, Permissions, ask};

/// Whether the missing permission may be in a policy of the caller's own account. A denial that names another
/// policy layer leaves nothing to ask.
pub(crate) fn is_of_own_policies(cause: Cause) -> bool {
    matches!(cause, Cause::IamUnspecified | Cause::IdentityPolicy)
}

/// IAM's rulings on the caller, the action and every resource of the call. If the model is a profile, `profile`
/// has the models it routes to.
pub(crate) async fn rulings(
    world: &(impl Permissions + Clock),
    place: &AccountRegion,
    incident: &Incident,
    profile: &Gathered<Option<Vec<String>>>,
    until: Timestamp,
) -> Gathered<Option<Vec<Ruling>>> {
    let facts = &incident.facts;
    let caller = incident.caller.as_deref().or(facts.principal.as_deref());
    let (Some(caller), Some(action)) = (caller.and_then(caller_of), access::action_of(facts)) else {
        return Gathered::NotAsked;
    };
    let routes = match profile {
        Gathered::NotAsked => &[][..],
        Gathered::Read(Some(routes)) => routes,
        // Without the profile's models, only a part of the needed permissions is known, and a verdict on a part
        // would look like a verdict on the whole. The evidence says why the profile is not known.
        Gathered::Read(None) | Gathered::Unread(_) => return Gathered::NotAsked,
    };
    let needed = access::needed(incident.model.as_ref(), place, facts.resource.as_deref(), routes);
    let is_own = Arn::parse(&caller).is_some_and(|arn| arn.account == place.account.as_str());
    if needed.is_empty() || is_root(&caller) {
        return Gathered::NotAsked;
    }
    if !is_own {
        // The policies of both accounts decide, and only one account can be asked.
        let open = |needed: Needed| Ruling {
            resource: needed.arn,
            verdict: PolicyVerdict::Undetermined,
            layer: None,
            missing_context: Vec::new(),
        };
        return Gathered::Read(Some(needed.into_iter().map(open).collect()));
    }
    ask(world, until, world.simulate(place, &caller, action, &needed)).await.into()
}
