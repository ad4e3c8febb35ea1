//! What a Node says of its GPUs: labels, resources, annotations.
//!
//! Sources: the labels of GPU feature discovery
//! (<https://github.com/NVIDIA/k8s-device-plugin/tree/main/docs/gpu-feature-discovery>),
//! of the GPU Operator (`gpu.deploy.*`, `gpu.workload.config`,
//! `gpu-driver-upgrade-state`) and of its mig-manager (`mig.config`,
//! `mig.config.state`); `status.capacity` and `status.allocatable`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::amount::{Kind, kind, parse_whole};
use super::sharing::Mark;
use crate::fact::cluster::Object;
use crate::fact::cluster::node::{Place, is_virtual, runtime_handlers};
use crate::fact::cluster::selector::{Labels, labels};
use crate::fact::{Fact, Json, ObjectReference, Source};
use jiff::{SignedDuration, Timestamp};

const PREFIX: &str = "nvidia.com/";
pub(super) const STATE: &str = "nvidia.com/mig.config.state";

/// Labels of node feature discovery for a PCI device of NVIDIA's, by vendor, or class and vendor.
const PCI: [&str; 3] = [
    "feature.node.kubernetes.io/pci-10de.present",
    "feature.node.kubernetes.io/pci-0302_10de.present",
    "feature.node.kubernetes.io/pci-0300_10de.present",
];

/// How long a node may take until driver, toolkit and plugin run: the driver's container may compile it.
pub(super) const SETTLING: SignedDuration = SignedDuration::from_mins(30);

/// Capacity and allocatable of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Amount {
    pub(super) capacity: i64,
    pub(super) allocatable: Option<i64>,
}

/// A Node, reduced.
pub(super) struct GpuNode {
    pub(super) reference: Arc<ObjectReference>,
    /// All labels, of nodes with a word of NVIDIA; else none.
    pub(super) labels: Labels,
    /// Key, value and effect of taints that stay.
    pub(super) taints: Vec<[String; 3]>,
    /// Resources that a plugin for NVIDIA's GPUs announced, by name.
    pub(super) resources: BTreeMap<String, Amount>,
    /// Signs of a virtualization in its annotations and resources.
    pub(super) marks: Vec<Mark>,
    /// Products of single GPUs, by `HAMi`'s annotation.
    pub(super) products: Vec<String>,
    pub(super) created: Option<Timestamp>,
    /// What decides which `RuntimeClasses`' pods may run there, and its handlers; of nodes with a word of NVIDIA.
    pub(super) runtime: Option<(Place, Fact)>,
    pub(super) is_ready: bool,
    is_virtual: bool,
    pub(super) since: Option<String>,
    pub(super) has_managed_fields: bool,
}

impl GpuNode {
    pub(super) fn read(object: &Object<'_>) -> Self {
        let resources = resources(object);
        let all = labels(object.get("metadata.labels"));
        let is_of_nvidia = |key: &String| key.starts_with(PREFIX) || PCI.contains(&key.as_str());
        let has_word = !resources.is_empty() || all.keys().any(is_of_nvidia);
        GpuNode {
            reference: Arc::clone(object.reference()),
            runtime: has_word.then(|| (Place::of(object), runtime_handlers(object))),
            labels: if has_word { all } else { Labels::new() },
            taints: taints(object),
            marks: super::sharing::marks(object, &resources),
            products: super::sharing::products(object),
            resources,
            created: object.text("metadata.creationTimestamp").and_then(|text| text.parse().ok()),
            is_ready: is_ready(object),
            is_virtual: is_virtual(object),
            since: since(object),
            has_managed_fields: object.get("metadata.managedFields").is_some(),
        }
    }

    pub(super) fn label(&self, name: &str) -> Option<&str> {
        self.labels.get(&format!("{PREFIX}{name}")).map(String::as_str).filter(|text| !text.is_empty())
    }

    pub(super) fn number(&self, name: &str) -> Option<i64> {
        self.label(name)?.parse().ok().filter(|number| *number >= 0)
    }

    /// Where a label of NVIDIA's stands.
    pub(super) fn label_source(&self, name: &str) -> Source {
        Source::object(&self.reference, format!(".metadata.labels['{PREFIX}{name}']"))
    }

    /// Where it has no better place than the node itself.
    pub(super) fn place(&self) -> Source {
        Source::object(&self.reference, ".metadata.name")
    }

    pub(super) fn label_fact(&self, name: &str) -> Fact {
        match self.label(name) {
            Some(text) => Fact::known(text, self.label_source(name)),
            None => Fact::absent(self.label_source(name)),
        }
    }

    pub(super) fn number_fact(&self, name: &str) -> Fact {
        let source = self.label_source(name);
        match (self.number(name), self.label(name)) {
            (Some(number), _) => Fact::known(number, source),
            (None, Some(text)) => Fact::unreadable(
                source,
                format!("{PREFIX}{name} of Node {}: {text:?} is no number", self.reference.name),
            ),
            (None, None) => Fact::absent(source),
        }
    }

    pub(super) fn truth_fact(&self, name: &str) -> Fact {
        match self.label(name) {
            Some(text @ ("true" | "false")) => Fact::known(text == "true", self.label_source(name)),
            _ => Fact::absent(self.label_source(name)),
        }
    }

    /// Whether the GPUs are handed to virtual machines as a whole or in parts.
    fn is_for_machines(&self) -> bool {
        self.label("gpu.workload.config").is_some_and(|kind| kind.starts_with("vm-"))
    }

    /// Whether it has GPUs for pods; `has_stack` is whether the cluster runs a
    /// device plugin for them, `has_slices` whether a driver publishes them.
    pub(super) fn has_gpus(&self, has_stack: bool, has_slices: bool) -> bool {
        if self.is_virtual || self.is_for_machines() {
            return false;
        }
        let is_present = self.label("gpu.present").map(|text| text == "true");
        let is_labelled =
            is_present.unwrap_or_else(|| self.label("gpu.product").is_some() || self.label("gpu.count").is_some());
        let is_on_bus = PCI.iter().any(|key| self.labels.get(*key).is_some_and(|text| text == "true"));
        // Other names under nvidia.com may be those of network cards.
        let is_announced = self.of_kind(|kind| *kind != Kind::Other).any(|(_, amount)| amount.capacity > 0);
        is_labelled || is_announced || has_slices || (is_on_bus && has_stack && is_present != Some(false))
    }

    /// The product without what MIG and sharing add to it.
    pub(super) fn model(&self) -> Option<&str> {
        let product = self.label("gpu.product")?;
        let product = product.strip_suffix("-SHARED").unwrap_or(product);
        Some(product.split_once("-MIG-").map_or(product, |(model, _)| model))
    }

    /// Those of its resources that are of a kind, with their amounts.
    pub(super) fn of_kind(&self, wanted: impl Fn(&Kind) -> bool) -> impl Iterator<Item = (&str, Amount)> {
        let all = self.resources.iter();
        all.filter(move |(name, _)| kind(name).is_some_and(|kind| wanted(&kind)))
            .map(|(name, amount)| (name.as_str(), *amount))
    }

    /// Where a list of its resources names one.
    pub(super) fn resource_source(&self, list: &str, name: &str) -> Source {
        Source::object(&self.reference, format!(".status.{list}['{name}']"))
    }
}

fn resources(object: &Object<'_>) -> BTreeMap<String, Amount> {
    let read = |list: &str, name: &str| object.get(list).and_then(|list| parse_whole(list.get(name)?));
    let names = ["status.capacity", "status.allocatable"].into_iter().filter_map(|list| object.get(list)?.as_object());
    names
        .flat_map(crate::fact::json::Members::keys)
        .filter(|name| kind(name).is_some())
        .filter_map(|name| {
            let allocatable = read("status.allocatable", name);
            // An object that somebody shortened may hold one of the two.
            let capacity = read("status.capacity", name).or(allocatable)?;
            Some((name.to_owned(), Amount { capacity, allocatable }))
        })
        .collect()
}

/// Ready, or without conditions, as a file may hold it.
fn is_ready(object: &Object<'_>) -> bool {
    let of = |json: &Json, key: &str| json.get(key).and_then(Json::as_str).map(str::to_owned);
    let mut conditions = object.list("status.conditions").iter();
    let ready = conditions.find(|condition| of(condition, "type").as_deref() == Some("Ready"));
    ready.is_none_or(|ready| of(ready, "status").as_deref() == Some("True"))
}

fn taints(object: &Object<'_>) -> Vec<[String; 3]> {
    let text = |taint: &Json, key: &str| taint.get(key).and_then(Json::as_str).unwrap_or_default().to_owned();
    let all = object.list("spec.taints").iter();
    let read = all.map(|taint| ["key", "value", "effect"].map(|key| text(taint, key)));
    // A DaemonSet's pods tolerate what the node controllers add.
    read.filter(|[key, _, effect]| effect != "PreferNoSchedule" && !key.starts_with("node.kubernetes.io/")).collect()
}

/// The time of the managed fields that hold the label of the state.
fn since(object: &Object<'_>) -> Option<String> {
    let label = format!("f:{STATE}");
    let owns = |entry: &Json| {
        let labels = entry.pointer("/fieldsV1/f:metadata/f:labels");
        labels.and_then(|labels| labels.get(&label)).is_some()
    };
    let mut entries = object.list("metadata.managedFields").iter().filter(|entry| owns(entry));
    entries.find_map(|entry| entry.get("time")?.as_str()).map(str::to_owned)
}
