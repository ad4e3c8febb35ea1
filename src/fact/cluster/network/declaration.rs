//! The facts of the pod network.

use crate::fact::catalogue::{FactDoc, Field, Type};

pub(super) const FACTS: &[FactDoc] = &[
    FactDoc::new(
        "pod_network.cni",
        Type::Text,
        "The network plugin: `calico`, `canal`, `flannel`, `cilium`, `antrea`, `kube-ovn`, `aws-vpc` … Absent: none that is known shows.",
    ),
    FactDoc::new(
        "pod_network.version",
        Type::Text,
        "Its version, by the image of its daemon set. Absent: there is no such daemon set.",
    ),
    FactDoc::new(
        "pod_network.dataplane",
        Type::Text,
        "`calico-ebpf` or `cilium`, which need newer kernels. Absent: another one.",
    ),
    FactDoc::new(
        "pod_network.encapsulation",
        Type::Text,
        "How packets between nodes are wrapped: `none`, `ipip`, `vxlan`, `geneve`, `wireguard` …; of several the one that adds most. \
         Absent: nothing says it.",
    ),
    FactDoc::new(
        "pod_network.encapsulation_overhead",
        Type::Int,
        "The bytes that it adds to each packet, by rules/data/encapsulation.yaml. Absent: as pod_network.encapsulation.",
    ),
    FactDoc::new(
        "pod_network.mtu",
        Type::Int,
        "The MTU that pods are told to use towards other nodes, in bytes; of flannel and Cilium what is left of the configured outer MTU. \
         Absent: it is not set, and each node's agent finds it.",
    ),
    FactDoc::new("pod_network.mtu_setting", Type::Text, "What sets it, in words. Absent: as pod_network.mtu."),
    FactDoc::new(
        "pod_network.tunnel_mtus",
        Type::List(&Type::Object(TUNNEL)),
        "MTUs that Calico's agent is told to give to its tunnels that are in use.",
    ),
    FactDoc::new(
        "pod_network.pools",
        Type::List(&Type::Object(POOL)),
        "Pools that pods get addresses from: Calico's IPPools, flannel's network.",
    ),
    FactDoc::new(
        "pod_network.ignores_node_ranges",
        Type::Bool,
        "Whether the plugin hands out addresses of its own and ignores `podCIDR` of nodes. Absent: the plugin is not known.",
    ),
];

const TUNNEL: &[Field] = &[
    Field::new("setting", Type::Text, "the field that sets it"),
    Field::new("encapsulation", Type::Text, "how the tunnel wraps packets"),
    Field::new("mtu", Type::Int, "the MTU in bytes"),
];

const POOL: &[Field] = &[
    Field::new("name", Type::Text, "name of the object"),
    Field::new("namespace", Type::Text, "its namespace"),
    Field::new("subject", Type::Map(&Type::Text), "its identity"),
    Field::new("cidr", Type::Text, "the range"),
    Field::new("is_disabled", Type::Bool, "whether no new addresses are taken from it"),
    Field::new("overlaps", Type::List(&Type::Text), "other pools of pods that are in use and overlap with it, by name"),
];
