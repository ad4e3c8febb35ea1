//! What runtimes tell over CRI, whichever of them listen.

use std::path::PathBuf;

use super::{ANSWER_WAIT, Container, Inventory, Places, PodName, SOCKET_WAIT, Workload};
use crate::fact::host::root::{FileKind, HostRoot, Outcome};
use crate::fact::host::runtime::cri::DEFAULT_SOCKETS;
use crate::fact::host::runtime::cri::pod::Session;

/// Where Kubernetes keeps the labels of its own, which are no labels of the pod.
const OWN_LABELS: &str = "io.kubernetes.";

/// Asks all sockets at once.
pub(super) fn ask(root: &HostRoot, places: &Places) -> Inventory {
    let sockets = sockets(root, places);
    let mut all = Inventory::default();
    let told: Vec<_> = std::thread::scope(|scope| {
        let asked: Vec<_> = sockets.iter().map(|socket| (socket, scope.spawn(|| ask_one(socket)))).collect();
        asked.into_iter().map(|(socket, thread)| (socket, thread.join())).collect()
    });
    for (socket, told) in told {
        match told {
            Ok(Ok(workloads)) => super::join::add(&mut all.workloads, workloads),
            Ok(Err(reason)) => all.silent.push(format!("{}: {reason}", socket.display())),
            Err(_) => all.silent.push(format!("{}: asking it failed", socket.display())),
        }
    }
    all
}

/// The named socket, else that of the kubelet and the usual ones, each once.
fn sockets(root: &HostRoot, places: &Places) -> Vec<PathBuf> {
    if let Some(socket) = &places.socket {
        return vec![socket.clone()];
    }
    let of_kubelet = kubelet_sockets(root);
    let mut resolved = Vec::new();
    for path in of_kubelet.iter().map(String::as_str).chain(DEFAULT_SOCKETS.iter().copied()) {
        let is_socket = root.metadata(path).found().is_some_and(|metadata| metadata.kind == FileKind::Socket);
        if is_socket && let Outcome::Found(path) = root.socket_path(path) {
            // Docker's own containerd and others may be links to one.
            let path = rustix::fs::readlink(&path, Vec::new())
                .ok()
                .and_then(|target| target.into_string().ok().map(PathBuf::from))
                .filter(|target| target.is_absolute())
                .unwrap_or(path);
            if !resolved.contains(&path) {
                resolved.push(path);
            }
        }
    }
    resolved
}

/// `--container-runtime-endpoint` of running kubelets.
fn kubelet_sockets(root: &HostRoot) -> Vec<String> {
    const FLAG: &str = "--container-runtime-endpoint";
    let mut sockets = Vec::new();
    for pid in super::cgroup::processes(root) {
        let Outcome::Found(line) = root.read_kernel_text(&format!("/proc/{pid}/cmdline")) else { continue };
        let arguments: Vec<&str> = line.split('\0').collect();
        let is_kubelet =
            arguments.first().is_some_and(|program| program.ends_with("kubelet") || program.ends_with("k3s"));
        if !is_kubelet {
            continue;
        }
        let value = arguments.iter().enumerate().find_map(|(at, argument)| {
            let rest = argument.strip_prefix(FLAG)?;
            rest.strip_prefix('=').or_else(|| arguments.get(at + 1).copied().filter(|_| rest.is_empty()))
        });
        sockets.extend(value.map(|value| value.strip_prefix("unix://").unwrap_or(value).to_owned()));
    }
    sockets
}

fn ask_one(socket: &std::path::Path) -> Result<Vec<Workload>, String> {
    let mut session = Session::open(socket, SOCKET_WAIT)?;
    session.set_wait(ANSWER_WAIT);
    let pods = session.pods()?;
    let mut containers = session.containers()?;
    let mut workloads = Vec::new();
    for pod in pods.into_iter().filter(|pod| pod.is_ready) {
        // One that was deleted meanwhile, or whose shim is dead, is no reason to tell nothing.
        let place = session.pod_place(&pod.id).unwrap_or_default();
        let (own, others): (Vec<_>, Vec<_>) = containers.into_iter().partition(|container| container.pod_id == pod.id);
        containers = others;
        let own = own.into_iter().map(|container| {
            let pid = session.container_place(&container.id).ok().and_then(|place| place.pid);
            Container { id: container.id, name: container.name, pid }
        });
        workloads.push(Workload {
            pod: Some(PodName { namespace: pod.namespace, name: pod.name, uid: pod.uid }),
            sandbox_id: Some(pod.id),
            labels: pod.labels.into_iter().filter(|(key, _)| !key.starts_with(OWN_LABELS)).collect(),
            containers: own.collect(),
            network_namespace: place.network_namespace,
            pid: place.pid,
            is_host_network: place.is_host_network,
            runtime: session.name.clone(),
        });
    }
    Ok(workloads)
}
