//! The network devices.
use crate::fact::Facts;
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::host::{Collector, Host};

/// Reads interface.
pub(in crate::fact::host) const COLLECTOR: Collector =
    Collector { name: "interface", facts: FACTS, needs: &[], collect };

const FACTS: &[FactDoc] = &[FactDoc::new(
    "interface",
    Type::Map(&Type::Object(INTERFACE)),
    "The network devices of the host's network namespace, by name. Source: `/sys/class/net/<name>/`, \
     Documentation/ABI/testing/sysfs-class-net. Unreadable: sysfs is not mounted under the root, or is not that of the host's namespace.",
)];

const INTERFACE: &[Field] = &[
    Field::new("mtu", Type::Int, "the largest packet that it sends, in bytes, without the link-layer header; `mtu`"),
    Field::new(
        "kind",
        Type::Text,
        "ethernet, loopback, bond, team, vlan, bridge, veth, vxlan, geneve, wireguard, ipip, gre, tun, tap, dummy, macvlan, ipvlan, \
         wlan, infiniband …; absent where the files do not tell",
    ),
    Field::new("is_up", Type::Bool, "whether it is switched on; IFF_UP in `flags`, else by `operstate`"),
    Field::new(
        "state",
        Type::Text,
        "its operational state as the kernel says it: up, down, unknown, lowerlayerdown …; `operstate`",
    ),
    Field::new(
        "is_physical",
        Type::Bool,
        "whether a device of the machine (or of its hypervisor) is behind it; the link `device`",
    ),
    Field::new("master", Type::Text, "the bond, bridge or team that it belongs to; absent where it belongs to none"),
    Field::new(
        "lower",
        Type::List(&Type::Text),
        "the devices that it lies upon: a bond's slaves, a bridge's ports, a VLAN's parent",
    ),
];

fn collect(_host: &Host, _earlier: &Facts) -> Facts {
    Facts::default()
}
