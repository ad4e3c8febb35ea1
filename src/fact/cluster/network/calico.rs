//! Calico: its `IPPools`, `FelixConfiguration`, the operator's Installation, and
//! the config map of the manifest installation
//! (<https://docs.tigera.io/calico/latest/reference/resources/>,
//! <https://docs.tigera.io/calico/latest/networking/configuring/mtu>).

use std::sync::Arc;

use ipnet::IpNet;

use super::{Mtu, Wrapping, bytes};
use crate::fact::cluster::resource::{CALICO_INSTALLATIONS, FELIX_CONFIGURATIONS, FELIX_CONFIGURATIONS_V3};
use crate::fact::cluster::{Element, Object};
use crate::fact::host::encapsulation::table;
use crate::fact::{Fact, Json, ObjectReference, Source};

/// What Calico's objects say.
#[derive(Default)]
pub(super) struct Calico {
    pools: Vec<Pool>,
    /// Encapsulations in use, by the devices of the table.
    wrappings: Vec<Wrapping>,
    pub(super) mtu: Option<Mtu>,
    tunnels: Vec<Tunnel>,
    /// Where its eBPF data plane is turned on.
    pub(super) ebpf: Option<Source>,
    /// Whether pods get addresses of their node's range.
    pub(super) uses_node_ranges: bool,
    /// Whether it is installed for policy alone, over another network.
    pub(super) is_policy_only: bool,
    seen_at: Option<Source>,
}

struct Pool {
    reference: Arc<ObjectReference>,
    cidr: String,
    range: Option<IpNet>,
    is_disabled: bool,
    source: Source,
}

struct Tunnel {
    setting: &'static str,
    encapsulation: &'static str,
    bytes: i64,
    source: Source,
}

/// Fields of `FelixConfiguration` that set a tunnel's MTU.
const TUNNELS: &[(&str, &str, &str)] = &[
    ("ipipMTU", ".spec.ipipMTU", "ipip"),
    ("vxlanMTU", ".spec.vxlanMTU", "vxlan"),
    ("vxlanMTUV6", ".spec.vxlanMTUV6", "vxlan6"),
    ("wireguardMTU", ".spec.wireguardMTU", "wireguard"),
    ("wireguardMTUV6", ".spec.wireguardMTUV6", "wireguard6"),
];

impl Calico {
    /// Where its configuration was seen.
    pub(super) fn source(&self) -> Option<Source> {
        self.seen_at.clone()
    }

    /// An `IPPool`, `FelixConfiguration` or Installation.
    pub(super) fn see_resource(&mut self, object: &Object<'_>) {
        self.seen_at.get_or_insert_with(|| object.source(".metadata.name"));
        if object.is(&CALICO_INSTALLATIONS) {
            self.see_installation(object);
        } else if object.is(&FELIX_CONFIGURATIONS) || object.is(&FELIX_CONFIGURATIONS_V3) {
            // `node.NAME` holds for one node only.
            if object.name() == "default" {
                self.see_felix(object);
            }
        } else {
            self.see_pool(object);
        }
    }

    fn see_pool(&mut self, object: &Object<'_>) {
        // Both API groups show the same pools.
        if self.pools.iter().any(|pool| pool.reference.name == object.name()) {
            return;
        }
        let is_in_use =
            |mode: &str| object.text(&format!("spec.{mode}")).is_some_and(|mode| mode != "Never" && !mode.is_empty());
        let is_disabled = object.get("spec.disabled").and_then(Json::as_bool).unwrap_or(false);
        let cidr = object.text("spec.cidr").unwrap_or_default();
        let range = cidr.parse::<IpNet>().ok();
        let is_v6 = matches!(range, Some(IpNet::V6(_)));
        if is_in_use("ipipMode") {
            self.wrap("tunl0", object.source(".spec.ipipMode"));
        }
        if is_in_use("vxlanMode") {
            self.wrap(if is_v6 { "vxlan-v6.calico" } else { "vxlan.calico" }, object.source(".spec.vxlanMode"));
        }
        if !is_in_use("ipipMode") && !is_in_use("vxlanMode") && !is_disabled {
            self.wrappings.push(Wrapping {
                name: "none".to_owned(),
                overhead: 0,
                source: object.source(".spec.ipipMode"),
            });
        }
        self.pools.push(Pool {
            reference: Arc::clone(object.reference()),
            cidr: cidr.to_owned(),
            range,
            is_disabled,
            source: object.source(".spec.cidr"),
        });
    }

    fn see_felix(&mut self, object: &Object<'_>) {
        let is_on = |path: &str| object.get(path).and_then(Json::as_bool).unwrap_or(false);
        if is_on("spec.wireguardEnabled") {
            self.wrap("wireguard.cali", object.source(".spec.wireguardEnabled"));
        }
        if is_on("spec.wireguardEnabledV6") {
            self.wrap("wg-v6.cali", object.source(".spec.wireguardEnabledV6"));
        }
        if is_on("spec.bpfEnabled") {
            self.ebpf = Some(object.source(".spec.bpfEnabled"));
        }
        for (setting, path, encapsulation) in TUNNELS {
            let Some(bytes) = object.get(path.trim_start_matches('.')).and_then(bytes) else { continue };
            if self.tunnels.iter().all(|tunnel| tunnel.setting != *setting) {
                self.tunnels.push(Tunnel { setting, encapsulation, bytes, source: object.source(*path) });
            }
        }
    }

    fn see_installation(&mut self, object: &Object<'_>) {
        let network = |key: &str| object.get(&format!("spec.calicoNetwork.{key}"));
        if let Some(bytes) = network("mtu").and_then(bytes) {
            let source = object.source(".spec.calicoNetwork.mtu");
            self.mtu = Some(Mtu { bytes, setting: "spec.calicoNetwork.mtu of the Installation", source });
        }
        if network("linuxDataplane").and_then(Json::as_str) == Some("BPF") {
            self.ebpf = Some(object.source(".spec.calicoNetwork.linuxDataplane"));
        }
        self.is_policy_only = object.text("spec.cni.type").is_some_and(|plugin| plugin != "Calico");
        self.uses_node_ranges = object.text("spec.cni.ipam.type") == Some("HostLocal");
        for (at, pool) in object.list("spec.calicoNetwork.ipPools").iter().enumerate() {
            let source = object.source(format!(".spec.calicoNetwork.ipPools[{at}].encapsulation"));
            match pool.get("encapsulation").and_then(Json::as_str) {
                Some("IPIP" | "IPIPCrossSubnet") | None => self.wrap("tunl0", source),
                Some("VXLAN" | "VXLANCrossSubnet") => self.wrap("vxlan.calico", source),
                Some(_) => self.wrappings.push(Wrapping { name: "none".to_owned(), overhead: 0, source }),
            }
        }
    }

    /// `calico-config`, or `canal-config` where Calico is there for policy.
    pub(super) fn see_config(&mut self, object: &Object<'_>) {
        self.seen_at.get_or_insert_with(|| object.source(".data"));
        let Some(data) = object.get("data") else { return };
        self.is_policy_only |= object.name() == "canal-config";
        let text = |key: &str| data.get(key).and_then(Json::as_str).unwrap_or_default();
        self.uses_node_ranges |=
            text("cni_network_config").contains("usePodCidr") || text("cni_network_config").contains("\"host-local\"");
        if let Some(bytes) = data.get("veth_mtu").and_then(bytes)
            && self.mtu.is_none()
        {
            let source = object.source(".data.veth_mtu");
            self.mtu = Some(Mtu { bytes, setting: "veth_mtu of the ConfigMap", source });
        }
    }

    /// The daemon set of the manifest installation sets Felix by variables.
    pub(super) fn see_agent(&mut self, object: &Object<'_>, at: usize, container: &Json) {
        let variables = container.get("env").and_then(Json::as_array).into_iter().flatten().enumerate();
        for (index, variable) in variables {
            let text = |key: &str| variable.get(key).and_then(Json::as_str);
            let source = || object.source(format!(".spec.template.spec.containers[{at}].env[{index}].value"));
            match (text("name"), text("value")) {
                (Some("FELIX_BPFENABLED"), Some("true")) => self.ebpf = Some(source()),
                (Some("CALICO_NETWORKING_BACKEND"), Some("none")) => self.is_policy_only = true,
                _ => {}
            }
        }
    }

    fn wrap(&mut self, device: &str, source: Source) {
        if let Some(row) = table().rows.iter().find(|row| row.of == "calico" && row.device == device) {
            self.wrappings.push(Wrapping { name: row.name.clone(), overhead: row.overhead, source });
        }
    }

    /// The encapsulation that adds most: Calico leaves room for each that is
    /// enabled, used between two nodes or not.
    pub(super) fn wrapping(&self) -> Option<Wrapping> {
        self.wrappings.iter().max_by_key(|wrapping| wrapping.overhead).cloned()
    }

    /// MTUs of the tunnels that are in use.
    pub(super) fn tunnel_mtus(&self) -> Vec<Fact> {
        let is_used = |tunnel: &&Tunnel| self.wrappings.iter().any(|wrapping| wrapping.name == tunnel.encapsulation);
        let fact = |tunnel: &Tunnel| {
            Element::new()
                .with("setting", Fact::known(tunnel.setting, tunnel.source.clone()))
                .with("encapsulation", Fact::known(tunnel.encapsulation, tunnel.source.clone()))
                .with("mtu", Fact::known(tunnel.bytes, tunnel.source.clone()))
                .done()
        };
        self.tunnels.iter().filter(is_used).map(fact).collect()
    }

    /// The pools, each with those that overlap with it.
    pub(super) fn pools(&self) -> Vec<Fact> {
        let fact = |pool: &Pool| {
            let overlaps = self.pools.iter().filter(|other| {
                let is_other = other.reference.name != pool.reference.name && !other.is_disabled;
                let both = pool.range.zip(other.range);
                is_other && both.is_some_and(|(this, that)| this.contains(&that) || that.contains(&this))
            });
            let overlaps = overlaps.map(|other| Fact::known(other.reference.name.as_str(), other.source.clone()));
            Element::of(&pool.reference)
                .with("cidr", Fact::known(pool.cidr.as_str(), pool.source.clone()))
                .with("is_disabled", Fact::known(pool.is_disabled, pool.source.clone()))
                .with("overlaps", Fact::group(overlaps.collect::<Vec<Fact>>()))
                .done()
        };
        self.pools.iter().map(fact).collect()
    }
}
