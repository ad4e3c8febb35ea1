//! Named network namespaces in `/run/netns`, ip-netns(8).
//!
//! `ip netns` binds namespaces there; people who want to see a container's
//! namespace link to `/proc/<pid>/ns/net` instead, and such a link outlives
//! its process.

use std::collections::BTreeMap;

use super::absence::{judged, not_recorded};
use super::root::{HostRoot, Outcome};
use super::{Collector, Host};
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::{Fact, Facts, Source, Value};

const FOLDERS: &[&str] = &["/run/netns", "/var/run/netns"];

pub(super) const COLLECTOR: Collector = Collector { name: "netns", facts: FACTS, needs: &[], collect };

const FACTS: &[FactDoc] = &[FactDoc::new(
    "netns.links",
    Type::List(&Type::Object(LINK)),
    "Symbolic links in `/run/netns`; bound namespaces are no links.",
)];

const LINK: &[Field] = &[
    Field::new("name", Type::Text, "Name of the link"),
    Field::new("target", Type::Text, "Where it points"),
    Field::new("is_stale", Type::Bool, "Its process is gone"),
];

fn collect(host: &Host, _: &Facts) -> Facts {
    let mut facts = Facts::default();
    facts.set("netns.links", read_links(host));
    facts
}

fn read_links(host: &Host) -> Fact {
    let root = &host.root;
    for folder in FOLDERS {
        match root.read_folder(folder) {
            Outcome::Found(names) => {
                let links = names.iter().filter_map(|name| link_fact(host, &format!("{folder}/{name}"), name));
                return Fact::known(links.collect::<Vec<_>>(), Source::file(*folder));
            }
            Outcome::Unreadable(reason) => return Fact::unreadable(Source::file(*folder), reason),
            Outcome::Absent => {}
        }
    }
    // Nobody named a namespace here.
    match judged::<()>(root, "/run", "/run/netns", Outcome::Absent) {
        Outcome::Unreadable(reason) => Fact::unreadable(Source::file("/run/netns"), reason),
        _ => Fact::known(Vec::new(), Source::file("/run/netns")),
    }
}

fn link_fact(host: &Host, path: &str, name: &str) -> Option<Fact> {
    let target = host.root.read_link(path).found()?;
    let source = Source::file(path);
    let is_stale = match parse_pid(&target) {
        Some(pid) => is_gone(host, pid, &source),
        None => Fact::known(false, source.clone()),
    };
    let members = BTreeMap::from([
        ("name".to_owned(), Fact::known(name, source.clone())),
        ("target".to_owned(), Fact::known(target, source.clone())),
        ("is_stale".to_owned(), is_stale),
    ]);
    Some(Fact::known(Value::Map(members), source))
}

fn is_gone(host: &Host, pid: u32, source: &Source) -> Fact {
    let root: &HostRoot = &host.root;
    if root.metadata(&format!("/proc/{pid}")).is_found() {
        return Fact::known(false, source.clone());
    }
    // A recording without processes says nothing of this one.
    if root.has_kernel_files() || host.processes().is_found() {
        Fact::known(true, source.clone())
    } else {
        Fact::unreadable(source.clone(), not_recorded(&format!("/proc/{pid}")))
    }
}

/// The process of `/proc/<pid>/ns/net`.
fn parse_pid(target: &str) -> Option<u32> {
    target.strip_prefix("/proc/")?.strip_suffix("/ns/net")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_links_to_a_process_have_one() {
        assert_eq!(parse_pid("/proc/4321/ns/net"), Some(4321));
        assert_eq!(parse_pid("/proc/self/ns/net"), None);
        assert_eq!(parse_pid("/run/docker/netns/default"), None);
    }
}
