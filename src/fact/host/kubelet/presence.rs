//! Whether a kubelet is set up on this host, who set it up, and whether it
//! belongs to a cluster.
//!
//! What `kubeadm reset` leaves behind (certificates, CNI files, etcd's data)
//! is not a kubelet; a binary or a unit is, even before the host joins.

use super::command::Command;
use crate::fact::flag::last;
use crate::fact::host::Host;
use crate::fact::host::k3s::K3s;
use crate::fact::host::root::Outcome;
use crate::fact::{Fact, Source};

/// Files that only a host with a kubelet has.
const TRACES: &[&str] = &[
    "/etc/kubernetes/kubelet.conf",
    "/usr/bin/kubelet",
    "/usr/local/bin/kubelet",
    "/opt/bin/kubelet",
    "/var/lib/k0s/bin/kubelet",
    "/var/lib/kubelet/kubeconfig",
];

/// Kubeconfigs by which a kubelet belongs to a cluster, beside its flag's.
const KUBECONFIGS: &[&str] =
    &["/etc/kubernetes/kubelet.conf", "/var/lib/kubelet/kubeconfig", "/var/lib/k0s/kubelet.conf"];

/// `kubelet.present`.
pub(super) fn presence(host: &Host, command: Option<&Command>) -> Fact {
    if let Some(command) = command {
        return Fact::known(true, command.source.clone());
    }
    let mut failure = None;
    for path in TRACES {
        match host.root.metadata(path) {
            Outcome::Found(_) => return Fact::known(true, Source::file(*path)),
            Outcome::Absent => {}
            Outcome::Unreadable(why) => failure = failure.or(Some((path, why))),
        }
    }
    match failure {
        Some((path, why)) => Fact::unreadable(Source::file(*path), why),
        None => Fact::known(false, Source::file("/usr/bin/kubelet")),
    }
}

/// `kubelet.running`.
pub(super) fn running(host: &Host, command: Option<&Command>) -> Fact {
    if let Some(process) = command.and_then(|command| command.process.as_ref()) {
        return Fact::known(true, Source::file(process.command_line_path()));
    }
    match host.processes() {
        Outcome::Found(_) => Fact::known(false, Source::file("/proc")),
        Outcome::Absent => Fact::unreadable(Source::file("/proc"), "read /proc: no processes were recorded"),
        Outcome::Unreadable(why) => Fact::unreadable(Source::file("/proc"), why.clone()),
    }
}

/// `kubelet.is_joined`.
pub(super) fn joined(host: &Host, command: Option<&Command>, k3s: Option<&K3s>) -> Fact {
    if let Some(k3s) = k3s {
        return Fact::known(true, k3s.source.clone());
    }
    let flags = command.and_then(|command| command.flags.as_deref().ok()).unwrap_or_default();
    let named = last(flags, "kubeconfig").map(|flag| flag.value.as_str());
    let mut failure = None;
    for path in named.into_iter().chain(KUBECONFIGS.iter().copied()) {
        match host.root.metadata(path) {
            Outcome::Found(_) => return Fact::known(true, Source::file(path)),
            Outcome::Absent => {}
            Outcome::Unreadable(why) => failure = failure.or(Some(Fact::unreadable(Source::file(path), why))),
        }
    }
    failure.unwrap_or_else(|| Fact::known(false, Source::file("/etc/kubernetes/kubelet.conf")))
}

/// Who set the kubelet up.
pub(super) fn distribution(host: &Host, command: &Command, k3s: Option<&K3s>) -> &'static str {
    let has = |path: &str| host.root.metadata(path).is_found();
    let executable = command.process.as_ref().and_then(|process| process.executable.as_deref()).unwrap_or_default();
    if let Some(k3s) = k3s {
        return k3s.distribution;
    }
    if has("/var/snap/microk8s") || executable.starts_with("/snap/microk8s/") {
        return "microk8s";
    }
    let is_k0s_unit = command.unit.as_ref().is_some_and(|unit| unit.name.starts_with("k0s"));
    if executable.starts_with("/var/lib/k0s/") || has("/var/lib/k0s") || is_k0s_unit {
        return "k0s";
    }
    if is_openshift(command) || has("/etc/machine-config-daemon") || has("/etc/microshift") {
        return "openshift";
    }
    let is_kubeadm = |path: &str| path.contains("10-kubeadm") || path.contains("kubeadm-flags.env");
    let from_kubeadm = command.unit.iter().flat_map(|unit| &unit.settings).any(|setting| is_kubeadm(&setting.path));
    if from_kubeadm || has("/var/lib/kubelet/kubeadm-flags.env") || has(super::command::KUBEADM_CONFIG) {
        return "kubeadm";
    }
    "other"
}

/// OpenShift's kubelet is started through a wrapper of its own and names the
/// platform in its labels.
fn is_openshift(command: &Command) -> bool {
    let in_unit = command.unit.iter().flat_map(|unit| &unit.settings);
    let in_unit = in_unit.map(|setting| setting.value.as_str());
    let flags = command.flags.as_deref().unwrap_or_default();
    let in_flags = flags.iter().map(|flag| flag.value.as_str());
    in_unit.chain(in_flags).any(|text| text.contains("kubenswrapper") || text.contains("openshift.io/"))
}
