//! The repositories that packages come from, and what is left unchecked.
//!
//! apt: `sources.list`, `sources.list.d/*.list` and `*.sources`. yum and dnf:
//! `/etc/yum.repos.d/*.repo` with `[main]` of yum.conf or dnf.conf. zypper:
//! `/etc/zypp/repos.d/*.repo`.

mod apt;
mod content;
mod ini;
mod yum;

use std::collections::BTreeMap;

use content::Content;
pub(super) use ini::{IniFile, truth};
use yum::Main;

use super::root::{HostRoot, Outcome};
use super::{Collector, Host};
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::{Fact, Facts, Source};

/// Reads the repositories of all package managers.
pub(super) const COLLECTOR: Collector = Collector { name: "repository", facts: FACTS, needs: &[], collect };

const FACTS: &[FactDoc] = &[
    FactDoc::new(
        "repository.enabled",
        Type::List(&Type::Object(REPOSITORY)),
        "The repositories that are enabled. Source: the line of the address. Absent: the host has no folder of a package manager's sources.",
    ),
    FactDoc::new(
        "repository.unverified_tls",
        Type::List(&Type::Text),
        "Settings of package managers that turn off the verification of certificates, such as `sslverify=0`, each with its line.",
    ),
];

const REPOSITORY: &[Field] = &[
    Field::new("name", Type::Text, "id of the section, or for apt the address and suites"),
    Field::new("url", Type::Text, "first address that packages or mirror lists are fetched from"),
    Field::new("manager", Type::Text, "`apt`, `dnf` (yum too) or `zypper`"),
    Field::new(
        "content",
        Type::Text,
        "`kubernetes`, `runtime` (containerd, docker, cri-o) or `other`, by the address and the name",
    ),
    Field::new("is_plain_http", Type::Bool, "whether an address begins with `http://`"),
    Field::new(
        "is_legacy_kubernetes",
        Type::Bool,
        "whether it is the repository that Google hosted until 2024, or a copy of it",
    ),
    Field::new("is_local", Type::Bool, "whether every address is on the host itself"),
    Field::new(
        "unchecked",
        Type::List(&Type::Text),
        "settings that turn off signatures: `gpgcheck=0`, `repo_gpgcheck=0` (only where the repository itself says so), `trusted=yes`",
    ),
];

/// Which program reads a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manager {
    Apt,
    Dnf,
    Zypper,
}

/// A repository as its file describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Repository {
    name: String,
    urls: Vec<String>,
    suites: Vec<String>,
    manager: Manager,
    is_enabled: bool,
    unchecked: Vec<Unchecked>,
    source: Source,
}

/// A setting that leaves something unchecked, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Unchecked {
    setting: String,
    source: Source,
}

fn collect(host: &Host, _: &Facts) -> Facts {
    let mut reading = Reading::default();
    reading.read_apt(&host.root);
    reading.read_yum(&host.root);
    reading.into_facts()
}

/// What was read so far.
#[derive(Default)]
struct Reading {
    repositories: Vec<Repository>,
    unverified: Vec<Unchecked>,
    /// Whether any file or folder of sources was there.
    is_present: bool,
    unreadable: Option<(String, String)>,
}

impl Reading {
    fn read_apt(&mut self, root: &HostRoot) {
        if let Some(text) = self.text(root, "/etc/apt/sources.list") {
            self.is_present = true;
            self.repositories.extend(apt::parse_list(&text, "/etc/apt/sources.list"));
        }
        for path in self.files(root, "/etc/apt/sources.list.d") {
            self.is_present = true;
            let is_list = path.ends_with(".list");
            if !is_list && !path.ends_with(".sources") {
                continue;
            }
            if let Some(text) = self.text(root, &path) {
                let parse = if is_list { apt::parse_list } else { apt::parse_deb822 };
                self.repositories.extend(parse(&text, &path));
            }
        }
        let mut paths = vec!["/etc/apt/apt.conf".to_owned()];
        paths.extend(self.files(root, "/etc/apt/apt.conf.d"));
        for path in paths {
            if let Some(text) = self.text(root, &path) {
                self.unverified.extend(apt::parse_unverified(&text, &path));
            }
        }
    }

    fn read_yum(&mut self, root: &HostRoot) {
        let mut main = Main::default();
        let mut seen = Vec::new();
        for path in ["/etc/dnf/dnf.conf", "/etc/yum.conf"] {
            // One is often a link to the other.
            let resolved = root.resolve(path).found();
            if resolved.is_some() && seen.contains(&resolved) {
                continue;
            }
            seen.push(resolved);
            if let Some(text) = self.text(root, path) {
                let read = Main::parse(&text, path);
                self.unverified.extend(read.unverified.clone());
                main.unsigned = main.unsigned.take().or(read.unsigned);
                self.repositories.extend(yum::parse_repo(&text, path, Manager::Dnf, &main));
            }
        }
        for (folder, manager) in [
            ("/etc/yum.repos.d", Manager::Dnf),
            ("/etc/distro.repos.d", Manager::Dnf),
            ("/etc/zypp/repos.d", Manager::Zypper),
        ] {
            let main = if manager == Manager::Dnf { main.clone() } else { Main::default() };
            for path in self.files(root, folder) {
                self.is_present = true;
                if path.ends_with(".repo")
                    && let Some(text) = self.text(root, &path)
                {
                    self.repositories.extend(yum::parse_repo(&text, &path, manager, &main));
                    self.unverified.extend(yum::parse_unverified(&text, &path));
                }
            }
        }
    }

    fn text(&mut self, root: &HostRoot, path: &str) -> Option<String> {
        let outcome = root.read_text(path);
        if let Outcome::Unreadable(reason) = &outcome {
            self.unreadable = Some((path.to_owned(), reason.clone()));
        }
        outcome.found()
    }

    fn files(&mut self, root: &HostRoot, folder: &str) -> Vec<String> {
        let outcome = root.read_folder(folder);
        self.is_present |= outcome.is_found();
        if let Outcome::Unreadable(reason) = &outcome {
            self.unreadable = Some((folder.to_owned(), reason.clone()));
        }
        outcome.found().unwrap_or_default().into_iter().map(|name| format!("{folder}/{name}")).collect()
    }

    fn into_facts(self) -> Facts {
        let mut facts = Facts::default();
        // One file that cannot be read makes the lists incomplete; what was
        // read still counts, so the list ends with what is missing.
        let missing = self.unreadable.map(|(path, reason)| Fact::unreadable(Source::file(path), reason));
        let enabled = self.repositories.iter().filter(|repository| repository.is_enabled).map(fact_of);
        let enabled: Vec<Fact> = enabled.chain(missing.clone()).collect();
        let unverified: Vec<Fact> = self.unverified.into_iter().map(Unchecked::into_fact).chain(missing).collect();
        let nowhere = || Fact::absent(Source::file("/etc"));
        let is_absent = enabled.is_empty() && !self.is_present;
        facts.set("repository.enabled", if is_absent { nowhere() } else { Fact::group(enabled) });
        let is_absent = unverified.is_empty() && !self.is_present;
        facts.set("repository.unverified_tls", if is_absent { nowhere() } else { Fact::group(unverified) });
        facts
    }
}

impl Unchecked {
    fn into_fact(self) -> Fact {
        Fact::known(self.setting, self.source)
    }
}

fn fact_of(repository: &Repository) -> Fact {
    let manager = match repository.manager {
        Manager::Apt => "apt",
        Manager::Dnf => "dnf",
        Manager::Zypper => "zypper",
    };
    let at = |value: crate::fact::Value| Fact::known(value, repository.source.clone());
    let url = repository.urls.first().map(|url| without_password(url));
    let mut members = BTreeMap::from([
        ("name".to_owned(), at(without_password(&repository.name).into())),
        ("manager".to_owned(), at(manager.into())),
        ("content".to_owned(), at(Content::of(repository).name().into())),
        ("is_plain_http".to_owned(), at(content::is_plain_http(repository).into())),
        ("is_legacy_kubernetes".to_owned(), at(content::is_legacy_kubernetes(repository).into())),
        ("is_local".to_owned(), at(content::is_local(repository).into())),
        (
            "unchecked".to_owned(),
            Fact::group(repository.unchecked.iter().cloned().map(Unchecked::into_fact).collect::<Vec<_>>()),
        ),
    ]);
    if let Some(url) = url {
        members.insert("url".to_owned(), at(url.into()));
    }
    Fact::group(members)
}

/// Addresses without what stands before an `@`: `https://user:password@host/`.
fn without_password(text: &str) -> String {
    let words = text.split(' ').map(|word| match word.split_once("://") {
        Some((scheme, rest)) => {
            let host_end = rest.find('/').unwrap_or(rest.len());
            match rest.get(..host_end).and_then(|host| host.rfind('@')) {
                Some(at) => format!("{scheme}://{}", rest.get(at + 1..).unwrap_or("")),
                None => word.to_owned(),
            }
        }
        None => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    fn write(tree: &Path, path: &str, text: &str) {
        let path = tree.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn facts(tree: &Path) -> Facts {
        let mut reading = Reading::default();
        let root = HostRoot::open(tree).unwrap();
        reading.read_apt(&root);
        reading.read_yum(&root);
        reading.into_facts()
    }

    #[test]
    fn enabled_repositories_of_all_managers_are_listed() {
        let tree = tempfile::tempdir().unwrap();
        write(
            tree.path(),
            "etc/apt/sources.list.d/k.list",
            "deb https://user:pw@apt.kubernetes.io/ kubernetes-xenial main\n",
        );
        write(tree.path(), "etc/apt/sources.list.d/k.list.save", "deb http://ignored/ x main\n");
        write(
            tree.path(),
            "etc/yum.repos.d/d.repo",
            "[docker-ce]\nbaseurl=http://download.docker.com/linux/x\n[off]\nenabled=0\n",
        );
        let facts = facts(tree.path());
        let list = facts.get("repository.enabled").unwrap().list().unwrap().to_vec();
        assert_eq!(list.len(), 2);
        assert_eq!(list[0].member("url").unwrap().text(), Some("https://apt.kubernetes.io/"));
        assert_eq!(list[0].member("name").unwrap().text(), Some("https://apt.kubernetes.io/ kubernetes-xenial"));
        assert_eq!(list[0].member("is_legacy_kubernetes").unwrap().bool(), Some(true));
        assert_eq!(list[1].member("content").unwrap().text(), Some("runtime"));
        assert_eq!(list[1].member("is_plain_http").unwrap().bool(), Some(true));
        assert_eq!(list[1].member("url").unwrap().source(), Some(&Source::line("/etc/yum.repos.d/d.repo", 2)));
    }

    #[test]
    fn certificates_that_yum_does_not_verify_are_said_once() {
        let tree = tempfile::tempdir().unwrap();
        write(tree.path(), "etc/dnf/dnf.conf", "[main]\nsslverify=0\n");
        std::os::unix::fs::symlink("dnf/dnf.conf", tree.path().join("etc/yum.conf")).unwrap();
        let facts = facts(tree.path());
        let list = facts.get("repository.unverified_tls").unwrap().list().unwrap().to_vec();
        assert_eq!(list, [Fact::known("sslverify=0", Source::line("/etc/dnf/dnf.conf", 2))]);
    }

    #[test]
    fn a_tree_without_sources_has_none() {
        let tree = tempfile::tempdir().unwrap();
        assert!(matches!(facts(tree.path()).get("repository.enabled"), Some(Fact::Absent { .. })));
    }

    #[test]
    fn a_file_that_cannot_be_read_leaves_the_list_incomplete() {
        let tree = tempfile::tempdir().unwrap();
        fs::create_dir_all(tree.path().join("etc/yum.repos.d/x.repo")).unwrap();
        let facts = facts(tree.path());
        let list = facts.get("repository.enabled").unwrap().list().unwrap().to_vec();
        assert!(matches!(list.as_slice(), [Fact::Unreadable { .. }]));
    }
}
