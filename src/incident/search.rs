//! A search for the errors behind an alarm.

use jiff::Timestamp;

use crate::wire_enum::wire_enum;

wire_enum! {
    /// Logs that hold errors, and also prompts.
    pub enum LogKind {
        /// Bedrock's model-invocation log.
        Invocation = "invocation-log",
        /// Logs written by applications.
        Application = "application-log",
    }
}

/// A started CloudWatch Logs query. Its result is ready seconds or minutes later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogQuery {
    /// Which logs it searches.
    pub kind: LogKind,
    /// Its query id in CloudWatch Logs.
    pub id: String,
}

/// A search for the errors behind an alarm. It takes several looks, because CloudTrail delivers minutes late and log
/// queries run in the background.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// When the alarm went off. A later alarm starts another search.
    pub alarm: Timestamp,
    /// Looks that are left.
    pub looks: u32,
    /// Log queries that were started and not read yet.
    pub queries: Vec<LogQuery>,
}

impl Search {
    /// Whether looks are left.
    pub fn is_on(&self) -> bool {
        self.looks > 0
    }
}
