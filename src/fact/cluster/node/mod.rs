//! Nodes: what the kubelet reports of each (`NodeStatus` of the core API),
//! with the names of operating system, kernel and runtime taken apart as those
//! of a host are, so that one rule judges both.

mod class;
mod declaration;
mod fleet;
mod identity;
mod range;
mod reported;
mod system;
mod twin;

use ipnet::IpNet;

use super::range::Ranges;
use super::resource::{CONFIG_MAPS, NODES, PODS, RUNTIME_CLASSES, SERVICE_CIDRS};
use super::{Collector, Element, Lists, Object, Reader, Request};
use crate::fact::{Fact, Facts, Source};
pub(super) use class::{Classes, Place};
pub(super) use declaration::CLASS;
use fleet::Fleet;
pub(super) use identity::{is_control_plane, is_virtual};
use range::Claims;
pub(super) use reported::runtime_handlers;
use twin::{Property, Twins};

pub(super) const COLLECTOR: Collector =
    Collector { name: "node", facts: declaration::FACTS, requests: REQUESTS, start: || Box::new(Nodes::default()) };

const ALL_NODES: Request = Request::all(&NODES);
const CLASSES: Request = Request::all(&RUNTIME_CLASSES);
const ALL_PODS: Request = Request::all(&PODS);
const REQUESTS: &[Request] = &[
    ALL_NODES,
    CLASSES,
    ALL_PODS,
    Request::named(&CONFIG_MAPS, "kube-system", "kubeadm-config"),
    Request::named(&CONFIG_MAPS, "kube-system", "kube-proxy"),
    Request::all(&SERVICE_CIDRS),
];

#[derive(Default)]
struct Nodes {
    seen: Vec<Seen>,
    twins: Twins,
    claims: Claims,
    ranges: Ranges,
    classes: Classes,
    fleet: Fleet,
}

/// A node, and what is needed to relate it to the others when all were seen.
struct Seen {
    name: String,
    element: Element,
    properties: Vec<(Property, String)>,
    ranges: Vec<(IpNet, String)>,
    place: Place,
    source: Source,
}

impl Reader for Nodes {
    fn see(&mut self, object: &Object<'_>) {
        if object.is(&RUNTIME_CLASSES) {
            self.classes.see_class(object);
            return;
        }
        if object.is(&PODS) {
            self.classes.see_pod(object);
        }
        if !object.is(&NODES) {
            self.ranges.see_of_system(object);
            return;
        }
        self.ranges.see(object);
        self.twins.see(object);
        self.claims.see(object);
        self.fleet.see(object);
        let parse = |text: &str| Some((text.parse::<IpNet>().ok()?.trunc(), text.to_owned()));
        self.seen.push(Seen {
            name: object.name().to_owned(),
            element: read_node(object),
            properties: twin::properties(object),
            ranges: range::pod_ranges(object).into_iter().filter_map(parse).collect(),
            place: Place::of(object),
            source: object.source(".metadata.name"),
        });
    }

    fn finish(self: Box<Self>, lists: &Lists) -> Facts {
        let Nodes { seen, twins, mut claims, mut ranges, classes, fleet } = *self;
        ranges.read_components();
        claims.add_services(&ranges.services.iter().map(|said| said.range).collect::<Vec<_>>());
        claims.sort();
        let nodes = seen.into_iter().map(|node| {
            let twins = |property, path: &'static str| {
                let source = match &node.source {
                    Source::Object { object, .. } => Source::object(object, path),
                    other => other.clone(),
                };
                twins.of(&node.name, &node.properties, property, &source)
            };
            let classes = classes.of(&node.place, &node.source, [lists.gap(&CLASSES), lists.gap(&ALL_PODS)]);
            let conflicts = claims.conflicts(&node.name, &node.ranges, &node.source);
            let element = node
                .element
                .with("same_machine_id", twins(Property::MachineId, ".status.nodeInfo.machineID"))
                .with("same_system_uuid", twins(Property::SystemUuid, ".status.nodeInfo.systemUUID"))
                .with("same_hostname", twins(Property::Hostname, ".status.addresses"))
                .with("same_internal_ip", twins(Property::InternalIp, ".status.addresses"))
                .with("pod_cidr_conflicts", conflicts)
                .with("runtime_classes", classes);
            element.done()
        });
        let mut facts = Facts::default();
        facts.set("nodes", lists.fact(&ALL_NODES, nodes.collect()));
        let (groups, runtimes) = fleet.done();
        facts.set("node_groups", lists.fact(&ALL_NODES, groups));
        facts.set("node_runtimes", lists.fact(&ALL_NODES, runtimes));
        // The join gives each host its own.
        facts.set("node_object", Fact::absent(Source::default_of("a cluster as such is no host")));
        facts
    }
}

fn read_node(object: &Object<'_>) -> Element {
    let element = Element::of(object.reference())
        .with("host", Fact::absent(object.source(".metadata.name")))
        .with("labels", object.map_fact(".metadata.labels"))
        .with("annotations", object.map_fact(".metadata.annotations"))
        .with("created", object.text_fact(".metadata.creationTimestamp"))
        .with("ready_due", ready_due(object))
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
        .with("machine_id_state", machine_id_state(object))
        .with("system_uuid", object.text_fact(".status.nodeInfo.systemUUID"))
        .with("boot_id", object.text_fact(".status.nodeInfo.bootID"));
    let element = identity::add(element, object);
    let element = reported::add(element, object);
    system::add(element, object)
}

fn ready_due(object: &Object<'_>) -> Fact {
    const GRACE: jiff::SignedDuration = jiff::SignedDuration::from_mins(5);
    let created = object.text("metadata.creationTimestamp").and_then(|text| text.parse::<jiff::Timestamp>().ok());
    match created.and_then(|created| created.checked_add(GRACE).ok()) {
        Some(due) => Fact::known(due.to_string(), object.source(".metadata.creationTimestamp")),
        None => Fact::absent(object.source(".metadata.creationTimestamp")),
    }
}

fn machine_id_state(object: &Object<'_>) -> Fact {
    let source = object.source(".status.nodeInfo.machineID");
    match object.text("status.nodeInfo.machineID") {
        Some(id) => Fact::known(twin::machine_id_state(id), source),
        None => Fact::absent(source),
    }
}

/// An empty text, which the API sends for what is not there, as absent.
fn not_empty(fact: Fact) -> Fact {
    match (fact.text(), fact.source()) {
        (Some(""), Some(source)) => Fact::absent(source.clone()),
        _ => fact,
    }
}
