//! CDI specifications of NVIDIA's devices, by which a runtime gives GPUs to
//! containers without NVIDIA's own handler.
//!
//! Sources: `*.yaml` and `*.json` of `/etc/cdi` and `/var/run/cdi`, the
//! folders of the Container Device Interface's specification. The names of
//! mounted libraries carry the version of the driver that they were made for.

use std::collections::BTreeMap;

use crate::fact::host::document::{Node, NodeValue, parse_json, parse_yaml};
use crate::fact::host::root::{HostRoot, Outcome};
use crate::fact::{Fact, Facts, Source};

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
        None => Fact::known(specs, source),
    };
    facts.set("gpu.cdi_specs", fact);
}

/// One specification; none where it is of another vendor.
fn read_spec(root: &HostRoot, path: &str) -> Outcome<Option<Fact>> {
    root.read_text(path).and_then(|text| {
        let parsed = if path.ends_with(".json") {
            parse_json(&text)
        } else {
            let empty = Node { line: 1, value: NodeValue::Null };
            parse_yaml(&text).map(|documents| documents.into_iter().next().unwrap_or(empty))
        };
        match parsed {
            Ok(document) => Outcome::Found(spec_fact(path, &document)),
            Err(error) => Outcome::Unreadable(format!("read {path}: {error}")),
        }
    })
}

fn spec_fact(path: &str, document: &Node) -> Option<Fact> {
    let kind = document.get("kind")?;
    let name =
        kind.text().filter(|kind| kind.split('/').next().is_some_and(|vendor| vendor.ends_with("nvidia.com")))?;
    let devices = document.get("devices").map(Node::list).unwrap_or_default();
    let mig = devices.iter().find(|device| device.get("name").and_then(Node::text).is_some_and(is_mig_name));
    let edits = document.get("containerEdits").into_iter();
    let edits = edits.chain(devices.iter().filter_map(|device| device.get("containerEdits")));
    let version = edits
        .flat_map(|edits| edits.get("mounts").map(Node::list).unwrap_or_default())
        .find_map(|mount| Some((version_of(mount.get("hostPath")?.text()?)?, mount.line)));
    let place = |line| Source::line(path, line);
    let version = match version {
        Some((version, line)) => Fact::known(version, place(line)),
        None => Fact::absent(Source::file(path)),
    };
    Some(Fact::known(
        BTreeMap::from([
            ("name".to_owned(), Fact::known(path, Source::file(path))),
            ("kind".to_owned(), Fact::known(name, place(kind.line))),
            ("has_mig".to_owned(), Fact::known(mig.is_some(), place(mig.map_or(kind.line, |device| device.line)))),
            ("driver_version".to_owned(), version),
        ]),
        Source::file(path),
    ))
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

    #[test]
    fn the_operators_kinds_are_nvidias_too_and_garbage_is_unreadable() {
        let operator = r#"{"kind": "k8s.device-plugin.nvidia.com/gpu", "devices": [{"name": "GPU-1"}]}"#;
        assert_eq!(specs(&[("var/run/cdi/k8s.json", operator)]).list().map(<[Fact]>::len), Some(1));
        assert!(matches!(specs(&[("etc/cdi/nvidia.yaml", "a: [")]), Fact::Unreadable { .. }));
        assert_eq!(specs(&[]).list().map(<[Fact]>::len), Some(0));
    }
}
