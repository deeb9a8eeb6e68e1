//! The operator's settings for single accounts: name, owner and guard rails.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::mode::Mode;
use crate::ids::AccountId;

/// The accounts that have settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accounts(BTreeMap<AccountId, AccountSettings>);

/// One account. A value that is `None` is the same as for all accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountSettings {
    /// The account's name.
    pub name: Option<String>,
    /// Who answers for the account: a person, a team or an address.
    pub owner: Option<String>,
    /// `MODE` in this account.
    pub mode: Option<Mode>,
    /// `MAX_INCREASES_PER_DAY` in this account.
    pub max_increases_per_day: Option<u32>,
}

/// The form of an account in the variable.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountJson {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mode: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_increases_per_day: Option<u32>,
}

/// The longest name or owner, in characters.
const LONGEST: usize = 100;
/// The same bound as that of `MAX_INCREASES_PER_DAY`.
pub(super) const MOST_A_DAY: u32 = 20;

impl Accounts {
    /// The settings of `account`; `None` if the operator gave none.
    pub fn get(&self, account: &AccountId) -> Option<&AccountSettings> {
        self.0.get(account)
    }

    /// Every account that has settings.
    pub fn ids(&self) -> impl Iterator<Item = &AccountId> {
        self.0.keys()
    }

    /// The same without modes: a person's approval lifts them.
    pub(crate) fn without_modes(&self) -> Self {
        let without = |settings: &AccountSettings| AccountSettings { mode: None, ..settings.clone() };
        Self(self.0.iter().map(|(account, settings)| (account.clone(), without(settings))).collect())
    }

    /// Reads a JSON object of accounts by id. The error names every bad entry.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let Ok(Value::Object(entries)) = serde_json::from_str(text) else {
            return Err("it is no JSON object".to_owned());
        };
        let (mut accounts, mut bad) = (BTreeMap::new(), Vec::new());
        for (id, entry) in entries {
            match (AccountId::parse(&id), settings(entry)) {
                (Some(account), Ok(settings)) => drop(accounts.insert(account, settings)),
                (None, _) => bad.push(format!("`{id}` is no account id")),
                (_, Err(why)) => bad.push(format!("account {id}: {why}")),
            }
        }
        if bad.is_empty() { Ok(Self(accounts)) } else { Err(bad.join(", ")) }
    }

    /// The JSON object; empty if no account has settings.
    pub(super) fn write(&self) -> String {
        let written = |settings: &AccountSettings| AccountJson {
            name: settings.name.clone(),
            owner: settings.owner.clone(),
            mode: settings.mode.map(|mode| mode.to_string()),
            max_increases_per_day: settings.max_increases_per_day,
        };
        let all: BTreeMap<&AccountId, AccountJson> =
            self.0.iter().map(|(id, of)| (id, written(of))).collect();
        if all.is_empty() { String::new() } else { serde_json::to_string(&all).unwrap_or_default() }
    }
}

fn settings(entry: Value) -> Result<AccountSettings, String> {
    let entry: AccountJson = serde_json::from_value(entry).map_err(|e| e.to_string())?;
    let is_shown = |text: &str| {
        (1..=LONGEST).contains(&text.chars().count()) && !text.contains(|c: char| c.is_control() || c == '`')
    };
    for (what, text) in [("name", &entry.name), ("owner", &entry.owner)] {
        if text.as_deref().is_some_and(|text| !is_shown(text)) {
            return Err(format!("`{what}` has 1 to {LONGEST} characters, without line breaks and backticks"));
        }
    }
    let mode = match entry.mode.as_deref() {
        None => None,
        Some(word) => {
            let bad = || format!("`mode` is `{word}`, expected `request` or `observe`");
            Some(Mode::parse(word).ok_or_else(bad)?)
        }
    };
    let max_increases_per_day = entry.max_increases_per_day;
    if max_increases_per_day.is_some_and(|most| most > MOST_A_DAY) {
        return Err(format!("`max_increases_per_day` is a whole number from 0 to {MOST_A_DAY}"));
    }
    Ok(AccountSettings { name: entry.name, owner: entry.owner, mode, max_increases_per_day })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bad_entry_is_named_with_what_is_wrong() {
        let text = r#"{
            "4444": {}, "111122223333": { "nmae": "x" }, "222233334444": { "mode": "dry-run" },
            "333344445555": { "name": "two\nlines" }, "555566667777": { "max_increases_per_day": 21 },
            "666677778888": { "owner": "team-a", "max_increases_per_day": 1 } }"#;
        let bad = Accounts::parse(text).unwrap_err();
        for named in [
            "`4444` is no account id",
            "account 111122223333: unknown field `nmae`",
            "account 222233334444: `mode` is `dry-run`",
            "account 333344445555: `name` has 1 to 100 characters",
            "account 555566667777: `max_increases_per_day` is a whole number",
        ] {
            assert!(bad.contains(named), "{named}: {bad}");
        }
        assert!(!bad.contains("666677778888"), "{bad}");
        assert_eq!(Accounts::parse("[]").unwrap_err(), "it is no JSON object");
    }

    #[test]
    fn what_is_written_is_read_as_the_same() {
        let text = r#"{"444455556666":{"name":"payments","owner":"team-a","mode":"observe","max_increases_per_day":1}}"#;
        let accounts = Accounts::parse(text).unwrap();
        assert_eq!(accounts.write(), text);
        let account = AccountId::parse("444455556666").unwrap();
        assert_eq!(accounts.without_modes().get(&account).unwrap().mode, None);
        assert_eq!(Accounts::parse("{}").unwrap().write(), "");
    }
}
