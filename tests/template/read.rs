//! The template as data: read, and resolved as `CloudFormation` resolves it.

use saphyr::{LoadableYamlNode as _, Scalar, Yaml};
use serde_json::{Value, json};

pub(crate) const TEMPLATE: &str = include_str!("../../template.yaml");
const RESOURCES: &str = include_str!("../facts/resources.json");

/// The stack's name in what is resolved.
pub(crate) const STACK: &str = "remediator";

/// YAML as the JSON that it is short for.
fn long_form(node: &Yaml<'_>) -> Value {
    match node {
        Yaml::Value(Scalar::Null) | Yaml::BadValue | Yaml::Alias(_) => Value::Null,
        Yaml::Value(Scalar::Boolean(b)) => json!(b),
        Yaml::Value(Scalar::Integer(n)) => json!(n),
        Yaml::Value(Scalar::FloatingPoint(n)) => json!(n.into_inner()),
        Yaml::Value(Scalar::String(text)) | Yaml::Representation(text, ..) => json!(text),
        Yaml::Sequence(items) => items.iter().map(long_form).collect(),
        Yaml::Mapping(pairs) => {
            pairs.iter().map(|(k, v)| (k.as_str().unwrap().to_owned(), long_form(v))).collect()
        }
        Yaml::Tagged(tag, inner) => {
            let name = if tag.suffix == "Ref" { "Ref".to_owned() } else { format!("Fn::{}", tag.suffix) };
            json!({ name: long_form(inner) })
        }
    }
}

pub(crate) fn template() -> Value {
    read(TEMPLATE)
}

/// A template as data.
pub(crate) fn read(text: &str) -> Value {
    long_form(&Yaml::load_from_str(text).unwrap()[0])
}

pub(crate) fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(one) => vec![one.clone()],
        Value::Array(many) => many.iter().map(|t| t.as_str().unwrap().to_owned()).collect(),
        other => panic!("{other} is neither a text nor a list"),
    }
}

/// The resources of one type: logical id and resource.
pub(crate) fn of_type<'t>(template: &'t Value, kind: &str) -> Vec<(&'t str, &'t Value)> {
    let resources = template["Resources"].as_object().unwrap();
    resources.iter().filter(|(_, r)| r["Type"] == kind).map(|(id, r)| (id.as_str(), r)).collect()
}

/// The facts about resources that AWS's documents state.
pub(crate) fn facts() -> Value {
    serde_json::from_str(RESOURCES).unwrap()
}

/// `value` as text, as it is in a stack of that name in us-east-1 with every parameter at its default, whose
/// resources are called by their logical ids. Where a condition decides, the first of both.
pub(crate) fn text(template: &Value, value: &Value) -> String {
    let (function, argument) = match value {
        Value::String(text) => return text.clone(),
        Value::Object(map) => map.iter().next().unwrap(),
        other => panic!("{other}"),
    };
    match function.as_str() {
        "Ref" => reference(template, argument.as_str().unwrap()),
        "Fn::GetAtt" => {
            let (id, attribute) = argument.as_str().unwrap().split_once('.').unwrap();
            attribute_of(template, id, attribute)
        }
        "Fn::If" => text(template, &argument[1]),
        "Fn::Select" => String::from("Selected"),
        "Fn::Sub" => {
            let nothing = json!({});
            let (pattern, names) = match argument {
                Value::String(pattern) => (pattern.as_str(), &nothing),
                list => (list[0].as_str().unwrap(), &list[1]),
            };
            let mut parts = pattern.split("${");
            let mut all = parts.next().unwrap().to_owned();
            for part in parts {
                let (name, rest) = part.split_once('}').unwrap();
                all += &match (names.get(name), name.split_once('.')) {
                    (Some(given), _) => text(template, given),
                    (None, Some((id, attribute))) => attribute_of(template, id, attribute),
                    (None, None) => reference(template, name),
                };
                all += rest;
            }
            all
        }
        other => panic!("{other}"),
    }
}

fn reference(template: &Value, name: &str) -> String {
    let known = match name {
        "AWS::AccountId" => "111122223333",
        "AWS::Partition" => "aws",
        "AWS::Region" => "us-east-1",
        "AWS::StackName" => STACK,
        "AWS::URLSuffix" => "amazonaws.com",
        _ => "",
    };
    if !known.is_empty() {
        return known.to_owned();
    }
    match &template["Parameters"][name]["Default"] {
        Value::String(text) => text.clone(),
        Value::Null => attribute_of(template, name, "Ref"),
        number => number.to_string(),
    }
}

/// What a resource returns; its logical id where AWS's documents say nothing else.
fn attribute_of(template: &Value, id: &str, attribute: &str) -> String {
    let kind = template["Resources"][id]["Type"].as_str().unwrap_or_default();
    let facts = facts();
    let form = facts["arns"][kind][attribute].as_str().unwrap_or("${Name}");
    form.replace("${Partition}", "aws")
        .replace("${Region}", "us-east-1")
        .replace("${Account}", "111122223333")
        .replace("${Name}", id)
}

/// Every policy statement of the template: whose it is, and the statement. What depends on a condition counts
/// as granted.
pub(crate) fn statements(template: &Value) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for (id, resource) in template["Resources"].as_object().unwrap() {
        for document in ["PolicyDocument", "KeyPolicy", "AssumeRolePolicyDocument"] {
            let statements = resource["Properties"][document]["Statement"].as_array();
            for statement in statements.into_iter().flatten() {
                let granted = statement.get("Fn::If").map_or(statement, |either| &either[1]);
                found.push((id.clone(), granted.clone()));
            }
        }
    }
    found
}
