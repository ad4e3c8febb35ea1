//! One symptom file: its keys, each checked, with every fault at its place.
//! A cause with `expect` is read by the same code as a rule.

use std::sync::Arc;

use super::{Extent, Reader, RuleFile, elements, parse};
use crate::rule::diagnostic::Diagnostic;
use crate::rule::symptom::{Cause, Symptom};
use crate::rule::yaml::{Member, Node, Style, Value};

const KEYS: &[&str] = &["title", "patterns", "fleeting_minutes", "why", "causes", "references"];
const NEEDED: &[&str] = &["title", "patterns", "why", "causes", "references"];

/// The keys of a check; the rest of a rule it takes from its symptom.
const CHECK_KEYS: &[&str] =
    &["title", "target", "when", "each", "as", "key", "subject", "expect", "message", "evidence", "fix"];

/// Reads a symptom; all of its faults if it has any.
pub(in crate::rule) fn read(file: &RuleFile, tables: &[&str]) -> Result<Symptom, Vec<Diagnostic>> {
    let root = parse(file, true)?;
    let mut reader = Reader { file, tables, is_thorough: true, text: None, faults: Vec::new() };
    let symptom = reader.whole_symptom(&root);
    match symptom {
        Some(symptom) if reader.faults.is_empty() => Ok(symptom),
        _ => {
            reader.faults.sort_by_key(|fault| fault.span.start);
            Err(reader.faults)
        }
    }
}

impl Reader<'_> {
    fn whole_symptom(&mut self, root: &Node) -> Option<Symptom> {
        let Value::Map(members) = &root.value else {
            self.fault(root.span.clone(), format!("{} instead of a symptom", root.describe()), "expected keys");
            return None;
        };
        self.keys(members, KEYS, "a symptom");
        for key in NEEDED.iter().filter(|key| root.get(key).is_none()) {
            self.fault(0..0, format!("the symptom has no `{key}`"), format!("expected the key `{key}` in this file"));
        }
        for pattern in root.get("patterns").into_iter().flat_map(elements) {
            self.symptom(pattern);
        }
        for reference in root.get("references").into_iter().flat_map(elements) {
            self.reference(reference);
        }
        let fleeting = root.get("fleeting_minutes");
        let fleeting_minutes = fleeting.and_then(|node| node.text()?.parse().ok());
        if let (Some(node), None) = (fleeting, fleeting_minutes) {
            self.fault(node.span.clone(), "not a number of minutes", "expected a whole number");
        }
        let mut causes = Vec::new();
        for (at, node) in root.get("causes").into_iter().flat_map(elements).enumerate() {
            causes.extend(self.cause(root, node, at + 1));
        }
        if root.get("causes").is_some_and(|node| elements(node).is_empty()) {
            self.fault(0..0, "a symptom without a cause", "expected at least one");
        }
        Some(Symptom {
            name: self.file.name.clone(),
            title: self.text(root, "title"),
            patterns: self.texts(root, "patterns"),
            fleeting_minutes,
            why: self.text(root, "why"),
            causes,
            references: self.texts(root, "references"),
        })
    }

    fn cause(&mut self, root: &Node, node: &Node, number: usize) -> Option<Cause> {
        let Value::Map(members) = &node.value else {
            self.fault(node.span.clone(), format!("{} as a cause", node.describe()), "expected `rule`, or a title");
            return None;
        };
        if node.get("rule").is_some() {
            self.keys(members, &["rule"], "a cause that is a rule");
            return Some(Cause::Rule(self.text(node, "rule")));
        }
        if node.get("capture").is_some() {
            self.keys(members, &["capture"], "a cause in a capture");
            return Some(Cause::Capture(self.text(node, "capture")));
        }
        for key in ["title", "fix"].iter().filter(|key| node.get(key).is_none()) {
            self.fault(node.span.start..node.span.start, format!("a cause without `{key}`"), "expected it");
        }
        if node.get("expect").is_none() {
            self.keys(members, &["title", "fix"], "a cause that is only told");
            return Some(Cause::Told { title: self.text(node, "title"), fix: self.text(node, "fix") });
        }
        self.keys(members, CHECK_KEYS, "a check");
        let mut members = members.clone();
        let member = |key: &str, value: Node| Member { key: key.to_owned().into(), key_span: node.span.clone(), value };
        let severity = Value::Scalar { text: "info".into(), style: Style::Plain };
        members.push(member("severity", Node { value: severity, span: node.span.clone() }));
        for key in ["why", "references"] {
            members.push(member(key, root.get(key)?.clone()));
        }
        let whole = Node { value: Value::Map(members), span: node.span.clone() };
        let mut rule = self.rule(&whole, Extent { with_examples: false, with_cluster: true })?;
        rule.name = format!("symptoms/{}/{number}", self.file.name);
        Some(Cause::Check(Arc::new(rule)))
    }
}
