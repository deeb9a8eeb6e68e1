//! A search for errors, as an attribute.

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};
use serde_dynamo::to_attribute_value;

use crate::aws::dynamodb::keys::{stamp, unreadable};
use crate::error::ServiceResult;
use crate::incident::search::{LogKind, LogQuery, Search};

/// The search for the errors behind an alarm.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SearchAttribute {
    alarm: String,
    looks: u32,
    #[serde(default)]
    queries: Vec<QueryAttribute>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct QueryAttribute {
    pub(crate) kind: String,
    id: String,
}

impl SearchAttribute {
    pub(crate) fn of(search: &Search) -> Self {
        let begun = |q: &LogQuery| QueryAttribute { kind: q.kind.to_string(), id: q.id.clone() };
        Self {
            alarm: stamp(search.alarm),
            looks: search.looks,
            queries: search.queries.iter().map(begun).collect(),
        }
    }

    pub(crate) fn attribute(&self) -> ServiceResult<AttributeValue> {
        to_attribute_value(self).map_err(|e| unreadable("of a search", e))
    }

    pub(crate) fn search(&self) -> ServiceResult<Search> {
        let query = |q: &QueryAttribute| Some(LogQuery { kind: LogKind::parse(&q.kind)?, id: q.id.clone() });
        Ok(Search {
            alarm: self.alarm.parse().map_err(|e| unreadable("of a search", e))?,
            looks: self.looks,
            queries: self.queries.iter().filter_map(query).collect(),
        })
    }
}
