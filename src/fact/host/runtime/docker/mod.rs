//! Docker Engine: whether it is here, and the configuration that dockerd
//! works with.
//!
//! In: dockerd's command line (of the running process, else of
//! `docker.service`), `daemon.json`, packages, `/sys/class/net`. Out: the
//! facts `docker.*` and `cri_dockerd.*`. Truth: dockerd's reference,
//! <https://docs.docker.com/reference/cli/dockerd/>.

mod bridge;
mod config;
mod cri_dockerd;
mod declaration;
mod flag;

use super::presence::{
    Traces, find_package, find_process, package_source, read_package_version, read_present, read_running,
};
use crate::fact::host::document::{self, Node, NodeValue};
use crate::fact::host::root::Outcome;
use crate::fact::host::{Collector, Host, unit};
use crate::fact::{Fact, Facts, Source};
use config::{Settings, default_source};
use flag::{Flag, parse_flags};

const TRACES: &Traces = &Traces {
    programs: &["dockerd", "dockerd-current", "dockerd-ce"],
    packages: &["docker-ce", "docker.io", "moby-engine", "docker-engine", "docker"],
    units: &["docker.service"],
    files: &["/etc/docker/daemon.json"],
};

/// Reads Docker Engine and cri-dockerd.
pub(in crate::fact::host) const COLLECTOR: Collector =
    Collector { name: "docker", facts: declaration::FACTS, needs: &["cgroup", "init"], collect };

fn collect(host: &Host, earlier: &Facts) -> Facts {
    let mut facts = Facts::default();
    let present = read_present(host, TRACES);
    let is_present = present.bool();
    facts.set("docker.present", present);
    facts.set("docker.running", read_running(host, TRACES));
    facts.set("docker.version", read_package_version(host, TRACES, is_present));
    set_package(host, &mut facts);
    cri_dockerd::set_cri_dockerd(host, &mut facts);
    if is_present == Some(false) {
        for path in CONFIGURED {
            facts.set(path, Fact::absent(Source::file("/etc/docker/daemon.json")));
        }
        return facts;
    }
    let flags = read_flags(host);
    let path = flags.iter().rev().find(|flag| flag.key == "config-file");
    let path = path.map_or("/etc/docker/daemon.json", |flag| flag.value.as_str()).to_owned();
    match read_file(host, &path) {
        Ok(document) => {
            let file = document.as_ref().map(|node| (path.as_str(), node));
            set_configured(host, earlier, &Settings { file, flags: &flags }, &mut facts);
        }
        Err(reason) => {
            for fact in CONFIGURED {
                facts.set(fact, Fact::unreadable(Source::file(&path), reason.clone()));
            }
        }
    }
    facts
}

/// The facts that flags and `daemon.json` decide.
const CONFIGURED: &[&str] = &[
    "docker.config_path",
    "docker.cgroup_driver",
    "docker.flag_conflicts",
    "docker.registry_mirrors",
    "docker.insecure_registries",
    "docker.mtu",
    "docker.bridge",
    "docker.bridges",
    "docker.storage_driver",
    "docker.data_root",
    "docker.live_restore",
    "docker.log_driver",
    "docker.log_options",
    "docker.containerd",
];

fn set_configured(host: &Host, earlier: &Facts, settings: &Settings, facts: &mut Facts) {
    let optional = |key: &str| match settings.one(key) {
        Some((value, source)) => Fact::known(value, source),
        None => Fact::absent(settings.file.map_or_else(|| default_source(key), |(path, _)| Source::file(path))),
    };
    let config_path = match settings.file {
        Some((path, _)) => Fact::known(path, Source::file(path)),
        None => Fact::absent(Source::file("/etc/docker/daemon.json")),
    };
    facts.set("docker.config_path", config_path);
    facts.set("docker.cgroup_driver", cgroup_driver(settings, earlier));
    facts.set("docker.flag_conflicts", settings.conflicts());
    facts.set("docker.registry_mirrors", settings.list("registry-mirrors"));
    facts.set("docker.insecure_registries", settings.list("insecure-registries"));
    let (mtu, bridge) = (settings.number_or("mtu", 1500), settings.text_or("bridge", "docker0"));
    facts.set("docker.bridges", bridge::read_bridges(host, &bridge, &mtu));
    facts.set("docker.mtu", mtu);
    facts.set("docker.bridge", bridge);
    facts.set("docker.storage_driver", optional("storage-driver"));
    let data_root = if settings.one("graph").is_some() { "graph" } else { "data-root" };
    facts.set("docker.data_root", settings.text_or(data_root, "/var/lib/docker"));
    facts.set("docker.live_restore", settings.bool_or("live-restore", false));
    facts.set("docker.log_driver", settings.text_or("log-driver", "json-file"));
    facts.set("docker.log_options", settings.log_options());
    facts.set("docker.containerd", optional("containerd"));
}

/// The driver that is set, else the default: systemd with cgroup v2 under
/// systemd (20.10 and newer; older ones do not run on v2), else cgroupfs.
fn cgroup_driver(settings: &Settings, earlier: &Facts) -> Fact {
    if let Some((driver, source)) = settings.cgroup_driver() {
        return Fact::known(driver, source);
    }
    let source = default_source("native.cgroupdriver");
    match earlier.text("cgroup.version") {
        Some("v2") => match earlier.bool("init.is_systemd") {
            Some(true) => Fact::known("systemd", source),
            Some(false) => Fact::known("cgroupfs", source),
            None => unreadable_like(earlier.get("init.is_systemd"), source, "which init runs is not known"),
        },
        Some(_) => Fact::known("cgroupfs", source),
        None => unreadable_like(earlier.get("cgroup.version"), source, "the cgroup version is not known"),
    }
}

fn unreadable_like(fact: Option<&Fact>, source: Source, otherwise: &str) -> Fact {
    match fact {
        Some(Fact::Unreadable { reason, .. }) => Fact::unreadable(source, reason.clone()),
        _ => Fact::unreadable(source, otherwise),
    }
}

/// dockerd's flags: of the unit, which also hold at the next start, else of
/// the running process.
fn read_flags(host: &Host) -> Vec<Flag> {
    if let Outcome::Found(unit) = unit::read_unit(&host.root, "docker.service") {
        let arguments = unit::read_command(&host.root, &unit);
        if !arguments.is_empty() {
            return parse_flags(&arguments);
        }
    }
    let Outcome::Found(process) = find_process(host, TRACES.programs) else { return Vec::new() };
    let source = Source::file(process.command_line_path());
    let arguments: Vec<_> = process.arguments.iter().map(|argument| (argument.clone(), source.clone())).collect();
    parse_flags(&arguments)
}

/// The configuration file; none where it does not exist or is empty.
fn read_file(host: &Host, path: &str) -> Result<Option<Node>, String> {
    match host.root.read_text(path) {
        Outcome::Found(text) if text.trim().is_empty() => Ok(None),
        Outcome::Found(text) => match document::parse_json(&text) {
            Ok(node) if matches!(node.value, NodeValue::Map(_)) => Ok(Some(node)),
            Ok(_) => Err(format!("parse {path}: it is not a JSON object")),
            Err(error) => Err(format!("parse {path}: {error}")),
        },
        Outcome::Absent => Ok(None),
        Outcome::Unreadable(reason) => Err(reason),
    }
}

fn set_package(host: &Host, facts: &mut Facts) {
    let looked = Source::file("/var/lib/dpkg/status");
    let (package, is_distribution_build) = match find_package(host, TRACES.packages) {
        Outcome::Found(package) => {
            let source = package_source(package);
            let is_own = is_distribution_build(&package.name, &package.version);
            (Fact::known(package.name.as_str(), source.clone()), Fact::known(is_own, source))
        }
        Outcome::Absent => (Fact::absent(looked.clone()), Fact::absent(looked)),
        Outcome::Unreadable(reason) => {
            (Fact::unreadable(looked.clone(), reason.clone()), Fact::unreadable(looked, reason))
        }
    };
    facts.set("docker.package", package);
    facts.set("docker.is_distribution_build", is_distribution_build);
}

/// docker-ce is Docker's own build, although its versions end in `.el7` or
/// `~ubuntu.22.04~jammy`; docker-engine was Docker's until 17.05 and is
/// openEuler's today.
fn is_distribution_build(package: &str, version: &str) -> bool {
    match package {
        "docker-ce" => false,
        "docker-engine" => version.contains(".oe") || version.contains(".ky") || version.contains(".an"),
        _ => true,
    }
}

#[cfg(test)]
#[path = "docker_test.rs"]
mod tests;
