//! Finds callers of a model that did not call it a week ago, as far as CloudTrail event history shows.
//!
//! Invariant: Pure. Callers without admitted calls do not use the quota, so shares are of admitted calls if CloudTrail
//! shows enough of them. A sample that is too small decides nothing.

use crate::callers::{Address, Origin};
use crate::event::signal::Recorded;
use crate::ids::is_root;
use crate::misuse::demand::Unusual;
use crate::model::ModelId;
use crate::quota::record::Suspect;
use crate::text::Safe;

/// Share of the calls from which callers that were not seen before count as strangers.
const STRANGE: f64 = 0.3;
/// Earlier calls of a model needed for a comparison. With fewer, everyone would be a stranger.
const ENOUGH: usize = 20;
/// Current calls needed for a sample.
const FEWEST: usize = 5;

/// Who made one call, as CloudTrail shows it.
#[derive(Clone, Debug, PartialEq)]
struct Originator {
    principal: Option<String>,
    /// The calling product, without its version.
    agent: Option<String>,
    address: Option<Address>,
}

impl Originator {
    fn of(caller: Option<&str>, origin: &Origin) -> Self {
        let product = |agent: &str| agent.split('/').next().unwrap_or(agent).to_owned();
        Self {
            principal: caller.map(str::to_owned),
            agent: origin.agent.as_deref().map(product),
            address: origin.address,
        }
    }
}

/// A sample of a model's calls from CloudTrail event history.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    admitted: Vec<Originator>,
    refused: Vec<Originator>,
}

impl Sample {
    /// Selects the calls of `models` from what was recorded.
    pub fn of(recorded: &[Recorded], models: &[ModelId]) -> Self {
        let is_of_it = |model: Option<&ModelId>| model.is_some_and(|model| models.contains(model));
        let mut sample = Self::default();
        for recorded in recorded {
            let calls = recorded.calls.iter().filter(|call| is_of_it(call.model.as_ref()));
            sample.admitted.extend(calls.map(|call| Originator::of(call.caller.as_deref(), &call.origin)));
            let errors = recorded.errors.iter().filter(|error| is_of_it(error.model.as_ref()));
            sample.refused.extend(errors.map(|error| Originator::of(error.caller.as_deref(), &error.origin)));
        }
        sample
    }

    /// The number of calls in the sample.
    pub fn len(&self) -> usize {
        self.admitted.len() + self.refused.len()
    }

    /// Whether the sample is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn all(&self) -> impl Iterator<Item = &Originator> {
        self.admitted.iter().chain(&self.refused)
    }

    /// The calls that show who uses the quota: the admitted ones if there are enough, else all.
    fn telling(&self) -> Vec<&Originator> {
        let admitted: Vec<&Originator> = self.admitted.iter().collect();
        if admitted.len() >= FEWEST { admitted } else { self.all().collect() }
    }
}

/// Samples of who calls a model now, and who called it a week ago.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Samples {
    /// Calls of the last hours.
    pub now: Sample,
    /// Calls of the day a week ago.
    pub earlier: Sample,
}

impl Samples {
    /// Whether the account's root user is among the current callers.
    pub(crate) fn has_root(&self) -> bool {
        self.now.all().any(|who| who.principal.as_deref().is_some_and(is_root))
    }

    /// Whether both samples are large enough to compare.
    pub(crate) fn is_telling(&self) -> bool {
        self.now.telling().len() >= FEWEST && self.earlier.len() >= ENOUGH
    }

    /// Callers that make a large share of the calls and did not call a week ago; `None` if there are none.
    pub(crate) fn strangers(&self) -> Option<Unusual> {
        let (now, earlier): (Vec<&Originator>, Vec<&Originator>) =
            (self.now.telling(), self.earlier.all().collect());
        let named = |who: &Originator| who.principal.clone();
        let agent = |who: &Originator| who.agent.clone();
        let address = |who: &Originator| who.address.map(|address| address_words(address).to_owned());
        let shown = |arn: &str| {
            Safe::arn(arn).map_or_else(|| "an unknown caller".to_owned(), |arn| format!("`{arn}`"))
        };
        share(&now, &earlier, named, shown)
            .or_else(|| {
                share(&now, &earlier, agent, |agent| format!("clients of `{}`", Safe::line(agent, 64)))
            })
            .or_else(|| share(&now, &earlier, address, str::to_owned))
    }
}

const fn address_words(address: Address) -> &'static str {
    match address {
        Address::Private => "callers of private addresses",
        Address::Public => "callers from the internet",
        Address::AwsService => "AWS services on somebody's behalf",
    }
}

/// Compares one property of the calls. Calls without a known value are ignored.
fn share(
    now: &[&Originator],
    earlier: &[&Originator],
    of: impl Fn(&Originator) -> Option<String>,
    shown: impl Fn(&str) -> String,
) -> Option<Unusual> {
    let known: Vec<String> = earlier.iter().filter_map(|who| of(who)).collect();
    let present: Vec<String> = now.iter().filter_map(|who| of(who)).collect();
    if known.len() < ENOUGH || present.len() < FEWEST {
        return None;
    }
    let mut strange: Vec<&String> = present.iter().filter(|one| !known.contains(one)).collect();
    // No sample comes near 2^53.
    #[allow(clippy::cast_precision_loss)]
    let part = strange.len() as f64 / present.len() as f64;
    if part < STRANGE {
        return None;
    }
    strange.sort_unstable();
    strange.dedup();
    let names: Vec<String> = strange.iter().take(3).map(|one| shown(one)).collect();
    let more = if strange.len() > names.len() { " and others" } else { "" };
    Some(Unusual {
        kind: Suspect::Stranger,
        why: format!(
            "{}{more} made {:.0} % of {} calls of the last hours that CloudTrail shows, and none of {} calls of a week before",
            names.join(", "),
            part * 100.0,
            present.len(),
            known.len()
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(role: &str, agent: &str, address: Address) -> Originator {
        let principal = Some(format!("arn:aws:iam::111122223333:role/{role}"));
        Originator { principal, agent: Some(agent.to_owned()), address: Some(address) }
    }

    fn sample(calls: &[(&str, &str, Address, usize)]) -> Sample {
        let each = calls.iter().flat_map(|(role, agent, address, n)| vec![who(role, agent, *address); *n]);
        Sample { admitted: each.collect(), refused: Vec::new() }
    }

    const PRIVATE: Address = Address::Private;

    #[test]
    fn a_new_principal_agent_or_address_with_a_third_of_the_calls_is_a_stranger() {
        let earlier = sample(&[("app", "Boto3", PRIVATE, 30)]);
        for (calls, says) in [
            (
                vec![("app", "Boto3", PRIVATE, 60), ("other", "Boto3", PRIVATE, 40)],
                Some("`arn:aws:iam::111122223333:role/other`"),
            ),
            (vec![("app", "Boto3", PRIVATE, 60), ("app", "curl", PRIVATE, 40)], Some("clients of `curl`")),
            (
                vec![("app", "Boto3", PRIVATE, 60), ("app", "Boto3", Address::Public, 40)],
                Some("callers from the internet"),
            ),
            (vec![("app", "Boto3", PRIVATE, 80), ("other", "curl", Address::Public, 20)], None),
            (vec![("app", "Boto3", PRIVATE, 100)], None),
        ] {
            let callers = Samples { now: sample(&calls), earlier: earlier.clone() };
            let found = callers.strangers();
            assert_eq!(found.is_some(), says.is_some(), "{calls:?}");
            assert!(
                found.is_none_or(
                    |found| found.kind == Suspect::Stranger && found.why.starts_with(says.unwrap())
                )
            );
        }
    }

    #[test]
    fn too_few_calls_say_nothing() {
        let stranger = sample(&[("other", "curl", PRIVATE, 100)]);
        for n in [0, 19] {
            let callers = Samples { now: stranger.clone(), earlier: sample(&[("app", "Boto3", PRIVATE, n)]) };
            assert_eq!((callers.strangers(), callers.is_telling()), (None, false));
        }
        let few = sample(&[("other", "curl", PRIVATE, 4)]);
        assert_eq!(Samples { now: few, earlier: sample(&[("app", "Boto3", PRIVATE, 20)]) }.strangers(), None);
    }

    #[test]
    fn refused_calls_do_not_count_beside_admitted_ones() {
        let mut now = sample(&[("app", "Boto3", PRIVATE, 20)]);
        now.refused = vec![who("other", "curl", PRIVATE); 100];
        let earlier = sample(&[("app", "Boto3", PRIVATE, 30)]);
        assert_eq!(Samples { now: now.clone(), earlier: earlier.clone() }.strangers(), None);
        now.admitted.clear();
        assert!(Samples { now, earlier }.strangers().is_some(), "where no call is shown to be admitted");
    }
}
