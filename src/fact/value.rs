//! The tree of facts and its values.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Source, Twin};

/// One thing that is true of the subject, absent from it, or could not be read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum Fact {
    /// It was read.
    Known {
        /// What was read, as an effective value.
        value: Value,
        /// Where; none for a group, whose members have sources of their own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<Source>,
    },
    /// It was looked for, and it is not there.
    Absent {
        /// Where it was looked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<Source>,
    },
    /// It may be there, but it could not be read.
    Unreadable {
        /// Where it was looked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<Source>,
        /// Why, naming the file or permission: `read /etc/x: permission denied`.
        reason: String,
    },
}

/// A value, whose members are facts with sources of their own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// True or false.
    Bool(bool),
    /// A whole number; its unit is in the fact's documentation.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// Text. Bytes that are not UTF-8 were replaced by U+FFFD.
    Text(String),
    /// A list, in the order that has meaning on the host.
    List(Vec<Fact>),
    /// Named members.
    Map(BTreeMap<String, Fact>),
    /// Named members of one of many objects that differ in their names alone.
    /// It is written, and so read again, as named members.
    #[serde(skip_deserializing)]
    Twin(Twin),
}

impl Fact {
    /// A value and where it was read.
    pub fn known(value: impl Into<Value>, source: Source) -> Self {
        Fact::Known { value: value.into(), source: Some(source) }
    }

    /// A group whose members carry the sources.
    pub fn group(value: impl Into<Value>) -> Self {
        Fact::Known { value: value.into(), source: None }
    }

    /// Looked for in `source` and not there.
    pub fn absent(source: Source) -> Self {
        Fact::Absent { source: Some(source) }
    }

    /// Could not be read; `reason` names the file or permission.
    pub fn unreadable(source: Source, reason: impl Into<String>) -> Self {
        Fact::Unreadable { source: Some(source), reason: reason.into() }
    }

    /// The value, if it is known.
    pub fn value(&self) -> Option<&Value> {
        match self {
            Fact::Known { value, .. } => Some(value),
            _ => None,
        }
    }

    /// Where it was read or looked for.
    pub fn source(&self) -> Option<&Source> {
        match self {
            Fact::Known { source, .. } | Fact::Absent { source } | Fact::Unreadable { source, .. } => source.as_ref(),
        }
    }

    /// The text, if it is known and text.
    pub fn text(&self) -> Option<&str> {
        match self.value() {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The truth, if it is known and a boolean.
    pub fn bool(&self) -> Option<bool> {
        match self.value() {
            Some(Value::Bool(truth)) => Some(*truth),
            _ => None,
        }
    }

    /// The number, if it is known and whole.
    pub fn int(&self) -> Option<i64> {
        match self.value() {
            Some(Value::Int(number)) => Some(*number),
            _ => None,
        }
    }

    /// The elements, if it is known and a list.
    pub fn list(&self) -> Option<&[Fact]> {
        match self.value() {
            Some(Value::List(elements)) => Some(elements),
            _ => None,
        }
    }

    /// The member of that name, if this is a known map that has it. Of one of
    /// many objects that differ in their names alone, there is none to borrow.
    pub fn member(&self, name: &str) -> Option<&Fact> {
        match self.value() {
            Some(Value::Map(members)) => members.get(name),
            _ => None,
        }
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Value::Bool(truth)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Value::Int(number)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Value::Int(i64::from(number))
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Value::Float(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Text(text)
    }
}

impl From<Vec<Fact>> for Value {
    fn from(elements: Vec<Fact>) -> Self {
        Value::List(elements)
    }
}

impl From<BTreeMap<String, Fact>> for Value {
    fn from(members: BTreeMap<String, Fact>) -> Self {
        Value::Map(members)
    }
}

/// The tree of all facts about one host, one cluster, or both joined. A copy
/// shares its first segments until one of the two is changed: a collector is
/// given the facts of those that it needs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Facts {
    roots: BTreeMap<String, Arc<Fact>>,
}

impl Facts {
    /// Puts a fact at a dotted path, such as `kubelet.cgroup_driver`; groups
    /// on the way are made. A fact that is already there is replaced.
    pub fn set(&mut self, path: &str, fact: Fact) {
        let segments: Vec<&str> = path.split('.').collect();
        self.set_at(&segments, fact);
    }

    /// Puts a fact at a path whose segments may contain dots, such as
    /// `["mount", "/var/lib/x.y", "options"]`.
    pub fn set_at(&mut self, segments: &[&str], fact: Fact) {
        fn put(place: &mut Fact, segments: &[&str], fact: Fact) {
            let Some((first, rest)) = segments.split_first() else {
                *place = fact;
                return;
            };
            if !matches!(place, Fact::Known { value: Value::Map(_), .. }) {
                *place = Fact::group(BTreeMap::new());
            }
            if let Fact::Known { value: Value::Map(inner), .. } = place {
                put(inner.entry((*first).to_owned()).or_insert_with(no_members), rest, fact);
            }
        }
        let Some((first, rest)) = segments.split_first() else { return };
        let root = self.roots.entry((*first).to_owned()).or_insert_with(|| Arc::new(no_members()));
        put(Arc::make_mut(root), rest, fact);
    }

    /// The fact at a dotted path, if any was put there. An unreadable or
    /// absent group answers for all of its members.
    pub fn get(&self, path: &str) -> Option<&Fact> {
        let mut segments = path.split('.');
        let mut fact: &Fact = self.roots.get(segments.next()?)?;
        for segment in segments {
            match fact {
                Fact::Known { value: Value::Map(members), .. } => fact = members.get(segment)?,
                Fact::Known { .. } => return None,
                Fact::Absent { .. } | Fact::Unreadable { .. } => return Some(fact),
            }
        }
        Some(fact)
    }

    /// The known fact at a path of one segment, to be added to.
    pub(crate) fn get_mut(&mut self, root: &str) -> Option<&mut Fact> {
        self.roots.get_mut(root).map(Arc::make_mut)
    }

    /// What lies at the wanted paths.
    pub(crate) fn only<'w>(&self, wanted: impl IntoIterator<Item = &'w String>) -> Facts {
        let mut only = Facts::default();
        for path in wanted {
            if let Some(fact) = self.get(path) {
                only.set(path, fact.clone());
            }
        }
        only
    }

    /// The known text at a dotted path.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.get(path).and_then(Fact::text)
    }

    /// The known truth at a dotted path.
    pub fn bool(&self, path: &str) -> Option<bool> {
        self.get(path).and_then(Fact::bool)
    }

    /// The known whole number at a dotted path.
    pub fn int(&self, path: &str) -> Option<i64> {
        self.get(path).and_then(Fact::int)
    }

    /// The first segments and their facts, in the order of their names.
    pub fn roots(&self) -> &BTreeMap<String, Arc<Fact>> {
        &self.roots
    }

    /// All of it as one group.
    pub(crate) fn into_group(self) -> Fact {
        let members = self.roots.into_iter().map(|(name, fact)| (name, Arc::unwrap_or_clone(fact)));
        Fact::group(members.collect::<BTreeMap<_, _>>())
    }

    /// Takes over all facts of another tree; members of groups are merged,
    /// anything else is replaced.
    pub fn merge(&mut self, other: Facts) {
        fn merge_members(into: &mut BTreeMap<String, Fact>, from: BTreeMap<String, Fact>) {
            for (name, fact) in from {
                match (into.get_mut(&name), fact) {
                    (
                        Some(Fact::Known { value: Value::Map(present), .. }),
                        Fact::Known { value: Value::Map(more), .. },
                    ) => merge_members(present, more),
                    (_, fact) => {
                        into.insert(name, fact);
                    }
                }
            }
        }
        for (name, fact) in other.roots {
            match (self.roots.get_mut(&name), &*fact) {
                (Some(present), Fact::Known { value: Value::Map(_), .. })
                    if matches!(&**present, Fact::Known { value: Value::Map(_), .. }) =>
                {
                    if let Fact::Known { value: Value::Map(present), .. } = Arc::make_mut(present)
                        && let Fact::Known { value: Value::Map(more), .. } = Arc::unwrap_or_clone(fact)
                    {
                        merge_members(present, more);
                    }
                }
                _ => {
                    self.roots.insert(name, fact);
                }
            }
        }
    }
}

fn no_members() -> Fact {
    Fact::group(BTreeMap::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(paths: &[&str]) -> Facts {
        let mut facts = Facts::default();
        for path in paths {
            facts.set(path, Fact::group(true));
        }
        facts
    }

    #[test]
    fn a_copy_keeps_what_it_was_when_the_other_is_changed() {
        let mut facts = facts(&["kubelet.present", "swap"]);
        let copy = facts.clone();
        facts.set("kubelet.running", Fact::group(false));
        facts.set("swap", Fact::group(1_i64));
        assert_eq!((copy.get("kubelet.running"), copy.bool("swap")), (None, Some(true)));
        assert_eq!((facts.bool("kubelet.present"), facts.int("swap")), (Some(true), Some(1)));
    }

    #[test]
    fn groups_of_two_trees_are_merged_and_all_else_is_replaced() {
        let mut one = facts(&["kubelet.present", "kubelet.config.path", "swap", "gpu.present"]);
        let mut other = facts(&["kubelet.config.mode", "swap.active"]);
        other.set("gpu", Fact::Absent { source: None });
        let before = other.clone();
        one.merge(other.clone());
        assert_eq!(other, before);
        for path in ["kubelet.present", "kubelet.config.path", "kubelet.config.mode", "swap.active"] {
            assert_eq!(one.bool(path), Some(true), "{path}");
        }
        assert_eq!(one.get("gpu.present"), Some(&Fact::Absent { source: None }));
    }
}
