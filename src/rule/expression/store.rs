//! Writes parsed expressions for [`super::stored`] to read; `build.rs` and the
//! tests do it.

use std::collections::BTreeMap;

use super::ast::{Node, NodeKind};
use super::stored::{NUMBER, OPERATORS, QUANTIFIERS};

/// Expressions as bytes, by their sources.
pub(crate) fn write(expressions: &BTreeMap<String, Node>) -> Vec<u8> {
    let mut index = Vec::new();
    let mut body = Vec::new();
    let start = NUMBER + expressions.len() * 2 * NUMBER;
    write_number(expressions.len(), &mut index);
    for (source, tree) in expressions {
        write_number(start + body.len(), &mut index);
        write_text(source, &mut body);
        write_number(start + body.len(), &mut index);
        write_node(tree, &mut body);
    }
    index.extend(body);
    index
}

fn write_node(node: &Node, bytes: &mut Vec<u8>) {
    bytes.extend(node.id.to_le_bytes());
    let mut nodes = |kind: u8, nodes: &[&Node]| {
        bytes.push(kind);
        for node in nodes {
            write_node(node, bytes);
        }
    };
    match &node.kind {
        NodeKind::Index(of, at) => nodes(7, &[of, at]),
        NodeKind::Not(of) => nodes(8, &[of]),
        NodeKind::Negate(of) => nodes(9, &[of]),
        NodeKind::And(left, right) => nodes(10, &[left, right]),
        NodeKind::Or(left, right) => nodes(11, &[left, right]),
        NodeKind::If(of) => nodes(12, &of.each_ref()),
        NodeKind::In(left, right) => nodes(14, &[left, right]),
        NodeKind::Default(left, right) => nodes(18, &[left, right]),
        NodeKind::Bool(truth) => {
            bytes.push(0);
            write_number(usize::from(*truth), bytes);
        }
        NodeKind::Int(number) => {
            bytes.push(1);
            bytes.extend(number.to_le_bytes());
        }
        NodeKind::Float(number) => {
            bytes.push(2);
            bytes.extend(number.to_le_bytes());
        }
        NodeKind::Text(text) => {
            bytes.push(3);
            write_text(text, bytes);
        }
        NodeKind::Name(name) => {
            bytes.push(4);
            write_text(name, bytes);
        }
        NodeKind::Member(member) | NodeKind::Has(member) => {
            bytes.push(if matches!(node.kind, NodeKind::Has(_)) { 6 } else { 5 });
            write_node(&member.of, bytes);
            write_text(&member.name, bytes);
        }
        NodeKind::Binary(operator, left, right) => {
            bytes.push(13);
            write_number(OPERATORS.iter().position(|own| own == operator).unwrap_or(OPERATORS.len()), bytes);
            write_node(left, bytes);
            write_node(right, bytes);
        }
        NodeKind::List(elements) => {
            bytes.push(15);
            write_number(elements.len(), bytes);
            for element in elements {
                write_node(element, bytes);
            }
        }
        NodeKind::Map(members) => {
            bytes.push(16);
            write_number(members.len(), bytes);
            for (key, value) in members {
                write_node(key, bytes);
                write_node(value, bytes);
            }
        }
        NodeKind::Macro(of) => {
            bytes.push(17);
            write_number(QUANTIFIERS.iter().position(|own| *own == of.what).unwrap_or(QUANTIFIERS.len()), bytes);
            write_node(&of.range, bytes);
            write_text(&of.name, bytes);
            for part in [&of.condition, &of.body] {
                write_number(usize::from(part.is_some()), bytes);
                if let Some(part) = part {
                    write_node(part, bytes);
                }
            }
        }
        NodeKind::Call(call) => {
            bytes.push(19);
            write_text(&call.name, bytes);
            write_number(usize::from(call.has_receiver), bytes);
            write_number(call.arguments.len(), bytes);
            for argument in &call.arguments {
                write_node(argument, bytes);
            }
        }
    }
}

fn write_number(number: usize, bytes: &mut Vec<u8>) {
    bytes.extend(u64::try_from(number).unwrap_or(u64::MAX).to_le_bytes());
}

fn write_text(text: &str, bytes: &mut Vec<u8>) {
    write_number(text.len(), bytes);
    bytes.extend_from_slice(text.as_bytes());
}
