//! Parsed expressions as bytes, for the rules that are part of the binary:
//! they are parsed when it is built, because parsing them took nearly half of
//! the time that an audit of a host takes.
//!
//! `store.rs` writes what is read here. The bytes begin with how many
//! expressions there are and, for each, in the order of their sources, where
//! its source and its tree lie. Numbers have eight bytes, the lowest first; a
//! text stands behind its length. What a source parses to depends on nothing
//! else, so any expression of that source may be read from here.

use super::ast::{Call, Macro, Member, Node, NodeKind, Operator, Quantifier, Text};
use super::function;

/// The deepest tree that is read; a parsed one is not that deep.
const DEPTH_LIMIT: usize = 64;

pub(super) const OPERATORS: [Operator; 11] = [
    Operator::Equal,
    Operator::NotEqual,
    Operator::Less,
    Operator::LessOrEqual,
    Operator::Greater,
    Operator::GreaterOrEqual,
    Operator::Add,
    Operator::Subtract,
    Operator::Multiply,
    Operator::Divide,
    Operator::Remainder,
];

pub(super) const QUANTIFIERS: [Quantifier; 5] =
    [Quantifier::All, Quantifier::Exists, Quantifier::ExistsOne, Quantifier::Map, Quantifier::Filter];

/// Bytes of a number.
pub(super) const NUMBER: usize = 8;

/// The tree of a source among stored expressions, and the source itself; none
/// where it is not there.
pub(crate) fn find(mut stored: &'static [u8], source: &str) -> Option<(&'static str, Node)> {
    let all = stored;
    let count = number(&mut stored)?;
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = usize::midpoint(low, high);
        let mut row = stored.get(middle * 2 * NUMBER..)?;
        let (mut place, tree) = (all.get(number(&mut row)?..)?, number(&mut row)?);
        let own = bytes(&mut place)?;
        match own.cmp(source.as_bytes()) {
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Greater => high = middle,
            std::cmp::Ordering::Equal => {
                return Some((std::str::from_utf8(own).ok()?, read(&mut all.get(tree..)?, 0)?));
            }
        }
    }
    None
}

/// Takes a node off the front.
fn read(bytes: &mut &'static [u8], depth: usize) -> Option<Node> {
    if depth > DEPTH_LIMIT {
        return None;
    }
    let id = u64::try_from(number(bytes)?).ok()?;
    let (kind, rest) = bytes.split_first()?;
    *bytes = rest;
    let node = |bytes: &mut &'static [u8]| read(bytes, depth + 1);
    let boxed = |bytes: &mut &'static [u8]| node(bytes).map(Box::new);
    let optional = |bytes: &mut &'static [u8]| if number(bytes)? == 0 { Some(None) } else { node(bytes).map(Some) };
    let member = |bytes: &mut &'static [u8]| {
        let of = node(bytes)?;
        Some(Box::new(Member { of, name: text(bytes)?, is_declared: false }))
    };
    let kind = match kind {
        0 => NodeKind::Bool(number(bytes)? != 0),
        1 => NodeKind::Int(i64::from_le_bytes(raw(bytes)?)),
        2 => NodeKind::Float(f64::from_le_bytes(raw(bytes)?)),
        3 => NodeKind::Text(text(bytes)?),
        4 => NodeKind::Name(text(bytes)?),
        5 => NodeKind::Member(member(bytes)?),
        6 => NodeKind::Has(member(bytes)?),
        7 => NodeKind::Index(boxed(bytes)?, boxed(bytes)?),
        8 => NodeKind::Not(boxed(bytes)?),
        9 => NodeKind::Negate(boxed(bytes)?),
        10 => NodeKind::And(boxed(bytes)?, boxed(bytes)?),
        11 => NodeKind::Or(boxed(bytes)?, boxed(bytes)?),
        12 => NodeKind::If(Box::new([node(bytes)?, node(bytes)?, node(bytes)?])),
        13 => NodeKind::Binary(*OPERATORS.get(number(bytes)?)?, boxed(bytes)?, boxed(bytes)?),
        14 => NodeKind::In(boxed(bytes)?, boxed(bytes)?),
        15 => {
            let count = number(bytes)?;
            NodeKind::List((0..count).map(|_| node(bytes)).collect::<Option<_>>()?)
        }
        16 => {
            let count = number(bytes)?;
            NodeKind::Map((0..count).map(|_| Some((node(bytes)?, node(bytes)?))).collect::<Option<_>>()?)
        }
        17 => NodeKind::Macro(Box::new(Macro {
            what: *QUANTIFIERS.get(number(bytes)?)?,
            range: node(bytes)?,
            name: text(bytes)?,
            condition: optional(bytes)?,
            body: optional(bytes)?,
        })),
        18 => NodeKind::Default(boxed(bytes)?, boxed(bytes)?),
        19 => {
            let name = text(bytes)?;
            let has_receiver = number(bytes)? != 0;
            let count = number(bytes)?;
            let arguments = (0..count).map(|_| node(bytes)).collect::<Option<_>>()?;
            let candidates = function::named(&name, has_receiver);
            let pattern = std::sync::OnceLock::new();
            NodeKind::Call(Box::new(Call { name, has_receiver, arguments, candidates, pattern }))
        }
        _ => return None,
    };
    Some(Node { id, kind })
}

fn raw(bytes: &mut &[u8]) -> Option<[u8; NUMBER]> {
    let (number, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*number)
}

fn number(bytes: &mut &[u8]) -> Option<usize> {
    usize::try_from(u64::from_le_bytes(raw(bytes)?)).ok()
}

fn bytes(bytes: &mut &'static [u8]) -> Option<&'static [u8]> {
    let length = number(bytes)?;
    let (text, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(text)
}

fn text(stored: &mut &'static [u8]) -> Option<Text> {
    std::str::from_utf8(bytes(stored)?).ok().map(Text::Borrowed)
}
