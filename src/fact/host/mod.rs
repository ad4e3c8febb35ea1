//! Facts about one Linux host, one file for each source.
//!
//! [`collect`] runs the collectors that the wanted facts need, those that do
//! not depend on each other in parallel. A collector returns no error: what
//! cannot be read becomes an [`Unreadable`](crate::fact::Fact::Unreadable)
//! fact. Nothing here runs a program or writes a byte.

mod absence;
mod apiserver;
mod capacity;
mod ceph;
pub(in crate::fact) mod certificate;
mod cgroup;
mod collection;
mod component;
mod control_plane;
mod dataplane;
pub mod document;
mod etcd;
mod etcd_backup;
mod firewall;
mod gpu;
mod identity;
mod init;
mod k3s;
mod kernel;
mod kubelet;
mod leftover;
mod module;
mod mount;
mod netns;
mod network;
mod nfs;
#[cfg(test)]
mod node_tests;
mod os_release;
pub mod package;
pub mod process;
mod rbd;
mod repository;
pub mod root;
pub mod runtime;
mod selinux;
mod static_pod;
mod static_pod_reference;
mod swap;
mod sysctl;
mod time;
pub mod unit;
mod virtualization;

use std::sync::OnceLock;
use std::time::Instant;

pub use collection::{Collection, collect};
pub(super) use kernel::{has_cgroup_accounting_fixes, parse_release};
pub(super) use network::encapsulation;
pub(super) use os_release::{System, parse_pretty_name};
pub(super) use runtime::installed::is_distribution_build;

use super::Facts;
use super::catalogue::FactDoc;
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
    os_release::COLLECTOR,
    package::COLLECTOR,
    repository::COLLECTOR,
    apiserver::COLLECTOR,
    capacity::COLLECTOR,
    ceph::COLLECTOR,
    certificate::COLLECTOR,
    cgroup::ACCEPTANCE,
    cgroup::COLLECTOR,
    control_plane::COLLECTOR,
    static_pod_reference::COLLECTOR,
    dataplane::COLLECTOR,
    etcd::COLLECTOR,
    etcd_backup::COLLECTOR,
    firewall::COLLECTOR,
    gpu::COLLECTOR,
    gpu::TOOLKIT,
    identity::COLLECTOR,
    init::COLLECTOR,
    k3s::COLLECTOR,
    kernel::COLLECTOR,
    kubelet::COLLECTOR,
    leftover::COLLECTOR,
    module::COLLECTOR,
    mount::COLLECTOR,
    netns::COLLECTOR,
    network::cni::COLLECTOR,
    network::conntrack::COLLECTOR,
    network::interface::COLLECTOR,
    network::kube_proxy::COLLECTOR,
    network::pod::COLLECTOR,
    network::port::COLLECTOR,
    network::uplink::COLLECTOR,
    nfs::client::COLLECTOR,
    nfs::export::COLLECTOR,
    rbd::COLLECTOR,
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
    selinux::COLLECTOR,
    swap::COLLECTOR,
    sysctl::COLLECTOR,
    sysctl::NEED,
    time::COLLECTOR,
    virtualization::COLLECTOR,
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
