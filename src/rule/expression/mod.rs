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
mod lifecycle;
mod parse;
mod pattern;
mod places;
mod quantify;
mod quantity;
mod reach;
mod show;
mod spot;
#[cfg(test)]
mod store;
mod stored;
#[cfg(test)]
mod tests;
mod value;

use std::borrow::Cow;
use std::ops::Range;

pub(super) use check::Names;
pub(super) use evaluate::{Evaluator, World};
pub(super) use function::instant;
pub(super) use kind::{Branch, CATALOGUE, Kind};
pub(super) use pattern::check_pattern;
pub(super) use show::{json, message, text};
pub(super) use value::{Cause, Plain, Slot, Stop, Unknown, Value};

/// The expressions of the rules that are part of the binary, parsed.
static STORED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/expressions.bin"));

/// A checked expression.
#[derive(Debug)]
pub(super) struct Expression {
    pub(super) source: ast::Text,
    pub(super) kind: Kind,
    /// Catalogue paths of the facts that it reads, in no order.
    pub(super) facts: Vec<&'static str>,
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
        let (text, mut root) = match stored::find(STORED, source) {
            Some((text, root)) => (Cow::Borrowed(text), root),
            None => (Cow::Owned(source.to_owned()), parse::parse(source)?),
        };
        let checked = check::check(source, &mut root, names);
        if checked.faults.is_empty() {
            Ok(Expression { source: text, kind: checked.kind, facts: checked.facts, root })
        } else {
            Err(checked.faults)
        }
    }
}

impl Expression {
    /// The operands of the `&&` that the expression is, with their sources;
    /// the expression itself where it is something else.
    pub(super) fn conjuncts(&self) -> Vec<(&str, &ast::Node)> {
        let mut nodes = Vec::new();
        let mut open = vec![&self.root];
        while let Some(node) = open.pop() {
            match &node.kind {
                ast::NodeKind::And(left, right) => open.extend([&**right, &**left]),
                _ => nodes.push(node),
            }
        }
        let sources = split_conjunction(&self.source);
        if sources.len() == nodes.len() {
            sources.into_iter().zip(nodes).collect()
        } else {
            vec![(&self.source, &self.root)]
        }
    }
}

/// The parts between the `&&` that stand in no bracket and no text.
fn split_conjunction(source: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut depth, mut quote) = (0, 0_usize, None);
    let mut bytes = source.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match (quote, byte) {
            (Some(_), b'\\') => {
                bytes.next();
            }
            (Some(open), _) if open == byte => quote = None,
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'(' | b'[' | b'{') => depth += 1,
            (None, b')' | b']' | b'}') => depth = depth.saturating_sub(1),
            (None, b'&') if depth == 0 => {
                bytes.next();
                parts.extend(source.get(start..at));
                start = at + 2;
            }
            _ => {}
        }
    }
    parts.extend(source.get(start..));
    parts
}

/// Whether an expression was parsed when the program was built, as it parses now.
#[cfg(test)]
pub(super) fn is_stored(source: &str) -> bool {
    let parsed = parse::parse(source).ok();
    stored::find(STORED, source)
        .is_some_and(|(own, root)| own == source && format!("{:?}", Some(root)) == format!("{parsed:?}"))
}

#[cfg(test)]
mod stored_tests {
    use super::{parse, store, stored};

    #[test]
    fn a_stored_expression_is_what_its_source_parses_to() {
        let sources = [
            r#"a.b.exists(x, x.c == "d" && !has(x.e)) ? [1, 2.5, -3] : xs.map(x, x.f > 0, x.g)"#,
            r#"data["a-b"].c[0] in {"k": default(a.b, "v")} || version(a) < version("1.2") || x.matches("^a")"#,
            "xs.filter(x, x.a).all(x, x in ys) && xs.exists_one(x, x != true)",
        ];
        let parse = |source: &str| parse::parse(source).unwrap_or_else(|faults| panic!("{source}: {faults:?}"));
        let bytes = store::write(&sources.iter().map(|source| ((*source).to_owned(), parse(source))).collect());
        let bytes: &'static [u8] = bytes.leak();
        for source in sources {
            assert_eq!(format!("{:?}", stored::find(bytes, source)), format!("{:?}", Some((source, parse(source)))));
        }
        assert!(stored::find(bytes, "true").is_none());
        for end in 0..bytes.len() {
            let _ = stored::find(bytes.get(..end).unwrap_or_default(), sources[0]);
        }
    }
}
