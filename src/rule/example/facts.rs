//! The facts of an example, each checked against the catalogue: a misspelt
//! fact would be silently absent.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::fact::catalogue::Type;
use crate::fact::{Fact, Facts, Value as FactValue};
use crate::rule::diagnostic::did_you_mean;
use crate::rule::expression::{Branch, CATALOGUE, Kind};
use crate::rule::file::Reader;
use crate::rule::yaml::{Node, Style, Value};

/// The part of the catalogue that a node stands at.
enum Place {
    Group(&'static Branch),
    Fact(Type),
}

pub(super) fn read_facts(reader: &mut Reader<'_>, node: &Node, facts: &mut Facts) {
    let Value::Map(members) = &node.value else {
        reader.fault(node.span.clone(), format!("{} as facts", node.describe()), "expected facts and their values");
        return;
    };
    for member in members {
        if let Some((segments, place)) = locate(reader, &member.key, &member.key_span) {
            let fact = read_fact(reader, &member.value, &place);
            set(facts, &segments, fact);
        }
    }
}

/// Merges, so that `kubelet: {…}` and `kubelet.version: …` can stand together.
fn set(facts: &mut Facts, segments: &[String], fact: Fact) {
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let mut one = Facts::default();
    one.set_at(&segments, fact);
    facts.merge(one);
}

pub(super) fn read_unreadable(reader: &mut Reader<'_>, node: &Node, facts: &mut Facts) {
    let Value::Map(members) = &node.value else {
        reader.fault(
            node.span.clone(),
            format!("{} as unreadable facts", node.describe()),
            "expected facts and reasons",
        );
        return;
    };
    for member in members {
        let Some(reason) = member.value.text() else {
            reader.fault(member.value.span.clone(), "no reason", "expected why it cannot be read");
            continue;
        };
        if let Some((segments, _)) = locate(reader, &member.key, &member.key_span) {
            set(facts, &segments, unreadable(reason));
        }
    }
}

fn unreadable(reason: &str) -> Fact {
    Fact::Unreadable { source: None, reason: reason.to_owned() }
}

/// The segments of a path; below a map, the rest is one key.
fn locate(reader: &mut Reader<'_>, path: &str, span: &Range<usize>) -> Option<(Vec<String>, Place)> {
    let mut segments = Vec::new();
    let mut place = Place::Group(&CATALOGUE);
    let mut rest = path;
    while !rest.is_empty() {
        let (segment, after) = rest.split_once('.').unwrap_or((rest, ""));
        match place {
            Place::Group(branch) => {
                let Some(inner) = branch.members.get(segment) else {
                    let help = did_you_mean(segment, branch.members.keys().copied());
                    let message = format!("there is no fact `{path}`");
                    reader.fault_with_help(span.clone(), message, "no collector delivers it", help);
                    return None;
                };
                segments.push(segment.to_owned());
                place = match inner.fact {
                    Some(fact) if inner.members.is_empty() => Place::Fact(fact.kind),
                    _ => Place::Group(inner),
                };
                rest = after;
            }
            Place::Fact(Type::Map(value)) => {
                segments.push(rest.to_owned());
                return Some((segments, Place::Fact(*value)));
            }
            Place::Fact(Type::Object(fields)) => {
                let Some(field) = fields.iter().find(|field| field.name == segment) else {
                    let help = did_you_mean(segment, fields.iter().map(|field| field.name));
                    reader.fault_with_help(span.clone(), format!("there is no fact `{path}`"), "no such member", help);
                    return None;
                };
                segments.push(segment.to_owned());
                place = Place::Fact(field.kind);
                rest = after;
            }
            Place::Fact(_) => {
                reader.fault(span.clone(), format!("there is no fact `{path}`"), "it has no members");
                return None;
            }
        }
    }
    Some((segments, place))
}

fn read_fact(reader: &mut Reader<'_>, node: &Node, place: &Place) -> Fact {
    if matches!(place, Place::Fact(Type::Host)) {
        let mut facts = Facts::default();
        read_facts(reader, node, &mut facts);
        return facts.into_group();
    }
    if let Value::Map(members) = &node.value
        && let [only] = members.as_slice()
    {
        match &*only.key {
            "$unreadable" => return unreadable(only.value.text().unwrap_or_default()),
            "$absent" => return Fact::Absent { source: None },
            _ => {}
        }
    }
    if let Value::Scalar { text, style: Style::Plain } = &node.value
        && matches!(&**text, "" | "~" | "null")
    {
        return Fact::Absent { source: None };
    }
    match place {
        Place::Group(branch) => {
            let Value::Map(members) = &node.value else {
                let message = format!("{} for the group `{}`", node.describe(), branch.path);
                reader.fault(node.span.clone(), message, "expected its members");
                return Fact::Absent { source: None };
            };
            let mut facts = Facts::default();
            for member in members {
                let path = format!("{}.{}", branch.path, member.key);
                if let Some((segments, place)) = locate(reader, &path, &member.key_span) {
                    let fact = read_fact(reader, &member.value, &place);
                    set(&mut facts, &segments, fact);
                }
            }
            // The members were put under their whole path.
            facts.get(&branch.path).cloned().unwrap_or_else(|| Fact::group(BTreeMap::new()))
        }
        Place::Fact(kind) => {
            let Some(value) = read_value(reader, node, *kind) else {
                let message = format!("{} where {} is expected", node.describe(), Kind::of(*kind));
                reader.fault(node.span.clone(), message, format!("expected {}", Kind::of(*kind)));
                return Fact::Absent { source: None };
            };
            Fact::group(value)
        }
    }
}

/// A value of the declared type; none where the node is of another.
fn read_value(reader: &mut Reader<'_>, node: &Node, kind: Type) -> Option<FactValue> {
    match (&node.value, kind) {
        (Value::Scalar { text, .. }, Type::Text) => Some(FactValue::from(&**text)),
        (Value::Scalar { text, style: Style::Plain }, Type::Bool) => text.parse().ok().map(FactValue::Bool),
        (Value::Scalar { text, style: Style::Plain }, Type::Int) => text.parse().ok().map(FactValue::Int),
        (Value::Scalar { text, style: Style::Plain }, Type::Float) => text.parse().ok().map(FactValue::Float),
        (Value::List(elements), Type::List(element)) => {
            Some(FactValue::List(elements.iter().map(|node| read_fact(reader, node, &Place::Fact(*element))).collect()))
        }
        (Value::Map(members), Type::Map(value)) => {
            let mut map = BTreeMap::new();
            for member in members {
                map.insert(member.key.to_string(), read_fact(reader, &member.value, &Place::Fact(*value)));
            }
            Some(FactValue::Map(map))
        }
        (Value::Map(members), Type::Object(fields)) => {
            let mut map = BTreeMap::new();
            for member in members {
                if let Some(field) = fields.iter().find(|field| field.name == member.key) {
                    map.insert(member.key.to_string(), read_fact(reader, &member.value, &Place::Fact(field.kind)));
                } else {
                    let help = did_you_mean(&member.key, fields.iter().map(|field| field.name));
                    let message = format!("there is no member `{}`", member.key);
                    reader.fault_with_help(member.key_span.clone(), message, "no such name", help);
                }
            }
            Some(FactValue::Map(map))
        }
        _ => None,
    }
}
