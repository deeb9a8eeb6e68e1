//! Builds an update expression, attribute by attribute.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::incident::record::Lease;

pub(super) type DynamoItem = HashMap<String, AttributeValue>;

/// The changes to one item. Every attribute has a placeholder of its own name.
#[derive(Clone, Debug, Default)]
pub(super) struct Update {
    set: Vec<String>,
    add: Vec<String>,
    remove: Vec<String>,
    /// The condition of the write.
    condition: Option<String>,
    names: HashMap<String, String>,
    values: DynamoItem,
}

/// A value that an item can hold.
pub(super) trait Value {
    fn attribute(self) -> AttributeValue;
}

impl Value for AttributeValue {
    fn attribute(self) -> AttributeValue {
        self
    }
}

impl Value for &str {
    fn attribute(self) -> AttributeValue {
        AttributeValue::S(self.to_owned())
    }
}

impl Value for String {
    fn attribute(self) -> AttributeValue {
        AttributeValue::S(self)
    }
}

macro_rules! numbers {
    ($($number:ty)*) => {
        $(impl Value for $number {
            fn attribute(self) -> AttributeValue {
                AttributeValue::N(self.to_string())
            }
        })*
    };
}
numbers!(f64 i32 i64 u32 u64);

impl Update {
    pub(super) fn set(&mut self, name: &str, value: impl Value) {
        self.set.push(format!("#{name} = :{name}"));
        self.bind(name, value);
    }

    pub(super) fn set_all(&mut self, all: impl IntoIterator<Item = (&'static str, AttributeValue)>) {
        for (name, value) in all {
            self.set(name, value);
        }
    }

    pub(super) fn set_if_absent(&mut self, name: &str, value: impl Value) {
        self.set.push(format!("#{name} = if_not_exists(#{name}, :{name})"));
        self.bind(name, value);
    }

    pub(super) fn set_or_remove(&mut self, name: &str, value: Option<impl Value>) {
        match value {
            Some(value) => self.set(name, value),
            None => self.remove(name),
        }
    }

    /// Copies the value of `from`, or sets `value` if `from` does not exist.
    pub(super) fn copy_or(&mut self, name: &str, from: &str, value: impl Value) {
        self.set.push(format!("#{name} = if_not_exists(#{from}, :{name})"));
        self.name(from);
        self.bind(name, value);
    }

    pub(super) fn subtract(&mut self, name: &str, value: impl Value) {
        self.set.push(format!("#{name} = #{name} - :{name}"));
        self.bind(name, value);
    }

    pub(super) fn add(&mut self, name: &str, value: impl Value) {
        self.add.push(format!("#{name} :{name}"));
        self.bind(name, value);
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.remove.push(format!("#{name}"));
        self.name(name);
    }

    /// Makes the write conditional. Bind names and values that only the condition uses with [`Update::name`] and
    /// [`Update::value`].
    pub(super) fn only_if(&mut self, condition: &str) {
        self.condition = Some(condition.to_owned());
    }

    /// Makes the write conditional on `lease`.
    pub(super) fn under(&mut self, lease: &Lease) {
        self.only_if("lease_owner = :owner");
        self.value(":owner", &*lease.owner);
    }

    pub(super) fn name(&mut self, name: &str) {
        self.names.insert(format!("#{name}"), name.to_owned());
    }

    pub(super) fn value(&mut self, placeholder: &str, value: impl Value) {
        self.values.insert(placeholder.to_owned(), value.attribute());
    }

    fn bind(&mut self, name: &str, value: impl Value) {
        self.name(name);
        self.value(&format!(":{name}"), value);
    }

    /// The parts of an SDK request.
    pub(super) fn into_parts(self) -> ExpressionParts {
        let clauses = [("SET", self.set), ("ADD", self.add), ("REMOVE", self.remove)];
        let used = clauses.iter().filter(|(_, parts)| !parts.is_empty());
        let expression = used.map(|(verb, parts)| format!("{verb} {}", parts.join(", ")));
        ExpressionParts {
            expression: expression.collect::<Vec<_>>().join(" "),
            condition: self.condition,
            names: Some(self.names).filter(|names| !names.is_empty()),
            values: Some(self.values).filter(|values| !values.is_empty()),
        }
    }
}

/// The parts of an update in an SDK request. DynamoDB refuses empty maps, so they are `None`.
pub(super) struct ExpressionParts {
    pub(super) expression: String,
    pub(super) condition: Option<String>,
    pub(super) names: Option<HashMap<String, String>>,
    pub(super) values: Option<DynamoItem>,
}
