//! The pod network: its encapsulation, and the MTU that the pods use.
//!
//! In come the CNI in force, the devices, and the files of Calico and
//! flannel; out come `network.encapsulation`, `network.pod_mtu` and their
//! neighbours. Whether a packet of that size gets through is judged by the
//! rules `network/mtu-*`; only what this node shows is known, never the path
//! between the nodes.

mod declaration;
mod encapsulated;
mod flannel;
mod interfaces;
mod mtu;

use super::encapsulation::Encapsulation;
use super::read::{interfaces as devices, interfaces_unreadable};
use crate::fact::host::{Collector, Host};
use crate::fact::{Fact, Facts, Source};

/// Reads the pod network.
pub(in crate::fact::host) const COLLECTOR: Collector = Collector {
    name: "pod_network",
    facts: declaration::FACTS,
    needs: &["interface", "cni", "uplink", "k3s"],
    collect,
};

fn collect(host: &Host, earlier: &Facts) -> Facts {
    let mut facts = Facts::default();
    let tunnels = encapsulated::tunnels(host, earlier);
    facts.set("network.tunnels", encapsulated::tunnels_fact(earlier, &tunnels));
    facts.set("network.pod_interfaces", interfaces::pod_interfaces(earlier));
    facts.set("network.attachments", interfaces::attachments(host, earlier));
    facts.set("calico.mtu_pattern_matches", mtu_pattern_matches(earlier));
    let Some(network) = earlier.text("network.cni") else {
        let unknown = match earlier.get("network.cni") {
            Some(unread @ Fact::Unreadable { .. }) => unread.clone(),
            _ => Fact::absent(Source::file("/etc/cni/net.d")),
        };
        for path in ["network.encapsulation", "network.encapsulation_overhead", "network.pod_mtu"] {
            facts.set(path, unknown.clone());
        }
        return facts;
    };
    let encapsulation = encapsulated::encapsulation(host, earlier, network, &tunnels);
    let overhead = encapsulation.as_ref().map(|(used, _)| used.overhead);
    facts.set("network.pod_mtu", mtu::pod_mtu(host, earlier, network, overhead));
    if let Some((Encapsulation { name, overhead, .. }, source)) = encapsulation {
        facts.set("network.encapsulation", Fact::known(name, source.clone()));
        facts.set("network.encapsulation_overhead", Fact::known(overhead, source));
    } else {
        let source = Source::file("/sys/class/net");
        let reason = interfaces_unreadable(earlier)
            .unwrap_or_else(|| format!("tell the encapsulation of {network}: no device under /sys/class/net shows it"));
        facts.set("network.encapsulation", Fact::unreadable(source.clone(), reason.clone()));
        facts.set("network.encapsulation_overhead", Fact::unreadable(source, reason));
    }
    facts
}

/// Calico's default `mtuIfacePattern`, `felix/config/config_params.go`:
/// `^((en|wl|ww|sl|ib)[Pcopsvx].*|(eth|wlan|wwan).*)`.
fn mtu_pattern_matches(earlier: &Facts) -> Fact {
    let source = Source::file("/sys/class/net");
    match earlier.get("network.cni") {
        Some(Fact::Known { .. }) if earlier.text("network.cni") == Some("calico") => {}
        Some(Fact::Unreadable { reason, .. }) => return Fact::unreadable(source, reason.clone()),
        _ => return Fact::absent(source),
    }
    if let Some(reason) = interfaces_unreadable(earlier) {
        return Fact::unreadable(source, reason);
    }
    let is_up = |device: &Fact| device.member("is_up").and_then(Fact::bool) != Some(false);
    Fact::known(devices(earlier).any(|(name, device)| is_up(device) && matches_mtu_pattern(name)), source)
}

fn matches_mtu_pattern(name: &str) -> bool {
    let predictable = ["en", "wl", "ww", "sl", "ib"].iter().filter_map(|prefix| name.strip_prefix(prefix));
    ["eth", "wlan", "wwan"].iter().any(|prefix| name.starts_with(prefix))
        || predictable.into_iter().any(|rest| rest.starts_with(['P', 'c', 'o', 'p', 's', 'v', 'x']))
}

#[cfg(test)]
#[path = "pod_test.rs"]
mod tests;
