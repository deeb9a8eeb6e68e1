//! A search for the errors behind an alarm.

use jiff::Timestamp;

use crate::wire_enum::wire_enum;

wire_enum! {
    /// Logs that hold errors, and prompts.
    pub enum LogKind {
        /// Bedrock's model-invocation log.
        Invocation = "invocation-log",
        /// Logs that applications write.
        Application = "application-log",
    }
}

/// A search through logs that was begun. Its answer is there some seconds or minutes later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogQuery {
    /// Which logs.
    pub kind: LogKind,
    /// CloudWatch Logs' id of it.
    pub id: String,
}

/// A search for the errors behind an alarm. CloudTrail is minutes late, and logs are searched while nobody
/// waits, so it takes several looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// The alarm that it is about: one that goes off later begins another.
    pub alarm: Timestamp,
    /// So many looks are left.
    pub looks: u32,
    /// What was begun in logs and not read yet.
    pub queries: Vec<LogQuery>,
}

impl Search {
    /// Whether there are looks left.
    pub fn is_on(&self) -> bool {
        self.looks > 0
    }
}
