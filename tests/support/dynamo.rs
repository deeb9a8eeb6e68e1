//! A table with DynamoDB's rules for the expressions the ledger writes: conditions, updates,
//! transactions and one sparse index. What it does not know it refuses, loudly.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

type Item = Map<String, Value>;

/// One table with the key `pk` and two indexes.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) items: BTreeMap<String, Item>,
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
        ["list_append", "(", "if_not_exists", "(", name, ",", empty, ")", ",", more, ")"] => {
            let list = scope.operand(name).or_else(|| scope.operand(empty)).unwrap();
            let mut list = list["L"].as_array().unwrap().clone();
            list.extend(scope.operand(more).unwrap()["L"].as_array().unwrap().iter().cloned());
            json!({ "L": list })
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
            "GetItem" => {
                let item = self.item(&input["Key"]);
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
                self.items.insert(key, after);
                Ok(if before.is_empty() { json!({}) } else { json!({ "Attributes": before }) })
            }
            Err(item) => {
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
            match item {
                Some(item) => self.items.insert(key, item),
                None => self.items.remove(&key),
            };
        }
        Ok(json!({}))
    }

    fn scan(&self, input: &Value) -> Value {
        let (names, values) = (&input["ExpressionAttributeNames"], &input["ExpressionAttributeValues"]);
        let fits = |item: &&Item| holds(input["FilterExpression"].as_str(), Scope { item, names, values });
        let found: Vec<&Item> = self.items.values().filter(fits).collect();
        json!({ "Items": found, "Count": found.len() })
    }

    fn query(&mut self, input: &Value) -> Result<Value, Refused> {
        let [hash, range] = match input["IndexName"].as_str() {
            Some("open-due") => ["open", "due_at"],
            Some("place-seen") => ["place", "last_seen"],
            other => return Err(invalid(&format!("there is no index {other:?}"))),
        };
        let (names, values) = (&input["ExpressionAttributeNames"], &input["ExpressionAttributeValues"]);
        let fits =
            |item: &Item, expression: &str| holds(input[expression].as_str(), Scope { item, names, values });
        // Sparse: an item without both keys is not in the index.
        let indexed = self.items.values().filter(|i| i.contains_key(hash) && i.contains_key(range));
        let mut found: Vec<&Item> = indexed.filter(|i| fits(i, "KeyConditionExpression")).collect();
        found.sort_by_key(|i| i[range]["S"].as_str().unwrap().to_owned());
        if input["ScanIndexForward"] == false {
            found.reverse();
        }
        if let Some(most) = input["Limit"].as_u64() {
            found.truncate(usize::try_from(most).unwrap());
        }
        found.retain(|i| fits(i, "FilterExpression"));
        Ok(json!({ "Items": found, "Count": found.len() }))
    }
}

fn pk(key: &Value) -> &str {
    key["pk"]["S"].as_str().unwrap()
}
