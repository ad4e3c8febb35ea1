//! The uplink: the device that carries traffic between nodes.
//!
//! In come the route tables of process 1, `proc_net(5)`, kubelet's `--node-ip`
//! and the devices; out come `network.uplink`, its MTU and what lies below
//! it. `/proc/net/route` has no `mtu` attribute of a route (its MTU column
//! is `advmss` plus 40), so only the device's MTU is judged.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::lower::lower_devices;
use super::read::{interface, interfaces, interfaces_unreadable};
use super::route::{Route, parse_ipv6_route, parse_route};
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::host::root::Outcome;
use crate::fact::host::{Collector, Host};
use crate::fact::{Fact, Facts, Source};

/// Finds the uplink.
pub(in crate::fact::host) const COLLECTOR: Collector =
    Collector { name: "uplink", facts: FACTS, needs: &["interface", "kubelet"], collect };

const FACTS: &[FactDoc] = &[
    FactDoc::new(
        "network.uplink",
        Type::Text,
        "Name of the device that carries the traffic between nodes: the one with the network of kubelet's --node-ip, else the one of the \
         default route with the smallest metric, else the only device that can be one. Source: `/proc/1/net/route`, `ipv6_route`, \
         proc_net(5). Absent: the host has no network but loopback. Unreadable: no route table tells, and several devices could be it.",
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

fn collect(host: &Host, earlier: &Facts) -> Facts {
    let (path4, text4) = host.root.read_network_file("route");
    let (path6, text6) = host.root.read_network_file("ipv6_route");
    let reason = match &text4 {
        Outcome::Unreadable(reason) => Some(reason.clone()),
        _ => None,
    };
    let mut tables = Vec::new();
    if let Outcome::Found(text) = text4 {
        tables.push((path4.clone(), parse_route(&text)));
    }
    if let Outcome::Found(text) = text6 {
        tables.push((path6, parse_ipv6_route(&text)));
    }

    let mut facts = Facts::default();
    facts.set(
        "network.default_routes",
        match &reason {
            Some(reason) => Fact::unreadable(Source::file(&*path4), reason.clone()),
            None => default_routes(&tables),
        },
    );
    let uplink = by_node_address(&tables, node_address(earlier))
        .or_else(|| by_default_route(&tables))
        .unwrap_or_else(|| by_candidates(earlier, &path4, reason));
    if let Some(name) = uplink.text().map(str::to_owned) {
        facts.set("network.uplink_mtu", mtu_fact(earlier, &name));
        facts.set("network.uplink_lower", lower_devices(earlier, &name));
    } else {
        facts.set("network.uplink_mtu", uplink.clone());
        facts.set("network.uplink_lower", uplink.clone());
    }
    facts.set("network.uplink", uplink);
    facts
}

/// The first address of kubelet's `--node-ip`; an unspecified one says nothing.
fn node_address(earlier: &Facts) -> Option<IpAddr> {
    let flags = earlier.get("kubelet.flags")?.list()?;
    let flag = flags.iter().rev().find(|flag| flag.member("name").and_then(Fact::text) == Some("node-ip"))?;
    let address: IpAddr = flag.member("value")?.text()?.split(',').next()?.trim().parse().ok()?;
    (!address.is_unspecified()).then_some(address)
}

/// The device of the connected network that the node's address lies in.
fn by_node_address(tables: &[(String, Vec<Route>)], address: Option<IpAddr>) -> Option<Fact> {
    let address = address?;
    let connected = tables.iter().flat_map(|(path, routes)| routes.iter().map(move |route| (path, route)));
    let (path, route) = connected
        .filter(|(_, route)| !route.is_default() && route.gateway.is_none() && route.holds(address))
        .max_by_key(|(_, route)| route.prefix_length)?;
    Some(Fact::known(&*route.interface, Source::line(path, route.line)))
}

fn by_default_route(tables: &[(String, Vec<Route>)]) -> Option<Fact> {
    tables.iter().find_map(|(path, routes)| {
        let route = routes.iter().filter(|route| route.is_default()).min_by_key(|route| route.metric)?;
        Some(Fact::known(&*route.interface, Source::line(path, route.line)))
    })
}

/// Without a default route: the only device that can lead to other nodes.
fn by_candidates(earlier: &Facts, path: &str, reason: Option<String>) -> Fact {
    let source = Source::file(path);
    if let Some(unread) = interfaces_unreadable(earlier) {
        return Fact::unreadable(source, reason.unwrap_or(unread));
    }
    let candidates: Vec<&str> =
        interfaces(earlier).filter(|(name, device)| can_be_uplink(name, device)).map(|(name, _)| name).collect();
    match candidates.as_slice() {
        [only] => Fact::known(*only, Source::file(format!("/sys/class/net/{only}"))),
        [] => Fact::absent(source),
        several => Fact::unreadable(
            source,
            reason.unwrap_or_else(|| {
                format!("read {path}: no default route, and several devices: {}", several.join(", "))
            }),
        ),
    }
}

/// Prefixes of devices that networks of pods and containers make.
const VIRTUAL: &[&str] = &[
    "cali",
    "lxc",
    "veth",
    "docker",
    "br-",
    "cni",
    "cbr",
    "flannel",
    "vxlan",
    "tunl",
    "cilium_",
    "genev_sys",
    "gre",
    "erspan",
    "kube-",
    "nodelocaldns",
    "dummy",
    "wireguard.cali",
    "wg-v6.cali",
    "weave",
    "ovn",
    "ovs-",
    "antrea",
    "virbr",
    "vnet",
    "ip6tnl",
    "sit",
    "ifb",
    "eni",
    "podman",
    "lxd",
    "tailscale",
];

fn can_be_uplink(name: &str, device: &Fact) -> bool {
    let kind = device.member("kind").and_then(Fact::text);
    let is_virtual = VIRTUAL.iter().any(|prefix| name.starts_with(prefix))
        || matches!(kind, Some("loopback" | "dummy" | "vxlan" | "geneve" | "ipip" | "sit" | "gre" | "wireguard"));
    name != "lo"
        && !is_virtual
        && device.member("is_up").and_then(Fact::bool) != Some(false)
        && device.member("master").is_none_or(|master| master.value().is_none())
}

fn mtu_fact(earlier: &Facts, name: &str) -> Fact {
    let source = Source::file(format!("/sys/class/net/{name}/mtu"));
    if let Some(reason) = interfaces_unreadable(earlier) {
        return Fact::unreadable(source, reason);
    }
    match interface(earlier, name).and_then(|device| device.member("mtu")) {
        Some(mtu) => mtu.clone(),
        None => Fact::unreadable(source, format!("read /sys/class/net/{name}/mtu: no such file")),
    }
}

fn default_routes(tables: &[(String, Vec<Route>)]) -> Fact {
    let mut facts = Vec::new();
    for (path, routes) in tables {
        let mut defaults: Vec<&Route> = routes.iter().filter(|route| route.is_default()).collect();
        defaults.sort_by_key(|route| route.metric);
        for route in defaults {
            let source = Source::line(path, route.line);
            let family: i64 = if route.destination.is_ipv4() { 4 } else { 6 };
            facts.push(Fact::group(BTreeMap::from([
                ("interface".to_owned(), Fact::known(&*route.interface, source.clone())),
                (
                    "gateway".to_owned(),
                    match route.gateway {
                        Some(gateway) => Fact::known(gateway.to_string(), source.clone()),
                        None => Fact::absent(source.clone()),
                    },
                ),
                ("metric".to_owned(), Fact::known(route.metric, source.clone())),
                ("family".to_owned(), Fact::known(family, source)),
            ])));
        }
    }
    Fact::group(facts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Value;

    fn device(mtu: i64, members: &[(&str, Value)]) -> Fact {
        let mut all = BTreeMap::from([("mtu".to_owned(), Fact::group(mtu))]);
        all.extend(members.iter().map(|(name, value)| ((*name).to_owned(), Fact::group(value.clone()))));
        Fact::group(all)
    }

    fn devices(all: Vec<(&str, Fact)>) -> Facts {
        let mut facts = Facts::default();
        facts.set(
            "interface",
            Fact::group(all.into_iter().map(|(name, d)| (name.to_owned(), d)).collect::<BTreeMap<_, _>>()),
        );
        facts
    }

    #[test]
    fn the_default_route_with_the_smallest_metric_is_the_uplink() {
        let text = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
                    wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n\
                    eth0\t00000000\t0102A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n";
        let tables = vec![("/proc/1/net/route".to_owned(), parse_route(text))];
        assert_eq!(by_default_route(&tables), Some(Fact::known("eth0", Source::line("/proc/1/net/route", 3))));
    }

    #[test]
    fn the_node_address_decides_over_the_default_route() {
        let text = "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n\
                    eth0 00000000 0102A8C0 0003 0 0 100 00000000 0 0 0\n\
                    eth1 0000000A 00000000 0001 0 0 0 00FFFFFF 0 0 0\n";
        let tables = vec![("/proc/1/net/route".to_owned(), parse_route(text))];
        let uplink = by_node_address(&tables, "10.0.0.7".parse().ok());
        assert_eq!(uplink.as_ref().and_then(Fact::text), Some("eth1"));
        assert_eq!(by_node_address(&tables, "172.16.0.1".parse().ok()), None);
    }

    #[test]
    fn devices_of_pods_and_tunnels_that_are_there_by_default_are_no_candidates() {
        let facts = devices(vec![
            ("lo", device(65536, &[])),
            ("tunl0", device(1480, &[])),
            ("kube-ipvs0", device(1500, &[])),
            ("nodelocaldns", device(1500, &[])),
            ("genev_sys_6081", device(65000, &[])),
            ("lxc1a2b", device(1500, &[])),
            ("cilium_host", device(1500, &[])),
            ("enp1s0", device(1500, &[])),
        ]);
        assert_eq!(by_candidates(&facts, "/proc/1/net/route", None).text(), Some("enp1s0"));
    }

    #[test]
    fn two_candidates_and_no_route_table_leave_the_uplink_unknown() {
        let facts = devices(vec![("eth0", device(1500, &[])), ("eth1", device(9000, &[]))]);
        let uplink = by_candidates(&facts, "/proc/1/net/route", None);
        assert!(matches!(uplink, Fact::Unreadable { reason, .. } if reason.contains("eth0, eth1")));
    }

    #[test]
    fn the_first_node_address_of_two_is_used() {
        let mut facts = Facts::default();
        let flag = BTreeMap::from([
            ("name".to_owned(), Fact::group("node-ip")),
            ("value".to_owned(), Fact::group("10.0.0.7,fd00::7")),
        ]);
        facts.set("kubelet.flags", Fact::group(vec![Fact::group(flag)]));
        assert_eq!(node_address(&facts), "10.0.0.7".parse().ok());
    }
}
