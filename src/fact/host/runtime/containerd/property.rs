//! [`Property`]: a configuration tree in which every value knows the file and
//! line that it came from, so that merging keeps the place of what won.
//!
//! In: parsed TOML documents. Out: trees to merge and to look things up in.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::fact::host::document::{Node, NodeValue};
use crate::fact::{Fact, Source, Value};

/// A value of a configuration file and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Property {
    /// File that it stands in.
    pub(super) file: Arc<str>,
    /// Line, counted from 1.
    pub(super) line: u32,
    /// What it is.
    pub(super) setting: Setting,
}

/// What a property holds.
#[derive(Clone, Debug)]
pub(super) enum Setting {
    /// Text, numbers, truths; anything without members.
    Scalar(NodeValue),
    /// An array.
    List(Vec<Property>),
    /// A table.
    Table(BTreeMap<String, Property>),
}

impl Property {
    /// The tree of a document of that file.
    pub(super) fn of(node: &Node, file: &Arc<str>) -> Property {
        let setting = match &node.value {
            NodeValue::List(elements) => Setting::List(elements.iter().map(|node| Property::of(node, file)).collect()),
            NodeValue::Map(members) => {
                Setting::Table(members.iter().map(|(name, node)| (name.clone(), Property::of(node, file))).collect())
            }
            scalar => Setting::Scalar(scalar.clone()),
        };
        Property { file: Arc::clone(file), line: node.line, setting }
    }

    /// A file as a whole that is not there.
    pub(super) fn of_file(path: &str) -> Property {
        Property { file: Arc::from(path), line: 0, setting: Setting::Table(BTreeMap::new()) }
    }

    /// An empty table that stands where another property does.
    pub(super) fn table_at(place: &Property) -> Property {
        Property { file: Arc::clone(&place.file), line: place.line, setting: Setting::Table(BTreeMap::new()) }
    }

    /// The member of that name.
    pub(super) fn get(&self, name: &str) -> Option<&Property> {
        self.members().and_then(|members| members.get(name))
    }

    /// The property at a path of member names.
    pub(super) fn at(&self, path: &[&str]) -> Option<&Property> {
        path.iter().try_fold(self, |property, name| property.get(name))
    }

    /// The members, if it is a table.
    pub(super) fn members(&self) -> Option<&BTreeMap<String, Property>> {
        match &self.setting {
            Setting::Table(members) => Some(members),
            _ => None,
        }
    }

    /// The members to change, if it is a table.
    pub(super) fn members_mut(&mut self) -> Option<&mut BTreeMap<String, Property>> {
        match &mut self.setting {
            Setting::Table(members) => Some(members),
            _ => None,
        }
    }

    /// The elements, if it is an array; otherwise none.
    pub(super) fn elements(&self) -> &[Property] {
        match &self.setting {
            Setting::List(elements) => elements,
            _ => &[],
        }
    }

    /// The text, if it is text.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.setting {
            Setting::Scalar(NodeValue::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The text, if it is text and not empty.
    pub(super) fn filled_text(&self) -> Option<&str> {
        self.text().filter(|text| !text.is_empty())
    }

    /// The truth, if it is a boolean.
    pub(super) fn bool(&self) -> Option<bool> {
        match self.setting {
            Setting::Scalar(NodeValue::Bool(truth)) => Some(truth),
            _ => None,
        }
    }

    /// The number, if it is whole.
    pub(super) fn int(&self) -> Option<i64> {
        match self.setting {
            Setting::Scalar(NodeValue::Int(number)) => Some(number),
            _ => None,
        }
    }

    /// Whether it says anything: not false, zero, empty, or made of such.
    /// `containerd config default` writes every property with such values.
    pub(super) fn is_set(&self) -> bool {
        match &self.setting {
            Setting::Scalar(NodeValue::Null | NodeValue::Bool(false) | NodeValue::Int(0)) => false,
            Setting::Scalar(NodeValue::Text(text)) => !text.is_empty(),
            Setting::Scalar(_) => true,
            Setting::List(elements) => !elements.is_empty(),
            Setting::Table(members) => members.values().any(Property::is_set),
        }
    }

    /// Whether it holds the same as another, wherever both stand.
    pub(super) fn is_same(&self, other: &Property) -> bool {
        match (&self.setting, &other.setting) {
            (Setting::Scalar(mine), Setting::Scalar(theirs)) => mine == theirs,
            (Setting::List(mine), Setting::List(theirs)) => {
                mine.len() == theirs.len() && mine.iter().zip(theirs).all(|(mine, theirs)| mine.is_same(theirs))
            }
            (Setting::Table(mine), Setting::Table(theirs)) => {
                mine.len() == theirs.len()
                    && mine
                        .iter()
                        .zip(theirs)
                        .all(|((name, mine), (other, theirs))| name == other && mine.is_same(theirs))
            }
            _ => false,
        }
    }

    /// Where it stands.
    pub(super) fn source(&self) -> Source {
        if self.line == 0 { Source::file(&*self.file) } else { Source::line(&*self.file, self.line) }
    }

    /// A fact that was read here.
    pub(super) fn fact(&self, value: impl Into<Value>) -> Fact {
        Fact::known(value, self.source())
    }
}
