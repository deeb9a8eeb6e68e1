//! A table with DynamoDB's rules for the expressions the ledger writes: conditions, updates,
//! transactions and two sparse indexes. What it does not know it refuses, loudly. It counts the capacity that each call
//! consumes as AWS documents it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

type Item = Map<String, Value>;

/// One table with the key `pk` and two indexes, both of which project whole items.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) items: BTreeMap<String, Item>,
    pub(crate) consumed: Consumed,
}

/// Capacity units, of on-demand and of provisioned tables alike.
/// See <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html> and, for the
/// indexes, <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html>.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Consumed {
    /// Write units of the table.
    pub(crate) table: f64,
    /// Write units of both indexes.
    pub(crate) indexes: f64,
    /// Read units of the table and of its indexes.
    pub(crate) read: f64,
}

/// The indexes: name, hash key and range key.
const INDEXES: [(&str, &str, &str); 2] =
    [("open-due", "open", "due_at"), ("place-seen", "place", "last_seen")];

/// The size of an item in bytes: names and values, as UTF-8.
/// See <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>.
pub(crate) fn size(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + size_of_value(value)).sum()
}

fn size_of_value(value: &Value) -> usize {
    let (kind, value) = value.as_object().and_then(|value| value.iter().next()).unwrap();
    match (kind.as_str(), value) {
        ("S", Value::String(text)) => text.len(),
        // About one byte for two digits, and one more.
        ("N", Value::String(number)) => number.len().div_ceil(2) + 1,
        ("BOOL" | "NULL", _) => 1,
        ("SS", Value::Array(all)) => all.iter().filter_map(Value::as_str).map(str::len).sum(),
        ("L", Value::Array(all)) => 3 + all.iter().map(|value| 1 + size_of_value(value)).sum::<usize>(),
        ("M", Value::Object(all)) => {
            3 + all.iter().map(|(name, value)| 1 + name.len() + size_of_value(value)).sum::<usize>()
        }
        other => panic!("unknown value {other:?}"),
    }
}

/// Units of so many bytes; at least one.
#[allow(clippy::cast_precision_loss, reason = "no item is that large")]
fn units(bytes: usize, unit: usize) -> f64 {
    bytes.div_ceil(unit).max(1) as f64
}

fn write_units(item: &Item) -> f64 {
    units(size(item), 1024)
}

/// What a write from `before` to `after` costs in one index.
fn index_units(before: &Item, after: &Item, hash: &str, range: &str) -> f64 {
    let key = |item: &Item| Some((item.get(hash)?.clone(), item.get(range)?.clone()));
    match (key(before), key(after)) {
        (None, None) => 0.0,
        (Some(_), None) => write_units(before),
        (None, Some(_)) => write_units(after),
        (Some(one), Some(two)) if one == two && before == after => 0.0,
        (Some(one), Some(two)) if one == two => write_units(before).max(write_units(after)),
        // One to delete the entry, and one to put the other.
        _ => write_units(before) + write_units(after),
    }
}

/// An error as DynamoDB words it.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) code: &'static str,
    pub(crate) body: Value,
}

fn invalid(why: &str) -> Refused {
    Refused { code: "ValidationException", body: json!({ "message": why }) }
}

/// What an expression is evaluated against.
struct Scope<'a> {
    item: &'a Item,
    names: &'a Value,
    values: &'a Value,
}

impl Scope<'_> {
    fn name(&self, token: &str) -> String {
        match token.strip_prefix('#') {
            Some(_) => self.names[token].as_str().unwrap_or_else(|| panic!("{token} has no name")).to_owned(),
            None => token.to_owned(),
        }
    }

    fn operand(&self, token: &str) -> Option<Value> {
        if token.starts_with(':') {
            let value = &self.values[token];
            assert!(!value.is_null(), "{token} has no value");
            return Some(value.clone());
        }
        let mut parts = token.split('.');
        let first = self.item.get(&self.name(parts.next()?)).cloned()?;
        parts.try_fold(first, |value, part| value.get("M")?.get(self.name(part)).cloned())
    }
}

fn tokens(expression: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut word = String::new();
    for c in expression.chars() {
        if c.is_alphanumeric() || "#:_.".contains(c) {
            word.push(c);
            continue;
        }
        if !word.is_empty() {
            tokens.push(std::mem::take(&mut word));
        }
        match tokens.last_mut() {
            Some(last) if c == '=' && ["<", ">"].contains(&last.as_str()) => last.push(c),
            Some(last) if c == '>' && last == "<" => last.push(c),
            _ if !c.is_whitespace() => tokens.push(c.to_string()),
            _ => {}
        }
    }
    if !word.is_empty() {
        tokens.push(word);
    }
    tokens
}

/// `None` where the two cannot be compared, as with a missing attribute.
fn compare(one: &Value, two: &Value) -> Option<std::cmp::Ordering> {
    match (&one["S"], &two["S"], &one["N"], &two["N"]) {
        (Value::String(a), Value::String(b), ..) => Some(a.cmp(b)),
        (_, _, Value::String(a), Value::String(b)) => a.parse::<f64>().ok()?.partial_cmp(&b.parse().ok()?),
        _ => None,
    }
}

struct Condition<'a> {
    scope: Scope<'a>,
    tokens: Vec<String>,
    at: usize,
}

impl Condition<'_> {
    fn next(&mut self) -> String {
        self.at += 1;
        self.tokens[self.at - 1].clone()
    }

    fn is_next(&self, word: &str) -> bool {
        self.tokens.get(self.at).is_some_and(|t| t == word)
    }

    fn any(&mut self) -> bool {
        let mut holds = self.all();
        while self.is_next("OR") {
            self.at += 1;
            holds |= self.all();
        }
        holds
    }

    fn all(&mut self) -> bool {
        let mut holds = self.one();
        while self.is_next("AND") {
            self.at += 1;
            holds &= self.one();
        }
        holds
    }

    fn one(&mut self) -> bool {
        let first = self.next();
        match first.as_str() {
            "(" => {
                let holds = self.any();
                assert_eq!(self.next(), ")");
                holds
            }
            "attribute_not_exists" | "attribute_exists" => {
                assert_eq!(self.next(), "(");
                let token = self.next();
                assert_eq!(self.next(), ")");
                self.scope.operand(&token).is_none() == (first == "attribute_not_exists")
            }
            "size" => {
                assert_eq!(self.next(), "(");
                let token = self.next();
                assert_eq!((self.next().as_str(), self.next().as_str()), (")", "<"));
                let most = number(&self.scope.operand(&self.tokens[self.at].clone()).unwrap());
                self.at += 1;
                let size = self.scope.operand(&token).map_or(0, |set| set["SS"].as_array().unwrap().len());
                u32::try_from(size).is_ok_and(|size| f64::from(size) < most)
            }
            "begins_with" => {
                assert_eq!(self.next(), "(");
                let (text, comma, start) = (self.next(), self.next(), self.next());
                assert_eq!((comma.as_str(), self.next().as_str()), (",", ")"));
                let [text, start] = [text, start].map(|t| self.scope.operand(&t).unwrap());
                text["S"].as_str().unwrap().starts_with(start["S"].as_str().unwrap())
            }
            _ => {
                let (operator, second) = (self.next(), self.next());
                let (one, two) = (self.scope.operand(&first), self.scope.operand(&second));
                let Some(order) = one.zip(two).and_then(|(one, two)| compare(&one, &two)) else {
                    return false;
                };
                match operator.as_str() {
                    "=" => order.is_eq(),
                    "<>" => order.is_ne(),
                    "<" => order.is_lt(),
                    "<=" => order.is_le(),
                    ">" => order.is_gt(),
                    ">=" => order.is_ge(),
                    other => panic!("unknown operator {other}"),
                }
            }
        }
    }
}

fn holds(expression: Option<&str>, scope: Scope<'_>) -> bool {
    let Some(expression) = expression else { return true };
    let mut condition = Condition { scope, tokens: tokens(expression), at: 0 };
    let holds = condition.any();
    assert_eq!(condition.at, condition.tokens.len(), "read to the end: {expression}");
    holds
}

fn number(value: &Value) -> f64 {
    value["N"].as_str().and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("{value} is no number"))
}

/// The value of the right side of a `SET`, seen on the item as it was.
fn evaluate(tokens: &[String], scope: &Scope<'_>) -> Value {
    let words: Vec<&str> = tokens.iter().map(String::as_str).collect();
    match words.as_slice() {
        [one] => scope.operand(one).unwrap_or_else(|| panic!("{one} is missing")),
        ["if_not_exists", "(", name, ",", value, ")"] => {
            scope.operand(name).or_else(|| scope.operand(value)).unwrap()
        }
        [one, "-", two] => {
            let difference = number(&scope.operand(one).unwrap()) - number(&scope.operand(two).unwrap());
            json!({ "N": difference.to_string() })
        }
        other => panic!("unknown right side {other:?}"),
    }
}

fn updated(expression: &str, scope: &Scope<'_>) -> Item {
    let mut new = scope.item.clone();
    let mut verb = String::new();
    let mut part: Vec<String> = Vec::new();
    let mut depth = 0;
    let mut apply = |verb: &str, part: &[String]| match (verb, part) {
        (_, []) => {}
        ("SET", [name, equals, right @ ..]) if equals == "=" => {
            new.insert(scope.name(name), evaluate(right, scope));
        }
        ("ADD", [name, value]) if scope.operand(value).unwrap().get("SS").is_some() => {
            let of =
                |set: Option<Value>| set.and_then(|set| set["SS"].as_array().cloned()).unwrap_or_default();
            let mut all = of(scope.operand(name));
            all.extend(
                of(scope.operand(value)).into_iter().filter(|new| !all.contains(new)).collect::<Vec<_>>(),
            );
            new.insert(scope.name(name), json!({ "SS": all }));
        }
        ("ADD", [name, value]) => {
            let before = scope.operand(name).map_or(0.0, |v| number(&v));
            let sum = before + number(&scope.operand(value).unwrap());
            new.insert(scope.name(name), json!({ "N": sum.to_string() }));
        }
        ("REMOVE", [name]) => drop(new.remove(&scope.name(name))),
        other => panic!("unknown part {other:?}"),
    };
    for token in tokens(expression) {
        match token.as_str() {
            "SET" | "ADD" | "REMOVE" => {
                apply(&verb, &part);
                part.clear();
                verb = token;
                continue;
            }
            "," if depth == 0 => {
                apply(&verb, &part);
                part.clear();
                continue;
            }
            "(" => depth += 1,
            ")" => depth -= 1,
            _ => {}
        }
        part.push(token);
    }
    apply(&verb, &part);
    new
}

impl Table {
    fn item(&self, key: &Value) -> Item {
        self.items.get(pk(key)).cloned().unwrap_or_default()
    }

    /// The item before and after `write`; or the item that its condition did not hold for.
    fn weigh(&self, write: &Value) -> Result<(String, Item, Item), Item> {
        let key = &write["Key"];
        let item = self.item(key);
        let scope = || Scope {
            item: &item,
            names: &write["ExpressionAttributeNames"],
            values: &write["ExpressionAttributeValues"],
        };
        if !holds(write["ConditionExpression"].as_str(), scope()) {
            return Err(item);
        }
        let mut new = updated(write["UpdateExpression"].as_str().unwrap(), &scope());
        new.insert("pk".to_owned(), key["pk"].clone());
        Ok((pk(key).to_owned(), item, new))
    }

    /// Answers one operation.
    pub(crate) fn call(&mut self, operation: &str, input: &Value) -> Result<Value, Refused> {
        match operation {
            "UpdateItem" => self.update(input),
            "BatchGetItem" => Ok(self.batch(input)),
            "GetItem" => {
                let item = self.item(&input["Key"]);
                self.consumed.read += units(size(&item), 4096);
                Ok(if item.is_empty() { json!({}) } else { json!({ "Item": item }) })
            }
            "Query" => self.query(input),
            "Scan" => Ok(self.scan(input)),
            "TransactWriteItems" => self.transact(input),
            other => Err(invalid(&format!("unknown operation {other}"))),
        }
    }

    fn update(&mut self, input: &Value) -> Result<Value, Refused> {
        match self.weigh(input) {
            Ok((key, before, after)) => {
                self.write(&key, &before, Some(after), 1.0);
                Ok(if before.is_empty() { json!({}) } else { json!({ "Attributes": before }) })
            }
            Err(item) => {
                self.consumed.table += write_units(&item);
                let mut body = json!({ "message": "The conditional request failed" });
                if !item.is_empty() {
                    body["Item"] = Value::Object(item);
                }
                Err(Refused { code: "ConditionalCheckFailedException", body })
            }
        }
    }

    fn transact(&mut self, input: &Value) -> Result<Value, Refused> {
        let mut changes = Vec::new();
        let mut reasons = Vec::new();
        for write in input["TransactItems"].as_array().unwrap() {
            if let Some(delete) = write.get("Delete") {
                changes.push((pk(&delete["Key"]).to_owned(), None));
                reasons.push(json!({ "Code": "None" }));
                continue;
            }
            match self.weigh(&write["Update"]) {
                Ok((key, _, after)) => {
                    changes.push((key, Some(after)));
                    reasons.push(json!({ "Code": "None" }));
                }
                Err(item) => reasons.push(json!({ "Code": "ConditionalCheckFailed", "Item": item })),
            }
        }
        if reasons.len() != changes.len() || reasons.iter().any(|r| r["Code"] != "None") {
            let body = json!({ "message": "Transaction cancelled", "CancellationReasons": reasons });
            return Err(Refused { code: "TransactionCanceledException", body });
        }
        for (key, item) in changes {
            let before = self.items.get(&key).cloned().unwrap_or_default();
            self.write(&key, &before, item, 2.0);
        }
        Ok(json!({}))
    }

    /// Puts `after` in the place of `before`; a write of a transaction costs twice.
    fn write(&mut self, key: &str, before: &Item, after: Option<Item>, times: f64) {
        let new = after.clone().unwrap_or_default();
        self.consumed.table += times * write_units(before).max(write_units(&new));
        for (_, hash, range) in INDEXES {
            self.consumed.indexes += times * index_units(before, &new, hash, range);
        }
        match after {
            Some(item) => self.items.insert(key.to_owned(), item),
            None => self.items.remove(key),
        };
    }

    fn batch(&mut self, input: &Value) -> Value {
        let (name, asked) = input["RequestItems"].as_object().unwrap().iter().next().unwrap();
        let keys = asked["Keys"].as_array().unwrap();
        assert!((1..=100).contains(&keys.len()), "{} keys", keys.len());
        let mut distinct: Vec<&str> = keys.iter().map(pk).collect();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), keys.len(), "a key stands twice");
        assert_eq!(asked["ConsistentRead"], true);
        let items: Vec<Item> = keys.iter().map(|key| self.item(key)).collect();
        self.consumed.read += items.iter().map(|item| units(size(item), 4096)).sum::<f64>();
        let found: Vec<&Item> = items.iter().filter(|item| !item.is_empty()).collect();
        json!({ "Responses": { name: found }, "UnprocessedKeys": {} })
    }

    fn scan(&self, input: &Value) -> Value {
        let (names, values) = (&input["ExpressionAttributeNames"], &input["ExpressionAttributeValues"]);
        let fits = |item: &&Item| holds(input["FilterExpression"].as_str(), Scope { item, names, values });
        let found: Vec<&Item> = self.items.values().filter(fits).collect();
        json!({ "Items": found, "Count": found.len() })
    }

    fn query(&mut self, input: &Value) -> Result<Value, Refused> {
        let name = input["IndexName"].as_str();
        let Some((_, hash, range)) = INDEXES.into_iter().find(|(index, ..)| Some(*index) == name) else {
            return Err(invalid(&format!("there is no index {name:?}")));
        };
        let (names, values) = (&input["ExpressionAttributeNames"], &input["ExpressionAttributeValues"]);
        let fits =
            |item: &Item, expression: &str| holds(input[expression].as_str(), Scope { item, names, values });
        // Sparse: an item without both keys is not in the index.
        let wanted = &values[format!(":{hash}")];
        let wanted = wanted["S"].as_str();
        let is_here = |item: &&Item| item.get(hash).and_then(|key| key["S"].as_str()) == wanted;
        let indexed = self.items.values().filter(is_here).filter(|item| item.contains_key(range));
        let mut found: Vec<&Item> = indexed.filter(|i| fits(i, "KeyConditionExpression")).collect();
        found.sort_by_key(|i| i[range]["S"].as_str().unwrap().to_owned());
        if input["ScanIndexForward"] == false {
            found.reverse();
        }
        if let Some(most) = input["Limit"].as_u64() {
            found.truncate(usize::try_from(most).unwrap());
        }
        let examined: usize = found.iter().map(|item| size(item)).sum();
        found.retain(|i| fits(i, "FilterExpression"));
        let answer = json!({ "Items": found, "Count": found.len() });
        // Of an index, what was written a moment ago may be missing: that costs half.
        self.consumed.read += 0.5 * units(examined, 4096);
        Ok(answer)
    }
}

fn pk(key: &Value) -> &str {
    key["pk"]["S"].as_str().unwrap()
}
