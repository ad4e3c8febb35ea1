//! CDI specifications of NVIDIA's devices, by which a runtime gives GPUs to
//! containers without NVIDIA's own handler.
//!
//! Sources: `*.yaml` and `*.json` of `/etc/cdi` and `/var/run/cdi`, the
//! folders of the Container Device Interface's specification. The names of
//! mounted libraries carry the version of the driver that they were made for.

mod node;

use std::collections::BTreeMap;

use crate::fact::host::document::{Node, NodeValue, parse_json, parse_yaml};
use crate::fact::host::root::{HostRoot, Outcome};
use crate::fact::{Fact, Facts, Source};

/// One specification of NVIDIA's.
struct Spec {
    path: String,
    kind: String,
    /// The device nodes that it gives to containers, and their lines.
    nodes: Vec<(String, u32)>,
    members: BTreeMap<String, Fact>,
}

const FOLDERS: &[&str] = &["/etc/cdi", "/var/run/cdi"];

/// Sets the list of specifications.
pub(super) fn set_facts(root: &HostRoot, facts: &mut Facts) {
    let mut specs = Vec::new();
    let mut problem = None;
    for folder in FOLDERS {
        let names = match root.read_folder(folder) {
            Outcome::Found(names) => names,
            Outcome::Absent => continue,
            Outcome::Unreadable(reason) => {
                problem = Some(reason);
                continue;
            }
        };
        for name in names.iter().filter(|name| name.ends_with(".yaml") || name.ends_with(".json")) {
            let path = format!("{folder}/{name}");
            match read_spec(root, &path) {
                Outcome::Found(Some(spec)) => specs.push(spec),
                Outcome::Found(None) | Outcome::Absent => {}
                Outcome::Unreadable(reason) => problem = Some(reason),
            }
        }
    }
    let source = Source::file("/var/run/cdi");
    let fact = match problem {
        Some(reason) => Fact::unreadable(source, reason),
        None => Fact::known(node::compare(root, specs), source),
    };
    facts.set("gpu.cdi_specs", fact);
}

/// One specification; none where it is of another vendor.
fn read_spec(root: &HostRoot, path: &str) -> Outcome<Option<Spec>> {
    root.read_text(path).and_then(|text| {
        let parsed = if path.ends_with(".json") {
            parse_json(&text)
        } else {
            let empty = Node { line: 1, value: NodeValue::Null };
            parse_yaml(&text).map(|documents| documents.into_iter().next().unwrap_or(empty))
        };
        match parsed {
            Ok(document) => Outcome::Found(parse_spec(path, &document)),
            Err(error) => Outcome::Unreadable(format!("read {path}: {error}")),
        }
    })
}

fn parse_spec(path: &str, document: &Node) -> Option<Spec> {
    let kind = document.get("kind")?;
    let name =
        kind.text().filter(|kind| kind.split('/').next().is_some_and(|vendor| vendor.ends_with("nvidia.com")))?;
    let devices = document.get("devices").map(Node::list).unwrap_or_default();
    let mig = devices.iter().find(|device| device.get("name").and_then(Node::text).is_some_and(is_mig_name));
    let edits = document.get("containerEdits").into_iter();
    let edits: Vec<&Node> = edits.chain(devices.iter().filter_map(|device| device.get("containerEdits"))).collect();
    let version = edits
        .iter()
        .flat_map(|edits| edits.get("mounts").map(Node::list).unwrap_or_default())
        .find_map(|mount| Some((version_of(mount.get("hostPath")?.text()?)?, mount.line)));
    let place = |line| Source::line(path, line);
    let version = match version {
        Some((version, line)) => Fact::known(version, place(line)),
        None => Fact::absent(Source::file(path)),
    };
    let nodes = edits.iter().flat_map(|edits| edits.get("deviceNodes").map(Node::list).unwrap_or_default());
    let nodes = nodes.filter_map(|node| {
        // Where it lies on the host, if not where it will lie in the container.
        let place = node.get("hostPath").or_else(|| node.get("path"))?;
        Some((place.text()?.to_owned(), place.line))
    });
    Some(Spec {
        path: path.to_owned(),
        kind: name.to_owned(),
        nodes: nodes.collect(),
        members: BTreeMap::from([
            ("name".to_owned(), Fact::known(path, Source::file(path))),
            ("kind".to_owned(), Fact::known(name, place(kind.line))),
            ("has_mig".to_owned(), Fact::known(mig.is_some(), place(mig.map_or(kind.line, |device| device.line)))),
            ("driver_version".to_owned(), version),
        ]),
    })
}

/// MIG devices are named by GPU and instance (`0:1`), or by UUID.
fn is_mig_name(name: &str) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    name.starts_with("MIG-") || name.split_once(':').is_some_and(|(gpu, mig)| is_number(gpu) && is_number(mig))
}

/// The version that a library's name ends with, such as `libcuda.so.580.95.05`.
fn version_of(path: &str) -> Option<String> {
    let name = path.rsplit('/').next()?;
    let (library, version) = name.split_once(".so.")?;
    let is_drivers = library == "libcuda" || library == "libnvidia-ml";
    (is_drivers && super::driver::is_version(version)).then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: &str = "cdiVersion: 0.5.0\nkind: nvidia.com/gpu\ndevices:\n- name: \"0:0\"\n  containerEdits:\n    deviceNodes:\n    - path: /dev/nvidia-caps/nvidia-cap66\ncontainerEdits:\n  mounts:\n  - hostPath: /usr/bin/nvidia-smi\n  - hostPath: /usr/lib/x86_64-linux-gnu/libcuda.so.580.95.05\n    containerPath: /usr/lib/x86_64-linux-gnu/libcuda.so.580.95.05\n";

    fn specs(files: &[(&str, &str)]) -> Fact {
        let tree = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = tree.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let mut facts = Facts::default();
        set_facts(&HostRoot::open(tree.path()).unwrap(), &mut facts);
        facts.get("gpu.cdi_specs").unwrap().clone()
    }

    #[test]
    fn a_specification_tells_its_kind_its_driver_and_whether_it_has_mig() {
        let fact = specs(&[("var/run/cdi/nvidia.yaml", SPEC), ("etc/cdi/other.json", r#"{"kind": "vendor.com/nic"}"#)]);
        let [spec] = fact.list().unwrap() else { panic!("one of NVIDIA's") };
        assert_eq!(spec.member("kind").and_then(Fact::text), Some("nvidia.com/gpu"));
        assert_eq!(spec.member("has_mig").and_then(Fact::bool), Some(true));
        let version = spec.member("driver_version").unwrap();
        assert_eq!(version, &Fact::known("580.95.05", Source::line("/var/run/cdi/nvidia.yaml", 11)));
    }

    /// A GPU with the instance of minors 66 and 67.
    const LIVE: &[(&str, &str)] = &[
        ("proc/driver/nvidia/capabilities/mig/config", "DeviceFileMinor: 1\nDeviceFileMode: 256\n"),
        ("proc/driver/nvidia/capabilities/gpu0/mig/gi7/access", "DeviceFileMinor: 66\n"),
        ("proc/driver/nvidia/capabilities/gpu0/mig/gi7/ci0/access", "DeviceFileMinor: 67\n"),
    ];

    fn compared(minors: &[u32], kind: &str) -> Fact {
        let nodes: Vec<String> =
            minors.iter().map(|minor| format!(r#"{{"path": "/dev/nvidia-caps/nvidia-cap{minor}"}}"#)).collect();
        let devices = nodes.join(",");
        let text = format!(
            r#"{{"kind": "{kind}", "devices": [{{"name": "0:0", "containerEdits": {{"deviceNodes": [{devices}]}}}}]}}"#
        );
        let files: Vec<(&str, &str)> =
            LIVE.iter().copied().chain([("var/run/cdi/nvidia.json", text.as_str())]).collect();
        specs(&files).list().unwrap()[0].clone()
    }

    #[test]
    fn instances_that_are_gone_and_instances_that_are_new_are_told_by_their_minors() {
        let same = compared(&[66, 67], "nvidia.com/gpu");
        assert_eq!(same.member("stale_mig_nodes").and_then(Fact::list), Some([].as_slice()));
        assert_eq!(same.member("lacks_instances").and_then(Fact::bool), Some(false));
        let other = compared(&[75, 76], "nvidia.com/gpu");
        assert_eq!(other.member("stale_mig_nodes").and_then(Fact::list).map(<[Fact]>::len), Some(2));
        assert_eq!(other.member("lacks_instances").and_then(Fact::bool), Some(true));
    }

    #[test]
    fn what_is_for_management_names_no_instance_and_what_was_not_recorded_is_not_missing() {
        let management = compared(&[1], "management.nvidia.com/gpu");
        assert_eq!(management.member("stale_mig_nodes").and_then(Fact::list), Some([].as_slice()));
        assert!(matches!(management.member("lacks_instances"), Some(Fact::Absent { .. })));
        assert!(matches!(management.member("missing_nodes"), Some(Fact::Absent { .. })), "a tree has no nodes");
        let alone = specs(&[("var/run/cdi/nvidia.yaml", SPEC)]);
        assert!(matches!(alone.list().unwrap()[0].member("stale_mig_nodes"), Some(Fact::Absent { .. })));
    }

    #[test]
    fn the_operators_kinds_are_nvidias_too_and_garbage_is_unreadable() {
        let operator = r#"{"kind": "k8s.device-plugin.nvidia.com/gpu", "devices": [{"name": "GPU-1"}]}"#;
        assert_eq!(specs(&[("var/run/cdi/k8s.json", operator)]).list().map(<[Fact]>::len), Some(1));
        assert!(matches!(specs(&[("etc/cdi/nvidia.yaml", "a: [")]), Fact::Unreadable { .. }));
        assert_eq!(specs(&[]).list().map(<[Fact]>::len), Some(0));
    }
}
