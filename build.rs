//! Prepares the rules, which are part of the binary: parses their YAML and their
//! expressions, so that no start has to, and computes the digest over all of them.
//!
//! A new or changed rule builds the program anew. What is wrong with a rule is
//! said by `scanner rules check` and by the tests, not here: one that cannot be
//! parsed gets no tree, and is then parsed when it is loaded.

#![allow(clippy::disallowed_methods, reason = "it reads the repository, where the program is built")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

#[path = "src/rule/tree.rs"]
#[allow(dead_code)]
mod tree;
#[path = "src/rule/yaml.rs"]
#[allow(dead_code)]
mod yaml;

#[path = "src/rule/hole.rs"]
mod hole;

/// The parser of expressions alone; what functions there are is asked when a
/// stored expression is read.
#[path = "src/rule/expression"]
#[allow(dead_code)]
mod expression {
    pub(crate) mod ast;
    pub(crate) mod parse;
    mod places;
    pub(crate) mod store;
    mod stored;

    /// A fault in an expression: such a one is not stored.
    #[derive(Clone)]
    pub(crate) struct Fault;

    impl Fault {
        fn new(_: std::ops::Range<usize>, _: impl Into<String>, _: impl Into<String>) -> Self {
            Fault
        }

        fn with_help(self, _: &str) -> Self {
            self
        }
    }

    mod function {
        #[derive(Debug)]
        pub(crate) struct Function;

        pub(super) fn named(_: &str, _: bool) -> Vec<&'static Function> {
            Vec::new()
        }
    }
}

use yaml::{Node, Style, Value};

/// The keys of a rule that hold no expressions.
const PLAIN_KEYS: &[&str] =
    &["title", "why", "references", "symptoms", "tags", "aliases", "target", "gate", "manifests", "as"];

const SUFFIX: &str = ".yaml";

fn main() -> std::io::Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/rule/tree.rs");
    println!("cargo:rerun-if-changed=src/rule/yaml.rs");
    println!("cargo:rerun-if-changed=src/rule/hole.rs");
    println!("cargo:rerun-if-changed=src/rule/expression");
    println!("cargo:rerun-if-changed=rules");
    // They are part of the binary as they are.
    println!("cargo:rerun-if-changed=symptoms");
    println!("cargo:rerun-if-changed=docs/course.yaml");
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let mut files = Vec::new();
    find_files(&root.join("rules"), "", &mut files)?;
    files.sort();
    let (tables, rules): (Vec<_>, Vec<_>) = files.into_iter().partition(|(path, _)| path.starts_with("data/"));

    let mut digest = Sha256::new();
    let mut trees = Vec::new();
    let mut expressions = BTreeMap::new();
    let mut rows = Vec::new();
    for (path, text) in &tables {
        let name = path.trim_start_matches("data/").trim_end_matches(SUFFIX);
        frame(name, text, &mut digest);
        if let Ok(table) = yaml::parse(text) {
            write_table(name, &table, &mut rows);
        }
    }
    for (path, text) in &rules {
        let name = path.trim_end_matches(SUFFIX);
        frame(name, text, &mut digest);
        if let Ok(node) = yaml::parse(tree::without_examples(text)) {
            parse_expressions(&node, &mut expressions);
            write_text(name, &mut trees);
            write_text(node.get("target").and_then(Node::text).unwrap_or_default(), &mut trees);
            write_tree(&node, &mut trees);
        }
    }
    let mut hexadecimal = String::new();
    for byte in digest.finalize() {
        // Writing to a text cannot fail.
        let _ = write!(hexadecimal, "{byte:02x}");
    }
    println!("cargo:rustc-env=RULES_DIGEST=sha256:{hexadecimal}");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default());
    std::fs::write(out.join("expressions.bin"), expression::store::write(&expressions))?;
    std::fs::write(out.join("rules.rs"), texts(&root, &rules))?;
    std::fs::write(out.join("tables.rs"), texts(&root, &tables))?;
    std::fs::write(out.join("tables.bin"), rows)?;
    std::fs::write(out.join("rules.bin"), trees)
}

/// Paths and texts of files as Rust: the compiler makes sure that they are UTF-8.
fn texts(root: &Path, files: &[(String, String)]) -> String {
    let text = |(path, _): &(String, String)| {
        let place = root.join("rules").join(path).display().to_string();
        format!("({path:?}, include_str!({place:?}))")
    };
    format!("&[{}]", files.iter().map(text).collect::<Vec<_>>().join(", "))
}

/// Appends a table: its name, its tree, and, of the one whose products are read
/// one by one, the tree of each.
fn write_table(name: &str, table: &Node, bytes: &mut Vec<u8>) {
    write_text(name, bytes);
    write_tree(table, bytes);
    let products = match table.get("products").filter(|_| name == tree::LIFECYCLE).map(|node| &node.value) {
        Some(Value::Map(products)) => products.as_slice(),
        _ => &[],
    };
    write_number(products.len(), bytes);
    for product in products {
        write_text(&product.key, bytes);
        let alone = Node { value: Value::Map(vec![product.clone()]), span: product.key_span.clone() };
        write_tree(&alone, bytes);
    }
}

/// Appends a node behind the length of its bytes.
fn write_tree(node: &Node, bytes: &mut Vec<u8>) {
    let mut tree = Vec::new();
    write_node(node, &mut tree);
    write_number(tree.len(), bytes);
    bytes.extend_from_slice(&tree);
}

/// The expressions in the holes of a text that are closed, as they are written.
fn holes(source: &str) -> Vec<&str> {
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(open) = source.get(at..).and_then(|rest| rest.find("{{")).map(|found| at + found + 2) {
        let Some(close) = hole::closing(source, open) else { break };
        found.extend(source.get(open..close));
        at = close + 2;
    }
    found
}

/// Parses what may be an expression in a rule: a text that is none is no
/// expression that a rule could ask for.
fn parse_expressions(node: &Node, parsed: &mut BTreeMap<String, expression::ast::Node>) {
    match &node.value {
        Value::Scalar { text, .. } => {
            for source in holes(text).into_iter().chain([&**text]) {
                if let Ok(tree) = expression::parse::parse(source) {
                    parsed.insert(source.to_owned(), tree);
                }
            }
        }
        Value::List(elements) => elements.iter().for_each(|element| parse_expressions(element, parsed)),
        Value::Map(members) => members
            .iter()
            .filter(|member| !PLAIN_KEYS.contains(&&*member.key))
            .for_each(|member| parse_expressions(&member.value, parsed)),
    }
}

/// As `rule/load.rs` frames what it digests; a test compares them.
fn frame(name: &str, text: &str, digest: &mut Sha256) {
    digest.update(format!("{} {name}\n{}\n", name.len(), text.len()));
    digest.update(text);
}

/// The files beneath a folder, by their paths in it, with their texts.
fn find_files(folder: &Path, prefix: &str, found: &mut Vec<(String, String)>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = format!("{prefix}{name}");
        if entry.file_type()?.is_dir() {
            find_files(&entry.path(), &format!("{path}/"), found)?;
        } else if name.ends_with(SUFFIX) {
            found.push((path, std::fs::read_to_string(entry.path())?));
        }
    }
    Ok(())
}

/// Appends a node.
fn write_node(node: &Node, bytes: &mut Vec<u8>) {
    let kind = match &node.value {
        Value::Scalar { style: Style::Plain, .. } => tree::PLAIN,
        Value::Scalar { style: Style::Quoted, .. } => tree::QUOTED,
        Value::Scalar { style: Style::Block, .. } => tree::BLOCK,
        Value::List(_) => tree::LIST,
        Value::Map(_) => tree::MAP,
    };
    bytes.push(kind);
    write_number(node.span.start, bytes);
    write_number(node.span.end, bytes);
    match &node.value {
        Value::Scalar { text, .. } => write_text(text, bytes),
        Value::List(elements) => {
            write_number(elements.len(), bytes);
            for element in elements {
                write_node(element, bytes);
            }
        }
        Value::Map(members) => {
            write_number(members.len(), bytes);
            for member in members {
                write_text(&member.key, bytes);
                write_number(member.key_span.start, bytes);
                write_number(member.key_span.end, bytes);
                write_node(&member.value, bytes);
            }
        }
    }
}

/// Appends a text and its length.
fn write_text(text: &str, bytes: &mut Vec<u8>) {
    write_number(text.len(), bytes);
    bytes.extend_from_slice(text.as_bytes());
}

fn write_number(number: usize, bytes: &mut Vec<u8>) {
    // A rule file has a megabyte at most.
    bytes.extend_from_slice(&u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
}
