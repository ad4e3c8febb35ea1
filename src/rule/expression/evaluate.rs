//! The tree and facts make a value, with three answers.
//!
//! What touches an unreadable fact is unknown, with that fact's reason, unless
//! other operands alone decide: Kleene's logic for `&&`, `||`, `? :`, `all`,
//! `exists`, `exists_one` and `in`. Nothing here fails: what cannot be
//! computed (a text where a number is needed, a division by zero, too many
//! steps) is unknown too, so a verdict never rests on it.

use std::cmp::Ordering;
use std::rc::Rc;

use jiff::Timestamp;

use super::ast::{Call, Node, NodeKind, Operator};
use super::value::{Plain, Slot, Stop, Unknown, Value};
use super::{compare, function};
use crate::fact::Facts;
use crate::rule::data::Tables;

/// Steps of one evaluation: about a tenth of a second at worst.
const STEPS: usize = 300_000;

/// Further ones for each element of the longest list of facts that it walks: a
/// cluster may have a hundred thousand workloads.
const STEPS_OF_ELEMENT: usize = 64;

/// The longest text that an expression may make, in bytes.
const TEXT_LIMIT: usize = 64 * 1024;

/// What expressions are evaluated against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct World<'f> {
    pub(crate) facts: &'f Facts,
    /// The other side of a join: the cluster of a host.
    pub(crate) beside: Option<&'f Facts>,
    /// The tables of `rules/data`.
    pub(crate) data: &'f Tables,
    pub(crate) now: Timestamp,
    /// Whether a declared fact that is not there is absent, as examples have
    /// it. Otherwise it was not collected, and that is unknown.
    pub(crate) missing_is_absent: bool,
}

/// Evaluates the expressions of one rule.
pub(crate) struct Evaluator<'f> {
    pub(super) world: World<'f>,
    pub(super) locals: Vec<(&'f str, Slot<'f>)>,
    steps: usize,
    /// How many there may be.
    limit: usize,
}

impl<'f> Evaluator<'f> {
    pub(crate) fn new(world: World<'f>) -> Self {
        Evaluator { world, locals: Vec::new(), steps: 0, limit: STEPS }
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
        (self.steps, self.limit) = (0, STEPS);
        let result = self.slot(node);
        // Nothing absorbs an exhausted budget: an answer without all of its
        // operands may be the wrong one.
        self.spend(0)?;
        result
    }

    pub(super) fn now(&self) -> Timestamp {
        self.world.now
    }

    /// Lets a list of facts be walked, however long it is: facts are as many as
    /// there are, and what an expression makes of them is not.
    pub(super) fn allow(&mut self, elements: usize) {
        self.limit = self.limit.max(STEPS.saturating_add(elements.saturating_mul(STEPS_OF_ELEMENT)));
    }

    /// Counts work; an error where the budget is used up.
    pub(super) fn spend(&mut self, steps: usize) -> Result<(), Stop<'f>> {
        self.steps = self.steps.saturating_add(steps);
        if self.steps > self.limit { Err(Stop::fault("the expression needs too many steps")) } else { Ok(()) }
    }

    /// Counts the work of making a text; an error where it is too long.
    pub(super) fn make_text(&mut self, length: usize) -> Result<(), Stop<'f>> {
        if length > TEXT_LIMIT {
            return Err(Stop::fault(format!("a text of more than {TEXT_LIMIT} bytes")));
        }
        self.spend(1 + length / 64)
    }

    /// A value that is needed: an absent fact leaves the answer open.
    pub(super) fn value(&mut self, node: &'f Node) -> Result<Value<'f>, Unknown<'f>> {
        self.slot(node).map_err(Stop::into_unknown)
    }

    pub(super) fn truth(&mut self, node: &'f Node) -> Result<bool, Unknown<'f>> {
        let value = self.value(node)?;
        match value.plain {
            Plain::Bool(truth) => Ok(truth),
            _ => Err(Unknown::fault(format!("expected true or false, found {}", value.describe()))),
        }
    }

    pub(super) fn slot(&mut self, node: &'f Node) -> Slot<'f> {
        self.spend(1)?;
        match &node.kind {
            NodeKind::Bool(truth) => Ok(Value::made(Plain::Bool(*truth))),
            NodeKind::Int(number) => Ok(Value::made(Plain::Int(*number))),
            NodeKind::Float(number) => Ok(Value::made(Plain::Float(*number))),
            NodeKind::Text(text) => Ok(Value::text(&**text)),
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
                None => match super::pattern::compile_pattern(pattern) {
                    Ok(compiled) => call.pattern.get_or_init(|| compiled),
                    Err(error) => return Err(Stop::fault(error)),
                },
            };
            return Ok(Value::made(Plain::Bool(compiled.is_match(text))));
        }
        function::call(self, &call.name, &call.candidates, &arguments)
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

pub(super) fn made<'f>(plain: Result<Plain<'f>, Unknown<'f>>) -> Slot<'f> {
    plain.map(Value::made).map_err(Stop::Unknown)
}

pub(super) fn add<'f>(open: Option<Unknown<'f>>, more: Unknown<'f>) -> Unknown<'f> {
    match open {
        Some(unknown) => unknown.and(more),
        None => more,
    }
}
