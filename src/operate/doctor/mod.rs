//! Checks an installation in one Region: what is missing, what the function cannot see without it, and the command that
//! fixes it.
//!
//! Invariant: It only reads. What could not be read is unknown, never good.

pub mod parts;
mod check;
mod generated;
mod member;
mod patient;
mod quotas;
mod role;
mod stack;
mod trail;

use crate::error::ServiceResult;
use crate::iam_action::IamAction;
use crate::ids::QuotaService;
use crate::installation::Subscriptions;
use crate::operate::doctor::check::of_answer;
pub use crate::operate::doctor::check::{Check, Finding};
pub use crate::operate::doctor::member::examine_member;
pub use crate::operate::doctor::parts::{ALARMS, RULES, TRIGGERS};
pub use crate::operate::doctor::patient::Installation;
use crate::operate::doctor::quotas::{of_catalogue, of_quotas};
use crate::operate::doctor::role::rights;
use crate::operate::doctor::stack::{of_alarms, of_rules};
use crate::operate::doctor::trail::of_trails;
use crate::ports::{Services, Setup};
use crate::shards::{Shard, Shards};
use crate::usage::Endpoint;

/// Runs all checks.
pub async fn examine<W: Services + Setup>(world: &W, patient: &Installation<'_>) -> Vec<Check> {
    let place = patient.place;
    let beginning = generated::beginning(patient.stack);
    let (trails, rules, alarms, rights) = tokio::join!(
        world.trails(place),
        world.rules(place, &beginning),
        world.own_alarms(place, patient.stack),
        rights(world, patient),
    );
    let (logging, quotas, used) = tokio::join!(
        world.invocation_logging(place),
        world.listing(place, QuotaService::Bedrock),
        world.used(place, Endpoint::Runtime)
    );
    let mut checks = vec![
        of_trails(trails),
        of_rules(patient, rules),
        of_alarms(patient, alarms),
        of_logging(patient, logging),
        rights,
        of_catalogue(patient, quotas.as_ref(), world.now()),
        of_quotas(quotas),
        of_answer(
            "metrics",
            used.map(|used| format!("{} models were called in the last two weeks", used.len())),
            "how much of a quota is used: no increase is ever filed, and nothing is seen coming",
            IamAction::ListMetrics,
        ),
    ];
    for (listeners, topic) in [(PEOPLE, patient.topic), (OPERATORS, patient.operator_topic)] {
        if let Some(topic) = topic {
            checks.push(of_subscriptions(&listeners, topic, world.subscriptions(topic).await));
        }
    }
    if patient.table.is_some() {
        let due = world.due(Shards::one(Shard::FIRST), world.now(), 1).await;
        checks.push(of_answer(
            "ledger",
            due.map(|_| "the table answers".to_owned()),
            "everything: what cannot be recorded is not acknowledged",
            IamAction::Query,
        ));
    }
    checks
}

fn of_logging(patient: &Installation<'_>, logging: ServiceResult<Option<String>>) -> Check {
    const NAME: &str = "invocation log";
    let blind = "errors behind an alarm that CloudTrail does not show";
    let optional = |seen: String, mend: String| Check {
        finding: Finding::Optional,
        ..Check::missing(NAME, seen, blind, mend)
    };
    match (logging, patient.config.invocation_log_group.as_deref()) {
        (Ok(Some(group)), Some(named)) if group == named => {
            Check::good(NAME, format!("`{group}`, which the function may search"))
        }
        (Ok(Some(group)), _) => {
            let mend = format!("{} --parameter-overrides InvocationLogGroup={group}", patient.redeploy());
            optional(format!("`{group}`, which the function was not given to search"), mend)
        }
        (Ok(None), _) => optional(
            "model invocations are not logged".to_owned(),
            format!(
                "aws bedrock put-model-invocation-logging-configuration --region {} --logging-config '{{\"cloudWatchConfig\":{{\"logGroupName\":\"GROUP\",\"roleArn\":\"ROLE\"}}}}'  # it will hold prompts",
                patient.place.region
            ),
        ),
        (Err(why), _) => Check::unknown(NAME, &why),
    }
}

/// The subscribers of a topic.
struct Listeners {
    /// The check's name.
    name: &'static str,
    /// Whose topic it is.
    whose: &'static str,
    blind_to: &'static str,
}

const PEOPLE: Listeners =
    Listeners { name: "subscriptions", whose: "people's", blind_to: "nothing, but nobody is told" };
const OPERATORS: Listeners = Listeners {
    name: "operators",
    whose: "operators'",
    blind_to: "nothing, but nobody hears of the function's own failures: its health alarms speak to this topic",
};

fn of_subscriptions(listeners: &Listeners, topic: &str, answer: ServiceResult<Subscriptions>) -> Check {
    let Subscriptions { confirmed, pending } = match answer {
        Ok(subscriptions) => subscriptions,
        Err(why) => return Check::unknown(listeners.name, &why),
    };
    let waiting = if pending == 0 { String::new() } else { format!(", {pending} not confirmed yet") };
    if confirmed > 0 {
        return Check::good(listeners.name, format!("{confirmed} confirmed{waiting}"));
    }
    let how = match pending {
        0 => "then confirm the mail",
        // SNS deletes unconfirmed subscriptions.
        _ => "the same address gets the confirmation mail again; then confirm it",
    };
    Check::missing(
        listeners.name,
        format!("no subscription of the {} topic is confirmed{waiting}", listeners.whose),
        listeners.blind_to,
        format!(
            "aws sns subscribe --topic-arn {topic} --protocol email --notification-endpoint YOU@EXAMPLE.COM  # {how}"
        ),
    )
}
