//! The migrations that containerd 2 does when it reads an older file: short
//! plugin names become long ones, and the one CRI section of versions 1 and 2
//! is split into runtime, images and server.
//!
//! In: plugins' sections. Out: the same, migrated, and what was lost on the
//! way. Truth: `v1MigratePluginName` in `cmd/containerd/server/config`, and
//! `configMigration` in `plugins/cri/{runtime,images}/plugin.go` and
//! `plugins/cri/cri.go` of containerd 2.0 to 2.4.

use std::collections::BTreeMap;

use super::merge::Remark;
use super::property::{Property, Setting};

/// The CRI plugin of versions 1 and 2, and the CRI server of 3 and 4.
pub(super) const CRI: &str = "io.containerd.grpc.v1.cri";
/// The CRI runtime service of versions 3 and 4.
pub(super) const CRI_RUNTIME: &str = "io.containerd.cri.v1.runtime";
/// The CRI image service of versions 3 and 4.
pub(super) const CRI_IMAGES: &str = "io.containerd.cri.v1.images";

/// Short names of version 1 and what they stand for.
const SHORT_NAMES: &[(&str, &str)] = &[
    ("cri", CRI),
    ("cgroups", "io.containerd.monitor.v1.cgroups"),
    ("linux", "io.containerd.runtime.v1.linux"),
    ("scheduler", "io.containerd.gc.v1.scheduler"),
    ("bolt", "io.containerd.metadata.v1.bolt"),
    ("task", "io.containerd.runtime.v2.task"),
    ("opt", "io.containerd.internal.v1.opt"),
    ("restart", "io.containerd.internal.v1.restart"),
    ("tracing", "io.containerd.internal.v1.tracing"),
    ("otlp", "io.containerd.tracing.processor.v1.otlp"),
    ("aufs", "io.containerd.snapshotter.v1.aufs"),
    ("btrfs", "io.containerd.snapshotter.v1.btrfs"),
    ("devmapper", "io.containerd.snapshotter.v1.devmapper"),
    ("native", "io.containerd.snapshotter.v1.native"),
    ("overlayfs", "io.containerd.snapshotter.v1.overlayfs"),
    ("zfs", "io.containerd.snapshotter.v1.zfs"),
];

/// Properties that stay in the server's section.
const SERVER: &[&str] = &[
    "disable_tcp_service",
    "stream_server_address",
    "stream_server_port",
    "stream_idle_timeout",
    "enable_tls_streaming",
    "x509_key_pair_streaming",
];

/// Properties that move to the image service, whose own values they replace.
const IMAGES: &[&str] = &[
    "registry",
    "image_decryption",
    "max_concurrent_downloads",
    "image_pull_progress_timeout",
    "image_pull_with_sync_fs",
    "stats_collect_period",
];

/// Properties of the `containerd` table that move to the image service.
const SNAPSHOTS: &[&str] = &["snapshotter", "disable_snapshot_annotations", "discard_unpacked_layers"];

/// The long name that a version 1 name stands for.
pub(super) fn full_name(name: &str) -> String {
    if name.contains('.') {
        return name.to_owned();
    }
    if let Some((_, full)) = SHORT_NAMES.iter().find(|(short, _)| *short == name) {
        return (*full).to_owned();
    }
    let kind = match name {
        name if name.ends_with("-service") => "service",
        "windows" | "windows-lcow" => "snapshotter",
        _ => "grpc",
    };
    format!("io.containerd.{kind}.v1.{name}")
}

/// Splits the old CRI section; what the new sections already say stays, and
/// the old value of it is remarked as lost. A section that is not a table
/// stops the daemon's decoding and is left alone.
pub(super) fn migrate_cri(plugins: &mut BTreeMap<String, Property>, ignored: &mut Vec<Remark>) {
    let Some(old) = plugins.get(CRI).filter(|old| old.members().is_some()).cloned() else { return };
    let mut runtime = plugins.get(CRI_RUNTIME).cloned().unwrap_or_else(|| Property::table_at(&old));
    let mut images = plugins.get(CRI_IMAGES).cloned().unwrap_or_else(|| Property::table_at(&old));
    move_to_images(&mut images, &old, ignored);
    move_to_runtime(&mut runtime, &old, ignored);
    plugins.insert(CRI_RUNTIME.to_owned(), runtime);
    plugins.insert(CRI_IMAGES.to_owned(), images);
    let mut server = old;
    if let Some(members) = server.members_mut() {
        members.retain(|name, _| SERVER.contains(&name.as_str()));
    }
    plugins.insert(CRI.to_owned(), server);
}

/// What of the `containerd` table belongs to the image service goes there only
/// if the table has `runtimes`; else it is lost.
fn move_to_images(images: &mut Property, old: &Property, ignored: &mut Vec<Remark>) {
    let Some(into) = images.members_mut() else { return };
    if let Some(sandbox) = old.get("sandbox_image") {
        let pinned = into.entry("pinned_images".to_owned()).or_insert_with(|| Property::table_at(sandbox));
        if let Some(pinned) = pinned.members_mut() {
            pinned.insert("sandbox".to_owned(), sandbox.clone());
        }
    }
    for name in IMAGES {
        if let Some(property) = old.get(name) {
            into.insert((*name).to_owned(), property.clone());
        }
    }
    let has_runtimes = old.at(&["containerd", "runtimes"]).is_some();
    for name in SNAPSHOTS {
        let Some(property) = old.at(&["containerd", name]) else { continue };
        if has_runtimes {
            into.insert((*name).to_owned(), property.clone());
        } else if *name == "snapshotter" && property.is_set() && property.text() != Some("overlayfs") {
            ignored.push(Remark {
                property: format!("plugins.\"{CRI}\".containerd.{name}"),
                problem: "it is taken over only beside `runtimes`".to_owned(),
                place: property.clone(),
            });
        }
    }
}

fn move_to_runtime(runtime: &mut Property, old: &Property, ignored: &mut Vec<Remark>) {
    let (Some(into), Some(members)) = (runtime.members_mut(), old.members()) else { return };
    for (name, property) in members {
        let name = name.as_str();
        if matches!(name, "cni" | "containerd" | "sandbox_image") || IMAGES.contains(&name) || SERVER.contains(&name) {
            continue;
        }
        move_unless_there(into, "", name, property, ignored);
    }
    if let Some(cni) = old.get("cni") {
        let table = into.entry("cni".to_owned()).or_insert_with(|| Property::table_at(cni));
        move_cni(table, cni, ignored);
    }
    if let Some(containerd) = old.get("containerd").filter(|table| table.members().is_some()) {
        let table = into.entry("containerd".to_owned()).or_insert_with(|| Property::table_at(containerd));
        for (name, property) in containerd.members().into_iter().flatten() {
            if let Some(into) = table.members_mut()
                && !SNAPSHOTS.contains(&name.as_str())
            {
                move_unless_there(into, "containerd.", name, property, ignored);
            }
        }
    }
}

/// `bin_dir` becomes the only element of `bin_dirs`, unless that is set.
fn move_cni(table: &mut Property, cni: &Property, ignored: &mut Vec<Remark>) {
    let Some(into) = table.members_mut() else { return };
    for (name, property) in cni.members().into_iter().flatten() {
        if name == "bin_dir" {
            if into.get("bin_dirs").is_none_or(|dirs| dirs.elements().is_empty()) {
                let mut dirs = property.clone();
                dirs.setting = Setting::List(vec![property.clone()]);
                into.insert("bin_dirs".to_owned(), dirs);
            }
        } else {
            move_unless_there(into, "cni.", name, property, ignored);
        }
    }
}

fn move_unless_there(
    into: &mut BTreeMap<String, Property>,
    table: &str,
    name: &str,
    property: &Property,
    ignored: &mut Vec<Remark>,
) {
    match into.get(name) {
        None => {
            into.insert(name.to_owned(), property.clone());
        }
        Some(present) if present.is_same(property) || !property.is_set() => {}
        Some(_) => ignored.push(Remark {
            property: format!("plugins.\"{CRI}\".{table}{name}"),
            problem: format!("plugins.\"{CRI_RUNTIME}\".{table}{name} is there too and wins as a whole"),
            place: property.clone(),
        }),
    }
}

/// Remarks what is left in the old CRI section that the server does not read:
/// in a file of version 3 (up to containerd 2.2) or 4, or one that was lifted
/// there without migration.
pub(super) fn find_left_behind(plugins: &BTreeMap<String, Property>, version: i64, ignored: &mut Vec<Remark>) {
    for (name, property) in plugins.get(CRI).and_then(Property::members).into_iter().flatten() {
        if !SERVER.contains(&name.as_str()) && property.is_set() {
            let new = if is_of_images(name) { CRI_IMAGES } else { CRI_RUNTIME };
            ignored.push(Remark {
                property: format!("plugins.\"{CRI}\".{name}"),
                problem: format!("read as version {version}, where it belongs to plugins.\"{new}\""),
                place: property.clone(),
            });
        }
    }
}

fn is_of_images(name: &str) -> bool {
    name == "sandbox_image" || IMAGES.contains(&name)
}
