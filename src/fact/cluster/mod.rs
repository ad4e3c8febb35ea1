//! Facts about one cluster, from its objects.
//!
//! A [`Collector`] says which objects it needs, sees each of them once, in the
//! order in which they come, and keeps only what its facts need: an object is
//! dropped before the next one is parsed. Where the objects come from is not
//! its concern: [`client`] asks an API server, [`file`] reads them from files. What was denied, or is not in
//! the files, is a fact that cannot be read, never an empty list.

pub mod api;
mod authority;
mod backup;
mod ceph;
mod certificate;
pub mod client;
mod collection;
mod component;
mod drain;
mod event;
mod extension;
pub mod file;
mod gpu;
mod helm;
mod image;
mod k3s;
mod kubeadm;
mod kubelet_config;
mod leaving;
mod namespace;
mod network;
mod node;
mod object;
mod page;
mod proxy;
mod range;
mod rbac;
mod rbd;
pub mod resource;
mod retiring;
mod selector;
mod skew;
mod snapshot;
mod storage;
mod version;
mod webhook;
mod workload;

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

/// Collectors that only run where a fact of theirs is asked for by its name.
const ONLY_NAMED: &[&str] = &["helm", "history"];

/// Every collector of cluster facts; their order has no meaning.
pub const COLLECTORS: &[Collector] = &[
    api::COLLECTOR,
    api::history::COLLECTOR,
    api::requested::COLLECTOR,
    drain::COLLECTOR,
    backup::COLLECTOR,
    ceph::COLLECTOR,
    certificate::COLLECTOR,
    component::COLLECTOR,
    event::COLLECTOR,
    extension::COLLECTOR,
    gpu::COLLECTOR,
    helm::COLLECTOR,
    k3s::COLLECTOR,
    kubeadm::COLLECTOR,
    kubelet_config::COLLECTOR,
    leaving::COLLECTOR,
    namespace::COLLECTOR,
    network::COLLECTOR,
    node::COLLECTOR,
    proxy::COLLECTOR,
    range::COLLECTOR,
    rbac::COLLECTOR,
    rbd::COLLECTOR,
    retiring::COLLECTOR,
    skew::COLLECTOR,
    snapshot::COLLECTOR,
    storage::COLLECTOR,
    version::COLLECTOR,
    webhook::COLLECTOR,
    workload::COLLECTOR,
];
