//! Pods and containers by the control groups of their processes, which no
//! runtime needs to answer for.
//!
//! In: `/proc/PID/cgroup`, cgroups(7). Names of pods come from the folders of
//! their logs, `/var/log/pods/NAMESPACE_NAME_UID`.

use std::collections::BTreeMap;

use super::{Container, PodName, Workload};
use crate::fact::host::root::HostRoot;

/// What a control group says of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The container.
    pub container_id: String,
    /// The pod's unique identifier, where it is of one.
    pub pod_uid: Option<String>,
}

/// All processes by their numbers.
pub(super) fn processes(root: &HostRoot) -> Vec<u32> {
    let names = root.read_kernel_folder("/proc").found().unwrap_or_default();
    let mut pids: Vec<u32> = names.iter().filter_map(|name| name.parse().ok()).collect();
    pids.sort_unstable();
    pids
}

/// Whether there is a process of that number.
pub(super) fn is_alive(pid: u32) -> bool {
    rustix::fs::stat(format!("/proc/{pid}")).is_ok()
}

/// Containers with a process that nobody told of, and those whose process
/// nobody told.
pub(super) fn read(root: &HostRoot, known: &[Workload]) -> Vec<Workload> {
    let mut first: BTreeMap<String, (u32, Option<String>)> = BTreeMap::new();
    for pid in processes(root) {
        let Some(text) = root.read_kernel_text(&format!("/proc/{pid}/cgroup")).found() else { continue };
        if let Some(Membership { container_id, pod_uid }) = parse_cgroup(&text) {
            first.entry(container_id).or_insert((pid, pod_uid));
        }
    }
    let has_process = |id: &String| {
        known.iter().any(|workload| {
            let is_sandbox = workload.sandbox_id.as_ref() == Some(id) && workload.pid.is_some();
            is_sandbox || workload.containers.iter().any(|container| container.id == *id && container.pid.is_some())
        })
    };
    let logs = root.read_folder("/var/log/pods").found().unwrap_or_default();
    let mut found = Vec::new();
    for (id, (pid, uid)) in first {
        if has_process(&id) {
            continue;
        }
        let pod = uid.map(|uid| name_of(&uid, &logs));
        let containers = vec![Container { id, name: String::new(), pid: Some(pid) }];
        let workload = Workload { runtime: "cgroup".to_owned(), pod, containers, ..Workload::default() };
        super::join::add(&mut found, vec![workload]);
    }
    found
}

/// The name of a pod by the folder of its logs; its identifier where it has none.
fn name_of(uid: &str, logs: &[String]) -> PodName {
    let named = logs.iter().find_map(|folder| {
        let mut parts = folder.splitn(3, '_');
        let (namespace, name) = (parts.next()?, parts.next()?);
        (parts.next()? == uid).then(|| (namespace.to_owned(), name.to_owned()))
    });
    let (namespace, name) = named.unwrap_or_else(|| ("unknown".to_owned(), uid.to_owned()));
    PodName { namespace, name, uid: uid.to_owned() }
}

/// The container and pod of a process, by the last line that tells them:
/// version 2 has one line, and of version 1 any will do.
pub fn parse_cgroup(text: &str) -> Option<Membership> {
    text.lines().filter_map(|line| line.splitn(3, ':').nth(2)).find_map(parse_path)
}

fn parse_path(path: &str) -> Option<Membership> {
    let mut container_id = None;
    let mut pod_uid = None;
    // containerd writes `SLICE:cri-containerd:ID` where it is not told of systemd.
    for part in path.split(['/', ':']) {
        // conmon watches a container and is outside of it.
        if part.contains("conmon") {
            return None;
        }
        if let Some(id) = container_of(part) {
            container_id = Some(id.to_owned());
        }
        if let Some(uid) = pod_of(part) {
            // A cluster in containers: what follows belongs to the inner node.
            container_id = None;
            pod_uid = Some(uid);
        }
    }
    Some(Membership { container_id: container_id?, pod_uid })
}

/// 64 hexadecimal digits, alone or as `cri-containerd-<id>.scope`.
fn container_of(part: &str) -> Option<&str> {
    let bare = part.strip_suffix(".scope").unwrap_or(part);
    let id = bare.rsplit('-').next()?;
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (id.len() == 64 && id.bytes().all(is_digit)).then_some(id)
}

/// `pod<uid>`, or `kubepods-burstable-pod<uid with underscores>.slice`.
fn pod_of(part: &str) -> Option<String> {
    let bare = part.strip_suffix(".slice").unwrap_or(part);
    let (before, uid) = bare.rsplit_once("pod")?;
    if !before.is_empty() && !before.ends_with('-') {
        return None;
    }
    let uid = uid.replace('_', "-");
    let digits = uid.bytes().filter(|byte| *byte != b'-').count();
    let is_uid = digits == 32 && uid.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    is_uid.then_some(uid)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    const UID: &str = "f2c5a0f2-7e0c-4b57-9a5c-0d1f6f4b8f11";

    fn parsed(path: &str) -> Option<(String, Option<String>)> {
        let path = path.replace("<id>", ID).replace("<u_i_d>", &UID.replace('-', "_")).replace("<uid>", UID);
        parse_cgroup(&format!("0::{path}\n")).map(|member| (member.container_id, member.pod_uid))
    }

    #[test]
    fn control_groups_of_pods_tell_pod_and_container() {
        for path in [
            "/kubepods/burstable/pod<uid>/<id>",
            "/kubepods/pod<uid>/<id>",
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod<u_i_d>.slice/cri-containerd-<id>.scope",
            "/kubepods.slice/kubepods-pod<u_i_d>.slice/crio-<id>.scope",
            "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod<u_i_d>.slice/docker-<id>.scope",
            "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod<u_i_d>.slice/cri-containerd-<id>.scope",
            "/docker/ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff/kubelet/kubepods/pod<uid>/<id>",
            "/system.slice/containerd.service/kubepods-burstable-pod<u_i_d>.slice:cri-containerd:<id>",
        ] {
            assert_eq!(parsed(path), Some((ID.to_owned(), Some(UID.to_owned()))), "{path}");
        }
    }

    #[test]
    fn control_groups_of_docker_and_podman_tell_the_container() {
        for path in ["/docker/<id>", "/system.slice/docker-<id>.scope", "/machine.slice/libpod-<id>.scope/container"] {
            assert_eq!(parsed(path), Some((ID.to_owned(), None)), "{path}");
        }
    }

    #[test]
    fn other_control_groups_tell_nothing() {
        for path in [
            "/",
            "/user.slice/user-0.slice",
            "/machine.slice/libpod-conmon-<id>.scope",
            "/system.slice/crio-conmon-<id>.scope",
        ] {
            assert_eq!(parsed(path), None, "{path}");
        }
        assert_eq!(parse_cgroup("12:pids:/kubepods/podx/abc\n"), None);
    }

    #[test]
    fn a_static_pods_identifier_has_no_dashes() {
        assert_eq!(pod_of("pod0123456789abcdef0123456789abcdef").as_deref(), Some("0123456789abcdef0123456789abcdef"));
        assert_eq!(pod_of("podman-restart"), None);
        assert_eq!(pod_of("tripod0123456789abcdef0123456789abcdef"), None);
    }

    #[test]
    fn logs_name_a_pod() {
        let logs = ["shop_web-0_u1".to_owned(), "x".to_owned()];
        assert_eq!(name_of("u1", &logs).name, "web-0");
        assert_eq!(name_of("u2", &logs).name, "u2");
    }
}
