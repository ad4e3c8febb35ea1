//! The functions of rules: one table, each with what it takes and gives.
//!
//! Those on texts and lists are CEL's own and those of its string extensions
//! (<https://github.com/google/cel-go/tree/master/ext>); the others are ours.

use std::net::IpAddr;

use globset::GlobBuilder;
use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};

use super::evaluate::Evaluator;
use super::kind::{Kind, LIFECYCLE};
use super::quantity::Quantity;
use super::value::{Plain, Slot, Stop, Value};
use crate::fact::version::Version;

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
            Takes::Group => matches!(value.plain, Plain::Members(_) | Plain::Map(_)),
            Takes::Version => matches!(value.plain, Plain::Version(_)),
            Takes::Instant => matches!(value.plain, Plain::Instant(_)),
            Takes::Address => matches!(value.plain, Plain::Address(_)),
            Takes::Range => matches!(value.plain, Plain::Range(_)),
        }
    }
}

/// The functions of that name.
pub(crate) fn named(name: &str, has_receiver: bool) -> Vec<&'static Function> {
    FUNCTIONS.iter().filter(|function| function.name == name && function.has_receiver == has_receiver).collect()
}

/// The names of all functions, macros included.
pub(crate) fn names(has_receiver: bool) -> impl Iterator<Item = &'static str> {
    let macros: &[&str] =
        if has_receiver { &["all", "exists", "exists_one", "map", "filter"] } else { &["has", "default"] };
    FUNCTIONS
        .iter()
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
    match fitting {
        Some(function) => (function.run)(evaluator, arguments),
        None => {
            let given: Vec<&str> = arguments.iter().map(Value::describe).collect();
            Err(Stop::fault(format!("{name}() does not take {}", given.join(", "))))
        }
    }
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

const FUNCTIONS: &[Function] = &[
    global(
        "version",
        &[Takes::Text],
        |_| Kind::Version,
        |_, arguments| {
            let given = text_at(arguments, 0);
            let version = Version::parse(given).ok_or_else(|| cannot_read(given, "a version"))?;
            Ok(Value::made(Plain::Version(version.into())))
        },
    ),
    global("is_version", &[Takes::Text], bool, |_, arguments| truth(Version::parse(text_at(arguments, 0)).is_some())),
    member("major", &[Takes::Version], int, |_, arguments| number_of(arguments, Version::major)),
    member("minor", &[Takes::Version], int, |_, arguments| number_of(arguments, Version::minor)),
    member("patch", &[Takes::Version], int, |_, arguments| number_of(arguments, Version::patch)),
    member("line", &[Takes::Version], text, |_, arguments| match first(arguments) {
        Some(Plain::Version(version)) => Ok(Value::text(version.line())),
        _ => misused(),
    }),
    global(
        "date",
        &[Takes::Text],
        |_| Kind::Instant,
        |_, arguments| Ok(Value::made(Plain::Instant(instant(text_at(arguments, 0))?))),
    ),
    global("days_until", &[Takes::Text], int, |evaluator, arguments| {
        let until = instant(text_at(arguments, 0))?;
        days_between(evaluator.now(), until)
    }),
    global("days_until", &[Takes::Instant], int, |evaluator, arguments| match first(arguments) {
        Some(Plain::Instant(until)) => days_between(evaluator.now(), *until),
        _ => misused(),
    }),
    global(
        "days",
        &[Takes::Int],
        |_| Kind::Duration,
        |_, arguments| {
            let duration = int_at(arguments, 0).checked_mul(86_400).map(SignedDuration::from_secs);
            duration.map(|duration| Value::made(Plain::Duration(duration))).ok_or_else(|| Stop::fault("too many days"))
        },
    ),
    global(
        "quantity",
        &[Takes::Text],
        |_| Kind::Quantity,
        |_, arguments| {
            let given = text_at(arguments, 0);
            let quantity = Quantity::parse(given).ok_or_else(|| cannot_read(given, "a quantity"))?;
            Ok(Value::made(Plain::Quantity(quantity)))
        },
    ),
    global(
        "quantity",
        &[Takes::Int],
        |_| Kind::Quantity,
        |_, arguments| Ok(Value::made(Plain::Quantity(Quantity::of(int_at(arguments, 0))))),
    ),
    global("is_quantity", &[Takes::Text], bool, |_, arguments| truth(Quantity::parse(text_at(arguments, 0)).is_some())),
    global(
        "ip",
        &[Takes::Text],
        |_| Kind::Address,
        |_, arguments| {
            let given = text_at(arguments, 0);
            let address = given.parse::<IpAddr>().map_err(|_| cannot_read(given, "an address"))?;
            Ok(Value::made(Plain::Address(address)))
        },
    ),
    global("is_ip", &[Takes::Text], bool, |_, arguments| truth(text_at(arguments, 0).parse::<IpAddr>().is_ok())),
    global(
        "cidr",
        &[Takes::Text],
        |_| Kind::Range,
        |_, arguments| {
            let given = text_at(arguments, 0);
            let range = given.parse::<IpNet>().map_err(|_| cannot_read(given, "a range of addresses"))?;
            Ok(Value::made(Plain::Range(range)))
        },
    ),
    global("is_cidr", &[Takes::Text], bool, |_, arguments| truth(text_at(arguments, 0).parse::<IpNet>().is_ok())),
    member("family", &[Takes::Address], int, |_, arguments| match first(arguments) {
        Some(Plain::Address(address)) => whole(if address.is_ipv4() { 4 } else { 6 }),
        _ => misused(),
    }),
    member("family", &[Takes::Range], int, |_, arguments| match first(arguments) {
        Some(Plain::Range(range)) => whole(if range.addr().is_ipv4() { 4 } else { 6 }),
        _ => misused(),
    }),
    member("prefix", &[Takes::Range], int, |_, arguments| match first(arguments) {
        Some(Plain::Range(range)) => whole(i64::from(range.prefix_len())),
        _ => misused(),
    }),
    member("contains", &[Takes::Range, Takes::Address], bool, |_, arguments| match arguments {
        [Value { plain: Plain::Range(range), .. }, Value { plain: Plain::Address(address), .. }] => {
            truth(range.contains(address))
        }
        _ => misused(),
    }),
    member("contains", &[Takes::Range, Takes::Range], bool, |_, arguments| match arguments {
        [Value { plain: Plain::Range(range), .. }, Value { plain: Plain::Range(inner), .. }] => {
            truth(range.contains(inner))
        }
        _ => misused(),
    }),
    member("overlaps", &[Takes::Range, Takes::Range], bool, |_, arguments| match arguments {
        [Value { plain: Plain::Range(range), .. }, Value { plain: Plain::Range(other), .. }] => {
            truth(range.contains(&other.network()) || other.contains(&range.network()))
        }
        _ => misused(),
    }),
    global("glob", &[Takes::Text, Takes::Text], bool, |evaluator, arguments| {
        let pattern = text_at(arguments, 1);
        // Compiling it costs much more than matching.
        evaluator.spend(100)?;
        let glob = GlobBuilder::new(pattern).build().map_err(|_| cannot_read(pattern, "a glob"))?;
        truth(glob.compile_matcher().is_match(text_at(arguments, 0)))
    }),
    global(
        "lifecycle",
        &[Takes::Text, Takes::Text],
        |_| Kind::Object(LIFECYCLE),
        |evaluator, arguments| evaluator.lifecycle(text_at(arguments, 0), text_at(arguments, 1)),
    ),
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
        Some(value) => super::show::text(value)
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
    member("join", &[Takes::List], text, |evaluator, arguments| join(evaluator, arguments, "")),
    member("join", &[Takes::List, Takes::Text], text, |evaluator, arguments| {
        join(evaluator, arguments, text_at(arguments, 1))
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
    member("distinct", &[Takes::List], same, |evaluator, arguments| {
        let mut kept: Vec<Slot<'_>> = Vec::new();
        for slot in known(arguments)? {
            let is_there = match &slot {
                Ok(value) => evaluator.is_among(value, &kept)?,
                Err(_) => false,
            };
            if !is_there {
                kept.push(slot);
            }
        }
        Ok(Value::list(kept, doubt(arguments)))
    }),
    member("sort", &[Takes::List], same, |evaluator, arguments| {
        let values = all_known(arguments)?;
        evaluator.sort(values)
    }),
    member("max", &[Takes::List], element, |evaluator, arguments| {
        let values = all_known(arguments)?;
        extreme(evaluator, values, true)
    }),
    member("min", &[Takes::List], element, |evaluator, arguments| {
        let values = all_known(arguments)?;
        extreme(evaluator, values, false)
    }),
];

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

fn truth<'f>(truth: bool) -> Slot<'f> {
    Ok(Value::made(Plain::Bool(truth)))
}

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

fn number_of<'f>(arguments: &[Value<'f>], part: fn(&Version) -> u64) -> Slot<'f> {
    match first(arguments) {
        Some(Plain::Version(version)) => whole(i64::try_from(part(version)).unwrap_or(i64::MAX)),
        _ => misused(),
    }
}

/// An instant; a day alone means its end.
pub(crate) fn instant<'f>(given: &str) -> Result<Timestamp, Stop<'f>> {
    if let Ok(day) = given.parse::<jiff::civil::Date>()
        && given.len() == 10
    {
        let midnight = |day: jiff::civil::Date| jiff::tz::TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0));
        let next = day.tomorrow().and_then(midnight);
        let end = next.and_then(|next| next.checked_sub(SignedDuration::from_nanos(1)));
        return end.map_err(|_| cannot_read(given, "a day"));
    }
    given.parse::<Timestamp>().map_err(|_| cannot_read(given, "a day or an instant"))
}

fn days_between<'f>(now: Timestamp, until: Timestamp) -> Slot<'f> {
    whole(until.duration_since(now).as_secs().div_euclid(86_400))
}

fn size<'f>(_: &mut Evaluator<'f>, arguments: &[Value<'f>]) -> Slot<'f> {
    match arguments.first() {
        Some(Value { plain: Plain::Text(text), .. }) => whole(length(text.chars().count())),
        Some(Value { plain: Plain::Members(members), .. }) => whole(length(members.len())),
        Some(Value { plain: Plain::Map(members), .. }) => whole(length(members.len())),
        Some(Value { plain: Plain::Facts(facts), .. }) => whole(length(facts.len())),
        Some(Value { plain: Plain::List(list), .. }) => match &list.doubt {
            Some(doubt) => Err(Stop::Unknown(doubt.clone())),
            None => whole(length(list.elements.len())),
        },
        _ => misused(),
    }
}

fn split(given: &str, separator: &str) -> Vec<String> {
    if separator.is_empty() {
        return given.chars().map(String::from).collect();
    }
    given.split(separator).map(str::to_owned).collect()
}

fn join<'f>(evaluator: &mut Evaluator<'f>, arguments: &[Value<'f>], separator: &str) -> Slot<'f> {
    let mut joined = String::new();
    for (at, value) in all_known(arguments)?.into_iter().enumerate() {
        if at > 0 {
            joined.push_str(separator);
        }
        let Some(text) = super::show::text(&value) else {
            return Err(Stop::fault(format!("{} cannot be joined", value.describe())));
        };
        joined.push_str(&text);
        evaluator.make_text(joined.len())?;
    }
    Ok(Value::text(joined))
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

/// The elements of a list, each known or not.
fn known<'f>(arguments: &[Value<'f>]) -> Result<Vec<Slot<'f>>, Stop<'f>> {
    arguments.first().and_then(Value::elements).ok_or_else(|| Stop::fault("expected a list"))
}

fn doubt<'f>(arguments: &[Value<'f>]) -> Option<super::value::Unknown<'f>> {
    arguments.first().and_then(Value::doubt).cloned()
}

/// The elements of a list that must all be known.
fn all_known<'f>(arguments: &[Value<'f>]) -> Result<Vec<Value<'f>>, Stop<'f>> {
    if let Some(doubt) = doubt(arguments) {
        return Err(Stop::Unknown(doubt));
    }
    known(arguments)?.into_iter().map(|slot| slot.map_err(|stop| Stop::Unknown(stop.into_unknown()))).collect()
}

fn extreme<'f>(evaluator: &mut Evaluator<'f>, values: Vec<Value<'f>>, is_largest: bool) -> Slot<'f> {
    let sorted = evaluator.sort(values)?;
    let mut elements = sorted.elements().unwrap_or_default();
    let chosen = if is_largest { elements.pop() } else { elements.into_iter().next() };
    chosen.unwrap_or_else(|| Err(Stop::fault("an empty list has no largest or smallest element")))
}
