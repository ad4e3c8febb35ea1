//! The host ends of the pods' virtual cables, and secondary networks.

use std::collections::BTreeMap;

use crate::fact::host::Host;
use crate::fact::host::document::{Node, parse_json};
use crate::fact::host::network::cni::known::is_like;
use crate::fact::host::network::read::{interface, interfaces, interfaces_unreadable, mtu_of};
use crate::fact::host::root::Outcome;
use crate::fact::{Fact, Facts, Source};

/// How each network names the host end of a pod's cable.
const CABLES: &[(&str, &[&str])] =
    &[("calico", &["cali*"]), ("cilium", &["lxc*"]), ("aws-vpc", &["eni*"]), ("azure", &["azv*"])];

/// The bridge that each network plugs its cables into.
const BRIDGES: &[(&str, &[&str])] = &[
    ("flannel", &["cni0"]),
    ("bridge", &["cni0", "cbr0", "cnio0"]),
    ("kube-router", &["kube-bridge"]),
    ("weave", &["weave"]),
];

/// The host ends of the pods' cables, with their MTU.
pub(super) fn pod_interfaces(earlier: &Facts) -> Fact {
    let source = Source::file("/sys/class/net");
    if let Some(reason) = interfaces_unreadable(earlier) {
        return Fact::unreadable(source, reason);
    }
    let network = earlier.text("network.cni").unwrap_or_default();
    let cables = CABLES.iter().find(|(name, _)| *name == network).map_or(&[][..], |(_, cables)| cables);
    let bridges = BRIDGES.iter().find(|(name, _)| *name == network).map_or(&[][..], |(_, bridges)| bridges);
    let own = earlier.text("cni.config.bridge");
    let mut facts = Vec::new();
    for (name, device) in interfaces(earlier) {
        let is_bridge = |master: &str| bridges.contains(&master) || own == Some(master);
        let is_plugged = device.member("master").and_then(Fact::text).is_some_and(is_bridge);
        // Physical NICs on Amazon's nodes can be named eni too; a cable has no device behind it.
        let is_physical = device.member("is_physical").and_then(Fact::bool) == Some(true);
        let is_cable = cables.iter().any(|pattern| is_like(name, pattern)) && !name.starts_with("lxcbr");
        if let Some(mtu) = mtu_of(device).filter(|_| (is_plugged || is_cable) && !is_physical) {
            let source = Source::file(format!("/sys/class/net/{name}/mtu"));
            facts.push(Fact::group(BTreeMap::from([
                ("interface".to_owned(), Fact::known(name, source.clone())),
                ("mtu".to_owned(), Fact::known(mtu, source)),
            ])));
        }
    }
    Fact::known(facts, source)
}

/// Plugins that hang on a device of the host instead of the pod network.
const SECONDARY: &[&str] = &["macvlan", "ipvlan", "host-device", "vlan"];

/// Secondary networks in the CNI's folder, each with the MTU of its own
/// master: the uplink does not matter to them.
pub(super) fn attachments(host: &Host, earlier: &Facts) -> Fact {
    let configs = match earlier.get("cni.configs") {
        Some(fact @ Fact::Known { .. }) => fact,
        Some(unread) => return unread.clone(),
        None => return Fact::absent(Source::file("/etc/cni/net.d")),
    };
    let mut facts = Vec::new();
    for path in configs.list().unwrap_or_default().iter().filter_map(|config| config.member("path")?.text()) {
        let Outcome::Found(text) = host.root.read_text(path) else { continue };
        let Ok(document) = parse_json(&text) else { continue };
        let listed = document.get("plugins").map(Node::list).unwrap_or_default();
        for plugin in listed.iter().chain(std::iter::once(&document)) {
            facts.extend(attachment(earlier, path, plugin));
        }
    }
    Fact::group(facts)
}

fn attachment(earlier: &Facts, path: &str, plugin: &Node) -> Option<Fact> {
    let kind = plugin.get("type")?.text().filter(|kind| SECONDARY.contains(kind))?;
    let master = plugin.get("master")?.text()?;
    let mtu = plugin.get("mtu")?;
    let number = mtu.int().filter(|number| *number > 0)?;
    let source = Source::line(path, mtu.line);
    let master_source = Source::file(format!("/sys/class/net/{master}/mtu"));
    let master_mtu = match (interfaces_unreadable(earlier), interface(earlier, master).and_then(|d| d.member("mtu"))) {
        (Some(reason), _) => Fact::unreadable(master_source, reason),
        (None, Some(known)) => known.clone(),
        (None, None) => Fact::absent(master_source),
    };
    Some(Fact::group(BTreeMap::from([
        ("type".to_owned(), Fact::known(kind, source.clone())),
        ("master".to_owned(), Fact::known(master, source.clone())),
        ("mtu".to_owned(), Fact::known(number, source)),
        ("master_mtu".to_owned(), master_mtu),
    ])))
}
