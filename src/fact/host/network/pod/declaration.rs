//! The facts that the collector `pod_network` delivers.

use crate::fact::catalogue::{FactDoc, Field, Type};

pub(super) const FACTS: &[FactDoc] = &[
    FactDoc::new(
        "network.encapsulation",
        Type::Text,
        "How packets between pods of different nodes are wrapped: none, ipip, vxlan, vxlan6, geneve, wireguard …; of several the one with \
         the largest overhead. Absent: there is no CNI, or nothing on the node tells.",
    ),
    FactDoc::new(
        "network.encapsulation_overhead",
        Type::Int,
        "The bytes that it adds to each packet, by rules/data/encapsulation.yaml. Absent: as network.encapsulation.",
    ),
    FactDoc::new(
        "network.pod_mtu",
        Type::Int,
        "The MTU that pods use towards other nodes, in bytes: for Calico the configuration's, else /var/lib/calico/mtu; for Flannel FLANNEL_MTU \
         of /run/flannel/subnet.env; for Cilium that of its devices less the overhead (it is set on the route); for others their \
         configuration or gateway device. Absent: there is no CNI. Unreadable: nothing on the node tells.",
    ),
    FactDoc::new(
        "network.tunnels",
        Type::List(&Type::Object(TUNNEL)),
        "The CNI's tunnel devices that are up and whose own MTU has meaning; those in external mode (OVS, Cilium) are left out.",
    ),
    FactDoc::new(
        "network.pod_interfaces",
        Type::List(&Type::Object(POD_INTERFACE)),
        "The host ends of the pods' virtual cables (cali*, lxc*, eni*, and veths below the CNI's bridge).",
    ),
    FactDoc::new(
        "network.attachments",
        Type::List(&Type::Object(ATTACHMENT)),
        "Plugins of macvlan, ipvlan and their like that name a master and an MTU, with the MTU of that master.",
    ),
    FactDoc::new(
        "calico.mtu_pattern_matches",
        Type::Bool,
        "Whether a device that is up has a name that Calico's default mtuIfacePattern matches; if none has, Calico assumes an MTU of 1460. \
         Absent: Calico is not the CNI.",
    ),
];

const TUNNEL: &[Field] = &[
    Field::new("interface", Type::Text, "its name"),
    Field::new("encapsulation", Type::Text, "how it wraps packets"),
    Field::new("mtu", Type::Int, "its MTU in bytes"),
    Field::new("overhead", Type::Int, "the bytes that it adds"),
];

const POD_INTERFACE: &[Field] =
    &[Field::new("interface", Type::Text, "its name"), Field::new("mtu", Type::Int, "its MTU in bytes")];

const ATTACHMENT: &[Field] = &[
    Field::new("type", Type::Text, "the plugin's type"),
    Field::new("master", Type::Text, "the device that it hangs on"),
    Field::new("mtu", Type::Int, "the MTU that it sets"),
    Field::new("master_mtu", Type::Int, "the MTU of the master; absent where there is no such device"),
];
