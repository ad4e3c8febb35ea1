//! The control plane of Kubernetes on this host: its components, their
//! versions and flags, and what they leave readable.
//!
//! In come static pods, running processes, units, and k3s' and RKE2's
//! configuration; components' flags are documented at
//! <https://kubernetes.io/docs/reference/command-line-tools-reference/>.

use super::component::{Found, find_components};
use super::k3s::{K3s, find_k3s};
use super::kubelet::{element, parse_gates};
use super::root::Outcome;
use super::{Collector, Host};
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::flag::is_secret;
use crate::fact::{Fact, Facts, Source};

/// The components that are looked for.
const NAMES: &[&str] = &["kube-apiserver", "kube-controller-manager", "kube-scheduler", "cloud-controller-manager"];

const MANIFESTS: &str = "/etc/kubernetes/manifests";
const K3S_KUBECONFIG: &str = "/etc/rancher/k3s/k3s.yaml";
const RKE2_KUBECONFIG: &str = "/etc/rancher/rke2/rke2.yaml";

/// Kubeconfigs of an administrator that the installers leave on the host.
const ADMIN_KUBECONFIGS: &[&str] =
    &["/etc/kubernetes/admin.conf", "/etc/kubernetes/super-admin.conf", K3S_KUBECONFIG, RKE2_KUBECONFIG];

const COMPONENT: Type = Type::Object(&[
    Field::new("name", Type::Text, "such as `kube-apiserver`"),
    Field::new(
        "version",
        Type::Text,
        "version of its image or package, without the leading v; absent where nothing tells it",
    ),
    Field::new("kind", Type::Text, "`static-pod`, `process`, `unit`, `k3s` or `rke2`"),
]);

const COMPONENT_FLAG: Type = Type::Object(&[
    Field::new("component", Type::Text, "such as `kube-apiserver`"),
    Field::new("version", Type::Text, "version of the component; absent where nothing tells it"),
    Field::new("name", Type::Text, "name without dashes"),
    Field::new("value", Type::Text, "value; `true` for a flag that stands alone"),
    Field::new("setting", Type::Text, "as it would be typed: `--port=0`"),
]);

const COMPONENT_GATE: Type = Type::Object(&[
    Field::new("component", Type::Text, "such as `kube-apiserver`"),
    Field::new("version", Type::Text, "version of the component; absent where nothing tells it"),
    Field::new("name", Type::Text, "name of the gate"),
    Field::new("enabled", Type::Bool, "the value that it is set to"),
    Field::new("setting", Type::Text, "as it would be typed: `RemoveSelfLink=false`"),
]);

const KUBECONFIG: Type = Type::Object(&[
    Field::new("path", Type::Text, "where it lies"),
    Field::new("mode", Type::Text, "permission bits, such as `0600`"),
    Field::new("is_readable_by_others", Type::Bool, "others may read it, or a group other than root's"),
]);

/// What this collector delivers.
const FACTS: &[FactDoc] = &[
    FactDoc::new(
        "control_plane.present",
        Type::Bool,
        "an API server, controller manager or scheduler is set up on this host",
    ),
    FactDoc::new("control_plane.has_apiserver", Type::Bool, "an API server is set up on this host"),
    FactDoc::new(
        "control_plane.distribution",
        Type::Text,
        "`kubeadm`, `k3s`, `rke2`, `k0s`, `microk8s`, `openshift` or `other`",
    ),
    FactDoc::new("control_plane.version", Type::Text, "version of the API server, else of the newest other component"),
    FactDoc::new("control_plane.components", Type::List(&COMPONENT), "the components that are set up here"),
    FactDoc::new(
        "control_plane.flags",
        Type::List(&COMPONENT_FLAG),
        "flags of all these components, in order; secrets left out",
    ),
    FactDoc::new(
        "control_plane.feature_gates",
        Type::List(&COMPONENT_GATE),
        "feature gates that these components are given",
    ),
    FactDoc::new(
        "node_role",
        Type::Text,
        "`control-plane` or `worker`, by what is set up here; absent without a kubelet",
    ),
    FactDoc::new(
        "control_plane.admin_kubeconfigs",
        Type::List(&KUBECONFIG),
        "admin.conf, super-admin.conf, k3s.yaml and rke2.yaml, with their permissions",
    ),
];

/// The collector of `control_plane.*`.
pub(super) const COLLECTOR: Collector = Collector { name: "control_plane", facts: FACTS, needs: &["kubelet"], collect };

fn collect(host: &Host, earlier: &Facts) -> Facts {
    let mut facts = Facts::default();
    let found_k3s = find_k3s(host);
    let k3s = match &found_k3s {
        Outcome::Found(k3s) => Some(k3s),
        _ => None,
    };
    let found = find_components(host, earlier, NAMES, k3s);
    let source = found.components.first().map_or(Source::file(MANIFESTS), |component| component.source.clone());
    let is_named = |(path, _): &&(String, String)| NAMES.iter().any(|name| path.contains(name));
    let broken = found.unreadable.iter().find(is_named).or(found.unreadable.first());
    let has = |name: &str| {
        let is_there = found.components.iter().any(|component| component.name == name);
        let is_broken = found.unreadable.iter().any(|(path, _)| path.contains(name));
        match broken {
            _ if is_there || is_broken => Fact::known(true, source.clone()),
            Some((path, why)) => Fact::unreadable(Source::file(path), why.clone()),
            None => Fact::known(false, Source::file(MANIFESTS)),
        }
    };
    let is_present = !found.components.is_empty() || found.unreadable.iter().any(|broken| is_named(&broken));
    let present = match broken {
        _ if is_present => Fact::known(true, source.clone()),
        Some((path, why)) => Fact::unreadable(Source::file(path), why.clone()),
        None => Fact::known(false, Source::file(MANIFESTS)),
    };
    let has_apiserver = has("kube-apiserver");
    facts.set("node_role", role(host, earlier, &has_apiserver));
    facts.set("control_plane.present", present.clone());
    facts.set("control_plane.has_apiserver", has_apiserver);
    facts.set("control_plane.distribution", distribution(earlier, k3s, &present));
    facts.set("control_plane.version", version(&found, &present));
    set_components(&mut facts, &found, &source);
    facts.set("control_plane.admin_kubeconfigs", admin_kubeconfigs(host, k3s));
    facts
}

fn distribution(earlier: &Facts, k3s: Option<&K3s>, present: &Fact) -> Fact {
    match (k3s, present.bool(), earlier.get("kubelet.distribution")) {
        (Some(k3s), Some(true), _) => Fact::known(k3s.distribution, k3s.source.clone()),
        (None, Some(true), Some(kubelet)) if kubelet.text().is_some() => kubelet.clone(),
        (None, Some(true), _) => Fact::known("other", Source::file(MANIFESTS)),
        (_, Some(false), _) => Fact::absent(Source::file(MANIFESTS)),
        (_, None, _) => present.clone(),
    }
}

/// The API server's version, else the first that is known.
fn version(found: &Found, present: &Fact) -> Fact {
    let apiserver = found.components.iter().find(|component| component.name == "kube-apiserver");
    let known = found.components.iter().find(|component| component.version.text().is_some());
    match apiserver.filter(|component| component.version.text().is_some()).or(known).or(found.components.first()) {
        Some(component) => component.version.clone(),
        None if present.bool() == Some(false) => Fact::absent(Source::file(MANIFESTS)),
        None => Fact::unreadable(Source::file(MANIFESTS), "tell the version: no component could be read"),
    }
}

/// Fills the lists; a manifest that could not be read is an element that
/// could not be read, in each.
fn set_components(facts: &mut Facts, found: &Found, source: &Source) {
    let (mut components, mut flags, mut gates) = (Vec::new(), Vec::new(), Vec::new());
    for component in &found.components {
        let of = |text: &str| Fact::known(text, component.source.clone());
        let named = || vec![("component", of(component.name)), ("version", component.version.clone())];
        let members =
            vec![("name", of(component.name)), ("version", component.version.clone()), ("kind", of(component.kind))];
        components.push(element(members, &component.source));
        for flag in component.flags.iter().filter(|flag| !is_secret(&flag.name)) {
            flags.push(element(named().into_iter().chain(flag.members()).collect(), &flag.source));
        }
        for gate in parse_gates(&component.flags) {
            gates.push(element(named().into_iter().chain(gate.members()).collect(), &gate.source));
        }
    }
    for (path, why) in &found.unreadable {
        let unreadable = Fact::unreadable(Source::file(path), why.clone());
        components.push(unreadable.clone());
        flags.push(unreadable.clone());
        gates.push(unreadable);
    }
    facts.set("control_plane.components", Fact::known(components, source.clone()));
    facts.set("control_plane.flags", Fact::known(flags, source.clone()));
    facts.set("control_plane.feature_gates", Fact::known(gates, source.clone()));
}

/// The node's role, by what is set up here and not by its labels.
fn role(host: &Host, earlier: &Facts, has_apiserver: &Fact) -> Fact {
    let Some(kubelet) = earlier.get("kubelet.present") else {
        return Fact::absent(Source::file(MANIFESTS));
    };
    match (kubelet.bool(), has_apiserver.bool()) {
        (_, Some(true)) => {
            Fact::known("control-plane", has_apiserver.source().cloned().unwrap_or(Source::file(MANIFESTS)))
        }
        (Some(false), _) => Fact::absent(Source::file(MANIFESTS)),
        (None, _) => kubelet.clone(),
        (Some(true), None) => has_apiserver.clone(),
        (Some(true), Some(false)) => {
            let folder = earlier.text("kubelet.static_pod_path").unwrap_or(MANIFESTS);
            if host.root.is_live() || host.root.metadata(folder).is_found() || is_rancher(earlier) {
                Fact::known("worker", Source::file(folder))
            } else {
                Fact::unreadable(Source::file(folder), format!("read {folder}: not recorded"))
            }
        }
    }
}

fn is_rancher(earlier: &Facts) -> bool {
    matches!(earlier.text("kubelet.distribution"), Some("k3s" | "rke2"))
}

fn admin_kubeconfigs(host: &Host, k3s: Option<&K3s>) -> Fact {
    let mut kubeconfigs = Vec::new();
    for path in ADMIN_KUBECONFIGS {
        let source = Source::file(*path);
        match host.root.metadata(path) {
            Outcome::Found(file) => kubeconfigs.push(kubeconfig(path, file.mode, file.gid, &source)),
            Outcome::Absent => {}
            Outcome::Unreadable(why) => kubeconfigs.push(Fact::unreadable(source, why)),
        }
    }
    // k3s gives the file this mode again at each start.
    if let Some(setting) = k3s.filter(|k3s| k3s.is_server).and_then(|k3s| k3s.setting("write-kubeconfig-mode")) {
        let path = if k3s.is_some_and(|k3s| k3s.distribution == "rke2") { RKE2_KUBECONFIG } else { K3S_KUBECONFIG };
        if let Ok(mode) = u32::from_str_radix(setting.value.trim_start_matches("0o"), 8) {
            kubeconfigs.push(kubeconfig(path, mode, 0, &setting.source));
        }
    }
    Fact::group(kubeconfigs)
}

fn kubeconfig(path: &str, mode: u32, gid: u32, source: &Source) -> Fact {
    let is_exposed = mode & 0o004 != 0 || (mode & 0o040 != 0 && gid != 0);
    let members = vec![
        ("path", Fact::known(path, source.clone())),
        ("mode", Fact::known(format!("{:04o}", mode & 0o7777), source.clone())),
        ("is_readable_by_others", Fact::known(is_exposed, source.clone())),
    ];
    element(members, source)
}

#[cfg(test)]
#[path = "control_plane_test.rs"]
mod control_plane_test;
