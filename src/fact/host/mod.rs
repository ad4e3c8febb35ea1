//! Facts about one Linux host, one file for each source.
//!
//! [`collect`] runs the collectors that the wanted facts need, those that do
//! not depend on each other in parallel. A collector returns no error: what
//! cannot be read becomes an [`Unreadable`](crate::fact::Fact::Unreadable)
//! fact. Nothing here runs a program or writes a byte.

mod certificate;
mod control_plane;
pub mod document;
mod etcd;
mod k3s;
mod kubelet;
mod network;
mod nfs;
pub mod package;
pub mod process;
pub mod root;
pub mod runtime;
pub mod unit;

use std::collections::BTreeSet;
use std::sync::OnceLock;
use std::time::Instant;

use rayon::prelude::*;

use super::catalogue::FactDoc;
use super::{Fact, Facts, Source};
use package::Package;
use process::Process;
use root::{HostRoot, Outcome};

/// Reads one source of the host.
pub struct Collector {
    /// What it reads, as one word that no other collector has.
    pub name: &'static str,
    /// The facts that it delivers; all of them, each time, in some form.
    pub facts: &'static [FactDoc],
    /// Names of collectors whose facts it reads; they run before it.
    pub needs: &'static [&'static str],
    /// Reads the host, and the facts of the collectors that it needs.
    pub collect: fn(&Host, &Facts) -> Facts,
}

/// Every collector of host facts; their order has no meaning.
pub const COLLECTORS: &[Collector] = &[
    certificate::COLLECTOR,
    control_plane::COLLECTOR,
    etcd::COLLECTOR,
    k3s::COLLECTOR,
    kubelet::COLLECTOR,
    runtime::containerd::COLLECTOR,
    runtime::cri::COLLECTOR,
    runtime::crictl::COLLECTOR,
    runtime::crio::COLLECTOR,
    runtime::dead::COLLECTOR,
    runtime::docker::COLLECTOR,
    runtime::dockershim::COLLECTOR,
    runtime::installed::COLLECTOR,
    runtime::podman::COLLECTOR,
    runtime::registries::COLLECTOR,
    runtime::runc::COLLECTOR,
    runtime::sandbox::COLLECTOR,
    runtime::service::COLLECTOR,
    runtime::view::COLLECTOR,
    network::cni::COLLECTOR,
    network::conntrack::COLLECTOR,
    network::interface::COLLECTOR,
    network::kube_proxy::COLLECTOR,
    network::pod::COLLECTOR,
    network::port::COLLECTOR,
    network::uplink::COLLECTOR,
    nfs::client::COLLECTOR,
    nfs::export::COLLECTOR,
];

/// The host that is looked at, with what several collectors share.
pub struct Host {
    /// The only door to its files.
    pub root: HostRoot,
    /// When every socket must have answered.
    pub deadline: Instant,
    processes: OnceLock<Outcome<Vec<Process>>>,
    packages: OnceLock<Outcome<Vec<Package>>>,
}

impl Host {
    /// A host whose files lie beneath `root`; sockets are asked until `deadline`.
    pub fn new(root: HostRoot, deadline: Instant) -> Self {
        Host { root, deadline, processes: OnceLock::new(), packages: OnceLock::new() }
    }

    /// The processes of the host, read once.
    pub fn processes(&self) -> &Outcome<Vec<Process>> {
        self.processes.get_or_init(|| process::read_processes(&self.root))
    }

    /// The installed packages of the host, read once.
    pub fn packages(&self) -> &Outcome<Vec<Package>> {
        self.packages.get_or_init(|| package::read_packages(&self.root))
    }
}

/// Runs the collectors that deliver the wanted facts, and those they need.
///
/// `wanted` holds fact paths (`kubelet.cgroup_driver`) or their first
/// segments (`kubelet`); an empty set means every fact.
pub fn collect(host: &Host, wanted: &BTreeSet<String>) -> Facts {
    let mut waiting = needed_collectors(wanted);
    let mut done: BTreeSet<&str> = BTreeSet::new();
    let mut facts = Facts::default();
    while !waiting.is_empty() {
        let (ready, later): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|collector| collector.needs.iter().all(|need| done.contains(need)));
        assert!(!ready.is_empty(), "collectors need each other in a circle");
        let parts: Vec<Facts> = ready.par_iter().map(|collector| run(collector, host, &facts)).collect();
        for part in parts {
            facts.merge(part);
        }
        done.extend(ready.iter().map(|collector| collector.name));
        waiting = later;
    }
    facts
}

/// Runs one collector; facts that it left out, or a panic, become unreadable.
fn run(collector: &Collector, host: &Host, earlier: &Facts) -> Facts {
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| (collector.collect)(host, earlier)));
    let failed = outcome.is_err();
    let mut facts = outcome.unwrap_or_default();
    for doc in collector.facts {
        if facts.get(doc.path).is_none() {
            let reason = if failed {
                format!("the collector {} failed", collector.name)
            } else {
                format!("the collector {} said nothing of it", collector.name)
            };
            facts.set(doc.path, Fact::unreadable(Source::default_of("scanner itself"), reason));
        }
    }
    facts
}

fn needed_collectors(wanted: &BTreeSet<String>) -> Vec<&'static Collector> {
    let delivers = |collector: &Collector| {
        wanted.is_empty()
            || collector
                .facts
                .iter()
                .any(|doc| wanted.iter().any(|path| is_within(path, doc.path) || is_within(doc.path, path)))
    };
    let mut names: BTreeSet<&str> = BTreeSet::new();
    let mut open: Vec<&Collector> = COLLECTORS.iter().filter(|collector| delivers(collector)).collect();
    while let Some(collector) = open.pop() {
        if names.insert(collector.name) {
            open.extend(COLLECTORS.iter().filter(|other| collector.needs.contains(&other.name)));
        }
    }
    COLLECTORS.iter().filter(|collector| names.contains(collector.name)).collect()
}

/// Whether `path` is `group` or lies beneath it.
fn is_within(path: &str, group: &str) -> bool {
    path.strip_prefix(group).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}
