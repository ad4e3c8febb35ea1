//! What the kubelet and the node controllers report: conditions, taints,
//! addresses, ranges and handlers.

use crate::fact::cluster::{Element, Object};
use crate::fact::{Fact, Json, Source};

/// Taint that the node lifecycle controller adds to a cordoned node.
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

pub(super) fn add(element: Element, object: &Object<'_>) -> Element {
    let element = element
        .with("conditions", conditions(object))
        .with("taints", taints(object))
        .with("unschedulable_since", unschedulable_since(object))
        .with("addresses", addresses(object))
        .with("pod_cidrs", pod_cidrs(object))
        .with("runtime_handlers", runtime_handlers(object));
    let of_type = |wanted: &'static str| {
        let parts = object.list("status.addresses").iter().enumerate();
        parts.filter(move |(_, part)| text(part, "type") == Some(wanted)).filter_map(move |(at, part)| {
            let source = object.source(format!(".status.addresses[{at}].address"));
            Some(Fact::known(text(part, "address")?, source))
        })
    };
    let hostname = of_type("Hostname").next().unwrap_or_else(|| Fact::absent(object.source(".status.addresses")));
    element
        .with(
            "internal_ips",
            Fact::known(of_type("InternalIP").collect::<Vec<Fact>>(), object.source(".status.addresses")),
        )
        .with("hostname", hostname)
}

fn text<'j>(json: &'j Json, key: &str) -> Option<&'j str> {
    json.get(key)?.as_str()
}

/// One part of a list, its members by the names that facts give them.
fn part(object: &Object<'_>, place: &str, json: &Json, members: &[(&str, &str)]) -> Fact {
    let mut element = Element::new();
    for (name, key) in members {
        let source = object.source(format!("{place}.{key}"));
        element = element.with(
            name,
            match text(json, key) {
                Some(value) => Fact::known(value, source),
                None => Fact::absent(source),
            },
        );
    }
    element.done()
}

fn conditions(object: &Object<'_>) -> Fact {
    const MEMBERS: &[(&str, &str)] = &[
        ("type", "type"),
        ("status", "status"),
        ("reason", "reason"),
        ("message", "message"),
        ("since", "lastTransitionTime"),
        ("heartbeat", "lastHeartbeatTime"),
    ];
    let parts = object.list("status.conditions").iter().map(|json| {
        // A condition is found by its type: its place in the list is not the same in the next report.
        let place = format!(".status.conditions[?(@.type==\"{}\")]", text(json, "type").unwrap_or_default());
        part(object, &place, json, MEMBERS)
    });
    Fact::known(parts.collect::<Vec<Fact>>(), object.source(".status.conditions"))
}

fn taints(object: &Object<'_>) -> Fact {
    const MEMBERS: &[(&str, &str)] =
        &[("key", "key"), ("value", "value"), ("effect", "effect"), ("time_added", "timeAdded")];
    let parts = object.list("spec.taints").iter().enumerate();
    let parts = parts.map(|(at, json)| part(object, &format!(".spec.taints[{at}]"), json, MEMBERS));
    Fact::known(parts.collect::<Vec<Fact>>(), object.source(".spec.taints"))
}

fn unschedulable_since(object: &Object<'_>) -> Fact {
    let taints = object.list("spec.taints").iter().enumerate();
    let mut since = taints.filter(|(_, taint)| text(taint, "key") == Some(UNSCHEDULABLE)).filter_map(|(at, taint)| {
        let source = object.source(format!(".spec.taints[{at}].timeAdded"));
        Some(Fact::known(text(taint, "timeAdded")?, source))
    });
    since.next().unwrap_or_else(|| Fact::absent(object.source(".spec.taints")))
}

fn addresses(object: &Object<'_>) -> Fact {
    let parts = object.list("status.addresses").iter().enumerate();
    let parts = parts.map(|(at, json)| {
        part(object, &format!(".status.addresses[{at}]"), json, &[("type", "type"), ("address", "address")])
    });
    Fact::known(parts.collect::<Vec<Fact>>(), object.source(".status.addresses"))
}

/// `podCIDRs`, which holds `podCIDR` too; that alone in objects from before 1.16.
fn pod_cidrs(object: &Object<'_>) -> Fact {
    let known = |json: &Json, source: Source| {
        json.as_str().filter(|text| !text.is_empty()).map(|text| Fact::known(text, source))
    };
    let mut ranges: Vec<Fact> = object
        .list("spec.podCIDRs")
        .iter()
        .enumerate()
        .filter_map(|(at, json)| known(json, object.source(format!(".spec.podCIDRs[{at}]"))))
        .collect();
    if ranges.is_empty() {
        ranges.extend(object.get("spec.podCIDR").and_then(|json| known(json, object.source(".spec.podCIDR"))));
    }
    Fact::known(ranges, object.source(".spec.podCIDRs"))
}

/// Reported since 1.30 where the runtime tells its handlers, as containerd
/// does since 2.0; no list, or an empty one, tells nothing.
pub(in crate::fact::cluster) fn runtime_handlers(object: &Object<'_>) -> Fact {
    let handlers = object.list("status.runtimeHandlers");
    let source = object.source(".status.runtimeHandlers");
    if handlers.is_empty() {
        return Fact::absent(source);
    }
    let names = handlers.iter().map(|handler| Fact::known(text(handler, "name").unwrap_or_default(), source.clone()));
    Fact::known(names.collect::<Vec<Fact>>(), source.clone())
}
