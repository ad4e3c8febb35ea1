//! Containers of Podman and CRI-O without either: the folder of each running
//! container holds the OCI specification and the number of the first process.
//!
//! `<run>/overlay-containers/<id>/userdata/{config.json,pidfile}`, of users in
//! `/run/user/UID/containers`. Podman's names are in its `conmon`, conmon(8).

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::{Container, Inventory, PodName, Workload, cgroup};
use crate::fact::host::root::{HostRoot, Outcome};

const SYSTEM: &str = "/run/containers/storage";
const USERS: &str = "/run/user";

/// Reads the folders of containers.
pub(super) fn read(root: &HostRoot) -> Inventory {
    let mut all = Inventory::default();
    let users = root.read_folder(USERS).found().unwrap_or_default();
    let of_users = users.iter().map(|user| format!("{USERS}/{user}/containers"));
    let names = names_of_conmons(root);
    for folder in std::iter::once(SYSTEM.to_owned()).chain(of_users) {
        let drivers = match root.read_folder(&folder) {
            Outcome::Found(drivers) => drivers,
            Outcome::Absent => continue,
            Outcome::Unreadable(reason) => {
                all.silent.push(reason);
                continue;
            }
        };
        for driver in drivers.iter().filter(|name| name.ends_with("-containers")) {
            let ids = root.read_folder(&format!("{folder}/{driver}")).found().unwrap_or_default();
            let read = ids.iter().filter_map(|id| read_container(root, &format!("{folder}/{driver}/{id}"), id, &names));
            super::join::add(&mut all.workloads, read.collect());
        }
    }
    all
}

fn read_container(root: &HostRoot, folder: &str, id: &str, names: &BTreeMap<String, String>) -> Option<Workload> {
    let pid = root.read_text(&format!("{folder}/userdata/pidfile")).found()?.trim().parse().ok()?;
    if !cgroup::is_alive(pid) {
        return None;
    }
    let config = root.read_text(&format!("{folder}/userdata/config.json")).found().unwrap_or_default();
    let config: Json = serde_json::from_str(&config).unwrap_or_default();
    Some(parse_container(id, pid, &config, names.get(id).map(String::as_str)))
}

/// A container by its OCI specification; `name` is what conmon calls it.
fn parse_container(id: &str, pid: u32, config: &Json, name: Option<&str>) -> Workload {
    let annotation = |key: &str| config.pointer("/annotations")?.get(key)?.as_str().map(str::to_owned);
    let of_crio = |key: &str| annotation(&format!("io.kubernetes.cri-o.{key}"));
    let mut workload = super::shim::parse_task(id, pid, config);
    let Some(sandbox) = of_crio("SandboxID") else {
        "podman".clone_into(&mut workload.runtime);
        workload.containers =
            vec![Container { id: id.to_owned(), name: name.unwrap_or_default().to_owned(), pid: Some(pid) }];
        return workload;
    };
    let of_pod = |key: &str| annotation(&format!("io.kubernetes.pod.{key}"));
    "cri-o".clone_into(&mut workload.runtime);
    workload.pod = of_pod("name").or_else(|| of_crio("KubeName")).map(|name| PodName {
        namespace: of_pod("namespace").or_else(|| of_crio("Namespace")).unwrap_or_default(),
        name,
        uid: of_pod("uid").unwrap_or_default(),
    });
    workload.is_host_network = of_crio("HostNetwork").map(|told| told == "true").or(workload.is_host_network);
    if of_crio("ContainerType").as_deref() == Some("sandbox") {
        workload.pid = Some(pid);
        workload.containers.clear();
    } else if let Some(container) = workload.containers.first_mut() {
        container.name = annotation("io.kubernetes.container.name").unwrap_or_default();
    }
    workload.sandbox_id = Some(sandbox);
    workload
}

/// Names of containers by their identifiers.
fn names_of_conmons(root: &HostRoot) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for pid in cgroup::processes(root) {
        let line = root.read_kernel_text(&format!("/proc/{pid}/cmdline")).found().unwrap_or_default();
        names.extend(name_of_conmon(&line));
    }
    names
}

/// `conmon … -c ID … -n NAME …`, with NUL between the arguments.
fn name_of_conmon(line: &str) -> Option<(String, String)> {
    let arguments: Vec<&str> = line.split('\0').collect();
    if arguments.first()?.rsplit('/').next() != Some("conmon") {
        return None;
    }
    let after = |short: &str, long: &str| {
        let at = arguments.iter().position(|argument| *argument == short || *argument == long)?;
        arguments.get(at + 1).map(|value| (*value).to_owned())
    };
    after("-c", "--cid").zip(after("-n", "--name"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn podmans_name_is_conmons_argument() {
        let line = "/usr/bin/conmon\0--api-version\x001\0-c\x004f5e\0-u\x004f5e\0-r\0/usr/bin/crun\0-n\0web\0-s\0";
        assert_eq!(name_of_conmon(line), Some(("4f5e".to_owned(), "web".to_owned())));
        assert_eq!(name_of_conmon("/bin/sh\0-c\0x\0-n\0y"), None);
        let config = serde_json::json!({"annotations": {"io.container.manager": "libpod"},
            "linux": {"namespaces": [{"type": "network", "path": "/run/netns/netns-3f1c"}]}});
        let workload = parse_container("4f5e", 7, &config, Some("web"));
        assert_eq!((workload.name().as_str(), workload.runtime.as_str()), ("web", "podman"));
        assert_eq!(workload.network_namespace.as_deref(), Some("/run/netns/netns-3f1c"));
    }

    #[test]
    fn crios_annotations_name_the_pod() {
        let config = |kind: &str| {
            serde_json::json!({"annotations": {"io.kubernetes.cri-o.SandboxID": "s", "io.kubernetes.cri-o.ContainerType": kind,
                "io.kubernetes.pod.name": "web-0", "io.kubernetes.pod.namespace": "shop", "io.kubernetes.pod.uid": "u",
                "io.kubernetes.container.name": "app"}})
        };
        let container = parse_container("c", 8, &config("container"), None);
        assert_eq!((container.name().as_str(), container.sandbox_id.as_deref()), ("shop/web-0", Some("s")));
        assert_eq!(container.containers[0].name, "app");
        let sandbox = parse_container("s", 7, &config("sandbox"), None);
        assert_eq!((sandbox.pid, sandbox.containers.len()), (Some(7), 0));
    }
}
