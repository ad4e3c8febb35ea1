//! What `kubeadm reset` leaves on a node, and whether the node is in use.
//!
//! kubeadm's reset removes `/etc/kubernetes` and the kubelet's folder, but it
//! says itself that it leaves CNI configuration, rules and interfaces alone
//! (kubernetes.io/docs/reference/setup-tools/kubeadm/kubeadm-reset).

use std::collections::BTreeMap;

use super::absence::{is_evidence, not_recorded};
use super::root::{HostRoot, Outcome};
use super::{Collector, Host};
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::{Fact, Facts, Source, Value};

pub(super) const COLLECTOR: Collector = Collector { name: "leftover", facts: FACTS, needs: &[], collect };

const FACTS: &[FactDoc] = &[
    FactDoc::new(
        "leftover.is_in_use",
        Type::Bool,
        "Whether this host belongs to a cluster: a kubeconfig or configuration of its kubelet, static pods, k3s, RKE2, k0s or \
         MicroK8s, or a running component. Unreadable: `/etc/kubernetes` was not recorded.",
    ),
    FactDoc::new(
        "leftover.traces",
        Type::List(&Type::Object(TRACE)),
        "Traces of a cluster, whether or not the host is in use.",
    ),
];

const TRACE: &[Field] = &[
    Field::new("kind", Type::Text, "`cni`, `etcd`, `pki`, `kubelet` or `interface`"),
    Field::new("path", Type::Text, "The file, folder or device"),
];

const KUBELET_FILES: &[&str] = &[
    "/etc/kubernetes/kubelet.conf",
    "/etc/kubernetes/bootstrap-kubelet.conf",
    "/var/lib/kubelet/config.yaml",
    "/var/lib/kubelet/kubeconfig",
];
const OTHER_DISTRIBUTIONS: &[&str] =
    &["/etc/rancher/k3s", "/etc/rancher/rke2", "/var/lib/rancher", "/var/lib/k0s", "/etc/k0s", "/var/snap/microk8s"];
const MANIFESTS: &str = "/etc/kubernetes/manifests";
const PROGRAMS: &[&str] =
    &["kubelet", "kube-apiserver", "kube-proxy", "etcd", "k3s", "k3s-server", "k3s-agent", "rke2", "k0s", "kubelite"];
/// Devices that only networks of Kubernetes make.
const DEVICES: &[&str] =
    &["cni0", "flannel.1", "tunl0", "vxlan.calico", "kube-ipvs0", "kube-bridge", "weave", "cilium_host"];
/// CNI files that other programs than Kubernetes install.
const OTHER_CNI: &[&str] = &["podman", "crio-bridge", "crio", "containerd-net", "nerdctl", "loopback"];

fn collect(host: &Host, _: &Facts) -> Facts {
    let mut facts = Facts::default();
    facts.set("leftover.is_in_use", read_is_in_use(host));
    let traces: Vec<Fact> = read_traces(&host.root).into_iter().map(trace_fact).collect();
    facts.set("leftover.traces", Fact::group(traces));
    facts
}

fn read_is_in_use(host: &Host) -> Fact {
    let root = &host.root;
    for path in KUBELET_FILES.iter().chain(OTHER_DISTRIBUTIONS) {
        match root.metadata(path) {
            Outcome::Found(_) => return Fact::known(true, Source::file(*path)),
            Outcome::Absent => {}
            Outcome::Unreadable(reason) => return Fact::unreadable(Source::file(*path), reason),
        }
    }
    let manifests = root.read_folder(MANIFESTS).found().unwrap_or_default();
    if manifests.iter().any(|name| !name.starts_with('.')) {
        return Fact::known(true, Source::file(MANIFESTS));
    }
    if let Outcome::Found(processes) = host.processes()
        && let Some(process) = processes.iter().find(|process| PROGRAMS.contains(&process.program()))
    {
        return Fact::known(true, Source::file(process.command_line_path()));
    }
    let source = Source::file("/etc/kubernetes/kubelet.conf");
    if is_evidence(root, "/etc/kubernetes") {
        Fact::known(false, source)
    } else {
        Fact::unreadable(source, not_recorded("/etc/kubernetes/kubelet.conf"))
    }
}

fn trace_fact((kind, path): (&'static str, String)) -> Fact {
    let source = Source::file(path.as_str());
    let members = BTreeMap::from([
        ("kind".to_owned(), Fact::known(kind, source.clone())),
        ("path".to_owned(), Fact::known(path, source.clone())),
    ]);
    Fact::known(Value::Map(members), source)
}

fn read_traces(root: &HostRoot) -> Vec<(&'static str, String)> {
    let mut traces = Vec::new();
    let names = |folder: &str| root.read_folder(folder).found().unwrap_or_default();
    traces.extend(
        names("/etc/cni/net.d")
            .iter()
            .filter(|name| is_kubernetes_cni(name))
            .map(|name| ("cni", format!("/etc/cni/net.d/{name}"))),
    );
    if names("/var/lib/etcd").iter().any(|name| name == "member") {
        traces.push(("etcd", "/var/lib/etcd/member".to_owned()));
    }
    traces.extend(
        names("/etc/kubernetes/pki")
            .iter()
            .filter(|name| !name.starts_with('.'))
            .map(|name| ("pki", format!("/etc/kubernetes/pki/{name}"))),
    );
    if names("/var/lib/kubelet/pki").iter().any(|name| !name.starts_with('.')) {
        traces.push(("kubelet", "/var/lib/kubelet/pki".to_owned()));
    }
    for device in names("/sys/class/net").iter().filter(|device| DEVICES.contains(&device.as_str())) {
        traces.push(("interface", format!("/sys/class/net/{device}")));
    }
    traces
}

fn is_kubernetes_cni(name: &str) -> bool {
    let is_config =
        [".conf", ".conflist", ".json"].iter().any(|end| name.ends_with(end)) || name.ends_with("-kubeconfig");
    is_config && !name.starts_with('.') && !OTHER_CNI.iter().any(|other| name.contains(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_of_other_programs_are_no_leftovers() {
        for name in ["87-podman.conflist", "100-crio-bridge.conflist", "10-containerd-net.conflist", ".keep", "README"]
        {
            assert!(!is_kubernetes_cni(name), "{name}");
        }
        for name in ["10-flannel.conflist", "10-calico.conflist", "calico-kubeconfig"] {
            assert!(is_kubernetes_cni(name), "{name}");
        }
    }
}
