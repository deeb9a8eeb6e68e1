//! Combines many notices into one digest.
//!
//! Invariant: Each incident keeps its own line, with the id that its own notice would have had.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::diagnosis::{Category, Cause, Facts, Rank};
use crate::ids::{AccountId, IncidentId, Region};
use crate::incident::Counts;
use crate::incident::notice_kind::{Kind, Severity};
use crate::notice::{Notice, short_hash};
use crate::plan::action::{Reason, Step};
use crate::text::Safe;

/// A title names at most this many causes.
const NAMED: usize = 2;

/// An incident's line in a digest.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Line {
    /// The id that a separate notice would have had, so that readers can recognize duplicates.
    pub notice_id: String,
    /// See [`Notice::kind`].
    pub kind: Kind,
    /// The incident.
    pub incident_id: Option<IncidentId>,
    /// The incident's episode.
    pub episode: Option<u32>,
    /// How soon somebody should look.
    pub severity: Severity,
    /// The account of the calls; `None` if unknown.
    pub account: Option<AccountId>,
    /// The account's name, as the operator configured it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_name: Option<String>,
    /// Who answers for the account, as the operator configured it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_owner: Option<String>,
    /// The source Region; `None` if unknown.
    pub region: Option<Region>,
    /// The model as called, cut to the length of real ids; `None` if unknown.
    pub model_id: Option<Safe>,
    /// The caller, for causes that concern one caller; else `None`.
    pub caller: Option<Safe>,
    /// The cause's category.
    pub category: Option<Category>,
    /// The cause.
    pub cause: Option<Cause>,
    /// Minimum number of different kinds of error, for an incident of many errors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kinds: Option<u64>,
    /// How many errors and alarms.
    pub counts: Counts,
    /// Why no increase was requested.
    pub withheld: Vec<Reason>,
}

impl Notice {
    /// Combines all of `notices`.
    pub fn digest(notices: &[&Self]) -> Self {
        let mut incidents: Vec<Line> = notices.iter().map(|n| line(n)).collect();
        incidents.sort_by_key(Line::subject);
        let ids = incidents.iter().map(|l| l.notice_id.as_str()).collect::<Vec<_>>().join(",");
        let causes = by_cause(notices);
        let counts = incidents.iter().fold(Counts::default(), |mut sum, line| {
            sum.add(line.counts);
            sum
        });
        let accounts = distinct(incidents.iter().map(|l| l.account.as_ref()));
        let regions = distinct(incidents.iter().map(|l| l.region.as_ref()));
        let mut digest = Self {
            version: "1",
            notice_id: format!("ntc-{}", short_hash(&format!("{}|{ids}", Kind::Digest))),
            kind: Kind::Digest,
            incident_id: None,
            episode: None,
            severity: incidents.iter().map(|l| l.severity).min().unwrap_or(Severity::Info),
            account: only(&accounts).cloned(),
            // A name is of one account; other accounts may have none.
            account_name: only(&accounts).and_then(|_| incidents.first()?.account_name.clone()),
            account_owner: only(&accounts).and_then(|_| incidents.first()?.account_owner.clone()),
            region: only(&regions).cloned(),
            model_id: None,
            resolved_model_id: None,
            caller: None,
            callers: Vec::new(),
            category: only(&distinct(incidents.iter().map(|l| l.category.as_ref()))).copied(),
            cause: only(&distinct(incidents.iter().map(|l| l.cause.as_ref()))).copied(),
            rule: None,
            title: title(incidents.len(), &causes),
            summary: summary(incidents.len(), &accounts, &regions),
            because: Vec::new(),
            facts: Facts::default(),
            counts,
            actions: Vec::new(),
            withheld: Vec::new(),
            room: Vec::new(),
            next_steps: causes.iter().filter_map(|(cause, of_it)| first_step(*cause, of_it)).collect(),
            advice: Vec::new(),
            outcome: None,
            request_id: None,
            justification: None,
            references: causes
                .iter()
                .filter_map(|(_, of_it)| of_it.first()?.references.first().cloned())
                .collect(),
            first_seen: notices.iter().filter_map(|n| n.first_seen).min(),
            last_seen: notices.iter().filter_map(|n| n.last_seen).max(),
            incidents,
        };
        digest.bound();
        digest
    }
}

impl Line {
    /// Whether a person must check the callers.
    fn is_suspicious(&self) -> bool {
        self.withheld.contains(&Reason::UnusualCaller)
    }

    /// The sort key: possible misuse first, then by rank.
    fn subject(&self) -> (bool, Rank, Option<Cause>, [String; 4]) {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let model = text(self.model_id.as_deref());
        let region = text(self.region.as_ref().map(Region::as_str));
        let names = [model, region, text(self.caller.as_deref()), self.notice_id.clone()];
        (!self.is_suspicious(), rank(self.cause), self.cause, names)
    }
}

fn line(notice: &Notice) -> Line {
    Line {
        notice_id: notice.notice_id.clone(),
        kind: notice.kind,
        incident_id: notice.incident_id.clone(),
        episode: notice.episode,
        severity: notice.severity,
        account: notice.account.clone(),
        account_name: notice.account_name.clone(),
        account_owner: notice.account_owner.clone(),
        region: notice.region.clone(),
        model_id: notice.model_id.as_ref().map(|m| Safe::line(m.as_str(), 100)),
        caller: notice.caller.as_deref().map(|c| Safe::line(c, 128)),
        category: notice.category,
        cause: notice.cause,
        kinds: notice.facts.many.as_ref().map(|many| many.kinds),
        counts: notice.counts,
        withheld: notice.withheld.iter().map(|w| w.kind).collect(),
    }
}

/// Whether the incidents of a digest are of more than one account.
pub(super) fn has_several_accounts(lines: &[Line]) -> bool {
    distinct(lines.iter().map(|l| l.account.as_ref())).len() > 1
}

fn rank(cause: Option<Cause>) -> Rank {
    cause.unwrap_or(Cause::Unknown).rank()
}

/// The notices by cause, ordered by rank and then by frequency.
fn by_cause<'n>(notices: &[&'n Notice]) -> Vec<(Option<Cause>, Vec<&'n Notice>)> {
    let mut causes: BTreeMap<Option<Cause>, Vec<&Notice>> = BTreeMap::new();
    for notice in notices {
        causes.entry(notice.cause).or_default().push(notice);
    }
    let mut causes: Vec<_> = causes.into_iter().collect();
    causes.sort_by_key(|(cause, of_it)| (rank(*cause), std::cmp::Reverse(of_it.len())));
    causes
}

fn distinct<'l, T: PartialEq>(all: impl Iterator<Item = Option<&'l T>>) -> Vec<&'l T> {
    let mut seen: Vec<&T> = Vec::new();
    for one in all.flatten() {
        if !seen.contains(&one) {
            seen.push(one);
        }
    }
    seen
}

fn only<'l, T>(all: &[&'l T]) -> Option<&'l T> {
    match all {
        [one] => Some(one),
        _ => None,
    }
}

fn title(incidents: usize, causes: &[(Option<Cause>, Vec<&Notice>)]) -> String {
    if let [(cause, _)] = causes {
        return format!("{incidents} Bedrock incidents at once: {}", name(*cause));
    }
    let mut what: Vec<String> = causes
        .iter()
        .take(NAMED)
        .map(|(cause, of_it)| format!("{} x {}", of_it.len(), name(*cause)))
        .collect();
    if let Some(more) = causes.len().checked_sub(NAMED).filter(|more| *more > 0) {
        what.push(format!("{more} more cause{}", if more == 1 { "" } else { "s" }));
    }
    format!("{incidents} Bedrock incidents at once: {}", what.join(", "))
}

/// The name of a cause in a digest.
pub(super) fn name(cause: Option<Cause>) -> &'static str {
    cause.unwrap_or(Cause::Unknown).title()
}

fn summary(incidents: usize, accounts: &[&AccountId], regions: &[&Region]) -> String {
    let place = match (accounts, regions) {
        ([account], [region]) => format!(" in {region}, account {account},"),
        ([account], []) => format!(" in account {account}"),
        ([account], many) => format!(" in {} Regions of account {account}", many.len()),
        ([], _) => String::new(),
        (many, _) => format!(" in {} accounts", many.len()),
    };
    format!(
        "{incidents} incidents{place} came within minutes. This notice covers all of them, once. The function follows each by itself, and sends a notice for it alone if it continues."
    )
}

/// The first step for incidents of one cause.
fn first_step(cause: Option<Cause>, of_it: &[&Notice]) -> Option<Step> {
    let step = of_it.iter().find_map(|n| n.next_steps.first())?;
    let such = match of_it.len() {
        1 => format!("{}: ", name(cause)),
        many => format!("{} (the first of {many}): ", name(cause)),
    };
    Some(Step { text: format!("{such}{}", step.text), ..step.clone() })
}
