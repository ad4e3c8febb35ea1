//! Facts of packages that rules ask for: Kubernetes' own, Python and git.

use std::collections::BTreeMap;

use super::{Holds, Package, read_holds};
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::host::root::{HostRoot, Outcome};
use crate::fact::host::{Collector, Host};
use crate::fact::{Fact, Facts, Source};

/// Reads what packages say of Kubernetes, Python and git.
pub(in crate::fact::host) const COLLECTOR: Collector = Collector { name: "package", facts: FACTS, needs: &[], collect };

const FACTS: &[FactDoc] = &[
    FactDoc::new(
        "packages.kubernetes",
        Type::List(&Type::Object(PACKAGE)),
        "The installed ones of kubelet, kubeadm and kubectl. Absent: the host has no package database.",
    ),
    FactDoc::new(
        "tool.python",
        Type::List(&Type::Object(PYTHON)),
        "Python interpreters, one of each line: those of packages, and those in `/usr/local/bin`. Absent: the host has no package database and none there.",
    ),
    FactDoc::new("tool.git", Type::Object(TOOL), "The installed git. Absent: no package of that name."),
];

const PACKAGE: &[Field] = &[
    Field::new("name", Type::Text, "name"),
    Field::new("version", Type::Text, "version, epoch and release included"),
    Field::new(
        "is_held",
        Type::Bool,
        "whether a hold of dpkg, a versionlock, an exclude, a pin or a lock of zypper keeps it",
    ),
];

const PYTHON: &[Field] = &[
    Field::new("line", Type::Text, "major and minor version, such as `3.9`"),
    Field::new("name", Type::Text, "name of the package, or path of the program"),
    Field::new("is_packaged", Type::Bool, "whether a package brought it"),
];

const TOOL: &[Field] = &[Field::new("version", Type::Text, "version, epoch and release included")];

const KUBERNETES: &[&str] = &["kubeadm", "kubectl", "kubelet"];

const LOCAL_PROGRAMS: &str = "/usr/local/bin";

fn collect(host: &Host, _: &Facts) -> Facts {
    let mut facts = Facts::default();
    let nowhere = || Source::file("/var/lib");
    match host.packages() {
        Outcome::Found(packages) => {
            let holds = read_holds(&host.root);
            let of_kubernetes = packages.iter().filter(|package| KUBERNETES.contains(&package.name.as_str()));
            let list: Vec<Fact> = of_kubernetes.map(|package| kubernetes_fact(package, &holds)).collect();
            facts.set("packages.kubernetes", Fact::group(list));
            let git = packages.iter().find(|package| matches!(package.name.as_str(), "git" | "git-core"));
            facts.set("tool.git", git.map_or_else(|| Fact::absent(nowhere()), git_fact));
        }
        Outcome::Absent => {
            facts.set("packages.kubernetes", Fact::absent(nowhere()));
            facts.set("tool.git", Fact::absent(nowhere()));
        }
        Outcome::Unreadable(reason) => {
            facts.set("packages.kubernetes", Fact::unreadable(nowhere(), reason.as_str()));
            facts.set("tool.git", Fact::unreadable(nowhere(), reason.as_str()));
        }
    }
    facts.set("tool.python", read_python(&host.root, host.packages()));
    facts
}

fn source_of(package: &Package) -> Source {
    Source::File { path: package.path.clone(), line: package.line }
}

fn kubernetes_fact(package: &Package, holds: &Holds) -> Fact {
    let source = source_of(package);
    let is_held = match (holds.of(&package.name), &holds.unreadable) {
        _ if package.is_held && holds.of(&package.name).is_none() => Fact::known(true, source.clone()),
        (Some(hold), _) => Fact::known(true, hold.source.clone()),
        (None, Some(reason)) => Fact::unreadable(source.clone(), reason.as_str()),
        (None, None) => Fact::known(false, source.clone()),
    };
    Fact::group(BTreeMap::from([
        ("name".to_owned(), Fact::known(package.name.as_str(), source.clone())),
        ("version".to_owned(), Fact::known(package.version.as_str(), source)),
        ("is_held".to_owned(), is_held),
    ]))
}

fn git_fact(package: &Package) -> Fact {
    let version = Fact::known(package.version.as_str(), source_of(package));
    Fact::group(BTreeMap::from([("version".to_owned(), version)]))
}

/// The interpreters of each line; a package wins over a program beside it.
fn read_python(root: &HostRoot, packages: &Outcome<Vec<Package>>) -> Fact {
    let mut found: BTreeMap<String, Fact> = BTreeMap::new();
    let mut add = |line: String, name: &str, is_packaged: bool, source: &Source| {
        let known = |text: &str| Fact::known(text, source.clone());
        let members = BTreeMap::from([
            ("line".to_owned(), known(&line)),
            ("name".to_owned(), known(name)),
            ("is_packaged".to_owned(), Fact::known(is_packaged, source.clone())),
        ]);
        found.entry(line).or_insert_with(|| Fact::group(members));
    };
    if let Outcome::Found(packages) = packages {
        for package in packages {
            if let Some(line) = python_line(&package.name, &package.version) {
                add(line, &package.name, true, &source_of(package));
            }
        }
    }
    let local = root.read_folder(LOCAL_PROGRAMS);
    for name in local.as_ref().found().into_iter().flatten() {
        if let Some(line) = name.strip_prefix("python").filter(|line| is_line(line)) {
            let path = format!("{LOCAL_PROGRAMS}/{name}");
            add(line.to_owned(), &path, false, &Source::file(path.as_str()));
        }
    }
    let found: Vec<Fact> = found.into_values().collect();
    match packages {
        Outcome::Unreadable(reason) => Fact::unreadable(Source::file("/var/lib"), reason.as_str()),
        Outcome::Absent if found.is_empty() => Fact::absent(Source::file(LOCAL_PROGRAMS)),
        _ => Fact::group(found),
    }
}

/// The line of an interpreter's package, from its version: `python3` of
/// Debian 12 is 3.11, and `platform-python` of Red Hat's 8 is 3.6.
fn python_line(name: &str, version: &str) -> Option<String> {
    let name = name.strip_prefix("rh-").map_or(name, |scl| scl.split('-').next_back().unwrap_or(scl));
    let rest = if name == "platform-python" { "" } else { name.strip_prefix("python")? };
    let rest = rest.strip_suffix("-minimal").unwrap_or(rest);
    if !rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return None;
    }
    let version = version.split_once(':').map_or(version, |(_, version)| version);
    let mut parts = version.split(|character: char| !character.is_ascii_digit());
    let line = format!("{}.{}", parts.next()?, parts.next()?);
    is_line(&line).then_some(line)
}

/// Whether it is a major and a minor number.
fn is_line(text: &str) -> bool {
    text.split_once('.').is_some_and(|(major, minor)| {
        matches!(major, "2" | "3") && !minor.is_empty() && minor.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::host::package::Hold;

    fn package(name: &str, version: &str, is_held: bool) -> Package {
        Package { name: name.into(), version: version.into(), is_held, path: "/db".into(), line: Some(1) }
    }

    #[test]
    fn lines_of_python_come_from_versions() {
        for (name, version, line) in [
            ("python3", "3.11.2-1+b1", Some("3.11")),
            ("platform-python", "3.6.8-47.el8", Some("3.6")),
            ("python", "2.7.5-94.el7_9", Some("2.7")),
            ("python39", "3.9.18-1.module_el8", Some("3.9")),
            ("python3.8-minimal", "3.8.10-0ubuntu1", Some("3.8")),
            ("rh-python38-python", "3.8.18-1.el7", Some("3.8")),
            ("python3-libs", "3.9.1", None),
            ("python3-pip", "21.0", None),
            ("pythonista", "3.1", None),
        ] {
            assert_eq!(python_line(name, version).as_deref(), line, "{name}");
        }
    }

    #[test]
    fn what_holds_a_package_is_its_source() {
        let holds = Holds {
            holds: vec![Hold { pattern: "kube*".into(), source: Source::line("/etc/yum.conf", 3) }],
            unreadable: None,
        };
        let fact = kubernetes_fact(&package("kubelet", "1.28.2-0", true), &holds);
        assert_eq!(fact.member("is_held"), Some(&Fact::known(true, Source::line("/etc/yum.conf", 3))));
        let fact = kubernetes_fact(&package("kubelet", "1.28.2-0", true), &Holds::default());
        assert_eq!(fact.member("is_held"), Some(&Fact::known(true, Source::line("/db", 1))));
    }

    #[test]
    fn a_file_of_holds_that_cannot_be_read_leaves_open_whether_a_package_is_held() {
        let holds = Holds { holds: Vec::new(), unreadable: Some("read /etc/yum.conf: permission denied".into()) };
        let fact = kubernetes_fact(&package("kubelet", "1.28.2-0", false), &holds);
        assert!(matches!(fact.member("is_held"), Some(Fact::Unreadable { .. })));
    }

    #[test]
    fn interpreters_of_usr_local_are_not_packaged() {
        let tree = tempfile::tempdir().unwrap();
        let folder = tree.path().join("usr/local/bin");
        std::fs::create_dir_all(&folder).unwrap();
        for name in ["python3.8", "python3", "python3.8-config", "python3.11"] {
            std::fs::write(folder.join(name), "").unwrap();
        }
        let root = HostRoot::open(tree.path()).unwrap();
        let packages = Outcome::Found(vec![package("python3", "3.11.2-1", false)]);
        let fact = read_python(&root, &packages);
        let origins: Vec<_> = fact
            .list()
            .unwrap()
            .iter()
            .map(|python| {
                (python.member("line").unwrap().text().unwrap(), python.member("is_packaged").unwrap().bool())
            })
            .collect();
        assert_eq!(origins, [("3.11", Some(true)), ("3.8", Some(false))]);
    }
}
