//! Facts about one cluster, from its objects.
//!
//! A [`Collector`] says which objects it needs, sees each of them once, in the
//! order in which they come, and keeps only what its facts need: an object is
//! dropped before the next one is parsed. Where the objects come from is not
//! its concern: [`file`] reads them from files. What was denied, or is not in
//! the files, is a fact that cannot be read, never an empty list.

mod backup;
mod collection;
mod component;
pub mod file;
mod image;
mod k3s;
mod kubeadm;
mod node;
mod object;
pub mod resource;
mod skew;
mod version;

pub use collection::{Collection, Listing, Lists};
pub use object::{Element, Object};
pub use resource::{Detail, Request, Resource, Scope, What};

use super::Facts;
use super::catalogue::FactDoc;

/// Reads one group of objects.
pub struct Collector {
    /// What it reads, as one word that no other collector has.
    pub name: &'static str,
    /// The facts that it delivers; all of them, each time, in some form.
    pub facts: &'static [FactDoc],
    /// The objects that it sees.
    pub requests: &'static [Request],
    /// A reader that has seen nothing yet.
    pub start: fn() -> Box<dyn Reader>,
}

/// A collector at work.
pub trait Reader: Send {
    /// Takes what the facts need of one object.
    fn see(&mut self, object: &Object<'_>);

    /// The facts, when nothing more will come.
    fn finish(self: Box<Self>, lists: &Lists) -> Facts;
}

/// Every collector of cluster facts; their order has no meaning.
pub const COLLECTORS: &[Collector] = &[
    backup::COLLECTOR,
    component::COLLECTOR,
    k3s::COLLECTOR,
    kubeadm::COLLECTOR,
    node::COLLECTOR,
    skew::COLLECTOR,
    version::COLLECTOR,
];
