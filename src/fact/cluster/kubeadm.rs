//! kubeadm's `ClusterConfiguration`, which it keeps in the config map
//! `kubeadm-config` and writes static pods from at each upgrade:
//! <https://kubernetes.io/docs/reference/config-api/kubeadm-config.v1beta4/>.

use super::resource::CONFIG_MAPS;
use super::{Collector, Lists, Object, Reader, Request};
use crate::fact::catalogue::{FactDoc, Type};
use crate::fact::flag::Flag;
use crate::fact::{Fact, Facts, Json, Source};

pub(super) const COLLECTOR: Collector =
    Collector { name: "kubeadm", facts: FACTS, requests: &[REQUEST], start: || Box::new(Kubeadm::default()) };

const REQUEST: Request = Request::named(&CONFIG_MAPS, "kube-system", "kubeadm-config");

const PLACE: &str = ".data.ClusterConfiguration";

const FACTS: &[FactDoc] = &[
    FactDoc::new(
        "kubeadm.present",
        Type::Bool,
        "Whether kubeadm set the cluster up and keeps its configuration in it.",
    ),
    FactDoc::new(
        "kubeadm.api_version",
        Type::Text,
        "API version of the configuration, such as `kubeadm.k8s.io/v1beta4`.",
    ),
    FactDoc::new("kubeadm.kubernetes_version", Type::Text, "`kubernetesVersion`."),
    FactDoc::new(
        "kubeadm.control_plane_endpoint",
        Type::Text,
        "`controlPlaneEndpoint`, host and port as written; absent where the cluster has none.",
    ),
    FactDoc::new(
        "kubeadm.pod_subnets",
        Type::List(&Type::Text),
        "`networking.podSubnet`, split at commas; absent where it is not set.",
    ),
    FactDoc::new(
        "kubeadm.service_subnets",
        Type::List(&Type::Text),
        "`networking.serviceSubnet`, split at commas; kubeadm's default 10.96.0.0/12 where it is not set.",
    ),
    FactDoc::new(
        "kubeadm.etcd_endpoints",
        Type::List(&Type::Text),
        "Endpoints of an external etcd; absent where etcd is kubeadm's own.",
    ),
    FactDoc::new("kubeadm.dns_type", Type::Text, "`dns.type`; absent from v1beta3 on, which knows only CoreDNS."),
    FactDoc::new("kubeadm.feature_gates", Type::Map(&Type::Bool), "kubeadm's own feature gates, `featureGates`."),
];

#[derive(Default)]
struct Kubeadm {
    found: Option<Result<Configuration, Fact>>,
}

/// What the facts need of a configuration.
struct Configuration {
    json: Json,
    place: Source,
}

impl Reader for Kubeadm {
    fn see(&mut self, object: &Object<'_>) {
        let place = object.source(PLACE);
        self.found = match parse(object) {
            None => None,
            Some(Ok(json)) => Some(Ok(Configuration { json, place })),
            Some(Err(why)) => Some(Err(Fact::unreadable(place, why))),
        };
    }

    fn finish(self: Box<Self>, lists: &Lists) -> Facts {
        let mut facts = Facts::default();
        let found = match (self.found, lists.gap(&REQUEST)) {
            (Some(found), _) => found,
            (None, Some(reason)) => Err(Fact::Unreadable { source: None, reason }),
            (None, None) => {
                facts.set(
                    "kubeadm.present",
                    Fact::known(false, Source::default_of("there is no config map kube-system/kubeadm-config")),
                );
                for doc in FACTS.iter().skip(1) {
                    facts.set(
                        doc.path,
                        Fact::absent(Source::default_of("there is no config map kube-system/kubeadm-config")),
                    );
                }
                return facts;
            }
        };
        match found {
            Ok(configuration) => configuration.set(&mut facts),
            Err(unreadable) => FACTS.iter().for_each(|doc| facts.set(doc.path, unreadable.clone())),
        }
        facts
    }
}

impl Configuration {
    fn set(&self, facts: &mut Facts) {
        facts.set("kubeadm.present", Fact::known(true, self.place.clone()));
        facts.set("kubeadm.api_version", self.text("/apiVersion"));
        facts.set("kubeadm.kubernetes_version", self.text("/kubernetesVersion"));
        facts.set("kubeadm.control_plane_endpoint", self.text("/controlPlaneEndpoint"));
        facts.set("kubeadm.pod_subnets", self.split("/networking/podSubnet", None));
        facts.set("kubeadm.service_subnets", self.split("/networking/serviceSubnet", Some("10.96.0.0/12")));
        facts.set("kubeadm.dns_type", self.text("/dns/type"));
        let endpoints = self.json.pointer("/etcd/external/endpoints").and_then(Json::as_array);
        let endpoint = |json: &Json| Some(Fact::known(json.as_str()?, self.place.clone()));
        facts.set(
            "kubeadm.etcd_endpoints",
            match endpoints {
                Some(endpoints) => {
                    Fact::known(endpoints.iter().filter_map(endpoint).collect::<Vec<_>>(), self.place.clone())
                }
                None => Fact::absent(self.place.clone()),
            },
        );
        let gates = self.json.pointer("/featureGates").and_then(Json::as_object).into_iter().flatten();
        let gate =
            |(name, value): (&str, &Json)| Some((name.to_owned(), Fact::known(value.as_bool()?, self.place.clone())));
        let gates: std::collections::BTreeMap<String, Fact> = gates.filter_map(gate).collect();
        facts.set("kubeadm.feature_gates", Fact::known(gates, self.place.clone()));
    }

    fn text(&self, pointer: &str) -> Fact {
        match self.json.pointer(pointer).and_then(Json::as_str).filter(|text| !text.is_empty()) {
            Some(text) => Fact::known(text, self.place.clone()),
            None => Fact::absent(self.place.clone()),
        }
    }

    fn split(&self, pointer: &str, default: Option<&str>) -> Fact {
        let (text, place) =
            match (self.json.pointer(pointer).and_then(Json::as_str).filter(|text| !text.is_empty()), default) {
                (Some(text), _) => (text, self.place.clone()),
                (None, Some(default)) => (default, Source::default_of("kubeadm's ClusterConfiguration, networking")),
                (None, None) => return Fact::absent(self.place.clone()),
            };
        let parts = text.split(',').map(|part| Fact::known(part.trim(), place.clone())).collect::<Vec<_>>();
        Fact::known(parts, place)
    }
}

/// The configuration in the config map, which may hold older kubeadm's
/// `ClusterStatus` beside it.
fn parse(object: &Object<'_>) -> Option<Result<Json, String>> {
    let text = object.get("data")?.get("ClusterConfiguration")?.as_str()?;
    let parsed = serde_saphyr::from_str::<Json>(text);
    Some(parsed.map_err(|error| format!("read {PLACE} of {}: {error}", object.describe())))
}

/// The extra arguments of each component: its name, its flags, and the
/// version that kubeadm starts. v1beta4 has a list of names and values where
/// older ones have a map.
pub(super) fn arguments(object: &Object<'_>) -> Vec<(&'static str, Vec<Flag>, Fact)> {
    const PARTS: &[(&str, &str)] = &[
        ("kube-apiserver", "/apiServer/extraArgs"),
        ("kube-controller-manager", "/controllerManager/extraArgs"),
        ("kube-scheduler", "/scheduler/extraArgs"),
        ("etcd", "/etcd/local/extraArgs"),
    ];
    let Some(Ok(json)) = parse(object) else { return Vec::new() };
    let place = object.source(PLACE);
    let version = match json.pointer("/kubernetesVersion").and_then(Json::as_str) {
        Some(version) => Fact::known(version.trim_start_matches('v'), place.clone()),
        None => Fact::absent(place.clone()),
    };
    let flag = |name: &str, value: &str| Flag {
        name: name.trim_start_matches('-').replace('_', "-"),
        value: value.to_owned(),
        source: place.clone(),
    };
    PARTS
        .iter()
        .filter_map(|(component, pointer)| {
            let flags: Vec<Flag> = match json.pointer(pointer)? {
                Json::Object(members) => {
                    members.iter().map(|(name, value)| flag(name, value.as_str().unwrap_or_default())).collect()
                }
                Json::Array(arguments) => arguments
                    .iter()
                    .filter_map(|argument| {
                        let text = |key: &str| argument.get(key).and_then(Json::as_str);
                        Some(flag(text("name")?, text("value").unwrap_or_default()))
                    })
                    .collect(),
                _ => return None,
            };
            // etcd is not of Kubernetes' version.
            let version = if *component == "etcd" { Fact::absent(place.clone()) } else { version.clone() };
            (!flags.is_empty()).then_some((*component, flags, version))
        })
        .collect()
}
