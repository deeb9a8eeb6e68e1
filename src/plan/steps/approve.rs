//! The commands to approve or reject a request that waits for a person.
//!
//! Invariant: The commands are ready to paste. They name the ledger and the topic; `approve` also sets every guard rail
//! that is not at its default.

use crate::config::Config;
use crate::identity::{FunctionIdentity, Organization};
use crate::ids::IncidentId;
use crate::incident::Incident;
use crate::plan::action::Step;

/// The commands to approve and to close `incident`.
pub(crate) fn steps(incident: &Incident, config: &Config, identity: &FunctionIdentity) -> [Step; 2] {
    let yes = "If the demand is legitimate, approve it: the request is filed at once, and the other guard rails still bound it.";
    let no = "If it is not, close the incident once that is dealt with: nothing is approved.";
    [(yes, "approve"), (no, "close")].map(|(text, verb)| {
        let command = Some(command(verb, &incident.id, config, identity));
        Step { text: text.to_owned(), command, link: None }
    })
}

fn command(verb: &str, id: &IncidentId, config: &Config, identity: &FunctionIdentity) -> String {
    let mut words: Vec<String> = Vec::new();
    if verb == "approve" {
        let rails = config.of_requests();
        words.extend(rails.into_iter().map(|(name, value)| format!("{name}={}", quoted(&value))));
    }
    words.extend(identity.organization.iter().flat_map(of_organization));
    words.extend(identity.region.as_ref().map(|region| format!("AWS_REGION={region}")));
    words.extend(["bedrock-remediator".to_owned(), verb.to_owned(), id.to_string()]);
    words.extend(identity.table.as_ref().map(|table| format!("--table {}", quoted(table))));
    words.extend(identity.topic.as_ref().map(|topic| format!("--topic {}", quoted(topic))));
    words.join(" ")
}

/// The variables with which the command enters the accounts of the organization.
fn of_organization(organization: &Organization) -> Vec<String> {
    let role = Some(&organization.member_role).filter(|role| role.as_str() != Organization::MEMBER_ROLE);
    let id = Some(&organization.id);
    [
        ("ORGANIZATION_ID", id),
        ("MEMBER_ROLE_NAME", role),
        ("MEMBER_EXTERNAL_ID", organization.external_id.as_ref()),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some(format!("{name}={}", quoted(value?))))
    .collect()
}

/// Quotes `text` so that a shell reads it as one word.
fn quoted(text: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./:,".contains(&b);
    if !text.is_empty() && text.bytes().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Region;

    fn of(config: &Config, home: &FunctionIdentity) -> String {
        let id = IncidentId::parse("inc-0123456789abcdef").unwrap();
        command("approve", &id, config, home)
    }

    #[test]
    fn the_command_names_what_the_function_knows_and_its_environment_does_not() {
        let home = FunctionIdentity {
            region: Region::parse("us-east-1"),
            table: Some("ledger".to_owned()),
            topic: Some("arn:aws:sns:us-east-1:111122223333:people".to_owned()),
            ..FunctionIdentity::default()
        };
        assert_eq!(
            of(&Config::default(), &home),
            "AWS_REGION=us-east-1 bedrock-remediator approve inc-0123456789abcdef --table ledger --topic arn:aws:sns:us-east-1:111122223333:people"
        );
        let var = |name: &str| match name {
            "DENIED_MODELS" => Some("amazon.*, *opus*".to_owned()),
            "MAX_TOKENS_PER_MINUTE" => Some("8000000".to_owned()),
            "QUOTA_COOL_DOWN_HOURS" => Some("24".to_owned()),
            _ => None,
        };
        let config = Config::from_vars(var).unwrap();
        assert_eq!(
            of(&config, &FunctionIdentity::default()),
            "DENIED_MODELS='amazon.*,*opus*' MAX_TOKENS_PER_MINUTE=8000000 QUOTA_COOL_DOWN_HOURS=24 bedrock-remediator approve inc-0123456789abcdef"
        );
        let vars: Vec<(&str, String)> = config.of_requests();
        let read = |name: &str| vars.iter().find(|(n, _)| *n == name).map(|(_, value)| value.clone());
        let again = Config::from_vars(read).unwrap();
        assert_eq!(again.of_requests(), vars, "what is printed is read as the same");
        assert!(again.denied_models.fit(&crate::model::ModelId::parse("anthropic.claude-opus-5").unwrap()));
    }

    #[test]
    fn the_command_enters_the_accounts_of_the_organization() {
        let organization = |role: &str, external_id: Option<&str>| FunctionIdentity {
            organization: Some(Organization {
                id: "o-a1b2c3d4e5".to_owned(),
                member_role: role.to_owned(),
                external_id: external_id.map(str::to_owned),
            }),
            ..FunctionIdentity::default()
        };
        let plain = "bedrock-remediator approve inc-0123456789abcdef";
        assert_eq!(
            of(&Config::default(), &organization(Organization::MEMBER_ROLE, None)),
            format!("ORGANIZATION_ID=o-a1b2c3d4e5 {plain}")
        );
        assert_eq!(
            of(&Config::default(), &organization("our-role", Some("an id"))),
            format!(
                "ORGANIZATION_ID=o-a1b2c3d4e5 MEMBER_ROLE_NAME=our-role MEMBER_EXTERNAL_ID='an id' {plain}"
            )
        );
    }

    #[test]
    fn a_shell_reads_each_value_as_one_word() {
        assert_eq!(
            (quoted("a b").as_str(), quoted("it's").as_str(), quoted("").as_str()),
            ("'a b'", r"'it'\''s'", "''")
        );
    }
}
