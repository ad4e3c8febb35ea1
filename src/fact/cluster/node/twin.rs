//! Nodes that share what must be their own: machine id, system UUID, host
//! name, address.

use std::collections::BTreeMap;

use crate::fact::cluster::Object;
use crate::fact::{Fact, Source};

/// The most names of others that a node is given: ten thousand clones must not
/// name each other.
const MOST_NAMED: usize = 8;

/// UUIDs that firmware ships instead of one, in lower case
/// (<https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/install-kubeadm/> asks for unique ones).
const PLACEHOLDERS: &[&str] = &[
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "03000200-0400-0500-0006-000700080009",
    "12345678-1234-5678-90ab-cddeefaabbcc",
    "not settable",
    "not specified",
    "default string",
    "to be filled by o.e.m.",
];

/// Which of a node's properties are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Property {
    MachineId,
    SystemUuid,
    Hostname,
    InternalIp,
}

/// Names of nodes by what they are known by.
#[derive(Default)]
pub(super) struct Twins {
    owners: BTreeMap<(Property, String), Vec<String>>,
}

impl Twins {
    pub(super) fn see(&mut self, object: &Object<'_>) {
        for (property, value) in properties(object) {
            let owners = self.owners.entry((property, value)).or_default();
            // One more than are named, since a node does not name itself.
            if owners.len() <= MOST_NAMED && !owners.iter().any(|owner| owner == object.name()) {
                owners.push(object.name().to_owned());
            }
        }
    }

    /// Other nodes that share a property of this one.
    pub(super) fn of(&self, name: &str, own: &[(Property, String)], property: Property, source: &Source) -> Fact {
        let shared = own.iter().filter(|(kind, _)| *kind == property).filter_map(|key| self.owners.get(key));
        let mut others: Vec<&String> = shared.flatten().filter(|owner| *owner != name).collect();
        others.sort();
        others.dedup();
        let others = others.into_iter().take(MOST_NAMED);
        Fact::known(
            others.map(|other| Fact::known(other.as_str(), source.clone())).collect::<Vec<Fact>>(),
            source.clone(),
        )
    }
}

/// What a node is known by; nothing for what is not its own by design.
pub(super) fn properties(object: &Object<'_>) -> Vec<(Property, String)> {
    let mut properties = Vec::new();
    let text =
        |path: &str| object.text(path).map(|text| text.trim().to_ascii_lowercase()).filter(|text| !text.is_empty());
    if !shares_its_machine(object) {
        let id = text("status.nodeInfo.machineID").filter(|id| machine_id_state(id) == "set");
        properties.extend(id.map(|id| (Property::MachineId, id)));
        let uuid = text("status.nodeInfo.systemUUID").filter(|uuid| !PLACEHOLDERS.contains(&uuid.as_str()));
        properties.extend(uuid.map(|uuid| (Property::SystemUuid, uuid)));
    }
    for address in object.list("status.addresses") {
        let member = |key: &str| address.get(key).and_then(|value| value.as_str());
        let property = match member("type") {
            Some("Hostname") => Property::Hostname,
            Some("InternalIP") => Property::InternalIp,
            _ => continue,
        };
        properties.extend(member("address").map(|value| (property, value.to_ascii_lowercase())));
    }
    properties
}

/// Nodes that are containers of one machine (kind, k3d, minikube's docker
/// driver) have its ids.
fn shares_its_machine(object: &Object<'_>) -> bool {
    let provider = object.text("spec.providerID").unwrap_or_default();
    let is_of_k3d = provider.starts_with("k3s://k3d-") || object.name().starts_with("k3d-");
    provider.starts_with("kind://")
        || is_of_k3d
        || object.label("minikube.k8s.io/name").is_some()
        || super::is_virtual(object)
}

/// What is wrong with a machine id, machine-id(5).
pub(super) fn machine_id_state(id: &str) -> &'static str {
    let id = id.trim();
    if id.is_empty() {
        "empty"
    } else if id.eq_ignore_ascii_case("uninitialized") {
        "uninitialized"
    } else if id.chars().all(|digit| digit == '0' || digit == '-') {
        "zero"
    } else {
        "set"
    }
}
