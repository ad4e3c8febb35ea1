//! Values of expressions, and the two ways not to have one.
//!
//! Values borrow from the facts and remember which fact they are, so that
//! evidence can name its path and source without being told.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::rc::Rc;

use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};

use super::quantity::Quantity;
use super::spot::{Spot, own_member};
use crate::fact::version::Version;
use crate::fact::{Fact, Twin, Value as FactValue};

/// A value, or why there is none.
pub(crate) type Slot<'f> = Result<Value<'f>, Stop<'f>>;

/// A value and the fact that it is, if it is one.
#[derive(Clone, Debug)]
pub(crate) struct Value<'f> {
    pub(crate) plain: Plain<'f>,
    pub(crate) origin: Option<Origin<'f>>,
}

/// The value alone.
#[derive(Clone, Debug)]
pub(crate) enum Plain<'f> {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Cow<'f, str>),
    /// A list of the facts.
    Facts(&'f [Fact]),
    /// A list that was made.
    List(Rc<List<'f>>),
    /// Members of the facts.
    Members(&'f BTreeMap<String, Fact>),
    /// Members of one of many facts that differ in their names alone.
    Twin(&'f Twin),
    /// Members that were made.
    Map(Rc<Vec<(String, Slot<'f>)>>),
    Version(Rc<Version>),
    Instant(Timestamp),
    Duration(SignedDuration),
    Quantity(Quantity),
    Address(IpAddr),
    Range(IpNet),
}

/// A list whose elements may be unknown, and which may lack some.
#[derive(Clone, Debug, Default)]
pub(crate) struct List<'f> {
    pub(crate) elements: Vec<Slot<'f>>,
    /// Why it is not known whether these are all.
    pub(crate) doubt: Option<Unknown<'f>>,
}

/// Which fact a value is.
#[derive(Clone, Debug)]
pub(crate) struct Origin<'f> {
    pub(crate) path: Rc<Path<'f>>,
    /// Its own source, else that of the group that it stands in.
    pub(crate) source: Spot<'f>,
}

/// A path in the tree of facts.
#[derive(Debug)]
pub(crate) enum Path<'f> {
    Root(Cow<'f, str>),
    Member(Rc<Path<'f>>, Cow<'f, str>),
    Element(Rc<Path<'f>>, usize),
}

/// Why there is no value.
#[derive(Clone, Debug)]
pub(crate) enum Stop<'f> {
    /// The fact was looked for, and it is not there.
    Absent(Origin<'f>),
    /// It cannot be told.
    Unknown(Unknown<'f>),
}

/// Why something cannot be told: never empty.
#[derive(Clone, Debug)]
pub(crate) struct Unknown<'f> {
    pub(crate) reasons: Rc<Vec<Reason<'f>>>,
}

/// One reason, and the fact that it concerns.
#[derive(Clone, Debug)]
pub(crate) struct Reason<'f> {
    pub(crate) origin: Option<Origin<'f>>,
    pub(crate) text: Cow<'f, str>,
    pub(crate) cause: Cause,
}

/// What kind of reason it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    Unreadable,
    Absent,
    Fault,
}

/// More reasons than a reader wants are left out.
const REASONS: usize = 8;

impl<'f> Unknown<'f> {
    /// An expression that cannot be computed.
    pub(crate) fn fault(text: impl Into<Cow<'f, str>>) -> Self {
        Unknown { reasons: Rc::new(vec![Reason { origin: None, text: text.into(), cause: Cause::Fault }]) }
    }

    /// A fact that could not be read.
    pub(crate) fn unreadable(origin: Origin<'f>, text: impl Into<Cow<'f, str>>) -> Self {
        let reason = Reason { origin: Some(origin), text: text.into(), cause: Cause::Unreadable };
        Unknown { reasons: Rc::new(vec![reason]) }
    }

    /// The reasons of both.
    pub(crate) fn and(self, other: Self) -> Self {
        let mut reasons = Rc::unwrap_or_clone(self.reasons);
        let room = REASONS.saturating_sub(reasons.len());
        reasons.extend(Rc::unwrap_or_clone(other.reasons).into_iter().take(room));
        Unknown { reasons: Rc::new(reasons) }
    }
}

impl<'f> Stop<'f> {
    /// An expression that cannot be computed.
    pub(crate) fn fault(text: impl Into<Cow<'f, str>>) -> Self {
        Stop::Unknown(Unknown::fault(text))
    }

    /// What it means where a value is needed: an absent fact that nobody asked
    /// for first leaves the answer open.
    pub(crate) fn into_unknown(self) -> Unknown<'f> {
        match self {
            Stop::Unknown(unknown) => unknown,
            Stop::Absent(origin) => {
                let reason =
                    Reason { origin: Some(origin), text: Cow::Borrowed("it is not set"), cause: Cause::Absent };
                Unknown { reasons: Rc::new(vec![reason]) }
            }
        }
    }
}

impl<'f> Value<'f> {
    /// A value that is no fact.
    pub(crate) fn made(plain: Plain<'f>) -> Self {
        Value { plain, origin: None }
    }

    /// A list that was made.
    pub(crate) fn list(elements: Vec<Slot<'f>>, doubt: Option<Unknown<'f>>) -> Self {
        Value::made(Plain::List(Rc::new(List { elements, doubt })))
    }

    /// A text that was made.
    pub(crate) fn text(text: impl Into<Cow<'f, str>>) -> Self {
        Value::made(Plain::Text(text.into()))
    }

    /// What this is, for "a text cannot be …".
    pub(crate) fn describe(&self) -> &'static str {
        match self.plain {
            Plain::Bool(_) => "true or false",
            Plain::Int(_) => "a whole number",
            Plain::Float(_) => "a number",
            Plain::Text(_) => "text",
            Plain::Facts(_) | Plain::List(_) => "a list",
            Plain::Members(_) | Plain::Twin(_) | Plain::Map(_) => "a group of members",
            Plain::Version(_) => "a version",
            Plain::Instant(_) => "an instant",
            Plain::Duration(_) => "a duration",
            Plain::Quantity(_) => "a quantity",
            Plain::Address(_) => "an address",
            Plain::Range(_) => "a range of addresses",
        }
    }

    /// The elements of a list, each a value or why there is none.
    pub(crate) fn elements(&self) -> Option<Vec<Slot<'f>>> {
        match &self.plain {
            Plain::Facts(facts) => {
                Some(facts.iter().enumerate().map(|(at, fact)| self.element_slot(fact, at)).collect())
            }
            Plain::List(list) => Some(list.elements.clone()),
            _ => None,
        }
    }

    /// The same one by one, so that a long list of facts is not made anew.
    pub(crate) fn walk(self) -> Option<Elements<'f>> {
        match &self.plain {
            Plain::Facts(facts) => {
                Some(Elements { facts: facts.iter().enumerate(), made: Vec::new().into_iter(), of: self })
            }
            _ => self.elements().map(Elements::of),
        }
    }

    /// Why it is not known whether a list is complete.
    pub(crate) fn doubt(&self) -> Option<&Unknown<'f>> {
        match &self.plain {
            Plain::List(list) => list.doubt.as_ref(),
            _ => None,
        }
    }

    /// How many elements a list has; `None` for what is no list. An element
    /// that could not be read may stand for none, one or several.
    pub(crate) fn element_count(&self) -> Option<Result<usize, Unknown<'f>>> {
        let elements = self.elements()?;
        let count = elements.len();
        let unknown = |slot: Slot<'f>| match slot {
            Err(Stop::Unknown(unknown)) => Some(unknown),
            _ => None,
        };
        let doubt = self.doubt().cloned().or_else(|| elements.into_iter().find_map(unknown));
        Some(doubt.map_or(Ok(count), Err))
    }

    fn element_slot(&self, fact: &'f Fact, at: usize) -> Slot<'f> {
        let (parent, source) = self.parent();
        slot(fact, Rc::new(Path::Element(parent, at)), source)
    }

    /// The member of that name; `None` where there is none.
    pub(crate) fn member(&self, name: &str) -> Option<Slot<'f>> {
        match &self.plain {
            Plain::Members(members) => {
                let (name, fact) = members.get_key_value(name)?;
                let (parent, source) = self.parent();
                Some(slot(fact, Rc::new(Path::Member(parent, Cow::Borrowed(name))), source))
            }
            Plain::Twin(twin) => {
                let (name, fact) = twin.members().get_key_value(name)?;
                let (parent, source) = self.parent();
                let origin =
                    Origin { path: Rc::new(Path::Member(parent, Cow::Borrowed(name))), source: source.of(fact) };
                Some(own_member(twin, name, &origin).map_or_else(|| slot(fact, origin.path, source), Ok))
            }
            Plain::Map(members) => members.iter().find(|(key, _)| key == name).map(|(_, slot)| slot.clone()),
            _ => None,
        }
    }

    /// What a member that is not there is called.
    pub(crate) fn missing_member(&self, name: &str) -> Origin<'f> {
        let (parent, source) = self.parent();
        Origin { path: Rc::new(Path::Member(parent, Cow::Owned(name.to_owned()))), source }
    }

    /// Whether it has named members.
    pub(crate) fn is_group(&self) -> bool {
        matches!(self.plain, Plain::Members(_) | Plain::Twin(_) | Plain::Map(_))
    }

    fn parent(&self) -> (Rc<Path<'f>>, Spot<'f>) {
        match &self.origin {
            Some(origin) => (Rc::clone(&origin.path), origin.source),
            None => (Rc::new(Path::Root(Cow::Borrowed("value"))), Spot::default()),
        }
    }
}

/// Elements of a list, one after the other.
pub(crate) struct Elements<'f> {
    facts: std::iter::Enumerate<std::slice::Iter<'f, Fact>>,
    made: std::vec::IntoIter<Slot<'f>>,
    of: Value<'f>,
}

impl<'f> Elements<'f> {
    /// Elements that were made.
    pub(crate) fn of(made: Vec<Slot<'f>>) -> Self {
        let of = Value::made(Plain::Bool(false));
        Elements { facts: [].iter().enumerate(), made: made.into_iter(), of }
    }
}

impl<'f> Iterator for Elements<'f> {
    type Item = Slot<'f>;

    fn next(&mut self) -> Option<Slot<'f>> {
        match self.facts.next() {
            Some((at, fact)) => Some(self.of.element_slot(fact, at)),
            None => self.made.next(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.facts.len() + self.made.len();
        (left, Some(left))
    }
}

impl ExactSizeIterator for Elements<'_> {}

/// A fact as a value, under the path that it stands at.
pub(crate) fn slot<'f>(fact: &'f Fact, path: Rc<Path<'f>>, inherited: Spot<'f>) -> Slot<'f> {
    let mut origin = Origin { path, source: inherited.of(fact) };
    match fact {
        Fact::Known { value, .. } => {
            let plain = match value {
                FactValue::Bool(truth) => Plain::Bool(*truth),
                FactValue::Int(number) => Plain::Int(*number),
                FactValue::Float(number) => Plain::Float(*number),
                FactValue::Text(text) => Plain::Text(Cow::Borrowed(text)),
                FactValue::List(elements) => Plain::Facts(elements),
                FactValue::Map(members) => Plain::Members(members),
                FactValue::Twin(twin) => {
                    origin.source = origin.source.of_twin(twin);
                    Plain::Twin(twin)
                }
            };
            Ok(Value { plain, origin: Some(origin) })
        }
        Fact::Absent { .. } => Err(Stop::Absent(origin)),
        Fact::Unreadable { reason, .. } => Err(Stop::Unknown(Unknown::unreadable(origin, reason.as_str()))),
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Root(name) => out.write_str(name),
            Path::Member(parent, name) => write!(out, "{parent}.{name}"),
            Path::Element(parent, at) => write!(out, "{parent}[{at}]"),
        }
    }
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Some(origin) => write!(out, "{}: {}", origin.path, self.text),
            None => out.write_str(&self.text),
        }
    }
}

impl fmt::Display for Unknown<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // One cause often hides several facts: it is told once, behind them.
        let mut told: Vec<(&str, Vec<String>)> = Vec::new();
        for reason in self.reasons.iter() {
            let at = told.iter().position(|(text, _)| *text == reason.text).unwrap_or_else(|| {
                told.push((&reason.text, Vec::new()));
                told.len() - 1
            });
            let origin = reason.origin.as_ref().map(|origin| origin.path.to_string());
            if let Some(((_, paths), path)) = told.get_mut(at).zip(origin)
                && !paths.contains(&path)
            {
                paths.push(path);
            }
        }
        for (at, (text, paths)) in told.iter().enumerate() {
            let between = if at > 0 { "; " } else { "" };
            let colon = if paths.is_empty() { "" } else { ": " };
            write!(out, "{between}{}{colon}{text}", paths.join(", "))?;
        }
        Ok(())
    }
}
