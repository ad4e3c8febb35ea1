//! The examples of a rule, which are its tests and its documentation.

use std::collections::BTreeMap;
use std::ops::Range;

use jiff::Timestamp;

use super::diagnostic::did_you_mean;
use super::expression::{CATALOGUE, Kind, World};
use super::file::Reader;
use super::judge::{Judgement, judge};
use super::yaml::{Node, Style, Value};
use super::{Rule, RuleSet, Severity, Target, Verdict};
use crate::fact::catalogue::Type;
use crate::fact::{Fact, Facts, Value as FactValue};

/// The instant of an example that names none.
const NOW: &str = "2026-11-23T00:00:00Z";

const KEYS: &[&str] =
    &["name", "verdict", "left_out", "target", "now", "facts", "unreadable", "severity", "message", "fix"];

/// One example of a rule.
#[derive(Clone, Debug)]
pub struct Example {
    /// What is shown.
    pub name: String,
    /// The verdicts that it must give: one, or one for each element.
    pub verdicts: Vec<Verdict>,
    /// Whether the setting is left out in it.
    pub left_out: bool,
    /// Its text in the rule file, for documentation.
    pub text: String,
    /// Its first line in the rule file, counted from 1.
    pub line: usize,
    /// The facts that it judges.
    pub facts: Facts,
    pub(super) is_list: bool,
    pub(super) now: Timestamp,
    pub(super) is_cluster: bool,
    pub(super) severity: Option<Severity>,
    pub(super) message: Option<String>,
    pub(super) fix: Option<String>,
    pub(super) span: Range<usize>,
}

/// An example that does not give what it says.
#[derive(Clone, Debug)]
pub struct ExampleFailure {
    /// The rule.
    pub rule: String,
    /// The example's name.
    pub example: String,
    /// The rule's file.
    pub path: String,
    /// The example's line in it.
    pub line: usize,
    /// Expected, got, and because of what.
    pub message: String,
}

/// Runs every example of a rule.
pub fn run(rules: &RuleSet, rule: &Rule) -> Vec<ExampleFailure> {
    run_with(&rules.data, rule)
}

pub(super) fn run_with(data: &Fact, rule: &Rule) -> Vec<ExampleFailure> {
    rule.examples
        .iter()
        .filter_map(|example| {
            let message = check(data, rule, example)?;
            Some(ExampleFailure {
                rule: rule.name.clone(),
                example: example.name.clone(),
                path: rule.path.clone(),
                line: example.line,
                message,
            })
        })
        .collect()
}

/// What is wrong with an example, if anything is.
fn check(data: &Fact, rule: &Rule, example: &Example) -> Option<String> {
    let form = match (&rule.cluster, example.is_cluster, rule.target) {
        (Some(cluster), true, _) => cluster,
        (None, true, Target::Host) => return Some("the rule has no second form for a cluster".to_owned()),
        _ => &rule.form,
    };
    let world = World { facts: &example.facts, data, now: example.now, missing_is_absent: true };
    let judgements = judge(form, world);
    let shown = || show(&judgements);
    if example.is_list {
        let got: Vec<Verdict> = judgements.iter().map(|judgement| judgement.verdict).collect();
        if got != example.verdicts {
            let expected: Vec<&str> = example.verdicts.iter().map(|verdict| verdict.name()).collect();
            return Some(format!("expected {}, got {}", expected.join(", "), shown()));
        }
    } else if let Some(expected) = example.verdicts.first()
        && worst(&judgements) != Some(*expected)
    {
        return Some(format!("expected {}, got {}", expected.name(), shown()));
    }
    let decisive: Vec<&Judgement> = judgements
        .iter()
        .filter(|judgement| example.is_list || Some(judgement.verdict) == example.verdicts.first().copied())
        .collect();
    if let Some(severity) = example.severity
        && !decisive.iter().any(|judgement| judgement.severity == severity)
    {
        let got: Vec<&str> = decisive.iter().map(|judgement| judgement.severity.name()).collect();
        return Some(format!("expected severity {}, got {}", severity.name(), got.join(", ")));
    }
    if let Some(part) = &example.message
        && !decisive.iter().any(|judgement| judgement.message.contains(part.as_str()))
    {
        return Some(format!("expected a message with `{part}`, got {}", shown()));
    }
    if let Some(part) = &example.fix
        && !decisive.iter().any(|judgement| judgement.fix.as_ref().is_some_and(|fix| fix.contains(part.as_str())))
    {
        let got: Vec<&str> = decisive.iter().filter_map(|judgement| judgement.fix.as_deref()).collect();
        return Some(format!("expected a fix with `{part}`, got {}", got.join(" | ")));
    }
    None
}

/// The verdict of many elements: a failure before what is unknown.
fn worst(judgements: &[Judgement]) -> Option<Verdict> {
    [Verdict::Fail, Verdict::Unknown, Verdict::Pass, Verdict::NotApplicable]
        .into_iter()
        .find(|verdict| judgements.iter().any(|judgement| judgement.verdict == *verdict))
}

fn show(judgements: &[Judgement]) -> String {
    let shown: Vec<String> = judgements
        .iter()
        .map(|judgement| match judgement.message.as_str() {
            "" => judgement.verdict.name().to_owned(),
            message => format!("{} ({message})", judgement.verdict.name()),
        })
        .collect();
    shown.join(", ")
}

/// Reads the examples of a rule file.
pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Vec<Example> {
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
    let now = super::expression::instant(now).ok().or_else(|| {
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
        match named {
            Some(verdict) => verdicts.push(verdict),
            None => {
                let names = ["pass", "fail", "unknown", "not-applicable"];
                let help = node.text().and_then(|text| did_you_mean(text, names));
                reader.fault_with_help(
                    node.span.clone(),
                    "an unknown verdict",
                    format!("expected {}", names.join(", ")),
                    help,
                );
            }
        }
    }
    (is_list, verdicts)
}

/// The part of the catalogue that a node stands at.
enum Place {
    Group(&'static super::expression::Branch),
    Fact(Type),
}

fn read_facts(reader: &mut Reader<'_>, node: &Node, facts: &mut Facts) {
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

fn read_unreadable(reader: &mut Reader<'_>, node: &Node, facts: &mut Facts) {
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
            Place::Group(branch) => match branch.members.get(segment) {
                Some(inner) => {
                    segments.push(segment.to_owned());
                    place = match inner.fact {
                        Some(fact) if inner.members.is_empty() => Place::Fact(fact.kind),
                        _ => Place::Group(inner),
                    };
                    rest = after;
                }
                None => {
                    let help = did_you_mean(segment, branch.members.keys().copied());
                    let message = format!("there is no fact `{path}`");
                    reader.fault_with_help(span.clone(), message, "no collector delivers it", help);
                    return None;
                }
            },
            Place::Fact(Type::Map(value)) => {
                segments.push(rest.to_owned());
                return Some((segments, Place::Fact(*value)));
            }
            Place::Fact(Type::Object(fields)) => match fields.iter().find(|field| field.name == segment) {
                Some(field) => {
                    segments.push(segment.to_owned());
                    place = Place::Fact(field.kind);
                    rest = after;
                }
                None => {
                    let help = did_you_mean(segment, fields.iter().map(|field| field.name));
                    reader.fault_with_help(span.clone(), format!("there is no fact `{path}`"), "no such member", help);
                    return None;
                }
            },
            Place::Fact(_) => {
                reader.fault(span.clone(), format!("there is no fact `{path}`"), "it has no members");
                return None;
            }
        }
    }
    Some((segments, place))
}

fn read_fact(reader: &mut Reader<'_>, node: &Node, place: &Place) -> Fact {
    if let Value::Map(members) = &node.value
        && let [only] = members.as_slice()
    {
        match only.key.as_str() {
            "$unreadable" => return unreadable(only.value.text().unwrap_or_default()),
            "$absent" => return Fact::Absent { source: None },
            _ => {}
        }
    }
    if let Value::Scalar { text, style: Style::Plain } = &node.value
        && matches!(text.as_str(), "" | "~" | "null")
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
            let mut fact = facts.get(&branch.path).cloned();
            fact.take().unwrap_or_else(|| Fact::group(BTreeMap::new()))
        }
        Place::Fact(kind) => match read_value(reader, node, *kind) {
            Some(value) => Fact::group(value),
            None => {
                let message = format!("{} where {} is expected", node.describe(), Kind::of(*kind));
                reader.fault(node.span.clone(), message, format!("expected {}", Kind::of(*kind)));
                Fact::Absent { source: None }
            }
        },
    }
}

/// A value of the declared type; none where the node is of another.
fn read_value(reader: &mut Reader<'_>, node: &Node, kind: Type) -> Option<FactValue> {
    match (&node.value, kind) {
        (Value::Scalar { text, .. }, Type::Text) => Some(FactValue::from(text.as_str())),
        (Value::Scalar { text, style: Style::Plain }, Type::Bool) => text.parse().ok().map(FactValue::Bool),
        (Value::Scalar { text, style: Style::Plain }, Type::Int) => text.parse().ok().map(FactValue::Int),
        (Value::Scalar { text, style: Style::Plain }, Type::Float) => text.parse().ok().map(FactValue::Float),
        (Value::List(elements), Type::List(element)) => {
            Some(FactValue::List(elements.iter().map(|node| read_fact(reader, node, &Place::Fact(*element))).collect()))
        }
        (Value::Map(members), Type::Map(value)) => {
            let mut map = BTreeMap::new();
            for member in members {
                map.insert(member.key.clone(), read_fact(reader, &member.value, &Place::Fact(*value)));
            }
            Some(FactValue::Map(map))
        }
        (Value::Map(members), Type::Object(fields)) => {
            let mut map = BTreeMap::new();
            for member in members {
                match fields.iter().find(|field| field.name == member.key) {
                    Some(field) => {
                        map.insert(member.key.clone(), read_fact(reader, &member.value, &Place::Fact(field.kind)));
                    }
                    None => {
                        let help = did_you_mean(&member.key, fields.iter().map(|field| field.name));
                        let message = format!("there is no member `{}`", member.key);
                        reader.fault_with_help(member.key_span.clone(), message, "no such name", help);
                    }
                }
            }
            Some(FactValue::Map(map))
        }
        _ => None,
    }
}
