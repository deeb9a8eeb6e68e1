//! Checks what the stack deploys: its rules and its alarms.

use crate::error::ServiceResult;
use crate::installation::{EventRule, RuleState};
use crate::operate::doctor::check::{Check, Finding};
use crate::operate::doctor::generated;
use crate::operate::doctor::parts::{ALARMS, READS_TOO, RULES};
use crate::operate::doctor::patient::Installation;

/// Whether each of the stack's rules is there and in the state that it needs.
pub(super) fn of_rules(patient: &Installation<'_>, rules: ServiceResult<Vec<EventRule>>) -> Check {
    const NAME: &str = "rules";
    let rules = match rules {
        Ok(rules) => rules,
        Err(why) => return Check::unknown(NAME, &why),
    };
    let found: Vec<_> = RULES.iter().map(|(id, _)| generated::of(patient.stack, id, &rules)).collect();
    if found.iter().all(Vec::is_empty) {
        let seen = format!("no rule of a stack `{}` is here", patient.stack);
        return Check::missing(NAME, seen, "everything that happens in this Region", patient.redeploy());
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
    let deploy = deploys.then(|| patient.redeploy());
    let mend: Vec<String> = deploy.into_iter().chain(disabled).collect();
    Check::missing(NAME, seen.join("; "), blind_to.join("; "), mend.join(" && "))
}

/// Whether each of the stack's alarms is there and heard.
pub(super) fn of_alarms(patient: &Installation<'_>, alarms: ServiceResult<Vec<(String, bool)>>) -> Check {
    const NAME: &str = "alarms";
    let alarms = match alarms {
        Ok(alarms) => alarms,
        Err(why) => return Check::unknown(NAME, &why),
    };
    if alarms.is_empty() {
        let seen = format!("no alarm of a stack `{}` is here", patient.stack);
        let blind = "throttles that CloudTrail does not record, and the function's own health";
        return Check::missing(NAME, seen, blind, patient.redeploy());
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
    let mut mend: Vec<String> = is_lacking.then(|| patient.redeploy()).into_iter().collect();
    if !silent.is_empty() {
        mend.push(format!(
            "aws cloudwatch enable-alarm-actions --alarm-names {} --region {}",
            silent.join(" "),
            patient.place.region
        ));
    }
    Check::missing(NAME, seen.join("; "), blind_to.join("; "), mend.join(" && "))
}
