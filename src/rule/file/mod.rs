//! One rule file: its keys, each checked, with every fault at its place.

mod form;
mod place;
pub(super) mod symptom;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::diagnostic::{Diagnostic, did_you_mean};
use super::example::Example;
use super::expression::{Kind, Names, check_pattern};
use super::tree;
use super::yaml::{self, Member, Node, Style, Value};
use super::{Rule, Severity, Target, example, form_text};

/// The keys of a rule file.
const KEYS: &[&str] = &[
    "title",
    "severity",
    "target",
    "gate",
    "manifests",
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

/// A rule file to read.
pub(super) struct RuleFile {
    /// As the user named it, or `rules/…` for a built-in rule.
    pub(super) path: String,
    /// `area/bad-pattern`.
    pub(super) name: String,
    pub(super) text: Cow<'static, str>,
    /// Of a built-in rule: its text without examples, parsed; else empty.
    pub(super) tree: &'static [u8],
    pub(super) is_builtin: bool,
}

/// How much of a rule is read.
#[derive(Clone, Copy)]
pub(super) struct Extent {
    pub(super) with_examples: bool,
    /// Whether the form that judges the cluster is read, or only that it is there.
    pub(super) with_cluster: bool,
}

/// Reads a rule; all of its faults if it has any.
pub(super) fn read(file: &RuleFile, tables: &[&str], extent: Extent) -> Result<Rule, Vec<Diagnostic>> {
    let Extent { with_examples, .. } = extent;
    let parsed = if with_examples { None } else { tree::read(&mut &*file.tree) };
    let root = match parsed {
        Some(root) => root,
        None => parse(file, with_examples)?,
    };
    let mut reader = Reader { file, tables, is_thorough: with_examples, text: None, faults: Vec::new() };
    let rule = reader.rule(&root, extent);
    match rule {
        Some(rule) if reader.faults.is_empty() => Ok(rule),
        _ => {
            reader.faults.sort_by_key(|fault| fault.span.start);
            Err(reader.faults)
        }
    }
}

fn parse(file: &RuleFile, with_examples: bool) -> Result<Node, Vec<Diagnostic>> {
    let text = if with_examples { &*file.text } else { tree::without_examples(&file.text) };
    yaml::parse(text).map_err(|error| {
        vec![Diagnostic::new(&file.path, &Arc::from(&*file.text), error.span, error.message, error.label)]
    })
}

/// Reads nodes of one file and collects faults.
pub(super) struct Reader<'a> {
    file: &'a RuleFile,
    tables: &'a [&'a str],
    is_thorough: bool,
    text: Option<Arc<str>>,
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
        // Faults share the text; a good file is not copied.
        let text = self.text.get_or_insert_with(|| Arc::from(&*self.file.text));
        let fault = Diagnostic::new(&self.file.path, text, span, message, label).with_help(help);
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
            if !valid.contains(&&*member.key) {
                let help = did_you_mean(&member.key, valid.iter().copied())
                    .or_else(|| Some(format!("the keys are {}", valid.join(", "))));
                let message = format!("{of_what} has no key `{}`", member.key);
                self.fault_with_help(member.key_span.clone(), message, "unknown key", help);
            }
        }
    }

    fn rule(&mut self, root: &Node, Extent { with_examples, with_cluster }: Extent) -> Option<Rule> {
        let Value::Map(members) = &root.value else {
            self.fault(root.span.clone(), format!("{} instead of a rule", root.describe()), "expected keys and values");
            return None;
        };
        self.keys(members, KEYS, "a rule");
        let is_complete = self.needed(members, with_examples);
        let target = root.get("target").and_then(|node| self.target(node));
        let form = self.form(&|key| root.get(key));
        let second = root.get("cluster");
        let cluster = second.filter(|_| with_cluster).map(|node| self.cluster(root, node, target));
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
        let manifests = root.get("manifests").and_then(|node| self.bool(node)).unwrap_or(false);
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
            .chain(second.and_then(|node| node.get("severity")).into_iter().flat_map(form::severities))
            .collect();
        severities.sort_by(|this, that| that.cmp(this));
        severities.dedup();
        is_complete.then(|| Rule {
            name: self.file.name.clone(),
            title,
            severity: severities.first().copied().unwrap_or(Severity::Medium),
            severities,
            target,
            has_cluster_form: second.is_some(),
            gate,
            manifests,
            tags,
            why,
            fix: form_text::fixes(&form),
            symptoms,
            references,
            aliases,
            examples,
            path: self.file.path.clone(),
            is_builtin: self.file.is_builtin,
            when: form.when.as_ref().map(|when| when.source.to_string()),
            expect: form.expect.source.to_string(),
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
        let named = node.text().and_then(Target::named);
        if named.is_none() {
            let help = node.text().and_then(|text| did_you_mean(text, Target::ALL.map(|(name, _)| name)));
            self.fault_with_help(node.span.clone(), "an unknown target", "expected host, cluster or gate", help);
        }
        named
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
        if let Some(Err(problem)) = node.text().map(check_pattern) {
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
