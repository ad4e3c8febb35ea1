//! The forms of a rule file: expressions, texts and cases.

use super::place::place_in_file;
use super::{Reader, elements};
use crate::rule::diagnostic::did_you_mean;
use crate::rule::expression::{CATALOGUE, Expression, Fault, Kind, Names};
use crate::rule::form::{Case, Each, Form};
use crate::rule::template::Template;
use crate::rule::yaml::{Node, Value};
use crate::rule::{Severity, Target};

/// The keys of the second form.
const CLUSTER_KEYS: &[&str] =
    &["when", "each", "as", "key", "subject", "expect", "message", "evidence", "fix", "severity"];

/// Those that the second form does not take over from the first: what a rule
/// looks at in a cluster is nothing that a host has.
const OF_ITS_OWN: &[&str] = &["when", "each", "as", "key", "subject"];

impl Reader<'_> {
    pub(super) fn cluster(&mut self, root: &Node, node: &Node, target: Option<Target>) -> Option<Form> {
        let Value::Map(members) = &node.value else {
            self.fault(
                node.span.clone(),
                format!("{} as the second form", node.describe()),
                "expected keys and values",
            );
            return None;
        };
        if target == Some(Target::Cluster) {
            self.fault(
                node.span.clone(),
                "a second form without a first",
                "a rule with `target: cluster` has only one",
            );
        }
        self.keys(members, CLUSTER_KEYS, "the second form");
        let before = self.faults.len();
        let takes_over = |key: &str| !OF_ITS_OWN.contains(&key);
        let form = self.form(&|key| node.get(key).or_else(|| root.get(key).filter(|_| takes_over(key))));
        // What it takes over from the first form has been complained about.
        let own = node.span.clone();
        let mut at = 0;
        self.faults.retain(|fault| {
            at += 1;
            at <= before || own.contains(&fault.span.start)
        });
        form
    }

    pub(super) fn form<'n>(&mut self, find: &dyn Fn(&str) -> Option<&'n Node>) -> Option<Form> {
        let plain = self.names(None);
        let when = find("when").map(|node| self.condition(node, plain));
        let each = find("each").map(|node| self.each(node, find));
        for key in ["as", "key"] {
            if let (None, Some(node)) = (&each, find(key)) {
                self.fault(node.span.clone(), format!("`{key}` without `each`"), "expected `each` too");
            }
        }
        let each = opened(each)?;
        let element = each.as_ref().map(Each::element);
        let bound = each.as_ref().zip(element.as_ref()).map(|(each, kind)| (each.name.as_str(), kind));
        let names = self.names(bound);
        let subject = find("subject").map(|node| self.expression(node, names));
        let expect = find("expect").map(|node| self.condition(node, names));
        let severity = find("severity").and_then(|node| self.cases(node, names, Self::severity));
        let message =
            find("message").and_then(|node| self.cases(node, names, |reader, node| reader.template(node, names)));
        let fix = find("fix").and_then(|node| self.cases(node, names, |reader, node| reader.template(node, names)));
        let evidence = find("evidence").map(|node| self.evidence(node, names));
        Some(Form {
            when: opened(when)?,
            subject: opened(subject)?,
            expect: expect??,
            severity: severity?,
            message: message?,
            evidence: evidence??,
            fix: fix?,
            each,
        })
    }

    fn each<'n>(&mut self, node: &Node, find: &dyn Fn(&str) -> Option<&'n Node>) -> Option<Each> {
        let list = self.expression(node, self.names(None));
        if let Some(list) = &list
            && !matches!(list.kind, Kind::List(_) | Kind::Any)
        {
            self.fault(node.span.clone(), format!("`each` is {}", list.kind), "expected a list");
        }
        let Some(name_node) = find("as") else {
            self.fault(
                node.span.start..node.span.start,
                "`each` without `as`",
                "expected `as`: the name of an element",
            );
            return None;
        };
        let name = name_node.text().unwrap_or_default().to_owned();
        let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !is_name || CATALOGUE.members.contains_key(name.as_str()) || ["now", "data"].contains(&name.as_str()) {
            self.fault(name_node.span.clone(), "not a name for an element", "expected a word that is no fact");
            return None;
        }
        let each = Each { list: list?, name, key: None };
        let element = each.element();
        let names = self.names(Some((&each.name, &element)));
        let key = find("key").map(|node| self.expression(node, names));
        let key = opened(key)?;
        Some(Each { key, ..each })
    }

    fn evidence(&mut self, node: &Node, names: Names<'_>) -> Option<Vec<Expression>> {
        let Value::List(list) = &node.value else {
            self.fault(node.span.clone(), format!("{} as evidence", node.describe()), "expected a list of CEL");
            return None;
        };
        if list.is_empty() {
            self.fault(node.span.clone(), "no evidence", "a verdict shows at least one fact");
        }
        let expressions: Vec<_> = list.iter().map(|node| self.expression(node, names)).collect();
        expressions.into_iter().collect()
    }

    fn severity(&mut self, node: &Node) -> Option<Severity> {
        let severity = node.text().and_then(Severity::named);
        if severity.is_none() {
            let names = Severity::ALL.map(Severity::name);
            let help = node.text().and_then(|text| did_you_mean(text, names));
            let message =
                node.text().map_or("an unknown severity".to_owned(), |text| format!("there is no severity `{text}`"));
            self.fault_with_help(node.span.clone(), message, format!("expected {}", names.join(", ")), help);
        }
        severity
    }

    fn template(&mut self, node: &Node, names: Names<'_>) -> Option<Template> {
        let Some(text) = node.text() else {
            self.fault(node.span.clone(), format!("{} instead of text", node.describe()), "expected text");
            return None;
        };
        if text.trim().is_empty() {
            self.fault(node.span.clone(), "an empty text", "expected words");
        }
        Template::compile(text, names).map_err(|faults| self.inner(node, faults)).ok()
    }

    /// A value, or a list of values with conditions.
    fn cases<T>(
        &mut self,
        node: &Node,
        names: Names<'_>,
        mut read: impl FnMut(&mut Self, &Node) -> Option<T>,
    ) -> Option<Vec<Case<T>>> {
        let Value::List(list) = &node.value else {
            return Some(vec![Case { when: None, value: read(self, node)? }]);
        };
        let mut cases = Vec::new();
        for (at, case) in list.iter().enumerate() {
            let Value::Map(members) = &case.value else {
                self.fault(case.span.clone(), format!("{} as a case", case.describe()), "expected `when` and `use`");
                continue;
            };
            self.keys(members, &["when", "use"], "a case");
            let when = case.get("when").map(|when| self.condition(when, names));
            if when.is_none() && at + 1 < list.len() {
                self.fault(case.span.clone(), "a case that hides those behind it", "only the last case has no `when`");
            }
            if when.is_some() && at + 1 == list.len() {
                self.fault(case.span.clone(), "no case for everything else", "the last case has no `when`");
            }
            let Some(node) = case.get("use") else {
                self.fault(case.span.clone(), "a case without `use`", "expected `use`");
                continue;
            };
            if let (Some(when), Some(value)) = (opened(when), read(self, node)) {
                cases.push(Case { when, value });
            }
        }
        if list.is_empty() {
            self.fault(node.span.clone(), "no cases", "expected at least one");
        }
        (cases.len() == list.len() && !cases.is_empty()).then_some(cases)
    }

    fn condition(&mut self, node: &Node, names: Names<'_>) -> Option<Expression> {
        let expression = self.expression(node, names)?;
        if !matches!(expression.kind, Kind::Bool | Kind::Any) {
            let message = format!("{} as a condition", expression.kind);
            self.fault(node.span.clone(), message, "expected true or false");
            return None;
        }
        Some(expression)
    }

    fn expression(&mut self, node: &Node, names: Names<'_>) -> Option<Expression> {
        let Some(source) = node.text() else {
            self.fault(node.span.clone(), format!("{} instead of CEL", node.describe()), "expected CEL as text");
            return None;
        };
        Expression::compile(source, names).map_err(|faults| self.inner(node, faults)).ok()
    }

    /// Faults of a text within a scalar, at their places in the file.
    fn inner(&mut self, node: &Node, faults: Vec<Fault>) {
        for fault in faults {
            let start = place_in_file(&self.file.text, node, fault.span.start);
            let end = place_in_file(&self.file.text, node, fault.span.end).max(start);
            self.fault_with_help(start..end, fault.message, fault.label, fault.help);
        }
    }
}

/// The severities that a form may give, without their conditions.
pub(super) fn severities(node: &Node) -> Vec<Severity> {
    let of_cases = elements(node).iter().filter_map(|case| case.get("use"));
    of_cases.chain([node]).filter_map(|value| Severity::named(value.text()?)).collect()
}

/// `None` where a part is there and wrong.
#[expect(clippy::option_option, reason = "absent and wrong are two things")]
fn opened<T>(part: Option<Option<T>>) -> Option<Option<T>> {
    match part {
        None => Some(None),
        Some(None) => None,
        Some(Some(value)) => Some(Some(value)),
    }
}
