//! The access and permission steps: what is missing, who can do it, and how.
//!
//! Invariant: A reminder names one step for one person, and never suggests a way around somebody's decision.
//! See <https://docs.aws.amazon.com/bedrock/latest/userguide/model-access.html>.

use serde::Serialize;

use crate::diagnosis::{Cause, Facts};
use crate::ids::{AccountId, AccountRegion, Arn, console_host};
use crate::model::access::{Availability, ModelState, UseCaseForm};
use crate::model::lifecycle::Lifecycle;
use crate::model::{ModelId, ModelKind};
use crate::permission::{Needed, PolicyLayer, PolicyVerdict, Ruling};

/// A step that a person must take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reminder {
    /// The step's name, in kebab-case.
    pub step: &'static str,
    /// Who can take it.
    pub audience: &'static str,
    /// What to do, and why.
    pub text: String,
    /// Commands that take the step or show its status.
    pub commands: Vec<String>,
    /// The console page for it; `None` if there is none.
    pub link: Option<String>,
    /// Access steps that are done, as far as Bedrock reports; see [`Checklist`].
    pub done: Vec<&'static str>,
    /// Access steps that are not done.
    pub missing: Vec<&'static str>,
}

/// What Bedrock and IAM answered about an access or permission incident.
#[derive(Clone, Copy, Debug, Default)]
pub struct AccessEvidence<'a> {
    /// The model's state as Bedrock reports it; `None` if unknown.
    pub state: Option<&'a ModelState>,
    /// How many agreements the model's provider offers; `None` if unknown.
    pub offers: Option<usize>,
    /// IAM's ruling on each resource; empty if IAM was not asked.
    pub rulings: &'a [Ruling],
}

/// The actual cause, where the error text leaves it open. Where the text is clear, it outranks all other evidence.
pub fn missing(cause: Cause, asked: &AccessEvidence<'_>) -> Cause {
    match cause {
        Cause::NotGranted => missing_access(asked).unwrap_or(cause),
        Cause::IdentityPolicy | Cause::IamUnspecified => {
            StepFinding::of(asked.rulings).cause().unwrap_or(cause)
        }
        other => other,
    }
}

/// Whether the step that `cause` asks for is done; `None` if only the next call can show it. `had_missing`: whether
/// Bedrock earlier reported a missing step. A complete checklist alone proves nothing, because Bedrock has shown one
/// for accounts whose calls failed.
pub fn is_done(cause: Cause, asked: &AccessEvidence<'_>, had_missing: bool) -> Option<bool> {
    match cause {
        Cause::UseCaseForm => match asked.state?.form {
            UseCaseForm::Submitted => Some(true),
            UseCaseForm::Missing => Some(false),
            UseCaseForm::NotNeeded | UseCaseForm::Unread(_) => None,
        },
        Cause::NotGranted | Cause::Marketplace | Cause::Payment => {
            let Checklist { missing, unread, .. } = checklist(asked.state?);
            match (missing.as_slice(), unread.as_slice()) {
                ([], []) => had_missing.then_some(true),
                // The missing step may be one that could not be read.
                ([], _) => None,
                _ => Some(false),
            }
        }
        Cause::IdentityPolicy | Cause::IamUnspecified => match StepFinding::of(asked.rulings) {
            StepFinding::Open => None,
            StepFinding::Allowed => Some(true),
            StepFinding::Withheld(_) | StepFinding::LacksAll | StepFinding::Lacks(_) => Some(false),
        },
        _ => None,
    }
}

/// The access step that Bedrock reports as missing; `None` if it reports none.
fn missing_access(asked: &AccessEvidence<'_>) -> Option<Cause> {
    let state = asked.state?;
    if state.form == UseCaseForm::Missing {
        return Some(Cause::UseCaseForm);
    }
    if matches!(&state.life, Ok(Some(life)) if life.lifecycle == Lifecycle::Legacy) {
        return Some(Cause::LegacyModel);
    }
    let is_missing = state.agreement.is_in_force() == Some(false);
    let lacks_agreement = is_missing && state.region == Availability::Available;
    lacks_agreement.then_some(match asked.offers {
        Some(0) => Cause::AccountRestricted,
        _ => Cause::Marketplace,
    })
}

/// What the step's text does not say, because only some refusals for this cause need it.
fn addition(
    cause: Cause,
    place: Option<&AccountRegion>,
    facts: &Facts,
    asked: &AccessEvidence<'_>,
) -> Option<String> {
    match cause {
        Cause::Marketplace => agreement_under_way(asked.state?.agreement).map(str::to_owned),
        Cause::IdentityPolicy | Cause::IamUnspecified | Cause::ResourcePolicy | Cause::ExplicitDeny => {
            guardrail_elsewhere(place?, facts)
        }
        _ => None,
    }
}

/// Who lets callers apply a guardrail of another account. A policy of an organization may enforce it on every call.
/// See <https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-enforcements.html>.
fn guardrail_elsewhere(place: &AccountRegion, facts: &Facts) -> Option<String> {
    // Anyone who can write a log can name any account in it.
    let resource = facts.resource.as_deref().filter(|_| !facts.forgeable)?;
    let arn = Arn::parse(resource).filter(|arn| arn.resource.starts_with("guardrail"))?;
    let owner = AccountId::parse(arn.account).filter(|owner| *owner != place.account)?;
    Some(format!(
        " The guardrail belongs to account {owner}. The organization's Bedrock policy may enforce it on every call. The owner must let account {} apply it in the guardrail's resource-based policy, and the caller needs `bedrock:ApplyGuardrail` on it.",
        place.account
    ))
}

/// What else is to be known of an agreement that is neither in force nor missing.
fn agreement_under_way(agreement: Availability) -> Option<&'static str> {
    match agreement {
        Availability::Pending => Some(
            " Bedrock reports that this agreement is pending: AWS is creating it. Call the model again in a few minutes before you create another one.",
        ),
        Availability::Error => Some(
            " Bedrock reports that this agreement failed. Create it again. If it fails again, open a case with AWS Support.",
        ),
        Availability::Available | Availability::NotAvailable | Availability::Unknown => None,
    }
}

/// The step that is missing for `cause`, given the evidence; `None` for causes unrelated to access.
pub fn reminder(
    cause: Cause,
    model: Option<&ModelId>,
    place: Option<&AccountRegion>,
    facts: &Facts,
    asked: &AccessEvidence<'_>,
) -> Option<Reminder> {
    let finding = StepFinding::of(asked.rulings);
    let cause = missing(cause, asked);
    let step = cause.step()?;
    let fill = |text: &str| fill(text, model, place);
    let mut commands: Vec<String> = step.commands.iter().filter_map(|c| fill(c)).collect();
    let mut text = step.text.to_owned();
    if matches!(cause, Cause::IdentityPolicy | Cause::IamUnspecified) {
        match finding {
            // Anyone who can write a log can name any resource in it. The IAM simulator was only asked about real ones.
            StepFinding::Open if facts.forgeable => {}
            StepFinding::Open | StepFinding::LacksAll => {
                commands.extend(least_statement(model, place, facts));
            }
            StepFinding::Lacks(mut some) => {
                some.retain(|arn| place.is_some_and(|place| is_of(arn, place)));
                commands.extend(action_of(facts).and_then(|a| statement(a, some)));
            }
            StepFinding::Allowed => ALLOWED.clone_into(&mut text),
            StepFinding::Withheld(_) => {}
        }
    }
    text.extend(addition(cause, place, facts, asked));
    // Without a Region the partition is unknown; most accounts are in `aws`.
    let host = console_host(place.map_or("aws", |p| p.region.partition()));
    let link = step.console.and_then(fill).map(|page| format!("https://{host}/{page}"));
    let Checklist { done, missing, .. } = asked.state.map(checklist).unwrap_or_default();
    Some(Reminder { step: step.name, audience: step.audience, text, commands, link, done, missing })
}

/// What the IAM policy simulator found.
enum StepFinding {
    /// Nothing, or not enough to decide.
    Open,
    /// A policy withholds the permission deliberately; holds the cause.
    Withheld(Cause),
    /// No policy allows any of the resources.
    LacksAll,
    /// No policy allows these resources; the others are allowed.
    Lacks(Vec<String>),
    /// The caller's own policies allow all of it.
    Allowed,
}

const ALLOWED: &str = "The caller's own policies allow the call by now, for every resource that it needs, as far as IAM's policy simulator tells. If calls still fail, another policy decides: the session's, a VPC endpoint's or a resource's. Look where the role is assumed and through which endpoint it calls.";

impl StepFinding {
    fn of(rulings: &[Ruling]) -> Self {
        let any = |fits: &dyn Fn(&Ruling) -> bool| rulings.iter().any(fits);
        if any(&|r| r.layer == Some(PolicyLayer::Organization)) {
            return Self::Withheld(Cause::ServiceControlPolicy);
        }
        if any(&|r| r.verdict == PolicyVerdict::ExplicitDeny) {
            return Self::Withheld(Cause::ExplicitDeny);
        }
        if any(&|r| r.layer == Some(PolicyLayer::PermissionsBoundary)) {
            return Self::Withheld(Cause::PermissionsBoundary);
        }
        if rulings.is_empty() || any(&|r| r.verdict == PolicyVerdict::Undetermined) {
            return Self::Open;
        }
        let lacking = rulings.iter().filter(|r| r.verdict == PolicyVerdict::ImplicitDeny);
        let lacking: Vec<String> = lacking.map(|r| r.resource.clone()).collect();
        match lacking.len() {
            0 => Self::Allowed,
            // All resources are lacking: cover every Region of the profile, including those that AWS adds later.
            n if n == rulings.len() => Self::LacksAll,
            _ => Self::Lacks(lacking),
        }
    }

    /// The cause that the finding points to; `None` if it points to none.
    fn cause(&self) -> Option<Cause> {
        match self {
            Self::Withheld(by) => Some(*by),
            Self::Lacks(_) | Self::LacksAll => Some(Cause::IdentityPolicy),
            Self::Open | Self::Allowed => None,
        }
    }
}

/// The denied IAM action: the one named in the text, else the one that authorizes the operation.
/// See <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonbedrock.html>.
pub fn action_of(facts: &Facts) -> Option<&str> {
    let named = facts.action.as_deref().filter(|a| a.starts_with("bedrock"));
    named.or_else(|| match facts.operation.as_deref()? {
        "Converse" | "InvokeModel" | "StartAsyncInvoke" => Some("bedrock:InvokeModel"),
        "ConverseStream" | "InvokeModelWithResponseStream" => Some("bedrock:InvokeModelWithResponseStream"),
        "InvokeModelWithBidirectionalStream" => Some("bedrock:InvokeModelWithBidirectionalStream"),
        "CountTokens" => Some("bedrock:CountTokens"),
        "CreateInference" => Some("bedrock-mantle:CreateInference"),
        _ => None,
    })
}

/// At most this many resources are simulated: a profile call needs the profile and each model it routes to.
const MOST_NEEDED: usize = 12;

/// Every resource that a call of `model` needs. `routes` are the ARNs that the profile routes to, `denied` the resource
/// that was denied. Empty if the id does not show them.
/// See <https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-prereq.html>.
pub fn needed(
    model: Option<&ModelId>,
    place: &AccountRegion,
    denied: Option<&str>,
    routes: &[String],
) -> Vec<Needed> {
    let (region, account) = (&place.region, &place.account);
    let profile = model.and_then(|m| {
        let kind = match m.kind() {
            ModelKind::Geographic | ModelKind::Global => "inference-profile",
            ModelKind::ApplicationProfile => "application-inference-profile",
            _ => return None,
        };
        Some(format!("arn:{}:bedrock:{region}:{account}:{kind}/{m}", region.partition()))
    });
    let own = model.and_then(|m| m.arns(region, account.as_str())).unwrap_or_default();
    // An ARN pattern over Regions is not a resource; the profile's routes name each one.
    let mut arns: Vec<String> = profile.iter().cloned().collect();
    let denied = denied.filter(|arn| is_of(arn, place)).map(str::to_owned);
    let named = own.into_iter().chain(routes.iter().cloned()).chain(denied);
    arns.extend(named.filter(|arn| !arn.contains('*') && arn.contains(":bedrock:")));
    let mut known = std::collections::HashSet::new();
    arns.retain(|arn| known.insert(arn.clone()));
    arns.truncate(MOST_NEEDED);
    let of = |arn: String| {
        let parsed = Arn::parse(&arn);
        let requested =
            parsed.map_or(region.as_str(), |a| if a.region.is_empty() { "unspecified" } else { a.region });
        let is_model = parsed.is_some_and(|a| a.resource.starts_with("foundation-model/"));
        Needed { requested_region: requested.to_owned(), profile: profile.clone().filter(|_| is_model), arn }
    };
    arns.into_iter().map(of).collect()
}

/// The access steps of one model, by the status that Bedrock reports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checklist {
    /// Steps that are done.
    pub done: Vec<&'static str>,
    /// Steps that are not done.
    pub missing: Vec<&'static str>,
    /// Steps whose status could not be read.
    pub unread: Vec<&'static str>,
}

/// Which access steps are done, as far as Bedrock reports. This is a clue, not proof.
pub fn checklist(state: &ModelState) -> Checklist {
    let is_active = match &state.life {
        Ok(Some(life)) => Some(life.lifecycle == Lifecycle::Active),
        // A model that Bedrock does not describe has ended, or was never offered here.
        Ok(None) => Some(false),
        Err(_) => None,
    };
    // Omit the form if the model needs none.
    let form = match &state.form {
        UseCaseForm::NotNeeded => None,
        UseCaseForm::Submitted => Some(Some(true)),
        UseCaseForm::Missing => Some(Some(false)),
        UseCaseForm::Unread(_) => Some(None),
    };
    let steps = [
        (Some(is_active), "the model is active"),
        (Some(Some(state.region == Availability::Available)), "the Region has the model"),
        (Some(Some(state.authorized)), "the account is authorized"),
        (Some(state.agreement.is_in_force()), "the agreement with the provider is in force"),
        (form, "Anthropic's use-case form was submitted"),
    ];
    let mut list = Checklist::default();
    for (known, step) in steps.into_iter().filter_map(|(known, step)| Some((known?, step))) {
        match known {
            Some(true) => list.done.push(step),
            Some(false) => list.missing.push(step),
            None => list.unread.push(step),
        }
    }
    list
}

/// `text` with its placeholders filled; `None` if one of them is unknown.
fn fill(text: &str, model: Option<&ModelId>, place: Option<&AccountRegion>) -> Option<String> {
    let model = model.filter(|m| m.names_a_model());
    let values = [
        ("{model}", model.map(ModelId::base)),
        ("{provider}", model.and_then(ModelId::provider)),
        ("{region}", place.map(|p| p.region.as_str())),
        ("{account}", place.map(|p| p.account.as_str())),
    ];
    let mut filled = text.to_owned();
    for (name, value) in values {
        if filled.contains(name) {
            filled = filled.replace(name, value?);
        }
    }
    Some(filled)
}

/// The smallest IAM statement that allows what was denied. For a profile it covers the profile and the foundation
/// models it routes to. `None` if the action or the resource is not known well enough.
pub fn least_statement(
    model: Option<&ModelId>,
    place: Option<&AccountRegion>,
    facts: &Facts,
) -> Option<String> {
    let action = action_of(facts)?;
    // The bedrock-mantle endpoint has its own resources.
    let model = model.filter(|_| action.starts_with("bedrock:"));
    let mut resources =
        model.zip(place).and_then(|(m, p)| m.arns(&p.region, p.account.as_str())).unwrap_or_default();
    let denied = facts.resource.as_deref().filter(|_| !facts.forgeable);
    if let Some(denied) = denied.and_then(|r| denied_resource(r, place))
        && !resources.iter().any(|r| covers(r, &denied))
    {
        resources.push(denied);
    }
    statement(action, resources)
}

/// The statement as JSON; `None` without a resource.
fn statement(action: &str, resource: Vec<String>) -> Option<String> {
    if resource.is_empty() {
        return None;
    }
    serde_json::to_string_pretty(&Statement { effect: "Allow", action, resource }).ok()
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement<'a> {
    effect: &'static str,
    action: &'a str,
    resource: Vec<String>,
}

/// The denied resource, for a statement. A foundation model in another Region means that a cross-Region profile routes
/// there, and then the statement covers every Region of the profile.
fn denied_resource(arn: &str, place: Option<&AccountRegion>) -> Option<String> {
    // Without a place, the resource's owner is unknown. AWS's own models belong to everyone.
    if !place.map_or_else(|| Arn::parse(arn).is_some_and(|a| is_own_model(&a)), |place| is_of(arn, place)) {
        return None;
    }
    let parsed = Arn::parse(arn)?;
    let elsewhere = place.is_some_and(|p| parsed.region != p.region.as_str());
    if parsed.resource.starts_with("foundation-model/") && !parsed.region.is_empty() && elsewhere {
        let partition = arn.split(':').nth(1)?;
        return Some(format!("arn:{partition}:bedrock:*::{}", parsed.resource));
    }
    Some(arn.to_owned())
}

/// The Amazon Bedrock resource types known to IAM that belong to an account.
/// See <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonbedrock.html>.
#[rustfmt::skip]
const TYPES: &[&str] = &[
    "agent", "agent-alias", "application-inference-profile", "async-invoke", "automated-reasoning-policy", "blueprint",
    "custom-model", "custom-model-deployment", "data-automation-invocation",
    "data-automation-profile", "data-automation-project", "default-prompt-router", "evaluation-job", "flow",
    "guardrail", "guardrail-profile", "imported-model", "inference-profile", "knowledge-base",
    "model-copy-job", "model-customization-job", "model-evaluation-job", "model-import-job", "model-invocation-job",
    "marketplace", "project", "prompt", "prompt-router", "provisioned-model", "session",
];

/// Whether a statement for `place` may contain this ARN: an AWS-owned model, or a resource of the account in a form
/// that IAM knows.
fn is_of(arn: &str, place: &AccountRegion) -> bool {
    let partition = arn.split(':').nth(1);
    let Some(parsed) = Arn::parse(arn).filter(|_| partition == Some(place.region.partition())) else {
        return false;
    };
    let is_ours = parsed.account == place.account.as_str()
        && matches!(parsed.service, "bedrock" | "bedrock-mantle")
        && parsed.resource.split_once('/').is_some_and(|(kind, name)| TYPES.contains(&kind) && is_name(name));
    is_ours || is_own_model(&parsed)
}

/// Whether it is a foundation model, which AWS owns. Global inference names it without a Region.
fn is_own_model(arn: &Arn<'_>) -> bool {
    let id = arn.resource.strip_prefix("foundation-model/");
    arn.service == "bedrock"
        && arn.account.is_empty()
        && id.is_some_and(|id| id == "*" || (id.contains('.') && is_name(id)))
}

/// Whether the last part of an ARN has only the characters of Bedrock names and ids.
fn is_name(name: &str) -> bool {
    name == "*"
        || (!name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b".:-_/*".contains(&b)))
}

/// Whether a resource of the statement, in which `*` may stand for the Region, covers `arn`.
fn covers(resource: &str, arn: &str) -> bool {
    wildmatch::WildMatch::new(resource).matches(arn)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::Category;
    use crate::error::ServiceError;
    use crate::ids::{AccountId, Region};

    fn place() -> AccountRegion {
        AccountRegion {
            account: AccountId::parse("111122223333").unwrap(),
            region: Region::parse("eu-west-1").unwrap(),
        }
    }

    #[test]
    fn a_denial_that_names_no_action_is_of_the_one_that_authorizes_the_operation() {
        for (operation, action) in [
            ("Converse", Some("bedrock:InvokeModel")),
            ("InvokeModel", Some("bedrock:InvokeModel")),
            ("ConverseStream", Some("bedrock:InvokeModelWithResponseStream")),
            ("InvokeModelWithResponseStream", Some("bedrock:InvokeModelWithResponseStream")),
            ("CreateInference", Some("bedrock-mantle:CreateInference")),
            ("SomethingNew", None),
        ] {
            let facts = Facts { operation: Some(operation.into()), ..Facts::default() };
            assert_eq!(action_of(&facts), action, "{operation}");
        }
    }

    #[test]
    fn every_cause_of_access_and_permission_has_a_step_and_no_other_has() {
        for cause in Cause::ALL {
            let concerns = matches!(cause.category(), Category::ModelAccess | Category::Permission);
            assert_eq!(
                reminder(*cause, None, None, &Facts::default(), &AccessEvidence::default()).is_some(),
                concerns,
                "{cause}"
            );
        }
    }

    #[test]
    fn what_bedrock_tells_is_done_or_missing() {
        let open = checklist(&ModelState::default());
        assert_eq!((open.done.len(), open.missing, open.unread), (4, Vec::new(), Vec::new()));
        let shut = checklist(&ModelState {
            agreement: Availability::Pending,
            authorized: false,
            form: UseCaseForm::Missing,
            ..ModelState::default()
        });
        assert_eq!(shut.done, ["the model is active", "the Region has the model"]);
        assert_eq!(shut.missing.len(), 3);
        assert!(shut.missing.contains(&"Anthropic's use-case form was submitted"));
    }

    #[test]
    fn what_bedrock_does_not_answer_is_neither_done_nor_missing() {
        let state = ModelState {
            life: Err(ServiceError::Throttled),
            form: UseCaseForm::Unread(ServiceError::Denied("bedrock:GetUseCaseForModelAccess".to_owned())),
            ..ModelState::default()
        };
        let list = checklist(&state);
        assert_eq!(list.unread, ["the model is active", "Anthropic's use-case form was submitted"]);
        assert_eq!((list.done.len(), list.missing.len()), (3, 0));
        let asked = AccessEvidence { state: Some(&state), ..AccessEvidence::default() };
        for cause in [Cause::NotGranted, Cause::Marketplace, Cause::Payment, Cause::UseCaseForm] {
            assert_eq!(is_done(cause, &asked, true), None, "{cause}: what was not read may be missing");
        }
    }

    #[test]
    fn a_model_that_bedrock_does_not_describe_is_not_active() {
        let ended = ModelState { life: Ok(None), ..ModelState::default() };
        assert_eq!(checklist(&ended).missing, ["the model is active"]);
    }

    #[test]
    fn a_decision_of_somebody_is_never_worked_round() {
        let facts = Facts { action: Some("bedrock:InvokeModel".into()), ..Facts::default() };
        let model = ModelId::parse("amazon.nova-lite-v1:0");
        for cause in [
            Cause::ExplicitDeny,
            Cause::ServiceControlPolicy,
            Cause::PermissionsBoundary,
            Cause::SessionPolicy,
            Cause::ResourcePolicy,
        ] {
            let reminder =
                reminder(cause, model.as_ref(), Some(&place()), &facts, &AccessEvidence::default()).unwrap();
            assert!(reminder.commands.is_empty(), "{cause}: {:?}", reminder.commands);
            assert!(!reminder.text.contains("Allow\""), "{cause}");
        }
    }

    #[test]
    fn a_profile_needs_its_own_arn_and_its_models() {
        let facts = Facts { action: Some("bedrock:InvokeModel".into()), ..Facts::default() };
        let model = ModelId::parse("eu.amazon.nova-lite-v1:0");
        let statement = least_statement(model.as_ref(), Some(&place()), &facts).unwrap();
        assert!(
            statement.contains(
                "arn:aws:bedrock:eu-west-1:111122223333:inference-profile/eu.amazon.nova-lite-v1:0"
            )
        );
        assert!(statement.contains("arn:aws:bedrock:*::foundation-model/amazon.nova-lite-v1:0"));
    }

    #[test]
    fn a_model_denied_in_another_region_is_allowed_in_all_of_the_profiles() {
        let facts = Facts {
            action: Some("bedrock:InvokeModel".into()),
            resource: Some("arn:aws:bedrock:eu-north-1::foundation-model/amazon.nova-lite-v1:0".into()),
            ..Facts::default()
        };
        let statement = least_statement(None, Some(&place()), &facts).unwrap();
        assert!(
            statement.contains("arn:aws:bedrock:*::foundation-model/amazon.nova-lite-v1:0"),
            "{statement}"
        );
        let profile = ModelId::parse("eu.amazon.nova-lite-v1:0");
        let statement = least_statement(profile.as_ref(), Some(&place()), &facts).unwrap();
        assert_eq!(statement.matches("foundation-model").count(), 1, "{statement}");
    }

    #[test]
    fn a_statement_holds_resources_of_this_account_and_aws_models_only() {
        let of = |resource: &str, forgeable| {
            let facts = Facts {
                action: Some("bedrock:InvokeModel".into()),
                resource: Some(resource.into()),
                forgeable,
                ..Facts::default()
            };
            let reminder =
                reminder(Cause::IdentityPolicy, None, Some(&place()), &facts, &AccessEvidence::default())
                    .unwrap();
            reminder.commands.iter().any(|c| c.contains(resource))
        };
        for allowed in [
            "arn:aws:bedrock:eu-west-1:111122223333:guardrail/abc123def456",
            "arn:aws:bedrock:eu-west-1:111122223333:knowledge-base/*",
            "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-lite-v1:0",
            "arn:aws:bedrock:::foundation-model/amazon.nova-2-lite-v1:0",
            "arn:aws:bedrock:eu-west-1::foundation-model/*",
        ] {
            let arn = crate::text::Safe::arn(allowed).unwrap();
            assert_eq!(arn.as_str(), allowed);
            assert!(of(allowed, false), "{allowed}");
            assert!(!of(allowed, true), "a log line named {allowed}");
        }
        for refused in [
            "arn:aws:bedrock:us-east-1:999988887777:custom-model/other/abc",
            "arn:aws-cn:bedrock:cn-north-1:111122223333:guardrail/abc",
            "arn:aws:s3:::bucket/key",
            "arn:aws:bedrock:eu-west-1:111122223333:nothing/abc",
            "arn:aws:bedrock:eu-west-1:111122223333:guardrail",
            "arn:aws:bedrock:eu-west-1::foundation-model",
            "arn:aws:bedrock:eu-west-1:999988887777:foundation-model/amazon.nova-lite-v1:0",
        ] {
            assert!(!of(refused, false), "{refused}");
        }
    }

    #[test]
    fn a_command_with_an_unknown_place_is_left_out() {
        let reminder =
            reminder(Cause::UseCaseForm, None, None, &Facts::default(), &AccessEvidence::default()).unwrap();
        assert!(reminder.commands.is_empty() && reminder.link.is_none());
    }
}
