//! containerd's containers without containerd: the folder of each task holds
//! the OCI specification and the number of the first process.
//!
//! `<state>/io.containerd.runtime.v2.task/<namespace>/<id>/{config.json,init.pid}`;
//! the folders of other states are found by their shims, which work in them.
//! Annotations of CRI: containerd's `pkg/cri/annotations`.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::{Container, Inventory, PodName, Workload, cgroup};
use crate::fact::host::root::{HostRoot, Outcome};

/// States of containerd as distributions and Docker configure it.
const STATES: &[&str] = &[
    "/run/containerd",
    "/run/k3s/containerd",
    "/run/k0s/containerd",
    "/run/docker/containerd/daemon",
    "/var/snap/microk8s/common/run/containerd",
];

const TASKS: &str = "io.containerd.runtime.v2.task";

/// containerd's namespace of Docker's containers.
const MOBY: &str = "moby";

/// Reads the folders of tasks.
pub(super) fn read(root: &HostRoot) -> Inventory {
    let mut folders: BTreeSet<String> = STATES.iter().map(|state| format!("{state}/{TASKS}")).collect();
    folders.extend(folders_of_shims(root));
    let mut all = Inventory::default();
    for folder in folders {
        let namespaces = match root.read_folder(&folder) {
            Outcome::Found(namespaces) => namespaces,
            Outcome::Absent => continue,
            Outcome::Unreadable(reason) => {
                all.silent.push(reason);
                continue;
            }
        };
        for namespace in namespaces {
            let of_namespace = format!("{folder}/{namespace}");
            let tasks = root.read_folder(&of_namespace).found().unwrap_or_default();
            let read = tasks.iter().filter_map(|id| read_task(root, &of_namespace, &namespace, id)).collect();
            super::join::add(&mut all.workloads, read);
        }
    }
    all
}

/// Where shims work: `<state>/io.containerd.runtime.v2.task/<namespace>/<id>`.
fn folders_of_shims(root: &HostRoot) -> Vec<String> {
    let mut folders = Vec::new();
    for pid in cgroup::processes(root) {
        let line = root.read_kernel_text(&format!("/proc/{pid}/cmdline")).found().unwrap_or_default();
        let program = line.split('\0').next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
        if !program.starts_with("containerd-shim") {
            continue;
        }
        let Ok(folder) = rustix::fs::readlink(format!("/proc/{pid}/cwd"), Vec::new()) else { continue };
        let folder = folder.into_string().unwrap_or_default();
        if let Some((state, _)) = folder.split_once(&format!("/{TASKS}/")) {
            folders.push(format!("{state}/{TASKS}"));
        }
    }
    folders
}

fn read_task(root: &HostRoot, folder: &str, namespace: &str, id: &str) -> Option<Workload> {
    let pid = root.read_text(&format!("{folder}/{id}/init.pid")).found()?.trim().parse().ok()?;
    if !cgroup::is_alive(pid) {
        return None;
    }
    let config = root.read_text(&format!("{folder}/{id}/config.json")).found().unwrap_or_default();
    let config: Json = serde_json::from_str(&config).unwrap_or_default();
    let mut workload = parse_task(id, pid, &config);
    if namespace == MOBY && workload.pod.is_none() {
        "docker".clone_into(&mut workload.runtime);
        if let Some(container) = workload.containers.first_mut() {
            container.name = docker_name(root, id).unwrap_or_default();
        }
    }
    Some(workload)
}

/// A task by its OCI specification.
pub(super) fn parse_task(id: &str, pid: u32, config: &Json) -> Workload {
    let annotation = |key: &str| config.pointer("/annotations")?.get(key)?.as_str().map(str::to_owned);
    let of_cri = |key: &str| annotation(&format!("io.kubernetes.cri.{key}"));
    let pod = of_cri("sandbox-name").zip(of_cri("sandbox-namespace")).map(|(name, namespace)| PodName {
        namespace,
        name,
        uid: of_cri("sandbox-uid").unwrap_or_default(),
    });
    let is_sandbox = of_cri("container-type").as_deref() == Some("sandbox");
    let namespaces = config.pointer("/linux/namespaces").and_then(Json::as_array);
    let network = namespaces
        .and_then(|all| all.iter().find(|namespace| namespace.get("type").and_then(Json::as_str) == Some("network")));
    let path = network.and_then(|namespace| namespace.get("path")?.as_str()).filter(|path| path.starts_with('/'));
    let name = of_cri("container-name").or_else(|| annotation("nerdctl/name")).unwrap_or_default();
    Workload {
        runtime: "containerd".to_owned(),
        sandbox_id: of_cri("sandbox-id").filter(|_| pod.is_some()),
        // That of a process outlives nobody.
        network_namespace: path.filter(|path| !path.starts_with("/proc/")).map(str::to_owned),
        is_host_network: namespaces.map(|_| network.is_none()),
        pid: Some(pid).filter(|_| is_sandbox),
        containers: if is_sandbox { Vec::new() } else { vec![Container { id: id.to_owned(), name, pid: Some(pid) }] },
        pod,
        ..Workload::default()
    }
}

/// The name that Docker has for a container, in its own folder.
fn docker_name(root: &HostRoot, id: &str) -> Option<String> {
    let config = root.read_text(&format!("/var/lib/docker/containers/{id}/config.v2.json")).found()?;
    let config: Json = serde_json::from_str(&config).ok()?;
    Some(config.get("Name")?.as_str()?.trim_start_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annotations_name_the_pod_of_a_task() {
        let annotations = |kind: &str| {
            serde_json::json!({"io.kubernetes.cri.container-type": kind, "io.kubernetes.cri.sandbox-id": "s1",
                "io.kubernetes.cri.sandbox-name": "web-0", "io.kubernetes.cri.sandbox-namespace": "shop",
                "io.kubernetes.cri.sandbox-uid": "u1", "io.kubernetes.cri.container-name": "app"})
        };
        let network = |path: &str| serde_json::json!({"namespaces": [{"type": "network", "path": path}]});
        let sandbox =
            serde_json::json!({"annotations": annotations("sandbox"), "linux": network("/var/run/netns/cni-1")});
        let container =
            serde_json::json!({"annotations": annotations("container"), "linux": network("/proc/7/ns/net")});
        let mut all = Vec::new();
        super::super::join::add(&mut all, vec![parse_task("c1", 8, &container), parse_task("s1", 7, &sandbox)]);
        assert_eq!(all.len(), 1);
        assert_eq!((all[0].name().as_str(), all[0].pid), ("shop/web-0", Some(7)));
        assert_eq!(all[0].network_namespace.as_deref(), Some("/var/run/netns/cni-1"));
        assert_eq!(all[0].containers, [Container { id: "c1".to_owned(), name: "app".to_owned(), pid: Some(8) }]);
    }

    #[test]
    fn a_specification_without_a_network_namespace_is_of_the_hosts_network() {
        let config = serde_json::json!({"linux": {"namespaces": [{"type": "mount"}]}});
        assert_eq!(parse_task("c", 7, &config).is_host_network, Some(true));
        assert_eq!(parse_task("c", 7, &Json::Null).is_host_network, None);
    }
}
