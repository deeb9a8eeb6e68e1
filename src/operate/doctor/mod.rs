//! Checks an installation in one Region: what is missing, what the function cannot see without it, and the command that
//! fixes it.
//!
//! Invariant: It only reads. What could not be read is unknown, never good.

pub mod parts;
mod generated;

use std::fmt::Write as _;

use serde::Serialize;

use crate::config::Config;
use crate::error::{ServiceError, ServiceResult};
use crate::ids::{AccountRegion, Arn};
use crate::installation::{EventRule, Reads, RuleState, Subscriptions, Trail};
use crate::operate::doctor::parts::READS_TOO;
pub use crate::operate::doctor::parts::{ALARMS, RULES, TRIGGERS};
use crate::permission::PolicyVerdict;
use crate::ports::{Services, Setup};
use crate::quota::{Catalog, Readable};
use crate::shards::{Shard, Shards};
use crate::wire_enum::wire_enum;

wire_enum! {
    /// The result of a check.
    pub enum Finding {
        /// It is in place.
        Good = "good",
        /// It is not in place, and the function works without it.
        Optional = "optional",
        /// It is not in place, and the function needs it.
        Missing = "missing",
        /// It could not be checked.
        Unknown = "unknown",
    }
}

/// One thing that the function depends on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    /// The name of the check.
    pub name: &'static str,
    /// The result.
    pub finding: Finding,
    /// What was seen.
    pub seen: String,
    /// What the function cannot see without it; `None` if it is in place or nothing is known about it.
    pub blind_to: Option<String>,
    /// The command that fixes it; `None` if it is in place or no command is known.
    pub mend: Option<String>,
}

/// The installation to check.
#[derive(Clone, Copy, Debug)]
pub struct Installation<'a> {
    /// The stack name, with which its rules and alarms begin.
    pub stack: &'a str,
    /// The account and Region of the stack.
    pub place: &'a AccountRegion,
    /// The function's role; `None` if unknown, and then its permissions are not checked.
    pub role: Option<&'a str>,
    /// The topic for notices; `None` if it is not in this Region.
    pub topic: Option<&'a str>,
    /// The topic for the function's operators; `None` if it is not in this Region.
    pub operator_topic: Option<&'a str>,
    /// The ledger's table; `None` if it is not in this Region.
    pub table: Option<&'a str>,
    /// The guard rails.
    pub config: &'a Config,
}

/// The permissions of the function's role that are checked, and the resource of each.
pub const RIGHTS: &[(On, &[&str])] = &[
    (
        On::Anything,
        &[
            "bedrock:GetFoundationModel",
            "bedrock:GetFoundationModelAvailability",
            "bedrock:GetInferenceProfile",
            "bedrock:GetModelInvocationLoggingConfiguration",
            "bedrock:GetUseCaseForModelAccess",
            "bedrock:ListFoundationModelAgreementOffers",
            "bedrock:ListFoundationModels",
            "bedrock:ListInferenceProfiles",
            "cloudtrail:LookupEvents",
            "cloudwatch:DescribeAlarmContributors",
            "cloudwatch:DescribeAlarms",
            "cloudwatch:GetMetricData",
            "cloudwatch:ListMetrics",
            "servicequotas:GetAWSDefaultServiceQuota",
            "servicequotas:GetRequestedServiceQuotaChange",
            "servicequotas:GetServiceQuota",
            "servicequotas:ListAWSDefaultServiceQuotas",
            "servicequotas:ListRequestedServiceQuotaChangeHistoryByQuota",
            "servicequotas:ListServiceQuotas",
        ],
    ),
    (On::Quotas, &["servicequotas:RequestServiceQuotaIncrease"]),
    (On::Roles, &["iam:GetRole", "iam:SimulatePrincipalPolicy"]),
    (On::Logs, &["logs:GetQueryResults", "logs:StartQuery"]),
    (On::Table, &["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem"]),
    (On::Topic, &["sns:GetTopicAttributes", "sns:Publish"]),
];

/// The kind of resource that a permission is granted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum On {
    Anything,
    Quotas,
    Roles,
    Logs,
    Table,
    Topic,
}

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
    let (logging, quotas, used) =
        tokio::join!(world.invocation_logging(place), world.listing(place), world.used(place));
    let mut checks = vec![
        of_trails(trails),
        of_rules(patient, rules),
        of_alarms(patient, alarms),
        of_logging(patient, logging),
        rights,
        of_quotas(quotas),
        of_answer(
            "metrics",
            used.map(|used| format!("{} models were called in the last two weeks", used.len())),
            "how much of a quota is used: no increase is ever filed, and nothing is seen coming",
            "cloudwatch:ListMetrics",
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
            "dynamodb:Query",
        ));
    }
    checks
}

impl Check {
    fn good(name: &'static str, seen: impl Into<String>) -> Self {
        Self { name, finding: Finding::Good, seen: seen.into(), blind_to: None, mend: None }
    }

    fn missing(
        name: &'static str,
        seen: impl Into<String>,
        blind_to: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self {
            name,
            finding: Finding::Missing,
            seen: seen.into(),
            blind_to: Some(blind_to.into()),
            mend: Some(mend.into()),
        }
    }

    fn unknown(name: &'static str, why: &ServiceError) -> Self {
        let seen = format!("it could not be asked: {why}");
        Self { name, finding: Finding::Unknown, seen, blind_to: None, mend: None }
    }
}

/// A check that consists of one call.
fn of_answer(
    name: &'static str,
    answer: ServiceResult<String>,
    blind_to: &'static str,
    right: &'static str,
) -> Check {
    match answer {
        Ok(seen) => Check::good(name, seen),
        Err(why @ ServiceError::Denied(_)) => Check::missing(
            name,
            format!("your credentials may not ask: {why}"),
            format!("if the function's role lacks it too: {blind_to}"),
            format!("allow {right}, for yourself and for the function's role"),
        ),
        Err(why) => Check::unknown(name, &why),
    }
}

/// How many of the account's inference quotas this program can read. It fails if more than one in ten is unreadable,
/// because then AWS has reworded them.
fn of_quotas(listing: ServiceResult<Catalog>) -> Check {
    const NAME: &str = "quotas";
    const BLIND: &str = "which quota a throttle is about, and what holds: no increase is ever filed";
    let listing = match listing {
        Ok(listing) => listing,
        Err(why) => return of_answer(NAME, Err(why), BLIND, "servicequotas:ListServiceQuotas"),
    };
    let Readable { read, unread } = Readable::of(&listing);
    let all = read + unread.len();
    let mut seen = format!("{read} of {all} inference quotas are readable");
    if all == 0 {
        // Either the listing lacks inference quotas, or it names them in an unknown way.
        return Check {
            finding: Finding::Unknown,
            ..Check::missing(
                NAME,
                format!("none of {} quotas looks like an inference quota", listing.quotas().len()),
                BLIND,
                UPDATE,
            )
        };
    }
    if let Some(first) = unread.first() {
        // Writing to a string cannot fail.
        let _ = write!(seen, "; one that is not: `{first}`");
    }
    if unread.len() * 10 > all {
        return Check::missing(NAME, seen, format!("for the others: {BLIND}"), UPDATE);
    }
    Check::good(NAME, seen)
}

/// The fix if AWS's quota names are newer than this program.
const UPDATE: &str =
    "git pull && sam build --beta-features && sam deploy  # a newer version reads newer names";

fn of_trails(trails: ServiceResult<Vec<Trail>>) -> Check {
    const NAME: &str = "trail";
    const BLIND: &str = "every error's text: EventBridge passes on only what a trail records. Only alarms are left, and of an alarm the metric and the model";
    let trails = match trails {
        Ok(trails) => trails,
        Err(why) => return Check::unknown(NAME, &why),
    };
    let is_good = |t: &&Trail| t.is_logging == Ok(true) && t.records_reads == Ok(Reads::Recorded);
    if let Some(trail) = trails.iter().find(is_good) {
        return Check::good(NAME, format!("`{}` records management events, reads included", trail.name));
    }
    let open: Vec<(String, Option<String>)> = trails.iter().filter_map(open).collect();
    if !open.is_empty() {
        // One of these trails may be the one that is needed.
        let (seen, asks): (Vec<String>, Vec<Option<String>>) = open.into_iter().unzip();
        let proof = "An inference call that fails and is told of within 15 minutes proves it as well";
        return Check {
            finding: Finding::Unknown,
            mend: asks.into_iter().flatten().next(),
            ..Check::missing(NAME, format!("{}. {proof}", seen.join("; ")), BLIND, "")
        };
    }
    let records = |t: &Trail| t.records_reads == Ok(Reads::Recorded);
    match trails.iter().max_by_key(|t| (records(t), t.is_logging == Ok(true))) {
        Some(trail) if records(trail) => Check::missing(
            NAME,
            format!("`{}` is not logging", trail.name),
            BLIND,
            format!("aws cloudtrail start-logging --name {}", trail.name),
        ),
        Some(Trail { name, records_reads: Ok(Reads::LeftOut), .. }) => Check::missing(
            NAME,
            format!("`{name}` does not record management events that only read, as inference calls do"),
            BLIND,
            format!(
                "aws cloudtrail put-event-selectors --trail-name {name} --event-selectors '[{{\"ReadWriteType\":\"All\",\"IncludeManagementEvents\":true}}]'  # takes the place of the selectors it has"
            ),
        ),
        _ => Check::missing(
            NAME,
            "no trail records this Region",
            BLIND,
            "aws cloudtrail create-trail --name management-events --s3-bucket-name BUCKET --is-multi-region-trail && aws cloudtrail start-logging --name management-events",
        ),
    }
}

/// What is unknown about a trail that may be good, and the command that clarifies it; `None` if nothing is unknown.
fn open(trail: &Trail) -> Option<(String, Option<String>)> {
    let name = &trail.name;
    match (&trail.is_logging, &trail.records_reads) {
        (Ok(false), _) | (_, Ok(Reads::LeftOut)) | (Ok(true), Ok(Reads::Recorded)) => None,
        (logging, Ok(Reads::OfAccount(account))) => {
            let logs = match logging {
                Ok(_) => format!("`{name}` is logging"),
                Err(why) => format!("whether `{name}` is logging could not be asked ({why})"),
            };
            Some((
                format!(
                    "{logs}; it belongs to account {account}, as an organization's trail does: ask the management account whether it records management events that only read"
                ),
                Some(format!(
                    "aws cloudtrail get-event-selectors --trail-name {name}  # with credentials of account {account}, in the trail's home Region"
                )),
            ))
        }
        (Err(why), Ok(Reads::Recorded)) => {
            Some((format!("whether `{name}` is logging could not be asked: {why}"), None))
        }
        (_, Err(why)) => Some((
            format!("whether `{name}` records management events that only read could not be asked: {why}"),
            None,
        )),
    }
}

fn of_rules(patient: &Installation<'_>, rules: ServiceResult<Vec<EventRule>>) -> Check {
    const NAME: &str = "rules";
    let rules = match rules {
        Ok(rules) => rules,
        Err(why) => return Check::unknown(NAME, &why),
    };
    let found: Vec<_> = RULES.iter().map(|(id, _)| generated::of(patient.stack, id, &rules)).collect();
    if found.iter().all(Vec::is_empty) {
        let seen = format!("no rule of a stack `{}` is here", patient.stack);
        return Check::missing(NAME, seen, "everything that happens in this Region", redeploy(patient));
    }
    let (mut seen, mut blind_to, mut disabled) = (Vec::new(), Vec::new(), Vec::new());
    let (mut deploys, mut only_unclear) = (false, true);
    for ((id, shows), found) in RULES.iter().zip(found) {
        let what = match found.as_slice() {
            [one] => match (one.state, *id) {
                (RuleState::EnabledWithReads, _) => continue,
                (RuleState::Enabled, id) if id != READS_TOO => continue,
                (RuleState::Enabled, _) => {
                    deploys = true;
                    "gets no events that only read".to_owned()
                }
                (RuleState::Disabled, id) => {
                    if id == READS_TOO {
                        deploys = true;
                    } else {
                        let region = &patient.place.region;
                        disabled
                            .push(format!("aws events enable-rule --name {} --region {region}", one.name));
                    }
                    "is disabled".to_owned()
                }
            },
            [] => {
                deploys = true;
                "is missing".to_owned()
            }
            several => {
                let names: Vec<_> = several.iter().map(|rule| format!("`{}`", rule.name)).collect();
                seen.push(format!("{id} is one of {}: their names are cut short", names.join(" and ")));
                continue;
            }
        };
        only_unclear = false;
        seen.push(format!("{id} {what}"));
        blind_to.push(*shows);
    }
    if seen.is_empty() {
        return Check::good(NAME, format!("all {} are on", RULES.len()));
    }
    if only_unclear {
        let seen = seen.join("; ");
        return Check { name: NAME, finding: Finding::Unknown, seen, blind_to: None, mend: None };
    }
    let deploy = deploys.then(|| redeploy(patient));
    let mend: Vec<String> = deploy.into_iter().chain(disabled).collect();
    Check::missing(NAME, seen.join("; "), blind_to.join("; "), mend.join(" && "))
}

fn redeploy(patient: &Installation<'_>) -> String {
    format!(
        "sam deploy --stack-name {} --region {} --resolve-s3 --capabilities CAPABILITY_IAM",
        patient.stack, patient.place.region
    )
}

fn of_alarms(patient: &Installation<'_>, alarms: ServiceResult<Vec<(String, bool)>>) -> Check {
    const NAME: &str = "alarms";
    let alarms = match alarms {
        Ok(alarms) => alarms,
        Err(why) => return Check::unknown(NAME, &why),
    };
    if alarms.is_empty() {
        let seen = format!("no alarm of a stack `{}` is here", patient.stack);
        let blind = "throttles that CloudTrail does not record, and the function's own health";
        return Check::missing(NAME, seen, blind, redeploy(patient));
    }
    let (mut seen, mut blind_to, mut silent) = (Vec::new(), Vec::new(), Vec::new());
    let mut is_lacking = false;
    for (end, shows) in ALARMS {
        let name = format!("{}-{end}", patient.stack);
        match alarms.iter().find(|(known, _)| *known == name) {
            // A model alarm reaches the function through a rule, which needs no alarm action.
            Some((_, acts)) if *acts || end.starts_with("models-") => continue,
            Some(_) => {
                seen.push(format!("`{end}` tells nobody"));
                silent.push(name);
            }
            None => {
                seen.push(format!("`{end}` is missing"));
                is_lacking = true;
            }
        }
        blind_to.push(*shows);
    }
    if seen.is_empty() {
        return Check::good(NAME, format!("all {} are there and heard", ALARMS.len()));
    }
    let mut mend: Vec<String> = is_lacking.then(|| redeploy(patient)).into_iter().collect();
    if !silent.is_empty() {
        mend.push(format!(
            "aws cloudwatch enable-alarm-actions --alarm-names {} --region {}",
            silent.join(" "),
            patient.place.region
        ));
    }
    Check::missing(NAME, seen.join("; "), blind_to.join("; "), mend.join(" && "))
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
            let mend = format!("{} --parameter-overrides InvocationLogGroup={group}", redeploy(patient));
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

/// Checks the function's role with the IAM policy simulator.
async fn rights<W: Setup>(world: &W, patient: &Installation<'_>) -> Check {
    const NAME: &str = "role";
    let Some(role) = patient.role else {
        let seen = "which role? name it with --role or the variable ROLE_ARN".to_owned();
        return Check { name: NAME, finding: Finding::Unknown, seen, blind_to: None, mend: None };
    };
    let (mut lacking, mut asked) = (Vec::new(), 0);
    for (on, actions) in RIGHTS {
        let Some(resource) = patient.resource(*on, role) else { continue };
        let verdicts = match world.rights(patient.place, role, actions, &resource).await {
            Ok(Some(verdicts)) => verdicts,
            Ok(None) => {
                return Check::missing(
                    NAME,
                    format!("this account has no role `{role}`"),
                    "everything that the role would let the function do",
                    "name the function's role with --role or the variable ROLE_ARN".to_owned(),
                );
            }
            Err(why) => return Check::unknown(NAME, &why),
        };
        asked += actions.len();
        let denied = actions.iter().zip(verdicts).filter(|(_, verdict)| *verdict != PolicyVerdict::Allowed);
        lacking.extend(denied.map(|(action, _)| *action));
    }
    if lacking.is_empty() {
        return Check::good(NAME, format!("all {asked} rights that were asked about"));
    }
    Check::missing(
        NAME,
        format!("lacks {}", lacking.join(", ")),
        "what these answer; each notice says what it could not ask",
        format!(
            "{}  # or ask the owner of its boundary, or of the organization's policies",
            redeploy(patient)
        ),
    )
}

impl Installation<'_> {
    /// The resource that a permission is checked on; `None` if it is not granted or the resource is unknown.
    fn resource(&self, on: On, role: &str) -> Option<String> {
        let (region, account) = (&self.place.region, &self.place.account);
        let partition = region.partition();
        let groups = self.config.invocation_log_group.iter().chain(&self.config.application_log_groups);
        match on {
            On::Anything => Some("*".to_owned()),
            On::Quotas => {
                Some(format!("arn:{partition}:servicequotas:{region}:{account}:bedrock/L-00000000"))
            }
            On::Roles => Arn::parse(role).map(|_| role.to_owned()),
            On::Logs => groups
                .last()
                .map(|group| format!("arn:{partition}:logs:{region}:{account}:log-group:{group}:*")),
            On::Table => {
                self.table.map(|table| format!("arn:{partition}:dynamodb:{region}:{account}:table/{table}"))
            }
            On::Topic => self.topic.map(str::to_owned),
        }
    }
}
