//! NVIDIA's GPUs as the API shows them: labels, resources, device plugins,
//! MIG, sharing, and what pods ask for.
//!
//! In: Nodes, pods and their owners, `DaemonSets`, `ConfigMaps` of the operator's
//! usual namespaces, its `ClusterPolicy`, `ResourceSlices` and webhooks; most of
//! them may be missing. Out: `gpu_nodes`, of which the join gives a host its
//! own as `gpu_node`, `gpu_sharing` and `mig_wishes`.

mod amount;
mod announcement;
mod container;
mod declaration;
mod element;
mod mig;
mod node;
mod plugin;
mod request;
mod sharing;
mod slice;
mod state;
mod wish;

use super::resource::{
    CLUSTER_POLICIES, CONFIG_MAPS, CRON_JOBS, DAEMON_SETS, DEPLOYMENTS, JOBS, MUTATING_WEBHOOKS, NODES, PODS,
    REPLICA_SETS, RESOURCE_SLICES, RUNTIME_CLASSES, STATEFUL_SETS,
};
use super::workload::{Owners, containers, spec_path};
use super::{Collector, Listing, Lists, Object, Reader, Request};
use crate::fact::{Fact, Facts, Source};
use element::Seen;
use node::GpuNode;

pub(super) const COLLECTOR: Collector =
    Collector { name: "gpu", facts: declaration::FACTS, requests: REQUESTS, start: || Box::new(Gpus::default()) };

/// With their history, which alone dates a label.
const ALL_NODES: Request = Request::all(&NODES).with_history();
const ALL_PODS: Request = Request::all(&PODS);
const SETS: Request = Request::all(&DAEMON_SETS);
const CLASSES: Request = Request::all(&RUNTIME_CLASSES);
const SLICES: Request = Request::all(&RESOURCE_SLICES);

const REQUESTS: &[Request] = &[
    ALL_NODES,
    ALL_PODS,
    SETS,
    SLICES,
    CLASSES,
    Request::metadata(&REPLICA_SETS),
    Request::all(&DEPLOYMENTS),
    Request::all(&STATEFUL_SETS),
    Request::all(&JOBS),
    Request::all(&CRON_JOBS),
    Request::all(&CLUSTER_POLICIES),
    Request::all(&MUTATING_WEBHOOKS),
    // Where the operator and the plugin's chart are installed, on OpenShift the second.
    Request::within(&CONFIG_MAPS, "gpu-operator"),
    Request::within(&CONFIG_MAPS, "nvidia-gpu-operator"),
    Request::within(&CONFIG_MAPS, "nvidia-device-plugin"),
];

#[derive(Default)]
struct Gpus {
    nodes: Vec<GpuNode>,
    seen: Seen,
    owners: Owners,
}

impl Reader for Gpus {
    fn see(&mut self, object: &Object<'_>) {
        let seen = &mut self.seen;
        if object.is(&NODES) {
            self.nodes.push(GpuNode::read(object));
        } else if object.is(&CONFIG_MAPS) {
            seen.plugins.see_config(object);
            seen.configurations.see(object);
        } else if object.is(&CLUSTER_POLICIES) {
            seen.plugins.see_policy(object);
            seen.configurations.see_policy(object);
        } else if object.is(&RUNTIME_CLASSES) {
            if object.text("handler") == Some("nvidia") {
                seen.classes.see_class(object);
            }
        } else if object.is(&RESOURCE_SLICES) {
            seen.slices.see(object);
        } else if object.is(&MUTATING_WEBHOOKS) {
            if let Some(mark) = sharing::webhook_mark(object) {
                seen.mark(mark);
            }
        } else {
            self.workload(object);
        }
    }

    fn finish(self: Box<Self>, lists: &Lists) -> Facts {
        let Gpus { mut nodes, seen, owners } = *self;
        nodes.sort_by(|one, other| one.reference.name.cmp(&other.reference.name));
        let denied = |request: &Request| match lists.of(request) {
            Listing::Unreadable(reason) => Some(reason.clone()),
            _ => None,
        };
        let gaps = element::Gaps {
            denied: denied(&SETS).or_else(|| denied(&ALL_PODS)),
            unseen: lists.gap(&ALL_PODS).or_else(|| lists.gap(&SETS)),
            slices: lists.gap(&SLICES),
            classes: [lists.gap(&CLASSES), lists.gap(&ALL_PODS)],
        };
        let mut facts = Facts::default();
        let elements = nodes.iter().map(|node| seen.node(node, &gaps)).collect();
        facts.set("gpu_nodes", lists.fact(&ALL_NODES, elements));
        facts.set("gpu_sharing", lists.fact(&ALL_NODES, seen.sharing(&nodes, &owners, &gaps)));
        let mut wishes = wish::wishes(&seen.requests, &nodes, &owners, lists.gap(&ALL_NODES).as_deref());
        // Files without pods have none that wait; what may not be listed may hold some.
        wishes.extend(denied(&ALL_PODS).map(|reason| Fact::Unreadable { source: None, reason }));
        facts.set("mig_wishes", Fact::group(wishes));
        // The join gives each host its own.
        facts.set("gpu_node", Fact::absent(Source::default_of("a cluster as such is no host")));
        facts
    }
}

impl Gpus {
    /// A pod, or an object with a template of pods.
    fn workload(&mut self, object: &Object<'_>) {
        if object.is(&REPLICA_SETS) || object.is(&JOBS) {
            self.owners.see(object);
        }
        let is_over = object.is(&PODS) && matches!(object.text("status.phase"), Some("Succeeded" | "Failed"));
        // What a deployment's replica sets ask for, it asks for itself.
        if is_over || object.is(&REPLICA_SETS) {
            return;
        }
        let Some(spec) = object.get(spec_path(&object.reference().kind)) else { return };
        let seen = &mut self.seen;
        if object.is(&PODS) {
            seen.plugins.see_pod(object);
            seen.classes.see_pod(object);
        } else if object.is(&DAEMON_SETS) {
            seen.plugins.see_set(object);
        }
        let asks = request::names(spec);
        let annotations = if object.is(&PODS) { object.get("metadata.annotations") } else { None };
        let marks = sharing::pod_marks(spec, annotations, &asks);
        if !marks.is_empty() {
            seen.keep(object, marks);
        }
        for (_, container) in containers(spec) {
            let image = container.get("image").and_then(|image| image.as_str()).unwrap_or_default();
            if let Some(mark) = sharing::image_mark(image) {
                seen.keep(object, vec![mark]);
            }
        }
        seen.requests.see(object, spec, &asks);
    }
}
