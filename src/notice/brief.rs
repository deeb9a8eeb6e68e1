//! What a reader learns first: since when, what was done, what to do, and when it matters.
//!
//! Invariant: The answers follow from the notice alone, and say nothing that the rest of it does not say.

use jiff::Timestamp;

use crate::callers::named_from;
use crate::diagnosis::{Category, Cause};
use crate::incident::Counts;
use crate::incident::notice_kind::Kind;
use crate::notice::{Caller, Notice, counted};
use crate::plan::action::{Action, Reason, Step};
use crate::quota::request::RequestOutcome;
use crate::text::{number, sentence};

/// The answers. `None` if a notice of its kind has none.
pub(crate) struct Brief {
    /// Since when calls fail, how many did, and who made them.
    pub(crate) since: Option<String>,
    /// What the function did, or why nothing.
    pub(crate) done: Option<String>,
    /// The first step for a person, or that there is none.
    pub(crate) to_do: String,
    /// When the step matters.
    pub(crate) when: Option<String>,
}

impl Brief {
    pub(crate) fn of(notice: &Notice) -> Self {
        Self { since: since(notice), done: done(notice), to_do: to_do(notice), when: when(notice) }
    }

    /// Each answer with its name, in order.
    pub(crate) fn answers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            ("Since", self.since.as_deref()),
            ("Done", self.done.as_deref()),
            ("To do", Some(self.to_do.as_str())),
            ("When", self.when.as_deref()),
        ]
        .into_iter()
        .filter_map(|(name, answer)| Some((name, answer?)))
    }
}

/// The steps that a notice shows: its steps, or advice where only the caller can act. The first is the best one.
pub(crate) fn steps(notice: &Notice) -> Vec<Step> {
    const MOST: usize = 3;
    let advised = |text: &String| Step { text: text.clone(), command: None, link: None };
    let is_over = matches!(notice.kind, Kind::Resolved | Kind::Outcome | Kind::Digest);
    if notice.next_steps.is_empty() && !is_over {
        return notice.advice.iter().take(MOST).map(advised).collect();
    }
    notice.next_steps.iter().take(MOST).cloned().collect()
}

fn since(notice: &Notice) -> Option<String> {
    if matches!(notice.kind, Kind::Outcome | Kind::Digest) {
        return None;
    }
    let minute = |at: Timestamp| at.strftime("%F %H:%M").to_string();
    let (first, last) = (notice.first_seen.map(minute), notice.last_seen.map(minute));
    let span = match (first, last) {
        (Some(first), Some(last)) if first != last => format!("{first}, last {last} UTC"),
        (Some(first), _) => format!("{first} UTC"),
        _ => return None,
    };
    if notice.facts.is_announced() {
        return Some(format!("AWS Health announced it on {span}."));
    }
    // Before a call has failed, the callers are those that use the model.
    let by = if notice.counts == Counts::default() { "used by" } else { "by" };
    let by = match notice.callers.as_slice() {
        [] => String::new(),
        [only] => format!(", {by} {}", who(only)),
        many => format!(", {by} {} callers", many.len()),
    };
    Some(format!("{span}: {}{by}.", counted(notice.counts)))
}

fn who(caller: &Caller) -> String {
    named_from(caller.caller.as_deref(), caller.user_agent.as_deref(), caller.address)
}

fn done(notice: &Notice) -> Option<String> {
    if matches!(notice.kind, Kind::Outcome | Kind::Digest) {
        return None;
    }
    let acted = notice.actions.iter().map(|action| match action {
        Action::RequestIncrease(i) => {
            let state = if i.request_id.is_some() {
                "was requested from AWS"
            } else {
                "is being requested from AWS; the answer is awaited"
            };
            format!(
                "An increase of {} from {} to {} {state}.",
                i.quota.code,
                number(i.applied),
                number(i.desired)
            )
        }
        Action::PrepareSupportCase { .. } => {
            "Nothing was sent to AWS. The text of a support case is below; a person opens it.".to_owned()
        }
        Action::RemindAccess(_) => "Nothing in the account was changed.".to_owned(),
    });
    let no = if notice.is_of_request() { "No further increase" } else { "No increase" };
    let withheld = notice.withheld.iter().map(|w| format!("{no} was requested: {}.", w.kind.phrase()));
    let mut all: Vec<String> = acted.chain(withheld).collect();
    if all.is_empty() {
        all.push(format!("Nothing: {}.", nothing(notice)));
    }
    // The others are among the details.
    all.truncate(2);
    Some(all.join(" "))
}

/// Why nothing was done and nothing is withheld.
fn nothing(notice: &Notice) -> &'static str {
    match notice.category {
        _ if notice.kind == Kind::Reminder && notice.request_id.is_some() => {
            "the request is followed until AWS has decided it"
        }
        _ if notice.kind == Kind::Unanswered => "the function keeps asking AWS",
        _ if notice.kind == Kind::Resolved => "you get a notice if it returns",
        Some(Category::Capacity) => "this is on AWS's side, and no quota increase helps",
        Some(Category::Request | Category::ModelId | Category::Credentials) => {
            "the caller has to change something, and no quota increase helps"
        }
        _ => "a person has to look",
    }
}

fn to_do(notice: &Notice) -> String {
    steps(notice).first().map_or_else(|| "Nothing.".to_owned(), |step| first_sentence(&step.text))
}

/// The first sentence of a step. A step begins with what to do.
fn first_sentence(text: &str) -> String {
    let end = text.match_indices(". ").map(|(at, _)| at).find(|at| !is_in_code(text, *at));
    let first = end.and_then(|end| text.get(..=end)).unwrap_or(text);
    sentence(first.strip_suffix(':').unwrap_or(first))
}

/// Whether the place is between two backticks.
fn is_in_code(text: &str, at: usize) -> bool {
    text.get(..at).is_some_and(|before| before.matches('`').count() % 2 == 1)
}

fn when(notice: &Notice) -> Option<String> {
    let said = match (notice.kind, notice.category) {
        (Kind::Resolved | Kind::Digest | Kind::Unanswered, _) => return None,
        (Kind::Outcome, _) => match notice.outcome {
            Some(RequestOutcome::Granted) | None => return None,
            Some(_) => "Now, if calls still fail: the quota stays as it is.",
        },
        (Kind::Headroom, _) => "Before the quota is full. No call fails yet.",
        (Kind::Lifecycle, _) => "Before the model ends. Its calls are still answered.",
        _ if notice.withheld.iter().any(|withheld| withheld.kind == Reason::UnusualCaller) => {
            "Now. Calls that nobody has ordered cost money each minute."
        }
        _ if notice.facts.is_announced() && notice.cause == Some(Cause::LegacyModel) => {
            "Before the day that AWS Health names. Its calls are still answered."
        }
        _ if notice.cause == Some(Cause::NearQuota) => "Before the quota is full. No call fails yet.",
        (_, Some(Category::Quota)) if notice.is_of_request() || notice.request_id.is_some() => {
            "Now. AWS may take days to decide; calls beyond the quota fail meanwhile."
        }
        (_, Some(Category::Quota)) => "Now. Calls beyond the quota fail until the quota or the use changes.",
        (_, Some(Category::Capacity)) => "Until AWS recovers, some calls fail.",
        (_, Some(Category::Request)) => "Now. The same request fails each time.",
        (_, Some(Category::Other) | None) => "Now. These calls fail.",
        (_, Some(_)) => "Now. These calls fail until it is done.",
    };
    Some(said.to_owned())
}
