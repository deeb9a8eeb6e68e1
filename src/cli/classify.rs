//! `classify`: finds the cause of error texts.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write};

use anyhow::ensure;
use bedrock_remediator::diagnosis::{Category, Cause, Diagnosis, ErrorText, diagnose};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cli::outcome::CommandOutcome;
use crate::cli::print;

/// Find the cause of an error text, or of many
///
/// Classifies TEXT: a line of a log, an exception or a whole traceback, of any SDK. Without TEXT, reads standard
/// input: either one such text, or JSON lines of the form {"id", "message", "error_code", "http_status", "operation"},
/// of which only the message is needed. On a terminal, prints the answer for people; in a pipe, or with --json, prints
/// one line of JSON for each text: {"id", "answered_by", "category", "cause", "rule", "remedy", "advice", "facts"}.
/// `rule` is null if no rule matched; `answered_by` is null if the text does not show who answered.
#[derive(clap::Args)]
pub(crate) struct ClassifyArgs {
    /// The error text
    text: Option<String>,
    /// Print JSON on a terminal, too
    #[arg(long)]
    json: bool,
}

#[derive(Deserialize)]
struct ClassifyQuery {
    #[serde(default)]
    id: Value,
    /// Some SDKs give a code and no message.
    message: Option<String>,
    error_code: Option<String>,
    http_status: Option<u16>,
    operation: Option<String>,
}

/// The keys of a query. A line with any other key is an error text.
const KEYS: [&str; 5] = ["id", "message", "error_code", "http_status", "operation"];

pub(crate) fn run(args: &ClassifyArgs) -> anyhow::Result<CommandOutcome> {
    if let Some(text) = &args.text {
        ensure!(!text.trim().is_empty(), "TEXT is empty; leave it out to read standard input");
        return one(text, args.json);
    }
    let mut input = io::stdin().lock();
    let mut first = Vec::new();
    // Blank lines before the first text say nothing about its form.
    while first.trim_ascii().is_empty() {
        first.clear();
        if input.read_until(b'\n', &mut first)? == 0 {
            break;
        }
    }
    if first.trim_ascii().is_empty() {
        return Ok(CommandOutcome::AllAnswered);
    }
    if is_query(&first) {
        return print::answer_lines(io::Cursor::new(first).chain(input), answer);
    }
    input.read_to_end(&mut first)?;
    one(&String::from_utf8_lossy(&first), args.json)
}

/// Whether `line` is a query, or is meant to be one: a JSON object with the keys of a query only.
fn is_query(line: &[u8]) -> bool {
    match serde_json::from_slice::<serde_json::Map<String, Value>>(line) {
        Ok(object) => !object.is_empty() && object.keys().all(|key| KEYS.contains(&key.as_str())),
        Err(_) => line.trim_ascii_start().starts_with(br#"{"id""#),
    }
}

fn answer(line: Value) -> Result<Value, String> {
    let query: ClassifyQuery = serde_json::from_value(line)
        // Serde's own error would quote the line.
        .map_err(|_| "expected `message`, and strings and a number as they are described".to_owned())?;
    if query.message.is_none() && query.error_code.is_none() {
        return Err("expected `message` or `error_code`".to_owned());
    }
    let found = diagnose(&ErrorText {
        code: query.error_code.as_deref(),
        status: query.http_status,
        operation: query.operation.as_deref(),
        message: query.message.as_deref().unwrap_or_default(),
        ..ErrorText::default()
    });
    Ok(object(&query.id, &found))
}

fn object(id: &Value, found: &Diagnosis) -> Value {
    json!({
        "id": id,
        "answered_by": answered_by(found),
        "category": found.cause.category(),
        "cause": found.cause,
        "rule": found.rule,
        "remedy": found.cause.remedy(),
        "advice": found.row().and_then(|row| row.advice.first()),
        "facts": found.facts,
    })
}

/// Who answered; `None` if the text does not show it.
fn answered_by(found: &Diagnosis) -> Option<&str> {
    match (found.cause.category(), &found.facts.answered_by) {
        (_, Some(other)) => Some(other.as_str()),
        (Category::Other, None) => None,
        _ if found.cause == Cause::Missing => Some("the client itself"),
        _ => Some("Amazon Bedrock"),
    }
}

/// Classifies one text and prints the answer for people on a terminal, else as JSON.
fn one(text: &str, as_json: bool) -> anyhow::Result<CommandOutcome> {
    let found = diagnose(&ErrorText { message: text, ..ErrorText::default() });
    let mut out = io::stdout().lock();
    if as_json || !out.is_terminal() {
        print::json_line(&mut out, &object(&Value::Null, &found))?;
    } else {
        human(&mut out, &found)?;
    }
    out.flush()?;
    Ok(CommandOutcome::AllAnswered)
}

fn human(out: &mut impl Write, found: &Diagnosis) -> anyhow::Result<()> {
    let mut row = |name: &str, value: &str| {
        writeln!(out, "{} {value}", print::styled(format!("{name:<12}"), print::BOLD))
    };
    let cause = found.cause;
    row("answered by", answered_by(found).unwrap_or("the text does not show it"))?;
    row("cause", &format!("{}/{cause}", cause.category()))?;
    row("rule", found.rule.unwrap_or("none matches"))?;
    row("remedy", cause.remedy().as_str())?;
    if let Value::Object(facts) = serde_json::to_value(&found.facts)? {
        for (name, value) in facts.iter().filter(|(name, _)| *name != "answered_by") {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            row(&name.replace('_', " "), &value)?;
        }
    }
    if let Some(rule) = found.row() {
        writeln!(out)?;
        for advice in rule.advice {
            writeln!(out, "{}", print::filled(advice, ""))?;
        }
        writeln!(out, "{}", rule.reference)?;
    } else if cause == Cause::Unknown {
        writeln!(out)?;
        writeln!(
            out,
            "{}",
            print::filled(
                "No rule knows this text. `bedrock-remediator rules` lists what is known; an issue of the form \"error misdiagnosed\" adds it.",
                ""
            )
        )?;
    }
    Ok(())
}
