//! What NVML answered, as a document in a recorded tree: `/nvml.json`.
//!
//! MIG's mode, now and after the next reset, and the profiles of instances
//! can only be asked of the driver through its library NVML. A tree holds the
//! answers as JSON: `devices`, each with `uuid`, `minor_number`, `pci.bus_id`,
//! `mig_mode` (`{current, pending}`, null where the GPU has no MIG) and
//! `mig_devices` with `gpu_instance_id`, `compute_instance_id` and `name`
//! (`NVIDIA H100 80GB HBM3 MIG 1g.10gb`) or `profile`. The running machine's
//! NVML is not asked.

use crate::fact::Source;
use crate::fact::host::document::{Node, NodeValue, parse_json};
use crate::fact::host::root::{HostRoot, Outcome};

pub(super) const PATH: &str = "/nvml.json";

/// The answers about all GPUs.
#[derive(Debug, Default)]
pub(super) struct Answers {
    pub(super) devices: Vec<Answer>,
}

/// The answers about one GPU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) source: Source,
    uuid: Option<String>,
    minor: Option<i64>,
    bus_id: Option<String>,
    /// Whether MIG is on, and whether it is after the next reset; none where
    /// the GPU has no MIG.
    pub(super) mig_mode: Option<(bool, bool)>,
    pub(super) mig_devices: Vec<MigDevice>,
}

/// A MIG device: a compute instance in a GPU instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MigDevice {
    pub(super) gpu_instance: Option<i64>,
    pub(super) compute_instance: Option<i64>,
    pub(super) profile: Option<String>,
}

/// The recorded answers. Absent: there are none.
pub(super) fn read_answers(root: &HostRoot) -> Outcome<Answers> {
    if root.has_kernel_files() {
        return Outcome::Absent;
    }
    root.read_text(PATH).and_then(|text| match parse_json(&text) {
        Ok(document) => Outcome::Found(parse_answers(&document)),
        Err(error) => Outcome::Unreadable(format!("read {PATH}: {error}")),
    })
}

impl Answers {
    /// The answers about the GPU of a PCI address, UUID or minor.
    pub(super) fn of(&self, address: &str, uuid: Option<&str>, minor: Option<i64>) -> Option<&Answer> {
        let same_bus = |answer: &&Answer| answer.bus_id.as_deref().is_some_and(|bus| is_same_address(bus, address));
        let same_uuid = |answer: &&Answer| uuid.is_some() && answer.uuid.as_deref() == uuid;
        let same_minor = |answer: &&Answer| minor.is_some() && answer.minor == minor;
        let devices = || self.devices.iter();
        devices().find(same_bus).or_else(|| devices().find(same_uuid)).or_else(|| devices().find(same_minor))
    }
}

/// NVML writes a domain of eight digits where sysfs has four.
fn is_same_address(bus_id: &str, address: &str) -> bool {
    let (bus_id, address) = (bus_id.to_ascii_lowercase(), address.to_ascii_lowercase());
    bus_id.trim_start_matches('0') == address.trim_start_matches('0')
}

fn parse_answers(document: &Node) -> Answers {
    let devices = document.get("devices").map(Node::list).unwrap_or_default();
    Answers { devices: devices.iter().map(parse_answer).collect() }
}

fn parse_answer(node: &Node) -> Answer {
    let text = |path: &[&str]| node.at(path).and_then(Node::text).map(str::to_owned);
    let mode = |name: &str| node.at(&["mig_mode", name]).and_then(truth);
    Answer {
        source: Source::line(PATH, node.line),
        uuid: text(&["uuid"]),
        minor: node.get("minor_number").and_then(Node::int),
        bus_id: text(&["pci", "bus_id"]),
        mig_mode: mode("current").map(|current| (current, mode("pending").unwrap_or(current))),
        mig_devices: node
            .get("mig_devices")
            .map(Node::list)
            .unwrap_or_default()
            .iter()
            .map(|device| MigDevice {
                gpu_instance: device.get("gpu_instance_id").and_then(Node::int),
                compute_instance: device.get("compute_instance_id").and_then(Node::int),
                profile: device
                    .get("profile")
                    .and_then(Node::text)
                    .or_else(|| {
                        device.get("name").and_then(Node::text)?.rsplit_once("MIG ").map(|(_, profile)| profile)
                    })
                    .map(str::to_owned),
            })
            .collect(),
    }
}

/// NVML's 0 and 1, or a truth.
fn truth(node: &Node) -> Option<bool> {
    match node.value {
        NodeValue::Bool(truth) => Some(truth),
        NodeValue::Int(number) => Some(number != 0),
        _ => None,
    }
}
