//! Where a byte of a scalar stands in the file that it was read from.

use crate::rule::yaml::{Node, Style, Value};

/// Where a byte of a scalar's value stands in the file: exact for what is
/// written as it reads, and in the right line for folded and escaped text.
pub(super) fn place_in_file(text: &str, node: &Node, offset: usize) -> usize {
    let Value::Scalar { text: value, style } = &node.value else { return node.span.start };
    let raw = text.get(node.span.clone()).unwrap_or_default();
    let skipped = match style {
        Style::Quoted => 1,
        Style::Block if raw.starts_with(['|', '>']) => raw.find('\n').map_or(0, |at| at + 1),
        Style::Plain | Style::Block => 0,
    };
    let mut at = skipped;
    for wanted in value.get(..offset).unwrap_or(value).chars() {
        at += step(raw.get(at..).unwrap_or_default(), wanted);
    }
    // What follows may be indented.
    if let Some(next) = value.get(offset..).and_then(|rest| rest.chars().next())
        && !next.is_whitespace()
    {
        let rest = raw.get(at..).unwrap_or_default();
        at += rest.len() - rest.trim_start().len();
    }
    node.span.start + at.min(raw.len())
}

/// How many raw bytes one character of the value takes.
fn step(raw: &str, wanted: char) -> usize {
    if wanted.is_whitespace() {
        // A line break and its indentation fold to one space or break.
        let run = raw.len() - raw.trim_start().len();
        let first = raw.chars().next().map_or(0, char::len_utf8);
        let is_fold = raw.get(..run).is_some_and(|blank| blank.contains('\n'));
        return if is_fold { run } else { first.min(run) };
    }
    let indent = raw.len() - raw.trim_start().len();
    let rest = raw.get(indent..).unwrap_or_default();
    match rest.chars().next() {
        Some(found) if found == wanted && found == '\'' && rest.starts_with("''") => indent + 2,
        Some(found) if found == wanted => indent + found.len_utf8(),
        Some('\\') => indent + 2.min(rest.len()),
        _ => indent,
    }
}
