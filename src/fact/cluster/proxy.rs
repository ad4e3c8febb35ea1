//! How kube-proxy is set up: by its config map, by the flags of its daemon set
//! or static pods, and by what k3s passes on to the one inside of it.
//!
//! A config map alone proves nothing where daemon sets can be seen and none of
//! them is kube-proxy: it stays behind when a network plugin takes
//! kube-proxy's place.

use super::resource::{CONFIG_MAPS, DAEMON_SETS, NODES, PODS};
use super::{Collector, Element, Listing, Lists, Object, Reader, Request};
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::flag::{last, parse_flags};
use crate::fact::{Fact, Facts, Json, Source};

pub(super) const COLLECTOR: Collector =
    Collector { name: "proxy", facts: FACTS, requests: REQUESTS, start: || Box::new(Proxies::default()) };

const SYSTEM: &str = "kube-system";
const DAEMON_SETS_OF_SYSTEM: Request = Request::within(&DAEMON_SETS, SYSTEM);
const PODS_OF_SYSTEM: Request = Request::within(&PODS, SYSTEM);
const ALL_NODES: Request = Request::all(&NODES);

/// kubeadm's config map, and that of EKS.
const OF_KUBEADM: Request = Request::named(&CONFIG_MAPS, SYSTEM, "kube-proxy");
const OF_EKS: Request = Request::named(&CONFIG_MAPS, SYSTEM, "kube-proxy-config");
const REQUESTS: &[Request] = &[OF_KUBEADM, OF_EKS, DAEMON_SETS_OF_SYSTEM, PODS_OF_SYSTEM, ALL_NODES];

/// Keys of those config maps that hold a `KubeProxyConfiguration`.
const KEYS: &[&str] = &["config.conf", "config"];

const FACTS: &[FactDoc] = &[FactDoc::new(
    "kube_proxies",
    Type::List(&Type::Object(PROXY)),
    "What kube-proxies are set to: one element for each config map, daemon set, static pod or k3s node that says it. Empty where none is visible.",
)];

const PROXY: &[Field] = &[
    Field::new("name", Type::Text, "name of the object that says it"),
    Field::new("namespace", Type::Text, "its namespace"),
    Field::new("subject", Type::Map(&Type::Text), "its identity"),
    Field::new("mode", Type::Text, "`iptables` (the default), `ipvs`, `nftables` …"),
    Field::new("cluster_cidr", Type::Text, "range or ranges of pods, with a comma between; absent where it is not set"),
];

#[derive(Default)]
struct Proxies {
    of_maps: Vec<Proxy>,
    of_flags: Vec<Proxy>,
    has_daemon_set: bool,
}

struct Proxy {
    element: Element,
    mode: Option<Fact>,
    cidr: Option<Fact>,
}

impl Reader for Proxies {
    fn see(&mut self, object: &Object<'_>) {
        if object.is(&CONFIG_MAPS) {
            self.of_maps.extend(of_config_map(object));
        } else if object.is(&DAEMON_SETS) {
            if let Some(proxy) = of_template(object, ".spec.template.spec") {
                self.has_daemon_set = true;
                self.of_flags.extend(proxy.says_something());
            }
        } else if object.is(&PODS) {
            let is_of_daemon_set = object
                .list("metadata.ownerReferences")
                .iter()
                .any(|owner| owner.get("kind").and_then(Json::as_str) == Some("DaemonSet"));
            if let Some(proxy) = of_template(object, ".spec") {
                self.has_daemon_set = true;
                self.of_flags.extend(proxy.says_something().filter(|_| !is_of_daemon_set));
            }
        } else if object.is(&NODES) {
            self.of_flags.extend(of_k3s(object));
        }
    }

    fn finish(self: Box<Self>, lists: &Lists) -> Facts {
        let is_gone = !self.has_daemon_set && *lists.of(&DAEMON_SETS_OF_SYSTEM) == Listing::Complete;
        let of_maps = if is_gone { Vec::new() } else { self.of_maps };
        let proxies = of_maps.into_iter().chain(self.of_flags).map(Proxy::done).collect();
        let mut facts = Facts::default();
        facts.set("kube_proxies", lists.fact_with_gaps(&[&OF_KUBEADM, &OF_EKS], proxies));
        facts
    }
}

impl Proxy {
    fn says_something(self) -> Option<Self> {
        (self.mode.is_some() || self.cidr.is_some()).then_some(self)
    }

    fn done(self) -> Fact {
        let documented = || Source::default_of("kube-proxy's --proxy-mode on Linux");
        self.element
            .with("mode", self.mode.unwrap_or_else(|| Fact::known("iptables", documented())))
            .with(
                "cluster_cidr",
                self.cidr.unwrap_or_else(|| Fact::absent(Source::default_of("kube-proxy's --cluster-cidr"))),
            )
            .done()
    }
}

fn of_config_map(object: &Object<'_>) -> Option<Proxy> {
    let data = object.get("data")?;
    let (key, text) = KEYS.iter().find_map(|key| Some((*key, data.get(key)?.as_str()?)))?;
    let source = object.source(format!(".data['{key}']"));
    let element = Element::of(object.reference());
    let Ok(json) = serde_saphyr::from_str::<Json>(text) else {
        let reason = format!("read .data['{key}'] of {}: it is no YAML", object.describe());
        let unreadable = Fact::unreadable(source, reason);
        return Some(Proxy { element, mode: Some(unreadable.clone()), cidr: Some(unreadable) });
    };
    let text = |name: &str| {
        let value = json.get(name)?.as_str().filter(|value| !value.is_empty())?;
        Some(Fact::known(value, source.clone()))
    };
    Some(Proxy { element, mode: text("mode"), cidr: text("clusterCIDR") })
}

/// The container of a pod template that runs kube-proxy.
fn of_template(object: &Object<'_>, spec: &'static str) -> Option<Proxy> {
    let containers = object.list(&format!("{}.containers", spec.trim_start_matches('.')));
    containers.iter().enumerate().find_map(|(at, container)| {
        let arguments: Vec<(String, Source)> = ["command", "args"]
            .iter()
            .flat_map(|key| {
                let words = container.get(key).and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
                words.iter().enumerate().filter_map(move |(index, word)| {
                    Some((word.as_str()?.to_owned(), object.source(format!("{spec}.containers[{at}].{key}[{index}]"))))
                })
            })
            .collect();
        let image = container.get("image").and_then(Json::as_str).unwrap_or_default();
        let is_proxy = arguments.first().is_some_and(|(word, _)| word.rsplit('/').next() == Some("kube-proxy"))
            || image.contains("/kube-proxy:")
            || image.contains("/kube-proxy@");
        let flags = parse_flags(&arguments);
        // With a file, kube-proxy ignores these flags.
        let has_file = last(&flags, "config").is_some();
        let flag = |name: &str| {
            let flag = last(&flags, name).filter(|_| !has_file)?;
            Some(Fact::known(flag.value.as_str(), flag.source.clone()))
        };
        is_proxy.then(|| Proxy {
            element: Element::of(object.reference()),
            mode: flag("proxy-mode"),
            cidr: flag("cluster-cidr"),
        })
    })
}

/// `--kube-proxy-arg=proxy-mode=ipvs` of a k3s server or agent.
fn of_k3s(node: &Object<'_>) -> Option<Proxy> {
    let words: Vec<String> = serde_json::from_str(node.annotation("k3s.io/node-args")?).ok()?;
    let source = node.source(".metadata.annotations['k3s.io/node-args']");
    let options = parse_flags(&words.into_iter().map(|word| (word, source.clone())).collect::<Vec<_>>());
    if last(&options, "disable-kube-proxy").is_some_and(|flag| flag.value == "true") {
        return None;
    }
    let passed = options.iter().filter(|flag| flag.name == "kube-proxy-arg");
    let passed: Vec<(String, Source)> =
        passed.map(|flag| (format!("--{}", flag.value.trim_start_matches('-')), flag.source.clone())).collect();
    let flags = parse_flags(&passed);
    let mode = last(&flags, "proxy-mode").map(|flag| Fact::known(flag.value.as_str(), source.clone()));
    Proxy { element: Element::of(node.reference()), mode, cidr: None }.says_something()
}
