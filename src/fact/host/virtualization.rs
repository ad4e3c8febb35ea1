//! What the kernel offers to run containers apart: virtual machines through
//! KVM, and what here needs user namespaces.
//!
//! Sources: `/dev/kvm`, the kernel's misc devices (`/proc/misc`,
//! `/sys/class/misc`), processor flags (`vmx`, `svm`), and who maps user ids:
//! rootless runtimes, Docker's userns-remap, and the kubelet's range in
//! `/etc/subuid` (kubernetes.io/docs/tasks/configure-pod-container/user-namespaces).

use std::collections::BTreeMap;

use super::absence::{fact_of, line_number, not_recorded};
use super::document::parse_json;
use super::root::{HostRoot, Outcome};
use super::{Collector, Host};
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::{Fact, Facts, Source, Value};

const DEVICE: &str = "/dev/kvm";
const MISC: &str = "/proc/misc";
const CPUINFO: &str = "/proc/cpuinfo";
const DAEMON: &str = "/etc/docker/daemon.json";
const SUBUID: &str = "/etc/subuid";

pub(super) const COLLECTOR: Collector = Collector { name: "virtualization", facts: FACTS, needs: &[], collect };

const FACTS: &[FactDoc] = &[
    FactDoc::new(
        "kvm.is_available",
        Type::Bool,
        "Whether the kernel offers KVM: `/dev/kvm`; in a recording by `/proc/misc`.",
    ),
    FactDoc::new(
        "kvm.has_cpu_support",
        Type::Bool,
        "Whether the processors show `vmx` or `svm`, which firmware or a hypervisor may hide.",
    ),
    FactDoc::new(
        "kvm.is_kubevirt_node",
        Type::Bool,
        "Whether KubeVirt runs virtual machines here (`/var/run/kubevirt`, virt-handler).",
    ),
    FactDoc::new("user_namespace.users", Type::List(&Type::Object(USER)), "What here needs user namespaces."),
];

const USER: &[Field] = &[
    Field::new("name", Type::Text, "`rootless runtime`, `Docker userns-remap` or `kubelet`"),
    Field::new("setting", Type::Text, "The process or line that says so"),
];

/// Programs that run containers without root.
const ROOTLESS: &[&str] =
    &["rootlesskit", "rootlessport", "rootlessport-child", "slirp4netns", "rootless-containerd", "k3s-rootless"];

fn collect(host: &Host, _: &Facts) -> Facts {
    let mut facts = Facts::default();
    let root = &host.root;
    facts.set("kvm.is_available", read_is_available(root));
    let flags = root.read_kernel_text(CPUINFO).map(|text| has_flag(&text));
    facts.set("kvm.has_cpu_support", fact_of(Source::file(CPUINFO), flags));
    facts.set("kvm.is_kubevirt_node", read_is_kubevirt(host));
    let users: Vec<Fact> = read_users(host).into_iter().map(user_fact).collect();
    facts.set("user_namespace.users", Fact::group(users));
    facts
}

fn read_is_available(root: &HostRoot) -> Fact {
    if root.has_kernel_files() {
        return Fact::known(root.metadata(DEVICE).is_found(), Source::file(DEVICE));
    }
    match root.read_kernel_text(MISC) {
        Outcome::Found(text) => match text.lines().position(|line| line.split_whitespace().nth(1) == Some("kvm")) {
            Some(index) => Fact::known(true, Source::line(MISC, line_number(index))),
            None => Fact::known(false, Source::file(MISC)),
        },
        _ if root.metadata("/sys/class/misc/kvm").is_found() => Fact::known(true, Source::file("/sys/class/misc/kvm")),
        _ => Fact::unreadable(Source::file(DEVICE), "read /dev/kvm: devices are not part of a recording"),
    }
}

fn has_flag(cpuinfo: &str) -> bool {
    let flags = cpuinfo.lines().filter(|line| line.starts_with("flags") || line.starts_with("Features"));
    flags.flat_map(str::split_whitespace).any(|flag| flag == "vmx" || flag == "svm")
}

fn read_is_kubevirt(host: &Host) -> Fact {
    const FOLDER: &str = "/run/kubevirt";
    if host.root.metadata(FOLDER).is_found() {
        return Fact::known(true, Source::file(FOLDER));
    }
    match host.processes() {
        Outcome::Found(processes) => match processes.iter().find(|process| process.program() == "virt-handler") {
            Some(process) => Fact::known(true, Source::file(process.command_line_path())),
            None => Fact::known(false, Source::file("/proc")),
        },
        Outcome::Absent => Fact::unreadable(Source::file("/proc"), not_recorded("/proc/<pid>")),
        Outcome::Unreadable(reason) => Fact::unreadable(Source::file("/proc"), reason.as_str()),
    }
}

fn user_fact((name, setting, source): (&'static str, String, Source)) -> Fact {
    let members = BTreeMap::from([
        ("name".to_owned(), Fact::known(name, source.clone())),
        ("setting".to_owned(), Fact::known(setting, source.clone())),
    ]);
    Fact::known(Value::Map(members), source)
}

fn read_users(host: &Host) -> Vec<(&'static str, String, Source)> {
    let mut users = Vec::new();
    if let Outcome::Found(processes) = host.processes() {
        let rootless = processes.iter().filter(|process| ROOTLESS.contains(&process.program()));
        users.extend(rootless.take(1).map(|process| {
            ("rootless runtime", process.program().to_owned(), Source::file(process.command_line_path()))
        }));
    }
    if let Outcome::Found(text) = host.root.read_text(DAEMON)
        && let Ok(document) = parse_json(&text)
        && let Some(node) = document.get("userns-remap")
        && node.text().is_some_and(|user| !user.is_empty())
    {
        users.push(("Docker userns-remap", "userns-remap".to_owned(), Source::line(DAEMON, node.line)));
    }
    if let Outcome::Found(text) = host.root.read_text(SUBUID)
        && let Some(index) = text.lines().position(|line| line.starts_with("kubelet:"))
    {
        users.push((
            "kubelet",
            "a range of user ids for the kubelet".to_owned(),
            Source::line(SUBUID, line_number(index)),
        ));
    }
    users
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_vmx_and_svm_are_hardware_virtualization() {
        assert!(has_flag("processor\t: 0\nflags\t\t: fpu vme vmx smx\n"));
        assert!(!has_flag("flags\t\t: fpu hypervisor vmxx\nbugs\t: svm\n"));
    }
}
