//! The functions of rules: tables, each row with what it takes and gives.
//!
//! Those on texts and lists are CEL's own and those of its string extensions
//! (<https://github.com/google/cel-go/tree/master/ext>); the others are ours.

mod domain;
mod list;
mod text;

pub(crate) use domain::instant;

use super::evaluate::Evaluator;
use super::kind::Kind;
use super::value::{Plain, Slot, Stop, Value};

/// A function of rules.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: &'static str,
    /// Whether it is called as `x.name(…)`; then `x` is the first argument.
    pub(crate) has_receiver: bool,
    pub(crate) takes: &'static [Takes],
    pub(crate) gives: fn(&[Kind]) -> Kind,
    run: for<'f> fn(&mut Evaluator<'f>, &[Value<'f>]) -> Slot<'f>,
}

/// What an argument may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    Any,
    Text,
    /// A regular expression that is written out.
    Pattern,
    Int,
    Number,
    List,
    Group,
    Version,
    Instant,
    Address,
    Range,
}

impl Takes {
    /// Whether a value of that kind may be given.
    pub(crate) fn accepts(self, kind: &Kind) -> bool {
        matches!(kind, Kind::Any)
            || match self {
                Takes::Any => true,
                Takes::Text | Takes::Pattern => matches!(kind, Kind::Text),
                Takes::Int => matches!(kind, Kind::Int),
                Takes::Number => matches!(kind, Kind::Int | Kind::Float),
                Takes::List => matches!(kind, Kind::List(_)),
                Takes::Group => matches!(kind, Kind::Map(_) | Kind::Object(_) | Kind::Group(_)),
                Takes::Version => matches!(kind, Kind::Version),
                Takes::Instant => matches!(kind, Kind::Instant),
                Takes::Address => matches!(kind, Kind::Address),
                Takes::Range => matches!(kind, Kind::Range),
            }
    }

    /// What it is called in "expected …".
    pub(crate) const fn describe(self) -> &'static str {
        match self {
            Takes::Any => "anything",
            Takes::Text => "text",
            Takes::Pattern => "a regular expression",
            Takes::Int => "a whole number",
            Takes::Number => "a number",
            Takes::List => "a list",
            Takes::Group => "a group of members",
            Takes::Version => "a version",
            Takes::Instant => "an instant",
            Takes::Address => "an address",
            Takes::Range => "a range of addresses",
        }
    }

    fn accepts_value(self, value: &Value<'_>) -> bool {
        match self {
            Takes::Any => true,
            Takes::Text | Takes::Pattern => matches!(value.plain, Plain::Text(_)),
            Takes::Int => matches!(value.plain, Plain::Int(_)),
            Takes::Number => matches!(value.plain, Plain::Int(_) | Plain::Float(_)),
            Takes::List => matches!(value.plain, Plain::Facts(_) | Plain::List(_)),
            Takes::Group => value.is_group(),
            Takes::Version => matches!(value.plain, Plain::Version(_)),
            Takes::Instant => matches!(value.plain, Plain::Instant(_)),
            Takes::Address => matches!(value.plain, Plain::Address(_)),
            Takes::Range => matches!(value.plain, Plain::Range(_)),
        }
    }
}

/// The functions of that name.
pub(crate) fn named(name: &str, has_receiver: bool) -> Vec<&'static Function> {
    all().filter(|function| function.name == name && function.has_receiver == has_receiver).collect()
}

/// The names of all functions, macros included.
pub(crate) fn names(has_receiver: bool) -> impl Iterator<Item = &'static str> {
    let macros: &[&str] =
        if has_receiver { &["all", "exists", "exists_one", "map", "filter"] } else { &["has", "default"] };
    all()
        .filter(move |function| function.has_receiver == has_receiver)
        .map(|function| function.name)
        .chain(macros.iter().copied())
}

/// Calls the first of the functions that takes these values.
pub(crate) fn call<'f>(
    evaluator: &mut Evaluator<'f>,
    name: &str,
    candidates: &[&'static Function],
    arguments: &[Value<'f>],
) -> Slot<'f> {
    let fitting = candidates.iter().find(|function| {
        function.takes.len() == arguments.len()
            && function.takes.iter().zip(arguments).all(|(takes, value)| takes.accepts_value(value))
    });
    let Some(function) = fitting else {
        let given: Vec<&str> = arguments.iter().map(Value::describe).collect();
        return Err(Stop::fault(format!("{name}() does not take {}", given.join(", "))));
    };
    (function.run)(evaluator, arguments)
}

const fn global(
    name: &'static str,
    takes: &'static [Takes],
    gives: fn(&[Kind]) -> Kind,
    run: for<'f> fn(&mut Evaluator<'f>, &[Value<'f>]) -> Slot<'f>,
) -> Function {
    Function { name, has_receiver: false, takes, gives, run }
}

const fn member(
    name: &'static str,
    takes: &'static [Takes],
    gives: fn(&[Kind]) -> Kind,
    run: for<'f> fn(&mut Evaluator<'f>, &[Value<'f>]) -> Slot<'f>,
) -> Function {
    Function { name, has_receiver: true, takes, gives, run }
}

fn bool(_: &[Kind]) -> Kind {
    Kind::Bool
}
fn int(_: &[Kind]) -> Kind {
    Kind::Int
}
fn float(_: &[Kind]) -> Kind {
    Kind::Float
}
fn text(_: &[Kind]) -> Kind {
    Kind::Text
}
fn texts(_: &[Kind]) -> Kind {
    Kind::List(Box::new(Kind::Text))
}
fn same(arguments: &[Kind]) -> Kind {
    arguments.first().cloned().unwrap_or(Kind::Any)
}
fn element(arguments: &[Kind]) -> Kind {
    match arguments.first() {
        Some(Kind::List(element)) => (**element).clone(),
        _ => Kind::Any,
    }
}

/// All functions.
fn all() -> impl Iterator<Item = &'static Function> {
    domain::FUNCTIONS.iter().chain(text::FUNCTIONS).chain(list::FUNCTIONS)
}

fn first<'a, 'f>(arguments: &'a [Value<'f>]) -> Option<&'a Plain<'f>> {
    arguments.first().map(|value| &value.plain)
}

/// The text at a place where the table demands one.
fn text_at<'a>(arguments: &'a [Value<'_>], at: usize) -> &'a str {
    match arguments.get(at) {
        Some(Value { plain: Plain::Text(text), .. }) => text,
        _ => "",
    }
}

/// The number at a place where the table demands one.
fn int_at(arguments: &[Value<'_>], at: usize) -> i64 {
    match arguments.get(at) {
        Some(Value { plain: Plain::Int(number), .. }) => *number,
        _ => 0,
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it ends a function of the table")]
fn truth<'f>(truth: bool) -> Slot<'f> {
    Ok(Value::made(Plain::Bool(truth)))
}

#[expect(clippy::unnecessary_wraps, reason = "it ends a function of the table")]
fn whole<'f>(number: i64) -> Slot<'f> {
    Ok(Value::made(Plain::Int(number)))
}

fn length(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn misused<'f>() -> Slot<'f> {
    Err(Stop::fault("a function was called with arguments that it does not take"))
}

fn cannot_read<'f>(given: &str, what: &str) -> Stop<'f> {
    let shown: String = given.chars().take(60).collect();
    Stop::fault(format!("`{shown}` cannot be read as {what}"))
}
