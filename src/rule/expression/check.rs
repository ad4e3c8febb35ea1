//! Names and kinds of an expression against the catalogue of facts, before
//! there are facts: CEL itself would find a misspelt name only when it is
//! touched, and a rule that is wrong must not be silently unknown.

use std::collections::BTreeSet;
use std::ops::Range;

use super::Fault;
use super::ast::{Call, Macro, Member, Node, NodeKind, Operator, Quantifier};
use super::function::{self, Takes};
use super::kind::{Branch, CATALOGUE, Kind};
use super::parse::Places;
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
    /// Catalogue paths of the facts that are read.
    pub(crate) facts: BTreeSet<&'static str>,
    pub(crate) faults: Vec<Fault>,
}

/// Checks an expression, marks what is declared and leaves only functions that fit.
pub(crate) fn check(source: &str, node: &mut Node, names: Names<'_>) -> Checked {
    let locals = names.bound.map(|(name, kind)| (name.to_owned(), kind.clone())).into_iter().collect();
    let mut checker =
        Checker { places: Places::new(source), names, locals, facts: BTreeSet::new(), faults: Vec::new() };
    let kind = checker.value(node);
    Checked { kind, facts: checker.facts, faults: checker.faults }
}

struct Checker<'a> {
    places: Places<'a>,
    names: Names<'a>,
    locals: Vec<(String, Kind)>,
    facts: BTreeSet<&'static str>,
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
        if let Kind::Group(branch) = kind {
            self.facts.insert(&branch.path);
        }
        kind
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
                if let Kind::Group(branch) = kind {
                    self.facts.insert(&branch.path);
                }
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

    fn name(&mut self, id: u64, name: &str) -> Kind {
        if let Some((_, kind)) = self.locals.iter().rev().find(|(local, _)| local == name) {
            return kind.clone();
        }
        match name {
            "now" => return Kind::Instant,
            "data" => return Kind::Any,
            _ => {}
        }
        if let Some(branch) = CATALOGUE.members.get(name) {
            return self.branch(branch);
        }
        let locals: Vec<String> = self.locals.iter().map(|(local, _)| local.clone()).collect();
        let valid = CATALOGUE.members.keys().copied().chain(locals.iter().map(String::as_str)).chain(["now", "data"]);
        let help = did_you_mean(name, valid);
        let span = self.places.of(id);
        self.fault(span, format!("there is no fact `{name}`"), "not a fact, nor a name bound here".to_owned(), help);
        Kind::Any
    }

    /// The kind of a fact or group; a fact is noted as read.
    fn branch(&mut self, branch: &'static Branch) -> Kind {
        let kind = branch.kind();
        if let (Some(fact), false) = (branch.fact, matches!(kind, Kind::Group(_))) {
            self.facts.insert(fact.path);
        }
        kind
    }

    fn member(&mut self, id: u64, member: &mut Member) -> Kind {
        if let NodeKind::Name(name) = &member.of.kind
            && name == "data"
            && !self.locals.iter().any(|(local, _)| local == "data")
        {
            return self.table(id, &member.name);
        }
        let of = self.kind(&mut member.of);
        let name = member.name.as_str();
        let (valid, of_what): (Vec<&str>, String) = match &of {
            Kind::Any => return Kind::Any,
            Kind::Map(value) => return (**value).clone(),
            Kind::Group(branch) => {
                if let Some(inner) = branch.members.get(name) {
                    member.is_declared = true;
                    return self.branch(inner);
                }
                (branch.members.keys().copied().collect(), format!("fact `{}.{name}`", branch.path))
            }
            Kind::Object(fields) => {
                if let Some(field) = fields.iter().find(|field| field.name == name) {
                    return Kind::of(field.kind);
                }
                (fields.iter().map(|field| field.name).collect(), format!("member `{name}`"))
            }
            other => {
                let span = self.places.of_member(id, name);
                let message = format!("{other} has no members");
                let help = function::names(true)
                    .any(|function| function == name)
                    .then(|| format!("a function is called with brackets: `{name}()`"));
                self.fault(span, message, format!("`{name}` of {other}"), help);
                return Kind::Any;
            }
        };
        let help = did_you_mean(name, valid.iter().copied()).or_else(|| {
            let mut shown = valid.iter().take(12).copied().collect::<Vec<_>>().join(", ");
            if valid.len() > 12 {
                shown.push_str(", …");
            }
            Some(format!("there are: {shown}"))
        });
        let span = self.places.of_member(id, name);
        self.fault(span, format!("there is no {of_what}"), "no such name".to_owned(), help);
        Kind::Any
    }

    fn table(&mut self, id: u64, name: &str) -> Kind {
        if !self.names.tables.contains(&name) {
            let help = did_you_mean(name, self.names.tables.iter().copied());
            let span = self.places.of_member(id, name);
            self.fault(span, format!("there is no table `{name}`"), format!("no `rules/data/{name}.yaml`"), help);
        }
        Kind::Any
    }

    fn index(&mut self, of: &mut Node, index: &mut Node) -> Kind {
        let kind = self.value(of);
        match kind {
            Kind::List(element) => {
                self.expect(index, |kind| matches!(kind, Kind::Int), "a whole number");
                *element
            }
            Kind::Map(value) => {
                self.expect(index, |kind| matches!(kind, Kind::Text), "text");
                *value
            }
            Kind::Object(_) | Kind::Group(_) => {
                self.expect(index, |kind| matches!(kind, Kind::Text), "text");
                Kind::Any
            }
            Kind::Any => {
                self.value(index);
                Kind::Any
            }
            other => {
                let span = self.place(of);
                self.fault(span, format!("{other} has no elements"), "expected a list or a map".to_owned(), None);
                Kind::Any
            }
        }
    }

    fn binary(&mut self, id: u64, operator: Operator, left: &Kind, right: &Kind) -> Kind {
        use Operator::{Add, Equal, NotEqual, Subtract};
        let numbers = matches!(left, Kind::Int | Kind::Float) && matches!(right, Kind::Int | Kind::Float);
        let is_any = matches!(left, Kind::Any) || matches!(right, Kind::Any);
        let help = |checker: &mut Self, what: &str, help: Option<&str>| {
            let span = checker.places.of(id);
            let message = format!("{left} {} {right}", operator.sign());
            checker.fault(span, message, what.to_owned(), help.map(str::to_owned));
        };
        match operator {
            Equal | NotEqual => {
                if !left.fits(right) {
                    let hint = match (left, right) {
                        (Kind::Version, Kind::Text) | (Kind::Text, Kind::Version) => Some("write `version(\"…\")`"),
                        (Kind::Quantity, _) | (_, Kind::Quantity) => Some("write `quantity(…)` on both sides"),
                        _ => None,
                    };
                    help(self, "these are never equal", hint);
                }
                Kind::Bool
            }
            Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual => {
                let has_order = is_any
                    || numbers
                    || (left == right
                        && matches!(left, Kind::Version | Kind::Instant | Kind::Duration | Kind::Quantity));
                if !has_order {
                    let hint = (matches!(left, Kind::Text) || matches!(right, Kind::Text))
                        .then_some("compare with `version(…)`, `date(…)` or `quantity(…)`");
                    help(self, "these have no order", hint);
                }
                Kind::Bool
            }
            _ if numbers => {
                if matches!((left, right), (Kind::Int, Kind::Int)) {
                    Kind::Int
                } else {
                    Kind::Float
                }
            }
            Add if matches!((left, right), (Kind::Text, Kind::Text)) => Kind::Text,
            Add if matches!((left, right), (Kind::List(_), Kind::List(_))) => left.clone().or(right.clone()),
            Add if matches!((left, right), (Kind::Instant, Kind::Duration) | (Kind::Duration, Kind::Instant)) => {
                Kind::Instant
            }
            Subtract if matches!((left, right), (Kind::Instant, Kind::Duration)) => Kind::Instant,
            Subtract if matches!((left, right), (Kind::Instant, Kind::Instant)) => Kind::Duration,
            Add | Subtract if matches!((left, right), (Kind::Duration, Kind::Duration)) => Kind::Duration,
            _ if is_any => Kind::Any,
            _ => {
                let hint = matches!((left, right), (Kind::Text, _) | (_, Kind::Text))
                    .then_some("`string(…)` makes text of a number");
                help(self, "this cannot be computed", hint);
                Kind::Any
            }
        }
    }

    fn is_in(&mut self, id: u64, needle: &mut Node, range: &mut Node) -> Kind {
        let needle = self.value(needle);
        let range = self.value(range);
        let problem = match &range {
            Kind::Any => None,
            Kind::List(element) if needle.fits(element) => None,
            Kind::List(element) => Some((format!("{needle} in a list of {element}"), "never there", None)),
            Kind::Map(_) | Kind::Object(_) | Kind::Group(_) if needle.fits(&Kind::Text) => None,
            Kind::Text => Some((
                format!("{needle} in text"),
                "expected a list or a map",
                Some("`text.contains(part)` looks for a part of a text".to_owned()),
            )),
            other => Some((format!("{needle} in {other}"), "expected a list or a map", None)),
        };
        if let Some((message, label, help)) = problem {
            let span = self.places.of(id);
            self.fault(span, message, label.to_owned(), help);
        }
        Kind::Bool
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
        if CATALOGUE.members.contains_key(quantifier.name.as_str()) || ["now", "data"].contains(&&*quantifier.name) {
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
        let name = call.name.as_str();
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
            NodeKind::Text(pattern) => super::compile_pattern(pattern).err(),
            _ => Some("a pattern that is computed; write it out".to_owned()),
        };
        if let Some(problem) = problem {
            let span = self.places.of(argument.id);
            self.fault(span, "this is no regular expression".to_owned(), problem, None);
        }
    }
}
