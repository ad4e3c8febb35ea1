//! The cluster's ranges of addresses for pods and Services.
//!
//! Pods: `--cluster-cidr` of the controller manager, kubeadm-config, kube-proxy's
//! `clusterCIDR`, k3s' `--cluster-cidr`. Services: `ServiceCIDR` objects (stable since
//! Kubernetes 1.33), `--service-cluster-ip-range`, kubeadm-config, k3s' `--service-cidr`.
//! Each range keeps where it is said; the same one may be said several times.

use ipnet::IpNet;

use super::component::Components;
use super::resource::{CONFIG_MAPS, NODES, PODS, SERVICE_CIDRS};
use super::{Collector, Element, Lists, Object, Reader, Request};
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::flag::{Flag, last, parse_flags};
use crate::fact::{Fact, Facts, Json, Source};

pub(super) const COLLECTOR: Collector =
    Collector { name: "range", facts: FACTS, requests: REQUESTS, start: || Box::new(Ranges::default()) };

const PODS_OF_SYSTEM: Request = Request::within(&PODS, "kube-system");
const KUBEADM_CONFIG: Request = Request::named(&CONFIG_MAPS, "kube-system", "kubeadm-config");
const PROXY_CONFIG: Request = Request::named(&CONFIG_MAPS, "kube-system", "kube-proxy");
const ALL_NODES: Request = Request::all(&NODES);
const CIDRS: Request = Request::all(&SERVICE_CIDRS);

/// What ranges are read from.
pub(super) const REQUESTS: &[Request] = &[PODS_OF_SYSTEM, KUBEADM_CONFIG, PROXY_CONFIG, ALL_NODES, CIDRS];

const RANGE: &[Field] =
    &[Field::new("cidr", Type::Text, "the range"), Field::new("setting", Type::Text, "what says it, in words")];

const FACTS: &[FactDoc] = &[
    FactDoc::new(
        "pod_ranges",
        Type::List(&Type::Object(RANGE)),
        "Ranges that pods have their addresses from. Empty: nothing that was read says it.",
    ),
    FactDoc::new(
        "service_ranges",
        Type::List(&Type::Object(RANGE)),
        "Ranges that Services have their addresses from. Empty: nothing that was read says it.",
    ),
];

/// k3s' own, where it is not told others (<https://docs.k3s.io/cli/server>).
const K3S_DEFAULTS: (&str, &str) = ("10.42.0.0/16", "10.43.0.0/16");

/// A range and where it is said.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) range: IpNet,
    setting: String,
    source: Source,
}

/// What was seen of the ranges.
#[derive(Default)]
pub(super) struct Ranges {
    pods: Vec<Said>,
    pub(super) services: Vec<Said>,
    components: Components,
    is_k3s_seen: bool,
}

impl Reader for Ranges {
    fn see(&mut self, object: &Object<'_>) {
        Ranges::see(self, object);
    }

    fn finish(mut self: Box<Self>, lists: &Lists) -> Facts {
        self.read_components();
        let facts_of = |said: &[Said], sources: &[&Request]| {
            let elements: Vec<Fact> = said.iter().map(Said::fact).collect();
            // One place that says it is enough.
            if elements.is_empty() { lists.fact_of(sources, elements) } else { Fact::group(elements) }
        };
        let mut facts = Facts::default();
        facts.set("pod_ranges", facts_of(&self.pods, &[&KUBEADM_CONFIG, &PROXY_CONFIG]));
        facts.set("service_ranges", facts_of(&self.services, &[&CIDRS, &KUBEADM_CONFIG]));
        facts
    }
}

impl Ranges {
    /// Takes the ranges that an object says.
    pub(super) fn see(&mut self, object: &Object<'_>) {
        if object.is(&PODS) {
            self.components.see(object);
        } else if object.is(&SERVICE_CIDRS) {
            for (at, range) in object.list("spec.cidrs").iter().enumerate() {
                let source = object.source(format!(".spec.cidrs[{at}]"));
                let setting = format!("ServiceCIDR {}", object.name());
                self.services.extend(said(range.as_str().unwrap_or_default(), &setting, &source));
            }
        } else if object.is(&NODES) {
            self.see_k3s(object);
        } else if object.name() == "kubeadm-config" {
            self.see_kubeadm(object);
        } else if object.name() == "kube-proxy" {
            let source = object.source(".data['config.conf']");
            let text = object.get("data").and_then(|data| data.get("config.conf")).and_then(Json::as_str);
            let json = text.and_then(|text| serde_saphyr::from_str::<Json>(text).ok());
            let ranges = json.as_ref().and_then(|json| json.get("clusterCIDR")).and_then(Json::as_str);
            self.pods.extend(said(ranges.unwrap_or_default(), "kube-proxy's clusterCIDR", &source));
        }
    }

    /// Takes those of pods of kube-system and of config maps, where pods of all
    /// namespaces are seen.
    pub(super) fn see_of_system(&mut self, object: &Object<'_>) {
        if !object.is(&PODS) || object.namespace() == Some("kube-system") {
            self.see(object);
        }
    }

    /// Takes what the control plane's flags say; in the end, when all pods were seen.
    pub(super) fn read_components(&mut self) {
        for component in self.components.running() {
            let name = component.name;
            let flags =
                |flag: &str| last(component.flags(), flag).map(|flag| (flag.value.clone(), flag.source.clone()));
            if name == "kube-controller-manager"
                && let Some((value, source)) = flags("cluster-cidr")
            {
                self.pods.extend(said(&value, "kube-controller-manager --cluster-cidr", &source));
            }
            if matches!(name, "kube-apiserver" | "kube-controller-manager")
                && let Some((value, source)) = flags("service-cluster-ip-range")
            {
                self.services.extend(said(&value, &format!("{name} --service-cluster-ip-range"), &source));
            }
        }
    }

    fn see_kubeadm(&mut self, object: &Object<'_>) {
        let source = object.source(".data.ClusterConfiguration");
        let text = object.get("data").and_then(|data| data.get("ClusterConfiguration")).and_then(Json::as_str);
        let Some(json) = text.and_then(|text| serde_saphyr::from_str::<Json>(text).ok()) else { return };
        let networking =
            |key: &str| json.pointer(&format!("/networking/{key}")).and_then(Json::as_str).unwrap_or_default();
        self.pods.extend(said(networking("podSubnet"), "kubeadm's networking.podSubnet", &source));
        self.services.extend(said(networking("serviceSubnet"), "kubeadm's networking.serviceSubnet", &source));
    }

    /// Every server of k3s is told the same.
    fn see_k3s(&mut self, node: &Object<'_>) {
        let is_k3s = node.text("status.nodeInfo.kubeletVersion").is_some_and(|version| version.contains("+k3s"));
        let words = node.annotation("k3s.io/node-args").and_then(|text| serde_json::from_str::<Vec<String>>(text).ok());
        let Some(words) = words.filter(|words| is_k3s && words.first().is_some_and(|word| word == "server")) else {
            return;
        };
        if std::mem::replace(&mut self.is_k3s_seen, true) {
            return;
        }
        let source = node.source(".metadata.annotations['k3s.io/node-args']");
        let words: Vec<(String, Source)> = words.into_iter().skip(1).map(|word| (word, source.clone())).collect();
        let options = parse_flags(&words);
        let documented = || Source::default_of("https://docs.k3s.io/cli/server");
        for (name, default, ranges) in
            [("cluster-cidr", K3S_DEFAULTS.0, &mut self.pods), ("service-cidr", K3S_DEFAULTS.1, &mut self.services)]
        {
            let given: Vec<&Flag> = options.iter().filter(|flag| flag.name == name).collect();
            let setting = format!("k3s --{name}");
            if given.is_empty() {
                ranges.extend(said(default, &setting, &documented()));
            }
            for flag in given {
                ranges.extend(said(&flag.value, &setting, &flag.source));
            }
        }
    }
}

impl Said {
    fn fact(&self) -> Fact {
        Element::new()
            .with("cidr", Fact::known(self.range.to_string(), self.source.clone()))
            .with("setting", Fact::known(self.setting.as_str(), self.source.clone()))
            .done()
    }
}

/// Ranges with commas between them.
fn said(text: &str, setting: &str, source: &Source) -> Vec<Said> {
    let parse = |part: &str| part.trim().parse::<IpNet>().ok();
    text.split(',')
        .filter_map(parse)
        .map(|range| Said { range: range.trunc(), setting: setting.to_owned(), source: source.clone() })
        .collect()
}
