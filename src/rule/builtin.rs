//! The rules and tables that are part of the binary.

use super::Target;
use super::tree::{read_number, read_text, take};

/// Paths beneath `rules` and texts of the rules, sorted; the build script wrote
/// the list, and the compiler made sure that they are UTF-8.
static RULES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/rules.rs"));

/// Those of the tables.
static TABLES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/tables.rs"));

/// What the build script found in the rules; see there.
static PARSED_RULES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/rules.bin"));

/// What it found in the tables.
static PARSED_TABLES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/tables.bin"));

/// The digest over all of them.
pub(super) const DIGEST: &str = env!("RULES_DIGEST");

/// How the files of rules and tables end.
const SUFFIX: &str = ".yaml";

/// A built-in rule file.
#[derive(Clone, Copy, Debug)]
pub(super) struct BuiltinRule {
    /// `area/bad-pattern`.
    pub(super) name: &'static str,
    pub(super) text: &'static str,
    /// What its `target` says, where it is a target.
    pub(super) target: Option<Target>,
    /// The tree of the text without its examples; see `tree.rs`.
    pub(super) tree: &'static [u8],
}

/// A built-in table.
#[derive(Clone, Debug, Default)]
pub(super) struct BuiltinTable {
    pub(super) name: &'static str,
    pub(super) text: &'static str,
    /// The tree of the text; empty where it must be parsed.
    pub(super) tree: &'static [u8],
    /// Of the table whose products are read one by one: the tree of each.
    pub(super) products: Vec<(&'static str, &'static [u8])>,
}

/// The rules, in the order of their paths.
pub(super) fn rules() -> Vec<BuiltinRule> {
    let mut rest = PARSED_RULES;
    let next = || {
        let (name, target) = (read_text(&mut rest)?, Target::named(read_text(&mut rest)?));
        Some((name, target, take(&mut rest)?))
    };
    let mut parsed = std::iter::from_fn(next).peekable();
    let rule = |(path, text): &(&'static str, &'static str)| {
        let name = path.trim_end_matches(SUFFIX);
        // Both are sorted; a rule without a tree is parsed when it is loaded.
        let (_, target, tree) = parsed.next_if(|(own, ..)| *own == name).unwrap_or((name, None, &[]));
        BuiltinRule { name, text, target, tree }
    };
    RULES.iter().map(rule).collect()
}

/// The tables, in the order of their paths.
pub(super) fn tables() -> Vec<BuiltinTable> {
    let mut rest = PARSED_TABLES;
    let mut next = || {
        let (name, tree) = (read_text(&mut rest)?, take(&mut rest)?);
        let products = (0..read_number(&mut rest)?).map(|_| Some((read_text(&mut rest)?, take(&mut rest)?)));
        Some(BuiltinTable { name, text: "", tree, products: products.collect::<Option<_>>()? })
    };
    let mut parsed = std::iter::from_fn(&mut next).peekable();
    let table = |(path, text): &(&'static str, &'static str)| {
        let name = path.trim_start_matches("data/").trim_end_matches(SUFFIX);
        let table = parsed.next_if(|own| own.name == name).unwrap_or_default();
        BuiltinTable { name, text, ..table }
    };
    TABLES.iter().map(table).collect()
}
