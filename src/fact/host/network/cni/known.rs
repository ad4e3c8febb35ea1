//! The pod networks that we can tell apart: by the types of their plugins,
//! their devices, and their programs.
//!
//! Names are those that each project's own manifests and sources use.

/// A pod network and what it is known by.
pub(in crate::fact::host::network) struct Network {
    /// Its name, as in `network.cni`.
    pub(in crate::fact::host::network) name: &'static str,
    /// Types of its main plugin.
    types: &'static [&'static str],
    /// Whether it puts the pods on a Linux bridge.
    pub(in crate::fact::host::network) uses_bridge: bool,
    /// Devices that only it makes; a trailing `*` stands for the rest of a name.
    devices: &'static [&'static str],
    /// Its programs on a node.
    programs: &'static [&'static str],
}

impl Network {
    /// Whether it leaves traces that can be looked for.
    pub(super) fn leaves_traces(&self) -> bool {
        !self.devices.is_empty() || !self.programs.is_empty()
    }
}

const fn network(
    name: &'static str,
    types: &'static [&'static str],
    uses_bridge: bool,
    devices: &'static [&'static str],
    programs: &'static [&'static str],
) -> Network {
    Network { name, types, uses_bridge, devices, programs }
}

/// `tunl0`, `cni0` and `genev_sys_6081` are missing on purpose: a loaded
/// module or another plugin makes them too.
const NETWORKS: &[Network] = &[
    network("calico", &["calico"], false, &["cali*", "vxlan.calico", "wireguard.cali"], &["calico-node"]),
    network("flannel", &["flannel"], true, &["flannel*"], &["flanneld"]),
    network("cilium", &["cilium-cni"], false, &["cilium_*", "lxc_health"], &["cilium-agent"]),
    network("weave", &["weave-net"], true, &["weave", "vxlan-6784", "vethwe*"], &["weaver"]),
    network("antrea", &["antrea"], false, &["antrea-gw0", "antrea-tun0"], &["antrea-agent"]),
    network("kube-ovn", &["kube-ovn"], false, &["ovn0"], &["kube-ovn-daemon"]),
    network("ovn-kubernetes", &["ovn-k8s-cni-overlay"], false, &["ovn-k8s-mp*"], &["ovnkube"]),
    network("aws-vpc", &["aws-cni"], false, &[], &["aws-k8s-agent"]),
    network("azure", &["azure-vnet"], false, &["azv*"], &["azure-cns"]),
    network("terway", &["terway"], false, &[], &["terwayd"]),
    network("kube-router", &[], true, &["kube-bridge"], &["kube-router"]),
    network("kindnet", &[], false, &[], &["kindnetd"]),
    network("bridge", &["bridge"], true, &[], &[]),
    network("ptp", &["ptp"], false, &[], &[]),
    network("macvlan", &["macvlan"], false, &[], &[]),
    network("ipvlan", &["ipvlan"], false, &[], &[]),
    network("host-device", &["host-device"], false, &[], &[]),
    network("sriov", &["sriov"], false, &[], &[]),
];

/// Plugins that only adjust what another plugin made.
const CHAINED: &[&str] =
    &["portmap", "bandwidth", "tuning", "firewall", "sbr", "loopback", "vrf", "istio-cni", "egress-v4-cni"];

/// Networks that packages of runtimes and tools leave in the folder: the
/// `name` of containerd's tarball, CRI-O's, Podman's and nerdctl's samples.
const LEFTOVER_NAMES: &[&str] = &["containerd-net", "crio", "crio-bridge", "podman", "nerdctl"];

/// The network of that name.
pub(in crate::fact::host::network) fn by_name(name: &str) -> Option<&'static Network> {
    NETWORKS.iter().find(|network| network.name == name)
}

/// Whether a plugin only adjusts what another one made.
pub(super) fn is_chained(kind: &str) -> bool {
    CHAINED.contains(&kind)
}

/// The network that a configuration belongs to, by its name, the type of its
/// main plugin and that one's bridge; of an unknown type, the type itself.
pub(super) fn of_plugin(name: Option<&str>, kind: &str, bridge: Option<&str>) -> String {
    // These two are configured with the reference plugins alone.
    if bridge == Some("kube-bridge") {
        return "kube-router".to_owned();
    }
    if name == Some("kindnet") {
        return "kindnet".to_owned();
    }
    NETWORKS
        .iter()
        .find(|network| network.types.contains(&kind))
        .map_or_else(|| kind.to_owned(), |network| network.name.to_owned())
}

/// Whether a configuration is a runtime's or tool's own sample.
pub(super) fn is_leftover(file: &str, name: Option<&str>, types: &[&str]) -> bool {
    name.is_some_and(|name| LEFTOVER_NAMES.contains(&name))
        || file.contains("-podman")
        || file.contains("crio-bridge")
        || file.contains("containerd-net")
        || file.starts_with("nerdctl-")
        || (!types.is_empty() && types.iter().all(|kind| *kind == "loopback"))
}

/// The networks that a device of this name belongs to.
pub(super) fn of_device(device: &str) -> Option<&'static str> {
    NETWORKS
        .iter()
        .find(|network| network.devices.iter().any(|pattern| is_like(device, pattern)))
        .map(|network| network.name)
}

/// The network that a program belongs to.
pub(super) fn of_program(program: &str) -> Option<&'static str> {
    NETWORKS.iter().find(|network| network.programs.contains(&program)).map(|network| network.name)
}

/// Whether a name is the pattern's, whose trailing `*` stands for any rest.
pub(in crate::fact::host::network) fn is_like(name: &str, pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reference_plugins_alone_can_be_a_known_network() {
        assert_eq!(of_plugin(Some("kindnet"), "ptp", None), "kindnet");
        assert_eq!(of_plugin(Some("kubernetes"), "bridge", Some("kube-bridge")), "kube-router");
        assert_eq!(of_plugin(Some("mynet"), "bridge", Some("cni0")), "bridge");
        assert_eq!(of_plugin(None, "somebodys-cni", None), "somebodys-cni");
    }

    #[test]
    fn samples_of_runtimes_are_leftovers() {
        assert!(is_leftover("10-containerd-net.conflist", Some("containerd-net"), &["bridge", "portmap"]));
        assert!(is_leftover("87-podman-bridge.conflist", Some("podman"), &["bridge"]));
        assert!(is_leftover("100-crio-bridge.conflist", Some("crio"), &["bridge"]));
        assert!(is_leftover("99-loopback.conf", Some("lo"), &["loopback"]));
        assert!(!is_leftover("10-flannel.conflist", Some("cbr0"), &["flannel", "portmap"]));
    }

    #[test]
    fn a_tunnel_of_a_loaded_module_is_no_trace_of_a_network() {
        assert_eq!(of_device("tunl0"), None);
        assert_eq!(of_device("genev_sys_6081"), None);
        assert_eq!(of_device("cni0"), None);
        assert_eq!(of_device("cali0123456789b"), Some("calico"));
        assert_eq!(of_device("flannel.1"), Some("flannel"));
    }
}
