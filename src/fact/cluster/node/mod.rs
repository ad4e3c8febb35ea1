//! Nodes: what the kubelet reports of each (`NodeStatus` of the core API),
//! with the names of operating system, kernel and runtime taken apart as those
//! of a host are, so that one rule judges both.

mod declaration;
mod identity;
mod reported;
mod system;

use super::resource::NODES;
use super::{Collector, Element, Lists, Object, Reader, Request};
use crate::fact::{Fact, Facts, Source};

pub(super) const COLLECTOR: Collector =
    Collector { name: "node", facts: declaration::FACTS, requests: &[REQUEST], start: || Box::new(Nodes::default()) };

const REQUEST: Request = Request::all(&NODES);

#[derive(Default)]
struct Nodes {
    seen: Vec<Fact>,
}

impl Reader for Nodes {
    fn see(&mut self, object: &Object<'_>) {
        self.seen.push(read_node(object));
    }

    fn finish(self: Box<Self>, lists: &Lists) -> Facts {
        let mut facts = Facts::default();
        facts.set("nodes", lists.fact(&REQUEST, self.seen));
        // The join gives each host its own.
        facts.set("node_object", Fact::absent(Source::default_of("a cluster as such is no host")));
        facts
    }
}

fn read_node(object: &Object<'_>) -> Fact {
    let element = Element::of(object.reference())
        .with("host", Fact::absent(object.source(".metadata.name")))
        .with("labels", object.map_fact(".metadata.labels"))
        .with("annotations", object.map_fact(".metadata.annotations"))
        .with("created", object.text_fact(".metadata.creationTimestamp"))
        .with("provider_id", object.text_fact(".spec.providerID"))
        .with("unschedulable", object.bool_fact(".spec.unschedulable"))
        .with("pod_cidr", object.text_fact(".spec.podCIDR"))
        .with("capacity", object.map_fact(".status.capacity"))
        .with("allocatable", object.map_fact(".status.allocatable"))
        .with("kubelet_version", object.text_fact(".status.nodeInfo.kubeletVersion"))
        .with("kube_proxy_version", not_empty(object.text_fact(".status.nodeInfo.kubeProxyVersion")))
        .with("container_runtime_version", object.text_fact(".status.nodeInfo.containerRuntimeVersion"))
        .with("kernel_version", object.text_fact(".status.nodeInfo.kernelVersion"))
        .with("os_image", object.text_fact(".status.nodeInfo.osImage"))
        .with("operating_system", object.text_fact(".status.nodeInfo.operatingSystem"))
        .with("architecture", object.text_fact(".status.nodeInfo.architecture"))
        .with("machine_id", object.text_fact(".status.nodeInfo.machineID"))
        .with("system_uuid", object.text_fact(".status.nodeInfo.systemUUID"))
        .with("boot_id", object.text_fact(".status.nodeInfo.bootID"));
    let element = identity::add(element, object);
    let element = reported::add(element, object);
    system::add(element, object).done()
}

/// An empty text, which the API sends for what is not there, as absent.
fn not_empty(fact: Fact) -> Fact {
    match (fact.text(), fact.source()) {
        (Some(""), Some(source)) => Fact::absent(source.clone()),
        _ => fact,
    }
}
