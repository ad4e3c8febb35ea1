//! Every container runtime of the host side by side, for rules that judge
//! their versions.
//!
//! In: the facts of containerd, CRI-O, Docker and of the runtime that the
//! kubelet uses. Out: the fact `installed_runtimes`.

use std::collections::BTreeMap;

use super::presence::find_package;
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::host::root::Outcome;
use crate::fact::host::{Collector, Host};
use crate::fact::{Fact, Facts, Source};

/// A container runtime on the host.
const INSTALLED: &[Field] = &[
    Field::new("name", Type::Text, "`containerd`, `cri-o` or `docker`."),
    Field::new("product", Type::Text, "Its name in the table of life cycles."),
    Field::new("version", Type::Text, "Its version: of the running one by CRI, else by its package."),
    Field::new("is_distribution_build", Type::Bool, "Whether the distribution built it and mends it itself."),
    Field::new(
        "comes_with",
        Type::Text,
        "What brings it along and updates it: `k3s`, `rke2`, `k0s`, `microk8s` or `docker`. Absent: it is installed for itself.",
    ),
    Field::new("is_used_by_kubelet", Type::Bool, "Whether the kubelet of this host uses it."),
];

const FACTS: &[FactDoc] = &[FactDoc::new(
    "installed_runtimes",
    Type::List(&Type::Object(INSTALLED)),
    "The container runtimes that are installed on this host, by name.",
)];

/// Joins the runtimes.
pub(in crate::fact::host) const COLLECTOR: Collector = Collector {
    name: "installed_runtimes",
    facts: FACTS,
    needs: &["docker", "crio", "containerd", "runtime"],
    collect,
};

/// A runtime, the root of its facts, and its name in the table of life cycles.
/// A CRI-O minor ends with the Kubernetes minor of its number, by its README.
const RUNTIMES: &[(&str, &str, &str)] = &[
    ("containerd", "containerd", "containerd"),
    ("cri-o", "crio", "kubernetes"),
    ("docker", "docker", "docker-engine"),
];

/// Marks of a distribution in a version: Debian's and Ubuntu's source
/// suffixes, rpm's dist tags, Azure's and Amazon's.
const MARKS: &[&str] = &["~ds", "+ds", "+dfsg", "ubuntu", ".el", ".fc", ".oe", ".ky", ".an", "+azure", "amzn", "+deb"];

fn collect(host: &Host, earlier: &Facts) -> Facts {
    let mut facts = Facts::default();
    let mut installed = Vec::new();
    let mut unknown = None;
    for (name, root, product) in RUNTIMES {
        let present = earlier.get(&format!("{root}.present"));
        match present.and_then(Fact::bool) {
            Some(true) => installed.push(runtime(host, earlier, name, root, product)),
            Some(false) => {}
            None => unknown = present.cloned(),
        }
    }
    let looked = Source::file("/usr/bin");
    let fact = match unknown {
        // What is known to be here is judged; what may be here is not listed.
        Some(Fact::Unreadable { source, reason }) if installed.is_empty() => Fact::Unreadable { source, reason },
        _ => Fact::known(installed, looked),
    };
    facts.set("installed_runtimes", fact);
    facts
}

fn runtime(host: &Host, earlier: &Facts, name: &str, root: &str, product: &str) -> Fact {
    let looked = Source::file("/usr/bin");
    let unreadable = |reason: &str| Fact::unreadable(looked.clone(), reason);
    let version = earlier
        .get(&format!("{root}.version"))
        .cloned()
        .unwrap_or_else(|| unreadable("find the version: nothing tells it"));
    let used = earlier.text("runtime.name");
    // The running daemon's own answer comes before its package.
    let version = match (used == Some(name), earlier.get("runtime.version")) {
        (true, Some(own @ Fact::Known { .. })) => own.clone(),
        _ => version,
    };
    let is_own = match (name, earlier.get(&format!("{root}.is_distribution_build"))) {
        ("containerd", _) => containerd_is_distribution_build(host, &version),
        (_, Some(fact @ (Fact::Known { .. } | Fact::Unreadable { .. }))) => fact.clone(),
        _ => Fact::known(false, looked.clone()),
    };
    let is_used = match (used, earlier.bool("runtime.present")) {
        (Some(used), _) => Fact::known(used == name, looked.clone()),
        (None, Some(false)) => Fact::known(false, looked.clone()),
        _ => unreadable("find the runtime: which one the kubelet uses is not known"),
    };
    Fact::known(
        BTreeMap::from([
            ("name".to_owned(), Fact::known(name, looked.clone())),
            ("product".to_owned(), Fact::known(product, looked.clone())),
            ("version".to_owned(), version),
            ("is_distribution_build".to_owned(), is_own),
            ("comes_with".to_owned(), comes_with(earlier, name)),
            ("is_used_by_kubelet".to_owned(), is_used),
        ]),
        looked,
    )
}

/// Who brings containerd along, by its supervisor.
fn comes_with(earlier: &Facts, name: &str) -> Fact {
    match earlier.get("containerd.supervisor") {
        Some(supervisor) if name == "containerd" => match supervisor.text() {
            Some("systemd") => Fact::absent(supervisor.source().cloned().unwrap_or_else(|| Source::file("/usr/bin"))),
            Some(_) => supervisor.clone(),
            None => Fact::absent(Source::file("/usr/bin")),
        },
        _ => Fact::absent(Source::file("/usr/bin")),
    }
}

/// Whether a distribution built containerd. `containerd.io` is Docker's own,
/// although its versions end in `.el7` or `~ubuntu.22.04~jammy`; a version that
/// CRI tells carries no such suffix.
fn containerd_is_distribution_build(host: &Host, version: &Fact) -> Fact {
    let source = version.source().cloned().unwrap_or_else(|| Source::file("/usr/bin/containerd"));
    match find_package(host, &["containerd.io", "containerd", "moby-containerd"]) {
        Outcome::Found(package) => Fact::known(package.name != "containerd.io", source),
        Outcome::Absent | Outcome::Unreadable(_) => match version.text() {
            Some(text) => Fact::known(is_distribution_build(text), source),
            None => Fact::unreadable(source, "find the builder: the version is not known"),
        },
    }
}

/// Whether a version says itself that a distribution built it, and so mends it.
pub(in crate::fact) fn is_distribution_build(version: &str) -> bool {
    MARKS.iter().any(|mark| version.contains(mark))
}
