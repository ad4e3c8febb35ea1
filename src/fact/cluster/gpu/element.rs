//! The elements of the lists: what nodes, plugins, slices and pods tell
//! together of each node, each wish and each way of sharing.

use super::announcement::amounts;
use super::container::Maker;
use super::mig::{Configurations, Devices, is_enabled, is_invalid};
use super::node::{GpuNode, SETTLING};
use super::plugin::Plugins;
use super::request::Requests;
use super::sharing::{self, Mark, weigh, weigh_cluster};
use super::slice::Slices;
use super::state::due;
use crate::fact::cluster::node::Classes;
use crate::fact::cluster::workload::{Owners, controller};
use crate::fact::cluster::{Element, Object};
use crate::fact::{Fact, ObjectReference, Source, Value};

/// Everything that was seen beside the nodes.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) plugins: Plugins,
    pub(super) configurations: Configurations,
    pub(super) slices: Slices,
    pub(super) requests: Requests,
    /// `RuntimeClasses` with the handler nvidia, and those that pods ask for.
    pub(super) classes: Classes,
    /// Signs of a virtualization, one of each kind.
    marks: Vec<Mark>,
    /// The first object that shows one, by its controller.
    virtual_owner: Option<(ObjectReference, Option<String>)>,
}

/// Why not everything was seen.
pub(super) struct Gaps {
    /// `DaemonSets` or pods could not be read.
    pub(super) denied: Option<String>,
    /// That, or the files hold no pods.
    pub(super) unseen: Option<String>,
    pub(super) slices: Option<String>,
    /// Of `RuntimeClasses`, and of pods that ask for them.
    pub(super) classes: [Option<String>; 2],
}

impl Seen {
    /// Keeps a sign that the cluster shows, the first of its kind.
    pub(super) fn mark(&mut self, mark: Mark) {
        if !self.marks.iter().any(|known| known.kind == mark.kind) {
            self.marks.push(mark);
        }
    }

    /// Keeps the signs of a workload.
    pub(super) fn keep(&mut self, object: &Object<'_>, marks: Vec<Mark>) {
        if self.virtual_owner.is_none() && !marks.is_empty() {
            let owner = controller(object).filter(|owner| owner.kind != "Node");
            let owner = owner.unwrap_or_else(|| object.reference().as_ref().clone());
            self.virtual_owner = Some((owner, object.label("pod-template-hash").map(str::to_owned)));
        }
        for mark in marks {
            self.mark(mark);
        }
    }

    fn has_gpus(&self, node: &GpuNode) -> bool {
        node.has_gpus(self.plugins.is_there(), self.slices.of(&node.reference.name).is_some())
    }

    /// Signs of a virtualization that are the node's own: its annotations,
    /// its resources, and a plugin that runs there.
    fn own_marks(&self, node: &GpuNode) -> Vec<Mark> {
        let mut own = node.marks.clone();
        if own.is_empty() && self.plugins.is_running_on(node, Maker::Virtualization) {
            own.extend(self.marks.iter().filter(|mark| mark.kind == "image").cloned());
        }
        own
    }

    fn virtualized_by(&self, node: &GpuNode, gaps: &Gaps) -> (Fact, Vec<String>) {
        let own = self.own_marks(node);
        let weighed = weigh(&own, &self.marks);
        let fact = match (weighed.product, &gaps.unseen) {
            (Some(product), _) => Fact::known(product, node.place()),
            (None, Some(reason)) if !own.is_empty() => Fact::unreadable(node.place(), reason.clone()),
            _ => Fact::absent(node.place()),
        };
        (fact, weighed.signs)
    }

    /// The element of `gpu_nodes`.
    pub(super) fn node(&self, node: &GpuNode, gaps: &Gaps) -> Fact {
        let place = node.place();
        let has_gpus = self.has_gpus(node);
        let devices = Devices::of(node);
        let has_instances = self.configurations.has_instances(node);
        let enabled = is_enabled(node, &devices, has_instances);
        let is_dra = match (self.slices.of(&node.reference.name), &gaps.slices) {
            (Some(_), _) => Fact::known(true, place.clone()),
            (None, Some(reason)) => Fact::unreadable(place.clone(), reason.clone()),
            (None, None) => Fact::known(false, place.clone()),
        };
        let on_demand = match (node.marks.first(), is_dra.bool()) {
            (Some(_), _) => Fact::known("HAMi", place.clone()),
            (None, Some(true)) => Fact::known("DRA", place.clone()),
            (None, Some(false)) => Fact::absent(place.clone()),
            (None, None) => is_dra.clone(),
        };
        let optional = |value: Option<Value>, source: Source| match value {
            Some(value) => Fact::known(value, source),
            None => Fact::absent(source),
        };
        let strategy = if node.label("mig.strategy").is_some() {
            node.label_fact("mig.strategy")
        } else {
            self.plugins.strategy(node, gaps.denied.clone())
        };
        let label = |name: &str| node.label_source(name);
        let since = node.config_since();
        let element = Element::of(&node.reference)
            .with("has_gpus", Fact::known(has_gpus, place.clone()))
            .with("transition", node.transition())
            .with("settled_after", self.settled_after(node))
            .with("product", node.label_fact("gpu.product"))
            .with("model", optional(node.model().map(Value::from), label("gpu.product")))
            .with("count", node.number_fact("gpu.count"))
            .with("memory_mib", node.number_fact("gpu.memory"))
            .with("replicas", node.number_fact("gpu.replicas"))
            .with("driver_version", node.driver_version())
            .with("is_vgpu", node.truth_fact("vgpu.present"))
            .with("mig_capable", node.truth_fact("mig.capable"))
            .with("mig_strategy", strategy)
            .with("mig_enabled", enabled)
            .with("mig_invalid", Fact::known(is_invalid(node), label("gpu.product")))
            .with("mig_config", node.label_fact("mig.config"))
            .with("mig_config_state", node.label_fact("mig.config.state"))
            .with("mig_config_due", due(&since))
            .with("mig_config_since", since)
            .with("mig_config_has_instances", optional(has_instances.map(Value::from), label("mig.config")))
            .with("mig_config_exists", self.configurations.exists(node))
            .with("paused", Fact::known(node.paused(), place.clone()));
        let profiles: Vec<Fact> =
            devices.profiles().into_iter().map(|profile| Fact::known(profile, place.clone())).collect();
        let disagreements = devices.disagreements(node).map(Value::from);
        let (virtualized_by, _) = self.virtualized_by(node, gaps);
        let mut products: Vec<&str> = node.products.iter().map(String::as_str).collect();
        products.extend(self.slices.of(&node.reference.name).into_iter().flatten().map(String::as_str));
        let products: Vec<Fact> = products.into_iter().map(|product| Fact::known(product, place.clone())).collect();
        let (classes, handlers) = match &node.runtime {
            Some((allowed, handlers)) => (self.classes.of(allowed, &place, gaps.classes.clone()), handlers.clone()),
            None => (Fact::absent(place.clone()), Fact::absent(place.clone())),
        };
        let element = amounts(element, node, &devices)
            .with("mig_disagreements", optional(disagreements, place.clone()))
            .with(
                "mig_devices",
                optional(devices.total(node).map(Value::from), Source::object(&node.reference, ".status.capacity")),
            )
            .with("mig_profiles", Fact::known(profiles, place.clone()))
            .with("mig_on_demand", on_demand)
            .with("is_dra", is_dra)
            .with("virtualized_by", virtualized_by)
            .with("plugin_unwanted", node.plugin_unwanted())
            .with("plugin_obstacle", self.plugins.obstacle(node))
            .with("runtime_handlers", handlers)
            .with("runtime_classes", classes)
            .with("products", Fact::known(products, place));
        element.done()
    }

    fn settled_after(&self, node: &GpuNode) -> Fact {
        let since = node.created.max(self.plugins.unready_since(node));
        match since.and_then(|since| since.checked_add(SETTLING).ok()) {
            Some(after) => {
                Fact::known(after.to_string(), Source::object(&node.reference, ".metadata.creationTimestamp"))
            }
            None => Fact::absent(node.place()),
        }
    }

    /// The elements of `gpu_sharing`.
    pub(super) fn sharing(&self, nodes: &[GpuNode], owners: &Owners, gaps: &Gaps) -> Vec<Fact> {
        let texts = |signs: Vec<String>, place: &Source| {
            Fact::known(
                signs.into_iter().map(|sign| Fact::known(sign, place.clone())).collect::<Vec<Fact>>(),
                place.clone(),
            )
        };
        let mut elements = Vec::new();
        let mut is_shown = false;
        for node in nodes.iter().filter(|node| self.has_gpus(node) || !node.marks.is_empty()) {
            let (product, signs) = self.virtualized_by(node, gaps);
            let is_virtual = product.text().is_some();
            is_shown |= is_virtual;
            let both = is_virtual && self.plugins.runs_on(node, Maker::Nvidia);
            let enabled = is_enabled(node, &Devices::of(node), self.configurations.has_instances(node));
            let element = Element::of(&node.reference)
                .with("virtualized_by", product)
                .with("signs", texts(signs, &node.place()))
                .with("has_two_plugins", Fact::known(both, node.place()));
            let greedy = self.requests.several_on(&node.reference.name);
            elements.push(sharing::describe(element, node, enabled, &greedy).done());
        }
        let weighed = weigh_cluster(&self.marks);
        if let (false, Some(product), Some((owner, hash))) = (is_shown, weighed.product, &self.virtual_owner) {
            let top = owners.topmost(owner, hash.as_deref());
            let place = Source::object(&top, ".metadata.name");
            let element = Element::of(&top)
                .with("virtualized_by", Fact::known(product, place.clone()))
                .with("signs", texts(weighed.signs, &place))
                .with("has_two_plugins", Fact::known(false, place));
            elements.push(element.done());
        }
        elements
    }
}
