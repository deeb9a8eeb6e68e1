//! Shared output: colours, filled text, lines of JSON.

use std::io::Write;

use anstyle::{AnsiColor, Style};
use bedrock_remediator::text::{Safe, printable};
use serde::Serialize;
use serde_json::Value;

use crate::cli::outcome::CommandOutcome;

pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const WARN: Style = AnsiColor::Yellow.on_default();
pub(crate) const BAD: Style = AnsiColor::Red.on_default();

/// Columns of the human-readable output.
pub(crate) const WIDTH: usize = 80;

/// An item's id from its queue or stream; a placeholder if it does not look like an id.
pub(crate) fn name(id: Option<&str>) -> String {
    match id {
        None => "-".to_owned(),
        Some(id) => {
            Safe::name(id).map_or_else(|| "(an id that is not shown)".to_owned(), |id| id.to_string())
        }
    }
}

/// `text` in `style`. The stream drops the style unless standard output is a terminal.
pub(crate) fn styled(text: impl std::fmt::Display, style: Style) -> String {
    format!("{style}{}{style:#}", printable(&text.to_string()))
}

/// `text` wrapped to [`WIDTH`], with `indent` before each line.
pub(crate) fn filled(text: &str, indent: &str) -> String {
    let options =
        textwrap::Options::new(WIDTH).initial_indent(indent).subsequent_indent(indent).break_words(false);
    textwrap::fill(&printable(text), options)
}

/// Prints one line of JSON.
pub(crate) fn json_line(out: &mut impl Write, value: &impl Serialize) -> anyhow::Result<()> {
    // Without a buffer, the colour filter would inspect each small write.
    let mut out = std::io::BufWriter::new(out);
    serde_json::to_writer(&mut out, value)?;
    out.write_all(b"\n")?;
    out.flush()?;
    Ok(())
}

/// Answers each JSON object of `input`, one a line, with one line of JSON. A bad line gets
/// `{"id": null, "error": …}` and does not stop the rest.
pub(crate) fn answer_lines(
    input: impl std::io::BufRead,
    answer: impl Fn(Value) -> Result<Value, String>,
) -> anyhow::Result<CommandOutcome> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut outcome = CommandOutcome::AllAnswered;
    for (number, line) in input.split(b'\n').enumerate() {
        let line = line?;
        if line.trim_ascii().is_empty() {
            continue;
        }
        let read = serde_json::from_slice(&line)
            .map_err(|e: serde_json::Error| format!("not JSON: column {}", e.column()));
        let answered = read.and_then(&answer).unwrap_or_else(|error| {
            outcome = CommandOutcome::SomeBad;
            serde_json::json!({ "id": null, "error": format!("line {}: {error}", number + 1) })
        });
        json_line(&mut out, &answered)?;
    }
    out.flush()?;
    Ok(outcome)
}
