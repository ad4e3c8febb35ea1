//! The pod network as the cluster configures it: which plugin, how it wraps
//! packets, which MTU it is told, and its pools of addresses.
//!
//! In come the plugins' own objects, whose kinds may not be there at all, their
//! config maps and daemon sets. What a plugin finds out by itself on each node
//! (Calico's and flannel's MTU where none is set) is absent here.

mod calico;
mod cilium;
mod declaration;
mod flannel;

use calico::Calico;
use cilium::Cilium;
use flannel::Flannel;

use super::image::Image;
use super::resource::{
    CALICO_INSTALLATIONS, CONFIG_MAPS, DAEMON_SETS, FELIX_CONFIGURATIONS, FELIX_CONFIGURATIONS_V3, IP_POOLS,
    IP_POOLS_V3,
};
use super::{Collector, Lists, Object, Reader, Request};
use crate::fact::{Fact, Facts, Json, Source};

pub(super) const COLLECTOR: Collector = Collector {
    name: "pod_network",
    facts: declaration::FACTS,
    requests: REQUESTS,
    start: || Box::new(Network::default()),
};

const SYSTEM: &str = "kube-system";
const ALL_DAEMON_SETS: Request = Request::all(&DAEMON_SETS);
const POOLS: Request = Request::all(&IP_POOLS);
const POOLS_V3: Request = Request::all(&IP_POOLS_V3);
const CALICO_CONFIG: Request = Request::named(&CONFIG_MAPS, SYSTEM, "calico-config");
const CILIUM_CONFIG: Request = Request::named(&CONFIG_MAPS, SYSTEM, "cilium-config");
const FLANNEL_CONFIG: Request = Request::named(&CONFIG_MAPS, "kube-flannel", "kube-flannel-cfg");
const REQUESTS: &[Request] = &[
    ALL_DAEMON_SETS,
    POOLS,
    POOLS_V3,
    Request::all(&FELIX_CONFIGURATIONS),
    Request::all(&FELIX_CONFIGURATIONS_V3),
    Request::all(&CALICO_INSTALLATIONS),
    CALICO_CONFIG,
    Request::named(&CONFIG_MAPS, SYSTEM, "canal-config"),
    CILIUM_CONFIG,
    FLANNEL_CONFIG,
    // Where it was up to 0.20.
    Request::named(&CONFIG_MAPS, SYSTEM, "kube-flannel-cfg"),
];

/// How packets between nodes are wrapped, and where that is said.
#[derive(Clone, Debug, PartialEq)]
struct Wrapping {
    name: String,
    overhead: i64,
    source: Source,
}

/// A setting of an MTU.
#[derive(Clone, Debug, PartialEq)]
struct Mtu {
    bytes: i64,
    setting: &'static str,
    source: Source,
}

/// What one plugin's objects say.
#[derive(Default)]
struct Network {
    calico: Calico,
    cilium: Cilium,
    flannel: Flannel,
    /// Plugins whose daemon sets are there, and their versions.
    agents: Vec<(&'static str, Fact, Source)>,
}

/// Agents by the names of their images' last parts.
const AGENTS: &[(&str, &str)] = &[
    ("calico/node", "calico"),
    ("/mirrored-calico-node", "calico"),
    ("/hardened-calico", "calico"),
    ("/cilium/cilium", "cilium"),
    ("/cilium", "cilium"),
    ("/flannel", "flannel"),
    ("/mirrored-flannelcni-flannel", "flannel"),
    ("/hardened-flannel", "flannel"),
    ("antrea/antrea-agent-ubuntu", "antrea"),
    ("antrea/antrea-ubuntu", "antrea"),
    ("kubeovn/kube-ovn", "kube-ovn"),
    ("/amazon-k8s-cni", "aws-vpc"),
    ("/kindnetd", "kindnet"),
    ("/weave-kube", "weave"),
    ("/kube-router", "kube-router"),
];

impl Reader for Network {
    fn see(&mut self, object: &Object<'_>) {
        if object.is(&DAEMON_SETS) {
            self.see_daemon_set(object);
        } else if object.is(&CONFIG_MAPS) {
            match object.name() {
                "cilium-config" => self.cilium.see_config(object),
                "kube-flannel-cfg" => self.flannel.see_config(object),
                "canal-config" => {
                    self.calico.see_config(object);
                    self.flannel.see_config(object);
                }
                _ => self.calico.see_config(object),
            }
        } else {
            self.calico.see_resource(object);
        }
    }

    fn finish(self: Box<Self>, lists: &Lists) -> Facts {
        let mut facts = Facts::default();
        let place = Source::default_of("there is no object of a pod network that is known");
        let cni = self.cni();
        let (wrapping, mtu) = match cni.as_ref().map(|(name, _)| *name) {
            Some("calico") => (self.calico.wrapping(), self.calico.mtu.clone()),
            Some("flannel" | "canal") => self.flannel.wrapping_and_mtu(),
            Some("cilium") => self.cilium.wrapping_and_mtu(),
            _ => (None, None),
        };
        let version = cni.as_ref().and_then(|(name, _)| {
            let name = if *name == "canal" { "calico" } else { name };
            self.agents.iter().find(|(agent, ..)| *agent == name).map(|(_, version, _)| version.clone())
        });
        let dataplane = self.dataplane();
        let gap = [&CALICO_CONFIG, &CILIUM_CONFIG, &FLANNEL_CONFIG].into_iter().find_map(|request| lists.gap(request));
        let or_gap = |fact: Option<Fact>| match (fact, &gap) {
            (Some(fact), _) => fact,
            (None, Some(reason)) => Fact::Unreadable { source: None, reason: reason.clone() },
            (None, None) => Fact::absent(place.clone()),
        };
        let known = |text: &str, source: &Source| Fact::known(text, source.clone());
        facts.set("pod_network.version", version.unwrap_or_else(|| Fact::absent(place.clone())));
        facts.set("pod_network.dataplane", or_gap(dataplane.as_ref().map(|(kind, source)| known(kind, source))));
        facts
            .set("pod_network.encapsulation", or_gap(wrapping.as_ref().map(|found| known(&found.name, &found.source))));
        facts.set(
            "pod_network.encapsulation_overhead",
            or_gap(wrapping.as_ref().map(|found| Fact::known(found.overhead, found.source.clone()))),
        );
        facts.set("pod_network.mtu", or_gap(mtu.as_ref().map(|mtu| Fact::known(mtu.bytes, mtu.source.clone()))));
        facts.set("pod_network.mtu_setting", or_gap(mtu.as_ref().map(|mtu| known(mtu.setting, &mtu.source))));
        facts.set("pod_network.tunnel_mtus", Fact::group(self.calico.tunnel_mtus()));
        let ignores = match cni.as_ref() {
            Some(("calico", source)) => Some(Fact::known(!self.calico.uses_node_ranges, source.clone())),
            Some(("cilium", source)) => Some(Fact::known(!self.cilium.uses_node_ranges, source.clone())),
            Some(("aws-vpc" | "kube-ovn" | "weave", source)) => Some(Fact::known(true, source.clone())),
            Some((_, source)) => Some(Fact::known(false, source.clone())),
            None => None,
        };
        facts.set("pod_network.ignores_node_ranges", or_gap(ignores));
        let mut pools = self.calico.pools();
        pools.extend(self.flannel.pools());
        facts.set("pod_network.pools", lists.fact_of(&[&POOLS, &POOLS_V3], pools));
        facts.set("pod_network.cni", or_gap(cni.map(|(name, source)| Fact::known(name, source))));
        facts
    }
}

impl Network {
    fn see_daemon_set(&mut self, object: &Object<'_>) {
        for (at, container) in object.list("spec.template.spec.containers").iter().enumerate() {
            let text = container.get("image").and_then(Json::as_str).unwrap_or_default();
            let image = Image::parse(text);
            let repository = format!("/{}", image.repository);
            let Some((_, name)) = AGENTS.iter().find(|(end, _)| repository.ends_with(end)) else { continue };
            let source = object.source(format!(".spec.template.spec.containers[{at}].image"));
            let version = match image.version() {
                Some(version) => Fact::known(version, source.clone()),
                None => Fact::unreadable(
                    source.clone(),
                    format!("tell the version of {name}: its image {text} has no version for a tag"),
                ),
            };
            self.agents.push((name, version, source));
            if *name == "calico" {
                self.calico.see_agent(object, at, container);
            }
        }
    }

    /// The plugin in force: by its agents, else by its configuration.
    fn cni(&self) -> Option<(&'static str, Source)> {
        let agent =
            |name: &str| self.agents.iter().find(|(agent, ..)| *agent == name).map(|(_, _, source)| source.clone());
        let flannel = agent("flannel").or_else(|| self.flannel.source());
        if let Some(source) = agent("cilium").or_else(|| self.cilium.source().filter(|_| self.agents.is_empty())) {
            return Some(("cilium", source));
        }
        match (agent("calico").or_else(|| self.calico.source().filter(|_| self.agents.is_empty())), flannel) {
            // Canal is Calico's policy over flannel's network.
            (Some(_), Some(source)) if self.calico.is_policy_only => Some(("canal", source)),
            (Some(source), _) => Some(("calico", source)),
            (None, Some(source)) => Some(("flannel", source)),
            (None, None) => self.agents.first().map(|(name, _, source)| (*name, source.clone())),
        }
    }

    fn dataplane(&self) -> Option<(&'static str, Source)> {
        match self.cni() {
            Some(("cilium", source)) => Some(("cilium", source)),
            Some(("calico", _)) => self.calico.ebpf.clone().map(|source| ("calico-ebpf", source)),
            _ => None,
        }
    }
}

/// A whole number of bytes, as a number or a text; 0 stands for none.
fn bytes(json: &Json) -> Option<i64> {
    let number = json.as_i64().or_else(|| json.as_str()?.trim().parse().ok())?;
    (number > 0).then_some(number)
}

#[cfg(test)]
mod tests;
