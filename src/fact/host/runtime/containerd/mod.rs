//! containerd: whether it is here, and the configuration that it works with.
//!
//! In: containerd's command line (of the running process, else of its unit,
//! else of the supervisor that brings it), its configuration file and every
//! file that this imports, packages. Out: the facts `containerd.*`, each
//! value with the file and line that won. containerd merges files in three
//! different ways, by its own version, so every value is computed as that
//! version would; where the version is unknown and the answer depends on it,
//! the fact is unreadable. Truth: containerd-config.toml(5), `docs/cri/config.md`
//! and `cmd/containerd/server/config` of the containerd repository.

mod agree;
mod daemon;
mod declaration;
mod effective;
mod facts;
mod fault;
mod load;
mod merge;
mod migrate;
mod property;
mod registry;
mod release;
mod removed;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tree_tests;

use crate::fact::host::root::Outcome;
use crate::fact::host::runtime::presence;
use crate::fact::host::{Collector, Host};
use crate::fact::{Fact, Facts, Source};

pub(super) use declaration::HANDLER;
pub(super) use effective::RUNC_SHIMS;
pub(super) use facts::{group, list};

use agree::agree;
use daemon::{Daemon, TRACES};
use declaration::FACTS;
use facts::{Answers, answer, default_plugin_dirs};
use load::{Loaded, read_files};
use merge::{ConfigFile, Remark, file_version};
use property::Property;
use release::{Release, releases_for};

/// Reads containerd.
pub(in crate::fact::host) const COLLECTOR: Collector =
    Collector { name: "containerd", facts: FACTS, needs: &["kubelet", "cri"], collect };

/// Facts that the configuration gives.
const CONFIGURED: &[&str] = &[
    "start_faults",
    "cri.enabled",
    "cri.disabled_by",
    "cri.load_faults",
    "cri.registry_faults",
    "default_handler",
    "handlers",
    "cgroup_driver",
    "reported_cgroup_driver",
    "snapshotter",
    "enable_cdi",
    "sandbox_image",
    "cni_conf_dir",
    "cni_bin_dirs",
    "registry.config_path",
    "registry.mirrors",
    "registry.insecure",
    "registry.credentials",
    "ignored_properties",
    "misplaced_properties",
    "address",
    "state_dir",
];

/// Facts that the files give whatever version reads them.
const WRITTEN: &[&str] = &["config_path", "config_files", "config_version", "removed_properties"];

fn collect(host: &Host, earlier: &Facts) -> Facts {
    let mut facts = Facts::default();
    let is_asked = earlier.text("cri.runtime_name") == Some("containerd");
    let present =
        if is_asked { Fact::known(true, Source::cri("Version")) } else { daemon::read_present(host, earlier) };
    let is_present = present.bool();
    facts.set("containerd.present", present);
    facts.set("containerd.running", presence::read_running(host, &TRACES));
    if is_present != Some(true) {
        set_without_daemon(&mut facts, is_present);
        return facts;
    }
    let daemon = daemon::find_daemon(host, earlier);
    let version = daemon::read_version(host, earlier, &daemon, is_present);
    facts.set("containerd.supervisor", Fact::known(daemon.supervisor, daemon.source.clone()));
    set_configuration(host, &daemon, &version, &mut facts);
    facts.set("containerd.version", version);
    if let Some((address, source)) = daemon.address {
        facts.set("containerd.address", Fact::known(address, source));
    }
    facts
}

/// Without containerd there is nothing to read; where it is not known whether
/// there is one, nothing is known.
fn set_without_daemon(facts: &mut Facts, is_present: Option<bool>) {
    let fact = match is_present {
        Some(_) => Fact::absent(Source::file("/usr/bin/containerd")),
        None => Fact::unreadable(Source::file("/usr/bin/containerd"), "it is not known whether containerd is here"),
    };
    for name in CONFIGURED.iter().chain(WRITTEN).chain(&["version", "supervisor"]) {
        facts.set(&format!("containerd.{name}"), fact.clone());
    }
}

fn set_configuration(host: &Host, daemon: &Daemon, version: &Fact, facts: &mut Facts) {
    // Relative patterns are read anew below, where the release is known.
    let loaded = match read_configuration(host, daemon, false) {
        Outcome::Found(loaded) => loaded,
        Outcome::Absent => Loaded::default(),
        Outcome::Unreadable(reason) => {
            let fact = Fact::unreadable(Source::file(&daemon.config), reason);
            for name in CONFIGURED.iter().chain(WRITTEN) {
                facts.set(&format!("containerd.{name}"), fact.clone());
            }
            return;
        }
    };
    set_written(daemon, &loaded, facts);
    let known = version.text().and_then(Release::parse);
    let releases: Vec<Release> = match known {
        Some(release) => vec![release],
        None => releases_for(loaded.files.first().map(file_version), daemon.is_config_generated()).collect(),
    };
    let plugin_dirs = default_plugin_dirs(version.text());
    let answers: Vec<Answers> = releases
        .into_iter()
        .map(|release| {
            let from_cwd = release.globs_from_working_directory();
            let again = if from_cwd { read_configuration(host, daemon, true).found() } else { None };
            answer(&host.root, again.as_ref().unwrap_or(&loaded), release, &plugin_dirs)
        })
        .collect();
    let why = match version {
        Fact::Unreadable { reason, .. } => reason.as_str(),
        _ => "no package names it",
    };
    let reason = format!("it depends on the version of containerd, which is not known: {why}");
    for name in CONFIGURED {
        let of_all: Vec<&Fact> = answers.iter().filter_map(|answers| answers.get(name)).collect();
        facts.set(&format!("containerd.{name}"), agree(&of_all, &reason));
    }
}

/// The files; a file that a flag names and that is not there stops the daemon.
fn read_configuration(host: &Host, daemon: &Daemon, from_working_directory: bool) -> Outcome<Loaded> {
    match read_files(&host.root, &daemon.config, from_working_directory) {
        Outcome::Absent if !host.root.is_live() && !is_folder_recorded(host, &daemon.config) => {
            Outcome::Unreadable(format!("read {}: not recorded", daemon.config))
        }
        Outcome::Absent if daemon.is_config_named && !host.root.is_live() => {
            Outcome::Unreadable(format!("read {}: not recorded", daemon.config))
        }
        Outcome::Absent if daemon.is_config_named => {
            let place = Property::of_file(&daemon.config);
            let problem = format!("open {}: no such file or directory", daemon.config);
            let missing = vec![Remark { property: "--config".to_owned(), problem, place }];
            Outcome::Found(Loaded { files: Vec::new(), missing })
        }
        outcome => outcome,
    }
}

fn is_folder_recorded(host: &Host, path: &str) -> bool {
    let folder = path.rsplit_once('/').map_or("/", |(folder, _)| folder);
    host.root.metadata(folder).is_found()
}

fn set_written(daemon: &Daemon, loaded: &Loaded, facts: &mut Facts) {
    let main = loaded.files.first();
    let named = || Source::file(&daemon.config);
    let path = main
        .map_or_else(|| Fact::absent(named()), |_| Fact::known(daemon.config.as_str(), daemon.config_source.clone()));
    facts.set("containerd.config_path", path);
    let files = loaded.files.iter().map(|file| Fact::known(&*file.path, Source::file(&*file.path)));
    facts.set("containerd.config_files", list(files));
    facts.set("containerd.config_version", main.map_or_else(|| Fact::absent(named()), version_fact));
    let removed = removed::find_removed(&loaded.files);
    facts.set(
        "containerd.removed_properties",
        list(removed.iter().map(|removed| {
            group([
                ("property", removed.place.fact(removed.property.as_str())),
                ("removed_in", removed.place.fact(removed.since)),
                ("replacement", removed.place.fact(removed.replacement)),
            ])
        })),
    );
}

fn version_fact(file: &ConfigFile) -> Fact {
    match file.document.get("version") {
        Some(version) => version.fact(version.int().unwrap_or(1)),
        None => Fact::known(1_i64, Source::default_of("containerd-config.toml(5), version")),
    }
}
