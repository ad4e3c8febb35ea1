//! Merging containerd's files into the one configuration that a release
//! works with.
//!
//! In: the main file and its imports in the order of reading, and the
//! release. Out: the plugins' sections, the disabled plugins, and what the
//! merging lost. Truth: `mergeConfig` and `LoadConfig` in the tags that
//! [`super::release`] names.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::migrate;
use super::property::{Property, Setting};
use super::release::{Merging, Release};

/// A file of the configuration.
#[derive(Clone, Debug)]
pub(super) struct ConfigFile {
    /// Its path as the host names it.
    pub(super) path: Arc<str>,
    /// Its content.
    pub(super) document: Property,
}

/// Something that is wrong, or passed over, at a property.
#[derive(Clone, Debug)]
pub(super) struct Remark {
    /// The property, such as `disabled_plugins`.
    pub(super) property: String,
    /// What is wrong.
    pub(super) problem: String,
    /// Where it stands.
    pub(super) place: Property,
}

/// The merged configuration.
#[derive(Clone, Debug, Default)]
pub(super) struct Merged {
    /// Version that the merged configuration is read as (1.x: 1 or 2).
    pub(super) version: i64,
    /// Plugins' sections by the name that the release looks up.
    pub(super) plugins: BTreeMap<String, Property>,
    /// Elements of `disabled_plugins` over all files, as the release names them after migration.
    pub(super) disabled: Vec<(String, Property)>,
    /// Other top-level properties, the last one of each.
    pub(super) top: BTreeMap<String, Property>,
    /// Why the daemon refuses to start.
    pub(super) start_faults: Vec<Remark>,
    /// What is passed over.
    pub(super) ignored: Vec<Remark>,
}

/// Merges files as the release does.
pub(super) fn merge(files: &[ConfigFile], release: Release) -> Merged {
    let mut merged = Merged::default();
    match release.merging() {
        Merging::ReplaceSections => replace_sections(&mut merged, files),
        Merging::MergeThenMigrate => merge_then_migrate(&mut merged, files, release.newest_config_version()),
        Merging::MigrateThenMerge => migrate_then_merge(&mut merged, files, release.newest_config_version()),
    }
    find_start_faults(&mut merged, release);
    merged
}

/// The file's `version`; 0 where it has none.
pub(super) fn file_version(file: &ConfigFile) -> i64 {
    file.document.get("version").and_then(Property::int).unwrap_or(0)
}

/// 1.x: the last file that names a version decides, and a plugin's section
/// takes the place of an earlier file's section of that name.
fn replace_sections(merged: &mut Merged, files: &[ConfigFile]) {
    merged.version = files.iter().map(file_version).rfind(|version| *version != 0).unwrap_or(1);
    for file in files {
        for (name, section) in plugins_of(file) {
            merged.plugins.insert(name.clone(), section.clone());
        }
        append_disabled(merged, file, ToOwned::to_owned);
        take_top(merged, file);
    }
    if merged.version == 1 {
        for (name, section) in &merged.plugins {
            if name.starts_with("io.containerd.") && section.is_set() {
                merged.ignored.push(Remark {
                    property: format!("plugins.\"{name}\""),
                    problem: "without `version = 2` plugins go by short names, and this section is passed over"
                        .to_owned(),
                    place: section.clone(),
                });
            }
        }
    } else {
        for (name, section) in &merged.plugins {
            if name.starts_with("io.containerd.cri.v1.") && section.is_set() {
                merged.ignored.push(Remark {
                    property: format!("plugins.\"{name}\""),
                    problem: "containerd 1.x has no plugin of this name; its section is `io.containerd.grpc.v1.cri`"
                        .to_owned(),
                    place: section.clone(),
                });
            }
        }
    }
}

/// 2.0-2.2: a file of version 1 has its plugins renamed and counts as of the
/// version of the files before it, the first one as of the newest; everything
/// is merged key by key; then one migration for the version of the last file.
fn merge_then_migrate(merged: &mut Merged, files: &[ConfigFile], newest: i64) {
    merged.version = newest;
    for file in files {
        let version = file_version(file);
        let is_old = version <= 1;
        for (name, section) in plugins_of(file) {
            let name = if is_old { migrate::full_name(name) } else { name.clone() };
            merge_section(&mut merged.plugins, name, section);
        }
        append_disabled(merged, file, |name| if is_old { migrate::full_name(name) } else { name.to_owned() });
        take_top(merged, file);
        merged.version = if is_old { merged.version } else { version };
    }
    if merged.version == 2 {
        migrate::migrate_cri(&mut merged.plugins, &mut merged.ignored);
    }
    migrate::find_left_behind(&merged.plugins, merged.version, &mut merged.ignored);
}

/// 2.3 and newer: each file by its own version, then key by key.
fn migrate_then_merge(merged: &mut Merged, files: &[ConfigFile], newest: i64) {
    merged.version = newest;
    for file in files {
        let version = file_version(file);
        let mut plugins: BTreeMap<String, Property> = BTreeMap::new();
        for (name, section) in plugins_of(file) {
            let name = if version <= 1 { migrate::full_name(name) } else { name.clone() };
            merge_section(&mut plugins, name, section);
        }
        if version < newest {
            migrate::migrate_cri(&mut plugins, &mut merged.ignored);
        }
        migrate::find_left_behind(&plugins, newest, &mut merged.ignored);
        for (name, section) in &plugins {
            merge_section(&mut merged.plugins, name.clone(), section);
        }
        append_disabled(merged, file, |name| if version <= 1 { migrate::full_name(name) } else { name.to_owned() });
        take_top(merged, file);
        merged.version = merged.version.max(version);
    }
}

fn plugins_of(file: &ConfigFile) -> impl Iterator<Item = (&String, &Property)> {
    file.document.get("plugins").and_then(Property::members).into_iter().flatten()
}

fn merge_section(plugins: &mut BTreeMap<String, Property>, name: String, section: &Property) {
    match plugins.get_mut(&name) {
        Some(present) => merge_over(present, section),
        None => {
            plugins.insert(name, section.clone());
        }
    }
}

/// Puts a property over another: tables key by key, anything else as a whole,
/// false and empty values included.
fn merge_over(present: &mut Property, over: &Property) {
    match (&mut present.setting, &over.setting) {
        (Setting::Table(members), Setting::Table(more)) => {
            for (name, property) in more {
                match members.get_mut(name) {
                    Some(member) => merge_over(member, property),
                    None => {
                        members.insert(name.clone(), property.clone());
                    }
                }
            }
        }
        _ => *present = over.clone(),
    }
}

/// `disabled_plugins` are added up; no file takes an element away.
fn append_disabled(merged: &mut Merged, file: &ConfigFile, rename: impl Fn(&str) -> String) {
    let elements = file.document.get("disabled_plugins").map(Property::elements).unwrap_or_default();
    for element in elements {
        if let Some(name) = element.text() {
            merged.disabled.push((rename(name), element.clone()));
        }
    }
}

/// A later file's top-level property wins, unless it is empty.
fn take_top(merged: &mut Merged, file: &ConfigFile) {
    for (name, property) in file.document.members().into_iter().flatten() {
        if matches!(name.as_str(), "plugins" | "disabled_plugins" | "imports") || !property.is_set() {
            continue;
        }
        match merged.top.get_mut(name) {
            Some(present) => merge_over(present, property),
            None => {
                merged.top.insert(name.clone(), property.clone());
            }
        }
    }
}

fn find_start_faults(merged: &mut Merged, release: Release) {
    let newest = release.newest_config_version();
    if merged.version > newest
        && release.refuses_newer_config()
        && let Some(place) = merged.top.get("version")
    {
        let problem = if release.merging() == Merging::ReplaceSections {
            format!("unsupported config version `{}`", merged.version)
        } else {
            format!("expected containerd config version equal to or less than `{newest}`, got `{}`", merged.version)
        };
        merged.start_faults.push(Remark { property: "version".to_owned(), problem, place: place.clone() });
    }
    let is_uri = |name: &str| match release {
        Release(0, ..) | Release(1, 0..=6, _) => name.split('.').count() >= 4,
        Release(1, ..) => name.starts_with("io.containerd.") && name.split('.').count() >= 4,
        _ => name.contains('.'),
    };
    if release.merging() == Merging::ReplaceSections && merged.version < 2 {
        return;
    }
    for (name, place) in &merged.disabled {
        if !is_uri(name) {
            merged.start_faults.push(Remark {
                property: "disabled_plugins".to_owned(),
                problem: format!("invalid disabled plugin URI \"{name}\" expect io.containerd.x.vx"),
                place: place.clone(),
            });
        }
    }
    if release.merging() == Merging::ReplaceSections {
        for (name, place) in &merged.plugins {
            if !is_uri(name) {
                merged.start_faults.push(Remark {
                    property: format!("plugins.{name}"),
                    problem: format!("invalid plugin key URI \"{name}\" expect io.containerd.x.vx"),
                    place: place.clone(),
                });
            }
        }
    }
}
