//! The way to a fact: names, members and indexes.
//!
//! An absent or unreadable group answers for all of its members.

use std::borrow::Cow;
use std::rc::Rc;

use super::ast::{Member, Node, NodeKind};
use super::evaluate::Evaluator;
use super::spot::Spot;
use super::value::{Origin, Path, Plain, Slot, Stop, Unknown, Value, slot};
use crate::fact::Fact;
use crate::fact::catalogue::why_missing;

impl<'f> Evaluator<'f> {
    pub(super) fn name(&mut self, name: &'f str) -> Slot<'f> {
        if let Some((_, value)) = self.locals.iter().rev().find(|(local, _)| *local == name) {
            return value.clone();
        }
        let root = || Rc::new(Path::Root(Cow::Borrowed(name)));
        match name {
            "now" => Ok(Value::made(Plain::Instant(self.world.now))),
            _ => match self.root(name) {
                Some(fact) => slot(fact, root(), Spot::default()),
                None => self.missing(Origin { path: root(), source: Spot::default() }),
            },
        }
    }

    /// The first segment of a fact, of what is judged or of what is joined to it.
    fn root(&self, name: &str) -> Option<&'f Fact> {
        let (facts, beside) = (self.world.facts, self.world.beside);
        facts.roots().get(name).or_else(|| beside?.roots().get(name)).map(|fact| &**fact)
    }

    /// A fact that is declared and yet not there.
    fn missing(&self, origin: Origin<'f>) -> Slot<'f> {
        Err(if self.world.missing_is_absent {
            Stop::Absent(origin)
        } else {
            let why = match &*origin.path {
                Path::Root(name) if self.world.facts.bool("judged.cluster") != Some(true) => why_missing(name),
                _ => "it was not collected",
            };
            Stop::Unknown(Unknown::unreadable(origin, why))
        })
    }

    pub(super) fn member(&mut self, member: &'f Member) -> Slot<'f> {
        if let NodeKind::Name(name) = &member.of.kind
            && name == "data"
        {
            let path = Path::Member(Rc::new(Path::Root(Cow::Borrowed(name))), Cow::Borrowed(&member.name));
            return match self.world.data.table(&member.name) {
                Some(table) => slot(table, Rc::new(path), Spot::default()),
                None => Err(Stop::Absent(Origin { path: Rc::new(path), source: Spot::default() })),
            };
        }
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
            None if !of.is_group() => Err(Stop::fault(format!("{} has no member `{}`", of.describe(), member.name))),
            None if member.is_declared => self.missing(of.missing_member(&member.name)),
            None => Err(Stop::Absent(of.missing_member(&member.name))),
        }
    }

    pub(super) fn index(&mut self, of: &'f Node, index: &'f Node) -> Slot<'f> {
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
                None if of.is_group() => Err(Stop::Absent(of.missing_member(key))),
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
}
