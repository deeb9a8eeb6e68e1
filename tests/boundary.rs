//! The architecture, held by tests: who may import what, and what a deciding module may not do.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syn::visit::Visit as _;

/// The rooms of the library in layers, the lowest first: each may use its own layer and those before it.
const LAYERS: &[&[&str]] = &[
    // Words.
    &["ids", "shards", "text", "time", "wire_enum"],
    // What is true of the field.
    &[
        "callers",
        "config",
        "error",
        "iam_action",
        "identity",
        "installation",
        "metrics",
        "model",
        "original",
        "permission",
        "quota",
        "usage",
    ],
    // Reading.
    &["diagnosis", "event", "incident"],
    // Deciding.
    &["access", "alternatives", "evidence", "misuse", "notice", "plan"],
    &["ports"],
    // Running.
    &["operate", "run"],
    // Worlds.
    &["aws", "sandbox", "simulation"],
];
/// The layers of [`LAYERS`] that decide: they neither wait nor ask.
const PURE_LAYERS: usize = 4;

fn pure() -> Vec<&'static str> {
    LAYERS[..PURE_LAYERS].concat()
}

/// Where the program waits, prints or starts things.
const PROGRAM: &[&str] = &["main.rs", "cli", "bin"];

fn sources() -> Vec<(String, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    walk(&root, &mut found);
    let name = |p: &Path| p.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
    found.iter().map(|p| (name(p), std::fs::read_to_string(p).unwrap())).collect()
}

fn is_in(file: &str, modules: &[&str]) -> bool {
    let is_of = |m: &&str| file == *m || file == format!("{m}.rs") || file.starts_with(&format!("{m}/"));
    modules.iter().any(is_of)
}

/// Code only: comments and documentation may speak of anything.
fn code(source: &str) -> impl Iterator<Item = (usize, &str)> {
    source.lines().enumerate().filter(|(_, l)| !l.trim_start().starts_with("//"))
}

/// Whether `line` holds `word`, and not as the beginning of a longer one.
fn holds(line: &str, word: &str) -> bool {
    let is_letter = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, found)| {
        let rest = line.get(at + found.len()..).unwrap_or_default();
        !word.ends_with(is_letter) || !rest.starts_with(is_letter)
    })
}

fn offenders(files: &[(String, String)], forbidden: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (name, source) in files {
        for (number, line) in code(source) {
            if let Some(word) = forbidden.iter().find(|word| holds(line, word)) {
                found.push(format!("{name}:{}: {word}", number + 1));
            }
        }
    }
    found
}

#[test]
fn what_decides_neither_waits_nor_reads_a_clock_nor_rolls_dice() {
    let pure: Vec<_> = sources().into_iter().filter(|(name, _)| is_in(name, &pure())).collect();
    let forbidden = [
        "async ",
        ".await",
        "Timestamp::now",
        "SystemTime",
        "Instant::now",
        "rand::",
        "std::env",
        "std::fs",
        "std::net",
        "tokio",
    ];
    assert_eq!(offenders(&pure, &forbidden), [""; 0]);
}

#[test]
fn only_the_aws_module_knows_an_sdk() {
    let others: Vec<_> = sources().into_iter().filter(|(name, _)| !is_in(name, &["aws"])).collect();
    assert_eq!(offenders(&others, &["aws_sdk_", "aws_config", "aws_smithy", "aws_types"]), [""; 0]);
}

#[test]
fn the_library_spawns_nothing_and_waits_only_through_the_clock() {
    let library: Vec<_> =
        sources().into_iter().filter(|(name, _)| !is_in(name, PROGRAM) && !is_in(name, &["aws"])).collect();
    let forbidden = [
        "tokio::spawn",
        "tokio::time",
        "select!",
        "thread::spawn",
        "thread::sleep",
        "println!",
        "Timestamp::now",
    ];
    assert_eq!(offenders(&library, &forbidden), [""; 0]);
}

/// A module by its path from the crate's root.
type Module = Vec<String>;

/// One module of the library, as it is written.
struct Parsed {
    module: Module,
    items: Vec<syn::Item>,
}

/// Every module of the library that is a file.
fn library() -> Vec<Parsed> {
    let parsed = |(name, source): (String, String)| {
        let mut module: Module = name.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
        if module.last().is_some_and(|last| last == "mod" || last == "lib") {
            module.pop();
        }
        let file = syn::parse_file(&source).unwrap_or_else(|e| panic!("{name}: {e}"));
        Parsed { module, items: file.items.into_iter().filter(|item| !is_test(item)).collect() }
    };
    sources().into_iter().filter(|(name, _)| !is_in(name, PROGRAM)).map(parsed).collect()
}

/// Tests may use what they test.
fn is_test(item: &syn::Item) -> bool {
    let syn::Item::Mod(module) = item else { return false };
    module
        .attrs
        .iter()
        .any(|a| a.path().is_ident("cfg") && a.meta.require_list().unwrap().tokens.to_string() == "test")
}

/// Every name that a `use` brings in, as the whole path to it; of a renamed one its own name, and `self` and `*` left
/// out.
fn leaves(tree: &syn::UseTree, before: &[String], found: &mut Vec<Vec<String>>) {
    let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
    match tree {
        syn::UseTree::Path(path) => leaves(&path.tree, &with(&path.ident), found),
        syn::UseTree::Name(name) if name.ident == "self" => found.push(before.to_vec()),
        syn::UseTree::Name(name) => found.push(with(&name.ident)),
        syn::UseTree::Rename(rename) => found.push(with(&rename.ident)),
        syn::UseTree::Glob(_) => found.push(before.to_vec()),
        syn::UseTree::Group(group) => group.items.iter().for_each(|tree| leaves(tree, before, found)),
    }
}

/// Paths outside of `use`: those of code, and those in what macros are given.
#[derive(Default)]
struct Paths(Vec<Vec<String>>);

impl<'ast> syn::visit::Visit<'ast> for Paths {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.0.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        syn::visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        let text = called.tokens.to_string().replace("::", " :: ");
        let words: Vec<&str> = text.split_whitespace().collect();
        let mut at = 0;
        while at < words.len() {
            let mut path =
                vec![words[at].trim_matches(|c: char| !c.is_alphanumeric() && c != '_').to_owned()];
            while words.get(at + 1) == Some(&"::") && at + 2 < words.len() {
                at += 2;
                path.push(words[at].trim_matches(|c: char| !c.is_alphanumeric() && c != '_').to_owned());
            }
            self.0.push(path);
            at += 1;
        }
    }

    fn visit_item_use(&mut self, _: &'ast syn::ItemUse) {}

    /// `pub(super)` uses nothing.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}
}

/// Which modules each module uses. A name that a module passes on (`pub use`) is used where it is written.
struct Graph {
    modules: BTreeSet<Module>,
    passed_on: BTreeMap<(Module, String), Module>,
    uses: BTreeMap<Module, BTreeSet<Module>>,
}

impl Graph {
    fn of(library: &[Parsed]) -> Self {
        let modules = library.iter().map(|parsed| parsed.module.clone()).collect();
        let mut graph = Self { modules, passed_on: BTreeMap::new(), uses: BTreeMap::new() };
        let uses = |parsed: &Parsed, is_passed_on: bool| {
            let mut found = Vec::new();
            for item in &parsed.items {
                if let syn::Item::Use(used) = item
                    && matches!(used.vis, syn::Visibility::Inherited) != is_passed_on
                {
                    leaves(&used.tree, &[], &mut found);
                }
            }
            found
        };
        for parsed in library {
            for path in uses(parsed, true) {
                if let Some((module, rest)) = graph.resolve(&parsed.module, &path)
                    && let [name] = rest.as_slice()
                {
                    graph.passed_on.insert((parsed.module.clone(), name.clone()), module);
                }
            }
        }
        for parsed in library {
            let mut paths = Paths::default();
            parsed.items.iter().for_each(|item| paths.visit_item(item));
            for path in uses(parsed, false).into_iter().chain(paths.0) {
                if let Some(used) = graph.written_in(&parsed.module, &path).filter(|m| *m != parsed.module) {
                    graph.uses.entry(parsed.module.clone()).or_default().insert(used);
                }
            }
        }
        graph
    }

    /// The module that `path` leads to from `module`, and what is left of the path; `None` where it leads out of the
    /// crate, or names something of the module itself.
    fn resolve(&self, module: &Module, path: &[String]) -> Option<(Module, Vec<String>)> {
        let whole: Vec<String> = match path.first()?.as_str() {
            "crate" => path[1..].to_vec(),
            "self" => [module, &path[1..]].concat(),
            "super" => {
                let up = path.iter().take_while(|part| *part == "super").count();
                [&module[..module.len().checked_sub(up)?], &path[up..]].concat()
            }
            child => {
                let below = [module.as_slice(), &[child.to_owned()]].concat();
                if !self.modules.contains(&below) {
                    return None;
                }
                [module, path].concat()
            }
        };
        let longest = (0..=whole.len()).rev().find(|n| self.modules.contains(&whole[..*n]))?;
        Some((whole[..longest].to_vec(), whole[longest..].to_vec()))
    }

    fn written_in(&self, module: &Module, path: &[String]) -> Option<Module> {
        let (mut found, rest) = self.resolve(module, path)?;
        while let Some(name) = rest.first()
            && let Some(from) = self.passed_on.get(&(found.clone(), name.clone()))
        {
            found.clone_from(from);
        }
        Some(found)
    }

    /// A way from a module back to itself; `None` where there is none.
    fn cycle(&self) -> Option<Vec<String>> {
        let mut left: BTreeMap<&Module, BTreeSet<&Module>> =
            self.uses.iter().map(|(module, used)| (module, used.iter().collect())).collect();
        // What uses nothing that is left is in no cycle.
        loop {
            let done: Vec<&Module> =
                self.modules.iter().filter(|m| left.get(m).is_none_or(BTreeSet::is_empty)).collect();
            let before = left.values().map(BTreeSet::len).sum::<usize>();
            for used in left.values_mut() {
                used.retain(|m| !done.contains(m));
            }
            if left.values().map(BTreeSet::len).sum::<usize>() == before {
                break;
            }
        }
        let mut at = *left.iter().find(|(_, used)| !used.is_empty())?.0;
        let mut way = Vec::new();
        while !way.contains(&at) {
            way.push(at);
            at = left[at].first()?;
        }
        way.push(at);
        Some(way.into_iter().map(|module| module.join("::")).collect())
    }
}

fn layer(module: &Module) -> usize {
    let room = module.first().unwrap();
    let layer = LAYERS.iter().position(|rooms| rooms.contains(&room.as_str()));
    layer.unwrap_or_else(|| panic!("`{room}` is in no layer"))
}

#[test]
fn no_module_uses_itself_by_way_of_others() {
    let graph = Graph::of(&library());
    assert!(graph.uses.values().map(BTreeSet::len).sum::<usize>() > 500, "the graph has no edges");
    assert_eq!(graph.cycle(), None);
}

#[test]
fn no_module_uses_a_higher_layer() {
    let graph = Graph::of(&library());
    let rooms: BTreeSet<&str> = graph.modules.iter().filter_map(|m| m.first()).map(String::as_str).collect();
    assert_eq!(
        rooms,
        LAYERS.concat().into_iter().collect(),
        "every room has a layer, and every layer its rooms"
    );
    for (module, used) in &graph.uses {
        for other in used.iter().filter(|other| !other.is_empty() && !module.is_empty()) {
            assert!(layer(other) <= layer(module), "{} uses {}", module.join("::"), other.join("::"));
        }
    }
}

#[test]
fn a_cycle_and_a_path_in_a_macro_are_found() {
    let parsed = |module: &str, source: &str| Parsed {
        module: module.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect(),
        items: syn::parse_file(source).unwrap().items,
    };
    let library = [
        parsed("", "mod a; mod b; mod c;"),
        parsed("a", "pub use crate::b::Item; fn of() { matches!(1, crate::c::ONE); }"),
        parsed("b", "pub struct Item;"),
        parsed("c", "use crate::a::Item; pub const ONE: u8 = 1;"),
    ];
    let graph = Graph::of(&library);
    let uses =
        |module: &str| graph.uses[&vec![module.to_owned()]].iter().map(|m| m.join("::")).collect::<Vec<_>>();
    assert_eq!(
        (uses("a"), uses("c")),
        (vec!["c".to_owned()], vec!["b".to_owned()]),
        "a name is used where it is written"
    );
    assert_eq!(graph.cycle(), None);
    let circle = [parsed("a", "use crate::b::B; pub struct A;"), parsed("b", "fn of() -> crate::a::A {}")];
    assert_eq!(Graph::of(&circle).cycle().unwrap(), ["a", "b", "a"]);
}

#[test]
fn the_architecture_page_has_these_layers_and_every_room() {
    let page = include_str!("../docs/architecture.md");
    let section = |heading: &str| page.split_once(heading).unwrap().1.split("\n## ").next().unwrap();
    let rows = |section: &'static str| section.lines().filter(|line| line.starts_with("| ")).skip(1);
    let quoted = |row: &'static str| row.split('`').skip(1).step_by(2).collect::<Vec<_>>();
    let layers: Vec<Vec<&str>> = rows(section("## Layers\n")).map(quoted).filter(|l| !l.is_empty()).collect();
    assert_eq!(layers, LAYERS, "the page's layers");
    let rooms: BTreeSet<&str> =
        rows(section("## Modules\n")).filter_map(|row| quoted(row).into_iter().next()).collect();
    let all: BTreeSet<&str> = LAYERS.concat().into_iter().chain(["cli", "bin/bootstrap"]).collect();
    assert_eq!(rooms, all, "the page's rooms");
}

/// Cargo finds no test by itself here, and a file that nothing names is never built.
#[test]
fn every_file_of_tests_is_in_their_program() {
    let program = syn::parse_file(include_str!("main.rs")).unwrap();
    let named: BTreeSet<String> = program
        .items
        .iter()
        .filter_map(|item| match item {
            syn::Item::Mod(of) => Some(of.ident.to_string()),
            _ => None,
        })
        .collect();
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let has_code = |path: &Path| path.extension().is_some_and(|e| e == "rs") || path.join("mod.rs").exists();
    let files: BTreeSet<String> = std::fs::read_dir(tests)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| has_code(path))
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .filter(|name| name != "main")
        .collect();
    assert_eq!(named, files);
}

/// Names of the types that `items` define, those of `wire_enum!` among them.
fn types(items: &[syn::Item]) -> Vec<String> {
    let name = |item: &syn::Item| match item {
        syn::Item::Struct(of) => Some(of.ident.to_string()),
        syn::Item::Enum(of) => Some(of.ident.to_string()),
        syn::Item::Trait(of) => Some(of.ident.to_string()),
        syn::Item::Type(of) => Some(of.ident.to_string()),
        syn::Item::Macro(called) if called.mac.path.is_ident("wire_enum") => {
            let text = called.mac.tokens.to_string();
            Some(text.split_once("pub enum ")?.1.split_whitespace().next()?.to_owned())
        }
        _ => None,
    };
    items.iter().filter_map(name).collect()
}

#[test]
fn no_two_types_have_one_name() {
    let mut of: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, source) in sources() {
        let file = syn::parse_file(&source).unwrap();
        let items: Vec<syn::Item> = file.items.into_iter().filter(|item| !is_test(item)).collect();
        for defined in types(&items) {
            of.entry(defined).or_default().push(name.clone());
        }
    }
    assert!(of.len() > 250 && of.contains_key("Cause"), "{}", of.len());
    let twice: Vec<_> = of.iter().filter(|(_, files)| files.len() > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
}

/// A function of more lines is split.
const LONGEST_FUNCTION: usize = 60;
/// A file of more lines, its tests left out, is split.
const LONGEST_FILE: usize = 450;

/// The functions of `code` with more lines than [`LONGEST_FUNCTION`], by name: each ends where a line holds nothing but
/// the closing brace under its first letter.
fn long_functions(code: &str) -> Vec<String> {
    let lines: Vec<&str> = code.lines().collect();
    let name = |line: &str| {
        let (before, after) = line.split_once("fn ")?;
        let is_declaration = before
            .split_whitespace()
            .all(|word| word.starts_with("pub") || ["const", "async", "unsafe"].contains(&word));
        is_declaration.then(|| after.split(['(', '<']).next().unwrap_or_default().to_owned())
    };
    let mut long = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(name) = name(line) else { continue };
        let end = format!("{}}}", " ".repeat(line.len() - line.trim_start().len()));
        let Some(signature) = lines[at..].iter().find(|line| line.ends_with(['{', ';', '}'])) else {
            continue;
        };
        let length = lines[at..].iter().take_while(|line| **line != end).count() + 1;
        if signature.ends_with('{') && length > LONGEST_FUNCTION {
            long.push(name);
        }
    }
    long
}

#[test]
fn no_function_and_no_file_is_long() {
    let (mut functions, mut files) = (BTreeSet::new(), BTreeSet::new());
    for (name, source) in sources() {
        let code = source.split("#[cfg(test)]\nmod tests").next().unwrap();
        functions.extend(long_functions(code).into_iter().map(|function| format!("{name}: {function}")));
        if code.lines().count() > LONGEST_FILE {
            files.insert(name);
        }
    }
    assert!(functions.is_empty() && files.is_empty(), "{functions:?} {files:?}");
}
