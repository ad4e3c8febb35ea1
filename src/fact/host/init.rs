//! Whether systemd is the init system.
//!
//! On the running machine by `sd_booted(3)`, as runtimes ask it: the folder
//! `/run/systemd/system`. A recorded tree may lack `/run`, so there process 1
//! may tell too.

use super::absence::not_recorded;
use super::root::{HostRoot, Outcome};
use super::{Collector, Host};
use crate::fact::catalogue::{FactDoc, Type};
use crate::fact::{Fact, Facts, Source};

const FOLDER: &str = "/run/systemd/system";
const COMM: &str = "/proc/1/comm";

pub(super) const COLLECTOR: Collector = Collector { name: "init", facts: FACTS, needs: &[], collect };

const FACTS: &[FactDoc] = &[FactDoc::new(
    "init.is_systemd",
    Type::Bool,
    "Whether systemd is process 1. Source: `/run/systemd/system`, else `/proc/1/comm`.",
)];

fn collect(host: &Host, _: &Facts) -> Facts {
    let mut facts = Facts::default();
    facts.set("init.is_systemd", read_is_systemd(&host.root));
    facts
}

fn read_is_systemd(root: &HostRoot) -> Fact {
    let source = Source::file(FOLDER);
    match root.metadata(FOLDER) {
        Outcome::Found(_) => return Fact::known(true, source),
        Outcome::Unreadable(reason) => return Fact::unreadable(source, reason),
        Outcome::Absent if root.is_live() => return Fact::known(false, source),
        Outcome::Absent => {}
    }
    if let Outcome::Found(link) = root.read_link("/proc/1/exe") {
        return Fact::known(link.trim_end_matches(" (deleted)").ends_with("/systemd"), Source::file("/proc/1/exe"));
    }
    match root.read_text(COMM) {
        Outcome::Found(name) => Fact::known(name.trim() == "systemd", Source::line(COMM, 1)),
        _ => Fact::unreadable(source, not_recorded(FOLDER)),
    }
}
