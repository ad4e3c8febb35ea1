//! How GPUs are offered to pods: NVIDIA's device plugin and what it registered.
//!
//! Sources: the plugin's process, its flags and its environment (the flags of
//! k8s-device-plugin's README, read by urfave/cli: the flag goes first), and the
//! kubelet's `kubelet_internal_checkpoint`, whose `RegisteredDevices` names the
//! healthy devices of each resource (pkg/kubelet/cm/devicemanager). The folder
//! is the same whatever the kubelet's root is: the plugin's interface fixes it.

use std::collections::{BTreeMap, BTreeSet};

use crate::fact::host::Host;
use crate::fact::host::absence::judged;
use crate::fact::host::document::{Node, NodeValue, parse_json};
use crate::fact::host::process::Process;
use crate::fact::host::root::{HostRoot, Outcome};
use crate::fact::{Fact, Facts, Source};

/// `DevicePluginPath` of the interface, k8s.io/kubelet/pkg/apis/deviceplugin.
const FOLDER: &str = "/var/lib/kubelet/device-plugins";

const CHECKPOINT: &str = "/var/lib/kubelet/device-plugins/kubelet_internal_checkpoint";

/// `GPU-` or `MIG-` and a UUID: what follows counts the copies of a GPU.
const ID_BYTES: usize = 40;

pub(super) fn set_facts(host: &Host, facts: &mut Facts) {
    let plugin = find_plugin(host);
    let source = Source::file("/proc");
    let running = match &plugin {
        Outcome::Found(process) => Fact::known(true, Source::file(process.command_line_path())),
        Outcome::Absent => Fact::known(false, source),
        Outcome::Unreadable(reason) => Fact::unreadable(source, reason.as_str()),
    };
    facts.set("gpu.device_plugin.running", running);
    facts.set("gpu.mig_strategy", setting(host, &plugin, "mig-strategy", "MIG_STRATEGY", "none"));
    let pass = setting(host, &plugin, "pass-device-specs", "PASS_DEVICE_SPECS", "false");
    facts.set("gpu.device_plugin.pass_device_specs", truth_of(pass));
    let ways = setting(host, &plugin, "device-list-strategy", "DEVICE_LIST_STRATEGY", "envvar");
    facts.set("gpu.device_plugin.device_list_strategies", list_of(ways));
    facts.set("gpu.device_plugin.sockets", read_sockets(&host.root));
    facts.set("gpu.device_plugin.resources", read_resources(&host.root));
}

fn find_plugin(host: &Host) -> Outcome<&Process> {
    match host.processes() {
        Outcome::Found(processes) => processes
            .iter()
            .find(|process| is_program(process, "nvidia-device-plugin"))
            .map_or(Outcome::Absent, Outcome::Found),
        Outcome::Absent => Outcome::Unreadable("read /proc: no processes were recorded".to_owned()),
        Outcome::Unreadable(reason) => Outcome::Unreadable(reason.clone()),
    }
}

/// Names of processes end after 15 bytes, so that an unreadable executable
/// leaves the beginning.
pub(super) fn is_program(process: &Process, name: &str) -> bool {
    process.program() == name || (process.executable.is_none() && name.get(..15) == Some(process.name.as_str()))
}

/// A setting of the plugin: its flag, else its environment, else the default.
/// Absent: no plugin runs.
fn setting(host: &Host, plugin: &Outcome<&Process>, flag: &str, variable: &str, default: &str) -> Fact {
    let plugin = match plugin {
        Outcome::Found(plugin) => plugin,
        Outcome::Absent => return Fact::absent(Source::file("/proc")),
        Outcome::Unreadable(reason) => return Fact::unreadable(Source::file("/proc"), reason.as_str()),
    };
    let command_line = Source::file(plugin.command_line_path());
    if let Some(value) = plugin.flag(flag) {
        // A flag of a truth may stand alone, before another flag.
        return Fact::known(if value.starts_with('-') { "true" } else { value }, command_line);
    }
    if plugin.arguments.iter().any(|argument| argument.trim_start_matches('-') == flag && argument.starts_with('-')) {
        return Fact::known("true", command_line);
    }
    let path = format!("/proc/{}/environ", plugin.pid);
    match host.root.read_kernel_text(&path) {
        Outcome::Found(text) => {
            let value =
                text.split('\0').find_map(|entry| entry.strip_prefix(variable).and_then(|rest| rest.strip_prefix('=')));
            match value {
                Some(value) => Fact::known(value, Source::file(path)),
                None if text.contains("CONFIG_FILE=") || plugin.flag("config-file").is_some() => Fact::unreadable(
                    command_line,
                    "read the device plugin's configuration: its file lies in its container",
                ),
                None => Fact::known(
                    default,
                    Source::default_of(format!("k8s-device-plugin: {flag} is {default} unless it is set")),
                ),
            }
        }
        Outcome::Absent => Fact::unreadable(Source::file(&path), format!("read {path}: not recorded")),
        Outcome::Unreadable(reason) => Fact::unreadable(Source::file(path), reason),
    }
}

/// A truth as Go's strconv.ParseBool reads it.
fn truth_of(setting: Fact) -> Fact {
    match setting.text() {
        Some(text) => {
            let truth = matches!(text, "1" | "t" | "T" | "TRUE" | "true" | "True");
            Fact::Known { value: truth.into(), source: setting.source().cloned() }
        }
        None => setting,
    }
}

fn list_of(setting: Fact) -> Fact {
    match (setting.text(), setting.source()) {
        (Some(text), Some(source)) => {
            let ways = text.split(',').map(str::trim).filter(|way| !way.is_empty());
            let list: Vec<Fact> = ways.map(|way| Fact::known(way, source.clone())).collect();
            Fact::known(list, source.clone())
        }
        _ => setting,
    }
}

/// Sockets of NVIDIA's in the kubelet's folder. A recorded tree has none.
fn read_sockets(root: &HostRoot) -> Fact {
    let source = Source::file(FOLDER);
    let names = match root.read_folder(FOLDER) {
        Outcome::Found(names) => names,
        Outcome::Absent => Vec::new(),
        Outcome::Unreadable(reason) => return Fact::unreadable(source, reason),
    };
    let is_nvidias = |name: &&String| name.starts_with("nvidia") && name.ends_with(".sock");
    let sockets: Vec<Fact> = names
        .iter()
        .filter(is_nvidias)
        .map(|name| Fact::known(name.as_str(), Source::file(format!("{FOLDER}/{name}"))))
        .collect();
    if sockets.is_empty() && !root.has_kernel_files() {
        return Fact::unreadable(source, format!("read {FOLDER}: sockets are not recorded"));
    }
    Fact::known(sockets, source)
}

/// What the kubelet was offered of NVIDIA's, by its checkpoint.
fn read_resources(root: &HostRoot) -> Fact {
    let source = Source::line(CHECKPOINT, 1);
    match judged(root, FOLDER, CHECKPOINT, root.read_text(CHECKPOINT)) {
        Outcome::Found(text) => match parse_json(&text) {
            Ok(document) => match resources_of(&document) {
                Some(resources) => Fact::known(resources, source),
                None => Fact::unreadable(source, format!("read {CHECKPOINT}: no Data in it")),
            },
            Err(error) => Fact::unreadable(source, format!("read {CHECKPOINT}: {error}")),
        },
        // It is written when the first plugin registers.
        Outcome::Absent => Fact::known(Vec::new(), Source::file(CHECKPOINT)),
        Outcome::Unreadable(reason) => Fact::unreadable(source, reason),
    }
}

fn resources_of(document: &Node) -> Option<Vec<Fact>> {
    let registered = match document.get("Data")?.get("RegisteredDevices").map(|node| &node.value) {
        Some(NodeValue::Map(members)) => members.as_slice(),
        _ => &[],
    };
    let mut resources: Vec<(&str, &Node)> = registered.iter().map(|(name, node)| (name.as_str(), node)).collect();
    resources.retain(|(name, _)| name.starts_with("nvidia.com/"));
    resources.sort_by_key(|(name, _)| *name);
    Some(resources.into_iter().map(|(name, node)| resource_fact(name, node)).collect())
}

fn resource_fact(name: &str, node: &Node) -> Fact {
    let source = Source::line(CHECKPOINT, node.line);
    let ids: Vec<&str> = node.list().iter().filter_map(Node::text).collect();
    let units: BTreeSet<&str> = ids.iter().map(|id| unit_of(id)).collect();
    let count = |count: usize| Fact::known(i64::try_from(count).unwrap_or(i64::MAX), source.clone());
    Fact::known(
        BTreeMap::from([
            ("name".to_owned(), Fact::known(name, source.clone())),
            ("devices".to_owned(), count(ids.len())),
            ("units".to_owned(), count(units.len())),
            ("is_shared".to_owned(), Fact::known(ids.iter().any(|id| unit_of(id) != *id), source.clone())),
        ]),
        source.clone(),
    )
}

/// The GPU or instance of a device's id: time-slicing and MPS append `::3` for
/// each copy, `HAMi` appends `-3`.
fn unit_of(id: &str) -> &str {
    if let Some((unit, _)) = id.split_once("::") {
        return unit;
    }
    match id.get(..ID_BYTES) {
        Some(unit) if id.starts_with("GPU-") && id.get(ID_BYTES..).is_some_and(|rest| rest.starts_with('-')) => unit,
        _ => id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "GPU-4c1b9f0e-7d1c-4d0a-9d55-3f1d2a6b7c8d";

    fn resources(text: &str) -> Vec<(String, i64, i64, bool)> {
        let list = resources_of(&parse_json(text).unwrap()).unwrap();
        let int = |fact: &Fact, name: &str| fact.member(name).and_then(Fact::int).unwrap();
        list.iter()
            .map(|fact| {
                let name = fact.member("name").and_then(Fact::text).unwrap().to_owned();
                let is_shared = fact.member("is_shared").and_then(Fact::bool).unwrap();
                (name, int(fact, "devices"), int(fact, "units"), is_shared)
            })
            .collect()
    }

    #[test]
    fn the_checkpoint_tells_what_the_kubelet_was_offered() {
        let text = format!(
            r#"{{"Data":{{"PodDeviceEntries":null,"RegisteredDevices":{{"nvidia.com/mig-1g.10gb":["MIG-1","MIG-2"],"nvidia.com/gpu":["{ID}"],"intel.com/sriov":["0000:01:00.0"]}}}},"Checksum":1}}"#
        );
        let expected = [("nvidia.com/gpu".to_owned(), 1, 1, false), ("nvidia.com/mig-1g.10gb".to_owned(), 2, 2, false)];
        assert_eq!(resources(&text), expected);
    }

    #[test]
    fn copies_of_a_gpu_are_one_gpu() {
        let sliced = format!(r#"{{"Data":{{"RegisteredDevices":{{"nvidia.com/gpu":["{ID}::0","{ID}::1"]}}}}}}"#);
        assert_eq!(resources(&sliced), [("nvidia.com/gpu".to_owned(), 2, 1, true)]);
        let hami = format!(r#"{{"Data":{{"RegisteredDevices":{{"nvidia.com/gpu":["{ID}-0","{ID}-1"]}}}}}}"#);
        assert_eq!(resources(&hami), [("nvidia.com/gpu".to_owned(), 2, 1, true)]);
    }

    #[test]
    fn after_a_restart_without_the_plugin_a_resource_lingers_with_nothing_in_it() {
        let text = r#"{"Data":{"PodDeviceEntries":null,"RegisteredDevices":{"nvidia.com/gpu":[]}},"Checksum":1}"#;
        assert_eq!(resources(text), [("nvidia.com/gpu".to_owned(), 0, 0, false)]);
        assert_eq!(resources(r#"{"Data":{"RegisteredDevices":null}}"#), []);
        assert!(resources_of(&parse_json("[]").unwrap()).is_none());
    }
}
