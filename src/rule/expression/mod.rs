//! Expressions of rules: CEL, read by the crate `cel`, checked against the
//! catalogue of facts and evaluated over facts by ourselves.
//!
//! The crate has no checker, no bound on what an expression costs, and no
//! third answer; a verdict needs all three. Its parser is the only part that
//! is used. Language: <https://github.com/google/cel-spec/blob/master/doc/langdef.md>.

mod arithmetic;
mod ast;
mod check;
mod compare;
mod evaluate;
mod function;
mod kind;
mod parse;
mod quantity;
mod show;
mod value;

use std::collections::BTreeSet;
use std::ops::Range;

pub(super) use check::Names;
pub(super) use evaluate::{Evaluator, World};
pub(super) use function::instant;
pub(super) use kind::{Branch, CATALOGUE, Kind};
pub(super) use show::{json, message, text};
pub(super) use value::{Cause, Plain, Slot, Stop, Unknown, Value};

/// A checked expression.
#[derive(Debug)]
pub(super) struct Expression {
    pub(super) source: String,
    pub(super) kind: Kind,
    /// Catalogue paths of the facts that it reads.
    pub(super) facts: BTreeSet<&'static str>,
    pub(super) root: ast::Node,
}

/// A fault in an expression, at some bytes of its source.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub(super) span: Range<usize>,
    pub(super) message: String,
    pub(super) label: String,
    pub(super) help: Option<String>,
}

impl Fault {
    fn new(span: Range<usize>, message: impl Into<String>, label: impl Into<String>) -> Self {
        Fault { span, message: message.into(), label: label.into(), help: None }
    }

    fn with_help(mut self, help: &str) -> Self {
        self.help = Some(help.to_owned());
        self
    }
}

impl Expression {
    /// Reads and checks an expression.
    pub(super) fn compile(source: &str, names: Names<'_>) -> Result<Expression, Vec<Fault>> {
        let mut root = parse::parse(source)?;
        let checked = check::check(source, &mut root, names);
        if checked.faults.is_empty() {
            Ok(Expression { source: source.to_owned(), kind: checked.kind, facts: checked.facts, root })
        } else {
            Err(checked.faults)
        }
    }
}

/// Compiles a regular expression whose size is bounded.
pub(super) fn compile_pattern(pattern: &str) -> Result<regex::Regex, String> {
    regex::RegexBuilder::new(pattern).size_limit(1 << 20).nest_limit(50).build().map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
        error => error.to_string().lines().last().unwrap_or_default().trim().to_owned(),
    })
}
