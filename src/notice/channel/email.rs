//! The mail.

use std::fmt::Write as _;

use crate::diagnosis::Category;
use crate::ids::IncidentId;
use crate::incident::notice_kind::Kind;
use crate::notice::{Line, Notice, RoomRow, counted, digest};
use crate::plan::action::{Action, Reason, Withheld};
use crate::text;
use crate::text::{number, whole};

const WIDTH: usize = 76;
/// More candidate quotas would hide the reason.
const MOST_CANDIDATES: usize = 4;

/// The whole mail.
pub(crate) fn mail(notice: &Notice) -> String {
    let mut out = String::new();
    paragraph(&mut out, &notice.title, "");
    section(&mut out, "What happened");
    paragraph(&mut out, &notice.summary, "  ");
    if let Some(known) = known_account(notice) {
        paragraph(&mut out, &known, "  ");
    }
    if !notice.because.is_empty() {
        section(&mut out, "Why we think so");
        notice.because.iter().for_each(|b| item(&mut out, "  - ", b));
    }
    if notice.incidents.is_empty() {
        section(&mut out, "What was done");
        done(&mut out, notice);
    } else {
        incidents(&mut out, &notice.incidents);
    }
    if !notice.room.is_empty() {
        section(&mut out, "Where there is room now");
        notice.room.iter().for_each(|row| item(&mut out, "  - ", &of_room(row)));
    }
    if !notice.next_steps.is_empty() {
        section(&mut out, "What to do now");
        for (n, step) in notice.next_steps.iter().enumerate() {
            item(&mut out, &format!("  {}. ", n + 1), &step.text);
            step.command.iter().for_each(|c| verbatim(&mut out, c));
            step.link.iter().for_each(|l| verbatim(&mut out, l));
        }
    }
    if !notice.advice.is_empty() {
        section(&mut out, "Good to know");
        notice.advice.iter().for_each(|a| item(&mut out, "  - ", a));
    }
    for action in &notice.actions {
        if let Action::PrepareSupportCase { text, .. } = action {
            section(&mut out, "The support case, ready to paste");
            text.lines().for_each(|l| paragraph(&mut out, l, "  "));
        }
    }
    let in_case = notice.actions.iter().any(|a| matches!(a, Action::PrepareSupportCase { .. }));
    if let Some(justification) = notice.justification.as_ref().filter(|_| !in_case) {
        section(&mut out, "The justification, ready to paste");
        justification.lines().for_each(|l| paragraph(&mut out, l, "  "));
    }
    if !notice.references.is_empty() {
        section(&mut out, "AWS on this error");
        notice.references.iter().for_each(|r| verbatim(&mut out, r));
    }
    // Writing to a string cannot fail.
    let _ = match (&notice.incident_id, notice.episode) {
        (Some(id), Some(episode)) => {
            write!(out, "\nIncident {id}, episode {episode}, notice {}\n", notice.notice_id)
        }
        _ => write!(out, "\nNotice {}\n", notice.notice_id),
    };
    out
}

/// The account's name and owner in a sentence; `None` if neither is configured.
pub(crate) fn known_account(notice: &Notice) -> Option<String> {
    let account = notice.account.as_ref()?;
    Some(match (&notice.account_name, &notice.account_owner) {
        (Some(name), Some(owner)) => format!("Account {account} is {name}. Its owner is {owner}."),
        (Some(name), None) => format!("Account {account} is {name}."),
        (None, Some(owner)) => format!("The owner of account {account} is {owner}."),
        (None, None) => return None,
    })
}

/// The incidents of a digest, grouped by cause. [`Line`]s come in order of urgency.
fn incidents(out: &mut String, lines: &[Line]) {
    for of_cause in lines.chunk_by(|one, next| one.cause == next.cause) {
        of_cause.iter().take(1).for_each(|l| section(out, digest::name(l.cause)));
        for line in of_cause {
            item(out, "  - ", &of_line(line, digest::has_several_accounts(lines)));
        }
    }
}

/// A caller without partition and account, which the digest names.
fn who(caller: &str) -> &str {
    caller.split(':').nth(5).unwrap_or(caller)
}

/// A digest's line about one incident: where, how often, and what is withheld. `names_account`: whether the digest is of
/// several accounts.
pub(crate) fn of_line(line: &Line, names_account: bool) -> String {
    let kinds = line.kinds.map(|kinds| format!("at least {} different kinds of error", whole(kinds)));
    let model = kinds.as_deref().or(line.model_id.as_deref()).unwrap_or("model unknown");
    let region = line.region.as_ref().map(|r| format!(" in {r}")).unwrap_or_default();
    let account = line.account.as_ref().filter(|_| names_account).map(|account| match &line.account_name {
        Some(name) => format!(", account {account} ({name})"),
        None => format!(", account {account}"),
    });
    let account = account.unwrap_or_default();
    let caller = line.caller.as_deref().map(|c| format!(", by {}", who(c))).unwrap_or_default();
    let counted = counted(line.counts);
    let state = match line.kind {
        Kind::Again => ", goes on",
        Kind::Resolved => ", is over",
        Kind::Unanswered => ", AWS does not answer",
        _ => "",
    };
    let withheld: Vec<_> = line.withheld.iter().map(|w| w.as_str()).collect();
    let withheld =
        if withheld.is_empty() { String::new() } else { format!(", no increase: {}", withheld.join(", ")) };
    let id = line.incident_id.as_ref().map(|id| format!(" ({id})")).unwrap_or_default();
    format!("{model}{region}{account}{caller}: {counted}{state}{withheld}{id}")
}

/// The actions, what is withheld, or why there is neither.
fn done(out: &mut String, notice: &Notice) {
    notice.actions.iter().for_each(|action| item(out, "  - ", &of_action(action)));
    let is_asked = notice.actions.iter().any(|action| matches!(action, Action::RequestIncrease(_)));
    notice.withheld.iter().for_each(|withheld| not_done(out, withheld, is_asked));
    if notice.actions.is_empty() && notice.withheld.is_empty() {
        item(out, "  - ", &format!("Nothing: {}.", why_nothing(notice)));
    }
}

/// Another way to call the model.
fn of_room(row: &RoomRow) -> String {
    let endpoint =
        if row.endpoint == "bedrock-runtime" { String::new() } else { format!(" on {}", row.endpoint) };
    let adjustable = if row.adjustable { "adjustable" } else { "not adjustable" };
    format!(
        "`{}` from {}{endpoint}: {} of {} {} used, {} left ({}; AWS lists it as {adjustable})",
        row.model_id,
        row.region,
        number(row.used),
        number(row.applied),
        row.unit,
        number((row.applied - row.used).max(0.0)),
        row.quota_code,
    )
}

/// What the function did.
fn of_action(action: &Action) -> String {
    match action {
        Action::RequestIncrease(i) => {
            let state = match (&i.request_id, &i.status) {
                (Some(id), _) => format!("was requested from AWS (request {id})"),
                (None, _) => {
                    "is being requested from AWS; its answer was not received, and is followed".to_owned()
                }
            };
            format!(
                "An increase of `{}` ({}) from {} to {} {state}. AWS's default is {}.",
                i.quota.name,
                i.quota.code,
                number(i.applied),
                number(i.desired),
                i.default.map_or_else(|| "unknown".to_owned(), number)
            )
        }
        Action::PrepareSupportCase { .. } => {
            "A support case was written for you; it is at the end of this mail.".to_owned()
        }
        Action::RemindAccess(r) => {
            format!("Nothing in the account was changed. This is the reminder for {}.", r.audience)
        }
    }
}

/// Why no increase was requested, or, if one `is_asked` for already, no further one.
fn not_done(out: &mut String, withheld: &Withheld, is_asked: bool) {
    item(
        out,
        "  - ",
        &format!(
            "{} ({}): {}.",
            if is_asked { "No further increase will be requested" } else { "No increase was requested" },
            withheld.kind,
            withheld.reason.trim_end_matches('.')
        ),
    );
    let what = match withheld.kind {
        Reason::Ambiguous => "could be",
        Reason::NotAdjustable => "ask for",
        _ => "it has",
    };
    for candidate in withheld.candidates.iter().take(MOST_CANDIDATES) {
        item(out, "      ", &format!("{what}: {} ({})", candidate.name, candidate.code));
    }
}

/// Why nothing was done and nothing is withheld.
fn why_nothing(notice: &Notice) -> &'static str {
    match notice.category {
        _ if notice.kind == Kind::Outcome => "the request was followed to its end",
        _ if notice.kind == Kind::Reminder && notice.request_id.is_some() => {
            "the request is followed until AWS has decided it"
        }
        _ if notice.kind == Kind::Unanswered => "the function keeps asking AWS",
        _ if notice.kind == Kind::Resolved => "the incident is over. You will get a notice if it returns",
        Some(Category::Capacity) => "this is on AWS's side and recovers by itself; no quota increase helps",
        Some(Category::Request | Category::ModelId | Category::Credentials) => {
            "the caller has to change something; no quota increase helps"
        }
        _ => "a person has to look",
    }
}

fn section(out: &mut String, heading: &str) {
    let _ = write!(out, "\n{heading}\n");
}

fn paragraph(out: &mut String, text: &str, indent: &str) {
    item_with(out, indent, indent, text);
}

fn item(out: &mut String, bullet: &str, text: &str) {
    item_with(out, bullet, &" ".repeat(bullet.len()), text);
}

fn item_with(out: &mut String, first: &str, rest: &str, text: &str) {
    let options = textwrap::Options::new(WIDTH)
        .initial_indent(first)
        .subsequent_indent(rest)
        .break_words(false)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    out.push_str(&textwrap::fill(text, options));
    out.push('\n');
}

/// Writes commands, statements and links unbroken on their own lines, so that they can be copied.
fn verbatim(out: &mut String, text: &str) {
    text.lines().for_each(|line| {
        let _ = writeln!(out, "     {line}");
    });
}

/// The SMS text: one line with what and where.
pub(crate) fn sms(notice: &Notice) -> String {
    let id = notice.incident_id.as_ref().map_or(notice.notice_id.as_str(), IncidentId::as_str);
    text::line(&format!("{} [{id}]", notice.title), 140)
}
