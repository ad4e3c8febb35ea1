//! What pods ask for: MIG devices that no node may have, and several shares
//! of one GPU.
//!
//! Sources: `resources` of containers in pods and pod templates. A pod on a
//! node has what it asked for, so that only pods that wait and templates count
//! for MIG devices; only pods on nodes, or waiting, for shares.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::amount::{Kind, asked, kind};
use crate::fact::cluster::Object;
use crate::fact::cluster::resource::{CRON_JOBS, JOBS, PODS};
use crate::fact::cluster::workload::{Owners, containers, controller, spec_path};
use crate::fact::{Json, ObjectReference, Source};

/// Most workloads that are named for one node.
const MOST_NAMED: usize = 5;

/// Something asked for, by an owner that may have owners.
pub(super) struct Request {
    pub(super) owner: ObjectReference,
    hash: Option<String>,
    pub(super) resource: String,
    pub(super) source: Source,
}

#[derive(Default)]
pub(super) struct Requests {
    mig: BTreeMap<(ObjectReference, String), Request>,
    /// Owners that ask for several GPUs, by node; of those without one under the empty name.
    several: BTreeMap<String, BTreeSet<String>>,
    has_autoscaler: bool,
}

/// Names of resources in a pod's specification, those of NVIDIA's and its likes.
pub(super) fn names(spec: &Json) -> BTreeSet<&str> {
    let named = containers(spec).flat_map(|(_, container)| asked(container));
    named.filter(|(name, amount)| *amount > 0 && kind(name).is_some()).map(|(name, _)| name).collect()
}

impl Requests {
    /// Takes a pod or an object with a template, and the names that it asks for.
    pub(super) fn see(&mut self, object: &Object<'_>, spec: &Json, asks: &BTreeSet<&str>) {
        self.has_autoscaler |= is_autoscaler(spec);
        if asks.is_empty() {
            return;
        }
        let has_owner = object.is(&PODS) || object.is(&JOBS);
        let owner = controller(object).filter(|owner| has_owner && owner.kind != "Node");
        // A CronJob asks for what its jobs ask for.
        if object.is(&JOBS) && owner.as_ref().is_some_and(|owner| owner.kind == "CronJob") {
            return;
        }
        let owner = owner.unwrap_or_else(|| object.reference().as_ref().clone());
        if object.is(&PODS) {
            let node = object.text("spec.nodeName").unwrap_or_default();
            let is_several = containers(spec).flat_map(|(_, container)| asked(container));
            let mut several = is_several.filter(|(name, amount)| *amount > 1 && kind(name) == Some(Kind::Gpu));
            if several.next().is_some() {
                let named = self.several.entry(node.to_owned()).or_default();
                if named.len() < MOST_NAMED {
                    named.insert(format!("{}/{}", owner.namespace.as_deref().unwrap_or_default(), owner.name));
                }
            }
            if !node.is_empty() {
                return;
            }
        } else if !is_active(object) {
            return;
        }
        let path = spec_path(&object.reference().kind);
        for name in asks.iter().filter(|name| matches!(kind(name), Some(Kind::Mig(_)))) {
            let key = (owner.clone(), (*name).to_owned());
            self.mig.entry(key).or_insert_with(|| Request {
                owner: owner.clone(),
                hash: object.label("pod-template-hash").map(str::to_owned),
                resource: (*name).to_owned(),
                source: object.source(format!(".{path}.containers[*].resources['{name}']")),
            });
        }
    }

    /// Each resource with MIG devices that is asked for, by the topmost owner.
    pub(super) fn of_mig(&self, owners: &Owners) -> Vec<(Arc<ObjectReference>, &Request)> {
        let mut found: BTreeMap<(Arc<ObjectReference>, &str), &Request> = BTreeMap::new();
        for request in self.mig.values() {
            let top = owners.topmost(&request.owner, request.hash.as_deref());
            found.entry((top, &request.resource)).or_insert(request);
        }
        found.into_iter().map(|((top, _), request)| (top, request)).collect()
    }

    /// Workloads that ask for several GPUs on a node, or wait for one.
    pub(super) fn several_on(&self, node: &str) -> BTreeSet<String> {
        let named = [node, ""].into_iter().filter_map(|name| self.several.get(name)).flatten();
        named.take(MOST_NAMED).cloned().collect()
    }

    /// Whether nodes may come that are not there yet.
    pub(super) fn has_autoscaler(&self) -> bool {
        self.has_autoscaler
    }
}

fn is_autoscaler(spec: &Json) -> bool {
    let mut images = containers(spec).filter_map(|(_, container)| container.get("image").and_then(Json::as_str));
    images.any(|image| image.contains("cluster-autoscaler") || image.contains("karpenter"))
}

/// Whether a template makes pods: neither scaled to nothing, nor paused, nor at its end.
fn is_active(object: &Object<'_>) -> bool {
    if object.is(&CRON_JOBS) || object.is(&JOBS) {
        let is_paused = object.get("spec.suspend").and_then(Json::as_bool) == Some(true);
        return !is_paused && object.get("status.completionTime").is_none();
    }
    object.get("spec.replicas").and_then(Json::as_i64) != Some(0)
}
