//! The components of the control plane and etcd that are set up on this host,
//! whichever way they are started, with their flags and versions.
//!
//! A static pod's manifest tells more than its process (lines, and what the
//! next start takes), so it comes first; then processes, then units, then what
//! k3s and RKE2 pass on.

use super::Host;
use super::k3s::K3s;
use super::kubelet::{Flag, is_of_host, parse_flags, parse_image_version, parse_version_in_path};
use super::process::is_by_hand;
use super::root::Outcome;
use super::static_pod::{StaticPods, read_static_pods};
use super::unit;
use crate::fact::{Fact, Facts, Source};

/// A component that is set up here.
#[derive(Clone, Debug)]
pub(super) struct Component {
    /// Such as `kube-apiserver`.
    pub(super) name: &'static str,
    /// `static-pod`, `process`, `unit`, `k3s` or `rke2`.
    pub(super) kind: &'static str,
    /// Version, absent or unreadable where nothing tells it.
    pub(super) version: Fact,
    /// Its flags, in order.
    pub(super) flags: Vec<Flag>,
    /// What shows that it is here.
    pub(super) source: Source,
}

/// What was found, and what could not be looked at.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    pub(super) components: Vec<Component>,
    /// Manifests and folders that could not be read, with the reason.
    pub(super) unreadable: Vec<(String, String)>,
}

/// Options by which k3s and RKE2 servers pass arguments on.
const PASSED: &[(&str, &str)] = &[
    ("kube-apiserver-arg", "kube-apiserver"),
    ("kube-controller-manager-arg", "kube-controller-manager"),
    ("kube-scheduler-arg", "kube-scheduler"),
    ("kube-cloud-controller-manager-arg", "cloud-controller-manager"),
];

/// Finds the named components.
pub(super) fn find_components(host: &Host, facts: &Facts, names: &[&'static str], k3s: Option<&K3s>) -> Found {
    let mut found = Found::default();
    match read_static_pods(&host.root, facts) {
        Outcome::Found(pods) => from_static_pods(&mut found, pods, names),
        Outcome::Absent => {}
        Outcome::Unreadable(why) => {
            let path = facts.text("kubelet.static_pod_path").unwrap_or("/etc/kubernetes/manifests");
            found.unreadable.push((path.to_owned(), why));
        }
    }
    for name in names {
        if found.components.iter().any(|component| component.name == *name) {
            continue;
        }
        if let Some(component) = from_process(host, name).or_else(|| from_unit(host, name)) {
            found.components.push(component);
        }
    }
    if let Some(k3s) = k3s.filter(|k3s| k3s.is_server) {
        for (option, name) in PASSED {
            let is_known = found.components.iter().any(|component| component.name == *name);
            if names.contains(name) && !is_known {
                found.components.push(Component {
                    name,
                    kind: k3s.distribution,
                    version: super::kubelet::kubelet_version(host, k3s.process.as_ref()),
                    flags: k3s.arguments_of(option),
                    source: k3s.source.clone(),
                });
            }
        }
    }
    found
}

fn from_static_pods(found: &mut Found, pods: StaticPods, names: &[&'static str]) {
    for container in pods.containers {
        let Some(name) = container.component().filter(|name| names.contains(name)) else { continue };
        let version = match &container.image {
            Some((image, source)) => match parse_image_version(image) {
                Some(version) => Fact::known(version, source.clone()),
                None => Fact::unreadable(
                    source.clone(),
                    format!("tell the version of {name}: its image has no version for a tag"),
                ),
            },
            None => Fact::absent(Source::file(&container.path)),
        };
        found.components.push(Component {
            name,
            kind: "static-pod",
            version,
            flags: parse_flags(&container.command),
            source: Source::file(container.path),
        });
    }
    found.unreadable.extend(pods.broken.into_iter().map(|broken| (broken.path, broken.reason)));
}

fn from_process(host: &Host, name: &'static str) -> Option<Component> {
    let Outcome::Found(processes) = host.processes() else { return None };
    let is_it = |program: &str| program == name;
    let process = processes.iter().find(|process| {
        let is_hyperkube =
            process.program() == "hyperkube" && process.arguments.iter().skip(1).any(|argument| is_it(argument));
        (is_it(process.program()) || is_hyperkube) && is_of_host(process, processes)
    })?;
    let source = Source::file(process.command_line_path());
    let arguments: Vec<_> =
        process.arguments.iter().skip(1).map(|argument| (argument.clone(), source.clone())).collect();
    Some(Component {
        name,
        kind: "process",
        version: match process.by_hand() {
            Some(path) => version_of_path(path, Source::file(format!("/proc/{}/exe", process.pid))),
            None => package_version(host, name),
        },
        flags: parse_flags(&arguments),
        source,
    })
}

fn from_unit(host: &Host, name: &'static str) -> Option<Component> {
    let Outcome::Found(unit) = unit::read_unit(&host.root, &format!("{name}.service")) else { return None };
    if unit.is_masked {
        return None;
    }
    let command = unit::read_command(&host.root, &unit);
    let version = match command.first() {
        Some((path, source)) if is_by_hand(path) => version_of_path(path, source.clone()),
        _ => package_version(host, name),
    };
    Some(Component { name, kind: "unit", version, flags: parse_flags(&command), source: Source::file(unit.path) })
}

/// The version of a program that no package installed: its path may tell it.
fn version_of_path(path: &str, source: Source) -> Fact {
    match parse_version_in_path(path) {
        Some(version) => Fact::known(version, source),
        None => Fact::unreadable(source, format!("tell the version of {path}: no package installed it")),
    }
}

/// The version of a component's own package.
pub(super) fn package_version(host: &Host, name: &str) -> Fact {
    let names: &[&str] = match name {
        "etcd" => &["etcd", "etcd-server"],
        _ => &[name, "kubernetes-master", "kubernetes-server"],
    };
    let reason = match host.packages() {
        Outcome::Found(packages) => {
            for package in packages.iter().filter(|package| names.contains(&package.name.as_str())) {
                if let Some(version) = super::kubelet::clean_version(&package.version) {
                    let source =
                        package.line.map_or(Source::file(&package.path), |line| Source::line(&package.path, line));
                    return Fact::known(version, source);
                }
            }
            format!("tell the version of {name}: no package or image names it")
        }
        Outcome::Absent => format!("tell the version of {name}: no package or image names it"),
        Outcome::Unreadable(why) => why.clone(),
    };
    Fact::unreadable(Source::default_of("packages"), reason)
}
