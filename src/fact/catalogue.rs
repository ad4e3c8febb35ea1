//! The catalogue: every fact that a rule may name, its type and its meaning.
//!
//! Rules are checked against it when they are loaded, so a misspelt fact is
//! refused instead of being silently absent. Each collector declares its own
//! part; this module only joins them.

use std::collections::BTreeSet;

use super::{Fact, Facts, Source, cluster, host};

/// Facts that no collector delivers: the caller sets them.
const GIVEN: &[FactDoc] = &[
    FactDoc::new(
        "gate.target",
        Type::Text,
        "The Kubernetes version that the gate judges an upgrade to. Absent in an audit.",
    ),
    FactDoc::new(
        "gate.from",
        Type::Text,
        "The version of the cluster before the upgrade: what --from says, else that of the API server, else at least that of the newest kubelet. Absent in an audit.",
    ),
    FactDoc::new(
        "gate.from_exact",
        Type::Text,
        "The same, where it is exact; unreadable where only a kubelet tells, than which the API server may be newer.",
    ),
    FactDoc::new(
        "gate.from_minor",
        Type::Int,
        "The second number of gate.from: what leaves with a minor at or below it has left before the upgrade. Unreadable where nothing says it; absent where only manifests are judged, without --from.",
    ),
    FactDoc::new(
        "gate.api_objects",
        Type::List(&Type::Object(cluster::api::usage::API_OBJECT)),
        "Every object of the cluster, of --manifests and of Helm releases that names an API with an end; what several sources say of one object stands together. Absent in an audit.",
    ),
    FactDoc::new("judged.manifests", Type::Bool, "Whether files of --manifests are judged."),
    FactDoc::new("judged.host", Type::Bool, "Whether a host is judged, alone or beside a cluster."),
    FactDoc::new("judged.cluster", Type::Bool, "Whether a cluster is judged, alone or beside hosts."),
];

/// Every fact that a rule may name, in the order of the collectors.
pub fn joined() -> impl Iterator<Item = &'static FactDoc> {
    let host = host::COLLECTORS.iter().flat_map(|collector| collector.facts);
    let cluster = cluster::COLLECTORS.iter().flat_map(|collector| collector.facts);
    host.chain(cluster).chain(GIVEN)
}

/// Why the facts that begin with a name are not there.
pub(crate) fn why_missing(root: &str) -> &'static str {
    let mut docs = cluster::COLLECTORS.iter().flat_map(|collector| collector.facts);
    if docs.any(|doc| doc.path.split('.').next() == Some(root)) {
        "no cluster is judged beside this host: name one by --cluster or --objects"
    } else {
        "it was not collected"
    }
}

/// Whether one of two dotted paths is the other or lies beneath it.
pub(crate) fn overlap(one: &str, other: &str) -> bool {
    let is_within =
        |path: &str, group: &str| path.strip_prefix(group).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    is_within(one, other) || is_within(other, one)
}

/// Whether a collector of these facts delivers something of what is wanted.
pub(super) fn delivers(facts: &[FactDoc], wanted: &BTreeSet<String>) -> bool {
    facts.iter().any(|doc| wanted.iter().any(|path| overlap(path, doc.path)))
}

/// What a collector read, in which everything that it declares and left out is
/// unreadable; nothing was read where it failed.
pub(super) fn complete(read: Option<Facts>, collector: &str, declared: &[FactDoc]) -> Facts {
    let what = if read.is_none() { "failed" } else { "said nothing of it" };
    let mut facts = read.unwrap_or_default();
    for doc in declared {
        if facts.get(doc.path).is_none() {
            let reason = format!("the collector {collector} {what}");
            facts.set(doc.path, Fact::unreadable(Source::default_of("scanner itself"), reason));
        }
    }
    facts
}

/// One fact that a collector delivers.
#[derive(Clone, Copy, Debug)]
pub struct FactDoc {
    /// Dotted path, such as `kubelet.cgroup_driver`.
    pub path: &'static str,
    /// Its type.
    pub kind: Type,
    /// What it means: meaning, source, unit, and what absent means.
    pub doc: &'static str,
}

/// The type of a fact or of a member.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Type {
    /// True or false.
    Bool,
    /// A whole number.
    Int,
    /// A number with a fraction.
    Float,
    /// Text.
    Text,
    /// A list whose elements share a type.
    List(&'static Type),
    /// Members with fixed names.
    Object(&'static [Field]),
    /// Members whose names come from the host, sharing a type.
    Map(&'static Type),
    /// All facts of one host, by their paths: what joins a node to its host.
    Host,
}

/// A named member of an object type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: Type,
    /// What it means.
    pub doc: &'static str,
}

impl FactDoc {
    /// One line of a collector's declaration.
    pub const fn new(path: &'static str, kind: Type, doc: &'static str) -> Self {
        FactDoc { path, kind, doc }
    }
}

impl Field {
    /// One member of an object type.
    pub const fn new(name: &'static str, kind: Type, doc: &'static str) -> Self {
        Field { name, kind, doc }
    }
}
