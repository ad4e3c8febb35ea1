//! The device nodes of CDI specifications, held against those that there are.
//!
//! MIG's instances have nodes `/dev/nvidia-caps/nvidia-cap<minor>`, and the
//! file `access` of each live instance beneath
//! `/proc/driver/nvidia/capabilities` names its minor (NVIDIA MIG user guide,
//! "Device Nodes and Capabilities"). Whether a node is there is seen on the
//! running machine alone: a recorded tree has none.

use std::collections::BTreeSet;

use super::Spec;
use crate::fact::host::root::{HostRoot, Outcome};
use crate::fact::{Fact, Source};

const CAPABILITIES: &str = "/proc/driver/nvidia/capabilities";

const NODE: &str = "/dev/nvidia-caps/nvidia-cap";

/// Kinds that name all devices there are: nvidia-ctk's and the device plugin's.
/// That for management names no instance, and the driver for DRA writes a
/// specification for each claim.
const NAMES_ALL: &[&str] = &["nvidia.com/gpu", "k8s.device-plugin.nvidia.com/gpu"];

/// The minors of live instances, and all minors of capabilities.
struct Live {
    instances: BTreeSet<u32>,
    all: BTreeSet<u32>,
}

/// The specifications as facts, with what of their nodes is not there.
pub(super) fn compare(root: &HostRoot, specs: Vec<Spec>) -> Vec<Fact> {
    let live = if specs.is_empty() { None } else { read_live(root) };
    // The devices of one kind may be spread over files; the nodes for
    // management name no instance.
    let named: BTreeSet<u32> =
        specs.iter().flat_map(|spec| spec.nodes.iter().filter_map(|(node, _)| minor_of(node))).collect();
    let lacks = live.as_ref().map(|live| !live.instances.is_subset(&named));
    specs
        .into_iter()
        .map(|mut spec| {
            let source = Source::file(&spec.path);
            let absent = || Fact::absent(source.clone());
            let list = |is_listed: &dyn Fn(&str) -> bool| {
                let listed = spec.nodes.iter().filter(|(node, _)| is_listed(node));
                let nodes: BTreeSet<(&str, u32)> = listed.map(|(node, line)| (node.as_str(), *line)).collect();
                let facts = nodes.into_iter().map(|(node, line)| Fact::known(node, Source::line(&spec.path, line)));
                Fact::known(facts.collect::<Vec<_>>(), source.clone())
            };
            let stale =
                live.as_ref().map(|live| list(&|node| minor_of(node).is_some_and(|minor| !live.all.contains(&minor))));
            // Instances that are gone are told as such.
            let missing = root
                .is_live()
                .then(|| list(&|node| minor_of(node).is_none() && root.metadata(node) == Outcome::Absent));
            let lacks = lacks.filter(|_| NAMES_ALL.contains(&spec.kind.as_str()));
            spec.members.insert("stale_mig_nodes".to_owned(), stale.unwrap_or_else(absent));
            spec.members.insert("missing_nodes".to_owned(), missing.unwrap_or_else(absent));
            let lacks = lacks.map_or_else(absent, |lacks| Fact::known(lacks, Source::file(CAPABILITIES)));
            spec.members.insert("lacks_instances".to_owned(), lacks);
            Fact::known(spec.members, source)
        })
        .collect()
}

fn minor_of(node: &str) -> Option<u32> {
    node.strip_prefix(NODE)?.parse().ok()
}

/// None: the driver shows no capabilities, or not all could be read.
fn read_live(root: &HostRoot) -> Option<Live> {
    let mut live = Live { instances: BTreeSet::new(), all: BTreeSet::new() };
    // gpu0/mig/gi1/ci0/access
    for path in root.walk(CAPABILITIES, 5).found()? {
        let name = path.rsplit('/').next().unwrap_or_default();
        if !matches!(name, "access" | "config" | "monitor") {
            continue;
        }
        let text = root.read_text(&path).found()?;
        let minor = text.lines().find_map(|line| line.strip_prefix("DeviceFileMinor:")?.trim().parse().ok())?;
        live.all.insert(minor);
        if name == "access" && path.contains("/mig/gi") {
            live.instances.insert(minor);
        }
    }
    Some(live)
}
