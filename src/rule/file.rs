//! One rule file: its keys, each checked, with every fault at its place.

use std::ops::Range;
use std::sync::Arc;

use super::diagnostic::{Diagnostic, did_you_mean};
use super::example::Example;
use super::expression::{CATALOGUE, Expression, Fault, Kind, Names, compile_pattern};
use super::form::{Case, Each, Form};
use super::template::Template;
use super::yaml::{self, Member, Node, Style, Value};
use super::{FixCase, Rule, Severity, Target, example};

/// The keys of a rule file.
const KEYS: &[&str] = &[
    "title",
    "severity",
    "target",
    "gate",
    "tags",
    "why",
    "when",
    "each",
    "as",
    "key",
    "subject",
    "expect",
    "message",
    "evidence",
    "fix",
    "symptoms",
    "references",
    "aliases",
    "cluster",
    "examples",
];

/// The keys that every rule has.
const NEEDED: &[&str] = &["title", "severity", "target", "why", "expect", "message", "evidence", "fix", "references"];

/// The keys of the second form.
const CLUSTER_KEYS: &[&str] =
    &["when", "each", "as", "key", "subject", "expect", "message", "evidence", "fix", "severity"];

/// A rule file to read.
pub(super) struct RuleFile {
    /// As the user named it, or `rules/…` for a built-in rule.
    pub(super) path: String,
    /// `area/bad-pattern`.
    pub(super) name: String,
    pub(super) text: Arc<str>,
    pub(super) is_builtin: bool,
}

/// Reads a rule; all of its faults if it has any.
pub(super) fn read(file: &RuleFile, tables: &[&str], with_examples: bool) -> Result<Rule, Vec<Diagnostic>> {
    let text = if with_examples { &*file.text } else { without_examples(&file.text) };
    let root = yaml::parse(text)
        .map_err(|error| vec![Diagnostic::new(&file.path, &file.text, error.span, error.message, error.label)])?;
    let mut reader = Reader { file, tables, is_thorough: with_examples, faults: Vec::new() };
    let rule = reader.rule(&root, with_examples);
    match rule {
        Some(rule) if reader.faults.is_empty() => Ok(rule),
        _ => {
            reader.faults.sort_by_key(|fault| fault.span.start);
            Err(reader.faults)
        }
    }
}

/// The text before the line `examples:`, which is the last key.
fn without_examples(text: &str) -> &str {
    match text.find("\nexamples:") {
        Some(at) => text.get(..=at).unwrap_or(text),
        None => text,
    }
}

/// Reads nodes of one file and collects faults.
pub(super) struct Reader<'a> {
    file: &'a RuleFile,
    tables: &'a [&'a str],
    is_thorough: bool,
    faults: Vec<Diagnostic>,
}

impl<'a> Reader<'a> {
    fn names<'b>(&self, bound: Option<(&'b str, &'b Kind)>) -> Names<'b>
    where
        'a: 'b,
    {
        Names { bound, tables: self.tables, is_thorough: self.is_thorough }
    }

    pub(super) fn fault(&mut self, span: Range<usize>, message: impl Into<String>, label: impl Into<String>) {
        self.fault_with_help(span, message, label, None);
    }

    pub(super) fn fault_with_help(
        &mut self,
        span: Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
        help: Option<String>,
    ) {
        let fault = Diagnostic::new(&self.file.path, &self.file.text, span, message, label).with_help(help);
        self.faults.push(fault);
    }

    pub(super) fn line(&self, at: usize) -> usize {
        self.file.text.get(..at).unwrap_or_default().matches('\n').count() + 1
    }

    pub(super) fn source(&self, span: Range<usize>) -> String {
        self.file.text.get(span).unwrap_or_default().trim_end().to_owned()
    }

    /// Refuses keys that are not among these.
    pub(super) fn keys(&mut self, members: &[Member], valid: &[&str], of_what: &str) {
        for member in members {
            if !valid.contains(&member.key.as_str()) {
                let help = did_you_mean(&member.key, valid.iter().copied())
                    .or_else(|| Some(format!("the keys are {}", valid.join(", "))));
                let message = format!("{of_what} has no key `{}`", member.key);
                self.fault_with_help(member.key_span.clone(), message, "unknown key", help);
            }
        }
    }

    fn rule(&mut self, root: &Node, with_examples: bool) -> Option<Rule> {
        let Value::Map(members) = &root.value else {
            self.fault(root.span.clone(), format!("{} instead of a rule", root.describe()), "expected keys and values");
            return None;
        };
        self.keys(members, KEYS, "a rule");
        let is_complete = self.needed(members, with_examples);
        let target = root.get("target").and_then(|node| self.target(node));
        let form = self.form(&|key| root.get(key));
        let cluster = root.get("cluster").map(|node| self.cluster(root, node, target));
        let references = self.texts(root, "references");
        for reference in root.get("references").into_iter().flat_map(elements) {
            self.reference(reference);
        }
        let symptoms = self.texts(root, "symptoms");
        if with_examples {
            for symptom in root.get("symptoms").into_iter().flat_map(elements) {
                self.symptom(symptom);
            }
        }
        let examples = match root.get("examples") {
            Some(node) if with_examples => example::read(self, node),
            _ => Vec::new(),
        };
        self.duplicate_names(&examples);
        let title = self.text(root, "title");
        let why = self.text(root, "why");
        let gate = root.get("gate").and_then(|node| self.bool(node)).unwrap_or(false);
        let tags = self.texts(root, "tags");
        let aliases = self.texts(root, "aliases");
        let (form, target) = (form?, target?);
        let cluster = match cluster {
            Some(cluster) => Some(cluster?),
            None => None,
        };
        let mut severities: Vec<Severity> = std::iter::once(&form)
            .chain(&cluster)
            .flat_map(|form| form.severity.iter().map(|case| case.value))
            .collect();
        severities.sort_by(|this, that| that.cmp(this));
        severities.dedup();
        is_complete.then(|| Rule {
            name: self.file.name.clone(),
            title,
            severity: severities.first().copied().unwrap_or(Severity::Medium),
            severities,
            target,
            has_cluster_form: cluster.is_some(),
            gate,
            tags,
            why,
            fix: form
                .fix
                .iter()
                .map(|case| FixCase {
                    when: case.when.as_ref().map(|when| when.source.clone()),
                    text: case.value.source.trim().to_owned(),
                })
                .collect(),
            symptoms,
            references,
            aliases,
            examples,
            path: self.file.path.clone(),
            is_builtin: self.file.is_builtin,
            when: form.when.as_ref().map(|when| when.source.clone()),
            expect: form.expect.source.clone(),
            form,
            cluster,
        })
    }

    fn needed(&mut self, members: &[Member], with_examples: bool) -> bool {
        let mut is_complete = true;
        let examples: &[&str] = if with_examples { &["examples"] } else { &[] };
        for key in NEEDED.iter().chain(examples) {
            if !members.iter().any(|member| member.key == *key) {
                self.fault(0..0, format!("the rule has no `{key}`"), format!("expected the key `{key}` in this file"));
                is_complete = false;
            }
        }
        if let Some(at) = members.iter().position(|member| member.key == "examples")
            && let Some(after) = members.get(at + 1)
        {
            self.fault(
                after.key_span.clone(),
                format!("`{}` behind `examples`", after.key),
                "`examples` is the last key",
            );
            is_complete = false;
        }
        is_complete
    }

    fn target(&mut self, node: &Node) -> Option<Target> {
        let targets = [("host", Target::Host), ("cluster", Target::Cluster), ("gate", Target::Gate)];
        let named = node.text().and_then(|text| targets.iter().find(|(name, _)| *name == text));
        if named.is_none() {
            let help = node.text().and_then(|text| did_you_mean(text, targets.iter().map(|(name, _)| *name)));
            self.fault_with_help(node.span.clone(), "an unknown target", "expected host, cluster or gate", help);
        }
        named.map(|(_, target)| *target)
    }

    fn cluster(&mut self, root: &Node, node: &Node, target: Option<Target>) -> Option<Form> {
        let Value::Map(members) = &node.value else {
            self.fault(
                node.span.clone(),
                format!("{} as the second form", node.describe()),
                "expected keys and values",
            );
            return None;
        };
        if target.is_some_and(|target| target != Target::Host) {
            self.fault(node.span.clone(), "a second form without a first", "only rules with `target: host` have one");
        }
        self.keys(members, CLUSTER_KEYS, "the second form");
        let before = self.faults.len();
        let form = self.form(&|key| node.get(key).or_else(|| root.get(key)));
        // What it takes over from the first form has been complained about.
        let own = node.span.clone();
        let mut at = 0;
        self.faults.retain(|fault| {
            at += 1;
            at <= before || own.contains(&fault.span.start)
        });
        form
    }

    fn form<'n>(&mut self, find: &dyn Fn(&str) -> Option<&'n Node>) -> Option<Form> {
        let plain = self.names(None);
        let when = find("when").map(|node| self.condition(node, plain));
        let each = find("each").map(|node| self.each(node, find));
        let each = match each {
            Some(each) => Some(each?),
            None => {
                for key in ["as", "key"] {
                    if let Some(node) = find(key) {
                        self.fault(node.span.clone(), format!("`{key}` without `each`"), "expected `each` too");
                    }
                }
                None
            }
        };
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

    fn text(&mut self, root: &Node, key: &str) -> String {
        let Some(node) = root.get(key) else { return String::new() };
        match node.text().map(str::trim) {
            Some(text) if !text.is_empty() => text.to_owned(),
            _ => {
                self.fault(node.span.clone(), format!("`{key}` is {}", node.describe()), "expected words");
                String::new()
            }
        }
    }

    fn texts(&mut self, root: &Node, key: &str) -> Vec<String> {
        let Some(node) = root.get(key) else { return Vec::new() };
        let Value::List(list) = &node.value else {
            self.fault(node.span.clone(), format!("`{key}` is {}", node.describe()), "expected a list of texts");
            return Vec::new();
        };
        let mut texts = Vec::new();
        for element in list {
            match element.text() {
                Some(text) => texts.push(text.to_owned()),
                None => self.fault(element.span.clone(), format!("{} in `{key}`", element.describe()), "expected text"),
            }
        }
        texts
    }

    pub(super) fn bool(&mut self, node: &Node) -> Option<bool> {
        match &node.value {
            Value::Scalar { text, style: Style::Plain } if text == "true" => Some(true),
            Value::Scalar { text, style: Style::Plain } if text == "false" => Some(false),
            _ => {
                self.fault(node.span.clone(), "neither true nor false", "expected `true` or `false`");
                None
            }
        }
    }

    fn reference(&mut self, node: &Node) {
        if node.text().is_some_and(|text| !text.starts_with("https://") && !text.starts_with("http://")) {
            self.fault(node.span.clone(), "a reference that is no URL", "expected https://…");
        }
    }

    fn symptom(&mut self, node: &Node) {
        if let Some(Err(problem)) = node.text().map(compile_pattern) {
            self.fault(node.span.clone(), "a symptom that is no regular expression", problem);
        }
    }

    fn duplicate_names(&mut self, examples: &[Example]) {
        for (at, example) in examples.iter().enumerate() {
            if examples.iter().take(at).any(|earlier| earlier.name == example.name) {
                let message = format!("two examples are named `{}`", example.name);
                self.fault(example.span.clone(), message, "expected a name of its own");
            }
        }
    }
}

fn elements(node: &Node) -> &[Node] {
    match &node.value {
        Value::List(list) => list,
        _ => &[],
    }
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

/// Where a byte of a scalar's value stands in the file: exact for what is
/// written as it reads, and in the right line for folded and escaped text.
fn place_in_file(text: &str, node: &Node, offset: usize) -> usize {
    let Value::Scalar { text: value, style } = &node.value else { return node.span.start };
    let raw = text.get(node.span.clone()).unwrap_or_default();
    let skipped = match style {
        Style::Plain => 0,
        Style::Quoted => 1,
        Style::Block if raw.starts_with(['|', '>']) => raw.find('\n').map_or(0, |at| at + 1),
        Style::Block => 0,
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
