//! What a node announces of GPUs, what of it is healthy, and what it has to
//! be by its labels.

use super::amount::Kind;
use super::mig::{Devices, is_invalid};
use super::node::{Amount, GpuNode};
use super::sharing::announced;
use crate::fact::cluster::Element;
use crate::fact::{Fact, Source};

/// Adds what the node's resources are, and what they have to be.
pub(super) fn amounts(element: Element, node: &GpuNode, devices: &Devices) -> Element {
    let capacity = || Source::object(&node.reference, ".status.capacity");
    let resource = |(name, amount): (&str, Amount)| {
        let allocatable = node.resource_source("allocatable", name);
        let allocatable = match amount.allocatable {
            Some(number) => Fact::known(number, allocatable),
            None => Fact::absent(allocatable),
        };
        Element::new()
            .with("name", Fact::known(name, node.resource_source("capacity", name)))
            .with("capacity", Fact::known(amount.capacity, node.resource_source("capacity", name)))
            .with("allocatable", allocatable)
            .done()
    };
    let is_device = |kind: &Kind| *kind != Kind::Part;
    let given = |amount: Amount| amount.allocatable.unwrap_or(amount.capacity);
    let offered = node.of_kind(is_device).map(|(_, amount)| given(amount)).fold(0, i64::saturating_add);
    let is_short = |(_, amount): &(&str, Amount)| offered > 0 && given(*amount) < amount.capacity;
    let is_gpu = |kind: &Kind| matches!(kind, Kind::Gpu | Kind::Mig(_));
    let unhealthy: Vec<Fact> = node.of_kind(is_gpu).filter(is_short).map(resource).collect();
    let all: Vec<Fact> = node.of_kind(|_| true).map(resource).collect();
    let optional = |number: Option<i64>, source: Source| match number {
        Some(number) => Fact::known(number, source),
        None => Fact::absent(source),
    };
    element
        .with("resources", Fact::known(all, capacity()))
        .with("offered", Fact::known(offered, Source::object(&node.reference, ".status.allocatable")))
        .with("announced", optional(announced(node).map(|(number, _)| number), capacity()))
        .with("expected", optional(expected(node, devices), node.label_source("gpu.count")))
        .with("unhealthy", Fact::known(unhealthy, Source::object(&node.reference, ".status.allocatable")))
}

/// What a node has to announce of GPUs by its labels; none where some have MIG
/// on, or are announced under a name that somebody chose.
fn expected(node: &GpuNode, devices: &Devices) -> Option<i64> {
    let is_renamed = node.of_kind(|kind| *kind == Kind::Other).any(|(_, amount)| amount.capacity > 0);
    let replicas = node.number("gpu.replicas").unwrap_or(1);
    if is_renamed || replicas == 0 || devices.any() || is_invalid(node) {
        return None;
    }
    let count = node.number("gpu.count").filter(|count| *count > 0)?;
    count.checked_mul(replicas)
}
