//! Properties that some version of containerd no longer has.
//!
//! In: the files as they are written. Out: each use of such a property, with
//! the first version without it. A default that `containerd config default`
//! wrote (`systemd_cgroup = false`, an empty table) is no use. Truth: the
//! table "Deprecated config properties" of containerd's RELEASES.md, and the
//! structs in `pkg/cri/config` of the tags: what is missing there is passed
//! over in silence.

use super::merge::ConfigFile;
use super::migrate::{CRI, CRI_IMAGES, CRI_RUNTIME};
use super::property::Property;

/// A property that is gone in some version.
#[derive(Clone, Debug)]
pub(super) struct Removed {
    /// Its path beneath the plugin's section.
    pub(super) property: String,
    /// First version without it, `2.0`.
    pub(super) since: &'static str,
    /// What takes its place.
    pub(super) replacement: &'static str,
    /// Where it stands.
    pub(super) place: Property,
}

/// Path beneath the CRI section (`*` is any name), the version, the
/// replacement.
const PROPERTIES: &[(&[&str], &str, &str)] = &[
    (&["systemd_cgroup"], "2.0", "`SystemdCgroup = true` in the options of each runc handler"),
    (&["disable_cgroup"], "2.0", "nothing; cgroups are always used"),
    (&["containerd", "no_pivot"], "2.0", "nothing"),
    (&["containerd", "untrusted_workload_runtime", "runtime_type"], "2.0", "a handler named `untrusted` in `runtimes`"),
    (&["containerd", "default_runtime", "runtime_type"], "2.0", "`default_runtime_name` and a handler in `runtimes`"),
    (&["containerd", "runtimes", "*", "runtime_engine"], "2.0", "`BinaryName` in the handler's options"),
    (&["containerd", "runtimes", "*", "runtime_root"], "2.0", "`Root` in the handler's options"),
    (&["containerd", "runtimes", "*", "options", "CriuPath"], "2.0", "a criu binary in the daemon's PATH"),
    (&["registry", "configs", "*", "tls"], "2.0", "`config_path` and `hosts.toml` files"),
    (&["registry", "mirrors"], "2.4", "`config_path` and `hosts.toml` files"),
    (&["registry", "configs", "*", "auth"], "2.4", "image pull secrets"),
    (&["registry", "auths"], "2.4", "image pull secrets"),
];

/// Values that name something that is gone: path, value, version, replacement.
const VALUES: &[(&[&str], &str, &str, &str)] = &[
    (
        &["containerd", "runtimes", "*", "runtime_type"],
        "io.containerd.runtime.v1.linux",
        "2.0",
        "`io.containerd.runc.v2`",
    ),
    (&["containerd", "runtimes", "*", "runtime_type"], "io.containerd.runc.v1", "2.0", "`io.containerd.runc.v2`"),
    (&["containerd", "snapshotter"], "aufs", "2.0", "`overlayfs`"),
    (&["snapshotter"], "aufs", "2.0", "`overlayfs`"),
];

/// Finds every use in the files.
pub(super) fn find_removed(files: &[ConfigFile]) -> Vec<Removed> {
    let mut found = Vec::new();
    for file in files {
        for section in ["cri", CRI, CRI_RUNTIME, CRI_IMAGES] {
            let Some(section) = file.document.at(&["plugins", section]) else { continue };
            find_in_section(section, &mut found);
        }
        // The new section's old name is migrated from older files, but not from its own.
        if let Some(place) =
            file.document.at(&["plugins", CRI_RUNTIME, "cni", "bin_dir"]).filter(|place| place.is_set())
        {
            found.push(Removed {
                property: "cni.bin_dir".to_owned(),
                since: "2.4",
                replacement: "`bin_dirs`",
                place: place.clone(),
            });
        }
    }
    found
}

fn find_in_section(section: &Property, found: &mut Vec<Removed>) {
    for (path, removed_in, replacement) in PROPERTIES {
        for (property, place) in find_at(section, path) {
            // An empty table of TLS settings is one too: it stops 1.x and is lost in 2.x.
            if place.is_set() || path.ends_with(&["tls"]) {
                found.push(Removed { property, since: removed_in, replacement, place: place.clone() });
            }
        }
    }
    for (path, value, removed_in, replacement) in VALUES {
        for (property, place) in find_at(section, path) {
            if place.text() == Some(value) {
                let property = format!("{property} = \"{value}\"");
                found.push(Removed { property, since: removed_in, replacement, place: place.clone() });
            }
        }
    }
}

/// Every property at a path in which `*` stands for any name.
fn find_at<'a>(section: &'a Property, path: &[&str]) -> Vec<(String, &'a Property)> {
    let mut found = vec![(String::new(), section)];
    for step in path {
        found = found
            .into_iter()
            .flat_map(|(prefix, property)| {
                let members = property.members().into_iter().flatten();
                members
                    .filter(|(name, _)| *step == "*" || name.as_str() == *step)
                    .map(|(name, member)| (join(&prefix, name), member))
                    .collect::<Vec<_>>()
            })
            .collect();
    }
    found
}

fn join(prefix: &str, name: &str) -> String {
    let name = if name.contains('.') { format!("\"{name}\"") } else { name.to_owned() };
    if prefix.is_empty() { name } else { format!("{prefix}.{name}") }
}
