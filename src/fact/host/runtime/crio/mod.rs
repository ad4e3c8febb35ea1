//! CRI-O: whether it is here, and the configuration that crio works with.
//!
//! In: crio's command line and environment (of its unit, else of the running
//! process), `/etc/crio/crio.conf`, every file of `/etc/crio/crio.conf.d`,
//! packages. Out: the facts `crio.*`. Truth: crio(8), crio.conf(5) and
//! crio.conf.d(5), <https://github.com/cri-o/cri-o/blob/main/docs/crio.conf.5.md>.

mod config;
mod declaration;
mod option;
mod read;

use std::collections::BTreeMap;

use super::presence::{Traces, find_package, package_source, read_package_version, read_present, read_running};
use crate::fact::host::root::Outcome;
use crate::fact::host::{Collector, Host};
use crate::fact::version::Version;
use crate::fact::{Fact, Facts, Source};
use config::is_valid_conmon_cgroup;
use option::{Options, default_source};

/// The traces of CRI-O.
const TRACES: &Traces = &Traces {
    programs: &["crio"],
    packages: &["cri-o", "crio"],
    units: &["crio.service", "cri-o.service"],
    files: &["/etc/crio/crio.conf", "/etc/crio/crio.conf.d"],
};

/// Reads CRI-O.
pub(in crate::fact::host) const COLLECTOR: Collector =
    Collector { name: "crio", facts: declaration::FACTS, needs: &[], collect };

/// The facts that flags, environment and files decide.
const CONFIGURED: &[&str] = &[
    "crio.config_paths",
    "crio.cgroup_driver",
    "crio.conmon_cgroup",
    "crio.conmon_cgroup_is_valid",
    "crio.pause_image",
    "crio.default_handler",
    "crio.handlers",
    "crio.cni_conf_dir",
    "crio.cni_bin_dirs",
    "crio.endpoint",
    "crio.insecure_registries",
];

fn collect(host: &Host, _earlier: &Facts) -> Facts {
    let mut facts = Facts::default();
    let present = read_present(host, TRACES);
    let is_present = present.bool();
    let version = read_version(host, is_present);
    facts.set("crio.present", present);
    facts.set("crio.running", read_running(host, TRACES));
    facts.set("crio.is_distribution_build", read_is_distribution_build(host));
    facts.set("crio.answers_runtime_config", answers_runtime_config(&version));
    if is_present == Some(false) {
        for path in CONFIGURED {
            facts.set(path, Fact::absent(Source::file("/etc/crio/crio.conf")));
        }
    } else {
        match read::read_options(host) {
            Ok(options) => set_configured(&options, version.text(), &mut facts),
            Err((path, reason)) => {
                for fact in CONFIGURED {
                    facts.set(fact, Fact::unreadable(Source::file(&path), reason.clone()));
                }
            }
        }
    }
    facts.set("crio.version", version);
    facts
}

fn set_configured(options: &Options, version: Option<&str>, facts: &mut Facts) {
    let paths = options.files.files.iter().map(|file| Fact::known(file.path.as_str(), Source::file(&file.path)));
    facts.set("crio.config_paths", Fact::known(paths.collect::<Vec<_>>(), Source::file("/etc/crio")));
    let manager = options.text_or(option::CGROUP_MANAGER, "systemd");
    let conmon = options.text_or(option::CONMON_CGROUP, "");
    let is_valid = match (conmon.text(), manager.text(), conmon.source()) {
        (Some(cgroup), Some(manager), Some(source)) => {
            Fact::known(is_valid_conmon_cgroup(cgroup, manager), source.clone())
        }
        _ => conmon.clone(),
    };
    facts.set("crio.handlers", handlers(options, &manager, version));
    facts.set("crio.cgroup_driver", manager);
    facts.set("crio.conmon_cgroup", conmon);
    facts.set("crio.conmon_cgroup_is_valid", is_valid);
    facts.set("crio.pause_image", pause_image(options));
    facts.set("crio.default_handler", default_handler(options, version));
    facts.set("crio.cni_conf_dir", options.text_or(option::NETWORK_DIR, "/etc/cni/net.d"));
    facts.set("crio.cni_bin_dirs", options.list_or(option::PLUGIN_DIRS, &["/opt/cni/bin"]));
    facts.set("crio.insecure_registries", options.list_or(option::INSECURE_REGISTRIES, &[]));
    let listen = options.text_or(option::LISTEN, "/var/run/crio/crio.sock");
    let endpoint = match (listen.text(), listen.source()) {
        (Some(path), Some(source)) if path.starts_with('/') => Fact::known(format!("unix://{path}"), source.clone()),
        _ => listen.clone(),
    };
    facts.set("crio.endpoint", endpoint);
}

/// The pause image that is set. Each minor has a default of its own, which is
/// asked of a running crio, not guessed.
fn pause_image(options: &Options) -> Fact {
    match options.text(option::PAUSE_IMAGE) {
        Some((image, source)) => Fact::known(image, source),
        None => Fact::unreadable(
            default_source("pause_image"),
            "read pause_image: it is unset, and the default of this version is not known",
        ),
    }
}

/// `default_runtime`: crun from 1.31, runc before.
fn default_handler(options: &Options, version: Option<&str>) -> Fact {
    let source = default_source("default_runtime");
    match (options.text(option::DEFAULT_RUNTIME), version.and_then(Version::parse), Version::parse("1.31")) {
        (Some((name, source)), ..) => Fact::known(name, source),
        (None, Some(version), Some(since)) => Fact::known(if version >= since { "crun" } else { "runc" }, source),
        _ => Fact::unreadable(source, "read default_runtime: it is unset, and the version of CRI-O is not known"),
    }
}

/// All handlers; where no file has a table of them, the default one alone.
fn handlers(options: &Options, manager: &Fact, version: Option<&str>) -> Fact {
    let table = ["crio", "runtime", "runtimes"];
    let mut handlers = Vec::new();
    for (name, source) in options.files.tables(&table) {
        let of = |option: &str| options.files.handler(&name, option);
        let (kind, kind_source) = of("runtime_type")
            .filter(|(kind, _)| !kind.is_empty())
            .unwrap_or_else(|| ("oci".to_owned(), default_source("runtime_type")));
        let binary = match of("runtime_path").filter(|(path, _)| !path.is_empty()) {
            Some((path, source)) => Fact::known(path, source),
            None => Fact::absent(source.clone()),
        };
        handlers.push(handler(Fact::known(name.as_str(), source), Fact::known(kind, kind_source), binary, manager));
    }
    if handlers.is_empty() {
        let name = default_handler(options, version);
        if !matches!(name, Fact::Known { .. }) {
            return name;
        }
        let source = default_source("runtimes");
        handlers.push(handler(name, Fact::known("oci", source.clone()), Fact::absent(source), manager));
    }
    Fact::group(handlers)
}

fn handler(name: Fact, kind: Fact, binary: Fact, manager: &Fact) -> Fact {
    Fact::group(BTreeMap::from([
        ("name".to_owned(), name),
        ("type".to_owned(), kind),
        ("binary".to_owned(), binary),
        ("cgroup_driver".to_owned(), manager.clone()),
    ]))
}

/// The version: of the package, else the file that crio writes when it starts.
fn read_version(host: &Host, is_present: Option<bool>) -> Fact {
    let package = read_package_version(host, TRACES, is_present);
    if matches!(package, Fact::Known { .. } | Fact::Absent { .. }) {
        return package;
    }
    for path in ["/var/run/crio/version", "/var/lib/crio/version"] {
        if let Outcome::Found(text) = host.root.read_text(path) {
            let version = text.trim().trim_matches('"');
            if Version::parse(version).is_some() {
                return Fact::known(version, Source::line(path, 1));
            }
        }
    }
    package
}

/// The project's own packages are `1.34.2-150500.1.1` of pkgs.k8s.io's add-ons;
/// a distribution's carry its mark.
fn read_is_distribution_build(host: &Host) -> Fact {
    match find_package(host, TRACES.packages) {
        Outcome::Found(package) => {
            const MARKS: &[&str] = &[".el", ".fc", ".rhaos", "ubuntu", "+deb", ".oe", "~ds"];
            let is_own = MARKS.iter().any(|mark| package.version.contains(mark));
            Fact::known(is_own, package_source(package))
        }
        Outcome::Absent => Fact::absent(Source::file("/var/lib/dpkg/status")),
        Outcome::Unreadable(reason) => Fact::unreadable(Source::file("/var/lib/dpkg/status"), reason),
    }
}

fn answers_runtime_config(version: &Fact) -> Fact {
    match (version.text().and_then(Version::parse), Version::parse("1.28"), version.source()) {
        (Some(version), Some(since), Some(source)) => Fact::known(version >= since, source.clone()),
        _ => version.clone(),
    }
}

#[cfg(test)]
#[path = "crio_test.rs"]
mod tests;
