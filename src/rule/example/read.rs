//! Examples as a rule file has them.

use super::Example;
use super::facts::{read_facts, read_unreadable};
use crate::fact::Facts;
use crate::rule::diagnostic::did_you_mean;
use crate::rule::expression::instant;
use crate::rule::file::Reader;
use crate::rule::yaml::{Node, Value};
use crate::rule::{Severity, Verdict};

/// The instant of an example that names none.
const NOW: &str = "2026-11-23T00:00:00Z";

const KEYS: &[&str] =
    &["name", "verdict", "left_out", "target", "now", "facts", "unreadable", "severity", "message", "fix"];

/// Reads the examples of a rule file.
pub(in crate::rule) fn read(reader: &mut Reader<'_>, node: &Node) -> Vec<Example> {
    let Value::List(list) = &node.value else {
        reader.fault(node.span.clone(), format!("{} as examples", node.describe()), "expected a list");
        return Vec::new();
    };
    if list.is_empty() {
        reader.fault(node.span.clone(), "no examples", "expected at least one");
    }
    list.iter().filter_map(|node| read_one(reader, node)).collect()
}

fn read_one(reader: &mut Reader<'_>, node: &Node) -> Option<Example> {
    let Value::Map(members) = &node.value else {
        reader.fault(node.span.clone(), format!("{} as an example", node.describe()), "expected keys and values");
        return None;
    };
    reader.keys(members, KEYS, "an example");
    for key in ["name", "verdict"] {
        if node.get(key).is_none() {
            let start = node.span.start;
            reader.fault(start..start, format!("an example without `{key}`"), format!("expected `{key}`"));
        }
    }
    let (is_list, verdicts) = node.get("verdict").map(|node| read_verdicts(reader, node)).unwrap_or_default();
    let severity = node.get("severity").and_then(|node| {
        let severity = node.text().and_then(Severity::named);
        if severity.is_none() {
            let help = node.text().and_then(|text| did_you_mean(text, Severity::ALL.map(Severity::name)));
            reader.fault_with_help(node.span.clone(), "an unknown severity", "expected a severity", help);
        }
        severity
    });
    let now = node.get("now").and_then(Node::text).unwrap_or(NOW);
    let now = instant(now).ok().or_else(|| {
        let span = node.get("now").map_or(node.span.clone(), |now| now.span.clone());
        reader.fault(span, "not an instant", "expected 2026-11-23T00:00:00Z");
        None
    });
    let mut facts = Facts::default();
    if let Some(tree) = node.get("facts") {
        read_facts(reader, tree, &mut facts);
    }
    if let Some(unreadable) = node.get("unreadable") {
        read_unreadable(reader, unreadable, &mut facts);
    }
    let left_out = node.get("left_out").and_then(|node| reader.bool(node)).unwrap_or(false);
    let text = |key: &str| node.get(key).and_then(Node::text).map(|text| text.trim().to_owned());
    let is_cluster = text("target").is_some_and(|target| target == "cluster");
    Some(Example {
        name: text("name")?,
        verdicts,
        left_out,
        text: reader.source(node.span.clone()),
        line: reader.line(node.span.start),
        facts,
        is_list,
        now: now?,
        is_cluster,
        severity,
        message: text("message"),
        fix: text("fix"),
        span: node.get("name").map_or(node.span.clone(), |name| name.span.clone()),
    })
}

fn read_verdicts(reader: &mut Reader<'_>, node: &Node) -> (bool, Vec<Verdict>) {
    let (is_list, nodes) = match &node.value {
        Value::List(list) => (true, list.as_slice()),
        _ => (false, std::slice::from_ref(node)),
    };
    let mut verdicts = Vec::new();
    for node in nodes {
        let named = node.text().and_then(Verdict::named).filter(|verdict| *verdict != Verdict::Waived);
        if let Some(verdict) = named {
            verdicts.push(verdict);
        } else {
            let valid = ["pass", "fail", "unknown", "not-applicable"];
            let help = node.text().and_then(|text| did_you_mean(text, valid));
            reader.fault_with_help(
                node.span.clone(),
                "an unknown verdict",
                format!("expected {}", valid.join(", ")),
                help,
            );
        }
    }
    (is_list, verdicts)
}
