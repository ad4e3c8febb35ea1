//! The MTU that pods use towards other nodes.
//!
//! Each project keeps it somewhere else. Calico's CNI plugin takes `mtu` of
//! its configuration, else what Felix wrote to `/var/lib/calico/mtu`;
//! flannel's takes `FLANNEL_MTU`; Cilium leaves the device at the uplink's
//! MTU and sets a smaller one on the pod's route (pkg/mtu), so there the
//! device's less the overhead counts.

use super::flannel::read_subnet_mtu;
use crate::fact::host::Host;
use crate::fact::host::network::read::{interface, interfaces, interfaces_unreadable, mtu_of};
use crate::fact::host::root::Outcome;
use crate::fact::{Fact, Facts, Source};

const CALICO_FILE: &str = "/var/lib/calico/mtu";

/// Devices whose MTU is that of the pods, by network.
const GATEWAYS: &[(&str, &str)] =
    &[("kube-ovn", "ovn0"), ("antrea", "antrea-gw0"), ("ovn-kubernetes", "ovn-k8s-mp0"), ("weave", "weave")];

/// The MTU of the pods; `overhead` is that of the encapsulation, if known.
pub(super) fn pod_mtu(host: &Host, earlier: &Facts, network: &str, overhead: Option<i64>) -> Fact {
    let configured = earlier.get("cni.config.mtu").filter(|mtu| mtu.int().is_some());
    match network {
        "flannel" => match read_subnet_mtu(host) {
            Outcome::Found((mtu, source)) => Fact::known(mtu, source),
            Outcome::Absent => by_tunnel(earlier).unwrap_or_else(|| unknown(earlier, network)),
            Outcome::Unreadable(reason) => Fact::unreadable(Source::file("/run/flannel/subnet.env"), reason),
        },
        "cilium" => cilium_mtu(earlier, overhead),
        "calico" => configured
            .cloned()
            .or_else(|| calico_mtu(host))
            .or_else(|| largest(earlier, |name| name.starts_with("cali")))
            .unwrap_or_else(|| unknown(earlier, network)),
        _ => configured
            .cloned()
            .or_else(|| by_gateway(earlier, network))
            .or_else(|| plugged_mtu(earlier))
            .unwrap_or_else(|| unknown(earlier, network)),
    }
}

/// What Felix found out when it started.
fn calico_mtu(host: &Host) -> Option<Fact> {
    let source = Source::file(CALICO_FILE);
    match host.root.read_text(CALICO_FILE) {
        Outcome::Found(text) => Some(match text.trim().parse::<i64>() {
            Ok(mtu) => Fact::known(mtu, source),
            Err(_) => Fact::unreadable(source, format!("read {CALICO_FILE}: not a number")),
        }),
        Outcome::Absent => None,
        Outcome::Unreadable(reason) => Some(Fact::unreadable(source, reason)),
    }
}

/// Cilium's devices have the MTU of the underlay; the route takes the overhead off.
fn cilium_mtu(earlier: &Facts, overhead: Option<i64>) -> Fact {
    let device = largest(earlier, |name| name.starts_with("lxc") && !name.starts_with("lxcbr"))
        .or_else(|| largest(earlier, |name| name == "cilium_host"));
    match (device, overhead) {
        (Some(fact), Some(overhead)) => match (fact.int(), fact.source()) {
            (Some(mtu), Some(source)) => Fact::known(mtu.saturating_sub(overhead), source.clone()),
            _ => fact,
        },
        _ => unknown(earlier, "cilium"),
    }
}

/// The plugin `bridge` leaves the MTU of its cables to the kernel, whatever
/// the uplink has (<https://www.cni.dev/plugins/current/main/bridge/>, `mtu`):
/// what is plugged in counts.
fn plugged_mtu(earlier: &Facts) -> Option<Fact> {
    let bridge = earlier.text("cni.config.bridge")?;
    let is_cable = |device: &Fact| {
        device.member("master").and_then(Fact::text) == Some(bridge)
            && device.member("is_physical").and_then(Fact::bool) != Some(true)
    };
    let cables = interfaces(earlier).filter(|(_, device)| is_cable(device));
    let (mtu, name) = cables.filter_map(|(name, device)| Some((mtu_of(device)?, name))).max_by_key(|(mtu, _)| *mtu)?;
    Some(Fact::known(mtu, Source::file(format!("/sys/class/net/{name}/mtu"))))
}

fn by_gateway(earlier: &Facts, network: &str) -> Option<Fact> {
    let (_, device) = GATEWAYS.iter().find(|(name, _)| *name == network)?;
    interface(earlier, device)?.member("mtu").cloned()
}

/// flannel gives pods the MTU of its tunnel.
fn by_tunnel(earlier: &Facts) -> Option<Fact> {
    interface(earlier, "flannel.1")?.member("mtu").cloned()
}

/// The largest MTU among the devices of such a name.
fn largest(earlier: &Facts, is_wanted: impl Fn(&str) -> bool) -> Option<Fact> {
    interfaces(earlier)
        .filter(|(name, _)| is_wanted(name))
        .filter_map(|(name, device)| Some((mtu_of(device)?, name)))
        .max_by_key(|(mtu, _)| *mtu)
        .map(|(mtu, name)| Fact::known(mtu, Source::file(format!("/sys/class/net/{name}/mtu"))))
}

fn unknown(earlier: &Facts, network: &str) -> Fact {
    let reason = interfaces_unreadable(earlier)
        .unwrap_or_else(|| format!("tell the pods' MTU: neither a file nor a device of {network} shows it"));
    Fact::unreadable(Source::file("/sys/class/net"), reason)
}
