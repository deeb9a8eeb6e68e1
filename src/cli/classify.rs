//! `classify`: finds the cause of each error text.

use bedrock_remediator::diagnosis::{ErrorText, diagnose};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cli::outcome::CommandOutcome;
use crate::cli::print;

/// Find the cause of error texts: JSON lines in, JSON lines out
///
/// Reads one JSON object a line from standard input: {"id", "message", "error_code", "http_status",
/// "operation"}, the last three optional. Writes {"id", "category", "cause", "rule", "remedy", "facts"} for each.
/// The message may be a whole log line of any SDK. `rule` is null if no rule matched.
#[derive(clap::Args)]
pub(crate) struct ClassifyArgs {}

#[derive(Deserialize)]
struct ClassifyQuery {
    #[serde(default)]
    id: Value,
    message: String,
    error_code: Option<String>,
    http_status: Option<u16>,
    operation: Option<String>,
}

pub(crate) fn run(_: &ClassifyArgs) -> anyhow::Result<CommandOutcome> {
    print::answer_lines(|line| {
        let query: ClassifyQuery = serde_json::from_value(line)
            // Serde's own error would quote the line.
            .map_err(|_| "expected `message`, and strings and a number as they are described".to_owned())?;
        let found = diagnose(&ErrorText {
            code: query.error_code.as_deref(),
            status: query.http_status,
            operation: query.operation.as_deref(),
            message: &query.message,
        });
        Ok(json!({
            "id": query.id,
            "category": found.cause.category(),
            "cause": found.cause,
            "rule": found.rule,
            "remedy": found.cause.remedy(),
            "facts": found.facts,
        }))
    })
}
