//! The Terraform module against the templates that it deploys: every expression is evaluated, as far as it can be
//! without AWS.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(
    clippy::needless_pass_by_value,
    clippy::unnecessary_wraps,
    reason = "a function of HCL has this form"
)]

use std::collections::BTreeSet;
use std::path::Path;

use hcl::eval::{Context, Evaluate as _, FuncArgs, FuncDef, ParamType};
use hcl::{Block, Body, Map, Value};
use wildmatch::WildMatch;

use crate::template::read::{read, template};

/// The files of a release, as far as the module names them.
const FILES: [&str; 3] = ["bedrock-remediator-1.2.3-lambda-arm64.zip", "template.yaml", "member.yaml"];
const FOLDER: &str = "files";
/// What the release's template has beside those of the repository's.
const OF_THE_RELEASE: [&str; 2] = ["CodeBucket", "CodeKey"];

/// The module in `folder`.
fn module(folder: &str) -> Body {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "tf"));
    files.sort();
    let texts: Vec<String> = files.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    hcl::parse(&texts.concat()).unwrap()
}

fn blocks<'b>(module: &'b Body, kind: &'b str) -> impl Iterator<Item = &'b Block> {
    module.blocks().filter(move |block| block.identifier() == kind)
}

fn label(block: &Block, n: usize) -> &str {
    block.labels()[n].as_str()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

/// The file's name, if it is one of the release.
fn of_release(path: &str) -> Result<&str, String> {
    let name = path.strip_prefix(FOLDER).and_then(|rest| rest.strip_prefix('/'));
    name.filter(|name| FILES.contains(name)).ok_or_else(|| format!("`{path}` is no file of a release"))
}

fn filesha256(args: FuncArgs) -> Result<Value, String> {
    of_release(text(&args[0])).map(|name| Value::from(format!("hash-of-{name}")))
}

fn file(args: FuncArgs) -> Result<Value, String> {
    of_release(text(&args[0])).map(|name| Value::from(format!("text of {name}")))
}

fn fileset(args: FuncArgs) -> Result<Value, String> {
    assert_eq!(text(&args[0]), FOLDER);
    let pattern = WildMatch::new(text(&args[1]));
    Ok(FILES.into_iter().filter(|name| pattern.matches(name)).collect())
}

fn one(args: FuncArgs) -> Result<Value, String> {
    match args[0].as_array().unwrap().as_slice() {
        [only] => Ok(only.clone()),
        other => Err(format!("{} elements", other.len())),
    }
}

fn merge(args: FuncArgs) -> Result<Value, String> {
    let maps = args.into_values().into_iter().filter_map(|map| map.as_object().cloned());
    Ok(Value::Object(maps.flatten().collect()))
}

fn contains(args: FuncArgs) -> Result<Value, String> {
    Ok(Value::from(args[0].as_array().unwrap().contains(&args[1])))
}

fn lookup(args: FuncArgs) -> Result<Value, String> {
    Ok(args[0].as_object().unwrap().get(text(&args[1])).unwrap_or(&args[2]).clone())
}

/// Terraform's functions that the module calls.
fn functions() -> Context<'static> {
    let mut context = Context::new();
    let any = |n: usize| vec![ParamType::Any; n];
    context.declare_func("filesha256", FuncDef::new(filesha256, any(1)));
    context.declare_func("file", FuncDef::new(file, any(1)));
    context.declare_func("fileset", FuncDef::new(fileset, any(2)));
    context.declare_func("one", FuncDef::new(one, any(1)));
    context.declare_func("merge", FuncDef::builder().variadic_param(ParamType::Any).build(merge));
    context.declare_func("contains", FuncDef::new(contains, any(2)));
    context.declare_func("lookup", FuncDef::new(lookup, any(3)));
    context
}

/// The attributes of a block; its own blocks are evaluated as well.
fn evaluated(block: &Body, context: &Context<'_>) -> Result<Map<String, Value>, String> {
    for inner in block.blocks() {
        evaluated(inner.body(), context)?;
    }
    let value = |attribute: &hcl::Attribute| {
        let value = attribute.expr().evaluate(context).map_err(|e| e.to_string())?;
        Ok((attribute.key().to_owned(), value))
    };
    block.attributes().map(value).collect()
}

/// The variables of a module: a default, or its own name where it has none.
fn variables(module: &Body) -> Map<String, Value> {
    let value = |block: &Block| {
        let default = block.body().attributes().find(|attribute| attribute.key() == "default");
        let default = default.map(|default| default.expr().evaluate(&Context::new()).unwrap());
        let name = label(block, 0);
        let given = if name == "release_files" { FOLDER } else { name };
        (name.to_owned(), default.unwrap_or_else(|| Value::from(given)))
    };
    blocks(module, "variable").map(value).collect()
}

/// What AWS adds to a resource or a data source.
fn of_aws(kind: &str, stacks_outputs: &Value) -> Map<String, Value> {
    let attributes = match kind {
        "aws_s3_bucket" => vec![
            ("id", Value::from("bucket")),
            ("bucket_regional_domain_name", Value::from("bucket.s3.us-east-1.amazonaws.com")),
        ],
        "aws_cloudformation_stack" => vec![("outputs", stacks_outputs.clone())],
        "aws_s3_object" => vec![],
        other => panic!("{other} is no resource of the module"),
    };
    attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// A module with all of its expressions evaluated.
struct Evaluated {
    /// The arguments of its one stack.
    stack: Map<String, Value>,
    outputs: Map<String, Value>,
}

/// Evaluates a module in the order of its blocks. `outputs` are those of the stack that it makes.
fn evaluate(module: &Body, outputs: &Value) -> Result<Evaluated, String> {
    let mut context = functions();
    let given = variables(module);
    context.declare_var("var", Value::Object(given));
    let mut locals = Map::new();
    for attribute in blocks(module, "locals").flat_map(|block| block.body().attributes()) {
        context.declare_var("local", Value::Object(locals.clone()));
        locals.insert(
            attribute.key().to_owned(),
            attribute.expr().evaluate(&context).map_err(|e| e.to_string())?,
        );
    }
    context.declare_var("local", Value::Object(locals));
    let (mut data, mut resources) = (Map::<String, Value>::new(), Map::<String, Map<String, Value>>::new());
    let mut stack = Map::new();
    for block in module.blocks().filter(|block| ["data", "resource"].contains(&block.identifier())) {
        let (kind, name) = (label(block, 0), label(block, 1));
        let mut value = evaluated(block.body(), &context)?;
        if kind == "aws_cloudformation_stack" {
            stack.clone_from(&value);
        }
        value.extend(of_aws(kind, outputs));
        if block.identifier() == "data" {
            data.insert(
                kind.to_owned(),
                Value::Object([(name.to_owned(), Value::Object(value))].into_iter().collect()),
            );
            context.declare_var("data", Value::Object(data.clone()));
        } else {
            resources.entry(kind.to_owned()).or_default().insert(name.to_owned(), Value::Object(value));
            context.declare_var(kind, Value::Object(resources[kind].clone()));
        }
    }
    // The conditions of the variables.
    for block in blocks(module, "variable").flat_map(|block| block.body().blocks()) {
        let checked = evaluated(block.body(), &context)?;
        assert_eq!(checked["condition"], Value::from(true), "{checked:?}");
    }
    let mut told = Map::new();
    for block in blocks(module, "output") {
        told.insert(label(block, 0).to_owned(), evaluated(block.body(), &context)?["value"].clone());
    }
    Ok(Evaluated { stack, outputs: told })
}

/// The outputs that a template always has.
fn outputs_of(template: &serde_json::Value) -> Value {
    let Some(outputs) = template["Outputs"].as_object() else { return Value::Object(Map::new()) };
    let always = outputs.iter().filter(|(_, output)| output.get("Condition").is_none());
    always.map(|(name, _)| (name.clone(), Value::from(format!("the {name}")))).collect()
}

/// Checks that the module gives the template what it needs, and nothing that it does not know.
fn fits(stack: &Map<String, Value>, template: &serde_json::Value, beside: &[&str]) {
    let known = template["Parameters"].as_object().unwrap();
    let given: BTreeSet<&str> = stack["parameters"].as_object().unwrap().keys().map(String::as_str).collect();
    for name in &given {
        assert!(known.contains_key(*name) || beside.contains(name), "{name}");
    }
    let needed = known.iter().filter(|(_, parameter)| parameter.get("Default").is_none());
    for (name, _) in needed {
        assert!(given.contains(name.as_str()), "{name} has no default");
    }
    let capabilities = stack["capabilities"].as_array().unwrap();
    let has = |name: &str| capabilities.contains(&Value::from(name));
    assert_eq!(has("CAPABILITY_AUTO_EXPAND"), template.get("Transform").is_some());
    let resources = template["Resources"].as_object().unwrap().values();
    let is_named =
        |r: &serde_json::Value| r["Type"] == "AWS::IAM::Role" && r["Properties"].get("RoleName").is_some();
    assert_eq!(has("CAPABILITY_NAMED_IAM"), resources.clone().any(is_named));
    assert_ne!(has("CAPABILITY_NAMED_IAM"), has("CAPABILITY_IAM"));
}

#[test]
fn the_module_deploys_the_releases_template_with_its_zip() {
    let template = template();
    let Evaluated { stack, outputs } = evaluate(&module("terraform"), &outputs_of(&template)).unwrap();
    fits(&stack, &template, &OF_THE_RELEASE);
    let url =
        "https://bucket.s3.us-east-1.amazonaws.com/bedrock-remediator/hash-of-template.yaml/template.yaml";
    assert_eq!(text(&stack["template_url"]), url);
    let zip = FILES[0];
    let parameters = stack["parameters"].as_object().unwrap();
    assert_eq!(text(&parameters["CodeKey"]), format!("bedrock-remediator/hash-of-{zip}/{zip}"));
    assert_eq!(text(&parameters["CodeBucket"]), "bucket");
    assert_eq!(text(&parameters["Architecture"]), "arm64");
    assert_eq!(text(&outputs["people_topic_arn"]), "the PeopleTopicArn");
    assert_eq!(outputs["members_bus_arn"], Value::Null, "without an organization");
    let own = template["Outputs"].as_object().unwrap();
    assert!(own["MembersBusArn"].get("Condition").is_some());
}

#[test]
fn the_members_module_deploys_the_members_template() {
    let member = read(include_str!("../member.yaml"));
    let Evaluated { stack, .. } = evaluate(&module("terraform/member"), &outputs_of(&member)).unwrap();
    fits(&stack, &member, &[]);
    assert_eq!(text(&stack["template_body"]), "text of member.yaml");
}

#[test]
fn every_variable_of_a_module_is_used_and_described() {
    for folder in ["terraform", "terraform/member"] {
        let main = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join("main.tf");
        let main = std::fs::read_to_string(main).unwrap();
        let module = module(folder);
        for block in blocks(&module, "variable").chain(blocks(&module, "output")) {
            let described = block.body().attributes().any(|attribute| attribute.key() == "description");
            assert!(described, "{folder}: {}", label(block, 0));
        }
        for variable in blocks(&module, "variable") {
            assert!(
                main.contains(&format!("var.{}", label(variable, 0))),
                "{folder}: {}",
                label(variable, 0)
            );
        }
    }
}

#[test]
fn the_examples_of_the_modules_page_give_variables_that_exist() {
    let page = include_str!("../terraform/README.md");
    let examples: Vec<Body> = page
        .split("```hcl\n")
        .skip(1)
        .map(|rest| hcl::parse(rest.split("```").next().unwrap()).unwrap())
        .collect();
    assert_eq!(examples.len(), 2);
    for block in examples.iter().flat_map(Body::blocks) {
        let source = block.body().attributes().find(|a| a.key() == "source").unwrap();
        let folder = source.expr().evaluate(&Context::new()).unwrap();
        let module = module(text(&folder).strip_prefix("./").unwrap());
        let known = variables(&module);
        let given: BTreeSet<&str> = block.body().attributes().map(hcl::Attribute::key).collect();
        for name in given.iter().filter(|name| **name != "source") {
            assert!(known.contains_key(*name), "{name}");
        }
        for variable in blocks(&module, "variable") {
            let has_default = variable.body().attributes().any(|a| a.key() == "default");
            assert!(has_default || given.contains(label(variable, 0)), "{}", label(variable, 0));
        }
    }
}

#[test]
fn what_is_not_there_is_an_error() {
    let nothing = Value::Object(Map::new());
    for (what, text) in [
        ("a variable", r#"output "a" { value = var.missing }"#),
        ("a resource", r#"output "a" { value = aws_s3_object.missing.key }"#),
        (
            "an output",
            r#"resource "aws_cloudformation_stack" "this" {}
output "a" { value = aws_cloudformation_stack.this.outputs["Missing"] }"#,
        ),
        ("a file", r#"locals { a = filesha256("files/missing.yaml") }"#),
        ("a function", r"locals { a = missing(1) }"),
    ] {
        assert!(evaluate(&hcl::parse(text).unwrap(), &nothing).is_err(), "{what}");
    }
}
