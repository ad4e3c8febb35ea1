//! The facts that the collector `cni` delivers.

use crate::fact::catalogue::{FactDoc, Field, Type};

pub(super) const FACTS: &[FactDoc] = &[
    FactDoc::new(
        "network.cni",
        Type::Text,
        "The network of the pods: calico, flannel, cilium, weave, antrea, kube-ovn, ovn-kubernetes, aws-vpc, azure, kindnet, \
         kube-router, multus (where its delegates do not tell), bridge, ptp …, by the CNI configuration in force, else by its traces. \
         Absent: no configuration and no trace of any.",
    ),
    FactDoc::new(
        "network.uses_bridge",
        Type::Bool,
        "Whether the pods hang on a Linux bridge (flannel, kube-router, Weave, the bridge plugin), so that bridge netfilter \
         matters. Absent: there is no CNI.",
    ),
    FactDoc::new(
        "network.pod_ipv6",
        Type::Bool,
        "Whether the CNI configuration gives the pods IPv6 addresses. Absent: there is no CNI, or it does not tell.",
    ),
    FactDoc::new(
        "cni.is_needed",
        Type::Bool,
        "Whether a kubelet here has joined a cluster (it runs, or has its kubeconfig) and uses the CNI.",
    ),
    FactDoc::new(
        "cni.conf_dir",
        Type::Text,
        "The folder that the runtime reads CNI configurations from. Source: the runtime's effective configuration, else /etc/cni/net.d.",
    ),
    FactDoc::new(
        "cni.bin_dirs",
        Type::List(&Type::Text),
        "The folders in which the runtime looks for CNI plugins. Source: the runtime's effective configuration, else /opt/cni/bin.",
    ),
    FactDoc::new(
        "cni.configs",
        Type::List(&Type::Object(CONFIG)),
        "The files `*.conf`, `*.conflist` and `*.json` of the folder in byte order, which is the order in which the runtime tries them. \
         An empty list where the folder was looked at and has none. Unreadable: the folder may not be listed, or was not recorded.",
    ),
    FactDoc::new(
        "cni.config",
        Type::Object(CONFIG),
        "The configuration in force: the first valid one. Absent: there is none.",
    ),
    FactDoc::new(
        "cni.plugins",
        Type::List(&Type::Object(PLUGIN)),
        "The executables that the configuration in force needs: its plugins, their IPAM, Multus' delegates, and `loopback` for containerd. \
         Absent: there is no configuration.",
    ),
];

const CONFIG: &[Field] = &[
    Field::new("path", Type::Text, "the file"),
    Field::new("name", Type::Text, "the network's `name`; absent where it has none"),
    Field::new("is_valid", Type::Bool, "whether the runtime can load it"),
    Field::new("problem", Type::Text, "why it cannot be loaded; absent where it can"),
    Field::new(
        "network",
        Type::Text,
        "the network that it belongs to, as in network.cni; absent where it is not valid",
    ),
    Field::new(
        "bridge",
        Type::Text,
        "the device that the plugin `bridge` plugs pods into, `cni0` where it names none; absent with another plugin",
    ),
    Field::new(
        "is_leftover",
        Type::Bool,
        "whether it is the sample or default network of a runtime (containerd-net, crio, podman), which serves no cluster",
    ),
    Field::new(
        "is_idle",
        Type::Bool,
        "whether the devices and processes were looked at and none of them belongs to its network",
    ),
    Field::new("has_multus", Type::Bool, "whether Multus is in it, which takes the other files as its delegates"),
    Field::new("types", Type::List(&Type::Text), "the plugin types that it names, IPAM and delegates included"),
    Field::new(
        "mtu",
        Type::Int,
        "the first MTU that one of its plugins sets; absent where none does (0 counts as none)",
    ),
];

const PLUGIN: &[Field] = &[
    Field::new("type", Type::Text, "the plugin's type, which is the name of its executable"),
    Field::new("is_executable", Type::Bool, "whether one of the folders holds it as an executable file"),
    Field::new("setting", Type::Text, "the type and the place where it was looked for, in words"),
];
