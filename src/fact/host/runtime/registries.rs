//! Image registries as containers/image knows them: what CRI-O, podman and
//! buildah share.
//!
//! In: `/etc/containers/registries.conf` and `registries.conf.d/*.conf`. Out:
//! the facts `registries.*`. Truth: containers-registries.conf(5) and
//! containers-registries.conf.d(5).

use std::collections::BTreeMap;

use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::host::document::{self, Node};
use crate::fact::host::root::Outcome;
use crate::fact::host::{Collector, Host};
use crate::fact::{Fact, Facts, Source};

/// A place that is asked instead of a registry.
const MIRROR: &[Field] = &[
    Field::new("registry", Type::Text, "The registry, or its prefix, that is mirrored."),
    Field::new("location", Type::Text, "Where its images are asked for."),
    Field::new("insecure", Type::Bool, "Whether plain HTTP and unverified TLS are accepted there."),
];

const FACTS: &[FactDoc] = &[
    FactDoc::new(
        "registries.insecure",
        Type::List(&Type::Text),
        "Registries with `insecure = true`, or of version 1's `[registries.insecure]`.",
    ),
    FactDoc::new(
        "registries.mirrors",
        Type::List(&Type::Object(MIRROR)),
        "Mirrors, in the order in which they are asked.",
    ),
    FactDoc::new(
        "registries.unqualified_search",
        Type::List(&Type::Text),
        "Registries that a short image name is looked for in.",
    ),
];

/// Reads the configuration of containers/image.
pub(in crate::fact::host) const COLLECTOR: Collector =
    Collector { name: "registries", facts: FACTS, needs: &[], collect };

const MAIN: &str = "/etc/containers/registries.conf";
const DROP_INS: &str = "/etc/containers/registries.conf.d";

fn collect(host: &Host, _earlier: &Facts) -> Facts {
    let mut facts = Facts::default();
    match read_files(host) {
        Ok(files) => {
            let Registries { insecure, mirrors, search } = merge(&files);
            facts.set("registries.insecure", Fact::known(insecure, Source::file(MAIN)));
            facts.set("registries.mirrors", Fact::known(mirrors, Source::file(MAIN)));
            facts.set("registries.unqualified_search", Fact::known(search, Source::file(MAIN)));
        }
        Err((path, reason)) => {
            for doc in FACTS {
                facts.set(doc.path, Fact::unreadable(Source::file(&path), reason.clone()));
            }
        }
    }
    facts
}

fn read_files(host: &Host) -> Result<Vec<(String, Node)>, (String, String)> {
    let mut paths = vec![MAIN.to_owned()];
    match host.root.read_folder(DROP_INS) {
        Outcome::Found(names) => {
            paths.extend(names.iter().filter(|name| is_conf(name)).map(|name| format!("{DROP_INS}/{name}")));
        }
        Outcome::Absent => {}
        Outcome::Unreadable(reason) => return Err((DROP_INS.to_owned(), reason)),
    }
    let mut files = Vec::new();
    for path in paths {
        match host.root.read_text(&path) {
            Outcome::Found(text) => {
                let node =
                    document::parse_toml(&text).map_err(|error| (path.clone(), format!("parse {path}: {error}")))?;
                files.push((path, node));
            }
            Outcome::Absent => {}
            Outcome::Unreadable(reason) => return Err((path, reason)),
        }
    }
    Ok(files)
}

/// Only names that end in `.conf` are read.
fn is_conf(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, kind)| kind == "conf")
}

/// What all files together say.
#[derive(Debug, Default)]
struct Registries {
    insecure: Vec<Fact>,
    mirrors: Vec<Fact>,
    search: Vec<Fact>,
}

/// Merges the files: a `[[registry]]` of a later file replaces the one of the
/// same prefix, and a later `unqualified-search-registries` all earlier ones.
fn merge(files: &[(String, Node)]) -> Registries {
    let mut merged = Registries::default();
    let mut tables: BTreeMap<String, (&str, &Node)> = BTreeMap::new();
    for (path, document) in files {
        for table in document.get("registry").map(Node::list).unwrap_or_default() {
            let text = |key: &str| table.get(key).and_then(Node::text);
            if let Some(prefix) = text("prefix").filter(|prefix| !prefix.is_empty()).or_else(|| text("location")) {
                tables.insert(prefix.to_owned(), (path, table));
            }
        }
        if let Some(node) = document.get("unqualified-search-registries") {
            merged.search = texts(node, path);
        }
        // Version 1: tables of names without options.
        if let Some(node) = document.at(&["registries", "insecure", "registries"]) {
            merged.insecure.extend(texts(node, path));
        }
        if let Some(node) = document.at(&["registries", "search", "registries"]) {
            merged.search = texts(node, path);
        }
    }
    for (prefix, (path, table)) in tables {
        if let Some(node) = table.get("insecure").filter(|node| node.bool() == Some(true)) {
            merged.insecure.push(Fact::known(prefix.as_str(), Source::line(path, node.line)));
        }
        for mirror in table.get("mirror").map(Node::list).unwrap_or_default() {
            merged.mirrors.extend(mirror_of(&prefix, mirror, path));
        }
    }
    merged
}

fn mirror_of(prefix: &str, mirror: &Node, path: &str) -> Option<Fact> {
    let location = mirror.get("location")?;
    let source = Source::line(path, location.line);
    let insecure = match mirror.get("insecure") {
        Some(node) => Fact::known(node.bool() == Some(true), Source::line(path, node.line)),
        None => Fact::known(false, Source::default_of("containers-registries.conf(5), insecure")),
    };
    Some(Fact::known(
        BTreeMap::from([
            ("registry".to_owned(), Fact::known(prefix, source.clone())),
            ("location".to_owned(), Fact::known(location.text()?, source.clone())),
            ("insecure".to_owned(), insecure),
        ]),
        source,
    ))
}

fn texts(node: &Node, path: &str) -> Vec<Fact> {
    let elements = node.list().iter();
    elements.filter_map(|element| Some(Fact::known(element.text()?, Source::line(path, element.line)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(files: &[(&str, &str)]) -> Registries {
        let files: Vec<_> =
            files.iter().map(|(path, text)| ((*path).to_owned(), document::parse_toml(text).unwrap())).collect();
        merge(&files)
    }

    fn all(facts: &[Fact]) -> Vec<&str> {
        facts.iter().filter_map(Fact::text).collect()
    }

    #[test]
    fn version_1_names_insecure_registries_in_a_table() {
        let merged = merged(&[(
            "/a",
            "[registries.search]\nregistries = ['docker.io']\n[registries.insecure]\nregistries = ['harbor.example:5000']\n",
        )]);
        assert_eq!(all(&merged.insecure), ["harbor.example:5000"]);
        assert_eq!(all(&merged.search), ["docker.io"]);
    }

    #[test]
    fn a_later_file_replaces_the_registry_of_the_same_prefix() {
        let merged = merged(&[
            (
                "/a",
                "unqualified-search-registries = ['docker.io']\n[[registry]]\nprefix = 'docker.io'\nlocation = 'docker.io'\ninsecure = true\n",
            ),
            (
                "/b",
                "[[registry]]\nlocation = 'docker.io'\n[[registry.mirror]]\nlocation = 'mirror.example'\ninsecure = true\n",
            ),
        ]);
        assert_eq!(all(&merged.insecure), Vec::<&str>::new());
        assert_eq!(merged.mirrors.len(), 1);
        assert_eq!(merged.mirrors[0].member("insecure").and_then(Fact::bool), Some(true));
        assert_eq!(all(&merged.search), ["docker.io"]);
    }

    #[test]
    fn no_files_name_no_registries() {
        let merged = merged(&[]);
        assert!(merged.insecure.is_empty() && merged.mirrors.is_empty() && merged.search.is_empty());
    }
}
