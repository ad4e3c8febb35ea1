//! The components of the control plane, kube-proxy and etcd, as the API shows
//! them: static pods by their mirror pods, daemon sets, and the arguments that
//! k3s servers publish at their nodes.
//!
//! A managed control plane shows none of it. The mirror pod of a static pod
//! carries the annotation `kubernetes.io/config.mirror`; kubeadm labels it
//! `component`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::image::Image;
use super::kubeadm;
use super::resource::{CONFIG_MAPS, DAEMON_SETS, NODES, PODS};
use super::{Collector, Element, Lists, Object, Reader, Request};
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::flag::{Flag, element, is_secret, last, parse_flags, parse_gates};
use crate::fact::{Fact, Facts, Json, ObjectReference, Source};

pub(super) const COLLECTOR: Collector = Collector {
    name: "component",
    facts: FACTS,
    requests: &[PODS_OF_SYSTEM, DAEMON_SETS_OF_SYSTEM, ALL_NODES, KUBEADM_CONFIG],
    start: || Box::new(Components::default()),
};

const SYSTEM: &str = "kube-system";
const PODS_OF_SYSTEM: Request = Request::within(&PODS, SYSTEM);
const DAEMON_SETS_OF_SYSTEM: Request = Request::within(&DAEMON_SETS, SYSTEM);
const ALL_NODES: Request = Request::all(&NODES);
const KUBEADM_CONFIG: Request = Request::named(&CONFIG_MAPS, SYSTEM, "kubeadm-config");

const FLAG: Type = Type::Object(&[
    Field::new("name", Type::Text, "Name without dashes."),
    Field::new("value", Type::Text, "Value; `true` for a flag that stands alone."),
    Field::new("setting", Type::Text, "As it would be typed: `--port=0`."),
]);

const GATE: Type = Type::Object(&[
    Field::new("name", Type::Text, "Name of the gate."),
    Field::new("enabled", Type::Bool, "The value that it is set to."),
    Field::new("setting", Type::Text, "As it would be typed: `RemoveSelfLink=false`."),
]);

const COMPONENT: Type = Type::Object(&[
    Field::new("name", Type::Text, "Name of the object that shows it."),
    Field::new("namespace", Type::Text, "Its namespace."),
    Field::new("subject", Type::Map(&Type::Text), "Identity of that object, for `subject`."),
    Field::new(
        "component",
        Type::Text,
        "`kube-apiserver`, `kube-controller-manager`, `kube-scheduler`, `cloud-controller-manager`, `etcd` or `kube-proxy`.",
    ),
    Field::new(
        "kind",
        Type::Text,
        "What shows it: `pod`, `daemon-set`, `k3s` (a server's node) or `kubeadm-config`, which holds what is started after the next upgrade.",
    ),
    Field::new("node", Type::Text, "Name of the node that it runs on."),
    Field::new(
        "version",
        Type::Text,
        "Version without the leading v; unreadable where its image has no version for a tag.",
    ),
    Field::new(
        "flags",
        Type::List(&FLAG),
        "Its flags, in order; secrets left out. Of kubeadm-config only those that no pod shows.",
    ),
    Field::new("feature_gates", Type::List(&GATE), "The feature gates that it is given."),
    Field::new(
        "secrets_are_encrypted",
        Type::Bool,
        "Of an API server, whether it writes Secrets encrypted; unreadable where a file on its node says it.",
    ),
]);

const FACTS: &[FactDoc] = &[
    FactDoc::new("components", Type::List(&COMPONENT), "Components of Kubernetes that the API shows."),
    FactDoc::new(
        "api_servers",
        Type::List(&COMPONENT),
        "Those of `components` that are API servers which run; unreadable where none is visible, as in a managed control plane.",
    ),
];

/// Programs, and what their images are called.
const NAMES: &[&str] =
    &["kube-apiserver", "kube-controller-manager", "kube-scheduler", "cloud-controller-manager", "etcd", "kube-proxy"];

/// Options by which k3s and RKE2 servers pass arguments on.
const PASSED: &[(&str, &str)] = &[
    ("kube-apiserver-arg", "kube-apiserver"),
    ("kube-controller-manager-arg", "kube-controller-manager"),
    ("kube-scheduler-arg", "kube-scheduler"),
    ("kube-cloud-controller-manager-arg", "cloud-controller-manager"),
];

/// A component and what shows it.
pub(super) struct Component {
    pub(super) reference: Arc<ObjectReference>,
    pub(super) name: &'static str,
    kind: &'static str,
    node: Fact,
    pub(super) version: Fact,
    flags: Vec<Flag>,
}

/// The components that were seen.
#[derive(Default)]
pub(super) struct Components {
    found: Vec<Component>,
}

impl Reader for Components {
    fn see(&mut self, object: &Object<'_>) {
        Components::see(self, object);
    }

    fn finish(mut self: Box<Self>, lists: &Lists) -> Facts {
        self.leave_out_what_pods_show();
        self.found.sort_by(|a, b| (a.name, a.kind, &a.reference).cmp(&(b.name, b.kind, &b.reference)));
        let is_running_server =
            |component: &&Component| component.name == "kube-apiserver" && component.kind != "kubeadm-config";
        let servers: Vec<Fact> = self.found.iter().filter(is_running_server).map(Component::fact).collect();
        let all = self.found.iter().map(Component::fact).collect();
        let mut facts = Facts::default();
        // Nodes show only what k3s runs, where there are no pods of components.
        let is_seen = self.found.iter().any(|component| component.kind == "pod");
        // From kubeadm-config the next upgrade writes the manifests, so it counts even where pods show all.
        let asked = [&PODS_OF_SYSTEM, &DAEMON_SETS_OF_SYSTEM, &KUBEADM_CONFIG, &ALL_NODES];
        facts.set("components", lists.fact_with_gaps(if is_seen { &asked[..3] } else { &asked }, all));
        let servers = if servers.is_empty() {
            let hidden = || {
                "no API server runs as a pod of this cluster or in k3s: its control plane hides its flags".to_owned()
            };
            let reason = lists.gap(&PODS_OF_SYSTEM).unwrap_or_else(hidden);
            Fact::Unreadable { source: None, reason }
        } else {
            Fact::group(servers)
        };
        facts.set("api_servers", servers);
        facts
    }
}

impl Components {
    /// Takes the components that an object shows.
    pub(super) fn see(&mut self, object: &Object<'_>) {
        if object.is(&PODS) {
            if is_static(object) {
                self.add_template(object, "pod", ".spec");
            }
        } else if object.is(&DAEMON_SETS) {
            self.add_template(object, "daemon-set", ".spec.template.spec");
        } else if object.is(&NODES) {
            self.add_k3s(object);
        } else {
            self.found.extend(kubeadm::arguments(object).into_iter().filter_map(|(name, flags, version)| {
                Some(Component {
                    reference: Arc::clone(object.reference()),
                    name: known_name(name)?,
                    kind: "kubeadm-config",
                    node: Fact::absent(object.source(".data.ClusterConfiguration")),
                    version,
                    flags,
                })
            }));
        }
    }

    /// Those that run, as far as the API shows it.
    pub(super) fn running(&self) -> impl Iterator<Item = &Component> {
        self.found.iter().filter(|component| component.kind != "kubeadm-config")
    }

    fn add_template(&mut self, object: &Object<'_>, kind: &'static str, spec: &'static str) {
        for (at, container) in object.list(&format!("{}.containers", &spec[1..])).iter().enumerate() {
            let image = container.get("image").and_then(Json::as_str).unwrap_or_default();
            let arguments: Vec<(String, Source)> = ["command", "args"]
                .iter()
                .flat_map(|key| {
                    let words = container.get(key).and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
                    words.iter().enumerate().filter_map(move |(index, word)| {
                        let path = format!("{spec}.containers[{at}].{key}[{index}]");
                        Some((word.as_str()?.to_owned(), object.source(path)))
                    })
                })
                .collect();
            let parsed = Image::parse(image);
            let Some(name) = component_name(&arguments, &parsed) else { continue };
            if (name == "kube-proxy") != (kind == "daemon-set") {
                continue;
            }
            let place = object.source(format!("{spec}.containers[{at}].image"));
            let version = match parsed.version() {
                Some(version) => Fact::known(version, place),
                None => Fact::unreadable(
                    place,
                    format!("tell the version of {name}: its image {image} has no version for a tag"),
                ),
            };
            self.found.push(Component {
                reference: Arc::clone(object.reference()),
                name,
                kind,
                node: object.text_fact(".spec.nodeName"),
                version,
                flags: parse_flags(&arguments),
            });
        }
    }

    /// k3s and RKE2 write their command line to the annotation
    /// `k3s.io/node-args` of the node, secrets replaced.
    fn add_k3s(&mut self, node: &Object<'_>) {
        let Some(arguments) = node.annotation("k3s.io/node-args").or_else(|| node.annotation("rke2.io/node-args"))
        else {
            return;
        };
        let Ok(words) = serde_json::from_str::<Vec<String>>(arguments) else { return };
        // RKE2 runs its components as static pods, which show more.
        if words.first().is_none_or(|word| word != "server") || node.annotation("k3s.io/node-args").is_none() {
            return;
        }
        let is_rke2 = node.text("status.nodeInfo.kubeletVersion").is_some_and(|version| version.contains("+rke2"));
        if is_rke2 {
            return;
        }
        let place = node.source(".metadata.annotations['k3s.io/node-args']");
        let words: Vec<(String, Source)> = words.into_iter().skip(1).map(|word| (word, place.clone())).collect();
        let options = parse_flags(&words);
        for (option, name) in PASSED {
            let passed: Vec<(String, Source)> = options
                .iter()
                .filter(|flag| flag.name == *option)
                .map(|flag| (format!("--{}", flag.value.trim_start_matches('-')), flag.source.clone()))
                .collect();
            self.found.push(Component {
                reference: Arc::clone(node.reference()),
                name,
                kind: "k3s",
                node: node.text_fact(".metadata.name"),
                version: plain_version(node.text_fact(".status.nodeInfo.kubeletVersion")),
                flags: with_k3s_own(name, &options, parse_flags(&passed)),
            });
        }
    }

    /// What kubeadm-config holds is reported where it is started; only what no
    /// pod has yet is its own.
    fn leave_out_what_pods_show(&mut self) {
        let shown: BTreeMap<&str, Vec<String>> = self.found.iter().filter(|component| component.kind == "pod").fold(
            BTreeMap::new(),
            |mut shown, component| {
                let settings: &mut Vec<String> = shown.entry(component.name).or_default();
                settings.extend(component.flags.iter().map(Flag::setting));
                shown
            },
        );
        for component in self.found.iter_mut().filter(|component| component.kind == "kubeadm-config") {
            let pods = shown.get(component.name).map_or(&[][..], Vec::as_slice);
            component.flags.retain(|flag| !pods.contains(&flag.setting()));
        }
    }
}

/// k3s turns on encryption by an option of its own.
fn with_k3s_own(name: &str, options: &[Flag], mut flags: Vec<Flag>) -> Vec<Flag> {
    let is_on = |flag: &&Flag| flag.name == "secrets-encryption" && flag.value == "true";
    if name == "kube-apiserver"
        && let Some(option) = options.iter().rev().find(is_on)
    {
        flags.push(Flag {
            name: "encryption-provider-config".to_owned(),
            value: "set by secrets-encryption".to_owned(),
            source: option.source.clone(),
        });
    }
    flags
}

fn plain_version(version: Fact) -> Fact {
    match (version.text(), version.source()) {
        (Some(text), Some(source)) => Fact::known(text.trim_start_matches('v'), source.clone()),
        _ => version,
    }
}

/// Whether the kubelet started it from a manifest of its own.
fn is_static(pod: &Object<'_>) -> bool {
    let is_owned_by_node = pod
        .list("metadata.ownerReferences")
        .iter()
        .any(|owner| owner.get("kind").and_then(Json::as_str) == Some("Node"));
    pod.annotation("kubernetes.io/config.mirror").is_some()
        || pod.annotation("kubernetes.io/config.source").is_some_and(|source| source != "api")
        || is_owned_by_node
}

/// The component that a container runs: by its program, else by its image.
fn component_name(arguments: &[(String, Source)], image: &Image<'_>) -> Option<&'static str> {
    let base = |text: &str| text.rsplit('/').next().unwrap_or(text).to_owned();
    let programs = arguments.iter().take_while(|(word, _)| !word.starts_with('-')).take(2);
    let by_program = programs.map(|(word, _)| base(word)).find_map(|word| known_name(&word));
    by_program.or_else(|| {
        let repository = base(image.repository);
        NAMES.iter().copied().find(|name| {
            repository == *name || repository == format!("{name}-amd64") || repository == format!("hardened-{name}")
        })
    })
}

fn known_name(name: &str) -> Option<&'static str> {
    NAMES.iter().copied().find(|known| *known == name)
}

impl Component {
    fn encryption(&self, place: Source) -> Fact {
        match last(&self.flags, "encryption-provider-config") {
            _ if self.name != "kube-apiserver" => Fact::absent(place),
            None => Fact::known(false, place),
            // k3s writes the configuration itself.
            Some(flag) if self.kind == "k3s" => Fact::known(true, flag.source.clone()),
            Some(flag) => {
                let reason = format!("read {}: it lies on the node of {}", flag.value, self.reference.name);
                Fact::unreadable(flag.source.clone(), reason)
            }
        }
    }

    /// Its flags, in order.
    pub(super) fn flags(&self) -> &[Flag] {
        &self.flags
    }

    fn fact(&self) -> Fact {
        let place = Source::object(&self.reference, ".metadata.name");
        let flags = self.flags.iter().filter(|flag| !is_secret(&flag.name));
        let flags: Vec<Fact> = flags.map(|flag| element(flag.members(), &flag.source)).collect();
        let gates: Vec<Fact> =
            parse_gates(&self.flags).iter().map(|gate| element(gate.members(), &gate.source)).collect();
        Element::of(&self.reference)
            .with("component", Fact::known(self.name, place.clone()))
            .with("kind", Fact::known(self.kind, place.clone()))
            .with("node", self.node.clone())
            .with("version", self.version.clone())
            .with("flags", Fact::known(flags, place.clone()))
            .with("feature_gates", Fact::known(gates, place.clone()))
            .with("secrets_are_encrypted", self.encryption(place))
            .done()
    }
}
