//! Which encapsulation the nodes use between each other.

use std::collections::BTreeMap;

use super::flannel::{read_backend, read_subnet_mtu};
use crate::fact::host::Host;
use crate::fact::host::network::encapsulation::{Encapsulation, table};
use crate::fact::host::network::read::{interface, interfaces, interfaces_unreadable, mtu_of};
use crate::fact::host::root::Outcome;
use crate::fact::{Fact, Facts, Source};

/// A tunnel device that is there and up.
pub(super) struct Tunnel {
    row: &'static Encapsulation,
    mtu: Option<i64>,
}

impl Tunnel {
    fn source(&self) -> Source {
        Source::file(format!("/sys/class/net/{}", self.row.device))
    }
}

/// The tunnel devices of the CNI in force (of every known one, where none is known).
pub(super) fn tunnels(host: &Host, earlier: &Facts) -> Vec<Tunnel> {
    let network = earlier.text("network.cni");
    let addressed = addressed_devices(host);
    table()
        .rows
        .iter()
        .filter(|row| network.is_none_or(|network| belongs(row, network)))
        .filter_map(|row| {
            let device = interface(earlier, &row.device)?;
            let is_up = device.member("is_up").and_then(Fact::bool);
            // Loading the module ipip makes tunl0, which stays down until somebody uses it;
            // Calico that uses it gives it an address.
            let is_used = if row.device == "tunl0" {
                is_up == Some(true) && addressed.as_ref().is_none_or(|names| names.contains(&row.device))
            } else {
                is_up != Some(false)
            };
            is_used.then(|| Tunnel { row, mtu: mtu_of(device) })
        })
        .collect()
}

/// Canal is Calico's policy over flannel's devices.
fn belongs(row: &Encapsulation, network: &str) -> bool {
    row.of == network || (network == "calico" && row.of == "flannel")
}

/// Names of the devices that have an address; none where the kernel may not be asked.
fn addressed_devices(host: &Host) -> Option<Vec<String>> {
    if !host.root.is_live() {
        return None;
    }
    let addresses = nix::ifaddrs::getifaddrs().ok()?;
    let is_network_address = |address: &nix::sys::socket::SockaddrStorage| {
        address.as_sockaddr_in().is_some() || address.as_sockaddr_in6().is_some()
    };
    Some(
        addresses
            .filter(|entry| entry.address.as_ref().is_some_and(is_network_address))
            .map(|entry| entry.interface_name)
            .collect(),
    )
}

/// The tunnels whose own MTU has meaning, as a fact.
pub(super) fn tunnels_fact(earlier: &Facts, tunnels: &[Tunnel]) -> Fact {
    let source = Source::file("/sys/class/net");
    if let Some(reason) = interfaces_unreadable(earlier) {
        return Fact::unreadable(source, reason);
    }
    let facts = tunnels.iter().filter(|tunnel| !tunnel.row.is_external).filter_map(|tunnel| {
        let mtu_source = Source::file(format!("/sys/class/net/{}/mtu", tunnel.row.device));
        Some(Fact::group(BTreeMap::from([
            ("interface".to_owned(), Fact::known(&*tunnel.row.device, tunnel.source())),
            ("encapsulation".to_owned(), Fact::known(&*tunnel.row.name, tunnel.source())),
            ("mtu".to_owned(), Fact::known(tunnel.mtu?, mtu_source)),
            ("overhead".to_owned(), Fact::known(tunnel.row.overhead, tunnel.source())),
        ])))
    });
    Fact::known(facts.collect::<Vec<_>>(), source)
}

/// The encapsulation in use and where it shows; none where nothing tells.
pub(super) fn encapsulation(
    host: &Host,
    earlier: &Facts,
    network: &str,
    tunnels: &[Tunnel],
) -> Option<(Encapsulation, Source)> {
    let table = table();
    if let Some(widest) = tunnels.iter().filter(|tunnel| !tunnel.row.is_added).max_by_key(|tunnel| tunnel.row.overhead)
    {
        return Some((with_added(widest.row.clone(), tunnels), widest.source()));
    }
    if table.native.iter().any(|native| native == network) {
        return Some((none(network), Source::default_of(format!("{network} routes packets as they are"))));
    }
    if network == "flannel"
        && let Some((backend, source)) = read_backend(host, earlier)
    {
        let row = table.backends.iter().find(|row| row.of == backend)?;
        return Some((row.clone(), source));
    }
    if let Some(reserved) = reserved(host, earlier, network) {
        return Some(reserved);
    }
    // No tunnel device at all: packets go as they are. In a recorded tree only
    // where the network's other devices were recorded, so the tunnel would have been too.
    let shows_devices = match network {
        "calico" => interfaces(earlier).any(|(name, _)| name.starts_with("cali")),
        "cilium" => interfaces(earlier).any(|(name, _)| name.starts_with("cilium_") || name.starts_with("lxc")),
        "flannel" => interfaces(earlier).any(|(name, _)| name == "cni0"),
        "antrea" => interface(earlier, "antrea-gw0").is_some(),
        _ => false,
    };
    (shows_devices && interfaces_unreadable(earlier).is_none())
        .then(|| (with_added(none(network), tunnels), Source::file("/sys/class/net")))
}

fn none(network: &str) -> Encapsulation {
    Encapsulation { of: network.to_owned(), name: "none".to_owned(), ..Encapsulation::default() }
}

/// Cilium's WireGuard wraps what is wrapped already.
fn with_added(mut used: Encapsulation, tunnels: &[Tunnel]) -> Encapsulation {
    for tunnel in tunnels.iter().filter(|tunnel| tunnel.row.is_added) {
        used.overhead += tunnel.row.overhead;
        used.name = if used.name == "none" {
            tunnel.row.name.clone()
        } else {
            format!("{} and {}", used.name, tunnel.row.name)
        };
    }
    used
}

/// In a recorded tree without the tunnel's device: what the agent took off the
/// uplink's MTU, where that is exactly what one of its encapsulations adds.
fn reserved(host: &Host, earlier: &Facts, network: &str) -> Option<(Encapsulation, Source)> {
    if host.root.has_kernel_files() {
        return None;
    }
    let (mtu, source) = match network {
        "calico" => match host.root.read_text("/var/lib/calico/mtu") {
            Outcome::Found(text) => (text.trim().parse::<i64>().ok()?, Source::file("/var/lib/calico/mtu")),
            _ => return None,
        },
        "flannel" => read_subnet_mtu(host).found()?,
        _ => return None,
    };
    let taken_off = earlier.int("network.uplink_mtu")?.checked_sub(mtu)?;
    if taken_off == 0 {
        return Some((none(network), source));
    }
    let row = table().rows.iter().find(|row| row.of == network && row.overhead == taken_off)?;
    Some((row.clone(), source))
}
