//! What the cgroups and processes of running containers prove, whatever any
//! file says.
//!
//! In: `/sys/fs/cgroup`, `/proc/<pid>/cgroup`, command lines. Out: facts of
//! `runtime.*`. Truth: `getCgroupsPath` in containerd's CRI plugin: the path
//! that it hands to runc is `slice:prefix:id` whenever the kubelet's parent
//! ends in `.slice`; runc's cgroupfs driver then makes a folder of that name.

use std::collections::BTreeSet;

use crate::fact::host::Host;
use crate::fact::host::process::Process;
use crate::fact::host::root::{HostRoot, Outcome};
use crate::fact::{Fact, Source};

use super::containerd::{group, list};
use super::presence::is_in_container;

/// The most pieces of evidence that are kept.
const MAX_PIECES: usize = 20;

/// Where the kubelet's tree stands: cgroup v2, then controllers of v1.
const MOUNTS: &[&str] = &["/sys/fs/cgroup", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/memory", "/sys/fs/cgroup/cpu"];

/// The kubelet's tree by either driver.
const TREES: &[(&str, &str)] = &[("kubepods.slice", "systemd"), ("kubepods", "cgroupfs")];

/// The cgroup driver of the kubelet's tree. Where both trees are there, one is
/// left over from before a change; the one with processes counts.
pub(super) fn read_cgroup_tree(root: &HostRoot, cgroup_root: Option<&str>) -> Fact {
    let below = cgroup_root.map(|path| path.trim_matches('/')).filter(|path| !path.is_empty());
    if below.is_some() {
        return Fact::absent(Source::file("/sys/fs/cgroup"));
    }
    for mount in MOUNTS {
        let trees: Vec<(String, &str)> = TREES
            .iter()
            .map(|(name, driver)| (format!("{mount}/{name}"), *driver))
            .filter(|(path, _)| root.metadata(path).is_found())
            .collect();
        let populated: Vec<&(String, &str)> = trees.iter().filter(|(path, _)| is_populated(root, path)).collect();
        match (trees.as_slice(), populated.as_slice()) {
            ([(path, driver)], _) | (_, [(path, driver)]) => return Fact::known(*driver, Source::file(path)),
            ([], _) => {}
            _ => return Fact::absent(Source::file(*mount)),
        }
    }
    match root.read_kernel_folder("/sys/fs/cgroup") {
        Outcome::Unreadable(reason) => Fact::unreadable(Source::file("/sys/fs/cgroup"), reason),
        _ => Fact::absent(Source::file("/sys/fs/cgroup")),
    }
}

fn is_populated(root: &HostRoot, tree: &str) -> bool {
    let events = root.read_text(&format!("{tree}/cgroup.events"));
    matches!(events, Outcome::Found(text) if text.lines().any(|line| line == "populated 1"))
}

/// Cgroups whose shape proves that the kubelet uses systemd and the runtime cgroupfs.
pub(super) fn read_mismatches(host: &Host) -> Fact {
    let processes = match host.processes() {
        Outcome::Found(processes) => processes,
        Outcome::Absent => return Fact::absent(Source::file("/proc")),
        Outcome::Unreadable(reason) => return Fact::unreadable(Source::file("/proc"), reason.as_str()),
    };
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for process in processes {
        for path in process.cgroups.iter().filter_map(|line| parse_path(line)) {
            if is_literal_slice(path) && found.len() < MAX_PIECES && seen.insert(path) {
                found.push(Fact::known(path, Source::file(format!("/proc/{}/cgroup", process.pid))));
            }
        }
    }
    Fact::group(found)
}

/// The path of a line `hierarchy:controllers:path`, cgroups(7).
fn parse_path(line: &str) -> Option<&str> {
    line.splitn(3, ':').nth(2)
}

/// A folder named `….slice:cri-containerd:<id>`.
fn is_literal_slice(path: &str) -> bool {
    path.split('/').any(|part| {
        let mut pieces = part.splitn(3, ':');
        let is_slice = pieces.next().and_then(|slice| slice.strip_suffix(".slice")).is_some();
        let prefix = pieces.next();
        let id = pieces.next();
        is_slice && prefix.is_some_and(|prefix| !prefix.is_empty()) && id.is_some_and(|id| !id.is_empty())
    })
}

/// Running containers that the kubelet does not manage. `is_docker` says that
/// the kubelet's own containers are Docker's.
pub(super) fn read_unmanaged(host: &Host, is_docker: bool) -> Fact {
    let processes = match host.processes() {
        Outcome::Found(processes) => processes,
        Outcome::Absent => {
            return Fact::unreadable(Source::file("/proc"), "read /proc: no processes were recorded");
        }
        Outcome::Unreadable(reason) => return Fact::unreadable(Source::file("/proc"), reason.as_str()),
    };
    let first = processes.iter().find(|process| process.pid == 1);
    let unmanaged = processes.iter().filter(|process| !is_in_container(process, first)).filter_map(|process| {
        let (namespace, id) = parse_shim(process).or_else(|| parse_conmon(process))?;
        let is_managed = namespace == "k8s.io" || (is_docker && namespace == "moby");
        (!is_managed).then(|| {
            let fact = |text: &str| Fact::known(text, Source::file(process.command_line_path()));
            let pid = Fact::known(process.pid, Source::file(process.command_line_path()));
            group([("id", fact(id)), ("namespace", fact(namespace)), ("pid", pid)])
        })
    });
    list(unmanaged.take(MAX_PIECES))
}

/// `containerd-shim-runc-v2 -namespace moby -id 614b35 …`.
fn parse_shim(process: &Process) -> Option<(&str, &str)> {
    let is_shim = process.program().starts_with("containerd-shim") || process.name.starts_with("containerd-shim");
    is_shim.then(|| Some((process.flag("namespace")?, process.flag("id")?))).flatten()
}

/// `conmon` of Podman, which it starts with an exit command of its own; CRI-O's has none.
fn parse_conmon(process: &Process) -> Option<(&str, &str)> {
    let exits_to = process.flag("exit-command").is_some_and(|program| program.ends_with("/podman"));
    (process.program() == "conmon" && exits_to)
        .then(|| Some(("podman", process.flag("cid").or_else(|| process.flag("c"))?)))
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_named_like_a_systemd_path_proves_the_mismatch() {
        let line = "0::/system.slice/containerd.service/kubepods-besteffort-pod1a_2b.slice:cri-containerd:aaaa";
        assert!(parse_path(line).is_some_and(is_literal_slice));
        for line in [
            "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1a_2b.slice/cri-containerd-aaaa.scope",
            "0::/kubepods/burstable/pod1a-2b/aaaa",
            "12:cpu,cpuacct:/system.slice/containerd.service",
            "0::/",
        ] {
            assert!(!parse_path(line).is_some_and(is_literal_slice), "{line}");
        }
    }

    fn process(line: &str) -> Process {
        Process { arguments: line.split(' ').map(ToOwned::to_owned).collect(), ..Process::default() }
    }

    #[test]
    fn a_shim_tells_its_namespace_and_a_conmon_its_owner() {
        let shim = process(
            "/usr/bin/containerd-shim-runc-v2 -namespace moby -id 614b35ef -address /run/containerd/containerd.sock",
        );
        assert_eq!(parse_shim(&shim), Some(("moby", "614b35ef")));
        let podman = process("/usr/bin/conmon --api-version 1 -c 5f1d -u 5f1d --exit-command /usr/bin/podman");
        assert_eq!(parse_conmon(&podman), Some(("podman", "5f1d")));
        let crio = process("/usr/bin/conmon -b /run/containers/x -c 5f1d --exit-dir /var/run/crio/exits");
        assert_eq!(parse_conmon(&crio), None);
    }
}
