//! What makes the CRI plugin fail to load, though it is not disabled.
//!
//! In: effective settings and the release. Out: faults with their places.
//! Truth: `ValidatePluginConfig` (1.x), `ValidateRuntimeConfig` and
//! `ValidateImageConfig` (2.x). Whatever the fault, clients see
//! `unknown service runtime.v1.RuntimeService`.

use super::effective::Effective;
use super::merge::Remark;
use super::property::Property;
use super::release::{Merging, Release};

/// The shim that removed 1.x settings are for.
const RUNTIME_V1: &str = "io.containerd.runtime.v1.linux";

/// Everything but registries that keeps the plugin from loading.
pub(super) fn find_load_faults(effective: &Effective, release: Release) -> Vec<Remark> {
    let mut faults = Vec::new();
    find_default_faults(effective, &mut faults);
    if release.merging() == Merging::ReplaceSections {
        find_old_faults(effective, &mut faults);
    } else {
        find_cni_faults(effective, release, &mut faults);
    }
    faults
}

fn find_default_faults(effective: &Effective, faults: &mut Vec<Remark>) {
    let (name, place) = &effective.default_handler;
    if effective.handlers.contains_key(name) {
        return;
    }
    let place = place.as_ref().or_else(|| effective.runtime.as_ref()?.at(&["containerd", "runtimes"]));
    let Some(place) = place.or(effective.runtime.as_ref()) else { return };
    let problem = if name.is_empty() {
        "`default_runtime_name` is empty".to_owned()
    } else {
        format!("no handler `{name}` is configured, and it is the default one")
    };
    faults.push(Remark { property: "containerd.default_runtime_name".to_owned(), problem, place: place.clone() });
}

/// Registry tables beside `config_path`, which keep the plugin from loading.
pub(super) fn find_registry_faults(effective: &Effective, release: Release) -> Vec<Remark> {
    let mut faults = Vec::new();
    let Some(registry) = effective.images.as_ref().and_then(|section| section.get("registry")) else { return faults };
    let Some(path) = registry.get("config_path").filter(|path| path.is_set()) else { return faults };
    let mirrors = registry.get("mirrors").filter(|mirrors| mirrors.members().is_some_and(|hosts| !hosts.is_empty()));
    if let Some(mirrors) = mirrors {
        faults.push(Remark {
            property: "registry.mirrors".to_owned(),
            problem: format!("`mirrors` cannot be set when `config_path` is provided ({}:{})", path.file, path.line),
            place: mirrors.clone(),
        });
    }
    if release.merging() != Merging::ReplaceSections {
        return faults;
    }
    let hosts = registry.get("configs").and_then(Property::members).into_iter().flatten();
    for (_, host) in hosts {
        if let Some(tls) = host.get("tls") {
            faults.push(Remark {
                property: "registry.configs.tls".to_owned(),
                problem: format!(
                    "`configs.tls` cannot be set when `config_path` is provided ({}:{})",
                    path.file, path.line
                ),
                place: tls.clone(),
            });
        }
    }
    faults
}

/// Settings of 1.x that only the old shim took.
fn find_old_faults(effective: &Effective, faults: &mut Vec<Remark>) {
    let default_is_v1 = effective.default_runtime().is_some_and(|handler| handler.shim == RUNTIME_V1);
    let section = effective.runtime.as_ref();
    for (path, name) in [(&["systemd_cgroup"][..], "systemd_cgroup"), (&["containerd", "no_pivot"][..], "no_pivot")] {
        let set = section.and_then(|section| section.at(path)).filter(|place| place.bool() == Some(true));
        if let Some(place) = set.filter(|_| !default_is_v1) {
            faults.push(Remark {
                property: name.to_owned(),
                problem: format!("`{name}` only works for runtime {RUNTIME_V1}"),
                place: place.clone(),
            });
        }
    }
    for handler in effective.handlers.values().filter(|handler| handler.shim != RUNTIME_V1) {
        for name in ["runtime_engine", "runtime_root"] {
            if let Some(place) = handler.get(name).filter(|place| place.is_set()) {
                faults.push(Remark {
                    property: format!("containerd.runtimes.{}.{name}", handler.name),
                    problem: format!("`{name}` only works for runtime {RUNTIME_V1}"),
                    place: place.clone(),
                });
            }
        }
    }
}

/// Since 2.1 `bin_dir` gives way to `bin_dirs`; both together stop the plugin.
fn find_cni_faults(effective: &Effective, release: Release, faults: &mut Vec<Remark>) {
    let Some(cni) = effective.runtime.as_ref().and_then(|section| section.get("cni")) else { return };
    let (Some(dir), Some(dirs)) = (cni.get("bin_dir"), cni.get("bin_dirs")) else { return };
    let is_default = matches!(dirs.elements(), [only] if only.text() == Some("/opt/cni/bin"));
    if release >= Release(2, 1, 0) && dir.is_set() && dirs.is_set() && !is_default {
        faults.push(Remark {
            property: "cni.bin_dir".to_owned(),
            problem: "`cni.bin_dir` and `cni.bin_dirs` cannot be set at the same time".to_owned(),
            place: dir.clone(),
        });
    }
}
