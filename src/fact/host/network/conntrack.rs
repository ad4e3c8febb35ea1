//! Fill of the connection tracking table.
//!
//! Documentation/networking/nf_conntrack-sysctl.rst. `/proc/sys/net` shows
//! the network namespace of the reading process, so on the running machine it
//! counts only where that is the host's.

use super::read::{fact_of, other_namespace};
use crate::fact::catalogue::{FactDoc, Type};
use crate::fact::host::root::{HostRoot, Outcome};
use crate::fact::host::{Collector, Host};
use crate::fact::{Facts, Source};

/// Reads the table's fill.
pub(in crate::fact::host) const COLLECTOR: Collector =
    Collector { name: "conntrack", facts: FACTS, needs: &[], collect };

const FACTS: &[FactDoc] = &[
    FactDoc::new(
        "conntrack.count",
        Type::Int,
        "Connections in the tracking table. Source: `/proc/sys/net/netfilter/nf_conntrack_count`, nf_conntrack-sysctl.rst. Absent: connection \
         tracking is not loaded.",
    ),
    FactDoc::new(
        "conntrack.max",
        Type::Int,
        "The most connections that the table holds; 0 means no limit. Source: `/proc/sys/net/netfilter/nf_conntrack_max`.",
    ),
];

const FOLDER: &str = "/proc/sys/net/netfilter";

fn collect(host: &Host, _earlier: &Facts) -> Facts {
    let mut facts = Facts::default();
    for (fact, file) in [("conntrack.count", "nf_conntrack_count"), ("conntrack.max", "nf_conntrack_max")] {
        let path = format!("{FOLDER}/{file}");
        let number = match other_namespace(&host.root, &path) {
            Some(reason) => Outcome::Unreadable(reason),
            None => read_number(&host.root, &path),
        };
        facts.set(fact, fact_of(Source::line(path, 1), number));
    }
    facts
}

fn read_number(root: &HostRoot, path: &str) -> Outcome<i64> {
    match root.read_kernel_text(path) {
        Outcome::Found(text) => match text.trim().parse() {
            Ok(number) => Outcome::Found(number),
            Err(_) => Outcome::Unreadable(format!("read {path}: not a number")),
        },
        Outcome::Absent => Outcome::Absent,
        Outcome::Unreadable(reason) => Outcome::Unreadable(reason),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Instant;

    use super::*;
    use crate::fact::Fact;

    fn collected(files: &[(&str, &str)]) -> Facts {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let place = folder.path().join("proc/sys/net/netfilter").join(name);
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            fs::write(place, text).unwrap();
        }
        collect(&Host::new(HostRoot::open(folder.path()).unwrap(), Instant::now()), &Facts::default())
    }

    #[test]
    fn the_fill_of_the_table_is_read() {
        let facts = collected(&[("nf_conntrack_count", "250000\n"), ("nf_conntrack_max", "262144\n")]);
        assert_eq!((facts.int("conntrack.count"), facts.int("conntrack.max")), (Some(250_000), Some(262_144)));
    }

    #[test]
    fn a_kernel_without_the_table_has_no_fill() {
        let facts = collected(&[("nf_log_all_netns", "0\n")]);
        assert!(matches!(facts.get("conntrack.count"), Some(Fact::Absent { .. })));
    }

    #[test]
    fn what_was_not_recorded_or_is_no_number_is_unreadable() {
        assert!(matches!(collected(&[]).get("conntrack.count"), Some(Fact::Unreadable { .. })));
        let garbage = collected(&[("nf_conntrack_count", "\u{1}many")]);
        assert!(matches!(garbage.get("conntrack.count"), Some(Fact::Unreadable { .. })));
    }
}
