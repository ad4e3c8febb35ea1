//! The pods and containers of this node, and where their processes are.
//!
//! In: the sockets of runtimes, and where they do not answer the folders in
//! which they keep their state, and the control groups of processes. Out: one
//! list, in which each pod and each container stands once. The API server is
//! not needed, and neither is a runtime that works.

mod cgroup;
mod cri;
mod docker;
mod http;
mod join;
mod shim;
mod storage;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::fact::host::root::HostRoot;

pub use cgroup::{Membership, parse_cgroup};

/// The longest that a socket is waited for; all are asked at once.
const SOCKET_WAIT: Duration = Duration::from_secs(2);

/// The longest for each later answer: a busy runtime is slow, and answers.
const ANSWER_WAIT: Duration = Duration::from_secs(10);

/// A pod, or a container that belongs to none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Workload {
    /// The pod; none of a container of Docker or Podman.
    pub pod: Option<PodName>,
    /// Who told of it: `containerd`, `docker`, `cgroup`.
    pub runtime: String,
    /// Its sandbox, where it is known.
    pub sandbox_id: Option<String>,
    /// Labels of the pod; empty where nobody told them.
    pub labels: BTreeMap<String, String>,
    /// Its containers that run.
    pub containers: Vec<Container>,
    /// Path of its network namespace.
    pub network_namespace: Option<String>,
    /// A process that is in it, the sandbox's if it has one.
    pub pid: Option<u32>,
    /// Whether it uses the node's network; none where nobody told.
    pub is_host_network: Option<bool>,
}

/// A pod by its names.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct PodName {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its unique identifier; empty where it is not known.
    pub uid: String,
}

/// A container that runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Container {
    /// Identifier.
    pub id: String,
    /// Name: within its pod, or the one that Docker or Podman has for it.
    pub name: String,
    /// Its first process.
    pub pid: Option<u32>,
}

impl Workload {
    /// `NAMESPACE/NAME` of a pod, the name of a container.
    pub fn name(&self) -> String {
        match (&self.pod, self.containers.first()) {
            (Some(pod), _) => format!("{}/{}", pod.namespace, pod.name),
            (None, Some(container)) if container.name.is_empty() => container.id.chars().take(12).collect(),
            (None, Some(container)) => container.name.clone(),
            (None, None) => String::new(),
        }
    }

    /// The processes that are known to be in it, the sandbox's first.
    pub fn pids(&self) -> impl Iterator<Item = u32> {
        self.pid.into_iter().chain(self.containers.iter().filter_map(|container| container.pid))
    }
}

/// Where to look.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// A socket of CRI that is asked in place of the usual ones.
    pub socket: Option<PathBuf>,
}

/// What there is, and who did not answer.
#[derive(Debug, Default)]
pub struct Inventory {
    /// Pods and containers, by their names.
    pub workloads: Vec<Workload>,
    /// What could not be asked or read, in words.
    pub silent: Vec<String>,
}

/// Reads what there is on this node.
pub fn read(root: &HostRoot, places: &Places) -> Inventory {
    let mut inventory = Inventory::default();
    let (cri, docker) = std::thread::scope(|scope| {
        let docker = scope.spawn(|| docker::ask(root));
        let cri = cri::ask(root, places);
        (cri, docker.join().unwrap_or_default())
    });
    // Who knows most comes first; what comes later only adds to it.
    for told in [cri, docker, shim::read(root), storage::read(root)] {
        inventory.silent.extend(told.silent);
        join::add(&mut inventory.workloads, told.workloads);
    }
    let of_processes = cgroup::read(root, &inventory.workloads);
    join::add(&mut inventory.workloads, of_processes);
    for workload in &mut inventory.workloads {
        workload.containers.sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
    }
    inventory.workloads.sort_by_key(|workload| (workload.pod.is_none(), workload.name()));
    inventory
}
