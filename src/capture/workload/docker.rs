//! Containers of Docker and of Podman's service, by the API that both have.
//!
//! Truth: <https://docs.docker.com/reference/api/engine/>, `ContainerList` and
//! `ContainerInspect`. Podman's service is often off: see `storage`.

use serde_json::Value as Json;

use super::{Container, Inventory, PodName, SOCKET_WAIT, Workload, http};
use crate::fact::host::root::{FileKind, HostRoot, Outcome};

/// Where they listen.
const SOCKETS: &[(&str, &str)] = &[("docker", "/run/docker.sock"), ("podman", "/run/podman/podman.sock")];

/// Labels of containers that cri-dockerd made for the kubelet.
const POD_NAME: &str = "io.kubernetes.pod.name";
const POD_NAMESPACE: &str = "io.kubernetes.pod.namespace";
const POD_UID: &str = "io.kubernetes.pod.uid";
const CONTAINER_NAME: &str = "io.kubernetes.container.name";
const SANDBOX: &str = "io.kubernetes.sandbox.id";
/// `podsandbox` or `container`.
const KIND: &str = "io.kubernetes.docker.type";

/// Asks both.
pub(super) fn ask(root: &HostRoot) -> Inventory {
    let mut all = Inventory::default();
    for (runtime, path) in SOCKETS {
        if root.metadata(path).found().is_none_or(|metadata| metadata.kind != FileKind::Socket) {
            continue;
        }
        let Outcome::Found(socket) = root.socket_path(path) else { continue };
        let containers = |list: &Json| {
            let ids = list.as_array().map(Vec::as_slice).unwrap_or_default().iter();
            let ids = ids.filter_map(|container| container.get("Id")?.as_str());
            ids.map(|id| format!("/containers/{id}/json")).collect()
        };
        match http::ask(&socket, SOCKET_WAIT, "/containers/json", containers) {
            Ok((_, inspected)) => {
                let told = inspected.iter().filter_map(|container| parse_container(runtime, container)).collect();
                super::join::add(&mut all.workloads, told);
            }
            Err(reason) => all.silent.push(format!("{path}: {reason}")),
        }
    }
    all
}

/// A container as `ContainerInspect` describes it.
fn parse_container(runtime: &str, inspected: &Json) -> Option<Workload> {
    let text = |path: &str| inspected.pointer(path).and_then(Json::as_str).filter(|text| !text.is_empty());
    let label = |key: &str| inspected.pointer("/Config/Labels")?.get(key)?.as_str().map(str::to_owned);
    let pid = inspected.pointer("/State/Pid").and_then(Json::as_u64).and_then(|pid| u32::try_from(pid).ok());
    let pid = pid.filter(|pid| *pid > 0);
    let id = text("/Id")?.to_owned();
    let is_sandbox = label(KIND).as_deref() == Some("podsandbox");
    let pod = label(POD_NAME).zip(label(POD_NAMESPACE)).map(|(name, namespace)| PodName {
        namespace,
        name,
        uid: label(POD_UID).unwrap_or_default(),
    });
    let name = label(CONTAINER_NAME).filter(|_| pod.is_some());
    let name = name.unwrap_or_else(|| text("/Name").unwrap_or_default().trim_start_matches('/').to_owned());
    // Nothing is there where it uses another container's.
    let network_namespace = text("/NetworkSettings/SandboxKey").map(str::to_owned);
    let mode = text("/HostConfig/NetworkMode").unwrap_or_default();
    Some(Workload {
        runtime: runtime.to_owned(),
        sandbox_id: if is_sandbox { Some(id.clone()) } else { label(SANDBOX).filter(|_| pod.is_some()) },
        pod,
        is_host_network: (!mode.starts_with("container:")).then_some(mode == "host"),
        pid: pid.filter(|_| is_sandbox),
        containers: if is_sandbox { Vec::new() } else { vec![Container { id, name, pid }] },
        network_namespace,
        ..Workload::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_of_docker_stands_for_itself() {
        let inspected = serde_json::json!({
            "Id": "9e1b", "Name": "/web", "State": {"Pid": 4711},
            "HostConfig": {"NetworkMode": "bridge"},
            "NetworkSettings": {"SandboxKey": "/var/run/docker/netns/5f2a"},
            "Config": {"Labels": {"io.kubernetes.container.name": "misleading"}}
        });
        let workload = parse_container("docker", &inspected).unwrap();
        assert_eq!(workload.name(), "web");
        assert_eq!(workload.network_namespace.as_deref(), Some("/var/run/docker/netns/5f2a"));
        assert_eq!((workload.is_host_network, workload.pids().next()), (Some(false), Some(4711)));
    }

    #[test]
    fn containers_of_a_pod_know_their_sandbox() {
        let labels = |kind: &str| {
            serde_json::json!({POD_NAME: "web-0", POD_NAMESPACE: "shop", POD_UID: "u", CONTAINER_NAME: "app",
                SANDBOX: "sand", KIND: kind})
        };
        let inspect = |id: &str, kind: &str| {
            let inspected = serde_json::json!({"Id": id, "Name": "/k8s_x", "State": {"Pid": 7},
                "HostConfig": {"NetworkMode": "container:sand"}, "Config": {"Labels": labels(kind)}});
            parse_container("docker", &inspected).unwrap()
        };
        let mut all = Vec::new();
        crate::capture::workload::join::add(&mut all, vec![inspect("c", "container"), inspect("sand", "podsandbox")]);
        assert_eq!(all.len(), 1);
        assert_eq!((all[0].name().as_str(), all[0].pid), ("shop/web-0", Some(7)));
        assert_eq!(all[0].containers[0].name, "app");
    }
}
