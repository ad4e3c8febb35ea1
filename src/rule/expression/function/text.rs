//! Functions on texts and numbers, and sizes.

use super::{
    Function, Takes, bool, cannot_read, first, float, global, int, int_at, length, member, misused, text, text_at,
    texts, truth, whole,
};
use crate::rule::expression::evaluate::Evaluator;
use crate::rule::expression::show;
use crate::rule::expression::value::{Plain, Slot, Stop, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    global("int", &[Takes::Number], int, |_, arguments| match first(arguments) {
        Some(Plain::Int(number)) => whole(*number),
        // Exactly representable bounds; beyond them there is no such whole number.
        #[expect(clippy::cast_possible_truncation, reason = "checked against the bounds of the type")]
        Some(Plain::Float(number)) if number.abs() < 9.0e18 => whole(number.trunc() as i64),
        _ => Err(Stop::fault("the number is too large")),
    }),
    global("int", &[Takes::Text], int, |_, arguments| {
        let given = text_at(arguments, 0);
        whole(given.trim().parse().map_err(|_| cannot_read(given, "a whole number"))?)
    }),
    global("double", &[Takes::Number], float, |_, arguments| match first(arguments) {
        #[expect(clippy::cast_precision_loss, reason = "that is what the conversion means")]
        Some(Plain::Int(number)) => Ok(Value::made(Plain::Float(*number as f64))),
        Some(Plain::Float(number)) => Ok(Value::made(Plain::Float(*number))),
        _ => misused(),
    }),
    global("string", &[Takes::Any], text, |_, arguments| match arguments.first() {
        Some(value) => show::text(value)
            .map(Value::text)
            .ok_or_else(|| Stop::fault(format!("{} cannot be made text", value.describe()))),
        None => misused(),
    }),
    global("size", &[Takes::Text], int, size),
    global("size", &[Takes::List], int, size),
    global("size", &[Takes::Group], int, size),
    member("size", &[Takes::Text], int, size),
    member("size", &[Takes::List], int, size),
    member("size", &[Takes::Group], int, size),
    member("contains", &[Takes::Text, Takes::Text], bool, |_, arguments| {
        truth(text_at(arguments, 0).contains(text_at(arguments, 1)))
    }),
    member("startsWith", &[Takes::Text, Takes::Text], bool, |_, arguments| {
        truth(text_at(arguments, 0).starts_with(text_at(arguments, 1)))
    }),
    member("endsWith", &[Takes::Text, Takes::Text], bool, |_, arguments| {
        truth(text_at(arguments, 0).ends_with(text_at(arguments, 1)))
    }),
    // The evaluator itself matches patterns, because it keeps them compiled.
    member("matches", &[Takes::Text, Takes::Pattern], bool, |_, _| misused()),
    member("split", &[Takes::Text, Takes::Text], texts, |evaluator, arguments| {
        let parts = split(text_at(arguments, 0), text_at(arguments, 1));
        evaluator.spend(parts.len())?;
        Ok(Value::list(parts.into_iter().map(|part| Ok(Value::text(part))).collect(), None))
    }),
    member("replace", &[Takes::Text, Takes::Text, Takes::Text], text, |evaluator, arguments| {
        let (given, from, to) = (text_at(arguments, 0), text_at(arguments, 1), text_at(arguments, 2));
        evaluator.make_text(given.len().saturating_add(given.matches(from).count().saturating_mul(to.len())))?;
        Ok(Value::text(given.replace(from, to)))
    }),
    member("trim", &[Takes::Text], text, |_, arguments| Ok(Value::text(text_at(arguments, 0).trim().to_owned()))),
    member("lowerAscii", &[Takes::Text], text, |_, arguments| {
        Ok(Value::text(text_at(arguments, 0).to_ascii_lowercase()))
    }),
    member("upperAscii", &[Takes::Text], text, |_, arguments| {
        Ok(Value::text(text_at(arguments, 0).to_ascii_uppercase()))
    }),
    member("indexOf", &[Takes::Text, Takes::Text], int, |_, arguments| {
        let given = text_at(arguments, 0);
        let at = given.find(text_at(arguments, 1)).and_then(|at| given.get(..at));
        whole(at.map_or(-1, |before| length(before.chars().count())))
    }),
    member("substring", &[Takes::Text, Takes::Int], text, |_, arguments| {
        substring(text_at(arguments, 0), int_at(arguments, 1), None)
    }),
    member("substring", &[Takes::Text, Takes::Int, Takes::Int], text, |_, arguments| {
        substring(text_at(arguments, 0), int_at(arguments, 1), Some(int_at(arguments, 2)))
    }),
];

fn size<'f>(_: &mut Evaluator<'f>, arguments: &[Value<'f>]) -> Slot<'f> {
    match arguments.first() {
        Some(Value { plain: Plain::Text(text), .. }) => whole(length(text.chars().count())),
        Some(Value { plain: Plain::Members(members), .. }) => whole(length(members.len())),
        Some(Value { plain: Plain::Twin(twin), .. }) => whole(length(twin.members().len())),
        Some(Value { plain: Plain::Map(members), .. }) => whole(length(members.len())),
        Some(list) => match list.element_count() {
            Some(Ok(count)) => whole(length(count)),
            Some(Err(unknown)) => Err(Stop::Unknown(unknown)),
            None => misused(),
        },
        None => misused(),
    }
}

fn split(given: &str, separator: &str) -> Vec<String> {
    if separator.is_empty() {
        return given.chars().map(String::from).collect();
    }
    given.split(separator).map(str::to_owned).collect()
}

fn substring<'f>(given: &str, from: i64, to: Option<i64>) -> Slot<'f> {
    let count = given.chars().count();
    let from = usize::try_from(from).ok();
    let to = to.map_or(Some(count), |to| usize::try_from(to).ok());
    match (from, to) {
        (Some(from), Some(to)) if from <= to && to <= count => {
            Ok(Value::text(given.chars().skip(from).take(to - from).collect::<String>()))
        }
        _ => Err(Stop::fault("substring() goes beyond the text")),
    }
}
