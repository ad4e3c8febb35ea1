//! The CRI endpoint and the two questions that hang on the kubelet's version:
//! which endpoint is the default, and whether it asks the runtime for its
//! cgroup driver.

use super::setting::Effective;
use crate::fact::flag::Gate;
use crate::fact::{Fact, Source};

const CONTAINERD: &str = "unix:///run/containerd/containerd.sock";
const DOCKERSHIM: &str = "unix:///var/run/dockershim.sock";
const K3S: &str = "unix:///run/k3s/containerd/containerd.sock";
const K3S_DOCKER: &str = "unix:///run/k3s/cri-dockerd/cri-dockerd.sock";
const FLAG_PAGE: &str = "https://kubernetes.io/docs/reference/command-line-tools-reference/kubelet/";

/// The release without dockershim, KEP-2221.
const WITHOUT_DOCKERSHIM: (u64, u64) = (1, 24);

/// The effective endpoint, scheme added where it is missing.
///
/// `setting` is what was written, `runtime` the value of
/// `--container-runtime`.
pub(super) fn endpoint(kubelet: &Effective, setting: &Fact, runtime: &Fact, uses_docker: bool) -> Fact {
    if kubelet.version.is_some_and(|version| version < WITHOUT_DOCKERSHIM)
        && !matches!(kubelet.distribution, "k3s" | "rke2")
        && runtime.text() != Some("remote")
    {
        let source = runtime.source().cloned().filter(|_| runtime.text().is_some());
        return Fact::known(DOCKERSHIM, source.unwrap_or_else(|| Source::default_of(FLAG_PAGE)));
    }
    if let Some(text) = setting.text() {
        let source = setting.source().cloned().unwrap_or_else(|| Source::default_of(FLAG_PAGE));
        return Fact::known(with_scheme(text), source);
    }
    if matches!(setting, Fact::Unreadable { .. }) {
        return setting.clone();
    }
    let default = |endpoint: &str| Fact::known(endpoint, Source::default_of(FLAG_PAGE));
    match (kubelet.distribution, kubelet.version) {
        ("k3s", _) if uses_docker => default(K3S_DOCKER),
        ("k3s" | "rke2", _) => default(K3S),
        ("k0s", _) => default("unix:///run/k0s/containerd.sock"),
        ("microk8s", _) => default("unix:///var/snap/microk8s/common/run/containerd.sock"),
        (_, Some(version)) if version >= WITHOUT_DOCKERSHIM => default(CONTAINERD),
        _ => Fact::unreadable(
            Source::default_of(FLAG_PAGE),
            "tell the default endpoint: it depends on the kubelet's version, which is unknown",
        ),
    }
}

/// Adds `unix://` to a bare path, which kubelets take with a warning.
fn with_scheme(endpoint: &str) -> String {
    if endpoint.starts_with('/') { format!("unix://{endpoint}") } else { endpoint.to_owned() }
}

/// Whether the gate KubeletCgroupDriverFromCRI (KEP-4033) is in force: there
/// since 1.28 and off, on by default from 1.31, locked from 1.34.
pub(super) fn asks_cri_for_cgroup_driver(kubelet: &Effective, gates: Option<&[Gate]>) -> Fact {
    let documented =
        Source::default_of("https://kubernetes.io/docs/reference/command-line-tools-reference/feature-gates/");
    let set = gates.and_then(|gates| gates.iter().find(|gate| gate.name == "KubeletCgroupDriverFromCRI"));
    match (kubelet.version, gates, set) {
        (Some(version), _, _) if version >= (1, 34) => Fact::known(true, documented),
        (Some(version), _, _) if version < (1, 28) => Fact::known(false, documented),
        (_, _, Some(gate)) => Fact::known(gate.is_enabled, gate.source.clone()),
        (_, None, _) => Fact::unreadable(
            documented,
            "tell the gate KubeletCgroupDriverFromCRI: the kubelet's settings could not be read",
        ),
        (Some(version), Some(_), None) => Fact::known(version >= (1, 31), documented),
        (None, Some(_), None) => Fact::unreadable(
            documented,
            "tell whether the kubelet asks the runtime: it depends on the kubelet's version, which is unknown",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::config::Config;
    use super::*;

    fn kubelet(version: Option<(u64, u64)>) -> Effective {
        Effective {
            flags: Vec::new(),
            config: Ok(Config::default()),
            config_path: Some("/var/lib/kubelet/config.yaml".into()),
            version,
            distribution: "kubeadm",
        }
    }

    fn absent() -> Fact {
        Fact::absent(Source::default_of("flags"))
    }

    fn gate(is_enabled: bool) -> Gate {
        Gate { name: "KubeletCgroupDriverFromCRI".into(), is_enabled, source: Source::file("/c") }
    }

    #[test]
    fn the_default_endpoint_is_dockershims_up_to_1_23_and_containerds_after() {
        let of = |version| endpoint(&kubelet(version), &absent(), &absent(), false);
        assert_eq!(of(Some((1, 23))).text(), Some(DOCKERSHIM));
        assert_eq!(of(Some((1, 24))).text(), Some(CONTAINERD));
        assert!(matches!(of(None), Fact::Unreadable { .. }));
    }

    #[test]
    fn a_remote_runtime_with_a_bare_path_gets_its_scheme() {
        let remote = Fact::known("remote", Source::file("/proc/7/cmdline"));
        let setting = Fact::known("/var/run/crio/crio.sock", Source::file("/proc/7/cmdline"));
        let found = endpoint(&kubelet(Some((1, 20))), &setting, &remote, false);
        assert_eq!(found.text(), Some("unix:///var/run/crio/crio.sock"));
    }

    #[test]
    fn the_kubelet_asks_the_runtime_by_default_from_1_31_and_always_from_1_34() {
        let asks = |version, gates: &[Gate]| asks_cri_for_cgroup_driver(&kubelet(version), Some(gates)).bool();
        assert_eq!(asks(Some((1, 27)), &[gate(true)]), Some(false));
        assert_eq!(asks(Some((1, 30)), &[]), Some(false));
        assert_eq!(asks(Some((1, 30)), &[gate(true)]), Some(true));
        assert_eq!(asks(Some((1, 31)), &[]), Some(true));
        assert_eq!(asks(Some((1, 33)), &[gate(false)]), Some(false));
        assert_eq!(asks(Some((1, 34)), &[gate(false)]), Some(true));
        assert_eq!(asks(None, &[]), None);
    }
}
