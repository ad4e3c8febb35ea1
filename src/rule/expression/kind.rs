//! Kinds of values, and the tree of fact names that rules are checked against.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use crate::fact::catalogue::{self, FactDoc, Field, Type};

/// What an expression gives, as far as it can be told without facts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    /// Not known before there are facts.
    Any,
    Bool,
    Int,
    Float,
    Text,
    List(Box<Kind>),
    Map(Box<Kind>),
    /// Members with fixed names.
    Object(&'static [Field]),
    /// A group in the tree of facts.
    Group(&'static Branch),
    Version,
    Instant,
    Duration,
    Quantity,
    Address,
    Range,
}

impl Kind {
    /// The kind of a fact or member of the catalogue.
    pub(crate) fn of(declared: Type) -> Kind {
        match declared {
            Type::Bool => Kind::Bool,
            Type::Int => Kind::Int,
            Type::Float => Kind::Float,
            Type::Text => Kind::Text,
            Type::List(element) => Kind::List(Box::new(Kind::of(*element))),
            Type::Object(fields) => Kind::Object(fields),
            Type::Map(value) => Kind::Map(Box::new(Kind::of(*value))),
            Type::Host => Kind::Group(&CATALOGUE),
        }
    }

    /// Whether values of both kinds can be compared, or stand for each other.
    pub(crate) fn fits(&self, other: &Kind) -> bool {
        match (self, other) {
            (Kind::List(this), Kind::List(that)) | (Kind::Map(this), Kind::Map(that)) => this.fits(that),
            (Kind::Any, _)
            | (_, Kind::Any)
            | (Kind::Int | Kind::Float, Kind::Int | Kind::Float)
            | (Kind::Map(_) | Kind::Object(_) | Kind::Group(_), Kind::Map(_) | Kind::Object(_) | Kind::Group(_)) => {
                true
            }
            _ => self == other,
        }
    }

    /// The kind of a place that may hold either.
    pub(crate) fn or(self, other: Kind) -> Kind {
        match (self, other) {
            (Kind::List(this), Kind::List(that)) => Kind::List(Box::new(this.or(*that))),
            (this, that) if this == that => this,
            _ => Kind::Any,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Kind::Any => "anything",
            Kind::Bool => "true or false",
            Kind::Int => "a whole number",
            Kind::Float => "a number",
            Kind::Text => "text",
            Kind::List(_) => "a list",
            Kind::Map(_) | Kind::Object(_) | Kind::Group(_) => "a group of members",
            Kind::Version => "a version",
            Kind::Instant => "an instant",
            Kind::Duration => "a duration",
            Kind::Quantity => "a quantity",
            Kind::Address => "an address",
            Kind::Range => "a range of addresses",
        })
    }
}

/// A segment in the tree of fact names.
#[derive(Debug, Default)]
pub(crate) struct Branch {
    /// The whole path.
    pub(crate) path: String,
    /// The fact that is declared here, if this is not only a group.
    pub(crate) fact: Option<&'static FactDoc>,
    pub(crate) members: BTreeMap<&'static str, Branch>,
}

impl PartialEq for Branch {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

impl Branch {
    /// What the fact or group is.
    pub(crate) fn kind(&'static self) -> Kind {
        match self.fact {
            Some(fact) if self.members.is_empty() => Kind::of(fact.kind),
            _ => Kind::Group(self),
        }
    }
}

/// The tree of every declared fact.
pub(crate) static CATALOGUE: LazyLock<Branch> = LazyLock::new(|| grow(catalogue::joined()));

fn grow(facts: impl Iterator<Item = &'static FactDoc>) -> Branch {
    let mut root = Branch::default();
    for fact in facts {
        let mut branch = &mut root;
        for segment in fact.path.split('.') {
            let path = if branch.path.is_empty() { segment.to_owned() } else { format!("{}.{segment}", branch.path) };
            branch = branch.members.entry(segment).or_default();
            branch.path = path;
        }
        branch.fact = Some(fact);
    }
    root
}

/// What `lifecycle(product, cycle)` gives.
pub(crate) const LIFECYCLE: &[Field] = &[
    Field::new("standard_until", Type::Text, "Last day of standard support; absent where none is set yet."),
    Field::new("extended_until", Type::Text, "Last day of paid or opt-in support."),
    Field::new("active_until", Type::Text, "Last day of full support, before mere maintenance."),
    Field::new("released", Type::Text, "Day of the release."),
    Field::new("latest", Type::Text, "Newest release of the cycle when the table was made."),
    Field::new("codename", Type::Text, "Its name, as distributions give them."),
    Field::new("lts", Type::Bool, "Whether it is a long-term release."),
    Field::new("ended", Type::Bool, "Whether support was over when the table was made; known where there is no date."),
    Field::new("confidence", Type::Text, "`low` where the date was collected by hand, else `high`."),
    Field::new("note", Type::Text, "What else the table says."),
];
