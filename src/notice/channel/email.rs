//! The mail.

use std::fmt::Write as _;

use crate::ids::IncidentId;
use crate::incident::notice_kind::Kind;
use crate::notice::brief::Brief;
use crate::notice::{Line, Notice, RoomRow, brief, counted, digest};
use crate::plan::action::{Action, Reason, Step, Withheld};
use crate::text;
use crate::text::{number, whole};

const WIDTH: usize = 76;
/// The width of the names before the first answers.
const LABEL: usize = 8;
/// More candidate quotas would hide the reason.
const MOST_CANDIDATES: usize = 4;

/// The headings of a mail's sections.
pub const HEADINGS: [&str; 4] = [ROOM, DETAILS, CASE, JUSTIFICATION];
const ROOM: &str = "Where there is room now";
const DETAILS: &str = "Details";
const CASE: &str = "The support case, ready to paste";
const JUSTIFICATION: &str = "The justification, ready to paste";

/// The whole mail: what happened and the answers that matter first, then steps, room and details. The subject has the
/// title.
pub(crate) fn mail(notice: &Notice) -> String {
    let mut out = String::new();
    paragraph(&mut out, &format!("{}{}", state(notice), notice.summary), "");
    if let Some(known) = known_account(notice) {
        paragraph(&mut out, &known, "");
    }
    out.push('\n');
    let brief = Brief::of(notice);
    for (name, answer) in [("Since", &brief.since), ("Done", &brief.done), ("When", &brief.when)] {
        if let Some(answer) = answer {
            item(&mut out, &label(name), answer);
        }
    }
    to_do(&mut out, &brief::steps(notice));
    incidents(&mut out, &notice.incidents);
    // The first step says where the only one is.
    if notice.room.len() > 1 {
        section(&mut out, ROOM);
        notice.room.iter().for_each(|row| item(&mut out, "  - ", &of_room(row)));
    }
    // The outcome of a request repeats no page.
    if notice.kind != Kind::Outcome {
        details(&mut out, notice);
        pastes(&mut out, notice);
    }
    ids(&mut out, notice);
    out
}

/// The steps, with their commands and links.
fn to_do(out: &mut String, steps: &[Step]) {
    if steps.is_empty() {
        item(out, &label("To do"), "Nothing.");
    }
    for (n, step) in steps.iter().enumerate() {
        let name = label(if n == 0 { "To do" } else { "" });
        let number = if steps.len() > 1 { format!("{}. ", n + 1) } else { String::new() };
        item(out, &format!("{name}{number}"), &step.text);
        let copied = step.command.iter().chain(&step.link).flat_map(|text| text.lines());
        for line in copied {
            // Unbroken on a line of its own, so that it can be copied. Writing to a string cannot fail.
            let _ = writeln!(out, "{:width$}{line}", "", width = LABEL + number.len());
        }
    }
}

/// The name of an answer, as wide as every other.
fn label(name: &str) -> String {
    let name = if name.is_empty() { String::new() } else { format!("{name}:") };
    format!("{name:LABEL$}")
}

/// What the summary is about, if it is not an incident's first notice.
fn state(notice: &Notice) -> &'static str {
    match notice.kind {
        Kind::Again => "Still: ",
        Kind::Reminder if notice.request_id.is_none() => "Reminder: ",
        Kind::Unanswered => "AWS does not answer about this: ",
        Kind::Resolved if notice.title.starts_with("Over") => "Over: ",
        _ => "",
    }
}

/// What was requested or withheld, in full, and why the function thinks so.
fn details(out: &mut String, notice: &Notice) {
    let requested = notice.actions.iter().filter_map(of_request);
    let lines: Vec<String> = requested.chain(notice.because.iter().cloned()).collect();
    if lines.is_empty() && notice.withheld.is_empty() {
        return;
    }
    section(out, DETAILS);
    for withheld in &notice.withheld {
        not_done(out, withheld, notice.is_of_request());
    }
    for line in &lines {
        item(out, "  - ", line);
    }
}

/// The texts for a support case.
fn pastes(out: &mut String, notice: &Notice) {
    for action in &notice.actions {
        if let Action::PrepareSupportCase { text, .. } = action {
            section(out, CASE);
            text.lines().for_each(|l| paragraph(out, l, "  "));
        }
    }
    let in_case = notice.actions.iter().any(|a| matches!(a, Action::PrepareSupportCase { .. }));
    if let Some(justification) = notice.justification.as_ref().filter(|_| !in_case && is_pasted(notice)) {
        section(out, JUSTIFICATION);
        justification.lines().for_each(|l| paragraph(out, l, "  "));
    }
}

/// Whether somebody can use the justification: a request is filed, or a step files one.
fn is_pasted(notice: &Notice) -> bool {
    let is_request = |step: &Step| step.command.as_ref().is_some_and(|it| it.contains(REQUESTS));
    notice.is_of_request() || brief::steps(notice).iter().any(is_request)
}

/// The command that files a request.
const REQUESTS: &str = "request-service-quota-increase";

/// AWS's pages, and what the notice and its incident are called.
fn ids(out: &mut String, notice: &Notice) {
    out.push('\n');
    for reference in &notice.references {
        let _ = writeln!(out, "{reference}");
    }
    let _ = match &notice.incident_id {
        Some(id) => writeln!(out, "Incident {id}, notice {}", notice.notice_id),
        None => writeln!(out, "Notice {}", notice.notice_id),
    };
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

/// The request that was filed, in full; `None` for another action.
fn of_request(action: &Action) -> Option<String> {
    let Action::RequestIncrease(i) = action else { return None };
    let request = match &i.request_id {
        Some(id) => format!("request {id}"),
        None => "AWS's answer was not received, and the request is followed".to_owned(),
    };
    Some(format!(
        "Requested: `{}` ({}) from {} to {} ({request}). AWS's default is {}.",
        i.quota.name,
        i.quota.code,
        number(i.applied),
        number(i.desired),
        i.default.map_or_else(|| "unknown".to_owned(), number)
    ))
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

/// The SMS text: one line with what and where.
pub(crate) fn sms(notice: &Notice) -> String {
    let id = notice.incident_id.as_ref().map_or(notice.notice_id.as_str(), IncidentId::as_str);
    text::line(&format!("{} [{id}]", notice.title), 140)
}
