//! Names and kinds of an expression against the catalogue of facts, before
//! there are facts: CEL itself would find a misspelt name only when it is
//! touched, and a rule that is wrong must not be silently unknown.

mod name;
mod operator;

use std::borrow::Cow;
use std::ops::Range;

use super::Fault;
use super::ast::{Call, Macro, Node, NodeKind, Quantifier};
use super::function::{self, Takes};
use super::kind::{CATALOGUE, Kind};
use super::places::Places;
use crate::rule::diagnostic::did_you_mean;

/// What an expression may name besides facts.
#[derive(Clone, Copy)]
pub(crate) struct Names<'a> {
    /// The name that `each` binds, and its kind.
    pub(crate) bound: Option<(&'a str, &'a Kind)>,
    /// The names of the tables of `rules/data`.
    pub(crate) tables: &'a [&'a str],
    /// Whether patterns are compiled to check them; built-in rules are checked
    /// by the tests, and loading them is on the way of every audit.
    pub(crate) is_thorough: bool,
}

/// What the check found out.
pub(crate) struct Checked {
    pub(crate) kind: Kind,
    /// Catalogue paths of the facts that are read, each once.
    pub(crate) facts: Vec<&'static str>,
    pub(crate) faults: Vec<Fault>,
}

/// Checks an expression, marks what is declared and leaves only functions that fit.
pub(crate) fn check(source: &str, node: &mut Node, names: Names<'_>) -> Checked {
    let locals = names.bound.map(|(name, kind)| (Cow::Borrowed(name), kind.clone())).into_iter().collect();
    let mut checker = Checker { places: Places::new(source), names, locals, facts: Vec::new(), faults: Vec::new() };
    let kind = checker.value(node);
    Checked { kind, facts: checker.facts, faults: checker.faults }
}

struct Checker<'a> {
    places: Places<'a>,
    names: Names<'a>,
    locals: Vec<(Cow<'a, str>, Kind)>,
    facts: Vec<&'static str>,
    faults: Vec<Fault>,
}

impl Checker<'_> {
    fn fault(&mut self, span: Range<usize>, message: String, label: String, help: Option<String>) {
        let mut fault = Fault::new(span, message, label);
        fault.help = help;
        self.faults.push(fault);
    }

    /// The kind of a part whose value is used: a whole group is read.
    fn value(&mut self, node: &mut Node) -> Kind {
        let kind = self.kind(node);
        self.reads_group(&kind);
        kind
    }

    /// Notes that a whole group is read; that a host is there is no fact of it.
    fn reads_group(&mut self, kind: &Kind) {
        if let Kind::Group(branch) = kind
            && !branch.path.is_empty()
        {
            self.reads(&branch.path);
        }
    }

    /// Notes that a fact is read.
    fn reads(&mut self, path: &'static str) {
        if !self.facts.contains(&path) {
            self.facts.push(path);
        }
    }

    fn expect(&mut self, node: &mut Node, fits: impl Fn(&Kind) -> bool, what: &str) -> Kind {
        let kind = self.value(node);
        if !matches!(kind, Kind::Any) && !fits(&kind) {
            let span = self.place(node);
            self.fault(span, format!("{kind} where {what} is needed"), format!("expected {what}"), None);
        }
        kind
    }

    fn truth(&mut self, node: &mut Node) {
        self.expect(node, |kind| matches!(kind, Kind::Bool), "true or false");
    }

    fn place(&mut self, node: &Node) -> Range<usize> {
        match &node.kind {
            NodeKind::Member(member) => {
                let end = self.places.of_member(node.id, &member.name);
                let start = self.place(&member.of);
                start.start..end.end
            }
            NodeKind::Call(call) if call.has_receiver => self.places.of_call(node.id, &call.name),
            _ => self.places.of(node.id),
        }
    }

    fn kind(&mut self, node: &mut Node) -> Kind {
        let id = node.id;
        match &mut node.kind {
            NodeKind::Bool(_) => Kind::Bool,
            NodeKind::Int(_) => Kind::Int,
            NodeKind::Float(_) => Kind::Float,
            NodeKind::Text(_) => Kind::Text,
            NodeKind::Name(name) => {
                let name = name.clone();
                self.name(id, &name)
            }
            NodeKind::Member(member) => self.member(id, member),
            NodeKind::Has(member) => {
                let kind = self.member(id, member);
                self.reads_group(&kind);
                Kind::Bool
            }
            NodeKind::Index(of, index) => self.index(of, index),
            NodeKind::Not(operand) => {
                self.truth(operand);
                Kind::Bool
            }
            NodeKind::Negate(operand) => {
                let is_number = |kind: &Kind| matches!(kind, Kind::Int | Kind::Float | Kind::Duration);
                self.expect(operand, is_number, "a number")
            }
            NodeKind::And(left, right) | NodeKind::Or(left, right) => {
                self.truth(left);
                self.truth(right);
                Kind::Bool
            }
            NodeKind::If(parts) => {
                let [condition, then, otherwise] = &mut **parts;
                self.truth(condition);
                self.value(then).or(self.value(otherwise))
            }
            NodeKind::Binary(operator, left, right) => {
                let operator = *operator;
                let (left, right) = (self.value(left), self.value(right));
                self.binary(id, operator, &left, &right)
            }
            NodeKind::In(needle, range) => self.is_in(id, needle, range),
            NodeKind::List(elements) => {
                let kinds: Vec<Kind> = elements.iter_mut().map(|element| self.value(element)).collect();
                Kind::List(Box::new(kinds.into_iter().reduce(Kind::or).unwrap_or(Kind::Any)))
            }
            NodeKind::Map(members) => {
                let mut values = Vec::new();
                for (key, value) in members {
                    self.expect(key, |kind| matches!(kind, Kind::Text), "text");
                    values.push(self.value(value));
                }
                Kind::Map(Box::new(values.into_iter().reduce(Kind::or).unwrap_or(Kind::Any)))
            }
            NodeKind::Macro(quantifier) => self.quantifier(id, quantifier),
            NodeKind::Default(fact, value) => {
                let (fact, value) = (self.value(fact), self.value(value));
                if !fact.fits(&value) {
                    let span = self.places.of(id);
                    let message = format!("the default is {value}, the fact {fact}");
                    self.fault(span, message, format!("expected {fact}"), None);
                }
                fact.or(value)
            }
            NodeKind::Call(call) => self.call(id, call),
        }
    }

    fn quantifier(&mut self, id: u64, quantifier: &mut Macro) -> Kind {
        let element = match self.value(&mut quantifier.range) {
            Kind::List(element) => *element,
            Kind::Map(_) | Kind::Object(_) | Kind::Group(_) => Kind::Text,
            Kind::Any => Kind::Any,
            other => {
                let span = self.place(&quantifier.range);
                self.fault(span, format!("{other} has no elements"), "expected a list or a map".to_owned(), None);
                Kind::Any
            }
        };
        if CATALOGUE.members.contains_key(&*quantifier.name) || ["now", "data"].contains(&&*quantifier.name) {
            let span = self.places.of(id);
            let message = format!("`{}` is a fact", quantifier.name);
            self.fault(span, message, "an element needs a name of its own".to_owned(), None);
        }
        self.locals.push((quantifier.name.clone(), element));
        if let Some(condition) = &mut quantifier.condition {
            self.truth(condition);
        }
        let body = quantifier.body.as_mut().map(|body| self.value(body));
        self.locals.pop();
        match quantifier.what {
            Quantifier::Map | Quantifier::Filter => Kind::List(Box::new(body.unwrap_or(Kind::Any))),
            _ => Kind::Bool,
        }
    }

    fn call(&mut self, id: u64, call: &mut Call) -> Kind {
        let name = &*call.name;
        if call.candidates.is_empty() {
            // A misspelt macro binds a name; only the macro is the fault.
            if let Some(receiver) = call.arguments.first_mut() {
                self.value(receiver);
            }
            let span = if call.has_receiver { self.places.of_call(id, name) } else { self.places.of(id) };
            let help = did_you_mean(name, function::names(call.has_receiver)).or_else(|| {
                let other = function::names(!call.has_receiver).any(|function| function == name);
                other.then(|| {
                    if call.has_receiver { format!("write `{name}(…)`") } else { format!("write `x.{name}(…)`") }
                })
            });
            self.fault(span, format!("there is no function `{name}`"), "unknown".to_owned(), help);
            return Kind::Any;
        }
        let kinds: Vec<Kind> = call.arguments.iter_mut().map(|argument| self.value(argument)).collect();
        let fits = |function: &&'static function::Function| {
            function.takes.len() == kinds.len()
                && function.takes.iter().zip(&kinds).all(|(takes, kind)| takes.accepts(kind))
        };
        let fitting: Vec<_> = call.candidates.iter().copied().filter(|function| fits(function)).collect();
        if fitting.is_empty() {
            let given: Vec<String> = kinds.iter().map(Kind::to_string).collect();
            let takes: Vec<String> = call
                .candidates
                .iter()
                .map(|function| function.takes.iter().map(|takes| takes.describe()).collect::<Vec<_>>().join(", "))
                .collect();
            let span = if call.has_receiver { self.places.of_call(id, name) } else { self.places.of(id) };
            let message = format!("{name}() does not take {}", given.join(", "));
            self.fault(span, message, format!("expected {}", takes.join("; or ")), None);
            return Kind::Any;
        }
        let pattern_at =
            fitting.iter().find_map(|function| function.takes.iter().position(|takes| *takes == Takes::Pattern));
        if let Some(argument) = pattern_at.and_then(|at| call.arguments.get(at)) {
            self.pattern(argument);
        }
        let kind = fitting.iter().map(|function| (function.gives)(&kinds)).reduce(Kind::or).unwrap_or(Kind::Any);
        call.candidates = fitting;
        kind
    }

    fn pattern(&mut self, argument: &Node) {
        let problem = match &argument.kind {
            NodeKind::Text(_) if !self.names.is_thorough => None,
            NodeKind::Text(pattern) => super::check_pattern(pattern).err(),
            _ => Some("a pattern that is computed; write it out".to_owned()),
        };
        if let Some(problem) = problem {
            let span = self.places.of(argument.id);
            self.fault(span, "this is no regular expression".to_owned(), problem, None);
        }
    }
}
