//! The uplink.
use crate::fact::Facts;
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::host::{Collector, Host};

/// Reads uplink.
pub(in crate::fact::host) const COLLECTOR: Collector = Collector { name: "uplink", facts: FACTS, needs: &[], collect };

const FACTS: &[FactDoc] = &[
    FactDoc::new(
        "network.uplink",
        Type::Text,
        "Name of the device that carries the traffic between nodes: the one with the address of kubelet's --node-ip, else the one of the \
         default route with the smallest metric, else the only device that can be one. Source: `/proc/1/net/route`, `ipv6_route`, \
         proc_net(5). Absent: the host has no network but loopback. Unreadable: no route table under the root and several candidates.",
    ),
    FactDoc::new("network.uplink_mtu", Type::Int, "MTU of the uplink in bytes. Source: `/sys/class/net/<uplink>/mtu`."),
    FactDoc::new(
        "network.uplink_lower",
        Type::List(&Type::Object(LOWER)),
        "The devices that the uplink lies upon, at any depth (slaves of a bond, parent of a VLAN, physical ports of a bridge), \
         for each of which the MTU of the uplink must fit.",
    ),
    FactDoc::new(
        "network.default_routes",
        Type::List(&Type::Object(ROUTE)),
        "The default routes of the main table, IPv4 first, by rising metric. Source: `/proc/1/net/route`, `ipv6_route`.",
    ),
];

const LOWER: &[Field] =
    &[Field::new("interface", Type::Text, "its name"), Field::new("mtu", Type::Int, "its MTU in bytes")];

const ROUTE: &[Field] = &[
    Field::new("interface", Type::Text, "the device that it leaves by"),
    Field::new("gateway", Type::Text, "the next hop; absent where there is none"),
    Field::new("metric", Type::Int, "its priority; the smallest is used"),
    Field::new("family", Type::Int, "4 or 6"),
];

fn collect(_host: &Host, _earlier: &Facts) -> Facts {
    Facts::default()
}
