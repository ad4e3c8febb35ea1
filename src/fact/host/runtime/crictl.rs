//! crictl: whether it is here and which runtime it talks to.
//!
//! In: the usual folders, `/etc/crictl.yaml` and `crictl.yaml` beside the
//! binary. Out: the facts `crictl.*`. Truth:
//! <https://github.com/kubernetes-sigs/cri-tools/blob/master/docs/crictl.md>.

use super::presence::{PROGRAM_FOLDERS, find_program};
use crate::fact::catalogue::{FactDoc, Type};
use crate::fact::host::document::{self, Node};
use crate::fact::host::root::Outcome;
use crate::fact::host::{Collector, Host};
use crate::fact::{Fact, Facts, Source};

const FACTS: &[FactDoc] = &[
    FactDoc::new("crictl.present", Type::Bool, "Whether crictl is installed as a program of its own."),
    FactDoc::new(
        "crictl.is_wrapper",
        Type::Bool,
        "Whether it is part of k3s, RKE2 or k0s, which tell it the endpoint themselves.",
    ),
    FactDoc::new("crictl.path", Type::Text, "Where it is."),
    FactDoc::new(
        "crictl.runtime_endpoint",
        Type::Text,
        "`runtime-endpoint` of its configuration file. Absent: it tries a list of sockets in turn.",
    ),
    FactDoc::new("crictl.image_endpoint", Type::Text, "`image-endpoint`. Absent: the runtime's is used."),
];

/// Reads crictl and its configuration.
pub(in crate::fact::host) const COLLECTOR: Collector = Collector { name: "crictl", facts: FACTS, needs: &[], collect };

fn collect(host: &Host, _earlier: &Facts) -> Facts {
    let mut facts = Facts::default();
    let looked = Source::file("/usr/bin/crictl");
    let path = match find_program(host, &["crictl"]) {
        Outcome::Found(path) => path,
        Outcome::Absent => {
            let was_recorded = host.packages().is_found()
                || PROGRAM_FOLDERS.iter().any(|folder| host.root.read_folder_once(folder).is_found());
            let present = if was_recorded {
                Fact::known(false, looked.clone())
            } else {
                Fact::unreadable(looked.clone(), "find crictl: no folder of programs was recorded")
            };
            return without_crictl(facts, present, &Fact::absent(looked));
        }
        Outcome::Unreadable(reason) => {
            let unreadable = Fact::unreadable(looked, reason);
            return without_crictl(facts, unreadable.clone(), &unreadable);
        }
    };
    let source = Source::file(&path);
    facts.set("crictl.present", Fact::known(true, source.clone()));
    facts.set("crictl.is_wrapper", Fact::known(is_wrapper(host, &path), source.clone()));
    let beside = path.rsplit_once('/').map_or_else(String::new, |(folder, _)| format!("{folder}/crictl.yaml"));
    let (runtime, image) = read_endpoints(host, &["/etc/crictl.yaml", &beside]);
    facts.set("crictl.runtime_endpoint", runtime);
    facts.set("crictl.image_endpoint", image);
    facts.set("crictl.path", Fact::known(path, source));
    facts
}

fn without_crictl(mut facts: Facts, present: Fact, other: &Fact) -> Facts {
    facts.set("crictl.present", present);
    for path in ["crictl.is_wrapper", "crictl.path", "crictl.runtime_endpoint", "crictl.image_endpoint"] {
        facts.set(path, other.clone());
    }
    facts
}

/// Whether `crictl` is a link to a program that has it inside: k3s, RKE2, k0s.
fn is_wrapper(host: &Host, path: &str) -> bool {
    let is_of_distribution = |target: &str| {
        let name = target.rsplit('/').next().unwrap_or(target);
        ["k3s", "rke2", "k0s"].contains(&name) || ["/rancher/", "/k0s/"].iter().any(|mark| target.contains(mark))
    };
    host.root.read_link(path).found().is_some_and(|target| is_of_distribution(&target))
        || host.root.resolve(path).found().is_some_and(|target| is_of_distribution(&target))
}

/// The endpoints of the first configuration file that exists.
fn read_endpoints(host: &Host, paths: &[&str]) -> (Fact, Fact) {
    for path in paths.iter().filter(|path| path.starts_with('/')) {
        match host.root.read_text(path) {
            Outcome::Found(text) => {
                return match document::parse_yaml(&text) {
                    Ok(documents) => {
                        let document = documents.first();
                        (endpoint(document, "runtime-endpoint", path), endpoint(document, "image-endpoint", path))
                    }
                    Err(error) => {
                        let unreadable = Fact::unreadable(Source::file(*path), format!("parse {path}: {error}"));
                        (unreadable.clone(), unreadable)
                    }
                };
            }
            Outcome::Absent => {}
            Outcome::Unreadable(reason) => {
                let unreadable = Fact::unreadable(Source::file(*path), reason);
                return (unreadable.clone(), unreadable);
            }
        }
    }
    let absent = Fact::absent(Source::file("/etc/crictl.yaml"));
    (absent.clone(), absent)
}

/// An endpoint that is set; an empty one is not.
fn endpoint(document: Option<&Node>, key: &str, path: &str) -> Fact {
    match document.and_then(|document| document.get(key)) {
        Some(node) => match node.text().filter(|text| !text.is_empty()) {
            Some(text) => Fact::known(text, Source::line(path, node.line)),
            None => Fact::absent(Source::line(path, node.line)),
        },
        None => Fact::absent(Source::file(path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str, key: &str) -> Fact {
        endpoint(document::parse_yaml(text).unwrap().first(), key, "/etc/crictl.yaml")
    }

    #[test]
    fn an_endpoint_keeps_its_line() {
        let text = "# set up by hand\nruntime-endpoint: unix:///run/containerd/containerd.sock\nimage-endpoint: \"\"\ntimeout: 10\n";
        assert_eq!(
            parsed(text, "runtime-endpoint"),
            Fact::known("unix:///run/containerd/containerd.sock", Source::line("/etc/crictl.yaml", 2))
        );
        assert_eq!(parsed(text, "image-endpoint"), Fact::absent(Source::line("/etc/crictl.yaml", 3)));
    }

    #[test]
    fn a_file_without_endpoints_sets_none() {
        assert_eq!(parsed("debug: true\n", "runtime-endpoint"), Fact::absent(Source::file("/etc/crictl.yaml")));
        assert_eq!(endpoint(None, "runtime-endpoint", "/x"), Fact::absent(Source::file("/x")));
    }
}
