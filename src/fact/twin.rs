//! Objects that differ in nothing but their names: a hundred thousand bare pods
//! of one kind are held as their names, and once what is true of all.
//!
//! To whoever reads facts a twin is a group of members as any other: it has a
//! `name`, a `subject`, and what it shares with the others; its sources name
//! itself.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::{Fact, ObjectReference, Source, Value};

/// The member whose value is the twin's own.
const NAME: &str = "name";

/// The member with the twin's identity.
const SUBJECT: &str = "subject";

/// One of several objects that differ in their names alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Twin {
    name: Box<str>,
    kin: Arc<Kin>,
}

/// What twins share: the members of an object that has no name.
#[derive(Clone, Debug, PartialEq)]
pub struct Kin {
    object: Arc<ObjectReference>,
    members: BTreeMap<String, Fact>,
}

impl Kin {
    /// The members of an object; sources that name `object` stand for the
    /// twin's own.
    pub fn new(object: Arc<ObjectReference>, members: BTreeMap<String, Fact>) -> Self {
        Kin { object, members }
    }

    /// A source among the members, as that of the twin of that name.
    fn source_of(&self, name: &str, source: &Source) -> Source {
        match source {
            Source::Object { object, path } if *object == self.object => {
                Source::Object { object: Arc::new(self.reference(name)), path: path.clone() }
            }
            other => other.clone(),
        }
    }

    fn reference(&self, name: &str) -> ObjectReference {
        ObjectReference { name: name.to_owned(), ..ObjectReference::clone(&self.object) }
    }
}

impl Twin {
    /// The twin of that name.
    pub fn new(name: Box<str>, kin: Arc<Kin>) -> Self {
        Twin { name, kin }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is, with an empty name.
    pub fn object(&self) -> &ObjectReference {
        &self.kin.object
    }

    /// Its members; the value of `name`, the name in `subject`, and the object
    /// in sources are those of any of them.
    pub fn members(&self) -> &BTreeMap<String, Fact> {
        &self.kin.members
    }

    /// Whether the value of that member is its name.
    pub fn is_name(member: &str) -> bool {
        member == NAME
    }

    /// Whether the value of that member is its identity.
    pub fn is_subject(member: &str) -> bool {
        member == SUBJECT
    }

    /// A source among its members, as its own.
    pub fn source(&self, source: &Source) -> Source {
        self.kin.source_of(&self.name, source)
    }

    /// The same as a group of members.
    pub fn to_map(&self) -> BTreeMap<String, Fact> {
        let own = |(member, fact): (&String, &Fact)| {
            let mut fact = fact.clone();
            self.own(&mut fact);
            match &mut fact {
                Fact::Known { value, .. } if Self::is_name(member) => *value = Value::from(&*self.name),
                Fact::Known { value: Value::Map(members), .. } if Self::is_subject(member) => {
                    members.insert(NAME.to_owned(), Fact::group(&*self.name));
                }
                _ => {}
            }
            (member.clone(), fact)
        };
        self.kin.members.iter().map(own).collect()
    }

    fn own(&self, fact: &mut Fact) {
        match fact {
            Fact::Known { source, value } => {
                if let Some(source) = source {
                    *source = self.source(source);
                }
                match value {
                    Value::List(elements) => elements.iter_mut().for_each(|element| self.own(element)),
                    Value::Map(members) => members.values_mut().for_each(|member| self.own(member)),
                    _ => {}
                }
            }
            Fact::Absent { source } | Fact::Unreadable { source, .. } => {
                if let Some(source) = source {
                    *source = self.source(source);
                }
            }
        }
    }
}

impl Serialize for Twin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_map().serialize(serializer)
    }
}

/// A number that is the same for equal members.
pub(super) fn mark(members: &BTreeMap<String, Fact>) -> u64 {
    fn add(fact: &Fact, hasher: &mut DefaultHasher) {
        if let Some(Source::Object { path, .. }) = fact.source() {
            path.hash(hasher);
        }
        match fact.value() {
            None => 0_u8.hash(hasher),
            Some(Value::Bool(truth)) => truth.hash(hasher),
            Some(Value::Int(number)) => number.hash(hasher),
            Some(Value::Float(number)) => number.to_bits().hash(hasher),
            Some(Value::Text(text)) => text.hash(hasher),
            Some(Value::List(elements)) => {
                elements.len().hash(hasher);
                for element in elements {
                    add(element, hasher);
                }
            }
            Some(Value::Map(members)) => add_all(members, hasher),
            Some(Value::Twin(twin)) => twin.name.hash(hasher),
        }
    }

    fn add_all(members: &BTreeMap<String, Fact>, hasher: &mut DefaultHasher) {
        members.len().hash(hasher);
        for (name, member) in members {
            name.hash(hasher);
            add(member, hasher);
        }
    }

    let mut hasher = DefaultHasher::new();
    add_all(members, &mut hasher);
    hasher.finish()
}
