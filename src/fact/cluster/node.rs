//! Nodes: what the kubelet reports of each (`NodeStatus` of the core API).

use super::resource::NODES;
use super::{Collector, Element, Lists, Object, Reader, Request};
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::{Fact, Facts};

pub(super) const COLLECTOR: Collector =
    Collector { name: "node", facts: FACTS, requests: &[REQUEST], start: || Box::new(Nodes::default()) };

const REQUEST: Request = Request::all(&NODES);

const FACTS: &[FactDoc] = &[FactDoc::new("nodes", Type::List(&Type::Object(NODE)), "Every Node object.")];

const NODE: &[Field] = &[
    Field::new("name", Type::Text, "Name of the node."),
    Field::new("namespace", Type::Text, "Always absent: nodes have none."),
    Field::new("subject", Type::Map(&Type::Text), "Its identity, for `subject`."),
    Field::new("host", Type::Host, "All facts of this node's host, where they are judged too; else absent."),
    Field::new("labels", Type::Map(&Type::Text), "Its labels."),
    Field::new("annotations", Type::Map(&Type::Text), "Its annotations."),
    Field::new("unschedulable", Type::Bool, "Whether it is cordoned."),
    Field::new("pod_cidr", Type::Text, "Its range of pod addresses; absent where the network plugin assigns them."),
    Field::new("kubelet_version", Type::Text, "The kubelet's version, such as `v1.36.2` or `v1.30.0+k3s1`."),
    Field::new("container_runtime_version", Type::Text, "Runtime and version, such as `containerd://2.1.4`."),
    Field::new("kernel_version", Type::Text, "Release of the running kernel, as uname -r gives it."),
    Field::new("os_image", Type::Text, "PRETTY_NAME of the operating system."),
    Field::new("machine_id", Type::Text, "The machine id."),
    Field::new("system_uuid", Type::Text, "The system UUID of the firmware."),
];

#[derive(Default)]
struct Nodes {
    seen: Vec<Fact>,
}

impl Reader for Nodes {
    fn see(&mut self, object: &Object<'_>) {
        let host = Fact::absent(object.source(".metadata.name"));
        let element = Element::of(object.reference())
            .with("host", host)
            .with("labels", object.map_fact(".metadata.labels"))
            .with("annotations", object.map_fact(".metadata.annotations"))
            .with("unschedulable", object.bool_fact(".spec.unschedulable"))
            .with("pod_cidr", object.text_fact(".spec.podCIDR"))
            .with("kubelet_version", object.text_fact(".status.nodeInfo.kubeletVersion"))
            .with("container_runtime_version", object.text_fact(".status.nodeInfo.containerRuntimeVersion"))
            .with("kernel_version", object.text_fact(".status.nodeInfo.kernelVersion"))
            .with("os_image", object.text_fact(".status.nodeInfo.osImage"))
            .with("machine_id", object.text_fact(".status.nodeInfo.machineID"))
            .with("system_uuid", object.text_fact(".status.nodeInfo.systemUUID"));
        self.seen.push(element.done());
    }

    fn finish(self: Box<Self>, lists: &Lists) -> Facts {
        let mut facts = Facts::default();
        facts.set("nodes", lists.fact(&REQUEST, self.seen));
        facts
    }
}
