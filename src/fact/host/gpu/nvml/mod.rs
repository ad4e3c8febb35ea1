//! What NVIDIA's management library NVML says of each GPU.
//!
//! MIG's mode, now and after the next reset, the profiles of instances and the
//! state of the memory can only be asked of the driver, through its library.
//! The running machine's is asked with a deadline ([`live`]); a recorded tree
//! may hold the answers ([`recorded`], docs/recorded-gpu.md). A host that is
//! mounted at a root is asked nothing.
//!
//! Nothing is ever set. NVML itself runs nvidia-modprobe to make device nodes
//! that are missing, so that it is asked only where they are all there.

mod live;
mod recorded;

use std::time::{Duration, Instant};

use super::library;
use crate::fact::host::Host;
use crate::fact::host::root::{FileKind, HostRoot, Outcome};
use crate::fact::{Fact, Source};

/// How long NVML may take at most: a GPU without persistence is first
/// initialized, which takes seconds on a board of eight.
const LONGEST: Duration = Duration::from_secs(10);

/// The node by which the driver is spoken to.
const CONTROL: &str = "/dev/nvidiactl";

/// The answers about all GPUs.
#[derive(Debug)]
pub(super) struct Answers {
    pub(super) devices: Vec<Answer>,
    /// Why NVML spoke of no GPU at all, in its own words.
    pub(super) refusal: Option<String>,
    /// What it said instead of an answer about some GPUs.
    pub(super) problems: Vec<String>,
    pub(super) source: Source,
}

/// The answers about one GPU. Absent: it does not support what is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) source: Source,
    uuid: Option<String>,
    minor: Option<i64>,
    bus_id: Option<String>,
    /// Whether MIG is on, and whether it is after the next reset.
    pub(super) mig_mode: Outcome<(bool, bool)>,
    pub(super) mig_devices: Outcome<Vec<MigDevice>>,
    pub(super) ecc_enabled: Outcome<bool>,
    /// Uncorrected errors since the driver was loaded.
    pub(super) ecc_uncorrected: Outcome<i64>,
    /// Rows of memory that the next reset remaps.
    pub(super) row_remap_pending: Outcome<bool>,
    pub(super) row_remap_failed: Outcome<bool>,
    /// Pages of memory that the next reload of the driver retires.
    pub(super) pages_pending: Outcome<bool>,
}

/// A MIG device: a compute instance in a GPU instance. Its ids are none where
/// the way that NVML was asked by does not tell them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MigDevice {
    pub(super) gpu_instance: Option<i64>,
    pub(super) compute_instance: Option<i64>,
    pub(super) profile: Option<String>,
}

/// The answers of NVML, by these minors of the GPUs that the driver has.
/// Absent: it is not asked.
pub(super) fn read_answers(host: &Host, minors: &[Option<i64>]) -> Outcome<Answers> {
    let root = &host.root;
    if !root.has_kernel_files() {
        return recorded::read_answers(root);
    }
    if !root.is_live() || minors.is_empty() {
        return Outcome::Absent;
    }
    match missing_node(root, minors) {
        Some(node) => Outcome::Unreadable(format!("ask NVML: {node} is not there, and asking would make it")),
        None => match library::find(root) {
            Outcome::Found(library) => {
                let wait = host.deadline.saturating_duration_since(Instant::now()).min(LONGEST);
                live::ask(&library.path, wait)
            }
            Outcome::Absent => Outcome::Unreadable("ask NVML: libnvidia-ml.so.1 is not installed".to_owned()),
            Outcome::Unreadable(reason) => Outcome::Unreadable(reason),
        },
    }
}

/// A device node that NVML would make.
fn missing_node(root: &HostRoot, minors: &[Option<i64>]) -> Option<String> {
    let is_there = |path: &str| root.metadata(path).found().is_some_and(|found| found.kind == FileKind::Device);
    if !is_there(CONTROL) {
        return Some(CONTROL.to_owned());
    }
    minors.iter().map(|minor| minor.map(|minor| format!("/dev/nvidia{minor}"))).find_map(|node| match node {
        Some(node) => (!is_there(&node)).then_some(node),
        None => Some("the device node of a GPU".to_owned()),
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

/// Why NVML spoke of no GPU. Absent: it did, or it was not asked, or it did
/// not answer in time.
pub(super) fn refusal_fact(answers: &Outcome<Answers>) -> Fact {
    match answers {
        Outcome::Found(answers) => match &answers.refusal {
            Some(refusal) => Fact::known(refusal.as_str(), answers.source.clone()),
            None => Fact::absent(answers.source.clone()),
        },
        _ => Fact::absent(Source::file(recorded::PATH)),
    }
}

/// Why there is no answer about a GPU.
pub(super) fn silence(answers: &Outcome<Answers>, address: &str) -> (Source, String) {
    match answers {
        Outcome::Found(Answers { refusal: Some(refusal), source, .. }) => {
            (source.clone(), format!("ask NVML: {refusal}"))
        }
        Outcome::Found(Answers { problems, source, .. }) if !problems.is_empty() => {
            (source.clone(), format!("ask NVML: {}", problems.join(", ")))
        }
        Outcome::Found(Answers { source, .. }) => (source.clone(), format!("ask NVML: it says nothing of {address}")),
        Outcome::Absent => (Source::file(recorded::PATH), "NVML was not asked".to_owned()),
        Outcome::Unreadable(reason) => (Source::file(recorded::PATH), reason.clone()),
    }
}

/// NVML writes a domain of eight digits where sysfs has four.
fn is_same_address(bus_id: &str, address: &str) -> bool {
    let (bus_id, address) = (bus_id.to_ascii_lowercase(), address.to_ascii_lowercase());
    bus_id.trim_start_matches('0') == address.trim_start_matches('0')
}

/// The profile that a MIG device's name ends with: `NVIDIA H100 80GB HBM3 MIG
/// 1g.10gb`.
fn profile_of(name: &str) -> Option<String> {
    name.rsplit_once("MIG ").map(|(_, profile)| profile.trim().to_owned()).filter(|profile| !profile.is_empty())
}
