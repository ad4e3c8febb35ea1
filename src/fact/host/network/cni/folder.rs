//! The folders of the CNI: where the runtime looks, and what lies there.

use super::config::{Config, parse_config};
use crate::fact::host::root::{HostRoot, Outcome};
use crate::fact::{Fact, Facts, Source};

/// What go-cni and ocicni look for in the folder.
const SUFFIXES: &[&str] = &[".conf", ".conflist", ".json"];

/// A file of the folder.
pub(super) struct ConfigFile {
    /// Its path.
    pub(super) path: String,
    /// Its name in the folder.
    pub(super) name: String,
    /// The configuration, or why a runtime refuses it.
    pub(super) parsed: Result<Config, String>,
}

/// The runtime's folder of configurations; k3s and `MicroK8s` have their own.
pub(super) fn conf_dir(earlier: &Facts) -> Fact {
    for path in ["runtime.cni_conf_dir", "kubelet.cni_conf_dir"] {
        if let Some(known @ Fact::Known { .. }) = earlier.get(path) {
            return known.clone();
        }
    }
    let (folder, documented) = match distribution(earlier) {
        Some("k3s") => ("/var/lib/rancher/k3s/agent/etc/cni/net.d", "k3s, pkg/agent/config"),
        Some("microk8s") => ("/var/snap/microk8s/current/args/cni-network", "MicroK8s, containerd-template.toml"),
        _ => ("/etc/cni/net.d", "containerd, docs/cri/config.md, and crio.conf(5)"),
    };
    Fact::known(folder, Source::default_of(documented))
}

pub(super) fn bin_dirs(earlier: &Facts) -> Fact {
    if let Some(known @ Fact::Known { .. }) = earlier.get("runtime.cni_bin_dirs") {
        return known.clone();
    }
    if let Some(Fact::Known { source: Some(source), .. }) = earlier.get("kubelet.cni_bin_dir") {
        let folders = earlier.text("kubelet.cni_bin_dir").unwrap_or_default().split(',');
        return Fact::known(folders.map(|f| Fact::known(f, source.clone())).collect::<Vec<_>>(), source.clone());
    }
    let (folders, documented): (&[&str], &str) = match distribution(earlier) {
        Some("k3s") => {
            (&["/var/lib/rancher/k3s/data/cni", "/var/lib/rancher/k3s/data/current/bin"], "k3s, pkg/agent/config")
        }
        Some("microk8s") => (&["/var/snap/microk8s/current/opt/cni/bin"], "MicroK8s, containerd-template.toml"),
        _ => (&["/opt/cni/bin"], "containerd, docs/cri/config.md, and crio.conf(5)"),
    };
    let source = Source::default_of(documented);
    Fact::known(folders.iter().map(|folder| Fact::known(*folder, source.clone())).collect::<Vec<_>>(), source)
}

fn distribution(earlier: &Facts) -> Option<&str> {
    earlier.text("k3s.distribution").or_else(|| earlier.text("kubelet.distribution"))
}

/// Reads the configurations in the order in which a runtime tries them.
///
/// In a recorded tree a missing folder tells something only where the folder
/// above it, which nothing else uses, was recorded.
pub(super) fn read_configs(root: &HostRoot, folder: &str) -> Outcome<Vec<ConfigFile>> {
    let names = match root.read_folder(folder) {
        Outcome::Found(names) => names,
        Outcome::Absent => {
            let above = folder.trim_end_matches('/').rsplit_once('/').map_or("/", |(above, _)| above);
            if root.has_kernel_files() || root.metadata(above).is_found() {
                return Outcome::Absent;
            }
            return Outcome::Unreadable(format!("list {folder}: not recorded"));
        }
        Outcome::Unreadable(reason) => return Outcome::Unreadable(reason),
    };
    let is_config = |name: &String| SUFFIXES.iter().any(|suffix| name.ends_with(suffix));
    let files = names.into_iter().filter(is_config).map(|name| {
        let path = format!("{folder}/{name}");
        let parsed = match root.read_text(&path) {
            Outcome::Found(text) => parse_config(&text, name.ends_with(".conflist")),
            Outcome::Absent => Err("it is a link to nothing".to_owned()),
            Outcome::Unreadable(reason) => Err(reason),
        };
        ConfigFile { path, name, parsed }
    });
    Outcome::Found(files.collect())
}
