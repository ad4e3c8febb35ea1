//! The tree and facts make a value, with three answers.
//!
//! What touches an unreadable fact is unknown, with that fact's reason, unless
//! other operands alone decide: Kleene's logic for `&&`, `||`, `? :`, `all`,
//! `exists`, `exists_one` and `in`. Nothing here fails: what cannot be
//! computed (a text where a number is needed, a division by zero, too many
//! steps) is unknown too, so a verdict never rests on it.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::rc::Rc;

use jiff::Timestamp;

use super::ast::{Call, Macro, Member, Node, NodeKind, Operator, Quantifier};
use super::value::{Origin, Path, Plain, Slot, Stop, Unknown, Value, slot};
use super::{compare, function};
use crate::fact::{Fact, Facts, Source};

/// Steps of one evaluation: about a tenth of a second at worst.
const STEPS: usize = 300_000;

/// The longest text that an expression may make, in bytes.
const TEXT_LIMIT: usize = 64 * 1024;

/// What expressions are evaluated against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct World<'f> {
    pub(crate) facts: &'f Facts,
    /// The tables of `rules/data`, as one group.
    pub(crate) data: &'f Fact,
    pub(crate) now: Timestamp,
    /// Whether a declared fact that is not there is absent, as examples have
    /// it. Otherwise it was not collected, and that is unknown.
    pub(crate) missing_is_absent: bool,
}

/// Evaluates the expressions of one rule.
pub(crate) struct Evaluator<'f> {
    world: World<'f>,
    locals: Vec<(&'f str, Slot<'f>)>,
    steps: usize,
}

impl<'f> Evaluator<'f> {
    pub(crate) fn new(world: World<'f>) -> Self {
        Evaluator { world, locals: Vec::new(), steps: 0 }
    }

    /// Binds a name for the expressions that follow.
    pub(crate) fn bind(&mut self, name: &'f str, value: Slot<'f>) {
        self.locals.push((name, value));
    }

    /// Takes back the last binding.
    pub(crate) fn unbind(&mut self) {
        self.locals.pop();
    }

    /// Gives each evaluation its own budget.
    pub(crate) fn evaluate(&mut self, node: &'f Node) -> Slot<'f> {
        self.steps = 0;
        let result = self.slot(node);
        // Nothing absorbs an exhausted budget: an answer without all of its
        // operands may be the wrong one.
        self.spend(0)?;
        result
    }

    pub(super) fn now(&self) -> Timestamp {
        self.world.now
    }

    /// Counts work; an error where the budget is used up.
    pub(super) fn spend(&mut self, steps: usize) -> Result<(), Stop<'f>> {
        self.steps = self.steps.saturating_add(steps);
        if self.steps > STEPS { Err(Stop::fault("the expression needs too many steps")) } else { Ok(()) }
    }

    /// Counts the work of making a text; an error where it is too long.
    pub(super) fn make_text(&mut self, length: usize) -> Result<(), Stop<'f>> {
        if length > TEXT_LIMIT {
            return Err(Stop::fault(format!("a text of more than {TEXT_LIMIT} bytes")));
        }
        self.spend(1 + length / 64)
    }

    /// A value that is needed: an absent fact leaves the answer open.
    fn value(&mut self, node: &'f Node) -> Result<Value<'f>, Unknown<'f>> {
        self.slot(node).map_err(Stop::into_unknown)
    }

    fn truth(&mut self, node: &'f Node) -> Result<bool, Unknown<'f>> {
        let value = self.value(node)?;
        match value.plain {
            Plain::Bool(truth) => Ok(truth),
            _ => Err(Unknown::fault(format!("expected true or false, found {}", value.describe()))),
        }
    }

    fn slot(&mut self, node: &'f Node) -> Slot<'f> {
        self.spend(1)?;
        match &node.kind {
            NodeKind::Bool(truth) => Ok(Value::made(Plain::Bool(*truth))),
            NodeKind::Int(number) => Ok(Value::made(Plain::Int(*number))),
            NodeKind::Float(number) => Ok(Value::made(Plain::Float(*number))),
            NodeKind::Text(text) => Ok(Value::text(text.as_str())),
            NodeKind::Name(name) => self.name(name),
            NodeKind::Member(member) => self.member(member),
            NodeKind::Has(member) => match self.member(member) {
                Ok(_) => Ok(Value::made(Plain::Bool(true))),
                Err(Stop::Absent(_)) => Ok(Value::made(Plain::Bool(false))),
                Err(unknown) => Err(unknown),
            },
            NodeKind::Index(of, index) => self.index(of, index),
            NodeKind::Not(operand) => made(self.truth(operand).map(|truth| Plain::Bool(!truth))),
            NodeKind::Negate(operand) => self.negate(operand),
            NodeKind::And(left, right) => made(self.both(left, right, false).map(Plain::Bool)),
            NodeKind::Or(left, right) => made(self.both(left, right, true).map(Plain::Bool)),
            NodeKind::If(parts) => {
                let [condition, then, otherwise] = &**parts;
                self.choose(condition, then, otherwise)
            }
            NodeKind::Binary(operator, left, right) => self.binary(*operator, left, right),
            NodeKind::In(needle, range) => self.is_in(needle, range),
            NodeKind::List(elements) => {
                let elements = elements.iter().map(|element| self.slot(element)).collect();
                Ok(Value::list(elements, None))
            }
            NodeKind::Map(members) => self.map(members),
            NodeKind::Macro(quantifier) => self.quantify(quantifier),
            NodeKind::Default(fact, value) => match self.slot(fact) {
                Err(Stop::Absent(_)) => self.slot(value),
                known_or_not => known_or_not,
            },
            NodeKind::Call(call) => self.call(call),
        }
    }

    fn name(&mut self, name: &'f str) -> Slot<'f> {
        if let Some((_, value)) = self.locals.iter().rev().find(|(local, _)| *local == name) {
            return value.clone();
        }
        let root = || Rc::new(Path::Root(Cow::Borrowed(name)));
        match name {
            "now" => Ok(Value::made(Plain::Instant(self.world.now))),
            "data" => slot(self.world.data, root(), None),
            _ => match self.world.facts.roots().get(name) {
                Some(fact) => slot(fact, root(), None),
                None => self.missing(Origin { path: root(), source: None }),
            },
        }
    }

    /// A fact that is declared and yet not there.
    fn missing(&self, origin: Origin<'f>) -> Slot<'f> {
        Err(if self.world.missing_is_absent {
            Stop::Absent(origin)
        } else {
            Stop::Unknown(Unknown::unreadable(origin, "it was not collected"))
        })
    }

    fn member(&mut self, member: &'f Member) -> Slot<'f> {
        // An absent or unreadable group answers for all of its members.
        let of = match self.slot(&member.of) {
            Ok(of) => of,
            Err(Stop::Absent(origin)) => {
                let path = Rc::new(Path::Member(origin.path, Cow::Borrowed(&member.name)));
                return Err(Stop::Absent(Origin { path, source: origin.source }));
            }
            Err(unknown) => return Err(unknown),
        };
        match of.member(&member.name) {
            Some(slot) => slot,
            None if !matches!(of.plain, Plain::Members(_) | Plain::Map(_)) => {
                Err(Stop::fault(format!("{} has no member `{}`", of.describe(), member.name)))
            }
            None if member.is_declared => self.missing(of.missing_member(&member.name)),
            None => Err(Stop::Absent(of.missing_member(&member.name))),
        }
    }

    fn index(&mut self, of: &'f Node, index: &'f Node) -> Slot<'f> {
        let of = self.slot(of);
        let index = self.value(index).map_err(Stop::Unknown)?;
        let of = match (of, &index.plain) {
            (Err(Stop::Absent(origin)), Plain::Text(key)) => {
                let path = Rc::new(Path::Member(origin.path, key.clone()));
                return Err(Stop::Absent(Origin { path, source: origin.source }));
            }
            (of, _) => of.map_err(|stop| Stop::Unknown(stop.into_unknown()))?,
        };
        match &index.plain {
            Plain::Text(key) => match of.member(key) {
                Some(slot) => slot,
                None if matches!(of.plain, Plain::Members(_) | Plain::Map(_)) => {
                    Err(Stop::Absent(of.missing_member(key)))
                }
                None => Err(Stop::fault(format!("{} has no members", of.describe()))),
            },
            Plain::Int(at) => {
                let Some(elements) = of.elements() else {
                    return Err(Stop::fault(format!("{} has no elements", of.describe())));
                };
                self.spend(elements.len())?;
                if let Some(doubt) = of.doubt() {
                    return Err(Stop::Unknown(doubt.clone()));
                }
                let found = usize::try_from(*at).ok().and_then(|at| elements.into_iter().nth(at));
                found.unwrap_or_else(|| Err(Stop::fault(format!("the list has no element {at}"))))
            }
            _ => Err(Stop::fault(format!("{} is no index", index.describe()))),
        }
    }

    fn negate(&mut self, operand: &'f Node) -> Slot<'f> {
        let value = self.value(operand).map_err(Stop::Unknown)?;
        match value.plain {
            Plain::Int(number) => match number.checked_neg() {
                Some(number) => Ok(Value::made(Plain::Int(number))),
                None => Err(Stop::fault("the number is too large")),
            },
            Plain::Float(number) => Ok(Value::made(Plain::Float(-number))),
            Plain::Duration(duration) => Ok(Value::made(Plain::Duration(-duration))),
            _ => Err(Stop::fault(format!("{} has no negative", value.describe()))),
        }
    }

    /// `&&` (decided by a false operand) and `||` (decided by a true one).
    fn both(&mut self, left: &'f Node, right: &'f Node, decides: bool) -> Result<bool, Unknown<'f>> {
        match self.truth(left) {
            Ok(truth) if truth == decides => Ok(decides),
            Ok(_) => self.truth(right),
            Err(unknown) => match self.truth(right) {
                Ok(truth) if truth == decides => Ok(decides),
                Ok(_) => Err(unknown),
                Err(other) => Err(unknown.and(other)),
            },
        }
    }

    /// `? :`; where the condition is unknown, two equal answers are the answer.
    fn choose(&mut self, condition: &'f Node, then: &'f Node, otherwise: &'f Node) -> Slot<'f> {
        match self.truth(condition) {
            Ok(true) => self.slot(then),
            Ok(false) => self.slot(otherwise),
            Err(unknown) => match (self.slot(then), self.slot(otherwise)) {
                (Ok(this), Ok(that)) if matches!(compare::equal(self, &this, &that), Ok(true)) => Ok(this),
                _ => Err(Stop::Unknown(unknown)),
            },
        }
    }

    fn binary(&mut self, operator: Operator, left: &'f Node, right: &'f Node) -> Slot<'f> {
        let (left, right) = match (self.value(left), self.value(right)) {
            (Ok(left), Ok(right)) => (left, right),
            (Err(unknown), Ok(_)) | (Ok(_), Err(unknown)) => return Err(Stop::Unknown(unknown)),
            (Err(unknown), Err(other)) => return Err(Stop::Unknown(unknown.and(other))),
        };
        let truth = match operator {
            Operator::Equal => compare::equal(self, &left, &right).map_err(Stop::Unknown)?,
            Operator::NotEqual => !compare::equal(self, &left, &right).map_err(Stop::Unknown)?,
            Operator::Less => compare::order(&left, &right)? == Ordering::Less,
            Operator::LessOrEqual => compare::order(&left, &right)? != Ordering::Greater,
            Operator::Greater => compare::order(&left, &right)? == Ordering::Greater,
            Operator::GreaterOrEqual => compare::order(&left, &right)? != Ordering::Less,
            _ => return super::arithmetic::compute(self, operator, &left, &right),
        };
        Ok(Value::made(Plain::Bool(truth)))
    }

    fn is_in(&mut self, needle: &'f Node, range: &'f Node) -> Slot<'f> {
        let range = self.value(range).map_err(Stop::Unknown)?;
        let needle = self.value(needle).map_err(Stop::Unknown)?;
        if let Some(elements) = range.elements() {
            let mut open = range.doubt().cloned();
            for element in elements {
                self.spend(1)?;
                match element.map_err(Stop::into_unknown).and_then(|value| compare::equal(self, &needle, &value)) {
                    Ok(true) => return Ok(Value::made(Plain::Bool(true))),
                    Ok(false) => {}
                    Err(unknown) => open = Some(add(open, unknown)),
                }
            }
            return made(open.map_or(Ok(Plain::Bool(false)), Err));
        }
        let Plain::Text(key) = &needle.plain else {
            return Err(Stop::fault(format!("{} is in no group", needle.describe())));
        };
        match range.member(key) {
            Some(Ok(_)) => Ok(Value::made(Plain::Bool(true))),
            Some(Err(Stop::Absent(_))) => Ok(Value::made(Plain::Bool(false))),
            Some(Err(unknown)) => Err(unknown),
            None if matches!(range.plain, Plain::Members(_) | Plain::Map(_)) => Ok(Value::made(Plain::Bool(false))),
            None => Err(Stop::fault(format!("nothing is in {}", range.describe()))),
        }
    }

    fn map(&mut self, members: &'f [(Node, Node)]) -> Slot<'f> {
        let mut made = Vec::new();
        for (key, value) in members {
            let key = self.value(key).map_err(Stop::Unknown)?;
            let Plain::Text(key) = &key.plain else {
                return Err(Stop::fault("the keys of a map are texts"));
            };
            made.push((key.to_string(), self.slot(value)));
        }
        Ok(Value::made(Plain::Map(Rc::new(made))))
    }

    /// What a macro walks: the elements of a list, or the keys of a group.
    fn walk(&mut self, range: &'f Node) -> Result<(Vec<Slot<'f>>, Option<Unknown<'f>>), Stop<'f>> {
        let range = self.value(range).map_err(Stop::Unknown)?;
        let elements = match &range.plain {
            Plain::Members(members) => members
                .iter()
                .filter(|(_, fact)| !matches!(fact, Fact::Absent { .. }))
                .map(|(key, _)| Ok(Value::text(key.as_str())))
                .collect(),
            Plain::Map(members) => members.iter().map(|(key, _)| Ok(Value::text(key.clone()))).collect(),
            _ => match range.elements() {
                Some(elements) => elements,
                None => return Err(Stop::fault(format!("{} cannot be walked", range.describe()))),
            },
        };
        self.spend(elements.len())?;
        Ok((elements, range.doubt().cloned()))
    }

    fn quantify(&mut self, quantifier: &'f Macro) -> Slot<'f> {
        let (elements, mut open) = self.walk(&quantifier.range)?;
        let mut chosen = Vec::new();
        let mut count = 0_usize;
        for element in elements {
            self.locals.push((&quantifier.name, element));
            let holds = quantifier.condition.as_ref().map_or(Ok(true), |condition| self.truth(condition));
            let body = match (&holds, &quantifier.body) {
                (Ok(true), Some(body)) => Some(self.slot(body)),
                _ => None,
            };
            self.locals.pop();
            match (quantifier.what, holds) {
                (_, Err(unknown)) => open = Some(add(open, unknown)),
                (Quantifier::All, Ok(false)) => return Ok(Value::made(Plain::Bool(false))),
                (Quantifier::Exists, Ok(true)) => return Ok(Value::made(Plain::Bool(true))),
                (Quantifier::ExistsOne, Ok(true)) => count += 1,
                (Quantifier::Map | Quantifier::Filter, Ok(true)) => chosen.extend(body),
                (_, Ok(_)) => {}
            }
        }
        match quantifier.what {
            // An element that may belong to the list does not spoil the others.
            Quantifier::Map | Quantifier::Filter => Ok(Value::list(chosen, open)),
            Quantifier::ExistsOne if count > 1 => Ok(Value::made(Plain::Bool(false))),
            what => match open {
                Some(unknown) => Err(Stop::Unknown(unknown)),
                None => Ok(Value::made(Plain::Bool(match what {
                    Quantifier::All => true,
                    Quantifier::ExistsOne => count == 1,
                    _ => false,
                }))),
            },
        }
    }

    fn call(&mut self, call: &'f Call) -> Slot<'f> {
        let mut arguments = Vec::with_capacity(call.arguments.len());
        let mut open = None;
        for argument in &call.arguments {
            match self.value(argument) {
                Ok(value) => arguments.push(value),
                Err(unknown) => open = Some(add(open, unknown)),
            }
        }
        if let Some(unknown) = open {
            return Err(Stop::Unknown(unknown));
        }
        for argument in &arguments {
            if let Plain::Text(text) = &argument.plain {
                self.spend(text.len() / 64)?;
            }
        }
        if let [Value { plain: Plain::Text(text), .. }, Value { plain: Plain::Text(pattern), .. }] = &arguments[..]
            && call.name == "matches"
        {
            let compiled = match call.pattern.get() {
                Some(compiled) => compiled,
                None => match super::compile_pattern(pattern) {
                    Ok(compiled) => call.pattern.get_or_init(|| compiled),
                    Err(error) => return Err(Stop::fault(error)),
                },
            };
            return Ok(Value::made(Plain::Bool(compiled.is_match(text))));
        }
        function::call(self, &call.name, &call.candidates, &arguments)
    }

    /// The row of a product's cycle: the exact one, else the longest prefix
    /// that ends at a dot.
    pub(super) fn lifecycle(&mut self, product: &str, cycle: &str) -> Slot<'f> {
        let path = |cycle: &str| Rc::new(Path::Root(Cow::Owned(format!("lifecycle({product}, {cycle})"))));
        let products = self.world.data.member("lifecycle").and_then(|table| table.member("products"));
        let source: Option<&'f Source> = products.and_then(Fact::source);
        let absent = || Err(Stop::Absent(Origin { path: path(cycle), source }));
        let Some(cycles) = products.and_then(|products| products.member(product)) else { return absent() };
        let mut wanted = cycle;
        loop {
            if let Some(row) = cycles.member(wanted) {
                return slot(row, path(wanted), cycles.source().or(source));
            }
            match wanted.rsplit_once('.') {
                Some((shorter, _)) => wanted = shorter,
                None => return absent(),
            }
        }
    }

    /// Whether a value equals one of those before it.
    pub(super) fn is_among(&mut self, value: &Value<'f>, others: &[Slot<'f>]) -> Result<bool, Stop<'f>> {
        for other in others.iter().flatten() {
            self.spend(1)?;
            if compare::equal(self, value, other).map_err(Stop::Unknown)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A list in the order of its values.
    pub(super) fn sort(&mut self, mut values: Vec<Value<'f>>) -> Slot<'f> {
        self.spend(values.len())?;
        let mut fault = None;
        values.sort_by(|left, right| match compare::sort_order(left, right) {
            Ok(ordering) => ordering,
            Err(stop) => {
                fault.get_or_insert(stop);
                Ordering::Equal
            }
        });
        match fault {
            Some(stop) => Err(stop),
            None => Ok(Value::list(values.into_iter().map(Ok).collect(), None)),
        }
    }
}

fn made<'f>(plain: Result<Plain<'f>, Unknown<'f>>) -> Slot<'f> {
    plain.map(Value::made).map_err(Stop::Unknown)
}

fn add<'f>(open: Option<Unknown<'f>>, more: Unknown<'f>) -> Unknown<'f> {
    match open {
        Some(unknown) => unknown.and(more),
        None => more,
    }
}
