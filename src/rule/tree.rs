//! A parsed rule or table as bytes, for those that are part of the binary: they
//! are parsed when it is built, because parsing YAML took half of the time that
//! loading rules takes.
//!
//! `build.rs` writes what is read here: of each node its kind, the bytes that
//! it covers, and its text or how many nodes follow. Numbers have four bytes,
//! the lowest first; a text stands behind its length.

use super::yaml::{Member, Node, Style, Value};

/// Kinds of nodes: a scalar in one of three styles, a list, a mapping.
pub(super) const PLAIN: u8 = 0;
pub(super) const QUOTED: u8 = 1;
pub(super) const BLOCK: u8 = 2;
pub(super) const LIST: u8 = 3;
pub(super) const MAP: u8 = 4;

/// The table whose products are read one by one.
pub(super) const LIFECYCLE: &str = "lifecycle";

/// The text before the line `examples:`, which is the last key of a rule.
pub(super) fn without_examples(text: &str) -> &str {
    match text.find("\nexamples:") {
        Some(at) => text.get(..=at).unwrap_or(text),
        None => text,
    }
}

/// Takes a node off the front; none where the bytes are no node.
pub(super) fn read(bytes: &mut &'static [u8]) -> Option<Node> {
    let (kind, rest) = bytes.split_first()?;
    *bytes = rest;
    let span = read_number(bytes)?..read_number(bytes)?;
    let scalar = |bytes: &mut &'static [u8], style| Some(Value::Scalar { text: read_text(bytes)?.into(), style });
    let value = match *kind {
        PLAIN => scalar(bytes, Style::Plain)?,
        QUOTED => scalar(bytes, Style::Quoted)?,
        BLOCK => scalar(bytes, Style::Block)?,
        LIST => {
            let count = read_number(bytes)?;
            Value::List((0..count).map(|_| read(bytes)).collect::<Option<_>>()?)
        }
        MAP => {
            let count = read_number(bytes)?;
            let mut member = |_| {
                let key = read_text(bytes)?.into();
                let key_span = read_number(bytes)?..read_number(bytes)?;
                Some(Member { key, key_span, value: read(bytes)? })
            };
            Value::Map((0..count).map(&mut member).collect::<Option<_>>()?)
        }
        _ => return None,
    };
    Some(Node { value, span })
}

/// Takes the bytes of a tree off the front, which stand behind their length.
pub(super) fn take(bytes: &mut &'static [u8]) -> Option<&'static [u8]> {
    let length = read_number(bytes)?;
    let (tree, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(tree)
}

/// Takes a text off the front.
pub(super) fn read_text<'b>(bytes: &mut &'b [u8]) -> Option<&'b str> {
    let length = read_number(bytes)?;
    let (text, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    std::str::from_utf8(text).ok()
}

/// Takes a number off the front.
pub(super) fn read_number(bytes: &mut &[u8]) -> Option<usize> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    *bytes = rest;
    usize::try_from(u32::from_le_bytes(*number)).ok()
}
