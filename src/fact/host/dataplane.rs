//! eBPF data planes that need a kernel of some age: Calico's and Cilium.
//!
//! Signs on a host: the devices that they make (`bpfin.cali`, `cilium_host`),
//! Calico's pinned maps, Cilium's agent and its CNI configuration. Which
//! version they are stands in the cluster, not on the host.

use super::absence::{is_evidence, not_recorded};
use super::root::Outcome;
use super::{Collector, Host};
use crate::fact::catalogue::{FactDoc, Type};
use crate::fact::{Fact, Facts, Source};

const DEVICES: &str = "/sys/class/net";
const MAPS: &str = "/sys/fs/bpf/tc/globals";
const CNI: &str = "/etc/cni/net.d";

pub(super) const COLLECTOR: Collector = Collector { name: "dataplane", facts: FACTS, needs: &[], collect };

const FACTS: &[FactDoc] = &[
    FactDoc::new("dataplane.kind", Type::Text, "`calico-ebpf` or `cilium`. Absent: no sign of either."),
    FactDoc::new("dataplane.version", Type::Text, "Its version. Absent: nothing on the host names it."),
];

fn collect(host: &Host, _: &Facts) -> Facts {
    let mut facts = Facts::default();
    let kind = read_kind(host);
    let source = kind.source().cloned().unwrap_or(Source::file(DEVICES));
    facts.set("dataplane.version", Fact::absent(source));
    facts.set("dataplane.kind", kind);
    facts
}

fn read_kind(host: &Host) -> Fact {
    let root = &host.root;
    let names = |folder: &str| root.read_folder(folder).found().unwrap_or_default();
    for device in names(DEVICES) {
        if let Some(kind) = kind_of_device(&device) {
            return Fact::known(kind, Source::file(format!("{DEVICES}/{device}")));
        }
    }
    if names(MAPS).iter().any(|map| map.starts_with("cali_v")) {
        return Fact::known("calico-ebpf", Source::file(MAPS));
    }
    if let Outcome::Found(processes) = host.processes()
        && let Some(process) = processes.iter().find(|process| process.program() == "cilium-agent")
    {
        return Fact::known("cilium", Source::file(process.command_line_path()));
    }
    if let Some(name) = names(CNI).iter().find(|name| name.contains("cilium") && name.contains(".conf")) {
        return Fact::known("cilium", Source::file(format!("{CNI}/{name}")));
    }
    if is_evidence(root, DEVICES) {
        Fact::absent(Source::file(DEVICES))
    } else {
        Fact::unreadable(Source::file(DEVICES), not_recorded(DEVICES))
    }
}

fn kind_of_device(name: &str) -> Option<&'static str> {
    match name {
        "bpfin.cali" | "bpfout.cali" => Some("calico-ebpf"),
        "cilium_host" | "cilium_net" => Some("cilium"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calicos_ordinary_devices_are_no_sign_of_ebpf() {
        assert_eq!(kind_of_device("vxlan.calico"), None);
        assert_eq!(kind_of_device("bpfin.cali"), Some("calico-ebpf"));
        assert_eq!(kind_of_device("cilium_host"), Some("cilium"));
    }
}
